//! Making, changing, testing and ending streams. Where the trail goes is the audit administrator's to say, with a fresh one-time code:
//! whoever could add a stream unseen could read everything.

use std::time::Duration;

use serde_json::{Value, json};

pub use super::typed::Typed;
use super::{
    super::{App, AppError, AppResult, Caller, Done, FieldError, step_up},
    Secrets, lines, sink,
    typed::{cases, check},
    words_of,
};
use crate::{
    connect::stream::Secret,
    crypto::sha256,
    domain::{
        event::{Action, Outcome, Subject},
        role::Permission,
        stream::{Settings, StreamKind, StreamState},
    },
    id::{EventId, StreamId},
    store::{
        StoreError, Tx, reader,
        streams::{self, StreamRow},
    },
};

/// How long a webhook's secret signs beside the one that takes its place.
pub const OVERLAP: Duration = Duration::from_secs(24 * 3600);
/// A stream that was made, or whose secret was changed.
#[derive(Clone, Debug)]
pub struct Made {
    pub id: String,
    /// The webhook's secret where we chose it; shown once and never again.
    pub secret: Option<String>,
}

/// What happens to a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Pause,
    Resume,
    Remove,
}

/// What an event may show of a stream. Of certificates the SHA-256: they are long.
fn shown(row: &StreamRow) -> Value {
    let mut settings: Value = serde_json::from_str(&row.settings).unwrap_or(Value::Null);
    for pem in ["ca", "certificate"] {
        if let Some(text) = settings.get_mut(pem) {
            *text = json!(hex::encode(sha256(text.as_str().unwrap_or_default().as_bytes())));
        }
    }
    json!({ "name": row.name, "kind": row.kind, "settings": settings, "state": row.state, "next": row.next_index, "version": row.version })
}

fn to_text(settings: &Settings) -> Result<String, StoreError> {
    serde_json::to_string(settings).map_err(|e| StoreError::Corrupt(e.to_string()))
}

/// Whether another stream has this name, or writes into this folder.
fn taken(tx: &mut Tx<'_>, row: &StreamRow, settings: &Settings) -> Result<Option<AppError>, StoreError> {
    for other in streams::list(tx.conn)?.iter().filter(|other| other.id != row.id) {
        if other.name == row.name || other.id == row.name {
            return Ok(Some(AppError::invalid("name", "taken")));
        }
        let file = StreamKind::File.as_str();
        if row.kind == file && other.kind == file && other.settings().is_ok_and(|other| other.destination == settings.destination) {
            return Ok(Some(AppError::invalid("destination", "taken")));
        }
    }
    Ok(None)
}

/// A person's one-time code; the shell of the machine needs none.
fn confirmed(app: &App, tx: &mut Tx<'_>, caller: &Caller, code: &str) -> Result<AppResult<()>, StoreError> {
    match &caller.user_id {
        Some(user) => Ok(step_up::spend_totp(tx, app.store.keys(), user, code)?.map(drop)),
        None => Ok(Ok(())),
    }
}

