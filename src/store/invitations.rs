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
    /// Who is invited, as the inviter wrote it.
    pub name: Option<String>,
    /// Where the link goes by mail.
    pub address: Option<String>,
    /// `none` (the link was shown), `waiting`, `sent` or `failed`.
    pub mail: String,
    /// The link's token under [`link_context`], while the mail waits.
    pub link_sealed: Option<Vec<u8>>,
    pub revoked_at: Option<i64>,
    /// Grows with every new link and every end.
    pub version: i64,
}

/// What binds a sealed token to its place.
pub fn link_context(id: &str) -> String {
    format!("invitations/{id}/link")
}

pub fn invitation_find(conn: &mut Conn, id: &str) -> Result<Option<InvitationRow>, StoreError> {
    Ok(invitations::table.find(id).select(InvitationRow::as_select()).first(conn).optional()?)
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
    let open = invitations::table.filter(invitations::id.eq(id)).filter(invitations::used_at.is_null()).filter(invitations::revoked_at.is_null());
    let n = diesel::update(open)
        .set((invitations::used_at.eq(now), invitations::used_by.eq(user_id), invitations::link_sealed.eq(None::<Vec<u8>>)))
        .execute(conn)?;
    Ok(n == 1)
}

/// Puts another link in the place of the one that `row` was read with; says whether it still was that one.
pub fn invitation_renew(conn: &mut Conn, row: &InvitationRow) -> Result<bool, StoreError> {
    let same = invitations::table.find(&row.id).filter(invitations::version.eq(row.version)).filter(invitations::used_at.is_null());
    let n = diesel::update(same)
        .set((
            invitations::token_hash.eq(&row.token_hash),
            invitations::expires_at.eq(row.expires_at),
            invitations::mail.eq(&row.mail),
            invitations::link_sealed.eq(&row.link_sealed),
            invitations::version.eq(row.version + 1),
        ))
        .execute(conn)?;
    Ok(n == 1)
}

/// Takes an invitation back, if nobody did anything to it since `version`.
pub fn invitation_revoke(conn: &mut Conn, id: &str, version: i64, now: i64) -> Result<bool, StoreError> {
    let same = invitations::table.find(id).filter(invitations::version.eq(version)).filter(invitations::used_at.is_null());
    let n = diesel::update(same)
        .set((invitations::revoked_at.eq(now), invitations::link_sealed.eq(None::<Vec<u8>>), invitations::version.eq(version + 1)))
        .execute(conn)?;
    Ok(n == 1)
}

/// What became of the mail of `version`: `sent` or `failed`; the sealed token goes. Says whether it still waited.
pub fn invitation_mailed(conn: &mut Conn, id: &str, version: i64, state: &str) -> Result<bool, StoreError> {
    let waiting = invitations::table.find(id).filter(invitations::version.eq(version)).filter(invitations::mail.eq("waiting"));
    let n = diesel::update(waiting).set((invitations::mail.eq(state), invitations::link_sealed.eq(None::<Vec<u8>>))).execute(conn)?;
    Ok(n == 1)
}

/// Makes every unused set-up link worthless.
pub fn invitation_cancel_setups(conn: &mut Conn, now: i64) -> Result<(), StoreError> {
    diesel::update(invitations::table.filter(invitations::kind.eq("setup")).filter(invitations::used_at.is_null()))
        .set(invitations::used_at.eq(now))
        .execute(conn)?;
    Ok(())
}

/// The newest invitations that nobody has taken up and nobody has taken back, expired ones too, at most `limit`.
pub fn invitation_list(conn: &mut Conn, limit: i64) -> Result<Vec<InvitationRow>, StoreError> {
    Ok(invitations::table
        .filter(invitations::kind.eq("invite"))
        .filter(invitations::used_at.is_null())
        .filter(invitations::revoked_at.is_null())
        .order(invitations::id.desc())
        .limit(limit)
        .select(InvitationRow::as_select())
        .load(conn)?)
}

/// How many invitations can be taken up at `now`.
pub fn invitation_count_open(conn: &mut Conn, now: i64) -> Result<i64, StoreError> {
    Ok(invitations::table
        .filter(invitations::kind.eq("invite"))
        .filter(invitations::used_at.is_null())
        .filter(invitations::revoked_at.is_null())
        .filter(invitations::expires_at.gt(now))
        .count()
        .get_result(conn)?)
}

/// The addresses that invitations which can be taken up at `now` were sent to.
pub fn addresses_open(conn: &mut Conn, now: i64) -> Result<Vec<String>, StoreError> {
    let open =
        invitations::table.filter(invitations::used_at.is_null()).filter(invitations::revoked_at.is_null()).filter(invitations::expires_at.gt(now));
    Ok(open.filter(invitations::address.is_not_null()).select(invitations::address.assume_not_null()).load(conn)?)
}
