//! Which event states which column of which row. A new column that an event tells of is a new line here, and one in `tables`.

use super::tables::{
    ALERT_RULES, ANSWERED, AUDITS, BUNDLES, CAPTURES, CONFIRMED, CONNECTIONS, DELEGATIONS, DEPARTMENTS, ENTRIES, FILINGS, PACKS, QUESTIONS, RECALLS,
    SHIFTS, STARTED, STEPS, TOKENS, USERS,
};

/// What of an event names the row.
pub(super) enum Of {
    Subject,
    Event,
    Case,
    Detail(&'static str),
    /// An entry of a case by its kind and its time: neither event nor row names the other.
    Entry(&'static str),
    /// The subject with its version.
    Version,
}

/// What an event says of a column.
pub(super) enum Says {
    /// A field of its detail, by a JSON pointer.
    Detail(&'static str),
    Is(&'static str),
    Nothing,
    Actor,
    Case,
    Event,
    At,
}

pub(super) struct Rule {
    pub action: &'static str,
    pub table: usize,
    pub of: Of,
    pub says: &'static [(usize, Says)],
    /// Also of what did not succeed.
    pub any_outcome: bool,
}

const fn rule(action: &'static str, table: usize, of: Of, says: &'static [(usize, Says)]) -> Rule {
    Rule { action, table, of, says, any_outcome: false }
}

use Says::{Actor, At, Case, Detail, Event, Is, Nothing};

/// What every entry of a case says.
const ENTRY: &[(usize, Says)] = &[(0, Detail("/level")), (1, Detail("/round")), (2, Detail("/to")), (3, Actor)];
const CALL: &[(usize, Says)] = &[(0, Detail("/call")), (1, Detail("/kind")), (2, Detail("/attempt")), (3, Detail("/message")), (4, Case), (5, At)];
const ANSWER: &[(usize, Says)] = &[(0, Detail("/result")), (1, Detail("/code")), (2, Event)];
/// What a link that was taken up says of the account.
const TAKEN_UP: &[(usize, Says)] = &[(0, Detail("/after/username")), (1, Detail("/after/name")), (2, Detail("/after/roles")), (3, Is("active"))];
const CONNECTION: &[(usize, Says)] = &[
    (0, Detail("/after/name")),
    (1, Detail("/after/platform")),
    (2, Detail("/after/settings")),
    (3, Detail("/after/state")),
    (4, Detail("/after/agreement")),
    (5, Detail("/after/version")),
];
const DUE: &[(usize, Says)] = &[(4, Detail("/due/0")), (5, Detail("/due/1")), (6, Detail("/due/2"))];
/// A new round: nothing of it is overdue yet.
const ANEW: &[(usize, Says)] = &[(4, Detail("/due/0")), (5, Detail("/due/1")), (6, Detail("/due/2")), (11, Is("")), (12, Detail("/correction"))];
const STEP_ENDED: &[(usize, Says)] = &[(4, Detail("/after/state")), (7, Actor), (8, At)];
const TALLIED: &[(usize, Says)] = &[(10, Detail("/tally"))];

pub(super) const RULES: &[Rule] = &[
    rule(
        "user.created",
        USERS,
        Of::Subject,
        &[
            (0, Detail("/after/username")),
            (1, Detail("/after/name")),
            (2, Detail("/after/roles")),
            (3, Detail("/after/state")),
            (4, Detail("/after/valid_until")),
        ],
    ),
    rule("invitation.accepted", USERS, Of::Detail("/after/user"), TAKEN_UP),
    rule("installation.set_up", USERS, Of::Detail("/after/user"), TAKEN_UP),
    rule(
        "user.changed",
        USERS,
        Of::Subject,
        &[
            (1, Detail("/after/name")),
            (2, Detail("/after/roles")),
            (3, Detail("/after/state")),
            (4, Detail("/after/valid_until")),
            (5, Detail("/after/department_id")),
        ],
    ),
    rule("user.suspended", USERS, Of::Subject, &[(3, Is("suspended"))]),
    rule(
        "token.created",
        TOKENS,
        Of::Subject,
        &[
            (0, Detail("/after/name")),
            (1, Detail("/after/scopes")),
            (2, Detail("/after/user")),
            (3, Detail("/after/expires_at")),
            (4, Is("no")),
            (5, At),
        ],
    ),
    rule("token.revoked", TOKENS, Of::Subject, &[(4, Is("yes"))]),
    rule("recall.transferred", ENTRIES, Of::Entry("transfer"), ENTRY),
    rule("recall.reviewer_added", ENTRIES, Of::Entry("addition"), ENTRY),
    rule("recall.reviewer_removed", ENTRIES, Of::Entry("removal"), ENTRY),
    rule("recall.question_asked", ENTRIES, Of::Entry("question"), ENTRY),
    rule("recall.question_answered", ENTRIES, Of::Entry("answer"), ENTRY),
    rule("recall.commented", ENTRIES, Of::Entry("comment"), ENTRY),
    rule("recall.reminded", ENTRIES, Of::Entry("reminder"), ENTRY),
    rule("broadcast.call_started", STARTED, Of::Event, CALL),
    rule("recall.call_started", STARTED, Of::Event, CALL),
    Rule { action: "broadcast.call_answered", table: ANSWERED, of: Of::Detail("/call"), says: ANSWER, any_outcome: true },
    Rule { action: "recall.call_answered", table: ANSWERED, of: Of::Detail("/call"), says: ANSWER, any_outcome: true },
    rule(
        "recall.capture_uploaded",
        CAPTURES,
        Of::Detail("/attachment"),
        &[(0, Detail("/sha256")), (1, Detail("/size")), (2, Detail("/media_type")), (3, Case), (4, Actor), (5, At)],
    ),
    rule("recall.capture_confirmed", CONFIRMED, Of::Case, &[(0, Actor), (1, At)]),
    rule("recall.capture_confirmed", RECALLS, Of::Subject, TALLIED),
    Rule { action: "recall.finished", table: RECALLS, of: Of::Subject, says: TALLIED, any_outcome: true },
    rule(
        "recall.submitted",
        RECALLS,
        Of::Subject,
        &[
            (0, Actor),
            (1, Detail("/class")),
            (2, Detail("/mode")),
            (3, Detail("/cut_off")),
            (4, Detail("/due/0")),
            (5, Detail("/due/1")),
            (6, Detail("/due/2")),
            (7, Detail("/policy/id")),
            (8, Detail("/policy/version")),
            (9, At),
            (11, Is("")),
            (12, Detail("/correction")),
        ],
    ),
    rule("recall.resubmitted", RECALLS, Of::Subject, ANEW),
    rule("recall.escalated", RECALLS, Of::Subject, &[(11, Detail("/escalated"))]),
    // Where a level opened, it and those after it.
    rule("recall.decided", RECALLS, Of::Subject, DUE),
    rule(
        "remediation.step_added",
        STEPS,
        Of::Subject,
        &[
            (0, Case),
            (1, Detail("/strategy")),
            (2, Detail("/owner")),
            (3, Detail("/due")),
            (4, Detail("/after/state")),
            (5, Actor),
            (6, At),
            (7, Nothing),
            (8, Nothing),
        ],
    ),
    rule("remediation.step_done", STEPS, Of::Subject, STEP_ENDED),
    rule("remediation.step_dropped", STEPS, Of::Subject, STEP_ENDED),
    rule(
        "self_recall.filed",
        FILINGS,
        Of::Subject,
        &[
            (0, Detail("/number")),
            (1, Detail("/broadcast")),
            (2, Detail("/withdrawn_at")),
            (3, Detail("/extent")),
            (4, Detail("/after/state")),
            (5, Actor),
            (6, At),
            (7, Nothing),
            (8, Nothing),
        ],
    ),
    rule("self_recall.checked", FILINGS, Of::Subject, &[(4, Detail("/after/state")), (7, Actor), (8, At)]),
    rule(
        "delegation.made",
        DELEGATIONS,
        Of::Subject,
        &[
            (0, Detail("/after/principal")),
            (1, Detail("/after/delegate")),
            (2, Detail("/after/levels")),
            (3, Detail("/after/department")),
            (4, Detail("/after/from")),
            (5, Detail("/after/until")),
            (6, At),
            (7, Nothing),
            (8, Nothing),
        ],
    ),
    rule("delegation.ended", DELEGATIONS, Of::Subject, &[(7, At), (8, Actor)]),
    rule(
        "audit_engagement.opened",
        AUDITS,
        Of::Subject,
        &[
            (0, Detail("/after/number")),
            (1, Detail("/after/from")),
            (2, Detail("/after/to")),
            (3, Detail("/after/as_at")),
            (4, Detail("/after/exceptions")),
            (5, Detail("/after/sample_size")),
            (6, Detail("/after/seed")),
            (7, Detail("/after/seed_source")),
            (8, At),
            (9, Event),
        ],
    ),
    rule(
        "question.put",
        QUESTIONS,
        Of::Subject,
        &[
            (0, Detail("/number")),
            (1, Detail("/of")),
            (2, Detail("/cases")),
            (3, Detail("/events")),
            (4, Actor),
            (5, At),
            (6, Event),
            (7, Nothing),
            (8, Nothing),
        ],
    ),
    rule("question.answered", QUESTIONS, Of::Subject, &[(7, At), (8, Event)]),
    rule(
        "duty.assigned",
        SHIFTS,
        Of::Subject,
        &[(0, Detail("/after/officer")), (1, Detail("/after/from")), (2, Detail("/after/until")), (3, Actor), (4, At), (5, Nothing), (6, Nothing)],
    ),
    rule("duty.ended", SHIFTS, Of::Subject, &[(5, Actor), (6, At)]),
    rule("department.created", DEPARTMENTS, Of::Subject, &[(0, Detail("/after/name")), (1, Detail("/after/parent_id")), (2, Is("true"))]),
    rule("department.changed", DEPARTMENTS, Of::Subject, &[(0, Detail("/after/name")), (1, Detail("/after/parent_id"))]),
    rule("department.closed", DEPARTMENTS, Of::Subject, &[(2, Is("false"))]),
    rule("connection.created", CONNECTIONS, Of::Subject, CONNECTION),
    rule("connection.changed", CONNECTIONS, Of::Subject, CONNECTION),
    rule("alert_rule.changed", ALERT_RULES, Of::Version, &[(0, Detail("/after")), (1, Actor), (2, At)]),
    rule("evidence.sealed", BUNDLES, Of::Subject, &[(0, Detail("/number")), (1, Case), (2, Detail("/log_size")), (3, At)]),
    rule("audit_pack.requested", PACKS, Of::Subject, &[(1, Detail("/audit")), (4, Actor), (5, At)]),
    rule("audit_pack.sealed", PACKS, Of::Subject, &[(0, Detail("/number")), (1, Detail("/audit")), (2, Detail("/log_size")), (3, Detail("/cases"))]),
];
