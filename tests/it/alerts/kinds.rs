//! Each rule by what really happens, and the ordinary day that fires none.

use countermand::{
    app::alerts::watch,
    domain::{
        alert::{Rule, Severity},
        event::{Action, Outcome, Subject},
        role::Role,
    },
};
use serde_json::json;

use super::House;
use crate::{
    recalls::stage::Stage,
    support::{
        app::{Browser, TestApp},
        db::TestDb,
    },
};

/// A company behind a proxy that says where people are.
async fn behind_proxy(db: TestDb) -> House {
    let proxies = vec!["127.0.0.1/32".parse().unwrap()];
    House::on(Stage::set_with(db, |_| {}, |config, _| config.trusted_proxies = proxies).await).await
}

#[actix_web::test]
async fn an_ordinary_recall_raises_nothing() {
    for db in TestDb::each() {
        let house = House::set(db).await;
        let cast = house.stage.cast().await;
        let case = house.stage.approved(&cast).await;
        house.stage.settle(6, 5).await;
        assert_eq!(house.stage.state(&case).await, "recall_accepted");
        // Somebody mistypes, somebody comes too late: everybody does.
        house.stage.decide(&cast.reviewer, &case, "approve").await;
        house.stage.post(&cast.requester, "/recalls", &[("reason", ""), ("step", "submit")]).await;
        assert_eq!(house.pass().await, 0);
    }
}

#[actix_web::test]
async fn many_requests_and_many_readings_by_one_person() {
    for db in TestDb::each() {
        let house = House::set(db).await;
        for (rule, threshold) in [(Rule::RecallBurst, "2"), (Rule::ReadingBurst, "3")] {
            assert_eq!(house.change(&house.security, rule, &[("threshold", threshold)]).await.status, 303);
        }
        let cast = house.stage.cast().await;
        house.stage.case(&cast).await;
        house.pass().await;
        assert_eq!(house.of(Rule::RecallBurst).await.len(), 0);
        let case = house.stage.case(&house.stage.cast2(&cast).await).await;
        house.pass().await;
        assert_eq!(house.one(Rule::RecallBurst).await.about, "linyutong");
        for _ in 0..3 {
            house.stage.get(&cast.lawyer, &format!("/recalls/{case}")).await;
        }
        house.pass().await;
        let alert = house.one(Rule::ReadingBurst).await;
        assert_eq!((alert.about.as_str(), alert.severity), ("hejing", Severity::Medium));
    }
}

#[actix_web::test]
async fn administration_on_a_sunday_and_not_on_a_monday() {
    for db in TestDb::each() {
        // The stage begins on a Sunday evening.
        let house = House::set(db).await;
        let invite = async || house.stage.post(&house.system, "/users/invitations", &[("roles", "requester")]).await.status;
        assert_eq!(invite().await, 201);
        house.pass().await;
        let alert = house.one(Rule::OffHours).await;
        assert_eq!((alert.about.as_str(), alert.severity), ("chengye", Severity::Low));
        house.minutes(15 * 60);
        assert_eq!(invite().await, 201);
        house.pass().await;
        assert_eq!(house.one(Rule::OffHours).await.why.counted, 1, "Monday, a quarter past ten");
        // The same Monday as a holiday.
        assert_eq!(house.change(&house.security, Rule::OffHours, &[("holidays", "2026-11-23")]).await.status, 303);
        house.pass().await;
        assert_eq!(house.of(Rule::OffHours).await.len(), 2, "the change itself was made on a holiday by then");
        assert_eq!(invite().await, 201);
        house.pass().await;
        assert_eq!(house.of(Rule::OffHours).await.len(), 3);
    }
}

