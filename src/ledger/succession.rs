//! Which key follows which: a log names the keys that are to sign it in a leaf of its own (`key.announced`), which the keys before them
//! sign, and ends a key's time in another (`key.retired`). So whoever trusts the old key finds the new one in what the old one signed.
//!
//! A leaf names keys by their hash, for it is never erased and the keys themselves are kept beside the log. Not here: files and rows
//! (`store::keys`).

use sha2::{Digest, Sha256};

/// The subject's kind in those leaves.
pub const KIND: &str = "log_key";
pub const ANNOUNCED: &str = "key.announced";
pub const RETIRED: &str = "key.retired";

/// The subject's id: hex SHA-256 of the verifier keys that sign together, one a line, Ed25519 before ML-DSA-44.
pub fn id(vkey: &str, mldsa: Option<&str>) -> String {
    let lines: String = std::iter::once(vkey).chain(mldsa).map(|key| format!("{key}\n")).collect();
    hex::encode(Sha256::digest(lines))
}
