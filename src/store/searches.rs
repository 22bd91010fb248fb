//! Searches under a name, of the trail and of lists. Not here: what a search is (`app::audit`, `app::views`).

use diesel::prelude::*;

use super::{Conn, StoreError, schema::searches};

/// A row of `searches`, in the order of its columns.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = searches)]
pub struct SearchedRow {
    pub id: String,
    pub owner_id: String,
    /// Whether everybody who reads the trail sees it.
    pub shared: i64,
    /// JSON of name and search, sealed under [`context`]: a person typed them.
    pub sealed: Vec<u8>,
    pub created_at: i64,
    /// What is searched: `audit`, `recalls`, `broadcasts` or `approvals`.
    pub list: String,
}

/// What binds the sealed words to their row.
pub fn context(id: &str) -> String {
    format!("searches/{id}")
}

pub fn insert(conn: &mut Conn, row: SearchedRow) -> Result<(), StoreError> {
    diesel::insert_into(searches::table).values(row).execute(conn)?;
    Ok(())
}

pub fn find(conn: &mut Conn, id: &str) -> Result<Option<SearchedRow>, StoreError> {
    Ok(searches::table.find(id).first(conn).optional()?)
}

/// How many searches of a list somebody has saved.
pub fn count(conn: &mut Conn, owner: &str, list: &str) -> Result<i64, StoreError> {
    Ok(searches::table.filter(searches::owner_id.eq(owner)).filter(searches::list.eq(list)).count().get_result(conn)?)
}

/// The searches of a list by `owner` and those that are shared, in the order in which they were saved.
pub fn seen_by(conn: &mut Conn, owner: &str, list: &str) -> Result<Vec<SearchedRow>, StoreError> {
    let seen = searches::table.filter(searches::owner_id.eq(owner).or(searches::shared.eq(1)));
    Ok(seen.filter(searches::list.eq(list)).order(searches::id.asc()).load(conn)?)
}

/// Deletes a search.
pub fn delete(conn: &mut Conn, id: &str) -> Result<(), StoreError> {
    diesel::delete(searches::table.find(id)).execute(conn)?;
    Ok(())
}
