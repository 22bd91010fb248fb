//! The writer on SQLite: one thread a process groups waiting closures into one transaction, gives their events an index, commits once
//! and answers them all.
//!
//! A closure that fails or panics may have written half of something, so its whole group is undone. Those before it run again as one
//! group, then it alone, then those after it: nobody runs more than twice for one failure, and the order stays. That is cheaper than a
//! savepoint for each (those cost 45 %), and a failing write is rare.
//! The connection is kept if its transaction could be rolled back. If not it is dropped: on a full disk SQLite rolls back by itself, and
//! what is left then is not worth guessing at.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc},
    thread,
};

use super::{
    Conn, Database, Options, Receipt, StoreError, Written,
    conn::{Purpose, begin, commit, open, undone},
    head_mac::HeadMac,
    log::{self, Arrival},
    part_keys::Sealing,
    tx::{Draft, Scope, Tx},
};
use crate::{
    clock::{Clock, Instant},
    id::EventId,
};

/// How often a writer whose last group was larger lets others run before it begins with whom it has; some ten microseconds if there are none.
const PATIENCE: u32 = 32;
/// Closures in one transaction at most: beyond this the wait of the first outweighs the saved commit.
const GROUP: usize = 256;

pub(super) struct Writer {
    queue: mpsc::SyncSender<Box<dyn Work>>,
}

/// Takes the outcome of a write to whoever waits for it.
type Answer<T> = Box<dyn FnOnce(Result<Written<T>, StoreError>) + Send>;

impl Writer {
    pub(super) fn start(options: &Options, scope: Scope) -> Result<Self, StoreError> {
        let (queue, waiting) = mpsc::sync_channel(options.queue);
        let mut desk = Desk { database: options.database.clone(), clock: options.clock.clone(), scope, conn: None };
        desk.conn()?;
        thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || desk.serve(&waiting))
            .map_err(|e| StoreError::Unavailable(e.to_string()))?;
        Ok(Self { queue })
    }

    /// Queues a write; `answer` is called after its commit.
    pub(super) fn submit<T, F>(&self, f: F, answer: Answer<T>) -> Result<(), StoreError>
    where
        T: Send + 'static,
        F: Fn(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let item = Item { f, value: None, answer: Some(answer) };
        self.queue.try_send(Box::new(item)).map_err(|e| match e {
            mpsc::TrySendError::Full(_) => StoreError::Busy,
            mpsc::TrySendError::Disconnected(_) => StoreError::Unavailable("the writer has stopped".to_owned()),
        })
    }
}

/// A waiting closure with its type forgotten.
trait Work: Send {
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<(), StoreError>;
    fn answer(&mut self, outcome: Result<Vec<Receipt>, StoreError>);
}

struct Item<T, F> {
    f: F,
    value: Option<T>,
    answer: Option<Answer<T>>,
}

impl<T: Send, F: Fn(&mut Tx<'_>) -> Result<T, StoreError> + Send> Work for Item<T, F> {
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        self.value = Some((self.f)(tx)?);
        Ok(())
    }

    fn answer(&mut self, outcome: Result<Vec<Receipt>, StoreError>) {
        let Some(answer) = self.answer.take() else { return };
        let outcome = match (outcome, self.value.take()) {
            (Ok(receipts), Some(value)) => Ok(Written { value, receipts }),
            (Ok(_), None) => Err(StoreError::Panicked),
            (Err(e), _) => Err(e),
        };
        answer(outcome);
    }
}

struct Desk {
    database: Database,
    clock: Arc<dyn Clock>,
    scope: Scope,
    conn: Option<Conn>,
}

impl Desk {
    fn serve(&mut self, waiting: &mpsc::Receiver<Box<dyn Work>>) {
        let mut before = 1;
        while let Ok(first) = waiting.recv() {
            let group = gather(waiting, first, before);
            before = group.len();
            self.settle(group);
        }
    }

    /// Runs a group to its answers.
    fn settle(&mut self, mut group: Vec<Box<dyn Work>>) {
        match self.attempt(&mut group) {
            Ok(receipts) => {
                for (item, receipts) in group.iter_mut().zip(receipts) {
                    item.answer(Ok(receipts));
                }
            }
            Err(failure) => match (group.as_mut_slice(), failure) {
                ([only], Failure::Begin(error) | Failure::Member(_, error) | Failure::End(error)) => only.answer(Err(error)),
                // Nobody ran, and each would wait as long for the same lock again.
                (all, Failure::Begin(error)) => all.iter_mut().for_each(|item| item.answer(Err(likewise(&error)))),
                (_, Failure::Member(at, _)) => {
                    let mut failed = group.split_off(at);
                    let after = failed.split_off(1);
                    [group, failed, after].into_iter().filter(|part| !part.is_empty()).for_each(|part| self.settle(part));
                }
                // Each for itself, in order. A disk that is full for all refuses each quickly.
                (_, Failure::End(_)) => group.into_iter().for_each(|item| self.settle(vec![item])),
            },
        }
    }

