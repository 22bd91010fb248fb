//! The log looks after itself, and our clock is held against others': what does not hold is an event, an alert, and stands above every page
//! of those who read the trail.

use std::time::Duration;

use countermand::{
    app::{audit, clocks, verification},
    domain::alert::{Rule, Severity},
    jobs,
    store::{
        schema::{log_search, log_tiles},
        settings,
    },
};
use diesel::prelude::*;
use serde_json::Value;

use super::House;
use crate::{
    recalls::stage::Stage,
    support::{db::TestDb, log},
};

const BANNER: &str = "完整性校验未通过，记录不可采信";

impl House {
    /// The events of an action.
    async fn told(&self, action: &str) -> Vec<Value> {
        log::events_from(&self.app().store, 0).await.into_iter().filter(|e| e["action"] == action).collect()
    }

    /// Puts another name into a row of the search, past the product; the one before comes back.
    async fn rename(&self, index: i64, name: Option<String>) -> Option<String> {
        let change = self.app().store.write(move |tx| {
            let row = log_search::table.find(index);
            let before = row.select(log_search::actor_name).first::<Option<String>>(tx.conn)?;
            diesel::update(row).set(log_search::actor_name.eq(name.clone())).execute(tx.conn)?;
            Ok(before)
        });
        change.await.unwrap().value
    }
}

#[actix_web::test]
async fn what_was_changed_past_the_product_is_found_within_minutes_and_stands_on_every_page() {
    for db in TestDb::each() {
        let house = House::set(db).await;
        house.refused(&house.system).await;
        verification::newest(house.app()).await.unwrap();
        assert_eq!(house.told("log.verification_failed").await.len(), 0);
        // One name in the search, of something that happened since.
        house.refused(&house.system).await;
        let last = i64::try_from(log::size(&house.app().store).await).unwrap() - 1;
        let before = house.rename(last, Some("somebody else".into())).await;
        for _ in 0..3 {
            house.minutes(5);
            verification::newest(house.app()).await.unwrap();
        }
        let told = house.told("log.verification_failed").await;
        assert_eq!(told.len(), 1, "once, not each time: {told:#?}");
        assert!(told[0]["parts"]["detail"]["problem"].as_str().unwrap().contains(&format!("event {last}: its row in the search")), "{told:#?}");
        house.pass().await;
        assert_eq!(house.one(Rule::LogBroken).await.severity, Severity::Critical);
        for page in ["/audit", "/audit?action=recall.decided", "/audit?address=10.0.0.0/99", "/audit/3", "/alerts", "/holds"] {
            assert!(house.stage.get(&house.auditor, page).await.body.contains(BANNER), "{page}");
        }
        assert!(!house.stage.get(&house.system, "/users").await.body.contains(BANNER), "of no use to who cannot read it");
        // Newer events that hold mend nothing; a whole verification does.
        house.rename(last, before).await;
        verification::newest(house.app()).await.unwrap();
        assert!(house.stage.get(&house.auditor, "/audit").await.body.contains(BANNER));
        verification::full(house.app()).await.unwrap();
        assert!(!house.stage.get(&house.auditor, "/audit").await.body.contains(BANNER));
        assert_eq!(house.told("log.verified").await.len(), 1);
    }
}

/// How far the last look came stands in a row: who puts the end of the log there hides nothing that came since the last night.
#[actix_web::test]
async fn a_look_begins_no_later_than_the_last_verification_of_everything() {
    for db in TestDb::each() {
        let house = House::set(db).await;
        verification::full(house.app()).await.unwrap();
        house.refused(&house.system).await;
        let size = log::size(&house.app().store).await;
        house.rename(i64::try_from(size).unwrap() - 1, Some("somebody else".into())).await;
        let change = house.app().store.write(move |tx| {
            let mut found = verification::found(tx.conn)?;
            found.size = size;
            settings::put(tx.conn, "log.verification", &serde_json::to_string(&found).unwrap())
        });
        change.await.unwrap();
        verification::newest(house.app()).await.unwrap();
        assert_eq!(house.told("log.verification_failed").await.len(), 1);
    }
}

