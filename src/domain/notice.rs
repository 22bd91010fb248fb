//! Who is told what about a case, by mail. Not here: addresses, words, sending (`app::notices`).

use std::collections::BTreeSet;

use super::recall::{
    Case, Mode, Rules, State,
    approval::{Decider, may_ever_decide},
    participation::{is_added, participants, unanswered},
    ratification::may_ever_ratify,
};
use crate::{id::UserId, words};

words! {
    /// What somebody is told.
    pub enum Notice {
        /// A level is theirs to decide.
        Decide = "decide",
        /// It still is, and half of its time has passed.
        Remind = "remind",
        /// Their request came back.
        Returned = "returned",
        /// To be carried out in the platform's console.
        CarryOut = "carry_out",
        /// A second look at captures.
        Confirm = "confirm",
        /// A reviewer asks them for more.
        Asked = "asked",
        /// Their question was answered.
        Answered = "answered",
        /// The case has ended.
        Ended = "ended",
        /// It was recalled first: to who asked, and to who administers security.
        Ordered = "ordered",
        /// It was recalled first, and their level's word will be asked after that of the levels below.
        Skipped = "skipped",
        /// It was recalled first, and their level's word is owed now.
        Ratify = "ratify",
        /// It still is, and half of the time has passed.
        RatifyRemind = "ratify_remind",
        /// A step of its remediation plan is theirs.
        Remedy = "remedy",
        /// A step that is theirs, or that they planned, is overdue.
        RemedyOverdue = "remedy_overdue",
        /// Somebody else said something in a case that concerns them.
        Commented = "commented",
        /// A level was not decided in its time.
        Escalated = "escalated",
        /// They had been added as a reviewer, and are waited for no more.
        Removed = "removed",
    }
}

/// One person to be told; `level` is 0 where no level is meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Told {
    pub user: UserId,
    pub notice: Notice,
    pub level: u8,
}

/// Whom the case concerns as it stands: everybody who may do the next step, and at its end who asked and who decided. `deciders` are all who
/// hold a level's role, `operators` all platform operators.
pub fn due(case: &Case, deciders: &[Decider], operators: &[UserId]) -> BTreeSet<Told> {
    let told = |user: &UserId, notice, level| Told { user: user.clone(), notice, level };
    match case.state {
        State::Reviewing => case
            .open
            .iter()
            .flat_map(|level| {
                deciders.iter().filter(|d| may_ever_decide(Rules::ALL, case, d, *level).is_ok()).map(|d| told(&d.user, Notice::Decide, *level))
            })
            .collect(),
        State::Returned => BTreeSet::from([told(&case.requester, Notice::Returned, 0)]),
        State::Approved | State::Executing if case.mode == Mode::Guided => {
            // Whoever captured does not confirm, and nobody confirms what they asked for.
            let notice = if case.operators.is_empty() { Notice::CarryOut } else { Notice::Confirm };
            let able = operators.iter().filter(|user| !case.operators.contains(user) && (notice == Notice::CarryOut || **user != case.requester));
            able.map(|user| told(user, notice, 0)).collect()
        }
        State::Approved | State::Executing => BTreeSet::new(),
        _ => std::iter::once(&case.requester).chain(case.decisions.iter().map(|d| &d.decider)).map(|user| told(user, Notice::Ended, 0)).collect(),
    }
}

/// Whom it concerns that a case was recalled first: who asked, `overseers` (who administers security), and everybody who may say the word of a
/// level that is owed.
pub fn of_order(case: &Case, deciders: &[Decider], overseers: &[UserId]) -> BTreeSet<Told> {
    let Some(order) = &case.order else { return BTreeSet::new() };
    let open = order.open();
    let mut told: BTreeSet<Told> =
        overseers.iter().chain([&case.requester]).map(|user| Told { user: user.clone(), notice: Notice::Ordered, level: 0 }).collect();
    for level in order.owes.iter().filter(|level| open.is_some_and(|open| **level >= open)) {
        let notice = if open == Some(*level) { Notice::Ratify } else { Notice::Skipped };
        let able = deciders.iter().filter(|d| may_ever_ratify(Rules::ALL, case, d, *level).is_ok());
        told.extend(able.map(|d| Told { user: d.user.clone(), notice, level: *level }));
    }
    told
}

/// Whom it concerns that the time of an open level is over: everybody who can decide it, or a level after it, and who asked.
pub fn of_escalation(case: &Case, deciders: &[Decider], level: u8) -> BTreeSet<Told> {
    let able = |who: &&Decider| (level..=3).any(|level| may_ever_decide(Rules::ALL, case, who, level).is_ok());
    let told = deciders.iter().filter(able).map(|who| &who.user).chain([&case.requester]);
    told.map(|user| Told { user: user.clone(), notice: Notice::Escalated, level }).collect()
}

/// Whom a comment concerns besides its author: everybody who took part, and who can decide now by `due`, which is what [`due`] and [`of_order`]
/// give. Nobody once the case has ended.
pub fn of_comment(case: &Case, due: &BTreeSet<Told>) -> BTreeSet<UserId> {
    if case.state.is_terminal() {
        return BTreeSet::new();
    }
    let deciding = due.iter().filter(|told| matches!(told.notice, Notice::Decide | Notice::Ratify)).map(|told| &told.user);
    participants(case).into_iter().chain(deciding).cloned().collect()
}

/// Whether what somebody was to be told still holds of them: nobody is called to a level that has been decided meanwhile, or that is not
/// theirs any more. `due` is what [`due`] gives now.
pub fn still(case: &Case, due: &BTreeSet<Told>, user: &UserId, notice: Notice, round: u32, level: u8) -> bool {
    let now = match notice {
        Notice::Remind => Notice::Decide,
        Notice::RatifyRemind => Notice::Ratify,
        other => other,
    };
    let told = Told { user: user.clone(), notice: now, level };
    match notice {
        Notice::Asked => return *user == case.requester && unanswered(case).is_some_and(|q| q.round == round && q.level == level),
        Notice::Answered => return due.contains(&Told { notice: Notice::Decide, ..told }) && case.round == round,
        // What was said in an earlier round is still to be read.
        Notice::Commented => return of_comment(case, due).contains(user),
        Notice::Escalated => return case.state == State::Reviewing && case.round == round && case.open.contains(&level),
        Notice::Removed => return !case.state.is_terminal() && case.round == round && !is_added(case, level, user),
        _ => {}
    }
    due.contains(&told) && (notice == Notice::Ended || case.round == round)
}
