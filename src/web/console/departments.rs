//! `/departments`: the tree, with who judges the cases of each at level 1; changed by the system administrator.

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use askama::Template;

use super::sessions::refuse;
use crate::{
    app::{
        App, Turn,
        departments::{self, Department},
        people::Person,
        users::{self, Filter},
    },
    web::{
        Fault, FormState, Page, Posted, SignedIn, Tone, html, ok, see_other,
        view::{Choice, Crumb},
    },
};

/// The name with those above it, e.g. `总部 / 华东分公司`.
pub(super) fn path(d: &Department) -> String {
    d.above.iter().chain([&d.name]).map(String::as_str).collect::<Vec<_>>().join(" / ")
}

/// The open departments to choose from.
pub(super) async fn choices(app: &App) -> Result<Vec<Choice>, Fault> {
    Ok(departments::choices(app).await?.iter().map(|d| Choice::new(&d.id, path(d))).collect())
}

#[derive(Template)]
#[template(path = "departments/index.html")]
struct Index {
    page: Page,
    open: Vec<Department>,
    closed: Vec<Department>,
    form: FormState,
    parents: Vec<Choice>,
    may_manage: bool,
    /// Departments whose cases nobody can judge at level 1.
    unreviewed: usize,
}

async fn index_of(app: &App, me: &SignedIn, page: Page, form: FormState) -> Result<Index, Fault> {
    let (open, closed): (Vec<_>, Vec<_>) = departments::list(app, &me.caller).await?.into_iter().partition(|d| d.closed_at.is_none());
    Ok(Index {
        unreviewed: open.iter().filter(|d| d.reviewers.is_empty()).count(),
        parents: open.iter().map(|d| Choice::new(&d.id, path(d))).collect(),
        may_manage: page.can("user.manage"),
        open,
        closed,
        form,
        page: page.at("/departments"),
    })
}

/// `GET /departments`
pub async fn index(app: Data<App>, me: SignedIn, page: Page) -> Result<HttpResponse, Fault> {
    ok(index_of(&app, &me, page, FormState::new("department")).await?)
}

/// `POST /departments`
pub async fn create(app: Data<App>, me: SignedIn, page: Page, posted: Posted) -> Result<HttpResponse, Fault> {
    match departments::add(&app, &me.caller, posted.get("name"), parent(&posted)).await {
        Ok(_) => {
            me.flash(Tone::Ok, page.t("users-department-done")).await;
            Ok(see_other("/departments"))
        }
        Err(error) => {
            let mut form = FormState::from_posted("department", &posted);
            let status = refuse(&mut form, error)?;
            html(status, index_of(&app, &me, page, form).await?)
        }
    }
}

fn parent(posted: &Posted) -> Option<String> {
    Some(posted.get("parent").to_owned()).filter(|v| !v.is_empty())
}

#[derive(Template)]
#[template(path = "departments/show.html")]
struct Show {
    page: Page,
    crumbs: Vec<Crumb>,
    department: Department,
    people: Vec<Person>,
    more: bool,
    form: FormState,
    parents: Vec<Choice>,
    may_manage: bool,
}

async fn show_of(app: &App, me: &SignedIn, page: Page, id: &str, form: Option<FormState>) -> Result<Show, Fault> {
    let all = departments::list(app, &me.caller).await?;
    let department = all.iter().find(|d| d.id == id).cloned().ok_or_else(Fault::not_found)?;
    let filter = Filter { department: Some(department.id.clone()), ..Filter::default() };
    let found = users::page(app, &me.caller, filter, Turn::First).await?;
    let below = |d: &Department| d.id != department.id && d.closed_at.is_none();
    let form = form.unwrap_or_else(|| {
        FormState::new("department").with("name", &department.name).with("parent", department.parent_id.clone().unwrap_or_default())
    });
    Ok(Show {
        crumbs: vec![Crumb::link("/departments", page.t("nav-departments")), Crumb::here(&department.name)],
        people: found.people,
        more: found.below.is_some(),
        parents: all.iter().filter(|d| below(d)).map(|d| Choice::new(&d.id, path(d))).collect(),
        may_manage: page.can("user.manage"),
        page: page.at(format!("/departments/{}", department.id)),
        department,
        form,
    })
}

/// `GET /departments/{id}`
pub async fn show(app: Data<App>, me: SignedIn, page: Page, id: Path<String>) -> Result<HttpResponse, Fault> {
    ok(show_of(&app, &me, page, &id, None).await?)
}

/// `POST /departments/{id}`: another name, another place.
pub async fn change(app: Data<App>, me: SignedIn, page: Page, posted: Posted, id: Path<String>) -> Result<HttpResponse, Fault> {
    let version = posted.get("version").parse().unwrap_or(-1);
    match departments::change(&app, &me.caller, &id, version, posted.get("name"), parent(&posted)).await {
        Ok(_) => {
            me.flash(Tone::Ok, page.t("users-changed")).await;
            Ok(see_other(format!("/departments/{id}")))
        }
        Err(error) => {
            let mut form = FormState::from_posted("department", &posted);
            let status = refuse(&mut form, error)?;
            html(status, show_of(&app, &me, page, &id, Some(form)).await?)
        }
    }
}

/// `POST /departments/{id}/closures`
pub async fn close(app: Data<App>, me: SignedIn, page: Page, posted: Posted, id: Path<String>) -> Result<HttpResponse, Fault> {
    let version = posted.get("version").parse().unwrap_or(-1);
    match departments::close(&app, &me.caller, &id, version).await {
        Ok(_) => {
            me.flash(Tone::Ok, page.t("departments-closed-done")).await;
            Ok(see_other("/departments"))
        }
        Err(error) => {
            let mut shown = show_of(&app, &me, page, &id, None).await?;
            let status: StatusCode = refuse(&mut shown.form, error)?;
            html(status, shown)
        }
    }
}
