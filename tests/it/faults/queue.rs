//! More work than is allowed to wait, and a writer that somebody else holds up: 503 with Retry-After, as a page and as a problem, and
//! whoever was let in is done exactly once.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
    time::Duration,
};

use countermand::{
    app::{retention, verification},
    domain::event::{Action, Event, Subject},
    store::{Database, StoreError, schema::broadcasts},
};
use diesel::{PgConnection, connection::SimpleConnection, prelude::*};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    recalls::stage::{CSRF, Stage},
    support::{
        app::{Answer, Browser},
        db::TestDb,
    },
};

/// Somebody who holds every write up: another process with the file's lock, another session with a lock on the table.
enum Holder {
    Process(Child),
    Session(Box<PgConnection>),
}

impl Holder {
    fn hold(database: &Database) -> Self {
        match database {
            Database::Sqlite(path) => {
                let code = "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=10)\nc.execute('BEGIN IMMEDIATE')\nprint('held', flush=True)\nsys.stdin.readline()\nc.execute('ROLLBACK')\nprint('free', flush=True)";
                let mut child = Command::new("python3").arg("-c").arg(code).arg(path).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
                let mut line = String::new();
                BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
                assert_eq!(line, "held\n");
                Self::Process(child)
            }
            Database::Postgres(url) => {
                let mut conn = PgConnection::establish(url).unwrap();
                conn.batch_execute("BEGIN; LOCK TABLE log_pending, idempotency, jobs IN SHARE ROW EXCLUSIVE MODE").unwrap();
                Self::Session(Box::new(conn))
            }
        }
    }

    fn release(self) {
        match self {
            Self::Process(mut child) => {
                child.stdin.take().unwrap().write_all(b"\n").unwrap();
                assert!(child.wait().unwrap().success());
            }
            Self::Session(mut conn) => conn.batch_execute("ROLLBACK").unwrap(),
        }
    }
}

async fn post(base: &str, token: &str, connection: &str, n: usize) -> Answer {
    let program = Browser::new(base).with_header("authorization", &format!("Bearer {token}")).with_header("idempotency-key", &format!("key-{n}"));
    let body = json!({ "connection": connection, "title": format!("通知 {n}"), "text": "正文", "audience": "all" }).to_string();
    program.send(Method::POST, "/api/v1/broadcasts", Some("application/json"), Some(body)).await
}

async fn how_many(stage: &Stage) -> i64 {
    stage.app.store.read(|conn| Ok(broadcasts::table.count().get_result(conn)?)).await.unwrap()
}

async fn events(stage: &Stage, action: &'static str) -> i64 {
    use countermand::store::schema::log_search;
    let read = stage.app.store.read(move |conn| Ok(log_search::table.filter(log_search::action.eq(action)).count().get_result(conn)?));
    read.await.unwrap()
}

#[actix_web::test]
async fn beyond_the_queue_it_is_503_and_all_who_were_let_in_are_done_once() {
    for db in TestDb::each() {
        let database = db.database.clone();
        let stage = Stage::set_on(db, |options| options.queue = 2).await;
        let cast = stage.cast().await;
        let case = stage.case(&cast).await;
        let reviewer = stage.browser(&cast.reviewer).await;
        let token = stage.token(None, &["broadcast.send"]).await;
        let version = stage.loaded(&case).await.row.version.to_string();
        let (there, sent) = (how_many(&stage).await, events(&stage, "broadcast.submitted").await);

        let holder = Holder::hold(&database);
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..12 {
            let (base, token, connection) = (stage.base.clone(), token.clone(), stage.connection.clone());
            tasks.spawn(async move { (n, post(&base, &token, &connection, n).await) });
        }
        tokio::time::sleep(Duration::from_millis(1000)).await;
        let code = stage.code(&cast.reviewer);
        let fields =
            [("csrf", CSRF), ("nonce", "n-1"), ("decision", "approve"), ("comment", "情况属实"), ("totp", &code), ("version", version.as_str())];
        let page = reviewer.post(&format!("/recalls/{case}/decisions"), &fields).await;
        holder.release();
        assert_eq!(page.status, 503, "{}", page.body);
        assert_eq!(page.headers.get("retry-after").unwrap(), "1");
        assert!(page.body.contains("暂时无法服务") && page.body.contains("情况属实") && page.body.contains("再次提交"), "{}", page.body);

        let (mut made, mut again) = (BTreeSet::new(), Vec::new());
        while let Some(done) = tasks.join_next().await {
            let (n, answer) = done.unwrap();
            match answer.status.as_u16() {
                201 => assert!(made.insert(id(&answer)), "two requests, two broadcasts"),
                503 => {
                    assert!(answer.headers.contains_key("retry-after"));
                    assert_eq!(answer.headers.get("content-type").unwrap(), "application/problem+json");
                    assert!(answer.body.contains("urn:countermand:problem:503"), "{}", answer.body);
                    again.push(n);
                }
                other => panic!("{other} {}", answer.body),
            }
        }
        assert!(!made.is_empty() && !again.is_empty(), "{} let in, {} turned away", made.len(), again.len());
        let new = i64::try_from(made.len()).unwrap();
        assert_eq!(
            (how_many(&stage).await, events(&stage, "broadcast.submitted").await),
            (there + new, sent + new),
            "who was turned away left nothing"
        );

        for n in again {
            let answer = post(&stage.base, &token, &stage.connection, n).await;
            assert_eq!(answer.status, 201, "the same request, once there is room: {}", answer.body);
            assert!(made.insert(id(&answer)));
        }
        assert_eq!((how_many(&stage).await, events(&stage, "broadcast.submitted").await), (there + 12, sent + 12));
        let decided = reviewer.post(&format!("/recalls/{case}/decisions"), &fields).await;
        assert_eq!(decided.status, 303, "what was kept, sent again: {}", decided.body);
        assert!(stage.app.store.verify(&Default::default()).unwrap().ok);
    }
}

