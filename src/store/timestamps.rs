//! What timestamp authorities said: one row for each thing and authority, with the question, the answer and the certificates of that
//! time. Kept as long as bundles are. Not here: what an answer means (`crypto::timestamp`), who is asked (`app::timestamps`).

use diesel::prelude::*;

use super::{Conn, StoreError, schema::timestamps};

/// What was stamped.
pub const CHECKPOINT: &str = "checkpoint";
pub const BUNDLE: &str = "bundle";
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
    /// `checkpoint` or `bundle`.
    pub subject: String,
    pub bundle_id: Option<String>,
    /// Of the checkpoint; of the bundle's log.
    pub log_size: i64,
    /// The very bytes: a checkpoint's text, a bundle's signature.
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
