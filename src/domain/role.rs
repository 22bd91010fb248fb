//! Who may do what: the ten roles, which of them exclude each other in one person, and the table of permissions.
//! Separation within one case (nobody decides twice, nobody judges their own) is in `recall::approval`.

use std::collections::BTreeSet;

use crate::words;

words! {
    /// The ten roles (product.md, "Who uses it"). A person may hold several, within the exclusions.
    pub enum Role {
        Requester = "requester",
        /// 部门复核
        DepartmentReviewer = "department_reviewer",
        /// 法务合规复核
        LegalReviewer = "legal_reviewer",
        /// 终审（授权负责人）
        FinalApprover = "final_approver",
        PlatformOperator = "platform_operator",
        SystemAdministrator = "system_administrator",
        SecurityAdministrator = "security_administrator",
        AuditAdministrator = "audit_administrator",
        Auditor = "auditor",
        Counsel = "counsel",
    }
}

words! {
    /// What an action needs. Checked in `app`, never in a template.
    pub enum Permission {
        BroadcastSend = "broadcast.send",
        BroadcastRead = "broadcast.read",
        /// Read the text of a message and its attachments.
        ContentRead = "content.read",
        /// Open one message that is masked, with a reason and a fresh code.
        ContentUnmask = "content.unmask",
        RecallRequest = "recall.request",
        RecallRead = "recall.read",
        RecallDecide = "recall.decide",
        /// Guided execution: act in the platform's own console and upload captures.
        RecallExecute = "recall.execute",
        /// The kill switch.
        RecallHalt = "recall.halt",
        UserManage = "user.manage",
        RoleManage = "role.manage",
        /// Give and end auditors' access.
        AuditorManage = "auditor.manage",
        /// See and end everybody's sessions, and everybody's tokens.
        AccessManage = "access.manage",
        ConnectionManage = "connection.manage",
        TokenManage = "token.manage",
        AuditRead = "audit.read",
        AuditExport = "audit.export",
        EvidenceExport = "evidence.export",
        /// Place and release legal holds, each time together with a second person.
        HoldManage = "hold.manage",
        /// See alerts: all of them with `audit.read`, else those that one's roles are told of.
        AlertRead = "alert.read",
        AlertAcknowledge = "alert.acknowledge",
        AlertRuleManage = "alert_rule.manage",
        /// Propose other rules for recalls, and take one's proposal back.
        PolicyPropose = "policy.propose",
        /// Confirm or reject what somebody else proposed.
        PolicyConfirm = "policy.confirm",
        /// Send the audit trail to other systems.
        StreamManage = "stream.manage",
        SystemRead = "system.read",
        /// Mirror the log's checkpoints, tiles and leaves; no parts.
        LogRead = "log.read",
    }
}

use Permission::{
    AccessManage, AlertAcknowledge, AlertRead, AlertRuleManage, AuditExport, AuditRead, AuditorManage, BroadcastRead, BroadcastSend,
    ConnectionManage, ContentRead, ContentUnmask, EvidenceExport, HoldManage, LogRead, PolicyConfirm, PolicyPropose, RecallDecide, RecallExecute,
    RecallHalt, RecallRead, RecallRequest, RoleManage, StreamManage, SystemRead, TokenManage, UserManage,
};

