//! What people may decide on somebody's behalf, as the rules want it. What a suspended principal handed on counts for nothing, as long as they
//! are suspended. Not here: who may hand on what (`super`), what it lets decide (`domain::recall::delegation`).

use std::{collections::BTreeMap, time::Duration};

use crate::{
    app::{App, AppResult, Caller},
    clock::Instant,
    domain::event::Action,
    domain::recall::delegation::{Grant, holds, may_receive},
    id::{DepartmentId, UserId},
    store::{
        Conn, StoreError,
        delegations::{self, DelegationRow},
        recalls, search, users,
    },
};

/// So long after its end a page that was loaded before may still be answered with a refusal that shows it again.
const SHOWN_AGAIN: Duration = Duration::from_secs(24 * 3600);

/// What others handed to one person and what is in force, oldest first.
///
/// # Errors
/// Those of the store.
pub(crate) fn of(conn: &mut Conn, delegate: &str, now: Instant) -> Result<Vec<Grant>, StoreError> {
    let mut found = Vec::new();
    for row in delegations::in_force(conn, Some(delegate), now.0)? {
        found.extend(grant(conn, &row, now)?);
    }
    Ok(found)
}

/// The same for everybody, by delegate.
pub(crate) fn all(conn: &mut Conn, now: Instant) -> Result<BTreeMap<String, Vec<Grant>>, StoreError> {
    let mut found: BTreeMap<String, Vec<Grant>> = BTreeMap::new();
    for row in delegations::in_force(conn, None, now.0)? {
        let grants = grant(conn, &row, now)?;
        found.entry(row.delegate_id).or_default().extend(grants);
    }
    found.retain(|_, grants| !grants.is_empty());
    Ok(found)
}

/// Nothing where the principal cannot sign in or holds none of the levels any more: what lets nobody decide lets nobody see either.
fn grant(conn: &mut Conn, row: &DelegationRow, now: Instant) -> Result<Option<Grant>, StoreError> {
    let counts = |(grant, active): &(Grant, bool)| *active && grant.levels.iter().any(|level| holds(&grant.roles, *level));
    Ok(read(conn, row, now)?.filter(counts).map(|(grant, _)| grant))
}

/// With whether its principal can sign in.
fn read(conn: &mut Conn, row: &DelegationRow, now: Instant) -> Result<Option<(Grant, bool)>, StoreError> {
    let Some(principal) = users::user_find(conn, &row.principal_id)? else { return Ok(None) };
    let active = principal.state == "active" && principal.valid_until.is_none_or(|until| now.0 < until);
    let grant = Grant {
        id: row.id.clone(),
        roles: users::user_roles(conn, &principal.id)?,
        principal: UserId(principal.id),
        name: principal.display_name,
        department: principal.department_id.map(DepartmentId),
        levels: row.levels().collect(),
        within: row.department_id.clone().map(DepartmentId),
        from: Instant(row.from_at),
        until: Instant(row.end()),
    };
    Ok(Some((grant, active)))
}

/// The caller as the page of a case (`wanted`) showed them that this session loaded while `id` ran: with what has ended meanwhile, so that the
/// rules refuse it by name and the page comes back with what was typed. Whatever else they may do is as it is now, and what they had not opened
/// before stays closed.
///
/// # Errors
/// Those of the store.
pub async fn as_shown(app: &App, caller: &Caller, wanted: &str, id: &str) -> AppResult<Caller> {
    let mut caller = caller.clone();
    if id.is_empty() || caller.grants.iter().any(|g| g.id == id) {
        return Ok(caller);
    }
    let (id, who, now) = (id.to_owned(), caller.user_id.clone().unwrap_or_default(), app.now());
    let (wanted, Some(session)) = (wanted.to_owned(), caller.session.clone()) else { return Ok(caller) };
    let found = app.store.read(move |conn| {
        let Some(case) = recalls::find(conn, &wanted)? else { return Ok(None) };
        match search::done_in_session(conn, &session, &case.id, Action::ContentRead.as_str())? {
            true => lapsed(conn, &id, &who, now),
            false => Ok(None),
        }
    });
    let found = found.await?;
    if may_receive(&caller.roles) {
        caller.grants.extend(found);
    }
    Ok(caller)
}

/// A delegation to `delegate` that was in force lately and is not any more.
pub(crate) fn lapsed(conn: &mut Conn, id: &str, delegate: &str, now: Instant) -> Result<Option<Grant>, StoreError> {
    let Some(row) = delegations::find(conn, id)?.filter(|row| row.delegate_id == delegate && row.from_at <= now.0 && row.from_at <= row.end()) else {
        return Ok(None);
    };
    if now.since(Instant(row.end())) > SHOWN_AGAIN {
        return Ok(None);
    }
    Ok(read(conn, &row, now)?.filter(|(_, active)| *active).map(|(grant, _)| Grant { until: grant.until.min(now), ..grant }))
}
