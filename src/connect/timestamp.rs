//! The wire to a timestamp authority (RFC 3161 §3.4): a question is posted, an answer comes back. Not here: what the answer means
//! (`crypto::timestamp`), who is asked and when (`app::timestamps`).

use std::time::Duration;

use reqwest::header;

use super::{
    guard::{self, BadBaseUrl},
    http::{self, Broken, Limits},
};
use crate::crypto::timestamp::LONGEST;

/// Why there is no answer to look at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The address from the settings cannot be used.
    #[error(transparent)]
    Address(#[from] BadBaseUrl),
    #[error("no connection: {0}")]
    Unreachable(String),
    #[error("no complete answer in time")]
    Late,
    #[error("answered with HTTP status {0}")]
    Status(u16),
    #[error("the answer is longer than {LONGEST} bytes")]
    TooLong,
    #[error("the connection was cut within the answer")]
    Cut,
}

/// Posts `question` to the authority at `url` and answers its bytes, at most [`LONGEST`] of them, within `patience`.
///
/// # Errors
/// [`NoAnswer`].
pub async fn ask(url: &str, allow_private: bool, question: Vec<u8>, patience: Duration) -> Result<Vec<u8>, NoAnswer> {
    let url = guard::outward(url, allow_private)?;
    let client = http::plain(allow_private, Limits { whole: patience, ..Limits::default() })?;
    let request = client.post(url).header(header::CONTENT_TYPE, "application/timestamp-query").body(question);
    let response = request.send().await.map_err(|e| match e {
        e if e.is_timeout() => NoAnswer::Late,
        e => NoAnswer::Unreachable(http::innermost(&e)),
    })?;
    if response.status() != reqwest::StatusCode::OK {
        return Err(NoAnswer::Status(response.status().as_u16()));
    }
    http::body(response, LONGEST).await.map_err(|broken| match broken {
        Broken::TooLong => NoAnswer::TooLong,
        Broken::Late => NoAnswer::Late,
        Broken::Cut => NoAnswer::Cut,
    })
}
