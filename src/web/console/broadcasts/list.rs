//! `GET /broadcasts`: the list with its filters, newest first.

use actix_web::{
    HttpResponse,
    web::{Data, Query},
};
use askama::Template;

use super::{
    super::{
        lists::{Refused, Views, given},
        recalls::index::count_of,
    },
    badge, left, turn, untitled,
};
use crate::{
    app::{
        App,
        broadcasts::view::{self, Filter, Line, Wanted},
        listed, people,
        views::Fields,
    },
    domain::platform::Platform,
    i18n::Tr,
    web::{
        Fault, Html, Page, SignedIn, Tone, ok,
        view::{Chip, Choice},
    },
};

/// The filters of the list, as the address has them.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    from: String,
    to: String,
    platform: String,
    state: String,
    department: String,
    sender: String,
    q: String,
    before: String,
    after: String,
}

impl Asked {
    /// What an address says.
    pub(in crate::web::console) fn of(query: &Fields) -> Self {
        let get = |name: &str| given(query, name).unwrap_or_default().to_owned();
        Self {
            from: get("from"),
            to: get("to"),
            platform: get("platform"),
            state: get("state"),
            department: get("department"),
            sender: get("sender"),
            q: get("q"),
            before: get("before"),
            after: get("after"),
        }
    }

    /// What is asked of the use case.
    pub(in crate::web::console) fn wanted(&self, tr: &Tr) -> Wanted {
        let word = |w: &str| (!w.is_empty()).then(|| w.to_owned());
        Wanted {
            filter: Filter {
                from: tr.start_of_day(&self.from).map(|at| at.0),
                until: tr.end_of_day(&self.to).map(|at| at.0 + 1),
                platform: word(&self.platform),
                state: word(&self.state),
                departments: None,
                sender: word(&self.sender),
            },
            department: word(&self.department),
            keyword: word(&self.q),
        }
    }

    /// The list's address with one filter changed.
    fn href(&self, name: &str, value: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let all = [
            ("from", &self.from),
            ("to", &self.to),
            ("platform", &self.platform),
            ("state", &self.state),
            ("department", &self.department),
            ("sender", &self.sender),
            ("q", &self.q),
        ];
        for (key, old) in all {
            let new = if key == name { value } else { old };
            if !new.is_empty() {
                query.append_pair(key, new);
            }
        }
        if matches!(name, "before" | "after") && !value.is_empty() {
            query.append_pair(name, value);
        }
        let query = query.finish();
        if query.is_empty() { "/broadcasts".to_owned() } else { format!("/broadcasts?{query}") }
    }

    fn chips(&self, tr: &Tr, departments: &[(String, String)]) -> Vec<Chip> {
        let mut chips = Vec::new();
        let mut chip = |name: &str, label: &str, value: String| {
            if !value.is_empty() {
                chips.push(Chip { label: tr.pair(&tr.t(label), &value), href: self.href(name, "") });
            }
        };
        chip("from", "broadcasts-from", self.from.clone());
        chip("to", "broadcasts-to", self.to.clone());
        chip("platform", "broadcasts-platform", Platform::parse(&self.platform).map(|p| tr.word("platform", p)).unwrap_or_default());
        chip("state", "broadcasts-state", if self.state.is_empty() { String::new() } else { tr.word("broadcast-state", &self.state) });
        let department = departments.iter().find(|(id, _)| *id == self.department).map(|(_, name)| name.clone());
        chip("department", "recall-department", department.unwrap_or_else(|| self.department.clone()));
        chip("sender", "column-sender", if self.sender.is_empty() { String::new() } else { tr.t("recall-filter-requester") });
        chip("q", "broadcasts-keyword", self.q.clone());
        chips
    }
}

#[derive(Template)]
#[template(path = "broadcasts/list.html")]
pub(in crate::web::console) struct List {
    page: Page,
    views: Views,
    asked: Asked,
    lines: Vec<Line>,
    chips: Vec<Chip>,
    previous: Option<String>,
    next: Option<String>,
    /// How far a search has come that has more to look through.
    looked: Option<String>,
    platforms: Vec<Choice>,
    states: Vec<Choice>,
    departments: Vec<Choice>,
    count: String,
}

impl List {
    fn badge(&self, line: &Line) -> (Tone, String) {
        badge(&self.page.tr, &line.broadcast.state, line.case.as_ref().map(|c| c.2.as_str()))
    }

    fn untitled(&self, line: &Line) -> String {
        untitled(&self.page, &line.broadcast)
    }

    /// What is left of the window; words where there is none.
    fn left(&self, line: &Line) -> Html {
        left(&self.page, &line.broadcast)
    }
}

/// Shows the list.
pub async fn index(app: Data<App>, who: SignedIn, page: Page, query: Query<Fields>) -> Result<HttpResponse, Fault> {
    ok(list_of(&app, &who, page, &query, Refused::default()).await?)
}

/// The list as `query` narrows it; `refused` are the forms over it.
pub(in crate::web::console) async fn list_of(app: &App, who: &SignedIn, page: Page, query: &Fields, refused: Refused) -> Result<List, Fault> {
    let asked = Asked::of(query);
    let turn = turn(&asked.before, &asked.after);
    let key = if turn.is_up() { "broadcasts-looked-up" } else { "broadcasts-looked-down" };
    let departments = people::departments(app, &who.caller).await?;
    let found = view::list(app, &who.caller, asked.wanted(&page.tr), turn).await?;
    let states = ["sending", "sent", "partly_sent", "failed"];
    Ok(List {
        views: Views::of(app, who, listed::List::Broadcasts, query, refused, !found.lines.is_empty()).await?,
        chips: asked.chips(&page.tr, &departments),
        departments: departments.into_iter().map(|(id, name)| Choice::new(id, name)).collect(),
        count: count_of(&page, found.count, "broadcasts", found.lines.len()),
        looked: found.looked_to.map(|at| page.a1(key, "at", page.tr.time(at))),
        previous: found.above.map(|id| asked.href("after", &id)),
        next: found.below.map(|id| asked.href("before", &id)),
        platforms: Platform::ALL.iter().map(|p| Choice::new(p.as_str(), page.word("platform", p))).collect(),
        states: states.iter().map(|s| Choice::new(*s, page.word("broadcast-state", s))).collect(),
        lines: found.lines,
        asked,
        page,
    })
}
