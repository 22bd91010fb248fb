//! Questions of an audit: who may open one puts them to a named person, who answers on a page of their own. Neither can be changed
//! afterwards; both are events.

use serde_json::json;

use super::{App, AppError, AppResult, Caller, Done, FieldError, find, load, person};
use crate::{
    app::refused,
    clock::Instant,
    crypto::seal::Key,
    domain::{
        event::{Action, Subject},
        role::{Permission, Role},
        text,
    },
    id::QuestionId,
    store::{
        Conn, StoreError,
        audits::{self, QuestionRow},
        reader, recalls, users,
    },
};

/// A question as somebody puts it, as typed.
#[derive(Clone, Debug, Default)]
pub struct NewQuestion {
    /// Id or number of the audit.
    pub audit: String,
    /// User name of the person asked.
    pub person: String,
    pub question: String,
    /// Numbers of cases and indices of events that it is about, with blanks between.
    pub cases: String,
    pub events: String,
}

/// A question for people.
#[derive(Clone, Debug)]
pub struct Question {
    pub id: String,
    pub audit: String,
    pub audit_number: String,
    pub number: i64,
    pub asked_by: String,
    pub asked_of: String,
    /// Account of the person asked.
    pub asked_of_id: String,
    pub asked_at: Instant,
    pub question: String,
    /// Number and id.
    pub cases: Vec<(String, String)>,
    pub events: Vec<u64>,
    pub answer: Option<(Instant, String)>,
}

/// References at most.
const REFERENCES: usize = 50;

/// Puts a question; the answer is its id.
///
/// # Errors
/// `Forbidden`; `NotFound` for the audit; `Invalid` on `person` (`unknown`, `reads-only`, `oneself`), `question`, `cases` and `events`
/// (`unknown`, `too-many`). Each is recorded.
pub async fn put(app: &App, caller: &Caller, new: NewQuestion) -> AppResult<Done<String>> {
    let id = QuestionId::fresh().0;
    let about = Subject::new("question", id.clone());
    app.require(caller, Permission::AuditExport, Action::QuestionPut, about.clone()).await?;
    let Some(audit) = find(app, &new.audit).await?.map(|audit| audit.row) else {
        return Err(app.refuse(caller, Action::QuestionPut, about, None, AppError::NotFound).await);
    };
    let typed = match text::paragraph(&new.question, 4, 4000) {
        Ok(typed) => typed,
        Err(e) => return Err(app.refuse(caller, Action::QuestionPut, about, None, AppError::Invalid(vec![FieldError::text("question", e)])).await),
    };
    let (caller, ring) = (caller.clone(), app.store.keys().clone());
    let written = app
        .store
        .write(move |tx| {
            let event = caller.event(Action::QuestionPut, about.clone()).text(json!({ "question": typed }));
            let Some(by) = caller.user_id.clone() else { return refused(tx, event, AppError::Forbidden(Permission::AuditExport)) };
            let asked = match resolve(tx.conn, &new, &by)? {
                Ok(asked) => asked,
                Err(error) => return refused(tx, event, error),
            };
            let number = audits::question_next(tx.conn, &audit.id)?;
            let detail = json!({ "audit": audit.number, "number": number, "of": asked.person, "cases": asked.cases, "events": asked.events });
            let asked_event = tx.append(event.detail(detail))?.0;
            let events: Vec<String> = asked.events.iter().map(u64::to_string).collect();
            let row = QuestionRow {
                id: id.clone(),
                audit_id: audit.id.clone(),
                number,
                asked_by: by,
                asked_of: asked.person,
                asked_at: tx.now().0,
                asked_event,
                question_sealed: ring.envelope.seal(&audits::question_context(&id), typed.as_bytes()),
                cases: asked.cases.join(" "),
                events: events.join(" "),
                answered_at: None,
                answered_event: None,
                answer_sealed: None,
            };
            audits::question_insert(tx.conn, row)?;
            Ok(Ok(id.clone()))
        })
        .await?;
    Done::from_write(written)
}

/// What was typed, as ids and numbers.
struct Asked {
    person: String,
    cases: Vec<String>,
    events: Vec<u64>,
}

fn resolve(conn: &mut Conn, new: &NewQuestion, by: &str) -> Result<AppResult<Asked>, StoreError> {
    let mut errors = Vec::new();
    let person = match users::user_by_name(conn, new.person.trim())? {
        Some(user) if user.id == by => {
            errors.push(FieldError::new("person", "oneself"));
            None
        }
        // Who may only look could not answer.
        Some(user) if users::user_roles(conn, &user.id)?.contains(&Role::Auditor) => {
            errors.push(FieldError::new("person", "reads-only"));
            None
        }
        Some(user) => Some(user.id),
        None => {
            errors.push(FieldError::new("person", "unknown"));
            None
        }
    };
    let pieces =
        |text: &str| text.split([' ', ',', '，', '、', '\n', '\r', '\t']).filter(|p| !p.is_empty()).map(ToOwned::to_owned).collect::<Vec<_>>();
    let (named, indices) = (pieces(&new.cases), pieces(&new.events));
    for (field, count) in [("cases", named.len()), ("events", indices.len())] {
        if count > REFERENCES {
            errors.push(FieldError::new(field, "too-many").arg("max", REFERENCES));
        }
    }
    if !errors.is_empty() {
        return Ok(Err(AppError::Invalid(errors)));
    }
    let size = reader::head(conn)?.size();
    let (mut cases, mut events) = (Vec::new(), Vec::new());
    for typed in named {
        match recalls::find(conn, &typed)? {
            Some(row) => cases.push(row.number),
            None => errors.push(FieldError::new("cases", "unknown")),
        }
    }
    for typed in indices {
        match typed.parse().ok().filter(|index: &u64| *index < size) {
            Some(index) => events.push(index),
            None => errors.push(FieldError::new("events", "unknown")),
        }
    }
    errors.dedup();
    Ok(match person {
        Some(person) if errors.is_empty() => Ok(Asked { person, cases, events }),
        _ => Err(AppError::Invalid(errors)),
    })
}

