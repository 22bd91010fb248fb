//! `/api/v1/imports`: tables of broadcasts that were sent without us, or of the recipients of one; looked at first with a report for each line,
//! put in afterwards. One broadcast by itself is `/api/v1/broadcasts/imports`.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{Answer, Body, Refusal, fields::Fields, json_ok, once, respond};
use crate::{
    app::{
        App, AppError, FieldError,
        broadcasts::imports::{self, Given, How, ImportState, Known, New, files},
    },
    clock::Instant,
    web::{Bearer, Fault, extract::visit},
};

/// `GET /api/v1/imports`: the newest of the token's person.
pub async fn index(app: Data<App>, bearer: Bearer, req: HttpRequest) -> Result<HttpResponse, Fault> {
    let visit = visit(&req)?;
    match imports::list(&app, &bearer.caller).await {
        Ok(all) => Ok(json_ok(&json!({ "imports": all.iter().map(line).collect::<Vec<_>>() }))),
        Err(error) => Ok(respond(&visit, Err(error.into()))),
    }
}

fn line(known: &Known) -> Value {
    let row = &known.row;
    json!({
        "id": row.id, "kind": known.kind, "state": known.state, "ready": known.is_ready(), "name": known.about.name, "bytes": row.size,
        "digest": hex::encode(&row.digest), "broadcasts": row.broadcasts, "recipients": row.recipients, "doubles": row.doubles,
        "problems": row.problems, "done": row.done, "total": row.total, "created_at": Instant(row.created_at).to_rfc3339(),
        "ended_at": row.ended_at.map(|at| Instant(at).to_rfc3339()),
    })
}

/// `GET /api/v1/imports/{id}`: how far it is, and what is wrong in which line.
pub async fn show(app: Data<App>, bearer: Bearer, req: HttpRequest, path: Path<String>) -> Result<HttpResponse, Fault> {
    let visit = visit(&req)?;
    let known = match imports::show(&app, &bearer.caller, &path).await {
        Ok(known) => known,
        Err(error) => return Ok(respond(&visit, Err(error.into()))),
    };
    let tr = visit.tr();
    let mut body = line(&known);
    body["encoding"] = json!(known.row.encoding);
    body["separator"] = json!(known.row.separator);
    body["ignored"] = json!(known.about.ignored);
    body["report"] = known.about.problems.iter().map(|problem| files::told(&tr, problem)).collect();
    body["made"] = json!(known.about.made);
    Ok(json_ok(&body))
}

/// `POST /api/v1/imports` `{"kind","data":base64}`, and if wanted `"name"`, `"encoding"`, `"separator"`; for recipients `"message"`: which one they got.
/// The token must be a person's. The same table twice is one import: `again` says so, and the answer is the first.
pub async fn create(app: Data<App>, bearer: Bearer, req: HttpRequest, body: Body) -> Result<HttpResponse, Fault> {
    once(&app, &bearer.caller, &req, &body.0, |id| async {
        let mut fields = Fields::of(&body.0)?;
        let mut new = New { kind: fields.text("kind"), name: fields.text("name"), bytes: Vec::new(), how: how(&mut fields), given: Given::default() };
        match STANDARD.decode(fields.text("data")) {
            Ok(bytes) => new.bytes = bytes,
            Err(_) => fields.refuse("data", "base64"),
        }
        let given = fields.object("message", |m| Given {
            connection: m.text("connection"),
            message_id: m.text("message_id"),
            room: m.text("room"),
            sent_at: m.text("sent_at"),
            sender: m.text("sender"),
            title: m.text("title"),
            text: m.text("text"),
        });
        fields.end()?;
        let told = given.is_some();
        new.given = given.unwrap_or_default();
        let done = imports::upload(&app, &bearer.caller, new, id.unwrap_or_else(crate::id::fresh)).await.map_err(|e| named_here(e, told))?;
        let href = format!("/api/v1/imports/{}", done.value.id);
        let body = json!({ "id": done.value.id, "again": done.value.again, "href": href });
        Ok::<_, Refusal>(Answer::created(&done, href, body))
    })
    .await
}

fn how(fields: &mut Fields) -> How {
    let mut word = |name| {
        let given = fields.maybe_text(name);
        // Nothing chosen is nothing said: an empty word is none of the words.
        if given.as_ref().is_some_and(String::is_empty) {
            fields.refuse(name, "choice");
        }
        given.unwrap_or_default()
    };
    How { encoding: word("encoding"), separator: word("separator") }
}

/// What is wrong, at the member that carries it here; of a message of which nothing was `told`, that it is missing.
fn named_here(error: AppError, told: bool) -> AppError {
    let of_message = |field: &str| match field {
        "connection" => Some("message.connection"),
        "message_id" => Some("message.message_id"),
        "room" => Some("message.room"),
        "sent_at" => Some("message.sent_at"),
        "sender" => Some("message.sender"),
        "title" => Some("message.title"),
        "text" => Some("message.text"),
        _ => None,
    };
    let AppError::Invalid(errors) = error else { return error };
    if !told && errors.iter().any(|e| of_message(e.field).is_some()) {
        return AppError::invalid("message", "required");
    }
    let here = |e: FieldError| FieldError { field: of_message(e.field).unwrap_or(if e.field == "file" { "data" } else { e.field }), ..e };
    AppError::Invalid(errors.into_iter().map(here).collect())
}

/// `POST /api/v1/imports/{id}/checks` `{"encoding","separator"}`: read otherwise; without them as it looks.
pub async fn check(app: Data<App>, bearer: Bearer, req: HttpRequest, path: Path<String>, body: Body) -> Result<HttpResponse, Fault> {
    once(&app, &bearer.caller, &req, &body.0, |_| async {
        let mut fields = Fields::or_none(&body.0)?;
        let how = how(&mut fields);
        fields.end()?;
        let done = imports::look_again(&app, &bearer.caller, &path, how).await?;
        Ok::<_, Refusal>(Answer::changed(&done, json!({ "id": done.value, "state": ImportState::Checking })))
    })
    .await
}

/// `POST /api/v1/imports/{id}/confirmations`, without a body: all of it is written, or nothing.
pub async fn confirm(app: Data<App>, bearer: Bearer, req: HttpRequest, path: Path<String>, body: Body) -> Result<HttpResponse, Fault> {
    once(&app, &bearer.caller, &req, &body.0, |_| async {
        Fields::or_none(&body.0)?.end()?;
        let done = imports::confirm(&app, &bearer.caller, &path).await?;
        Ok::<_, Refusal>(Answer::changed(&done, json!({ "id": done.value, "state": ImportState::Applying })))
    })
    .await
}

/// `POST /api/v1/imports/{id}/removals`, without a body: thrown away.
pub async fn discard(app: Data<App>, bearer: Bearer, req: HttpRequest, path: Path<String>, body: Body) -> Result<HttpResponse, Fault> {
    once(&app, &bearer.caller, &req, &body.0, |_| async {
        Fields::or_none(&body.0)?.end()?;
        let done = imports::discard(&app, &bearer.caller, &path).await?;
        Ok::<_, Refusal>(Answer::changed(&done, json!({ "id": done.value, "state": ImportState::Discarded })))
    })
    .await
}
