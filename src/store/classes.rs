//! Which class of retention each table has. Not here: erasing what has lived its time (`purge`), when that is (`domain::retention`).

use crate::words;

words! {
    /// How long rows of a table are kept.
    pub enum Class {
        /// For good: what proofs stand on. Holds nothing about a person.
        Proof = "proof",
        /// The trail's period (200 days unless set otherwise, six calendar months at least), longer under a hold.
        Trace = "trace",
        /// Days at most: what the product needs to work.
        Work = "work",
        /// Sealed files, their rows for good: `retention.bundles` days and three calendar years at least, longer under a hold.
        Archive = "archive",
        /// What people wrote and who got it: `retention.broadcasts` days and three calendar years from when the last case of a broadcast was
        /// closed, longer under a hold (个人信息保护法 19, 47). The skeleton stays: numbers, times, states, what the log commits to.
        Words = "words",
        /// For good, and beyond what anybody can be sure of: what was held, audited and asked, and on what grounds. A claim can
        /// come up within three years of being known of and twenty of arising (民法典 188), and nobody can tell from here that none will.
        Record = "record",
        /// As long as the account, the connection or the installation.
        Master = "master",
    }
}

/// The class of every table; a test holds it against what the databases have.
pub const CLASSES: &[(&str, Class)] = &[
    ("alert_rules", Class::Record),
    ("alerts", Class::Trace),
    ("attachments", Class::Words),
    ("audit_packs", Class::Archive),
    ("audit_questions", Class::Record),
    ("audits", Class::Record),
    ("broadcasts", Class::Words),
    ("bundles", Class::Archive),
    ("calls", Class::Words),
    ("connections", Class::Master),
    ("counters", Class::Master),
    ("decisions", Class::Words),
    ("delegations", Class::Record),
    ("departments", Class::Master),
    ("devices", Class::Trace),
    ("duty_shifts", Class::Record),
    ("exports", Class::Work),
    ("holds", Class::Record),
    ("idempotency", Class::Work),
    ("imports", Class::Trace),
    ("invitations", Class::Trace),
    ("jobs", Class::Work),
    ("log_checkpoints", Class::Proof),
    ("log_cosignatures", Class::Proof),
    ("log_events", Class::Proof),
    ("log_head", Class::Proof),
    ("log_keys", Class::Proof),
    ("log_parts", Class::Trace),
    ("log_pending", Class::Proof),
    ("log_purges", Class::Proof),
    ("log_search", Class::Trace),
    ("log_tiles", Class::Proof),
    ("log_words", Class::Trace),
    ("mail_addresses", Class::Master),
    ("messages", Class::Words),
    ("notices", Class::Trace),
    ("part_keys", Class::Trace),
    ("passkeys", Class::Master),
    ("policies", Class::Record),
    ("ratifications", Class::Words),
    ("recall_entries", Class::Words),
    ("recall_orders", Class::Words),
    ("recalls", Class::Words),
    ("recipients", Class::Words),
    ("recovery_codes", Class::Master),
    ("remediation_steps", Class::Words),
    ("revocation_lists", Class::Record),
    ("searches", Class::Master),
    ("self_recalls", Class::Words),
    ("sessions", Class::Trace),
    ("settings", Class::Master),
    ("streams", Class::Master),
    ("timestamps", Class::Record),
    ("tokens", Class::Master),
    ("user_roles", Class::Master),
    ("users", Class::Master),
    ("witnesses", Class::Master),
];
