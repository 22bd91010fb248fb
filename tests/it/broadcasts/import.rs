//! Import: by ids, with what the importer tells where the platform cannot be read.

use countermand::{
    app::{
        AppError, Turn,
        broadcasts::{
            self, import,
            import::{Import, Recipients},
            view,
        },
    },
    connect::MessageRef,
    domain::platform::RecallPath,
};

use super::stage::Stage;

fn new(stage: &Stage) -> Import {
    Import {
        connection: stage.connection.clone(),
        sent_at: Some("2026-11-22T18:00:00+08:00".into()),
        messages: vec![MessageRef { id: "msg-1".into(), room: None }],
        content: Some(("通知".into(), "正文".into())),
        recipients: Recipients::All,
        ..Import::default()
    }
}

fn kinds(result: Result<impl Sized, AppError>) -> Vec<(&'static str, &'static str)> {
    match result {
        Err(AppError::Invalid(errors)) => errors.iter().map(|e| (e.field, e.kind)).collect(),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it went through"),
    }
}

#[tokio::test]
async fn an_imported_notice_can_be_recalled_by_its_id() {
    let stage = Stage::set().await;
    let id = import::import(&stage.app, &stage.caller, new(&stage), None).await.unwrap().value;
    let broadcast = broadcasts::load(&stage.app, &id).await.unwrap();
    assert_eq!(broadcast.recipients.count, stage.emulator.access().users.len() as u64, "everybody is asked for by name");
    assert_eq!((broadcast.state.as_str(), broadcast.sent_at_source.as_deref()), ("sent", Some("imported")));
    assert_eq!(broadcast.messages[0].platform_id.as_deref(), Some("msg-1"));
    assert_eq!(broadcast.may_recall(stage.app.now(), []), Ok(RecallPath::Api));
    let detail = view::detail(&stage.app, &stage.caller, &id, Turn::First).await.unwrap();
    assert_eq!(detail.calls.iter().map(|c| c.kind.as_str()).collect::<Vec<_>>(), ["members"]);
    assert_eq!(detail.counts.reported, broadcast.recipients.count, "who got it is the importer's word");
}

#[tokio::test]
async fn the_same_message_is_imported_once() {
    let stage = Stage::set().await;
    let id = import::import(&stage.app, &stage.caller, new(&stage), None).await.unwrap().value;
    match import::import(&stage.app, &stage.caller, new(&stage), None).await {
        Err(AppError::Refused { kind: "already-imported", detail }) => assert_eq!(detail["broadcast"], id.as_str()),
        other => panic!("{other:?}"),
    }
    assert_eq!(stage.count("broadcast.imported"), 2, "the refusal leaves exactly one event");
}

#[tokio::test]
async fn what_neither_the_platform_nor_the_importer_tells_is_asked_for() {
    let stage = Stage::set().await;
    let send = async |wanted: Import| kinds(import::import(&stage.app, &stage.caller, wanted, None).await);
    assert_eq!(send(Import { content: None, ..new(&stage) }).await, [("content", "required")]);
    assert_eq!(send(Import { sent_at: None, ..new(&stage) }).await, [("sent_at", "required")]);
    assert_eq!(send(Import { recipients: Recipients::Ask, ..new(&stage) }).await, [("recipients", "required")]);
    assert_eq!(send(Import { recipients: Recipients::Listed(Vec::new()), ..new(&stage) }).await, [("recipients", "nobody")]);
    assert_eq!(send(Import { messages: Vec::new(), ..new(&stage) }).await, [("message_ids", "required")]);
    let twice = vec![MessageRef { id: "a".into(), room: None }; 2];
    assert_eq!(send(Import { messages: twice, ..new(&stage) }).await, [("message_ids", "twice")]);
    let nul = vec![MessageRef { id: "a\0".into(), room: None }];
    assert_eq!(send(Import { messages: nul, ..new(&stage) }).await, [("message_ids", "bad-id")]);
    assert_eq!(send(Import { sent_at: Some("yesterday".into()), ..new(&stage) }).await, [("sent_at", "not-a-time")]);
}

#[tokio::test]
async fn an_old_notice_is_known_but_cannot_be_recalled() {
    let stage = Stage::set().await;
    let old = Import {
        sent_at: Some("2026-11-20T18:00:00+08:00".into()),
        recipients: Recipients::Listed(vec!["b".into(), "a".into(), "a".into()]),
        ..new(&stage)
    };
    let id = import::import(&stage.app, &stage.caller, old, None).await.unwrap().value;
    let broadcast = broadcasts::load(&stage.app, &id).await.unwrap();
    assert_eq!((broadcast.recipients.count, broadcast.path(stage.app.now())), (2, RecallPath::None));
    assert_eq!(broadcast.may_recall(stage.app.now(), []).map_err(|n| n.as_str()), Err("window-closed"));
}