impl Role {
    /// The table of permissions. A person has the union of their roles' permissions; what is not listed is denied.
    ///
    /// `broadcast.read` and `recall.read` reach across departments on purpose. What product.md forbids a reviewer is to *decide* outside
    /// their department, and that rule is `recall::approval`'s. A wrong all-staff notice is found by whoever reads it, in any department; who
    /// asks for its recall must see which message they mean, and level 2, the approver, counsel and auditors serve the whole company. The
    /// text itself needs `content.read`, and each opening of it leaves an event with the reader's name. Cases are narrower: who only requests
    /// sees their own cases and those of messages they sent (`app::recalls::known`), because a case names people and reasons.
    ///
    /// Rules are the security administrator's to propose; another person confirms them, a second security administrator or the system
    /// administrator: most companies have one of each, and no one person can be both. Who takes part in cases does neither.
    pub const fn permissions(self) -> &'static [Permission] {
        match self {
            Self::Requester => &[BroadcastSend, BroadcastRead, ContentRead, RecallRequest, RecallRead],
            Self::DepartmentReviewer | Self::LegalReviewer => &[BroadcastRead, ContentRead, RecallRead, RecallDecide],
            Self::FinalApprover => &[BroadcastRead, ContentRead, RecallRead, RecallDecide, RecallHalt],
            Self::PlatformOperator => &[BroadcastRead, RecallRead, RecallExecute],
            Self::SystemAdministrator => &[UserManage, ConnectionManage, TokenManage, SystemRead, AlertRead, AlertAcknowledge, PolicyConfirm],
            Self::SecurityAdministrator => {
                &[RoleManage, AccessManage, RecallHalt, SystemRead, AlertRead, AlertAcknowledge, AlertRuleManage, PolicyPropose, PolicyConfirm]
            }
            Self::AuditAdministrator => {
                &[AuditorManage, AuditRead, AuditExport, HoldManage, StreamManage, SystemRead, LogRead, AlertRead, AlertAcknowledge, AlertRuleManage]
            }
            Self::Auditor => &[AuditRead, AuditExport, EvidenceExport, BroadcastRead, ContentUnmask, RecallRead, LogRead, AlertRead],
            Self::Counsel => &[BroadcastRead, ContentRead, RecallRead, AuditRead, EvidenceExport, HoldManage],
        }
    }

    pub const fn is_administrator(self) -> bool {
        matches!(self, Self::SystemAdministrator | Self::SecurityAdministrator | Self::AuditAdministrator)
    }

    pub const fn is_decider(self) -> bool {
        matches!(self, Self::DepartmentReviewer | Self::LegalReviewer | Self::FinalApprover)
    }

    /// The level of review that this role decides at, 1 to 3.
    pub const fn level(self) -> Option<u8> {
        match self {
            Self::DepartmentReviewer => Some(1),
            Self::LegalReviewer => Some(2),
            Self::FinalApprover => Some(3),
            _ => None,
        }
    }

    /// Whether one person may not hold both.
    ///
    /// The three administrations exclude each other (三员分立); who decides holds no administration; the auditor is read-only and
    /// therefore holds nothing else; the audit administrator takes no part in a case; the operator neither approves nor administers.
    pub fn excludes(self, other: Self) -> bool {
        if self == other {
            return false;
        }
        let one = |a: Self, b: Self| {
            (a.is_administrator() && b.is_administrator())
                || (a.is_administrator() && b.is_decider())
                || a == Self::Auditor
                || (a == Self::AuditAdministrator && matches!(b, Self::Requester | Self::PlatformOperator | Self::Counsel))
                || (a == Self::PlatformOperator && (b.is_decider() || b.is_administrator()))
        };
        one(self, other) || one(other, self)
    }
}

/// Two roles that one person may not hold together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("one person may not be both {0} and {1}")]
pub struct Excluded(pub Role, pub Role);

/// Checks a set of roles against the exclusions.
pub fn check(roles: &BTreeSet<Role>) -> Result<(), Excluded> {
    for a in roles {
        for b in roles {
            if a.excludes(*b) {
                return Err(Excluded(*a, *b));
            }
        }
    }
    Ok(())
}

/// Whether any of `roles` carries `permission`.
pub fn allows(roles: &BTreeSet<Role>, permission: Permission) -> bool {
    roles.iter().any(|r| r.permissions().contains(&permission))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn administrations_exclude_each_other_and_deciding() {
        use Role::*;
        assert!(SystemAdministrator.excludes(SecurityAdministrator));
        assert!(SecurityAdministrator.excludes(AuditAdministrator));
        assert!(FinalApprover.excludes(SystemAdministrator));
        assert!(Auditor.excludes(Requester));
        assert!(!Requester.excludes(DepartmentReviewer));
        assert!(!DepartmentReviewer.excludes(LegalReviewer));
        for a in Role::ALL {
            for b in Role::ALL {
                assert_eq!(a.excludes(*b), b.excludes(*a), "{a} {b}");
            }
        }
    }

    #[test]
    fn nobody_who_administers_can_decide_or_read_contents() {
        for role in Role::ALL.iter().filter(|r| r.is_administrator()) {
            assert!(!role.permissions().contains(&RecallDecide));
            assert!(!role.permissions().contains(&ContentRead));
        }
    }
}
