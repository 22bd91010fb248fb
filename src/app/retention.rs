//! Retention (留存): what has lived its time is erased, every night, from the shell, or not at all while a hold covers it. Not here: the
//! rule (`domain::retention`), the rows (`store::purge`), holds (`app::holds`).

use std::time::Duration;

use serde_json::json;

use super::{App, AppResult, Caller};
use crate::{
    clock::Instant,
    connect,
    domain::{
        event::{Action, Event, Subject},
        kept::{self, HELD},
        retention::cut_off,
        role::Permission,
    },
    store::{
        Store, StoreError, holds, key_ends,
        purge::{self, Mark, Swept},
    },
};

/// What is due, in parts of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Would go.
    pub parts: u64,
    /// Would go but for a hold.
    pub held: u64,
    /// Only what happened before this instant is due.
    pub before: Instant,
}

/// What a run erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    pub plan: Plan,
    pub swept: Swept,
    /// Buckets whose key was destroyed.
    pub keys: Vec<String>,
}

/// The job's kind.
pub const JOB: &str = "apply_retention";
/// The hour of the night at which it runs, by the installation's clock.
const HOUR: i8 = 3;

/// The instant before which the trail's erasable parts are due now.
pub fn before(app: &App) -> Instant {
    cut_off(app.now(), app.config.retention.days, &zone(app))
}

/// Until when what happened at `at` is kept at least.
pub fn kept_until(app: &App, at: Instant) -> Instant {
    crate::domain::retention::kept_until(at, app.config.retention.days, &zone(app))
}

pub(super) fn zone(app: &App) -> jiff::tz::TimeZone {
    jiff::tz::TimeZone::get(&app.config.time_zone).unwrap_or(jiff::tz::TimeZone::UTC)
}

/// What would be erased now; for who runs the system or the trail, and for the shell. Looks at everything, also at what an earlier run
/// passed by.
///
/// # Errors
/// `Forbidden`.
pub async fn plan(app: &App, caller: &Caller) -> AppResult<Plan> {
    app.require(caller, Permission::SystemRead, Action::PermissionChecked, Subject::new("retention", "plan")).await?;
    let before = before(app);
    let plan = app.store.read(move |conn| {
        let holds = holds::keeping(conn)?;
        let (mut plan, mut after) = (Plan { parts: 0, held: 0, before }, None);
        loop {
            let step = purge::look(conn, before, after, &holds)?;
            plan.parts += step.due.len() as u64;
            plan.held += step.held;
            match step.next {
                Some(next) => after = Some(next),
                None => return Ok(plan),
            }
        }
    });
    Ok(plan.await?)
}

/// Erases what is due, in small writes, each with its `parts.purged`; then sweeps other tables, says what was done, and gives the room
/// back. A run that is killed has erased whole writes; the next goes on.
///
/// # Errors
/// Those of the store; what was erased before stays erased and recorded.
pub async fn run(app: &App, actor: &Caller) -> AppResult<Ran> {
    let before = before(app);
    let mut plan = Plan { parts: 0, held: 0, before };
    loop {
        let step = erase_next(&app.store, actor, before).await?;
        crate::crash::point("retention.purged");
        plan.parts += step.0;
        plan.held += step.1;
        if step.2 {
            break;
        }
    }
    let mut swept = Swept::default();
    loop {
        let (done, more) = sweep(&app.store, before).await?;
        swept = Swept {
            sessions: swept.sessions + done.sessions,
            devices: swept.devices + done.devices,
            invitations: swept.invitations + done.invitations,
            alerts: swept.alerts + done.alerts,
            jobs: swept.jobs + done.jobs,
        };
        if !more {
            break;
        }
    }
    let keys = end_keys(app, actor, before).await?;
    let files = stream_files(app, before).await;
    let detail = json!({
        "before": before.to_rfc3339(), "parts": plan.parts, "held": plan.held, "rows": swept, "keys": keys.len(), "stream_files": files,
    });
    let event = actor.event(Action::RetentionApplied, Subject::new("retention", "trail")).detail(detail);
    app.store.write(move |tx| tx.append(event.clone())).await?;
    let store = app.store.clone();
    let ended = !keys.is_empty();
    let give_back = move || {
        if ended {
            store.scrub_keys().unwrap_or_else(|e| tracing::warn!(error = %e, "what is left of destroyed keys goes the next time"));
        }
        store.give_back(before)
    };
    match tokio::task::spawn_blocking(give_back).await {
        Ok(Ok(freed)) => tracing::info!(parts = plan.parts, held = plan.held, freed, "retention was applied"),
        Ok(Err(e)) => tracing::warn!(error = %e, "the room of what was erased is given back the next time"),
        Err(_) => return Err(StoreError::Panicked.into()),
    }
    copy_keys(app).await?;
    Ok(Ran { plan, swept, keys })
}

