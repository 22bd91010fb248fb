//! Beside deciding: a level is passed on, the requester is asked and answers, people comment and remind.

use std::time::Duration;

use countermand::{
    app::{Caller, evidence},
    domain::role::Role,
    evidence::{
        verify::{Answer as Verdict, Pin, verify},
        zip::Limits,
    },
    store::verify::Against,
};
use serde_json::json;

use super::stage::Stage;

#[actix_web::test]
async fn a_level_that_was_passed_on_is_the_new_persons_alone_until_they_leave() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let other = stage.person("suntao", &[Role::DepartmentReviewer], "人力资源部").await;
    let stranger = stage.person("elsewhere", &[Role::DepartmentReviewer], "销售部").await;
    let double = stage.person("double", &[Role::DepartmentReviewer, Role::LegalReviewer], "人力资源部").await;
    let case = stage.case(&cast).await;
    let path = format!("/recalls/{case}/transfers");
    let page = stage.get(&cast.reviewer, &format!("/recalls/{case}")).await;
    assert!(page.body.contains("转办本级") && page.body.contains(">suntao<") && !page.body.contains(">elsewhere<"), "{}", page.body);
    for (to, reason, status, why) in [
        (cast.requester.caller.id.as_str(), "请本人看看这件事", 409, "transfer-not-eligible"),
        (&stranger.caller.id, "对方部门更熟悉情况", 409, "transfer-not-eligible"),
        ("nobody-of-that-name", "对方部门更熟悉情况", 409, "transfer-not-eligible"),
        (&cast.reviewer.caller.id, "留给自己处理即可", 409, "transfer-to-oneself"),
        ("", "对方部门更熟悉情况", 422, "invalid"),
        (&other.caller.id, "。。。。", 422, "invalid"),
    ] {
        let shot = stage.post(&cast.reviewer, &path, &[("to", to), ("reason", reason)]).await;
        assert_eq!((shot.status, stage.last_refusal(&case).await.as_str()), (status, why), "{}", shot.body);
        assert!(shot.body.contains(reason), "what was typed is kept");
    }
    assert_eq!(stage.post(&cast.lawyer, &path, &[("to", &other.caller.id), ("reason", "不是我这一级的")]).await.status, 409);
    // Two reviewers pass it on at the same instant: one of them does.
    let fields = [("to", other.caller.id.as_str()), ("reason", "出差，请孙涛处理")];
    let back = [("to", double.caller.id.as_str()), ("reason", "我也要出差，请代办")];
    let (one, two) = tokio::join!(stage.post(&cast.reviewer, &path, &back), stage.post(&other, &path, &back));
    assert_eq!([one.status, two.status].iter().filter(|s| **s == 303).count(), 1, "{} {}", one.body, two.body);
    let case2 = stage.case(&stage.cast2(&cast).await).await;
    let path2 = format!("/recalls/{case2}/transfers");
    assert_eq!(stage.post(&cast.reviewer, &path2, &fields).await.status, 303);
    let late = stage.post(&double, &path2, &back).await;
    assert_eq!((late.status, stage.last_refusal(&case2).await.as_str()), (409, "transferred-to-another"), "{}", late.body);
    assert!(late.body.contains("我也要出差"), "what was typed is kept: {}", late.body);
    let refused = stage.decide(&cast.reviewer, &case2, "approve").await;
    assert_eq!((refused.status, stage.last_refusal(&case2).await.as_str()), (409, "transferred-to-another"));
    let page = stage.get(&cast.reviewer, &format!("/recalls/{case2}")).await;
    assert!(page.body.contains("本级已转办给他人") && page.body.contains("现由部门复核处理：suntao"), "{}", page.body);
    let page = stage.get(&other, &format!("/recalls/{case2}")).await;
    assert!(page.body.contains("您的决定") && page.body.contains("转办理由 transfer: 出差，请孙涛处理"), "{}", page.body);
    // The new person leaves: the level falls back.
    stage.db.execute(&format!("UPDATE users SET state = 'suspended' WHERE id = '{}'", other.caller.id));
    let done = stage.decide(&double, &case2, "approve").await;
    assert_eq!(done.status, 303, "{}", done.body);
    // Who decided level 1 can have no other level passed on to them.
    let fields = [("to", double.caller.id.as_str()), ("reason", "请一并处理法务")];
    let shot = stage.post(&cast.lawyer, &path2, &fields).await;
    assert_eq!((shot.status, stage.last_refusal(&case2).await.as_str()), (409, "transfer-not-eligible"));
}

