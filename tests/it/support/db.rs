//! A fresh database for each test: a SQLite file always, a PostgreSQL schema of its own when `TEST_DATABASE_URL` is set.

use std::path::Path;

use countermand::store::{Database, Options, Store};
use diesel::{Connection, PgConnection, SqliteConnection, connection::SimpleConnection};

/// A data folder and a database that both go when this is dropped.
pub struct TestDb {
    pub data: tempfile::TempDir,
    pub database: Database,
    schema: Option<(String, String)>,
}

impl TestDb {
    pub fn sqlite() -> Self {
        let data = tempfile::tempdir().unwrap();
        let database = Database::Sqlite(data.path().join("countermand.db"));
        Self { data, database, schema: None }
    }

    /// A SQLite file in `folder`, which is somebody else's; with its data folder inside.
    pub fn sqlite_in(folder: &Path) -> Self {
        let data = tempfile::tempdir_in(folder).unwrap();
        let database = Database::Sqlite(data.path().join("countermand.db"));
        Self { data, database, schema: None }
    }

    /// A database that somebody else made and removes.
    pub fn at(database: Database) -> Self {
        Self { data: tempfile::tempdir().unwrap(), database, schema: None }
    }

    /// A schema of its own on the server of `TEST_DATABASE_URL`; `None` without one.
    pub fn postgres() -> Option<Self> {
        let url = std::env::var("TEST_DATABASE_URL").ok()?;
        let schema = format!("t{}", countermand::id::fresh().replace('-', ""));
        PgConnection::establish(&url).unwrap().batch_execute(&format!("CREATE SCHEMA {schema}")).unwrap();
        let joint = if url.contains('?') { '&' } else { '?' };
        let database = Database::Postgres(format!("{url}{joint}options=-csearch_path%3D{schema}"));
        Some(Self { data: tempfile::tempdir().unwrap(), database, schema: Some((url, schema)) })
    }

    /// This database with the data folder of another; the other's database goes.
    pub fn with_data_of(mut self, mut other: Self) -> Self {
        std::mem::swap(&mut self.data, &mut other.data);
        self
    }

    /// One of each that this run has. `TEST_ONLY=postgres` leaves SQLite out, so that a second run of the suite does not repeat the first.
    pub fn each() -> Vec<Self> {
        let only = std::env::var("TEST_ONLY").unwrap_or_default();
        let sqlite = (only != "postgres").then(Self::sqlite);
        sqlite.into_iter().chain(Self::postgres()).collect()
    }

    /// The database of this run: PostgreSQL where `TEST_DATABASE_URL` is set, else SQLite.
    pub fn one() -> Self {
        Self::postgres().unwrap_or_else(Self::sqlite)
    }

    pub fn path(&self) -> &Path {
        self.data.path()
    }

    pub fn url(&self) -> Option<String> {
        match &self.database {
            Database::Postgres(url) => Some(url.clone()),
            Database::Sqlite(_) => None,
        }
    }

    /// Waits until nobody has the SQLite file open any more: the threads of a store close a moment after it is dropped, and whoever closes last
    /// takes the write-ahead log away. A file that is exchanged before that is damaged.
    pub fn wait_until_closed(&self) {
        let Database::Sqlite(path) = &self.database else { return };
        let wal = path.with_extension("db-wal");
        for _ in 0..500 {
            if !wal.exists() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        panic!("{} is still open", path.display());
    }

    /// Runs a statement past the product.
    pub fn execute(&self, sql: &str) {
        match &self.database {
            Database::Sqlite(path) => {
                let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
                // The product may be writing just now, as a checkpoint does.
                conn.batch_execute("PRAGMA busy_timeout = 5000").unwrap();
                conn.batch_execute(sql).unwrap();
            }
            Database::Postgres(url) => PgConnection::establish(url).unwrap().batch_execute(sql).unwrap(),
        }
    }

    pub fn options(&self) -> Options {
        let mut options = Options::new(self.database.clone(), self.path());
        options.connections = 4;
        options
    }

    pub fn open(&self) -> Store {
        Store::open(self.options()).unwrap()
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        if let Some((url, schema)) = &self.schema
            && let Ok(mut conn) = PgConnection::establish(url)
        {
            let _ = conn.batch_execute(&format!("DROP SCHEMA {schema} CASCADE"));
        }
    }
}
