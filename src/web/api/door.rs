//! What the gate asks of a request to the API before anybody works on it, by its description: can its answer be taken, can its body be read;
//! and what every answer says of methods and of what is left of the token's quota.

use actix_web::{
    dev::ServiceRequest,
    http::{
        StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
};

use super::describe::{self, Media, Operation};
use crate::{app::quota::Left, web::fault::Fault};

/// Whether a path is the API's.
pub fn is_api(path: &str) -> bool {
    path.starts_with("/api/")
}

/// Why this request cannot be worked on, if so: 406 or 415.
pub fn refuse(req: &ServiceRequest) -> Option<Fault> {
    let operation = describe::of(&req.match_pattern()?, req.method().as_str())?;
    if !is_acceptable(operation, req.headers()) {
        return Some(Fault::new(StatusCode::NOT_ACCEPTABLE));
    }
    (!is_readable(operation, req.headers())).then(|| Fault::new(StatusCode::UNSUPPORTED_MEDIA_TYPE))
}

/// Whether `Accept` has room for something that the operation gives. Without the header, and for one that nobody can read, everything fits.
fn is_acceptable(operation: &Operation, headers: &HeaderMap) -> bool {
    let asked: Vec<&str> = headers.get_all(header::ACCEPT).filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(',')).map(str::trim).collect();
    let ranges: Vec<(String, bool)> = asked.iter().filter(|range| range.contains('/')).map(|range| range_of(range)).collect();
    if ranges.is_empty() {
        return true;
    }
    let fits = |media: &str| {
        let kind = media.split('/').next().unwrap_or_default();
        // The nearest range speaks: `application/json;q=0` is not overruled by `*/*`.
        let nearest = [media.to_owned(), format!("{kind}/*"), "*/*".to_owned()];
        nearest.iter().find_map(|near| ranges.iter().find(|(range, _)| range == near)).is_some_and(|(_, wanted)| *wanted)
    };
    // What reads lines may ask for them by their older name.
    operation.gives.iter().any(|(media, _)| fits(media.as_str()) || (*media == Media::Lines && fits("application/x-ndjson")))
}

/// A range in small letters without its parameters, and whether it is wanted at all.
fn range_of(range: &str) -> (String, bool) {
    let mut parts = range.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default().to_ascii_lowercase();
    let weight = parts.find_map(|p| p.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()));
    (media, weight.is_none_or(|q| q > 0.0))
}

/// Whether the body says that it is of the form that the operation reads. One that says nothing is taken at its word.
fn is_readable(operation: &Operation, headers: &HeaderMap) -> bool {
    let (Some(body), Some(said)) = (operation.body, headers.get(header::CONTENT_TYPE)) else { return true };
    let said = said.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    body.media.names().iter().any(|name| said.eq_ignore_ascii_case(name))
}

/// Says which methods a path has, on a 405.
pub fn allow(route: Option<&str>, status: StatusCode, headers: &mut HeaderMap) {
    if status != StatusCode::METHOD_NOT_ALLOWED {
        return;
    }
    if let Some(methods) = route.and_then(describe::allowed).and_then(|methods| HeaderValue::from_str(&methods).ok()) {
        headers.insert(header::ALLOW, methods);
    }
}

/// The headers of draft-ietf-httpapi-ratelimit-headers.
pub const RATE_LIMIT: [&str; 2] = ["ratelimit-policy", "ratelimit"];

/// Says what is left.
pub fn tell(left: &Left, headers: &mut HeaderMap) {
    let said =
        [format!("\"token\";q={};w={}", left.limit, crate::app::quota::WINDOW.as_secs()), format!("\"token\";r={};t={}", left.requests, left.reset)];
    for (name, value) in RATE_LIMIT.into_iter().zip(said) {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_range_says_what_can_be_taken() {
        let operation = describe::of("/api/v1/events", "GET").unwrap();
        let taken = |accept: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            is_acceptable(operation, &headers)
        };
        for accept in
            ["*/*", "application/*;q=0.1", "text/html, */*;q=0.8", "APPLICATION/JSON; charset=utf-8", "application/x-ndjson", "nonsense", ""]
        {
            assert!(taken(accept), "{accept}");
        }
        for accept in ["text/html", "image/*", "application/json;q=0, application/jsonl;q=0, application/x-ndjson;q=0, */*", "*/*;q=0"] {
            assert!(!taken(accept), "{accept}");
        }
    }
}
