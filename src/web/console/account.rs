//! One's own account: password, second factor, sessions, tokens, language and theme.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use askama::Template;

use super::sessions::{grouped_key, refuse};
use crate::{
    app::{App, AppResult, account, caller, notices, people::Person, retention, sessions, tokens},
    clock::Instant,
    crypto::totp,
    domain::role::{self, Permission},
    i18n::Lang,
    web::{Fault, FormState, Html, Page, Posted, SignedIn, Theme, Tone, extract::visit, html, ok, qr, see_other, view::Choice},
};

/// A session as its owner sees it.
struct SessionLine {
    id: String,
    opened: Instant,
    seen: Instant,
    address: String,
    device: String,
    agent: String,
    here: bool,
}

/// A token as its owner sees it.
struct TokenLine {
    id: String,
    name: String,
    scopes: String,
    made: Instant,
    ends: Option<Instant>,
    /// Revoked or run out.
    over: bool,
}

#[derive(Template)]
#[template(path = "account/show.html")]
struct Show {
    page: Page,
    person: Person,
    roles: String,
    password: FormState,
    preferences: FormState,
    mail: FormState,
    /// Whether there is a mail server.
    mails: bool,
    token: FormState,
    langs: Vec<Choice>,
    themes: Vec<Choice>,
    scopes: Vec<Choice>,
    sessions: Vec<SessionLine>,
    tokens: Vec<TokenLine>,
    days: u32,
    may_make_tokens: bool,
}

/// The forms of the page, the one that was posted with its errors.
#[derive(Default)]
struct Forms {
    password: Option<FormState>,
    preferences: Option<FormState>,
    mail: Option<FormState>,
    token: Option<FormState>,
}

async fn page_of(app: &App, me: &SignedIn, page: Page, forms: Forms) -> Result<Show, Fault> {
    let person = account::own(app, &me.caller).await?;
    let now = app.now();
    let sessions = sessions::of_person(app, &person.id)
        .await?
        .into_iter()
        .map(|s| SessionLine {
            here: s.id == me.session_id(),
            id: s.id,
            opened: Instant(s.created_at),
            seen: Instant(s.seen_at),
            address: s.client_ip.unwrap_or_default(),
            device: caller::code(&s.device_id.unwrap_or_default()),
            agent: s.user_agent.unwrap_or_default(),
        })
        .collect();
    let tokens = tokens::list(app, &me.caller, false)
        .await?
        .into_iter()
        .map(|t| TokenLine {
            scopes: page.list(&t.scopes.split_whitespace().map(|s| page.word("permission", s)).collect::<Vec<_>>()),
            over: t.revoked_at.is_some() || t.expires_at.is_some_and(|e| now >= Instant(e)),
            id: t.id,
            name: t.name,
            made: Instant(t.created_at),
            ends: t.expires_at.map(Instant),
        })
        .collect();
    let may: Vec<Permission> = Permission::ALL.iter().copied().filter(|p| role::allows(&person.roles, *p)).collect();
    let preferences = FormState::new("account")
        .ids("pref")
        .with("lang", person.lang.clone().unwrap_or_default())
        .with("theme", person.theme.clone().unwrap_or_default());
    let mail = FormState::new("account").ids("mail").with("address", notices::address(app, &me.caller).await?);
    Ok(Show {
        roles: page.list(&person.roles.iter().map(|r| page.word("role", r)).collect::<Vec<_>>()),
        password: forms.password.unwrap_or_else(|| FormState::new("account").ids("pw")),
        preferences: forms.preferences.unwrap_or(preferences),
        mail: forms.mail.unwrap_or(mail),
        mails: app.mailer.is_some(),
        token: forms.token.unwrap_or_else(|| FormState::new("token").ids("tok")),
        langs: Lang::ALL.iter().map(|l| Choice::new(l.as_str(), page.t(if *l == Lang::En { "language-en" } else { "language-zh" }))).collect(),
        themes: Theme::ALL.iter().map(|t| Choice::new(t.as_str(), page.word("theme", t))).collect(),
        scopes: may.iter().map(|p| Choice::new(p.as_str(), page.word("permission", p))).collect(),
        sessions,
        tokens,
        days: retention::periods(app).longest(),
        may_make_tokens: !sessions::is_read_only(&person),
        person,
        page: page.at("/account"),
    })
}

/// `GET /account`
pub async fn show(app: Data<App>, me: SignedIn, page: Page) -> Result<HttpResponse, Fault> {
    ok(page_of(&app, &me, page, Forms::default()).await?)
}

/// `POST /account/password`
pub async fn password(app: Data<App>, me: SignedIn, page: Page, posted: Posted) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    let result =
        account::password_change(&app, &me.caller, posted.get("password"), posted.get("new_password"), posted.get("new_password_again")).await;
    match result {
        Ok(_) => {
            me.flash(Tone::Ok, page.t("account-password-done")).await;
            Ok(see_other("/account"))
        }
        Err(error) => {
            let mut form = FormState::from_posted("account", &posted).ids("pw");
            let status = refuse(&mut form, error)?;
            html(status, page_of(&app, &me, page, Forms { password: Some(form), ..Forms::default() }).await?)
        }
    }
}

