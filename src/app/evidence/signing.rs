//! The key and the certificate that sign evidence: a key is made and a certificate asked for ([`request`]), the certificate is taken in
//! ([`import`]), and later another one in its place. The certificate in use is named in the database; key and certificates lie in files
//! below the data folder (`crypto::signature::files`), so that a node whose files are behind is found out; the key may lie in a token behind a
//! PKCS#11 module instead. There is one of each suite: the profile "gm" has a second signature, by SM2, whose key lies in a file. Not here: the signature (`crypto::signature`), the bundle (`evidence::certificate`,
//! `evidence::gm`).

use std::{path::Path, sync::Arc};

use serde_json::json;
use zeroize::Zeroizing;

use super::{App, AppError, AppResult, Caller, Done, StoreError, expiry};
use crate::{
    app::{FieldError, revocation},
    clock::Instant,
    config::Profile,
    crypto::{
        signature::{
            BadChain, Certified, Chain, EvidenceKey, FileKey, NoSignature, Place, Refusal, Signer, Suite,
            chain::Facts,
            cms,
            files::{self, FileError, Requested},
            pkcs11::{Access, ModuleError, ModuleKey},
            request as csr,
        },
        sm2,
    },
    domain::{
        event::{Action, Outcome, Subject},
        role::Permission,
    },
    evidence::{certificate::Uncertified, revocation::Known},
    store::settings,
};

/// The setting that names the certificate in use, by its SHA-256.
const fn in_use(suite: Suite) -> &'static str {
    match suite {
        Suite::Standard => "evidence.certificate",
        Suite::Sm2 => "evidence.certificate_sm2",
    }
}

/// The setting that remembers of which certificate it was told that it is revoked, by its SHA-256.
const fn revoked(suite: Suite) -> &'static str {
    match suite {
        Suite::Standard => "evidence.certificate_revoked",
        Suite::Sm2 => "evidence.certificate_sm2_revoked",
    }
}

/// Before its end by so many days the end is told.
pub const WARN_DAYS: u32 = 30;

impl From<FileError> for StoreError {
    fn from(error: FileError) -> Self {
        Self::Unavailable(format!("the evidence key: {error}"))
    }
}

impl From<ModuleError> for StoreError {
    fn from(error: ModuleError) -> Self {
        Self::Unavailable(format!("the evidence key: {error}"))
    }
}

/// Beside the keys: which PIN was refused.
const REFUSED: &str = "keys/evidence-pkcs11.refused";

/// The module that the settings name for keys of this suite.
pub fn access(app: &App, suite: Suite) -> Option<Access> {
    let named = app.config.evidence.pkcs11.clone().filter(|_| suite == Suite::Standard)?;
    let data = app.store.data();
    Some(Access { module: named.module, token: named.token, key: named.key, pin_file: data.join(named.pin_file), refused: data.join(REFUSED) })
}

/// Files are read and modules asked off the async threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, StoreError> + Send + 'static) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| StoreError::Panicked)?
}

/// Whether bundles are to bear a signature of this suite: the one by SM2 only in the profile "gm".
pub fn wanted(app: &App, suite: Suite) -> bool {
    suite == Suite::Standard || app.config.evidence.profile == Profile::Gm
}

/// How it stands with the certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether bundles are to bear its signature ([`wanted`]).
    pub wanted: bool,
    /// The certificate in use, with the end of the first of its chain.
    pub certificate: Option<(Facts, Instant)>,
    /// Where its key lies.
    pub place: Option<Place>,
    /// Why the key cannot sign, where it lies in a token and nothing else is in the way.
    pub trouble: Option<ModuleError>,
    /// Why nothing could be signed with it at present.
    pub uncertified: Option<Uncertified>,
    /// Whether a key waits for its certificate.
    pub requested: bool,
}

impl Standing {
    /// Whether bundles are signed with it.
    pub const fn signs(&self) -> bool {
        self.wanted && self.uncertified.is_none()
    }

    /// Why they are not: a word of [`Uncertified`], or `profile_standard` where the certificate is good and not wanted.
    pub const fn reason(&self) -> Option<&'static str> {
        match self.uncertified {
            Some(why) => Some(why.as_str()),
            None if self.wanted => None,
            None => Some("profile_standard"),
        }
    }

    /// Whether the end is near, or past.
    pub fn ends_soon(&self, now: Instant) -> bool {
        let lead = std::time::Duration::from_secs(u64::from(WARN_DAYS) * 86_400);
        self.certificate.as_ref().is_some_and(|(_, until)| now.plus(lead) >= *until)
    }
}

