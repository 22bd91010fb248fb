//! What waits for one person: which cases and what is to be done with each, the most urgent first, narrowed and page by page. Not here: the
//! list of all cases (`list`).

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time,
};

use super::{
    App, AppError, AppResult, Caller, cases, guided,
    list::{Joined, Line, line, with_messages},
    mine,
};
use crate::{
    app::{Turn, content},
    clock::Instant,
    domain::{
        event::ActorKind,
        platform::{HarmClass, Platform},
        recall::{Case, Mode},
        role::Permission,
    },
    id::DepartmentId,
    store::{
        Conn, StoreError, departments,
        recalls::{self, OpenRow, Touching},
    },
    words,
};

/// Open cases that are looked through for what waits for one person, those whose window closes first.
const DEPTH: i64 = 20_000;
/// Titles are sealed, so a word is looked for case by case, in the most urgent ones.
pub const KEYWORD_DEPTH: usize = 2000;

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

impl Task {
    pub const ALL: [Self; 7] = [Self::Decide(1), Self::Decide(2), Self::Decide(3), Self::Confirm, Self::CarryOut, Self::Resubmit, Self::Answer];

    /// As an address says it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Decide(1) => "level-1",
            Self::Decide(2) => "level-2",
            Self::Decide(_) => "level-3",
            Self::Confirm => "confirm",
            Self::CarryOut => "carry-out",
            Self::Resubmit => "resubmit",
            Self::Answer => "answer",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|task| task.as_str() == word)
    }
}

words! {
    /// How urgent something is.
    pub enum Urgency {
        /// The time of its level is over; the case can still be decided.
        Late = "late",
        /// The window closes within an hour.
        Hour = "hour",
        /// Within a day.
        Day = "day",
        /// Later than that, or never.
        Later = "later",
    }
}

/// What is asked for; every field narrows.
#[derive(Clone, Debug, Default)]
pub struct Narrow {
    pub task: Option<Task>,
    pub urgency: Option<Urgency>,
    pub class: Option<HarmClass>,
    pub platform: Option<Platform>,
    /// In the title, where the caller may read it, in the requester's name or in the number.
    pub keyword: Option<String>,
}

/// A part of what waits.
#[derive(Clone, Debug, Default)]
pub struct Waiting {
    pub lines: Vec<(Task, Line)>,
    /// How many wait in all, and how many of them were asked for.
    pub all: usize,
    pub found: usize,
    /// A word was looked for in the most urgent [`KEYWORD_DEPTH`] only, and there are more.
    pub cut: bool,
    /// The places that the pages before and after lie beside, where there are such pages.
    pub above: Option<String>,
    pub below: Option<String>,
}

/// A case that waits, with what it is sorted and narrowed by.
struct Item {
    task: Task,
    id: String,
    cut_off: Option<i64>,
    /// When the open level is due.
    due: Option<i64>,
    class: String,
    platform: String,
    /// Name of who it would be decided for.
    behalf: Option<String>,
}

impl Item {
    /// Its place among all: what has least time left comes first.
    fn place(&self) -> (i64, &str) {
        (self.cut_off.unwrap_or(i64::MAX), &self.id)
    }

    fn key(&self) -> String {
        format!("{}.{}", self.place().0, self.id)
    }

    fn is(&self, narrow: &Narrow, now: Instant) -> bool {
        let within = |hours: i64| self.cut_off.is_some_and(|at| at < now.0 + hours * 3_600_000_000);
        narrow.task.is_none_or(|task| task == self.task)
            && narrow.class.is_none_or(|class| class.as_str() == self.class)
            && narrow.platform.is_none_or(|platform| platform.as_str() == self.platform)
            && narrow.urgency.is_none_or(|urgency| match urgency {
                Urgency::Late => matches!(self.task, Task::Decide(_)) && self.due.is_some_and(|due| due < now.0),
                Urgency::Hour => within(1),
                Urgency::Day => within(24),
                Urgency::Later => !within(24),
            })
    }
}

/// A place by its key; `None` for what is none.
fn place(key: &str) -> Option<(i64, &str)> {
    let (at, id) = key.split_once('.')?;
    Some((at.parse().ok()?, id))
}

/// What waits for this person, least time left first.
pub async fn waiting(app: &App, caller: &Caller) -> AppResult<Vec<(Task, Line)>> {
    Ok(page(app, caller, Narrow::default(), Turn::First, usize::MAX).await?.lines)
}

