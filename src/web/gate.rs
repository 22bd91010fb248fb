//! The session's middleware: who is asking. It reads the cookie or the bearer token, tells the shell, keeps strangers and read-only
//! accounts from changing anything, and records every post that never reached a use case.

use std::rc::Rc;

use actix_web::{
    Error, HttpMessage, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    cookie::{Cookie, SameSite, time::Duration as CookieDuration},
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, StatusCode, header},
    middleware::Next,
    web::Data,
};
use serde_json::json;

use super::{
    api::door,
    client,
    fault::Fault,
    looks, readonly,
    visit::{Flash, PageUser, Tone, Viewer, Visit},
};
use crate::{
    app::{
        App, Caller, Client, alerts, counting,
        device::{self, Shown},
        passkeys::{self, Purpose},
        people::Signed,
        recalls, sessions,
        throttle::{self, Share},
        tokens, verification,
    },
    domain::{account::SessionState, event::Outcome, role::Permission},
    i18n::Lang,
};

/// Posts that need no session: those by which one comes to have one.
const OPEN: [&str; 6] =
    ["/sessions", "/sessions/passkeys", "/sessions/verification", "/sessions/enrolment", "/setup/{token}", "/invitations/{token}"];

/// What an open page of a case asks every few seconds (`static/js/watch.js`).
const WATCHED: &str = "/recalls/{id}/progress";

/// Whether nobody has to be known for reading this path.
pub(super) fn is_public(path: &str) -> bool {
    path.starts_with("/static/") || path == "/healthz" || path == "/readyz"
}

/// What the middleware found out about a request; extractors read it.
pub struct Asking {
    pub client: Client,
    pub shown: Shown,
    /// The session behind the cookie, pending ones included.
    pub signed: Option<Signed>,
    /// Who stands behind the bearer token (`/api/`, `/log/` and `/metrics` only).
    pub bearer: Option<Caller>,
    /// Why the bearer token stands for nobody.
    pub denied: Option<tokens::Denied>,
}

impl Asking {
    pub fn of(req: &HttpRequest) -> Option<Rc<Self>> {
        req.extensions().get::<Rc<Self>>().cloned()
    }

    fn is_open(&self) -> bool {
        self.signed.as_ref().is_some_and(|s| s.session.state == SessionState::Open.as_str())
    }

    /// The one who asks, as far as is known.
    pub fn caller(&self, app: &App) -> Caller {
        if let Some(bearer) = &self.bearer {
            return bearer.clone();
        }
        let mut device = device::describe(app, &self.shown, None);
        match self.signed.as_ref().filter(|_| self.is_open()) {
            Some(signed) => {
                device::judge_session(&mut device, signed.session.device_id.as_deref(), signed.fingerprint.as_deref());
                signed.person.caller(Some(signed.session.id.clone()), Some(self.client.clone()), Some(device))
            }
            None => Caller::anonymous(self.client.clone(), Some(device)),
        }
    }
}

/// Put into a request's extensions where a post ends before a use case could record it: why, and whether that was a refusal.
#[derive(Clone, Copy)]
pub struct TurnedAway {
    reason: &'static str,
    outcome: Outcome,
}

impl TurnedAway {
    /// A rule said no.
    pub const fn refused(reason: &'static str) -> Self {
        Self { reason, outcome: Outcome::Refused }
    }

    /// Nothing was to be done: a repetition, a step back in a form.
    pub const fn passed(reason: &'static str) -> Self {
        Self { reason, outcome: Outcome::Success }
    }
}

/// A post that acts on several things and leaves an event for each.
#[derive(Clone, Copy, Debug)]
pub struct Several;

