//! The versions of the policy for people, and the simulator: what the rules would make of a message that nobody has sent. Changes nothing.
//! Not here: the policy itself (`domain::policy`), how it is changed (`proposals`), how real requests are judged (`recalls::check`).

mod amendment;
pub mod proposals;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

pub use proposals::Proposal;

use super::{
    App, AppError, AppResult, Caller, Turn,
    broadcasts::Broadcast,
    connectors,
    departments::{self, Department},
    recalls::{
        self,
        check::{Named, named},
    },
};
use crate::{
    clock::Instant,
    domain::{
        event::{Action, Subject},
        platform::{Capabilities, HarmClass, Platform, cut_off},
        policy::{Policy, SHIPPED, Version},
        recall::{
            approval::LEVELS,
            request::{self, Situation, Verdict},
        },
        role::Permission,
        windows::Window,
    },
    id::{DepartmentId, UserId},
    store::{Conn, StoreError, policies as store, recalls::RecallRow},
};

/// The rows of the catalogue that the policy in force adopts for the platform of a broadcast.
pub fn adopted(broadcast: &Broadcast) -> Vec<Window> {
    broadcast.policy.policy.rows().filter(|w| w.channel.as_str() == broadcast.platform.as_str()).collect()
}

/// The version in force, for the catalogue as the company has it: everybody who is signed in may read that.
///
/// # Errors
/// Only those of the database.
pub async fn in_force(app: &App) -> AppResult<Version> {
    Ok(app.store.read(store::in_force).await?)
}

/// What may be asked of the simulator.
#[derive(Clone, Debug)]
pub struct Question {
    pub platform: Platform,
    /// Reported by hand: there is no id that the platform's interface takes.
    pub by_hand: bool,
    pub class: HarmClass,
    /// How long ago it was sent.
    pub ago: Duration,
    /// The sender's department; none for a sender without one.
    pub department: Option<String>,
    /// Ids of people who cannot be asked. What they handed on, others still decide.
    pub away: BTreeSet<String>,
}

/// What the rules would say.
#[derive(Clone, Debug)]
pub struct Answer {
    pub verdict: Verdict,
    /// Those who could decide, by level.
    pub names: [Vec<Named>; 3],
    /// What the interface takes, and what the company allows; `None`: no limit.
    pub possible: Option<u64>,
    pub allowed: Option<u64>,
    /// Whether the officer on duty might have it recalled first.
    pub first: bool,
}

/// Which rules are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Which {
    #[default]
    InForce,
    Version(u64),
    /// The proposal that waits.
    Proposed,
}

/// Rules with what their page offers to choose from.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The rules that are shown and simulated: a version, or the proposal that waits.
    pub which: Which,
    pub policy: Policy,
    /// The version in force.
    pub in_force: u64,
    /// The numbers of all versions, newest first.
    pub numbers: Vec<u64>,
    /// The proposal that waits for a second person.
    pub open: Option<String>,
    pub departments: Vec<Department>,
    /// Everybody who can decide at some level, in their own name or in somebody's: id and name.
    pub people: Vec<(String, String)>,
    pub answer: Option<Answer>,
    /// A page of everything that was proposed, newest first, with the keys of the pages before and after.
    pub history: (Vec<Proposal>, (Option<String>, Option<String>)),
}

/// Proposals on a page.
pub const PAGE: usize = 20;

/// Who may look at rules: who sees cases, and who administers.
pub(super) async fn may_look(app: &App, caller: &Caller) -> AppResult<()> {
    let by = if caller.may(Permission::RecallRead) { Permission::RecallRead } else { Permission::SystemRead };
    app.require(caller, by, Action::PermissionChecked, Subject::new("route", "/policies")).await
}