#[actix_web::test]
async fn a_question_goes_to_the_requester_and_its_answer_into_what_is_decided_on() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let case = stage.case(&cast).await;
    let (ask, answer) = (format!("/recalls/{case}/questions"), format!("/recalls/{case}/answers"));
    assert_eq!(stage.post(&cast.requester, &ask, &[("question", "我自己问一句")]).await.status, 403);
    let early = stage.post(&cast.requester, &answer, &[("answer", "没有人问过我")]).await;
    assert_eq!((early.status, stage.last_refusal(&case).await.as_str()), (409, "nothing-to-answer"), "{}", early.body);
    let stale = stage.loaded(&case).await.row.version.to_string();
    let asked = stage.post(&cast.reviewer, &ask, &[("question", "附件是否<b>已经</b>下载？")]).await;
    assert_eq!(asked.status, 303, "{}", asked.body);
    let again = stage.post(&cast.reviewer, &ask, &[("question", "还有一个问题呢")]).await;
    assert_eq!((again.status, stage.last_refusal(&case).await.as_str()), (409, "question-open"), "{}", again.body);
    let waiting = stage.get(&cast.requester, "/approvals").await;
    assert!(waiting.body.contains("待答复"), "{}", waiting.body);
    let page = stage.get(&cast.requester, &format!("/recalls/{case}")).await;
    assert!(page.body.contains("附件是否&#60;b&#62;已经") || page.body.contains("附件是否&lt;b&gt;已经"), "{}", page.body);
    let empty = stage.post(&cast.requester, &answer, &[("answer", "……！！")]).await;
    assert!(empty.status == 422 && empty.body.contains("只用标点"), "{}", empty.body);
    assert_eq!(stage.post(&cast.requester, &answer, &[("answer", "尚无人下载附件")]).await.status, 303);
    // Whoever had the case before them without question and answer has not seen what is decided on now.
    let code = stage.code(&cast.reviewer);
    let fields = [("decision", "approve"), ("comment", "情况属实，依制度处理"), ("totp", &code), ("version", &stale)];
    assert_eq!(stage.post(&cast.reviewer, &format!("/recalls/{case}/decisions"), &fields).await.status, 409);
    let page = stage.get(&cast.reviewer, &format!("/recalls/{case}")).await;
    assert!(page.body.contains("补充答复 answer: 尚无人下载附件"), "{}", page.body);
    assert_eq!(stage.decide(&cast.reviewer, &case, "approve").await.status, 303);
    // The clock goes on.
    stage.clock.advance(Duration::from_secs(24 * 3600));
    let late = stage.post(&cast.lawyer, &ask, &[("question", "是否涉及合同争议？")]).await;
    assert_eq!((late.status, stage.last_refusal(&case).await.as_str()), (409, "past-cut-off"), "{}", late.body);
}

