//! Legal holds as rows. Not here: what a scope covers (`domain::retention`), who may place and release (`app::holds`).

use std::collections::{BTreeMap, BTreeSet};

use diesel::{dsl::exists, prelude::*};

use super::{
    Conn, StoreError, erased,
    find::{self, Filter},
    page::{self, Turn},
    part_keys,
    schema::{holds, log_parts, log_search, recalls, tokens},
};
use crate::{
    clock::Instant,
    domain::retention::{Facts, HoldState, Reach, STEPS, Scope},
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
    /// JSON of [`Filter`]: what a hold by a search finds, as ids, times and marks.
    pub found: Option<String>,
    /// The search as it was typed, sealed under [`search_context`].
    pub search_sealed: Option<Vec<u8>>,
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
            found: None,
            search_sealed: None,
        }
    }

    /// What it covers.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if the row was changed past the product: nothing is erased while that is so.
    pub fn scope(&self) -> Result<Scope, StoreError> {
        serde_json::from_str(&self.scope).map_err(|e| StoreError::Corrupt(format!("hold {}: {e}", self.id)))
    }

    /// What a hold by a search finds.
    ///
    /// # Errors
    /// As [`HoldRow::scope`].
    pub fn found(&self) -> Result<Option<Filter>, StoreError> {
        let read = |text: &String| serde_json::from_str(text).map_err(|e| StoreError::Corrupt(format!("hold {}: {e}", self.id)));
        let found: Option<Filter> = self.found.as_ref().map(read).transpose()?;
        match found.is_some() == self.scope()?.search.is_some() {
            true => Ok(found),
            false => Err(StoreError::Corrupt(format!("hold {}: its search and its scope do not belong together", self.id))),
        }
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

/// What binds the search of a hold to its row.
pub fn search_context(id: &str) -> String {
    format!("holds/{id}/search")
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

/// A hold that keeps something.
struct Kept {
    scope: Scope,
    reach: Reach,
    found: Option<Filter>,
}

/// Events that one statement is asked of.
const AT_ONCE: usize = 300;

/// Which of some events holds cover, by index.
#[derive(Debug, Default)]
pub struct Covered {
    pub sure: BTreeSet<i64>,
    /// Covered only because their words have not been made yet: somebody has to look again.
    pub unread: BTreeSet<i64>,
}

impl Covered {
    pub fn contains(&self, index: i64) -> bool {
        self.sure.contains(&index) || self.unread.contains(&index)
    }

    pub fn is_empty(&self) -> bool {
        self.sure.is_empty() && self.unread.is_empty()
    }
}

/// Holds that keep something, with what each reaches.
pub struct Keeping(Vec<Kept>);

impl Keeping {
    /// Which of `events` any hold covers.
    ///
    /// A search by words cannot be asked of an event whose words have not been made yet, or of one whose key a restore did not find: such a
    /// one is covered.
    pub fn covered(&self, conn: &mut Conn, events: &[(i64, Facts<'_>)]) -> Result<Covered, StoreError> {
        let by_scope = |facts: &Facts<'_>| self.0.iter().any(|kept| kept.scope.covers(facts, &kept.reach));
        let searches: Vec<&Filter> = self.0.iter().filter_map(|kept| kept.found.as_ref()).collect();
        let (mut sure, mut unread) = (BTreeSet::new(), BTreeSet::new());
        for few in events.chunks(AT_ONCE) {
            sure.extend(few.iter().filter(|(_, facts)| by_scope(facts)).map(|(idx, _)| *idx));
            let indices: Vec<i64> = few.iter().map(|(idx, _)| *idx).collect();
            for filter in &searches {
                let met = find::among(conn, filter, &indices)?;
                sure.extend(met.found);
                unread.extend(met.unread);
            }
            if searches.iter().any(|filter| !filter.words.is_empty()) {
                sure.extend(part_keys::lost_among(conn, &indices)?);
            }
        }
        unread.retain(|idx| !sure.contains(idx));
        Ok(Covered { sure, unread })
    }

    /// Whether any hold covers an event of a case, or one of its message: both are in a bundle of it.
    pub fn covers_case(&self, conn: &mut Conn, case: &str) -> Result<bool, StoreError> {
        if self.0.is_empty() {
            return Ok(false);
        }
        let broadcast: Option<String> = recalls::table.find(case).select(recalls::broadcast_id).first(conn).optional()?;
        self.covers_any(conn, &[case.to_owned()], broadcast.as_deref())
    }

    /// Whether any hold covers an event of a broadcast, or one of its `cases`.
    pub fn covers_broadcast(&self, conn: &mut Conn, broadcast: &str, cases: &[String]) -> Result<bool, StoreError> {
        Ok(!self.0.is_empty() && self.covers_any(conn, cases, Some(broadcast))?)
    }

    fn covers_any(&self, conn: &mut Conn, cases: &[String], broadcast: Option<&str>) -> Result<bool, StoreError> {
        type Row = (i64, i64, String, String, String, String, Option<String>);
        let of_case = log_search::case_id.assume_not_null().eq_any(cases.to_vec()).and(log_search::case_id.is_not_null());
        let mut indices: Vec<i64> = log_search::table.filter(of_case).select(log_search::idx).load(conn)?;
        if let Some(broadcast) = broadcast {
            // Its sending, and every look at it.
            let about = log_search::table.filter(erased::of_broadcasts()).filter(log_search::subject_id.eq(broadcast));
            indices.extend(about.select(log_search::idx).load::<i64>(conn)?);
        }
        indices.sort_unstable();
        indices.dedup();
        for few in indices.chunks(AT_ONCE) {
            let columns = (
                log_search::idx,
                log_search::at,
                log_search::action,
                log_search::actor_id,
                log_search::subject_kind,
                log_search::subject_id,
                log_search::case_id,
            );
            let rows: Vec<Row> = log_search::table.filter(log_search::idx.eq_any(few.to_vec())).select(columns).load(conn)?;
            let events: Vec<(i64, Facts<'_>)> = rows
                .iter()
                .map(|(idx, at, action, actor, kind, subject, case)| {
                    (*idx, Facts { at: Instant(*at), action, actor, subject: (kind, subject), case: case.as_deref() })
                })
                .collect();
            if !self.covered(conn, &events)?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether any hold covers a trace of `person` beside the log, from `first` to `last`.
    pub fn covers_trace(&self, person: &str, first: i64, last: i64) -> bool {
        self.0.iter().any(|kept| kept.scope.covers_trace(person, Instant(first), Instant(last)))
    }

    /// Whether any of them is by a search for words.
    pub fn asks_words(&self) -> bool {
        self.0.iter().any(|kept| kept.found.as_ref().is_some_and(|filter| !filter.words.is_empty()))
    }

    /// Whether no hold keeps anything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn words_that_keep() -> Vec<&'static str> {
    HoldState::ALL.iter().filter(|s| s.keeps()).map(|s| s.as_str()).collect()
}

/// Whether any hold keeps something now, as [`keeping`] sees it.
///
/// # Errors
/// As [`keeping`].
pub fn any(conn: &mut Conn) -> Result<bool, StoreError> {
    Ok(!keeping(conn)?.0.is_empty())
}

/// Every hold that keeps something now: by its row, or by what the log says of it. Whoever writes "released" into a row has released nothing,
/// and on PostgreSQL a release counts once it has its index.
///
/// # Errors
/// [`StoreError::Corrupt`] if the row of a hold that the log has not seen released is gone: nothing is erased while that is so.
pub fn keeping(conn: &mut Conn) -> Result<Keeping, StoreError> {
    let words = words_that_keep();
    let mut said = said(conn)?;
    said.retain(|_, state| state.keeps());
    let ids: Vec<&String> = said.keys().collect();
    let rows: Vec<HoldRow> = holds::table.filter(holds::state.eq_any(words).or(holds::id.eq_any(ids))).order(holds::id).load(conn)?;
    if let Some(gone) = said.keys().find(|id| !rows.iter().any(|row| row.id == **id)) {
        return Err(StoreError::Corrupt(format!("hold {gone}: the log has not seen it released, and its row is gone")));
    }
    let with_reach = |row: HoldRow| {
        let (scope, found) = (row.scope()?, row.found()?);
        let reach = reach(conn, &scope)?;
        Ok(Kept { scope, reach, found })
    };
    rows.into_iter().map(with_reach).collect::<Result<_, StoreError>>().map(Keeping)
}

/// The state of each hold as the log gives it: after the last event that moved it.
fn said(conn: &mut Conn) -> Result<BTreeMap<String, HoldState>, StoreError> {
    let moved = log_search::table.filter(log_search::action.eq_any(STEPS.map(|(action, _)| action))).filter(log_search::outcome.eq("success"));
    let rows: Vec<(String, String)> = moved.order(log_search::idx.asc()).select((log_search::subject_id, log_search::action)).load(conn)?;
    Ok(rows.into_iter().filter_map(|(id, action)| Some((id, HoldState::after(&action)?))).collect())
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

/// How many events a hold covers now, as [`count`] tells of its scope or its search.
pub fn count_of(conn: &mut Conn, row: &HoldRow) -> Result<(i64, i64), StoreError> {
    match row.found()? {
        Some(filter) => Ok((find::count(conn, &filter)?, find::count_open(conn, &filter)?)),
        None => count(conn, &row.scope()?),
    }
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

/// The holds that wait for their second person: state, who proposed, who proposed the release.
pub fn waiting(conn: &mut Conn) -> Result<Vec<(String, String, Option<String>)>, StoreError> {
    let open = holds::table.filter(holds::state.eq_any(["proposed", "release_proposed"]));
    Ok(open.select((holds::state, holds::proposed_by, holds::release_proposed_by)).load(conn)?)
}
