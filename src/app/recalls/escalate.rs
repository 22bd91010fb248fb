//! The job `escalate_level`: a level that was not decided in its time. Everybody who can decide it or comes after it is told, and where the
//! policy of the case has it so, more people may decide it from then on. Not here: the reminder before that (`notices`), the end of the
//! window (`expire`).

use serde_json::{Value, json};

use super::{App, AppResult, Loaded, listed, load, subject};
use crate::{
    app::{AppError, Caller, notices},
    clock::Instant,
    domain::{
        event::Action,
        recall::{Guard, Rules, approval},
    },
    store::{
        StoreError, Tx,
        recalls::{self, RecallRow},
    },
};

pub const JOB: &str = "escalate_level";

/// Has it looked at when the time of `level`, which opens now, is over; part of the write that opens it.
pub(super) fn at_due(tx: &mut Tx<'_>, row: &RecallRow, level: u8) -> Result<(), StoreError> {
    let key = format!("{}/{}/{level}", row.id, row.round);
    tx.enqueue(JOB, &key, &json!({ "recall": row.id, "round": row.round, "level": level }), row.due_of(level))
}

/// Escalates the level if it is time; the instant at which to come back, or `None` when there is nothing more to do. Safe to run at any time.
///
/// # Errors
/// `NotFound` for a payload that names no case; those of the store.
pub async fn step(app: &App, payload: &Value) -> AppResult<Option<Instant>> {
    let id = payload["recall"].as_str().ok_or(AppError::NotFound)?.to_owned();
    let (round, level) = (payload["round"].as_u64().unwrap_or(0), u8::try_from(payload["level"].as_u64().unwrap_or(0)).unwrap_or(0));
    let written = app
        .store
        .write(move |tx| {
            let Some(Loaded { row, case, .. }) = load(tx.conn, &id)? else { return Ok(None) };
            if u64::from(case.round) != round || case.escalated.contains(&level) {
                return Ok(None);
            }
            let due = row.due_of(level);
            let next = match approval::escalate(Rules::ALL, &case, level, due, tx.now()) {
                Ok(next) => next,
                Err(Guard::EscalateDue) => return Ok(Some(due)),
                Err(_) => return Ok(None),
            };
            let escalated = listed(&next.escalated);
            recalls::escalate(tx.conn, &row.id, &escalated)?;
            let event = Caller::job(JOB).event(Action::RecallEscalated, subject(&row.id)).case(&row.id);
            let detail =
                json!({ "level": level, "round": round, "due": due.to_rfc3339(), "widened": next.is_widened(level), "escalated": escalated });
            tx.append(event.detail(detail))?;
            notices::wake_escalated(tx, &row.id, row.round, level)?;
            Ok(None)
        })
        .await?;
    app.wake.notify_one();
    Ok(written.value)
}
