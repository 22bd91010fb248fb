//! The tree: RFC 6962 hashes, roots and proofs, read through tiles.
//!
//! Not here: how tiles are named, encoded and grown ([`super::tile`]). Proofs are made from tiles of 256 hashes, so a reader
//! answers a handful of small reads whatever the size of the log.

use std::{cell::RefCell, collections::HashMap};

use sha2::{Digest, Sha256};

use super::tile::{HEIGHT, TileRef};
pub use super::{
    frontier::{Frontier, FrontierError},
    memory::{Memory, tile_root},
    verify::{verify_consistency, verify_inclusion},
};

/// SHA-256.
pub type Hash = [u8; 32];

/// The root of the empty tree: SHA-256 of nothing.
pub const EMPTY_ROOT: Hash = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c,
    0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];

/// `SHA-256(0x00 || entry)`.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(entry).finalize().into()
}

/// `SHA-256(0x01 || left || right)`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// Where the hashes of a log lie.
pub trait HashReader {
    type Error;

    /// The first `width` (1 to 256) hashes of tile `index` at `level`; level 0 holds leaf hashes, hash `i` of level `l` covers `256^l`
    /// leaves. `width` is what the tile holds in a tree of the size asked about, so that a reader over published files finds `.p/W`.
    fn tile(&self, level: u8, index: u64, width: u16) -> Result<Vec<Hash>, Self::Error>;
}

/// Why a root or proof cannot be made.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TreeError<E> {
    #[error("a tile cannot be read: {0}")]
    Read(E),
    /// The reader answered with fewer or more hashes than asked for.
    #[error("tile {index} of level {level} holds {found} hashes where the log has {width}", level = .tile.level, index = .tile.index, width = .tile.width)]
    Width { tile: TileRef, found: usize },
    #[error("{asked} lies outside a log of {size}")]
    OutOfRange { asked: u64, size: u64 },
}

/// The root of the first `size` leaves.
pub fn root<R: HashReader>(reader: &R, size: u64) -> Result<Hash, TreeError<R::Error>> {
    Prover::new(reader, size).root()
}

/// The siblings of leaf `index` in the tree of `size`, leaf to root (RFC 6962 §2.1.1).
pub fn inclusion<R: HashReader>(reader: &R, index: u64, size: u64) -> Result<Vec<Hash>, TreeError<R::Error>> {
    Prover::new(reader, size).inclusion(index)
}

/// Proof that the tree of `to` leaves begins with the tree of `from` leaves (RFC 6962 §2.1.2); empty for 0 and for `to` itself.
pub fn consistency<R: HashReader>(reader: &R, from: u64, to: u64) -> Result<Vec<Hash>, TreeError<R::Error>> {
    Prover::new(reader, to).consistency(from)
}

/// Makes many proofs against one size, reading and hashing each tile once.
pub struct Prover<'r, R> {
    reader: &'r R,
    size: u64,
    tiles: RefCell<HashMap<(u8, u64), Rows>>,
}

/// A tile's hashes, then the nodes over them: row `r` holds the complete subtrees of `2^r` hashes.
type Rows = Vec<Vec<Hash>>;

/// Tiles kept at a time; about 16 KiB each. Every event of a case, or a page of the viewer, stays within.
const KEPT: usize = 1024;

impl<'r, R: HashReader> Prover<'r, R> {
    /// Reads nothing yet.
    pub fn new(reader: &'r R, size: u64) -> Self {
        Self { reader, size, tiles: RefCell::default() }
    }

    /// See [`root`].
    pub fn root(&self) -> Result<Hash, TreeError<R::Error>> {
        if self.size == 0 { Ok(EMPTY_ROOT) } else { self.range(0, self.size) }
    }

