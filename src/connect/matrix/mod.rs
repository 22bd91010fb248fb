//! Matrix, client-server API v3: redaction, read back from the room itself (platforms.md §7; checked against Synapse).
//! Not here: what a receipt says about a message (`receipts`), the meaning of errors (`codes`).

mod codes;
mod receipts;

use futures_util::{FutureExt, future::BoxFuture};
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::{
    Audience, ConnectError, Connector, Exchange, Fetched, MessageRef, Outgoing, Presence, RawCall, Reading, Sent,
    http::{Client, Request},
    manual::unsupported,
};
use crate::{clock::Instant, domain::platform::Capabilities, id};

/// How many of the room's newest events are looked at to place a receipt.
const TIMELINE: u32 = 200;

/// The connector; `secret` is the access token of an account that may redact in the rooms concerned.
pub struct Matrix {
    client: Client,
    token: String,
}

/// A message's place: its room and its event.
struct Place<'a> {
    room: &'a str,
    event: &'a str,
}

type Calls = Vec<RawCall>;

impl Matrix {
    pub fn new(client: Client, secret: &str) -> Self {
        Self { client, token: secret.to_owned() }
    }

    async fn ask(
        &self,
        calls: &mut Calls,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<Value>,
    ) -> Result<(Map<String, Value>, Option<Instant>), ConnectError> {
        let whole: Vec<&str> = ["_matrix", "client", "v3"].iter().chain(path).copied().collect();
        let (raw, answer) =
            self.client.call(Request { method, path: &whole, query, bearer: Some(&self.token), body, list: lists_people(path), secrets: &[] }).await;
        calls.push(raw);
        let answer = answer?;
        Ok((codes::read(&answer)?, answer.date))
    }

    async fn get(&self, calls: &mut Calls, path: &[&str], query: &[(&str, &str)]) -> Result<Map<String, Value>, ConnectError> {
        Ok(self.ask(calls, Method::GET, path, query, None).await?.0)
    }

    async fn event(&self, calls: &mut Calls, place: &Place<'_>) -> Result<Map<String, Value>, ConnectError> {
        self.get(calls, &["rooms", place.room, "event", place.event], &[]).await
    }

    async fn redact(&self, calls: &mut Calls, message: &MessageRef, reason: &str, key: &str) -> Result<(), ConnectError> {
        let place = place(message)?;
        // A server may answer 200 to the redaction of an event that does not exist (Synapse does): look before.
        let event = self.event(calls, &place).await.map_err(before_acting)?;
        if redacted(&event) {
            return Ok(());
        }
        let (answer, _) =
            self.ask(calls, Method::PUT, &["rooms", place.room, "redact", place.event, key], &[], Some(json!({ "reason": reason }))).await?;
        match answer.get("event_id").and_then(Value::as_str) {
            Some(_) => Ok(()),
            None => Err(ConnectError::Unknown("the answer to the redaction names no event".to_owned())),
        }
    }

    async fn look(&self, calls: &mut Calls, message: &MessageRef) -> Result<Presence, ConnectError> {
        let event = self.event(calls, &place(message)?).await?;
        let empty = event.get("content").and_then(Value::as_object).is_some_and(Map::is_empty);
        // Both or nothing: an event that is marked as redacted and still shows content is visible.
        Ok(if empty && redacted(&event) { Presence::Gone } else { Presence::Visible })
    }

    async fn joined(&self, calls: &mut Calls, room: &str) -> Result<Vec<String>, ConnectError> {
        let object = self.get(calls, &["rooms", room, "joined_members"], &[]).await?;
        let joined =
            object.get("joined").and_then(Value::as_object).ok_or_else(|| ConnectError::Unknown("the answer lists no members".to_owned()))?;
        let mut members: Vec<String> = joined.keys().cloned().collect();
        members.sort();
        Ok(members)
    }

