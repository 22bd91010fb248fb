//! The tree of departments: who keeps accounts adds, renames, moves and closes; each department with its people and with who can judge its
//! cases at level 1. Not here: who judges one case (`domain::recall`).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{App, AppError, AppResult, Caller, Done, FieldError, users::may_look};
use crate::{
    clock::Instant,
    domain::{
        event::{Action, Outcome, Subject},
        role::{Permission, Role},
        text,
    },
    store::{
        Conn, StoreError, Tx,
        departments::{self, DepartmentRow, InUse},
        users,
    },
};

/// A department in the tree.
#[derive(Clone, Debug)]
pub struct Department {
    pub id: String,
    pub name: String,
    pub parent_id: Option<String>,
    /// Names of those above it, from the top down.
    pub above: Vec<String>,
    /// Accounts in it that are not suspended; and with those below it.
    pub people: u64,
    pub people_below: u64,
    /// Who can judge its cases at level 1: reviewers of it, or of a department above it. Where nobody can, no case of it can be decided.
    pub reviewers: Vec<String>,
    pub closed_at: Option<Instant>,
    pub version: i64,
}

/// All departments to choose from: the open ones, each below its parent.
pub async fn choices(app: &App) -> AppResult<Vec<Department>> {
    Ok(app.store.read(|conn| tree(conn, Instant(0))).await?.into_iter().filter(|d| d.closed_at.is_none()).collect())
}

/// A department, and those above it from the bottom up; for rules about "the department and its sub-departments".
pub async fn line_of(app: &App, id: &str) -> AppResult<Vec<String>> {
    let id = id.to_owned();
    Ok(app.store.read(move |conn| departments::department_line(conn, &id)).await?)
}

/// The tree for who keeps accounts, gives roles or gives auditors' access: each department below its parent, closed ones at the end.
///
/// # Errors
/// `Forbidden`.
pub async fn list(app: &App, caller: &Caller) -> AppResult<Vec<Department>> {
    may_look(caller)?;
    let now = app.now();
    Ok(app.store.read(move |conn| tree(conn, now)).await?)
}

fn tree(conn: &mut Conn, now: Instant) -> Result<Vec<Department>, StoreError> {
    let rows: BTreeMap<String, DepartmentRow> = departments::department_list(conn)?.into_iter().map(|d| (d.id.clone(), d)).collect();
    let people = departments::department_people(conn)?;
    let reviewers = users::user_holders(conn, &[Role::DepartmentReviewer])?;
    let usable = reviewers.iter().filter(|r| r.valid_until.is_none_or(|until| now.0 < until));
    let mut of: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for reviewer in usable {
        if let Some(department) = &reviewer.department_id {
            of.entry(department).or_default().push(reviewer.name.clone());
        }
    }
    let count = |id: &str| people.get(id).map_or(0, |n| u64::try_from(*n).unwrap_or(0));
    let mut below: BTreeMap<&str, u64> = BTreeMap::new();
    let mut all = Vec::new();
    for row in rows.values() {
        let line = line(&rows, row);
        for up in &line {
            *below.entry(up.id.as_str()).or_default() += count(&row.id);
        }
        all.push((row, line));
    }
    let mut list: Vec<Department> = all
        .into_iter()
        .map(|(row, line)| Department {
            id: row.id.clone(),
            name: row.name.clone(),
            parent_id: row.parent_id.clone(),
            above: line.iter().skip(1).rev().map(|d| d.name.clone()).collect(),
            people: count(&row.id),
            people_below: below.get(row.id.as_str()).copied().unwrap_or(0),
            reviewers: line.iter().flat_map(|d| of.get(d.id.as_str()).cloned().unwrap_or_default()).collect(),
            closed_at: row.closed_at.map(Instant),
            version: row.version,
        })
        .collect();
    let path = |d: &Department| d.above.iter().chain([&d.name]).cloned().collect::<Vec<_>>();
    list.sort_by_cached_key(|d| (d.closed_at.is_some(), path(d)));
    Ok(list)
}

/// A department and those above it, from the bottom up. A loop in the data ends the walk.
fn line<'a>(rows: &'a BTreeMap<String, DepartmentRow>, row: &'a DepartmentRow) -> Vec<&'a DepartmentRow> {
    let mut line = vec![row];
    let mut at = row.parent_id.as_ref();
    while let Some(up) = at.and_then(|id| rows.get(id)).filter(|up| !line.iter().any(|d| d.id == up.id)) {
        line.push(up);
        at = up.parent_id.as_ref();
    }
    line
}

/// Adds a department below `parent_id`. Returns its id.
///
/// # Errors
/// `Forbidden`; `Invalid` on `name` or `parent`. Each is recorded.
pub async fn add(app: &App, caller: &Caller, name: &str, parent_id: Option<String>) -> AppResult<Done<String>> {
    let row = DepartmentRow::new(name, parent_id, 0);
    let id = row.id.clone();
    let done = write(app, caller, Action::DepartmentCreated, &id, name, move |tx, name| {
        let row = DepartmentRow { name: name.to_owned(), created_at: tx.now().0, ..row.clone() };
        if let Err(error) = fits(tx, &row)? {
            return Ok(Err(error));
        }
        departments::department_insert(tx.conn, &row)?;
        Ok(Ok(json!({ "after": { "name": row.name, "parent_id": row.parent_id } })))
    })
    .await?;
    Ok(Done { value: id, receipt: done.receipt })
}

