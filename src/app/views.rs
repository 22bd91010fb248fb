//! Views: what somebody narrows a list by, kept under a name for themselves. Not here: searches of the trail (`audit::saved`).

use std::collections::BTreeMap;

use serde_json::json;

use super::{
    App, AppResult, Caller, Done,
    listed::List,
    searches::{self, Keep},
};
use crate::domain::role::Permission;

/// What a list is narrowed by: fields of its address, each with something in it.
pub type Fields = BTreeMap<String, String>;
/// The longest that one field is kept.
const LONGEST: usize = 300;

/// A view under its name.
#[derive(Clone, Debug)]
pub struct View {
    pub id: String,
    pub name: String,
    pub fields: Fields,
}

/// The caller's views of a list, in the order in which they were kept.
pub async fn of(app: &App, caller: &Caller, list: List) -> AppResult<Vec<View>> {
    let Some(owner) = caller.user_id.clone().filter(|_| list.permissions().iter().any(|p| caller.may(*p))) else { return Ok(Vec::new()) };
    let kept = searches::of(app, &owner, list.as_str()).await?;
    Ok(kept.into_iter().filter(|k| k.mine).map(|k| View { id: k.id, name: k.name, fields: k.query }).collect())
}

/// Keeps what narrows a list under a name; leaves `search.saved`. What the list does not know is left out.
///
/// # Errors
/// Those of `searches::keep`.
pub async fn save(app: &App, caller: &Caller, id: &str, list: List, name: &str, fields: &Fields) -> AppResult<Done<String>> {
    let known = list.fields().iter().filter_map(|field| Some(((*field).to_owned(), fields.get(*field).filter(|v| !v.trim().is_empty())?)));
    let fields: Fields = known.map(|(field, value)| (field, value.chars().filter(|c| !c.is_control()).take(LONGEST).collect())).collect();
    let keep = Keep { id, list: list.as_str(), permission: list.permission(caller), name, shared: false };
    searches::keep(app, caller, keep, &fields, json!(fields), async { Ok(()) }).await
}

/// Removes a view of the caller's own; leaves `search.removed` and gives the list that it was of.
///
/// # Errors
/// Those of `searches::remove`.
pub async fn remove(app: &App, caller: &Caller, id: &str) -> AppResult<List> {
    // Whoever sees one of the lists can have a view of it.
    let permission = if caller.may(Permission::BroadcastRead) { Permission::BroadcastRead } else { Permission::RecallRead };
    let done = searches::remove(app, caller, permission, &["recalls", "broadcasts", "approvals"], id).await?;
    Ok(List::parse(&done.value).unwrap_or(List::Recalls))
}
