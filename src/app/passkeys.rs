//! Passkeys of a person: added and taken away, and what a passkey answers to a question of ours, verified and spent in the very write that it
//! authorises. Recovery codes beside them. Not here: the bytes of an answer (`crypto::webauthn`); a decision that is signed (`recalls::sign`).
//!
//! A question lies with nobody until it is answered: the page carries it sealed (whom it is for, what for, when it was asked). A passkey
//! answers each question once and none that is older than the last one it answered, as one-time codes go.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{App, AppError, AppResult, Caller, Done, FieldError, step_up};
use crate::{
    clock::Instant,
    crypto::{
        self,
        keyring::Keyring,
        webauthn::{self, Algorithm, Expected, Key, Signed},
    },
    domain::{
        account::Method,
        event::{Action, Outcome, Subject},
    },
    store::{
        StoreError, Tx,
        passkeys::{self, PasskeyRow},
    },
    words,
};

/// How long a question may be answered. A page that stood open longer asks anew.
const ASKED: Duration = Duration::from_secs(10 * 60);
/// The longest answer that is read.
const LIMIT: usize = 32 << 10;
/// The most passkeys of one person.
const MOST: usize = 20;
/// Longest name of a passkey.
const NAME: usize = 60;
/// How many recovery codes are made at a time.
const CODES: usize = 10;

words! {
    /// What a question is asked for; an answer to one is none to another.
    pub enum Purpose {
        Enrolment = "enrolment",
        SignIn = "sign_in",
        StepUp = "step_up",
        /// The challenge is the hash of a decision statement.
        Decision = "decision",
    }
}

/// A question as the page carries it, sealed.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Question {
    purpose: Purpose,
    /// Empty where it is not known yet who will answer.
    user: String,
    challenge: [u8; 32],
    at: i64,
    origin: String,
    rp_id: String,
    /// What a decision is bound by, beside what the form says: see `recalls::sign`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) bound: Option<Bound>,
}

/// The random values of a statement that was put before a decider.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Bound {
    pub(super) case: String,
    pub(super) nonce: [u8; 32],
    pub(super) salt: [u8; 32],
}

/// An answer as the page's script posts it in the place of a code.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Posted {
    question: String,
    id: String,
    client_data: String,
    authenticator_data: String,
    signature: String,
}

/// An answer that was read and not verified yet.
pub(super) struct Answer {
    pub(super) question: Question,
    credential_id: Vec<u8>,
    client_data: Vec<u8>,
    authenticator_data: Vec<u8>,
    signature: Vec<u8>,
}

/// An answer that holds, as an event keeps it: enough to verify it again by OpenSSL alone.
pub(super) fn signed(answer: &Answer, key: &Key) -> Signed {
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    Signed {
        algorithm: key.algorithm(),
        credential_id: text(&answer.credential_id),
        public_key: key.to_pem(),
        origin: answer.question.origin.clone(),
        rp_id: answer.question.rp_id.clone(),
        client_data: text(&answer.client_data),
        authenticator_data: text(&answer.authenticator_data),
        signature: text(&answer.signature),
    }
}

/// The host that passkeys belong to. An address of numbers is no such host, and browsers refuse it.
pub fn rp_id(app: &App) -> Option<String> {
    match url::Url::parse(&app.config.public_url).ok()?.host()? {
        url::Host::Domain(name) => Some(name.to_owned()),
        _ => None,
    }
}

impl Question {
    /// `None` where there can be no passkeys.
    pub(super) fn new(app: &App, purpose: Purpose, user: &str, challenge: [u8; 32]) -> Option<Self> {
        let origin = url::Url::parse(&app.config.public_url).ok()?.origin().ascii_serialization();
        Some(Self { purpose, user: user.to_owned(), challenge, at: app.now().0, origin, rp_id: rp_id(app)?, bound: None })
    }

    fn seal(&self, keys: &Keyring) -> Option<String> {
        Some(hex::encode(keys.envelope.seal("passkeys/question", &serde_json::to_vec(self).ok()?)))
    }

    fn open(keys: &Keyring, sealed: &str) -> Option<Self> {
        let plain = keys.envelope.open("passkeys/question", &hex::decode(sealed).ok()?).ok()?;
        serde_json::from_slice(&plain).ok()
    }

    /// What the script needs to have it answered by one of `credentials`, or by any.
    pub(super) fn ask(&self, app: &App, credentials: &[Vec<u8>]) -> Option<String> {
        let allow: Vec<String> = credentials.iter().map(|id| URL_SAFE_NO_PAD.encode(id)).collect();
        let question = self.seal(app.store.keys())?;
        Some(json!({ "question": question, "challenge": URL_SAFE_NO_PAD.encode(self.challenge), "rpId": self.rp_id, "allow": allow }).to_string())
    }

