//! Taking events into the log: index, tree, tiles, head, projection, in one transaction of the caller's.
//!
//! Nothing is remembered between calls: head and right edge are read afresh each time, because other processes append too.

use std::{collections::BTreeMap, fs, io::Write, path::Path};

use diesel::prelude::*;

use super::{
    Conn, StoreError,
    head_mac::HeadMac,
    kept::Keep,
    schema::{log_events, log_head, log_parts, log_search, log_tiles},
    search::{self, SearchRow},
    tx::PartRow,
};
use crate::{
    crypto::private,
    ledger::{
        leaf::Leaf,
        tile::{TileRef, Tiles, decode_tile, encode_tile},
        tree::{Frontier, Hash, HashReader, leaf_hash},
    },
    on_each,
};

/// Rows from which COPY is faster than INSERT on PostgreSQL.
const MANY: usize = 24;

/// Inserts rows: row by row through a prepared statement on SQLite, where a batch gains nothing and costs a savepoint; on PostgreSQL, where
/// round trips count, by COPY where they are many, else four, two and one a statement: those few statements stay prepared.
macro_rules! insert_all {
    ($conn:expr, $table:expr, $rows:expr) => {{
        let rows = $rows;
        match &mut *$conn {
            Conn::Sqlite(c) => {
                for row in rows {
                    diesel::insert_into($table).values(row).execute(c)?;
                }
            }
            Conn::Postgres(c) if rows.len() >= MANY => {
                diesel::copy_from($table).from_insertable(rows).execute(c)?;
            }
            Conn::Postgres(c) => {
                let (fours, rest) = rows.as_chunks::<4>();
                for four in fours {
                    diesel::insert_into($table).values(four.clone()).execute(c)?;
                }
                let (twos, rest) = rest.as_chunks::<2>();
                for two in twos {
                    diesel::insert_into($table).values(two.clone()).execute(c)?;
                }
                for row in rest {
                    diesel::insert_into($table).values(row).execute(c)?;
                }
            }
        }
    }};
}

/// The head of the log as stored.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = log_head)]
pub struct Head {
    pub id: i64,
    pub size: i64,
    pub root: Vec<u8>,
    pub frontier: Vec<u8>,
    /// The latest time of any event.
    pub last_at: i64,
    pub checkpoint_seq: i64,
    /// See `head_mac`; none in a database from before.
    pub mac: Option<Vec<u8>>,
}

impl Head {
    pub fn size(&self) -> u64 {
        u64::try_from(self.size).unwrap_or(0)
    }
}

/// An event that takes its place: its leaf, and its parts opened, for the projection.
pub(super) struct Arrival {
    pub event_id: String,
    pub bytes: Vec<u8>,
    pub leaf: Leaf,
    pub parts: BTreeMap<String, Vec<u8>>,
}

/// A row of `log_events`.
#[derive(Clone, Insertable)]
#[diesel(table_name = log_events, treat_none_as_default_value = false)]
struct EventRow {
    idx: i64,
    event_id: String,
    leaf: Vec<u8>,
}

pub(super) fn head(conn: &mut Conn) -> Result<Head, StoreError> {
    Ok(log_head::table.find(1).first(conn)?)
}

pub(super) fn index_of(conn: &mut Conn, event_id: &str) -> Result<Option<u64>, StoreError> {
    let idx: Option<i64> = log_events::table.filter(log_events::event_id.eq(event_id)).select(log_events::idx).first(conn).optional()?;
    Ok(idx.and_then(|i| u64::try_from(i).ok()))
}

