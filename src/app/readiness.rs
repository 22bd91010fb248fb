//! Whether this process can do its work now: for `/readyz` and whoever sends people to it.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::{App, StoreError};

/// How long a finding stands, so that whoever asks often costs nothing.
const STANDS: Duration = Duration::from_secs(1);
/// A database that has not let us write for that long does not.
const PATIENCE: Duration = Duration::from_secs(2);

/// What was found. The words are for programs; nothing here tells who does what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Readiness {
    pub ready: bool,
    /// `ok`, `busy` (more waits than is allowed), `full`, `read_only` (it lies behind its log) or `unavailable`.
    pub database: &'static str,
    /// `ok`, `stalled`, or `unknown` where the database could not be asked.
    pub sequencer: &'static str,
    /// `ok`, `off` (behind the log, or a minute away from the database's), or `unknown`.
    pub clock: &'static str,
    /// `ok`, `low` (which is still ready) or `full`.
    pub disk: &'static str,
}

/// The last finding; shared by all who ask, and held while one of them looks.
pub type Last = tokio::sync::Mutex<Option<(Instant, Readiness)>>;

/// Looks, or repeats what was found within the last second.
pub async fn look(app: &App) -> Readiness {
    let mut last = app.readiness.lock().await;
    if let Some((at, found)) = *last
        && at.elapsed() < STANDS
    {
        return found;
    }
    let database = match tokio::time::timeout(PATIENCE, app.store.probe()).await {
        Ok(Ok(())) => "ok",
        Ok(Err(StoreError::Busy)) => "busy",
        Ok(Err(StoreError::Full)) => "full",
        Ok(Err(StoreError::Behind)) => "read_only",
        _ => "unavailable",
    };
    let (sequencer, clock) = match tokio::time::timeout(PATIENCE, app.store.health()).await {
        Ok(Ok(health)) => (if health.sequencer { "ok" } else { "stalled" }, if health.clock { "ok" } else { "off" }),
        _ => ("unknown", "unknown"),
    };
    let room = app.store.room();
    let disk = if room.full {
        "full"
    } else if room.low() {
        "low"
    } else {
        "ok"
    };
    let ready = [database, sequencer, clock].iter().all(|w| *w == "ok") && disk != "full";
    let found = Readiness { ready, database, sequencer, clock, disk };
    *last = Some((Instant::now(), found));
    found
}
