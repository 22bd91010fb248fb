//! Recall cases and their decisions, as rows. Not here: what may follow what (`domain::recall`), calls (`calls`), outcomes (`recipients`).

use std::collections::BTreeMap;

use diesel::prelude::*;

use super::{
    Conn, StoreError,
    kept::Keep,
    page::{self, Few, Turn},
    schema::{attachments, counters, decisions, messages, recalls, recipients},
};
use crate::clock::Instant;

/// A row of `recalls`, in the order of its columns.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = recalls, treat_none_as_default_value = false)]
pub struct RecallRow {
    pub id: String,
    /// `FR-20261122-0001`.
    pub number: String,
    pub broadcast_id: String,
    pub requester_id: String,
    /// The sender's department, which level 1 belongs to.
    pub department_id: Option<String>,
    /// A word of `domain::recall::State`.
    pub state: String,
    /// Open levels, comma-separated; where a case ended, the levels that were open then.
    pub open_levels: String,
    pub round: i64,
    /// A word of `domain::recall::Mode`.
    pub mode: String,
    /// A word of `domain::platform::HarmClass`.
    pub harm_class: String,
    /// What was asked, sealed with the installation's key as `recalls/<id>/request`.
    pub request_sealed: Vec<u8>,
    pub cut_off: Option<i64>,
    pub due_1: i64,
    pub due_2: i64,
    pub due_3: i64,
    pub recipients_count: i64,
    pub recipients_root: Vec<u8>,
    /// The message's commitment, as it was when the case was made.
    pub commitment: Vec<u8>,
    pub policy_id: String,
    pub policy_version: i64,
    pub halted_at: Option<i64>,
    pub submitted_at: i64,
    pub approved_at: Option<i64>,
    pub finished_at: Option<i64>,
    pub closed_at: Option<i64>,
    /// JSON of `domain::outcome::Tally`.
    pub tally: Option<String>,
    pub version: i64,
    /// When retention erased the request; it is empty from then on.
    pub erased_at: Option<i64>,
    /// The message's, for lists.
    pub platform: String,
    pub sender_id: Option<String>,
    /// Levels of this round whose time was over before they were decided, comma-separated.
    pub escalated: String,
    /// The broadcast that is sent once the message is taken back (强制覆盖); there is none yet until then.
    pub correction_id: Option<String>,
}

/// What the rules need of a case's row.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = recalls)]
pub struct Standing {
    pub id: String,
    pub requester_id: String,
    pub department_id: Option<String>,
    pub state: String,
    pub open_levels: String,
    pub round: i64,
    pub mode: String,
    pub cut_off: Option<i64>,
    pub halted_at: Option<i64>,
    pub policy_version: i64,
    pub version: i64,
    pub escalated: String,
}

/// A case that is not at its end, with what a list of them is narrowed by.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = recalls)]
pub struct OpenRow {
    #[diesel(embed)]
    pub standing: Standing,
    pub harm_class: String,
    pub platform: String,
    pub due_1: i64,
    pub due_2: i64,
    pub due_3: i64,
}

impl RecallRow {
    /// When a level (1 to 3) should be decided.
    pub fn due_of(&self, level: u8) -> Instant {
        let due = [self.due_1, self.due_2, self.due_3];
        Instant(due.get(usize::from(level).wrapping_sub(1)).copied().unwrap_or_default())
    }

    pub fn standing(&self) -> Standing {
        Standing {
            id: self.id.clone(),
            requester_id: self.requester_id.clone(),
            department_id: self.department_id.clone(),
            state: self.state.clone(),
            open_levels: self.open_levels.clone(),
            round: self.round,
            mode: self.mode.clone(),
            cut_off: self.cut_off,
            halted_at: self.halted_at,
            policy_version: self.policy_version,
            version: self.version,
            escalated: self.escalated.clone(),
        }
    }
}

