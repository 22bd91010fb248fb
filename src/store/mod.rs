//! All of diesel, behind two doors: [`Store::read`] and [`Store::write`].
//!
//! A write makes the business change, appends its audit events and enqueues its jobs: all or none, durable before the answer.
//! Its closure may run more than once, does nothing but database work and takes its time from [`Tx::now`].
//! On SQLite one thread a process groups waiting closures into one transaction (`sqlite`); on PostgreSQL closures run in parallel and
//! one sequencer gives pending events their index (`postgres`, `sequencer`). Not here: rules (`domain`), who may do what (`app`).

pub mod aftermath;
pub mod alerts;
pub mod archived;
pub mod attachments;
pub mod audits;
pub mod backup;
pub mod broadcasts;
pub mod bundles;
pub mod calls;
mod classes;
mod conn;
pub mod connections;
mod counted;
pub mod delegations;
pub mod departments;
mod disk;
pub mod duty;
mod ends;
pub mod entries;
pub mod erased;
mod error;
pub mod exports;
pub mod figures;
mod find;
mod head_mac;
mod health;
pub mod holds;
pub mod imports;
pub mod invitations;
pub mod jobs;
pub mod kept;
pub mod key_copy;
pub mod key_ends;
pub mod keys;
mod log;
pub mod messages;
pub mod migrate;
mod months;
pub mod notices;
pub mod once;
pub mod orders;
pub mod page;
pub mod part_keys;
pub mod passkeys;
pub mod pending;
pub mod personal;
pub mod policies;
mod postgres;
pub mod purge;
pub mod reader;
pub mod recalls;
pub mod recipients;
pub mod remediations;
pub mod renewal;
pub mod revocation_lists;
pub mod schema;
pub mod search;
pub mod searches;
pub mod self_recalls;
mod sequencer;
pub mod sessions;
pub mod settings;
pub mod signer;
mod sqlite;
pub mod streams;
pub mod successions;
pub mod timestamps;
pub mod tokens;
mod tx;
pub mod users;
pub mod verify;
pub mod witnesses;
pub mod words;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

pub use conn::{Conn, Database};
pub use counted::counting;
pub use disk::{RESERVE, Room};
pub use error::StoreError;
pub use health::Health;
pub use tx::Tx;

use crate::{
    clock::{Clock, Instant, SystemClock},
    crypto::{keyring::Keyring, private},
    domain::event::{Action, Event, Subject},
    id::EventId,
    ledger::note::Vkey,
};

/// How a store is opened.
pub struct Options {
    pub database: Database,
    /// Where the keys and the copy of the last signed checkpoint lie; also on PostgreSQL.
    pub data: PathBuf,
    pub clock: Arc<dyn Clock>,
    /// `<host>/countermand`; the installation's id is added to make the log's origin.
    pub host: String,
    /// Writes that may wait before the next is answered with [`StoreError::Busy`].
    pub queue: usize,
    /// Connections for reading, and on PostgreSQL for writing.
    pub connections: u32,
    /// Whether this process runs the sequencer (PostgreSQL). All nodes may; one at a time works.
    pub sequencer: bool,
    /// Whether there is a way to tell people of what moves (a mail server): without one nobody has to find out whom.
    pub tells: bool,
    /// Bytes kept back for auditors on a full disk; 0 for a process that ends soon. See [`RESERVE`].
    pub reserve: u64,
    /// Names of migrations that were applied on the way here, before the store was opened.
    pub migrated: Vec<String>,
}

impl Options {
    pub fn new(database: Database, data: impl Into<PathBuf>) -> Self {
        Self {
            database,
            data: data.into(),
            clock: Arc::new(SystemClock),
            host: "localhost".to_owned(),
            queue: 4096,
            connections: 8,
            sequencer: true,
            tells: false,
            reserve: 0,
            migrated: Vec::new(),
        }
    }
}

/// Proof that an event is in the log, or will be: `index` is absent while the sequencer has not come to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub event: EventId,
    pub index: Option<u64>,
}

