//! The duty roster, as rows: who may order a recall first, from when until when. Not here: who may be on it (`app::duty`).

use diesel::prelude::*;

use super::{Conn, StoreError, schema::duty_shifts};

/// A row of `duty_shifts`, in the order of its columns.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = duty_shifts, treat_none_as_default_value = false)]
pub struct ShiftRow {
    pub id: String,
    pub user_id: String,
    pub from_at: i64,
    pub until_at: i64,
    pub added_by: String,
    pub added_at: i64,
    pub ended_by: Option<String>,
    /// Ended before its time.
    pub ended_at: Option<i64>,
}

pub fn insert(conn: &mut Conn, row: ShiftRow) -> Result<(), StoreError> {
    diesel::insert_into(duty_shifts::table).values(row).execute(conn)?;
    Ok(())
}

pub fn find(conn: &mut Conn, id: &str) -> Result<Option<ShiftRow>, StoreError> {
    Ok(duty_shifts::table.find(id).first(conn).optional()?)
}

/// Ends a shift before its time; `false` if somebody else did so first.
pub fn end(conn: &mut Conn, id: &str, by: &str, at: i64) -> Result<bool, StoreError> {
    let there = duty_shifts::table.filter(duty_shifts::id.eq(id.to_owned())).filter(duty_shifts::ended_at.is_null());
    let set = (duty_shifts::ended_by.eq(Some(by.to_owned())), duty_shifts::ended_at.eq(Some(at)));
    Ok(diesel::update(there).set(set).execute(conn)? == 1)
}

/// Shifts that stand and are not over at `now`, the first first.
pub fn standing(conn: &mut Conn, now: i64) -> Result<Vec<ShiftRow>, StoreError> {
    let there = duty_shifts::table.filter(duty_shifts::ended_at.is_null()).filter(duty_shifts::until_at.gt(now));
    Ok(there.order((duty_shifts::from_at.asc(), duty_shifts::id.asc())).load(conn)?)
}

/// What is over or was ended, the newest first.
pub fn past(conn: &mut Conn, now: i64, most: i64) -> Result<Vec<ShiftRow>, StoreError> {
    let over = duty_shifts::table.filter(duty_shifts::ended_at.is_not_null().or(duty_shifts::until_at.le(now)));
    Ok(over.order((duty_shifts::until_at.desc(), duty_shifts::id.desc())).limit(most).load(conn)?)
}

/// Until when a person is on duty now; `None` if they are not.
pub fn on_duty(conn: &mut Conn, user: &str, now: i64) -> Result<Option<i64>, StoreError> {
    let mine = duty_shifts::table.filter(duty_shifts::user_id.eq(user.to_owned())).filter(duty_shifts::ended_at.is_null());
    let now = mine.filter(duty_shifts::from_at.le(now)).filter(duty_shifts::until_at.gt(now));
    Ok(now.select(duty_shifts::until_at).order(duty_shifts::until_at.desc()).first(conn).optional()?)
}
