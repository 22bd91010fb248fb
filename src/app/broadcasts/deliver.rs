//! The job `send_broadcast`: one piece a run, each call announced before and answered after.
//!
//! A lease outlasts any call, so a call that is still `started` when the job runs again died with its process: it is `lost`, and whether the
//! platform acted is unknown. Such a send is repeated only where the platform itself drops a second copy; elsewhere the piece stays `unknown`.

use std::time::Duration;

use serde_json::json;

use super::{Broadcast, load, outcome};
use crate::{
    app::{App, AppResult, Caller, calls, connections, content},
    clock::Instant,
    connect::{Audience, ConnectError, Exchange, Outgoing, Sent},
    domain::event::{Action, Subject},
    store::{
        StoreError, Tx, broadcasts,
        calls::CallRow,
        messages::{self, MessageRow},
        recipients,
    },
};

/// Tries of one piece, whatever went wrong.
const MOST_TRIES: usize = 8;
/// Kept back from the platform's interval of duplicate checking: clocks differ and calls take time.
const MARGIN: Duration = Duration::from_secs(120);

/// Does the next piece of work; the instant at which to come back, or `None` when the broadcast is settled. Safe to run at any time.
pub async fn step(app: &App, id: &str) -> AppResult<Option<Instant>> {
    let broadcast = load(app, id).await?;
    if broadcast.state != "sending" {
        return Ok(None);
    }
    let Some(message) = broadcast.messages.iter().find(|m| m.state == "pending") else {
        finish(app, &broadcast).await?;
        return Ok(None);
    };
    Ok(Some(piece(app, &broadcast, message).await?))
}

