//! The steps of remediation plans: one row a step. Not here: what of it is allowed (`domain::remediation`).

use diesel::prelude::*;

use super::{Conn, StoreError, schema::remediation_steps};

/// A row of `remediation_steps`, in the order of its columns.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = remediation_steps, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct StepRow {
    pub id: String,
    pub recall_id: String,
    /// A word of `domain::windows::Remedy`.
    pub strategy: String,
    pub owner_id: String,
    /// Microseconds; nothing where it is tracked without a due time.
    pub due_at: Option<i64>,
    /// A word of `domain::remediation::StepState`.
    pub state: String,
    /// What the owner is to do, sealed with the installation's key as [`context`]; empty where nothing was typed, and once retention erased it.
    pub note_sealed: Vec<u8>,
    pub set_by: String,
    pub set_at: i64,
    pub ended_by: Option<String>,
    pub ended_at: Option<i64>,
    /// What was done, or why it was dropped; sealed likewise.
    pub said_sealed: Vec<u8>,
    pub version: i64,
}

/// What a sealed column is bound to, so that a box cannot be moved to another row.
pub fn context(id: &str, column: &str) -> String {
    format!("remediation_steps/{id}/{column}")
}

pub fn insert(conn: &mut Conn, row: StepRow) -> Result<(), StoreError> {
    diesel::insert_into(remediation_steps::table).values(row).execute(conn)?;
    Ok(())
}

/// One step of a case.
pub fn find(conn: &mut Conn, recall: &str, id: &str) -> Result<Option<StepRow>, StoreError> {
    // PostgreSQL takes no NUL in a text.
    if id.contains('\0') {
        return Ok(None);
    }
    let of = remediation_steps::table.filter(remediation_steps::recall_id.eq(recall)).filter(remediation_steps::id.eq(id));
    Ok(of.first(conn).optional()?)
}

/// All steps of a case, oldest first. Ids are UUIDv7, but of two nodes: the time goes first.
pub fn of_recall(conn: &mut Conn, recall: &str) -> Result<Vec<StepRow>, StoreError> {
    let of = remediation_steps::table.filter(remediation_steps::recall_id.eq(recall));
    Ok(of.order((remediation_steps::set_at.asc(), remediation_steps::id.asc())).load(conn)?)
}

/// Stores `row` over the version before it; `false` if somebody else changed it first.
pub fn replace(conn: &mut Conn, row: &StepRow) -> Result<bool, StoreError> {
    let seen = remediation_steps::table.filter(remediation_steps::id.eq(row.id.clone())).filter(remediation_steps::version.eq(row.version - 1));
    Ok(diesel::update(seen).set(row.clone()).execute(conn)? == 1)
}
