//! A search as a file: CSV with the columns and rules of the evidence bundle's `events.csv`, or JSON Lines as the API gives events; read piece
//! by piece, so that it needs no more room for a million events than for a thousand.
//!
//! An export is a thing of its own for a day ([`Listed`]): its search at the size that the log had. Whoever made it, in the session that made
//! it, gets it again from any event on after a broken connection, without another code.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use serde_json::json;

use super::{App, AppError, AppResult, Caller, Query, Turn, case_event, trail};
use crate::{
    app::{
        Done,
        evidence::{gone, parts_of},
        pieces::Pieces,
        retention, step_up,
    },
    clock::Instant,
    domain::{
        event::{Action, ActorKind, Outcome},
        role::Permission,
    },
    evidence::{
        collected::Entry,
        columns, csv,
        tables::{Event, event_cells},
    },
    store::{
        Conn, Store, StoreError,
        exports::{self, ExportRow},
        reader::{self, Filter, StoredEvent},
    },
    words,
};

/// Rows read at a time: some megabytes.
const PIECE: i64 = 1000;
/// How long an export can be gone on with.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// Exports whose progress is remembered; the oldest is forgotten.
const REMEMBERED: usize = 256;

words! {
    pub enum Format {
        Csv = "csv",
        Jsonl = "jsonl",
    }
}

impl Format {
    /// The media type of such a file.
    pub const fn media(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Jsonl => "application/jsonl",
        }
    }
}

/// How far an export has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Events handed to the connection, those before a break included.
    pub sent: u64,
    /// Index of the last of them.
    pub last: Option<u64>,
    pub done: bool,
}

/// The progress of this process's exports, by id.
#[derive(Default)]
pub struct Running(Mutex<BTreeMap<String, Progress>>);

