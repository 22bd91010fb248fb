//! The writers on PostgreSQL: closures run in parallel, each in its own SERIALIZABLE transaction, retried with jitter; their events are
//! inserted as pending, with a MAC by the installation's key, in that same transaction. One sequencer at a time, across all nodes,
//! gives pending events their index in the order of an identity column.
//!
//! Index order is not time order. The fence is the compare-and-set on the head, not the lock: a sequencer that lost its lock without
//! noticing changes nothing.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex, PoisonError, Weak,
        atomic::{AtomicI64, Ordering},
    },
    thread,
    time::{Duration, Instant as Ticks},
};

use diesel::prelude::*;
use tokio::sync::Semaphore;

use super::{
    Conn, Database, Options, Receipt, StoreError, Written,
    conn::{Pool, Purpose, begin, commit, open, pool, rollback},
    log::{self, Arrival},
    schema::{log_parts, log_pending},
    tx::{Draft, PartRow, Scope, Tx, part_context},
};
use crate::{
    clock::{Clock, Instant},
    crypto::{self, keyring::Keyring, seal::Key},
    id::EventId,
    ledger::leaf::Leaf,
};

/// Runs of one closure before a conflict is given back.
const TRIES: u32 = 40;
/// Pending events in one of the sequencer's transactions.
const BATCH: i64 = 512;
/// How often an idle sequencer looks for the pending events of other nodes.
const LOOK: Duration = Duration::from_millis(25);

pub(super) struct Writer {
    pool: Pool,
    scope: Scope,
    clock: Arc<dyn Clock>,
    pending_key: Key,
    /// Time never runs backwards within a node, whatever the clock does.
    last: AtomicI64,
    pub(super) permits: Arc<Semaphore>,
    bell: Arc<Bell>,
}

/// Tells the sequencer of this node that there is work, and waiting writes that there was progress.
#[derive(Default)]
struct Bell {
    rings: Mutex<u64>,
    rung: Condvar,
}

impl Bell {
    fn ring(&self) {
        *self.rings.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.rung.notify_all();
    }

    fn wait(&self, at_most: Duration) {
        let rings = self.rings.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = self.rung.wait_timeout(rings, at_most);
    }
}

impl Writer {
    pub(super) fn start(options: &Options, scope: Scope, keys: &Keyring) -> Result<Self, StoreError> {
        let bell = Arc::new(Bell::default());
        if options.sequencer {
            let sequencer = Sequencer {
                database: options.database.clone(),
                bell: Arc::downgrade(&bell),
                pending_key: keys.pending_key(),
                parts_key: keys.parts_key(),
                rejected: 0,
            };
            thread::Builder::new()
                .name("sequencer".to_owned())
                .spawn(move || sequencer.serve())
                .map_err(|e| StoreError::Unavailable(e.to_string()))?;
        }
        Ok(Self {
            pool: pool(&options.database, Purpose::Write, options.connections)?,
            scope,
            clock: options.clock.clone(),
            pending_key: keys.pending_key(),
            last: AtomicI64::new(0),
            permits: Arc::new(Semaphore::new(options.queue)),
            bell,
        })
    }

