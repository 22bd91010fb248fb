//! Figures about cases for the first page: how many are under way, how long each level takes of its window, how cases end, when they come.
//! Each person sees those of the cases that are theirs: who only requests their own, who reviews for a department those of the department.
//! Numbers only: no title, no name, no reason.

use jiff::{civil::Date, tz::TimeZone};

use super::{App, AppError, AppResult, Caller, recalls::list::GROUPS, recalls::own_cases_only};
use crate::{
    clock::Instant,
    domain::{
        lead::{self, Lead},
        platform::{HarmClass, Platform},
        recall::State,
        role::{Permission, Role},
        self_recall::FilingState,
    },
    store::{
        departments,
        figures::{self, Ended},
        page::Few,
        recalls::{self, Filter},
        self_recalls,
    },
};

/// Days of the figures about cases that ended, today among them.
pub const DAYS: i64 = 30;
/// Ended cases that figures are made from at most: where there were more, the newest.
pub const MOST: u64 = figures::MOST.unsigned_abs();
/// Filings that are looked at for their figures, at most.
const FILED: i64 = 10_000;
/// Days of the table of when cases come.
pub const WEEKS: i64 = 13;
/// A case whose window ends within so many minutes is close to its end.
const CLOSE: u64 = 120;

/// How a case ended, as coarsely as a chart shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Carried,
    Withdrawn,
    Rejected,
    Expired,
}

impl End {
    pub const ALL: [Self; 4] = [Self::Carried, Self::Withdrawn, Self::Rejected, Self::Expired];

    /// As the list of cases can be asked for it.
    pub const fn asked(self) -> &'static str {
        match self {
            Self::Carried => "carried",
            Self::Withdrawn => "withdrawn",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
        }
    }

    fn of(state: State) -> Self {
        match state {
            State::Withdrawn => Self::Withdrawn,
            State::Rejected => Self::Rejected,
            State::Expired | State::Superseded => Self::Expired,
            _ => Self::Carried,
        }
    }
}

/// How what was carried out came out, and what was not, of one kind of cases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// Confirmed by, or accepted from the platform.
    pub done: u64,
    pub partly: u64,
    pub failed: u64,
    /// Rejected, withdrawn or expired.
    pub never: u64,
}

impl Outcomes {
    fn add(&mut self, state: State) {
        match state {
            State::Recalled | State::RecallAccepted => self.done += 1,
            State::PartlyRecalled => self.partly += 1,
            State::Failed => self.failed += 1,
            _ => self.never += 1,
        }
    }

    /// Those that were carried out.
    pub const fn carried(&self) -> u64 {
        self.done + self.partly + self.failed
    }

    pub const fn all(&self) -> u64 {
        self.carried() + self.never
    }
}

/// A day of the company's calendar, and how many cases ended how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    pub date: Date,
    /// In the order of [`End::ALL`].
    pub ends: [u64; 4],
}

/// What the page shows.
#[derive(Clone, Debug)]
pub struct Overview {
    /// The department that all figures are of, where they are of one.
    pub department: Option<String>,
    pub running: Few,
    pub close: Few,
    /// From the oldest to today.
    pub days: Vec<Day>,
    /// Of the three levels and the execution.
    pub leads: [Lead; 4],
    /// From the request to the end.
    pub whole: Lead,
    pub total: Outcomes,
    pub by_platform: Vec<(Platform, Outcomes)>,
    pub by_class: Vec<(HarmClass, Outcomes)>,
    /// Requests by weekday, Monday first, and hour.
    pub week: [[u64; 24]; 7],
    /// The first day that the week's table counts.
    pub week_from: Date,
    /// What senders filed in the same days, in the order of [`FilingState::ALL`].
    pub filings: [u64; 3],
}

/// Which cases are a person's to have figures of, with the department where it is one.
fn scope(caller: &Caller) -> (Filter, Option<String>) {
    let own = own_cases_only(caller);
    let whole = caller.roles.iter().any(|role| !matches!(role, Role::Requester | Role::DepartmentReviewer)) || caller.user_id.is_none();
    let department = (own.is_none() && !whole).then(|| caller.department_id.clone().unwrap_or_default());
    (Filter { of_person: own, ..Filter::default() }, department)
}

