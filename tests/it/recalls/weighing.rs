//! What level 2 is asked (复核追问): answers stand wherever the decision does, what is not answered is never a no, and what an answer asks of an
//! approval is kept to.

use std::time::Duration;

use countermand::{
    app::{Caller, evidence},
    domain::role::Role,
    evidence::{
        verify::{Answer as Verdict, Pin, verify},
        zip::{self, Limits},
    },
    store::verify::{Against, Kind},
};
use serde_json::{Value, json};

use super::stage::{Answer, Cast, Person, Stage};
use crate::{
    policies::rules,
    support::{db::TestDb, html::assert_sound},
    tamper::Raw,
};

const COMMENT: &str = "经核对，依法可以撤回";

/// Decides as the form does, with these answers.
async fn weigh(stage: &Stage, who: &Person, case: &str, decision: &str, answers: &[(&str, &str)]) -> Answer {
    stage.clock.advance(Duration::from_secs(30));
    let (code, version) = (stage.code(who), stage.loaded(case).await.row.version.to_string());
    let named: Vec<(String, &str)> = answers.iter().map(|(name, reply)| (format!("answers.{name}"), *reply)).collect();
    let mut fields = vec![("decision", decision), ("comment", COMMENT), ("totp", code.as_str()), ("version", version.as_str())];
    fields.extend(named.iter().map(|(name, reply)| (name.as_str(), *reply)));
    stage.post(who, &format!("/recalls/{case}/decisions"), &fields).await
}

async fn done(stage: &Stage, who: &Person, case: &str, decision: &str, answers: &[(&str, &str)]) {
    let answer = weigh(stage, who, case, decision, answers).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
}

/// A case that waits for level 2.
async fn at_level_2(stage: &Stage, cast: &Cast) -> String {
    let case = stage.case(&stage.cast2(cast).await).await;
    done(stage, &cast.reviewer, &case, "approve", &[]).await;
    case
}

async fn page(stage: &Stage, who: &Person, case: &str) -> String {
    let shown = stage.get(who, &format!("/recalls/{case}")).await;
    assert_eq!(shown.status, 200, "{}", shown.body);
    assert_sound(&shown.body);
    shown.body
}

async fn told(stage: &Stage, who: &Person, case: &str) -> Value {
    let token = stage.token(Some(who), &["recall.read"]).await;
    stage.api(&token, &format!("/recalls/{case}"), None, None).await.json()
}

