//! The two steps of a sign-in: password, then code or enrolment. What slows guessing down is in `limits`.
//!
//! The answer and the time taken are the same whether or not an account exists.

use serde_json::json;

use super::limits::{Keys, count_failure, device_id};
use crate::{
    app::{
        App, AppError, AppResult, Caller, Client, Device, Done, device, passkeys,
        passkeys::Purpose,
        passwords::{hash_password, verify_password},
        people::Signed,
        throttle::{self, Share},
    },
    clock::Instant,
    crypto::{self, password, token, totp},
    domain::{
        account::{self, Method, SessionState},
        event::{Action, Outcome, Subject},
        role::{self, Permission},
    },
    id::SessionId,
    store::{
        Conn, StoreError, Tx,
        sessions::{self, DeviceRow, SessionRow},
        users::{self, UserRow},
    },
};

/// A session's cookie value, handed out once, with what comes next.
#[derive(Clone, Debug)]
pub struct Opened {
    pub cookie: String,
    pub state: SessionState,
}

/// A session that is to begin.
pub(super) struct Fresh {
    pub(super) id: String,
    pub(super) token_hash: Vec<u8>,
    pub(super) csrf: String,
    pub(super) state: SessionState,
}

impl Fresh {
    /// Its row: opened at `now` from where `caller` is, and over by itself after what its state allows.
    pub(super) fn row(&self, caller: &Caller, user_id: &str, now: Instant) -> SessionRow {
        let lasts = if self.state == SessionState::Open { account::ABSOLUTE } else { account::PENDING };
        SessionRow {
            id: self.id.clone(),
            token_hash: self.token_hash.clone(),
            user_id: user_id.to_owned(),
            csrf: self.csrf.clone(),
            state: self.state.as_str().to_owned(),
            device_id: device_id(caller),
            client_ip: caller.client.as_ref().map(|c| c.client_ip.clone()),
            user_agent: caller.client.as_ref().map(|c| c.user_agent.clone()),
            flash: None,
            created_at: now.0,
            seen_at: now.0,
            expires_at: now.plus(lasts).0,
            closed_at: None,
        }
    }
}

/// What the first step looks up before it spends time on the password.
pub(super) struct Found {
    pub(super) user: Option<UserRow>,
    /// Has signed in to the account before.
    pub(super) known_device: bool,
    /// As it is to this account.
    pub(super) device: Option<Device>,
    /// May read the trail: comes in on a full disk too.
    pub(super) audits: bool,
}

impl Found {
    pub(super) fn new(conn: &mut Conn, user: Option<UserRow>, mut device: Option<Device>) -> Result<Self, StoreError> {
        let mut known_device = false;
        let audits = user.as_ref().map(|u| users::user_roles(conn, &u.id)).transpose()?.is_some_and(|r| role::allows(&r, Permission::AuditRead));
        if let (Some(user), Some(device)) = (&user, &mut device) {
            known_device = sessions::device_find(conn, &device.device_id, &user.id)?.is_some();
            device::judge(conn, device, &user.id)?;
        }
        Ok(Self { user, known_device, device, audits })
    }
}

