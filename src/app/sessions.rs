//! Signing in: password, then second factor, then an open session; and everything that ends one.
//!
//! The answer and the time taken are the same whether or not an account exists. Failures lock an account for at most 15 minutes, and not
//! at all for a device that has signed in to it before, so that nobody can lock another person out.

use serde_json::json;

use super::{
    App, AppError, AppResult, Caller, Client, Device, Done,
    people::{self, Person, Signed},
    throttle,
};
use crate::{
    clock::Instant,
    crypto::{self, password, token, totp},
    domain::{
        account::{self, SessionState},
        event::{Action, Event, Outcome, Subject},
    },
    id::SessionId,
    store::{
        Conn, StoreError, Tx,
        sessions::{self, DeviceRow, SessionRow},
        users::{self, UserRow},
    },
};

/// How long a sign-in waits for its turn to be hashed.
const HASHING_WAIT: std::time::Duration = std::time::Duration::from_secs(10);

/// A session's cookie value, handed out once, with what comes next.
#[derive(Clone, Debug)]
pub struct Opened {
    pub cookie: String,
    pub state: SessionState,
}

/// Finds who a cookie belongs to: any session that has neither ended nor run out, of an account that may be used. Notes the request on
/// the session, at most once a minute.
pub async fn resolve(app: &App, cookie: &str) -> AppResult<Option<Signed>> {
    let hash = token::hash(cookie);
    let now = app.now();
    let found = app
        .store
        .read(move |conn| {
            let Some(session) = sessions::session_by_hash(conn, &hash)? else { return Ok(None) };
            if session.state == SessionState::Closed.as_str() || !account::alive(session.seen_at, session.expires_at, now) {
                return Ok(None);
            }
            let Some(person) = people::person_find(conn, &session.user_id)? else { return Ok(None) };
            if !person.may_sign_in(now) {
                return Ok(None);
            }
            let fingerprint = match &session.device_id {
                Some(device) => sessions::device_find(conn, device, &session.user_id)?.and_then(|d| d.fingerprint),
                None => None,
            };
            Ok(Some(Signed { session, person, fingerprint }))
        })
        .await?;
    if let Some(signed) = &found
        && now.since(Instant(signed.session.seen_at)).as_secs() >= 60
    {
        let id = signed.session.id.clone();
        // Losing this note only shortens the session.
        let _ = app.store.write(move |tx| sessions::session_touch(tx.conn, &id, now.0)).await;
    }
    Ok(found)
}

/// What the first step looks up before it spends time on the password.
struct Found {
    user: Option<UserRow>,
    /// Has signed in to the account before.
    known_device: bool,
    /// As it is to this account.
    device: Option<Device>,
}

