//! What happens to an approved case, for programs: captures of a guided recall, their confirmation by a second person, and the halt.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

use super::{Answer, Body, Refusal, fields::Fields, once};
use crate::{
    app::{
        App, AppError, Done, FieldError,
        recalls::{guided, halt},
    },
    web::{Bearer, Fault},
};

fn entered(done: &Done<String>) -> Answer {
    Answer::changed(done, json!({ "id": done.value }))
}

/// What is wrong with the picture, at the member that carries it here.
fn named_here(error: AppError) -> AppError {
    let here = |e: FieldError| FieldError { field: if e.field == "capture" { "data" } else { e.field }, ..e };
    match error {
        AppError::Invalid(errors) => AppError::Invalid(errors.into_iter().map(here).collect()),
        other => other,
    }
}

/// `POST /api/v1/recalls/{id}/captures` `{"outcome","note","name","data":base64}`: a platform operator proves what they did.
pub async fn capture(app: Data<App>, bearer: Bearer, req: HttpRequest, path: Path<String>, body: Body) -> Result<HttpResponse, Fault> {
    once(&app, &bearer.caller, &req, &body.0, |_| async {
        let mut fields = Fields::of(&body.0)?;
        let mut capture =
            guided::Capture { file_name: fields.text("name"), bytes: Vec::new(), outcome: fields.text("outcome"), note: fields.text("note") };
        match STANDARD.decode(fields.text("data")) {
            Ok(bytes) => capture.bytes = bytes,
            Err(_) => fields.refuse("data", "base64"),
        }
        fields.end()?;
        let done = guided::capture(&app, &bearer.caller, &path, capture).await.map_err(named_here)?;
        Ok::<_, Refusal>(entered(&done))
    })
    .await
}

/// `POST /api/v1/recalls/{id}/confirmations` `{"outcome","note","totp"}`: somebody else says what the captures show; the case ends.
pub async fn confirm(app: Data<App>, bearer: Bearer, req: HttpRequest, path: Path<String>, body: Body) -> Result<HttpResponse, Fault> {
    once(&app, &bearer.caller, &req, &body.0, |_| async {
        let mut fields = Fields::of(&body.0)?;
        let seen = guided::Seen { outcome: fields.text("outcome"), note: fields.text("note"), totp: fields.text("totp") };
        fields.end()?;
        let done = guided::confirm(&app, &bearer.caller, &path, seen).await?;
        Ok::<_, Refusal>(entered(&done))
    })
    .await
}

/// `POST /api/v1/recalls/{id}/halts` `{"reason"}`: nothing more is approved, and no further call is made.
pub async fn halt(app: Data<App>, bearer: Bearer, req: HttpRequest, path: Path<String>, body: Body) -> Result<HttpResponse, Fault> {
    once(&app, &bearer.caller, &req, &body.0, |_| async {
        let mut fields = Fields::of(&body.0)?;
        let reason = fields.text("reason");
        fields.end()?;
        let done = halt::halt(&app, &bearer.caller, &path, &reason).await?;
        Ok::<_, Refusal>(entered(&done))
    })
    .await
}
