//! Delegations (委托): a reviewer hands their deciding to somebody from a moment to a moment, for some of the levels that they hold, and may end
//! it before; the security administrator sees all and may end any. Nobody makes one for somebody else, and what was received is not handed on.
//! Not here: what a delegation lets decide (`domain::recall::delegation`), deciding (`recalls::decide`).

pub mod grants;
mod list;
pub mod mail;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use list::known;
pub(in crate::app) use list::open_of;
pub use list::{Delegation, List, PAGE, Standing, list, load};

use super::{App, AppError, AppResult, Caller, Done, FieldError, once, refused, step_up};
use crate::{
    clock::Instant,
    domain::{
        event::{Action, Subject},
        recall::{
            Guard,
            approval::LEVELS,
            delegation::{self, LONGEST},
        },
        role::{Permission, Role},
    },
    id::DelegationId,
    store::{
        Conn, StoreError,
        delegations::{self as store, DelegationRow, context},
        departments, passkeys, policies, users,
    },
};

/// A delegation, as typed.
#[derive(Clone, Debug, Default)]
pub struct NewDelegation {
    /// A user name or an id.
    pub to: String,
    /// Words of levels.
    pub levels: Vec<String>,
    /// Id of a department; empty for all that the principal decides.
    pub department: String,
    /// RFC 3339; empty for now.
    pub from: String,
    /// RFC 3339.
    pub until: String,
    pub reason: String,
    /// A fresh one-time code.
    pub totp: String,
}

/// What a form of a delegation offers to this person.
#[derive(Clone, Debug, Default)]
pub struct Offer {
    /// Levels that they hold themselves, and whether the policy lets each be delegated.
    pub levels: Vec<(u8, bool)>,
    /// Departments within their own: id and name.
    pub departments: Vec<(String, String)>,
    /// Who could receive: user name and name, at most [`CANDIDATES`].
    pub people: Vec<(String, String)>,
}

/// People that a form offers at most; others are typed.
pub const CANDIDATES: usize = 200;
fn subject(id: &str) -> Subject {
    Subject::new("delegation", id)
}

/// Whether somebody sees everybody's.
pub fn oversees(caller: &Caller) -> bool {
    caller.may(Permission::RoleManage)
}

/// The levels that somebody decides in their own name.
fn held(roles: &BTreeSet<Role>) -> Vec<u8> {
    LEVELS.into_iter().filter(|level| delegation::holds(roles, *level)).collect()
}

/// What the form offers; nothing of it to who holds no level themself.
///
/// # Errors
/// `Forbidden`, recorded.
pub async fn offer(app: &App, caller: &Caller) -> AppResult<Offer> {
    app.require(caller, Permission::RecallDecide, Action::PermissionChecked, subject("new")).await?;
    let levels = held(&caller.roles);
    if levels.is_empty() {
        return Ok(Offer::default());
    }
    let (me, own, now) = (caller.user_id.clone().unwrap_or_default(), caller.department_id.clone(), app.now());
    let found = app.store.read(move |conn| {
        let delegable = policies::in_force(conn)?.policy.delegable;
        let below: BTreeSet<String> = match own {
            Some(own) if levels.contains(&1) => departments::department_tree(conn, &own)?.into_iter().collect(),
            _ => BTreeSet::new(),
        };
        let mut departments: Vec<(String, String)> =
            departments::department_list(conn)?.into_iter().filter(|d| below.contains(&d.id)).map(|d| (d.id, d.name)).collect();
        departments.sort_by(|a, b| a.1.cmp(&b.1));
        let roles = users::user_roles_all(conn)?;
        let mut people = Vec::new();
        for user in users::user_list(conn)? {
            if people.len() < CANDIDATES && user.id != me && receives(conn, &user, roles.get(&user.id).unwrap_or(&BTreeSet::new()), now)?.is_none() {
                people.push((user.username, user.display_name));
            }
        }
        Ok(Offer { levels: levels.iter().map(|level| (*level, delegable.contains(level))).collect(), departments, people })
    });
    Ok(found.await?)
}

/// Why somebody cannot receive, or nothing if they can: the kind of an error at `to`.
fn receives(conn: &mut Conn, user: &users::UserRow, roles: &BTreeSet<Role>, now: Instant) -> Result<Option<&'static str>, StoreError> {
    Ok(if user.state != "active" || user.valid_until.is_some_and(|until| now.0 >= until) {
        Some("unknown")
    } else if !delegation::may_receive(roles) {
        Some("administers")
    } else if user.totp_sealed.is_none() && passkeys::of_user(conn, &user.id)?.is_empty() {
        Some("no-second-factor")
    } else {
        None
    })
}

/// What was typed, read as far as that needs nobody else.
struct Read {
    levels: BTreeSet<u8>,
    from: Instant,
    until: Instant,
    reason: String,
}

/// How much earlier than now a beginning may be that was typed as now.
const TYPING: std::time::Duration = std::time::Duration::from_secs(600);