/// What a write gave, and the receipts of its events in the order they were appended.
#[derive(Clone, Debug)]
pub struct Written<T> {
    pub value: T,
    pub receipts: Vec<Receipt>,
}

impl<T> Written<T> {
    /// The receipt of the last event; a write without events has none.
    pub fn receipt(&self) -> Option<&Receipt> {
        self.receipts.last()
    }
}

/// The database with its log. Cheap to clone.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    reads: conn::Pool,
    writer: Writer,
    keys: Keyring,
    clock: Arc<dyn Clock>,
    origin: String,
    data: PathBuf,
    database: Database,
    node: String,
    behind: Option<String>,
    /// The month for which partitions were last made sure of.
    months: std::sync::Mutex<String>,
    disk: disk::Disk,
    ends: ends::Ends,
    changes: AtomicU64,
}

enum Writer {
    Sqlite(sqlite::Writer),
    Postgres(Box<postgres::Writer>),
}

/// How long a write waits for its index on PostgreSQL before it answers "done, receipt pending".
const INDEX_WAIT: Duration = Duration::from_secs(2);

impl Store {
    /// Migrates, opens the keys, starts the log on first use, checks that the log has not been rolled back, starts the writer. A database
    /// that was restored behind what its log has signed can then only be read ([`Store::behind`]).
    ///
    /// # Errors
    /// A missing or other key for a database that has rows; a log that lies behind the last checkpoint signed, or a missing copy of that;
    /// an unreachable database.
    pub fn open(options: Options) -> Result<Self, StoreError> {
        private::folder(&options.data).map_err(|e| StoreError::Unavailable(format!("{}: {e}", options.data.display())))?;
        let mut applied = options.migrated.clone();
        applied.extend(migrate::run(&options.database)?);
        let mut first = conn::open(&options.database, conn::Purpose::Write)?;
        let fresh = signer::is_fresh(&mut first)?;
        renewal::finish(&mut first, &options.data)?;
        keys::settle(&mut first, &options.data)?;
        let behind = signer::behind(&mut first)?;
        if behind.is_none() && keys::lacks_mldsa(&mut first)? {
            Keyring::make_mldsa(&options.data).map_err(|e| StoreError::Unavailable(e.to_string()))?;
        }
        let keys = Keyring::open(&options.data, fresh).map_err(|e| StoreError::Unavailable(e.to_string()))?;
        let origin = match behind {
            None => signer::start(&mut first, &keys, &options)?,
            Some(_) => signer::names(&mut first, &keys)?,
        };
        drop(first);
        let options = Options { sequencer: options.sequencer && behind.is_none(), ..options };
        let node = log::node_name(&options.data)?;
        let scope = tx::Scope {
            node: node.clone(),
            keys: keys.clone(),
            words: words::Words::new(&keys),
            head: head_mac::HeadMac::new(&keys, &origin),
            tells: options.tells,
        };
        let writer = match &options.database {
            Database::Sqlite(_) => Writer::Sqlite(sqlite::Writer::start(&options, scope)?),
            Database::Postgres(_) => Writer::Postgres(Box::new(postgres::Writer::start(&options, scope, &keys)?)),
        };
        let reads = conn::pool(&options.database, conn::Purpose::Read, options.connections)?;
        let disk = disk::Disk::new(&options);
        let store = Self(Arc::new(Inner {
            reads,
            writer,
            keys,
            clock: options.clock,
            origin,
            data: options.data,
            database: options.database,
            node,
            behind,
            months: std::sync::Mutex::default(),
            disk,
            ends: ends::Ends::default(),
            changes: AtomicU64::new(0),
        }));
        if store.behind().is_some() {
            tracing::error!("the database lies behind what its log has signed: it can be read, and nothing is written until `ledger renew`");
            return Ok(store);
        }
        if let Err(e) = store.keep_months() {
            tracing::warn!(error = %e, "the partitions of the coming months are not made yet");
        }
        store.announce()?;
        if !fresh && !applied.is_empty() {
            let event = Event::system(Action::DatabaseMigrated, Subject::new("database", store.database().kind()));
            let event = event.detail(serde_json::json!({ "applied": applied, "version": env!("CARGO_PKG_VERSION") }));
            store.attempt_now(true, move |tx| tx.append(event.clone()))?;
        }
        Ok(store)
    }

