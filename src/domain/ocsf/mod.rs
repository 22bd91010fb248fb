//! Our events in the words of others: the Open Cybersecurity Schema Framework, version 1.6.0 (<https://schema.ocsf.io/1.6.0>).
//! Here stands which class and activity each action of the catalogue is; `record` makes the whole event.
//! Not here: which events go where (`app::streams`).

mod record;

pub use record::{Record, event};

use super::event::Action;

/// The version of the schema that our events follow.
pub const VERSION: &str = "1.6.0";

/// A class of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    AccountChange,
    Authentication,
    EntityManagement,
    WebResourcesActivity,
    ApplicationLifecycle,
    ApiActivity,
}

impl Class {
    /// `class_uid`; its thousands are the category.
    pub const fn uid(self) -> u32 {
        match self {
            Self::AccountChange => 3001,
            Self::Authentication => 3002,
            Self::EntityManagement => 3004,
            Self::WebResourcesActivity => 6001,
            Self::ApplicationLifecycle => 6002,
            Self::ApiActivity => 6003,
        }
    }

    /// `class_name`
    pub const fn name(self) -> &'static str {
        match self {
            Self::AccountChange => "Account Change",
            Self::Authentication => "Authentication",
            Self::EntityManagement => "Entity Management",
            Self::WebResourcesActivity => "Web Resources Activity",
            Self::ApplicationLifecycle => "Application Lifecycle",
            Self::ApiActivity => "API Activity",
        }
    }

    /// `category_uid` and `category_name`
    pub const fn category(self) -> (u32, &'static str) {
        match self.uid() / 1000 {
            3 => (3, "Identity & Access Management"),
            _ => (6, "Application Activity"),
        }
    }
}

/// What an action is for others: a class and one of its activities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    pub class: Class,
    /// `activity_id`; [`OTHER`] where the class has no word for it.
    pub activity: u32,
    /// `activity_name`; empty with [`OTHER`], where our own word stands.
    pub name: &'static str,
}

/// The activity for which a class has no word.
pub const OTHER: u32 = 99;

impl Kind {
    /// `type_uid`
    pub const fn uid(self) -> u32 {
        self.class.uid() * 100 + self.activity
    }
}

const fn account(activity: u32, name: &'static str) -> Kind {
    Kind { class: Class::AccountChange, activity, name }
}

const fn sign_in(activity: u32, name: &'static str) -> Kind {
    Kind { class: Class::Authentication, activity, name }
}

const fn entity(activity: u32, name: &'static str) -> Kind {
    Kind { class: Class::EntityManagement, activity, name }
}

const fn resource(activity: u32, name: &'static str) -> Kind {
    Kind { class: Class::WebResourcesActivity, activity, name }
}

const fn service(activity: u32, name: &'static str) -> Kind {
    Kind { class: Class::ApplicationLifecycle, activity, name }
}

const fn call(activity: u32, name: &'static str) -> Kind {
    Kind { class: Class::ApiActivity, activity, name }
}

const CREATED: Kind = entity(1, "Create");
const READ: Kind = entity(2, "Read");
const UPDATED: Kind = entity(3, "Update");
const DELETED: Kind = entity(4, "Delete");
const ACTIVATED: Kind = entity(10, "Activate");
const DEACTIVATED: Kind = entity(11, "Deactivate");
const SUSPENDED: Kind = entity(12, "Suspend");
const RESUMED: Kind = entity(13, "Resume");
const OTHER_ENTITY: Kind = entity(OTHER, "");

