//! Deciding that was handed to somebody: it counts in the principal's name and says so everywhere, it ends when it is said to, and it never
//! makes one person of two, nor two of one.

use std::time::Duration;

use countermand::{
    app::{Turn, alarms, alerts},
    domain::{alert::Rule, role::Role},
    store::Options,
};
use serde_json::json;

use super::stage::{Answer, Cast, Person, Stage};
use crate::support::{
    db::TestDb,
    mail::{self, Sink},
};

const COMMENT: &str = "经核对，情况属实，同意撤回";

/// The value of a hidden field on a page.
fn hidden(body: &str, name: &str) -> String {
    body.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap_or_else(|| panic!("no {name}: {body}")).split('"').next().unwrap().to_owned()
}

async fn stages() -> Vec<Stage> {
    let mut stages = Vec::new();
    for db in TestDb::each() {
        stages.push(Stage::set_on(db, |_: &mut Options| {}).await);
    }
    stages
}

/// Hands these levels on for two hours, as the form does.
async fn hand(stage: &Stage, by: &Person, to: &Person, levels: &[&str]) -> Answer {
    hand_with(stage, by, &to.caller.name, levels, &[]).await
}

async fn hand_with(stage: &Stage, by: &Person, to: &str, levels: &[&str], more: &[(&str, &str)]) -> Answer {
    stage.clock.advance(Duration::from_secs(30));
    let (code, until) = (stage.code(by), stage.app.now().plus(Duration::from_secs(7200)).to_rfc3339());
    let mut fields = vec![("to", to), ("reason", "出差期间请代为审批"), ("totp", code.as_str())];
    if more.iter().all(|(name, _)| *name != "until") {
        fields.push(("until", &until));
    }
    fields.extend(levels.iter().map(|level| ("levels", *level)));
    fields.extend(more);
    stage.post(by, "/delegations", &fields).await
}

pub(super) async fn handed(stage: &Stage, by: &Person, to: &Person, levels: &[&str]) -> String {
    let answer = hand(stage, by, to, levels).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    answer.location.strip_prefix("/delegations/").unwrap().to_owned()
}

async fn approve(stage: &Stage, who: &Person, case: &str) -> Answer {
    stage.clock.advance(Duration::from_secs(30));
    stage.decide(who, case, "approve").await
}

async fn refused(stage: &Stage, who: &Person, case: &str, why: &str) {
    let answer = approve(stage, who, case).await;
    assert_eq!((answer.status, stage.last_refusal(case).await.as_str()), (409, why), "{}", answer.body);
}

