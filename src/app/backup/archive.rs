//! The ZIP around a backup: written and read entry by entry, so that neither needs the memory for a whole one.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};
use zip::{CompressionMethod, ZipArchive, ZipWriter, write::SimpleFileOptions};

use super::{
    BackupError, MAC, MANIFEST,
    manifest::{Entry, Manifest},
};

/// Bytes that are held at once while something is copied.
const CHUNK: usize = 64 << 10;
/// A manifest names its entries in some hundred bytes each; one that is longer is none.
const LONGEST: u64 = 64 << 20;

/// A backup that is being written.
pub(super) struct Writer {
    path: PathBuf,
    zip: ZipWriter<BufWriter<File>>,
    entries: Vec<Entry>,
}

/// One entry that is being written.
pub(super) struct Inside<'a> {
    zip: &'a mut ZipWriter<BufWriter<File>>,
    hash: Sha256,
    size: u64,
}

impl Write for Inside<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.zip.write_all(bytes)?;
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Writer {
    /// Writes to `file`, which is empty and lies at `path`.
    pub(super) fn new(path: &Path, file: File) -> Self {
        Self { path: path.to_owned(), zip: ZipWriter::new(BufWriter::new(file)), entries: Vec::new() }
    }

    /// Adds an entry that `fill` writes; `packed` for contents that are compressed already.
    pub(super) fn add<T>(
        &mut self,
        name: &str,
        packed: bool,
        fill: impl FnOnce(&mut Inside<'_>) -> Result<T, BackupError>,
    ) -> Result<T, BackupError> {
        let method = if packed { CompressionMethod::Stored } else { CompressionMethod::Deflated };
        let options = SimpleFileOptions::default().compression_method(method).large_file(true).unix_permissions(0o600);
        self.zip.start_file(name, options).map_err(|e| BackupError::file(&self.path)(e.into()))?;
        let mut inside = Inside { zip: &mut self.zip, hash: Sha256::new(), size: 0 };
        let done = fill(&mut inside)?;
        let (sha256, size) = (hex::encode(inside.hash.finalize()), inside.size);
        self.entries.push(Entry { name: name.to_owned(), size, sha256 });
        Ok(done)
    }

    /// [`Writer::add`] for bytes that are at hand.
    pub(super) fn put(&mut self, name: &str, bytes: &[u8]) -> Result<(), BackupError> {
        let path = self.path.clone();
        self.add(name, false, |inside| inside.write_all(bytes).map_err(BackupError::file(&path)))
    }

    /// Adds manifest and MAC and waits until all is on the disk.
    pub(super) fn finish(mut self, mut manifest: Manifest, mac: impl FnOnce(&[u8]) -> String) -> Result<Manifest, BackupError> {
        manifest.entries = std::mem::take(&mut self.entries);
        let bytes = serde_json::to_vec_pretty(&manifest).map_err(|e| BackupError::Broken(e.to_string()))?;
        self.put(MANIFEST, &bytes)?;
        self.put(MAC, format!("{}\n", mac(&bytes)).as_bytes())?;
        let failed = BackupError::file(&self.path);
        let file = self.zip.finish().map_err(|e| failed(e.into()))?;
        file.into_inner().map_err(io::IntoInnerError::into_error).and_then(|file| file.sync_all()).map_err(failed)?;
        Ok(manifest)
    }
}

/// A backup that is being read.
pub(super) struct Reader {
    zip: ZipArchive<BufReader<File>>,
}

impl Reader {
    pub(super) fn open(path: &Path) -> Result<Self, BackupError> {
        let file = File::open(path).map_err(BackupError::file(path))?;
        let zip = ZipArchive::new(BufReader::new(file)).map_err(|e| BackupError::Broken(format!("not a whole ZIP file: {e}")))?;
        Ok(Self { zip })
    }

    fn entry(&mut self, name: &str) -> Result<impl Read + '_, BackupError> {
        self.zip.by_name(name).map_err(|e| BackupError::Broken(format!("{name}: {e}")))
    }

    /// A short entry, whole.
    pub(super) fn short(&mut self, name: &str) -> Result<Vec<u8>, BackupError> {
        let mut bytes = Vec::new();
        let read = self.entry(name)?.take(LONGEST + 1).read_to_end(&mut bytes);
        read.map_err(|e| BackupError::Broken(format!("{name}: {e}")))?;
        if bytes.len() as u64 > LONGEST { Err(BackupError::Broken(format!("{name} is too long"))) } else { Ok(bytes) }
    }

    /// An entry to be read as it comes.
    pub(super) fn read<T>(&mut self, name: &str, take: impl FnOnce(BufReader<&mut dyn Read>) -> Result<T, BackupError>) -> Result<T, BackupError> {
        let mut entry = self.entry(name)?;
        take(BufReader::with_capacity(CHUNK, &mut entry))
    }

    /// Whether the archive holds what its manifest names, all of it and nothing else.
    pub(super) fn check(&mut self, manifest: &Manifest) -> Result<(), BackupError> {
        let mut named: Vec<&str> = manifest.entries.iter().map(|e| e.name.as_str()).chain([MANIFEST, MAC]).collect();
        named.sort_unstable();
        let mut there: Vec<String> = self.zip.file_names_raw().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        there.sort_unstable();
        if there != named {
            let stray = there.iter().find(|name| !named.contains(&name.as_str())).map(|name| format!("its manifest does not name {name:?}"));
            let lost = named.iter().find(|name| !there.iter().any(|t| t == *name)).map(|name| format!("{name} is not in it"));
            return Err(BackupError::Broken(stray.or(lost).unwrap_or_else(|| "an entry is in it twice".to_owned())));
        }
        for entry in &manifest.entries {
            let (mut hash, mut size) = (Sha256::new(), 0);
            let mut chunk = vec![0; CHUNK];
            let broken = |e: io::Error| BackupError::Broken(format!("{}: {e}", entry.name));
            self.read(&entry.name, |mut bytes| {
                loop {
                    match bytes.read(&mut chunk).map_err(broken)? {
                        0 => return Ok(()),
                        n => {
                            hash.update(&chunk[..n]);
                            size += n as u64;
                        }
                    }
                }
            })?;
            if size != entry.size || hex::encode(hash.finalize()) != entry.sha256 {
                return Err(BackupError::Broken(format!("{} is not what was put into it", entry.name)));
            }
        }
        Ok(())
    }
}
