//! The queue of jobs: rows written in the same transaction as the change that wants them, leased for longer than any HTTP time-out.

use std::time::Duration;

use diesel::prelude::*;

use super::{Conn, Store, StoreError, kept::Keep, schema::jobs};
use crate::clock::Instant;

/// A job under lease.
#[derive(Clone, Debug, Queryable, Selectable, PartialEq, Eq)]
#[diesel(table_name = jobs)]
pub struct JobRow {
    pub id: String,
    pub kind: String,
    pub job_key: String,
    pub payload: String,
    pub attempts: i64,
}

/// How long a lease lasts, in microseconds: a node that died gives its jobs back after this.
const LEASE: i64 = 120_000_000;

/// Takes the next job that is due, if any, but none of the kinds `except` and none of the `resting` by id; nobody else gets it before the
/// lease ends.
pub async fn take(store: &Store, owner: &str, except: Vec<&'static str>, resting: Vec<String>) -> Result<Option<JobRow>, StoreError> {
    let owner = owner.to_owned();
    let written = store
        .write(move |tx| {
            let now = tx.now().0;
            let due = jobs::table
                .filter(jobs::state.eq("ready"))
                .filter(jobs::run_at.le(now))
                .filter(jobs::kind.ne_all(except.clone()))
                .filter(jobs::id.ne_all(&resting))
                .filter(jobs::lease_until.is_null().or(jobs::lease_until.lt(now)))
                .order((jobs::run_at.asc(), jobs::id.asc()))
                .select((jobs::id, jobs::kind, jobs::job_key, jobs::payload, jobs::attempts))
                .first::<JobRow>(tx.conn)
                .optional()?;
            let Some(mut job) = due else { return Ok(None) };
            job.attempts = job.attempts.saturating_add(1);
            diesel::update(jobs::table.find(&job.id))
                .set((jobs::lease_until.eq(now.saturating_add(LEASE)), jobs::lease_owner.eq(&owner), jobs::attempts.eq(job.attempts)))
                .kept()
                .execute(tx.conn)?;
            Ok(Some(job))
        })
        .await?;
    Ok(written.value)
}

/// What follows `prefix` in the keys of the jobs of a kind that wait, in order.
pub fn waiting(conn: &mut Conn, kind: &str, prefix: &str) -> Result<Vec<String>, StoreError> {
    let ready = jobs::table.filter(jobs::state.eq("ready")).filter(jobs::kind.eq(kind)).filter(jobs::job_key.like(format!("{prefix}%")));
    let keys: Vec<String> = ready.select(jobs::job_key).order(jobs::job_key.asc()).load(conn)?;
    Ok(keys.into_iter().filter_map(|key| key.strip_prefix(prefix).map(ToOwned::to_owned)).collect())
}

/// How many jobs nobody is at work on at `now` although they were due before `due`, or have failed ten times on end.
pub fn stuck(conn: &mut Conn, now: i64, due: i64) -> Result<i64, StoreError> {
    let idle = jobs::lease_until.is_null().or(jobs::lease_until.lt(now));
    let failing = jobs::last_error.is_not_null().and(jobs::attempts.ge(10));
    Ok(jobs::table.filter(jobs::state.eq("ready")).filter(idle).filter(jobs::run_at.lt(due).or(failing)).count().get_result(conn)?)
}

/// When the next job is due; `None` if none waits. Leased jobs count with the end of their lease.
pub fn next_due(conn: &mut Conn) -> Result<Option<Instant>, StoreError> {
    let rows: Vec<(i64, Option<i64>)> =
        jobs::table.filter(jobs::state.eq("ready")).order(jobs::run_at.asc()).limit(64).select((jobs::run_at, jobs::lease_until)).load(conn)?;
    Ok(rows.into_iter().map(|(run_at, lease)| run_at.max(lease.unwrap_or(i64::MIN))).min().map(Instant))
}

