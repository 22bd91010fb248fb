//! What is kept about a person: they see it of themselves, who keeps accounts or reads the trail sees it of others and leaves an event, and it
//! says the truth: what it counts is there, and goes when it says.

use std::time::Duration;

use countermand::{
    app::{Caller, broadcasts::imports, personal, retention},
    domain::role::Role,
};
use serde_json::Value;

use crate::{
    retention::{DAY, House, WHY, house_with, settled},
    support::db::TestDb,
};

async fn of(house: &House, who: &str) -> Value {
    settled(&house.stage.app.store);
    personal::for_shell(&house.stage.app, &Caller::shell(), who).await.unwrap().to_json()
}

/// The entry of a kind, and of a class of records.
fn entry<'a>(kept: &'a Value, kind: &str, class: Option<&str>) -> Option<&'a Value> {
    kept["data"].as_array().unwrap().iter().find(|e| e["kind"] == kind && class.is_none_or(|class| e["class"] == class))
}

#[actix_web::test]
async fn everybody_sees_what_is_kept_about_them_until_it_goes() {
    for db in TestDb::each() {
        let house = house_with(db, |config| {
            config.retention.classes.insert("decision".to_owned(), 730);
        })
        .await;
        let stage = &house.stage;
        let reviewer = "zhouqiming";
        let kept = of(&house, reviewer).await;
        let decided = entry(&kept, "records", Some("decision")).unwrap();
        assert!(decided["count"].as_u64().unwrap() >= 1 && decided["erasure"] == "due" && decided["basis"] == "duty", "{decided}");
        let until = countermand::clock::Instant::parse(decided["kept_until"].as_str().unwrap()).unwrap();
        assert!(until > stage.app.now().plus(Duration::from_secs(729 * DAY)), "the period of the class: {decided}");
        let own = entry(&kept, "decisions", None).unwrap();
        assert_eq!((own["count"].as_u64(), own["erasure"].as_str()), (Some(1), Some("contents")), "{own}");
        let words = countermand::clock::Instant::parse(own["kept_until"].as_str().unwrap()).unwrap();
        assert!(words > stage.app.now().plus(Duration::from_secs(1090 * DAY)), "with the message that they are about: {own}");
        assert!(entry(&kept, "sessions", None).unwrap()["kept_until"].is_string());
        assert_eq!(kept["holds"].as_array().unwrap().len(), 0);

        // A hold shows who reads the trail that it keeps something of theirs; the person is not told.
        let shot = house.post(&house.counsel, "/holds", &[("case", &house.number), ("reason", WHY)]).await;
        let hold = shot.location.trim_start_matches("/holds/").to_owned();
        let kept = of(&house, reviewer).await;
        assert_eq!(kept["holds"][0]["hold"], hold.as_str());
        assert!(kept["holds"][0]["records"].as_u64().unwrap() >= 1, "{kept}");
        let id = kept["person"]["id"].as_str().unwrap().to_owned();
        let page = stage.get(&house.audit, &format!("/users/{id}/personal-data")).await;
        assert!(page.status == 200 && page.body.contains(&hold) && page.body.contains("审批与保留"), "{}", page.body);
        let person = stage.person("wanzheng", &[Role::SystemAdministrator], "信息部").await;
        let page = stage.get(&person, &format!("/users/{id}/personal-data")).await;
        assert!(page.status == 200 && !page.body.contains(&hold), "who keeps accounts does not see holds: {}", page.body);
        let page = stage.get(&house.requester, "/account/personal-data").await;
        assert!(page.status == 200 && page.body.contains("提出的撤回申请") && !page.body.contains(&hold), "{}", page.body);
        assert_eq!(stage.get(&house.requester, &format!("/users/{id}/personal-data")).await.status, 403);
        assert_eq!(stage.get(&house.audit, "/users/nobody/personal-data").await.status, 404);
        assert_eq!(stage.get(&house.audit, &format!("/users/{reviewer}/personal-data")).await.status, 404, "an id, which its event then names");

        let new = imports::New { kind: "broadcasts".into(), name: "群发.csv".into(), bytes: b"a,b\r\n".to_vec(), ..imports::New::default() };
        imports::upload(&stage.app, &house.requester.caller, new, countermand::id::fresh()).await.unwrap();

        // As files: the same entries.
        let json = stage.get(&house.requester, "/account/personal-data?format=json").await.json();
        assert!(json["holds"].is_null() && entry(&json, "requests", None).unwrap()["count"] == 1, "{json}");
        let brought = entry(&json, "imports", None).unwrap();
        assert!(brought["count"] == 1 && brought["basis"] == "work" && brought["erasure"] == "due", "{brought}");
        let csv = stage.get(&house.requester, "/account/personal-data?format=csv").await.body;
        assert!(csv.starts_with("\u{feff}kind,class,count,oldest,basis,kept_until,erasure\r\n") && csv.contains("requests,,1,"), "{csv}");

        // After their time the records are gone, and what is left of them is said to be commitments.
        let shot = house.post(&house.audit, &format!("/holds/{hold}/refusals"), &[("version", "1")]).await;
        assert_eq!(shot.status, 303, "{}", shot.body);
        stage.clock.advance(Duration::from_secs(760 * DAY));
        settled(&stage.app.store);
        retention::run(&stage.app, &Caller::shell()).await.unwrap();
        let kept = of(&house, reviewer).await;
        assert!(entry(&kept, "records", None).is_none() && entry(&kept, "sessions", None).is_none(), "{kept}");
        assert!(entry(&kept, "commitments", None).unwrap()["count"].as_u64().unwrap() > 0);
        assert_eq!(entry(&kept, "decisions", None).unwrap()["count"], 1);
    }
}

/// What a hold keeps beyond its time is not counted where the person, who may not know of it, looks.
#[actix_web::test]
async fn the_own_page_does_not_betray_a_hold() {
    for db in TestDb::each() {
        let house = house_with(db, |_| {}).await;
        let who = house.requester.caller.user_id.clone().unwrap();
        let shot = house.post(&house.counsel, "/holds", &[("person", &who), ("reason", WHY)]).await;
        assert_eq!(shot.status, 303, "{}", shot.body);
        house.stage.clock.advance(Duration::from_secs(230 * DAY));
        let after = house.stage.app.now().minus(Duration::from_secs(DAY));
        settled(&house.stage.app.store);
        retention::run(&house.stage.app, &Caller::shell()).await.unwrap();
        let kept = of(&house, &who).await;
        let held = entry(&kept, "records", Some("recall")).unwrap();
        assert!(held["count"].as_u64().unwrap() >= 1 && entry(&kept, "sessions", None).is_some(), "who reads the trail sees it: {kept}");
        let own = house.stage.get(&house.requester, "/account/personal-data?format=json").await.json();
        assert!(entry(&own, "records", Some("recall")).is_none(), "{own}");
        let records = |kept: &Value| kept["data"].as_array().unwrap().iter().filter(|e| e["kind"] == "records").cloned().collect::<Vec<_>>();
        for of in records(&own) {
            assert!(countermand::clock::Instant::parse(of["oldest"].as_str().unwrap()).unwrap() >= after, "{of}");
        }
        let bare = |kept: &Value| entry(kept, "commitments", None).map_or(0, |e| e["count"].as_u64().unwrap());
        assert!(bare(&own) > bare(&kept), "what is held counts as what is gone: {own} {kept}");
    }
}
