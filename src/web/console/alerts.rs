//! `/alerts`: what the rules raised, open ones first; why each fired, the events behind it, and the note by which somebody takes it on.

use std::{collections::BTreeMap, time::Duration};

use actix_web::{
    HttpResponse,
    web::{Data, Path, Query},
};
use askama::Template;

use crate::{
    app::{
        App, Turn,
        alerts::{self, Alert, Wanted},
    },
    domain::alert::{Rule, Severity, State},
    i18n::{Tr, word_key},
    web::{
        Fault, FormState, Page, Posted, SignedIn, Tone, html, ok,
        page::Html,
        see_other,
        view::{Chip, Choice, Crumb, Fact},
    },
};

/// An alert in the list.
struct Row {
    id: String,
    rule: String,
    why: String,
    severity: String,
    severity_tone: Tone,
    state: String,
    tone: Tone,
    at: Html,
}

#[derive(Template)]
#[template(path = "alerts/index.html")]
struct Index {
    page: Page,
    form: FormState,
    states: Vec<Choice>,
    severities: Vec<Choice>,
    rules: Vec<Choice>,
    chips: Vec<Chip>,
    rows: Vec<Row>,
    count: String,
    newer: Option<String>,
    older: Option<String>,
}

pub(super) fn severity_tone(severity: Severity) -> Tone {
    match severity {
        Severity::Low => Tone::Mute,
        Severity::Medium => Tone::Info,
        Severity::High => Tone::Warn,
        Severity::Critical => Tone::Bad,
    }
}

fn state_tone(state: State) -> Tone {
    if state == State::Open { Tone::Warn } else { Tone::Ok }
}

/// Who or what it is about: a name, an address, or what kind of thing of ours.
pub(super) fn about(tr: &Tr, alert: &Alert) -> String {
    match alert.about_kind.as_str() {
        "user" | "address" => alert.about.clone(),
        kind => tr
            .maybe(&word_key("subject", kind))
            .map_or_else(|| alert.about.clone(), |word| tr.a2("alert-about-thing", "kind", word, "id", &alert.about)),
    }
}

/// Why it fired, in one sentence.
pub(super) fn why(tr: &Tr, alert: &Alert) -> String {
    let why = &alert.why;
    let shows = match alert.rule {
        // Milliseconds are for programs.
        Rule::Clock => why.shows.iter().map(|ms| ms.parse().map_or_else(|_| ms.clone(), |ms: f64| format!("{:+.1}", ms / 1000.0))).collect(),
        _ => why.shows.clone(),
    };
    let args = [
        ("who", about(tr, alert)),
        ("counted", tr.num(why.counted)),
        ("threshold", tr.num(u64::from(why.threshold))),
        ("span", tr.duration(Duration::from_secs(u64::from(why.span) * 60))),
        ("shows", tr.list(&shows)),
    ];
    tr.a(&word_key("alert-why", alert.rule), &args)
}

/// The list's address with these of its filters, and a place.
fn address(form: &FormState, without: &str, place: Option<(&str, &alerts::Place)>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for field in FILTERS.iter().filter(|f| **f != without && !form.value(f).is_empty()) {
        query.append_pair(field, form.value(field));
    }
    if let Some((name, (state, id))) = place {
        query.append_pair(name, &format!("{state}.{id}"));
    }
    let query = query.finish();
    if query.is_empty() { "/alerts".to_owned() } else { format!("/alerts?{query}") }
}

const FILTERS: [&str; 3] = ["state", "severity", "rule"];

