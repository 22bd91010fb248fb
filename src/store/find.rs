//! Asking the trail: the events that meet a filter, by pages of keys, and how many there are, without looking at more of them than are told.
//!
//! The order is that of the log. Times are turned into places of the log first, so that every question goes along one index in that order:
//! the words' where words are asked for, else an action's or a case's, else the log's own. Not here: what words are (`words`).

use std::collections::{BTreeSet, HashSet};

use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Text},
};
use serde::{Deserialize, Serialize};

use super::{
    Conn, StoreError,
    page::{self, Turn},
    schema::log_search,
    search::SearchRow,
    words::Group,
};
use crate::{clock::Instant, domain::event::Action, on_each};

/// How many other writes one may be overtaken by on its way into the log on PostgreSQL, where the order of the log is not that of time. Only
/// how far a search looks, never what it finds within.
const OVERTAKEN: i64 = 1 << 16;

/// What the viewer asks for; absent means any. As JSON it is what a legal hold keeps of a search: ids, times and marks, nothing typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    pub from: Option<Instant>,
    /// Exclusive.
    pub to: Option<Instant>,
    pub action: Option<String>,
    pub outcome: Option<String>,
    /// Id of a case.
    pub case: Option<String>,
    pub subject_id: Option<String>,
    /// Names, addresses, devices, texts: an event has something of each group. Found as far as words have been made.
    pub words: Vec<Group>,
}

impl Filter {
    /// Whether nothing but times is asked for.
    pub fn is_plain(&self) -> bool {
        *self == Self { from: self.from, to: self.to, ..Self::default() }
    }
}

/// Where rows begin, and which way they go.
#[derive(Clone, Copy)]
enum Side {
    Newest,
    /// Downward, without this index.
    Below(i64),
    /// Upward, without this index.
    Above(i64),
    /// Between these two, both included.
    Within(i64, i64),
}

/// A value within a statement.
enum Value {
    Number(i64),
    Text(String),
}

/// A statement in the making: both databases' conditions with their values in order.
struct Statement {
    postgres: bool,
    conditions: Vec<String>,
    values: Vec<Value>,
}

impl Statement {
    /// Adds a condition; `?` in it is the value.
    fn and(&mut self, condition: &str, value: Value) {
        self.values.push(value);
        let place = if self.postgres { format!("${}", self.values.len()) } else { "?".to_owned() };
        self.conditions.push(condition.replace('?', &place));
    }
}

/// The place of the first event at or after `at`; `None` if there is none.
fn place(conn: &mut Conn, at: Instant) -> Result<Option<i64>, StoreError> {
    let from = log_search::table.filter(log_search::at.ge(at.0));
    Ok(from.order((log_search::at.asc(), log_search::idx.asc())).select(log_search::idx).first(conn).optional()?)
}

/// Which table leads, and what an event has to meet; `None` if none can.
fn stated(conn: &mut Conn, filter: &Filter, side: Side) -> Result<Option<(String, Statement)>, StoreError> {
    let postgres = matches!(conn, Conn::Postgres(_));
    let slack = if postgres { OVERTAKEN } else { 0 };
    let mut stated = Statement { postgres, conditions: Vec::new(), values: Vec::new() };
    let (lead, key) = match (filter.words.is_empty(), postgres) {
        (true, _) => ("log_search s", "s.idx"),
        // The words lead: SQLite keeps the order of a CROSS JOIN.
        (false, false) => ("log_words CROSS JOIN log_search s ON s.idx = log_words.rowid", "log_words.rowid"),
        (false, true) => ("log_words w JOIN log_search s ON s.idx = w.idx", "w.idx"),
    };
    if postgres {
        for group in &filter.words {
            stated.and("w.words && string_to_array(?, ' ')", Value::Text(group.to_list()));
        }
    } else if !filter.words.is_empty() {
        let question = filter.words.iter().map(Group::to_match).collect::<Vec<_>>().join(" AND ");
        stated.and("log_words MATCH ?", Value::Text(question));
    }
    // The first index that is looked at, and the one behind the last: one border on each side, for SQLite enters an index by one only.
    let (mut first, mut end) = match side {
        Side::Newest => (i64::MIN, i64::MAX),
        Side::Below(index) => (i64::MIN, index),
        Side::Above(index) => (index.saturating_add(1), i64::MAX),
        Side::Within(first, last) => (first, last.saturating_add(1)),
    };
    // Within given indices the times alone decide: where clocks differ, their places may leave one out that a hold has to keep.
    let by_place = !matches!(side, Side::Within(..));
    // Plus nothing, so that no index of times takes the lead and gives up the order.
    if let Some(from) = filter.from {
        if by_place {
            let Some(earliest) = place(conn, from)? else { return Ok(None) };
            first = first.max(earliest.saturating_sub(slack));
        }
        stated.and("s.at + 0 >= ?", Value::Number(from.0));
    }
    if let Some(to) = filter.to {
        if by_place && let Some(latest) = place(conn, to)? {
            end = end.min(latest.saturating_add(slack));
        }
        stated.and("s.at + 0 < ?", Value::Number(to.0));
    }
    if first > i64::MIN {
        stated.and(&format!("{key} >= ?"), Value::Number(first));
    }
    if end < i64::MAX {
        stated.and(&format!("{key} < ?"), Value::Number(end));
    }
    for (column, value) in [("action", &filter.action), ("outcome", &filter.outcome), ("case_id", &filter.case), ("subject_id", &filter.subject_id)] {
        if let Some(value) = value {
            stated.and(&format!("s.{column} = ?"), Value::Text(value.clone()));
        }
    }
    let conditions = if stated.conditions.is_empty() { String::new() } else { format!(" WHERE {}", stated.conditions.join(" AND ")) };
    let direction = if matches!(side, Side::Above(_)) { "ASC" } else { "DESC" };
    Ok(Some((format!(" FROM {lead}{conditions} ORDER BY {key} {direction} LIMIT "), stated)))
}

