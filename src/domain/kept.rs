//! The class of retention (留存类别) that each event has, and the bucket whose key seals its parts: one for each month and class, because
//! they are due together. Not here: how long a class is kept (`retention`), the keys (`store::part_keys`).

use crate::{clock::Instant, domain::event::Action, words};

words! {
    /// What kind of thing an event tells of; each has its own period. In each language: `kept-class-<word>`.
    pub enum EventClass {
        /// Signing in and out, passwords and second factors, refused attempts.
        Session = "session",
        /// That somebody looked: at contents, at the trail.
        Reading = "reading",
        /// Accounts, roles, tokens, addresses.
        Account = "account",
        /// Messages and what the platforms said of them.
        Broadcast = "broadcast",
        /// The course of a recall case.
        Recall = "recall",
        /// Decisions on cases, on legal holds and on the rules of recalls.
        Decision = "decision",
        /// What left the house.
        Export = "export",
        /// The installation itself.
        System = "system",
    }
}

impl EventClass {
    /// The class of an action; each has exactly one.
    pub const fn of(action: Action) -> Self {
        match action {
            Action::PasswordChanged
            | Action::SecondFactorEnrolled
            | Action::SecondFactorReset
            | Action::PasskeyAdded
            | Action::PasskeyRemoved
            | Action::RecoveryCodesMade
            | Action::SessionStarted
            | Action::SessionOpened
            | Action::SessionClosed
            | Action::SessionRevoked
            | Action::PermissionChecked
            | Action::PreferenceChanged => Self::Session,
            Action::ContentRead
            | Action::UserRead
            | Action::ConnectionRead
            | Action::BroadcastRead
            | Action::RecallRead
            | Action::EvidenceRead
            | Action::HoldRead
            | Action::SettingRead
            | Action::StreamRead
            | Action::PageRead
            | Action::AuditSearched
            | Action::SearchSaved
            | Action::SearchRemoved
            | Action::AuditRead
            | Action::EvidenceVerified => Self::Reading,
            Action::InvitationCreated
            | Action::InvitationRenewed
            | Action::InvitationRevoked
            | Action::InvitationMailed
            | Action::InvitationsChecked
            | Action::InvitationsMade
            | Action::InvitationAccepted
            | Action::UserCreated
            | Action::UserChanged
            | Action::UserSuspended
            | Action::DepartmentCreated
            | Action::DepartmentChanged
            | Action::DepartmentClosed
            | Action::TokenCreated
            | Action::TokenRevoked
            | Action::MailAddressChanged => Self::Account,
            Action::BroadcastSubmitted
            | Action::BroadcastImported
            | Action::BroadcastReported
            | Action::ImportUploaded
            | Action::ImportChecked
            | Action::ImportConfirmed
            | Action::ImportDiscarded
            | Action::ImportApplied
            | Action::BroadcastCallStarted
            | Action::BroadcastCallAnswered
            | Action::BroadcastSent
            | Action::ReadingCaptured => Self::Broadcast,
            Action::RecallSubmitted
            | Action::RecallResubmitted
            | Action::RecallTransferred
            | Action::RecallReviewerAdded
            | Action::RecallReviewerRemoved
            | Action::RecallQuestionAsked
            | Action::RecallQuestionAnswered
            | Action::RecallCommented
            | Action::RemediationStepAdded
            | Action::RemediationStepDone
            | Action::RemediationStepDropped
            | Action::SelfRecallFiled
            | Action::SelfRecallChecked
            | Action::RecallReminded
            | Action::RecallWithdrawn
            | Action::RecallExpired
            | Action::RecallEscalated
            | Action::RecallLevelOpened
            | Action::RecallExecutionStarted
            | Action::RecallCallStarted
            | Action::RecallCallAnswered
            | Action::RecallHalted
            | Action::RecallCaptureUploaded
            | Action::RecallCaptureConfirmed
            | Action::RecallFinished
            | Action::RecallUnwitnessed
            | Action::CaseClosed
            | Action::NoticeSent => Self::Recall,
            Action::StatementMade
            | Action::RecallDecided
            | Action::RecallOrdered
            | Action::RatificationDecided
            | Action::RatificationLapsed
            | Action::BarReleaseProposed
            | Action::BarReleased
            | Action::DutyAssigned
            | Action::DutyEnded
            | Action::HoldProposed
            | Action::HoldPlaced
            | Action::HoldDeclined
            | Action::HoldReleaseProposed
            | Action::HoldReleaseDeclined
            | Action::HoldReleased
            | Action::PolicyProposed
            | Action::PolicyConfirmed
            | Action::PolicyRejected
            | Action::PolicyWithdrawn
            | Action::DelegationMade
            | Action::DelegationEnded => Self::Decision,
            Action::AuditExported
            | Action::ListExported
            | Action::AuditEngagementOpened
            | Action::AuditPackRequested
            | Action::AuditPackSealed
            | Action::AuditPackExported
            | Action::QuestionPut
            | Action::QuestionAnswered
            | Action::EvidenceSealed
            | Action::EvidenceErased
            | Action::BroadcastErased
            | Action::EvidenceExported => Self::Export,
            Action::LogStarted
            | Action::LogRenewed
            | Action::CheckpointAccepted
            | Action::BackupTaken
            | Action::BackupRestored
            | Action::ServiceStarted
            | Action::ServiceStopped
            | Action::DatabaseMigrated
            | Action::InstallationSetUp
            | Action::ConnectionCreated
            | Action::ConnectionChanged
            | Action::ConnectionTested
            | Action::WitnessLost
            | Action::WitnessReturned
            | Action::TimestampObtained
            | Action::TimestampRefused
            | Action::TimestampRenewed
            | Action::TimestampExpiring
            | Action::TimestampExpired
            | Action::EvidenceKeyRequested
            | Action::EvidenceCertificateImported
            | Action::EvidenceCertificateExpiring
            | Action::EvidenceCertificateRevoked
            | Action::RevocationListImported
            | Action::KeyAnnounced
            | Action::KeyRetired
            | Action::KeyStolen
            | Action::LogVerified
            | Action::LogVerificationFailed
            | Action::SystemEndangered
            | Action::SystemRecovered
            | Action::ClockDeviated
            | Action::ClockAgreed
            | Action::AlertRaised
            | Action::AlertAcknowledged
            | Action::AlertRuleChanged
            | Action::StreamCreated
            | Action::StreamChanged
            | Action::StreamRemoved
            | Action::StreamTested
            | Action::StreamStuck
            | Action::StreamRecovered
            | Action::PartsPurged
            | Action::PartKeyDestroyed
            | Action::PartKeyLost
            | Action::RetentionApplied
            | Action::JobRetried
            | Action::SettingChanged => Self::System,
        }
    }

