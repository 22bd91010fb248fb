//! Carrying a recall out: when it may begin, what to do next about one message, guided recall, and the final state.

use super::{Case, Guard, Made, Mode, Rules, State, before, ratification::ordered};
use crate::{
    clock::Instant,
    domain::outcome::{RecipientOutcome, Tally},
    id::UserId,
};
use std::{collections::BTreeSet, time::Duration};

/// Checked again on the server's clock, immediately before the first call. A halted case may begin: it then ends without a call.
pub fn begin(rules: Rules, case: &Case, now: Instant) -> Result<Case, Guard> {
    rules.check(Guard::BeginApproved, case.state == State::Approved)?;
    rules.check(Guard::BeginThreePeople, three_people(case) || ordered(case))?;
    rules.check(Guard::BeginInWindow, before(now, case.window_end()))?;
    let mut next = case.next();
    next.state = State::Executing;
    Ok(next)
}

/// Three levels approved in this round, each approval by another person in another person's name, none of whom is the requester.
pub fn three_people(case: &Case) -> bool {
    let levels: BTreeSet<u8> = case.closing().map(|made| made.level).collect();
    let people: BTreeSet<&UserId> = case.approvers().map(|(_, who)| who).collect();
    let names: BTreeSet<&UserId> = case.approvals().map(Made::voice).collect();
    let all = |people: &BTreeSet<&UserId>| people.len() == case.approvals().count() && !people.contains(&case.requester);
    levels.len() == 3 && all(&people) && all(&names)
}

/// Whether one more call may go out for a message of which `answered` tells that the platform's yes or no is already recorded.
pub fn may_call(rules: Rules, case: &Case, answered: bool, now: Instant) -> Result<(), Guard> {
    rules.check(Guard::CallExecuting, case.state == State::Executing && case.mode == Mode::Api)?;
    rules.check(Guard::CallUnanswered, !answered)?;
    rules.check(Guard::CallNotHalted, !case.halted)?;
    rules.check(Guard::CallInWindow, before(now, case.window_end()))
}

/// The kill switch: nothing more is called, nothing more is approved.
pub fn halt(rules: Rules, case: &Case) -> Result<Case, Guard> {
    rules.check(Guard::HaltOpen, !case.state.is_terminal() && !case.halted)?;
    let mut next = case.next();
    next.halted = true;
    Ok(next)
}

/// The operator proves what they did in the platform's console. The first capture starts the execution; it may come in after the window,
/// because the act itself may not have.
pub fn capture(rules: Rules, case: &Case, operator: &UserId, now: Instant) -> Result<Case, Guard> {
    rules.check(Guard::CaptureGuided, case.mode == Mode::Guided && matches!(case.state, State::Approved | State::Executing))?;
    let mut next = if case.state == State::Approved { begin(rules, case, now)? } else { case.next() };
    next.operators.insert(operator.clone());
    Ok(next)
}

/// A second person, neither an operator nor the requester of this case nor the officer who ordered it, looks at the captures and confirms what they show.
pub fn confirm(rules: Rules, case: &Case, who: &UserId, tally: &Tally) -> Result<Case, Guard> {
    rules.check(Guard::ConfirmNotOperator, !case.operators.contains(who))?;
    rules.check(Guard::ConfirmNotRequester, *who != case.requester)?;
    rules.check(Guard::ConfirmNotOfficer, case.order.as_ref().is_none_or(|order| order.officer != *who))?;
    rules.check(Guard::ConfirmCaptured, !case.operators.is_empty())?;
    finish(rules, case, tally)
}

/// The end of the execution: the state is what the outcomes add up to.
pub fn finish(rules: Rules, case: &Case, tally: &Tally) -> Result<Case, Guard> {
    rules.check(Guard::FinishExecuting, case.state == State::Executing)?;
    let mut next = case.next();
    next.state = roll_up(tally);
    Ok(next)
}

/// `recalled` only where every recipient is confirmed; `recall_accepted` where every one is confirmed or accepted.
pub fn roll_up(tally: &Tally) -> State {
    let good = tally.confirmed + tally.accepted;
    match tally.total {
        0 => State::Failed,
        n if tally.confirmed == n => State::Recalled,
        n if good == n => State::RecallAccepted,
        _ if good > 0 => State::PartlyRecalled,
        _ => State::Failed,
    }
}

