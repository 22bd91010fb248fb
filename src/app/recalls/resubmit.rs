//! A returned request comes back with more to say: a new round, all levels anew, new due times; what was asked before stays on record.

use serde_json::json;

use super::{
    App, AppError, AppResult, Caller, Dossier, Loaded, Submission, advance, class_of, correct, decider, escalate, known, load, passage, refusal,
    refused, subject, telling,
};
use crate::{
    app::{Done, FieldError, broadcasts, policies},
    domain::{
        event::Action,
        recall::{Rules, approval},
        role::Permission,
        text,
    },
    store::StoreError,
};

/// What a resubmission says.
#[derive(Clone, Debug, Default)]
pub struct Again {
    pub reason: String,
    pub basis: String,
    pub tell_readers: bool,
    /// What is sent in its place once it is taken back; nothing takes an earlier round's back.
    pub correction: Option<correct::Typed>,
}

/// Resubmits a returned case.
///
/// # Errors
/// `Forbidden`; `Invalid` on `reason`, `basis`, `correction.title`, `correction.text`; `Refused` with `not-returned`, `not-the-requester-resubmitting` or `past-cut-off-resubmitting`; recorded.
pub async fn resubmit(app: &App, caller: &Caller, id: &str, again: Again) -> AppResult<Done<String>> {
    let loaded = known(app, caller, id).await;
    let case_id = loaded.as_ref().map_or_else(|_| super::plain(id), |l| l.row.id.clone());
    let about = loaded.as_ref().ok().map(|l| l.row.id.clone());
    let checked = match (caller.may(Permission::RecallRequest), loaded) {
        (false, _) => Err(AppError::Forbidden(Permission::RecallRequest)),
        (_, Err(error)) => Err(error),
        (true, Ok(loaded)) => match parse(&again) {
            Ok(parsed) => corrected(app, caller, &loaded, &again).await.map(|correction| (parsed, correction)),
            Err(error) => Err(error),
        },
    };
    let ((reason, basis), correction) = match checked {
        Ok(parsed) => parsed,
        Err(error) => return Err(app.refuse(caller, Action::RecallResubmitted, subject(&case_id), about.as_deref(), error).await),
    };
    let (caller2, app2) = (caller.clone(), app.clone());
    let written = app
        .store
        .write(move |tx| {
            let event = caller2.event(Action::RecallResubmitted, subject(&case_id)).case(&case_id).text(json!({ "reason": reason, "basis": basis }));
            let Loaded { row, case, .. } = load(tx.conn, &case_id)?.ok_or(StoreError::NotFound)?;
            let now = tx.now();
            let next = match approval::resubmit(Rules::ALL, &case, &decider(&caller2).user, now) {
                Ok(next) => next,
                Err(guard) => return refused(tx, event, refusal(guard)),
            };
            let envelope = &app2.store.keys().envelope;
            let mut dossier = Dossier::open(envelope, &row)?;
            dossier.submissions.push(Submission {
                at: now,
                reason: reason.clone(),
                basis: basis.clone(),
                tell_readers: again.tell_readers,
                correction: correction.clone(),
            });
            let sealed = dossier.seal(envelope, &row.id)?;
            let due = policies::due(tx.conn, &row, class_of(&row)?, 1, now)?;
            let changed = advance(tx, &row, &next, |row| {
                row.request_sealed = sealed;
                row.correction_id = correction.as_ref().map(|c| c.id.clone());
                (row.due_1, row.due_2, row.due_3) = (due[0].0, due[1].0, due[2].0);
            })?;
            match changed {
                Ok(after) => {
                    escalate::at_due(tx, &after, 1)?;
                    let (before, after) = passage(&row, &after);
                    let mut detail =
                        json!({ "before": before, "after": after, "due": due.map(|d| d.to_rfc3339()), "tell_readers": again.tell_readers });
                    correct::told(&mut detail, correction.as_ref())?;
                    tx.append(event.detail(detail))?;
                    Ok(Ok(row.id))
                }
                Err(error) => refused(tx, event, error),
            }
        })
        .await;
    Done::from_write(written?)
}

fn parse(again: &Again) -> AppResult<(String, String)> {
    let mut errors = Vec::new();
    let reason = telling("reason", &again.reason).map_err(|e| errors.push(e)).unwrap_or_default();
    let basis = text::paragraph(&again.basis, 0, 200).map_err(|e| errors.push(FieldError::text("basis", e))).unwrap_or_default();
    if errors.is_empty() { Ok((reason, basis)) } else { Err(AppError::Invalid(errors)) }
}

/// The correction of this round, under the id of an earlier one.
async fn corrected(app: &App, caller: &Caller, loaded: &Loaded, again: &Again) -> AppResult<Option<correct::Correction>> {
    let broadcast = broadcasts::load(app, &loaded.row.broadcast_id).await?;
    correct::parse(app, caller, &broadcast, again.correction.as_ref(), loaded.row.correction_id.clone()).await
}
