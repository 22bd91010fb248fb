//! 强制覆盖: a corrected message that is asked for with the recall, judged with it, and sent in the same act to whom the first one went; and
//! everything that keeps it from being sent.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use countermand::{
    app::{
        Caller,
        broadcasts::{
            Wanted,
            send::{self, NewBroadcast},
        },
        connections, evidence,
    },
    connect::emulator::Mode,
    domain::event::{Action, Subject},
    evidence::{
        verify::{Answer as Verdict, Pin, verify},
        zip::Limits,
    },
    store::{
        broadcasts::{self, BroadcastRow},
        recipients,
        schema::{self, recalls},
        verify::Against,
    },
};
use diesel::prelude::*;
use serde_json::{Value, json};

use super::stage::{Answer, Cast, Person, Stage};
use crate::support::{db::TestDb, html::assert_sound};

const TITLE: &str = "【更正】年度薪酬调整方案";
const TEXT: &str = "此前发送的薪酬方案有误，请以本消息为准：调整自七月起执行。";

/// What a recall is asked for with.
fn fields<'f>(broadcast: &'f str, more: &[(&'f str, &'f str)]) -> Vec<(&'f str, &'f str)> {
    let mut fields = vec![("broadcast", broadcast), ("category", "leak"), ("reason", "薪酬方案的执行月份写错了"), ("step", "submit")];
    fields.extend(more);
    fields
}

async fn notice(stage: &Stage, cast: &Cast) -> String {
    let people = stage.recipients();
    notice_to(stage, cast, Wanted { users: people, ..Wanted::default() }).await
}

/// A notice like no other: the platform drops a second one that says the same.
async fn notice_to(stage: &Stage, cast: &Cast, audience: Wanted) -> String {
    let said = stage.app.store.read(|conn| Ok(schema::broadcasts::table.count().get_result::<i64>(conn)?)).await.unwrap();
    let new = NewBroadcast {
        connection: stage.connection.clone(),
        audience,
        title: "年度薪酬调整方案".into(),
        text: format!("各位同事：附件为薪酬方案之{said}。"),
        ..NewBroadcast::default()
    };
    let id = send::send(&stage.app, &cast.requester.caller, new, None).await.unwrap().value;
    stage.run().await;
    id
}

/// A case with a correction.
pub async fn corrected(stage: &Stage, cast: &Cast) -> String {
    let broadcast = notice(stage, cast).await;
    let made = stage.post(&cast.requester, "/recalls", &fields(&broadcast, &[("correction.title", TITLE), ("correction.text", TEXT)])).await;
    assert_eq!(made.status, 303, "{}", made.body);
    made.case()
}

async fn page(stage: &Stage, who: &Person, path: &str) -> String {
    let shown = stage.get(who, path).await;
    assert_eq!(shown.status, 200, "{}", shown.body);
    assert_sound(&shown.body);
    shown.body
}

async fn approve(stage: &Stage, people: &[&Person], case: &str) {
    for who in people {
        stage.clock.advance(Duration::from_secs(30));
        let answer = stage.decide(who, case, "approve").await;
        assert_eq!(answer.status, 303, "{}", answer.body);
    }
}

/// The broadcast that the case's correction became, if it did.
pub async fn sent(stage: &Stage, case: &str) -> Option<BroadcastRow> {
    let id = stage.loaded(case).await.row.correction_id.unwrap();
    stage.app.store.read(move |conn| broadcasts::find(conn, &id)).await.unwrap()
}

async fn standing(stage: &Stage, who: &Person, case: &str) -> Value {
    let token = stage.token(Some(who), &["recall.read"]).await;
    stage.api(&token, &format!("/recalls/{case}"), None, None).await.json()["correction"].clone()
}

fn inbox(stage: &Stage) -> String {
    format!("{:?}", stage.emulator.inbox(&stage.recipients()[0]))
}

