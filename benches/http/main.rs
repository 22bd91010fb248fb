//! The whole product over HTTP, security middleware and audited reading included: decision POST and case page GET at 64 connections,
//! against Django with django-auditlog doing the same; and the server's resident memory.
//!
//! `cargo bench --bench http [-- PART…]`; parts are `sqlite` and `postgres` (the latter where `BENCH_DATABASE_URL` names a server).
//! The peer is measured where `BENCH_PEER` names its virtual environment; `benches/run` prepares both. Its POST does less than ours: no
//! statement, no sealed comment, no recognition of a double click, no tree of hashes.

#![allow(clippy::unwrap_used)]

mod load;
mod ours;
mod peer;
mod server;
#[path = "../support/mod.rs"]
mod support;

use std::{path::Path, sync::Arc};

use countermand::{
    clock::{Clock, Instant, SystemClock},
    store::Database,
};
use diesel::{Connection, PgConnection, connection::SimpleConnection};
use load::{Load, send};
use support::{Line, amount, rounds, wanted};

fn main() {
    support::head();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    if wanted("sqlite") {
        let of = |name: &str| folder.path().join(name);
        let database = |name: &str| (Database::Sqlite(of(name).join("countermand.db")), None);
        measure("SQLite", folder.path(), (20.0, 40.0), (30.0, 60.0), database);
    }
    match std::env::var("BENCH_DATABASE_URL") {
        Ok(server) if wanted("postgres") => {
            let database = |name: &str| {
                let mut admin = PgConnection::establish(&server).unwrap();
                admin.batch_execute(&format!("DROP DATABASE IF EXISTS http_{name} WITH (FORCE)")).unwrap();
                admin.batch_execute(&format!("CREATE DATABASE http_{name}")).unwrap();
                let url = format!("{}/http_{name}", server.rsplit_once('/').expect("a server's address ends in /DATABASE").0);
                (Database::Postgres(url.clone()), Some(url))
            };
            measure("PostgreSQL", &folder.path().join("postgres"), (15.0, 30.0), (15.0, 30.0), database);
        }
        _ => {}
    }
}

/// What one side did in a phase; the best of its set-ups.
struct Phase(Vec<Load>);

impl Phase {
    fn median(&self) -> &Load {
        let mut all: Vec<&Load> = self.0.iter().collect();
        all.sort_by(|a, b| a.pace.rate().total_cmp(&b.pace.rate()));
        all[all.len() / 2]
    }
}

fn measure(
    name: &str,
    folder: &Path,
    reading_target: (f64, f64),
    deciding_target: (f64, f64),
    database: impl Fn(&str) -> (Database, Option<String>),
) {
    let (reading, deciding) = ours(folder, &database, name);
    let Some(programs) = peer::programs() else {
        for (what, phase) in [("case page GET", reading), ("decision POST", deciding)] {
            let load = phase.median();
            println!(
                "| {name}: {what}, 64 connections | {:.0} (p50 {:.1?}, p99 {:.1?}) | not measured | | | |",
                load.pace.rate(),
                load.p50,
                load.p99
            );
        }
        return;
    };
    let n = amount(300);
    let peer = peer::Peer::make(programs, &folder.join("peer"), database("peer").1, 4, n * 2, n * 6);
    let mut best: [Option<Load>; 2] = [None, None];
    for (i, (_, setup)) in peer::SETUPS.iter().enumerate() {
        let server = peer.serve(setup);
        send(server.address, peer.readings(64), 200);
        let reading = send(server.address, peer.readings(n * 4), 200);
        early_in_a_step();
        let deciding = send(server.address, peer.decisions(i * n * 3, n * 3, SystemClock.now()), 302);
        for (kept, new) in best.iter_mut().zip([reading, deciding]) {
            if kept.as_ref().is_none_or(|k| k.pace.rate() < new.pace.rate()) {
                *kept = Some(new);
            }
        }
    }
    let lines = [("case page GET", reading, reading_target), ("decision POST", deciding, deciding_target)];
    for ((what, ours, target), peer) in lines.into_iter().zip(best) {
        let (ours, peer) = (ours.median(), peer.unwrap());
        let times = format!("p50 {:.1?}, p99 {:.1?} against {:.1?}, {:.1?}", ours.p50, ours.p99, peer.p50, peer.p99);
        let pairs = vec![(ours.pace.rate(), peer.pace.rate())];
        Line::of(format!("{name}: {what}, 64 connections ({times})"), "Django", Some(target), pairs).print();
    }
}

fn ours(folder: &Path, database: &impl Fn(&str) -> (Database, Option<String>), name: &str) -> (Phase, Phase) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let data = folder.join("pages");
    std::fs::create_dir_all(&data).unwrap();
    let at = database("pages").0;
    let (cases, readers) = runtime.block_on(async {
        let site = Arc::new(ours::Site::make(&at, &data).await);
        (site.cases(amount(1000)).await, site.reviewers("reader", 4).await)
    });
    let server = ours::serve(&at, &data);
    let idle = server.resident();
    send(server.address, ours::readings(64, &cases, &readers), 200);
    let reading = (0..rounds()).map(|_| send(server.address, ours::readings(amount(3400), &cases, &readers), 200)).collect();
    let busy = server.resident();
    drop(server);
    println!("| {name}: resident memory after start / after 10,000 requests, MB | {idle:.0} / {busy:.0} | | | 60 / 200 | |");

    let data = folder.join("decisions");
    std::fs::create_dir_all(&data).unwrap();
    let at = database("decisions").0;
    let each = amount(1000);
    let (cases, deciders) = runtime.block_on(async {
        let site = Arc::new(ours::Site::make(&at, &data).await);
        (site.cases(each * 3 * rounds()).await, site.reviewers("decider", each * rounds()).await)
    });
    let server = ours::serve(&at, &data);
    let deciding = cases
        .chunks(each * 3)
        .zip(deciders.chunks(each))
        .map(|(cases, deciders)| {
            early_in_a_step();
            send(server.address, ours::decisions(cases, deciders, SystemClock.now()), 303)
        })
        .collect();
    (Phase(reading), Phase(deciding))
}

/// Codes of the step before are taken only while the present one lasts.
fn early_in_a_step() {
    let left = |now: Instant| 30 - now.unix_seconds().rem_euclid(30);
    let now = left(SystemClock.now());
    if now < 20 && support::measuring() {
        std::thread::sleep(std::time::Duration::from_secs(now.unsigned_abs() + 1));
    }
}
