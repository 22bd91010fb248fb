//! The writes that are measured, and submitters that make them.

use std::{path::Path, sync::Arc, time::Instant};

use countermand::{
    domain::event::{Action, Event, Subject},
    id,
    store::{
        Database, Options, Store, StoreError, Tx,
        kept::Keep,
        schema::{counters, jobs},
    },
};
use diesel::prelude::*;
use serde_json::json;

use crate::support::Pace;

/// Business rows that the audited writes change; each submitter walks over its own.
pub const ROWS: usize = 8192;

pub fn row_name(n: usize) -> String {
    format!("bench-{:04}", n % ROWS)
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

pub fn open(database: &Database, data: &Path, change: impl FnOnce(&mut Options)) -> Store {
    let mut options = Options::new(database.clone(), data);
    change(&mut options);
    Store::open(options).unwrap()
}

/// Makes the business rows.
pub fn seed(store: &Store) {
    store
        .write_now(|tx| {
            for n in 0..ROWS {
                diesel::insert_into(counters::table).values((counters::name.eq(row_name(n)), counters::value.eq(0_i64))).execute(tx.conn)?;
            }
            Ok(())
        })
        .unwrap();
}

/// An event without parts.
pub fn bare(tx: &mut Tx<'_>, n: usize) -> Result<(), StoreError> {
    tx.append(Event::system(Action::SettingChanged, Subject::new("setting", row_name(n))).case(CASE))?;
    Ok(())
}

const CASE: &str = "0193f0aa-0000-7000-8000-000000000001";
const SESSION: &str = "0193f0aa-0000-7000-8000-000000000002";

/// An event as a person's action leaves it, with two parts.
pub fn audited(n: usize) -> Event {
    let mut event = Event::system(Action::RecallLevelOpened, Subject::new("recall", row_name(n))).case(CASE);
    event.session = Some(SESSION.to_owned());
    event
        .part("client", json!({ "peer_ip": "10.2.3.4", "peer_port": 51234, "client_ip": "10.2.3.4", "proxy_rule": "direct", "user_agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36" }))
        .detail(json!({ "level": 1, "decision": "approve", "before": { "version": n, "state": "reviewing" }, "after": { "version": n + 1, "state": "reviewing" } }))
}

/// The whole audited write: read, compare-and-set update, event with leaf hash, two parts, one job.
pub fn whole(tx: &mut Tx<'_>, n: usize) -> Result<(), StoreError> {
    let name = row_name(n);
    let value: i64 = counters::table.find(&name).select(counters::value).first(tx.conn)?;
    let seen = counters::table.find(&name).filter(counters::value.eq(value));
    let changed = diesel::update(seen).set(counters::value.eq(value + 1)).kept().execute(tx.conn)?;
    if changed != 1 {
        return Err(StoreError::Serialization);
    }
    tx.append(audited(n))?;
    let now = tx.now();
    tx.enqueue("bench", &format!("{name}/{value}"), &json!({ "recall": name }), now)
}

/// What a measured write does; its number tells it which row is its own.
pub type Change = fn(&mut Tx<'_>, usize) -> Result<(), StoreError>;

/// `submitters` tasks make `total` writes, each waiting for its answer before the next.
pub fn submit(store: &Store, submitters: usize, total: usize, f: Change) -> Pace {
    run(store, submitters, total, None, f)
}

/// The same, but only one write is under way at a time: each in a transaction of its own.
pub fn one_by_one(store: &Store, submitters: usize, total: usize, f: Change) -> Pace {
    run(store, submitters, total, Some(Arc::new(tokio::sync::Mutex::new(()))), f)
}

fn run(store: &Store, submitters: usize, total: usize, turn: Option<Arc<tokio::sync::Mutex<()>>>, f: Change) -> Pace {
    let each = total.div_ceil(submitters);
    runtime().block_on(async {
        let start = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for submitter in 0..submitters {
            let (store, turn) = (store.clone(), turn.clone());
            tasks.spawn(async move {
                for i in 0..each {
                    let n = submitter + i * submitters;
                    let _turn = match &turn {
                        Some(turn) => Some(turn.lock().await),
                        None => None,
                    };
                    let written = store.write(move |tx| f(tx, n)).await.unwrap();
                    assert!(written.receipt().unwrap().index.is_some());
                }
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
        Pace::since(each * submitters, start)
    })
}

/// `n` audited events, many a write.
pub fn fill(store: &Store, n: usize, with_parts: bool) {
    const AT_ONCE: usize = 1000;
    if with_parts {
        // What events are in is begun by one.
        let mut begun = Event::system(Action::SessionStarted, Subject::new("user", row_name(0)));
        begun.session = Some(SESSION.to_owned());
        store.write_now(move |tx| tx.append(begun.clone())).unwrap();
    }
    let mut left = n;
    while left > 0 {
        let now = left.min(AT_ONCE);
        store
            .write_now(move |tx| {
                for n in 0..now {
                    if with_parts {
                        tx.append(audited(n))?;
                    } else {
                        bare(tx, n)?;
                    }
                }
                Ok(())
            })
            .unwrap();
        left -= now;
    }
}

/// Takes the jobs away that the last measurement left.
pub fn tidy(store: &Store) {
    store.write_now(|tx| Ok(diesel::delete(jobs::table).execute(tx.conn)?)).unwrap();
}

/// Ids as the store makes them, made beforehand.
pub fn ids(n: usize) -> Vec<String> {
    (0..n).map(|_| id::fresh()).collect()
}
