//! The projection that the viewer searches: one row an event, derived from its leaf and parts and from nothing else, so that
//! `ledger verify` can recompute it and a purge can delete what came from a part.

use std::collections::BTreeMap;

use diesel::prelude::*;
use serde_json::Value;

use super::{Conn, StoreError, schema::log_search};
use crate::ledger::leaf::Leaf;

/// A row of `log_search`, in the order of its columns.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable, Selectable)]
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

/// The row of an event, given the parts that still exist (name -> canonical bytes).
pub fn project(idx: u64, leaf: &Leaf, parts: &BTreeMap<String, Vec<u8>>) -> SearchRow {
    let field = |part: &str, key: &str| -> Option<String> {
        let value: Value = serde_json::from_slice(parts.get(part)?).ok()?;
        value.get(key)?.as_str().map(ToOwned::to_owned)
    };
    SearchRow {
        idx: i64::try_from(idx).unwrap_or(i64::MAX),
        event_id: leaf.id.clone(),
        at: leaf.at.0,
        action: leaf.action.clone(),
        outcome: leaf.outcome.clone(),
        actor_id: leaf.actor.id.clone(),
        actor_name: field("actor", "name"),
        subject_kind: leaf.subject.kind.clone(),
        subject_id: leaf.subject.id.clone(),
        case_id: leaf.case.clone(),
        session_id: leaf.session.clone(),
        client_ip: field("client", "client_ip"),
        device_id: field("device", "device_id"),
    }
}
