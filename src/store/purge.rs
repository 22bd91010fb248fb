//! Erasing what has lived its time: parts of the log with what the projection took from them, and the rows of other tables that hold a
//! person's traces. In small writes of the caller's, so that nobody waits for a purge. Leaves and hashes stay: every proof still holds.
//!
//! Also giving the room back to the file system ([`Store::give_back`]). Not here: which class of retention each table has (`classes`),
//! when something has lived its time and what a hold covers (`domain::retention`).

use std::collections::BTreeMap;

use diesel::{connection::SimpleConnection, prelude::*};

pub use super::classes::{CLASSES, Class};
use super::{
    Conn, Database, Store, StoreError, Tx, conn,
    holds::Keeping,
    key_ends,
    schema::{
        alerts, counters, decisions, devices, exports, idempotency, imports, invitations, jobs, log_events, log_parts, log_purges, log_search,
        notices, sessions,
    },
};
use crate::{
    clock::Instant,
    domain::{
        event::Event,
        kept::EventClass,
        retention::{Cuts, Due, Facts},
    },
    ledger::purge::PurgeList,
};

/// Events that one write looks at: their parts are gone within milliseconds.
pub const STEP: i64 = 500;

/// How far a purge came: everything at or before this was erased, or is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    pub at: i64,
    pub idx: i64,
}

/// What one step found.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// Parts that are due, by event id and name.
    pub due: Vec<(String, String)>,
    /// Parts that are due and held.
    pub held: u64,
    /// Of each class: the parts that are due, those that are due and held, and when the oldest of them happened.
    pub classes: BTreeMap<EventClass, Tally>,
    /// Where the next step goes on; `None` if this was the last.
    pub next: Option<Mark>,
    /// Whether something was held only because its words have not been made yet: no mark may be set beyond it.
    pub unread: bool,
}

/// Parts of a class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub parts: u64,
    pub held: u64,
    pub oldest: Option<Instant>,
}

impl Tally {
    /// Both together.
    pub fn add(&mut self, other: Self) {
        self.parts += other.parts;
        self.held += other.held;
        self.oldest = self.oldest.into_iter().chain(other.oldest).min();
    }
}

/// An event as the purge looks at it.
#[derive(Queryable)]
struct Candidate {
    idx: i64,
    event_id: String,
    at: i64,
    action: String,
    actor: String,
    subject_kind: String,
    subject: String,
    case: Option<String>,
}

impl Candidate {
    fn facts(&self) -> Facts<'_> {
        Facts {
            at: Instant(self.at),
            action: &self.action,
            actor: &self.actor,
            subject: (&self.subject_kind, &self.subject),
            case: self.case.as_deref(),
        }
    }
}

/// The next `limit` events after `after` in the order of their time, as far as they lie before `cut_off`.
fn candidates(conn: &mut Conn, cut_off: Instant, after: Option<Mark>, limit: i64) -> Result<Vec<Candidate>, StoreError> {
    let mut query = log_search::table.filter(log_search::at.lt(cut_off.0)).into_boxed();
    if let Some(Mark { at, idx }) = after {
        query = query.filter(log_search::at.ge(at)).filter(log_search::at.gt(at).or(log_search::idx.gt(idx)));
    }
    let columns = (
        log_search::idx,
        log_search::event_id,
        log_search::at,
        log_search::action,
        log_search::actor_id,
        log_search::subject_kind,
        log_search::subject_id,
        log_search::case_id,
    );
    Ok(query.order((log_search::at.asc(), log_search::idx.asc())).limit(limit).select(columns).load(conn)?)
}

