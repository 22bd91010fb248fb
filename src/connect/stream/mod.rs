//! Where streams of the audit trail go: a syslog receiver, a webhook, a file. Each takes lines in order and says when it has them.
//! Not here: which lines, when, and what a failure comes to (`app::streams`).

mod file;
mod queue;
mod syslog;
mod tls;
mod webhook;

use std::path::PathBuf;

pub use self::{
    file::tidy,
    webhook::{Secret, signature},
};
use super::guard::{self, BadBaseUrl};
use crate::{
    clock::Instant,
    domain::stream::{Settings, StreamKind},
};

/// One event as it goes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The event's id, for who takes each once.
    pub id: String,
    pub at: Instant,
    pub action: String,
    /// `success`, `refused` or `failed`.
    pub outcome: String,
    /// The event, on one line.
    pub json: String,
}

/// Why lines were not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SinkError {
    /// The receiver says that it will never take any more (webhook, status 410).
    #[error("gone")]
    Gone,
    /// It answered, and not with yes.
    #[error("refused: {0}")]
    Refused(String),
    #[error("late: no answer in time")]
    Late,
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// Certificates or keys of the stream cannot be used.
    #[error("tls: {0}")]
    Tls(String),
    /// The destination is not allowed, or is none.
    #[error("address: {0}")]
    Address(String),
    /// The file cannot be written.
    #[error("disk: {0}")]
    Disk(String),
    /// What is to be sent cannot be read: the log was changed past the product.
    #[error("log: {0}")]
    Log(String),
    /// What the stream is cannot be read.
    #[error("settings: {0}")]
    Settings(String),
}

impl From<BadBaseUrl> for SinkError {
    fn from(error: BadBaseUrl) -> Self {
        Self::Address(error.to_string())
    }
}

/// What a sink needs beside its settings.
#[derive(Clone)]
pub struct Surroundings {
    pub allow_private: bool,
    /// Ports of this machine that plain syslog may go to.
    pub local: Vec<u16>,
    /// The folder below which files are written.
    pub folder: PathBuf,
    /// `HOSTNAME` of syslog messages.
    pub host: String,
    /// The secrets that webhooks are signed with, newest first, each with when it ends.
    pub secrets: Vec<(Secret, Option<Instant>)>,
    /// PEM of the key of `Settings::certificate`; empty: none.
    pub client_key: String,
}

/// The way to one receiver.
pub enum Sink {
    Syslog(syslog::Syslog),
    Webhook(webhook::Webhook),
    File(file::File),
}

impl Sink {
    /// Makes the way; nothing is connected yet.
    ///
    /// # Errors
    /// `Address` or `Tls`, as [`check`] finds them.
    pub fn open(kind: StreamKind, settings: &Settings, around: Surroundings) -> Result<Self, SinkError> {
        Ok(match kind {
            StreamKind::Syslog => Self::Syslog(syslog::Syslog::new(settings, &around)?),
            StreamKind::Webhook => Self::Webhook(webhook::Webhook::new(settings, around)?),
            StreamKind::File => Self::File(file::File::new(&around.folder, &settings.destination)?),
        })
    }

    /// Takes the place of the way before, with what may still be lost of it.
    pub fn succeed(&mut self, before: Self) {
        if let (Self::Syslog(sink), Self::Syslog(before)) = (self, before) {
            sink.succeed(before);
        }
    }

    /// Hands lines over in order and returns when the receiver has them: an answer of 2xx, a connection that is still up and on which
    /// every byte was confirmed, a synced file. After an error any number of them may have arrived.
    ///
    /// # Errors
    /// [`SinkError`].
    pub async fn deliver(&mut self, lines: &[Line], now: Instant) -> Result<(), SinkError> {
        match self {
            Self::Syslog(sink) => sink.deliver(lines).await,
            Self::Webhook(sink) => sink.deliver(lines, now).await,
            Self::File(sink) => sink.deliver(lines, now).await,
        }
    }
}

/// What is wrong with a stream's settings, for the form: field and kind of the error.
pub fn check(kind: StreamKind, settings: &Settings, client_key: &str, allow_private: bool, local: &[u16]) -> Vec<(&'static str, &'static str)> {
    let mut wrong = Vec::new();
    let destination = match kind {
        StreamKind::File => file::check(&settings.destination).err(),
        StreamKind::Webhook => webhook::check(&settings.destination, allow_private).map(drop).err(),
        StreamKind::Syslog => syslog::Address::read(&settings.destination, allow_private, local).map(drop).err(),
    };
    wrong.extend(destination.map(|kind| ("destination", kind)));
    if kind != StreamKind::File {
        wrong.extend(tls::check(&settings.ca, &settings.certificate, client_key));
    }
    wrong
}

/// The kind of a form's error for an address that is refused.
fn address_error(error: &BadBaseUrl) -> &'static str {
    match error {
        BadBaseUrl::Malformed(_) | BadBaseUrl::Client(_) => "address",
        BadBaseUrl::Scheme(_) => "scheme",
        BadBaseUrl::Clear => "clear",
        BadBaseUrl::Userinfo => "userinfo",
        BadBaseUrl::Path => "path",
        BadBaseUrl::Private(_) => "private",
    }
}

/// Whether a host, as an address names it, is this machine itself.
fn loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Whether a literal host lies inside the house; a name is judged when it is resolved.
fn inside(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost") || host.parse().is_ok_and(guard::special)
}
