//! Invitations that are open or have run out: whom they are for, sending one again, taking one back. Inviting stands beside the list of people
//! (`console::users`), taking a link up in `console::setup`.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use askama::Template;

use super::{sessions::refuse, setup::links};
use crate::{
    app::{
        App, AppError,
        invitations::{self, Invitation, Way},
    },
    web::{Fault, FormState, Page, Posted, SignedIn, Tone, html, ok, once, see_other, view::Crumb},
};

/// Where the list is.
const HERE: &str = "/users/invitations";

/// One invitation in the list.
struct Line {
    of: Invitation,
    roles: String,
    /// What became of it, in words, and how it looks.
    state: String,
    tone: Tone,
    /// How the link went, in words.
    way: String,
}

impl Line {
    /// What tells two forms of the list apart for who cannot see the rows.
    fn label(&self) -> &str {
        self.of.name.as_deref().or(self.of.address.as_deref()).unwrap_or(&self.of.id)
    }
}

#[derive(Template)]
#[template(path = "users/invitations.html")]
struct Index {
    page: Page,
    crumbs: Vec<Crumb>,
    lines: Vec<Line>,
    form: FormState,
    /// There are more, which are older.
    more: bool,
}

#[derive(Template)]
#[template(path = "users/invited.html")]
struct Invited {
    page: Page,
    crumbs: Vec<Crumb>,
    link: String,
}

fn crumbs(page: &Page, here: String) -> Vec<Crumb> {
    vec![Crumb::link("/users", page.t("nav-users")), Crumb::here(here)]
}

async fn index_of(app: &App, me: &SignedIn, page: Page, form: FormState) -> Result<Index, Fault> {
    let found = invitations::list(app, &me.caller).await?;
    let line = |of: Invitation| Line {
        roles: page.list(&of.roles.iter().map(|r| page.word("role", r)).collect::<Vec<_>>()),
        state: page.t(if of.expired { "invitations-expired" } else { "invitations-open" }),
        tone: if of.expired { Tone::Mute } else { Tone::Info },
        way: page.word("invitation-mail", &of.mail),
        of,
    };
    Ok(Index {
        more: found.len() == invitations::SHOWN,
        lines: found.into_iter().map(line).collect(),
        form,
        crumbs: crumbs(&page, page.t("invitations-title")),
        page: page.at(HERE),
    })
}

/// `GET /users/invitations`
pub async fn index(app: Data<App>, me: SignedIn, page: Page) -> Result<HttpResponse, Fault> {
    ok(index_of(&app, &me, page, FormState::new("invitations")).await?)
}

/// The answer after a link was made: the link, once, or that it goes by mail.
pub(super) async fn went(app: &App, me: &SignedIn, page: Page, way: Way) -> Result<HttpResponse, Fault> {
    match way {
        Way::Shown(link) => {
            let link = links(app, &page, &[link]).remove(0).1;
            let crumbs = crumbs(&page, page.t("users-invited"));
            html(StatusCode::CREATED, Invited { page: page.at("/users"), crumbs, link })
        }
        Way::Mailed(to) => {
            me.flash(Tone::Ok, page.a1("invitations-mailed", "address", to)).await;
            Ok(see_other(HERE))
        }
    }
}

/// The answer to a second click on what made links: they were shown with the first answer, which the browser may have thrown away, and can be
/// made anew in the list.
pub(super) async fn went_before(me: &SignedIn, page: &Page) -> Result<HttpResponse, Fault> {
    me.flash(Tone::Warn, page.t("invitations-went-before")).await;
    Ok(see_other(HERE))
}

async fn declined(app: &App, me: &SignedIn, page: Page, posted: &Posted, error: AppError) -> Result<HttpResponse, Fault> {
    let mut form = FormState::from_posted("invitations", posted);
    let status = refuse(&mut form, error)?;
    html(status, index_of(app, me, page, form).await?)
}

fn version(posted: &Posted) -> i64 {
    posted.get("version").parse().unwrap_or(-1)
}

/// `POST /users/invitations/{id}/renewals`: another link in the place of the old one.
pub async fn send_again(req: HttpRequest, app: Data<App>, me: SignedIn, page: Page, posted: Posted, id: Path<String>) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    match once::shown(&app, &me, &req, &posted, || invitations::send_again(&app, &me.caller, &id, version(&posted))).await? {
        Ok(None) => went_before(&me, &page).await,
        Ok(Some(done)) => went(&app, &me, page, done.value).await,
        Err(error) => declined(&app, &me, page, &posted, error).await,
    }
}

/// `POST /users/invitations/{id}/revocations`
pub async fn revoke(app: Data<App>, me: SignedIn, page: Page, posted: Posted, id: Path<String>) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    match invitations::revoke(&app, &me.caller, &id, version(&posted)).await {
        Ok(_) => {
            me.flash(Tone::Ok, page.t("invitations-revoked")).await;
            Ok(see_other(HERE))
        }
        Err(error) => declined(&app, &me, page, &posted, error).await,
    }
}
