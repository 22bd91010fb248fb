//! Lists of revoked certificates as they were fetched or imported, each once. Not here: what they say (`crypto::revocation`), who asks for them
//! (`app::revocation`).

use diesel::prelude::*;

use super::{Conn, StoreError, schema::revocation_lists};
use crate::{clock::Instant, words};

words! {
    /// How a list came here.
    pub enum Source {
        Fetched = "fetched",
        Imported = "imported",
    }
}

/// Lists of one authority that are looked at: some publish theirs in parts.
const PARTS: i64 = 16;

/// A row of `revocation_lists`, in the order of its columns.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = revocation_lists)]
pub struct RevocationListRow {
    /// SHA-256 of the list, hex.
    pub id: String,
    /// SHA-256 of the issuer's name, hex.
    pub issuer: String,
    pub begins: i64,
    pub ends: i64,
    /// A word of [`Source`].
    pub source: String,
    pub kept_at: i64,
    /// DER.
    pub list: Vec<u8>,
}

/// Whether a list is here.
pub fn has(conn: &mut Conn, id: &str) -> Result<bool, StoreError> {
    Ok(revocation_lists::table.find(id).count().get_result::<i64>(conn)? > 0)
}

/// Keeps a list; one that is here stays as it is.
pub fn put(conn: &mut Conn, row: RevocationListRow) -> Result<(), StoreError> {
    if !has(conn, &row.id)? {
        diesel::insert_into(revocation_lists::table).values(row).execute(conn)?;
    }
    Ok(())
}

/// Of one issuer: the newest lists that are good at `at`, and the newest of all.
pub fn of(conn: &mut Conn, issuer: &str, at: Instant) -> Result<Vec<RevocationListRow>, StoreError> {
    let by = || revocation_lists::table.filter(revocation_lists::issuer.eq(issuer.to_owned()));
    let newest = (revocation_lists::begins.desc(), revocation_lists::id.asc());
    let then = by().filter(revocation_lists::begins.le(at.0)).filter(revocation_lists::ends.ge(at.0));
    let mut found: Vec<RevocationListRow> = then.order(newest).limit(PARTS).load(conn)?;
    let last: Vec<RevocationListRow> = by().order(newest).limit(PARTS).load(conn)?;
    found.extend(last);
    found.sort_by(|a, b| (b.begins, &a.id).cmp(&(a.begins, &b.id)));
    found.dedup();
    Ok(found)
}
