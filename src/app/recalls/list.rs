//! The list of cases: all that a person may know of. Not here: what waits for them (`queue`).

use super::{App, AppError, AppResult, Caller, own_cases_only};
pub use crate::store::page::Few;
use crate::{
    app::{Turn, content},
    clock::Instant,
    domain::{
        platform::{HarmClass, Platform},
        recall::{Mode, State, ratification::Standing},
        role::Permission,
    },
    store::{
        Conn, StoreError,
        broadcasts::{self, BroadcastRow},
        departments,
        orders::{self, OrderRow},
        page,
        recalls::{self, Filter, RecallRow},
    },
};

/// Rows a page.
pub const PAGE: usize = 20;
/// Titles are sealed, so a word is looked for case by case: so many for a page, then the next page goes on.
pub const KEYWORD_DEPTH: usize = 2000;
/// What somebody may ask for as a state beside the states: everything that is not at its end, and everything that was carried out.
pub const GROUPS: [(&str, &[State]); 2] = [
    ("open", &[State::Reviewing, State::Returned, State::Approved, State::Executing]),
    ("carried", &[State::Recalled, State::RecallAccepted, State::PartlyRecalled, State::Failed]),
];

/// A line of a list.
#[derive(Clone, Debug)]
pub struct Line {
    pub id: String,
    pub number: String,
    /// With [`Permission::ContentRead`] only.
    pub title: Option<String>,
    pub state: State,
    pub class: HarmClass,
    pub mode: Mode,
    pub requester: String,
    /// The lowest open level.
    pub level: Option<u8>,
    pub submitted_at: Instant,
    pub cut_off: Option<Instant>,
    /// When the open level is due.
    pub due: Option<Instant>,
    pub recipients: u64,
    /// On whose behalf it waits for somebody; only where that is asked.
    pub behalf: Option<String>,
    /// It was recalled first; where its ratification stands, and until when it is due.
    pub first: Option<(Standing, Instant)>,
}

/// One page of the list.
#[derive(Clone, Debug, Default)]
pub struct Page {
    pub lines: Vec<Line>,
    /// The cases that the pages before and after lie beside, where there are such pages.
    pub above: Option<String>,
    pub below: Option<String>,
    /// A word was looked for among the cases submitted since then (or, going up, until then); the rest is left to the next page.
    pub looked_to: Option<Instant>,
    /// How many the whole list has; unknown where a word was looked for.
    pub count: Option<Few>,
}

/// What a list is asked for; every field narrows.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// One of these; empty for any.
    pub states: Vec<State>,
    pub class: Option<HarmClass>,
    pub platform: Option<Platform>,
    /// A department with all below it, by its id.
    pub department: Option<String>,
    /// By the id of an account.
    pub requester: Option<String>,
    /// Submitted at or after.
    pub from: Option<Instant>,
    /// And before.
    pub until: Option<Instant>,
    /// Ended at or after.
    pub ended_from: Option<Instant>,
    /// And before.
    pub ended_until: Option<Instant>,
    /// The beginning of a number.
    pub number: Option<String>,
    /// In the title, where the caller may read it, or in the requester's name.
    pub keyword: Option<String>,
}

