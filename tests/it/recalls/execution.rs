//! The execution under every fault of the platform, after crashes, halted, and until the window closes.

use std::time::Duration;

use countermand::{
    app::{Caller, calls, connections},
    connect::emulator::Mode,
    domain::{
        event::{Action, Subject},
        role::Role,
    },
    store::calls as call_rows,
};

use super::stage::Stage;

async fn recall_calls(stage: &Stage, case: &str) -> Vec<call_rows::CallRow> {
    let case = case.to_owned();
    let rows = stage.app.store.read(move |conn| call_rows::of_recall(conn, &case)).await.unwrap();
    rows.into_iter().filter(|c| c.kind == "recall").collect()
}

#[actix_web::test]
async fn each_fault_of_the_platform_ends_as_it_must() {
    // Fault, how often; the calls the platform saw; the results we recorded; the final state.
    let table: [(Mode, u32, usize, &[&str], &str); 5] = [
        (Mode::TooMany, 2, 3, &["rate_limited", "rate_limited", "ok"], "recall_accepted"),
        (Mode::Error500, 1, 2, &["unknown", "ok"], "recall_accepted"),
        // It acted and answered garbage: the second call is refused as already recalled, and that proves nothing.
        (Mode::Garbage, 1, 2, &["unknown", "refused"], "failed"),
        (Mode::RevokeToken, 1, 2, &["ok"], "recall_accepted"),
        (Mode::TimeoutAfterActing, 1, 2, &["unknown", "refused"], "failed"),
    ];
    for (mode, times, calls, results, state) in table {
        let stage = Stage::set().await;
        let cast = stage.cast().await;
        let case = stage.case(&cast).await;
        stage.emulator.inject("message/recall", mode, times);
        for who in [&cast.reviewer, &cast.lawyer, &cast.executive] {
            assert_eq!(stage.decide(who, &case, "approve").await.status, 303);
        }
        stage.settle(6, 5).await;
        let recorded = recall_calls(&stage, &case).await;
        let said: Vec<_> = recorded.iter().map(|c| c.result.as_deref().unwrap_or("none")).collect();
        assert_eq!(said, results, "{mode}");
        assert_eq!(stage.emulator.count("message/recall"), calls, "{mode}");
        assert_eq!(stage.state(&case).await, state, "{mode}");
        if state == "failed" {
            let tally = stage.loaded(&case).await.row.tally.unwrap();
            assert!(tally.contains("\"unknown\":3"), "{mode}: unknown, never better: {tally}");
        }
        let started = stage.trail(&case).await.iter().filter(|t| t.starts_with("recall.call_started")).count();
        assert_eq!(started, results.len(), "each call was announced first");
    }
}

#[actix_web::test]
async fn a_platform_that_stays_away_is_called_until_the_window_closes_and_no_longer() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let case = stage.case(&cast).await;
    let end = stage.loaded(&case).await.case.window_end().unwrap();
    stage.emulator.inject("message/recall", Mode::Error500, 10_000);
    stage.clock.advance(end.since(stage.app.now()) - Duration::from_secs(130));
    for who in [&cast.reviewer, &cast.lawyer, &cast.executive] {
        assert_eq!(stage.decide(who, &case, "approve").await.status, 303);
    }
    stage.settle(60, 3).await;
    assert_eq!(stage.state(&case).await, "failed");
    let calls = recall_calls(&stage, &case).await;
    assert!(calls.len() >= 5, "{}", calls.len());
    assert!(calls.iter().all(|c| c.started_at < end.0), "never after the window");
    assert!(stage.loaded(&case).await.row.tally.unwrap().contains("\"unknown\":3"));
    assert_eq!(stage.trail(&case).await.iter().filter(|t| *t == "case.closed success").count(), 1);
}

#[actix_web::test]
async fn a_call_whose_answer_died_with_its_process_is_lost_and_made_again() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let case = stage.case(&cast).await;
    for who in [&cast.reviewer, &cast.lawyer] {
        assert_eq!(stage.decide(who, &case, "approve").await.status, 303);
    }
    // As if a process had died between announcement and answer: begun, announced, nothing recorded.
    let broadcast = stage.loaded(&case).await.row.broadcast_id;
    let (wanted, id) = (broadcast.clone(), case.clone());
    let message = stage.app.store.read(move |conn| countermand::store::messages::of_broadcast(conn, &wanted)).await.unwrap().remove(0).id;
    let connection = stage.connection.clone();
    stage
        .app
        .store
        .write(move |tx| {
            let event = Caller::job("execute_recall").event(Action::RecallCallStarted, Subject::new("recall", id.clone())).case(&id);
            let purpose = calls::Purpose {
                kind: "recall",
                connection: Some(connection.clone()),
                broadcast: Some(broadcast.clone()),
                recall: Some(id.clone()),
                message: Some(message.clone()),
                attempt: 1,
            };
            calls::begin(tx, event, &purpose)
        })
        .await
        .unwrap();
    assert_eq!(stage.decide(&cast.executive, &case, "approve").await.status, 303);
    stage.settle(3, 5).await;
    let calls = recall_calls(&stage, &case).await;
    assert_eq!(calls.iter().map(|c| c.state.as_str()).collect::<Vec<_>>(), ["lost", "answered"]);
    assert_eq!(stage.emulator.count("message/recall"), 1);
    assert_eq!(stage.state(&case).await, "recall_accepted");
    // Running every job again changes nothing.
    for job in ["execute_recall", "expire_recall", "close_case"] {
        countermand::jobs::run(&stage.app, job, &serde_json::json!({ "recall": case })).await.unwrap();
    }
    assert_eq!(stage.emulator.count("message/recall"), 1);
    assert_eq!(stage.trail(&case).await.iter().filter(|t| t.starts_with("case.closed")).count(), 1);
}

