//! Real processes on one log: two servers and the shell's commands on one SQLite file; two servers and a worker on one PostgreSQL. Many
//! write at once, the process that gives events their index is killed in the middle, and another goes on. No event is lost or doubled,
//! and nobody has to decide twice.

use std::{collections::BTreeMap, fs, sync::Arc, time::Duration};

use countermand::{
    clock::{Clock, SystemClock},
    crypto::totp,
    store::{Database, reader},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{db::TestDb, process::Node};

/// How many people decide, each their own case.
const DECIDERS: usize = 6;
const REPORTS: usize = 40;

/// A program with a token; every server that it knows will do.
#[derive(Clone)]
struct Program {
    http: reqwest::Client,
    token: String,
}

impl Program {
    fn new(node: &Node, user: &str, scopes: &[&str]) -> Self {
        let mut arguments = vec!["token", "add", "--json", "--name", user, "--user", user];
        scopes.iter().for_each(|s| arguments.extend(["--scope", s]));
        let token = node.json(&arguments)["token"].as_str().unwrap().to_owned();
        let http = reqwest::Client::builder().pool_max_idle_per_host(0).no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
        Self { http, token }
    }

    /// `None`: the server is gone, or went while it answered.
    async fn send(&self, method: Method, base: &str, path: &str, body: Option<&Value>, key: &str) -> Option<(StatusCode, Value)> {
        let mut request = self.http.request(method, format!("{base}/api/v1{path}")).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").header("idempotency-key", key).body(body.to_string());
        }
        let res = request.send().await.ok()?;
        let status = res.status();
        Some((status, serde_json::from_slice(&res.bytes().await.ok()?).unwrap_or_default()))
    }

    async fn get(&self, base: &str, path: &str) -> Value {
        self.send(Method::GET, base, path, None, "").await.unwrap().1
    }
}

/// What the servers gave and what must be found in the end.
#[derive(Default)]
struct Acknowledged {
    reports: Vec<String>,
    doubtful: usize,
}

fn report(n: usize) -> Value {
    json!({ "channel": "微信群", "sent_at": SystemClock.now().to_rfc3339(), "audience": ["张三", "李四"], "text": format!("原文 {n}") })
}

/// Reports to one server, and to the other when it has gone; a report that may or may not have been made is in doubt.
async fn reporter(program: Program, bases: [String; 2], n: usize) -> Option<String> {
    let (key, body) = (format!("report-{n}"), report(n));
    for base in bases.iter().cycle().skip(n % 2).take(6) {
        match program.send(Method::POST, base, "/reports", Some(&body), &key).await {
            Some((StatusCode::CREATED, made)) => return Some(made["id"].as_str().unwrap().to_owned()),
            Some((StatusCode::CONFLICT, _)) => return None,
            Some((StatusCode::SERVICE_UNAVAILABLE, _)) | None => tokio::time::sleep(Duration::from_millis(100)).await,
            Some((status, problem)) => panic!("{status} {problem}"),
        }
    }
    None
}

