//! The recall case as one pure state machine: [`request`] (is it feasible, when is each level due), [`approval`] (three levels, return,
//! withdrawal, expiry), [`delegation`] (deciding on somebody's behalf), [`participation`] (transfer, added reviewers, questions, comments,
//! reminders), [`weighing`] (what level 2 is asked),
//! [`execution`] (calls, guided recall, outcomes, final state), [`ratification`] (recall first, ratify after). Console, API, command line and
//! jobs all go through it.
//!
//! Not here: storage, time (comes in as a value), proof of identity (spent by the use case in the same write).
//!
//! Every refusal is the [`Guard`] that said no, and every guard can be taken away in a test (`mutation`): a guard without which all
//! properties still hold would be a guard that nothing protects.

pub mod approval;
pub mod delegation;
pub mod execution;
pub mod participation;
pub mod ratification;
pub mod request;
pub mod weighing;

#[cfg(test)]
mod mutation;

use std::collections::BTreeSet;

use crate::{
    clock::Instant,
    domain::platform::EXECUTION_RESERVE,
    id::{DepartmentId, UserId},
    words,
};

words! {
    /// States of a case (architecture.md, section 4).
    pub enum State {
        Reviewing = "reviewing",
        Returned = "returned",
        Approved = "approved",
        Executing = "executing",
        Recalled = "recalled",
        RecallAccepted = "recall_accepted",
        PartlyRecalled = "partly_recalled",
        Failed = "failed",
        Rejected = "rejected",
        Withdrawn = "withdrawn",
        Expired = "expired",
        Superseded = "superseded",
    }
}

impl State {
    /// Terminal states never change.
    pub const fn is_terminal(self) -> bool {
        !matches!(self, Self::Reviewing | Self::Returned | Self::Approved | Self::Executing)
    }
}

words! {
    /// How an approved recall is carried out.
    pub enum Mode {
        Api = "api",
        /// A platform operator acts in the platform's console and proves it; a second person confirms.
        Guided = "guided",
    }
}

words! {
    pub enum Verb {
        Approve = "approve",
        Return = "return",
        Reject = "reject",
    }
}

words! {
    /// The rules of the machine. The word is the refusal: `refusal-<word>` in the languages.
    pub enum Guard {
        CaseReviewing = "not-reviewing",
        SeenCurrent = "changed-meanwhile",
        BeforeCutOff = "past-cut-off",
        LevelOpen = "level-not-open",
        DeciderPerson = "not-a-person",
        DeciderRole = "role-not-for-level",
        DeciderNotAdministrator = "administrators-do-not-decide",
        DeciderDepartment = "other-department",
        DeciderNotRequester = "own-request",
        DeciderOneLevel = "decided-at-another-level",
        DeciderHolder = "transferred-to-another",
        DeciderOnce = "decided-already",
        AddedFirst = "added-first",
        MattersAnswered = "matters-unanswered",
        DisputeByCounsel = "dispute-needs-counsel",
        ReadersTold = "silent-recall",
        DecidedForElsewhere = "decided-for-at-another-level",
        DelegatedLevel = "delegated-another-level",
        DelegatedDepartment = "delegated-another-department",
        LevelDelegable = "level-not-delegated",
        DelegateNotAdministrator = "delegate-administers",
        DelegationInForce = "delegation-ended",
        PrincipalRole = "principal-does-not-decide",
        PrincipalDepartment = "principal-of-another-department",
        PrincipalNotRequester = "principal-requested",
        PrincipalOneLevel = "principal-decided-at-another-level",
        ApproveNotHalted = "halted",
        WithdrawOpen = "not-open",
        WithdrawByRequester = "not-the-requester",
        EscalateDue = "not-yet-overdue",
        ResubmitReturned = "not-returned",
        ResubmitByRequester = "not-the-requester-resubmitting",
        ResubmitBeforeCutOff = "past-cut-off-resubmitting",
        TransferElsewhere = "transfer-to-oneself",
        TransferToEligible = "transfer-not-eligible",
        TransferByOwn = "received-is-not-passed-on",
        AddEligible = "add-not-eligible",
        AddedDecides = "added-decides-only",
        RemoveWaiting = "nobody-to-remove",
        RemoveByAdder = "not-the-adder",
        AskOnce = "question-open",
        AnswerByRequester = "not-the-requester-answering",
        AnswerAsked = "nothing-to-answer",
        CommentOpen = "case-ended",
        TakesPart = "takes-no-part",
        RemindWaits = "nothing-to-remind",
        RemindHourly = "reminded-lately",
        ExpireOpen = "nothing-to-expire",
        ExpireDue = "not-yet-expired",
        HaltOpen = "nothing-to-halt",
        BeginApproved = "not-approved",
        BeginThreePeople = "not-three-people",
        BeginInWindow = "window-closed",
        CallExecuting = "not-executing",
        CallInWindow = "window-closed-before-call",
        CallNotHalted = "halted-before-call",
        CallUnanswered = "already-answered",
        CaptureGuided = "not-guided",
        ConfirmCaptured = "no-capture",
        ConfirmNotOperator = "own-capture",
        ConfirmNotRequester = "own-request-confirming",
        ConfirmNotOfficer = "own-order-confirming",
        FinishExecuting = "nothing-to-finish",
        OrderAllowed = "recall-first-not-allowed",
        OrderOnDuty = "not-on-duty",
        OrderFit = "not-fit-for-duty",
        OrderNotBarred = "recall-first-barred",
        OrderNotRequester = "own-request-ordering",
        OrderNotDecided = "decided-here-ordering",
        RatifyOwed = "nothing-to-ratify",
        RatifyCurrent = "ratified-meanwhile",
        RatifyNotOfficer = "own-order",
        RatifyOneLevel = "ratified-at-another-level",
    }
}