/// What waits for the person behind a token; nothing ever waits for a service.
pub async fn waiting_for_program(app: &App, caller: &Caller) -> AppResult<Vec<(Task, Line)>> {
    if !caller.may(Permission::RecallRead) {
        return Err(AppError::Forbidden(Permission::RecallRead));
    }
    waiting(app, caller).await
}

/// A page of at most `size` of what waits, least time left first.
pub async fn page(app: &App, caller: &Caller, narrow: Narrow, turn: Turn, size: usize) -> AppResult<Waiting> {
    let (all, now) = (lately(app, caller).await?, app.now());
    let (envelope, titled) = (app.store.keys().envelope.clone(), caller.may(Permission::ContentRead));
    let keyword = narrow.keyword.as_ref().map(|k| k.trim().to_lowercase()).filter(|k| !k.is_empty());
    let (mut waiting, tasks, behalf, rows) = app
        .store
        .read(move |conn| {
            let mut waiting = Waiting { all: all.len(), ..Waiting::default() };
            let mut items: Vec<&Item> = all.iter().filter(|item| item.is(&narrow, now)).collect();
            if let Some(keyword) = keyword {
                waiting.cut = items.len() > KEYWORD_DEPTH;
                items.truncate(KEYWORD_DEPTH);
                let rows = joined(conn, &items)?;
                let mut holds = rows.iter().map(|(row, message, name)| {
                    let title = match message {
                        Some(message) if titled && message.erased_at.is_none() => content::open_title(&envelope, message)?.to_lowercase(),
                        _ => String::new(),
                    };
                    Ok([&title, &name.to_lowercase(), &row.number.to_lowercase()].into_iter().any(|text| text.contains(&keyword)))
                });
                let holds: Vec<bool> = holds.by_ref().collect::<Result<_, StoreError>>()?;
                let mut holds = holds.into_iter();
                items.retain(|_| holds.next().unwrap_or_default());
            }
            waiting.found = items.len();
            let (from, to) = match &turn {
                Turn::First => (0, size.min(items.len())),
                Turn::Down(key) | Turn::Up(key) => {
                    let Some(beside) = place(key) else { return Ok((waiting, Vec::new(), Vec::new(), Vec::new())) };
                    match turn.is_up() {
                        true => {
                            let to = items.partition_point(|item| item.place() < beside);
                            (to.saturating_sub(size), to)
                        }
                        false => {
                            let from = items.partition_point(|item| item.place() <= beside);
                            (from, from.saturating_add(size).min(items.len()))
                        }
                    }
                }
            };
            let shown = items.get(from..to).unwrap_or_default();
            waiting.above = shown.first().filter(|_| from > 0).map(|item| item.key());
            waiting.below = shown.last().filter(|_| to < items.len()).map(|item| item.key());
            let behalf: Vec<Option<String>> = shown.iter().map(|item| item.behalf.clone()).collect();
            Ok((waiting, shown.iter().map(|item| item.task).collect::<Vec<_>>(), behalf, joined(conn, shown)?))
        })
        .await?;
    let mut lines = rows.into_iter().map(|(row, message, name)| line(app, caller, row, message, name)).collect::<AppResult<Vec<_>>>()?;
    for (line, behalf) in lines.iter_mut().zip(behalf) {
        line.behalf = behalf;
    }
    waiting.lines = tasks.into_iter().zip(lines).collect();
    Ok(waiting)
}

/// The rows of these, in their order.
fn joined(conn: &mut Conn, items: &[&Item]) -> Result<Vec<Joined>, StoreError> {
    let mut rows = recalls::find_many(conn, &items.iter().map(|item| item.id.clone()).collect::<Vec<_>>())?;
    let rows = items.iter().map(|item| rows.remove(&item.id).ok_or(StoreError::NotFound)).collect::<Result<_, _>>()?;
    with_messages(conn, rows)
}

/// What waits for each person who looked lately: every page shows how much it is, and hardly ever has it changed since the last.
#[derive(Default)]
pub struct Lately(Mutex<HashMap<String, Kept>>);

struct Kept {
    items: Arc<Vec<Item>>,
    /// [`crate::store::Store::changes`] before it was looked up.
    changes: u64,
    /// When a level comes due or a window closes, something else waits: no page is older than this.
    at: time::Instant,
}

impl Lately {
    /// For so long what another process did, and what the clock did, may be missing.
    const KEPT: time::Duration = time::Duration::from_secs(2);
    /// So many things of all people together are remembered before all are forgotten.
    const ITEMS: usize = 200_000;