/// Ends the keys of buckets that are over and of held ones of which something was purged; what is held of them is sealed anew before, in
/// small writes. Answers the buckets whose key was destroyed.
async fn end_keys(app: &App, actor: &Caller, before: Instant) -> AppResult<Vec<String>> {
    let alive = app.store.read(key_ends::alive).await?;
    let ends = |(bucket, spent): &(String, bool)| if bucket.starts_with(HELD) { *spent } else { kept::is_over(bucket, |_| before) };
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
async fn copy_keys(app: &App) -> AppResult<()> {
    let Some(path) = app.config.key_copy() else { return Ok(()) };
    let store = app.store.clone();
    let written = tokio::task::spawn_blocking(move || store.write_key_copy(&path)).await.map_err(|_| StoreError::Panicked)?;
    if let Err(e) = written {
        tracing::error!(error = %e, "the copy of the part keys is not the newest");
    }
    Ok(())
}

/// Removes what streams wrote into files before `before`; how many files. While any hold is in force they all stay: a file is held or not
/// held as a whole, and nobody looks into it.
async fn stream_files(app: &App, before: Instant) -> u64 {
    let below = app.config.data.join(&app.config.streams.directory);
    match app.store.read(holds::any).await {
        Ok(false) => {}
        Ok(true) => return 0,
        Err(e) => {
            tracing::warn!(error = %e, "old files of streams stay until the next time");
            return 0;
        }
    }
    let tidied = tokio::task::spawn_blocking(move || connect::stream::tidy(&below, before)).await;
    tidied.map_err(std::io::Error::other).and_then(|tidied| tidied).unwrap_or_else(|e| {
        tracing::warn!(error = %e, "old files of streams stay until the next time");
        0
    })
}

/// One write: erased and held parts, and whether it was the last.
async fn erase_next(store: &Store, actor: &Caller, before: Instant) -> AppResult<(u64, u64, bool)> {
    let event: Event = actor.event(Action::PartsPurged, Subject::new("log", "parts"));
    let written = store
        .write(move |tx| {
            // Holds and what they cover are read in the very write that erases: one that was placed a moment ago counts.
            purge::turn(tx.conn)?;
            let holds = holds::keeping(tx.conn)?;
            let after = purge::mark(tx.conn)?;
            let step = purge::look(tx.conn, before, after, &holds)?;
            if !step.due.is_empty() {
                purge::erase(tx, &step, before, event.clone().detail(json!({ "held": step.held })))?;
            }
            if let Some(next) = step.next {
                purge::set_mark(tx.conn, Some(next))?;
            }
            Ok((step.due.len() as u64, step.held, step.next.is_none()))
        })
        .await?;
    Ok(written.value)
}

async fn sweep(store: &Store, before: Instant) -> AppResult<(Swept, bool)> {
    let written = store
        .write(move |tx| {
            purge::turn(tx.conn)?;
            let holds = holds::keeping(tx.conn)?;
            purge::sweep(tx, before, &holds)
        })
        .await?;
    Ok(written.value)
}

/// The nightly job; answers when it runs next.
pub async fn step(app: &App) -> AppResult<Option<Instant>> {
    run(app, &Caller::job(JOB)).await?;
    Ok(Some(tonight(app)))
}

/// Makes sure that the nightly job waits; call it when a process that runs jobs starts.
pub async fn schedule(app: &App) -> AppResult<()> {
    let at = tonight(app);
    app.store.write(move |tx| tx.enqueue(JOB, "all", &json!({}), at)).await?;
    Ok(())
}

fn tonight(app: &App) -> Instant {
    night(app, HOUR)
}

/// The next time that it is `hour` o'clock, by the installation's clock.
pub(super) fn night(app: &App, hour: i8) -> Instant {
    let now = app.now();
    let here = now.timestamp().to_zoned(zone(app));
    let at = |day: jiff::civil::Date| day.at(hour, 0, 0, 0).to_zoned(zone(app)).map(|z| Instant(z.timestamp().as_microsecond()));
    let next = at(here.date()).ok().filter(|at| *at > now).or_else(|| here.date().tomorrow().ok().and_then(|day| at(day).ok()));
    next.unwrap_or_else(|| now.plus(Duration::from_secs(86_400)))
}

/// Looks at everything again the next time: a hold was released.
pub(super) fn look_again(tx: &mut crate::store::Tx<'_>) -> Result<(), StoreError> {
    purge::set_mark(tx.conn, None::<Mark>)
}