/// Makes a stream, which begins to deliver at once.
///
/// # Errors
/// `Forbidden`; `Invalid` on the fields of [`Typed`]; those of a step-up. Each is recorded.
pub async fn create(app: &App, caller: &Caller, typed: Typed) -> AppResult<Done<Made>> {
    let id = StreamId::fresh().0;
    let subject = Subject::new("stream", id.clone());
    app.require(caller, Permission::StreamManage, Action::StreamCreated, subject.clone()).await?;
    let (name, kind, settings) = match check(app, &typed, None, &typed.client_key) {
        Ok(checked) => checked,
        Err(error) => return Err(app.refuse(caller, Action::StreamCreated, subject, None, error).await),
    };
    let given = typed.secret.trim();
    let secret = (kind == StreamKind::Webhook && given.is_empty()).then(Secret::fresh);
    let secrets = Secrets {
        key: if kind == StreamKind::Webhook { secret.clone().unwrap_or_else(|| given.to_owned()) } else { String::new() },
        before: Vec::new(),
        client_key: if settings.certificate.is_empty() { String::new() } else { typed.client_key.clone() },
    };
    let secrets_sealed = secrets.seal(app, &id)?;
    let made = Made { id: id.clone(), secret };
    let (app2, caller) = (app.clone(), caller.clone());
    let written = app
        .store
        .write(move |tx| {
            let event = || caller.event(Action::StreamCreated, subject.clone());
            let refuse = |tx: &mut Tx<'_>, error: AppError| {
                tx.append(event().outcome(Outcome::Refused).detail(error.as_detail()))?;
                Ok(Err(error))
            };
            let mut settings = settings.clone();
            match cases(tx, &typed.cases)? {
                Ok(found) => settings.filter.cases = found,
                Err(error) => return refuse(tx, error),
            }
            let size = reader::head(tx.conn)?.size();
            let row = StreamRow {
                id: id.clone(),
                name: name.clone(),
                kind: kind.as_str().to_owned(),
                settings: to_text(&settings)?,
                secrets_sealed: secrets_sealed.clone(),
                state: StreamState::Running.as_str().to_owned(),
                next_index: if typed.from_start { 0 } else { i64::try_from(size).unwrap_or(i64::MAX) },
                failures: 0,
                failing_since: None,
                stuck_at: None,
                problem: None,
                tried_at: None,
                delivered_at: None,
                lease_owner: None,
                lease_until: None,
                created_at: tx.now().0,
                version: 1,
            };
            if let Some(error) = taken(tx, &row, &settings)? {
                return refuse(tx, error);
            }
            if let Err(error) = confirmed(&app2, tx, &caller, &typed.code)? {
                return refuse(tx, error);
            }
            tx.append(event().detail(json!({ "after": shown(&row) })))?;
            streams::insert(tx.conn, row)?;
            Ok(Ok(made.clone()))
        })
        .await?;
    Done::from_write(written)
}

/// The row of an id; one that is not there is refused as `action`.
async fn known(app: &App, caller: &Caller, id: &str, action: Action) -> AppResult<StreamRow> {
    let wanted = id.to_owned();
    match app.store.read(move |conn| streams::find(conn, &wanted)).await? {
        Some(row) => Ok(row),
        None => Err(app.refuse(caller, action, Subject::new("stream", id), None, AppError::NotFound).await),
    }
}

/// Changes a stream; compare-and-set on the version that the form showed. How far it has come stays; its kind and its secret too.
///
/// # Errors
/// `NotFound`; `Conflict`; as [`create`].
pub async fn change(app: &App, caller: &Caller, id: &str, version: i64, typed: Typed) -> AppResult<Done<()>> {
    let subject = Subject::new("stream", id);
    app.require(caller, Permission::StreamManage, Action::StreamChanged, subject.clone()).await?;
    let before = known(app, caller, id, Action::StreamChanged).await?;
    let mut secrets = Secrets::open(app, &before)?;
    if !typed.client_key.trim().is_empty() {
        secrets.client_key.clone_from(&typed.client_key);
    }
    if typed.certificate.trim().is_empty() {
        secrets.client_key.clear();
    }
    let typed = Typed { secret: String::new(), ..typed };
    let (name, _, settings) = match check(app, &typed, Some(before.kind()?), &secrets.client_key) {
        Ok(checked) => checked,
        Err(error) => return Err(app.refuse(caller, Action::StreamChanged, subject, None, error).await),
    };
    let key_changed = !typed.client_key.trim().is_empty();
    let secrets_sealed = secrets.seal(app, id)?;
    let (app2, caller) = (app.clone(), caller.clone());
    let written = app
        .store
        .write(move |tx| {
            let event = || caller.event(Action::StreamChanged, subject.clone());
            let refuse = |tx: &mut Tx<'_>, error: AppError| {
                tx.append(event().outcome(Outcome::Refused).detail(error.as_detail()))?;
                Ok(Err(error))
            };
            let mut settings = settings.clone();
            match cases(tx, &typed.cases)? {
                Ok(found) => settings.filter.cases = found,
                Err(error) => return refuse(tx, error),
            }
            let after = StreamRow {
                name: name.clone(),
                settings: to_text(&settings)?,
                secrets_sealed: secrets_sealed.clone(),
                version: version + 1,
                ..before.clone()
            };
            if let Some(error) = taken(tx, &after, &settings)? {
                return refuse(tx, error);
            }
            if let Err(error) = confirmed(&app2, tx, &caller, &typed.code)? {
                return refuse(tx, error);
            }
            if !streams::replace(tx.conn, &after)? {
                return refuse(tx, AppError::Conflict);
            }
            tx.append(event().detail(json!({ "before": shown(&before), "after": shown(&after), "secret_changed": key_changed })))?;
            Ok(Ok(()))
        })
        .await?;
    Done::from_write(written)
}