/// Looks at the next `limit` events: which of their parts are due, and how many of those a hold keeps. Events of other classes are passed by; they
/// have a walk of their own.
pub fn look(conn: &mut Conn, due: &Due, after: Option<Mark>, holds: &Keeping, limit: i64) -> Result<Step, StoreError> {
    let found = candidates(conn, due.before, after, limit)?;
    let mut of: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for few in found.chunks(STEP as usize) {
        let ids: Vec<&str> = few.iter().map(|c| c.event_id.as_str()).collect();
        let parts: Vec<(String, String)> =
            log_parts::table.filter(log_parts::event_id.eq_any(ids)).select((log_parts::event_id, log_parts::name)).load(conn)?;
        for (event, name) in parts {
            of.entry(event).or_default().push(name);
        }
    }
    let mut step = Step { next: found.last().filter(|_| found.len() as i64 == limit).map(|c| Mark { at: c.at, idx: c.idx }), ..Step::default() };
    let there = |c: &&Candidate| due.takes(&c.action) && of.contains_key(&c.event_id);
    let events: Vec<(i64, Facts<'_>)> = found.iter().filter(there).map(|c| (c.idx, c.facts())).collect();
    let covered = holds.covered(conn, &events)?;
    step.unread = !covered.unread.is_empty();
    for candidate in found.iter().filter(|c| due.takes(&c.action)) {
        let Some(names) = of.remove(&candidate.event_id) else { continue };
        let (count, held) = (names.len() as u64, covered.contains(candidate.idx));
        let tally = Tally { parts: if held { 0 } else { count }, held: if held { count } else { 0 }, oldest: Some(Instant(candidate.at)) };
        step.classes.entry(EventClass::of_stored(&candidate.action)).or_default().add(tally);
        if held {
            step.held += count;
        } else {
            step.due.extend(names.into_iter().map(|name| (candidate.event_id.clone(), name)));
        }
    }
    Ok(step)
}

/// By how much the ids of events may be in another order than their times, in microseconds: clocks of several nodes differ by less.
const ASTRAY: i64 = 86_400 * 1_000_000;

/// Where a walk may begin that has not to look at what is gone already: before the oldest event of which anything is left. Ids are UUIDv7 and
/// sort by time.
pub fn oldest(conn: &mut Conn) -> Result<Option<Mark>, StoreError> {
    let first: Option<String> = log_parts::table.select(diesel::dsl::min(log_parts::event_id)).first(conn)?;
    let Some(first) = first else { return Ok(None) };
    let place: Option<i64> = log_events::table.filter(log_events::event_id.eq(first)).select(log_events::idx).first(conn).optional()?;
    let Some(place) = place else { return Ok(None) };
    let at: Option<i64> = log_search::table.find(place).select(log_search::at).first(conn).optional()?;
    Ok(at.map(|at| Mark { at: at.saturating_sub(ASTRAY), idx: -1 }))
}

/// Erases the parts that `step` found due, and what came from them: the projection's names, addresses and devices, the words, a decision's
/// address and device. `event` tells of it, and carries the list's hash in its leaf; the list is kept beside the log.
pub fn erase(tx: &mut Tx<'_>, step: &Step, cut_off: Instant, event: Event) -> Result<(), StoreError> {
    let list = PurgeList::new(step.due.iter().map(|(event, name)| (event, name))).map_err(|e| StoreError::Event(e.to_string()))?;
    let mut events: Vec<&str> = step.due.iter().map(|(event, _)| event.as_str()).collect();
    events.sort_unstable();
    events.dedup();
    key_ends::touched(tx.conn, &events)?;
    diesel::delete(log_parts::table.filter(log_parts::event_id.eq_any(events.clone()))).execute(tx.conn)?;
    let places: Vec<i64> = log_events::table.filter(log_events::event_id.eq_any(events.clone())).select(log_events::idx).load(tx.conn)?;
    diesel::update(log_search::table.filter(log_search::idx.eq_any(places.clone())))
        .set((log_search::actor_name.eq(None::<String>), log_search::client_ip.eq(None::<String>), log_search::device_id.eq(None::<String>)))
        .execute(tx.conn)?;
    super::words::renew(tx, &places)?;
    diesel::update(decisions::table.filter(decisions::event_id.eq_any(events)))
        .set((decisions::client_ip.eq(None::<String>), decisions::device_id.eq(None::<String>)))
        .execute(tx.conn)?;
    let id = tx.append_purge(event, list.to_leaf(cut_off))?;
    diesel::insert_into(log_purges::table).values((log_purges::event_id.eq(id.0), log_purges::list.eq(list.text()))).execute(tx.conn)?;
    Ok(())
}

/// Whether a purge list names the part of an event.
pub fn names(conn: &mut Conn, event_id: &str, part: &str) -> Result<bool, StoreError> {
    let line = format!("%{event_id}/{part}\n%");
    Ok(diesel::select(diesel::dsl::exists(log_purges::table.filter(log_purges::list.like(line)))).get_result(conn)?)
}

/// Rows of other tables that went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Swept {
    pub sessions: usize,
    pub devices: usize,
    pub invitations: usize,
    pub alerts: usize,
    pub notices: usize,
    pub jobs: usize,
    /// Exports of the trail that can no longer be gone on with.
    pub exports: usize,
    /// Tables that nobody had put in within a day, and what is left of those that were.
    pub imports: usize,
    /// Remembered requests (`once`).
    pub requests: usize,
}

