//! `/api/v1/remediations` and what hangs on a case: 补救方案, the steps that a recall left to do, by whom and until when.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use serde_json::{Value, json};

use super::{
    Answer, Body, Refusal,
    describe::operations::LIST,
    fields::Fields,
    json_ok, once,
    parameters::{Parameters, paged},
    respond,
};
use crate::{
    app::{
        App,
        once::of_request,
        remediations::{
            self, Closing, End, NewStep, Plan, StepView,
            list::{self, Line, Wanted},
        },
    },
    clock::Instant,
    domain::remediation::StepState,
    web::{Bearer, Fault, extract::visit, refusal},
};

/// `GET /api/v1/remediations`: the steps of the cases that the token may know of, newest first.
pub async fn index(app: Data<App>, bearer: Bearer, req: HttpRequest) -> Result<HttpResponse, Fault> {
    let visit = visit(&req)?;
    let asked = match Parameters::of(&req) {
        Ok(asked) => asked,
        Err(wrong) => return Ok(refusal::invalid(&visit, &wrong)),
    };
    let wanted = asked.get("show").and_then(Wanted::parse);
    match list::list(&app, &bearer.caller, wanted, false, asked.turn(), asked.limit(LIST)).await {
        Ok((lines, (_, below), _)) => Ok(paged(&req, &json!({ "steps": lines.iter().map(line).collect::<Vec<_>>(), "next": below }))),
        Err(error) => Ok(respond(&visit, Err(error.into()))),
    }
}

fn owner((id, name): &(String, String)) -> Value {
    json!({ "id": id, "name": name })
}

fn line(line: &Line) -> Value {
    json!({
        "id": line.id, "recall": line.recall, "number": line.number, "strategy": line.strategy, "owner": owner(&line.owner),
        "due": line.due.map(Instant::to_rfc3339), "state": line.state, "overdue": line.overdue, "set_at": line.set_at.to_rfc3339(),
        "ended_at": line.ended_at.map(Instant::to_rfc3339), "version": line.version,
    })
}

/// `GET /api/v1/recalls/{id}/remediations`: the plan of a case. `ending` is null while the case goes on, and then there is no plan.
pub async fn show(app: Data<App>, bearer: Bearer, req: HttpRequest, path: Path<String>) -> Result<HttpResponse, Fault> {
    let visit = visit(&req)?;
    match remediations::of_case(&app, &bearer.caller, &path).await {
        Ok(plan) => Ok(json_ok(&shown(plan.as_ref()))),
        Err(error) => Ok(respond(&visit, Err(error.into()))),
    }
}

fn shown(plan: Option<&Plan>) -> Value {
    let proposed = |p: &Plan| p.proposed.iter().map(|(of, due)| json!({ "strategy": of, "due": due.map(Instant::to_rfc3339) })).collect();
    let (proposed, steps): (Vec<Value>, Vec<Value>) = plan.map(|p| (proposed(p), p.steps.iter().map(step).collect())).unwrap_or_default();
    json!({ "ending": plan.map(|p| p.ending), "held": plan.and_then(|p| p.held), "proposed": proposed, "steps": steps })
}

fn step(step: &StepView) -> Value {
    json!({
        "id": step.id, "strategy": step.strategy, "owner": owner(&step.owner), "due": step.due.map(Instant::to_rfc3339), "state": step.state,
        "overdue": step.overdue, "note": step.note, "set_by": step.set_by, "set_at": step.set_at.to_rfc3339(), "version": step.version,
        "ended": step.ended.as_ref().map(|(by, at, said)| json!({ "by": by, "at": at.to_rfc3339(), "said": said })),
    })
}

/// `POST /api/v1/recalls/{id}/remediations` `{"strategy","owner"}`, and if wanted `"due"` and `"note"`; the token must be a person's.
pub async fn create(app: Data<App>, bearer: Bearer, req: HttpRequest, path: Path<String>, body: Body) -> Result<HttpResponse, Fault> {
    once(&app, &bearer.caller, &req, &body.0, |id| async {
        let mut fields = Fields::of(&body.0)?;
        let new = NewStep { strategy: fields.text("strategy"), owner: fields.text("owner"), due: fields.text("due"), note: fields.text("note") };
        fields.end()?;
        let id = id.unwrap_or_else(crate::id::fresh);
        let done = remediations::add(&app, &bearer.caller, &path, new, id.clone()).await?;
        let href = format!("/api/v1/recalls/{}/remediations", done.value);
        let body = json!({ "id": id, "state": StepState::Open, "href": href });
        Ok::<_, Refusal>(Answer::created(&done, href, body))
    })
    .await
}

async fn end(app: &App, bearer: &Bearer, req: &HttpRequest, case: &str, body: &Body, how: End) -> Result<HttpResponse, Fault> {
    once(app, &bearer.caller, req, &body.0, |id| async {
        let mut fields = Fields::of(&body.0)?;
        let step = fields.text("step");
        let (said, state) = match how {
            End::Done => (fields.text("done"), StepState::Done),
            End::Drop => (fields.text("reason"), StepState::Dropped),
        };
        let closing = Closing { how, said, seen: fields.number("version"), once: id.map(of_request) };
        fields.end()?;
        let done = remediations::end_step(app, &bearer.caller, case, &step, closing).await?;
        Ok::<_, Refusal>(Answer::changed(&done, json!({ "id": step, "state": state })))
    })
    .await
}

/// `POST /api/v1/recalls/{id}/remediations/completions` `{"step","done"}`, and if wanted `"version"`: its owner reports a step done.
pub async fn finish(app: Data<App>, bearer: Bearer, req: HttpRequest, path: Path<String>, body: Body) -> Result<HttpResponse, Fault> {
    end(&app, &bearer, &req, &path, &body, End::Done).await
}

/// `POST /api/v1/recalls/{id}/remediations/droppings` `{"step","reason"}`, and if wanted `"version"`: a planner gives a step up.
pub async fn drop_step(app: Data<App>, bearer: Bearer, req: HttpRequest, path: Path<String>, body: Body) -> Result<HttpResponse, Fault> {
    end(&app, &bearer, &req, &path, &body, End::Drop).await
}
