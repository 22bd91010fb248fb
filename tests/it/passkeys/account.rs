//! One's own passkeys and recovery codes, and signing in with them.

use std::time::Duration;

use countermand::{app::passkeys, domain::role::Role};
use serde_json::Value;

use super::{ORIGIN, PAGE, add, fresh_code, passkey, question};
use crate::{
    recalls::stage::Stage,
    support::{
        app::{Browser, TestApp},
        log,
        passkey::{Passkey, asked},
    },
};

const CODES: &str = "/account/recovery-codes";

#[actix_web::test]
async fn a_passkey_stands_for_the_code_once_and_only_for_its_owner() {
    let stage = Stage::set().await;
    let me = stage.person("zhouqiming", &[Role::DepartmentReviewer], "人力资源部").await;
    let other = stage.person("hejing", &[Role::LegalReviewer], "法务部").await;
    assert!(!stage.get(&me, PAGE).await.body.contains("data-passkey=\""), "who has none is asked for none");
    let mut mine = passkey(&stage, &me).await;
    let mut theirs = passkey(&stage, &other).await;
    let page = stage.get(&me, PAGE).await.body;
    assert!(page.contains("工位电脑") && page.contains("仅限本设备") && page.contains("尚未使用"), "{page}");
    let twice = add(&stage, &me, &mine, "又一个").await;
    assert!(twice.status == 422 && twice.body.contains("已经添加过") && twice.body.contains("又一个"), "{}", twice.body);
    for (name, created, code, said) in [("", "", "", "启用脚本"), ("x", "{}", "000000", "未通过验证"), ("x", &"[".repeat(40_000), "1", "未通过验证")]
    {
        let refused = stage.post(&me, PAGE, &[("name", name), ("created", created), ("totp", code)]).await;
        assert!(refused.status == 422 && refused.body.contains(said), "{said}: {}", refused.body);
    }

    // The answer makes recovery codes, and is spent by it.
    let ask = question(&stage, &me, PAGE).await;
    let good = mine.answer(&ask);
    let made = stage.post(&me, CODES, &[("totp", &good)]).await;
    assert_eq!((made.status, made.body.matches("<li>").count() >= 10), (201, true), "{}", made.body);
    let tried = async |answer: String| stage.post(&me, CODES, &[("totp", &answer)]).await;
    let again = tried(good.clone()).await;
    assert!(again.status == 422 && again.body.contains("已用过"), "a replay: {}", again.body);
    let older = tried(mine.answer(&ask)).await;
    assert!(older.status == 422 && older.body.contains("已用过"), "another answer to a question that was answered");

    // Each lie by itself, of a device that could do it right.
    let ask = question(&stage, &me, PAGE).await;
    let stolen: Value = serde_json::from_str(&theirs.answer(&question(&stage, &other, PAGE).await)).unwrap();
    for (lie, said, mut device) in [
        ("another site", "未通过验证", mine.with(|d| d.origin = "http://evil.example".into())),
        ("another host", "未通过验证", mine.with(|d| d.rp_id = Some("evil.example".into()))),
        ("nobody verified", "未通过验证", mine.with(|d| d.flags = 0x01)),
        ("nobody there", "未通过验证", mine.with(|d| d.flags = 0x04)),
        ("a copy of the device", "未通过验证", mine.with(|d| d.counter = 0)),
        ("another person's", "不属于此账号", theirs.clone()),
        ("an unknown one", "不属于此账号", Passkey::new(ORIGIN)),
    ] {
        let refused = tried(device.answer(&ask)).await;
        assert!(refused.status == 422 && refused.body.contains(said), "{lie}: {}", refused.body);
    }
    let mut answer: Value = serde_json::from_str(&mine.answer(&ask)).unwrap();
    for (key, value) in [("signature", "AAAA"), ("authenticator_data", "!"), ("question", "00"), ("question", stolen["question"].as_str().unwrap())] {
        let kept = answer[key].clone();
        answer[key] = value.into();
        assert_eq!(tried(answer.to_string()).await.status, 422, "{key}");
        answer[key] = kept;
    }
    assert_eq!(tried("{".repeat(60_000)).await.status, 422);
    // Asked for signing in, it does not do for anything else; nor after ten minutes.
    let credential = [mine.id.clone()];
    let elsewhere = passkeys::ask(&stage.app, passkeys::Purpose::SignIn, &me.caller.id, &credential).unwrap();
    assert_eq!(tried(mine.answer(&serde_json::from_str(&elsewhere).unwrap())).await.status, 422);
    let ask = question(&stage, &me, PAGE).await;
    stage.clock.advance(Duration::from_secs(601));
    let late = tried(mine.answer(&ask)).await;
    assert!(late.status == 422 && late.body.contains("停留过久"), "{}", late.body);
    // The code still does, and takes the passkey away; then it does nothing any more.
    let ask = question(&stage, &me, PAGE).await;
    let id = page.split("<option value=\"").find_map(|rest| rest.split('"').next().filter(|id| id.len() == 36)).unwrap().to_owned();
    let theft = stage.post(&other, "/account/passkeys/removals", &[("passkey", &id), ("totp", &fresh_code(&stage, &other))]).await;
    assert_eq!(theft.status, 409, "nobody takes another's away");
    let removed = stage.post(&me, "/account/passkeys/removals", &[("passkey", &id), ("totp", &fresh_code(&stage, &me))]).await;
    assert_eq!(removed.status, 303, "{}", removed.body);
    let revoked = tried(mine.answer(&ask)).await;
    assert!(revoked.status == 422 && revoked.body.contains("不属于此账号"), "{}", revoked.body);
}

