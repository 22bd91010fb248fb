//! Tiles and entry bundles: how the tree lies on disk and on the wire (C2SP tlog-tiles).
//!
//! Names here; encodings of bundles and the growth of [`Tiles`] in files of their own, re-exported.

use super::encode::decimal;
pub use super::{
    bundle::{BundleError, decode_bundle, encode_bundle},
    grow::{GrowError, Tiles, changed},
};

/// A tile covers this many rows of the tree.
pub const HEIGHT: u32 = 8;
/// Hashes in a full tile, entries in a full bundle.
pub const WIDTH: usize = 1 << HEIGHT;

/// A tile of a given width: 256 is full, less is partial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileRef {
    /// 0 holds leaf hashes.
    pub level: u8,
    /// Position within the level.
    pub index: u64,
    /// How many hashes, 1 to 256.
    pub width: u16,
}

impl TileRef {
    /// The tile as it is in a tree of `size` leaves; its width is 0 if the tree does not reach it.
    pub fn within(size: u64, level: u8, index: u64) -> Self {
        let hashes = hashes_at(size, level);
        let before = index.saturating_mul(WIDTH as u64);
        Self { level, index, width: hashes.saturating_sub(before).min(WIDTH as u64) as u16 }
    }

    /// `tile/<level>/<index>`, with `.p/<width>` on a partial tile.
    pub fn path(&self) -> String {
        format!("tile/{}/{}", self.level, numbered(self.index, self.width))
    }
}

/// How many hashes level `level` has in a tree of `size` leaves.
pub(super) fn hashes_at(size: u64, level: u8) -> u64 {
    size.checked_shr(HEIGHT * u32::from(level)).unwrap_or(0)
}

/// The path of an entry bundle that holds `width` (1 to 256) entries.
pub fn entries_path(index: u64, width: u16) -> String {
    format!("tile/entries/{}", numbered(index, width))
}

/// What a path under a log's prefix names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    Hashes(TileRef),
    Entries { index: u64, width: u16 },
}

/// Reads `tile/…`; exactly one spelling of each name is accepted: the one that is written.
pub fn parse_path(path: &str) -> Option<Resource> {
    let (level, number) = path.strip_prefix("tile/")?.split_once('/')?;
    let (index, width) = match number.split_once(".p/") {
        Some((index, width)) => (index, decimal(width).filter(|width| (1..WIDTH as u64).contains(width))? as u16),
        None => (number, WIDTH as u16),
    };
    let index = index.split('/').try_fold(0u64, |number, group| {
        let group: u64 = group.strip_prefix('x').unwrap_or(group).parse().ok()?;
        number.checked_mul(1000)?.checked_add(group)
    })?;
    let (resource, written) = if level == "entries" {
        (Resource::Entries { index, width }, entries_path(index, width))
    } else {
        let level = decimal(level).filter(|level| *level <= 63)? as u8;
        let tile = TileRef { level, index, width };
        (Resource::Hashes(tile), tile.path())
    };
    (written == path).then_some(resource)
}

/// Three digits a group, all groups but the last behind an `x`: 1234067 is `x001/x234/067`.
fn numbered(index: u64, width: u16) -> String {
    let mut text = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        text = format!("x{:03}/{text}", rest % 1000);
        rest /= 1000;
    }
    if usize::from(width) < WIDTH {
        text.push_str(&format!(".p/{width}"));
    }
    text
}

/// A tile's hashes one after the other.
pub fn encode_tile(hashes: &[[u8; 32]]) -> Vec<u8> {
    hashes.concat()
}

/// The hashes of a tile file; `None` unless it holds 1 to 256 whole ones.
pub fn decode_tile(bytes: &[u8]) -> Option<Vec<[u8; 32]>> {
    let (hashes, rest) = bytes.as_chunks();
    (rest.is_empty() && (1..=WIDTH).contains(&hashes.len())).then(|| hashes.to_vec())
}
