//! The job on a platform that can be read back: the message is looked at before, taken back by name of the case, and seen to be gone, so
//! that its recipients are confirmed. The server is a small one of our own; a real Synapse is in tests/interop/matrix_recall.py.

use std::sync::{Arc, Mutex};

use countermand::app::{
    Caller,
    broadcasts::import::{self, Import, MessageRef},
    connections::{self, NewConnection},
};
use serde_json::{Value, json};

use super::stage::{Cast, Stage};
use crate::fake_http::{Asked, Fake, answer};

/// A room with one message, and what its server does with a redaction.
#[derive(Default)]
struct Room {
    /// The reason given.
    redacted: Option<String>,
    /// Statuses and bodies of the next redactions, the last one first; what is not here is carried out and answered.
    faults: Vec<(&'static str, &'static str, bool)>,
}

fn serve(room: Arc<Mutex<Room>>) -> Fake {
    Fake::start(move |asked: &Asked| {
        let ok = |body: Value| answer("200 OK", "", &body.to_string());
        let mut room = room.lock().unwrap();
        if asked.path.contains("/redact/") {
            let fault = room.faults.pop();
            if fault.is_none_or(|(_, _, acts)| acts) {
                room.redacted = Some(serde_json::from_str::<Value>(&asked.body).unwrap()["reason"].as_str().unwrap().to_owned());
            }
            return match fault {
                Some(("", ..)) => Vec::new(),
                Some((status, body, _)) => answer(status, "", body),
                None => ok(json!({ "event_id": "$redaction" })),
            };
        }
        if asked.path.contains("/send/") {
            return ok(json!({ "event_id": "$c" }));
        }
        if asked.path.contains("/event/") {
            let (content, unsigned) = match &room.redacted {
                Some(reason) => (json!({}), json!({ "redacted_because": { "sender": "@records:x", "content": { "reason": reason } } })),
                None => (json!({ "msgtype": "m.text", "body": "放假安排有变" }), json!({})),
            };
            return ok(json!({
                "type": "m.room.message", "event_id": "$e", "sender": "@lin:x", "origin_server_ts": 1_795_340_400_000_i64,
                "content": content, "unsigned": unsigned,
            }));
        }
        if asked.path.contains("joined_members") {
            return ok(json!({ "joined": { "@lin:x": {}, "@su:x": {}, "@gu:x": {} } }));
        }
        let receipts = json!({ "$e": { "m.read": { "@su:x": { "ts": 1_795_340_450_000_i64 } } } });
        ok(json!({ "rooms": { "join": { "!r:x": {
            "timeline": { "events": [{ "event_id": "$e" }] }, "ephemeral": { "events": [{ "type": "m.receipt", "content": receipts }] },
        } } } }))
    })
}

/// Imports the message and has its recall approved.
async fn approved(stage: &Stage, cast: &Cast, fake: &Fake) -> String {
    approved_with(stage, cast, fake, &[]).await
}

/// The same, asked for with more.
async fn approved_with(stage: &Stage, cast: &Cast, fake: &Fake, more: &[(&str, &str)]) -> String {
    let new = NewConnection {
        name: "聊天".into(),
        platform: "matrix".into(),
        base_url: fake.base_url.clone(),
        secret: "syt_token".into(),
        ..NewConnection::default()
    };
    connections::create(&stage.app, &Caller::shell(), new).await.unwrap();
    let place = MessageRef { id: "$e".into(), room: Some("!r:x".into()) };
    let import = Import { connection: "聊天".into(), messages: vec![place], ..Import::default() };
    let broadcast = import::import(&stage.app, &cast.requester.caller, import, None).await.unwrap().value;
    let fields = [("broadcast", broadcast.as_str()), ("category", "leak"), ("reason", "收件范围误选为全体员工"), ("step", "submit")];
    let case = stage.post(&cast.requester, "/recalls", &[&fields, more].concat()).await.case();
    for who in [&cast.reviewer, &cast.lawyer, &cast.executive] {
        assert_eq!(stage.decide(who, &case, "approve").await.status, 303);
    }
    case
}

