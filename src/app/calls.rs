//! The record of calls to platforms: a durable event before the call, the raw answer after it, late answers too.
//! Not here: when a call is made and whether it is made again (`broadcasts::deliver`, the execution of recalls).

use serde_json::{Value, json};

use crate::{
    clock::Instant,
    connect::{ConnectError, Exchange, RawCall},
    crypto,
    crypto::seal::Key,
    domain::event::{Action, Event, Outcome},
    id::CallId,
    store::{
        StoreError, Tx,
        calls::{self, CallEnd, CallRow},
    },
};

/// What a call is for.
#[derive(Clone, Debug, Default)]
pub struct Purpose {
    /// A kind of `store::calls::CallRow`.
    pub kind: &'static str,
    pub connection: Option<String>,
    pub broadcast: Option<String>,
    pub recall: Option<String>,
    pub message: Option<String>,
    /// From 1.
    pub attempt: i64,
}

impl Purpose {
    fn row(&self, id: &str, started_at: Instant, event: &str) -> CallRow {
        CallRow {
            id: id.to_owned(),
            kind: self.kind.to_owned(),
            connection_id: self.connection.clone(),
            broadcast_id: self.broadcast.clone(),
            recall_id: self.recall.clone(),
            message_id: self.message.clone(),
            attempt: self.attempt,
            state: "started".to_owned(),
            started_at: started_at.0,
            answered_at: None,
            result: None,
            code: None,
            raw_sealed: None,
            started_event: event.to_owned(),
            answered_event: None,
        }
    }

    fn detail(&self, call: &str) -> Value {
        let mut detail = json!({ "call": call, "kind": self.kind, "attempt": self.attempt });
        if let Some(message) = &self.message {
            detail["message"] = json!(message);
        }
        detail
    }
}

/// "About to call": the row and the event, in the caller's write. Returns the call's id; the call may be made once the write is durable.
pub fn begin(tx: &mut Tx<'_>, event: Event, purpose: &Purpose) -> Result<String, StoreError> {
    let call = CallId::fresh().0;
    let event = tx.append(event.detail(purpose.detail(&call)))?;
    calls::insert(tx.conn, purpose.row(&call, tx.now(), event.as_str()))?;
    Ok(call)
}

/// A call's answer, ready to be recorded: made outside the write, because it seals.
#[derive(Clone, Debug)]
pub struct Answer {
    pub result: &'static str,
    /// The platform's own code.
    pub code: Option<String>,
    /// Earliest start of a request on the wire, where there was one.
    pub started_at: Option<Instant>,
    raw_sealed: Vec<u8>,
    platform: Value,
    raw_sha256: String,
}

/// Which side of a call carries what a message says. That side is kept as a digest: contents must stay erasable, and lie sealed with their
/// broadcast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    None,
    Request,
    Answer,
}

/// Whether an answer is a message with its text, as a Matrix event is when it is looked at before a redaction or for its readers. One
/// that was redacted has no text left and is kept to the byte: it is the proof.
fn is_message(response: &str) -> bool {
    serde_json::from_str::<Value>(response).is_ok_and(|answer| answer["content"]["body"].is_string())
}

/// Prepares the answer of `call`; everything but contents is kept to the byte.
pub fn answer<T>(envelope: &Key, call: &str, exchange: &Exchange<T>, contents: Contents) -> Result<Answer, StoreError> {
    let digest = |text: &str| json!({ "sha256": hex::encode(crypto::sha256(text.as_bytes())), "bytes": text.len() }).to_string();
    let mut raw = exchange.calls.clone();
    for one in &mut raw {
        match contents {
            Contents::Request if !one.request.is_empty() => one.request = digest(&one.request),
            Contents::Answer => one.response = one.response.as_deref().map(digest),
            _ if one.response.as_deref().is_some_and(is_message) => one.response = one.response.as_deref().map(digest),
            _ => {}
        }
    }
    let bytes = serde_json::to_vec(&raw).map_err(|e| StoreError::Corrupt(e.to_string()))?;
    let (result, code) = word(&exchange.result);
    let platform: Vec<Value> = raw
        .iter()
        .map(|c| json!({ "method": c.method, "path": c.path, "status": c.status, "date": c.date, "response": c.response, "fault": c.fault }))
        .collect();
    Ok(Answer {
        result,
        code,
        started_at: raw.last().map(|c| c.started_at),
        raw_sha256: hex::encode(crypto::sha256(&bytes)),
        raw_sealed: envelope.seal(&context(call), &bytes),
        platform: Value::Array(platform),
    })
}

