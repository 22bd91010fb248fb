//! The audit trail for people: search, one event with its proof ([`event`]), a search as a file ([`exports`]), searches under a name
//! ([`searches`]), the catalogue of events ([`types`]).

pub mod event;
pub mod exports;
pub mod searches;
pub mod types;

use std::borrow::Cow;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use askama::Template;

use crate::{
    app::{
        App, AppError,
        audit::{self, Activity, Found, Line, Query, Standing, Turn, activity::COUNTED, export, saved},
        retention,
    },
    clock::Instant,
    domain::event::{Action, Outcome},
    i18n::{Tr, word_key},
    web::{
        Fault, FormState, Page, SignedIn, Tone, html, ok,
        page::Html,
        view::{Chip, Choice},
    },
};

/// The fields of the search, in the order of the form.
const FIELDS: [&str; 10] = ["words", "from", "to", "actor", "action", "case", "object", "address", "device_id", "outcome"];

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

/// How the log stands, for the badge and the banner that no search hides.
pub(super) struct Stand {
    pub badge: String,
    /// Everything was verified, and that is not long ago.
    pub fresh: bool,
    /// When it was, if that is long ago.
    pub old: Option<String>,
    pub problem: Option<String>,
}

impl Stand {
    pub(super) fn of(page: &Page, standing: Standing) -> Self {
        let badge = match standing.verified {
            Some(whole) => page.a2("audit-verified", "index", page.num(whole.size.saturating_sub(1)), "at", page.tr.time(whole.at)),
            None => page.t("audit-unverified"),
        };
        let old = standing.verified.filter(|whole| whole.is_old(page.now)).map(|whole| page.tr.time(whole.at));
        Self { badge, fresh: standing.verified.is_some() && old.is_none(), old, problem: standing.problem.or_else(|| page.broken.clone()) }
    }
}

/// A bar of the strip, its height in hundredths of the highest.
struct Bar {
    label: String,
    full: String,
    events: String,
    height: u64,
}

/// A row of the week: its day, and for each hour the class of its colour and the number.
pub(super) struct WeekDay {
    pub name: String,
    pub hours: Vec<(u64, String)>,
}

/// When it happened.
struct Strip {
    span: String,
    bars: Vec<Bar>,
    week: Vec<WeekDay>,
    /// Only the newest are counted.
    part: String,
}

/// A search under a name.
struct SavedLink {
    id: String,
    name: String,
    href: String,
    mine: bool,
    shared: bool,
}

/// The forms beside the search; each is refused alone.
struct Forms {
    export: FormState,
    save: FormState,
}

impl Forms {
    fn new() -> Self {
        Self { export: FormState::new("audit").ids("export"), save: FormState::new("search").ids("save") }
    }
}