#[actix_web::test]
async fn a_correction_is_judged_with_the_recall_and_sent_in_the_same_act() {
    for db in TestDb::each() {
        let stage = Stage::set_on(db, |_| {}).await;
        let cast = stage.cast().await;
        let broadcast = notice(&stage, &cast).await;
        let form = page(&stage, &cast.requester, &format!("/recalls/new?broadcast={broadcast}")).await;
        assert!(form.contains("强制覆盖") && form.contains(&format!("value=\"{TITLE}\"")), "the title is proposed: {form}");
        let correction = [("correction.title", TITLE), ("correction.text", TEXT), ("step", "check")];
        let typed: Vec<_> = fields(&broadcast, &correction).into_iter().filter(|(name, value)| *name != "step" || *value == "check").collect();
        let check = stage.post(&cast.requester, "/recalls", &typed).await;
        assert!(check.status == 200 && check.body.contains(&format!("name=\"correction.text\" value=\"{TEXT}\"")), "{}", check.body);
        let case = corrected_of(&stage, &cast, &broadcast).await;

        // All three see what they approve, and are bound to it.
        let event = stage.events(&case).await.remove(0);
        let told = stage.detail(&event).await;
        let id = stage.loaded(&case).await.row.correction_id.unwrap();
        assert_eq!(told["correction"], json!(id));
        for who in [&cast.reviewer, &cast.lawyer, &cast.executive] {
            assert_eq!(sent(&stage, &case).await.map(|row| row.state), None);
            let shown = page(&stage, who, &format!("/recalls/{case}")).await;
            let commitment = format!("更正消息承诺值 correction commitment: {}", told["correction_message"].as_str().unwrap());
            assert!(shown.contains("待发送") && shown.contains(&commitment) && shown.matches(TEXT).count() == 2, "panel and summary: {shown}");
            approve(&stage, &[who], &case).await;
        }
        assert_eq!(standing(&stage, &cast.requester, &case).await, json!({ "broadcast": id, "state": "planned" }));
        stage.settle(4, 1).await;
        assert_eq!(stage.state(&case).await, "recall_accepted");
        let row = sent(&stage, &case).await.unwrap();
        assert_eq!((row.state.as_str(), row.sender_id, row.recipients_count), ("sent", Some(cast.requester.caller.id.clone()), 3));
        assert_eq!(json!(hex::encode(&row.commitment)), told["correction_message"], "what was judged is what was sent");
        let inbox = inbox(&stage);
        assert!(inbox.contains(TEXT) && !inbox.contains("各位同事"), "{inbox}");
        assert_eq!((stage.emulator.count("message/send"), stage.emulator.count("message/recall")), (2, 1));

        // The case tells of it before it closes.
        let trail = stage.trail(&case).await;
        let at = |what: &str| trail.iter().position(|line| line == what).unwrap_or_else(|| panic!("{what}: {trail:?}"));
        assert!(at("recall.finished success") < at("broadcast.submitted success") && at("broadcast.submitted success") < at("case.closed success"));
        assert_eq!(standing(&stage, &cast.requester, &case).await, json!({ "broadcast": id, "state": "submitted" }));
        let shown = page(&stage, &cast.requester, &format!("/recalls/{case}")).await;
        assert!(shown.contains("已提交发送") && shown.contains(&format!("/broadcasts/{id}")), "{shown}");
        let number = stage.loaded(&case).await.row.number;
        let shown = page(&stage, &cast.requester, &format!("/broadcasts/{id}")).await;
        assert!(shown.contains(&format!("/recalls/{case}")) && shown.contains(&number) && shown.contains(TITLE), "{shown}");

        // A repeated run sends nothing twice.
        stage.db.execute("UPDATE jobs SET state = 'ready', run_at = 0, lease_until = NULL WHERE kind = 'send_correction'");
        stage.settle(2, 1).await;
        assert_eq!(stage.emulator.count("message/send"), 2);
        let (_, all) = evidence::of_case(&stage.app, &Caller::shell(), &case).await.unwrap();
        let bytes = std::fs::read(stage.app.store.data().join(&all[0].row.path)).unwrap();
        let outcome = verify(&bytes, &[Pin::Log(stage.app.store.vkey().unwrap())], &Limits::default());
        assert_eq!(outcome.result, Verdict::Pass, "{:#?}", outcome.checks);
        assert!(outcome.checks.iter().any(|c| c.name == "forced_override"));
        let report = stage.app.store.verify(&Against::default()).unwrap();
        assert!(report.ok, "{:#?}", report.problems);
        for value in ["NULL".to_owned(), format!("'{broadcast}'")] {
            stage.db.execute(&format!("UPDATE recalls SET correction_id = {value} WHERE id = '{case}'"));
            let report = stage.app.store.verify(&Against::default()).unwrap();
            assert!(report.problems.iter().any(|p| p.table == "recalls" && p.detail.contains("correction_id")), "{value}: {:?}", report.problems);
        }
    }
}

