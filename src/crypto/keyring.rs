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

use super::{mldsa::MldsaKey, passphrase, private, seal::Key, signature};

/// The key files, below the data folder.
const ENVELOPE: &str = "keys/envelope.key";
const LOG: &str = "keys/log.key";
/// The seed of the log's second key, for ML-DSA-44.
const MLDSA: &str = "keys/log-mldsa.key";
/// The keys of a log that is being renewed, until they take the others' place: the first last.
const NEXT: &str = "keys/log.key.next";
const NEXT_MLDSA: &str = "keys/log-mldsa.key.next";
/// The keys that are to follow those in use; both sign until the others are retired.
const COMING: &str = "keys/log.key.new";
const COMING_MLDSA: &str = "keys/log-mldsa.key.new";
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
    #[error("cannot read the key files under {0}: {1}")]
    Evidence(PathBuf, String),
    #[error("cannot read or write key file {path}: {source}")]
    Io { path: PathBuf, source: io::Error },
}

/// Two keys that sign the log together.
#[derive(Clone)]
pub struct LogKeys {
    /// Ed25519.
    pub log: SigningKey,
    /// ML-DSA-44; none in an installation that is older than this signature, until its server starts.
    pub mldsa: Option<MldsaKey>,
}

/// The installation's keys.
#[derive(Clone)]
pub struct Keyring {
    /// Seals everything at rest; per-purpose keys are derived from it.
    pub envelope: Key,
    /// Signs checkpoints.
    pub log: SigningKey,
    /// Signs them a second time.
    pub mldsa: Option<MldsaKey>,
    /// What is to follow `log` and `mldsa`.
    pub coming: Option<LogKeys>,
    /// The files of the key that signs evidence, by their names, as they were when this was read (`signature::files`); none of them where
    /// the keys were opened to work with.
    pub evidence: Vec<(&'static str, Zeroizing<Vec<u8>>)>,
}

impl Keyring {
    /// Opens the key files under `data`. With `create`, files that do not exist yet are made; without, their absence is an error, save for
    /// those that not every installation has.
    pub fn open(data: &Path, create: bool) -> Result<Self, KeyringError> {
        let envelope = load(&data.join(ENVELOPE), create)?;
        let log = load(&data.join(LOG), create)?;
        let mldsa = if create { Some(load(&data.join(MLDSA), true)?) } else { there(&data.join(MLDSA))? };
        let coming =
            there(&data.join(COMING))?.map(|log| -> Result<_, KeyringError> { Ok(pair(&log, there(&data.join(COMING_MLDSA))?)) }).transpose()?;
        let LogKeys { log, mldsa } = pair(&log, mldsa);
        Ok(Self { envelope: Key::from_bytes(&envelope).expect("32 bytes were read"), log, mldsa, coming, evidence: Vec::new() })
    }

    /// The same with the files of the key that signs evidence, for a backup: nobody else needs them all, and one that cannot be read keeps
    /// nobody else from working.
    pub fn open_all(data: &Path) -> Result<Self, KeyringError> {
        let evidence = signature::files::contents(data).map_err(|e| KeyringError::Evidence(data.to_owned(), e.to_string()))?;
        Ok(Self { evidence, ..Self::open(data, false)? })
    }

    /// Makes log keys in the place of lost ones: nobody trusts them, and they give way to those of the log that follows.
    pub fn stand_in(data: &Path) -> Result<(), KeyringError> {
        [LOG, MLDSA].iter().try_for_each(|name| load(&data.join(name), true).map(drop))
    }

    /// Makes the file of the second key where an older installation has none.
    pub fn make_mldsa(data: &Path) -> Result<(), KeyringError> {
        load(&data.join(MLDSA), true).map(drop)
    }

    /// Makes the files of the keys that are to follow; those that are there stay.
    pub fn make_coming(data: &Path) -> Result<LogKeys, KeyringError> {
        let mldsa = load(&data.join(COMING_MLDSA), true)?;
        Ok(pair(&load(&data.join(COMING), true)?, Some(mldsa)))
    }

