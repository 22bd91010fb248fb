//! `GET /api/v1/openapi.json`: the API, described for programs.

use actix_web::{HttpRequest, HttpResponse, web::Data};

use super::{describe::document::document, json_ok};
use crate::{
    app::App,
    web::{Fault, extract::visit},
};

/// For everybody: it is the same for all and says nothing of anybody.
pub async fn show(app: Data<App>, req: HttpRequest) -> Result<HttpResponse, Fault> {
    Ok(json_ok(&document(&visit(&req)?.tr(), &app.config.public_url)))
}