#[actix_web::test]
async fn what_is_read_back_as_gone_is_confirmed() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let room = Arc::new(Mutex::new(Room::default()));
    let fake = serve(room.clone());
    let case = approved(&stage, &cast, &fake).await;
    stage.run().await;
    let loaded = stage.loaded(&case).await;
    assert_eq!(loaded.row.state, "recalled");
    assert!(loaded.row.tally.unwrap().contains("\"confirmed\":2"));
    assert_eq!(room.lock().unwrap().redacted.as_deref(), Some(loaded.row.number.as_str()), "the reason names the case");
    let started = stage.events(&case).await.into_iter().find(|e| e.leaf.action == "recall.execution_started").unwrap();
    let reading = &stage.detail(&started).await["reading"];
    assert_eq!((&reading["read"], &reading["unread"]), (&json!(1), &json!(1)), "who had read it was captured before; who had not, had not");
    assert_eq!(fake.asked().iter().filter(|a| a.method == "PUT").count(), 1);
}

#[actix_web::test]
async fn a_correction_goes_into_the_room_that_an_imported_message_lay_in() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let fake = serve(Arc::new(Mutex::new(Room::default())));
    let correction = [("correction.title", "【更正】放假安排"), ("correction.text", "自二月十七日起放假。")];
    let case = approved_with(&stage, &cast, &fake, &correction).await;
    stage.settle(4, 1).await;
    let row = super::correction::sent(&stage, &case).await.unwrap();
    assert_eq!((stage.state(&case).await.as_str(), row.state.as_str()), ("recalled", "sent"));
    let asked = fake.asked();
    let sent: Vec<_> = asked.iter().filter(|a| a.method == "PUT" && a.path.contains("/send/")).collect();
    assert!(sent.len() == 1 && sent[0].path.contains("r%3Ax") | sent[0].path.contains("!r:x"), "{sent:?}");
    assert!(sent[0].body.contains("自二月十七日起放假"), "{sent:?}");
}

#[actix_web::test]
async fn each_fault_of_a_homeserver_ends_as_it_must() {
    const LIMITED: &str = r#"{"errcode":"M_LIMIT_EXCEEDED","error":"Too Many Requests","retry_after_ms":4000}"#;
    const FORBIDDEN: &str = r#"{"errcode":"M_FORBIDDEN","error":"You don't have permission to redact events"}"#;
    const REVOKED: &str = r#"{"errcode":"M_UNKNOWN_TOKEN","error":"Invalid access token passed."}"#;
    // What the redaction meets; how many redactions go out; the state and the outcome in the end.
    let table: [(&[(&str, &str, bool)], usize, &str, &str); 6] = [
        (&[("", "", true)], 1, "recalled", "confirmed"),
        (&[("", "", false)], 2, "recalled", "confirmed"),
        (&[("504 Gateway Timeout", "<html>", true)], 1, "recalled", "confirmed"),
        (&[("429 Too Many Requests", LIMITED, false)], 2, "recalled", "confirmed"),
        (&[("403 Forbidden", FORBIDDEN, false)], 1, "failed", "failed"),
        // A token can be mended: it is tried again, and the next one is taken.
        (&[("401 Unauthorized", REVOKED, false)], 2, "recalled", "confirmed"),
    ];
    for (faults, redactions, state, outcome) in table {
        let stage = Stage::set().await;
        let cast = stage.cast().await;
        let room = Arc::new(Mutex::new(Room { faults: faults.to_vec(), ..Room::default() }));
        let fake = serve(room.clone());
        let case = approved(&stage, &cast, &fake).await;
        stage.settle(8, 2).await;
        let loaded = stage.loaded(&case).await;
        assert_eq!(loaded.row.state, state, "{faults:?}");
        assert!(loaded.row.tally.as_deref().unwrap_or_default().contains(&format!("\"{outcome}\":2")), "{faults:?} {:?}", loaded.row.tally);
        assert_eq!(fake.asked().iter().filter(|a| a.method == "PUT").count(), redactions, "{faults:?}");
    }
}

#[actix_web::test]
async fn what_somebody_else_took_back_before_is_gone_without_a_call_of_ours() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let room = Arc::new(Mutex::new(Room::default()));
    let fake = serve(room.clone());
    let case = approved(&stage, &cast, &fake).await;
    room.lock().unwrap().redacted = Some("己撤".into());
    stage.run().await;
    assert_eq!(stage.loaded(&case).await.row.state, "recalled");
    assert!(fake.asked().iter().all(|a| a.method == "GET"));
}
