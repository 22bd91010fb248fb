//! Taking part in a case beside deciding: an open level is passed on (转办), reviewers are added to it and removed (加签、减签), the requester is
//! asked for more (要求补充) and answers, people comment (留言) and remind (催办). Nothing of it decides, and the clock goes on.

use std::{collections::BTreeSet, time::Duration};

use super::{
    Case, Guard, Rules, State,
    approval::{Decider, LEVELS, capacity, may_ever_decide, qualified},
    before,
};
use crate::{clock::Instant, id::UserId, words};

words! {
    /// What people leave in a case; words `entry-<as_str>`.
    pub enum Entry {
        Transfer = "transfer",
        Addition = "addition",
        Removal = "removal",
        Question = "question",
        Answer = "answer",
        Comment = "comment",
        Reminder = "reminder",
    }
}

/// A level was passed on: from then on it is `to`'s alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    pub round: u32,
    pub level: u8,
    pub to: UserId,
}

/// A reviewer was added: the level is not approved before they have approved too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addition {
    pub round: u32,
    pub level: u8,
    pub by: UserId,
    pub to: UserId,
}

/// The requester was asked for more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    pub round: u32,
    pub level: u8,
    pub by: UserId,
    pub answered: bool,
}

/// Whoever has to act was reminded; `level` is 0 where that is the requester of a returned case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reminder {
    pub round: u32,
    pub level: u8,
    pub at: Instant,
}

/// A level is reminded of at most so often.
pub const REMIND_EVERY: Duration = Duration::from_secs(3600);

/// Whose a level is alone, because it was passed on to them in this round.
pub fn holder(case: &Case, level: u8) -> Option<&UserId> {
    case.transfers.iter().rev().find(|t| t.round == case.round && t.level == level).map(|t| &t.to)
}

/// The reviewers who were added to a level in this round.
pub fn added(case: &Case, level: u8) -> impl Iterator<Item = &Addition> {
    case.additions.iter().filter(move |a| a.round == case.round && a.level == level)
}

/// Whether a person was added to a level in this round.
pub fn is_added(case: &Case, level: u8, user: &UserId) -> bool {
    added(case, level).any(|a| a.to == *user)
}

/// Added reviewers of a level who have not decided yet.
pub fn awaited(case: &Case, level: u8) -> impl Iterator<Item = &Addition> {
    let said = move |a: &&Addition| case.decisions.iter().any(|d| d.round == case.round && d.level == level && d.voice() == &a.to);
    added(case, level).filter(move |a| !said(a))
}

/// The question that waits for its answer: of this round, at a level that is still open.
pub fn unanswered(case: &Case) -> Option<&Question> {
    case.questions.iter().find(|q| q.round == case.round && !q.answered && case.open.contains(&q.level))
}

/// Who could decide the level in their own name passes it on. Whether the new person may have it is checked now, and again when they decide.
pub fn transfer(rules: Rules, case: &Case, who: &Decider, to: &Decider, level: u8, now: Instant) -> Result<Case, Guard> {
    at_work(rules, case, who, level, now)?;
    rules.check(Guard::TransferByOwn, matches!(capacity(rules, case, who, level), Ok(None)))?;
    rules.check(Guard::AddedDecides, !is_added(case, level, &who.user))?;
    rules.check(Guard::TransferElsewhere, to.user != who.user)?;
    rules.check(Guard::TransferToEligible, qualified(Rules::ALL, case, to, level).is_ok() && !is_added(case, level, &to.user))?;
    let mut next = case.next();
    next.transfers.push(Transfer { round: case.round, level, to: to.user.clone() });
    Ok(next)
}

/// Who could decide the level in their own name, and was not added themself, adds somebody who could: they approve first, and whoever the
/// level belongs to after them. The level's time stays what it is.
pub fn add(rules: Rules, case: &Case, who: &Decider, to: &Decider, level: u8, now: Instant) -> Result<Case, Guard> {
    at_work(rules, case, who, level, now)?;
    rules.check(Guard::TransferByOwn, matches!(capacity(rules, case, who, level), Ok(None)))?;
    rules.check(Guard::AddedDecides, !is_added(case, level, &who.user))?;
    let free = to.user != who.user && holder(case, level) != Some(&to.user) && !is_added(case, level, &to.user);
    rules.check(Guard::AddEligible, free && qualified(Rules::ALL, case, to, level).is_ok())?;
    let mut next = case.next();
    next.additions.push(Addition { round: case.round, level, by: who.user.clone(), to: to.user.clone() });
    Ok(next)
}

