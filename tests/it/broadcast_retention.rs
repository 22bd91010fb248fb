//! What a message said, who got it and the words of its cases go when their time is over; the skeleton stays, and the log tells of it.

use countermand::{
    app::{Caller, retention},
    domain::role::Role,
    store::schema::{broadcasts, decisions, messages, recalls, recipients},
};
use diesel::prelude::*;

use crate::{
    retention::{House, WHY, house_with, settled},
    support::db::TestDb,
};

impl House {
    async fn sent(&self) -> retention::Sent {
        retention::plan(&self.stage.app, &Caller::shell()).await.unwrap().sent
    }

    async fn broadcast(&self) -> String {
        self.stage.loaded(&self.case).await.row.broadcast_id
    }

    fn people(&self) -> i64 {
        self.stage.app.store.read_now(|c| Ok(recipients::table.count().get_result(c)?)).unwrap()
    }
}

/// Three years after its case was closed, not a night earlier, everything that people wrote is gone; what is left says so.
#[actix_web::test]
async fn contents_recipients_and_the_words_of_cases_go_and_the_skeleton_stays() {
    for db in TestDb::each() {
        let house = house_with(db, |_| {}).await;
        let app = &house.stage.app;
        house.stage.run().await;
        let (broadcast, people) = (house.broadcast().await, house.people());
        assert!(people > 0);
        house.days(1_090);
        house.stage.run().await;
        assert_eq!(house.nightly().await.plan.sent.broadcasts, 0, "not yet");
        assert_eq!(house.people(), people);
        house.days(10);
        let plan = retention::plan(app, &Caller::shell()).await.unwrap();
        assert_eq!((plan.sent.broadcasts, plan.sent.held, plan.to_json()["broadcasts"]["broadcasts"].as_u64()), (1, 0, Some(1)), "{plan:?}");
        let page = house.stage.get(&house.audit, "/retention").await;
        assert!(page.status == 200 && page.body.contains("群发消息和撤回案件") && page.body.contains("1,096 天"), "{}", page.body);
        assert_eq!(house.nightly().await.plan.sent.broadcasts, 1);
        assert_eq!(house.nightly().await.plan.sent.broadcasts, 0, "once");
        settled(&app.store);
        house.holds();

        let left = app.store.read_now(|c| {
            let contents: Vec<(Vec<u8>, Vec<u8>, Vec<u8>, Vec<u8>)> = broadcasts::table
                .select((broadcasts::title_sealed, broadcasts::content_sealed, broadcasts::key_sealed, broadcasts::audience_sealed))
                .load(c)?;
            let mut all: Vec<Vec<u8>> = contents.into_iter().flat_map(|(a, b, c, d)| [a, b, c, d]).collect();
            all.extend(messages::table.select(messages::audience_sealed).load::<Vec<u8>>(c)?);
            all.extend(recalls::table.select(recalls::request_sealed).load::<Vec<u8>>(c)?);
            all.extend(decisions::table.select(decisions::comment_sealed).load::<Vec<u8>>(c)?);
            Ok(all)
        });
        let left = left.unwrap();
        assert!(left.len() >= 9 && left.iter().all(Vec::is_empty) && house.people() == 0);
        let told = app.store.read_now(|c| countermand::store::erased::told_at(c, &broadcast)).unwrap().unwrap();
        for path in [format!("/broadcasts/{broadcast}"), format!("/recalls/{}", house.case)] {
            // The event's page is for those who may read the trail.
            for (person, linked) in [(&house.requester, false), (&house.counsel, true)] {
                let page = house.stage.get(person, &path).await;
                let says = page.body.contains("已按留存期限抹除") && page.body.contains(&format!("/audit/{told}")) == linked;
                assert!(page.status == 200 && says, "{path}: {}", page.body);
                // Whose name has gone is a person still.
                assert!(!path.starts_with("/recalls") || page.body.contains("<b>人员</b> 审批决定"), "{}", page.body);
            }
        }
        for path in ["/broadcasts", "/broadcasts?q=a", "/recalls"] {
            let page = house.stage.get(&house.requester, path).await;
            assert_eq!(page.status, 200, "{path}: {}", page.body);
        }
        let page = house.stage.get(&house.audit, &format!("/audit/{told}")).await;
        assert!(page.status == 200 && page.body.contains("broadcast.erased"), "{}", page.body);
        let page = house.stage.get(&house.requester, &format!("/recalls/new?broadcast={broadcast}")).await;
        assert!(page.status >= 400 && page.body.contains("已按留存期限抹除"), "{}: {}", page.status, page.body);
        let wanted = countermand::app::evidence::export::Export {
            case: house.case.clone(),
            purpose: WHY.to_owned(),
            at: None,
            totp: String::new(),
            keep: false,
        };
        let refused = countermand::app::evidence::export::export(app, &Caller::shell(), wanted).await.unwrap_err();
        assert!(format!("{refused:?}").contains("case-erased"), "{refused:?}");
    }
}