async fn corrected_of(stage: &Stage, cast: &Cast, broadcast: &str) -> String {
    stage.post(&cast.requester, "/recalls", &fields(broadcast, &[("correction.title", TITLE), ("correction.text", TEXT)])).await.case()
}

#[actix_web::test]
async fn nothing_is_sent_where_nothing_was_taken_back() {
    for db in TestDb::each() {
        let stage = Stage::set_on(db, |_| {}).await;
        let cast = stage.cast().await;
        let rejected = corrected(&stage, &cast).await;
        stage.clock.advance(Duration::from_secs(30));
        assert_eq!(stage.decide(&cast.reviewer, &rejected, "reject").await.status, 303);
        let withdrawn = corrected(&stage, &cast).await;
        assert_eq!(stage.post(&cast.requester, &format!("/recalls/{withdrawn}/withdrawal"), &[]).await.status, 303);
        let failed = corrected(&stage, &cast).await;
        // It acted and answered garbage: nobody knows what came of it.
        stage.emulator.inject("message/recall", Mode::Garbage, 1);
        approve(&stage, &[&cast.reviewer, &cast.lawyer, &cast.executive], &failed).await;
        let calls = stage.emulator.count("message/send");
        // Whoever can write to the queue has nothing sent either.
        let waiting = corrected(&stage, &cast).await;
        let calls = calls + 1;
        for case in [rejected.clone(), withdrawn.clone(), waiting.clone()] {
            let put = move |tx: &mut countermand::store::Tx<'_>| tx.enqueue("send_correction", &case, &json!({ "recall": case }), tx.now());
            stage.app.store.write(put).await.unwrap();
        }
        stage.settle(6, 5).await;
        assert!(sent(&stage, &waiting).await.is_none());
        for (case, state) in [(rejected, "rejected"), (withdrawn, "withdrawn"), (failed, "failed")] {
            assert_eq!(stage.state(&case).await, state);
            assert!(sent(&stage, &case).await.is_none(), "{state}");
            assert_eq!(standing(&stage, &cast.requester, &case).await["state"], "not_sent", "{state}");
            let shown = page(&stage, &cast.requester, &format!("/recalls/{case}")).await;
            assert!(shown.contains("未发送") && shown.contains("没有撤回任何消息的，不发送"), "{shown}");
            assert!(stage.trail(&case).await.contains(&"case.closed success".to_owned()));
        }
        assert_eq!(stage.emulator.count("message/send"), calls);
    }
}

#[actix_web::test]
async fn a_correction_that_cannot_be_sent_any_more_is_told_of_and_the_case_closes() {
    for db in TestDb::each() {
        let stage = Stage::set_on(db, |_| {}).await;
        let cast = stage.cast().await;
        let case = corrected(&stage, &cast).await;
        approve(&stage, &[&cast.reviewer, &cast.lawyer, &cast.executive], &case).await;
        // The recall is carried out, and before the next job the connection is switched off.
        countermand::app::recalls::execute::step(&stage.app, &case).await.unwrap();
        assert_eq!(standing(&stage, &cast.requester, &case).await["state"], "due");
        let access = stage.emulator.access().clone();
        let version = stage.app.store.read(countermand::store::connections::list).await.unwrap()[0].version;
        let off = connections::Change {
            name: "企业微信".into(),
            base_url: access.base_url,
            corp_id: access.corp_id,
            agent_id: access.agent_id.to_string(),
            active: false,
            version,
            ..connections::Change::default()
        };
        connections::change(&stage.app, &Caller::shell(), &stage.connection, off).await.unwrap();
        stage.settle(4, 1).await;
        let trail = stage.trail(&case).await;
        assert!(trail.contains(&"broadcast.submitted refused".to_owned()) && trail.contains(&"case.closed success".to_owned()), "{trail:?}");
        assert_eq!(stage.last_refusal(&case).await, "cannot-correct");
        assert!(page(&stage, &cast.requester, &format!("/recalls/{case}")).await.contains("更正消息未能发送：所用平台连接现在不能发送"));
        assert_eq!((sent(&stage, &case).await.is_none(), standing(&stage, &cast.requester, &case).await["state"].clone()), (true, json!("not_sent")));
        assert!(stage.app.store.verify(&Against::default()).unwrap().ok);
    }
}

