//! Retention (留存): what has lived its time is erased, every night, from the shell, or not at all while a hold covers it. Each class of events
//! has its period; bundles and packs have theirs ([`archive`]). Not here: the rule (`domain::retention`), the rows (`store::purge`), holds
//! (`app::holds`).

mod archive;
mod broadcasts;
mod keys;

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use super::{App, AppResult, Caller};
use crate::{
    clock::Instant,
    connect,
    domain::{
        event::{Action, Event, Subject},
        kept::EventClass,
        retention::{self as rule, Cuts, Due, Periods},
        role::Permission,
    },
    store::{
        Store, StoreError, holds,
        purge::{self, Mark, Swept, Tally},
    },
};

pub use crate::store::purge::Class as TableClass;
pub use archive::{Archived, tidy};
pub use broadcasts::Sent;

/// What is due, in parts of events, by class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Would go.
    pub parts: u64,
    /// Would go but for a hold.
    pub held: u64,
    /// Nothing that happened from here on is due, of whatever class.
    pub before: Instant,
    /// Every class, in their order.
    pub classes: Vec<OfClass>,
    /// Bundles and packs.
    pub archive: Archived,
    /// Broadcasts with their recipients and the words of their cases.
    pub sent: Sent,
}

/// What is due of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfClass {
    pub class: EventClass,
    /// Its period.
    pub days: u32,
    /// What happened before this instant is due.
    pub before: Instant,
    pub tally: Tally,
}

impl Plan {
    fn of(app: &App, cuts: &Cuts, tallies: &BTreeMap<EventClass, Tally>, archive: Archived, sent: Sent) -> Self {
        let periods = periods(app);
        let of = |class: &EventClass| OfClass {
            class: *class,
            days: periods.of(*class),
            before: cuts.of(*class),
            tally: tallies.get(class).copied().unwrap_or_default(),
        };
        let classes: Vec<OfClass> = EventClass::ALL.iter().map(of).collect();
        let sum = |of: fn(&Tally) -> u64| classes.iter().map(|c| of(&c.tally)).sum();
        Self { parts: sum(|t| t.parts), held: sum(|t| t.held), before: cuts.latest(), classes, archive, sent }
    }

