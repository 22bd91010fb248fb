//! The sequencer on PostgreSQL: gives pending events their index, in the order of an identity column, and tells the writes of its node.
//! One at a time across all nodes. The fence is the compare-and-set on the head, not the lock: a sequencer that lost its lock without
//! noticing changes nothing.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Duration,
};

use diesel::prelude::*;

use super::{
    Conn, Database, StoreError,
    conn::{Purpose, begin, commit, open, rollback},
    head_mac::HeadMac,
    log::{self, Arrival},
    part_keys::Opener,
    postgres::mac,
    schema::{log_events, log_parts, log_pending},
    search::FROM_PARTS,
    tx::PartRow,
};
use crate::{
    crypto::{self, seal::Key},
    ledger::leaf::Leaf,
};

/// Pending events in one of the sequencer's transactions.
const BATCH: i64 = 2048;
/// How often an idle sequencer looks for the pending events of other nodes.
pub(super) const LOOK: Duration = Duration::from_millis(25);

/// Between the writes and the sequencer of one node: that there is work, and which index an event got.
#[derive(Default)]
pub(super) struct Bell {
    rings: Mutex<u64>,
    rung: Condvar,
    /// Who waits for which event.
    pub(super) waiting: Mutex<HashMap<String, mpsc::Sender<(String, u64)>>>,
    /// Whether this node's sequencer is the one that works.
    pub(super) reigns: AtomicBool,
}

impl Bell {
    pub(super) fn ring(&self) {
        *held(&self.rings) += 1;
        self.rung.notify_all();
    }

    fn rings(&self) -> u64 {
        *held(&self.rings)
    }

    /// Waits for a ring that is not among those `heard` already.
    fn wait(&self, heard: u64, at_most: Duration) {
        let _ = self.rung.wait_timeout_while(held(&self.rings), at_most, |rings| *rings == heard);
    }

    /// Tells those who wait that these events have their place, from `first` on.
    fn tell(&self, first: u64, events: &[String]) {
        let mut waiting = held(&self.waiting);
        for (index, event) in (first..).zip(events) {
            if let Some(who) = waiting.remove(event) {
                let _ = who.send((event.clone(), index));
            }
        }
    }
}

pub(super) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) struct Sequencer {
    pub(super) database: Database,
    pub(super) bell: Weak<Bell>,
    pub(super) pending_key: Key,
    pub(super) opener: Opener,
    pub(super) head: HeadMac,
    /// Highest sequence number that was passed over because its MAC was wrong, or its event in the log already; `ledger verify` names those.
    pub(super) rejected: i64,
}

#[derive(QueryableByName)]
struct Locked {
    #[diesel(sql_type = diesel::sql_types::Bool)]
    locked: bool,
}

impl Sequencer {
    /// Works until the store is dropped.
    pub(super) fn serve(mut self) {
        while self.bell.strong_count() > 0 {
            let ended = self.reign();
            self.with_bell(|bell| bell.reigns.store(false, Ordering::SeqCst));
            if let Err(e) = ended {
                tracing::warn!(error = %e, "the sequencer lost its connection and starts over");
                self.rest(self.rings(), Duration::from_millis(500));
            }
        }
    }

    fn with_bell<T>(&self, f: impl FnOnce(&Bell) -> T) -> Option<T> {
        self.bell.upgrade().map(|bell| f(&bell))
    }

    fn rings(&self) -> u64 {
        self.with_bell(Bell::rings).unwrap_or_default()
    }

    fn rest(&self, heard: u64, at_most: Duration) {
        self.with_bell(|bell| bell.wait(heard, at_most));
    }

