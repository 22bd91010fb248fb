//! `ledger verify`: everything that the log holds is computed again from the leaves and held against what is stored.
//!
//! Walks the events once, in batches, on one snapshot, with as many threads as help; every table of the log is compared in both directions, so that a row that is
//! missing, changed or too many is named with its table and index.

mod actors;
mod check;
mod contents;
mod cosignatures;
mod events;
mod holds;
mod keys;
mod marks;
mod part_keys;
mod policies;
mod purges;
pub mod recent;
mod rows;
mod shape;
mod source;
mod stated;
mod strays;
mod timestamps;
mod waiting;
mod words;

pub use keys::ReportedKey;

use std::{collections::BTreeMap, path::Path};

use diesel::prelude::*;
use serde::Serialize;
use source::Source;
use waiting::Waiting;

use super::{
    Conn, Database, Store, StoreError, conn,
    head_mac::{self, FORGED, HeadMac},
    log, migrate,
    schema::log_head,
};
use crate::{
    crypto::keyring::Keyring,
    ledger::{
        checkpoint::Vkey,
        cosignature::Cosigner,
        mldsa::MldsaVkey,
        tree::{Frontier, Hash},
    },
};

/// What kind of thing does not hold (formats.md, "JSON outputs").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Leaf,
    Part,
    MissingPart,
    Projection,
    Tile,
    Head,
    Checkpoint,
    Signature,
    Fork,
    Key,
    Timestamp,
    /// A witness's, or what is said of how far it has come.
    Cosignature,
    /// The database itself: a trigger, a view, an index.
    Schema,
}

impl Kind {
    fn is_said_by_others(self) -> bool {
        matches!(self, Self::Timestamp | Self::Cosignature)
    }
}

/// One thing that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    pub kind: Kind,
    pub table: &'static str,
    /// The event's index; for tiles the tile's, for checkpoints the size they are over.
    pub index: Option<u64>,
    pub detail: String,
}

impl Problem {
    /// Whether it is of a row that is no part of the log, nor of what was decided: neither is touched by it.
    fn is_beside(&self) -> bool {
        matches!(self.kind, Kind::Part | Kind::MissingPart) && (self.table == "sessions" || stated::covers(self.table))
    }
}

/// How many rows were held against what they must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Checked {
    pub leaves: u64,
    pub parts: u64,
    pub projections: u64,
    pub tiles: u64,
    pub checkpoints: u64,
    pub timestamps: u64,
}

/// The outcome of a verification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    pub ok: bool,
    pub size: u64,
    /// Of the events as they are now, hex.
    pub root: String,
    pub checked: Checked,
    /// The keys of this log, the first first.
    pub keys: Vec<ReportedKey>,
    pub problems: Vec<Problem>,
    /// Parts that nobody can look at because a restore did not find their key, by bucket: `ok` is false while there are any.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub unopened: BTreeMap<String, u64>,
}

impl Report {
    /// What the log itself does not hold for. A timestamp or a cosignature says something of the log and is no part of it, and a row beside the
    /// log that is not what an event says of it leaves the event what it is: neither takes anything from the events, their proofs and the keys.
    pub fn broken(&self) -> Option<&Problem> {
        self.problems.iter().find(|problem| !problem.kind.is_said_by_others() && !problem.is_beside())
    }

    /// Timestamps and cosignatures that do not hold, in words.
    pub fn doubtful(&self) -> Vec<String> {
        self.problems.iter().filter(|problem| problem.kind.is_said_by_others()).map(|problem| problem.detail.clone()).collect()
    }

    /// Rows beside the log that are not what the log says of them, in words.
    pub fn beside(&self) -> Vec<String> {
        let told = |problem: &Problem| format!("{}: {}", problem.table, problem.detail);
        self.problems.iter().filter(|problem| problem.is_beside()).map(told).collect()
    }
}

/// What a verification is held against besides the database itself.
#[derive(Clone, Debug, Default)]
pub struct Against {
    /// Keys of the log as known from elsewhere, each of which it must have; also one that has given way to another since.
    pub vkeys: Vec<Vkey>,
    /// Its second keys, likewise.
    pub mldsa: Vec<MldsaVkey>,
    /// Checkpoints kept elsewhere, as signed notes; the copy under the data folder is added by itself.
    pub notes: Vec<String>,
    /// Keys of witnesses, as the settings name them.
    pub witnesses: Vec<Cosigner>,
    /// A restore is under way, which tells only later which keys of parts it did not find.
    pub restoring: bool,
    /// On one thread and with pauses, so that nobody notices.
    pub gentle: bool,
    /// The log's private keys are lost: those in the files stand in for them, and are not held against the rows.
    pub key_lost: bool,
}