    /// For programs (formats.md, "JSON outputs").
    pub fn to_json(&self) -> Value {
        let time = |at: Option<Instant>| at.map(|at| at.to_rfc3339());
        let classes = self.classes.iter().map(|c| {
            json!({
                "class": c.class, "days": c.days, "before": c.before.to_rfc3339(), "parts": c.tally.parts, "held": c.tally.held,
                "oldest": time(c.tally.oldest),
            })
        });
        let Archived { days, before, files, held, oldest } = &self.archive;
        let sent = &self.sent;
        json!({
            "parts": self.parts, "held": self.held, "before": self.before.to_rfc3339(), "classes": classes.collect::<Vec<_>>(),
            "bundles": { "days": days, "before": before.to_rfc3339(), "files": files, "held": held, "oldest": time(*oldest) },
            "broadcasts": {
                "days": sent.days, "before": sent.before.to_rfc3339(), "broadcasts": sent.broadcasts, "held": sent.held,
                "oldest": time(sent.oldest),
            },
        })
    }
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

/// How long each class is kept here.
pub fn periods(app: &App) -> Periods {
    let classes = app.config.retention.classes.iter();
    Periods::new(app.config.retention.days, classes.filter_map(|(class, days)| Some((EventClass::parse(class)?, *days))))
}

/// What of the trail's erasable parts is due now.
pub fn cuts(app: &App) -> Cuts {
    periods(app).cuts(app.now(), &zone(app))
}

/// Until when what happened at `at` is kept at least.
pub fn kept_until(app: &App, class: EventClass, at: Instant) -> Instant {
    rule::kept_until(at, periods(app).of(class), &zone(app))
}

/// Until when a bundle or a pack that was sealed at `at` is kept at least.
pub fn bundle_kept_until(app: &App, at: Instant) -> Instant {
    rule::bundle_kept_until(at, app.config.retention.bundles, &zone(app))
}

/// Until when the contents of a broadcast whose last case ended at `at` are kept at least.
pub fn contents_kept_until(app: &App, at: Instant) -> Instant {
    rule::bundle_kept_until(at, broadcasts::days(app), &zone(app))
}

pub(super) fn zone(app: &App) -> jiff::tz::TimeZone {
    jiff::tz::TimeZone::get(&app.config.time_zone).unwrap_or(jiff::tz::TimeZone::UTC)
}

/// What would be erased now, by class; for who runs the system or the trail, and for the shell. Looks at everything, also at what an earlier
/// run passed by.
///
/// # Errors
/// `Forbidden`.
pub async fn plan(app: &App, caller: &Caller) -> AppResult<Plan> {
    let by = if caller.may(Permission::AuditRead) { Permission::AuditRead } else { Permission::SystemRead };
    app.require(caller, by, Action::PermissionChecked, Subject::new("retention", "plan")).await?;
    let cuts = cuts(app);
    read_words(app, Duration::from_secs(3)).await?;
    let all = cuts.clone();
    let tallies = app.store.read(move |conn| {
        let (holds, mut tallies) = (holds::keeping(conn)?, BTreeMap::new());
        let oldest = purge::oldest(conn)?;
        for due in all.iter() {
            let mut after = oldest;
            loop {
                let step = purge::look(conn, due, after, &holds, GLANCE)?;
                add(&mut tallies, &step.classes);
                match step.next {
                    Some(next) => after = Some(next),
                    None => break,
                }
            }
        }
        Ok(tallies)
    });
    Ok(Plan::of(app, &cuts, &tallies.await?, archive::look(app).await?, broadcasts::look(app).await?))
}

/// Events that a plan looks at in one question: nobody waits for it.
const GLANCE: i64 = 5000;

fn add(all: &mut BTreeMap<EventClass, Tally>, more: &BTreeMap<EventClass, Tally>) {
    for (class, tally) in more {
        all.entry(*class).or_default().add(*tally);
    }
}

/// Makes the words that a hold by words has to be asked of, for at most about `within`; what has none afterwards is covered by it.
async fn read_words(app: &App, within: Duration) -> AppResult<()> {
    if !app.store.read(|conn| Ok(holds::keeping(conn)?.asks_words())).await? {
        return Ok(());
    }
    match app.store.read_words(within).await {
        Err(e @ (StoreError::Behind | StoreError::Full | StoreError::Busy)) => {
            tracing::warn!(error = %e, "holds by words cover what has no words yet")
        }
        other => drop(other?),
    }
    Ok(())
}

/// Erases what is due, in small writes, each with its `parts.purged`; then sweeps other tables, bundles and packs, says what was done, and
/// gives the room back. A run that is killed has erased whole writes; the next goes on.
///
/// # Errors
/// Those of the store; what was erased before stays erased and recorded.
pub async fn run(app: &App, actor: &Caller) -> AppResult<Ran> {
    run_within(app, actor, Duration::from_secs(60)).await
}

/// [`run`], with at most about `words` for making the words that holds by words have to be asked of.
///
/// # Errors
/// As [`run`].
pub async fn run_within(app: &App, actor: &Caller, words: Duration) -> AppResult<Ran> {
    let cuts = cuts(app);
    read_words(app, words).await?;
    let mut tallies = BTreeMap::new();
    for due in cuts.iter() {
        let mut walk = Walk::Marked;
        while walk != Walk::Done {
            let (step, next) = erase_next(&app.store, actor, due, walk).await?;
            crate::crash::point("retention.purged");
            add(&mut tallies, &step);
            walk = next;
        }
    }
    let mut swept = Swept::default();
    loop {
        let (done, more) = sweep(&app.store, &cuts).await?;
        swept.add(done);
        if !more {
            break;
        }
    }
    let archive = archive::erase(app, actor).await?;
    let plan = Plan::of(app, &cuts, &tallies, archive, broadcasts::erase(app, actor).await?);
    let keys = keys::end(app, actor, &cuts).await?;
    let files = stream_files(app, cuts.latest()).await;
    let classes: serde_json::Map<String, Value> =
        plan.classes.iter().filter(|c| c.tally.parts > 0).map(|c| (c.class.as_str().to_owned(), c.tally.parts.into())).collect();
    let mut periods: serde_json::Map<String, Value> = plan.classes.iter().map(|c| (c.class.as_str().to_owned(), c.days.into())).collect();
    periods.insert("bundles".to_owned(), plan.archive.days.into());
    periods.insert("broadcasts".to_owned(), plan.sent.days.into());
    let detail = json!({
        "before": plan.before.to_rfc3339(), "parts": plan.parts, "held": plan.held, "classes": classes, "periods": periods, "rows": swept,
        "bundles": plan.archive.files, "broadcasts": plan.sent.broadcasts, "keys": keys.len(), "stream_files": files,
    });
    let event = actor.event(Action::RetentionApplied, Subject::new("retention", "trail")).detail(detail);
    app.store.write(move |tx| tx.append(event.clone())).await?;
    let (store, ended, before) = (app.store.clone(), !keys.is_empty(), cuts.latest());
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
    keys::copy(app).await?;
    Ok(Ran { plan, swept, keys })
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

/// Where the walk over one period's events goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Walk {
    /// Where the mark in the store lies.
    Marked,
    /// Here, and the mark stays where it is: before something that was held only because its words have not been made yet. The next run looks
    /// at that again.
    From(Mark),
    Done,
}

/// One write: erased and held parts by class, and how it goes on.
async fn erase_next(store: &Store, actor: &Caller, due: &Due, walk: Walk) -> AppResult<(BTreeMap<EventClass, Tally>, Walk)> {
    let event: Event = actor.event(Action::PartsPurged, Subject::new("log", "parts"));
    let due = due.clone();
    let written = store
        .write(move |tx| {
            // Holds and what they cover are read in the very write that erases: one that was placed a moment ago counts.
            purge::turn(tx.conn)?;
            let holds = holds::keeping(tx.conn)?;
            let after = if let Walk::From(mark) = walk { Some(mark) } else { purge::mark(tx.conn, &due)? };
            let step = purge::look(tx.conn, &due, after, &holds, purge::STEP)?;
            if !step.due.is_empty() {
                purge::erase(tx, &step, due.before, event.clone().detail(json!({ "held": step.held, "classes": due.classes })))?;
            }
            let Some(next) = step.next else { return Ok((step.classes, Walk::Done)) };
            if step.unread || walk != Walk::Marked {
                return Ok((step.classes, Walk::From(next)));
            }
            purge::set_mark(tx.conn, &due, next)?;
            Ok((step.classes, Walk::Marked))
        })
        .await?;
    Ok(written.value)
}

async fn sweep(store: &Store, cuts: &Cuts) -> AppResult<(Swept, bool)> {
    let cuts = cuts.clone();
    let written = store
        .write(move |tx| {
            purge::turn(tx.conn)?;
            let holds = holds::keeping(tx.conn)?;
            purge::sweep(tx, &cuts, &holds)
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

/// When the nightly job runs next.
pub fn tonight(app: &App) -> Instant {
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
    purge::forget_marks(tx.conn)
}
