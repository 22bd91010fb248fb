//! Three levels of review: who may decide what, and what a decision makes of the case; return, withdrawal, resubmission, expiry.

use std::collections::BTreeSet;

use super::{
    Case, Guard, Made, Rules, State, Verb, before,
    delegation::{self, Grant},
    participation::{self, holder},
    weighing::{self, Answers, Matter},
};
use crate::{
    clock::Instant,
    domain::{
        role::Role,
        text::{self, TextError},
    },
    id::{DepartmentId, UserId},
};

/// The three levels, in their order: 部门复核、法务合规复核、终审.
pub const LEVELS: [u8; 3] = [1, 2, 3];

/// Somebody who wants to decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decider {
    pub user: UserId,
    pub roles: BTreeSet<Role>,
    pub department: Option<DepartmentId>,
    /// A person with proof of identity; a service token is none.
    pub person: bool,
    /// What others handed them; what is in force comes first.
    pub grants: Vec<Grant>,
}

/// What is to be decided, and which version of the case the decider had before them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ballot {
    pub level: u8,
    pub verb: Verb,
    pub seen: i64,
    /// What level 2 was asked; nothing at the other levels.
    pub answers: Answers,
    /// Readers are not to be told, and some may have read it.
    pub silent: bool,
}

/// A comment of 4 to 500 characters that says something: a few repeated signs or punctuation alone do not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment(String);

impl Comment {
    pub const MIN: usize = 4;
    pub const MAX: usize = 500;

