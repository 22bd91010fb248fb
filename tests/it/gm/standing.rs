//! How it stands with the key and the certificate of SM2: told of and shown where the profile wants them, and in nobody's way where it does not.

use std::time::Duration;

use countermand::{
    app::{
        Caller,
        evidence::{expiry, signing},
    },
    clock::{Clock, SystemClock},
    config::Profile,
    crypto::signature::Suite,
    jobs,
};
use serde_json::{Value, json};

use super::{DAY, certified};
use crate::{
    alerts::House,
    recalls::stage::Stage,
    support::{db::TestDb, log, process::Node},
};

async fn stage(db: TestDb, profile: Profile) -> Stage {
    Stage::set_with(db, |_| {}, |config, _| config.evidence.profile = profile).await
}

/// Takes in a key of the suite with a certificate of SM2 that lasts so long from the app's now on.
async fn take(house: &House, lasting: Duration) {
    let by = certified(house.app().now(), lasting);
    signing::import(house.app(), &Caller::shell(), Suite::Sm2, &by.chain.pem(), Some(by.key.file().unwrap().to_pem())).await.unwrap();
}

/// Days before the end at which the end was told so far.
async fn told(house: &House) -> Vec<u64> {
    let events = log::events_from(&house.app().store, 0).await;
    let told = events.into_iter().filter(|e| e["action"] == "evidence_certificate.expiring" && e["subject"]["id"] == "evidence_sm2");
    told.map(|e| e["parts"]["detail"]["days"].as_u64().unwrap()).collect()
}

/// What stands where a key waits for its certificate.
fn spoil(house: &House, file: &str) {
    let file = house.app().store.data().join(file);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, "no key").unwrap();
}

#[actix_web::test]
async fn whose_certificate_of_sm2_runs_out_is_told_in_time() {
    for db in TestDb::each() {
        let house = House::on(stage(db, Profile::Gm).await).await;
        let app = house.app();
        expiry::begin(app).await.unwrap();
        take(&house, 40 * DAY).await;
        for (days, so_far) in [(1, vec![]), (10, vec![30]), (23, vec![30, 7]), (7, vec![30, 7, 0])] {
            house.minutes(days * 24 * 60);
            jobs::run_due(app).await.unwrap();
            assert_eq!(told(&house).await, so_far);
        }
        let page = house.stage.get(&house.system, "/settings").await;
        assert!(page.body.contains("SM2 签名证书") && page.body.contains("DEMO Evidence SM2 Signer"), "{}", page.body);
        assert!(page.body.contains("evidence key request --sm2"), "{}", page.body);
    }
}

#[actix_web::test]
async fn a_key_that_cannot_be_read_does_not_hide_the_end_of_the_other_certificate() {
    let house = House::on(stage(TestDb::one(), Profile::Gm).await).await;
    take(&house, 5 * DAY).await;
    spoil(&house, "keys/evidence.key.new");
    assert!(expiry::step(house.app()).await.is_err(), "what is wrong is told all the same");
    assert_eq!(told(&house).await, vec![7]);
}

#[actix_web::test]
async fn in_the_profile_standard_a_certificate_of_sm2_signs_nothing_and_nobody_is_told_of_its_end() {
    for db in TestDb::each() {
        let house = House::on(stage(db, Profile::Standard).await).await;
        let app = house.app();
        take(&house, 5 * DAY).await;
        expiry::step(app).await.unwrap();
        house.minutes(6 * 24 * 60);
        expiry::step(app).await.unwrap();
        assert_eq!(told(&house).await, Vec::<u64>::new());

        take(&house, 40 * DAY).await;
        let standing = signing::standing(app, Suite::Sm2).await.unwrap();
        assert_eq!((standing.signs(), standing.reason(), standing.uncertified), (false, Some("profile_standard"), None));
        let page = house.stage.get(&house.system, "/settings").await;
        let said = ["证书主体（未启用）", "DEMO Evidence SM2 Signer", "evidence.profile 为 standard"];
        assert!(said.iter().all(|said| page.body.contains(said)) && !page.body.contains("签名证书主体"), "{}", page.body);
    }
}

#[actix_web::test]
async fn the_command_says_once_that_nothing_is_signed() {
    let stage = stage(TestDb::one(), Profile::Standard).await;
    let store = &stage.app.store;
    let node = Node { data: store.data().to_owned(), database: store.database().clone() };
    let folder = tempfile::tempdir().unwrap();
    let by = certified(SystemClock.now(), 40 * DAY);
    let [chain, key] = ["chain.pem", "key.pem"].map(|name| folder.path().join(name).to_str().unwrap().to_owned());
    std::fs::write(&chain, by.chain.pem()).unwrap();
    std::fs::write(&key, by.key.file().unwrap().to_pem().as_bytes()).unwrap();
    let run = |arguments: &[&str]| {
        let out = node.run(arguments);
        (out.status.code().unwrap(), String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr).unwrap())
    };
    const NONE: &str = "no bundle is signed with it until the settings say evidence.profile = \"gm\"";
    let (code, out, err) = run(&["evidence", "key", "import", "--sm2", &chain, "--key", &key]);
    assert!(code == 0 && out.matches(NONE).count() == 1 && !out.contains("signs from now on"), "{out}{err}");
    let (code, out, _) = run(&["evidence", "key", "show", "--sm2", "--json"]);
    let shown: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &shown["signs"], &shown["reason"]), (1, &json!(false), &json!("profile_standard")));
    let (code, _, err) = run(&["evidence", "key", "show", "--sm2"]);
    assert!(code == 1 && err.contains(NONE), "{err}");

    std::fs::write(node.data.join("countermand.toml"), "[evidence]\nprofile = \"gm\"\n").unwrap();
    let shown = node.json(&["evidence", "key", "show", "--sm2", "--json"]);
    assert_eq!((&shown["signs"], &shown["reason"]), (&json!(true), &Value::Null));
    let (code, out, err) = run(&["evidence", "key", "import", "--sm2", &chain, "--key", &key]);
    assert!(code == 0 && out.contains("signs from now on") && !out.contains(NONE), "{out}{err}");
}

#[actix_web::test]
async fn files_of_sm2_that_cannot_be_read_are_no_trouble_where_they_are_not_needed() {
    for (profile, status) in [(Profile::Standard, 200), (Profile::Gm, 503)] {
        let house = House::on(stage(TestDb::one(), profile).await).await;
        spoil(&house, "keys/evidence-sm2.key.new");
        let page = house.stage.get(&house.system, "/settings").await;
        assert_eq!(page.status, status, "{}", page.body);
        assert_eq!(expiry::step(house.app()).await.is_ok(), status == 200);
    }
}

#[actix_web::test]
async fn the_api_tells_no_signature_by_sm2_from_none_that_was_wanted() {
    for (profile, certify, signature, reason) in [
        (Profile::Standard, false, Value::Null, Value::Null),
        (Profile::Gm, false, json!(false), json!("no_certificate")),
        (Profile::Gm, true, json!(true), Value::Null),
    ] {
        let house = House::on(stage(TestDb::one(), profile).await).await;
        let cast = house.stage.cast().await;
        let case = house.stage.approved(&cast).await;
        house.stage.settle(4, 5).await;
        if certify {
            take(&house, 40 * DAY).await;
        }
        let token = house.stage.token(None, &["evidence.export", "recall.read"]).await;
        let answer = house.stage.api(&token, "/evidence/exports", Some(json!({ "case": case, "purpose": "劳动仲裁举证" })), Some("key-1")).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        let said = answer.json();
        assert_eq!((&said["sm2_signature"], &said["uncertified_sm2"]), (&signature, &reason));
    }
}