impl Swept {
    /// Both together.
    pub fn add(&mut self, other: Self) {
        self.sessions += other.sessions;
        self.devices += other.devices;
        self.invitations += other.invitations;
        self.alerts += other.alerts;
        self.notices += other.notices;
        self.jobs += other.jobs;
        self.exports += other.exports;
        self.imports += other.imports;
        self.requests += other.requests;
    }
}

/// How long an export and a remembered request stay, in microseconds: a day, as they promise.
const DAY: i64 = 86_400 * 1_000_000;

/// How long a job that is done stays to be looked at, in microseconds.
const JOBS: i64 = 30 * 86_400 * 1_000_000;

/// Deletes the traces of people beside the log that no hold covers and that ended before the class of events that tells of them was due
/// (sessions and devices with `session`, invitations with `account`, alerts with `system`, notices of cases with `recall`), and what was only needed for work; at most about
/// [`STEP`] rows of a kind. The second answer says whether there is more.
pub fn sweep(tx: &mut Tx<'_>, cuts: &Cuts, holds: &Keeping) -> Result<(Swept, bool), StoreError> {
    let (before, invited, raised) = (cuts.of(EventClass::Session).0, cuts.of(EventClass::Account).0, cuts.of(EventClass::System).0);
    let most = STEP as usize;
    let mut swept = Swept::default();
    // By key, past what is held: a page of held rows must not end it.
    let mut after = String::new();
    while swept.sessions < most {
        let page: Vec<(String, String, i64, i64)> = sessions::table
            .filter(sessions::id.gt(after.clone()))
            .filter(sessions::seen_at.lt(before))
            .filter(sessions::expires_at.lt(before))
            .order(sessions::id)
            .select((sessions::id, sessions::user_id, sessions::created_at, sessions::seen_at))
            .limit(STEP)
            .load(tx.conn)?;
        let Some((last, ..)) = page.last() else { break };
        after.clone_from(last);
        let gone = page.into_iter().filter(|(_, user, first, last)| !holds.covers_trace(user, *first, *last));
        let ids: Vec<String> = gone.map(|(id, ..)| id).collect();
        swept.sessions += diesel::delete(sessions::table.filter(sessions::id.eq_any(ids))).execute(tx.conn)?;
    }
    let mut after = (String::new(), String::new());
    while swept.devices < most {
        let beyond = devices::id.gt(after.0.clone()).or(devices::id.eq(after.0.clone()).and(devices::user_id.gt(after.1.clone())));
        let page: Vec<(String, String, i64, i64)> = devices::table
            .filter(beyond)
            .filter(devices::last_seen_at.lt(before))
            .order((devices::id, devices::user_id))
            .select((devices::id, devices::user_id, devices::first_seen_at, devices::last_seen_at))
            .limit(STEP)
            .load(tx.conn)?;
        let Some((id, user, ..)) = page.last() else { break };
        after = (id.clone(), user.clone());
        for (id, user, first, last) in page {
            if !holds.covers_trace(&user, first, last) {
                swept.devices += diesel::delete(devices::table.find((id, user))).execute(tx.conn)?;
            }
        }
    }
    let past: Vec<(String, Option<String>, Option<String>, i64, i64)> = invitations::table
        .filter(invitations::expires_at.lt(invited))
        .select((invitations::id, invitations::created_by, invitations::used_by, invitations::created_at, invitations::expires_at))
        .load(tx.conn)?;
    for (id, by, used_by, first, last) in past {
        if ![by, used_by].iter().flatten().any(|person| holds.covers_trace(person, first, last)) {
            swept.invitations += diesel::delete(invitations::table.find(id)).execute(tx.conn)?;
        }
    }
    let mut after = String::new();
    while swept.alerts < most {
        let page: Vec<(String, String, i64, i64)> = alerts::table
            .filter(alerts::id.gt(after.clone()))
            .filter(alerts::last_at.lt(raised))
            .order(alerts::id)
            .select((alerts::id, alerts::subject_id, alerts::first_at, alerts::last_at))
            .limit(STEP)
            .load(tx.conn)?;
        let Some((last, ..)) = page.last() else { break };
        after.clone_from(last);
        let gone = page.into_iter().filter(|(_, about, first, last)| !holds.covers_trace(about, *first, *last));
        let ids: Vec<String> = gone.map(|(id, ..)| id).collect();
        swept.alerts += diesel::delete(alerts::table.filter(alerts::id.eq_any(ids))).execute(tx.conn)?;
    }
    let (mut after, mut cases) = (String::new(), BTreeMap::<String, bool>::new());
    while swept.notices < most {
        let page: Vec<(String, String)> = notices::table
            .filter(notices::id.gt(after.clone()))
            .filter(notices::ended_at.lt(cuts.of(EventClass::Recall).0))
            .order(notices::id)
            .select((notices::id, notices::recall_id))
            .limit(STEP)
            .load(tx.conn)?;
        let Some((last, _)) = page.last() else { break };
        after.clone_from(last);
        let mut gone = Vec::new();
        for (id, case) in page {
            let held = match cases.get(&case) {
                Some(held) => *held,
                None => holds.covers_case(tx.conn, &case)?,
            };
            cases.insert(case, held);
            gone.extend((!held).then_some(id));
        }
        swept.notices += diesel::delete(notices::table.filter(notices::id.eq_any(gone))).execute(tx.conn)?;
    }
    let done = jobs::table.filter(jobs::state.eq("done")).filter(jobs::done_at.lt(tx.now().0.saturating_sub(JOBS)));
    swept.jobs = diesel::delete(done).execute(tx.conn)?;
    let yesterday = tx.now().0.saturating_sub(DAY);
    swept.exports = diesel::delete(exports::table.filter(exports::created_at.lt(yesterday))).execute(tx.conn)?;
    let idle = imports::table.filter(imports::created_at.lt(yesterday)).filter(imports::state.ne_all(["applying", "done"]));
    swept.imports = diesel::delete(idle).execute(tx.conn)?;
    let ended: Vec<(String, String, i64, i64)> = imports::table
        .filter(imports::ended_at.lt(cuts.of(EventClass::Broadcast).0))
        .select((imports::id, imports::owner_id, imports::created_at, imports::ended_at.assume_not_null()))
        .load(tx.conn)?;
    for (id, owner, first, last) in ended {
        if !holds.covers_trace(&owner, first, last) {
            swept.imports += diesel::delete(imports::table.find(id)).execute(tx.conn)?;
        }
    }
    swept.requests = diesel::delete(idempotency::table.filter(idempotency::created_at.lt(yesterday))).execute(tx.conn)?;
    let more = swept.sessions >= most || swept.devices >= most || swept.alerts >= most || swept.notices >= most;
    Ok((swept, more))
}