    /// One transaction over the group. On any error nothing of it remains.
    fn attempt(&mut self, group: &mut [Box<dyn Work>]) -> Result<Vec<Vec<Receipt>>, Failure> {
        let result = self.transaction(group);
        if result.is_err() && !self.conn.as_mut().is_some_and(undone) {
            // Dropping the connection undoes whatever the transaction still holds.
            self.conn = None;
        }
        result
    }

    fn transaction(&mut self, group: &mut [Box<dyn Work>]) -> Result<Vec<Vec<Receipt>>, Failure> {
        self.conn().map_err(Failure::Begin)?;
        let Self { clock, scope, conn, .. } = self;
        let Some(conn) = conn else { return Err(Failure::Begin(StoreError::Unavailable("no connection".to_owned()))) };
        begin(conn, "BEGIN IMMEDIATE").map_err(Failure::Begin)?;
        let mut last = Instant(log::head(conn).map_err(Failure::End)?.last_at);

        let mut drafts: Vec<Vec<Draft>> = Vec::with_capacity(group.len());
        let mut sealing = Sealing::default();
        for (at, item) in group.iter_mut().enumerate() {
            let clock = clock.now();
            last = last.max(clock);
            let mut tx = Tx { conn, now: last, clock, scope, events: Vec::new(), sealing: &mut sealing };
            let ran = catch_unwind(AssertUnwindSafe(|| item.run(&mut tx))).unwrap_or(Err(StoreError::Panicked));
            ran.map_err(|error| Failure::Member(at, error))?;
            drafts.push(tx.events);
        }
        let receipts = flush(conn, drafts, &scope.head).map_err(Failure::End)?;
        commit(conn).map_err(Failure::End)?;
        Ok(receipts)
    }

    fn conn(&mut self) -> Result<(), StoreError> {
        if self.conn.is_none() {
            self.conn = Some(open(&self.database, Purpose::Write)?);
        }
        Ok(())
    }
}

/// The next group. Whoever was answered a moment ago is likely to come again: the first of them must not set off a group of its own while
/// the others are on their way, or every other commit would be for a few. A writer without company waits for nobody.
fn gather(waiting: &mpsc::Receiver<Box<dyn Work>>, first: Box<dyn Work>, before: usize) -> Vec<Box<dyn Work>> {
    let mut group = vec![first];
    let mut idle = 0;
    while group.len() < GROUP && idle < PATIENCE {
        match waiting.try_recv() {
            Ok(next) => {
                group.push(next);
                idle = 0;
            }
            Err(_) if group.len() < before => {
                thread::yield_now();
                idle += 1;
            }
            Err(_) => break,
        }
    }
    group
}

/// Where a group came to its end.
enum Failure {
    /// There was no transaction; nobody ran.
    Begin(StoreError),
    /// This member failed.
    Member(usize, StoreError),
    /// All ran, and what they made could not be kept.
    End(StoreError),
}

/// The error once more, for another who waits.
fn likewise(error: &StoreError) -> StoreError {
    match error {
        StoreError::Full => StoreError::Full,
        StoreError::Unavailable(why) => StoreError::Unavailable(why.clone()),
        other => StoreError::Unavailable(other.to_string()),
    }
}

/// Puts the events of a group into the log; the receipts by member.
pub(super) fn flush(conn: &mut Conn, drafts: Vec<Vec<Draft>>, head: &HeadMac) -> Result<Vec<Vec<Receipt>>, StoreError> {
    let counts: Vec<usize> = drafts.iter().map(Vec::len).collect();
    let (mut arrivals, mut parts) = (Vec::new(), Vec::new());
    for draft in drafts.into_iter().flatten() {
        parts.extend(draft.parts);
        arrivals.push(Arrival { event_id: draft.id.0, bytes: draft.bytes, leaf: draft.leaf, parts: draft.opened });
    }
    log::put_parts(conn, &parts)?;
    let mut index = log::integrate(conn, &arrivals, head)?;
    let mut arrived = arrivals.into_iter();
    let mut receipts = Vec::with_capacity(counts.len());
    for count in counts {
        let mut of_member = Vec::with_capacity(count);
        for arrival in arrived.by_ref().take(count) {
            of_member.push(Receipt { event: EventId(arrival.event_id), index: Some(index) });
            index += 1;
        }
        receipts.push(of_member);
    }
    Ok(receipts)
}
