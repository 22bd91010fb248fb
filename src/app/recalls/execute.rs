//! The job `execute_recall`: checked again on the server's clock, reading state captured, then one call a message, announced before and
//! answered after, until every message has its outcome.
//!
//! Safe to run at any time and to die anywhere. Only one runner holds the job's lease, so a call that is still `started` when a run begins
//! died with its process: it is `lost`, and what it did is asked of the platform or stays unknown. What follows from what is
//! `domain::recall::execution`.

use std::collections::BTreeMap;

use serde_json::json;

use super::{App, AppResult, Loaded, advance, correct, expire, load, passage, subject, witnessed};
use crate::{
    app::{
        Caller,
        broadcasts::{self, Broadcast, reading},
        calls, connections,
    },
    clock::Instant,
    connect::{ConnectError, Connector, MessageRef, Presence},
    crash,
    domain::{
        event::{Action, Event, Outcome},
        outcome::{RecipientOutcome, Tally},
        recall::{
            Mode, Rules, State,
            execution::{self, Answer, Next, ReadBack},
        },
    },
    store::{
        StoreError, Tx,
        calls::{self as call_rows, CallRow},
        messages::MessageRow,
        recalls,
    },
};

/// Takes the execution as far as it goes now; the instant at which to come back, or `None` when there is nothing more to do.
pub async fn step(app: &App, id: &str) -> AppResult<Option<Instant>> {
    let Some(loaded) = find(app, id).await? else { return Ok(None) };
    if loaded.case.mode != Mode::Api {
        return Ok(None);
    }
    let id = loaded.row.id.clone();
    if loaded.case.state == State::Approved {
        if let Some(at) = witnessed::gate(app, &loaded).await? {
            // One that does not go on without them ends with its window.
            return if loaded.case.window_end().is_some_and(|end| app.now() >= end) { expire::step(app, &id).await } else { Ok(Some(at)) };
        }
        if !begin(app, &loaded).await? {
            return expire::step(app, &id).await;
        }
    }
    let Some(loaded) = find(app, &id).await? else { return Ok(None) };
    if loaded.case.state != State::Executing {
        return Ok(None);
    }
    let broadcast = broadcasts::load(app, &loaded.row.broadcast_id).await?;
    let connection = connections::find(app, broadcast.connection.as_deref().unwrap_or_default()).await?;
    // A connection that is switched off or forbidden is called no more, and the case ends at once with the reason: an honest failure now
    // leaves time for another way, which a case that waits for its window to close does not.
    let connector = connections::unusable(connections::open(app, &connection))?;
    lose_what_died(app, &loaded).await?;

    let mut outcomes: BTreeMap<String, (RecipientOutcome, i64)> = BTreeMap::new();
    let mut back: Option<Instant> = None;
    for message in broadcast.messages.iter().filter(|m| m.state != "failed") {
        match carry_out(app, &id, &broadcast, message, connector.as_deref().ok()).await? {
            Progress::Settled(outcome, attempts) => drop(outcomes.insert(message.id.clone(), (outcome, attempts))),
            Progress::Wait(at) => back = Some(back.map_or(at, |b| b.min(at))),
        }
    }
    if back.is_some() {
        return Ok(back);
    }
    finish(app, &id, outcomes, connector.err()).await
}

async fn find(app: &App, id: &str) -> AppResult<Option<Loaded>> {
    let id = id.to_owned();
    Ok(app.store.read(move |conn| load(conn, &id)).await?)
}

fn event(case: &str, action: Action) -> Event {
    Caller::job("execute_recall").event(action, subject(case)).case(case)
}