    fn stands(&self, purpose: Purpose, user: &str, now: Instant) -> bool {
        self.purpose == purpose && self.user == user && now >= Instant(self.at) && now < Instant(self.at).plus(ASKED)
    }

    fn expected(&self) -> Expected<'_> {
        Expected { challenge: &self.challenge, origin: &self.origin, rp_id: &self.rp_id, verified: true }
    }

    /// The same question, bound by the random values of a statement.
    pub(super) fn bind(self, bound: Bound) -> Self {
        Self { bound: Some(bound), ..self }
    }

    pub(super) fn challenge(&self) -> &[u8; 32] {
        &self.challenge
    }
}

/// A question for a page, to be answered by one of the passkeys of `user`; nothing if there is none.
pub fn ask(app: &App, purpose: Purpose, user: &str, credentials: &[Vec<u8>]) -> Option<String> {
    if credentials.is_empty() {
        return None;
    }
    Question::new(app, purpose, user, crypto::random())?.ask(app, credentials)
}

/// A question for the sign-in page, where nobody is known yet.
pub fn ask_anybody(app: &App) -> Option<String> {
    Question::new(app, Purpose::SignIn, "", crypto::random())?.ask(app, &[])
}

/// What the script needs to make a new passkey.
pub fn ask_for_new(app: &App, user: &str, name: &str, display: &str, known: &[Vec<u8>]) -> Option<String> {
    let question = Question::new(app, Purpose::Enrolment, user, crypto::random())?;
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    Some(
        json!({
            "question": question.seal(app.store.keys())?, "challenge": text(&question.challenge),
            "rp": { "id": question.rp_id, "name": "Countermand" },
            "user": { "id": text(user.as_bytes()), "name": name, "displayName": display },
            "algorithms": Algorithm::ALL.iter().map(|a| a.number()).collect::<Vec<_>>(),
            "exclude": known.iter().map(|id| text(id)).collect::<Vec<_>>(),
        })
        .to_string(),
    )
}

/// Whether what came in the place of a code is an answer of a passkey.
pub(super) fn is_answer(code: &str) -> bool {
    code.starts_with('{')
}

/// Reads an answer.
pub(super) fn read(keys: &Keyring, text: &str) -> Option<Answer> {
    let posted: Posted = serde_json::from_str(text).ok().filter(|_| text.len() <= LIMIT)?;
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
    Some(Answer {
        question: Question::open(keys, &posted.question)?,
        credential_id: bytes(&posted.id)?,
        client_data: bytes(&posted.client_data)?,
        authenticator_data: bytes(&posted.authenticator_data)?,
        signature: bytes(&posted.signature)?,
    })
}

/// Whose passkey answers, as it says itself.
pub(super) fn claimed(conn: &mut crate::store::Conn, answer: &Answer) -> Result<Option<String>, StoreError> {
    Ok(passkeys::by_credential(conn, &answer.credential_id)?.map(|row| row.user_id))
}

/// Verifies an answer of `user_id` and spends the question, as part of `tx`. `asked` is whom the question names.
///
/// # Errors
/// The inner error is for the caller to record: `Invalid` on the field of a code with kind `passkey-stale` (asked too long ago, for something else,
/// or answered already), `passkey-unknown` or `passkey-refused`; `Refused` with kind `account-suspended`.
pub(super) fn spend(tx: &mut Tx<'_>, answer: &Answer, purpose: Purpose, asked: &str, user_id: &str) -> Result<AppResult<Key>, StoreError> {
    let refuse = |kind| Ok(Err(AppError::invalid(step_up::FIELD, kind)));
    let now = tx.now();
    if !answer.question.stands(purpose, asked, now) {
        return refuse("passkey-stale");
    }
    let Some(row) = passkeys::by_credential(tx.conn, &answer.credential_id)?.filter(|row| row.user_id == user_id) else {
        return refuse("passkey-unknown");
    };
    if answer.question.at <= row.spent_at {
        return refuse("passkey-stale");
    }
    let key = Key::from_spki(&row.public_key).ok_or_else(|| StoreError::Corrupt("passkeys.public_key".to_owned()))?;
    let counter = u32::try_from(row.counter).map_err(|_| StoreError::Corrupt("passkeys.counter".to_owned()))?;
    let given =
        webauthn::Assertion { authenticator_data: &answer.authenticator_data, client_data: &answer.client_data, signature: &answer.signature };
    match webauthn::assert(answer.question.expected(), &key, counter, given) {
        Err(unfit) => {
            tracing::warn!(reason = unfit.as_str(), user = user_id, "a passkey's answer was refused");
            refuse("passkey-refused")
        }
        // Whether an account can be used is told to nobody but whoever has its passkey.
        Ok(used) => match step_up::usable(tx, user_id)? {
            Err(error) => Ok(Err(error)),
            Ok(_) if passkeys::spend(tx.conn, &row.id, i64::from(used.counter), used.synced, answer.question.at, now.0)? => Ok(Ok(key)),
            Ok(_) => refuse("passkey-stale"),
        },
    }
}

