//! Searches under a name, whatever is searched: kept and removed, each with its event. Not here: what a search is (`audit::saved` for the
//! trail, `views` for the lists).

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{App, AppError, AppResult, Caller, Done, FieldError};
use crate::{
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

/// Searches of one list that one person keeps at most.
const MOST: i64 = 100;

/// A search under its name.
#[derive(Clone, Debug)]
pub(super) struct Kept<Q> {
    pub id: String,
    pub name: String,
    pub query: Q,
    /// Whether it is the caller's own.
    pub mine: bool,
    pub shared: bool,
}

/// What a person typed of it.
#[derive(Serialize, Deserialize)]
struct Typed<Q> {
    name: String,
    query: Q,
}

/// What is to be kept.
pub(super) struct Keep<'a> {
    pub id: &'a str,
    /// What is searched: `audit`, or a word of [`super::listed::List`].
    pub list: &'static str,
    /// What one must be allowed for it.
    pub permission: Permission,
    pub name: &'a str,
    pub shared: bool,
}

/// The searches of `list` that this person can choose from, in the order in which they were kept.
pub(super) async fn of<Q: DeserializeOwned>(app: &App, owner: &str, list: &'static str) -> AppResult<Vec<Kept<Q>>> {
    let of = owner.to_owned();
    let rows = app.store.read(move |conn| searches::seen_by(conn, &of, list)).await?;
    let opened = |row: SearchedRow| -> AppResult<Kept<Q>> {
        let bytes = app.store.keys().envelope.open(&searches::context(&row.id), &row.sealed).map_err(StoreError::from)?;
        let typed: Typed<Q> = serde_json::from_slice(&bytes).map_err(|e| StoreError::Corrupt(format!("search {}: {e}", row.id)))?;
        Ok(Kept { mine: row.owner_id == owner, shared: row.shared != 0, id: row.id, name: typed.name, query: typed.query })
    };
    rows.into_iter().map(opened).collect()
}

/// Keeps a search; leaves `search.saved`. `asked` is the search as its event says it; `fits` is asked after the name.
///
/// # Errors
/// `Forbidden`; `Invalid` on `name`; what `fits` says; `Refused` with kind `searches-full`. Each is recorded.
pub(super) async fn keep<Q: Serialize>(
    app: &App,
    caller: &Caller,
    keep: Keep<'_>,
    query: &Q,
    asked: Value,
    fits: impl Future<Output = AppResult<()>>,
) -> AppResult<Done<String>> {
    let Keep { id, list, permission, name, shared } = keep;
    let about = Subject::new("search", id);
    app.require(caller, permission, Action::SearchSaved, about.clone()).await?;
    let refuse = async |error| Err(app.refuse(caller, Action::SearchSaved, about.clone(), None, error).await);
    let Some(owner) = caller.user_id.clone() else { return refuse(AppError::Forbidden(permission)).await };
    let name = match text::line(name, 60) {
        Ok(name) => name,
        Err(e) => return refuse(AppError::Invalid(vec![FieldError::text("name", e)])).await,
    };
    if let Err(error) = fits.await {
        return refuse(error).await;
    }
    let typed = serde_json::to_vec(&Typed { name: name.clone(), query }).map_err(|e| StoreError::Event(e.to_string()))?;
    let sealed = app.store.keys().envelope.seal(&searches::context(id), &typed);
    let (caller2, id) = (caller.clone(), id.to_owned());
    let written = app
        .write_of(caller.audits(), move |tx| {
            let event = caller2.event(Action::SearchSaved, about.clone()).text(json!({ "name": name, "query": asked }));
            if searches::count(tx.conn, &owner, list)? >= MOST {
                let error = AppError::Refused { kind: "searches-full", detail: json!({ "most": MOST }) };
                tx.append(event.outcome(Outcome::Refused).detail(error.as_detail()))?;
                return Ok(Err(error));
            }
            tx.append(event.detail(json!({ "after": { "list": list, "shared": shared } })))?;
            let row = SearchedRow {
                id: id.clone(),
                owner_id: owner.clone(),
                shared: i64::from(shared),
                sealed: sealed.clone(),
                created_at: tx.now().0,
                list: list.to_owned(),
            };
            searches::insert(tx.conn, row)?;
            Ok(Ok(id.clone()))
        })
        .await?;
    Done::from_write(written)
}

/// Removes a search of the caller's own in one of `lists`; leaves `search.removed` and gives the list's word.
///
/// # Errors
/// `Forbidden`; `NotFound`, for what another shares too. Each is recorded.
pub(super) async fn remove(app: &App, caller: &Caller, permission: Permission, lists: &'static [&'static str], id: &str) -> AppResult<Done<String>> {
    let about = Subject::new("search", id);
    app.require(caller, permission, Action::SearchRemoved, about.clone()).await?;
    let (caller2, id) = (caller.clone(), id.to_owned());
    let written = app
        .write_of(caller.audits(), move |tx| {
            let event = caller2.event(Action::SearchRemoved, about.clone());
            let owner = caller2.user_id.clone().unwrap_or_default();
            let own = |row: &SearchedRow| row.owner_id == owner && lists.contains(&row.list.as_str());
            let Some(row) = searches::find(tx.conn, &id)?.filter(own) else {
                tx.append(event.outcome(Outcome::Refused).detail(AppError::NotFound.as_detail()))?;
                return Ok(Err(AppError::NotFound));
            };
            searches::delete(tx.conn, &id)?;
            tx.append(event.detail(json!({ "before": { "list": row.list, "shared": row.shared != 0 } })))?;
            Ok(Ok(row.list))
        })
        .await?;
    Done::from_write(written)
}
