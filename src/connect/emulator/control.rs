//! `/_emulator/calls`, `/_emulator/faults`, `/_emulator/clock` (formats.md, "Emulators also answer").

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{self, Bytes, Data},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Shared, api, faults::Mode, server::response};

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/_emulator/calls", web::get().to(calls))
        .route("/_emulator/faults", web::get().to(faults))
        .route("/_emulator/faults", web::post().to(inject))
        .route("/_emulator/clock", web::get().to(clock))
        .route("/_emulator/clock", web::post().to(set_clock));
}

/// Every call, with the name of its endpoint as `/_emulator/faults` takes it.
async fn calls(shared: Data<Shared>) -> HttpResponse {
    let state = shared.lock();
    let all: Vec<Value> = state
        .calls()
        .iter()
        .map(|call| {
            let mut shown = json!(call);
            shown["endpoint"] = call.endpoint().into();
            shown
        })
        .collect();
    response(StatusCode::OK, state.now()).json(all)
}

async fn faults(shared: Data<Shared>) -> HttpResponse {
    let state = shared.lock();
    response(StatusCode::OK, state.now()).json(state.faults.waiting())
}

#[derive(Deserialize)]
struct Order {
    endpoint: String,
    mode: Mode,
    /// 0 withdraws the endpoint's orders.
    #[serde(default = "once")]
    times: u32,
}

const fn once() -> u32 {
    1
}

async fn inject(body: Bytes, shared: Data<Shared>) -> HttpResponse {
    let mut state = shared.lock();
    match serde_json::from_slice::<Order>(&body) {
        Ok(order) if state.faults.inject(&order.endpoint, order.mode, order.times) => {
            response(StatusCode::OK, state.now()).json(state.faults.waiting())
        }
        Ok(order) => {
            let known: Vec<&str> = api::POSTS.iter().chain(&api::GETS).copied().chain(["*"]).collect();
            let error = format!("no endpoint {:?}; known: {}", order.endpoint, known.join(", "));
            response(StatusCode::UNPROCESSABLE_ENTITY, state.now()).json(json!({ "error": error }))
        }
        Err(error) => response(StatusCode::UNPROCESSABLE_ENTITY, state.now()).json(json!({ "error": error.to_string() })),
    }
}

#[derive(Deserialize)]
struct Offset {
    offset_seconds: i64,
}

async fn clock(shared: Data<Shared>) -> HttpResponse {
    let state = shared.lock();
    response(StatusCode::OK, state.now()).json(json!({ "now": state.now().to_rfc3339(), "offset_seconds": state.offset() }))
}

async fn set_clock(body: Bytes, shared: Data<Shared>) -> HttpResponse {
    let mut state = shared.lock();
    match serde_json::from_slice::<Offset>(&body) {
        Ok(offset) => {
            state.set_offset(offset.offset_seconds);
            response(StatusCode::OK, state.now()).json(json!({ "now": state.now().to_rfc3339(), "offset_seconds": state.offset() }))
        }
        Err(error) => response(StatusCode::UNPROCESSABLE_ENTITY, state.now()).json(json!({ "error": error.to_string() })),
    }
}