pub(super) fn subject(suite: Suite) -> Subject {
    let id = match suite {
        Suite::Standard => "evidence",
        Suite::Sm2 => "evidence_sm2",
    };
    Subject::new("evidence_key", id)
}

/// The key that signs a bundle made at `at`, with its certificates and what is known of their revocation, or why there is none. Never inside a
/// write.
pub(in crate::app) async fn signer(app: &App, suite: Suite, at: Instant) -> AppResult<Result<(Arc<Certified>, Known), Uncertified>> {
    let certified = match found(app, suite).await? {
        Ok(certified) if certified.chain.check(at).is_err() => return Ok(Err(Uncertified::Ended)),
        Ok(certified) => certified,
        Err(why) => return Ok(Err(why)),
    };
    let Some(known) = look(app, suite, &certified.chain, at).await? else { return Ok(Err(Uncertified::Revoked)) };
    let (certified, trouble) = asked(certified).await?;
    Ok(if trouble.is_some() { Err(Uncertified::Module) } else { Ok((Arc::new(certified), known)) })
}

/// Asks the module of the key, if it lies in a token, whether it could sign.
async fn asked(certified: Certified) -> AppResult<(Certified, Option<ModuleError>)> {
    let asked = move || {
        let trouble = certified.key.check().err();
        if let Some(error) = &trouble {
            // Evidence is sealed all the same, and says so: as where the file of a key is missing.
            tracing::error!(%error, key = %certified.key.place(), "the key that signs evidence cannot be used");
        }
        Ok((certified, trouble))
    };
    Ok(blocking(asked).await?)
}

/// What is known of the revocation of the certificate in use; `None` once it is revoked, which is told once. Never inside a write.
async fn look(app: &App, suite: Suite, chain: &Chain, at: Instant) -> AppResult<Option<Known>> {
    let taken_back = match revocation::look(app, chain.certificates().to_vec(), at, revocation::PATIENT).await? {
        Ok(known) => return Ok(Some(known)),
        Err(taken_back) => taken_back,
    };
    let facts = chain.facts();
    let write = move |tx: &mut crate::store::Tx<'_>| {
        if settings::get(tx.conn, revoked(suite))?.as_ref() == Some(&facts.sha256) {
            return Ok(());
        }
        settings::put(tx.conn, revoked(suite), &facts.sha256)?;
        let detail = json!({
            "sha256": facts.sha256, "subject": taken_back.subject, "serial": taken_back.serial,
            "since": taken_back.since.to_rfc3339(), "reason": taken_back.reason,
        });
        let event = Caller::job(expiry::JOB).event(Action::EvidenceCertificateRevoked, subject(suite));
        tx.append(event.outcome(Outcome::Failed).detail(detail)).map(drop)
    };
    app.store.write(write).await?;
    Ok(None)
}

/// Tells of the certificate in use if its authority took it back.
///
/// # Errors
/// Those of the store.
pub(super) async fn watch(app: &App, suite: Suite) -> AppResult<()> {
    if let Ok(certified) = found(app, suite).await? {
        look(app, suite, &certified.chain, app.now()).await?;
    }
    Ok(())
}

/// What lies in the files, if it is what the database names; what an import left unfinished is put into its place.
async fn found(app: &App, suite: Suite) -> AppResult<Result<Certified, Uncertified>> {
    let mut before = None;
    loop {
        let Some(named) = app.store.read(move |conn| settings::get(conn, in_use(suite))).await? else { return Ok(Err(Uncertified::Never)) };
        // Another was imported between the look into the database and that into the files: once more.
        if before.as_ref() == Some(&named) {
            return Ok(Err(Uncertified::Missing));
        }
        let (data, wanted, access) = (app.store.data().to_owned(), named.clone(), access(app, suite));
        match tokio::task::spawn_blocking(move || of_files(&data, suite, &wanted, access.as_ref())).await.map_err(|_| StoreError::Panicked)? {
            Ok(Some(certified)) => return Ok(Ok(certified)),
            Ok(None) => {}
            // Evidence is sealed all the same, and says that it bears no signature by certificate.
            Err(error) => {
                tracing::error!(%error, "the key that signs evidence cannot be used");
                return Ok(Err(Uncertified::Missing));
            }
        }
        before = Some(named);
    }
}

fn of_files(data: &Path, suite: Suite, named: &str, access: Option<&Access>) -> Result<Option<Certified>, FileError> {
    if files::next(data, suite)?.is_some_and(|next| next.chain.fingerprint() == named) {
        files::adopt_next(data, suite)?;
    }
    Ok(files::in_use(data, suite, access)?.filter(|certified| certified.chain.fingerprint() == named))
}

