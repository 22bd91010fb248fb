//! `GET /recalls/{id}/progress`: what an open page of a case asks again and again (`static/js/watch.js`), so that it can say that it is out
//! of date. It takes nothing off the page, keeps no session awake and leaves no event.

use actix_web::{
    HttpResponse,
    http::header,
    web::{Data, Path},
};
use serde_json::json;

use crate::{
    app::{App, recalls::acts},
    web::{Fault, SignedIn},
};

/// Answers `{"acts": N, "over": false}`: how many things were done in the case, and whether it has ended.
pub async fn show(app: Data<App>, me: SignedIn, path: Path<String>) -> Result<HttpResponse, Fault> {
    let progress = acts::progress(&app, &me.caller, &path).await?;
    let answer = json!({ "acts": progress.acts, "over": progress.over });
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(answer))
}