#[actix_web::test]
async fn answers_stand_in_the_event_on_the_page_in_the_api_and_in_the_bundle_and_a_changed_one_is_found() {
    for db in TestDb::each() {
        let stage = Stage::set_on(db, |_| {}).await;
        let cast = stage.cast().await;
        let case = stage.case(&cast).await;
        assert!(!page(&stage, &cast.reviewer, &case).await.contains("answers.dispute"), "only level 2 is asked");
        done(&stage, &cast.reviewer, &case, "approve", &[]).await;
        let shown = page(&stage, &cast.lawyer, &case).await;
        assert!(shown.contains("name=\"answers.dispute\" value=\"unanswered\" checked") && shown.contains("weighing\"><summary>"), "{shown}");
        done(&stage, &cast.lawyer, &case, "approve", &[("offer", "yes"), ("offer_accepted", "yes"), ("personal_data", "yes"), ("rule", "no")]).await;
        done(&stage, &cast.executive, &case, "approve", &[]).await;
        stage.settle(4, 1).await;

        let answered = json!({
            "dispute": "unanswered", "offer": "yes", "offer_fixed": "unanswered", "offer_irrevocable": "unanswered", "offer_accepted": "yes",
            "rule": "no", "personal_data": "yes", "inside_information": "unanswered", "trade_secret": "unanswered",
        });
        let decided: Vec<_> = stage.events(&case).await.into_iter().filter(|e| e.leaf.action == "recall.decided").collect();
        let said = [stage.detail(&decided[0]).await, stage.detail(&decided[1]).await, stage.detail(&decided[2]).await];
        assert_eq!((&said[1]["answers"], said[0].get("answers"), said[2].get("answers")), (&answered, None, None));
        let told = told(&stage, &cast.requester, &case).await;
        assert_eq!(
            told["decisions"].as_array().unwrap().iter().map(|d| d["answers"].clone()).collect::<Vec<_>>(),
            [Value::Null, answered.clone(), Value::Null]
        );
        let shown = page(&stage, &cast.requester, &case).await;
        for words in [
            "hejing 同意",
            "要约已有人承诺",
            "平台撤回既不是撤回要约",
            "不能再撤销要约（民法典第四百七十六条、第四百七十七条）",
            "个人信息保护法第五十七条",
            "未答",
        ] {
            assert!(shown.contains(words), "{words}: {shown}");
        }
        assert!(!shown.contains("诉讼保留，由法务决定"), "not answered is neither yes nor no");

        let (_, all) = evidence::of_case(&stage.app, &Caller::shell(), &case).await.unwrap();
        let bytes = std::fs::read(stage.app.store.data().join(&all[0].row.path)).unwrap();
        let outcome = verify(&bytes, &[Pin::Log(stage.app.store.vkey().unwrap())], &Limits::default());
        assert_eq!(outcome.result, Verdict::Pass, "{:#?}", outcome.checks);
        let (_, files) = zip::read(&bytes, &Limits::default()).unwrap();
        let report: Value = serde_json::from_slice(&files["data/evidence.json"]).unwrap();
        assert_eq!((&report["decisions"][1]["answers"], report["decisions"][0].get("answers")), (&answered, None));
        let said = String::from_utf8_lossy(&files["data/report.html"]).into_owned();
        assert!(said.contains("<br>是：属于要约或者合同；要约已有人承诺；涉及个人信息<br>否：涉及规章制度"), "{said}");
        assert!(report["decisions"][1]["shown"].as_str().unwrap().ends_with("商业秘密 trade secret: 未答 not answered\n"));

        let report = stage.app.store.verify(&Against::default()).unwrap();
        assert!(report.ok, "{:#?}", report.problems);
        let mut raw = Raw::open(&stage.db);
        let kept = raw.column("SELECT answers AS value FROM decisions WHERE level = 2").remove(0);
        let changes = ["replace(answers, '\"rule\":\"no\"', '\"rule\":\"yes\"')", "replace(answers, 'unanswered', 'no')", "NULL", "'not json'"];
        for (level, value) in changes.map(|value| (2, value)).into_iter().chain([(1, "'{\"dispute\":\"no\"}'")]) {
            assert_eq!(raw.execute(&format!("UPDATE decisions SET answers = {value} WHERE level = {level}")), Ok(1));
            let report = stage.app.store.verify(&Against::default()).unwrap();
            let named = report.problems.iter().any(|p| p.kind == Kind::Part && p.table == "decisions" && p.detail.contains("the answers of"));
            assert!(!report.ok && named, "{value}: {:?}", report.problems);
            let back = if level == 2 { format!("'{kept}'") } else { "NULL".to_owned() };
            assert_eq!(raw.execute(&format!("UPDATE decisions SET answers = {back} WHERE level = {level}")), Ok(1));
        }
        assert!(stage.app.store.verify(&Against::default()).unwrap().ok);
    }
}

