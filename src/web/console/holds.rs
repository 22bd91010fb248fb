//! `/holds`: legal holds, placed and released by two people each; who reads the trail sees them.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use askama::Template;

use crate::{
    app::{
        App, Turn,
        audit::saved,
        holds::{self, Act, Covered, Hold, NewHold},
        retention, step_up,
    },
    clock::Instant,
    domain::{event::Action, retention::HoldState},
    i18n::Tr,
    web::{
        Fault, FormState, Page, Posted, SignedIn, Tone, asked, html, ok, once,
        page::Html,
        see_other,
        view::{Choice, Crumb, Fact},
    },
};

/// A hold in the list.
struct Row {
    id: String,
    scope: String,
    state: String,
    tone: Tone,
    by: String,
    at: Html,
}

#[derive(Template)]
#[template(path = "holds/index.html")]
struct Index {
    page: Page,
    rows: Vec<Row>,
    newer: Option<String>,
    older: Option<String>,
    /// How long the trail is kept, and what is due now.
    kept: String,
    before: Html,
}

fn tone(state: HoldState) -> Tone {
    match state {
        HoldState::Proposed | HoldState::ReleaseProposed => Tone::Warn,
        HoldState::Placed => Tone::Ok,
        HoldState::Released | HoldState::Declined => Tone::Mute,
    }
}

/// What a hold covers, as label and value.
fn conditions(page: &Page, hold: &Hold) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut add = |key: &str, value: Option<String>| facts.extend(value.map(|value| Fact::new(page.t(key), value, "")));
    add("field-hold-case", hold.case.as_ref().map(|case| case.name.clone()));
    add("field-hold-person", hold.person.as_ref().map(|person| person.name.clone()));
    add("field-hold-broadcast", hold.scope.broadcast.clone());
    add("field-hold-from", hold.scope.from.map(|at| page.date(at)));
    // The end is exclusive; people say the last day.
    add("field-hold-to", hold.scope.to.map(|at| page.date(Instant(at.0 - 1))));
    add("field-hold-action", hold.scope.action.as_deref().map(|action| page.word("action", action)));
    add("field-hold-search", hold.search.as_ref().map(|search| search.name.clone()));
    facts
}

/// The same in one line.
fn scope_line(page: &Page, hold: &Hold) -> String {
    let parts: Vec<String> = conditions(page, hold).iter().map(|f| page.a2("hold-condition", "label", &f.label, "value", &f.value)).collect();
    parts.join(&page.t("hold-and"))
}

/// `GET /holds`
pub async fn index(app: Data<App>, me: SignedIn, page: Page, req: HttpRequest) -> Result<HttpResponse, Fault> {
    let (found, (above, below)) = holds::list(&app, &me.caller, Turn::of(asked(&req, "before"), asked(&req, "after"))).await?;
    let row = |hold: &Hold| Row {
        id: hold.id.clone(),
        scope: scope_line(&page, hold),
        state: page.word("hold-state", hold.state),
        tone: tone(hold.state),
        by: hold.proposed.0.name.clone(),
        at: page.time(hold.proposed.1),
    };
    ok(Index {
        rows: found.iter().map(row).collect(),
        newer: above.map(|id| format!("/holds?after={id}")),
        older: below.map(|id| format!("/holds?before={id}")),
        kept: page.n("audit-kept", u64::from(retention::periods(&app).shortest())),
        before: page.time_noted(retention::cuts(&app).latest()),
        page,
    })
}

#[derive(Template)]
#[template(path = "holds/new.html")]
struct New {
    page: Page,
    crumbs: Vec<Crumb>,
    form: FormState,
    actions: Vec<Choice>,
    searches: Vec<Choice>,
}

async fn new_of(app: &App, me: &SignedIn, page: Page, form: FormState) -> Result<New, Fault> {
    let saved = saved::list(app, &me.caller).await?;
    let choice = |s: saved::Saved| {
        let (_, told) = super::audit::told(&page, &s.query);
        let told: Vec<String> = told.iter().map(|(label, value)| page.a2("hold-condition", "label", label, "value", value)).collect();
        Choice::new(s.id, page.a2("hold-search-choice", "name", s.name, "told", told.join(&page.t("hold-and"))))
    };
    Ok(New {
        searches: saved.into_iter().map(choice).collect(),
        crumbs: vec![Crumb::link("/holds", page.t("nav-holds")), Crumb::here(page.t("hold-new"))],
        actions: Action::ALL.iter().map(|a| Choice::new(a.as_str(), page.word("action", a.as_str()))).collect(),
        page: page.at("/holds/new"),
        form,
    })
}

