//! What would soon stop the installation: a disk that fills, jobs that do not get done, a log that is not signed or does not grow any more, a
//! level that nobody can decide. Each is told once as
//! an event when it begins and once when it is over; the alert rules go by these events. Not here: the rules (`domain::alert`).

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use diesel::prelude::*;
use serde_json::{Value, json};

use super::{App, AppResult, recalls::able::stranded};
use crate::{
    clock::Instant,
    domain::event::{Action, Event, Outcome, Subject},
    store::{
        Conn, StoreError, jobs,
        schema::{log_checkpoints, log_head},
    },
};

/// A job that is due for so long and not done does not get done by itself.
const JOB: Duration = Duration::from_secs(600);
/// Before that is told: what lay while no process ran is done soon after one starts.
const PATIENCE: Duration = Duration::from_secs(60);
/// A log that has grown and was not signed for so long is not signed any more: it is signed every ten seconds.
const CHECKPOINT: Duration = Duration::from_secs(600);

/// What this process has seen.
#[derive(Default)]
pub struct Alarms {
    /// What was told to have begun and not to be over.
    told: Mutex<BTreeSet<&'static str>>,
    /// Since when jobs do not get done.
    stuck: Mutex<Option<Instant>>,
    /// Since when events get no index.
    idle: Mutex<Option<Instant>>,
    /// The size that the newest checkpoint covered when it was first found behind the log, and when that was.
    unsigned: Mutex<Option<(i64, Instant)>>,
}

/// Finds out what has begun and what is over, and tells it.
///
/// # Errors
/// Those of the store.
pub async fn look(app: &App) -> AppResult<()> {
    let now = app.now();
    let room = app.store.room();
    let (stuck, (size, signed)) =
        app.store.read(move |conn| Ok::<_, StoreError>((jobs::stuck(conn, now.0, now.minus(JOB).0)?, extent(conn)?))).await?;
    let lies = {
        let mut since = app.alarms.stuck.lock().unwrap_or_else(PoisonError::into_inner);
        *since = if stuck > 0 { Some(since.unwrap_or(now)) } else { None };
        since.is_some_and(|since| now.since(since) >= PATIENCE)
    };
    let unsigned = {
        let mut seen = app.alarms.unsigned.lock().unwrap_or_else(PoisonError::into_inner);
        *seen = match *seen {
            _ if signed >= size => None,
            Some((at_size, since)) if at_size == signed => Some((at_size, since)),
            _ => Some((signed, now)),
        };
        seen.map(|(_, since)| now.since(since)).filter(|waited| *waited >= CHECKPOINT)
    };
    tell(app, "disk", room.low(), json!({ "free": room.free, "full": room.full })).await?;
    tell(app, "jobs", lies, json!({ "count": stuck })).await?;
    let stranded = app.store.read(move |conn| stranded(conn, now)).await?;
    tell(app, "reviewers", !stranded.is_empty(), json!({ "cases": stranded })).await?;
    tell(app, "checkpoint", unsigned.is_some(), json!({ "size": size, "signed": signed })).await?;
    // Without a sequencer the log does not grow, and nothing of it is unsigned: this says it.
    let idle = {
        let running = app.store.health().await?.sequencer;
        let mut since = app.alarms.idle.lock().unwrap_or_else(PoisonError::into_inner);
        *since = if running { None } else { Some(since.unwrap_or(now)) };
        since.is_some_and(|since| now.since(since) >= PATIENCE)
    };
    tell(app, "sequencer", idle, json!({})).await
}

/// How far the log has come, and how far it is signed.
fn extent(conn: &mut Conn) -> Result<(i64, i64), StoreError> {
    let size = log_head::table.select(log_head::size).first(conn).optional()?.unwrap_or_default();
    let newest = log_checkpoints::table.order(log_checkpoints::seq.desc()).select(log_checkpoints::size);
    Ok((size, newest.first(conn).optional()?.unwrap_or_default()))
}

async fn tell(app: &App, what: &'static str, holds: bool, detail: Value) -> AppResult<()> {
    let known = app.alarms.told.lock().unwrap_or_else(PoisonError::into_inner).contains(what);
    if known == holds {
        return Ok(());
    }
    tracing::warn!(what, holds, %detail, "what would stop the installation");
    let (action, outcome) = if holds { (Action::SystemEndangered, Outcome::Failed) } else { (Action::SystemRecovered, Outcome::Success) };
    // On a disk that is full already this waits for room, and is told then.
    app.record(Event::system(action, Subject::new("system", what)).outcome(outcome).detail(detail)).await?;
    let mut told = app.alarms.told.lock().unwrap_or_else(PoisonError::into_inner);
    if holds {
        told.insert(what)
    } else {
        told.remove(what)
    };
    Ok(())
}
