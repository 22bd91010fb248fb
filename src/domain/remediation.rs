//! 补救方案: what is done where a recall came too late, was refused or left something behind, by whom and until when. Pure rules over the
//! strategies of the catalogue (`windows::Remedy`). Not here: the recall itself (`recall`), the words (`locales/*/catalogue.ftl`).

use std::{collections::BTreeSet, time::Duration};

use super::{outcome::Tally, recall::State, role::Role, windows::Remedy};
use crate::{clock::Instant, words};

words! {
    /// Where a step stands; words `remediation-state-<as_str>`.
    pub enum StepState {
        Open = "open",
        Done = "done",
        /// Given up, for a reason.
        Dropped = "dropped",
    }
}

words! {
    /// Why something about a step is refused; words `refusal-<as_str>`.
    pub enum Refusal {
        /// The case is still being judged or executed.
        NotEnded = "remediation-not-ended",
        /// Everything was confirmed: only what remains on devices is left to be seen to.
        Complete = "remediation-complete",
        /// Deleting is not asked for while a legal hold covers the case.
        Held = "remediation-held",
        NotPlanner = "remediation-not-planner",
        NotOwner = "remediation-not-owner",
        /// They may not read the case, or take no part in cases.
        Owner = "remediation-owner",
        /// A formal statement is counsel's.
        Counsel = "remediation-counsel",
        Ended = "remediation-ended",
        /// As many as a plan may have.
        TooMany = "remediation-too-many",
    }
}

words! {
    /// What a case came to, seen from whoever still has the message; words `remediation-ending-<as_str>`.
    pub enum Ending {
        /// Nothing was recalled: refused, withdrawn or too late.
        Stands = "stands",
        /// Somebody is known to have it still.
        Visible = "visible",
        /// The platform took the recall, or nobody knows.
        Unsure = "unsure",
        /// Confirmed for everybody; caches and screenshots remain.
        Complete = "complete",
    }
}

/// What a case came to; nothing while it goes on. Never better than the figures say.
pub fn ending(state: State, tally: Option<&Tally>) -> Option<Ending> {
    match state {
        State::Reviewing | State::Returned | State::Approved | State::Executing => None,
        // It failed for nobody if nobody knows.
        State::Failed if tally.is_some_and(|t| t.unknown > 0) => Some(match tally {
            Some(t) if t.still_visible + t.failed > 0 => Ending::Visible,
            _ => Ending::Unsure,
        }),
        State::Rejected | State::Withdrawn | State::Expired | State::Superseded | State::Failed => Some(Ending::Stands),
        State::Recalled | State::RecallAccepted | State::PartlyRecalled => Some(match tally {
            Some(t) if t.still_visible + t.failed > 0 => Ending::Visible,
            Some(t) if t.accepted + t.unknown > 0 => Ending::Unsure,
            Some(_) if state == State::Recalled => Ending::Complete,
            _ if state == State::PartlyRecalled => Ending::Visible,
            _ => Ending::Unsure,
        }),
    }
}

/// The strategies that are proposed for an ending, in the order of the catalogue. All may be chosen, but for a case that is complete only these.
pub const fn proposed(ending: Ending) -> &'static [Remedy] {
    match ending {
        Ending::Stands => &[Remedy::Timeliness, Remedy::Clarification, Remedy::NewChannel, Remedy::Statement],
        Ending::Visible => &[Remedy::Timeliness, Remedy::Clarification, Remedy::NewChannel, Remedy::Deletion, Remedy::Tracing, Remedy::Statement],
        Ending::Unsure => &[Remedy::Clarification, Remedy::Deletion, Remedy::Tracing],
        Ending::Complete => &[Remedy::Deletion, Remedy::Tracing],
    }
}

/// An instant, and the last one of its day where the company is.
pub type Day = (Instant, Instant);

/// Steps of one plan.
pub const MOST: usize = 100;
/// A step is due within so long: what waits for it keeps the message from being erased.
const FARTHEST: Duration = Duration::from_secs(366 * 86_400);
/// The least time that somebody has who is given a step.
const LEAST: Duration = Duration::from_secs(60);

/// When a strategy is due by the catalogue: counted from the end of the case, and where less than [`LEAST`] is left of that, from when it is
/// planned, so that nobody is late with what they have only just been given. Nothing for what is tracked.
pub fn due(strategy: Remedy, ended: Day, planned: Day) -> Option<Instant> {
    let from = |(at, night): Day| match strategy {
        Remedy::Timeliness => Some(at.plus(Duration::from_secs(120))),
        Remedy::Clarification => Some(at.plus(Duration::from_secs(180))),
        Remedy::NewChannel => Some(night),
        Remedy::Deletion | Remedy::Tracing | Remedy::Statement => None,
    };
    from(ended).filter(|due| *due >= planned.0.plus(LEAST)).or_else(|| from(planned))
}

