//! Searches that somebody keeps under a name: their own, and those that others share with everybody who reads the trail.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{App, AppError, AppResult, Caller, Query};
use crate::{
    app::{Done, FieldError},
    domain::{
        event::{Action, Outcome, Subject},
        role::Permission,
        text,
    },
    store::{
        StoreError,
        searches::{self, SearchedRow},
    },
};

/// Searches that one person keeps at most.
const MOST: i64 = 100;

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

/// What a person typed of it.
#[derive(Serialize, Deserialize)]
struct Typed {
    name: String,
    query: Query,
}

fn opened(app: &App, row: SearchedRow, owner: &str) -> AppResult<Saved> {
    let bytes = app.store.keys().envelope.open(&searches::context(&row.id), &row.sealed).map_err(StoreError::from)?;
    let typed: Typed = serde_json::from_slice(&bytes).map_err(|e| StoreError::Corrupt(format!("search {}: {e}", row.id)))?;
    Ok(Saved { mine: row.owner_id == owner, shared: row.shared != 0, id: row.id, name: typed.name, query: typed.query })
}

/// The searches that the caller can choose from.
pub async fn list(app: &App, caller: &Caller) -> AppResult<Vec<Saved>> {
    let Some(owner) = caller.user_id.clone().filter(|_| caller.may(Permission::AuditRead)) else { return Ok(Vec::new()) };
    let of = owner.clone();
    let rows = app.store.read(move |conn| searches::seen_by(conn, &of)).await?;
    rows.into_iter().map(|row| opened(app, row, &owner)).collect()
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
/// `Forbidden`; `Invalid` on `name` and on the fields of the search; `Refused` with kind `searches-full`. Each is recorded.
pub async fn save(app: &App, caller: &Caller, id: &str, name: &str, query: &Query, shared: bool) -> AppResult<Done<String>> {
    let about = Subject::new("search", id);
    app.require(caller, Permission::AuditRead, Action::SearchSaved, about.clone()).await?;
    let refuse = async |error| Err(app.refuse(caller, Action::SearchSaved, about.clone(), None, error).await);
    let Some(owner) = caller.user_id.clone() else { return refuse(AppError::Forbidden(Permission::AuditRead)).await };
    let name = match text::line(name, 60) {
        Ok(name) => name,
        Err(e) => return refuse(AppError::Invalid(vec![FieldError::text("name", e)])).await,
    };
    if let Err(error) = query.filter(app).await {
        return refuse(error).await;
    }
    let typed = serde_json::to_vec(&Typed { name: name.clone(), query: query.clone() }).map_err(|e| StoreError::Event(e.to_string()))?;
    let sealed = app.store.keys().envelope.seal(&searches::context(id), &typed);
    let (caller2, id, asked) = (caller.clone(), id.to_owned(), query.to_json());
    let written = app
        .write_of(caller.audits(), move |tx| {
            let event = caller2.event(Action::SearchSaved, about.clone()).text(json!({ "name": name, "query": asked }));
            if searches::count(tx.conn, &owner)? >= MOST {
                let error = AppError::Refused { kind: "searches-full", detail: json!({ "most": MOST }) };
                tx.append(event.outcome(Outcome::Refused).detail(error.as_detail()))?;
                return Ok(Err(error));
            }
            tx.append(event.detail(json!({ "after": { "shared": shared } })))?;
            let row =
                SearchedRow { id: id.clone(), owner_id: owner.clone(), shared: i64::from(shared), sealed: sealed.clone(), created_at: tx.now().0 };
            searches::insert(tx.conn, row)?;
            Ok(Ok(id.clone()))
        })
        .await?;
    Done::from_write(written)
}

/// Removes a search of the caller's own; leaves `search.removed`.
///
/// # Errors
/// `Forbidden`; `NotFound`, for what another shares too. Each is recorded.
pub async fn remove(app: &App, caller: &Caller, id: &str) -> AppResult<Done<()>> {
    let about = Subject::new("search", id);
    app.require(caller, Permission::AuditRead, Action::SearchRemoved, about.clone()).await?;
    let (caller2, id) = (caller.clone(), id.to_owned());
    let written = app
        .write_of(caller.audits(), move |tx| {
            let event = caller2.event(Action::SearchRemoved, about.clone());
            let owner = caller2.user_id.clone().unwrap_or_default();
            let Some(row) = searches::find(tx.conn, &id)?.filter(|row| row.owner_id == owner) else {
                tx.append(event.outcome(Outcome::Refused).detail(AppError::NotFound.as_detail()))?;
                return Ok(Err(AppError::NotFound));
            };
            searches::delete(tx.conn, &id)?;
            tx.append(event.detail(json!({ "before": { "shared": row.shared != 0 } })))?;
            Ok(Ok(()))
        })
        .await?;
    Done::from_write(written)
}
