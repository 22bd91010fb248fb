//! What the lists of broadcasts, of cases, of people and of what waits have in common: their addresses, the list as a file, views under a name. Not here:
//! the lists themselves.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, Path},
};
use serde_json::Value;

use super::{
    broadcasts::{self, list::Asked},
    recalls::{approvals, index},
    users,
};
use crate::{
    app::{
        App,
        listed::{self, List, Source},
        step_up,
        views::{self, Fields},
    },
    web::{Fault, FormState, Page, Posted, SignedIn, Tone, client::clean, html, once, pieces::streamed, see_other},
};

/// A view, as a link over its list.
pub struct ViewLink {
    pub id: String,
    pub name: String,
    pub href: String,
    /// The list shows it now.
    pub open: bool,
}

/// The views of a list, and the form that keeps what it is narrowed by.
pub struct Views {
    pub list: List,
    pub links: Vec<ViewLink>,
    /// For lists that have views.
    pub save: Option<FormState>,
    pub hidden: Vec<(&'static str, String)>,
    /// The form that asks for the list as a file, where there is something to carry away.
    pub export: Option<FormState>,
}

/// The forms over a list, where they were refused.
#[derive(Default)]
pub struct Refused {
    /// Of a view.
    pub save: Option<FormState>,
    /// Of the file.
    pub export: Option<FormState>,
}

impl Views {
    /// As `query` narrows the list; `any`: it has rows.
    pub async fn of(app: &App, me: &SignedIn, list: List, query: &Fields, refused: Refused, any: bool) -> Result<Self, Fault> {
        let here = address(list, query, None, None);
        let kept = if list.has_views() { views::of(app, &me.caller, list).await? } else { Vec::new() };
        let links = kept.into_iter().map(|view| {
            let href = address(list, &view.fields, None, None);
            ViewLink { open: href == here, href, id: view.id, name: view.name }
        });
        let hidden = list.fields().iter().filter_map(|name| Some((*name, given(query, name)?.to_owned())));
        let file = (any && list.is_exported()).then(|| FormState::new("audit").ids("export"));
        let save = refused.save.or_else(|| list.has_views().then(|| FormState::new("view").ids("view")));
        Ok(Self { list, links: links.collect(), save, hidden: hidden.collect(), export: refused.export.or(file) })
    }

    /// Whether a view was refused.
    pub fn is_refused(&self) -> bool {
        self.save.as_ref().is_some_and(|save| !save.ok())
    }
}

/// What an address asks for of a list, beside the place in it.
fn asked(list: List, query: &Fields) -> Value {
    let known = list.fields().iter().filter_map(|name| Some((*name, given(query, name)?)));
    known.map(|(name, value)| (name.to_owned(), Value::from(clean(value)))).collect::<serde_json::Map<_, _>>().into()
}

/// What an address says of `name`, if it says something.
pub fn given<'a>(query: &'a Fields, name: &str) -> Option<&'a str> {
    query.get(name).map(String::as_str).filter(|v| !v.trim().is_empty() && !v.contains('\0'))
}

/// A list's address without one filter, or at another place.
pub fn address(list: List, query: &Fields, without: Option<&str>, place: Option<(&str, &str)>) -> String {
    let mut out = url::form_urlencoded::Serializer::new(String::new());
    for name in list.fields().iter().filter(|name| Some(**name) != without) {
        out.extend_pairs(given(query, name).map(|value| (name, value)));
    }
    out.extend_pairs(place);
    let query = out.finish();
    if query.is_empty() { format!("/{list}") } else { format!("/{list}?{query}") }
}

/// The list as the forms beside it were refused.
async fn shown(
    app: &App,
    me: &SignedIn,
    page: Page,
    list: List,
    query: &Fields,
    refused: Refused,
    status: StatusCode,
) -> Result<HttpResponse, Fault> {
    match list {
        List::Recalls => html(status, index::list_of(app, me, page.at("/recalls"), query, index::Forms { refused, remind: None }).await?),
        List::Broadcasts => html(status, broadcasts::list::list_of(app, me, page.at("/broadcasts"), query, refused).await?),
        List::Approvals => html(status, approvals::list_of(app, me, page.at("/approvals"), query, refused).await?),
        List::Users => html(status, users::list_of(app, me, page.at("/users"), query, users::Forms { refused, invite: None }).await?),
    }
}

