//! What senders took back by themselves and filed: one row a filing. Not here: what of it is allowed (`domain::self_recall`).

use diesel::prelude::*;

use super::{
    Conn, StoreError,
    page::{self, Few, Turn},
    schema::{broadcasts, self_recalls},
};

/// A row of `self_recalls`, in the order of its columns.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = self_recalls, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct SelfRecallRow {
    pub id: String,
    /// `SR-20261122-0001`.
    pub number: String,
    pub broadcast_id: String,
    pub filer_id: String,
    /// The filer's department at that time.
    pub department_id: Option<String>,
    /// A word of `domain::self_recall::FilingState`.
    pub state: String,
    /// A word of `domain::self_recall::Extent`.
    pub extent: String,
    /// By the filer's word; microseconds.
    pub withdrawn_at: i64,
    /// What the filer said, sealed with the broadcast's own key, so that it goes when the broadcast is erased; empty where nothing was.
    pub note_sealed: Vec<u8>,
    pub filed_at: i64,
    pub checker_id: Option<String>,
    pub checked_at: Option<i64>,
    /// What the checker said, sealed likewise.
    pub check_sealed: Option<Vec<u8>>,
    pub version: i64,
}

/// What a sealed column is bound to, so that a box cannot be moved to another row.
pub fn context(id: &str, column: &str) -> String {
    format!("self_recalls/{id}/{column}")
}

pub fn insert(conn: &mut Conn, row: SelfRecallRow) -> Result<(), StoreError> {
    diesel::insert_into(self_recalls::table).values(row).execute(conn)?;
    Ok(())
}

/// A filing by its id or its number.
pub fn find(conn: &mut Conn, id_or_number: &str) -> Result<Option<SelfRecallRow>, StoreError> {
    // PostgreSQL takes no NUL in a text.
    if id_or_number.contains('\0') {
        return Ok(None);
    }
    let by = self_recalls::id.eq(id_or_number).or(self_recalls::number.eq(id_or_number));
    Ok(self_recalls::table.filter(by).first(conn).optional()?)
}

/// All filings of one broadcast, newest first.
pub fn of_broadcast(conn: &mut Conn, broadcast: &str) -> Result<Vec<SelfRecallRow>, StoreError> {
    Ok(self_recalls::table.filter(self_recalls::broadcast_id.eq(broadcast)).order(self_recalls::id.desc()).load(conn)?)
}

/// Stores `row` over the version before it; `false` if somebody else changed it first.
pub fn replace(conn: &mut Conn, row: &SelfRecallRow) -> Result<bool, StoreError> {
    let seen = self_recalls::table.filter(self_recalls::id.eq(row.id.clone())).filter(self_recalls::version.eq(row.version - 1));
    Ok(diesel::update(seen).set(row.clone()).execute(conn)? == 1)
}

/// What a list shows; every field narrows.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// A word of `domain::self_recall::FilingState`.
    pub state: Option<String>,
    /// Filed by them, or of a message that they sent.
    pub of_person: Option<String>,
    /// Filed by somebody of one of these departments.
    pub departments: Option<Vec<String>>,
}

type Query = self_recalls::BoxedQuery<'static, <Conn as diesel::Connection>::Backend>;

fn narrowed(filter: &Filter) -> Query {
    let mut query = self_recalls::table.into_boxed();
    if let Some(state) = &filter.state {
        query = query.filter(self_recalls::state.eq(state.clone()));
    }
    if let Some(departments) = &filter.departments {
        query = query.filter(self_recalls::department_id.eq_any(departments.clone()));
    }
    if let Some(person) = &filter.of_person {
        let sent = broadcasts::table.filter(broadcasts::sender_id.eq(Some(person.clone()))).select(broadcasts::id);
        query = query.filter(self_recalls::filer_id.eq(person.clone()).or(self_recalls::broadcast_id.eq_any(sent)));
    }
    query
}

/// Newest first, at most `limit`. Ids are UUIDv7 and sort by time.
pub fn page(conn: &mut Conn, filter: &Filter, turn: &Turn, limit: i64) -> Result<Vec<SelfRecallRow>, StoreError> {
    let query = narrowed(filter);
    let query = match turn {
        Turn::First => query.order(self_recalls::id.desc()),
        Turn::Down(key) => query.filter(self_recalls::id.lt(key.clone())).order(self_recalls::id.desc()),
        Turn::Up(key) => query.filter(self_recalls::id.gt(key.clone())).order(self_recalls::id.asc()),
    };
    Ok(page::in_order(turn, query.limit(limit).load(conn)?))
}

/// How many there are.
pub fn few(conn: &mut Conn, filter: &Filter) -> Result<Few, StoreError> {
    Few::of(conn, narrowed(filter).select(self_recalls::id).limit(Few::LIMIT))
}

/// State of every filing that the filter leaves and that was filed since `from`; of the newest `most`.
pub fn states(conn: &mut Conn, filter: &Filter, from: i64, most: i64) -> Result<Vec<String>, StoreError> {
    let of = narrowed(filter).filter(self_recalls::filed_at.ge(from));
    Ok(of.order(self_recalls::filed_at.desc()).limit(most).select(self_recalls::state).load(conn)?)
}

/// How many filings of `filer` nobody has checked yet.
pub fn unchecked_of(conn: &mut Conn, filer: &str) -> Result<usize, StoreError> {
    let n: i64 = self_recalls::table.filter(self_recalls::filer_id.eq(filer)).filter(self_recalls::state.eq("filed")).count().get_result(conn)?;
    Ok(usize::try_from(n).unwrap_or(0))
}
