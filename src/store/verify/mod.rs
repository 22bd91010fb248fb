//! `ledger verify`: everything that the log holds is computed again from the leaves and held against what is stored.
//!
//! Walks the events once, in batches, on one snapshot; every table of the log is compared in both directions, so that a row that is
//! missing, changed or too many is named with its table and index.

mod events;
mod marks;

use std::path::Path;

use diesel::prelude::*;
use serde::Serialize;

use super::{
    Conn, Database, Store, StoreError, conn, log,
    schema::{log_checkpoints, log_head, log_keys, settings},
};
use crate::{
    crypto::keyring::Keyring,
    ledger::{
        checkpoint::{self, Checkpoint, Vkey},
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

/// How many rows were held against what they must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Checked {
    pub leaves: u64,
    pub parts: u64,
    pub projections: u64,
    pub tiles: u64,
    pub checkpoints: u64,
}

/// The outcome of a verification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    pub ok: bool,
    pub size: u64,
    /// Of the events as they are now, hex.
    pub root: String,
    pub checked: Checked,
    pub problems: Vec<Problem>,
}

/// What a verification is held against besides the database itself.
#[derive(Clone, Debug, Default)]
pub struct Against {
    /// The log's key as known from elsewhere.
    pub vkey: Option<Vkey>,
    /// Checkpoints kept elsewhere, as signed notes.
    pub notes: Vec<String>,
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

/// A checkpoint to be held against the tree when it has grown to that size.
struct Mark {
    table: &'static str,
    /// A head that was signed elsewhere and is not ours is a fork; a row of ours that is wrong is a bad checkpoint.
    kind: Kind,
    checkpoint: Checkpoint,
}

/// How often, and how far apart, a missing copy of the first checkpoint is looked for before it is called missing.
const COPY_LOOKS: u32 = 20;
const COPY_PAUSE: std::time::Duration = std::time::Duration::from_millis(50);

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
    let keys = Keyring::open(data, false).map_err(|e| StoreError::Unavailable(e.to_string()))?;
    let copy = || std::fs::read_to_string(data.join("log/checkpoint")).ok();
    let kept = copy();
    let has_copy = kept.is_some();
    let given = against;
    let mut against = given.clone();
    against.notes.extend(kept);
    let mut conn = conn::open(database, conn::Purpose::Read)?;
    let begin = match &conn {
        Conn::Sqlite(_) => "BEGIN",
        Conn::Postgres(_) => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    };
    conn::begin(&mut conn, begin)?;
    let mut audit = run(&mut conn, &keys, &against)?;
    if !has_copy && audit.report.checked.checkpoints > 0 {
        // The first checkpoint may just be on its way: its copy is written when the database has it.
        for _ in 0..COPY_LOOKS {
            if copy().is_some() {
                return inspect(database, data, given);
            }
            std::thread::sleep(COPY_PAUSE);
        }
        audit.problem(Kind::Fork, "log/checkpoint", None, "the copy of the last checkpoint outside the database is missing");
    }
    Ok(audit.report)
}

fn run<'a>(conn: &mut Conn, keys: &'a Keyring, against: &Against) -> Result<Audit<'a>, StoreError> {
    let report = Report { ok: true, size: 0, root: String::new(), checked: Checked::default(), problems: Vec::new() };
    let mut audit = Audit { keys, report };

    let ours = check_keys(conn, &mut audit, against)?;
    let heads: Vec<log::Head> = log_head::table.load(conn)?;
    let head = heads.into_iter().find(|h| h.id == 1);
    if head.is_none() {
        audit.problem(Kind::Head, "log_head", None, "the head is missing");
    }
    let marks = collect_marks(conn, &mut audit, head.as_ref(), &ours, against)?;
    let walked = events::walk(conn, &mut audit, head.as_ref().map(log::Head::size), &marks)?;
    marks::settle(&mut audit, &marks, &walked);
    if let Some(head) = &head {
        check_head(&mut audit, head, &walked);
    }
    // If the events give the root that was stored, the tiles are what was changed.
    if head.as_ref().is_none_or(|h| h.root != walked.frontier.root()) {
        for index in &walked.suspects {
            audit.problem(Kind::Leaf, "log_events", Some(*index), "the event is not the one that was put into the tree");
        }
    }
    audit.report.size = walked.frontier.size();
    audit.report.root = hex::encode(walked.frontier.root());
    Ok(audit)
}

/// Text that is not UTF-8, or a value of another type: somebody wrote past the product.
fn unreadable(error: &StoreError) -> bool {
    matches!(error, StoreError::Db(diesel::result::Error::DeserializationError(_)))
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
    /// Root at each size that a mark asked for.
    roots: std::collections::BTreeMap<u64, Hash>,
    /// Indices whose leaf hash is not the one in its tile.
    suspects: std::collections::BTreeSet<u64>,
}

