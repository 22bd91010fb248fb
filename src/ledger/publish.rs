//! The log as files that any static server can carry (C2SP tlog-tiles): `checkpoint`, `vkey`, `tile/…`.

use std::collections::BTreeMap;

use super::{
    checkpoint::{self, NoteError, Vkey},
    tile::{BundleError, Tiles, WIDTH, encode_bundle, encode_tile, entries_path},
    tree::{Frontier, leaf_hash},
};

/// Why a log cannot be published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError<E> {
    #[error(transparent)]
    Checkpoint(#[from] NoteError),
    #[error(transparent)]
    Entry(#[from] BundleError),
    /// What would be published is not what the checkpoint was signed over. Nothing that names the checkpoint has been written.
    #[error("the entries are not the {size} that the checkpoint is signed over")]
    NotTheLog { size: u64 },
    #[error("cannot read an entry: {0}")]
    Read(E),
    #[error("cannot write {path}: {source}")]
    Write { path: String, source: E },
}

/// Hands every file of the log to `write` (path, content), the checkpoint last, holding one bundle's entries at a time.
/// `entries` are the log's entries from index 0; those past the checkpoint's size are not read.
pub fn publish<E>(
    entries: impl IntoIterator<Item = Result<Vec<u8>, E>>,
    note: &str,
    vkey: &Vkey,
    mut write: impl FnMut(&str, &[u8]) -> Result<(), E>,
) -> Result<(), PublishError<E>> {
    let checkpoint = checkpoint::open(note, vkey)?;
    let mut put = |path: String, bytes: &[u8]| write(&path, bytes).map_err(|source| PublishError::Write { path, source });
    let mut entries = entries.into_iter();
    let (mut tiles, mut frontier) = (Tiles::default(), Frontier::new());
    // Tiles above the leaves stay here until they are full, so that no width is written that the log never published.
    let mut partial = BTreeMap::new();
    while tiles.size() < checkpoint.size {
        let due = (checkpoint.size - tiles.size()).min(WIDTH as u64) as usize;
        let bundle = entries.by_ref().take(due).collect::<Result<Vec<_>, _>>().map_err(PublishError::Read)?;
        if bundle.len() < due {
            return Err(PublishError::NotTheLog { size: checkpoint.size });
        }
        put(entries_path(tiles.size() / WIDTH as u64, due as u16), &encode_bundle(&bundle)?)?;
        let hashes: Vec<_> = bundle.iter().map(|entry| leaf_hash(entry)).collect();
        frontier.extend(hashes.iter().copied());
        for (tile, hashes) in tiles.grow(&hashes) {
            if usize::from(tile.width) == WIDTH {
                partial.remove(&tile.level);
                put(tile.path(), &encode_tile(&hashes))?;
            } else {
                partial.insert(tile.level, (tile, hashes));
            }
        }
    }
    if frontier.root() != checkpoint.root {
        return Err(PublishError::NotTheLog { size: checkpoint.size });
    }
    for (tile, hashes) in partial.values() {
        put(tile.path(), &encode_tile(hashes))?;
    }
    put("vkey".to_owned(), format!("{vkey}\n").as_bytes())?;
    put("checkpoint".to_owned(), note.as_bytes())
}

/// The same as a map, for logs that fit in memory.
pub fn files(entries: &[Vec<u8>], note: &str, vkey: &Vkey) -> Result<BTreeMap<String, Vec<u8>>, PublishError<std::convert::Infallible>> {
    let mut files = BTreeMap::new();
    publish(entries.iter().cloned().map(Ok), note, vkey, |path, bytes| {
        files.insert(path.to_owned(), bytes.to_vec());
        Ok(())
    })?;
    Ok(files)
}