/// A hold of each kind keeps it, from the first person's word until two have released it.
#[actix_web::test]
async fn a_hold_of_each_kind_keeps_a_broadcast() {
    for db in TestDb::each() {
        let house = house_with(db, |_| {}).await;
        house.stage.run().await;
        let broadcast = house.broadcast().await;
        let words = house.saved(&[("name", "决定"), ("action", "recall.decided")]).await;
        let day = house.stage.app.now().to_rfc3339()[..10].to_owned();
        let person = house.requester.caller.user_id.clone().unwrap();
        // Somebody who had nothing to do with it, and only looked.
        let looker = house.stage.person("looker", &[Role::Requester], "公关部").await;
        let page = house.stage.get(&looker, &format!("/broadcasts/{broadcast}")).await;
        assert_eq!(page.status, 200, "{}", page.body);
        let looker = looker.caller.user_id.clone().unwrap();
        house.days(1_100);
        house.stage.run().await;
        let kinds = [
            vec![("broadcast", broadcast.as_str())],
            vec![("case", house.number.as_str())],
            vec![("person", person.as_str())],
            vec![("person", looker.as_str())],
            vec![("to", day.as_str())],
            vec![("search", words.as_str())],
        ];
        for kind in kinds {
            let fields: Vec<(&str, &str)> = kind.iter().copied().chain([("reason", WHY)]).collect();
            let shot = house.post(&house.counsel, "/holds", &fields).await;
            assert_eq!(shot.status, 303, "{kind:?}: {}", shot.body);
            let sent = house.nightly().await.plan.sent;
            assert_eq!((sent.broadcasts, sent.held), (0, 1), "{kind:?}");
            house.release(&shot.location).await;
            assert_eq!((house.sent().await.broadcasts, house.sent().await.held), (1, 0), "{kind:?}");
        }
        assert_eq!(house.nightly().await.plan.sent.broadcasts, 1);
        house.holds();
    }
}

/// What was made old by hand is as young as the log says, and nobody erases it.
#[actix_web::test]
async fn a_row_that_says_that_it_is_old_is_asked_of_the_log() {
    for db in TestDb::each() {
        let house = house_with(db, |_| {}).await;
        house.stage.run().await;
        // Nothing of it waits any more.
        house.days(30);
        house.stage.run().await;
        settled(&house.stage.app.store);
        house.tamper("UPDATE broadcasts SET created_at = 1, sent_at = 1");
        house.tamper("UPDATE recalls SET closed_at = 1");
        assert_eq!((house.nightly().await.plan.sent.broadcasts, house.people() > 0), (0, true));
        house.days(1_100);
        house.stage.run().await;
        assert_eq!(house.nightly().await.plan.sent.broadcasts, 1, "its time is over now");
    }
}

/// The events that hold the same words keep it as long as they are kept.
#[actix_web::test]
async fn decisions_that_are_kept_longer_keep_what_they_were_about() {
    for db in TestDb::each() {
        let house = house_with(db, |config| config.retention.classes = [("decision".to_owned(), 2_000)].into()).await;
        house.stage.run().await;
        house.days(1_900);
        house.stage.run().await;
        assert_eq!((house.sent().await.days, house.sent().await.broadcasts), (2_000, 0));
        house.days(110);
        assert_eq!(house.sent().await.broadcasts, 1);
    }
}

