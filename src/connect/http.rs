//! The guarded HTTP client: one base address, no redirects, no proxy, bounded time and size, every call recorded without its secrets.
//! Not here: what an answer means (`wecom`, `matrix`), which addresses are refused (`guard`).

use std::{sync::Arc, time::Duration};

use reqwest::{Method, Response, header, redirect};
use url::Url;

pub use super::guard::BadBaseUrl;
use super::{ConnectError, RawCall, guard, redact::Redactor};
use crate::clock::{Clock, Instant};

/// Time and size that one call may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub connect: Duration,
    /// From the first byte out to the last byte in.
    pub whole: Duration,
    /// Longest body that is read, in bytes, and longest part of a body that is kept.
    pub body: usize,
    /// Longest body that is read of calls that list people.
    pub list: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), whole: Duration::from_secs(15), body: 1 << 20, list: 16 << 20 }
    }
}

/// How long to wait after a 429 without a usable `Retry-After`.
const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(60);
/// Nobody is believed who asks us to wait longer than this.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// A client that talks to one base address only.
pub struct Client {
    http: reqwest::Client,
    base: Url,
    limits: Limits,
    clock: Arc<dyn Clock>,
}

/// One request, before it is sent.
pub(super) struct Request<'a> {
    pub method: Method,
    /// Segments of the path; each is percent-encoded, so that an id cannot climb out of its place.
    pub path: &'a [&'a str],
    pub query: &'a [(&'a str, &'a str)],
    pub bearer: Option<&'a str>,
    pub body: Option<serde_json::Value>,
    /// Whether the answer lists people and may be as long as [`Limits::list`].
    pub list: bool,
    /// Values that must never appear in the record.
    pub secrets: &'a [&'a str],
}

/// A complete answer, whatever its status.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: u16,
    /// The platform's `Date` header.
    pub date: Option<Instant>,
    pub retry_after: Duration,
    /// The body with its secrets: for parsing, never for keeping.
    pub text: String,
}

impl Answer {
    /// Errors that are told by the status alone: 429, 5xx and redirects. Other statuses are left to the platform's own file.
    pub fn check(&self) -> Result<(), ConnectError> {
        match self.status {
            429 => Err(ConnectError::RateLimited { retry_after: self.retry_after }),
            300..=399 => Err(ConnectError::Unknown(format!("status {}: a redirect, which is not followed", self.status))),
            500.. => Err(ConnectError::Unknown(format!("status {}", self.status))),
            _ => Ok(()),
        }
    }

    /// The body as a JSON object.
    pub fn object(&self) -> Result<serde_json::Map<String, serde_json::Value>, ConnectError> {
        serde_json::from_str(&self.text).map_err(|_| ConnectError::Unknown(format!("status {}: the answer is not a JSON object", self.status)))
    }
}

/// What went wrong, as evidence tells it and as the caller acts on it.
struct Fault {
    words: String,
    error: ConnectError,
}

impl Fault {
    fn unknown(words: String) -> Self {
        Self { error: ConnectError::Unknown(words.clone()), words }
    }
}

/// What every client of the house has in common: no redirects, no proxy, names resolved under guard, bounded time.
pub(super) fn plain(allow_private: bool, limits: Limits) -> Result<reqwest::Client, BadBaseUrl> {
    made(reqwest::Client::builder(), allow_private, limits)
}

/// The same with TLS of one's own.
pub(super) fn with_tls(allow_private: bool, limits: Limits, tls: rustls::ClientConfig) -> Result<reqwest::Client, BadBaseUrl> {
    made(reqwest::Client::builder().use_preconfigured_tls(tls), allow_private, limits)
}

