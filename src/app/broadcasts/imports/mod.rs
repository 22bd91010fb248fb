//! Import of a table: broadcasts that were sent without us, or the recipients of one. A table is uploaded and looked at first; nothing of it is
//! written until whoever uploaded it says so, and then all of it, or nothing. What an imported broadcast is says `import`; this module only
//! reads tables. Not here: columns and what is wrong in a line (`columns`), the two jobs (`work`).

mod columns;
pub mod files;
mod work;

use serde::{Deserialize, Serialize};
use serde_json::json;

pub use columns::{Column, Given, Kind, Problem};
pub use work::{APPLY, CHECK, apply, check};

use super::import;
use crate::{
    app::{App, AppError, AppResult, Caller, Done, FieldError, refused, retention},
    crypto,
    domain::{
        event::{Action, Outcome, Subject},
        role::Permission,
        sheet::{self, Encoding, Separator, Unreadable},
    },
    store::{
        StoreError, Tx,
        imports::{self, ImportRow, about_context, file_context},
    },
};

pub use crate::store::imports::ImportState;

/// Imports that the list shows.
const LISTED: i64 = 50;

/// A table, as uploaded.
#[derive(Clone, Debug, Default)]
pub struct New {
    /// A word of [`Kind`].
    pub kind: String,
    pub name: String,
    pub bytes: Vec<u8>,
    pub how: How,
    /// For recipients: of which broadcast.
    pub given: Given,
}

/// How a table is to be read, as chosen; empty: as it looks.
#[derive(Clone, Debug, Default)]
pub struct How {
    pub encoding: String,
    pub separator: String,
}

/// What is kept of a table beside its bytes and figures.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct About {
    /// The file's name.
    pub name: String,
    #[serde(default)]
    pub given: Given,
    #[serde(default)]
    pub problems: Vec<Problem>,
    /// Heads of columns that nothing was taken from.
    #[serde(default)]
    pub ignored: Vec<String>,
    /// Ids of what was made of it.
    #[serde(default)]
    pub made: Vec<String>,
}

/// An import and what is known of it.
#[derive(Clone, Debug)]
pub struct Known {
    pub row: ImportRow,
    pub state: ImportState,
    pub kind: Kind,
    pub about: About,
}

impl Known {
    /// Whether it can be put in.
    pub fn is_ready(&self) -> bool {
        self.state == ImportState::Checked && self.row.problems == 0 && self.row.broadcasts > 0
    }

    /// Whether it can be thrown away: not while it is written, nor when it has ended.
    pub fn can_be_discarded(&self) -> bool {
        matches!(self.state, ImportState::Checking | ImportState::Checked | ImportState::Failed)
    }

    fn subject(&self) -> Subject {
        subject(&self.row.id)
    }
}

fn subject(id: &str) -> Subject {
    Subject::new("import", crate::app::recalls::plain(id))
}

/// What came of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uploaded {
    pub id: String,
    /// The same file was there before, and this is its import.
    pub again: bool,
}

fn open(app: &App, row: ImportRow) -> AppResult<Known> {
    let bytes = app.store.keys().envelope.open(&about_context(&row.id), &row.about_sealed).map_err(StoreError::from)?;
    let about = serde_json::from_slice(&bytes).map_err(|e| StoreError::Corrupt(format!("an import: {e}")))?;
    let unknown = || StoreError::Corrupt(format!("import {} is {} of {}", row.id, row.state, row.kind));
    let (state, kind) = ImportState::parse(&row.state).zip(Kind::parse(&row.kind)).ok_or_else(unknown)?;
    Ok(Known { row, state, kind, about })
}

fn seal_about(app: &App, id: &str, about: &About) -> AppResult<Vec<u8>> {
    let bytes = serde_json::to_vec(about).map_err(|e| StoreError::Corrupt(e.to_string()))?;
    Ok(app.store.keys().envelope.seal(&about_context(id), &bytes))
}

