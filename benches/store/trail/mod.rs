//! The trail at a million events and more: verification, export, every filter, writing beside a purge, an export and a verification, and what
//! doubling costs. `BENCH_MILLIONS` says how many millions; 1 without it. On PostgreSQL where `BENCH_DATABASE_URL` names a server.

mod beside;
mod events;
mod export;
mod filters;
mod growth;
mod whole;

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use countermand::{
    app::App,
    clock::{Clock, ManualClock, SystemClock},
    config::Config,
    store::Database,
};

use crate::{
    postgres,
    support::{amount, measuring},
    work::{open, runtime},
};

/// An installation with its trail.
pub struct Trail {
    /// The database's name, as the lines say it.
    pub name: &'static str,
    pub app: App,
    pub clock: Arc<ManualClock>,
    pub database: Database,
    pub events: usize,
}

impl Trail {
    fn new(name: &'static str, database: Database, folder: &Path) -> Self {
        // The oldest events are of two hundred and fifty days ago; the newest of today.
        let clock = ManualClock::at(SystemClock.now().minus(events::SPAN));
        let store = open(&database, folder, |options| options.clock = clock.clone());
        let app = App::new(store, Config { data: folder.to_owned(), ..Config::default() });
        Self { name, app, clock, database, events: 0 }
    }

    /// `n` more events, with the words that they are found by.
    fn grow(&mut self, n: usize) {
        let begun = Instant::now();
        events::fill(self, n);
        let filled = begun.elapsed();
        let begun = Instant::now();
        runtime().block_on(self.app.store.read_words(Duration::from_secs(3600))).unwrap();
        self.app.store.checkpoint_now().unwrap();
        self.say(&format!("{n} events written / their words made, /s"), n, &[filled, begun.elapsed()]);
    }

    fn say(&self, what: &str, n: usize, took: &[Duration]) {
        let rates: Vec<String> = took.iter().map(|t| format!("{:.0}", n as f64 / t.as_secs_f64())).collect();
        println!("| {}: {what} | {} | | | | |", self.name, rates.join(" / "));
    }
}

pub fn run() {
    let millions: usize = std::env::var("BENCH_MILLIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let n = amount(1_000_000 * millions);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    measure(Trail::new("SQLite", Database::Sqlite(folder.path().join("countermand.db")), folder.path()), n);
    let Ok(server) = std::env::var("BENCH_DATABASE_URL") else { return };
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let database = Database::Postgres(postgres::database(&server, "bench_trail"));
    measure(Trail::new("PostgreSQL", database, folder.path()), n);
}

fn measure(mut trail: Trail, n: usize) {
    let half = growth::measure(&trail);
    trail.grow(n);
    if measuring() {
        growth::print(&trail, half, growth::measure(&trail));
    }
    filters::measure(&trail);
    whole::measure(&trail);
    export::measure(&trail);
    beside::measure(&trail);
}
