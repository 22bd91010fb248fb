//! Sending: to everybody and to some, with every fault that the platform can have, and with a crash between call and answer.

use std::time::Duration;

use countermand::{
    app::{
        AppError, Turn,
        broadcasts::{self, Wanted, deliver, send, send::NewBroadcast, view},
        calls, content,
    },
    connect::emulator::Mode,
    domain::{platform::RecallPath, role::Role},
    store::{calls as call_rows, recipients},
};

use super::stage::{Stage, person};

fn new(stage: &Stage, users: &[&str]) -> NewBroadcast {
    NewBroadcast {
        connection: stage.connection.clone(),
        audience: Wanted { users: users.iter().map(|s| (*s).to_owned()).collect(), ..Wanted::default() },
        title: "放假通知".into(),
        text: "国庆放假 <b>𠮷</b> =1+1".into(),
        ..NewBroadcast::default()
    }
}

fn everybody(stage: &Stage) -> NewBroadcast {
    NewBroadcast { audience: Wanted { all: true, ..Wanted::default() }, ..new(stage, &[]) }
}

/// Id and delivery of every recipient.
async fn deliveries(stage: &Stage, id: &str) -> Vec<(String, String)> {
    let id = id.to_owned();
    let rows = stage.app.store.read(move |conn| recipients::all(conn, &id)).await.unwrap();
    rows.into_iter().map(|r| (r.platform_id, r.delivery)).collect()
}

async fn call_rows(stage: &Stage, id: &str) -> Vec<call_rows::CallRow> {
    let id = id.to_owned();
    stage.app.store.read(move |conn| call_rows::of_broadcast(conn, &id)).await.unwrap().into_iter().filter(|c| c.kind == "send").collect()
}