/// The figures.
///
/// # Errors
/// `Forbidden` without `recall.read`.
pub async fn overview(app: &App, caller: &Caller) -> AppResult<Overview> {
    if !caller.may(Permission::RecallRead) {
        return Err(AppError::Forbidden(Permission::RecallRead));
    }
    let (mut filter, department) = scope(caller);
    let zone = TimeZone::get(&app.config.time_zone).unwrap_or(TimeZone::UTC);
    let now = app.now();
    let today = now.timestamp().to_zoned(zone.clone()).date();
    let (first, week_from) = (back(today, DAYS - 1), back(today, WEEKS * 7 - 1));
    let (from, since) = (start(first, &zone), start(week_from, &zone));
    let of = department.clone();
    let close = now.plus(std::time::Duration::from_secs(CLOSE * 60)).0;
    let filed_by = self_recalls::Filter { of_person: filter.of_person.clone(), ..self_recalls::Filter::default() };
    let (running, close, ended, approvals, submitted, filed) = app
        .store
        .read(move |conn| {
            filter.departments = of.as_deref().map(|id| departments::department_tree(conn, id)).transpose()?;
            let filed_by = self_recalls::Filter { departments: filter.departments.clone(), ..filed_by };
            let filed = self_recalls::states(conn, &filed_by, from, FILED)?;
            let ended = figures::ended(conn, &filter, from)?;
            let carried: Vec<&str> = ended.iter().filter(|e| e.round == 1 && e.approved_at.is_some()).map(|e| e.id.as_str()).collect();
            let approvals = figures::approvals(conn, &carried)?;
            let submitted = figures::submitted(conn, &filter, since)?;
            let open = Filter { states: Some(GROUPS[0].1.iter().map(|s| s.as_str().to_owned()).collect()), ..filter };
            Ok((recalls::few(conn, &open)?, figures::closing(conn, &open, close)?, ended, approvals, submitted, filed))
        })
        .await?;
    let mut found = Overview {
        department,
        running,
        close,
        days: (0..DAYS).rev().map(|n| Day { date: back(today, n), ends: [0; 4] }).collect(),
        leads: Default::default(),
        whole: Lead::default(),
        total: Outcomes::default(),
        by_platform: Vec::new(),
        by_class: Vec::new(),
        week: [[0; 24]; 7],
        week_from,
        filings: [0; 3],
    };
    for (n, state) in FilingState::ALL.iter().enumerate() {
        found.filings[n] = filed.iter().filter(|word| *word == state.as_str()).count() as u64;
    }
    count(&mut found, &ended, &zone);
    let steps: Vec<_> = ended.iter().filter_map(|e| taken(e, approvals.get(&e.id).map(Vec::as_slice)?)).collect();
    for (n, lead) in found.leads.iter_mut().enumerate() {
        *lead = lead::of(steps.iter().map(|(steps, window)| (steps[n], *window)));
    }
    found.whole = lead::of(steps.iter().map(|(steps, window)| (steps.iter().sum(), *window)));
    for at in submitted {
        let zoned = Instant(at).timestamp().to_zoned(zone.clone());
        let day = usize::try_from(zoned.weekday().to_monday_zero_offset()).unwrap_or_default();
        found.week[day.min(6)][usize::try_from(zoned.hour()).unwrap_or_default().min(23)] += 1;
    }
    Ok(found)
}

fn back(day: Date, days: i64) -> Date {
    day.checked_sub(jiff::Span::new().days(days)).unwrap_or(day)
}

fn start(day: Date, zone: &TimeZone) -> i64 {
    day.to_zoned(zone.clone()).map_or(i64::MIN, |zoned| zoned.timestamp().as_microsecond())
}

/// Sorts the cases that ended by day, platform and class.
fn count(found: &mut Overview, ended: &[Ended], zone: &TimeZone) {
    for case in ended {
        let Some(state) = State::parse(&case.state) else { continue };
        let date = Instant(case.finished_at).timestamp().to_zoned(zone.clone()).date();
        if let Some(day) = found.days.iter_mut().find(|day| day.date == date) {
            day.ends[End::of(state) as usize] += 1;
        }
        found.total.add(state);
        if let Some(platform) = Platform::parse(&case.platform) {
            of(&mut found.by_platform, platform).add(state);
        }
        if let Some(class) = HarmClass::parse(&case.harm_class) {
            of(&mut found.by_class, class).add(state);
        }
    }
    found.by_platform.sort_by_key(|(_, o)| std::cmp::Reverse(o.all()));
    found.by_class.sort_by_key(|(_, o)| std::cmp::Reverse(o.all()));
}

fn of<K: PartialEq>(all: &mut Vec<(K, Outcomes)>, key: K) -> &mut Outcomes {
    let at = all.iter().position(|(k, _)| *k == key).unwrap_or_else(|| {
        all.push((key, Outcomes::default()));
        all.len() - 1
    });
    &mut all[at].1
}

/// How long each level and the execution took, and how long the window was, in microseconds; of cases that went straight through.
fn taken(case: &Ended, approvals: &[(i64, i64)]) -> Option<([i64; 4], i64)> {
    let [(1, one), (2, two), (3, three)] = *approvals else { return None };
    let window = case.cut_off?.checked_sub(case.submitted_at).filter(|w| *w > 0)?;
    let steps = [one - case.submitted_at, two - one, three - two, case.finished_at - three];
    steps.iter().all(|s| *s >= 0).then_some((steps, window))
}