impl Found {
    fn new(conn: &mut Conn, user: Option<UserRow>, mut device: Option<Device>) -> Result<Self, StoreError> {
        let mut known_device = false;
        if let (Some(user), Some(device)) = (&user, &mut device) {
            known_device = sessions::device_find(conn, &device.device_id, &user.id)?.is_some();
            super::device::judge(conn, device, &user.id)?;
        }
        Ok(Self { user, known_device, device })
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
        let flood = format!("locked/{}", keys.address);
        if app.throttle.count(&flood, now) > throttle::STRANGER_POSTS {
            return Err(error);
        }
        return Err(app.refuse(&caller, Action::SessionOpened, subject(found.user.as_ref()), None, error).await);
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
        .store
        .write({
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
                sessions::session_insert(
                    tx.conn,
                    &SessionRow {
                        id: id.0.clone(),
                        token_hash: cookie_hash.clone(),
                        user_id: user.id.clone(),
                        csrf: csrf.clone(),
                        state: state.as_str().to_owned(),
                        device_id: device_id(&caller),
                        client_ip: caller.client.as_ref().map(|c| c.client_ip.clone()),
                        user_agent: caller.client.as_ref().map(|c| c.user_agent.clone()),
                        flash: None,
                        created_at: now.0,
                        seen_at: now.0,
                        expires_at: now.plus(account::PENDING).0,
                        closed_at: None,
                    },
                )?;
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

/// Second step: the code. A right one opens the session under a fresh cookie and is spent in the same write.
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
        .store
        .write({
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
                let (secret, last) = match (&enrol, &user.totp_sealed) {
                    (Some(fresh), None) => (fresh.clone(), 0),
                    (None, Some(sealed)) => (ring.envelope.open(&users::totp_context(&user.id), sealed)?.to_vec(), user.totp_step),
                    // Enrolled in another window meanwhile, or reset.
                    _ => return refuse(tx, AppError::refused("session-over")),
                };
                let Some(step) = totp::accept(&secret, &code, now, last) else {
                    let spent = totp::accept(&secret, &code, now, i64::MIN).is_some();
                    if !spent {
                        count_failure(tx, &user, lenient)?;
                    }
                    return refuse(tx, AppError::invalid("totp", if spent { "code-spent" } else { "code-wrong" }));
                };
                if enrol.is_some() {
                    users::user_totp_set(tx.conn, &user.id, Some(ring.envelope.seal(&users::totp_context(&user.id), &secret)), step)?;
                } else if !users::user_totp_spend(tx.conn, &user.id, step)? {
                    return refuse(tx, AppError::invalid("totp", "code-spent"));
                }
                users::user_failures_set(tx.conn, &user.id, 0, None)?;
                if !sessions::session_open(tx.conn, &session, &cookie_hash, &csrf, now.0, now.plus(account::ABSOLUTE).0)? {
                    return refuse(tx, AppError::refused("session-over"));
                }
                if let Some(device) = caller.device.as_ref().filter(|d| !d.device_id.is_empty()) {
                    remember_device(tx, &ring, device, &user.id)?;
                }
                tx.append(caller.event(action, about.clone()).detail(json!({ "step": "second_factor", "method": "totp", "opened": true })))?;
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

fn remember_device(tx: &mut Tx<'_>, ring: &crypto::keyring::Keyring, device: &Device, user_id: &str) -> Result<(), StoreError> {
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

/// Signs out. Ending a session that has ended already is no error.
pub async fn close(app: &App, caller: &Caller) -> AppResult<Done<()>> {
    let caller = caller.clone();
    let written = app
        .store
        .write(move |tx| {
            let id = caller.session.clone().unwrap_or_default();
            let now = tx.now();
            let running = sessions::session_close(tx.conn, &id, now.0)?;
            tx.append(caller.event(Action::SessionClosed, Subject::new("session", id)).detail(json!({ "was_open": running })))?;
            Ok(Ok(()))
        })
        .await?;
    Done::from_write(written)
}

/// Ends one of the caller's own sessions.
pub async fn revoke(app: &App, caller: &Caller, session_id: &str) -> AppResult<Done<()>> {
    let (caller, session_id) = (caller.clone(), session_id.to_owned());
    let written = app
        .store
        .write(move |tx| {
            let now = tx.now();
            let own = sessions::session_find(tx.conn, &session_id)?.filter(|s| Some(&s.user_id) == caller.user_id.as_ref());
            let about = Subject::new("session", session_id.clone());
            let Some(session) = own else {
                tx.append(caller.event(Action::SessionRevoked, about).outcome(Outcome::Refused).detail(AppError::NotFound.as_detail()))?;
                return Ok(Err(AppError::NotFound));
            };
            sessions::session_close(tx.conn, &session.id, now.0)?;
            tx.append(caller.event(Action::SessionRevoked, about).detail(json!({ "user": session.user_id })))?;
            Ok(Ok(()))
        })
        .await?;
    Done::from_write(written)
}

/// The open sessions of a person, the last used first.
pub async fn of_person(app: &App, user_id: &str) -> AppResult<Vec<SessionRow>> {
    let (user_id, now) = (user_id.to_owned(), app.now());
    let rows = app.store.read(move |conn| sessions::session_list(conn, &user_id, now.0)).await?;
    Ok(rows.into_iter().filter(|s| account::alive(s.seen_at, s.expires_at, now)).collect())
}

/// A message for the session's next page, as JSON `{"kind","text"}`; `None` clears it.
pub async fn flash(app: &App, session_id: &str, flash: Option<String>) -> AppResult<()> {
    let id = session_id.to_owned();
    app.store.write(move |tx| sessions::session_flash_set(tx.conn, &id, flash.as_deref())).await?;
    Ok(())
}

/// Checks a password off the async workers, as many at a time as `app.hashing` allows.
pub(super) async fn verify_password(app: &App, typed: String, phc: Option<String>) -> AppResult<bool> {
    // Nobody's password is that long: hashing it would only be work for us.
    let phc = phc.filter(|_| typed.len() <= 4096);
    let typed = if typed.len() <= 4096 { typed } else { String::new() };
    hashing(app, move || password::verify(&typed, phc.as_deref())).await
}

/// Hashes a password off the async workers.
pub(super) async fn hash_password(app: &App, typed: String) -> AppResult<String> {
    hashing(app, move || password::hash(&typed)).await
}

async fn hashing<T: Send + 'static>(app: &App, work: impl FnOnce() -> T + Send + 'static) -> AppResult<T> {
    let busy = || AppError::TooMany { retry_after: 5 };
    let permit = tokio::time::timeout(HASHING_WAIT, app.hashing.clone().acquire_owned()).await.map_err(|_| busy())?.map_err(|_| busy())?;
    tokio::task::spawn_blocking(move || {
        let _permit = permit;
        work()
    })
    .await
    .map_err(|_| AppError::Store(StoreError::Panicked))
}

fn device_id(caller: &Caller) -> Option<String> {
    caller.device.as_ref().map(|d| d.device_id.clone()).filter(|id| !id.is_empty())
}

/// The account that a sign-in is about. A name that does not exist is not recorded: people type their password there by mistake.
fn subject(user: Option<&UserRow>) -> Subject {
    Subject::new("user", user.map_or("unknown", |u| u.id.as_str()))
}

/// Counts a failure on the account. From a device that the account knows it locks nothing; that device has a limit of its own.
fn count_failure(tx: &mut Tx<'_>, user: &UserRow, lenient: bool) -> Result<(), StoreError> {
    if lenient {
        return Ok(());
    }
    let failures = user.failures + 1;
    let until = account::lock_after(failures).map(|lock| tx.now().plus(lock).0);
    users::user_failures_set(tx.conn, &user.id, failures, until)
}

/// Which counters a sign-in touches.
struct Keys {
    address: String,
    /// Set where the device has signed in to the account before: then it alone counts.
    device: Option<String>,
    /// Set where no such account exists: it then locks like one that does.
    nobody: Option<String>,
}

impl Keys {
    fn new(caller: &Caller, user_id: Option<&str>, known_device: bool, username: &str) -> Self {
        let address = caller.client.as_ref().map_or("", |c| c.client_ip.as_str());
        let device = known_device.then(|| format!("device/{}/{}", device_id(caller).unwrap_or_default(), user_id.unwrap_or_default()));
        let nobody = user_id.is_none().then(|| format!("nobody/{}", hex::encode(crypto::sha256(username.as_bytes()))));
        Self { address: throttle::address_key(address), device, nobody }
    }

    fn wait(&self, app: &App, user: Option<&UserRow>, now: Instant) -> Option<u64> {
        if let Some(device) = &self.device {
            return app.throttle.wait(device, throttle::FAILURES_PER_DEVICE, now);
        }
        let by_address = app.throttle.wait(&self.address, throttle::FAILURES_PER_ADDRESS, now);
        let by_account = match (&self.nobody, user) {
            (Some(key), _) => {
                let (count, last) = app.throttle.failures(key, now);
                let until = last.zip(account::lock_after(i64::from(count))).map(|(last, lock)| last.plus(lock).0);
                account::seconds_left(until, now)
            }
            (None, Some(user)) => account::seconds_left(user.locked_until, now),
            (None, None) => None,
        };
        by_address.max(by_account)
    }

    fn count(&self, app: &App, now: Instant) {
        match &self.device {
            Some(device) => {
                app.throttle.count(device, now);
            }
            None => {
                app.throttle.count(&self.address, now);
                if let Some(key) = &self.nobody {
                    app.throttle.count(key, now);
                }
            }
        }
    }

    fn forget(&self, app: &App) {
        if let Some(device) = &self.device {
            app.throttle.forget(device);
        }
    }
}

/// An event of a request that came to nothing before it reached a use case: no session, a forged post, a read-only account.
pub async fn turned_away(app: &App, caller: &Caller, method: &str, route: &str, reason: &'static str) -> AppResult<()> {
    let event: Event = caller
        .event(Action::PermissionChecked, Subject::new("route", route))
        .outcome(Outcome::Refused)
        .detail(json!({ "method": method, "route": route, "reason": reason }));
    app.record(event).await?;
    Ok(())
}

/// Whether `person` holds nothing but the right to look.
pub fn is_read_only(person: &Person) -> bool {
    person.roles.contains(&crate::domain::role::Role::Auditor)
}
