//! The same job by programs: ask, read, decide with a personal token, withdraw; and what tokens may not.

use std::time::Duration;

use countermand::{
    app::{
        App, AppError,
        once::{self, Begun},
        recalls::{
            decide::{self, Decide},
            submit::{self, Request},
            withdraw,
        },
    },
    clock::Instant,
    config::Config,
    id::{DecisionId, RecallId},
    store::jobs as job_rows,
};
use serde_json::json;

use super::stage::Stage;

#[actix_web::test]
async fn programs_ask_and_people_decide_through_the_api() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let people = stage.recipients();
    let broadcast = stage.notice(&cast.requester, &[&people[0]]).await;
    let mine = stage.token(Some(&cast.requester), &["recall.request", "recall.read"]).await;
    let body = json!({ "broadcast": broadcast, "category": "wrong_fact", "reason": "金额写错了一位数" });
    let made = stage.api(&mine, "/recalls", Some(body.clone()), Some("key-1")).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let case = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(made.json()["number"], "FR-20261122-0001");
    let answer = made.json();
    assert_eq!((answer["event"].as_str(), &answer["receipt"]["event"]), (Some(made.event.as_str()), &answer["event"]));
    assert_eq!(answer["index"], answer["receipt"]["index"]);
    let again = stage.api(&mine, "/recalls", Some(body), Some("key-1")).await;
    assert_eq!((again.status, again.json()["id"].as_str()), (201, Some(case.as_str())), "the same key gives the same case");
    let other = stage.api(&mine, "/recalls", Some(json!({ "broadcast": "x" })), Some("key-1")).await;
    assert_eq!(other.status, 422, "the same key with another body");
    let wrong = stage.api(&mine, "/recalls", Some(json!({ "broadcast": 1, "colour": "red" })), None).await;
    assert_eq!(wrong.status, 422, "{}", wrong.body);

    let read = stage.api(&mine, &format!("/recalls/{case}"), None, None).await;
    let state = read.json();
    assert_eq!((state["state"].as_str(), state["levels"][0]["open"].as_bool()), (Some("reviewing"), Some(true)), "{state}");
    assert!(state["deadlines"]["cut_off"].is_string());

    let service = stage.token(None, &["recall.read", "recall.request"]).await;
    let decision = |code: String| json!({ "decision": "approve", "comment": "情况属实，同意撤回", "totp": code });
    let refused = stage.api(&service, &format!("/recalls/{case}/decisions"), Some(decision("123456".into())), None).await;
    assert_eq!(refused.status, 403, "a service token never decides");
    assert_eq!(stage.last_refusal(&case).await, "permission");
    for who in [&cast.reviewer, &cast.lawyer, &cast.executive] {
        let token = stage.token(Some(who), &["recall.decide", "recall.read"]).await;
        let done = stage.api(&token, &format!("/recalls/{case}/decisions"), Some(decision(stage.code(who))), None).await;
        assert_eq!(done.status, 200, "{}", done.body);
        assert!(!done.event.is_empty());
    }
    stage.run().await;
    let state = stage.api(&mine, "/recalls/FR-20261122-0001", None, None).await.json();
    assert_eq!((state["state"].as_str(), state["tally"]["accepted"].as_u64()), (Some("recall_accepted"), Some(1)), "{state}");
    let late = stage.api(&mine, &format!("/recalls/{case}/withdrawal"), Some(json!({ "reason": "太晚了一点" })), None).await;
    assert_eq!(late.status, 409, "{}", late.body);
    let unknown = stage.api(&mine, "/recalls/nothing", None, None).await;
    assert_eq!(unknown.status, 404);
    for odd in ["%00", "%ff", "..%2f..", "%F0%9F%98%80", "'"] {
        let token = stage.token(Some(&cast.reviewer), &["recall.decide", "recall.read"]).await;
        let lost = stage.api(&token, &format!("/recalls/{odd}/decisions"), Some(decision("123456".into())), None).await;
        assert_eq!(lost.status, 404, "{odd}: {}", lost.body);
    }
    let long = json!({ "broadcast": broadcast, "category": "leak", "reason": "长".repeat(3_000_000) });
    let named = stage.api(&mine, "/recalls", Some(long), None).await;
    assert_eq!((named.status, named.json()["errors"][0]["field"].as_str()), (422, Some("reason")), "{}", named.body);
}

