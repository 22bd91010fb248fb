//! Signed-in browsers and the devices that a person has used, as rows.

use diesel::prelude::*;

use super::{
    Conn, StoreError,
    kept::Keep,
    page::{self, Turn},
    schema::{devices, sessions, users},
};

/// One session. The cookie's value is kept only as its hash.
#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = sessions)]
pub struct SessionRow {
    pub id: String,
    pub token_hash: Vec<u8>,
    pub user_id: String,
    pub csrf: String,
    /// `domain::account::SessionState`.
    pub state: String,
    pub device_id: Option<String>,
    pub client_ip: Option<String>,
    pub user_agent: Option<String>,
    /// A message for the next page.
    pub flash: Option<String>,
    pub created_at: i64,
    pub seen_at: i64,
    pub expires_at: i64,
    pub closed_at: Option<i64>,
}

/// A device that a person has signed in with.
#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = devices)]
pub struct DeviceRow {
    pub id: String,
    pub user_id: String,
    pub fingerprint: Option<String>,
    /// The components as last sent, sealed under [`components_context`].
    pub components_sealed: Option<Vec<u8>>,
    pub first_seen_at: i64,
    pub last_seen_at: i64,
}

/// What binds sealed components to their row.
pub fn components_context(device_id: &str, user_id: &str) -> String {
    format!("devices/{device_id}/{user_id}/components_sealed")
}

pub fn session_by_hash(conn: &mut Conn, token_hash: &[u8]) -> Result<Option<SessionRow>, StoreError> {
    Ok(sessions::table.filter(sessions::token_hash.eq(token_hash)).select(SessionRow::as_select()).first(conn).optional()?)
}

pub fn session_find(conn: &mut Conn, id: &str) -> Result<Option<SessionRow>, StoreError> {
    Ok(sessions::table.find(id).select(SessionRow::as_select()).first(conn).optional()?)
}

pub fn session_insert(conn: &mut Conn, row: &SessionRow) -> Result<(), StoreError> {
    diesel::insert_into(sessions::table).values(row.clone()).execute(conn)?;
    Ok(())
}

/// Turns a pending session into an open one under a fresh cookie, so that a cookie seen before sign-in is worth nothing after it.
/// Says whether the session was still pending.
pub fn session_open(conn: &mut Conn, pending: &SessionRow, token_hash: &[u8], csrf: &str, now: i64, expires_at: i64) -> Result<bool, StoreError> {
    let n = diesel::update(sessions::table.filter(sessions::id.eq(&pending.id)).filter(sessions::state.eq(&pending.state)))
        .set((
            sessions::state.eq("open"),
            sessions::token_hash.eq(token_hash),
            sessions::csrf.eq(csrf),
            sessions::seen_at.eq(now),
            sessions::expires_at.eq(expires_at),
        ))
        .execute(conn)?;
    Ok(n == 1)
}

pub fn session_touch(conn: &mut Conn, id: &str, now: i64) -> Result<(), StoreError> {
    diesel::update(sessions::table.filter(sessions::id.eq(id)).filter(sessions::seen_at.lt(now)))
        .set(sessions::seen_at.eq(now))
        .kept()
        .execute(conn)?;
    Ok(())
}

pub fn session_flash_set(conn: &mut Conn, id: &str, flash: Option<&str>) -> Result<(), StoreError> {
    diesel::update(sessions::table.find(id)).set(sessions::flash.eq(flash)).kept().execute(conn)?;
    Ok(())
}

/// Ends a session; says whether it was still running.
pub fn session_close(conn: &mut Conn, id: &str, now: i64) -> Result<bool, StoreError> {
    let n = diesel::update(sessions::table.filter(sessions::id.eq(id)).filter(sessions::state.ne("closed")))
        .set((sessions::state.eq("closed"), sessions::closed_at.eq(now)))
        .execute(conn)?;
    Ok(n == 1)
}

/// Ends all sessions of a person but `keep`; returns how many.
pub fn session_close_all(conn: &mut Conn, user_id: &str, keep: Option<&str>, now: i64) -> Result<usize, StoreError> {
    Ok(diesel::update(
        sessions::table.filter(sessions::user_id.eq(user_id)).filter(sessions::state.ne("closed")).filter(sessions::id.ne(keep.unwrap_or(""))),
    )
    .set((sessions::state.eq("closed"), sessions::closed_at.eq(now)))
    .execute(conn)?)
}

/// Open sessions of a person that have not run out by `now`, the last used first.
pub fn session_list(conn: &mut Conn, user_id: &str, now: i64) -> Result<Vec<SessionRow>, StoreError> {
    Ok(sessions::table
        .filter(sessions::user_id.eq(user_id))
        .filter(sessions::state.eq("open"))
        .filter(sessions::expires_at.gt(now))
        .order(sessions::seen_at.desc())
        .select(SessionRow::as_select())
        .load(conn)?)
}

/// Open sessions that run at `now` and were used after `idle`, the newest first, with the person's name and username; of one person if
/// `user_id` says so; at most `limit`.
pub fn session_page(
    conn: &mut Conn,
    user_id: Option<&str>,
    now: i64,
    idle: i64,
    turn: &Turn,
    limit: i64,
) -> Result<Vec<(SessionRow, String, String)>, StoreError> {
    let running = sessions::state.eq("open").and(sessions::expires_at.gt(now)).and(sessions::seen_at.gt(idle));
    let mut query = sessions::table.inner_join(users::table).filter(running).into_boxed();
    if let Some(user) = user_id {
        query = query.filter(sessions::user_id.eq(user.to_owned()));
    }
    query = match turn {
        Turn::First => query.order(sessions::id.desc()),
        Turn::Down(key) => query.filter(sessions::id.lt(key.clone())).order(sessions::id.desc()),
        Turn::Up(key) => query.filter(sessions::id.gt(key.clone())).order(sessions::id.asc()),
    };
    Ok(page::in_order(turn, query.limit(limit).select((SessionRow::as_select(), users::display_name, users::username)).load(conn)?))
}

pub fn device_find(conn: &mut Conn, device_id: &str, user_id: &str) -> Result<Option<DeviceRow>, StoreError> {
    Ok(devices::table.find((device_id, user_id)).select(DeviceRow::as_select()).first(conn).optional()?)
}

/// Remembers that a person used a device; traits are replaced only where there are new ones.
pub fn device_seen(conn: &mut Conn, row: DeviceRow) -> Result<(), StoreError> {
    match device_find(conn, &row.id, &row.user_id)? {
        None => {
            diesel::insert_into(devices::table).values(row).execute(conn)?;
        }
        Some(old) => {
            let (fingerprint, components) =
                if row.fingerprint.is_some() { (row.fingerprint, row.components_sealed) } else { (old.fingerprint, old.components_sealed) };
            diesel::update(devices::table.find((row.id, row.user_id)))
                .set((
                    devices::fingerprint.eq(fingerprint),
                    devices::components_sealed.eq(components),
                    devices::last_seen_at.eq(row.last_seen_at.max(old.last_seen_at)),
                ))
                .execute(conn)?;
        }
    }
    Ok(())
}