    /// The keys that are to follow take the place of those in use, which are overwritten.
    pub fn adopt_coming(data: &Path) -> io::Result<()> {
        for (from, to) in [(COMING_MLDSA, MLDSA), (COMING, LOG)] {
            if data.join(from).exists() {
                let old = fs::OpenOptions::new().write(true).open(data.join(to)).ok();
                fs::rename(data.join(from), data.join(to))?;
                // Nobody reads it by its name any more. On a disk that never writes to the same place twice this is worth little.
                old.map_or(Ok(()), |mut old| old.write_all(&[b'0'; 64]).and_then(|()| old.sync_all()))?;
            }
        }
        fs::File::open(data.join(LOG).parent().unwrap_or(data))?.sync_all()
    }

    /// The log key that is to follow the one in use.
    pub fn coming(data: &Path) -> Result<Option<SigningKey>, KeyringError> {
        Ok(there(&data.join(COMING))?.map(|bytes| SigningKey::from_bytes(&bytes)))
    }

    /// The keys that can sign here, those in use first.
    pub fn pairs(&self) -> Vec<LogKeys> {
        let own = LogKeys { log: self.log.clone(), mldsa: self.mldsa.clone() };
        std::iter::once(own).chain(self.coming.clone()).collect()
    }

    /// The key files with what stands in them.
    fn files(&self) -> Vec<(&'static str, Zeroizing<[u8; 32]>)> {
        let mut files = vec![(ENVELOPE, Zeroizing::new(*self.envelope.as_bytes())), (LOG, Zeroizing::new(self.log.to_bytes()))];
        files.extend(self.mldsa.iter().map(|key| (MLDSA, Zeroizing::new(key.seed()))));
        if let Some(LogKeys { log, mldsa: Some(mldsa) }) = &self.coming {
            files.extend([(COMING, Zeroizing::new(log.to_bytes())), (COMING_MLDSA, Zeroizing::new(mldsa.seed()))]);
        }
        files
    }

    /// The keys of these files as they go into a backup: their lines, sealed under a passphrase.
    pub fn to_backup(&self, passphrase: &str) -> Vec<u8> {
        let mut lines: Zeroizing<String> = Zeroizing::new(self.files().iter().map(|(_, bytes)| format!("{}\n", hex::encode(**bytes))).collect());
        for (name, bytes) in &self.evidence {
            lines.push_str(&Zeroizing::new(format!("{name} {}\n", &*Zeroizing::new(hex::encode(&**bytes)))));
        }
        passphrase::seal(passphrase, BACKUP, lines.as_bytes())
    }

    /// What [`Keyring::to_backup`] made; `None` for another passphrase or a changed box.
    pub fn from_backup(passphrase: &str, sealed: &[u8]) -> Option<Self> {
        let lines = passphrase::open(passphrase, BACKUP, sealed).ok()?;
        let (named, plain): (Vec<&str>, Vec<&str>) = std::str::from_utf8(&lines).ok()?.lines().partition(|line| line.contains(' '));
        let mut evidence = Vec::new();
        for (name, digits) in named.iter().filter_map(|line| line.split_once(' ')) {
            // One that a later version has is of no use here.
            if let Some(name) = signature::files::ALL.into_iter().find(|known| *known == name) {
                evidence.push((name, Zeroizing::new(hex::decode(digits).ok()?)));
            }
        }
        let mut keys = plain.into_iter().map(|line| {
            let mut bytes = Zeroizing::new([0u8; 32]);
            hex::decode_to_slice(line, &mut *bytes).ok().map(|()| bytes)
        });
        let (envelope, log) = (keys.next()??, keys.next()??);
        // A backup of an older installation ends here.
        let mldsa = keys.next().flatten();
        let coming = match (keys.next().flatten(), keys.next().flatten()) {
            (Some(log), Some(mldsa)) => Some(pair(&log, Some(*mldsa))),
            _ => None,
        };
        let LogKeys { log, mldsa } = pair(&log, mldsa.map(|seed| *seed));
        Some(Self { envelope: Key::from_bytes(&*envelope)?, log, mldsa, coming, evidence })
    }

