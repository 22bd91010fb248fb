//! A person as the rest of the product sees them, and how a request comes to be theirs: session, roles and department read together.

use std::collections::BTreeSet;

use super::{App, AppResult, Caller, Client, Device, FieldError, delegations::grants, recalls::own_cases_only};
use crate::{
    clock::Instant,
    domain::{
        account::{Unfit, UserState},
        event::ActorKind,
        recall::delegation::{self, Grant},
        role::{self, Permission, Role},
    },
    store::{
        Conn, StoreError, departments,
        page::Turn,
        passkeys,
        sessions::SessionRow,
        users::{self, UserRow},
    },
};

/// A person without their secrets.
#[derive(Clone, Debug)]
pub struct Person {
    pub id: String,
    pub username: String,
    pub name: String,
    pub department_id: Option<String>,
    pub department: Option<String>,
    pub roles: BTreeSet<Role>,
    /// What others handed them, of a person who asks; see [`Person::with_grants`].
    pub grants: Vec<Grant>,
    pub state: UserState,
    pub has_password: bool,
    pub has_second_factor: bool,
    /// The credentials of their passkeys; of a person who was read alone.
    pub passkeys: Vec<Vec<u8>>,
    pub valid_until: Option<Instant>,
    pub lang: Option<String>,
    pub theme: Option<String>,
    pub version: i64,
    pub signed_in_at: Option<Instant>,
}

impl Person {
    /// Whether the account may be used at `now`.
    pub fn may_sign_in(&self, now: Instant) -> bool {
        self.state == UserState::Active && self.valid_until.is_none_or(|until| now < until)
    }

    /// With what others handed them and is in force now: whoever asks has that too.
    ///
    /// # Errors
    /// Those of the store.
    pub fn with_grants(mut self, conn: &mut Conn, now: Instant) -> Result<Self, StoreError> {
        self.grants = grants::of(conn, &self.id, now)?;
        Ok(self)
    }

    /// Whether they may: by a role, or by what they received.
    pub fn may(&self, permission: Permission) -> bool {
        role::allows(&self.roles, permission) || delegation::allows(&self.grants, &self.roles, permission)
    }

    /// The person as the one who asks.
    pub fn caller(&self, session: Option<String>, client: Option<Client>, device: Option<Device>) -> Caller {
        Caller {
            kind: ActorKind::User,
            id: self.id.clone(),
            user_id: Some(self.id.clone()),
            name: self.name.clone(),
            roles: self.roles.clone(),
            grants: self.grants.clone(),
            department_id: self.department_id.clone(),
            department: self.department.clone(),
            session,
            scopes: None,
            client,
            device,
        }
    }

    pub(super) fn from_row(row: &UserRow, roles: BTreeSet<Role>, department: Option<String>) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.clone(),
            username: row.username.clone(),
            name: row.display_name.clone(),
            department_id: row.department_id.clone(),
            department,
            roles,
            grants: Vec::new(),
            state: UserState::parse(&row.state).ok_or_else(|| StoreError::Corrupt(format!("users.state: {}", row.state)))?,
            has_password: row.password_hash.is_some(),
            has_second_factor: row.totp_sealed.is_some(),
            passkeys: Vec::new(),
            valid_until: row.valid_until.map(Instant),
            lang: row.lang.clone(),
            theme: row.theme.clone(),
            version: row.version,
            signed_in_at: row.signed_in_at.map(Instant),
        })
    }
}

/// Reads a person with roles, department and passkeys.
pub fn person_find(conn: &mut Conn, id: &str) -> Result<Option<Person>, StoreError> {
    let Some(row) = users::user_find(conn, id)? else { return Ok(None) };
    let roles = users::user_roles(conn, id)?;
    let department = match &row.department_id {
        Some(d) => departments::department_find(conn, d)?.map(|d| d.name),
        None => None,
    };
    let mut person = Person::from_row(&row, roles, department)?;
    person.passkeys = passkeys::of_user(conn, id)?.into_iter().map(|row| row.credential_id).collect();
    Ok(Some(person))
}

/// Reads everybody.
pub fn person_list(conn: &mut Conn) -> Result<Vec<Person>, StoreError> {
    let names: std::collections::BTreeMap<_, _> = departments::department_list(conn)?.into_iter().map(|d| (d.id, d.name)).collect();
    let mut roles = users::user_roles_all(conn)?;
    users::user_list(conn)?
        .iter()
        .map(|row| Person::from_row(row, roles.remove(&row.id).unwrap_or_default(), row.department_id.as_ref().and_then(|d| names.get(d).cloned())))
        .collect()
}

/// Reads some: see [`users::user_page`].
pub fn person_page(conn: &mut Conn, filter: &users::Filter, turn: &Turn, limit: i64) -> Result<Vec<Person>, StoreError> {
    let names: std::collections::BTreeMap<_, _> = departments::department_list(conn)?.into_iter().map(|d| (d.id, d.name)).collect();
    let rows = users::user_page(conn, filter, turn, limit)?;
    // One query for all where it would be many.
    let mut all = if rows.len() > 100 { Some(users::user_roles_all(conn)?) } else { None };
    let mut roles = |conn: &mut Conn, id: &str| match &mut all {
        Some(all) => Ok(all.remove(id).unwrap_or_default()),
        None => users::user_roles(conn, id),
    };
    rows.iter().map(|row| Person::from_row(row, roles(conn, &row.id)?, row.department_id.as_ref().and_then(|d| names.get(d).cloned()))).collect()
}

/// The departments that lists can be narrowed by, by id, in the order of their names; none for who sees their own cases alone.
pub async fn departments(app: &App, caller: &Caller) -> AppResult<Vec<(String, String)>> {
    if !caller.may(Permission::RecallRead) || own_cases_only(caller).is_some() {
        return Ok(Vec::new());
    }
    let rows = app.store.read(departments::department_list).await?;
    let mut named: Vec<(String, String)> = rows.into_iter().map(|row| (row.id, row.name)).collect();
    named.sort_by(|a, b| a.1.cmp(&b.1));
    Ok(named)
}

/// A session with its person, as a request finds them.
#[derive(Clone)]
pub struct Signed {
    pub session: SessionRow,
    pub person: Person,
    /// The fingerprint last seen of the session's device.
    pub fingerprint: Option<String>,
}

/// The error of a username or password.
pub fn unfit(field: &'static str, unfit: Unfit) -> FieldError {
    match unfit {
        Unfit::Required => FieldError::new(field, "required"),
        Unfit::TooShort { min } => FieldError::new(field, "too-short").arg("min", min),
        Unfit::TooLong { max } => FieldError::new(field, "too-long").arg("max", max),
        Unfit::Characters => FieldError::new(field, "username-characters"),
        Unfit::ContainsName => FieldError::new(field, "password-contains-name"),
        Unfit::Guessable => FieldError::new(field, "password-guessable"),
    }
}
