//! What a use case refused, told: as a fault where there is no form, in the form where there is one, as a problem (RFC 9457) to programs.
//!
//! Words: a field's error `error-<field>-<kind>`, else `error-<kind>`; a rule's `refusal-<kind>`.

use std::time::Duration;

use actix_web::{HttpResponse, http::StatusCode};
use serde_json::{Map, Value, json};

use super::{fault::Fault, form::FormState, problem::Problem, visit::Visit};
use crate::{
    app::{AppError, FieldError, StoreError},
    i18n::Tr,
};

impl From<AppError> for Fault {
    fn from(error: AppError) -> Self {
        match error {
            AppError::NotFound => Self::not_found(),
            AppError::Forbidden(_) => Self::forbidden(),
            AppError::Refused { kind, detail } => Self::conflict().because(format!("refusal-{kind}")).with(plain(&detail)),
            AppError::Invalid(_) => Self::unprocessable(),
            AppError::Conflict => Self::conflict(),
            AppError::TooMany { retry_after } => Self::too_many(Duration::from_secs(retry_after)),
            AppError::Mail(error) => Self::unavailable(error, Duration::from_secs(30)),
            AppError::Store(error) => of_store(&error),
        }
    }
}

fn of_store(error: &StoreError) -> Fault {
    match error {
        StoreError::NotFound => Fault::not_found(),
        StoreError::Unique(_) => Fault::conflict(),
        StoreError::Serialization | StoreError::Busy => Fault::unavailable(error, Duration::from_secs(1)),
        StoreError::Full => Fault::unavailable(error, Duration::from_secs(60)).because("fault-disk-full"),
        StoreError::Behind => Fault::new(StatusCode::SERVICE_UNAVAILABLE).because("fault-behind"),
        StoreError::Unavailable(_) => Fault::unavailable(error, Duration::from_secs(5)),
        _ => Fault::internal(error),
    }
}

impl FormState {
    /// Takes the refusals that a form can show: faulty fields at their fields, a rule or a conflict above the form. Everything else is a
    /// fault.
    pub fn refuse_all(&mut self, error: AppError) -> Result<(), Fault> {
        match error {
            AppError::Invalid(errors) => {
                for error in errors {
                    let args: Vec<(&str, &dyn std::fmt::Display)> = error.args.iter().map(|(k, v)| (*k, v as &dyn std::fmt::Display)).collect();
                    self.refuse_with(error.field, error.kind, &args);
                }
            }
            AppError::Refused { kind, detail } => {
                let args: Vec<(String, String)> = plain(&detail);
                let args: Vec<(&str, &dyn std::fmt::Display)> = args.iter().map(|(k, v)| (k.as_str(), v as &dyn std::fmt::Display)).collect();
                self.refuse_with("", format!("refusal-{kind}"), &args);
            }
            AppError::Conflict => self.refuse("", "conflict"),
            error => return Err(error.into()),
        }
        Ok(())
    }
}

/// The plain values of a refusal's detail, for its words.
fn plain(detail: &Value) -> Vec<(String, String)> {
    let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), ToOwned::to_owned);
    detail.as_object().into_iter().flatten().filter(|(_, v)| !v.is_object() && !v.is_array()).map(|(k, v)| (k.clone(), text(v))).collect()
}

/// One entry of a problem's `errors`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Name of the member, with dots into objects.
    pub field: String,
    pub kind: String,
    pub args: Vec<(String, String)>,
}

impl From<&FieldError> for Wrong {
    fn from(error: &FieldError) -> Self {
        let args = error.args.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
        Self { field: error.field.to_owned(), kind: error.kind.to_owned(), args }
    }
}

impl Wrong {
    pub fn new(field: impl Into<String>, kind: &str) -> Self {
        Self { field: field.into(), kind: kind.to_owned(), args: Vec::new() }
    }

    fn words(&self, tr: &Tr) -> String {
        let args: Vec<(&str, &str)> = self.args.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let field = self.field.replace(['_', '.'], "-");
        tr.maybe_a(&format!("error-{field}-{}", self.kind), &args).unwrap_or_else(|| tr.a(&format!("error-{}", self.kind), &args))
    }
}

/// A use case's refusal as a problem; says which fields, which rule, and what it is about.
pub fn problem(visit: &Visit, error: AppError) -> HttpResponse {
    match error {
        AppError::Invalid(_) | AppError::Refused { .. } => written(told(visit, error)),
        error => actix_web::ResponseError::error_response(&Fault::from(error)),
    }
}

/// The same as a member of an answer that tells of several things, one of which was refused.
pub fn told(visit: &Visit, error: AppError) -> Value {
    match error {
        AppError::Invalid(errors) => named(visit, StatusCode::UNPROCESSABLE_ENTITY, &errors.iter().map(Wrong::from).collect::<Vec<_>>()),
        AppError::Refused { kind, detail } => {
            let tr = visit.tr();
            let args = plain(&detail);
            let args: Vec<(&str, &str)> = args.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            let words = tr.a(&format!("refusal-{kind}"), &args);
            let mut more = Map::new();
            if !detail.is_null() {
                more.insert("about".to_owned(), detail);
            }
            body(visit, StatusCode::CONFLICT, kind, &words, more)
        }
        error => json!(Problem::of(&Fault::from(error), visit)),
    }
}

/// 422 with every faulty member.
pub fn invalid(visit: &Visit, errors: &[Wrong]) -> HttpResponse {
    wrong(visit, StatusCode::UNPROCESSABLE_ENTITY, errors)
}

/// A problem with every faulty member, under the status that it shall have.
pub fn wrong(visit: &Visit, status: StatusCode, errors: &[Wrong]) -> HttpResponse {
    written(named(visit, status, errors))
}

fn named(visit: &Visit, status: StatusCode, errors: &[Wrong]) -> Value {
    let tr = visit.tr();
    let list: Vec<Value> = errors.iter().map(|e| json!({ "field": e.field, "kind": e.kind, "detail": e.words(&tr) })).collect();
    let detail = errors.iter().map(|e| tr.pair(&e.field, &e.words(&tr))).collect::<Vec<_>>().join("; ");
    body(visit, status, "invalid", &detail, Map::from_iter([("errors".to_owned(), Value::Array(list))]))
}

/// A problem with members of its own beside those of RFC 9457.
pub fn body(visit: &Visit, status: StatusCode, kind: &str, detail: &str, more: Map<String, Value>) -> Value {
    let tr = visit.tr();
    let mut body = more;
    body.insert("type".to_owned(), json!(format!("urn:countermand:problem:{kind}")));
    body.insert("title".to_owned(), json!(tr.t(&format!("fault-{}", status.as_u16()))));
    body.insert("status".to_owned(), json!(status.as_u16()));
    body.insert("detail".to_owned(), json!(detail));
    body.insert("instance".to_owned(), json!(format!("urn:uuid:{}", visit.request_id)));
    Value::Object(body)
}

/// A problem as an answer, under its own status.
pub fn written(body: Value) -> HttpResponse {
    let status = body["status"].as_u64().and_then(|status| StatusCode::from_u16(u16::try_from(status).ok()?).ok());
    let mut res = HttpResponse::build(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    res.content_type("application/problem+json").body(body.to_string())
}
