//! Accounts and their roles, as rows.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;

use super::{
    Conn, StoreError,
    kept::Keep,
    page::{self, Turn},
    schema::{counters, settings, user_roles, users},
};
use crate::domain::role::Role;

diesel::define_sql_function! {
    /// LIKE heeds the case of letters on PostgreSQL and not on SQLite; with this neither does.
    fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

/// One account. Holds a password hash and a sealed secret: no `Debug`, and never handed to a page.
#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = users)]
pub struct UserRow {
    pub id: String,
    pub username: String,
    pub display_name: String,
    pub department_id: Option<String>,
    /// `domain::account::UserState`.
    pub state: String,
    pub password_hash: Option<String>,
    /// The TOTP secret, sealed under [`totp_context`].
    pub totp_sealed: Option<Vec<u8>>,
    /// The last step spent.
    pub totp_step: i64,
    pub failures: i64,
    pub locked_until: Option<i64>,
    pub valid_until: Option<i64>,
    pub lang: Option<String>,
    pub theme: Option<String>,
    pub created_at: i64,
    pub version: i64,
    /// When the second factor was last given at a sign-in.
    pub signed_in_at: Option<i64>,
}

/// What binds a sealed TOTP secret to its row.
pub fn totp_context(user_id: &str) -> String {
    format!("users/{user_id}/totp_sealed")
}

pub fn user_find(conn: &mut Conn, id: &str) -> Result<Option<UserRow>, StoreError> {
    Ok(users::table.find(id).select(UserRow::as_select()).first(conn).optional()?)
}

pub fn user_by_name(conn: &mut Conn, username: &str) -> Result<Option<UserRow>, StoreError> {
    Ok(users::table.filter(users::username.eq(username)).select(UserRow::as_select()).first(conn).optional()?)
}

/// All accounts in the order of their usernames.
pub fn user_list(conn: &mut Conn) -> Result<Vec<UserRow>, StoreError> {
    Ok(users::table.order(users::username.asc()).select(UserRow::as_select()).load(conn)?)
}

/// Which accounts.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Part of the username or the name, in whatever case; empty for all.
    pub text: String,
    pub department: Option<String>,
    pub role: Option<Role>,
    /// A word of `domain::account::UserState`.
    pub state: Option<String>,
    /// Active ones that nobody has signed in to since.
    pub unused_since: Option<i64>,
}

