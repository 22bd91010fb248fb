//! Full verification against SHA-256 and the tree alone.

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
        let store = open(&Database::Sqlite(folder.path().join("countermand.db")), folder.path(), |_| {});
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
    }
}