#[actix_web::test]
async fn the_kill_switch_stops_what_has_not_been_called() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let guard = stage.person("guard", &[Role::SecurityAdministrator], "安全部").await;
    let case = stage.approved(&cast).await;
    let path = format!("/recalls/{case}/halts");
    assert_eq!(stage.post(&cast.requester, &path, &[("reason", "请先停止执行")]).await.status, 403);
    assert_eq!(stage.post(&cast.executive, &path, &[("reason", "")]).await.status, 422);
    let done = stage.post(&guard, &path, &[("reason", "收到仲裁通知，先停")]).await;
    assert_eq!(done.status, 303, "{}", done.body);
    let again = stage.post(&cast.executive, &path, &[("reason", "再停一次看看")]).await;
    assert_eq!((again.status, stage.last_refusal(&case).await.as_str()), (409, "nothing-to-halt"));
    stage.run().await;
    assert_eq!(stage.emulator.count("message/recall"), 0, "nothing was called after the halt");
    assert_eq!(stage.state(&case).await, "failed");
    let finished = stage.events(&case).await.into_iter().find(|e| e.leaf.action == "recall.finished").unwrap();
    assert_eq!(stage.detail(&finished).await["halted"], true);
}

#[actix_web::test]
async fn a_case_halted_in_review_cannot_be_approved_but_can_be_rejected() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let case = stage.case(&cast).await;
    assert_eq!(stage.post(&cast.executive, &format!("/recalls/{case}/halts"), &[("reason", "收到仲裁通知，先停")]).await.status, 303);
    assert_eq!(stage.decide(&cast.reviewer, &case, "approve").await.status, 409);
    assert_eq!(stage.last_refusal(&case).await, "halted");
    stage.clock.advance(Duration::from_secs(30));
    assert_eq!(stage.decide(&cast.reviewer, &case, "reject").await.status, 303);
    assert_eq!(stage.state(&case).await, "rejected");
}

/// Gives the stage's connection another secret, as the system administrator does on its page.
async fn give_secret(stage: &Stage, secret: &str) {
    let access = stage.emulator.access().clone();
    let version = stage.app.store.read(countermand::store::connections::list).await.unwrap()[0].version;
    let change = connections::Change {
        name: "企业微信".into(),
        base_url: access.base_url,
        corp_id: access.corp_id,
        agent_id: access.agent_id.to_string(),
        secret: secret.into(),
        active: true,
        version,
        ..connections::Change::default()
    };
    connections::change(&stage.app, &Caller::shell(), &stage.connection, change).await.unwrap();
}

#[actix_web::test]
async fn credentials_that_the_platform_refuses_can_be_mended_until_the_window_closes() {
    for mended in [true, false] {
        let stage = Stage::set().await;
        let cast = stage.cast().await;
        let case = stage.case(&cast).await;
        let end = stage.loaded(&case).await.case.window_end().unwrap();
        give_secret(&stage, "of-another-application").await;
        if !mended {
            stage.clock.advance(end.since(stage.app.now()) - Duration::from_secs(130));
        }
        for who in [&cast.reviewer, &cast.lawyer, &cast.executive] {
            assert_eq!(stage.decide(who, &case, "approve").await.status, 303);
        }
        stage.settle(3, 5).await;
        assert_eq!((stage.state(&case).await.as_str(), stage.emulator.count("message/recall")), ("executing", 0));
        for (lang, words) in [("zh-CN", "平台不接受该连接的凭据"), ("en", "does not accept this connection")] {
            let page = stage.get(&cast.requester, &format!("/recalls/{case}?lang={lang}")).await;
            assert!(page.body.contains(words), "the case says what it waits for: {}", page.body);
        }
        if mended {
            give_secret(&stage, &stage.emulator.access().secret.clone()).await;
        }
        stage.settle(60, 5).await;
        let (state, said) = if mended { ("recall_accepted", "\"accepted\":3") } else { ("failed", "\"failed\":3") };
        assert_eq!(stage.state(&case).await, state);
        assert!(stage.loaded(&case).await.row.tally.unwrap().contains(said), "nothing was done, and that is known");
        assert!(!stage.get(&cast.requester, &format!("/recalls/{case}")).await.body.contains("平台不接受该连接的凭据"));
        let calls = recall_calls(&stage, &case).await;
        assert!(calls.iter().all(|c| c.started_at < end.0), "never after the window");
        assert!(calls.iter().rev().skip(usize::from(mended)).all(|c| c.result.as_deref() == Some("unauthorized")), "{calls:?}");
    }
}
