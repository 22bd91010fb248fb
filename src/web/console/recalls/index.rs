//! `GET /recalls`: all cases that this person may know of, with filters, newest first.

use std::collections::BTreeSet;

use actix_web::{
    HttpResponse,
    web::{Data, Query},
};
use askama::Template;

use super::{
    super::lists::{Refused, Views, address, given},
    badge, first, reminders,
};
use crate::{
    app::{
        App, Turn,
        listed::List,
        people,
        recalls::{
            list::{self, Few, Line},
            remind,
        },
        views::Fields,
    },
    domain::{
        platform::{HarmClass, Platform},
        recall::State,
    },
    i18n::Tr,
    web::{
        Fault, FormState, Page, SignedIn, ok,
        page::Html,
        view::{Chip, Choice, Crumb},
        visit::Tone,
    },
};

/// One row, finished.
pub struct Row {
    pub id: String,
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
    /// It was recalled first: the badge of its ratification.
    pub first: Option<(Tone, String)>,
}

impl Row {
    pub fn of(page: &Page, line: &Line) -> Self {
        let (tone, state) = badge(&page.tr, line.state, line.level);
        let left = line.cut_off.filter(|_| !line.state.is_terminal() && line.state != State::Executing);
        Self {
            id: line.id.clone(),
            href: format!("/recalls/{}", line.id),
            number: line.number.clone(),
            title: line.title.clone().unwrap_or_else(|| line.number.clone()),
            tone,
            state,
            class: page.word("harm-class", line.class),
            requester: line.requester.clone(),
            recipients: page.n("people-count", line.recipients),
            submitted: page.time(line.submitted_at),
            first: line.first.map(|(standing, due)| first::badge(page, standing, due <= page.now)),
            runs: left.is_some(),
            left: left.map_or_else(|| Html::trusted(String::new()), |at| page.countdown(at)),
        }
    }
}

