//! Legal holds (诉讼保留): counsel or the audit administrator says what must not be erased while a dispute is foreseeable, and a second
//! person confirms it; releasing takes two people as well. A hold keeps from the first word on: one that had to wait could come too late.
//! Its events name the hold and not the case: who asks for a recall, or gets its evidence, need not learn what counsel foresees.
//! Not here: what a scope covers (`domain::retention`), the purge that obeys it (`app::retention`).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    App, AppError, AppResult, Caller, Done, FieldError, Turn,
    audit::{Query, saved},
    refused, retention, step_up,
};
use crate::{
    clock::Instant,
    crypto::seal::Key,
    domain::{
        event::{Action, Subject},
        retention::{HoldState, Scope},
        role::Permission,
        terms, text,
    },
    id::HoldId,
    store::{
        Conn, StoreError, Tx, broadcasts,
        holds::{self, HoldRow},
        purge,
        reader::Filter,
        recalls, users,
    },
};

/// A hold as somebody asks for it; what is empty sets no condition.
#[derive(Clone, Debug, Default)]
pub struct NewHold {
    /// Number or id of a case.
    pub case: String,
    /// User name or id of a person.
    pub person: String,
    /// Id of a broadcast.
    pub broadcast: String,
    pub from: Option<Instant>,
    /// Exclusive.
    pub to: Option<Instant>,
    pub action: String,
    /// Id of a saved search whose filters are copied; then no other condition.
    pub search: String,
    pub reason: String,
    /// A fresh one-time code.
    pub code: String,
}

/// What the second person, or who wants a release, does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Confirm that the hold is needed.
    Place,
    /// Say that it is not.
    Decline,
    /// Want it released, with a reason.
    ProposeRelease,
    /// Confirm the release.
    Release,
    /// Keep the hold after all; also who wanted the release may say so.
    DeclineRelease,
}

impl Act {
    const fn action(self) -> Action {
        match self {
            Self::Place => Action::HoldPlaced,
            Self::Decline => Action::HoldDeclined,
            Self::ProposeRelease => Action::HoldReleaseProposed,
            Self::Release => Action::HoldReleased,
            Self::DeclineRelease => Action::HoldReleaseDeclined,
        }
    }

    /// The state it starts from, and the one it leads to.
    const fn step(self) -> (HoldState, HoldState) {
        match self {
            Self::Place => (HoldState::Proposed, HoldState::Placed),
            Self::Decline => (HoldState::Proposed, HoldState::Declined),
            Self::ProposeRelease => (HoldState::Placed, HoldState::ReleaseProposed),
            Self::Release => (HoldState::ReleaseProposed, HoldState::Released),
            Self::DeclineRelease => (HoldState::ReleaseProposed, HoldState::Placed),
        }
    }
}

/// A name to show beside an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub id: String,
    pub name: String,
}

/// The search of a hold as it was when the hold was placed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Searched {
    pub name: String,
    pub query: Query,
}

/// A hold for people.
#[derive(Clone, Debug)]
pub struct Hold {
    pub id: String,
    pub state: HoldState,
    pub scope: Scope,
    /// The case's number, the person's name.
    pub case: Option<Named>,
    pub person: Option<Named>,
    pub search: Option<Searched>,
    pub reason: String,
    pub proposed: (Named, Instant),
    pub placed: Option<(Named, Instant)>,
    pub release: Option<(Named, Instant)>,
    pub release_reason: Option<String>,
    pub ended: Option<(Named, Instant)>,
    pub version: i64,
}

impl Hold {
    /// Whether `user` may be the second person of what waits now.
    pub fn may_confirm(&self, user: &str) -> bool {
        match self.state {
            HoldState::Proposed => self.proposed.0.id != user,
            HoldState::ReleaseProposed => self.release.as_ref().is_some_and(|(by, _)| by.id != user),
            _ => false,
        }
    }
}

/// How much a hold covers now: events, and those of them of which something that could be erased is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Covered {
    pub events: i64,
    pub open: i64,
}

