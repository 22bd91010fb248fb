//! `/connections`: platform connections, for the system administrator. The secret is typed in and never shown.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use askama::Template;

use crate::{
    app::{
        App,
        connections::{self, Change, Connection, NewConnection},
    },
    clock::Instant,
    domain::probe::{Step, Taken, Verdict},
    web::{
        Fault, FormState, Page, Posted, SignedIn, Tone, html, ok, once, see_other,
        view::{Choice, Crumb},
    },
};

#[derive(Template)]
#[template(path = "connections/list.html")]
struct List {
    page: Page,
    connections: Vec<Connection>,
}

pub async fn index(app: Data<App>, who: SignedIn, page: Page) -> Result<HttpResponse, Fault> {
    let connections = connections::list(&app, &who.caller).await?;
    ok(List { page, connections })
}

#[derive(Template)]
#[template(path = "connections/edit.html")]
struct Edit {
    page: Page,
    crumbs: Vec<Crumb>,
    form: FormState,
    platforms: Vec<Choice>,
    /// Absent for a new one.
    connection: Option<Connection>,
    /// When it was last tested, and the steps.
    tested: Option<(Instant, Vec<Line>)>,
}

/// One step of a test.
struct Line {
    step: String,
    is: String,
    tone: Tone,
    /// What was found, or why it was not asked; empty for nothing.
    note: String,
    /// What to do; empty where nothing is to be done.
    next: String,
}

fn line(page: &Page, taken: &Taken) -> Line {
    let code = taken.code.as_deref();
    let mut note = match (taken.verdict, taken.skipped, taken.value) {
        (Verdict::NotAsked, Some(why), _) => page.word("probe-skipped", why),
        (_, _, Some(micros)) if taken.step == Step::Clock => {
            page.a1("probe-offset", "seconds", format!("{}{}", if micros < 0 { "−" } else { "" }, micros.unsigned_abs() / 1_000_000))
        }
        (_, _, Some(n)) => page.n("probe-read-count", usize::try_from(n).unwrap_or(usize::MAX)),
        _ => String::new(),
    };
    if let Some(code) = code {
        note = page.a1("probe-code", "code", code);
    }
    let next = match taken.verdict {
        // The one code that says it is neither the secret nor its holder.
        Verdict::Failed if taken.step == Step::Credentials && code == Some("60020") => page.t("probe-next-trusted-address"),
        Verdict::Failed => page.word("probe-next", taken.step),
        _ => String::new(),
    };
    let tone = match taken.verdict {
        Verdict::Passed => Tone::Ok,
        Verdict::Failed => Tone::Bad,
        Verdict::NotAsked => Tone::Mute,
    };
    Line { step: page.word("probe", taken.step), is: page.word("probe-is", taken.verdict), tone, note, next }
}

fn edit(page: Page, form: FormState, connection: Option<Connection>, status: StatusCode) -> Result<HttpResponse, Fault> {
    let here = connection.as_ref().map_or_else(|| page.t("connection-new"), |c| c.name.clone());
    let crumbs = vec![Crumb::link("/connections", page.t("nav-connections")), Crumb::here(here)];
    let platforms = ["wecom", "matrix"].map(|p| Choice::new(p, page.word("platform", p)).hint(page.t(&format!("connection-{p}-hint")))).into();
    let lines = |(at, steps): &(Instant, Vec<Taken>)| (*at, steps.iter().map(|taken| line(&page, taken)).collect());
    let tested = connection.as_ref().and_then(|c| c.tested.as_ref()).map(lines);
    html(status, Edit { page, crumbs, form, platforms, connection, tested })
}

pub async fn new(app: Data<App>, who: SignedIn, page: Page) -> Result<HttpResponse, Fault> {
    // Who may not manage connections learns it here and not after typing.
    connections::list(&app, &who.caller).await?;
    edit(page, FormState::new("connection"), None, StatusCode::OK)
}