/// Checks the key row against the key file; answers the key that this log must have.
fn check_keys(conn: &mut Conn, audit: &mut Audit<'_>, against: &Against) -> Result<Vkey, StoreError> {
    let (rows, bad): (Vec<(i64, String)>, Vec<i64>) = salvage(
        conn,
        |c| Ok(log_keys::table.load(c)?),
        |c| Ok(log_keys::table.select(log_keys::id).load(c)?),
        |c, id| Ok(log_keys::table.find(id).first(c)?),
    )?;
    let origin: Option<String> = match settings::table.find("origin").select(settings::value).first(conn).optional().map_err(StoreError::from) {
        Ok(origin) => origin,
        Err(e) if unreadable(&e) => None,
        Err(e) => return Err(e),
    };
    let key = audit.keys.log.verifying_key();
    let named = rows.iter().find_map(|(_, vkey)| Vkey::parse(vkey).ok().filter(|v| *v.key() == key));
    let ours = match (named, &origin) {
        (Some(vkey), _) => vkey,
        (None, Some(origin)) => Vkey::new(origin, &key).map_err(|e| StoreError::Corrupt(e.to_string()))?,
        (None, None) => return Err(StoreError::Corrupt("neither settings nor log_keys name the log".to_owned())),
    };
    if origin.as_deref() != Some(ours.name()) {
        audit.problem(Kind::Key, "settings", None, "the log's origin is not the one in its key");
    }
    for id in bad {
        audit.problem(Kind::Key, "log_keys", u64::try_from(id).ok(), "the row cannot be read");
    }
    if !rows.iter().any(|(id, _)| *id == 1) {
        audit.problem(Kind::Key, "log_keys", Some(1), "the key row is missing");
    }
    for (id, vkey) in &rows {
        if *id != 1 || *vkey != ours.to_string() {
            audit.problem(Kind::Key, "log_keys", u64::try_from(*id).ok(), format!("{vkey} is not this installation's key {ours}"));
        }
    }
    if let Some(pinned) = &against.vkey
        && *pinned != ours
    {
        audit.problem(Kind::Key, "log_keys", None, format!("the log is signed by {ours}, not by the pinned {pinned}"));
    }
    Ok(ours)
}

/// Opens all checkpoints, ours and those kept elsewhere.
fn collect_marks(conn: &mut Conn, audit: &mut Audit<'_>, head: Option<&log::Head>, ours: &Vkey, against: &Against) -> Result<Vec<Mark>, StoreError> {
    let mut marks = Vec::new();
    let (rows, bad): (Vec<(i64, i64, String)>, Vec<i64>) = salvage(
        conn,
        |c| Ok(log_checkpoints::table.order(log_checkpoints::seq.asc()).load(c)?),
        |c| Ok(log_checkpoints::table.order(log_checkpoints::seq.asc()).select(log_checkpoints::seq).load(c)?),
        |c, seq| Ok(log_checkpoints::table.find(seq).first(c)?),
    )?;
    for seq in &bad {
        audit.problem(Kind::Signature, "log_checkpoints", u64::try_from(*seq).ok(), format!("row {seq} cannot be read"));
    }
    for (seq, size, note) in rows.iter() {
        let index = u64::try_from(*size).ok();
        audit.report.checked.checkpoints += 1;
        match checkpoint::open(note, ours) {
            Ok(opened) => {
                if Some(opened.size) != index {
                    audit.problem(Kind::Checkpoint, "log_checkpoints", index, format!("row {seq} says {size}, its note {}", opened.size));
                }
                marks.push(Mark { table: "log_checkpoints", kind: Kind::Checkpoint, checkpoint: opened });
            }
            Err(e) => audit.problem(Kind::Signature, "log_checkpoints", index, format!("row {seq}: {e}")),
        }
    }
    let last = head.map_or(0, |h| h.checkpoint_seq);
    if last != i64::try_from(rows.len() + bad.len()).unwrap_or(i64::MAX) {
        audit.problem(Kind::Head, "log_head", None, format!("checkpoint_seq is {last}, there are {} checkpoints", rows.len() + bad.len()));
    }
    let present: Vec<i64> = rows.iter().map(|r| r.0).chain(bad).collect();
    for seq in (1..=last).filter(|seq| !present.contains(seq)).take(MOST) {
        audit.problem(Kind::Checkpoint, "log_checkpoints", u64::try_from(seq).ok(), format!("checkpoint number {seq} is missing"));
    }
    for seq in present.iter().filter(|seq| !(1..=last).contains(*seq)) {
        audit.problem(Kind::Checkpoint, "log_checkpoints", u64::try_from(*seq).ok(), format!("checkpoint number {seq} is not counted by the head"));
    }
    for note in &against.notes {
        match checkpoint::open(note, against.vkey.as_ref().unwrap_or(ours)) {
            Ok(opened) => marks.push(Mark { table: "log/checkpoint", kind: Kind::Fork, checkpoint: opened }),
            Err(e) => audit.problem(Kind::Signature, "log/checkpoint", None, e.to_string()),
        }
    }
    Ok(marks)
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
