//! How the key of a bucket ends: once everything that it sealed has lived its time, what a legal hold keeps of it is sealed anew under the
//! key of a held bucket, in small writes; then the key is overwritten, and what was purged cannot be read in any backup. A held bucket ends
//! when something of it was purged: what is still held moves on to the next.
//!
//! Not here: when a bucket is over (`domain::kept`), in which order this is done (`app::retention`).

use diesel::prelude::*;

use super::{
    Conn, Database, Store, StoreError, Tx, conn,
    part_keys::{self as keys, KeyState, Opener},
    purge::STEP,
    schema::{log_parts, part_keys},
    tx::{PartRow, part_context},
};
use crate::{
    crypto::{self, keyring::Keyring, seal::Key},
    domain::{event::Event, kept},
    on_each,
};

/// Buckets with a key, by name, and whether it is spent.
pub fn alive(conn: &mut Conn) -> Result<Vec<(String, bool)>, StoreError> {
    let rows: Vec<(String, String)> =
        part_keys::table.filter(part_keys::sealed.is_not_null()).order(part_keys::bucket).select((part_keys::bucket, part_keys::state)).load(conn)?;
    Ok(rows.into_iter().map(|(bucket, state)| (bucket, state == KeyState::Spent.as_str())).collect())
}

/// From now on nothing new is sealed with the keys of these buckets.
pub fn spend(conn: &mut Conn, buckets: &[String]) -> Result<(), StoreError> {
    diesel::update(part_keys::table.filter(part_keys::bucket.eq_any(buckets)).filter(part_keys::state.eq(KeyState::Living.as_str())))
        .set(part_keys::state.eq(KeyState::Spent.as_str()))
        .execute(conn)?;
    Ok(())
}

/// Held buckets of which a purge took something are spent; call it before the parts of these events go.
pub(super) fn touched(conn: &mut Conn, events: &[&str]) -> Result<(), StoreError> {
    let held = log_parts::bucket.like(format!("{}%", kept::HELD));
    let of: Vec<Option<String>> =
        log_parts::table.filter(log_parts::event_id.eq_any(events.to_vec())).filter(held).select(log_parts::bucket).distinct().load(conn)?;
    if of.is_empty() { Ok(()) } else { spend(conn, &of.into_iter().flatten().collect::<Vec<_>>()) }
}

/// The key of a part's row.
pub type PartId = (String, String);

/// The next parts after `after` that lie in `buckets`, by event id and name. Reads all parts on SQLite in its course: not for a write.
pub fn lying(conn: &mut Conn, buckets: &[String], after: &PartId) -> Result<Vec<PartId>, StoreError> {
    let beyond = log_parts::event_id.gt(after.0.clone()).or(log_parts::event_id.eq(after.0.clone()).and(log_parts::name.gt(after.1.clone())));
    let of = log_parts::table.filter(log_parts::bucket.assume_not_null().eq_any(buckets)).filter(log_parts::event_id.ge(after.0.clone()));
    Ok(of.filter(beyond).order((log_parts::event_id, log_parts::name)).select((log_parts::event_id, log_parts::name)).limit(STEP).load(conn)?)
}

/// Seals parts that lie in `buckets` anew under the key of a held one; how many. What was purged meanwhile is passed over.
pub fn rewrap(tx: &mut Tx<'_>, with: &Keyring, buckets: &[String], parts: &[PartId]) -> Result<usize, StoreError> {
    let events: Vec<&String> = parts.iter().map(|(event, _)| event).collect();
    let rows: Vec<PartRow> =
        log_parts::table.filter(log_parts::event_id.eq_any(events)).filter(log_parts::bucket.assume_not_null().eq_any(buckets)).load(tx.conn)?;
    if rows.is_empty() {
        return Ok(0);
    }
    let (bucket, key) = held(tx.conn, &with.wrapping_key())?;
    let mut opener = Opener::new(with);
    let mut moved = 0;
    for row in rows {
        // Without its key it cannot be sealed anew; nothing is lost that is not lost already.
        let Some((salt, value)) = opener.open(tx.conn, &row)? else { continue };
        let sealed = keys::seal(&key, &part_context(&row.event_id, &row.name), &salt, &value);
        moved += diesel::update(log_parts::table.find((row.event_id, row.name, row.month)))
            .set((log_parts::bucket.eq(Some(bucket.clone())), log_parts::sealed.eq(sealed)))
            .execute(tx.conn)?;
    }
    Ok(moved)
}

