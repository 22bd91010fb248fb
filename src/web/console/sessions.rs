//! Signing in and out: password, then code or enrolment.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Query},
};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::{
        App, AppError,
        passkeys::{self, Purpose},
        retention, sessions,
    },
    crypto::totp,
    domain::account::SessionState,
    web::{
        Fault, FormState, Guest, Html, Page, Pending, Posted, SignedIn,
        extract::{local, visit},
        gate::session_cookie,
        html, ok, qr, see_other,
    },
};

/// The way back after signing in.
#[derive(Deserialize)]
pub struct Way {
    #[serde(default)]
    next: String,
}

#[derive(Template)]
#[template(path = "session/sign_in.html")]
struct SignIn {
    page: Page,
    form: FormState,
    next: String,
    days: u32,
}

/// `GET /sign-in`
pub async fn new(app: Data<App>, guest: Guest, page: Page, way: Query<Way>) -> Result<HttpResponse, Fault> {
    let next = local(&way.next).to_owned();
    if guest.is_signed_in() {
        return Ok(see_other(next));
    }
    ok(SignIn::new(&app, page, FormState::new("session"), next))
}

impl SignIn {
    fn new(app: &App, mut page: Page, form: FormState, next: String) -> Self {
        page.ask = passkeys::ask_anybody(app);
        Self { page: page.at("/sign-in"), form, next, days: retention::periods(app).longest() }
    }
}

/// `POST /sessions`: name and password.
pub async fn create(app: Data<App>, req: HttpRequest, guest: Guest, page: Page, posted: Posted) -> Result<HttpResponse, Fault> {
    let next = local(posted.get("next")).to_owned();
    let device = guest.device(&posted);
    match sessions::begin(&app, guest.client(), Some(device), posted.get("account"), posted.get("password")).await {
        Ok(done) => {
            let step = if done.value.state == SessionState::Enrolment { "/sessions/enrolment" } else { "/sessions/verification" };
            let mut res = see_other(with_next(step, &next));
            put_cookie(&req, &mut res, &done.value.cookie)?;
            Ok(res)
        }
        Err(error) => {
            let mut form = FormState::from_posted("session", &posted);
            let status = refuse(&mut form, error)?;
            html(status, SignIn::new(&app, page, form, next))
        }
    }
}

/// `POST /sessions/passkeys`: a passkey in the place of name, password and code.
pub async fn create_by_passkey(app: Data<App>, req: HttpRequest, guest: Guest, page: Page, posted: Posted) -> Result<HttpResponse, Fault> {
    let next = local(posted.get("next")).to_owned();
    let device = guest.device(&posted);
    match sessions::open(&app, guest.client(), Some(device), posted.get("totp")).await {
        Ok(done) => {
            let mut res = see_other(&next);
            put_cookie(&req, &mut res, &done.value.cookie)?;
            Ok(res)
        }
        Err(error) => {
            let mut form = FormState::from_posted("session", &posted);
            let status = refuse(&mut form, about_form(error))?;
            html(status, SignIn::new(&app, page, form, next))
        }
    }
}

/// A refusal of the field that a passkey's answer came in, where the page has no such field.
fn about_form(error: AppError) -> AppError {
    match error {
        AppError::Invalid(fields) => AppError::refused(fields.first().map_or("passkey-stale", |f| f.kind)),
        other => other,
    }
}

#[derive(Template)]
#[template(path = "session/verification.html")]
struct Verification {
    page: Page,
    form: FormState,
    recovery: FormState,
    next: String,
    name: String,
}

/// `GET /sessions/verification`
pub async fn verification(app: Data<App>, pending: Pending, page: Page, way: Query<Way>) -> Result<HttpResponse, Fault> {
    if pending.state == SessionState::Enrolment {
        return Ok(see_other(with_next("/sessions/enrolment", local(&way.next))));
    }
    let next = local(&way.next).to_owned();
    ok(Verification::new(&app, page, &pending, FormState::new("session"), next))
}

impl Verification {
    fn new(app: &App, mut page: Page, pending: &Pending, form: FormState, next: String) -> Self {
        let person = &pending.signed.person;
        page.ask = passkeys::ask(app, Purpose::SignIn, &person.id, &person.passkeys);
        Self { page, form, recovery: FormState::new("session").ids("recovery"), next, name: person.name.clone() }
    }
}