/// Captures who has read it, then starts the execution if the rules still allow it. `false`: they do not.
async fn begin(app: &App, loaded: &Loaded) -> AppResult<bool> {
    if execution::begin(Rules::ALL, &loaded.case, app.now()).is_err() {
        return Ok(false);
    }
    let capture = reading::capture(app, &Caller::job("execute_recall"), &loaded.row.broadcast_id, Some(&loaded.row.id)).await?;
    let id = loaded.row.id.clone();
    let written = app
        .store
        .write(move |tx| {
            let Loaded { row, case, .. } = load(tx.conn, &id)?.ok_or(StoreError::NotFound)?;
            if case.state == State::Executing {
                return Ok(true);
            }
            let Ok(next) = execution::begin(Rules::ALL, &case, tx.now()) else { return Ok(false) };
            let Ok(after) = advance(tx, &row, &next, |_| {})? else { return Ok(false) };
            let (before, after) = passage(&row, &after);
            let detail = json!({ "before": before, "after": after, "mode": "api", "reading": capture, "window_end": case.window_end().map(Instant::to_rfc3339) });
            tx.append(event(&id, Action::RecallExecutionStarted).detail(detail))?;
            Ok(true)
        })
        .await?;
    Ok(written.value)
}

/// Calls of an earlier run that never got their answer recorded.
async fn lose_what_died(app: &App, loaded: &Loaded) -> AppResult<()> {
    let id = loaded.row.id.clone();
    let open: Vec<CallRow> =
        app.store.read(move |conn| call_rows::of_recall(conn, &id)).await?.into_iter().filter(|c| c.state == "started").collect();
    for call in open {
        let event = event(&loaded.row.id, Action::RecallCallAnswered);
        app.store.write(move |tx| calls::lose(tx, event.clone(), &call)).await?;
    }
    Ok(())
}

enum Progress {
    /// The outcome, and how many recall calls it took.
    Settled(RecipientOutcome, i64),
    Wait(Instant),
}

/// Works on one message until it is settled or has to wait.
async fn carry_out(app: &App, case: &str, broadcast: &Broadcast, message: &MessageRow, connector: Option<&dyn Connector>) -> AppResult<Progress> {
    let Some(platform_id) = &message.platform_id else { return Ok(Progress::Settled(RecipientOutcome::Failed, 0)) };
    let target = MessageRef { id: platform_id.clone(), room: message.room.clone() };
    let able = connector.is_some_and(|c| c.capabilities().read_back);
    loop {
        let (id, wanted) = (message.id.clone(), case.to_owned());
        let (loaded, rows) = app
            .store
            .read(move |conn| {
                let loaded = load(conn, &wanted)?.ok_or(StoreError::NotFound)?;
                let rows = call_rows::of_recall(conn, &wanted)?;
                Ok((loaded, rows.into_iter().filter(|r| r.message_id.as_deref() == Some(&id)).collect::<Vec<_>>()))
            })
            .await?;
        let tried = history(&rows);
        let next = execution::next(Rules::ALL, &loaded.case, &tried, last_read_back(&rows, able), app.now());
        match (next, connector) {
            (Next::Settle(outcome), _) => return Ok(Progress::Settled(outcome, announced(&rows, "recall"))),
            (_, None) => return Ok(Progress::Settled(execution::unreachable(&tried), announced(&rows, "recall"))),
            (Next::Wait(at), _) => return Ok(Progress::Wait(at)),
            (Next::Call, Some(connector)) => {
                let attempt = announced(&rows, "recall") + 1;
                let Some(call) = announce(app, case, broadcast, message, "recall", attempt).await? else { return Ok(overtaken(app)) };
                crash::point("recall.call_started.committed");
                let exchange = connector.recall(&target, &loaded.row.number, case).await;
                crash::point("recall.call_returned");
                record(app, case, &call, &exchange).await?;
                crash::point("recall.call_answered.committed");
            }
            (Next::ReadBack, Some(connector)) => {
                let attempt = announced(&rows, "read_back") + 1;
                let Some(call) = announce(app, case, broadcast, message, "read_back", attempt).await? else { return Ok(overtaken(app)) };
                let exchange = connector.read_back(&target).await;
                record(app, case, &call, &exchange).await?;
            }
        }
    }
}

/// What was decided no longer held inside the write: looked at afresh in a moment, and never in a loop without a pause.
fn overtaken(app: &App) -> Progress {
    Progress::Wait(app.now().plus(std::time::Duration::from_secs(1)))
}

