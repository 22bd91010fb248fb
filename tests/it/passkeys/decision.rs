//! A decision that a passkey signs: bound to what was shown, kept by the log, verified by strangers.

use std::time::Duration;

use countermand::{
    app::{Caller, evidence},
    evidence::{
        verify::{Answer as Verdict, Pin, verify},
        zip::{self, Limits},
    },
};
use serde_json::Value;

use super::{PAGE, passkey, question};
use crate::{
    recalls::stage::{Answer, Person, Stage},
    support::passkey::{Passkey, asked},
};

const COMMENT: &str = "情况属实，依制度处理";

/// Has the statement of a decision made.
async fn statement(stage: &Stage, who: &Person, case: &str, decision: &str, comment: &str) -> Answer {
    stage.clock.advance(Duration::from_secs(1));
    let version = stage.loaded(case).await.row.version.to_string();
    let fields = [("decision", decision), ("comment", comment), ("version", &version)];
    stage.post(who, &format!("/recalls/{case}/statements"), &fields).await
}

/// Posts a decision with an answer.
async fn decide(stage: &Stage, who: &Person, case: &str, decision: &str, comment: &str, answer: &str) -> Answer {
    let version = stage.loaded(case).await.row.version.to_string();
    let fields = [("decision", decision), ("comment", comment), ("totp", answer), ("version", &version)];
    stage.post(who, &format!("/recalls/{case}/decisions"), &fields).await
}

async fn signed(stage: &Stage, who: &Person, case: &str, key: &mut Passkey) -> Answer {
    let page = statement(stage, who, case, "approve", COMMENT).await;
    assert_eq!(page.status, 200, "{}", page.body);
    let answer = key.answer(&asked(&page.body, "data-passkey"));
    decide(stage, who, case, "approve", COMMENT, &answer).await
}

#[actix_web::test]
async fn a_passkey_signs_the_decision_that_was_shown_and_no_other() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let (case, reviewer) = (stage.case(&cast).await, &cast.reviewer);
    let without = statement(&stage, reviewer, &case, "approve", COMMENT).await;
    assert!(without.status == 409 && without.body.contains("没有可用的通行密钥") && without.body.contains(COMMENT), "{}", without.body);
    let mut key = passkey(&stage, reviewer).await;
    assert!(stage.get(reviewer, &format!("/recalls/{case}")).await.body.contains("核对并用通行密钥签署"));
    let short = statement(&stage, reviewer, &case, "approve", "").await;
    assert_eq!(short.status, 422, "{}", short.body);
    let foreign = statement(&stage, &cast.lawyer, &case, "approve", COMMENT).await;
    assert_eq!(foreign.status, 409, "a level of another: {}", foreign.body);

    let page = statement(&stage, reviewer, &case, "approve", COMMENT).await;
    let ask = asked(&page.body, "data-passkey");
    let answer = key.answer(&ask);
    for (decision, comment) in [("approve", "情况属实，依制度处理。"), ("reject", COMMENT)] {
        let changed = decide(&stage, reviewer, &case, decision, comment, &answer).await;
        assert!(changed.status == 422 && changed.body.contains("已有改动") && changed.body.contains(comment), "{}", changed.body);
    }
    // An answer to the question of any other page signs nothing.
    let plain = key.answer(&question(&stage, reviewer, PAGE).await);
    assert_eq!(decide(&stage, reviewer, &case, "approve", COMMENT, &plain).await.status, 422);
    // Nor does a statement on another case, though all else is the same.
    let other = stage.case(&cast).await;
    let elsewhere = key.answer(&asked(&statement(&stage, reviewer, &other, "approve", COMMENT).await.body, "data-passkey"));
    assert_eq!(decide(&stage, reviewer, &case, "approve", COMMENT, &elsewhere).await.status, 422);
    // Another deadline than the one that was shown.
    let late = statement(&stage, reviewer, &case, "approve", COMMENT).await;
    let answer = key.answer(&asked(&late.body, "data-passkey"));
    stage.db.execute(&format!("UPDATE recalls SET cut_off = cut_off + 1 WHERE id = '{case}'"));
    let moved = decide(&stage, reviewer, &case, "approve", COMMENT, &answer).await;
    assert!(moved.status == 422 && moved.body.contains("已有改动"), "{}", moved.body);
    stage.db.execute(&format!("UPDATE recalls SET cut_off = cut_off - 1 WHERE id = '{case}'"));
    let done = decide(&stage, reviewer, &case, "approve", COMMENT, &answer).await;
    assert_eq!(done.status, 303, "{}", done.body);
    let again = decide(&stage, reviewer, &other, "approve", COMMENT, &answer).await;
    assert_eq!(again.status, 422, "what was used is used: {}", again.body);

    let events = stage.events(&case).await;
    let decided = events.iter().rev().find(|e| e.leaf.action == "recall.decided" && e.leaf.outcome == "success").unwrap();
    let detail = stage.detail(decided).await;
    assert_eq!((detail["method"].as_str(), detail["passkey"]["algorithm"].as_str()), (Some("passkey"), Some("ES256")), "{detail:#}");
}

