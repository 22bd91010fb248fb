//! Streams of the audit trail to other systems: what there is and how far each has come. `change` makes and changes them, `work` delivers,
//! `lines` says what is sent. Not here: the wire (`connect::stream`), the rules (`domain::stream`).

pub mod change;
mod lines;
mod typed;
pub mod work;

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use super::{App, AppResult, Caller};
use crate::{
    clock::Instant,
    connect::stream::{Secret, Sink, SinkError, Surroundings},
    domain::{
        event::{Action, Subject},
        role::Permission,
        stream::{Settings, StreamKind},
    },
    store::{
        StoreError,
        streams::{self, StreamRow},
    },
};

/// A stream as it may be shown: everything but its secrets.
#[derive(Clone, Debug)]
pub struct Stream {
    pub id: String,
    pub name: String,
    pub kind: StreamKind,
    pub settings: Settings,
    pub running: bool,
    /// The row was changed past the product: kind and settings here are not its own.
    pub broken: bool,
    /// The index of the event that is sent next, and how many are behind it.
    pub next: u64,
    pub lag: u64,
    /// When the event that is sent next happened; `None` where nothing waits.
    pub lag_since: Option<Instant>,
    /// Failures since the last success.
    pub failures: i64,
    pub stuck_at: Option<Instant>,
    /// A word for people (`stream-problem-<word>`) and what exactly.
    pub problem: Option<(String, String)>,
    pub tried_at: Option<Instant>,
    pub delivered_at: Option<Instant>,
    pub created_at: Instant,
    pub version: i64,
}

impl Stream {
    /// `broken`, `paused`, `stuck`, `failing` or `running`.
    pub fn state(&self) -> &'static str {
        if self.broken {
            return "broken";
        }
        match (self.running, self.stuck_at, self.failures) {
            (false, ..) => "paused",
            (true, Some(_), _) => "stuck",
            (true, None, 1..) => "failing",
            _ => "running",
        }
    }
}

/// What is sealed with a stream.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Secrets {
    /// Webhook: `whsec_…`.
    #[serde(default)]
    key: String,
    /// Webhook: those before, and until when each signs too (microseconds).
    #[serde(default)]
    before: Vec<(String, i64)>,
    /// PEM of the key of the client certificate.
    #[serde(default)]
    client_key: String,
}

impl Drop for Secrets {
    fn drop(&mut self) {
        self.key.zeroize();
        self.client_key.zeroize();
        for (key, _) in &mut self.before {
            key.zeroize();
        }
    }
}

impl Secrets {
    fn open(app: &App, row: &StreamRow) -> Result<Self, StoreError> {
        let bytes = app.store.keys().envelope.open(&streams::secrets_context(&row.id), &row.secrets_sealed)?;
        serde_json::from_slice(&bytes).map_err(|_| StoreError::Corrupt(format!("stream {}: its secrets", row.id)))
    }

    fn seal(&self, app: &App, id: &str) -> Result<Vec<u8>, StoreError> {
        let mut bytes = serde_json::to_vec(self).map_err(|e| StoreError::Corrupt(e.to_string()))?;
        let sealed = app.store.keys().envelope.seal(&streams::secrets_context(id), &bytes);
        bytes.zeroize();
        Ok(sealed)
    }
}

/// The way to a stream's receiver.
fn sink(app: &App, kind: StreamKind, settings: &Settings, secrets: &Secrets) -> Result<Sink, SinkError> {
    let before = secrets.before.iter().map(|(key, until)| (key, Some(Instant(*until))));
    let all = std::iter::once((&secrets.key, None)).chain(before);
    let around = Surroundings {
        allow_private: app.config.allow_private_destinations,
        local: app.config.streams.local.clone(),
        folder: app.config.data.join(&app.config.streams.directory),
        host: app.config.host(),
        secrets: all.filter_map(|(key, until)| Some((Secret::read(key)?, until))).collect(),
        client_key: secrets.client_key.clone(),
    };
    Sink::open(kind, settings, around)
}

/// A problem's word for people, and what exactly.
fn words_of(problem: &str) -> (String, String) {
    let (word, what) = problem.split_once(": ").unwrap_or((problem, ""));
    (word.to_owned(), what.to_owned())
}

fn view(row: &StreamRow, size: u64, at: Option<i64>) -> Stream {
    let lag = size.saturating_sub(row.next());
    let (kind, settings) = (row.kind(), row.settings());
    Stream {
        id: row.id.clone(),
        name: row.name.clone(),
        broken: kind.is_err() || settings.is_err(),
        kind: kind.unwrap_or(StreamKind::File),
        settings: settings.unwrap_or_else(|_| Settings::none()),
        running: row.running(),
        next: row.next(),
        lag,
        lag_since: at.filter(|_| lag > 0).map(Instant),
        failures: row.failures,
        stuck_at: row.stuck_at.map(Instant),
        problem: row.problem.as_deref().map(words_of),
        tried_at: row.tried_at.map(Instant),
        delivered_at: row.delivered_at.map(Instant),
        created_at: Instant(row.created_at),
        version: row.version,
    }
}

/// Every stream, by name, for who has been let in already (the system page, the metrics).
///
/// # Errors
/// Those of the store.
pub async fn standing(app: &App) -> AppResult<Vec<Stream>> {
    let (size, rows) = app.store.read(streams::standing).await?;
    Ok(rows.iter().map(|(row, at)| view(row, size, *at)).collect())
}

/// Every stream, by name.
///
/// # Errors
/// `Forbidden`, recorded.
pub async fn list(app: &App, caller: &Caller) -> AppResult<Vec<Stream>> {
    may_manage(app, caller).await?;
    standing(app).await
}

/// Whether the caller may see and change streams.
///
/// # Errors
/// `Forbidden`, recorded.
pub async fn may_manage(app: &App, caller: &Caller) -> AppResult<()> {
    app.require(caller, Permission::StreamManage, Action::PermissionChecked, Subject::new("stream", "all")).await
}

/// One stream, by id or name.
///
/// # Errors
/// `Forbidden`, recorded; `NotFound`.
pub async fn load(app: &App, caller: &Caller, id_or_name: &str) -> AppResult<Stream> {
    let all = list(app, caller).await?;
    all.into_iter().find(|s| s.id == id_or_name || s.name == id_or_name).ok_or(super::AppError::NotFound)
}