/// Gives `arrivals` the next indices, in order, and answers the first. The head is changed by compare-and-set: if another process was
/// faster, also in signing it, the answer is [`StoreError::Serialization`] and the caller's transaction must be undone.
pub(super) fn integrate(conn: &mut Conn, arrivals: &[Arrival], mac: &HeadMac) -> Result<u64, StoreError> {
    let head = head(conn)?;
    let first = head.size();
    if arrivals.is_empty() {
        return Ok(first);
    }
    let corrupt = |what: String| StoreError::Corrupt(format!("log head: {what}"));
    let mut frontier = Frontier::from_bytes(&head.frontier).map_err(|e| corrupt(e.to_string()))?;
    let mut tiles = Tiles::open(first, edge(conn, first)?).map_err(|e| corrupt(e.to_string()))?;

    let hashes: Vec<Hash> = arrivals.iter().map(|a| leaf_hash(&a.bytes)).collect();
    for hash in &hashes {
        frontier.append(*hash);
    }
    let mut events = Vec::with_capacity(arrivals.len());
    let mut rows: Vec<SearchRow> = Vec::with_capacity(arrivals.len());
    for (index, arrival) in (first..).zip(arrivals) {
        let row = search::project(index, &arrival.leaf, &arrival.parts);
        events.push(EventRow { idx: row.idx, event_id: arrival.event_id.clone(), leaf: arrival.bytes.clone() });
        rows.push(row);
    }
    insert_all!(conn, log_events::table, &events);
    insert_all!(conn, log_search::table, &rows);
    for (tile, hashes) in tiles.grow(&hashes) {
        put_tile(conn, &tile, &hashes)?;
    }

    let next = Head {
        size: head.size.saturating_add(i64::try_from(arrivals.len()).unwrap_or(i64::MAX)),
        root: frontier.root().to_vec(),
        frontier: frontier.to_bytes(),
        last_at: arrivals.iter().map(|a| a.leaf.at.0).fold(head.last_at, i64::max),
        ..head.clone()
    };
    let same =
        log_head::table.filter(log_head::id.eq(1)).filter(log_head::size.eq(head.size)).filter(log_head::checkpoint_seq.eq(head.checkpoint_seq));
    let moved = diesel::update(same)
        .set((
            log_head::size.eq(next.size),
            log_head::root.eq(&next.root),
            log_head::frontier.eq(&next.frontier),
            log_head::last_at.eq(next.last_at),
            log_head::mac.eq(mac.follow(&head, &next)),
        ))
        .kept()
        .execute(conn)?;
    if moved == 1 { Ok(first) } else { Err(StoreError::Serialization) }
}

/// The partial tiles at the right edge of a log of `size`.
fn edge(conn: &mut Conn, size: u64) -> Result<BTreeMap<u8, Vec<Hash>>, StoreError> {
    let mut edge = BTreeMap::new();
    for tile in Tiles::edge(size) {
        edge.insert(tile.level, read_tile(conn, tile.level, tile.index)?);
    }
    Ok(edge)
}

fn read_tile(conn: &mut Conn, level: u8, index: u64) -> Result<Vec<Hash>, StoreError> {
    let key = (i64::from(level), i64::try_from(index).unwrap_or(i64::MAX));
    let bytes: Option<Vec<u8>> = log_tiles::table.find(key).select(log_tiles::hashes).first(conn).optional()?;
    let bytes = bytes.ok_or_else(|| StoreError::Corrupt(format!("tile {level}/{index} is missing")))?;
    decode_tile(&bytes).ok_or_else(|| StoreError::Corrupt(format!("tile {level}/{index} is not made of hashes")))
}

fn put_tile(conn: &mut Conn, tile: &TileRef, hashes: &[Hash]) -> Result<(), StoreError> {
    let row = (
        log_tiles::level.eq(i64::from(tile.level)),
        log_tiles::idx.eq(i64::try_from(tile.index).unwrap_or(i64::MAX)),
        log_tiles::hashes.eq(encode_tile(hashes)),
    );
    on_each!(&mut *conn, c => diesel::insert_into(log_tiles::table)
        .values(row.clone())
        .on_conflict((log_tiles::level, log_tiles::idx))
        .do_update()
        .set(log_tiles::hashes.eq(encode_tile(hashes)))
        .kept()
        .execute(c))?;
    Ok(())
}

pub(super) fn put_parts(conn: &mut Conn, parts: &[PartRow]) -> Result<(), StoreError> {
    insert_all!(conn, log_parts::table, parts);
    Ok(())
}

/// Reads the log's hashes from its tiles, for roots and proofs.
pub struct TileReader<'a>(std::cell::RefCell<&'a mut Conn>);

impl<'a> TileReader<'a> {
    pub fn new(conn: &'a mut Conn) -> Self {
        Self(std::cell::RefCell::new(conn))
    }
}

impl HashReader for TileReader<'_> {
    type Error = StoreError;

    fn tile(&self, level: u8, index: u64, width: u16) -> Result<Vec<Hash>, StoreError> {
        let mut hashes = read_tile(&mut self.0.borrow_mut(), level, index)?;
        hashes.truncate(usize::from(width));
        Ok(hashes)
    }
}

/// This node's name in leaves: random, made once for each data folder.
pub(super) fn node_name(data: &Path) -> Result<String, StoreError> {
    let path = data.join("node");
    let failed = |e: std::io::Error| StoreError::Unavailable(format!("{}: {e}", path.display()));
    match fs::read_to_string(&path) {
        Ok(text) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(failed(e)),
        _ => {
            let name = hex::encode(crate::crypto::random::<6>());
            private::folder(data).and_then(|()| private::file(&path)?.write_all(format!("{name}\n").as_bytes())).map_err(failed)?;
            Ok(name)
        }
    }
}
