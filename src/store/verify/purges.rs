//! Purges: which parts their lists name, so that a part that is gone is told from one that was stolen; and whether each list is the one
//! that its event names in the leaf.
//!
//! An event takes 24 bytes of memory here, whatever was erased of it.

use std::collections::BTreeMap;

use diesel::prelude::*;

use super::{Audit, Kind, readable};
use crate::{
    clock::Instant,
    ledger::{
        leaf::{Leaf, Purge},
        purge::PurgeList,
        tree::Hash,
    },
    store::{
        Conn, StoreError, postgres,
        schema::{log_pending, log_purges},
    },
};

/// Lists in one read; each names some thousand parts.
const BATCH: i64 = 50;

/// What the kept lists say, before anything is known of their events.
#[derive(Default)]
pub(super) struct Erased {
    /// Event id -> one bit for each of `names`, sorted by id.
    events: Vec<(u128, u64)>,
    /// The names of parts that occur.
    names: Vec<String>,
    /// The id of the purge's event -> count and hash of its list.
    lists: BTreeMap<String, (u64, Hash)>,
}

impl Erased {
    /// Reads every list.
    pub(super) fn collect(conn: &mut Conn, audit: &mut Audit<'_>) -> Result<Self, StoreError> {
        let mut erased = Self::default();
        let mut after = String::new();
        loop {
            let page = log_purges::table.filter(log_purges::event_id.gt(after.clone())).order(log_purges::event_id).limit(BATCH).load(conn);
            // The rows beside one that cannot be read are not looked for: what they name is missing, and is said to be.
            let page: Vec<(String, String)> = readable(audit, Kind::Part, "log_purges", page)?;
            let Some((last, _)) = page.last() else { break };
            after.clone_from(last);
            for (event, text) in page {
                match PurgeList::parse(&text) {
                    Ok(list) => {
                        for (event, name) in list.parts() {
                            erased.note(event, name);
                        }
                        erased.lists.insert(event, (list.count(), list.hash()));
                    }
                    Err(e) => audit.problem(Kind::Part, "log_purges", None, format!("{event}: {e}")),
                }
            }
        }
        erased.events.sort_unstable();
        erased.events.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            kept.1 |= if same { later.1 } else { 0 };
            same
        });
        Ok(erased)
    }

    fn note(&mut self, event: &str, name: &str) {
        let place = self.names.iter().position(|n| n == name).unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        // More names than bits do not occur; what would be beyond them is said to be missing.
        if let (Some(id), true) = (number(event), place < 64) {
            self.events.push((id, 1 << place));
        }
    }

    /// Whether a list names this part.
    pub(super) fn names(&self, event: &str, name: &str) -> bool {
        if self.events.is_empty() {
            return false;
        }
        let Some(place) = self.names.iter().position(|n| n == name) else { return false };
        let found = number(event).and_then(|id| self.events.binary_search_by_key(&id, |(id, _)| *id).ok());
        found.and_then(|at| self.events.get(at)).is_some_and(|(_, bits)| bits & (1 << place) != 0)
    }

    /// Holds the lists against what their events say, and each purge against the time that it names.
    pub(super) fn settle(mut self, conn: &mut Conn, audit: &mut Audit<'_>, walked: &Told) -> Result<(), StoreError> {
        let mut latest = Instant(i64::MIN);
        for (index, event, purge) in &walked.purges {
            latest = latest.max(purge.before);
            match self.lists.remove(event) {
                None => audit.problem(Kind::MissingPart, "log_purges", Some(*index), format!("the list of purge {event} is missing")),
                Some((count, hash)) if count != purge.count || hash != purge.ids => {
                    audit.problem(Kind::Part, "log_purges", Some(*index), format!("the list of purge {event} is not the one that its event names"));
                }
                Some(_) => {}
            }
        }
        for (event, (count, hash)) in &self.lists {
            // Its event may still wait for an index (PostgreSQL); it must be this installation's, and name this very list.
            let waiting: Option<(Vec<u8>, Vec<u8>)> =
                log_pending::table.filter(log_pending::event_id.eq(event)).select((log_pending::leaf, log_pending::mac)).first(conn).optional()?;
            let ours = waiting.filter(|(leaf, mac)| crate::crypto::same(&postgres::mac(&audit.keys.pending_key(), event, leaf), mac));
            let purge = ours.and_then(|(leaf, _)| Leaf::parse(&leaf).ok()).and_then(|leaf| leaf.purge);
            match purge.filter(|purge| purge.count == *count && purge.ids == *hash) {
                Some(purge) => latest = latest.max(purge.before),
                None => audit.problem(Kind::Part, "log_purges", None, format!("no event of the log tells of purge {event}")),
            }
        }
        if let Some((index, at)) = walked.youngest.filter(|(_, at)| *at >= latest) {
            audit.problem(
                Kind::Part,
                "log_purges",
                Some(index),
                format!("parts of {} were purged, which is after what any purge reached", at.to_rfc3339()),
            );
        }
        Ok(())
    }
}

/// What the walk over the events told of purges.
#[derive(Default)]
pub(super) struct Told {
    /// Index, event id and what the leaf says of each purge.
    pub purges: Vec<(u64, String, Purge)>,
    /// The youngest event of which parts are gone: index and time.
    pub youngest: Option<(u64, Instant)>,
}

impl Told {
    pub(super) fn add(&mut self, other: Self) {
        self.purges.extend(other.purges);
        self.gone(other.youngest);
    }

    /// An event of which parts are gone.
    pub(super) fn gone(&mut self, event: Option<(u64, Instant)>) {
        self.youngest = self.youngest.into_iter().chain(event).max_by_key(|(_, at)| *at);
    }
}

/// A UUID as a number.
fn number(id: &str) -> Option<u128> {
    uuid::Uuid::try_parse(id).ok().map(|id| id.as_u128())
}