/// What one call to the platform gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The platform took it.
    Done,
    /// The platform understood and said no.
    Refused,
    /// Nothing was done: too many calls, not reached, or it does not accept our credentials, which can be mended. Not before `Instant`.
    NotNow(Instant),
    /// No usable answer: it may have been done. Also a call that was under way when we died.
    Unknown,
}

impl Answer {
    /// A yes or no that ends the calls for this message.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Refused)
    }
}

/// What the platform said when asked whether the message is still there, after the last call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadBack {
    /// The platform has no such function.
    Impossible,
    NotAsked,
    /// Asked, and no usable answer came.
    Unclear,
    Gone,
    Visible,
}

/// What to do next about one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Call,
    ReadBack,
    Wait(Instant),
    Settle(RecipientOutcome),
}

/// The outcome of a message that no call can reach any more, because the connection may not be used: what an earlier call did stays unknown.
pub fn unreachable(calls: &[(Instant, Answer)]) -> RecipientOutcome {
    if calls.iter().any(|(_, a)| *a == Answer::Unknown) { RecipientOutcome::Unknown } else { RecipientOutcome::Failed }
}

/// Decides it from all calls so far, oldest first, with their times.
///
/// A call whose effect is unknown is repeated until the window closes, after asking the platform where it can be asked; a later
/// refusal leaves the outcome unknown, because the first call may have been what the second stumbled over.
pub fn next(rules: Rules, case: &Case, calls: &[(Instant, Answer)], read_back: ReadBack, now: Instant) -> Next {
    let doubtful = calls.iter().any(|(_, a)| *a == Answer::Unknown);
    let answered = calls.iter().any(|(_, a)| a.is_final());
    if read_back == ReadBack::Gone && !calls.is_empty() {
        return Next::Settle(RecipientOutcome::Confirmed);
    }
    if let Some((_, Answer::Done)) = calls.last() {
        return match read_back {
            ReadBack::NotAsked => Next::ReadBack,
            ReadBack::Visible => Next::Settle(RecipientOutcome::StillVisible),
            _ => Next::Settle(RecipientOutcome::Accepted),
        };
    }
    let ask = read_back == ReadBack::NotAsked && doubtful;
    if ask {
        return Next::ReadBack;
    }
    match may_call(rules, case, answered, now) {
        Ok(()) => match due(calls, case.window_end()) {
            // When the window closes there is nothing left to wait for.
            Some(at) if now < at => Next::Wait(case.window_end().map_or(at, |end| at.min(end))),
            _ => Next::Call,
        },
        Err(_) if read_back == ReadBack::Visible => Next::Settle(RecipientOutcome::StillVisible),
        Err(_) if doubtful => Next::Settle(RecipientOutcome::Unknown),
        Err(_) => Next::Settle(RecipientOutcome::Failed),
    }
}

/// How long before the window closes the last try is made, if the pauses would have led beyond it.
const LAST_TRY: Duration = Duration::from_secs(20);

