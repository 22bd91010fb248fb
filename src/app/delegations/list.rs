//! Delegations as people see them: one, a list of them, where each stands. Not here: making and ending (`super`).

use std::collections::{BTreeMap, BTreeSet};

use super::oversees;
use crate::{
    app::{App, AppError, AppResult, Caller, Turn},
    clock::Instant,
    crypto::seal::Key,
    domain::{event::ActorKind, recall::delegation, role::Permission},
    store::{
        Conn, StoreError, broadcasts,
        delegations::{self as store, DelegationRow, Whose, context},
        departments,
        page::Few,
        users,
    },
    words,
};

words! {
    /// Where a delegation stands; words `delegation-state-<as_str>`.
    pub enum Standing {
        Coming = "coming",
        Running = "running",
        /// Its time runs, but one of the two cannot sign in, or the principal does not hold the level any more: it counts for nothing.
        Idle = "idle",
        /// Before its time.
        Ended = "ended",
        RanOut = "ran_out",
    }
}

/// One delegation for people.
#[derive(Clone, Debug)]
pub struct Delegation {
    pub id: String,
    /// Id and name.
    pub principal: (String, String),
    pub delegate: (String, String),
    pub levels: BTreeSet<u8>,
    pub department: Option<String>,
    pub from: Instant,
    pub until: Instant,
    pub made_at: Instant,
    pub standing: Standing,
    /// Before its time: when, by whom, and why if that was said.
    pub ended: Option<(Instant, String, String)>,
    pub reason: String,
    /// Whether this person may end it now.
    pub may_end: bool,
}

/// Delegations on a page.
pub const PAGE: usize = 50;

/// A delegation that the caller may know of: their own, what they received, and all for who oversees them.
pub(super) async fn known(app: &App, caller: &Caller, id: &str) -> AppResult<DelegationRow> {
    scoped(caller)?;
    let id = id.to_owned();
    let row = app.store.read(move |conn| store::find(conn, &id)).await?.ok_or(AppError::NotFound)?;
    let me = caller.user_id.as_ref();
    let theirs = me == Some(&row.principal_id) || me == Some(&row.delegate_id);
    if theirs || oversees(caller) { Ok(row) } else { Err(AppError::NotFound) }
}

/// A token needs the scope; a person sees their own whatever they may do.
fn scoped(caller: &Caller) -> AppResult<()> {
    let holds = [Permission::RecallDecide, Permission::RoleManage].iter().any(|p| caller.may(*p));
    if holds || caller.kind != ActorKind::Token { Ok(()) } else { Err(AppError::Forbidden(Permission::RecallDecide)) }
}

/// One delegation.
///
/// # Errors
/// `NotFound`.
pub async fn load(app: &App, caller: &Caller, id: &str) -> AppResult<Delegation> {
    let row = known(app, caller, id).await?;
    let (caller, key, now) = (caller.clone(), app.store.keys().envelope.clone(), app.now());
    let found = app.store.read(move |conn| shown(conn, &key, &caller, vec![row.clone()], now));
    found.await?.pop().ok_or(AppError::NotFound)
}

/// Delegations by and to this person, or all, newest first, with the keys of the pages before and after, and how many there are.
///
/// # Errors
/// `Forbidden` for who is no person, or asks for all without overseeing them.
pub async fn list(app: &App, caller: &Caller, whose: List, turn: Turn) -> AppResult<(Vec<Delegation>, (Option<String>, Option<String>), Few)> {
    let Some(me) = caller.user_id.clone() else { return Err(AppError::Forbidden(Permission::RecallDecide)) };
    scoped(caller)?;
    let whose = match whose {
        List::Given => Whose::By(me),
        List::Received => Whose::To(me),
        List::All if oversees(caller) => Whose::All,
        List::All => return Err(AppError::Forbidden(Permission::RoleManage)),
    };
    let (caller, key, now) = (caller.clone(), app.store.keys().envelope.clone(), app.now());
    let found = app.store.read(move |conn| {
        let limit = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
        let cut = turn.cut(store::page(conn, &whose, &turn, limit)?, PAGE);
        let edges = cut.edges(|row| row.id.clone());
        let few = store::few(conn, &whose)?;
        Ok((shown(conn, &key, &caller, cut.rows, now)?, edges, few))
    });
    Ok(found.await?)
}

