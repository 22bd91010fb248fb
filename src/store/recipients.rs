//! Recipients of a broadcast by the platform's own ids, each with the salt that binds them into the broadcast's set, their delivery,
//! their reading where the platform reveals it, and what a recall did for them.

use diesel::prelude::*;

use super::{
    Conn, StoreError,
    page::{self, Turn},
    schema::{broadcasts, recipients},
};
use crate::ledger::{commitment, set::Set};

/// A row of `recipients`, in the order of its columns.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = recipients, treat_none_as_default_value = false)]
pub struct RecipientRow {
    pub broadcast_id: String,
    /// The platform's id; `@all`, `party:<id>` and `tag:<id>` stand for groups whose members the platform does not tell.
    pub platform_id: String,
    /// The piece that carries the message to them.
    pub message_id: Option<String>,
    /// 16 bytes (formats.md, "Sets").
    pub salt: Vec<u8>,
    /// `accepted` by the platform, `refused`, `unknown`, or `reported` by a person.
    pub delivery: String,
    /// `read`, `unread` or `unknown`.
    pub read_state: String,
    pub read_at: Option<i64>,
    /// Where the reading state comes from: `platform` or `none`.
    pub read_source: String,
    /// A word of `RecipientOutcome`.
    pub outcome: Option<String>,
    pub outcome_at: Option<i64>,
}

/// Rows in one statement: well under the variable limits of both databases.
const CHUNK: usize = 1000;

pub fn insert_all(conn: &mut Conn, rows: &[RecipientRow]) -> Result<(), StoreError> {
    for chunk in rows.chunks(CHUNK) {
        crate::on_each!(&mut *conn, c => diesel::insert_into(recipients::table).values(chunk).execute(c))?;
    }
    Ok(())
}

/// All recipients in byte order of their ids, the order of the set.
pub fn all(conn: &mut Conn, broadcast: &str) -> Result<Vec<RecipientRow>, StoreError> {
    Ok(recipients::table.filter(recipients::broadcast_id.eq(broadcast)).order(recipients::platform_id).load(conn)?)
}

/// Canonical bytes of one recipient in a set: `{"id":…,"platform":…}`.
pub fn recipient_bytes(platform: &str, id: &str) -> Result<Vec<u8>, StoreError> {
    let value = serde_json::json!({ "id": id, "platform": platform });
    commitment::canonical(&value).map_err(|e| StoreError::Event(e.to_string()))
}

/// The set of `rows`, which must be in byte order of their ids (`store::recipients::all` gives them so).
pub fn set_of(platform: &str, rows: &[RecipientRow]) -> Result<Set, StoreError> {
    let leaves: Vec<([u8; 16], Vec<u8>)> = rows
        .iter()
        .map(|row| {
            let salt = row.salt.as_slice().try_into().map_err(|_| StoreError::Corrupt("a recipient's salt is not 16 bytes".to_owned()))?;
            Ok((salt, recipient_bytes(platform, &row.platform_id)?))
        })
        .collect::<Result<_, StoreError>>()?;
    Ok(Set::of(leaves))
}

/// By id on the platform, at most `limit`.
pub fn page(conn: &mut Conn, broadcast: &str, turn: &Turn, limit: i64) -> Result<Vec<RecipientRow>, StoreError> {
    let mut query = recipients::table.filter(recipients::broadcast_id.eq(broadcast.to_owned())).into_boxed();
    query = match turn {
        Turn::First => query.order(recipients::platform_id.asc()),
        Turn::Down(key) => query.filter(recipients::platform_id.gt(key.clone())).order(recipients::platform_id.asc()),
        Turn::Up(key) => query.filter(recipients::platform_id.lt(key.clone())).order(recipients::platform_id.desc()),
    };
    Ok(page::in_order(turn, query.limit(limit).load(conn)?))
}

