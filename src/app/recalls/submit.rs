//! Asking for a recall. The original is sealed already, or nothing can be asked; message, recipients and policy are bound into the case.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

use super::{App, AppError, AppResult, Caller, Dossier, Submission, check, correct, escalate, refused, subject, telling};
use crate::{
    app::{Done, FieldError, broadcasts, content, notices, once},
    domain::{
        event::Action,
        platform::HarmClass,
        policy,
        recall::{State, request},
        role::Permission,
        text,
    },
    id::RecallId,
    store::{
        StoreError, Tx,
        recalls::{self, RecallRow},
    },
};

/// A request as typed.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Id of the broadcast.
    pub broadcast: String,
    /// A word of [`HarmClass`].
    pub category: String,
    pub reason: String,
    /// The rule it rests on; may be empty.
    pub basis: String,
    pub tell_readers: bool,
    /// What is sent in its place once it is taken back.
    pub correction: Option<correct::Typed>,
}

/// A case that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submitted {
    pub id: String,
    pub number: String,
    pub state: State,
}

/// Makes a case and opens its first level.
///
/// # Errors
/// `Forbidden`; `Invalid` on `broadcast`, `category`, `reason`, `basis`, `correction.title`, `correction.text`; `Refused` with `case-open` (its `id` and `number`), `already-recalled`,
/// `window-closed`, `not-sent` or `original-not-sealed`. Each is recorded.
///
/// `id` is what a repeated request comes back to; a fresh one otherwise.
pub async fn submit(app: &App, caller: &Caller, request: Request, id: Option<RecallId>) -> AppResult<Done<Submitted>> {
    let given = id.is_some();
    let id = id.unwrap_or_else(RecallId::fresh).0;
    app.require(caller, Permission::RecallRequest, Action::RecallSubmitted, subject(&id)).await?;
    let refuse = |error| app.refuse(caller, Action::RecallSubmitted, subject(&id), None, error);
    let (class, mut submission) = match parse(&request) {
        Ok(parsed) => parsed,
        Err(errors) => return Err(refuse(AppError::Invalid(errors)).await),
    };
    let Some(requester) = caller.user_id.clone() else {
        return Err(refuse(AppError::refused("person-needed")).await);
    };
    if given && let Some(made) = made_before(app, &id, &requester).await? {
        return once::receipted(app, made, Action::RecallSubmitted, &id).await;
    }
    let broadcast = match broadcasts::load(app, &super::plain(&request.broadcast)).await {
        Err(AppError::NotFound) => return Err(refuse(AppError::invalid("broadcast", "no-such")).await),
        other => other?,
    };
    if broadcast.row.erased_at.is_some() {
        return Err(refuse(AppError::refused("broadcast-erased")).await);
    }
    // Opens the contents and compares them with their commitment: what cannot be shown later must not be taken back now.
    if content::open(&app.store.keys().envelope, &broadcast.row).is_err() {
        return Err(refuse(AppError::refused("original-not-sealed")).await);
    }
    submission.correction = match correct::parse(app, caller, &broadcast, request.correction.as_ref(), None).await {
        Ok(correction) => correction,
        Err(error) => return Err(refuse(error).await),
    };
    let keys = app.store.clone();
    let zone = app.config.time_zone.clone();
    let event = caller.event(Action::RecallSubmitted, subject(&id));
    let written = app
        .store
        .write(move |tx| {
            let now = tx.now();
            let event = event.clone().text(json!({ "reason": submission.reason, "basis": submission.basis }));
            // Retention may have come to it since it was loaded.
            if crate::store::broadcasts::find(tx.conn, &broadcast.id)?.is_none_or(|row| row.erased_at.is_some()) {
                return refused(tx, event, AppError::refused("broadcast-erased"));
            }
            if let Some((open, number)) = recalls::open_case(tx.conn, &broadcast.id)? {
                return refused(tx, event, AppError::Refused { kind: "case-open", detail: json!({ "id": open, "number": number }) });
            }
            if recalled_before(tx, &broadcast.id)? {
                return refused(tx, event, AppError::refused("already-recalled"));
            }
            let situation = check::situation(tx.conn, &broadcast, &requester, class, now)?;
            let verdict = request::verdict(&situation);
            let Some(mode) = verdict.mode() else {
                let kind = if broadcast.sent_at.is_none() { "not-sent" } else { "window-closed" };
                return refused(tx, event, AppError::refused(kind));
            };
            let cut_off = request::case_cut_off(&verdict, now);
            let number = numbered(tx, &zone, "FR", "case_number")?;
            let dossier = Dossier { submissions: vec![Submission { at: now, ..submission.clone() }], ..Dossier::default() };
            let row = RecallRow {
                id: id.clone(),
                number: number.clone(),
                broadcast_id: broadcast.id.clone(),
                requester_id: requester.clone(),
                department_id: broadcast.department.clone(),
                state: State::Reviewing.as_str().to_owned(),
                open_levels: "1".to_owned(),
                round: 1,
                mode: mode.as_str().to_owned(),
                harm_class: class.as_str().to_owned(),
                request_sealed: dossier.seal(&keys.keys().envelope, &id)?,
                cut_off: Some(cut_off.0),
                due_1: verdict.due[0].0,
                due_2: verdict.due[1].0,
                due_3: verdict.due[2].0,
                recipients_count: broadcast.row.recipients_count,
                recipients_root: broadcast.row.recipients_root.clone(),
                commitment: broadcast.row.commitment.clone(),
                policy_id: policy::ID.to_owned(),
                policy_version: i64::try_from(situation.policy.number).map_err(|e| StoreError::Corrupt(e.to_string()))?,
                halted_at: None,
                submitted_at: now.0,
                approved_at: None,
                finished_at: None,
                closed_at: None,
                tally: None,
                version: 1,
                erased_at: None,
                platform: broadcast.row.platform.clone(),
                sender_id: broadcast.row.sender_id.clone(),
                escalated: String::new(),
                correction_id: submission.correction.as_ref().map(|c| c.id.clone()),
            };
            recalls::insert(tx.conn, &row)?;
            notices::wake(tx, &id, row.version)?;
            escalate::at_due(tx, &row, 1)?;
            tx.enqueue("expire_recall", &id, &json!({ "recall": id }), cut_off)?;
            let mut detail = json!({
                "number": number, "broadcast": broadcast.id, "class": class, "mode": mode, "tell_readers": submission.tell_readers,
                "message": STANDARD.encode(broadcast.commitment), "recipients": broadcast.recipients,
                "policy": situation.policy.named(), "rules": situation.policy.policy.rules(),
                "cut_off": cut_off.to_rfc3339(), "due": verdict.due.map(|d| d.to_rfc3339()),
                "after": { "state": row.state, "open_levels": row.open_levels, "round": 1, "version": 1 },
            });
            correct::told(&mut detail, submission.correction.as_ref())?;
            tx.append(event.case(&id).detail(detail))?;
            Ok(Ok(Submitted { id: id.clone(), number, state: State::Reviewing }))
        })
        .await;
    app.wake.notify_one();
    Done::from_write(written?)
}

