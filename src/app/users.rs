//! Accounts of other people: list, add from the shell, change, roles, suspend. Their departments are in `app::departments`.
//! The system administrator keeps accounts, the security administrator gives roles, the audit administrator gives auditors' access. One's own
//! account is in `app::account`.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};

use super::{
    App, AppError, AppResult, Caller, Done, FieldError, Turn, duties,
    passwords::hash_password,
    people::{self, Person, unfit},
    setup::{account_row, check_roles, words},
};
use crate::{
    clock::Instant,
    domain::{
        account::{self, UserState},
        event::{Action, Event, Outcome, Subject},
        role::{Permission, Role},
        text,
    },
    id::UserId,
    store::{
        StoreError, Tx,
        departments::{self, DepartmentRow},
        sessions,
        users::{self, UserRow},
    },
};

/// An account as the shell makes it.
#[derive(Clone, Default)]
pub struct NewUser {
    pub username: String,
    pub display_name: String,
    pub roles: BTreeSet<Role>,
    /// Name of a department; made if there is none of that name.
    pub department: Option<String>,
    pub password: Option<String>,
    /// Base32.
    pub totp_secret: Option<String>,
    pub valid_until: Option<Instant>,
}

/// Adds an account, from the machine's shell or the demonstration: roles and secrets as given. Returns its id.
///
/// # Errors
/// `Invalid` on `username`, `display_name`, `password`, `totp_secret` or `roles` (two administrations in one person among them); recorded.
pub async fn add(app: &App, caller: &Caller, new: NewUser) -> AppResult<Done<String>> {
    let id = UserId::fresh();
    let about = Subject::new("user", id.as_str());
    if caller.kind != crate::domain::event::ActorKind::System {
        return Err(app.refuse(caller, Action::UserCreated, about, None, AppError::Forbidden(Permission::RoleManage)).await);
    }
    let checked = match check(&new) {
        Ok(checked) => checked,
        Err(error) => return Err(app.refuse(caller, Action::UserCreated, about, None, error).await),
    };
    let phc = match &new.password {
        Some(password) => Some(hash_password(app, password.clone()).await?),
        None => None,
    };
    let (caller, ring, value) = (caller.clone(), app.store.keys().clone(), id.0.clone());
    let written = app
        .store
        .write(move |tx| {
            let now = tx.now();
            let Checked { username, name, department, secret } = &checked;
            if users::user_by_name(tx.conn, username)?.is_some() {
                let error = AppError::invalid("username", "exists");
                tx.append(caller.event(Action::UserCreated, about.clone()).outcome(Outcome::Refused).detail(error.as_detail()))?;
                return Ok(Err(error));
            }
            let department_id = match department {
                Some(name) => Some(department_named(tx, name)?),
                None => None,
            };
            let mut row = account_row(&id, username, name, department_id.clone(), phc.clone(), now);
            row.valid_until = new.valid_until.map(|u| u.0);
            row.totp_sealed = secret.as_ref().map(|s| ring.envelope.seal(&users::totp_context(id.as_str()), s));
            users::user_insert(tx.conn, &row)?;
            users::user_roles_set(tx.conn, id.as_str(), &new.roles)?;
            let after = json!({
                "username": username, "name": name, "roles": words(&new.roles), "department": department, "state": row.state,
                "password": row.password_hash.is_some(), "second_factor": row.totp_sealed.is_some(),
                "valid_until": new.valid_until.map(Instant::to_rfc3339),
            });
            tx.append(caller.event(Action::UserCreated, about.clone()).detail(json!({ "after": after })))?;
            Ok(Ok(()))
        })
        .await?;
    let done = Done::from_write(written)?;
    Ok(Done { value, receipt: done.receipt })
}

#[derive(Clone)]
struct Checked {
    username: String,
    name: String,
    department: Option<String>,
    secret: Option<Vec<u8>>,
}

