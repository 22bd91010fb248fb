//! Room on the disk: watched and warned of well before it ends, and a reserve from which auditors still read when it has ended.
//!
//! The product does nothing that it cannot record, so on a full disk it does nothing, not even let an auditor sign in: that is an event
//! too. A server therefore keeps a reserve of [`RESERVE`] bytes: on SQLite a file beside the database, on PostgreSQL an unlogged table in
//! the tablespace of the others. The first write that finds the disk full gives the reserve back to the file system; from then on only
//! writes through [`Store::write_reserved`] are tried, everything else is answered with [`StoreError::Full`] before it has begun. Once there
//! is room for the reserve again it is taken again, and writing goes on, without a restart.
//!
//! Not helped by this: a PostgreSQL whose write-ahead log has no room, which stops by itself.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant as Ticks},
};

use diesel::{PgConnection, RunQueryDsl, connection::SimpleConnection, sql_query};

use super::{Conn, Database, Options, Store, StoreError, conn};

/// Bytes that a server keeps for auditors: some thousand sign-ins and readings, SQLite's write-ahead file included.
pub const RESERVE: u64 = 32 << 20;
/// Less free bytes than this are warned of.
pub const LOW: u64 = 1 << 30;
/// How often a PostgreSQL that was full is asked whether it has room again; each time costs a try.
const ASK_AGAIN: Duration = Duration::from_secs(2);
/// Rows of the reserve's table fill one page of 8 KiB each.
const PAGE: u64 = 8192;

/// How much room there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Free bytes where the data folder lies; `None` if the operating system does not say. On PostgreSQL the database may lie elsewhere.
    pub free: Option<u64>,
    /// A write found the disk full, and there has not been room for the reserve since.
    pub full: bool,
}

impl Room {
    /// Whether somebody should make room now.
    pub fn low(&self) -> bool {
        self.full || self.free.is_some_and(|free| free < LOW)
    }
}

pub(super) struct Disk {
    folder: PathBuf,
    place: Option<Place>,
    reserve: u64,
    /// The reserve is there.
    held: AtomicBool,
    /// It should have been given back and could not be.
    owed: AtomicBool,
    full: AtomicBool,
    warned: AtomicBool,
    asked: Mutex<Option<Ticks>>,
}

/// Where the reserve lies.
enum Place {
    File(PathBuf),
    Table(Table),
}

/// A connection of its own to the database with the reserve's table, kept open: on a full disk PostgreSQL may let nobody in, for it writes a
/// file for the first who comes after a change of the schema.
struct Table {
    database: Database,
    open: Mutex<Option<Conn>>,
}

impl Table {
    /// Runs `work` on the connection; what it left undone is undone.
    fn with<T>(&self, work: impl FnOnce(&mut PgConnection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let mut conn = match open.take() {
            Some(conn) => conn,
            None => conn::open(&self.database, conn::Purpose::Write)?,
        };
        let Conn::Postgres(pg) = &mut conn else { return Err(StoreError::Unavailable("not a PostgreSQL".into())) };
        let result = work(pg);
        // Full is an answer; whatever else went wrong may be the connection's.
        let good = result.is_ok() || (matches!(result, Err(StoreError::Full)) && pg.batch_execute("ROLLBACK").is_ok());
        if good {
            *open = Some(conn);
        }
        result
    }
}

impl Disk {
    /// `options.reserve` of 0 keeps none: a command that ends soon, a test.
    pub(super) fn new(options: &Options) -> Self {
        let (folder, place) = match &options.database {
            Database::Sqlite(path) => {
                let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
                (folder.clone(), Place::File(folder.join("reserve")))
            }
            other => (options.data.clone(), Place::Table(Table { database: other.clone(), open: Mutex::default() })),
        };
        let place = (options.reserve > 0).then_some(place);
        let no = AtomicBool::default;
        let disk = Self { folder, place, reserve: options.reserve, held: no(), owed: no(), full: no(), warned: no(), asked: Mutex::default() };
        match disk.take() {
            Ok(()) => disk.held.store(disk.place.is_some(), Ordering::SeqCst),
            Err(StoreError::Full) => {
                // Not even the reserve fits: what is left is for auditors.
                tracing::error!("the disk is full: nothing can be done until there is room for the reserve; auditors can sign in and read");
                disk.full.store(true, Ordering::SeqCst);
            }
            Err(e) => tracing::warn!(error = %e, "there is no reserve from which auditors could read on a full disk"),
        }
        disk
    }

