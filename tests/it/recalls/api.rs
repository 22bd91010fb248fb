//! The same job by programs: ask, read, decide with a personal token, withdraw; and what tokens may not.

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
    assert_eq!(made.json()["receipt"]["event"].as_str(), Some(made.event.as_str()));
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
}
