//! What reviewers handed to others: one row a delegation, which only ever ends. Not here: what it lets decide (`domain::recall::delegation`).

use diesel::prelude::*;

use super::{
    Conn, StoreError,
    page::{self, Few, Turn},
    schema::delegations,
};

/// A row of `delegations`, in the order of its columns.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = delegations, treat_none_as_default_value = false)]
pub struct DelegationRow {
    pub id: String,
    pub principal_id: String,
    pub delegate_id: String,
    /// Comma-separated.
    pub levels: String,
    /// At level 1 only cases of this department and those below it.
    pub department_id: Option<String>,
    /// Why, sealed with the installation's key.
    pub reason_sealed: Vec<u8>,
    /// Microseconds, as all times.
    pub from_at: i64,
    pub until_at: i64,
    pub made_at: i64,
    /// When it was ended before its time.
    pub ended_at: Option<i64>,
    pub ended_by: Option<String>,
    /// Why, if that was said; sealed likewise.
    pub end_sealed: Option<Vec<u8>>,
}

impl DelegationRow {
    pub fn levels(&self) -> impl Iterator<Item = u8> + '_ {
        self.levels.split(',').filter_map(|level| level.parse().ok())
    }

    /// When it is over, or was.
    pub fn end(&self) -> i64 {
        self.ended_at.map_or(self.until_at, |ended| ended.min(self.until_at))
    }
}

/// What a sealed column is bound to, so that a box cannot be moved to another row.
pub fn context(id: &str, column: &str) -> String {
    format!("delegations/{id}/{column}")
}

pub fn insert(conn: &mut Conn, row: DelegationRow) -> Result<(), StoreError> {
    diesel::insert_into(delegations::table).values(row).execute(conn)?;
    Ok(())
}

pub fn find(conn: &mut Conn, id: &str) -> Result<Option<DelegationRow>, StoreError> {
    // PostgreSQL takes no NUL in a text.
    if id.contains('\0') {
        return Ok(None);
    }
    Ok(delegations::table.find(id).first(conn).optional()?)
}

/// Ends one that has not been ended; `false` if somebody was faster.
pub fn end(conn: &mut Conn, id: &str, at: i64, by: &str, why: Option<Vec<u8>>) -> Result<bool, StoreError> {
    let open = delegations::table.filter(delegations::id.eq(id)).filter(delegations::ended_at.is_null());
    let set = (delegations::ended_at.eq(Some(at)), delegations::ended_by.eq(Some(by)), delegations::end_sealed.eq(why));
    Ok(diesel::update(open).set(set).execute(conn)? == 1)
}

/// Those that run at `now`, oldest first; of one delegate, if that is asked for.
pub fn in_force(conn: &mut Conn, delegate: Option<&str>, now: i64) -> Result<Vec<DelegationRow>, StoreError> {
    let mut query = delegations::table
        .filter(delegations::ended_at.is_null())
        .filter(delegations::until_at.gt(now))
        .filter(delegations::from_at.le(now))
        .order(delegations::id.asc())
        .into_boxed();
    if let Some(delegate) = delegate {
        query = query.filter(delegations::delegate_id.eq(delegate.to_owned()));
    }
    Ok(query.load(conn)?)
}

/// Those of one person that run or are to come: given, and received.
pub fn open_of(conn: &mut Conn, person: &str, now: i64) -> Result<Vec<DelegationRow>, StoreError> {
    let theirs = delegations::principal_id.eq(person).or(delegations::delegate_id.eq(person));
    Ok(delegations::table
        .filter(theirs)
        .filter(delegations::ended_at.is_null())
        .filter(delegations::until_at.gt(now))
        .order(delegations::id.asc())
        .load(conn)?)
}

/// Whose delegations a list shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Given by them.
    By(String),
    /// Given to them.
    To(String),
    All,
}

type Query = delegations::BoxedQuery<'static, <Conn as diesel::Connection>::Backend>;

fn narrowed(whose: &Whose) -> Query {
    let query = delegations::table.into_boxed();
    match whose {
        Whose::By(person) => query.filter(delegations::principal_id.eq(person.clone())),
        Whose::To(person) => query.filter(delegations::delegate_id.eq(person.clone())),
        Whose::All => query,
    }
}

/// Newest first, at most `limit`. Ids are UUIDv7 and sort by time.
pub fn page(conn: &mut Conn, whose: &Whose, turn: &Turn, limit: i64) -> Result<Vec<DelegationRow>, StoreError> {
    let query = narrowed(whose);
    let query = match turn {
        Turn::First => query.order(delegations::id.desc()),
        Turn::Down(key) => query.filter(delegations::id.lt(key.clone())).order(delegations::id.desc()),
        Turn::Up(key) => query.filter(delegations::id.gt(key.clone())).order(delegations::id.asc()),
    };
    Ok(page::in_order(turn, query.limit(limit).load(conn)?))
}

/// How many there are.
pub fn few(conn: &mut Conn, whose: &Whose) -> Result<Few, StoreError> {
    Few::of(conn, narrowed(whose).select(delegations::id).limit(Few::LIMIT))
}
