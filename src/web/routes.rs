//! Every path of the product, one flat list. A path is a resource, so that a wrong method is 405 and not 404:
//! `cfg.service(resource("/recalls").get(recalls::index).post(recalls::create));`

use actix_web::{
    HttpResponse,
    web::{ServiceConfig, resource},
};

use super::assets;

/// Registers all paths.
pub fn routes(cfg: &mut ServiceConfig) {
    cfg.service(resource("/static/{path:.*}").get(assets::show));
    cfg.service(resource("/healthz").get(health));
}

/// The process answers. Whether it can work is `/readyz`.
async fn health() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ok\n")
}