fn id(answer: &Answer) -> String {
    serde_json::from_str::<Value>(&answer.body).unwrap()["id"].as_str().unwrap().to_owned()
}

/// Somebody holds the database for longer than a write waits: 503, nothing done, and it works again when they let go.
#[actix_web::test]
async fn a_database_that_somebody_holds_is_503_and_comes_back() {
    for db in TestDb::each() {
        let database = db.database.clone();
        let stage = Stage::set_on(db, |_| {}).await;
        let token = stage.token(None, &["broadcast.send"]).await;
        let there = how_many(&stage).await;
        let holder = Holder::hold(&database);
        let answer = post(&stage.base, &token, &stage.connection, 1).await;
        assert_eq!(answer.status, 503, "{}", answer.body);
        assert_eq!(answer.headers.get("retry-after").unwrap(), "5");
        assert_eq!(Browser::new(&stage.base).get("/readyz").await.status, 503);
        holder.release();
        assert_eq!(how_many(&stage).await, there);
        assert_eq!(post(&stage.base, &token, &stage.connection, 1).await.status, 201);
        assert_eq!(how_many(&stage).await, there + 1);
    }
}

/// A bug in one write: whoever asked for it is told that something broke, and nothing inside; the others notice nothing.
#[actix_web::test]
async fn a_write_that_panics_takes_no_request_down() {
    for db in TestDb::each() {
        let stage = Stage::set_on(db, |_| {}).await;
        let token = stage.token(None, &["broadcast.send"]).await;
        let (there, store) = (how_many(&stage).await, stage.app.store.clone());
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..12 {
            let (base, token, connection, store) = (stage.base.clone(), token.clone(), stage.connection.clone(), store.clone());
            tasks.spawn(async move {
                let broken = store.write(move |tx| {
                    tx.enqueue("nothing", "panicked", &json!({}), tx.now())?;
                    if n >= 0 { panic!("a bug") } else { Ok(()) }
                });
                let (answer, broken) = tokio::join!(post(&base, &token, &connection, usize::try_from(n).unwrap()), broken);
                assert!(matches!(broken, Err(StoreError::Panicked)), "{broken:?}");
                assert_eq!(answer.status, 201, "{}", answer.body);
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
        assert_eq!(how_many(&stage).await, there + 12);
        assert!(stage.app.store.verify(&Default::default()).unwrap().ok);
    }
}

#[actix_web::test]
async fn a_clock_that_was_set_back_makes_no_job_run_over_and_over() {
    let stage = Stage::set().await;
    retention::schedule(&stage.app).await.unwrap();
    verification::schedule(&stage.app).await.unwrap();
    // A host whose clock ran ten months ahead wrote into the log; then somebody set it right.
    let ahead = Duration::from_secs(300 * 86_400);
    stage.clock.advance(ahead);
    stage.app.store.write(|tx| tx.append(Event::system(Action::SettingChanged, Subject::new("setting", "t")))).await.unwrap();
    stage.clock.set_back(ahead);
    let stopped = tokio::time::sleep(Duration::from_secs(4));
    countermand::jobs::serve(stage.app.clone(), stopped).await;
    for (action, times) in [("retention.applied", 1), ("log.verified", 2)] {
        assert!(events(&stage, action).await <= times, "{action} happened {} times", events(&stage, action).await);
    }
    assert_eq!(events(&stage, "retention.applied").await, 1, "it was due, and was done");
}