#[actix_web::test]
async fn a_decision_without_answers_is_as_it_was_and_says_not_answered() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let case = at_level_2(&stage, &cast).await;
    let binds = page(&stage, &cast.lawyer, &case).await;
    done(&stage, &cast.lawyer, &case, "approve", &[]).await;
    let decision = stage.loaded(&case).await.decisions[1].clone();
    assert!(binds.contains(&hex::encode(&decision.shown)), "what the page said it would bind");
    let told = told(&stage, &cast.lawyer, &case).await;
    let answers = told["decisions"][1]["answers"].as_object().unwrap().clone();
    assert!(answers.len() == 6 && answers.values().all(|reply| reply == "unanswered"), "{answers:?}");
    let shown = page(&stage, &cast.lawyer, &case).await;
    assert!(shown.contains("全部问题") && shown.contains("未答"), "{shown}");

    // By the API the same, with answers or without.
    let other = at_level_2(&stage, &cast).await;
    let token = stage.token(Some(&cast.lawyer), &["recall.read", "recall.decide"]).await;
    let path = format!("/recalls/{other}/decisions");
    stage.clock.advance(Duration::from_secs(30));
    let body = |answers: Option<Value>| {
        let mut body = json!({ "decision": "approve", "comment": COMMENT, "totp": stage.code(&cast.lawyer) });
        body.as_object_mut().unwrap().extend(answers.map(|answers| ("answers".to_owned(), answers)));
        Some(body)
    };
    for (answers, status, field, kind) in [
        (json!({ "weather": "yes" }), 422, "answers.weather", "unknown"),
        (json!({ "dispute": "maybe" }), 422, "answers.dispute", "choice"),
        (json!({ "dispute": true }), 422, "answers.dispute", "type"),
        (json!({ "offer": "no", "offer_fixed": "no" }), 409, "answers.offer_fixed", "only-of-offer"),
        (json!("yes"), 422, "answers", "type"),
    ] {
        let refused = stage.api(&token, &path, body(Some(answers.clone())), None).await;
        let error = &refused.json()["errors"][0];
        let said = (refused.status, error["field"].as_str(), error["kind"].as_str());
        assert_eq!(said, (status, Some(field), Some(kind)), "{answers}: {}", refused.body);
    }
    let made = stage.api(&token, &path, body(Some(json!({ "dispute": "no", "rule": "unanswered" }))), None).await;
    assert_eq!(made.status, 200, "{}", made.body);
    assert_eq!(stage.loaded(&other).await.decisions[1].answers.as_deref().map(|a| a.contains("\"dispute\":\"no\"")), Some(true));
}

#[actix_web::test]
async fn what_is_asked_nowhere_else_or_is_no_answer_is_refused_and_keeps_what_was_typed() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let case = stage.case(&cast).await;
    let early = weigh(&stage, &cast.reviewer, &case, "approve", &[("dispute", "no")]).await;
    assert!(early.status == 422 && early.body.contains("只在法务合规复核时答复") && early.body.contains(COMMENT), "{}", early.body);
    done(&stage, &cast.reviewer, &case, "approve", &[("dispute", "unanswered")]).await;
    let offer = weigh(&stage, &cast.lawyer, &case, "approve", &[("offer", "no"), ("offer_fixed", "yes")]).await;
    assert!(offer.status == 422 && offer.body.contains("仅在属于要约或者合同时答复"), "{}", offer.body);
    assert!(offer.body.contains("href=\"#decide-answers.offer_fixed\"") && offer.body.contains("of-offer err"), "{}", offer.body);
    assert!(offer.body.contains("name=\"answers.offer\" value=\"no\" id") || offer.body.contains("value=\"no\" checked"), "{}", offer.body);
    assert_sound(&offer.body);
    let word = weigh(&stage, &cast.lawyer, &case, "approve", &[("rule", "perhaps")]).await;
    assert!(word.status == 422 && word.body.contains("href=\"#decide-answers.rule\"") && word.body.contains(COMMENT), "{}", word.body);
    assert_eq!(stage.loaded(&case).await.decisions.len(), 1);
}

