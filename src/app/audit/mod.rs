//! The audit trail, read: search, one event with its proof ([`event`]), the events of a case, CSV of a search ([`export`]).
//! Each reading is an event itself: a search once, not once a page. Who may not read leaves a refused event.

pub mod activity;
pub mod event;
pub mod export;
mod query;
pub mod saved;

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

pub use activity::Activity;
pub use query::Query;

pub use super::Turn;
use super::{App, AppError, AppResult, Caller};
use crate::{
    app::{caller::code, evidence, retention, verification},
    clock::Instant,
    crypto::{hmac_sha256, same},
    domain::{
        event::{Action, CONTENT_PARTS, Subject},
        retention::Cuts,
        role::Permission,
        stream::CONTENT,
    },
    ledger::{checkpoint, note::Vkey, tree},
    store::{
        Conn, StoreError, bundles,
        reader::{self, Filter, OpenPart, SearchRow, StoredEvent, TileReader},
        words,
    },
};

/// Rows a page of the viewer.
pub const PAGE: usize = 50;

/// One row of the viewer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub index: u64,
    pub at: Instant,
    pub action: String,
    pub outcome: String,
    pub actor_id: String,
    /// Empty for jobs and where it has been purged.
    pub name: String,
    pub roles: Vec<String>,
    pub subject_kind: String,
    pub subject_id: String,
    /// Number of the case that the event belongs to.
    pub case_number: Option<String>,
    pub client_ip: String,
    pub port: Option<u64>,
    pub device: String,
    pub device_state: String,
}

/// How the log stands: what the last whole verification found, and a light look at head and signature at every page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Events in the log.
    pub size: u64,
    /// Time of the last event.
    pub at: Instant,
    /// The last verification of everything that found nothing.
    pub verified: Option<verification::Whole>,
    /// What does not fit; `None` if the tree agrees with head and signature.
    pub problem: Option<String>,
}

/// A page of the viewer.
#[derive(Clone, Debug)]
pub struct Found {
    pub lines: Vec<Line>,
    /// Cursor of the page with newer rows, if there is one.
    pub newer: Option<u64>,
    pub older: Option<u64>,
    /// What its neighbours are asked for with, so that they are pages of this search.
    pub ticket: String,
    pub standing: Standing,
    /// How much was found, and when it happened; of a new search only.
    pub activity: Option<Activity>,
    /// If words were asked for and have not been made of every event yet: the first that has none.
    pub read_to: Option<u64>,
}

/// How long a search waits for words to be made: those of an hour's events, or the first of a log that had none.
const WAIT: Duration = Duration::from_secs(3);

/// Makes the words that `filter` needs and that are missing; [`Found::read_to`].
async fn read_words(app: &App, filter: &Filter) -> AppResult<Option<u64>> {
    if filter.words.is_empty() {
        return Ok(None);
    }
    let made = match app.store.read_words(WAIT).await {
        Err(e @ (StoreError::Behind | StoreError::Full | StoreError::Busy)) => {
            tracing::warn!(error = %e, "a search by words goes as far as there are some");
            app.store.read(|conn| Ok(u64::try_from(words::next(conn)?).unwrap_or(0))).await?
        }
        other => other?,
    };
    let size = app.store.read(reader::head).await?.size();
    Ok(Some(made).filter(|made| *made < size))
}

