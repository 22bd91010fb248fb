//! Who is in: everybody's sessions, for the security administrator, and everybody's tokens, for the system and the security administrator.
//! One's own are on `/account`.

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Data, Path, Query},
};
use askama::Template;
use serde::Deserialize;

use super::sessions::refuse;
use crate::{
    app::{
        App, AppResult, Done, Turn, caller,
        sessions::overview::{self, Overseen, Which},
        tokens,
    },
    clock::Instant,
    domain::role::Permission,
    web::{Fault, FormState, Page, Posted, SignedIn, Tone, html, ok, see_other, view::Choice},
};

/// What a list is asked for.
#[derive(Default, Deserialize)]
pub struct Asked {
    /// The id of a person.
    #[serde(default)]
    user: String,
    /// The last id of the page before.
    #[serde(default)]
    after: String,
    /// The first id of the page after.
    #[serde(default)]
    before: String,
}

impl Asked {
    fn turn(&self) -> Turn {
        let given = |id: &String| Some(id.clone()).filter(|id| !id.is_empty());
        Turn::of(given(&self.after), given(&self.before))
    }

    fn href(&self, at: &str, place: &str, id: &str) -> String {
        let given = [("user", self.user.as_str()), (place, id)].into_iter().filter(|(_, v)| !v.is_empty());
        format!("{at}?{}", url::form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish())
    }
}

#[derive(Template)]
#[template(path = "access/sessions.html")]
struct Sessions {
    page: Page,
    lines: Vec<Overseen>,
    form: FormState,
    /// Whose sessions are shown, if they are one person's.
    user: String,
    /// The session of who looks.
    here: String,
    previous: Option<String>,
    next: Option<String>,
}

impl Sessions {
    fn device(&self, line: &Overseen) -> String {
        caller::code(line.row.device_id.as_deref().unwrap_or_default())
    }

    /// What the form does without a button of its own: the only choice that names nobody else.
    fn action(&self) -> String {
        match (self.user.as_str(), self.lines.first()) {
            ("", Some(first)) => format!("/sessions/{}/revocations", first.row.id),
            (user, _) => format!("/users/{user}/session-revocations"),
        }
    }

    fn since(&self, line: &Overseen) -> Instant {
        Instant(line.row.created_at)
    }

    fn seen(&self, line: &Overseen) -> Instant {
        Instant(line.row.seen_at)
    }
}

async fn sessions_of(app: &App, me: &SignedIn, page: Page, asked: Asked, form: FormState) -> Result<Sessions, Fault> {
    let user = Some(asked.user.clone()).filter(|user| !user.is_empty());
    let (lines, above, below) = overview::list(app, &me.caller, user, asked.turn()).await?;
    Ok(Sessions {
        lines,
        form,
        here: me.session_id().to_owned(),
        previous: above.map(|id| asked.href("/sessions", "before", &id)),
        next: below.map(|id| asked.href("/sessions", "after", &id)),
        user: asked.user,
        page: page.at("/sessions"),
    })
}

/// `GET /sessions`
pub async fn sessions(app: Data<App>, me: SignedIn, page: Page, asked: Query<Asked>) -> Result<HttpResponse, Fault> {
    ok(sessions_of(&app, &me, page, asked.into_inner(), FormState::new("access")).await?)
}

/// `POST /sessions/{id}/revocations`
pub async fn end_session(app: Data<App>, me: SignedIn, page: Page, posted: Posted, id: Path<String>) -> Result<HttpResponse, Fault> {
    let ended = overview::end(&app, &me.caller, Which::One(id.into_inner()), posted.get("reason")).await;
    answer(&app, &me, page, &posted, ended).await
}

/// `POST /users/{id}/session-revocations`
pub async fn end_sessions(app: Data<App>, me: SignedIn, page: Page, posted: Posted, id: Path<String>) -> Result<HttpResponse, Fault> {
    let ended = overview::end(&app, &me.caller, Which::OfPerson(id.into_inner()), posted.get("reason")).await;
    answer(&app, &me, page, &posted, ended).await
}

