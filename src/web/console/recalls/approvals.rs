//! `GET /approvals`: what waits for me, least time left first, with filters.

use actix_web::{
    HttpResponse,
    web::{Data, Query},
};
use askama::Template;

use super::{
    super::lists::{Refused, Views, address, given},
    index::Row,
};
use crate::{
    app::{
        App, Turn,
        listed::List,
        recalls::{
            list::{Line, PAGE},
            queue::{self, KEYWORD_DEPTH, Narrow, Task, Urgency},
        },
        views::Fields,
    },
    domain::platform::{HarmClass, Platform},
    web::{
        Fault, FormState, Page, SignedIn, ok,
        page::Html,
        view::{Chip, Choice, Crumb},
    },
};

/// A case that waits, with what is to be done.
pub struct Item {
    pub row: Row,
    pub task: String,
    /// When the open level is due; empty for other tasks.
    pub due: Html,
    pub has_due: bool,
    /// Whether that time is over; the level can still be decided while the window is open.
    pub late: bool,
    pub high: bool,
}

#[derive(Template)]
#[template(path = "approvals/index.html")]
pub(in crate::web::console) struct Index {
    page: Page,
    views: Views,
    crumbs: Vec<Crumb>,
    form: FormState,
    tasks: Vec<Choice>,
    urgencies: Vec<Choice>,
    classes: Vec<Choice>,
    platforms: Vec<Choice>,
    chips: Vec<Chip>,
    items: Vec<Item>,
    /// How many were found, and how many wait in all.
    count: String,
    all: String,
    /// Nothing waits, whatever is asked for.
    idle: bool,
    previous: Option<String>,
    next: Option<String>,
    /// How far a word was looked for, if there is more.
    looked: Option<String>,
}

/// Shows the work list.
pub async fn index(app: Data<App>, me: SignedIn, page: Page, query: Query<Fields>) -> Result<HttpResponse, Fault> {
    ok(list_of(&app, &me, page, &query, Refused::default()).await?)
}

/// The work list as `query` narrows it; `save` is the form of a view that was refused.
pub(in crate::web::console) async fn list_of(app: &App, me: &SignedIn, page: Page, query: &Fields, refused: Refused) -> Result<Index, Fault> {
    let get = |name: &str| given(query, name);
    let narrow = Narrow {
        task: get("task").and_then(Task::parse),
        urgency: get("left").and_then(Urgency::parse),
        class: get("class").and_then(HarmClass::parse),
        platform: get("platform").and_then(Platform::parse),
        keyword: get("q").map(ToOwned::to_owned),
    };
    let here = |without: Option<&str>, place: Option<(&str, &str)>| address(List::Approvals, query, without, place);
    let (mut form, mut chips) = (FormState::new("approvals-filter"), Vec::new());
    for name in List::Approvals.fields() {
        let Some(value) = get(name) else { continue };
        form = form.with(name, value);
        let label = match *name {
            "task" => narrow.task.map(|task| task_word(&page, task)),
            "left" => narrow.urgency.map(|urgency| page.word("approvals-left", urgency)),
            "class" => narrow.class.map(|class| page.word("harm-class", class)),
            "platform" => narrow.platform.map(|platform| page.word("platform", platform)),
            _ => Some(page.pair(&page.t("recall-keyword"), value)),
        };
        chips.extend(label.map(|label| Chip { label, href: here(Some(name), None) }));
    }
    let turn = Turn::of(get("before").map(ToOwned::to_owned), get("after").map(ToOwned::to_owned));
    let found = queue::page(app, &me.caller, narrow, turn, PAGE).await?;
    Ok(Index {
        views: Views::of(app, me, List::Approvals, query, refused, false).await?,
        crumbs: vec![Crumb::here(page.t("nav-approvals"))],
        items: items(&page, &found.lines),
        tasks: Task::ALL.iter().map(|task| Choice::new(task.as_str(), task_word(&page, *task))).collect(),
        urgencies: Urgency::ALL.iter().map(|urgency| Choice::new(urgency.as_str(), page.word("approvals-left", urgency))).collect(),
        classes: HarmClass::ALL.iter().map(|class| Choice::new(class.as_str(), page.word("harm-class", class))).collect(),
        platforms: Platform::ALL.iter().map(|platform| Choice::new(platform.as_str(), page.word("platform", platform))).collect(),
        count: page.n("recall-total", found.found),
        all: page.n("approvals-count", found.all),
        idle: found.all == 0,
        previous: found.above.map(|key| here(None, Some(("after", &key)))),
        next: found.below.map(|key| here(None, Some(("before", &key)))),
        looked: found.cut.then(|| page.n("approvals-looked", KEYWORD_DEPTH)),
        chips,
        form,
        page,
    })
}

/// What waits, finished.
pub fn items(page: &Page, waiting: &[(Task, Line)]) -> Vec<Item> {
    waiting
        .iter()
        .map(|(task, line)| {
            let mut row = Row::of(page, line);
            row.href.push_str(match task {
                Task::Decide(_) => "#decision",
                Task::Ratify(_) => "#ratification",
                _ => "",
            });
            // What is owed after a recall that came first has a time of its own.
            let due = match (task, &line.first) {
                (Task::Decide(_), _) => line.due,
                (Task::Ratify(_), Some((_, due))) => Some(*due),
                _ => None,
            };
            Item {
                task: match &line.behalf {
                    Some(name) => page.a2("task-behalf", "task", task_word(page, *task), "name", name),
                    None => task_word(page, *task),
                },
                late: due.is_some_and(|due| due < page.now),
                has_due: due.is_some(),
                due: due.map_or_else(|| Html::trusted(String::new()), |due| page.time(due)),
                high: line.class == HarmClass::Leak,
                row,
            }
        })
        .collect()
}

/// What somebody is to do with a case.
fn task_word(page: &Page, task: Task) -> String {
    match task {
        Task::Decide(level) => page.t(&format!("level-{level}")),
        Task::Confirm => page.t("recall-task-confirm"),
        Task::CarryOut => page.t("recall-task-carry-out"),
        Task::Resubmit => page.t("recall-task-resubmit"),
        Task::Answer => page.t("recall-task-answer"),
        Task::Ratify(level) => page.a1("recall-task-ratify", "level", page.t(&format!("level-{level}"))),
    }
}