impl Running {
    fn with<T>(&self, f: impl FnOnce(&mut BTreeMap<String, Progress>) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn of(&self, id: &str) -> Option<Progress> {
        self.with(|all| all.get(id).copied())
    }

    fn set(&self, id: &str, progress: Progress) {
        self.with(|all| {
            all.insert(id.to_owned(), progress);
            while all.len() > REMEMBERED {
                all.pop_first();
            }
        });
    }
}

/// A file in the making.
pub struct File {
    app: App,
    filter: Filter,
    format: Format,
    /// Where the next piece begins; `None` at the end.
    next: Option<Turn<u64>>,
    /// Events of the log that it does not go beyond.
    size: u64,
    reads_content: bool,
    /// The names of the columns are still to come.
    head: bool,
    /// Whose progress this is; a program's has none.
    id: Option<String>,
    progress: Progress,
}

/// An export as its maker sees it.
#[derive(Clone, Debug)]
pub struct Listed {
    pub id: String,
    pub query: Query,
    pub format: Format,
    /// Events in the log when it was asked for.
    pub size: u64,
    pub at: Instant,
    pub until: Instant,
    /// `None` where this process has handed out nothing of it.
    pub progress: Option<Progress>,
}

/// Begins an export of a search; leaves `audit.exported`. A person gives a fresh one-time code, which that event spends.
///
/// # Errors
/// `Forbidden`; `Invalid` on the fields of the search and on `totp`; refusals of `step_up::spend_totp`. Each is recorded.
pub async fn export(app: &App, caller: &Caller, query: &Query, format: Format, totp: &str) -> AppResult<File> {
    app.require(caller, Permission::AuditExport, Action::AuditExported, trail()).await?;
    let (filter, size, rows) = prepared(app, caller, query).await?;
    let (id, kept) = (crate::id::fresh(), serde_json::to_vec(query).map_err(|e| StoreError::Event(e.to_string()))?);
    let row = ExportRow {
        id: id.clone(),
        owner_id: caller.id.clone(),
        session_id: caller.session.clone().unwrap_or_default(),
        format: format.as_str().to_owned(),
        query_sealed: app.store.keys().envelope.seal(&exports::context(&id), &kept),
        log_size: i64::try_from(size).unwrap_or(i64::MAX),
        created_at: 0,
    };
    let (app2, caller2, totp, asked) = (app.clone(), caller.clone(), totp.to_owned(), query.to_json());
    // From the reserve of a full disk, as all reading of those who audit.
    let written = app
        .write_of(caller.audits(), move |tx| {
            let event = caller2.event(Action::AuditExported, trail()).text(json!({ "query": asked }));
            if let Some(user) = &caller2.user_id
                && let Err(error) = step_up::spend_totp(tx, app2.store.keys(), user, &totp)?
            {
                tx.append(event.outcome(Outcome::Refused).detail(error.as_detail()))?;
                return Ok(Err(error));
            }
            tx.append(event.detail(json!({ "log_size": size, "rows": rows, "format": format, "export": row.id })))?;
            let created_at = tx.now().0;
            exports::forget(tx.conn, tx.now().minus(KEPT))?;
            exports::insert(tx.conn, ExportRow { created_at, ..row.clone() })?;
            Ok(Ok(()))
        })
        .await?;
    Done::from_write(written)?;
    Ok(File::new(app, caller, filter, format, size, Turn::Down(size), Some(id)))
}

/// The events that a program asks for, in the order of the log, after the index `after`; leaves `audit.exported`. The scope that its token
/// has is its proof.
///
/// # Errors
/// `Forbidden`; `Invalid` on the fields of the search. Each is recorded.
pub async fn for_program(app: &App, caller: &Caller, query: &Query, after: Option<u64>) -> AppResult<File> {
    app.require(caller, Permission::AuditExport, Action::AuditExported, trail()).await?;
    if caller.kind != ActorKind::Token {
        return Err(app.refuse(caller, Action::AuditExported, trail(), None, AppError::Forbidden(Permission::AuditExport)).await);
    }
    let (filter, size, rows) = prepared(app, caller, query).await?;
    let event = caller.event(Action::AuditExported, trail()).text(json!({ "query": query.to_json() }));
    app.record_of(caller, event.detail(json!({ "log_size": size, "rows": rows, "format": Format::Jsonl, "after": after }))).await?;
    let begin = after.map_or(Turn::First, Turn::Up);
    Ok(File::new(app, caller, filter, Format::Jsonl, size, begin, None))
}

async fn prepared(app: &App, caller: &Caller, query: &Query) -> AppResult<(Filter, u64, i64)> {
    let filter = match query.filter(app).await {
        Ok(filter) => filter,
        Err(error) => return Err(app.refuse(caller, Action::AuditExported, trail(), None, error).await),
    };
    super::read_words(app, &filter).await?;
    let counted = filter.clone();
    let (size, rows) = app.store.read(move |conn| Ok((reader::head(conn)?.size(), reader::count(conn, &counted)?))).await?;
    Ok((filter, size, rows))
}

/// The caller's exports of the last day in this session, newest first.
pub async fn list(app: &App, caller: &Caller) -> AppResult<Vec<Listed>> {
    let Some(session) = caller.session.clone().filter(|_| caller.may(Permission::AuditExport)) else { return Ok(Vec::new()) };
    let since = app.now().minus(KEPT);
    let rows = app.store.read(move |conn| exports::of_session(conn, &session, since)).await?;
    rows.into_iter().map(|row| listed(app, row)).collect()
}

/// One export of the caller's.
///
/// # Errors
/// `NotFound` for another person's, another session's, or one that has had its day.
pub async fn show(app: &App, caller: &Caller, id: &str) -> AppResult<Listed> {
    list(app, caller).await?.into_iter().find(|export| export.id == id).ok_or(AppError::NotFound)
}

/// The file of an export once more: whole, or what comes after the event `after`. Leaves nothing by itself; the page that shows it does.
///
/// # Errors
/// As [`show`].
pub async fn again(app: &App, caller: &Caller, id: &str, after: Option<u64>) -> AppResult<File> {
    let export = show(app, caller, id).await?;
    let filter = export.query.filter(app).await?;
    let begin = after.map_or(export.size, |after| after.min(export.size));
    let mut file = File::new(app, caller, filter, export.format, export.size, Turn::Down(begin), Some(export.id));
    if after.is_some() {
        file.head = false;
        // What was sent before is not known to be what arrived.
        file.progress.sent = export.progress.filter(|p| p.last == after).map_or(0, |p| p.sent);
    }
    Ok(file)
}

fn listed(app: &App, row: ExportRow) -> AppResult<Listed> {
    let bytes = app.store.keys().envelope.open(&exports::context(&row.id), &row.query_sealed).map_err(StoreError::from)?;
    let corrupt = |what: String| StoreError::Corrupt(format!("export {}: {what}", row.id));
    Ok(Listed {
        query: serde_json::from_slice(&bytes).map_err(|e| corrupt(e.to_string()))?,
        format: Format::parse(&row.format).ok_or_else(|| corrupt(row.format.clone()))?,
        size: u64::try_from(row.log_size).unwrap_or(0),
        at: Instant(row.created_at),
        until: Instant(row.created_at).plus(KEPT),
        progress: app.exports.of(&row.id),
        id: row.id,
    })
}

impl File {
    fn new(app: &App, caller: &Caller, filter: Filter, format: Format, size: u64, begin: Turn<u64>, id: Option<String>) -> Self {
        Self {
            app: app.clone(),
            filter,
            format,
            next: Some(begin),
            size,
            reads_content: caller.may(Permission::ContentRead),
            head: format == Format::Csv,
            id,
            progress: Progress::default(),
        }
    }