    async fn readings(&self, calls: &mut Calls, message: &MessageRef) -> Result<Vec<Reading>, ConnectError> {
        let place = place(message)?;
        let sender = self.event(calls, &place).await?.get("sender").and_then(Value::as_str).unwrap_or_default().to_owned();
        let members = self.joined(calls, place.room).await?;
        // Receipts are revealed by sync alone. The filter leaves one room, its newest events and its receipts.
        let none = json!({ "not_types": ["*"] });
        let filter = json!({
            "account_data": none,
            "presence": none,
            "room": {
                "rooms": [place.room],
                "account_data": none,
                "state": none,
                "ephemeral": { "types": ["m.receipt"] },
                "timeline": { "limit": TIMELINE },
            },
        });
        let sync = self.get(calls, &["sync"], &[("timeout", "0"), ("set_presence", "offline"), ("filter", &filter.to_string())]).await?;
        let room = sync.get("rooms").and_then(|r| r.get("join")).and_then(|j| j.get(place.room));
        let room = room.ok_or_else(|| refused_here("not_joined", "the account is not in the room: it is shown no receipts"))?;
        Ok(receipts::readings(room, place.event, members.into_iter().filter(|m| *m != sender)))
    }

    async fn import(&self, calls: &mut Calls, message: &MessageRef) -> Result<Fetched, ConnectError> {
        let place = place(message)?;
        let event = self.event(calls, &place).await?;
        if redacted(&event) {
            return Err(refused_here("redacted", "the event has been redacted: there is nothing left to import"));
        }
        let text = |key: &str| event.get(key).and_then(Value::as_str).unwrap_or_default();
        let body = event.get("content").and_then(|c| c.get("body")).and_then(Value::as_str);
        let (Some(body), "m.room.message") = (body, text("type")) else {
            return Err(refused_here("no_message", "the event is not a message with a text"));
        };
        let sent_at =
            event.get("origin_server_ts").and_then(Value::as_i64).ok_or_else(|| ConnectError::Unknown("the event carries no time".to_owned()))?;
        let sender = text("sender").to_owned();
        let mut recipients = self.joined(calls, place.room).await?;
        recipients.retain(|m| *m != sender);
        Ok(Fetched { sender, text: body.to_owned(), sent_at: Instant(sent_at.saturating_mul(1000)), recipients })
    }

    async fn announce(&self, calls: &mut Calls, piece: &Audience, message: &Outgoing) -> Result<Sent, ConnectError> {
        let [room] = piece.parties.as_slice() else {
            return Err(refused_here("no_room", "a message goes into exactly one room"));
        };
        let text = match message.title.trim() {
            "" => message.text.clone(),
            title => format!("{title}\n\n{}", message.text),
        };
        let body = json!({ "msgtype": "m.text", "body": text });
        let (answer, platform_time) =
            self.ask(calls, Method::PUT, &["rooms", valid('!', room)?, "send", "m.room.message", &id::fresh()], &[], Some(body)).await?;
        let event = answer.get("event_id").and_then(Value::as_str).ok_or_else(|| ConnectError::Unknown("the answer names no event".to_owned()))?;
        Ok(Sent {
            message: MessageRef { id: event.to_owned(), room: Some(room.clone()) },
            refused_users: piece.users.clone(),
            refused_parties: Vec::new(),
            refused_tags: piece.tags.clone(),
            platform_time,
        })
    }
}

/// Members and receipts: as long as the room is large.
fn lists_people(path: &[&str]) -> bool {
    matches!(path, ["sync"] | [.., "joined_members"])
}

/// Refused by us, before or between calls.
fn refused_here(code: &str, message: &str) -> ConnectError {
    ConnectError::Refused { code: code.to_owned(), message: message.to_owned() }
}

/// An id as Matrix writes it: its sigil, then at least one character.
fn valid(sigil: char, text: &str) -> Result<&str, ConnectError> {
    let good = text.strip_prefix(sigil).is_some_and(|rest| !rest.is_empty()) && text.len() <= 255 && !text.contains(char::is_control);
    if good { Ok(text) } else { Err(refused_here("odd_id", &format!("{text:?} is no Matrix id with {sigil}"))) }
}

