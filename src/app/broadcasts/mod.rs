//! Broadcasts: known because we sent them, imported them or had them reported. Here: what every use case needs to know of one.
//! Not here: how they come in (`send`, `deliver`, `import`, `report`), who has read them (`reading`), pages and lists (`view`).

mod audience;
pub mod deliver;
pub mod import;
pub mod imports;
pub mod reading;
pub mod report;
pub mod send;
pub mod view;

use serde_json::json;

pub use audience::Wanted;

use super::{App, AppError, AppResult, Caller, Done, FieldError, connections, content, once, refused, step_up};
use crate::{
    clock::Instant,
    domain::{
        event::{Action, Outcome, Subject},
        platform::{self, Capabilities, Platform, RecallPath},
        policy::Version,
        recall::request,
        role::Permission,
        text,
    },
    ledger::set::Set,
    store::{
        Conn, StoreError, attachments,
        broadcasts::{self, BroadcastRow},
        connections::ConnectionRow,
        messages::{self, MessageRow},
        policies,
    },
};

/// A broadcast as the rules see it: everything but what it says.
#[derive(Clone, Debug)]
pub struct Broadcast {
    pub id: String,
    /// `sent`, `imported` or `reported`.
    pub origin: String,
    /// `sending`, `sent`, `partly_sent` or `failed`.
    pub state: String,
    pub platform: Platform,
    /// Id of the connection, where there is one.
    pub connection: Option<String>,
    /// What people call the channel.
    pub channel: String,
    pub sender: Option<String>,
    pub department: Option<String>,
    /// `SHA-256(salt || canonical contents)`.
    pub commitment: [u8; 32],
    pub recipients: Set,
    /// What starts the window, and how it is known.
    pub sent_at: Option<Instant>,
    pub sent_at_source: Option<String>,
    pub created_at: Instant,
    /// What the connection can do; without one, nothing by API.
    pub capabilities: Capabilities,
    /// The policy in force: what a recall that is asked for now would be judged by.
    pub policy: Version,
    /// The pieces, in order.
    pub messages: Vec<MessageRow>,
    pub row: BroadcastRow,
}

/// Why no recall can be asked for; words `refusal-<as_str>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRecall {
    StillSending,
    NeverSent,
    WindowClosed,
    AlreadyRecalled,
    CaseOpen,
    /// Its time was over.
    Erased,
}

impl NoRecall {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StillSending => "broadcast-sending",
            Self::NeverSent => "broadcast-failed",
            Self::WindowClosed => "window-closed",
            Self::AlreadyRecalled => "already-recalled",
            Self::CaseOpen => "case-open",
            Self::Erased => "broadcast-erased",
        }
    }
}

impl Broadcast {
    /// Whether every piece has an id that the platform's API takes.
    pub fn has_platform_ids(&self) -> bool {
        self.messages.iter().any(|m| m.platform_id.is_some())
    }

    /// Seconds from sending to the end of the window of the path that is open in principle: what the interface takes, or the console for what
    /// has no message id, and no longer than the policy allows. `None`: no limit is known.
    pub fn window_seconds(&self) -> Option<u64> {
        self.policy.policy.window(self.platform, self.possible_seconds())
    }

    /// The same without what binds the company: what the platform takes, as the policy's catalogue has it.
    pub fn possible_seconds(&self) -> Option<u64> {
        request::possible(self.platform, Some(&self.capabilities).filter(|c| c.recall && self.has_platform_ids()), &self.policy.policy)
    }

    /// When the window closes.
    pub fn window_end(&self) -> Option<Instant> {
        Some(self.sent_at?.plus(std::time::Duration::from_secs(self.window_seconds()?)))
    }

    /// When we stop: the window's end minus what an execution needs.
    pub fn cut_off(&self) -> Option<Instant> {
        platform::cut_off(self.sent_at?, self.window_seconds())
    }

    /// Which way is open at `now`.
    pub fn path(&self, now: Instant) -> RecallPath {
        let closed = self.cut_off().is_some_and(|end| now >= end);
        match self.state.as_str() {
            "failed" => RecallPath::None,
            _ if closed => RecallPath::None,
            _ if self.capabilities.recall && self.has_platform_ids() => RecallPath::Api,
            "sending" => RecallPath::None,
            _ => RecallPath::Guided,
        }
    }

