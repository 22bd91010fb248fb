//! One event for people: what it says, what changed, the way up to the signed root, and how to check it without us.

use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use askama::Template;
use serde_json::Value;

use super::{Stand, tone};
use crate::{
    app::{
        App,
        audit::{self, event::Shown},
    },
    web::{Fault, Page, SignedIn, Tone, ok, page::Html, view::Crumb},
};

/// A part as the page shows it.
struct Part {
    label: String,
    masked: bool,
    /// Key and value, one a line; empty where it has been purged or is not for this person.
    lines: Vec<(String, String)>,
    commitment: String,
    state: &'static str,
    tone: Tone,
}

/// A step of the proof.
struct Step {
    level: usize,
    left: bool,
    sibling: String,
    span: String,
    hash: String,
}

#[derive(Template)]
#[template(path = "audit/event.html")]
struct EventPage {
    page: Page,
    crumbs: Vec<Crumb>,
    stand: Stand,
    title: String,
    shown: Shown,
    at: Html,
    outcome: String,
    tone: Tone,
    parts: Vec<Part>,
    opened: usize,
    purged: usize,
    unopened: usize,
    missing: usize,
    steps: Vec<Step>,
    leaf: String,
    leaf_hash: String,
    root: String,
    size: String,
    /// Hexadecimal of the first commitment.
    first_commitment: Option<String>,
    holds: bool,
    before: Option<u64>,
    after: Option<u64>,
}

/// Sixteen digits of a hash in two groups: enough to compare by eye.
fn brief(hash: &[u8]) -> String {
    let text = hex::encode(hash);
    format!("{} {} …", &text[..8], &text[8..16])
}

/// All digits, in groups of eight.
fn spaced(hash: &[u8]) -> String {
    let text = hex::encode(hash);
    text.as_bytes().chunks(8).map(|c| String::from_utf8_lossy(c).into_owned()).collect::<Vec<_>>().join(" ")
}

/// A part's value as lines: scalars as they are, everything else as JSON.
fn lines_of(value: &Value) -> Vec<(String, String)> {
    let said = |v: &Value| v.as_str().map_or_else(|| v.to_string(), ToOwned::to_owned);
    match value {
        Value::Object(members) => {
            members.iter().filter(|(k, _)| !matches!(k.as_str(), "before" | "after")).map(|(k, v)| (k.clone(), said(v))).collect()
        }
        other => vec![(String::new(), said(other))],
    }
}

/// `GET /audit/{index}`
pub async fn show(app: Data<App>, me: SignedIn, page: Page, index: Path<String>) -> Result<HttpResponse, Fault> {
    let index: u64 = index.parse().map_err(|_| Fault::not_found())?;
    let shown = audit::event::show(&app, &me.caller, index).await?;
    let number = page.num(index);
    let parts: Vec<Part> = shown
        .parts
        .iter()
        .map(|p| {
            let (state, tone) = match p.holds {
                Some(true) => ("event-holds", Tone::Ok),
                Some(false) => ("event-differs", Tone::Bad),
                None if p.unopened => ("event-unopened", Tone::Warn),
                None if p.missing => ("event-missing", Tone::Bad),
                None => ("event-purged", Tone::Mute),
            };
            let label = page.maybe(&format!("event-part-{}", p.name)).unwrap_or_else(|| p.name.clone());
            Part { masked: p.masked, label, lines: p.value.as_ref().map(lines_of).unwrap_or_default(), commitment: brief(&p.commitment), state, tone }
        })
        .collect();
    let steps = shown
        .proof
        .iter()
        .zip(1..)
        .map(|(j, level)| Step {
            level,
            left: j.left,
            sibling: brief(&j.sibling),
            span: match j.first == j.last {
                true => page.num(j.first),
                false => page.a2("event-span-to", "first", page.num(j.first), "last", page.num(j.last)),
            },
            hash: brief(&j.hash),
        })
        .collect();
    let action = page.word("action", &shown.event.leaf.action);
    let view = EventPage {
        crumbs: vec![Crumb::link("/audit", page.t("nav-audit")), Crumb::here(page.a1("event-crumb", "index", &number))],
        stand: Stand::of(&page, shown.standing.clone()),
        title: page.a2("event-title", "index", &number, "action", action),
        at: page.time_full(shown.event.leaf.at),
        outcome: page.word("outcome", &shown.event.leaf.outcome),
        tone: tone(&shown.event.leaf.outcome),
        opened: shown.parts.iter().filter(|p| p.holds == Some(true)).count(),
        purged: shown.parts.iter().filter(|p| p.holds.is_none() && !p.unopened && !p.missing).count(),
        unopened: shown.parts.iter().filter(|p| p.unopened).count(),
        missing: shown.parts.iter().filter(|p| p.missing).count(),
        holds: shown.holds(),
        leaf: String::from_utf8_lossy(&shown.event.bytes).into_owned(),
        leaf_hash: hex::encode(shown.leaf_hash),
        root: spaced(&shown.checkpoint.root),
        size: page.num(shown.checkpoint.size),
        first_commitment: shown.parts.first().map(|p| hex::encode(p.commitment)),
        before: index.checked_sub(1),
        after: Some(index + 1).filter(|i| *i < shown.checkpoint.size),
        parts,
        steps,
        page,
        shown,
    };
    ok(view)
}
