//! The Matrix connector: the shapes of errors against a small server of our own; the job itself against a real Synapse, where
//! `SYNAPSE_JSON` holds the line of `tests/interop/matrix.py serve`.

use std::{sync::Arc, time::Duration};

use countermand::{
    clock::{Instant, SystemClock},
    connect::{
        Audience, ConnectError, Connector, MessageRef, Outgoing, Presence, Settings, connector,
        http::{Client, Limits},
        matrix::Matrix,
    },
    domain::platform::Platform,
};
use serde_json::{Value, json};

use crate::fake_http::{Asked, Fake, answer};

const ROOM: &str = "!room/1:example.org";
const EVENT: &str = "$event?1";
const TOKEN: &str = "syt_the-access-token";

fn matrix(base_url: &str) -> Matrix {
    let limits = Limits { whole: Duration::from_secs(3), ..Limits::default() };
    Matrix::new(Client::with_limits(base_url, true, Arc::new(SystemClock), limits).unwrap(), TOKEN)
}

fn place() -> MessageRef {
    MessageRef { id: EVENT.to_owned(), room: Some(ROOM.to_owned()) }
}

fn event() -> Value {
    json!({
        "type": "m.room.message", "event_id": EVENT, "sender": "@lin:example.org", "origin_server_ts": 1_795_340_528_123_i64,
        "content": { "msgtype": "m.text", "body": "放假安排" }, "unsigned": {},
    })
}

fn ok(body: &Value) -> Vec<u8> {
    answer("200 OK", "", &body.to_string())
}

/// A server that answers the reading of the event with `event`, and everything else with `other`.
fn server(event: Vec<u8>, other: Vec<u8>) -> Fake {
    Fake::start(move |asked: &Asked| if asked.method == "GET" && asked.path.contains("/event/") { event.clone() } else { other.clone() })
}

#[tokio::test]
async fn a_redaction_looks_first_and_names_its_reason_and_key() {
    let fake = server(ok(&event()), ok(&json!({ "event_id": "$redaction" })));
    let matrix = matrix(&fake.base_url);
    let done = matrix.recall(&place(), "误发，案号 FR-20261122-0001", "case-1/2").await;
    assert_eq!(done.result, Ok(()));
    let asked = fake.asked();
    let path = "/_matrix/client/v3/rooms/!room%2F1:example.org";
    assert_eq!(asked[0].path, format!("{path}/event/$event%3F1"), "an id stays in its segment");
    assert_eq!((asked[1].method.as_str(), asked[1].path.as_str()), ("PUT", format!("{path}/redact/$event%3F1/case-1%2F2").as_str()));
    assert_eq!(asked[1].body, json!({ "reason": "误发，案号 FR-20261122-0001" }).to_string());
    assert!(!serde_json::to_string(&done.calls).unwrap().contains(TOKEN));
}

