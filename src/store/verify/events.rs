//! Walking the events: leaves, their parts, their projection, and the tiles that they give.

use std::collections::{BTreeMap, BTreeSet};

use diesel::{dsl::not, prelude::*};

use super::{Audit, Kind, Walked, contents, marks::Mark, readable, salvage, unreadable};
use crate::{
    ledger::{
        commitment,
        leaf::Leaf,
        tile::{TileRef, Tiles, encode_tile},
        tree::{Frontier, Hash, leaf_hash},
    },
    store::{
        Conn, StoreError, log, postgres,
        schema::{log_events, log_parts, log_pending, log_search, log_tiles},
        search::{SearchRow, project},
        tx::{PartRow, month, part_context},
    },
};

/// Events in one read.
const BATCH: i64 = 2048;

/// Missing events named one by one; a longer gap is told by its ends.
const NAMED: i64 = 100;

pub(super) fn walk(conn: &mut Conn, audit: &mut Audit<'_>, head: Option<&log::Head>, marks: &[Mark]) -> Result<Walked, StoreError> {
    let size = head.map(|h| h.size);
    let wanted: BTreeSet<u64> = marks.iter().map(|m| m.checkpoint.size).chain(head.map(log::Head::size)).collect();
    let mut walked = Walked {
        frontier: Frontier::new(),
        last_at: 0,
        roots: BTreeMap::new(),
        suspects: BTreeSet::new(),
        beyond: Vec::new(),
        bound: contents::Bound::default(),
    };
    let mut tiles = Tiles::default();
    if wanted.contains(&0) {
        walked.roots.insert(0, walked.frontier.root());
    }
    let mut next: i64 = 0;
    loop {
        let from = next;
        let batch = || log_events::table.filter(log_events::idx.ge(from)).order(log_events::idx.asc()).limit(BATCH);
        let (rows, bad): (Vec<(i64, String, Vec<u8>)>, Vec<i64>) = salvage(
            conn,
            |c| Ok(batch().load(c)?),
            |c| Ok(batch().select(log_events::idx).load(c)?),
            |c, idx| Ok(log_events::table.find(*idx).first(c)?),
        )?;
        for idx in &bad {
            audit.problem(Kind::Leaf, "log_events", u64::try_from(*idx).ok(), "the row cannot be read");
        }
        let Some(end) = rows.iter().map(|r| r.0).chain(bad).max() else { break };
        let mut parts = parts_of(conn, audit, &rows)?;
        let mut projections = projections_of(conn, audit, next, end)?;
        let mut hashes = Vec::with_capacity(rows.len());
        for (idx, event_id, bytes) in rows {
            missing(audit, next, idx);
            if size.is_some_and(|s| idx >= s) && walked.beyond.len() < NAMED as usize {
                walked.beyond.extend(u64::try_from(idx));
            }
            next = idx.saturating_add(1);
            let hash = leaf_hash(&bytes);
            hashes.push(hash);
            walked.frontier.append(hash);
            if wanted.contains(&walked.frontier.size()) {
                walked.roots.insert(walked.frontier.size(), walked.frontier.root());
            }
            let seen = event(audit, idx, &event_id, &bytes, parts.remove(&event_id).unwrap_or_default(), projections.remove(&idx));
            if let Some((leaf, opened)) = seen {
                walked.last_at = walked.last_at.max(leaf.at.0);
                walked.bound.note(u64::try_from(idx).unwrap_or(0), &leaf, &opened);
            }
        }
        next = next.max(end.saturating_add(1));
        for (idx, _) in projections {
            audit.problem(Kind::Projection, "log_search", u64::try_from(idx).ok(), "a row without an event");
        }
        compare_tiles(conn, audit, &mut walked.suspects, tiles.grow(&hashes))?;
    }
    strays(conn, audit, next, size, walked.frontier.size())?;
    Ok(walked)
}

/// Names the events from `next` to before `end`, which are not there.
fn missing(audit: &mut Audit<'_>, next: i64, end: i64) {
    for index in next..end.min(next.saturating_add(NAMED)) {
        audit.problem(Kind::Leaf, "log_events", u64::try_from(index).ok(), "the event is missing");
    }
    if end.saturating_sub(next) > NAMED {
        audit.problem(Kind::Leaf, "log_events", u64::try_from(end - 1).ok(), format!("the events up to here are missing, from {next}"));
    }
}

type Parts = BTreeMap<String, Vec<PartRow>>;