#[actix_web::test]
async fn the_next_round_says_what_is_sent_or_that_nothing_is() {
    for db in TestDb::each() {
        let stage = Stage::set_on(db, |_| {}).await;
        let cast = stage.cast().await;
        let (kept, dropped) = (corrected(&stage, &cast).await, corrected(&stage, &cast).await);
        let id = stage.loaded(&kept).await.row.correction_id;
        for case in [&kept, &dropped] {
            stage.clock.advance(Duration::from_secs(30));
            assert_eq!(stage.decide(&cast.reviewer, case, "return").await.status, 303);
            let shown = page(&stage, &cast.requester, &format!("/recalls/{case}")).await;
            assert!(shown.contains(&format!("{TEXT}</textarea>")), "what was asked for stands in the form: {shown}");
        }
        let again = async |case: &str, text: &str| -> Answer {
            let fields = [("reason", "补充：七月应为九月"), ("correction.title", TITLE), ("correction.text", text)];
            stage.post(&cast.requester, &format!("/recalls/{case}/resubmissions"), &fields).await
        };
        let long = "长".repeat(700);
        let refused = again(&kept, &long).await;
        assert!(refused.status == 422 && refused.body.contains("内容过长，最多 2048 字节") && refused.body.contains(&long), "{}", refused.body);
        assert_eq!((again(&kept, "更正：自九月起执行。").await.status, again(&dropped, " ").await.status), (303, 303));
        assert_eq!((stage.loaded(&kept).await.row.correction_id, stage.loaded(&dropped).await.row.correction_id), (id, None));
        for case in [&kept, &dropped] {
            approve(&stage, &[&cast.reviewer, &cast.lawyer, &cast.executive], case).await;
        }
        stage.settle(5, 1).await;
        let inbox = inbox(&stage);
        assert!(inbox.contains("自九月起执行") && !inbox.contains("七月起"), "{inbox}");
        assert_eq!((sent(&stage, &kept).await.unwrap().state.as_str(), standing(&stage, &cast.requester, &dropped).await), ("sent", Value::Null));
        assert!(stage.app.store.verify(&Against::default()).unwrap().ok);
    }
}

#[actix_web::test]
async fn a_correction_is_asked_for_only_where_it_can_be_sent_and_by_who_may_send() {
    for db in TestDb::each() {
        let stage = Stage::set_on(db, |_| {}).await;
        let cast = stage.cast().await;
        let broadcast = notice(&stage, &cast).await;
        let asked = |broadcast: &str, correction: Value| json!({ "broadcast": broadcast, "category": "wrong_fact", "reason": "薪酬方案的执行月份写错了", "correction": correction });
        let body = |broadcast: &str, title: &str, text: &str| asked(broadcast, json!({ "title": title, "text": text }));
        let narrow = stage.token(Some(&cast.requester), &["recall.request", "recall.read"]).await;
        let refused = stage.api(&narrow, "/recalls", Some(body(&broadcast, TITLE, TEXT)), None).await;
        assert_eq!(refused.status, 403, "who asks through this token may not send: {}", refused.body);
        let wide = stage.token(Some(&cast.requester), &["recall.request", "recall.read", "broadcast.send", "broadcast.read"]).await;
        for (title, text, member) in [("", TEXT, "correction.title"), (TITLE, "", "correction.text")] {
            let refused = stage.api(&wide, "/recalls", Some(body(&broadcast, title, text)), None).await;
            assert!(refused.status == 422 && refused.body.contains(member), "{}", refused.body);
        }
        let refused = stage.api(&wide, "/recalls", Some(body(&broadcast, "年度薪酬调整方案", "各位同事：附件为薪酬方案之0。")), None).await;
        assert!(refused.status == 409 && refused.body.contains("与所撤回的消息完全相同"), "{}", refused.body);
        // Nobody knows to whom a reported message went, or through what.
        let picture = STANDARD.encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0");
        let report = json!({
            "channel": "企业微信群", "sent_at": stage.app.now().to_rfc3339(), "audience": ["甲"], "title": "报价单", "text": "内部价九折",
            "screenshots": [{ "name": "群聊.png", "data": picture }],
        });
        let reported = stage.api(&wide, "/reports", Some(report), None).await.json()["id"].as_str().unwrap().to_owned();
        let refused = stage.api(&wide, "/recalls", Some(asked(&broadcast, json!({ "title": TITLE }))), None).await;
        assert!(refused.status == 422 && refused.body.contains("correction.text"), "{}", refused.body);
        let refused = stage.api(&wide, "/recalls", Some(body(&reported, TITLE, TEXT)), None).await;
        assert!(refused.status == 409 && refused.body.contains("correction.text"), "{}", refused.body);
        let form = stage.get(&cast.requester, &format!("/recalls/new?broadcast={reported}")).await.body;
        assert!(!form.contains("correction.text"), "{form}");
        let refused = stage.post(&cast.requester, "/recalls", &fields(&reported, &[("correction.title", TITLE), ("correction.text", TEXT)])).await;
        assert!(refused.status == 422 && refused.body.contains("此消息无法强制覆盖"), "{}", refused.body);
        // Nothing of all that made a case.
        let made = stage.api(&wide, "/recalls", Some(body(&broadcast, TITLE, TEXT)), None).await;
        assert_eq!((made.status, made.json()["number"].as_str()), (201, Some("FR-20261122-0001")), "{}", made.body);
        assert_eq!(standing(&stage, &cast.requester, made.json()["id"].as_str().unwrap()).await["state"], "planned");
    }
}

