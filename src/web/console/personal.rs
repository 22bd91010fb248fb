//! What is kept about a person: `/account/personal-data` of oneself, `/users/{id}/personal-data` of others. As a page, and with
//! `?format=json` or `csv` as a file.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, Path},
};
use askama::Template;

use crate::{
    app::{
        App,
        personal::{self, Entry, Kept, What},
    },
    web::{Fault, Page, SignedIn, ok, page::Html, view::Crumb},
};

/// A kind of data.
struct Row {
    name: String,
    count: String,
    oldest: Option<Html>,
    basis: String,
    until: Option<Html>,
    erasure: String,
}

#[derive(Template)]
#[template(path = "users/personal.html")]
struct Show {
    page: Page,
    crumbs: Vec<Crumb>,
    name: String,
    username: String,
    own: bool,
    rows: Vec<Row>,
    /// Holds that keep something of it: id, and how much; `None` where that is not shown.
    holds: Option<Vec<(String, String)>>,
    files: [(String, &'static str); 2],
}

fn row(page: &Page, e: &Entry) -> Row {
    Row {
        name: match e.what {
            What::Rows(kind) => page.word("personal", kind),
            What::Records(class) => page.a1("personal-records", "class", page.word("kept-class", class)),
            What::Commitments => page.t("personal-commitments"),
        },
        count: page.num(e.count),
        oldest: e.oldest.map(|at| page.day(at)),
        basis: page.word("personal-basis", e.basis),
        until: e.until.map(|at| page.day(at)),
        erasure: page.word("personal-erasure", e.erasure),
    }
}

fn answer(page: Page, req: &HttpRequest, kept: &Kept, own: bool) -> Result<HttpResponse, Fault> {
    let format = url::form_urlencoded::parse(req.query_string().as_bytes()).find(|(k, _)| k == "format").map(|(_, v)| v.into_owned());
    let file = |kind: &'static str, extension: &str, text: String| {
        let name = format!("attachment; filename=\"personal-data-{}.{extension}\"", kept.person.id);
        Ok(HttpResponse::Ok().content_type(kind).insert_header((header::CONTENT_DISPOSITION, name)).body(text))
    };
    match format.as_deref() {
        Some("json") => return file("application/json", "json", kept.to_json().to_string()),
        Some("csv") => return file("text/csv; charset=utf-8", "csv", kept.to_csv()),
        _ => {}
    }
    let person = &kept.person;
    let (path, mut crumbs) = match own {
        true => ("/account/personal-data".to_owned(), vec![Crumb::link("/account", page.t("account-title"))]),
        false => {
            let path = format!("/users/{}/personal-data", person.id);
            let above = if page.can("user.manage") || page.can("role.manage") || page.can("auditor.manage") { Some("/users") } else { None };
            let user = Crumb::link(format!("/users/{}", person.id), person.name.clone());
            (path, above.map(|all| vec![Crumb::link(all, page.t("nav-users")), user]).unwrap_or_default())
        }
    };
    crumbs.push(Crumb::here(page.t("personal-title")));
    ok(Show {
        crumbs,
        name: person.name.clone(),
        username: person.username.clone(),
        own,
        rows: kept.entries.iter().map(|e| row(&page, e)).collect(),
        holds: kept.holds.as_ref().map(|holds| holds.iter().map(|(id, n)| (id.clone(), page.n("personal-held", *n))).collect()),
        files: [(format!("{path}?format=csv"), "CSV"), (format!("{path}?format=json"), "JSON")],
        page: page.at(path),
    })
}

/// `GET /account/personal-data`
pub async fn own(app: Data<App>, me: SignedIn, page: Page, req: HttpRequest) -> Result<HttpResponse, Fault> {
    answer(page, &req, &personal::own(&app, &me.caller).await?, true)
}

/// `GET /users/{id}/personal-data`
pub async fn show(app: Data<App>, me: SignedIn, page: Page, req: HttpRequest, id: Path<String>) -> Result<HttpResponse, Fault> {
    answer(page, &req, &personal::of(&app, &me.caller, &id).await?, false)
}
