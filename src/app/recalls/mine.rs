//! What one person may do with one case now; a refusal says why not. Not here: doing it.

use super::{Caller, decide, decider, guided};
use crate::{
    clock::Instant,
    domain::{
        outcome::Tally,
        recall::{Case, Guard, Rules, State, delegation::Grant, execution, participation},
        role::Permission,
    },
};

/// What this person may do here; a refusal says why not.
#[derive(Clone, Debug)]
pub struct Mine {
    /// `None`: they never decide anything. `Some(Ok(level))`: the level that waits for them.
    pub decide: Option<Result<u8, Guard>>,
    /// Under what they would decide it; nothing in their own name.
    pub behalf: Option<Grant>,
    pub withdraw: bool,
    pub resubmit: bool,
    pub capture: bool,
    /// As `decide`.
    pub confirm: Option<Result<(), Guard>>,
    pub halt: bool,
    pub ask: bool,
    pub answer: bool,
    pub comment: bool,
    pub remind: bool,
}

pub(super) fn of(caller: &Caller, case: &Case, now: Instant) -> Mine {
    let who = decider(caller);
    let own = caller.may(Permission::RecallRequest) && who.user == case.requester;
    let level = decide::level_for(case, &who);
    let reviewing = case.state == State::Reviewing;
    let running = case.state == State::Executing && case.mode == crate::domain::recall::Mode::Guided;
    let judged = caller.may(Permission::RecallDecide) && reviewing;
    Mine {
        behalf: if judged { decide::in_whose_name(case, &who, level).cloned() } else { None },
        decide: judged.then(|| decide::why_not(case, &who, now).map_or(Ok(level), Err)),
        withdraw: own && crate::domain::recall::approval::withdraw(Rules::ALL, case, &who.user).is_ok(),
        resubmit: own && crate::domain::recall::approval::resubmit(Rules::ALL, case, &who.user, now).is_ok(),
        capture: caller.may(Permission::RecallExecute) && execution::capture(Rules::ALL, case, &who.user, now).is_ok(),
        confirm: (running && guided::may_confirm(caller)).then(|| execution::confirm(Rules::ALL, case, &who.user, &Tally::default()).map(drop)),
        ask: judged && participation::ask(Rules::ALL, case, &who, level, now).is_ok(),
        answer: own && participation::answer(Rules::ALL, case, &who.user, now).is_ok(),
        comment: caller.may(Permission::RecallRead) && participation::comment(Rules::ALL, case, &who).is_ok(),
        remind: caller.may(Permission::RecallRead) && participation::remind(Rules::ALL, case, &who, participation::waits_at(case), now).is_ok(),
        halt: caller.may(Permission::RecallHalt) && execution::halt(Rules::ALL, case).is_ok(),
    }
}
