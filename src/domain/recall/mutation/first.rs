//! Recall first, ratify after, in the random stories: what must never be of an order and of the words of its ratification.

use std::time::Duration;

use proptest::test_runner::TestCaseError;

use super::{COUNSEL, CUT_OFF, Story, Verdict, Word, people};
use crate::domain::recall::{
    Case, State,
    ratification::{self, Asked, Officer},
};

impl Story {
    pub(super) fn order(&mut self, who: Option<usize>, [allowed, on_duty, barred, stale]: [bool; 4]) -> Verdict {
        // The officer of the stories is counsel.
        let index = who.unwrap_or(COUNSEL);
        let officer = Officer { who: people()[index].clone(), on_duty, barred };
        let asked = Asked { allowed, seen: self.case.version - i64::from(stale), within: Duration::from_secs(600) };
        let Ok(next) = ratification::order(self.rules, &self.case, &officer, asked, self.now) else { return Ok(()) };
        let name = &officer.who.user.0;
        never!(!allowed, "ordered what the rules do not allow");
        never!(!on_duty || barred, "{name} ordered off duty, or barred");
        never!(index == 0, "the requester ordered");
        never!(index == 6, "a program ordered");
        never!(matches!(index, 7 | 8), "{name} ordered, who could be no reviewer");
        never!(self.record.iter().any(|(_, _, w, _)| w == name), "{name} ordered what they had decided on");
        never!(self.case.state != State::Reviewing, "ordered while {}", self.case.state);
        never!(self.now >= CUT_OFF, "ordered after the deadline");
        never!(stale, "ordered something that had changed");
        never!(self.halted, "ordered after the halt");
        self.ordered = Some((self.case.round, index));
        self.case = next;
        Ok(())
    }

    pub(super) fn ratify(&mut self, who: Option<usize>, level: Option<u8>, word: Word, stale: bool) -> Verdict {
        let open = self.case.order.as_ref().and_then(ratification::Order::open);
        let level = level.or(open).unwrap_or(1);
        let index = who.unwrap_or(usize::from(level));
        let decider = &people()[index];
        let seen = self.words.len() + usize::from(stale);
        let before = self.case.clone();
        let Ok(next) = ratification::ratify(self.rules, &self.case, decider, level, word, seen) else { return Ok(()) };
        let name = &decider.user.0;
        let Some((round, officer)) = self.ordered else {
            never!(true, "ratified what nobody ordered");
            return Ok(());
        };
        never!(stale, "ratified on fewer words than there are");
        never!(index == officer, "{name} ratified their own order");
        if let Some(unfit) = self.unfit(index, level) {
            never!(true, "{name} ratified level {level}: {unfit}");
        }
        never!(self.words.iter().any(|(_, w, _)| *w == index), "{name} ratified two levels");
        never!(self.words.iter().any(|(l, ..)| *l >= level), "level {level} out of turn");
        never!(self.words.iter().any(|(_, _, w)| *w == Word::Refuse), "ratified after a refusal");
        never!(round != self.case.round, "ratified in another round");
        never!(self.closed(level), "level {level} had approved");
        never!((1..level).any(|l| !self.closed(l) && !self.words.iter().any(|(at, ..)| *at == l)), "level {level} before the levels below it");
        never!(Case { order: None, ..next.clone() } != Case { order: None, ..before }, "a ratification changed the case");
        self.words.push((level, index, word));
        self.case = next;
        Ok(())
    }
}