/// Records the answer of a call that [`begin`] announced: completes the row, appends `event`. An answer that comes after the call had been
/// given up says so.
pub fn end(tx: &mut Tx<'_>, event: Event, call: &str, answer: &Answer) -> Result<(), StoreError> {
    let row = calls::find(tx.conn, call)?.ok_or(StoreError::NotFound)?;
    let mut detail = answer.detail(call, &row.kind);
    if row.state == "lost" {
        detail["late"] = json!(true);
    }
    let outcome = if answer.result == "ok" { Outcome::Success } else { Outcome::Failed };
    let event = tx.append(event.outcome(outcome).detail(detail).part("platform", answer.platform.clone()))?;
    calls::answer(tx.conn, call, answer.end(tx.now(), event.as_str()))
}

/// Gives up on a call whose process died before the answer was recorded. `false` if the answer has come meanwhile.
pub fn lose(tx: &mut Tx<'_>, event: Event, call: &CallRow) -> Result<bool, StoreError> {
    let still = calls::find(tx.conn, &call.id)?.is_some_and(|c| c.state == "started");
    if still {
        let detail = json!({ "call": call.id, "kind": call.kind, "attempt": call.attempt, "result": "lost" });
        let event = tx.append(event.outcome(Outcome::Failed).detail(detail))?;
        calls::lose(tx.conn, &call.id, event.as_str())?;
    }
    Ok(still)
}

/// Records a call without effect on the platform (members, reading, fetch, test) after the fact, under an event that is already appended.
pub fn observe(tx: &mut Tx<'_>, event: &str, call: &str, purpose: &Purpose, answer: &Answer) -> Result<(), StoreError> {
    let mut row = purpose.row(call, answer.started_at.unwrap_or(tx.now()), event);
    let end = answer.end(tx.now(), event);
    row.state = "answered".to_owned();
    row.answered_at = Some(end.at);
    row.result = Some(end.result);
    row.code = end.code;
    row.raw_sealed = Some(end.raw_sealed);
    row.answered_event = Some(end.event);
    calls::insert(tx.conn, row)
}

impl Answer {
    fn detail(&self, call: &str, kind: &str) -> Value {
        let mut detail = json!({ "call": call, "kind": kind, "result": self.result, "raw_sha256": self.raw_sha256 });
        if let Some(code) = &self.code {
            detail["code"] = json!(code);
        }
        detail
    }

    fn end(&self, at: Instant, event: &str) -> CallEnd {
        CallEnd { at: at.0, result: self.result.to_owned(), code: self.code.clone(), raw_sealed: self.raw_sealed.clone(), event: event.to_owned() }
    }
}

/// The very bytes (JSON) whose hash the answer's event carries; none for a call that was lost.
pub fn open_raw_bytes(envelope: &Key, row: &CallRow) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(sealed) = &row.raw_sealed else { return Ok(None) };
    Ok(Some(envelope.open(&context(&row.id), sealed)?.to_vec()))
}

/// The raw requests and answers of a recorded call; none for one that was lost.
pub fn open_raw(envelope: &Key, row: &CallRow) -> Result<Vec<RawCall>, StoreError> {
    let Some(sealed) = &row.raw_sealed else { return Ok(Vec::new()) };
    serde_json::from_slice(&envelope.open(&context(&row.id), sealed)?).map_err(|e| StoreError::Corrupt(e.to_string()))
}

/// The stored word for a result, and the platform's code where it gave one.
pub fn word<T>(result: &Result<T, ConnectError>) -> (&'static str, Option<String>) {
    match result {
        Ok(_) => ("ok", None),
        Err(ConnectError::Refused { code, .. }) => ("refused", Some(code.clone())),
        Err(ConnectError::RateLimited { .. }) => ("rate_limited", None),
        Err(ConnectError::NotReached(_)) => ("not_reached", None),
        Err(ConnectError::Unknown(_)) => ("unknown", None),
        Err(ConnectError::Unauthorized { code, .. }) => ("unauthorized", Some(code.clone())),
        Err(ConnectError::Unsupported) => ("unsupported", None),
    }
}

/// The event of a call, of the job that makes it.
pub fn event(caller: &super::Caller, action: Action, broadcast: &str) -> Event {
    caller.event(action, crate::domain::event::Subject::new("broadcast", broadcast))
}

fn context(call: &str) -> String {
    format!("calls/{call}/raw_sealed")
}
