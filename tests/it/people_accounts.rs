//! How people come to have accounts, who may change what about them, and what the auditor can never do.

use std::{collections::BTreeSet, process::Command};

use countermand::{
    app::{Caller, setup, users},
    crypto::totp,
    domain::role::Role,
};
use serde_json::{Value, json};

use crate::support::app::{Browser, Person, TestApp};

fn only(events: &[Value]) -> (&str, &str) {
    assert_eq!(events.len(), 1, "one post, one event: {events:#?}");
    (events[0]["action"].as_str().unwrap(), events[0]["outcome"].as_str().unwrap())
}

fn account(username: &str) -> [(&'static str, String); 4] {
    [
        ("username", username.to_owned()),
        ("display_name", "某人".to_owned()),
        ("password", "a sentence will do".to_owned()),
        ("password_again", "a sentence will do".to_owned()),
    ]
}

fn pairs<'a>(fields: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    fields.iter().map(|(n, v)| (*n, v.as_str())).collect()
}

/// Links of one kind on a page, as paths.
fn links(body: &str, kind: &str) -> Vec<String> {
    body.split(&format!("/{kind}/")).skip(1).map(|rest| format!("/{kind}/{}", rest.split(['<', '"']).next().unwrap())).collect()
}

#[actix_web::test]
async fn one_link_makes_three_administrations_in_three_people() {
    let t = TestApp::start().await;
    let stale = setup::first_start(&t.app).await.unwrap().unwrap().path;
    let link = setup::first_start(&t.app).await.unwrap().unwrap().path;
    let browser = t.browser();
    assert_eq!(browser.get(&stale).await.status, 404, "a second start makes the first link worthless");
    assert!(browser.get(&link).await.body.contains("系统管理员"));

    let mut bad = account("sys");
    bad[3].1 = "another sentence".into();
    let (res, events) = t.events_of(browser.submit(&link, &link, &pairs(&bad))).await;
    assert_eq!(res.status, 422);
    assert!(!res.body.contains("a sentence will do"));
    assert_eq!(only(&events), ("installation.set_up", "refused"));

    let (res, events) = t.events_of(browser.submit(&link, &link, &pairs(&account("sys")))).await;
    assert_eq!(res.status, 201);
    assert_eq!(only(&events), ("installation.set_up", "success"));
    let text = serde_json::to_string(&events).unwrap();
    assert!(!text.contains("a sentence will do") && !text.contains(&link));
    let invitations = links(&res.body, "invitations");
    assert_eq!(invitations.len(), 2);
    assert!(invitations.iter().all(|l| !text.contains(l.as_str())));

    assert_eq!(browser.get(&link).await.status, 404, "the link is used up");
    assert!(setup::first_start(&t.app).await.unwrap().is_none(), "no second set-up");
    for (n, path) in invitations.iter().enumerate() {
        let browser = t.browser();
        let taken = browser.submit(path, path, &pairs(&account("sys"))).await;
        assert_eq!(taken.status, 422, "the name is taken");
        let (res, events) = t.events_of(browser.submit(path, path, &pairs(&account(&format!("admin{n}"))))).await;
        assert_eq!(res.status, 201);
        assert_eq!(only(&events), ("invitation.accepted", "success"));
        assert_eq!(browser.get(path).await.status, 404, "an invitation works once");
    }
    let people = users::list(&t.app, &Caller::shell()).await.unwrap();
    let roles: BTreeSet<Vec<&str>> = people.iter().map(|p| p.roles.iter().map(|r| r.as_str()).collect()).collect();
    assert_eq!(roles, BTreeSet::from([vec!["system_administrator"], vec!["security_administrator"], vec!["audit_administrator"]]));
}

