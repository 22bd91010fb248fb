//! `/_emulator/inbox`: what a recipient's client would show now, as JSON and as a page in which the message is seen to vanish.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{self, Data},
};
use askama::Template;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Shared, server::response, state::State};
use crate::{clock::Instant, words};

/// The stylesheet of the console, so that the page looks like the product's own.
const CSS: &str = include_str!("../../../static/css/console.css");
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// The page loads itself again after so many seconds.
const REFRESH: &str = "4";

words! {
    /// Where a recipient reads.
    pub enum Client {
        /// WeCom's own client: a recalled message is gone.
        Wecom = "wecom",
        /// WeChat's plug-in for WeCom: its copy is not recalled (developer.work.weixin.qq.com/document/path/96460).
        Plugin = "plugin",
    }
}

/// One recipient's client.
#[derive(Clone, Debug, Serialize)]
pub struct Inbox {
    pub user: String,
    pub name: String,
    pub client: Client,
    /// By the emulator's clock.
    pub now: String,
    /// Oldest first.
    pub messages: Vec<Item>,
}

/// One message as the client shows it.
#[derive(Clone, Debug, Serialize)]
pub struct Item {
    pub msgid: String,
    pub sent_at: String,
    /// Taken back; a line stands in its place.
    pub recalled: bool,
    pub recalled_at: Option<String>,
    /// What can be read; `None` where it was taken back.
    pub text: Option<String>,
}

pub(super) fn inbox(state: &State, user: &str, client: Client) -> Option<Inbox> {
    let at = state.company.user(user)?;
    let messages = state.messages().iter().filter(|m| m.receivers.contains(&at)).map(|m| {
        let recalled_at = m.recalled_at.filter(|_| client == Client::Wecom);
        Item {
            msgid: m.msgid.clone(),
            sent_at: m.sent_at.to_rfc3339(),
            recalled: recalled_at.is_some(),
            recalled_at: recalled_at.map(Instant::to_rfc3339),
            text: recalled_at.is_none().then(|| m.text.clone()),
        }
    });
    let user = &state.company.users[at];
    Some(Inbox { user: user.id.clone(), name: user.name.clone(), client, now: state.now().to_rfc3339(), messages: messages.collect() })
}

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/", web::get().to(|| async { HttpResponse::SeeOther().insert_header((header::LOCATION, "/_emulator/inbox")).finish() }))
        .route("/_emulator/inbox", web::get().to(show))
        .route("/_emulator/console.css", web::get().to(|| async { HttpResponse::Ok().content_type("text/css; charset=utf-8").body(CSS) }));
}

#[derive(Deserialize)]
struct Wanted {
    user: Option<String>,
    #[serde(default)]
    client: Option<String>,
    #[serde(default)]
    format: Option<String>,
    #[serde(default)]
    lang: Option<String>,
}

async fn show(request: HttpRequest, wanted: web::Query<Wanted>, shared: Data<Shared>) -> HttpResponse {
    let state = shared.lock();
    let accept = request.headers().get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    // Browsers name HTML; programs name JSON or nothing in particular.
    let as_json = match wanted.format.as_deref() {
        Some(format) => format == "json",
        None => !accept.contains("text/html"),
    };
    let client = wanted.client.as_deref().and_then(Client::parse).unwrap_or(Client::Wecom);
    let first = state.company.users.first().map(|u| u.id.clone());
    // A program names its user; a person starts with the first.
    let user = wanted.user.clone().or_else(|| first.clone().filter(|_| !as_json)).unwrap_or_default();
    let found = inbox(&state, &user, client);
    let status = if found.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
    let mut response = response(status, state.now());
    response.insert_header((header::CACHE_CONTROL, "no-store")).insert_header(("x-content-type-options", "nosniff"));
    if as_json {
        return match found {
            Some(inbox) => response.json(inbox),
            None => response.json(json!({ "error": "no such user" })),
        };
    }
    let Some(inbox) = found.or_else(|| inbox_of_first(&state, first)) else { return response.finish() };
    if status == StatusCode::OK {
        response.insert_header(("refresh", REFRESH));
    }
    response.insert_header((header::CONTENT_SECURITY_POLICY, POLICY));
    match page(&state, &inbox, status == StatusCode::NOT_FOUND, wanted.lang.as_deref() == Some("en")).render() {
        Ok(html) => response.content_type("text/html; charset=utf-8").body(html),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

fn inbox_of_first(state: &State, first: Option<String>) -> Option<Inbox> {
    inbox(state, &first?, Client::Wecom)
}

struct Shown {
    /// With the offset, for `<time datetime>`.
    at: String,
    time: String,
    /// Title and paragraphs; empty where it was taken back.
    lines: Vec<String>,
}

struct Record {
    at: String,
    time: String,
    endpoint: String,
    errcode: String,
    fault: String,
    ok: bool,
    note: bool,
}

#[derive(Template)]
#[template(path = "emulator/inbox.html")]
struct Page<'a> {
    en: bool,
    unknown: bool,
    company: &'a str,
    inbox: &'a Inbox,
    party: &'a str,
    clock: String,
    users: Vec<(&'a str, &'a str, bool)>,
    messages: Vec<Shown>,
    recalled: usize,
    records: Vec<Record>,
}

/// `2026-11-22T17:30:00+08:00`, and the parts of it that are shown.
fn local(at: &str) -> (String, String, String) {
    let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(8));
    let at = Instant::parse(at).unwrap_or_default().timestamp().to_zoned(zone);
    let part = |format| at.strftime(format).to_string();
    (part("%Y-%m-%dT%H:%M:%S+08:00"), part("%m-%d %H:%M"), part("%H:%M:%S"))
}

fn page<'a>(state: &'a State, inbox: &'a Inbox, unknown: bool, en: bool) -> Page<'a> {
    let company = &state.company;
    let party = company.user(&inbox.user).map(|at| company.users[at].party).and_then(|id| company.party(id));
    let records = state.calls().iter().rev().filter(|c| c.endpoint().starts_with("message/")).take(8).map(|call| {
        let (at, _, time) = local(&call.at);
        Record {
            at,
            time,
            endpoint: call.endpoint().to_owned(),
            errcode: call
                .errcode
                .filter(|_| call.status == Some(200))
                .map_or_else(|| call.status.map_or_else(String::new, |s| format!("HTTP {s}")), |c| format!("errcode {c}")),
            fault: call.fault.clone().unwrap_or_default(),
            ok: call.errcode == Some(0),
            note: call.errcode.is_some_and(|c| c >= 999_000),
        }
    });
    let messages = inbox.messages.iter().map(|m| {
        let (at, time, _) = local(&m.sent_at);
        Shown { at, time, lines: m.text.iter().flat_map(|t| t.lines()).filter(|l| !l.trim().is_empty()).map(str::to_owned).collect() }
    });
    Page {
        en,
        unknown,
        company: company.parties.first().map_or("", |p| p.name),
        party: party.map_or("", |p| p.name),
        clock: local(&inbox.now).2.chars().take(5).collect(),
        users: company.users.iter().take(200).map(|u| (u.id.as_str(), u.name.as_str(), u.id == inbox.user)).collect(),
        recalled: inbox.messages.iter().filter(|m| m.recalled).count(),
        messages: messages.collect(),
        records: records.collect(),
        inbox,
    }
}
