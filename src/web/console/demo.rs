//! The demonstration's sign-in cards: people, passwords, live codes. Registered by `countermand demo` and by nothing else.

use actix_web::{HttpResponse, web::Data};
use askama::Template;

use crate::{
    app::App,
    crypto::totp,
    domain::role::Role,
    web::{Fault, Page, page::ok},
};

/// One person of the example company.
#[derive(Clone)]
pub struct Card {
    pub username: String,
    pub name: String,
    roles: Vec<Role>,
    pub password: String,
    secret: Vec<u8>,
}

impl Card {
    /// `secret` is base32.
    pub fn new(username: &str, name: &str, roles: &[Role], password: &str, secret: &str) -> Self {
        Self {
            username: username.to_owned(),
            name: name.to_owned(),
            roles: roles.to_vec(),
            password: password.to_owned(),
            secret: totp::from_base32(secret).unwrap_or_default(),
        }
    }
}

/// Everybody's card.
#[derive(Clone)]
pub struct Cards(pub Vec<Card>);

/// Where the emulator shows its inboxes.
#[derive(Clone)]
pub struct EmulatorAddress(pub String);

struct Row {
    name: String,
    roles: String,
    username: String,
    password: String,
    code: String,
}

#[derive(Template)]
#[template(path = "demo/show.html")]
struct Show {
    page: Page,
    rows: Vec<Row>,
    inbox: String,
}

/// `GET /demo`
pub async fn show(page: Page, app: Data<App>, cards: Data<Cards>, emulator: Data<EmulatorAddress>) -> Result<HttpResponse, Fault> {
    let now = app.now();
    let rows = cards
        .0
        .iter()
        .map(|card| Row {
            name: card.name.clone(),
            roles: card.roles.iter().map(|r| page.tr.t(&format!("role-{}", r.as_str().replace('_', "-")))).collect::<Vec<_>>().join("、"),
            username: card.username.clone(),
            password: card.password.clone(),
            code: totp::code(&card.secret, now),
        })
        .collect();
    let inbox = format!("{}/_emulator/inbox", emulator.0);
    ok(Show { page, rows, inbox })
}