/// The held bucket that takes parts now, with its key.
fn held(conn: &mut Conn, wrapping: &Key) -> Result<(String, Key), StoreError> {
    let rows: Vec<(String, String, Option<Vec<u8>>)> = part_keys::table.filter(part_keys::bucket.like(format!("{}%", kept::HELD))).load(conn)?;
    let number = |bucket: &str| bucket.strip_prefix(kept::HELD).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
    let living = rows.iter().filter(|(_, state, _)| state == KeyState::Living.as_str()).max_by_key(|(bucket, ..)| number(bucket));
    if let Some((bucket, _, Some(sealed))) = living {
        let key = keys::unwrap(wrapping, bucket, sealed).ok_or_else(|| StoreError::Corrupt(format!("the key of {bucket} does not open")))?;
        return Ok((bucket.clone(), key));
    }
    let next = rows.iter().map(|(bucket, ..)| number(bucket)).max().unwrap_or(0) + 1;
    let bucket = format!("{}{next}", kept::HELD);
    let key = keys::make(conn, wrapping, &bucket)?;
    Ok((bucket, key))
}

/// Destroys the key of a spent bucket in which nothing lies any more; `event` tells of it. `false` if something does, or it has ended
/// already.
///
/// On SQLite the caller has read all parts since the key was spent ([`lying`]): nobody seals with it, and reading them again would keep
/// everybody waiting. PostgreSQL looks itself: a write that began before may have ended since.
pub fn destroy(tx: &mut Tx<'_>, bucket: &str, event: Event) -> Result<bool, StoreError> {
    let left = matches!(tx.conn, Conn::Postgres(_)) && {
        let mut of = log_parts::table.filter(log_parts::bucket.eq(bucket)).into_boxed();
        if let Some((month, _)) = kept::of_bucket(bucket) {
            of = of.filter(log_parts::month.eq(month));
        }
        of.select(log_parts::event_id).first::<String>(tx.conn).optional()?.is_some()
    };
    let spent = part_keys::table.find(bucket).filter(part_keys::state.eq(KeyState::Spent.as_str()));
    if left {
        return Ok(false);
    }
    // Written over where it lies, then taken away.
    let nothing: [u8; 72] = crypto::random();
    if diesel::update(spent).set(part_keys::sealed.eq(Some(nothing.to_vec()))).execute(tx.conn)? != 1 {
        return Ok(false);
    }
    diesel::update(part_keys::table.find(bucket))
        .set((part_keys::state.eq(KeyState::Destroyed.as_str()), part_keys::sealed.eq(None::<Vec<u8>>)))
        .execute(tx.conn)?;
    tx.append(event)?;
    Ok(true)
}

impl Store {
    /// Leaves nothing of destroyed keys in the database's files: SQLite's write-ahead file is emptied, PostgreSQL writes the small table
    /// anew. For threads that may block.
    ///
    /// # Errors
    /// [`StoreError`] if somebody is in the way for long; the next run tries again.
    pub fn scrub_keys(&self) -> Result<(), StoreError> {
        let mut conn = conn::open(self.database(), conn::Purpose::Write)?;
        let sql = match self.database() {
            Database::Sqlite(_) => "PRAGMA wal_checkpoint(TRUNCATE)",
            Database::Postgres(_) => "VACUUM (FULL) part_keys",
        };
        on_each!(&mut conn, c => diesel::sql_query(sql).execute(c))?;
        Ok(())
    }
}