fn check(new: &NewUser) -> AppResult<Checked> {
    let mut errors = Vec::new();
    let username = account::username(&new.username).map_err(|e| errors.push(unfit("username", e))).unwrap_or_default();
    let name = text::line(&new.display_name, 60).map_err(|e| errors.push(FieldError::text("display_name", e))).unwrap_or_default();
    let department = new.department.as_deref().map(|d| text::line(d, 60)).transpose().unwrap_or_else(|e| {
        errors.push(FieldError::text("department", e));
        None
    });
    if let Some(password) = &new.password
        && let Err(e) = account::password(password, &username)
    {
        errors.push(unfit("password", e));
    }
    let secret = new.totp_secret.as_deref().map(crate::crypto::totp::from_base32);
    if secret == Some(None) {
        errors.push(FieldError::new("totp_secret", "base32"));
    }
    if let Err(AppError::Invalid(more)) = check_roles(&new.roles) {
        errors.extend(more);
    }
    if errors.is_empty() { Ok(Checked { username, name, department, secret: secret.flatten() }) } else { Err(AppError::Invalid(errors)) }
}

fn department_named(tx: &mut Tx<'_>, name: &str) -> Result<String, StoreError> {
    if let Some(found) = departments::department_by_name(tx.conn, name)? {
        return Ok(found.id);
    }
    let row = DepartmentRow::new(name, None, tx.now().0);
    departments::department_insert(tx.conn, &row)?;
    Ok(row.id)
}

/// Everybody, for who keeps accounts, gives roles or gives auditors' access.
pub async fn list(app: &App, caller: &Caller) -> AppResult<Vec<Person>> {
    may_look(caller)?;
    Ok(app.store.read(people::person_list).await?)
}

/// People of a page of the list.
pub const PAGE: usize = 50;

pub use crate::store::users::Filter;

/// After so long without a sign-in an account is called unused.
pub const UNUSED: Duration = Duration::from_secs(90 * 86_400);

/// A page of the list.
pub struct PeoplePage {
    pub people: Vec<Person>,
    /// The usernames that the pages before and after lie beside, where there are such pages.
    pub above: Option<String>,
    pub below: Option<String>,
    /// How many accounts there are in all.
    pub all: u64,
}

/// A page of those that `filter` lets through, in the order of usernames; for who keeps accounts or gives roles.
///
/// # Errors
/// `Forbidden`.
pub async fn page(app: &App, caller: &Caller, filter: Filter, turn: Turn) -> AppResult<PeoplePage> {
    piece(app, caller, filter, turn, PAGE).await
}

/// The same with at most `size` people.
pub(super) async fn piece(app: &App, caller: &Caller, mut filter: Filter, turn: Turn, size: usize) -> AppResult<PeoplePage> {
    may_look(caller)?;
    filter.text = filter.text.trim().to_owned();
    let limit = i64::try_from(size + 1).unwrap_or(i64::MAX);
    let (found, all) =
        app.store.read(move |conn| Ok((turn.cut(people::person_page(conn, &filter, &turn, limit)?, size), users::user_count(conn)?))).await?;
    let (above, below) = found.edges(|p| p.username.clone());
    Ok(PeoplePage { people: found.rows, above, below, all: u64::try_from(all).unwrap_or(0) })
}

/// How many people `filter` lets through.
pub(super) async fn count(app: &App, caller: &Caller, mut filter: Filter) -> AppResult<u64> {
    may_look(caller)?;
    filter.text = filter.text.trim().to_owned();
    let found = app.store.read(move |conn| users::user_found(conn, &filter)).await?;
    Ok(u64::try_from(found).unwrap_or(0))
}

/// One person, for the same people.
pub async fn get(app: &App, caller: &Caller, id: &str) -> AppResult<Person> {
    may_look(caller)?;
    let id = id.to_owned();
    app.store.read(move |conn| people::person_find(conn, &id)).await?.ok_or(AppError::NotFound)
}

/// Whether the caller invites people; for pages that lead to it.
///
/// # Errors
/// `Forbidden`.
pub fn may_invite(caller: &Caller) -> AppResult<()> {
    if caller.may(Permission::UserManage) { Ok(()) } else { Err(AppError::Forbidden(Permission::UserManage)) }
}

/// Each of these is enough to see everybody.
pub(super) const LOOK: [Permission; 3] = [Permission::UserManage, Permission::RoleManage, Permission::AuditorManage];

pub(super) fn may_look(caller: &Caller) -> AppResult<()> {
    if LOOK.iter().any(|p| caller.may(*p)) { Ok(()) } else { Err(AppError::Forbidden(Permission::UserManage)) }
}

