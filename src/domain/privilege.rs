//! What is privileged: the one definition that the trail, its catalogue of events and the console go by.
//!
//! Privileged is what reaches beyond a person's own work: to open what a message says, the trail, evidence or other people's accounts; to
//! administer the installation; to stop what three people have ordered, or to order what they have not. Who administers or audits, and a program with a token, is
//! privileged whatever they look at, for their work is to look at others'. Every such act and every such reading leaves its event.
//! Not privileged: one's own account and work list, empty forms, and, for everybody else, cases and broadcasts without their text.

use std::collections::BTreeSet;

use super::{
    event::{Action, ActorKind},
    role::{Permission, Role},
};
use crate::words;

words! {
    /// Why something is privileged; words `privilege-<as_str>`.
    pub enum Privilege {
        /// What a message says, its files and captures.
        Contents = "contents",
        /// The audit trail: searched, read, exported.
        Trail = "trail",
        /// Evidence of a case, and what keeps it: bundles and legal holds.
        Evidence = "evidence",
        /// Other people's accounts, roles, sessions and second factors.
        People = "people",
        /// The installation: connections, tokens, settings, retention, backups, the log's keys.
        Administration = "administration",
        /// The kill switch.
        Halt = "halt",
        /// A recall before its review.
        Exception = "exception",
        /// Cases and broadcasts, looked at by who administers or audits, or by a program.
        Oversight = "oversight",
    }
}

/// Why an action is privileged; `None` for everyday work and for what the system does by itself in its course.
pub const fn of(action: Action) -> Option<Privilege> {
    use Action as A;
    Some(match action {
        A::ContentRead => Privilege::Contents,
        A::AuditSearched
        | A::AuditRead
        | A::AuditExported
        | A::AuditEngagementOpened
        | A::AuditPackRequested
        | A::AuditPackExported
        | A::QuestionPut => Privilege::Trail,
        A::EvidenceExported
        | A::EvidenceRead
        | A::HoldProposed
        | A::HoldPlaced
        | A::HoldDeclined
        | A::HoldReleaseProposed
        | A::HoldReleaseDeclined
        | A::HoldReleased
        | A::HoldRead => Privilege::Evidence,
        A::InstallationSetUp
        | A::InvitationCreated
        | A::InvitationRenewed
        | A::InvitationRevoked
        | A::InvitationsChecked
        | A::InvitationsMade
        | A::InvitationAccepted
        | A::UserCreated
        | A::UserChanged
        | A::UserSuspended
        | A::UserRead
        | A::SecondFactorReset
        | A::DepartmentCreated
        | A::DepartmentChanged
        | A::DepartmentClosed => Privilege::People,
        A::LogStarted
        | A::LogRenewed
        | A::KeyAnnounced
        | A::KeyRetired
        | A::KeyStolen
        | A::EvidenceKeyRequested
        | A::EvidenceCertificateImported
        | A::RevocationListImported
        | A::CheckpointAccepted
        | A::BackupTaken
        | A::BackupRestored
        | A::ServiceStarted
        | A::ServiceStopped
        | A::DatabaseMigrated
        | A::TokenCreated
        | A::TokenRevoked
        | A::ConnectionCreated
        | A::ConnectionChanged
        | A::ConnectionTested
        | A::ConnectionRead
        | A::AlertAcknowledged
        | A::AlertRuleChanged
        | A::PolicyProposed
        | A::PolicyConfirmed
        | A::PolicyRejected
        | A::PolicyWithdrawn
        | A::DutyAssigned
        | A::DutyEnded
        | A::BarReleaseProposed
        | A::BarReleased
        | A::StreamCreated
        | A::StreamChanged
        | A::StreamRemoved
        | A::StreamTested
        | A::StreamRead
        | A::EvidenceErased
        | A::BroadcastErased
        | A::PartsPurged
        | A::PartKeyDestroyed
        | A::PartKeyLost
        | A::RetentionApplied
        | A::JobRetried
        | A::SettingChanged
        | A::SettingRead => Privilege::Administration,
        A::RecallHalted => Privilege::Halt,
        A::RecallOrdered => Privilege::Exception,
        A::BroadcastRead | A::RecallRead | A::ListExported | A::PageRead => Privilege::Oversight,
        A::PasswordChanged
        | A::SecondFactorEnrolled
        | A::PasskeyAdded
        | A::PasskeyRemoved
        | A::RecoveryCodesMade
        | A::SessionStarted
        | A::SessionOpened
        | A::SessionClosed
        | A::SessionRevoked
        | A::PermissionChecked
        | A::PreferenceChanged
        | A::BroadcastSubmitted
        | A::BroadcastImported
        | A::BroadcastReported
        | A::ImportUploaded
        | A::ImportChecked
        | A::ImportConfirmed
        | A::ImportDiscarded
        | A::ImportApplied
        | A::BroadcastCallStarted
        | A::BroadcastCallAnswered
        | A::BroadcastSent
        | A::ReadingCaptured
        | A::RecallSubmitted
        | A::RecallResubmitted
        | A::StatementMade
        | A::RecallDecided
        | A::RecallTransferred
        | A::RecallReviewerAdded
        | A::RecallReviewerRemoved
        | A::RecallQuestionAsked
        | A::RecallQuestionAnswered
        | A::RecallCommented
        | A::RemediationStepAdded
        | A::RemediationStepDone
        | A::RemediationStepDropped
        | A::SelfRecallFiled
        | A::DelegationMade
        | A::DelegationEnded
        | A::SelfRecallChecked
        | A::RecallReminded
        | A::RecallWithdrawn
        | A::RecallExpired
        | A::RecallEscalated
        | A::RecallLevelOpened
        | A::RecallExecutionStarted
        | A::RecallCallStarted
        | A::RecallCallAnswered
        | A::RecallCaptureUploaded
        | A::RecallCaptureConfirmed
        | A::RecallFinished
        | A::RatificationDecided
        | A::RatificationLapsed
        | A::RecallUnwitnessed
        | A::CaseClosed
        | A::EvidenceSealed
        | A::EvidenceVerified
        | A::SearchSaved
        | A::SearchRemoved
        | A::AuditPackSealed
        | A::QuestionAnswered
        | A::MailAddressChanged
        | A::NoticeSent
        | A::InvitationMailed
        | A::StreamStuck
        | A::StreamRecovered
        | A::WitnessLost
        | A::WitnessReturned
        | A::TimestampObtained
        | A::TimestampRefused
        | A::TimestampRenewed
        | A::TimestampExpiring
        | A::TimestampExpired
        | A::EvidenceCertificateExpiring
        | A::EvidenceCertificateRevoked
        | A::LogVerified
        | A::LogVerificationFailed
        | A::SystemEndangered
        | A::SystemRecovered
        | A::ClockDeviated
        | A::ClockAgreed
        | A::AlertRaised => return None,
    })
}