#[actix_web::test]
async fn what_was_not_judged_is_not_sent_and_one_that_was_sent_is_found() {
    for db in TestDb::each() {
        let stage = Stage::set_on(db, |_| {}).await;
        let cast = stage.cast().await;
        // Somebody with the keys writes another text into the case once it is approved.
        let case = corrected(&stage, &cast).await;
        approve(&stage, &[&cast.reviewer, &cast.lawyer, &cast.executive], &case).await;
        let (keys, id) = (stage.app.store.keys().clone(), case.clone());
        stage
            .app
            .store
            .write(move |tx| {
                let of = recalls::table.find(&id);
                let sealed: Vec<u8> = of.select(recalls::request_sealed).first(tx.conn)?;
                let context = format!("recalls/{id}/request");
                let said = String::from_utf8(keys.envelope.open(&context, &sealed)?.to_vec()).unwrap().replace("七月", "一月");
                diesel::update(of).set(recalls::request_sealed.eq(keys.envelope.seal(&context, said.as_bytes()))).execute(tx.conn)?;
                Ok(())
            })
            .await
            .unwrap();
        stage.settle(4, 1).await;
        assert_eq!((stage.last_refusal(&case).await.as_str(), sent(&stage, &case).await), ("correction-changed", None));
        assert!(page(&stage, &cast.requester, &format!("/recalls/{case}")).await.contains("案件中的更正消息与日志所记不符"));
        assert!(!inbox(&stage).contains("一月"));

        // Somebody who is the installation sends something all the same: a bundle shows it.
        for (asked, message) in [(true, "00".repeat(32)), (false, "11".repeat(32))] {
            let case = if asked { corrected(&stage, &cast).await } else { stage.case(&stage.cast2(&cast).await).await };
            approve(&stage, &[&cast.reviewer, &cast.lawyer, &cast.executive], &case).await;
            countermand::app::recalls::execute::step(&stage.app, &case).await.unwrap();
            let id = stage.loaded(&case).await.row.correction_id.unwrap_or_else(countermand::id::fresh);
            let event = Caller::job("send_correction").event(Action::BroadcastSubmitted, Subject::new("broadcast", id)).case(&case);
            let event = event.detail(json!({ "after": { "message": message }, "pieces": 1 }));
            stage.app.store.write(move |tx| tx.append(event.clone())).await.unwrap();
            stage.db.execute("UPDATE jobs SET state = 'done' WHERE kind = 'send_correction'");
            stage.settle(4, 1).await;
            let (_, all) = evidence::of_case(&stage.app, &Caller::shell(), &case).await.unwrap();
            let bytes = std::fs::read(stage.app.store.data().join(&all[0].row.path)).unwrap();
            let outcome = verify(&bytes, &[Pin::Log(stage.app.store.vkey().unwrap())], &Limits::default());
            let mut failed: Vec<_> = outcome.checks.iter().filter(|c| c.result == Verdict::Fail).map(|c| c.name).collect();
            failed.dedup();
            assert_eq!(failed, ["forced_override"], "{asked}: {:#?}", outcome.checks);
            let problem = outcome.checks.iter().find(|c| c.name == "forced_override").unwrap();
            let expected = if asked { ("an approval", &message) } else { ("no message", &message) };
            assert!(problem.actual.contains(expected.1.as_str()) || problem.expected.contains(expected.0), "{problem:?}");
        }
    }
}

