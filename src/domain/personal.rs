//! What is kept about a person (个人信息保护法 17, 44, 45), and why: for each kind of data its legal ground, how long it stays, and whether the
//! person can have it erased. Not here: how much of it there is (`store::personal`), who may look (`app::personal`).

use super::kept::EventClass;
use crate::words;

words! {
    /// A kind of data about a person beside the records of the trail; words `personal-<as_str>`.
    pub enum Kind {
        Account = "account",
        Roles = "roles",
        MailAddress = "mail_address",
        Sessions = "sessions",
        Devices = "devices",
        Tokens = "tokens",
        Passkeys = "passkeys",
        RecoveryCodes = "recovery_codes",
        Invitations = "invitations",
        Searches = "searches",
        Exports = "exports",
        /// Tables that they uploaded.
        Imports = "imports",
        Notices = "notices",
        Broadcasts = "broadcasts",
        Requests = "requests",
        Decisions = "decisions",
        /// Times on the duty roster.
        Duty = "duty",
        /// Recalls ordered before their review.
        Orders = "orders",
        Ratifications = "ratifications",
        Participation = "participation",
        /// Steps of remediation plans that they set, own or ended.
        Remediations = "remediations",
        SelfRecalls = "self_recalls",
        /// Deciding that they handed on or received.
        Delegations = "delegations",
        Attachments = "attachments",
        Holds = "holds_placed",
        Audits = "audits",
        Questions = "questions",
        Packs = "packs",
        AlertRules = "alert_rules",
        /// Rules proposed, confirmed or rejected.
        Policies = "policies",
        Alerts = "alerts",
        Acknowledged = "alerts_acknowledged",
    }
}

words! {
    /// The ground that it is kept on; words `personal-basis-<as_str>`.
    pub enum Basis {
        /// A duty of the law: network logs (网络安全法), records of processing (个人信息保护法 13 (3)).
        Duty = "duty",
        /// Needed to work here: management of people by lawful rules (个人信息保护法 13 (2)).
        Work = "work",
        /// Proof of what was decided, for claims (个人信息保护法 13 (2), 民法典 188).
        Claims = "claims",
    }
}

words! {
    /// Whether and how it goes; words `personal-erasure-<as_str>`.
    pub enum Erasure {
        /// By itself, after its time.
        Due = "due",
        /// The person removes it themselves whenever they like.
        Own = "own",
        /// With the account's use; the name stays, for decisions say who took them.
        Account = "account",
        /// What was written goes after its time; who, when and with which outcome stays.
        Contents = "contents",
        /// Not: it proves what was done, by whom, on what grounds.
        Never = "never",
    }
}

/// How long a kind stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stay {
    /// As records of this class, from its last use on.
    Like(EventClass),
    /// With the broadcast: `retention.broadcasts` from when the last of it ended.
    Broadcast,
    /// A day.
    Day,
    /// Until somebody removes it.
    Used,
    /// For good.
    Good,
}

impl Kind {
    /// Ground, stay and erasure.
    pub const fn rule(self) -> (Basis, Stay, Erasure) {
        use Basis::{Claims, Duty, Work};
        match self {
            Self::Account | Self::Roles => (Work, Stay::Used, Erasure::Account),
            Self::MailAddress | Self::Tokens | Self::Passkeys | Self::RecoveryCodes | Self::Searches => (Work, Stay::Used, Erasure::Own),
            Self::Sessions | Self::Devices => (Duty, Stay::Like(EventClass::Session), Erasure::Due),
            Self::Invitations => (Work, Stay::Like(EventClass::Account), Erasure::Due),
            Self::Exports => (Work, Stay::Day, Erasure::Due),
            Self::Imports => (Work, Stay::Like(EventClass::Broadcast), Erasure::Due),
            Self::Notices => (Work, Stay::Like(EventClass::Recall), Erasure::Due),
            Self::Alerts | Self::Acknowledged => (Duty, Stay::Like(EventClass::System), Erasure::Due),
            Self::Orders | Self::Ratifications => (Claims, Stay::Broadcast, Erasure::Contents),
            Self::Broadcasts
            | Self::Requests
            | Self::Decisions
            | Self::Participation
            | Self::Remediations
            | Self::SelfRecalls
            | Self::Attachments => (Claims, Stay::Broadcast, Erasure::Contents),
            Self::Duty => (Claims, Stay::Good, Erasure::Never),
            Self::Holds | Self::Audits | Self::Questions | Self::Packs | Self::AlertRules | Self::Policies | Self::Delegations => {
                (Claims, Stay::Good, Erasure::Never)
            }
        }
    }

    /// Whether the person sees it of themselves. What is foreseen or suspected about somebody is not theirs to learn here (个人信息保护法 18:
    /// what has to be kept confidential).
    pub const fn is_told(self) -> bool {
        !matches!(self, Self::Alerts)
    }
}
