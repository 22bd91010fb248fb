//! The audit event before it becomes a leaf: the catalogue of actions, and what each event carries.
//!
//! A leaf holds nothing that may have to be erased; everything that may goes into a part (formats.md, "Leaf").

use std::collections::BTreeMap;

use serde_json::Value;

use crate::words;

words! {
    /// What happened: noun, then past participle. The one catalogue; a new action is a new line here and a word in each language
    /// (`action-<name with dots and underscores as hyphens>`).
    pub enum Action {
        LogStarted = "log.started",
        /// A log goes on under another name and key from where a restored database ends.
        LogRenewed = "log.renewed",
        /// Keys are to sign the log; with those before them until these are retired.
        KeyAnnounced = "key.announced",
        KeyRetired = "key.retired",
        KeyStolen = "key.stolen",
        /// A key that is to sign evidence was made, and a certificate asked for it.
        EvidenceKeyRequested = "evidence_key.requested",
        /// From then on this certificate signs evidence.
        EvidenceCertificateImported = "evidence_certificate.imported",
        /// It runs out soon, or has run out.
        EvidenceCertificateExpiring = "evidence_certificate.expiring",
        /// Its authority took it back.
        EvidenceCertificateRevoked = "evidence_certificate.revoked",
        /// A list of revoked certificates came from a file.
        RevocationListImported = "revocation_list.imported",
        /// A checkpoint kept elsewhere took the place of the lost copy.
        CheckpointAccepted = "checkpoint.accepted",
        BackupTaken = "backup.taken",
        BackupRestored = "backup.restored",
        ServiceStarted = "service.started",
        ServiceStopped = "service.stopped",
        /// The database was brought to another version of this program.
        DatabaseMigrated = "database.migrated",
        InstallationSetUp = "installation.set_up",
        InvitationCreated = "invitation.created",
        /// A new link in the place of one that is worthless from then on.
        InvitationRenewed = "invitation.renewed",
        InvitationRevoked = "invitation.revoked",
        /// The mail server took the link, or refused it.
        InvitationMailed = "invitation.mailed",
        /// A table of people to invite was looked through; nothing was done.
        InvitationsChecked = "invitation.sheet_checked",
        /// Everybody of a table was invited.
        InvitationsMade = "invitation.sheet_confirmed",
        InvitationAccepted = "invitation.accepted",
        UserCreated = "user.created",
        UserChanged = "user.changed",
        UserSuspended = "user.suspended",
        /// Somebody else's account, or the list of accounts.
        UserRead = "user.read",
        PasswordChanged = "password.changed",
        SecondFactorEnrolled = "second_factor.enrolled",
        SecondFactorReset = "second_factor.reset",
        PasskeyAdded = "passkey.added",
        PasskeyRemoved = "passkey.removed",
        RecoveryCodesMade = "recovery_codes.made",
        DepartmentCreated = "department.created",
        /// It got another name, or another place in the tree.
        DepartmentChanged = "department.changed",
        DepartmentClosed = "department.closed",
        TokenCreated = "token.created",
        TokenRevoked = "token.revoked",
        /// The password was right; the second factor is still missing.
        SessionStarted = "session.started",
        SessionOpened = "session.opened",
        SessionClosed = "session.closed",
        SessionRevoked = "session.revoked",
        PermissionChecked = "permission.checked",
        PreferenceChanged = "preference.changed",
        ConnectionCreated = "connection.created",
        ConnectionChanged = "connection.changed",
        ConnectionTested = "connection.tested",
        ConnectionRead = "connection.read",
        BroadcastSubmitted = "broadcast.submitted",
        BroadcastImported = "broadcast.imported",
        BroadcastReported = "broadcast.reported",
        /// A table of broadcasts or of recipients; nothing of it is written yet.
        ImportUploaded = "import.uploaded",
        /// Looked at once more, as another encoding or with another separator.
        ImportChecked = "import.checked",
        ImportConfirmed = "import.confirmed",
        ImportDiscarded = "import.discarded",
        /// All of it was written, or nothing.
        ImportApplied = "import.applied",
        BroadcastCallStarted = "broadcast.call_started",
        BroadcastCallAnswered = "broadcast.call_answered",
        BroadcastSent = "broadcast.sent",
        /// By a privileged reader (`privilege`); what it says is `content.read`.
        BroadcastRead = "broadcast.read",
        ReadingCaptured = "reading.captured",
        ContentRead = "content.read",
        RecallSubmitted = "recall.submitted",
        RecallResubmitted = "recall.resubmitted",
        /// A statement was put before a decider, to be signed by a passkey.
        StatementMade = "statement.made",
        RecallDecided = "recall.decided",
        /// A level was passed on to another reviewer.
        RecallTransferred = "recall.transferred",
        /// A reviewer was added to a level: they approve before it closes.
        RecallReviewerAdded = "recall.reviewer_added",
        /// An added reviewer who had not decided was removed again.
        RecallReviewerRemoved = "recall.reviewer_removed",
        RecallQuestionAsked = "recall.question_asked",
        RecallQuestionAnswered = "recall.question_answered",
        RecallCommented = "recall.commented",
        RecallReminded = "recall.reminded",
        RecallWithdrawn = "recall.withdrawn",
        RecallExpired = "recall.expired",
        RecallEscalated = "recall.escalated",
        RecallLevelOpened = "recall.level_opened",
        RecallExecutionStarted = "recall.execution_started",
        RecallCallStarted = "recall.call_started",
        RecallCallAnswered = "recall.call_answered",
        RecallHalted = "recall.halted",
        /// Executed before the witnesses had seen the decision that ordered it.
        RecallUnwitnessed = "recall.unwitnessed",
        RecallCaptureUploaded = "recall.capture_uploaded",
        RecallCaptureConfirmed = "recall.capture_confirmed",
        RecallFinished = "recall.finished",
        /// The officer on duty ordered a recall before its review.
        RecallOrdered = "recall.ordered",
        /// A level that was skipped ratified it, or refused to.
        RatificationDecided = "ratification.decided",
        /// Its time is over, and words are still owed.
        RatificationLapsed = "ratification.lapsed",
        /// Somebody wants an officer to be allowed again to recall first; nothing changes yet.
        BarReleaseProposed = "duty.release_proposed",
        BarReleased = "duty.released",
        DutyAssigned = "duty.assigned",
        /// A shift ended before its time.
        DutyEnded = "duty.ended",
        CaseClosed = "case.closed",
        /// Somebody is to do what the recall could not.
        RemediationStepAdded = "remediation.step_added",
        RemediationStepDone = "remediation.step_done",
        /// A step was given up, for a reason.
        RemediationStepDropped = "remediation.step_dropped",
        /// A sender took a message back in the client and filed it.
        SelfRecallFiled = "self_recall.filed",
        /// A second person looked at what is still visible.
        SelfRecallChecked = "self_recall.checked",
        /// By a privileged reader (`privilege`), without what the message says.
        RecallRead = "recall.read",
        AuditSearched = "audit.searched",
        AuditRead = "audit.read",
        AuditExported = "audit.exported",
        /// A list of cases or of broadcasts was carried away as a file.
        ListExported = "list.exported",
        SearchSaved = "search.saved",
        SearchRemoved = "search.removed",
        EvidenceSealed = "evidence.sealed",
        /// Retention erased a bundle or a pack: its file, not its row.
        EvidenceErased = "evidence.erased",
        /// What a message said, who got it, and the words of its cases: their time was over.
        BroadcastErased = "broadcast.erased",
        EvidenceExported = "evidence.exported",
        EvidenceVerified = "evidence.verified",
        EvidenceRead = "evidence.read",
        MailAddressChanged = "mail_address.changed",
        NoticeSent = "notice.sent",
        HoldProposed = "hold.proposed",
        HoldPlaced = "hold.placed",
        HoldDeclined = "hold.declined",
        HoldReleaseProposed = "hold.release_proposed",
        HoldReleaseDeclined = "hold.release_declined",
        HoldReleased = "hold.released",
        HoldRead = "hold.read",
        /// Somebody wants other rules for recalls; nothing changes yet.
        PolicyProposed = "policy.proposed",
        /// A second person agreed: from then on these are the rules of new cases.
        PolicyConfirmed = "policy.confirmed",
        PolicyRejected = "policy.rejected",
        PolicyWithdrawn = "policy.withdrawn",
        /// A reviewer handed their deciding to somebody for a time.
        DelegationMade = "delegation.made",
        /// Before its time; that it ran out is no event.
        DelegationEnded = "delegation.ended",
        StreamRead = "stream.read",
        /// A witness ceased to cosign, or began to again; that it cosigns is no event, for each would be a new head.
        WitnessLost = "witness.lost",
        WitnessReturned = "witness.returned",
        TimestampObtained = "timestamp.obtained",
        /// The authority said no, said something that does not hold, or said nothing.
        TimestampRefused = "timestamp.refused",
        /// Tokens whose certificate nears its end were stamped anew, with what they are over.
        TimestampRenewed = "timestamp.renewed",
        /// No authority gives a token that lasts longer, and the time left is short.
        TimestampExpiring = "timestamp.expiring",
        /// Certificates of tokens have run out, and nobody had renewed them.
        TimestampExpired = "timestamp.expired",
        /// The log was recomputed and holds; told once a night.
        LogVerified = "log.verified",
        /// It does not hold, or is not signed because it does not extend what was signed.
        LogVerificationFailed = "log.verification_failed",
        /// Something would soon stop the installation: its disk, its jobs, the signing of its log.
        SystemEndangered = "system.endangered",
        SystemRecovered = "system.recovered",
        /// Our clock differs from one that others vouch for, or was set while we ran.
        ClockDeviated = "clock.deviated",
        /// The same clock agrees again.
        ClockAgreed = "clock.agreed",
        AlertRaised = "alert.raised",
        AlertAcknowledged = "alert.acknowledged",
        AlertRuleChanged = "alert_rule.changed",
        StreamCreated = "stream.created",
        StreamChanged = "stream.changed",
        StreamRemoved = "stream.removed",
        StreamTested = "stream.tested",
        /// Nothing has got through for a while. What is delivered is no event: each would have to be delivered in turn.
        StreamStuck = "stream.stuck",
        StreamRecovered = "stream.recovered",
        PartsPurged = "parts.purged",
        /// What was purged of a month and a class cannot be read in any backup from then on.
        PartKeyDestroyed = "part_key.destroyed",
        /// A restore found no key for parts that a backup holds.
        PartKeyLost = "part_key.lost",
        RetentionApplied = "retention.applied",
        SettingChanged = "setting.changed",
        /// An auditor said what is looked at: period, sample, seed.
        AuditEngagementOpened = "audit_engagement.opened",
        AuditPackRequested = "audit_pack.requested",
        AuditPackSealed = "audit_pack.sealed",
        AuditPackExported = "audit_pack.exported",
        QuestionPut = "question.put",
        QuestionAnswered = "question.answered",
        /// A failed job was made due at once.
        JobRetried = "job.retried",
        SettingRead = "setting.read",
        /// Any other page, by a privileged reader.
        PageRead = "page.read",
    }
}

