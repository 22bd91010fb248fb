//! Every path of the product, one flat list. A path is a resource, so that a wrong method is 405 and not 404:
//! `cfg.service(resource("/recalls").get(recalls::index).post(recalls::create));`

use actix_web::{
    HttpResponse,
    web::{ServiceConfig, resource},
};

use super::{
    assets,
    console::{account, sessions, setup, users},
};

/// Registers all paths.
pub fn routes(cfg: &mut ServiceConfig) {
    cfg.service(resource("/static/{path:.*}").get(assets::show));
    cfg.service(resource("/healthz").get(health));

    cfg.service(resource("/setup/{token}").get(setup::setup).post(setup::set_up));
    cfg.service(resource("/invitations/{token}").get(setup::invitation).post(setup::accept));
    cfg.service(resource("/sign-in").get(sessions::new));
    cfg.service(resource("/sessions").post(sessions::create));
    cfg.service(resource("/sessions/verification").get(sessions::verification).post(sessions::verify));
    cfg.service(resource("/sessions/enrolment").get(sessions::enrolment).post(sessions::enrol));
    cfg.service(resource("/sessions/current/closures").post(sessions::close));

    cfg.service(resource("/account").get(account::show));
    cfg.service(resource("/account/password").post(account::password));
    cfg.service(resource("/account/preferences").post(account::preferences));
    cfg.service(resource("/account/second-factor").get(account::second_factor).post(account::replace_second_factor));
    cfg.service(resource("/account/sessions/{id}/revocations").post(account::revoke_session));
    cfg.service(resource("/account/tokens").post(account::create_token));
    cfg.service(resource("/account/tokens/{id}/revocations").post(account::revoke_token));

    cfg.service(resource("/users").get(users::index));
    cfg.service(resource("/users/invitations").post(users::invite));
    cfg.service(resource("/users/{id}").get(users::show));
    cfg.service(resource("/users/{id}/roles").post(users::roles));
    cfg.service(resource("/users/{id}/details").post(users::details));
    cfg.service(resource("/users/{id}/suspensions").post(users::suspend));
    cfg.service(resource("/users/{id}/reinstatements").post(users::reinstate));
    cfg.service(resource("/departments").post(users::add_department));
}

/// The process answers. Whether it can work is `/readyz`.
async fn health() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ok\n")
}
