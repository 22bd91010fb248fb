//! `/self-recalls`: 自行撤回备案, made for a phone: a sender files what they took back in the client, a second person says what is still visible.

use std::collections::BTreeMap;

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path, Query},
};
use askama::Template;

use super::{recalls::index::count_of, reports::local_time};
use crate::{
    app::{
        App, Turn,
        self_recalls::{self, About, Check, Filing, NewFiling},
        step_up,
    },
    domain::self_recall::{Extent, FilingState},
    id::SelfRecallId,
    web::{
        Fault, FormState, Page, Posted, SignedIn, Tone, html, ok, once,
        page::Html,
        see_other,
        view::{Chip, Choice, Crumb, Fact},
    },
};

/// The badge of a filing.
pub(super) fn badge(page: &Page, state: FilingState) -> (Tone, String) {
    let tone = match state {
        FilingState::Filed => Tone::Info,
        FilingState::Gone => Tone::Ok,
        FilingState::Visible => Tone::Warn,
    };
    (tone, page.word("self-recall-state", state))
}

/// A filing in the list.
struct Row {
    href: String,
    number: String,
    tone: Tone,
    state: String,
    channel: String,
    platform: String,
    filer: String,
    withdrawn: Html,
}

#[derive(Template)]
#[template(path = "self_recalls/index.html")]
struct Index {
    page: Page,
    crumbs: Vec<Crumb>,
    form: FormState,
    states: Vec<Choice>,
    chips: Vec<Chip>,
    count: String,
    rows: Vec<Row>,
    newer: Option<String>,
    older: Option<String>,
}

/// `GET /self-recalls`
pub async fn index(app: Data<App>, me: SignedIn, page: Page, query: Query<BTreeMap<String, String>>) -> Result<HttpResponse, Fault> {
    let get = |name: &str| query.get(name).filter(|v| !v.is_empty() && !v.contains('\0')).cloned();
    let state = get("state").as_deref().and_then(FilingState::parse);
    let (lines, (above, below), few) = self_recalls::list(&app, &me.caller, state, Turn::of(get("before"), get("after"))).await?;
    let asked = state.map(|s| format!("state={s}&")).unwrap_or_default();
    let row = |line: &self_recalls::Line| {
        let (tone, state) = badge(&page, line.state);
        Row {
            href: format!("/self-recalls/{}", line.id),
            number: line.number.clone(),
            tone,
            state,
            channel: line.channel.clone(),
            platform: page.word("platform", line.platform),
            filer: line.filer.clone(),
            withdrawn: page.time(line.withdrawn_at),
        }
    };
    let chip = |s: FilingState| Chip { label: page.word("self-recall-state", s), href: "/self-recalls".to_owned() };
    ok(Index {
        crumbs: vec![Crumb::link("/recalls", page.t("nav-recalls")), Crumb::here(page.t("self-recalls"))],
        form: FormState::new("self-recall-filter").with("state", state.map(FilingState::as_str).unwrap_or_default()),
        states: FilingState::ALL.iter().map(|s| Choice::new(s.as_str(), page.word("self-recall-state", s))).collect(),
        chips: state.map(chip).into_iter().collect(),
        count: count_of(&page, Some(few), "self-recall", lines.len()),
        newer: above.map(|id| format!("/self-recalls?{asked}after={id}")),
        older: below.map(|id| format!("/self-recalls?{asked}before={id}")),
        rows: lines.iter().map(row).collect(),
        page,
    })
}

#[derive(Template)]
#[template(path = "self_recalls/new.html")]
struct New {
    page: Page,
    crumbs: Vec<Crumb>,
    form: FormState,
    about: About,
    facts: Vec<Fact>,
    extents: Vec<Choice>,
}

fn new_of(page: Page, form: FormState, about: About) -> New {
    let sent = about.sent_at.map_or_else(|| page.t("self-recall-unknown"), |at| page.tr.time(at));
    let facts = vec![
        Fact::new(page.t("self-recall-channel"), &about.channel, page.word("platform", about.platform)),
        Fact::new(page.t("field-report-sent-at"), sent, ""),
        Fact::new(page.t("fact-recipients"), page.n("people-count", about.recipients), ""),
    ];
    New {
        crumbs: vec![
            Crumb::link("/recalls", page.t("nav-recalls")),
            Crumb::link("/self-recalls", page.t("self-recalls")),
            Crumb::here(page.t("self-recall-new")),
        ],
        extents: Extent::ALL.iter().map(|e| Choice::new(e.as_str(), page.word("self-recall-extent", e))).collect(),
        page,
        form,
        about,
        facts,
    }
}

/// `GET /self-recalls/new?broadcast=…`; a message that is not known yet is reported first.
pub async fn new(app: Data<App>, me: SignedIn, page: Page, query: Query<BTreeMap<String, String>>) -> Result<HttpResponse, Fault> {
    let Some(broadcast) = query.get("broadcast").filter(|id| !id.is_empty()) else { return Ok(see_other("/reports/new")) };
    let about = self_recalls::about(&app, &me.caller, broadcast).await?;
    let now = format!("{}T{}", page.tr.iso_date(page.now), page.tr.clock(page.now));
    let form = FormState::new("self-recall").with("withdrawn_at", now).with("extent", Extent::Whole.as_str());
    ok(new_of(page, form, about))
}