#[derive(Template)]
#[template(path = "audit/index.html")]
struct Index {
    page: Page,
    form: FormState,
    /// What an export of this search needs beside it.
    export: FormState,
    save: FormState,
    /// Whether this page shows what was found; a refused export does not search anew.
    searched: bool,
    /// The search, for the other forms.
    hidden: Vec<(&'static str, String)>,
    actions: Vec<Choice>,
    outcomes: Vec<Choice>,
    chips: Vec<Chip>,
    saved: Vec<SavedLink>,
    /// Exports of this session: where, and what of.
    exports: Vec<(String, String)>,
    rows: Vec<Row>,
    count: String,
    strip: Option<Strip>,
    newer: Option<String>,
    older: Option<String>,
    size: u64,
    at: Html,
    stand: Stand,
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

/// What is asked of the use case; a date that is none is an error of the form.
fn query(tr: &Tr, form: &mut FormState) -> Query {
    let mut day = |field: &str, instant: &dyn Fn(&str) -> Option<Instant>| {
        let text = form.value(field).to_owned();
        if text.is_empty() {
            return None;
        }
        let at = instant(&text);
        if at.is_none() {
            form.refuse(field, "date");
        }
        at
    };
    let from = day("from", &|text| tr.start_of_day(text));
    // Where the clock is changed, a day has 23 or 25 hours.
    let until = day("to", &|text| tr.end_of_day(text).map(|last| Instant(last.0 + 1)));
    let text = |field: &str| form.value(field).trim().to_owned();
    Query::read(from, until, text)
}

/// The address of the search, without `leave_out` and with `more`.
fn href(path: &str, form: &FormState, leave_out: &str, more: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for field in FIELDS.iter().filter(|f| **f != leave_out && !form.value(f).is_empty()) {
        query.append_pair(field, form.value(field));
    }
    query.extend_pairs(more);
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// What the address says beside the search; empty if nothing.
fn beside(req: &HttpRequest, wanted: &str) -> String {
    url::form_urlencoded::parse(req.query_string().as_bytes()).find(|(k, _)| k == wanted).map(|(_, v)| v.into_owned()).unwrap_or_default()
}

fn turn(req: &HttpRequest) -> Turn<u64> {
    let number = |wanted: &str| beside(req, wanted).parse().ok();
    Turn::of(number("before"), number("after"))
}

/// The form that asks for `query`, for a search that was kept.
fn form_of(tr: &Tr, query: &Query) -> FormState {
    let day = |at: Option<Instant>, back: i64| at.map(|at| tr.iso_date(Instant(at.0 - back))).unwrap_or_default();
    let fields = [
        ("words", query.words.clone()),
        ("from", day(query.from, 0)),
        // The end is exclusive; people say the last day.
        ("to", day(query.until, 1)),
        ("actor", query.actor.clone()),
        ("action", query.action.clone()),
        ("case", query.case.clone()),
        ("object", query.object.clone()),
        ("address", query.address.clone()),
        ("device_id", query.device.clone()),
        ("outcome", query.outcome.clone()),
    ];
    typed(fields.iter().map(|(name, value)| (Cow::Borrowed(*name), Cow::Borrowed(value.as_str()))))
}

/// Where a search leads, and its conditions in words: label and value.
pub(super) fn told(page: &Page, query: &Query) -> (String, Vec<(String, String)>) {
    let form = form_of(page, query);
    let value = |field: &str| match field {
        "action" | "outcome" => page.word(field, form.value(field)),
        _ => form.value(field).to_owned(),
    };
    let given = FIELDS.iter().filter(|field| !form.value(field).is_empty());
    let conditions = given.map(|field| (page.t(&format!("audit-{}", field.trim_end_matches("_id"))), value(field))).collect();
    (href("/audit", &form, "", &[]), conditions)
}

/// `GET /audit`
pub async fn index(app: Data<App>, me: SignedIn, page: Page, req: HttpRequest) -> Result<HttpResponse, Fault> {
    let mut form = addressed(&req);
    let asked = query(&page, &mut form);
    if form.ok() {
        match audit::search(&app, &me.caller, &asked, turn(&req), &beside(&req, "shown")).await {
            Ok(found) => return ok(index_of(&app, &me, page, form, Forms::new(), Some(found)).await?),
            Err(error @ AppError::Invalid(_)) => form.refuse_all(error)?,
            Err(error) => return Err(error.into()),
        }
    } else if !me.caller.may(crate::domain::role::Permission::AuditRead) {
        return Err(Fault::forbidden());
    }
    html(StatusCode::UNPROCESSABLE_ENTITY, index_of(&app, &me, page, form, Forms::new(), None).await?)
}

fn chips_of(page: &Page, form: &FormState) -> Vec<Chip> {
    let given = FIELDS.iter().filter(|f| !form.value(f).is_empty());
    given
        .map(|field| {
            let value = form.value(field);
            let value = match *field {
                "action" => page.word("action", value),
                "outcome" => page.word("outcome", value),
                _ => value.to_owned(),
            };
            let label = page.a2("audit-chip", "label", page.t(&format!("audit-{}", field.trim_end_matches("_id"))), "value", value);
            Chip { label, href: href("/audit", form, field, &[]) }
        })
        .collect()
}

async fn index_of(app: &App, me: &SignedIn, page: Page, form: FormState, forms: Forms, found: Option<Found>) -> Result<Index, Fault> {
    let choices = |prefix: &str, words: Vec<&'static str>| words.into_iter().map(|w| Choice::new(w, page.word(prefix, w))).collect();
    let searched = found.is_some();
    let (newer, older, ticket, lines, standing, activity, read_to) = match found {
        Some(f) => (f.newer, f.older, f.ticket, f.lines, f.standing, f.activity, f.read_to),
        None => (None, None, String::new(), Vec::new(), audit::stands(app).await?, None, None),
    };
    let saved = saved::list(app, &me.caller).await?.into_iter().map(|s| SavedLink {
        href: href("/audit", &form_of(&page, &s.query), "", &[]),
        id: s.id,
        name: s.name,
        mine: s.mine,
        shared: s.shared,
    });
    let exports = export::list(app, &me.caller).await?.into_iter().map(|e| {
        let what = page.a2("export-line", "format", e.format.as_str().to_uppercase(), "at", page.tr.time(e.at));
        (format!("/audit/exports/{}", e.id), what)
    });
    let rows: Vec<Row> = lines.into_iter().map(|line| row(&page, line)).collect();
    let neighbour = |side: &str, index: u64| href("/audit", &form, "", &[(side, &index.to_string()), ("shown", &ticket)]);
    let count = match &activity {
        Some(a) if a.more => page.n("audit-more", COUNTED),
        Some(a) => page.n("audit-found", a.total),
        None if searched => page.n("audit-page", rows.len()),
        None => String::new(),
    };
    Ok(Index {
        chips: chips_of(&page, &form),
        actions: choices("action", Action::ALL.iter().map(|a| a.as_str()).collect()),
        outcomes: choices("outcome", Outcome::ALL.iter().map(|o| o.as_str()).collect()),
        count,
        strip: activity.filter(|a| a.total > 0).map(|a| strip(&page, &a)),
        newer: newer.map(|index| neighbour("after", index)),
        older: older.map(|index| neighbour("before", index)),
        hidden: FIELDS.iter().filter(|f| !form.value(f).is_empty()).map(|f| (*f, form.value(f).to_owned())).collect(),
        export: forms.export,
        save: forms.save,
        saved: saved.collect(),
        exports: exports.collect(),
        searched,
        size: standing.size,
        at: page.time_full(standing.at),
        stand: Stand::of(&page, standing),
        unread: read_to.map(|index| page.a1("audit-unread", "index", page.num(index))).unwrap_or_default(),
        kept: page.n("audit-kept", u64::from(retention::periods(app).shortest())),
        rows,
        form,
        page,
    })
}

/// The weekdays' words, Monday first.
pub(super) const WEEK: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

fn strip(page: &Page, activity: &Activity) -> Strip {
    let highest = activity.bars.iter().map(|b| b.events).max().unwrap_or(0).max(1);
    let bars = activity.bars.iter().map(|bar| Bar {
        label: if activity.by_hours { page.tr.clock(bar.at) } else { page.tr.month_day(bar.at) },
        full: if activity.by_hours { page.tr.time(bar.at) } else { page.tr.date(bar.at) },
        events: page.num(bar.events),
        // What there was is seen, however little it is.
        height: if bar.events == 0 { 0 } else { (bar.events * 100 / highest).max(3) },
    });
    Strip {
        span: page.a2("activity-span", "from", page.tr.date(activity.from), "until", page.tr.date(Instant(activity.until.0 - 1))),
        bars: bars.collect(),
        week: week(page, &activity.week),
        part: if activity.more { page.n("activity-part", COUNTED) } else { String::new() },
    }
}

/// The rows of a week, each number coloured by its part of the highest.
pub(super) fn week(page: &Page, counted: &[[u64; 24]; 7]) -> Vec<WeekDay> {
    let most = counted.iter().flatten().copied().max().unwrap_or(0).max(1);
    let rows = WEEK.iter().zip(counted).map(|(day, hours)| WeekDay {
        name: page.t(&format!("weekday-{day}")),
        hours: hours.iter().map(|n| ((n * 4).div_ceil(most), if *n == 0 { String::new() } else { page.num(*n) })).collect(),
    });
    rows.collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::Lang;

    #[test]
    fn a_day_ends_where_the_next_begins_whatever_the_clock_does() {
        let tr = Tr::new(Lang::En).in_zone("Europe/Berlin");
        for (day, hours) in [("2026-03-29", 23), ("2026-10-25", 25), ("2026-11-22", 24)] {
            let mut form = typed([("from", day), ("to", day)].map(|(name, text)| (Cow::Borrowed(name), Cow::Borrowed(text))).into_iter());
            let asked = query(&tr, &mut form);
            assert_eq!(asked.until.unwrap().since(asked.from.unwrap()), std::time::Duration::from_secs(hours * 3600), "{day}");
            assert_eq!((form_of(&tr, &asked).value("from"), form_of(&tr, &asked).value("to")), (day, day));
        }
    }
}