/// "About to call", with the rules asked again inside the write; `None` where they no longer allow it.
async fn announce(app: &App, case: &str, broadcast: &Broadcast, message: &MessageRow, kind: &'static str, attempt: i64) -> AppResult<Option<String>> {
    let purpose = calls::Purpose {
        kind,
        connection: broadcast.connection.clone(),
        broadcast: Some(broadcast.id.clone()),
        recall: Some(case.to_owned()),
        message: Some(message.id.clone()),
        attempt,
    };
    let case = case.to_owned();
    let written = app
        .store
        .write(move |tx| {
            let loaded = load(tx.conn, &case)?.ok_or(StoreError::NotFound)?;
            let rows = call_rows::of_recall(tx.conn, &case)?;
            let mine: Vec<CallRow> = rows.into_iter().filter(|r| r.message_id == purpose.message).collect();
            // Another runner of the same job would have announced a call of its own by now.
            if announced(&mine, kind) != attempt - 1 {
                return Ok(None);
            }
            let answered = history(&mine).iter().any(|(_, a)| a.is_final());
            if kind == "recall" && execution::may_call(Rules::ALL, &loaded.case, answered, tx.now()).is_err() {
                return Ok(None);
            }
            calls::begin(tx, event(&case, Action::RecallCallStarted), &purpose).map(Some)
        })
        .await?;
    Ok(written.value)
}

async fn record<T>(app: &App, case: &str, call: &str, exchange: &crate::connect::Exchange<T>) -> AppResult<()>
where
    T: Copy + Into<Told>,
{
    let mut answer = calls::answer(&app.store.keys().envelope, call, exchange, calls::Contents::None)?;
    // What a reading back says, and when the platform wants to be asked again, are kept where the next run looks for them.
    answer.code = match &exchange.result {
        Ok(told) => (*told).into().0.map(ToOwned::to_owned),
        Err(ConnectError::RateLimited { retry_after }) => Some(format!("retry_after={}", retry_after.as_secs())),
        Err(_) => answer.code,
    };
    let (case, call) = (case.to_owned(), call.to_owned());
    app.store.write(move |tx| calls::end(tx, event(&case, Action::RecallCallAnswered), &call, &answer)).await?;
    Ok(())
}

