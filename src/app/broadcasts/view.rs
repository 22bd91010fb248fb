//! Broadcasts as people see them: the list and one broadcast with its recipients. Titles are shown to who may read contents; the text is
//! opened through [`super::content()`], which leaves an event.

use std::collections::BTreeMap;

use super::{AppError, Broadcast, assemble};
use crate::{
    app::{App, AppResult, Caller, content},
    clock::Instant,
    domain::{
        event::{Action, Subject},
        role::Permission,
    },
    store::{
        attachments::{self, AttachmentHead},
        broadcasts::{self, Case},
        calls::{self, CallRow},
        connections, messages,
        recipients::{self, RecipientRow},
    },
};

pub use crate::store::broadcasts::Filter;

/// Rows a page.
pub const PAGE: usize = 20;
/// Recipients a page.
pub const RECIPIENTS: usize = 50;
/// Titles are sealed, so a keyword is looked for row by row; this far back and no farther.
const KEYWORD_DEPTH: usize = 2000;

/// A line of the list.
#[derive(Clone, Debug)]
pub struct Line {
    pub broadcast: Broadcast,
    /// `None` for who may not read contents.
    pub title: Option<String>,
    pub sender: Option<String>,
    /// The newest recall case: id, number, state.
    pub case: Option<Case>,
}

/// One page of the list.
#[derive(Clone, Debug, Default)]
pub struct Page {
    pub lines: Vec<Line>,
    /// Give this as `before` for the next page.
    pub next: Option<String>,
}

/// How many recipients stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub accepted: u64,
    pub refused: u64,
    pub unknown: u64,
    pub reported: u64,
    pub read: u64,
    pub unread: u64,
}

/// One broadcast with everything but its text.
#[derive(Clone, Debug)]
pub struct Detail {
    pub broadcast: Broadcast,
    pub title: Option<String>,
    pub sender: Option<String>,
    pub counts: Counts,
    pub cases: Vec<Case>,
    pub people: Vec<RecipientRow>,
    /// Give this as `after` for the next recipients.
    pub next: Option<String>,
    pub files: Vec<AttachmentHead>,
    pub calls: Vec<CallRow>,
}

/// The list, newest first.
pub async fn list(app: &App, caller: &Caller, filter: Filter, keyword: Option<String>, before: Option<String>) -> AppResult<Page> {
    app.require(caller, Permission::BroadcastRead, Action::PermissionChecked, Subject::new("broadcast", "all")).await?;
    let titled = caller.may(Permission::ContentRead);
    let keyword = keyword.map(|k| k.trim().to_lowercase()).filter(|k| !k.is_empty());
    let envelope = app.store.keys().envelope.clone();
    let (rows, connections, pieces, cases, names) = app
        .store
        .read(move |conn| {
            let limit = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
            let rows = match keyword {
                None => broadcasts::page(conn, &filter, before.as_deref(), limit)?,
                Some(keyword) => {
                    let (mut found, mut cursor, mut seen) = (Vec::new(), before, 0);
                    while found.len() <= PAGE && seen < KEYWORD_DEPTH {
                        let batch = broadcasts::page(conn, &filter, cursor.as_deref(), 200)?;
                        seen += batch.len();
                        cursor = batch.last().map(|r| r.id.clone());
                        let last = batch.len() < 200;
                        for row in batch {
                            let matches = row.id.starts_with(&keyword)
                                || row.channel.to_lowercase().contains(&keyword)
                                || (titled && content::open_title(&envelope, &row)?.to_lowercase().contains(&keyword));
                            if matches && found.len() <= PAGE {
                                found.push(row);
                            }
                        }
                        if last {
                            break;
                        }
                    }
                    found
                }
            };
            let connections: BTreeMap<_, _> = connections::list(conn)?.into_iter().map(|c| (c.id.clone(), c)).collect();
            let mut pieces = BTreeMap::new();
            for row in &rows {
                pieces.insert(row.id.clone(), messages::of_broadcast(conn, &row.id)?);
            }
            let cases = broadcasts::newest_cases(conn, rows.iter().map(|r| r.id.clone()).collect())?;
            let names = broadcasts::names(conn, rows.iter().filter_map(|r| r.sender_id.clone()).collect())?;
            Ok((rows, connections, pieces, cases, names))
        })
        .await?;
    let more = rows.len() > PAGE;
    let mut page = Page::default();
    let (mut pieces, mut cases) = (pieces, cases);
    for row in rows.into_iter().take(PAGE) {
        let title = if titled { Some(content::open_title(&app.store.keys().envelope, &row)?) } else { None };
        let connection = row.connection_id.as_ref().and_then(|id| connections.get(id));
        let (sender, case) = (row.sender_id.as_ref().and_then(|id| names.get(id)).cloned(), cases.remove(&row.id));
        let messages = pieces.remove(&row.id).unwrap_or_default();
        page.lines.push(Line { title, sender, case, broadcast: assemble(app, row, connection, messages)? });
    }
    page.next = if more { page.lines.last().map(|l| l.broadcast.id.clone()) } else { None };
    Ok(page)
}