/// Gives a webhook another secret. The one before signs too for [`OVERLAP`], so that the receiver can change over meanwhile.
///
/// # Errors
/// `NotFound`; `Conflict`; `Refused` with kind `stream-no-secret` for other kinds; those of a step-up. Each is recorded.
pub async fn rotate(app: &App, caller: &Caller, id: &str, version: i64, code: &str) -> AppResult<Done<Made>> {
    let subject = Subject::new("stream", id);
    app.require(caller, Permission::StreamManage, Action::StreamChanged, subject.clone()).await?;
    let before = known(app, caller, id, Action::StreamChanged).await?;
    if before.kind()? != StreamKind::Webhook {
        return Err(app.refuse(caller, Action::StreamChanged, subject, None, AppError::refused("stream-no-secret")).await);
    }
    let mut secrets = Secrets::open(app, &before)?;
    let fresh = Secret::fresh();
    let old = std::mem::replace(&mut secrets.key, fresh.clone());
    let now = app.now();
    secrets.before.retain(|(_, until)| now.0 < *until);
    secrets.before.insert(0, (old, now.plus(OVERLAP).0));
    let after = StreamRow { secrets_sealed: secrets.seal(app, id)?, version: version + 1, ..before.clone() };
    let made = Made { id: id.to_owned(), secret: Some(fresh) };
    let done = put(app, caller, before, after, code, true).await?;
    Ok(Done { value: made, receipt: done.receipt })
}

/// Pauses a stream, lets it go on, or removes it.
///
/// # Errors
/// `NotFound`; `Conflict` where it is in that state already or `version` is another; to go on and to remove those of a step-up. Each is
/// recorded.
pub async fn act(app: &App, caller: &Caller, id: &str, version: i64, act: Act, code: &str) -> AppResult<Done<()>> {
    let action = if act == Act::Remove { Action::StreamRemoved } else { Action::StreamChanged };
    let subject = Subject::new("stream", id);
    app.require(caller, Permission::StreamManage, action, subject.clone()).await?;
    let before = known(app, caller, id, action).await?;
    let state = match act {
        Act::Pause => StreamState::Paused,
        Act::Resume => StreamState::Running,
        Act::Remove => return remove(app, caller, before, version, code).await,
    };
    if before.state == state.as_str() {
        return Err(app.refuse(caller, action, subject, None, AppError::Conflict).await);
    }
    let after = StreamRow { state: state.as_str().to_owned(), version: version + 1, ..before.clone() };
    // Whoever stops something must not first look for their phone.
    put(app, caller, before, after, code, act == Act::Resume).await
}

/// Stores `after` over `before` with its event.
async fn put(app: &App, caller: &Caller, before: StreamRow, after: StreamRow, code: &str, step_up: bool) -> AppResult<Done<()>> {
    let (app2, caller, code) = (app.clone(), caller.clone(), code.to_owned());
    let secret_changed = before.secrets_sealed != after.secrets_sealed;
    let written = app
        .store
        .write(move |tx| {
            let event = || caller.event(Action::StreamChanged, Subject::new("stream", before.id.clone()));
            let refuse = |tx: &mut Tx<'_>, error: AppError| {
                tx.append(event().outcome(Outcome::Refused).detail(error.as_detail()))?;
                Ok(Err(error))
            };
            if step_up && let Err(error) = confirmed(&app2, tx, &caller, &code)? {
                return refuse(tx, error);
            }
            if !streams::replace(tx.conn, &after)? {
                return refuse(tx, AppError::Conflict);
            }
            tx.append(event().detail(json!({ "before": shown(&before), "after": shown(&after), "secret_changed": secret_changed })))?;
            Ok(Ok(()))
        })
        .await?;
    Done::from_write(written)
}