/// `POST /self-recalls`
pub async fn create(app: Data<App>, me: SignedIn, page: Page, req: HttpRequest, posted: Posted) -> Result<HttpResponse, Fault> {
    let page = page.at("/self-recalls/new");
    let me = me.with(&posted);
    let mut form = FormState::from_posted("self-recall", &posted);
    let text = |field: &str| posted.get(field).to_owned();
    let broadcast = text("broadcast");
    let new = NewFiling {
        broadcast: broadcast.clone(),
        withdrawn_at: local_time(&page.tr, posted.get("withdrawn_at")),
        extent: text("extent"),
        note: text("note"),
    };
    let (app_, caller) = (app.clone(), me.caller.clone());
    let made = once::form(&app, &me, &req, &posted, async |id| {
        Ok(format!("/self-recalls/{}", self_recalls::file(&app_, &caller, new, Some(SelfRecallId(id))).await?.value))
    })
    .await?;
    match made {
        Ok(location) => {
            me.flash(Tone::Ok, page.t("self-recall-said-filed")).await;
            Ok(see_other(location))
        }
        Err(error) => {
            form.refuse_all(error)?;
            let status = form.status();
            let about = self_recalls::about(&app, &me.caller, &broadcast).await?;
            html(status, new_of(page, form, about))
        }
    }
}

#[derive(Template)]
#[template(path = "self_recalls/show.html")]
struct Show {
    page: Page,
    crumbs: Vec<Crumb>,
    form: FormState,
    filing: Filing,
    tone: Tone,
    state: String,
    facts: Vec<Fact>,
    checked: Vec<Fact>,
    seen: Vec<Choice>,
    /// Why this person cannot check it; empty for those who can, and where it is checked.
    why_not: String,
}

fn show_of(page: Page, form: FormState, filing: Filing) -> Show {
    let (tone, state) = badge(&page, filing.line.state);
    let sent = filing.sent_at.map_or_else(|| page.t("self-recall-unknown"), |at| page.tr.time_full(at));
    let took = filing.sent_at.filter(|sent| *sent <= filing.line.withdrawn_at).map(|sent| filing.line.withdrawn_at.since(sent));
    let took = took.map_or_else(String::new, |took| page.a1("self-recall-after", "time", page.duration(took)));
    let facts = vec![
        Fact::new(page.t("self-recall-channel"), &filing.line.channel, page.word("platform", filing.line.platform)),
        Fact::new(page.t("fact-recipients"), page.n("people-count", filing.recipients), ""),
        Fact::new(page.t("field-report-sent-at"), sent, ""),
        Fact::new(page.t("field-self-recall-withdrawn-at"), page.tr.time_full(filing.line.withdrawn_at), took),
        Fact::new(page.t("field-self-recall-extent"), page.word("self-recall-extent", filing.extent), ""),
        Fact::new(page.t("self-recall-filer"), &filing.line.filer, page.tr.time_full(filing.line.filed_at)),
    ];
    let checked = filing.checked.iter().flat_map(|(by, at, said)| {
        [
            Fact::new(page.t("self-recall-checker"), by, page.tr.time_full(*at)),
            Fact::new(page.t("field-check-note"), said.clone().unwrap_or_else(|| page.t("contents-erased")), ""),
        ]
    });
    let checked = checked.collect();
    let seen = [FilingState::Gone, FilingState::Visible].map(|s| {
        let key = format!("self-recall-seen-{s}");
        Choice::new(s.as_str(), page.t(&key)).hint(page.t(&format!("{key}-hint")))
    });
    let why_not = match filing.why_not {
        Some(why) if filing.line.state == FilingState::Filed => page.word("refusal", why),
        _ => String::new(),
    };
    Show {
        crumbs: vec![
            Crumb::link("/recalls", page.t("nav-recalls")),
            Crumb::link("/self-recalls", page.t("self-recalls")),
            Crumb::here(&filing.line.number),
        ],
        seen: seen.into(),
        page: page.at(format!("/self-recalls/{}", filing.line.id)),
        tone,
        state,
        facts,
        checked,
        why_not,
        form,
        filing,
    }
}

/// `GET /self-recalls/{id}`
pub async fn show(app: Data<App>, me: SignedIn, page: Page, id: Path<String>) -> Result<HttpResponse, Fault> {
    let filing = self_recalls::load(&app, &me.caller, &id).await?;
    ok(show_of(page, FormState::new("check"), filing))
}

/// `POST /self-recalls/{id}/checks`
pub async fn check(app: Data<App>, me: SignedIn, page: Page, posted: Posted, id: Path<String>) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    let text = |field: &str| posted.get(field).to_owned();
    let check =
        Check { seen: text("seen"), note: text("note"), totp: text(step_up::FIELD), version: Some(posted.get("version").parse().unwrap_or(-1)) };
    match self_recalls::check(&app, &me.caller, &id, check).await {
        Ok(_) => {
            me.flash(Tone::Ok, page.t("self-recall-said-checked")).await;
            Ok(see_other(format!("/self-recalls/{}", id.as_str())))
        }
        Err(error) => {
            let mut form = FormState::from_posted("check", &posted);
            form.refuse_all(error)?;
            let status: StatusCode = form.status();
            html(status, show_of(page, form, self_recalls::load(&app, &me.caller, &id).await?))
        }
    }
}
