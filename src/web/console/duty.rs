//! `/duty`: 值班表, who may order a recall before its review and when; `/duty/uses`: the report of every use, and what a refused one leaves.

use std::collections::BTreeMap;

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path, Query},
};
use askama::Template;

use super::{
    recalls::{self, index::Row},
    reports::local_time,
};
use crate::{
    app::{
        App, AppError, Turn,
        duty::{
            self, Shift,
            uses::{self, Bar, Lift, Use, Word},
        },
        step_up,
    },
    domain::recall::ratification::Verdict,
    web::{
        Fault, FormState, Page, Posted, SignedIn, Tone, html, once,
        page::Html,
        see_other,
        view::{Choice, Crumb},
    },
};

/// An entry of the roster.
struct ShiftRow {
    id: String,
    who: String,
    from: Html,
    until: Html,
    added_by: String,
    tone: Tone,
    state: String,
    /// It can still be ended.
    stands: bool,
}

#[derive(Template)]
#[template(path = "duty/index.html")]
struct Index {
    page: Page,
    crumbs: Vec<Crumb>,
    form: FormState,
    end: FormState,
    /// The reader is on duty: until when.
    mine: String,
    barred: bool,
    open: bool,
    may_manage: bool,
    shifts: Vec<ShiftRow>,
    past: Vec<ShiftRow>,
    gaps: Vec<String>,
    candidates: Vec<Choice>,
    cases: Vec<Row>,
}

fn shift_row(page: &Page, shift: &Shift, over: bool) -> ShiftRow {
    let (tone, state) = match (&shift.ended, over) {
        (Some((by, at)), _) => (Tone::Mute, page.a2("duty-ended-by", "who", by, "at", page.tr.time(*at))),
        (None, true) => (Tone::Mute, page.t("duty-past")),
        (None, false) if shift.unfit => (Tone::Bad, page.t("duty-unfit")),
        (None, false) if shift.from <= page.now => (Tone::Ok, page.t("duty-now")),
        (None, false) => (Tone::Info, page.t("duty-coming")),
    };
    ShiftRow {
        id: shift.id.clone(),
        who: shift.who.clone(),
        from: page.time(shift.from),
        until: page.time(shift.until),
        added_by: shift.added_by.clone(),
        tone,
        state,
        stands: !over,
    }
}

async fn render(app: &App, me: &SignedIn, page: Page, form: FormState, end: FormState, status: StatusCode) -> Result<HttpResponse, Fault> {
    let found = duty::roster(app, &me.caller).await?;
    let form = if form.ok() && form.value("from").is_empty() {
        form.with("from", format!("{}T{}", page.tr.iso_date(page.now), page.tr.clock(page.now)))
    } else {
        form
    };
    let index = Index {
        crumbs: vec![Crumb::link("/policies", page.t("nav-policies")), Crumb::here(page.t("duty-title"))],
        mine: found.mine.map(|until| page.tr.time(until)).unwrap_or_default(),
        barred: found.barred,
        open: found.open,
        may_manage: page.can("role.manage"),
        shifts: found.shifts.iter().map(|s| shift_row(&page, s, false)).collect(),
        past: found.past.iter().map(|s| shift_row(&page, s, true)).collect(),
        gaps: found.gaps.iter().map(|(from, until)| page.a2("duty-gap", "from", page.tr.time(*from), "until", page.tr.time(*until))).collect(),
        candidates: found.candidates.iter().map(|(id, name)| Choice::new(id.as_str(), name.as_str())).collect(),
        cases: found.cases.iter().map(|line| Row::of(&page, line)).collect(),
        page: page.at("/duty"),
        form,
        end,
    };
    html(status, index)
}

fn form_of() -> FormState {
    FormState::new("duty")
}

/// `GET /duty`
pub async fn index(app: Data<App>, me: SignedIn, page: Page) -> Result<HttpResponse, Fault> {
    render(&app, &me, page, form_of(), FormState::new("duty-end").ids("end"), StatusCode::OK).await
}

/// `POST /duty`
pub async fn create(app: Data<App>, me: SignedIn, page: Page, req: HttpRequest, posted: Posted) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    let text = |field: &str| posted.get(field).to_owned();
    let new = duty::Typed {
        user: text("user"),
        from: local_time(&page.tr, posted.get("from")),
        until: local_time(&page.tr, posted.get("until")),
        totp: text(step_up::FIELD),
    };
    let (app_, caller) = (app.clone(), me.caller.clone());
    let make = async |id: String| {
        duty::assign(&app_, &caller, new, id).await?;
        Ok("/duty".to_owned())
    };
    match once::form(&app, &me, &req, &posted, make).await? {
        Ok(location) => {
            me.flash(Tone::Ok, page.t("duty-said-assigned")).await;
            Ok(see_other(location))
        }
        Err(error) => {
            let mut form = FormState::from_posted("duty", &posted);
            form.refuse_all(error)?;
            let status = form.status();
            render(&app, &me, page, form, FormState::new("duty-end").ids("end"), status).await
        }
    }
}

/// `POST /duty/{id}/endings`
pub async fn end(app: Data<App>, me: SignedIn, page: Page, posted: Posted, id: Path<String>) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    match duty::end(&app, &me.caller, &id).await {
        Ok(_) => {
            me.flash(Tone::Ok, page.t("duty-said-ended")).await;
            Ok(see_other("/duty"))
        }
        Err(error @ (AppError::NotFound | AppError::Forbidden(_))) => Err(error.into()),
        Err(error) => {
            let mut form = FormState::new("duty-end").ids("end");
            form.refuse_all(error)?;
            let status = form.status();
            render(&app, &me, page, form_of(), form, status).await
        }
    }
}