/// First step: name and password. A right password gives a pending session that waits for the code, or for enrolment where the account
/// has no second factor yet.
///
/// # Errors
/// `Refused` with kind `credentials` whatever was wrong; `TooMany` while the account or the address is locked. Each is recorded.
pub async fn begin(app: &App, client: Client, device: Option<Device>, username: &str, typed: &str) -> AppResult<Done<Opened>> {
    let mut caller = Caller::anonymous(client, device);
    let now = app.now();
    // A name that cannot exist is looked up like any other, so that it takes as long.
    let username = account::username(username).unwrap_or_default();
    let lookup = (username.clone(), caller.device.take());
    let found = app
        .store
        .read(move |conn| {
            let (username, device) = lookup;
            let user = users::user_by_name(conn, &username)?;
            Found::new(conn, user, device)
        })
        .await?;
    caller.device.clone_from(&found.device);
    let keys = Keys::new(&caller, found.user.as_ref().map(|u| u.id.as_str()), found.known_device, &username);
    if let Some(retry_after) = keys.wait(app, found.user.as_ref(), now) {
        let error = AppError::TooMany { retry_after };
        // Whoever goes on all the same is recorded for a while, and then only answered: a flood must not fill the log.
        let share = app.throttle.share(&format!("locked/{}", keys.address), throttle::STRANGER_POSTS, now);
        if !matches!(share, Share::Counted { .. }) {
            let event = caller.event(Action::SessionOpened, subject(found.user.as_ref())).outcome(Outcome::Refused);
            app.record(event.detail(share.told(error.as_detail()))).await?;
        }
        return Err(error);
    }

    let phc = found.user.as_ref().and_then(|u| u.password_hash.clone());
    let right = verify_password(app, typed.to_owned(), phc.clone()).await?;
    let rehash = match &phc {
        Some(phc) if right && password::outdated(phc) => Some(hash_password(app, typed.to_owned()).await?),
        _ => None,
    };
    let (cookie, cookie_hash) = token::fresh();
    let csrf = token::fresh().0;
    let id = SessionId::fresh();
    let written = app
        .write_of(found.audits, {
            let caller = caller.clone();
            let user_id = found.user.as_ref().map(|u| u.id.clone());
            let lenient = found.known_device;
            move |tx| {
                // Read again: the account may have changed while the password was being checked.
                let user = match &user_id {
                    Some(id) => users::user_find(tx.conn, id)?,
                    None => None,
                };
                let now = tx.now();
                let usable = user.as_ref().is_some_and(|u| {
                    u.state == "active" && u.valid_until.is_none_or(|until| now.0 < until) && u.password_hash == phc && phc.is_some()
                });
                let Some(user) = user.as_ref().filter(|_| right && usable) else {
                    if let Some(user) = &user {
                        count_failure(tx, user, lenient)?;
                    }
                    let event = caller.event(Action::SessionOpened, subject(user.as_ref())).outcome(Outcome::Refused);
                    tx.append(
                        event.detail(json!({ "step": "password", "reason": if right { "account" } else { "password" }, "known": user.is_some() })),
                    )?;
                    return Ok(Err(AppError::refused("credentials")));
                };
                if let Some(phc) = &rehash {
                    users::user_password_set(tx.conn, &user.id, phc)?;
                }
                let state = if user.totp_sealed.is_some() { SessionState::SecondFactor } else { SessionState::Enrolment };
                let fresh = Fresh { id: id.0.clone(), token_hash: cookie_hash.clone(), csrf: csrf.clone(), state };
                sessions::session_insert(tx.conn, &fresh.row(&caller, &user.id, now))?;
                let mut event = caller
                    .event(Action::SessionStarted, Subject::new("user", &user.id))
                    .detail(json!({ "step": "password", "next": state.as_str() }));
                event.session = Some(id.0.clone());
                tx.append(event)?;
                Ok(Ok(state))
            }
        })
        .await?;
    let done = Done::from_write(written);
    if matches!(done, Err(AppError::Refused { .. })) {
        keys.count(app, now);
    }
    done.map(|done| Done { value: Opened { cookie, state: done.value }, receipt: done.receipt })
}

/// Second step: the code, the answer of a passkey, or a recovery code. A right one opens the session under a fresh cookie and is spent in the same write.
///
/// # Errors
/// `Invalid` on `totp`; `TooMany` while locked; `Refused` with kind `session-over` when the pending session has ended. Each is recorded.
pub async fn verify(app: &App, signed: &Signed, client: Client, device: Option<Device>, code: &str) -> AppResult<Done<Opened>> {
    finish(app, signed, client, device, code, None).await
}

/// The secret that an enrolment page shows, sealed to its session, so that nothing is stored before the first code proves it.
pub fn enrolment_seal(app: &App, session_id: &str, secret: &[u8]) -> String {
    hex::encode(app.store.keys().envelope.seal(&enrolment_context(session_id), secret))
}

