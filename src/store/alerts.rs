//! Alerts and their rules as rows, and the events that a rule counts. Not here: what counts and when it fires (`domain::alert`).

use diesel::prelude::*;

use super::{
    Conn, StoreError,
    page::{self, Turn},
    schema::{alert_rules, alerts, counters, log_search},
    search::SearchRow,
};
use crate::{
    clock::Instant,
    domain::{
        alert::{
            MOST, Rule, Settings,
            judge::{By, Watch},
        },
        event::{Action, Outcome},
    },
};

/// A row of `alerts`, in the order of its columns.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = alerts, treat_none_as_default_value = false)]
pub struct AlertRow {
    pub id: String,
    /// A word of [`Rule`].
    pub rule: String,
    /// 0: as shipped.
    pub rule_version: i64,
    pub severity: String,
    /// What it is about: `user`, `address`, `log`, …
    pub subject_kind: String,
    pub subject_id: String,
    /// Rule, subject and the event that fired it: no event fires the same alert twice.
    pub dedupe: String,
    pub state: String,
    /// JSON of `app::alerts::Explanation`.
    pub explanation: String,
    pub first_at: i64,
    pub last_at: i64,
    /// The last event that it counted.
    pub last_idx: i64,
    pub raised_at: i64,
    pub acknowledged_by: Option<String>,
    pub acknowledged_at: Option<i64>,
    /// Sealed under [`note_context`].
    pub note_sealed: Option<Vec<u8>>,
    pub version: i64,
}

/// What binds a sealed note to its row.
pub fn note_context(id: &str) -> String {
    format!("alerts/{id}/note")
}

/// A row of `alert_rules`, in the order of its columns: one version of one rule.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = alert_rules)]
pub struct RuleRow {
    pub rule: String,
    pub version: i64,
    /// JSON of [`Settings`].
    pub settings: String,
    pub changed_by: String,
    pub changed_at: i64,
}

const CURSOR: &str = "alerts.cursor";

/// The index of the next event that no rule has looked at.
pub fn cursor(conn: &mut Conn) -> Result<i64, StoreError> {
    Ok(counters::table.find(CURSOR).select(counters::value).first(conn).optional()?.unwrap_or(0))
}

/// Moves the cursor; `false` if another process has moved it since it was read.
pub fn cursor_move(conn: &mut Conn, from: i64, to: i64) -> Result<bool, StoreError> {
    if cursor(conn)? != from {
        return Ok(false);
    }
    let moved = diesel::update(counters::table.find(CURSOR).filter(counters::value.eq(from))).set(counters::value.eq(to)).execute(conn)?;
    if moved == 0 {
        diesel::insert_into(counters::table).values((counters::name.eq(CURSOR), counters::value.eq(to))).execute(conn)?;
    }
    Ok(true)
}

/// Up to `limit` events from `from` on, in order.
pub fn events(conn: &mut Conn, from: i64, limit: i64) -> Result<Vec<SearchRow>, StoreError> {
    Ok(log_search::table.filter(log_search::idx.ge(from)).order(log_search::idx.asc()).limit(limit).select(SearchRow::as_select()).load(conn)?)
}

/// How much the order of indexes may differ from that of times (PostgreSQL gives indexes after the fact).
const DISORDER: std::time::Duration = std::time::Duration::from_secs(120);

/// The events that a rule watches about the same thing as `row`: after `after` (exclusive), up to `row` itself, and later than `since`.
pub fn window(conn: &mut Conn, watch: Watch, row: &SearchRow, after: Option<i64>, since: Instant) -> Result<Vec<SearchRow>, StoreError> {
    let first: Option<i64> = log_search::table
        .filter(log_search::at.gt(since.minus(DISORDER).0))
        .order((log_search::at.asc(), log_search::idx.asc()))
        .select(log_search::idx)
        .first(conn)
        .optional()?;
    let from = first.unwrap_or(row.idx).max(after.map_or(0, |n| n + 1));
    let mut query = log_search::table
        .filter(log_search::idx.ge(from))
        .filter(log_search::idx.le(row.idx))
        .filter(log_search::at.gt(since.0))
        .filter(log_search::outcome.eq(watch.outcome.as_str()))
        .into_boxed();
    if !watch.actions.is_empty() {
        let words: Vec<&str> = watch.actions.iter().map(|a| a.as_str()).collect();
        query = query.filter(log_search::action.eq_any(words));
    }
    query = match watch.by {
        By::Actor => query.filter(log_search::actor_id.eq(row.actor_id.clone())),
        By::Account | By::Subject => query.filter(log_search::subject_id.eq(row.subject_id.clone())),
        By::Address => query.filter(log_search::client_ip.eq(row.client_ip.clone())),
    };
    let mut rows: Vec<SearchRow> = query.order(log_search::idx.desc()).limit(i64::from(MOST)).select(SearchRow::as_select()).load(conn)?;
    rows.reverse();
    Ok(rows)
}