fn read(new: &NewDelegation, now: Instant) -> Result<Read, Vec<FieldError>> {
    let mut errors = Vec::new();
    let levels: BTreeSet<u8> = new.levels.iter().map(|level| level.trim().parse().unwrap_or(0)).collect();
    if levels.is_empty() {
        errors.push(FieldError::new("levels", "required"));
    } else if !levels.iter().all(|level| LEVELS.contains(level)) {
        errors.push(FieldError::new("levels", "choice"));
    }
    if new.to.trim().is_empty() {
        errors.push(FieldError::new("to", "required"));
    }
    let mut time = |field, typed: &str, or: Option<Instant>| match (Instant::parse(typed.trim()), or) {
        (Some(at), _) => Some(at),
        (None, Some(or)) if typed.trim().is_empty() => Some(or),
        (None, _) => {
            errors.push(FieldError::new(field, if typed.trim().is_empty() { "required" } else { "not-a-time" }));
            None
        }
    };
    let (from, until) = (time("from", &new.from, Some(now)), time("until", &new.until, None));
    if from.is_some_and(|from| from.plus(TYPING) < now) {
        errors.push(FieldError::new("from", "in-past"));
    }
    let (from, until) = (from.unwrap_or(now).max(now), until.unwrap_or(now));
    if errors.iter().all(|e| !matches!(e.field, "from" | "until")) {
        if until <= from {
            errors.push(FieldError::new("until", "before-from"));
        } else if until.since(from) > LONGEST {
            errors.push(FieldError::new("until", "too-long-after").arg("days", LONGEST.as_secs() / 86_400));
        }
    }
    if !new.department.trim().is_empty() && !levels.contains(&1) {
        errors.push(FieldError::new("department", "only-level-1"));
    }
    let reason = super::recalls::telling("reason", &new.reason).map_err(|e| errors.push(e)).unwrap_or_default();
    if new.totp.trim().is_empty() {
        errors.push(FieldError::new(step_up::FIELD, "required"));
    }
    if errors.is_empty() { Ok(Read { levels, from, until, reason }) } else { Err(errors) }
}

/// Hands deciding to somebody. Answers the delegation's id; `id` is what a repeated request comes back to.
///
/// # Errors
/// `Forbidden`; `Invalid` on `to` (`required`, `unknown`, `oneself`, `administers`, `no-second-factor`), `levels` (`required`, `choice`,
/// `not-held`, `received`, `not-delegable`), `department` (`only-level-1`, `unknown`, `not-yours`), `from` (`not-a-time`, `in-past`), `until`
/// (`required`, `not-a-time`, `before-from`, `too-long-after`), `reason`; `Refused` with kind `received-is-not-passed-on`; those of a step-up. Each
/// is recorded.
pub async fn make(app: &App, caller: &Caller, new: NewDelegation, id: Option<DelegationId>) -> AppResult<Done<String>> {
    let id = id.unwrap_or_else(DelegationId::fresh).0;
    let action = Action::DelegationMade;
    app.require(caller, Permission::RecallDecide, action, subject(&id)).await?;
    let read = match read(&new, app.now()) {
        // Who decides on somebody's behalf alone hears that before all else.
        _ if held(&caller.roles).is_empty() => Err(AppError::refused(Guard::TransferByOwn.as_str())),
        Ok(read) => Ok(read),
        Err(errors) => Err(AppError::Invalid(errors)),
    };
    let read = match read {
        Ok(read) => read,
        Err(error) => return Err(app.refuse(caller, action, subject(&id), None, error).await),
    };
    let (caller2, ring) = (caller.clone(), app.store.keys().clone());
    let written = app
        .store
        .write(move |tx| {
            let event = || caller2.event(action, subject(&id)).text(json!({ "reason": read.reason }));
            // A program decides nothing and hands nothing on.
            let Some(me) = caller2.user_id.clone() else { return refused(tx, event(), AppError::Forbidden(Permission::RecallDecide)) };
            // The same form again, whose first run nobody heard of.
            if store::find(tx.conn, &id)?.is_some_and(|made| made.principal_id == me) {
                return Ok(Ok(id.clone()));
            }
            let now = tx.now();
            let (to, department) = match resolve(tx.conn, &caller2, &me, &new, &read, now)? {
                Ok(found) => found,
                Err(error) => return refused(tx, event(), error),
            };
            if let Err(error) = step_up::spend_totp(tx, &ring, &me, &new.totp)? {
                return refused(tx, event(), error);
            }
            let levels: Vec<String> = read.levels.iter().map(ToString::to_string).collect();
            let after = json!({
                "principal": me, "delegate": to, "levels": read.levels, "department": department,
                "from": read.from.to_rfc3339(), "until": read.until.to_rfc3339(),
            });
            let row = DelegationRow {
                reason_sealed: ring.envelope.seal(&context(&id, "reason"), read.reason.as_bytes()),
                id: id.clone(),
                principal_id: me,
                delegate_id: to,
                levels: levels.join(","),
                department_id: department,
                from_at: read.from.0,
                until_at: read.until.0,
                made_at: now.0,
                ended_at: None,
                ended_by: None,
                end_sealed: None,
            };
            store::insert(tx.conn, row)?;
            mail::wake(tx, &id, false)?;
            tx.append(event().detail(json!({ "before": Value::Null, "after": after })))?;
            Ok(Ok(id.clone()))
        })
        .await?;
    app.wake.notify_one();
    let done = Done::from_write(written)?;
    let id = done.value.clone();
    once::receipted(app, done, action, &id).await
}