/// The accounts that a filter lets through; a macro, for the type of what is narrowed has no name that is shorter.
macro_rules! narrowed {
    ($filter:expr) => {{
        let filter: &Filter = $filter;
        let mut query = users::table.into_boxed();
        if let Some(department) = &filter.department {
            query = query.filter(users::department_id.eq(department.clone()));
        }
        if let Some(role) = filter.role {
            query = query.filter(users::id.eq_any(user_roles::table.filter(user_roles::role.eq(role.as_str())).select(user_roles::user_id)));
        }
        if let Some(state) = &filter.state {
            query = query.filter(users::state.eq(state.clone()));
        }
        if let Some(since) = filter.unused_since {
            let never = users::signed_in_at.is_null().and(users::created_at.lt(since));
            query = query.filter(users::state.eq("active")).filter(users::signed_in_at.lt(since).or(never));
        }
        let text = filter.text.as_str();
        if !text.is_empty() {
            let pattern = format!("%{}%", text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"));
            let holds = || lower(pattern.clone());
            query = query.filter(lower(users::username).like(holds()).escape('\\').or(lower(users::display_name).like(holds()).escape('\\')));
        }
        query
    }};
}

/// Accounts that a filter lets through, by username, at most `limit`.
pub fn user_page(conn: &mut Conn, filter: &Filter, turn: &Turn, limit: i64) -> Result<Vec<UserRow>, StoreError> {
    let query = match turn {
        Turn::First => narrowed!(filter).order(users::username.asc()),
        Turn::Down(key) => narrowed!(filter).filter(users::username.gt(key.clone())).order(users::username.asc()),
        Turn::Up(key) => narrowed!(filter).filter(users::username.lt(key.clone())).order(users::username.desc()),
    };
    Ok(page::in_order(turn, query.limit(limit).select(UserRow::as_select()).load(conn)?))
}

/// How many accounts a filter lets through.
pub fn user_found(conn: &mut Conn, filter: &Filter) -> Result<i64, StoreError> {
    Ok(narrowed!(filter).count().get_result(conn)?)
}

pub fn user_count(conn: &mut Conn) -> Result<i64, StoreError> {
    Ok(users::table.count().get_result(conn)?)
}

pub fn user_insert(conn: &mut Conn, row: &UserRow) -> Result<(), StoreError> {
    diesel::insert_into(users::table).values(row.clone()).execute(conn)?;
    Ok(())
}

/// Whether anybody active holds a role.
pub fn is_held(conn: &mut Conn, role: Role) -> Result<bool, StoreError> {
    let holders = user_roles::table.inner_join(users::table).filter(user_roles::role.eq(role.as_str())).filter(users::state.eq("active"));
    Ok(holders.select(users::id).first::<String>(conn).optional()?.is_some())
}

pub fn user_roles(conn: &mut Conn, id: &str) -> Result<BTreeSet<Role>, StoreError> {
    let words: Vec<String> = user_roles::table.filter(user_roles::user_id.eq(id)).select(user_roles::role).load(conn)?;
    words.iter().map(|w| Role::parse(w).ok_or_else(|| StoreError::Corrupt(format!("user_roles: {w}")))).collect()
}

/// The roles of everybody.
pub fn user_roles_all(conn: &mut Conn) -> Result<BTreeMap<String, BTreeSet<Role>>, StoreError> {
    by_user(user_roles::table.select((user_roles::user_id, user_roles::role)).load(conn)?)
}

fn by_user(rows: Vec<(String, String)>) -> Result<BTreeMap<String, BTreeSet<Role>>, StoreError> {
    let mut all: BTreeMap<String, BTreeSet<Role>> = BTreeMap::new();
    for (user, word) in rows {
        let role = Role::parse(&word).ok_or_else(|| StoreError::Corrupt(format!("user_roles: {word}")))?;
        all.entry(user).or_default().insert(role);
    }
    Ok(all)
}

/// An active account and its roles.
#[derive(Clone, Debug)]
pub struct Holder {
    pub id: String,
    pub name: String,
    pub department_id: Option<String>,
    pub valid_until: Option<i64>,
    pub roles: BTreeSet<Role>,
}

/// The active accounts that hold one of `roles`, with all their roles, in the order of their usernames.
pub fn user_holders(conn: &mut Conn, roles: &[Role]) -> Result<Vec<Holder>, StoreError> {
    let one = diesel::alias!(user_roles as one_of);
    let mut found = BTreeMap::new();
    // Role by role, for a list of them would be another statement for each length of it and would not stay prepared.
    for role in roles {
        let holding = one.filter(one.field(user_roles::role).eq(role.as_str())).select(one.field(user_roles::user_id));
        let held: Vec<(String, String)> =
            user_roles::table.filter(user_roles::user_id.eq_any(holding)).select((user_roles::user_id, user_roles::role)).load(conn)?;
        let mut all = by_user(held)?;
        let rows: Vec<(String, String, String, Option<String>, Option<i64>)> = users::table
            .inner_join(user_roles::table)
            .filter(user_roles::role.eq(role.as_str()))
            .filter(users::state.eq("active"))
            .select((users::username, users::id, users::display_name, users::department_id, users::valid_until))
            .load(conn)?;
        for (username, id, name, department_id, valid_until) in rows {
            let roles = all.remove(&id).unwrap_or_default();
            found.insert(username, Holder { id, name, department_id, valid_until, roles });
        }
    }
    Ok(found.into_values().collect())
}

/// How many active accounts hold `role`.
pub fn user_count_with_role(conn: &mut Conn, role: Role) -> Result<i64, StoreError> {
    Ok(user_roles::table
        .inner_join(users::table)
        .filter(user_roles::role.eq(role.as_str()))
        .filter(users::state.eq("active"))
        .count()
        .get_result(conn)?)
}

/// Replaces the roles of an account.
pub fn user_roles_set(conn: &mut Conn, id: &str, roles: &BTreeSet<Role>) -> Result<(), StoreError> {
    diesel::delete(user_roles::table.filter(user_roles::user_id.eq(id))).execute(conn)?;
    for role in roles {
        diesel::insert_into(user_roles::table).values((user_roles::user_id.eq(id), user_roles::role.eq(role.as_str()))).execute(conn)?;
    }
    Ok(())
}

/// Changes what an administrator changes, if nobody else did since `version`; says whether it did.
pub fn user_change(
    conn: &mut Conn,
    before: &UserRow,
    display_name: &str,
    department_id: Option<&str>,
    state: &str,
    valid_until: Option<i64>,
) -> Result<bool, StoreError> {
    let n = diesel::update(users::table.filter(users::id.eq(&before.id)).filter(users::version.eq(before.version)))
        .set((
            users::display_name.eq(display_name),
            users::department_id.eq(department_id),
            users::state.eq(state),
            users::valid_until.eq(valid_until),
            users::version.eq(before.version + 1),
        ))
        .execute(conn)?;
    Ok(n == 1)
}

/// Notes a sign-in that came to its end.
pub fn user_signed_in(conn: &mut Conn, id: &str, now: i64) -> Result<(), StoreError> {
    diesel::update(users::table.find(id)).set(users::signed_in_at.eq(now)).kept().execute(conn)?;
    Ok(())
}

/// Counts a failure, or clears the count.
pub fn user_failures_set(conn: &mut Conn, id: &str, failures: i64, locked_until: Option<i64>) -> Result<(), StoreError> {
    diesel::update(users::table.find(id)).set((users::failures.eq(failures), users::locked_until.eq(locked_until))).kept().execute(conn)?;
    Ok(())
}

pub fn user_password_set(conn: &mut Conn, id: &str, hash: &str) -> Result<(), StoreError> {
    diesel::update(users::table.find(id)).set(users::password_hash.eq(hash)).execute(conn)?;
    Ok(())
}

/// Stores a sealed secret (or takes it away) and the last step spent.
pub fn user_totp_set(conn: &mut Conn, id: &str, sealed: Option<Vec<u8>>, step: i64) -> Result<(), StoreError> {
    diesel::update(users::table.find(id)).set((users::totp_sealed.eq(sealed), users::totp_step.eq(step))).execute(conn)?;
    Ok(())
}

/// Spends a step, if no later one was spent meanwhile; says whether it did.
pub fn user_totp_spend(conn: &mut Conn, id: &str, step: i64) -> Result<bool, StoreError> {
    let n = diesel::update(users::table.filter(users::id.eq(id)).filter(users::totp_step.lt(step)))
        .set(users::totp_step.eq(step))
        .kept()
        .execute(conn)?;
    Ok(n == 1)
}

pub fn user_preferences_set(conn: &mut Conn, id: &str, lang: Option<&str>, theme: Option<&str>) -> Result<(), StoreError> {
    diesel::update(users::table.find(id)).set((users::lang.eq(lang), users::theme.eq(theme))).execute(conn)?;
    Ok(())
}

/// Failures of step-up codes in a row and the lock they caused. They are counted apart from those of sign-in, which a stranger can cause.
pub fn step_up_failures(conn: &mut Conn, user_id: &str) -> Result<(i64, Option<i64>), StoreError> {
    let get = |conn: &mut Conn, name: String| counters::table.find(name).select(counters::value).first::<i64>(conn).optional();
    Ok((get(conn, failures_name(user_id))?.unwrap_or(0), get(conn, lock_name(user_id))?))
}

pub fn step_up_failures_set(conn: &mut Conn, user_id: &str, failures: i64, locked_until: Option<i64>) -> Result<(), StoreError> {
    step_up_failures_clear(conn, user_id)?;
    diesel::insert_into(counters::table).values((counters::name.eq(failures_name(user_id)), counters::value.eq(failures))).execute(conn)?;
    if let Some(until) = locked_until {
        diesel::insert_into(counters::table).values((counters::name.eq(lock_name(user_id)), counters::value.eq(until))).execute(conn)?;
    }
    Ok(())
}

pub fn step_up_failures_clear(conn: &mut Conn, user_id: &str) -> Result<(), StoreError> {
    diesel::delete(counters::table.filter(counters::name.eq(failures_name(user_id)).or(counters::name.eq(lock_name(user_id))))).execute(conn)?;
    Ok(())
}

fn failures_name(user_id: &str) -> String {
    format!("step_up_failures/{user_id}")
}

fn lock_name(user_id: &str) -> String {
    format!("step_up_locked_until/{user_id}")
}

/// Who proposed to reset an account's second factor, and when.
pub fn reset_find(conn: &mut Conn, user_id: &str) -> Result<Option<(String, i64)>, StoreError> {
    let text = settings::table.find(reset_name(user_id)).select(settings::value).first::<String>(conn).optional()?;
    let read = |text: &str| text.split_once(' ').and_then(|(by, at)| Some((by.to_owned(), at.parse().ok()?)));
    text.map(|t| read(&t).ok_or_else(|| StoreError::Corrupt("settings: a proposed reset".to_owned()))).transpose()
}

/// Keeps a proposal; a newer one takes the place of an older one.
pub fn reset_put(conn: &mut Conn, user_id: &str, by: &str, at: i64) -> Result<(), StoreError> {
    reset_clear(conn, user_id)?;
    diesel::insert_into(settings::table).values((settings::name.eq(reset_name(user_id)), settings::value.eq(format!("{by} {at}")))).execute(conn)?;
    Ok(())
}

pub fn reset_clear(conn: &mut Conn, user_id: &str) -> Result<(), StoreError> {
    diesel::delete(settings::table.find(reset_name(user_id))).execute(conn)?;
    Ok(())
}

/// A second factor that two people took away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResetDone {
    /// Microseconds.
    pub at: i64,
    pub proposed_by: String,
    pub confirmed_by: String,
}

