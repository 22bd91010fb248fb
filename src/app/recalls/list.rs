//! Lists of cases: all that a person may know of, and those that wait for them.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time,
};

use super::{App, AppError, AppResult, Caller, cases, own_cases_only, view};
use crate::{
    app::{Turn, content},
    clock::Instant,
    domain::{
        platform::HarmClass,
        recall::{Case, Mode, State},
        role::Permission,
    },
    store::{
        Conn, StoreError,
        broadcasts::{self, BroadcastRow},
        recalls::{self, Filter, RecallRow, Standing},
    },
};

/// Rows a page.
pub const PAGE: usize = 20;
/// Cases that are looked through for what waits for one person.
const DEPTH: i64 = 500;

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
}

/// One page of the list.
#[derive(Clone, Debug, Default)]
pub struct Page {
    pub lines: Vec<Line>,
    /// The cases that the pages before and after lie beside, where there are such pages.
    pub above: Option<String>,
    pub below: Option<String>,
}

/// What a list is asked for; every field narrows.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub state: Option<State>,
    pub class: Option<HarmClass>,
    /// Submitted at or after.
    pub from: Option<Instant>,
    /// And before.
    pub until: Option<Instant>,
    /// The beginning of a number.
    pub number: Option<String>,
}

/// Why a case waits for somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Task {
    /// A level is theirs to decide.
    Decide(u8),
    /// A second look at captures.
    Confirm,
    /// To be carried out in the platform's console.
    CarryOut,
    /// Their own request came back.
    Resubmit,
    /// A reviewer asks them for more.
    Answer,
}

/// The list, newest first.
pub async fn list(app: &App, caller: &Caller, wanted: Wanted, turn: Turn) -> AppResult<Page> {
    list_of(app, caller, wanted, turn, PAGE).await
}

/// The list in pages of `size`.
pub async fn list_of(app: &App, caller: &Caller, wanted: Wanted, turn: Turn, size: usize) -> AppResult<Page> {
    if !caller.may(Permission::RecallRead) {
        return Err(AppError::Forbidden(Permission::RecallRead));
    }
    let filter = Filter {
        state: wanted.state.map(|s| s.as_str().to_owned()),
        harm_class: wanted.class.map(|c| c.as_str().to_owned()),
        from: wanted.from.map(|at| at.0),
        until: wanted.until.map(|at| at.0),
        of_person: own_cases_only(caller),
        number: wanted.number,
    };
    let ((above, below), rows) = app
        .store
        .read(move |conn| {
            let found = turn.cut(recalls::page(conn, &filter, &turn, i64::try_from(size + 1).unwrap_or(i64::MAX))?, size);
            Ok((found.edges(|r| r.id.clone()), with_messages(conn, found.rows)?))
        })
        .await?;
    let lines: Vec<Line> = rows.into_iter().map(|(row, message, name)| line(app, caller, row, message, name)).collect::<AppResult<_>>()?;
    Ok(Page { lines, above, below })
}

/// What waits for this person, least time left first.
pub async fn waiting(app: &App, caller: &Caller) -> AppResult<Vec<(Task, Line)>> {
    let (asking, now) = (caller.clone(), app.now());
    let (tasks, rows): (Vec<Task>, Vec<Joined>) = app
        .store
        .read(move |conn| {
            let (mut tasks, mut rows) = (Vec::new(), Vec::new());
            for (task, id) in self::tasks(conn, &asking, now)? {
                tasks.push(task);
                rows.push(recalls::find(conn, &id)?.ok_or(StoreError::NotFound)?);
            }
            Ok((tasks, with_messages(conn, rows)?))
        })
        .await?;
    let lines = rows.into_iter().map(|(row, message, name)| line(app, caller, row, message, name)).collect::<AppResult<Vec<_>>>()?;
    let mut all: Vec<(Task, Line)> = tasks.into_iter().zip(lines).collect();
    all.sort_by_key(|(_, line)| (line.cut_off.unwrap_or(Instant(i64::MAX)), line.submitted_at));
    Ok(all)
}

/// What waits for the person behind a token; nothing ever waits for a service.
pub async fn waiting_for_program(app: &App, caller: &Caller) -> AppResult<Vec<(Task, Line)>> {
    if !caller.may(Permission::RecallRead) {
        return Err(AppError::Forbidden(Permission::RecallRead));
    }
    waiting(app, caller).await
}

/// How many cases wait for each person who looked lately: every page shows that number, and hardly ever has it changed since the last.
#[derive(Default)]
pub struct Counts(Mutex<HashMap<String, Count>>);

#[derive(Clone, Copy)]
struct Count {
    n: u64,
    /// [`crate::store::Store::changes`] before it was counted.
    changes: u64,
    counted: time::Instant,
}