/// Places a hold as its first person; it keeps what it covers at once.
///
/// # Errors
/// `Forbidden`; `Invalid` on `case` (`hold-empty` where no condition is given, `unknown`), `person`, `broadcast`, `action` (`unknown`),
/// `search` (`unknown`; `hold-search-alone` beside another condition), `to` (`before-from`), `reason`; those of a step-up. Each is recorded.
pub async fn propose(app: &App, caller: &Caller, new: NewHold) -> AppResult<Done<String>> {
    let id = HoldId::fresh().0;
    let subject = Subject::new("hold", id.clone());
    app.require(caller, Permission::HoldManage, Action::HoldProposed, subject.clone()).await?;
    let reason = match text::paragraph(&new.reason, 10, 2000) {
        Ok(reason) => reason,
        Err(e) => return Err(app.refuse(caller, Action::HoldProposed, subject, None, AppError::Invalid(vec![FieldError::text("reason", e)])).await),
    };
    let search = match searched(app, caller, &new).await {
        Err(error @ AppError::Invalid(_)) => return Err(app.refuse(caller, Action::HoldProposed, subject, None, error).await),
        found => found?,
    };
    let (caller, ring) = (caller.clone(), app.store.keys().clone());
    let written = app
        .store
        .write(move |tx| {
            let refuse = |tx: &mut Tx<'_>, error: AppError| refused(tx, caller.event(Action::HoldProposed, subject.clone()), error);
            let Some(by) = caller.user_id.clone() else { return refuse(tx, AppError::Forbidden(Permission::HoldManage)) };
            let scope = match resolve(tx.conn, &new)? {
                Ok(scope) => scope,
                Err(error) => return refuse(tx, error),
            };
            if let Err(error) = step_up::spend_totp(tx, &ring, &by, &new.code)? {
                return refuse(tx, error);
            }
            purge::turn(tx.conn)?;
            let text = serde_json::to_string(&scope).map_err(|e| StoreError::Event(e.to_string()))?;
            let event =
                caller.event(Action::HoldProposed, subject.clone()).detail(json!({ "after": { "state": HoldState::Proposed, "scope": scope } }));
            let mut typed = json!({ "reason": reason });
            if let Some((search, _)) = &search {
                typed["search"] = json!({ "name": search.name, "query": search.query.to_json() });
            }
            tx.append(event.text(typed))?;
            let reason = ring.envelope.seal(&holds::reason_context(&id), reason.as_bytes());
            let mut row = HoldRow::proposed(&id, text, reason, &by, tx.now());
            if let Some((search, found)) = &search {
                let typed = serde_json::to_vec(search).map_err(|e| StoreError::Event(e.to_string()))?;
                row.found = Some(serde_json::to_string(found).map_err(|e| StoreError::Event(e.to_string()))?);
                row.search_sealed = Some(ring.envelope.seal(&holds::search_context(&id), &typed));
            }
            holds::insert(tx.conn, row)?;
            Ok(Ok(id.clone()))
        })
        .await?;
    Done::from_write(written)
}

/// The saved search that a hold is asked for by, and what it finds: from here on it is the hold's own.
async fn searched(app: &App, caller: &Caller, new: &NewHold) -> AppResult<Option<(Searched, Filter)>> {
    let id = new.search.trim();
    if id.is_empty() {
        return Ok(None);
    }
    let wrong = |kind| Err(AppError::Invalid(vec![FieldError::new("search", kind)]));
    if [&new.case, &new.person, &new.broadcast, &new.action].iter().any(|text| !text.trim().is_empty()) || new.from.or(new.to).is_some() {
        return wrong("hold-search-alone");
    }
    let saved = match saved::find(app, caller, id).await {
        Err(AppError::NotFound) => return wrong("unknown"),
        found => found?,
    };
    if saved.query.names_no_case(app).await? {
        return wrong("unknown");
    }
    let found = match saved.query.filter(app).await {
        Err(AppError::Invalid(_)) => return wrong("unknown"),
        found => found?,
    };
    if found == Filter::default() {
        return wrong("hold-empty");
    }
    Ok(Some((Searched { name: saved.name, query: saved.query }, found)))
}

/// Ids for what was typed.
fn resolve(conn: &mut Conn, new: &NewHold) -> Result<AppResult<Scope>, StoreError> {
    let given = |text: &str| Some(text.trim().to_owned()).filter(|t| !t.is_empty());
    let mut errors = Vec::new();
    let mut scope = Scope { from: new.from, to: new.to, search: given(&new.search), ..Scope::default() };
    if let Some(case) = given(&new.case) {
        scope.case = recalls::find(conn, &case)?.map(|row| row.id);
        if scope.case.is_none() {
            errors.push(FieldError::new("case", "unknown"));
        }
    }
    if let Some(person) = given(&new.person) {
        let found = users::user_by_name(conn, &person)?;
        let found = if found.is_none() { users::user_find(conn, &person)? } else { found };
        scope.person = found.map(|row| row.id);
        if scope.person.is_none() {
            errors.push(FieldError::new("person", "unknown"));
        }
    }
    if let Some(broadcast) = given(&new.broadcast) {
        scope.broadcast = broadcasts::find(conn, &broadcast)?.map(|row| row.id);
        if scope.broadcast.is_none() {
            errors.push(FieldError::new("broadcast", "unknown"));
        }
    }
    if let Some(action) = given(&new.action) {
        scope.action = Action::parse(&action).map(|a| a.as_str().to_owned());
        if scope.action.is_none() {
            errors.push(FieldError::new("action", "unknown"));
        }
    }
    if new.from.zip(new.to).is_some_and(|(from, to)| to <= from) {
        errors.push(FieldError::new("to", "before-from"));
    }
    if errors.is_empty() && scope.is_empty() {
        errors.push(FieldError::new("case", "hold-empty"));
    }
    Ok(if errors.is_empty() { Ok(scope) } else { Err(AppError::Invalid(errors)) })
}