#[actix_web::test]
async fn an_invitation_ends_after_three_days_and_a_made_up_one_is_nothing() {
    let t = TestApp::start().await;
    let (_, admin) = t.signed_in("sys", &[Role::SystemAdministrator]).await;
    let (res, events) = t.events_of(admin.submit("/users", "/users/invitations", &[("roles", "requester")])).await;
    assert_eq!(res.status, 201);
    assert_eq!(only(&events), ("invitation.created", "success"));
    let link = links(&res.body, "invitations").remove(0);
    let browser = t.browser();
    let csrf = browser.get(&link).await.hidden("csrf").unwrap();
    t.advance(std::time::Duration::from_secs(72 * 3600));
    assert_eq!(browser.get(&link).await.status, 404);
    for path in [link.as_str(), "/invitations/made-up", "/setup/made-up"] {
        let mut fields = pairs(&account("late")).into_iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect::<Vec<_>>();
        fields.push(("csrf".into(), csrf.clone()));
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let (res, events) = t.events_of(browser.post(path, &fields)).await;
        assert_eq!(res.status, 404, "{path}");
        assert_eq!(only(&events).1, "refused");
    }
}

#[actix_web::test]
async fn the_system_administrator_cannot_give_power_and_the_security_administrator_only_roles() {
    let t = TestApp::start().await;
    let (sys, system) = t.signed_in("sys", &[Role::SystemAdministrator]).await;
    let (sec, security) = t.signed_in("sec", &[Role::SecurityAdministrator]).await;
    let wang = t.person("wang", &[Role::Requester]).await;
    let page = format!("/users/{}", wang.id);

    for role in ["security_administrator", "final_approver", "no_such_role"] {
        let (res, events) = t.events_of(system.submit("/users", "/users/invitations", &[("roles", role)])).await;
        assert_eq!(res.status, 422, "{role}");
        assert_eq!(only(&events), ("invitation.created", "refused"));
    }
    let roles = format!("{page}/roles");
    let (res, events) = t.events_of(system.submit(&page, &roles, &[("roles", "final_approver")])).await;
    assert_eq!(res.status, 403);
    assert_eq!(only(&events), ("user.changed", "refused"));

    let (res, events) = t.events_of(security.submit(&page, &roles, &[("roles", "requester"), ("roles", "department_reviewer")])).await;
    assert_eq!(res.status, 303, "{}", res.body);
    assert_eq!(only(&events), ("user.changed", "success"));
    assert_eq!(events[0]["parts"]["detail"]["before"]["roles"], json!(["requester"]));
    assert_eq!(events[0]["parts"]["detail"]["after"]["roles"], json!(["requester", "department_reviewer"]));

    for both in [
        ["system_administrator", "security_administrator"],
        ["security_administrator", "audit_administrator"],
        ["audit_administrator", "final_approver"],
        ["auditor", "requester"],
    ] {
        let (res, events) = t.events_of(security.submit(&page, &roles, &[("roles", both[0]), ("roles", both[1])])).await;
        assert_eq!(res.status, 422, "{both:?}");
        assert_eq!(only(&events), ("user.changed", "refused"));
    }
    let (res, events) = t.events_of(security.submit(&page, &roles, &[("roles", "emperor")])).await;
    assert_eq!(res.status, 422);
    assert_eq!(only(&events), ("user.changed", "refused"));
    let (res, events) = t.events_of(security.submit(&page, &roles, &[("roles", "auditor"), ("version", "1")])).await;
    assert_eq!(res.status, 409, "somebody else was faster");
    assert_eq!(only(&events), ("user.changed", "refused"));

    for (who, browser, path, fields) in [
        ("own roles", &security, format!("/users/{}/roles", sec.id), vec![("roles", "counsel"), ("version", "1")]),
        ("the last system administrator", &security, format!("/users/{}/roles", sys.id), vec![("roles", "counsel"), ("version", "1")]),
        ("own suspension", &system, format!("/users/{}/suspensions", sys.id), vec![("version", "1")]),
        ("the last security administrator", &system, format!("/users/{}/suspensions", sec.id), vec![("version", "1")]),
    ] {
        let (res, events) = t.events_of(browser.submit("/users", &path, &fields)).await;
        assert_eq!(res.status, 409, "{who}");
        assert_eq!(only(&events).1, "refused", "{who}");
    }
    assert_eq!(security.submit("/users", "/users/invitations", &[]).await.status, 403);
    let (_, requester) = t.signed_in("li", &[Role::Requester]).await;
    assert_eq!(requester.get("/users").await.status, 403);
}

