//! Killed in the middle: as real processes, with a file as the receiver.

use std::{path::Path, time::Duration};

use countermand::app::{Caller, streams};
use serde_json::{Value, json};

use super::{House, bodies, indexes, whole};
use crate::{
    fake_http::{Fake, answer},
    support::{db::TestDb, process::Node},
};

/// The events of all files of a folder, in order.
fn lines(folder: &Path) -> Vec<Value> {
    let mut files: Vec<_> = std::fs::read_dir(folder).map(|d| d.map(|e| e.unwrap().path()).collect()).unwrap_or_default();
    files.sort();
    files
        .iter()
        .flat_map(|f| std::fs::read_to_string(f).unwrap().lines().map(ToOwned::to_owned).collect::<Vec<_>>())
        .map(|l| serde_json::from_str(&l).unwrap())
        .collect()
}

fn wait(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..300 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("{what} did not come");
}

/// Killed after the receiver has the events and before the cursor moved: they come twice, in order, and none is missing.
#[test]
fn a_kill_between_delivery_and_cursor_repeats_and_loses_nothing() {
    for db in TestDb::each() {
        let node = Node { data: db.path().to_owned(), database: db.database.clone() };
        assert!(node.run(&["migrate"]).status.success());
        let add = ["stream", "add", "--name", "files", "--kind", "file", "--destination", "siem", "--format", "native", "--from-start", "--json"];
        node.json(&add);
        let folder = db.path().join("streams/siem");
        // Dies by itself at its first delivery.
        assert!(!node.crash_at("stream.delivered", &["serve", "--listen", "127.0.0.1:0"]).status.success());
        let first = lines(&folder);
        assert!(!first.is_empty());
        // And once more by SIGKILL, with half a line in the file.
        let mut server = node.serve();
        wait("the second delivery", || lines(&folder).len() > first.len());
        server.kill();
        let file = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).max().unwrap();
        let mut torn = std::fs::OpenOptions::new().append(true).open(file).unwrap();
        std::io::Write::write_all(&mut torn, b"{\"index\":99999,\"le").unwrap();
        drop(torn);
        let server = node.serve();
        // Each look is an event, which is delivered in turn.
        wait("the rest", || {
            std::thread::sleep(Duration::from_secs(1));
            node.json(&["stream", "list", "--json"])[0]["lag"] == 0
        });
        drop(server);
        let indexes: Vec<u64> = lines(&folder).iter().map(|e| e["index"].as_u64().unwrap()).collect();
        let mut once: Vec<u64> = Vec::new();
        for index in &indexes {
            if !once.contains(index) {
                once.push(*index);
            }
        }
        assert_eq!(once, (0..once.len() as u64).collect::<Vec<_>>(), "no gap, in order once repetitions are dropped");
        assert!(indexes.len() > once.len(), "what was delivered before the crash came again");
        let verified = node.json(&["ledger", "verify", "--json"]);
        assert_eq!(verified["ok"], true, "{verified:#}");
    }
}

/// Whoever can write to the database must not be able to blind who watches with one stroke.
#[actix_web::test]
async fn a_part_that_was_damaged_or_stolen_is_named_and_stops_nothing() {
    for db in TestDb::each() {
        let house = House::set(db);
        let fake = Fake::start(|_| answer("200", "", ""));
        house.happen(3).await;
        let id = house.add(whole("webhook", &fake.base_url)).await;
        let of = |index: u64| format!("event_id = (SELECT event_id FROM log_search WHERE idx = {index})");
        house.db.execute(&format!("UPDATE log_parts SET sealed = salt WHERE name = 'detail' AND {}", of(0)));
        house.db.execute(&format!("DELETE FROM log_parts WHERE name = 'detail' AND {}", of(1)));
        assert!(house.deliver(&id).await);
        let events = bodies(&fake.asked());
        assert_eq!(indexes(&events), (0..house.size().await).collect::<Vec<_>>());
        let why = |n: usize| events[n]["withheld"].get("detail").cloned();
        assert_eq!([why(0), why(1), why(2)], [Some(json!("unreadable")), Some(json!("missing")), None]);
    }
}

#[actix_web::test]
async fn a_leaf_that_cannot_be_read_is_a_failure_that_is_seen() {
    for db in TestDb::each() {
        let house = House::set(db);
        let fake = Fake::start(|_| answer("200", "", ""));
        house.happen(3).await;
        let id = house.add(whole("webhook", &fake.base_url)).await;
        house.db.execute("UPDATE log_events SET leaf = (SELECT salt FROM log_parts LIMIT 1) WHERE idx = 1");
        for _ in 0..5 {
            assert!(!house.deliver(&id).await);
        }
        let stream = house.stream(&id).await;
        assert_eq!((stream.state(), stream.problem.unwrap().0.as_str(), fake.asked().len()), ("stuck", "log", 0));
    }
}

#[actix_web::test]
async fn a_stream_whose_settings_were_damaged_is_shown_and_takes_no_page_down() {
    for db in TestDb::each() {
        let house = House::set(db);
        let id = house.add(whole("file", "siem")).await;
        house.db.execute("UPDATE streams SET settings = '{}'");
        assert!(!house.deliver(&id).await);
        let all = streams::list(&house.app, &Caller::shell()).await.unwrap();
        assert_eq!((all[0].state(), all[0].problem.as_ref().unwrap().0.as_str()), ("broken", "settings"));
        house.add(whole("file", "another")).await;
    }
}

/// A receiver that takes one event at a time gets all but the one that it refuses, and that one is named.
#[actix_web::test]
async fn a_batch_that_is_refused_is_halved_until_one_event_is_named() {
    let house = House::set(TestDb::one());
    let fake = Fake::start(|asked| {
        let body: Value = serde_json::from_str(&asked.body).unwrap();
        let events = body["data"].as_array().unwrap();
        answer(if events.len() == 1 && events[0]["index"] != 1 { "200" } else { "413" }, "", "")
    });
    house.happen(3).await;
    let id = house.add(whole("webhook", &fake.base_url)).await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(streams::work::serve(house.app.clone(), async {
        let _ = stopped.await;
    }));
    for _ in 0..150 {
        if house.stream(&id).await.problem.is_some_and(|(_, what)| what.contains("event 1")) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let stream = house.stream(&id).await;
    assert_eq!((stream.next, stream.problem.unwrap()), (1, ("refused".to_owned(), "HTTP status 413 (event 1)".to_owned())));
    drop(stop);
    serving.await.unwrap();
}
