//! `/api/v1/delegations`: what somebody handed on or received, handing on, and ending it before its time. Persons only.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use serde_json::{Value, json};

use super::{
    Answer, Body, Refusal,
    fields::Fields,
    once,
    parameters::{Parameters, paged},
    respond,
};
use crate::{
    app::{
        App,
        delegations::{self, Delegation, List, NewDelegation},
    },
    id::DelegationId,
    web::{Bearer, Fault, extract::visit, refusal},
};

/// `GET /api/v1/delegations`, newest first; `list` is `given` (as without it), `received` or `all`.
pub async fn index(app: Data<App>, bearer: Bearer, req: HttpRequest) -> Result<HttpResponse, Fault> {
    let visit = visit(&req)?;
    let asked = match Parameters::of(&req) {
        Ok(asked) => asked,
        Err(wrong) => return Ok(refusal::invalid(&visit, &wrong)),
    };
    let list = asked.get("list").and_then(List::parse).unwrap_or(List::Given);
    match delegations::list(&app, &bearer.caller, list, asked.turn()).await {
        Ok((found, (_, below), _)) => {
            let all: Vec<Value> = found.iter().map(line).collect();
            Ok(paged(&req, &json!({ "delegations": all, "next": below })))
        }
        Err(error) => Ok(respond(&visit, Err(error.into()))),
    }
}

fn line(of: &Delegation) -> Value {
    json!({
        "id": of.id, "principal": of.principal.0, "delegate": of.delegate.0, "levels": of.levels, "department": of.department,
        "from": of.from.to_rfc3339(), "until": of.until.to_rfc3339(), "state": of.standing, "reason": of.reason,
        "ended_at": of.ended.as_ref().map(|(at, ..)| at.to_rfc3339()),
    })
}

/// Whole numbers, as the use case reads them.
fn levels(fields: &mut Fields) -> Vec<String> {
    let mut levels = Vec::new();
    for (n, level) in fields.list("levels").into_iter().enumerate() {
        match level.as_u64() {
            Some(level) => levels.push(level.to_string()),
            None => fields.complain(&format!("levels.{n}"), "number"),
        }
    }
    levels
}

/// `POST /api/v1/delegations` `{"to","levels","until","reason","totp"}`, and if wanted `"from"` and `"department"`.
pub async fn create(app: Data<App>, bearer: Bearer, req: HttpRequest, body: Body) -> Result<HttpResponse, Fault> {
    once(&app, &bearer.caller, &req, &body.0, |id| async {
        let mut fields = Fields::of(&body.0)?;
        let new = NewDelegation {
            to: fields.text("to"),
            levels: levels(&mut fields),
            department: fields.text("department"),
            from: fields.text("from"),
            until: fields.text("until"),
            reason: fields.text("reason"),
            totp: fields.text("totp"),
        };
        fields.end()?;
        let done = delegations::make(&app, &bearer.caller, new, id.map(DelegationId)).await?;
        let body = json!({ "id": done.value });
        Ok::<_, Refusal>(Answer::created(&done, format!("/delegations/{}", done.value), body))
    })
    .await
}

/// `POST /api/v1/delegations/{id}/ends` `{"reason"}`, without a body for one's own.
pub async fn end(app: Data<App>, bearer: Bearer, req: HttpRequest, path: Path<String>, body: Body) -> Result<HttpResponse, Fault> {
    once(&app, &bearer.caller, &req, &body.0, |_| async {
        let mut fields = Fields::or_none(&body.0)?;
        let reason = fields.text("reason");
        fields.end()?;
        let done = delegations::end(&app, &bearer.caller, &path, &reason).await?;
        Ok::<_, Refusal>(Answer::changed(&done, json!({ "id": path.as_str() })))
    })
    .await
}
