//! A new log on what is left of an old one, where that must not go on: a restored database that lies behind what its log has signed, or of
//! which nobody can say whether it does; a log whose key is lost, or was stolen.
//!
//! The new log has another name and another key, so that nothing it signs can fork the old one, which signs nothing any more: its private
//! key is overwritten. It begins with the events that are left of the old log, in their order, so that every proof that was given over
//! them still verifies with the old key, and no case loses its events. Where the old log ends stands `log.renewed`: its subject is the old
//! log; its index says how many events are the old log's, and with the tree before it their root; its `detail` holds the old key, the
//! newest checkpoint known of the old log, and what is known to be lost. The old key stays in `log_keys`, its checkpoints in
//! `log_checkpoints`, its last checkpoint outside as `log/checkpoint.<old installation>`; for whoever has the folder alone, `keys/former` names the old key.
//!
//! This is no [`super::Store::write`], because no store opens such a database for writing; its event lies in the same transaction all the same.
//!
//! The new key is on the disk as `keys/log.key.next` before the row that names it, and takes its place after; whoever opens the store next
//! finishes what a crash has left between ([`finish`]).

use std::{fs, path::Path};

use diesel::prelude::*;
use serde_json::json;

use super::{
    Conn, Options, StoreError, Tx,
    aftermath::{self, Aftermath},
    backup::refill,
    conn::{self, Purpose},
    head_mac::{HeadMac, is_older},
    key_copy,
    keys::{self, KeyRow},
    log, migrate,
    part_keys::Sealing,
    pending, reader,
    schema::{log_keys, settings},
    signer, sqlite,
    tx::Scope,
    verify::{self, Against},
    words::Words,
};
use crate::{
    clock::Instant,
    crypto::keyring::{Keyring, LogKeys},
    domain::event::{Action, Event, Subject},
    id,
    ledger::checkpoint::{Checkpoint, Vkey},
};

/// A log that was renewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewed {
    /// The key of the log that has ended.
    pub old: String,
    /// The key of the log that goes on.
    pub vkey: String,
    /// How many events are the old log's; the index of `log.renewed`.
    pub size: u64,
}

/// Why a log must not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It lies behind what it has signed, or nobody can say.
    Behind,
    /// Nobody has its key any more.
    KeyLost,
    /// Somebody else has it too.
    KeyStolen,
}

