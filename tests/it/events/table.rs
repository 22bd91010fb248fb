//! One line a route that takes posts. A route of `src/web/routes.rs` that is not here fails the test, and so does a line without a route.
//!
//! Beside the lines, for every post:
//! - what a use case refuses is the line's action with outcome `refused` and the reason in `detail`;
//! - what never reaches a use case is `permission.checked` on the route, refused, with method, route and reason: `not_signed_in`,
//!   `read_only`, `forged_token`, `foreign_origin`, `unreadable`, `too_large`, `method`, `not_found`, `invalid`; the same with outcome
//!   `success` where nothing was to be done: `repeated` (a form or an `Idempotency-Key` sent twice), `edited` (a step back in a form);
//! - a stranger's refused posts are recorded up to `throttle::STRANGER_POSTS` (120) an address in a quarter of an hour; beyond, they are
//!   answered 429 (401 by the API) and not recorded, so that nobody can fill the log; sign-ins while an address is locked count the same way. Refusals of
//!   somebody signed in, or of a token, always are recorded; but of those beyond a token's quota only the first of each minute;
//! - parts: `actor` wherever somebody is known, `client` always, `device` from browsers, `detail` always, `text` where a person typed
//!   something that is theirs to have said (a reason, a comment, a purpose).

use std::collections::BTreeSet;

/// One route.
pub struct Line {
    pub route: &'static str,
    /// Of the success, and of what its use case refuses.
    pub action: &'static str,
    /// What `detail` must hold when it worked, as JSON pointers.
    pub detail: &'static [&'static str],
    /// Whether a person types something that the event keeps.
    pub text: bool,
}

const fn line(route: &'static str, action: &'static str, detail: &'static [&'static str]) -> Line {
    Line { route, action, detail, text: false }
}

const fn said(route: &'static str, action: &'static str, detail: &'static [&'static str]) -> Line {
    Line { route, action, detail, text: true }
}

const CHANGED: &[&str] = &["/before", "/after"];
const STEP: &[&str] = &["/strategy", "/before/state", "/after/state"];
const CASE: &[&str] = &["/before/state", "/after/state", "/before/version", "/after/version"];

const RULES: &[&str] = &["/proposed_by", "/before/state", "/before/rules/adopted", "/after/state", "/after/rules/adopted"];

const ORDERED: &[&str] = &["/order", "/levels", "/message", "/recipients", "/policy", "/deadline", "/shown", "/before/state", "/after/state"];

const TRANSFERRED: &[&str] = &["/level", "/to", "/before/version", "/after/version"];

const HANDED: &[&str] = &["/after/principal", "/after/delegate", "/after/levels", "/after/from", "/after/until"];