#[actix_web::test]
async fn a_foreseeable_dispute_is_approved_by_counsel_or_after_counsel_who_was_added() {
    for db in TestDb::each() {
        let stage = Stage::set_on(db, |_| {}).await;
        let cast = stage.cast().await;
        let counsel = stage.person("gaoyuan", &[Role::LegalReviewer, Role::Counsel], "法务部").await;
        let case = at_level_2(&stage, &cast).await;
        let dispute = [("dispute", "yes")];
        let refused = weigh(&stage, &cast.lawyer, &case, "approve", &dispute).await;
        assert_eq!((refused.status, stage.last_refusal(&case).await.as_str()), (409, "dispute-needs-counsel"), "{}", refused.body);
        for words in [
            "转办给兼任法务的复核人",
            COMMENT,
            "name=\"answers.dispute\" value=\"yes\" id=\"decide-answers.dispute\" checked",
            "gaoyuan（法务）",
            "weighing\" open",
        ] {
            assert!(refused.body.contains(words), "{words}: {}", refused.body);
        }
        assert_sound(&refused.body);
        let add = [("to", counsel.caller.id.as_str()), ("reason", "可预见劳动争议，请法务判断")];
        assert_eq!(stage.post(&cast.lawyer, &format!("/recalls/{case}/additions"), &add).await.status, 303);
        done(&stage, &counsel, &case, "approve", &dispute).await;
        let shown = page(&stage, &counsel, &case).await;
        let number = stage.loaded(&case).await.row.number;
        assert!(shown.contains("应提出诉讼保留") && shown.matches(&format!("/holds/new?case={number}")).count() == 2, "{shown}");
        let shown = page(&stage, &cast.lawyer, &case).await;
        assert!(shown.contains("应提出诉讼保留") && !shown.contains("/holds/new"), "who may place no hold is offered none: {shown}");
        done(&stage, &cast.lawyer, &case, "approve", &dispute).await;
        assert_eq!(stage.loaded(&case).await.row.open_levels, "3");

        // Counsel who was added and foresaw none speaks for no approval that does.
        let second = at_level_2(&stage, &cast).await;
        assert_eq!(stage.post(&cast.lawyer, &format!("/recalls/{second}/additions"), &add).await.status, 303);
        done(&stage, &counsel, &second, "approve", &[("dispute", "no")]).await;
        assert_eq!(weigh(&stage, &cast.lawyer, &second, "approve", &dispute).await.status, 409);
        done(&stage, &cast.lawyer, &second, "return", &dispute).await;

        let third = at_level_2(&stage, &cast).await;
        assert_eq!(stage.post(&cast.lawyer, &format!("/recalls/{third}/transfers"), &add).await.status, 303);
        done(&stage, &counsel, &third, "approve", &dispute).await;
        assert!(stage.app.store.verify(&Against::default()).unwrap().ok);
    }
}

#[actix_web::test]
async fn a_rule_that_may_have_been_read_is_not_recalled_in_silence() {
    for db in TestDb::each() {
        let stage = Stage::set_on(db, |_| {}).await;
        let cast = stage.cast().await;
        let case = at_level_2(&stage, &cast).await;
        let rule = [("rule", "yes")];
        let refused = weigh(&stage, &cast.lawyer, &case, "approve", &rule).await;
        assert_eq!((refused.status, stage.last_refusal(&case).await.as_str()), (409, "silent-recall"), "{}", refused.body);
        assert!(refused.body.contains("不得悄悄撤回") && refused.body.contains(COMMENT), "{}", refused.body);
        done(&stage, &cast.lawyer, &case, "return", &rule).await;
        let again = [("reason", "排班表版本有误，已改为告知已读人员"), ("tell_readers", "1")];
        assert_eq!(stage.post(&cast.requester, &format!("/recalls/{case}/resubmissions"), &again).await.status, 303);
        done(&stage, &cast.reviewer, &case, "approve", &[]).await;
        done(&stage, &cast.lawyer, &case, "approve", &rule).await;
        let shown = page(&stage, &cast.lawyer, &case).await;
        assert!(shown.contains("须告知已读人员该消息已经撤回") && shown.contains("第 2 轮：hejing 同意"), "{shown}");

        // Where the platform tells of everybody that they have not read it, there is nobody to tell.
        let unread = at_level_2(&stage, &cast).await;
        stage.db.execute("UPDATE recipients SET read_state = 'unread'");
        done(&stage, &cast.lawyer, &unread, "approve", &rule).await;
    }
}