#[actix_web::test]
async fn a_halted_case_sends_nothing_although_it_was_recalled() {
    for db in TestDb::each() {
        let stage = Stage::set_on(db, |_| {}).await;
        let cast = stage.cast().await;
        let case = corrected(&stage, &cast).await;
        approve(&stage, &[&cast.reviewer, &cast.lawyer, &cast.executive], &case).await;
        countermand::app::recalls::execute::step(&stage.app, &case).await.unwrap();
        // As where the halt came beside the platform's last answer.
        stage.db.execute(&format!("UPDATE recalls SET halted_at = submitted_at WHERE id = '{case}'"));
        stage.settle(4, 1).await;
        assert_eq!((stage.state(&case).await.as_str(), sent(&stage, &case).await), ("recall_accepted", None));
        assert_eq!(standing(&stage, &cast.requester, &case).await["state"], "not_sent");
    }
}

#[actix_web::test]
async fn what_went_to_everybody_is_corrected_for_those_who_got_it() {
    for db in TestDb::each() {
        let stage = Stage::set_on(db, |_| {}).await;
        let cast = stage.cast().await;
        let broadcast = notice_to(&stage, &cast, Wanted { all: true, ..Wanted::default() }).await;
        let people = async |id: String| -> Vec<String> {
            let rows = stage.app.store.read(move |conn| recipients::all(conn, &id)).await.unwrap();
            rows.into_iter().filter(|row| row.delivery != "refused").map(|row| row.platform_id).collect()
        };
        let everybody = people(broadcast.clone()).await;
        assert!(everybody.len() > 5 && !everybody.contains(&"@all".to_owned()), "{everybody:?}");
        let case = corrected_of(&stage, &cast, &broadcast).await;
        approve(&stage, &[&cast.reviewer, &cast.lawyer, &cast.executive], &case).await;
        stage.settle(5, 1).await;
        let row = sent(&stage, &case).await.unwrap();
        assert_eq!((row.state.as_str(), people(row.id).await), ("sent", everybody), "each by name, as the first one went");
    }
}

#[actix_web::test]
async fn a_round_that_nobody_judged_leaves_a_bundle_that_holds() {
    for db in TestDb::each() {
        let stage = Stage::set_on(db, |_| {}).await;
        let cast = stage.cast().await;
        let case = corrected(&stage, &cast).await;
        approve(&stage, &[&cast.reviewer], &case).await;
        stage.clock.advance(Duration::from_secs(30));
        assert_eq!(stage.decide(&cast.lawyer, &case, "return").await.status, 303);
        let again = [("reason", "补充：七月应为九月"), ("correction.title", TITLE), ("correction.text", "更正：自九月起执行。")];
        assert_eq!(stage.post(&cast.requester, &format!("/recalls/{case}/resubmissions"), &again).await.status, 303);
        assert_eq!(stage.post(&cast.requester, &format!("/recalls/{case}/withdrawal"), &[]).await.status, 303);
        stage.settle(4, 1).await;
        let (_, all) = evidence::of_case(&stage.app, &Caller::shell(), &case).await.unwrap();
        let bytes = std::fs::read(stage.app.store.data().join(&all[0].row.path)).unwrap();
        let outcome = verify(&bytes, &[Pin::Log(stage.app.store.vkey().unwrap())], &Limits::default());
        assert_eq!(outcome.result, Verdict::Pass, "{:#?}", outcome.checks);
    }
}