#[actix_web::test]
async fn a_delegate_decides_on_behalf_and_every_record_says_so() {
    for db in TestDb::each() {
        let sink = Sink::open();
        let port = sink.port;
        let stage = Stage::set_with(db, |options| options.tells = true, move |config, _| mail::post(config, port)).await;
        let cast = stage.cast().await;
        // Somebody who only asks for recalls elsewhere: nothing of this is theirs before.
        let deputy = stage.person("deputy", &[Role::Requester], "总裁办").await;
        countermand::app::notices::address_set(&stage.app, &deputy.caller, "deputy@example.com").await.unwrap();
        let case = stage.case(&cast).await;
        let page = format!("/recalls/{case}");
        assert_eq!(stage.get(&deputy, &page).await.status, 404);
        let id = handed(&stage, &cast.reviewer, &deputy, &["1"]).await;
        stage.run().await;
        let told = sink.take();
        assert!(told.iter().any(|mail| format!("{mail:?}").contains("deputy@example.com")), "{told:?}");

        let list = stage.get(&deputy, "/approvals").await;
        assert!(list.body.contains("（代zhouqiming）") && list.body.contains(">1<"), "{}", list.body);
        let shown = stage.get(&deputy, &page).await;
        assert!(shown.body.contains("您受zhouqiming委托审批"), "{}", shown.body);
        assert_eq!(hidden(&shown.body, "behalf"), id);
        assert!(!shown.body.contains("转办本级"), "what was received is not passed on");
        let done = approve(&stage, &deputy, &case).await;
        assert_eq!(done.status, 303, "{}", done.body);
        let decided = stage.events(&case).await.into_iter().rfind(|e| e.leaf.action == "recall.decided").unwrap();
        let detail = stage.detail(&decided).await;
        assert_eq!(
            (&detail["decider"], &detail["principal"], &detail["delegation"]),
            (&json!(deputy.caller.id), &json!(cast.reviewer.caller.id), &json!(id))
        );
        let statement = stage.loaded(&case).await.decisions[0].statement.clone();
        let statement: serde_json::Value = serde_json::from_slice(&statement).unwrap();
        assert_eq!(statement["decider"], deputy.caller.id.as_str(), "the statement is whose hand it was");

        let shown = stage.get(&cast.lawyer, &page).await;
        assert!(shown.body.contains("deputy（代zhouqiming作出） 同意"), "{}", shown.body);
        let token = stage.token(Some(&cast.lawyer), &["recall.read"]).await;
        let told = stage.api(&token, &format!("/recalls/{case}"), None, None).await.json();
        assert_eq!(told["levels"][0]["on_behalf_of"], cast.reviewer.caller.id.as_str());
        // Their principal may not decide another level, nor this one again; two others finish it.
        refused(&stage, &cast.reviewer, &case, "role-not-for-level").await;
        for who in [&cast.lawyer, &cast.executive] {
            assert_eq!(approve(&stage, who, &case).await.status, 303);
        }
        stage.settle(3, 5).await;
        assert_eq!(stage.state(&case).await, "recall_accepted");
        // What goes out of the house says it too, and holds.
        let auditor = stage.person("counsel", &[Role::Counsel], "法务部").await;
        stage.clock.advance(Duration::from_secs(30));
        let fields = [("case", case.as_str()), ("purpose", "劳动仲裁举证"), ("totp", &stage.code(&auditor))];
        let made = stage.post(&auditor, "/evidence/exports", &fields).await;
        assert!(made.status < 400, "{} {}", made.status, made.body);
    }
}

#[actix_web::test]
async fn a_delegation_that_ends_while_the_page_lies_open_refuses_and_keeps_what_was_typed() {
    for stage in stages().await {
        let cast = stage.cast().await;
        let deputy = stage.person("deputy", &[Role::Requester], "总裁办").await;
        for by_time in [false, true] {
            let case = stage.case(&stage.cast2(&cast).await).await;
            let page = format!("/recalls/{case}");
            let id = handed(&stage, &cast.reviewer, &deputy, &["1"]).await;
            let session = stage.session_of(&deputy).await.0;
            let shown = stage.get_as(&session, &page).await;
            let (behalf, version) = (hidden(&shown.body, "behalf"), hidden(&shown.body, "version"));
            assert_eq!(behalf, id);
            if by_time {
                stage.db.execute(&format!("UPDATE delegations SET until_at = {} WHERE id = '{id}'", stage.app.now().0 + 1));
                stage.clock.advance(Duration::from_secs(30));
            } else {
                let ended = stage.post(&cast.reviewer, &format!("/delegations/{id}/ends"), &[]).await;
                assert_eq!(ended.status, 303, "{}", ended.body);
            }
            stage.clock.advance(Duration::from_secs(30));
            let code = stage.code(&deputy);
            let fields = [("decision", "approve"), ("comment", COMMENT), ("totp", code.as_str()), ("version", &version), ("behalf", &behalf)];
            let answer = stage.post_as(&session, &format!("{page}/decisions"), &fields).await;
            assert_eq!((answer.status, stage.last_refusal(&case).await.as_str()), (409, "delegation-ended"), "{}", answer.body);
            assert!(answer.body.contains("委托已经结束") && answer.body.contains(COMMENT), "{}", answer.body);
            assert!(stage.loaded(&case).await.decisions.is_empty());
            // Nothing is left of it: not the case, not a decision in any other name.
            assert_eq!(stage.get(&deputy, &page).await.status, 404);
            assert_eq!(stage.decide(&deputy, &case, "approve").await.status, 403);
            assert_eq!(approve(&stage, &cast.reviewer, &case).await.status, 303, "the principal decides as ever");
        }
    }
}

