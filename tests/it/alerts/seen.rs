//! A burst from its first event to its acknowledgement: who sees it, what they read, who takes it on.

use std::time::Duration;

use countermand::{
    app::{Turn, alerts},
    domain::{
        alert::{Rule, State},
        role::Role,
    },
    store::alerts as rows,
};

use super::House;
use crate::support::{db::TestDb, log};

#[actix_web::test]
async fn a_burst_is_one_alert_that_says_why_and_counts_on() {
    for db in TestDb::each() {
        let house = House::set(db).await;
        let clerk = house.stage.person("zhangwei", &[Role::LegalReviewer], "法务部").await;
        for _ in 0..4 {
            house.refused(&clerk).await;
        }
        assert_eq!(house.pass().await, 0, "four are not five");
        house.refused(&clerk).await;
        assert_eq!(house.pass().await, 1);
        let alert = house.one(Rule::Refusals).await;
        assert_eq!((alert.why.counted, alert.why.threshold, alert.why.span, alert.why.events.len()), (5, 5, 10, 5));
        assert_eq!((alert.about.as_str(), alert.rule_version, alert.state), ("zhangwei", 0, State::Open));
        for index in &alert.why.events {
            let event = &log::events_from(&house.app().store, *index).await[0];
            assert_eq!((event["outcome"].as_str(), event["actor"]["id"].as_str()), (Some("refused"), Some(clerk.caller.id.as_str())), "{event:#}");
        }
        // In words, in both languages, with the records behind it.
        let page = house.stage.get(&house.audit, &format!("/alerts/{}", alert.id)).await;
        assert!(page.body.contains("zhangwei 在 10 分内有 5 次操作被拒绝（阈值 5 次）。"), "{}", page.body);
        assert!(page.body.contains(&format!("href=\"/audit/{}\"", alert.why.events[0])), "{}", page.body);
        let english = house.stage.get(&house.audit, &format!("/alerts/{}?lang=en", alert.id)).await;
        assert!(english.body.contains("5 acts of zhangwei were refused within 10 min (threshold 5)."), "{}", english.body);
        // It goes on: the same alert.
        for _ in 0..3 {
            house.minutes(8);
            house.refused(&clerk).await;
        }
        assert_eq!(house.pass().await, 0);
        assert_eq!(house.one(Rule::Refusals).await.why.counted, 8);
        // After a pause it would be another.
        house.minutes(11);
        for _ in 0..5 {
            house.refused(&clerk).await;
        }
        assert_eq!(house.pass().await, 1);
        assert_eq!(house.of(Rule::Refusals).await.len(), 2);
        let raised: Vec<_> = log::events_from(&house.app().store, 0).await.into_iter().filter(|e| e["action"] == "alert.raised").collect();
        assert_eq!(raised.len(), 2, "one event an alert");
        assert_eq!(raised[0]["subject"]["id"], alert.id.as_str());
        assert_eq!(raised[0]["parts"]["detail"]["explanation"]["counted"], 5);
        assert_eq!(house.pass().await, 0, "what is raised raises nothing");
    }
}

#[actix_web::test]
async fn nothing_is_missed_and_nothing_raised_twice() {
    for db in TestDb::each() {
        let house = House::set(db).await;
        let clerk = house.stage.person("zhangwei", &[Role::LegalReviewer], "法务部").await;
        let other = house.stage.person("lisi", &[Role::LegalReviewer], "法务部").await;
        // Event by event, with a pass after each, and all at once: the same alerts.
        for _ in 0..6 {
            house.refused(&clerk).await;
            house.pass().await;
            house.refused(&other).await;
        }
        house.pass().await;
        let found = house.of(Rule::Refusals).await;
        let told = |name: &str| found.iter().find(|a| a.about == name).unwrap().why.clone();
        assert_eq!((found.len(), told("zhangwei").counted, told("lisi").counted), (2, 6, 6));
        // A database that was put back, or a pass that died before its cursor was kept.
        let store = &house.app().store;
        store
            .write(|tx| {
                let cursor = rows::cursor(tx.conn)?;
                rows::cursor_move(tx.conn, cursor, 0)
            })
            .await
            .unwrap();
        assert_eq!(house.pass().await, 0);
        let again = house.of(Rule::Refusals).await;
        assert_eq!(
            again.iter().map(|a| (a.id.clone(), a.why.clone())).collect::<Vec<_>>(),
            found.iter().map(|a| (a.id.clone(), a.why.clone())).collect::<Vec<_>>()
        );
        // Two processes at once: one of them wins.
        for _ in 0..5 {
            house.refused(&house.system).await;
        }
        let (a, b) = tokio::join!(house.pass(), house.pass());
        assert_eq!(a + b, 1);
    }
}

