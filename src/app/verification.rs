//! The log looks after itself: every few minutes its newest end is checked, every night all of it, gently. What does not hold is an event,
//! fires a rule and stands above every page of the trail until a full verification passes again. Not here: what is checked (`store::verify`).

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{App, AppResult, Caller};
use crate::{
    clock::Instant,
    domain::event::{Action, Event, Outcome, Subject},
    store::{
        Conn, StoreError, reader, settings,
        verify::{Against, Report, recent},
    },
};

/// Kinds of jobs.
pub const LIGHT: &str = "verify_newest";
pub const FULL: &str = "verify_log";
/// Between two looks at the newest events.
const EVERY: Duration = Duration::from_secs(300);
/// A night, and as long as everything may take.
const OVERDUE: Duration = Duration::from_secs(26 * 3600);
/// The hour of the night at which everything is verified, after the purge.
const HOUR: i8 = 4;
/// A problem that stays the same is told again after this.
const AGAIN: Duration = Duration::from_secs(86_400);
const SETTING: &str = "log.verification";
/// Who finds that the log does not hold, besides `signing`.
const NEWEST: &str = "newest";
const WHOLE: &str = "full";

/// What was found last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Events that were looked at by the light check, from the first on.
    pub size: u64,
    pub at: Instant,
    /// What does not hold; stays until a full verification passes that began after it was seen.
    pub problem: Option<String>,
    /// When something that does not hold was last seen.
    #[serde(default)]
    pub failed_at: Instant,
    /// What was last told, by who found it.
    #[serde(default)]
    pub told: BTreeMap<String, Told>,
    /// The last verification of everything that found nothing.
    #[serde(default)]
    pub whole: Option<Whole>,
}

/// A verification of everything that found nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whole {
    /// Events that the log had.
    pub size: u64,
    pub at: Instant,
}

impl Whole {
    /// Whether the next one, which a night brings, is overdue.
    pub fn is_old(&self, now: Instant) -> bool {
        now > self.at.plus(OVERDUE)
    }
}

/// What an event has told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The problem without its figures ([`kind`]).
    pub kind: String,
    pub at: Instant,
}

/// What stays of a problem while the log grows: the event that tells it changes the figures in its own words.
fn kind(problem: &str) -> String {
    problem.chars().filter(|c| !c.is_ascii_digit()).collect()
}

