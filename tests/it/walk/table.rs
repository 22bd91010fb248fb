//! Every page of the route list in every state that a person meets it in: with data, empty, with an error. A route that is missing here
//! fails the test that reads the list.

use std::collections::BTreeSet;

use super::stage::Where::{self, Bare, Empty, Emulator, Full, Large};

type Fields = &'static [(&'static str, &'static str)];

/// One page in one state.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// As in the route list.
    pub route: &'static str,
    pub who: &'static str,
    pub place: Where,
    /// What stands for the parameters of the route, with blanks between.
    of: &'static str,
    query: &'static str,
    /// The page with the form, where it is not the nearest one above the address.
    from: &'static str,
    /// What a form holds; `None` for a page that is only opened.
    pub fields: Option<Fields>,
    /// Field, file name, and which bundle of the company.
    pub file: Option<(&'static str, &'static str, &'static str)>,
    /// The answer.
    pub status: u64,
    /// In this language only, where it can be seen only once.
    pub only: Option<&'static str>,
}

/// A page that is opened.
const fn page(route: &'static str, who: &'static str) -> Row {
    Row { route, who, place: Full, of: "", query: "", from: "", fields: None, file: None, status: 200, only: None }
}

/// A form that is sent, and what answers.
const fn form(route: &'static str, who: &'static str, fields: Fields, status: u64) -> Row {
    Row { fields: Some(fields), ..page(route, who) }.says(status)
}

impl Row {
    const fn of(mut self, things: &'static str) -> Self {
        self.of = things;
        self
    }

    const fn asks(mut self, query: &'static str) -> Self {
        self.query = query;
        self
    }

    const fn from(mut self, page: &'static str) -> Self {
        self.from = page;
        self
    }

    const fn at(mut self, place: Where) -> Self {
        self.place = place;
        self
    }

    const fn says(mut self, status: u64) -> Self {
        self.status = status;
        self
    }

    const fn with(mut self, field: &'static str, name: &'static str, bundle: &'static str) -> Self {
        self.file = Some((field, name, bundle));
        self
    }

    const fn only(mut self, lang: &'static str) -> Self {
        self.only = Some(lang);
        self
    }

    /// `route` with its parameters.
    fn filled(&self, route: &str) -> String {
        let mut things = self.of.split(' ');
        let part = |part: &str| if part.starts_with('{') { things.next().unwrap_or_default().to_owned() } else { part.to_owned() };
        route.split('/').map(part).collect::<Vec<_>>().join("/")
    }

    /// Where it leads, with `{names}` still to be filled in.
    pub fn address(&self) -> String {
        let query = if self.query.is_empty() { String::new() } else { format!("?{}", self.query) };
        self.filled(self.route) + &query
    }

    /// The page that is opened first: itself, or the one with the form, `pages` being the routes that can be opened.
    pub fn opened(&self, pages: &BTreeSet<&str>) -> String {
        if self.fields.is_none() {
            return self.address();
        }
        if !self.from.is_empty() {
            return self.from.to_owned();
        }
        let above = std::iter::successors(Some(self.route), |route| route.rsplit_once('/').map(|(above, _)| above));
        let nearest = above.into_iter().find(|route| pages.contains(route)).unwrap_or_else(|| panic!("no page above {}", self.route));
        self.filled(nearest)
    }
}

/// Answers to GET that are no pages.
pub const NO_PAGES: [&str; 11] = [
    "/static/{path:.*}",
    "/static/countermand-verifier.html",
    "/healthz",
    "/readyz",
    "/metrics",
    "/recalls/{id}/captures/{attachment}",
    "/recalls/{id}/progress",
    "/broadcasts/{id}/attachments/{attachment}",
    "/audit/exports/{id}/file",
    "/broadcasts/imports/templates/{kind}",
    "/broadcasts/imports/{id}/report",
];

/// Posts that nothing can be wrong with but the token and the person.
pub const NEVER_WRONG: [&str; 2] = ["/sessions/current/closures", "/account/preferences"];

const CASE: &str = "/recalls/{id}";
const DECISION: &str = "/recalls/{id}/decisions";
const VERIFICATION: &str = "/evidence/verification";
const NEW_RECALL: &str = "/recalls/new?broadcast={broadcast.sent}";
const WHY: &str = "原定仅发送薪酬委员会六人，因收件范围误选全体员工发出。";