words! {
    /// Which delegations a list shows.
    pub enum List {
        Given = "given",
        Received = "received",
        All = "all",
    }
}

/// Of one person what runs or is to come, for whoever is about to suspend them: given, and received.
///
/// # Errors
/// Those of the store.
pub(in crate::app) fn open_of(conn: &mut Conn, person: &str, now: Instant) -> Result<(usize, usize), StoreError> {
    let rows = store::open_of(conn, person, now.0)?;
    let given = rows.iter().filter(|row| row.principal_id == person).count();
    Ok((given, rows.len() - given))
}

fn shown(conn: &mut Conn, key: &Key, caller: &Caller, rows: Vec<DelegationRow>, now: Instant) -> Result<Vec<Delegation>, StoreError> {
    let people = rows.iter().flat_map(|row| [Some(row.principal_id.clone()), Some(row.delegate_id.clone()), row.ended_by.clone()]).flatten();
    let names = broadcasts::names(conn, people.collect())?;
    let named = |id: &String| (id.clone(), names.get(id).cloned().unwrap_or_default());
    let mut departments: BTreeMap<String, String> = BTreeMap::new();
    if rows.iter().any(|row| row.department_id.is_some()) {
        departments.extend(departments::department_list(conn)?.into_iter().map(|d| (d.id, d.name)));
    }
    let mut found = Vec::new();
    for row in rows {
        let own = caller.user_id.as_ref() == Some(&row.principal_id);
        let over = row.end() <= now.0;
        found.push(Delegation {
            standing: standing(conn, &row, now)?,
            principal: named(&row.principal_id),
            delegate: named(&row.delegate_id),
            levels: row.levels().collect(),
            department: row.department_id.as_ref().map(|id| departments.get(id).cloned().unwrap_or_default()),
            from: Instant(row.from_at),
            until: Instant(row.until_at),
            made_at: Instant(row.made_at),
            ended: match (row.ended_at, &row.ended_by) {
                (Some(at), Some(by)) => Some((Instant(at), named(by).1, opened(key, &row.id, "end", row.end_sealed.as_deref())?)),
                _ => None,
            },
            reason: opened(key, &row.id, "reason", Some(&row.reason_sealed))?,
            may_end: !over && (own || oversees(caller)),
            id: row.id,
        });
    }
    Ok(found)
}

fn standing(conn: &mut Conn, row: &DelegationRow, now: Instant) -> Result<Standing, StoreError> {
    if row.ended_at.is_some() {
        return Ok(Standing::Ended);
    }
    if row.until_at <= now.0 {
        return Ok(Standing::RanOut);
    }
    let active = |user: Option<users::UserRow>| user.is_some_and(|u| u.state == "active" && u.valid_until.is_none_or(|until| now.0 < until));
    let both = active(users::user_find(conn, &row.principal_id)?) && active(users::user_find(conn, &row.delegate_id)?);
    let (principal, delegate) = (users::user_roles(conn, &row.principal_id)?, users::user_roles(conn, &row.delegate_id)?);
    let counts = both && delegation::may_receive(&delegate) && row.levels().any(|level| delegation::holds(&principal, level));
    Ok(match row.from_at <= now.0 {
        _ if !counts => Standing::Idle,
        true => Standing::Running,
        false => Standing::Coming,
    })
}

fn opened(key: &Key, id: &str, column: &str, sealed: Option<&[u8]>) -> Result<String, StoreError> {
    let Some(sealed) = sealed.filter(|sealed| !sealed.is_empty()) else { return Ok(String::new()) };
    let bytes = key.open(&context(id, column), sealed)?;
    String::from_utf8(bytes.to_vec()).map_err(|_| StoreError::Corrupt(format!("delegations.{column} is no text")))
}
