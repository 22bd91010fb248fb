//! Random stories against the machine, judged by an oracle that knows only what must never happen; and the proof that each guard is
//! needed: with any single one taken away, the same stories break the same oracle.

use std::{collections::BTreeSet, time::Duration};

use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner},
};

use super::{
    Case, Guard, Mode, Rules, State, Verb,
    approval::{self, Ballot},
    delegation::DELEGABLE,
    execution::{self, Answer, Next, ReadBack},
    participation,
    ratification::Verdict as Word,
    weighing::{Answers, Matter, Reply},
};
use crate::{
    clock::Instant,
    domain::outcome::{RecipientOutcome, Tally},
    id::UserId,
};

mod act;
mod cast;
mod counted;

use act::{Act, Weighs, act};
use cast::{ENDS, deputies, everybody, people, principal};
pub(super) use counted::count;

const CUT_OFF: Instant = Instant(1_000_000_000);
/// When every level should have been decided.
const DUE: Instant = Instant(300_000_000);
/// Whose place among the people is the usual officer's.
const COUNSEL: usize = 9;
/// Who holds the role of every level, and is counsel.
const EVERYTHING: usize = 5;

/// A case, the time, and the record that the oracle keeps for itself.
struct Story {
    rules: Rules,
    case: Case,
    now: Instant,
    calls: Vec<(Instant, Answer)>,
    /// Accepted decisions: round, level, name, verb.
    record: Vec<(u32, u8, String, Verb)>,
    /// On whose behalf those were, in the same order.
    names: Vec<Option<&'static str>>,
    /// Accepted transfers: round, level, to whom.
    passed: Vec<(u32, u8, usize)>,
    /// Accepted additions that were not taken back: round, level, by whom, whom.
    added: Vec<(u32, u8, usize, usize)>,
    /// Whether a question waits: round and level, who asked.
    asked: Option<(u32, u8, usize)>,
    reminded: Vec<(u32, u8, Instant)>,
    askers: BTreeSet<usize>,
    halted: bool,
    operators: BTreeSet<String>,
    /// Accepted order: in which round, by whom.
    ordered: Option<(u32, usize)>,
    /// Levels that were escalated: round, level.
    overdue: BTreeSet<(u32, u8)>,
    /// In which rounds counsel approved level 2 although they foresaw a dispute.
    foreseen: BTreeSet<u32>,
    /// Accepted words of its ratification: level, who, what.
    words: Vec<(u8, usize, Word)>,
}

type Verdict = Result<(), TestCaseError>;

macro_rules! never {
    ($wrong:expr, $($what:tt)*) => { if $wrong { return Err(TestCaseError::fail(format!($($what)*))); } };
}

mod first;
mod taking_part;

impl Story {
    fn new(rules: Rules, mode: Mode) -> Self {
        let case = Case {
            state: State::Reviewing,
            open: BTreeSet::from([1]),
            round: 1,
            mode,
            requester: "requester".into(),
            departments: vec!["payroll".into(), "hr".into()],
            delegable: DELEGABLE.into(),
            must_answer: true,
            widens: true,
            escalated: BTreeSet::new(),
            decisions: Vec::new(),
            transfers: Vec::new(),
            additions: Vec::new(),
            questions: Vec::new(),
            reminders: Vec::new(),
            order: None,
            cut_off: Some(CUT_OFF),
            halted: false,
            operators: BTreeSet::new(),
            version: 1,
        };
        Self {
            rules,
            case,
            now: Instant(0),
            calls: Vec::new(),
            record: Vec::new(),
            names: Vec::new(),
            passed: Vec::new(),
            added: Vec::new(),
            asked: None,
            reminded: Vec::new(),
            askers: BTreeSet::new(),
            halted: false,
            operators: BTreeSet::new(),
            ordered: None,
            overdue: BTreeSet::new(),
            foreseen: BTreeSet::new(),
            words: Vec::new(),
        }
    }

