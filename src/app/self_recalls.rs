//! 自行撤回备案: a sender took a message back in the client, which is faster than any approval, and files it afterwards; a second person says
//! what is still visible. Not here: what of it is allowed (`domain::self_recall`), the recall that is asked for (`recalls`).

use serde_json::json;
use zeroize::Zeroizing;

use super::{App, AppError, AppResult, Caller, Done, FieldError, Turn, content, once, recalls, refused, step_up};
use crate::{
    clock::Instant,
    crypto::seal::Key,
    domain::{
        event::{Action, Subject},
        platform::Platform,
        role::Permission,
        self_recall::{self, Extent, FilingState},
        text,
    },
    id::SelfRecallId,
    store::{
        Conn, StoreError,
        broadcasts::{self, BroadcastRow},
        page::Few,
        self_recalls::{self, Filter, SelfRecallRow},
    },
};

/// A filing, as typed.
#[derive(Clone, Debug, Default)]
pub struct NewFiling {
    /// Id of the broadcast.
    pub broadcast: String,
    /// RFC 3339.
    pub withdrawn_at: String,
    /// A word of [`Extent`].
    pub extent: String,
    /// May be empty.
    pub note: String,
}

/// What the second person saw, as typed.
#[derive(Clone, Debug, Default)]
pub struct Check {
    /// `gone` or `visible`.
    pub seen: String,
    /// Where they looked.
    pub note: String,
    /// A fresh one-time code.
    pub totp: String,
    /// The version that the page showed; `None` where no page was shown (API): the newest then.
    pub version: Option<i64>,
}

/// A filing in a list.
#[derive(Clone, Debug)]
pub struct Line {
    pub id: String,
    pub number: String,
    pub state: FilingState,
    pub platform: Platform,
    pub channel: String,
    pub filer: String,
    pub withdrawn_at: Instant,
    pub filed_at: Instant,
}

/// One filing for people.
#[derive(Clone, Debug)]
pub struct Filing {
    pub line: Line,
    pub broadcast: String,
    pub extent: Extent,
    pub sent_at: Option<Instant>,
    pub recipients: u64,
    /// Empty where nothing was said; `None` once the broadcast is erased.
    pub note: Option<String>,
    /// Who checked, when, and what they said.
    pub checked: Option<(String, Instant, Option<String>)>,
    /// Why this person cannot check it, or nothing if they can.
    pub why_not: Option<&'static str>,
    pub version: i64,
}

/// What a filing form is about.
#[derive(Clone, Debug)]
pub struct About {
    pub id: String,
    pub platform: Platform,
    pub channel: String,
    pub sent_at: Option<Instant>,
    pub recipients: u64,
}

fn subject(id: &str) -> Subject {
    Subject::new("self_recall", id)
}

/// Whether somebody may say what is still visible: who reviews or operates, as with captures of a guided recall.
pub fn may_check(caller: &Caller) -> bool {
    recalls::guided::may_confirm(caller)
}

/// The message that a form is about, for somebody who may file.
///
/// # Errors
/// `Forbidden`; `NotFound`.
pub async fn about(app: &App, caller: &Caller, id: &str) -> AppResult<About> {
    app.require(caller, Permission::BroadcastSend, Action::PermissionChecked, subject("new")).await?;
    let id = id.to_owned();
    let found = app.store.read(move |conn| if id.contains('\0') { Ok(None) } else { broadcasts::find(conn, &id) });
    let row = found.await?.filter(|row| row.erased_at.is_none()).ok_or(AppError::NotFound)?;
    Ok(About {
        platform: content::platform_of(&row)?,
        sent_at: row.sent_at.map(Instant),
        recipients: u64::try_from(row.recipients_count).unwrap_or_default(),
        channel: row.channel,
        id: row.id,
    })
}