/// Gives a department another name or another place in the tree, if nobody changed it since `version`.
///
/// # Errors
/// `Forbidden`; `NotFound`; `Conflict`; `Refused` with kind `department-closed`; `Invalid` on `name` or `parent` (`cycle`: below itself). Each
/// is recorded.
pub async fn change(app: &App, caller: &Caller, id: &str, version: i64, name: &str, parent_id: Option<String>) -> AppResult<Done<()>> {
    let wanted = id.to_owned();
    write(app, caller, Action::DepartmentChanged, id, name, move |tx, name| {
        let before = match current(tx, &wanted, version)? {
            Ok(row) => row,
            Err(error) => return Ok(Err(error)),
        };
        let after = DepartmentRow { name: name.to_owned(), parent_id: parent_id.clone(), version: before.version + 1, ..before.clone() };
        if let Err(error) = fits(tx, &after)? {
            return Ok(Err(error));
        }
        put(tx, &after)?;
        let shown = |row: &DepartmentRow| json!({ "name": row.name, "parent_id": row.parent_id });
        Ok(Ok(json!({ "before": shown(&before), "after": shown(&after) })))
    })
    .await
}

/// Closes a department that nobody is in, that has no open department below it and no case that is not at its end.
///
/// # Errors
/// `Forbidden`; `NotFound`; `Conflict`; `Refused` with kind `department-closed`, `department-people`, `department-below` or `department-cases`.
/// Each is recorded.
pub async fn close(app: &App, caller: &Caller, id: &str, version: i64) -> AppResult<Done<()>> {
    let wanted = id.to_owned();
    // No name is typed.
    write(app, caller, Action::DepartmentClosed, id, "-", move |tx, _| {
        let before = match current(tx, &wanted, version)? {
            Ok(row) => row,
            Err(error) => return Ok(Err(error)),
        };
        let now = tx.now().0;
        let InUse { people, below, cases } = departments::department_in_use(tx.conn, &wanted, now)?;
        let kept = [("department-people", people), ("department-below", below), ("department-cases", cases)];
        if let Some((kind, count)) = kept.into_iter().find(|(_, count)| *count > 0) {
            return Ok(Err(AppError::Refused { kind, detail: json!({ "count": count }) }));
        }
        put(tx, &DepartmentRow { closed_at: Some(now), version: before.version + 1, ..before.clone() })?;
        Ok(Ok(json!({ "name": before.name, "before": { "open": true }, "after": { "open": false } })))
    })
    .await
}

/// One write about a department: the permission, the name that was typed, then `work`, which gives the event's detail or says why not.
async fn write(
    app: &App,
    caller: &Caller,
    action: Action,
    id: &str,
    name: &str,
    work: impl Fn(&mut Tx<'_>, &str) -> Result<AppResult<Value>, StoreError> + Send + Sync + 'static,
) -> AppResult<Done<()>> {
    let about = Subject::new("department", id);
    app.require(caller, Permission::UserManage, action, about.clone()).await?;
    let name = match text::line(name, 60) {
        Ok(name) => name,
        Err(e) => {
            let error = AppError::Invalid(vec![FieldError::text("name", e)]);
            return Err(app.refuse(caller, action, about, None, error).await);
        }
    };
    let caller = caller.clone();
    let written = app
        .store
        .write(move |tx| {
            let event = caller.event(action, about.clone());
            match work(tx, &name)? {
                Ok(detail) => {
                    tx.append(event.detail(detail))?;
                    Ok(Ok(()))
                }
                Err(error) => {
                    tx.append(event.outcome(Outcome::Refused).detail(error.as_detail()))?;
                    Ok(Err(error))
                }
            }
        })
        .await?;
    Done::from_write(written)
}

/// The department as the form showed it, if it can still be changed.
fn current(tx: &mut Tx<'_>, id: &str, version: i64) -> Result<AppResult<DepartmentRow>, StoreError> {
    Ok(match departments::department_find(tx.conn, id)? {
        None => Err(AppError::NotFound),
        Some(row) if row.closed_at.is_some() => Err(AppError::refused("department-closed")),
        Some(row) if row.version != version => Err(AppError::Conflict),
        Some(row) => Ok(row),
    })
}

/// Whether a department can have its name and its place.
fn fits(tx: &mut Tx<'_>, row: &DepartmentRow) -> Result<AppResult<()>, StoreError> {
    if let Some(parent) = &row.parent_id {
        if !departments::department_is_open(tx.conn, parent)? {
            return Ok(Err(AppError::invalid("parent", "unknown")));
        }
        if departments::department_line(tx.conn, parent)?.contains(&row.id) {
            return Ok(Err(AppError::invalid("parent", "cycle")));
        }
    }
    let other = departments::department_by_name(tx.conn, &row.name)?.is_some_and(|other| other.id != row.id);
    Ok(if other { Err(AppError::invalid("name", "exists")) } else { Ok(()) })
}

fn put(tx: &mut Tx<'_>, row: &DepartmentRow) -> Result<(), StoreError> {
    // The version was read in this very transaction, so a miss is another writer's: run again.
    if departments::department_replace(tx.conn, row)? { Ok(()) } else { Err(StoreError::Serialization) }
}