    fn of(&self, person: &str, changes: u64) -> Option<Arc<Vec<Item>>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = all.get(person).filter(|kept| kept.changes == changes && kept.at.elapsed() < Self::KEPT)?;
        Some(kept.items.clone())
    }

    fn keep(&self, person: &str, kept: Kept) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever nothing waits for takes room as well.
        if all.values().map(|kept| kept.items.len() + 1).sum::<usize>() > Self::ITEMS {
            all.clear();
        }
        all.insert(person.to_owned(), kept);
    }
}

/// What waits for `caller`, least time left first, as it was a moment ago.
async fn lately(app: &App, caller: &Caller) -> AppResult<Arc<Vec<Item>>> {
    let Some(person) = &caller.user_id else { return Ok(Arc::default()) };
    let (changes, at) = (app.store.changes(), time::Instant::now());
    // A token may do less than its person: what it sees is neither taken from here nor kept.
    let themselves = caller.kind == ActorKind::User;
    if let Some(items) = app.lately.of(person, changes).filter(|_| themselves) {
        return Ok(items);
    }
    let (asking, now) = (caller.clone(), app.now());
    let items = Arc::new(app.store.read(move |conn| items(conn, &asking, now)).await?);
    if themselves {
        app.lately.keep(person, Kept { items: items.clone(), changes, at });
    }
    Ok(items)
}

/// How many cases wait for this person.
pub async fn waiting_count(app: &App, caller: &Caller) -> AppResult<u64> {
    Ok(lately(app, caller).await?.len() as u64)
}

/// What waits for `caller`, least time left first.
fn items(conn: &mut Conn, caller: &Caller, now: Instant) -> Result<Vec<Item>, StoreError> {
    if caller.user_id.is_none() || !caller.may(Permission::RecallRead) {
        return Ok(Vec::new());
    }
    let touching = touching(conn, caller)?;
    let rows = recalls::open_to(conn, &touching, DEPTH)?;
    let standings: Vec<_> = rows.iter().map(|row| row.standing.clone()).collect();
    let cases = cases(conn, &standings)?;
    let mut items: Vec<Item> = rows.into_iter().zip(cases).filter_map(|(row, case)| item(caller, row, &case, now)).collect();
    items.sort_by(|a, b| a.place().cmp(&b.place()));
    Ok(items)
}

/// Where something could wait for `caller`: most cases wait for somebody else, and are not even read.
fn touching(conn: &mut Conn, caller: &Caller) -> Result<Touching, StoreError> {
    let mut levels: BTreeSet<u8> = caller.roles.iter().filter_map(|r| r.level()).collect();
    // Whose department level 1 goes by: their own, and that of whoever handed them level 1.
    let mut homes: Vec<Option<&str>> = if levels.contains(&1) { vec![caller.department_id.as_deref()] } else { Vec::new() };
    for grant in &caller.grants {
        levels.extend(&grant.levels);
        if grant.levels.contains(&1) {
            homes.push(grant.department.as_ref().map(DepartmentId::as_str));
        }
    }
    let (anywhere, mut departments) = (homes.iter().any(Option::is_none), Vec::new());
    for home in homes.into_iter().flatten().filter(|_| !anywhere) {
        departments.extend(departments::department_tree(conn, home)?);
    }
    Ok(Touching {
        person: caller.user_id.clone().unwrap_or_default(),
        // Without a department of their own a reviewer judges those whose sender has none either; the rules see to it.
        levels: levels.into_iter().filter(|level| *level != 1 || departments.is_empty()).collect(),
        departments,
        running: caller.may(Permission::RecallExecute) || guided::may_confirm(caller),
    })
}

fn item(caller: &Caller, row: OpenRow, case: &Case, now: Instant) -> Option<Item> {
    let mine = mine::of(caller, case, now);
    let guided = case.mode == Mode::Guided;
    let task = match () {
        () if let Some(Ok(level)) = mine.decide => Task::Decide(level),
        () if matches!(mine.confirm, Some(Ok(()))) => Task::Confirm,
        () if guided && mine.capture && case.operators.is_empty() => Task::CarryOut,
        () if mine.resubmit => Task::Resubmit,
        () if mine.answer => Task::Answer,
        () => return None,
    };
    let behalf = mine.behalf.filter(|_| matches!(task, Task::Decide(_)));
    let due = super::list::open_level(&row.standing.open_levels).map(|level| match level {
        1 => row.due_1,
        2 => row.due_2,
        _ => row.due_3,
    });
    Some(Item {
        task,
        id: row.standing.id,
        cut_off: row.standing.cut_off,
        due,
        class: row.harm_class,
        platform: row.platform,
        behalf: behalf.map(|grant| grant.name),
    })
}
