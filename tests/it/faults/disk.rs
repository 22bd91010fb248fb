//! A file system that is really full: nothing is done and everybody is told so, auditors still come in and read, and work goes on when
//! there is room, in the same process.

use std::{collections::BTreeSet, time::Duration};

use countermand::{
    app::{Caller, users, users::NewUser},
    crypto::totp,
    domain::{
        event::{Action, Event, Subject},
        role::Role,
    },
    store::{
        StoreError, reader,
        schema::{broadcasts, decisions, jobs},
    },
};
use diesel::prelude::*;
use reqwest::Method;
use serde_json::json;

use crate::{
    recalls::stage::{CSRF, Cast, Stage},
    support::{
        app::{Answer, Browser},
        db::TestDb,
        small_disk::SmallDisk,
    },
};

/// Enough for an auditor, on a small disk.
const RESERVE: u64 = 16 << 20;

/// What must stay as it is: events, decisions, broadcasts, jobs.
async fn counted(stage: &Stage) -> (u64, [i64; 3]) {
    let read = stage.app.store.read(|conn| {
        let rows = [
            decisions::table.count().get_result(conn)?,
            broadcasts::table.count().get_result(conn)?,
            jobs::table.filter(jobs::kind.ne("nothing")).count().get_result(conn)?,
        ];
        Ok((reader::head(conn)?.size(), rows))
    });
    read.await.unwrap()
}

/// Writes until the store says that the disk is full; how many were acknowledged.
async fn until_full(stage: &Stage) -> u64 {
    let text = "满".repeat(15_000);
    for acknowledged in 0..2000 {
        let event = Event::system(Action::SettingChanged, Subject::new("setting", "t")).detail(json!({ "after": text }));
        match stage.app.store.write(move |tx| tx.append(event.clone())).await {
            Ok(_) => {}
            Err(StoreError::Full) => return acknowledged,
            Err(e) => panic!("{e}"),
        }
    }
    panic!("the disk does not fill");
}

async fn decide(browser: &Browser, case: &str, code: &str, version: i64) -> Answer {
    let version = version.to_string();
    let fields = [("csrf", CSRF), ("nonce", "0123456789abcdef"), ("decision", "approve"), ("comment", "情况属实，依制度处理"), ("totp", code)];
    browser.post(&format!("/recalls/{case}/decisions"), &[&fields[..], &[("version", &version)]].concat()).await
}

async fn auditor_comes_in(stage: &Stage, name: &str, password: &str, secret: &[u8]) -> Browser {
    let browser = Browser::new(&stage.base);
    let page = browser.submit("/sign-in", "/sessions", &[("account", name), ("password", password)]).await;
    assert_eq!((page.status.as_u16(), page.location.as_str()), (303, "/sessions/verification"), "{}", page.body);
    let code = totp::code(secret, stage.app.now());
    let page = browser.submit("/sessions/verification", "/sessions/verification", &[("totp", &code)]).await;
    assert_eq!((page.status.as_u16(), page.location.as_str()), (303, "/"), "{}", page.body);
    browser
}

async fn refused_with_a_page(stage: &Stage, cast: &Cast, reviewer: &Browser, case: &str, version: i64) {
    let code = stage.code(&cast.reviewer);
    let refused = decide(reviewer, case, &code, version).await;
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert_eq!(refused.headers.get("retry-after").unwrap(), "60");
    for expected in ["磁盘已满", "情况属实，依制度处理", "再次提交", "0123456789abcdef", "动态验证码"] {
        assert!(refused.body.contains(expected), "{expected}: {}", refused.body);
    }
    assert!(!refused.body.contains(&code), "a code is not sent back");
    let english = decide(&reviewer.with_header("accept-language", "en"), case, &code, version).await;
    assert_eq!(english.status, 503);
    for expected in ["The disk is full", "情况属实，依制度处理", "Send again"] {
        assert!(english.body.contains(expected), "{expected}: {}", english.body);
    }
}

async fn refused_with_a_problem(stage: &Stage, token: &str) {
    let program = Browser::new(&stage.base).with_header("authorization", &format!("Bearer {token}"));
    let body = json!({ "connection": stage.connection, "title": "通知", "text": "正文", "audience": "all" }).to_string();
    let refused = program.send(Method::POST, "/api/v1/broadcasts", Some("application/json"), Some(body)).await;
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert_eq!(refused.headers.get("content-type").unwrap(), "application/problem+json");
    assert_eq!(refused.headers.get("retry-after").unwrap(), "60");
    assert!(refused.body.contains("urn:countermand:problem:disk-full"), "{}", refused.body);
}

#[actix_web::test]
async fn a_full_disk_stops_work_but_no_auditor_and_room_is_noticed() {
    let found = SmallDisk::each("faults::disk::a_full_disk_stops_work_but_no_auditor_and_room_is_noticed");
    for (disk, db) in found {
        story(&disk, db).await;
    }
}

