//! Entry bundles: up to 256 entries in one file, each behind its length in two bytes (C2SP tlog-tiles).

use super::tile::WIDTH;

/// Why entries are no bundle, or bytes are none.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BundleError {
    #[error("entry {position} of the bundle has {len} bytes; the limit is 65,535")]
    TooLong { position: usize, len: usize },
    #[error("a bundle of {0} entries; it holds 1 to 256")]
    Count(usize),
    #[error("the bundle ends inside entry {0}")]
    Truncated(usize),
}

/// 1 to 256 entries of at most 65,535 bytes each.
pub fn encode_bundle<E: AsRef<[u8]>>(entries: &[E]) -> Result<Vec<u8>, BundleError> {
    if !(1..=WIDTH).contains(&entries.len()) {
        return Err(BundleError::Count(entries.len()));
    }
    let mut bytes = Vec::with_capacity(entries.iter().map(|entry| 2 + entry.as_ref().len()).sum());
    for (position, entry) in entries.iter().map(AsRef::as_ref).enumerate() {
        let len = u16::try_from(entry.len()).map_err(|_| BundleError::TooLong { position, len: entry.len() })?;
        bytes.extend(len.to_be_bytes());
        bytes.extend(entry);
    }
    Ok(bytes)
}

/// The entries of a bundle, to its last byte. Whether their number is the expected one is for the caller to see.
pub fn decode_bundle(mut bytes: &[u8]) -> Result<Vec<&[u8]>, BundleError> {
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        let cut = BundleError::Truncated(entries.len());
        let Some((len, rest)) = bytes.split_first_chunk() else { return Err(cut) };
        let Some((entry, rest)) = rest.split_at_checked(u16::from_be_bytes(*len).into()) else { return Err(cut) };
        entries.push(entry);
        bytes = rest;
    }
    if (1..=WIDTH).contains(&entries.len()) { Ok(entries) } else { Err(BundleError::Count(entries.len())) }
}
