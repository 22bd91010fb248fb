//! Orders to recall first and the words of their ratification, as rows. Not here: what of it is allowed (`domain::recall::ratification`).

use std::collections::BTreeMap;

use diesel::prelude::*;
use serde_json::json;

use super::{
    Conn, StoreError,
    page::{self, Turn},
    schema::{ratifications, recall_orders},
};
use crate::crypto::sha256;

/// A row of `recall_orders`, in the order of its columns.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = recall_orders, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct OrderRow {
    pub id: String,
    pub recall_id: String,
    pub officer_id: String,
    /// As confirmed by the officer: that of the case.
    pub harm_class: String,
    /// Sealed with the installation's key as `recall_orders/<id>/reason`; empty once retention erased it.
    pub reason_sealed: Vec<u8>,
    /// The levels that were skipped, comma-separated.
    pub levels: String,
    pub due_at: i64,
    /// A word of `domain::recall::ratification::Standing`.
    pub state: String,
    /// How identity was proven.
    pub method: String,
    pub event_id: String,
    pub client_ip: Option<String>,
    pub device_id: Option<String>,
    pub at: i64,
    /// When the log told that its time was over.
    pub overdue_at: Option<i64>,
    /// When it was ratified or refused.
    pub ended_at: Option<i64>,
    /// Who proposed to lift the bar that a refusal set, when, and why (sealed as `recall_orders/<id>/release`).
    pub release_by: Option<String>,
    pub release_at: Option<i64>,
    pub release_sealed: Option<Vec<u8>>,
    /// Who lifted it, as the second person.
    pub released_by: Option<String>,
    pub released_at: Option<i64>,
    pub version: i64,
}

/// A row of `ratifications`, in the order of its columns.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = ratifications, treat_none_as_default_value = false)]
pub struct RatificationRow {
    pub id: String,
    pub order_id: String,
    pub recall_id: String,
    pub level: i64,
    pub by_id: String,
    /// A word of `domain::recall::ratification::Verdict`.
    pub verdict: String,
    /// Sealed with the installation's key as `ratifications/<id>/comment`; empty once retention erased it.
    pub comment_sealed: Vec<u8>,
    pub method: String,
    pub event_id: String,
    pub client_ip: Option<String>,
    pub device_id: Option<String>,
    pub at: i64,
}

impl OrderRow {
    /// What its event says of the row, so that no order can stand here which the log does not have: SHA-256 of its facts.
    pub fn digest(&self) -> [u8; 32] {
        let Self { id, recall_id, officer_id, harm_class, levels, due_at, at, .. } = self;
        sha256(
            json!({ "id": id, "recall": recall_id, "officer": officer_id, "class": harm_class, "levels": levels, "due": due_at, "at": at })
                .to_string()
                .as_bytes(),
        )
    }
}

impl RatificationRow {
    /// The same of a word.
    pub fn digest(&self) -> [u8; 32] {
        let Self { id, order_id, recall_id, level, by_id, verdict, at, .. } = self;
        sha256(
            json!({ "id": id, "order": order_id, "recall": recall_id, "level": level, "by": by_id, "verdict": verdict, "at": at })
                .to_string()
                .as_bytes(),
        )
    }
}

/// What a sealed column is bound to.
pub fn context(table: &str, id: &str, column: &str) -> String {
    format!("{table}/{id}/{column}")
}

pub fn insert(conn: &mut Conn, row: OrderRow) -> Result<(), StoreError> {
    diesel::insert_into(recall_orders::table).values(row).execute(conn)?;
    Ok(())
}

/// An order by its id.
pub fn find(conn: &mut Conn, id: &str) -> Result<Option<OrderRow>, StoreError> {
    Ok(recall_orders::table.find(id).first(conn).optional()?)
}

/// The order of a case, if it was recalled first.
pub fn of_recall(conn: &mut Conn, recall: &str) -> Result<Option<OrderRow>, StoreError> {
    Ok(recall_orders::table.filter(recall_orders::recall_id.eq(recall)).first(conn).optional()?)
}

/// The orders of many cases, by case.
pub fn of_many(conn: &mut Conn, recalls: &[&str]) -> Result<BTreeMap<String, OrderRow>, StoreError> {
    let mut found = BTreeMap::new();
    for ids in recalls.chunks(500) {
        let rows: Vec<OrderRow> = recall_orders::table.filter(recall_orders::recall_id.eq_any(ids.to_vec())).load(conn)?;
        found.extend(rows.into_iter().map(|row| (row.recall_id.clone(), row)));
    }
    Ok(found)
}

/// Stores `row` over the version before it; `false` if somebody else changed it first.
pub fn replace(conn: &mut Conn, row: &OrderRow) -> Result<bool, StoreError> {
    let seen = recall_orders::table.filter(recall_orders::id.eq(row.id.clone())).filter(recall_orders::version.eq(row.version - 1));
    Ok(diesel::update(seen).set(row.clone()).execute(conn)? == 1)
}

/// Cases whose ratification is owed, the first due first.
pub fn owed(conn: &mut Conn, limit: i64) -> Result<Vec<String>, StoreError> {
    let owed = recall_orders::table.filter(recall_orders::state.eq("owed"));
    Ok(owed.order((recall_orders::due_at.asc(), recall_orders::id.asc())).limit(limit).select(recall_orders::recall_id).load(conn)?)
}

/// Orders of this person that were refused and whose bar nobody has lifted.
pub fn bars(conn: &mut Conn, officer: &str) -> Result<i64, StoreError> {
    let refused = recall_orders::table.filter(recall_orders::officer_id.eq(officer.to_owned())).filter(recall_orders::state.eq("refused"));
    Ok(refused.filter(recall_orders::released_at.is_null()).count().get_result(conn)?)
}

/// Every use, the newest first, at most `limit`. Ids are UUIDv7 and sort by time.
pub fn page(conn: &mut Conn, turn: &Turn, limit: i64) -> Result<Vec<OrderRow>, StoreError> {
    let query = recall_orders::table.into_boxed();
    let query = match turn {
        Turn::First => query.order(recall_orders::id.desc()),
        Turn::Down(key) => query.filter(recall_orders::id.lt(key.clone())).order(recall_orders::id.desc()),
        Turn::Up(key) => query.filter(recall_orders::id.gt(key.clone())).order(recall_orders::id.asc()),
    };
    Ok(page::in_order(turn, query.limit(limit).load(conn)?))
}

pub fn ratification_insert(conn: &mut Conn, row: RatificationRow) -> Result<(), StoreError> {
    diesel::insert_into(ratifications::table).values(row).execute(conn)?;
    Ok(())
}

/// The words on these cases, in the order of their levels.
pub fn ratifications_of(conn: &mut Conn, recalls: &[&str]) -> Result<Vec<RatificationRow>, StoreError> {
    let mut found = Vec::new();
    for ids in recalls.chunks(500) {
        let of = ratifications::table.filter(ratifications::recall_id.eq_any(ids.to_vec()));
        found.extend(of.order((ratifications::recall_id.asc(), ratifications::level.asc())).load::<RatificationRow>(conn)?);
    }
    Ok(found)
}
