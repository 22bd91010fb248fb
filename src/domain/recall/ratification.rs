//! 先撤后审 (recall first, ratify after), the one exception to "three people before anything is recalled": the officer on duty orders it, and
//! the levels that were skipped ratify it afterwards, one after the other, by people of whom none asked for it, ordered it or judged another
//! level. A refusal ends the ratification and stays as a finding; nothing is undone by it. The case itself goes its way and ends; the
//! ratification is an object of its own. Not here: which cases may be (`domain::recall_first`), the roster (`app::duty`).

use std::{collections::BTreeSet, time::Duration};

use super::{
    Case, Guard, Made, Rules, State,
    approval::{Decider, LEVELS, qualified},
    before,
};
use crate::{clock::Instant, domain::role::Role, id::UserId, words};

words! {
    /// What somebody says of a recall that came before its review; words `ratification-<as_str>`.
    pub enum Verdict {
        Ratify = "ratify",
        Refuse = "refuse",
    }
}

words! {
    /// Where a ratification stands; words `ratification-state-<as_str>`.
    pub enum Standing {
        Owed = "owed",
        Ratified = "ratified",
        Refused = "refused",
    }
}

/// One level's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    pub level: u8,
    pub by: UserId,
    pub verdict: Verdict,
}

/// A recall was ordered first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    pub officer: UserId,
    /// In which round of the case.
    pub round: u32,
    /// The levels that were skipped and owe their word. Those that had approved before count, and are not asked again.
    pub owes: BTreeSet<u8>,
    pub due: Instant,
    pub given: Vec<Given>,
}

impl Order {
    pub fn standing(&self) -> Standing {
        match () {
            () if self.given.iter().any(|g| g.verdict == Verdict::Refuse) => Standing::Refused,
            () if self.owes.iter().all(|level| self.given.iter().any(|g| g.level == *level)) => Standing::Ratified,
            () => Standing::Owed,
        }
    }

    /// The level whose word is owed now; one after the other.
    pub fn open(&self) -> Option<u8> {
        let asked = |level: &&u8| !self.given.iter().any(|g| g.level == **level);
        self.owes.iter().find(asked).copied().filter(|_| self.standing() == Standing::Owed)
    }

    /// Whether its time is over and words are still owed.
    pub fn is_overdue(&self, now: Instant) -> bool {
        self.standing() == Standing::Owed && self.due <= now
    }
}

/// Somebody who wants to order a recall first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Officer {
    pub who: Decider,
    /// By the roster, now.
    pub on_duty: bool,
    /// An order of theirs was not ratified, and nobody has lifted the bar since.
    pub barred: bool,
}

/// What is ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Whether the policy of the case allows it now.
    pub allowed: bool,
    /// The version of the case that the officer had before them.
    pub seen: i64,
    /// How long the ratification may take.
    pub within: Duration,
}

/// Whether roles fit for duty: who could be a reviewer beside them (no administrator, auditor or operator), and sees every case.
pub fn is_fit(roles: &BTreeSet<Role>) -> bool {
    let may_decide = !roles.iter().any(|r| r.excludes(Role::FinalApprover));
    may_decide && roles.iter().any(|r| r.is_decider() || *r == Role::Counsel)
}

/// The officer on duty orders the recall; the case is approved by it, and the levels that are left owe their word.
pub fn order(rules: Rules, case: &Case, officer: &Officer, asked: Asked, now: Instant) -> Result<Case, Guard> {
    rules.check(Guard::BeforeCutOff, before(now, case.cut_off))?;
    rules.check(Guard::SeenCurrent, asked.seen == case.version)?;
    rules.check(Guard::CaseReviewing, case.state == State::Reviewing)?;
    may_ever_order(rules, case, officer)?;
    rules.check(Guard::OrderAllowed, asked.allowed)?;
    rules.check(Guard::ApproveNotHalted, !case.halted)?;
    let mut next = case.next();
    let approved = |level: &u8| case.closing().any(|made| made.level == *level);
    next.order = Some(Order {
        officer: officer.who.user.clone(),
        round: case.round,
        owes: LEVELS.into_iter().filter(|level| !approved(level)).collect(),
        due: now.plus(asked.within),
        given: Vec::new(),
    });
    next.open = BTreeSet::new();
    next.state = State::Approved;
    Ok(next)
}

/// Whether this person could order the recall of this case first, were it allowed and its state the right one.
pub fn may_ever_order(rules: Rules, case: &Case, officer: &Officer) -> Result<(), Guard> {
    let who = &officer.who;
    rules.check(Guard::DeciderPerson, who.person)?;
    rules.check(Guard::OrderOnDuty, officer.on_duty)?;
    rules.check(Guard::OrderFit, is_fit(&who.roles))?;
    rules.check(Guard::OrderNotBarred, !officer.barred)?;
    rules.check(Guard::OrderNotRequester, who.user != case.requester)?;
    // Neither themself nor through whoever decided on their behalf.
    let decided = |d: &Made| d.decider == who.user || d.principal.as_ref() == Some(&who.user);
    rules.check(Guard::OrderNotDecided, !case.decisions.iter().any(decided))
}

/// Whether a case runs by an order that owes the words of the levels that did not approve: by somebody who did not ask for it and approved
/// nothing, beside approvals by different people.
pub fn ordered(case: &Case) -> bool {
    let Some(order) = case.order.as_ref().filter(|order| order.round == case.round) else { return false };
    let levels: BTreeSet<u8> = case.closing().map(|made| made.level).collect();
    let people: BTreeSet<&UserId> = case.approvers().map(|(_, who)| who).chain([&order.officer]).collect();
    let all = LEVELS.iter().all(|level| levels.contains(level) != order.owes.contains(level));
    all && people.len() == case.approvals().count() + 1 && !people.contains(&case.requester)
}

/// One level's word on a recall that came first. The case keeps its state and its version; `seen` is how many words there were on the page.
pub fn ratify(rules: Rules, case: &Case, who: &Decider, level: u8, verdict: Verdict, seen: usize) -> Result<Case, Guard> {
    let given = case.order.as_ref().map_or(0, |order| order.given.len());
    may_ever_ratify(rules, case, who, level)?;
    rules.check(Guard::RatifyOwed, case.order.as_ref().is_some_and(|order| order.open() == Some(level)))?;
    rules.check(Guard::RatifyCurrent, seen == given)?;
    let mut next = case.clone();
    if let Some(order) = &mut next.order {
        order.given.push(Given { level, by: who.user.clone(), verdict });
    }
    Ok(next)
}

/// Whether this person could ever say the word of this level.
pub fn may_ever_ratify(rules: Rules, case: &Case, who: &Decider, level: u8) -> Result<(), Guard> {
    qualified(rules, case, who, level)?;
    let order = case.order.as_ref();
    rules.check(Guard::RatifyNotOfficer, order.is_none_or(|order| order.officer != who.user))?;
    let elsewhere = |order: &Order| order.given.iter().any(|g| g.by == who.user && g.level != level);
    rules.check(Guard::RatifyOneLevel, !order.is_some_and(elsewhere))
}
