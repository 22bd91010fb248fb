//! Killed in the middle: as real processes, with a file as the receiver.

use std::{path::Path, time::Duration};

use serde_json::Value;

use crate::support::{db::TestDb, process::Node};

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
        assert!(!node.crash_at("stream-delivered", &["serve", "--listen", "127.0.0.1:0"]).status.success());
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