    /// The way that is open, or why there is none. `cases` are the states of the recall cases of this broadcast.
    pub fn may_recall<'a>(&self, now: Instant, cases: impl IntoIterator<Item = &'a str>) -> Result<RecallPath, NoRecall> {
        if self.row.erased_at.is_some() {
            return Err(NoRecall::Erased);
        }
        for case in cases {
            match case {
                "reviewing" | "returned" | "approved" | "executing" => return Err(NoRecall::CaseOpen),
                "recalled" | "recall_accepted" => return Err(NoRecall::AlreadyRecalled),
                _ => {}
            }
        }
        match (self.state.as_str(), self.path(now)) {
            ("sending", _) => Err(NoRecall::StillSending),
            ("failed", _) => Err(NoRecall::NeverSent),
            (_, RecallPath::None) => Err(NoRecall::WindowClosed),
            (_, path) => Ok(path),
        }
    }
}

/// Loads a broadcast for another use case; asks for no permission.
pub async fn load(app: &App, id: &str) -> AppResult<Broadcast> {
    let (id, app2) = (id.to_owned(), app.clone());
    let load = move |conn: &mut Conn| match broadcasts::find(conn, &id)? {
        Some(row) => load_in(conn, &app2, row),
        None => Ok(Err(AppError::NotFound)),
    };
    app.store.look_up(load).await?
}

/// The same within a read, of a row that is already there.
pub(super) fn load_in(conn: &mut Conn, app: &App, row: BroadcastRow) -> Result<AppResult<Broadcast>, StoreError> {
    let connection = match &row.connection_id {
        Some(id) => crate::store::connections::find(conn, id)?,
        None => None,
    };
    let messages = messages::of_broadcast(conn, &row.id)?;
    let policy = policies::in_force(conn)?;
    Ok(assemble(app, row, connection.as_ref(), messages, policy))
}

/// The same from rows that are already there.
pub fn assemble(
    app: &App,
    row: BroadcastRow,
    connection: Option<&ConnectionRow>,
    messages: Vec<MessageRow>,
    policy: Version,
) -> AppResult<Broadcast> {
    let capabilities = match connection {
        Some(connection) => connections::capabilities(app, connection)?,
        None => connections::nothing(),
    };
    let bytes = |b: &[u8]| <[u8; 32]>::try_from(b).map_err(|_| StoreError::Corrupt("a hash of a broadcast is not 32 bytes".to_owned()));
    Ok(Broadcast {
        id: row.id.clone(),
        origin: row.origin.clone(),
        state: row.state.clone(),
        platform: content::platform_of(&row)?,
        connection: row.connection_id.clone(),
        channel: row.channel.clone(),
        sender: row.sender_id.clone(),
        department: row.department_id.clone(),
        commitment: bytes(&row.commitment)?,
        recipients: Set { count: u64::try_from(row.recipients_count).unwrap_or_default(), root: bytes(&row.recipients_root)? },
        sent_at: row.sent_at.map(Instant),
        sent_at_source: row.sent_at_source.clone(),
        created_at: Instant(row.created_at),
        capabilities,
        policy,
        messages,
        row,
    })
}

/// What a broadcast says, for a person: needs [`Permission::ContentRead`] and leaves a `content.read` event.
pub async fn content(app: &App, caller: &Caller, id: &str, case: Option<&str>) -> AppResult<content::Content> {
    let row = there(app, id).await?;
    looked(app, caller, id, case).await?;
    Ok(content::open(&app.store.keys().envelope, &row)?)
}

/// Records that somebody reads what a broadcast says, before it is shown to them; they need [`Permission::ContentRead`].
pub(super) async fn looked(app: &App, caller: &Caller, id: &str, case: Option<&str>) -> AppResult<()> {
    let subject = Subject::new("broadcast", id);
    app.require(caller, Permission::ContentRead, Action::ContentRead, subject.clone()).await?;
    let mut event = caller.event(Action::ContentRead, subject).detail(json!({ "what": "text" }));
    if let Some(case) = case {
        event = event.case(case);
    }
    app.record_of(caller, event).await?;
    Ok(())
}

