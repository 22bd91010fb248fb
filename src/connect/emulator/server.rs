//! HTTP: the API under `/cgi-bin/` with its faults; the routes of the rest.

use std::{collections::HashMap, io, net::TcpListener, sync::Arc, time::Duration};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpResponseBuilder, HttpServer,
    dev::Server,
    http::{StatusCode, header},
    web::{self, Bytes, Data},
};
use serde_json::Value;

use super::{
    Shared,
    api::{self, Incoming},
    codes::Reply,
    control,
    faults::Mode,
    inbox,
    state::{Call, State},
};
use crate::clock::Instant;

/// Longer than any client waits.
const NEVER: Duration = Duration::from_secs(600);
const SLOW: Duration = Duration::from_secs(2);
/// Query parameters whose value the record does not show.
const SECRETS: [&str; 2] = ["access_token", "corpsecret"];

pub(super) fn build(listener: TcpListener, shared: Arc<Shared>, signals: bool) -> io::Result<Server> {
    let shared = Data::from(shared);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(shared.clone())
            .app_data(web::PayloadConfig::new(4 << 20))
            .route("/cgi-bin/{endpoint:.*}", web::route().to(cgi_bin))
            .configure(control::routes)
            .configure(inbox::routes)
    })
    .workers(2)
    .shutdown_timeout(1);
    let server = if signals { server } else { server.disable_signals() };
    Ok(server.listen(listener)?.run())
}

/// A response with the `Date` of the emulator's own clock.
pub(super) fn response(status: StatusCode, now: Instant) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response.insert_header((header::DATE, now.timestamp().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()));
    response
}

async fn cgi_bin(request: HttpRequest, query: web::Query<HashMap<String, String>>, body: Bytes, shared: Data<Shared>) -> HttpResponse {
    let endpoint = request.match_info().get("endpoint").unwrap_or_default().trim_end_matches('/').to_owned();
    let ip = request.peer_addr().map(|a| a.ip().to_string()).unwrap_or_default();
    let fault = shared.lock().faults.take(&endpoint);
    if fault == Some(Mode::Slow) {
        tokio::time::sleep(SLOW).await;
    }
    let answer = respond(&mut shared.lock(), &request, &endpoint, &query, &body, &ip, fault);
    match answer {
        Some(response) => response,
        None => {
            tokio::time::sleep(NEVER).await;
            HttpResponse::GatewayTimeout().finish()
        }
    }
}

/// Acts, records and answers; `None` where no answer is to come.
fn respond(
    state: &mut State,
    request: &HttpRequest,
    endpoint: &str,
    query: &HashMap<String, String>,
    body: &[u8],
    ip: &str,
    fault: Option<Mode>,
) -> Option<HttpResponse> {
    let now = state.now();
    if fault == Some(Mode::RevokeToken) {
        state.revoke_tokens();
    }
    let acted = !matches!(fault, Some(Mode::TimeoutBefore | Mode::Error500 | Mode::TooMany));
    let reply = acted.then(|| api::answer(state, &Incoming { method: request.method().as_str(), endpoint, query, body }));
    let hint = state.hint();
    let json = reply.as_ref().map(|r| r.json(&hint, ip));
    let status = match fault {
        Some(Mode::TimeoutAfterActing | Mode::TimeoutBefore) => None,
        Some(Mode::Error500) => Some(StatusCode::INTERNAL_SERVER_ERROR),
        Some(Mode::TooMany) => Some(StatusCode::TOO_MANY_REQUESTS),
        _ if reply.as_ref().is_some_and(|r| r.code == super::codes::NO_SUCH_PATH) => Some(StatusCode::NOT_FOUND),
        _ => Some(StatusCode::OK),
    };
    state.record(Call {
        n: 0,
        at: now.to_rfc3339(),
        method: request.method().to_string(),
        path: format!("/cgi-bin/{endpoint}"),
        query: query.iter().map(|(k, v)| (k.clone(), if SECRETS.contains(&k.as_str()) { "***".to_owned() } else { v.clone() })).collect(),
        body: serde_json::from_slice(body).unwrap_or_else(|_| String::from_utf8_lossy(body).into_owned().into()),
        fault: fault.map(|f| f.as_str().to_owned()),
        acted,
        status: status.map(|s| s.as_u16()),
        errcode: reply.as_ref().map(|r| r.code.0),
        errmsg: json.as_ref().and_then(|j| j["errmsg"].as_str()).map(str::to_owned),
    });
    Some(match fault {
        Some(Mode::Error500) => response(status?, now).body("Internal Server Error"),
        Some(Mode::TooMany) => response(status?, now).insert_header((header::RETRY_AFTER, "1")).body("Too Many Requests"),
        Some(Mode::Garbage) => response(status?, now).content_type("text/html").body(&b"<html>\xff\xfe</html>"[..]),
        _ => finish(status?, now, &reply?, &json?),
    })
}

fn finish(status: StatusCode, now: Instant, reply: &Reply, json: &Value) -> HttpResponse {
    let mut response = response(status, now);
    for note in &reply.notes {
        response.append_header(("x-emulator-note", *note));
    }
    response.content_type("application/json; charset=UTF-8").body(json.to_string())
}
