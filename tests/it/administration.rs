//! Stories of who keeps the company's accounts: departments with who judges their cases, everybody's sessions and tokens, accounts that
//! nobody uses; and the wrong administrator at each of them.

use std::time::Duration;

use countermand::{
    app::{
        Caller, Turn, alarms, alerts, departments,
        tokens::{self, NewToken},
    },
    domain::{alert::Rule, role::Role},
};
use reqwest::Method;
use serde_json::Value;

use crate::support::app::TestApp;

const DAY: u64 = 86_400;

async fn id_of(t: &TestApp, name: &str) -> String {
    departments::choices(&t.app).await.unwrap().into_iter().find(|d| d.name == name).unwrap_or_else(|| panic!("no {name}")).id
}

fn only(events: &[Value]) -> (&str, &str) {
    assert_eq!(events.len(), 1, "one post, one event: {events:#?}");
    (events[0]["action"].as_str().unwrap(), events[0]["outcome"].as_str().unwrap())
}

/// The reason of the one event, which must be of `action` and refused.
fn refused(events: &[Value], action: &str) -> String {
    assert_eq!(only(events), (action, "refused"));
    events[0]["parts"]["detail"]["reason"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn a_department_is_moved_but_not_below_itself_and_closed_when_nothing_is_left_in_it() {
    let t = TestApp::start().await;
    let (_, system) = t.signed_in("sys", &[Role::SystemAdministrator]).await;
    let (_, security) = t.signed_in("sec", &[Role::SecurityAdministrator]).await;
    let wang = t.person_in("wang", &[Role::Requester], Some("华东")).await;
    let head = t.person_in("head", &[Role::DepartmentReviewer], Some("总部")).await;
    let (east, top) = (id_of(&t, "华东").await, id_of(&t, "总部").await);
    let (east_page, top_page) = (format!("/departments/{east}"), format!("/departments/{top}"));

    let page = system.get(&east_page).await;
    assert!(page.body.contains("无人复核"), "nobody there, nor above");
    let moved = [("name", "华东分公司"), ("parent", top.as_str())];
    let (res, events) = t.events_of(system.submit(&east_page, &east_page, &moved)).await;
    assert_eq!(res.status, 303, "{}", res.body);
    assert_eq!(only(&events), ("department.changed", "success"));
    let page = security.get(&east_page).await;
    assert!(page.body.contains("head") && !page.body.contains("无人复核"), "who reviews above, reviews here");

    // Below itself, directly and by a detour; a name that is taken; a version that is old.
    for (page, fields, status) in [
        (&top_page, vec![("name", "总部"), ("parent", east.as_str())], 422),
        (&top_page, vec![("name", "总部"), ("parent", top.as_str())], 422),
        (&top_page, vec![("name", "华东分公司")], 422),
        (&east_page, vec![("name", "华东"), ("version", "1")], 409),
    ] {
        let (res, events) = t.events_of(system.submit(page, page, &fields)).await;
        assert_eq!(res.status.as_u16(), status, "{fields:?}");
        refused(&events, "department.changed");
        assert!(res.body.contains(fields[0].1), "what was typed stays");
    }

    // Closing: not with people, an invitation or a department in it.
    let close = format!("{east_page}/closures");
    let (res, events) = t.events_of(system.submit(&east_page, &close, &[])).await;
    assert_eq!((res.status.as_u16(), refused(&events, "department.closed").as_str()), (409, "department-people"));
    let (_, events) = t.events_of(system.submit(&top_page, &format!("{top_page}/closures"), &[])).await;
    assert_eq!(refused(&events, "department.closed"), "department-people");
    let suspend = format!("/users/{}/suspensions", wang.id);
    assert_eq!(system.submit(&format!("/users/{}", wang.id), &suspend, &[]).await.status, 303);
    assert_eq!(system.submit("/users", "/users/invitations", &[("department", east.as_str())]).await.status, 201);
    let (_, events) = t.events_of(system.submit(&east_page, &close, &[])).await;
    assert_eq!(refused(&events, "department.closed"), "department-people", "an invitation");
    t.advance(Duration::from_secs(4 * DAY));
    let system = t.sign_in(&t.person("sys2", &[Role::SystemAdministrator]).await).await;
    let details = format!("/users/{}/details", head.id);
    let away = [("display_name", "head"), ("department", "")];
    assert_eq!(system.submit(&format!("/users/{}", head.id), &details, &away).await.status, 303);
    let (_, events) = t.events_of(system.submit(&top_page, &format!("{top_page}/closures"), &[])).await;
    assert_eq!(refused(&events, "department.closed"), "department-below");
    let (res, events) = t.events_of(system.submit(&east_page, &close, &[])).await;
    assert_eq!((res.status.as_u16(), only(&events)), (303, ("department.closed", "success")));

    // Nobody comes into a closed one: neither who was in it, nor who is invited, nor another department.
    let back = format!("/users/{}/reinstatements", wang.id);
    let (res, events) = t.events_of(system.submit(&format!("/users/{}", wang.id), &back, &[])).await;
    assert_eq!((res.status.as_u16(), refused(&events, "user.changed").as_str()), (409, "department-closed"));
    assert_eq!(system.submit("/users", "/users/invitations", &[("department", east.as_str())]).await.status, 422);
    assert_eq!(system.submit("/departments", "/departments", &[("name", "苏州"), ("parent", east.as_str())]).await.status, 422);
    // Its name is free again, and what is closed stays closed.
    assert_eq!(system.submit("/departments", "/departments", &[("name", "华东分公司")]).await.status, 303);
    let (_, events) = t.events_of(system.submit("/departments", &close, &[("version", "3")])).await;
    assert_eq!(refused(&events, "department.closed"), "department-closed");

    let security = t.sign_in(&t.person("sec2", &[Role::SecurityAdministrator]).await).await;
    for (path, action) in [("/departments", "department.created"), (&top_page, "department.changed")] {
        let (res, events) = t.events_of(security.submit("/users", path, &[("name", "新名"), ("version", "1")])).await;
        assert_eq!((res.status.as_u16(), refused(&events, action).as_str()), (403, "permission"), "{path}");
    }
}

#[actix_web::test]
async fn the_security_administrator_ends_what_somebody_else_has_open() {
    let t = TestApp::start().await;
    let (_, security) = t.signed_in("sec", &[Role::SecurityAdministrator]).await;
    let (_, system) = t.signed_in("sys", &[Role::SystemAdministrator]).await;
    let (wang, browser) = t.signed_in("wang", &[Role::Requester]).await;
    let page = format!("/sessions?user={}", wang.id);
    let shown = security.get(&page).await;
    let one = shown.body.split("formaction=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert!(!shown.body.contains(&browser.cookie("session")));

    let (res, events) = t.events_of(security.submit(&page, &one, &[("reason", "短")])).await;
    assert_eq!((res.status.as_u16(), refused(&events, "session.revoked").as_str()), (422, "invalid"));
    assert_eq!(browser.get("/account").await.status, 200);
    let (res, events) = t.events_of(security.submit(&page, &one, &[("reason", "手机遗失，先行下线")])).await;
    assert_eq!((res.status.as_u16(), only(&events)), (303, ("session.revoked", "success")));
    assert_eq!(events[0]["parts"]["text"]["reason"], "手机遗失，先行下线");
    assert_eq!(browser.get("/account").await.status, 303, "signed out at once");

    // All of one's own but the one that asks.
    let me = t.person("sec3", &[Role::SecurityAdministrator]).await;
    let (first, second) = (t.sign_in(&me).await, t.sign_in(&me).await);
    let all = format!("/users/{}/session-revocations", me.id);
    let (res, events) = t.events_of(second.submit("/sessions", &all, &[("reason", "例行清理会话")])).await;
    assert_eq!((res.status.as_u16(), &events[0]["parts"]["detail"]["sessions_ended"]), (303, &Value::from(1)));
    assert_eq!((first.get("/account").await.status.as_u16(), second.get("/account").await.status.as_u16()), (303, 200));

    for path in [one, all] {
        let (res, events) = t.events_of(system.submit("/users", &path, &[("reason", "不该由我来做")])).await;
        assert_eq!((res.status.as_u16(), refused(&events, "session.revoked").as_str()), (403, "permission"), "{path}");
    }
    assert_eq!(system.get("/sessions").await.status, 403);
}

#[actix_web::test]
async fn tokens_that_nobody_uses_and_accounts_that_nobody_signs_in_to_are_found() {
    let t = TestApp::start().await;
    t.person("wang", &[Role::Requester]).await;
    let (_, li) = t.signed_in("li", &[Role::Requester]).await;
    drop(li);
    let make = async |name: &str, user: Option<&str>, days: Option<u64>| {
        let expires_at = days.map(|days| t.now().plus(Duration::from_secs(days * DAY)));
        let new = NewToken { name: name.into(), scopes: vec!["recall.read".into()], user: user.map(Into::into), expires_at };
        tokens::create(&t.app, &Caller::shell(), new, false, "").await.unwrap().value
    };
    let (gateway, mine) = (make("gateway", None, None).await, make("mine", Some("wang"), Some(200)).await);
    t.advance(Duration::from_secs(91 * DAY));
    let api = t.browser().with_header("authorization", &format!("Bearer {}", mine.secret));
    assert_eq!(api.send(Method::GET, "/api/v1/recalls/nothing", None, None).await.status, 404);

    let (_, security) = t.signed_in("sec", &[Role::SecurityAdministrator]).await;
    let page = security.get("/tokens").await;
    let row = |name: &str| page.body.split("<tr>").find(|row| row.contains(&format!(">{name}"))).unwrap_or_else(|| panic!("{name}")).to_owned();
    assert!(row("gateway").contains("未设到期") && row("gateway").contains("90 天未使用") && row("gateway").contains("从未使用"));
    assert!(!row("mine").contains("90 天未使用") && !row("mine").contains("未设到期") && row("mine").contains("wang"));
    assert!(!page.body.contains(&mine.secret));

    let (_, audit) = t.signed_in("aud", &[Role::AuditAdministrator]).await;
    assert_eq!(audit.get("/tokens").await.status, 403);
    let revoke = |id: &str| format!("/tokens/{id}/revocations");
    let (res, events) = t.events_of(audit.submit("/users", &revoke(&gateway.id), &[])).await;
    assert_eq!((res.status.as_u16(), refused(&events, "token.revoked").as_str()), (403, "permission"));
    assert_eq!(security.submit("/tokens", &revoke(&mine.id), &[]).await.status, 303);
    assert_eq!(api.send(Method::GET, "/api/v1/recalls/nothing", None, None).await.status, 401);
    assert!(!security.get("/tokens").await.body.contains(">mine"));

    // People by department, role and state; 90 days without a sign-in.
    let found = |query: &str| format!("/users?{query}");
    let body = security.get(&found("state=unused")).await.body;
    assert!(body.contains(">wang<") && body.contains(">li<") && !body.contains(">aud<"), "never signed in, and not for long");
    let body = security.get(&found("role=audit_administrator")).await.body;
    assert!(body.contains(">aud<") && !body.contains(">wang<"));
    let body = security.get(&found("state=suspended")).await.body;
    assert!(!body.contains(">wang<") && !body.contains(">aud<"));
    assert_eq!(security.get(&found("department=%27%20OR%201=1&role=emperor&state=x")).await.status, 200);
}

/// A job that nobody does is told once, raises its alert, and is told to be over.
#[actix_web::test]
async fn what_would_stop_the_installation_is_told_before_it_does() {
    let t = TestApp::start().await;
    let look = async || t.events_of(async { alarms::look(&t.app).await.unwrap() }).await.1;
    t.advance(Duration::from_secs(5));
    t.app
        .store
        .write(|tx| {
            tx.enqueue("seal_evidence", "late", &serde_json::json!({ "recall": "nothing" }), tx.now())?;
            Ok(())
        })
        .await
        .unwrap();
    assert!(look().await.is_empty(), "it is not late yet");
    // Nobody signs here either. A job that has lain while nothing ran gets another minute.
    for (seconds, what) in [(601, "checkpoint"), (61, "jobs")] {
        t.advance(Duration::from_secs(seconds));
        let begun = look().await;
        assert_eq!(only(&begun), ("system.endangered", "failed"));
        assert_eq!(begun[0]["subject"]["id"], what);
    }
    assert!(look().await.is_empty());
    alerts::watch::pass(&t.app).await.unwrap();
    for (rule, raised) in [(Rule::JobsStuck, 1), (Rule::CheckpointOverdue, 1), (Rule::DiskLow, 0)] {
        let wanted = alerts::Wanted { rule: Some(rule), ..alerts::Wanted::default() };
        assert_eq!(alerts::list(&t.app, &Caller::shell(), wanted, Turn::First).await.unwrap().0.len(), raised, "{rule}");
    }

    t.app.store.checkpoint().await.unwrap();
    let over = look().await;
    assert_eq!(over.len(), 1, "{over:#?}");
    assert_eq!((over[0]["subject"]["id"].as_str(), over[0]["action"].as_str()), (Some("checkpoint"), Some("system.recovered")));
}

/// Whoever sets the product up is told what is missing and whose task it is, until nothing is.
#[actix_web::test]
async fn an_administrator_sees_what_the_installation_still_needs_until_nothing_is_missing() {
    let stage = crate::recalls::stage::Stage::set().await;
    let system = stage.person("chengye", &[Role::SystemAdministrator], "信息部").await;
    let security = stage.person("xuman", &[Role::SecurityAdministrator], "信息安全部").await;
    let auditor = stage.person("shen", &[Role::Auditor], "审计部").await;
    let missing = async |who| {
        let body = stage.get(who, "/").await.body;
        let steps = body.split("id=\"h-first\"").nth(1).unwrap_or_default().split("</section>").next().unwrap_or_default().to_owned();
        steps.matches("aria-label=\"未完成\"").count()
    };
    let first = stage.get(&system, "/").await.body;
    assert!(first.contains("开始使用") && first.contains("三名管理员到位") && first.contains("href=\"/users/imports\""), "{first}");
    assert!(first.contains("由安全管理员办理"), "whose task it is: {first}");
    let theirs = stage.get(&security, "/").await.body;
    assert!(theirs.contains("href=\"/users\"><strong>指定三级复核人") && !theirs.contains("href=\"/connections/new\""), "{theirs}");
    assert!(!stage.get(&auditor, "/").await.body.contains("开始使用"), "nothing that an auditor could do");
    // The audit administrator, requesters, reviewers, a backup.
    assert_eq!(missing(&system).await, 4);
    stage.person("fangzhou", &[Role::AuditAdministrator], "审计部").await;
    stage.cast().await;
    assert_eq!((missing(&system).await, missing(&security).await), (1, 1), "the backup");
    let (app, out) = (stage.app.clone(), stage.app.config.data.join("first.zip"));
    let taken = tokio::task::spawn_blocking(move || countermand::app::backup::take(&app, &out, None, None, || Ok(()))).await.unwrap();
    taken.unwrap();
    for who in [&system, &security] {
        assert!(!stage.get(who, "/").await.body.contains("开始使用"), "nothing is missing any more");
    }
}

/// The list of people as a file: as it is filtered, for whoever may see the list, against a fresh code; nothing in it runs in a spreadsheet.
#[actix_web::test]
async fn the_list_of_people_can_be_taken_along_for_the_access_review() {
    let t = TestApp::start().await;
    let (sys, system) = t.signed_in("sys", &[Role::SystemAdministrator]).await;
    let (sec, security) = t.signed_in("sec", &[Role::SecurityAdministrator]).await;
    let wang = t.person_in("wang", &[Role::Requester, Role::DepartmentReviewer], Some("华东, 二部")).await;
    let named = [("display_name", "=HYPERLINK(\"x\")"), ("department", &id_of(&t, "华东, 二部").await)];
    assert_eq!(system.submit(&format!("/users/{}", wang.id), &format!("/users/{}/details", wang.id), &named).await.status, 303);

    let list = security.get("/users?q=wang").await.body;
    assert!(list.contains("action=\"/users/exports\"") && list.contains("name=\"q\" value=\"wang\""), "{list}");
    assert!(!list.contains("action=\"/views\""), "this list has no views");
    let empty = security.get("/users?q=nobody-of-that-name").await.body;
    assert!(!empty.contains("/users/exports"), "nobody is no file");
    let code = t.code(&sec);
    let (res, events) = t.events_of(security.submit("/users?q=wang", "/users/exports", &[("q", "wang"), ("totp", &code)])).await;
    let exported = events.iter().find(|e| e["action"] == "list.exported").unwrap_or_else(|| panic!("{events:#?}"));
    assert_eq!((res.status.as_u16(), exported["outcome"].as_str()), (200, Some("success")), "{}", res.body);
    assert_eq!((&exported["subject"]["id"], &exported["parts"]["detail"]["rows"]), (&"users".into(), &1.into()));
    assert_eq!(exported["parts"]["text"]["query"]["q"], "wang");
    let rows = countermand::evidence::csv::parse(res.body.as_bytes()).unwrap();
    assert_eq!(
        rows[0].join(" "),
        "姓名 账号 角色 部门 账号状态 最近登录（UTC） 最近登录（当地） 二次验证 审计权限截止（UTC） 审计权限截止（当地） 时区 账号编号"
    );
    let cells: Vec<&str> = rows[1].iter().map(String::as_str).collect();
    let words =
        ["'=HYPERLINK(\"x\")", "wang", "申请人、部门复核", "华东, 二部", "正常", "", "", "动态验证码", "", "", "Asia/Shanghai", wang.id.as_str()];
    assert_eq!((rows.len(), cells.as_slice()), (2, words.as_slice()));

    let taken = async |query: &str, fields: &[(&str, &str)]| {
        let code = t.code(&sys);
        let fields: Vec<(&str, &str)> = fields.iter().copied().chain([("totp", code.as_str())]).collect();
        let res = system.submit(&format!("/users{query}"), &format!("/users/exports{query}"), &fields).await;
        assert_eq!(res.status, 200, "{}", res.body);
        assert!(!res.body.contains("argon2"));
        countermand::evidence::csv::parse(res.body.as_bytes()).unwrap()
    };
    let rows = taken("?lang=en", &[]).await;
    assert_eq!((rows.len(), rows[0][0].as_str()), (4, "Name"));
    assert!(rows.iter().any(|row| row[1] == "sys" && row[5].ends_with('Z') && row[6].ends_with("+08:00")), "who has signed in, says when");
    assert_eq!(taken("", &[("state", "suspended")]).await.len(), 1);

    // Without a code nothing leaves, and what was asked for is kept.
    let (res, events) = t.events_of(system.submit("/users?q=wang", "/users/exports", &[("q", "wang"), ("totp", "000000")])).await;
    let refused = events.iter().find(|e| e["action"] == "list.exported").unwrap();
    assert_eq!((res.status.as_u16(), refused["outcome"].as_str()), (422, Some("refused")), "{}", res.body);
    assert!(res.body.contains("name=\"q\" value=\"wang\"") && !res.body.contains("HYPERLINK(\"x\"),"), "{}", res.body);

    let (li, requester) = t.signed_in("li", &[Role::Requester]).await;
    let code = t.code(&li);
    let (res, events) = t.events_of(requester.submit("/account", "/users/exports", &[("totp", &code)])).await;
    let refused = events.iter().find(|e| e["action"] == "list.exported").unwrap_or_else(|| panic!("{events:#?}"));
    assert_eq!((res.status.as_u16(), refused["outcome"].as_str()), (403, Some("refused")));
    assert!(!res.body.contains("wang"));
}