fn made(builder: reqwest::ClientBuilder, allow_private: bool, limits: Limits) -> Result<reqwest::Client, BadBaseUrl> {
    builder
        .user_agent(concat!("Countermand/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        // A proxy from the environment would resolve names behind the guard's back.
        .no_proxy()
        .dns_resolver(Arc::new(guard::Resolver { allow_private }))
        .connect_timeout(limits.connect)
        .timeout(limits.whole)
        // Shorter than a platform keeps an idle connection: a request on a dying one would end as "unknown".
        .pool_idle_timeout(Duration::from_secs(15))
        .build()
        .map_err(|e| BadBaseUrl::Client(e.without_url().to_string()))
}

impl Client {
    /// A client for `base_url` with the usual limits; `allow_private` permits plain http and addresses in loopback and private ranges.
    ///
    /// # Errors
    /// [`BadBaseUrl`] with the reason.
    pub fn new(base_url: &str, allow_private: bool, clock: Arc<dyn Clock>) -> Result<Self, BadBaseUrl> {
        Self::with_limits(base_url, allow_private, clock, Limits::default())
    }

    /// As [`Client::new`], with limits of one's own.
    ///
    /// # Errors
    /// [`BadBaseUrl`] with the reason.
    pub fn with_limits(base_url: &str, allow_private: bool, clock: Arc<dyn Clock>, limits: Limits) -> Result<Self, BadBaseUrl> {
        let base = guard::check(base_url, allow_private)?;
        let http = plain(allow_private, limits)?;
        Ok(Self { http, base, limits, clock })
    }

    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Makes one call. The record is there in every case; a result of `Ok` is a complete answer of any status.
    pub(super) async fn call(&self, request: Request<'_>) -> (RawCall, Result<Answer, ConnectError>) {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(request.path);
        }
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(request.query);
        }
        let redact = Redactor::new(request.secrets.iter().copied().chain(request.bearer));
        let shown = url.query().map_or_else(|| url.path().to_owned(), |q| format!("{}?{q}", url.path()));
        let body = request.body.map(|b| b.to_string());
        let mut raw = RawCall {
            method: request.method.to_string(),
            path: redact.query(&shown),
            request: redact.text(body.as_deref().unwrap_or_default()),
            started_at: self.clock.now(),
            answered_at: None,
            status: None,
            date: None,
            response: None,
            fault: None,
        };
        let mut builder = self.http.request(request.method, url);
        if let Some(token) = request.bearer {
            builder = builder.bearer_auth(token);
        }
        if let Some(body) = body {
            builder = builder.header(header::CONTENT_TYPE, "application/json").body(body);
        }
        let outcome = match builder.send().await {
            Ok(response) => self.read(response, &mut raw, &redact, if request.list { self.limits.list } else { self.limits.body }).await,
            Err(e) => Err(before_answer(&e)),
        };
        raw.answered_at = raw.status.map(|_| self.clock.now());
        tracing::debug!(method = raw.method, path = raw.path, status = raw.status, "platform call");
        let result = outcome.map_err(|fault| {
            raw.fault = Some(redact.text(&fault.words));
            fault.error
        });
        (raw, result)
    }

    /// Reads an answer of at most `limit` bytes, and notes it in `raw` as far as it came and is kept.
    async fn read(&self, mut response: Response, raw: &mut RawCall, redact: &Redactor<'_>, limit: usize) -> Result<Answer, Fault> {
        let status = response.status().as_u16();
        let head = |name| response.headers().get(name).and_then(|v: &header::HeaderValue| v.to_str().ok()).map(str::to_owned);
        let date = head(header::DATE);
        let retry_after = head(header::RETRY_AFTER);
        raw.status = Some(status);
        raw.date.clone_from(&date);
        let mut body: Vec<u8> = Vec::new();
        let fault = loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > limit => {
                    body.extend_from_slice(&chunk[..limit - body.len()]);
                    break Some(Fault::unknown(format!("status {status}: the answer is longer than {limit} bytes")));
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break None,
                Err(e) if e.is_timeout() => break Some(Fault::unknown(format!("status {status}: the answer did not end in time"))),
                Err(_) => break Some(Fault::unknown(format!("status {status}: the connection was cut within the answer"))),
            }
        };
        let text = String::from_utf8_lossy(&body).into_owned();
        raw.response = Some(redact.text(&String::from_utf8_lossy(&body[..body.len().min(self.limits.body)])));
        match fault {
            Some(fault) => Err(fault),
            None => Ok(Answer { status, date: date.as_deref().and_then(http_date), retry_after: wait(retry_after.as_deref(), raw.started_at), text }),
        }
    }
}

/// Sorts an error that came before any answer: either nothing left the house, or nobody knows.
fn before_answer(error: &reqwest::Error) -> Fault {
    if error.is_builder() {
        let words = "the request could not be built".to_owned();
        return Fault { error: ConnectError::NotReached(words.clone()), words };
    }
    if error.is_connect() {
        let words = format!("no connection: {}", innermost(error));
        return Fault { error: ConnectError::NotReached(words.clone()), words };
    }
    if error.is_timeout() {
        return Fault::unknown("no answer in time".to_owned());
    }
    Fault::unknown("the connection was cut before an answer".to_owned())
}

/// Why a body did not come whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    TooLong,
    Late,
    Cut,
}

/// A body of at most `longest` bytes.
pub(super) async fn body(mut response: Response, longest: usize) -> Result<Vec<u8>, Broken> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > longest => return Err(Broken::TooLong),
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body),
            Err(e) if e.is_timeout() => return Err(Broken::Late),
            Err(_) => return Err(Broken::Cut),
        }
    }
}

/// The last cause of an error; the outer ones repeat the address with its query.
pub(super) fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// Reads `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7; the two obsolete forms are not read).
pub(super) fn http_date(text: &str) -> Option<Instant> {
    jiff::fmt::rfc2822::parse(text).ok().map(|z| Instant(z.timestamp().as_microsecond()))
}

/// `Retry-After` in seconds or as a date (RFC 9110 §10.2.3).
fn wait(header: Option<&str>, now: Instant) -> Duration {
    let text = header.unwrap_or_default().trim();
    let asked = text.parse().ok().map(Duration::from_secs).or_else(|| http_date(text).map(|t| t.since(now)));
    asked.unwrap_or(DEFAULT_RETRY_AFTER).min(LONGEST_RETRY_AFTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_waits_are_read() {
        let at = Instant::parse("2026-11-22T09:42:08Z").unwrap();
        assert_eq!(http_date("Sun, 22 Nov 2026 09:42:08 GMT"), Some(at));
        assert_eq!(http_date("yesterday"), None);
        assert_eq!(wait(Some("7"), at), Duration::from_secs(7));
        assert_eq!(wait(Some("Sun, 22 Nov 2026 09:42:18 GMT"), at), Duration::from_secs(10));
        assert_eq!(wait(Some("999999999"), at), LONGEST_RETRY_AFTER);
        assert_eq!(wait(Some("soon"), at), DEFAULT_RETRY_AFTER);
        assert_eq!(wait(None, at), DEFAULT_RETRY_AFTER);
    }
}