async fn story(disk: &SmallDisk, db: TestDb) {
    let stage = Stage::set_on(db, |options| options.reserve = RESERVE).await;
    let cast = stage.cast().await;
    let case = stage.case(&cast).await;
    let secret = totp::fresh_secret();
    let auditor = NewUser {
        username: "shenruochuan".into(),
        display_name: "沈若川".into(),
        roles: BTreeSet::from([Role::Auditor]),
        password: Some("right horse battery".into()),
        totp_secret: Some(totp::base32(&secret)),
        ..NewUser::default()
    };
    users::add(&stage.app, &Caller::shell(), auditor).await.unwrap();
    let other = NewUser { username: "other".into(), display_name: "other".into(), roles: BTreeSet::from([Role::Requester]), ..NewUser::default() };
    users::add(&stage.app, &Caller::shell(), NewUser { password: Some("right horse battery".into()), ..other }).await.unwrap();
    let admin = stage.person("chengye", &[Role::SystemAdministrator], "信息部").await;
    let (reviewer, admin) = (stage.browser(&cast.reviewer).await, stage.browser(&admin).await);
    let token = stage.token(None, &["broadcast.send"]).await;
    let version = stage.loaded(&case).await.row.version;
    let (before, _) = counted(&stage).await;

    disk.fill();
    let acknowledged = until_full(&stage).await;
    let full = counted(&stage).await;
    assert_eq!(full.0, before + acknowledged, "who was told that it is done is in the log, and nobody else");
    assert!(stage.app.store.room().full);

    refused_with_a_page(&stage, &cast, &reviewer, &case, version).await;
    refused_with_a_problem(&stage, &token).await;
    let sign_in = [("account", "other"), ("password", "right horse battery")];
    assert_eq!(Browser::new(&stage.base).submit("/sign-in", "/sessions", &sign_in).await.status, 503, "the reserve is not for everybody");
    assert_eq!(counted(&stage).await, full, "nothing was done, and no event says that it was");
    let calls = stage.emulator.count("message/send");

    let page = reviewer.get(&format!("/recalls/{case}")).await;
    assert!(page.status == 200 && page.body.contains("无法记录阅读行为"), "{}", page.body);
    assert!(!page.body.contains("各位同事"), "what cannot be recorded is not shown");
    let looks = auditor_comes_in(&stage, "shenruochuan", "right horse battery", &secret).await;
    for (path, expected) in [("/audit".to_owned(), "SettingChanged"), (format!("/audit/{}", before - 1), ""), (format!("/recalls/{case}"), "FR-")] {
        let page = looks.get(&path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.body);
        assert!(page.body.contains(expected) || path == "/audit", "{path}: {}", page.body);
    }
    stage.clock.advance(Duration::from_secs(30));
    let fresh = totp::code(&secret, stage.app.now());
    for (code, status) in [("000000", 422), (fresh.as_str(), 200), (&fresh, 422)] {
        let file = looks.submit("/audit", "/audit/exports", &[("case", &case), ("totp", code)]).await;
        assert_eq!((file.status.as_u16(), file.body.contains(",recall.submitted,")), (status, status == 200), "{}", file.body);
    }
    let (size, rows) = counted(&stage).await;
    assert!(size > full.0 && rows == full.1, "the auditor's reading is recorded, from the reserve");
    let page = admin.get("/settings").await;
    assert!(page.status == 200 && page.body.contains("磁盘已满，业务操作已暂停"), "{}", page.body);
    let ready = admin.get("/readyz").await;
    assert!(ready.status == 503 && ready.body.contains("\"disk\":\"full\""), "{}", ready.body);
    let report = stage.app.store.verify(&Default::default()).unwrap();
    assert!(report.ok, "{report:?}");

    disk.clear();
    let code = stage.code(&cast.reviewer);
    let mut answer = decide(&reviewer, &case, &code, version).await;
    for _ in 0..50 {
        if answer.status == 303 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        answer = decide(&reviewer, &case, &code, version).await;
    }
    assert_eq!(answer.status, 303, "the same server goes on: {}", answer.body);
    assert!(!stage.app.store.room().full);
    let trail = stage.trail(&case).await;
    assert_eq!(trail.iter().filter(|t| t.starts_with("recall.decided")).collect::<Vec<_>>(), ["recall.decided success"], "decided once");
    for who in [&cast.lawyer, &cast.executive] {
        assert_eq!(stage.decide(who, &case, "approve").await.status, 303);
    }
    stage.run().await;
    assert_eq!((stage.state(&case).await.as_str(), stage.emulator.count("message/send")), ("recall_accepted", calls));
    let report = stage.app.store.verify(&Default::default()).unwrap();
    assert!(report.ok, "{report:?}");

    // And full again: the reserve was taken again, and serves again.
    disk.fill();
    until_full(&stage).await;
    stage.clock.advance(Duration::from_secs(30));
    auditor_comes_in(&stage, "shenruochuan", "right horse battery", &secret).await;
    disk.clear();
}
