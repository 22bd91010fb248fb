//! The key files of an installation, under `<data>/keys`, mode 0600, also where the database is PostgreSQL.
//!
//! They are on disk (written, flushed, renamed) before the row that names them, and never made anew for a database that has rows:
//! a missing or other key refuses the start (see `store::Store::open`).

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};

use ed25519_dalek::SigningKey;

use super::{private, seal::Key};

/// Which key file is missing or damaged, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    #[error("key file {0} is missing, but the database belongs to an installation that has one; put it back from your backup")]
    Missing(PathBuf),
    #[error("key file {0} is damaged: it must hold 64 hexadecimal digits")]
    Damaged(PathBuf),
    #[error("cannot read or write key file {path}: {source}")]
    Io { path: PathBuf, source: io::Error },
}

/// The installation's keys.
#[derive(Clone)]
pub struct Keyring {
    /// Seals everything at rest; per-purpose keys are derived from it.
    pub envelope: Key,
    /// Signs checkpoints.
    pub log: SigningKey,
}

impl Keyring {
    /// Opens the key files under `data`. With `create`, files that do not exist yet are made; without, their absence is an error.
    pub fn open(data: &Path, create: bool) -> Result<Self, KeyringError> {
        let envelope = load(&data.join("keys/envelope.key"), create)?;
        let log = load(&data.join("keys/log.key"), create)?;
        Ok(Self { envelope: Key::from_bytes(&envelope).expect("32 bytes were read"), log: SigningKey::from_bytes(&log) })
    }

    /// Fresh keys that live only in memory; for tests.
    pub fn ephemeral() -> Self {
        Self { envelope: Key::fresh(), log: SigningKey::from_bytes(&super::random()) }
    }

    /// MACs pending events on PostgreSQL.
    pub fn pending_key(&self) -> Key {
        self.envelope.derive("pending-events")
    }

    /// What a database remembers of its envelope key, so that another one is found out before anything is sealed with it. Tells nothing of it.
    pub fn envelope_proof(&self) -> String {
        hex::encode(self.envelope.derive("envelope-proof").as_bytes())
    }

    /// Seals audit parts.
    pub fn parts_key(&self) -> Key {
        self.envelope.derive("audit-parts")
    }

    /// Signs the device cookie and fingerprints devices.
    pub fn device_key(&self) -> Key {
        self.envelope.derive("devices")
    }
}

/// A signing key in a file of its own, made on first use; for who signs without an installation.
///
/// # Errors
/// [`KeyringError`] if it is damaged or cannot be read or written.
pub fn single(path: &Path) -> Result<SigningKey, KeyringError> {
    Ok(SigningKey::from_bytes(&load(path, true)?))
}

fn load(path: &Path, create: bool) -> Result<[u8; 32], KeyringError> {
    let io = |source| KeyringError::Io { path: path.to_owned(), source };
    match fs::read_to_string(path) {
        Ok(text) => {
            let mut bytes = [0u8; 32];
            hex::decode_to_slice(text.trim(), &mut bytes).map_err(|_| KeyringError::Damaged(path.to_owned()))?;
            Ok(bytes)
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound && create => {
            let bytes: [u8; 32] = super::random();
            write_private(path, format!("{}\n", hex::encode(bytes)).as_bytes()).map_err(io)?;
            // Another process may have made it first: its file stands.
            load(path, false)
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => Err(KeyringError::Missing(path.to_owned())),
        Err(e) => Err(io(e)),
    }
}

/// Writes `bytes` so that only the owner reads them and a crash leaves the whole file or none; an existing file is left alone.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    private::folder(folder)?;
    let draft = path.with_extension(format!("draft-{}", hex::encode(super::random::<6>())));
    let mut file = private::new_file(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
        _ => {}
    }
    fs::File::open(folder)?.sync_all()
}