#[actix_web::test]
async fn somebody_else_takes_it_on_and_says_what_was_done() {
    for db in TestDb::each() {
        let house = House::set(db).await;
        for _ in 0..5 {
            house.refused(&house.audit).await;
        }
        house.pass().await;
        let alert = house.one(Rule::Refusals).await;
        let path = format!("/alerts/{}", alert.id);
        // Nobody acknowledges what they did themselves; who audits sees it and changes nothing; who is not told does not know of it.
        let page = house.stage.get(&house.audit, &path).await;
        assert!(page.body.contains("这条告警涉及您本人的操作") && !page.body.contains("name=\"note\""), "{}", page.body);
        assert_eq!(house.acknowledge(&house.audit, &alert).await.status, 409);
        let page = house.stage.get(&house.auditor, &path).await;
        assert!(page.status == 200 && !page.body.contains("name=\"note\""), "{}", page.body);
        assert_eq!(house.acknowledge(&house.auditor, &alert).await.status, 403);
        assert_eq!(house.stage.get(&house.system, &path).await.status, 404);
        assert!(!house.stage.get(&house.system, "/alerts").await.body.contains(&alert.id));
        // Who may not read the trail sees how many records there are, and no way to them.
        let page = house.stage.get(&house.security, &path).await;
        assert!(page.body.contains("name=\"note\"") && !page.body.contains("href=\"/audit/"), "{}", page.body);
        assert!(page.body.contains("<span class=\"vh\">待办</span>1</span>"), "the number in the navigation: {}", page.body);
        let short = house.stage.post(&house.security, &format!("{path}/acknowledgements"), &[("note", "好"), ("version", "1")]).await;
        assert!(short.status == 422 && short.body.contains("至少 5 字") && short.body.contains(">\n好</textarea>"), "{}", short.body);
        // What they tried meanwhile belongs to it.
        house.minutes(1);
        assert_eq!(house.pass().await, 0);
        let before = log::size(&house.app().store).await;
        assert_eq!(house.acknowledge(&house.security, &alert).await.status, 303);
        let told = log::events_from(&house.app().store, before).await;
        let event = told.iter().find(|e| e["action"] != "session.opened").unwrap();
        assert_eq!((event["action"].as_str(), event["subject"]["id"].as_str()), (Some("alert.acknowledged"), Some(alert.id.as_str())));
        assert_eq!(event["parts"]["text"]["note"], "已向本人核实，系误操作。");
        let page = house.stage.get(&house.auditor, &path).await;
        assert!(page.body.contains("xuman") && page.body.contains("已向本人核实，系误操作。") && page.body.contains("已确认"), "{}", page.body);
        assert_eq!(house.acknowledge(&house.security, &alert).await.status, 409, "once");
        // It happens again: another alert, from five on.
        house.minutes(1);
        for n in 1..=5 {
            house.refused(&house.audit).await;
            assert_eq!(house.pass().await, usize::from(n == 5), "{n}");
        }
        let found = house.of(Rule::Refusals).await;
        assert_eq!(found.iter().map(|a| a.state).collect::<Vec<_>>(), [State::Open, State::Acknowledged], "open ones first");
    }
}

#[actix_web::test]
async fn the_list_is_filtered_and_leafed_through() {
    let house = House::set(TestDb::one()).await;
    for n in 0..60 {
        let subject = countermand::domain::event::Subject::new("witness", format!("w{n}"));
        let outcome = countermand::domain::event::Outcome::Failed;
        house.happens(countermand::domain::event::Action::WitnessLost, subject, outcome, serde_json::json!({})).await;
    }
    assert_eq!(house.pass().await, 60);
    let first = house.stage.get(&house.audit, "/alerts").await;
    let older = first.body.split("rel=\"next\" href=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let count = |body: &str| body.matches("href=\"/alerts/0").count();
    assert_eq!(count(&first.body), alerts::PAGE);
    let second = house.stage.get(&house.audit, &older).await;
    assert_eq!(count(&second.body), 10, "{}", second.body);
    let newer = second.body.split("rel=\"prev\" href=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert_eq!(count(&house.stage.get(&house.audit, &newer).await.body), alerts::PAGE);
    for (query, n) in [("state=acknowledged", 0), ("severity=medium&state=open", alerts::PAGE), ("severity=critical", 0), ("rule=refusals", 0)] {
        assert_eq!(count(&house.stage.get(&house.audit, &format!("/alerts?{query}")).await.body), n, "{query}");
    }
    // What is no filter is none.
    assert_eq!(count(&house.stage.get(&house.audit, "/alerts?state=nonsense&before=x").await.body), alerts::PAGE);
    assert_eq!(house.stage.get(&house.stage.person("nobody", &[Role::Requester], "销售部").await, "/alerts").await.status, 403);
    let token = house.stage.token(None, &["system.read"]).await;
    let metrics = reqwest::Client::new().get(format!("{}/metrics", house.stage.base)).bearer_auth(token).send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("countermand_alerts_open{severity=\"medium\"} 60"), "{metrics}");
    let wanted = alerts::Wanted::default();
    assert!(alerts::list(house.app(), &house.system.caller, wanted, Turn::First).await.unwrap().0.len() == alerts::PAGE, "told of witnesses");
    house.stage.clock.advance(Duration::from_secs(1));
}
