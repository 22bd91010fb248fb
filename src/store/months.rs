//! The parts of the log on PostgreSQL lie in one partition a calendar month, so that a purge drops pages and not rows one by one.
//!
//! Partitions appear ahead of time: when a store is opened, and from then on by [`Store::keep_months`], which every running node calls.
//! A part whose month has no partition (a clock that jumped, a role that may not create tables) goes into the default partition
//! `log_parts_rest` and is moved when its month is made. A month without parts is dropped after a purge. Not here: what is
//! purged and when.

use diesel::{PgConnection, RunQueryDsl, connection::SimpleConnection};

use super::{Conn, Store, StoreError, conn};
use crate::{clock::Instant, domain::kept::month};

/// How many months beyond the present one have their partition.
const AHEAD: usize = 3;

impl Store {
    /// Makes the partitions that are missing for the present month and the next three; answers the names of those that it made. Costs
    /// nothing on SQLite, and on PostgreSQL only once a month.
    ///
    /// # Errors
    /// [`StoreError`] if the tables cannot be made now (a long reader, a missing right): parts then go into the default partition, and the
    /// next call tries again.
    pub fn keep_months(&self) -> Result<Vec<String>, StoreError> {
        let now = self.now();
        let mut kept = self.0.months.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if *kept == month(now) {
            return Ok(Vec::new());
        }
        let made = ensure(&mut conn::open(self.database(), conn::Purpose::Write)?, now)?;
        *kept = month(now);
        Ok(made)
    }
}

/// The month of `now` and the [`AHEAD`] that follow, as `2026-11`.
fn wanted(now: Instant) -> Vec<String> {
    let text = month(now);
    let (year, number) = text.split_once('-').unwrap_or(("1970", "01"));
    let (mut year, mut number): (i32, u8) = (year.parse().unwrap_or(1970), number.parse().unwrap_or(1));
    let mut months = Vec::new();
    for _ in 0..=AHEAD {
        months.push(format!("{year:04}-{number:02}"));
        (year, number) = if number == 12 { (year + 1, 1) } else { (year, number + 1) };
    }
    months
}

#[derive(diesel::QueryableByName)]
struct Named {
    #[diesel(sql_type = diesel::sql_types::Text)]
    name: String,
}

/// The partition of a month.
fn name(month: &str) -> String {
    format!("log_parts_{}", month.replace('-', "_"))
}

/// Makes the partition of `month` and moves into it what lies in the default partition; in a transaction of the caller's.
pub(super) fn make(pg: &mut PgConnection, month: &str) -> Result<(), StoreError> {
    let table = name(month);
    Ok(pg.batch_execute(&format!(
        "LOCK TABLE ONLY log_parts IN SHARE UPDATE EXCLUSIVE MODE;
         LOCK TABLE log_parts_rest IN ACCESS EXCLUSIVE MODE;
         CREATE TABLE {table} (LIKE log_parts INCLUDING ALL);
         WITH moved AS (DELETE FROM log_parts_rest WHERE month = '{month}' RETURNING *) INSERT INTO {table} SELECT * FROM moved;
         ALTER TABLE log_parts ATTACH PARTITION {table} FOR VALUES IN ('{month}');"
    ))?)
}

/// Makes what is missing, one transaction a month.
fn ensure(conn: &mut Conn, now: Instant) -> Result<Vec<String>, StoreError> {
    let Conn::Postgres(pg) = conn else { return Ok(Vec::new()) };
    let there = "SELECT c.relname::text AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'log_parts'::regclass";
    let mut made = Vec::new();
    for month in wanted(now) {
        let table = name(&month);
        let existing: Vec<Named> = diesel::sql_query(there).load(pg)?;
        if existing.iter().any(|n| n.name == table) {
            continue;
        }
        // One node at a time. Whoever comes second finds the table made. The default partition is locked before its rows are moved, so
        // that none arrives between the move and the attaching; a reader that takes long makes this give up, not everybody else wait.
        pg.batch_execute(
            "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '3s';
             SELECT pg_advisory_xact_lock(hashtext('countermand-months'), hashtext(current_schema()::text));",
        )?;
        let result = diesel::sql_query(there).load(pg).map_err(StoreError::from).and_then(|existing: Vec<Named>| {
            if existing.iter().any(|n| n.name == table) {
                return Ok(false);
            }
            make(pg, &month)?;
            Ok(true)
        });
        match result {
            Ok(new) => {
                pg.batch_execute("COMMIT")?;
                if new {
                    made.push(table);
                }
            }
            Err(e) => {
                pg.batch_execute("ROLLBACK")?;
                return Err(e);
            }
        }
    }
    Ok(made)
}

/// Drops the partitions of months before that of `cut_off` in which no part is left, and lets the room be used again that was freed in those
/// that keep some, a legal hold's or those of a class with a longer period; how many were dropped.
pub(super) fn drop_empty(conn: &mut Conn, cut_off: Instant) -> Result<u64, StoreError> {
    use diesel::{RunQueryDsl, connection::SimpleConnection};
    let Conn::Postgres(pg) = conn else { return Ok(0) };
    let last = format!("log_parts_{}", month(cut_off).replace('-', "_"));
    let sql = "SELECT c.relname::text AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'log_parts'::regclass";
    let tables: Vec<Named> = diesel::sql_query(sql).load(pg)?;
    let (mut dropped, mut kept) = (0, Vec::new());
    for Named { name } in tables.into_iter().filter(|t| t.name <= last && t.name != "log_parts_rest") {
        if name == last {
            kept.push(name);
            continue;
        }
        // Whoever reads or writes parts meanwhile goes first: after three seconds the next run tries again.
        pg.batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '3s'; LOCK TABLE log_parts IN ACCESS EXCLUSIVE MODE")
            .and_then(|()| diesel::sql_query(format!("SELECT event_id AS name FROM {name} LIMIT 1")).load::<Named>(pg))
            .and_then(|rows| match rows.is_empty() {
                true => pg.batch_execute(&format!("DROP TABLE {name}; COMMIT")).map(|()| dropped += 1),
                false => pg.batch_execute("ROLLBACK").map(|()| kept.push(name.clone())),
            })
            .or_else(|e| pg.batch_execute("ROLLBACK").and(Err(e)))?;
    }
    for name in kept {
        // A table at a time, beside whoever reads and writes.
        pg.batch_execute(&format!("VACUUM {name}"))?;
    }
    Ok(dropped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_go_over_the_turn_of_the_year() {
        assert_eq!(wanted(Instant::parse("2026-11-30T23:59:59Z").unwrap()), ["2026-11", "2026-12", "2027-01", "2027-02"]);
    }
}
