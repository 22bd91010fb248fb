//! Stories of inviting people: who is invited shows in the list, a link is sent again or taken back, and mail carries it where there is a mail
//! server.

use std::time::Duration;

use countermand::{app::invitations::sheet, config::Config, domain::role::Role, jobs};
use serde_json::Value;

use crate::{
    notices::plain,
    recalls::stage::Stage,
    support::{
        app::{Browser, TestApp},
        db::TestDb,
        mail::{self, Mood, Sink},
    },
};

const LIST: &str = "/users/invitations";

fn only(events: &[Value]) -> (&str, &str) {
    assert_eq!(events.len(), 1, "one post, one event: {events:#?}");
    (events[0]["action"].as_str().unwrap(), events[0]["outcome"].as_str().unwrap())
}

fn refused(events: &[Value], action: &str) -> String {
    assert_eq!(only(events), (action, "refused"));
    events[0]["parts"]["detail"]["reason"].as_str().unwrap().to_owned()
}

/// The link on a page that shows one.
fn link(body: &str) -> String {
    format!("/invitations/{}", body.split("/invitations/").nth(1).unwrap_or_else(|| panic!("no link: {body}")).split(['<', '"']).next().unwrap())
}

/// The addresses of the forms of the only invitation in the list: send again, revoke.
async fn acts(browser: &Browser) -> (String, String) {
    let body = browser.get(LIST).await.body;
    let id = body.split("/users/invitations/").nth(1).unwrap_or_else(|| panic!("no invitation: {body}")).split('/').next().unwrap().to_owned();
    (format!("{LIST}/{id}/renewals"), format!("{LIST}/{id}/revocations"))
}

fn post_office() -> (Sink, impl FnOnce(&mut Config)) {
    let sink = Sink::open();
    let port = sink.port;
    (sink, move |config: &mut Config| {
        mail::post(config, port);
    })
}

