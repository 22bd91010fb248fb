//! The audit trail for people: search, one event with its proof, CSV of a search.

use std::borrow::Cow;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Bytes, Data, Path},
};
use askama::Template;
use serde_json::Value;

use crate::{
    app::{
        App, AppError,
        audit::{
            self, Found, Line, Query, Turn,
            event::Shown,
            export::{self, Csv},
        },
        step_up,
    },
    domain::event::{Action, Outcome},
    i18n::{Tr, word_key},
    web::{
        Fault, FormState, Page, Posted, SignedIn, Tone, html, ok, once,
        page::Html,
        view::{Chip, Choice, Crumb},
    },
};

/// The fields of the search, in the order of the form.
const FIELDS: [&str; 10] = ["words", "from", "to", "actor", "action", "case", "object", "address", "device", "outcome"];

/// A row of the table.
struct Row {
    line: Line,
    at: Html,
    action: String,
    /// Who is no person, in words where there are some.
    actor: String,
    /// What kind of thing was acted on.
    kind: String,
    roles: String,
    outcome: String,
    tone: Tone,
    device_state: String,
    /// Where the subject can be seen; empty if nowhere.
    href: String,
}

#[derive(Template)]
#[template(path = "audit/index.html")]
struct Index {
    page: Page,
    form: FormState,
    /// What an export of this search needs beside it.
    export: FormState,
    /// Whether this page shows what was found; a refused export does not search anew.
    searched: bool,
    /// The search, for the form of the export.
    hidden: Vec<(&'static str, String)>,
    actions: Vec<Choice>,
    outcomes: Vec<Choice>,
    chips: Vec<Chip>,
    rows: Vec<Row>,
    count: String,
    newer: Option<String>,
    older: Option<String>,
    size: u64,
    at: Html,
    problem: Option<String>,
    /// Where words end that a search by words would need.
    unread: String,
    kept: String,
}

fn tone(outcome: &str) -> Tone {
    match outcome {
        "success" => Tone::Ok,
        "refused" => Tone::Bad,
        _ => Tone::Warn,
    }
}

/// The search as typed, from the address or from the form of an export.
fn typed<'a>(fields: impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)>) -> FormState {
    let mut form = FormState::new("audit");
    for (name, value) in fields {
        if FIELDS.contains(&&*name) && !value.trim().is_empty() && form.value(&name).is_empty() {
            form = form.with(&name, value.chars().take(300).collect::<String>());
        }
    }
    form
}

fn addressed(req: &HttpRequest) -> FormState {
    typed(url::form_urlencoded::parse(req.query_string().as_bytes()))
}

/// The form under the results.
fn export_form() -> FormState {
    FormState::new("audit").ids("export")
}

/// What is asked of the use case; a date that is none is an error of the form.
fn query(tr: &Tr, form: &mut FormState) -> Query {
    let mut day = |field: &str, days: i64| {
        let text = form.value(field).to_owned();
        if text.is_empty() {
            return None;
        }
        let start = tr.start_of_day(&text);
        if start.is_none() {
            form.refuse(field, "date");
        }
        start.map(|at| at.plus(std::time::Duration::from_secs(u64::try_from(days * 86_400).unwrap_or(0))))
    };
    let (from, until) = (day("from", 0), day("to", 1));
    let text = |field: &str| form.value(field).trim().to_owned();
    Query {
        from,
        until,
        actor: text("actor"),
        action: text("action"),
        outcome: text("outcome"),
        case: text("case"),
        object: text("object"),
        address: text("address"),
        device: text("device"),
        words: text("words"),
    }
}