    fn free(&self) -> Option<u64> {
        let found = rustix::fs::statvfs(&self.folder).ok()?;
        Some(found.f_bavail.saturating_mul(found.f_frsize))
    }

    fn room(&self) -> Room {
        Room { free: self.free(), full: self.full.load(Ordering::SeqCst) }
    }

    /// Takes the reserve unless it is there.
    fn take(&self) -> Result<(), StoreError> {
        match &self.place {
            None => Ok(()),
            Some(Place::File(path)) => self.take_file(path).map_err(|e| match e.kind() {
                io::ErrorKind::StorageFull => StoreError::Full,
                _ => StoreError::Unavailable(format!("{}: {e}", path.display())),
            }),
            Some(Place::Table(table)) => table.with(|pg| take_table(pg, self.reserve)),
        }
    }

    fn take_file(&self, path: &Path) -> io::Result<()> {
        use std::os::unix::fs::OpenOptionsExt;
        if fs::metadata(path).is_ok_and(|m| m.len() >= self.reserve) {
            return Ok(());
        }
        // Something must be left to work with.
        if self.free().is_some_and(|free| free < self.reserve + self.reserve / 4) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let mut file = fs::OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)?;
        let made = match rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, self.reserve) {
            // Where space cannot be set aside it is written.
            Err(rustix::io::Errno::OPNOTSUPP) => io::copy(&mut io::repeat(0).take(self.reserve), &mut file).and_then(|_| file.sync_all()),
            other => other.map_err(io::Error::from),
        };
        if made.is_err() {
            let _ = fs::remove_file(path);
        }
        made
    }

    /// Gives the reserve back.
    fn release(&self) -> Result<(), StoreError> {
        match &self.place {
            None => Ok(()),
            Some(Place::File(path)) => match fs::remove_file(path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => Err(StoreError::Unavailable(format!("{}: {e}", path.display()))),
                _ => Ok(()),
            },
            Some(Place::Table(table)) => table.with(release_table),
        }
    }

    /// A write found the disk full. Where there is no reserve to protect, every write finds out for itself.
    fn fill(&self) {
        if !self.held.swap(false, Ordering::SeqCst) || self.full.swap(true, Ordering::SeqCst) {
            return;
        }
        tracing::error!("the disk is full: nothing can be done until there is room; auditors can still sign in and read");
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some(Ticks::now());
        self.give_back();
    }

    fn give_back(&self) {
        let released = self.release();
        self.owed.store(released.is_err(), Ordering::SeqCst);
        if let Err(e) = released {
            tracing::error!(error = %e, "the reserve could not be given back");
        }
    }

    /// Before a write that may use the reserve is tried again: gives the reserve back if that failed, and waits while somebody, on this node or
    /// another, looks whether there is room for it again, for whoever looks takes for that moment what there is. Blocks.
    fn settle(&self) {
        let _looks = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if self.owed.load(Ordering::SeqCst) {
            self.give_back();
        } else if let Some(Place::Table(table)) = &self.place
            && let Err(e) = table.with(wait_for_others)
        {
            tracing::debug!(error = %e, "whether another node looks for room is not known");
        }
    }

    /// Whether there is room again; takes the reserve if so.
    fn recover(&self) -> bool {
        if !self.full.load(Ordering::SeqCst) {
            return true;
        }
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(self.place, Some(Place::Table(_))) && asked.is_some_and(|at| at.elapsed() < ASK_AGAIN) {
            return false;
        }
        *asked = Some(Ticks::now());
        match self.take() {
            Ok(()) => {
                self.owed.store(false, Ordering::SeqCst);
                self.held.store(true, Ordering::SeqCst);
            }
            Err(StoreError::Full) => return false,
            // No reserve any more; that is no reason to stop working.
            Err(e) => tracing::warn!(error = %e, "there is no reserve from which auditors could read on a full disk"),
        }
        self.full.store(false, Ordering::SeqCst);
        tracing::info!("there is room on the disk again: work goes on");
        true
    }
}

