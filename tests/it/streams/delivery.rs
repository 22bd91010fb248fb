//! What is delivered, and what a failure comes to.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use countermand::{
    app::{
        AppError, Caller, Turn,
        alerts::{self, Wanted, watch},
        retention,
        streams::{
            change::{self, Act, Typed},
            work,
        },
    },
    crypto::sha256,
    domain::alert::Rule,
};
use serde_json::{Value, json};

use super::{House, bodies, indexes, whole};
use crate::{
    fake_http::{Fake, answer},
    support::db::TestDb,
};

#[actix_web::test]
async fn every_event_is_delivered_in_order_and_a_failure_loses_none() {
    for db in TestDb::each() {
        let house = House::set(db);
        let status = Arc::new(AtomicUsize::new(204));
        let say = status.clone();
        let fake = Fake::start(move |_| answer(&say.load(Ordering::SeqCst).to_string(), "", ""));
        house.happen(600).await;
        let id = house.add(whole("webhook", &format!("{}/in", fake.base_url))).await;
        assert!(house.deliver(&id).await);
        let size = house.size().await;
        assert_eq!(indexes(&bodies(&fake.asked())), (0..size).collect::<Vec<_>>());
        assert_eq!((house.stream(&id).await.next, house.stream(&id).await.lag), (size, 0));
        assert_eq!(house.size().await, size, "a delivery is no event");

        // It fails: nothing moves, it is counted, and after five times it is stuck, which is one event.
        house.happen(3).await;
        status.store(500, Ordering::SeqCst);
        for n in 1..=6 {
            assert!(!house.deliver(&id).await);
            let stream = house.stream(&id).await;
            assert_eq!((stream.failures, stream.next, stream.stuck_at.is_some()), (n, size, n >= 5));
            assert_eq!(stream.problem.unwrap(), ("refused".to_owned(), "HTTP status 500".to_owned()));
        }
        let stuck = house.said("stream.stuck").await;
        assert_eq!((stuck.len(), &stuck[0]["outcome"], &stuck[0]["parts"]["detail"]["next"]), (1, &json!("failed"), &json!(size)));
        assert_eq!(watch::pass(&house.app).await.unwrap(), 1, "somebody has to see to it");
        let wanted = Wanted { rule: Some(Rule::StreamStuck), ..Wanted::default() };
        let alerts = alerts::list(&house.app, &Caller::shell(), wanted, Turn::First).await.unwrap().0;
        assert_eq!(alerts[0].about, house.stream(&id).await.name);

        // It works again: what waited comes, what failed before comes with it, and that it recovered is one event too.
        let before = fake.asked().len();
        status.store(200, Ordering::SeqCst);
        assert!(house.deliver(&id).await);
        assert_eq!(indexes(&bodies(&fake.asked()[before..])), (size..house.size().await).collect::<Vec<_>>());
        let stream = house.stream(&id).await;
        assert_eq!((stream.state(), stream.failures, stream.problem, stream.lag), ("running", 0, None, 0));
        assert_eq!(house.said("stream.recovered").await.len(), 1);
    }
}

#[actix_web::test]
async fn a_stream_that_fails_for_a_minute_is_stuck_however_seldom_it_was_tried() {
    let house = House::set(TestDb::one());
    let fake = Fake::start(|_| answer("302", "location: http://127.0.0.1:1/\r\n", ""));
    let id = house.add(whole("webhook", &fake.base_url)).await;
    assert!(!house.deliver(&id).await);
    assert_eq!(house.stream(&id).await.problem.unwrap().1, "HTTP status 302", "a redirect is not followed");
    house.clock.advance(Duration::from_secs(61));
    assert!(!house.deliver(&id).await);
    assert_eq!(house.stream(&id).await.state(), "stuck");
}

#[actix_web::test]
async fn a_receiver_that_is_gone_pauses_its_stream() {
    for db in TestDb::each() {
        let house = House::set(db);
        let fake = Fake::start(|_| answer("410", "", ""));
        let id = house.add(whole("webhook", &fake.base_url)).await;
        assert!(!house.deliver(&id).await);
        let stream = house.stream(&id).await;
        assert_eq!((stream.state(), stream.problem.unwrap().0.as_str()), ("paused", "gone"));
        assert!(!house.deliver(&id).await);
        assert_eq!(fake.asked().len(), 1, "nobody asks again");
        assert_eq!(house.said("stream.stuck").await[0]["parts"]["detail"]["paused"], true);
        change::act(&house.app, &Caller::shell(), &id, stream.version, Act::Resume, "").await.unwrap();
        house.deliver(&id).await;
        assert_eq!(fake.asked().len(), 2);
    }
}

