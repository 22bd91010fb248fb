//! The container: a ZIP written the same way each time, and read as if a stranger had made it.
//!
//! Not here: what the files are ([`super::bundle`]) and whether they belong together ([`super::verify`]).

use std::{
    collections::BTreeMap,
    io::{Cursor, Read, Seek, Write},
};

use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter, write::SimpleFileOptions};

/// Files by path, slash-separated.
pub type Files = BTreeMap<String, Vec<u8>>;

/// What a reader takes at most. A bundle that is larger is refused, not half read.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub entries: usize,
    /// Bytes of one file after unpacking.
    pub file: u64,
    /// Bytes of all files after unpacking.
    pub total: u64,
}

impl Limits {
    /// For an auditor's pack of years, looked at by a program of its own: needs as much memory.
    pub const fn of_packs() -> Self {
        Self { entries: 60_000, file: 8 << 30, total: 16 << 30 }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { entries: 60_000, file: 512 << 20, total: 1 << 30 }
    }
}

/// Why bytes were refused as a container. Names are quoted with escapes: they come from a stranger.
#[derive(Debug, thiserror::Error)]
pub enum ZipError {
    #[error("not a ZIP file that can be read: {0}")]
    Broken(String),
    #[error("data that is part of no file: {0}")]
    Stray(&'static str),
    #[error("two files are called {0:?}")]
    Duplicate(String),
    #[error("the name {0:?} could leave the folder or is not plain ASCII")]
    Name(String),
    #[error("{0:?} is neither a plain file nor a folder")]
    Kind(String),
    #[error("{0:?} is called otherwise in its own header")]
    OtherName(String),
    #[error("{0:?} is described otherwise in its own header")]
    OtherHeader(String),
    #[error("{0} files or more; a bundle has fewer")]
    TooMany(usize),
    #[error("{0:?} unpacks to more than it says or than is allowed")]
    TooLarge(String),
}

/// Writes `files` under `folder/`: sorted, deflated, without times. The same files give the same bytes.
pub fn write(folder: &str, files: &Files) -> Result<Vec<u8>, ZipError> {
    let broken = |e: String| ZipError::Broken(e);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    // 1980-01-01: the earliest time that the format can say.
    let options =
        SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).last_modified_time(DateTime::default()).unix_permissions(0o644);
    for (path, bytes) in files {
        zip.start_file(format!("{folder}/{path}"), options).map_err(|e| broken(e.to_string()))?;
        zip.write_all(bytes).map_err(|e| broken(e.to_string()))?;
    }
    Ok(zip.finish().map_err(|e| broken(e.to_string()))?.into_inner())
}

/// One file of an archive of ours, without reading the others; `None` if it is not there or larger than any manifest.
pub fn one(archive: impl Read + Seek, folder: &str, path: &str) -> Option<Vec<u8>> {
    const LARGEST: u64 = 16 << 20;
    let mut archive = ZipArchive::new(archive).ok()?;
    let mut bytes = Vec::new();
    archive.by_name(&format!("{folder}/{path}")).ok()?.take(LARGEST + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= LARGEST).then_some(bytes)
}

/// Reads every file; answers the one folder they lie in and their paths below it.
pub fn read(bytes: &[u8], limits: &Limits) -> Result<(String, Files), ZipError> {
    let names = directory(bytes, limits)?;
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|e| ZipError::Broken(e.to_string()))?;
    if archive.len() != names.len() {
        return Err(ZipError::Stray("its two lists of files differ"));
    }
    let mut files = Files::new();
    let mut folder: Option<String> = None;
    let mut left = limits.total;
    for (i, name) in names.iter().enumerate() {
        let mut entry = archive.by_index(i).map_err(|e| ZipError::Broken(e.to_string()))?;
        if entry.name().ok().as_deref() != Some(name.as_str()) {
            return Err(ZipError::Stray("its two lists of files differ"));
        }
        if entry.is_symlink() || entry.encrypted() {
            return Err(ZipError::Kind(name.clone()));
        }
        let (top, path) = name.split_once('/').ok_or_else(|| ZipError::Name(name.clone()))?;
        if folder.get_or_insert_with(|| top.to_owned()) != top {
            return Err(ZipError::Name(name.clone()));
        }
        if name.ends_with('/') {
            if entry.size() != 0 {
                return Err(ZipError::Kind(name.clone()));
            }
            continue;
        }
        let allowed = limits.file.min(left);
        let mut content = Vec::new();
        entry.by_ref().take(allowed + 1).read_to_end(&mut content).map_err(|e| ZipError::Broken(format!("{name:?}: {e}")))?;
        let size = content.len() as u64;
        if size > allowed || size != entry.size() {
            return Err(ZipError::TooLarge(name.clone()));
        }
        left -= size;
        files.insert(path.to_owned(), content);
    }
    folder.map(|f| (f, files)).ok_or(ZipError::Broken("it is empty".to_owned()))
}