/// One broadcast. `after` is where the list of recipients goes on.
pub async fn detail(app: &App, caller: &Caller, id: &str, after: Option<String>) -> AppResult<Detail> {
    app.require(caller, Permission::BroadcastRead, Action::PermissionChecked, Subject::new("broadcast", id)).await?;
    let broadcast = super::load(app, id).await?;
    let (wanted, sender) = (id.to_owned(), broadcast.sender.clone());
    let (tally, cases, mut people, files, calls, names) = app
        .store
        .read(move |conn| {
            Ok((
                recipients::tally(conn, &wanted)?,
                broadcasts::cases(conn, &wanted)?,
                recipients::page(conn, &wanted, after.as_deref(), i64::try_from(RECIPIENTS + 1).unwrap_or(i64::MAX))?,
                attachments::of_broadcast(conn, &wanted)?,
                calls::of_broadcast(conn, &wanted)?,
                broadcasts::names(conn, sender.into_iter().collect())?,
            ))
        })
        .await?;
    let title = match caller.may(Permission::ContentRead) {
        true => Some(content::open_title(&app.store.keys().envelope, &broadcast.row)?),
        false => None,
    };
    let mut counts = Counts::default();
    for (delivery, reading, _, n) in tally {
        let n = u64::try_from(n).unwrap_or_default();
        match delivery.as_str() {
            "accepted" => counts.accepted += n,
            "refused" => counts.refused += n,
            "reported" => counts.reported += n,
            _ => counts.unknown += n,
        }
        match reading.as_str() {
            "read" => counts.read += n,
            "unread" => counts.unread += n,
            _ => {}
        }
    }
    let more = people.len() > RECIPIENTS;
    people.truncate(RECIPIENTS);
    let next = if more { people.last().map(|p| p.platform_id.clone()) } else { None };
    let sender = names.into_values().next();
    Ok(Detail { broadcast, title, sender, counts, cases, people, next, files, calls })
}

impl Detail {
    /// The way a recall could go now, or why none can be asked for.
    pub fn may_recall(&self, now: Instant) -> Result<crate::domain::platform::RecallPath, super::NoRecall> {
        self.broadcast.may_recall(now, self.cases.iter().map(|(_, _, state)| state.as_str()))
    }
}

/// The words of a report's audience, for who may read contents; leaves no event of its own: call after [`super::content()`].
pub fn audience_words(app: &App, caller: &Caller, broadcast: &Broadcast) -> AppResult<content::Addressees> {
    if !caller.may(Permission::ContentRead) {
        return Err(AppError::Forbidden(Permission::ContentRead));
    }
    Ok(content::open_audience(&app.store.keys().envelope, &broadcast.row)?)
}