/// `POST /account/preferences`
pub async fn preferences(req: HttpRequest, app: Data<App>, me: SignedIn, page: Page, posted: Posted) -> Result<HttpResponse, Fault> {
    let (lang, theme) = (Lang::parse(posted.get("lang")), Theme::parse(posted.get("theme")));
    account::preferences_set(&app, &me.caller, lang.map(Lang::as_str), theme.map(Theme::as_str)).await?;
    visit(&req)?.prefer(lang, theme);
    me.flash(Tone::Ok, page.t("account-preferences-done")).await;
    Ok(see_other("/account"))
}

/// `POST /account/mail-address`
pub async fn mail_address(app: Data<App>, me: SignedIn, page: Page, posted: Posted) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    match notices::address_set(&app, &me.caller, posted.get("address")).await {
        Ok(_) => {
            me.flash(Tone::Ok, page.t("account-mail-done")).await;
            Ok(see_other("/account"))
        }
        Err(error) => {
            let mut form = FormState::from_posted("account", &posted).ids("mail");
            let status = refuse(&mut form, error)?;
            html(status, page_of(&app, &me, page, Forms { mail: Some(form), ..Forms::default() }).await?)
        }
    }
}

/// `POST /account/sessions/{id}/revocations`
pub async fn revoke_session(app: Data<App>, me: SignedIn, page: Page, _posted: Posted, id: Path<String>) -> Result<HttpResponse, Fault> {
    sessions::revoke(&app, &me.caller, &id).await?;
    me.flash(Tone::Ok, page.t("account-session-revoked")).await;
    Ok(see_other("/account"))
}

#[derive(Template)]
#[template(path = "account/second_factor.html")]
struct SecondFactor {
    page: Page,
    form: FormState,
    sealed: String,
    key: String,
    qr: Option<Html>,
}

impl SecondFactor {
    fn new(app: &App, me: &SignedIn, page: Page, form: FormState, secret: Option<Vec<u8>>) -> Self {
        let secret = secret.unwrap_or_else(totp::fresh_secret);
        let sealed = sessions::enrolment_seal(app, me.session_id(), &secret);
        let qr = qr::svg(&totp::address(&secret, &me.person().username), &page.t("enrolment-qr"));
        Self { form, sealed, key: grouped_key(&secret), qr, page }
    }
}

/// `GET /account/second-factor`
pub async fn second_factor(app: Data<App>, me: SignedIn, page: Page) -> Result<HttpResponse, Fault> {
    ok(SecondFactor::new(&app, &me, page, FormState::new("account"), None))
}

/// `POST /account/second-factor`
pub async fn replace_second_factor(app: Data<App>, me: SignedIn, page: Page, posted: Posted) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    let sealed = posted.get("sealed");
    match account::second_factor_replace(&app, &me.caller, sealed, posted.get("totp"), posted.get("new_totp")).await {
        Ok(_) => {
            me.flash(Tone::Ok, page.t("account-second-factor-done")).await;
            Ok(see_other("/account"))
        }
        Err(error) => {
            let mut form = FormState::from_posted("account", &posted);
            let status = refuse(&mut form, error)?;
            let secret = sessions::enrolment_open(&app, me.session_id(), sealed);
            html(status, SecondFactor::new(&app, &me, page, form, secret))
        }
    }
}

#[derive(Template)]
#[template(path = "account/token.html")]
pub(super) struct TokenMade {
    page: Page,
    name: String,
    token: String,
    back: &'static str,
}

impl TokenMade {
    pub(super) fn new(page: Page, posted: &Posted, token: String, back: &'static str) -> Self {
        Self { page, name: posted.get("name").to_owned(), token, back }
    }
}

/// Makes what a form asks for: one's own token or a service's; the token, as it is shown once.
pub(super) async fn make_token(app: &App, me: &SignedIn, page: &Page, posted: &Posted, service: bool) -> AppResult<String> {
    // To the end of the day that was typed; what is none, or is over, is refused there.
    let typed = posted.get("ends").trim();
    let until = page.end_of_day(typed).filter(|at| *at > page.now).unwrap_or(Instant(0));
    let expires_at = (!typed.is_empty()).then_some(until);
    let new = tokens::NewToken { name: posted.get("name").to_owned(), scopes: posted.all("scopes").to_vec(), user: None, expires_at };
    Ok(tokens::create(app, &me.caller, new, service, posted.get("totp")).await?.value.secret)
}

/// `POST /account/tokens`: the answer shows the token, once.
pub async fn create_token(app: Data<App>, me: SignedIn, page: Page, posted: Posted) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    match make_token(&app, &me, &page, &posted, false).await {
        Ok(token) => html(StatusCode::CREATED, TokenMade::new(page.at("/account"), &posted, token, "/account")),
        Err(error) => {
            let mut form = FormState::from_posted("token", &posted).ids("tok");
            let status = refuse(&mut form, error)?;
            html(status, page_of(&app, &me, page, Forms { token: Some(form), ..Forms::default() }).await?)
        }
    }
}

/// `POST /account/tokens/{id}/revocations`
pub async fn revoke_token(app: Data<App>, me: SignedIn, page: Page, _posted: Posted, id: Path<String>) -> Result<HttpResponse, Fault> {
    tokens::revoke(&app, &me.caller, &id).await?;
    me.flash(Tone::Ok, page.t("account-token-revoked")).await;
    Ok(see_other("/account"))
}