/// A row of `decisions`, in the order of its columns.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = decisions, treat_none_as_default_value = false)]
pub struct DecisionRow {
    pub id: String,
    pub recall_id: String,
    pub round: i64,
    pub level: i64,
    pub decider_id: String,
    pub decision: String,
    /// JSON `{"salt","text"}`, sealed with the installation's key as `decisions/<id>/comment`: it opens the statement's `comment`.
    pub comment_sealed: Vec<u8>,
    /// How identity was proven: `totp`.
    pub method: String,
    /// The canonical bytes of the decision statement.
    pub statement: Vec<u8>,
    /// SHA-256 of the summary that was shown.
    pub shown: Vec<u8>,
    pub event_id: String,
    pub client_ip: Option<String>,
    pub device_id: Option<String>,
    pub at: i64,
    /// On whose behalf, if not in the decider's own name.
    pub principal_id: Option<String>,
    /// JSON of `domain::recall::weighing::Answers`; nothing where nothing was asked.
    pub answers: Option<String>,
}

/// What a list shows; every field narrows.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// One of these states.
    pub states: Option<Vec<String>>,
    pub harm_class: Option<String>,
    /// Submitted at or after; microseconds.
    pub from: Option<i64>,
    /// And before.
    pub until: Option<i64>,
    /// Ended at or after.
    pub ended_from: Option<i64>,
    /// And before.
    pub ended_until: Option<i64>,
    /// Only what this person asked for, or whose message they sent.
    pub of_person: Option<String>,
    pub requester: Option<String>,
    /// One of these departments.
    pub departments: Option<Vec<String>>,
    pub platform: Option<String>,
    /// The beginning of a number.
    pub number: Option<String>,
}

/// A case by its id or its number.
pub fn find(conn: &mut Conn, id_or_number: &str) -> Result<Option<RecallRow>, StoreError> {
    // PostgreSQL has no NUL in texts, and no case is called so.
    if id_or_number.contains('\0') {
        return Ok(None);
    }
    match recalls::table.find(id_or_number).first(conn).optional()? {
        Some(row) => Ok(Some(row)),
        None => Ok(recalls::table.filter(recalls::number.eq(id_or_number)).first(conn).optional()?),
    }
}

/// Those of these ids that there are, by id.
pub fn find_many(conn: &mut Conn, ids: &[String]) -> Result<BTreeMap<String, RecallRow>, StoreError> {
    let mut found = BTreeMap::new();
    for ids in ids.chunks(500) {
        let rows: Vec<RecallRow> = recalls::table.filter(recalls::id.eq_any(ids.to_vec())).load(conn)?;
        found.extend(rows.into_iter().map(|row| (row.id.clone(), row)));
    }
    Ok(found)
}

/// The case whose correction a broadcast is: id, number and requester.
pub fn of_correction(conn: &mut Conn, broadcast: &str) -> Result<Option<(String, String, String)>, StoreError> {
    let of = recalls::table.filter(recalls::correction_id.eq(broadcast));
    Ok(of.select((recalls::id, recalls::number, recalls::requester_id)).first(conn).optional()?)
}

pub fn insert(conn: &mut Conn, row: &RecallRow) -> Result<(), StoreError> {
    diesel::insert_into(recalls::table).values(row.clone()).execute(conn)?;
    Ok(())
}