/// Opens what [`enrolment_seal`] made for the same session; nothing for anything else.
pub fn enrolment_open(app: &App, session_id: &str, sealed: &str) -> Option<Vec<u8>> {
    let bytes = hex::decode(sealed).ok()?;
    app.store.keys().envelope.open(&enrolment_context(session_id), &bytes).ok().map(|secret| secret.to_vec())
}

fn enrolment_context(session_id: &str) -> String {
    format!("sessions/{session_id}/enrolment")
}

/// Second step where the account had no second factor: the first code proves that the new secret has arrived, enrols it and opens the
/// session. Recorded as `second_factor.enrolled`, which is the one event of this post.
pub async fn enrol(app: &App, signed: &Signed, client: Client, device: Option<Device>, sealed_secret: &str, code: &str) -> AppResult<Done<Opened>> {
    let Some(secret) = enrolment_open(app, &signed.session.id, sealed_secret) else {
        let caller = signed.person.caller(Some(signed.session.id.clone()), Some(client), device);
        let error = AppError::refused("enrolment-stale");
        return Err(app.refuse(&caller, Action::SecondFactorEnrolled, Subject::new("user", &signed.person.id), None, error).await);
    };
    finish(app, signed, client, device, code, Some(secret)).await
}

async fn finish(app: &App, signed: &Signed, client: Client, device: Option<Device>, code: &str, enrol: Option<Vec<u8>>) -> AppResult<Done<Opened>> {
    let action = if enrol.is_some() { Action::SecondFactorEnrolled } else { Action::SessionOpened };
    let mut caller = signed.person.caller(Some(signed.session.id.clone()), Some(client), device);
    let about = Subject::new("user", &signed.person.id);
    let user_id = signed.person.id.clone();
    let now = app.now();
    let (lookup_id, lookup_device) = (user_id.clone(), caller.device.take());
    let found = app
        .store
        .read(move |conn| {
            let user = users::user_find(conn, &lookup_id)?;
            Found::new(conn, user, lookup_device)
        })
        .await?;
    caller.device.clone_from(&found.device);
    let keys = Keys::new(&caller, Some(&user_id), found.known_device, "");
    if let Some(retry_after) = keys.wait(app, found.user.as_ref(), now) {
        return Err(app.refuse(&caller, action, about, None, AppError::TooMany { retry_after }).await);
    }
    let (cookie, cookie_hash) = token::fresh();
    let csrf = token::fresh().0;
    let written = app
        .write_of(found.audits, {
            let ring = app.store.keys().clone();
            let session_id = signed.session.id.clone();
            let code = code.trim().to_owned();
            let caller = caller.clone();
            let lenient = found.known_device;
            move |tx| {
                let now = tx.now();
                let refuse = |tx: &mut Tx<'_>, error: AppError| {
                    let mut detail = error.as_detail();
                    detail["step"] = json!("second_factor");
                    tx.append(caller.event(action, about.clone()).outcome(Outcome::Refused).detail(detail))?;
                    Ok(Err(error))
                };
                let session = sessions::session_find(tx.conn, &session_id)?;
                let wanted = if enrol.is_some() { SessionState::Enrolment } else { SessionState::SecondFactor };
                let Some(session) = session.filter(|s| s.state == wanted.as_str() && account::alive(s.seen_at, s.expires_at, now)) else {
                    return refuse(tx, AppError::refused("session-over"));
                };
                let Some(user) = users::user_find(tx.conn, &user_id)? else { return Err(StoreError::NotFound) };
                if code.is_empty() {
                    return refuse(tx, AppError::invalid("totp", "required"));
                }
                let method = match second_factor(tx, &ring, &user, &code, enrol.as_deref(), lenient)? {
                    Ok(method) => method,
                    Err(error) => return refuse(tx, error),
                };
                users::user_failures_set(tx.conn, &user.id, 0, None)?;
                users::user_signed_in(tx.conn, &user.id, now.0)?;
                if !sessions::session_open(tx.conn, &session, &cookie_hash, &csrf, now.0, now.plus(account::ABSOLUTE).0)? {
                    return refuse(tx, AppError::refused("session-over"));
                }
                if let Some(device) = caller.device.as_ref().filter(|d| !d.device_id.is_empty()) {
                    remember_device(tx, &ring, device, &user.id)?;
                }
                tx.append(caller.event(action, about.clone()).detail(json!({ "step": "second_factor", "method": method, "opened": true })))?;
                Ok(Ok(()))
            }
        })
        .await?;
    let done = Done::from_write(written);
    match &done {
        Err(AppError::Invalid(fields)) if fields.iter().any(|f| f.kind == "code-wrong") => keys.count(app, now),
        Ok(_) => keys.forget(app),
        _ => {}
    }
    done.map(|done| Done { value: Opened { cookie, state: SessionState::Open }, receipt: done.receipt })
}

