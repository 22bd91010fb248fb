//! Events that wait for their index (PostgreSQL): a row may be ahead of the log by one of these, and by no other. A row in the table excuses only
//! what it is about, and only if this installation wrote it and the log does not have it already.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;

use super::{Audit, Kind, readable};
use crate::{
    crypto,
    ledger::leaf::Leaf,
    store::{
        Conn, StoreError, postgres,
        schema::{log_events, log_pending},
    },
};

/// What begins a session, and what opens it.
pub(super) const BEGINNING: [&str; 3] = ["session.started", "session.opened", "second_factor.enrolled"];
/// Event ids asked for at once.
const BATCH: usize = 500;

/// What the pending events are about.
#[derive(Default)]
pub(super) struct Waiting {
    /// Their ids, and those of their subjects and of the sessions that they begin.
    about: BTreeSet<String>,
    /// Their actions.
    actions: BTreeSet<String>,
}

impl Waiting {
    /// Reads the table, and names what in it was not written by this installation or stands in the log already.
    pub(super) fn collect(conn: &mut Conn, audit: &mut Audit<'_>) -> Result<Self, StoreError> {
        let pending: Vec<(i64, String, Vec<u8>, Vec<u8>)> = readable(audit, Kind::Leaf, "log_pending", log_pending::table.load(conn))?;
        let mut indices: BTreeMap<String, i64> = BTreeMap::new();
        for ids in pending.chunks(BATCH) {
            let ids: Vec<&String> = ids.iter().map(|(_, id, ..)| id).collect();
            let found = log_events::table.filter(log_events::event_id.eq_any(ids)).select((log_events::event_id, log_events::idx)).load(conn);
            indices.extend(readable::<(String, i64)>(audit, Kind::Leaf, "log_events", found)?);
        }
        let mut waiting = Self::default();
        for (seq, event_id, bytes, mac) in pending {
            let place = u64::try_from(seq).ok();
            let holds = crypto::same(&postgres::mac(&audit.keys.pending_key(), &event_id, &bytes), &mac);
            let leaf = Leaf::parse(&bytes).ok().filter(|leaf| holds && leaf.id == event_id);
            match (leaf, indices.get(&event_id)) {
                (None, _) => audit.problem(Kind::Leaf, "log_pending", place, "a pending event does not carry this installation's MAC"),
                (Some(_), Some(index)) => {
                    audit.problem(Kind::Leaf, "log_pending", place, format!("{event_id} is pending, and it is event {index} of the log"));
                }
                (Some(leaf), None) => {
                    let begun = leaf.session.filter(|_| BEGINNING.contains(&leaf.action.as_str()));
                    waiting.about.extend([leaf.id, leaf.subject.id].into_iter().chain(begun));
                    waiting.actions.insert(leaf.action);
                }
            }
        }
        Ok(waiting)
    }

    /// Whether a pending event has this id, or is about what has it.
    pub(super) fn tells_of(&self, id: &str) -> bool {
        self.about.contains(id)
    }

    /// Whether one says this.
    pub(super) fn says(&self, action: &str) -> bool {
        self.actions.contains(action)
    }
}
