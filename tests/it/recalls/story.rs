//! The main job: a notice, a request, three people, the recall, the closing. And what can happen on the way: returned, withdrawn, expired.

use std::time::Duration;

use countermand::ledger::{closing::Closing, tree::leaf_hash};

use super::stage::Stage;
use crate::support::db::TestDb;

#[actix_web::test]
async fn a_notice_is_taken_back_by_three_people_and_the_log_says_how() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let people = stage.recipients();
    let broadcast = stage.notice(&cast.requester, &people.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert!(format!("{:?}", stage.emulator.inbox(&people[0])).contains("薪酬"), "the notice lies in the inbox");

    let page = stage.get(&cast.requester, &format!("/recalls/new?broadcast={broadcast}")).await;
    assert_eq!(page.status, 200, "{}", page.body);
    for expected in ["可以强制撤回", "zhouqiming", "hejing", "chensiyuan", "平台不提供"] {
        assert!(page.body.contains(expected), "{expected}: {}", page.body);
    }
    let typed =
        [("broadcast", broadcast.as_str()), ("category", "leak"), ("reason", "收件范围误选为全体员工"), ("basis", "第十四条"), ("tell_readers", "1")];
    let check = stage.post(&cast.requester, "/recalls", &[&typed[..], &[("step", "check")]].concat()).await;
    assert_eq!(check.status, 200);
    assert!(check.body.contains("核对申请") && check.body.contains("收件范围误选为全体员工"));
    let (first, second) = stage.post_twice(&cast.requester, "/recalls", &[&typed[..], &[("step", "submit")]].concat()).await;
    assert_eq!((first.status, second.status), (303, 303), "{} {}", first.body, second.body);
    assert_eq!(first.location, second.location, "a double click makes one case");
    let case = first.case();
    let row = stage.loaded(&case).await.row;
    assert_eq!(row.number, "FR-20261122-0001");
    assert_eq!(row.state, "reviewing");

    for (who, task) in [(&cast.reviewer, "部门复核"), (&cast.lawyer, "法务合规复核"), (&cast.executive, "终审")] {
        let waiting = stage.get(who, "/approvals").await;
        assert!(waiting.body.contains(&row.number) && waiting.body.contains(task), "{}", waiting.body);
        let page = stage.get(who, &format!("/recalls/{case}")).await;
        assert!(page.body.contains("您的决定") && page.body.contains("各位同事"), "{}", page.body);
        let done = stage.decide(who, &case, "approve").await;
        assert_eq!(done.status, 303, "{}", done.body);
        let receipt = stage.get(who, &done.location).await;
        assert!(receipt.status == 200 && receipt.body.contains("已记录"), "{}", receipt.body);
        let after = stage.get(who, &format!("/recalls/{case}")).await;
        assert!(!after.body.contains("您的决定<"), "who has decided is not asked again");
    }
    stage.run().await;
    let row = stage.loaded(&case).await.row;
    assert_eq!(row.state, "recall_accepted", "WeCom cannot be read back: accepted, not confirmed");
    let n = people.len();
    assert_eq!(
        row.tally.as_deref(),
        Some(format!("{{\"total\":{n},\"confirmed\":0,\"accepted\":{n},\"unknown\":0,\"still_visible\":0,\"failed\":0}}").as_str())
    );
    assert_eq!(stage.emulator.count("message/recall"), 1);
    assert!(!format!("{:?}", stage.emulator.inbox(&people[0])).contains("各位同事"), "the notice has gone");
    assert!(row.closed_at.is_some());

    let expected = [
        "recall.submitted success",
        "recall.decided success",
        "recall.decided success",
        "recall.decided success",
        "reading.captured success",
        "recall.execution_started success",
        "recall.call_started success",
        "recall.call_answered success",
        "recall.finished success",
        "case.closed success",
    ];
    let trail = stage.trail(&case).await;
    assert_eq!(trail.iter().filter(|t| !t.starts_with("evidence")).collect::<Vec<_>>(), expected.iter().collect::<Vec<_>>());
    closed_over_its_events(&stage, &case).await;
    let page = stage.get(&cast.requester, &format!("/recalls/{case}?lang=en")).await;
    assert!(page.body.contains("Recall accepted by the platform"), "{}", page.body);
}