#[tokio::test]
async fn an_event_that_is_not_there_is_never_redacted() {
    let fake =
        server(answer("404 Not Found", "", r#"{"errcode":"M_NOT_FOUND","error":"Event not found."}"#), ok(&json!({ "event_id": "$redaction" })));
    let refused = matrix(&fake.base_url).recall(&place(), "", "k").await;
    assert_eq!(refused.result, Err(ConnectError::Refused { code: "M_NOT_FOUND".to_owned(), message: "Event not found.".to_owned() }));
    assert_eq!(fake.asked().len(), 1, "the server would have answered 200");
}

#[tokio::test]
async fn what_has_been_redacted_is_left_alone_and_reads_as_gone() {
    let mut gone = event();
    gone["content"] = json!({});
    gone["unsigned"] = json!({ "redacted_because": { "sender": "@a:b", "content": { "reason": "x" } } });
    let fake = server(ok(&gone), ok(&json!({ "event_id": "$redaction" })));
    let matrix = matrix(&fake.base_url);
    assert_eq!(matrix.recall(&place(), "", "k").await.result, Ok(()));
    assert_eq!(matrix.read_back(&place()).await.result, Ok(Presence::Gone));
    assert!(matches!(matrix.fetch(&place()).await.result, Err(ConnectError::Refused { code, .. }) if code == "redacted"));
    assert!(fake.asked().iter().all(|a| a.method == "GET"));
}

#[tokio::test]
async fn half_a_redaction_is_visible() {
    let mut empty = event();
    empty["content"] = json!({});
    let mut marked = event();
    marked["unsigned"] = json!({ "redacted_because": { "sender": "@a:b" } });
    for half in [event(), empty, marked] {
        let fake = server(ok(&half), Vec::new());
        assert_eq!(matrix(&fake.base_url).read_back(&place()).await.result, Ok(Presence::Visible), "{half}");
    }
}

#[tokio::test]
async fn errors_before_and_after_acting_are_kept_apart() {
    let redact = async |event: Vec<u8>, other: Vec<u8>| matrix(&server(event, other).base_url).recall(&place(), "", "k").await.result.unwrap_err();
    let oops = || answer("500 Internal Server Error", "", r#"{"errcode":"M_UNKNOWN","error":"Internal server error"}"#);
    assert!(matches!(redact(oops(), Vec::new()).await, ConnectError::NotReached(_)), "the look failed: nothing was done");
    for lost in [oops(), Vec::new(), answer("200 OK", "", "<html>"), answer("200 OK", "", "{}"), answer("504 Gateway Timeout", "", "")] {
        assert!(matches!(redact(ok(&event()), lost).await, ConnectError::Unknown(_)), "the redaction's answer was lost");
    }
    let forbidden = answer("403 Forbidden", "", r#"{"errcode":"M_FORBIDDEN","error":"You don't have permission to redact events"}"#);
    assert!(matches!(redact(ok(&event()), forbidden).await, ConnectError::Refused { code, .. } if code == "M_FORBIDDEN"));
    let limited = answer("429 Too Many Requests", "", r#"{"errcode":"M_LIMIT_EXCEEDED","error":"Too Many Requests","retry_after_ms":2500}"#);
    assert_eq!(redact(ok(&event()), limited).await, ConnectError::RateLimited { retry_after: Duration::from_millis(2500) });
    let unknown_token = answer("401 Unauthorized", "", r#"{"errcode":"M_UNKNOWN_TOKEN","error":"Invalid access token passed."}"#);
    assert!(matches!(redact(unknown_token, Vec::new()).await, ConnectError::Unauthorized { code, .. } if code == "M_UNKNOWN_TOKEN"));
}

#[tokio::test]
async fn an_import_brings_sender_text_time_and_members() {
    let members = json!({ "joined": { "@lin:example.org": {}, "@su:example.org": {}, "@gu:example.org": {} } });
    let fake = server(ok(&event()), ok(&members));
    let fetched = matrix(&fake.base_url).fetch(&place()).await.result.unwrap();
    assert_eq!((fetched.sender.as_str(), fetched.text.as_str()), ("@lin:example.org", "放假安排"));
    assert_eq!(fetched.sent_at, Instant(1_795_340_528_123_000));
    assert_eq!(fetched.recipients, ["@gu:example.org", "@su:example.org"], "without the sender");
    let mut picture = event();
    picture["content"] = json!({ "msgtype": "m.image" });
    let mut state = event();
    state["type"] = json!("m.room.topic");
    for odd in [picture, state] {
        let fake = server(ok(&odd), ok(&members));
        assert!(
            matches!(matrix(&fake.base_url).fetch(&place()).await.result, Err(ConnectError::Refused { code, .. }) if code == "no_message"),
            "{odd}"
        );
    }
}

#[tokio::test]
async fn a_large_room_is_imported_whole() {
    let joined: serde_json::Map<String, Value> =
        (0..30_000).map(|n| (format!("@employee-{n:06}:chat.example.org"), json!({ "display_name": null }))).collect();
    let fake = server(ok(&event()), ok(&json!({ "joined": joined })));
    let fetched = matrix(&fake.base_url).fetch(&place()).await;
    assert_eq!(fetched.result.unwrap().recipients.len(), 30_000);
    assert_eq!(fetched.calls[1].response.as_ref().unwrap().len(), 1 << 20, "the first MiB is kept");
}

#[tokio::test]
async fn ids_that_are_none_are_refused_before_any_call() {
    let fake = server(Vec::new(), Vec::new());
    let matrix = matrix(&fake.base_url);
    for (id, room) in [("$e", None), ("e", Some("!r:x")), ("$", Some("!r:x")), ("..", Some("!r:x")), ("$e", Some("#alias:x")), ("$e\n", Some("!r:x"))]
    {
        let message = MessageRef { id: id.to_owned(), room: room.map(str::to_owned) };
        assert!(matches!(matrix.recall(&message, "", "k").await.result, Err(ConnectError::Refused { .. })), "{id} {room:?}");
    }
    let nowhere = Audience { all: true, ..Audience::default() };
    assert!(matches!(
        matrix.send(&nowhere, &Outgoing { title: String::new(), text: "x".to_owned() }).await.result,
        Err(ConnectError::Refused { .. })
    ));
    assert!(fake.asked().is_empty());
    assert_eq!(matrix.members().await.result, Err(ConnectError::Unsupported));
}

#[tokio::test]
async fn a_real_synapse_carries_an_announcement_and_forgets_it() {
    let Ok(line) = std::env::var("SYNAPSE_JSON") else {
        eprintln!("not run: SYNAPSE_JSON is not set (tests/interop/synapse)");
        return;
    };
    let synapse: Value = serde_json::from_str(&line).unwrap();
    let text = |key: &str| synapse[key].as_str().unwrap().to_owned();
    let list = |key: &str| -> Vec<String> { serde_json::from_value(synapse[key].clone()).unwrap() };
    let settings = Settings { platform: Platform::Matrix, base_url: text("base_url"), corp_id: String::new(), agent_id: 0 };
    let open = |token: &str| connector(&settings, token, true, Arc::new(SystemClock)).unwrap();
    let admin = open(&text("token"));
    assert_eq!(admin.test().await.result, Ok(()));
    assert!(matches!(open("wrong").test().await.result, Err(ConnectError::Unauthorized { code, .. }) if code == "M_UNKNOWN_TOKEN"));

    // A message of the test's own, so that the announcement of the interop script stays for others.
    let room = Audience { parties: vec![text("room")], ..Audience::default() };
    let own = admin.send(&room, &Outgoing { title: "标题".to_owned(), text: "正文".to_owned() }).await.result.unwrap();
    assert!(own.platform_time.is_some());
    assert_eq!(admin.fetch(&own.message).await.result.unwrap().text, "标题\n\n正文");

    let announcement = MessageRef { id: text("event"), room: Some(text("room")) };
    let fetched = admin.fetch(&announcement).await.result.unwrap();
    assert_eq!((fetched.sender, fetched.text), (text("sender"), text("text")));
    let mut recipients = list("users");
    recipients.retain(|u| *u != text("sender"));
    recipients.sort();
    assert_eq!(fetched.recipients, recipients);

    let reading = admin.reading(&announcement).await.result.unwrap();
    let state = |user: &str| reading.iter().find(|r| r.user == user).map(|r| r.read_at.is_some());
    for user in list("read") {
        assert_eq!(state(&user), Some(true), "{user}");
    }
    for user in list("unread") {
        assert_eq!(state(&user), Some(false), "{user}");
    }

    let member = open(&text("member_token"));
    assert!(matches!(member.recall(&own.message, "", "k").await.result, Err(ConnectError::Refused { code, .. }) if code == "M_FORBIDDEN"));
    let lost = MessageRef { id: "$ffffffffffffffffffffffffffffffffffffffffffff".to_owned(), room: Some(text("room")) };
    assert!(matches!(admin.recall(&lost, "", "k").await.result, Err(ConnectError::Refused { .. })), "Synapse would have answered 200");

    assert_eq!(admin.read_back(&own.message).await.result, Ok(Presence::Visible));
    let key = countermand::id::fresh();
    for time in 1..=2 {
        let done = admin.recall(&own.message, "案号 FR-20261122-0001：误发", &key).await;
        assert_eq!(done.result, Ok(()), "{time}");
        assert!(!serde_json::to_string(&done.calls).unwrap().contains(&text("token")));
    }
    assert_eq!(admin.read_back(&own.message).await.result, Ok(Presence::Gone));
    assert_eq!(member.read_back(&own.message).await.result, Ok(Presence::Gone), "a recipient reads it back too");

    if let Ok(case) = std::env::var("SYNAPSE_RECALL_CASE") {
        assert_eq!(admin.recall(&announcement, &format!("{case}：误发"), &countermand::id::fresh()).await.result, Ok(()));
        assert_eq!(admin.read_back(&announcement).await.result, Ok(Presence::Gone));
    }
}
