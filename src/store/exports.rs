//! Exports of the trail as things of their own for a day: which search, at which size of the log, whose. Not here: the file (`app::audit`).

use diesel::prelude::*;

use super::{Conn, StoreError, schema::exports};
use crate::clock::Instant;

/// A row of `exports`, in the order of its columns.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = exports)]
pub struct ExportRow {
    pub id: String,
    pub owner_id: String,
    /// The session that made it; no other gets it.
    pub session_id: String,
    pub format: String,
    /// JSON of the search, sealed under [`context`]: a person typed it.
    pub query_sealed: Vec<u8>,
    pub log_size: i64,
    pub created_at: i64,
}

/// What binds a sealed search to its row.
pub fn context(id: &str) -> String {
    format!("exports/{id}/query")
}

pub fn insert(conn: &mut Conn, row: ExportRow) -> Result<(), StoreError> {
    diesel::insert_into(exports::table).values(row).execute(conn)?;
    Ok(())
}

/// The exports of a session since an instant, newest first.
pub fn of_session(conn: &mut Conn, session: &str, since: Instant) -> Result<Vec<ExportRow>, StoreError> {
    let of = exports::table.filter(exports::session_id.eq(session)).filter(exports::created_at.ge(since.0));
    Ok(of.order(exports::id.desc()).load(conn)?)
}

/// Deletes those that were made before an instant.
pub fn forget(conn: &mut Conn, before: Instant) -> Result<(), StoreError> {
    diesel::delete(exports::table.filter(exports::created_at.lt(before.0))).execute(conn)?;
    Ok(())
}
