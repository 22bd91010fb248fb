//! Sessions: who a cookie belongs to, and everything that ends one. How one comes to be is in `sign_in`.

mod limits;
pub mod overview;
mod passwordless;
mod sign_in;

use serde_json::{Value, json};

pub use passwordless::open;
pub use sign_in::{Opened, begin, enrol, enrolment_open, enrolment_seal, verify};

use super::{
    App, AppError, AppResult, Caller, Done,
    people::{self, Person, Signed},
};
use crate::{
    clock::Instant,
    crypto::token,
    domain::{
        account::{self, SessionState},
        event::{Action, Event, Outcome, Subject},
    },
    store::sessions::{self, SessionRow},
};

/// Finds who a cookie belongs to: any session that has neither ended nor run out, of an account that may be used. Where a `person` asks,
/// the request is noted on the session, at most once a minute; a page that asks by itself keeps no session awake.
pub async fn resolve(app: &App, cookie: &str, person: bool) -> AppResult<Option<Signed>> {
    let hash = token::hash(cookie);
    let now = app.now();
    let found = app
        .store
        .look_up(move |conn| {
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
            let person = person.with_grants(conn, now)?;
            Ok(Some(Signed { session, person, fingerprint }))
        })
        .await?;
    if let Some(signed) = found.as_ref().filter(|_| person)
        && now.since(Instant(signed.session.seen_at)).as_secs() >= 60
    {
        let id = signed.session.id.clone();
        // Losing this note only shortens the session.
        let _ = app.store.write(move |tx| sessions::session_touch(tx.conn, &id, now.0)).await;
    }
    Ok(found)
}

/// Signs out. Ending a session that has ended already is no error.
pub async fn close(app: &App, caller: &Caller) -> AppResult<Done<()>> {
    let (caller, audits) = (caller.clone(), caller.audits());
    let written = app
        .write_of(audits, move |tx| {
            let id = caller.session.clone().unwrap_or_default();
            let now = tx.now();
            let running = sessions::session_close(tx.conn, &id, now.0)?;
            let detail = json!({ "before": { "open": running }, "after": { "open": false } });
            tx.append(caller.event(Action::SessionClosed, Subject::new("session", id)).detail(detail))?;
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
            let running = sessions::session_close(tx.conn, &session.id, now.0)?;
            let detail = json!({ "user": session.user_id, "before": { "open": running }, "after": { "open": false } });
            tx.append(caller.event(Action::SessionRevoked, about).detail(detail))?;
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

/// An event of a request that came to nothing before it reached a use case: no session, a forged post, a read-only account.
pub async fn turned_away(app: &App, caller: &Caller, method: &str, route: &str, outcome: Outcome, detail: Value) -> AppResult<()> {
    let event: Event = caller.event(Action::PermissionChecked, Subject::new("route", route)).outcome(outcome);
    let mut said = json!({ "method": method, "route": route });
    if let (Some(said), Value::Object(more)) = (said.as_object_mut(), detail) {
        said.extend(more);
    }
    app.record_of(caller, event.detail(said)).await?;
    Ok(())
}

/// Whether `person` holds nothing but the right to look.
pub fn is_read_only(person: &Person) -> bool {
    person.roles.contains(&crate::domain::role::Role::Auditor)
}