/// Which guards stand. Outside tests all of them do, and no other value can be made.
#[derive(Clone, Copy, Debug)]
pub struct Rules(u128);

const _: () = assert!(Guard::ALL.len() <= 128, "a bit for each guard");

impl Rules {
    pub const ALL: Self = Self(u128::MAX);

    #[cfg(test)]
    fn without(guard: Guard) -> Self {
        Self(!(1 << guard as u128))
    }

    fn check(self, guard: Guard, holds: bool) -> Result<(), Guard> {
        #[cfg(test)]
        mutation::count(guard, holds);
        if holds || self.0 & (1 << guard as u128) == 0 { Ok(()) } else { Err(guard) }
    }
}

/// A decision that was made and stands in the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    pub round: u32,
    pub level: u8,
    pub decider: UserId,
    /// On whose behalf, if not in their own name.
    pub principal: Option<UserId>,
    pub verb: Verb,
    /// They answered that a dispute is foreseeable (level 2).
    pub foresees: bool,
}

impl Made {
    /// Whose word it is: theirs on whose behalf it was said.
    pub fn voice(&self) -> &UserId {
        self.principal.as_ref().unwrap_or(&self.decider)
    }

    /// Whether they said it, or it was said on their behalf.
    pub fn is_of(&self, user: &UserId) -> bool {
        self.decider == *user || self.principal.as_ref() == Some(user)
    }
}

/// A case as the rules see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    pub state: State,
    /// Levels that may be decided now; several where a policy opens them together.
    pub open: BTreeSet<u8>,
    /// 1, and one more after each resubmission.
    pub round: u32,
    pub mode: Mode,
    pub requester: UserId,
    /// The sender's department, then each department above it; empty where the sender has none.
    pub departments: Vec<DepartmentId>,
    /// Levels that may be decided on somebody's behalf, by the policy that the case goes by.
    pub delegable: BTreeSet<u8>,
    /// Whether that policy wants every question of level 2 answered before an approval.
    pub must_answer: bool,
    /// Whether that policy has a level widened once its time is over.
    pub widens: bool,
    /// Levels of this round whose time was over before they were decided.
    pub escalated: BTreeSet<u8>,
    /// All decisions of all rounds.
    pub decisions: Vec<Made>,
    /// Levels that were passed on, oldest first. One whose new person can no longer decide it does not count (`app::recalls` leaves it out):
    /// the level falls back.
    pub transfers: Vec<participation::Transfer>,
    /// Reviewers who were added, oldest first; one who can no longer decide does not count either, and one who was removed is not here.
    pub additions: Vec<participation::Addition>,
    pub questions: Vec<participation::Question>,
    pub reminders: Vec<participation::Reminder>,
    /// That it was recalled first, and what is owed for it.
    pub order: Option<ratification::Order>,
    /// Last moment for decisions and resubmission; `None` where the platform has no limit.
    pub cut_off: Option<Instant>,
    pub halted: bool,
    /// Who uploaded captures (guided).
    pub operators: BTreeSet<UserId>,
    pub version: i64,
}

impl Case {
    /// The end of the platform's window: the cut-off and the reserve that was kept for the execution.
    pub fn window_end(&self) -> Option<Instant> {
        self.cut_off.map(|end| end.plus(EXECUTION_RESERVE))
    }

    /// People who approved in this round; of one level several, where reviewers were added to it.
    pub fn approvers(&self) -> impl Iterator<Item = (u8, &UserId)> {
        self.approvals().map(|d| (d.level, &d.decider))
    }

    /// The approvals of this round.
    pub fn approvals(&self) -> impl Iterator<Item = &Made> {
        self.decisions.iter().filter(|d| d.round == self.round && d.verb == Verb::Approve)
    }

    /// The approvals of this round that closed their levels: those of added reviewers close none.
    pub fn closing(&self) -> impl Iterator<Item = &Made> {
        self.approvals().filter(|d| !participation::is_added(self, d.level, d.voice()))
    }

    /// Whether more people may decide a level than at first, because its time is over.
    pub fn is_widened(&self, level: u8) -> bool {
        self.widens && self.escalated.contains(&level)
    }

    fn next(&self) -> Self {
        Self { version: self.version + 1, ..self.clone() }
    }
}

/// Whether `now` lies before `end`; without an end it always does.
fn before(now: Instant, end: Option<Instant>) -> bool {
    end.is_none_or(|end| now < end)
}