#[actix_web::test]
async fn a_suspended_person_is_out_at_once_with_every_token() {
    let t = TestApp::start().await;
    let (_, system) = t.signed_in("sys", &[Role::SystemAdministrator]).await;
    let (wang, browser) = t.signed_in("wang", &[Role::Requester]).await;
    let page = format!("/users/{}", wang.id);
    let (res, events) = t.events_of(system.submit(&page, &format!("{page}/suspensions"), &[])).await;
    assert_eq!(res.status, 303);
    assert_eq!(only(&events), ("user.suspended", "success"));
    assert_eq!(browser.get("/account").await.status, 303);
    let again = t.browser().submit("/sign-in", "/sessions", &[("account", "wang"), ("password", &wang.password)]).await;
    assert_eq!(again.status, 409);
    assert_eq!(system.submit(&page, &format!("{page}/reinstatements"), &[]).await.status, 303);
    t.sign_in(&wang).await;
}

#[actix_web::test]
async fn hostile_names_are_shown_as_text_or_refused() {
    let t = TestApp::start().await;
    let (_, system) = t.signed_in("sys", &[Role::SystemAdministrator]).await;
    for (name, status) in
        [("<script>alert(1)</script>", 303), ("=HYPERLINK(\"x\")", 303), ("𠮷野家", 303), ("a\u{202e}b", 422), ("", 422), ("a\0b", 422)]
    {
        let (res, events) = t.events_of(system.submit("/departments", "/departments", &[("name", name)])).await;
        assert_eq!(res.status.as_u16(), status, "{name:?}");
        assert_eq!(only(&events).0, "department.created");
    }
    let long = "长".repeat(61);
    assert_eq!(system.submit("/departments", "/departments", &[("name", &long)]).await.status, 422);
    let (res, events) = t.events_of(system.submit("/departments", "/departments", &[("name", &"x".repeat(300_000))])).await;
    assert_eq!(res.status, 413);
    assert_eq!(only(&events), ("permission.checked", "refused"));
    let page = system.get("/departments").await;
    assert!(page.body.contains("&#60;script&#62;") || page.body.contains("&lt;script&gt;"));
    assert!(!page.body.contains("<script>alert"));
}

/// Every POST of the console, as the list of routes has them.
fn posts() -> Vec<String> {
    let source = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/web/routes.rs")).unwrap();
    let text: String = source.split_whitespace().collect();
    text.split("resource(\"")
        .skip(1)
        .filter(|r| r.split("resource(\"").next().unwrap().split(';').next().unwrap().contains(".post("))
        .map(|r| r.split('"').next().unwrap().to_owned())
        .collect()
}

#[actix_web::test]
async fn the_auditor_changes_nothing_through_any_route() {
    let t = TestApp::start().await;
    let (_, auditor) = t.signed_in("auditor", &[Role::Auditor]).await;
    let page = auditor.get("/account").await;
    assert!(page.body.contains("只读审计账号"), "the strip is on every page");
    let csrf = page.hidden("csrf").unwrap();
    let all = posts();
    assert!(all.len() > 15, "{all:?}");
    let own = [
        "/sessions",
        "/setup",
        "/invitations",
        "/account/password",
        "/account/second-factor",
        "/account/preferences",
        "/account/sessions",
        "/account/passkeys",
        "/account/recovery-codes",
    ];
    let audited = [
        "/evidence/exports",
        "/evidence/x/downloads",
        "/evidence/verification",
        "/audit/exports",
        "/audit/searches",
        "/recalls/exports",
        "/broadcasts/exports",
        "/broadcasts/x/unmaskings",
        "/views",
        "/audits",
        "/questions",
    ];
    let mut refused = 0;
    for route in all.iter().filter(|r| !r.starts_with("/api/")) {
        let path = route.replace("{id}", "x").replace("{token}", "x").replace("{number}", "x");
        if own.iter().chain(&audited).any(|o| path == *o || path.starts_with(&format!("{o}/"))) {
            continue;
        }
        let (res, events) = t.events_of(auditor.post(&path, &[("csrf", &csrf)])).await;
        assert_eq!(res.status, 403, "{path}");
        assert_eq!(only(&events), ("permission.checked", "refused"), "{path}");
        assert_eq!(events[0]["parts"]["detail"]["reason"], "read_only", "{path}");
        refused += 1;
    }
    assert!(refused >= 8, "{refused}");
    assert_eq!(auditor.submit("/account", "/account/preferences", &[("theme", "dark")]).await.status, 303);
}