fn parse_how(how: &How) -> AppResult<(Option<Encoding>, Option<Separator>)> {
    let (encoding, separator) = (Encoding::parse(&how.encoding), Separator::parse(&how.separator));
    let mut errors = Vec::new();
    if encoding.is_none() && !how.encoding.is_empty() {
        errors.push(FieldError::new("encoding", "choice"));
    }
    if separator.is_none() && !how.separator.is_empty() {
        errors.push(FieldError::new("separator", "choice"));
    }
    if errors.is_empty() { Ok((encoding, separator)) } else { Err(AppError::Invalid(errors)) }
}

/// Why the file is no table, at `field`.
pub(crate) fn unreadable(field: &'static str, error: Unreadable) -> AppError {
    AppError::Invalid(vec![match error {
        Unreadable::Empty => FieldError::new(field, "empty-file"),
        Unreadable::Workbook => FieldError::new(field, "workbook"),
        Unreadable::NotText => FieldError::new(field, "not-text"),
        Unreadable::Cut => FieldError::new(field, "cut-off"),
        Unreadable::Mixed { line } => FieldError::new(field, "mixed-encoding").arg("line", line),
        Unreadable::Encoding { line } => FieldError::new(field, "other-encoding").arg("line", line),
    }])
}

/// Whether somebody may import at all.
///
/// # Errors
/// `Forbidden`, recorded.
pub async fn may(app: &App, caller: &Caller) -> AppResult<()> {
    app.require(caller, Permission::BroadcastSend, Action::PermissionChecked, Subject::new("route", "/broadcasts/imports")).await
}

/// Keeps a table and lets a job look at it. The same file twice is one import: the answer is the first.
///
/// # Errors
/// `Forbidden`; `Invalid` on `file`, `kind`, `encoding`, `separator`, and for recipients on what is said of the broadcast; `Refused` with
/// `import-known` where somebody else has uploaded the same. Each is recorded.
pub async fn upload(app: &App, caller: &Caller, new: New, id: String) -> AppResult<Done<Uploaded>> {
    app.require(caller, Permission::BroadcastSend, Action::ImportUploaded, subject(&id)).await?;
    let row = match accept(app, caller, new, &id).await {
        Ok(row) => row,
        Err(error @ AppError::Store(_)) => return Err(error),
        Err(error) => return Err(app.refuse(caller, Action::ImportUploaded, subject(&id), None, error).await),
    };
    let (row, name) = row;
    let caller = caller.clone();
    let written = app
        .store
        .write(move |tx| {
            let event = caller.event(Action::ImportUploaded, subject(&row.id));
            if let Some(first) = imports::standing(tx.conn, &row.digest)? {
                // A request repeated after a crash finds what its first run made.
                let mine = first.owner_id == row.owner_id;
                let error = AppError::Refused { kind: "import-known", detail: json!({ "import": first.id }) };
                tx.append(event.outcome(Outcome::Refused).detail(error.as_detail()))?;
                return Ok(if mine { Ok(Uploaded { id: first.id, again: true }) } else { Err(AppError::refused("import-known")) });
            }
            let after = json!({ "state": row.state, "kind": row.kind });
            let detail = json!({ "after": after, "bytes": row.size, "digest": hex::encode(&row.digest) });
            tx.append(event.detail(detail).text(json!({ "file": name })))?;
            imports::insert(tx.conn, ImportRow { created_at: tx.now().0, ..row.clone() })?;
            enqueue(tx, CHECK, &row.id, row.version)?;
            Ok(Ok(Uploaded { id: row.id.clone(), again: false }))
        })
        .await?;
    app.wake.notify_one();
    Done::from_write(written)
}

