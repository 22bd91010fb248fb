//! Personal and service tokens, as rows.

use diesel::prelude::*;

use super::{Conn, StoreError, schema::tokens};

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
