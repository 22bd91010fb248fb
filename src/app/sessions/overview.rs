//! Everybody's sessions, for the security administrator: who is signed in, from where, since when; and ending them, with a reason.

use serde_json::json;

use crate::{
    app::{App, AppError, AppResult, Caller, Done, FieldError, Turn},
    clock::Instant,
    domain::{
        account,
        event::{Action, Outcome, Subject},
        role::Permission,
        text,
    },
    store::{
        sessions::{self, SessionRow},
        users,
    },
};

/// Sessions of a page of the list.
const PAGE: usize = 50;

/// A session with its person.
pub struct Overseen {
    pub row: SessionRow,
    pub name: String,
    pub username: String,
}

/// A page of the sessions that are open, the newest first, those of one person if `user_id` names one; with the ids that the pages before and
/// after lie beside.
///
/// # Errors
/// `Forbidden`, which is recorded.
pub async fn list(app: &App, caller: &Caller, user_id: Option<String>, turn: Turn) -> AppResult<(Vec<Overseen>, Option<String>, Option<String>)> {
    app.require(caller, Permission::AccessManage, Action::PermissionChecked, Subject::new("session", "all")).await?;
    let (now, limit) = (app.now(), i64::try_from(PAGE + 1).unwrap_or(i64::MAX));
    let idle = now.minus(account::IDLE);
    let found =
        app.store.read(move |conn| Ok(turn.cut(sessions::session_page(conn, user_id.as_deref(), now.0, idle.0, &turn, limit)?, PAGE))).await?;
    let (above, below) = found.edges(|(row, _, _)| row.id.clone());
    Ok((found.rows.into_iter().map(|(row, name, username)| Overseen { row, name, username }).collect(), above, below))
}

/// Which sessions are to end.
#[derive(Clone, Debug)]
pub enum Which {
    One(String),
    /// All of a person; of oneself all but the one that asks.
    OfPerson(String),
}

/// Ends somebody's sessions, at once.
///
/// # Errors
/// `Forbidden`; `NotFound`; `Invalid` on `reason`. Each is recorded.
pub async fn end(app: &App, caller: &Caller, which: Which, reason: &str) -> AppResult<Done<usize>> {
    let about = match &which {
        Which::One(id) => Subject::new("session", id.clone()),
        Which::OfPerson(id) => Subject::new("user", id.clone()),
    };
    app.require(caller, Permission::AccessManage, Action::SessionRevoked, about.clone()).await?;
    let reason = match text::paragraph(reason, 5, 500) {
        Ok(reason) => reason,
        Err(e) => {
            let error = AppError::Invalid(vec![FieldError::text("reason", e)]);
            return Err(app.refuse(caller, Action::SessionRevoked, about, None, error).await);
        }
    };
    let caller = caller.clone();
    let written = app
        .store
        .write(move |tx| {
            let now: Instant = tx.now();
            let ended = match &which {
                Which::One(id) => match sessions::session_find(tx.conn, id)? {
                    Some(session) => {
                        let running = sessions::session_close(tx.conn, id, now.0)?;
                        Some((usize::from(running), json!({ "user": session.user_id, "before": { "open": running }, "after": { "open": false } })))
                    }
                    None => None,
                },
                Which::OfPerson(id) => match users::user_find(tx.conn, id)? {
                    Some(_) => {
                        let keep = caller.session.as_deref().filter(|_| caller.user_id.as_ref() == Some(id));
                        let ended = sessions::session_close_all(tx.conn, id, keep, now.0)?;
                        Some((ended, json!({ "user": id, "sessions_ended": ended })))
                    }
                    None => None,
                },
            };
            let event = caller.event(Action::SessionRevoked, about.clone());
            let Some((ended, detail)) = ended else {
                tx.append(event.outcome(Outcome::Refused).detail(AppError::NotFound.as_detail()))?;
                return Ok(Err(AppError::NotFound));
            };
            tx.append(event.detail(detail).text(json!({ "reason": reason })))?;
            Ok(Ok(ended))
        })
        .await?;
    Done::from_write(written)
}