#[actix_web::test]
async fn who_takes_part_comments_and_reminds_once_an_hour() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let stranger = stage.person("elsewhere", &[Role::DepartmentReviewer], "销售部").await;
    let case = stage.case(&cast).await;
    let (comment, remind) = (format!("/recalls/{case}/comments"), format!("/recalls/{case}/reminders"));
    let shot = stage.post(&stranger, &comment, &[("comment", "我也来说一句")]).await;
    assert_eq!((shot.status, stage.last_refusal(&case).await.as_str()), (409, "takes-no-part"), "{}", shot.body);
    assert_eq!(stage.post(&stranger, &remind, &[]).await.status, 409);
    let version = stage.loaded(&case).await.row.version;
    assert_eq!(stage.post(&cast.lawyer, &comment, &[("comment", "法务先行关注此案")]).await.status, 303);
    assert_eq!(stage.post(&cast.requester, &remind, &[]).await.status, 303);
    assert_eq!(stage.loaded(&case).await.row.version, version, "nothing of what a decider sees has changed");
    let soon = stage.post(&cast.lawyer, &remind, &[]).await;
    assert_eq!((soon.status, stage.last_refusal(&case).await.as_str()), (409, "reminded-lately"), "{}", soon.body);
    // A clock that was set back brings no second reminder.
    stage.clock.set_back(Duration::from_secs(7200));
    assert_eq!(stage.post(&cast.lawyer, &remind, &[]).await.status, 409);
    stage.clock.advance(Duration::from_secs(7200 + 3600));
    assert_eq!(stage.post(&cast.lawyer, &remind, &[]).await.status, 303);
    let page = stage.get(&cast.reviewer, &format!("/recalls/{case}?lang=en")).await;
    assert!(page.body.contains("法务先行关注此案") && page.body.contains("sent a reminder"), "{}", page.body);
    // By program: the person's token does what the person may; a service token takes no part.
    let (mine, service) = (stage.token(Some(&cast.requester), &["recall.read", "recall.request"]).await, stage.token(None, &["recall.read"]).await);
    let path = format!("/recalls/{case}/comments");
    let body = || Some(json!({ "comment": "已通知部门同事不要转发" }));
    let first = stage.api(&mine, &path, body(), Some("key")).await;
    let second = stage.api(&mine, &path, body(), Some("key")).await;
    assert_eq!((first.status, &first.event), (second.status, &second.event), "{}", first.body);
    assert_eq!(stage.loaded(&case).await.entries.iter().filter(|e| e.kind == "comment").count(), 2, "the same request says it once");
    assert_eq!(stage.api(&service, &path, body(), None).await.status, 409);
    assert_eq!(stage.post(&cast.requester, &format!("/recalls/{case}/withdrawal"), &[]).await.status, 303);
    let ended = stage.post(&cast.lawyer, &comment, &[("comment", "案件了结之后再说")]).await;
    assert_eq!((ended.status, stage.last_refusal(&case).await.as_str()), (409, "case-ended"), "{}", ended.body);
}