#[actix_web::test]
async fn a_decision_on_a_device_that_was_never_seen_before() {
    for db in TestDb::each() {
        let house = House::set(db).await;
        let cast = house.stage.cast().await;
        // Every post of the stage comes without a cookie: from a device of its own.
        let first = house.stage.case(&cast).await;
        assert_eq!(house.stage.decide(&cast.reviewer, &first, "reject").await.status, 303);
        house.pass().await;
        assert_eq!(house.of(Rule::NewDevice).await.len(), 0, "the first device of all");
        let second = house.stage.case(&house.stage.cast2(&cast).await).await;
        assert_eq!(house.stage.decide(&cast.reviewer, &second, "reject").await.status, 303);
        house.pass().await;
        let alert = house.one(Rule::NewDevice).await;
        assert_eq!((alert.about.as_str(), alert.why.counted), ("zhouqiming", 1));
        let page = house.stage.get(&house.security, &format!("/alerts/{}", alert.id)).await;
        assert!(page.body.contains("此前用的是其他设备"), "{}", page.body);
    }
}

#[actix_web::test]
async fn guesses_at_one_account_and_from_one_address() {
    for db in TestDb::each() {
        let house = behind_proxy(db).await;
        assert_eq!(house.change(&house.security, Rule::SignInsAddress, &[("threshold", "6")]).await.status, 303);
        let guess = async |account: &str, from: &str| {
            let browser = Browser::new(&house.stage.base).with_header("x-forwarded-for", from);
            let fields = [("account", account), ("password", "not this one")];
            browser.submit("/sign-in", "/sessions", &fields).await.status
        };
        for _ in 0..4 {
            assert_eq!(guess("chengye", "203.0.113.9").await, 409);
        }
        house.pass().await;
        assert_eq!(house.of(Rule::SignInsAccount).await.len(), 0);
        guess("chengye", "198.51.100.7").await;
        house.pass().await;
        let alert = house.one(Rule::SignInsAccount).await;
        assert_eq!((alert.about.as_str(), alert.why.counted), ("chengye", 5));
        assert_eq!(house.of(Rule::SignInsAddress).await.len(), 0);
        for account in ["nobody", "somebody"] {
            guess(account, "203.0.113.9").await;
        }
        house.pass().await;
        let alert = house.one(Rule::SignInsAddress).await;
        assert_eq!((alert.about.as_str(), alert.about_kind.as_str(), alert.why.counted), ("203.0.113.9", "address", 6));
        let raised = crate::support::log::events_from(&house.app().store, 0).await.into_iter().find(|e| e["subject"]["id"] == alert.id.as_str());
        let mut leaf = raised.unwrap();
        leaf.as_object_mut().unwrap().remove("parts");
        assert!(!leaf.to_string().contains("203.0.113.9"), "an address is for the parts: {leaf}");
    }
}

#[actix_web::test]
async fn one_account_from_two_networks() {
    let proxies = vec!["127.0.0.1/32".parse().unwrap()];
    let app = TestApp::start_with(|config| config.trusted_proxies = proxies).await;
    let (me, audit) = (app.person("chengye", &[Role::SystemAdministrator]).await, app.person("fangzhou", &[Role::AuditAdministrator]).await);
    let reader = app.sign_in(&audit).await;
    let enter = async |from: &str| {
        app.advance(std::time::Duration::from_secs(30));
        let browser = app.browser().with_header("x-forwarded-for", from);
        browser.submit("/sign-in", "/sessions", &[("account", &me.username), ("password", &me.password)]).await;
        let opened = browser.submit("/sessions/verification", "/sessions/verification", &[("totp", &app.code(&me))]).await;
        assert_eq!(opened.status, 303, "{}", opened.body);
        watch::pass(&app.app).await.unwrap();
        reader.get("/alerts?rule=two_networks").await.body
    };
    for from in ["10.24.3.57", "10.24.9.1"] {
        assert!(enter(from).await.contains("没有符合条件的告警"), "one house");
    }
    let page = enter("203.0.113.9").await;
    assert!(page.contains("从 2 个网络登录：10.24.0.0/16、203.0.0.0/16。"), "{page}");
    assert!(enter("2001:db8::9").await.contains("从 3 个网络登录"), "it counts on");
}

