//! PostgreSQL throws everybody out, or stops and starts again, while people post: they are told 503 or done, the same request again is
//! done once, and the same process goes on.

use std::{collections::BTreeSet, time::Duration};

use countermand::store::{Database, schema::broadcasts};
use diesel::{PgConnection, connection::SimpleConnection, prelude::*};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    recalls::stage::Stage,
    support::{app::Browser, cluster::Cluster, db::TestDb},
};

/// Posts the request `n` until it is done, with the same key; its broadcast's id.
async fn persist(base: String, token: String, connection: String, n: usize) -> String {
    let program = Browser::new(&base).with_header("authorization", &format!("Bearer {token}")).with_header("idempotency-key", &format!("key-{n}"));
    let body = json!({ "connection": connection, "title": format!("通知 {n}"), "text": "正文", "audience": "all" }).to_string();
    for _ in 0..100 {
        let answer = program.send(Method::POST, "/api/v1/broadcasts", Some("application/json"), Some(body.clone())).await;
        match answer.status.as_u16() {
            201 => return serde_json::from_str::<Value>(&answer.body).unwrap()["id"].as_str().unwrap().to_owned(),
            503 | 409 => {
                assert!(answer.headers.contains_key("retry-after"), "{}", answer.body);
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            other => panic!("{other} {}", answer.body),
        }
    }
    panic!("request {n} was never done");
}

async fn all_done_once(stage: &Stage, trouble: impl FnOnce()) {
    let token = stage.token(None, &["broadcast.send"]).await;
    let before: i64 = stage.app.store.read(|conn| Ok(broadcasts::table.count().get_result(conn)?)).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..24 {
        tasks.spawn(persist(stage.base.clone(), token.clone(), stage.connection.clone(), n));
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    trouble();
    let mut ids = BTreeSet::new();
    while let Some(done) = tasks.join_next().await {
        assert!(ids.insert(done.unwrap()), "two requests, two broadcasts");
    }
    let after: i64 = stage.app.store.read(|conn| Ok(broadcasts::table.count().get_result(conn)?)).await.unwrap();
    assert_eq!(after - before, 24, "each was done once");
    // The sequencer has a new connection too.
    for _ in 0..100 {
        let waiting: i64 = stage.app.store.read(|conn| Ok(countermand::store::schema::log_pending::table.count().get_result(conn)?)).await.unwrap();
        if waiting == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let report = stage.app.store.verify(&Default::default()).unwrap();
    assert!(report.ok, "{report:?}");
}

#[actix_web::test]
async fn a_postgresql_that_stops_and_starts_again_doubles_nothing() {
    let Some(cluster) = Cluster::start() else { return };
    let stage = Stage::set_on(TestDb::at(Database::Postgres(cluster.url())), |_| {}).await;
    all_done_once(&stage, || {
        cluster.kill();
        std::thread::sleep(Duration::from_millis(500));
        cluster.up();
    })
    .await;
    all_done_once(&stage, || {
        let mut admin = PgConnection::establish(&cluster.url()).unwrap();
        admin.batch_execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname IS NOT NULL").unwrap();
    })
    .await;
}
