//! `GET /api/v1/events?case=…`: the events of a case for programs, with the exact leaves and the parts that still exist.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde_json::{Value, json};

use super::json_ok;
use crate::{
    app::{App, AppError, audit},
    web::{extract::Bearer, fault::Fault, refusal, visit::Visit},
};

/// Events an answer holds at most.
const LIMIT: usize = 500;

/// Query: `case` (number or id, required), `after` (an index), `limit` (1 to 500). The answer's `next` is the `after` of the next page, or
/// null.
pub async fn index(app: Data<App>, me: Bearer, req: HttpRequest) -> Result<HttpResponse, Fault> {
    let visit = Visit::of(&req).ok_or_else(|| Fault::internal("the shell's middleware is missing"))?;
    match answer(&app, &me, &req).await {
        Ok(body) => Ok(json_ok(&body)),
        Err(error) => Ok(refusal::problem(&visit, error)),
    }
}

async fn answer(app: &App, me: &Bearer, req: &HttpRequest) -> Result<Value, AppError> {
    let given = |wanted: &str| url::form_urlencoded::parse(req.query_string().as_bytes()).find(|(k, _)| k == wanted).map(|(_, v)| v.into_owned());
    let number = |field: &'static str| match given(field) {
        None => Ok(None),
        Some(text) => text.parse::<u64>().map(Some).map_err(|_| AppError::invalid(field, "choose")),
    };
    let case = given("case").filter(|c| !c.trim().is_empty()).ok_or_else(|| AppError::invalid("case", "required"))?;
    let limit = number("limit")?.and_then(|n| usize::try_from(n).ok()).unwrap_or(LIMIT).clamp(1, LIMIT);
    let (id, page) = audit::of_case(app, &me.caller, case.trim(), number("after")?, limit).await?;
    let next = if page.len() == limit { page.last().map(|e| e.event.index) } else { None };
    let events: Vec<Value> = page
        .into_iter()
        .map(|audit::CaseEvent { event, leaf_hash, parts }| {
            json!({
                "index": event.index, "id": event.leaf.id, "at": event.leaf.at.to_rfc3339(), "action": event.leaf.action,
                "outcome": event.leaf.outcome, "actor": event.leaf.actor, "subject": event.leaf.subject,
                "leaf": String::from_utf8_lossy(&event.bytes), "leaf_hash": hex::encode(leaf_hash), "parts": parts,
            })
        })
        .collect();
    Ok(json!({ "case": id, "events": events, "next": next }))
}