    /// Takes one step; a refusal is no step.
    fn take(&mut self, act: &Act) -> Verdict {
        let before = self.case.clone();
        let after_window = self.now >= Instant(CUT_OFF.0 + 120_000_000);
        match act {
            Act::Tick(seconds) => self.now = self.now.plus(Duration::from_secs(*seconds)),
            Act::Forge if self.case.state == State::Reviewing => {
                self.case.state = State::Approved;
                return Ok(());
            }
            Act::Forge => {}
            Act::Decide { who, level, verb, stale, weighs } => self.decide(*who, *level, *verb, *stale, *weighs)?,
            Act::Transfer(who, to) => self.transfer(*who, *to)?,
            Act::Add(who, to) => self.add(*who, *to)?,
            Act::Remove(who, to) => self.remove(*who, *to)?,
            Act::Ask(who) => self.ask(*who)?,
            Act::Reply(who) => self.reply(*who)?,
            Act::Comment(who) => {
                if participation::comment(self.rules, &self.case, &people()[*who]).is_ok() {
                    never!(before.state.is_terminal(), "commented on what had ended");
                    never!(!self.takes_part(*who), "commented without taking part");
                }
            }
            Act::Remind(who, other) => return self.remind(*who, *other),
            Act::Order { who, allowed, on_duty, barred, stale } => self.order(*who, [*allowed, *on_duty, *barred, *stale])?,
            // A ratification changes no case.
            Act::Ratify { who, level, word, stale } => return self.ratify(*who, *level, *word, *stale),
            Act::Withdraw(who) => {
                if let Ok(next) = approval::withdraw(self.rules, &self.case, &name(*who)) {
                    never!(before.state == State::Approved && !self.halted, "withdrew what was approved");
                    never!(*who != 0, "somebody else withdrew the request");
                    self.case = next;
                }
            }
            Act::Resubmit(who) => {
                if let Ok(next) = approval::resubmit(self.rules, &self.case, &name(*who), self.now) {
                    never!(*who != 0, "somebody else resubmitted the request");
                    never!(before.state != State::Returned, "resubmitted without having been returned");
                    never!(self.now >= CUT_OFF, "resubmitted after the deadline");
                    self.case = next;
                }
            }
            Act::Expire => {
                if let Ok(next) = approval::expire(self.rules, &self.case, self.now) {
                    never!(self.now < CUT_OFF, "expired before its time");
                    self.case = next;
                }
            }
            Act::Escalate(level) => {
                let level = level.or_else(|| self.case.open.first().copied()).unwrap_or(1);
                if let Ok(next) = approval::escalate(self.rules, &self.case, level, DUE, self.now) {
                    never!(self.now < DUE || self.now >= CUT_OFF, "escalated before or after its time");
                    never!(before.state != State::Reviewing || !before.open.contains(&level), "escalated what waits for nobody");
                    never!(Case { escalated: before.escalated.clone(), ..next.clone() } != before, "an escalation changed the case");
                    self.overdue.insert((self.case.round, level));
                    self.case = next;
                }
                // It is no change that a decider could have missed.
                return Ok(());
            }
            Act::Halt => {
                if let Ok(next) = execution::halt(self.rules, &self.case) {
                    self.case = next;
                    self.halted = true;
                }
            }
            Act::Begin => {
                if let Ok(next) = execution::begin(self.rules, &self.case, self.now) {
                    self.begun(after_window)?;
                    self.case = next;
                }
            }
            Act::Work(answer) => self.work(*answer, after_window)?,
            Act::Capture(who) => {
                if let Ok(next) = execution::capture(self.rules, &self.case, &name(*who), self.now) {
                    never!(before.mode != Mode::Guided, "a capture where the API recalls");
                    if before.state != State::Executing {
                        self.begun(after_window)?;
                    }
                    self.operators.insert(name(*who).0);
                    self.case = next;
                }
            }
            Act::Confirm(who) => {
                let mut tally = Tally::default();
                tally.add(RecipientOutcome::StillVisible, 1);
                if let Ok(next) = execution::confirm(self.rules, &self.case, &name(*who), &tally) {
                    never!(self.operators.is_empty(), "confirmed without a capture");
                    never!(self.operators.contains(&name(*who).0), "an operator confirmed their own act");
                    never!(*who == 0, "the requester confirmed their own case");
                    never!(self.ordered.is_some_and(|(_, officer)| officer == *who), "an officer confirmed what they ordered");
                    self.case = next;
                }
            }
            Act::Finish(outcome) => {
                if let Ok(next) = execution::finish(self.rules, &self.case, &self.tally(*outcome)) {
                    self.case = next;
                }
            }
        }
        self.moved(&before)
    }

