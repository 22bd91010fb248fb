//! Rows that belong to no event: parts, projections, tiles that are too many or too long.

use std::collections::BTreeMap;

use diesel::{
    dsl::{not, sql},
    prelude::*,
    sql_types::{BigInt, Nullable},
};

use super::{Audit, Kind, check::NAMED, readable};
use crate::{
    ledger::tile,
    store::{
        Conn, StoreError,
        schema::{log_events, log_parts, log_pending, log_search, log_tiles},
    },
};

/// `end` is the index after the last event, `found` how many events there are, `parts` how many parts were found to be theirs.
pub(super) fn check(conn: &mut Conn, audit: &mut Audit<'_>, end: i64, found: u64, parts: u64) -> Result<(), StoreError> {
    let before: Vec<i64> = log_events::table.filter(log_events::idx.lt(0)).select(log_events::idx).limit(NAMED).load(conn)?;
    for idx in before {
        audit.problem(Kind::Leaf, "log_events", None, format!("an event with the index {idx}"));
    }
    let beyond: Vec<i64> =
        log_search::table.filter(log_search::idx.ge(end).or(log_search::idx.lt(0))).select(log_search::idx).limit(100).load(conn)?;
    for idx in beyond {
        audit.problem(Kind::Projection, "log_search", u64::try_from(idx).ok(), "a row without an event");
    }
    orphans(conn, audit, parts)?;
    tiles(conn, audit, found)
}

/// Parts of no event. That they are as many as the events have together with the pending ones is found by counting; only if they are
/// not, each is looked at.
fn orphans(conn: &mut Conn, audit: &mut Audit<'_>, matched: u64) -> Result<(), StoreError> {
    let waiting = log_pending::table.select(log_pending::event_id);
    let total: i64 = log_parts::table.count().get_result(conn)?;
    let pending: i64 = log_parts::table.filter(log_parts::event_id.eq_any(waiting)).count().get_result(conn)?;
    if u64::try_from(total - pending) == Ok(matched) {
        return Ok(());
    }
    let orphans: i64 = log_parts::table
        .filter(not(log_parts::event_id.eq_any(log_events::table.select(log_events::event_id))))
        .filter(not(log_parts::event_id.eq_any(log_pending::table.select(log_pending::event_id))))
        .count()
        .get_result(conn)?;
    audit.problem(Kind::Part, "log_parts", None, format!("{orphans} parts belong to no event"));
    Ok(())
}

/// Tiles that are too many or too long.
fn tiles(conn: &mut Conn, audit: &mut Audit<'_>, found: u64) -> Result<(), StoreError> {
    let expected: BTreeMap<(i64, i64), i64> =
        tile::changed(0, found).map(|t| ((i64::from(t.level), i64::try_from(t.index).unwrap_or(i64::MAX)), i64::from(t.width) * 32)).collect();
    let length = sql::<Nullable<BigInt>>("CAST(length(hashes) AS BIGINT)");
    let tiles = log_tiles::table.select((log_tiles::level, log_tiles::idx, length)).load(conn);
    let tiles: Vec<(i64, i64, Option<i64>)> = readable(audit, Kind::Tile, "log_tiles", tiles)?;
    for (level, idx, length) in tiles {
        if expected.get(&(level, idx)).copied() != length {
            audit.problem(Kind::Tile, "log_tiles", u64::try_from(idx).ok(), format!("tile {level}/{idx} does not belong to a log of {found} events"));
        }
    }
    Ok(())
}
