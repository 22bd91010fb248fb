//! The API under `/api/v1`: JSON in and out, one file a noun. Here: what every answer carries, and doing a request once.
//!
//! What each operation takes and gives stands in [`describe`].
//!
//! A handler reads its body with [`fields::Fields`], calls one use case and gives an [`Answer`] to [`once()`]:
//! the receipt goes into the body (`event` and `index`, and the same as `receipt`) and into the header `Audit-Event`; a request with an `Idempotency-Key` is done once.

pub mod broadcasts;
pub mod delegations;
pub mod describe;
pub mod door;
pub mod event_types;
pub mod events;
pub mod evidence;
pub mod execution;
pub mod exports;
pub mod fields;
pub mod imports;
pub mod openapi;
pub mod parameters;
pub mod recalls;
pub mod remediations;
pub mod reminders;
pub mod self_recalls;

use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    dev::Payload,
    http::{
        StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
};
use futures_util::{StreamExt, future::LocalBoxFuture};
use serde_json::{Map, Value, json};

use super::{
    fault::Fault,
    once::{passed, turned_away},
    posted::WHOLE_LIMIT,
    refusal::{self, Wrong},
    visit::Visit,
};
use crate::app::{App, AppError, Caller, Done, Receipt, once};

/// A change that worked.
pub struct Answer {
    pub status: StatusCode,
    /// Where the thing can be read.
    pub location: Option<String>,
    pub body: Value,
}

impl Answer {
    /// `201` for something new at `location`; `body` is an object, the receipt is added to it.
    pub fn created<T>(done: &Done<T>, location: impl Into<String>, body: Value) -> Self {
        Self { status: StatusCode::CREATED, location: Some(location.into()), body: with_receipt(body, done.receipt.as_ref()) }
    }

    /// `200` for what was looked into and not changed.
    pub fn said(body: Value) -> Self {
        Self { status: StatusCode::OK, location: None, body }
    }

    /// `200` for a change of something that is there.
    pub fn changed<T>(done: &Done<T>, body: Value) -> Self {
        Self { status: StatusCode::OK, location: None, body: with_receipt(body, done.receipt.as_ref()) }
    }
}

/// `{"event":…,"index":…|null}` (formats.md, "Set-up from the shell and the API").
pub fn receipt(receipt: &Receipt) -> Value {
    json!({ "event": receipt.event.as_str(), "index": receipt.index })
}

fn with_receipt(mut body: Value, of: Option<&Receipt>) -> Value {
    if let (Some(object), Some(of)) = (body.as_object_mut(), of) {
        let receipt = receipt(of);
        // Beside the other members, where formats.md puts them; and whole, for programs that file receipts.
        object.extend(receipt.as_object().cloned().unwrap_or_default());
        object.insert("receipt".to_owned(), receipt);
    }
    body
}

/// Why a request came to nothing.
pub enum Refusal {
    App(AppError),
    /// Members of the body that are missing, unknown or of the wrong type.
    Body(Vec<Wrong>),
    Fault(Fault),
}

impl From<AppError> for Refusal {
    fn from(error: AppError) -> Self {
        Self::App(error)
    }
}