/// A name that stays below the folder on every system: ASCII, no backslash, no colon, no `.` or `..`, not absolute.
fn is_safe(name: &str) -> bool {
    let path = name.strip_suffix('/').unwrap_or(name);
    path.bytes().all(|b| (0x21..0x7f).contains(&b) && !matches!(b, b'\\' | b':' | b'*' | b'?' | b'"' | b'<' | b'>' | b'|'))
        && path.split('/').all(|piece| !piece.is_empty() && piece != "." && piece != "..")
        && name.len() <= 255
}

/// The names in the central directory, read here because libraries fold duplicates; checks them against the headers in front of the data.
fn directory(bytes: &[u8], limits: &Limits) -> Result<Vec<String>, ZipError> {
    let broken = || ZipError::Broken("its list of files is damaged".to_owned());
    let end = bytes.len().checked_sub(22).ok_or_else(broken)?;
    if bytes.get(end..end + 4) != Some(b"PK\x05\x06") || bytes[end + 20..] != [0, 0] {
        return Err(ZipError::Stray("it does not end with its list of files"));
    }
    let count = usize::from(u16_at(bytes, end + 10).ok_or_else(broken)?);
    let start = u32_at(bytes, end + 16).ok_or_else(broken)? as usize;
    // 0xffff and 0xffff_ffff send readers to ZIP64 records; no bundle is that large.
    if count >= limits.entries.min(0xffff) {
        return Err(ZipError::TooMany(count));
    }
    let mut names = Vec::with_capacity(count);
    let mut seen = std::collections::HashSet::new();
    let mut next = 0;
    let mut at = start;
    for _ in 0..count {
        let entry = bytes.get(at..).filter(|b| b.starts_with(b"PK\x01\x02")).ok_or_else(broken)?;
        let len = |offset| u16_at(entry, offset).map(usize::from).ok_or_else(broken);
        let (name_len, extra_len, comment_len) = (len(28)?, len(30)?, len(32)?);
        let raw = entry.get(46..46 + name_len).ok_or_else(broken)?;
        let name = String::from_utf8_lossy(raw).into_owned();
        if !is_safe(&name) {
            return Err(ZipError::Name(name));
        }
        let offset = u32_at(entry, 42).ok_or_else(broken)? as usize;
        // Overlapping files are how a small archive unpacks to a huge one: each must begin after the one before.
        if offset < next || offset >= start {
            return Err(ZipError::Stray("its files overlap"));
        }
        if offset != next {
            return Err(ZipError::Stray("between its files"));
        }
        let local = bytes.get(offset..).filter(|b| b.starts_with(b"PK\x03\x04")).ok_or_else(broken)?;
        let local_name = usize::from(u16_at(local, 26).ok_or_else(broken)?);
        if local.get(30..30 + local_name) != Some(raw) {
            return Err(ZipError::OtherName(name));
        }
        let packed = u32_at(entry, 20).ok_or_else(broken)? as usize;
        let data = offset + 30 + local_name + usize::from(u16_at(local, 28).ok_or_else(broken)?);
        next = described(bytes, entry, local, data + packed).ok_or_else(|| ZipError::OtherHeader(name.clone()))?;
        if !seen.insert(name.to_ascii_lowercase()) {
            return Err(ZipError::Duplicate(name));
        }
        names.push(name);
        at += 46 + name_len + extra_len + comment_len;
    }
    if at != end || next != start {
        return Err(ZipError::Stray("between its files and their list"));
    }
    Ok(names)
}

/// Whether a file's own header says the same of it as the list: readers that stream believe the one, others the other. Answers where the
/// file ends. `behind`: where its data ends; a writer that streamed (flag 3) says checksum and sizes only there.
fn described(bytes: &[u8], entry: &[u8], local: &[u8], behind: usize) -> Option<usize> {
    // Flags, method and time; then checksum and the two sizes, at another place in each of the two.
    if local.get(6..14)? != entry.get(8..16)? {
        return None;
    }
    let (said, listed) = (local.get(14..26)?, entry.get(16..28)?);
    if u16_at(local, 6)? & 1 << 3 == 0 {
        return (said == listed).then_some(behind);
    }
    let descriptor = bytes.get(behind..)?;
    let signature = if descriptor.starts_with(b"PK\x07\x08") { 4 } else { 0 };
    let fits = (said == [0; 12] || said == listed) && descriptor.get(signature..signature + 12)? == listed;
    fits.then_some(behind + signature + 12)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}