/// `GET /alerts`
pub async fn index(app: Data<App>, me: SignedIn, page: Page, query: Query<BTreeMap<String, String>>) -> Result<HttpResponse, Fault> {
    let get = |name: &str| query.get(name).map(String::as_str).filter(|v| !v.is_empty() && !v.contains('\0'));
    let wanted = Wanted {
        state: get("state").and_then(State::parse),
        severity: get("severity").and_then(Severity::parse),
        rule: get("rule").and_then(Rule::parse),
    };
    // A filter that is none is not shown as one.
    let chosen = [wanted.state.map(State::as_str), wanted.severity.map(Severity::as_str), wanted.rule.map(Rule::as_str)];
    let mut form = FormState::new("alert-filter");
    for (field, value) in FILTERS.iter().zip(chosen) {
        form = form.with(field, value.unwrap_or_default());
    }
    let place = |name: &str| get(name).and_then(|key| key.split_once('.')).map(|(state, id)| (state.to_owned(), id.to_owned()));
    let (found, (above, below)) = alerts::list(&app, &me.caller, wanted, Turn::of(place("before"), place("after"))).await?;
    let row = |alert: &Alert| Row {
        id: alert.id.clone(),
        rule: page.word("alert-rule", alert.rule),
        why: why(&page, alert),
        severity: page.word("severity", alert.severity),
        severity_tone: severity_tone(alert.severity),
        state: page.word("alert-state", alert.state),
        tone: state_tone(alert.state),
        at: page.time(alert.last_at),
    };
    let words = ["alert-state", "severity", "alert-rule"];
    let chip = |(field, word): (&&str, &str)| {
        let value = form.value(field);
        (!value.is_empty()).then(|| Chip { label: page.word(word, value), href: address(&form, field, None) })
    };
    let choices = |word: &str, all: Vec<&'static str>| all.into_iter().map(|v| Choice::new(v, page.word(word, v))).collect();
    ok(Index {
        states: choices("alert-state", State::ALL.iter().map(|s| s.as_str()).collect()),
        severities: choices("severity", Severity::ALL.iter().map(|s| s.as_str()).collect()),
        rules: choices("alert-rule", Rule::ALL.iter().map(|r| r.as_str()).collect()),
        chips: FILTERS.iter().zip(words).filter_map(chip).collect(),
        rows: found.iter().map(row).collect(),
        count: page.n("alert-count", found.len()),
        newer: above.map(|key| address(&form, "", Some(("after", &key)))),
        older: below.map(|key| address(&form, "", Some(("before", &key)))),
        form,
        page,
    })
}

#[derive(Template)]
#[template(path = "alerts/show.html")]
struct Show {
    page: Page,
    crumbs: Vec<Crumb>,
    form: FormState,
    alert: Alert,
    rule: String,
    meaning: String,
    why: String,
    severity: String,
    severity_tone: Tone,
    state: String,
    tone: Tone,
    facts: Vec<Fact>,
    acknowledged: Vec<Fact>,
}

fn show_of(page: Page, form: FormState, alert: Alert) -> Show {
    let time = |key: &str, at| Fact::new(page.t(key), page.tr.time_full(at), "");
    let rule = page.word("alert-rule", alert.rule);
    let version = if alert.rule_version == 0 { page.t("alert-as-shipped") } else { page.a1("alert-version", "version", alert.rule_version) };
    let facts = vec![
        Fact::new(page.t("alert-about"), about(&page, &alert), ""),
        Fact::new(page.t("alert-rule"), &rule, version),
        time("alert-first-at", alert.first_at),
        time("alert-last-at", alert.last_at),
        time("alert-raised-at", alert.raised_at),
    ];
    let acknowledged = match &alert.acknowledged {
        Some((by, at)) => vec![Fact::new(page.t("alert-acknowledged-by"), by, ""), time("alert-acknowledged-at", *at)],
        None => Vec::new(),
    };
    Show {
        crumbs: vec![Crumb::link("/alerts", page.t("nav-alerts")), Crumb::here(page.t("alert-one"))],
        meaning: page.word("alert-meaning", alert.rule),
        why: why(&page, &alert),
        severity: page.word("severity", alert.severity),
        severity_tone: severity_tone(alert.severity),
        state: page.word("alert-state", alert.state),
        tone: state_tone(alert.state),
        page: page.at(format!("/alerts/{}", alert.id)),
        rule,
        facts,
        acknowledged,
        form,
        alert,
    }
}

/// `GET /alerts/{id}`
pub async fn show(app: Data<App>, me: SignedIn, page: Page, id: Path<String>) -> Result<HttpResponse, Fault> {
    let alert = alerts::load(&app, &me.caller, &id).await?;
    ok(show_of(page, FormState::new("alert"), alert))
}

/// `POST /alerts/{id}/acknowledgements`
pub async fn acknowledge(app: Data<App>, me: SignedIn, page: Page, posted: Posted, id: Path<String>) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    let version = posted.get("version").parse().unwrap_or(-1);
    match alerts::acknowledge(&app, &me.caller, &id, version, posted.get("note")).await {
        Ok(_) => {
            me.flash(Tone::Ok, page.t("alert-said-acknowledged")).await;
            Ok(see_other(format!("/alerts/{id}")))
        }
        Err(error) => {
            let mut form = FormState::from_posted("alert", &posted);
            form.refuse_all(error)?;
            let status = form.status();
            let alert = alerts::load(&app, &me.caller, &id).await?;
            html(status, show_of(page, form, alert))
        }
    }
}
