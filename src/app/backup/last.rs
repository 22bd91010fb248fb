//! When the last backup was taken, how large it was, and that it could be read back: for the page of the system's state. It stands in the
//! settings, for the files lie where this program does not look.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{
    app::{App, StoreError},
    clock::Instant,
    store::{Conn, settings},
};

const TAKEN: &str = "backup.taken";
const FAILED: &str = "backup.failed";

/// A backup that was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    pub at: Instant,
    /// Of the file, in bytes.
    pub size: u64,
    /// Whether every entry was read back and had the digest that the manifest names.
    pub verified: bool,
}

/// What is known of backups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Last {
    pub taken: Option<Kept>,
    /// When one failed after that, if one did.
    pub failed: Option<Instant>,
}

/// Reads it.
pub fn read(conn: &mut Conn) -> Result<Last, StoreError> {
    let of = |text: Option<String>| text.and_then(|text| serde_json::from_str(&text).ok());
    let taken: Option<Kept> = of(settings::get(conn, TAKEN)?);
    let failed: Option<Instant> = settings::get(conn, FAILED)?.and_then(|text| text.parse().ok()).map(Instant);
    Ok(Last { failed: failed.filter(|at| taken.as_ref().is_none_or(|t| t.at < *at)), taken })
}

/// Notes how one ended; what cannot be noted is not worth a backup.
pub(super) fn note(app: &App, out: &Path, verified: Option<bool>) {
    let now = app.now();
    let (name, value) = match verified {
        None => (FAILED, now.0.to_string()),
        Some(verified) => {
            let size = out.metadata().map_or(0, |m| m.len());
            (TAKEN, serde_json::to_string(&Kept { at: now, size, verified }).unwrap_or_default())
        }
    };
    if let Err(e) = app.store.write_now(move |tx| settings::put(tx.conn, name, &value)) {
        tracing::error!(error = %e, "how the backup ended could not be noted");
    }
}