#[actix_web::test]
async fn an_added_reviewer_approves_before_the_level_closes() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let second = stage.person("lilin", &[Role::LegalReviewer], "法务部").await;
    let third = stage.person("wangning", &[Role::LegalReviewer], "法务部").await;
    let case = stage.case(&cast).await;
    let path = format!("/recalls/{case}/additions");
    assert_eq!(stage.decide(&cast.reviewer, &case, "approve").await.status, 303);
    let page = stage.get(&cast.lawyer, &format!("/recalls/{case}")).await;
    assert!(page.body.contains("加签审批人") && !page.body.contains("减去的审批人"), "{}", page.body);
    for (to, reason, status, why) in [
        (cast.requester.caller.id.as_str(), "请本人看看这件事", 409, "add-not-eligible"),
        (&cast.reviewer.caller.id, "请部门再看一遍", 409, "add-not-eligible"),
        (&cast.lawyer.caller.id, "自己再看一遍", 409, "add-not-eligible"),
        ("nobody-of-that-name", "请他一起看看", 409, "add-not-eligible"),
        ("", "请他一起看看", 422, "invalid"),
        (&second.caller.id, "。。。。", 422, "invalid"),
    ] {
        let shot = stage.post(&cast.lawyer, &path, &[("to", to), ("reason", reason)]).await;
        assert_eq!((shot.status, stage.last_refusal(&case).await.as_str()), (status, why), "{}", shot.body);
        assert!(shot.body.contains(reason), "what was typed is kept");
    }
    assert_eq!(stage.post(&cast.executive, &path, &[("to", &second.caller.id), ("reason", "不是我这一级的")]).await.status, 409);
    let fields = [("to", second.caller.id.as_str()), ("reason", "涉及两个区域，请一并核对")];
    assert_eq!(stage.post(&cast.lawyer, &path, &fields).await.status, 303);
    let twice = stage.post(&cast.lawyer, &path, &fields).await;
    assert_eq!((twice.status, stage.last_refusal(&case).await.as_str()), (409, "add-not-eligible"));

    // The level waits for who was added; to return or reject needs no waiting.
    let early = stage.decide(&cast.lawyer, &case, "approve").await;
    assert_eq!((early.status, stage.last_refusal(&case).await.as_str()), (409, "added-first"), "{}", early.body);
    assert!(early.body.contains("情况属实，依制度处理") && early.body.contains("须其先同意"), "{}", early.body);
    let page = stage.get(&second, &format!("/recalls/{case}")).await;
    assert!(page.body.contains("您是加签审批人") && page.body.contains("加签理由 reviewer added: 涉及两个区域"), "{}", page.body);
    assert!(!page.body.contains("转办本级"), "who was added only decides: {}", page.body);
    for noun in ["additions", "transfers"] {
        let on = stage.post(&second, &format!("/recalls/{case}/{noun}"), &[("to", &third.caller.id), ("reason", "请王宁代为核对")]).await;
        assert_eq!((on.status, stage.last_refusal(&case).await.as_str()), (409, "added-decides-only"), "{}", on.body);
    }
    let removals = format!("/recalls/{case}/removals");
    let away = [("to", second.caller.id.as_str()), ("reason", "不必再等，直接处理")];
    let other = stage.post(&third, &removals, &away).await;
    assert_eq!((other.status, stage.last_refusal(&case).await.as_str()), (409, "not-the-adder"), "{}", other.body);

    // Their approval is heard and closes nothing; they decide once.
    let heard = stage.decide(&second, &case, "approve").await;
    assert_eq!(heard.status, 303, "{}", heard.body);
    let loaded = stage.loaded(&case).await;
    assert_eq!((loaded.case.open.iter().copied().collect::<Vec<_>>(), loaded.row.approved_at), (vec![2], None));
    let again = stage.decide(&second, &case, "reject").await;
    assert_eq!((again.status, stage.last_refusal(&case).await.as_str()), (409, "decided-already"), "{}", again.body);
    let late = stage.post(&cast.lawyer, &removals, &away).await;
    assert_eq!((late.status, stage.last_refusal(&case).await.as_str()), (409, "nobody-to-remove"), "{}", late.body);
    let token = stage.token(Some(&cast.lawyer), &["recall.read", "recall.decide"]).await;
    let seen = stage.api(&token, &format!("/recalls/{case}"), None, None).await.json();
    assert_eq!(seen["levels"][1]["added"], json!([{ "id": second.caller.id, "by": cast.lawyer.caller.id, "approved": true }]));
    assert_eq!((&seen["levels"][1]["decision"], &seen["levels"][1]["open"]), (&json!(null), &json!(true)), "nobody has closed the level");
    assert_eq!(stage.decide(&cast.lawyer, &case, "approve").await.status, 303);
    let page = stage.get(&cast.executive, &format!("/recalls/{case}")).await;
    assert!(page.body.contains("加签 lilin") && page.body.contains("您的决定"), "{}", page.body);
    assert_eq!(stage.decide(&cast.executive, &case, "approve").await.status, 303);
    stage.run().await;
    let ended = stage.loaded(&case).await;
    assert_eq!((ended.row.state.as_str(), ended.decisions.len()), ("recall_accepted", 4));
    assert!(stage.app.store.verify(&Against::default()).unwrap().problems.is_empty());
    let (_, all) = evidence::of_case(&stage.app, &Caller::shell(), &case).await.unwrap();
    let bytes = std::fs::read(stage.app.store.data().join(&all[0].row.path)).unwrap();
    let outcome = verify(&bytes, &[Pin::Log(stage.app.store.vkey().unwrap())], &Limits::default());
    assert_eq!(outcome.result, Verdict::Pass, "{:#?}", outcome.checks);
}