/// What is still to be recorded of a post that has been answered: every post leaves its event, and one that a use case recorded leaves no
/// second one. The reason is what the handler left behind, else what the status tells.
fn unrecorded(asking: &Asking, res: &ServiceResponse<BoxBody>, left: usize) -> Option<TurnedAway> {
    if left > 0 {
        if left > 1 && res.request().extensions().get::<Several>().is_none() {
            tracing::error!(left, "one post left several events");
        }
        return None;
    }
    let known = asking.is_open() || asking.bearer.is_some();
    let marked = res.request().extensions().get::<TurnedAway>().copied();
    marked.or_else(|| match res.status() {
        // A stranger who tries paths that are not there would only fill the log.
        StatusCode::NOT_FOUND if !known => None,
        StatusCode::NOT_FOUND => Some(TurnedAway::refused("not_found")),
        // A flood is recorded as far as it goes (`throttle`), and then only answered.
        StatusCode::TOO_MANY_REQUESTS if !known => None,
        StatusCode::TOO_MANY_REQUESTS => Some(TurnedAway::refused("too_many")),
        StatusCode::METHOD_NOT_ALLOWED => Some(TurnedAway::refused("method")),
        StatusCode::PAYLOAD_TOO_LARGE => Some(TurnedAway::refused("too_large")),
        status if status.is_server_error() => Some(TurnedAway { reason: "broken", outcome: Outcome::Failed }),
        status if status.is_client_error() => Some(TurnedAway::refused("unreadable")),
        // Answered well and nothing recorded: no such post is known, and if there is one it shall not go by in silence.
        _ => Some(TurnedAway::passed("nothing_done")),
    })
}

/// The cookie that carries the session.
pub const fn session_cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-session" } else { "session" }
}

const fn device_cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-did" } else { "did" }
}

/// A session's cookie; an empty value takes it away.
pub fn session_cookie(secure: bool, value: &str) -> Cookie<'static> {
    let mut cookie = own_cookie(session_cookie_name(secure), value.to_owned(), secure);
    if value.is_empty() {
        cookie.make_removal();
    }
    cookie
}

