//! `/delegations` 委托: what a reviewer handed to somebody, what they received, the form, and ending one before its time.

use std::collections::BTreeMap;

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path, Query},
};
use askama::Template;

use super::{recalls::index::count_of, reports::local_time};
use crate::{
    app::{
        App, Turn,
        delegations::{self, Delegation, List, NewDelegation, Offer, Standing, oversees},
        step_up,
    },
    id::DelegationId,
    web::{
        Fault, FormState, Page, Posted, SignedIn, Tone, html, ok, once,
        page::Html,
        see_other,
        view::{Choice, Crumb, Fact},
    },
};

fn badge(page: &Page, standing: Standing) -> (Tone, String) {
    let tone = match standing {
        Standing::Coming => Tone::Info,
        Standing::Running => Tone::Ok,
        Standing::Idle => Tone::Warn,
        Standing::Ended | Standing::RanOut => Tone::Mute,
    };
    (tone, page.word("delegation-state", standing))
}

/// Its levels, with the department that level 1 is narrowed to.
fn scope(page: &Page, of: &Delegation) -> String {
    let level = |level: &u8| match &of.department {
        Some(department) if *level == 1 => page.a2("delegation-level-within", "level", page.t("level-1"), "department", department),
        _ => page.t(&format!("level-{level}")),
    };
    page.list(&of.levels.iter().map(level).collect::<Vec<_>>())
}

/// A delegation in the list.
struct Row {
    href: String,
    who: String,
    scope: String,
    from: Html,
    until: Html,
    tone: Tone,
    state: String,
}

/// Another list.
struct Tab {
    href: &'static str,
    label: String,
}

#[derive(Template)]
#[template(path = "delegations/index.html")]
struct Index {
    page: Page,
    crumbs: Vec<Crumb>,
    tabs: Vec<Tab>,
    title: String,
    count: String,
    rows: Vec<Row>,
    none: String,
    may_make: bool,
    newer: Option<String>,
    older: Option<String>,
}

/// `GET /delegations`, with `list` for which.
pub async fn index(app: Data<App>, me: SignedIn, page: Page, query: Query<BTreeMap<String, String>>) -> Result<HttpResponse, Fault> {
    let get = |name: &str| query.get(name).filter(|v| !v.is_empty() && !v.contains('\0')).cloned();
    let own = List::Given;
    let all = oversees(&me.caller);
    let which = get("list").as_deref().and_then(List::parse).unwrap_or(if all { List::All } else { own });
    let (found, (above, below), few) = delegations::list(&app, &me.caller, which, Turn::of(get("before"), get("after"))).await?;
    let row = |of: &Delegation| {
        let (tone, state) = badge(&page, of.standing);
        Row {
            href: format!("/delegations/{}", of.id),
            who: page.a2("delegation-to", "principal", &of.principal.1, "delegate", &of.delegate.1),
            scope: scope(&page, of),
            from: page.time(of.from),
            until: page.time(of.ended.as_ref().map_or(of.until, |(at, ..)| *at)),
            tone,
            state,
        }
    };
    let tabs = [(List::Given, "/delegations?list=given"), (List::Received, "/delegations?list=received"), (List::All, "/delegations?list=all")];
    let tab = |(list, href): (List, &'static str)| Tab { href, label: page.word("delegation-list", list) };
    let rows: Vec<Row> = found.iter().map(row).collect();
    ok(Index {
        crumbs: vec![Crumb::here(page.t("nav-delegations"))],
        // Who oversees them decides nothing, and so has none.
        tabs: if all { Vec::new() } else { tabs.into_iter().filter(|(list, _)| *list != List::All && *list != which).map(tab).collect() },
        title: page.word("delegation-list", which),
        count: count_of(&page, Some(few), "delegation", rows.len()),
        none: page.t(&format!("delegations-none-{which}")),
        may_make: me.caller.roles.iter().any(|r| r.is_decider()),
        newer: above.map(|id| format!("/delegations?list={which}&after={id}")),
        older: below.map(|id| format!("/delegations?list={which}&before={id}")),
        rows,
        page,
    })
}

#[derive(Template)]
#[template(path = "delegations/new.html")]
struct New {
    page: Page,
    crumbs: Vec<Crumb>,
    form: FormState,
    /// They decide on somebody's behalf alone.
    received: bool,
    /// Levels of theirs that the rules keep with them.
    kept: String,
    levels: Vec<Choice>,
    departments: Vec<Choice>,
    people: Vec<Choice>,
}

fn new_of(page: Page, form: FormState, offer: Offer) -> New {
    let word = |level: u8| page.t(&format!("level-{level}"));
    let kept: Vec<String> = offer.levels.iter().filter(|(_, may)| !may).map(|(level, _)| word(*level)).collect();
    New {
        crumbs: vec![Crumb::link("/delegations", page.t("nav-delegations")), Crumb::here(page.t("delegation-new"))],
        received: offer.levels.is_empty(),
        kept: if kept.is_empty() { String::new() } else { page.a1("delegation-kept", "levels", page.list(&kept)) },
        levels: offer.levels.iter().filter(|(_, may)| *may).map(|(level, _)| Choice::new(level.to_string(), word(*level))).collect(),
        departments: offer.departments.into_iter().map(|(id, name)| Choice::new(id, name)).collect(),
        people: offer
            .people
            .into_iter()
            .map(|(username, name)| {
                let label = page.a2("delegation-person", "name", name, "username", &username);
                Choice::new(username, label)
            })
            .collect(),
        page: page.at("/delegations/new"),
        form,
    }
}

/// `GET /delegations/new`
pub async fn new(app: Data<App>, me: SignedIn, page: Page) -> Result<HttpResponse, Fault> {
    let offer = delegations::offer(&app, &me.caller).await?;
    let mut form = FormState::new("delegation").with("from", format!("{}T{}", page.tr.iso_date(page.now), page.tr.clock(page.now)));
    if let [(level, true)] = offer.levels.as_slice() {
        form = form.with("levels", level.to_string());
    }
    ok(new_of(page, form, offer))
}

/// `POST /delegations`
pub async fn create(app: Data<App>, me: SignedIn, page: Page, req: HttpRequest, posted: Posted) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    let mut form = FormState::from_posted("delegation", &posted);
    let text = |field: &str| posted.get(field).to_owned();
    let new = NewDelegation {
        to: text("to"),
        levels: posted.all("levels").to_vec(),
        department: text("department"),
        from: local_time(&page.tr, posted.get("from")),
        until: local_time(&page.tr, posted.get("until")),
        reason: text("reason"),
        totp: text(step_up::FIELD),
    };
    let (app_, caller) = (app.clone(), me.caller.clone());
    let made = once::form(&app, &me, &req, &posted, async |id| {
        Ok(format!("/delegations/{}", delegations::make(&app_, &caller, new, Some(DelegationId(id))).await?.value))
    })
    .await?;
    match made {
        Ok(location) => {
            me.flash(Tone::Ok, page.t("delegation-said-made")).await;
            Ok(see_other(location))
        }
        Err(error) => {
            form.refuse_all(error)?;
            let status = form.status();
            let offer = delegations::offer(&app, &me.caller).await?;
            html(status, new_of(page, form, offer))
        }
    }
}

