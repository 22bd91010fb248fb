//! Set-up links and invitations, as rows.

use diesel::prelude::*;

use super::{Conn, StoreError, schema::invitations};

/// One link. Its token is kept only as its hash.
#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = invitations)]
pub struct InvitationRow {
    pub id: String,
    pub token_hash: Vec<u8>,
    /// `setup` or `invite`.
    pub kind: String,
    /// Role words separated by spaces.
    pub roles: String,
    pub department_id: Option<String>,
    pub created_by: Option<String>,
    pub created_at: i64,
    pub expires_at: i64,
    pub used_at: Option<i64>,
    pub used_by: Option<String>,
}

pub fn invitation_by_hash(conn: &mut Conn, token_hash: &[u8]) -> Result<Option<InvitationRow>, StoreError> {
    Ok(invitations::table.filter(invitations::token_hash.eq(token_hash)).select(InvitationRow::as_select()).first(conn).optional()?)
}

pub fn invitation_insert(conn: &mut Conn, row: &InvitationRow) -> Result<(), StoreError> {
    diesel::insert_into(invitations::table).values(row.clone()).execute(conn)?;
    Ok(())
}

/// Uses a link up; says whether it was still unused.
pub fn invitation_use(conn: &mut Conn, id: &str, user_id: &str, now: i64) -> Result<bool, StoreError> {
    let n = diesel::update(invitations::table.filter(invitations::id.eq(id)).filter(invitations::used_at.is_null()))
        .set((invitations::used_at.eq(now), invitations::used_by.eq(user_id)))
        .execute(conn)?;
    Ok(n == 1)
}

/// Makes every unused set-up link worthless.
pub fn invitation_cancel_setups(conn: &mut Conn, now: i64) -> Result<(), StoreError> {
    diesel::update(invitations::table.filter(invitations::kind.eq("setup")).filter(invitations::used_at.is_null()))
        .set(invitations::used_at.eq(now))
        .execute(conn)?;
    Ok(())
}

/// Invitations that are still open at `now`.
pub fn invitation_list_open(conn: &mut Conn, now: i64) -> Result<Vec<InvitationRow>, StoreError> {
    Ok(invitations::table
        .filter(invitations::kind.eq("invite"))
        .filter(invitations::used_at.is_null())
        .filter(invitations::expires_at.gt(now))
        .order(invitations::id.desc())
        .select(InvitationRow::as_select())
        .load(conn)?)
}