/// Who receives and within which department, if that may be.
fn resolve(
    conn: &mut Conn,
    caller: &Caller,
    me: &str,
    new: &NewDelegation,
    read: &Read,
    now: Instant,
) -> Result<AppResult<(String, Option<String>)>, StoreError> {
    let mut errors = Vec::new();
    let roles = users::user_roles(conn, me)?;
    let received: BTreeSet<u8> = grants::of(conn, me, now)?.into_iter().flat_map(|grant| grant.levels).collect();
    let delegable = policies::in_force(conn)?.policy.delegable;
    for level in &read.levels {
        let kind = match level {
            level if !delegation::holds(&roles, *level) && received.contains(level) => "received",
            level if !delegation::holds(&roles, *level) => "not-held",
            level if !delegable.contains(level) => "not-delegable",
            _ => continue,
        };
        errors.push(FieldError::new("levels", kind).arg("level", level));
        break;
    }
    let wanted = new.to.trim();
    let user = match users::user_find(conn, wanted)? {
        _ if wanted.contains('\0') => None,
        Some(user) => Some(user),
        None => users::user_by_name(conn, wanted)?,
    };
    let kind = match &user {
        None => Some("unknown"),
        Some(user) if user.id == me => Some("oneself"),
        Some(user) => {
            let roles = users::user_roles(conn, &user.id)?;
            receives(conn, user, &roles, now)?
        }
    };
    errors.extend(kind.map(|kind| FieldError::new("to", kind)));
    let department = Some(new.department.trim()).filter(|d| !d.is_empty());
    if let Some(id) = department {
        let line = match departments::department_find(conn, id)? {
            Some(found) if found.closed_at.is_none() => departments::department_line(conn, id)?,
            _ => Vec::new(),
        };
        if line.is_empty() {
            errors.push(FieldError::new("department", "unknown"));
        } else if caller.department_id.as_ref().is_none_or(|own| !line.contains(own)) {
            errors.push(FieldError::new("department", "not-yours"));
        }
    }
    Ok(match user {
        Some(user) if errors.is_empty() => Ok((user.id, department.map(ToOwned::to_owned))),
        _ => Err(AppError::Invalid(errors)),
    })
}

/// Ends a delegation before its time: its principal, or with a reason who oversees them all.
///
/// # Errors
/// `NotFound` for who knows nothing of it; `Forbidden` for its delegate; `Invalid` on `reason`; `Refused` with kind `delegation-over`. Each is
/// recorded.
pub async fn end(app: &App, caller: &Caller, id: &str, reason: &str) -> AppResult<Done<()>> {
    let action = Action::DelegationEnded;
    let about = subject(&super::recalls::plain(id));
    // Who decides nothing and oversees nothing learns not even that there is no such thing.
    let nothing = !caller.may(Permission::RecallDecide) && !oversees(caller);
    let row = match known(app, caller, id).await {
        Ok(row) => row,
        Err(AppError::NotFound) if nothing => {
            return Err(app.refuse(caller, action, about, None, AppError::Forbidden(Permission::RecallDecide)).await);
        }
        Err(error) => return Err(app.refuse(caller, action, about, None, error).await),
    };
    let own = caller.user_id.as_ref() == Some(&row.principal_id);
    let reason = match (own || oversees(caller), reason.trim().is_empty() && own) {
        (false, _) => Err(AppError::Forbidden(Permission::RoleManage)),
        (true, true) => Ok(String::new()),
        (true, false) => super::recalls::telling("reason", reason).map_err(|e| AppError::Invalid(vec![e])),
    };
    let reason = match reason {
        Ok(reason) => reason,
        Err(error) => return Err(app.refuse(caller, action, about, None, error).await),
    };
    let (caller2, ring) = (caller.clone(), app.store.keys().clone());
    let written = app
        .store
        .write(move |tx| {
            let id = &row.id;
            let mut event = caller2.event(action, subject(id));
            if !reason.is_empty() {
                event = event.text(json!({ "reason": reason }));
            }
            let Some(by) = caller2.user_id.clone() else { return refused(tx, event, AppError::Forbidden(Permission::RoleManage)) };
            let now = tx.now();
            let sealed = Some(ring.envelope.seal(&context(id, "end"), reason.as_bytes())).filter(|_| !reason.is_empty());
            if row.until_at <= now.0 || !store::end(tx.conn, id, now.0, &by, sealed)? {
                return refused(tx, event, AppError::refused("delegation-over"));
            }
            mail::wake(tx, id, true)?;
            let detail = json!({
                "principal": row.principal_id, "delegate": row.delegate_id,
                "before": { "until": Instant(row.until_at).to_rfc3339() }, "after": { "until": now.to_rfc3339() },
            });
            tx.append(event.detail(detail))?;
            Ok(Ok(()))
        })
        .await?;
    app.wake.notify_one();
    Done::from_write(written)
}
