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
use zeroize::Zeroizing;

use super::{passphrase, private, seal::Key};

/// The key files, below the data folder.
const ENVELOPE: &str = "keys/envelope.key";
const LOG: &str = "keys/log.key";
/// The key of a log that is being renewed, until it takes the other's place.
const NEXT: &str = "keys/log.key.next";
/// Verifier keys of logs that have ended; nothing secret.
const FORMER: &str = "keys/former";
/// What binds sealed keys to being a backup's.
const BACKUP: &str = "backup/keys";

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
        let envelope = load(&data.join(ENVELOPE), create)?;
        let log = load(&data.join(LOG), create)?;
        Ok(Self { envelope: Key::from_bytes(&envelope).expect("32 bytes were read"), log: SigningKey::from_bytes(&log) })
    }

    /// The keys of these files as they go into a backup: their lines, sealed under a passphrase.
    pub fn to_backup(&self, passphrase: &str) -> Vec<u8> {
        let lines = Zeroizing::new(format!("{}\n{}\n", hex::encode(self.envelope.as_bytes()), hex::encode(self.log.as_bytes())));
        passphrase::seal(passphrase, BACKUP, lines.as_bytes())
    }

    /// What [`Keyring::to_backup`] made; `None` for another passphrase or a changed box.
    pub fn from_backup(passphrase: &str, sealed: &[u8]) -> Option<Self> {
        let lines = passphrase::open(passphrase, BACKUP, sealed).ok()?;
        let mut keys = std::str::from_utf8(&lines).ok()?.lines().map(|line| {
            let mut bytes = Zeroizing::new([0u8; 32]);
            hex::decode_to_slice(line, &mut *bytes).ok().map(|()| bytes)
        });
        let (envelope, log) = (keys.next()??, keys.next()??);
        Some(Self { envelope: Key::from_bytes(&*envelope)?, log: SigningKey::from_bytes(&log) })
    }

    /// Lays the key files under `data`; files that are there stay.
    pub fn lay(&self, data: &Path) -> io::Result<()> {
        for (name, bytes) in [(ENVELOPE, self.envelope.as_bytes()), (LOG, self.log.as_bytes())] {
            let line = Zeroizing::new(format!("{}\n", hex::encode(bytes)));
            write_private(&data.join(name), line.as_bytes())?;
        }
        Ok(())
    }

    /// The first key file under `data` that holds another key than this; files that are not there are none.
    ///
    /// # Errors
    /// [`KeyringError`] if one is damaged or cannot be read.
    pub fn other(&self, data: &Path) -> Result<Option<PathBuf>, KeyringError> {
        for (name, bytes) in [(ENVELOPE, self.envelope.as_bytes()), (LOG, self.log.as_bytes())] {
            match load(&data.join(name), false) {
                Ok(laid) if !super::same(&laid, bytes) => return Ok(Some(data.join(name))),
                Ok(_) | Err(KeyringError::Missing(_)) => {}
                Err(e) => return Err(e),
            }
        }
        Ok(None)
    }

    /// The key files that are not under `data`.
    pub fn missing(data: &Path) -> Vec<PathBuf> {
        [ENVELOPE, LOG].into_iter().map(|name| data.join(name)).filter(|path| !path.exists()).collect()
    }

    /// Lays this log key beside the one in use, in the place of one that came to nothing.
    pub fn lay_next(&self, data: &Path) -> io::Result<()> {
        let path = data.join(NEXT);
        match fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let line = Zeroizing::new(format!("{}\n", hex::encode(self.log.as_bytes())));
        write_private(&path, line.as_bytes())
    }

    /// The log key that waits for its place.
    pub fn next(data: &Path) -> Result<Option<SigningKey>, KeyringError> {
        match load(&data.join(NEXT), false) {
            Ok(bytes) => Ok(Some(SigningKey::from_bytes(&bytes))),
            Err(KeyringError::Missing(_)) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Remembers the verifier key of a log that has ended, one a line.
    pub fn keep_former(data: &Path, vkey: &str) -> io::Result<()> {
        let path = data.join(FORMER);
        let mut lines = match fs::read_to_string(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => String::new(),
            other => other?,
        };
        if lines.lines().any(|line| line == vkey) {
            return Ok(());
        }
        lines.push_str(&format!("{vkey}\n"));
        private::replace(&path, lines.as_bytes())
    }

    /// The verifier keys of logs that have ended, as they were kept.
    pub fn former(data: &Path) -> Vec<String> {
        fs::read_to_string(data.join(FORMER)).map(|lines| lines.lines().map(ToOwned::to_owned).collect()).unwrap_or_default()
    }

    /// The log key that waits takes the place of the one in use, which is gone then.
    pub fn adopt_next(data: &Path) -> io::Result<()> {
        fs::rename(data.join(NEXT), data.join(LOG))?;
        fs::File::open(data.join(LOG).parent().unwrap_or(data))?.sync_all()
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

    /// Wraps the keys that seal audit parts.
    pub fn wrapping_key(&self) -> Key {
        self.envelope.derive("audit-part-keys")
    }

    /// Opens audit parts that were sealed before each month had its own key.
    pub fn parts_key(&self) -> Key {
        self.envelope.derive("audit-parts")
    }

    /// Marks the words of the trail, so that they are found without being written down.
    pub fn words_key(&self) -> Key {
        self.envelope.derive("search-words")
    }

    /// Says that a backup was made by this installation.
    pub fn backup_key(&self) -> Key {
        self.envelope.derive("backup-manifest")
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