/// Files that a message was taken back by its sender. Answers the filing's id; `id` is what a repeated request comes back to.
///
/// # Errors
/// `Forbidden`; `Invalid` on `broadcast` (`required`, `unknown`), `withdrawn_at` (`not-a-time`, `in-future`, `too-early`, `before-sending`), `extent`, `note`;
/// `Refused` with a word of [`self_recall::Refusal`]. Each is recorded.
pub async fn file(app: &App, caller: &Caller, new: NewFiling, id: Option<SelfRecallId>) -> AppResult<Done<String>> {
    let id = id.unwrap_or_else(SelfRecallId::fresh).0;
    app.require(caller, Permission::BroadcastSend, Action::SelfRecallFiled, subject(&id)).await?;
    let mut errors = Vec::new();
    let withdrawn = Instant::parse(new.withdrawn_at.trim());
    if withdrawn.is_none() {
        errors.push(FieldError::new("withdrawn_at", if new.withdrawn_at.trim().is_empty() { "required" } else { "not-a-time" }));
    }
    let extent = Extent::parse(&new.extent);
    if extent.is_none() {
        errors.push(FieldError::new("extent", if new.extent.is_empty() { "required" } else { "choice" }));
    }
    let note = text::paragraph(&new.note, 0, 2000).map_err(|e| errors.push(FieldError::text("note", e))).unwrap_or_default();
    if new.broadcast.trim().is_empty() {
        errors.push(FieldError::new("broadcast", "required"));
    }
    let (Some(withdrawn), Some(extent), true) = (withdrawn, extent, errors.is_empty()) else {
        return Err(app.refuse(caller, Action::SelfRecallFiled, subject(&id), None, AppError::Invalid(errors)).await);
    };
    let (caller, ring, zone) = (caller.clone(), app.store.keys().clone(), app.config.time_zone.clone());
    let written = app
        .store
        .write(move |tx| {
            let event = || caller.event(Action::SelfRecallFiled, subject(&id));
            // A program takes nothing back in a client.
            let Some(filer) = caller.user_id.clone() else { return refused(tx, event(), AppError::Forbidden(Permission::BroadcastSend)) };
            // The same form again, whose first run nobody heard of.
            if self_recalls::find(tx.conn, &id)?.is_some_and(|made| made.filer_id == filer) {
                return Ok(Ok(id.clone()));
            }
            let wanted = new.broadcast.trim();
            let row = if wanted.contains('\0') { None } else { broadcasts::find(tx.conn, wanted)? };
            let Some(row) = row.filter(|row| row.erased_at.is_none()) else {
                return refused(tx, event(), AppError::invalid("broadcast", "unknown"));
            };
            if let Some(kind) = self_recall::misdated(row.sent_at.map(Instant), withdrawn, tx.now()) {
                return refused(tx, event(), AppError::invalid("withdrawn_at", kind));
            }
            let cases = broadcasts::cases(tx.conn, &row.id)?;
            let before = self_recalls::of_broadcast(tx.conn, &row.id)?.iter().map(state_of).collect::<Result<Vec<_>, _>>()?;
            if let Err(refusal) = self_recall::may_file(&row.state, cases.iter().map(|(_, _, state)| state.as_str()), before) {
                return refused(tx, event(), AppError::refused(refusal.as_str()));
            }
            let key = content::key_of(&ring.envelope, &row)?;
            let number = recalls::submit::numbered(tx, &zone, "SR", "self_recall_number")?;
            let detail = json!({
                "number": number, "broadcast": row.id, "withdrawn_at": withdrawn.to_rfc3339(), "extent": extent,
                "after": { "state": FilingState::Filed },
            });
            let mut told = event().detail(detail);
            if !note.is_empty() {
                told = told.text(json!({ "note": note }));
            }
            tx.append(told)?;
            self_recalls::insert(
                tx.conn,
                SelfRecallRow {
                    number,
                    broadcast_id: row.id,
                    filer_id: filer,
                    department_id: caller.department_id.clone(),
                    state: FilingState::Filed.as_str().to_owned(),
                    extent: extent.as_str().to_owned(),
                    withdrawn_at: withdrawn.0,
                    note_sealed: sealed(&key, &id, "note", &note),
                    filed_at: tx.now().0,
                    checker_id: None,
                    checked_at: None,
                    check_sealed: None,
                    version: 1,
                    id: id.clone(),
                },
            )?;
            Ok(Ok(id.clone()))
        })
        .await?;
    let done = Done::from_write(written)?;
    let id = done.value.clone();
    once::receipted(app, done, Action::SelfRecallFiled, &id).await
}

