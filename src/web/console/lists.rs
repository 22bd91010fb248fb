//! What the lists of broadcasts and of cases have in common: the list as a file. Not here: the lists themselves.

use std::collections::BTreeMap;

use actix_web::{
    HttpResponse,
    http::header,
    web::{Data, Query},
};
use serde_json::Value;

use super::{broadcasts::list::Asked, recalls::index};
use crate::{
    app::{
        App,
        listed::{self, List, Source},
    },
    web::{Fault, Page, SignedIn, client::clean, pieces::streamed},
};

type Fields = BTreeMap<String, String>;

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
pub async fn recalls(app: Data<App>, me: SignedIn, page: Page, query: Query<Fields>) -> Result<HttpResponse, Fault> {
    let source = Source::Recalls(index::wanted(&page, &query));
    sent(&app, &me, &page, source, &query).await
}

/// `GET /broadcasts.csv`, with the filters of the list.
pub async fn broadcasts(app: Data<App>, me: SignedIn, page: Page, asked: Query<Asked>, query: Query<Fields>) -> Result<HttpResponse, Fault> {
    sent(&app, &me, &page, Source::Broadcasts(asked.wanted(&page)), &query).await
}
