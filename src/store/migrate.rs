//! Migrations, embedded for both databases under the same names.

use diesel::connection::SimpleConnection;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{
    StoreError,
    conn::{Conn, Database, Purpose, open},
};

pub const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
pub const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// One node migrates at a time; the others wait. The number is arbitrary and only has to be the same on all nodes.
const LOCK: i64 = 0x0063_6f75_6e74_6572;

/// Applies what is pending and returns the names of what was applied.
pub fn run(database: &Database) -> Result<Vec<String>, StoreError> {
    let failed = |e: Box<dyn std::error::Error + Send + Sync>| StoreError::Migration(e.to_string());
    match &mut open(database, Purpose::Write)? {
        Conn::Sqlite(c) => Ok(c.run_pending_migrations(SQLITE).map_err(failed)?.iter().map(ToString::to_string).collect()),
        Conn::Postgres(c) => {
            c.batch_execute(&format!("SET lock_timeout = 0; SELECT pg_advisory_lock({LOCK})"))?;
            let applied = c.run_pending_migrations(POSTGRES).map(|v| v.iter().map(ToString::to_string).collect::<Vec<_>>()).map_err(failed);
            c.batch_execute(&format!("SELECT pg_advisory_unlock({LOCK})"))?;
            applied
        }
    }
}

/// Names of migrations that are not applied yet.
pub fn pending(database: &Database) -> Result<Vec<String>, StoreError> {
    let failed = |e: Box<dyn std::error::Error + Send + Sync>| StoreError::Migration(e.to_string());
    match &mut open(database, Purpose::Write)? {
        Conn::Sqlite(c) => Ok(c.pending_migrations(SQLITE).map_err(failed)?.iter().map(|m| m.name().to_string()).collect()),
        Conn::Postgres(c) => Ok(c.pending_migrations(POSTGRES).map_err(failed)?.iter().map(|m| m.name().to_string()).collect()),
    }
}

/// Undoes and redoes everything; for the test that up and down are inverse.
pub fn redo(database: &Database) -> Result<(), StoreError> {
    let failed = |e: Box<dyn std::error::Error + Send + Sync>| StoreError::Migration(e.to_string());
    match &mut open(database, Purpose::Write)? {
        Conn::Sqlite(c) => {
            c.revert_all_migrations(SQLITE).map_err(failed)?;
            c.run_pending_migrations(SQLITE).map_err(failed)?;
            Ok(())
        }
        Conn::Postgres(c) => {
            c.revert_all_migrations(POSTGRES).map_err(failed)?;
            c.run_pending_migrations(POSTGRES).map_err(failed)?;
            Ok(())
        }
    }
}