    /// Waits for the lock, then sequences as long as the connection lives.
    fn reign(&mut self) -> Result<(), StoreError> {
        let mut conn = open(&self.database, Purpose::Write)?;
        // One lock for each schema, so that several installations share a database.
        let ask = "SELECT pg_try_advisory_lock(hashtext('countermand-sequencer'), hashtext(current_schema()::text)) AS locked";
        loop {
            if self.bell.strong_count() == 0 {
                return Ok(());
            }
            let locked: Locked = match &mut conn {
                Conn::Postgres(c) => diesel::sql_query(ask).get_result(c)?,
                Conn::Sqlite(_) => return Ok(()),
            };
            if locked.locked {
                break;
            }
            self.rest(self.rings(), Duration::from_millis(200));
        }
        self.with_bell(|bell| bell.reigns.store(true, Ordering::SeqCst));
        while self.bell.strong_count() > 0 {
            // Before the look, so that a ring during it is not slept over.
            let heard = self.rings();
            match self.batch(&mut conn) {
                Ok(None) => self.rest(heard, LOOK),
                Ok(Some((first, events))) => drop(self.with_bell(|bell| bell.tell(first, &events))),
                Err(StoreError::Serialization) => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Gives one batch its indices; the first of them, and the events in order. `None` if nothing was pending.
    fn batch(&mut self, conn: &mut Conn) -> Result<Option<(u64, Vec<String>)>, StoreError> {
        begin(conn, "BEGIN ISOLATION LEVEL READ COMMITTED")?;
        let taken = self.take(conn).and_then(|n| {
            commit(conn)?;
            Ok(n)
        });
        if taken.is_err() {
            rollback(conn)?;
        }
        taken
    }

    /// The batch in a transaction of the caller's.
    pub(super) fn take(&mut self, conn: &mut Conn) -> Result<Option<(u64, Vec<String>)>, StoreError> {
        let rows: Vec<(i64, String, Vec<u8>, Vec<u8>)> = log_pending::table
            .filter(log_pending::seq.gt(self.rejected))
            .order(log_pending::seq.asc())
            .limit(BATCH)
            .select((log_pending::seq, log_pending::event_id, log_pending::leaf, log_pending::mac))
            .load(conn)?;
        if rows.is_empty() {
            // What was passed over may have been mended or may hide what committed late below it.
            self.rejected = 0;
            return Ok(None);
        }
        let ids: Vec<&String> = rows.iter().map(|r| &r.1).collect();
        // Put in again past the product: its index is taken, and one such row would stop all that come after it.
        let taken: BTreeSet<String> =
            log_events::table.filter(log_events::event_id.eq_any(ids.clone())).select(log_events::event_id).load(conn)?.into_iter().collect();
        // Only those that the projection takes something from; opening the others would be for nothing.
        let searched = FROM_PARTS.map(|(part, _)| part);
        let parts: Vec<PartRow> = log_parts::table.filter(log_parts::event_id.eq_any(ids)).filter(log_parts::name.eq_any(searched)).load(conn)?;
        let mut opened: BTreeMap<String, BTreeMap<String, Vec<u8>>> = BTreeMap::new();
        for part in parts {
            if let Ok(Some((_, bytes))) = self.opener.open(conn, &part) {
                opened.entry(part.event_id).or_default().insert(part.name, bytes.to_vec());
            }
        }
        let mut arrivals = Vec::with_capacity(rows.len());
        let mut done = Vec::with_capacity(rows.len());
        for (seq, event_id, bytes, given) in rows {
            let leaf =
                Leaf::parse(&bytes).ok().filter(|leaf| leaf.id == event_id && crypto::same(&mac(&self.pending_key, &event_id, &bytes), &given));
            let Some(leaf) = leaf else {
                tracing::error!(seq, "a pending event does not carry this installation's MAC and is not taken into the log");
                self.rejected = self.rejected.max(seq);
                continue;
            };
            if taken.contains(&event_id) {
                tracing::error!(seq, event = event_id, "a pending event is in the log already and is not taken into it again");
                self.rejected = self.rejected.max(seq);
                continue;
            }
            let parts = opened.remove(&event_id).unwrap_or_default();
            done.push(seq);
            arrivals.push(Arrival { event_id, bytes, leaf, parts });
        }
        if arrivals.is_empty() {
            return Ok(None);
        }
        let first = log::integrate(conn, &arrivals, &self.head)?;
        diesel::delete(log_pending::table.filter(log_pending::seq.eq_any(&done))).execute(conn)?;
        Ok(Some((first, arrivals.into_iter().map(|a| a.event_id).collect())))
    }
}
