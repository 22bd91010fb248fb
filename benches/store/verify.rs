//! Full verification against SHA-256 and the tree alone, and against what of it is SQLite's own work: looking over the file, reading the rows.

use std::path::Path;

use countermand::{
    ledger::tree::{Frontier, leaf_hash},
    store::{Database, reader},
};

use crate::{
    support::{Line, Pace, amount},
    work::{fill, open},
};

pub fn run() {
    for (what, with_parts) in [("verify, events without parts", false), ("verify, events with two sealed parts", true)] {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let path = folder.path().join("countermand.db");
        let store = open(&Database::Sqlite(path.clone()), folder.path(), |_| {});
        let n = amount(100_000);
        fill(&store, n, with_parts);
        store.checkpoint_now().unwrap();
        let leaves: Vec<Vec<u8>> = store
            .read_now(|c| {
                let mut all = Vec::new();
                while let Some(last) = reader::events_from(c, all.len() as u64, 10_000).map(|batch| (!batch.is_empty()).then_some(batch))? {
                    all.extend(last.into_iter().map(|e| e.bytes));
                }
                Ok(all)
            })
            .unwrap();
        let tree = || {
            Pace::of(leaves.len(), || {
                let mut frontier = Frontier::new();
                for leaf in &leaves {
                    frontier.append(leaf_hash(leaf));
                }
                std::hint::black_box(frontier.root());
            })
        };
        let verify = || {
            Pace::of(leaves.len(), || {
                let report = store.verify(&Default::default()).unwrap();
                assert!(report.ok && report.size == leaves.len() as u64, "{report:?}");
            })
        };
        Line::measure(what, "SHA-256 and tree alone", (!with_parts).then_some((0.7, 0.85)), tree, verify).print();
        let structure = || Pace::of(leaves.len(), || read(&path, &["PRAGMA integrity_check"]));
        Line::measure(what, "SQLite's integrity_check alone", None, structure, verify).print();
        let all = ["PRAGMA integrity_check", "SELECT * FROM log_events", "SELECT * FROM log_search", "SELECT * FROM log_parts"];
        let rows = || Pace::of(leaves.len(), || read(&path, &all));
        Line::measure(what, "integrity_check, then reading each row once", None, rows, verify).print();
    }
}

/// Runs queries to their ends and looks at every value that they give, on one thread and with as much cache as a verification has.
fn read(path: &Path, queries: &[&str]) {
    let conn = rusqlite::Connection::open(path).unwrap();
    conn.execute_batch("PRAGMA cache_size=-16000").unwrap();
    for sql in queries {
        let mut statement = conn.prepare(sql).unwrap();
        let width = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for column in 0..width {
                std::hint::black_box(row.get_ref(column).unwrap());
            }
        }
    }
}