#[actix_web::test]
async fn a_stranger_posts_nothing_and_a_flood_does_not_fill_the_log() {
    let t = TestApp::start().await;
    let stranger = t.browser();
    for route in posts().iter().filter(|r| r.starts_with("/account") || r.starts_with("/users")) {
        let (res, events) = t.events_of(stranger.post(&route.replace("{id}", "x"), &[])).await;
        assert_eq!(res.status, 303, "{route}");
        assert!(res.location.starts_with("/sign-in"));
        assert_eq!(only(&events), ("permission.checked", "refused"), "{route}");
        assert_eq!(events[0]["actor"]["id"], "anonymous");
    }
    let before = t.log_size().await;
    let mut limited = 0;
    for _ in 0..150 {
        limited += usize::from(stranger.post("/account/password", &[]).await.status == 429);
    }
    assert!(limited >= 30, "{limited}");
    assert!(t.log_size().await - before <= 120);
}

#[actix_web::test]
async fn a_password_is_changed_with_the_present_one_and_ends_other_sessions() {
    let t = TestApp::start().await;
    let (wang, here) = t.signed_in("wang", &[Role::Requester]).await;
    let there = t.sign_in(&wang).await;
    let new = [("new_password", "another long sentence"), ("new_password_again", "another long sentence")];
    let (res, events) = t.events_of(here.submit("/account", "/account/password", &[("password", "wrong"), new[0], new[1]])).await;
    assert_eq!(res.status, 422);
    assert_eq!(only(&events), ("password.changed", "refused"));
    let (res, events) = t.events_of(here.submit("/account", "/account/password", &[("password", &wang.password), new[0], new[1]])).await;
    assert_eq!(res.status, 303);
    assert_eq!(only(&events), ("password.changed", "success"));
    assert!(!serde_json::to_string(&events).unwrap().contains("another long sentence"));
    assert_eq!(here.get("/account").await.status, 200);
    assert_eq!(there.get("/account").await.status, 303);
    t.sign_in(&Person { password: "another long sentence".into(), ..wang }).await;
}