/// A use in the report.
struct UseRow {
    id: String,
    href: String,
    number: String,
    state: (Tone, String),
    ratification: (Tone, String),
    class: String,
    officer: String,
    at: Html,
    reason: String,
    saved: String,
    due: String,
    words: Vec<String>,
    bar: String,
    may_propose: bool,
    may_release: bool,
    version: i64,
}

#[derive(Template)]
#[template(path = "duty/uses.html")]
struct Uses {
    page: Page,
    crumbs: Vec<Crumb>,
    /// Of the row that was refused, if one was.
    form: FormState,
    of: String,
    rows: Vec<UseRow>,
    newer: Option<String>,
    older: Option<String>,
}

fn word(page: &Page, word: &Word) -> String {
    let verdict = page.t(&format!("ratification-made-{}", word.verdict));
    let what = page.a2("ratification-said", "level", page.t(&format!("level-{}", word.level)), "verdict", verdict);
    let key = if word.late { "duty-word-late" } else { "duty-word" };
    page.a(key, &[("who", word.who.clone()), ("what", what), ("at", page.tr.time(word.at))])
}

fn use_row(page: &Page, found: &Use) -> UseRow {
    let bar = match &found.bar {
        Bar::None => String::new(),
        Bar::Set => page.t("duty-bar-set"),
        Bar::Proposed(who, _, at, why) => page.a("duty-bar-proposed", &[("who", who.clone()), ("at", page.tr.time(*at)), ("why", why.clone())]),
        Bar::Lifted(who, at) => page.a2("duty-bar-lifted", "who", who, "at", page.tr.time(*at)),
    };
    let reason = match (&found.reason, found.erased) {
        (Some(reason), _) => reason.clone(),
        (None, true) => page.t("contents-erased"),
        (None, false) => page.t("duty-reason-hidden"),
    };
    let late = found.words.iter().any(|w| w.late) && found.words.iter().all(|w| w.verdict == Verdict::Ratify);
    let (tone, mut state) = recalls::first::badge(page, found.standing, found.overdue);
    if late && !found.overdue {
        state = page.a1("ratification-done-late", "state", state);
    }
    UseRow {
        id: found.id.clone(),
        // Who sees no cases is led to none.
        href: if page.can("recall.read") { format!("/recalls/{}", found.case) } else { String::new() },
        number: found.number.clone(),
        state: recalls::badge(&page.tr, found.state, None),
        ratification: (tone, state),
        class: page.word("harm-class", found.class),
        officer: found.officer.clone(),
        at: page.time(found.at),
        reason,
        saved: page.duration(found.saved),
        due: page.tr.time(found.due),
        words: found.words.iter().map(|w| word(page, w)).collect(),
        may_propose: found.bar == Bar::Set && page.can("role.manage"),
        may_release: matches!(&found.bar, Bar::Proposed(_, false, ..)) && page.can("policy.confirm"),
        bar,
        version: found.version,
    }
}

async fn uses_of(app: &App, me: &SignedIn, page: Page, turn: Turn, form: FormState, of: String, status: StatusCode) -> Result<HttpResponse, Fault> {
    let (found, (above, below)) = uses::list(app, &me.caller, turn).await?;
    let shown = Uses {
        crumbs: vec![Crumb::link("/policies", page.t("nav-policies")), Crumb::link("/duty", page.t("duty-title")), Crumb::here(page.t("duty-uses"))],
        rows: found.iter().map(|found| use_row(&page, found)).collect(),
        newer: above.map(|id| format!("/duty/uses?after={id}")),
        older: below.map(|id| format!("/duty/uses?before={id}")),
        page: page.at("/duty/uses"),
        form,
        of,
    };
    html(status, shown)
}

fn lift_form() -> FormState {
    FormState::new("release")
}

/// `GET /duty/uses`
pub async fn report(app: Data<App>, me: SignedIn, page: Page, query: Query<BTreeMap<String, String>>) -> Result<HttpResponse, Fault> {
    let get = |name: &str| query.get(name).filter(|v| !v.is_empty() && !v.contains('\0')).cloned();
    uses_of(&app, &me, page, Turn::of(get("before"), get("after")), lift_form(), String::new(), StatusCode::OK).await
}

async fn lift(app: &App, me: SignedIn, page: Page, posted: &Posted, id: &str, second: bool) -> Result<HttpResponse, Fault> {
    let me = me.with(posted);
    let lift = Lift {
        reason: posted.get("reason").to_owned(),
        totp: posted.get(step_up::FIELD).to_owned(),
        version: posted.get("version").parse().unwrap_or(-1),
    };
    let done = if second { uses::release(app, &me.caller, id, lift).await } else { uses::propose_release(app, &me.caller, id, lift).await };
    match done {
        Ok(_) => {
            me.flash(Tone::Ok, page.t(if second { "duty-said-released" } else { "duty-said-proposed" })).await;
            Ok(see_other("/duty/uses"))
        }
        Err(error @ (AppError::NotFound | AppError::Forbidden(_))) => Err(error.into()),
        Err(error) => {
            let mut form = FormState::from_posted("release", posted);
            form.refuse_all(error)?;
            let status = form.status();
            uses_of(app, &me, page, Turn::First, form, id.to_owned(), status).await
        }
    }
}

/// `POST /duty/uses/{id}/releases`
pub async fn propose_release(app: Data<App>, me: SignedIn, page: Page, posted: Posted, id: Path<String>) -> Result<HttpResponse, Fault> {
    lift(&app, me, page, &posted, &id, false).await
}

/// `POST /duty/uses/{id}/releases/confirmations`
pub async fn release(app: Data<App>, me: SignedIn, page: Page, posted: Posted, id: Path<String>) -> Result<HttpResponse, Fault> {
    lift(&app, me, page, &posted, &id, true).await
}