    /// The class of a stored action; one that this version does not know is the installation's.
    pub fn of_stored(action: &str) -> Self {
        Action::parse(action).map_or(Self::System, Self::of)
    }
}

/// The bucket that the parts of an event go to: `2026-11/session` for the calendar month in UTC and the class.
pub fn bucket(at: Instant, class: EventClass) -> String {
    format!("{}/{class}", month(at))
}

/// The calendar month of an instant in UTC, `2026-11`.
pub fn month(at: Instant) -> String {
    at.to_rfc3339().chars().take(7).collect()
}

/// What buckets begin with in which parts lie that outlived their own one under a legal hold: `held/1`, `held/2` …
pub const HELD: &str = "held/";

/// The month and the class that a bucket stands for; `None` for a held one.
pub fn of_bucket(bucket: &str) -> Option<(&str, EventClass)> {
    let mut pieces = bucket.split('/');
    let month = pieces.next().filter(|month| month.len() == 7)?;
    Some((month, EventClass::parse(pieces.next()?)?))
}

/// Whether every event of a bucket happened before `cut_off`, that of its class. A held one has no time of its own.
pub fn is_over(bucket: &str, cut_off: impl Fn(EventClass) -> Instant) -> bool {
    of_bucket(bucket).is_some_and(|(at, class)| at < month(cut_off(class)).as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_over_when_its_last_day_is() {
        let at = |text| Instant::parse(text).unwrap();
        let november = bucket(at("2026-11-30T23:59:59Z"), EventClass::Session);
        assert_eq!(november, "2026-11/session");
        assert_eq!(of_bucket("2026-11/session/2"), Some(("2026-11", EventClass::Session)), "another generation of the same");
        assert_eq!((of_bucket("held/1"), of_bucket("2026-11/x"), of_bucket("")), (None, None, None));
        let over = |cut| is_over(&november, |class| if class == EventClass::Session { at(cut) } else { at("2030-01-01T00:00:00Z") });
        assert!(!over("2026-11-30T23:59:59Z") && over("2026-12-01T00:00:00Z") && !is_over("held/1", |_| Instant(i64::MAX)));
    }

    #[test]
    fn every_action_is_of_a_class_and_every_class_has_actions() {
        for class in EventClass::ALL {
            assert!(Action::ALL.iter().any(|action| EventClass::of(*action) == *class), "{class}");
        }
        assert_eq!(EventClass::of_stored("session.opened"), EventClass::Session);
        assert_eq!(EventClass::of_stored("something.new"), EventClass::System);
    }
}