    /// Runs `f` to a commit, then waits up to `index_wait` for its events' indices.
    pub(super) fn run<T>(&self, f: &impl Fn(&mut Tx<'_>) -> Result<T, StoreError>, index_wait: Duration) -> Result<Written<T>, StoreError> {
        let mut tried = 0;
        loop {
            match self.once(f) {
                Err(StoreError::Serialization) if tried < TRIES => {
                    tried += 1;
                    let [jitter] = crypto::random::<1>();
                    thread::sleep(Duration::from_micros(u64::from(jitter) * 40 * u64::from(tried.min(10))));
                }
                Err(e) => return Err(e),
                Ok((value, events)) => {
                    if events.is_empty() {
                        return Ok(Written { value, receipts: Vec::new() });
                    }
                    self.bell.ring();
                    return Ok(Written { value, receipts: self.receipts(events, index_wait) });
                }
            }
        }
    }

    fn once<T>(&self, f: &impl Fn(&mut Tx<'_>) -> Result<T, StoreError>) -> Result<(T, Vec<EventId>), StoreError> {
        let mut conn = self.pool.get().map_err(|e| StoreError::Unavailable(e.to_string()))?;
        begin(&mut conn, "BEGIN ISOLATION LEVEL SERIALIZABLE")?;
        let now = self.clock.now().0;
        let now = Instant(self.last.fetch_max(now, Ordering::SeqCst).max(now));
        let mut tx = Tx { conn: &mut conn, now, scope: &self.scope, events: Vec::new() };
        let result = catch_unwind(AssertUnwindSafe(|| {
            let value = f(&mut tx)?;
            self.pend(tx.conn, &tx.events)?;
            Ok((value, tx.events.iter().map(|d| d.id.clone()).collect()))
        }))
        .unwrap_or(Err(StoreError::Panicked));
        match result {
            // A commit that fails has rolled back, or broken the connection, which the pool then replaces.
            Ok(done) => commit(&mut conn).map(|()| done),
            Err(e) => {
                let _ = rollback(&mut conn);
                Err(e)
            }
        }
    }

    fn pend(&self, conn: &mut Conn, drafts: &[Draft]) -> Result<(), StoreError> {
        for draft in drafts {
            log::put_parts(conn, &draft.parts)?;
            diesel::insert_into(log_pending::table)
                .values((
                    log_pending::event_id.eq(&draft.id.0),
                    log_pending::leaf.eq(&draft.bytes),
                    log_pending::mac.eq(mac(&self.pending_key, &draft.id.0, &draft.bytes)),
                ))
                .execute(conn)?;
        }
        Ok(())
    }

    /// The receipts of committed events; an index that does not come in time stays absent, the write stands all the same.
    fn receipts(&self, events: Vec<EventId>, at_most: Duration) -> Vec<Receipt> {
        let until = Ticks::now() + at_most;
        let mut receipts: Vec<_> = events.into_iter().map(|event| Receipt { event, index: None }).collect();
        loop {
            if let Ok(mut conn) = self.pool.get() {
                for receipt in receipts.iter_mut().filter(|r| r.index.is_none()) {
                    receipt.index = log::index_of(&mut conn, receipt.event.as_str()).ok().flatten();
                }
            }
            if receipts.iter().all(|r| r.index.is_some()) || Ticks::now() >= until {
                return receipts;
            }
            self.bell.wait(LOOK);
        }
    }
}

/// Binds a pending event to this installation until it is in the tree.
pub(super) fn mac(key: &Key, event_id: &str, leaf: &[u8]) -> Vec<u8> {
    crypto::hmac_sha256(key.as_bytes(), &[event_id.as_bytes(), b"\0", leaf].concat()).to_vec()
}

struct Sequencer {
    database: Database,
    bell: Weak<Bell>,
    pending_key: Key,
    parts_key: Key,
    /// Highest sequence number that was passed over because its MAC was wrong; `ledger verify` names those.
    rejected: i64,
}

#[derive(QueryableByName)]
struct Locked {
    #[diesel(sql_type = diesel::sql_types::Bool)]
    locked: bool,
}

impl Sequencer {
    /// Works until the store is dropped.
    fn serve(mut self) {
        while self.bell.strong_count() > 0 {
            if let Err(e) = self.reign() {
                tracing::warn!(error = %e, "the sequencer lost its connection and starts over");
                self.rest(Duration::from_millis(500));
            }
        }
    }

    fn rest(&self, at_most: Duration) {
        if let Some(bell) = self.bell.upgrade() {
            bell.wait(at_most);
        }
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
            self.rest(Duration::from_millis(200));
        }
        while self.bell.strong_count() > 0 {
            match self.batch(&mut conn) {
                Ok(0) => self.rest(LOOK),
                Ok(_) => {
                    if let Some(bell) = self.bell.upgrade() {
                        bell.ring();
                    }
                }
                Err(StoreError::Serialization) => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Gives one batch its indices; how many rows it took.
    fn batch(&mut self, conn: &mut Conn) -> Result<usize, StoreError> {
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

    fn take(&mut self, conn: &mut Conn) -> Result<usize, StoreError> {
        let rows: Vec<(i64, String, Vec<u8>, Vec<u8>)> = log_pending::table
            .filter(log_pending::seq.gt(self.rejected))
            .order(log_pending::seq.asc())
            .limit(BATCH)
            .select((log_pending::seq, log_pending::event_id, log_pending::leaf, log_pending::mac))
            .load(conn)?;
        if rows.is_empty() {
            // What was passed over may have been mended or may hide what committed late below it.
            self.rejected = 0;
            return Ok(0);
        }
        let ids: Vec<&String> = rows.iter().map(|r| &r.1).collect();
        let parts: Vec<PartRow> = log_parts::table.filter(log_parts::event_id.eq_any(ids)).load(conn)?;
        let mut opened: BTreeMap<String, BTreeMap<String, Vec<u8>>> = BTreeMap::new();
        for part in parts {
            if let Ok(bytes) = self.parts_key.open(&part_context(&part.event_id, &part.name), &part.sealed) {
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
            let parts = opened.remove(&event_id).unwrap_or_default();
            done.push(seq);
            arrivals.push(Arrival { event_id, bytes, leaf, parts });
        }
        if arrivals.is_empty() {
            return Ok(0);
        }
        log::integrate(conn, &arrivals)?;
        diesel::delete(log_pending::table.filter(log_pending::seq.eq_any(&done))).execute(conn)?;
        Ok(done.len())
    }
}
