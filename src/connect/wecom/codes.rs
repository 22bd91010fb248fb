//! WeCom's answers: what an `errcode` means. Decided on the number alone; `errmsg` may change at any time (platforms.md §1).

use std::time::Duration;

use serde_json::{Map, Value};

use crate::connect::{ConnectError, http::Answer};

/// Longest part of an error message that is kept in an error; the whole answer is in the record.
const MESSAGE: usize = 300;

/// Reads an answer: the object of a success, or the error.
///
/// # Errors
/// - `Unauthorized` for a token that is not accepted (40014, 42001, 40001) and for refused credentials;
/// - `RateLimited` for 429, 45009 (frequency), 45033 (concurrency) and -1 (busy, documented as "try again");
/// - `Unknown` for an answer that says nothing usable: another body than a JSON object, no `errcode`, 5xx, a redirect;
/// - `Refused` for everything else, with the raw code and message.
pub(super) fn read(answer: &Answer) -> Result<Map<String, Value>, ConnectError> {
    answer.check()?;
    if answer.status >= 400 {
        return Err(match answer.status {
            408 => ConnectError::Unknown("status 408".to_owned()),
            status => ConnectError::Refused { code: format!("http {status}"), message: String::new() },
        });
    }
    let object = answer.object()?;
    let Some(code) = object.get("errcode").and_then(Value::as_i64) else {
        return Err(ConnectError::Unknown("the answer carries no errcode".to_owned()));
    };
    let message = || object.get("errmsg").and_then(Value::as_str).unwrap_or_default().chars().take(MESSAGE).collect::<String>();
    match code {
        0 => Ok(object),
        40001 | 40014 | 42001 | 40013 | 40091 | 41002 | 41004 => Err(ConnectError::Unauthorized { code: code.to_string(), message: message() }),
        // The minute rule locks for 60 seconds; a longer penalty answers the next try the same way.
        45009 => Err(ConnectError::RateLimited { retry_after: Duration::from_secs(60) }),
        45033 | -1 => Err(ConnectError::RateLimited { retry_after: Duration::from_secs(2) }),
        _ => Err(ConnectError::Refused { code: code.to_string(), message: message() }),
    }
}

/// Whether an error says that the access token (not the secret behind it) may have died: one refresh is worth a try.
pub(super) fn token_died(error: &ConnectError) -> bool {
    matches!(error, ConnectError::Unauthorized { code, .. } if matches!(code.as_str(), "40014" | "42001" | "40001"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, text: &str) -> Answer {
        Answer { status, date: None, retry_after: Duration::from_secs(9), text: text.to_owned() }
    }

    #[test]
    fn codes_decide_and_messages_do_not() {
        assert!(read(&answer(200, r#"{"errcode":0,"errmsg":"ok. Warning: wrong json format. "}"#)).is_ok());
        assert!(read(&answer(200, r#"{"errcode":0,"errmsg":"invalid credential"}"#)).is_ok());
        assert_eq!(
            read(&answer(200, r#"{"errcode":81013,"errmsg":"ok"}"#)),
            Err(ConnectError::Refused { code: "81013".to_owned(), message: "ok".to_owned() })
        );
        for code in [40014, 42001, 40001] {
            let error = read(&answer(200, &format!(r#"{{"errcode":{code}}}"#))).unwrap_err();
            assert!(token_died(&error), "{code}");
        }
        for code in [40013, 41002, 81013] {
            assert!(!token_died(&read(&answer(200, &format!(r#"{{"errcode":{code}}}"#))).unwrap_err()), "{code}");
        }
    }

    #[test]
    fn what_says_nothing_is_unknown() {
        for (status, text) in [
            (200, "<html>"),
            (200, "[]"),
            (200, "{}"),
            (200, r#"{"errcode":"0"}"#),
            (200, r#"{"errcode":0.5}"#),
            (502, "{\"errcode\":0}"),
            (302, ""),
            (408, ""),
        ] {
            assert!(matches!(read(&answer(status, text)), Err(ConnectError::Unknown(_))), "{status} {text}");
        }
        assert_eq!(read(&answer(403, "")), Err(ConnectError::Refused { code: "http 403".to_owned(), message: String::new() }));
        assert_eq!(read(&answer(429, "")), Err(ConnectError::RateLimited { retry_after: Duration::from_secs(9) }));
        assert!(matches!(read(&answer(200, r#"{"errcode":-1,"errmsg":"system busy"}"#)), Err(ConnectError::RateLimited { .. })));
    }
}