#[actix_web::test]
async fn what_level_2_answers_is_shown_before_it_is_signed_and_signed_with_it() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let case = stage.case(&cast).await;
    assert_eq!(stage.decide(&cast.reviewer, &case, "approve").await.status, 303);
    let mut key = passkey(&stage, &cast.lawyer).await;
    stage.clock.advance(Duration::from_secs(1));
    let version = stage.loaded(&case).await.row.version.to_string();
    let said = [("decision", "approve"), ("comment", COMMENT), ("version", version.as_str())];
    let with = |more: &[(&'static str, &'static str)]| said.iter().copied().chain(more.iter().copied()).collect::<Vec<_>>();
    let answered = [("answers.offer", "yes"), ("answers.offer_accepted", "no")];
    let page = stage.post(&cast.lawyer, &format!("/recalls/{case}/statements"), &with(&answered)).await;
    assert_eq!(page.status, 200, "{}", page.body);
    for shown in ["<dt>属于要约或者合同</dt><dd>是</dd>", "<dt>涉及个人信息</dt><dd>未答</dd>", "offer or contract: 是 yes"] {
        assert!(page.body.contains(shown), "{shown}: {}", page.body);
    }
    for (name, value) in [("answers.offer", "yes"), ("answers.offer_accepted", "no"), ("answers.rule", "unanswered")] {
        assert!(page.body.contains(&format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">")), "{name}: {}", page.body);
    }
    let answer = key.answer(&asked(&page.body, "data-passkey"));
    let path = format!("/recalls/{case}/decisions");
    for other in [&[][..], &[("answers.offer", "yes"), ("answers.offer_accepted", "yes")]] {
        let fields: Vec<(&str, &str)> = with(other).into_iter().chain([("totp", answer.as_str())]).collect();
        let changed = stage.post(&cast.lawyer, &path, &fields).await;
        assert!(changed.status == 422 && changed.body.contains("已有改动"), "{other:?}: {}", changed.body);
    }
    let fields: Vec<(&str, &str)> = with(&answered).into_iter().chain([("totp", answer.as_str())]).collect();
    let done = stage.post(&cast.lawyer, &path, &fields).await;
    assert_eq!(done.status, 303, "{}", done.body);
    // What cannot be decided so is not put to be signed either.
    let other = stage.case(&cast).await;
    stage.clock.advance(Duration::from_secs(30));
    assert_eq!(stage.decide(&cast.reviewer, &other, "approve").await.status, 303);
    let dispute = [("decision", "approve"), ("comment", COMMENT), ("version", version.as_str()), ("answers.dispute", "yes")];
    let refused = stage.post(&cast.lawyer, &format!("/recalls/{other}/statements"), &dispute).await;
    assert!(refused.status == 409 && refused.body.contains("兼任法务的复核人"), "{}", refused.body);
}

#[actix_web::test]
async fn strangers_verify_a_signed_decision_and_see_a_changed_one() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let case = stage.case(&cast).await;
    for who in [&cast.reviewer, &cast.lawyer, &cast.executive] {
        let mut key = passkey(&stage, who).await;
        let done = signed(&stage, who, &case, &mut key).await;
        assert_eq!(done.status, 303, "{}", done.body);
    }
    stage.settle(4, 1).await;
    let (_, all) = evidence::of_case(&stage.app, &Caller::shell(), &case).await.unwrap();
    let bytes = std::fs::read(stage.app.store.data().join(&all[0].row.path)).unwrap();
    let pin = [Pin::Log(stage.app.store.vkey().unwrap())];
    let outcome = verify(&bytes, &pin, &Limits::default());
    let passkeys: Vec<_> = outcome.checks.iter().filter(|c| c.name == "passkeys").map(|c| c.result).collect();
    assert_eq!((outcome.result, passkeys), (Verdict::Pass, vec![Verdict::Pass]), "{:#?}", outcome.checks);

    let (name, files) = zip::read(&bytes, &Limits::default()).unwrap();
    let changed = |path: &str, change: &dyn Fn(&mut Value)| {
        let mut files = files.clone();
        let mut value: Value = serde_json::from_slice(&files[path]).unwrap();
        change(&mut value);
        files.insert(path.to_owned(), serde_json::to_vec_pretty(&value).unwrap());
        let outcome = verify(&zip::write(&name, &files).unwrap(), &pin, &Limits::default());
        outcome.checks.iter().filter(|c| c.name == "passkeys" && c.result == Verdict::Fail).map(|c| c.actual.clone()).collect::<Vec<_>>()
    };
    let report = "data/evidence.json";
    let lie = |d: &mut Value, key: &str, value: &str| d["decisions"][0][key] = value.into();
    assert_eq!(changed(report, &|_| {}), Vec::<String>::new());
    let said: String = serde_json::from_slice::<Value>(&files[report]).unwrap()["decisions"][0]["statement"].as_str().unwrap().into();
    assert!(changed(report, &|d| lie(d, "statement", &said.replace("approve", "reject")))[0].contains("challenge"));
    assert!(!changed(report, &|d| d["decisions"][0]["passkey"] = d["decisions"][1]["passkey"].clone()).is_empty(), "another's signature");
    assert!(!changed(report, &|d| d["decisions"][0]["passkey"] = Value::Null).is_empty(), "a signature that was taken out");
    assert!(!changed("data/decisions/round-1-level-1/client-data.json", &|d| d["origin"] = "x".into()).is_empty(), "a file for OpenSSL");

    // OpenSSL and Python alone.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("EVID.zip");
    std::fs::write(&path, &bytes).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/passkey.py");
    let said = std::process::Command::new("python3").arg(script).arg(&path).output().unwrap();
    assert!(said.status.success(), "{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
}
