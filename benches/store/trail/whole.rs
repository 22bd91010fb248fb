//! Full verification against what it cannot do without: hashing the leaves, and reading the rows.

use countermand::{
    ledger::tree::{Frontier, leaf_hash},
    store::{
        Database,
        schema::{log_events, log_parts},
    },
};
use diesel::{connection::DefaultLoadingMode, prelude::*};

use super::Trail;
use crate::support::{Line, Pace};

pub fn measure(trail: &Trail) {
    let n = trail.events;
    let leaves: Vec<Vec<u8>> = trail.app.store.read_now(|c| Ok(log_events::table.order(log_events::idx).select(log_events::leaf).load(c)?)).unwrap();
    let tree = || {
        Pace::of(n, || {
            let mut frontier = Frontier::new();
            for leaf in &leaves {
                frontier.append(leaf_hash(leaf));
            }
            std::hint::black_box(frontier.root());
        })
    };
    let read = || {
        Pace::of(n, || match &trail.database {
            Database::Sqlite(path) => raw(path),
            Database::Postgres(_) => trail
                .app
                .store
                .read_now(|c| {
                    let rows = log_parts::table.select((log_parts::event_id, log_parts::salt, log_parts::sealed));
                    for row in rows.load_iter::<(String, Vec<u8>, Vec<u8>), DefaultLoadingMode>(c)? {
                        std::hint::black_box(row?);
                    }
                    Ok(())
                })
                .unwrap(),
        })
    };
    let verify = || {
        Pace::of(n, || {
            let report = trail.app.store.verify(&Default::default()).unwrap();
            assert!(report.ok, "{:?}", report.problems);
        })
    };
    let what = format!("{}: verification of {} M events with four sealed parts each", trail.name, n as f64 / 1e6);
    let ours = verify();
    Line::of(&what, "SHA-256 and tree alone", Some((0.7, 0.85)), vec![(ours.rate(), tree().rate())]).print();
    Line::of(&what, "reading leaves and parts", None, vec![(ours.rate(), read().rate())]).print();
}

/// Every leaf and every sealed part, and nothing done with them.
fn raw(path: &std::path::Path) {
    let conn = rusqlite::Connection::open(path).unwrap();
    for sql in ["SELECT leaf FROM log_events ORDER BY idx", "SELECT sealed FROM log_parts"] {
        let mut statement = conn.prepare(sql).unwrap();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            std::hint::black_box(row.get_ref(0).unwrap().as_blob().unwrap());
        }
    }
}
