//! One connection over SQLite and PostgreSQL, how it is opened, and the pools.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    path::PathBuf,
    time::{Duration, Instant},
};

use diesel::{
    Connection, PgConnection, SqliteConnection,
    connection::{AnsiTransactionManager, SimpleConnection, TransactionManager},
    r2d2,
};

use super::StoreError;
use crate::crypto::private;

/// A connection to either database. All queries are written against this type; where diesel cannot (batch inserts, upserts), `on_each!`.
#[derive(diesel::MultiConnection)]
pub enum Conn {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

/// Compiles the same expression once for each database, for what the merged connection cannot express: batch inserts and `on_conflict`.
#[macro_export]
macro_rules! on_each {
    ($conn:expr, $c:ident => $body:expr) => {
        match $conn {
            $crate::store::Conn::Postgres($c) => $body,
            $crate::store::Conn::Sqlite($c) => $body,
        }
    };
}

/// Where the data lies.
#[derive(Clone, PartialEq, Eq)]
pub enum Database {
    Sqlite(PathBuf),
    /// A libpq connection string or URL; may hold a password.
    Postgres(String),
}

/// Leaves the password out.
impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "SQLite at {}", path.display()),
            Self::Postgres(_) => f.write_str("PostgreSQL"),
        }
    }
}

impl Database {
    /// The database that the settings name: `database_url`, or SQLite under the data folder.
    pub fn of(config: &crate::config::Config) -> Result<Self, crate::config::ConfigError> {
        match &config.database_url {
            None => Ok(Self::Sqlite(config.data.join("countermand.db"))),
            Some(url) => Self::from_url(url).ok_or_else(|| {
                crate::config::ConfigError::Rule("the database address must begin with postgres://, postgresql:// or sqlite://".to_owned())
            }),
        }
    }

    /// `sqlite` or `postgres`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Postgres(_) => "postgres",
        }
    }

    /// From `DATABASE_URL`: `postgres://…`, `postgresql://…`, `sqlite://PATH` or `sqlite:PATH`; anything else is refused, so that a typo
    /// does not make an empty file.
    pub fn from_url(url: &str) -> Option<Self> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Some(Self::Postgres(url.to_owned()));
        }
        let path = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:"))?;
        (!path.is_empty()).then(|| Self::Sqlite(path.into()))
    }
}

/// Begins a transaction with `sql`. It goes through diesel's bookkeeping, so that what diesel wraps in a transaction of its own (batch
/// inserts on SQLite) becomes a savepoint inside.
pub(super) fn begin(conn: &mut Conn, sql: &str) -> Result<(), StoreError> {
    match conn {
        Conn::Postgres(c) => AnsiTransactionManager::begin_transaction_sql(c, sql)?,
        Conn::Sqlite(c) => AnsiTransactionManager::begin_transaction_sql(c, sql)?,
    }
    Ok(())
}

pub(super) fn commit(conn: &mut Conn) -> Result<(), StoreError> {
    on_each!(conn, c => AnsiTransactionManager::commit_transaction(c))?;
    Ok(())
}

pub(super) fn rollback(conn: &mut Conn) -> Result<(), StoreError> {
    on_each!(conn, c => AnsiTransactionManager::rollback_transaction(c))?;
    Ok(())
}

/// Rolls back; whether the connection is now as it was before the transaction. It is not if the database has rolled back by itself, nor
/// if a closure panicked within a transaction of its own.
pub(super) fn undone(conn: &mut Conn) -> bool {
    rollback(conn).is_ok() && on_each!(conn, c => matches!(AnsiTransactionManager::transaction_manager_status_mut(c).transaction_depth(), Ok(None)))
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Read,
    Write,
}