/// The caller's passkeys, and how many recovery codes are left.
pub async fn own(app: &App, caller: &Caller) -> AppResult<(Vec<PasskeyRow>, i64)> {
    let id = caller.user_id.clone().ok_or(AppError::NotFound)?;
    Ok(app.store.read(move |conn| Ok((passkeys::of_user(conn, &id)?, passkeys::codes_left(conn, &id)?))).await?)
}

/// A new passkey as its owner's browser posts it.
#[derive(Clone, Default)]
pub struct New {
    pub name: String,
    /// What the script made: `question`, `client_data`, `attestation`; empty without scripts.
    pub created: String,
    /// A fresh code, or an answer of another passkey.
    pub code: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Created {
    question: String,
    client_data: String,
    attestation: String,
}

/// Adds a passkey to the caller's account.
///
/// # Errors
/// `Invalid` on `name`, `created` (`passkey-needs-script`, `passkey-stale`, `passkey-refused`, `passkey-known`, `passkey-too-many`) or `totp`; the
/// refusals of a step-up. Recorded.
pub async fn add(app: &App, caller: &Caller, new: New) -> AppResult<Done<()>> {
    let user_id = caller.user_id.clone().ok_or(AppError::NotFound)?;
    let about = Subject::new("user", &user_id);
    let made = match made(app, &user_id, &new) {
        Ok(made) => made,
        Err(error) => return Err(app.refuse(caller, Action::PasskeyAdded, about, None, error).await),
    };
    let (name, question, fresh) = made;
    let (caller, ring) = (caller.clone(), app.store.keys().clone());
    let id = crate::id::fresh();
    let written = app
        .store
        .write(move |tx| {
            let refuse = |tx: &mut Tx<'_>, error: AppError| {
                tx.append(caller.event(Action::PasskeyAdded, Subject::new("user", &user_id)).outcome(Outcome::Refused).detail(error.as_detail()))?;
                Ok(Err(error))
            };
            let now = tx.now();
            if !question.stands(Purpose::Enrolment, &user_id, now) {
                return refuse(tx, AppError::invalid("created", "passkey-stale"));
            }
            if passkeys::by_credential(tx.conn, &fresh.credential_id)?.is_some() {
                return refuse(tx, AppError::invalid("created", "passkey-known"));
            }
            if passkeys::of_user(tx.conn, &user_id)?.len() >= MOST {
                return refuse(tx, AppError::invalid("created", "passkey-too-many"));
            }
            let method = match step_up::spend_totp(tx, &ring, &user_id, &new.code)? {
                Ok(method) => method,
                Err(error) => return refuse(tx, error),
            };
            passkeys::insert(
                tx.conn,
                PasskeyRow {
                    id: id.clone(),
                    user_id: user_id.clone(),
                    name: name.clone(),
                    credential_id: fresh.credential_id.clone(),
                    public_key: fresh.key.spki().to_vec(),
                    counter: i64::from(fresh.counter),
                    synced: i64::from(fresh.synced),
                    spent_at: question.at,
                    created_at: now.0,
                    used_at: None,
                },
            )?;
            let after = json!({ "passkey": id, "name": name, "algorithm": fresh.key.algorithm(), "key_sha256": hex::encode(crypto::sha256(fresh.key.spki())), "synced": fresh.synced });
            tx.append(caller.event(Action::PasskeyAdded, Subject::new("user", &user_id)).detail(json!({ "after": after, "method": method })))?;
            Ok(Ok(()))
        })
        .await?;
    Done::from_write(written)
}

/// Name, question and key of what was posted.
fn made(app: &App, user_id: &str, new: &New) -> AppResult<(String, Question, webauthn::Registered)> {
    let mut errors = Vec::new();
    let name = crate::domain::text::line(&new.name, NAME).map_err(|e| errors.push(FieldError::text("name", e))).unwrap_or_default();
    let wrong = |kind| FieldError::new("created", kind);
    let read = || -> Result<_, FieldError> {
        if new.created.is_empty() {
            return Err(wrong("passkey-needs-script"));
        }
        let posted: Created = serde_json::from_str(&new.created).ok().filter(|_| new.created.len() <= LIMIT).ok_or(wrong("passkey-refused"))?;
        let question = Question::open(app.store.keys(), &posted.question).filter(|q| q.user == user_id).ok_or(wrong("passkey-stale"))?;
        let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong("passkey-refused"));
        let made = webauthn::register(question.expected(), &bytes(&posted.client_data)?, &bytes(&posted.attestation)?);
        made.map(|made| (question, made)).map_err(|unfit| {
            tracing::warn!(reason = unfit.as_str(), user = user_id, "a new passkey was refused");
            wrong("passkey-refused")
        })
    };
    match read() {
        Ok((question, made)) if errors.is_empty() => Ok((name, question, made)),
        Ok(_) => Err(AppError::Invalid(errors)),
        Err(error) => {
            errors.push(error);
            Err(AppError::Invalid(errors))
        }
    }
}