async fn remove(app: &App, caller: &Caller, before: StreamRow, version: i64, code: &str) -> AppResult<Done<()>> {
    let (app2, caller, code) = (app.clone(), caller.clone(), code.to_owned());
    let written = app
        .store
        .write(move |tx| {
            let event = || caller.event(Action::StreamRemoved, Subject::new("stream", before.id.clone()));
            let refuse = |tx: &mut Tx<'_>, error: AppError| {
                tx.append(event().outcome(Outcome::Refused).detail(error.as_detail()))?;
                Ok(Err(error))
            };
            if let Err(error) = confirmed(&app2, tx, &caller, &code)? {
                return refuse(tx, error);
            }
            if !streams::remove(tx.conn, &before.id, version)? {
                return refuse(tx, AppError::Conflict);
            }
            tx.append(event().detail(json!({ "before": shown(&before) })))?;
            Ok(Ok(()))
        })
        .await?;
    Done::from_write(written)
}

/// Sets which event is sent next: back, so that some are sent again, or forward, so that some never are.
///
/// # Errors
/// `NotFound`; `Conflict`; `Invalid` on `index` (`number`, `past-end`); those of a step-up. Each is recorded.
pub async fn rewind(app: &App, caller: &Caller, id: &str, version: i64, index: &str, code: &str) -> AppResult<Done<()>> {
    let subject = Subject::new("stream", id);
    app.require(caller, Permission::StreamManage, Action::StreamChanged, subject.clone()).await?;
    let before = known(app, caller, id, Action::StreamChanged).await?;
    let Some(next) = index.trim().parse::<i64>().ok().filter(|n| *n >= 0) else {
        return Err(app.refuse(caller, Action::StreamChanged, subject, None, AppError::invalid("index", "number")).await);
    };
    let (app2, caller, code) = (app.clone(), caller.clone(), code.to_owned());
    let written = app
        .store
        .write(move |tx| {
            let event = || caller.event(Action::StreamChanged, subject.clone());
            let refuse = |tx: &mut Tx<'_>, error: AppError| {
                tx.append(event().outcome(Outcome::Refused).detail(error.as_detail()))?;
                Ok(Err(error))
            };
            let size = reader::head(tx.conn)?.size();
            if u64::try_from(next).is_ok_and(|next| next > size) {
                return refuse(tx, AppError::Invalid(vec![FieldError::new("index", "past-end").arg("size", size)]));
            }
            if let Err(error) = confirmed(&app2, tx, &caller, &code)? {
                return refuse(tx, error);
            }
            if !streams::rewind(tx.conn, &before.id, version, next)? {
                return refuse(tx, AppError::Conflict);
            }
            let after = StreamRow { next_index: next, version: version + 1, ..before.clone() };
            tx.append(event().detail(json!({ "before": shown(&before), "after": shown(&after) })))?;
            Ok(Ok(()))
        })
        .await?;
    Done::from_write(written)
}

/// Sends one line that is no event and says so; `None`: the receiver took it, else a word for people and what exactly. The cursor stays.
///
/// # Errors
/// `Forbidden`, `NotFound`, recorded.
pub async fn test(app: &App, caller: &Caller, id: &str) -> AppResult<Done<Option<(String, String)>>> {
    let subject = Subject::new("stream", id);
    app.require(caller, Permission::StreamManage, Action::StreamTested, subject.clone()).await?;
    let row = known(app, caller, id, Action::StreamTested).await?;
    let (kind, settings, secrets) = (row.kind()?, row.settings()?, Secrets::open(app, &row)?);
    let line = lines::trial(&settings, EventId::fresh().as_str(), app.now(), app.store.origin(), &app.node);
    let sent = match sink(app, kind, &settings, &secrets) {
        Ok(mut sink) => sink.deliver(std::slice::from_ref(&line), app.now()).await,
        Err(error) => Err(error),
    };
    let problem = sent.err().map(|e| words_of(&e.to_string()));
    let outcome = if problem.is_none() { Outcome::Success } else { Outcome::Failed };
    let (result, about) = problem.clone().unwrap_or_else(|| ("ok".to_owned(), String::new()));
    let event = caller.event(Action::StreamTested, subject).outcome(outcome).detail(json!({ "result": result, "about": about }));
    Ok(Done { value: problem, receipt: app.record(event).await? })
}
