//! The API: receipts, clear errors, requests done once.

use actix_web::{body::to_bytes, dev::ServiceResponse, http::StatusCode, test};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::stage::{Stage, service_token};
use crate::served;

async fn body(res: ServiceResponse) -> Value {
    serde_json::from_slice(&to_bytes(res.into_body()).await.unwrap()).unwrap()
}

macro_rules! post {
    ($app:expr, $token:expr, $path:expr, $body:expr) => {
        post!($app, $token, $path, $body, "")
    };
    ($app:expr, $token:expr, $path:expr, $body:expr, $key:expr) => {{
        let mut req = test::TestRequest::post().uri($path).insert_header(("authorization", format!("Bearer {}", $token)));
        if !$key.is_empty() {
            req = req.insert_header(("idempotency-key", $key));
        }
        test::call_service(&$app, req.set_payload($body.to_string()).to_request()).await
    }};
}

/// Fields and kinds of a problem's errors.
fn errors(problem: &Value) -> Vec<(String, String)> {
    let word = |v: &Value| v.as_str().unwrap().to_owned();
    problem["errors"].as_array().unwrap().iter().map(|e| (word(&e["field"]), word(&e["kind"]))).collect()
}

fn named(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(f, k)| ((*f).to_owned(), (*k).to_owned())).collect()
}

#[actix_web::test]
async fn a_program_sends_imports_reports_and_reads_back_with_receipts() {
    let stage = Stage::set().await;
    let app = served!(stage);
    let token = service_token(&stage.app, &["broadcast.send", "broadcast.read", "content.read"]).await;
    let new = json!({ "connection": "企业微信", "title": "通知", "text": "正文", "audience": "all" });
    let res = post!(app, token, "/api/v1/broadcasts", new);
    assert_eq!(res.status(), StatusCode::CREATED);
    let event = res.headers().get("audit-event").unwrap().to_str().unwrap().to_owned();
    let made = body(res).await;
    assert_eq!(made["receipt"]["event"], event.as_str());
    assert!(made["receipt"]["index"].is_u64() || made["receipt"]["index"].is_null());
    stage.settle().await;
    let read = async |path: &str| {
        let req = test::TestRequest::get().uri(path).insert_header(("authorization", format!("Bearer {token}"))).to_request();
        body(test::call_service(&app, req).await).await
    };
    let shown = read(made["href"].as_str().unwrap()).await;
    assert_eq!((&shown["state"], &shown["recall"]["path"], &shown["title"]), (&json!("sent"), &json!("api"), &json!("通知")));
    assert_eq!(shown["recipients"]["count"], stage.emulator.access().users.len());
    assert_eq!(shown["reading"], Value::Null, "where the platform does not tell, nothing is made up");
    assert_eq!(stage.count("content.read"), 0);
    let opened = read(&format!("{}?include=content", made["href"].as_str().unwrap())).await;
    assert_eq!((&opened["content"]["text"], stage.count("content.read")), (&json!("正文"), 1));

    let import = json!({
        "connection": stage.connection, "sent_at": "2026-11-22T18:00:00+08:00", "message_ids": ["m1"],
        "content": { "title": "旧通知", "text": "正文" }, "recipients": ["a", "b"], "sender": "linyutong",
    });
    let res = post!(app, token, "/api/v1/broadcasts/imports", import);
    assert_eq!(res.status(), StatusCode::CREATED);
    let made = body(res).await;
    let shown = read(made["href"].as_str().unwrap()).await;
    assert_eq!((&shown["messages"][0]["platform_id"], &shown["sender"]), (&json!("m1"), &json!(stage.caller.user_id)));
    let again = post!(app, token, "/api/v1/broadcasts/imports", import);
    assert_eq!(again.status(), StatusCode::CONFLICT);
    let problem = body(again).await;
    assert_eq!((&problem["type"], &problem["about"]["broadcast"]), (&json!("urn:countermand:problem:already-imported"), &made["id"]));

    let report = json!({
        "channel": "微信群", "sent_at": "2026-11-22T18:00:00+08:00", "audience": ["张三", "李四"], "text": "原文",
        "screenshots": [{ "name": "a.png", "data": STANDARD.encode(b"\x89PNG\r\n\x1a\n") }],
    });
    let res = post!(app, token, "/api/v1/reports", report);
    assert_eq!(res.status(), StatusCode::CREATED);
    let shown = read(body(res).await["href"].as_str().unwrap()).await;
    assert_eq!((&shown["recall"]["path"], &shown["recipients"]["count"]), (&json!("guided"), &json!(2)));
}

