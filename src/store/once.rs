//! Requests that must not be done twice: an `Idempotency-Key` of a token, the nonce of a form. Kept 24 hours.

use diesel::prelude::*;

use super::{Conn, StoreError, kept::Keep, schema::idempotency};

/// A row of `idempotency`, in the order of its columns.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = idempotency, treat_none_as_default_value = false)]
pub struct OnceRow {
    /// The token; for forms `session:` and the session.
    pub token_id: String,
    pub request_key: String,
    /// SHA-256 over method, path and body.
    pub body_hash: Vec<u8>,
    /// 0 while the request runs.
    pub status: i64,
    /// The answer; while the request runs, the id that what it makes will have, a space, and the process that runs it.
    pub answer: String,
    pub created_at: i64,
}

pub fn find(conn: &mut Conn, owner: &str, key: &str) -> Result<Option<OnceRow>, StoreError> {
    Ok(idempotency::table.find((owner, key)).first(conn).optional()?)
}

pub fn insert(conn: &mut Conn, row: OnceRow) -> Result<(), StoreError> {
    diesel::insert_into(idempotency::table).values(row).execute(conn)?;
    Ok(())
}

/// Takes over a request whose process died: only while it still runs and nobody else has taken it.
pub fn retake(conn: &mut Conn, row: &OnceRow, at: i64) -> Result<bool, StoreError> {
    let stale = idempotency::table
        .find((row.token_id.clone(), row.request_key.clone()))
        .filter(idempotency::status.eq(0))
        .filter(idempotency::created_at.eq(row.created_at));
    Ok(diesel::update(stale).set(idempotency::created_at.eq(at)).execute(conn)? == 1)
}

/// Marks as begun at `at` what those processes of `node` were doing that are not among the `living`; call it when a process starts.
pub fn release(conn: &mut Conn, node: &str, living: &[String], at: i64) -> Result<(), StoreError> {
    let unseen = format!("{node}/{}", super::jobs::UNSEEN);
    let of_node = idempotency::table.filter(idempotency::status.eq(0)).filter(idempotency::answer.like(format!("% {node}/%")));
    for row in of_node.load::<OnceRow>(conn)? {
        let by = row.answer.split(' ').nth(1).unwrap_or_default();
        if !living.iter().any(|name| name == by) && !by.starts_with(&unseen) {
            retake(conn, &row, at)?;
        }
    }
    Ok(())
}

pub fn finish(conn: &mut Conn, owner: &str, key: &str, status: i64, answer: &str) -> Result<(), StoreError> {
    diesel::update(idempotency::table.find((owner, key)))
        .set((idempotency::status.eq(status), idempotency::answer.eq(answer.to_owned())))
        .kept()
        .execute(conn)?;
    Ok(())
}

/// Marks a request that still runs as begun at `at`.
pub fn leave(conn: &mut Conn, owner: &str, key: &str, at: i64) -> Result<(), StoreError> {
    let running = idempotency::table.find((owner, key)).filter(idempotency::status.eq(0));
    diesel::update(running).set(idempotency::created_at.eq(at)).execute(conn)?;
    Ok(())
}

/// Forgets a request that came to nothing, so that it may be tried again.
pub fn forget(conn: &mut Conn, owner: &str, key: &str) -> Result<(), StoreError> {
    diesel::delete(idempotency::table.find((owner, key)).filter(idempotency::status.eq(0))).execute(conn)?;
    Ok(())
}

/// Deletes what is older than `before`.
pub fn purge(conn: &mut Conn, before: i64) -> Result<(), StoreError> {
    diesel::delete(idempotency::table.filter(idempotency::created_at.lt(before))).execute(conn)?;
    Ok(())
}