#[actix_web::test]
async fn a_link_that_is_sent_again_replaces_the_old_one_and_a_revoked_one_is_worthless() {
    let t = TestApp::start().await;
    let (_, system) = t.signed_in("sys", &[Role::SystemAdministrator]).await;
    t.person_in("wang", &[Role::Requester], Some("华东")).await;
    let east = countermand::app::departments::choices(&t.app).await.unwrap().into_iter().find(|d| d.name == "华东").unwrap().id;
    assert!(system.get(LIST).await.body.contains("没有未接受的邀请"));
    let fields = [("name", "李新"), ("address", "lixin@example.com"), ("roles", "requester"), ("department", east.as_str())];
    let (res, events) = t.events_of(system.submit("/users", LIST, &fields)).await;
    assert_eq!((res.status.as_u16(), only(&events)), (201, ("invitation.created", "success")), "no mail server: it is shown");
    let first = link(&res.body);
    let after = &events[0]["parts"]["detail"]["after"];
    assert_eq!((&after["name"], &after["by"], &after["address"]), (&"李新".into(), &"shown".into(), &"lixin@example.com".into()));
    let list = system.get(LIST).await.body;
    for shown in ["李新", "lixin@example.com", "申请人", "华东", "sys", "待接受"] {
        assert!(list.contains(shown), "{shown}: {list}");
    }
    assert!(!list.contains(&first), "never shown again");
    assert!(system.get("/users").await.body.contains("1 份邀请待接受"));
    assert!(t.browser().get(&first).await.body.contains("value=\"李新\""), "the name is there already");

    let (again, revoke) = acts(&system).await;
    let (res, events) = t.events_of(system.submit(LIST, &again, &[("version", "7")])).await;
    assert_eq!((res.status.as_u16(), refused(&events, "invitation.renewed").as_str()), (409, "conflict"));
    let (res, events) = t.events_of(system.submit(LIST, &again, &[])).await;
    assert_eq!((res.status.as_u16(), only(&events)), (201, ("invitation.renewed", "success")), "{}", res.body);
    let second = link(&res.body);
    let told = serde_json::to_string(&events).unwrap();
    assert!(second != first && !told.contains(second.rsplit('/').next().unwrap()));
    assert_eq!((t.browser().get(&first).await.status.as_u16(), t.browser().get(&second).await.status.as_u16()), (404, 200));
    let (res, events) = t.events_of(system.submit(LIST, &again, &[("version", "1")])).await;
    assert_eq!((res.status.as_u16(), refused(&events, "invitation.renewed").as_str()), (409, "conflict"), "of a list that is old");
    // A double click: the second answer is the one that the browser shows, and it leads to where another link is made.
    let nonce = system.get(LIST).await.hidden("nonce").unwrap();
    let twice = [("nonce", nonce.as_str()), ("version", "2")];
    let res = system.submit(LIST, &again, &twice).await;
    let second = link(&res.body);
    let (res, events) = t.events_of(system.submit(LIST, &again, &twice)).await;
    assert_eq!((res.status.as_u16(), res.location.as_str(), events.len()), (303, LIST, 1), "{}", res.body);
    assert_ne!(events[0]["action"], "invitation.renewed");
    assert_eq!(t.browser().get(&second).await.status, 200, "the link that was shown is good");
    assert!(system.get(LIST).await.body.contains("此表单已提交过"), "and it says so");

    // It runs out, is shown as expired, and comes to life with a new link.
    t.advance(Duration::from_secs(72 * 3600));
    let system = t.sign_in(&t.person("sys2", &[Role::SystemAdministrator]).await).await;
    let list = system.get(LIST).await.body;
    assert!(list.contains("已过期") && !list.contains("待接受"), "{list}");
    assert_eq!(t.browser().get(&second).await.status, 404);
    let res = system.submit(LIST, &again, &[]).await;
    assert_eq!(res.status, 201, "{}", res.body);
    let third = link(&res.body);

    let (res, events) = t.events_of(system.submit(LIST, &revoke, &[("version", "2")])).await;
    assert_eq!((res.status.as_u16(), refused(&events, "invitation.revoked").as_str()), (409, "conflict"));
    let (res, events) = t.events_of(system.submit(LIST, &revoke, &[])).await;
    assert_eq!((res.status.as_u16(), only(&events)), (303, ("invitation.revoked", "success")));
    let browser = t.browser();
    assert_eq!(browser.get(&third).await.status, 404);
    let csrf = browser.get("/sign-in").await.hidden("csrf").unwrap();
    let account = [
        ("csrf", csrf.as_str()),
        ("username", "lixin"),
        ("display_name", "李新"),
        ("password", "a long sentence"),
        ("password_again", "a long sentence"),
    ];
    assert_eq!(browser.post(&third, &account).await.status, 404, "nor can it be taken up");
    for (act, action) in [(&again, "invitation.renewed"), (&revoke, "invitation.revoked")] {
        let (res, events) = t.events_of(system.submit("/users", act, &[("version", "4")])).await;
        assert_eq!((res.status.as_u16(), refused(&events, action).as_str()), (409, "invitation-over"));
        let unknown = act.replace(act.split('/').nth(3).unwrap(), "nothing");
        let (res, events) = t.events_of(system.submit("/users", &unknown, &[("version", "1")])).await;
        assert_eq!((res.status.as_u16(), refused(&events, action).as_str()), (404, "not_found"));
    }
    assert!(system.get(LIST).await.body.contains("没有未接受的邀请"));
    // What was taken back keeps no department from being closed.
    assert_eq!(countermand::app::departments::choices(&t.app).await.unwrap().len(), 1);
}

