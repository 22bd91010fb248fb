//! `GET /recalls`: all cases that this person may know of, with filters, newest first.

use std::collections::BTreeMap;

use actix_web::{
    HttpResponse,
    web::{Data, Query},
};
use askama::Template;

use super::badge;
use crate::{
    app::{
        App, Turn,
        recalls::list::{self, Line},
    },
    domain::{platform::HarmClass, recall::State},
    web::{
        Fault, FormState, Page, SignedIn, ok,
        page::Html,
        view::{Chip, Choice, Crumb},
        visit::Tone,
    },
};

/// One row, finished.
pub struct Row {
    pub href: String,
    pub number: String,
    pub title: String,
    pub tone: Tone,
    pub state: String,
    pub class: String,
    pub requester: String,
    pub recipients: String,
    pub submitted: Html,
    /// Empty where nothing runs out any more.
    pub left: Html,
    /// Whether something does.
    pub runs: bool,
}

impl Row {
    pub fn of(page: &Page, line: &Line) -> Self {
        let (tone, state) = badge(&page.tr, line.state, line.level);
        let left = line.cut_off.filter(|_| !line.state.is_terminal() && line.state != State::Executing);
        Self {
            href: format!("/recalls/{}", line.id),
            number: line.number.clone(),
            title: line.title.clone().unwrap_or_else(|| line.number.clone()),
            tone,
            state,
            class: page.word("harm-class", line.class),
            requester: line.requester.clone(),
            recipients: page.n("people-count", line.recipients),
            submitted: page.time(line.submitted_at),
            runs: left.is_some(),
            left: left.map_or_else(|| Html::trusted(String::new()), |at| page.countdown(at)),
        }
    }
}

#[derive(Template)]
#[template(path = "recalls/index.html")]
struct Index {
    page: Page,
    crumbs: Vec<Crumb>,
    form: FormState,
    states: Vec<Choice>,
    classes: Vec<Choice>,
    chips: Vec<Chip>,
    rows: Vec<Row>,
    count: String,
    previous: Option<String>,
    next: Option<String>,
    filtered: bool,
}

/// Shows the list.
pub async fn index(app: Data<App>, me: SignedIn, page: Page, query: Query<BTreeMap<String, String>>) -> Result<HttpResponse, Fault> {
    let get = |name: &str| query.get(name).map(String::as_str).filter(|v| !v.trim().is_empty() && !v.contains('\0'));
    let mut form = FormState::new("recall-filter");
    for name in ["state", "class", "from", "until", "number"] {
        form = form.with(name, get(name).unwrap_or_default());
    }
    let filter = list_filter(&page, &get);
    let turn = Turn::of(get("before").map(ToOwned::to_owned), get("after").map(ToOwned::to_owned));
    let found = list::list(&app, &me.caller, filter, turn).await?;
    let rows: Vec<Row> = found.lines.iter().map(|l| Row::of(&page, l)).collect();
    let previous = found.above.map(|id| address(&query, None, Some(("after", &id))));
    let next = found.below.map(|id| address(&query, None, Some(("before", &id))));
    let labels = |name: &str, value: &str| match name {
        "state" => page.word("recall-state", value),
        "class" => page.word("harm-class", value),
        "from" => page.a1("recall-filter-from", "day", value),
        "until" => page.a1("recall-filter-until", "day", value),
        _ => page.a1("recall-filter-number", "number", value),
    };
    let chips: Vec<Chip> = ["state", "class", "from", "until", "number"]
        .iter()
        .filter_map(|name| get(name).map(|value| Chip { label: labels(name, value), href: address(&query, Some(name), None) }))
        .collect();
    ok(Index {
        crumbs: vec![Crumb::here(page.t("nav-recalls"))],
        states: State::ALL.iter().filter(|s| **s != State::Superseded).map(|s| Choice::new(s.as_str(), page.word("recall-state", s))).collect(),
        classes: HarmClass::ALL.iter().map(|c| Choice::new(c.as_str(), page.word("harm-class", c))).collect(),
        count: page.n("recall-count", rows.len()),
        filtered: !chips.is_empty(),
        chips,
        rows,
        previous,
        next,
        form,
        page,
    })
}

fn list_filter<'a>(page: &Page, get: &impl Fn(&str) -> Option<&'a str>) -> list::Wanted {
    let day = |name: &str| get(name).and_then(|d| page.start_of_day(d));
    let after = |at: crate::clock::Instant| at.plus(std::time::Duration::from_secs(24 * 3600));
    list::Wanted {
        state: get("state").and_then(State::parse),
        class: get("class").and_then(HarmClass::parse),
        from: day("from"),
        until: day("until").map(after),
        number: get("number").map(|n| n.trim().to_uppercase()),
    }
}

/// This list's address without one filter, or at another place.
fn address(query: &BTreeMap<String, String>, without: Option<&str>, place: Option<(&str, &str)>) -> String {
    let mut out = url::form_urlencoded::Serializer::new(String::new());
    let places = ["before", "after", "lang"];
    for (name, value) in query.iter().filter(|(n, v)| Some(n.as_str()) != without && !places.contains(&n.as_str()) && !v.is_empty()) {
        out.append_pair(name, value);
    }
    if let Some((name, key)) = place {
        out.append_pair(name, key);
    }
    let query = out.finish();
    if query.is_empty() { "/recalls".to_owned() } else { format!("/recalls?{query}") }
}
