//! `/api/v1/reminders`: several cases are reminded of in one act; the answer says of each what became of it.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde_json::{Value, json};

use super::{Answer, Body, Refusal, fields::Fields, once, receipt};
use crate::{
    app::{
        App,
        recalls::remind::{self, Reminded},
    },
    web::{Bearer, Fault, extract::visit, once::several, refusal, visit::Visit},
};

/// `POST /api/v1/reminders` `{"cases":[…]}`: ids or numbers. What keeps one case from being reminded of is told as its problem.
pub async fn create(app: Data<App>, bearer: Bearer, req: HttpRequest, body: Body) -> Result<HttpResponse, Fault> {
    let visit = visit(&req)?;
    several(&req);
    once(&app, &bearer.caller, &req, &body.0, |id| async {
        let mut fields = Fields::of(&body.0)?;
        let cases = fields.texts("cases");
        for (n, _) in cases.iter().enumerate().filter(|(_, case)| case.trim().is_empty()) {
            fields.refuse(&format!("cases.{n}"), "required");
        }
        fields.end()?;
        let all = remind::many(&app, &bearer.caller, &cases, &id.unwrap_or_else(crate::id::fresh)).await?;
        let reminded = all.iter().filter(|one| one.result.is_ok()).count();
        let cases: Vec<Value> = all.into_iter().map(|one| told(&visit, one)).collect();
        Ok::<_, Refusal>(Answer::said(json!({ "reminded": reminded, "cases": cases })))
    })
    .await
}

fn told(visit: &Visit, one: Reminded) -> Value {
    let (left, problem) = match one.result {
        Ok(left) => (left, None),
        Err(error) => (None, Some(refusal::told(visit, error))),
    };
    let known = one.case.as_ref();
    json!({
        "case": one.wanted, "id": known.map(|case| &case.id), "number": known.map(|case| &case.number), "receipt": left.as_ref().map(receipt),
        "problem": problem,
    })
}