    /// [`Store::read`] for a few look-ups by key, which SQLite answers in less time than it takes to hand them to another thread: they run
    /// where they are asked for as long as a connection is free. Nothing that scans.
    pub async fn look_up<T, F>(&self, f: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> Result<T, StoreError> + Send + 'static,
    {
        match self.database() {
            Database::Sqlite(_) if self.0.reads.state().idle_connections > 0 => self.read_now(f),
            _ => self.read(f).await,
        }
    }

    /// Goes up with every write of this process that left an event of a change; that somebody looked is none. What was made of the
    /// database's contents while it stood still is as good as new, unless another process writes too.
    pub fn changes(&self) -> u64 {
        self.0.changes.load(Ordering::Acquire)
    }

    /// Runs `f` on a consistent snapshot; it cannot write.
    pub async fn read<T, F>(&self, f: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> Result<T, StoreError> + Send + 'static,
    {
        let store = self.clone();
        tokio::task::spawn_blocking(move || store.read_now(f)).await.map_err(|_| StoreError::Panicked)?
    }

    /// [`Store::read`] for threads that may block.
    pub fn read_now<T>(&self, f: impl FnOnce(&mut Conn) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let begin = match self.database() {
            Database::Sqlite(_) => "BEGIN",
            Database::Postgres(_) => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        };
        let mut conn = conn::begin_on(&self.0.reads, begin)?;
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| f(&mut conn)));
        let ended = conn::rollback(&mut conn);
        let result = result.map_err(|_| StoreError::Panicked)??;
        ended?;
        Ok(result)
    }

    /// Runs `f` as one durable write: change, events and jobs, all or none.
    ///
    /// `f` may run several times and must do nothing but database work on its `tx`. If it returns an error everything it did is undone;
    /// a refusal that has to leave an event is therefore a value in `T`, not an error.
    pub async fn write<T, F>(&self, f: F) -> Result<Written<T>, StoreError>
    where
        T: Send + 'static,
        F: Fn(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.attempt(false, f).await
    }