#[actix_web::test]
async fn an_addition_is_taken_back_and_falls_away_with_who_leaves() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let second = stage.person("lilin", &[Role::LegalReviewer], "法务部").await;
    let third = stage.person("wangning", &[Role::LegalReviewer], "法务部").await;
    let case = stage.case(&cast).await;
    assert_eq!(stage.decide(&cast.reviewer, &case, "approve").await.status, 303);
    // By program, and by page.
    let token = stage.token(Some(&cast.lawyer), &["recall.read", "recall.decide"]).await;
    let body = |to: &str| Some(json!({ "to": to, "reason": "涉及两个区域，请一并核对" }));
    assert_eq!(stage.api(&token, &format!("/recalls/{case}/additions"), body("lilin"), None).await.status, 200);
    assert_eq!(stage.api(&token, &format!("/recalls/{case}/removals"), body("wangning"), None).await.status, 409);
    let page = stage.get(&cast.lawyer, &format!("/recalls/{case}?lang=en")).await;
    assert!(page.body.contains("Remove an added reviewer") && page.body.contains("lilin was added and has to approve"), "{}", page.body);
    let removals = format!("/recalls/{case}/removals");
    let short = stage.post(&cast.lawyer, &removals, &[("to", &second.caller.id), ("reason", "短")]).await;
    assert!(short.status == 422 && short.body.contains("减去的审批人"), "{}", short.body);
    let away = [("to", second.caller.id.as_str()), ("reason", "已当面核对，不必再等")];
    assert_eq!(stage.post(&cast.lawyer, &removals, &away).await.status, 303);
    assert_eq!(stage.post(&cast.lawyer, &removals, &away).await.status, 409, "nobody is left to remove");
    // Who was removed is a reviewer of the level like any other; who is passed the level can add them again.
    let fields = [("to", third.caller.id.as_str()), ("reason", "出差，请王宁处理")];
    assert_eq!(stage.post(&cast.lawyer, &format!("/recalls/{case}/transfers"), &fields).await.status, 303);
    let additions = format!("/recalls/{case}/additions");
    let fields = [("to", second.caller.id.as_str()), ("reason", "请李琳先看一遍合同")];
    assert_eq!(stage.post(&third, &additions, &fields).await.status, 303);
    let early = stage.decide(&third, &case, "approve").await;
    assert_eq!((early.status, stage.last_refusal(&case).await.as_str()), (409, "added-first"), "{}", early.body);
    // Who was added is gone before they decided: the level does not wait for them.
    stage.db.execute(&format!("UPDATE users SET state = 'suspended' WHERE id = '{}'", second.caller.id));
    stage.clock.advance(Duration::from_secs(30));
    assert_eq!(stage.decide(&third, &case, "approve").await.status, 303);
    assert_eq!(stage.loaded(&case).await.case.open.iter().copied().collect::<Vec<_>>(), [3]);
    // One voice returns it, also an added one; in the new round nobody is added.
    let fourth = stage.person("qianyi", &[Role::FinalApprover], "总经理办公室").await;
    let fields = [("to", fourth.caller.id.as_str()), ("reason", "金额较大，请一并核对")];
    assert_eq!(stage.post(&cast.executive, &additions, &fields).await.status, 303);
    assert_eq!(stage.decide(&fourth, &case, "return").await.status, 303);
    assert_eq!(stage.loaded(&case).await.row.state, "returned");
}
