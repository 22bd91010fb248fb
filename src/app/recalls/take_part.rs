//! Taking part beside deciding: transfer, added reviewers, question, answer, comment, reminder. Each is one write: an entry of the case, its event, and the job
//! that tells whom it concerns.

use serde_json::json;

use super::{
    App, AppError, AppResult, Caller, FieldError, Loaded, advance, decide, decider_at, holders, known, load, passage, refusal, refused, subject,
    telling,
};
use crate::{
    app::{Done, notices},
    crypto::seal::Key,
    domain::{
        event::Action,
        recall::{
            Case, Guard, Rules,
            approval::Decider,
            participation::{self, Entry},
        },
        role::Permission,
    },
    id::UserId,
    store::{
        StoreError, Tx,
        entries::{self, EntryRow},
        users,
    },
};

/// What somebody does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Pass the level that waits for them on to `to`, a user name or an id.
    Transfer {
        to: String,
        reason: String,
    },
    /// Have `to`, a user name or an id, approve the level that waits for them first.
    Add {
        to: String,
        reason: String,
    },
    /// Take that back.
    Remove {
        to: String,
        reason: String,
    },
    Ask {
        question: String,
    },
    Answer {
        answer: String,
    },
    Comment {
        comment: String,
    },
    Remind,
}

impl Act {
    const fn entry(&self) -> Entry {
        match self {
            Self::Transfer { .. } => Entry::Transfer,
            Self::Add { .. } => Entry::Addition,
            Self::Remove { .. } => Entry::Removal,
            Self::Ask { .. } => Entry::Question,
            Self::Answer { .. } => Entry::Answer,
            Self::Comment { .. } => Entry::Comment,
            Self::Remind => Entry::Reminder,
        }
    }

    const fn action(&self) -> Action {
        match self {
            Self::Transfer { .. } => Action::RecallTransferred,
            Self::Add { .. } => Action::RecallReviewerAdded,
            Self::Remove { .. } => Action::RecallReviewerRemoved,
            Self::Ask { .. } => Action::RecallQuestionAsked,
            Self::Answer { .. } => Action::RecallQuestionAnswered,
            Self::Comment { .. } => Action::RecallCommented,
            Self::Remind => Action::RecallReminded,
        }
    }

    const fn permission(&self) -> Permission {
        match self {
            Self::Transfer { .. } | Self::Add { .. } | Self::Remove { .. } | Self::Ask { .. } => Permission::RecallDecide,
            Self::Answer { .. } => Permission::RecallRequest,
            Self::Comment { .. } | Self::Remind => Permission::RecallRead,
        }
    }

    /// The field that must say something, and what it says.
    const fn said(&self) -> Option<(&'static str, &String)> {
        match self {
            Self::Transfer { reason, .. } | Self::Add { reason, .. } | Self::Remove { reason, .. } => Some(("reason", reason)),
            Self::Ask { question } => Some(("question", question)),
            Self::Answer { answer } => Some(("answer", answer)),
            Self::Comment { comment } => Some(("comment", comment)),
            Self::Remind => None,
        }
    }

    fn parse(&self) -> AppResult<String> {
        let mut errors = Vec::new();
        if let Self::Transfer { to, .. } | Self::Add { to, .. } | Self::Remove { to, .. } = self
            && to.trim().is_empty()
        {
            errors.push(FieldError::new("to", "required"));
        }
        let said = self.said().map(|(field, typed)| telling(field, typed).map_err(|e| errors.push(e)).unwrap_or_default()).unwrap_or_default();
        if errors.is_empty() { Ok(said) } else { Err(AppError::Invalid(errors)) }
    }
}

/// What the rules make of it.
struct Step {
    case: Case,
    level: u8,
    to: Option<String>,
}

