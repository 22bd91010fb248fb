//! What the lists of broadcasts, of cases and of what waits have in common: their addresses, the list as a file, views under a name. Not here:
//! the lists themselves.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, Path, Query},
};
use serde_json::Value;

use super::{
    broadcasts::{self, list::Asked},
    recalls::{approvals, index},
};
use crate::{
    app::{
        App,
        listed::{self, List, Source},
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
    pub save: FormState,
    pub hidden: Vec<(&'static str, String)>,
}

impl Views {
    /// As `query` narrows the list; `save` is a form that was refused.
    pub async fn of(app: &App, me: &SignedIn, list: List, query: &Fields, save: Option<FormState>) -> Result<Self, Fault> {
        let here = address(list, query, None, None);
        let links = views::of(app, &me.caller, list).await?.into_iter().map(|view| {
            let href = address(list, &view.fields, None, None);
            ViewLink { open: href == here, href, id: view.id, name: view.name }
        });
        let hidden = list.fields().iter().filter_map(|name| Some((*name, given(query, name)?.to_owned())));
        Ok(Self { list, links: links.collect(), save: save.unwrap_or_else(|| FormState::new("view").ids("view")), hidden: hidden.collect() })
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

/// The list that `path` shows, as a file, narrowed as it is there: what stands before the `?` gets an ending.
pub fn file_href(list: &str) -> String {
    match list.split_once('?') {
        Some((path, query)) => format!("{path}.csv?{query}"),
        None => format!("{list}.csv"),
    }
}

async fn sent(app: &App, me: &SignedIn, page: &Page, source: Source, query: &Fields) -> Result<HttpResponse, Fault> {
    let asked = asked(source.list(), query);
    let file = listed::export(app, &me.caller, source, &page.tr, asked).await?;
    let name = format!("attachment; filename=\"{}-{}.csv\"", file.list(), page.iso_date(page.now));
    let mut answer = HttpResponse::Ok();
    answer.insert_header((header::CONTENT_DISPOSITION, name));
    Ok(streamed(answer, "text/csv; charset=utf-8", file))
}

/// `GET /recalls.csv`, with the filters of the list.
pub async fn recalls_file(app: Data<App>, me: SignedIn, page: Page, query: Query<Fields>) -> Result<HttpResponse, Fault> {
    let source = Source::Recalls(index::wanted(&page, &query));
    sent(&app, &me, &page, source, &query).await
}

/// `GET /broadcasts.csv`, with the filters of the list.
pub async fn broadcasts_file(app: Data<App>, me: SignedIn, page: Page, query: Query<Fields>) -> Result<HttpResponse, Fault> {
    let source = Source::Broadcasts(Asked::of(&query).wanted(&page));
    sent(&app, &me, &page, source, &query).await
}

/// `POST /views`: keeps what narrows a list under a name; refused, the list with what was typed.
pub async fn save_view(app: Data<App>, me: SignedIn, page: Page, req: HttpRequest, posted: Posted) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    let list = List::parse(posted.get("list")).unwrap_or(List::Recalls);
    let fields: Fields = list.fields().iter().map(|name| ((*name).to_owned(), posted.get(name).to_owned())).collect();
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
    match list {
        List::Recalls => html(status, index::list_of(&app, &me, page, &fields, index::Forms { save: Some(form), ..index::Forms::default() }).await?),
        List::Broadcasts => html(status, broadcasts::list::list_of(&app, &me, page, &fields, Some(form)).await?),
        List::Approvals => html(status, approvals::list_of(&app, &me, page, &fields, Some(form)).await?),
    }
}

/// `POST /views/{id}/removals`
pub async fn remove_view(app: Data<App>, me: SignedIn, page: Page, posted: Posted, id: Path<String>) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    let list = views::remove(&app, &me.caller, &id).await?;
    me.flash(Tone::Ok, page.t("views-removed")).await;
    Ok(see_other(format!("/{list}")))
}
