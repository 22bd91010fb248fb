//! Evidence bundles and audit packs in the course of retention: files that were sealed, kept for `retention.bundles` days and three calendar
//! years at least, then erased, each with an event that names its hash and its case. The row stays: the log commits to the hash.
//!
//! The event comes first, the file goes afterwards; what a crash leaves behind goes the next night. A bundle is held while any hold covers
//! any event of its case; a pack, which is about many cases, while any hold is in force. Not here: what a bundle is (`app::evidence`).

use std::{path::Path, time::Duration};

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
    /// Would go but for a hold.
    pub held: u64,
    pub oldest: Option<Instant>,
}

/// For how long the files of erased rows are looked for again.
const AGAIN: Duration = Duration::from_secs(30 * 86_400);

fn before(app: &App) -> Instant {
    bundle_cut_off(app.now(), app.config.retention.bundles, &super::zone(app))
}

fn counted(app: &App, (files, held, oldest): (u64, u64, Option<Instant>)) -> Archived {
    Archived { days: app.config.retention.bundles, before: before(app), files, held, oldest }
}

/// What would be erased now.
pub(super) async fn look(app: &App) -> AppResult<Archived> {
    let before = before(app);
    let found = app.store.read(move |conn| {
        let (holds, mut tally) = (holds::keeping(conn)?, (0, 0, None));
        for file in archived::due(conn, before)? {
            if archived::is_held(conn, &holds, &file)? {
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
        crate::crash::point("retention.file_erased");
    }
    let since = app.now().minus(AGAIN);
    for path in app.store.read(move |conn| archived::erased_since(conn, since)).await? {
        remove(&app.store.data().join(path));
    }
    Ok(counted(app, tally))
}

/// Whether it was erased; not if a hold covers it.
async fn erase_one(app: &App, actor: &Caller, file: &File) -> AppResult<bool> {
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
        let path = app.store.data().join(&file.path);
        tokio::task::spawn_blocking(move || remove(&path)).await.map_err(|_| StoreError::Panicked)?;
    }
    Ok(erased)
}

/// Takes a file and its checksum away; one that is gone already is no trouble.
fn remove(path: &Path) {
    for path in [path, &path.with_extension("zip.sha256")] {
        match std::fs::remove_file(path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                tracing::error!(path = %path.display(), error = %e, "a file that retention has erased is still there");
            }
            _ => {}
        }
    }
}
