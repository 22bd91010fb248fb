//! Evidence bundles and audit packs in the course of retention: files that were sealed, kept for `retention.bundles` days and three calendar
//! years at least, then erased, each with an event that names its hash and its case. The row stays: the log commits to the hash.
//!
//! The event comes first, the file goes afterwards. What a crash leaves behind, and what lies on another node than the one that erased it, goes
//! when its node looks ([`tidy`]): only what the log says was erased, and only where bundles and packs lie. A bundle is held while any hold
//! covers any event of its case; a pack, which is about many cases, while any hold is in force. Not here: what a bundle is (`app::evidence`).

use std::path::{Path, PathBuf};

use serde_json::json;

use super::super::{App, AppResult, Caller};
use crate::{
    clock::Instant,
    domain::{
        event::{Action, Subject},
        retention::bundle_cut_off,
    },
    store::{
        StoreError,
        archived::{self, File},
        holds, purge,
    },
};

/// What is due of bundles and packs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Archived {
    /// Their period.
    pub days: u32,
    /// What was sealed before this instant is due.
    pub before: Instant,
    /// Would go, or went.
    pub files: u64,
    /// Would go but for a hold, or because a row names no file of ours.
    pub held: u64,
    pub oldest: Option<Instant>,
}

/// The file of a bundle or a pack below the data folder, if its row names it as the product does: `evidence/<folder>/<number>.zip`. Any other
/// path was written past the product, and nothing is removed by it.
fn file_of(data: &Path, kind: &str, number: &str, path: &str) -> Option<PathBuf> {
    let folders: &[&str] = if kind == archived::PACK { &["audits"] } else { &["archive", "full", "masked"] };
    let plain = !number.is_empty() && number.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let named = folders.iter().any(|folder| path == format!("evidence/{folder}/{number}.zip"));
    (plain && named).then(|| data.join(path))
}

fn before(app: &App) -> Instant {
    bundle_cut_off(app.now(), app.config.retention.bundles, &super::zone(app))
}

fn counted(app: &App, (files, held, oldest): (u64, u64, Option<Instant>)) -> Archived {
    Archived { days: app.config.retention.bundles, before: before(app), files, held, oldest }
}

/// What would be erased now.
pub(super) async fn look(app: &App) -> AppResult<Archived> {
    let (before, data) = (before(app), app.store.data().to_owned());
    let found = app.store.read(move |conn| {
        let (holds, mut tally) = (holds::keeping(conn)?, (0, 0, None));
        for file in archived::due(conn, before)? {
            if file_of(&data, file.kind, &file.number, &file.path).is_none() || archived::is_held(conn, &holds, &file)? {
                tally.1 += 1;
            } else {
                tally.0 += 1;
            }
            tally.2 = tally.2.into_iter().chain([file.sealed_at]).min();
        }
        Ok(tally)
    });
    Ok(counted(app, found.await?))
}

/// Erases what is due, one write a file.
pub(super) async fn erase(app: &App, actor: &Caller) -> AppResult<Archived> {
    let before = before(app);
    let mut tally = (0, 0, None);
    for file in app.store.read(move |conn| archived::due(conn, before)).await? {
        tally.2 = tally.2.into_iter().chain([file.sealed_at]).min();
        if erase_one(app, actor, &file).await? {
            tally.0 += 1;
        } else {
            tally.1 += 1;
        }
    }
    tidy(app).await?;
    Ok(counted(app, tally))
}

/// Removes the files below this node's data folder that the log says were erased, whichever node erased them and however long ago.
///
/// # Errors
/// Those of the store; a file that cannot be removed is told in the program's own log, and tried again.
pub async fn tidy(app: &App) -> AppResult<()> {
    let data = app.store.data().to_owned();
    let there = move |path: &str| both(&data.join(path)).iter().any(|file| file.exists());
    let erased = app.store.read(move |conn| archived::erased(conn, &there)).await?;
    let data = app.store.data().to_owned();
    let remove_all = move || {
        for (kind, number, path) in erased {
            match file_of(&data, kind, &number, &path) {
                Some(file) => remove(&file),
                None => tracing::error!(kind, number, "its path is not one of ours; nothing was removed"),
            }
        }
    };
    Ok(tokio::task::spawn_blocking(remove_all).await.map_err(|_| StoreError::Panicked)?)
}

/// Whether it was erased; not if a hold covers it, or if its row names no file of ours.
async fn erase_one(app: &App, actor: &Caller, file: &File) -> AppResult<bool> {
    let Some(path) = file_of(app.store.data(), file.kind, &file.number, &file.path) else {
        tracing::error!(kind = file.kind, number = file.number, "its path is not one of ours; it stays");
        return Ok(false);
    };
    let detail = json!({
        "number": file.number, "sha256": hex::encode(&file.sha256), "bytes": file.size, "sealed_at": file.sealed_at.to_rfc3339(),
    });
    let mut event = actor.event(Action::EvidenceErased, Subject::new(file.kind, file.id.clone())).detail(detail);
    if let Some(case) = &file.case {
        event = event.case(case);
    }
    let of = file.clone();
    let written = app.store.write(move |tx| {
        // As for parts: a hold that was placed a moment ago counts.
        purge::turn(tx.conn)?;
        let holds = holds::keeping(tx.conn)?;
        if archived::is_held(tx.conn, &holds, &of)? || !archived::erase(tx.conn, &of, tx.now())? {
            return Ok(false);
        }
        tx.append(event.clone())?;
        Ok(true)
    });
    let erased = written.await?.value;
    if erased {
        crate::crash::point("retention.file_erased");
        tokio::task::spawn_blocking(move || remove(&path)).await.map_err(|_| StoreError::Panicked)?;
    }
    Ok(erased)
}

/// A file and its checksum.
fn both(path: &Path) -> [PathBuf; 2] {
    [path.to_owned(), path.with_extension("zip.sha256")]
}

/// Takes a file and its checksum away; one that is gone already is no trouble.
fn remove(path: &Path) {
    for path in both(path) {
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                tracing::error!(path = %path.display(), error = %e, "a file that retention has erased is still there");
            }
            _ => {}
        }
    }
}
