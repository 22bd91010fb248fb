//! What rests on a person, before they are suspended and afterwards. What it is made of: `app::duties`.

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use askama::Template;

use super::sessions::refuse;
use crate::{
    app::{
        App, AppError,
        duties::{self, Duties},
        recalls::owed::Part,
        users::{self, Change},
    },
    clock::Instant,
    domain::account::UserState,
    web::{Fault, FormState, Page, Posted, SignedIn, Tone, html, ok, see_other, view::Crumb},
};

/// A case that rests on them.
pub(super) struct Line {
    /// Empty where the reader may not open cases.
    pub(super) href: String,
    pub(super) number: String,
    /// What they have to do with it.
    pub(super) part: String,
    pub(super) state: String,
    pub(super) due: Option<Instant>,
    pub(super) others: Option<usize>,
    /// Nobody would do it.
    pub(super) stranded: bool,
}

/// What `templates/users/duties.html` draws.
pub(super) struct List {
    pub(super) lines: Vec<Line>,
    pub(super) more: bool,
    /// Name of a level and how many others could decide it.
    pub(super) levels: Vec<(String, usize)>,
    /// What else waits, one line each.
    pub(super) rest: Vec<String>,
    pub(super) empty: bool,
    pub(super) stranded: bool,
}

impl List {
    pub(super) fn new(page: &Page, duties: &Duties) -> Self {
        let mut rest = Vec::new();
        let counted = [
            ("duties-holds", duties.holds),
            ("duties-filings", duties.filings),
            ("duties-steps", duties.steps),
            ("duties-questions", duties.questions),
        ];
        rest.extend(counted.into_iter().filter(|(_, n)| *n > 0).map(|(key, n)| page.n(key, n)));
        if duties.proposal {
            rest.push(page.t("duties-proposal"));
        }
        let delegations = [("duties-delegations-given", duties.delegations.0), ("duties-delegations-received", duties.delegations.1)];
        rest.extend(delegations.into_iter().filter(|(_, n)| *n > 0).map(|(key, n)| page.n(key, n)));
        let line = |owed: &crate::app::recalls::owed::Owed| Line {
            href: if page.can("recall.read") { format!("/recalls/{}", owed.id) } else { String::new() },
            number: owed.number.clone(),
            part: match owed.part {
                Part::Decide(level) => page.t(&format!("level-{level}")),
                part => page.t(&format!("duty-{}", part.as_str())),
            },
            state: page.word("recall-state", owed.state),
            due: owed.due,
            others: owed.others,
            stranded: owed.is_stranded(),
        };
        Self {
            lines: duties.cases.iter().map(line).collect(),
            more: duties.more,
            levels: duties.levels.iter().map(|l| (page.t(&format!("level-{}", l.level)), l.others)).collect(),
            rest,
            empty: duties.is_empty(),
            stranded: duties.is_stranded(),
        }
    }
}

#[derive(Template)]
#[template(path = "users/suspend.html")]
struct Suspend {
    page: Page,
    crumbs: Vec<Crumb>,
    id: String,
    name: String,
    version: i64,
    /// The mark of the list as it is shown.
    seen: String,
    duties: List,
    form: FormState,
    own: bool,
    /// Whether others will be told by mail.
    tells: bool,
}

async fn page_of(app: &App, me: &SignedIn, page: Page, id: &str, form: FormState) -> Result<Suspend, Fault> {
    let duties = duties::of(app, &me.caller, id).await?;
    let person = users::get(app, &me.caller, id).await?;
    Ok(Suspend {
        crumbs: vec![
            Crumb::link("/users", page.t("nav-users")),
            Crumb::link(format!("/users/{}", person.id), person.name.clone()),
            Crumb::here(page.t("users-suspend")),
        ],
        own: me.person().id == person.id,
        version: person.version,
        seen: duties.mark(),
        duties: List::new(&page, &duties),
        page: page.at(format!("/users/{}/suspensions", person.id)),
        id: person.id,
        name: person.name,
        form,
        tells: app.mailer.is_some(),
    })
}

/// `GET /users/{id}/suspensions`: what rests on them, and the form.
pub async fn ask(app: Data<App>, me: SignedIn, page: Page, id: Path<String>) -> Result<HttpResponse, Fault> {
    if users::get(&app, &me.caller, &id).await?.state == UserState::Suspended {
        return Ok(see_other(format!("/users/{id}")));
    }
    ok(page_of(&app, &me, page, &id, FormState::new("user")).await?)
}

/// `POST /users/{id}/suspensions`: of who has seen what rests on them as it is now.
pub async fn suspend(app: Data<App>, me: SignedIn, page: Page, posted: Posted, id: Path<String>) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    let version = posted.get("version").parse().unwrap_or(-1);
    let change = Change::Suspension { seen: posted.get("seen").to_owned() };
    match users::change(&app, &me.caller, &id, Some(version), change).await {
        Ok(_) => {
            me.flash(Tone::Ok, page.t("users-suspended")).await;
            Ok(see_other(format!("/users/{id}")))
        }
        Err(error @ (AppError::Refused { .. } | AppError::Conflict | AppError::Invalid(_))) => {
            let mut form = FormState::from_posted("user", &posted);
            let status: StatusCode = refuse(&mut form, error)?;
            html(status, page_of(&app, &me, page, &id, form).await?)
        }
        Err(error) => Err(error.into()),
    }
}
