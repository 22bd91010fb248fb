//! Who has to see an alert is told of it by mail, and of nothing but that there is one.

use countermand::{
    app::notices,
    config::Config,
    domain::{alert::Rule, role::Role},
};

use super::House;
use crate::{
    recalls::stage::Stage,
    support::{
        db::TestDb,
        log,
        mail::{self, Mood, Sink},
    },
};

#[actix_web::test]
async fn who_has_to_see_an_alert_is_told_that_there_is_one() {
    for db in TestDb::each() {
        let sink = Sink::open();
        let port = sink.port;
        let mail = move |config: &mut Config, _| {
            mail::post(config, port);
        };
        let house = House::on(Stage::set_with(db, |options| options.tells = true, mail).await).await;
        let clerk = house.stage.person("zhangwei", &[Role::LegalReviewer], "法务部").await;
        for who in [&house.system, &house.security, &house.audit, &house.auditor, &clerk] {
            notices::address_set(house.app(), &who.caller, &format!("{}@example.com", who.caller.name)).await.unwrap();
        }
        let told = async || {
            house.stage.run().await;
            let mut mails = sink.take();
            mails.sort_by(|a, b| a.to.cmp(&b.to));
            mails
        };
        for _ in 0..5 {
            house.refused(&clerk).await;
        }
        house.pass().await;
        let mails = told().await;
        let to: Vec<&str> = mails.iter().map(|m| m.to.split('@').next().unwrap()).collect();
        assert_eq!(to, ["fangzhou", "shenruochuan", "xuman"], "those whom the rule names, and neither who it is about nor others");
        let alert = house.one(Rule::Refusals).await;
        let said = crate::notices::plain(&mails[0]);
        for words in ["操作屡次被拒绝", "有一条告警等待确认", &format!("http://recall.example.com/alerts/{}", alert.id)] {
            assert!(said.contains(words), "{words}: {said}");
        }
        assert!(!said.contains("zhangwei") && !said.contains("127.0.0.1"), "nobody and no address: {said}");
        // It counts on: nobody is told again. About whom it is, is not told.
        house.refused(&clerk).await;
        for _ in 0..5 {
            house.refused(&house.security).await;
        }
        house.pass().await;
        let to: Vec<String> = told().await.into_iter().map(|m| m.to).collect();
        assert_eq!(to, ["fangzhou@example.com", "shenruochuan@example.com"]);
        // What somebody has acknowledged before the mail could go is no call any more; a mailbox that does not exist is recorded.
        sink.is(Mood::Busy);
        house.minutes(30);
        for _ in 0..5 {
            house.refused(&clerk).await;
        }
        house.pass().await;
        assert_eq!(told().await.len(), 0);
        let alert = house.of(Rule::Refusals).await.remove(0);
        assert_eq!(house.acknowledge(&house.audit, &alert).await.status, 303);
        sink.is(Mood::Refuses);
        house.minutes(30);
        assert_eq!(told().await.len(), 0);
        let sent = async || log::events_from(&house.app().store, 0).await.into_iter().filter(|e| e["action"] == "notice.sent").collect::<Vec<_>>();
        assert_eq!(sent().await.len(), 5);
        for _ in 0..5 {
            house.refused(&house.system).await;
        }
        house.pass().await;
        told().await;
        let failed: Vec<_> = sent().await.into_iter().filter(|e| e["outcome"] == "failed").collect();
        assert_eq!(failed.len(), 3, "{failed:#?}");
        assert!(failed.iter().all(|e| !e.to_string().contains("@example.com") && e["subject"]["kind"] == "alert"), "{failed:#?}");
    }
}