fn place(message: &MessageRef) -> Result<Place<'_>, ConnectError> {
    let room = message.room.as_deref().ok_or_else(|| refused_here("no_room", "the message's room is not known"))?;
    Ok(Place { room: valid('!', room)?, event: valid('$', &message.id)? })
}

fn redacted(event: &Map<String, Value>) -> bool {
    event.get("unsigned").and_then(|u| u.get("redacted_because")).is_some_and(Value::is_object)
}

/// The look before the redaction acts on nothing: if it fails, nothing was done.
fn before_acting(error: ConnectError) -> ConnectError {
    match error {
        ConnectError::Unknown(words) => ConnectError::NotReached(format!("the event could not be read before its redaction: {words}")),
        other => other,
    }
}

/// Makes a boxed exchange out of a method that collects its calls.
macro_rules! exchange {
    ($calls:ident => $work:expr) => {
        async move {
            let mut calls = Vec::new();
            let $calls = &mut calls;
            let result = $work.await;
            Exchange { calls, result }
        }
        .boxed()
    };
}

impl Connector for Matrix {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            send: true,
            recall: true,
            recall_per_recipient: false,
            read_back: true,
            reading_state: true,
            window_seconds: None,
            residue: ["residue-federated-copies", "residue-local-cache", "residue-screenshots"].map(str::to_owned).into(),
        }
    }

    /// One piece a room (`parties`); users and tags stand for nothing here and are reported as refused with the first piece.
    fn split(&self, audience: &Audience) -> Vec<Audience> {
        let mut pieces: Vec<Audience> = audience.parties.iter().map(|room| Audience { parties: vec![room.clone()], ..Audience::default() }).collect();
        if let Some(first) = pieces.first_mut() {
            first.users.clone_from(&audience.users);
            first.tags.clone_from(&audience.tags);
        }
        pieces
    }

    /// Sends into the room `piece.parties[0]`. A repeated call sends again.
    fn send<'a>(&'a self, piece: &'a Audience, message: &'a Outgoing) -> BoxFuture<'a, Exchange<Sent>> {
        exchange!(calls => self.announce(calls, piece, message))
    }

    /// `key` is the transaction id: the server does a repeated call once.
    fn recall<'a>(&'a self, message: &'a MessageRef, reason: &'a str, key: &'a str) -> BoxFuture<'a, Exchange<()>> {
        exchange!(calls => self.redact(calls, message, reason, key))
    }

    fn read_back<'a>(&'a self, message: &'a MessageRef) -> BoxFuture<'a, Exchange<Presence>> {
        exchange!(calls => self.look(calls, message))
    }

    fn reading<'a>(&'a self, message: &'a MessageRef) -> BoxFuture<'a, Exchange<Vec<Reading>>> {
        exchange!(calls => self.readings(calls, message))
    }

    /// The recipients are those who are in the room now: who joined later is among them, who left is not.
    fn fetch<'a>(&'a self, message: &'a MessageRef) -> BoxFuture<'a, Exchange<Fetched>> {
        exchange!(calls => self.import(calls, message))
    }

    fn members(&self) -> BoxFuture<'_, Exchange<Vec<String>>> {
        unsupported()
    }

    fn test(&self) -> BoxFuture<'_, Exchange<()>> {
        exchange!(calls => async { self.get(calls, &["account", "whoami"], &[]).await.map(|_| ()) })
    }

    /// The rooms that the account is in.
    fn peek(&self) -> BoxFuture<'_, Exchange<u64>> {
        exchange!(calls => async {
            let object = self.get(calls, &["joined_rooms"], &[]).await?;
            let rooms = object.get("joined_rooms").and_then(Value::as_array);
            rooms.map(|r| r.len() as u64).ok_or_else(|| ConnectError::Unknown("the answer lists no rooms".to_owned()))
        })
    }
}