/// Whether a due time that was typed can be met and ever comes: not before now, and within [`FARTHEST`].
///
/// # Errors
/// `passed` or `too-far`, the kinds of form errors.
pub fn may_be_due(due: Instant, now: Instant) -> Result<(), &'static str> {
    match () {
        () if due < now => Err("passed"),
        () if due > now.plus(FARTHEST) => Err("too-far"),
        () => Ok(()),
    }
}

/// Whether an open step is late.
pub fn overdue(state: StepState, due: Option<Instant>, now: Instant) -> bool {
    state == StepState::Open && due.is_some_and(|due| due < now)
}

/// Who plans: level 2, the approver, counsel, and whoever asked for the recall; nobody who administrates.
///
/// # Errors
/// [`Refusal::NotPlanner`].
pub fn may_plan(roles: &BTreeSet<Role>, requester: bool) -> Result<(), Refusal> {
    let plans = requester || [Role::LegalReviewer, Role::FinalApprover, Role::Counsel].iter().any(|role| roles.contains(role));
    let administrates = roles.iter().any(|role| role.is_administrator());
    if plans && !administrates { Ok(()) } else { Err(Refusal::NotPlanner) }
}

/// Who can be given a step: whoever takes part in cases and may read this one. `party` is who asked for it or sent the message.
///
/// # Errors
/// [`Refusal::Owner`]; [`Refusal::Counsel`] where it is a formal statement.
pub fn may_own(strategy: Remedy, roles: &BTreeSet<Role>, party: bool) -> Result<(), Refusal> {
    let reads = |role: &Role| match role {
        Role::Requester => party,
        Role::DepartmentReviewer | Role::LegalReviewer | Role::FinalApprover | Role::PlatformOperator | Role::Counsel => true,
        Role::SystemAdministrator | Role::SecurityAdministrator | Role::AuditAdministrator | Role::Auditor => false,
    };
    if !roles.iter().any(reads) || roles.iter().any(|role| role.is_administrator()) {
        return Err(Refusal::Owner);
    }
    if strategy == Remedy::Statement && !roles.contains(&Role::Counsel) { Err(Refusal::Counsel) } else { Ok(()) }
}

/// Whether such a step may be added to a case of this ending. `held`: a legal hold covers it.
///
/// # Errors
/// The rule that says no.
pub fn may_add(ending: Option<Ending>, strategy: Remedy, held: bool) -> Result<(), Refusal> {
    let ending = ending.ok_or(Refusal::NotEnded)?;
    if ending == Ending::Complete && !proposed(ending).contains(&strategy) {
        return Err(Refusal::Complete);
    }
    if held && strategy == Remedy::Deletion { Err(Refusal::Held) } else { Ok(()) }
}

