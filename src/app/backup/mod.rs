//! Backup and restore: an installation as one file that either database can be filled from.
//!
//! A backup is a ZIP of `tables/<name>.jsonl` (`store::backup`: a line with the names of the columns, then a line a row), the sealed bundles
//! under `evidence/`, `vkey`, `checkpoint`, `keys.sealed` where it was asked for, and at its end `manifest.json` with the SHA-256 of each,
//! and `manifest.mac`, by which the installation knows its own backups again. Settings (`countermand.toml`) are not in it.

mod archive;
pub mod last;
mod manifest;
mod restore;
mod take;

use std::path::{Path, PathBuf};

pub use manifest::Manifest;
pub use restore::{Restored, Standing, Wanted, restore, resume};
pub use take::{Taken, take};

use super::StoreError;

/// Names in the archive.
const MANIFEST: &str = "manifest.json";
const MAC: &str = "manifest.mac";
const VKEY: &str = "vkey";
const CHECKPOINT: &str = "checkpoint";
const KEYS: &str = "keys.sealed";
const EVIDENCE: &str = "evidence/";

/// Why there is no backup, or nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{path}: {source}")]
    File { path: PathBuf, source: std::io::Error },
    /// The backup does not hold.
    #[error("the backup does not hold: {0}")]
    Broken(String),
    /// The log must not go on from this backup, or nobody can say whether it may.
    #[error("{0}")]
    Fork(String),
    /// Wrong use: what is missing or in the way, and what to do.
    #[error("{0}")]
    Refused(String),
}

impl BackupError {
    /// What went wrong with the file at `path`.
    fn file(path: &Path) -> impl Fn(std::io::Error) -> Self {
        move |source| Self::File { path: path.to_owned(), source }
    }
}
