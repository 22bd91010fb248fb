//! The keys of parts in the course of a run: ended once everything that they sealed has lived its time. Not here: how a key ends
//! (`store::key_ends`), which bucket is over (`domain::kept`).

use super::super::{App, AppResult, Caller};
use crate::{
    domain::{
        event::{Action, Subject},
        kept::{self, HELD},
        retention::Cuts,
    },
    store::{StoreError, key_ends},
};

/// Ends the keys of buckets that are over and of held ones of which something was purged; what is held of them is sealed anew before, in
/// small writes. Answers the buckets whose key was destroyed.
pub(super) async fn end(app: &App, actor: &Caller, cuts: &Cuts) -> AppResult<Vec<String>> {
    let alive = app.store.read(key_ends::alive).await?;
    let ends = |(bucket, spent): &(String, bool)| if bucket.starts_with(HELD) { *spent } else { kept::is_over(bucket, |class| cuts.of(class)) };
    let buckets: Vec<String> = alive.into_iter().filter(ends).map(|(bucket, _)| bucket).collect();
    if buckets.is_empty() {
        return Ok(buckets);
    }
    let spent = buckets.clone();
    app.store.write(move |tx| key_ends::spend(tx.conn, &spent)).await?;
    let mut after = key_ends::PartId::default();
    loop {
        let (of, from) = (buckets.clone(), after.clone());
        let page = app.store.read(move |conn| key_ends::lying(conn, &of, &from)).await?;
        let Some(last) = page.last() else { break };
        after = last.clone();
        let (of, keys) = (buckets.clone(), app.store.keys().clone());
        app.store.write(move |tx| key_ends::rewrap(tx, &keys, &of, &page)).await?;
        crate::crash::point("retention.rewrapped");
    }
    let mut ended = Vec::new();
    for bucket in buckets {
        let (of, event) = (bucket.clone(), actor.event(Action::PartKeyDestroyed, Subject::new("part_key", bucket.clone())));
        if app.store.write(move |tx| key_ends::destroy(tx, &of, event.clone())).await?.value {
            ended.push(bucket);
        }
        crate::crash::point("retention.key_destroyed");
    }
    Ok(ended)
}

/// Replaces the copy of the living keys, where the settings name a place for it: what was destroyed vanishes from it in the same night.
pub(super) async fn copy(app: &App) -> AppResult<()> {
    let Some(path) = app.config.key_copy() else { return Ok(()) };
    let store = app.store.clone();
    let written = tokio::task::spawn_blocking(move || store.write_key_copy(&path)).await.map_err(|_| StoreError::Panicked)?;
    if let Err(e) = written {
        tracing::error!(error = %e, "the copy of the part keys is not the newest");
    }
    Ok(())
}
