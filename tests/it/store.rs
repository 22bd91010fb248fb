//! The two doors: all or none, neighbours unharmed, nothing doubled, on both databases.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use countermand::{
    clock::{Instant, ManualClock},
    domain::event::{Action, Event, Subject},
    on_each,
    store::{
        Database, Options, Store, StoreError, Tx, migrate, reader,
        schema::{counters, jobs, log_events, settings},
    },
};
use diesel::prelude::*;
use serde_json::json;

use crate::support::db::TestDb;

fn event(n: i64) -> Event {
    Event::system(Action::SettingChanged, Subject::new("setting", n.to_string())).detail(json!({ "before": n - 1, "after": n }))
}

fn put(tx: &mut Tx<'_>, name: &str, value: &str) -> Result<(), StoreError> {
    diesel::insert_into(settings::table).values((settings::name.eq(name), settings::value.eq(value))).execute(tx.conn)?;
    Ok(())
}

fn names(store: &Store) -> Vec<String> {
    store.read_now(|c| Ok(settings::table.select(settings::name).filter(settings::name.like("t-%")).order(settings::name).load(c)?)).unwrap()
}

#[test]
fn migrations_have_the_same_names_and_undo_each_other() {
    let folder = |db: &str| {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(db);
        let mut names: Vec<_> = std::fs::read_dir(path).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(folder("sqlite"), folder("postgres"));
    for db in TestDb::each() {
        migrate::run(&db.database).unwrap();
        migrate::redo(&db.database).unwrap();
        assert!(migrate::pending(&db.database).unwrap().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn change_event_and_job_come_together_or_not_at_all() {
    for db in TestDb::each() {
        let store = db.open();
        let before = store.read_now(reader::head).unwrap().size();
        let written = store
            .write(|tx| {
                put(tx, "t-kept", "1")?;
                tx.enqueue("nothing", "k", &json!({}), tx.now())?;
                tx.append(event(1))
            })
            .await
            .unwrap();
        assert_eq!(written.receipt().unwrap().index, Some(before));
        let failed = store
            .write(|tx| {
                put(tx, "t-undone", "1")?;
                tx.enqueue("nothing", "other", &json!({}), tx.now())?;
                tx.append(event(2))?;
                Err::<(), _>(StoreError::NotFound)
            })
            .await;
        assert!(matches!(failed, Err(StoreError::NotFound)));
        let panicked = store
            .write(|tx| {
                put(tx, "t-panicked", "1")?;
                if tx.now() > Instant(0) {
                    panic!("a bug");
                }
                Ok(())
            })
            .await;
        assert!(matches!(panicked, Err(StoreError::Panicked)), "{panicked:?}");
        assert_eq!(names(&store), ["t-kept"]);
        assert_eq!(store.read_now(|c| Ok(jobs::table.count().get_result::<i64>(c)?)).unwrap(), 1);
        assert_eq!(store.read_now(reader::head).unwrap().size(), before + 1);
        let report = store.verify(&Default::default()).unwrap();
        assert!(report.ok, "{report:?}");
    }
}

/// 64 submitters, every seventh of which fails after writing: the rest must not notice, and the log must hold exactly their events.
#[tokio::test(flavor = "multi_thread")]
async fn a_failing_neighbour_takes_nobody_down() {
    for db in TestDb::each() {
        let store = db.open();
        let before = store.read_now(reader::head).unwrap().size();
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..64i64 {
            let store = store.clone();
            tasks.spawn(async move {
                let result = store
                    .write(move |tx| {
                        put(tx, &format!("t-{n:02}"), "x")?;
                        tx.append(event(n))?;
                        match n % 7 {
                            3 => Err(StoreError::NotFound),
                            5 => panic!("a bug in one closure"),
                            _ => Ok(n),
                        }
                    })
                    .await;
                assert_eq!(result.is_ok(), n % 7 != 3 && n % 7 != 5, "{n}: {result:?}");
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
        let kept: Vec<String> = (0..64).filter(|n| n % 7 != 3 && n % 7 != 5).map(|n| format!("t-{n:02}")).collect();
        assert_eq!(names(&store), kept);
        assert_eq!(store.read_now(reader::head).unwrap().size() - before, kept.len() as u64);
        assert!(store.verify(&Default::default()).unwrap().ok);
    }
}

/// Two processes' stores on one database, both appending and both incrementing one counter: no increment and no event is lost.
#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_share_one_log_and_lose_no_update() {
    for db in TestDb::each() {
        let (a, b) = (db.open(), db.open());
        a.write(|tx| Ok(diesel::insert_into(counters::table).values((counters::name.eq("n"), counters::value.eq(0))).execute(tx.conn)?))
            .await
            .unwrap();
        let before = a.read_now(reader::head).unwrap().size();
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..60i64 {
            let store = if n % 2 == 0 { a.clone() } else { b.clone() };
            tasks.spawn(async move {
                store
                    .write(move |tx| {
                        let value: i64 = counters::table.find("n").select(counters::value).first(tx.conn)?;
                        diesel::update(counters::table.find("n")).set(counters::value.eq(value + 1)).execute(tx.conn)?;
                        tx.append(event(n))
                    })
                    .await
                    .unwrap()
            });
        }
        while let Some(done) = tasks.join_next().await {
            assert!(done.unwrap().receipt().unwrap().index.is_some());
        }
        let value: i64 = b.read_now(|c| Ok(counters::table.find("n").select(counters::value).first(c)?)).unwrap();
        assert_eq!(value, 60);
        assert_eq!(b.read_now(reader::head).unwrap().size() - before, 60);
        assert!(b.verify(&Default::default()).unwrap().ok);
    }
}

/// Many who write the same row, and always new ones behind them: everybody gets through.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_write_one_row_nobody_is_passed_by_for_ever() {
    const WRITES: i64 = 300;
    for db in TestDb::each() {
        let store = Store::open(Options { connections: 32, ..db.options() }).unwrap();
        store
            .write(|tx| Ok(diesel::insert_into(counters::table).values((counters::name.eq("n"), counters::value.eq(0))).execute(tx.conn)?))
            .await
            .unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..WRITES {
            let store = store.clone();
            tasks.spawn(async move {
                store
                    .write(move |tx| {
                        let value: i64 = counters::table.find("n").select(counters::value).first(tx.conn)?;
                        std::thread::sleep(Duration::from_millis(15));
                        diesel::update(counters::table.find("n")).set(counters::value.eq(value + 1)).execute(tx.conn)?;
                        tx.append(event(n))
                    })
                    .await
            });
        }
        let failed: Vec<String> = tasks.join_all().await.into_iter().filter_map(|done| done.err().map(|e| e.to_string())).collect();
        assert_eq!(failed, [""; 0]);
        let value: i64 = store.read_now(|c| Ok(counters::table.find("n").select(counters::value).first(c)?)).unwrap();
        assert_eq!(value, WRITES);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_answers_busy_and_loses_nothing() {
    for db in TestDb::each() {
        let store = Store::open(Options { queue: 2, ..db.options() }).unwrap();
        let ran = Arc::new(AtomicUsize::new(0));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..32 {
            let (store, ran) = (store.clone(), ran.clone());
            tasks.spawn(async move {
                store
                    .write(move |tx| {
                        std::thread::sleep(Duration::from_millis(20));
                        ran.fetch_add(1, Ordering::SeqCst);
                        tx.append(event(1))
                    })
                    .await
            });
        }
        let (mut done, mut busy) = (0u64, 0);
        while let Some(result) = tasks.join_next().await {
            match result.unwrap() {
                Ok(_) => done += 1,
                Err(StoreError::Busy) => busy += 1,
                Err(e) => panic!("{e}"),
            }
        }
        assert!(busy > 0 && done > 0, "{done} done, {busy} busy");
        let settings_events = store
            .read_now(|c| {
                Ok(countermand::store::schema::log_search::table
                    .filter(countermand::store::schema::log_search::action.eq("setting.changed"))
                    .count()
                    .get_result::<i64>(c)?)
            })
            .unwrap();
        assert_eq!(settings_events as u64, done, "who was told 'done' is in the log, who was told 'busy' is not");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_cannot_write() {
    for db in TestDb::each() {
        let store = db.open();
        let tried = store.read(|c| Ok(on_each!(c, c => diesel::delete(log_events::table).execute(c))?)).await;
        assert!(tried.is_err());
        assert!(store.verify(&Default::default()).unwrap().ok);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn time_in_the_log_never_runs_backwards_within_a_node() {
    for db in TestDb::each() {
        let clock = ManualClock::at(Instant::parse("2026-11-22T09:00:00Z").unwrap());
        let store = Store::open(Options { clock: clock.clone(), ..db.options() }).unwrap();
        let first = store.write(|tx| Ok(tx.now())).await.unwrap().value;
        store.write(|tx| tx.append(event(1))).await.unwrap();
        clock.advance(Duration::from_secs(5));
        store.write(|tx| tx.append(event(2))).await.unwrap();
        let later = store.write(|tx| Ok(tx.now())).await.unwrap().value;
        assert!(later > first);
    }
}

/// Somebody else holds the write lock: the write waits for the busy timeout and then says so; afterwards writing works again.
#[tokio::test(flavor = "multi_thread")]
async fn a_locked_file_is_named_and_recovered_from() {
    use diesel::{SqliteConnection, connection::SimpleConnection};
    let db = TestDb::sqlite();
    let store = db.open();
    let Database::Sqlite(path) = &db.database else { unreachable!() };
    let mut other = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    // The store may be writing what it wrote at its start: the neighbour waits for its turn, as any program would.
    other.batch_execute("PRAGMA busy_timeout = 10000; BEGIN IMMEDIATE").unwrap();
    let refused = store.write(|tx| tx.append(event(1))).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    other.batch_execute("COMMIT").unwrap();
    store.write(|tx| tx.append(event(2))).await.unwrap();
    assert!(store.verify(&Default::default()).unwrap().ok);
}

/// PostgreSQL throws every connection out; the next writes work, and nothing acknowledged is lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_connection_is_replaced() {
    use diesel::{PgConnection, connection::SimpleConnection};
    let Some(db) = TestDb::postgres() else { return };
    let store = db.open();
    store.write(|tx| tx.append(event(1))).await.unwrap();
    let mut admin = PgConnection::establish(&std::env::var("TEST_DATABASE_URL").unwrap()).unwrap();
    let schema = db.url().unwrap();
    let schema = schema.rsplit("%3D").next().unwrap().to_owned();
    let mut acknowledged = 1;
    for n in 0..20 {
        if n == 5 {
            // Only this test's own connections: they are the ones whose search path names its schema.
            let kill = format!(
                "SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a WHERE a.pid <> pg_backend_pid() AND a.query LIKE '%' AND a.datname = current_database() \
                 AND EXISTS (SELECT 1 FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace s ON s.oid = c.relnamespace WHERE l.pid = a.pid AND s.nspname = '{schema}')"
            );
            let _ = admin.batch_execute(&kill);
        }
        match store.write(move |tx| tx.append(event(n))).await {
            Ok(_) => acknowledged += 1,
            Err(StoreError::Unavailable(_)) => tokio::time::sleep(Duration::from_millis(50)).await,
            Err(e) => panic!("{e}"),
        }
    }
    tokio::time::sleep(Duration::from_millis(1500)).await;
    store.write(|tx| tx.append(event(99))).await.unwrap();
    acknowledged += 1;
    let head = store.read_now(reader::head).unwrap();
    assert!(head.size() > acknowledged, "{} events, {acknowledged} acknowledged besides the first", head.size());
    assert!(store.verify(&Default::default()).unwrap().ok);
}

#[test]
fn a_missing_or_foreign_key_refuses_the_start() {
    for db in TestDb::each() {
        drop(db.open());
        let log = db.path().join("keys/log.key");
        let right = std::fs::read(&log).unwrap();
        std::fs::remove_file(&log).unwrap();
        let missing = Store::open(db.options()).err().unwrap();
        assert!(missing.to_string().contains("log.key is missing"), "{missing}");
        assert!(!log.exists(), "no new key was made");
        std::fs::write(&log, hex::encode([7u8; 32])).unwrap();
        assert!(matches!(Store::open(db.options()).err().unwrap(), StoreError::Fork(_)));
        std::fs::write(&log, right).unwrap();
        drop(db.open());
    }
}

/// The database is put back to an older state: the copy of the checkpoint outside finds it out, and nothing is signed.
#[tokio::test(flavor = "multi_thread")]
async fn a_rolled_back_database_does_not_start() {
    let db = TestDb::sqlite();
    let Database::Sqlite(path) = &db.database else { unreachable!() };
    let backup = db.path().join("backup.db");
    {
        let store = db.open();
        store.write(|tx| tx.append(event(1))).await.unwrap();
        store.checkpoint().await.unwrap();
    }
    let mut conn = diesel::SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    diesel::connection::SimpleConnection::batch_execute(&mut conn, "PRAGMA busy_timeout=5000").unwrap();
    diesel::sql_query(format!("VACUUM INTO '{}'", backup.display())).execute(&mut conn).unwrap();
    drop(conn);
    {
        let store = db.open();
        store.write(|tx| tx.append(event(2))).await.unwrap();
        store.checkpoint().await.unwrap();
    }
    db.wait_until_closed();
    std::fs::copy(&backup, path).unwrap();
    let refused = Store::open(db.options()).err().expect("must not start");
    assert!(matches!(&refused, StoreError::Fork(why) if why.contains("restored or rolled back")), "{refused}");
}
