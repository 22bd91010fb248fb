//! Every page of the route list in every state that a person meets it in: with data, empty, with an error. A route that is missing here
//! fails the test that reads the list.

use super::stage::Where::{self, Bare, Empty, Emulator, Full};

/// One page in one state.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// As in the route list.
    pub route: &'static str,
    pub who: &'static str,
    pub place: Where,
    /// What is opened; for a post, the page that its form is on.
    pub path: &'static str,
    /// Where the form goes to, and what it holds.
    pub post: Option<(&'static str, &'static [(&'static str, &'static str)])>,
    /// Field, file name, and which bundle of the company.
    pub file: Option<(&'static str, &'static str, &'static str)>,
    /// The answer.
    pub status: u64,
    /// In this language only, where it can be seen only once.
    pub only: Option<&'static str>,
}

impl Row {
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
}

const fn get(route: &'static str, who: &'static str, path: &'static str) -> Row {
    Row { route, who, place: Full, path, post: None, file: None, status: 200, only: None }
}

/// `from`: the page with the form; `to`: where it goes.
const fn post(
    route: &'static str,
    who: &'static str,
    from: &'static str,
    to: &'static str,
    fields: &'static [(&'static str, &'static str)],
    status: u64,
) -> Row {
    Row { route, who, place: Full, path: from, post: Some((to, fields)), file: None, status, only: None }
}

/// Answers to GET that are no pages.
pub const NO_PAGES: [&str; 6] =
    ["/static/{path:.*}", "/healthz", "/readyz", "/metrics", "/recalls/{id}/captures/{attachment}", "/broadcasts/{id}/attachments/{attachment}"];

/// Posts that nothing can be wrong with but the token and the person.
pub const NEVER_WRONG: [&str; 2] = ["/sessions/current/closures", "/account/preferences"];

const CASE: &str = "/recalls/{id}";

