//! Broadcasts: one row a mass message, its contents sealed. Not here: its pieces (`messages`), its recipients (`recipients`).

use std::collections::{BTreeMap, BTreeSet};

use diesel::{dsl::sql, expression::SqlLiteral, prelude::*, sql_types::BigInt};

use super::{
    Conn, StoreError,
    page::{self, Few, Turn},
    schema::{broadcasts, recalls, users},
};

/// A row of `broadcasts`, in the order of its columns.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = broadcasts, treat_none_as_default_value = false)]
pub struct BroadcastRow {
    pub id: String,
    /// `sent` by us, `imported`, or `reported` by hand.
    pub origin: String,
    pub connection_id: Option<String>,
    pub platform: String,
    /// What people call the channel: the connection's name, or what the report says.
    pub channel: String,
    /// Absent where a service token imported what it does not know the sender of.
    pub sender_id: Option<String>,
    /// The sender's department at that time.
    pub department_id: Option<String>,
    /// `sending`, `sent`, `partly_sent` or `failed`.
    pub state: String,
    /// Title, content and audience are sealed with the broadcast's own key.
    pub title_sealed: Vec<u8>,
    pub content_sealed: Vec<u8>,
    /// That key, sealed with the installation's.
    pub key_sealed: Vec<u8>,
    pub content_salt: Vec<u8>,
    /// `SHA-256(content_salt || canonical content)`.
    pub commitment: Vec<u8>,
    pub audience_sealed: Vec<u8>,
    pub recipients_count: i64,
    pub recipients_root: Vec<u8>,
    pub sent_at: Option<i64>,
    /// `request`, `platform_date`, `platform`, `imported` or `reported`.
    pub sent_at_source: Option<String>,
    pub created_at: i64,
    pub version: i64,
    /// When retention erased its contents and recipients; the sealed columns are empty from then on.
    pub erased_at: Option<i64>,
    /// JSON of what `recipients::tally` said then.
    pub erased_counts: Option<String>,
}

/// What a sealed column is bound to, so that a box cannot be moved to another row.
pub fn context(broadcast: &str, column: &str) -> String {
    format!("broadcasts/{broadcast}/{column}")
}

/// What a list shows; every field narrows.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Sent, or where that is not known registered, at or after; microseconds.
    pub from: Option<i64>,
    /// And before.
    pub until: Option<i64>,
    pub platform: Option<String>,
    pub state: Option<String>,
    /// One of these departments.
    pub departments: Option<Vec<String>>,
    pub sender: Option<String>,
}

/// The instant at which a broadcast stands in the list: sent, or where that is not known, registered. Indexes hold it in these words.
fn listed() -> SqlLiteral<BigInt> {
    sql("coalesce(sent_at, created_at)")
}

impl BroadcastRow {
    /// The instant at which it stands in the list.
    pub fn listed_at(&self) -> i64 {
        self.sent_at.unwrap_or(self.created_at)
    }
}

pub fn find(conn: &mut Conn, id: &str) -> Result<Option<BroadcastRow>, StoreError> {
    Ok(broadcasts::table.find(id).first(conn).optional()?)
}

/// Those of these ids that there are, by id.
pub fn find_many(conn: &mut Conn, ids: &[String]) -> Result<BTreeMap<String, BroadcastRow>, StoreError> {
    let mut found = BTreeMap::new();
    for ids in ids.chunks(500) {
        let rows: Vec<BroadcastRow> = broadcasts::table.filter(broadcasts::id.eq_any(ids.to_vec())).load(conn)?;
        found.extend(rows.into_iter().map(|row| (row.id.clone(), row)));
    }
    Ok(found)
}

pub fn insert(conn: &mut Conn, row: BroadcastRow) -> Result<(), StoreError> {
    diesel::insert_into(broadcasts::table).values(row).execute(conn)?;
    Ok(())
}

/// What `filter` leaves, in no order.
fn narrowed(filter: &Filter) -> broadcasts::BoxedQuery<'static, <Conn as diesel::Connection>::Backend> {
    let mut query = broadcasts::table.into_boxed();
    if let Some(from) = filter.from {
        query = query.filter(listed().ge(from));
    }
    if let Some(until) = filter.until {
        query = query.filter(listed().lt(until));
    }
    if let Some(platform) = &filter.platform {
        query = query.filter(broadcasts::platform.eq(platform.clone()));
    }
    if let Some(state) = &filter.state {
        query = query.filter(broadcasts::state.eq(state.clone()));
    }
    if let Some(departments) = &filter.departments {
        query = query.filter(broadcasts::department_id.eq_any(departments.clone()));
    }
    if let Some(sender) = &filter.sender {
        query = query.filter(broadcasts::sender_id.eq(sender.clone()));
    }
    query
}