/// Why no new log was begun.
#[derive(Debug, thiserror::Error)]
pub enum RenewError {
    /// There is no reason for one.
    #[error("this log can go on from where it is; a new one would only break what others rely on")]
    Sound,
    /// The key files are there and are this log's.
    #[error("the key files under the data folder are this log's own: nothing is lost")]
    NotLost,
    /// Nothing can be built on it; says what does not hold.
    #[error("what is left of the log does not hold: {0}")]
    Broken(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<diesel::result::Error> for RenewError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Begins a new log. Nothing else may be at work on the database; `reason` is what a person says of it.
///
/// # Errors
/// [`RenewError`]; nothing was changed then.
pub fn renew(options: &Options, cause: Cause, reason: Option<&str>) -> Result<Renewed, RenewError> {
    let unavailable = |e: &dyn std::fmt::Display| StoreError::Unavailable(e.to_string());
    let (data, database) = (&options.data, &options.database);
    migrate::run(database)?;
    let mut conn = conn::open(database, Purpose::Write)?;
    finish(&mut conn, data)?;
    keys::settle(&mut conn, data)?;
    if cause == Cause::KeyLost {
        Keyring::stand_in(data).map_err(|e| unavailable(&e))?;
    }
    let keys = Keyring::open(data, false).map_err(|e| unavailable(&e))?;
    let origin = match cause {
        Cause::KeyLost if signer::names(&mut conn, &keys).is_ok() => return Err(RenewError::NotLost),
        Cause::KeyLost => signer::sealed_by(&mut conn, &keys)?,
        Cause::Behind | Cause::KeyStolen => signer::names(&mut conn, &keys)?,
    };
    let (known, why) = lost(&mut conn, data, &origin, cause)?;
    // That it does not extend the copy outside is why we are here; everything else must hold.
    let own = reader::last_checkpoint(&mut conn)?;
    let old = keys::in_force(&mut conn, &origin)?.swap_remove(0).vkey;
    drop(conn);
    let report = verify::inspect_beside(database, data, &Against { key_lost: cause == Cause::KeyLost, ..Against::default() }, own)?;
    if let Some(first) = report.broken() {
        return Err(RenewError::Broken(format!("{}: {}", first.table, first.detail)));
    }
    let installation = id::fresh();
    let renamed = format!("{}/countermand/{installation}", options.host);
    let fresh = LogKeys::fresh();
    let (vkey, mldsa) = keys::named(&renamed, &fresh)?;
    let (vkey, mldsa) = (vkey.to_string(), mldsa.map(|key| key.to_string()));
    let next = Keyring { log: fresh.log, mldsa: fresh.mldsa, coming: None, ..keys.clone() };
    next.lay_next(data).map_err(|e| unavailable(&e))?;
    let mac = HeadMac::new(&keys, &origin);
    let scope = Scope { node: log::node_name(data)?, keys: keys.clone(), words: Words::new(&keys), head: mac, tells: false };

    let size = refill(database, |conn| -> Result<u64, RenewError> {
        if log::head(conn)?.size() != report.size {
            return Err(StoreError::Serialization.into());
        }
        pending::settle(conn, &keys)?;
        let head = log::head(conn)?;
        if !is_older(&head, data) {
            scope.head.check(&head)?;
        }
        let now = Instant(head.last_at).max(options.clock.now());
        let Aftermath { sessions, broadcasts, streams } = aftermath::settle(conn, now.0)?;
        let newest = known.as_ref().map(|c| json!({ "size": c.size, "root": hex::encode(c.root) }));
        let event = Event::system(Action::LogRenewed, Subject::new("log", origin.rsplit('/').next().unwrap_or(&origin)))
            .detail(json!({
                "before": { "origin": origin, "vkey": old, "size": head.size, "root": hex::encode(&head.root), "checkpoint": newest },
                "after": { "origin": renamed, "vkey": vkey },
                "why": why, "sessions_ended": sessions, "sends_in_doubt": broadcasts, "streams_paused": streams,
            }))
            .part("text", reason.map_or(serde_json::Value::Null, |reason| json!({ "reason": reason })));
        let mut tx = Tx { conn, now, clock: now, scope: &scope, events: Vec::new(), sealing: &mut Sealing::default() };
        tx.append(event)?;
        if cause == Cause::KeyStolen {
            for row in keys::in_force(tx.conn, &origin)? {
                let detail = json!({ "vkey": row.vkey, "mldsa": row.mldsa });
                let event = tx.append(Event::system(Action::KeyStolen, row.subject()).detail(detail))?;
                diesel::update(log_keys::table.find(row.id)).set(log_keys::stolen.eq(event.as_str())).execute(tx.conn)?;
            }
        }
        key_copy::tell_lost(&mut tx)?;
        let drafts = tx.events;
        sqlite::flush(conn, vec![drafts], &scope.head)?;
        let last: i64 = log_keys::table.order(log_keys::id.desc()).select(log_keys::id).first(conn)?;
        let row = KeyRow::fresh(last + 1, vkey.clone(), mldsa.clone());
        diesel::insert_into(log_keys::table).values(row).execute(conn)?;
        for (name, value) in [("origin", &renamed), ("installation", &installation)] {
            diesel::update(settings::table.find(name)).set(settings::value.eq(value)).execute(conn)?;
        }
        signer::release(conn)?;
        signer::put(conn, &renamed, &next, now)?;
        Ok(head.size())
    })?;
    let mut conn = conn::open(database, Purpose::Write)?;
    finish(&mut conn, data)?;
    Ok(Renewed { old, vkey, size })
}

/// The newest checkpoint known outside of a log that must not go on, and why it must not.
fn lost(conn: &mut Conn, data: &Path, origin: &str, cause: Cause) -> Result<(Option<Checkpoint>, String), RenewError> {
    let open = |conn: &mut Conn, note: &str| keys::open(conn, origin, note).ok();
    let key = match cause {
        Cause::Behind => None,
        Cause::KeyLost => Some("its key is lost"),
        Cause::KeyStolen => Some("its key was stolen"),
    };
    if let Some(why) = key {
        return Ok((signer::copy(data)?.and_then(|note| open(conn, &note)), why.to_owned()));
    }
    if let Some(note) = signer::behind(conn)? {
        let known = open(conn, &note);
        let why = if known.is_some() { "restored, and behind what was signed" } else { "restored, and nothing is known outside" };
        return Ok((known, why.to_owned()));
    }
    match signer::check_copy(conn, data, origin) {
        Ok(()) => Err(RenewError::Sound),
        Err(StoreError::Fork(why)) => Ok((signer::copy(data)?.and_then(|note| open(conn, &note)), why)),
        Err(e) => Err(e.into()),
    }
}

/// The keys that signed before those of now: of the logs that this one was renewed from, and its own that were retired. The first first.
/// Not those that somebody else has: a bundle of any day could be theirs.
pub fn former(conn: &mut Conn) -> Result<Vec<Vkey>, StoreError> {
    let origin: String = settings::table.find("origin").select(settings::value).first(conn)?;
    let first = keys::in_force(conn, &origin)?.swap_remove(0);
    keys::rows(conn)?.iter().take_while(|row| row.id != first.id).filter(|row| row.stolen.is_none()).map(|row| keys::parse(&row.vkey)).collect()
}

/// Lets the next key take its place where the database names it already: a renewal that was committed is finished.
pub(super) fn finish(conn: &mut Conn, data: &Path) -> Result<(), StoreError> {
    let unavailable = |e: &dyn std::fmt::Display| StoreError::Unavailable(format!("{}: {e}", data.display()));
    let Some(next) = Keyring::next(data).map_err(|e| unavailable(&e))? else { return Ok(()) };
    let keys: Vec<String> = log_keys::table.order(log_keys::id.desc()).limit(2).select(log_keys::vkey).load(conn)?;
    let origin: Option<String> = settings::table.find("origin").select(settings::value).first(conn).optional()?;
    let (Some(origin), [new, old]) = (origin, &keys[..]) else { return Ok(()) };
    if Vkey::new(&origin, &next.verifying_key()).map(|v| v.to_string()).as_ref() != Ok(new) {
        return Ok(());
    }
    let note = reader::last_checkpoint(conn)?.ok_or(StoreError::NotFound)?;
    let installation = old.split('+').next().and_then(|name| name.rsplit('/').next()).unwrap_or("old");
    let copy = data.join("log/checkpoint");
    // The old copy once; a crash after this finds the new one in its place.
    if signer::copy(data)?.is_some_and(|there| there != note) {
        fs::rename(&copy, data.join(format!("log/checkpoint.{installation}"))).map_err(|e| unavailable(&e))?;
    }
    signer::keep_copy(data, &note)?;
    // All of them: while new keys were announced, the row before the last is not the one that signed.
    former(conn)?
        .iter()
        .try_for_each(|vkey| Keyring::keep_former(data, &vkey.to_string()))
        .and_then(|()| Keyring::adopt_next(data))
        .map_err(|e| unavailable(&e))
}
