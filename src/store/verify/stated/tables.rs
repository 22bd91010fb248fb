//! The tables that events state columns of, and what of a row is read. Which event states which column: `rules`.

use super::Form::{self, Json, Plain, Time, Words};

/// A column by its place in its table's list.
pub(super) struct Column {
    pub name: &'static str,
    /// What it reads as; see [`dialect`].
    pub sql: &'static str,
    pub form: Form,
}

const fn column(name: &'static str, form: Form) -> Column {
    Column { name, sql: name, form }
}

const fn reads(name: &'static str, sql: &'static str, form: Form) -> Column {
    Column { name, sql, form }
}

pub(super) struct Table {
    pub name: &'static str,
    /// One of its rows, in words.
    pub what: &'static str,
    /// SQL: a row's own id, what events name it by, and beside that whose pending event excuses it.
    pub id: &'static str,
    pub key: &'static str,
    pub about: &'static str,
    /// SQL: which of its rows.
    pub rows: &'static str,
    /// Pending events that may be of any of its rows.
    pub beside: &'static [&'static str],
    pub columns: &'static [Column],
    /// Whether every row has its event, and every event its row.
    pub told: bool,
    pub kept: bool,
    /// Whether several may share what names them.
    pub many: bool,
}

const TABLE: Table = Table {
    name: "",
    what: "a row",
    id: "id",
    key: "id",
    about: "id",
    rows: "1 = 1",
    beside: &[],
    columns: &[],
    told: true,
    kept: true,
    many: false,
};

/// SQL that both databases have but for how bytes and lists are shown.
pub(super) fn dialect(sql: &str, postgres: bool) -> String {
    let shown = if postgres { ("encode(sha256, 'hex')", "string_agg(role, ' ')") } else { ("lower(hex(sha256))", "group_concat(role, ' ')") };
    sql.replace("{sha256}", shown.0).replace("{roles}", shown.1)
}

pub(in crate::store::verify) const USERS: usize = 0;
pub(super) const TOKENS: usize = 1;
pub(super) const ENTRIES: usize = 2;
pub(super) const STARTED: usize = 3;
pub(super) const ANSWERED: usize = 4;
pub(super) const CAPTURES: usize = 5;
pub(super) const CONFIRMED: usize = 6;
pub(super) const RECALLS: usize = 7;
pub(super) const STEPS: usize = 8;
pub(super) const FILINGS: usize = 9;
pub(super) const DELEGATIONS: usize = 10;
pub(super) const AUDITS: usize = 11;
pub(super) const QUESTIONS: usize = 12;
pub(super) const SHIFTS: usize = 13;
pub(super) const DEPARTMENTS: usize = 14;
pub(super) const CONNECTIONS: usize = 15;
pub(super) const ALERT_RULES: usize = 16;
pub(super) const BUNDLES: usize = 17;
pub(super) const PACKS: usize = 18;