    /// # Errors
    /// [`CommentError::Text`] for length and control characters, [`CommentError::Trivial`] for fewer than three different letters or digits.
    pub fn parse(typed: &str) -> Result<Self, CommentError> {
        let text = text::paragraph(typed, Self::MIN, Self::MAX)?;
        let different: BTreeSet<char> = text.chars().filter(|c| c.is_alphanumeric()).collect();
        if different.len() < 3 { Err(CommentError::Trivial) } else { Ok(Self(text)) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommentError {
    #[error(transparent)]
    Text(#[from] TextError),
    #[error("says nothing")]
    Trivial,
}

/// One level's decision.
///
/// Approve closes the level and opens the next; the last approval makes the case `approved`. Return and reject need one voice. Where reviewers
/// were added to the level, each of them approves first. What level 2 answers binds its approval ([`weighing::check`]).
pub fn decide(rules: Rules, case: &Case, who: &Decider, ballot: Ballot, now: Instant) -> Result<Case, Guard> {
    rules.check(Guard::BeforeCutOff, before(now, case.cut_off))?;
    rules.check(Guard::SeenCurrent, ballot.seen == case.version)?;
    rules.check(Guard::CaseReviewing, case.state == State::Reviewing)?;
    let grant = capacity(rules, case, who, ballot.level)?;
    rules.check(Guard::DelegationInForce, grant.is_none_or(|grant| grant.in_force(now)))?;
    rules.check(Guard::LevelOpen, case.open.contains(&ballot.level))?;
    rules.check(Guard::ApproveNotHalted, ballot.verb != Verb::Approve || !case.halted)?;
    let principal = grant.map(|grant| grant.principal.clone());
    let added = participation::is_added(case, ballot.level, principal.as_ref().unwrap_or(&who.user));
    let first = ballot.verb != Verb::Approve || added || participation::awaited(case, ballot.level).next().is_none();
    rules.check(Guard::AddedFirst, first)?;
    weighing::check(rules, case, who, &ballot)?;

    let mut next = case.next();
    let foresees = ballot.answers.says(Matter::Dispute);
    next.decisions.push(Made { round: case.round, level: ballot.level, decider: who.user.clone(), principal, verb: ballot.verb, foresees });
    match ballot.verb {
        // An added reviewer's approval is heard; the level is closed by whoever it belongs to.
        Verb::Approve if added => {}
        Verb::Approve => {
            next.open.remove(&ballot.level);
            if next.open.is_empty() {
                match following(&next) {
                    Some(level) => drop(next.open.insert(level)),
                    None => next.state = State::Approved,
                }
            }
        }
        // The open levels stay as they were: they tell where the case stood when it was returned or ended.
        Verb::Return => next.state = State::Returned,
        Verb::Reject => next.state = State::Rejected,
    }
    Ok(next)
}

/// Whether this person could decide this level of this case at all, whatever its state: for lists of who can, and for the sentence
/// that tells a reader why they cannot.
pub fn may_ever_decide(rules: Rules, case: &Case, who: &Decider, level: u8) -> Result<(), Guard> {
    capacity(rules, case, who, level).map(drop)
}

/// In whose name they could: their own (`None`), which goes first, or that of who handed them a grant. The refusal is that of their own name,
/// and for who does not hold the level themself, that of what they were handed.
pub fn capacity<'w>(rules: Rules, case: &Case, who: &'w Decider, level: u8) -> Result<Option<&'w Grant>, Guard> {
    let named = |user: &UserId| {
        case.is_widened(level) || holder(case, level).is_none_or(|holder| holder == user) || participation::is_added(case, level, user)
    };
    let theirs = |user: &UserId| rules.check(Guard::DeciderHolder, named(user));
    let mut why = match qualified(rules, case, who, level).and_then(|()| theirs(&who.user)) {
        Ok(()) => return Ok(None),
        Err(guard) => guard,
    };
    for grant in &who.grants {
        match delegation::on_behalf(rules, case, who, grant, level).and_then(|()| theirs(&grant.principal)) {
            Ok(()) => return Ok(Some(grant)),
            // That some other level was handed to them explains nothing where there is a nearer reason.
            Err(guard) if why == Guard::DeciderRole || (why == Guard::DelegatedLevel && guard != why) => why = guard,
            Err(_) => {}
        }
    }
    Err(why)
}

/// Whether they could in their own name, whoever it was passed on to: what makes somebody fit to have the level passed on to them.
pub fn qualified(rules: Rules, case: &Case, who: &Decider, level: u8) -> Result<(), Guard> {
    rules.check(Guard::DeciderPerson, who.person)?;
    rules.check(Guard::DeciderNotRequester, who.user != case.requester)?;
    rules.check(Guard::DeciderNotAdministrator, !who.roles.iter().any(|r| r.is_administrator()))?;
    rules.check(Guard::DeciderRole, who.roles.iter().any(|r| r.level() == Some(level)))?;
    rules.check(Guard::DeciderDepartment, level != 1 || in_department(case, who))?;
    rules.check(Guard::DeciderOneLevel, !delegation::decided_elsewhere(case, &who.user, level))?;
    rules.check(Guard::DecidedForElsewhere, !delegation::decided_for_elsewhere(case, &who.user, level))?;
    rules.check(Guard::DeciderOnce, !delegation::decided_here(case, &who.user, level))
}

/// Level 1 belongs to the sender's department: a reviewer answers for their own department with its sub-departments. A sender without
/// a department can be judged by any department reviewer, and so can a case whose department let its time pass, where the policy has it so.
fn in_department(case: &Case, who: &Decider) -> bool {
    case.departments.is_empty() || case.is_widened(LEVELS[0]) || who.department.as_ref().is_some_and(|d| case.departments.contains(d))
}

/// The lowest level that nobody has approved in this round.
fn following(case: &Case) -> Option<u8> {
    LEVELS.into_iter().find(|level| !case.closing().any(|made| made.level == *level))
}

/// The requester takes the request back, while it is still being judged or after it was halted before it began.
pub fn withdraw(rules: Rules, case: &Case, who: &UserId) -> Result<Case, Guard> {
    let halted = case.state == State::Approved && case.halted;
    rules.check(Guard::WithdrawByRequester, *who == case.requester)?;
    rules.check(Guard::WithdrawOpen, matches!(case.state, State::Reviewing | State::Returned) || halted)?;
    Ok(closed(case, State::Withdrawn))
}

/// A returned request comes back: a new round, and the levels open anew.
pub fn resubmit(rules: Rules, case: &Case, who: &UserId, now: Instant) -> Result<Case, Guard> {
    rules.check(Guard::ResubmitByRequester, *who == case.requester)?;
    rules.check(Guard::ResubmitReturned, case.state == State::Returned)?;
    rules.check(Guard::ResubmitBeforeCutOff, before(now, case.cut_off))?;
    let mut next = case.next();
    next.state = State::Reviewing;
    next.round += 1;
    next.open = BTreeSet::from([1]);
    next.escalated.clear();
    Ok(next)
}

/// The time of an open level, `due`, is over. Where the policy widens such a level, whoever holds its role may decide it from now on, in their
/// own name: of whatever department, and although it was passed on to somebody. Nothing else changes: the case keeps its version, for nothing
/// of what a decider was shown has changed, and nobody's silence is ever an approval.
pub fn escalate(rules: Rules, case: &Case, level: u8, due: Instant, now: Instant) -> Result<Case, Guard> {
    rules.check(Guard::BeforeCutOff, before(now, case.cut_off))?;
    rules.check(Guard::CaseReviewing, case.state == State::Reviewing)?;
    rules.check(Guard::LevelOpen, case.open.contains(&level))?;
    rules.check(Guard::EscalateDue, now >= due)?;
    let mut next = case.clone();
    next.escalated.insert(level);
    Ok(next)
}

/// The window closed before a decision, or before an approved recall could start.
pub fn expire(rules: Rules, case: &Case, now: Instant) -> Result<Case, Guard> {
    rules.check(Guard::ExpireOpen, matches!(case.state, State::Reviewing | State::Returned | State::Approved))?;
    let end = if case.state == State::Approved { case.window_end() } else { case.cut_off };
    rules.check(Guard::ExpireDue, !before(now, end))?;
    Ok(closed(case, State::Expired))
}

fn closed(case: &Case, state: State) -> Case {
    let mut next = case.next();
    next.state = state;
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_says_something() {
        assert_eq!(Comment::parse("  情况属实。 ").map(|c| c.0).as_deref(), Ok("情况属实。"));
        assert_eq!(Comment::parse(""), Err(CommentError::Text(TextError::Required)));
        assert_eq!(Comment::parse("同意"), Err(CommentError::Text(TextError::TooShort { min: 4 })));
        for trivial in ["……！！", "aaaaaa", "好好好好好", "1 1 1 1", "\u{1f44d}\u{1f44d}\u{1f44d}\u{1f44d}"] {
            assert_eq!(Comment::parse(trivial), Err(CommentError::Trivial), "{trivial}");
        }
        assert_eq!(Comment::parse("ok\0ok"), Err(CommentError::Text(TextError::Control)));
        assert_eq!(Comment::parse(&"字句多".repeat(167)), Err(CommentError::Text(TextError::TooLong { max: 500 })));
    }
}