#[actix_web::test]
async fn by_a_policy_that_wants_every_answer_none_is_left_at_an_approval() {
    for db in TestDb::each() {
        let stage = Stage::set_on(db, |_| {}).await;
        let cast = stage.cast().await;
        let before = at_level_2(&stage, &cast).await;
        let security = stage.person("xuman", &[Role::SecurityAdministrator], "信息安全部").await;
        let system = stage.person("chengye", &[Role::SystemAdministrator], "信息技术部").await;
        let form = stage.get(&security, "/policies/proposals/new").await;
        assert!(form.body.contains("name=\"must_answer\" value=\"1\">"), "off as shipped: {}", form.body);
        stage.clock.advance(Duration::from_secs(30));
        let code = stage.code(&security);
        let fields = rules(&[("must_answer", ""), ("must_answer", "1"), ("reason", "合规部门要求逐项答复，不得留空。"), ("totp", &code)]);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let proposed = stage.post(&security, "/policies/proposals", &fields).await;
        assert_eq!(proposed.status, 303, "{}", proposed.body);
        let shown = stage.get(&system, &proposed.location).await;
        assert!(shown.body.contains("同意之前须答复复核追问") && shown.body.contains("须逐项答复"), "{}", shown.body);
        let code = stage.code(&system);
        assert_eq!(stage.post(&system, &format!("{}/confirmations", proposed.location), &[("totp", &code)]).await.status, 303);

        let case = at_level_2(&stage, &cast).await;
        let shown = page(&stage, &cast.lawyer, &case).await;
        assert!(shown.contains("weighing\" open") && shown.contains("同意之前须逐项答复"), "{shown}");
        let answers =
            [("dispute", "no"), ("offer", "yes"), ("offer_fixed", "no"), ("offer_irrevocable", "no"), ("rule", "no"), ("personal_data", "no")];
        let left = weigh(&stage, &cast.lawyer, &case, "approve", &answers).await;
        assert_eq!(left.status, 422, "{}", left.body);
        for field in ["offer_accepted", "inside_information", "trade_secret"] {
            assert!(left.body.contains(&format!("href=\"#decide-answers.{field}\"")), "{field}: {}", left.body);
        }
        let said = ["须选是或者否", COMMENT, "name=\"answers.offer\" value=\"yes\" id=\"decide-answers.offer\" checked"];
        assert!(said.iter().all(|words| left.body.contains(words)) && !left.body.contains("href=\"#decide-answers.dispute\""), "{}", left.body);
        assert_sound(&left.body);
        let token = stage.token(Some(&cast.lawyer), &["recall.read", "recall.decide"]).await;
        stage.clock.advance(Duration::from_secs(30));
        let body = json!({ "decision": "approve", "comment": COMMENT, "totp": stage.code(&cast.lawyer) });
        let refused = stage.api(&token, &format!("/recalls/{case}/decisions"), Some(body), None).await;
        let named: Vec<Value> = refused.json()["errors"].as_array().unwrap().iter().map(|e| e["field"].clone()).collect();
        assert_eq!(refused.status, 409, "{}", refused.body);
        let wanted = ["dispute", "offer", "rule", "personal_data", "inside_information", "trade_secret"].map(|name| format!("answers.{name}"));
        assert_eq!(named, wanted, "{}", refused.body);
        let rest = [("offer_accepted", "no"), ("inside_information", "no"), ("trade_secret", "no")];
        done(&stage, &cast.lawyer, &case, "approve", &[&answers[..], &rest].concat()).await;
        let shown = page(&stage, &cast.lawyer, &case).await;
        assert!(shown.contains("要约尚可撤销"), "{shown}");
        let returned = at_level_2(&stage, &cast).await;
        done(&stage, &cast.lawyer, &returned, "return", &[]).await;
        // Who was submitted before goes by the rules of then; and a form that says nothing of it leaves it as it is.
        done(&stage, &cast.lawyer, &before, "approve", &[]).await;
        stage.clock.advance(Duration::from_secs(30));
        let code = stage.code(&security);
        let fields = rules(&[("base", "2"), ("budget_leak", "4"), ("reason", "演练中四分钟足够，其余不变。"), ("totp", &code)]);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let proposed = stage.post(&security, "/policies/proposals", &fields).await;
        let shown = stage.get(&system, &proposed.location).await;
        assert!(!shown.body.contains("可以不答"), "{}", shown.body);
        assert!(stage.app.store.verify(&Against::default()).unwrap().ok);
    }
}