/// `case.closed` counts and hashes exactly the events of the case up to its last index.
async fn closed_over_its_events(stage: &Stage, case: &str) {
    let events = stage.events(case).await;
    let closed = events.iter().find(|e| e.leaf.action == "case.closed").unwrap();
    let said = stage.detail(closed).await;
    let last = said["last"].as_u64().unwrap();
    let closing = Closing::of(events.iter().filter(|e| e.index <= last).map(|e| (e.index, leaf_hash(&e.bytes)))).unwrap().to_json();
    for key in ["count", "first", "last", "leaf_hashes"] {
        assert_eq!(said[key], closing[key], "{key}");
    }
}

#[actix_web::test]
async fn a_returned_request_comes_back_in_a_new_round_and_starts_anew() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let case = stage.case(&cast).await;
    assert_eq!(stage.decide(&cast.reviewer, &case, "approve").await.status, 303);
    assert_eq!(stage.decide(&cast.lawyer, &case, "return").await.status, 303);
    assert_eq!(stage.state(&case).await, "returned");
    let waiting = stage.get(&cast.requester, "/approvals").await;
    assert!(waiting.body.contains("待补充材料"), "{}", waiting.body);
    let path = format!("/recalls/{case}/resubmissions");
    let stranger = stage.person("stranger", &[countermand::domain::role::Role::Requester], "销售部").await;
    assert_eq!(stage.post(&stranger, &path, &[("reason", "我来补充一下情况")]).await.status, 404, "not their case: it does not exist for them");
    let empty = stage.post(&cast.requester, &path, &[("reason", "。。。。")]).await;
    assert!(empty.status == 422 && empty.body.contains("只用标点"), "{}", empty.body);
    let again = stage.post(&cast.requester, &path, &[("reason", "补充：附件含职级薪酬区间"), ("tell_readers", "1")]).await;
    assert_eq!(again.status, 303, "{}", again.body);
    let loaded = stage.loaded(&case).await;
    assert_eq!((loaded.row.state.as_str(), loaded.row.round, loaded.row.open_levels.as_str()), ("reviewing", 2, "1"));
    stage.clock.advance(Duration::from_secs(30));
    for who in [&cast.reviewer, &cast.lawyer, &cast.executive] {
        let done = stage.decide(who, &case, "approve").await;
        assert_eq!(done.status, 303, "the same people judge the second round: {}", done.body);
    }
    stage.run().await;
    assert_eq!(stage.state(&case).await, "recall_accepted");
    let page = stage.get(&cast.requester, &format!("/recalls/{case}")).await;
    assert!(page.body.contains("第 1 轮说明"), "what was asked first stays on record");
}