    /// The export's id; a program's stream has none.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    pub fn format(&self) -> Format {
        self.format
    }
}

impl Pieces for File {
    async fn next(&mut self) -> AppResult<Option<String>> {
        if self.head {
            self.head = false;
            return Ok(Some(csv::header(columns::names(columns::EVENTS))));
        }
        let Some(turn) = self.next.clone() else { return Ok(None) };
        let (store, filter, size) = (self.app.store.clone(), self.filter.clone(), self.size);
        let (format, zone, reads_content) = (self.format, self.app.config.time_zone.clone(), self.reads_content);
        let cuts = retention::cuts(&self.app);
        let piece = self.app.store.read(move |conn| {
            piece(conn, &store, &filter, &turn, size, |conn, event, parts| {
                let gone = gone(conn, &event, &parts, Some(&cuts))?;
                Ok(match format {
                    Format::Jsonl => format!("{}\n", case_event(parts, event, gone, reads_content).to_json()),
                    Format::Csv => {
                        let opened = parts_of(&event, parts, &gone)?;
                        let event = Event::read(&Entry { index: event.index, leaf: event.bytes, parts: opened, proof: Vec::new() });
                        event.map(|event| csv::line(&event_cells(&event, &zone))).unwrap_or_default()
                    }
                })
            })
        });
        let Piece { text, rows, last, next } = piece.await?;
        self.next = next;
        self.progress = Progress { sent: self.progress.sent + rows, last: last.or(self.progress.last), done: self.next.is_none() };
        if let Some(id) = &self.id {
            self.app.exports.set(id, self.progress);
        }
        Ok(Some(text))
    }
}

struct Piece {
    text: String,
    rows: u64,
    last: Option<u64>,
    next: Option<Turn<u64>>,
}

/// The events of one piece, each as `write` says it. Away from the newest, or in the order of the log, as `turn` goes.
fn piece(
    conn: &mut Conn,
    store: &Store,
    filter: &Filter,
    turn: &Turn<u64>,
    size: u64,
    write: impl Fn(&mut Conn, StoredEvent, Vec<reader::OpenPart>) -> Result<String, StoreError>,
) -> Result<Piece, StoreError> {
    let down = matches!(turn, Turn::Down(_));
    let mut rows = match turn {
        Turn::First => reader::onward(conn, filter, None, PIECE)?,
        Turn::Up(after) => reader::onward(conn, filter, Some(*after), PIECE)?,
        Turn::Down(_) => reader::search(conn, filter, turn, PIECE)?,
    };
    let whole = rows.len() as i64 == PIECE;
    let index = |idx: i64| u64::try_from(idx).unwrap_or(0);
    rows.retain(|row| index(row.idx) < size);
    let mut parts = reader::parts_of_many(conn, store.keys(), &rows.iter().map(|r| r.event_id.clone()).collect::<Vec<_>>())?;
    let mut events = reader::events_at(conn, &rows.iter().map(|r| r.idx).collect::<Vec<_>>())?;
    let mut text = String::new();
    for row in &rows {
        let event = events.remove(&row.idx).ok_or(StoreError::NotFound)?;
        text.push_str(&write(conn, event, parts.remove(&row.event_id).unwrap_or_default())?);
    }
    let last = rows.last().map(|row| index(row.idx));
    let next = last.filter(|_| whole).map(|last| if down { Turn::Down(last) } else { Turn::Up(last) });
    Ok(Piece { text, rows: rows.len() as u64, last, next })
}
