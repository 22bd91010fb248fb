//! The set-up link and invitations: how a person comes to have an account.

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use askama::Template;

use super::sessions::refuse;
use crate::{
    app::{
        App, AppError, retention,
        setup::{self, Link, NewAccount, Offer},
    },
    web::{Fault, FormState, Guest, Page, Posted, html, ok},
};

#[derive(Template)]
#[template(path = "setup/account.html")]
struct Account {
    page: Page,
    form: FormState,
    action: String,
    setup: bool,
    /// Their roles in words.
    roles: String,
    department: Option<String>,
    days: u32,
}

impl Account {
    fn new(app: &App, page: Page, form: FormState, kind: &str, token: &str, offer: &Offer) -> Self {
        let roles = page.list(&offer.roles.iter().map(|r| page.word("role", r)).collect::<Vec<_>>());
        let action = if kind == "setup" { format!("/setup/{token}") } else { format!("/invitations/{token}") };
        Self {
            form,
            action,
            setup: kind == "setup",
            roles,
            department: offer.department.clone(),
            days: retention::periods(app).longest(),
            page: page.at("/sign-in"),
        }
    }
}

#[derive(Template)]
#[template(path = "setup/done.html")]
struct Finished {
    page: Page,
    /// Roles in words and the address to hand over.
    links: Vec<(String, String)>,
}

async fn show(app: &App, page: Page, kind: &'static str, token: &str) -> Result<HttpResponse, Fault> {
    let offer = setup::offer(app, kind, token).await?.ok_or_else(stale)?;
    let form = FormState::new("account").with("display_name", offer.name.clone().unwrap_or_default());
    ok(Account::new(app, page, form, kind, token, &offer))
}

fn stale() -> Fault {
    Fault::not_found().because("refusal-link-stale")
}

async fn take(app: &App, guest: &Guest, page: Page, posted: &Posted, kind: &'static str, token: &str) -> Result<HttpResponse, Fault> {
    let form = NewAccount {
        username: posted.get("username").to_owned(),
        display_name: posted.get("display_name").to_owned(),
        password: posted.get("password").to_owned(),
        password_again: posted.get("password_again").to_owned(),
    };
    match setup::accept(app, guest.client(), Some(guest.device(posted)), kind, token, form).await {
        Ok(done) => {
            let links = links(app, &page, &done.value);
            html(StatusCode::CREATED, Finished { page: page.at("/sign-in"), links })
        }
        Err(AppError::NotFound) => Err(stale()),
        Err(error) => {
            let offer = setup::offer(app, kind, token).await?.ok_or_else(stale)?;
            let mut form = FormState::from_posted("account", posted);
            let status = refuse(&mut form, error)?;
            html(status, Account::new(app, page, form, kind, token, &offer))
        }
    }
}

/// Links with the roles they give, as people are shown them.
pub(super) fn links(app: &App, page: &Page, made: &[Link]) -> Vec<(String, String)> {
    let base = app.config.public_url.trim_end_matches('/');
    made.iter().map(|l| (page.list(&l.roles.iter().map(|r| page.word("role", r)).collect::<Vec<_>>()), format!("{base}{}", l.path))).collect()
}

/// `GET /setup/{token}`
pub async fn setup(app: Data<App>, page: Page, token: Path<String>) -> Result<HttpResponse, Fault> {
    show(&app, page, "setup", &token).await
}

/// `POST /setup/{token}`
pub async fn set_up(app: Data<App>, guest: Guest, page: Page, posted: Posted, token: Path<String>) -> Result<HttpResponse, Fault> {
    take(&app, &guest, page, &posted, "setup", &token).await
}

/// `GET /invitations/{token}`
pub async fn invitation(app: Data<App>, page: Page, token: Path<String>) -> Result<HttpResponse, Fault> {
    show(&app, page, "invite", &token).await
}

/// `POST /invitations/{token}`
pub async fn accept(app: Data<App>, guest: Guest, page: Page, posted: Posted, token: Path<String>) -> Result<HttpResponse, Fault> {
    take(&app, &guest, page, &posted, "invite", &token).await
}