#[actix_web::test]
async fn where_there_is_a_mail_server_the_link_goes_there_alone() {
    let (sink, mail) = post_office();
    let t = TestApp::start_with(mail).await;
    let (_, system) = t.signed_in("sys", &[Role::SystemAdministrator]).await;
    let (res, events) = t.events_of(system.submit("/users", LIST, &[("address", "no address"), ("name", &"长".repeat(61))])).await;
    assert_eq!((res.status.as_u16(), refused(&events, "invitation.created").as_str()), (422, "invalid"));
    assert!(res.body.contains("邮箱地址格式有误") && res.body.contains("value=\"no address\""), "beside the field, with what was typed");

    sink.is(Mood::Busy);
    let (res, events) = t.events_of(system.submit("/users", LIST, &[("name", "李新"), ("address", "lixin@example.com")])).await;
    assert_eq!((res.status.as_u16(), res.location.as_str()), (303, LIST));
    assert_eq!((only(&events), &events[0]["parts"]["detail"]["after"]["by"]), (("invitation.created", "success"), &"mail".into()));
    jobs::run_due(&t.app).await.unwrap();
    let list = system.get(LIST).await.body;
    assert!(list.contains("邮件待发送") && !list.contains("/invitations/ey"), "{list}");
    t.advance(Duration::from_secs(61));
    sink.is(Mood::Takes);
    let (_, events) = t.events_of(async { jobs::run_due(&t.app).await.unwrap() }).await;
    assert_eq!(only(&events), ("invitation.mailed", "success"));
    let mails = sink.take();
    assert_eq!((mails.len(), mails[0].to.as_str()), (1, "lixin@example.com"));
    let text = plain(&mails[0]);
    assert!(text.contains("设置账号") && text.contains("Set up the account"), "in both languages: {text}");
    let first = link(text.lines().find(|line| line.contains("/invitations/")).unwrap());
    assert_eq!(t.browser().get(&first).await.status, 200, "{text}");
    assert!(system.get(LIST).await.body.contains("已发送邮件"));
    // Neither the log nor the database holds it: the row keeps a hash, and nothing once the mail is gone.
    let secret = first.rsplit('/').next().unwrap();
    assert!(!serde_json::to_string(&t.events_from(0).await).unwrap().contains(secret));
    let rows = t.app.store.read(|conn| countermand::store::invitations::invitation_list(conn, 9)).await.unwrap();
    assert!(rows[0].link_sealed.is_none() && rows[0].mail == "sent");

    // Again: the first link dies when the second is on its way; a mailbox that does not exist is told.
    sink.is(Mood::Refuses);
    let (again, revoke) = acts(&system).await;
    let (res, events) = t.events_of(system.submit(LIST, &again, &[])).await;
    assert_eq!((res.status.as_u16(), only(&events)), (303, ("invitation.renewed", "success")));
    assert_eq!(t.browser().get(&first).await.status, 404);
    let (_, events) = t.events_of(async { jobs::run_due(&t.app).await.unwrap() }).await;
    assert_eq!(only(&events), ("invitation.mailed", "failed"));
    assert!(!serde_json::to_string(&events).unwrap().contains("lixin@"), "servers like to repeat the address");
    assert!(system.get(LIST).await.body.contains("邮件未送出"));

    // A mail that does not wait any more cannot be settled once more; without a mail server the link fails, and its token goes.
    let (id, version) = (rows[0].id.clone(), rows[0].version + 1);
    let settled = t.app.store.write(move |tx| countermand::store::invitations::invitation_mailed(tx.conn, &id, version, "sent")).await.unwrap();
    assert!(!settled.value);
    assert_eq!(system.submit(LIST, &again, &[]).await.status, 303);
    let mut without = t.app.clone();
    without.mailer = None;
    let (_, events) = t.events_of(async { jobs::run_due(&without).await.unwrap() }).await;
    assert_eq!(only(&events), ("invitation.mailed", "failed"));
    let rows = t.app.store.read(|conn| countermand::store::invitations::invitation_list(conn, 9)).await.unwrap();
    assert!(rows[0].link_sealed.is_none() && rows[0].mail == "failed");

    // What was taken back before the server had it never goes.
    sink.is(Mood::Takes);
    assert_eq!(system.submit(LIST, &again, &[]).await.status, 303);
    assert_eq!(system.submit(LIST, &revoke, &[]).await.status, 303);
    let (_, events) = t.events_of(async { jobs::run_due(&t.app).await.unwrap() }).await;
    assert!(events.is_empty() && sink.take().is_empty(), "{events:#?}");

    // Nor does one that ran out while the server was busy.
    sink.is(Mood::Busy);
    assert_eq!(system.submit("/users", LIST, &[("address", "late@example.com")]).await.status, 303);
    jobs::run_due(&t.app).await.unwrap();
    t.advance(Duration::from_secs(73 * 3600));
    sink.is(Mood::Takes);
    let (_, events) = t.events_of(async { jobs::run_due(&t.app).await.unwrap() }).await;
    let mailed: Vec<&Value> = events.iter().filter(|e| e["action"] == "invitation.mailed").collect();
    assert_eq!((mailed.len(), &mailed[0]["outcome"], sink.take().len()), (1, &"failed".into(), 0));

    // Without an address it is shown all the same.
    let system = t.sign_in(&t.person("sys2", &[Role::SystemAdministrator]).await).await;
    assert_eq!(system.submit("/users", LIST, &[("roles", "requester")]).await.status, 201);
}

