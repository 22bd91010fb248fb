//! A log's hashes in memory: for bundles, for small sets, and for tests.

use std::convert::Infallible;

use super::{
    tile::{HEIGHT, WIDTH},
    tree::{Hash, HashReader, node_hash},
};

/// All tiles of a log, in memory: 32.13 bytes a leaf.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    levels: Vec<Vec<Hash>>,
}

impl Memory {
    /// The empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many leaves.
    pub fn size(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// Appends one leaf hash.
    pub fn push(&mut self, leaf_hash: Hash) {
        let mut hash = leaf_hash;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let hashes = &mut self.levels[level];
            hashes.push(hash);
            if !hashes.len().is_multiple_of(WIDTH) {
                break;
            }
            hash = tile_root(&hashes[hashes.len() - WIDTH..]);
        }
    }
}

/// The hash that a full tile has in the level above.
pub fn tile_root(full: &[Hash]) -> Hash {
    let mut row = full.to_vec();
    for _ in 0..HEIGHT {
        row = row.chunks_exact(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
    }
    row[0]
}

impl FromIterator<Hash> for Memory {
    fn from_iter<I: IntoIterator<Item = Hash>>(leaf_hashes: I) -> Self {
        let mut log = Self::new();
        leaf_hashes.into_iter().for_each(|hash| log.push(hash));
        log
    }
}

impl HashReader for Memory {
    type Error = Infallible;

    /// As many of the hashes as there are.
    fn tile(&self, level: u8, index: u64, width: u16) -> Result<Vec<Hash>, Infallible> {
        let hashes = self.levels.get(usize::from(level)).map_or(&[][..], Vec::as_slice);
        let start = usize::try_from(index).map_or(hashes.len(), |index| index.saturating_mul(WIDTH)).min(hashes.len());
        Ok(hashes[start..].iter().take(usize::from(width)).copied().collect())
    }
}