/// How it stands. Who may see it is asked where a page is made of it.
///
/// # Errors
/// Those of the store; a key that waits and cannot be read.
pub async fn standing(app: &App, suite: Suite) -> AppResult<Standing> {
    let found = found(app, suite).await?;
    let requested = files::requested(app.store.data(), suite).map_err(StoreError::from)?.is_some();
    let (wanted, now) = (wanted(app, suite), app.now());
    let certified = match found {
        Ok(certified) => certified,
        Err(why) => return Ok(Standing { wanted, certificate: None, place: None, trouble: None, uncertified: Some(why), requested }),
    };
    let (certified, trouble) = asked(certified).await?;
    let uncertified = match certified.chain.check(now) {
        Err(_) => Some(Uncertified::Ended),
        Ok(()) => match revocation::kept(app, certified.chain.certificates().to_vec(), now).await? {
            Some(_) => Some(Uncertified::Revoked),
            None => trouble.as_ref().map(|_| Uncertified::Module),
        },
    };
    let certificate = Some((certified.chain.facts(), certified.chain.until()));
    let trouble = trouble.filter(|_| uncertified == Some(Uncertified::Module));
    Ok(Standing { wanted, certificate, place: Some(certified.key.place()), trouble, uncertified, requested })
}

/// Makes a key, unless one waits already, and asks for its certificate: PKCS#10 in PEM. Where the settings name a module, the key is the one in
/// the token that they name, made there if it is missing. `name` is the subject as RFC 4514 writes it; without one the company of the
/// settings.
///
/// # Errors
/// `Forbidden`; `Invalid` on `subject`; what is wrong with files or module.
pub async fn request(app: &App, caller: &Caller, suite: Suite, name: Option<String>) -> AppResult<Done<String>> {
    app.require(caller, Permission::ConnectionManage, Action::EvidenceKeyRequested, subject(suite)).await?;
    let named = name.as_deref().map_or_else(|| csr::name_of(&app.config.tenant), csr::name);
    let Some(named) = named else {
        return Err(app.refuse(caller, Action::EvidenceKeyRequested, subject(suite), None, AppError::invalid("subject", "distinguished-name")).await);
    };
    let said = named.to_string();
    let (data, access) = (app.store.data().to_owned(), access(app, suite));
    let made = move || {
        let key = match access {
            None => EvidenceKey::from(files::make_requested(&data, suite)?),
            Some(access) => {
                let key = ModuleKey::made(&access)?;
                files::note_requested(&data, suite, key.reference())?;
                // Why it does not sign is told here, and not where the request is put together.
                key.signed(b"")?;
                key.into()
            }
        };
        let text = csr::request(named, &key).map_err(|e| StoreError::Unavailable(format!("the evidence key: {e}")))?;
        Ok((text, public(&key), key.place()))
    };
    let (text, sha256, place) = blocking(made).await?;
    let detail = json!({ "subject": said, "key_sha256": sha256, "place": place.to_string() });
    let event = caller.event(Action::EvidenceKeyRequested, subject(suite)).detail(detail);
    let receipt = app.record_of(caller, event).await?;
    Ok(Done { value: text, receipt })
}

/// SHA-256 of the public key, as `openssl pkey -pubout -outform DER` writes it.
fn public(key: &EvidenceKey) -> String {
    use der::Encode;
    hex::encode(crate::crypto::sha256(&key.public_key().to_der().unwrap_or_default()))
}

/// Takes in the certificates of `suite` for `key` (PKCS#8 in PEM), else for the key in the token that the settings name, else for the key
/// that waits in a file: the signer's first, the root last. From then on they sign where their signature is wanted; those before are kept for
/// what they signed.
///
/// # Errors
/// `Forbidden`; `Invalid` on `key` or `chain`, which is recorded; what is wrong with files or module.
pub async fn import(app: &App, caller: &Caller, suite: Suite, pem: &str, key: Option<Zeroizing<String>>) -> AppResult<Done<Facts>> {
    app.require(caller, Permission::ConnectionManage, Action::EvidenceCertificateImported, subject(suite)).await?;
    let data = app.store.data().to_owned();
    let (from, access, text, now) = (data.clone(), access(app, suite), pem.to_owned(), app.now());
    let sound = blocking(move || sound(&from, suite, &text, key.as_ref().map(|key| key.as_str()), access.as_ref(), now)).await?;
    let (key, chain) = match sound {
        Ok(sound) => sound,
        Err(error) => {
            return Err(app.refuse(caller, Action::EvidenceCertificateImported, subject(suite), None, AppError::Invalid(vec![error])).await);
        }
    };
    files::lay_next(&data, suite, &key, &chain).map_err(StoreError::from)?;
    let facts = chain.facts();
    let (said, caller, place) = (facts.clone(), caller.clone(), key.place().to_string());
    let write = move |tx: &mut crate::store::Tx<'_>| {
        let before = settings::get(tx.conn, in_use(suite))?;
        settings::put(tx.conn, in_use(suite), &said.sha256)?;
        let detail = json!({
            "before": before.map(|sha256| json!({ "sha256": sha256 })),
            "after": { "sha256": said.sha256, "subject": said.subject, "issuer": said.issuer, "serial": said.serial, "root_sha256": said.root_sha256,
                       "not_before": said.not_before, "not_after": said.not_after, "place": place },
        });
        tx.append(caller.event(Action::EvidenceCertificateImported, subject(suite)).detail(detail))?;
        Ok(Ok(()))
    };
    let done = Done::from_write(app.store.write(write).await?)?;
    crate::crash::point("evidence.certificate_named");
    files::adopt_next(&data, suite).map_err(StoreError::from)?;
    Ok(Done { value: facts, receipt: done.receipt })
}