/// Takes a passkey of the caller's away; what it signed stays valid.
///
/// # Errors
/// `Refused` with kind `passkey-gone`; `Invalid` on `totp`; the refusals of a step-up. Recorded.
pub async fn remove(app: &App, caller: &Caller, id: &str, code: &str) -> AppResult<Done<()>> {
    let user_id = caller.user_id.clone().ok_or(AppError::NotFound)?;
    let (caller, ring, id, code) = (caller.clone(), app.store.keys().clone(), id.to_owned(), code.to_owned());
    let written = app
        .store
        .write(move |tx| {
            let about = || Subject::new("user", &user_id);
            let refuse = |tx: &mut Tx<'_>, error: AppError| {
                tx.append(caller.event(Action::PasskeyRemoved, about()).outcome(Outcome::Refused).detail(error.as_detail()))?;
                Ok(Err(error))
            };
            let Some(row) = passkeys::of_user(tx.conn, &user_id)?.into_iter().find(|row| row.id == id) else {
                return refuse(tx, AppError::refused("passkey-gone"));
            };
            let method = match step_up::spend_totp(tx, &ring, &user_id, &code)? {
                Ok(method) => method,
                Err(error) => return refuse(tx, error),
            };
            passkeys::delete(tx.conn, &row.id)?;
            let detail = json!({ "before": { "passkey": row.id, "name": row.name }, "method": method });
            tx.append(caller.event(Action::PasskeyRemoved, about()).detail(detail))?;
            Ok(Ok(()))
        })
        .await?;
    Done::from_write(written)
}

/// Makes fresh recovery codes in the place of those before; they are shown once and kept as hashes.
///
/// # Errors
/// `Invalid` on `totp`; the refusals of a step-up. Recorded.
pub async fn recovery_codes(app: &App, caller: &Caller, code: &str) -> AppResult<Done<Vec<String>>> {
    let user_id = caller.user_id.clone().ok_or(AppError::NotFound)?;
    let codes: Vec<String> = (0..CODES).map(|_| fresh_code()).collect();
    let hashes: Vec<Vec<u8>> = codes.iter().filter_map(|code| code_hash(code)).collect();
    let (caller, ring, code) = (caller.clone(), app.store.keys().clone(), code.to_owned());
    let written = app
        .store
        .write(move |tx| {
            let about = || Subject::new("user", &user_id);
            let method = match step_up::spend_totp(tx, &ring, &user_id, &code)? {
                Ok(method) => method,
                Err(error) => {
                    tx.append(caller.event(Action::RecoveryCodesMade, about()).outcome(Outcome::Refused).detail(error.as_detail()))?;
                    return Ok(Err(error));
                }
            };
            let now = tx.now().0;
            passkeys::codes_replace(tx.conn, &user_id, &hashes, now)?;
            tx.append(caller.event(Action::RecoveryCodesMade, about()).detail(json!({ "count": hashes.len(), "method": method })))?;
            Ok(Ok(codes.clone()))
        })
        .await?;
    Done::from_write(written)
}

/// Spends a recovery code of `user_id` as part of `tx`; nothing if it is none.
pub(super) fn spend_code(tx: &mut Tx<'_>, user_id: &str, typed: &str) -> Result<Option<Method>, StoreError> {
    let Some(hash) = code_hash(typed) else { return Ok(None) };
    let now = tx.now().0;
    Ok(passkeys::code_spend(tx.conn, user_id, &hash, now)?.then_some(Method::RecoveryCode))
}

/// Twelve letters and digits of base32 in groups of four: 60 bits.
fn fresh_code() -> String {
    let text = crypto::totp::base32(&crypto::random::<8>()).to_ascii_lowercase();
    format!("{}-{}-{}", &text[..4], &text[4..8], &text[8..12])
}

/// The hash of what has the form of a recovery code, however it was typed.
fn code_hash(typed: &str) -> Option<Vec<u8>> {
    let plain: String = typed.chars().filter(|c| !c.is_whitespace() && *c != '-').map(|c| c.to_ascii_lowercase()).take(16).collect();
    (plain.len() == 12 && plain.bytes().all(|b| b.is_ascii_alphanumeric())).then(|| crypto::token::hash(&plain))
}
