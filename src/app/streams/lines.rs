//! What is sent of an event: its leaf, and of its parts what the stream does not leave out and the house does not keep.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    clock::Instant,
    connect::stream::Line,
    crypto::keyring::Keyring,
    domain::{
        event::{Action, Outcome},
        ocsf,
        stream::{Format, Sent, Settings, withhold},
    },
    ledger::tree::leaf_hash,
    store::{
        Conn, StoreError,
        reader::{self, OpenPart, StoredEvent},
    },
};

/// What is waiting for a stream.
pub(super) struct Batch {
    /// The events that it takes, in order.
    pub lines: Vec<Line>,
    /// The index behind the last event that was looked at.
    pub to: u64,
}

/// Looks at the next `limit` events from `from` on.
pub(super) fn batch(conn: &mut Conn, keys: &Keyring, settings: &Settings, origin: &str, from: u64, limit: i64) -> Result<Batch, StoreError> {
    let events = reader::events_from(conn, from, limit)?;
    let to = events.last().map_or(from, |e| e.index + 1);
    let wanted: Vec<StoredEvent> =
        events.into_iter().filter(|e| settings.filter.takes(&e.leaf.action, &e.leaf.outcome, e.leaf.case.as_deref())).collect();
    let mut parts = reader::parts_of_many(conn, keys, &wanted.iter().map(|e| e.leaf.id.clone()).collect::<Vec<_>>())?;
    let lines = wanted
        .iter()
        .map(|event| line(event, parts.remove(&event.leaf.id).unwrap_or_default(), settings, origin))
        .collect::<Result<_, StoreError>>()?;
    Ok(Batch { lines, to })
}

fn line(event: &StoredEvent, parts: Vec<OpenPart>, settings: &Settings, origin: &str) -> Result<Line, StoreError> {
    let leaf = &event.leaf;
    let corrupt = |what: &str| StoreError::Corrupt(format!("event {}: {what}", event.index));
    let mut salts = BTreeMap::new();
    let mut values = BTreeMap::new();
    for part in parts {
        let value: Value = serde_json::from_slice(&part.value).map_err(|_| corrupt("a part is no JSON"))?;
        salts.insert(part.name.clone(), hex::encode(&part.salt));
        values.insert(part.name, value);
    }
    let (sent, withheld) = withhold(values, leaf.parts.keys().map(String::as_str), &settings.leave_out);
    let text = std::str::from_utf8(&event.bytes).map_err(|_| corrupt("a leaf is no text"))?;
    let json = match settings.format {
        Format::Native => native(event, text, &sent, &salts, &withheld, origin)?,
        Format::Ocsf => {
            let parts = sent.into_iter().map(|(name, sent)| (name, sent.value)).collect();
            let record = ocsf::Record {
                index: event.index,
                id: &leaf.id,
                at: leaf.at,
                action: &leaf.action,
                outcome: &leaf.outcome,
                actor: (&leaf.actor.kind, &leaf.actor.id),
                subject: (&leaf.subject.kind, &leaf.subject.id),
                session: leaf.session.as_deref(),
                case: leaf.case.as_deref(),
                node: leaf.node.as_deref().unwrap_or("countermand"),
                leaf: text,
                parts: &parts,
                withheld: &withheld,
            };
            ocsf::event(&record, env!("CARGO_PKG_VERSION"), origin)
        }
    };
    Ok(Line { id: leaf.id.clone(), at: leaf.at, action: leaf.action.clone(), outcome: leaf.outcome.clone(), json: json.to_string() })
}

/// Our own format. A part that is whole comes with its salt, so that it can be held against the commitment in the leaf; of one that is not
/// the salt stays here, for it would let what was left out be guessed.
fn native(
    event: &StoredEvent,
    leaf: &str,
    sent: &BTreeMap<String, Sent>,
    salts: &BTreeMap<String, String>,
    withheld: &BTreeMap<String, &'static str>,
    origin: &str,
) -> Result<Value, StoreError> {
    let leaf: Value = serde_json::from_str(leaf).map_err(|e| StoreError::Corrupt(format!("event {}: {e}", event.index)))?;
    let part = |(name, part): (&String, &Sent)| {
        let mut said = json!({ "value": part.value });
        if let Some(salt) = salts.get(name).filter(|_| part.whole) {
            said["salt"] = json!(salt);
        }
        (name.clone(), said)
    };
    let mut said = json!({
        "v": 1, "origin": origin, "index": event.index, "leaf_hash": hex::encode(leaf_hash(&event.bytes)), "leaf": leaf,
        "parts": sent.iter().map(part).collect::<serde_json::Map<_, _>>(),
    });
    if !withheld.is_empty() {
        said["withheld"] = json!(withheld);
    }
    Ok(said)
}

/// A line that is no event: whoever adds a stream sees that something comes through.
pub(super) fn trial(settings: &Settings, id: &str, at: Instant, origin: &str, node: &str) -> Line {
    let action = Action::StreamTested.as_str();
    let json = match settings.format {
        Format::Native => json!({ "v": 1, "origin": origin, "test": true, "id": id, "at": at.to_rfc3339() }),
        Format::Ocsf => {
            let none = (BTreeMap::new(), BTreeMap::new());
            let record = ocsf::Record {
                index: 0,
                id,
                at,
                action,
                outcome: Outcome::Success.as_str(),
                actor: ("system", "system"),
                subject: ("stream", "test"),
                session: None,
                case: None,
                node,
                leaf: "",
                parts: &none.0,
                withheld: &none.1,
            };
            let mut event = ocsf::event(&record, env!("CARGO_PKG_VERSION"), origin);
            event["unmapped"]["test"] = json!(true);
            // It has no place in the log and no leaf.
            event["metadata"].as_object_mut().map(|m| m.remove("sequence"));
            event.as_object_mut().map(|e| e.remove("raw_data"));
            event
        }
    };
    Line { id: id.to_owned(), at, action: action.to_owned(), outcome: Outcome::Success.as_str().to_owned(), json: json.to_string() }
}