    fn decide(&mut self, who: Option<usize>, level: Option<u8>, verb: Verb, stale: bool, weighs: Weighs) -> Verdict {
        let level = level.or_else(|| self.case.open.first().copied()).unwrap_or(1);
        let index = who.unwrap_or(usize::from(level));
        let decider = everybody(index);
        let seen = self.case.version - i64::from(stale);
        let (answers, silent) = answered(level, weighs);
        let Ok(next) = approval::decide(self.rules, &self.case, decider, Ballot { level, verb, seen, answers, silent }, self.now) else {
            return Ok(());
        };
        let who = decider.user.0.clone();
        never!(self.case.state != State::Reviewing, "decided while {}", self.case.state);
        never!(self.now >= CUT_OFF, "decided after the deadline");
        never!(stale, "decided on something that had changed");
        if let Some(unfit) = self.unfit(index, level) {
            never!(true, "{who} decided level {level}: {unfit}");
        }
        never!(self.passed_elsewhere(index, level), "{who} decided level {level}, which was passed on");
        let principal = principal(index, level);
        let made = next.decisions.last().and_then(|made| made.principal.as_ref().map(UserId::as_str));
        never!(made != principal, "{who} decided on behalf of {made:?}");
        never!(principal.is_some() && self.now >= ENDS, "{who} decided under what had ended");
        never!((1..level).any(|l| !self.closed(l)), "level {level} before the levels below it");
        never!(self.closed(level), "level {level} twice");
        let waited = self.awaited(level).any(|to| !self.speaks_for(index, level, to));
        let own = !self.added_to(level).any(|to| self.speaks_for(index, level, to));
        never!(verb == Verb::Approve && own && waited, "level {level} approved before those who were added to it");
        never!(verb == Verb::Approve && !own && next.open != self.case.open, "an added reviewer closed level {level}");
        never!(self.halted && verb == Verb::Approve, "approved after the halt");
        if level == 2 && verb == Verb::Approve {
            never!(weighs == Weighs::Nothing, "level 2 approved without an answer");
            never!(weighs == Weighs::SilentRule, "a rule that may have been read was taken back in silence");
            let counselled = index == EVERYTHING || self.foreseen.contains(&self.case.round);
            never!(weighs == Weighs::Dispute && !counselled, "level 2 approved before a dispute without counsel");
            if weighs == Weighs::Dispute {
                self.foreseen.insert(self.case.round);
            }
        }
        self.record.push((self.case.round, level, who, verb));
        self.names.push(principal);
        self.case = next;
        Ok(())
    }

