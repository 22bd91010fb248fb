//! Use cases: authorise, load, decide, one write (change + audit event + job). Console, API, command line and jobs all come through here.
//! Not here: pages and JSON (`web`), rules (`domain`), SQL that more than one use case needs (`store::<noun>`).

pub mod alarms;
pub mod alerts;
pub mod audit;
pub mod audits;
pub mod backup;
pub mod broadcasts;
pub mod caller;
pub mod calls;
pub mod configuration;
pub mod connections;
pub mod content;
pub mod duties;
pub mod duty;
pub mod errands;
pub mod evidence;
pub mod first_steps;
pub mod holds;
pub mod invitations;
pub mod keys;
pub mod listed;
pub mod looks;
pub mod notices;
pub mod once;
pub mod overview;
pub mod passkeys;
pub mod pieces;
pub mod published;
pub mod quota;
pub mod readiness;
pub mod status;

use std::sync::{Arc, OnceLock};

pub use caller::{Caller, Client, Device};

use crate::{
    clock::Instant,
    config::Config,
    domain::{
        event::{Action, Event, Outcome, Subject},
        role::Permission,
    },
    store::{Store, Tx, Written},
};

pub use crate::store::{Receipt, StoreError, counting, page::Turn};

/// The application: everything a use case needs, handed in once. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub store: Store,
    pub config: Arc<Config>,
    /// Connectors by connection id and version; they hold token caches.
    pub connectors: Arc<connectors::Connectors>,
    /// Bounds argon2id, which takes 19 MiB and 25 ms a call.
    pub hashing: Arc<tokio::sync::Semaphore>,
    /// Wakes the job runner.
    pub wake: Arc<tokio::sync::Notify>,
    /// Limits on guessing.
    pub throttle: Arc<throttle::Throttle>,
    /// What tokens have asked in this minute.
    pub quota: Arc<quota::Quota>,
    /// When answers of earlier requests were last forgotten.
    pub tidied: Arc<std::sync::atomic::AtomicI64>,
    /// What waits for whom.
    pub lately: Arc<recalls::queue::Lately>,
    /// Bounds the questions to timestamp authorities, so that silent ones never hold up the jobs of a recall.
    pub stamping: Arc<tokio::sync::Semaphore>,
    /// How far the exports of the trail have come.
    pub exports: Arc<audit::export::Running>,
    /// What `/readyz` last found.
    pub readiness: Arc<readiness::Last>,
    /// Who is shown each checkpoint.
    pub witnesses: Arc<witness::Witnesses>,
    /// The way to the mail server, if there is one.
    pub mailer: Option<crate::connect::mail::Mailer>,
    /// What this process has seen of clocks.
    pub clocks: Arc<clocks::Clocks>,
    /// What this process has told of what would stop the installation.
    pub alarms: Arc<alarms::Alarms>,
    /// This data folder's name.
    pub node: String,
    /// This process, once something was begun in its name.
    pub process: Arc<OnceLock<process::Process>>,
}

pub mod account;
pub mod clocks;
pub mod connectors;
pub mod delegations;
pub mod departments;
pub mod device;
mod passwords;
pub mod people;
pub mod personal;
pub mod policies;
mod probe;
pub mod process;
pub mod recalls;
pub mod remediations;
pub mod resets;
pub mod retention;
pub mod revocation;
mod searches;
pub mod self_recalls;
pub mod sessions;
pub mod setup;
pub mod step_up;
pub mod streams;
pub mod throttle;
pub mod timestamps;
pub mod tokens;
pub mod users;
pub mod verification;
pub mod views;
pub mod witness;
pub mod work;

/// Why a use case did not do as asked. `web` turns each into one answer.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// No such thing, or its existence is none of the caller's business.
    #[error("not found")]
    NotFound,
    #[error("this needs the permission {0}")]
    Forbidden(Permission),
    /// A rule of the domain said no; `kind` is a message key (`refusal-<kind>`), `detail` its arguments.
    #[error("refused: {kind}")]
    Refused { kind: &'static str, detail: serde_json::Value },
    /// Fields that must be mended: field name and error kind (`error-<kind>`), with arguments.
    #[error("invalid input")]
    Invalid(Vec<FieldError>),
    /// Somebody else changed it first; says what happened.
    #[error("somebody else changed it first")]
    Conflict,
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A mail cannot be handed over now.
    #[error("the mail server: {0}")]
    Mail(String),
    /// Too much work; try again after so many seconds.
    #[error("too many attempts")]
    TooMany { retry_after: u64 },
}

/// One field's error: `error-<kind>` in the words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    pub field: &'static str,
    pub kind: &'static str,
    pub args: Vec<(&'static str, String)>,
}

impl FieldError {
    pub fn new(field: &'static str, kind: &'static str) -> Self {
        Self { field, kind, args: Vec::new() }
    }

    pub fn arg(mut self, name: &'static str, value: impl ToString) -> Self {
        self.args.push((name, value.to_string()));
        self
    }

    /// The error of a typed text.
    pub fn text(field: &'static str, error: crate::domain::text::TextError) -> Self {
        use crate::domain::text::TextError;
        match error {
            TextError::Required => Self::new(field, "required"),
            TextError::TooShort { min } => Self::new(field, "too-short").arg("min", min),
            TextError::TooLong { max } => Self::new(field, "too-long").arg("max", max),
            TextError::Control => Self::new(field, "control"),
        }
    }
}

impl AppError {
    pub fn refused(kind: &'static str) -> Self {
        Self::Refused { kind, detail: serde_json::Value::Null }
    }

    pub fn invalid(field: &'static str, kind: &'static str) -> Self {
        Self::Invalid(vec![FieldError::new(field, kind)])
    }

