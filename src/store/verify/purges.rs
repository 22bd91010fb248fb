//! Purges: which parts their lists name, so that a part that is gone is told from one that was stolen; and whether each list is the one
//! that its event names in the leaf.
//!
//! An event takes 32 bytes of memory here, whatever was erased of it.

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
    /// Event id -> one bit for each of `names`, and the place in `purges` of the list that names it; sorted by id.
    events: Vec<(u128, u32, u32)>,
    /// The names of parts that occur.
    names: Vec<String>,
    /// Ids of the purges' events.
    purges: Vec<String>,
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
                        let purge = u32::try_from(erased.purges.len()).unwrap_or(u32::MAX);
                        for (event, name) in list.parts() {
                            erased.note(event, name, purge);
                        }
                        erased.purges.push(event.clone());
                        erased.lists.insert(event, (list.count(), list.hash()));
                    }
                    Err(e) => audit.problem(Kind::Part, "log_purges", None, format!("{event}: {e}")),
                }
            }
        }
        erased.events.sort_unstable_by_key(|(id, _, purge)| (*id, *purge));
        erased.events.dedup_by(|later, kept| {
            let same = (later.0, later.2) == (kept.0, kept.2);
            kept.1 |= if same { later.1 } else { 0 };
            same
        });
        Ok(erased)
    }

    fn note(&mut self, event: &str, name: &str, purge: u32) {
        let place = self.names.iter().position(|n| n == name).unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        // More names than bits do not occur; what would be beyond them is said to be missing.
        if let (Some(id), true) = (number(event), place < 32) {
            self.events.push((id, 1 << place, purge));
        }
    }

    /// The place of the purge whose list names this part, the first one; `None` if none does.
    pub(super) fn names(&self, event: &str, name: &str) -> Option<u32> {
        if self.events.is_empty() {
            return None;
        }
        let (id, place) = (number(event)?, self.names.iter().position(|n| n == name)?);
        let first = self.events.partition_point(|(other, ..)| *other < id);
        let mut of_event = self.events.get(first..)?.iter().take_while(|(other, ..)| *other == id);
        of_event.find(|(_, bits, _)| bits & (1 << place) != 0).map(|(_, _, purge)| *purge)
    }

    /// Holds the lists against what their events say, and each purge against the time that it names.
    pub(super) fn settle(mut self, conn: &mut Conn, audit: &mut Audit<'_>, walked: &Told) -> Result<(), StoreError> {
        let mut reached: BTreeMap<String, Instant> = BTreeMap::new();
        for (index, event, purge) in &walked.purges {
            reached.insert(event.clone(), purge.before);
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
                Some(purge) => {
                    reached.insert(event.clone(), purge.before);
                }
                None => audit.problem(Kind::Part, "log_purges", None, format!("no event of the log tells of purge {event}")),
            }
        }
        for (purge, (index, at)) in &walked.youngest {
            // A list without an event has been named above.
            let event = usize::try_from(*purge).ok().and_then(|place| self.purges.get(place));
            let Some((event, before)) = event.and_then(|event| Some((event, reached.get(event)?))) else { continue };
            if at >= before {
                audit.problem(
                    Kind::Part,
                    "log_purges",
                    Some(*index),
                    format!("parts of {} were purged, which is after what purge {event} reached", at.to_rfc3339()),
                );
            }
        }
        Ok(())
    }
}

/// What the walk over the events told of purges.
#[derive(Default)]
pub(super) struct Told {
    /// Index, event id and what the leaf says of each purge.
    pub purges: Vec<(u64, String, Purge)>,
    /// The youngest event of which parts are gone, by the place of the purge that names them: index and time.
    pub youngest: BTreeMap<u32, (u64, Instant)>,
}

impl Told {
    pub(super) fn add(&mut self, other: Self) {
        self.purges.extend(other.purges);
        for (purge, event) in other.youngest {
            self.gone(purge, event);
        }
    }

    /// An event of which parts are gone, and by which purge.
    pub(super) fn gone(&mut self, purge: u32, event: (u64, Instant)) {
        let youngest = self.youngest.entry(purge).or_insert(event);
        if event.1 > youngest.1 {
            *youngest = event;
        }
    }
}

/// A UUID as a number.
fn number(id: &str) -> Option<u128> {
    uuid::Uuid::try_parse(id).ok().map(|id| id.as_u128())
}
