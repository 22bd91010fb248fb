//! Taking part beside deciding, in the random stories.

use std::time::Duration;

use proptest::test_runner::TestCaseError;

use super::{CUT_OFF, Story, Verb, Verdict, everybody, name, people, principal};
use crate::domain::recall::{State, participation};

impl Story {
    /// What must hold of whoever passes on or asks.
    fn worked(&self, index: usize, level: u8) -> Verdict {
        let who = &everybody(index).user.0;
        never!(self.case.state != State::Reviewing, "{who} worked while {}", self.case.state);
        never!(self.now >= CUT_OFF, "{who} worked after the deadline");
        never!(!self.case.open.contains(&level), "{who} worked at a closed level");
        never!(self.unfit(index, level).is_some(), "{who} worked at level {level}, which is not theirs");
        never!(self.passed_elsewhere(index, level), "{who} worked at a level that was passed on");
        Ok(())
    }

    pub(super) fn transfer(&mut self, who: Option<usize>, to: usize) -> Verdict {
        let level = self.case.open.first().copied().unwrap_or(1);
        let index = who.unwrap_or(usize::from(level));
        let Ok(next) = participation::transfer(self.rules, &self.case, everybody(index), &people()[to], level, self.now) else { return Ok(()) };
        self.worked(index, level)?;
        never!(index >= people().len(), "passed on what was received");
        never!(index == to, "passed on to oneself");
        never!(self.added_to(level).any(|added| added == index), "an added reviewer passed the level on");
        never!(self.added_to(level).any(|added| added == to), "passed on to an added reviewer");
        if let Some(unfit) = self.unfit(to, level) {
            never!(true, "passed on to somebody unfit: {unfit}");
        }
        self.passed.push((self.case.round, level, to));
        self.case = next;
        Ok(())
    }

    pub(super) fn add(&mut self, who: Option<usize>, to: usize) -> Verdict {
        let level = self.case.open.first().copied().unwrap_or(1);
        let index = who.unwrap_or(usize::from(level));
        let Ok(next) = participation::add(self.rules, &self.case, everybody(index), &people()[to], level, self.now) else { return Ok(()) };
        self.worked(index, level)?;
        never!(index >= people().len(), "added by what was received");
        never!(index == to, "added themself");
        never!(self.added_to(level).any(|added| added == index), "an added reviewer added another");
        never!(self.added_to(level).any(|added| added == to), "added twice");
        never!(self.passed_to(level) == Some(to), "added to whom the level belongs");
        if let Some(unfit) = self.unfit(to, level) {
            never!(true, "added somebody unfit: {unfit}");
        }
        self.added.push((self.case.round, level, index, to));
        self.case = next;
        Ok(())
    }

    pub(super) fn remove(&mut self, who: Option<usize>, to: usize) -> Verdict {
        let level = self.case.open.first().copied().unwrap_or(1);
        let index = who.unwrap_or(usize::from(level));
        let Ok(next) = participation::remove(self.rules, &self.case, everybody(index), &name(to), level, self.now) else { return Ok(()) };
        never!(self.case.state != State::Reviewing || self.now >= CUT_OFF, "removed out of time");
        never!(!self.awaited(level).any(|added| added == to), "removed who was not awaited");
        let adder = self.added.iter().find(|(r, l, _, added)| *r == self.case.round && *l == level && *added == to).map(|(_, _, by, _)| *by);
        never!(adder != Some(index), "removed whom somebody else added");
        self.added.retain(|(r, l, _, added)| !(*r == self.case.round && *l == level && *added == to));
        self.case = next;
        Ok(())
    }

    pub(super) fn ask(&mut self, who: Option<usize>) -> Verdict {
        let level = self.case.open.first().copied().unwrap_or(1);
        let index = who.unwrap_or(usize::from(level));
        let Ok(next) = participation::ask(self.rules, &self.case, everybody(index), level, self.now) else { return Ok(()) };
        self.worked(index, level)?;
        never!(self.asked.is_some_and(|(round, l, _)| round == self.case.round && l == level), "asked while a question waits");
        self.asked = Some((self.case.round, level, index));
        self.askers.insert(index);
        self.case = next;
        Ok(())
    }

    pub(super) fn reply(&mut self, who: usize) -> Verdict {
        let Ok((next, level)) = participation::answer(self.rules, &self.case, &name(who), self.now) else { return Ok(()) };
        never!(who != 0, "somebody else answered");
        never!(self.case.state != State::Reviewing || self.now >= CUT_OFF, "answered out of time");
        never!(self.asked.is_none_or(|(round, l, _)| round != self.case.round || l != level), "answered what nobody asked");
        self.asked = None;
        self.case = next;
        Ok(())
    }

    pub(super) fn remind(&mut self, who: usize, other: bool) -> Verdict {
        let level = if other { 3 } else { participation::waits_at(&self.case) };
        let Ok(next) = participation::remind(self.rules, &self.case, &people()[who], level, self.now) else { return Ok(()) };
        never!(!matches!(self.case.state, State::Reviewing | State::Returned), "reminded while {}", self.case.state);
        never!(self.case.state == State::Reviewing && !self.case.open.contains(&level), "reminded of a closed level");
        never!(self.now >= CUT_OFF, "reminded after the deadline");
        never!(!self.takes_part(who), "reminded without taking part");
        let hour = Duration::from_secs(3600);
        let lately = self.reminded.iter().any(|(r, l, at)| *r == self.case.round && *l == level && self.now < at.plus(hour));
        never!(lately, "reminded twice within an hour");
        self.reminded.push((self.case.round, level, self.now));
        self.case = next;
        Ok(())
    }

    /// Whether a level has an approval of this round that is not an added reviewer's.
    pub(super) fn closed(&self, level: u8) -> bool {
        let said = self.record.iter().zip(&self.names);
        let mut said = said.filter(|((r, l, _, v), _)| *r == self.case.round && *l == level && *v == Verb::Approve);
        said.any(|((_, _, who, _), name)| !self.added_to(level).any(|to| people()[to].user.as_str() == name.unwrap_or(who.as_str())))
    }

    pub(super) fn added_to(&self, level: u8) -> impl Iterator<Item = usize> {
        self.added.iter().filter(move |(r, l, ..)| *r == self.case.round && *l == level).map(|(.., to)| *to)
    }

    /// Who was added to a level and has not decided it, nor anybody in their name.
    pub(super) fn awaited(&self, level: u8) -> impl Iterator<Item = usize> {
        self.added_to(level).filter(move |to| {
            let name = &people()[*to].user.0;
            let mut said = self.record.iter().zip(&self.names);
            !said.any(|((r, l, who, _), of)| *r == self.case.round && *l == level && of.unwrap_or(who.as_str()) == name)
        })
    }

    /// Whether what `index` decides at a level is the word of `to`.
    pub(super) fn speaks_for(&self, index: usize, level: u8, to: usize) -> bool {
        index == to || principal(index, level).is_some_and(|name| people()[to].user.as_str() == name)
    }
}