/// `POST /sessions/verification`: the code, the answer of a passkey in its place, or a recovery code.
pub async fn verify(app: Data<App>, req: HttpRequest, pending: Pending, page: Page, posted: Posted) -> Result<HttpResponse, Fault> {
    let next = local(posted.get("next")).to_owned();
    let device = pending.guest.device(&posted);
    let by_recovery = posted.get("totp").is_empty() && !posted.get("recovery_code").is_empty();
    let code = posted.get(if by_recovery { "recovery_code" } else { "totp" });
    match sessions::verify(&app, &pending.signed, pending.guest.client(), Some(device), code).await {
        Ok(done) => {
            let mut res = see_other(&next);
            put_cookie(&req, &mut res, &done.value.cookie)?;
            Ok(res)
        }
        Err(error) if is_over(&error) => Ok(see_other(with_next("/sign-in", &next))),
        Err(error) => {
            let mut form = FormState::from_posted("session", &posted);
            let status = refuse(&mut form, error)?;
            let mut shown = Verification::new(&app, page, &pending, form, next);
            if by_recovery {
                shown.recovery = std::mem::replace(&mut shown.form, FormState::new("session")).ids("recovery");
            }
            html(status, shown)
        }
    }
}

#[derive(Template)]
#[template(path = "session/enrolment.html")]
struct Enrolment {
    page: Page,
    form: FormState,
    next: String,
    sealed: String,
    key: String,
    qr: Option<Html>,
}

impl Enrolment {
    fn new(app: &App, page: Page, pending: &Pending, form: FormState, next: String, secret: Option<Vec<u8>>) -> Self {
        let secret = secret.unwrap_or_else(totp::fresh_secret);
        let sealed = sessions::enrolment_seal(app, &pending.signed.session.id, &secret);
        let qr = qr::svg(&totp::address(&secret, &pending.signed.person.username), &page.t("enrolment-qr"));
        Self { form, next, sealed, key: grouped_key(&secret), qr, page }
    }
}

/// The secret as people type it: groups of four.
pub(super) fn grouped_key(secret: &[u8]) -> String {
    totp::base32(secret).as_bytes().chunks(4).map(|c| String::from_utf8_lossy(c).into_owned()).collect::<Vec<_>>().join(" ")
}

/// `GET /sessions/enrolment`
pub async fn enrolment(app: Data<App>, pending: Pending, page: Page, way: Query<Way>) -> Result<HttpResponse, Fault> {
    if pending.state == SessionState::SecondFactor {
        return Ok(see_other(with_next("/sessions/verification", local(&way.next))));
    }
    let next = local(&way.next).to_owned();
    ok(Enrolment::new(&app, page, &pending, FormState::new("session"), next, None))
}

/// `POST /sessions/enrolment`: the first code of a new second factor.
pub async fn enrol(app: Data<App>, req: HttpRequest, pending: Pending, page: Page, posted: Posted) -> Result<HttpResponse, Fault> {
    let next = local(posted.get("next")).to_owned();
    let device = pending.guest.device(&posted);
    match sessions::enrol(&app, &pending.signed, pending.guest.client(), Some(device), posted.get("sealed"), posted.get("totp")).await {
        Ok(done) => {
            let mut res = see_other(&next);
            put_cookie(&req, &mut res, &done.value.cookie)?;
            Ok(res)
        }
        Err(error) if is_over(&error) => Ok(see_other(with_next("/sign-in", &next))),
        Err(error) => {
            let mut form = FormState::from_posted("session", &posted);
            let status = refuse(&mut form, error)?;
            // The same secret again: it is in their authenticator by now.
            let secret = sessions::enrolment_open(&app, &pending.signed.session.id, posted.get("sealed"));
            html(status, Enrolment::new(&app, page, &pending, form, next, secret))
        }
    }
}

/// `POST /sessions/current/closures`: sign out.
pub async fn close(app: Data<App>, req: HttpRequest, me: SignedIn, _posted: Posted) -> Result<HttpResponse, Fault> {
    sessions::close(&app, &me.caller).await?;
    let mut res = see_other("/sign-in");
    put_cookie(&req, &mut res, "")?;
    Ok(res)
}

fn put_cookie(req: &HttpRequest, res: &mut HttpResponse, value: &str) -> Result<(), Fault> {
    res.add_cookie(&session_cookie(visit(req)?.shell.secure, value)).map_err(Fault::internal)
}

fn with_next(path: &str, next: &str) -> String {
    if next == "/" {
        return path.to_owned();
    }
    format!("{path}?{}", url::form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish())
}

fn is_over(error: &AppError) -> bool {
    matches!(error, AppError::Refused { kind: "session-over", .. })
}

/// The refusal on the form, and the status of its page.
pub(super) fn refuse(form: &mut FormState, error: AppError) -> Result<StatusCode, Fault> {
    let status = match &error {
        AppError::TooMany { retry_after } => {
            form.refuse_with("", "refusal-too-many", &[("minutes", &retry_after.div_ceil(60))]);
            return Ok(StatusCode::TOO_MANY_REQUESTS);
        }
        AppError::Refused { .. } | AppError::Conflict => StatusCode::CONFLICT,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    form.refuse_all(error)?;
    Ok(status)
}