#[derive(Template)]
#[template(path = "delegations/show.html")]
struct Show {
    page: Page,
    crumbs: Vec<Crumb>,
    form: FormState,
    id: String,
    title: String,
    tone: Tone,
    state: String,
    /// Its time runs and it counts for nothing.
    idle: bool,
    facts: Vec<Fact>,
    may_end: bool,
    /// A reason is asked of who ends somebody else's.
    own: bool,
}

fn show_of(page: Page, me: &SignedIn, form: FormState, of: Delegation) -> Show {
    let (tone, state) = badge(&page, of.standing);
    let title = page.a2("delegation-to", "principal", &of.principal.1, "delegate", &of.delegate.1);
    let mut facts = vec![
        Fact::new(page.t("delegation-principal"), &of.principal.1, ""),
        Fact::new(page.t("delegation-delegate"), &of.delegate.1, ""),
        Fact::new(page.t("field-delegation-levels"), scope(&page, &of), ""),
        Fact::new(page.t("field-delegation-from"), page.tr.time(of.from), ""),
        Fact::new(page.t("field-delegation-until"), page.tr.time(of.until), ""),
        Fact::new(page.t("field-delegation-reason"), &of.reason, ""),
        Fact::new(page.t("delegation-made-at"), page.tr.time(of.made_at), ""),
    ];
    if let Some((at, by, why)) = &of.ended {
        facts.push(Fact::new(page.t("delegation-ended-by"), page.a2("delegation-ended-when", "by", by, "at", page.tr.time(*at)), why));
    }
    Show {
        crumbs: vec![Crumb::link("/delegations", page.t("nav-delegations")), Crumb::here(&title)],
        idle: of.standing == Standing::Idle,
        own: of.principal.0 == me.person().id,
        may_end: of.may_end,
        page: page.at(format!("/delegations/{}", of.id)),
        id: of.id,
        title,
        tone,
        state,
        facts,
        form,
    }
}

/// `GET /delegations/{id}`
pub async fn show(app: Data<App>, me: SignedIn, page: Page, id: Path<String>) -> Result<HttpResponse, Fault> {
    let found = delegations::load(&app, &me.caller, &id).await?;
    ok(show_of(page, &me, FormState::new("delegation-end"), found))
}

/// `POST /delegations/{id}/ends`
pub async fn end(app: Data<App>, me: SignedIn, page: Page, posted: Posted, id: Path<String>) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    match delegations::end(&app, &me.caller, &id, posted.get("reason")).await {
        Ok(_) => {
            me.flash(Tone::Ok, page.t("delegation-said-ended")).await;
            Ok(see_other(format!("/delegations/{}", id.as_str())))
        }
        Err(error) => {
            let mut form = FormState::from_posted("delegation-end", &posted);
            form.refuse_all(error)?;
            let status = form.status();
            html(status, show_of(page, &me, form, delegations::load(&app, &me.caller, &id).await?))
        }
    }
}