#[actix_web::test]
async fn neither_of_the_two_asked_or_decided_elsewhere() {
    for stage in stages().await {
        let cast = stage.cast().await;
        let double = stage.person("double", &[Role::DepartmentReviewer, Role::LegalReviewer], "人力资源部").await;
        let deputy = stage.person("deputy", &[Role::Requester], "总裁办").await;
        let second = stage.person("second", &[Role::Requester], "总裁办").await;
        let asking = stage.person("asking", &[Role::Requester, Role::LegalReviewer], "人力资源部").await;
        handed(&stage, &cast.reviewer, &deputy, &["1"]).await;
        handed(&stage, &cast.lawyer, &deputy, &["2"]).await;
        handed(&stage, &double, &second, &["1", "2"]).await;
        handed(&stage, &cast.lawyer, &cast.requester, &["2"]).await;
        handed(&stage, &asking, &second, &["2"]).await;

        // The delegate is the requester.
        let case = stage.case(&stage.cast2(&cast).await).await;
        assert_eq!(approve(&stage, &cast.reviewer, &case).await.status, 303);
        refused(&stage, &cast.requester, &case, "own-request").await;
        // The delegate decided at level 1, for another principal.
        let case = stage.case(&stage.cast2(&cast).await).await;
        assert_eq!(approve(&stage, &deputy, &case).await.status, 303);
        refused(&stage, &deputy, &case, "decided-at-another-level").await;
        // Who was decided for at level 1 decides no other level.
        let case = stage.case(&stage.cast2(&cast).await).await;
        assert_eq!(approve(&stage, &second, &case).await.status, 303);
        refused(&stage, &double, &case, "decided-for-at-another-level").await;
        // The principal decided at level 1, and their delegate tries level 2.
        let case = stage.case(&stage.cast2(&cast).await).await;
        assert_eq!(approve(&stage, &double, &case).await.status, 303);
        let page = stage.get(&second, &format!("/recalls/{case}")).await;
        assert!(page.body.contains("代asking") || page.body.contains("asking委托"), "of two principals the one that may: {}", page.body);
        stage.db.execute(
            "UPDATE delegations SET ended_at = 1, ended_by = principal_id WHERE principal_id IN (SELECT id FROM users WHERE username = 'asking')",
        );
        refused(&stage, &second, &case, "principal-decided-at-another-level").await;
    }
}