/// Resolves when the notice lies in the recipient's inbox.
async fn arrived(stage: &Stage, user: &str) {
    while !format!("{:?}", stage.emulator.inbox(user)).contains("国庆") {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_notice_to_everybody_is_sent_once_and_every_member_is_in_the_set() {
    let stage = Stage::set().await;
    let done = send::send(&stage.app, &stage.caller, everybody(&stage), None).await.unwrap();
    let id = done.value;
    assert!(done.receipt.is_some());
    let before = broadcasts::load(&stage.app, &id).await.unwrap();
    assert_eq!((before.state.as_str(), before.sent_at), ("sending", None));
    assert_eq!(stage.emulator.count("message/send"), 0, "nothing leaves before the write is durable");
    stage.settle().await;
    let after = broadcasts::load(&stage.app, &id).await.unwrap();
    assert_eq!(after.state, "sent");
    assert_eq!(stage.emulator.count("message/send"), 1);
    assert_eq!(after.recipients.count, stage.emulator.access().users.len() as u64);
    assert_eq!(after.recipients, before.recipients, "the set that decisions bind does not move");
    assert!(deliveries(&stage, &id).await.iter().all(|(_, d)| d == "accepted"));
    assert!(after.sent_at.unwrap() <= stage.app.now());
    assert_eq!(after.path(after.sent_at.unwrap()), RecallPath::Api);
    assert_eq!(after.path(after.sent_at.unwrap().plus(Duration::from_secs(24 * 3600 - 119))), RecallPath::None, "two minutes are kept for executing");
    let actions: Vec<String> = stage.trail(&id).into_iter().map(|(a, _)| a).collect();
    assert_eq!(actions, ["broadcast.submitted", "broadcast.call_started", "broadcast.call_answered", "broadcast.sent"]);
}

#[tokio::test]
async fn contents_are_sealed_at_rest_and_nowhere_in_the_calls_that_are_kept() {
    let stage = Stage::set().await;
    let user = stage.emulator.access().users[0].clone();
    let id = send::send(&stage.app, &stage.caller, new(&stage, &[&user]), None).await.unwrap().value;
    stage.settle().await;
    let broadcast = broadcasts::load(&stage.app, &id).await.unwrap();
    let envelope = &stage.app.store.keys().envelope;
    let said = content::open(envelope, &broadcast.row).unwrap();
    assert_eq!((said.title.as_str(), said.text.as_str()), ("放假通知", "国庆放假 <b>𠮷</b> =1+1"));
    for sealed in [&broadcast.row.content_sealed, &broadcast.row.title_sealed, &broadcast.row.audience_sealed] {
        assert!(!sealed.windows(6).any(|w| w == "国庆".as_bytes()));
    }
    let calls = call_rows(&stage, &id).await;
    let raw = calls::open_raw(envelope, &calls[0]).unwrap();
    let sent = raw.iter().find(|c| c.path.contains("message/send")).unwrap();
    assert!(sent.request.contains("sha256") && !sent.request.contains("国庆"), "{}", sent.request);
    assert!(sent.response.as_deref().unwrap_or_default().contains("msgid"), "the answer is kept to the byte");
    assert!(!sent.path.contains(&stage.emulator.access().secret));
    assert!(stage.emulator.inbox(&user).is_some_and(|inbox| format!("{inbox:?}").contains("国庆")), "and it did arrive");
}

#[tokio::test]
async fn strangers_among_the_recipients_are_refused_one_by_one() {
    let stage = Stage::set().await;
    let user = stage.emulator.access().users[0].clone();
    let mut wanted = new(&stage, &[&user, "NoSuchPerson"]);
    wanted.audience.parties = vec![stage.emulator.access().parties[0].clone(), "99999".into()];
    let id = send::send(&stage.app, &stage.caller, wanted, None).await.unwrap().value;
    stage.settle().await;
    let got = deliveries(&stage, &id).await;
    let of = |who: &str| got.iter().find(|(id, _)| id == who).map(|(_, d)| d.as_str());
    assert_eq!(of(&user), Some("accepted"));
    assert_eq!(of("NoSuchPerson"), Some("refused"), "the platform answers in lower case; our spelling is kept");
    assert_eq!(of("party:99999"), Some("refused"));
    assert_eq!(of(&format!("party:{}", stage.emulator.access().parties[0])), Some("accepted"));
    assert_eq!(broadcasts::load(&stage.app, &id).await.unwrap().state, "sent");
}

#[tokio::test]
async fn nobody_known_means_a_failed_broadcast_and_no_recall() {
    let stage = Stage::set().await;
    let id = send::send(&stage.app, &stage.caller, new(&stage, &["Nobody1", "Nobody2"]), None).await.unwrap().value;
    stage.settle().await;
    let broadcast = broadcasts::load(&stage.app, &id).await.unwrap();
    assert_eq!((broadcast.state.as_str(), broadcast.sent_at), ("failed", None));
    assert_eq!(broadcast.path(stage.app.now()), RecallPath::None);
    assert!(broadcast.may_recall(stage.app.now(), []).is_err());
    assert_eq!(stage.trail(&id).last().unwrap(), &("broadcast.sent".to_owned(), "failed".to_owned()));
    assert_eq!(call_rows(&stage, &id).await[0].code.as_deref(), Some("81013"));
}

#[tokio::test]
async fn whatever_the_platform_does_each_recipient_gets_it_once() {
    let stage = Stage::set().await;
    let user = stage.emulator.access().users[0].clone();
    for (n, mode) in [Mode::Garbage, Mode::Error500, Mode::TooMany, Mode::RevokeToken].into_iter().enumerate() {
        stage.emulator.inject("message/send", mode, 1);
        let mut wanted = new(&stage, &[&user]);
        wanted.title = format!("第 {n} 号");
        let id = send::send(&stage.app, &stage.caller, wanted, None).await.unwrap().value;
        stage.settle().await;
        let broadcast = broadcasts::load(&stage.app, &id).await.unwrap();
        assert_eq!(broadcast.state, "sent", "{mode}");
        let shown = format!("{:?}", stage.emulator.inbox(&user).unwrap());
        assert_eq!(shown.matches(&format!("第 {n} 号")).count(), 1, "{mode}: {shown}");
        let calls = call_rows(&stage, &id).await;
        assert!(calls.iter().all(|c| c.state == "answered"), "{mode}");
        if mode == Mode::Garbage {
            assert_eq!(calls[0].result.as_deref(), Some("unknown"));
            let began = calls.iter().map(|c| c.started_at).min().unwrap();
            assert!(broadcast.sent_at.unwrap().0 <= began, "the window starts with the first try that may have worked");
        }
    }
}

#[tokio::test]
async fn a_platform_that_is_away_is_tried_again_and_given_up_in_the_end() {
    let stage = Stage::set().await;
    let user = stage.emulator.access().users[0].clone();
    stage.emulator.inject("message/send", Mode::TooMany, 100);
    let id = send::send(&stage.app, &stage.caller, new(&stage, &[&user]), None).await.unwrap().value;
    for _ in 0..5 {
        stage.settle().await;
    }
    let broadcast = broadcasts::load(&stage.app, &id).await.unwrap();
    assert_eq!(broadcast.state, "failed", "429 says that nothing was done");
    assert_eq!(call_rows(&stage, &id).await.len(), 8);
}

#[tokio::test]
async fn a_crash_between_call_and_answer_neither_loses_nor_doubles_the_notice() {
    let stage = Stage::set().await;
    let user = stage.emulator.access().users[0].clone();
    let id = send::send(&stage.app, &stage.caller, new(&stage, &[&user]), None).await.unwrap().value;
    stage.emulator.inject("message/send", Mode::TimeoutAfterActing, 1);
    // The process dies while the platform, which has acted, will never answer.
    tokio::select! {
        _ = deliver::step(&stage.app, &id) => panic!("the answer came too early"),
        () = arrived(&stage, &user) => {}
    }
    assert_eq!(call_rows(&stage, &id).await[0].state, "started", "the announcement was durable before the call");
    let began = call_rows(&stage, &id).await[0].started_at;
    stage.clock.advance(Duration::from_secs(300));
    let app = stage.restarted();
    countermand::jobs::run_due(&app).await.unwrap();
    stage.settle().await;
    let calls = call_rows(&stage, &id).await;
    assert_eq!(calls.iter().map(|c| c.state.as_str()).collect::<Vec<_>>(), ["lost", "answered"]);
    let broadcast = broadcasts::load(&stage.app, &id).await.unwrap();
    assert_eq!(broadcast.state, "sent");
    assert!(broadcast.sent_at.unwrap().0 <= began, "the lost call may have been the one that worked");
    assert_eq!(format!("{:?}", stage.emulator.inbox(&user).unwrap()).matches("国庆").count(), 1);
}

#[tokio::test]
async fn after_the_platform_stops_dropping_doubles_a_lost_send_stays_unknown() {
    let stage = Stage::set().await;
    let user = stage.emulator.access().users[0].clone();
    let id = send::send(&stage.app, &stage.caller, new(&stage, &[&user]), None).await.unwrap().value;
    stage.emulator.inject("message/send", Mode::TimeoutAfterActing, 1);
    tokio::select! {
        _ = deliver::step(&stage.app, &id) => panic!("the answer came too early"),
        () = arrived(&stage, &user) => {}
    }
    stage.clock.advance(Duration::from_secs(29 * 60));
    stage.settle().await;
    assert_eq!(call_rows(&stage, &id).await.len(), 1, "no second call");
    let broadcast = broadcasts::load(&stage.app, &id).await.unwrap();
    assert_eq!(broadcast.state, "partly_sent", "neither sent nor failed can be said");
    assert!(broadcast.sent_at.is_some(), "the window runs from when it may have gone out");
    assert_eq!(deliveries(&stage, &id).await, [(user, "unknown".to_owned())]);
}

#[tokio::test]
async fn two_runners_of_one_job_make_one_call() {
    let stage = Stage::set().await;
    let user = stage.emulator.access().users[0].clone();
    let id = send::send(&stage.app, &stage.caller, new(&stage, &[&user]), None).await.unwrap().value;
    let app = stage.restarted();
    let (a, b) = tokio::join!(deliver::step(&stage.app, &id), deliver::step(&app, &id));
    a.unwrap();
    b.unwrap();
    stage.settle().await;
    assert_eq!(format!("{:?}", stage.emulator.inbox(&user).unwrap()).matches("国庆").count(), 1);
    assert_eq!(broadcasts::load(&stage.app, &id).await.unwrap().state, "sent");
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_with_every_faulty_field_and_leaves_its_event() {
    let stage = Stage::set().await;
    let before = stage.count("broadcast.submitted");
    let bad = NewBroadcast { connection: "nowhere".into(), title: "a\0".into(), text: "\u{202e}x".into(), ..NewBroadcast::default() };
    let Err(AppError::Invalid(errors)) = send::send(&stage.app, &stage.caller, bad, None).await else { panic!("it went through") };
    let fields: Vec<_> = errors.iter().map(|e| (e.field, e.kind)).collect();
    assert_eq!(fields, [("connection", "no-such"), ("title", "control"), ("text", "control"), ("users", "nobody")]);
    let mut long = new(&stage, &["a"]);
    long.text = "长".repeat(700);
    let Err(AppError::Invalid(errors)) = send::send(&stage.app, &stage.caller, long, None).await else { panic!("the platform would cut it") };
    assert_eq!((errors[0].field, errors[0].kind), ("text", "too-many-bytes"));
    let auditor = person(&stage.app, "auditor", &[Role::Auditor]).await;
    assert!(matches!(send::send(&stage.app, &auditor, everybody(&stage), None).await, Err(AppError::Forbidden(_))));
    assert_eq!(stage.count("broadcast.submitted"), before + 3, "each refusal leaves exactly one event");
    assert_eq!(stage.emulator.count("message/send"), 0);
}

#[tokio::test]
async fn reading_the_text_leaves_an_event_and_an_auditor_sees_no_title() {
    let stage = Stage::set().await;
    let user = stage.emulator.access().users[0].clone();
    let id = send::send(&stage.app, &stage.caller, new(&stage, &[&user]), None).await.unwrap().value;
    let said = broadcasts::content(&stage.app, &stage.caller, &id, None).await.unwrap();
    assert!(said.text.starts_with("国庆"));
    assert_eq!(stage.count("content.read"), 1);
    let auditor = person(&stage.app, "auditor", &[Role::Auditor]).await;
    assert!(matches!(broadcasts::content(&stage.app, &auditor, &id, None).await, Err(AppError::Forbidden(_))));
    let page = view::list(&stage.app, &auditor, view::Wanted::default(), Turn::First).await.unwrap();
    assert_eq!(page.lines.len(), 1);
    assert_eq!(page.lines[0].title, None);
    let asked = |word: &str| view::Wanted { keyword: Some(word.into()), ..view::Wanted::default() };
    let mine = view::list(&stage.app, &stage.caller, asked("放假"), Turn::First).await.unwrap();
    assert_eq!(mine.lines[0].title.as_deref(), Some("放假通知"));
    let none = view::list(&stage.app, &stage.caller, asked("报价"), Turn::First).await.unwrap();
    assert!(none.lines.is_empty());
}

#[tokio::test]
async fn an_answer_that_never_comes_is_asked_for_again_and_the_platform_drops_the_double() {
    // Each waits for our own time-out, so they run side by side.
    let one = async |mode: Mode| {
        let stage = Stage::set().await;
        let user = stage.emulator.access().users[0].clone();
        stage.emulator.inject("message/send", mode, 1);
        let id = send::send(&stage.app, &stage.caller, new(&stage, &[&user]), None).await.unwrap().value;
        stage.settle().await;
        let results: Vec<_> = call_rows(&stage, &id).await.into_iter().filter_map(|c| c.result).collect();
        assert_eq!(results, ["unknown", "ok"], "{mode}");
        assert_eq!(broadcasts::load(&stage.app, &id).await.unwrap().state, "sent", "{mode}");
        assert_eq!(format!("{:?}", stage.emulator.inbox(&user).unwrap()).matches("国庆").count(), 1, "{mode}");
    };
    tokio::join!(one(Mode::TimeoutAfterActing), one(Mode::TimeoutBefore), async {
        let stage = Stage::set().await;
        let user = stage.emulator.access().users[0].clone();
        stage.emulator.inject("message/send", Mode::Slow, 1);
        let id = send::send(&stage.app, &stage.caller, new(&stage, &[&user]), None).await.unwrap().value;
        stage.settle().await;
        assert_eq!(call_rows(&stage, &id).await.len(), 1, "slow is not lost");
    });
}

#[tokio::test]
async fn a_request_repeated_after_a_crash_makes_nothing_twice() {
    use countermand::id::BroadcastId;
    let stage = Stage::set().await;
    let id = BroadcastId::fresh();
    let first = send::send(&stage.app, &stage.caller, everybody(&stage), Some(id.clone())).await.unwrap();
    let second = send::send(&stage.restarted(), &stage.caller, everybody(&stage), Some(id.clone())).await.unwrap();
    assert_eq!((&first.value, &second.value), (&id.0, &id.0));
    assert_eq!(stage.count("broadcast.submitted"), 1);
    stage.settle().await;
    assert_eq!(stage.emulator.count("message/send"), 1);
}

#[tokio::test]
async fn an_answer_that_comes_after_its_call_was_given_up_is_recorded_as_late() {
    use countermand::{
        connect::{ConnectError, Exchange},
        domain::event::Action,
    };
    let stage = Stage::set().await;
    let id = send::send(&stage.app, &stage.caller, everybody(&stage), None).await.unwrap().value;
    let event = |action| calls::event(&stage.caller, action, &id);
    let purpose = calls::Purpose { kind: "send", broadcast: Some(id.clone()), attempt: 1, ..calls::Purpose::default() };
    let started = event(Action::BroadcastCallStarted);
    let call = stage.app.store.write(move |tx| calls::begin(tx, started.clone(), &purpose)).await.unwrap().value;
    let (row, lost) = (call_rows(&stage, &id).await.remove(0), event(Action::BroadcastCallAnswered));
    assert!(stage.app.store.write(move |tx| calls::lose(tx, lost.clone(), &row)).await.unwrap().value);
    let exchange: Exchange<()> = Exchange { calls: Vec::new(), result: Err(ConnectError::Refused { code: "40056".into(), message: "x".into() }) };
    let answer = calls::answer(&stage.app.store.keys().envelope, &call, &exchange, calls::Contents::None).unwrap();
    let late = event(Action::BroadcastCallAnswered);
    stage.app.store.write(move |tx| calls::end(tx, late.clone(), &call, &answer)).await.unwrap();
    let row = call_rows(&stage, &id).await.remove(0);
    assert_eq!((row.state.as_str(), row.result.as_deref(), row.code.as_deref()), ("answered", Some("refused"), Some("40056")));
    assert_eq!(stage.count("broadcast.call_answered"), 2, "that it was lost stands in the log, and so does the answer");
    assert!(
        !stage
            .app
            .store
            .write(move |tx| calls::lose(
                tx,
                countermand::domain::event::Event::system(Action::BroadcastCallAnswered, countermand::domain::event::Subject::new("broadcast", "x")),
                &row
            ))
            .await
            .unwrap()
            .value
    );
}

#[tokio::test]
async fn a_nul_in_an_address_or_a_name_finds_nothing() {
    let stage = Stage::set().await;
    assert!(matches!(broadcasts::load(&stage.app, "a\0b").await, Err(AppError::NotFound | AppError::Store(countermand::app::StoreError::NotFound))));
    let mut wanted = everybody(&stage);
    wanted.connection = "a\0b".into();
    let refused = send::send(&stage.app, &stage.caller, wanted, None).await;
    assert!(matches!(refused, Err(AppError::Invalid(_))), "{refused:?}");
}