words! {
    pub enum Outcome {
        Success = "success",
        /// A rule or a permission said no.
        Refused = "refused",
        /// Something broke.
        Failed = "failed",
    }
}

words! {
    pub enum ActorKind {
        User = "user",
        Token = "token",
        Job = "job",
        System = "system",
    }
}

/// A kind and an opaque id: an event's actor or subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    pub kind: &'static str,
    pub id: String,
}

/// Kinds whose ids people can name, in an address or a form.
const NAMED: [&str; 25] = [
    "user",
    "token",
    "session",
    "connection",
    "broadcast",
    "recall",
    "bundle",
    "invitation",
    "department",
    "hold",
    "search",
    "notice",
    "stream",
    "alert",
    "audit",
    "audit_pack",
    "question",
    "policy",
    "import",
    "self_recall",
    "remediation",
    "delegation",
    "duty",
    "order",
    "job",
];
/// Longest id that a subject keeps.
const SUBJECT_ID: usize = 64;

impl Subject {
    /// A thing of ours. A leaf is never erased and holds nothing that a person typed: what somebody named instead of an id or a number of
    /// ours (a person's name, a secret) is `unknown` here. Of other kinds (route patterns, words of the code) only what such an id can contain
    /// is kept.
    pub fn new(kind: &'static str, id: impl Into<String>) -> Self {
        let id: String = id.into();
        let fits = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '/' | '{' | '}');
        let id: String = match NAMED.contains(&kind) {
            true if is_ours(&id) || (kind == "policy" && is_digest(&id)) => id,
            true => String::new(),
            false => id.chars().filter(fits).take(SUBJECT_ID).collect(),
        };
        Self { kind, id: if id.is_empty() { "unknown".to_owned() } else { id } }
    }
}

