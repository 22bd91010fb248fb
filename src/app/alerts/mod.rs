//! Alerts: what the rules made of the log's events, for people who have to see it. Each says why it fired, and waits until somebody
//! acknowledges it with a note; nobody does so where it is about their own act. Raising is in [`watch`], changing rules in [`rules`],
//! mail in [`mail`]. Not here: what counts and when it fires (`domain::alert`).

pub mod mail;
pub mod rules;
pub mod watch;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{App, AppError, AppResult, Caller, Done, FieldError, Turn, refused};
use crate::{
    clock::Instant,
    domain::{
        alert::{Rule, Settings, Severity, State},
        event::{Action, Subject},
        role::Permission,
        text,
    },
    store::{
        Conn, StoreError, Tx,
        alerts::{self, AlertRow, Filter},
        connections, streams, tokens, users,
    },
};

/// Why an alert fired, in figures; the words are the page's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    pub threshold: u32,
    /// Minutes.
    pub span: u32,
    /// What was counted so far: events, rows or networks.
    pub counted: u64,
    /// Indexes of the events that it counted, the first [`KEPT`] of them.
    pub events: Vec<u64>,
    /// Who caused them; nobody of these acknowledges it.
    pub actors: Vec<String>,
    /// What they showed: networks, an offset in milliseconds, what is usual.
    pub shows: Vec<String>,
}

/// Events, actors and things shown that an explanation names at most.
pub const KEPT: usize = 100;

/// An alert for people.
#[derive(Clone, Debug)]
pub struct Alert {
    pub id: String,
    pub rule: Rule,
    /// 0: as shipped.
    pub rule_version: i64,
    pub severity: Severity,
    pub state: State,
    /// What it is about, by its name where it has one.
    pub about_kind: String,
    pub about_id: String,
    pub about: String,
    pub why: Explanation,
    pub first_at: Instant,
    pub last_at: Instant,
    pub raised_at: Instant,
    pub acknowledged: Option<(String, Instant)>,
    pub note: Option<String>,
    pub version: i64,
    /// Whether it is about what the viewer did.
    pub own: bool,
}

/// What a list is asked for; absent means any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    pub state: Option<State>,
    pub severity: Option<Severity>,
    pub rule: Option<Rule>,
}

/// Alerts on a page.
pub const PAGE: usize = 50;

/// Where a page lies: state and id.
pub type Place = (String, String);

fn subject(id: &str) -> Subject {
    Subject::new("alert", id)
}

/// Whether `caller` is told of what `settings` raise: who reads the whole trail is told of everything.
fn sees(caller: &Caller, settings: &Settings) -> bool {
    caller.may(Permission::AuditRead) || !settings.roles.is_disjoint(&caller.roles)
}

fn visible(conn: &mut Conn, caller: &Caller) -> Result<Vec<Rule>, StoreError> {
    Ok(alerts::rules(conn)?.into_iter().filter(|(_, _, settings)| sees(caller, settings)).map(|(rule, ..)| rule).collect())
}

/// Alerts, open ones first, then newest first, with the keys of the pages before and after; only those of rules that tell the caller.
///
/// # Errors
/// `Forbidden`, recorded.
pub async fn list(app: &App, caller: &Caller, wanted: Wanted, turn: Turn<Place>) -> AppResult<(Vec<Alert>, (Option<Place>, Option<Place>))> {
    app.require(caller, Permission::AlertRead, Action::PermissionChecked, subject("all")).await?;
    let (caller, ring) = (caller.clone(), app.store.keys().clone());
    let limit = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
    let found = app.store.read(move |conn| {
        let rules = visible(conn, &caller)?.into_iter().filter(|rule| wanted.rule.is_none_or(|only| only == *rule));
        let filter = Filter {
            rules: rules.map(Rule::as_str).collect(),
            state: wanted.state.map(State::as_str),
            severity: wanted.severity.map(Severity::as_str),
        };
        let cut = turn.cut(alerts::page(conn, &filter, &turn, limit)?, PAGE);
        let edges = cut.edges(|row| (row.state.clone(), row.id.clone()));
        let rows = cut.rows.into_iter().map(|row| shown(conn, &ring.envelope, &caller, row)).collect::<Result<_, _>>()?;
        Ok((rows, edges))
    });
    Ok(found.await?)
}

/// One alert.
///
/// # Errors
/// `Forbidden`, recorded; `NotFound`, also where its rule does not tell the caller.
pub async fn load(app: &App, caller: &Caller, id: &str) -> AppResult<Alert> {
    app.require(caller, Permission::AlertRead, Action::PermissionChecked, subject(id)).await?;
    let (caller, ring, id) = (caller.clone(), app.store.keys().clone(), id.to_owned());
    let found = app.store.read(move |conn| {
        let Some(row) = known(conn, &caller, &id)? else { return Ok(None) };
        shown(conn, &ring.envelope, &caller, row).map(Some)
    });
    found.await?.ok_or(AppError::NotFound)
}

fn known(conn: &mut Conn, caller: &Caller, id: &str) -> Result<Option<AlertRow>, StoreError> {
    let Some(row) = alerts::find(conn, id)? else { return Ok(None) };
    let told = visible(conn, caller)?.iter().any(|rule| rule.as_str() == row.rule);
    Ok(told.then_some(row))
}