/// `GET /holds/new`, with `case`, `person`, `broadcast` or `search` filled in where the address says so.
pub async fn new(app: Data<App>, me: SignedIn, page: Page, req: HttpRequest) -> Result<HttpResponse, Fault> {
    // Who may not place holds learns it here and not after typing.
    holds::may_manage(&app, &me.caller).await?;
    let mut form = FormState::new("hold");
    for field in ["case", "person", "broadcast", "search"] {
        if let Some(value) = asked(&req, field) {
            form = form.with(field, value);
        }
    }
    ok(new_of(&app, &me, page, form).await?)
}

/// A day as typed; one that is none is an error of the form. `end`: the instant after it.
fn day(tr: &Tr, form: &mut FormState, field: &str, end: bool) -> Option<Instant> {
    let text = form.value(field).trim().to_owned();
    if text.is_empty() {
        return None;
    }
    let at = if end { tr.end_of_day(&text).map(|last| Instant(last.0 + 1)) } else { tr.start_of_day(&text) };
    if at.is_none() {
        form.refuse(field, "date");
    }
    at
}

/// `POST /holds`
pub async fn create(app: Data<App>, me: SignedIn, page: Page, req: HttpRequest, posted: Posted) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    let mut form = FormState::from_posted("hold", &posted);
    let (from, to) = (day(&page, &mut form, "from", false), day(&page, &mut form, "to", true));
    if !form.ok() {
        once::turned_away(&req, "invalid");
        return html(StatusCode::UNPROCESSABLE_ENTITY, new_of(&app, &me, page, form).await?);
    }
    let text = |field: &str| posted.get(field).to_owned();
    let new = NewHold {
        case: text("case"),
        person: text("person"),
        broadcast: text("broadcast"),
        from,
        to,
        action: text("action"),
        search: text("search"),
        reason: text("reason"),
        code: text(step_up::FIELD),
    };
    let (app_, caller) = (app.clone(), me.caller.clone());
    let made = once::form(&app, &me, &req, &posted, async |_| Ok(format!("/holds/{}", holds::propose(&app_, &caller, new).await?.value))).await?;
    match made {
        Ok(location) => {
            me.flash(Tone::Ok, page.t("hold-proposed")).await;
            Ok(see_other(location))
        }
        Err(error) => {
            form.refuse_all(error)?;
            let status = form.status();
            html(status, new_of(&app, &me, page, form).await?)
        }
    }
}

#[derive(Template)]
#[template(path = "holds/show.html")]
struct Show {
    page: Page,
    crumbs: Vec<Crumb>,
    form: FormState,
    hold: Hold,
    title: String,
    state: String,
    tone: Tone,
    /// What it covers, and how much that is.
    conditions: Vec<Fact>,
    /// The search whose filters it copied: its conditions, and where it leads.
    search: Option<(Vec<Fact>, String)>,
    steps: Vec<Fact>,
    /// What this person may do now: `confirm`, `wait`, `release` or nothing.
    task: &'static str,
    /// Whether this person wants the release and may take that back.
    own_release: bool,
}