/// The second person's step, or the first of a release.
///
/// # Errors
/// `Forbidden`; `NotFound`; `Conflict` where the hold is not in the state that the act starts from or `version` is another; `Refused` with
/// kind `hold-same-person` or `hold-own-person` (who is held does not end it); `Invalid` on `reason` (a release needs one); those of a step-up. Each is recorded.
pub async fn act(app: &App, caller: &Caller, id: &str, version: i64, act: Act, reason: &str, code: &str) -> AppResult<Done<()>> {
    let subject = Subject::new("hold", id);
    app.require(caller, Permission::HoldManage, act.action(), subject.clone()).await?;
    let reason = match act {
        Act::ProposeRelease => match text::paragraph(reason, 10, 2000) {
            Ok(reason) => Some(reason),
            Err(e) => return Err(app.refuse(caller, act.action(), subject, None, AppError::Invalid(vec![FieldError::text("reason", e)])).await),
        },
        _ => None,
    };
    let (caller, ring, id, code) = (caller.clone(), app.store.keys().clone(), id.to_owned(), code.to_owned());
    let written = app
        .store
        .write(move |tx| {
            let event = || caller.event(act.action(), subject.clone());
            let Some(by) = caller.user_id.clone() else { return refused(tx, event(), AppError::Forbidden(Permission::HoldManage)) };
            let Some(before) = holds::find(tx.conn, &id)? else { return refused(tx, event(), AppError::NotFound) };
            let scope = before.scope()?;
            let refuse = |tx: &mut Tx<'_>, error: AppError| refused(tx, event(), error);
            let (from, to) = act.step();
            if before.state()? != from || before.version != version {
                return refuse(tx, AppError::Conflict);
            }
            let first = if from == HoldState::Proposed { Some(&before.proposed_by) } else { before.release_proposed_by.as_ref() };
            if matches!(act, Act::Place | Act::Decline | Act::Release) && first == Some(&by) {
                return refuse(tx, AppError::refused("hold-same-person"));
            }
            let own = scope.person.as_ref() == Some(&by) || searches_for(tx.conn, &ring.envelope, &before, &by)?;
            if matches!(act, Act::Decline | Act::ProposeRelease | Act::Release) && own {
                return refuse(tx, AppError::refused("hold-own-person"));
            }
            if let Err(error) = step_up::spend_totp(tx, &ring, &by, &code)? {
                return refuse(tx, error);
            }
            let (now, by) = (Some(tx.now().0), Some(by));
            let mut after = HoldRow { state: to.as_str().to_owned(), version: version + 1, ..before };
            match act {
                Act::Place => (after.placed_by, after.placed_at) = (by, now),
                Act::ProposeRelease => {
                    (after.release_proposed_by, after.release_proposed_at) = (by, now);
                    after.release_reason_sealed = reason.as_deref().map(|r| ring.envelope.seal(&holds::release_context(&id), r.as_bytes()));
                }
                Act::DeclineRelease => {
                    (after.release_proposed_by, after.release_proposed_at, after.release_reason_sealed) = (None, None, None);
                }
                Act::Decline | Act::Release => (after.ended_by, after.ended_at) = (by, now),
            }
            if !holds::replace(tx.conn, &after)? {
                return refuse(tx, AppError::Conflict);
            }
            if !to.keeps() {
                retention::look_again(tx)?;
            }
            let mut told = event().detail(json!({ "before": { "state": from }, "after": { "state": to }, "scope": scope }));
            if let Some(reason) = &reason {
                told = told.text(json!({ "reason": reason }));
            }
            tx.append(told)?;
            Ok(Ok(()))
        })
        .await?;
    Done::from_write(written)
}

/// Whether the search of a hold asks for this person: for their account, or by terms that are all of their id, user name or name, as the search
/// itself compares them.
fn searches_for(conn: &mut Conn, envelope: &Key, hold: &HoldRow, user: &str) -> Result<bool, StoreError> {
    let Some(Query { actor, object, words, .. }) = typed_of(envelope, hold)?.map(|search| search.query) else { return Ok(false) };
    let mut theirs = BTreeSet::new();
    let names = users::user_find(conn, user)?.map(|row| [row.username, row.display_name]);
    for name in names.iter().flatten().map(String::as_str).chain([user]) {
        terms::of_name(name, |term| {
            theirs.insert(term.to_owned());
        });
    }
    let names_them = |text: &str| {
        let asked = terms::asked(text);
        !asked.is_empty() && asked.iter().all(|term| theirs.contains(term))
    };
    Ok(object.trim() == user || names_them(&actor) || names_them(&words))
}

