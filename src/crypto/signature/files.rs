//! Where an installation keeps the key that signs its evidence: files under `<data>/keys`, mode 0600, also where the database is PostgreSQL.
//! The key and its certificates lie in one file, so that one cannot be there without the other. A new key waits in a file of its own until
//! its certificate is there; certificates that were replaced are kept, for what they signed.
//!
//! The database names the certificate in use (`app::evidence::signing`): the files of the next one are on disk before that, and take their
//! place after it.

use std::{fs, io, path::Path};

use zeroize::Zeroizing;

use super::{BadChain, BadKey, Chain, FileKey, NoSignature, Signer};
use crate::crypto::{keyring::write_private, private, timestamp::Roots};

const IN_USE: &str = "keys/evidence.pem";
const NEXT: &str = "keys/evidence.pem.next";
/// Made, and not yet certified.
const REQUESTED: &str = "keys/evidence.key.new";
/// Chains that were replaced, one after the other; nothing secret.
const FORMER: &str = "keys/evidence-former.pem";
/// What a backup with keys takes along.
pub const ALL: [&str; 4] = [IN_USE, NEXT, REQUESTED, FORMER];

/// Why a file of the evidence key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("{0}: {1}")]
    Io(&'static str, io::Error),
    #[error("{0}: {1}")]
    Key(&'static str, BadKey),
    #[error("{0}: {1}")]
    Chain(&'static str, BadChain),
    #[error(transparent)]
    Made(#[from] NoSignature),
}

/// A key with its certificates.
#[derive(Debug)]
pub struct Certified {
    pub key: FileKey,
    pub chain: Chain,
}

fn read(data: &Path, name: &'static str) -> Result<Option<Zeroizing<String>>, FileError> {
    match fs::read_to_string(data.join(name)) {
        Ok(text) => Ok(Some(Zeroizing::new(text))),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(FileError::Io(name, e)),
    }
}

fn certified(data: &Path, name: &'static str) -> Result<Option<Certified>, FileError> {
    let Some(text) = read(data, name)? else { return Ok(None) };
    let key = FileKey::from_pem(&text).map_err(|e| FileError::Key(name, e))?;
    let chain = Chain::from_pem(&text).map_err(|e| FileError::Chain(name, e))?;
    if chain.is_of(&key) { Ok(Some(Certified { key, chain })) } else { Err(FileError::Chain(name, BadChain::OtherKey)) }
}

/// The key that signs, with its certificates.
///
/// # Errors
/// [`FileError`].
pub fn in_use(data: &Path) -> Result<Option<Certified>, FileError> {
    certified(data, IN_USE)
}

/// The one that is to take its place.
///
/// # Errors
/// [`FileError`].
pub fn next(data: &Path) -> Result<Option<Certified>, FileError> {
    certified(data, NEXT)
}

/// The key that waits for its certificate.
///
/// # Errors
/// [`FileError`].
pub fn requested(data: &Path) -> Result<Option<FileKey>, FileError> {
    let text = read(data, REQUESTED)?;
    text.map(|text| FileKey::from_pem(&text).map_err(|e| FileError::Key(REQUESTED, e))).transpose()
}

/// The same, made where there is none.
///
/// # Errors
/// [`FileError`].
pub fn make_requested(data: &Path) -> Result<FileKey, FileError> {
    if let Some(key) = requested(data)? {
        return Ok(key);
    }
    let made = FileKey::fresh()?;
    write_private(&data.join(REQUESTED), made.to_pem().as_bytes()).map_err(|e| FileError::Io(REQUESTED, e))?;
    // Another process may have made it first: its file stands.
    Ok(requested(data)?.unwrap_or(made))
}

/// Lays a key with its certificates beside those in use.
///
/// # Errors
/// [`FileError::Io`].
pub fn lay_next(data: &Path, key: &FileKey, chain: &Chain) -> Result<(), FileError> {
    let text = Zeroizing::new(format!("{}{}", key.to_pem().as_str(), chain.pem()));
    private::replace(&data.join(NEXT), text.as_bytes()).map_err(|e| FileError::Io(NEXT, e))
}

/// Puts what was laid into its place; the certificates that were there are kept, their key is not. A request for the same key is done.
///
/// # Errors
/// [`FileError`].
pub fn adopt_next(data: &Path) -> Result<(), FileError> {
    let Some(next) = next(data)? else { return Ok(()) };
    if let Some(before) = in_use(data)?.filter(|before| before.chain != next.chain) {
        let former = read(data, FORMER)?.map(|text| text.to_string()).unwrap_or_default();
        if !former.contains(&before.chain.signer_pem()) {
            private::replace(&data.join(FORMER), (former + &before.chain.pem()).as_bytes()).map_err(|e| FileError::Io(FORMER, e))?;
        }
    }
    let moved = unless_done(fs::rename(data.join(NEXT), data.join(IN_USE))).and_then(|()| fs::File::open(data.join("keys"))?.sync_all());
    moved.map_err(|e| FileError::Io(IN_USE, e))?;
    if requested(data)?.is_some_and(|key| key.public_key() == next.key.public_key()) {
        unless_done(fs::remove_file(data.join(REQUESTED))).map_err(|e| FileError::Io(REQUESTED, e))?;
    }
    Ok(())
}

/// Another process may do the same at the same time; what it has done is done.
fn unless_done(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// The roots of the certificate in use and of those before it; what cannot be read is left out.
pub fn roots(data: &Path) -> Roots {
    let mut all = Roots::default();
    for name in [IN_USE, NEXT, FORMER] {
        let text = read(data, name).ok().flatten();
        if let Some(roots) = text.and_then(|text| Roots::from_pem(&text).ok()) {
            all.extend(&roots);
        }
    }
    all
}

/// The files that are there, as they are.
///
/// # Errors
/// If one cannot be read.
pub fn contents(data: &Path) -> Result<Vec<(&'static str, Zeroizing<Vec<u8>>)>, FileError> {
    let found = ALL.into_iter().filter_map(|name| read(data, name).map(|text| Some((name, Zeroizing::new(text?.as_bytes().to_vec())))).transpose());
    found.collect()
}