/// Problems named at most: a log that was rewritten has one for each event.
const MOST: usize = 1000;

/// A verification under way.
struct Audit<'a> {
    keys: &'a Keyring,
    report: Report,
}

impl Audit<'_> {
    fn problem(&mut self, kind: Kind, table: &'static str, index: Option<u64>, detail: impl Into<String>) {
        self.report.ok = false;
        if self.report.problems.len() < MOST {
            self.report.problems.push(Problem { kind, table, index, detail: detail.into() });
        }
    }
}

impl Store {
    /// Recomputes the whole log of this store.
    ///
    /// # Errors
    /// Only if the database cannot be read; what does not hold is in the report.
    pub fn verify(&self, against: &Against) -> Result<Report, StoreError> {
        inspect(self.database(), self.data(), against)
    }
}

/// Recomputes the log in `database`, with the keys and the checkpoint's copy under `data`. Needs no store: a log that a store refuses to
/// open is the very one to be looked at.
///
/// # Errors
/// Only if database or keys cannot be read; what does not hold is in the report.
pub fn inspect(database: &Database, data: &Path, against: &Against) -> Result<Report, StoreError> {
    inspect_beside(database, data, against, marks::copy(data))
}

/// [`inspect`] with another copy of the last checkpoint than the one under `data`.
pub(super) fn inspect_beside(database: &Database, data: &Path, against: &Against, copy: Option<String>) -> Result<Report, StoreError> {
    let keys = Keyring::open(data, false).map_err(|e| StoreError::Unavailable(e.to_string()))?;
    let mut conn = conn::open(database, conn::Purpose::Read)?;
    migrate::known(&mut conn)?;
    let report = Report {
        ok: true,
        size: 0,
        root: String::new(),
        checked: Checked::default(),
        keys: Vec::new(),
        problems: Vec::new(),
        unopened: BTreeMap::new(),
    };
    let mut audit = Audit { keys: &keys, report };
    let done = match database {
        Database::Sqlite(path) => {
            let raw = source::open(path)?;
            source::begin_together(&mut conn, &raw)?;
            // SQLite looks over its file meanwhile; any snapshot will do for that.
            std::thread::scope(|scope| {
                let structure = scope.spawn(|| structure(path));
                let done = run(&mut conn, &mut audit, against, copy, data, Some(raw));
                for line in structure.join().map_err(|_| StoreError::Panicked)?? {
                    let (table, kind) = TABLES.into_iter().find(|(table, _)| line.contains(table)).unwrap_or(("database", Kind::Head));
                    audit.problem(kind, table, None, line);
                }
                done
            })
        }
        Database::Postgres(_) => {
            conn::begin(&mut conn, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
            run(&mut conn, &mut audit, against, copy, data, None)
        }
    };
    match done {
        Ok(()) => {}
        // A table that somebody dropped: all its rows are gone.
        Err(error) => match dropped(&error) {
            Some((table, kind)) => audit.problem(kind, table, None, "the table is missing or has not its columns"),
            None => return Err(error),
        },
    }
    Ok(audit.report)
}

/// [`inspect`] for a log in a transaction that has not been committed, on PostgreSQL: the one on `conn`.
///
/// # Errors
/// As [`inspect`].
pub fn inspect_within(conn: &mut Conn, data: &Path, against: &Against) -> Result<Report, StoreError> {
    let keys = Keyring::open(data, false).map_err(|e| StoreError::Unavailable(e.to_string()))?;
    let report = Report {
        ok: true,
        size: 0,
        root: String::new(),
        checked: Checked::default(),
        keys: Vec::new(),
        problems: Vec::new(),
        unopened: BTreeMap::new(),
    };
    let mut audit = Audit { keys: &keys, report };
    run(conn, &mut audit, against, marks::copy(data), data, None)?;
    Ok(audit.report)
}

/// The tables of the log, and what a fault in each of them is.
const TABLES: [(&str, Kind); 14] = [
    ("log_events", Kind::Leaf),
    ("log_parts", Kind::Part),
    ("log_search", Kind::Projection),
    ("log_words", Kind::Projection),
    ("log_tiles", Kind::Tile),
    ("log_head", Kind::Head),
    ("log_checkpoints", Kind::Checkpoint),
    ("log_keys", Kind::Key),
    ("log_pending", Kind::Leaf),
    ("log_purges", Kind::Part),
    ("part_keys", Kind::Key),
    ("timestamps", Kind::Timestamp),
    ("log_cosignatures", Kind::Cosignature),
    ("witnesses", Kind::Cosignature),
];

/// What SQLite finds wrong with its own file, indexes included: a row that an index leaves out is not found by whoever searches.
fn structure(path: &Path) -> Result<Vec<String>, StoreError> {
    let conn = source::open(path)?;
    let mut check = conn.prepare("PRAGMA integrity_check(100)")?;
    let lines = check.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    Ok(lines.into_iter().filter(|line| line != "ok").collect())
}

/// Which table of the log the database says it does not have, if that is what the error says.
fn dropped(error: &StoreError) -> Option<(&'static str, Kind)> {
    let StoreError::Db(diesel::result::Error::DatabaseError(_, info)) = error else { return None };
    let message = info.message();
    let absent = ["no such table", "no such column", "does not exist"].iter().any(|words| message.contains(words));
    TABLES.into_iter().find(|(table, _)| absent && message.contains(table))
}

fn run(
    conn: &mut Conn,
    audit: &mut Audit<'_>,
    against: &Against,
    copy: Option<String>,
    data: &Path,
    raw: Option<rusqlite::Connection>,
) -> Result<(), StoreError> {
    let signers = keys::check(conn, audit, against)?;
    let heads: Vec<log::Head> = readable(audit, Kind::Head, "log_head", log_head::table.load(conn))?;
    for other in heads.iter().filter(|h| h.id != 1) {
        audit.problem(Kind::Head, "log_head", None, format!("a log has one head; this is number {}", other.id));
    }
    let head = heads.into_iter().find(|h| h.id == 1);
    if head.is_none() {
        audit.problem(Kind::Head, "log_head", None, "the head is missing");
    }
    let marks = marks::collect(conn, audit, head.as_ref(), &signers, against, (copy, data))?;
    let erased = purges::Erased::collect(conn, audit)?;
    let part_keys = part_keys::PartKeys::collect(conn, audit)?;
    let waiting = Waiting::collect(conn, audit)?;
    let mut source = match (&mut *conn, raw) {
        (Conn::Postgres(pg), _) => Source::Postgres(pg),
        (Conn::Sqlite(_), Some(raw)) => Source::Sqlite(raw),
        (Conn::Sqlite(_), None) => return Err(StoreError::Unavailable("no second connection".to_owned())),
    };
    let mut walked = events::walk(&mut source, audit, head.as_ref(), &marks, (&part_keys, &erased), against.gentle)?;
    std::mem::take(&mut walked.words).settle(&mut source, audit)?;
    drop(source);
    strays::check(conn, audit, walked.end, walked.frontier.size(), walked.parts)?;
    erased.settle(conn, audit, &walked.told)?;
    part_keys.settle(conn, audit, &walked, &waiting, against.restoring)?;
    keys::settle(audit, &signers, &marks, &walked);
    marks::settle(audit, &marks, &signers, &walked);
    if let Some(head) = &head {
        check_head(audit, head, &walked);
        if !HeadMac::new(audit.keys, signers.ours.name()).holds(head) && !head_mac::is_older(head, data) {
            audit.problem(Kind::Head, "log_head", Some(head.size()), FORGED);
        }
        // The head's own root over its own size: what comes after it was put there past the writer.
        if walked.roots.get(&head.size()).is_some_and(|root| head.root == root) {
            for index in &walked.beyond {
                audit.problem(Kind::Leaf, "log_events", Some(*index), "an event beyond the log's head");
            }
        }
    }
    // If the events give the root that was stored, the tiles are what was changed.
    if head.as_ref().is_none_or(|h| h.root != walked.frontier.root()) {
        for index in &walked.suspects {
            audit.problem(Kind::Leaf, "log_events", Some(*index), "the event is not the one that was put into the tree");
        }
    }
    audit.report.size = walked.frontier.size();
    audit.report.root = hex::encode(walked.frontier.root());
    contents::check(conn, audit, walked.bound, &waiting)?;
    holds::check(conn, audit, walked.holds, &waiting)?;
    policies::check(conn, audit, walked.policies, &waiting)?;
    timestamps::check(conn, audit, &marks, walked.tokens, &waiting)?;
    cosignatures::check(conn, audit, &marks, &against.witnesses)?;
    shape::check(conn, audit)?;
    // After what a restore is refused for: problems are named up to a number, and these must not take the others' places.
    walked.actors.settle(conn, audit, &walked.stated, &waiting)?;
    walked.stated.settle(conn, audit, &waiting)
}

/// Text that is not UTF-8, or a value of another type: somebody wrote past the product.
fn unreadable(error: &StoreError) -> bool {
    matches!(error, StoreError::Db(diesel::result::Error::DeserializationError(_)))
}

/// The rows of a table, or none and a problem if one of them cannot be read.
fn readable<T>(audit: &mut Audit<'_>, kind: Kind, table: &'static str, rows: diesel::QueryResult<Vec<T>>) -> Result<Vec<T>, StoreError> {
    match rows.map_err(StoreError::from) {
        Err(e) if unreadable(&e) => {
            audit.problem(kind, table, None, "a row cannot be read");
            Ok(Vec::new())
        }
        other => other,
    }
}

/// Loads many rows, and where one cannot be read at all, row by row: answers the readable ones and the keys of the others.
fn salvage<K, T>(
    conn: &mut Conn,
    all: impl FnOnce(&mut Conn) -> Result<Vec<T>, StoreError>,
    keys: impl FnOnce(&mut Conn) -> Result<Vec<K>, StoreError>,
    one: impl Fn(&mut Conn, &K) -> Result<T, StoreError>,
) -> Result<(Vec<T>, Vec<K>), StoreError> {
    match all(conn) {
        Ok(rows) => Ok((rows, Vec::new())),
        Err(e) if unreadable(&e) => {
            let (mut rows, mut bad) = (Vec::new(), Vec::new());
            for key in keys(conn)? {
                match one(conn, &key) {
                    Ok(row) => rows.push(row),
                    Err(e) if unreadable(&e) => bad.push(key),
                    Err(e) => return Err(e),
                }
            }
            Ok((rows, bad))
        }
        Err(e) => Err(e),
    }
}

/// What walking the events gave.
struct Walked {
    frontier: Frontier,
    last_at: i64,
    /// The index after the last event.
    end: i64,
    /// Rows of parts that belong to an event.
    parts: u64,
    /// Root at each size that a mark asked for, and at the head's.
    roots: std::collections::BTreeMap<u64, Hash>,
    /// Indices whose leaf hash is not the one in its tile.
    suspects: std::collections::BTreeSet<u64>,
    /// Indices at or beyond the head's size, the first hundred.
    beyond: Vec<u64>,
    /// Where the log was renewed, and from which one.
    renewals: Vec<(u64, String)>,
    /// What events say of the log's keys.
    keys: Vec<keys::Told>,
    /// What events say of rows elsewhere.
    bound: contents::Bound,
    /// The same, column by column.
    stated: stated::Stated,
    /// Who acted, and what made them.
    actors: actors::Actors,
    /// What events say of legal holds, in order.
    holds: Vec<holds::Told>,
    /// What events say of the recall policy, in order.
    policies: Vec<policies::Told>,
    /// What events say of tokens.
    tokens: Vec<timestamps::Told>,
    /// What events say of purges, and whose parts are gone.
    told: purges::Told,
    /// Parts whose key is gone, by bucket.
    unopened: BTreeMap<String, u64>,
    /// What events say of keys of parts: which key ended, and how.
    endings: Vec<(u64, part_keys::Ending, String)>,
    /// The words that events have.
    words: words::Sums,
}

fn check_head(audit: &mut Audit<'_>, head: &log::Head, walked: &Walked) {
    let is = [
        ("size", head.size() == walked.frontier.size()),
        ("root", head.root == walked.frontier.root()),
        ("frontier", head.frontier == walked.frontier.to_bytes()),
        ("last_at", head.last_at == walked.last_at),
    ];
    for (column, holds) in is {
        if !holds {
            audit.problem(Kind::Head, "log_head", Some(walked.frontier.size()), format!("{column} is not what the events give"));
        }
    }
}
