//! A lost second factor is reset by two people: the system administrator proposes, the security administrator confirms within a day, each
//! with a fresh code. The person then enrols anew at the next sign-in; their sessions end at once. What that person decides on the same day is
//! shown with it ([`on_the_day_of`]): two administrators together could else decide in somebody's name and nobody would see it.

use std::time::Duration;

use serde_json::json;

use super::{App, AppError, AppResult, Caller, Done, step_up};
use crate::{
    clock::Instant,
    domain::{
        event::{Action, Outcome, Subject},
        role::Permission,
    },
    store::{
        Conn, StoreError, Tx, passkeys, sessions,
        users::{self, ResetDone},
    },
};

/// How long a proposal can be confirmed.
pub const OPEN: Duration = Duration::from_secs(24 * 3600);

/// When the second factor of `user_id` was proposed for reset, if that is still open.
pub async fn proposed(app: &App, user_id: &str) -> AppResult<Option<Instant>> {
    let (id, now) = (user_id.to_owned(), app.now());
    let found = app.store.read(move |conn| users::reset_find(conn, &id)).await?;
    Ok(found.map(|(_, at)| Instant(at)).filter(|at| now < at.plus(OPEN)))
}

/// The resets of `user_id`'s second factor on the calendar day of `at`, in the installation's time zone; before and after it.
pub(super) fn on_the_day_of(conn: &mut Conn, zone: &str, user_id: &str, at: Instant) -> Result<Vec<ResetDone>, StoreError> {
    let zone = jiff::tz::TimeZone::get(zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let day = |at: Instant| at.timestamp().to_zoned(zone.clone()).date();
    Ok(users::resets_done(conn, user_id)?.into_iter().filter(|done| day(Instant(done.at)) == day(at)).collect())
}

/// Which of the two steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Propose,
    Confirm,
}

/// First step: the system administrator proposes.
///
/// # Errors
/// `Forbidden`; `NotFound`; `Refused` with kind `own-account` or `no-second-factor`; those of a step-up. Each is recorded.
pub async fn propose(app: &App, caller: &Caller, user_id: &str, code: &str) -> AppResult<Done<()>> {
    take(app, caller, user_id, code, Step::Propose).await
}

/// Second step: the security administrator confirms, and the second factor is gone: authenticator, passkeys, recovery codes.
///
/// # Errors
/// As [`propose`], and `Refused` with kind `reset-not-proposed` or `reset-same-person`.
pub async fn confirm(app: &App, caller: &Caller, user_id: &str, code: &str) -> AppResult<Done<()>> {
    take(app, caller, user_id, code, Step::Confirm).await
}

/// Why a reset cannot be confirmed by `by` now, if so.
fn unconfirmable(tx: &mut Tx<'_>, by: &str, user_id: &str) -> Result<Option<AppError>, StoreError> {
    let now = tx.now();
    Ok(match users::reset_find(tx.conn, user_id)?.filter(|(_, at)| now < Instant(*at).plus(OPEN)) {
        None => Some(AppError::refused("reset-not-proposed")),
        Some((proposer, _)) if proposer == by => Some(AppError::refused("reset-same-person")),
        Some(_) => None,
    })
}

async fn take(app: &App, caller: &Caller, user_id: &str, code: &str, step: Step) -> AppResult<Done<()>> {
    let (permission, name) = match step {
        Step::Propose => (Permission::UserManage, "proposed"),
        Step::Confirm => (Permission::RoleManage, "confirmed"),
    };
    let about = Subject::new("user", user_id);
    app.require(caller, permission, Action::SecondFactorReset, about.clone()).await?;
    let (caller, user_id, code, ring) = (caller.clone(), user_id.to_owned(), code.to_owned(), app.store.keys().clone());
    let written = app
        .store
        .write(move |tx| {
            let refuse = |tx: &mut Tx<'_>, error: AppError| {
                let mut detail = error.as_detail();
                detail["step"] = json!(name);
                tx.append(caller.event(Action::SecondFactorReset, about.clone()).outcome(Outcome::Refused).detail(detail))?;
                Ok(Err(error))
            };
            // A token or the shell is nobody who could stand for this.
            let Some(by) = caller.user_id.clone() else { return refuse(tx, AppError::Forbidden(permission)) };
            if by == user_id {
                return refuse(tx, AppError::refused("own-account"));
            }
            let Some(user) = users::user_find(tx.conn, &user_id)? else { return refuse(tx, AppError::NotFound) };
            if user.totp_sealed.is_none() {
                return refuse(tx, AppError::refused("no-second-factor"));
            }
            // Before the code is spent.
            if let (Step::Confirm, Some(refusal)) = (step, unconfirmable(tx, &by, &user_id)?) {
                return refuse(tx, refusal);
            }
            if let Err(error) = step_up::spend_totp(tx, &ring, &by, &code)? {
                return refuse(tx, error);
            }
            let mut detail = json!({ "step": name });
            match step {
                Step::Propose => users::reset_put(tx.conn, &user_id, &by, tx.now().0)?,
                Step::Confirm => {
                    let proposed_by = users::reset_find(tx.conn, &user_id)?.map(|(proposer, _)| proposer).unwrap_or_default();
                    detail["proposed_by"] = json!(proposed_by);
                    let at = tx.now().0;
                    users::reset_done(tx.conn, &user_id, &ResetDone { at, proposed_by, confirmed_by: by })?;
                    users::reset_clear(tx.conn, &user_id)?;
                    // The last step stays, so that a spent code cannot come back with the same secret.
                    users::user_totp_set(tx.conn, &user_id, None, user.totp_step)?;
                    detail["passkeys_removed"] = json!(passkeys::delete_all(tx.conn, &user_id)?);
                    let now = tx.now().0;
                    detail["sessions_ended"] = json!(sessions::session_close_all(tx.conn, &user_id, None, now)?);
                }
            }
            tx.append(caller.event(Action::SecondFactorReset, about.clone()).detail(detail))?;
            Ok(Ok(()))
        })
        .await?;
    Done::from_write(written)
}
