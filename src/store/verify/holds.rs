//! Legal holds: each row against what the log says of it. A hold that was ended or narrowed in its row would let the next purge erase, quite
//! properly, what two people wanted kept.
//!
//! The state is bound for ever, by the leaves; the scope as long as the last event's part is there. Not here: that the purge itself goes by
//! the log as well (`store::holds::keeping`).

use std::collections::BTreeMap;

use diesel::prelude::*;
use serde_json::Value;

use super::{Audit, Kind, readable, waiting::Waiting};
use crate::{
    domain::retention::HoldState,
    ledger::plain::Plain,
    store::{Conn, StoreError, schema::holds},
};

/// What one event says of a hold.
pub(super) struct Told {
    index: u64,
    hold: String,
    state: HoldState,
    /// None where the part that says it is gone.
    scope: Option<Value>,
}

/// What an event says of a hold, if it moved one; `detail` is that part, opened.
pub(super) fn told(index: u64, leaf: &Plain<'_>, detail: Option<&[u8]>) -> Option<Told> {
    let state = HoldState::after(leaf.action).filter(|_| leaf.outcome == "success")?;
    let mut detail: Value = detail.and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default();
    // The first event says it as what was made, the later ones beside the change.
    let scope = [detail["after"]["scope"].take(), detail["scope"].take()].into_iter().find(|scope| !scope.is_null());
    Some(Told { index, hold: leaf.subject_id.to_owned(), state, scope })
}

/// Holds the rows against what the log says of them.
pub(super) fn check(conn: &mut Conn, audit: &mut Audit<'_>, told: Vec<Told>, waiting: &Waiting) -> Result<(), StoreError> {
    let mut last: BTreeMap<String, Told> = told.into_iter().map(|told| (told.hold.clone(), told)).collect();
    let columns = (holds::id, holds::state, holds::scope);
    let rows: Vec<(String, String, String)> = readable(audit, Kind::Part, "holds", holds::table.select(columns).load(conn))?;
    for (id, state, scope) in rows {
        // What an event says that waits for its index, the row says already.
        let certain = !waiting.tells_of(&id);
        let Some(told) = last.remove(&id) else {
            if certain {
                audit.problem(Kind::Part, "holds", None, format!("no event of the log tells of {id}"));
            }
            continue;
        };
        if certain && told.state.as_str() != state {
            audit.problem(Kind::Part, "holds", Some(told.index), format!("{id} is {state}, and its last event says {}", told.state.as_str()));
        }
        if certain && told.scope.is_some_and(|said| serde_json::from_str::<Value>(&scope).ok() != Some(said)) {
            audit.problem(Kind::Part, "holds", Some(told.index), format!("the scope of {id} is not the one that its event names"));
        }
    }
    for told in last.into_values() {
        audit.problem(Kind::Part, "holds", Some(told.index), format!("the row of {} is missing", told.hold));
    }
    Ok(())
}
