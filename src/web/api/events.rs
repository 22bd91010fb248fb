//! `GET /api/v1/events`: the trail for programs, with the exact leaves and the parts that still exist.

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
    web::{console::audit::exports::streamed, extract::Bearer, fault::Fault, refusal, visit::Visit},
};

/// Events an answer holds at most.
const LIMIT: usize = 500;

/// Query: `case` (number or id), `from` and `until` (RFC 3339), `actor`, `action`, `outcome`, `object`, `address`, `device`, `words`, all as in
/// the console; `after` (an index), `limit` (1 to 500). In the order of the log; the answer's `next` is the `after` of the next page, or null.
///
/// With `Accept: application/jsonl` all of them in one stream, one a line; it needs the scope `audit.export`, and goes on from `after`.
pub async fn index(app: Data<App>, me: Bearer, req: HttpRequest) -> Result<HttpResponse, Fault> {
    let visit = Visit::of(&req).ok_or_else(|| Fault::internal("the shell's middleware is missing"))?;
    match answer(&app, &me, &req).await {
        Ok(answer) => Ok(answer),
        Err(error) => Ok(refusal::problem(&visit, error)),
    }
}

fn wants_lines(req: &HttpRequest) -> bool {
    let accept = req.headers().get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    ["application/jsonl", "application/x-ndjson"].iter().any(|media| accept.contains(media))
}

async fn answer(app: &App, me: &Bearer, req: &HttpRequest) -> Result<HttpResponse, AppError> {
    let given = |wanted: &str| {
        let found = url::form_urlencoded::parse(req.query_string().as_bytes()).find(|(k, _)| k == wanted).map(|(_, v)| v.trim().to_owned());
        found.filter(|text| !text.is_empty())
    };
    let number = |field: &'static str| match given(field) {
        None => Ok(None),
        Some(text) => text.parse::<u64>().map(Some).map_err(|_| AppError::invalid(field, "choose")),
    };
    let instant = |field: &'static str| match given(field) {
        None => Ok(None),
        Some(text) => Instant::parse(&text).map(Some).ok_or_else(|| AppError::invalid(field, "date")),
    };
    let text = |field: &str| given(field).unwrap_or_default();
    let query = Query {
        from: instant("from")?,
        until: instant("until")?,
        actor: text("actor"),
        action: text("action"),
        outcome: text("outcome"),
        case: text("case"),
        object: text("object"),
        address: text("address"),
        device: text("device_id"),
        words: text("words"),
    };
    let after = number("after")?;
    if wants_lines(req) {
        let file = export::for_program(app, &me.caller, &query, after).await?;
        return Ok(streamed(HttpResponse::Ok(), file));
    }
    let limit = number("limit")?.and_then(|n| usize::try_from(n).ok()).unwrap_or(LIMIT).clamp(1, LIMIT);
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
