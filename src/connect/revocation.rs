//! The wire to the place where an authority lays its list of revoked certificates (RFC 5280 §4.2.1.13, RFC 2585): a plain GET. Over `http` as
//! a rule, since the list is signed. Not here: what the list says (`crypto::revocation`), who asks for it and when (`app::revocation`).

use std::time::Duration;

use super::{
    guard::{self, BadBaseUrl},
    http::{self, Broken, Limits},
};
use crate::crypto::revocation::LONGEST;

/// Why there is no list to look at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoList {
    /// The address in the certificate cannot be used.
    #[error(transparent)]
    Address(#[from] BadBaseUrl),
    #[error("no connection: {0}")]
    Unreachable(String),
    #[error("no complete answer in time")]
    Late,
    #[error("answered with HTTP status {0}")]
    Status(u16),
    #[error("the list is longer than {LONGEST} bytes")]
    TooLong,
    #[error("the connection was cut within the list")]
    Cut,
}

/// The bytes at `url`, at most [`LONGEST`] of them, within `patience`.
///
/// # Errors
/// [`NoList`].
pub async fn fetch(url: &str, allow_private: bool, patience: Duration) -> Result<Vec<u8>, NoList> {
    let url = guard::outward(url, allow_private)?;
    let client = http::plain(allow_private, Limits { whole: patience, ..Limits::default() })?;
    let response = client.get(url).send().await.map_err(|e| match e {
        e if e.is_timeout() => NoList::Late,
        e => NoList::Unreachable(http::innermost(&e)),
    })?;
    if response.status() != reqwest::StatusCode::OK {
        return Err(NoList::Status(response.status().as_u16()));
    }
    http::body(response, LONGEST).await.map_err(|broken| match broken {
        Broken::TooLong => NoList::TooLong,
        Broken::Late => NoList::Late,
        Broken::Cut => NoList::Cut,
    })
}