/// Who added somebody removes them again, as long as they have not decided.
pub fn remove(rules: Rules, case: &Case, who: &Decider, to: &UserId, level: u8, now: Instant) -> Result<Case, Guard> {
    rules.check(Guard::BeforeCutOff, before(now, case.cut_off))?;
    rules.check(Guard::CaseReviewing, case.state == State::Reviewing)?;
    let mut waiting = awaited(case, level).filter(|a| a.to == *to);
    let found = waiting.next();
    rules.check(Guard::RemoveWaiting, found.is_some())?;
    rules.check(Guard::RemoveByAdder, found.is_none_or(|a| a.by == who.user))?;
    let mut next = case.next();
    next.additions.retain(|a| !(a.round == case.round && a.level == level && a.to == *to));
    Ok(next)
}

/// Who could decide the level asks the requester; one question at a time.
pub fn ask(rules: Rules, case: &Case, who: &Decider, level: u8, now: Instant) -> Result<Case, Guard> {
    at_work(rules, case, who, level, now)?;
    rules.check(Guard::AskOnce, unanswered(case).is_none())?;
    let mut next = case.next();
    next.questions.push(Question { round: case.round, level, by: who.user.clone(), answered: false });
    Ok(next)
}

/// The requester answers the question that waits; the level that it was asked at comes with the case.
pub fn answer(rules: Rules, case: &Case, who: &UserId, now: Instant) -> Result<(Case, u8), Guard> {
    rules.check(Guard::BeforeCutOff, before(now, case.cut_off))?;
    rules.check(Guard::AnswerByRequester, *who == case.requester)?;
    rules.check(Guard::CaseReviewing, case.state == State::Reviewing)?;
    let level = unanswered(case).map(|q| q.level);
    rules.check(Guard::AnswerAsked, level.is_some())?;
    let mut next = case.next();
    for question in &mut next.questions {
        question.answered |= Some(question.level) == level && question.round == case.round;
    }
    Ok((next, level.unwrap_or_default()))
}

/// Who takes part in a case that has not ended may say something.
pub fn comment(rules: Rules, case: &Case, who: &Decider) -> Result<(), Guard> {
    rules.check(Guard::CommentOpen, !case.state.is_terminal())?;
    rules.check(Guard::TakesPart, takes_part(case, who))
}

/// Who takes part reminds whoever must act: at an open level, or (level 0) the requester of a returned case. The case keeps its version, for
/// nothing of what a decider sees has changed.
pub fn remind(rules: Rules, case: &Case, who: &Decider, level: u8, now: Instant) -> Result<Case, Guard> {
    let waits = match case.state {
        State::Reviewing => case.open.contains(&level),
        State::Returned => level == 0,
        _ => false,
    };
    rules.check(Guard::RemindWaits, waits && before(now, case.cut_off))?;
    rules.check(Guard::TakesPart, takes_part(case, who))?;
    let lately = |r: &Reminder| r.round == case.round && r.level == level && now < r.at.plus(REMIND_EVERY);
    rules.check(Guard::RemindHourly, !case.reminders.iter().any(lately))?;
    let mut next = case.clone();
    next.reminders.push(Reminder { round: case.round, level, at: now });
    Ok(next)
}

/// Whom a reminder would go to now, if it may go: the lowest open level, or the requester (0).
pub fn waits_at(case: &Case) -> u8 {
    if case.state == State::Reviewing { case.open.first().copied().unwrap_or_default() } else { 0 }
}

/// Everybody who has taken part: who asked for the recall, decided, carried it out, was passed a level or added to one, or asked a question.
pub fn participants(case: &Case) -> BTreeSet<&UserId> {
    let decided = case.decisions.iter().map(|d| &d.decider);
    let called = case.transfers.iter().map(|t| &t.to).chain(case.additions.iter().map(|a| &a.to));
    let asked = case.questions.iter().map(|q| &q.by);
    std::iter::once(&case.requester).chain(&case.operators).chain(decided).chain(called).chain(asked).collect()
}

/// Who has taken part, or can decide some level.
fn takes_part(case: &Case, who: &Decider) -> bool {
    who.person
        && (participants(case).contains(&who.user)
            || LEVELS.iter().any(|level| qualified(Rules::ALL, case, who, *level).is_ok() || may_ever_decide(Rules::ALL, case, who, *level).is_ok()))
}

/// What passing on and asking have in common with deciding.
fn at_work(rules: Rules, case: &Case, who: &Decider, level: u8, now: Instant) -> Result<(), Guard> {
    rules.check(Guard::BeforeCutOff, before(now, case.cut_off))?;
    rules.check(Guard::CaseReviewing, case.state == State::Reviewing)?;
    may_ever_decide(rules, case, who, level)?;
    rules.check(Guard::LevelOpen, case.open.contains(&level))
}
