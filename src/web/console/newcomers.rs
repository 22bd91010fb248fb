//! Inviting many people by a table: the form, the dry run's report, and the links.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use askama::Template;

use super::{invitations::went_before, sessions::refuse, setup::links};
use crate::{
    app::{
        App,
        invitations::{
            Way,
            sheet::{self, Checked, Judged},
        },
        users,
    },
    web::{Fault, FormState, Page, Posted, SignedIn, html, once, posted::FIELD_LIMIT, view::Crumb},
};

const HERE: &str = "/users/imports";
const _: () = assert!(sheet::CARRIED <= FIELD_LIMIT, "what the page carries comes back in a field");

/// A line of the report.
struct Line {
    number: usize,
    name: String,
    address: String,
    department: String,
    roles: String,
    /// What is wrong with it, a sentence each.
    wrong: Vec<String>,
}

#[derive(Template)]
#[template(path = "users/import.html")]
struct Import {
    page: Page,
    crumbs: Vec<Crumb>,
    form: FormState,
    lines: Vec<Line>,
    /// How many lines have something wrong with them.
    wrong: usize,
    /// What confirms the dry run, if nothing is wrong.
    sealed: Option<String>,
    most: usize,
}

fn line(page: &Page, judged: &Judged) -> Line {
    let wrong = judged.problems.iter().map(|problem| {
        let mut form = FormState::new("newcomers");
        let args: Vec<(&str, &dyn std::fmt::Display)> = problem.args.iter().map(|(name, value)| (*name, value as &dyn std::fmt::Display)).collect();
        form.refuse_with(problem.field, problem.kind, &args);
        form.view(&page.tr, problem.field, "", "").error
    });
    Line {
        number: judged.line.line,
        name: judged.line.name.clone(),
        address: judged.line.address.clone(),
        department: judged.line.department.clone(),
        roles: if judged.roles.is_empty() {
            judged.line.roles.clone()
        } else {
            page.list(&judged.roles.iter().map(|r| page.word("role", r)).collect::<Vec<_>>())
        },
        wrong: wrong.collect(),
    }
}

fn answer(page: Page, form: FormState, checked: Option<Checked>, status: StatusCode) -> Result<HttpResponse, Fault> {
    let crumbs = vec![Crumb::link("/users", page.t("nav-users")), Crumb::here(page.t("newcomers-title"))];
    let (lines, sealed) = checked.map_or((Vec::new(), None), |c| (c.lines.iter().map(|l| line(&page, l)).collect(), c.sealed));
    let wrong = lines.iter().filter(|l: &&Line| !l.wrong.is_empty()).count();
    html(status, Import { crumbs, form, lines, wrong, sealed, most: sheet::MOST, page: page.at(HERE) })
}

/// `GET /users/imports`
pub async fn new(me: SignedIn, page: Page) -> Result<HttpResponse, Fault> {
    users::may_invite(&me.caller)?;
    answer(page, FormState::new("newcomers"), None, StatusCode::OK)
}

/// `POST /users/imports`: the dry run.
pub async fn check(app: Data<App>, me: SignedIn, page: Page, mut posted: Posted) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    let file = posted.take_files().into_iter().find(|file| file.field == "file");
    match sheet::check(&app, &me.caller, file.map(|f| f.bytes).unwrap_or_default()).await {
        Ok(done) => {
            let status = if done.value.sealed.is_some() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
            answer(page, FormState::new("newcomers"), Some(done.value), status)
        }
        Err(error) => {
            let mut form = FormState::from_posted("newcomers", &posted);
            let status = refuse(&mut form, error)?;
            answer(page, form, None, status)
        }
    }
}

#[derive(Template)]
#[template(path = "users/imported.html")]
struct Imported {
    page: Page,
    crumbs: Vec<Crumb>,
    /// Who, and the link or where it goes.
    shown: Vec<(String, String)>,
    mailed: Vec<(String, String)>,
}

/// `POST /users/imports/confirmations`: all are invited, or nobody.
pub async fn confirm(req: HttpRequest, app: Data<App>, me: SignedIn, page: Page, posted: Posted) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    match once::shown(&app, &me, &req, &posted, || sheet::invite(&app, &me.caller, posted.get("sealed"))).await? {
        Ok(None) => went_before(&me, &page).await,
        Ok(Some(done)) => {
            let (mut shown, mut mailed) = (Vec::new(), Vec::new());
            for (name, way) in done.value {
                match way {
                    Way::Shown(link) => shown.push((name, links(&app, &page, &[link]).remove(0).1)),
                    Way::Mailed(to) => mailed.push((name, to)),
                }
            }
            let crumbs = vec![Crumb::link("/users", page.t("nav-users")), Crumb::here(page.t("newcomers-done"))];
            html(StatusCode::CREATED, Imported { crumbs, shown, mailed, page: page.at("/users/invitations") })
        }
        Err(error) => {
            let mut form = FormState::from_posted("newcomers", &posted);
            let status = refuse(&mut form, error)?;
            answer(page, form, None, status)
        }
    }
}