    /// [`Store::write`] for what must still be possible on a full disk: that auditors come in and read. It may use the reserve (`disk`).
    pub async fn write_reserved<T, F>(&self, f: F) -> Result<Written<T>, StoreError>
    where
        T: Send + 'static,
        F: Fn(&mut Tx<'_>) -> Result<T, StoreError> + Send + Sync + 'static,
    {
        let f = Arc::new(f);
        let mut written = Err(StoreError::Full);
        // Once again at once, for it may have been this write that found the disk full and had the reserve given back; and again after whoever
        // looks whether there is room for the reserve again, and takes for that moment what there is, has ended.
        for pause in [0, 0, 100, 300, 600] {
            if !matches!(written, Err(StoreError::Full)) {
                break;
            }
            if pause > 0 {
                tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
                self.settle_disk().await;
            }
            let next = f.clone();
            written = self.attempt(true, move |tx| next(tx)).await;
        }
        written
    }

    async fn attempt<T, F>(&self, reserved: bool, f: F) -> Result<Written<T>, StoreError>
    where
        T: Send + 'static,
        F: Fn(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.writable()?;
        let (f, changed) = watched(f);
        let written = match &self.0.writer {
            Writer::Sqlite(writer) => {
                self.admit(reserved)?;
                let (answer, outcome) = tokio::sync::oneshot::channel();
                // A caller that went away has its write done all the same.
                let result = match writer.submit(f, Box::new(|result| drop(answer.send(result)))) {
                    Ok(()) => outcome.await.unwrap_or(Err(StoreError::Panicked)),
                    Err(e) => Err(e),
                };
                self.ended(result)
            }
            Writer::Postgres(_) => {
                let store = self.clone();
                let permit = self.ended(self.permit())?;
                tokio::task::spawn_blocking(move || {
                    let _permit = permit;
                    store.admit(reserved)?;
                    store.ended(store.postgres().run(&f, INDEX_WAIT))
                })
                .await
                .map_err(|_| StoreError::Panicked)?
            }
        };
        counted::add(written.as_ref().map_or(0, |w| w.receipts.len()));
        self.note(&changed);
        written
    }

    /// [`Store::write`] for threads that may block (the command line).
    pub fn write_now<T, F>(&self, f: F) -> Result<Written<T>, StoreError>
    where
        T: Send + 'static,
        F: Fn(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.attempt_now(false, f)
    }

    fn attempt_now<T, F>(&self, reserved: bool, f: F) -> Result<Written<T>, StoreError>
    where
        T: Send + 'static,
        F: Fn(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.writable()?;
        self.admit(reserved)?;
        let (f, changed) = watched(f);
        let result = match &self.0.writer {
            Writer::Sqlite(writer) => {
                let (answer, outcome) = std::sync::mpsc::sync_channel(1);
                writer.submit(f, Box::new(move |result| drop(answer.send(result)))).and_then(|()| outcome.recv().unwrap_or(Err(StoreError::Panicked)))
            }
            Writer::Postgres(writer) => self.permit().and_then(|_permit| writer.run(&f, INDEX_WAIT)),
        };
        self.note(&changed);
        self.ended(result)
    }

    /// The newest checkpoint known outside a restored database that must not go on from where it ends; every write answers
    /// [`StoreError::Behind`] then.
    pub fn behind(&self) -> Option<&str> {
        self.0.behind.as_deref()
    }

    fn writable(&self) -> Result<(), StoreError> {
        if self.behind().is_some() { Err(StoreError::Behind) } else { Ok(()) }
    }

    /// After a write: see [`Store::changes`].
    fn note(&self, changed: &AtomicBool) {
        if changed.load(Ordering::Acquire) {
            self.0.changes.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn permit(&self) -> Result<tokio::sync::OwnedSemaphorePermit, StoreError> {
        self.postgres().permits.clone().try_acquire_owned().map_err(|_| StoreError::Busy)
    }

    fn postgres(&self) -> &postgres::Writer {
        match &self.0.writer {
            Writer::Postgres(writer) => writer,
            Writer::Sqlite(_) => unreachable!("only called for PostgreSQL"),
        }
    }

    /// The index of an event, once it has one.
    pub fn index_of(&self, event: &EventId) -> Result<Option<u64>, StoreError> {
        let id = event.0.clone();
        self.read_now(move |conn| log::index_of(conn, &id))
    }

    pub fn keys(&self) -> &Keyring {
        &self.0.keys
    }

    /// `<host>/countermand/<installation id>`.
    pub fn origin(&self) -> &str {
        &self.0.origin
    }

    /// The last piece of the origin.
    pub fn installation(&self) -> &str {
        self.0.origin.rsplit('/').next().unwrap_or(&self.0.origin)
    }

    /// This data folder's name in leaves and leases.
    pub fn node(&self) -> &str {
        &self.0.node
    }

    /// The keys that signed before those of now.
    pub fn former(&self) -> Result<Vec<Vkey>, StoreError> {
        self.read_now(renewal::former)
    }

    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    pub fn now(&self) -> Instant {
        self.0.clock.now()
    }

    pub fn data(&self) -> &std::path::Path {
        &self.0.data
    }

    pub fn database(&self) -> &Database {
        &self.0.database
    }
}

/// `f`, and whether it left an event of a change in one of its runs.
fn watched<T, F>(f: F) -> (impl Fn(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static, Arc<AtomicBool>)
where
    F: Fn(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
{
    let changed = Arc::new(AtomicBool::new(false));
    let seen = changed.clone();
    let watched = move |tx: &mut Tx<'_>| {
        let result = f(tx);
        if tx.changes() {
            seen.store(true, Ordering::Release);
        }
        result
    };
    (watched, changed)
}