/// Stores what changes in a case over the version before it; `false` if somebody else changed it first.
pub fn replace(conn: &mut Conn, row: &RecallRow) -> Result<bool, StoreError> {
    let seen = recalls::table.find(row.id.clone()).filter(recalls::version.eq(row.version - 1));
    let changed = diesel::update(seen)
        .set((
            recalls::state.eq(row.state.clone()),
            recalls::open_levels.eq(row.open_levels.clone()),
            recalls::round.eq(row.round),
            recalls::request_sealed.eq(row.request_sealed.clone()),
            recalls::due_1.eq(row.due_1),
            recalls::due_2.eq(row.due_2),
            recalls::due_3.eq(row.due_3),
            recalls::halted_at.eq(row.halted_at),
            recalls::approved_at.eq(row.approved_at),
            recalls::finished_at.eq(row.finished_at),
            recalls::closed_at.eq(row.closed_at),
            recalls::tally.eq(row.tally.clone()),
            recalls::escalated.eq(row.escalated.clone()),
            recalls::correction_id.eq(row.correction_id.clone()),
            recalls::version.eq(row.version),
        ))
        .kept()
        .execute(conn)?;
    Ok(changed == 1)
}

/// Notes the `levels` whose time is over. The case keeps its version: nothing of what a decider was shown has changed.
pub fn escalate(conn: &mut Conn, id: &str, levels: &str) -> Result<(), StoreError> {
    diesel::update(recalls::table.find(id.to_owned())).set(recalls::escalated.eq(levels.to_owned())).kept().execute(conn)?;
    Ok(())
}

/// States in which a case is not at its end.
pub const OPEN_STATES: [&str; 4] = ["reviewing", "returned", "approved", "executing"];

/// The case of a broadcast that is not at its end, if there is one: id and number.
pub fn open_case(conn: &mut Conn, broadcast: &str) -> Result<Option<(String, String)>, StoreError> {
    Ok(recalls::table
        .filter(recalls::broadcast_id.eq(broadcast))
        .filter(recalls::state.eq_any(OPEN_STATES))
        .select((recalls::id, recalls::number))
        .first(conn)
        .optional()?)
}

/// The next number of a series that begins anew each day: 1, 2, 3 …
pub fn next_in_series(conn: &mut Conn, series: &str) -> Result<i64, StoreError> {
    let last: Option<i64> = counters::table.find(series).select(counters::value).first(conn).optional()?;
    match last {
        Some(last) => {
            diesel::update(counters::table.find(series)).set(counters::value.eq(last + 1)).kept().execute(conn)?;
            Ok(last + 1)
        }
        None => {
            diesel::insert_into(counters::table).values((counters::name.eq(series), counters::value.eq(1_i64))).execute(conn)?;
            Ok(1)
        }
    }
}

/// What `filter` leaves, in no order.
pub(super) fn narrowed(filter: &Filter) -> recalls::BoxedQuery<'static, <Conn as diesel::Connection>::Backend> {
    let mut query = recalls::table.into_boxed();
    if let Some(states) = &filter.states {
        query = match states.as_slice() {
            [one] => query.filter(recalls::state.eq(one.clone())),
            some => query.filter(recalls::state.eq_any(some.to_vec())),
        };
    }
    if let Some(class) = &filter.harm_class {
        query = query.filter(recalls::harm_class.eq(class.clone()));
    }
    if let Some(from) = filter.from {
        query = query.filter(recalls::submitted_at.ge(from));
    }
    if let Some(until) = filter.until {
        query = query.filter(recalls::submitted_at.lt(until));
    }
    if let Some(from) = filter.ended_from {
        query = query.filter(recalls::finished_at.ge(from));
    }
    if let Some(until) = filter.ended_until {
        query = query.filter(recalls::finished_at.lt(until));
    }
    if let Some(person) = &filter.of_person {
        query = query.filter(recalls::requester_id.eq(person.clone()).or(recalls::sender_id.eq(person.clone())));
    }
    if let Some(requester) = &filter.requester {
        query = query.filter(recalls::requester_id.eq(requester.clone()));
    }
    if let Some(departments) = &filter.departments {
        query = query.filter(recalls::department_id.eq_any(departments.clone()));
    }
    if let Some(platform) = &filter.platform {
        query = query.filter(recalls::platform.eq(platform.clone()));
    }
    if let Some(number) = &filter.number {
        let pattern = format!("{}%", number.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"));
        query = query.filter(recalls::number.like(pattern).escape('\\'));
    }
    query
}

