//! How tiles grow: which are written when the log gets longer, and what stands in them.
//!
//! A store keeps one row for each (level, index) whose hashes only ever grow; a full tile never changes again.

use std::collections::BTreeMap;

use super::{
    memory::tile_root,
    tile::{TileRef, WIDTH, hashes_at},
    tree::Hash,
};

/// Levels that a log of `u64` leaves can have.
const LEVELS: u8 = 8;

/// The tiles that differ between a log of `old_size` and the same log at `new_size`, each at its new width, by level and index.
/// `changed(0, size)` lists every tile of a log. The entry bundles that differ have the indices and widths of level 0.
pub fn changed(old_size: u64, new_size: u64) -> impl Iterator<Item = TileRef> {
    (0..LEVELS).flat_map(move |level| {
        let (old, new) = (hashes_at(old_size, level), hashes_at(new_size, level));
        let indices = if new > old { old / WIDTH as u64..new.div_ceil(WIDTH as u64) } else { 0..0 };
        indices.map(move |index| TileRef::within(new_size, level, index))
    })
}

/// The stored right edge does not belong to a log of that size.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("level {level} of a log of {size} ends in a tile of {expected} hashes; the stored one has {found}")]
pub struct GrowError {
    pub size: u64,
    pub level: u8,
    pub expected: usize,
    pub found: usize,
}

/// The right edge of the tiles: at each level the hashes of the tile that is not full.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tiles {
    size: u64,
    partial: BTreeMap<u8, Vec<Hash>>,
}

impl Tiles {
    /// The tiles that [`Tiles::open`] wants for a log of `size`: the partial ones.
    pub fn edge(size: u64) -> impl Iterator<Item = TileRef> {
        (0..LEVELS).map(move |level| TileRef::within(size, level, hashes_at(size, level) / WIDTH as u64)).filter(|tile| tile.width > 0)
    }

    /// Takes up a log of `size` from its stored partial tiles, level -> hashes.
    pub fn open(size: u64, partial: BTreeMap<u8, Vec<Hash>>) -> Result<Self, GrowError> {
        for level in 0..=u8::MAX {
            let expected = (hashes_at(size, level) % WIDTH as u64) as usize;
            let found = partial.get(&level).map_or(0, Vec::len);
            if found != expected {
                return Err(GrowError { size, level, expected, found });
            }
        }
        Ok(Self { size, partial })
    }

    /// How many leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends leaf hashes; answers every tile of [`changed`], whole: what it held before, then what is new.
    pub fn grow(&mut self, leaf_hashes: &[Hash]) -> Vec<(TileRef, Vec<Hash>)> {
        let old_size = self.size;
        self.size += leaf_hashes.len() as u64;
        let mut written = Vec::new();
        let mut incoming = leaf_hashes.to_vec();
        for level in 0..LEVELS {
            if incoming.is_empty() {
                break;
            }
            let first = hashes_at(old_size, level) / WIDTH as u64;
            let mut hashes = self.partial.remove(&level).unwrap_or_default();
            hashes.append(&mut incoming);
            for (index, tile) in (first..).zip(hashes.chunks(WIDTH)) {
                if tile.len() == WIDTH {
                    incoming.push(tile_root(tile));
                } else {
                    self.partial.insert(level, tile.to_vec());
                }
                written.push((TileRef { level, index, width: tile.len() as u16 }, tile.to_vec()));
            }
        }
        written
    }
}