/// Opens a connection with the settings that durability needs: WAL and `synchronous=FULL`, foreign keys; `synchronous_commit=on`.
pub(super) fn open(database: &Database, purpose: Purpose) -> Result<Conn, StoreError> {
    match database {
        Database::Sqlite(path) => {
            let text = path.to_str().ok_or_else(|| StoreError::Unavailable("the database's path is not UTF-8".to_owned()))?;
            // SQLite makes what is missing by the umask, and its two companions as the file itself. What stands in the way here it says better.
            if !text.starts_with("file:") && text != ":memory:" {
                let _ = private::new_file(path);
            }
            let mut conn = SqliteConnection::establish(text).map_err(|e| StoreError::Unavailable(e.to_string()))?;
            // page_size and auto_vacuum take effect only before the first table exists.
            conn.batch_execute(
                "PRAGMA busy_timeout=5000; PRAGMA page_size=16384; PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL; \
                 PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON; \
                 PRAGMA cache_size=-16000;",
            )?;
            if purpose == Purpose::Read {
                // What a reader has cached is void after the next write anyway.
                conn.batch_execute("PRAGMA query_only=ON; PRAGMA cache_size=-4000;")?;
            }
            Ok(Conn::Sqlite(conn))
        }
        Database::Postgres(url) => {
            let mut conn = PgConnection::establish(url).map_err(|e| StoreError::Unavailable(redact(&e.to_string(), url)))?;
            conn.batch_execute("SET synchronous_commit = on; SET client_min_messages = warning; SET TIME ZONE 'UTC';")?;
            match purpose {
                Purpose::Read => conn.batch_execute("SET default_transaction_read_only = on;")?,
                // As long as SQLite waits for a lock: whoever waits longer is told so, and does not hold up the queue.
                Purpose::Write => conn.batch_execute("SET lock_timeout = '5s';")?,
            }
            Ok(Conn::Postgres(conn))
        }
    }
}

fn redact(message: &str, url: &str) -> String {
    message.replace(url, "the configured address")
}

/// Opens connections for r2d2.
#[derive(Clone, Debug)]
pub(super) struct Manager(pub Database, pub Purpose);

/// A connection of a pool.
pub(super) struct Pooled {
    conn: Conn,
    /// When it last came back from work.
    seen: Instant,
    /// Found dead.
    lost: bool,
}

impl Pooled {
    /// Keeps it from being used again.
    pub(super) fn lose(&mut self) {
        self.lost = true;
    }
}

impl Deref for Pooled {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        &self.conn
    }
}

impl DerefMut for Pooled {
    fn deref_mut(&mut self) -> &mut Conn {
        &mut self.conn
    }
}

/// A connection that worked so recently is not asked whether it lives: that would be a round trip for each transaction. If it has died
/// since, `BEGIN` finds out.
const FRESH: Duration = Duration::from_secs(1);

impl r2d2::ManageConnection for Manager {
    type Connection = Pooled;
    type Error = StoreError;

    fn connect(&self) -> Result<Pooled, StoreError> {
        Ok(Pooled { conn: open(&self.0, self.1)?, seen: Instant::now(), lost: false })
    }

    fn is_valid(&self, pooled: &mut Pooled) -> Result<(), StoreError> {
        if let Conn::Postgres(c) = &mut pooled.conn
            && pooled.seen.elapsed() > FRESH
        {
            c.batch_execute("SELECT 1")?;
        }
        Ok(())
    }

    fn has_broken(&self, pooled: &mut Pooled) -> bool {
        pooled.seen = Instant::now();
        pooled.lost || on_each!(&mut pooled.conn, c => AnsiTransactionManager::is_broken_transaction_manager(c))
    }
}

pub(super) type Pool = r2d2::Pool<Manager>;

/// A connection of the pool on which `sql` has begun a transaction. One that turns out dead is thrown away, and the next is tried: nothing
/// has happened on it yet.
pub(super) fn begin_on(pool: &Pool, sql: &str) -> Result<r2d2::PooledConnection<Manager>, StoreError> {
    let mut tries = pool.max_size();
    loop {
        let mut conn = pool.get().map_err(|e| StoreError::Unavailable(e.to_string()))?;
        match begin(&mut conn, sql) {
            Ok(()) => return Ok(conn),
            Err(StoreError::Unavailable(_)) if tries > 0 && matches!(&**conn, Conn::Postgres(_)) => {
                conn.lose();
                tries -= 1;
            }
            Err(e) => {
                conn.lose();
                return Err(e);
            }
        }
    }
}

pub(super) fn pool(database: &Database, purpose: Purpose, size: u32) -> Result<Pool, StoreError> {
    r2d2::Pool::builder()
        .max_size(size)
        .min_idle(Some(1))
        .test_on_check_out(matches!(database, Database::Postgres(_)))
        .connection_timeout(Duration::from_secs(5))
        .build(Manager(database.clone(), purpose))
        .map_err(|e| StoreError::Unavailable(e.to_string()))
}
