//! Where an installation keeps the key that signs its evidence: files under `<data>/keys`, mode 0600, also where the database is PostgreSQL.
//! Of a key in a token they hold the line that names it ([`super::pkcs11::Reference`]) in the key's place.
//! The key and its certificates lie in one file, so that one cannot be there without the other. A new key waits in a file of its own until
//! its certificate is there; certificates that were replaced are kept, for what they signed.
//!
//! The database names the certificate in use (`app::evidence::signing`): the files of the next one are on disk before that, and take their
//! place after it.

use std::{fs, io, path::Path};

use zeroize::Zeroizing;

use super::{
    BadChain, BadKey, Chain, EvidenceKey, FileKey, NoSignature, Signer, Suite,
    pkcs11::{Access, ModuleKey, Reference},
};
use crate::crypto::{keyring::write_private, private, timestamp::Roots};

/// The files of one suite.
struct Names {
    in_use: &'static str,
    next: &'static str,
    /// Made, and not yet certified.
    requested: &'static str,
    /// Chains that were replaced, one after the other; nothing secret.
    former: &'static str,
}

const STANDARD: Names =
    Names { in_use: "keys/evidence.pem", next: "keys/evidence.pem.next", requested: "keys/evidence.key.new", former: "keys/evidence-former.pem" };
const SM2: Names = Names {
    in_use: "keys/evidence-sm2.pem",
    next: "keys/evidence-sm2.pem.next",
    requested: "keys/evidence-sm2.key.new",
    former: "keys/evidence-sm2-former.pem",
};
/// What a backup with keys takes along.
pub const ALL: [&str; 8] = [STANDARD.in_use, STANDARD.next, STANDARD.requested, STANDARD.former, SM2.in_use, SM2.next, SM2.requested, SM2.former];

const fn names(suite: Suite) -> &'static Names {
    match suite {
        Suite::Standard => &STANDARD,
        Suite::Sm2 => &SM2,
    }
}

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
    pub key: EvidenceKey,
    pub chain: Chain,
}

/// A key that waits for its certificate.
pub enum Requested {
    File(FileKey),
    /// It lies in a token.
    Module(Reference),
}

fn read(data: &Path, name: &'static str) -> Result<Option<Zeroizing<String>>, FileError> {
    match fs::read_to_string(data.join(name)) {
        Ok(text) => Ok(Some(Zeroizing::new(text))),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(FileError::Io(name, e)),
    }
}

fn certified(data: &Path, name: &'static str, access: Option<&Access>) -> Result<Option<Certified>, FileError> {
    let Some(text) = read(data, name)? else { return Ok(None) };
    let chain = || Chain::from_pem(&text).map_err(|e| FileError::Chain(name, e));
    if let Some(reference) = Reference::in_text(&text) {
        let chain = chain()?;
        // That the token's key is of this certificate is found out where it is asked to sign.
        let public = chain.signer().tbs_certificate.subject_public_key_info.clone();
        return Ok(Some(Certified { key: ModuleKey::known(reference, public, access.cloned()).into(), chain }));
    }
    let key = EvidenceKey::from(FileKey::from_pem(&text).map_err(|e| FileError::Key(name, e))?);
    let chain = chain()?;
    if chain.is_of(&key) { Ok(Some(Certified { key, chain })) } else { Err(FileError::Chain(name, BadChain::OtherKey)) }
}

/// The key that signs, with its certificates; `access`: the module that the settings name, for a key that lies in one.
///
/// # Errors
/// [`FileError`].
pub fn in_use(data: &Path, suite: Suite, access: Option<&Access>) -> Result<Option<Certified>, FileError> {
    certified(data, names(suite).in_use, access)
}

/// The one that is to take its place.
///
/// # Errors
/// [`FileError`].
pub fn next(data: &Path, suite: Suite) -> Result<Option<Certified>, FileError> {
    certified(data, names(suite).next, None)
}