    /// Why somebody must never decide a level, nor be passed it.
    fn unfit(&self, index: usize, level: u8) -> Option<&'static str> {
        let who = &everybody(index).user.0;
        let heard = |who: &str| {
            let all = self.record.iter().zip(&self.names);
            all.filter(|((_, l, ..), _)| *l != level).any(|((_, _, w, _), name)| w == who || *name == Some(who))
        };
        let heard_here = |who: &str| {
            let all = self.record.iter().zip(&self.names);
            all.filter(|((r, l, ..), _)| *r == self.case.round && *l == level).any(|((_, _, w, _), name)| w == who || *name == Some(who))
        };
        match index {
            10.. if principal(index, level).is_none() => Some("not handed to them"),
            10.. if principal(index, level).is_some_and(heard) => Some("their principal decided another level"),
            10.. if heard_here(principal(index, level).unwrap_or_default()) => Some("their principal decided here"),
            _ if heard_here(who) => Some("decided here"),
            0 => Some("the requester"),
            4 if level == 1 && !self.is_overdue(1) => Some("another department"),
            4 if level == 1 && heard(who) => Some("decided another level"),
            4 if level == 1 => None,
            6 => Some("no person"),
            7 => Some("an administrator"),
            8 | 9 => Some("no role"),
            1..=3 if usize::from(level) != index => Some("another role"),
            4 => Some("another role"),
            _ if heard(who) => Some("decided another level"),
            _ => None,
        }
    }

    fn is_overdue(&self, level: u8) -> bool {
        self.overdue.contains(&(self.case.round, level))
    }

    fn passed_to(&self, level: u8) -> Option<usize> {
        self.passed.iter().rev().find(|(round, l, _)| *round == self.case.round && *l == level).map(|(_, _, to)| *to)
    }

    /// Whether a level was passed on to somebody in whose name they do not decide.
    fn passed_elsewhere(&self, index: usize, level: u8) -> bool {
        if self.is_overdue(level) {
            return false;
        }
        let theirs = |to: usize| self.speaks_for(index, level, to);
        self.passed_to(level).is_some_and(|to| !theirs(to)) && !self.added_to(level).any(theirs)
    }

    /// Who may say something in a case: whoever is named in it, and whoever could decide one of its levels.
    fn takes_part(&self, index: usize) -> bool {
        let who = &people()[index].user.0;
        let fit = (1..=3).any(|level| self.unfit(index, level).is_none());
        let did = self.record.iter().any(|(_, _, w, _)| w == who) || self.operators.contains(who);
        index != 6
            && (index == 0
                || fit
                || did
                || self.askers.contains(&index)
                || self.passed.iter().any(|(_, _, to)| *to == index)
                || self.added.iter().any(|(.., to)| *to == index))
    }

    /// The outcome of one recipient, beside whom, half of the time, another still sees the message.
    fn tally(&self, outcome: RecipientOutcome) -> Tally {
        let mut tally = Tally::default();
        tally.add(outcome, 1);
        if self.now.unix_seconds() % 2 == 1 {
            tally.add(RecipientOutcome::StillVisible, 1);
        }
        tally
    }

    /// What must hold whenever an execution begins.
    fn begun(&self, after_window: bool) -> Verdict {
        let approvals: Vec<_> = self.record.iter().filter(|(round, _, _, verb)| *round == self.case.round && *verb == Verb::Approve).collect();
        let people: BTreeSet<_> = approvals.iter().map(|(_, _, who, _)| who.as_str()).collect();
        let names = self.record.iter().zip(&self.names).filter(|((round, _, _, verb), _)| *round == self.case.round && *verb == Verb::Approve);
        let names: BTreeSet<_> = names.map(|((_, _, who, _), name)| name.unwrap_or(who.as_str())).collect();
        let levels: BTreeSet<_> = (1..=3).filter(|level| self.closed(*level)).collect();
        // A recall runs without three different approvers only by an order, which owes the words of the others.
        let owes = self.case.order.as_ref().map(|order| order.owes.clone()).unwrap_or_default();
        let ordered =
            self.ordered.is_some_and(|(round, _)| round == self.case.round) && (1..=3).all(|level| levels.contains(&level) != owes.contains(&level));
        let different = people.len() == approvals.len() && names.len() == approvals.len();
        let three = levels.len() == 3 && different;
        never!((1..=3).any(|level| levels.contains(&level) && self.awaited(level).next().is_some()), "begun without somebody who was added");
        never!(!(three || ordered) || people.contains("requester"), "begun without three different people");
        never!(after_window, "begun after the window");
        Ok(())
    }

    fn work(&mut self, answer: Answer, after_window: bool) -> Verdict {
        match execution::next(self.rules, &self.case, &self.calls, ReadBack::Impossible, self.now) {
            Next::Call => {
                never!(self.case.state != State::Executing || self.case.mode != Mode::Api, "called while {}", self.case.state);
                never!(after_window, "called after the window");
                never!(self.halted, "called after the halt");
                never!(self.calls.iter().any(|(_, a)| a.is_final()), "called again after an answer");
                self.calls.push((self.now, answer));
            }
            Next::Wait(at) => self.now = self.now.max(at),
            Next::ReadBack => never!(true, "asked a platform that cannot be asked"),
            Next::Settle(outcome) if self.case.state == State::Executing && self.case.mode == Mode::Api => {
                never!(outcome == RecipientOutcome::Confirmed, "confirmed without reading back");
                let done = self.calls.iter().any(|(_, a)| *a == Answer::Done);
                never!((outcome == RecipientOutcome::Accepted) != done, "{outcome} although done is {done}");
                if let Ok(next) = execution::finish(self.rules, &self.case, &self.tally(outcome)) {
                    self.case = next;
                }
            }
            Next::Settle(_) => {}
        }
        Ok(())
    }

    /// What may follow what.
    fn moved(&self, before: &Case) -> Verdict {
        use State::*;
        let after = &self.case;
        if before == after {
            return Ok(());
        }
        never!(before.state.is_terminal(), "a terminal case changed: {} to {}", before.state, after.state);
        never!(after.version != before.version + 1, "a change without a version of its own");
        let allowed: &[State] = match before.state {
            Reviewing => &[Reviewing, Returned, Approved, Rejected, Withdrawn, Expired],
            Returned => &[Returned, Reviewing, Withdrawn, Expired],
            Approved => &[Approved, Executing, Expired, Withdrawn],
            Executing => &[Executing, Recalled, RecallAccepted, PartlyRecalled, Failed],
            _ => &[],
        };
        never!(!allowed.contains(&after.state), "{} became {}", before.state, after.state);
        Ok(())
    }
}