    /// Lays the key files under `data`; files that are there stay.
    pub fn lay(&self, data: &Path) -> io::Result<()> {
        for (name, bytes) in self.files() {
            let line = Zeroizing::new(format!("{}\n", hex::encode(*bytes)));
            write_private(&data.join(name), line.as_bytes())?;
        }
        self.evidence.iter().try_for_each(|(name, bytes)| write_private(&data.join(name), bytes))
    }

    /// The first key file under `data` that holds another key than this; files that are not there are none.
    ///
    /// # Errors
    /// [`KeyringError`] if one is damaged or cannot be read.
    pub fn other(&self, data: &Path) -> Result<Option<PathBuf>, KeyringError> {
        for (name, bytes) in self.files() {
            match load(&data.join(name), false) {
                Ok(laid) if !super::same(&laid, &*bytes) => return Ok(Some(data.join(name))),
                Ok(_) | Err(KeyringError::Missing(_)) => {}
                Err(e) => return Err(e),
            }
        }
        Ok(None)
    }

    /// The key files that are not under `data`; `mldsa` tells whether the installation has the second log key.
    pub fn missing(data: &Path, mldsa: bool) -> Vec<PathBuf> {
        [ENVELOPE, LOG].into_iter().chain(mldsa.then_some(MLDSA)).map(|name| data.join(name)).filter(|path| !path.exists()).collect()
    }

    /// Lays these keys of a log beside those in use, in the place of some that came to nothing.
    pub fn lay_next(&self, data: &Path) -> io::Result<()> {
        let seed = self.mldsa.as_ref().map(|key| (NEXT_MLDSA, Zeroizing::new(key.seed())));
        for (name, bytes) in seed.into_iter().chain([(NEXT, Zeroizing::new(self.log.to_bytes()))]) {
            let path = data.join(name);
            remove(&path)?;
            let line = Zeroizing::new(format!("{}\n", hex::encode(*bytes)));
            write_private(&path, line.as_bytes())?;
        }
        Ok(())
    }

    /// The log key that waits for its place.
    pub fn next(data: &Path) -> Result<Option<SigningKey>, KeyringError> {
        Ok(there(&data.join(NEXT))?.map(|bytes| SigningKey::from_bytes(&bytes)))
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

    /// The log keys that wait take the place of those in use, which are gone then, and so are those that were to follow them.
    pub fn adopt_next(data: &Path) -> io::Result<()> {
        for path in [COMING, COMING_MLDSA].map(|name| data.join(name)) {
            remove(&path)?;
        }
        match fs::rename(data.join(NEXT_MLDSA), data.join(MLDSA)) {
            // A crash came after this.
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        fs::rename(data.join(NEXT), data.join(LOG))?;
        fs::File::open(data.join(LOG).parent().unwrap_or(data))?.sync_all()
    }

    /// Fresh keys that live only in memory; for tests.
    pub fn ephemeral() -> Self {
        let LogKeys { log, mldsa } = LogKeys::fresh();
        Self { envelope: Key::fresh(), log, mldsa, coming: None, evidence: Vec::new() }
    }

    /// MACs pending events on PostgreSQL.
    pub fn pending_key(&self) -> Key {
        self.envelope.derive("pending-events")
    }

    /// MACs the head of the log.
    pub fn head_key(&self) -> Key {
        self.envelope.derive("log-head")
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

    /// Says that a search of the trail was made and recorded.
    pub fn searches_key(&self) -> Key {
        self.envelope.derive("searches-made")
    }

    /// Notices that a secret of the settings changed.
    pub fn settings_key(&self) -> Key {
        self.envelope.derive("settings-secrets")
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

impl LogKeys {
    /// Keys that nobody has had.
    pub fn fresh() -> Self {
        pair(&super::random(), Some(super::random()))
    }
}

fn pair(log: &[u8; 32], mldsa: Option<[u8; 32]>) -> LogKeys {
    LogKeys { log: SigningKey::from_bytes(log), mldsa: mldsa.map(|seed| MldsaKey::from_seed(&seed)) }
}

/// What a key file holds, if there is one.
fn there(path: &Path) -> Result<Option<[u8; 32]>, KeyringError> {
    match load(path, false) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(KeyringError::Missing(_)) => Ok(None),
        Err(e) => Err(e),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
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
