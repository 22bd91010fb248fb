//! What timestamp authorities said: one row for each thing and authority, with the question, the answer and the certificates of that
//! time. Kept as long as bundles are. Not here: what an answer means (`crypto::timestamp`), who is asked (`app::timestamps`).

use diesel::prelude::*;

use super::{
    Conn, StoreError,
    schema::{bundles, timestamps},
};
use crate::clock::Instant;

/// What was stamped.
pub const CHECKPOINT: &str = "checkpoint";
pub const BUNDLE: &str = "bundle";
/// A list of the hashes of older tokens and of what they are over.
pub const RENEWAL: &str = "renewal";
/// How it ended so far.
pub const OBTAINED: &str = "obtained";
pub const REFUSED: &str = "refused";

/// A row of `timestamps`, in the order of its columns.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = timestamps, treat_none_as_default_value = false)]
pub struct TimestampRow {
    pub id: String,
    /// Name in the settings.
    pub authority: String,
    /// `checkpoint`, `bundle` or `renewal`.
    pub subject: String,
    pub bundle_id: Option<String>,
    /// Of the checkpoint; of the bundle's log; of the log when it was renewed.
    pub log_size: i64,
    /// The very bytes: a checkpoint's text, a bundle's signature, a renewal's list.
    pub stamped: Vec<u8>,
    /// `obtained` or `refused`.
    pub state: String,
    /// The question of the answer that was obtained, or the last one asked.
    pub query: Vec<u8>,
    /// Only one that holds is kept.
    pub answer: Option<Vec<u8>>,
    /// From the signer's certificate to the root, PEM.
    pub chain: Option<String>,
    /// The token's own time.
    pub stamped_at: Option<i64>,
    /// Why not, so far: a word of `crypto::timestamp::Refusal`, or `unreachable`.
    pub refusal: Option<String>,
    /// How often it was asked for.
    pub attempts: i64,
    pub asked_at: i64,
    /// When the first certificate of the chain runs out; `None` for what an older version obtained, until [`complete`].
    pub valid_until: Option<i64>,
    /// The renewal that covers it.
    pub renewed_by: Option<String>,
    /// What was known of its certificates when it was taken: `good`, or a word of `evidence::revocation::Why`. `None` while there is no
    /// token, and for what an older version obtained.
    pub revocation: Option<String>,
}

/// Whether this token was obtained.
pub fn is_obtained(conn: &mut Conn, id: &str) -> Result<bool, StoreError> {
    let state: Option<String> = timestamps::table.find(id).select(timestamps::state).first(conn).optional()?;
    Ok(state.as_deref() == Some(OBTAINED))
}

/// Puts a row in the place of what is there under its id.
pub fn put(conn: &mut Conn, row: TimestampRow) -> Result<(), StoreError> {
    diesel::delete(timestamps::table.find(&row.id)).execute(conn)?;
    diesel::insert_into(timestamps::table).values(row).execute(conn)?;
    Ok(())
}

/// The checkpoint that an authority still owes a token for: at most one, since only the newest is asked for.
pub fn owed(conn: &mut Conn, authority: &str) -> Result<Option<TimestampRow>, StoreError> {
    let of = timestamps::table.filter(timestamps::authority.eq(authority)).filter(timestamps::subject.eq(CHECKPOINT));
    Ok(of.filter(timestamps::state.eq(REFUSED)).first(conn).optional()?)
}

/// The newest checkpoint that an authority has stamped.
pub fn newest(conn: &mut Conn, authority: &str) -> Result<Option<TimestampRow>, StoreError> {
    let of = timestamps::table.filter(timestamps::authority.eq(authority)).filter(timestamps::subject.eq(CHECKPOINT));
    Ok(of.filter(timestamps::state.eq(OBTAINED)).order((timestamps::log_size.desc(), timestamps::id.desc())).first(conn).optional()?)
}