fn own_cookie(name: &'static str, value: String, secure: bool) -> Cookie<'static> {
    Cookie::build(name, value).path("/").http_only(true).secure(secure).same_site(SameSite::Lax).finish()
}

/// The middleware; goes around all routes, inside the shell's.
pub async fn gate(req: ServiceRequest, next: Next<impl MessageBody + 'static>) -> Result<ServiceResponse<BoxBody>, Error> {
    if is_public(req.path()) && !changes(req.method()) {
        return next.call(req).await.map(ServiceResponse::map_into_boxed_body);
    }
    let Some(app) = req.app_data::<Data<App>>().cloned() else { return Err(Fault::internal("no App in the application's data").into()) };
    let Some(visit) = Visit::of(req.request()) else { return Err(Fault::internal("the shell's middleware is missing").into()) };
    let asking = Rc::new(look(&app, &visit, &req).await?);
    req.extensions_mut().insert(asking.clone());
    let route = req.match_pattern();
    if asking.is_open() {
        welcome(&app, &visit, &asking, req.method() == Method::GET && !is_watching(route.as_deref())).await;
    }

    let machine = is_machine(req.path());
    let left = asking.bearer.as_ref().filter(|_| door::is_api(req.path()));
    let left = left.and_then(|token| app.quota.take(&token.id, app.config.api.requests_per_minute, app.now()));
    if let Some(left) = left.filter(|left| left.over) {
        if left.first {
            record(&app, &asking, req.method(), route.as_deref(), TurnedAway::refused("too_many")).await?;
        }
        let mut res = actix_web::ResponseError::error_response(&Fault::too_many(std::time::Duration::from_secs(left.reset)));
        door::tell(&left, res.headers_mut());
        return Ok(req.into_response(res));
    }
    let mut answer = work(&app, &asking, req, next, route.as_deref(), machine).await?;
    if door::is_api(&visit.path) {
        let status = answer.status();
        door::allow(route.as_deref(), status, answer.headers_mut());
        if let Some(left) = left {
            door::tell(&left, answer.headers_mut());
        }
    }
    Ok(with_device_cookie(&app, &visit, &asking, answer))
}

/// Lets a request through to its handler, or turns it away; records what has to be.
async fn work(
    app: &App,
    asking: &Asking,
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
    route: Option<&str>,
    machine: bool,
) -> Result<ServiceResponse<BoxBody>, Error> {
    match turn_away(&req, asking, route, machine) {
        Some(reason) => {
            record(app, asking, req.method(), route, TurnedAway::refused(reason)).await?;
            let res = refusal(&req, reason, machine);
            Ok(req.into_response(res))
        }
        None => {
            let method = req.method().clone();
            let (res, left) = match door::refuse(&req).filter(|_| asking.bearer.is_some()) {
                Some(fault) => (Ok(req.into_response(actix_web::ResponseError::error_response(&fault))), 0),
                None => {
                    let (res, left) = counting(next.call(req)).await;
                    (res.map(ServiceResponse::map_into_boxed_body), left)
                }
            };
            let res = res?;
            if !changes(&method) {
                if left == 0 {
                    shown(app, asking, &res).await?;
                }
                return Ok(res);
            }
            if let Some(turned) = unrecorded(asking, &res, left) {
                let noted = record(app, asking, &method, route, turned).await;
                // What broke is told as it broke; that it could not be recorded either adds nothing.
                if !res.status().is_server_error() {
                    noted?;
                }
            }
            Ok(res)
        }
    }
}

/// Paths for programs: they come with a bearer token, and get problems instead of pages.
pub(super) fn is_machine(path: &str) -> bool {
    path.starts_with("/api/") || path.starts_with("/log/") || path == "/metrics"
}

/// Whether a page asks this by itself, again and again: nobody is there for that.
fn is_watching(route: Option<&str>) -> bool {
    route == Some(WATCHED)
}

fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Reads who is asking.
async fn look(app: &App, visit: &Visit, req: &ServiceRequest) -> Result<Asking, Fault> {
    let client = client::of(req.request(), &app.config.trusted_proxies);
    let text = |name: &str| req.headers().get(name).map(|v| client::clean(&String::from_utf8_lossy(v.as_bytes()))).unwrap_or_default();
    let secure = visit.shell.secure;
    let shown = Shown {
        user_agent: client.user_agent.clone(),
        accept_language: text("accept-language"),
        sec_ch_ua: text("sec-ch-ua"),
        ..device::read(app, req.cookie(device_cookie_name(secure)).as_ref().map(Cookie::value))
    };
    let mut asking = Asking { client, shown, signed: None, bearer: None, denied: None };
    if is_machine(req.path()) {
        let header = req.headers().get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).unwrap_or_default();
        if let Some((scheme, token)) = header.split_once(' ')
            && scheme.eq_ignore_ascii_case("bearer")
        {
            match tokens::resolve(app, token.trim(), asking.client.clone()).await? {
                Ok(caller) => asking.bearer = Some(caller),
                Err(denied) => asking.denied = Some(denied),
            }
        }
    } else if let Some(cookie) = req.cookie(session_cookie_name(secure)).filter(|c| c.value().len() <= 128) {
        let person = !is_watching(req.match_pattern().as_deref());
        asking.signed = sessions::resolve(app, cookie.value(), person).await?;
    }
    Ok(asking)
}