#[tokio::test]
async fn from_a_platform_that_can_be_read_two_ids_are_enough() {
    use countermand::{
        app::{Caller, connections, content},
        domain::platform::Platform,
    };
    use serde_json::json;

    use crate::fake_http::{Asked, Fake, answer};

    let stage = Stage::set().await;
    let ok = |body: serde_json::Value| answer("200 OK", "", &body.to_string());
    let fake = Fake::start(move |asked: &Asked| {
        if asked.path.contains("/event/") {
            ok(json!({
                "type": "m.room.message", "event_id": "$e", "sender": "@lin:example.org", "origin_server_ts": 1_795_340_528_123_i64,
                "content": { "msgtype": "m.text", "body": "放假安排\n第二行" }, "unsigned": {},
            }))
        } else if asked.path.contains("joined_members") {
            ok(json!({ "joined": { "@lin:example.org": {}, "@su:example.org": {}, "@gu:example.org": {} } }))
        } else {
            answer("404 Not Found", "", r#"{"errcode":"M_UNRECOGNIZED","error":"x"}"#)
        }
    });
    let new = connections::NewConnection {
        name: "聊天".into(),
        platform: "matrix".into(),
        base_url: fake.base_url.clone(),
        secret: "syt_token".into(),
        ..connections::NewConnection::default()
    };
    connections::create(&stage.app, &Caller::shell(), new).await.unwrap();
    let place = MessageRef { id: "$e".into(), room: Some("!r:example.org".into()) };
    let bare = Import { connection: "聊天".into(), messages: vec![place.clone()], ..Import::default() };
    let id = import::import(&stage.app, &stage.caller, bare.clone(), None).await.unwrap().value;
    let broadcast = broadcasts::load(&stage.app, &id).await.unwrap();
    assert_eq!((broadcast.platform, broadcast.sent_at_source.as_deref()), (Platform::Matrix, Some("platform")));
    assert_eq!((broadcast.sent_at.map(|at| at.0), broadcast.recipients.count), (Some(1_795_340_528_123_000), 2));
    assert_eq!(broadcast.messages[0].room.as_deref(), Some("!r:example.org"));
    assert_eq!(broadcast.may_recall(stage.app.now(), []), Ok(RecallPath::Api), "without a limit of time");
    let said = content::open(&stage.app.store.keys().envelope, &broadcast.row).unwrap();
    assert_eq!((said.title.as_str(), said.text.as_str()), ("放假安排", "放假安排\n第二行"));
    let detail = view::detail(&stage.app, &stage.caller, &id, Turn::First).await.unwrap();
    assert_eq!(detail.calls.iter().map(|c| c.kind.as_str()).collect::<Vec<_>>(), ["fetch", "reading"]);
    for call in &detail.calls {
        let raw = countermand::app::calls::open_raw(&stage.app.store.keys().envelope, call).unwrap();
        assert!(!format!("{raw:?}").contains("放假"), "what it says lies only with the contents");
    }
    let roomless = Import { messages: vec![MessageRef { room: None, ..place }], ..bare };
    assert_eq!(kinds(import::import(&stage.app, &stage.caller, roomless, None).await), [("message_ids", "no-room")]);
}

#[tokio::test]
async fn a_platform_that_cannot_be_read_now_is_a_refusal_that_says_so() {
    use countermand::app::{Caller, connections};

    use crate::fake_http::{Fake, answer};

    let stage = Stage::set().await;
    let fake = Fake::start(|_| answer("403 Forbidden", "", r#"{"errcode":"M_FORBIDDEN","error":"x"}"#));
    let new = connections::NewConnection {
        name: "聊天".into(),
        platform: "matrix".into(),
        base_url: fake.base_url.clone(),
        secret: "syt_token".into(),
        ..connections::NewConnection::default()
    };
    connections::create(&stage.app, &Caller::shell(), new).await.unwrap();
    let place = MessageRef { id: "$e".into(), room: Some("!r:example.org".into()) };
    let bare = Import { connection: "聊天".into(), messages: vec![place], ..Import::default() };
    match import::import(&stage.app, &stage.caller, bare.clone(), None).await {
        Err(AppError::Refused { kind: "platform-read", detail }) => assert_eq!(detail["code"], "M_FORBIDDEN"),
        other => panic!("{other:?}"),
    }
    let told = Import { content: Some(("通知".into(), "正文".into())), recipients: Recipients::Listed(vec!["@a:b".into()]), ..bare };
    let told = Import { sent_at: Some("2026-11-22T18:00:00+08:00".into()), ..told };
    assert!(import::import(&stage.app, &stage.caller, told, None).await.is_ok(), "who tells everything needs no platform");
}