/// Newest first, at most `limit`; beside a case that is not there lies nothing.
pub fn page(conn: &mut Conn, filter: &Filter, turn: &Turn, limit: i64) -> Result<Vec<RecallRow>, StoreError> {
    let query = narrowed(filter);
    let query = match turn {
        Turn::First => query.order((recalls::submitted_at.desc(), recalls::id.desc())),
        Turn::Down(key) | Turn::Up(key) => {
            let beside: Option<(i64, String)> = recalls::table.find(key).select((recalls::submitted_at, recalls::id)).first(conn).optional()?;
            let Some((at, id)) = beside else { return Ok(Vec::new()) };
            // The first condition is what an index can be entered by.
            match turn.is_up() {
                false => query
                    .filter(recalls::submitted_at.le(at))
                    .filter(recalls::submitted_at.lt(at).or(recalls::id.lt(id)))
                    .order((recalls::submitted_at.desc(), recalls::id.desc())),
                true => query
                    .filter(recalls::submitted_at.ge(at))
                    .filter(recalls::submitted_at.gt(at).or(recalls::id.gt(id)))
                    .order((recalls::submitted_at.asc(), recalls::id.asc())),
            }
        }
    };
    Ok(page::in_order(turn, query.limit(limit).load(conn)?))
}

/// How many there are.
pub fn few(conn: &mut Conn, filter: &Filter) -> Result<Few, StoreError> {
    Few::of(conn, narrowed(filter).select(recalls::id).limit(Few::LIMIT))
}

/// How many there are, all of them counted.
pub fn count(conn: &mut Conn, filter: &Filter) -> Result<u64, StoreError> {
    let n: i64 = narrowed(filter).count().get_result(conn)?;
    Ok(u64::try_from(n).unwrap_or_default())
}

/// The cases that are not at their end, at most `limit`: those whose window closes first, then those without a window, oldest first.
pub fn open(conn: &mut Conn, limit: i64) -> Result<Vec<OpenRow>, StoreError> {
    let of = recalls::table.filter(recalls::state.eq_any(OPEN_STATES));
    // SQLite would put those without a window first, PostgreSQL last.
    let urgent = (recalls::cut_off.is_null().asc(), recalls::cut_off.asc(), recalls::id.asc());
    Ok(of.order(urgent).limit(limit).select(OpenRow::as_select()).load(conn)?)
}

/// Whose open cases are looked for: what could be somebody's to do. Too many rather than too few; the rules say the last word.
#[derive(Clone, Debug, Default)]
pub struct Touching {
    pub person: String,
    /// Levels that they could decide whatever the department.
    pub levels: Vec<u8>,
    /// Departments whose messages they could judge at level 1, which a sender without one adds.
    pub departments: Vec<String>,
    /// Whether cases that run by hand are wanted.
    pub running: bool,
}

/// The open cases that touch somebody, at most `limit`, in the order of [`open`].
pub fn open_to(conn: &mut Conn, touching: &Touching, limit: i64) -> Result<Vec<OpenRow>, StoreError> {
    let own = recalls::requester_id.eq(touching.person.clone());
    let mut query = recalls::table.filter(own.and(recalls::state.eq_any(["reviewing", "returned"]))).into_boxed();
    for level in &touching.levels {
        query = query.or_filter(recalls::state.eq("reviewing").and(recalls::open_levels.like(format!("%{level}%"))));
    }
    if !touching.departments.is_empty() {
        let theirs = recalls::department_id.is_null().or(recalls::department_id.eq_any(touching.departments.clone()));
        // An overdue one may be open to every department.
        let theirs = theirs.or(recalls::escalated.like("%1%"));
        query = query.or_filter(recalls::state.eq("reviewing").and(recalls::open_levels.like("%1%")).and(theirs));
    }
    if touching.running {
        query = query.or_filter(recalls::state.eq_any(["approved", "executing"]).and(recalls::mode.eq("guided")));
    }
    let urgent = (recalls::cut_off.is_null().asc(), recalls::cut_off.asc(), recalls::id.asc());
    Ok(query.order(urgent).limit(limit).select(OpenRow::as_select()).load(conn)?)
}