/// Ends a job.
pub async fn finish(store: &Store, id: &str) -> Result<(), StoreError> {
    let id = id.to_owned();
    store
        .write(move |tx| {
            diesel::update(jobs::table.find(&id))
                .set((jobs::state.eq("done"), jobs::done_at.eq(tx.now().0), jobs::lease_until.eq(None::<i64>), jobs::last_error.eq(None::<String>)))
                .kept()
                .execute(tx.conn)?;
            Ok(())
        })
        .await?;
    Ok(())
}

/// Puts a job back until `run_at`, by this machine's clock; `error` is kept for the system page.
///
/// The queue goes by the log's time, which never runs backwards: where this machine's clock was set back, the log may have passed `run_at`
/// long before the clock comes there. Then the answer is how long that still takes, and whoever works on jobs lets this one rest so long.
pub async fn postpone(store: &Store, id: &str, run_at: Instant, error: Option<String>) -> Result<Option<Duration>, StoreError> {
    let (id, wait) = (id.to_owned(), run_at.since(store.now()));
    let written = store
        .write(move |tx| {
            diesel::update(jobs::table.find(&id))
                .set((jobs::run_at.eq(run_at.0), jobs::lease_until.eq(None::<i64>), jobs::last_error.eq(&error)))
                .kept()
                .execute(tx.conn)?;
            if error.is_none() {
                // Only failures make the pauses longer: a job that waited its turn a hundred times has not failed once.
                diesel::update(jobs::table.find(&id)).set(jobs::attempts.eq(0)).execute(tx.conn)?;
            }
            Ok((run_at <= tx.now() && !wait.is_zero()).then_some(wait))
        })
        .await?;
    Ok(written.value)
}

/// How often whoever works on a job renews its lease.
pub const RENEW: Duration = Duration::from_secs(40);

/// Makes the lease of a job that is still worked on last longer, if it is still `owner`'s.
pub async fn renew(store: &Store, id: &str, owner: &str) -> Result<(), StoreError> {
    let (id, owner) = (id.to_owned(), owner.to_owned());
    store
        .write(move |tx| {
            diesel::update(jobs::table.find(&id).filter(jobs::lease_owner.eq(&owner)))
                .set(jobs::lease_until.eq(tx.now().0.saturating_add(LEASE)))
                .execute(tx.conn)?;
            Ok(())
        })
        .await?;
    Ok(())
}

/// Begins the name of a process, after its node's, of which nobody can tell whether it lives: what it holds is not given back before its
/// time.
pub const UNSEEN: &str = "unseen-";

/// Gives back what those processes of `node` held that are not among the `living`, and what is held in the name of `owner` beside the jobs
/// it is `working` on; call it when a process starts, and after the database was away: it may have given out a job of which nobody was told.
pub async fn release(store: &Store, node: &str, living: Vec<String>, owner: &str, working: Vec<String>) -> Result<usize, StoreError> {
    let (of_node, unseen, owner) = (format!("{node}/%"), format!("{node}/{UNSEEN}%"), owner.to_owned());
    let written = store
        .write(move |tx| {
            let held = || jobs::table.filter(jobs::state.eq("ready")).filter(jobs::lease_until.is_not_null());
            let dead = jobs::lease_owner.like(&of_node).and(jobs::lease_owner.not_like(&unseen)).and(jobs::lease_owner.ne_all(&living));
            let lost = jobs::lease_owner.eq(&owner).and(jobs::id.ne_all(&working));
            let n = diesel::update(held().filter(dead)).set(jobs::lease_until.eq(None::<i64>)).execute(tx.conn)?;
            Ok(n + diesel::update(held().filter(lost)).set(jobs::lease_until.eq(None::<i64>)).execute(tx.conn)?)
        })
        .await?;
    Ok(written.value)
}

