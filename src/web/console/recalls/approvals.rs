//! `GET /approvals`: what waits for me, least time left first.

use actix_web::{HttpResponse, web::Data};
use askama::Template;

use super::index::Row;
use crate::{
    app::{
        App,
        recalls::list::{self, Line, Task},
    },
    web::{Fault, Page, SignedIn, ok, page::Html, view::Crumb},
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
struct Index {
    page: Page,
    crumbs: Vec<Crumb>,
    items: Vec<Item>,
}

/// Shows the work list.
pub async fn index(app: Data<App>, me: SignedIn, page: Page) -> Result<HttpResponse, Fault> {
    let items = items(&page, &list::waiting(&app, &me.caller).await?);
    ok(Index { crumbs: vec![Crumb::here(page.t("nav-approvals"))], items, page })
}

/// What waits, finished.
pub fn items(page: &Page, waiting: &[(Task, Line)]) -> Vec<Item> {
    waiting
        .iter()
        .map(|(task, line)| {
            let mut row = Row::of(page, line);
            row.href.push_str(if matches!(task, Task::Decide(_)) { "#decision" } else { "" });
            Item {
                task: task_word(page, *task),
                due: match (task, line.due) {
                    (Task::Decide(_), Some(due)) => page.time(due),
                    _ => Html::trusted(String::new()),
                },
                late: matches!((task, line.due), (Task::Decide(_), Some(due)) if due < page.now),
                has_due: matches!((task, line.due), (Task::Decide(_), Some(_))),
                high: line.class == crate::domain::platform::HarmClass::Leak,
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
    }
}