/// Whether a step may be reported done. `owner`: by the person whose it is; whether they still may own it is [`may_own`]'s.
///
/// # Errors
/// The rule that says no.
pub fn may_finish(state: StepState, strategy: Remedy, owner: bool, held: bool) -> Result<(), Refusal> {
    match state {
        _ if !owner => Err(Refusal::NotOwner),
        StepState::Done | StepState::Dropped => Err(Refusal::Ended),
        StepState::Open if held && strategy == Remedy::Deletion => Err(Refusal::Held),
        StepState::Open => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(roles: &[Role]) -> BTreeSet<Role> {
        roles.iter().copied().collect()
    }

    #[test]
    fn an_ending_is_never_shown_better_than_the_figures() {
        let tally = |confirmed, accepted, unknown, still_visible| Tally {
            total: confirmed + accepted + unknown + still_visible,
            confirmed,
            accepted,
            unknown,
            still_visible,
            failed: 0,
        };
        assert_eq!(ending(State::Recalled, Some(&tally(3, 0, 0, 0))), Some(Ending::Complete));
        assert_eq!(ending(State::Recalled, None), Some(Ending::Unsure), "no figures, no certainty");
        assert_eq!(ending(State::RecallAccepted, Some(&tally(2, 1, 0, 0))), Some(Ending::Unsure));
        assert_eq!(ending(State::PartlyRecalled, Some(&tally(2, 0, 1, 0))), Some(Ending::Unsure));
        assert_eq!(ending(State::PartlyRecalled, Some(&tally(2, 0, 1, 1))), Some(Ending::Visible));
        assert_eq!(ending(State::PartlyRecalled, None), Some(Ending::Visible));
        for state in [State::Rejected, State::Withdrawn, State::Expired, State::Superseded, State::Failed] {
            assert_eq!(ending(state, None), Some(Ending::Stands), "{state}");
        }
        let nobody_knows = tally(0, 0, 3, 0);
        assert_eq!(ending(State::Failed, Some(&nobody_knows)), Some(Ending::Unsure));
        assert_eq!(ending(State::Failed, Some(&tally(0, 0, 1, 2))), Some(Ending::Visible));
        for state in [State::Reviewing, State::Returned, State::Approved, State::Executing] {
            assert_eq!(ending(state, None), None, "{state}");
        }
    }

    #[test]
    fn due_times_are_those_of_the_catalogue() {
        let (end, night) = (Instant(0), Instant(50_000_000_000));
        let (ended, soon) = ((end, night), (Instant(50_000_000), night));
        assert_eq!(due(Remedy::Timeliness, ended, soon), Some(Instant(120_000_000)));
        assert_eq!(due(Remedy::Clarification, ended, soon), Some(Instant(180_000_000)));
        assert_eq!(due(Remedy::NewChannel, ended, soon), Some(night));
        let late = (Instant(150_000_000), night);
        assert_eq!(due(Remedy::Timeliness, ended, late), Some(Instant(270_000_000)), "past already: from when it is planned");
        assert_eq!(due(Remedy::Clarification, ended, late), Some(Instant(330_000_000)), "and where there is no time left to do it");
        let next = (Instant(60_000_000_000), Instant(90_000_000_000));
        assert_eq!(due(Remedy::NewChannel, ended, next), Some(next.1));
        for tracked in [Remedy::Deletion, Remedy::Tracing, Remedy::Statement] {
            assert_eq!(due(tracked, ended, next), None, "{tracked}");
        }
        assert!(
            overdue(StepState::Open, Some(end), night) && !overdue(StepState::Open, Some(night), night) && !overdue(StepState::Open, None, night)
        );
        assert_eq!(may_be_due(Instant(5), Instant(6)), Err("passed"));
        assert_eq!((may_be_due(Instant(6), Instant(6)), may_be_due(Instant(0).plus(FARTHEST), Instant(0))), (Ok(()), Ok(())));
        assert_eq!(may_be_due(Instant(i64::MAX), Instant(0)), Err("too-far"));
        assert!(!overdue(StepState::Done, Some(end), night) && !overdue(StepState::Dropped, Some(end), night));
    }

    #[test]
    fn who_administrates_neither_plans_nor_owns() {
        for planner in [Role::LegalReviewer, Role::FinalApprover, Role::Counsel] {
            assert_eq!(may_plan(&roles(&[planner]), false), Ok(()), "{planner}");
        }
        assert_eq!(may_plan(&roles(&[Role::Requester]), true), Ok(()));
        assert_eq!(may_plan(&roles(&[Role::Requester]), false), Err(Refusal::NotPlanner));
        assert_eq!(may_plan(&roles(&[Role::DepartmentReviewer]), false), Err(Refusal::NotPlanner));
        assert_eq!(may_plan(&roles(&[Role::Requester, Role::SystemAdministrator]), true), Err(Refusal::NotPlanner));
        assert_eq!(may_own(Remedy::Deletion, &roles(&[Role::Requester]), true), Ok(()));
        assert_eq!(may_own(Remedy::Deletion, &roles(&[Role::Requester]), false), Err(Refusal::Owner));
        assert_eq!(may_own(Remedy::Deletion, &roles(&[Role::Auditor]), true), Err(Refusal::Owner));
        assert_eq!(may_own(Remedy::Deletion, &roles(&[Role::PlatformOperator, Role::AuditAdministrator]), false), Err(Refusal::Owner));
        assert_eq!(may_own(Remedy::Statement, &roles(&[Role::LegalReviewer]), false), Err(Refusal::Counsel));
        assert_eq!(may_own(Remedy::Statement, &roles(&[Role::Counsel]), false), Ok(()));
    }

    #[test]
    fn nobody_is_asked_to_delete_what_a_hold_keeps() {
        assert_eq!(may_add(None, Remedy::Timeliness, false), Err(Refusal::NotEnded));
        assert_eq!(may_add(Some(Ending::Complete), Remedy::Timeliness, false), Err(Refusal::Complete));
        assert_eq!(may_add(Some(Ending::Complete), Remedy::Tracing, true), Ok(()));
        assert_eq!(may_add(Some(Ending::Visible), Remedy::Deletion, true), Err(Refusal::Held));
        assert_eq!(may_add(Some(Ending::Visible), Remedy::Deletion, false), Ok(()));
        assert_eq!(may_add(Some(Ending::Stands), Remedy::Tracing, false), Ok(()), "what is not proposed may be chosen");
        assert_eq!(may_finish(StepState::Open, Remedy::Deletion, true, true), Err(Refusal::Held), "a hold that was placed later");
        assert_eq!(may_finish(StepState::Open, Remedy::Tracing, true, true), Ok(()));
        assert_eq!(may_finish(StepState::Open, Remedy::Tracing, false, false), Err(Refusal::NotOwner));
        assert_eq!(may_finish(StepState::Dropped, Remedy::Tracing, true, false), Err(Refusal::Ended));
    }
}
