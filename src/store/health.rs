//! Whether the database can be written, and whether the sequencer gives events their index. For `/readyz`; leaves nothing behind.

use diesel::prelude::*;

use super::{Conn, Store, StoreError, postgres, schema::log_pending};
use crate::{clock::Instant, ledger::leaf::Leaf, store::log};

/// An event that waits for longer has no sequencer.
const WAITS: std::time::Duration = std::time::Duration::from_secs(10);
/// The most that our clock may differ from the database's, or lie behind the last event's time.
const CLOCK: std::time::Duration = std::time::Duration::from_secs(60);
/// Waiting events that are looked at.
const LOOKED_AT: i64 = 64;

#[derive(QueryableByName)]
struct Elsewhere {
    #[diesel(sql_type = diesel::sql_types::Bool)]
    sequencing: bool,
    /// Microseconds since 1970 by the database's clock.
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    at: i64,
}

/// What holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// Some process holds the sequencer's lock, and nothing waits for long. Always true on SQLite, where the writer does it.
    pub sequencer: bool,
    /// Our clock is not behind the log, and on PostgreSQL not far from the database's.
    pub clock: bool,
}

impl Store {
    /// Begins and ends a write that changes nothing, through the queue that every write goes through.
    ///
    /// # Errors
    /// What a real write would have met: a full queue, a lock, a database that is away or only lets itself be read.
    pub async fn probe(&self) -> Result<(), StoreError> {
        self.write(|tx| {
            if let Conn::Postgres(c) = &mut *tx.conn {
                // A standby and a read-only database have no number for it.
                diesel::sql_query("SELECT txid_current()").execute(c)?;
            }
            Ok(())
        })
        .await?;
        Ok(())
    }

    /// Sequencer and clock.
    pub async fn health(&self) -> Result<Health, StoreError> {
        let (now, key) = (self.now(), self.keys().pending_key());
        self.read(move |conn| {
            let last = Instant(log::head(conn)?.last_at);
            let mut health = Health { sequencer: true, clock: last.since(now) <= CLOCK };
            let Conn::Postgres(c) = conn else { return Ok(health) };
            let sql = "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted \
                         AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
                         AND classid::bigint = (hashtext('countermand-sequencer')::bigint & 4294967295) \
                         AND objid::bigint = (hashtext(current_schema()::text)::bigint & 4294967295)) AS sequencing, \
                       (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS at";
            let found: Elsewhere = diesel::sql_query(sql).get_result(c)?;
            let theirs = Instant(found.at);
            health.clock &= theirs.since(now).max(now.since(theirs)) <= CLOCK;
            let waiting: Vec<(String, Vec<u8>, Vec<u8>)> = log_pending::table
                .order(log_pending::seq.asc())
                .limit(LOOKED_AT)
                .select((log_pending::event_id, log_pending::leaf, log_pending::mac))
                .load(c)?;
            // What does not carry our MAC is passed over for ever, and named by `ledger verify`.
            let stalled = waiting.iter().any(|(id, leaf, mac)| {
                crate::crypto::same(&postgres::mac(&key, id, leaf), mac) && Leaf::parse(leaf).is_ok_and(|leaf| now.since(leaf.at) > WAITS)
            });
            health.sequencer = found.sequencing && !stalled;
            Ok(health)
        })
        .await
    }
}