pub const ROWS: &[Row] = &[
    // Coming in.
    get("/sign-in", "nobody", "/sign-in"),
    post("/sessions", "nobody", "/sign-in", "/sessions", &[("account", "nobody"), ("password", "wrong password")], 409),
    get("/sessions/verification", "pending", "/sessions/verification"),
    post("/sessions/verification", "pending", "/sessions/verification", "/sessions/verification", &[("totp", "12")], 422),
    get("/sessions/enrolment", "enrolling", "/sessions/enrolment"),
    post("/sessions/enrolment", "enrolling", "/sessions/enrolment", "/sessions/enrolment", &[("totp", "12")], 422),
    get("/setup/{token}", "nobody", "/setup/{setup}").at(Bare),
    get("/setup/{token}", "nobody", "/setup/stale").at(Bare).says(404),
    post("/setup/{token}", "nobody", "/setup/{setup}", "/setup/{setup}", &[("username", "x y"), ("password", "short")], 422).at(Bare),
    post(
        "/setup/{token}",
        "nobody",
        "/setup/{setup}",
        "/setup/{setup}",
        &[("username", "chengye"), ("display_name", "程野"), ("password", "a sentence will do"), ("password_again", "a sentence will do")],
        201,
    )
    .at(Bare)
    .only("en"),
    get("/invitations/{token}", "nobody", "/invitations/{invitation.{lang}}"),
    post("/invitations/{token}", "nobody", "/invitations/{invitation.{lang}}", "/invitations/{invitation.{lang}}", &[("username", "")], 422),
    get("/demo", "nobody", "/demo"),
    get("/_emulator/inbox", "nobody", "/_emulator/inbox{?lang=en}").at(Emulator),
    get("/_emulator/inbox", "nobody", "/_emulator/inbox?user=nobody{&lang=en}").at(Emulator).says(404),
    // First page, account.
    get("/", "requester", "/"),
    get("/", "reviewer", "/"),
    get("/", "auditor", "/"),
    get("/", "reviewer", "/").at(Empty),
    get("/account", "requester", "/account"),
    get("/account", "auditor", "/account"),
    post("/account/password", "requester", "/account", "/account/password", &[("password", "wrong"), ("new_password", "short")], 422),
    post("/account/tokens", "requester", "/account", "/account/tokens", &[("name", "")], 422),
    post("/account/tokens/{id}/revocations", "requester", "/account", "/account/tokens/{nowhere}/revocations", &[], 404),
    post("/account/sessions/{id}/revocations", "requester", "/account", "/account/sessions/{nowhere}/revocations", &[], 404),
    get("/account/second-factor", "requester", "/account/second-factor"),
    post("/account/second-factor", "requester", "/account/second-factor", "/account/second-factor", &[("totp", ""), ("new_totp", "12")], 422),
    post("/account/preferences", "requester", "/account", "/account/preferences", &[("csrf", "forged")], 403),
    post("/sessions/current/closures", "auditor", "/account", "/sessions/current/closures", &[("csrf", "forged")], 403),
    get("/settings", "system", "/settings"),
    get("/settings", "system", "/settings").at(Empty),
    // People.
    get("/users", "system", "/users"),
    get("/users", "security", "/users").at(Empty),
    get("/users", "security", "/users?q=nobody-of-that-name"),
    post("/users/invitations", "system", "/users", "/users/invitations", &[("roles", "final_approver")], 422),
    post("/users/invitations", "system", "/users", "/users/invitations", &[("roles", "requester")], 201),
    post("/departments", "system", "/users", "/departments", &[("name", "")], 422),
    get("/users/{id}", "system", "/users/{user.requester}"),
    get("/users/{id}", "security", "/users/{user.lawyer}"),
    get("/users/{id}", "system", "/users/{user.system}"),
    get("/users/{id}", "system", "/users/{nowhere}").says(404),
    get("/users/{id}", "audit", "/users/{user.auditor}"),
    post("/users/{id}/audit-access", "audit", "/users/{user.auditor}", "/users/{user.auditor}/audit-access", &[("valid_until", "2020-01-01")], 422),
    post(
        "/users/{id}/audit-access/endings",
        "audit",
        "/users/{user.auditor}",
        "/users/{user.auditor}/audit-access/endings",
        &[("version", "0")],
        409,
    ),
    post(
        "/users/{id}/roles",
        "security",
        "/users/{user.lawyer}",
        "/users/{user.lawyer}/roles",
        &[("roles", "audit_administrator"), ("roles", "final_approver")],
        422,
    ),
    post("/users/{id}/roles", "security", "/users/{user.lawyer}", "/users/{user.lawyer}/roles", &[("roles", "auditor"), ("version", "0")], 409),
    post("/users/{id}/details", "system", "/users/{user.requester}", "/users/{user.requester}/details", &[("display_name", "")], 422),
    post("/users/{id}/suspensions", "system", "/users/{user.requester}", "/users/{user.requester}/suspensions", &[("version", "0")], 409),
    post("/users/{id}/reinstatements", "system", "/users/{user.requester}", "/users/{user.requester}/reinstatements", &[("version", "0")], 409),
    post(
        "/users/{id}/second-factor-resets",
        "system",
        "/users/{user.requester}",
        "/users/{user.requester}/second-factor-resets",
        &[("totp", "")],
        422,
    ),
    post(
        "/users/{id}/second-factor-resets/confirmations",
        "security",
        "/users/{user.lawyer}",
        "/users/{user.lawyer}/second-factor-resets/confirmations",
        &[("totp", "")],
        422,
    ),
    // Broadcasts, reports, connections.
    get("/broadcasts", "requester", "/broadcasts"),
    get("/broadcasts", "requester", "/broadcasts?q=no-such-message"),
    get("/broadcasts", "requester", "/broadcasts").at(Empty),
    get("/broadcasts/new", "requester", "/broadcasts/new"),
    post("/broadcasts", "requester", "/broadcasts/new", "/broadcasts", &[("title", ""), ("text", "各位"), ("step", "check")], 422),
    post(
        "/broadcasts",
        "requester",
        "/broadcasts/new",
        "/broadcasts",
        &[
            ("connection", "{connection}"),
            ("audience", "all"),
            ("title", "元旦放假安排"),
            ("text", "各位同事：放假三天。\n值班表见附件。"),
            ("step", "check"),
        ],
        200,
    ),
    post("/broadcasts", "auditor", "/broadcasts", "/broadcasts", &[("step", "send")], 403),
    get("/broadcasts/{id}", "requester", "/broadcasts/{broadcast.sent}"),
    get("/broadcasts/{id}", "requester", "/broadcasts/{broadcast.long}"),
    get("/broadcasts/{id}", "lawyer", "/broadcasts/{broadcast.reported}"),
    get("/broadcasts/{id}", "auditor", "/broadcasts/{case.done.broadcast}"),
    get("/broadcasts/{id}", "requester", "/broadcasts/{nowhere}").says(404),
    get("/reports/new", "requester", "/reports/new"),
    post("/reports", "requester", "/reports/new", "/reports", &[("channel", ""), ("sent_at", "2030-01-01T10:00"), ("audience", "全体代理商")], 422),
    get("/connections", "system", "/connections"),
    get("/connections", "system", "/connections").at(Empty),
    get("/connections/new", "system", "/connections/new"),
    get("/connections/{id}", "system", "/connections/{connection}"),
    post("/connections", "system", "/connections/new", "/connections", &[("name", "新连接"), ("base_url", "ftp://x")], 422),
    post("/connections/{id}", "system", "/connections/{connection}", "/connections/{connection}", &[("name", "")], 422),
    post("/connections/{id}/tests", "system", "/connections/{connection}", "/connections/{nowhere}/tests", &[], 404),
    // Cases.
    get("/approvals", "reviewer", "/approvals"),
    get("/approvals", "operator", "/approvals"),
    get("/approvals", "reviewer", "/approvals").at(Empty),
    get("/recalls", "requester", "/recalls"),
    get("/recalls", "auditor", "/recalls?state=expired"),
    get("/recalls", "requester", "/recalls").at(Empty),
    get("/recalls/new", "requester", "/recalls/new?broadcast={broadcast.sent}"),
    get("/recalls/new", "requester", "/recalls/new?broadcast={case.final.broadcast}"),
    get("/recalls/new", "requester", "/recalls/new?broadcast={nowhere}").says(404),
    post(
        "/recalls",
        "requester",
        "/recalls/new?broadcast={broadcast.sent}",
        "/recalls",
        &[("category", "leak"), ("reason", "原定仅发送薪酬委员会六人，因收件范围误选全体员工发出。"), ("step", "check")],
        200,
    ),
    post("/recalls", "requester", "/recalls/new?broadcast={broadcast.sent}", "/recalls", &[("reason", "短"), ("step", "check")], 422),
    post(
        "/recalls",
        "requester",
        "/recalls/new?broadcast={broadcast.sent}",
        "/recalls",
        &[("broadcast", "{case.final.broadcast}"), ("category", "leak"), ("reason", "收件范围误选为全体员工"), ("step", "submit")],
        409,
    ),
    get(CASE, "reviewer", "/recalls/{case.reviewing}"),
    get(CASE, "requester", "/recalls/{case.reviewing}"),
    get(CASE, "auditor", "/recalls/{case.reviewing}"),
    get(CASE, "executive", "/recalls/{case.final}"),
    get(CASE, "requester", "/recalls/{case.returned}"),
    get(CASE, "reviewer", "/recalls/{case.again}"),
    get(CASE, "counsel", "/recalls/{case.done}"),
    get(CASE, "requester", "/recalls/{case.rejected}"),
    get(CASE, "requester", "/recalls/{case.withdrawn}"),
    get(CASE, "operator", "/recalls/{case.operate}"),
    get(CASE, "operator", "/recalls/{case.acted}"),
    get(CASE, "second", "/recalls/{case.acted}"),
    get(CASE, "requester", "/recalls/{nowhere}").says(404),
    post("/recalls/{id}/decisions", "executive", "/recalls/{case.final}", "/recalls/{case.final}/decisions", &[("totp", "12")], 422),
    post(
        "/recalls/{id}/decisions",
        "reviewer",
        "/recalls/{case.reviewing}",
        "/recalls/{case.reviewing}/decisions",
        &[("decision", "approve"), ("comment", "情况属实，同意撤回。"), ("totp", "123"), ("version", "0")],
        409,
    ),
    post(
        "/recalls/{id}/decisions",
        "lawyer",
        "/recalls/{case.final}",
        "/recalls/{case.final}/decisions",
        &[("decision", "approve"), ("comment", "情况属实，同意撤回。"), ("totp", "123456")],
        409,
    ),
    post("/recalls/{id}/withdrawal", "requester", "/recalls/{case.done}", "/recalls/{case.done}/withdrawal", &[("reason", "不再需要")], 409),
    post("/recalls/{id}/resubmissions", "requester", "/recalls/{case.returned}", "/recalls/{case.returned}/resubmissions", &[("reason", "短")], 422),
    post("/recalls/{id}/captures", "operator", "/recalls/{case.operate}", "/recalls/{case.operate}/captures", &[("note", "")], 422),
    post("/recalls/{id}/confirmations", "second", "/recalls/{case.acted}", "/recalls/{case.acted}/confirmations", &[], 422),
    post("/recalls/{id}/halts", "security", "/recalls/{case.operate}", "/recalls/{case.operate}/halts", &[("reason", "")], 422),
    get("/recalls/{id}/receipts/{event}", "reviewer", "/recalls/{receipt.case}/receipts/{receipt}"),
    // Trail and evidence.
    get("/audit", "auditor", "/audit"),
    get("/audit", "audit", "/audit?action=recall.decided&outcome=success"),
    get("/audit", "auditor", "/audit?actor=nobody-of-that-name"),
    get("/audit", "auditor", "/audit?address=10.0.0.0%2F99").says(422),
    get("/audit", "requester", "/audit").says(403),
    get("/audit", "auditor", "/audit").at(Empty),
    post("/audit/exports", "auditor", "/audit?action=recall.decided", "/audit/exports", &[("action", "recall.decided"), ("totp", "12")], 422),
    post("/audit/exports", "audit", "/audit", "/audit/exports", &[("address", "10.0.0.0/99"), ("totp", "")], 422),
    get("/audit/{index}", "auditor", "/audit/1"),
    get("/audit/{index}", "auditor", "/audit/20"),
    get("/audit/{index}", "auditor", "/audit/999999").says(404),
    get("/recalls/{id}/evidence", "counsel", "/recalls/{case.done}/evidence"),
    get("/recalls/{id}/evidence", "counsel", "/recalls/{case.reviewing}/evidence"),
    get("/evidence", "counsel", "/evidence"),
    get("/evidence", "auditor", "/evidence").at(Empty),
    post("/evidence/exports", "counsel", "/evidence", "/evidence/exports", &[("case", "FR-0"), ("purpose", "")], 422),
    get("/evidence/{number}", "counsel", "/evidence/{bundle}"),
    get("/evidence/{number}", "auditor", "/evidence/{bundle}"),
    post("/evidence/{number}/downloads", "counsel", "/evidence/{bundle}", "/evidence/{bundle}/downloads", &[("totp", "12")], 422),
    get("/evidence/verification", "auditor", "/evidence/verification"),
    post("/evidence/verification", "auditor", "/evidence/verification", "/evidence/verification", &[], 422),
    post("/evidence/verification", "auditor", "/evidence/verification", "/evidence/verification", &[], 200).with("bundle", "证据.zip", "whole"),
    post("/evidence/verification", "auditor", "/evidence/verification", "/evidence/verification", &[], 200).with("bundle", "证据.zip", "damaged"),
    post("/evidence/verification", "auditor", "/evidence/verification", "/evidence/verification", &[], 200)
        .with("bundle", "证据.zip", "whole")
        .at(Empty),
    post("/evidence/verification", "auditor", "/evidence/verification", "/evidence/verification", &[], 200).with("bundle", "证据.zip", "masked"),
];