/// Does it; gives the case's id. `id` is what a request comes back to whose process died.
///
/// # Errors
/// `Forbidden`, `NotFound`, `Invalid` on what was typed, `Refused` with a word of [`Guard`]; each is recorded.
pub async fn take(app: &App, caller: &Caller, wanted: &str, act: Act, id: String) -> AppResult<Done<String>> {
    let action = act.action();
    let loaded = known(app, caller, wanted).await;
    let case_id = loaded.as_ref().map_or_else(|_| super::plain(wanted), |l| l.row.id.clone());
    let about = loaded.as_ref().ok().map(|l| l.row.id.clone());
    let checked = match (caller.may(act.permission()), loaded) {
        (false, _) => Err(AppError::Forbidden(act.permission())),
        (_, Err(error)) => Err(error),
        (_, Ok(loaded)) if loaded.entries.iter().any(|e| e.id == id) => return Ok(Done { value: loaded.row.id, receipt: None }),
        _ => act.parse(),
    };
    let said = match checked {
        Ok(said) => said,
        Err(error) => return Err(app.refuse(caller, action, subject(&case_id), about.as_deref(), error).await),
    };
    let (caller2, app2) = (caller.clone(), app.clone());
    let written = app
        .store
        .write(move |tx| {
            let text = act.said().map_or(serde_json::Value::Null, |(field, _)| json!({ field: said }));
            let event = caller2.event(action, subject(&case_id)).case(&case_id).text(text);
            let Loaded { row, case, .. } = load(tx.conn, &case_id)?.ok_or(StoreError::NotFound)?;
            let now = tx.now();
            let who = decider_at(tx.conn, &caller2, now)?;
            let step = match step(tx, &act, &case, &who)? {
                Ok(step) => step,
                Err(guard) => return refused(tx, event, refusal(guard)),
            };
            let mut detail = json!({ "level": step.level, "round": row.round });
            if step.case.version != case.version {
                match advance(tx, &row, &step.case, |_| {})? {
                    Ok(after) => (detail["before"], detail["after"]) = passage(&row, &after),
                    Err(error) => return refused(tx, event, error),
                }
            }
            if let Some(to) = &step.to {
                detail["to"] = json!(to);
            }
            let entry = EntryRow {
                id: id.clone(),
                recall_id: row.id.clone(),
                round: row.round,
                level: i64::from(step.level),
                kind: act.entry().as_str().to_owned(),
                by_id: who.user.0,
                to_id: step.to,
                text_sealed: seal(&app2.store.keys().envelope, &id, &said),
                at: tx.now().0,
            };
            entries::insert(tx.conn, entry)?;
            notices::wake_entry(tx, &row.id, &id)?;
            tx.append(event.detail(detail))?;
            Ok(Ok(row.id))
        })
        .await;
    app.wake.notify_one();
    Done::from_write(written?)
}

fn step(tx: &mut Tx<'_>, act: &Act, case: &Case, who: &Decider) -> Result<Result<Step, Guard>, StoreError> {
    let now = tx.now();
    let level = decide::level_for(case, who);
    let at = |level: u8| move |case: Case| Step { case, level, to: None };
    Ok(match act {
        Act::Transfer { to, .. } => match candidate(tx, to.trim(), level)? {
            Some(to) => participation::transfer(Rules::ALL, case, who, &to, level, now).map(|case| Step { case, level, to: Some(to.user.0) }),
            // The same word for who is unknown and for who cannot: nobody learns here who has an account.
            None => Err(Guard::TransferToEligible),
        },
        Act::Add { to, .. } => match candidate(tx, to.trim(), level)? {
            Some(to) => participation::add(Rules::ALL, case, who, &to, level, now).map(|case| Step { case, level, to: Some(to.user.0) }),
            None => Err(Guard::AddEligible),
        },
        Act::Remove { to, .. } => match user(tx, to.trim())? {
            Some(to) => participation::remove(Rules::ALL, case, who, &to, level, now).map(|case| Step { case, level, to: Some(to.0) }),
            None => Err(Guard::RemoveWaiting),
        },
        Act::Ask { .. } => participation::ask(Rules::ALL, case, who, level, now).map(at(level)),
        Act::Answer { .. } => participation::answer(Rules::ALL, case, &who.user, now).map(|(case, level)| Step { case, level, to: None }),
        Act::Comment { .. } => participation::comment(Rules::ALL, case, who).map(|()| Step { case: case.clone(), level: 0, to: None }),
        Act::Remind => {
            let level = participation::waits_at(case);
            participation::remind(Rules::ALL, case, who, level, now).map(at(level))
        }
    })
}

/// An active person with the level's role, by id or user name.
fn candidate(tx: &mut Tx<'_>, wanted: &str, level: u8) -> Result<Option<Decider>, StoreError> {
    let Some(user) = user(tx, wanted)? else { return Ok(None) };
    let now = tx.now();
    Ok(holders(tx.conn, &[level], now)?.into_iter().map(|(decider, _)| decider).find(|d| d.user == user))
}

/// Anybody with an account, by id or user name.
fn user(tx: &mut Tx<'_>, wanted: &str) -> Result<Option<UserId>, StoreError> {
    if wanted.contains('\0') {
        return Ok(None);
    }
    let found = match users::user_find(tx.conn, wanted)? {
        Some(user) => Some(user),
        None => users::user_by_name(tx.conn, wanted)?,
    };
    Ok(found.map(|user| UserId(user.id)))
}

fn seal(envelope: &Key, id: &str, said: &str) -> Vec<u8> {
    if said.is_empty() { Vec::new() } else { envelope.seal(&format!("recall_entries/{id}/text"), said.as_bytes()) }
}

/// What was typed; empty where nothing was, and once retention has erased it.
pub(super) fn said(envelope: &Key, row: &EntryRow) -> Result<String, StoreError> {
    if row.text_sealed.is_empty() {
        return Ok(String::new());
    }
    let bytes = envelope.open(&format!("recall_entries/{}/text", row.id), &row.text_sealed)?;
    String::from_utf8(bytes.to_vec()).map_err(|_| StoreError::Corrupt("an entry of a case is no text".to_owned()))
}