/// Verifies and spends what was given beside the password: a code of the authenticator (or of the fresh one that is enrolled by it), the answer of
/// a passkey, or a recovery code.
fn second_factor(
    tx: &mut Tx<'_>,
    ring: &crypto::keyring::Keyring,
    user: &UserRow,
    code: &str,
    enrol: Option<&[u8]>,
    lenient: bool,
) -> Result<AppResult<Method>, StoreError> {
    let now = tx.now();
    if enrol.is_none() && passkeys::is_answer(code) {
        let Some(answer) = passkeys::read(ring, code) else { return Ok(Err(AppError::invalid("totp", "passkey-stale"))) };
        return Ok(passkeys::spend(tx, &answer, Purpose::SignIn, &user.id, &user.id)?.map(|_| Method::Passkey));
    }
    let (secret, last) = match (enrol, &user.totp_sealed) {
        (Some(fresh), None) => (fresh.to_vec(), 0),
        (None, Some(sealed)) => (ring.envelope.open(&users::totp_context(&user.id), sealed)?.to_vec(), user.totp_step),
        // Enrolled in another window meanwhile, or reset.
        _ => return Ok(Err(AppError::refused("session-over"))),
    };
    if enrol.is_none()
        && let Some(method) = passkeys::spend_code(tx, &user.id, code)?
    {
        return Ok(Ok(method));
    }
    let Some(step) = totp::accept(&secret, code, now, last) else {
        let spent = totp::accept(&secret, code, now, i64::MIN).is_some();
        if !spent {
            count_failure(tx, user, lenient)?;
        }
        return Ok(Err(AppError::invalid("totp", if spent { "code-spent" } else { "code-wrong" })));
    };
    if enrol.is_some() {
        users::user_totp_set(tx.conn, &user.id, Some(ring.envelope.seal(&users::totp_context(&user.id), &secret)), step)?;
    } else if !users::user_totp_spend(tx.conn, &user.id, step)? {
        return Ok(Err(AppError::invalid("totp", "code-spent")));
    }
    Ok(Ok(Method::Totp))
}

pub(super) fn remember_device(tx: &mut Tx<'_>, ring: &crypto::keyring::Keyring, device: &Device, user_id: &str) -> Result<(), StoreError> {
    let fingerprint = (!device.fingerprint.is_empty()).then(|| device.fingerprint.clone());
    let components_sealed = fingerprint
        .as_ref()
        .map(|_| ring.envelope.seal(&sessions::components_context(&device.device_id, user_id), device.components.to_string().as_bytes()));
    let now = tx.now().0;
    sessions::device_seen(
        tx.conn,
        DeviceRow {
            id: device.device_id.clone(),
            user_id: user_id.to_owned(),
            fingerprint,
            components_sealed,
            first_seen_at: now,
            last_seen_at: now,
        },
    )
}

/// The account that a sign-in is about. A name that does not exist is not recorded: people type their password there by mistake.
fn subject(user: Option<&UserRow>) -> Subject {
    Subject::new("user", user.map_or("unknown", |u| u.id.as_str()))
}
