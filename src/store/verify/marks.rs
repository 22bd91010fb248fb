//! Checkpoints: those in the database, the copy outside, those kept elsewhere, each held against the tree that the events give.

use std::path::Path;

use diesel::prelude::*;

use super::{
    Against, Audit, Kind, MOST, Walked,
    keys::{Opened, Signers},
    salvage,
};
use crate::{
    ledger::checkpoint::{self, Checkpoint, Note, Vkey},
    store::{Conn, StoreError, log, schema::log_checkpoints},
};

/// Where the copy lies, below the data folder; stands for a table in problems.
const COPY: &str = "log/checkpoint";

/// A checkpoint to be held against the tree when it has grown to that size.
pub(super) struct Mark {
    pub table: &'static str,
    /// A head that was signed elsewhere and is not ours is a fork; a row of ours that is wrong is a bad checkpoint.
    pub kind: Kind,
    /// Whether it is a row of ours, which has every line that was signed.
    pub ours: bool,
    pub opened: Opened,
}

impl Mark {
    pub(super) fn checkpoint(&self) -> &Checkpoint {
        &self.opened.checkpoint
    }
}

/// The copy of the last checkpoint that lies outside the database.
pub(super) fn copy(data: &Path) -> Option<String> {
    std::fs::read(data.join(COPY)).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// How often, and how far apart, a missing copy of the first checkpoint is looked for before it is called missing.
const LOOKS: u32 = 20;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(50);

/// The first copy may just be on its way: it is written when the database has its row.
fn on_its_way(data: &Path, ours: &Vkey) -> Option<String> {
    (0..LOOKS).find_map(|_| {
        std::thread::sleep(PAUSE);
        copy(data).filter(|note| !is_empty(note, ours))
    })
}

/// Whether it is the copy that an installation has before anything is signed.
fn is_empty(note: &str, ours: &Vkey) -> bool {
    checkpoint::open(note, ours).is_ok_and(|c| c.size == 0)
}

/// Opens all checkpoints, ours and those kept elsewhere; `copy` was read from `data` before the database.
pub(super) fn collect(
    conn: &mut Conn,
    audit: &mut Audit<'_>,
    head: Option<&log::Head>,
    signers: &Signers,
    against: &Against,
    (copy, data): (Option<String>, &Path),
) -> Result<Vec<Mark>, StoreError> {
    let (mut marks, ours) = (Vec::new(), &signers.ours);
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
        match signers.open(note) {
            Ok(opened) => {
                let checkpoint = &opened.checkpoint;
                if Some(checkpoint.size) != index {
                    audit.problem(Kind::Checkpoint, "log_checkpoints", index, format!("row {seq} says {size}, its note {}", checkpoint.size));
                }
                // A row that says more than what we signed was written by somebody else.
                if !is_signed(note, &opened, signers) {
                    audit.problem(Kind::Signature, "log_checkpoints", index, format!("row {seq} is not the note that was signed"));
                }
                if marks.last().is_some_and(|m: &Mark| m.checkpoint().size >= checkpoint.size) {
                    audit.problem(Kind::Checkpoint, "log_checkpoints", index, format!("row {seq} is not over more events than the row before"));
                }
                marks.push(Mark { table: "log_checkpoints", kind: Kind::Checkpoint, ours: true, opened });
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
    let copy = copy.filter(|note| !is_empty(note, ours));
    let copy = if rows.is_empty() { copy } else { copy.or_else(|| on_its_way(data, ours)) };
    match &copy {
        None if !rows.is_empty() => audit.problem(Kind::Fork, COPY, None, "the copy of the last checkpoint outside the database is missing"),
        // The copy is written after its row.
        Some(note) if !rows.iter().any(|(_, _, stored)| stored == note) => {
            let size = checkpoint::open(note, ours).ok().map(|c| c.size);
            audit.problem(Kind::Checkpoint, "log_checkpoints", size, "the checkpoint that is kept outside the database is not in it");
        }
        _ => {}
    }
    for (at, note) in copy.iter().chain(&against.notes).enumerate() {
        // What the last row says has just been opened.
        let known = (at == 0 && marks.len() == rows.len() && rows.last().is_some_and(|(_, _, stored)| stored == note))
            .then(|| marks.last().map(|mark| mark.opened.clone()))
            .flatten();
        match known.map_or_else(|| signers.open(note), Ok) {
            // The copy is the present log's, whatever others have kept of those before.
            Ok(opened) if at == 0 && copy.is_some() && opened.log != signers.present() => {
                audit.problem(Kind::Signature, COPY, None, "it is signed by the key of a log that has ended");
            }
            Ok(opened) => marks.push(Mark { table: COPY, kind: Kind::Fork, ours: false, opened }),
            Err(e) => audit.problem(Kind::Signature, COPY, None, e.to_string()),
        }
    }
    Ok(marks)
}

/// Whether `note` has the lines of the keys that signed it, each once and in their order, and nothing else. What the lines say has been
/// verified: neither kind of signature can be made into another one that holds without the key (RFC 8032 §5.1.7, FIPS 204 §3.2), and a line
/// has one spelling, so that whoever changes a byte of it has changed what is verified.
fn is_signed(note: &str, opened: &Opened, signers: &Signers) -> bool {
    let Ok(parsed) = Note::parse(note) else { return false };
    let key = |place: &usize| signers.key(opened.log, *place);
    let first = opened.by.iter().filter_map(key).map(|key| (key.vkey.name(), key.vkey.id()));
    let second = opened.second.iter().filter_map(key).filter_map(|key| key.mldsa.as_ref()).map(|key| (key.name(), key.id()));
    parsed.signatures().iter().map(|line| (line.name, line.key_id)).eq(first.chain(second))
}

/// Compares each mark with the root at its size.
pub(super) fn settle(audit: &mut Audit<'_>, marks: &[Mark], signers: &Signers, walked: &Walked) {
    for Mark { table, kind, opened, .. } in marks {
        let (checkpoint, log) = (&opened.checkpoint, opened.log);
        let index = Some(checkpoint.size);
        // A log's keys sign as long as it goes on, and not after.
        let ended = (log < signers.present()).then(|| walked.renewals.get(log)).flatten().map(|(index, _)| *index);
        let began = log.checked_sub(1).and_then(|before| walked.renewals.get(before)).map(|(index, _)| *index);
        if ended.is_some_and(|end| checkpoint.size > end) || began.is_some_and(|begin| checkpoint.size <= begin && checkpoint.size > 0) {
            audit.problem(*kind, table, index, "it is signed by the key of another part of the log");
        }
        match walked.roots.get(&checkpoint.size) {
            Some(root) if *root == checkpoint.root => {}
            Some(_) => audit.problem(*kind, table, index, format!("the first {} events are not those that were signed", checkpoint.size)),
            None => {
                audit.problem(Kind::Fork, table, index, format!("{} events were signed, the log holds {}", checkpoint.size, walked.frontier.size()))
            }
        }
    }
}