/// The row of a table that can be looked at, and the file's name.
async fn accept(app: &App, caller: &Caller, new: New, id: &str) -> AppResult<(ImportRow, String)> {
    let kind = Kind::parse(&new.kind).ok_or_else(|| AppError::invalid("kind", "choice"))?;
    let (encoding, separator) = parse_how(&new.how)?;
    let most = app.config.imports.largest_file;
    if new.bytes.len() > (most as usize) << 20 {
        return Err(AppError::Invalid(vec![FieldError::new("file", "too-large").arg("max", most)]));
    }
    if kind == Kind::Recipients {
        described(app, caller, &new.given).await?;
    }
    let bytes = new.bytes;
    let (bytes, read) = tokio::task::spawn_blocking(move || {
        let read = sheet::decode(&bytes, encoding).map(drop);
        (bytes, read)
    })
    .await
    .map_err(|_| StoreError::Panicked)?;
    read.map_err(|error| unreadable("file", error))?;
    let name = super::report::file_name(&new.name);
    // The same people may have got two messages: the message belongs to what makes a list of them the same.
    let beside = [kind.as_str(), "\n", new.given.connection.trim(), "\n", new.given.message_id.trim(), "\n"].concat();
    let about = About { name: name.clone(), given: new.given, ..About::default() };
    let row = ImportRow {
        id: id.to_owned(),
        kind: kind.as_str().to_owned(),
        state: ImportState::Checking.as_str().to_owned(),
        owner_id: caller.user_id.clone().ok_or(AppError::Forbidden(Permission::BroadcastSend))?,
        digest: crypto::sha256(&[beside.as_bytes(), &bytes].concat()).to_vec(),
        size: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
        encoding: encoding.map(|e| e.as_str().to_owned()),
        separator: separator.map(|s| s.as_str().to_owned()),
        file_sealed: Some(app.store.keys().envelope.seal(&file_context(id), &bytes)),
        about_sealed: seal_about(app, id, &about)?,
        done: 0,
        total: 0,
        problems: 0,
        broadcasts: 0,
        recipients: 0,
        doubles: 0,
        created_at: 0,
        ended_at: None,
        version: 1,
    };
    Ok((row, name))
}

/// Whether what is said of the broadcast holds, so that a form can say so before a job does.
async fn described(app: &App, caller: &Caller, given: &Given) -> AppResult<()> {
    let described = columns::one(given, import::Recipients::All, &retention::zone(app));
    match import::judge(app, caller, &described).await {
        Err(AppError::Invalid(errors)) => {
            let here = |field: &'static str| match field {
                "message_ids" => "message_id",
                "content" => "text",
                field => field,
            };
            Err(AppError::Invalid(errors.into_iter().map(|e| FieldError { field: here(e.field), ..e }).collect()))
        }
        other => other.map(drop),
    }
}

/// The newest imports of the caller.
///
/// # Errors
/// `Forbidden`.
pub async fn list(app: &App, caller: &Caller) -> AppResult<Vec<Known>> {
    may(app, caller).await?;
    let owner = caller.user_id.clone().unwrap_or_default();
    let rows = app.store.read(move |conn| imports::of_owner(conn, &owner, LISTED)).await?;
    rows.into_iter().map(|row| open(app, row)).collect()
}

/// One import of the caller's own.
///
/// # Errors
/// `Forbidden`; `NotFound`, also where it is somebody else's.
pub async fn show(app: &App, caller: &Caller, id: &str) -> AppResult<Known> {
    may(app, caller).await?;
    load(app, caller, id).await
}

async fn load(app: &App, caller: &Caller, id: &str) -> AppResult<Known> {
    let id = id.to_owned();
    let row = app.store.read(move |conn| imports::find(conn, &id)).await?;
    open(app, row.filter(|row| caller.user_id.as_deref() == Some(&row.owner_id)).ok_or(AppError::NotFound)?)
}

/// Enqueues a job for an import as it is in this version: one of an older version that is just ending does not stand for it.
fn enqueue(tx: &mut Tx<'_>, job: &str, id: &str, version: i64) -> Result<(), StoreError> {
    tx.enqueue(job, &format!("{id}/{version}"), &json!({ "import": id }), tx.now())
}

