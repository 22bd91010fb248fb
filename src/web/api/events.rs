//! `GET /api/v1/events`: the trail for programs, with the exact leaves and the parts that still exist.

use std::collections::BTreeMap;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self},
    web::Data,
};
use serde_json::{Value, json};

use super::json_ok;
use crate::{
    app::{
        App, AppError,
        audit::{self, CaseEvent, Query, export},
    },
    clock::Instant,
    web::{
        client::clean,
        console::audit::exports::streamed,
        extract::Bearer,
        fault::Fault,
        refusal::{self, Wrong},
        visit::Visit,
    },
};

/// Events an answer holds at most.
const LIMIT: usize = 500;

/// Query: `case` (number or id), `from` and `until` (RFC 3339), `actor`, `action`, `outcome`, `object`, `address`, `device_id`, `words`, all as in
/// the console; `after` (an index), `limit` (1 to 500). In the order of the log; the answer's `next` is the `after` of the next page, or null.
///
/// A parameter that is none of these, a number that is none or a time that is none is 422: a filter that nobody reads would give everything.
///
/// With `Accept: application/jsonl` all of them in one stream, one a line; it needs the scope `audit.export`, and goes on from `after`.
pub async fn index(app: Data<App>, me: Bearer, req: HttpRequest) -> Result<HttpResponse, Fault> {
    let visit = Visit::of(&req).ok_or_else(|| Fault::internal("the shell's middleware is missing"))?;
    let asked = match Asked::of(&req) {
        Ok(asked) => asked,
        Err(wrong) => {
            return Ok(match audit::unreadable(&app, &me.caller).await {
                AppError::Invalid(_) => refusal::invalid(&visit, &wrong),
                error => refusal::problem(&visit, error),
            });
        }
    };
    match answer(&app, &me, &req, asked).await {
        Ok(answer) => Ok(answer),
        Err(error) => Ok(refusal::problem(&visit, error)),
    }
}

/// The parameters of the address, read.
struct Asked {
    query: Query,
    after: Option<u64>,
    limit: Option<u64>,
}

const PARAMETERS: [&str; 12] = ["case", "from", "until", "actor", "action", "outcome", "object", "address", "device_id", "words", "after", "limit"];

impl Asked {
    /// Everything wrong at once.
    fn of(req: &HttpRequest) -> Result<Self, Vec<Wrong>> {
        let mut given: BTreeMap<String, String> = BTreeMap::new();
        let mut wrong = Vec::new();
        for (name, value) in url::form_urlencoded::parse(req.query_string().as_bytes()) {
            match PARAMETERS.contains(&&*name) {
                true => drop(given.entry(name.into_owned()).or_insert_with(|| value.trim().to_owned())),
                false => wrong.push(Wrong::new(clean(&name).chars().take(60).collect::<String>(), "unknown")),
            }
        }
        let text = |field: &str| given.get(field).cloned().unwrap_or_default();
        let mut read = |field: &str, kind: &str, ok: &dyn Fn(&str) -> bool| {
            if !text(field).is_empty() && !ok(&text(field)) {
                wrong.push(Wrong::new(field, kind));
            }
        };
        for field in ["from", "until"] {
            read(field, "date", &|text| Instant::parse(text).is_some());
        }
        for field in ["after", "limit"] {
            read(field, "choose", &|text| text.parse::<u64>().is_ok());
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let query = Query::read(Instant::parse(&text("from")), Instant::parse(&text("until")), text);
        Ok(Self { query, after: text("after").parse().ok(), limit: text("limit").parse().ok() })
    }
}

fn wants_lines(req: &HttpRequest) -> bool {
    let accept = req.headers().get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    ["application/jsonl", "application/x-ndjson"].iter().any(|media| accept.contains(media))
}

async fn answer(app: &App, me: &Bearer, req: &HttpRequest, asked: Asked) -> Result<HttpResponse, AppError> {
    let Asked { query, after, limit } = asked;
    if wants_lines(req) {
        let file = export::for_program(app, &me.caller, &query, after).await?;
        return Ok(streamed(HttpResponse::Ok(), file));
    }
    let limit = limit.and_then(|n| usize::try_from(n).ok()).unwrap_or(LIMIT).clamp(1, LIMIT);
    // One case is named by what it is, so that one that does not exist is not found, and not empty.
    let (case, page) = match query == (Query { case: query.case.clone(), ..Query::default() }) && !query.case.is_empty() {
        true => audit::of_case(app, &me.caller, &query.case, after, limit).await.map(|(id, page)| (Some(id), page))?,
        false => (None, audit::for_program(app, &me.caller, &query, after, limit).await?),
    };
    let next = if page.len() == limit { page.last().map(|e| e.event.index) } else { None };
    let mut body = json!({ "events": page.iter().map(CaseEvent::to_json).collect::<Vec<Value>>(), "next": next });
    if let Some(id) = case {
        body["case"] = json!(id);
    }
    Ok(json_ok(&body))
}
