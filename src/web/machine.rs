//! What machines ask beside the API. `/log/checkpoint` and `/log/tile/…` for mirrors, monitors and witnesses (C2SP tlog-tiles), behind a
//! bearer token with the scope `log.read` unless `log_public`; why nothing of it is recorded stands in `app::published`. `/healthz`,
//! `/readyz` and `/metrics` for those who run the servers.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, Path},
};

use super::{fault::Fault, gate::Asking};
use crate::{
    app::{App, Caller, published},
    domain::role::Permission,
};

/// Who asks; a stranger only where the log is public.
fn asking(app: &App, req: &HttpRequest) -> Result<Option<Caller>, Fault> {
    match Asking::of(req).and_then(|a| a.bearer.clone()) {
        None if !app.config.log_public => Err(Fault::new(StatusCode::UNAUTHORIZED).because("fault-token")),
        bearer => Ok(bearer),
    }
}

/// `GET /log/checkpoint`: the newest one; it moves, so it is never kept.
pub async fn checkpoint(app: Data<App>, req: HttpRequest) -> Result<HttpResponse, Fault> {
    let caller = asking(&app, &req)?;
    let note = published::newest(&app, caller.as_ref()).await?;
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-cache")).content_type("text/plain; charset=utf-8").body(note))
}

/// `GET /log/tile/<L>/<N>[.p/<W>]` and `/log/tile/entries/<N>[.p/<W>]`: what has been given out once never changes.
pub async fn tile(app: Data<App>, req: HttpRequest, path: Path<String>) -> Result<HttpResponse, Fault> {
    let caller = asking(&app, &req)?;
    let bytes = published::tile(&app, caller.as_ref(), &format!("tile/{path}")).await?;
    let keep = if app.config.log_public { "public, max-age=31536000, immutable" } else { "private, max-age=31536000, immutable" };
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, keep)).content_type("application/octet-stream").body(bytes))
}

/// `GET /metrics` in the Prometheus text format, behind a bearer token with the scope `system.read`. Numbers only: no names, no addresses.
pub async fn metrics(app: Data<App>, req: HttpRequest) -> Result<HttpResponse, Fault> {
    let caller = Asking::of(&req).and_then(|a| a.bearer.clone()).ok_or_else(|| Fault::new(StatusCode::UNAUTHORIZED).because("fault-token"))?;
    if !caller.may(Permission::SystemRead) {
        return Err(Fault::forbidden());
    }
    let text = super::metrics::text(&crate::app::status::read(&app).await?, app.store.write_ends());
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(text))
}

/// `GET /healthz`: the process answers. Whether it can work is [`ready`].
pub async fn health() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ok\n")
}

/// `GET /readyz`: 200 if it can do its work now, else 503; what was found as JSON.
pub async fn ready(app: Data<App>) -> HttpResponse {
    let found = crate::app::readiness::look(&app).await;
    HttpResponse::build(if found.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }).json(found)
}