#[actix_web::test]
async fn the_second_factor_is_replaced_with_a_code_of_each() {
    let t = TestApp::start().await;
    let (wang, browser) = t.signed_in("wang", &[Role::Requester]).await;
    let page = browser.get("/account/second-factor").await;
    let key = page.body.split("mono wrapcode\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let secret = totp::from_base32(&key).unwrap();
    let (csrf, sealed) = (page.hidden("csrf").unwrap(), page.hidden("sealed").unwrap());
    let old = t.code(&wang);
    let new = totp::code(&secret, t.now());
    for (a, b) in [("000000", new.as_str()), (old.as_str(), "000000"), ("", "")] {
        let (res, events) =
            t.events_of(browser.post("/account/second-factor", &[("csrf", &csrf), ("sealed", &sealed), ("totp", a), ("new_totp", b)])).await;
        assert_eq!(res.status, 422);
        assert_eq!(only(&events), ("second_factor.enrolled", "refused"));
    }
    let (res, events) =
        t.events_of(browser.post("/account/second-factor", &[("csrf", &csrf), ("sealed", &sealed), ("totp", &old), ("new_totp", &new)])).await;
    assert_eq!(res.status, 303, "a slip with the new one did not spend the present code");
    assert_eq!(only(&events), ("second_factor.enrolled", "success"));
    t.sign_in(&Person { secret, ..wang }).await;
}

#[actix_web::test]
async fn a_personal_token_needs_a_fresh_code_and_no_power_that_the_person_lacks() {
    let t = TestApp::start().await;
    let (wang, browser) = t.signed_in("wang", &[Role::Requester]).await;
    let used = totp::code(&wang.secret, t.now());
    for (fields, status) in [
        (vec![("name", "script"), ("scopes", "recall.read"), ("totp", used.as_str())], 422),
        (vec![("name", "script"), ("scopes", "recall.read"), ("totp", "000000")], 422),
        (vec![("name", "script"), ("totp", "000000")], 422),
        (vec![("name", "script"), ("scopes", "everything"), ("totp", "000000")], 422),
    ] {
        let (res, events) = t.events_of(browser.submit("/account", "/account/tokens", &fields)).await;
        assert_eq!(res.status.as_u16(), status);
        assert_eq!(only(&events), ("token.created", "refused"));
    }
    let code = t.code(&wang);
    let (res, events) =
        t.events_of(browser.submit("/account", "/account/tokens", &[("name", "script"), ("scopes", "recall.decide"), ("totp", &code)])).await;
    assert_eq!(res.status, 201);
    assert_eq!(only(&events), ("token.created", "success"));
    let secret = format!("cmt_{}", res.body.split("cmt_").nth(1).unwrap().split('<').next().unwrap());
    assert!(!serde_json::to_string(&events).unwrap().contains(&secret));
    let caller = countermand::app::tokens::resolve(&t.app, &secret, countermand::app::Client::default()).await.unwrap().unwrap();
    assert_eq!(caller.user_id.as_deref(), Some(wang.id.as_str()));
    assert!(!caller.may(countermand::domain::role::Permission::RecallDecide), "a scope adds no right");
    assert!(!caller.may(countermand::domain::role::Permission::RecallRead), "and a right needs its scope");

    let id = events[0]["subject"]["id"].as_str().unwrap().to_owned();
    let (_, stranger) = t.signed_in("li", &[Role::Requester]).await;
    assert_eq!(stranger.submit("/account", &format!("/account/tokens/{id}/revocations"), &[]).await.status, 404);
    assert_eq!(browser.submit("/account", &format!("/account/tokens/{id}/revocations"), &[]).await.status, 303);
    assert!(countermand::app::tokens::resolve(&t.app, &secret, countermand::app::Client::default()).await.unwrap().is_err());
}

#[actix_web::test]
async fn guessing_codes_in_a_running_session_locks_the_step_up_not_the_account() {
    let t = TestApp::start().await;
    let (wang, browser) = t.signed_in("wang", &[Role::Requester]).await;
    for _ in 0..5 {
        let res = browser.submit("/account", "/account/tokens", &[("name", "x"), ("scopes", "recall.read"), ("totp", "000000")]).await;
        assert_eq!(res.status, 422);
    }
    let code = totp::code(&wang.secret, {
        t.advance(std::time::Duration::from_secs(5));
        t.now()
    });
    let res = browser.submit("/account", "/account/tokens", &[("name", "x"), ("scopes", "recall.read"), ("totp", &code)]).await;
    assert_eq!(res.status, 409, "locked for half a minute");
    let fresh: Browser = t.sign_in(&wang).await;
    let code = t.code(&wang);
    let res = fresh.submit("/account", "/account/tokens", &[("name", "x"), ("scopes", "recall.read"), ("totp", &code)]).await;
    assert_eq!(res.status, 201, "{}", res.body);
}

fn shell(t: &TestApp, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countermand"));
    command.args(args).arg("--data").arg(t.db.path()).env_remove("DATABASE_URL");
    if let Some(url) = t.db.url() {
        command.env("DATABASE_URL", url);
    }
    let out = command.output().unwrap();
    (out.status.code().unwrap(), String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr).unwrap())
}