/// Keeps that an account's second factor was reset. None is forgotten: the cases that the person decided on such a day show it.
pub fn reset_done(conn: &mut Conn, user_id: &str, done: &ResetDone) -> Result<(), StoreError> {
    let name = resets_name(user_id);
    let before: Option<String> = settings::table.find(&name).select(settings::value).first(conn).optional()?;
    let value = format!("{}{} {} {}\n", before.unwrap_or_default(), done.at, done.proposed_by, done.confirmed_by);
    diesel::delete(settings::table.find(&name)).execute(conn)?;
    diesel::insert_into(settings::table).values((settings::name.eq(name), settings::value.eq(value))).execute(conn)?;
    Ok(())
}

/// All resets of an account's second factor, oldest first.
pub fn resets_done(conn: &mut Conn, user_id: &str) -> Result<Vec<ResetDone>, StoreError> {
    let text: Option<String> = settings::table.find(resets_name(user_id)).select(settings::value).first(conn).optional()?;
    let read = |line: &str| {
        let mut words = line.split(' ');
        let (at, proposed_by, confirmed_by) = (words.next()?.parse().ok()?, words.next()?.to_owned(), words.next()?.to_owned());
        Some(ResetDone { at, proposed_by, confirmed_by })
    };
    let lines = text.as_deref().unwrap_or_default().lines();
    lines.map(|line| read(line).ok_or_else(|| StoreError::Corrupt("settings: a reset second factor".to_owned()))).collect()
}

fn resets_name(user_id: &str) -> String {
    format!("second_factor_resets_done/{user_id}")
}

fn reset_name(user_id: &str) -> String {
    format!("second_factor_reset/{user_id}")
}