#[actix_web::test]
async fn nobody_gets_a_power_by_sending_an_invitation_again() {
    let t = TestApp::start().await;
    let browser = t.browser();
    let setup = countermand::app::setup::first_start(&t.app).await.unwrap().unwrap().path;
    let account = |name: &'static str| {
        [("username", name), ("display_name", name), ("password", "a sentence will do"), ("password_again", "a sentence will do")]
    };
    assert_eq!(browser.submit(&setup, &setup, &account("founder")).await.status, 201);
    // While nobody holds these administrations, a first start whose links were lost can be finished.
    let (_, system) = t.signed_in("sys", &[Role::SystemAdministrator]).await;
    let list = system.get(LIST).await.body;
    assert_eq!(list.matches("/renewals\"").count(), 2, "{list}");
    let ids: Vec<&str> = list.split("/users/invitations/").skip(1).filter_map(|rest| rest.split_once("/renewals")).map(|(id, _)| id).collect();
    let made = system.submit(LIST, &format!("{LIST}/{}/renewals", ids[0]), &[]).await;
    assert_eq!(made.status, 201, "{}", made.body);
    // As soon as there is a security administrator every such role is theirs to give, those that nobody holds too.
    let (_, security) = t.signed_in("sec", &[Role::SecurityAdministrator]).await;
    assert!(!system.get(LIST).await.body.contains("/renewals\""));
    for (id, version) in [(ids[0], "2"), (ids[1], "1")] {
        let (res, events) = t.events_of(system.submit("/users", &format!("{LIST}/{id}/renewals"), &[("version", version)])).await;
        assert_eq!((res.status.as_u16(), refused(&events, "invitation.renewed").as_str()), (409, "invitation-role"));
    }
    // Once somebody does, nobody but the security administrator gives such a role.
    let (_, audit) = t.signed_in("aud", &[Role::AuditAdministrator]).await;
    assert!(!system.get(LIST).await.body.contains("/renewals\""));
    for (id, version) in [(ids[0], "2"), (ids[1], "1")] {
        let (res, events) = t.events_of(system.submit("/users", &format!("{LIST}/{id}/renewals"), &[("version", version)])).await;
        assert_eq!((res.status.as_u16(), refused(&events, "invitation.renewed").as_str()), (409, "invitation-role"));
        assert_eq!(system.submit("/users", &format!("{LIST}/{id}/revocations"), &[("version", version)]).await.status, 303);
    }
    for wrong in [&security, &audit] {
        assert_eq!(wrong.get(LIST).await.status, 403);
        for (act, action) in [("renewals", "invitation.renewed"), ("revocations", "invitation.revoked")] {
            let (res, events) = t.events_of(wrong.submit("/account", &format!("{LIST}/{}/{act}", ids[0]), &[("version", "1")])).await;
            assert_eq!((res.status.as_u16(), refused(&events, action).as_str()), (403, "permission"));
        }
    }
}

/// Uploads a list and gives the answer.
async fn upload(t: &TestApp, browser: &Browser, list: &[u8]) -> (crate::support::app::Answer, Vec<Value>) {
    let csrf = browser.get("/users/imports").await.hidden("csrf").unwrap();
    let list = std::str::from_utf8(list).unwrap();
    let body = format!(
        "--b\r\ncontent-disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n--b\r\ncontent-disposition: form-data; name=\"file\"; \
         filename=\"list.csv\"\r\ncontent-type: text/csv\r\n\r\n{list}\r\n--b--\r\n"
    );
    let sent = browser.send(reqwest::Method::POST, "/users/imports", Some("multipart/form-data; boundary=b"), Some(body));
    t.events_of(sent).await
}