/// How many recipients there are of each delivery, reading state and outcome; of an erased broadcast, how many there were.
pub fn tally(conn: &mut Conn, broadcast: &str) -> Result<Vec<(String, String, Option<String>, i64)>, StoreError> {
    let kept: Option<Option<String>> = broadcasts::table.find(broadcast).select(broadcasts::erased_counts).first(conn).optional()?;
    if let Some(counts) = kept.flatten() {
        return serde_json::from_str(&counts).map_err(|e| StoreError::Corrupt(format!("the counts of {broadcast}: {e}")));
    }
    Ok(recipients::table
        .filter(recipients::broadcast_id.eq(broadcast))
        .group_by((recipients::delivery, recipients::read_state, recipients::outcome))
        .select((recipients::delivery, recipients::read_state, recipients::outcome, diesel::dsl::count_star()))
        .load(conn)?)
}

/// The delivery of everybody whom `message` carries.
pub fn set_delivery(conn: &mut Conn, message: &str, broadcast: &str, delivery: &str) -> Result<(), StoreError> {
    diesel::update(recipients::table.filter(recipients::broadcast_id.eq(broadcast)).filter(recipients::message_id.eq(message)))
        .set(recipients::delivery.eq(delivery.to_owned()))
        .execute(conn)?;
    Ok(())
}

/// The delivery of some by id. `ids` in the spelling of the rows.
pub fn set_delivery_of(conn: &mut Conn, broadcast: &str, ids: &[String], delivery: &str) -> Result<(), StoreError> {
    for chunk in ids.chunks(CHUNK) {
        diesel::update(recipients::table.filter(recipients::broadcast_id.eq(broadcast)).filter(recipients::platform_id.eq_any(chunk.to_vec())))
            .set(recipients::delivery.eq(delivery.to_owned()))
            .execute(conn)?;
    }
    Ok(())
}

/// The reading state of some by id, as the platform told it; `at` only where it is one time for all of them.
pub fn set_reading(conn: &mut Conn, broadcast: &str, ids: &[String], state: &str, at: Option<i64>) -> Result<(), StoreError> {
    for chunk in ids.chunks(CHUNK) {
        diesel::update(recipients::table.filter(recipients::broadcast_id.eq(broadcast)).filter(recipients::platform_id.eq_any(chunk.to_vec())))
            .set((recipients::read_state.eq(state.to_owned()), recipients::read_at.eq(at), recipients::read_source.eq("platform")))
            .execute(conn)?;
    }
    Ok(())
}

/// The outcome of everybody whom `message` carries and to whom it was not refused in the first place.
pub fn set_outcome(conn: &mut Conn, broadcast: &str, message: &str, outcome: &str, at: i64) -> Result<usize, StoreError> {
    Ok(diesel::update(recipients::table.filter(recipients::broadcast_id.eq(broadcast)).filter(recipients::message_id.eq(message)))
        .set((recipients::outcome.eq(Some(outcome.to_owned())), recipients::outcome_at.eq(Some(at))))
        .execute(conn)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipients_are_bound_as_the_frozen_vector_says() {
        let vectors: serde_json::Value = serde_json::from_str(include_str!("../../tests/vectors.json")).unwrap();
        let vector = &vectors["set"];
        let row = |row: &serde_json::Value| {
            let value: serde_json::Value = serde_json::from_str(row["value"].as_str().unwrap()).unwrap();
            RecipientRow {
                broadcast_id: "b".to_owned(),
                platform_id: value["id"].as_str().unwrap().to_owned(),
                message_id: None,
                salt: hex::decode(row["salt"].as_str().unwrap()).unwrap(),
                delivery: "unknown".to_owned(),
                read_state: "unknown".to_owned(),
                read_at: None,
                read_source: "none".to_owned(),
                outcome: None,
                outcome_at: None,
            }
        };
        let rows: Vec<RecipientRow> = vector["rows"].as_array().unwrap().iter().map(row).collect();
        let set = set_of("wecom", &rows).unwrap();
        assert_eq!((set.count, hex::encode(set.root)), (5, vector["root"].as_str().unwrap().to_owned()));
    }
}
