//! Signing in: who gets in, who does not, and what is left behind of each.

use std::time::Duration;

use countermand::{crypto::totp, domain::role::Role};
use serde_json::Value;

use crate::support::app::{Answer, Browser, Person, TestApp};

const DEVICE: &str = r#"{"platform":"Linux","platform_version":"6","mobile":false,"languages":["zh-CN","en"],"timezone":"Asia/Shanghai","screen":"900x1440","colour_depth":24,"touch_points":0,"pdf_viewer":true}"#;

async fn password(browser: &Browser, username: &str, password: &str) -> Answer {
    browser.submit("/sign-in", "/sessions", &[("account", username), ("password", password), ("device", DEVICE)]).await
}

/// The one event of a post, as action and outcome.
fn only(events: &[Value]) -> (&str, &str) {
    assert_eq!(events.len(), 1, "one post, one event: {events:#?}");
    (events[0]["action"].as_str().unwrap(), events[0]["outcome"].as_str().unwrap())
}

fn holds_no_secret(events: &[Value], secrets: &[&str]) {
    let text = serde_json::to_string(events).unwrap();
    for secret in secrets {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[actix_web::test]
async fn a_person_signs_in_with_password_and_code_and_out_again() {
    let t = TestApp::start().await;
    let person = t.person("chen.siyuan", &[Role::FinalApprover]).await;
    let browser = t.browser();

    let asked = browser.get("/account").await;
    assert_eq!((asked.status.as_u16(), asked.location.as_str()), (303, "/sign-in?next=%2Faccount"));
    let page = browser.get("/sign-in?next=/account").await;
    assert!(page.body.contains("保存 200 天"), "the notice says what is recorded and for how long");

    let (res, events) = t.events_of(password(&browser, "Chen.SiYuan", &person.password)).await;
    assert_eq!((res.status.as_u16(), res.location.as_str()), (303, "/sessions/verification"));
    assert_eq!(only(&events), ("session.started", "success"));
    assert_eq!(events[0]["parts"]["client"]["peer_ip"], "127.0.0.1");
    assert!(events[0]["parts"]["client"]["peer_port"].as_u64().unwrap() > 0);
    assert_eq!(events[0]["parts"]["device"]["state"], "new");
    assert_eq!(events[0]["parts"]["device"]["components"]["timezone"], "Asia/Shanghai");
    let pending = browser.cookie("session");
    assert_eq!(browser.get("/account").await.location, "/sessions/verification", "a password alone opens nothing");

    let code = t.code(&person);
    let fields = [("totp", code.as_str()), ("device", DEVICE)];
    let (res, events) = t.events_of(browser.submit("/sessions/verification?next=/account", "/sessions/verification", &fields)).await;
    assert_eq!((res.status.as_u16(), res.location.as_str()), (303, "/account"));
    assert_eq!(only(&events), ("session.opened", "success"));
    assert_eq!(events[0]["parts"]["actor"]["roles"], serde_json::json!(["final_approver"]));
    holds_no_secret(&events, &[&code, &person.password, &browser.cookie("session")]);
    let set: Vec<&str> = res.headers.get_all("set-cookie").iter().filter_map(|v| v.to_str().ok()).collect();
    assert!(set.iter().any(|c| c.starts_with("session=") && c.contains("HttpOnly") && c.contains("SameSite=Lax") && c.contains("Path=/")), "{set:?}");
    assert_ne!(browser.cookie("session"), pending, "the cookie from before the code is worth nothing");
    let old = t.browser();
    old.set_cookie("session", &pending);
    assert_eq!(old.get("/account").await.status, 303);

    let account = browser.get("/account").await;
    assert_eq!(account.status, 200);
    assert!(account.body.contains("chen.siyuan") && account.body.contains("本机"));

    let session = browser.cookie("session");
    let (res, events) = t.events_of(browser.submit("/account", "/sessions/current/closures", &[])).await;
    assert_eq!((res.status.as_u16(), res.location.as_str()), (303, "/sign-in"));
    assert_eq!(only(&events), ("session.closed", "success"));
    browser.set_cookie("session", &session);
    assert_eq!(browser.get("/account").await.status, 303, "a kept cookie opens nothing after signing out");
}

#[actix_web::test]
async fn a_wrong_password_and_an_unknown_account_look_the_same() {
    let t = TestApp::start().await;
    let person = t.person("wang", &[Role::Requester]).await;
    let mut seen = Vec::new();
    for (name, typed) in [("wang", "not the password"), ("nobody", "not the password"), ("NUL\0<script>", "x"), ("wang", "")] {
        let browser = t.browser();
        let (res, events) = t.events_of(password(&browser, name, typed)).await;
        assert_eq!(res.status, 409, "{name}");
        assert!(res.body.contains("账号、密码或验证码不正确"), "{}", res.body);
        assert_eq!(only(&events), ("session.opened", "refused"));
        holds_no_secret(&events, &["not the password", "nobody", "<script>"]);
        if name.contains('\0') {
            continue; // The form says so, whoever asks.
        }
        let form = res.body.split("<form class=\"stack\"").next().unwrap().split("role=\"alert\"").nth(1).unwrap();
        // Each answer has its own number.
        let form = form.split("请求编号").next().unwrap().to_owned();
        seen.push(form);
    }
    assert!(seen.iter().all(|s| *s == seen[0]), "no page tells whether the account exists");
    assert_eq!(password(&t.browser(), "wang", &person.password).await.status, 303);
}

#[actix_web::test]
async fn a_code_counts_once_and_only_for_a_while() {
    let t = TestApp::start().await;
    let person = t.person("wang", &[Role::Requester]).await;
    let first = t.sign_in(&person).await;
    drop(first);
    let used = totp::code(&person.secret, t.now());

    let browser = t.browser();
    password(&browser, "wang", &person.password).await;
    let (res, events) = t.events_of(browser.submit("/sessions/verification", "/sessions/verification", &[("totp", &used)])).await;
    assert_eq!(res.status, 422);
    assert!(res.body.contains("已经用过") || res.body.contains("用过"), "{}", res.body);
    assert_eq!(only(&events), ("session.opened", "refused"));
    holds_no_secret(&events, &[&used]);
    assert!(!res.body.contains(&used), "a code is never shown again");

    for bad in ["000000", "", "abcdef", "１２３４５６", "0000000000000000000"] {
        let (res, events) = t.events_of(browser.submit("/sessions/verification", "/sessions/verification", &[("totp", bad)])).await;
        assert!(matches!(res.status.as_u16(), 422 | 429), "{bad:?}: {}", res.status);
        assert_eq!(only(&events), ("session.opened", "refused"));
    }

    let old = totp::code(&person.secret, t.now());
    t.advance(Duration::from_secs(120));
    let res = browser.submit("/sessions/verification", "/sessions/verification", &[("totp", &old)]).await;
    assert_eq!(res.status, 422);
    t.advance(Duration::from_secs(600));
    let code = t.code(&person);
    let (res, events) = t.events_of(browser.post("/sessions/verification", &[("totp", &code)])).await;
    assert_eq!((res.status.as_u16(), res.location.as_str()), (303, "/sign-in"), "ten minutes between password and code");
    assert_eq!(only(&events), ("permission.checked", "refused"));
}

#[actix_web::test]
async fn failures_lock_for_a_while_but_not_the_owner_on_a_known_device() {
    let t = TestApp::start().await;
    let person = t.person("wang", &[Role::Requester]).await;
    let own = t.sign_in(&person).await;

    let attacker = t.browser();
    for _ in 0..5 {
        assert_eq!(password(&attacker, "wang", "guess guess guess").await.status, 409);
    }
    let (res, events) = t.events_of(password(&attacker, "wang", &person.password)).await;
    assert_eq!(res.status, 429, "even the right password waits");
    assert_eq!(only(&events), ("session.opened", "refused"));

    let known = own.stolen(&["did"]);
    assert_eq!(password(&known, "wang", &person.password).await.status, 303, "the owner's own device gets in meanwhile");

    t.advance(Duration::from_secs(31));
    assert_eq!(password(&t.browser(), "wang", &person.password).await.status, 303, "a lock ends by itself");

    let nobody = t.browser();
    for _ in 0..5 {
        assert_eq!(password(&nobody, "no.such.account", "guess").await.status, 409);
    }
    assert_eq!(password(&nobody, "no.such.account", "guess").await.status, 429, "an account that does not exist locks like one that does");
}

#[actix_web::test]
async fn one_address_cannot_try_many_accounts() {
    let t = TestApp::start().await;
    let browser = t.browser();
    for n in 0..30 {
        assert_eq!(password(&browser, &format!("user{n}"), "guess").await.status, 409, "{n}");
    }
    let before = t.log_size().await;
    for _ in 0..130 {
        let csrf = browser.cookie("pre");
        assert_eq!(browser.post("/sessions", &[("csrf", &csrf), ("account", "user31"), ("password", "guess")]).await.status, 429);
    }
    assert_eq!(t.log_size().await - before, 121, "a flood does not fill the log, and says that it was one");
    t.advance(Duration::from_secs(15 * 60));
    assert_eq!(password(&browser, "user31", "guess").await.status, 409);
}

#[actix_web::test]
async fn without_a_second_factor_it_is_set_up_first() {
    let t = TestApp::start().await;
    let new = countermand::app::users::NewUser {
        username: "lin".into(),
        display_name: "林晓".into(),
        password: Some("a sentence will do".into()),
        ..Default::default()
    };
    countermand::app::users::add(&t.app, &countermand::app::Caller::shell(), new).await.unwrap();
    let browser = t.browser();
    assert_eq!(password(&browser, "lin", "a sentence will do").await.location, "/sessions/enrolment");
    assert_eq!(browser.get("/account").await.location, "/sessions/enrolment");
    let page = browser.get("/sessions/enrolment").await;
    assert!(page.body.contains("<svg class=\"qr\"") && !page.body.contains("style="));
    let key = page.body.split("mono wrapcode\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let secret = totp::from_base32(&key).unwrap();
    let (sealed, csrf) = (page.hidden("sealed").unwrap(), page.hidden("csrf").unwrap());

    let wrong = browser.post("/sessions/enrolment", &[("csrf", &csrf), ("sealed", &sealed), ("totp", "000000")]).await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.body.contains(&key), "the same key again after a slip");
    let (forged, events) = t.events_of(browser.post("/sessions/enrolment", &[("csrf", &csrf), ("sealed", "00ff"), ("totp", "000000")])).await;
    assert_eq!(forged.status, 409);
    assert_eq!(only(&events), ("second_factor.enrolled", "refused"));

    let code = t.code_of(&secret);
    let (res, events) = t.events_of(browser.post("/sessions/enrolment", &[("csrf", &csrf), ("sealed", &sealed), ("totp", &code)])).await;
    assert_eq!((res.status.as_u16(), res.location.as_str()), (303, "/"));
    assert_eq!(only(&events), ("second_factor.enrolled", "success"));
    holds_no_secret(&events, &[&code, &key.replace(' ', ""), &sealed]);
    assert_eq!(browser.get("/account").await.status, 200);
}

#[actix_web::test]
async fn a_session_ends_when_idle_when_old_and_when_revoked() {
    let t = TestApp::start().await;
    let person = t.person("wang", &[Role::Requester]).await;
    let idle = t.sign_in(&person).await;
    t.advance(Duration::from_secs(29 * 60));
    assert_eq!(idle.get("/account").await.status, 200);
    t.advance(Duration::from_secs(29 * 60));
    assert_eq!(idle.get("/account").await.status, 200, "each use counts");
    t.advance(Duration::from_secs(30 * 60));
    assert_eq!(idle.get("/account").await.status, 303, "half an hour without one");
    let stale = t.events_of(idle.post("/account/preferences", &[("theme", "dark")])).await;
    assert_eq!(stale.0.status, 303);
    assert_eq!(only(&stale.1), ("permission.checked", "refused"));

    let old = t.sign_in(&person).await;
    for _ in 0..26 {
        t.advance(Duration::from_secs(28 * 60));
        old.get("/account").await;
    }
    assert_eq!(old.get("/account").await.status, 303, "twelve hours in any case");

    let (one, two) = (t.sign_in(&person).await, t.sign_in(&person).await);
    let page = one.get("/account").await;
    let id = page.body.split("/account/sessions/").nth(1).unwrap().split('/').next().unwrap().to_owned();
    let path = format!("/account/sessions/{id}/revocations");
    let (res, events) = t.events_of(one.submit("/account", &path, &[])).await;
    assert_eq!(res.status, 303);
    assert_eq!(only(&events), ("session.revoked", "success"));
    assert_eq!(two.get("/account").await.status, 303);
    assert_eq!(one.get("/account").await.status, 200);

    let stranger: (Person, Browser) = t.signed_in("stranger", &[Role::Requester]).await;
    let (res, events) = t.events_of(stranger.1.submit("/account", &path, &[])).await;
    assert_eq!(res.status, 404, "another person's session does not exist for them");
    assert_eq!(only(&events), ("session.revoked", "refused"));
}

#[actix_web::test]
async fn forged_posts_come_to_nothing_and_are_recorded() {
    let t = TestApp::start().await;
    let (_, browser) = t.signed_in("wang", &[Role::Requester]).await;
    let csrf = browser.get("/account").await.hidden("csrf").unwrap();

    for (what, sender, fields, reason) in [
        ("no token", browser.clone(), vec![("theme", "dark")], "forged_token"),
        ("another token", browser.clone(), vec![("theme", "dark"), ("csrf", "AAAA")], "forged_token"),
        ("a foreign page", browser.with_header("origin", "https://evil.example"), vec![("theme", "dark"), ("csrf", csrf.as_str())], "foreign_origin"),
        ("a foreign site", browser.with_header("sec-fetch-site", "cross-site"), vec![("theme", "dark"), ("csrf", csrf.as_str())], "foreign_origin"),
    ] {
        let (res, events) = t.events_of(sender.post("/account/preferences", &fields)).await;
        assert_eq!(res.status, 403, "{what}");
        assert_eq!(only(&events), ("permission.checked", "refused"), "{what}");
        assert_eq!(events[0]["parts"]["detail"]["reason"], reason, "{what}");
        assert_eq!(events[0]["actor"]["kind"], "user");
    }
    let (res, events) = t.events_of(browser.send(reqwest::Method::POST, "/account/preferences", Some("application/json"), Some("{}".into()))).await;
    assert_eq!(res.status, 400);
    assert_eq!(only(&events), ("permission.checked", "refused"));
    let (res, events) = t.events_of(browser.post("/account/preferences", &[("csrf", &csrf), ("theme", "dark")])).await;
    assert_eq!(res.status, 303);
    assert_eq!(only(&events), ("preference.changed", "success"));
    assert!(browser.get("/account").await.body.contains("data-theme=\"dark\""));

    let stranger = t.browser();
    let (res, events) = t.events_of(stranger.post("/sessions", &[("account", "wang"), ("password", "x")])).await;
    assert_eq!(res.status, 403, "a sign-in that another site starts");
    assert_eq!(only(&events), ("permission.checked", "refused"));
}

#[actix_web::test]
async fn addresses_are_believed_only_from_named_proxies() {
    let t = TestApp::start().await;
    let person = t.person("wang", &[Role::Requester]).await;
    let spoofing = t.browser().with_header("x-forwarded-for", "198.51.100.7, 10.0.0.1");
    let (_, events) = t.events_of(password(&spoofing, "wang", &person.password)).await;
    let client = &events[0]["parts"]["client"];
    assert_eq!((client["client_ip"].as_str(), client["proxy_rule"].as_str()), (Some("127.0.0.1"), Some("peer")));
    assert_eq!(client["forwarded_for"], "198.51.100.7, 10.0.0.1", "what was claimed is kept");

    let t = TestApp::start_with(|c| c.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()]).await;
    let person = t.person("wang", &[Role::Requester]).await;
    let proxied = t.browser().with_header("x-forwarded-for", "6.6.6.6, 198.51.100.7");
    let (_, events) = t.events_of(password(&proxied, "wang", &person.password)).await;
    let client = &events[0]["parts"]["client"];
    assert_eq!((client["client_ip"].as_str(), client["proxy_rule"].as_str()), (Some("198.51.100.7"), Some("rightmost-untrusted")));
    assert_eq!(client["peer_ip"], "127.0.0.1");
}

#[actix_web::test]
async fn a_device_is_told_by_its_cookie_and_a_forged_cookie_is_none() {
    let t = TestApp::start().await;
    let person = t.person("wang", &[Role::Requester]).await;
    let browser = t.browser();
    password(&browser, "wang", &person.password).await;
    browser.submit("/sessions/verification", "/sessions/verification", &[("totp", &t.code(&person)), ("device", DEVICE)]).await;
    let did = browser.cookie("did");
    let (id, mac) = did.split_once('.').unwrap();

    let again = browser.stolen(&["did"]);
    let (_, events) = t.events_of(password(&again, "wang", &person.password)).await;
    assert_eq!(events[0]["parts"]["device"]["state"], "known");
    assert_eq!(events[0]["parts"]["device"]["device_id"], id);

    let other = DEVICE.replace("900x1440", "1080x1920");
    let (_, events) =
        t.events_of(again.submit("/sign-in", "/sessions", &[("account", "wang"), ("password", &person.password), ("device", &other)])).await;
    assert_eq!(events[0]["parts"]["device"]["state"], "changed");

    for forged in [format!("{}.{mac}", "0".repeat(32)), format!("{id}.{}", "0".repeat(32)), id.to_owned(), "x".repeat(3000)] {
        let forger = t.browser();
        forger.set_cookie("did", &forged);
        let (_, events) = t.events_of(password(&forger, "wang", &person.password)).await;
        let device = &events[0]["parts"]["device"];
        assert_eq!(device["state"], "new", "{forged}");
        assert_ne!(device["device_id"], id);
        assert_ne!(forger.cookie("did"), forged, "it is replaced");
    }

    let (_, events) = t.events_of(browser.submit("/account", "/account/preferences", &[("theme", "dark")])).await;
    assert_eq!(events[0]["parts"]["device"]["state"], "known", "later requests carry the device of the sign-in");
    let thief = browser.stolen(&["session"]);
    let (_, events) = t.events_of(thief.submit("/account", "/account/preferences", &[("theme", "light")])).await;
    assert_eq!(events[0]["parts"]["device"]["state"], "changed", "a session on another device is told");
}

#[actix_web::test]
async fn behind_https_cookies_are_bound_to_the_host_and_secure() {
    let t = TestApp::start_with(|c| c.public_url = "https://recall.example.com".into()).await;
    let page = t.browser().get("/sign-in").await;
    let set: Vec<&str> = page.headers.get_all("set-cookie").iter().filter_map(|v| v.to_str().ok()).collect();
    assert!(!set.is_empty() && set.iter().all(|c| c.starts_with("__Host-") && c.contains("Secure") && c.contains("HttpOnly")), "{set:?}");
}

#[test]
fn a_proxy_is_named_by_its_address_or_its_network() {
    let load = |list: &str| {
        let given = [("COUNTERMAND_TRUSTED_PROXIES", list)];
        countermand::config::Config::load(std::path::Path::new("/nowhere"), given.into_iter()).map_err(|e| e.to_string())
    };
    let read = load("127.0.0.1, 10.0.0.0/8, ::1").unwrap().trusted_proxies;
    assert_eq!(read.iter().map(ToString::to_string).collect::<Vec<_>>(), ["127.0.0.1/32", "10.0.0.0/8", "::1/128"]);
    assert!(load("proxy.example.com").unwrap_err().contains("trusted_proxies: \"proxy.example.com\" is no address and no network"));
}