/// The address of the search, without `leave_out` and with `more`.
fn href(path: &str, form: &FormState, leave_out: &str, more: Option<(&str, u64)>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for field in FIELDS.iter().filter(|f| **f != leave_out && !form.value(f).is_empty()) {
        query.append_pair(field, form.value(field));
    }
    if let Some((key, value)) = more {
        query.append_pair(key, &value.to_string());
    }
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

fn turn(req: &HttpRequest) -> Turn<u64> {
    let number =
        |wanted: &str| url::form_urlencoded::parse(req.query_string().as_bytes()).find(|(k, _)| k == wanted).and_then(|(_, v)| v.parse().ok());
    Turn::of(number("before"), number("after"))
}

/// `GET /audit`
pub async fn index(app: Data<App>, me: SignedIn, page: Page, req: HttpRequest) -> Result<HttpResponse, Fault> {
    let mut form = addressed(&req);
    let asked = query(&page, &mut form);
    if form.ok() {
        match audit::search(&app, &me.caller, &asked, turn(&req)).await {
            Ok(found) => return ok(index_of(&app, page, form, export_form(), Some(found))),
            Err(error @ AppError::Invalid(_)) => form.refuse_all(error)?,
            Err(error) => return Err(error.into()),
        }
    } else if !me.caller.may(crate::domain::role::Permission::AuditRead) {
        return Err(Fault::forbidden());
    }
    html(StatusCode::UNPROCESSABLE_ENTITY, index_of(&app, page, form, export_form(), None))
}

fn index_of(app: &App, page: Page, form: FormState, export: FormState, found: Option<Found>) -> Index {
    let chips = FIELDS
        .iter()
        .filter(|f| !form.value(f).is_empty())
        .map(|field| {
            let value = form.value(field);
            let value = match *field {
                "action" => page.word("action", value),
                "outcome" => page.word("outcome", value),
                _ => value.to_owned(),
            };
            let label = page.a2("audit-chip", "label", page.t(&format!("audit-{field}")), "value", value);
            Chip { label, href: href("/audit", &form, field, None) }
        })
        .collect();
    let choices = |prefix: &str, words: Vec<&'static str>| words.into_iter().map(|w| Choice::new(w, page.word(prefix, w))).collect();
    let searched = found.is_some();
    let (newer, older, lines, standing, read_to) = match found {
        Some(f) => (f.newer, f.older, f.lines, Some(f.standing), f.read_to),
        None => (None, None, Vec::new(), None, None),
    };
    let rows: Vec<Row> = lines.into_iter().map(|line| row(&page, line)).collect();
    Index {
        chips,
        actions: choices("action", Action::ALL.iter().map(|a| a.as_str()).collect()),
        outcomes: choices("outcome", Outcome::ALL.iter().map(|o| o.as_str()).collect()),
        count: if searched { page.n("audit-page", rows.len()) } else { String::new() },
        newer: newer.map(|index| href("/audit", &form, "", Some(("after", index)))),
        older: older.map(|index| href("/audit", &form, "", Some(("before", index)))),
        hidden: FIELDS.iter().filter(|f| !form.value(f).is_empty()).map(|f| (*f, form.value(f).to_owned())).collect(),
        export,
        searched,
        size: standing.as_ref().map_or(0, |s| s.size),
        at: page.time_full(standing.as_ref().map_or(page.now, |s| s.at)),
        problem: standing.and_then(|s| s.problem).or_else(|| page.broken.clone()),
        unread: read_to.map(|index| page.a1("audit-unread", "index", page.num(index))).unwrap_or_default(),
        kept: page.n("audit-kept", u64::from(app.config.retention.days)),
        rows,
        form,
        page,
    }
}

fn row(page: &Page, line: Line) -> Row {
    Row {
        at: page.time_full(line.at),
        action: page.word("action", &line.action),
        actor: page.maybe(&word_key("actor", &line.actor_id)).unwrap_or_else(|| line.actor_id.clone()),
        kind: page.maybe(&word_key("subject", &line.subject_kind)).unwrap_or_else(|| line.subject_kind.clone()),
        roles: page.list(&line.roles.iter().map(|r| page.word("role", r)).collect::<Vec<_>>()),
        outcome: page.word("outcome", &line.outcome),
        tone: tone(&line.outcome),
        device_state: if line.device_state.is_empty() { String::new() } else { page.word("device-state", &line.device_state) },
        href: match (line.subject_kind.as_str(), &line.case_number) {
            ("broadcast", _) if page.can("broadcast.read") => format!("/broadcasts/{}", line.subject_id),
            (_, Some(number)) if page.can("recall.read") => format!("/recalls/{number}"),
            _ => String::new(),
        },
        line,
    }
}

/// `POST /audit/exports`: the search as a file, sent piece by piece; refused, the page with the search as it was typed.
pub async fn export(app: Data<App>, me: SignedIn, page: Page, req: HttpRequest, posted: Posted) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    let fields = posted.fields().flat_map(|(name, values)| values.iter().map(move |v| (name.as_str().into(), v.as_str().into())));
    let mut form = typed(fields);
    let asked = query(&page, &mut form);
    let mut code = export_form();
    if form.ok() {
        let make = || async {
            let csv = export::export(&app, &me.caller, &asked, posted.get("totp")).await?;
            let size = csv.size().to_string();
            Ok((csv, size))
        };
        let error = match once::file(&app, &me, &req, &posted, make).await? {
            Ok(once::Handed::First(csv)) => return Ok(sent(&page, csv)),
            Ok(once::Handed::Again(size)) => {
                return Ok(sent(&page, export::again(&app, &me.caller, &asked, size.parse().unwrap_or_default()).await?));
            }
            Err(error) => error,
        };
        // A fault of the search belongs to its fields, everything else to the code.
        match &error {
            AppError::Invalid(errors) if errors.iter().any(|e| e.field != step_up::FIELD) => form.refuse_all(error)?,
            _ => code.refuse_all(error)?,
        }
    } else {
        once::turned_away(&req, "invalid");
        if !me.caller.may(crate::domain::role::Permission::AuditExport) {
            return Err(Fault::forbidden());
        }
    }
    let status = if form.ok() { code.status() } else { form.status() };
    html(status, index_of(&app, page.at("/audit"), form, code, None))
}

fn sent(page: &Page, csv: Csv) -> HttpResponse {
    let pieces = futures_util::stream::unfold(Some(csv), |csv: Option<Csv>| async move {
        let mut csv = csv?;
        match csv.next().await {
            Ok(Some(text)) => Some((Ok(Bytes::from(text)), Some(csv))),
            Ok(None) => None,
            // The connection is cut, so that nobody takes half a file for a whole one.
            Err(error) => Some((Err(std::io::Error::other(error.to_string())), None)),
        }
    });
    let name = format!("attachment; filename=\"audit-{}.csv\"", page.iso_date(page.now));
    HttpResponse::Ok().content_type("text/csv; charset=utf-8").insert_header((header::CONTENT_DISPOSITION, name)).streaming(pieces)
}

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
    title: String,
    shown: Shown,
    at: Html,
    outcome: String,
    tone: Tone,
    parts: Vec<Part>,
    opened: usize,
    purged: usize,
    unopened: usize,
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
        title: page.a2("event-title", "index", &number, "action", action),
        at: page.time_full(shown.event.leaf.at),
        outcome: page.word("outcome", &shown.event.leaf.outcome),
        tone: tone(&shown.event.leaf.outcome),
        opened: shown.parts.iter().filter(|p| p.holds == Some(true)).count(),
        purged: shown.parts.iter().filter(|p| p.holds.is_none() && !p.unopened).count(),
        unopened: shown.parts.iter().filter(|p| p.unopened).count(),
        holds: shown.included && shown.parts.iter().all(|p| p.holds != Some(false)),
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
