//! The steps of remediation plans: one row a step. Not here: what of it is allowed (`domain::remediation`).

use diesel::prelude::*;

use super::{
    Conn, StoreError,
    page::{self, Few, Turn},
    schema::{broadcasts, recalls, remediation_steps},
};
use crate::domain::remediation::StepState;

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

/// What a list of steps shows; every field narrows.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// A word of `domain::remediation::StepState`; open ones only of cases that are not erased.
    pub state: Option<String>,
    pub owner: Option<String>,
    /// Open ones that were due before this instant, in microseconds.
    pub overdue_at: Option<i64>,
    /// Of cases that they asked for, or of a message that they sent.
    pub of_person: Option<String>,
}

type Query = remediation_steps::BoxedQuery<'static, <Conn as diesel::Connection>::Backend>;

fn narrowed(filter: &Filter) -> Query {
    let mut query = remediation_steps::table.into_boxed();
    if let Some(state) = &filter.state {
        query = query.filter(remediation_steps::state.eq(state.clone()));
    }
    // What nobody can do any more waits for nobody.
    if filter.overdue_at.is_some() || filter.state.as_deref() == Some(StepState::Open.as_str()) {
        let there = recalls::table.filter(recalls::erased_at.is_null()).select(recalls::id);
        query = query.filter(remediation_steps::recall_id.eq_any(there));
    }
    if let Some(owner) = &filter.owner {
        query = query.filter(remediation_steps::owner_id.eq(owner.clone()));
    }
    if let Some(at) = filter.overdue_at {
        query = query.filter(remediation_steps::state.eq(StepState::Open.as_str())).filter(remediation_steps::due_at.lt(at));
    }
    if let Some(person) = &filter.of_person {
        let sent = broadcasts::table.filter(broadcasts::sender_id.eq(Some(person.clone()))).select(broadcasts::id);
        let theirs = recalls::table.filter(recalls::requester_id.eq(person.clone()).or(recalls::broadcast_id.eq_any(sent)));
        query = query.filter(remediation_steps::recall_id.eq_any(theirs.select(recalls::id)));
    }
    query
}

/// Newest first, at most `limit`, each with the number of its case. Ids are UUIDv7 and sort by time.
pub fn page(conn: &mut Conn, filter: &Filter, turn: &Turn, limit: i64) -> Result<Vec<(StepRow, String)>, StoreError> {
    let query = narrowed(filter);
    let query = match turn {
        Turn::First => query.order(remediation_steps::id.desc()),
        Turn::Down(key) => query.filter(remediation_steps::id.lt(key.clone())).order(remediation_steps::id.desc()),
        Turn::Up(key) => query.filter(remediation_steps::id.gt(key.clone())).order(remediation_steps::id.asc()),
    };
    let rows: Vec<StepRow> = query.limit(limit).load(conn)?;
    let mut numbered = Vec::new();
    // One by one, for these look-ups stay prepared.
    for row in rows {
        let number: String = recalls::table.find(row.recall_id.clone()).select(recalls::number).first(conn)?;
        numbered.push((row, number));
    }
    Ok(page::in_order(turn, numbered))
}

/// How many there are.
pub fn few(conn: &mut Conn, filter: &Filter) -> Result<Few, StoreError> {
    Few::of(conn, narrowed(filter).select(remediation_steps::id).limit(Few::LIMIT))
}

/// How many steps a case has.
pub fn count(conn: &mut Conn, recall: &str) -> Result<usize, StoreError> {
    let n: i64 = remediation_steps::table.filter(remediation_steps::recall_id.eq(recall)).count().get_result(conn)?;
    Ok(usize::try_from(n).unwrap_or(usize::MAX))
}
