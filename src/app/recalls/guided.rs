//! Guided recall: a platform operator acts in the platform's own console and proves it by captures; a second person looks and confirms.

use serde_json::json;

use super::{
    App, AppError, AppResult, Caller, Dossier, Loaded, Stated, advance, decider, execute, known, load, passage, refusal, refused, subject, telling,
};
use crate::{
    app::{Done, FieldError, step_up},
    crypto,
    domain::{
        event::Action,
        outcome::{RecipientOutcome, Tally},
        recall::{Rules, execution},
        role::Permission,
        text,
    },
    id::AttachmentId,
    store::{
        StoreError,
        attachments::{self, AttachmentRow},
        recalls,
    },
};

/// Outcomes that an operator can state; a person's word never confirms.
pub const STATABLE: [RecipientOutcome; 4] =
    [RecipientOutcome::Accepted, RecipientOutcome::StillVisible, RecipientOutcome::Unknown, RecipientOutcome::Failed];

/// The largest capture, in bytes.
pub const MAX_CAPTURE: usize = 10 * 1024 * 1024;

/// What an operator uploads.
#[derive(Clone, Default)]
pub struct Capture {
    pub file_name: String,
    pub bytes: Vec<u8>,
    /// A word of [`STATABLE`].
    pub outcome: String,
    pub note: String,
}

/// Adds a capture and states the result; the first one starts the execution.
///
/// # Errors
/// `Invalid` on `capture` (`required`, `too-large`, `picture`), `outcome`, `note`; `Refused` by a rule; each recorded.
pub async fn capture(app: &App, caller: &Caller, id: &str, input: Capture) -> AppResult<Done<String>> {
    let loaded = known(app, caller, id).await;
    let case_id = loaded.as_ref().map_or_else(|_| super::plain(id), |l| l.row.id.clone());
    let about = loaded.as_ref().ok().map(|l| l.row.id.clone());
    let checked = match (caller.may(Permission::RecallExecute) && caller.user_id.is_some(), loaded) {
        (false, _) => Err(AppError::Forbidden(Permission::RecallExecute)),
        (_, Err(error)) => Err(error),
        _ => parse(&input),
    };
    let (outcome, note, media_type, name) = match checked {
        Ok(parsed) => parsed,
        Err(error) => return Err(app.refuse(caller, Action::RecallCaptureUploaded, subject(&case_id), about.as_deref(), error).await),
    };
    let attachment = AttachmentId::fresh().0;
    let sealed = app.store.keys().envelope.seal(&format!("attachments/{attachment}/sealed"), &input.bytes);
    let (sha256, size) = (crypto::sha256(&input.bytes), i64::try_from(input.bytes.len()).unwrap_or(i64::MAX));
    let (caller2, app2) = (caller.clone(), app.clone());
    let written = app
        .store
        .write(move |tx| {
            let event = caller2.event(Action::RecallCaptureUploaded, subject(&case_id)).case(&case_id).text(json!({ "note": note, "file": name }));
            let Loaded { row, case, .. } = load(tx.conn, &case_id)?.ok_or(StoreError::NotFound)?;
            let who = decider(&caller2).user;
            let now = tx.now();
            let next = match execution::capture(Rules::ALL, &case, &who, now) {
                Ok(next) => next,
                Err(guard) => return refused(tx, event, refusal(guard)),
            };
            let envelope = &app2.store.keys().envelope;
            let mut dossier = Dossier::open(envelope, &row)?;
            dossier.stated = Some(Stated { outcome, note: note.clone(), by: who.0.clone(), at: now });
            let request = dossier.seal(envelope, &row.id)?;
            let after = match advance(tx, &row, &next, |row| row.request_sealed = request)? {
                Ok(after) => after,
                Err(error) => return refused(tx, event, error),
            };
            attachments::insert(
                tx.conn,
                AttachmentRow {
                    id: attachment.clone(),
                    broadcast_id: None,
                    recall_id: Some(row.id.clone()),
                    kind: "capture".to_owned(),
                    name: name.clone(),
                    media_type: media_type.to_owned(),
                    size,
                    sha256: sha256.to_vec(),
                    sealed: sealed.clone(),
                    uploaded_by: who.0,
                    uploaded_at: now.0,
                    confirmed_by: None,
                    confirmed_at: None,
                },
            )?;
            let (before, after) = passage(&row, &after);
            tx.append(event.detail(json!({
                "attachment": attachment, "sha256": hex::encode(sha256), "size": size, "media_type": media_type,
                "outcome": outcome, "before": before, "after": after,
            })))?;
            Ok(Ok(row.id))
        })
        .await;
    Done::from_write(written?)
}

