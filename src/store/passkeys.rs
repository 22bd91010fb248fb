//! Passkeys and recovery codes, as rows. Not here: what an authenticator's answer is worth (`crypto::webauthn`).

use diesel::prelude::*;

use super::{
    Conn, StoreError,
    schema::{passkeys, recovery_codes},
};

/// A row of `passkeys`, in the order of its columns.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = passkeys)]
pub struct PasskeyRow {
    pub id: String,
    pub user_id: String,
    /// What its owner calls it.
    pub name: String,
    pub credential_id: Vec<u8>,
    /// DER of the SubjectPublicKeyInfo.
    pub public_key: Vec<u8>,
    /// How often it signed, as it says itself; zero for those that do not count.
    pub counter: i64,
    /// Whether it can be copied to other devices.
    pub synced: i64,
    /// When the newest question was asked that it has answered; an older one is answered no more.
    pub spent_at: i64,
    pub created_at: i64,
    pub used_at: Option<i64>,
}

pub fn insert(conn: &mut Conn, row: PasskeyRow) -> Result<(), StoreError> {
    diesel::insert_into(passkeys::table).values(row).execute(conn)?;
    Ok(())
}

/// The passkeys of somebody, the oldest first.
pub fn of_user(conn: &mut Conn, user: &str) -> Result<Vec<PasskeyRow>, StoreError> {
    Ok(passkeys::table.filter(passkeys::user_id.eq(user)).order(passkeys::id.asc()).load(conn)?)
}

pub fn by_credential(conn: &mut Conn, credential: &[u8]) -> Result<Option<PasskeyRow>, StoreError> {
    Ok(passkeys::table.filter(passkeys::credential_id.eq(credential)).first(conn).optional()?)
}

/// Notes a use, if nothing newer was answered meanwhile; says whether it did.
pub fn spend(conn: &mut Conn, id: &str, counter: i64, synced: bool, asked_at: i64, now: i64) -> Result<bool, StoreError> {
    let unspent = passkeys::table.filter(passkeys::id.eq(id)).filter(passkeys::spent_at.lt(asked_at));
    let n = diesel::update(unspent)
        .set((passkeys::counter.eq(counter), passkeys::synced.eq(i64::from(synced)), passkeys::spent_at.eq(asked_at), passkeys::used_at.eq(now)))
        .execute(conn)?;
    Ok(n == 1)
}

pub fn delete(conn: &mut Conn, id: &str) -> Result<(), StoreError> {
    diesel::delete(passkeys::table.find(id)).execute(conn)?;
    Ok(())
}

/// Takes all passkeys and recovery codes of somebody away; says how many passkeys there were.
pub fn delete_all(conn: &mut Conn, user: &str) -> Result<usize, StoreError> {
    diesel::delete(recovery_codes::table.filter(recovery_codes::user_id.eq(user))).execute(conn)?;
    Ok(diesel::delete(passkeys::table.filter(passkeys::user_id.eq(user))).execute(conn)?)
}

/// Puts fresh recovery codes in the place of those before.
pub fn codes_replace(conn: &mut Conn, user: &str, hashes: &[Vec<u8>], now: i64) -> Result<(), StoreError> {
    diesel::delete(recovery_codes::table.filter(recovery_codes::user_id.eq(user))).execute(conn)?;
    for hash in hashes {
        let row = (recovery_codes::user_id.eq(user), recovery_codes::code_hash.eq(hash), recovery_codes::created_at.eq(now));
        diesel::insert_into(recovery_codes::table).values(row).execute(conn)?;
    }
    Ok(())
}

/// How many recovery codes are left to somebody.
pub fn codes_left(conn: &mut Conn, user: &str) -> Result<i64, StoreError> {
    Ok(recovery_codes::table.filter(recovery_codes::user_id.eq(user)).filter(recovery_codes::used_at.is_null()).count().get_result(conn)?)
}

/// Spends a recovery code; says whether it was there and unused.
pub fn code_spend(conn: &mut Conn, user: &str, hash: &[u8], now: i64) -> Result<bool, StoreError> {
    let unused = recovery_codes::table
        .filter(recovery_codes::user_id.eq(user))
        .filter(recovery_codes::code_hash.eq(hash))
        .filter(recovery_codes::used_at.is_null());
    Ok(diesel::update(unused).set(recovery_codes::used_at.eq(now)).execute(conn)? == 1)
}

/// Everybody who has a passkey.
pub fn holders(conn: &mut Conn) -> Result<std::collections::BTreeSet<String>, StoreError> {
    let all: Vec<String> = passkeys::table.select(passkeys::user_id).distinct().load(conn)?;
    Ok(all.into_iter().collect())
}
