//! What PostgreSQL alone has: parts in one partition a month, made ahead and by several nodes at once; commits that are on the disk.

use std::{sync::Arc, time::Duration};

use countermand::{
    clock::{Instant, ManualClock},
    domain::event::{Action, Event, Subject},
    store::{Options, Store, reader},
};
use diesel::{PgConnection, QueryableByName, connection::SimpleConnection, prelude::*, sql_query, sql_types::Text};
use serde_json::json;

use crate::support::db::TestDb;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    value: String,
}

fn column(db: &TestDb, sql: &str) -> Vec<String> {
    let mut conn = PgConnection::establish(&db.url().unwrap()).unwrap();
    sql_query(sql).load::<Row>(&mut conn).unwrap().into_iter().map(|r| r.value).collect()
}

fn partitions(db: &TestDb) -> Vec<String> {
    column(
        db,
        "SELECT c.relname::text AS value FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'log_parts'::regclass ORDER BY 1",
    )
}

fn lying_in(db: &TestDb, table: &str) -> Vec<String> {
    column(db, &format!("SELECT DISTINCT month AS value FROM {table} ORDER BY 1"))
}

fn event(n: i64) -> Event {
    Event::system(Action::SettingChanged, Subject::new("setting", n.to_string())).detail(json!({ "after": n }))
}

fn open(db: &TestDb, clock: &Arc<ManualClock>) -> Store {
    Store::open(Options { clock: clock.clone(), ..db.options() }).unwrap()
}

#[actix_web::test]
async fn parts_lie_in_their_month_and_what_came_too_early_is_moved_there() {
    let Some(db) = TestDb::postgres() else { return };
    let clock = ManualClock::at(Instant::parse("2026-11-22T09:00:00Z").unwrap());
    let store = open(&db, &clock);
    let expected = ["log_parts_2026_11", "log_parts_2026_12", "log_parts_2027_01", "log_parts_2027_02", "log_parts_rest"];
    assert_eq!(partitions(&db), expected, "made when the store is opened, ahead of time");
    store.write(|tx| tx.append(event(1))).await.unwrap();
    assert_eq!((lying_in(&db, "log_parts_2026_11"), lying_in(&db, "log_parts_rest")), (vec!["2026-11".to_owned()], Vec::new()));

    // Nobody looked after the months for half a year: nothing is refused.
    clock.advance(Duration::from_secs(200 * 24 * 3600));
    for n in 0..20 {
        store.write(move |tx| tx.append(event(n))).await.unwrap();
    }
    assert_eq!(lying_in(&db, "log_parts_rest"), ["2027-06"]);

    // Several nodes look after them at once, while all of them write.
    let nodes: Vec<Store> = (0..3).map(|_| open(&db, &clock)).chain([store]).collect();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..40i64 {
        let store = nodes[usize::try_from(n).unwrap() % nodes.len()].clone();
        tasks.spawn(async move {
            store.write(move |tx| tx.append(event(n))).await.unwrap();
            let again = store.clone();
            tokio::task::spawn_blocking(move || again.keep_months()).await.unwrap().unwrap();
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let made = partitions(&db);
    assert!(made.iter().any(|n| n == "log_parts_2027_06") && made.iter().any(|n| n == "log_parts_2027_09"), "{made:?}");
    assert_eq!((lying_in(&db, "log_parts_2027_06"), lying_in(&db, "log_parts_rest")), (vec!["2027-06".to_owned()], Vec::new()));
    let report = nodes[0].verify(&Default::default()).unwrap();
    assert!(report.ok, "{report:?}");
    let head = nodes[0].read(reader::head).await.unwrap();
    let last = nodes[0].read(move |conn| reader::event(conn, head.size() - 1)).await.unwrap();
    let (keys, id) = (nodes[0].keys().clone(), last.leaf.id);
    assert_eq!(nodes[0].read(move |conn| reader::parts_of(conn, &keys, &id)).await.unwrap().len(), 1);
    assert!(nodes[0].keep_months().unwrap().is_empty(), "a month that is looked after costs nothing");
}

/// The database and the role say that a commit need not reach the disk: ours do all the same.
#[actix_web::test]
async fn a_commit_reaches_the_disk_whatever_the_database_and_the_role_say() {
    let Ok(url) = std::env::var("TEST_DATABASE_URL") else { return };
    let name = format!("lax{}", countermand::id::fresh().replace('-', ""));
    let mut admin = PgConnection::establish(&url).unwrap();
    for statement in [
        format!("CREATE DATABASE {name} TEMPLATE template0"),
        format!("ALTER DATABASE {name} SET synchronous_commit = off"),
        format!("CREATE ROLE {name} LOGIN SUPERUSER PASSWORD 'x'"),
        format!("ALTER ROLE {name} SET synchronous_commit = off"),
    ] {
        admin.batch_execute(&statement).unwrap();
    }
    let mut address = url::Url::parse(&url).unwrap();
    address.set_path(&name);
    address.set_username(&name).unwrap();
    address.set_password(Some("x")).unwrap();
    address.set_query(Some("options=-csynchronous_commit%3Doff"));
    let db = TestDb::at(countermand::store::Database::Postgres(address.into()));
    assert_eq!(column(&db, "SELECT current_setting('synchronous_commit') AS value"), ["off"], "it is off for others");
    let store = db.open();
    let ask = || sql_query("SELECT current_setting('synchronous_commit') AS value");
    let on = store.write(move |tx| Ok(ask().get_result::<Row>(tx.conn)?.value)).await.unwrap().value;
    assert_eq!(on, "on");
    drop(store);
    drop(db);
    let _ = admin.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)"));
    let _ = admin.batch_execute(&format!("DROP ROLE {name}"));
}
