//! Checkpoints: those in the database, the copy outside, those kept elsewhere, each held against the tree that the events give.

use std::path::Path;

use diesel::prelude::*;

use super::{Against, Audit, Kind, MOST, Walked, salvage};
use crate::{
    ledger::checkpoint::{self, Checkpoint, Note, NoteError, Vkey},
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
    /// By which of the log's former keys it is signed, counted from the first; `None` for the present one.
    former: Option<usize>,
}

/// The keys that checkpoints of this log are signed by.
pub(super) struct Signers {
    pub ours: Vkey,
    /// Of the logs that it was renewed from, the first first.
    pub former: Vec<Vkey>,
}

impl Signers {
    /// Opens a note by the present key or a former one.
    fn open(&self, note: &str) -> Result<(Checkpoint, Option<usize>), NoteError> {
        let other = |error| {
            let former = self.former.iter().enumerate();
            former.filter_map(|(at, vkey)| Some((checkpoint::open(note, vkey).ok()?, Some(at)))).next().ok_or(error)
        };
        checkpoint::open(note, &self.ours).map(|opened| (opened, None)).or_else(other)
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
            Ok((opened, former)) => {
                if Some(opened.size) != index {
                    audit.problem(Kind::Checkpoint, "log_checkpoints", index, format!("row {seq} says {size}, its note {}", opened.size));
                }
                // Ed25519 gives one signature: a row that says more than what we signed was written by somebody else.
                let again = former.is_none().then(|| opened.sign(&audit.keys.log).ok()).flatten();
                if again.is_some_and(|signed| signed != *note) || Note::parse(note).is_ok_and(|n| n.signatures().len() != 1) {
                    audit.problem(Kind::Signature, "log_checkpoints", index, format!("row {seq} is not the note that was signed"));
                }
                if marks.last().is_some_and(|m: &Mark| m.checkpoint.size >= opened.size) {
                    audit.problem(Kind::Checkpoint, "log_checkpoints", index, format!("row {seq} is not over more events than the row before"));
                }
                marks.push(Mark { table: "log_checkpoints", kind: Kind::Checkpoint, checkpoint: opened, former });
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
        let opened = match &against.vkey {
            Some(pinned) => checkpoint::open(note, pinned).map(|opened| (opened, None)),
            // The copy is the present log's, whatever others have kept of those before.
            None if at == 0 && copy.is_some() => checkpoint::open(note, ours).map(|opened| (opened, None)),
            None => signers.open(note),
        };
        match opened {
            Ok((opened, former)) => marks.push(Mark { table: COPY, kind: Kind::Fork, checkpoint: opened, former }),
            Err(e) => audit.problem(Kind::Signature, COPY, None, e.to_string()),
        }
    }
    Ok(marks)
}

/// Compares each mark with the root at its size.
pub(super) fn settle(audit: &mut Audit<'_>, marks: &[Mark], walked: &Walked) {
    for Mark { table, kind, checkpoint, former } in marks {
        let index = Some(checkpoint.size);
        // A key signs as long as its log goes on, and not after.
        let ended = former.and_then(|at| walked.renewals.get(at)).map(|(index, _)| *index);
        let began = former.map_or(walked.renewals.len(), |at| at).checked_sub(1).and_then(|at| walked.renewals.get(at)).map(|(index, _)| *index);
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