/// The second person says what is still visible; gives the filing's id and where it stands now.
///
/// # Errors
/// `Forbidden`; `NotFound`; `Invalid` on `seen`, `note`; those of a step-up; `Conflict` where it changed since it was shown; `Refused` with a
/// word of [`self_recall::Refusal`]. Each is recorded.
pub async fn check(app: &App, caller: &Caller, id: &str, check: Check) -> AppResult<Done<(String, FilingState)>> {
    let (row, broadcast) = match known(app, caller, id).await {
        Ok(found) => found,
        Err(error) => return Err(app.refuse(caller, Action::SelfRecallChecked, subject(&recalls::plain(id)), None, error).await),
    };
    let id = row.id;
    let parsed = match may_check(caller) {
        false => Err(AppError::Forbidden(Permission::RecallDecide)),
        true => parse(&check),
    };
    let (seen, note) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return Err(app.refuse(caller, Action::SelfRecallChecked, subject(&id), None, error).await),
    };
    let (caller, ring) = (caller.clone(), app.store.keys().clone());
    let written = app
        .store
        .write(move |tx| {
            let event = || caller.event(Action::SelfRecallChecked, subject(&id));
            let Some(by) = caller.user_id.clone() else { return refused(tx, event(), AppError::Forbidden(Permission::RecallDecide)) };
            let Some(before) = self_recalls::find(tx.conn, &id)? else { return refused(tx, event(), AppError::NotFound) };
            let state = state_of(&before)?;
            if let Err(refusal) = self_recall::may_check(state, &before.filer_id, broadcast.sender_id.as_deref(), &by) {
                return refused(tx, event(), AppError::refused(refusal.as_str()));
            }
            let message = broadcasts::find(tx.conn, &before.broadcast_id)?.ok_or(StoreError::NotFound)?;
            if message.erased_at.is_some() {
                return refused(tx, event(), AppError::refused("broadcast-erased"));
            }
            if check.version.is_some_and(|seen| seen != before.version) {
                return refused(tx, event(), AppError::Conflict);
            }
            if let Err(error) = step_up::spend_totp(tx, &ring, &by, &check.totp)? {
                return refused(tx, event(), error);
            }
            let key = content::key_of(&ring.envelope, &message)?;
            let after = SelfRecallRow {
                state: seen.as_str().to_owned(),
                checker_id: Some(by),
                checked_at: Some(tx.now().0),
                check_sealed: Some(sealed(&key, &id, "check", &note)),
                version: before.version + 1,
                ..before
            };
            if !self_recalls::replace(tx.conn, &after)? {
                return refused(tx, event(), AppError::Conflict);
            }
            let detail = json!({
                "number": after.number, "broadcast": after.broadcast_id, "before": { "state": state }, "after": { "state": seen },
            });
            tx.append(event().detail(detail).text(json!({ "note": note })))?;
            Ok(Ok((id.clone(), seen)))
        })
        .await?;
    Done::from_write(written)
}