pub async fn create(app: Data<App>, who: SignedIn, page: Page, req: HttpRequest, posted: Posted) -> Result<HttpResponse, Fault> {
    let page = page.at("/connections/new");
    let mut form = FormState::from_posted("connection", &posted);
    if !form.ok() {
        once::turned_away(&req, "invalid");
        return edit(page, form, None, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let text = |field: &str| posted.get(field).to_owned();
    let new = NewConnection {
        name: text("name"),
        platform: text("platform"),
        base_url: text("base_url"),
        corp_id: text("corp_id"),
        agent_id: text("agent_id"),
        secret: text("secret"),
        agreement: text("agreement"),
    };
    let (app_, caller) = (app.clone(), who.caller.clone());
    let made = once::form(&app, &who, &req, &posted, async |_| Ok(format!("/connections/{}", connections::create(&app_, &caller, new).await?.value)))
        .await?;
    match made {
        Ok(location) => {
            who.flash(Tone::Ok, page.t("connection-made")).await;
            Ok(see_other(location))
        }
        Err(error) => {
            form.refuse_all(error)?;
            let status = form.status();
            edit(page, form, None, status)
        }
    }
}

pub async fn show(app: Data<App>, who: SignedIn, page: Page, id: Path<String>) -> Result<HttpResponse, Fault> {
    let c = connections::load(&app, &who.caller, &id).await?;
    let mut form = FormState::new("connection")
        .with("name", &c.name)
        .with("platform", c.platform.as_str())
        .with("base_url", &c.settings.base_url)
        .with("corp_id", &c.settings.corp_id)
        .with("agent_id", c.settings.agent_id.to_string())
        .with("agreement", &c.agreement)
        .with("version", c.version.to_string());
    if c.active {
        form = form.with("active", "1");
    }
    edit(page, form, Some(c), StatusCode::OK)
}

pub async fn change(app: Data<App>, who: SignedIn, page: Page, id: Path<String>, req: HttpRequest, posted: Posted) -> Result<HttpResponse, Fault> {
    let here = format!("/connections/{id}");
    let page = page.at(&here);
    let mut form = FormState::from_posted("connection", &posted);
    if !form.ok() {
        once::turned_away(&req, "invalid");
        let connection = connections::load(&app, &who.caller, &id).await?;
        return edit(page, form, Some(connection), StatusCode::UNPROCESSABLE_ENTITY);
    }
    let text = |field: &str| posted.get(field).to_owned();
    let change = Change {
        name: text("name"),
        base_url: text("base_url"),
        corp_id: text("corp_id"),
        agent_id: text("agent_id"),
        secret: text("secret"),
        agreement: text("agreement"),
        active: posted.flag("active"),
        version: posted.get("version").parse().unwrap_or_default(),
    };
    match connections::change(&app, &who.caller, &id, change).await {
        Ok(_) => {
            who.flash(Tone::Ok, page.t("connection-changed")).await;
            Ok(see_other(here))
        }
        Err(error) => {
            form.refuse_all(error)?;
            let status = form.status();
            let connection = connections::load(&app, &who.caller, &id).await?;
            edit(page, form, Some(connection), status)
        }
    }
}

pub async fn test(app: Data<App>, who: SignedIn, page: Page, id: Path<String>, _: Posted) -> Result<HttpResponse, Fault> {
    let tested = connections::test(&app, &who.caller, &id).await?.value;
    let words = page.word("call-result", tested.result);
    match (tested.result, tested.code) {
        ("ok", _) => who.flash(Tone::Ok, page.t("connection-works")).await,
        (_, Some(code)) => who.flash(Tone::Bad, page.a2("connection-fails-code", "result", words, "code", code)).await,
        (_, None) => who.flash(Tone::Bad, page.a1("connection-fails", "result", words)).await,
    }
    Ok(see_other(format!("/connections/{id}")))
}