    /// The reason as an event's detail carries it.
    pub fn as_detail(&self) -> serde_json::Value {
        match self {
            Self::Refused { kind, detail } => serde_json::json!({ "reason": kind, "about": detail }),
            Self::Forbidden(p) => serde_json::json!({ "reason": "permission", "permission": p.as_str() }),
            Self::Invalid(fields) => {
                serde_json::json!({ "reason": "invalid", "fields": fields.iter().map(|f| serde_json::json!({"field": f.field, "kind": f.kind})).collect::<Vec<_>>() })
            }
            Self::NotFound => serde_json::json!({ "reason": "not_found" }),
            Self::Conflict => serde_json::json!({ "reason": "conflict" }),
            Self::TooMany { .. } => serde_json::json!({ "reason": "too_many" }),
            Self::Mail(_) => serde_json::json!({ "reason": "mail" }),
            Self::Store(_) => serde_json::json!({ "reason": "store" }),
        }
    }
}

pub type AppResult<T> = Result<T, AppError>;

/// A change that was made, with its receipt.
#[derive(Debug, Clone)]
pub struct Done<T> {
    pub value: T,
    pub receipt: Option<Receipt>,
}

impl<T> Done<T> {
    /// Splits what a write gave: the refusal that was recorded, or the change with its receipt.
    pub fn from_write(written: Written<AppResult<T>>) -> AppResult<Self> {
        let receipt = written.receipts.last().cloned();
        written.value.map(|value| Self { value, receipt })
    }
}

/// Leaves the event of a refusal in the write, and gives the refusal back as its value; [`App::refuse`] does so outside of one.
pub(crate) fn refused<T>(tx: &mut Tx<'_>, event: Event, error: AppError) -> Result<AppResult<T>, StoreError> {
    tx.append(event.outcome(Outcome::Refused).detail(error.as_detail()))?;
    Ok(Err(error))
}

impl App {
    /// The application over an open store.
    pub fn new(store: Store, config: Config) -> Self {
        let node = store.node().to_owned();
        Self {
            store,
            witnesses: witness::known(&config),
            mailer: crate::connect::mail::Mailer::new(&config.smtp, &config.data).unwrap_or_else(|error| {
                tracing::error!(error, "no mail is sent");
                None
            }),
            config: Arc::new(config),
            connectors: Arc::default(),
            hashing: Arc::new(tokio::sync::Semaphore::new(4)),
            wake: Arc::default(),
            throttle: Arc::default(),
            quota: Arc::default(),
            tidied: Arc::default(),
            lately: Arc::default(),
            stamping: Arc::new(tokio::sync::Semaphore::new(timestamps::AT_ONCE)),
            exports: Arc::default(),
            readiness: Arc::default(),
            clocks: Arc::default(),
            alarms: Arc::default(),
            node,
            process: Arc::default(),
        }
    }

    /// This process's name in leases and claims.
    pub fn process(&self) -> &str {
        &self.process.get_or_init(|| process::Process::enter(self.store.data(), &self.node)).name
    }

    /// The names of this node's processes that live, this one included.
    pub(crate) fn living(&self) -> Vec<String> {
        self.process();
        process::living(self.store.data(), &self.node)
    }

    pub fn now(&self) -> Instant {
        self.store.now()
    }

    /// Whether the caller has `permission`; a refusal is recorded as `action` with outcome `refused` before it is returned, so that every
    /// POST leaves its event.
    pub async fn require(&self, caller: &Caller, permission: Permission, action: Action, subject: Subject) -> AppResult<()> {
        if caller.may(permission) {
            return Ok(());
        }
        Err(self.refuse(caller, action, subject, None, AppError::Forbidden(permission)).await)
    }

    /// Records a refusal as an event of its own and gives the error back; if it cannot be recorded, gives that error instead.
    pub async fn refuse(&self, caller: &Caller, action: Action, subject: Subject, case: Option<&str>, error: AppError) -> AppError {
        let mut event = caller.event(action, subject).outcome(Outcome::Refused).detail(error.as_detail());
        if let Some(case) = case {
            event = event.case(case);
        }
        match self.record_of(caller, event).await {
            Ok(_) => error,
            Err(e) => e.into(),
        }
    }

    /// Appends one event on its own.
    pub async fn record(&self, event: Event) -> Result<Option<Receipt>, StoreError> {
        let written = self.store.write(move |tx| tx.append(event.clone())).await?;
        Ok(written.receipts.last().cloned())
    }

    /// One write; from the reserve of a full disk if `audits` ([`Caller::audits`]).
    pub async fn write_of<T, F>(&self, audits: bool, f: F) -> Result<Written<T>, StoreError>
    where
        T: Send + 'static,
        F: Fn(&mut Tx<'_>) -> Result<T, StoreError> + Send + Sync + 'static,
    {
        if audits { self.store.write_reserved(f).await } else { self.store.write(f).await }
    }

    /// Appends one event on its own that `caller` left by looking: auditors can look on a full disk too.
    pub async fn record_of(&self, caller: &Caller, event: Event) -> Result<Option<Receipt>, StoreError> {
        let written = self.write_of(caller.audits(), move |tx| tx.append(event.clone())).await?;
        Ok(written.receipts.last().cloned())
    }

    /// Appends one event on its own, from the reserve where the disk is full: for what must be possible so that somebody can look.
    pub async fn record_reserved(&self, event: Event) -> Result<Option<Receipt>, StoreError> {
        let written = self.store.write_reserved(move |tx| tx.append(event.clone())).await?;
        Ok(written.receipts.last().cloned())
    }
}
