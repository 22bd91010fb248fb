//! The rows of the CSV files. Each is a pure view of the records beside it, so that [`super::verify`] can write it again and compare.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    collected::{Content, Decision, Entry, Issue, Recipient},
    columns,
    csv::{self, Cell},
};
use crate::{clock::Instant, crypto::sha256, ledger::leaf::Leaf};

/// An event read back: its leaf, the SHA-256 of its line and its open parts as JSON.
#[derive(Clone, Debug)]
pub struct Event {
    pub index: u64,
    pub leaf: Leaf,
    /// SHA-256 of the line in `events.jsonl`, hex.
    pub line: String,
    pub parts: BTreeMap<String, Value>,
}

impl Event {
    /// From a collected entry; `None` if its bytes are no leaf.
    pub fn read(entry: &Entry) -> Option<Self> {
        let parts = entry.parts.iter().filter_map(|part| match &part.content {
            Content::Open { value, .. } => Some((part.name.clone(), serde_json::from_slice(value).ok()?)),
            Content::Withheld(_) => None,
        });
        Some(Self { index: entry.index, leaf: Leaf::parse(&entry.leaf).ok()?, line: hex::encode(sha256(&entry.leaf)), parts: parts.collect() })
    }

    /// A string inside a part; empty where the part is withheld or says nothing.
    pub fn text(&self, part: &str, key: &str) -> String {
        self.parts.get(part).and_then(|p| p.get(key)).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// Roles of the actor at that time, separated by spaces.
    pub fn roles(&self) -> String {
        let roles = self.parts.get("actor").and_then(|p| p.get("roles")).and_then(Value::as_array);
        roles.map(|r| r.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")).unwrap_or_default()
    }

    fn port(&self) -> Cell {
        Cell::optional(self.parts.get("client").and_then(|p| p.get("peer_port")).and_then(Value::as_u64))
    }

    /// Address, port, device, fingerprint, state.
    fn origin(&self) -> [Cell; 5] {
        [
            Cell::text(self.text("client", "client_ip")),
            self.port(),
            Cell::text(self.text("device", "device_id")),
            Cell::text(self.text("device", "fingerprint")),
            Cell::text(self.text("device", "state")),
        ]
    }
}

/// `2026-11-22T17:42:08.123456+08:00` in `zone`; UTC if the zone is unknown.
pub fn local(at: Instant, zone: &str) -> String {
    let zoned = at.timestamp().in_tz(zone).unwrap_or_else(|_| at.timestamp().to_zoned(jiff::tz::TimeZone::UTC));
    zoned.strftime("%Y-%m-%dT%H:%M:%S").to_string() + &format!(".{:06}", at.0.rem_euclid(1_000_000)) + &zoned.strftime("%:z").to_string()
}

/// One row of `events.csv`; the audit viewer exports the same.
pub fn event_cells(event: &Event, zone: &str) -> Vec<Cell> {
    let leaf = &event.leaf;
    let mut cells = vec![
        Cell::plain(event.index),
        Cell::plain(&leaf.id),
        Cell::plain(leaf.at.to_rfc3339()),
        Cell::plain(local(leaf.at, zone)),
        Cell::plain(zone),
        Cell::plain(&leaf.action),
        Cell::plain(&leaf.outcome),
        Cell::text(&leaf.actor.id),
        Cell::text(event.text("actor", "name")),
        Cell::plain(event.roles()),
        Cell::text(&leaf.subject.kind),
        Cell::text(&leaf.subject.id),
    ];
    cells.extend(event.origin());
    cells.extend([Cell::text(leaf.session.clone().unwrap_or_default()), Cell::plain(&event.line)]);
    cells
}

/// `events.csv`.
pub fn events(events: &[Event], zone: &str) -> String {
    file(columns::EVENTS, events.iter().map(|e| event_cells(e, zone)))
}

/// `approvals.csv`: the decisions, then an order to recall first and the words of its ratification, which have no statement. A decision whose
/// event is not among `events` has empty cells where the event would speak.
pub fn approvals(decisions: &[Decision], events: &[Event], zone: &str) -> String {
    let by_id: BTreeMap<&str, &Event> = events.iter().map(|e| (e.leaf.id.as_str(), e)).collect();
    let behalf = decisions.iter().any(|d| d.principal.is_some());
    file(
        columns::approvals(decisions, is_first(events)),
        decisions
            .iter()
            .map(|d| {
                let event = by_id.get(d.event.as_str());
                let said = |part: &str, key: &str| Cell::text(event.map(|e| e.text(part, key)).unwrap_or_default());
                let mut cells = vec![
                    Cell::plain(d.level),
                    Cell::text(&d.decider),
                    said("actor", "name"),
                    Cell::plain(event.map(|e| e.roles()).unwrap_or_default()),
                    Cell::text(&d.method),
                    Cell::plain(&d.decision),
                    Cell::text(d.comment.clone().unwrap_or_default()),
                    Cell::plain(d.at.to_rfc3339()),
                    Cell::plain(local(d.at, zone)),
                    Cell::plain(zone),
                ];
                cells.extend(event.map_or_else(|| std::array::from_fn(|_| Cell::empty()), |e| e.origin()));
                cells.extend([
                    Cell::plain(d.round),
                    Cell::optional(event.map(|e| e.index)),
                    Cell::plain(&d.event),
                    Cell::plain(hex::encode(sha256(d.statement.as_bytes()))),
                    Cell::plain(event.map(|e| e.line.clone()).unwrap_or_default()),
                ]);
                if behalf {
                    cells.extend([Cell::text(d.principal.clone().unwrap_or_default()), said("principal", "name")]);
                }
                cells
            })
            // Nobody orders or ratifies in somebody else's name.
            .chain(events.iter().filter_map(|e| recalled_first(e, zone)).map(|mut cells| {
                if behalf {
                    cells.extend([Cell::empty(), Cell::empty()]);
                }
                cells
            })),
    )
}

/// Whether the recall came before its review: then `approvals.csv` has more words for a decision.
pub fn is_first(events: &[Event]) -> bool {
    let told = |e: &Event| matches!(e.leaf.action.as_str(), "recall.ordered" | "ratification.decided") && e.leaf.outcome == "success";
    events.iter().any(told)
}

/// The row of an order to recall first, or of a word of its ratification: what its event says, or nothing where that is withheld.
fn recalled_first(event: &Event, zone: &str) -> Option<Vec<Cell>> {
    let leaf = &event.leaf;
    let (decision, said) = match leaf.action.as_str() {
        "recall.ordered" => ("recall_first".to_owned(), "reason"),
        "ratification.decided" => (event.text("detail", "verdict"), "comment"),
        _ => return None,
    };
    if leaf.outcome != "success" {
        return None;
    }
    let mut cells = vec![
        Cell::optional(event.parts.get("detail").and_then(|d| d["level"].as_u64())),
        Cell::text(&leaf.actor.id),
        Cell::text(event.text("actor", "name")),
        Cell::plain(event.roles()),
        Cell::text(event.text("detail", "method")),
        Cell::plain(decision),
        Cell::text(event.text("text", said)),
        Cell::plain(leaf.at.to_rfc3339()),
        Cell::plain(local(leaf.at, zone)),
        Cell::plain(zone),
    ];
    cells.extend(event.origin());
    let blank = Cell::empty;
    cells.extend([blank(), Cell::plain(event.index), Cell::plain(&leaf.id), blank(), Cell::plain(&event.line)]);
    Some(cells)
}

/// Grade of an outcome (reference: evidence grades). Unknown stays unknown.
pub fn grade(outcome: &str) -> &'static str {
    match outcome {
        "confirmed" | "still_visible" => "platform_confirmed",
        "accepted" => "platform_accepted",
        "failed" => "inferred",
        _ => "unknown",
    }
}

/// `recipients.csv`; `events` give the line that recorded the outcomes.
pub fn recipients(recipients: &[Recipient], events: &[Event]) -> String {
    let finished = events.iter().rev().find(|e| e.leaf.action == "recall.finished").map(|e| e.line.clone()).unwrap_or_default();
    let instant = |at: Option<Instant>| Cell::optional(at.map(Instant::to_rfc3339));
    file(
        columns::RECIPIENTS,
        recipients.iter().zip(1..).map(|(r, n): (_, u32)| {
            vec![
                Cell::text(&r.platform_id),
                Cell::plain(format!("R-{n:06}")),
                Cell::text(r.message.clone().unwrap_or_default()),
                Cell::plain(&r.delivery),
                Cell::plain(&r.read_state),
                instant(r.read_at),
                Cell::text(&r.read_source),
                Cell::plain(r.outcome.clone().unwrap_or_default()),
                Cell::plain(r.outcome.as_deref().map(grade).unwrap_or_default()),
                instant(r.outcome_at),
                Cell::plain(hex::encode(r.salt)),
                Cell::plain(if r.outcome.is_some() { finished.clone() } else { String::new() }),
            ]
        }),
    )
}

/// `deliveries.csv`; `raw` gives path and SHA-256 of a call's file under `platform/`.
pub fn deliveries(calls: &[super::collected::Call], raw: &BTreeMap<String, (String, String)>, events: &[Event]) -> String {
    let by_id: BTreeMap<&str, &Event> = events.iter().map(|e| (e.leaf.id.as_str(), e)).collect();
    file(
        columns::DELIVERIES,
        calls.iter().map(|c| {
            let (path, hash) = raw.get(&c.id).cloned().unwrap_or_default();
            let event = c.answered_event.as_ref().or(Some(&c.started_event)).and_then(|id| by_id.get(id.as_str()));
            vec![
                Cell::plain(&c.id),
                Cell::plain(&c.kind),
                Cell::text(c.message.clone().unwrap_or_default()),
                Cell::plain(c.attempt),
                Cell::plain(&c.state),
                Cell::plain(c.started_at.to_rfc3339()),
                Cell::optional(c.answered_at.map(Instant::to_rfc3339)),
                Cell::text(c.result.clone().unwrap_or_default()),
                Cell::text(c.code.clone().unwrap_or_default()),
                Cell::plain(path),
                Cell::plain(hash),
                Cell::plain(&c.started_event),
                Cell::plain(c.answered_event.clone().unwrap_or_default()),
                Cell::plain(event.map(|e| e.line.clone()).unwrap_or_default()),
            ]
        }),
    )
}

/// `custody/custody.csv`: what happened to the material up to now; what comes later cannot be inside a sealed bag.
pub fn custody(issue: &Issue) -> String {
    let step = |n: u32, what: &str| {
        vec![
            Cell::plain(n),
            Cell::plain(issue.made_at.to_rfc3339()),
            Cell::plain(what),
            Cell::text(&issue.operator_id),
            Cell::text(&issue.operator_name),
            Cell::text(issue.purpose.clone().unwrap_or_default()),
        ]
    };
    file(columns::CUSTODY, [step(1, "created"), step(2, if issue.kind == "archive" { "sealed" } else { "exported" })])
}

fn file(columns: &'static [columns::Column], rows: impl IntoIterator<Item = Vec<Cell>>) -> String {
    let mut file = csv::header(columns::names(columns));
    rows.into_iter().for_each(|row| file.push_str(&csv::line(&row)));
    file
}
