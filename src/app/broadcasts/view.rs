//! Broadcasts as people see them: the list and one broadcast with its recipients. Titles are shown to who may read contents; the text is
//! opened through [`super::content()`], which leaves an event.

use std::collections::{BTreeMap, BTreeSet};

use super::{AppError, Broadcast, assemble};
use crate::{
    app::{App, AppResult, Caller, Turn, content},
    clock::Instant,
    domain::{
        event::{Action, Subject},
        role::Permission,
    },
    store::{
        Conn, StoreError, attachments,
        broadcasts::{self, BroadcastRow, Case},
        calls::{self, CallRow},
        connections, departments, erased, messages,
        page::{self, Few},
        policies, recalls, recipients,
    },
};

pub use crate::store::{attachments::AttachmentHead, broadcasts::Filter, recipients::RecipientRow};

/// Rows a page.
pub const PAGE: usize = 20;
/// Recipients a page.
pub const RECIPIENTS: usize = 50;
/// Titles are sealed, so a keyword is looked for row by row: so many for a page, then the next page goes on.
pub const KEYWORD_DEPTH: usize = 2000;

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
    /// The broadcasts that the pages before and after lie beside, where there are such pages.
    pub above: Option<String>,
    pub below: Option<String>,
    /// A keyword was looked for among the broadcasts sent since then (or, going up, until then); the rest is left to the next page.
    pub looked_to: Option<Instant>,
    /// How many the whole list has; unknown where a keyword was looked for.
    pub count: Option<Few>,
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
    /// The case in which it was sent in place of a message that was taken back: id and number; for who may open that case.
    pub corrects: Option<(String, String)>,
    /// Ids of those among them that the caller may open; of the others it is only told that there is one.
    pub open_to: BTreeSet<String>,
    pub people: Vec<RecipientRow>,
    /// The recipients that the pages before and after lie beside, where there are such pages.
    pub above: Option<String>,
    pub below: Option<String>,
    pub files: Vec<AttachmentHead>,
    pub calls: Vec<CallRow>,
    /// Once retention has erased its contents and recipients: where the log tells of it.
    pub erased: Option<u64>,
}

/// What the list is asked for; every field narrows.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub filter: Filter,
    /// A department with all below it, by its id.
    pub department: Option<String>,
    /// In the title, where the caller may read it, or in the channel's name; or the beginning of an id.
    pub keyword: Option<String>,
}

impl Wanted {
    /// The word that is looked for, if there is one.
    fn word(&self) -> Option<String> {
        self.keyword.as_ref().map(|k| k.trim().to_lowercase()).filter(|k| !k.is_empty())
    }

    /// What the store is asked for.
    fn narrowed(&self, conn: &mut Conn) -> Result<Filter, StoreError> {
        let departments = self.department.as_deref().map(|id| departments::department_tree(conn, id)).transpose()?;
        Ok(Filter { departments, ..self.filter.clone() })
    }
}

/// The list, newest first.
pub async fn list(app: &App, caller: &Caller, wanted: Wanted, turn: Turn) -> AppResult<Page> {
    list_of(app, caller, wanted, turn, PAGE).await
}

/// The list in pages of `size`.
pub async fn list_of(app: &App, caller: &Caller, wanted: Wanted, turn: Turn, size: usize) -> AppResult<Page> {
    page_of(app, caller, wanted, turn, size, true).await
}

/// The same for who reads on to the end: its rows are not counted each time.
pub(in crate::app) async fn piece(app: &App, caller: &Caller, wanted: Wanted, turn: Turn, size: usize) -> AppResult<Page> {
    page_of(app, caller, wanted, turn, size, false).await
}

/// How many the whole list has; where a keyword is looked for, all of them are looked at.
pub(in crate::app) async fn count(app: &App, caller: &Caller, wanted: &Wanted) -> AppResult<u64> {
    if wanted.word().is_none() {
        let wanted = wanted.clone();
        let counted = app.store.read(move |conn| {
            let filter = wanted.narrowed(conn)?;
            broadcasts::count(conn, &filter)
        });
        return Ok(counted.await?);
    }
    let (mut n, mut next) = (0, Some(Turn::First));
    while let Some(turn) = next {
        let page = piece(app, caller, wanted.clone(), turn, KEYWORD_DEPTH).await?;
        n += page.lines.len() as u64;
        next = page.below.map(Turn::Down);
    }
    Ok(n)
}

