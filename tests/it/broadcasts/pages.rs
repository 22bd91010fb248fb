//! The pages: sound in both languages, empty and full; forms that keep what was typed, send once, and leave exactly one event a post.

use actix_web::{body::to_bytes, cookie::Cookie, dev::ServiceResponse, http::StatusCode, test};
use countermand::{
    app::{
        Caller,
        broadcasts::{Wanted, import, report, send},
    },
    connect::MessageRef,
    domain::role::Role,
};

use super::stage::{Stage, person, signed_in};
use crate::{served, support::html::assert_sound};

async fn text(res: ServiceResponse) -> String {
    String::from_utf8(to_bytes(res.into_body()).await.unwrap().to_vec()).unwrap()
}

fn location(res: &ServiceResponse) -> String {
    res.headers().get("location").unwrap().to_str().unwrap().to_owned()
}

/// GET as the browser with this cookie.
macro_rules! get {
    ($app:expr, $cookie:expr, $path:expr) => {
        test::call_service(&$app, test::TestRequest::get().uri($path).cookie(Cookie::new("session", $cookie.clone())).to_request()).await
    };
}

/// POST of a form as the browser with this cookie.
macro_rules! post {
    ($app:expr, $cookie:expr, $path:expr, $fields:expr) => {
        test::call_service(&$app, test::TestRequest::post().uri($path).cookie(Cookie::new("session", $cookie.clone())).set_form($fields).to_request())
            .await
    };
}

async fn filled(stage: &Stage) -> [String; 3] {
    let users = stage.emulator.access().users.clone();
    let new = send::NewBroadcast {
        connection: stage.connection.clone(),
        audience: Wanted { users: vec![users[0].clone(), "Stranger".into()], parties: vec!["1".into()], tags: vec!["1".into()], all: false },
        title: "<b>通知</b>".into(),
        text: "<script>alert(1)</script> 𠮷".into(),
        sender: String::new(),
    };
    let sent = send::send(&stage.app, &stage.caller, new, None).await.unwrap().value;
    stage.settle().await;
    let new = report::Report {
        channel: "微信群\"><i>".into(),
        sent_at: "2026-11-22T19:00:00+08:00".into(),
        audience: "张三\n<李四>".into(),
        text: "原文\u{202e}倒写".into(),
        files: vec![report::Upload { name: "图\".png".into(), bytes: b"\x89PNG\r\n\x1a\n".to_vec() }],
        ..report::Report::default()
    };
    let reported = report::report(&stage.app, &stage.caller, new, None).await.unwrap().value;
    let new = import::Import {
        connection: stage.connection.clone(),
        sent_at: Some("2026-11-20T19:00:00+08:00".into()),
        messages: vec![MessageRef { id: "m".into(), room: None }],
        content: Some((String::new(), "旧通知".into())),
        recipients: import::Recipients::Listed((0..120).map(|n| format!("u{n:03}")).collect()),
        sender: String::new(),
    };
    [sent, reported, import::import(&stage.app, &stage.caller, new, None).await.unwrap().value]
}