/// Tells the shell who this is, and takes the message for this page off the session.
async fn welcome(app: &App, visit: &Rc<Visit>, asking: &Asking, shows: bool) {
    let Some(signed) = &asking.signed else { return };
    let (person, session) = (&signed.person, &signed.session);
    let mut flash = None;
    if let (true, Some(text)) = (shows, &session.flash) {
        flash = serde_json::from_str::<(String, String)>(text).ok().and_then(|(tone, text)| Some(Flash { kind: Tone::parse(&tone)?, text }));
        if let Err(error) = sessions::flash(app, &session.id, None).await {
            tracing::warn!(%error, "a message was not taken off its session");
        }
    }
    // A number in the navigation; a page is not lost for it.
    let waiting = match shows && (person.may(Permission::RecallDecide) || person.may(Permission::RecallExecute)) {
        true => recalls::queue::waiting_count(app, &asking.caller(app)).await.unwrap_or(0),
        false => 0,
    };
    let alerts = match shows && person.may(Permission::AlertAcknowledge) {
        true => alerts::open_count(app, &asking.caller(app)).await.unwrap_or(0),
        false => 0,
    };
    // Whoever relies on the trail must not miss it, whatever page they are on.
    let broken = match person.may(Permission::AuditRead) {
        true => verification::problem(app).await.unwrap_or_default(),
        false => None,
    };
    let mut viewer = Viewer {
        user: PageUser {
            name: person.name.clone(),
            roles: String::new(),
            readonly: sessions::is_read_only(person),
            readonly_until: person.valid_until,
            ask: passkeys::ask(app, Purpose::StepUp, &person.id, &person.passkeys),
            permissions: Permission::ALL.iter().copied().filter(|p| person.may(*p)).collect(),
        },
        csrf: session.csrf.clone(),
        waiting,
        alerts,
        broken,
        flash,
        lang: person.lang.as_deref().and_then(Lang::parse),
        theme: person.theme.as_deref().and_then(super::visit::Theme::parse),
        zone: Some(app.config.time_zone.clone()),
    };
    // The language is known only now, and with it the words for the roles.
    visit.sign_in(viewer.clone());
    let tr = visit.tr();
    viewer.user.roles = tr.list(&person.roles.iter().map(|r| tr.word("role", r)).collect::<Vec<_>>());
    visit.sign_in(viewer);
}

/// Why a request must not reach its handler, if so.
fn turn_away(req: &ServiceRequest, asking: &Asking, route: Option<&str>, machine: bool) -> Option<&'static str> {
    if !changes(req.method()) {
        return None;
    }
    // An unknown path is answered 404 by the router; there is nothing to keep anybody from.
    let route = route?;
    if machine {
        return match &asking.bearer {
            None => Some("not_signed_in"),
            Some(caller) if tokens::is_read_only(caller) && !readonly::allows(route.trim_start_matches("/api/v1")) => Some("read_only"),
            Some(_) => None,
        };
    }
    if OPEN.contains(&route) {
        return None;
    }
    match asking.signed.as_ref().filter(|_| asking.is_open()) {
        None => Some("not_signed_in"),
        Some(signed) if sessions::is_read_only(&signed.person) && !readonly::allows(route) => Some("read_only"),
        Some(_) => None,
    }
}

fn refusal(req: &ServiceRequest, reason: &'static str, machine: bool) -> HttpResponse {
    use actix_web::ResponseError;
    match reason {
        "read_only" => Fault::forbidden().because("fault-read-only").error_response(),
        _ if machine => Fault::new(StatusCode::UNAUTHORIZED).error_response(),
        // What they typed is lost with the session; where they were is not.
        _ => super::page::see_other(super::extract::sign_in_href(referred(req.request()).as_deref().unwrap_or("/"))),
    }
}

/// The page of ours that a post came from.
fn referred(req: &HttpRequest) -> Option<String> {
    let referer = req.headers().get(header::REFERER)?.to_str().ok()?;
    let url = url::Url::parse(referer).ok()?;
    Some(url.path().to_owned())
}

