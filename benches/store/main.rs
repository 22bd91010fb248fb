//! The store against raw loops and physical limits: append, the whole audited write, the sequencer, verification, the trail at a million events, the
//! lists of the console at a million broadcasts.
//!
//! `cargo bench --bench store [-- PART…]`; parts are `sqlite`, `verify`, `trail`, `lists`, `postgres`. PostgreSQL is measured where `BENCH_DATABASE_URL`
//! names a server on which databases may be made (`benches/run` starts one). Everything is a ratio of two paces in one run.

#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod lists;
mod postgres;
mod raw;
mod sqlite;
mod trail;
mod verify;
mod work;

fn main() {
    support::head();
    if support::wanted("sqlite") {
        sqlite::run();
    }
    if support::wanted("verify") {
        verify::run();
    }
    if support::wanted("trail") {
        trail::run();
    }
    if support::wanted("lists") {
        lists::run();
    }
    if support::wanted("postgres") {
        postgres::run();
    }
}