#[actix_web::test]
async fn what_a_crash_cut_off_is_taken_up_by_the_same_request_and_done_once() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let people = stage.recipients();
    let begin = async || once::begin(&stage.app, "token", "key", [1; 32]).await.unwrap();
    let killed = App::new(stage.app.store.clone(), Config::clone(&stage.app.config));
    let Begun::Go { id } = once::begin(&killed, "token", "key", [1; 32]).await.unwrap() else { panic!("the key was free") };
    once::release(&stage.app).await.unwrap();
    let row = stage.app.store.read(|conn| countermand::store::once::find(conn, "token", "key")).await.unwrap().unwrap();
    assert_eq!(Some(killed.process()), row.answer.split(' ').nth(1), "who lives keeps what it began");
    assert!(stage.app.now().since(Instant(row.created_at)) < Duration::from_secs(90), "who starts beside it takes nothing from it");
    drop(killed);
    once::release(&stage.app).await.unwrap();
    assert_eq!(begin().await, Begun::Go { id: id.clone() }, "the node that began it has started again");

    // One that had no room for its lock may live: what it began is left to it.
    let run = stage.app.store.data().join("run");
    let aside = stage.app.store.data().join("aside");
    std::fs::rename(&run, &aside).unwrap();
    std::fs::write(&run, "in the way").unwrap();
    let unseen = App::new(stage.app.store.clone(), Config::clone(&stage.app.config));
    assert!(matches!(once::begin(&unseen, "token", "other", [2; 32]).await.unwrap(), Begun::Go { .. }));
    stage.app.store.write(|tx| tx.enqueue("expire_recall", "nothing", &json!({ "recall": "nothing" }), tx.now())).await.unwrap();
    let job = job_rows::take(&stage.app.store, unseen.process(), Vec::new(), Vec::new()).await.unwrap().unwrap();
    std::fs::remove_file(&run).unwrap();
    std::fs::rename(&aside, &run).unwrap();
    once::release(&stage.app).await.unwrap();
    let row = stage.app.store.read(|conn| countermand::store::once::find(conn, "token", "other")).await.unwrap().unwrap();
    assert_eq!(Some(unseen.process()), row.answer.split(' ').nth(1));
    assert!(stage.app.now().since(Instant(row.created_at)) < Duration::from_secs(90), "nothing is taken from it before its time");
    assert_eq!(
        job_rows::release(&stage.app.store, &stage.app.node, Vec::new(), stage.app.process(), Vec::new()).await.unwrap(),
        0,
        "its jobs neither"
    );
    job_rows::finish(&stage.app.store, &job.id).await.unwrap();

    // A job that was given out while the database went away is held in a living process's name, and nobody works on it.
    stage.app.store.write(|tx| tx.enqueue("expire_recall", "lost", &json!({ "recall": "nothing" }), tx.now())).await.unwrap();
    let (mine, living) = (stage.app.process(), vec![stage.app.process().to_owned()]);
    let job = job_rows::take(&stage.app.store, mine, Vec::new(), Vec::new()).await.unwrap().unwrap();
    let back = async |working: Vec<String>| job_rows::release(&stage.app.store, &stage.app.node, living.clone(), mine, working).await.unwrap();
    assert_eq!((back(vec![job.id.clone()]).await, back(Vec::new()).await), (0, 1));
    assert_eq!(job_rows::take(&stage.app.store, mine, Vec::new(), Vec::new()).await.unwrap().unwrap().id, job.id);
    job_rows::finish(&stage.app.store, &job.id).await.unwrap();

    let broadcast = stage.notice(&cast.requester, &[&people[0]]).await;
    let request = Request { broadcast, category: "leak".into(), reason: "收件范围误选为全体员工".into(), ..Request::default() };
    let submit = async || submit::submit(&stage.app, &cast.requester.caller, request.clone(), Some(RecallId(id.clone()))).await.unwrap();
    let (first, again) = (submit().await, submit().await);
    assert_eq!((&first.value, &first.value.id), (&again.value, &id));
    assert_eq!(again.receipt.unwrap().event, first.receipt.unwrap().event);

    let input = Decide {
        decision: "approve".into(),
        comment: "情况属实，同意撤回".into(),
        totp: stage.code(&cast.reviewer),
        id: Some(DecisionId::fresh()),
        ..Decide::default()
    };
    let decide = async || decide::decide(&stage.app, &cast.reviewer.caller, &id, input.clone()).await.unwrap();
    let first = decide().await;
    stage.clock.advance(Duration::from_secs(100));
    let again = decide().await;
    assert_eq!((first.value, first.receipt.unwrap().event), (again.value, again.receipt.unwrap().event), "its code is spent, and it counts");
    let withdraw = async |request: &str| {
        let once = Some(once::of_request(request.to_owned()));
        withdraw::withdraw(&stage.app, &cast.requester.caller, &id, "已由本人撤回", once).await
    };
    let (first, again) = (withdraw("one").await.unwrap(), withdraw("one").await.unwrap());
    assert_eq!(first.receipt.unwrap().event, again.receipt.unwrap().event, "done, and not refused because it is done");
    assert!(matches!(withdraw("two").await, Err(AppError::Refused { kind: "not-open", .. })));
    let trail = stage.trail(&id).await;
    assert_eq!(trail, ["recall.submitted success", "recall.decided success", "recall.withdrawn success", "recall.withdrawn refused"]);
}
