//! One stream: where it stands, what it takes, and the forms that change it.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use askama::Template;

use super::{Choices, choices, lag, problem, tone, typed};
use crate::{
    app::{
        App,
        streams::{self, Stream, change as changing},
    },
    web::{
        Fault, FormState, Page, Posted, SignedIn, Tone, html, ok, once, see_other,
        view::{Choice, Crumb, Fact},
    },
};

/// The forms of the page; one of them may have been refused.
#[derive(Default)]
pub(super) struct Forms {
    pub change: Option<FormState>,
    pub resume: Option<FormState>,
    pub rotate: Option<FormState>,
    pub cursor: Option<FormState>,
    pub remove: Option<FormState>,
}

#[derive(Template)]
#[template(path = "streams/show.html")]
pub(super) struct Show {
    page: Page,
    crumbs: Vec<Crumb>,
    form: FormState,
    resume: FormState,
    rotate: FormState,
    cursor: FormState,
    remove: FormState,
    /// The form that was refused.
    told: FormState,
    stream: Stream,
    state: String,
    tone: Tone,
    kind: String,
    problem: String,
    /// The receiver asked for nothing more.
    gone: bool,
    standing: Vec<Fact>,
    takes: Vec<Fact>,
    formats: Vec<Choice>,
    outcomes: Vec<Choice>,
    fields: Vec<Choice>,
}

fn standing(page: &Page, s: &Stream) -> Vec<Fact> {
    let fact = |key: &str, value: String| Fact::new(page.t(key), value, "");
    let never = || page.t("stream-never");
    let since = s.lag_since.map(|at| page.a1("stream-lag-since", "time", page.tr.time_full(at))).unwrap_or_default();
    let mut facts = vec![
        Fact::new(page.t("stream-lag"), lag(page, s), since),
        fact("stream-next", page.num(s.next)),
        fact("stream-delivered", s.delivered_at.map_or_else(never, |at| page.tr.time_full(at))),
    ];
    if let Some(why) = &s.problem {
        facts.push(fact("stream-error", problem(page, why)));
        facts.push(fact("stream-tried", s.tried_at.map_or_else(never, |at| page.tr.time_full(at))));
        facts.push(fact("stream-failures", page.n("stream-failures-n", u64::try_from(s.failures).unwrap_or(0))));
    }
    facts.extend(s.stuck_at.map(|at| fact("stream-stuck-since", page.tr.time_full(at))));
    facts.push(fact("stream-created", page.tr.time_full(s.created_at)));
    facts
}

fn takes(page: &Page, s: &Stream) -> Vec<Fact> {
    let filter = &s.settings.filter;
    let fact = |key: &str, value: String| Fact::new(page.t(key), value, "");
    let list = |words: Vec<String>| words.join(&page.t("stream-and"));
    let mut facts = vec![fact("field-stream-format", page.word("stream-format", s.settings.format))];
    if !filter.actions.is_empty() {
        facts.push(fact("stream-takes-actions", filter.written_actions()));
    }
    if !filter.outcomes.is_empty() {
        facts.push(fact("stream-takes-outcomes", list(filter.outcomes.iter().map(|o| page.word("outcome", o)).collect())));
    }
    if !filter.cases.is_empty() {
        facts.push(fact("stream-takes-cases", page.n("stream-takes-cases-n", filter.cases.len())));
    }
    if filter.actions.is_empty() && filter.outcomes.is_empty() && filter.cases.is_empty() {
        facts.push(fact("stream-takes", page.t("stream-takes-all")));
    }
    let kept: Vec<String> = s.settings.leave_out.iter().map(|f| page.word("stream-field", f)).collect();
    facts.push(fact("stream-keeps", if kept.is_empty() { page.t("stream-keeps-none") } else { list(kept) }));
    facts
}

/// The form with what the stream is now.
fn filled(s: &Stream) -> FormState {
    let mut form = FormState::new("stream")
        .with("name", &s.name)
        .with("destination", &s.settings.destination)
        .with("format", s.settings.format.as_str())
        .with("actions", s.settings.filter.written_actions())
        .with("cases", s.settings.filter.cases.join(", "))
        .with("ca", &s.settings.ca)
        .with("certificate", &s.settings.certificate);
    for outcome in &s.settings.filter.outcomes {
        form = form.with("outcomes", outcome.as_str());
    }
    for field in &s.settings.leave_out {
        form = form.with("leave_out", field.as_str());
    }
    form
}

pub(super) fn show_of(page: Page, stream: Stream, forms: Forms) -> Show {
    let Choices { formats, outcomes, fields } = choices(&page);
    let told = [&forms.change, &forms.resume, &forms.rotate, &forms.cursor, &forms.remove].into_iter().flatten().next().cloned();
    let empty = |prefix: &'static str| FormState::new("stream").ids(prefix);
    Show {
        crumbs: vec![Crumb::link("/streams", page.t("nav-streams")), Crumb::here(&stream.name)],
        told: told.unwrap_or_default(),
        form: forms.change.unwrap_or_else(|| filled(&stream)),
        resume: forms.resume.unwrap_or_else(|| empty("res")),
        rotate: forms.rotate.unwrap_or_else(|| empty("rot")),
        cursor: forms.cursor.unwrap_or_else(|| empty("cur")),
        remove: forms.remove.unwrap_or_else(|| empty("rem")),
        state: page.word("stream-state", stream.state()),
        tone: tone(&stream),
        kind: page.word("stream-kind", stream.kind),
        problem: stream.problem.as_ref().map(|p| problem(&page, p)).unwrap_or_default(),
        gone: !stream.running && stream.problem.as_ref().is_some_and(|(word, _)| word == "gone"),
        standing: standing(&page, &stream),
        takes: takes(&page, &stream),
        formats,
        outcomes,
        fields,
        page: page.at(format!("/streams/{}", stream.id)),
        stream,
    }
}

/// `GET /streams/{id}`
pub async fn show(app: Data<App>, me: SignedIn, page: Page, id: Path<String>) -> Result<HttpResponse, Fault> {
    let stream = streams::load(&app, &me.caller, &id).await?;
    ok(show_of(page, stream, Forms::default()))
}

/// The page again with a form that was refused.
pub(super) async fn again(app: &App, me: &SignedIn, page: Page, id: &str, status: StatusCode, forms: Forms) -> Result<HttpResponse, Fault> {
    let stream = streams::load(app, &me.caller, id).await?;
    html(status, show_of(page, stream, forms))
}

/// `POST /streams/{id}`
pub async fn change(app: Data<App>, me: SignedIn, page: Page, id: Path<String>, req: HttpRequest, posted: Posted) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    let mut form = FormState::from_posted("stream", &posted);
    if !form.ok() {
        once::turned_away(&req, "invalid");
        return again(&app, &me, page, &id, StatusCode::UNPROCESSABLE_ENTITY, Forms { change: Some(form), ..Forms::default() }).await;
    }
    let version = posted.get("version").parse().unwrap_or(-1);
    match changing::change(&app, &me.caller, &id, version, typed(&posted)).await {
        Ok(_) => {
            me.flash(Tone::Ok, page.t("stream-changed")).await;
            Ok(see_other(format!("/streams/{id}")))
        }
        Err(error) => {
            form.refuse_all(error)?;
            let status = form.status();
            again(&app, &me, page, &id, status, Forms { change: Some(form), ..Forms::default() }).await
        }
    }
}
