//! Signing in by a passkey alone: it stands for the person's device and, as the person was verified there, for the person.

use serde_json::json;

use super::{
    limits::Keys,
    sign_in::{Found, Fresh, Opened, remember_device},
};
use crate::{
    app::{
        App, AppError, AppResult, Caller, Client, Device, Done,
        passkeys::{self, Purpose},
        people, step_up,
    },
    crypto::token,
    domain::{
        account::{Method, SessionState},
        event::{Action, Outcome, Subject},
    },
    id::SessionId,
    store::{StoreError, Tx, sessions, users},
};

/// Opens a session for whoever the passkey belongs to.
///
/// # Errors
/// `Invalid` on `totp` and `Refused` as `passkeys::spend` says; `TooMany` while the address is locked. Each is recorded.
pub async fn open(app: &App, client: Client, device: Option<Device>, posted: &str) -> AppResult<Done<Opened>> {
    let mut caller = Caller::anonymous(client, device);
    let now = app.now();
    let stranger = || Subject::new("user", "unknown");
    let Some(answer) = passkeys::read(app.store.keys(), posted) else {
        let error = AppError::invalid(step_up::FIELD, if posted.is_empty() { "passkey-needs-script" } else { "passkey-stale" });
        return Err(app.refuse(&caller, Action::SessionOpened, stranger(), None, error).await);
    };
    let lookup = caller.device.take();
    let (answer, found) = app
        .store
        .read(move |conn| {
            let user = match passkeys::claimed(conn, &answer)? {
                Some(id) => users::user_find(conn, &id)?,
                None => None,
            };
            let found = Found::new(conn, user, lookup)?;
            Ok((answer, found))
        })
        .await?;
    caller.device.clone_from(&found.device);
    let user_id = found.user.as_ref().map(|u| u.id.clone());
    let keys = Keys::new(&caller, user_id.as_deref(), found.known_device, "");
    if let Some(retry_after) = keys.wait(app, None, now) {
        return Err(app.refuse(&caller, Action::SessionOpened, stranger(), None, AppError::TooMany { retry_after }).await);
    }
    let (cookie, cookie_hash) = token::fresh();
    let (csrf, id) = (token::fresh().0, SessionId::fresh());
    let ring = app.store.keys().clone();
    let written = app
        .write_of(found.audits, move |tx| {
            let now = tx.now();
            let refuse = |tx: &mut Tx<'_>, error: AppError| {
                let mut detail = error.as_detail();
                detail["step"] = json!("passkey");
                let about = user_id.as_ref().map_or_else(stranger, |id| Subject::new("user", id));
                tx.append(caller.event(Action::SessionOpened, about).outcome(Outcome::Refused).detail(detail))?;
                Ok(Err(error))
            };
            let user = match &user_id {
                Some(id) => users::user_find(tx.conn, id)?,
                None => None,
            };
            let Some(user) = user else { return refuse(tx, AppError::invalid(step_up::FIELD, "passkey-unknown")) };
            if let Err(error) = passkeys::spend(tx, &answer, Purpose::SignIn, "", &user.id)? {
                return refuse(tx, error);
            }
            users::user_failures_set(tx.conn, &user.id, 0, None)?;
            users::user_signed_in(tx.conn, &user.id, now.0)?;
            let fresh = Fresh { id: id.0.clone(), token_hash: cookie_hash.clone(), csrf: csrf.clone(), state: SessionState::Open };
            sessions::session_insert(tx.conn, &fresh.row(&caller, &user.id, now))?;
            if let Some(device) = caller.device.as_ref().filter(|d| !d.device_id.is_empty()) {
                remember_device(tx, &ring, device, &user.id)?;
            }
            let detail = json!({ "step": "passkey", "method": Method::Passkey, "opened": true });
            let person = people::person_find(tx.conn, &user.id)?.ok_or(StoreError::NotFound)?;
            let who = person.caller(Some(id.0.clone()), caller.client.clone(), caller.device.clone());
            tx.append(who.event(Action::SessionOpened, Subject::new("user", &user.id)).detail(detail))?;
            Ok::<_, StoreError>(Ok(()))
        })
        .await?;
    let done = Done::from_write(written);
    if done.is_err() {
        keys.count(app, now);
    }
    done.map(|done| Done { value: Opened { cookie, state: SessionState::Open }, receipt: done.receipt })
}