/// Up to `limit` rows, newest first; the keys are indices.
pub fn search(conn: &mut Conn, filter: &Filter, turn: &Turn<u64>, limit: i64) -> Result<Vec<SearchRow>, StoreError> {
    let number = |index: u64| i64::try_from(index).unwrap_or(i64::MAX);
    let side = match *turn {
        Turn::First => Side::Newest,
        Turn::Down(index) => Side::Below(number(index)),
        Turn::Up(index) => Side::Above(number(index)),
    };
    Ok(page::in_order(turn, rows(conn, filter, side, limit)?))
}

/// The rows nearest to that side, away from it.
fn rows(conn: &mut Conn, filter: &Filter, side: Side, limit: i64) -> Result<Vec<SearchRow>, StoreError> {
    let Some((rest, stated)) = stated(conn, filter, side)? else { return Ok(Vec::new()) };
    let sql = format!(
        "SELECT s.idx, s.event_id, s.at, s.action, s.outcome, s.actor_id, s.actor_name, s.subject_kind, s.subject_id, s.case_id, s.session_id, \
         s.client_ip, s.device_id{rest}{limit}"
    );
    load(conn, &sql, stated.values)
}

/// Up to `limit` rows in the order of the log, after an index or from the first on.
pub fn onward(conn: &mut Conn, filter: &Filter, after: Option<u64>, limit: i64) -> Result<Vec<SearchRow>, StoreError> {
    let after = after.map_or(-1, |index| i64::try_from(index).unwrap_or(i64::MAX));
    let mut rows = rows(conn, filter, Side::Above(after), limit)?;
    rows.sort_unstable_by_key(|row| row.idx);
    Ok(rows)
}

/// The place of the newest event of an action.
pub fn newest_of(conn: &mut Conn, action: Action) -> Result<Option<u64>, StoreError> {
    let of = log_search::table.filter(log_search::action.eq(action.as_str()));
    let newest: Option<i64> = of.order(log_search::idx.desc()).select(log_search::idx).first(conn).optional()?;
    Ok(newest.and_then(|idx| u64::try_from(idx).ok()))
}

#[derive(QueryableByName)]
struct At {
    #[diesel(sql_type = BigInt)]
    at: i64,
}