impl From<Vec<Wrong>> for Refusal {
    fn from(errors: Vec<Wrong>) -> Self {
        Self::Body(errors)
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Runs `make` once for this request's `Idempotency-Key`, or simply runs it. `make` gets the id that something new shall have.
///
/// The key is scoped to the token and kept 24 hours; a repetition gets the first answer's status and body, the same key with another body
/// is 422. Refusals are answers too and are kept; what broke on our side is not.
pub async fn once<F, Fut>(app: &App, caller: &Caller, req: &HttpRequest, body: &[u8], make: F) -> Result<HttpResponse, Fault>
where
    F: FnOnce(Option<String>) -> Fut,
    Fut: Future<Output = Result<Answer, Refusal>>,
{
    let visit = Visit::of(req).ok_or_else(|| Fault::internal("the shell's middleware is missing"))?;
    let key = match req.headers().get("idempotency-key") {
        None => {
            let made = make(None).await;
            mark(req, &made);
            return Ok(answered(&visit, req, made));
        }
        Some(key) => key.to_str().ok().filter(|k| !k.is_empty() && k.len() <= 255 && k.bytes().all(|b| b.is_ascii_graphic())),
    };
    let refuse = |status, kind: &'static str| {
        turned_away(req, kind);
        refusal::written(refusal::body(&visit, status, kind, &visit.tr().t(&format!("refusal-{kind}")), Map::new()))
    };
    let Some(key) = key else { return Ok(refuse(StatusCode::BAD_REQUEST, "idempotency-key")) };
    let hash = once::body_hash(req.method().as_str(), req.path(), body);
    match once::begin(app, &caller.id, key, hash).await? {
        once::Begun::Other => Ok(refuse(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-other")),
        once::Begun::Running => {
            let mut res = refuse(StatusCode::CONFLICT, "idempotency-running");
            res.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(5));
            Ok(res)
        }
        once::Begun::Done { status, answer } => {
            passed(req, "repeated");
            Ok(replay(status, &answer))
        }
        once::Begun::Go { id } => {
            let made = make(Some(id)).await;
            mark(req, &made);
            let res = answered(&visit, req, made);
            let status = res.status();
            let (head, bytes) = res.into_parts();
            let bytes = actix_web::body::to_bytes(bytes).await.map_err(|_| Fault::internal("an answer without a body"))?;
            if status.is_server_error() {
                once::leave(app, &caller.id, key).await?;
            } else if status == StatusCode::TOO_MANY_REQUESTS || bytes.is_empty() {
                once::forget(app, &caller.id, key).await?;
            } else {
                once::finish(app, &caller.id, key, status.as_u16(), &kept(&head, &bytes)).await?;
            }
            Ok(head.set_body(bytes).map_into_boxed_body())
        }
    }
}

/// A body that no use case has seen leaves its event all the same.
fn mark(req: &HttpRequest, made: &Result<Answer, Refusal>) {
    if matches!(made, Err(Refusal::Body(_) | Refusal::Fault(_))) {
        turned_away(req, "invalid");
    }
}

/// A request's body, at most 20 MiB; a larger one is 413 and leaves its event.
pub struct Body(pub Vec<u8>);

impl FromRequest for Body {
    type Error = Fault;
    type Future = LocalBoxFuture<'static, Result<Self, Fault>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (req, mut payload) = (req.clone(), payload.take());
        Box::pin(async move {
            let mut body = Vec::new();
            let mut whole = 0;
            while let Some(chunk) = payload.next().await {
                let chunk = chunk.map_err(|_| Fault::bad_request())?;
                whole += chunk.len();
                // The rest is read and dropped, so that the program gets to the answer; within reason.
                if whole <= WHOLE_LIMIT {
                    body.extend_from_slice(&chunk);
                } else if whole > 4 * WHOLE_LIMIT {
                    break;
                }
            }
            if whole > WHOLE_LIMIT {
                turned_away(&req, "too_large");
                return Err(Fault::too_large());
            }
            Ok(Self(body))
        })
    }
}

/// What is kept of an answer: the body and the headers that belong to it.
fn kept<B>(head: &HttpResponse<B>, body: &[u8]) -> String {
    let header = |name: &str| head.headers().get(name).and_then(|v| v.to_str().ok()).map(ToOwned::to_owned);
    json!({ "type": header("content-type"), "location": header("location"), "event": header(AUDIT_EVENT), "body": String::from_utf8_lossy(body) })
        .to_string()
}

fn replay(status: u16, kept: &str) -> HttpResponse {
    let kept: Value = serde_json::from_str(kept).unwrap_or_default();
    let text = |name: &str| kept[name].as_str().unwrap_or_default().to_owned();
    let mut res = HttpResponse::build(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    for (name, header) in [("type", "content-type"), ("location", "location"), ("event", AUDIT_EVENT)] {
        if !text(name).is_empty() {
            res.insert_header((header, text(name)));
        }
    }
    res.body(text("body"))
}

/// The header that names the event of a change.
pub(super) const AUDIT_EVENT: &str = "audit-event";

/// A use case's result as an answer.
pub fn respond(visit: &Visit, result: Result<Answer, Refusal>) -> HttpResponse {
    match result {
        Ok(answer) => {
            let mut res = HttpResponse::build(answer.status);
            if let Some(location) = answer.location {
                res.insert_header((header::LOCATION, location));
            }
            if let Some(event) = answer.body["receipt"]["event"].as_str() {
                res.insert_header((HeaderName::from_static(AUDIT_EVENT), event));
            }
            res.json(answer.body)
        }
        Err(Refusal::App(error)) => refusal::problem(visit, error),
        Err(Refusal::Body(errors)) => refusal::invalid(visit, &errors),
        Err(Refusal::Fault(fault)) => actix_web::ResponseError::error_response(&fault),
    }
}

/// The answer to this very request: what its description foretells is 422, what only the state of things forbids is 409, or 404 to a GET.
pub fn answered(visit: &Visit, req: &HttpRequest, result: Result<Answer, Refusal>) -> HttpResponse {
    let operation = req.match_pattern().and_then(|route| describe::of(&route, req.method().as_str()));
    match (result, operation) {
        (Err(Refusal::App(AppError::Invalid(errors))), Some(operation)) => {
            let status = match errors.iter().any(|e| describe::foretells(operation, e.field, e.kind)) {
                true => StatusCode::UNPROCESSABLE_ENTITY,
                false if operation.posts() => StatusCode::CONFLICT,
                false => StatusCode::NOT_FOUND,
            };
            refusal::wrong(visit, status, &errors.iter().map(Wrong::from).collect::<Vec<_>>())
        }
        (result, _) => respond(visit, result),
    }
}

/// `200` with JSON, for a GET.
pub fn json_ok(body: &Value) -> HttpResponse {
    HttpResponse::Ok().json(body)
}