/// The rules that are asked for; with a question, also what they would say to it.
///
/// # Errors
/// `Forbidden` for who neither sees cases nor administers, recorded; `NotFound` for a version that there is not.
pub async fn show(app: &App, caller: &Caller, which: Which, question: Option<Question>, turn: Turn) -> AppResult<Shown> {
    may_look(app, caller).await?;
    let now = app.now();
    let departments = departments::choices(app).await?;
    let ring = app.store.keys().clone();
    let limit = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
    let found = app.store.read(move |conn| {
        let in_force = store::in_force(conn)?;
        let open = store::open(conn)?;
        let policy = match which {
            Which::InForce => Some(in_force.policy),
            Which::Version(number) => store::version(conn, number)?.map(|version| version.policy),
            Which::Proposed => open.as_ref().map(store::PolicyRow::policy).transpose()?,
        };
        let cut = turn.cut(store::page(conn, &turn, limit)?, PAGE);
        let edges = cut.edges(|row| row.nonce.clone());
        let history = cut.rows.into_iter().map(|row| proposals::shown(conn, &ring.envelope, row)).collect::<Result<_, _>>()?;
        let deciders = recalls::deciders(conn, &LEVELS, now)?;
        Ok((policy, in_force.number, store::numbers(conn)?, open.map(|row| row.id), deciders, (history, edges)))
    });
    let (policy, in_force, numbers, open, deciders, history) = found.await?;
    let policy = policy.ok_or(AppError::NotFound)?;
    let line = match question.as_ref().and_then(|q| q.department.clone()).filter(|id| departments.iter().any(|d| d.id == *id)) {
        Some(id) => departments::line_of(app, &id).await?,
        None => Vec::new(),
    };
    let people: BTreeMap<UserId, String> = deciders.iter().map(|(d, name)| (d.user.clone(), name.clone())).collect();
    let answer = question.map(|q| {
        let possible = possible(&policy, q.platform, q.by_hand);
        let verdict = request::verdict(&Situation {
            now,
            sent_at: Some(now.minus(q.ago)),
            capabilities: capabilities(q.platform),
            recallable: !q.by_hand,
            platform: q.platform,
            policy: Version { number: in_force, policy: policy.clone() },
            class: q.class,
            requester: UserId(String::new()),
            departments: line.into_iter().map(DepartmentId).collect(),
            deciders: deciders.into_iter().map(|(d, _)| d).filter(|d| !q.away.contains(&d.user.0)).collect(),
        });
        let names = named(&verdict, &people);
        let first = verdict.feasible() && policy.recall_first.allows(q.class, verdict.cut_off.map(|end| end.since(now)));
        Answer { names, possible, allowed: policy.window(q.platform, possible), first, verdict }
    });
    let people = people.into_iter().map(|(id, name)| (id.0, name)).collect();
    Ok(Shown { which, policy, in_force, numbers, open, departments, people, answer, history })
}

/// What the connector of a platform can do, as it declares it.
fn capabilities(platform: Platform) -> Option<Capabilities> {
    connectors::declared().iter().find(|(p, _)| *p == platform).map(|(_, can)| can.clone())
}

fn possible(policy: &Policy, platform: Platform, by_hand: bool) -> Option<u64> {
    request::possible(platform, capabilities(platform).as_ref().filter(|can| can.recall && !by_hand), policy)
}

/// What a policy makes of a message of a platform and class that is sent now and whose recall is asked for at once: when each level would be
/// due, as time from now.
pub fn at_once(policy: &Policy, platform: Platform, class: HarmClass) -> [Duration; 3] {
    let sent = Instant(0);
    let end = cut_off(sent, policy.window(platform, possible(policy, platform, false)));
    request::due(sent, end, class, policy).map(|at| at.since(sent))
}

/// Two versions beside each other, for the page that compares them.
///
/// # Errors
/// `Forbidden`, recorded; `NotFound` for a version that there is not. `None` asks for the one in force and the one before it.
pub async fn compare(app: &App, caller: &Caller, from: Option<u64>, to: Option<u64>) -> AppResult<(Vec<u64>, Version, Version)> {
    may_look(app, caller).await?;
    let found = app.store.read(move |conn| {
        let in_force = store::in_force(conn)?.number;
        let to = to.unwrap_or(in_force);
        let from = from.unwrap_or_else(|| to.saturating_sub(1).max(SHIPPED));
        Ok((store::numbers(conn)?, store::version(conn, from)?, store::version(conn, to)?))
    });
    let (numbers, from, to) = found.await?;
    Ok((numbers, from.ok_or(AppError::NotFound)?, to.ok_or(AppError::NotFound)?))
}

/// When the levels of a case from `level` on are due, as they open at `now`, by the policy that it was submitted under; an unknown version is
/// a fault of the data.
pub(super) fn due(conn: &mut Conn, row: &RecallRow, class: HarmClass, level: u8, now: Instant) -> Result<[Instant; 3], StoreError> {
    let known = u64::try_from(row.policy_version).ok().map(|number| store::version(conn, number)).transpose()?.flatten();
    let version = known.ok_or_else(|| StoreError::Corrupt(format!("recalls.policy_version: {}", row.policy_version)))?;
    let before = [row.due_1, row.due_2, row.due_3].map(Instant);
    Ok(request::due_from(level, now, before, row.cut_off.map(Instant), class, &version.policy))
}
