//! How long a write waits while a verification, an export or a purge runs beside it, against when nothing does.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use countermand::app::{
    Caller,
    audit::{Query, export},
    pieces::Pieces,
    retention,
};

use super::{Trail, events::event};
use crate::{support::amount, work::runtime};

pub fn measure(trail: &Trail) {
    let idle = waits(trail, amount(20_000));
    let done = AtomicBool::new(false);
    let again = |work: &(dyn Fn() + Sync)| {
        done.store(false, Ordering::SeqCst);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    work();
                }
            });
            std::thread::sleep(Duration::from_millis(200));
            let busy = waits(trail, amount(20_000));
            done.store(true, Ordering::SeqCst);
            busy
        })
    };
    let verify = again(&|| assert!(trail.app.store.verify(&Default::default()).unwrap().ok));
    let export = again(&|| {
        runtime().block_on(async {
            let mut file = export::export(&trail.app, &Caller::shell(), &Query::default(), export::Format::Csv, "").await.unwrap();
            while !done.load(Ordering::SeqCst) {
                if file.next().await.unwrap().is_none() {
                    break;
                }
            }
        });
    });
    let purge = again(&|| {
        runtime().block_on(retention::run(&trail.app, &Caller::shell())).unwrap();
    });
    for (what, busy) in [("a verification", verify), ("an export", export), ("a purge", purge)] {
        let times = busy.as_secs_f64() / idle.as_secs_f64();
        println!(
            "| {}: p99 of an append, 64 submitters, while {what} runs, ms | {:.1} | {:.1} (idle) | **{times:.1}** times | 5 / 2 | |",
            trail.name,
            busy.as_secs_f64() * 1e3,
            idle.as_secs_f64() * 1e3
        );
    }
}

/// The 99th hundredth of the waits of 64 submitters that write `total` events.
fn waits(trail: &Trail, total: usize) -> Duration {
    runtime().block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for submitter in 0..64 {
            let store = trail.app.store.clone();
            tasks.spawn(async move {
                let mut waits = Vec::new();
                for n in 0..total.div_ceil(64) {
                    let begun = Instant::now();
                    store.write(move |tx| tx.append(event(submitter + n * 64))).await.unwrap();
                    waits.push(begun.elapsed());
                }
                waits
            });
        }
        let mut all = Vec::new();
        while let Some(waits) = tasks.join_next().await {
            all.extend(waits.unwrap());
        }
        all.sort();
        all[all.len() * 99 / 100]
    })
}