/// What an answer without error says beyond "ok".
#[derive(Clone, Copy)]
struct Told(Option<&'static str>);

impl From<()> for Told {
    fn from((): ()) -> Self {
        Self(None)
    }
}

impl From<Presence> for Told {
    fn from(presence: Presence) -> Self {
        Self(Some(match presence {
            Presence::Gone => "gone",
            Presence::Visible => "visible",
        }))
    }
}

/// How many calls of a kind have been announced for one message. Other kinds (the reading before the recall) are not counted.
fn announced(rows: &[CallRow], kind: &str) -> i64 {
    i64::try_from(rows.iter().filter(|r| r.kind == kind).count()).unwrap_or(i64::MAX)
}

/// The recall calls of one message as the rules see them, oldest first.
fn history(rows: &[CallRow]) -> Vec<(Instant, Answer)> {
    rows.iter()
        .filter(|r| r.kind == "recall")
        .map(|r| {
            let at = Instant(r.answered_at.unwrap_or(r.started_at));
            let answer = match r.result.as_deref() {
                Some("ok") => Answer::Done,
                Some("refused" | "unsupported") => Answer::Refused,
                // Nothing was done, and somebody can mend the connection before the window closes.
                Some("not_reached" | "unauthorized") => Answer::NotNow(at),
                Some("rate_limited") => Answer::NotNow(at.plus(wish(r.code.as_deref()))),
                _ => Answer::Unknown,
            };
            (at, answer)
        })
        .collect()
}

fn wish(code: Option<&str>) -> std::time::Duration {
    let seconds = code.and_then(|c| c.strip_prefix("retry_after=")).and_then(|s| s.parse().ok()).unwrap_or(0);
    std::time::Duration::from_secs(seconds)
}

/// What reading back after the last recall call said.
fn last_read_back(rows: &[CallRow], able: bool) -> ReadBack {
    if !able {
        return ReadBack::Impossible;
    }
    let last_call = rows.iter().rposition(|r| r.kind == "recall");
    let after = last_call.map_or(rows, |i| rows.get(i + 1..).unwrap_or_default());
    match after.iter().rfind(|r| r.kind == "read_back") {
        None => ReadBack::NotAsked,
        Some(r) => match (r.result.as_deref(), r.code.as_deref()) {
            (Some("ok"), Some("gone")) => ReadBack::Gone,
            (Some("ok"), Some("visible")) => ReadBack::Visible,
            _ => ReadBack::Unclear,
        },
    }
}

/// All messages have their outcome: so have their recipients, and the case. `unusable`: why the connection could not be called.
async fn finish(
    app: &App,
    id: &str,
    outcomes: BTreeMap<String, (RecipientOutcome, i64)>,
    unusable: Option<&'static str>,
) -> AppResult<Option<Instant>> {
    let (id, app2) = (id.to_owned(), app.clone());
    let written = app
        .store
        .write(move |tx| {
            let loaded = load(tx.conn, &id)?.ok_or(StoreError::NotFound)?;
            if loaded.case.state != State::Executing {
                return Ok(true);
            }
            let unseen = witnessed::lacking(tx.conn, &app2, &loaded)?;
            let Loaded { row, case, .. } = loaded;
            for (message, (outcome, attempts)) in &outcomes {
                recalls::message_settle(tx.conn, message, outcome.as_str(), *attempts)?;
                recalls::recipients_settle(tx.conn, &row.broadcast_id, Some(message), outcome.as_str(), tx.now().0)?;
            }
            let tally = tally(tx, &row.broadcast_id)?;
            let Ok(next) = execution::finish(Rules::ALL, &case, &tally) else { return Ok(true) };
            let messages: Vec<_> = outcomes.iter().map(|(m, (o, n))| json!({ "message": m, "outcome": o, "calls": n })).collect();
            let mut more = json!({ "messages": messages });
            let mut event = event(&id, Action::RecallFinished);
            if let Some(reason) = unusable {
                more["reason"] = json!(reason);
                event = event.outcome(Outcome::Failed);
            }
            let ended = ended(tx, &id, Loaded { row, case, decisions: Vec::new(), entries: Vec::new(), order: None }, &next, &tally, more, event)?;
            if let Some((decision, at)) = unseen.filter(|_| ended) {
                let detail = json!({ "decision": decision, "decided_at": at.to_rfc3339() });
                tx.append(self::event(&id, Action::RecallUnwitnessed).detail(detail))?;
            }
            Ok(ended)
        })
        .await?;
    if written.value {
        crash::point("recall.finished.committed");
        app.wake.notify_one();
        return Ok(None);
    }
    Ok(Some(app.now()))
}

/// Writes the final state with its tally and event. `false`: somebody changed the case first.
pub(super) fn ended(
    tx: &mut Tx<'_>,
    id: &str,
    loaded: Loaded,
    next: &crate::domain::recall::Case,
    tally: &Tally,
    more: serde_json::Value,
    event: Event,
) -> Result<bool, StoreError> {
    let json = serde_json::to_string(tally).map_err(|e| StoreError::Corrupt(e.to_string()))?;
    let Ok(after) = advance(tx, &loaded.row, next, |row| row.tally = Some(json))? else { return Ok(false) };
    correct::due(tx, &after)?;
    let (before, now_is) = passage(&loaded.row, &after);
    tx.append(event.case(id).detail(json!({ "before": before, "after": now_is, "tally": tally, "halted": loaded.case.halted, "about": more })))?;
    Ok(true)
}

/// The outcomes of all recipients to whom the message went out.
pub(super) fn tally(tx: &mut Tx<'_>, broadcast: &str) -> Result<Tally, StoreError> {
    let mut tally = Tally::default();
    for (delivery, _, outcome, n) in crate::store::recipients::tally(tx.conn, broadcast)? {
        if delivery == "refused" {
            continue;
        }
        let outcome = outcome.as_deref().and_then(RecipientOutcome::parse).unwrap_or(RecipientOutcome::Failed);
        tally.add(outcome, u64::try_from(n).unwrap_or(0));
    }
    Ok(tally)
}
