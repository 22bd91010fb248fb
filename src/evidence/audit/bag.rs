//! A BagIt 1.0 bag (RFC 8493) in a ZIP, written file after file as they come: what is not yet written need not fit in memory. The same
//! files give the same bytes. Manifests come last, when every hash is known.

use std::{
    collections::BTreeMap,
    io::{self, Seek, Write},
};

use ed25519_dalek::{Signer, SigningKey};
use sha2::{Digest, Sha256, Sha512};
use zip::{CompressionMethod, DateTime, ZipWriter, result::ZipError, write::SimpleFileOptions};

use crate::evidence::bundle::{ROOT_MANIFEST, SIGNATURE};

/// Length and hashes of a file, hex.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub bytes: u64,
    pub sha256: String,
    pub sha512: String,
}

/// A bag in the making.
pub struct Bag<W: Write + Seek> {
    zip: ZipWriter<W>,
    folder: String,
    /// Path below `data/` -> what was written there.
    data: BTreeMap<String, Listed>,
    open: Option<(String, u64, Sha256, Sha512)>,
}

/// What `bag-info.txt` says.
pub struct Info<'a> {
    pub organisation: &'a str,
    pub number: &'a str,
    /// `2026-11-22`.
    pub date: &'a str,
    pub description: &'a str,
}

fn failed(error: ZipError) -> io::Error {
    match error {
        ZipError::Io(e) => e,
        other => io::Error::other(other),
    }
}

/// BagIt's values are one line each.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

impl<W: Write + Seek> Bag<W> {
    /// Begins a bag whose files lie below `folder/`.
    pub fn new(out: W, folder: &str) -> Self {
        Self { zip: ZipWriter::new(out), folder: folder.to_owned(), data: BTreeMap::new(), open: None }
    }

    fn start(&mut self, path: &str) -> io::Result<()> {
        // 1980-01-01: the earliest time that the format can say.
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(DateTime::default())
            .unix_permissions(0o644);
        self.zip.start_file(format!("{}/{path}", self.folder), options).map_err(failed)
    }

    /// Begins a file below `data/`, and ends the one before; what is written to the bag goes into it.
    pub fn begin(&mut self, path: &str) -> io::Result<()> {
        self.end();
        self.start(&format!("data/{path}"))?;
        self.open = Some((path.to_owned(), 0, Sha256::new(), Sha512::new()));
        Ok(())
    }

    fn end(&mut self) {
        if let Some((path, bytes, sha256, sha512)) = self.open.take() {
            let listed = Listed { bytes, sha256: hex::encode(sha256.finalize()), sha512: hex::encode(sha512.finalize()) };
            self.data.insert(path, listed);
        }
    }

    /// A whole file below `data/`.
    pub fn put(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.begin(path)?;
        self.write_all(bytes)
    }

    /// A file that was written.
    pub fn listed(&mut self, path: &str) -> Option<Listed> {
        self.end();
        self.data.get(path).cloned()
    }

    /// Bytes of the files below `data/` so far.
    pub fn octets(&mut self) -> u64 {
        self.end();
        self.data.values().map(|l| l.bytes).sum()
    }

    /// Ends the bag: its own files, the root manifest and the log's signature over it.
    pub fn finish(mut self, info: &Info<'_>, pem: &str, key: &SigningKey) -> io::Result<W> {
        let octets = self.octets();
        let lines = |hash: fn(&Listed) -> &str| self.data.iter().map(|(path, l)| format!("{}  data/{path}\n", hash(l))).collect::<String>();
        let (payload256, payload512) = (lines(|l| &l.sha256), lines(|l| &l.sha512));
        let info = format!(
            "Source-Organization: {}\nExternal-Identifier: {}\nBagging-Date: {}\nPayload-Oxum: {octets}.{}\nBag-Software-Agent: Countermand {}\nInternal-Sender-Description: {}\n",
            one_line(info.organisation),
            info.number,
            info.date,
            self.data.len(),
            env!("CARGO_PKG_VERSION"),
            one_line(info.description),
        );
        let tags = BTreeMap::from([
            ("bag-info.txt", info),
            ("bagit.txt", "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n".to_owned()),
            ("manifest-sha256.txt", payload256),
            ("manifest-sha512.txt", payload512),
            ("trust/log-ed25519.pub.pem", pem.to_owned()),
        ]);
        let root: String = tags.iter().map(|(path, text)| format!("{}  {path}\n", hex::encode(Sha256::digest(text)))).collect();
        let signature = key.sign(root.as_bytes()).to_bytes();
        let own = tags.iter().map(|(path, text)| (*path, text.as_bytes()));
        for (path, bytes) in own.chain([(ROOT_MANIFEST, root.as_bytes()), (SIGNATURE, &signature[..])]) {
            self.start(path)?;
            self.zip.write_all(bytes)?;
        }
        self.zip.finish().map_err(failed)
    }
}

impl<W: Write + Seek> Write for Bag<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some((_, length, sha256, sha512)) = &mut self.open else { return Err(io::Error::other("no file of the bag is open")) };
        self.zip.write_all(bytes)?;
        sha256.update(bytes);
        sha512.update(bytes);
        *length += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.zip.flush()
    }
}
