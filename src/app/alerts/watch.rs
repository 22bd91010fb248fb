//! The rules, asked of every event once, in the order of the log, behind a cursor: a pass reads and judges without keeping anybody waiting,
//! and then raises what fired and moves the cursor in one small write. A pass that dies, or that another process was faster than, has done
//! nothing; the next one judges the same events again.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::{Explanation, KEPT, explanation, mail};
use crate::{
    app::{App, AppResult, Caller},
    clock::Instant,
    crypto::keyring::Keyring,
    domain::{
        alert::{
            Measure, Rule, Settings, State,
            judge::{self, Facts, Needs, Ongoing, Point, Seen, Verdict},
        },
        event::{Action, Subject},
    },
    id::AlertId,
    store::{
        Conn, StoreError, Tx,
        alerts::{self, AlertRow},
        reader,
        search::SearchRow,
    },
};

/// The actor of what is raised.
pub const JOB: &str = "watch_alerts";
/// Events that one step judges.
const STEP: i64 = 500;
/// Runs of the purge that tell what is usual.
const RUNS: i64 = 20;

/// What a step came to.
struct Plan {
    from: i64,
    to: i64,
    alerts: BTreeMap<(Rule, String), Due>,
}

/// An alert that was raised or counted on.
#[derive(Clone)]
struct Due {
    row: AlertRow,
    fresh: bool,
}

/// A rule as it is set.
struct Set {
    rule: Rule,
    version: i64,
    settings: Settings,
}

/// Asks the rules of every event that has an index and was not judged before. How many alerts were raised.
///
/// # Errors
/// Those of the store.
pub async fn pass(app: &App) -> AppResult<usize> {
    let mut raised = 0;
    loop {
        let (ring, zone) = (app.store.keys().clone(), TimeZone::get(&app.config.time_zone).unwrap_or(TimeZone::UTC));
        let Some(plan) = app.store.read(move |conn| judge_next(conn, &ring, &zone)).await? else { return Ok(raised) };
        let written = app.store.write(move |tx| carry_out(tx, &plan)).await?.value;
        match written {
            Some(n) => raised += n,
            // Another process is at it.
            None => return Ok(raised),
        }
        app.wake.notify_one();
    }
}

/// Judges the next events; `None` where there are none.
fn judge_next(conn: &mut Conn, ring: &Keyring, zone: &TimeZone) -> Result<Option<Plan>, StoreError> {
    let from = alerts::cursor(conn)?;
    let rows = alerts::events(conn, from, STEP)?;
    let Some(to) = rows.last().map(|row| row.idx + 1) else { return Ok(None) };
    let set: Vec<Set> = alerts::rules(conn)?.into_iter().map(|(rule, version, settings)| Set { rule, version, settings }).collect();
    let mut plan = Plan { from, to, alerts: BTreeMap::new() };
    for row in &rows {
        for set in set.iter().filter(|set| set.settings.enabled && set.rule.looks_at(&row.action, &row.outcome)) {
            judge_one(conn, ring, zone, set, row, &mut plan)?;
        }
    }
    Ok(Some(plan))
}