#[actix_web::test]
async fn wrong_types_and_missing_members_are_named_and_leave_one_event_each() {
    let stage = Stage::set().await;
    let app = served!(stage);
    let token = service_token(&stage.app, &["broadcast.send"]).await;
    let cases = [
        (
            "/api/v1/broadcasts",
            json!({ "connection": 1, "title": [], "text": {}, "audience": 7, "extra": 0 }),
            named(&[("connection", "type"), ("title", "type"), ("text", "type"), ("audience", "type"), ("extra", "unknown")]),
        ),
        ("/api/v1/broadcasts", json!({}), named(&[("connection", "required"), ("title", "required"), ("text", "required"), ("users", "nobody")])),
        ("/api/v1/broadcasts", json!([]), named(&[("", "json")])),
        (
            "/api/v1/broadcasts/imports",
            json!({ "message_ids": [1, {"id": 2}], "content": "x", "recipients": [3], "sent_at": 5 }),
            named(&[("sent_at", "type"), ("content", "type"), ("message_ids.0", "type"), ("message_ids.1.id", "type"), ("recipients", "type")]),
        ),
        (
            "/api/v1/reports",
            json!({ "screenshots": [{ "name": "a", "data": "%%%" }, "x"], "audience": 1 }),
            named(&[("audience", "type"), ("screenshots.0.data", "base64"), ("screenshots.1", "type")]),
        ),
        ("/api/v1/reports", json!({}), named(&[("channel", "required"), ("sent_at", "not-a-time"), ("audience", "required")])),
    ];
    for (path, sent, expected) in cases {
        let before = stage.events();
        let res = post!(app, token, path, sent);
        assert_eq!(res.status(), StatusCode::UNPROCESSABLE_ENTITY, "{path} {sent}");
        assert_eq!(res.headers().get("content-type").unwrap(), "application/problem+json");
        let problem = body(res).await;
        assert_eq!(errors(&problem), expected, "{path} {sent}");
        assert!(problem["errors"].as_array().unwrap().iter().all(|e| !e["detail"].as_str().unwrap().starts_with("error-")), "{problem}");
        assert_eq!(stage.events() - before, 1, "{path} {sent}");
    }
    let garbage = post!(app, token, "/api/v1/broadcasts", "{\"a\":\u{1}");
    assert_eq!(errors(&body(garbage).await), named(&[("", "json")]));
    let before = stage.events();
    let large = format!("{{\"text\":\"{}\"}}", "x".repeat(21 << 20));
    assert_eq!(post!(app, token, "/api/v1/broadcasts", large).status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(stage.events() - before, 1);
}

#[actix_web::test]
async fn strangers_and_tokens_without_the_scope_are_turned_away() {
    let stage = Stage::set().await;
    let app = served!(stage);
    let res = post!(app, "cm_wrong", "/api/v1/broadcasts", json!({}));
    assert_eq!((res.status(), res.headers().contains_key("www-authenticate")), (StatusCode::UNAUTHORIZED, true));
    let token = service_token(&stage.app, &["broadcast.read"]).await;
    let before = stage.events();
    let res = post!(app, token, "/api/v1/broadcasts", json!({ "connection": "企业微信", "title": "x", "text": "y", "audience": "all" }));
    assert_eq!((res.status(), stage.events() - before), (StatusCode::FORBIDDEN, 1));
    assert_eq!(body(res).await["status"], 403);
}

#[actix_web::test]
async fn a_repeated_request_is_done_once_and_answered_alike() {
    let stage = Stage::set().await;
    let app = served!(stage);
    let token = service_token(&stage.app, &["broadcast.send", "broadcast.read"]).await;
    let other = service_token(&stage.app, &["broadcast.send"]).await;
    let new = json!({ "connection": "企业微信", "title": "通知", "text": "正文", "audience": "all" });
    let first = post!(app, token, "/api/v1/broadcasts", new, "key-1");
    let status = first.status();
    let event = first.headers().get("audit-event").unwrap().clone();
    let first = body(first).await;
    let second = post!(app, token, "/api/v1/broadcasts", new, "key-1");
    assert_eq!((second.status(), second.headers().get("audit-event")), (status, Some(&event)));
    assert_eq!(body(second).await, first);
    assert_eq!(stage.count("broadcast.submitted"), 1);
    let changed = json!({ "connection": "企业微信", "title": "另一通知", "text": "正文", "audience": "all" });
    let res = post!(app, token, "/api/v1/broadcasts", changed, "key-1");
    assert_eq!(res.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(body(res).await["type"], "urn:countermand:problem:idempotency-other");
    assert_eq!(post!(app, other, "/api/v1/broadcasts", new, "key-1").status(), StatusCode::CREATED, "another token's key is another key");
    assert_eq!(post!(app, token, "/api/v1/broadcasts", new, "a b").status(), StatusCode::BAD_REQUEST);
    let refused = post!(app, token, "/api/v1/broadcasts", json!({}), "key-2");
    let refused = (refused.status(), body(refused).await["errors"].clone());
    let again = post!(app, token, "/api/v1/broadcasts", json!({}), "key-2");
    assert_eq!((again.status(), body(again).await["errors"].clone()), refused, "a refusal is an answer too");
    stage.clock.advance(std::time::Duration::from_secs(24 * 3600 + 1));
    assert_eq!(post!(app, token, "/api/v1/broadcasts", changed, "key-1").status(), StatusCode::CREATED, "after a day the key is free again");
}

#[actix_web::test]
async fn two_requests_at_once_with_one_key_make_one_broadcast() {
    let stage = Stage::set().await;
    let app = served!(stage);
    let token = service_token(&stage.app, &["broadcast.send"]).await;
    let new = json!({ "connection": "企业微信", "title": "通知", "text": "正文", "audience": "all" });
    let one = async || {
        let res = post!(app, token, "/api/v1/broadcasts", new, "at-once");
        body(res).await["id"].clone()
    };
    let (a, b, c) = tokio::join!(one(), one(), one());
    assert!(a.is_string() && a == b && b == c);
    assert_eq!(stage.count("broadcast.submitted"), 1);
}
