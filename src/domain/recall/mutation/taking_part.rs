//! Taking part beside deciding, in the random stories.

use std::time::Duration;

use proptest::test_runner::TestCaseError;

use super::{CUT_OFF, Story, Verdict, everybody, name, people};
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
        let Ok(next) = participation::transfer(self.rules, &self.case, &everybody(index), &people()[to], level, self.now) else { return Ok(()) };
        self.worked(index, level)?;
        never!(index >= people().len(), "passed on what was received");
        never!(index == to, "passed on to oneself");
        if let Some(unfit) = self.unfit(to, level) {
            never!(true, "passed on to somebody unfit: {unfit}");
        }
        self.passed.push((self.case.round, level, to));
        self.case = next;
        Ok(())
    }

    pub(super) fn ask(&mut self, who: Option<usize>) -> Verdict {
        let level = self.case.open.first().copied().unwrap_or(1);
        let index = who.unwrap_or(usize::from(level));
        let Ok(next) = participation::ask(self.rules, &self.case, &everybody(index), level, self.now) else { return Ok(()) };
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
}