#[actix_web::test]
async fn much_leaves_the_house() {
    for db in TestDb::each() {
        let house = House::set(db).await;
        let export = async || {
            house.stage.clock.advance(std::time::Duration::from_secs(30));
            let code = house.stage.code(&house.auditor);
            house.stage.post(&house.auditor, "/audit/exports", &[("totp", &code)]).await.status
        };
        assert_eq!(house.change(&house.security, Rule::ExportRows, &[("threshold", "30")]).await.status, 303);
        assert_eq!(house.change(&house.security, Rule::ExportBurst, &[("threshold", "3")]).await.status, 303);
        assert_eq!(export().await, 200);
        house.pass().await;
        assert_eq!(house.of(Rule::ExportRows).await.len(), 0);
        for _ in 0..2 {
            assert_eq!(export().await, 200);
        }
        house.pass().await;
        assert_eq!(house.one(Rule::ExportBurst).await.why.counted, 3);
        let rows = house.one(Rule::ExportRows).await;
        assert!(rows.why.counted >= 30 && rows.about == "shenruochuan", "{rows:#?}");
    }
}

#[actix_web::test]
async fn a_purge_larger_than_usual() {
    for db in TestDb::each() {
        let house = House::set(db).await;
        let purge = async |parts: u64| {
            house.minutes(24 * 60);
            house.happens(Action::RetentionApplied, Subject::new("retention", "trail"), Outcome::Success, json!({ "parts": parts })).await;
            house.pass().await;
            house.of(Rule::PurgeLarge).await.len()
        };
        for parts in [9000, 0, 900, 1100, 5000] {
            assert_eq!(purge(parts).await, 0, "{parts}");
        }
        assert_eq!(purge(50_000).await, 1);
        let alert = house.one(Rule::PurgeLarge).await;
        assert_eq!((alert.why.counted, alert.why.shows.join(",")), (50_000, "5000".to_owned()));
        let page = house.stage.get(&house.system, &format!("/alerts/{}", alert.id)).await;
        assert!(page.body.contains("一次清除了 50,000 项内容，平时约 5000 项（阈值为 5 倍）"), "{}", page.body);
    }
}

#[actix_web::test]
async fn what_happens_to_the_log_itself() {
    for db in TestDb::each() {
        let house = House::set(db).await;
        let trail = || Subject::new("log", "trail");
        for (action, subject, outcome, detail, rule, severity) in [
            (Action::BackupRestored, Subject::new("backup", "b1"), Outcome::Success, json!({}), Rule::LogReplaced, Severity::High),
            (Action::WitnessLost, Subject::new("witness", "abcd"), Outcome::Failed, json!({"reason": "away"}), Rule::WitnessLost, Severity::Medium),
            (Action::StreamStuck, Subject::new("stream", "unsent"), Outcome::Failed, json!({"problem": "x"}), Rule::StreamStuck, Severity::Medium),
            (
                Action::TimestampExpiring,
                Subject::new("timestamp", "t1"),
                Outcome::Failed,
                json!({"reason": "short_lived"}),
                Rule::TimestampExpiring,
                Severity::High,
            ),
            (Action::SystemEndangered, Subject::new("system", "disk"), Outcome::Failed, json!({"free": 5}), Rule::DiskLow, Severity::High),
            (
                Action::SystemEndangered,
                Subject::new("system", "checkpoint"),
                Outcome::Failed,
                json!({"size": 9, "signed": 5}),
                Rule::CheckpointOverdue,
                Severity::High,
            ),
            (Action::LogVerificationFailed, trail(), Outcome::Failed, json!({"problem": "root"}), Rule::LogBroken, Severity::Critical),
            (Action::ClockDeviated, Subject::new("clock", "step"), Outcome::Failed, json!({"offset_ms": -90_000}), Rule::Clock, Severity::High),
        ] {
            house.happens(action, subject, outcome, detail).await;
            assert_eq!(house.pass().await, 1, "{rule}");
            let alert = house.one(rule).await;
            assert_eq!(alert.severity, severity, "{rule}");
            let page = house.stage.get(&house.system, &format!("/alerts/{}", alert.id)).await;
            assert_eq!(page.status, 200, "{rule}: who runs the system is told");
        }
        house.happens(Action::ClockDeviated, Subject::new("clock", "ntp"), Outcome::Failed, json!({"offset_ms": 1500})).await;
        assert_eq!(house.pass().await, 0, "below the threshold");
        let page = house.stage.get(&house.audit, "/alerts?rule=clock").await;
        assert!(page.body.contains("相差 -90.0 秒（阈值 5 秒）"), "{}", page.body);
    }
}