#[derive(Template)]
#[template(path = "recalls/index.html")]
pub(in crate::web::console) struct Index {
    page: Page,
    views: Views,
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
    platforms: Vec<Choice>,
    departments: Vec<Choice>,
    /// How far a search has come that has more to look through.
    looked: Option<String>,
    /// Cases of this page that can be ticked to be reminded of.
    remindable: BTreeSet<String>,
    remind: FormState,
    /// What goes with them.
    along: Vec<(&'static str, String)>,
}

/// Shows the list.
pub async fn index(app: Data<App>, me: SignedIn, page: Page, query: Query<Fields>) -> Result<HttpResponse, Fault> {
    ok(list_of(&app, &me, page, &query, Forms::default()).await?)
}

/// The forms beside the list, where they were refused.
#[derive(Default)]
pub struct Forms {
    /// Over the list.
    pub refused: Refused,
    /// Of reminders.
    pub remind: Option<FormState>,
}

/// The list as `query` narrows it.
pub(in crate::web::console) async fn list_of(app: &App, me: &SignedIn, page: Page, query: &Fields, forms: Forms) -> Result<Index, Fault> {
    let get = |name: &str| given(query, name);
    let mut form = FormState::new("recall-filter");
    for name in List::Recalls.fields() {
        form = form.with(name, get(name).unwrap_or_default());
    }
    let departments = people::departments(app, &me.caller).await?;
    let turn = Turn::of(get("before").map(ToOwned::to_owned), get("after").map(ToOwned::to_owned));
    let turned_up = turn.is_up();
    let found = list::list(app, &me.caller, wanted(&page, query), turn).await?;
    let rows: Vec<Row> = found.lines.iter().map(|l| Row::of(&page, l)).collect();
    let remindable = remind::remindable(app, &me.caller, &found.lines).await?;
    let previous = found.above.map(|id| address(List::Recalls, query, None, Some(("after", &id))));
    let next = found.below.map(|id| address(List::Recalls, query, None, Some(("before", &id))));
    let mut chips = Vec::new();
    for name in List::Recalls.fields() {
        let Some(value) = get(name) else { continue };
        let label = match *name {
            "state" if list::states_of(value).is_empty() => continue,
            "state" => page.word("recall-state", value),
            "class" if HarmClass::parse(value).is_none() => continue,
            "class" => page.word("harm-class", value),
            "platform" if Platform::parse(value).is_none() => continue,
            "platform" => page.word("platform", value),
            "department" => match departments.iter().find(|(id, _)| id == value) {
                Some((_, name)) => page.pair(&page.t("recall-department"), name),
                None => page.t("recall-filter-department"),
            },
            "requester" => page.t("recall-filter-requester"),
            "number" => page.a1("recall-filter-number", "number", value),
            "q" => page.pair(&page.t("recall-keyword"), value),
            day => page.a1(&format!("recall-filter-{}", day.replace('_', "-")), "day", value),
        };
        chips.push(Chip { label, href: address(List::Recalls, query, Some(name), None) });
    }
    let key = if turned_up { "recall-looked-up" } else { "recall-looked-down" };
    Ok(Index {
        views: Views::of(app, me, List::Recalls, query, forms.refused, !rows.is_empty()).await?,
        crumbs: vec![Crumb::here(page.t("nav-recalls"))],
        states: list::GROUPS
            .iter()
            .map(|(group, _)| Choice::new(*group, page.word("recall-state", group)))
            .chain(State::ALL.iter().filter(|s| **s != State::Superseded).map(|s| Choice::new(s.as_str(), page.word("recall-state", s))))
            .collect(),
        platforms: Platform::ALL.iter().map(|p| Choice::new(p.as_str(), page.word("platform", p))).collect(),
        departments: departments.into_iter().map(|(id, name)| Choice::new(id, name)).collect(),
        looked: found.looked_to.map(|at| page.a1(key, "at", page.tr.time(at))),
        classes: HarmClass::ALL.iter().map(|c| Choice::new(c.as_str(), page.word("harm-class", c))).collect(),
        count: count_of(&page, found.count, "recall", rows.len()),
        remind: forms.remind.unwrap_or_else(|| FormState::new("reminders").ids("remind")),
        along: reminders::along(query),
        remindable,
        filtered: !chips.is_empty(),
        chips,
        rows,
        previous,
        next,
        form,
        page,
    })
}

/// What an address asks of the use case.
pub fn wanted(tr: &Tr, query: &Fields) -> list::Wanted {
    let get = |name: &str| given(query, name);
    let day = |name: &str| get(name).and_then(|d| tr.start_of_day(d));
    let through = |name: &str| get(name).and_then(|d| tr.end_of_day(d)).map(|last| last.plus(std::time::Duration::from_micros(1)));
    // What looks like a number is one, whichever field it came in.
    let typed = get("q").map(str::trim);
    let numbered = typed.filter(|q| q.get(..3).is_some_and(|begin| begin.eq_ignore_ascii_case("fr-")));
    list::Wanted {
        states: get("state").map(list::states_of).unwrap_or_default(),
        class: get("class").and_then(HarmClass::parse),
        platform: get("platform").and_then(Platform::parse),
        department: get("department").map(ToOwned::to_owned),
        requester: get("requester").map(ToOwned::to_owned),
        from: day("from"),
        until: through("until"),
        ended_from: day("ended"),
        ended_until: through("ended_until"),
        number: get("number").or(numbered).map(|n| n.trim().to_uppercase()),
        keyword: typed.filter(|_| numbered.is_none()).map(ToOwned::to_owned),
    }
}

/// How many a list has, as far as they are counted; where they are not, how many the page shows. Words are `<noun>-total`, `<noun>-more` and
/// `<noun>-count`.
pub fn count_of(page: &Page, count: Option<Few>, noun: &str, shown: usize) -> String {
    match count {
        None => page.n(&format!("{noun}-count"), shown),
        Some(Few { n, more: true }) => page.n(&format!("{noun}-more"), n),
        Some(Few { n, more: false }) => page.n(&format!("{noun}-total"), n),
    }
}