fn show_of(page: Page, me: &SignedIn, form: FormState, (hold, covered): (Hold, Covered)) -> Show {
    let own = me.person().id.as_str();
    let task = match hold.state {
        _ if !page.can("hold.manage") => "",
        HoldState::Placed => "release",
        HoldState::Proposed | HoldState::ReleaseProposed if hold.may_confirm(own) => "confirm",
        HoldState::Proposed | HoldState::ReleaseProposed => "wait",
        HoldState::Released | HoldState::Declined => "",
    };
    let step =
        |key: &str, done: &Option<(holds::Named, Instant)>| done.as_ref().map(|(by, at)| Fact::new(page.t(key), &by.name, page.tr.time_full(*at)));
    let ended = if hold.state == HoldState::Declined { "hold-declined-by" } else { "hold-released-by" };
    let steps = [
        step("hold-proposed-by", &Some(hold.proposed.clone())),
        step("hold-placed-by", &hold.placed),
        step("hold-release-by", &hold.release),
        step(ended, &hold.ended),
    ];
    let number = |n: i64| page.num(u64::try_from(n).unwrap_or(0));
    let mut scope = conditions(&page, &hold);
    scope.push(Fact::new(page.t("hold-events"), number(covered.events), ""));
    scope.push(Fact::new(page.t("hold-open"), number(covered.open), ""));
    let search = hold.search.as_ref().map(|search| {
        let (href, told) = super::audit::told(&page, &search.query);
        (told.into_iter().map(|(label, value)| Fact::new(label, value, "")).collect(), href)
    });
    Show {
        search,
        title: scope_line(&page, &hold),
        crumbs: vec![Crumb::link("/holds", page.t("nav-holds")), Crumb::here(page.t("hold-one"))],
        state: page.word("hold-state", hold.state),
        tone: tone(hold.state),
        conditions: scope,
        steps: steps.into_iter().flatten().collect(),
        task,
        own_release: hold.release.as_ref().is_some_and(|(by, _)| by.id == own),
        page: page.at(format!("/holds/{}", hold.id)),
        form,
        hold,
    }
}

/// `GET /holds/{id}`
pub async fn show(app: Data<App>, me: SignedIn, page: Page, id: Path<String>) -> Result<HttpResponse, Fault> {
    let found = holds::load(&app, &me.caller, &id).await?;
    ok(show_of(page, &me, FormState::new("hold"), found))
}

async fn act(app: &App, me: SignedIn, page: Page, posted: &Posted, id: &str, act: Act) -> Result<HttpResponse, Fault> {
    let me = me.with(posted);
    let version = posted.get("version").parse().unwrap_or(-1);
    match holds::act(app, &me.caller, id, version, act, posted.get("reason"), posted.get(step_up::FIELD)).await {
        Ok(_) => {
            let said = match act {
                Act::Place => "hold-said-placed",
                Act::Decline => "hold-said-declined",
                Act::ProposeRelease => "hold-said-release",
                Act::Release => "hold-said-released",
                Act::DeclineRelease => "hold-said-kept",
            };
            me.flash(Tone::Ok, page.t(said)).await;
            Ok(see_other(format!("/holds/{id}")))
        }
        Err(error) => {
            let mut form = FormState::from_posted("hold", posted);
            form.refuse_all(error)?;
            let status = form.status();
            let found = holds::load(app, &me.caller, id).await?;
            html(status, show_of(page, &me, form, found))
        }
    }
}

/// `POST /holds/{id}/confirmations`
pub async fn place(app: Data<App>, me: SignedIn, page: Page, posted: Posted, id: Path<String>) -> Result<HttpResponse, Fault> {
    act(&app, me, page, &posted, &id, Act::Place).await
}

/// `POST /holds/{id}/refusals`
pub async fn decline(app: Data<App>, me: SignedIn, page: Page, posted: Posted, id: Path<String>) -> Result<HttpResponse, Fault> {
    act(&app, me, page, &posted, &id, Act::Decline).await
}

/// `POST /holds/{id}/releases`
pub async fn propose_release(app: Data<App>, me: SignedIn, page: Page, posted: Posted, id: Path<String>) -> Result<HttpResponse, Fault> {
    act(&app, me, page, &posted, &id, Act::ProposeRelease).await
}

/// `POST /holds/{id}/releases/confirmations`
pub async fn release(app: Data<App>, me: SignedIn, page: Page, posted: Posted, id: Path<String>) -> Result<HttpResponse, Fault> {
    act(&app, me, page, &posted, &id, Act::Release).await
}

/// `POST /holds/{id}/releases/refusals`
pub async fn keep(app: Data<App>, me: SignedIn, page: Page, posted: Posted, id: Path<String>) -> Result<HttpResponse, Fault> {
    act(&app, me, page, &posted, &id, Act::DeclineRelease).await
}
