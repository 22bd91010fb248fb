//! The projection that the viewer searches: one row an event, derived from its leaf and parts and from nothing else, so that
//! `ledger verify` can recompute it and a purge can delete what came from a part.

use std::{borrow::Cow, collections::BTreeMap};

use diesel::prelude::*;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::{Conn, StoreError, schema::log_search};
use crate::ledger::leaf::Leaf;

/// A row of `log_search`, in the order of its columns.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, QueryableByName, Insertable, Selectable)]
#[diesel(table_name = super::schema::log_search, treat_none_as_default_value = false)]
pub struct SearchRow {
    pub idx: i64,
    pub event_id: String,
    /// Microseconds since 1970.
    pub at: i64,
    pub action: String,
    pub outcome: String,
    pub actor_id: String,
    /// From the part `actor`.
    pub actor_name: Option<String>,
    pub subject_kind: String,
    pub subject_id: String,
    pub case_id: Option<String>,
    pub session_id: Option<String>,
    /// From the part `client`.
    pub client_ip: Option<String>,
    /// From the part `device`.
    pub device_id: Option<String>,
}

/// Whether `action` succeeded in `session` on something of `case`.
pub fn done_in_session(conn: &mut Conn, session: &str, case: &str, action: &str) -> Result<bool, StoreError> {
    let rows = log_search::table
        .filter(log_search::case_id.eq(case))
        .filter(log_search::session_id.eq(session))
        .filter(log_search::action.eq(action))
        .filter(log_search::outcome.eq("success"));
    Ok(diesel::select(diesel::dsl::exists(rows)).get_result(conn)?)
}

/// What a part adds to the row: (part, its member), in the order of the columns.
pub const FROM_PARTS: [(&str, &str); 3] = [("actor", "name"), ("client", "client_ip"), ("device", "device_id")];

/// The text that a part's canonical bytes have at `key`.
pub fn field(part: &[u8], key: &str) -> Option<String> {
    let mut reader = serde_json::Deserializer::from_slice(part);
    let found = reader.deserialize_map(Member(key)).ok()?;
    reader.end().ok()?;
    found
}

/// Takes one member out of an object and passes over the others.
struct Member<'k>(&'k str);

impl<'de> Visitor<'de> for Member<'_> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Option<String>, A::Error> {
        let mut found = None;
        while let Some(key) = members.next_key::<Cow<'de, str>>()? {
            if key == self.0 {
                // Of another type it is no text.
                found = if let Value::String(text) = members.next_value()? { Some(text) } else { None };
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// The row of an event, given the parts that still exist (name -> canonical bytes).
pub fn project(idx: u64, leaf: &Leaf, parts: &BTreeMap<String, Vec<u8>>) -> SearchRow {
    let [actor_name, client_ip, device_id] = FROM_PARTS.map(|(part, key)| field(parts.get(part)?, key));
    SearchRow {
        idx: i64::try_from(idx).unwrap_or(i64::MAX),
        event_id: leaf.id.clone(),
        at: leaf.at.0,
        action: leaf.action.clone(),
        outcome: leaf.outcome.clone(),
        actor_id: leaf.actor.id.clone(),
        actor_name,
        subject_kind: leaf.subject.kind.clone(),
        subject_id: leaf.subject.id.clone(),
        case_id: leaf.case.clone(),
        session_id: leaf.session.clone(),
        client_ip,
        device_id,
    }
}
