//! The log as anybody with the right may mirror it over HTTP: its newest signed checkpoint, its tiles, its entries (C2SP tlog-tiles).
//!
//! Only what a checkpoint covers is given out. These readings leave no event: mirrors ask every few seconds, what they get is made to be
//! given out and holds no erasable part, and a log that grew by being looked at would have no end. Who may ask is a scope of its own,
//! so that a mirror's token opens nothing else.

use super::{App, AppError, AppResult, Caller};
use crate::{
    domain::role::Permission,
    ledger::{
        checkpoint,
        tile::{Resource, TileRef, WIDTH, encode_bundle, encode_tile, parse_path},
        tree::HashReader,
    },
    store::{
        StoreError,
        reader::{self, TileReader},
        witnesses,
    },
};

fn allow(app: &App, caller: Option<&Caller>) -> AppResult<()> {
    if app.config.log_public || caller.is_some_and(|c| c.may(Permission::LogRead)) { Ok(()) } else { Err(AppError::Forbidden(Permission::LogRead)) }
}

/// The newest checkpoint, a signed note with the lines of those who cosigned it. Signs nothing: a server does that every few seconds.
///
/// # Errors
/// `Forbidden` without `log_public` or the scope; `NotFound` while nothing is signed.
pub async fn newest(app: &App, caller: Option<&Caller>) -> AppResult<String> {
    allow(app, caller)?;
    let (vkey, known) = (app.store.vkey()?, app.witnesses.policy.keys());
    let newest = app.store.read(move |conn| {
        let Some(note) = reader::last_checkpoint(conn)? else { return Ok(None) };
        let size = checkpoint::open(&note, &vkey).map_err(|e| StoreError::Corrupt(format!("a checkpoint of ours: {e}")))?.size;
        witnesses::cosigned(conn, size, note, &known).map(Some)
    });
    newest.await?.ok_or(AppError::NotFound)
}

/// The bytes behind `tile/…`.
///
/// # Errors
/// As [`newest`]; `NotFound` also for another spelling of a name, and for a width that the signed log does not have.
pub async fn tile(app: &App, caller: Option<&Caller>, path: &str) -> AppResult<Vec<u8>> {
    allow(app, caller)?;
    let wanted = parse_path(path).ok_or(AppError::NotFound)?;
    let vkey = app.store.vkey()?;
    let bytes = app
        .store
        .read(move |conn| {
            let note = reader::last_checkpoint(conn)?.ok_or(StoreError::NotFound)?;
            let size = checkpoint::open(&note, &vkey).map_err(|e| StoreError::Corrupt(format!("a checkpoint of ours: {e}")))?.size;
            let there = |level, index, width| TileRef::within(size, level, index).width >= width;
            match wanted {
                Resource::Hashes(tile) if there(tile.level, tile.index, tile.width) => {
                    Ok(encode_tile(&TileReader::new(conn).tile(tile.level, tile.index, tile.width)?))
                }
                Resource::Entries { index, width } if there(0, index, width) => {
                    let events = reader::events_from(conn, index * WIDTH as u64, i64::from(width))?;
                    let entries: Vec<Vec<u8>> = events.into_iter().map(|e| e.bytes).collect();
                    if entries.len() < usize::from(width) {
                        return Err(StoreError::Corrupt(format!("entries of bundle {index} are missing")));
                    }
                    encode_bundle(&entries).map_err(|e| StoreError::Corrupt(e.to_string()))
                }
                _ => Err(StoreError::NotFound),
            }
        })
        .await;
    match bytes {
        Err(StoreError::NotFound) => Err(AppError::NotFound),
        other => Ok(other?),
    }
}