/// Whoever erases and whoever places a hold go one after the other: both move this counter, so that on PostgreSQL, where writes run side by
/// side, one of two at the same time begins anew and sees what the other did.
pub fn turn(conn: &mut Conn) -> Result<(), StoreError> {
    super::recalls::next_in_series(conn, "retention.turn").map(drop)
}

/// What the counters of marks begin with.
const MARK: &str = "retention.mark.";

/// Where the mark of a walk lies. It says which classes it looked at: if another one joins them, that one has not been looked at yet.
fn mark_names(due: &Due) -> [String; 2] {
    let classes =
        if due.classes == EventClass::ALL { "all".to_owned() } else { due.classes.iter().map(|c| c.as_str()).collect::<Vec<_>>().join("+") };
    ["at", "idx"].map(|piece| format!("{MARK}{}.{classes}.{piece}", due.days))
}

/// How far earlier walks for these classes came; looking begins there.
pub fn mark(conn: &mut Conn, due: &Due) -> Result<Option<Mark>, StoreError> {
    let mut get = |name: String| counters::table.find(name).select(counters::value).first::<i64>(conn).optional();
    let [at, idx] = mark_names(due);
    Ok(get(at)?.zip(get(idx)?).map(|(at, idx)| Mark { at, idx }))
}

/// Remembers how far a walk came.
pub fn set_mark(conn: &mut Conn, due: &Due, mark: Mark) -> Result<(), StoreError> {
    let names = mark_names(due);
    diesel::delete(counters::table.filter(counters::name.eq_any(names.clone()))).execute(conn)?;
    for (name, value) in names.into_iter().zip([mark.at, mark.idx]) {
        diesel::insert_into(counters::table).values((counters::name.eq(name), counters::value.eq(value))).execute(conn)?;
    }
    Ok(())
}

