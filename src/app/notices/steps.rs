//! Who is told of the steps of a remediation plan: the owner when one is given to them, and with who planned it once it is overdue. One mail a
//! case and person tells of all of their steps. Not here: rows and sending (the parent), what a step is (`domain::remediation`).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{TELL, note};
use crate::{
    app::recalls::Loaded,
    clock::Instant,
    domain::{
        notice::{Notice, Told},
        remediation::StepState,
        windows::Remedy,
    },
    id::UserId,
    store::{
        Conn, StoreError, Tx, broadcasts,
        remediations::{self, StepRow},
    },
};

/// Has the owner told of a step, and once it is due whoever it concerns that it is overdue; part of the write that adds it. Nobody is told what
/// they have just given themselves.
pub(in crate::app) fn wake(tx: &mut Tx<'_>, step: &StepRow) -> Result<(), StoreError> {
    if !tx.tells() {
        return Ok(());
    }
    let (now, case, id) = (tx.now(), &step.recall_id, &step.id);
    if step.owner_id != step.set_by {
        tx.enqueue(TELL, &format!("{case}/step/{id}"), &json!({ "recall": case, "step": id }), now)?;
    }
    let Some(due) = step.due_at.map(Instant) else { return Ok(()) };
    let late = due.plus(std::time::Duration::from_secs(1));
    tx.enqueue(TELL, &format!("{case}/overdue/{id}"), &json!({ "recall": case, "overdue": id }), late)
}

/// What [`wake`] asked for; `false` where the payload is about something else.
pub(super) fn tell(tx: &mut Tx<'_>, loaded: &Loaded, payload: &Value) -> Result<bool, StoreError> {
    let (step, notice) = match (payload["step"].as_str(), payload["overdue"].as_str()) {
        (Some(step), _) => (step, Notice::Remedy),
        (None, Some(step)) => (step, Notice::RemedyOverdue),
        (None, None) => return Ok(false),
    };
    let now = tx.now();
    let rows = remediations::of_recall(tx.conn, &loaded.row.id)?;
    let concerned = rows.iter().filter(|row| row.id == step).flat_map(|row| of_row(row, now)).filter(|told| told.notice == notice);
    for told in concerned.collect::<BTreeSet<_>>() {
        note(tx, &loaded.row.id, loaded.case.round, &told, true)?;
    }
    Ok(true)
}

/// Whom a step concerns, as it stands.
fn of_row(row: &StepRow, now: Instant) -> Vec<Told> {
    let told = |user: &str, notice| Told { user: UserId(user.to_owned()), notice, level: 0 };
    if row.state != StepState::Open.as_str() {
        return Vec::new();
    }
    let mut all = vec![told(&row.owner_id, Notice::Remedy)];
    if row.due_at.is_some_and(|due| due < now.0) {
        all.extend([told(&row.owner_id, Notice::RemedyOverdue), told(&row.set_by, Notice::RemedyOverdue)]);
    }
    all
}

/// Whom the open steps of a case concern.
pub(super) fn concerned(conn: &mut Conn, recall: &str, now: Instant) -> Result<BTreeSet<Told>, StoreError> {
    Ok(remediations::of_recall(conn, recall)?.iter().flat_map(|row| of_row(row, now)).collect())
}

/// The open steps that a mail to `user` is about: what is to be done, by whom, and until when.
pub(super) fn of(conn: &mut Conn, recall: &str, user: &str, notice: Notice, now: Instant) -> Result<Vec<Step>, StoreError> {
    let mut rows = remediations::of_recall(conn, recall)?;
    rows.retain(|row| of_row(row, now).iter().any(|told| told.notice == notice && told.user.as_str() == user));
    let names = broadcasts::names(conn, rows.iter().map(|row| row.owner_id.clone()).collect())?;
    let step = |row: StepRow| {
        let owner = names.get(&row.owner_id).cloned().unwrap_or_default();
        Some(Step { strategy: Remedy::parse(&row.strategy)?, owner, due: row.due_at.map(Instant) })
    };
    Ok(rows.into_iter().filter_map(step).collect())
}

/// A step as a mail tells of it.
pub(super) struct Step {
    pub strategy: Remedy,
    /// Name of whose it is.
    pub owner: String,
    pub due: Option<Instant>,
}