pub(super) const TABLES: &[Table] = &[
    Table {
        name: "users",
        what: "the account",
        // Whose account it is stands in a part.
        beside: &["invitation.accepted", "installation.set_up"],
        columns: &[
            column("username", Plain),
            column("display_name", Plain),
            reads("the roles", "(SELECT {roles} FROM user_roles WHERE user_id = users.id)", Words),
            column("state", Plain),
            column("valid_until", Time),
            column("department_id", Plain),
        ],
        ..TABLE
    },
    Table {
        name: "tokens",
        what: "the token",
        columns: &[
            column("name", Plain),
            column("scopes", Words),
            column("user_id", Plain),
            column("expires_at", Time),
            reads("revoked_at", "CASE WHEN revoked_at IS NULL THEN 'no' ELSE 'yes' END", Plain),
            column("created_at", Plain),
        ],
        ..TABLE
    },
    Table {
        name: "recall_entries",
        what: "what was done or said in the case",
        key: "recall_id || '/' || kind || '/' || at",
        about: "recall_id",
        columns: &[column("level", Plain), column("round", Plain), column("to_id", Plain), column("by_id", Plain)],
        many: true,
        ..TABLE
    },
    Table {
        name: "calls",
        what: "the call",
        key: "started_event",
        about: "started_event",
        rows: "kind IN ('send', 'recall', 'read_back')",
        columns: &[
            column("id", Plain),
            column("kind", Plain),
            column("attempt", Plain),
            column("message_id", Plain),
            column("recall_id", Plain),
            column("started_at", Plain),
        ],
        ..TABLE
    },
    Table {
        name: "calls",
        what: "the answered call",
        about: "answered_event",
        rows: "kind IN ('send', 'recall', 'read_back') AND answered_event IS NOT NULL",
        columns: &[
            reads("result", "CASE WHEN state = 'lost' THEN 'lost' ELSE result END", Plain),
            column("code", Plain),
            column("answered_event", Plain),
        ],
        ..TABLE
    },
    Table {
        name: "attachments",
        what: "the capture",
        about: "recall_id",
        rows: "kind = 'capture'",
        columns: &[
            reads("sha256", "CASE WHEN length(sealed) = 0 THEN '(erased)' ELSE {sha256} END", Plain),
            column("size", Plain),
            column("media_type", Plain),
            column("recall_id", Plain),
            column("uploaded_by", Plain),
            column("uploaded_at", Plain),
        ],
        ..TABLE
    },
    Table {
        name: "attachments",
        what: "the confirmation of the captures",
        key: "recall_id",
        about: "recall_id",
        rows: "kind = 'capture' AND confirmed_at IS NOT NULL",
        columns: &[column("confirmed_by", Plain), column("confirmed_at", Plain)],
        ..TABLE
    },
    Table {
        name: "recalls",
        what: "the case",
        columns: &[
            column("requester_id", Plain),
            column("harm_class", Plain),
            column("mode", Plain),
            column("cut_off", Time),
            column("due_1", Time),
            column("due_2", Time),
            column("due_3", Time),
            column("policy_id", Plain),
            column("policy_version", Plain),
            column("submitted_at", Plain),
            column("tally", Json),
            column("escalated", Plain),
            column("correction_id", Plain),
        ],
        // That each has its event and its row is seen with what it is about (`contents`).
        told: false,
        kept: false,
        ..TABLE
    },
    Table {
        name: "remediation_steps",
        what: "the step",
        columns: &[
            column("recall_id", Plain),
            column("strategy", Plain),
            column("owner_id", Plain),
            column("due_at", Time),
            column("state", Plain),
            column("set_by", Plain),
            column("set_at", Plain),
            column("ended_by", Plain),
            column("ended_at", Plain),
        ],
        ..TABLE
    },
    Table {
        name: "self_recalls",
        what: "the filing",
        columns: &[
            column("number", Plain),
            column("broadcast_id", Plain),
            column("withdrawn_at", Time),
            column("extent", Plain),
            column("state", Plain),
            column("filer_id", Plain),
            column("filed_at", Plain),
            column("checker_id", Plain),
            column("checked_at", Plain),
        ],
        ..TABLE
    },
    Table {
        name: "delegations",
        what: "the delegation",
        columns: &[
            column("principal_id", Plain),
            column("delegate_id", Plain),
            column("levels", Words),
            column("department_id", Plain),
            column("from_at", Time),
            column("until_at", Time),
            column("made_at", Plain),
            column("ended_at", Plain),
            column("ended_by", Plain),
        ],
        ..TABLE
    },
    Table {
        name: "audits",
        what: "the engagement",
        columns: &[
            column("number", Plain),
            column("from_at", Time),
            column("to_at", Time),
            column("as_at", Time),
            column("exceptions", Words),
            column("sample_size", Plain),
            column("seed", Plain),
            column("seed_source", Plain),
            column("opened_at", Plain),
            column("opened_event", Plain),
        ],
        ..TABLE
    },
    Table {
        name: "audit_questions",
        what: "the question",
        columns: &[
            column("number", Plain),
            column("asked_of", Plain),
            column("cases", Words),
            column("events", Words),
            column("asked_by", Plain),
            column("asked_at", Plain),
            column("asked_event", Plain),
            column("answered_at", Plain),
            column("answered_event", Plain),
        ],
        ..TABLE
    },
    Table {
        name: "duty_shifts",
        what: "the shift",
        columns: &[
            column("user_id", Plain),
            column("from_at", Time),
            column("until_at", Time),
            column("added_by", Plain),
            column("added_at", Plain),
            column("ended_by", Plain),
            column("ended_at", Plain),
        ],
        ..TABLE
    },
    Table {
        name: "departments",
        what: "the department",
        columns: &[
            column("name", Plain),
            column("parent_id", Plain),
            reads("closed_at", "CASE WHEN closed_at IS NULL THEN 'true' ELSE 'false' END", Plain),
        ],
        // An account that is made from the shell makes its department with it.
        told: false,
        ..TABLE
    },
    Table {
        name: "connections",
        what: "the connection",
        columns: &[
            column("name", Plain),
            column("platform", Plain),
            column("settings", Json),
            column("state", Plain),
            column("agreement", Plain),
            column("version", Plain),
        ],
        ..TABLE
    },
    Table {
        name: "alert_rules",
        what: "the version of the rule",
        id: "rule || '/' || version",
        key: "rule || '/' || version",
        about: "rule",
        columns: &[column("settings", Json), column("changed_by", Plain), column("changed_at", Plain)],
        ..TABLE
    },
    Table {
        name: "bundles",
        what: "the bundle",
        columns: &[column("number", Plain), column("recall_id", Plain), column("log_size", Plain), column("sealed_at", Plain)],
        // As `contents` sees to it.
        told: false,
        kept: false,
        ..TABLE
    },
    Table {
        name: "audit_packs",
        what: "the pack",
        columns: &[
            column("number", Plain),
            reads("audit_id", "(SELECT audits.number FROM audits WHERE audits.id = audit_packs.audit_id)", Plain),
            column("log_size", Plain),
            column("cases", Plain),
            column("requested_by", Plain),
            column("requested_at", Plain),
        ],
        ..TABLE
    },
];
