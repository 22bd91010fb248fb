//! One's own passkeys and recovery codes. Signing in with them is in `sessions`, decisions that they sign in `recalls`.

use actix_web::{HttpResponse, http::StatusCode, web::Data};
use askama::Template;

use super::sessions::refuse;
use crate::{
    app::{
        App, account,
        passkeys::{self, New},
    },
    clock::Instant,
    crypto::webauthn::{Algorithm, Key},
    web::{
        Fault, FormState, Page, Posted, SignedIn, Tone, html, ok, see_other,
        view::{Choice, Crumb},
    },
};

/// A passkey as its owner sees it.
struct Line {
    name: String,
    synced: bool,
    algorithm: &'static str,
    made: Instant,
    used: Option<Instant>,
}

#[derive(Template)]
#[template(path = "account/passkeys.html")]
struct Passkeys {
    page: Page,
    crumbs: Vec<Crumb>,
    lines: Vec<Line>,
    choices: Vec<Choice>,
    /// What a new one is made by; `None` where the address of this server can have none.
    fresh: Option<String>,
    codes_left: i64,
    add: FormState,
    removal: FormState,
    codes: FormState,
}

/// The forms of the page, the one that was posted with its errors.
#[derive(Default)]
struct Forms {
    add: Option<FormState>,
    removal: Option<FormState>,
    codes: Option<FormState>,
}

async fn page_of(app: &App, me: &SignedIn, page: Page, forms: Forms) -> Result<Passkeys, Fault> {
    let person = account::own(app, &me.caller).await?;
    let (rows, codes_left) = passkeys::own(app, &me.caller).await?;
    let known: Vec<Vec<u8>> = rows.iter().map(|row| row.credential_id.clone()).collect();
    Ok(Passkeys {
        crumbs: vec![Crumb::link("/account", page.t("account-title")), Crumb::here(page.t("passkeys-title"))],
        fresh: passkeys::ask_for_new(app, &person.id, &person.username, &person.name, &known),
        choices: rows.iter().map(|row| Choice::new(&row.id, &row.name)).collect(),
        lines: rows
            .into_iter()
            .map(|row| Line {
                algorithm: Key::from_spki(&row.public_key).map(|key| key.algorithm()).map_or("", Algorithm::as_str),
                name: row.name,
                synced: row.synced != 0,
                made: Instant(row.created_at),
                used: row.used_at.map(Instant),
            })
            .collect(),
        codes_left,
        add: forms.add.unwrap_or_else(|| FormState::new("passkey").ids("add")),
        removal: forms.removal.unwrap_or_else(|| FormState::new("passkey").ids("removal")),
        codes: forms.codes.unwrap_or_else(|| FormState::new("passkey").ids("codes")),
        page: page.at("/account/passkeys"),
    })
}

/// `GET /account/passkeys`
pub async fn index(app: Data<App>, me: SignedIn, page: Page) -> Result<HttpResponse, Fault> {
    ok(page_of(&app, &me, page, Forms::default()).await?)
}

/// `POST /account/passkeys`
pub async fn add(app: Data<App>, me: SignedIn, page: Page, posted: Posted) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    let text = |field: &str| posted.get(field).to_owned();
    match passkeys::add(&app, &me.caller, New { name: text("name"), created: text("created"), code: text("totp") }).await {
        Ok(_) => {
            me.flash(Tone::Ok, page.t("passkey-added")).await;
            Ok(see_other("/account/passkeys"))
        }
        Err(error) => {
            let mut form = FormState::from_posted("passkey", &posted).ids("add");
            let status = refuse(&mut form, error)?;
            html(status, page_of(&app, &me, page, Forms { add: Some(form), ..Forms::default() }).await?)
        }
    }
}

/// `POST /account/passkeys/removals`
pub async fn remove(app: Data<App>, me: SignedIn, page: Page, posted: Posted) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    match passkeys::remove(&app, &me.caller, posted.get("passkey"), posted.get("totp")).await {
        Ok(_) => {
            me.flash(Tone::Ok, page.t("passkey-removed")).await;
            Ok(see_other("/account/passkeys"))
        }
        Err(error) => {
            let mut form = FormState::from_posted("passkey", &posted).ids("removal");
            let status = refuse(&mut form, error)?;
            html(status, page_of(&app, &me, page, Forms { removal: Some(form), ..Forms::default() }).await?)
        }
    }
}

#[derive(Template)]
#[template(path = "account/recovery_codes.html")]
struct Codes {
    page: Page,
    crumbs: Vec<Crumb>,
    codes: Vec<String>,
}

/// `POST /account/recovery-codes`: the answer shows them, once.
pub async fn make_codes(app: Data<App>, me: SignedIn, page: Page, posted: Posted) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    match passkeys::recovery_codes(&app, &me.caller, posted.get("totp")).await {
        Ok(done) => {
            let crumbs = vec![
                Crumb::link("/account", page.t("account-title")),
                Crumb::link("/account/passkeys", page.t("passkeys-title")),
                Crumb::here(page.t("recovery-made")),
            ];
            html(StatusCode::CREATED, Codes { crumbs, page: page.at("/account/passkeys"), codes: done.value })
        }
        Err(error) => {
            let mut form = FormState::from_posted("passkey", &posted).ids("codes");
            let status = refuse(&mut form, error)?;
            html(status, page_of(&app, &me, page, Forms { codes: Some(form), ..Forms::default() }).await?)
        }
    }
}