/// A passkey of `who`, added in `browser`.
async fn enrolled(t: &TestApp, who: &crate::support::app::Person, browser: &Browser) -> Passkey {
    let key = Passkey::new(&t.app.config.public_url);
    let ask = asked(&browser.get(PAGE).await.body, "data-passkey-new");
    let fields = [("name", "手机"), ("totp", &t.code(who)), ("created", &key.create(&ask))];
    assert_eq!(browser.submit(PAGE, PAGE, &fields).await.status.as_u16(), 303);
    key
}

#[actix_web::test]
async fn signing_in_by_passkey_by_recovery_code_and_by_nothing_that_was_reset() {
    let t = TestApp::start_with(|c| c.public_url = c.public_url.replace("127.0.0.1", "localhost")).await;
    let (me, here) = t.signed_in("zhouqiming", &[Role::DepartmentReviewer]).await;
    let mut key = enrolled(&t, &me, &here).await;
    let made = here.submit(PAGE, CODES, &[("totp", &t.code(&me))]).await;
    let codes: Vec<&str> = made.body.split("<li>").filter_map(|rest| rest.split('<').next()).filter(|code| code.len() == 14).collect();
    assert_eq!(codes.len(), 10, "{}", made.body);

    // In the place of the code.
    let second = async |fields: &dyn Fn(&str) -> Vec<(String, String)>| {
        let browser = t.browser();
        browser.submit("/sign-in", "/sessions", &[("account", "zhouqiming"), ("password", &me.password)]).await;
        t.advance(Duration::from_secs(1));
        let page = browser.get("/sessions/verification").await.body;
        let fields = fields(&page);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        t.events_of(browser.submit("/sessions/verification", "/sessions/verification", &fields)).await
    };
    let device = std::cell::RefCell::new(key.clone());
    let (res, events) = second(&|page| vec![("totp".into(), device.borrow_mut().answer(&asked(page, "data-passkey")))]).await;
    assert_eq!((res.status.as_u16(), res.location.as_str()), (303, "/"), "{}", res.body);
    assert_eq!(events[0]["parts"]["detail"]["method"], "passkey");
    key = device.into_inner();
    for (code, status) in [(codes[0].to_uppercase(), 303), (codes[0].to_owned(), 422), ("aaaa-bbbb-cccc".to_owned(), 422)] {
        let (res, events) = second(&|_| vec![("recovery_code".into(), code.clone())]).await;
        assert_eq!(res.status.as_u16(), status, "{code}: {}", res.body);
        assert_eq!(events[0]["outcome"], if status == 303 { "success" } else { "refused" });
    }
    // A recovery code signs in and does nothing else.
    assert_eq!(here.submit(PAGE, CODES, &[("totp", codes[1])]).await.status.as_u16(), 422);

    // In the place of name, password and code.
    let alone = async |key: &mut Passkey| {
        t.advance(Duration::from_secs(1));
        let browser = t.browser();
        let answer = key.answer(&asked(&browser.get("/sign-in").await.body, "data-passkey"));
        let (res, events) = t.events_of(browser.submit("/sign-in", "/sessions/passkeys", &[("totp", &answer)])).await;
        (browser, answer, res, events)
    };
    let (browser, answer, res, events) = alone(&mut key).await;
    assert_eq!((res.status.as_u16(), res.location.as_str()), (303, "/"), "{}", res.body);
    let detail = &events[0]["parts"]["detail"];
    assert_eq!(
        (&events[0]["action"], &detail["step"], &events[0]["actor"]["id"]),
        (&"session.opened".into(), &"passkey".into(), &me.id.clone().into())
    );
    assert_eq!(browser.get("/account").await.status.as_u16(), 200);
    let replay = t.browser().submit("/sign-in", "/sessions/passkeys", &[("totp", &answer)]).await;
    assert!(replay.status.as_u16() == 409 && replay.body.contains("已用过"), "{}", replay.body);

    // Two people reset what was lost, and nothing of it is left.
    let (system, sys) = t.signed_in("chengye", &[Role::SystemAdministrator]).await;
    let (security, sec) = t.signed_in("sunwei", &[Role::SecurityAdministrator]).await;
    let (page, path) = (format!("/users/{}", me.id), format!("/users/{}/second-factor-resets", me.id));
    assert!(sys.get(&page).await.body.contains("已添加 1 个通行密钥"));
    assert_eq!(sys.submit(&page, &path, &[("totp", &t.code(&system))]).await.status.as_u16(), 303);
    let before = t.log_size().await;
    assert_eq!(sec.submit(&page, &format!("{path}/confirmations"), &[("totp", &t.code(&security))]).await.status.as_u16(), 303);
    let events = log::events_from(&t.app.store, before).await;
    let reset = events.iter().find(|e| e["action"] == "second_factor.reset").unwrap();
    assert_eq!(reset["parts"]["detail"]["passkeys_removed"], 1);
    let (_, _, res, _) = alone(&mut key).await;
    assert!(res.status.as_u16() == 409 && res.body.contains("未在本系统登记"), "{}", res.body);
}