fn judge_one(conn: &mut Conn, ring: &Keyring, zone: &TimeZone, set: &Set, row: &SearchRow, plan: &mut Plan) -> Result<(), StoreError> {
    let Set { rule, settings, .. } = set;
    let only = std::slice::from_ref(row);
    let Some((_, _, point)) = points(conn, ring, zone, set, only)?.pop() else { return Ok(()) };
    let key = (*rule, point.about.1.clone());
    let known = match plan.alerts.get(&key) {
        Some(due) => Some(due.clone()),
        None => alerts::last_of(conn, *rule, &point.about.1)?.map(|row| Due { row, fresh: false }),
    };
    // Judged before a crash, or before somebody put the database back.
    if known.as_ref().is_some_and(|due| due.row.last_idx >= row.idx) {
        return Ok(());
    }
    let last = known.as_ref().map(|due| Ongoing {
        last_idx: due.row.last_idx,
        last_at: Instant(due.row.last_at),
        acknowledged_at: due.row.acknowledged_at.map(Instant),
    });
    let at = Instant(row.at);
    let alone = rule.measure() == Measure::Each || last.is_some_and(|last| judge::continues(settings, last, at));
    let window = if alone {
        vec![(row.idx, row.actor_id.clone(), point.clone())]
    } else {
        let since = at.minus(std::time::Duration::from_secs(u64::from(settings.span) * 60));
        let rows = alerts::window(conn, rule.watch(), row, last.map(|last| last.last_idx), since)?;
        let mut found = points(conn, ring, zone, set, &rows)?;
        found.retain(|(_, _, other)| other.about == point.about);
        found
    };
    let counted: Vec<Point> = window.iter().map(|(_, _, point)| point.clone()).collect();
    let due = match (judge::verdict(*rule, settings, last, at, &counted), known) {
        (Verdict::Nothing, _) => return Ok(()),
        (Verdict::CountOn, Some(mut due)) => {
            count_on(&mut due.row, row, &point, *rule)?;
            due
        }
        (Verdict::Raise | Verdict::CountOn, _) => Due { row: raise(set, row, &point, &window)?, fresh: true },
    };
    // One alert that ends and another that begins within one step are two.
    if due.fresh
        && let Some(before) = plan.alerts.remove(&key)
    {
        plan.alerts.insert((*rule, before.row.dedupe.clone()), before);
    }
    plan.alerts.insert(key, due);
    Ok(())
}

/// What `rows` are to the rule: index, actor and point of each that counts.
fn points(conn: &mut Conn, ring: &Keyring, zone: &TimeZone, set: &Set, rows: &[SearchRow]) -> Result<Vec<(i64, String, Point)>, StoreError> {
    let needs = set.rule.watch().needs;
    let details = match needs {
        Needs::Detail | Needs::Usual => details(conn, ring, rows.iter().map(|row| row.event_id.clone()).collect())?,
        Needs::Row | Needs::Device => BTreeMap::new(),
    };
    let mut found = Vec::new();
    for row in rows {
        let mut facts = Facts { detail: details.get(&row.event_id).cloned(), ..Facts::default() };
        match needs {
            Needs::Device => facts.device_since = alerts::device_since(conn, row)?,
            Needs::Usual => {
                let runs = alerts::purges_before(conn, row, RUNS)?;
                facts.earlier = details_in_order(conn, ring, runs)?.iter().filter_map(|d| d["parts"].as_u64()).filter(|parts| *parts > 0).collect();
            }
            Needs::Row | Needs::Detail => {}
        }
        let seen = Seen {
            idx: row.idx,
            at: Instant(row.at),
            actor: row.actor_id.clone(),
            subject: (row.subject_kind.clone(), row.subject_id.clone()),
            address: row.client_ip.clone(),
        };
        if let Some(point) = judge::point(set.rule, &set.settings, &seen, &facts, zone) {
            found.push((row.idx, row.actor_id.clone(), point));
        }
    }
    Ok(found)
}

fn details(conn: &mut Conn, ring: &Keyring, events: Vec<String>) -> Result<BTreeMap<String, Value>, StoreError> {
    let parts = reader::parts_of_many(conn, ring, &events)?;
    let detail = |parts: Vec<reader::OpenPart>| parts.into_iter().find(|p| p.name == "detail").and_then(|p| serde_json::from_slice(&p.value).ok());
    Ok(parts.into_iter().filter_map(|(event, parts)| Some((event, detail(parts)?))).collect())
}

fn details_in_order(conn: &mut Conn, ring: &Keyring, events: Vec<String>) -> Result<Vec<Value>, StoreError> {
    let mut found = details(conn, ring, events.clone())?;
    Ok(events.iter().filter_map(|event| found.remove(event)).collect())
}