/// What a broadcast says, for somebody to whom it is masked, once: title and text, against a reason and a fresh `code` that the event of it
/// spends. Needs [`Permission::ContentUnmask`]; leaves a `content.read` event that says so.
///
/// # Errors
/// `Forbidden`; `NotFound`; `Invalid` on `reason` or `totp`; `Refused` where the contents were erased; those of `step_up::spend_totp`. Each is
/// recorded.
pub async fn unmask(app: &App, caller: &Caller, id: &str, reason: &str, code: &str) -> AppResult<content::Content> {
    let about = Subject::new("broadcast", id);
    app.require(caller, Permission::ContentUnmask, Action::ContentRead, about.clone()).await?;
    let refuse = async |error| Err(app.refuse(caller, Action::ContentRead, about.clone(), None, error).await);
    let reason = match text::paragraph(reason, 10, 500) {
        Ok(reason) => reason,
        Err(e) => return refuse(AppError::Invalid(vec![FieldError::text("reason", e)])).await,
    };
    let row = match there(app, id).await {
        Ok(row) => row,
        Err(error) => return refuse(error).await,
    };
    let said = content::open(&app.store.keys().envelope, &row)?;
    let event =
        caller.event(Action::ContentRead, about.clone()).detail(json!({ "what": "text", "unmasked": true })).text(json!({ "reason": reason }));
    let (ring, by, code) = (app.store.keys().clone(), caller.user_id.clone(), code.to_owned());
    let written = app.write_of(caller.audits(), move |tx| {
        let Some(by) = &by else { return refused(tx, event.clone(), AppError::Forbidden(Permission::ContentUnmask)) };
        if let Err(error) = step_up::spend_totp(tx, &ring, by, &code)? {
            return refused(tx, event.clone(), error);
        }
        tx.append(event.clone())?;
        Ok(Ok(()))
    });
    Done::from_write(written.await?)?;
    Ok(said)
}

/// A file of a broadcast, opened: name, media type, bytes. Leaves a `content.read` event.
pub async fn file(app: &App, caller: &Caller, id: &str, attachment: &str) -> AppResult<(String, String, Vec<u8>)> {
    let subject = Subject::new("broadcast", id);
    app.require(caller, Permission::ContentRead, Action::ContentRead, subject.clone()).await?;
    let row = there(app, id).await?;
    let wanted = attachment.to_owned();
    let file = app.store.read(move |conn| attachments::find(conn, &wanted)).await?;
    let file = file.filter(|f| f.broadcast_id.as_deref() == Some(id)).ok_or(AppError::NotFound)?;
    let key = content::key_of(&app.store.keys().envelope, &row)?;
    let bytes = content::open_file(&key, &file.id, &file.sealed)?.to_vec();
    app.record_of(caller, caller.event(Action::ContentRead, subject).detail(json!({ "what": "file", "attachment": file.id }))).await?;
    Ok((file.name, file.media_type, bytes))
}

/// The row, if its contents are still there.
async fn there(app: &App, id: &str) -> AppResult<BroadcastRow> {
    let row = row(app, id).await?;
    if row.erased_at.is_some() {
        return Err(AppError::refused("broadcast-erased"));
    }
    Ok(row)
}

async fn row(app: &App, id: &str) -> AppResult<BroadcastRow> {
    let id = id.to_owned();
    app.store.read(move |conn| broadcasts::find(conn, &id)).await?.ok_or(AppError::NotFound)
}

/// Who sent it: id and department.
#[derive(Clone, Debug, Default)]
struct Sender {
    id: Option<String>,
    department: Option<String>,
}

/// The sender as typed (id or account name), else the person who asks, else nobody (a service token that does not know).
async fn sender_of(app: &App, caller: &Caller, typed: &str) -> AppResult<Sender> {
    let typed = typed.trim().to_owned();
    if typed.is_empty() {
        return Ok(Sender { id: caller.user_id.clone(), department: caller.department_id.clone() });
    }
    if typed.contains('\0') {
        return Err(AppError::invalid("sender", "no-such"));
    }
    let found = app.store.read(move |conn| broadcasts::sender(conn, &typed)).await?;
    let (id, _, department) = found.ok_or_else(|| AppError::invalid("sender", "no-such"))?;
    Ok(Sender { id: Some(id), department })
}

/// Records a refusal of a new broadcast.
async fn refuse(app: &App, caller: &Caller, action: Action, id: &str, error: AppError) -> AppError {
    match error {
        // Nothing was decided: a broken store is not a refusal.
        AppError::Store(_) => error,
        _ => app.refuse(caller, action, Subject::new("broadcast", id), None, error).await,
    }
}

/// A write that found its id taken, although the id came with the request: the same request has been carried out before by a process that
/// died before it could answer. What it made stands; its receipt is in the log.
async fn made_before(app: &App, action: Action, id: &str, given: bool, error: StoreError) -> AppResult<Done<String>> {
    if given && matches!(error, StoreError::Unique(_)) && row(app, id).await.is_ok() {
        return once::receipted(app, Done { value: id.to_owned(), receipt: None }, action, id).await;
    }
    Err(error.into())
}

/// The outcome of an event about something that may have gone wrong.
const fn outcome(good: bool) -> Outcome {
    if good { Outcome::Success } else { Outcome::Failed }
}
