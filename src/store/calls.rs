//! Calls to platforms: written before the call, completed after it, so that a crash in between is seen.

use diesel::prelude::*;

use super::{Conn, StoreError, schema::calls};

/// A row of `calls`, in the order of its columns.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = calls, treat_none_as_default_value = false)]
pub struct CallRow {
    pub id: String,
    /// `send`, `recall`, `read_back`, `reading`, `fetch`, `members` or `test`.
    pub kind: String,
    pub connection_id: Option<String>,
    pub broadcast_id: Option<String>,
    pub recall_id: Option<String>,
    pub message_id: Option<String>,
    /// From 1, within one message and kind.
    pub attempt: i64,
    /// `started`, `answered`, or `lost`: the process that made it died before the answer was recorded.
    pub state: String,
    pub started_at: i64,
    pub answered_at: Option<i64>,
    /// `ok`, `refused`, `rate_limited`, `not_reached`, `unknown`, `unauthorized` or `unsupported`.
    pub result: Option<String>,
    /// The platform's own code.
    pub code: Option<String>,
    /// JSON list of `connect::RawCall`, sealed by the installation's key as `calls/<id>/raw_sealed`.
    pub raw_sealed: Option<Vec<u8>>,
    pub started_event: String,
    pub answered_event: Option<String>,
}

/// How a call ended.
#[derive(Clone, Debug)]
pub struct CallEnd {
    pub at: i64,
    pub result: String,
    pub code: Option<String>,
    pub raw_sealed: Vec<u8>,
    pub event: String,
}

pub fn insert(conn: &mut Conn, row: CallRow) -> Result<(), StoreError> {
    diesel::insert_into(calls::table).values(row).execute(conn)?;
    Ok(())
}

pub fn find(conn: &mut Conn, id: &str) -> Result<Option<CallRow>, StoreError> {
    Ok(calls::table.find(id).first(conn).optional()?)
}

/// Records the answer, also that of a call that had been given up as lost.
pub fn answer(conn: &mut Conn, id: &str, end: CallEnd) -> Result<(), StoreError> {
    diesel::update(calls::table.find(id))
        .set((
            calls::state.eq("answered"),
            calls::answered_at.eq(Some(end.at)),
            calls::result.eq(Some(end.result)),
            calls::code.eq(end.code),
            calls::raw_sealed.eq(Some(end.raw_sealed)),
            calls::answered_event.eq(Some(end.event)),
        ))
        .execute(conn)?;
    Ok(())
}

/// Gives up on a call whose process died; `false` if its answer has come after all.
pub fn lose(conn: &mut Conn, id: &str, event: &str) -> Result<bool, StoreError> {
    let changed = diesel::update(calls::table.find(id).filter(calls::state.eq("started")))
        .set((calls::state.eq("lost"), calls::answered_event.eq(Some(event.to_owned()))))
        .execute(conn)?;
    Ok(changed == 1)
}

/// All calls of `kind` for one message, in order.
pub fn of_message(conn: &mut Conn, message: &str, kind: &str) -> Result<Vec<CallRow>, StoreError> {
    Ok(calls::table.filter(calls::message_id.eq(message)).filter(calls::kind.eq(kind)).order((calls::started_at, calls::id)).load(conn)?)
}

/// All calls for one broadcast, in order.
pub fn of_broadcast(conn: &mut Conn, broadcast: &str) -> Result<Vec<CallRow>, StoreError> {
    Ok(calls::table.filter(calls::broadcast_id.eq(broadcast)).order((calls::started_at, calls::id)).load(conn)?)
}

/// All calls of one case, in order.
pub fn of_recall(conn: &mut Conn, recall: &str) -> Result<Vec<CallRow>, StoreError> {
    Ok(calls::table.filter(calls::recall_id.eq(recall)).order((calls::started_at, calls::id)).load(conn)?)
}