#[actix_web::test]
async fn nobody_hands_on_what_they_do_not_have() {
    for stage in stages().await {
        let cast = stage.cast().await;
        let deputy = stage.person("deputy", &[Role::Requester], "总裁办").await;
        let system = stage.person("system", &[Role::SystemAdministrator], "信息部").await;
        let auditor = stage.person("auditor", &[Role::Auditor], "审计部").await;
        handed(&stage, &cast.reviewer, &deputy, &["1"]).await;
        handed(&stage, &cast.reviewer, &cast.lawyer, &["1"]).await;
        // A level that the rules keep, one that is somebody else's, one that was received; people who never decide.
        for (by, to, levels, more, says) in [
            (&cast.executive, "deputy", "3", [("x", "")], "第 3 级不得委托"),
            (&cast.lawyer, "deputy", "3", [("x", "")], "第 3 级不在您的审批权限内"),
            (&cast.lawyer, "deputy", "1", [("x", "")], "第 1 级是他人委托给您的，不得转委托"),
            (&cast.lawyer, "system", "2", [("x", "")], "管理员和审计账号不参与审批"),
            (&cast.lawyer, "auditor", "2", [("x", "")], "管理员和审计账号不参与审批"),
            (&cast.lawyer, "hejing", "2", [("x", "")], "不能委托给本人"),
            (&cast.lawyer, "nobody", "2", [("x", "")], "没有这个可用的账号"),
            (&cast.lawyer, "deputy", "2", [("department", "anything")], "只有部门复核可以限定部门"),
            (&cast.lawyer, "deputy", "2", [("until", "2026-01-01T00:00:00Z")], "结束时间应晚于开始时间"),
            (&cast.lawyer, "deputy", "2", [("until", "2031-01-01T00:00:00Z")], "一次委托最长 90 天"),
        ] {
            let answer = hand_with(&stage, by, to, &[levels], &more).await;
            assert!(answer.status == 422 && answer.body.contains(says), "{says}: {} {}", answer.status, answer.body);
            assert!(answer.body.contains("出差期间请代为审批"), "what was typed is kept");
        }
        let onward = hand(&stage, &deputy, &cast.requester, &["1"]).await;
        assert!(onward.status == 409 && onward.body.contains("不得再转给他人"), "{} {}", onward.status, onward.body);
        for nobody in [&system, &auditor, &cast.requester] {
            assert_eq!(hand(&stage, nobody, &deputy, &["1"]).await.status, 403);
        }
        // Nor by passing the level on.
        let case = stage.case(&stage.cast2(&cast).await).await;
        let other = stage.person("suntao", &[Role::DepartmentReviewer], "人力资源部").await;
        let fields = [("to", other.caller.id.as_str()), ("reason", "请孙涛代为处理")];
        let passed = stage.post(&deputy, &format!("/recalls/{case}/transfers"), &fields).await;
        assert_eq!((passed.status, stage.last_refusal(&case).await.as_str()), (409, "received-is-not-passed-on"), "{}", passed.body);
    }
}

#[actix_web::test]
async fn a_suspended_principal_hands_on_nothing_and_a_strangers_hand_ends_nothing() {
    for stage in stages().await {
        let cast = stage.cast().await;
        let system = stage.person("system", &[Role::SystemAdministrator], "信息部").await;
        let security = stage.person("security", &[Role::SecurityAdministrator], "信息部").await;
        let other = stage.person("suntao", &[Role::DepartmentReviewer], "人力资源部").await;
        let deputy = stage.person("deputy", &[Role::Requester], "总裁办").await;
        let case = stage.case(&cast).await;
        let id = handed(&stage, &cast.reviewer, &deputy, &["1"]).await;
        let kept = handed(&stage, &other, &deputy, &["1"]).await;
        let ends = format!("/delegations/{kept}/ends");
        // Who knows nothing of it, who received it, who oversees it without a reason.
        for (who, status) in [(&cast.lawyer, 404), (&deputy, 403), (&security, 422)] {
            let answer = stage.post(who, &ends, &[("reason", "")]).await;
            assert_eq!(answer.status, status, "{}", answer.body);
        }
        assert!(stage.get(&security, "/delegations").await.body.contains("suntao → deputy"));
        assert_eq!(stage.get(&cast.lawyer, "/delegations?list=all").await.status, 403);
        let ended = stage.post(&security, &ends, &[("reason", "受托人已调岗，不宜代为审批")]).await;
        assert_eq!(ended.status, 303, "{}", ended.body);
        let again = stage.post(&other, &ends, &[]).await;
        assert!(again.status == 409 && again.body.contains("已经结束"), "{}", again.body);

        // What rests on the principal is listed before they are suspended, and counts no more after it.
        let page = format!("/users/{}/suspensions", cast.reviewer.caller.id);
        let shown = stage.get(&system, &page).await;
        assert!(shown.body.contains("委托他人审批 1 项"), "{}", shown.body);
        assert!(stage.get(&deputy, &format!("/recalls/{case}")).await.body.contains("您受zhouqiming委托审批"));
        let fields = [("version", hidden(&shown.body, "version")), ("seen", hidden(&shown.body, "seen"))];
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(stage.post(&system, &page, &fields).await.status, 303);
        assert_eq!(stage.get(&deputy, &format!("/recalls/{case}")).await.status, 404);
        assert_eq!(approve(&stage, &deputy, &case).await.status, 403);
        let idle = stage.get(&deputy, &format!("/delegations/{id}")).await;
        assert!(idle.body.contains("暂不生效"), "{}", idle.body);
    }
}