/// An id (UUID), the number of a case or a bundle, or a word that the code itself uses for what has no id.
fn is_ours(id: &str) -> bool {
    let uuid = || id.len() == 36 && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b) || b == b'-');
    let number = || {
        let rest = id.strip_prefix("FR-").or_else(|| id.strip_prefix("EVID-"));
        rest.is_some_and(|r| (1..=24).contains(&r.len()) && r.bytes().all(|b| b.is_ascii_digit() || b == b'-'))
    };
    matches!(id, "all" | "unsent") || uuid() || number()
}

/// A SHA-256 in hex, which is the id of a proposal of rules.
fn is_digest(id: &str) -> bool {
    id.len() == SUBJECT_ID && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// Parts that repeat something of a message (its title): only for those who may read contents.
pub const CONTENT_PARTS: [&str; 1] = ["shown"];

/// An event as use cases state it. The store adds id, time, node and salts, and makes the leaf.
#[derive(Clone, Debug)]
pub struct Event {
    pub action: Action,
    pub outcome: Outcome,
    pub actor_kind: ActorKind,
    pub actor_id: String,
    pub subject: Subject,
    pub session: Option<String>,
    /// Id of the recall case; on every event that belongs to one.
    pub case: Option<String>,
    /// Part name -> value. Names: `actor`, `client`, `device`, `detail`, `text`; others may be added.
    pub parts: BTreeMap<&'static str, Value>,
}

impl Event {
    /// An event of the system itself (start, stop, expiry).
    pub fn system(action: Action, subject: Subject) -> Self {
        Self {
            action,
            outcome: Outcome::Success,
            actor_kind: ActorKind::System,
            actor_id: "system".to_owned(),
            subject,
            session: None,
            case: None,
            parts: BTreeMap::new(),
        }
    }

    #[must_use]
    pub fn outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }

    #[must_use]
    pub fn case(mut self, case: &str) -> Self {
        self.case = Some(case.to_owned());
        self
    }

    /// Adds a part; `Value::Null` adds nothing.
    #[must_use]
    pub fn part(mut self, name: &'static str, value: Value) -> Self {
        if !value.is_null() {
            self.parts.insert(name, value);
        }
        self
    }

    /// The `detail` part: what the action needs, with `before` and `after` where something changed.
    #[must_use]
    pub fn detail(self, value: Value) -> Self {
        self.part("detail", value)
    }

    /// The `text` part: what a person typed.
    #[must_use]
    pub fn text(self, value: Value) -> Self {
        self.part("text", value)
    }
}

#[cfg(test)]
mod tests {
    use super::{SUBJECT_ID, Subject};

    #[test]
    fn a_leaf_names_things_of_ours_and_nothing_that_somebody_typed() {
        for (kind, ours) in [
            ("user", "0192aaaa-0000-7000-8000-000000000000"),
            ("recall", "FR-20261122-0001"),
            ("bundle", "EVID-20261122-000123"),
            ("log", "trail"),
            ("route", "/users/{id}/roles"),
        ] {
            assert_eq!(Subject::new(kind, ours).id, ours);
        }
        for typed in
            ["", " ", "张三", "zhangsan", "\0", "😀", "'", "cmt_secret", "FR-zhangsan", "0192AAAA-0000-7000-8000-000000000000", "../../etc/passwd"]
        {
            assert_eq!(Subject::new("user", typed).id, "unknown", "{typed:?}");
        }
        assert_eq!(Subject::new("event", "a".repeat(5000)).id.len(), SUBJECT_ID);
    }
}
