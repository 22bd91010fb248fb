//! How the log's keys followed each other, in a bundle: whoever trusts one of them finds the one that signed the bundle, in
//! `data/proofs/succession.jsonl`, or in `signatures/succession.jsonl` where the keys changed after the bundle was sealed. One line a change
//! (`ledger::succession::Link`); a log that has had one key has neither file. Not here: which keys there were (`store::successions`).

use super::zip::{self, Files, Limits, ZipError};
use crate::ledger::succession::Link;

/// Below `data/`.
pub(super) const SEALED: &str = "proofs/succession.jsonl";
/// Added to a bundle after it was sealed; no manifest lists it.
pub const LATER: &str = "signatures/succession.jsonl";

/// The lines.
pub fn text(links: &[Link]) -> String {
    links.iter().map(|link| serde_json::to_string(link).expect("text and numbers have a JSON form") + "\n").collect()
}

/// Adds changes of keys to a bundle that is packed already, unless it has as many.
///
/// # Errors
/// The bytes are no bundle of ours.
pub fn add_to(bytes: &[u8], links: &[Link]) -> Result<Vec<u8>, ZipError> {
    let (folder, mut files) = zip::read(bytes, &Limits::default())?;
    let lines = |files: &Files, path: &str| files.get(path).map_or(0, |bytes| bytes.iter().filter(|b| **b == b'\n').count());
    if lines(&files, &format!("data/{SEALED}")) >= links.len() {
        return Ok(bytes.to_vec());
    }
    files.insert(LATER.to_owned(), text(links).into_bytes());
    zip::write(&folder, &files)
}
