//! The changes of the log's keys, as bundles carry them (`ledger::succession`): for each a checkpoint that both keys signed, and the leaves
//! that announce them. Not here: how keys are changed ([`super::keys`]).

use diesel::prelude::*;

use super::{
    Conn, StoreError,
    keys::{self, KeyRow},
    log::{TileReader, index_of},
    reader,
    schema::log_checkpoints,
};
use crate::ledger::{
    checkpoint::{self, Checkpoint},
    succession::{Announced, Link},
    tree,
};

/// Checkpoints that are looked at after an announcement: the next one is signed at once.
const NEXT: i64 = 100;

/// The changes of keys of the log `origin`, the first first, each with its way to the log's head of `size` events. None of a change that no
/// checkpoint by both keys covers yet.
pub fn of(conn: &mut Conn, origin: &str, size: u64) -> Result<Vec<Link>, StoreError> {
    let rows = keys::of_log(conn, origin)?;
    let mut links = Vec::new();
    for pair in rows.windows(2) {
        let [old, new] = pair else { continue };
        links.extend(link(conn, old, new, size)?);
    }
    Ok(links)
}

fn link(conn: &mut Conn, old: &KeyRow, new: &KeyRow, size: u64) -> Result<Option<Link>, StoreError> {
    let Some(announced) = new.announced.as_deref().map(|event| index_of(conn, event)).transpose()?.flatten() else { return Ok(None) };
    let after = log_checkpoints::table.filter(log_checkpoints::size.gt(i64::try_from(announced).unwrap_or(i64::MAX)));
    let notes: Vec<String> = after.order(log_checkpoints::size.asc()).limit(NEXT).select(log_checkpoints::note).load(conn)?;
    let (by_old, by_new) = (keys::parse(&old.vkey)?, keys::parse(&new.vkey)?);
    let both = |note: String| {
        let head = checkpoint::open(&note, &by_old).ok()?;
        checkpoint::open(&note, &by_new).ok().map(|_| (note, head))
    };
    let Some((note, head)) = notes.into_iter().find_map(both) else { return Ok(None) };
    let (from, to) = (head.size.min(size), head.size.max(size));
    let broken = |e: tree::TreeError<StoreError>| StoreError::Corrupt(format!("the tree: {e}"));
    let consistency = tree::consistency(&TileReader::new(conn), from, to).map_err(broken)?;
    let mut keys = Vec::new();
    for row in [old, new] {
        keys.extend(announcement(conn, row, &head)?);
    }
    Ok(Some(Link { note, consistency: consistency.iter().map(hex::encode).collect(), keys }))
}

/// The leaf that announces the keys of `row`; none for keys that are older than announcements.
fn announcement(conn: &mut Conn, row: &KeyRow, head: &Checkpoint) -> Result<Option<Announced>, StoreError> {
    let Some(index) = row.announced.as_deref().map(|event| index_of(conn, event)).transpose()?.flatten() else { return Ok(None) };
    let event = reader::event(conn, index)?;
    let proof = tree::inclusion(&TileReader::new(conn), index, head.size).map_err(|e| StoreError::Corrupt(format!("the tree: {e}")))?;
    Ok(Some(Announced {
        vkey: row.vkey.clone(),
        mldsa: row.mldsa.clone(),
        index,
        leaf: String::from_utf8(event.bytes).map_err(|_| StoreError::Corrupt("log_events.leaf".to_owned()))?,
        proof: proof.iter().map(hex::encode).collect(),
    }))
}