fn parse(check: &Check) -> AppResult<(FilingState, String)> {
    let mut errors = Vec::new();
    let seen = FilingState::parse(&check.seen).filter(|state| *state != FilingState::Filed);
    if seen.is_none() {
        errors.push(FieldError::new("seen", if check.seen.is_empty() { "required" } else { "choice" }));
    }
    let note = text::paragraph(&check.note, 4, 2000).map_err(|e| errors.push(FieldError::text("note", e))).unwrap_or_default();
    if check.totp.trim().is_empty() {
        errors.push(FieldError::new(step_up::FIELD, "required"));
    }
    match seen {
        Some(seen) if errors.is_empty() => Ok((seen, note)),
        _ => Err(AppError::Invalid(errors)),
    }
}

/// Nothing typed stays nothing, so that a row shows whether there is something to open.
fn sealed(key: &Key, id: &str, column: &str, text: &str) -> Vec<u8> {
    if text.is_empty() { Vec::new() } else { key.seal(&self_recalls::context(id, column), text.as_bytes()) }
}

fn opened(key: Option<&Key>, id: &str, column: &str, sealed: &[u8]) -> Result<Option<String>, StoreError> {
    match key {
        _ if sealed.is_empty() => Ok(Some(String::new())),
        None => Ok(None),
        Some(key) => {
            let bytes: Zeroizing<Vec<u8>> = key.open(&self_recalls::context(id, column), sealed)?;
            String::from_utf8(bytes.to_vec()).map(Some).map_err(|_| StoreError::Corrupt(format!("self_recalls.{column} is not UTF-8")))
        }
    }
}

fn state_of(row: &SelfRecallRow) -> Result<FilingState, StoreError> {
    FilingState::parse(&row.state).ok_or_else(|| StoreError::Corrupt(format!("self_recalls.state: {}", row.state)))
}

/// A filing that the caller may know of: with `recall.read`, and for somebody who only requests, what they filed and what was filed of
/// messages they sent. Everything else is not found.
async fn known(app: &App, caller: &Caller, id: &str) -> AppResult<(SelfRecallRow, BroadcastRow)> {
    if !caller.may(Permission::RecallRead) {
        return Err(AppError::Forbidden(Permission::RecallRead));
    }
    let (id, me) = (id.to_owned(), recalls::own_cases_only(caller));
    let look = move |conn: &mut Conn| {
        let Some(row) = self_recalls::find(conn, &id)? else { return Ok(None) };
        let broadcast = broadcasts::find(conn, &row.broadcast_id)?.ok_or(StoreError::NotFound)?;
        let theirs = me.is_none_or(|me| row.filer_id == me || broadcast.sender_id.as_ref() == Some(&me));
        Ok(theirs.then_some((row, broadcast)))
    };
    app.store.read(look).await?.ok_or(AppError::NotFound)
}

fn line(row: &SelfRecallRow, broadcast: &BroadcastRow, filer: String) -> Result<Line, StoreError> {
    Ok(Line {
        id: row.id.clone(),
        number: row.number.clone(),
        state: state_of(row)?,
        platform: content::platform_of(broadcast)?,
        channel: broadcast.channel.clone(),
        filer,
        withdrawn_at: Instant(row.withdrawn_at),
        filed_at: Instant(row.filed_at),
    })
}