#[actix_web::test]
async fn of_principal_and_delegate_at_the_same_instant_one_decides() {
    for stage in stages().await {
        let cast = stage.cast().await;
        let deputy = stage.person("deputy", &[Role::Requester], "总裁办").await;
        let case = stage.case(&cast).await;
        handed(&stage, &cast.reviewer, &deputy, &["1"]).await;
        stage.clock.advance(Duration::from_secs(30));
        let (one, two) = tokio::join!(stage.decide(&cast.reviewer, &case, "approve"), stage.decide(&deputy, &case, "approve"));
        let mut statuses = [one.status, two.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 409], "{} {}", one.body, two.body);
        let loaded = stage.loaded(&case).await;
        assert_eq!((loaded.decisions.len(), loaded.case.open.into_iter().collect::<Vec<_>>()), (1, vec![2]));
    }
}

#[actix_web::test]
async fn rules_that_keep_a_level_and_a_department_that_narrows_it_hold_at_the_decision() {
    for stage in stages().await {
        let Cast { reviewer, requester, lawyer, executive } = stage.cast().await;
        let cast = Cast { reviewer, requester, lawyer, executive };
        let deputy = stage.person("deputy", &[Role::Requester], "总裁办").await;
        let security = stage.person("security", &[Role::SecurityAdministrator], "信息部").await;
        let system = stage.person("system", &[Role::SystemAdministrator], "信息部").await;
        handed(&stage, &cast.reviewer, &deputy, &["1"]).await;
        let before = stage.case(&stage.cast2(&cast).await).await;
        // From now on only level 2 may be delegated.
        stage.clock.advance(Duration::from_secs(30));
        let code = stage.code(&security);
        let fields = crate::policies::rules(&[("delegable", ""), ("delegable", "2"), ("reason", "部门复核须由本人作出，不得委托"), ("totp", &code)]);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let proposed = stage.post(&security, "/policies/proposals", &fields).await;
        assert_eq!(proposed.status, 303, "{}", proposed.body);
        let shown = stage.get(&system, &proposed.location).await;
        assert!(shown.body.contains("部门复核委托他人") && shown.body.contains("不可以"), "{}", shown.body);
        let code = stage.code(&system);
        let confirmed = stage.post(&system, &format!("{}/confirmations", proposed.location), &[("totp", &code)]).await;
        assert_eq!(confirmed.status, 303, "{}", confirmed.body);
        // A case keeps the rules that it was submitted under; the next one goes by the new ones.
        let after = stage.case(&stage.cast2(&cast).await).await;
        refused(&stage, &deputy, &after, "level-not-delegated").await;
        // The simulator asks the rules that are asked for.
        let (away, department) = (&cast.reviewer.caller.id, cast.reviewer.caller.department_id.clone().unwrap());
        for (version, stands_in) in [("1", true), ("2", false)] {
            let query = format!("version={version}&platform=wecom&category=leak&ago=30&department={department}&away={away}");
            let told = stage.get(&cast.requester, &format!("/policies?{query}")).await;
            assert_eq!(told.body.contains("deputy（代zhouqiming）"), stands_in, "{}", told.body);
            assert_eq!(told.body.contains("部门复核没有可处理的人员"), !stands_in, "{}", told.body);
        }
        assert_eq!(approve(&stage, &deputy, &before).await.status, 303);
        let banned = hand(&stage, &cast.reviewer, &deputy, &["1"]).await;
        assert!(banned.status == 422 && banned.body.contains("第 1 级不得委托") || banned.body.contains("不得委托"), "{}", banned.body);
    }
}