/// What the fields of a form narrow `list` by.
fn narrowed(list: List, posted: &Posted) -> Fields {
    list.fields().iter().map(|name| ((*name).to_owned(), posted.get(name).to_owned())).collect()
}

/// The list that `source` finds as a file, against a fresh code; refused, the list with the form.
async fn export(app: &App, me: SignedIn, page: Page, req: &HttpRequest, posted: &Posted, list: List) -> Result<HttpResponse, Fault> {
    let me = me.with(posted);
    let query = narrowed(list, posted);
    let source = match list {
        List::Broadcasts => Source::Broadcasts(Asked::of(&query).wanted(&page)),
        List::Users => Source::Users(users::filter(&query, page.now)),
        List::Recalls | List::Approvals => Source::Recalls(index::wanted(&page, &query)),
    };
    let make = || async {
        let file = listed::export(app, &me.caller, source.clone(), &page.tr, asked(list, &query), posted.get(step_up::FIELD)).await?;
        Ok((file.value, String::new()))
    };
    let file = match once::file(app, &me, req, posted, make).await? {
        Ok(once::Handed::First(file)) => file,
        Ok(once::Handed::Again(_)) => listed::again(app, &me.caller, source, &page.tr).await?,
        Err(error) => {
            let mut form = FormState::from_posted("audit", posted).ids("export");
            form.refuse_all(error)?;
            let status = form.status();
            return shown(app, &me, page, list, &query, Refused { export: Some(form), save: None }, status).await;
        }
    };
    let name = format!("attachment; filename=\"{}-{}.csv\"", file.list(), page.iso_date(page.now));
    let mut answer = HttpResponse::Ok();
    answer.insert_header((header::CONTENT_DISPOSITION, name));
    Ok(streamed(answer, "text/csv; charset=utf-8", file))
}

/// `POST /recalls/exports`, with the filters of the list.
pub async fn export_recalls(app: Data<App>, me: SignedIn, page: Page, req: HttpRequest, posted: Posted) -> Result<HttpResponse, Fault> {
    export(&app, me, page, &req, &posted, List::Recalls).await
}

/// `POST /broadcasts/exports`, with the filters of the list.
pub async fn export_broadcasts(app: Data<App>, me: SignedIn, page: Page, req: HttpRequest, posted: Posted) -> Result<HttpResponse, Fault> {
    export(&app, me, page, &req, &posted, List::Broadcasts).await
}

/// `POST /users/exports`, with the filters of the list.
pub async fn export_users(app: Data<App>, me: SignedIn, page: Page, req: HttpRequest, posted: Posted) -> Result<HttpResponse, Fault> {
    export(&app, me, page, &req, &posted, List::Users).await
}

/// `POST /views`: keeps what narrows a list under a name; refused, the list with what was typed.
pub async fn save_view(app: Data<App>, me: SignedIn, page: Page, req: HttpRequest, posted: Posted) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    let list = List::parse(posted.get("list")).filter(|list| list.has_views()).unwrap_or(List::Recalls);
    let fields = narrowed(list, &posted);
    let mut form = FormState::from_posted("view", &posted).ids("view");
    if form.ok() {
        let to = address(list, &fields, None, None);
        let make = |id: String| {
            let (app, me, posted, fields) = (&app, &me, &posted, &fields);
            async move { views::save(app, &me.caller, &id, list, posted.get("name"), fields).await.map(|_| to) }
        };
        match once::form(&app, &me, &req, &posted, make).await? {
            Ok(to) => {
                me.flash(Tone::Ok, page.t("views-kept")).await;
                return Ok(see_other(to));
            }
            Err(error) => form.refuse_all(error)?,
        }
    } else {
        once::turned_away(&req, "invalid");
    }
    let (status, page) = (form.status(), page.at(format!("/{list}")));
    shown(&app, &me, page, list, &fields, Refused { save: Some(form), export: None }, status).await
}

/// `POST /views/{id}/removals`
pub async fn remove_view(app: Data<App>, me: SignedIn, page: Page, posted: Posted, id: Path<String>) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    let list = views::remove(&app, &me.caller, &id).await?;
    me.flash(Tone::Ok, page.t("views-removed")).await;
    Ok(see_other(format!("/{list}")))
}
