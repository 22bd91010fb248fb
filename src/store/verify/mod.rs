//! `ledger verify`: everything that the log holds is computed again from the leaves and held against what is stored.
//!
//! Walks the events once, in batches, on one snapshot; every table of the log is compared in both directions, so that a row that is
//! missing, changed or too many is named with its table and index.

mod events;
mod marks;

use diesel::prelude::*;
use serde::Serialize;

use super::{
    Conn, Store, StoreError, log,
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

impl Store {
    /// Recomputes the whole log.
    ///
    /// # Errors
    /// Only if the database cannot be read; what does not hold is in the report.
    pub fn verify(&self, against: &Against) -> Result<Report, StoreError> {
        let kept = std::fs::read_to_string(self.data().join("log/checkpoint")).ok();
        let mut against = against.clone();
        let data_copy = kept.is_some();
        against.notes.extend(kept);
        let (keys, origin) = (self.keys().clone(), self.origin().to_owned());
        let mut report = self.read_now(|conn| run(conn, &keys, &origin, &against))?;
        if !data_copy && report.checked.checkpoints > 0 {
            report.ok = false;
            report.problems.push(Problem {
                kind: Kind::Fork,
                table: "log/checkpoint",
                index: None,
                detail: "the copy of the last checkpoint outside the database is missing".to_owned(),
            });
        }
        Ok(report)
    }
}

fn run(conn: &mut Conn, keys: &Keyring, origin: &str, against: &Against) -> Result<Report, StoreError> {
    let report = Report { ok: true, size: 0, root: String::new(), checked: Checked::default(), problems: Vec::new() };
    let mut audit = Audit { keys, report };

    let ours = Vkey::new(origin, &keys.log.verifying_key()).map_err(|e| StoreError::Corrupt(e.to_string()))?;
    check_keys(conn, &mut audit, &ours, against)?;
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
    audit.report.size = walked.frontier.size();
    audit.report.root = hex::encode(walked.frontier.root());
    Ok(audit.report)
}

/// What walking the events gave.
struct Walked {
    frontier: Frontier,
    last_at: i64,
    /// Root at each size that a mark asked for.
    roots: std::collections::BTreeMap<u64, Hash>,
}

fn check_keys(conn: &mut Conn, audit: &mut Audit<'_>, ours: &Vkey, against: &Against) -> Result<(), StoreError> {
    let rows: Vec<(i64, String)> = log_keys::table.load(conn)?;
    match rows.as_slice() {
        [(1, vkey)] if *vkey == ours.to_string() => {}
        [] => audit.problem(Kind::Key, "log_keys", None, "the key row is missing"),
        rows => {
            for (id, vkey) in rows {
                if *id != 1 || *vkey != ours.to_string() {
                    audit.problem(Kind::Key, "log_keys", u64::try_from(*id).ok(), format!("{vkey} is not this installation's key {ours}"));
                }
            }
        }
    }
    let origin: Option<String> = settings::table.find("origin").select(settings::value).first(conn).optional()?;
    if origin.as_deref() != Some(ours.name()) {
        audit.problem(Kind::Key, "settings", None, "the log's origin is not the one in its key");
    }
    if let Some(pinned) = &against.vkey
        && pinned != ours
    {
        audit.problem(Kind::Key, "log_keys", None, format!("the log is signed by {ours}, not by the pinned {pinned}"));
    }
    Ok(())
}

/// Opens all checkpoints, ours and those kept elsewhere.
fn collect_marks(conn: &mut Conn, audit: &mut Audit<'_>, head: Option<&log::Head>, ours: &Vkey, against: &Against) -> Result<Vec<Mark>, StoreError> {
    let mut marks = Vec::new();
    let rows: Vec<(i64, i64, String)> = log_checkpoints::table.order(log_checkpoints::seq.asc()).load(conn)?;
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
    let present: Vec<i64> = rows.iter().map(|r| r.0).collect();
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
