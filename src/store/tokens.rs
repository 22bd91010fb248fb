//! Personal and service tokens, as rows.

use diesel::prelude::*;

use super::{
    Conn, StoreError,
    kept::Keep,
    page::{self, Turn},
    schema::{tokens, users},
};

/// One token. Its value is kept only as its hash.
#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = tokens)]
pub struct TokenRow {
    pub id: String,
    pub name: String,
    pub token_hash: Vec<u8>,
    /// The person it acts as; absent for a service token.
    pub user_id: Option<String>,
    /// Permission words separated by spaces.
    pub scopes: String,
    pub created_at: i64,
    pub expires_at: Option<i64>,
    pub revoked_at: Option<i64>,
    /// To about five minutes.
    pub last_used_at: Option<i64>,
}

pub fn token_by_hash(conn: &mut Conn, token_hash: &[u8]) -> Result<Option<TokenRow>, StoreError> {
    Ok(tokens::table.filter(tokens::token_hash.eq(token_hash)).select(TokenRow::as_select()).first(conn).optional()?)
}

pub fn token_find(conn: &mut Conn, id: &str) -> Result<Option<TokenRow>, StoreError> {
    Ok(tokens::table.find(id).select(TokenRow::as_select()).first(conn).optional()?)
}

/// The tokens of a person, or with `None` the service tokens; the newest first.
pub fn token_list(conn: &mut Conn, user_id: Option<&str>) -> Result<Vec<TokenRow>, StoreError> {
    let query = tokens::table.order(tokens::id.desc()).select(TokenRow::as_select());
    Ok(match user_id {
        Some(user) => query.filter(tokens::user_id.eq(user)).load(conn)?,
        None => query.filter(tokens::user_id.is_null()).load(conn)?,
    })
}

/// Everybody's tokens that are not revoked, with the owner's id and name where there is one; the newest first, at most `limit`.
pub fn token_page(conn: &mut Conn, turn: &Turn, limit: i64) -> Result<Vec<(TokenRow, Option<String>)>, StoreError> {
    let mut query =
        tokens::table.left_join(users::table.on(tokens::user_id.eq(users::id.nullable()))).filter(tokens::revoked_at.is_null()).into_boxed();
    query = match turn {
        Turn::First => query.order(tokens::id.desc()),
        Turn::Down(key) => query.filter(tokens::id.lt(key.clone())).order(tokens::id.desc()),
        Turn::Up(key) => query.filter(tokens::id.gt(key.clone())).order(tokens::id.asc()),
    };
    Ok(page::in_order(turn, query.limit(limit).select((TokenRow::as_select(), users::display_name.nullable())).load(conn)?))
}

/// Notes that a token was used, unless a later use has been.
pub fn token_touch(conn: &mut Conn, id: &str, now: i64) -> Result<(), StoreError> {
    let earlier = tokens::last_used_at.is_null().or(tokens::last_used_at.lt(now));
    diesel::update(tokens::table.filter(tokens::id.eq(id)).filter(earlier)).set(tokens::last_used_at.eq(now)).kept().execute(conn)?;
    Ok(())
}

pub fn token_insert(conn: &mut Conn, row: &TokenRow) -> Result<(), StoreError> {
    diesel::insert_into(tokens::table).values(row.clone()).execute(conn)?;
    Ok(())
}

/// Revokes a token; says whether it was still valid.
pub fn token_revoke(conn: &mut Conn, id: &str, now: i64) -> Result<bool, StoreError> {
    let n =
        diesel::update(tokens::table.filter(tokens::id.eq(id)).filter(tokens::revoked_at.is_null())).set(tokens::revoked_at.eq(now)).execute(conn)?;
    Ok(n == 1)
}