pub const TABLE: &[Line] = &[
    line("/setup/{token}", "installation.set_up", &["/after/user", "/after/roles", "/invitations/1"]),
    line("/invitations/{token}", "invitation.accepted", &["/after/user", "/after/roles"]),
    line("/sessions", "session.started", &["/step", "/next"]),
    line("/sessions/verification", "session.opened", &["/step", "/method"]),
    line("/sessions/passkeys", "session.opened", &["/step", "/method"]),
    line("/sessions/enrolment", "second_factor.enrolled", &["/step", "/method"]),
    line("/sessions/current/closures", "session.closed", &["/before/open", "/after/open"]),
    line("/account/password", "password.changed", &["/sessions_ended"]),
    line("/account/preferences", "preference.changed", CHANGED),
    line("/account/mail-address", "mail_address.changed", CHANGED),
    line("/account/second-factor", "second_factor.enrolled", &["/method", "/replaced"]),
    line(
        "/account/passkeys",
        "passkey.added",
        &["/after/passkey", "/after/name", "/after/algorithm", "/after/key_sha256", "/after/synced", "/method"],
    ),
    line("/account/passkeys/removals", "passkey.removed", &["/before/passkey", "/before/name", "/method"]),
    line("/account/recovery-codes", "recovery_codes.made", &["/count", "/method"]),
    line("/account/sessions/{id}/revocations", "session.revoked", &["/before/open", "/after/open"]),
    line("/account/tokens", "token.created", &["/after/name", "/after/scopes"]),
    line("/account/tokens/{id}/revocations", "token.revoked", &["/before/revoked", "/after/revoked"]),
    line("/users/invitations", "invitation.created", &["/after/roles", "/after/expires_at", "/after/by"]),
    line("/users/invitations/{id}/renewals", "invitation.renewed", &["/roles", "/before/expires_at", "/after/expires_at", "/after/by"]),
    line("/users/invitations/{id}/revocations", "invitation.revoked", &["/roles", "/before/open", "/after/open"]),
    line("/users/{id}/roles", "user.changed", &["/before/roles", "/after/roles"]),
    line("/users/{id}/audit-access", "user.changed", &["/before/roles", "/after/roles", "/after/valid_until"]),
    line("/users/{id}/audit-access/endings", "user.changed", &["/before/roles", "/after/roles"]),
    line("/users/{id}/details", "user.changed", &["/before/name", "/after/name"]),
    line("/users/{id}/suspensions", "user.suspended", &["/before/state", "/after/state", "/waiting", "/cases_told"]),
    line("/users/{id}/reinstatements", "user.changed", &["/before/state", "/after/state"]),
    line("/users/{id}/second-factor-resets", "second_factor.reset", &["/step"]),
    line("/users/{id}/second-factor-resets/confirmations", "second_factor.reset", &["/step", "/proposed_by", "/passkeys_removed", "/sessions_ended"]),
    line("/departments", "department.created", &["/after/name"]),
    line("/departments/{id}", "department.changed", &["/before/name", "/after/name", "/after/parent_id"]),
    line("/departments/{id}/closures", "department.closed", &["/before/open", "/after/open"]),
    said("/sessions/{id}/revocations", "session.revoked", &["/user", "/before/open", "/after/open"]),
    said("/users/{id}/session-revocations", "session.revoked", &["/user", "/sessions_ended"]),
    line("/users/imports", "invitation.sheet_checked", &["/people", "/problems", "/sha256"]),
    line("/users/imports/confirmations", "invitation.sheet_confirmed", &["/people", "/sha256", "/invitations/0/id"]),
    line("/settings/jobs/{id}/retries", "job.retried", &["/kind", "/attempts", "/before/due", "/after/due"]),
    line("/tokens/{id}/revocations", "token.revoked", &["/before/revoked", "/after/revoked"]),
    said("/recalls", "recall.submitted", &["/number", "/message", "/recipients", "/policy", "/after/state"]),
    said("/recalls/{id}/statements", "statement.made", &["/level", "/decision", "/statement_sha256"]),
    said("/recalls/{id}/decisions", "recall.decided", &["/level", "/decision", "/statement", "/method", "/before/state", "/after/state"]),
    said("/recalls/{id}/orders", "recall.ordered", ORDERED),
    said("/recalls/{id}/ratifications", "ratification.decided", &["/level", "/verdict", "/late", "/before/state", "/after/state"]),
    line("/duty", "duty.assigned", &["/after/officer", "/after/from", "/after/until"]),
    line("/duty/{id}/endings", "duty.ended", &["/before/until", "/after/until"]),
    said("/duty/uses/{id}/releases", "duty.release_proposed", &["/officer", "/before/barred", "/after/barred"]),
    line("/duty/uses/{id}/releases/confirmations", "duty.released", &["/officer", "/before/barred", "/after/barred"]),
    said("/recalls/{id}/transfers", "recall.transferred", TRANSFERRED),
    said("/recalls/{id}/additions", "recall.reviewer_added", TRANSFERRED),
    said("/recalls/{id}/removals", "recall.reviewer_removed", TRANSFERRED),
    said("/recalls/{id}/questions", "recall.question_asked", CASE),
    said("/recalls/{id}/answers", "recall.question_answered", CASE),
    said("/recalls/{id}/comments", "recall.commented", &["/round"]),
    line("/recalls/{id}/reminders", "recall.reminded", &["/level", "/round"]),
    said("/recalls/{id}/remediations", "remediation.step_added", &["/strategy", "/owner", "/due", "/after/state"]),
    said("/recalls/{id}/remediations/completions", "remediation.step_done", STEP),
    said("/recalls/{id}/remediations/droppings", "remediation.step_dropped", STEP),
    said("/recalls/{id}/withdrawal", "recall.withdrawn", CASE),
    said("/recalls/{id}/resubmissions", "recall.resubmitted", CASE),
    said("/recalls/{id}/captures", "recall.capture_uploaded", CASE),
    said("/recalls/{id}/confirmations", "recall.capture_confirmed", &["/before/state", "/after/state", "/tally", "/about/method"]),
    said("/recalls/{id}/halts", "recall.halted", CASE),
    said("/delegations", "delegation.made", HANDED),
    said("/delegations/{id}/ends", "delegation.ended", &["/principal", "/delegate", "/before/until", "/after/until"]),
    said("/self-recalls", "self_recall.filed", &["/number", "/broadcast", "/withdrawn_at", "/extent", "/after/state"]),
    said("/self-recalls/{id}/checks", "self_recall.checked", &["/number", "/broadcast", "/before/state", "/after/state"]),
    said("/evidence/exports", "evidence.exported", &["/number", "/sha256", "/log_size", "/contents"]),
    line("/evidence/{number}/downloads", "evidence.exported", &["/number", "/download", "/sha256"]),
    said("/audit/exports", "audit.exported", &["/log_size"]),
    said("/recalls/exports", "list.exported", &["/format", "/rows"]),
    line("/broadcasts/exports", "list.exported", &["/format", "/rows"]),
    said("/broadcasts/{id}/unmaskings", "content.read", &["/what", "/unmasked"]),
    line("/tokens", "token.created", &["/after/name", "/after/scopes"]),
    line("/users/exports", "list.exported", &["/format", "/rows"]),
    said("/audit/searches", "search.saved", &["/after/list", "/after/shared"]),
    line("/audit/searches/{id}/removals", "search.removed", &["/before/list", "/before/shared"]),
    line("/reminders", "recall.reminded", &["/level", "/round"]),
    said("/views", "search.saved", &["/after/list", "/after/shared"]),
    line("/views/{id}/removals", "search.removed", &["/before/list", "/before/shared"]),
    line("/evidence/verification", "evidence.verified", &["/sha256", "/result"]),
    said("/audits", "audit_engagement.opened", &["/after/number", "/after/from", "/after/to", "/after/seed", "/after/sample_size"]),
    line("/audits/{id}/packs", "audit_pack.requested", &["/audit"]),
    line("/audits/{id}/packs/{pack}/downloads", "audit_pack.exported", &["/number", "/sha256", "/bytes"]),
    said("/questions", "question.put", &["/audit", "/number", "/of"]),
    said("/questions/{id}/answers", "question.answered", &["/audit", "/number"]),
    said("/holds", "hold.proposed", &["/after/state", "/after/scope"]),
    line("/holds/{id}/confirmations", "hold.placed", &["/before/state", "/after/state", "/scope"]),
    line("/holds/{id}/refusals", "hold.declined", &["/before/state", "/after/state", "/scope"]),
    said("/holds/{id}/releases", "hold.release_proposed", &["/before/state", "/after/state", "/scope"]),
    line("/holds/{id}/releases/confirmations", "hold.released", &["/before/state", "/after/state", "/scope"]),
    line("/holds/{id}/releases/refusals", "hold.release_declined", &["/before/state", "/after/state", "/scope"]),
    said("/alerts/{id}/acknowledgements", "alert.acknowledged", &["/rule", "/before/state", "/after/state"]),
    said("/alerts/rules/{rule}", "alert_rule.changed", &["/version", "/weaker", "/before/threshold", "/after/threshold"]),
    said("/policies/proposals", "policy.proposed", &["/before/version", "/before/rules/adopted", "/after/state", "/after/rules/adopted"]),
    line(
        "/policies/proposals/{id}/confirmations",
        "policy.confirmed",
        &["/proposed_by", "/before/version", "/before/rules/adopted", "/after/state", "/after/version", "/after/rules/adopted"],
    ),
    said("/policies/proposals/{id}/refusals", "policy.rejected", RULES),
    line("/policies/proposals/{id}/withdrawals", "policy.withdrawn", RULES),
    line("/streams", "stream.created", &["/after/name", "/after/settings"]),
    line("/streams/{id}", "stream.changed", CHANGED),
    line("/streams/{id}/tests", "stream.tested", &["/result"]),
    line("/streams/{id}/pauses", "stream.changed", &["/before/state", "/after/state"]),
    line("/streams/{id}/resumptions", "stream.changed", &["/before/state", "/after/state"]),
    line("/streams/{id}/secrets", "stream.changed", &["/before", "/after", "/secret_changed"]),
    line("/streams/{id}/cursor", "stream.changed", &["/before/next", "/after/next"]),
    line("/streams/{id}/removals", "stream.removed", &["/before"]),
    line("/broadcasts", "broadcast.submitted", &["/after/message", "/after/recipients", "/pieces"]),
    said("/broadcasts/imports", "import.uploaded", &["/after/state", "/bytes", "/digest"]),
    line("/broadcasts/imports/{id}/checks", "import.checked", CHANGED),
    line("/broadcasts/imports/{id}/confirmations", "import.confirmed", &["/before/state", "/after/state", "/broadcasts"]),
    line("/broadcasts/imports/{id}/removals", "import.discarded", &["/before/state", "/after/state"]),
    line("/reports", "broadcast.reported", &["/after/message", "/after/recipients"]),
    line("/connections", "connection.created", &["/after/name", "/after/settings"]),
    line("/connections/{id}", "connection.changed", CHANGED),
    line("/connections/{id}/tests", "connection.tested", &["/call", "/result", "/steps/7/is"]),
    said("/api/v1/delegations", "delegation.made", HANDED),
    said("/api/v1/delegations/{id}/ends", "delegation.ended", &["/principal", "/delegate", "/before/until", "/after/until"]),
    said("/api/v1/recalls", "recall.submitted", &["/number", "/message", "/recipients", "/after/state"]),
    said("/api/v1/recalls/{id}/decisions", "recall.decided", &["/level", "/decision", "/statement", "/before/state", "/after/state"]),
    said("/api/v1/recalls/{id}/orders", "recall.ordered", ORDERED),
    said("/api/v1/recalls/{id}/ratifications", "ratification.decided", &["/level", "/verdict", "/late", "/before/state", "/after/state"]),
    said("/api/v1/recalls/{id}/transfers", "recall.transferred", TRANSFERRED),
    said("/api/v1/recalls/{id}/additions", "recall.reviewer_added", TRANSFERRED),
    said("/api/v1/recalls/{id}/removals", "recall.reviewer_removed", TRANSFERRED),
    said("/api/v1/recalls/{id}/questions", "recall.question_asked", CASE),
    said("/api/v1/recalls/{id}/answers", "recall.question_answered", CASE),
    said("/api/v1/recalls/{id}/comments", "recall.commented", &["/round"]),
    line("/api/v1/recalls/{id}/reminders", "recall.reminded", &["/level", "/round"]),
    said("/api/v1/recalls/{id}/captures", "recall.capture_uploaded", CASE),
    said("/api/v1/recalls/{id}/confirmations", "recall.capture_confirmed", &["/before/state", "/after/state", "/tally", "/about/method"]),
    said("/api/v1/recalls/{id}/halts", "recall.halted", CASE),
    said("/api/v1/recalls/{id}/remediations", "remediation.step_added", &["/strategy", "/owner", "/due", "/after/state"]),
    said("/api/v1/recalls/{id}/remediations/completions", "remediation.step_done", STEP),
    said("/api/v1/recalls/{id}/remediations/droppings", "remediation.step_dropped", STEP),
    said("/api/v1/recalls/{id}/withdrawal", "recall.withdrawn", CASE),
    said("/api/v1/recalls/{id}/resubmissions", "recall.resubmitted", CASE),
    said("/api/v1/self-recalls", "self_recall.filed", &["/number", "/broadcast", "/withdrawn_at", "/extent", "/after/state"]),
    said("/api/v1/self-recalls/{id}/checks", "self_recall.checked", &["/number", "/broadcast", "/before/state", "/after/state"]),
    line("/api/v1/reminders", "recall.reminded", &["/level", "/round"]),
    said("/api/v1/recalls/exports", "list.exported", &["/format", "/rows"]),
    line("/api/v1/broadcasts/exports", "list.exported", &["/format", "/rows"]),
    said("/api/v1/imports", "import.uploaded", &["/after/state", "/bytes", "/digest"]),
    line("/api/v1/imports/{id}/checks", "import.checked", CHANGED),
    line("/api/v1/imports/{id}/confirmations", "import.confirmed", &["/before/state", "/after/state", "/broadcasts"]),
    line("/api/v1/imports/{id}/removals", "import.discarded", &["/before/state", "/after/state"]),
    said("/api/v1/evidence/exports", "evidence.exported", &["/number", "/sha256", "/log_size", "/contents"]),
    line("/api/v1/evidence/{number}/downloads", "evidence.exported", &["/number", "/download", "/sha256"]),
    line("/api/v1/evidence/verification", "evidence.verified", &["/sha256", "/result"]),
    line("/api/v1/broadcasts", "broadcast.submitted", &["/after/message", "/after/recipients", "/pieces"]),
    line("/api/v1/broadcasts/imports", "broadcast.imported", &["/after/message", "/after/recipients"]),
    line("/api/v1/reports", "broadcast.reported", &["/after/message", "/after/recipients"]),
];

/// The line of a route.
pub fn of(route: &str) -> &'static Line {
    TABLE.iter().find(|l| l.route == route).unwrap_or_else(|| panic!("{route} is not in the table"))
}

/// Every route of the list that takes posts.
fn posts() -> BTreeSet<String> {
    let source = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/web/routes.rs")).unwrap();
    let text: String = source.split_whitespace().collect();
    text.split("resource(\"")
        .skip(1)
        .filter(|r| r.split(';').next().unwrap().contains(".post("))
        .map(|r| r.split('"').next().unwrap().to_owned())
        .collect()
}

#[test]
fn every_route_that_takes_posts_is_in_the_table_once() {
    let listed: BTreeSet<String> = TABLE.iter().map(|l| l.route.to_owned()).collect();
    assert_eq!(listed.len(), TABLE.len(), "a route stands twice");
    assert_eq!(listed, posts());
    for line in TABLE {
        assert!(countermand::domain::event::Action::parse(line.action).is_some(), "{}: {} is no action", line.route, line.action);
    }
}