    /// See [`inclusion`].
    pub fn inclusion(&self, index: u64) -> Result<Vec<Hash>, TreeError<R::Error>> {
        if index >= self.size {
            return Err(TreeError::OutOfRange { asked: index, size: self.size });
        }
        let (mut start, mut end) = (0, self.size);
        let mut proof = Vec::new();
        while end - start > 1 {
            let middle = start + split(end - start);
            if index < middle {
                proof.push(self.range(middle, end)?);
                end = middle;
            } else {
                proof.push(self.range(start, middle)?);
                start = middle;
            }
        }
        proof.reverse();
        Ok(proof)
    }

    /// See [`consistency`].
    pub fn consistency(&self, from: u64) -> Result<Vec<Hash>, TreeError<R::Error>> {
        if from > self.size {
            return Err(TreeError::OutOfRange { asked: from, size: self.size });
        }
        if from == 0 || from == self.size {
            return Ok(Vec::new());
        }
        let (mut start, mut end) = (0, self.size);
        let mut proof = Vec::new();
        // Down to the subtree that the old tree ends with; it is left out only if the old tree is that subtree alone.
        while end != from {
            let middle = start + split(end - start);
            if from <= middle {
                proof.push(self.range(middle, end)?);
                end = middle;
            } else {
                proof.push(self.range(start, middle)?);
                start = middle;
            }
        }
        if start != 0 {
            proof.push(self.range(start, end)?);
        }
        proof.reverse();
        Ok(proof)
    }

    /// The roots of the complete subtrees that the tree is made of, largest first.
    pub(super) fn peaks(&self) -> Result<Vec<Hash>, TreeError<R::Error>> {
        let mut start = 0;
        (0..64u32)
            .rev()
            .filter(|height| self.size >> height & 1 == 1)
            .map(|height| {
                let peak = self.complete(start, height);
                start += 1 << height;
                peak
            })
            .collect()
    }

    /// The RFC 6962 hash of leaves `start..end`; `start` is a multiple of the largest power of two not above `end - start`.
    fn range(&self, start: u64, end: u64) -> Result<Hash, TreeError<R::Error>> {
        let count = end - start;
        if count.is_power_of_two() {
            return self.complete(start, count.trailing_zeros());
        }
        let middle = start + split(count);
        Ok(node_hash(&self.range(start, middle)?, &self.range(middle, end)?))
    }

    /// The root of the complete subtree of `2^height` leaves that begins at leaf `start`, a multiple of them.
    fn complete(&self, start: u64, height: u32) -> Result<Hash, TreeError<R::Error>> {
        let (level, row) = (height / HEIGHT, height % HEIGHT);
        // Which subtree of this height it is; within a tile there are `256 / 2^row` of them.
        let nth = start >> height;
        let tile = TileRef::within(self.size, level as u8, nth >> (HEIGHT - row));
        let within = (nth & ((1 << (HEIGHT - row)) - 1)) as usize;
        let key = (tile.level, tile.index);
        if !self.tiles.borrow().contains_key(&key) {
            let hashes = self.reader.tile(tile.level, tile.index, tile.width).map_err(TreeError::Read)?;
            if hashes.len() != usize::from(tile.width) {
                return Err(TreeError::Width { tile, found: hashes.len() });
            }
            let mut tiles = self.tiles.borrow_mut();
            if tiles.len() >= KEPT {
                tiles.clear();
            }
            tiles.insert(key, rows(hashes));
        }
        Ok(self.tiles.borrow()[&key][row as usize][within])
    }
}

/// The largest power of two below `n`, for `n` of at least 2.
fn split(n: u64) -> u64 {
    1 << (63 - (n - 1).leading_zeros())
}

/// The nodes over a tile's hashes; what does not fill a subtree has none (partial tiles are never hashed upward).
fn rows(hashes: Vec<Hash>) -> Rows {
    let mut rows = vec![hashes];
    for _ in 1..HEIGHT {
        let below = &rows[rows.len() - 1];
        rows.push(below.chunks_exact(2).map(|pair| node_hash(&pair[0], &pair[1])).collect());
    }
    rows
}