/// The person asked answers, once.
///
/// # Errors
/// `NotFound` for anybody else; `Conflict` where it was answered already; `Invalid` on `answer`. Each is recorded.
pub async fn answer(app: &App, caller: &Caller, id: &str, typed: &str) -> AppResult<Done<()>> {
    let about = Subject::new("question", id);
    let typed = match text::paragraph(typed, 2, 4000) {
        Ok(typed) => typed,
        Err(e) => {
            return Err(app.refuse(caller, Action::QuestionAnswered, about, None, AppError::Invalid(vec![FieldError::text("answer", e)])).await);
        }
    };
    let (caller, ring, id) = (caller.clone(), app.store.keys().clone(), id.to_owned());
    let written = app
        .store
        .write(move |tx| {
            let event = caller.event(Action::QuestionAnswered, about.clone()).text(json!({ "answer": typed }));
            let row = audits::question_find(tx.conn, &id)?.filter(|row| caller.user_id.as_ref() == Some(&row.asked_of));
            let Some(row) = row else { return refused(tx, event, AppError::NotFound) };
            if row.answered_at.is_some() {
                return refused(tx, event, AppError::Conflict);
            }
            let audit = audits::find(tx.conn, &row.audit_id)?.map(|audit| audit.number);
            let event = tx.append(event.detail(json!({ "audit": audit, "number": row.number })))?;
            let sealed = ring.envelope.seal(&audits::answer_context(&id), typed.as_bytes());
            if !audits::question_answer(tx.conn, &id, tx.now().0, event.as_str(), sealed)? {
                // Read in this very transaction: another writer was faster, and this one runs again.
                return Err(StoreError::Serialization);
            }
            Ok(Ok(()))
        })
        .await?;
    Done::from_write(written)
}

/// The questions of an audit, in the order in which they were put.
///
/// # Errors
/// `Forbidden`; `NotFound`.
pub async fn of_audit(app: &App, caller: &Caller, audit: &str) -> AppResult<Vec<Question>> {
    let (id, ring) = (load(app, caller, audit).await?.row.id, app.store.keys().clone());
    let found = app.store.read(move |conn| {
        let rows = audits::questions_of(conn, &id)?;
        rows.into_iter().map(|row| shown(conn, &ring.envelope, row)).collect::<Result<_, StoreError>>()
    });
    Ok(found.await?)
}

/// What was asked of the caller, open ones first.
pub async fn mine(app: &App, caller: &Caller) -> AppResult<Vec<Question>> {
    const SHOWN: i64 = 100;
    let (id, ring) = (caller.user_id.clone().unwrap_or_default(), app.store.keys().clone());
    let found = app.store.read(move |conn| {
        let rows = audits::questions_to(conn, &id, SHOWN)?;
        rows.into_iter().map(|row| shown(conn, &ring.envelope, row)).collect::<Result<_, StoreError>>()
    });
    Ok(found.await?)
}

/// One question, for the person asked and for those who read the trail.
///
/// # Errors
/// `NotFound` for anybody else.
pub async fn one(app: &App, caller: &Caller, id: &str) -> AppResult<Question> {
    let (id, ring) = (id.to_owned(), app.store.keys().clone());
    let found = app.store.read(move |conn| audits::question_find(conn, &id)?.map(|row| shown(conn, &ring.envelope, row)).transpose());
    let mine = |q: &Question| caller.user_id.as_ref() == Some(&q.asked_of_id);
    found.await?.filter(|q| mine(q) || caller.may(Permission::AuditRead)).ok_or(AppError::NotFound)
}

fn shown(conn: &mut Conn, envelope: &Key, row: QuestionRow) -> Result<Question, StoreError> {
    let open = |context: String, sealed: &[u8]| -> Result<String, StoreError> {
        Ok(String::from_utf8_lossy(&envelope.open(&context, sealed)?).into_owned())
    };
    let answer = match (row.answered_at, &row.answer_sealed) {
        (Some(at), Some(sealed)) => Some((Instant(at), open(audits::answer_context(&row.id), sealed)?)),
        _ => None,
    };
    let mut cases = Vec::new();
    for number in row.cases.split_whitespace() {
        cases.extend(recalls::find(conn, number)?.map(|case| (case.number, case.id)));
    }
    Ok(Question {
        audit_number: audits::find(conn, &row.audit_id)?.map(|audit| audit.number).unwrap_or_default(),
        audit: row.audit_id,
        number: row.number,
        asked_by: person(conn, &row.asked_by)?,
        asked_of: person(conn, &row.asked_of)?,
        asked_of_id: row.asked_of,
        asked_at: Instant(row.asked_at),
        question: open(audits::question_context(&row.id), &row.question_sealed)?,
        cases,
        events: row.events.split_whitespace().filter_map(|n| n.parse().ok()).collect(),
        answer,
        id: row.id,
    })
}
