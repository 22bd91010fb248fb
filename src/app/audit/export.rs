//! A search as CSV: the columns and rules of the evidence bundle's `events.csv`, newest first, read piece by piece.

use serde_json::json;

use super::{App, AppResult, Caller, Query, Turn, trail};
use crate::{
    app::{Done, evidence::parts_of, step_up},
    domain::{
        event::{Action, Outcome},
        role::Permission,
    },
    evidence::{
        collected::Entry,
        columns, csv,
        tables::{Event, event_cells},
    },
    store::reader::{self, Filter},
};

/// Rows read at a time.
const PIECE: i64 = 500;

/// A CSV file in the making; its size is that of the log when it was asked for.
pub struct Csv {
    app: App,
    filter: Filter,
    size: u64,
    /// The next row lies below this index; `None` at the end.
    below: Option<u64>,
    begun: bool,
}

/// Begins an export of a search; leaves `audit.exported`. A person gives a fresh one-time code, which that event spends.
///
/// # Errors
/// `Forbidden`; `Invalid` on the fields of the search and on `totp`; refusals of `step_up::spend_totp`. Each is recorded.
pub async fn export(app: &App, caller: &Caller, query: &Query, totp: &str) -> AppResult<Csv> {
    app.require(caller, Permission::AuditExport, Action::AuditExported, trail()).await?;
    let filter = match query.filter(app).await {
        Ok(filter) => filter,
        Err(error) => return Err(app.refuse(caller, Action::AuditExported, trail(), None, error).await),
    };
    super::read_words(app, &filter).await?;
    let counted = filter.clone();
    let (size, rows) = app.store.read(move |conn| Ok((reader::head(conn)?.size(), reader::count(conn, &counted)?))).await?;
    let (app2, caller2, totp, asked) = (app.clone(), caller.clone(), totp.to_owned(), query.to_json());
    // From the reserve of a full disk, as all reading of those who audit.
    let written = app
        .write_of(caller.audits(), move |tx| {
            let event = caller2.event(Action::AuditExported, trail()).text(json!({ "query": asked }));
            if let Some(user) = &caller2.user_id
                && let Err(error) = step_up::spend_totp(tx, app2.store.keys(), user, &totp)?
            {
                tx.append(event.outcome(Outcome::Refused).detail(error.as_detail()))?;
                return Ok(Err(error));
            }
            tx.append(event.detail(json!({ "log_size": size, "rows": rows })))?;
            Ok(Ok(()))
        })
        .await?;
    Done::from_write(written)?;
    Ok(Csv { app: app.clone(), filter, size, below: Some(size), begun: false })
}

/// The file of an export that was made when the log had `size` events, once more: for a form that was sent twice. Leaves nothing.
pub async fn again(app: &App, caller: &Caller, query: &Query, size: u64) -> AppResult<Csv> {
    app.require(caller, Permission::AuditExport, Action::AuditExported, trail()).await?;
    Ok(Csv { app: app.clone(), filter: query.filter(app).await?, size, below: Some(size), begun: false })
}

impl Csv {
    /// Events in the log when it was asked for.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The next piece of the file; `None` at its end.
    pub async fn next(&mut self) -> AppResult<Option<String>> {
        if !self.begun {
            self.begun = true;
            return Ok(Some(csv::header(columns::names(columns::EVENTS))));
        }
        let Some(below) = self.below else { return Ok(None) };
        let (store, filter, zone) = (self.app.store.clone(), self.filter.clone(), self.app.config.time_zone.clone());
        let (text, last) = self
            .app
            .store
            .read(move |conn| {
                let rows = reader::search(conn, &filter, &Turn::Down(below), PIECE)?;
                let mut parts = reader::parts_of_many(conn, store.keys(), &rows.iter().map(|r| r.event_id.clone()).collect::<Vec<_>>())?;
                let mut text = String::new();
                for row in &rows {
                    let event = reader::event(conn, u64::try_from(row.idx).unwrap_or(0))?;
                    let opened = parts_of(&event, parts.remove(&row.event_id).unwrap_or_default())?;
                    if let Some(event) = Event::read(&Entry { index: event.index, leaf: event.bytes, parts: opened, proof: Vec::new() }) {
                        text.push_str(&csv::line(&event_cells(&event, &zone)));
                    }
                }
                Ok((text, rows.last().filter(|_| rows.len() as i64 == PIECE).map(|r| u64::try_from(r.idx).unwrap_or(0))))
            })
            .await?;
        self.below = last;
        Ok(Some(text))
    }
}
