//! What must not go on as it stood in a database that is older than the world: the sessions of then, messages that were about to go out,
//! streams. The lost database may have closed the ones and sent the others since; and a copy that is tried out elsewhere must not write
//! into the receivers of the real one.

use std::path::Path;

use diesel::prelude::*;

use super::{
    Conn, StoreError, Tx,
    head_mac::HeadMac,
    key_copy, log,
    part_keys::Sealing,
    recipients,
    schema::{messages, sessions, streams},
    sqlite,
    tx::Scope,
    words::Words,
};
use crate::{
    clock::Instant,
    crypto::keyring::Keyring,
    domain::{event::Event, stream::StreamState},
};

/// What was changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aftermath {
    /// Sessions that were ended.
    pub sessions: usize,
    /// Broadcasts of which it is unknown now whether all of their pieces have gone out.
    pub broadcasts: Vec<String>,
    /// Streams that were paused.
    pub streams: usize,
}

/// Ends every session, pauses every stream, and calls `unknown` what waited to be sent: sending a notice to everybody a second time is
/// worse than asking.
/// For the write that records that a database was restored.
pub fn settle(conn: &mut Conn, now: i64) -> Result<Aftermath, StoreError> {
    let sessions = diesel::update(sessions::table.filter(sessions::state.ne("closed")))
        .set((sessions::state.eq("closed"), sessions::closed_at.eq(now)))
        .execute(conn)?;
    let pending = messages::table.filter(messages::state.eq("pending")).order(messages::id);
    let pending: Vec<(String, String)> = pending.select((messages::id, messages::broadcast_id)).load(conn)?;
    let mut broadcasts = Vec::new();
    for (message, broadcast) in pending {
        diesel::update(messages::table.find(&message)).set(messages::state.eq("unknown")).execute(conn)?;
        recipients::set_delivery(conn, &message, &broadcast, "unknown")?;
        broadcasts.push(broadcast);
    }
    broadcasts.sort_unstable();
    broadcasts.dedup();
    let streams = diesel::update(streams::table.filter(streams::state.ne(StreamState::Paused.as_str())))
        .set((
            streams::state.eq(StreamState::Paused.as_str()),
            streams::lease_owner.eq(None::<String>),
            streams::lease_until.eq(None::<i64>),
            streams::version.eq(streams::version + 1),
        ))
        .execute(conn)?;
    Ok(Aftermath { sessions, broadcasts, streams })
}

/// [`settle`] and the event that says so, in one transaction of the caller's on a database that no store has opened yet.
pub fn record(conn: &mut Conn, data: &Path, keys: &Keyring, now: Instant, event: impl FnOnce(Aftermath) -> Event) -> Result<(), StoreError> {
    let now = Instant(log::head(conn)?.last_at).max(now);
    let event = event(settle(conn, now.0)?);
    let head = HeadMac::of(conn, keys)?;
    let scope = Scope { node: log::node_name(data)?, keys: keys.clone(), words: Words::new(keys), head, tells: false };
    let mut tx = Tx { conn, now, clock: now, scope: &scope, events: Vec::new(), sealing: &mut Sealing::default() };
    tx.append(event)?;
    key_copy::tell_lost(&mut tx)?;
    let drafts = tx.events;
    sqlite::flush(conn, vec![drafts], &scope.head)?;
    Ok(())
}
