//! What is sent of an event: its leaf, and of its parts what the stream does not leave out and the house does not keep.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    clock::Instant,
    connect::stream::Line,
    crypto::keyring::Keyring,
    domain::{
        event::{Action, Outcome},
        kept::EventClass,
        ocsf,
        retention::Cuts,
        stream::{Format, MISSING, PURGED, Sent, Settings, UNREADABLE, withhold},
    },
    ledger::tree::leaf_hash,
    store::{
        Conn, StoreError, purge,
        reader::{self, OpenPart, StoredEvent},
    },
};

/// What a batch takes at most, in bytes of its lines; one event comes however long it is.
const FULL: usize = 256 << 10;

/// What is waiting for a stream.
pub(super) struct Batch {
    /// The events that it takes, in order.
    pub lines: Vec<Line>,
    /// The index of the first of them.
    pub first: Option<u64>,
    /// The index behind the last event that was looked at.
    pub to: u64,
}

/// What a stream is looked at with.
pub(super) struct Look<'a> {
    pub keys: &'a Keyring,
    pub origin: &'a str,
    /// What happened earlier may have been erased.
    pub cuts: &'a Cuts,
}

/// Looks at the next `limit` events from `from` on; at most `most` of them are taken.
pub(super) fn batch(conn: &mut Conn, look: &Look<'_>, settings: &Settings, from: u64, limit: i64, most: usize) -> Result<Batch, StoreError> {
    let events = reader::events_from(conn, from, limit)?;
    let mut to = events.last().map_or(from, |e| e.index + 1);
    let mut wanted: Vec<StoredEvent> =
        events.into_iter().filter(|e| settings.filter.takes(&e.leaf.action, &e.leaf.outcome, e.leaf.case.as_deref())).collect();
    if let Some(first_left) = wanted.get(most) {
        to = first_left.index;
        wanted.truncate(most);
    }
    let ids: Vec<String> = wanted.iter().map(|e| e.leaf.id.clone()).collect();
    let (mut parts, mut unreadable) = reader::readable_parts_of_many(conn, look.keys, &ids)?;
    let (mut lines, mut bytes) = (Vec::new(), 0);
    for event in &wanted {
        let id = &event.leaf.id;
        let (parts, unreadable) = (parts.remove(id).unwrap_or_default(), unreadable.remove(id).unwrap_or_default());
        let line = line(conn, event, parts, &unreadable, settings, look)?;
        bytes += line.json.len();
        if bytes > FULL && !lines.is_empty() {
            to = event.index;
            break;
        }
        lines.push(line);
    }
    Ok(Batch { lines, first: wanted.first().map(|e| e.index), to })
}

fn line(
    conn: &mut Conn,
    event: &StoredEvent,
    parts: Vec<OpenPart>,
    unreadable: &[String],
    settings: &Settings,
    look: &Look<'_>,
) -> Result<Line, StoreError> {
    let (leaf, origin) = (&event.leaf, look.origin);
    let corrupt = |what: &str| StoreError::Corrupt(format!("event {}: {what}", event.index));
    let mut salts = BTreeMap::new();
    let mut values = BTreeMap::new();
    let mut gone: BTreeMap<String, &'static str> = unreadable.iter().map(|name| (name.clone(), UNREADABLE)).collect();
    for part in parts {
        match serde_json::from_slice::<Value>(&part.value) {
            Ok(value) => drop(values.insert(part.name.clone(), value)),
            Err(_) => drop(gone.insert(part.name.clone(), UNREADABLE)),
        }
        salts.insert(part.name, hex::encode(&part.salt));
    }
    for name in leaf.parts.keys().filter(|name| !values.contains_key(name.as_str())) {
        if !gone.contains_key(name) {
            let erased = leaf.at < look.cuts.of(EventClass::of_stored(&leaf.action)) || purge::names(conn, &leaf.id, name)?;
            gone.insert(name.clone(), if erased { PURGED } else { MISSING });
        }
    }
    let (sent, withheld) = withhold(values, gone, &settings.leave_out);
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
