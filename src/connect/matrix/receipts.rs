//! What read receipts say about one message: a receipt marks the newest event that its owner has seen, so a receipt on the message or on
//! a later event means read (Client-Server API, "Receipts"). Pure.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use crate::{clock::Instant, connect::Reading};

/// Where a receipt stands to the message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    Covers,
    Before,
    /// Both lie before the part of the timeline that was shown.
    Unknown,
}

/// Readings of `event` by `members`, out of the room's part of a sync answer. `read_at` is the time of the receipt: reading may have been
/// earlier. Without a covering receipt `read_at` is `None`; a member whose receipt cannot be placed is left out.
pub(super) fn readings(room: &Value, event: &str, members: impl Iterator<Item = String>) -> Vec<Reading> {
    let timeline = room.pointer("/timeline/events").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let place: HashMap<&str, usize> = timeline.iter().enumerate().filter_map(|(n, e)| Some((e.get("event_id")?.as_str()?, n))).collect();
    let message = place.get(event).copied();
    let reach = |on: &str| match (message, place.get(on).copied()) {
        _ if on == event => Reach::Covers,
        (Some(message), Some(receipt)) if receipt > message => Reach::Covers,
        // Shown events are newer than those that were not shown.
        (None, Some(_)) => Reach::Covers,
        (Some(_), _) => Reach::Before,
        (None, None) => Reach::Unknown,
    };
    let mut found: BTreeMap<&str, (Reach, Option<Instant>)> = BTreeMap::new();
    for (on, user, at) in receipts(room) {
        let reach = reach(on);
        let entry = found.entry(user).or_insert((reach, None));
        match reach {
            Reach::Covers => {
                let earliest = entry.1.map_or(at, |known| known.min(at));
                *entry = (Reach::Covers, Some(earliest));
            }
            Reach::Unknown if entry.0 != Reach::Covers => entry.0 = Reach::Unknown,
            _ => {}
        }
    }
    members
        .filter_map(|user| match found.get(user.as_str()) {
            Some((Reach::Unknown, _)) => None,
            Some((_, read_at)) => Some(Reading { read_at: *read_at, user }),
            None => Some(Reading { user, read_at: None }),
        })
        .collect()
}

/// Public receipts of the room's main line: (event, user, time). A receipt within a thread says nothing about the main line.
fn receipts(room: &Value) -> impl Iterator<Item = (&str, &str, Instant)> {
    let events = room.pointer("/ephemeral/events").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    events
        .iter()
        .filter(|e| e.get("type").and_then(Value::as_str) == Some("m.receipt"))
        .filter_map(|e| e.get("content")?.as_object())
        .flatten()
        .flat_map(|(on, kinds)| {
            let read = kinds.get("m.read").and_then(Value::as_object);
            read.into_iter().flatten().filter_map(|(user, receipt)| {
                let thread = receipt.get("thread_id").and_then(Value::as_str).unwrap_or("main");
                let at = receipt.get("ts").and_then(Value::as_i64)?;
                (thread == "main").then_some((on.as_str(), user.as_str(), Instant(at.saturating_mul(1000))))
            })
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(timeline: &[&str], receipts: &Value, members: &[&str]) -> Vec<(String, Option<i64>)> {
        let events: Vec<Value> = timeline.iter().map(|id| json!({ "event_id": id })).collect();
        let room = json!({ "timeline": { "events": events }, "ephemeral": { "events": [{ "type": "m.receipt", "content": receipts }, { "type": "m.typing", "content": {} }] } });
        let found = readings(&room, "$m", members.iter().map(|m| (*m).to_owned()));
        found.into_iter().map(|r| (r.user, r.read_at.map(|t| t.0 / 1000))).collect()
    }

    fn said(list: &[(&str, Option<i64>)]) -> Vec<(String, Option<i64>)> {
        list.iter().map(|(u, t)| ((*u).to_owned(), *t)).collect()
    }

    #[test]
    fn a_receipt_on_the_message_or_later_means_read() {
        let receipts = json!({
            "$m": { "m.read": { "@on": { "ts": 5 } } },
            "$later": { "m.read": { "@later": { "ts": 9, "thread_id": "main" } } },
            "$before": { "m.read": { "@before": { "ts": 1 } } },
            "$not-shown": { "m.read": { "@long-ago": { "ts": 0 } } },
        });
        let found = read(&["$before", "$m", "$later"], &receipts, &["@on", "@later", "@before", "@long-ago", "@never"]);
        assert_eq!(found, said(&[("@on", Some(5)), ("@later", Some(9)), ("@before", None), ("@long-ago", None), ("@never", None)]));
    }

    #[test]
    fn what_cannot_be_placed_is_left_out() {
        let receipts = json!({ "$shown": { "m.read": { "@a": { "ts": 7 } } }, "$old": { "m.read": { "@b": { "ts": 3 } } } });
        assert_eq!(read(&["$shown"], &receipts, &["@a", "@b", "@c"]), said(&[("@a", Some(7)), ("@c", None)]));
    }

    #[test]
    fn threads_private_receipts_and_odd_shapes_say_nothing() {
        let receipts = json!({
            "$m": { "m.read": { "@thread": { "ts": 5, "thread_id": "$root" }, "@odd": 5 }, "m.read.private": { "@private": { "ts": 5 } } },
            "$later": { "m.read": { "@two": { "ts": 9 } } },
            "$x": [],
        });
        assert_eq!(
            read(&["$m", "$later"], &receipts, &["@thread", "@odd", "@private", "@two"]),
            said(&[("@thread", None), ("@odd", None), ("@private", None), ("@two", Some(9))])
        );
        let mixed = json!({ "$m": { "m.read": { "@two": { "ts": 5 } } }, "$later": { "m.read": { "@two": { "ts": 9 } } } });
        assert_eq!(read(&["$m", "$later"], &mixed, &["@two"]), said(&[("@two", Some(5))]), "the earliest covering receipt");
    }
}