/// The case that an earlier run of the same request made before its process died.
async fn made_before(app: &App, id: &str, requester: &str) -> AppResult<Option<Done<Submitted>>> {
    let id = id.to_owned();
    let row = app.store.read(move |conn| recalls::find(conn, &id)).await?.filter(|row| row.requester_id == requester);
    let made = row.map(|row| Submitted { state: State::parse(&row.state).unwrap_or(State::Reviewing), id: row.id, number: row.number });
    Ok(made.map(|value| Done { value, receipt: None }))
}

/// Whether what was typed could be submitted, for the check page. Changes nothing; that it was looked at is recorded.
pub async fn check_text(app: &App, caller: &Caller, request: &Request) -> AppResult<()> {
    let about = crate::domain::event::Subject::new("broadcast", super::plain(&request.broadcast));
    app.require(caller, Permission::RecallRequest, Action::RecallSubmitted, about.clone()).await?;
    if let Err(errors) = parse(request) {
        return Err(app.refuse(caller, Action::RecallSubmitted, about, None, AppError::Invalid(errors)).await);
    }
    let checked = match broadcasts::load(app, &about.id).await {
        Ok(broadcast) => correct::parse(app, caller, &broadcast, request.correction.as_ref(), None).await.map(drop),
        Err(error) => Err(error),
    };
    if let Err(error) = checked {
        return Err(app.refuse(caller, Action::RecallSubmitted, about, None, error).await);
    }
    app.record(caller.event(Action::PermissionChecked, about).detail(json!({ "for": Action::RecallSubmitted }))).await?;
    Ok(())
}

fn parse(request: &Request) -> Result<(HarmClass, Submission), Vec<FieldError>> {
    let mut errors = Vec::new();
    if request.broadcast.trim().is_empty() {
        errors.push(FieldError::new("broadcast", "required"));
    }
    let class = HarmClass::parse(&request.category);
    if class.is_none() {
        errors.push(FieldError::new("category", if request.category.is_empty() { "required" } else { "choice" }));
    }
    let reason = telling("reason", &request.reason).map_err(|e| errors.push(e)).unwrap_or_default();
    let basis = text::paragraph(&request.basis, 0, 200).map_err(|e| errors.push(FieldError::text("basis", e))).unwrap_or_default();
    match class {
        Some(class) if errors.is_empty() => {
            Ok((class, Submission { at: crate::clock::Instant(0), reason, basis, tell_readers: request.tell_readers, correction: None }))
        }
        _ => Err(errors),
    }
}

/// Whether a case of this broadcast already ended with the message taken back from everybody.
fn recalled_before(tx: &mut Tx<'_>, broadcast: &str) -> Result<bool, StoreError> {
    let done = [State::Recalled.as_str(), State::RecallAccepted.as_str()];
    Ok(crate::store::broadcasts::cases(tx.conn, broadcast)?.iter().any(|(_, _, state)| done.contains(&state.as_str())))
}

/// `FR-20261122-0001`: the day by the company's time zone, numbered from 1 each day in the `series`.
pub(crate) fn numbered(tx: &mut Tx<'_>, zone: &str, prefix: &str, series: &str) -> Result<String, StoreError> {
    let zone = jiff::tz::TimeZone::get(zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let day = tx.now().timestamp().to_zoned(zone).strftime("%Y%m%d").to_string();
    let n = recalls::next_in_series(tx.conn, &format!("{series}/{day}"))?;
    Ok(format!("{prefix}-{day}-{n:04}"))
}
