//! The platforms: one trait, one file a platform, one guarded HTTP client; and the emulators; and the way to timestamp authorities and to what streams go to.
//! Not here: when a call is made, how often, and what its answer means for the case (`app::recalls::execute`).

pub mod emulator;
pub mod guard;
pub mod http;
pub mod mail;
mod manual;
pub mod matrix;
pub mod reach;
mod redact;
pub mod revocation;
pub mod sntp;
pub mod stream;
pub mod timestamp;
pub mod wecom;
pub mod witness;

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::{
    clock::{Clock, Instant},
    domain::platform::{Capabilities, Platform},
};

/// How to reach a platform, without the secret. Stored as JSON with the connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    pub platform: Platform,
    /// `https://qyapi.weixin.qq.com`: scheme, host and port, no path.
    pub base_url: String,
    /// WeCom: the enterprise's id.
    #[serde(default)]
    pub corp_id: String,
    /// WeCom: the application's number.
    #[serde(default)]
    pub agent_id: i64,
}

/// Who gets a message, by the platform's own ids.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Audience {
    /// Everybody whom the connection can see (`@all`); the lists are then empty.
    pub all: bool,
    pub users: Vec<String>,
    pub parties: Vec<String>,
    pub tags: Vec<String>,
}

/// A text to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    pub title: String,
    pub text: String,
}

/// The platform's id of a message. Matrix: `room_id` and the event's id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageRef {
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
}

/// One request and its answer as they crossed the wire, without tokens and secrets; kept as evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawCall {
    pub method: String,
    /// Path and query with every secret replaced by `***`.
    pub path: String,
    pub request: String,
    pub started_at: Instant,
    pub answered_at: Option<Instant>,
    pub status: Option<u16>,
    /// The platform's `Date` header, verbatim.
    pub date: Option<String>,
    /// The body as received (at most 1 MiB; bytes that are not UTF-8 become U+FFFD).
    pub response: Option<String>,
    /// What went wrong below HTTP, in our words.
    pub fault: Option<String>,
}

impl RawCall {
    /// The time that the platform had when it answered, to a whole second; `None` where it does not say, or not in today's form.
    pub fn platform_time(&self) -> Option<Instant> {
        self.date.as_deref().and_then(http::http_date)
    }
}

/// What a use case wanted from the platform, and everything that was said on the way.
#[derive(Clone, Debug)]
pub struct Exchange<T> {
    pub calls: Vec<RawCall>,
    pub result: Result<T, ConnectError>,
}

/// Why a platform did not do as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The platform understood and said no; asking again the same way is useless.
    #[error("the platform refused: {code} {message}")]
    Refused { code: String, message: String },
    /// Too many calls; nothing was done.
    #[error("the platform asks for fewer calls")]
    RateLimited { retry_after: Duration },
    /// The platform could not be reached; nothing was done.
    #[error("the platform cannot be reached: {0}")]
    NotReached(String),
    /// The request went out and no usable answer came (time-out, cut connection, 5xx, garbage): it may have been done.
    #[error("it is unknown whether the platform acted: {0}")]
    Unknown(String),
    /// The credentials are not accepted, also after one refresh.
    #[error("the platform does not accept the credentials: {code} {message}")]
    Unauthorized { code: String, message: String },
    /// This platform has no such function.
    #[error("the platform has no such function")]
    Unsupported,
}

/// The platform's answer to a send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    pub message: MessageRef,
    /// Ids that the platform did not know or could not serve.
    pub refused_users: Vec<String>,
    pub refused_parties: Vec<String>,
    pub refused_tags: Vec<String>,
    /// By the platform's `Date` header, where it sent one.
    pub platform_time: Option<Instant>,
}

/// Whether a message is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Presence {
    Gone,
    Visible,
}

/// One recipient's reading, where the platform reveals it. A recipient who is not listed: the platform does not say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    pub user: String,
    /// When they had read it at the latest; `None`: the platform shows no sign that they have.
    pub read_at: Option<Instant>,
}

/// A message that was sent without us, fetched for import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetched {
    pub sender: String,
    pub text: String,
    pub sent_at: Instant,
    /// Members who could see it.
    pub recipients: Vec<String>,
}

/// A platform. All calls are safe to abandon; none retries by itself except for one token refresh.
pub trait Connector: Send + Sync {
    fn capabilities(&self) -> Capabilities;

    /// Cuts an audience into pieces that one call takes, by the platform's documented limits.
    fn split(&self, audience: &Audience) -> Vec<Audience>;

    /// Sends one piece.
    fn send<'a>(&'a self, piece: &'a Audience, message: &'a Outgoing) -> BoxFuture<'a, Exchange<Sent>>;

    /// Takes one message back. `reason` may be shown by the platform; `key` is the same for every try of one recall.
    fn recall<'a>(&'a self, message: &'a MessageRef, reason: &'a str, key: &'a str) -> BoxFuture<'a, Exchange<()>>;

    /// Whether the message is still there; `Unsupported` where the platform cannot say.
    fn read_back<'a>(&'a self, message: &'a MessageRef) -> BoxFuture<'a, Exchange<Presence>>;

    /// Who has read it; `Unsupported` where the platform does not reveal it.
    fn reading<'a>(&'a self, message: &'a MessageRef) -> BoxFuture<'a, Exchange<Vec<Reading>>>;

    /// The message as the platform has it, for import; `Unsupported` where it cannot be read.
    fn fetch<'a>(&'a self, message: &'a MessageRef) -> BoxFuture<'a, Exchange<Fetched>>;

    /// Members whom the connection can see, as platform ids: what `@all` means now. `Unsupported` where it cannot be listed.
    fn members<'a>(&'a self) -> BoxFuture<'a, Exchange<Vec<String>>>;

    /// A call without effect that proves address and credentials.
    fn test<'a>(&'a self) -> BoxFuture<'a, Exchange<()>>;

    /// Reads something small that changes nothing, and counts it: what the credentials let us see. `Unsupported` where there is no such call.
    fn peek<'a>(&'a self) -> BoxFuture<'a, Exchange<u64>> {
        manual::unsupported()
    }
}

/// Makes the connector for `settings`. Keep it: it holds the token cache.
///
/// `allow_private` permits base URLs in loopback and private ranges (SSRF guard, `config::allow_private_destinations`).
pub fn connector(settings: &Settings, secret: &str, allow_private: bool, clock: Arc<dyn Clock>) -> Result<Arc<dyn Connector>, http::BadBaseUrl> {
    let client = http::Client::new(&settings.base_url, allow_private, clock)?;
    Ok(match settings.platform {
        Platform::Wecom => Arc::new(wecom::Wecom::new(client, settings, secret)),
        Platform::Matrix => Arc::new(matrix::Matrix::new(client, secret)),
        Platform::Manual => Arc::new(manual::Manual),
    })
}

/// What the connector of each platform declares of itself, whether a connection exists or not. Nothing is called.
pub fn declared() -> &'static [(Platform, Capabilities)] {
    static DECLARED: std::sync::LazyLock<Vec<(Platform, Capabilities)>> = std::sync::LazyLock::new(|| {
        let of = |platform: &Platform| {
            let settings = Settings { platform: *platform, base_url: "https://platform.invalid".to_owned(), corp_id: String::new(), agent_id: 0 };
            let made = connector(&settings, "", false, Arc::new(crate::clock::SystemClock)).ok()?;
            Some((*platform, made.capabilities()))
        };
        Platform::ALL.iter().filter_map(of).collect()
    });
    &DECLARED
}
