//! The pieces of a broadcast: one row for each message that the platform knows by an id of its own, or should.

use std::collections::BTreeMap;

use diesel::prelude::*;

use super::{
    Conn, StoreError,
    schema::{broadcasts, messages},
};

/// A row of `messages`, in the order of its columns.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = messages, treat_none_as_default_value = false)]
pub struct MessageRow {
    pub id: String,
    pub broadcast_id: String,
    /// From 0.
    pub piece: i64,
    /// JSON of `connect::Audience`, sealed with the broadcast's key as `messages/<id>/audience`.
    pub audience_sealed: Vec<u8>,
    /// The platform's id; absent until the platform has answered, and for what was reported by hand.
    pub platform_id: Option<String>,
    pub room: Option<String>,
    /// `pending`, `sent`, `unknown` (a call was made and its effect could not be learnt) or `failed`.
    pub state: String,
    pub sent_at: Option<i64>,
    /// A word of `RecipientOutcome`, set by the execution of a recall.
    pub recall_state: Option<String>,
    pub recall_attempts: i64,
}

impl MessageRow {
    /// A piece that waits to be sent.
    pub fn pending(id: String, broadcast_id: String, piece: i64, audience_sealed: Vec<u8>) -> Self {
        Self {
            id,
            broadcast_id,
            piece,
            audience_sealed,
            platform_id: None,
            room: None,
            state: "pending".to_owned(),
            sent_at: None,
            recall_state: None,
            recall_attempts: 0,
        }
    }
}

/// The pieces of a broadcast, in order.
pub fn of_broadcast(conn: &mut Conn, broadcast: &str) -> Result<Vec<MessageRow>, StoreError> {
    Ok(messages::table.filter(messages::broadcast_id.eq(broadcast)).order(messages::piece).load(conn)?)
}

/// The pieces of these broadcasts, in order, by broadcast.
pub fn of_broadcasts(conn: &mut Conn, broadcasts: &[String]) -> Result<BTreeMap<String, Vec<MessageRow>>, StoreError> {
    let mut found: BTreeMap<String, Vec<MessageRow>> = BTreeMap::new();
    for ids in broadcasts.chunks(500) {
        let of = messages::table.filter(messages::broadcast_id.eq_any(ids.to_vec()));
        for row in of.order(messages::piece).load::<MessageRow>(conn)? {
            found.entry(row.broadcast_id.clone()).or_default().push(row);
        }
    }
    Ok(found)
}

pub fn find(conn: &mut Conn, id: &str) -> Result<Option<MessageRow>, StoreError> {
    Ok(messages::table.find(id).first(conn).optional()?)
}

pub fn insert_all(conn: &mut Conn, rows: &[MessageRow]) -> Result<(), StoreError> {
    for chunk in rows.chunks(500) {
        crate::on_each!(&mut *conn, c => diesel::insert_into(messages::table).values(chunk).execute(c))?;
    }
    Ok(())
}

/// What became of sending a piece.
pub fn set_sent(conn: &mut Conn, id: &str, state: &str, platform: Option<(&str, Option<&str>)>, sent_at: Option<i64>) -> Result<(), StoreError> {
    diesel::update(messages::table.find(id))
        .set((
            messages::state.eq(state.to_owned()),
            messages::platform_id.eq(platform.map(|(id, _)| id.to_owned())),
            messages::room.eq(platform.and_then(|(_, room)| room.map(ToOwned::to_owned))),
            messages::sent_at.eq(sent_at),
        ))
        .execute(conn)?;
    Ok(())
}

/// The broadcast of `connection` that already has this platform message, if any.
pub fn known(conn: &mut Conn, connection: &str, platform_id: &str, room: Option<&str>) -> Result<Option<String>, StoreError> {
    let mut query = messages::table
        .inner_join(broadcasts::table.on(broadcasts::id.eq(messages::broadcast_id)))
        .filter(broadcasts::connection_id.eq(connection.to_owned()))
        .filter(messages::platform_id.eq(platform_id.to_owned()))
        .select(messages::broadcast_id)
        .into_boxed();
    if let Some(room) = room {
        query = query.filter(messages::room.eq(room.to_owned()));
    }
    Ok(query.first(conn).optional()?)
}