/// The search of a hold as it was typed.
fn typed_of(envelope: &Key, hold: &HoldRow) -> Result<Option<Searched>, StoreError> {
    let Some(sealed) = &hold.search_sealed else { return Ok(None) };
    let bytes = envelope.open(&holds::search_context(&hold.id), sealed)?;
    serde_json::from_slice(&bytes).map(Some).map_err(|e| StoreError::Corrupt(format!("hold {}: {e}", hold.id)))
}

/// How long a page waits for words to be made, so that a hold by words can be counted.
const WAIT: std::time::Duration = std::time::Duration::from_secs(3);

/// Who may look at holds: who places them and who reads the trail.
async fn may_look(app: &App, caller: &Caller) -> AppResult<()> {
    if caller.may(Permission::HoldManage) {
        return Ok(());
    }
    app.require(caller, Permission::AuditRead, Action::PermissionChecked, Subject::new("hold", "all")).await
}

/// Whether the caller may place and release holds.
///
/// # Errors
/// `Forbidden`, recorded.
pub async fn may_manage(app: &App, caller: &Caller) -> AppResult<()> {
    app.require(caller, Permission::HoldManage, Action::PermissionChecked, Subject::new("hold", "new")).await
}

/// Holds on a page.
pub const PAGE: usize = 50;

/// Holds, newest first, with the keys of the pages before and after.
///
/// # Errors
/// `Forbidden`.
pub async fn list(app: &App, caller: &Caller, turn: Turn) -> AppResult<(Vec<Hold>, (Option<String>, Option<String>))> {
    may_look(app, caller).await?;
    let ring = app.store.keys().clone();
    let limit = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
    let found = app.store.read(move |conn| {
        let cut = turn.cut(holds::page(conn, &turn, limit)?, PAGE);
        let edges = cut.edges(|row| row.id.clone());
        let rows = cut.rows.into_iter().map(|row| shown(conn, &ring.envelope, row)).collect::<Result<_, _>>()?;
        Ok((rows, edges))
    });
    Ok(found.await?)
}

/// One hold, and how much it covers now.
///
/// # Errors
/// `Forbidden`; `NotFound`.
pub async fn load(app: &App, caller: &Caller, id: &str) -> AppResult<(Hold, Covered)> {
    may_look(app, caller).await?;
    if let Err(e) = app.store.read_words(WAIT).await {
        tracing::warn!(error = %e, "a hold by words is counted as far as there are some");
    }
    let (id, ring) = (id.to_owned(), app.store.keys().clone());
    let found = app.store.read(move |conn| {
        let Some(row) = holds::find(conn, &id)? else { return Ok(None) };
        let (events, open) = holds::count_of(conn, &row)?;
        let hold = shown(conn, &ring.envelope, row)?;
        Ok(Some((hold, Covered { events, open })))
    });
    found.await?.ok_or(AppError::NotFound)
}

fn shown(conn: &mut Conn, envelope: &Key, row: HoldRow) -> Result<Hold, StoreError> {
    let text = |context: String, sealed: &[u8]| -> Result<String, StoreError> {
        Ok(String::from_utf8_lossy(&envelope.open(&context, sealed)?).into_owned())
    };
    let mut person = |id: &str| -> Result<Named, StoreError> {
        let name = users::user_find(conn, id)?.map_or_else(|| id.to_owned(), |user| user.display_name);
        Ok(Named { id: id.to_owned(), name })
    };
    let mut step = |by: &Option<String>, at: Option<i64>| -> Result<Option<(Named, Instant)>, StoreError> {
        by.as_deref().zip(at).map(|(by, at)| Ok((person(by)?, Instant(at)))).transpose()
    };
    let placed = step(&row.placed_by, row.placed_at)?;
    let release = step(&row.release_proposed_by, row.release_proposed_at)?;
    let ended = step(&row.ended_by, row.ended_at)?;
    let (scope, state, search) = (row.scope()?, row.state()?, typed_of(envelope, &row)?);
    let proposed = (person(&row.proposed_by)?, Instant(row.proposed_at));
    Ok(Hold {
        person: scope.person.as_deref().map(&mut person).transpose()?,
        case: match &scope.case {
            Some(id) => recalls::find(conn, id)?.map(|case| Named { id: case.id, name: case.number }),
            None => None,
        },
        reason: text(holds::reason_context(&row.id), &row.reason_sealed)?,
        release_reason: row.release_reason_sealed.as_deref().map(|sealed| text(holds::release_context(&row.id), sealed)).transpose()?,
        id: row.id,
        state,
        scope,
        search,
        proposed,
        placed,
        release,
        ended,
        version: row.version,
    })
}
