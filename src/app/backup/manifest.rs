//! What a backup says of itself.

use serde::{Deserialize, Serialize};

use super::BackupError;
use crate::{
    crypto::{self, keyring::Keyring},
    ledger::checkpoint::Vkey,
};

/// The word and the number by which a reader knows what it has before it.
const FORMAT: &str = "countermand-backup";
const VERSION: u64 = 1;

/// One entry of the archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub name: String,
    /// Bytes, unpacked.
    pub size: u64,
    /// Lower-case hex.
    pub sha256: String,
}

/// `manifest.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: String,
    pub v: u64,
    /// UUIDv7; names the backup in the audit trail.
    pub id: String,
    /// The version of the program that made it.
    pub program: String,
    /// Versions of the migrations that its tables have gone through.
    pub migrations: Vec<String>,
    /// `sqlite` or `postgres`: where the rows came from.
    pub database: String,
    /// RFC 3339.
    pub taken_at: String,
    pub origin: String,
    /// Who signs the log.
    pub vkey: String,
    /// Who signs it a second time.
    #[serde(default)]
    pub mldsa: Option<String>,
    /// Events in the tree.
    pub size: u64,
    /// Hex.
    pub root: String,
    /// Whether the installation's keys are in it, sealed under a passphrase.
    pub keys: bool,
    pub entries: Vec<Entry>,
    /// Sealed bundles that the installation knows of, and that were not there or not as they were sealed.
    pub missing: Vec<String>,
}

impl Manifest {
    /// The head of a manifest of this version; its caller fills in what it finds.
    pub fn new(id: String, taken_at: String, database: &str, vkey: &Vkey, migrations: Vec<String>) -> Self {
        Self {
            format: FORMAT.to_owned(),
            v: VERSION,
            id,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            migrations,
            database: database.to_owned(),
            taken_at,
            origin: vkey.name().to_owned(),
            vkey: vkey.to_string(),
            mldsa: None,
            size: 0,
            root: String::new(),
            keys: false,
            entries: Vec::new(),
            missing: Vec::new(),
        }
    }

    /// Reads `manifest.json`.
    ///
    /// # Errors
    /// It is none, or of a version that this program does not know; its tables are of another version of the program.
    pub fn parse(bytes: &[u8], migrations: &[String]) -> Result<Self, BackupError> {
        #[derive(Deserialize)]
        struct Kind {
            format: String,
            v: u64,
        }
        let none = |_| BackupError::Broken("its manifest cannot be read".to_owned());
        let kind: Kind = serde_json::from_slice(bytes).map_err(none)?;
        if kind.format != FORMAT || kind.v != VERSION {
            return Err(BackupError::Refused(format!("{} of version {} is not a backup that this program can read", kind.format, kind.v)));
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(none)?;
        if manifest.migrations != migrations {
            return Err(BackupError::Refused(format!(
                "the backup was made by version {} with other tables; restore it with that version, then start this one on it",
                manifest.program
            )));
        }
        Ok(manifest)
    }

    /// What `manifest.mac` holds for these bytes of `manifest.json`.
    pub fn mac(bytes: &[u8], keys: &Keyring) -> String {
        hex::encode(crypto::hmac_sha256(keys.backup_key().as_bytes(), bytes))
    }
}