/// When the next try is due: 1, 2, 4 … seconds after the last, at most a minute, and not before the platform's own wish. A pause that
/// would outlast the window is cut short for one last try.
fn due(calls: &[(Instant, Answer)], end: Option<Instant>) -> Option<Instant> {
    let (at, answer) = calls.last()?;
    let exponent = u32::try_from(calls.len() - 1).unwrap_or(u32::MAX).min(6);
    let backoff = at.plus(Duration::from_secs(2_u64.pow(exponent).min(60)));
    let wish = if let Answer::NotNow(wish) = answer { *wish } else { *at };
    let due = backoff.max(wish);
    match end.map(|end| (end, end.minus(LAST_TRY))) {
        Some((end, last)) if due >= end && *at < last && wish <= last => Some(last),
        _ => Some(due),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn final_states_are_never_better_than_the_outcomes() {
        use RecipientOutcome::*;
        let state = |outcomes: &[RecipientOutcome]| {
            let mut tally = Tally::default();
            outcomes.iter().for_each(|o| tally.add(*o, 1));
            roll_up(&tally)
        };
        assert_eq!(state(&[Confirmed, Confirmed]), State::Recalled);
        assert_eq!(state(&[Confirmed, Accepted]), State::RecallAccepted);
        for bad in [Unknown, StillVisible, Failed] {
            assert_eq!(state(&[Confirmed, bad]), State::PartlyRecalled);
            assert_eq!(state(&[Accepted, bad]), State::PartlyRecalled);
            assert_eq!(state(&[bad]), State::Failed);
        }
        assert_eq!(state(&[]), State::Failed);
    }

    fn executing() -> Case {
        Case {
            state: State::Executing,
            open: BTreeSet::new(),
            round: 1,
            mode: Mode::Api,
            requester: "r".into(),
            departments: vec![],
            delegable: BTreeSet::new(),
            must_answer: false,
            widens: false,
            escalated: BTreeSet::new(),
            decisions: vec![],
            transfers: Vec::new(),
            additions: Vec::new(),
            questions: Vec::new(),
            reminders: Vec::new(),
            order: None,
            cut_off: Some(Instant(1_000_000_000)),
            halted: false,
            operators: BTreeSet::new(),
            version: 5,
        }
    }

    #[test]
    fn one_message_from_call_to_outcome() {
        use Answer::{Done, NotNow, Refused, Unknown};
        let case = executing();
        let s = |n: i64| Instant(n * 1_000_000);
        let ask = |calls: &[(Instant, Answer)], read: ReadBack, now: i64| next(Rules::ALL, &case, calls, read, s(now));
        let none = ReadBack::Impossible;
        let settle = Next::Settle;
        assert_eq!(ask(&[], none, 10), Next::Call);
        assert_eq!(ask(&[(s(10), Done)], none, 11), settle(RecipientOutcome::Accepted));
        assert_eq!(ask(&[(s(10), Done)], ReadBack::NotAsked, 11), Next::ReadBack);
        assert_eq!(ask(&[(s(10), Done)], ReadBack::Gone, 11), settle(RecipientOutcome::Confirmed));
        assert_eq!(ask(&[(s(10), Done)], ReadBack::Visible, 11), settle(RecipientOutcome::StillVisible));
        assert_eq!(ask(&[(s(10), Done)], ReadBack::Unclear, 11), settle(RecipientOutcome::Accepted));
        assert_eq!(ask(&[(s(10), Refused)], none, 11), settle(RecipientOutcome::Failed));
        assert_eq!(ask(&[(s(10), NotNow(s(40)))], none, 11), Next::Wait(s(40)), "the platform's own wish");
        assert_eq!(ask(&[(s(10), NotNow(s(10))), (s(11), NotNow(s(11)))], none, 11), Next::Wait(s(13)), "backoff doubles");
        assert_eq!(ask(&[(s(10), NotNow(s(40)))], none, 1120), settle(RecipientOutcome::Failed), "the window closed, nothing was done");
        assert_eq!(ask(&[(s(10), Unknown)], none, 12), Next::Call, "repeated until the window closes");
        assert_eq!(ask(&[(s(10), Unknown)], none, 1120), settle(RecipientOutcome::Unknown));
        assert_eq!(ask(&[(s(10), Unknown), (s(12), Refused)], none, 13), settle(RecipientOutcome::Unknown), "a later refusal leaves it unknown");
        assert_eq!(ask(&[(s(10), Unknown)], ReadBack::NotAsked, 12), Next::ReadBack);
        assert_eq!(ask(&[(s(10), Unknown)], ReadBack::Gone, 12), settle(RecipientOutcome::Confirmed));
        assert_eq!(ask(&[(s(10), Unknown)], ReadBack::Visible, 12), Next::Call);
        assert_eq!(ask(&[(s(10), Unknown)], ReadBack::Visible, 1120), settle(RecipientOutcome::StillVisible));
        assert_eq!(unreachable(&[(s(10), NotNow(s(40)))]), RecipientOutcome::Failed);
        assert_eq!(unreachable(&[(s(10), Unknown), (s(12), NotNow(s(40)))]), RecipientOutcome::Unknown);
        let seven: Vec<_> = [990, 991, 993, 997, 1005, 1021, 1065].map(|n| (s(n), Unknown)).into();
        assert_eq!(ask(&seven, none, 1070), Next::Wait(s(1100)), "one last try before the window closes");
        assert_eq!(ask(&seven, none, 1101), Next::Call);
        let eight = [seven, vec![(s(1101), Unknown)]].concat();
        assert_eq!(ask(&eight, none, 1102), Next::Wait(s(1120)), "and no waiting beyond it");
        assert_eq!(ask(&[(s(10), NotNow(s(5000)))], none, 1110), Next::Wait(s(1120)), "the platform's wish is not cut short");
        let halted = Case { halted: true, ..executing() };
        assert_eq!(next(Rules::ALL, &halted, &[], none, s(1)), settle(RecipientOutcome::Failed));
        assert_eq!(next(Rules::ALL, &halted, &[(s(1), Unknown)], none, s(9)), settle(RecipientOutcome::Unknown));
    }
}