#[actix_web::test]
async fn a_list_of_people_is_checked_line_by_line_and_invited_wholly_or_not_at_all() {
    let (sink, mail) = post_office();
    let t = TestApp::start_with(mail).await;
    let (_, system) = t.signed_in("sys", &[Role::SystemAdministrator]).await;
    let wang = t.person_in("wang", &[Role::Requester], Some("华东")).await;
    countermand::app::notices::set_for(&t.app, &countermand::app::Caller::shell(), &wang.id, "Wang@example.com").await.unwrap();
    assert_eq!(system.submit("/users", LIST, &[("address", "open@example.com")]).await.status, 303);
    t.advance(Duration::from_secs(1));
    jobs::run_due(&t.app).await.unwrap();
    sink.take();

    // Everything that a line can have wrong, each said in its line.
    let bad = "姓名,邮箱,部门,角色\n,li@example.com,华东,申请人\n李新,不是邮箱,,\n赵敏,LI@example.com,,\n钱立,wang@example.com,,\n孙维,open@example.com,华南,\n\
               周启,zhou@example.com,,系统管理员、终审人\n吴桐,wu@example.com,,皇帝\n郑和,zheng@example.com,,部门复核人\n";
    let roles: Vec<String> = [Role::SystemAdministrator, Role::FinalApprover, Role::DepartmentReviewer]
        .iter()
        .map(|role| countermand::i18n::Tr::new(countermand::i18n::Lang::ZhCn).word("role", role))
        .collect();
    let bad = bad.replace("系统管理员、终审人", &format!("{}、{}", roles[0], roles[1])).replace("部门复核人", &roles[2]);
    let (res, events) = upload(&t, &system, bad.as_bytes()).await;
    assert_eq!((res.status.as_u16(), only(&events)), (422, ("invitation.sheet_checked", "success")), "{}", res.body);
    assert_eq!((&events[0]["parts"]["detail"]["people"], &events[0]["parts"]["detail"]["problems"]), (&8.into(), &8.into()));
    for said in [
        "邮箱地址格式有误",
        "与第 2 行的邮箱相同",
        "此邮箱已属于一个账号",
        "此邮箱已有待接受的邀请",
        "没有这个部门",
        "没有「皇帝」这个角色",
        "您无权授予此角色",
        "8 行有误",
        "尚未发出任何邀请",
    ] {
        assert!(res.body.contains(said), "{said}: {}", res.body);
    }
    assert!(res.body.matches("您无权授予此角色").count() == 2 && !res.body.contains("name=\"sealed\""), "{}", res.body);
    assert_eq!(res.body.matches("所选角色不能由同一人担任").count(), 1, "the separation of duties is said of its line: {}", res.body);

    // What is no such table.
    let long = format!("姓名\n{}", "李新\n".repeat(101));
    for (list, said) in [
        (&b"PK\x03\x04"[..], "工作簿"),
        (b"", "文件是空的"),
        ("邮箱\na@example.com\n".as_bytes(), "缺少「姓名」列"),
        ("姓名,口令\n李新,1\n".as_bytes(), "不认识或重复的列「口令」"),
        ("姓名\n\"李新\n".as_bytes(), "行无法读取"),
        (long.as_bytes(), "每次不超过 100 人"),
    ] {
        let (res, events) = upload(&t, &system, list).await;
        assert_eq!((res.status.as_u16(), refused(&events, "invitation.sheet_checked").as_str()), (422, "invalid"));
        assert!(res.body.contains(said), "{said}: {}", res.body);
    }

    // A good one, as a Chinese spreadsheet writes it, with a formula that is a name.
    let good = "\u{feff}姓名,邮箱,部门,角色\r\n'=李新,lixin@example.com,华东,申请人\r\n'赵敏,,,\r\n";
    let (res, events) = upload(&t, &system, good.as_bytes()).await;
    assert_eq!((res.status.as_u16(), only(&events)), (200, ("invitation.sheet_checked", "success")), "{}", res.body);
    let sealed = res.hidden("sealed").unwrap();
    assert!(sink.take().is_empty() && system.get(LIST).await.body.matches("/revocations\"").count() == 1, "nothing was done");
    let confirm = "/users/imports/confirmations";
    // Not by another session, not after something changed, not by the wrong administrator.
    let other = t.sign_in(&t.person("sys2", &[Role::SystemAdministrator]).await).await;
    for (by, sealed) in [(&other, sealed.as_str()), (&system, "00"), (&system, "")] {
        let (res, events) = t.events_of(by.submit("/users/imports", confirm, &[("sealed", sealed)])).await;
        assert_eq!((res.status.as_u16(), refused(&events, "invitation.sheet_confirmed").as_str()), (409, "sheet-stale"));
    }
    let (_, security) = t.signed_in("sec", &[Role::SecurityAdministrator]).await;
    let (res, events) = t.events_of(security.submit("/account", confirm, &[("sealed", &sealed)])).await;
    assert_eq!((res.status.as_u16(), refused(&events, "invitation.sheet_confirmed").as_str()), (403, "permission"));
    assert_eq!(security.get("/users/imports").await.status, 403);
    assert_eq!(system.submit("/users", LIST, &[("address", "LIXIN@example.com")]).await.status, 303);
    let (res, events) = t.events_of(system.submit("/users/imports", confirm, &[("sealed", &sealed)])).await;
    assert_eq!((res.status.as_u16(), refused(&events, "invitation.sheet_confirmed").as_str()), (409, "sheet-changed"));
    assert_eq!(system.get(LIST).await.body.matches("/revocations\"").count(), 2, "all or nothing: {}", res.body);
    let open = t.app.store.read(|conn| countermand::store::invitations::invitation_list(conn, 1)).await.unwrap().remove(0);
    assert_eq!(system.submit(LIST, &format!("{LIST}/{}/revocations", open.id), &[("version", "1")]).await.status, 303);

    // Confirmed: one by mail, one shown; once.
    let (res, events) = t.events_of(system.submit("/users/imports", confirm, &[("sealed", &sealed)])).await;
    assert_eq!((res.status.as_u16(), only(&events)), (201, ("invitation.sheet_confirmed", "success")), "{}", res.body);
    let made = events[0]["parts"]["detail"]["invitations"].as_array().unwrap();
    assert_eq!((made.len(), &made[0]["name"], &made[0]["by"], &made[1]["by"]), (2, &"=李新".into(), &"mail".into(), &"shown".into()));
    let shown = link(&res.body);
    assert!(res.body.contains("赵敏") && res.body.contains("lixin@example.com") && res.body.matches("/invitations/").count() == 1, "{}", res.body);
    assert!(!serde_json::to_string(&events).unwrap().contains(shown.rsplit('/').next().unwrap()));
    assert_eq!(made[1]["name"], "'赵敏", "an apostrophe that somebody typed stays");
    assert!(t.browser().get(&shown).await.body.contains("赵敏\""));
    jobs::run_due(&t.app).await.unwrap();
    assert_eq!(sink.take().iter().filter(|m| m.to == "lixin@example.com").count(), 1);
    let (res, events) = t.events_of(system.submit("/users/imports", confirm, &[("sealed", &sealed)])).await;
    assert_eq!((res.status.as_u16(), refused(&events, "invitation.sheet_confirmed").as_str()), (409, "sheet-done"));

    // A double click leads to the list, where the links are made anew.
    let (res, _) = upload(&t, &system, "姓名\n吴桐\n".as_bytes()).await;
    let (sealed, nonce) = (res.hidden("sealed").unwrap(), res.hidden("nonce").unwrap());
    let twice = [("sealed", sealed.as_str()), ("nonce", nonce.as_str())];
    assert_eq!(system.submit("/users/imports", confirm, &twice).await.status, 201);
    let res = system.submit("/users/imports", confirm, &twice).await;
    assert_eq!((res.status.as_u16(), res.location.as_str()), (303, LIST), "{}", res.body);
    let list = system.get(LIST).await.body;
    assert!(list.contains("此表单已提交过") && list.matches("吴桐").count() > 0, "{list}");
}