fn parts_of(conn: &mut Conn, audit: &mut Audit<'_>, rows: &[(i64, String, Vec<u8>)]) -> Result<Parts, StoreError> {
    let mut parts = Parts::new();
    for chunk in rows.chunks(500) {
        let found = log_parts::table.filter(log_parts::event_id.eq_any(chunk.iter().map(|r| &r.1))).load(conn).map_err(StoreError::from);
        let found: Vec<PartRow> = match found {
            Ok(found) => found,
            Err(e) if unreadable(&e) => readable_parts(conn, audit, chunk)?,
            Err(e) => return Err(e),
        };
        for row in found {
            parts.entry(row.event_id.clone()).or_default().push(row);
        }
    }
    Ok(parts)
}

/// The parts of a batch in which some cannot be read, event by event.
fn readable_parts(conn: &mut Conn, audit: &mut Audit<'_>, rows: &[(i64, String, Vec<u8>)]) -> Result<Vec<PartRow>, StoreError> {
    let mut parts: Vec<PartRow> = Vec::new();
    for (idx, event_id, _) in rows {
        match log_parts::table.filter(log_parts::event_id.eq(event_id)).load(conn).map_err(StoreError::from) {
            Ok(found) => parts.extend(found),
            Err(e) if unreadable(&e) => audit.problem(Kind::Part, "log_parts", u64::try_from(*idx).ok(), "a part of this event cannot be read"),
            Err(e) => return Err(e),
        }
    }
    Ok(parts)
}

fn projections_of(conn: &mut Conn, audit: &mut Audit<'_>, from: i64, to: i64) -> Result<BTreeMap<i64, SearchRow>, StoreError> {
    let between = || log_search::table.filter(log_search::idx.between(from, to));
    let (rows, bad): (Vec<SearchRow>, Vec<i64>) = salvage(
        conn,
        |c| Ok(between().load(c)?),
        |c| Ok(between().select(log_search::idx).load(c)?),
        |c, idx| Ok(log_search::table.find(idx).first(c)?),
    )?;
    for idx in bad {
        audit.problem(Kind::Projection, "log_search", u64::try_from(idx).ok(), "the row cannot be read");
    }
    Ok(rows.into_iter().map(|r| (r.idx, r)).collect())
}

/// Checks one event; gives its leaf if it can be read, and its parts as far as they open.
fn event(
    audit: &mut Audit<'_>,
    idx: i64,
    event_id: &str,
    bytes: &[u8],
    parts: Vec<PartRow>,
    projection: Option<SearchRow>,
) -> Option<(Leaf, Opened)> {
    let index = u64::try_from(idx).ok();
    audit.report.checked.leaves += 1;
    let leaf = match Leaf::parse(bytes) {
        Ok(leaf) => leaf,
        Err(e) => {
            audit.problem(Kind::Leaf, "log_events", index, e.to_string());
            return None;
        }
    };
    if leaf.id != event_id {
        audit.problem(Kind::Leaf, "log_events", index, "the event's id is not the one in its leaf");
    }
    let opened = check_parts(audit, index, &leaf, parts);
    audit.report.checked.projections += 1;
    match projection {
        None => audit.problem(Kind::Projection, "log_search", index, "the row is missing"),
        Some(row) if row != project(index.unwrap_or(0), &leaf, &opened) => {
            audit.problem(Kind::Projection, "log_search", index, "the row is not what leaf and parts give");
        }
        Some(_) => {}
    }
    Some((leaf, opened))
}

/// Part name -> its canonical bytes.
pub(super) type Opened = BTreeMap<String, Vec<u8>>;

fn check_parts(audit: &mut Audit<'_>, index: Option<u64>, leaf: &Leaf, parts: Vec<PartRow>) -> Opened {
    let mut opened = BTreeMap::new();
    let mut present = BTreeSet::new();
    for part in parts {
        audit.report.checked.parts += 1;
        let Some(commitment) = leaf.parts.get(&part.name) else {
            audit.problem(Kind::Part, "log_parts", index, format!("the leaf names no part {}", part.name));
            continue;
        };
        if !present.insert(part.name.clone()) {
            audit.problem(Kind::Part, "log_parts", index, format!("the part {} stands twice", part.name));
        }
        if part.month != month(leaf.at) {
            audit.problem(Kind::Part, "log_parts", index, format!("the part {} lies in the wrong month", part.name));
        }
        let salt: Option<[u8; 32]> = part.salt.as_slice().try_into().ok();
        let value = audit.keys.parts_key().open(&part_context(&leaf.id, &part.name), &part.sealed).ok();
        match (salt, value) {
            (Some(salt), Some(value)) if commitment::commit(&salt, &value) == *commitment => {
                opened.insert(part.name, value.to_vec());
            }
            (_, None) => audit.problem(Kind::Part, "log_parts", index, format!("the part {} does not open", part.name)),
            _ => audit.problem(Kind::Part, "log_parts", index, format!("the part {} is not what the leaf commits to", part.name)),
        }
    }
    for name in leaf.parts.keys().filter(|name| !present.contains(*name)) {
        audit.problem(Kind::MissingPart, "log_parts", index, format!("the part {name} is missing and no purge names it"));
    }
    opened
}