async fn answer(app: &App, me: &SignedIn, page: Page, posted: &Posted, ended: AppResult<Done<usize>>) -> Result<HttpResponse, Fault> {
    match ended {
        Ok(done) => {
            me.flash(Tone::Ok, page.n("access-ended", u64::try_from(done.value).unwrap_or(0))).await;
            Ok(see_other("/sessions"))
        }
        Err(error) => {
            let mut form = FormState::from_posted("access", posted);
            let status: StatusCode = refuse(&mut form, error)?;
            html(status, sessions_of(app, me, page, Asked { user: posted.get("user").to_owned(), ..Asked::default() }, form).await?)
        }
    }
}

/// A token as who looks after all of them sees it.
struct TokenLine {
    id: String,
    name: String,
    owner: Option<String>,
    owner_id: String,
    scopes: String,
    made: Instant,
    used: Option<Instant>,
    ends: Option<Instant>,
    /// Key of what is to be mended, with its tone.
    warnings: Vec<(Tone, &'static str)>,
}

#[derive(Template)]
#[template(path = "access/tokens.html")]
struct Tokens {
    page: Page,
    /// The form for a service's token, for who may make one.
    form: Option<FormState>,
    scopes: Vec<Choice>,
    lines: Vec<TokenLine>,
    previous: Option<String>,
    next: Option<String>,
}

async fn tokens_of(app: &App, me: &SignedIn, page: Page, asked: &Asked, form: FormState) -> Result<Tokens, Fault> {
    let (found, above, below) = tokens::overview(app, &me.caller, asked.turn()).await?;
    let now = page.now;
    let line = |t: tokens::Overseen| {
        let ends = t.row.expires_at.map(Instant);
        let used = t.row.last_used_at.map(Instant);
        let over = ends.is_some_and(|at| now >= at);
        let unused = now.since(used.unwrap_or(Instant(t.row.created_at))) >= tokens::UNUSED;
        let judged = [
            (over, Tone::Mute, "tokens-over"),
            (!over && ends.is_none(), Tone::Warn, "tokens-endless"),
            (!over && unused, Tone::Warn, "tokens-unused"),
        ];
        TokenLine {
            scopes: page.list(&t.row.scopes.split_whitespace().map(|s| page.word("permission", s)).collect::<Vec<_>>()),
            warnings: judged.into_iter().filter(|(holds, _, _)| *holds).map(|(_, tone, key)| (tone, key)).collect(),
            made: Instant(t.row.created_at),
            owner_id: t.row.user_id.unwrap_or_default(),
            id: t.row.id,
            name: t.row.name,
            owner: t.owner,
            used,
            ends,
        }
    };
    let words = |p: &Permission| Choice::new(p.as_str(), page.word("permission", p));
    Ok(Tokens {
        form: tokens::may_make_for_services(&me.caller).then_some(form),
        scopes: tokens::FOR_SERVICES.iter().map(words).collect(),
        lines: found.into_iter().map(line).collect(),
        previous: above.map(|id| asked.href("/tokens", "before", &id)),
        next: below.map(|id| asked.href("/tokens", "after", &id)),
        page,
    })
}

/// `GET /tokens`
pub async fn tokens(app: Data<App>, me: SignedIn, page: Page, asked: Query<Asked>) -> Result<HttpResponse, Fault> {
    ok(tokens_of(&app, &me, page, &asked, FormState::new("token").ids("tok")).await?)
}

/// `POST /tokens`: a token for a service; the answer shows it, once.
pub async fn create_token(app: Data<App>, me: SignedIn, page: Page, posted: Posted) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    match super::account::make_token(&app, &me, &page, &posted, true).await {
        Ok(token) => html(StatusCode::CREATED, super::account::TokenMade::new(page.at("/tokens"), &posted, token, "/tokens")),
        Err(error) => {
            let mut form = FormState::from_posted("token", &posted).ids("tok");
            let status = refuse(&mut form, error)?;
            html(status, tokens_of(&app, &me, page.at("/tokens"), &Asked::default(), form).await?)
        }
    }
}

/// `POST /tokens/{id}/revocations`
pub async fn revoke_token(app: Data<App>, me: SignedIn, page: Page, _posted: Posted, id: Path<String>) -> Result<HttpResponse, Fault> {
    tokens::revoke_overseen(&app, &me.caller, &id).await?;
    me.flash(Tone::Ok, page.t("account-token-revoked")).await;
    Ok(see_other("/tokens"))
}