/// A decision on a case of which nothing can be read any more is refused as on any other that has ended, and leaves its event.
#[actix_web::test]
async fn a_decision_on_an_erased_case_is_refused() {
    for db in TestDb::each() {
        let house = house_with(db, |_| {}).await;
        house.stage.run().await;
        house.days(1_100);
        house.stage.run().await;
        assert_eq!(house.nightly().await.plan.sent.broadcasts, 1);
        let reviewer = house.stage.person("late", &[Role::LegalReviewer], "法务部").await;
        let answer = house.stage.decide(&reviewer, &house.case, "approve").await;
        assert!((400..500).contains(&answer.status), "{}: {}", answer.status, answer.body);
        let told = crate::support::log::events_from(&house.stage.app.store, 0).await;
        let last = told.iter().rfind(|e| e["action"] == "recall.decided").unwrap();
        assert_eq!(last["outcome"], "refused", "{last}");
    }
}

/// A case that is open and a job that waits keep it too.
#[actix_web::test]
async fn what_is_at_work_is_not_erased() {
    for db in TestDb::each() {
        let house = house_with(db, |_| {}).await;
        house.stage.run().await;
        house.days(1_100);
        house.stage.run().await;
        house.tamper(&format!("UPDATE recalls SET closed_at = NULL WHERE id = '{}'", house.case));
        assert_eq!(house.sent().await.broadcasts, 0, "its case is not closed");
        house.tamper(&format!("UPDATE recalls SET closed_at = 1 WHERE id = '{}'", house.case));
        assert_eq!(house.sent().await.broadcasts, 1);
        let (case, later) = (house.case.clone(), house.stage.app.now().plus(std::time::Duration::from_secs(60)));
        house.stage.app.store.write_now(move |tx| tx.enqueue("seal_evidence", &case, &serde_json::json!({ "recall": case }), later)).unwrap();
        assert_eq!(house.nightly().await.plan.sent.broadcasts, 0, "a job of its case waits");
    }
}

/// Emptied by hand, or filled again by hand: both are found.
#[actix_web::test]
async fn whoever_empties_or_restores_by_hand_is_found() {
    for db in TestDb::each() {
        let house = house_with(db, |_| {}).await;
        house.stage.run().await;
        let broadcast = house.broadcast().await;
        let postgres = matches!(house.stage.app.store.database(), countermand::store::Database::Postgres(_));
        let (nothing, thing) = if postgres { ("'\\x'", "'\\x01'") } else { ("x''", "x'01'") };
        house.tamper(&format!("UPDATE messages SET audience_sealed = {nothing} WHERE broadcast_id = '{broadcast}'"));
        assert!(house.problems("messages") > 0, "nobody erased it");
        house.days(1_100);
        house.stage.run().await;
        let before = house.people();
        house.nightly().await;
        settled(&house.stage.app.store);
        assert!(before > 0);
        house.holds();
        let (set, back) = ("erased_at = NULL, erased_counts = NULL", format!("erased_at = {}, erased_counts = '[]'", 1));
        house.tamper(&format!("UPDATE broadcasts SET {set} WHERE id = '{broadcast}'"));
        assert!(house.problems("broadcasts") > 0, "the log says that it was erased");
        house.tamper(&format!("UPDATE broadcasts SET {back} WHERE id = '{broadcast}'"));
        house.tamper(&format!("UPDATE recalls SET erased_at = 1 WHERE id = '{}'", house.case));
        for (table, column, of) in [
            ("broadcasts", "content_sealed", format!("id = '{broadcast}'")),
            ("messages", "audience_sealed", format!("broadcast_id = '{broadcast}'")),
            ("recalls", "request_sealed", format!("id = '{}'", house.case)),
            ("decisions", "comment_sealed", format!("recall_id = '{}'", house.case)),
        ] {
            house.tamper(&format!("UPDATE {table} SET {column} = {thing} WHERE {of}"));
            assert!(house.problems(table) > 0, "{table} holds something again");
            house.tamper(&format!("UPDATE {table} SET {column} = {nothing} WHERE {of}"));
            assert_eq!(house.problems(table), 0, "{table}");
        }
    }
}

/// Emptied past the product, with the mark that retention leaves: no event tells of it.
#[actix_web::test]
async fn a_mark_without_its_event_is_a_theft() {
    for db in TestDb::each() {
        let house = house_with(db, |_| {}).await;
        house.stage.run().await;
        settled(&house.stage.app.store);
        house.holds();
        let broadcast = house.broadcast().await;
        house.tamper(&format!("UPDATE broadcasts SET erased_at = 1, erased_counts = '[]' WHERE id = '{broadcast}'"));
        assert!(house.problems("broadcasts") > 0);
    }
}