#[actix_web::test]
async fn every_page_is_sound_in_both_languages_empty_and_full() {
    let stage = Stage::set().await;
    let app = served!(stage);
    let (requester, _) = signed_in(&stage, &stage.caller).await;
    let administrator = person(&stage.app, "admin", &[Role::SystemAdministrator]).await;
    let (administrator, _) = signed_in(&stage, &administrator).await;
    let mut pages = vec![
        (requester.clone(), "/".to_owned()),
        (administrator.clone(), "/".to_owned()),
        (administrator.clone(), "/settings".to_owned()),
        (requester.clone(), "/broadcasts".to_owned()),
        (requester.clone(), "/broadcasts?q=x&from=2026-11-01&to=2026-11-30&platform=wecom&state=sent".to_owned()),
        (requester.clone(), "/broadcasts/new".to_owned()),
        (requester.clone(), "/reports/new".to_owned()),
        (administrator.clone(), "/connections".to_owned()),
        (administrator.clone(), "/connections/new".to_owned()),
        (administrator.clone(), format!("/connections/{}", stage.connection)),
    ];
    let check = async |pages: &[(String, String)]| {
        for (cookie, path) in pages {
            for lang in ["zh-CN", "en"] {
                let joint = if path.contains('?') { '&' } else { '?' };
                let res = get!(app, cookie, &format!("{path}{joint}lang={lang}"));
                assert_eq!(res.status(), StatusCode::OK, "{path}");
                let page = text(res).await;
                assert_sound(&page);
                for raw in ["<script>alert", "<b>通知", "<李四>", "\"><i>", "\u{202e}"] {
                    assert!(!page.contains(raw), "{path} shows {raw:?} as markup");
                }
                for unworded in ["broadcast-", "column-", "field-", "hint-", "residue-", "delivery-", "error-"] {
                    assert!(!page.contains(&format!(">{unworded}")), "{path} ({lang}) shows the key of a missing word: {unworded}");
                }
            }
        }
    };
    check(&pages).await;
    let ids = filled(&stage).await;
    pages.extend(ids.iter().map(|id| (requester.clone(), format!("/broadcasts/{id}"))));
    let auditor = person(&stage.app, "auditor", &[Role::Auditor]).await;
    let (auditor, _) = signed_in(&stage, &auditor).await;
    pages.extend(ids.iter().map(|id| (auditor.clone(), format!("/broadcasts/{id}"))));
    pages.push((auditor.clone(), "/broadcasts".to_owned()));
    check(&pages).await;

    assert_eq!(get!(app, requester, "/settings").status(), StatusCode::FORBIDDEN);
    assert!(text(get!(app, requester, "/")).await.contains(&format!("/broadcasts/{}", ids[0])), "the newest broadcasts stand on the first page");
    let page = text(get!(app, requester, &format!("/broadcasts/{}", ids[0]))).await;
    assert!(page.contains("平台不提供") && page.contains("&#60;script&#62;alert(1)") && page.contains(&format!("/recalls/new?broadcast={}", ids[0])));
    let page = text(get!(app, requester, &format!("/broadcasts/{}", ids[1]))).await;
    assert!(page.contains("[U+202E]") && page.contains("在平台管理后台引导撤回"));
    let page = text(get!(app, requester, &format!("/broadcasts/{}", ids[2]))).await;
    assert!(page.contains("撤回窗口已关闭") && !page.contains("/recalls/new"), "an impossible action is replaced by its reason");
    let next = page.split("rel=\"next\" href=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(text(get!(app, requester, next)).await.contains("u070"));
    let page = text(get!(app, auditor, &format!("/broadcasts/{}", ids[0]))).await;
    assert!(page.contains("您的角色不能查看消息内容") && !page.contains("alert(1)") && !page.contains("通知"), "an auditor sees no contents");
}

#[actix_web::test]
async fn a_notice_is_checked_then_sent_and_a_double_click_sends_one() {
    let stage = Stage::set().await;
    let app = served!(stage);
    let (cookie, csrf) = signed_in(&stage, &stage.caller).await;
    let user = stage.emulator.access().users[0].clone();
    let fields = |step: &str, nonce: &str| {
        [
            ("csrf", csrf.clone()),
            ("nonce", nonce.into()),
            ("connection", stage.connection.clone()),
            ("audience", "some".into()),
            ("users", format!(" {user}，\n")),
            ("title", "通知 <1>".into()),
            ("text", "正文".into()),
            ("step", step.into()),
        ]
    };
    let before = stage.events();
    let res = post!(app, cookie, "/broadcasts", fields("check", "n1"));
    assert_eq!(res.status(), StatusCode::OK);
    let page = text(res).await;
    assert_sound(&page);
    assert!(page.contains("尚未发出") && page.contains("通知 &#60;1&#62;"));
    assert_eq!((stage.events() - before, stage.count("broadcast.submitted")), (1, 0), "a check leaves its event and nothing else");
    let first = post!(app, cookie, "/broadcasts", fields("send", "n2"));
    let second = post!(app, cookie, "/broadcasts", fields("send", "n2"));
    assert_eq!((first.status(), second.status()), (StatusCode::SEE_OTHER, StatusCode::SEE_OTHER));
    assert_eq!(location(&first), location(&second));
    assert_eq!(stage.count("broadcast.submitted"), 1);
    stage.settle().await;
    assert_eq!(stage.emulator.count("message/send"), 1);
    let page = text(get!(app, cookie, &location(&first))).await;
    assert!(page.contains("已发出"), "{page}");
}

#[actix_web::test]
async fn a_faulty_form_says_so_at_each_field_and_keeps_what_was_typed() {
    let stage = Stage::set().await;
    let app = served!(stage);
    let (cookie, csrf) = signed_in(&stage, &stage.caller).await;
    let before = stage.events();
    let bad = [
        ("csrf", csrf.as_str()),
        ("nonce", "n"),
        ("connection", "x"),
        ("audience", "all"),
        ("title", "\u{202e}<b>"),
        ("text", "留下"),
        ("step", "send"),
    ];
    let res = post!(app, cookie, "/broadcasts", bad);
    assert_eq!(res.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let page = text(res).await;
    assert_sound(&page);
    assert!(page.contains("aria-invalid=\"true\"") && page.contains("留下") && page.contains("含有无法识别的字符"), "{page}");
    assert_eq!(stage.events() - before, 1);
    let nul = [("csrf", csrf.as_str()), ("nonce", "n3"), ("title", "a\0b"), ("text", "x"), ("step", "send")];
    assert_eq!(post!(app, cookie, "/broadcasts", nul).status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(stage.events() - before, 2, "also what no use case has seen");
    let forged = [("csrf", "x"), ("step", "send")];
    assert_eq!(post!(app, cookie, "/broadcasts", forged).status(), StatusCode::FORBIDDEN);
    assert_eq!(stage.events() - before, 3);
    assert_eq!(stage.emulator.count("message/send"), 0);
}

#[actix_web::test]
async fn a_report_comes_from_a_phone_with_a_picture() {
    let stage = Stage::set().await;
    let app = served!(stage);
    let (cookie, csrf) = signed_in(&stage, &stage.caller).await;
    let body = |picture: &[u8]| {
        let mut body = Vec::new();
        for (name, value) in
            [("csrf", csrf.as_str()), ("nonce", "r1"), ("channel", "微信群"), ("sent_at", "2026-11-22T19:05"), ("audience", "张三"), ("text", "")]
        {
            body.extend_from_slice(format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").as_bytes());
        }
        body.extend_from_slice(b"--b\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a.png\"\r\nContent-Type: text/html\r\n\r\n");
        body.extend_from_slice(picture);
        body.extend_from_slice(b"\r\n--b--\r\n");
        body
    };
    let post = |picture: &[u8]| {
        test::TestRequest::post()
            .uri("/reports")
            .cookie(Cookie::new("session", cookie.clone()))
            .insert_header(("content-type", "multipart/form-data; boundary=b"))
            .set_payload(body(picture))
            .to_request()
    };
    let res = test::call_service(&app, post(b"<html>")).await;
    assert_eq!(res.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_sound(&text(res).await);
    let res = test::call_service(&app, post(b"\x89PNG\r\n\x1a\n")).await;
    assert_eq!(res.status(), StatusCode::SEE_OTHER);
    let at = location(&res);
    let page = text(get!(app, cookie, &at)).await;
    let file = page.split(&format!("{at}/attachments/")).nth(1).unwrap().split('"').next().unwrap().to_owned();
    let res = get!(app, cookie, &format!("{at}/attachments/{file}"));
    let header = |name: &str| res.headers().get(name).unwrap().to_str().unwrap().to_owned();
    assert_eq!((header("content-type").as_str(), header("x-content-type-options").as_str()), ("image/png", "nosniff"));
    assert!(header("content-disposition").starts_with("attachment;"), "never opened in the page");
    assert_eq!(stage.count("broadcast.reported"), 2, "the refusal and the report");
}

#[actix_web::test]
async fn only_the_system_administrator_makes_connections_and_the_secret_never_comes_back() {
    let stage = Stage::set().await;
    let app = served!(stage);
    let (requester, csrf) = signed_in(&stage, &stage.caller).await;
    assert_eq!(get!(app, requester, "/connections").status(), StatusCode::FORBIDDEN);
    let before = stage.events();
    assert_eq!(post!(app, requester, "/connections", [("csrf", csrf.as_str()), ("name", "x")]).status(), StatusCode::FORBIDDEN);
    assert_eq!(stage.events() - before, 1);
    let administrator: Caller = person(&stage.app, "admin", &[Role::SystemAdministrator]).await;
    let (cookie, csrf) = signed_in(&stage, &administrator).await;
    let access = stage.emulator.access().clone();
    let agent = access.agent_id.to_string();
    let fields = |base_url: &str, nonce: &str| {
        [
            ("csrf", csrf.clone()),
            ("nonce", nonce.to_owned()),
            ("name", "第二连接".to_owned()),
            ("platform", "wecom".to_owned()),
            ("base_url", base_url.to_owned()),
            ("corp_id", access.corp_id.clone()),
            ("agent_id", agent.clone()),
            ("secret", access.secret.clone()),
        ]
    };
    for evil in ["file:///etc/passwd", "http://u:p@127.0.0.1", "http://127.0.0.1/path", "nonsense", ""] {
        let res = post!(app, cookie, "/connections", fields(evil, evil));
        assert_eq!(res.status(), StatusCode::UNPROCESSABLE_ENTITY, "{evil}");
        let page = text(res).await;
        assert_sound(&page);
        assert!(!page.contains(&access.secret), "{evil}: a secret is never sent back");
    }
    let res = post!(app, cookie, "/connections", fields(&access.base_url, "ok"));
    assert_eq!(res.status(), StatusCode::SEE_OTHER);
    let at = location(&res);
    let res = post!(app, cookie, &format!("{at}/tests"), [("csrf", csrf.as_str())]);
    assert_eq!(res.status(), StatusCode::SEE_OTHER);
    let page = text(get!(app, cookie, &at)).await;
    assert!(page.contains("连接正常") && !page.contains(&access.secret));
    let taken = post!(app, cookie, "/connections", fields(&access.base_url, "again"));
    assert!(text(taken).await.contains("已被使用"));
    let change = |version: &str, secret: &str| {
        [
            ("csrf", csrf.clone()),
            ("version", version.to_owned()),
            ("name", "第二连接".to_owned()),
            ("base_url", access.base_url.clone()),
            ("corp_id", access.corp_id.clone()),
            ("agent_id", agent.clone()),
            ("secret", secret.to_owned()),
            ("active", "1".to_owned()),
        ]
    };
    assert_eq!(post!(app, cookie, &at, change("1", "wrong-secret")).status(), StatusCode::SEE_OTHER);
    let stale = post!(app, cookie, &at, change("1", ""));
    assert_eq!(stale.status(), StatusCode::CONFLICT, "a form from before somebody else's change");
    assert!(text(stale).await.contains("情况已有变化"));
    post!(app, cookie, &format!("{at}/tests"), [("csrf", csrf.as_str())]);
    let page = text(get!(app, cookie, &at)).await;
    assert!(page.contains("连接不可用") && page.contains("40001"), "the changed secret is in use at once: {page}");
}