/// The parts of our own format can be held against the leaf, and what is not sent is named.
#[actix_web::test]
async fn what_is_sent_can_be_checked_and_what_is_not_is_named() {
    for db in TestDb::each() {
        let house = House::set(db);
        let fake = Fake::start(|_| answer("200", "", ""));
        house.happen(2).await;
        let typed = Typed { actions: "permission.*".into(), leave_out: vec!["names".into(), "addresses".into()], ..whole("webhook", &fake.base_url) };
        let id = house.add(typed).await;
        assert!(house.deliver(&id).await);
        let events = bodies(&fake.asked());
        assert_eq!(events.len(), 2, "the filter takes permission.checked alone");
        let event = &events[0];
        let leaf = serde_json_canonicalizer::to_string(&event["leaf"]).unwrap();
        assert_eq!(event["leaf_hash"], json!(hex::encode(sha256(&[&[0], leaf.as_bytes()].concat()))));
        let detail = &event["parts"]["detail"];
        let value = serde_json_canonicalizer::to_string(&detail["value"]).unwrap();
        let salted = [hex::decode(detail["salt"].as_str().unwrap()).unwrap(), value.into_bytes()].concat();
        use base64::{Engine, engine::general_purpose::STANDARD};
        assert_eq!(event["leaf"]["parts"]["detail"], json!(STANDARD.encode(sha256(&salted))));
        assert_eq!(event["parts"]["actor"], json!({ "value": { "roles": ["requester"] } }), "no salt: the name could be guessed");
        assert_eq!(event["parts"]["client"], json!({ "value": { "user_agent": "Firefox" } }));
        let withheld: BTreeSet<(String, String)> =
            event["withheld"].as_object().unwrap().iter().map(|(k, v)| (k.clone(), v.as_str().unwrap().to_owned())).collect();
        let left = ["actor.name", "client.client_ip", "client.peer_ip", "client.peer_port"].map(|k| (k.to_owned(), "left_out".to_owned()));
        assert_eq!(withheld, left.into_iter().chain([("shown".to_owned(), "content".to_owned())]).collect());
        assert!(!fake.asked().iter().any(|a| a.body.contains("年度薪酬") || a.body.contains("林雨桐")), "contents never leave");
    }
}

#[actix_web::test]
async fn what_was_purged_is_sent_as_withheld() {
    let house = House::set(TestDb::one());
    house.happen(1).await;
    house.clock.advance(Duration::from_secs(300 * 86_400));
    retention::run(&house.app, &Caller::shell()).await.unwrap();
    let id = house.add(Typed { format: "ocsf".into(), ..whole("file", "siem") }).await;
    assert!(house.deliver(&id).await);
    let folder = house.app.config.data.join("streams/siem");
    let file = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    let events: Vec<Value> = std::fs::read_to_string(file).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(events.len() as u64, house.size().await);
    let first = events.iter().find(|e| e["metadata"]["event_code"] == "permission.checked").unwrap();
    assert_eq!(first["unmapped"]["withheld"], json!({ "actor": "purged", "client": "purged", "detail": "purged", "shown": "purged" }));
    assert!(first["unmapped"].get("parts").is_none() && first["raw_data"].as_str().unwrap().contains("permission.checked"));
}

#[actix_web::test]
async fn a_stream_can_be_sent_back_and_forward() {
    for db in TestDb::each() {
        let house = House::set(db);
        let fake = Fake::start(|_| answer("200", "", ""));
        house.happen(5).await;
        let id = house.add(whole("webhook", &fake.base_url)).await;
        assert!(house.deliver(&id).await);
        let (size, shell) = (house.size().await, Caller::shell());
        let to = async |index: &str| change::rewind(&house.app, &shell, &id, house.stream(&id).await.version, index, "").await;
        to("3").await.unwrap();
        let before = fake.asked().len();
        assert!(house.deliver(&id).await);
        assert_eq!(indexes(&bodies(&fake.asked()[before..])), (3..=size).collect::<Vec<_>>(), "the change itself is the last");
        for wrong in ["", "-1", "x", "99999"] {
            assert!(matches!(to(wrong).await, Err(AppError::Invalid(_))), "{wrong}");
        }
    }
}

#[actix_web::test]
async fn one_process_at_a_time_delivers_a_stream_and_a_change_is_not_overwritten() {
    for db in TestDb::each() {
        let house = House::set(db);
        let fake = Fake::start(|_| answer("200", "", ""));
        let id = house.add(whole("webhook", &fake.base_url)).await;
        let other = countermand::store::streams::lease(&house.app.store, &id, "another/process").await.unwrap();
        assert!(other && !house.deliver(&id).await, "somebody else has the lease");
        assert!(fake.asked().is_empty());
        house.clock.advance(Duration::from_secs(121));
        assert!(house.deliver(&id).await, "who died lets go of it");
        let version = house.stream(&id).await.version;
        change::act(&house.app, &Caller::shell(), &id, version, Act::Pause, "").await.unwrap();
        assert!(!house.deliver(&id).await, "a paused stream delivers nothing");
        let late = change::act(&house.app, &Caller::shell(), &id, version, Act::Remove, "").await;
        assert!(matches!(late, Err(AppError::Conflict)));
    }
}

/// A receiver that takes the connection and says nothing keeps its own worker waiting and nobody else.
#[actix_web::test]
async fn a_hanging_receiver_holds_nothing_up() {
    for db in TestDb::each() {
        let house = House::set(db);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let id = house.add(whole("webhook", &format!("http://{}", listener.local_addr().unwrap()))).await;
        let fine = house.add(whole("file", "fine")).await;
        let alone = std::time::Instant::now();
        house.happen(40).await;
        let alone = alone.elapsed();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let serving = tokio::spawn(work::serve(house.app.clone(), async {
            let _ = stopped.await;
        }));
        let (held, _) = tokio::task::spawn_blocking(move || listener.accept().unwrap()).await.unwrap();
        let beside = std::time::Instant::now();
        house.happen(40).await;
        let beside = beside.elapsed();
        assert!(beside < alone * 4 + Duration::from_secs(1), "{beside:?} beside a hanging receiver, {alone:?} alone");
        // The other stream comes through meanwhile.
        let size = house.size().await;
        for _ in 0..100 {
            if house.stream(&fine).await.next == size {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!((house.stream(&fine).await.next, house.stream(&id).await.next), (size, 0));
        drop((stop, held));
        serving.await.unwrap();
    }
}