#[actix_web::test]
async fn the_check_before_a_request_names_delegates_and_counts_principals() {
    for stage in stages().await {
        let requester = stage.person("linyutong", &[Role::Requester], "人力资源部").await;
        let double = stage.person("double", &[Role::DepartmentReviewer, Role::LegalReviewer], "人力资源部").await;
        stage.person("chensiyuan", &[Role::FinalApprover], "总裁办").await;
        let deputy = stage.person("deputy", &[Role::Requester], "总裁办").await;
        let people = stage.recipients();
        let broadcast = stage.notice(&requester, &people.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let page = format!("/recalls/new?broadcast={broadcast}");
        let check = async |lang: &str| {
            let shown = stage.get(&requester, &format!("{page}&lang={lang}")).await;
            assert_eq!(shown.status, 200, "{}", shown.body);
            crate::support::html::assert_sound(&shown.body);
            shown.body
        };
        let alone = check("zh-CN").await;
        assert!(alone.contains("现有人员不足") && !alone.contains("deputy"), "{alone}");
        handed(&stage, &double, &deputy, &["2"]).await;
        let shown = check("zh-CN").await;
        assert!(shown.contains("double") && shown.contains("deputy（代double）"), "{shown}");
        assert!(shown.contains("现有人员不足"), "three people, in two people's names: {shown}");
        let english = check("en").await;
        assert!(english.contains("deputy (on behalf of double)"), "{english}");
        let lawyer = stage.person("hejing", &[Role::LegalReviewer], "法务部").await;
        let enough = check("zh-CN").await;
        assert!(enough.contains(&lawyer.caller.name) && !enough.contains("现有人员不足"), "{enough}");
    }
}

#[actix_web::test]
async fn programs_hand_on_in_a_persons_name_alone() {
    for stage in stages().await {
        let cast = stage.cast().await;
        let deputy = stage.person("deputy", &[Role::Requester], "总裁办").await;
        let until = stage.app.now().plus(Duration::from_secs(7200)).to_rfc3339();
        let body = |code: &str| json!({ "to": "deputy", "levels": [1], "until": until, "reason": "出差期间请代为审批", "totp": code });
        let service = stage.token(None, &["recall.read"]).await;
        assert_eq!(stage.api(&service, "/delegations", Some(body("000000")), None).await.status, 403);
        let token = stage.token(Some(&cast.reviewer), &["recall.decide", "recall.read"]).await;
        let made = stage.api(&token, "/delegations", Some(body(&stage.code(&cast.reviewer))), Some("once")).await;
        assert_eq!(made.status, 201, "{}", made.body);
        let id = made.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(stage.api(&token, "/delegations", Some(body(&stage.code(&cast.reviewer))), Some("once")).await.json()["id"], id.as_str());
        let listed = stage.api(&token, "/delegations?list=given", None, None).await.json();
        assert_eq!((&listed["delegations"][0]["id"], &listed["delegations"][0]["state"]), (&json!(id), &json!("running")));
        let theirs = stage.token(Some(&deputy), &["recall.decide", "recall.read"]).await;
        let case = stage.case(&cast).await;
        let waiting = stage.api(&theirs, "/approvals", None, None).await.json();
        assert_eq!(waiting["approvals"][0]["on_behalf_of"], "zhouqiming");
        stage.clock.advance(Duration::from_secs(30));
        let decision = json!({ "decision": "approve", "comment": COMMENT, "totp": stage.code(&deputy) });
        let decided = stage.api(&theirs, &format!("/recalls/{case}/decisions"), Some(decision), None).await;
        assert_eq!((decided.status, &decided.json()["on_behalf_of"]), (200, &json!(cast.reviewer.caller.id)), "{}", decided.body);
        let ended = stage.api(&token, &format!("/delegations/{id}/ends"), Some(json!({})), None).await;
        assert_eq!(ended.status, 200, "{}", ended.body);
        assert_eq!(stage.api(&theirs, "/approvals", None, None).await.json()["approvals"].as_array().unwrap().len(), 0);
    }
}

#[actix_web::test]
async fn the_page_says_who_can_decide_and_why_the_reader_cannot() {
    for stage in stages().await {
        let cast = stage.cast().await;
        let deputy = stage.person("deputy", &[Role::Requester], "总裁办").await;
        let other = stage.person("suntao", &[Role::DepartmentReviewer], "人力资源部").await;
        let security = stage.person("security", &[Role::SecurityAdministrator], "信息部").await;
        handed(&stage, &cast.reviewer, &deputy, &["1"]).await;
        let case = stage.case(&cast).await;
        let page = format!("/recalls/{case}");
        let shown = stage.get(&cast.requester, &page).await;
        for says in ["谁可以审批", "以部门复核身份；已委托deputy", "代zhouqiming，自", "suntao"] {
            assert!(shown.body.contains(says), "{says}: {}", shown.body);
        }
        assert!(!shown.body.contains("目前无人可以审批"));
        let token = stage.token(Some(&cast.requester), &["recall.read"]).await;
        let told = stage.api(&token, &page, None, None).await.json();
        let able: Vec<(&str, &serde_json::Value)> =
            told["levels"][0]["able"].as_array().unwrap().iter().map(|a| (a["name"].as_str().unwrap(), &a["on_behalf_of"])).collect();
        assert_eq!(able, [("suntao", &json!(null)), ("deputy", &json!("zhouqiming")), ("zhouqiming", &json!(null))]);
        assert_eq!(told["levels"][1]["able"], json!(null), "it is not open");

        let why = async |who: &Person, says: &str| {
            let shown = stage.get(who, &page).await;
            assert!(shown.body.contains(says), "{says}: {}", shown.body);
        };
        why(&cast.lawyer, "法务合规复核尚未开始，须先完成部门复核").await;
        let fields = [("to", other.caller.id.as_str()), ("reason", "出差，请孙涛处理")];
        assert_eq!(stage.post(&cast.reviewer, &format!("{page}/transfers"), &fields).await.status, 303);
        why(&cast.reviewer, "本级已转办给suntao").await;
        why(&other, "您的决定").await;
        assert_eq!(approve(&stage, &other, &case).await.status, 303);
        why(&other, "您已在部门复核作出决定").await;
        stage.db.execute(&format!("UPDATE users SET totp_sealed = NULL WHERE id = '{}'", cast.lawyer.caller.id));
        why(&cast.lawyer, "您尚未登记二次验证").await;

        // Nobody is left for level 2: the page says so, and those who give roles are told once.
        alarms::look(&stage.app).await.unwrap();
        stage.db.execute(&format!("UPDATE users SET state = 'suspended' WHERE id = '{}'", cast.lawyer.caller.id));
        why(&cast.requester, "法务合规复核目前无人可以审批").await;
        for _ in 0..2 {
            alarms::look(&stage.app).await.unwrap();
        }
        alerts::watch::pass(&stage.app).await.unwrap();
        let wanted = alerts::Wanted { rule: Some(Rule::ReviewersMissing), ..alerts::Wanted::default() };
        let raised = alerts::list(&stage.app, &security.caller, wanted, Turn::First).await.unwrap().0;
        assert_eq!(raised.len(), 1, "the security administrator sees it");
        let number = stage.loaded(&case).await.row.number;
        let told = stage.api(&token, &page, None, None).await.json();
        assert_eq!((told["levels"][1]["able"].as_array().map(Vec::len), told["number"].as_str()), (Some(0), Some(number.as_str())));
    }
}