/// Why a permission is privileged, so that whoever reads by it leaves an event.
///
/// `log.read` is not: a mirror asks for leaves and tiles every few seconds, they hold nothing of anybody, and a log that grew by being
/// mirrored would have no end.
pub const fn of_permission(permission: Permission) -> Option<Privilege> {
    use Permission as P;
    Some(match permission {
        P::ContentRead | P::ContentUnmask => Privilege::Contents,
        P::AuditRead | P::AuditExport | P::AlertRead => Privilege::Trail,
        P::EvidenceExport | P::HoldManage => Privilege::Evidence,
        P::UserManage | P::RoleManage | P::AuditorManage | P::AccessManage => Privilege::People,
        P::ConnectionManage
        | P::StreamManage
        | P::TokenManage
        | P::SystemRead
        | P::AlertAcknowledge
        | P::AlertRuleManage
        | P::PolicyPropose
        | P::PolicyConfirm => Privilege::Administration,
        P::RecallHalt => Privilege::Halt,
        P::BroadcastSend | P::BroadcastRead | P::RecallRequest | P::RecallRead | P::RecallDecide | P::RecallExecute | P::LogRead => return None,
    })
}

/// Whether somebody is privileged whatever they look at: who administers or audits, and every program.
pub fn is_of(kind: ActorKind, roles: &BTreeSet<Role>) -> bool {
    kind == ActorKind::Token || roles.iter().any(|role| role.is_administrator() || *role == Role::Auditor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reading_that_is_an_action_is_privileged() {
        for action in Action::ALL.iter().filter(|a| a.as_str().ends_with(".read") || a.as_str().starts_with("audit.")) {
            assert!(of(*action).is_some(), "{action}");
        }
    }

    #[test]
    fn who_administers_or_audits_is_privileged_and_who_works_is_not() {
        for role in Role::ALL {
            let office = role.as_str().ends_with("administrator") || role.as_str() == "auditor";
            assert_eq!(is_of(ActorKind::User, &[*role].into()), office, "{role}");
            assert!(is_of(ActorKind::Token, &[*role].into()));
        }
    }
}
