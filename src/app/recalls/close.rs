//! The job `close_case`: once every earlier event of the case has its index, the log itself says which they are.

use std::time::Duration;

use serde_json::{Value, json};

use super::{App, AppResult, Loaded, correct, load, subject};
use crate::{
    app::Caller,
    clock::Instant,
    domain::event::Action,
    ledger::{closing::Closing, tree::leaf_hash},
    store::{StoreError, reader, recalls},
};

/// How long to wait for the sequencer before looking again.
const PAUSE: Duration = Duration::from_millis(250);

/// Tells the end of a case that nobody told yet, closes it, and asks for its evidence to be sealed. The instant at which to come back, or `None` when it is closed.
/// Safe to run at any time.
///
/// `case.closed` carries [`Closing`] over the case's events up to its last index (formats.md, "Case close").
pub async fn step(app: &App, id: &str) -> AppResult<Option<Instant>> {
    let id = id.to_owned();
    let written = app
        .store
        .write(move |tx| {
            let Some(Loaded { row, case, order, .. }) = load(tx.conn, &id)? else { return Ok((None, false)) };
            if !case.state.is_terminal() || row.closed_at.is_some() {
                return Ok((None, false));
            }
            // What was recalled first stays open until its ratification has ended, or its time has. Whoever ends it (`ratify`) calls here again.
            if order.as_ref().is_some_and(|(order, _)| order.state == "owed" && order.overdue_at.is_none()) {
                return Ok((None, false));
            }
            if correct::awaited(tx.conn, &row, order.as_ref().map(|(order, _)| order), tx.now())? {
                return Ok((Some(tx.now().plus(PAUSE)), false));
            }
            let pending = reader::pending_of_case(tx.conn, &row.id)?;
            let events = reader::events_of_case(tx.conn, &row.id, None)?;
            let closing = Closing::of(events.iter().map(|e| (e.index, leaf_hash(&e.bytes))));
            let (Some(closing), 0) = (closing, pending) else {
                return Ok((Some(tx.now().plus(PAUSE)), false));
            };
            // Where a person's word ended it (`guided`), the end is told here; it is counted among the events when this job comes back.
            let finished = Action::RecallFinished.as_str();
            if let (Some(tally), false) = (&row.tally, events.iter().any(|e| e.leaf.action == finished)) {
                let tally: Value = serde_json::from_str(tally).map_err(|e| StoreError::Corrupt(format!("recalls.tally: {e}")))?;
                let detail = json!({ "after": { "state": row.state }, "tally": tally, "halted": case.halted, "mode": row.mode });
                tx.append(Caller::job("close_case").event(Action::RecallFinished, subject(&row.id)).case(&row.id).detail(detail))?;
                return Ok((Some(tx.now()), false));
            }
            let mut detail = closing.to_json();
            detail["number"] = json!(row.number);
            detail["state"] = json!(row.state);
            let mut after = row.clone();
            after.closed_at = Some(tx.now().0);
            after.version += 1;
            if !recalls::replace(tx.conn, &after)? {
                return Ok((Some(tx.now().plus(PAUSE)), false));
            }
            tx.append(Caller::job("close_case").event(Action::CaseClosed, subject(&row.id)).case(&row.id).detail(detail))?;
            tx.enqueue("seal_evidence", &row.id, &json!({ "recall": row.id }), tx.now())?;
            Ok((None, true))
        })
        .await?;
    if written.value.1 {
        crate::crash::point("case.closed.committed");
    }
    app.wake.notify_one();
    Ok(written.value.0)
}