/// How many open alerts the caller may have to acknowledge: the number in the navigation.
///
/// # Errors
/// Those of the store.
pub async fn open_count(app: &App, caller: &Caller) -> AppResult<u64> {
    if !caller.may(Permission::AlertAcknowledge) {
        return Ok(0);
    }
    let caller = caller.clone();
    let counted = app.store.look_up(move |conn| {
        let rules: Vec<&str> = visible(conn, &caller)?.into_iter().map(Rule::as_str).collect();
        alerts::open(conn, &rules)
    });
    Ok(counted.await?.into_iter().map(|(_, n)| u64::try_from(n).unwrap_or(0)).sum())
}

/// Acknowledges an alert: `note` says what was found and done.
///
/// # Errors
/// `Forbidden`; `NotFound`; `Refused` with kind `alert-own-act` for who caused it, `alert-acknowledged` where somebody has done so; `Conflict`
/// where it changed meanwhile; `Invalid` on `note`. Each is recorded.
pub async fn acknowledge(app: &App, caller: &Caller, id: &str, version: i64, note: &str) -> AppResult<Done<()>> {
    app.require(caller, Permission::AlertAcknowledge, Action::AlertAcknowledged, subject(id)).await?;
    let note = match text::paragraph(note, 5, 2000) {
        Ok(note) => note,
        Err(e) => {
            let error = AppError::Invalid(vec![FieldError::text("note", e)]);
            return Err(app.refuse(caller, Action::AlertAcknowledged, subject(id), None, error).await);
        }
    };
    let (caller, ring, id) = (caller.clone(), app.store.keys().clone(), id.to_owned());
    let written = app.store.write(move |tx| {
        let event = || caller.event(Action::AlertAcknowledged, subject(&id));
        let refuse = |tx: &mut Tx<'_>, error: AppError| refused(tx, event(), error);
        let Some(by) = caller.user_id.clone() else { return refuse(tx, AppError::Forbidden(Permission::AlertAcknowledge)) };
        let Some(row) = known(tx.conn, &caller, &id)? else { return refuse(tx, AppError::NotFound) };
        if row.state != State::Open.as_str() {
            return refuse(tx, AppError::refused("alert-acknowledged"));
        }
        if is_own(tx.conn, &caller, &row)? {
            return refuse(tx, AppError::refused("alert-own-act"));
        }
        let now = tx.now();
        let sealed = ring.envelope.seal(&alerts::note_context(&id), note.as_bytes());
        if !alerts::acknowledge(tx.conn, &id, version, &by, now, sealed)? {
            return refuse(tx, AppError::Conflict);
        }
        let detail = json!({
            "rule": row.rule, "raised_at": Instant(row.raised_at).to_rfc3339(),
            "before": { "state": State::Open }, "after": { "state": State::Acknowledged },
        });
        tx.append(event().detail(detail).text(json!({ "note": note })))?;
        Ok(Ok(()))
    });
    Done::from_write(written.await?)
}

/// Whether the caller caused it, themselves or by a token of theirs.
fn is_own(conn: &mut Conn, caller: &Caller, row: &AlertRow) -> Result<bool, StoreError> {
    let Some(me) = &caller.user_id else { return Ok(false) };
    let why = explanation(row)?;
    let mut actors: BTreeSet<String> = why.actors.into_iter().collect();
    actors.insert(row.subject_id.clone());
    if actors.contains(me) {
        return Ok(true);
    }
    for actor in actors {
        if tokens::token_find(conn, &actor)?.is_some_and(|token| token.user_id.as_ref() == Some(me)) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn explanation(row: &AlertRow) -> Result<Explanation, StoreError> {
    serde_json::from_str(&row.explanation).map_err(|e| StoreError::Corrupt(format!("alert {}: {e}", row.id)))
}

fn shown(conn: &mut Conn, envelope: &crate::crypto::seal::Key, caller: &Caller, row: AlertRow) -> Result<Alert, StoreError> {
    let word = |column: &str, value: &str| StoreError::Corrupt(format!("alerts.{column}: {value}"));
    let mut name = |id: &str| Ok::<_, StoreError>(users::user_find(conn, id)?.map_or_else(|| id.to_owned(), |user| user.display_name));
    let user = if row.subject_kind == "user" { Some(name(&row.subject_id)?) } else { None };
    let acknowledged = match row.acknowledged_by.as_deref().zip(row.acknowledged_at) {
        Some((by, at)) => Some((name(by)?, Instant(at))),
        None => None,
    };
    // What people have named is called so, as long as it is there.
    let named = match (row.subject_kind.as_str(), row.subject_id.strip_prefix("platform:")) {
        ("stream", _) => streams::find(conn, &row.subject_id)?.map(|stream| stream.name),
        ("clock", Some(id)) => connections::find(conn, id)?.map(|connection| connection.name),
        _ => user,
    };
    let about = named.unwrap_or_else(|| row.subject_id.clone());
    let note = match &row.note_sealed {
        Some(sealed) => Some(String::from_utf8_lossy(&envelope.open(&alerts::note_context(&row.id), sealed)?).into_owned()),
        None => None,
    };
    Ok(Alert {
        own: is_own(conn, caller, &row)?,
        rule: Rule::parse(&row.rule).ok_or_else(|| word("rule", &row.rule))?,
        severity: Severity::parse(&row.severity).ok_or_else(|| word("severity", &row.severity))?,
        state: State::parse(&row.state).ok_or_else(|| word("state", &row.state))?,
        why: explanation(&row)?,
        rule_version: row.rule_version,
        about_kind: row.subject_kind,
        about_id: row.subject_id,
        about,
        first_at: Instant(row.first_at),
        last_at: Instant(row.last_at),
        raised_at: Instant(row.raised_at),
        acknowledged,
        note,
        version: row.version,
        id: row.id,
    })
}