/// Changes an import of the caller's own: `change` says what it becomes, what its event tells and which job has to follow, or why not.
async fn change<F>(app: &App, caller: &Caller, id: &str, action: Action, change: F) -> AppResult<Done<String>>
where
    F: Fn(&mut Tx<'_>, &Known) -> Result<AppResult<(ImportRow, serde_json::Value, Option<&'static str>)>, StoreError> + Send + Sync + 'static,
{
    app.require(caller, Permission::BroadcastSend, action, subject(id)).await?;
    let known = match load(app, caller, id).await {
        Ok(known) => known,
        Err(error @ AppError::Store(_)) => return Err(error),
        Err(error) => return Err(app.refuse(caller, action, subject(id), None, error).await),
    };
    let caller = caller.clone();
    let written = app
        .store
        .write(move |tx| {
            let event = caller.event(action, known.subject());
            let (next, detail, job) = match change(tx, &known)? {
                Ok(next) => next,
                Err(error) => return refused(tx, event, error),
            };
            let version = next.version + 1;
            if !imports::replace(tx.conn, next)? {
                return refused(tx, event, AppError::Conflict);
            }
            tx.append(event.detail(detail))?;
            if let Some(job) = job {
                enqueue(tx, job, &known.row.id, version)?;
            }
            Ok(Ok(known.row.id.clone()))
        })
        .await?;
    app.wake.notify_one();
    Done::from_write(written)
}

fn states(before: ImportState, after: ImportState) -> serde_json::Value {
    json!({ "before": { "state": before }, "after": { "state": after } })
}

/// Looks at it once more, read otherwise.
///
/// # Errors
/// `Forbidden`; `NotFound`; `Invalid`; `Refused` with `import-over`. Each is recorded.
pub async fn look_again(app: &App, caller: &Caller, id: &str, how: How) -> AppResult<Done<String>> {
    app.require(caller, Permission::BroadcastSend, Action::ImportChecked, subject(id)).await?;
    let (encoding, separator) = match parse_how(&how) {
        Ok(how) => how,
        Err(error) => return Err(app.refuse(caller, Action::ImportChecked, subject(id), None, error).await),
    };
    change(app, caller, id, Action::ImportChecked, move |_, known| {
        if known.state != ImportState::Checked {
            return Ok(Err(AppError::refused("import-over")));
        }
        let row = ImportRow {
            state: ImportState::Checking.as_str().to_owned(),
            encoding: encoding.map(|e| e.as_str().to_owned()),
            separator: separator.map(|s| s.as_str().to_owned()),
            done: 0,
            ..known.row.clone()
        };
        let way = |row: &ImportRow| json!({ "encoding": row.encoding, "separator": row.separator });
        let detail = json!({ "before": way(&known.row), "after": way(&row) });
        Ok(Ok((row, detail, Some(CHECK))))
    })
    .await
}

/// Lets a job write all of it.
///
/// # Errors
/// `Forbidden`; `NotFound`; `Refused` with `import-not-ready`. Each is recorded.
pub async fn confirm(app: &App, caller: &Caller, id: &str) -> AppResult<Done<String>> {
    change(app, caller, id, Action::ImportConfirmed, |_, known| {
        if !known.is_ready() {
            return Ok(Err(AppError::refused("import-not-ready")));
        }
        let row = ImportRow { state: ImportState::Applying.as_str().to_owned(), done: 0, ..known.row.clone() };
        let mut detail = states(known.state, ImportState::Applying);
        detail["broadcasts"] = row.broadcasts.into();
        detail["recipients"] = row.recipients.into();
        detail["digest"] = hex::encode(&row.digest).into();
        Ok(Ok((row, detail, Some(APPLY))))
    })
    .await
}

/// Throws it away: the file and what was found in it.
///
/// # Errors
/// `Forbidden`; `NotFound`; `Refused` with `import-over`. Each is recorded.
pub async fn discard(app: &App, caller: &Caller, id: &str) -> AppResult<Done<String>> {
    let app2 = app.clone();
    change(app, caller, id, Action::ImportDiscarded, move |tx, known| {
        if !known.can_be_discarded() {
            return Ok(Err(AppError::refused("import-over")));
        }
        let about = About { name: known.about.name.clone(), ..About::default() };
        let about_sealed = match seal_about(&app2, &known.row.id, &about) {
            Ok(sealed) => sealed,
            Err(error) => return Ok(Err(error)),
        };
        let state = ImportState::Discarded.as_str().to_owned();
        let row = ImportRow { state, file_sealed: None, about_sealed, ended_at: Some(tx.now().0), ..known.row.clone() };
        Ok(Ok((row, states(known.state, ImportState::Discarded), None)))
    })
    .await
}