/// The class and activity of an action: the one table, a line for each action of the catalogue (an action without one does not compile).
///
/// Accounts are 3001, signing in and out 3002, calls to platforms and authorities 6003, searches and exports 6001, the service itself 6002; what is left is about things of
/// ours (broadcasts, cases, holds, tokens, the log) and is 3004.
pub const fn kind(action: Action) -> Kind {
    match action {
        Action::LogStarted => CREATED,
        Action::LogRenewed => UPDATED,
        Action::KeyAnnounced => CREATED,
        Action::KeyRetired => DEACTIVATED,
        Action::KeyStolen => DEACTIVATED,
        Action::EvidenceKeyRequested => CREATED,
        Action::EvidenceCertificateImported => ACTIVATED,
        Action::RevocationListImported => CREATED,
        Action::CheckpointAccepted => UPDATED,
        Action::BackupTaken => CREATED,
        Action::BackupRestored => UPDATED,
        Action::ServiceStarted => service(3, "Start"),
        Action::ServiceStopped => service(4, "Stop"),
        Action::DatabaseMigrated => service(8, "Update"),
        Action::InstallationSetUp => CREATED,
        Action::InvitationCreated => CREATED,
        Action::InvitationRenewed => UPDATED,
        Action::InvitationRevoked => DEACTIVATED,
        Action::InvitationMailed => OTHER_ENTITY,
        Action::InvitationsChecked => OTHER_ENTITY,
        Action::InvitationsMade => CREATED,
        Action::InvitationAccepted => account(1, "Create"),
        Action::UserCreated => account(1, "Create"),
        Action::UserChanged => account(OTHER, ""),
        Action::UserSuspended => account(5, "Disable"),
        Action::PasswordChanged => account(3, "Password Change"),
        Action::SecondFactorEnrolled => account(10, "MFA Factor Enable"),
        Action::SecondFactorReset => account(11, "MFA Factor Disable"),
        Action::PasskeyAdded => account(10, "MFA Factor Enable"),
        Action::PasskeyRemoved => account(11, "MFA Factor Disable"),
        Action::RecoveryCodesMade => account(10, "MFA Factor Enable"),
        Action::DepartmentCreated => CREATED,
        Action::DepartmentChanged => UPDATED,
        Action::DepartmentClosed => DEACTIVATED,
        Action::TokenCreated => CREATED,
        Action::TokenRevoked => DEACTIVATED,
        Action::SessionStarted => sign_in(6, "Preauth"),
        Action::SessionOpened => sign_in(1, "Logon"),
        Action::SessionClosed => sign_in(2, "Logoff"),
        Action::SessionRevoked => sign_in(2, "Logoff"),
        Action::PermissionChecked => OTHER_ENTITY,
        Action::PreferenceChanged => account(OTHER, ""),
        Action::ConnectionCreated => CREATED,
        Action::ConnectionChanged => UPDATED,
        Action::ConnectionTested => OTHER_ENTITY,
        Action::BroadcastSubmitted => CREATED,
        Action::BroadcastImported => CREATED,
        Action::BroadcastReported => CREATED,
        Action::ImportUploaded => CREATED,
        Action::ImportChecked => UPDATED,
        Action::ImportConfirmed => UPDATED,
        Action::ImportDiscarded => DELETED,
        Action::ImportApplied => UPDATED,
        Action::BroadcastCallStarted => call(1, "Create"),
        Action::BroadcastCallAnswered => call(1, "Create"),
        Action::BroadcastSent => UPDATED,
        Action::ReadingCaptured => call(2, "Read"),
        Action::ContentRead => READ,
        Action::RecallSubmitted => CREATED,
        Action::RecallResubmitted => UPDATED,
        Action::StatementMade => READ,
        Action::RecallDecided => UPDATED,
        Action::RecallOrdered => ACTIVATED,
        Action::RatificationDecided => UPDATED,
        Action::RatificationLapsed => UPDATED,
        Action::BarReleaseProposed => UPDATED,
        Action::BarReleased => ACTIVATED,
        Action::DutyAssigned => CREATED,
        Action::DutyEnded => DEACTIVATED,
        Action::RecallTransferred => UPDATED,
        Action::RecallReviewerAdded => UPDATED,
        Action::RecallReviewerRemoved => UPDATED,
        Action::RecallQuestionAsked => UPDATED,
        Action::RecallQuestionAnswered => UPDATED,
        Action::RecallCommented => UPDATED,
        Action::RecallReminded => OTHER_ENTITY,
        Action::RemediationStepAdded => CREATED,
        Action::RemediationStepDone | Action::RemediationStepDropped => UPDATED,
        Action::SelfRecallFiled => CREATED,
        Action::SelfRecallChecked => UPDATED,
        Action::RecallWithdrawn => DEACTIVATED,
        Action::RecallExpired => DEACTIVATED,
        Action::RecallEscalated => UPDATED,
        Action::RecallLevelOpened => UPDATED,
        Action::RecallExecutionStarted => ACTIVATED,
        Action::RecallCallStarted => call(4, "Delete"),
        Action::RecallCallAnswered => call(4, "Delete"),
        Action::RecallHalted => SUSPENDED,
        Action::RecallUnwitnessed => UPDATED,
        Action::RecallCaptureUploaded => UPDATED,
        Action::RecallCaptureConfirmed => UPDATED,
        Action::RecallFinished => UPDATED,
        Action::CaseClosed => DEACTIVATED,
        Action::AuditSearched => resource(5, "Search"),
        Action::AuditRead => resource(2, "Read"),
        Action::AuditExported | Action::ListExported => resource(7, "Export"),
        Action::SearchSaved => CREATED,
        Action::SearchRemoved => DELETED,
        Action::EvidenceSealed => CREATED,
        Action::EvidenceExported => resource(7, "Export"),
        Action::EvidenceVerified => READ,
        Action::MailAddressChanged => account(OTHER, ""),
        Action::NoticeSent => OTHER_ENTITY,
        Action::HoldProposed => CREATED,
        Action::HoldPlaced => ACTIVATED,
        Action::HoldDeclined => DEACTIVATED,
        Action::HoldReleaseProposed => UPDATED,
        Action::HoldReleaseDeclined => UPDATED,
        Action::HoldReleased => DEACTIVATED,
        Action::PolicyProposed => CREATED,
        Action::PolicyConfirmed => ACTIVATED,
        Action::PolicyRejected => DEACTIVATED,
        Action::PolicyWithdrawn => DEACTIVATED,
        Action::DelegationMade => CREATED,
        Action::DelegationEnded => DEACTIVATED,
        Action::WitnessLost => SUSPENDED,
        Action::WitnessReturned => RESUMED,
        Action::TimestampObtained => call(1, "Create"),
        Action::TimestampRefused => call(1, "Create"),
        Action::TimestampRenewed => call(1, "Create"),
        Action::TimestampExpiring => call(1, "Create"),
        Action::TimestampExpired => SUSPENDED,
        Action::EvidenceCertificateExpiring => SUSPENDED,
        Action::EvidenceCertificateRevoked => DEACTIVATED,
        Action::LogVerified => READ,
        Action::LogVerificationFailed => READ,
        Action::SystemEndangered => OTHER_ENTITY,
        Action::SystemRecovered => OTHER_ENTITY,
        Action::ClockDeviated => OTHER_ENTITY,
        Action::ClockAgreed => OTHER_ENTITY,
        Action::AlertRaised => CREATED,
        Action::AlertAcknowledged => DEACTIVATED,
        Action::AlertRuleChanged => UPDATED,
        Action::StreamCreated => CREATED,
        Action::StreamChanged => UPDATED,
        Action::StreamRemoved => DELETED,
        Action::StreamTested => OTHER_ENTITY,
        Action::StreamStuck => SUSPENDED,
        Action::StreamRecovered => RESUMED,
        Action::PartsPurged | Action::PartKeyDestroyed | Action::EvidenceErased | Action::BroadcastErased => DELETED,
        Action::PartKeyLost => OTHER_ENTITY,
        Action::RetentionApplied => OTHER_ENTITY,
        Action::JobRetried => UPDATED,
        Action::SettingChanged => UPDATED,
        Action::AuditEngagementOpened => CREATED,
        Action::AuditPackRequested => CREATED,
        Action::AuditPackSealed => CREATED,
        Action::AuditPackExported => resource(7, "Export"),
        Action::QuestionPut => CREATED,
        Action::QuestionAnswered => UPDATED,
        Action::UserRead
        | Action::ConnectionRead
        | Action::BroadcastRead
        | Action::RecallRead
        | Action::EvidenceRead
        | Action::HoldRead
        | Action::StreamRead
        | Action::SettingRead => READ,
        Action::PageRead => resource(2, "Read"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the schema's own files: the highest activity of each class, and that 99 alone goes without a name of theirs.
    #[test]
    fn every_action_is_an_activity_of_its_class() {
        for action in Action::ALL {
            let kind = kind(*action);
            let highest = match kind.class {
                Class::AccountChange => 12,
                Class::Authentication => 7,
                Class::EntityManagement => 13,
                Class::WebResourcesActivity => 8,
                Class::ApplicationLifecycle => 8,
                Class::ApiActivity => 4,
            };
            assert!((1..=highest).contains(&kind.activity) || kind.activity == OTHER, "{action}");
            assert_eq!(kind.name.is_empty(), kind.activity == OTHER, "{action}");
            assert_eq!(kind.uid(), kind.class.uid() * 100 + kind.activity);
            assert_eq!(kind.class.category().0, kind.class.uid() / 1000);
        }
    }
}