/// Records a post that came to nothing. Of strangers at one address only so many a window, with one event
/// more for all beyond, so that they cannot fill the log.
async fn record(app: &App, asking: &Asking, method: &Method, route: Option<&str>, turned: TurnedAway) -> Result<(), Fault> {
    let (caller, route) = (asking.caller(app), route.unwrap_or("unknown"));
    let mut detail = json!({ "reason": turned.reason });
    if let Some(denied) = &asking.denied {
        detail["token"] = json!({ "state": denied.state, "id": denied.id });
    }
    if caller.user_id.is_some() || asking.bearer.is_some() {
        return sessions::turned_away(app, &caller, method.as_str(), route, turned.outcome, detail).await.map_err(Fault::from);
    }
    let (key, now) = (format!("posts/{}", throttle::address_key(&asking.client.client_ip)), app.now());
    let share = app.throttle.share(&key, throttle::STRANGER_POSTS, now);
    if let Share::First { .. } = share {
        detail["reason"] = json!("too_many");
    }
    if !matches!(share, Share::Counted { .. }) {
        let outcome = if matches!(share, Share::First { .. }) { Outcome::Refused } else { turned.outcome };
        sessions::turned_away(app, &caller, method.as_str(), route, outcome, share.told(detail)).await?;
    }
    match share {
        Share::Own { .. } => Ok(()),
        // A program without a valid token hears what is wrong as often as it asks: a token is not guessed, and the log is not filled.
        _ if door::is_api(route) => Ok(()),
        Share::First { until } | Share::Counted { until } => Err(Fault::too_many(until.since(now).max(std::time::Duration::from_secs(1)))),
    }
}

/// Records that somebody known asked for what is not there, or not for them; of many such looks only so many, or looking would fill the log.
async fn missed(app: &App, asking: &Asking, method: &Method, route: Option<&str>) -> Result<(), Fault> {
    let caller = asking.caller(app);
    let share = app.throttle.share(&format!("looks/{}", caller.id), throttle::MISSED_LOOKS, app.now());
    let reason = match share {
        Share::Counted { .. } => return Ok(()),
        Share::First { .. } => "too_many",
        Share::Own { .. } => "not_found",
    };
    let detail = share.told(json!({ "reason": reason }));
    Ok(sessions::turned_away(app, &caller, method.as_str(), route.unwrap_or("unknown"), Outcome::Refused, detail).await?)
}

/// Records what is about to be shown to somebody known, if that is privileged, and what they were refused to see; and a token that is none.
async fn shown(app: &App, asking: &Asking, res: &ServiceResponse<BoxBody>) -> Result<(), Fault> {
    let req = res.request();
    if !asking.is_open() && asking.bearer.is_none() {
        // Whoever tries tokens, or goes on with one that is none any more.
        if asking.denied.is_some() && res.status() == StatusCode::UNAUTHORIZED {
            return record(app, asking, req.method(), req.match_pattern().as_deref(), TurnedAway::refused("not_signed_in")).await;
        }
        return Ok(());
    }
    let route = req.match_pattern();
    let refused = match res.status() {
        StatusCode::FORBIDDEN => Some("permission"),
        // A thing that somebody may not see is answered as one that is not there; either way they asked for it.
        StatusCode::NOT_FOUND if route.as_deref().is_some_and(looks::is_of_something) => Some("not_found"),
        _ => None,
    };
    if refused == Some("not_found") {
        return missed(app, asking, req.method(), route.as_deref()).await;
    }
    if let Some(reason) = refused {
        return record(app, asking, req.method(), route.as_deref(), TurnedAway::refused(reason)).await;
    }
    Ok(looks::record(app, &asking.caller(app), req, res.status()).await?)
}

/// A browser without a genuine device cookie gets one with its next page.
fn with_device_cookie(app: &App, visit: &Visit, asking: &Asking, mut answer: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    if asking.shown.genuine || is_machine(&visit.path) {
        return answer;
    }
    let secure = visit.shell.secure;
    let mut cookie = own_cookie(device_cookie_name(secure), device::cookie(app, &asking.shown.device_id), secure);
    cookie.set_max_age(CookieDuration::days(400));
    if let Err(error) = answer.response_mut().add_cookie(&cookie) {
        tracing::error!(%error, "device cookie");
    }
    answer
}
