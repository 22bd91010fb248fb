//! The requester takes the request back (撤销申请).

use serde_json::json;

use super::{App, AppError, AppResult, Caller, Loaded, advance, decider, known, load, passage, refusal, refused, subject};
use crate::{
    app::{Done, FieldError, once},
    domain::{
        event::Action,
        recall::{Rules, approval},
        role::Permission,
        text,
    },
    store::StoreError,
};

/// Withdraws a case that is being judged; `reason` may be empty. A request that comes again under its key `once` gets what it got.
///
/// # Errors
/// `Refused` with `not-the-requester` or `not-open`; recorded.
pub async fn withdraw(app: &App, caller: &Caller, id: &str, reason: &str, once: Option<once::Key>) -> AppResult<Done<String>> {
    let loaded = known(app, caller, id).await;
    let case_id = loaded.as_ref().map_or_else(|_| super::plain(id), |l| l.row.id.clone());
    let about = loaded.as_ref().ok().map(|l| l.row.id.clone());
    let checked = match (caller.may(Permission::RecallRequest), loaded, text::paragraph(reason, 0, 500)) {
        (false, ..) => Err(AppError::Forbidden(Permission::RecallRequest)),
        (_, Err(error), _) => Err(error),
        (.., Err(error)) => Err(AppError::Invalid(vec![FieldError::text("reason", error)])),
        (.., Ok(reason)) => Ok(reason),
    };
    let reason = match checked {
        Ok(reason) => reason,
        Err(error) => return Err(app.refuse(caller, Action::RecallWithdrawn, subject(&case_id), about.as_deref(), error).await),
    };
    let caller2 = caller.clone();
    let written = app
        .store
        .write(move |tx| {
            let event = caller2.event(Action::RecallWithdrawn, subject(&case_id)).case(&case_id).text(json!({ "reason": reason }));
            if let Some(once) = &once {
                match once::earlier(tx, once)? {
                    Ok(Some(made)) => return Ok(Ok(made)),
                    Ok(None) => {}
                    Err(error) => return refused(tx, event, error),
                }
            }
            let Loaded { row, case, .. } = load(tx.conn, &case_id)?.ok_or(StoreError::NotFound)?;
            let next = match approval::withdraw(Rules::ALL, &case, &decider(&caller2).user) {
                Ok(next) => next,
                Err(guard) => return refused(tx, event, refusal(guard)),
            };
            match advance(tx, &row, &next, |_| {})? {
                Ok(after) => {
                    let (before, after) = passage(&row, &after);
                    tx.append(event.detail(json!({ "before": before, "after": after })))?;
                    if let Some(once) = &once {
                        once::keep(tx, once, &row.id)?;
                    }
                    Ok(Ok(row.id))
                }
                Err(error) => refused(tx, event, error),
            }
        })
        .await;
    app.wake.notify_one();
    let done = Done::from_write(written?)?;
    let case = done.value.clone();
    once::receipted(app, done, Action::RecallWithdrawn, &case).await
}