/// Makes words as events come, so that few are missing when somebody searches; until it is dropped.
pub async fn keep_reading(app: App) {
    /// Unless more wait: a write for a few of them would cost as much.
    const PAUSE: Duration = Duration::from_secs(15);
    loop {
        if let Err(e) = app.store.read_words(WAIT).await {
            tracing::debug!(error = %e, "no words are made now");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn trail() -> Subject {
    Subject::new("log", "trail")
}

/// How long the pages of a search belong to it; then it is a new one.
const LOOKED_AT: Duration = Duration::from_secs(3600);

/// A search that was made: the size that the log had, and when. Its pages show what there was; what came since is a search of its own.
#[derive(Clone, Copy)]
struct Ticket {
    size: u64,
    at: Instant,
}

impl Ticket {
    /// Says that this session has made this search.
    fn write(self, app: &App, caller: &Caller, query: &Query) -> String {
        let made = json!([caller.session, query.to_json(), self.size, self.at.0]).to_string();
        let mac = hmac_sha256(app.store.keys().searches_key().as_bytes(), made.as_bytes());
        format!("{}-{}-{}", self.size, self.at.0, hex::encode(&mac[..16]))
    }

    /// The search of this session that `shown` is the ticket of, if it is not over.
    fn read(app: &App, caller: &Caller, query: &Query, shown: &str) -> Option<Self> {
        let (size, rest) = shown.split_once('-')?;
        let ticket = Self { size: size.parse().ok()?, at: Instant(rest.split_once('-')?.0.parse().ok()?) };
        let genuine = same(shown.as_bytes(), ticket.write(app, caller, query).as_bytes());
        Some(ticket).filter(|t| genuine && app.now() < t.at.plus(LOOKED_AT))
    }
}

/// Records that a search could not be read, and gives that error: `Forbidden`, or `Invalid` on `query`.
pub async fn unreadable(app: &App, caller: &Caller) -> AppError {
    match app.require(caller, Permission::AuditRead, Action::AuditSearched, trail()).await {
        Ok(()) => app.refuse(caller, Action::AuditSearched, trail(), None, AppError::invalid("query", "unknown")).await,
        Err(error) => error,
    }
}

/// Searches the trail, newest first. A search is recorded once, and not once a page: `shown` is the ticket of the page that led here. Its
/// pages show events of the log as it was at the search, for an hour.
///
/// # Errors
/// `Forbidden` and `Invalid` (on `action`, `outcome`, `address`, `case`), each recorded.
pub async fn search(app: &App, caller: &Caller, query: &Query, turn: Turn<u64>, shown: &str) -> AppResult<Found> {
    app.require(caller, Permission::AuditRead, Action::AuditSearched, trail()).await?;
    let filter = match query.filter(app).await {
        Ok(filter) => filter,
        Err(error) => return Err(app.refuse(caller, Action::AuditSearched, trail(), None, error).await),
    };
    let read_to = read_words(app, &filter).await?;
    let going_on = Ticket::read(app, caller, query, shown).filter(|_| turn != Turn::First);
    if going_on.is_none() {
        app.record_of(caller, caller.event(Action::AuditSearched, trail()).text(json!({ "query": query.to_json() }))).await?;
    }
    let (store, vkey, now, zone) = (app.store.clone(), app.store.vkey()?, app.now(), retention::zone(app));
    let found = app
        .store
        .read(move |conn| {
            let ticket = match going_on {
                Some(ticket) => ticket,
                None => Ticket { size: reader::head(conn)?.size(), at: now },
            };
            let turn = match turn {
                Turn::Down(before) => Turn::Down(before.min(ticket.size)),
                other => other,
            };
            let index = |row: &SearchRow| u64::try_from(row.idx).unwrap_or(0);
            let mut rows = reader::search(conn, &filter, &turn, PAGE as i64 + 1)?;
            rows.retain(|row| index(row) < ticket.size);
            let found = turn.cut(rows, PAGE);
            let activity = if turn == Turn::First { Some(activity::of(conn, &filter, now, &zone)?) } else { None };
            let (newer, older) = found.edges(index);
            let lines = lines(conn, &store, found.rows)?;
            Ok((Found { lines, newer, older, ticket: String::new(), standing: standing(conn, &vkey)?, activity, read_to }, ticket))
        })
        .await?;
    let (found, made) = found;
    Ok(Found { ticket: made.write(app, caller, query), ..found })
}

fn lines(conn: &mut Conn, store: &crate::store::Store, rows: Vec<SearchRow>) -> Result<Vec<Line>, StoreError> {
    let parts = reader::parts_of_many(conn, store.keys(), &rows.iter().map(|r| r.event_id.clone()).collect::<Vec<_>>())?;
    let numbers = bundles::case_numbers(conn, rows.iter().filter_map(|r| r.case_id.clone()).collect())?;
    Ok(rows.into_iter().map(|row| line(&parts, &numbers, row)).collect())
}

fn line(parts: &BTreeMap<String, Vec<OpenPart>>, numbers: &BTreeMap<String, String>, row: SearchRow) -> Line {
    let part = |name: &str| part_json(parts.get(&row.event_id).map_or(&[][..], Vec::as_slice), name);
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let (actor, client, device) = (part("actor"), part("client"), part("device"));
    let fingerprint = text(&device, "fingerprint");
    Line {
        index: u64::try_from(row.idx).unwrap_or(0),
        at: Instant(row.at),
        name: text(&actor, "name"),
        roles: actor["roles"].as_array().into_iter().flatten().filter_map(|r| r.as_str().map(ToOwned::to_owned)).collect(),
        client_ip: text(&client, "client_ip"),
        port: client["peer_port"].as_u64(),
        device: code(if fingerprint.is_empty() { device["device_id"].as_str().unwrap_or_default() } else { &fingerprint }),
        device_state: text(&device, "state"),
        case_number: row.case_id.as_ref().and_then(|id| numbers.get(id).cloned()),
        action: row.action,
        outcome: row.outcome,
        actor_id: row.actor_id,
        subject_kind: row.subject_kind,
        subject_id: row.subject_id,
    }
}

/// A part as JSON; null where it is not there.
fn part_json(parts: &[OpenPart], name: &str) -> Value {
    parts.iter().find(|p| p.name == name).and_then(|p| serde_json::from_slice(&p.value).ok()).unwrap_or_default()
}

/// How the log stands, for pages of the trail that search nothing. A look at hashes, which leaves nothing.
pub async fn stands(app: &App) -> AppResult<Standing> {
    let vkey = app.store.vkey()?;
    Ok(app.store.read(move |conn| standing(conn, &vkey)).await?)
}

fn standing(conn: &mut Conn, vkey: &Vkey) -> Result<Standing, StoreError> {
    let head = reader::head(conn)?;
    let note = reader::last_checkpoint(conn)?;
    let size = head.size();
    let root = |conn: &mut Conn, size| tree::root(&TileReader::new(conn), size).map_err(|e| e.to_string());
    let mut problem = match root(conn, size) {
        Ok(found) if found.as_slice() == head.root => None,
        Ok(found) => Some(format!("root {} {}", hex::encode(found), hex::encode(&head.root))),
        Err(e) => Some(e),
    };
    match note.map(|note| checkpoint::open(&note, vkey)) {
        None => {}
        Some(Err(e)) => problem = problem.or_else(|| Some(e.to_string())),
        Some(Ok(kept)) => {
            let fits = kept.size <= size && root(conn, kept.size).is_ok_and(|r| r == kept.root);
            if !fits {
                problem = problem.or_else(|| Some(format!("checkpoint {}", kept.size)));
            }
        }
    }
    Ok(Standing { size, at: Instant(head.last_at), verified: verification::borne_out(conn)?.whole, problem })
}

/// One event of a case for programs.
#[derive(Clone, Debug)]
pub struct CaseEvent {
    pub event: StoredEvent,
    pub leaf_hash: tree::Hash,
    /// Part name -> value; null where `withheld` says why.
    pub parts: serde_json::Map<String, Value>,
    /// Part name -> `purged`, `missing` (no purge says that it was erased), `key_lost`, or `content` (the caller may not read it).
    pub withheld: BTreeMap<String, &'static str>,
}

impl CaseEvent {
    /// As programs get it.
    pub fn to_json(&self) -> Value {
        let Self { event, leaf_hash, parts, withheld } = self;
        json!({
            "index": event.index, "id": event.leaf.id, "at": event.leaf.at.to_rfc3339(), "action": event.leaf.action,
            "outcome": event.leaf.outcome, "actor": event.leaf.actor, "subject": event.leaf.subject, "case": event.leaf.case,
            "leaf": String::from_utf8_lossy(&event.bytes), "leaf_hash": hex::encode(leaf_hash), "parts": parts, "withheld": withheld,
        })
    }
}

fn case_event(opened: Vec<OpenPart>, event: StoredEvent, gone: BTreeMap<String, &'static str>, reads_content: bool) -> CaseEvent {
    let mut withheld = gone;
    let mut parts: serde_json::Map<String, Value> = event.leaf.parts.keys().map(|name| (name.clone(), Value::Null)).collect();
    let (opened, masked): (Vec<_>, Vec<_>) = opened.into_iter().partition(|p| reads_content || !CONTENT_PARTS.contains(&p.name.as_str()));
    withheld.extend(masked.into_iter().map(|p| (p.name, CONTENT)));
    parts.extend(opened.into_iter().filter_map(|p| Some((p.name, serde_json::from_slice(&p.value).ok()?))));
    CaseEvent { leaf_hash: tree::leaf_hash(&event.bytes), event, parts, withheld }
}

fn told(conn: &mut Conn, opened: Vec<OpenPart>, event: StoredEvent, cuts: &Cuts, reads_content: bool) -> Result<CaseEvent, StoreError> {
    let gone = evidence::gone(conn, &event, &opened, Some(cuts))?;
    Ok(case_event(opened, event, gone, reads_content))
}

/// What a search finds for programs, in the order of the log, after the index `after`, at most `limit`; with the parts that still exist. The
/// first page is a new search; each leaves its event.
///
/// # Errors
/// As [`search`].
pub async fn for_program(app: &App, caller: &Caller, query: &Query, after: Option<u64>, limit: usize) -> AppResult<Vec<CaseEvent>> {
    let action = if after.is_none() { Action::AuditSearched } else { Action::AuditRead };
    app.require(caller, Permission::AuditRead, action, trail()).await?;
    let filter = match query.filter(app).await {
        Ok(filter) => filter,
        Err(error) => return Err(app.refuse(caller, action, trail(), None, error).await),
    };
    read_words(app, &filter).await?;
    app.record_of(caller, caller.event(action, trail()).detail(json!({ "after": after })).text(json!({ "query": query.to_json() }))).await?;
    let (store, reads_content, cuts) = (app.store.clone(), caller.may(Permission::ContentRead), retention::cuts(app));
    let read = app.store.read(move |conn| {
        let rows = reader::onward(conn, &filter, after, i64::try_from(limit).unwrap_or(i64::MAX))?;
        let mut parts = reader::parts_of_many(conn, store.keys(), &rows.iter().map(|r| r.event_id.clone()).collect::<Vec<_>>())?;
        let events = reader::events_at(conn, &rows.iter().map(|r| r.idx).collect::<Vec<_>>())?;
        let event = |event: StoredEvent| told(conn, parts.remove(&event.leaf.id).unwrap_or_default(), event, &cuts, reads_content);
        events.into_values().map(event).collect()
    });
    Ok(read.await?)
}

/// Events of one case for programs, in order, after the index `after`, at most `limit`; with the parts that still exist.
pub async fn of_case(app: &App, caller: &Caller, case: &str, after: Option<u64>, limit: usize) -> AppResult<(String, Vec<CaseEvent>)> {
    let about = Subject::new("recall", case.chars().take(64).collect::<String>());
    app.require(caller, Permission::AuditRead, Action::AuditRead, about.clone()).await?;
    let (store, wanted, reads_content, cuts) = (app.store.clone(), case.to_owned(), caller.may(Permission::ContentRead), retention::cuts(app));
    let found = app
        .store
        .read(move |conn| {
            let Some(row) = crate::store::recalls::find(conn, &wanted)? else { return Ok(None) };
            let events = reader::events_of_case(conn, &row.id, None)?;
            let page: Vec<_> = events.into_iter().filter(|e| after.is_none_or(|a| e.index > a)).take(limit).collect();
            let mut parts = reader::parts_of_many(conn, store.keys(), &page.iter().map(|e| e.leaf.id.clone()).collect::<Vec<_>>())?;
            let event = |event: StoredEvent| told(conn, parts.remove(&event.leaf.id).unwrap_or_default(), event, &cuts, reads_content);
            let page: Result<Vec<_>, StoreError> = page.into_iter().map(event).collect();
            Ok(Some((row.id, page?)))
        })
        .await?;
    let Some((id, page)) = found else { return Err(app.refuse(caller, Action::AuditRead, about, None, AppError::NotFound).await) };
    app.record_of(caller, caller.event(Action::AuditRead, Subject::new("recall", id.clone())).case(&id).detail(json!({ "after": after }))).await?;
    Ok((id, page))
}
