//! The tree of departments, as rows.

use std::collections::BTreeMap;

use diesel::prelude::*;

use super::{
    Conn, StoreError,
    recalls::OPEN_STATES,
    schema::{departments, invitations, recalls, users},
};
use crate::id::DepartmentId;

#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = departments)]
pub struct DepartmentRow {
    pub id: String,
    pub name: String,
    pub parent_id: Option<String>,
    pub created_at: i64,
    /// Nobody can be put there any more; its name stays for what happened there.
    pub closed_at: Option<i64>,
    pub version: i64,
}

impl DepartmentRow {
    /// A new, open one.
    pub fn new(name: &str, parent_id: Option<String>, now: i64) -> Self {
        Self { id: DepartmentId::fresh().0, name: name.to_owned(), parent_id, created_at: now, closed_at: None, version: 1 }
    }
}

/// All departments, closed ones too, in the order they were made.
pub fn department_list(conn: &mut Conn) -> Result<Vec<DepartmentRow>, StoreError> {
    Ok(departments::table.order(departments::id.asc()).select(DepartmentRow::as_select()).load(conn)?)
}

pub fn department_find(conn: &mut Conn, id: &str) -> Result<Option<DepartmentRow>, StoreError> {
    Ok(departments::table.find(id).select(DepartmentRow::as_select()).first(conn).optional()?)
}

/// Whether there is such a department, and it is not closed.
pub fn department_is_open(conn: &mut Conn, id: &str) -> Result<bool, StoreError> {
    Ok(department_find(conn, id)?.is_some_and(|d| d.closed_at.is_none()))
}

/// The open department of a name.
pub fn department_by_name(conn: &mut Conn, name: &str) -> Result<Option<DepartmentRow>, StoreError> {
    Ok(departments::table
        .filter(departments::name.eq(name))
        .filter(departments::closed_at.is_null())
        .order(departments::id.asc())
        .select(DepartmentRow::as_select())
        .first(conn)
        .optional()?)
}

pub fn department_insert(conn: &mut Conn, row: &DepartmentRow) -> Result<(), StoreError> {
    diesel::insert_into(departments::table).values(row.clone()).execute(conn)?;
    Ok(())
}

/// Stores `row` over the version before it; says whether nobody was faster.
pub fn department_replace(conn: &mut Conn, row: &DepartmentRow) -> Result<bool, StoreError> {
    let n = diesel::update(departments::table.filter(departments::id.eq(&row.id)).filter(departments::version.eq(row.version - 1)))
        .set((
            departments::name.eq(&row.name),
            departments::parent_id.eq(&row.parent_id),
            departments::closed_at.eq(row.closed_at),
            departments::version.eq(row.version),
        ))
        .execute(conn)?;
    Ok(n == 1)
}

/// How many accounts that are not suspended each department has.
pub fn department_people(conn: &mut Conn) -> Result<BTreeMap<String, i64>, StoreError> {
    let counted: Vec<(Option<String>, i64)> = users::table
        .filter(users::state.ne("suspended"))
        .filter(users::department_id.is_not_null())
        .group_by(users::department_id)
        .select((users::department_id, diesel::dsl::count_star()))
        .load(conn)?;
    Ok(counted.into_iter().filter_map(|(id, n)| Some((id?, n))).collect())
}

/// What keeps a department from being closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InUse {
    /// Accounts that are not suspended, and invitations that can still be taken up.
    pub people: i64,
    /// Departments below it that are open.
    pub below: i64,
    /// Cases of it that are not at their end.
    pub cases: i64,
}

pub fn department_in_use(conn: &mut Conn, id: &str, now: i64) -> Result<InUse, StoreError> {
    let people: i64 = users::table.filter(users::department_id.eq(id)).filter(users::state.ne("suspended")).count().get_result(conn)?;
    let invited: i64 = invitations::table
        .filter(invitations::department_id.eq(id))
        .filter(invitations::used_at.is_null())
        .filter(invitations::revoked_at.is_null())
        .filter(invitations::expires_at.gt(now))
        .count()
        .get_result(conn)?;
    let below = departments::table.filter(departments::parent_id.eq(id)).filter(departments::closed_at.is_null()).count().get_result(conn)?;
    let cases = recalls::table.filter(recalls::department_id.eq(id)).filter(recalls::state.eq_any(OPEN_STATES)).count().get_result(conn)?;
    Ok(InUse { people: people + invited, below, cases })
}

/// `id` and the departments above it, from the bottom up. A loop in the data ends the walk.
pub fn department_line(conn: &mut Conn, id: &str) -> Result<Vec<String>, StoreError> {
    let mut line: Vec<String> = Vec::new();
    let mut at = Some(id.to_owned());
    while let Some(here) = at {
        if line.contains(&here) {
            break;
        }
        at = department_find(conn, &here)?.and_then(|d| d.parent_id);
        line.push(here);
    }
    Ok(line)
}

/// `id` and all departments below it.
pub fn department_tree(conn: &mut Conn, id: &str) -> Result<Vec<String>, StoreError> {
    let mut tree = vec![id.to_owned()];
    // A parent comes before its children.
    for row in department_list(conn)? {
        if row.parent_id.is_some_and(|parent| tree.contains(&parent)) && !tree.contains(&row.id) {
            tree.push(row.id);
        }
    }
    Ok(tree)
}
