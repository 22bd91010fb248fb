//! A light look at the newest end of the log, every few minutes: the tree against head and signature, and each event since the last look
//! against its hash, its parts and its projection. What lies before was looked at when it was new, and is looked at again by night.

use std::collections::BTreeMap;

use diesel::prelude::*;

use crate::{
    clock::Instant,
    crypto::keyring::Keyring,
    ledger::{
        commitment::commit,
        tile::WIDTH,
        tree::{self, Hash, HashReader, leaf_hash},
    },
    store::{
        Conn, StoreError,
        head_mac::{FORGED, HeadMac},
        keys as log_keys, reader,
        reader::{TileReader, last_checkpoint},
        schema::log_search,
        search::{self, SearchRow},
        signer,
    },
};

/// Events that one look takes in at most.
const MOST: i64 = 2000;
/// Parts of older events may have been purged.
const WHOLE: std::time::Duration = std::time::Duration::from_secs(180 * 86_400);

/// Looks at the events from `from` on (the newest of them if they are many); the size of the log, and what does not hold first, in words.
///
/// # Errors
/// Where the database cannot be read at all.
pub fn look(conn: &mut Conn, keys: &Keyring, origin: &str, from: u64, now: Instant) -> Result<(u64, Option<String>), StoreError> {
    let head = reader::head(conn)?;
    let size = head.size();
    match newest(conn, keys, origin, from, now) {
        Ok(None) if !HeadMac::new(keys, origin).holds(&head) => Ok((size, Some(FORGED.to_owned()))),
        Ok(problem) => Ok((size, problem)),
        Err(e) if e.passes() => Err(e),
        Err(e) => Ok((size, Some(e.to_string()))),
    }
}

/// What does not hold first, in words, of the events since the last checkpoint, and of the tree as it is; the head's MAC is not looked at.
///
/// # Errors
/// As [`look`].
pub(in crate::store) fn whole(conn: &mut Conn, keys: &Keyring, origin: &str, now: Instant) -> Result<Option<String>, StoreError> {
    let signed = last_checkpoint(conn)?.and_then(|note| log_keys::open(conn, origin, &note).ok());
    newest(conn, keys, origin, signed.map_or(0, |signed| signed.size), now)
}

fn newest(conn: &mut Conn, keys: &Keyring, origin: &str, from: u64, now: Instant) -> Result<Option<String>, StoreError> {
    let head = reader::head(conn)?;
    let size = head.size();
    let root = tree::root(&TileReader::new(conn), size).map_err(|e| StoreError::Corrupt(format!("the tree cannot be read: {e}")))?;
    if root.as_slice() != head.root {
        return Ok(Some("the stored root is not the root of the stored tiles".to_owned()));
    }
    if let Some(note) = last_checkpoint(conn)? {
        match log_keys::open(conn, origin, &note) {
            Ok(signed) => signer::extends(conn, &signed)?,
            Err(e) => return Ok(Some(format!("the last checkpoint does not verify: {e}"))),
        }
    }
    let start = from.max(size.saturating_sub(u64::try_from(MOST).unwrap_or(0)));
    let events = reader::events_from(conn, start, MOST)?;
    let rows: Vec<SearchRow> = log_search::table
        .filter(log_search::idx.ge(i64::try_from(start).unwrap_or(i64::MAX)))
        .order(log_search::idx.asc())
        .limit(MOST)
        .select(SearchRow::as_select())
        .load(conn)?;
    let mut rows: BTreeMap<i64, SearchRow> = rows.into_iter().map(|row| (row.idx, row)).collect();
    let mut parts = reader::parts_of_many(conn, keys, &events.iter().map(|e| e.leaf.id.clone()).collect::<Vec<_>>())?;
    let mut expected = start;
    let mut tile: (u64, Vec<Hash>) = (u64::MAX, Vec::new());
    for event in events.iter().filter(|e| e.index < size) {
        let said = |what: &str| Ok(Some(format!("event {}: {what}", event.index)));
        if event.index != expected {
            return Ok(Some(format!("event {expected} is missing")));
        }
        expected += 1;
        let (place, within) = (event.index / WIDTH as u64, usize::try_from(event.index % WIDTH as u64).unwrap_or(0));
        if tile.0 != place {
            tile = (place, TileReader::new(conn).tile(0, place, u16::try_from(WIDTH).unwrap_or(u16::MAX))?);
        }
        if tile.1.get(within) != Some(&leaf_hash(&event.bytes)) {
            return said("it is not the one that was put into the tree");
        }
        let opened = parts.remove(&event.leaf.id).unwrap_or_default();
        let whole = event.leaf.at > now.minus(WHOLE);
        // A restore that found no key for them has said so.
        let missing = event.leaf.parts.len() - opened.len().min(event.leaf.parts.len());
        if whole && missing > 0 && reader::lost_of(conn, &event.leaf.id)? < missing {
            return said("its parts are not all there");
        }
        for part in &opened {
            let salt: Option<[u8; 32]> = part.salt.as_slice().try_into().ok();
            if salt.map(|salt| commit(&salt, &part.value)).as_ref() != event.leaf.parts.get(&part.name) {
                return said("a part is not the one that was committed to");
            }
        }
        let opened = opened.into_iter().map(|part| (part.name, part.value)).collect();
        let index = i64::try_from(event.index).unwrap_or(i64::MAX);
        if rows.remove(&index).as_ref() != Some(&search::project(event.index, &event.leaf, &opened)) {
            return said("its row in the search is not what the event says");
        }
    }
    Ok((expected < size && start + (MOST as u64) >= size).then(|| format!("event {expected} is missing")))
}
