//! Legal holds as rows. Not here: what a scope covers (`domain::retention`), who may place and release (`app::holds`).

use diesel::{dsl::exists, prelude::*};

use super::{
    Conn, StoreError,
    page::{self, Turn},
    schema::{holds, log_parts, log_search, recalls},
};
use crate::domain::retention::{Facts, HoldState, Scope};

/// A row of `holds`, in the order of its columns.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable, AsChangeset, Identifiable)]
#[diesel(table_name = holds, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct HoldRow {
    pub id: String,
    /// A word of [`HoldState`].
    pub state: String,
    /// JSON of [`Scope`]; ids and times, nothing that a person typed.
    pub scope: String,
    /// Sealed under [`reason_context`].
    pub reason_sealed: Vec<u8>,
    pub proposed_by: String,
    pub proposed_at: i64,
    pub placed_by: Option<String>,
    pub placed_at: Option<i64>,
    /// Sealed under [`release_context`].
    pub release_reason_sealed: Option<Vec<u8>>,
    pub release_proposed_by: Option<String>,
    pub release_proposed_at: Option<i64>,
    /// Who confirmed the release, or declined the proposal.
    pub ended_by: Option<String>,
    pub ended_at: Option<i64>,
    pub version: i64,
}

impl HoldRow {
    /// What it covers.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if the row was changed past the product: nothing is erased while that is so.
    pub fn scope(&self) -> Result<Scope, StoreError> {
        serde_json::from_str(&self.scope).map_err(|e| StoreError::Corrupt(format!("hold {}: {e}", self.id)))
    }

    /// # Errors
    /// As [`HoldRow::scope`].
    pub fn state(&self) -> Result<HoldState, StoreError> {
        HoldState::parse(&self.state).ok_or_else(|| StoreError::Corrupt(format!("hold {}: state {}", self.id, self.state)))
    }
}

/// What binds a sealed reason to its row.
pub fn reason_context(id: &str) -> String {
    format!("holds/{id}/reason")
}

/// What binds the sealed reason of a release to its row.
pub fn release_context(id: &str) -> String {
    format!("holds/{id}/release_reason")
}

pub fn insert(conn: &mut Conn, row: HoldRow) -> Result<(), StoreError> {
    diesel::insert_into(holds::table).values(row).execute(conn)?;
    Ok(())
}

pub fn find(conn: &mut Conn, id: &str) -> Result<Option<HoldRow>, StoreError> {
    Ok(holds::table.find(id).first(conn).optional()?)
}

/// Stores `row` over the version before it; `false` if somebody else changed it first.
pub fn replace(conn: &mut Conn, row: &HoldRow) -> Result<bool, StoreError> {
    let seen = holds::table.filter(holds::id.eq(row.id.clone())).filter(holds::version.eq(row.version - 1));
    Ok(diesel::update(seen).set(row.clone()).execute(conn)? == 1)
}

/// Holds, newest first, at most `limit`. Ids are UUIDv7 and sort by time.
pub fn page(conn: &mut Conn, turn: &Turn, limit: i64) -> Result<Vec<HoldRow>, StoreError> {
    let mut query = holds::table.into_boxed();
    query = match turn {
        Turn::First => query.order(holds::id.desc()),
        Turn::Down(key) => query.filter(holds::id.lt(key.clone())).order(holds::id.desc()),
        Turn::Up(key) => query.filter(holds::id.gt(key.clone())).order(holds::id.asc()),
    };
    Ok(page::in_order(turn, query.limit(limit).load(conn)?))
}

/// Holds that keep something, with the cases that each reaches through its broadcast.
pub struct Keeping(Vec<(Scope, Vec<String>)>);

impl Keeping {
    /// Whether any hold covers the event.
    pub fn covers(&self, event: &Facts<'_>) -> bool {
        self.0.iter().any(|(scope, cases)| scope.covers(event, cases))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Every hold that keeps something now.
pub fn keeping(conn: &mut Conn) -> Result<Keeping, StoreError> {
    let words: Vec<&str> = HoldState::ALL.iter().filter(|s| s.keeps()).map(|s| s.as_str()).collect();
    let rows: Vec<HoldRow> = holds::table.filter(holds::state.eq_any(words)).order(holds::id).load(conn)?;
    rows.into_iter().map(|row| with_cases(conn, row.scope()?)).collect::<Result<_, _>>().map(Keeping)
}

fn with_cases(conn: &mut Conn, scope: Scope) -> Result<(Scope, Vec<String>), StoreError> {
    let cases = match &scope.broadcast {
        Some(broadcast) => recalls::table.filter(recalls::broadcast_id.eq(broadcast)).select(recalls::id).load(conn)?,
        None => Vec::new(),
    };
    Ok((scope, cases))
}

/// How many events a scope covers now, and of how many of them something that could be erased is still there. By the indexes of the
/// search; what it counts is what [`Scope::covers`] says, and a test holds the two against each other.
pub fn count(conn: &mut Conn, scope: &Scope) -> Result<(i64, i64), StoreError> {
    let (scope, cases) = with_cases(conn, scope.clone())?;
    let covered = || {
        let mut query = log_search::table.into_boxed();
        if let Some(id) = scope.case.clone() {
            query = query.filter(log_search::case_id.eq(id.clone()).or(log_search::subject_kind.eq("recall").and(log_search::subject_id.eq(id))));
        }
        if let Some(id) = scope.person.clone() {
            query = query.filter(log_search::actor_id.eq(id.clone()).or(log_search::subject_kind.eq("user").and(log_search::subject_id.eq(id))));
        }
        if let Some(id) = scope.broadcast.clone() {
            let itself = log_search::subject_kind.eq("broadcast").and(log_search::subject_id.eq(id));
            query = query.filter(itself.or(log_search::case_id.assume_not_null().eq_any(cases.clone()).and(log_search::case_id.is_not_null())));
        }
        if let Some(from) = scope.from {
            query = query.filter(log_search::at.ge(from.0));
        }
        if let Some(to) = scope.to {
            query = query.filter(log_search::at.lt(to.0));
        }
        if let Some(action) = scope.action.clone() {
            query = query.filter(log_search::action.eq(action));
        }
        query
    };
    let events = covered().count().get_result(conn)?;
    let open = covered().filter(exists(log_parts::table.filter(log_parts::event_id.eq(log_search::event_id)))).count().get_result(conn)?;
    Ok((events, open))
}
