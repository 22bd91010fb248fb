//! The frontier: all that is needed to append to a tree and to know its root, in at most 64 hashes.

use super::{
    tile::{HEIGHT, WIDTH},
    tree::{EMPTY_ROOT, Hash, HashReader, Prover, TreeError, node_hash},
};

/// A tree's size and the roots of the complete subtrees it is made of, largest first (a compact range).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

/// Bytes that no [`Frontier::to_bytes`] wrote.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a stored frontier of {found} bytes; its size asks for {expected}")]
pub struct FrontierError {
    pub found: usize,
    pub expected: usize,
}

impl Frontier {
    /// The empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// Rebuilds the frontier of the first `size` leaves from tiles.
    pub fn read<R: HashReader>(reader: &R, size: u64) -> Result<Self, TreeError<R::Error>> {
        Ok(Self { size, peaks: Prover::new(reader, size).peaks()? })
    }

    /// How many leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the complete subtrees, largest first.
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// A frontier from what [`Frontier::size`] and [`Frontier::peaks`] said; `None` if their numbers do not fit.
    pub fn of(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        (peaks.len() == size.count_ones() as usize).then_some(Self { size, peaks })
    }

    /// Appends one leaf hash.
    pub fn append(&mut self, leaf_hash: Hash) {
        self.grow(0, leaf_hash);
    }

    /// Appends the 256 leaves of a full tile by their common root, see [`super::tree::tile_root`]; the tree must be made of full tiles so far.
    pub fn append_tile(&mut self, root: Hash) {
        debug_assert!(self.size.is_multiple_of(WIDTH as u64), "a tile begins where a tile ends");
        self.grow(HEIGHT, root);
    }

    /// Appends a complete subtree of `2^height` leaves to a tree of a multiple of them. Whoever appends to a frontier of a stranger's sees to it
    /// before that the size has room: a tree of 2^64 leaves is a mistake and panics.
    fn grow(&mut self, height: u32, root: Hash) {
        let merged = (self.size >> height).trailing_ones() as usize;
        let keep = self.peaks.len() - merged;
        let hash = self.peaks.drain(keep..).rev().fold(root, |right, left| node_hash(&left, &right));
        self.peaks.push(hash);
        self.size = self.size.checked_add(1 << height).expect("a tree of fewer than 2^64 leaves");
    }

    /// The RFC 6962 root.
    pub fn root(&self) -> Hash {
        self.peaks.iter().rev().copied().reduce(|right, left| node_hash(&left, &right)).unwrap_or(EMPTY_ROOT)
    }

    /// Size in eight bytes, big-endian, then the hashes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.size.to_be_bytes().to_vec();
        bytes.extend(self.peaks.iter().flatten());
        bytes
    }

    /// Reads [`Frontier::to_bytes`]. Only the length can be checked here; compare [`Frontier::root`] with a root you trust.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FrontierError> {
        let (size, rest) = bytes.split_first_chunk().ok_or(FrontierError { found: bytes.len(), expected: 8 })?;
        let size = u64::from_be_bytes(*size);
        let (peaks, left_over) = rest.as_chunks();
        if peaks.len() != size.count_ones() as usize || !left_over.is_empty() {
            return Err(FrontierError { found: bytes.len(), expected: 8 + 32 * size.count_ones() as usize });
        }
        Ok(Self { size, peaks: peaks.to_vec() })
    }
}

impl Extend<Hash> for Frontier {
    fn extend<I: IntoIterator<Item = Hash>>(&mut self, leaf_hashes: I) {
        leaf_hashes.into_iter().for_each(|hash| self.append(hash));
    }
}
