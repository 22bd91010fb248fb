//! Evidence bundles that were made, and what collecting one needs from several tables. Not here: what a bundle holds (`crate::evidence`).

use diesel::prelude::*;

use super::{
    Conn, StoreError,
    page::{self, Turn},
    reader::{self, StoredEvent},
    schema::{bundles, counters, log_checkpoints, log_events, recalls},
};

/// A row of `bundles`, in the order of its columns.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = bundles, treat_none_as_default_value = false)]
pub struct BundleRow {
    pub id: String,
    /// `EVID-20261122-000123`.
    pub number: String,
    pub recall_id: String,
    pub log_size: i64,
    /// Below the data folder, slash-separated.
    pub path: String,
    pub sha256: Vec<u8>,
    /// Bytes.
    pub size: i64,
    pub sealed_at: i64,
    /// When retention erased its file.
    pub erased_at: Option<i64>,
}

pub fn insert(conn: &mut Conn, row: BundleRow) -> Result<(), StoreError> {
    diesel::insert_into(bundles::table).values(row).execute(conn)?;
    Ok(())
}

/// Every bundle that is still there, in the order in which they were made.
pub fn all(conn: &mut Conn) -> Result<Vec<BundleRow>, StoreError> {
    Ok(bundles::table.filter(bundles::erased_at.is_null()).order(bundles::id).load(conn)?)
}

/// A bundle by its number.
pub fn find(conn: &mut Conn, number: &str) -> Result<Option<BundleRow>, StoreError> {
    Ok(bundles::table.filter(bundles::number.eq(number)).first(conn).optional()?)
}

/// A bundle by its id.
pub fn by_id(conn: &mut Conn, id: &str) -> Result<Option<BundleRow>, StoreError> {
    Ok(bundles::table.find(id).first(conn).optional()?)
}

/// The bundles of a case, newest first.
pub fn of_recall(conn: &mut Conn, recall: &str) -> Result<Vec<BundleRow>, StoreError> {
    Ok(bundles::table.filter(bundles::recall_id.eq(recall)).order((bundles::sealed_at.desc(), bundles::id.desc())).load(conn)?)
}

/// Bundles with their case's number, newest first, at most `limit`. Ids are UUIDv7 and sort by time.
pub fn page(conn: &mut Conn, turn: &Turn, limit: i64) -> Result<Vec<(BundleRow, String)>, StoreError> {
    let mut query = bundles::table.inner_join(recalls::table.on(recalls::id.eq(bundles::recall_id))).into_boxed();
    query = match turn {
        Turn::First => query.order(bundles::id.desc()),
        Turn::Down(key) => query.filter(bundles::id.lt(key.clone())).order(bundles::id.desc()),
        Turn::Up(key) => query.filter(bundles::id.gt(key.clone())).order(bundles::id.asc()),
    };
    Ok(page::in_order(turn, query.limit(limit).select((bundles::all_columns, recalls::number)).load(conn)?))
}

/// The value of a counter, if it was ever set.
pub fn counter(conn: &mut Conn, name: &str) -> Result<Option<i64>, StoreError> {
    Ok(counters::table.find(name).select(counters::value).first(conn).optional()?)
}

/// Sets a counter that was never set.
pub fn counter_start(conn: &mut Conn, name: &str, value: i64) -> Result<(), StoreError> {
    diesel::insert_into(counters::table).values((counters::name.eq(name), counters::value.eq(value))).execute(conn)?;
    Ok(())
}

/// The signed checkpoint over the fewest events that are at least `size`.
pub fn checkpoint_over(conn: &mut Conn, size: u64) -> Result<Option<String>, StoreError> {
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    Ok(log_checkpoints::table
        .filter(log_checkpoints::size.ge(size))
        .order((log_checkpoints::size.asc(), log_checkpoints::seq.asc()))
        .select(log_checkpoints::note)
        .first(conn)
        .optional()?)
}

/// Events by their ids, in index order, below `size`.
pub fn events_by_ids(conn: &mut Conn, ids: &[String], size: u64) -> Result<Vec<StoredEvent>, StoreError> {
    let below = i64::try_from(size).unwrap_or(i64::MAX);
    let mut found = Vec::new();
    for chunk in ids.chunks(500) {
        let indices: Vec<i64> = log_events::table
            .filter(log_events::event_id.eq_any(chunk.to_vec()))
            .filter(log_events::idx.lt(below))
            .select(log_events::idx)
            .load(conn)?;
        for index in indices {
            found.push(reader::event(conn, u64::try_from(index).unwrap_or(0))?);
        }
    }
    found.sort_by_key(|e| e.index);
    Ok(found)
}

/// Ids and numbers of cases.
pub fn case_numbers(conn: &mut Conn, ids: Vec<String>) -> Result<std::collections::BTreeMap<String, String>, StoreError> {
    let rows: Vec<(String, String)> = recalls::table.filter(recalls::id.eq_any(ids)).select((recalls::id, recalls::number)).load(conn)?;
    Ok(rows.into_iter().collect())
}
