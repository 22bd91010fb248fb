//! The job `close_case`: once every earlier event of the case has its index, the log itself says which they are.

use std::time::Duration;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::{App, AppResult, Loaded, load, subject};
use crate::{
    app::Caller,
    clock::Instant,
    domain::event::Action,
    ledger::tree::leaf_hash,
    store::{reader, recalls},
};

/// How long to wait for the sequencer before looking again.
const PAUSE: Duration = Duration::from_millis(250);

/// Closes a case that is at its end, and asks for its evidence to be sealed. The instant at which to come back, or `None` when it is closed.
/// Safe to run at any time.
///
/// `case.closed` carries the count, the first and last index and the SHA-256 of the concatenated leaf hashes of the case's events up to
/// that last index, in index order (formats.md, "Leaf").
pub async fn step(app: &App, id: &str) -> AppResult<Option<Instant>> {
    let id = id.to_owned();
    let written = app
        .store
        .write(move |tx| {
            let Some(Loaded { row, case, .. }) = load(tx.conn, &id)? else { return Ok((None, false)) };
            if !case.state.is_terminal() || row.closed_at.is_some() {
                return Ok((None, false));
            }
            let pending = reader::pending_of_case(tx.conn, &row.id)?;
            let events = reader::events_of_case(tx.conn, &row.id, None)?;
            let (Some(first), Some(last), 0) = (events.first(), events.last(), pending) else {
                return Ok((Some(tx.now().plus(PAUSE)), false));
            };
            let mut hash = Sha256::new();
            for event in &events {
                hash.update(leaf_hash(&[&event.bytes[..]].concat()));
            }
            let detail = json!({
                "number": row.number, "state": row.state, "count": events.len(), "first": first.index, "last": last.index,
                "sha256": hex::encode(hash.finalize()),
            });
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