pub const ROWS: &[Row] = &[
    // Coming in.
    page("/sign-in", "nobody"),
    form("/sessions", "nobody", &[("account", "nobody"), ("password", "wrong password")], 409).from("/sign-in"),
    form("/sessions/passkeys", "nobody", &[("totp", "12")], 409).from("/sign-in"),
    page("/sessions/verification", "pending"),
    form("/sessions/verification", "pending", &[("totp", "12")], 422),
    page("/sessions/enrolment", "enrolling"),
    form("/sessions/enrolment", "enrolling", &[("totp", "12")], 422),
    page("/setup/{token}", "nobody").of("{setup}").at(Bare),
    page("/setup/{token}", "nobody").of("stale").at(Bare).says(404),
    form("/setup/{token}", "nobody", &[("username", "x y"), ("password", "short")], 422).of("{setup}").at(Bare),
    form(
        "/setup/{token}",
        "nobody",
        &[("username", "chengye"), ("display_name", "程野"), ("password", "a sentence will do"), ("password_again", "a sentence will do")],
        201,
    )
    .of("{setup}")
    .at(Bare)
    .only("en"),
    page("/invitations/{token}", "nobody").of("{invitation.{lang}}"),
    form("/invitations/{token}", "nobody", &[("username", "")], 422).of("{invitation.{lang}}"),
    page("/demo", "nobody"),
    page("/_emulator/inbox", "nobody").asks("lang={lang}").at(Emulator),
    page("/_emulator/inbox", "nobody").asks("user=nobody&lang={lang}").at(Emulator).says(404),
    // First page, account.
    page("/", "requester"),
    page("/", "reviewer"),
    page("/", "auditor"),
    page("/", "reviewer").at(Empty),
    page("/", "system").at(Empty),
    page("/", "security"),
    page("/account", "requester"),
    page("/account", "auditor"),
    page("/account/api", "requester"),
    form("/account/password", "requester", &[("password", "wrong"), ("new_password", "short")], 422),
    form("/account/mail-address", "requester", &[("address", "张三@example.com")], 422),
    form("/account/tokens", "requester", &[("name", "")], 422),
    form("/account/tokens/{id}/revocations", "requester", &[], 404).of("{nowhere}"),
    form("/account/sessions/{id}/revocations", "requester", &[], 404).of("{nowhere}"),
    page("/account/personal-data", "requester"),
    page("/account/personal-data", "auditor"),
    page("/account/passkeys", "requester"),
    page("/account/passkeys", "auditor"),
    form("/account/passkeys", "requester", &[("name", ""), ("totp", "12")], 422),
    form("/account/passkeys/removals", "requester", &[("totp", "12")], 409),
    form("/account/recovery-codes", "requester", &[("totp", "12")], 422).from("/account/passkeys"),
    page("/account/second-factor", "requester"),
    form("/account/second-factor", "requester", &[("totp", ""), ("new_totp", "12")], 422),
    form("/account/preferences", "requester", &[("csrf", "forged")], 403),
    form("/sessions/current/closures", "auditor", &[("csrf", "forged")], 403).from("/account"),
    page("/settings", "system"),
    page("/settings", "system").at(Empty),
    page("/settings/jobs", "system"),
    page("/settings/jobs", "security").at(Empty),
    page("/settings/jobs", "requester").says(403),
    form("/settings/jobs/{id}/retries", "system", &[], 404).of("{nowhere}"),
    // People.
    page("/users", "system"),
    page("/users", "security").at(Empty),
    page("/users", "security").asks("q=nobody-of-that-name"),
    form("/users/invitations", "system", &[("roles", "final_approver"), ("address", "nobody")], 422).from("/users"),
    form("/users/exports", "security", &[("state", "active"), ("totp", "12")], 422).from("/users?state=active"),
    form("/users/invitations", "system", &[("roles", "requester"), ("name", "李新")], 201).from("/users"),
    page("/users/invitations", "system"),
    page("/users/invitations", "system").at(Empty),
    page("/users/invitations", "security").says(403),
    form("/users/invitations/{id}/renewals", "system", &[("version", "0")], 409).of("{invited}"),
    form("/users/invitations/{id}/renewals", "system", &[], 201).of("{invited}").only("zh-CN"),
    form("/users/invitations/{id}/revocations", "system", &[("version", "0")], 409).of("{invited}"),
    page("/users/imports", "system"),
    page("/users/imports", "security").says(403),
    form("/users/imports", "system", &[], 422),
    form("/users/imports/confirmations", "system", &[("sealed", "00")], 409),
    page("/departments", "system"),
    page("/departments", "security").at(Empty),
    form("/departments", "system", &[("name", "")], 422),
    page("/departments/{id}", "system").of("{department}"),
    page("/departments/{id}", "system").of("{nowhere}").says(404),
    form("/departments/{id}", "system", &[("name", ""), ("version", "1")], 422).of("{department}"),
    form("/departments/{id}/closures", "system", &[("version", "1")], 409).of("{department}"),
    page("/sessions", "security"),
    page("/sessions", "security").asks("user={user.requester}"),
    page("/sessions", "security").asks("user={nowhere}"),
    page("/sessions", "system").says(403),
    form("/sessions/{id}/revocations", "security", &[("reason", "短")], 422).of("{nowhere}").from("/sessions"),
    form("/users/{id}/session-revocations", "security", &[("reason", "短")], 422).of("{user.requester}").from("/sessions?user={user.requester}"),
    page("/tokens", "system"),
    page("/tokens", "security").at(Empty),
    form("/tokens/{id}/revocations", "system", &[], 404).of("{nowhere}").from("/tokens"),
    page("/users/{id}", "system").of("{user.requester}"),
    page("/users/{id}", "security").of("{user.lawyer}"),
    page("/users/{id}", "system").of("{user.system}"),
    page("/users/{id}", "system").of("{nowhere}").says(404),
    page("/users/{id}", "audit").of("{user.auditor}"),
    page("/users/{id}/personal-data", "system").of("{user.requester}"),
    page("/users/{id}/personal-data", "audit").of("{user.lawyer}"),
    page("/users/{id}/personal-data", "counsel").of("{user.auditor}"),
    page("/users/{id}/personal-data", "security").of("{user.requester}").says(403),
    page("/users/{id}/personal-data", "system").of("{nowhere}").says(404),
    form("/users/{id}/audit-access", "audit", &[("valid_until", "2020-01-01")], 422).of("{user.auditor}"),
    form("/users/{id}/audit-access/endings", "audit", &[("version", "0")], 409).of("{user.auditor}"),
    form("/users/{id}/roles", "security", &[("roles", "audit_administrator"), ("roles", "final_approver")], 422).of("{user.lawyer}"),
    form("/users/{id}/roles", "security", &[("roles", "auditor"), ("version", "0")], 409).of("{user.lawyer}"),
    form("/users/{id}/details", "system", &[("display_name", "")], 422).of("{user.requester}"),
    page("/users/{id}/suspensions", "system").of("{user.lawyer}"),
    page("/users/{id}/suspensions", "system").of("{user.requester}"),
    page("/users/{id}/suspensions", "system").of("{user.auditor}"),
    page("/users/{id}/suspensions", "system").of("{user.system}"),
    page("/users/{id}/suspensions", "security").of("{user.lawyer}").says(403),
    page("/users/{id}/suspensions", "system").of("{nowhere}").says(404),
    form("/users/{id}/suspensions", "system", &[("version", "0")], 409).of("{user.requester}"),
    form("/users/{id}/reinstatements", "system", &[("version", "0")], 409).of("{user.requester}"),
    form("/users/{id}/second-factor-resets", "system", &[("totp", "")], 422).of("{user.requester}"),
    form("/users/{id}/second-factor-resets/confirmations", "security", &[("totp", "")], 422).of("{user.lawyer}"),
    // Broadcasts, reports, connections.
    page("/broadcasts", "requester"),
    page("/broadcasts", "requester").asks("q=no-such-message"),
    page("/broadcasts", "requester").at(Empty),
    page("/broadcasts/new", "requester"),
    form("/broadcasts", "requester", &[("title", ""), ("text", "各位"), ("step", "check")], 422).from("/broadcasts/new"),
    form(
        "/broadcasts",
        "requester",
        &[
            ("connection", "{connection}"),
            ("audience", "all"),
            ("title", "元旦放假安排"),
            ("text", "各位同事：放假三天。\n值班表见附件。"),
            ("step", "check"),
        ],
        200,
    )
    .from("/broadcasts/new"),
    form("/broadcasts", "auditor", &[("step", "send")], 403),
    page("/broadcasts/{id}", "requester").of("{broadcast.sent}"),
    page("/broadcasts/{id}", "requester").of("{broadcast.long}"),
    page("/broadcasts/{id}", "lawyer").of("{broadcast.reported}"),
    page("/broadcasts/{id}", "auditor").of("{case.done.broadcast}"),
    page("/broadcasts/{id}", "requester").of("{nowhere}").says(404),
    page("/broadcasts/imports", "requester"),
    page("/broadcasts/imports", "requester").at(Empty),
    page("/broadcasts/imports/new", "requester"),
    page("/broadcasts/imports/new", "requester").asks("kind=recipients"),
    page("/broadcasts/imports/{id}", "requester").of("{import.ready}"),
    page("/broadcasts/imports/{id}", "requester").of("{import.faulty}"),
    page("/broadcasts/imports/{id}", "requester").of("{import.checking}"),
    page("/broadcasts/imports/{id}", "requester").of("{import.done}").asks("again=1"),
    page("/broadcasts/imports/{id}", "requester").of("{import.failed}"),
    page("/broadcasts/imports/{id}", "requester").of("{import.gone}"),
    form("/broadcasts/imports", "requester", &[], 422).from("/broadcasts/imports/new"),
    form("/broadcasts/imports/{id}/checks", "requester", &[("separator", "none")], 422).of("{import.faulty}"),
    form("/broadcasts/imports/{id}/confirmations", "requester", &[], 404).of("{nowhere}").from("/broadcasts/imports/{import.ready}"),
    form("/broadcasts/imports/{id}/removals", "requester", &[], 404).of("{nowhere}").from("/broadcasts/imports/{import.faulty}"),
    page("/reports/new", "requester"),
    form("/reports", "requester", &[("channel", ""), ("sent_at", "2030-01-01T10:00"), ("audience", "全体代理商")], 422).from("/reports/new"),
    page("/broadcasts/{id}", "requester").of("{filing.broadcast}"),
    page("/delegations", "reviewer"),
    page("/delegations", "requester").asks("list=received"),
    page("/delegations", "security"),
    page("/delegations", "requester").at(Empty),
    page("/delegations", "lawyer").asks("list=all").says(403),
    page("/delegations/new", "reviewer"),
    page("/delegations/new", "executive"),
    page("/delegations/new", "auditor").says(403),
    page("/delegations/{id}", "reviewer").of("{delegation.coming}"),
    page("/delegations/{id}", "security").of("{delegation.coming}"),
    page("/delegations/{id}", "requester").of("{delegation.ended}"),
    page("/delegations/{id}", "lawyer").of("{delegation.running}"),
    page("/delegations", "lawyer").asks("list=received"),
    page("/delegations/{id}", "lawyer").of("{delegation.ended}").says(404),
    form("/delegations", "reviewer", &[("to", "nobody"), ("levels", "1"), ("until", "2001-01-01T10:00"), ("reason", "短"), ("totp", "")], 422)
        .from("/delegations/new"),
    form("/delegations/{id}/ends", "security", &[("reason", "短")], 422).of("{delegation.coming}"),
    page("/duty", "security"),
    page("/duty", "executive"),
    page("/duty", "counsel"),
    page("/duty", "requester"),
    page("/duty", "security").at(Empty),
    page("/duty/uses", "security"),
    page("/duty/uses", "system"),
    page("/duty/uses", "security").at(Empty),
    page("/duty/uses", "requester").says(403),
    form("/duty", "security", &[("user", ""), ("from", "2026-11-22T09:00"), ("until", "2026-11-21T09:00"), ("totp", "12")], 422),
    form("/duty/{id}/endings", "security", &[], 404).of("{nowhere}").from("/duty"),
    form("/duty/uses/{id}/releases", "security", &[("reason", "短"), ("version", "2"), ("totp", "12")], 422).of("{use.refused}").from("/duty/uses"),
    form("/duty/uses/{id}/releases/confirmations", "system", &[("version", "2"), ("totp", "123456")], 409).of("{use.refused}").from("/duty/uses"),
    page(CASE, "executive").of("{case.orderable}"),
    page(CASE, "counsel").of("{case.orderable}"),
    page(CASE, "lawyer").of("{case.orderable}"),
    form(
        DECISION,
        "lawyer",
        &[("decision", "approve"), ("comment", "可预见劳动争议，请法务判断。"), ("answers.dispute", "yes"), ("totp", "123456")],
        409,
    )
    .of("{case.orderable}"),
    form(DECISION, "lawyer", &[("decision", "approve"), ("comment", "短"), ("answers.offer", "yes"), ("totp", "12")], 422).of("{case.orderable}"),
    page(CASE, "reviewer").of("{case.first}"),
    page(CASE, "requester").of("{case.ratified}"),
    page(CASE, "auditor").of("{case.refused}"),
    form("/recalls/{id}/orders", "executive", &[("category", "other"), ("reason", "短"), ("totp", "12")], 422).of("{case.orderable}"),
    form("/recalls/{id}/ratifications", "reviewer", &[("verdict", ""), ("comment", "短"), ("totp", "12"), ("words", "0")], 422).of("{case.first}"),
    page("/remediations", "requester"),
    page("/remediations", "lawyer").asks("show=overdue"),
    page("/remediations", "auditor").asks("show=done"),
    page("/remediations", "lawyer").asks("show=open&mine=yes"),
    page("/remediations", "requester").at(Empty),
    page("/remediations", "system").says(403),
    page(CASE, "requester").of("{case.withdrawn}"),
    page(CASE, "lawyer").of("{case.withdrawn}"),
    page("/self-recalls", "requester"),
    page("/self-recalls", "lawyer").asks("state=visible"),
    page("/self-recalls", "auditor").asks("state=gone"),
    page("/self-recalls", "requester").at(Empty),
    page("/self-recalls", "system").says(403),
    page("/self-recalls/new", "requester").asks("broadcast={broadcast.sent}"),
    page("/self-recalls/new", "requester").asks("broadcast={nowhere}").says(404),
    page("/self-recalls/new", "lawyer").asks("broadcast={broadcast.sent}").says(403),
    page("/self-recalls/{id}", "requester").of("{filing.filed}"),
    page("/self-recalls/{id}", "lawyer").of("{filing.filed}"),
    page("/self-recalls/{id}", "requester").of("{filing.visible}"),
    page("/self-recalls/{id}", "auditor").of("{filing.gone}"),
    page("/self-recalls/{id}", "requester").of("{nowhere}").says(404),
    form("/self-recalls", "requester", &[("broadcast", "{broadcast.sent}"), ("withdrawn_at", "2001-01-01T10:00"), ("note", "已在客户端撤回")], 422)
        .from("/self-recalls/new?broadcast={broadcast.sent}"),
    form("/self-recalls/{id}/checks", "lawyer", &[("version", "1"), ("seen", ""), ("note", "短"), ("totp", "12")], 422).of("{filing.filed}"),
    page("/connections", "system"),
    page("/connections", "system").at(Empty),
    page("/connections/new", "system"),
    page("/connections/{id}", "system").of("{connection}"),
    form("/connections", "system", &[("name", "新连接"), ("base_url", "ftp://x")], 422).from("/connections/new"),
    form("/connections/{id}", "system", &[("name", "")], 422).of("{connection}"),
    form("/connections/{id}/tests", "system", &[], 404).of("{nowhere}").from("/connections/{connection}"),
    // Cases.
    page("/approvals", "reviewer"),
    page("/approvals", "operator"),
    page("/approvals", "reviewer").at(Empty),
    page("/recalls", "requester"),
    page("/recalls", "auditor").asks("state=expired"),
    page("/recalls", "requester").at(Empty),
    page("/recalls", "requester").at(Large),
    page("/broadcasts", "requester").at(Large),
    page("/approvals", "reviewer").at(Large),
    page("/recalls", "lawyer").asks("state=open&class=leak"),
    form("/reminders", "requester", &[("state", "open")], 422).from("/recalls?state=open"),
    form("/reminders", "lawyer", &[("cases", "{nowhere}"), ("cases", "{case.done}")], 409).from("/recalls"),
    form("/reminders", "requester", &[("cases", "{case.reviewing}"), ("cases", "{case.done}")], 200).from("/recalls").only("en"),
    form("/recalls/exports", "lawyer", &[("class", "leak"), ("totp", "12")], 422).from("/recalls?class=leak"),
    form("/broadcasts/{id}/unmaskings", "auditor", &[("reason", "短"), ("totp", "12")], 422).of("{broadcast.sent}"),
    form("/tokens", "system", &[("name", ""), ("ends", "2001-01-01"), ("totp", "12")], 422),
    form("/broadcasts/exports", "auditor", &[("totp", "000000")], 422).from("/broadcasts"),
    form("/views", "requester", &[("list", "recalls"), ("state", "open"), ("name", "")], 422).from("/recalls?state=open"),
    form("/views", "reviewer", &[("list", "approvals"), ("task", "level-1"), ("name", "")], 422).from("/approvals?task=level-1"),
    form("/views", "requester", &[("list", "broadcasts"), ("platform", "wecom"), ("name", "")], 422).from("/broadcasts?platform=wecom"),
    form("/views", "lawyer", &[("list", "recalls"), ("class", "leak"), ("name", "泄密案件，待法务复核")], 200).from("/recalls?class=leak"),
    form("/views/{id}/removals", "requester", &[], 404).of("{nowhere}").from("/recalls"),
    page("/approvals", "reviewer").asks("task=level-1&q=nothing-of-that-name"),
    page("/approvals", "reviewer").asks("class=leak&platform=wecom"),
    page("/recalls/new", "requester").asks("broadcast={broadcast.sent}"),
    page("/recalls/new", "requester").asks("broadcast={case.final.broadcast}"),
    page("/recalls/new", "requester").asks("broadcast={nowhere}").says(404),
    form("/recalls", "requester", &[("category", "leak"), ("reason", WHY), ("step", "check")], 200).from(NEW_RECALL),
    form("/recalls", "requester", &[("reason", "短"), ("step", "check")], 422).from(NEW_RECALL),
    form("/recalls", "requester", &[("broadcast", "{case.final.broadcast}"), ("category", "leak"), ("reason", WHY), ("step", "submit")], 409)
        .from(NEW_RECALL),
    page(CASE, "reviewer").of("{case.reviewing}"),
    page(CASE, "requester").of("{case.reviewing}"),
    page(CASE, "auditor").of("{case.reviewing}"),
    page(CASE, "executive").of("{case.final}"),
    page(CASE, "lawyer").of("{case.reviewing}"),
    page(CASE, "requester").of("{case.returned}"),
    page(CASE, "reviewer").of("{case.again}"),
    page(CASE, "counsel").of("{case.done}"),
    page(CASE, "requester").of("{case.rejected}"),
    page(CASE, "requester").of("{case.withdrawn}"),
    page(CASE, "operator").of("{case.operate}"),
    page(CASE, "operator").of("{case.acted}"),
    page(CASE, "second").of("{case.acted}"),
    page(CASE, "requester").of("{nowhere}").says(404),
    form("/recalls/{id}/statements", "executive", &[("comment", "")], 422).of("{case.final}"),
    form(DECISION, "executive", &[("totp", "12")], 422).of("{case.final}"),
    form(DECISION, "reviewer", &[("decision", "approve"), ("comment", "情况属实，同意撤回。"), ("totp", "123"), ("version", "0")], 409)
        .of("{case.reviewing}"),
    form(DECISION, "lawyer", &[("decision", "approve"), ("comment", "情况属实，同意撤回。"), ("totp", "123456")], 409).of("{case.final}"),
    form("/recalls/{id}/transfers", "reviewer", &[("reason", "短")], 422).of("{case.reviewing}"),
    form("/recalls/{id}/additions", "reviewer", &[("reason", "短")], 422).of("{case.reviewing}"),
    form("/recalls/{id}/removals", "reviewer", &[("reason", "短")], 422).of("{case.reviewing}"),
    form("/recalls/{id}/questions", "reviewer", &[("question", "短")], 422).of("{case.reviewing}"),
    form("/recalls/{id}/answers", "requester", &[("answer", "短")], 422).of("{case.reviewing}"),
    form("/recalls/{id}/comments", "lawyer", &[("comment", "短")], 422).of("{case.reviewing}"),
    form("/recalls/{id}/reminders", "operator", &[], 409).of("{case.reviewing}"),
    form("/recalls/{id}/remediations", "lawyer", &[("due", "2001-01-01T10:00")], 422).of("{case.withdrawn}"),
    form("/recalls/{id}/remediations/completions", "lawyer", &[("done", "短")], 422).of("{case.withdrawn}"),
    form("/recalls/{id}/remediations/completions", "requester", &[("step", "{step.done} 2"), ("done", "已再次更正")], 409).of("{case.withdrawn}"),
    form("/recalls/{id}/remediations/droppings", "lawyer", &[("reason", "短")], 422).of("{case.withdrawn}"),
    form("/recalls/{id}/withdrawal", "requester", &[("reason", "不再需要")], 409).of("{case.done}"),
    form("/recalls/{id}/resubmissions", "requester", &[("reason", "短")], 422).of("{case.returned}"),
    form("/recalls/{id}/captures", "operator", &[("note", "")], 422).of("{case.operate}"),
    form("/recalls/{id}/confirmations", "second", &[], 422).of("{case.acted}"),
    form("/recalls/{id}/halts", "security", &[("reason", "")], 422).of("{case.operate}"),
    page("/recalls/{id}/receipts/{event}", "reviewer").of("{receipt.case} {receipt}"),
    // Trail and evidence.
    page("/audit", "auditor"),
    page("/audit", "audit").asks("action=recall.decided&outcome=success"),
    page("/audit", "auditor").asks("actor=nobody-of-that-name"),
    page("/audit", "auditor").asks("words=%F0%9F%98%80").says(422),
    page("/audit", "auditor").asks("address=10.0.0.0%2F99").says(422),
    page("/audit", "requester").says(403),
    page("/audit", "auditor").at(Empty),
    form("/audit/exports", "auditor", &[("action", "recall.decided"), ("totp", "12")], 422).from("/audit?action=recall.decided"),
    form("/audit/exports", "audit", &[("address", "10.0.0.0/99"), ("totp", "")], 422).from("/audit"),
    form("/audit/exports", "auditor", &[("format", "xml"), ("totp", "123456")], 422).from("/audit"),
    page("/audit/event-types", "auditor"),
    page("/audit/event-types", "requester"),
    page("/audit/exports/{id}", "auditor").of("{nowhere}").says(404),
    form("/audit/searches", "auditor", &[("action", "recall.decided"), ("name", "")], 422).from("/audit?action=recall.decided"),
    form("/audit/searches/{id}/removals", "auditor", &[], 404).of("{nowhere}"),
    page("/audit/{index}", "auditor").of("1"),
    page("/audit/{index}", "auditor").of("20"),
    page("/audit/{index}", "auditor").of("999999").says(404),
    page("/recalls/{id}/evidence", "counsel").of("{case.done}"),
    page("/recalls/{id}/evidence", "counsel").of("{case.reviewing}"),
    page("/evidence", "counsel"),
    page("/evidence", "auditor").at(Empty),
    form("/evidence/exports", "counsel", &[("case", "FR-0"), ("purpose", "")], 422),
    page("/evidence/{number}", "counsel").of("{bundle}"),
    page("/evidence/{number}", "auditor").of("{bundle}"),
    form("/evidence/{number}/downloads", "counsel", &[("totp", "12")], 422).of("{bundle}"),
    page("/audits", "auditor"),
    page("/audits", "audit").at(Empty),
    page("/audits", "requester").says(403),
    page("/audits/new", "auditor"),
    page("/audits/new", "counsel").says(403),
    form("/audits", "auditor", &[("title", ""), ("from", "2026-05-02"), ("to", "2026-05-01"), ("sample_size", "many"), ("seed", "短")], 422)
        .from("/audits/new"),
    page("/audits/{id}", "auditor").of("{audit}"),
    page("/audits/{id}", "counsel").of("{audit}"),
    page("/audits/{id}", "audit").of("{audit.bare}"),
    page("/audits/{id}", "auditor").of("{nowhere}").says(404),
    form("/audits/{id}/packs", "auditor", &[("totp", "12")], 422).of("{audit}"),
    form("/audits/{id}/packs/{pack}/downloads", "auditor", &[("totp", "")], 422).of("{audit} {pack}").from("/audits/{audit}"),
    page("/questions", "reviewer"),
    page("/questions", "system"),
    form("/questions", "auditor", &[("audit", "{audit}"), ("person", "nobody"), ("question", "短")], 422).from("/audits/{audit}"),
    page("/questions/{id}", "reviewer").of("{question.open}"),
    page("/questions/{id}", "auditor").of("{question.open}"),
    page("/questions/{id}", "lawyer").of("{question.answered}"),
    page("/questions/{id}", "requester").of("{question.open}").says(404),
    form("/questions/{id}/answers", "reviewer", &[("answer", "")], 422).of("{question.open}"),
    page("/alerts", "audit"),
    page("/alerts", "security"),
    page("/alerts", "auditor").asks("state=acknowledged&rule=recall_burst"),
    page("/alerts", "system").asks("severity=critical"),
    page("/alerts", "audit").at(Empty),
    page("/alerts", "requester").says(403),
    page("/alerts/{id}", "audit").of("{alert.open}"),
    page("/alerts/{id}", "security").of("{alert.open}"),
    page("/alerts/{id}", "auditor").of("{alert.open}"),
    page("/alerts/{id}", "security").of("{alert.acknowledged}"),
    page("/alerts/{id}", "audit").of("{nowhere}").says(404),
    form("/alerts/{id}/acknowledgements", "audit", &[("note", "好")], 422).of("{alert.open}"),
    form("/alerts/{id}/acknowledgements", "security", &[("note", "已核实，系误操作。")], 409).of("{alert.open}"),
    page("/alerts/rules", "audit"),
    page("/alerts/rules", "system").at(Empty),
    page("/alerts/rules/{rule}", "security").of("refusals"),
    page("/alerts/rules/{rule}", "audit").of("off_hours"),
    page("/alerts/rules/{rule}", "auditor").of("off_hours"),
    page("/alerts/rules/{rule}", "auditor").of("nothing").says(404),
    form("/alerts/rules/{rule}", "security", &[("threshold", "0"), ("reason", ""), ("totp", "12")], 422).of("refusals"),
    form("/alerts/rules/{rule}", "audit", &[("from", "25:00"), ("holidays", "2026-13-01"), ("totp", "123456"), ("reason", WHY)], 422).of("off_hours"),
    page("/holds", "counsel"),
    page("/holds", "auditor"),
    page("/holds", "audit").at(Empty),
    page("/holds", "requester").says(403),
    page("/holds/new", "counsel").asks("case=FR-20261122-0001"),
    page("/holds/new", "counsel").asks("search={search}"),
    page("/holds/new", "auditor").says(403),
    form("/holds", "counsel", &[("case", ""), ("reason", "短")], 422).from("/holds/new"),
    form("/holds", "counsel", &[("case", "FR-0"), ("from", "2026-05-01"), ("to", "2026-04-01"), ("reason", WHY)], 422).from("/holds/new"),
    form("/holds", "counsel", &[("search", "{search}"), ("case", "FR-20261122-0001"), ("reason", WHY)], 422).from("/holds/new"),
    page("/holds/{id}", "counsel").of("{hold.search}"),
    page("/holds/{id}", "auditor").of("{hold.search}"),
    page("/holds/{id}", "audit").of("{hold.proposed}"),
    page("/holds/{id}", "counsel").of("{hold.proposed}"),
    page("/holds/{id}", "counsel").of("{hold.placed}"),
    page("/holds/{id}", "audit").of("{hold.release}"),
    page("/holds/{id}", "counsel").of("{hold.release}"),
    page("/holds/{id}", "auditor").of("{hold.released}"),
    page("/holds/{id}", "counsel").of("{nowhere}").says(404),
    form("/holds/{id}/confirmations", "audit", &[("version", "1"), ("totp", "12")], 422).of("{hold.proposed}"),
    form("/holds/{id}/refusals", "audit", &[("version", "9")], 409).of("{hold.proposed}"),
    form("/holds/{id}/releases", "counsel", &[("version", "2"), ("reason", "短")], 422).of("{hold.placed}"),
    form("/holds/{id}/releases/confirmations", "counsel", &[("version", "3"), ("totp", "12")], 422).of("{hold.release}"),
    form("/holds/{id}/releases/refusals", "counsel", &[("version", "9")], 409).of("{hold.release}"),
    page("/catalogue", "requester"),
    page("/policies", "security").asks("platform=wecom&category=leak&ago=30"),
    page("/policies", "requester").asks("platform=wecom&category=leak&ago=soon").says(422),
    page("/policies", "auditor").asks("version=1"),
    page("/policies", "security").at(Empty),
    page("/policies/compare", "auditor").asks("from=1&to=3"),
    page("/policies/compare", "security").asks("from=one").says(422),
    page("/policies/proposals/new", "security").at(Empty),
    page("/policies/proposals/new", "security"),
    page("/policies/proposals/new", "system").says(403),
    form("/policies/proposals", "security", &[("base", "1"), ("share_2", "0"), ("budget_leak", "0"), ("reason", "短")], 422)
        .from("/policies/proposals/new")
        .at(Empty),
    page("/policies/proposals/{id}", "security").of("{policy.open}"),
    page("/policies/proposals/{id}", "system").of("{policy.open}"),
    page("/policies/proposals/{id}", "auditor").of("{policy.open}"),
    page("/policies/proposals/{id}", "requester").of("{policy.rejected}"),
    page("/policies/proposals/{id}", "security").of("{policy.confirmed}"),
    page("/policies/proposals/{id}", "security").of("{nowhere}").says(404),
    form("/policies/proposals/{id}/confirmations", "system", &[("totp", "12")], 422).of("{policy.open}"),
    form("/policies/proposals/{id}/refusals", "system", &[("reason", "短"), ("totp", "12")], 422).of("{policy.open}"),
    form("/policies/proposals/{id}/withdrawals", "security", &[("totp", "12")], 422).of("{policy.open}"),
    page("/retention", "audit"),
    page("/retention", "auditor"),
    page("/retention", "system").at(Empty),
    page("/retention", "requester").says(403),
    page("/streams", "audit"),
    page("/streams", "audit").at(Empty),
    page("/streams", "system").says(403),
    page("/streams/new", "audit"),
    page("/streams/{id}", "audit").of("{stream.running}"),
    page("/streams/{id}", "audit").of("{stream.stuck}"),
    page("/streams/{id}", "audit").of("{stream.paused}"),
    page("/streams/{id}", "audit").of("{nowhere}").says(404),
    form("/streams", "audit", &[("name", "日志平台"), ("kind", "webhook"), ("destination", "ftp://x"), ("actions", "recall")], 422)
        .from("/streams/new"),
    form("/streams/{id}", "audit", &[("destination", "../etc"), ("totp", "12")], 422).of("{stream.running}"),
    form("/streams/{id}/pauses", "audit", &[("totp", "12")], 404).of("{nowhere}").from("/streams"),
    form("/streams/{id}/resumptions", "audit", &[("totp", "12")], 404).of("{nowhere}").from("/streams"),
    form("/streams/{id}/secrets", "audit", &[("totp", "12")], 404).of("{nowhere}").from("/streams"),
    form("/streams/{id}/tests", "audit", &[("totp", "12")], 404).of("{nowhere}").from("/streams"),
    form("/streams/{id}/cursor", "audit", &[("index", "999999"), ("totp", "12")], 422).of("{stream.running}"),
    form("/streams/{id}/removals", "audit", &[("totp", "12")], 422).of("{stream.paused}"),
    page(VERIFICATION, "auditor"),
    form(VERIFICATION, "auditor", &[], 422),
    form(VERIFICATION, "auditor", &[], 200).with("bundle", "证据.zip", "whole"),
    form(VERIFICATION, "auditor", &[], 200).with("bundle", "证据.zip", "damaged"),
    form(VERIFICATION, "auditor", &[], 200).with("bundle", "证据.zip", "whole").at(Empty),
    form(VERIFICATION, "auditor", &[], 200).with("bundle", "证据.zip", "masked"),
];
