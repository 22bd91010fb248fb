//! What an auditor looks at: the kinds of exception, the controls with the events that prove them, the words of an audit's records.
//! Not here: who may open an audit (`app::audits`), how a pack is made of it (`crate::evidence::audit`).

use std::time::Duration;

use super::event::Action;
use crate::words;

words! {
    /// What departs from the usual way of a case, and what an auditor wants to see of it one by one.
    pub enum ExceptionKind {
        /// A level was decided after its due time.
        Late = "late",
        /// The execution began in the time that is kept back for it.
        InReserve = "in_reserve",
        BreakGlass = "break_glass",
        /// 先撤后审
        RecallFirst = "recall_first",
        /// 转办
        Delegated = "delegated",
        /// Carried out by a person in the platform's console.
        Guided = "guided",
        /// 自行撤回备案
        SelfFiled = "self_filed",
        Returned = "returned",
        Rejected = "rejected",
        Resubmitted = "resubmitted",
        Withdrawn = "withdrawn",
        Expired = "expired",
        Halted = "halted",
        /// A rule or a permission said no.
        Refused = "refused",
        SecondFactorReset = "second_factor_reset",
        /// Somebody may still see the message, or nobody knows.
        Incomplete = "incomplete",
        /// Not closed when the pack was made.
        Open = "open",
        /// One person in several functions over the period.
        SeveralRoles = "several_roles",
    }
}

/// Ways that this version does not have: no event of the catalogue records them, and a pack says so instead of showing an empty list.
pub const ABSENT: [ExceptionKind; 1] = [ExceptionKind::BreakGlass];

words! {
    /// Where a seed comes from.
    pub enum SeedSource {
        /// By the auditor.
        Given = "given",
        /// By the product, at random.
        Drawn = "drawn",
    }
}

words! {
    /// Where a pack stands.
    pub enum PackState {
        Making = "making",
        Ready = "ready",
    }
}

/// How far an event's place in the log may differ from its place in time: servers write side by side, and the log is ordered by arrival.
/// A pack carries so much on either side of its period that nothing within can hide outside.
pub const MARGIN: Duration = Duration::from_secs(600);

/// Numbers that a day may have given out beyond those that were found. More are no gap but a wrong count, and are not named one by one.
pub const GAP: u64 = 1000;

/// Cases that a sample may have at most.
pub const SAMPLE_MAX: u32 = 1000;

/// A seed is printable ASCII without quotes, so that everybody can type it into a shell.
pub fn seed_fits(seed: &str) -> bool {
    (8..=64).contains(&seed.len()) && seed.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// One control: what is asked for, and which events show that it worked in the period. Its words are `control-<name>`, with `-source` for
/// the requirement, `-how` for how the product enforces it and `-test` for how to try it.
#[derive(Clone, Copy, Debug)]
pub struct Control {
    pub name: &'static str,
    pub proofs: &'static [Action],
}

const fn control(name: &'static str, proofs: &'static [Action]) -> Control {
    Control { name, proofs }
}

/// The control matrix.
pub const CONTROLS: &[Control] = &[
    control("three_levels", &[Action::RecallSubmitted, Action::RecallDecided, Action::RecallResubmitted, Action::RecallWithdrawn]),
    control("separation", &[Action::RecallDecided, Action::RecallCaptureUploaded, Action::RecallCaptureConfirmed, Action::HoldPlaced]),
    control("second_factor", &[Action::SecondFactorEnrolled, Action::SecondFactorReset, Action::SessionOpened]),
    control("window", &[Action::RecallEscalated, Action::RecallExecutionStarted, Action::RecallExpired, Action::RecallHalted]),
    control(
        "recall_first",
        &[
            Action::RecallOrdered,
            Action::RatificationDecided,
            Action::RatificationLapsed,
            Action::DutyAssigned,
            Action::DutyEnded,
            Action::BarReleased,
        ],
    ),
    control("self_recall", &[Action::SelfRecallFiled, Action::SelfRecallChecked]),
    control("remediation", &[Action::RemediationStepAdded, Action::RemediationStepDone, Action::RemediationStepDropped]),
    control("execution", &[Action::RecallCallStarted, Action::RecallCallAnswered, Action::RecallFinished, Action::CaseClosed]),
    control("trail", &[Action::PermissionChecked, Action::ServiceStarted, Action::ServiceStopped, Action::LogStarted]),
    control(
        "privileged_reads",
        &[Action::ContentRead, Action::AuditSearched, Action::AuditRead, Action::RecallRead, Action::UserRead, Action::PageRead],
    ),
    control("retention", &[Action::RetentionApplied, Action::PartsPurged, Action::HoldProposed, Action::HoldReleased]),
    control("evidence", &[Action::EvidenceSealed, Action::EvidenceVerified]),
    control(
        "administrations",
        &[
            Action::UserCreated,
            Action::UserChanged,
            Action::UserSuspended,
            Action::InvitationCreated,
            Action::InvitationRenewed,
            Action::InvitationsMade,
            Action::InvitationRevoked,
        ],
    ),
    control(
        "third_parties",
        &[
            Action::TimestampObtained,
            Action::TimestampRefused,
            Action::TimestampRenewed,
            Action::TimestampExpiring,
            Action::TimestampExpired,
            Action::WitnessLost,
            Action::WitnessReturned,
        ],
    ),
    control("backup", &[Action::BackupTaken, Action::BackupRestored]),
    control("exports", &[Action::EvidenceExported, Action::AuditExported, Action::ListExported, Action::AuditPackExported]),
    control(
        "configuration",
        &[
            Action::ConnectionCreated,
            Action::ConnectionChanged,
            Action::TokenCreated,
            Action::TokenRevoked,
            Action::SettingChanged,
            Action::DatabaseMigrated,
            Action::StreamCreated,
            Action::StreamChanged,
            Action::StreamRemoved,
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Who adds one of these ways to the product takes it out of [`ABSENT`] and lists its events.
    #[test]
    fn what_is_said_to_be_absent_has_no_event() {
        for action in Action::ALL {
            assert!(!action.as_str().contains("glass"), "{action} may be an exception that packs deny");
        }
    }

    #[test]
    fn a_seed_can_be_typed_into_a_shell() {
        assert!(seed_fits("2026-audit.1") && seed_fits(&"a".repeat(64)));
        for bad in ["", "short", "with space", "quote'quote", "种子种子种子种子", "dollar$dollar"] {
            assert!(!seed_fits(bad), "{bad}");
        }
    }
}
