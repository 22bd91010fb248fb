//! Who has read it, where the platform tells: captured at import and again before an execution. Where it tells nothing, that is recorded.

use std::collections::BTreeMap;

use serde_json::json;

use super::{load, outcome};
use crate::{
    app::{App, AppResult, Caller, calls, connections},
    connect::{MessageRef, Reading},
    domain::event::{Action, Subject},
    id::CallId,
    store::recipients::{self, RecipientRow},
};

/// What a capture found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Capture {
    /// Whether the platform tells at all.
    pub available: bool,
    /// Whether every message was answered for.
    pub complete: bool,
    pub read: u64,
    pub unread: u64,
}

/// Asks the platform who has read `id` and records the answer as `reading.captured`, on the case if there is one. A platform that does not
/// tell, or does not answer, is a fact and no error: the execution goes on.
pub async fn capture(app: &App, caller: &Caller, id: &str, case: Option<&str>) -> AppResult<Capture> {
    let broadcast = load(app, id).await?;
    let mut capture =
        Capture { available: broadcast.capabilities.reading_state && broadcast.connection.is_some(), complete: true, ..Capture::default() };
    let mut answers: Vec<(String, String, calls::Answer)> = Vec::new();
    let mut readings: Vec<Vec<Reading>> = Vec::new();
    if capture.available {
        let connection = connections::find(app, broadcast.connection.as_deref().unwrap_or_default()).await?;
        let connector = connections::open(app, &connection)?;
        for message in &broadcast.messages {
            let Some(platform_id) = &message.platform_id else { continue };
            let exchange = connector.reading(&MessageRef { id: platform_id.clone(), room: message.room.clone() }).await;
            let call = CallId::fresh().0;
            answers.push((call.clone(), message.id.clone(), calls::answer(&app.store.keys().envelope, &call, &exchange, calls::Contents::None)?));
            match exchange.result {
                Ok(found) => readings.push(found),
                Err(_) => capture.complete = false,
            }
        }
    }
    let wanted = broadcast.id.clone();
    let people = app.store.read(move |conn| recipients::all(conn, &wanted)).await?;
    let known = capture.available && capture.complete;
    let mut changed: BTreeMap<(String, Option<i64>), Vec<String>> = BTreeMap::new();
    for mut person in people {
        let before = (person.read_state.clone(), person.read_at);
        if known {
            apply(&mut person, readings.iter().map(Vec::as_slice));
        }
        match person.read_state.as_str() {
            "read" => capture.read += 1,
            "unread" => capture.unread += 1,
            _ => {}
        }
        if before != (person.read_state.clone(), person.read_at) {
            changed.entry((person.read_state, person.read_at)).or_default().push(person.platform_id);
        }
    }
    let mut event = caller.event(Action::ReadingCaptured, Subject::new("broadcast", id)).outcome(outcome(capture.complete)).detail(json!(capture));
    if let Some(case) = case {
        event = event.case(case);
    }
    let (id, connection, case) = (broadcast.id.clone(), broadcast.connection.clone(), case.map(ToOwned::to_owned));
    app.store
        .write(move |tx| {
            let event = tx.append(event.clone())?;
            for (call, message, answer) in &answers {
                let purpose = calls::Purpose {
                    kind: "reading",
                    connection: connection.clone(),
                    broadcast: Some(id.clone()),
                    recall: case.clone(),
                    message: Some(message.clone()),
                    attempt: 1,
                };
                calls::observe(tx, event.as_str(), call, &purpose, answer)?;
            }
            for ((state, at), ids) in &changed {
                recipients::set_reading(tx.conn, &id, ids, state, *at)?;
            }
            Ok(())
        })
        .await?;
    Ok(capture)
}

/// Puts what the platform told into a recipient's row: read if any message was read by them, at the earliest time; unread if they are only
/// listed without a sign of reading. Of whom the platform says nothing, the state stays what it was; what was read once stays read.
pub(super) fn apply<'a>(person: &mut RecipientRow, readings: impl Iterator<Item = &'a [Reading]>) {
    let told: Vec<Option<i64>> = readings.flatten().filter(|r| r.user == person.platform_id).map(|reading| reading.read_at.map(|at| at.0)).collect();
    // A receipt moves on with its owner: the time known before may be the earlier one.
    let read_at = told.iter().flatten().copied().chain(person.read_at).min();
    if told.is_empty() || (person.read_state == "read" && read_at.is_none()) {
        return;
    }
    person.read_source = "platform".to_owned();
    person.read_state = if read_at.is_some() { "read" } else { "unread" }.to_owned();
    person.read_at = read_at;
}