#[actix_web::test]
async fn a_list_at_the_limit_comes_back_whole_or_is_refused_before_anything_is_promised() {
    let long = "部".repeat(60);
    for db in TestDb::each() {
        let stage = Stage::set_on(db, |_| {}).await;
        let system = stage.person("system", &[Role::SystemAdministrator], &long).await;
        // A hundred lines of 28 KiB in UTF-8: what the page carries fits into a field.
        let domain = format!("{}.example", "x".repeat(55));
        let lines: String = (0..100).map(|n| format!("{},{}{n:03}@{domain}\n", "长".repeat(60), "a".repeat(37))).collect();
        let list = format!("姓名,邮箱\n{lines}");
        assert!(list.len() > 28_600 && list.len() <= sheet::LARGEST, "{}", list.len());
        let checked = sheet::check(&stage.app, &system.caller, list.into_bytes()).await.unwrap().value;
        let done = stage.post(&system, "/users/imports/confirmations", &[("sealed", &checked.sealed.unwrap())]).await;
        assert_eq!(done.status, 201, "{}", done.body);
        // As many bytes in GB18030 are half as long again in the page.
        let lines: String = (100..200).map(|n| format!("{},b{n:03}@{}.example,{long}\n", "长".repeat(60), "x".repeat(27))).collect();
        let list = encoding_rs::GB18030.encode(&format!("姓名,邮箱,部门\n{lines}")).0.into_owned();
        assert!(list.len() <= sheet::LARGEST, "{}", list.len());
        let Err(error) = sheet::check(&stage.app, &system.caller, list).await else { panic!("too long for the page") };
        assert!(format!("{error:?}").contains("too-many-people"), "{error:?}");
    }
}