/// A new alert: the event that fired it gives it its key.
fn raise(set: &Set, row: &SearchRow, point: &Point, window: &[(i64, String, Point)]) -> Result<AlertRow, StoreError> {
    let Set { rule, version, settings } = set;
    let mut why = Explanation {
        threshold: settings.threshold,
        span: settings.span,
        counted: judge::counted(*rule, &window.iter().map(|(_, _, point)| point.clone()).collect::<Vec<_>>()),
        events: Vec::new(),
        actors: Vec::new(),
        shows: Vec::new(),
    };
    if rule.measure() == Measure::Each && point.weight > 1 {
        why.counted = point.weight;
    }
    for (idx, actor, point) in window {
        name(&mut why, *idx, actor, point);
    }
    let first = window.first().map_or(row.idx, |(idx, ..)| *idx);
    Ok(AlertRow {
        id: AlertId::fresh().0,
        rule: rule.as_str().to_owned(),
        rule_version: *version,
        severity: settings.severity.as_str().to_owned(),
        subject_kind: point.about.0.clone(),
        subject_id: point.about.1.clone(),
        dedupe: format!("{rule}/{}/{first}", point.about.1),
        state: State::Open.as_str().to_owned(),
        explanation: text(&why)?,
        first_at: row.at,
        last_at: row.at,
        last_idx: row.idx,
        raised_at: 0,
        acknowledged_by: None,
        acknowledged_at: None,
        note_sealed: None,
        version: 1,
    })
}

fn count_on(alert: &mut AlertRow, row: &SearchRow, point: &Point, rule: Rule) -> Result<(), StoreError> {
    let mut why = explanation(alert)?;
    name(&mut why, row.idx, &row.actor_id, point);
    why.counted = match rule.measure() {
        Measure::Sum => why.counted.saturating_add(point.weight),
        Measure::Different => why.shows.len() as u64,
        Measure::Count | Measure::Each => why.counted.saturating_add(1),
    };
    alert.explanation = text(&why)?;
    alert.last_at = alert.last_at.max(row.at);
    alert.last_idx = row.idx;
    Ok(())
}

/// Names an event in the explanation, as far as there is room.
fn name(why: &mut Explanation, idx: i64, actor: &str, point: &Point) {
    if why.events.len() < KEPT {
        why.events.push(u64::try_from(idx).unwrap_or(0));
    }
    let mut once = |list: fn(&mut Explanation) -> &mut Vec<String>, text: &str| {
        let list = list(why);
        if !text.is_empty() && list.len() < KEPT && !list.iter().any(|known| known == text) {
            list.push(text.to_owned());
        }
    };
    once(|why| &mut why.actors, actor);
    once(|why| &mut why.shows, &point.shows);
}

fn text(why: &Explanation) -> Result<String, StoreError> {
    serde_json::to_string(why).map_err(|e| StoreError::Event(e.to_string()))
}

/// Raises what fired and moves the cursor; how many were raised, `None` if another process has judged these events.
fn carry_out(tx: &mut Tx<'_>, plan: &Plan) -> Result<Option<usize>, StoreError> {
    if !alerts::cursor_move(tx.conn, plan.from, plan.to)? {
        return Ok(None);
    }
    let mut raised = 0;
    for Due { row, fresh } in plan.alerts.values() {
        if !fresh {
            alerts::count_on(tx.conn, row)?;
            continue;
        }
        let row = AlertRow { raised_at: tx.now().0, ..row.clone() };
        if !alerts::insert(tx.conn, row.clone())? {
            continue;
        }
        raised += 1;
        let why: Value = serde_json::from_str(&row.explanation).map_err(|e| StoreError::Event(e.to_string()))?;
        let detail = json!({
            "rule": row.rule, "rule_version": row.rule_version, "severity": row.severity, "about": { "kind": row.subject_kind, "id": row.subject_id },
            "explanation": why,
        });
        tx.append(Caller::job(JOB).event(Action::AlertRaised, Subject::new("alert", row.id.clone())).detail(detail))?;
        mail::wake(tx, &row.id)?;
    }
    Ok(Some(raised))
}