/// One filing.
///
/// # Errors
/// `Forbidden`; `NotFound`.
pub async fn load(app: &App, caller: &Caller, id: &str) -> AppResult<Filing> {
    let (row, broadcast) = known(app, caller, id).await?;
    let people: Vec<String> = [Some(row.filer_id.clone()), row.checker_id.clone()].into_iter().flatten().collect();
    let names = app.store.read(move |conn| broadcasts::names(conn, people)).await?;
    let name = |id: &String| names.get(id).cloned().unwrap_or_else(|| id.clone());
    let key = match broadcast.erased_at {
        Some(_) => None,
        None => Some(content::key_of(&app.store.keys().envelope, &broadcast)?),
    };
    let checked = match (&row.checker_id, row.checked_at) {
        (Some(by), Some(at)) => {
            Some((name(by), Instant(at), opened(key.as_ref(), &row.id, "check", row.check_sealed.as_deref().unwrap_or_default())?))
        }
        _ => None,
    };
    let me = caller.user_id.as_deref().unwrap_or_default();
    let why_not = match self_recall::may_check(state_of(&row)?, &row.filer_id, broadcast.sender_id.as_deref(), me) {
        _ if !may_check(caller) => Some("self-recall-others"),
        Err(refusal) => Some(refusal.as_str()),
        Ok(()) if broadcast.erased_at.is_some() => Some("broadcast-erased"),
        Ok(()) => None,
    };
    Ok(Filing {
        line: line(&row, &broadcast, name(&row.filer_id))?,
        extent: Extent::parse(&row.extent).ok_or_else(|| StoreError::Corrupt(format!("self_recalls.extent: {}", row.extent)))?,
        sent_at: broadcast.sent_at.map(Instant),
        recipients: u64::try_from(broadcast.recipients_count).unwrap_or_default(),
        note: opened(key.as_ref(), &row.id, "note", &row.note_sealed)?,
        broadcast: row.broadcast_id,
        checked,
        why_not,
        version: row.version,
    })
}

/// Filings on a page.
pub const PAGE: usize = 50;

/// Filings that the caller may know of, newest first, with the keys of the pages before and after, and how many there are.
///
/// # Errors
/// `Forbidden`.
pub async fn list(
    app: &App,
    caller: &Caller,
    state: Option<FilingState>,
    turn: Turn,
) -> AppResult<(Vec<Line>, (Option<String>, Option<String>), Few)> {
    list_of(app, caller, state, turn, PAGE).await
}

/// The same in pages of `size`.
///
/// # Errors
/// `Forbidden`.
pub async fn list_of(
    app: &App,
    caller: &Caller,
    state: Option<FilingState>,
    turn: Turn,
    size: usize,
) -> AppResult<(Vec<Line>, (Option<String>, Option<String>), Few)> {
    if !caller.may(Permission::RecallRead) {
        return Err(AppError::Forbidden(Permission::RecallRead));
    }
    let filter = Filter { state: state.map(|s| s.as_str().to_owned()), of_person: recalls::own_cases_only(caller), ..Filter::default() };
    let found = app.store.read(move |conn| {
        let limit = i64::try_from(size + 1).unwrap_or(i64::MAX);
        let cut = turn.cut(self_recalls::page(conn, &filter, &turn, limit)?, size);
        let edges = cut.edges(|row| row.id.clone());
        let names = broadcasts::names(conn, cut.rows.iter().map(|row| row.filer_id.clone()).collect())?;
        let mut lines = Vec::new();
        for row in &cut.rows {
            let broadcast = broadcasts::find(conn, &row.broadcast_id)?.ok_or(StoreError::NotFound)?;
            lines.push(line(row, &broadcast, names.get(&row.filer_id).cloned().unwrap_or_default())?);
        }
        Ok((lines, edges, self_recalls::few(conn, &filter)?))
    });
    Ok(found.await?)
}

/// The filings of one broadcast that the caller may know of, newest first: id, number, state.
pub async fn of_broadcast(app: &App, caller: &Caller, broadcast: &BroadcastRow) -> AppResult<Vec<(String, String, FilingState)>> {
    if !caller.may(Permission::RecallRead) {
        return Ok(Vec::new());
    }
    let id = broadcast.id.clone();
    let rows = app.store.read(move |conn| self_recalls::of_broadcast(conn, &id)).await?;
    let me = recalls::own_cases_only(caller);
    let theirs = |row: &SelfRecallRow| me.as_ref().is_none_or(|me| row.filer_id == *me || broadcast.sender_id.as_ref() == Some(me));
    let one = |row: SelfRecallRow| Ok((row.id.clone(), row.number.clone(), state_of(&row)?));
    rows.into_iter().filter(theirs).map(one).collect::<Result<_, StoreError>>().map_err(Into::into)
}
