//! Matrix answers: an object with 200, or `{"errcode":"M_…","error":…}` with another status (Client-Server API, "Standard error response").

use std::time::Duration;

use serde_json::{Map, Value};

use crate::connect::{ConnectError, http::Answer};

/// Longest part of an error message that is kept in an error; the whole answer is in the record.
const MESSAGE: usize = 300;
/// Nobody is believed who asks us to wait longer than this.
const LONGEST_WAIT_MS: u64 = 3_600_000;

/// Reads an answer: the object of a success, or the error.
///
/// # Errors
/// `Unauthorized` for 401; `RateLimited` for 429 and `M_LIMIT_EXCEEDED`; `Unknown` for 5xx, redirects and bodies that are not an object;
/// `Refused` with the raw code for other errors.
pub(super) fn read(answer: &Answer) -> Result<Map<String, Value>, ConnectError> {
    let object = answer.object();
    if answer.status == 200 {
        return object;
    }
    let told = object.unwrap_or_default();
    let text = |key: &str| told.get(key).and_then(Value::as_str).unwrap_or_default();
    let code = match text("errcode") {
        "" => format!("http {}", answer.status),
        code => code.chars().take(MESSAGE).collect(),
    };
    if answer.status == 429 || code == "M_LIMIT_EXCEEDED" {
        let asked = told.get("retry_after_ms").and_then(Value::as_u64).map(|ms| Duration::from_millis(ms.min(LONGEST_WAIT_MS)));
        return Err(ConnectError::RateLimited { retry_after: asked.unwrap_or(answer.retry_after) });
    }
    answer.check()?;
    let message = text("error").chars().take(MESSAGE).collect();
    Err(match answer.status {
        401 => ConnectError::Unauthorized { code, message },
        400..=499 if answer.status != 408 => ConnectError::Refused { code, message },
        status => ConnectError::Unknown(format!("status {status}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, text: &str) -> Answer {
        Answer { status, date: None, retry_after: Duration::from_secs(9), text: text.to_owned() }
    }

    #[test]
    fn errors_are_sorted_by_status_and_code() {
        let refused = |code: &str| Err(ConnectError::Refused { code: code.to_owned(), message: "no".to_owned() });
        assert!(read(&answer(200, "{}")).is_ok());
        assert_eq!(read(&answer(403, r#"{"errcode":"M_FORBIDDEN","error":"no"}"#)), refused("M_FORBIDDEN"));
        assert_eq!(read(&answer(404, r#"{"errcode":"M_NOT_FOUND","error":"no"}"#)), refused("M_NOT_FOUND"));
        assert!(matches!(read(&answer(401, r#"{"errcode":"M_UNKNOWN_TOKEN"}"#)), Err(ConnectError::Unauthorized { .. })));
        let limited = |ms| Err(ConnectError::RateLimited { retry_after: Duration::from_millis(ms) });
        assert_eq!(read(&answer(429, r#"{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":1500}"#)), limited(1500));
        assert_eq!(read(&answer(429, "slow down")), limited(9000));
        for (status, text) in [(200, "garbage"), (200, "[]"), (500, r#"{"errcode":"M_UNKNOWN"}"#), (502, "<html>"), (302, ""), (408, ""), (204, "")] {
            assert!(matches!(read(&answer(status, text)), Err(ConnectError::Unknown(_))), "{status} {text}");
        }
        assert_eq!(read(&answer(404, "<html>")), Err(ConnectError::Refused { code: "http 404".to_owned(), message: String::new() }));
    }
}
