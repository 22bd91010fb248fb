//! The queue of jobs as administrators see it: by kind, and those that have failed, which the system administrator can have tried again at once;
//! and the last backup. Not here: the queue itself (`store::jobs`), what a job does (`jobs`), taking a backup (`app::backup`).

use std::time::Duration;

use serde_json::json;

use super::{App, AppError, AppResult, Caller, Done, backup, refused};
use crate::{
    clock::Instant,
    domain::{
        event::{Action, Subject},
        role::Permission,
    },
    store::jobs,
};

pub use super::backup::last::Last;
pub use crate::store::jobs::{Failed, OfKind};

/// Failed jobs that are listed one by one.
pub const LISTED: i64 = 100;
/// After so long without a backup that is told.
pub const BACKUP: Duration = Duration::from_secs(7 * 86_400);

/// How it stands.
#[derive(Clone, Debug)]
pub struct Work {
    pub kinds: Vec<OfKind>,
    pub failed: Vec<Failed>,
}

/// The queue; needs [`Permission::SystemRead`].
///
/// # Errors
/// `Forbidden`, recorded.
pub async fn standing(app: &App, caller: &Caller) -> AppResult<Work> {
    app.require(caller, Permission::SystemRead, Action::PermissionChecked, Subject::new("system", "jobs")).await?;
    let now = app.now().0;
    let read = app.store.read(move |conn| Ok(Work { kinds: jobs::by_kind(conn, now)?, failed: jobs::failed(conn, now, LISTED)? }));
    Ok(read.await?)
}

/// The last backup, and whether none was taken for [`BACKUP`]; needs [`Permission::SystemRead`].
///
/// # Errors
/// `Forbidden`.
pub async fn last_backup(app: &App, caller: &Caller) -> AppResult<(Last, bool)> {
    if !caller.may(Permission::SystemRead) {
        return Err(AppError::Forbidden(Permission::SystemRead));
    }
    let last = app.store.read(backup::last::read).await?;
    let overdue = last.taken.as_ref().is_none_or(|taken| app.now().since(taken.at) > BACKUP);
    Ok((last, overdue))
}

/// Whether `caller` may have a job tried again: whoever keeps the connections that nearly all jobs work through, the system administrator.
pub fn may_retry(caller: &Caller) -> bool {
    caller.may(Permission::ConnectionManage)
}

/// Has a failed job tried again at once.
///
/// # Errors
/// `Forbidden`; `NotFound`; `Refused` with kind `job-done` or `job-running`, or `job-not-failed` for one that waits its turn. Each is recorded.
pub async fn retry(app: &App, caller: &Caller, id: &str) -> AppResult<Done<()>> {
    let about = Subject::new("job", id);
    app.require(caller, Permission::ConnectionManage, Action::JobRetried, about.clone()).await?;
    let (caller, id) = (caller.clone(), id.to_owned());
    let written = app
        .store
        .write(move |tx| {
            let event = caller.event(Action::JobRetried, about.clone());
            let now = tx.now();
            let refusal = match jobs::find(tx.conn, &id)? {
                None => AppError::NotFound,
                Some((_, true, _)) => AppError::refused("job-done"),
                Some((_, _, Some(until))) if until >= now.0 => AppError::refused("job-running"),
                Some((job, ..)) if job.last_error.is_none() => AppError::refused("job-not-failed"),
                Some((job, ..)) => {
                    jobs::hasten(tx.conn, &id, now.0)?;
                    let due = |at: i64| Instant(at).to_rfc3339();
                    let detail =
                        json!({ "kind": job.kind, "attempts": job.attempts, "before": { "due": due(job.run_at) }, "after": { "due": due(now.0) } });
                    tx.append(event.detail(detail))?;
                    return Ok(Ok(()));
                }
            };
            refused(tx, event, refusal)
        })
        .await?;
    app.wake.notify_one();
    Done::from_write(written)
}