#[derive(diesel::QueryableByName)]
struct Size {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    size: i64,
}

/// One node at a time; the lock is the transaction's.
const ALONE: &str = "SET LOCAL lock_timeout = '3s'; SELECT pg_advisory_xact_lock(hashtext('countermand-reserve'), hashtext(current_schema()::text));";

fn take_table(pg: &mut PgConnection, reserve: u64) -> Result<(), StoreError> {
    pg.batch_execute(&format!("BEGIN; {ALONE}"))?;
    let size: Size = sql_query("SELECT COALESCE(pg_relation_size(to_regclass('disk_reserve')), 0) AS size").get_result(pg)?;
    if u64::try_from(size.size).is_ok_and(|size| size >= reserve) {
        return Ok(pg.batch_execute("COMMIT")?);
    }
    // Unlogged: filling it writes no log, and after a crash of the server it is empty and taken again. Something must be left to work with:
    // the margin is gone with the transaction.
    let fill = |table: &str, bytes: u64| {
        let rows = bytes.div_ceil(PAGE);
        format!(
            "DROP TABLE IF EXISTS {table}; CREATE UNLOGGED TABLE {table} (filler BYTEA NOT NULL);
             ALTER TABLE {table} ALTER filler SET STORAGE PLAIN;
             INSERT INTO {table} SELECT decode(repeat('00', 8000), 'hex') FROM generate_series(1, {rows});"
        )
    };
    let fill = format!("{} {} DROP TABLE disk_margin; COMMIT", fill("disk_reserve", reserve), fill("disk_margin", reserve / 4));
    Ok(pg.batch_execute(&fill)?)
}

/// Dropped and not emptied: emptying makes new files, which need room themselves.
fn release_table(pg: &mut PgConnection) -> Result<(), StoreError> {
    Ok(pg.batch_execute(&format!("BEGIN; {ALONE} DROP TABLE IF EXISTS disk_reserve; COMMIT"))?)
}

/// Returns once no node looks for room, or after three seconds.
fn wait_for_others(pg: &mut PgConnection) -> Result<(), StoreError> {
    Ok(pg.batch_execute(&format!("BEGIN; {ALONE} COMMIT"))?)
}

impl Store {
    /// Waits while somebody looks whether there is room again; a write that may use the reserve then finds it.
    pub(super) async fn settle_disk(&self) {
        let store = self.clone();
        let _ = tokio::task::spawn_blocking(move || store.0.disk.settle()).await;
    }

    /// How much room there is.
    pub fn room(&self) -> Room {
        self.0.disk.room()
    }

    /// Warns once of little room, takes the reserve when there is room for it; blocks. A server calls it every few seconds.
    pub fn watch_disk(&self) {
        let disk = &self.0.disk;
        if disk.full.load(Ordering::SeqCst) {
            disk.recover();
        }
        let room = disk.room();
        if disk.warned.swap(room.low(), Ordering::SeqCst) != room.low() && room.low() {
            tracing::warn!(free_mib = room.free.map(|f| f >> 20), "there is little room left on the disk of the data folder");
        }
    }

    /// Whether a write may be tried. Blocks for a file system call at most on SQLite, for a query on PostgreSQL.
    pub(super) fn admit(&self, reserved: bool) -> Result<(), StoreError> {
        if reserved || self.0.disk.recover() { Ok(()) } else { Err(StoreError::Full) }
    }

    /// Looks at how a write ended: counts it, and finds out that the disk is full.
    pub(super) fn ended<T>(&self, mut result: Result<T, StoreError>) -> Result<T, StoreError> {
        // SQLite says "I/O error" where it could not grow one of its files beside the database.
        if let Err(StoreError::Unavailable(why)) = &result
            && why.contains("disk I/O error")
            && self.0.disk.free().is_some_and(|free| free < 1 << 20)
        {
            result = Err(StoreError::Full);
        }
        if matches!(result, Err(StoreError::Full)) {
            self.0.disk.fill();
        }
        self.0.ends.count(&result);
        result
    }
}
