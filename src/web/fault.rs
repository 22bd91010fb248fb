//! Why a request got no page of its own, and how that is told: a page for people, a problem (RFC 9457) under `/api/`.
//!
//! Handlers return `Result<HttpResponse, Fault>`. The middleware in `security` writes the answer, because only there language,
//! request id and the person are at hand. What went wrong inside is logged with the request id and never shown.

use std::{borrow::Cow, fmt, time::Duration};

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};

/// A refusal or a failure. Words: `fault-<status>` is the title, `fault-<status>-help` what to do next.
#[derive(Clone, Debug)]
pub struct Fault {
    status: StatusCode,
    /// A message key that tells the reason more closely, e.g. `fault-csrf`.
    reason: Option<Cow<'static, str>>,
    /// Values for the reason's words.
    args: Vec<(String, String)>,
    /// For the log only.
    cause: Option<String>,
    retry_after: Option<Duration>,
}

impl Fault {
    /// A fault of this status, with the general words for it.
    pub fn new(status: StatusCode) -> Self {
        Self { status, reason: None, args: Vec::new(), cause: None, retry_after: None }
    }

    pub fn bad_request() -> Self {
        Self::new(StatusCode::BAD_REQUEST)
    }

    pub fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN)
    }

    /// Also where existence itself is secret.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND)
    }

    /// Somebody else was faster, or the state does not allow it any more.
    pub fn conflict() -> Self {
        Self::new(StatusCode::CONFLICT)
    }

    pub fn too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE)
    }

    pub fn unprocessable() -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY)
    }

    pub fn too_many(retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(StatusCode::TOO_MANY_REQUESTS) }
    }

    /// Something broke; `cause` goes to the log.
    pub fn internal(cause: impl fmt::Display) -> Self {
        Self { cause: Some(cause.to_string()), ..Self::new(StatusCode::INTERNAL_SERVER_ERROR) }
    }

    /// Busy or not ready; `cause` goes to the log.
    pub fn unavailable(cause: impl fmt::Display, retry_after: Duration) -> Self {
        Self { cause: Some(cause.to_string()), retry_after: Some(retry_after), ..Self::new(StatusCode::SERVICE_UNAVAILABLE) }
    }

    /// Tells the reason by a message key.
    #[must_use]
    pub fn because(mut self, key: impl Into<Cow<'static, str>>) -> Self {
        self.reason = Some(key.into());
        self
    }

    /// Values for the reason's words.
    #[must_use]
    pub fn with(mut self, args: Vec<(String, String)>) -> Self {
        self.args = args;
        self
    }

    pub fn status(&self) -> StatusCode {
        self.status
    }

    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    pub(super) fn args(&self) -> &[(String, String)] {
        &self.args
    }

    pub(super) fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// Seconds for `Retry-After`, rounded up.
    pub fn retry_after(&self) -> Option<u64> {
        self.retry_after.map(|d| d.as_secs() + u64::from(d.subsec_nanos() > 0))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        if let Some(reason) = &self.reason {
            write!(f, " ({reason})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}

impl ResponseError for Fault {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    /// Without a body: the middleware writes it, from the fault that travels along.
    fn error_response(&self) -> HttpResponse {
        let mut res = HttpResponse::new(self.status);
        if let Some(seconds) = self.retry_after() {
            res.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from(seconds));
        }
        res.extensions_mut().insert(self.clone());
        res
    }
}
