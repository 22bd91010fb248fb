//! `/api/v1/self-recalls` 自行撤回备案: a sender files what they took back in the client, a second person says what is still visible.

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
        App, AppError, FieldError,
        self_recalls::{self, Check, Filing, Line, NewFiling},
    },
    clock::Instant,
    domain::self_recall::FilingState,
    id::SelfRecallId,
    web::{Bearer, Fault, extract::visit, refusal},
};

/// `GET /api/v1/self-recalls`: filings that the token may know of, newest first.
pub async fn index(app: Data<App>, bearer: Bearer, req: HttpRequest) -> Result<HttpResponse, Fault> {
    let visit = visit(&req)?;
    let asked = match Parameters::of(&req) {
        Ok(asked) => asked,
        Err(wrong) => return Ok(refusal::invalid(&visit, &wrong)),
    };
    let state = asked.get("state").and_then(FilingState::parse);
    match self_recalls::list_of(&app, &bearer.caller, state, asked.turn(), asked.limit(LIST)).await {
        Ok((lines, (_, below), _)) => Ok(paged(&req, &json!({ "self_recalls": lines.iter().map(line).collect::<Vec<_>>(), "next": below }))),
        Err(error) => Ok(respond(&visit, Err(error.into()))),
    }
}

fn line(line: &Line) -> Value {
    json!({
        "id": line.id, "number": line.number, "state": line.state, "platform": line.platform, "channel": line.channel, "filer": line.filer,
        "withdrawn_at": line.withdrawn_at.to_rfc3339(), "filed_at": line.filed_at.to_rfc3339(),
    })
}

/// `GET /api/v1/self-recalls/{id}`; `id` may be the number of the filing.
pub async fn show(app: Data<App>, bearer: Bearer, req: HttpRequest, path: Path<String>) -> Result<HttpResponse, Fault> {
    let visit = visit(&req)?;
    match self_recalls::load(&app, &bearer.caller, &path).await {
        Ok(filing) => Ok(json_ok(&shown(&filing))),
        Err(error) => Ok(respond(&visit, Err(error.into()))),
    }
}

fn shown(filing: &Filing) -> Value {
    let checked = filing.checked.as_ref().map(|(by, at, note)| json!({ "by": by, "at": at.to_rfc3339(), "note": note }));
    let mut body = line(&filing.line);
    body["broadcast"] = json!(filing.broadcast);
    body["extent"] = json!(filing.extent);
    body["sent_at"] = json!(filing.sent_at.map(Instant::to_rfc3339));
    body["recipients"] = json!(filing.recipients);
    body["note"] = json!(filing.note);
    body["checked"] = json!(checked);
    body["why_not"] = json!(filing.why_not);
    body["version"] = json!(filing.version);
    body
}

/// A broadcast that is not there, by the word that all of this API has for it.
fn named_here(error: AppError) -> AppError {
    let here = |e: FieldError| if (e.field, e.kind) == ("broadcast", "unknown") { FieldError::new("broadcast", "no-such") } else { e };
    match error {
        AppError::Invalid(errors) => AppError::Invalid(errors.into_iter().map(here).collect()),
        other => other,
    }
}

/// `POST /api/v1/self-recalls` `{"broadcast","withdrawn_at","extent"}`, and if wanted `"note"`; the token must be a person's.
pub async fn create(app: Data<App>, bearer: Bearer, req: HttpRequest, body: Body) -> Result<HttpResponse, Fault> {
    once(&app, &bearer.caller, &req, &body.0, |id| async {
        let mut fields = Fields::of(&body.0)?;
        let new = NewFiling {
            broadcast: fields.text("broadcast"),
            withdrawn_at: fields.text("withdrawn_at"),
            extent: fields.text("extent"),
            note: fields.text("note"),
        };
        fields.end()?;
        let done = self_recalls::file(&app, &bearer.caller, new, id.map(SelfRecallId)).await.map_err(named_here)?;
        let href = format!("/api/v1/self-recalls/{}", done.value);
        let body = json!({ "id": done.value, "state": FilingState::Filed, "href": href });
        Ok::<_, Refusal>(Answer::created(&done, href, body))
    })
    .await
}

/// `POST /api/v1/self-recalls/{id}/checks` `{"seen","note","totp"}`, and if wanted `"version"`: somebody else says what is still visible.
pub async fn check(app: Data<App>, bearer: Bearer, req: HttpRequest, path: Path<String>, body: Body) -> Result<HttpResponse, Fault> {
    once(&app, &bearer.caller, &req, &body.0, |_| async {
        let mut fields = Fields::of(&body.0)?;
        let check = Check { seen: fields.text("seen"), note: fields.text("note"), totp: fields.text("totp"), version: fields.number("version") };
        fields.end()?;
        let done = self_recalls::check(&app, &bearer.caller, &path, check).await?;
        let (id, state) = &done.value;
        let body = json!({ "id": id, "state": state });
        Ok::<_, Refusal>(Answer::changed(&done, body))
    })
    .await
}
