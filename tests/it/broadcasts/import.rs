//! Import: by ids, with what the importer tells where the platform cannot be read.

use countermand::{
    app::{
        AppError,
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
    let detail = view::detail(&stage.app, &stage.caller, &id, None).await.unwrap();
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