/// The rows of these cases, in no order; what is not there is left out.
pub fn rows_of(conn: &mut Conn, ids: &[String]) -> Result<Vec<OpenRow>, StoreError> {
    Ok(recalls::table.filter(recalls::id.eq_any(ids.to_vec())).select(OpenRow::as_select()).load(conn)?)
}

/// How these cases stand, in no order; what is not there is left out.
pub fn standings(conn: &mut Conn, ids: &[String]) -> Result<Vec<Standing>, StoreError> {
    Ok(recalls::table.filter(recalls::id.eq_any(ids.to_vec())).select(Standing::as_select()).load(conn)?)
}

pub fn decision_insert(conn: &mut Conn, row: DecisionRow) -> Result<(), StoreError> {
    diesel::insert_into(decisions::table).values(row).execute(conn)?;
    Ok(())
}

/// All decisions of a case, in the order they were made.
pub fn decisions_of(conn: &mut Conn, recall: &str) -> Result<Vec<DecisionRow>, StoreError> {
    Ok(decisions::table
        .filter(decisions::recall_id.eq(recall))
        .order((decisions::round.asc(), decisions::level.asc(), decisions::at.asc(), decisions::id.asc()))
        .load(conn)?)
}

/// The decisions of many cases, in the order they were made, by case.
pub fn decisions_of_many(conn: &mut Conn, recalls: &[&str]) -> Result<BTreeMap<String, Vec<DecisionRow>>, StoreError> {
    let mut found: BTreeMap<String, Vec<DecisionRow>> = BTreeMap::new();
    for ids in recalls.chunks(500) {
        let of = decisions::table.filter(decisions::recall_id.eq_any(ids.to_vec()));
        for row in of.order((decisions::round.asc(), decisions::level.asc(), decisions::at.asc(), decisions::id.asc())).load::<DecisionRow>(conn)? {
            found.entry(row.recall_id.clone()).or_default().push(row);
        }
    }
    Ok(found)
}

/// What became of one message.
pub fn message_settle(conn: &mut Conn, message: &str, outcome: &str, attempts: i64) -> Result<(), StoreError> {
    diesel::update(messages::table.find(message))
        .set((messages::recall_state.eq(Some(outcome.to_owned())), messages::recall_attempts.eq(attempts)))
        .execute(conn)?;
    Ok(())
}

/// What became of everybody whom `message` carried (of everybody, without one) and to whom it was not refused in the first place.
pub fn recipients_settle(conn: &mut Conn, broadcast: &str, message: Option<&str>, outcome: &str, at: i64) -> Result<usize, StoreError> {
    let set = (recipients::outcome.eq(Some(outcome.to_owned())), recipients::outcome_at.eq(Some(at)));
    let of = recipients::table.filter(recipients::broadcast_id.eq(broadcast.to_owned())).filter(recipients::delivery.ne("refused"));
    Ok(match message {
        Some(message) => diesel::update(of.filter(recipients::message_id.eq(message.to_owned()))).set(set).execute(conn)?,
        None => diesel::update(of).set(set).execute(conn)?,
    })
}

/// A second person has looked at the captures of a case.
pub fn captures_confirm(conn: &mut Conn, recall: &str, by: &str, at: i64) -> Result<(), StoreError> {
    diesel::update(attachments::table.filter(attachments::recall_id.eq(recall)).filter(attachments::kind.eq("capture")))
        .set((attachments::confirmed_by.eq(Some(by.to_owned())), attachments::confirmed_at.eq(Some(at))))
        .execute(conn)?;
    Ok(())
}