/// What authorities said of a bundle, in the order of their names.
pub fn of_bundle(conn: &mut Conn, bundle: &str) -> Result<Vec<TimestampRow>, StoreError> {
    Ok(timestamps::table.filter(timestamps::bundle_id.eq(bundle)).order(timestamps::authority.asc()).load(conn)?)
}

/// Stamped checkpoints of the log `origin` around `size`: by each authority the newest at or before it and the first at or after it; in order of
/// size. Those of a log from which this one was renewed are of another origin.
pub fn around(conn: &mut Conn, origin: &str, size: u64) -> Result<Vec<TimestampRow>, StoreError> {
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    // A checkpoint's text begins with the line of its origin; both databases compare bytes in their order.
    let (from, to) = (format!("{origin}\n").into_bytes(), format!("{origin}\x0b").into_bytes());
    let of_log = || timestamps::table.filter(timestamps::stamped.ge(from.clone())).filter(timestamps::stamped.lt(to.clone()));
    let obtained = || of_log().filter(timestamps::subject.eq(CHECKPOINT)).filter(timestamps::state.eq(OBTAINED));
    let authorities: Vec<String> = obtained().select(timestamps::authority).distinct().order(timestamps::authority.asc()).load(conn)?;
    let mut found: Vec<TimestampRow> = Vec::new();
    for authority in authorities {
        let of = || obtained().filter(timestamps::authority.eq(authority.clone()));
        let before = of().filter(timestamps::log_size.le(size)).order((timestamps::log_size.desc(), timestamps::id.asc()));
        let after = of().filter(timestamps::log_size.ge(size)).order((timestamps::log_size.asc(), timestamps::id.asc()));
        found.extend(before.first(conn).optional()?);
        found.extend(after.first(conn).optional()?);
    }
    found.sort_by(|a, b| (a.log_size, &a.authority, &a.id).cmp(&(b.log_size, &b.authority, &b.id)));
    found.dedup_by(|a, b| a.id == b.id);
    Ok(found)
}

/// How many things wait for a token that was refused so far.
pub fn waiting(conn: &mut Conn) -> Result<i64, StoreError> {
    Ok(timestamps::table.filter(timestamps::state.eq(REFUSED)).count().get_result(conn)?)
}

/// Tokens of which it is not written when they run out, with their chains; the first so many.
pub fn incomplete(conn: &mut Conn, limit: i64) -> Result<Vec<(String, Option<String>)>, StoreError> {
    let of = timestamps::table.filter(timestamps::state.eq(OBTAINED)).filter(timestamps::valid_until.is_null());
    Ok(of.order(timestamps::id.asc()).select((timestamps::id, timestamps::chain)).limit(limit).load(conn)?)
}

/// Writes when a token runs out.
pub fn complete(conn: &mut Conn, id: &str, until: i64) -> Result<(), StoreError> {
    diesel::update(timestamps::table.find(id)).set(timestamps::valid_until.eq(until)).execute(conn)?;
    Ok(())
}

/// Not over a bundle whose file retention has erased: there is nothing left that its token could prove.
#[diesel::dsl::auto_type(no_type_alias)]
fn wanted() -> _ {
    let erased = bundles::table.filter(bundles::erased_at.is_not_null()).select(bundles::id);
    timestamps::bundle_id.is_null().or(timestamps::bundle_id.assume_not_null().ne_all(erased))
}

/// Tokens that nothing renews yet and that run out after `now` and not after `until`, the first ones first.
pub fn ending(conn: &mut Conn, now: Instant, until: Instant, limit: i64) -> Result<Vec<TimestampRow>, StoreError> {
    let of = timestamps::table.filter(timestamps::state.eq(OBTAINED)).filter(timestamps::renewed_by.is_null()).filter(wanted());
    let of = of.filter(timestamps::valid_until.gt(now.0)).filter(timestamps::valid_until.le(until.0));
    Ok(of.order((timestamps::valid_until.asc(), timestamps::id.asc())).limit(limit).load(conn)?)
}