#[actix_web::test]
async fn accounts_and_tokens_are_made_from_the_shell_while_the_server_runs() {
    let t = TestApp::start().await;
    let (password, secret) = (t.db.path().join("pw"), t.db.path().join("totp"));
    std::fs::write(&password, "from the shell we come\n").unwrap();
    let key = totp::fresh_secret();
    std::fs::write(&secret, totp::base32(&key)).unwrap();
    let (pw, ts) = (password.to_str().unwrap(), secret.to_str().unwrap());
    let add = ["user", "add", "--username", "zhou", "--display-name", "周明", "--role", "legal_reviewer", "--department", "法务部"];

    let ((code, out, err), events) =
        t.events_of(async { shell(&t, &[add.as_slice(), &["--password-file", pw, "--totp-secret-file", ts, "--json"]].concat()) }).await;
    assert_eq!(code, 0, "{err}");
    let object: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((object["username"].as_str(), object["department"].as_str()), (Some("zhou"), Some("法务部")));
    assert_eq!(only(&events), ("user.created", "success"));
    assert_eq!(object["receipt"]["event"], events[0]["id"]);
    assert!(!serde_json::to_string(&events).unwrap().contains("from the shell"));
    let zhou =
        Person { id: object["id"].as_str().unwrap().into(), username: "zhou".into(), password: "from the shell we come".into(), secret: key.clone() };
    let browser = t.sign_in(&zhou).await;

    let ((code, _, err), events) = t.events_of(async { shell(&t, &add) }).await;
    assert_eq!(code, 1, "the name is taken: {err}");
    assert_eq!(only(&events), ("user.created", "refused"));
    let two = ["user", "add", "--username", "both", "--display-name", "x", "--role", "system_administrator", "--role", "audit_administrator"];
    assert_eq!(shell(&t, &two).0, 1, "two administrations in one person");
    assert_eq!(shell(&t, &["user", "add", "--username", "x", "--display-name", "x", "--role", "emperor"]).0, 2, "wrong use");
    assert_eq!(shell(&t, &["user", "add", "--username", "xx", "--display-name", "x", "--role", "auditor", "--password-file", "/nowhere"]).0, 2);
    let (code, out, _) = shell(&t, &["user", "add", "--username", "made.up", "--display-name", "x", "--role", "auditor", "--json"]);
    assert_eq!(code, 0);
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap()["password"].as_str().map(str::len), Some(24), "no default password");

    let (code, out, _) = shell(&t, &["user", "list", "--json"]);
    assert_eq!(code, 0);
    assert!(out.contains("zhou") && !out.contains("argon2"));
    assert_eq!(shell(&t, &["user", "suspend", "--username", "zhou"]).0, 0);
    assert_eq!(browser.get("/account").await.status, 303, "out at once");
    assert_eq!(shell(&t, &["user", "suspend", "--username", "nobody.here"]).0, 1);

    let (code, out, _) = shell(&t, &["token", "add", "--name", "gateway", "--scope", "broadcast.send", "--json"]);
    assert_eq!(code, 0);
    let token: Value = serde_json::from_str(&out).unwrap();
    let caller =
        countermand::app::tokens::resolve(&t.app, token["token"].as_str().unwrap(), countermand::app::Client::default()).await.unwrap().unwrap();
    assert!(caller.user_id.is_none() && caller.may(countermand::domain::role::Permission::BroadcastSend));
    assert_eq!(shell(&t, &["token", "add", "--name", "x", "--scope", "recall.decide"]).0, 1, "a service token never decides");
    assert_eq!(shell(&t, &["token", "add", "--name", "x", "--scope", "recall.read", "--user", "nobody.here"]).0, 1);
}

#[actix_web::test]
async fn a_lost_second_factor_is_reset_by_two_people() {
    let t = TestApp::start().await;
    let (sys, system) = t.signed_in("sys", &[Role::SystemAdministrator]).await;
    let (sec, security) = t.signed_in("sec", &[Role::SecurityAdministrator]).await;
    let (wang, browser) = t.signed_in("wang", &[Role::Requester]).await;
    let page = format!("/users/{}", wang.id);
    let (propose, confirm) = (format!("{page}/second-factor-resets"), format!("{page}/second-factor-resets/confirmations"));

    let code = t.code(&sec);
    for (who, by, path, code, status) in [
        ("not proposed yet", &security, &confirm, code.as_str(), 409),
        ("not theirs to propose", &security, &propose, code.as_str(), 403),
        ("not theirs to confirm", &system, &confirm, "000000", 403),
        ("without a code", &system, &propose, "000000", 422),
        ("not their own business", &browser, &propose, "000000", 403),
    ] {
        let csrf = by.get("/account").await.hidden("csrf").unwrap();
        let (res, events) = t.events_of(by.post(path, &[("csrf", &csrf), ("totp", code)])).await;
        assert_eq!(res.status.as_u16(), status, "{who}");
        assert_eq!(only(&events), ("second_factor.reset", "refused"), "{who}");
    }
    let code = t.code(&sys);
    let (res, events) = t.events_of(system.submit(&page, &propose, &[("totp", &code)])).await;
    assert_eq!(res.status, 303, "{}", res.body);
    assert_eq!(only(&events), ("second_factor.reset", "success"));
    assert_eq!(browser.get("/account").await.status, 200, "nothing has happened yet");
    t.sign_in(&wang).await;

    let code = t.code(&sec);
    let (res, events) = t.events_of(security.submit(&page, &confirm, &[("totp", &code)])).await;
    assert_eq!(res.status, 303, "{}", res.body);
    assert_eq!(only(&events), ("second_factor.reset", "success"));
    assert_eq!(events[0]["parts"]["detail"]["proposed_by"], json!(sys.id));
    assert_eq!(browser.get("/account").await.status, 303, "their sessions end");
    let again = t.browser().submit("/sign-in", "/sessions", &[("account", "wang"), ("password", &wang.password)]).await;
    assert_eq!(again.location, "/sessions/enrolment");

    let own = format!("/users/{}/second-factor-resets", sys.id);
    let csrf = system.get("/account").await.hidden("csrf").unwrap();
    assert_eq!(system.post(&own, &[("csrf", &csrf), ("totp", "000000")]).await.status, 409, "not one's own");
}

