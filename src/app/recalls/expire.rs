//! The job `expire_recall`: what nobody judged in time, or could not be started in time, ends when its window does.

use serde_json::json;

use super::{App, AppResult, Loaded, advance, load, passage, subject};
use crate::{
    app::Caller,
    clock::Instant,
    domain::{
        event::Action,
        recall::{Guard, Rules, State, approval},
    },
};

/// Expires the case if it is time; the instant at which to come back, or `None` when there is nothing more to do. Safe to run at any time.
pub async fn step(app: &App, id: &str) -> AppResult<Option<Instant>> {
    let id = id.to_owned();
    let written = app
        .store
        .write(move |tx| {
            let Some(Loaded { row, case, .. }) = load(tx.conn, &id)? else { return Ok(None) };
            let next = match approval::expire(Rules::ALL, &case, tx.now()) {
                Ok(next) => next,
                Err(Guard::ExpireDue) if case.state == State::Approved => return Ok(case.window_end()),
                Err(Guard::ExpireDue) => return Ok(case.cut_off),
                Err(_) => return Ok(None),
            };
            if let Ok(after) = advance(tx, &row, &next, |_| {})? {
                let (before, after) = passage(&row, &after);
                let event = Caller::job("expire_recall").event(Action::RecallExpired, subject(&row.id)).case(&row.id);
                tx.append(event.detail(json!({ "before": before, "after": after, "cut_off": row.cut_off.map(|c| Instant(c).to_rfc3339()) })))?;
                return Ok(None);
            }
            Ok(Some(tx.now()))
        })
        .await?;
    app.wake.notify_one();
    Ok(written.value)
}
