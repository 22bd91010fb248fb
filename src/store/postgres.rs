//! The writers on PostgreSQL: closures run in parallel, each in its own SERIALIZABLE transaction, retried with jitter; their events are
//! inserted as pending, with a MAC by the installation's key, in that same transaction. The sequencer (`sequencer`) gives them their
//! index afterwards. Index order is not time order.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicI64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant as Ticks},
};

use diesel::prelude::*;
use tokio::sync::Semaphore;

use super::{
    Conn, Options, Receipt, StoreError, Written,
    conn::{Pool, Purpose, begin_on, commit, pool, rollback},
    log,
    part_keys::{Opener, Sealing},
    schema::log_pending,
    sequencer::{Bell, LOOK, Sequencer, held},
    tx::{Draft, PartRow, Scope, Tx},
};
use crate::{
    clock::{Clock, Instant},
    crypto::{self, keyring::Keyring, seal::Key},
};

/// Runs of one closure before a conflict is given back.
const TRIES: u32 = 40;
/// After so many the closure runs alone in its process. Many who write the same row would else pass each other by for as long as new ones
/// come, and some would never get through.
const PATIENCE: u32 = 4;
/// When a write first looks for an index that another node's sequencer gives.
const SOON: Duration = Duration::from_millis(3);

pub(super) struct Writer {
    pool: Pool,
    scope: Scope,
    clock: Arc<dyn Clock>,
    pending_key: Key,
    /// Time never runs backwards within a node, whatever the clock does.
    last: AtomicI64,
    pub(super) permits: Arc<Semaphore>,
    /// Held by all who run, and by one alone who did not get through.
    floor: RwLock<()>,
    bell: Arc<Bell>,
}

/// The events of one write, whose indices are awaited from before its commit on, so that none is missed.
struct Expected<'a> {
    bell: &'a Bell,
    receipts: Vec<Receipt>,
    told: mpsc::Receiver<(String, u64)>,
}

impl<'a> Expected<'a> {
    fn new(bell: &'a Bell, drafts: &[Draft]) -> Self {
        let (tell, told) = mpsc::channel();
        held(&bell.waiting).extend(drafts.iter().map(|d| (d.id.0.clone(), tell.clone())));
        Self { bell, receipts: drafts.iter().map(|d| Receipt { event: d.id.clone(), index: None }).collect(), told }
    }

    fn is_complete(&self) -> bool {
        self.receipts.iter().all(|r| r.index.is_some())
    }
}

/// Whoever was not told, because the time was up or another node's sequencer was at work, is no longer waited for.
impl Drop for Expected<'_> {
    fn drop(&mut self) {
        let mut waiting = held(&self.bell.waiting);
        for receipt in &self.receipts {
            waiting.remove(receipt.event.as_str());
        }
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
                opener: Opener::new(keys),
                head: scope.head.clone(),
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
            floor: RwLock::new(()),
            bell,
        })
    }

    /// Runs `f` to a commit, then waits up to `index_wait` for its events' indices.
    pub(super) fn run<T>(&self, f: &impl Fn(&mut Tx<'_>) -> Result<T, StoreError>, index_wait: Duration) -> Result<Written<T>, StoreError> {
        let mut tried = 0;
        loop {
            let ended = if tried < PATIENCE {
                let _shared = self.floor.read().unwrap_or_else(PoisonError::into_inner);
                self.once(f)
            } else {
                let _alone = self.floor.write().unwrap_or_else(PoisonError::into_inner);
                self.once(f)
            };
            match ended {
                Err(StoreError::Serialization) if tried < TRIES => {
                    tried += 1;
                    let [jitter] = crypto::random::<1>();
                    thread::sleep(Duration::from_micros(u64::from(jitter) * 40 * u64::from(tried.min(10))));
                }
                Err(e) => return Err(e),
                Ok((value, expected)) => {
                    if !expected.receipts.is_empty() {
                        self.bell.ring();
                    }
                    return Ok(Written { value, receipts: self.receipts(expected, index_wait) });
                }
            }
        }
    }

    fn once<T>(&self, f: &impl Fn(&mut Tx<'_>) -> Result<T, StoreError>) -> Result<(T, Expected<'_>), StoreError> {
        let mut conn = begin_on(&self.pool, "BEGIN ISOLATION LEVEL SERIALIZABLE")?;
        let clock = self.clock.now();
        let now = Instant(self.last.fetch_max(clock.0, Ordering::SeqCst).max(clock.0));
        let mut sealing = Sealing::default();
        let mut tx = Tx { conn: &mut conn, now, clock, scope: &self.scope, events: Vec::new(), sealing: &mut sealing };
        let result = catch_unwind(AssertUnwindSafe(|| {
            let value = f(&mut tx)?;
            self.pend(tx.conn, &tx.events)?;
            Ok((value, Expected::new(&self.bell, &tx.events)))
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
        let parts: Vec<PartRow> = drafts.iter().flat_map(|d| d.parts.iter().cloned()).collect();
        log::put_parts(conn, &parts)?;
        for draft in drafts {
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

    /// The receipts of committed events; an index that does not come in time stays absent, the write stands all the same. This node's
    /// sequencer tells the indices; what another node's did is looked up.
    fn receipts(&self, mut expected: Expected<'_>, at_most: Duration) -> Vec<Receipt> {
        let until = Ticks::now() + at_most;
        let mut pause = if self.bell.reigns.load(Ordering::SeqCst) { LOOK } else { SOON };
        while !expected.is_complete() {
            let left = until.saturating_duration_since(Ticks::now());
            if left.is_zero() {
                break;
            }
            match expected.told.recv_timeout(pause.min(left)) {
                Ok((event, index)) => {
                    expected.receipts.iter_mut().filter(|r| r.event.as_str() == event).for_each(|r| r.index = Some(index));
                }
                Err(_) => {
                    self.look_up(&mut expected.receipts);
                    pause = (pause * 2).min(LOOK * 2);
                }
            }
        }
        expected.receipts.clone()
    }

    fn look_up(&self, receipts: &mut [Receipt]) {
        let Ok(mut conn) = self.pool.get() else { return };
        for receipt in receipts.iter_mut().filter(|r| r.index.is_none()) {
            match log::index_of(&mut conn, receipt.event.as_str()) {
                Ok(index) => receipt.index = index,
                Err(_) => return conn.lose(),
            }
        }
    }
}

/// Binds a pending event to this installation until it is in the tree.
pub(super) fn mac(key: &Key, event_id: &str, leaf: &[u8]) -> Vec<u8> {
    crypto::hmac_sha256(key.as_bytes(), &[event_id.as_bytes(), b"\0", leaf].concat()).to_vec()
}
