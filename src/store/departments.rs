//! The tree of departments, as rows.

use diesel::prelude::*;

use super::{Conn, StoreError, schema::departments};

#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = departments)]
pub struct DepartmentRow {
    pub id: String,
    pub name: String,
    pub parent_id: Option<String>,
    pub created_at: i64,
}

/// All departments in the order they were made: a parent comes before its children.
pub fn department_list(conn: &mut Conn) -> Result<Vec<DepartmentRow>, StoreError> {
    Ok(departments::table.order(departments::id.asc()).select(DepartmentRow::as_select()).load(conn)?)
}

pub fn department_find(conn: &mut Conn, id: &str) -> Result<Option<DepartmentRow>, StoreError> {
    Ok(departments::table.find(id).select(DepartmentRow::as_select()).first(conn).optional()?)
}

pub fn department_by_name(conn: &mut Conn, name: &str) -> Result<Option<DepartmentRow>, StoreError> {
    Ok(departments::table
        .filter(departments::name.eq(name))
        .order(departments::id.asc())
        .select(DepartmentRow::as_select())
        .first(conn)
        .optional()?)
}

pub fn department_insert(conn: &mut Conn, row: &DepartmentRow) -> Result<(), StoreError> {
    diesel::insert_into(departments::table).values(row.clone()).execute(conn)?;
    Ok(())
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