async fn page_of(app: &App, caller: &Caller, wanted: Wanted, turn: Turn, size: usize, counts: bool) -> AppResult<Page> {
    app.require(caller, Permission::BroadcastRead, Action::PermissionChecked, Subject::new("broadcast", "all")).await?;
    let titled = caller.may(Permission::ContentRead);
    let keyword = wanted.word();
    let envelope = app.store.keys().envelope.clone();
    let (rows, (above, below), looked_to, count, connections, pieces, cases, names, policy) = app
        .store
        .read(move |conn| {
            let limit = i64::try_from(size + 1).unwrap_or(i64::MAX);
            let filter = wanted.narrowed(conn)?;
            let (found, stopped) = match &keyword {
                None => (broadcasts::page(conn, &filter, &turn, limit)?, None),
                Some(keyword) => {
                    let matches = |row: &BroadcastRow| {
                        Ok(row.id.starts_with(keyword)
                            || row.channel.to_lowercase().contains(keyword)
                            || (titled && row.erased_at.is_none() && content::open_title(&envelope, row)?.to_lowercase().contains(keyword)))
                    };
                    page::look_through(&turn, size, KEYWORD_DEPTH, |at, limit| broadcasts::page(conn, &filter, at, limit), |r| r.id.clone(), matches)?
                }
            };
            let count = if counts && keyword.is_none() { Some(broadcasts::few(conn, &filter)?) } else { None };
            let cut = turn.cut(found, size);
            let (mut above, mut below) = cut.edges(|r| r.id.clone());
            let looked_to = stopped.map(|row| {
                let at = row.listed_at();
                *(if turn.is_up() { &mut above } else { &mut below }) = Some(row.id);
                Instant(at)
            });
            let rows = cut.rows;
            let connections: BTreeMap<_, _> = connections::list(conn)?.into_iter().map(|c| (c.id.clone(), c)).collect();
            let pieces = messages::of_broadcasts(conn, &rows.iter().map(|r| r.id.clone()).collect::<Vec<_>>())?;
            let cases = broadcasts::newest_cases(conn, rows.iter().map(|r| r.id.clone()).collect())?;
            let names = broadcasts::names(conn, rows.iter().filter_map(|r| r.sender_id.clone()).collect())?;
            let policy = policies::in_force(conn)?;
            Ok((rows, (above, below), looked_to, count, connections, pieces, cases, names, policy))
        })
        .await?;
    let mut page = Page { lines: Vec::new(), above, below, looked_to, count };
    let (mut pieces, mut cases) = (pieces, cases);
    for row in rows {
        let title = if titled && row.erased_at.is_none() { Some(content::open_title(&app.store.keys().envelope, &row)?) } else { None };
        let connection = row.connection_id.as_ref().and_then(|id| connections.get(id));
        let (sender, case) = (row.sender_id.as_ref().and_then(|id| names.get(id)).cloned(), cases.remove(&row.id));
        let messages = pieces.remove(&row.id).unwrap_or_default();
        page.lines.push(Line { title, sender, case, broadcast: assemble(app, row, connection, messages, policy.clone())? });
    }
    Ok(page)
}

/// One broadcast, with a page of its recipients.
pub async fn detail(app: &App, caller: &Caller, id: &str, turn: Turn) -> AppResult<Detail> {
    app.require(caller, Permission::BroadcastRead, Action::PermissionChecked, Subject::new("broadcast", id)).await?;
    let broadcast = super::load(app, id).await?;
    let (wanted, sender) = (id.to_owned(), broadcast.sender.clone());
    let gone = broadcast.row.erased_at.is_some();
    // Who only requests opens their own cases and those of messages that they sent.
    let only = crate::app::recalls::own_cases_only(caller).filter(|me| sender.as_ref() != Some(me));
    let (tally, cases, open_to, corrects, found, files, calls, names, erased) = app
        .store
        .read(move |conn| {
            Ok((
                recipients::tally(conn, &wanted)?,
                broadcasts::cases(conn, &wanted)?,
                broadcasts::cases_open_to(conn, &wanted, only.as_deref())?,
                recalls::of_correction(conn, &wanted)?.filter(|(_, _, by)| only.as_ref().is_none_or(|me| me == by)),
                turn.cut(recipients::page(conn, &wanted, &turn, i64::try_from(RECIPIENTS + 1).unwrap_or(i64::MAX))?, RECIPIENTS),
                attachments::of_broadcast(conn, &wanted)?,
                calls::of_broadcast(conn, &wanted)?,
                broadcasts::names(conn, sender.into_iter().collect())?,
                if gone { erased::told_at(conn, &wanted)? } else { None },
            ))
        })
        .await?;
    let title = match broadcast.row.erased_at.is_none() && caller.may(Permission::ContentRead) {
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
    let (above, below) = found.edges(|r| r.platform_id.clone());
    let sender = names.into_values().next();
    let corrects = corrects.map(|(id, number, _)| (id, number));
    Ok(Detail { broadcast, title, sender, counts, cases, corrects, open_to, people: found.rows, above, below, files, calls, erased })
}

/// Recipients of one broadcast in the order of their ids on the platform, `size` a page, and the key of the next one; nobody once retention has
/// erased them.
///
/// # Errors
/// `Forbidden`; `NotFound`.
pub async fn people(app: &App, caller: &Caller, id: &str, turn: Turn, size: usize) -> AppResult<(Vec<RecipientRow>, Option<String>)> {
    app.require(caller, Permission::BroadcastRead, Action::PermissionChecked, Subject::new("broadcast", id)).await?;
    let wanted = super::load(app, id).await?.row.id;
    let limit = i64::try_from(size + 1).unwrap_or(i64::MAX);
    let found = app.store.read(move |conn| Ok(turn.cut(recipients::page(conn, &wanted, &turn, limit)?, size))).await?;
    let (_, below) = found.edges(|row| row.platform_id.clone());
    Ok((found.rows, below))
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