/// When the events happened that meet a filter: those of the newest `limit`, newest first.
pub fn times(conn: &mut Conn, filter: &Filter, limit: i64) -> Result<Vec<Instant>, StoreError> {
    let Some((rest, stated)) = stated(conn, filter, Side::Newest)? else { return Ok(Vec::new()) };
    let rows: Vec<At> = load(conn, &format!("SELECT s.at{rest}{limit}"), stated.values)?;
    Ok(rows.into_iter().map(|row| Instant(row.at)).collect())
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// How many events meet a filter.
pub fn count(conn: &mut Conn, filter: &Filter) -> Result<i64, StoreError> {
    count_of(conn, filter, false)
}

/// Of how many of them something that could be erased is still there.
pub fn count_open(conn: &mut Conn, filter: &Filter) -> Result<i64, StoreError> {
    count_of(conn, filter, true)
}

/// Which of some events meet a filter.
#[derive(Debug, Default)]
pub struct Met {
    /// Those that do. One whose parts are all gone has no words left to be asked for: its other conditions decide.
    pub found: BTreeSet<i64>,
    /// Those that meet everything but the words, which they have not got yet: nobody can tell.
    pub unread: BTreeSet<i64>,
}

/// Those of the events at `indices` that meet a filter; some hundred of them at most.
pub fn among(conn: &mut Conn, filter: &Filter, indices: &[i64]) -> Result<Met, StoreError> {
    let Some((first, last)) = indices.iter().min().zip(indices.iter().max()) else { return Ok(Met::default()) };
    let wanted: HashSet<i64> = indices.iter().copied().collect();
    let within = Side::Within(*first, *last);
    let mut met = Met { found: ask(conn, filter, within, "", &wanted)?, unread: BTreeSet::new() };
    if !filter.words.is_empty() {
        let wordless = Filter { words: Vec::new(), ..filter.clone() };
        let read = super::words::next(conn)?;
        if *last >= read {
            met.unread = ask(conn, &wordless, Side::Within(read.max(*first), *last), "", &wanted)?;
        }
        met.found.extend(ask(conn, &wordless, within, "NOT EXISTS (SELECT 1 FROM log_parts p WHERE p.event_id = s.event_id)", &wanted)?);
    }
    Ok(met)
}

/// The indices among `wanted` of events that meet a filter and one condition more.
fn ask(conn: &mut Conn, filter: &Filter, side: Side, more: &str, wanted: &HashSet<i64>) -> Result<BTreeSet<i64>, StoreError> {
    let Some((rest, stated)) = stated(conn, filter, side)? else { return Ok(BTreeSet::new()) };
    let rest = if more.is_empty() { rest } else { and(&rest, &stated, more) };
    let rows: Vec<Number> = load(conn, &format!("SELECT s.idx AS n{rest}{}", i64::MAX), stated.values)?;
    Ok(rows.into_iter().map(|row| row.n).filter(|idx| wanted.contains(idx)).collect())
}

/// What [`stated`] gave, with one condition more.
fn and(rest: &str, stated: &Statement, more: &str) -> String {
    let (before, after) = rest.split_once(" ORDER BY").unwrap_or((rest, ""));
    let joint = if stated.conditions.is_empty() { "WHERE" } else { "AND" };
    format!("{before} {joint} {more} ORDER BY{after}")
}

fn count_of(conn: &mut Conn, filter: &Filter, open: bool) -> Result<i64, StoreError> {
    let Some((mut rest, stated)) = stated(conn, filter, Side::Newest)? else { return Ok(0) };
    if open {
        rest = and(&rest, &stated, "EXISTS (SELECT 1 FROM log_parts p WHERE p.event_id = s.event_id)");
    }
    let rows: Vec<Number> = load(conn, &format!("SELECT count(*) AS n FROM (SELECT s.idx{rest}{}) f", i64::MAX), stated.values)?;
    Ok(rows.first().map_or(0, |row| row.n))
}

fn load<T>(conn: &mut Conn, sql: &str, values: Vec<Value>) -> Result<Vec<T>, StoreError>
where
    T: QueryableByName<diesel::sqlite::Sqlite> + QueryableByName<diesel::pg::Pg> + 'static,
{
    Ok(on_each!(conn, c => {
        let mut query = sql_query(sql).into_boxed();
        for value in values {
            query = match value {
                Value::Number(number) => query.bind::<BigInt, _>(number),
                Value::Text(text) => query.bind::<Text, _>(text),
            };
        }
        query.load(c)?
    }))
}

/// How many events there are before each of `instants`, by the order of the log: on PostgreSQL one that was overtaken may be counted on the
/// other side of a border that it lies close to.
pub fn places(conn: &mut Conn, instants: &[Instant]) -> Result<Vec<i64>, StoreError> {
    let size = super::log::head(conn)?.size;
    if let Conn::Postgres(c) = conn {
        // One question for all: each look-up would be a round trip.
        let sql = "SELECT coalesce((SELECT idx FROM log_search WHERE at >= t ORDER BY at, idx LIMIT 1), $2) AS at \
                   FROM unnest(string_to_array($1, ' ')::bigint[]) WITH ORDINALITY AS asked(t, n) ORDER BY n";
        let asked = instants.iter().map(|at| at.0.to_string()).collect::<Vec<_>>().join(" ");
        let rows: Vec<At> = sql_query(sql).bind::<Text, _>(asked).bind::<BigInt, _>(size).load(c)?;
        return Ok(rows.into_iter().map(|row| row.at).collect());
    }
    instants.iter().map(|at| Ok(place(conn, *at)?.unwrap_or(size))).collect()
}
