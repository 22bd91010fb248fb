//! Migrations, embedded for both databases under the same names.

use diesel::{QueryableByName, RunQueryDsl, connection::SimpleConnection, migration::MigrationSource, sql_query, sql_types::Text};
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
    let mut conn = open(database, Purpose::Write)?;
    known(&mut conn)?;
    match &mut conn {
        Conn::Sqlite(c) => Ok(c.run_pending_migrations(SQLITE).map_err(failed)?.iter().map(ToString::to_string).collect()),
        Conn::Postgres(c) => {
            c.batch_execute(&format!("SET lock_timeout = 0; SELECT pg_advisory_lock({LOCK})"))?;
            let applied = c.run_pending_migrations(POSTGRES).map(|v| v.iter().map(ToString::to_string).collect::<Vec<_>>()).map_err(failed);
            c.batch_execute(&format!("SELECT pg_advisory_unlock({LOCK})"))?;
            applied
        }
    }
}

/// Refuses a database that a newer version of this program has migrated: what it holds may mean something else there.
///
/// # Errors
/// [`StoreError::Migration`], which names the migration.
pub fn known(conn: &mut Conn) -> Result<(), StoreError> {
    // A database without the table is a fresh one, or none of ours: what comes next says so.
    let Ok(applied) = applied(conn) else { return Ok(()) };
    let known = versions()?;
    match applied.into_iter().find(|version| !known.contains(version)) {
        None => Ok(()),
        Some(newer) => Err(StoreError::Migration(format!("it was made by a newer version of this program, with migration {newer}"))),
    }
}

/// The versions that a database has been brought through, in order.
///
/// # Errors
/// Those of the database, also where it has never been migrated.
pub fn applied(conn: &mut Conn) -> Result<Vec<String>, StoreError> {
    #[derive(QueryableByName)]
    struct Applied {
        #[diesel(sql_type = Text)]
        version: String,
    }
    let query = || sql_query("SELECT version FROM __diesel_schema_migrations ORDER BY version");
    Ok(crate::on_each!(conn, c => query().load::<Applied>(c))?.into_iter().map(|row| row.version).collect())
}

/// The versions in this program, the same on both databases.
pub fn versions() -> Result<Vec<String>, StoreError> {
    let all = MigrationSource::<diesel::sqlite::Sqlite>::migrations(&SQLITE).map_err(|e| StoreError::Migration(e.to_string()))?;
    Ok(all.iter().map(|m| m.name().version().to_string()).collect())
}

/// Names of migrations that are not applied yet.
pub fn pending(database: &Database) -> Result<Vec<String>, StoreError> {
    let failed = |e: Box<dyn std::error::Error + Send + Sync>| StoreError::Migration(e.to_string());
    let mut conn = open(database, Purpose::Write)?;
    known(&mut conn)?;
    match &mut conn {
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
