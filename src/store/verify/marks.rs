//! Checkpoints: those in the database, the copy outside, those kept elsewhere, each held against the tree that the events give.

use std::path::Path;

use diesel::prelude::*;

use super::{Against, Audit, Kind, MOST, Walked, salvage};
use crate::{
    ledger::checkpoint::{self, Checkpoint, Vkey},
    store::{Conn, StoreError, log, schema::log_checkpoints},
};

/// Where the copy lies, below the data folder; stands for a table in problems.
const COPY: &str = "log/checkpoint";

/// A checkpoint to be held against the tree when it has grown to that size.
pub(super) struct Mark {
    table: &'static str,
    /// A head that was signed elsewhere and is not ours is a fork; a row of ours that is wrong is a bad checkpoint.
    kind: Kind,
    pub checkpoint: Checkpoint,
}

/// The copy of the last checkpoint that lies outside the database.
pub(super) fn copy(data: &Path) -> Option<String> {
    std::fs::read(data.join(COPY)).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// How often, and how far apart, a missing copy of the first checkpoint is looked for before it is called missing.
const LOOKS: u32 = 20;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(50);

/// The first copy may just be on its way: it is written when the database has its row.
fn on_its_way(data: &Path) -> Option<String> {
    (0..LOOKS).find_map(|_| {
        std::thread::sleep(PAUSE);
        copy(data)
    })
}

/// Opens all checkpoints, ours and those kept elsewhere; `copy` was read from `data` before the database.
pub(super) fn collect(
    conn: &mut Conn,
    audit: &mut Audit<'_>,
    head: Option<&log::Head>,
    ours: &Vkey,
    against: &Against,
    (copy, data): (Option<String>, &Path),
) -> Result<Vec<Mark>, StoreError> {
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
                // Ed25519 gives one signature: a row that says more than what we signed was written by somebody else.
                if opened.sign(&audit.keys.log).is_ok_and(|signed| signed != *note) {
                    audit.problem(Kind::Signature, "log_checkpoints", index, format!("row {seq} is not the note that was signed"));
                }
                if marks.last().is_some_and(|m: &Mark| m.checkpoint.size >= opened.size) {
                    audit.problem(Kind::Checkpoint, "log_checkpoints", index, format!("row {seq} is not over more events than the row before"));
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
    let copy = if rows.is_empty() { copy } else { copy.or_else(|| on_its_way(data)) };
    match &copy {
        None if !rows.is_empty() => audit.problem(Kind::Fork, COPY, None, "the copy of the last checkpoint outside the database is missing"),
        // The copy is written after its row.
        Some(note) if !rows.iter().any(|(_, _, stored)| stored == note) => {
            let size = checkpoint::open(note, ours).ok().map(|c| c.size);
            audit.problem(Kind::Checkpoint, "log_checkpoints", size, "the checkpoint that is kept outside the database is not in it");
        }
        _ => {}
    }
    for note in copy.iter().chain(&against.notes) {
        match checkpoint::open(note, against.vkey.as_ref().unwrap_or(ours)) {
            Ok(opened) => marks.push(Mark { table: COPY, kind: Kind::Fork, checkpoint: opened }),
            Err(e) => audit.problem(Kind::Signature, COPY, None, e.to_string()),
        }
    }
    Ok(marks)
}

/// Compares each mark with the root at its size.
pub(super) fn settle(audit: &mut Audit<'_>, marks: &[Mark], walked: &Walked) {
    for Mark { table, kind, checkpoint } in marks {
        let index = Some(checkpoint.size);
        match walked.roots.get(&checkpoint.size) {
            Some(root) if *root == checkpoint.root => {}
            Some(_) => audit.problem(*kind, table, index, format!("the first {} events are not those that were signed", checkpoint.size)),
            None => {
                audit.problem(Kind::Fork, table, index, format!("{} events were signed, the log holds {}", checkpoint.size, walked.frontier.size()))
            }
        }
    }
}
