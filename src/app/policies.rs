//! The policy in force for people, and its simulator: what the rules would make of a message that nobody has sent. Changes nothing.
//! Not here: the policy itself (`domain::policy`), how real requests are judged (`recalls::check`).

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    App, AppResult, Caller,
    broadcasts::Broadcast,
    connectors,
    departments::{self, Department},
    recalls,
};
use crate::{
    clock::Instant,
    domain::{
        event::{Action, Subject},
        platform::{HarmClass, Platform},
        policy::{Policy, SHIPPED},
        recall::{
            approval::LEVELS,
            request::{self, Situation, Verdict},
        },
        role::Permission,
        windows::Window,
    },
    id::{DepartmentId, UserId},
};

/// The version in force.
pub const VERSION: u64 = SHIPPED;

/// The rows of the catalogue that the policy in force adopts for the platform of a broadcast.
pub fn adopted(broadcast: &Broadcast) -> Vec<&'static Window> {
    let policy = Policy::shipped();
    policy.rows().filter(|w| w.channel.as_str() == broadcast.platform.as_str()).collect()
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
    /// Ids of people who cannot be asked.
    pub away: BTreeSet<String>,
}

/// What the rules would say.
#[derive(Clone, Debug)]
pub struct Answer {
    pub verdict: Verdict,
    /// Names of those who could decide, by level.
    pub names: [Vec<String>; 3],
    /// What the interface takes, and what the company allows; `None`: no limit.
    pub possible: Option<u64>,
    pub allowed: Option<u64>,
}

/// The policy in force with what its page offers to choose from.
#[derive(Clone, Debug)]
pub struct Shown {
    pub version: u64,
    pub policy: Policy,
    pub departments: Vec<Department>,
    /// Everybody who can decide at some level: id and name.
    pub people: Vec<(String, String)>,
    pub answer: Option<Answer>,
}

/// The policy in force; with a question, also what it would say to it.
///
/// # Errors
/// `Forbidden` for who neither sees cases nor administers; recorded.
pub async fn show(app: &App, caller: &Caller, question: Option<Question>) -> AppResult<Shown> {
    let by = if caller.may(Permission::RecallRead) { Permission::RecallRead } else { Permission::SystemRead };
    app.require(caller, by, Action::PermissionChecked, Subject::new("route", "/policies")).await?;
    let now = app.now();
    let departments = departments::choices(app).await?;
    let deciders = app.store.read(move |conn| recalls::deciders(conn, &LEVELS, now)).await?;
    let policy = Policy::shipped();
    let line = match question.as_ref().and_then(|q| q.department.clone()).filter(|id| departments.iter().any(|d| d.id == *id)) {
        Some(id) => departments::line_of(app, &id).await?,
        None => Vec::new(),
    };
    let people: BTreeMap<UserId, String> = deciders.iter().map(|(d, name)| (d.user.clone(), name.clone())).collect();
    let answer = question.map(|q| {
        let can = connectors::declared().iter().find(|(p, _)| *p == q.platform).map(|(_, can)| can.clone());
        let possible = request::possible(q.platform, can.as_ref().filter(|can| can.recall && !q.by_hand));
        let verdict = request::verdict(&Situation {
            now,
            sent_at: Some(now.minus(q.ago)),
            capabilities: can,
            recallable: !q.by_hand,
            platform: q.platform,
            policy: policy.clone(),
            class: q.class,
            requester: UserId(String::new()),
            departments: line.into_iter().map(DepartmentId).collect(),
            deciders: deciders.into_iter().map(|(d, _)| d).filter(|d| !q.away.contains(&d.user.0)).collect(),
        });
        let names = verdict.eligible.each_ref().map(|ids| ids.iter().filter_map(|id| people.get(id).cloned()).collect());
        Answer { names, possible, allowed: policy.window(q.platform, possible), verdict }
    });
    let people = people.into_iter().map(|(id, name)| (id.0, name)).collect();
    Ok(Shown { version: VERSION, policy, departments, people, answer })
}

/// When a policy that was in force then counts the levels of a case; unknown versions are a fault of the data.
pub(super) fn due(version: i64, now: Instant, cut_off: Option<Instant>, class: HarmClass) -> Result<[Instant; 3], crate::store::StoreError> {
    let policy = u64::try_from(version).ok().and_then(Policy::of_version);
    let policy = policy.ok_or_else(|| crate::store::StoreError::Corrupt(format!("recalls.policy_version: {version}")))?;
    Ok(request::due(now, cut_off, class, &policy))
}