/// What changes on an account.
#[derive(Clone, Debug)]
pub enum Change {
    /// Roles but the auditor's; the security administrator's.
    Roles(BTreeSet<Role>),
    /// Auditors' access: from now until an instant, or ended (`None`); the audit administrator's.
    AuditAccess(Option<Instant>),
    /// Name and department; the system administrator's.
    Details { display_name: String, department_id: Option<String> },
    /// Suspension ends every session at once; the system administrator's.
    State(UserState),
    /// The same from a page that showed what rests on the person: `seen` is the mark of that list ([`duties::Duties::mark`]).
    Suspension { seen: String },
}

impl Change {
    fn permission(&self) -> Permission {
        match self {
            Self::Roles(_) => Permission::RoleManage,
            Self::AuditAccess(_) => Permission::AuditorManage,
            Self::Details { .. } | Self::State(_) | Self::Suspension { .. } => Permission::UserManage,
        }
    }

    fn action(&self) -> Action {
        match self {
            Self::State(UserState::Suspended) | Self::Suspension { .. } => Action::UserSuspended,
            _ => Action::UserChanged,
        }
    }
}

/// Changes an account, if nobody else did since `version` (`None`: whatever it is now, for the shell).
///
/// # Errors
/// `Forbidden`; `NotFound`; `Conflict`; `Refused` with kind `own-account`, `last-administrator`, `auditor-elsewhere` (the auditor's role is
/// not the security administrator's to give or take), `auditor-other-roles`, `no-audit-access` or `duties-unseen`; `Invalid` on `roles`, `display_name`,
/// `department` or `valid_until`. Each is recorded.
pub async fn change(app: &App, caller: &Caller, user_id: &str, version: Option<i64>, change: Change) -> AppResult<Done<()>> {
    let about = Subject::new("user", user_id);
    app.require(caller, change.permission(), change.action(), about.clone()).await?;
    let (caller, user_id) = (caller.clone(), user_id.to_owned());
    let written = app
        .store
        .write(move |tx| {
            let refused = match apply(tx, &caller, &user_id, version, &change)? {
                Ok(event) => {
                    tx.append(event)?;
                    return Ok(Ok(()));
                }
                Err(error) => error,
            };
            tx.append(caller.event(change.action(), about.clone()).outcome(Outcome::Refused).detail(refused.as_detail()))?;
            Ok(Err(refused))
        })
        .await?;
    Done::from_write(written)
}

/// Records that somebody posted a role that does not exist, and gives the refusal.
pub async fn refuse_roles(app: &App, caller: &Caller, user_id: &str) -> AppError {
    app.refuse(caller, Action::UserChanged, Subject::new("user", user_id), None, AppError::invalid("roles", "unknown")).await
}