/// The key that waits for its certificate.
///
/// # Errors
/// [`FileError`].
pub fn requested(data: &Path, suite: Suite) -> Result<Option<Requested>, FileError> {
    let name = names(suite).requested;
    let Some(text) = read(data, name)? else { return Ok(None) };
    if let Some(reference) = Reference::in_text(&text) {
        return Ok(Some(Requested::Module(reference)));
    }
    FileKey::from_pem(&text).map(|key| Some(Requested::File(key))).map_err(|e| FileError::Key(name, e))
}

/// Keeps what waits under another name: the request that went out for it may still be answered.
fn set_aside(data: &Path, name: &'static str) -> Result<(), FileError> {
    private::aside(&[data.join(name)]).map(drop).map_err(|e| FileError::Io(name, e))
}

/// Notes that a key in a token waits for its certificate. A key that waited in a file is kept under another name.
///
/// # Errors
/// [`FileError`].
pub fn note_requested(data: &Path, suite: Suite, reference: &Reference) -> Result<(), FileError> {
    let name = names(suite).requested;
    match requested(data, suite)? {
        Some(Requested::Module(waiting)) if waiting == *reference => return Ok(()),
        Some(Requested::File(_)) => set_aside(data, name)?,
        Some(Requested::Module(_)) | None => {}
    }
    private::replace(&data.join(name), format!("{reference}\n").as_bytes()).map_err(|e| FileError::Io(name, e))
}

/// A key in a file that waits, made where there is none.
///
/// # Errors
/// [`FileError`].
pub fn make_requested(data: &Path, suite: Suite) -> Result<FileKey, FileError> {
    let name = names(suite).requested;
    match requested(data, suite)? {
        Some(Requested::File(key)) => return Ok(key),
        Some(Requested::Module(_)) => set_aside(data, name)?,
        None => {}
    }
    let made = FileKey::fresh_of(suite)?;
    write_private(&data.join(name), made.to_pem().as_bytes()).map_err(|e| FileError::Io(name, e))?;
    // Another process may have made it first: its file stands.
    Ok(match requested(data, suite)? {
        Some(Requested::File(key)) => key,
        _ => made,
    })
}

/// Lays a key with its certificates beside those in use.
///
/// # Errors
/// [`FileError::Io`].
pub fn lay_next(data: &Path, suite: Suite, key: &EvidenceKey, chain: &Chain) -> Result<(), FileError> {
    let text = Zeroizing::new(format!("{}{}", key.kept().as_str(), chain.pem()));
    let name = names(suite).next;
    private::replace(&data.join(name), text.as_bytes()).map_err(|e| FileError::Io(name, e))
}

/// Puts what was laid into its place; the certificates that were there are kept, their key is not. A request for the same key is done.
///
/// # Errors
/// [`FileError`].
pub fn adopt_next(data: &Path, suite: Suite) -> Result<(), FileError> {
    let of = names(suite);
    let Some(next) = next(data, suite)? else { return Ok(()) };
    if let Some(before) = in_use(data, suite, None)?.filter(|before| before.chain != next.chain) {
        let former = read(data, of.former)?.map(|text| text.to_string()).unwrap_or_default();
        if !former.contains(&before.chain.signer_pem()) {
            private::replace(&data.join(of.former), (former + &before.chain.pem()).as_bytes()).map_err(|e| FileError::Io(of.former, e))?;
        }
    }
    let moved = unless_done(fs::rename(data.join(of.next), data.join(of.in_use))).and_then(|()| fs::File::open(data.join("keys"))?.sync_all());
    moved.map_err(|e| FileError::Io(of.in_use, e))?;
    let done = match (requested(data, suite)?, &next.key) {
        (Some(Requested::File(key)), next) => key.public_key() == next.public_key(),
        (Some(Requested::Module(waiting)), EvidenceKey::Module(key)) => waiting.is(key.reference()),
        _ => false,
    };
    if done {
        unless_done(fs::remove_file(data.join(of.requested))).map_err(|e| FileError::Io(of.requested, e))?;
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
    for name in Suite::ALL.iter().map(|suite| names(*suite)).flat_map(|of| [of.in_use, of.next, of.former]) {
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