/// Newest first, at most `limit`; beside a broadcast that is not there lies nothing.
pub fn page(conn: &mut Conn, filter: &Filter, turn: &Turn, limit: i64) -> Result<Vec<BroadcastRow>, StoreError> {
    let query = narrowed(filter);
    let query = match turn {
        Turn::First => query.order((listed().desc(), broadcasts::id.desc())),
        Turn::Down(key) | Turn::Up(key) => {
            let beside: Option<(i64, String)> = broadcasts::table.find(key).select((listed(), broadcasts::id)).first(conn).optional()?;
            let Some((at, id)) = beside else { return Ok(Vec::new()) };
            // The first condition is what an index can be entered by.
            match turn.is_up() {
                false => {
                    query.filter(listed().le(at)).filter(listed().lt(at).or(broadcasts::id.lt(id))).order((listed().desc(), broadcasts::id.desc()))
                }
                true => query.filter(listed().ge(at)).filter(listed().gt(at).or(broadcasts::id.gt(id))).order((listed().asc(), broadcasts::id.asc())),
            }
        }
    };
    Ok(page::in_order(turn, query.limit(limit).load(conn)?))
}

/// How many there are.
pub fn few(conn: &mut Conn, filter: &Filter) -> Result<Few, StoreError> {
    Few::of(conn, narrowed(filter).select(broadcasts::id).limit(Few::LIMIT))
}

/// How many there are, all of them counted.
pub fn count(conn: &mut Conn, filter: &Filter) -> Result<u64, StoreError> {
    let n: i64 = narrowed(filter).count().get_result(conn)?;
    Ok(u64::try_from(n).unwrap_or_default())
}

/// Moves a broadcast on; `false` if somebody else changed it first.
pub fn advance(conn: &mut Conn, id: &str, seen: i64, state: &str, sent_at: Option<(i64, &str)>) -> Result<bool, StoreError> {
    let changed = diesel::update(broadcasts::table.find(id).filter(broadcasts::version.eq(seen)))
        .set((
            broadcasts::state.eq(state.to_owned()),
            broadcasts::sent_at.eq(sent_at.map(|(at, _)| at)),
            broadcasts::sent_at_source.eq(sent_at.map(|(_, source)| source.to_owned())),
            broadcasts::version.eq(seen + 1),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

/// A recall case of a broadcast: id, number, state.
pub type Case = (String, String, String);

/// All cases of one broadcast, newest first.
pub fn cases(conn: &mut Conn, broadcast: &str) -> Result<Vec<Case>, StoreError> {
    Ok(recalls::table
        .filter(recalls::broadcast_id.eq(broadcast))
        .order(recalls::id.desc())
        .select((recalls::id, recalls::number, recalls::state))
        .load(conn)?)
}

/// Ids of a broadcast's cases: all of them, or those that `only` this person asked for.
pub fn cases_open_to(conn: &mut Conn, broadcast: &str, only: Option<&str>) -> Result<BTreeSet<String>, StoreError> {
    let mut query = recalls::table.filter(recalls::broadcast_id.eq(broadcast.to_owned())).select(recalls::id).into_boxed();
    if let Some(person) = only {
        query = query.filter(recalls::requester_id.eq(person.to_owned()));
    }
    Ok(query.load::<String>(conn)?.into_iter().collect())
}

/// The newest case of each of `ids` that has one.
pub fn newest_cases(conn: &mut Conn, ids: Vec<String>) -> Result<BTreeMap<String, Case>, StoreError> {
    let rows: Vec<(String, String, String, String)> = recalls::table
        .filter(recalls::broadcast_id.eq_any(ids))
        .order(recalls::id.asc())
        .select((recalls::broadcast_id, recalls::id, recalls::number, recalls::state))
        .load(conn)?;
    Ok(rows.into_iter().map(|(broadcast, id, number, state)| (broadcast, (id, number, state))).collect())
}

/// Who sent a message: id, name, department. Found by id or account name; suspended accounts count, they may have sent it before.
pub fn sender(conn: &mut Conn, id_or_username: &str) -> Result<Option<(String, String, Option<String>)>, StoreError> {
    Ok(users::table
        .filter(users::id.eq(id_or_username).or(users::username.eq(id_or_username)))
        .order(users::id)
        .select((users::id, users::display_name, users::department_id))
        .first(conn)
        .optional()?)
}

/// Display names of accounts by id.
pub fn names(conn: &mut Conn, ids: Vec<String>) -> Result<BTreeMap<String, String>, StoreError> {
    let mut found = BTreeMap::new();
    // One by one, for these look-ups stay prepared; a list would be another statement for each length of it.
    for id in BTreeSet::from_iter(ids) {
        let name: Option<String> = users::table.find(id.clone()).select(users::display_name).first(conn).optional()?;
        found.extend(name.map(|name| (id, name)));
    }
    Ok(found)
}