#[actix_web::test]
async fn neither_the_badge_nor_the_banner_believes_what_lies_beside_the_log() {
    for db in TestDb::each() {
        let house = House::set(db).await;
        verification::full(house.app()).await.unwrap();
        let verified = house.told("log.verified").await.remove(0);
        let whole = |found: &verification::Found| found.whole.unwrap();
        let read = || house.app().store.read_now(verification::borne_out).unwrap();
        let at = whole(&read()).at;
        assert_eq!(Value::from(at.to_rfc3339()), verified["at"]);
        // A row that says that everything was looked at just now.
        house.minutes(30 * 60);
        let now = house.app().now();
        let change = house.app().store.write(move |tx| {
            let mut said = verification::found(tx.conn)?;
            said.whole = Some(verification::Whole { at: now, ..said.whole.unwrap() });
            settings::put(tx.conn, "log.verification", &serde_json::to_string(&said).unwrap())
        });
        change.await.unwrap();
        assert_eq!(whole(&read()).at, at, "when it was, the event says");
        assert!(whole(&read()).is_old(now));
        // A failure that the search calls a verification.
        verification::failed(house.app(), "newest", "log_tiles 0").await.unwrap();
        let failed = i64::try_from(log::size(&house.app().store).await).unwrap() - 1;
        let rename = |to: &'static str| {
            house.app().store.write(move |tx| {
                settings::put(tx.conn, "log.verification", "{}")?;
                diesel::update(log_search::table.find(failed)).set(log_search::action.eq(to)).execute(tx.conn)?;
                Ok(())
            })
        };
        rename("log.verified").await.unwrap();
        assert_eq!(read().problem, Some(format!("log_events {failed}")), "its leaf says something else");
        assert!(house.stage.get(&house.auditor, "/audit").await.body.contains(BANNER));
        rename("log.verification_failed").await.unwrap();
        assert_eq!(read().problem, Some(format!("log_events {failed}")));
    }
}

#[actix_web::test]
async fn an_old_event_is_found_by_night_and_the_tree_at_once() {
    for db in TestDb::each() {
        let house = House::set(db).await;
        verification::full(house.app()).await.unwrap();
        verification::newest(house.app()).await.unwrap();
        let before = house.rename(2, Some("nobody".into())).await;
        verification::newest(house.app()).await.unwrap();
        assert_eq!(house.told("log.verification_failed").await.len(), 0, "it was looked at when it was new");
        verification::full(house.app()).await.unwrap();
        let told = house.told("log.verification_failed").await;
        assert_eq!((told.len(), told[0]["parts"]["detail"]["by"].as_str()), (1, Some("full")), "{told:#?}");
        house.rename(2, before).await;
        verification::full(house.app()).await.unwrap();
        // A leaf's hash in the tree.
        let change = house.app().store.write(|tx| {
            let tile = log_tiles::table.find((0, 0));
            let mut hashes: Vec<u8> = tile.select(log_tiles::hashes).first(tx.conn)?;
            hashes[40] ^= 1;
            diesel::update(tile).set(log_tiles::hashes.eq(hashes)).execute(tx.conn)?;
            Ok(())
        });
        change.await.unwrap();
        verification::newest(house.app()).await.unwrap();
        let told = house.told("log.verification_failed").await;
        assert_eq!((told.len(), told[1]["parts"]["detail"]["by"].as_str()), (2, Some("newest")), "{told:#?}");
    }
}

#[actix_web::test]
async fn it_is_verified_every_five_minutes_and_every_night_once() {
    let house = House::set(TestDb::one()).await;
    verification::schedule(house.app()).await.unwrap();
    verification::schedule(house.app()).await.unwrap();
    assert_eq!(jobs::run_due(house.app()).await.unwrap(), 0);
    house.minutes(6);
    assert_eq!(jobs::run_due(house.app()).await.unwrap(), 1);
    assert_eq!(house.told("log.verified").await.len(), 0);
    // Past four in the morning, twice.
    for night in 1..=2 {
        house.minutes(24 * 60);
        jobs::run_due(house.app()).await.unwrap();
        assert_eq!(house.told("log.verified").await.len(), night);
    }
    // A log that is not signed any more, as whoever signs it says.
    verification::failed(house.app(), "signing", "the first 9 events are not those that were signed").await.unwrap();
    house.pass().await;
    house.one(Rule::LogBroken).await;
}

#[actix_web::test]
async fn each_who_finds_a_problem_tells_it_once_although_the_log_grows_by_the_telling() {
    for db in TestDb::each() {
        let house = House::set(db).await;
        let size = log::size(&house.app().store).await;
        for n in size..size + 3 {
            let rolled = format!("a checkpoint over 900 events was signed, but the database holds only {n}; it was restored or rolled back");
            verification::failed(house.app(), "signing", &rolled).await.unwrap();
            verification::failed(house.app(), "full", &format!("log_events: {n} events are no leaves")).await.unwrap();
        }
        assert_eq!(house.told("log.verification_failed").await.len(), 2);
        // Another problem, and the same after a day, are told.
        verification::failed(house.app(), "signing", "the tree cannot be read").await.unwrap();
        verification::failed(house.app(), "full", "log_events: 1 events are no leaves").await.unwrap();
        assert_eq!(house.told("log.verification_failed").await.len(), 3);
        house.minutes(24 * 60 + 1);
        verification::failed(house.app(), "full", "log_events: 2 events are no leaves").await.unwrap();
        assert_eq!(house.told("log.verification_failed").await.len(), 4);
        // What holds is told anew when it does not.
        verification::full(house.app()).await.unwrap();
        assert_eq!(verification::problem(house.app()).await.unwrap(), None);
        verification::failed(house.app(), "full", "log_events: 3 events are no leaves").await.unwrap();
        assert_eq!(house.told("log.verification_failed").await.len(), 5);
    }
}