/// Makes the change and gives its event, or says why not before anything was written.
fn apply(tx: &mut Tx<'_>, caller: &Caller, user_id: &str, version: Option<i64>, change: &Change) -> Result<AppResult<Event>, StoreError> {
    let Some(row) = users::user_find(tx.conn, user_id)? else { return Ok(Err(AppError::NotFound)) };
    if version.is_some_and(|v| v != row.version) {
        return Ok(Err(AppError::Conflict));
    }
    let own = caller.user_id.as_deref() == Some(user_id);
    let roles = users::user_roles(tx.conn, user_id)?;
    let about = Subject::new("user", user_id);
    let event = caller.event(change.action(), about);
    let changed = match change {
        Change::Roles(wanted) => {
            if own {
                return Ok(Err(AppError::refused("own-account")));
            }
            if let Err(error) = check_roles(wanted) {
                return Ok(Err(error));
            }
            if roles.contains(&Role::Auditor) || wanted.contains(&Role::Auditor) {
                return Ok(Err(AppError::refused("auditor-elsewhere")));
            }
            for role in roles.iter().filter(|r| r.is_administrator() && !wanted.contains(r)) {
                if is_last(tx, *role, &row.state)? {
                    return Ok(Err(AppError::refused("last-administrator")));
                }
            }
            roles_change(tx, &row, &roles, wanted, row.valid_until)?.map(|detail| event.detail(detail))
        }
        Change::AuditAccess(until) => {
            if own {
                return Ok(Err(AppError::refused("own-account")));
            }
            let refused = match until {
                Some(until) if *until <= tx.now() => Some(AppError::invalid("valid_until", "past")),
                Some(_) if roles.iter().any(|r| *r != Role::Auditor) => Some(AppError::refused("auditor-other-roles")),
                None if !roles.contains(&Role::Auditor) => Some(AppError::refused("no-audit-access")),
                _ => None,
            };
            if let Some(error) = refused {
                return Ok(Err(error));
            }
            let wanted = if until.is_some() { BTreeSet::from([Role::Auditor]) } else { BTreeSet::new() };
            roles_change(tx, &row, &roles, &wanted, until.map(|u| u.0))?.map(|detail| event.detail(detail))
        }
        Change::Details { display_name, department_id } => {
            let name = match text::line(display_name, 60) {
                Ok(name) => name,
                Err(e) => return Ok(Err(AppError::Invalid(vec![FieldError::text("display_name", e)]))),
            };
            if let Some(d) = department_id
                && !departments::department_is_open(tx.conn, d)?
            {
                return Ok(Err(AppError::invalid("department", "unknown")));
            }
            let ok = users::user_change(tx.conn, &row, &name, department_id.as_deref(), &row.state, row.valid_until)?;
            ok.then(|| {
                event.detail(json!({
                    "before": { "name": row.display_name, "department_id": row.department_id },
                    "after": { "name": name, "department_id": department_id },
                }))
            })
        }
        Change::State(UserState::Suspended) | Change::Suspension { .. } => {
            if own {
                return Ok(Err(AppError::refused("own-account")));
            }
            for role in roles.iter().filter(|r| r.is_administrator()) {
                if is_last(tx, *role, &row.state)? {
                    return Ok(Err(AppError::refused("last-administrator")));
                }
            }
            return suspend(tx, &row, change, event);
        }
        Change::State(state) => {
            if own {
                return Ok(Err(AppError::refused("own-account")));
            }
            if let Some(d) = &row.department_id
                && !departments::department_is_open(tx.conn, d)?
            {
                return Ok(Err(AppError::refused("department-closed")));
            }
            let ok = users::user_change(tx.conn, &row, &row.display_name, row.department_id.as_deref(), state.as_str(), row.valid_until)?;
            ok.then(|| event.detail(json!({ "before": { "state": row.state }, "after": { "state": state.as_str() }, "sessions_ended": 0 })))
        }
    };
    // The version was read in this very transaction, so a miss is another writer's: run again.
    changed.map(Ok).ok_or(StoreError::Serialization)
}

/// Suspends somebody: their sessions end, and who else can do what waited for them is told.
fn suspend(tx: &mut Tx<'_>, row: &UserRow, change: &Change, event: Event) -> Result<AppResult<Event>, StoreError> {
    let now = tx.now();
    let duties = duties::find(tx.conn, &row.id, now)?.unwrap_or_default();
    if let Change::Suspension { seen } = change
        && !duties.was_seen(seen)
    {
        return Ok(Err(AppError::refused("duties-unseen")));
    }
    let state = UserState::Suspended.as_str();
    if !users::user_change(tx.conn, row, &row.display_name, row.department_id.as_deref(), state, row.valid_until)? {
        return Err(StoreError::Serialization);
    }
    let ended = sessions::session_close_all(tx.conn, &row.id, None, now.0)?;
    let told = duties::tell_others(tx, &row.id, &duties)?;
    Ok(Ok(event.detail(json!({
        "before": { "state": row.state }, "after": { "state": state }, "sessions_ended": ended, "waiting": duties.counts(), "cases_told": told,
    }))))
}

/// Sets roles and the account's end; before and after, or nothing where another writer was faster.
fn roles_change(
    tx: &mut Tx<'_>,
    row: &UserRow,
    before: &BTreeSet<Role>,
    after: &BTreeSet<Role>,
    valid_until: Option<i64>,
) -> Result<Option<Value>, StoreError> {
    users::user_roles_set(tx.conn, &row.id, after)?;
    let changed = users::user_change(tx.conn, row, &row.display_name, row.department_id.as_deref(), &row.state, valid_until)?;
    let until = |u: Option<i64>| u.map(|u| Instant(u).to_rfc3339());
    Ok(changed.then(|| {
        json!({
            "before": { "roles": words(before), "valid_until": until(row.valid_until) },
            "after": { "roles": words(after), "valid_until": until(valid_until) },
        })
    }))
}

fn is_last(tx: &mut Tx<'_>, role: Role, state: &str) -> Result<bool, StoreError> {
    Ok(state == UserState::Active.as_str() && users::user_count_with_role(tx.conn, role)? <= 1)
}
