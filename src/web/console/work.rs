//! The queue of jobs by kind, the failed ones with the way to try them again, and the last backup, for administrators.

use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use askama::Template;

use super::sessions::refuse;
use crate::{
    app::{
        App,
        work::{self, Failed, Last, OfKind},
    },
    clock::Instant,
    web::{
        Fault, FormState, Page, Posted, SignedIn, Tone, html, ok, see_other,
        view::{Crumb, Fact},
    },
};

const HERE: &str = "/settings/jobs";

/// The jobs of one kind.
struct Line {
    kind: String,
    waiting: i64,
    running: i64,
    failed: i64,
    oldest: Option<Instant>,
    next: Option<Instant>,
}

/// A job that failed.
struct Trouble {
    id: String,
    kind: String,
    attempts: i64,
    made: Instant,
    next: Instant,
    why: String,
}

#[derive(Template)]
#[template(path = "settings/jobs.html")]
struct Index {
    page: Page,
    crumbs: Vec<Crumb>,
    lines: Vec<Line>,
    failed: Vec<Trouble>,
    /// More have failed than are listed.
    more: bool,
    may_retry: bool,
    form: FormState,
}

/// What a kind of job is called; a kind of another version of this program by its own word.
fn kind(page: &Page, kind: &str) -> String {
    let key = format!("job-{}", kind.replace('_', "-"));
    if page.tr.has(&key) { page.t(&key) } else { kind.to_owned() }
}

async fn index_of(app: &App, me: &SignedIn, page: Page, form: FormState) -> Result<Index, Fault> {
    let work = work::standing(app, &me.caller).await?;
    let line = |of: OfKind| Line {
        kind: kind(&page, &of.kind),
        waiting: of.waiting,
        running: of.running,
        failed: of.failed,
        oldest: of.oldest.map(Instant),
        next: of.next.map(Instant),
    };
    let trouble = |job: Failed| Trouble {
        kind: kind(&page, &job.kind),
        attempts: job.attempts,
        made: Instant(job.created_at),
        next: Instant(job.run_at),
        why: job.last_error.unwrap_or_default(),
        id: job.id,
    };
    let all: i64 = work.kinds.iter().map(|of| of.failed).sum();
    Ok(Index {
        more: all > work::LISTED,
        lines: work.kinds.into_iter().map(line).collect(),
        failed: work.failed.into_iter().map(trouble).collect(),
        may_retry: work::may_retry(&me.caller),
        crumbs: vec![Crumb::link("/settings", page.t("nav-settings")), Crumb::here(page.t("jobs-by-kind"))],
        form,
        page: page.at(HERE),
    })
}

/// `GET /settings/jobs`
pub async fn index(app: Data<App>, me: SignedIn, page: Page) -> Result<HttpResponse, Fault> {
    ok(index_of(&app, &me, page, FormState::new("jobs")).await?)
}

/// `POST /settings/jobs/{id}/retries`
pub async fn retry(app: Data<App>, me: SignedIn, page: Page, posted: Posted, id: Path<String>) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    match work::retry(&app, &me.caller, &id).await {
        Ok(_) => {
            me.flash(Tone::Ok, page.t("jobs-retried")).await;
            Ok(see_other(HERE))
        }
        Err(error) => {
            let mut form = FormState::from_posted("jobs", &posted);
            let status = refuse(&mut form, error)?;
            html(status, index_of(&app, &me, page, form).await?)
        }
    }
}

/// The last backup in the page of the system's state.
pub(super) fn backup(page: &Page, last: &Last) -> Vec<Fact> {
    let mut lines = match &last.taken {
        None => vec![Fact::new(page.t("backup-taken"), page.t("backup-none"), "")],
        Some(taken) => vec![
            Fact::new(page.t("backup-taken"), page.tr.time_full(taken.at), ""),
            Fact::new(page.t("backup-size"), crate::i18n::bytes(taken.size), ""),
            Fact::new(page.t("backup-verified"), page.t(if taken.verified { "backup-whole" } else { "backup-broken" }), ""),
        ],
    };
    if let Some(at) = last.failed {
        lines.push(Fact::new(page.t("backup-failed"), page.tr.time_full(at), page.t("backup-failed-help")));
    }
    lines
}