#[actix_web::test]
async fn a_clock_that_was_set_or_differs_is_told_once_and_when_it_agrees_again() {
    for db in TestDb::each() {
        let server = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = server.local_addr().unwrap().to_string();
        let house = House::on(Stage::set_with(db, |_| {}, |config, _| config.clock.ntp = Some(address.clone())).await).await;
        let clock = house.stage.clock.clone();
        let ahead = std::sync::Arc::new(std::sync::atomic::AtomicI64::new(0));
        let offset = ahead.clone();
        // A time server that is as far ahead of the stage's clock as it is told to be.
        let serving = actix_web::rt::spawn(async move {
            use countermand::clock::Clock;
            let mut question = [0u8; 48];
            while let Ok((_, from)) = server.recv_from(&mut question).await {
                let seconds = clock.now().unix_seconds() + 2_208_988_800 + offset.load(std::sync::atomic::Ordering::SeqCst);
                let mut answer = [0u8; 48];
                (answer[0], answer[1]) = (0x24, 2);
                answer[24..32].copy_from_slice(&question[40..]);
                for at in [32, 40] {
                    answer[at..at + 4].copy_from_slice(&u32::try_from(seconds).unwrap().to_be_bytes());
                }
                server.send_to(&answer, from).await.unwrap();
            }
        });
        clocks::look(house.app()).await.unwrap();
        clocks::look(house.app()).await.unwrap();
        assert_eq!(house.told("clock.deviated").await.len(), 0);
        // Set forward by an hour while we ran.
        house.minutes(60);
        clocks::look(house.app()).await.unwrap();
        let told = house.told("clock.deviated").await;
        let far = told[0]["parts"]["detail"]["offset_ms"].as_i64().unwrap();
        assert!(told.len() == 1 && (3_595_000..3_601_000).contains(&far) && told[0]["subject"]["id"] == "step", "{told:#?}");
        // The server says otherwise too, and later not any more.
        ahead.store(-3600, std::sync::atomic::Ordering::SeqCst);
        for _ in 0..3 {
            clocks::ask(house.app(), &address).await.unwrap();
        }
        let told = house.told("clock.deviated").await;
        assert_eq!((told.len(), told[1]["subject"]["id"].as_str()), (2, Some("server")), "once, not each time: {told:#?}");
        assert!(told[1]["parts"]["detail"]["offset_ms"].as_i64().unwrap() > 3_590_000, "{told:#?}");
        ahead.store(0, std::sync::atomic::Ordering::SeqCst);
        clocks::ask(house.app(), &address).await.unwrap();
        assert_eq!(house.told("clock.agreed").await.len(), 1);
        house.pass().await;
        assert_eq!(house.of(Rule::Clock).await.len(), 2);
        // Back in time is found as well, and a server that is silent is no trouble.
        house.stage.clock.set_back(Duration::from_secs(30));
        clocks::look(house.app()).await.unwrap();
        assert!(house.told("clock.deviated").await[2]["parts"]["detail"]["offset_ms"].as_i64().unwrap() < -25_000);
        serving.abort();
        clocks::ask(house.app(), "127.0.0.1:9").await.unwrap();
    }
}

#[actix_web::test]
async fn what_the_database_says_of_the_last_verification_counts_as_far_as_the_log_bears_it_out() {
    for db in TestDb::each() {
        let house = House::set(db).await;
        house.refused(&house.system).await;
        let app = house.app();
        verification::full(app).await.unwrap();
        let honest = audit::stands(app).await.unwrap().verified.expect("verified");
        let claim = async |found: verification::Found| {
            let text = serde_json::to_string(&found).unwrap();
            app.store.write(move |tx| settings::put(tx.conn, "log.verification", &text)).await.unwrap();
        };
        // More than there is was never verified.
        let whole = verification::Whole { size: honest.size + 999_999, at: app.now() };
        claim(verification::Found { whole: Some(whole), ..verification::Found::default() }).await;
        assert_eq!(audit::stands(app).await.unwrap().verified, None, "no event tells of it");
        claim(verification::Found { whole: Some(honest), ..verification::Found::default() }).await;
        assert_eq!(audit::stands(app).await.unwrap().verified, Some(honest));
        // A failure that somebody takes out of the row stands in the log.
        verification::failed(app, "full", "log_parts 3: changed").await.unwrap();
        claim(verification::Found::default()).await;
        assert!(verification::problem(app).await.unwrap().is_some(), "the banner stays");
        verification::full(app).await.unwrap();
        assert_eq!(verification::problem(app).await.unwrap(), None, "until all of it was looked at again");
    }
}