impl Counts {
    /// For so long what another process did may be missing from the number.
    const KEPT: time::Duration = time::Duration::from_secs(2);
    /// So many people are remembered before all are forgotten.
    const PEOPLE: usize = 10_000;

    fn of(&self, person: &str, changes: u64) -> Option<u64> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(person).copied()?;
        (kept.changes == changes && kept.counted.elapsed() < Self::KEPT).then_some(kept.n)
    }

    fn keep(&self, person: &str, count: Count) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= Self::PEOPLE {
            all.clear();
        }
        all.insert(person.to_owned(), count);
    }
}

/// How many cases wait for this person.
pub async fn waiting_count(app: &App, caller: &Caller) -> AppResult<u64> {
    let Some(person) = &caller.user_id else { return Ok(0) };
    let (changes, counted) = (app.store.changes(), time::Instant::now());
    if let Some(n) = app.counts.of(person, changes) {
        return Ok(n);
    }
    let (asking, now) = (caller.clone(), app.now());
    let n = app.store.read(move |conn| Ok(tasks(conn, &asking, now)?.len() as u64)).await?;
    app.counts.keep(person, Count { n, changes, counted });
    Ok(n)
}

/// The cases that wait for `caller`, by id, oldest first.
fn tasks(conn: &mut Conn, caller: &Caller, now: Instant) -> Result<Vec<(Task, String)>, StoreError> {
    if caller.user_id.is_none() || !caller.may(Permission::RecallRead) {
        return Ok(Vec::new());
    }
    let mut rows = recalls::in_states(conn, &["reviewing", "returned", "approved", "executing"], DEPTH)?;
    // Most cases wait for somebody else; that is seen without loading what belongs to them.
    rows.retain(|row| match row.state.as_str() {
        "reviewing" if caller.user_id.as_deref() == Some(&row.requester_id) => true,
        "reviewing" => caller.roles.iter().any(|r| r.level().is_some_and(|l| row.open_levels.split(',').any(|o| o.parse() == Ok(l)))),
        "returned" => caller.user_id.as_deref() == Some(&row.requester_id),
        _ => row.mode == Mode::Guided.as_str(),
    });
    let cases = cases(conn, &rows)?;
    let task = |(row, case): (Standing, Case)| {
        let mine = view::mine(caller, &case, now);
        let guided = case.mode == Mode::Guided;
        let task = match () {
            () if let Some(Ok(level)) = mine.decide => Task::Decide(level),
            () if matches!(mine.confirm, Some(Ok(()))) => Task::Confirm,
            () if guided && mine.capture && case.operators.is_empty() => Task::CarryOut,
            () if mine.resubmit => Task::Resubmit,
            () if mine.answer => Task::Answer,
            () => return None,
        };
        Some((task, row.id))
    };
    Ok(rows.into_iter().zip(cases).filter_map(task).collect())
}

type Joined = (RecallRow, Option<BroadcastRow>, String);

fn with_messages(conn: &mut Conn, rows: Vec<RecallRow>) -> Result<Vec<Joined>, StoreError> {
    let names = broadcasts::names(conn, rows.iter().map(|r| r.requester_id.clone()).collect())?;
    rows.into_iter()
        .map(|row| {
            let message = broadcasts::find(conn, &row.broadcast_id)?;
            let name = names.get(&row.requester_id).cloned().unwrap_or_default();
            Ok((row, message, name))
        })
        .collect()
}

fn line(app: &App, caller: &Caller, row: RecallRow, message: Option<BroadcastRow>, requester: String) -> AppResult<Line> {
    let title = match message {
        Some(message) if message.erased_at.is_none() && caller.may(Permission::ContentRead) => {
            Some(content::open_title(&app.store.keys().envelope, &message)?)
        }
        _ => None,
    };
    let corrupt = |word: &str| StoreError::Corrupt(format!("a case has the word {word}"));
    let state = State::parse(&row.state).ok_or_else(|| corrupt(&row.state))?;
    let level = row.open_levels.split(',').filter_map(|l| l.parse::<u8>().ok()).min().filter(|_| state == State::Reviewing);
    let due = level.and_then(|l| [row.due_1, row.due_2, row.due_3].get(usize::from(l).wrapping_sub(1)).copied());
    Ok(Line {
        title,
        state,
        class: super::class_of(&row)?,
        mode: Mode::parse(&row.mode).ok_or_else(|| corrupt(&row.mode))?,
        requester,
        level,
        submitted_at: Instant(row.submitted_at),
        cut_off: row.cut_off.map(Instant),
        due: due.map(Instant),
        recipients: u64::try_from(row.recipients_count).unwrap_or(0),
        id: row.id,
        number: row.number,
    })
}
