//! Problems of the API: RFC 9457 JSON. The words are those of the error pages; `type` is stable and for programs.

use serde::Serialize;

use super::{fault::Fault, visit::Visit};

/// `application/problem+json`.
#[derive(Serialize)]
pub struct Problem {
    /// `urn:countermand:problem:<word>`; the word is the reason's key without `fault-`, or the status.
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    pub detail: String,
    /// `urn:uuid:<request id>`, as in the log and in the header `X-Request-Id`.
    pub instance: String,
}

impl Problem {
    pub fn of(fault: &Fault, visit: &Visit) -> Self {
        let tr = visit.tr();
        let status = fault.status().as_u16();
        let (title, help) = super::security::words(&tr, fault);
        let word = fault.reason().map_or_else(|| status.to_string(), |r| r.trim_start_matches("fault-").to_owned());
        Self { kind: format!("urn:countermand:problem:{word}"), title, status, detail: help, instance: format!("urn:uuid:{}", visit.request_id) }
    }

    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("a problem is strings and a number")
    }
}
