//! What an append, a page and a checkpoint take, before the log grows and after.

use std::time::{Duration, Instant};

use countermand::{
    domain::event::Event,
    store::{
        page::Turn,
        reader::{self, Filter},
    },
};

use super::{Trail, events};
use crate::{
    support::{Line, amount},
    work::submit,
};

/// Things done a second.
pub struct Rates {
    append: f64,
    page: f64,
    checkpoint: f64,
}

/// Of no session: many submitters keep no order, and nothing is done in a session before it begins.
fn event(n: usize) -> Event {
    Event { session: None, ..events::event(n) }
}

pub fn measure(trail: &Trail) -> Rates {
    let store = &trail.app.store;
    let append = submit(store, 64, amount(40_000), |tx, n| tx.append(event(n)).map(|_| ())).rate();
    let (mut pages, mut checkpoints) = (Duration::ZERO, Duration::ZERO);
    let times = amount(200);
    for n in 0..times {
        let begun = Instant::now();
        store.read_now(|conn| reader::search(conn, &Filter::default(), &Turn::First, 50)).unwrap();
        pages += begun.elapsed();
        store.write_now(move |tx| tx.append(event(n)).map(|_| ())).unwrap();
        let begun = Instant::now();
        store.checkpoint_now().unwrap();
        checkpoints += begun.elapsed();
    }
    let rate = |took: Duration| times as f64 / took.as_secs_f64();
    Rates { append, page: rate(pages), checkpoint: rate(checkpoints) }
}

pub fn print(trail: &Trail, before: Rates, after: Rates) {
    let what = |what: &str| format!("{}: {what} at {} M events", trail.name, trail.events as f64 / 1e6);
    for (name, after, before) in [
        ("append, 64 submitters,", after.append, before.append),
        ("first page", after.page, before.page),
        ("checkpoint", after.checkpoint, before.checkpoint),
    ] {
        Line::of(what(name), "the same before", Some((0.9, 1.0)), vec![(after, before)]).print();
    }
}