/// Decides once, as a person does: looks at the case when the answer did not come, and decides again only if it says that nobody has.
async fn decider(program: Program, bases: [String; 2], case: String, secret: Vec<u8>) {
    let code = totp::code(&secret, SystemClock.now());
    let body = json!({ "decision": "approve", "comment": "情况属实，同意撤回", "totp": code });
    let path = format!("/recalls/{case}/decisions");
    for (n, base) in bases.iter().chain([&bases[1], &bases[1], &bases[1]]).enumerate() {
        match program.send(Method::POST, base, &path, Some(&body), &format!("{case}-{n}")).await {
            Some((StatusCode::OK, _)) => return,
            Some((StatusCode::SERVICE_UNAVAILABLE, _)) | None => {}
            Some((status, problem)) => panic!("{status} {problem}"),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        if !program.get(&bases[1], &format!("/recalls/{case}")).await["levels"][0]["decision"].is_null() {
            return;
        }
    }
    panic!("{case} was never decided");
}

fn add(node: &Node, username: &str, role: &str) -> Vec<u8> {
    let secret = totp::fresh_secret();
    let file = node.data.join(format!("{username}.totp"));
    fs::write(&file, totp::base32(&secret)).unwrap();
    let file = file.to_str().unwrap();
    let person = ["--username", username, "--display-name", username, "--role", role, "--department", "人力资源部"];
    node.json(&[&["user", "add", "--json", "--totp-secret-file", file], &person[..]].concat());
    secret
}

#[actix_web::test]
async fn processes_share_a_log_and_one_of_them_is_killed() {
    for db in TestDb::each() {
        story(&db).await;
    }
}

async fn story(db: &TestDb) {
    let first = Node { data: db.path().to_owned(), database: db.database.clone() };
    let deciders: Vec<(String, Vec<u8>)> =
        (0..DECIDERS).map(|n| (format!("reviewer{n}"), add(&first, &format!("reviewer{n}"), "department_reviewer"))).collect();
    add(&first, "requester", "requester");
    add(&first, "lawyer", "legal_reviewer");
    add(&first, "executive", "final_approver");
    let requester = Program::new(&first, "requester", &["broadcast.send", "recall.request", "recall.read"]);
    let people: Vec<Program> = deciders.iter().map(|(name, _)| Program::new(&first, name, &["recall.decide", "recall.read"])).collect();

    // On PostgreSQL the second node has a folder of its own, with the installation's keys; on SQLite it is a second process on the file.
    let folder = tempfile::tempdir().unwrap();
    let second = match db.database {
        Database::Sqlite(_) => first.clone(),
        Database::Postgres(_) => first.beside(folder.path()),
    };
    // The first one up has the sequencer.
    let (mut a, b) = (first.serve(), second.serve());
    let _worker = second.work();
    let bases = [a.base.clone(), b.base.clone()];

    let mut cases = Vec::new();
    for n in 0..=DECIDERS {
        let (_, made) = requester.send(Method::POST, &bases[n % 2], "/reports", Some(&report(1000 + n)), &format!("first-{n}")).await.unwrap();
        let wanted = json!({ "broadcast": made["id"], "category": "leak", "reason": "收件范围误选为全体员工" });
        let (status, case) = requester.send(Method::POST, &bases[(n + 1) % 2], "/recalls", Some(&wanted), &format!("case-{n}")).await.unwrap();
        assert_eq!(status, StatusCode::CREATED, "{case}");
        cases.push(case["id"].as_str().unwrap().to_owned());
    }
    // The last case is closed, so that its evidence can be exported while all this goes on.
    let closed = cases.pop().unwrap();
    let withdrawn = json!({ "reason": "对方已自行撤回" });
    assert_eq!(
        requester.send(Method::POST, &b.base, &format!("/recalls/{closed}/withdrawal"), Some(&withdrawn), "w").await.unwrap().0,
        StatusCode::OK
    );

    let mut reports = tokio::task::JoinSet::new();
    for n in 0..REPORTS {
        reports.spawn(reporter(requester.clone(), bases.clone(), n));
    }
    let mut decisions = tokio::task::JoinSet::new();
    for ((program, (_, secret)), case) in people.iter().zip(&deciders).zip(&cases) {
        decisions.spawn(decider(program.clone(), bases.clone(), case.clone(), secret.clone()));
    }
    let shell = Arc::new(second.clone());
    let commands = tokio::task::spawn_blocking({
        let (shell, closed, out) = (shell.clone(), closed.clone(), folder.path().join("bundle.zip"));
        move || {
            for n in 0..3 {
                add(&shell, &format!("newcomer{n}"), "requester");
            }
            let exported = |_| shell.run(&["evidence", "export", "--case", &closed, "--out", out.to_str().unwrap()]).status.success();
            (0..20).any(|n| {
                std::thread::sleep(Duration::from_millis(if n == 0 { 0 } else { 500 }));
                exported(n)
            })
        }
    });
    tokio::time::sleep(Duration::from_millis(400)).await;
    a.kill();

    let mut acknowledged = Acknowledged::default();
    while let Some(done) = reports.join_next().await {
        match done.unwrap() {
            Some(id) => acknowledged.reports.push(id),
            None => acknowledged.doubtful += 1,
        }
    }
    while let Some(done) = decisions.join_next().await {
        done.unwrap();
    }
    assert!(commands.await.unwrap(), "evidence was exported");

    // The other one has taken over: a new event gets its index.
    let mut indexed = false;
    for n in 0..50 {
        let (status, made) = requester.send(Method::POST, &b.base, "/reports", Some(&report(2000 + n)), &format!("after-{n}")).await.unwrap();
        assert_eq!(status, StatusCode::CREATED, "{made}");
        acknowledged.reports.push(made["id"].as_str().unwrap().to_owned());
        indexed = made["receipt"]["index"].is_u64();
        if indexed {
            break;
        }
    }
    assert!(indexed, "nobody gives events their index any more");
    judged(db, &second, &acknowledged, &cases).await;
}

/// The log holds, and holds exactly what was acknowledged.
async fn judged(db: &TestDb, node: &Node, acknowledged: &Acknowledged, cases: &[String]) {
    let verified = node.json(&["ledger", "verify", "--json"]);
    assert_eq!(verified["ok"], true, "{verified}");
    let store = db.open();
    let events = store.read(|conn| reader::events_from(conn, 0, 100_000)).await.unwrap();
    let mut found: BTreeMap<(String, String), usize> = BTreeMap::new();
    for event in events.iter().filter(|e| e.leaf.outcome == "success") {
        *found.entry((event.leaf.action.clone(), event.leaf.subject.id.clone())).or_default() += 1;
    }
    let of = |action: &str, id: &str| found.get(&(action.to_owned(), id.to_owned())).copied().unwrap_or_default();
    for id in &acknowledged.reports {
        assert_eq!(of("broadcast.reported", id), 1, "{id}");
    }
    let reported: usize = found.iter().filter(|((action, _), _)| action == "broadcast.reported").map(|(_, n)| n).sum();
    let known = acknowledged.reports.len() + DECIDERS + 1;
    assert!((known..=known + acknowledged.doubtful).contains(&reported), "{reported} reports in the log, {known} known");
    for case in cases {
        let decided = events.iter().filter(|e| e.leaf.action == "recall.decided" && e.leaf.case.as_deref() == Some(case));
        assert_eq!(decided.map(|e| e.leaf.outcome.as_str()).collect::<Vec<_>>(), ["success"], "{case}");
    }
    let users = node.json(&["user", "list", "--json"]);
    let names: Vec<&str> = users["users"].as_array().unwrap().iter().map(|u| u["username"].as_str().unwrap()).collect();
    assert!((0..3).all(|n| names.iter().filter(|u| **u == format!("newcomer{n}")).count() == 1), "{names:?}");
}
