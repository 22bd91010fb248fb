//! The grouping writer on SQLite.

use std::path::Path;

use countermand::store::{Database, Store};

use crate::{
    raw::Raw,
    support::{Line, amount},
    work::{bare, fill, one_by_one, open, seed, submit, tidy, whole},
};

pub fn run() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    append(folder.path());
    audited(folder.path());
    indexes(folder.path());
}

fn store(folder: &Path, name: &str) -> Store {
    let data = folder.join(name);
    std::fs::create_dir_all(&data).unwrap();
    let store = open(&Database::Sqlite(data.join("countermand.db")), &data, |_| {});
    seed(&store);
    store
}

/// Bytes of the newest leaf.
pub fn leaf_bytes(store: &Store) -> usize {
    use diesel::prelude::*;

    use countermand::store::schema::log_events as e;
    store.read_now(|c| Ok(e::table.order(e::idx.desc()).select(e::leaf).first::<Vec<u8>>(c)?)).unwrap().len()
}

fn append(folder: &Path) {
    let store = store(folder, "append");
    fill(&store, 1, false);
    let bytes = leaf_bytes(&store);
    for (submitters, n, target) in [(1, 4_000, (0.85, 0.95)), (64, 60_000, (0.55, 0.75))] {
        let n = amount(n);
        let mut rows = Raw::open(&folder.join(format!("rows-{submitters}")), bytes);
        let what = format!("SQLite: append, {submitters} submitter{}", if submitters == 1 { "" } else { "s" });
        let ours = || submit(&store, submitters, n, bare);
        Line::measure(&what, "one raw row an event", Some(target), || rows.rows(n, submitters), ours).print();
        let mut same = Raw::open(&folder.join(format!("same-{submitters}")), bytes);
        Line::measure(&what, "the same rows, raw", None, || same.append(n, submitters), ours).print();
    }
}

fn audited(folder: &Path) {
    let store = store(folder, "audited");
    fill(&store, 1, true);
    let bytes = leaf_bytes(&store);
    let mut raw = Raw::open(&folder.join("whole"), bytes);
    for (submitters, n, target) in [(1, 3_000, None), (64, 40_000, Some((0.6, 0.85)))] {
        let n = amount(n);
        let what = format!("SQLite: whole audited write, {submitters} submitter{}", if submitters == 1 { "" } else { "s" });
        let ours = || {
            tidy(&store);
            submit(&store, submitters, n, whole)
        };
        Line::measure(what, "the same statements, raw", target, || raw.whole(n, submitters), ours).print();
    }
    let n = amount(3_000);
    let single = || {
        tidy(&store);
        one_by_one(&store, 64, n, whole)
    };
    let ours = || {
        tidy(&store);
        submit(&store, 64, n * 10, whole)
    };
    Line::measure("SQLite: grouped, 64 submitters", "a transaction each", Some((8.0, 16.0)), single, ours).print();
}

/// The same store with and without the indexes that the viewer searches by.
fn indexes(folder: &Path) {
    let (with, without) = (store(folder, "with"), store(folder, "without"));
    let conn = rusqlite::Connection::open(folder.join("without/countermand.db")).unwrap();
    conn.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
    for index in ["at", "action", "actor", "case"] {
        conn.execute_batch(&format!("DROP INDEX log_search_{index}")).unwrap();
    }
    drop(conn);
    let n = amount(40_000);
    let measure = |store: &Store| {
        tidy(store);
        submit(store, 64, n, whole)
    };
    let what = "SQLite: whole audited write with the viewer's indexes, 64 submitters";
    Line::measure(what, "without", Some((0.5, 0.8)), || measure(&without), || measure(&with)).print();
}