/// What the questions of level 2 are answered with, and whether the recall would be silent.
fn answered(level: u8, weighs: Weighs) -> (Answers, bool) {
    let said = match weighs {
        _ if level != 2 => return (Answers::default(), false),
        Weighs::Nothing => return (Answers::none(), true),
        Weighs::Plain => None,
        Weighs::Dispute => Some(Matter::Dispute),
        Weighs::SilentRule | Weighs::ToldRule => Some(Matter::Rule),
    };
    let asked = Matter::ALL.iter().filter(|m| !m.is_of_offer());
    let given = asked.map(|m| (*m, if said == Some(*m) { Reply::Yes } else { Reply::No })).collect();
    (Answers::given(&given).unwrap_or_default(), weighs != Weighs::ToldRule)
}

fn name(who: usize) -> UserId {
    people()[who].user.clone()
}

/// One story from its beginning to its end.
fn tell(rules: Rules, mode: Mode, acts: &[Act]) -> Verdict {
    let mut story = Story::new(rules, mode);
    acts.iter().try_for_each(|act| story.take(act))
}

fn stories() -> impl Strategy<Value = (Mode, Vec<Act>)> {
    (prop_oneof![2 => Just(Mode::Api), 1 => Just(Mode::Guided)], prop::collection::vec(act(), 1..24))
}

#[test]
fn no_story_breaks_the_machine() {
    let config = Config { cases: 4_000, max_shrink_iters: 4_000, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let told = runner.run(&stories(), |(mode, acts)| tell(Rules::ALL, mode, &acts));
    assert!(told.is_ok(), "{told:?}");
}

/// The mutation test: with each guard in turn taken away some story ends where it must not. Only a story in which a guard said no can end
/// otherwise without it; with all of them, it ends well.
#[test]
fn without_any_single_guard_some_story_breaks_the_machine() {
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let stories = stories();
    let mut idle: BTreeSet<Guard> = Guard::ALL.iter().copied().collect();
    for _ in 0..60_000 {
        let (mode, acts) = stories.new_tree(&mut runner).expect("a story").current();
        counted::begin();
        if let Err(reason) = tell(Rules::ALL, mode, &acts) {
            panic!("{reason} in {mode}: {acts:?}");
        }
        let refused = counted::refused();
        idle.retain(|guard| !refused.contains(guard) || tell(Rules::without(*guard), mode, &acts).is_ok());
        if idle.is_empty() {
            return;
        }
    }
    panic!("nothing protects these guards: {idle:?}");
}