/// How it stands with the jobs of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OfKind {
    pub kind: String,
    /// Not done and not worked on.
    pub waiting: i64,
    /// Worked on now.
    pub running: i64,
    /// Of those that wait, how many have failed at their last attempt.
    pub failed: i64,
    /// When the oldest that is not done was made.
    pub oldest: Option<i64>,
    /// When the next one is due that nobody works on.
    pub next: Option<i64>,
}

/// How it stands with every kind that has jobs which are not done, by name.
pub fn by_kind(conn: &mut Conn, now: i64) -> Result<Vec<OfKind>, StoreError> {
    use diesel::dsl::{count_star, min};
    type Counted = (String, i64, Option<i64>, Option<i64>);
    let ready = || jobs::table.filter(jobs::state.eq("ready"));
    let held = || jobs::lease_until.is_not_null().and(jobs::lease_until.assume_not_null().ge(now));
    let idle = || jobs::lease_until.is_null().or(jobs::lease_until.lt(now));
    let columns = || (jobs::kind, count_star(), min(jobs::created_at), min(jobs::run_at));
    let waiting: Vec<Counted> = ready().filter(idle()).group_by(jobs::kind).select(columns()).load(conn)?;
    let running: Vec<Counted> = ready().filter(held()).group_by(jobs::kind).select(columns()).load(conn)?;
    let failed: Vec<(String, i64)> =
        ready().filter(idle()).filter(jobs::last_error.is_not_null()).group_by(jobs::kind).select((jobs::kind, count_star())).load(conn)?;
    let mut all = std::collections::BTreeMap::<String, OfKind>::new();
    for (kind, n, oldest, next) in waiting {
        all.insert(kind.clone(), OfKind { kind, waiting: n, oldest, next, ..OfKind::default() });
    }
    for (kind, n, oldest, _) in running {
        let of = all.entry(kind.clone()).or_insert_with(|| OfKind { kind, ..OfKind::default() });
        of.running = n;
        of.oldest = of.oldest.into_iter().chain(oldest).min();
    }
    for (kind, n) in failed {
        all.entry(kind).and_modify(|of| of.failed = n);
    }
    Ok(all.into_values().collect())
}

/// A job whose last attempt failed and that nobody works on.
#[derive(Clone, Debug, Queryable, PartialEq, Eq)]
pub struct Failed {
    pub id: String,
    pub kind: String,
    pub attempts: i64,
    pub created_at: i64,
    pub run_at: i64,
    pub last_error: Option<String>,
}

/// The failed jobs, the oldest first, at most `limit`.
pub fn failed(conn: &mut Conn, now: i64, limit: i64) -> Result<Vec<Failed>, StoreError> {
    let idle = jobs::lease_until.is_null().or(jobs::lease_until.lt(now));
    Ok(jobs::table
        .filter(jobs::state.eq("ready"))
        .filter(jobs::last_error.is_not_null())
        .filter(idle)
        .order((jobs::created_at.asc(), jobs::id.asc()))
        .limit(limit)
        .select((jobs::id, jobs::kind, jobs::attempts, jobs::created_at, jobs::run_at, jobs::last_error))
        .load(conn)?)
}

/// A job by id, with whether it is done and until when somebody works on it.
pub fn find(conn: &mut Conn, id: &str) -> Result<Option<(Failed, bool, Option<i64>)>, StoreError> {
    let row: Option<(Failed, String, Option<i64>)> = jobs::table
        .find(id)
        .select(((jobs::id, jobs::kind, jobs::attempts, jobs::created_at, jobs::run_at, jobs::last_error), jobs::state, jobs::lease_until))
        .first(conn)
        .optional()?;
    Ok(row.map(|(job, state, lease)| (job, state == "done", lease)))
}

/// Makes a job due at `now`.
pub fn hasten(conn: &mut Conn, id: &str, now: i64) -> Result<(), StoreError> {
    diesel::update(jobs::table.find(id).filter(jobs::state.eq("ready"))).set(jobs::run_at.eq(now)).kept().execute(conn)?;
    Ok(())
}