/// When the person of `row` first acted on the device of `row`, if they had acted on another one before that; by the log alone.
pub fn device_since(conn: &mut Conn, row: &SearchRow) -> Result<Option<Instant>, StoreError> {
    let Some(device) = &row.device_id else { return Ok(None) };
    let theirs = || log_search::table.filter(log_search::actor_id.eq(row.actor_id.clone())).filter(log_search::idx.le(row.idx));
    let first: Option<(i64, i64)> = theirs()
        .filter(log_search::device_id.eq(device))
        .order(log_search::idx.asc())
        .select((log_search::idx, log_search::at))
        .first(conn)
        .optional()?;
    let Some((idx, at)) = first else { return Ok(None) };
    let other: Option<i64> =
        theirs().filter(log_search::idx.lt(idx)).filter(log_search::device_id.ne(device)).select(log_search::idx).first(conn).optional()?;
    Ok(other.map(|_| Instant(at)))
}

/// The last `limit` runs of the purge before `row`.
pub fn purges_before(conn: &mut Conn, row: &SearchRow, limit: i64) -> Result<Vec<String>, StoreError> {
    Ok(log_search::table
        .filter(log_search::action.eq(Action::RetentionApplied.as_str()))
        .filter(log_search::outcome.eq(Outcome::Success.as_str()))
        .filter(log_search::idx.lt(row.idx))
        .order(log_search::idx.desc())
        .limit(limit)
        .select(log_search::event_id)
        .load(conn)?)
}

/// The newest alert of a rule about a subject.
pub fn last_of(conn: &mut Conn, rule: Rule, subject: &str) -> Result<Option<AlertRow>, StoreError> {
    let of = alerts::table.filter(alerts::rule.eq(rule.as_str())).filter(alerts::subject_id.eq(subject));
    Ok(of.order((alerts::last_idx.desc(), alerts::id.desc())).first(conn).optional()?)
}

/// Adds an alert; `false` if the same event has fired it before.
pub fn insert(conn: &mut Conn, row: AlertRow) -> Result<bool, StoreError> {
    let known = alerts::table.filter(alerts::dedupe.eq(row.dedupe.clone()));
    if diesel::select(diesel::dsl::exists(known)).get_result(conn)? {
        return Ok(false);
    }
    diesel::insert_into(alerts::table).values(row).execute(conn)?;
    Ok(true)
}

/// What an alert has counted since; its state stays.
pub fn count_on(conn: &mut Conn, row: &AlertRow) -> Result<(), StoreError> {
    diesel::update(alerts::table.find(&row.id))
        .set((alerts::explanation.eq(&row.explanation), alerts::last_at.eq(row.last_at), alerts::last_idx.eq(row.last_idx)))
        .execute(conn)?;
    Ok(())
}

/// Somebody has seen it; `false` if somebody else was first.
pub fn acknowledge(conn: &mut Conn, id: &str, version: i64, by: &str, at: Instant, note: Vec<u8>) -> Result<bool, StoreError> {
    let open = alerts::table.filter(alerts::id.eq(id)).filter(alerts::version.eq(version)).filter(alerts::state.eq("open"));
    let n = diesel::update(open)
        .set((
            alerts::state.eq("acknowledged"),
            alerts::acknowledged_by.eq(by),
            alerts::acknowledged_at.eq(at.0),
            alerts::note_sealed.eq(note),
            alerts::version.eq(version + 1),
        ))
        .execute(conn)?;
    Ok(n == 1)
}