/// The key and the chain that were given, if they fit and are good now.
fn sound(
    data: &Path,
    suite: Suite,
    pem: &str,
    key: Option<&str>,
    access: Option<&Access>,
    now: Instant,
) -> Result<Result<(EvidenceKey, Chain), FieldError>, StoreError> {
    let key = match (key, access) {
        (Some(text), _) => match FileKey::from_pem(text) {
            Ok(key) if key.suite() == suite => EvidenceKey::from(key),
            _ => return Ok(Err(FieldError::new("key", if suite == Suite::Sm2 { "signing-key-sm2" } else { "signing-key" }))),
        },
        // A key that waits in a file is not taken instead of one in the token.
        (None, Some(access)) => {
            let key = ModuleKey::named(access)?;
            key.signed(b"")?;
            key.into()
        }
        (None, None) => match files::requested(data, suite)? {
            Some(Requested::File(key)) => key.into(),
            Some(Requested::Module(reference)) => return Err(ModuleError::Unset(reference.to_string()).into()),
            None => return Ok(Err(FieldError::new("key", if suite == Suite::Sm2 { "no-request-sm2" } else { "no-request" }))),
        },
    };
    let chain = Chain::from_pem(pem).and_then(|chain| if chain.is_of(&key) { Ok(chain) } else { Err(BadChain::OtherKey) });
    let chain = chain.and_then(|chain| if chain.is_all(suite) { Ok(chain) } else { Err(BadChain::Mixed) });
    let checked = chain.and_then(|chain| chain.check(now).map(|()| chain).map_err(BadChain::Refused));
    // What cannot be signed with it, or not be read again, is found out now and not when evidence is due.
    let checked = checked.and_then(|chain| match tried(&chain, &key, now) {
        Ok(Ok(())) => Ok(chain),
        Ok(Err(refusal)) => Err(BadChain::Refused(refusal)),
        Err(NoSignature) => Err(BadChain::Refused(Refusal::Malformed("signed data of another form"))),
    });
    Ok(checked.map(|chain| (key, chain)).map_err(|why| {
        let error = FieldError::new("chain", kind(&why));
        match why {
            BadChain::Broken(n) | BadChain::Order(n) => error.arg("number", n),
            BadChain::Refused(refusal) => error.arg("reason", refusal),
            _ => error,
        }
    }))
}

/// Signs nothing with the key, and reads it again.
fn tried(chain: &Chain, key: &EvidenceKey, now: Instant) -> Result<Result<(), Refusal>, NoSignature> {
    if key.suite() == Suite::Sm2 {
        let signature = key.sign(b"")?;
        return Ok(if sm2::verify(key.public_key(), b"", &signature) { Ok(()) } else { Err(Refusal::Signature) });
    }
    Ok(cms::open(&cms::sign(b"", now, chain, key)?, b"").map(drop))
}

/// The word of the error (`error-<kind>`).
const fn kind(why: &BadChain) -> &'static str {
    match why {
        BadChain::Empty => "no-certificate",
        BadChain::Broken(_) => "certificate-unreadable",
        BadChain::OtherKey => "certificate-other-key",
        BadChain::Order(_) => "certificate-order",
        BadChain::NoRoot => "certificate-no-root",
        BadChain::Mixed => "certificate-mixed",
        BadChain::Refused(Refusal::Usage) => "certificate-usage",
        BadChain::Refused(Refusal::Validity(_)) => "certificate-validity",
        BadChain::Refused(_) => "certificate-refused",
    }
}