#[actix_web::test]
async fn an_auditors_last_day_is_a_day_of_the_company() {
    for (zone, last, first) in [
        ("Asia/Shanghai", "2027-03-31T15:59:59Z", "2027-03-31T16:00:00Z"),
        ("America/Los_Angeles", "2027-04-01T06:59:59Z", "2027-04-01T07:00:00Z"),
        // The clocks go forward in the night before.
        ("Europe/Berlin", "2027-03-31T21:59:59Z", "2027-03-31T22:00:00Z"),
    ] {
        let t = TestApp::start_with(|config| config.time_zone = zone.into()).await;
        let at = |text: &str| countermand::clock::Instant::parse(text).unwrap();
        t.advance(at("2027-03-30T12:00:00Z").since(t.now()));
        let (_, keeper) = t.signed_in("keeper", &[Role::AuditAdministrator]).await;
        let auditor = t.person("outside", &[Role::Auditor]).await;
        let page = format!("/users/{}", auditor.id);
        let given = keeper.submit(&page, &format!("{page}/audit-access"), &[("valid_until", "2027-03-31")]).await;
        assert_eq!(given.status, 303, "{}", given.body);
        let shown = keeper.get(&page).await;
        assert!(shown.body.contains("value=\"2027-03-31\"") && shown.body.contains("至次日零点失效（UTC"), "{zone}: {}", shown.body);
        t.advance(at(last).since(t.now()) - std::time::Duration::from_secs(30));
        let browser = t.sign_in(&auditor).await;
        let home = browser.get("/audit").await;
        assert!(home.status == 200 && home.body.contains("2027-03-31"), "{zone}: {}", home.body);
        t.advance(at(first).since(t.now()));
        assert_eq!(browser.get("/audit").await.status, 303, "{zone}: the day is over");
        let late = t.browser().submit("/sign-in", "/sessions", &[("account", &auditor.username), ("password", &auditor.password)]).await;
        assert_eq!(late.status, 409, "{zone}");
    }
}

/// The language and the theme that somebody last chose stay, wherever they were chosen.
#[actix_web::test]
async fn a_choice_of_language_and_theme_sticks() {
    let t = TestApp::start().await;
    let (_, li) = t.signed_in("li", &[Role::Requester]).await;
    assert_eq!(li.submit("/account", "/account/preferences", &[("lang", "zh-CN"), ("theme", "dark")]).await.status, 303);
    let english = li.get("/recalls?lang=en").await.body;
    assert!(english.contains("<html lang=\"en\""), "{english}");
    for page in ["/recalls", "/broadcasts", "/nowhere"] {
        let body = li.get(page).await.body;
        assert!(body.contains("<html lang=\"en\"") && body.contains("data-theme=\"dark\""), "{page} is what was last chosen: {body}");
    }
    assert_eq!(li.submit("/account", "/account/preferences", &[("lang", "zh-CN"), ("theme", "light")]).await.status, 303);
    let body = li.get("/recalls").await.body;
    assert!(body.contains("<html lang=\"zh-CN\"") && body.contains("data-theme=\"light\""), "{body}");
    assert_eq!(li.submit("/account", "/sessions/current/closures", &[]).await.status, 303);
    let body = li.get("/sign-in").await.body;
    assert!(body.contains("<html lang=\"zh-CN\"") && body.contains("data-theme=\"light\""), "before sign-in too: {body}");
}