/// What a try leads to.
#[derive(Clone, Debug)]
enum Next {
    Sent(Sent),
    /// Settled as `failed` or `unknown`.
    Settled(&'static str),
    Again(Instant),
}

async fn piece(app: &App, broadcast: &Broadcast, message: &MessageRow) -> AppResult<Instant> {
    let caller = Caller::job("send_broadcast");
    let wanted = message.id.clone();
    let mut tries = app.store.read(move |conn| crate::store::calls::of_message(conn, &wanted, "send")).await?;
    for call in tries.iter_mut().filter(|c| c.state == "started") {
        let event = calls::event(&caller, Action::BroadcastCallAnswered, &broadcast.id);
        let lost = call.clone();
        app.store.write(move |tx| calls::lose(tx, event.clone(), &lost)).await?;
        call.state = "lost".to_owned();
    }
    let now = app.now();
    if let Some(first) = first_uncertain(&tries)
        && !may_repeat(broadcast, first, now)
    {
        return settle(app, message, "unknown", Some(first)).await;
    }
    if tries.len() >= MOST_TRIES {
        let first = first_uncertain(&tries);
        return settle(app, message, if first.is_some() { "unknown" } else { "failed" }, first).await;
    }
    attempt(app, &caller, broadcast, message, &tries).await
}

/// The start of the first try of which it is unknown whether the platform acted.
fn first_uncertain(tries: &[CallRow]) -> Option<Instant> {
    tries.iter().filter(|c| c.state == "lost" || c.result.as_deref() == Some("unknown")).map(|c| Instant(c.started_at)).min()
}

fn may_repeat(broadcast: &Broadcast, first: Instant, now: Instant) -> bool {
    broadcast.platform.repeat_is_safe_for().is_some_and(|interval| now < first.plus(interval).minus(MARGIN))
}

async fn attempt(app: &App, caller: &Caller, broadcast: &Broadcast, message: &MessageRow, tries: &[CallRow]) -> AppResult<Instant> {
    let envelope = &app.store.keys().envelope;
    let key = content::key_of(envelope, &broadcast.row)?;
    let audience = content::open_piece(&key, &message.id, &message.audience_sealed)?;
    let said = content::open(envelope, &broadcast.row)?;
    let connection = connections::find(app, broadcast.connection.as_deref().unwrap_or_default()).await?;
    let connector = match connections::unusable(connections::open(app, &connection))? {
        Ok(connector) => connector,
        Err(reason) => {
            tracing::warn!(broadcast = broadcast.id, reason, "a broadcast ends without its call");
            let first = first_uncertain(tries);
            return settle(app, message, if first.is_some() { "unknown" } else { "failed" }, first).await;
        }
    };
    let purpose = calls::Purpose {
        kind: "send",
        connection: Some(connection.id),
        broadcast: Some(broadcast.id.clone()),
        message: Some(message.id.clone()),
        attempt: i64::try_from(tries.len()).unwrap_or(i64::MAX).saturating_add(1),
        ..calls::Purpose::default()
    };
    let event = calls::event(caller, Action::BroadcastCallStarted, &broadcast.id);
    let seen = tries.len();
    let begun = app
        .store
        .write(move |tx| {
            // Two runners of one job: the second sees the first one's announcement and leaves the piece alone.
            let id = purpose.message.as_deref().unwrap_or_default();
            let pending = messages::find(tx.conn, id)?.is_some_and(|m| m.state == "pending");
            if !pending || crate::store::calls::of_message(tx.conn, id, "send")?.len() != seen {
                return Ok(None);
            }
            Ok(Some((calls::begin(tx, event.clone(), &purpose)?, tx.now())))
        })
        .await?;
    let Some((call, started)) = begun.value else { return Ok(app.now().plus(Duration::from_secs(1))) };
    crate::crash::point("broadcast.call_started.committed");
    let exchange = connector.send(&audience, &Outgoing { title: said.title, text: said.text }).await;
    crate::crash::point("broadcast.call_returned");
    let next = answered(app, caller, broadcast, message, tries, &call, started, &audience, exchange).await?;
    crate::crash::point("broadcast.call_answered.committed");
    Ok(next)
}

#[allow(clippy::too_many_arguments, reason = "one try with everything that is known of it")]
async fn answered(
    app: &App,
    caller: &Caller,
    broadcast: &Broadcast,
    message: &MessageRow,
    tries: &[CallRow],
    call: &str,
    started: Instant,
    audience: &Audience,
    exchange: Exchange<Sent>,
) -> AppResult<Instant> {
    let answer = calls::answer(&app.store.keys().envelope, call, &exchange, calls::Contents::Request)?;
    let now = app.now();
    let next = next(&exchange.result, tries.len() + 1, now, broadcast);
    // An earlier try that may have worked began earlier.
    let ours = [first_uncertain(tries), Some(started)].into_iter().flatten().min();
    let event = calls::event(caller, Action::BroadcastCallAnswered, &broadcast.id);
    let (call, id, message, everybody) = (call.to_owned(), broadcast.id.clone(), message.id.clone(), audience.all);
    let back = match &next {
        Next::Again(at) => *at,
        Next::Sent(_) | Next::Settled(_) => now,
    };
    app.store
        .write(move |tx| {
            calls::end(tx, event.clone(), &call, &answer)?;
            if messages::find(tx.conn, &message)?.is_none_or(|m| m.state != "pending") {
                return Ok(());
            }
            match &next {
                Next::Again(_) => Ok(()),
                Next::Settled(state) => {
                    let sent_at = if *state == "unknown" { ours } else { None };
                    messages::set_sent(tx.conn, &message, state, None, sent_at.map(|at| at.0))?;
                    let delivery = if *state == "failed" { "refused" } else { "unknown" };
                    recipients::set_delivery(tx.conn, &message, &id, delivery)
                }
                Next::Sent(sent) => accept(tx, &id, &message, sent, ours, everybody),
            }
        })
        .await?;
    Ok(back)
}

/// What the answer to try number `tries` means.
fn next(result: &Result<Sent, ConnectError>, tries: usize, now: Instant, broadcast: &Broadcast) -> Next {
    let pause = Duration::from_secs(2_u64.saturating_pow(u32::try_from(tries.min(8)).unwrap_or(8)));
    match result {
        Ok(sent) => Next::Sent(sent.clone()),
        Err(ConnectError::RateLimited { retry_after }) => Next::Again(now.plus((*retry_after).max(pause))),
        Err(ConnectError::NotReached(_)) => Next::Again(now.plus(pause)),
        Err(ConnectError::Unknown(_)) if broadcast.platform.repeat_is_safe_for().is_some() => Next::Again(now.plus(pause)),
        Err(ConnectError::Unknown(_)) => Next::Settled("unknown"),
        Err(ConnectError::Refused { .. } | ConnectError::Unauthorized { .. } | ConnectError::Unsupported) => Next::Settled("failed"),
    }
}

/// Records an accepted piece: its id, its time, and whom the platform would not serve.
fn accept(tx: &mut Tx<'_>, broadcast: &str, message: &str, sent: &Sent, ours: Option<Instant>, everybody: bool) -> Result<(), StoreError> {
    let at = [ours, sent.platform_time].into_iter().flatten().min().unwrap_or(tx.now());
    messages::set_sent(tx.conn, message, "sent", Some((&sent.message.id, sent.message.room.as_deref())), Some(at.0))?;
    recipients::set_delivery(tx.conn, message, broadcast, "accepted")?;
    let groups = sent.refused_parties.iter().map(|p| format!("party:{p}")).chain(sent.refused_tags.iter().map(|t| format!("tag:{t}")));
    let mut refused: Vec<String> = sent.refused_users.iter().cloned().chain(groups).collect();
    if everybody && !refused.is_empty() {
        // For @all the platform answers in lower case, and we sent no list to compare with.
        let folded: std::collections::BTreeSet<String> = refused.iter().map(|id| id.to_lowercase()).collect();
        refused = recipients::all(tx.conn, broadcast)?.into_iter().map(|r| r.platform_id).filter(|id| folded.contains(&id.to_lowercase())).collect();
    }
    recipients::set_delivery_of(tx.conn, broadcast, &refused, "refused")
}

/// Settles a piece without a further call.
async fn settle(app: &App, message: &MessageRow, state: &'static str, sent_at: Option<Instant>) -> AppResult<Instant> {
    let (id, broadcast) = (message.id.clone(), message.broadcast_id.clone());
    app.store
        .write(move |tx| {
            if messages::find(tx.conn, &id)?.is_some_and(|m| m.state == "pending") {
                messages::set_sent(tx.conn, &id, state, None, sent_at.map(|at| at.0))?;
                recipients::set_delivery(tx.conn, &id, &broadcast, if state == "failed" { "refused" } else { "unknown" })?;
            }
            Ok(())
        })
        .await?;
    Ok(app.now())
}

/// No piece waits any more: the broadcast's state, its time (the earliest piece's) and the event `broadcast.sent`.
async fn finish(app: &App, broadcast: &Broadcast) -> AppResult<()> {
    let caller = Caller::job("send_broadcast");
    let count = |state: &str| broadcast.messages.iter().filter(|m| m.state == state).count();
    let (sent, failed, all) = (count("sent"), count("failed"), broadcast.messages.len());
    let state = match () {
        () if sent == all => "sent",
        () if failed == all => "failed",
        () => "partly_sent",
    };
    let at = broadcast.messages.iter().filter_map(|m| m.sent_at).min();
    let connection = connections::find(app, broadcast.connection.as_deref().unwrap_or_default()).await?;
    let unusable = if state == "sent" { None } else { connections::unusable(connections::open(app, &connection))?.err() };
    let event = caller.event(Action::BroadcastSent, Subject::new("broadcast", broadcast.id.clone())).outcome(outcome(state != "failed"));
    let (id, version) = (broadcast.id.clone(), broadcast.row.version);
    app.store
        .write(move |tx| {
            let calls = crate::store::calls::of_broadcast(tx.conn, &id)?;
            let ours = calls.iter().any(|c| c.kind == "send" && Some(c.started_at) == at);
            let source = if ours { "request" } else { "platform_date" };
            if !broadcasts::advance(tx.conn, &id, version, state, at.map(|at| (at, source)))? {
                return Ok(());
            }
            let mut people = json!({ "accepted": 0, "refused": 0, "unknown": 0 });
            for (delivery, _, _, n) in recipients::tally(tx.conn, &id)? {
                people[delivery.as_str()] = json!(people[delivery.as_str()].as_i64().unwrap_or(0) + n);
            }
            let mut after = json!({ "state": state });
            if let Some(at) = at {
                after["sent_at"] = json!(Instant(at).to_rfc3339());
                after["sent_at_source"] = json!(source);
            }
            let mut detail = json!({ "before": { "state": "sending" }, "after": after, "recipients": people });
            if let Some(reason) = unusable {
                detail["reason"] = json!(reason);
            }
            tx.append(event.clone().detail(detail))?;
            Ok(())
        })
        .await?;
    Ok(())
}
