//! The outermost middleware: makes the [`Visit`], sets the security headers and cookies, turns faults into pages or problems, logs the request.

use std::rc::Rc;

use actix_web::{
    Error, HttpMessage, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{
        Method, StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
    middleware::Next,
    web,
};
use askama::Template;

use super::{
    again::Again,
    fault::Fault,
    page::Page,
    problem::Problem,
    visit::{Shell, Visit},
};
use crate::i18n::Tr;

/// Everything is ours and nothing is inline.
pub const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

const HEADERS: [(&str, &str); 7] = [
    ("content-security-policy", CSP),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
];

/// The middleware; goes around everything, by `from_fn`.
pub async fn shell(mut req: ServiceRequest, next: Next<impl MessageBody + 'static>) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(data) = req.app_data::<web::Data<Shell>>().cloned() else {
        return Err(InternalError::new("no Shell in the application's data", StatusCode::INTERNAL_SERVER_ERROR).into());
    };
    let visit = Rc::new(Visit::begin(&req, data));
    req.extensions_mut().insert(visit.clone());
    let (method, started) = (req.method().clone(), std::time::Instant::now());
    // Programs and watchers ask with HEAD; it is a GET whose body the server leaves out. Not so for people's pages, whose showing is an event.
    if method == Method::HEAD && (super::gate::is_machine(req.path()) || super::gate::is_public(req.path())) {
        req.head_mut().method = Method::GET;
    }
    let answer = match next.call(req).await {
        Ok(res) => {
            let (req, res) = res.into_parts();
            Ok(ServiceResponse::new(req, dress(res.map_into_boxed_body(), &visit)))
        }
        // An inner middleware refused: the request is gone, the answer is made from what the visit knows.
        Err(error) => Err(dress(error.error_response(), &visit)),
    };
    let status = answer.as_ref().map_or_else(HttpResponse::status, ServiceResponse::status);
    super::metrics::count(status);
    // Without the query, which may hold what people searched for, and without secrets in the path.
    tracing::info!(id = %visit.request_id, %method, path = %visit.logged_path(), status = status.as_u16(), ms = started.elapsed().as_millis(), "request");
    answer.map_err(|res| InternalError::from_response("refused", res).into())
}

fn dress(res: HttpResponse, visit: &Rc<Visit>) -> HttpResponse {
    let status = res.status();
    let mut res = if (status.is_client_error() || status.is_server_error()) && !is_written(&res) { tell(res, visit) } else { res };
    let headers = res.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if visit.shell.secure {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if let Ok(id) = HeaderValue::from_str(&visit.request_id) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    for cookie in visit.cookies() {
        if let Err(error) = res.add_cookie(&cookie) {
            tracing::error!(id = %visit.request_id, %error, "cookie");
        }
    }
    res
}

/// Whether a handler wrote this answer itself: a page with its form, a problem, a file.
fn is_written(res: &HttpResponse) -> bool {
    res.extensions().get::<Fault>().is_none()
        && res.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).is_some_and(|t| !t.starts_with("text/plain"))
}

/// Writes the page or the problem of an answer that has none.
fn tell(bare: HttpResponse, visit: &Rc<Visit>) -> HttpResponse {
    let fault = bare.extensions().get::<Fault>().cloned().unwrap_or_else(|| Fault::new(bare.status()));
    match (fault.cause(), bare.error()) {
        (Some(cause), _) => tracing::error!(id = %visit.request_id, path = %visit.logged_path(), cause, "fault"),
        (None, Some(error)) if fault.status().is_server_error() => {
            tracing::error!(id = %visit.request_id, path = %visit.logged_path(), cause = %error, "fault")
        }
        _ => {}
    }
    let mut res = HttpResponse::build(fault.status());
    let kept = super::api::door::RATE_LIMIT.map(HeaderName::from_static);
    for name in [header::RETRY_AFTER, header::ALLOW].into_iter().chain(kept) {
        if let Some(value) = bare.headers().get(&name) {
            res.insert_header((name, value.clone()));
        }
    }
    let machine = super::gate::is_machine(&visit.path);
    if machine && fault.status() == StatusCode::UNAUTHORIZED {
        res.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
    }
    for cookie in bare.cookies() {
        res.cookie(cookie.into_owned());
    }
    if machine {
        return res.content_type("application/problem+json").body(Problem::of(&fault, visit).json());
    }
    match page(&fault, visit) {
        Ok(body) => res.content_type("text/html; charset=utf-8").body(body),
        Err(error) => {
            tracing::error!(id = %visit.request_id, %error, "the error page itself failed");
            res.content_type("text/plain; charset=utf-8").body(fault.status().to_string())
        }
    }
}

/// Title and next step of a fault.
pub(super) fn words(tr: &Tr, fault: &Fault) -> (String, String) {
    let code = fault.status().as_u16();
    let known = |code: u16| tr.has(&format!("fault-{code}"));
    let code = if known(code) {
        code
    } else if code < 500 {
        400
    } else {
        500
    };
    let args: Vec<(&str, &str)> = fault.args().iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let mut help = fault.reason().map_or_else(|| tr.t(&format!("fault-{code}-help")), |key| tr.a(key, &args));
    if let Some(seconds) = fault.retry_after() {
        help.push_str(&tr.a1("fault-retry", "time", tr.duration(std::time::Duration::from_secs(seconds))));
    }
    let title = fault.reason().and_then(|key| tr.maybe(&format!("{key}-title")));
    (title.unwrap_or_else(|| tr.t(&format!("fault-{code}"))), help)
}

#[derive(Template)]
#[template(path = "errors/outside.html")]
struct Outside {
    page: Page,
    status: u16,
    title: String,
    help: String,
    again: Option<Again>,
}

#[derive(Template)]
#[template(path = "errors/inside.html")]
struct Inside {
    page: Page,
    status: u16,
    title: String,
    help: String,
    again: Option<Again>,
}

fn page(fault: &Fault, visit: &Rc<Visit>) -> askama::Result<String> {
    let page = Page::of(visit);
    let (title, help) = words(&page.tr, fault);
    let status = fault.status().as_u16();
    // Where the store will take it later, nothing that was typed is lost.
    let again = visit.kept().filter(|_| fault.status() == StatusCode::SERVICE_UNAVAILABLE).map(|kept| Again::of(&kept, &visit.path, &page.tr));
    if page.user.is_some() { Inside { page, status, title, help, again }.render() } else { Outside { page, status, title, help, again }.render() }
}
