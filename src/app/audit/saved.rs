//! Searches of the trail that somebody keeps under a name: their own, and those that others share with everybody who reads the trail.

use super::{App, AppError, AppResult, Caller, Query};
use crate::{
    app::{
        Done,
        searches::{self, Keep},
    },
    domain::role::Permission,
};

/// What these searches are kept as.
const LIST: &str = "audit";

/// A search under its name.
#[derive(Clone, Debug)]
pub struct Saved {
    pub id: String,
    pub name: String,
    pub query: Query,
    /// Whether it is the caller's own.
    pub mine: bool,
    pub shared: bool,
}

/// The searches that the caller can choose from.
pub async fn list(app: &App, caller: &Caller) -> AppResult<Vec<Saved>> {
    let Some(owner) = caller.user_id.clone().filter(|_| caller.may(Permission::AuditRead)) else { return Ok(Vec::new()) };
    let kept = searches::of(app, &owner, LIST).await?;
    Ok(kept.into_iter().map(|k| Saved { id: k.id, name: k.name, query: k.query, mine: k.mine, shared: k.shared }).collect())
}

/// One search that the caller can choose.
///
/// # Errors
/// `NotFound` also for one that another keeps to themselves.
pub async fn find(app: &App, caller: &Caller, id: &str) -> AppResult<Saved> {
    list(app, caller).await?.into_iter().find(|saved| saved.id == id).ok_or(AppError::NotFound)
}

/// Keeps a search; leaves `search.saved`.
///
/// # Errors
/// Those of `searches::keep`, and `Invalid` on the fields of the search.
pub async fn save(app: &App, caller: &Caller, id: &str, name: &str, query: &Query, shared: bool) -> AppResult<Done<String>> {
    let keep = Keep { id, list: LIST, permission: Permission::AuditRead, name, shared };
    searches::keep(app, caller, keep, query, query.to_json(), async { query.filter(app).await.map(|_| ()) }).await
}

/// Removes a search of the caller's own; leaves `search.removed`.
///
/// # Errors
/// Those of `searches::remove`.
pub async fn remove(app: &App, caller: &Caller, id: &str) -> AppResult<Done<String>> {
    searches::remove(app, caller, Permission::AuditRead, &[LIST], id).await
}