/// What was found last; nothing before the first look.
///
/// # Errors
/// Those of the store.
pub fn found(conn: &mut Conn) -> Result<Found, StoreError> {
    Ok(settings::get(conn, SETTING)?.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

/// What was found last, as far as the log bears it out: the row lies in the database for anybody who can write to that, and the events do
/// not. A verification of everything counts if its event is there, and a failure that no such event came after stands, whatever the row says.
///
/// # Errors
/// Those of the store.
pub fn borne_out(conn: &mut Conn) -> Result<Found, StoreError> {
    let mut found = found(conn)?;
    let (failed, verified) = (newest_event(conn, Action::LogVerificationFailed)?, newest_event(conn, Action::LogVerified)?);
    // The row that the event is found by lies beside it: what an event is, and when it was, its leaf says.
    let strange = [&failed, &verified].into_iter().flatten().find(|told| !told.is_so).map(|told| told.index);
    // A whole verification of `size` events is told by an event at or after that place.
    let verified = verified.filter(|told| told.is_so);
    found.whole =
        found.whole.zip(verified.as_ref()).filter(|(whole, told)| whole.size <= told.index).map(|(whole, told)| Whole { at: told.at, ..whole });
    let failed = failed.map(|told| told.index).filter(|at| verified.is_none_or(|verified| verified.index < *at));
    if let Some(at) = strange.or(failed) {
        found.problem.get_or_insert_with(|| format!("log_events {at}"));
    }
    Ok(found)
}

/// An event that tells of a verification.
struct Telling {
    index: u64,
    at: Instant,
    /// Whether its leaf says so too.
    is_so: bool,
}

/// The newest event of this action, as the search finds it.
fn newest_event(conn: &mut Conn, action: Action) -> Result<Option<Telling>, StoreError> {
    let Some(index) = reader::newest_of(conn, action)? else { return Ok(None) };
    match reader::event(conn, index) {
        Ok(event) => Ok(Some(Telling { index, at: event.leaf.at, is_so: event.leaf.action == action.as_str() })),
        // The search finds what the log does not have, or not as an event: that is strange enough to be told.
        Err(StoreError::NotFound | StoreError::Corrupt(_)) => Ok(Some(Telling { index, at: Instant(0), is_so: false })),
        Err(error) => Err(error),
    }
}

/// What does not hold in the log, by the last verifications; nothing if all does.
///
/// # Errors
/// Those of the store.
pub async fn problem(app: &App) -> AppResult<Option<String>> {
    Ok(app.store.look_up(borne_out).await?.problem)
}

fn trail() -> Subject {
    Subject::new("log", "trail")
}

/// Looks at what came since the last look. Answers when to look again.
///
/// # Errors
/// Those of the store; what does not hold is no error.
pub async fn newest(app: &App) -> AppResult<Option<Instant>> {
    let (ring, origin, now) = (app.store.keys().clone(), app.store.origin().to_owned(), app.now());
    let (size, problem) = app
        .store
        .read(move |conn| {
            // How far it came stands in a row that anybody may have written; the last verification of everything is an event.
            let verified = reader::newest_of(conn, Action::LogVerified)?.unwrap_or(0);
            let from = found(conn)?.size.min(verified);
            recent::look(conn, &ring, &origin, from, now)
        })
        .await?;
    let store = app.store.clone();
    let outside = tokio::task::spawn_blocking(move || store.check_outside()).await.map_err(|_| StoreError::Panicked)?;
    let problem = match (problem, outside) {
        (Some(problem), _) => Some(problem),
        (None, Err(StoreError::Fork(why))) => Some(why),
        (None, Err(e)) => return Err(e.into()),
        (None, Ok(())) => None,
    };
    match problem {
        Some(problem) => failed(app, NEWEST, &problem).await?,
        None => {
            let write = app.store.write(move |tx| {
                // What failed before is not mended by newer events that hold; it is told again when they do not.
                let mut after = Found { size, at: now, ..found(tx.conn)? };
                after.told.remove(NEWEST);
                put(tx.conn, &after)
            });
            write.await?;
        }
    }
    Ok(Some(app.now().plus(EVERY)))
}

/// Recomputes the whole log. Answers when to do so again.
///
/// # Errors
/// Those of the store; what does not hold is no error.
pub async fn full(app: &App) -> AppResult<Option<Instant>> {
    let (store, began) = (app.store.clone(), app.now());
    let against = Against { gentle: true, witnesses: app.witnesses.policy.keys(), ..Against::default() };
    let report = tokio::task::spawn_blocking(move || store.verify(&against)).await.map_err(|_| StoreError::Panicked)??;
    match report.problems.first() {
        Some(first) => {
            let place = first.index.map_or_else(String::new, |index| format!(" {index}"));
            let others = report.problems.len() - 1;
            let more = if others > 0 { format!(", and {others} more") } else { String::new() };
            failed(app, WHOLE, &format!("{}{place}: {}{more}", first.table, first.detail)).await?;
        }
        None => passed(app, &report, began).await?,
    }
    Ok(Some(super::retention::night(app, HOUR)))
}

/// Clears what was seen before `began`; what another look has found since is still to be looked at.
async fn passed(app: &App, report: &Report, began: Instant) -> AppResult<()> {
    let event = Caller::job(FULL).event(Action::LogVerified, trail());
    let event = event.detail(json!({ "size": report.size, "root": report.root, "checked": report.checked }));
    let size = report.size;
    app.store
        .write(move |tx| {
            let before = found(tx.conn)?;
            let cleared = before.failed_at <= began;
            let kept = if cleared { Found::default() } else { before };
            put(tx.conn, &Found { size, at: tx.now(), whole: Some(Whole { size, at: tx.now() }), ..kept })?;
            tx.append(event.clone())
        })
        .await?;
    Ok(())
}

/// Records that the log does not hold, or is not signed any more (`by` is `newest`, `full` or `signing`): once for each kind of problem
/// that one of them finds, until that changes or passes, and once a day while it stays.
///
/// # Errors
/// Those of the store.
pub async fn failed(app: &App, by: &'static str, problem: &str) -> AppResult<()> {
    tracing::error!(by, problem, "the log does not verify");
    let problem = problem.to_owned();
    app.store
        .write(move |tx| {
            let (mut found, now, kind) = (found(tx.conn)?, tx.now(), kind(&problem));
            let known = found.told.get(by).is_some_and(|told| told.kind == kind && now.since(told.at) < AGAIN);
            if !known {
                found.told.insert(by.to_owned(), Told { kind, at: now });
            }
            put(tx.conn, &Found { at: now, failed_at: now, problem: Some(problem.clone()), ..found })?;
            if known {
                return Ok(());
            }
            let event = Event::system(Action::LogVerificationFailed, trail()).outcome(Outcome::Failed);
            tx.append(event.detail(json!({ "by": by, "problem": problem })))?;
            Ok(())
        })
        .await?;
    Ok(())
}

fn put(conn: &mut Conn, found: &Found) -> Result<(), StoreError> {
    settings::put(conn, SETTING, &serde_json::to_string(found).map_err(|e| StoreError::Event(e.to_string()))?)
}

/// Makes sure that both jobs wait; call it when a process that runs jobs starts.
///
/// # Errors
/// Those of the store.
pub async fn schedule(app: &App) -> AppResult<()> {
    let (soon, night) = (app.now().plus(EVERY), super::retention::night(app, HOUR));
    app.store
        .write(move |tx| {
            tx.enqueue(LIGHT, "all", &json!({}), soon)?;
            tx.enqueue(FULL, "all", &json!({}), night)
        })
        .await?;
    Ok(())
}