pub fn find(conn: &mut Conn, id: &str) -> Result<Option<AlertRow>, StoreError> {
    Ok(alerts::table.find(id).first(conn).optional()?)
}

/// What a list is asked for; absent means any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Those that the viewer may see.
    pub rules: Vec<&'static str>,
    pub state: Option<&'static str>,
    pub severity: Option<&'static str>,
}

/// Alerts, open ones first, then newest first, at most `limit`; the keys are state and id.
pub fn page(conn: &mut Conn, filter: &Filter, turn: &Turn<(String, String)>, limit: i64) -> Result<Vec<AlertRow>, StoreError> {
    let mut query = alerts::table.filter(alerts::rule.eq_any(filter.rules.clone())).into_boxed();
    if let Some(state) = filter.state {
        query = query.filter(alerts::state.eq(state));
    }
    if let Some(severity) = filter.severity {
        query = query.filter(alerts::severity.eq(severity));
    }
    // By the alphabet `open` stands above `acknowledged`.
    query = match turn {
        Turn::First => query.order((alerts::state.desc(), alerts::id.desc())),
        Turn::Down((state, id)) => query
            .filter(alerts::state.lt(state.clone()).or(alerts::state.eq(state.clone()).and(alerts::id.lt(id.clone()))))
            .order((alerts::state.desc(), alerts::id.desc())),
        Turn::Up((state, id)) => query
            .filter(alerts::state.gt(state.clone()).or(alerts::state.eq(state.clone()).and(alerts::id.gt(id.clone()))))
            .order((alerts::state.asc(), alerts::id.asc())),
    };
    Ok(page::in_order(turn, query.limit(limit).load(conn)?))
}

/// Open alerts of these rules, by severity.
pub fn open(conn: &mut Conn, rules: &[&str]) -> Result<Vec<(String, i64)>, StoreError> {
    let of = alerts::table.filter(alerts::state.eq("open")).filter(alerts::rule.eq_any(rules));
    Ok(of.group_by(alerts::severity).select((alerts::severity, diesel::dsl::count_star())).load(conn)?)
}

/// A rule as it is set now: version and settings; as shipped where nobody has changed it.
pub fn rule(conn: &mut Conn, rule: Rule) -> Result<(i64, Settings), StoreError> {
    let row: Option<RuleRow> =
        alert_rules::table.filter(alert_rules::rule.eq(rule.as_str())).order(alert_rules::version.desc()).first(conn).optional()?;
    match row {
        None => Ok((0, rule.shipped())),
        Some(row) => Ok((row.version, row.read()?)),
    }
}

/// Every rule as it is set now.
pub fn rules(conn: &mut Conn) -> Result<Vec<(Rule, i64, Settings)>, StoreError> {
    let rows: Vec<RuleRow> = alert_rules::table.order(alert_rules::version.asc()).load(conn)?;
    let now = |rule: &Rule| match rows.iter().rev().find(|row| row.rule == rule.as_str()) {
        None => Ok((*rule, 0, rule.shipped())),
        Some(row) => Ok((*rule, row.version, row.read()?)),
    };
    Rule::ALL.iter().map(now).collect()
}

impl RuleRow {
    fn read(&self) -> Result<Settings, StoreError> {
        serde_json::from_str(&self.settings).map_err(|e| StoreError::Corrupt(format!("alert rule {}: {e}", self.rule)))
    }
}

/// Adds a version of a rule.
///
/// # Errors
/// [`StoreError::Unique`] if somebody else was first.
pub fn rule_put(conn: &mut Conn, row: RuleRow) -> Result<(), StoreError> {
    diesel::insert_into(alert_rules::table).values(row).execute(conn)?;
    Ok(())
}

/// The changes of a rule, newest first, at most `limit`.
pub fn rule_history(conn: &mut Conn, rule: Rule, limit: i64) -> Result<Vec<RuleRow>, StoreError> {
    Ok(alert_rules::table.filter(alert_rules::rule.eq(rule.as_str())).order(alert_rules::version.desc()).limit(limit).load(conn)?)
}
