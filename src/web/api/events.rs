//! `GET /api/v1/events`: the trail for programs, with the exact leaves and the parts that still exist.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self},
    web::{Data, Path},
};
use serde_json::{Value, json};

use super::{
    answered,
    describe::operations::EVENTS,
    json_ok,
    parameters::{Parameters, paged},
    respond,
};
use crate::{
    app::{
        App, AppError,
        audit::{self, CaseEvent, Query, export},
    },
    web::{
        extract::{Bearer, visit},
        fault::Fault,
        pieces::streamed,
        refusal,
        visit::Visit,
    },
};

/// Query: `case` (number or id), `from` and `until` (RFC 3339), `actor`, `action`, `outcome`, `object`, `address`, `device_id`, `words`, all as in
/// the console; `after` (an index), `limit` (1 to 500). In the order of the log; the answer's `next` is the `after` of the next page, or null.
///
/// A parameter that is none of these, a number that is none or a time that is none is 422: a filter that nobody reads would give everything.
///
/// With `Accept: application/jsonl` all of them in one stream, one a line; it needs the scope `audit.export`, and goes on from `after`.
pub async fn index(app: Data<App>, me: Bearer, req: HttpRequest) -> Result<HttpResponse, Fault> {
    let visit = Visit::of(&req).ok_or_else(|| Fault::internal("the shell's middleware is missing"))?;
    let asked = match Parameters::of(&req) {
        Ok(asked) => asked,
        Err(wrong) => {
            return Ok(match audit::unreadable(&app, &me.caller).await {
                AppError::Invalid(_) => refusal::invalid(&visit, &wrong),
                error => refusal::problem(&visit, error),
            });
        }
    };
    match answer(&app, &me, &req, &asked).await {
        Ok(answer) => Ok(answer),
        Err(error) => Ok(answered(&visit, &req, Err(error.into()))),
    }
}

/// `GET /api/v1/events/{index}`: one event with its leaf, its parts and the way up to the newest checkpoint.
pub async fn show(app: Data<App>, me: Bearer, req: HttpRequest, index: Path<String>) -> Result<HttpResponse, Fault> {
    // What is no number is no event's place.
    let index: u64 = index.parse().map_err(|_| Fault::not_found())?;
    let visit = visit(&req)?;
    match audit::event::show(&app, &me.caller, index).await {
        Ok(shown) => Ok(json_ok(&shown.to_json())),
        Err(error) => Ok(respond(&visit, Err(error.into()))),
    }
}

fn wants_lines(req: &HttpRequest) -> bool {
    let accept = req.headers().get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    ["application/jsonl", "application/x-ndjson"].iter().any(|media| accept.contains(media))
}

async fn answer(app: &App, me: &Bearer, req: &HttpRequest, asked: &Parameters) -> Result<HttpResponse, AppError> {
    let text = |name: &str| asked.get(name).unwrap_or_default().to_owned();
    let (query, after) = (Query::read(asked.time("from"), asked.time("until"), text), asked.number("after"));
    if wants_lines(req) {
        let file = export::for_program(app, &me.caller, &query, after).await?;
        return Ok(streamed(HttpResponse::Ok(), file.format().media(), file));
    }
    let limit = asked.limit(EVENTS);
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
    Ok(paged(req, &body))
}