fn parse(input: &Capture) -> AppResult<(RecipientOutcome, String, &'static str, String)> {
    let mut errors = Vec::new();
    let outcome = RecipientOutcome::parse(&input.outcome).filter(|o| STATABLE.contains(o));
    if outcome.is_none() {
        errors.push(FieldError::new("outcome", if input.outcome.is_empty() { "required" } else { "choice" }));
    }
    let note = telling("note", &input.note).map_err(|e| errors.push(e)).unwrap_or_default();
    let media = crate::app::broadcasts::report::picture_type(&input.bytes);
    match media {
        _ if input.bytes.is_empty() => errors.push(FieldError::new("capture", "required")),
        _ if input.bytes.len() > MAX_CAPTURE => errors.push(FieldError::new("capture", "too-large").arg("max", MAX_CAPTURE)),
        None => errors.push(FieldError::new("capture", "picture")),
        Some(_) => {}
    }
    match (outcome, media) {
        (Some(outcome), Some(media)) if errors.is_empty() => Ok((outcome, note, media, crate::app::broadcasts::report::file_name(&input.file_name))),
        _ => Err(AppError::Invalid(errors)),
    }
}

/// Whether a person may confirm at all: operators and deciders can; who of them, the rules say.
pub fn may_confirm(caller: &Caller) -> bool {
    caller.user_id.is_some() && (caller.may(Permission::RecallExecute) || caller.may_themself(Permission::RecallDecide))
}

/// What the second person states.
#[derive(Clone, Default)]
pub struct Seen {
    /// A word of [`STATABLE`].
    pub outcome: String,
    /// May be empty.
    pub note: String,
    /// A fresh one-time code: this word ends the case as a decision would.
    pub totp: String,
}

/// A second person confirms what the captures show; the case ends with the outcome they saw, which may be worse than what was stated.
/// `recall.capture_confirmed` is the event of this write and carries the passage and the tally; `recall.finished` follows from the job that
/// closes the case, as it follows from the job that executes where the platform is called.
///
/// # Errors
/// `Invalid` on `outcome`, `note`, `totp`; `Refused` with `own-capture`, `own-request-confirming`, `own-order-confirming`, `no-capture`,
/// `better-than-stated`, `nothing-to-finish` or those of a step-up; recorded. A refusal by a rule leaves the code unspent.
pub async fn confirm(app: &App, caller: &Caller, id: &str, input: Seen) -> AppResult<Done<String>> {
    let loaded = known(app, caller, id).await;
    let case_id = loaded.as_ref().map_or_else(|_| super::plain(id), |l| l.row.id.clone());
    let about = loaded.as_ref().ok().map(|l| l.row.id.clone());
    let checked = match (may_confirm(caller), loaded) {
        (false, _) => Err(AppError::Forbidden(Permission::RecallExecute)),
        (_, Err(error)) => Err(error),
        _ => parse_seen(&input),
    };
    let (seen, note) = match checked {
        Ok(checked) => checked,
        Err(error) => return Err(app.refuse(caller, Action::RecallCaptureConfirmed, subject(&case_id), about.as_deref(), error).await),
    };
    let (caller2, app2) = (caller.clone(), app.clone());
    let written = app
        .store
        .write(move |tx| {
            let event = caller2.event(Action::RecallCaptureConfirmed, subject(&case_id)).case(&case_id).text(json!({ "note": note }));
            let Loaded { row, case, .. } = load(tx.conn, &case_id)?.ok_or(StoreError::NotFound)?;
            let who = decider(&caller2).user;
            let stated = Dossier::open(&app2.store.keys().envelope, &row)?.stated;
            if stated.as_ref().is_some_and(|s| seen < s.outcome) {
                return refused(tx, event, AppError::refused("better-than-stated"));
            }
            let mut tally = Tally::default();
            tally.add(seen, u64::try_from(row.recipients_count).unwrap_or(0).max(1));
            let next = match execution::confirm(Rules::ALL, &case, &who, &tally) {
                Ok(next) => next,
                Err(guard) => return refused(tx, event, refusal(guard)),
            };
            let method = match step_up::spend_totp(tx, app2.store.keys(), &who.0, &input.totp)? {
                Ok(method) => method,
                Err(error) => return refused(tx, event, error),
            };
            recalls::recipients_settle(tx.conn, &row.broadcast_id, None, seen.as_str(), tx.now().0)?;
            recalls::captures_confirm(tx.conn, &row.id, &who.0, tx.now().0)?;
            let more = json!({ "mode": "guided", "stated": stated.map(|s| s.outcome), "seen": seen, "method": method });
            let id = row.id.clone();
            if !execute::ended(tx, &id, Loaded { row, case, decisions: Vec::new(), entries: Vec::new(), order: None }, &next, &tally, more, event)? {
                return Err(StoreError::Serialization);
            }
            Ok(Ok(id))
        })
        .await;
    app.wake.notify_one();
    Done::from_write(written?)
}

fn parse_seen(input: &Seen) -> AppResult<(RecipientOutcome, String)> {
    let mut errors = Vec::new();
    let outcome = RecipientOutcome::parse(&input.outcome).filter(|o| STATABLE.contains(o));
    if outcome.is_none() {
        errors.push(FieldError::new("outcome", if input.outcome.is_empty() { "required" } else { "choice" }));
    }
    let note = text::paragraph(&input.note, 0, 500).map_err(|e| errors.push(FieldError::text("note", e))).unwrap_or_default();
    if input.totp.trim().is_empty() {
        errors.push(FieldError::new(step_up::FIELD, "required"));
    }
    match outcome {
        Some(outcome) if errors.is_empty() => Ok((outcome, note)),
        _ => Err(AppError::Invalid(errors)),
    }
}