/// Compares the tiles that grew. A tile that is still partial at the end of a batch is compared with its beginning, and again when it grows.
/// Where a leaf's hash differs either the leaf or the tile was changed: the root decides, so both are remembered.
fn compare_tiles(
    conn: &mut Conn,
    audit: &mut Audit<'_>,
    suspects: &mut BTreeSet<u64>,
    grown: impl IntoIterator<Item = (TileRef, Vec<Hash>)>,
) -> Result<(), StoreError> {
    for (tile, hashes) in grown {
        let index = i64::try_from(tile.index).unwrap_or(i64::MAX);
        let stored = log_tiles::table.find((i64::from(tile.level), index)).select(log_tiles::hashes).load(conn);
        let stored: Option<Vec<u8>> = readable(audit, Kind::Tile, "log_tiles", stored)?.pop();
        let expected = encode_tile(&hashes);
        match stored {
            Some(bytes) if bytes.starts_with(&expected) => audit.report.checked.tiles += 1,
            Some(bytes) => {
                audit.problem(Kind::Tile, "log_tiles", Some(tile.index), format!("tile {}/{} is not what the events give", tile.level, tile.index));
                if tile.level == 0 {
                    let differs = |i: &usize| bytes.get(i * 32..i * 32 + 32) != expected.get(i * 32..i * 32 + 32);
                    suspects.extend((0..hashes.len()).filter(differs).map(|i| tile.index * 256 + i as u64));
                }
            }
            None => audit.problem(Kind::Tile, "log_tiles", Some(tile.index), format!("tile {}/{} is missing", tile.level, tile.index)),
        }
    }
    Ok(())
}

/// Rows that belong to no event: parts, projections, tiles that are too many or too long, pending events without their MAC.
fn strays(conn: &mut Conn, audit: &mut Audit<'_>, end: i64, size: Option<i64>, found: u64) -> Result<(), StoreError> {
    missing(audit, end, size.unwrap_or(end));
    let before: Vec<i64> = log_events::table.filter(log_events::idx.lt(0)).select(log_events::idx).limit(NAMED).load(conn)?;
    for idx in before {
        audit.problem(Kind::Leaf, "log_events", None, format!("an event with the index {idx}"));
    }
    let beyond: Vec<i64> =
        log_search::table.filter(log_search::idx.ge(end).or(log_search::idx.lt(0))).select(log_search::idx).limit(100).load(conn)?;
    for idx in beyond {
        audit.problem(Kind::Projection, "log_search", u64::try_from(idx).ok(), "a row without an event");
    }
    let orphans: i64 = log_parts::table
        .filter(not(log_parts::event_id.eq_any(log_events::table.select(log_events::event_id))))
        .filter(not(log_parts::event_id.eq_any(log_pending::table.select(log_pending::event_id))))
        .count()
        .get_result(conn)?;
    if orphans > 0 {
        audit.problem(Kind::Part, "log_parts", None, format!("{orphans} parts belong to no event"));
    }
    let expected: BTreeMap<(i64, i64), usize> = crate::ledger::tile::changed(0, found)
        .map(|t| ((i64::from(t.level), i64::try_from(t.index).unwrap_or(i64::MAX)), usize::from(t.width) * 32))
        .collect();
    let tiles: Vec<(i64, i64, Vec<u8>)> = readable(audit, Kind::Tile, "log_tiles", log_tiles::table.load(conn))?;
    for (level, idx, hashes) in tiles {
        if expected.get(&(level, idx)) != Some(&hashes.len()) {
            audit.problem(Kind::Tile, "log_tiles", u64::try_from(idx).ok(), format!("tile {level}/{idx} does not belong to a log of {found} events"));
        }
    }
    let pending: Vec<(i64, String, Vec<u8>, Vec<u8>)> = readable(audit, Kind::Leaf, "log_pending", log_pending::table.load(conn))?;
    for (seq, event_id, leaf, mac) in pending {
        let holds = crate::crypto::same(&postgres::mac(&audit.keys.pending_key(), &event_id, &leaf), &mac);
        if !holds || Leaf::parse(&leaf).map_or(true, |l| l.id != event_id) {
            audit.problem(Kind::Leaf, "log_pending", u64::try_from(seq).ok(), "a pending event does not carry this installation's MAC");
        }
    }
    Ok(())
}