/// A hold was released: everything has to be looked at again.
pub fn forget_marks(conn: &mut Conn) -> Result<(), StoreError> {
    diesel::delete(counters::table.filter(counters::name.like(format!("{MARK}%")))).execute(conn)?;
    Ok(())
}

/// Pages that SQLite gives back in one go: a few megabytes, while others wait.
const PAGES: i64 = 256;

impl Store {
    /// Gives the room of erased rows back to the file system, in small steps: free pages on SQLite, partitions of months without parts on
    /// PostgreSQL. Answers how many bytes (SQLite) or partitions (PostgreSQL) went. For threads that may block.
    ///
    /// # Errors
    /// [`StoreError`] if somebody is in the way for long; the room is given back the next time.
    pub fn give_back(&self, cut_off: Instant) -> Result<u64, StoreError> {
        let mut conn = conn::open(self.database(), conn::Purpose::Write)?;
        match self.database() {
            Database::Sqlite(_) => vacuum(&mut conn),
            Database::Postgres(_) => super::months::drop_empty(&mut conn, cut_off),
        }
    }
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    n: i64,
}

fn vacuum(conn: &mut Conn) -> Result<u64, StoreError> {
    let Conn::Sqlite(sqlite) = conn else { return Ok(0) };
    let number = |c: &mut SqliteConnection, sql: &str| Ok::<_, StoreError>(diesel::sql_query(sql).get_result::<Number>(c)?.n);
    let free = |c: &mut SqliteConnection| number(c, "SELECT freelist_count AS n FROM pragma_freelist_count");
    let size = number(sqlite, "SELECT page_size AS n FROM pragma_page_size")?;
    super::words::settle(sqlite)?;
    let before = free(sqlite)?;
    let mut left = before;
    while left > 0 {
        // To its end: it frees one page for each time that it is asked to go on.
        sqlite.batch_execute(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
        let now = free(sqlite)?;
        if now >= left {
            break;
        }
        left = now;
    }
    diesel::sql_query("PRAGMA wal_checkpoint(PASSIVE)").execute(sqlite)?;
    Ok(u64::try_from((before - left) * size).unwrap_or(0))
}
