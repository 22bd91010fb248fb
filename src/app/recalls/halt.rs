//! The kill switch: nothing more is approved, and a running execution stops before its next call.

use serde_json::json;

use super::{App, AppError, AppResult, Caller, Dossier, Loaded, advance, load, passage, refusal, refused, subject, telling};
use crate::{
    app::Done,
    domain::{
        event::Action,
        recall::{Rules, execution},
        role::Permission,
    },
    store::StoreError,
};

/// Halts a case. What was already called stays called; the outcome tells.
///
/// # Errors
/// `Invalid` on `reason`; `Refused` with `nothing-to-halt`; recorded.
pub async fn halt(app: &App, caller: &Caller, id: &str, reason: &str) -> AppResult<Done<String>> {
    let wanted = id.to_owned();
    let found = app.store.read(move |conn| load(conn, &wanted)).await?;
    let case_id = found.as_ref().map_or_else(|| super::plain(id), |l| l.row.id.clone());
    let about = found.as_ref().map(|l| l.row.id.clone());
    let checked = match (caller.may(Permission::RecallHalt), found, telling("reason", reason)) {
        (false, ..) => Err(AppError::Forbidden(Permission::RecallHalt)),
        (_, None, _) => Err(AppError::NotFound),
        (.., Err(error)) => Err(AppError::Invalid(vec![error])),
        (.., Ok(reason)) => Ok(reason),
    };
    let reason = match checked {
        Ok(reason) => reason,
        Err(error) => return Err(app.refuse(caller, Action::RecallHalted, subject(&case_id), about.as_deref(), error).await),
    };
    let (caller2, app2) = (caller.clone(), app.clone());
    let written = app
        .store
        .write(move |tx| {
            let event = caller2.event(Action::RecallHalted, subject(&case_id)).case(&case_id).text(json!({ "reason": reason }));
            let Loaded { row, case, .. } = load(tx.conn, &case_id)?.ok_or(StoreError::NotFound)?;
            let next = match execution::halt(Rules::ALL, &case) {
                Ok(next) => next,
                Err(guard) => return refused(tx, event, refusal(guard)),
            };
            let envelope = &app2.store.keys().envelope;
            let mut dossier = Dossier::open(envelope, &row)?;
            dossier.halt_reason = Some(reason.clone());
            let sealed = dossier.seal(envelope, &row.id)?;
            match advance(tx, &row, &next, |row| row.request_sealed = sealed)? {
                Ok(after) => {
                    let (before, after) = passage(&row, &after);
                    tx.append(event.detail(json!({ "before": before, "after": after, "halted": true })))?;
                    Ok(Ok(row.id))
                }
                Err(error) => refused(tx, event, error),
            }
        })
        .await;
    app.wake.notify_one();
    Done::from_write(written?)
}
