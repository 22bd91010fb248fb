//! Legal holds as rows. Not here: what a scope covers (`domain::retention`), who may place and release (`app::holds`).

use diesel::{dsl::exists, prelude::*};

use super::{
    Conn, StoreError,
    page::{self, Turn},
    schema::{holds, log_parts, log_search, recalls, tokens},
};
use crate::{
    clock::Instant,
    domain::retention::{Facts, HoldState, Reach, Scope},
};

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
    /// A hold that its first person has just placed; `scope` is JSON of [`Scope`].
    pub fn proposed(id: &str, scope: String, reason_sealed: Vec<u8>, by: &str, at: Instant) -> Self {
        Self {
            id: id.to_owned(),
            state: HoldState::Proposed.as_str().to_owned(),
            scope,
            reason_sealed,
            proposed_by: by.to_owned(),
            proposed_at: at.0,
            placed_by: None,
            placed_at: None,
            release_reason_sealed: None,
            release_proposed_by: None,
            release_proposed_at: None,
            ended_by: None,
            ended_at: None,
            version: 1,
        }
    }

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

/// Holds that keep something, with what each reaches.
pub struct Keeping(Vec<(Scope, Reach)>);

impl Keeping {
    /// Whether any hold covers the event.
    pub fn covers(&self, event: &Facts<'_>) -> bool {
        self.0.iter().any(|(scope, reach)| scope.covers(event, reach))
    }

    /// Whether any hold covers a trace of `person` beside the log, from `first` to `last`.
    pub fn covers_trace(&self, person: &str, first: i64, last: i64) -> bool {
        self.0.iter().any(|(scope, _)| scope.covers_trace(person, Instant(first), Instant(last)))
    }
}

fn words_that_keep() -> Vec<&'static str> {
    HoldState::ALL.iter().filter(|s| s.keeps()).map(|s| s.as_str()).collect()
}

/// Whether any hold keeps something now.
pub fn any(conn: &mut Conn) -> Result<bool, StoreError> {
    Ok(diesel::select(diesel::dsl::exists(holds::table.filter(holds::state.eq_any(words_that_keep())))).get_result(conn)?)
}

/// Every hold that keeps something now.
pub fn keeping(conn: &mut Conn) -> Result<Keeping, StoreError> {
    let words = words_that_keep();
    let rows: Vec<HoldRow> = holds::table.filter(holds::state.eq_any(words)).order(holds::id).load(conn)?;
    let with_reach = |row: HoldRow| {
        let scope = row.scope()?;
        let reach = reach(conn, &scope)?;
        Ok((scope, reach))
    };
    rows.into_iter().map(with_reach).collect::<Result<_, StoreError>>().map(Keeping)
}

fn reach(conn: &mut Conn, scope: &Scope) -> Result<Reach, StoreError> {
    Ok(Reach {
        cases: match &scope.broadcast {
            Some(broadcast) => recalls::table.filter(recalls::broadcast_id.eq(broadcast)).select(recalls::id).load(conn)?,
            None => Vec::new(),
        },
        broadcast: match &scope.case {
            Some(case) => recalls::table.find(case).select(recalls::broadcast_id).first(conn).optional()?,
            None => None,
        },
        tokens: match &scope.person {
            Some(person) => tokens::table.filter(tokens::user_id.eq(person)).select(tokens::id).load(conn)?,
            None => Vec::new(),
        },
    })
}

/// How many events a scope covers now, and of how many of them something that could be erased is still there. By the indexes of the
/// search; what it counts is what [`Scope::covers`] says, and a test holds the two against each other.
pub fn count(conn: &mut Conn, scope: &Scope) -> Result<(i64, i64), StoreError> {
    let reach = reach(conn, scope)?;
    let covered = || {
        let mut query = log_search::table.into_boxed();
        if let Some(id) = scope.case.clone() {
            let of_case = log_search::case_id.assume_not_null().eq(id.clone()).and(log_search::case_id.is_not_null());
            let itself = log_search::subject_kind.eq("recall").and(log_search::subject_id.eq(id));
            let broadcast = reach.broadcast.clone().unwrap_or_default();
            let message = log_search::subject_kind.eq("broadcast").and(log_search::subject_id.eq(broadcast));
            query = query.filter(of_case.or(itself).or(message));
        }
        if let Some(id) = scope.person.clone() {
            let theirs: Vec<String> = reach.tokens.iter().cloned().chain([id.clone()]).collect();
            let account = log_search::subject_kind.eq("user").and(log_search::subject_id.eq(id));
            let token = log_search::subject_kind.eq("token").and(log_search::subject_id.eq_any(reach.tokens.clone()));
            query = query.filter(log_search::actor_id.eq_any(theirs).or(account).or(token));
        }
        if let Some(id) = scope.broadcast.clone() {
            let itself = log_search::subject_kind.eq("broadcast").and(log_search::subject_id.eq(id));
            let of_case = log_search::case_id.assume_not_null().eq_any(reach.cases.clone()).and(log_search::case_id.is_not_null());
            query = query.filter(itself.or(of_case));
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