#[actix_web::test]
async fn a_level_that_is_early_or_late_leaves_the_rest_to_those_after_it() {
    for db in TestDb::each() {
        let stage = Stage::set_on(db, |_| {}).await;
        let cast = stage.cast().await;
        let case = stage.case(&cast).await;
        let due = |row: &countermand::store::recalls::RecallRow| [row.due_1, row.due_2, row.due_3].map(countermand::clock::Instant);
        let minutes = |n: u64| Duration::from_secs(60 * n);
        let first = due(&stage.loaded(&case).await.row);
        stage.clock.advance(minutes(1));
        assert_eq!(stage.decide(&cast.reviewer, &case, "approve").await.status, 303);
        let (now, early) = (stage.app.now(), due(&stage.loaded(&case).await.row));
        assert_eq!(early, [first[0], now.plus(minutes(5)), now.plus(minutes(10))], "a leak: five minutes from when a level opens");
        let told = stage.events(&case).await.into_iter().rfind(|e| e.leaf.action == "recall.decided").unwrap();
        assert_eq!(stage.detail(&told).await["due"], serde_json::json!(early.map(|at| at.to_rfc3339())));
        // Level 2 is late, and the third still has its own time.
        stage.clock.advance(minutes(20));
        assert_eq!(stage.decide(&cast.lawyer, &case, "approve").await.status, 303);
        let late = due(&stage.loaded(&case).await.row);
        assert_eq!(late, [first[0], early[1], stage.app.now().plus(minutes(5))]);
        assert_eq!(stage.decide(&cast.executive, &case, "approve").await.status, 303);
        assert_eq!(due(&stage.loaded(&case).await.row), late, "nothing opens after the last");
        let told = stage.events(&case).await.into_iter().rfind(|e| e.leaf.action == "recall.decided").unwrap();
        assert!(stage.detail(&told).await.get("due").is_none());
    }
}

#[actix_web::test]
async fn who_asked_can_withdraw_until_it_is_approved() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let case = stage.case(&cast).await;
    let path = format!("/recalls/{case}/withdrawal");
    let other = stage.post(&cast.reviewer, &path, &[]).await;
    assert_eq!(other.status, 403);
    let done = stage.post(&cast.requester, &path, &[("reason", "对方已自行撤回")]).await;
    assert_eq!(done.status, 303, "{}", done.body);
    stage.run().await;
    assert_eq!(stage.trail(&case).await[1..3], ["recall.withdrawn refused", "recall.withdrawn success"]);
    let late = stage.decide(&cast.reviewer, &case, "approve").await;
    assert!(late.status == 409, "{}", late.body);
    assert_eq!(stage.last_refusal(&case).await, "not-reviewing");
    assert_eq!(stage.emulator.count("message/recall"), 0);
    let page = stage.get(&cast.reviewer, &format!("/recalls/{case}")).await;
    assert!(page.body.contains("申请人已撤销申请"), "the panel tells how it ended");

    let case = stage.approved(&stage.cast2(&cast).await).await;
    let late = stage.post(&cast.requester, &format!("/recalls/{case}/withdrawal"), &[]).await;
    assert_eq!((late.status, stage.last_refusal(&case).await.as_str()), (409, "not-open"));
}

#[actix_web::test]
async fn what_nobody_judges_in_time_expires_and_a_decision_across_the_deadline_is_refused() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let case = stage.case(&cast).await;
    assert_eq!(stage.decide(&cast.reviewer, &case, "approve").await.status, 303);
    let page = stage.get(&cast.lawyer, &format!("/recalls/{case}")).await;
    assert!(page.body.contains("您的决定"));
    // The page was open; the deadline passes; no job has run yet.
    stage.clock.advance(Duration::from_secs(24 * 3600));
    let late = stage.decide(&cast.lawyer, &case, "approve").await;
    assert_eq!(late.status, 409, "{}", late.body);
    assert!(late.body.contains("情况属实，依制度处理") && late.body.contains("最晚有效时刻"), "{}", late.body);
    assert_eq!(stage.last_refusal(&case).await, "past-cut-off");
    stage.run().await;
    assert_eq!(stage.state(&case).await, "expired");
    assert_eq!(stage.trail(&case).await[1..5], ["recall.decided success", "recall.decided refused", "recall.expired success", "case.closed success"]);
    assert_eq!(stage.emulator.count("message/recall"), 0);
    let page = stage.get(&cast.lawyer, &format!("/recalls/{case}")).await;
    assert!(page.body.contains("截止时间已过"), "{}", page.body);
    let row = stage.loaded(&case).await.row;
    let page = stage.get(&cast.requester, &format!("/recalls/new?broadcast={}", row.broadcast_id)).await;
    assert!(page.body.contains("无法撤回") && page.body.contains("撤回窗口已于"), "{}", page.body);
}