/// The states that a word of a filter stands for: a state, or one of [`GROUPS`]. Empty for no such word.
pub fn states_of(word: &str) -> Vec<State> {
    let group = GROUPS.iter().find(|(name, _)| *name == word).map(|(_, states)| states.to_vec());
    group.unwrap_or_else(|| State::parse(word).into_iter().collect())
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

/// How many the whole list has; where a word is looked for, all of them are looked at.
pub(in crate::app) async fn count(app: &App, caller: &Caller, wanted: &Wanted) -> AppResult<u64> {
    if wanted.keyword.as_ref().is_none_or(|k| k.trim().is_empty()) {
        let (mut filter, department) = (filter(caller, wanted.clone()), wanted.department.clone());
        let counted = app.store.read(move |conn| {
            filter.departments = department.as_deref().map(|id| departments::department_tree(conn, id)).transpose()?;
            recalls::count(conn, &filter)
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
    if !caller.may(Permission::RecallRead) {
        return Err(AppError::Forbidden(Permission::RecallRead));
    }
    let keyword = wanted.keyword.as_ref().map(|k| k.trim().to_lowercase()).filter(|k| !k.is_empty());
    let department = wanted.department.clone();
    let mut filter = filter(caller, wanted);
    let (envelope, titled) = (app.store.keys().envelope.clone(), caller.may(Permission::ContentRead));
    let ((above, below), rows, looked_to, count) = app
        .store
        .read(move |conn| {
            filter.departments = department.as_deref().map(|id| departments::department_tree(conn, id)).transpose()?;
            let Some(keyword) = keyword else {
                let found = turn.cut(recalls::page(conn, &filter, &turn, i64::try_from(size + 1).unwrap_or(i64::MAX))?, size);
                let count = counts.then(|| recalls::few(conn, &filter)).transpose()?;
                return Ok((found.edges(|r| r.id.clone()), with_messages(conn, found.rows)?, None, count));
            };
            let holds = |(row, message, name, _): &Joined| {
                let said = match message {
                    Some(message) if titled && message.erased_at.is_none() => content::open_title(&envelope, message)?.to_lowercase(),
                    _ => String::new(),
                };
                Ok(said.contains(&keyword) || name.to_lowercase().contains(&keyword) || row.number.to_lowercase().contains(&keyword))
            };
            let page = |at: &Turn, limit| {
                let rows = recalls::page(conn, &filter, at, limit)?;
                with_messages(conn, rows)
            };
            let (found, stopped) = page::look_through(&turn, size, KEYWORD_DEPTH, page, |(row, ..)| row.id.clone(), holds)?;
            let found = turn.cut(found, size);
            let (mut above, mut below) = found.edges(|(row, ..)| row.id.clone());
            let looked_to = stopped.map(|(row, ..)| {
                *(if turn.is_up() { &mut above } else { &mut below }) = Some(row.id);
                Instant(row.submitted_at)
            });
            Ok(((above, below), found.rows, looked_to, None))
        })
        .await?;
    let lines: Vec<Line> = rows.into_iter().map(|joined| line(app, caller, joined)).collect::<AppResult<_>>()?;
    Ok(Page { lines, above, below, looked_to, count })
}

/// What the store is asked for; departments are looked up there.
fn filter(caller: &Caller, wanted: Wanted) -> Filter {
    let states = wanted.states.iter().map(|s| s.as_str().to_owned()).collect::<Vec<_>>();
    // The day that a number begins with says where to look; a company may have moved to another zone since.
    let (since, before) = wanted.number.as_deref().map(days_of_number).unwrap_or_default();
    let micros = |at: Option<Instant>| at.map(|at| at.0);
    Filter {
        states: (!states.is_empty()).then_some(states),
        harm_class: wanted.class.map(|c| c.as_str().to_owned()),
        from: micros(wanted.from).max(since),
        until: match (micros(wanted.until), before) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        },
        ended_from: micros(wanted.ended_from),
        ended_until: micros(wanted.ended_until),
        of_person: own_cases_only(caller),
        requester: wanted.requester,
        departments: None,
        platform: wanted.platform.map(|p| p.as_str().to_owned()),
        number: wanted.number,
    }
}

/// The instants between which cases were submitted whose number begins like this: those of its year, month or day, and two days around.
fn days_of_number(number: &str) -> (Option<i64>, Option<i64>) {
    let digits: String = number.strip_prefix("FR-").unwrap_or_default().chars().take_while(char::is_ascii_digit).take(8).collect();
    let part = |range: std::ops::Range<usize>| digits.get(range).and_then(|text| text.parse::<i8>().ok());
    let Some(year) = digits.get(..4).and_then(|text| text.parse::<i16>().ok()) else { return (None, None) };
    let first = jiff::civil::Date::new(year, part(4..6).unwrap_or(1), part(6..8).unwrap_or(1));
    let span = match digits.len() {
        8 => jiff::Span::new().days(1),
        6 | 7 => jiff::Span::new().months(1),
        _ => jiff::Span::new().years(1),
    };
    let around = |date: jiff::civil::Date, days: i64| {
        let date = date.checked_add(jiff::Span::new().days(days)).ok()?;
        Some(date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_microsecond())
    };
    match first {
        Ok(first) => (around(first, -2), first.checked_add(span).ok().and_then(|end| around(end, 2))),
        Err(_) => (None, None),
    }
}

/// A case with its message and its requester's name.
pub(super) type Joined = (RecallRow, Option<BroadcastRow>, String, Option<OrderRow>);

pub(super) fn with_messages(conn: &mut Conn, rows: Vec<RecallRow>) -> Result<Vec<Joined>, StoreError> {
    let names = broadcasts::names(conn, rows.iter().map(|r| r.requester_id.clone()).collect())?;
    let of: Vec<String> = rows.iter().map(|r| r.broadcast_id.clone()).collect();
    let messages = broadcasts::find_many(conn, &of)?;
    let begun: Vec<&str> = rows.iter().filter(|r| r.approved_at.is_some()).map(|r| r.id.as_str()).collect();
    let mut ordered = orders::of_many(conn, &begun)?;
    let joined = rows.into_iter().map(|row| {
        let name = names.get(&row.requester_id).cloned().unwrap_or_default();
        // A message may have had several cases.
        let message = messages.get(&row.broadcast_id).cloned();
        let order = ordered.remove(&row.id);
        (row, message, name, order)
    });
    Ok(joined.collect())
}

/// The lowest of some levels, as a row has them.
pub(super) fn open_level(open_levels: &str) -> Option<u8> {
    open_levels.split(',').filter_map(|l| l.parse().ok()).min()
}

pub(super) fn line(app: &App, caller: &Caller, (row, message, requester, order): Joined) -> AppResult<Line> {
    let title = match message {
        Some(message) if message.erased_at.is_none() && caller.may(Permission::ContentRead) => {
            Some(content::open_title(&app.store.keys().envelope, &message)?)
        }
        _ => None,
    };
    let corrupt = |word: &str| StoreError::Corrupt(format!("a case has the word {word}"));
    let state = State::parse(&row.state).ok_or_else(|| corrupt(&row.state))?;
    let level = open_level(&row.open_levels).filter(|_| state == State::Reviewing);
    Ok(Line {
        title,
        state,
        class: super::class_of(&row)?,
        mode: Mode::parse(&row.mode).ok_or_else(|| corrupt(&row.mode))?,
        requester,
        level,
        submitted_at: Instant(row.submitted_at),
        cut_off: row.cut_off.map(Instant),
        due: level.map(|level| row.due_of(level)),
        recipients: u64::try_from(row.recipients_count).unwrap_or(0),
        behalf: None,
        first: order.and_then(|order| Some((Standing::parse(&order.state)?, Instant(order.due_at)))),
        id: row.id,
        number: row.number,
    })
}