/// Notes which renewal covers these tokens.
pub fn renewed(conn: &mut Conn, ids: &[String], by: &str) -> Result<(), StoreError> {
    let of = timestamps::table.filter(timestamps::id.eq_any(ids)).filter(timestamps::renewed_by.is_null());
    diesel::update(of).set(timestamps::renewed_by.eq(by)).execute(conn)?;
    Ok(())
}

/// The renewal that no authority has granted so far.
pub fn owed_renewal(conn: &mut Conn) -> Result<Option<TimestampRow>, StoreError> {
    let of = timestamps::table.filter(timestamps::subject.eq(RENEWAL)).filter(timestamps::state.eq(REFUSED));
    Ok(of.order(timestamps::id.asc()).first(conn).optional()?)
}

/// Nobody owes a renewal any more.
pub fn forgive(conn: &mut Conn) -> Result<(), StoreError> {
    let of = timestamps::table.filter(timestamps::subject.eq(RENEWAL)).filter(timestamps::state.eq(REFUSED));
    diesel::delete(of).execute(conn)?;
    Ok(())
}

/// Tokens that ran out after `since` and not after `now`, before anybody renewed them: how many, the first one's id, the last one's end.
pub fn run_out(conn: &mut Conn, since: i64, now: Instant) -> Result<Option<(i64, String, i64)>, StoreError> {
    let of = || {
        let open = timestamps::table.filter(timestamps::state.eq(OBTAINED)).filter(timestamps::renewed_by.is_null());
        open.filter(timestamps::valid_until.gt(since)).filter(timestamps::valid_until.le(now.0))
    };
    let first: Option<String> = of().order((timestamps::valid_until.asc(), timestamps::id.asc())).select(timestamps::id).first(conn).optional()?;
    let Some(first) = first else { return Ok(None) };
    let last: Option<i64> = of().select(diesel::dsl::max(timestamps::valid_until)).first(conn)?;
    Ok(Some((of().count().get_result(conn)?, first, last.unwrap_or(since))))
}

/// Stamped checkpoints over so many events.
pub fn over(conn: &mut Conn, sizes: &[i64]) -> Result<Vec<TimestampRow>, StoreError> {
    let of = timestamps::table.filter(timestamps::subject.eq(CHECKPOINT)).filter(timestamps::state.eq(OBTAINED));
    Ok(of.filter(timestamps::log_size.eq_any(sizes)).order(timestamps::id.asc()).load(conn)?)
}

/// The renewals that cover tokens, and those that cover these renewals in turn; the oldest first.
pub fn renewals_of(conn: &mut Conn, tokens: &[TimestampRow]) -> Result<Vec<TimestampRow>, StoreError> {
    let mut found: Vec<TimestampRow> = Vec::new();
    let mut next: Vec<String> = tokens.iter().filter_map(|row| row.renewed_by.clone()).collect();
    while !next.is_empty() {
        next.retain(|id| !found.iter().any(|row| row.id == *id));
        let rows: Vec<TimestampRow> = timestamps::table.filter(timestamps::id.eq_any(&next)).load(conn)?;
        next = rows.iter().filter_map(|row| row.renewed_by.clone()).collect();
        found.extend(rows);
    }
    found.sort_by(|a, b| (a.stamped_at, &a.id).cmp(&(b.stamped_at, &b.id)));
    Ok(found)
}

/// How long tokens last that nothing renews: the first end to come, and how many have run out.
pub fn standing(conn: &mut Conn, now: Instant) -> Result<(Option<i64>, i64), StoreError> {
    let of = || timestamps::table.filter(timestamps::state.eq(OBTAINED)).filter(timestamps::renewed_by.is_null()).filter(wanted());
    let first = of().filter(timestamps::valid_until.gt(now.0)).select(diesel::dsl::min(timestamps::valid_until)).first(conn)?;
    Ok((first, of().filter(timestamps::valid_until.le(now.0)).count().get_result(conn)?))
}
