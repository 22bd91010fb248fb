//! An execution that waits until witnesses have seen the decision that ordered it: away, back, too late, and a leak, which never waits.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use countermand::{
    app::witness,
    config::{Overdue, Wait},
    ledger::{
        checkpoint::{Checkpoint, Note},
        cosignature::{Cosigner, cosign},
        witness::Request,
    },
    store::{
        reader,
        verify::{Against, Kind},
        witnesses,
    },
};
use ed25519_dalek::SigningKey;

use super::stage::{Cast, Stage};
use crate::{support::db::TestDb, tamper::Raw};

/// A witness that cosigns whatever it is shown, when it is there.
struct Emulated {
    address: SocketAddr,
    there: Arc<AtomicBool>,
    /// It takes the question and says nothing.
    silent: Arc<AtomicBool>,
}

const NAME: &str = "witness.example/emulated";

fn key() -> SigningKey {
    SigningKey::from_bytes(&[5; 32])
}

impl Emulated {
    fn away() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, there) = (listener.local_addr().unwrap(), Arc::new(AtomicBool::new(false)));
        let silent = Arc::new(AtomicBool::new(false));
        let (answers, waits) = (there.clone(), silent.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if waits.load(Ordering::Acquire) {
                    std::thread::sleep(Duration::from_secs(60));
                }
                serve(stream, answers.load(Ordering::Acquire));
            }
        });
        Self { address, there, silent }
    }

    fn returns(&self) {
        self.there.store(true, Ordering::Release);
    }
}

/// One request, one answer; a witness that is away hangs up.
fn serve(mut stream: TcpStream, there: bool) {
    let (mut said, mut chunk) = (Vec::new(), [0; 4096]);
    let whole = |said: &[u8]| {
        let text = String::from_utf8_lossy(said).into_owned();
        let (head, body) = text.split_once("\r\n\r\n")?;
        let length = head.lines().find_map(|l| l.to_ascii_lowercase().strip_prefix("content-length:").and_then(|n| n.trim().parse().ok()));
        (body.len() >= length.unwrap_or(0)).then(|| (head.to_owned(), body.to_owned()))
    };
    let (head, body) = loop {
        match whole(&said) {
            Some(request) => break request,
            None => match stream.read(&mut chunk) {
                Ok(n) if n > 0 => said.extend_from_slice(&chunk[..n]),
                _ => return,
            },
        }
    };
    if !there {
        return;
    }
    let (status, answer) = match Request::parse(&body).filter(|_| head.starts_with("POST")) {
        Some(request) => ("200 OK", cosign(Note::parse(&request.checkpoint).unwrap().text(), NAME, &key(), 1_800_000_000).unwrap()),
        None => ("404 Not Found", String::new()),
    };
    let _ = write!(stream, "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{answer}", answer.len());
}

async fn stage(overdue: Overdue) -> (Stage, Emulated, Cast) {
    stage_on(TestDb::one(), overdue).await
}

/// A case that was approved beyond what the witness has cosigned, which is away.
async fn approved_beyond(db: TestDb) -> (Stage, Emulated, String) {
    let (stage, witness, cast) = stage_on(db, Overdue::Expire).await;
    witness.returns();
    stage.app.store.checkpoint().await.unwrap();
    assert!(witness::round(&stage.app).await.unwrap());
    witness.there.store(false, Ordering::Release);
    let case = approved(&stage, &cast).await;
    stage.settle(3, 2).await;
    (stage, witness, case)
}

async fn stage_on(db: TestDb, overdue: Overdue) -> (Stage, Emulated, Cast) {
    let witness = Emulated::away();
    let policy = db.path().join("witnesses.policy");
    std::fs::write(&policy, format!("witness w {} http://{}\nquorum w\n", Cosigner::of(NAME, &key()).unwrap(), witness.address)).unwrap();
    let stage = Stage::set_with(
        db,
        |_| {},
        |config, _| {
            config.witness.policy = Some(policy);
            config.witness.wait = Wait::Decisions;
            config.witness.overdue = overdue;
        },
    )
    .await;
    let cast = stage.cast().await;
    (stage, witness, cast)
}

/// A case of a wrong fact, approved by all three; a leak is what the stage has.
async fn approved(stage: &Stage, cast: &Cast) -> String {
    let people = stage.recipients();
    let broadcast = stage.notice(&cast.requester, &people.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let fields = [("broadcast", broadcast.as_str()), ("category", "wrong_fact"), ("reason", "薪酬数字有误，须立即更正"), ("step", "submit")];
    let case = stage.post(&cast.requester, "/recalls", &fields).await.case();
    for who in [&cast.reviewer, &cast.lawyer, &cast.executive] {
        assert_eq!(stage.decide(who, &case, "approve").await.status, 303);
    }
    case
}

async fn marked(stage: &Stage, case: &str) -> bool {
    stage.trail(case).await.iter().any(|t| t == "recall.unwitnessed success")
}

#[actix_web::test]
async fn an_execution_waits_for_witnesses_that_are_away_and_begins_when_they_are_back() {
    let (stage, witness, cast) = stage(Overdue::Execute).await;
    let case = approved(&stage, &cast).await;
    stage.settle(3, 2).await;
    assert_eq!((stage.state(&case).await.as_str(), stage.emulator.count("message/recall")), ("approved", 0));
    let page = stage.get(&cast.requester, &format!("/recalls/{case}")).await.body;
    let note = page.split("id=\"waiting\">").nth(1).and_then(|rest| rest.split("</p>").next()).unwrap();
    assert!(note.contains("起等待见证节点") && note.contains("最迟于"), "{note}");
    witness.returns();
    stage.settle(3, 2).await;
    assert_eq!(stage.state(&case).await, "recall_accepted");
    assert!(!marked(&stage, &case).await);
    assert!(!stage.get(&cast.requester, &format!("/recalls/{case}")).await.body.contains("id=\"waiting\""));
}

/// Who writes to the database cannot make a quorum: not by saying how far the witness has come, not with lines and a key of his own, not with
/// a line of the witness's over something else, and not by putting the decision elsewhere.
#[actix_web::test]
async fn what_the_database_says_of_a_witness_lets_nothing_be_executed() {
    for db in TestDb::each() {
        let (stage, witness, case) = approved_beyond(db).await;
        assert_eq!(stage.state(&case).await, "approved");
        let mut raw = Raw::open(&stage.db);
        let literal = |raw: &Raw, text: &str| raw.literal(&hex::encode(text), "t");
        let note = stage.app.store.checkpoint().await.unwrap();
        let text = Note::parse(&note).unwrap().text().to_owned();
        let newest = Checkpoint::parse(&text).unwrap().size;
        let stranger = SigningKey::from_bytes(&[6; 32]);
        let forged = cosign(&text, NAME, &stranger, 1_800_000_000).unwrap();
        let elsewhere = cosign(&text.replacen(&newest.to_string(), "9999", 1), NAME, &key(), 1_800_000_000).unwrap();
        let line =
            |raw: &Raw, line: &str| format!("INSERT INTO log_cosignatures (size, witness, line) VALUES ({newest}, '{NAME}', {})", literal(raw, line));
        let undo = format!("DELETE FROM log_cosignatures WHERE size = {newest}");
        let old = format!("INSERT INTO log_cosignatures (size, witness, line) SELECT {newest}, witness, line FROM log_cosignatures");
        let changes = [
            ("UPDATE witnesses SET size = 1000000, problem = NULL".to_owned(), Some("witnesses")),
            (old, Some("log_cosignatures")),
            (undo.clone(), None),
            (line(&raw, &elsewhere), Some("log_cosignatures")),
            (undo, None),
            (line(&raw, &forged), Some("log_cosignatures")),
            (format!("UPDATE witnesses SET vkey = '{}'", Cosigner::of(NAME, &stranger).unwrap()), Some("log_cosignatures")),
        ];
        for (change, table) in changes {
            assert_eq!(raw.execute(&change), Ok(1), "{change}");
            let standing = witness::standing(&stage.app, newest).await.unwrap();
            assert!(!standing.1 && standing.0[0].size < newest, "{change}: {standing:?}");
            let (keys, bare) = (stage.app.witnesses.policy.keys(), note.clone());
            let handed = stage.app.store.read(move |conn| witnesses::cosigned(conn, newest, bare, &keys)).await.unwrap();
            assert_eq!(handed, note, "{change}");
            let against = Against { witnesses: stage.app.witnesses.policy.keys(), ..Against::default() };
            let report = stage.app.store.verify(&against).unwrap();
            let named: Vec<_> = report.problems.iter().filter(|p| p.kind == Kind::Cosignature).map(|p| p.table).collect();
            assert_eq!((named.first().copied(), report.broken()), (table, None), "{change}: {:?}", report.problems);
            stage.settle(2, 2).await;
            assert_eq!((stage.state(&case).await.as_str(), stage.emulator.count("message/recall")), ("approved", 0), "{change}");
        }
        // Its own word is believed still.
        witness.returns();
        stage.settle(3, 2).await;
        assert_eq!(stage.state(&case).await, "recall_accepted");
    }
}

/// The decision is exchanged for an event that lies under what the witness has cosigned: that one is not the leaf in its tree.
#[actix_web::test]
async fn a_decision_that_was_moved_under_an_old_checkpoint_is_not_covered() {
    for db in TestDb::each() {
        let (stage, _witness, case) = approved_beyond(db).await;
        let last = stage.events(&case).await.into_iter().rev().find(|e| e.leaf.action == "recall.decided").unwrap();
        let covered = async |event: String| {
            let app = stage.app.clone();
            stage.app.store.read(move |conn| witness::covered(conn, &app, &event)).await.unwrap()
        };
        let first = stage.app.store.read(|conn| reader::event(conn, 1)).await.unwrap().leaf.id;
        assert_eq!((covered(first).await, covered(last.leaf.id.clone()).await), (true, false));
        let mut raw = Raw::open(&stage.db);
        for (from, to) in [(1, -1), (i64::try_from(last.index).unwrap(), 1)] {
            assert_eq!(raw.execute(&format!("UPDATE log_events SET idx = {to} WHERE idx = {from}")), Ok(1));
        }
        assert!(!covered(last.leaf.id.clone()).await);
    }
}

#[actix_web::test]
async fn a_silent_witness_holds_up_one_of_those_that_wait_and_it_not_for_long() {
    let (stage, witness, cast) = stage(Overdue::Expire).await;
    let first = approved(&stage, &cast).await;
    let second = approved(&stage, &stage.cast2(&cast).await).await;
    witness.silent.store(true, Ordering::Release);
    let began = std::time::Instant::now();
    stage.run().await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    for case in [&first, &second] {
        assert_eq!(stage.state(case).await, "approved");
    }
}

#[actix_web::test]
async fn witnesses_that_do_not_come_hold_an_execution_up_until_its_reserve_and_it_is_marked() {
    let (stage, _witness, cast) = stage(Overdue::Execute).await;
    let case = approved(&stage, &cast).await;
    let until = stage.loaded(&case).await.case.cut_off.unwrap();
    stage.clock.advance(until.since(stage.app.now()) - Duration::from_secs(30));
    stage.settle(2, 2).await;
    assert_eq!(stage.state(&case).await, "approved");
    stage.settle(20, 2).await;
    assert_eq!(stage.state(&case).await, "recall_accepted");
    assert!(marked(&stage, &case).await);
}

#[actix_web::test]
async fn a_leak_never_waits_and_is_marked_afterwards() {
    let (stage, witness, cast) = stage(Overdue::Expire).await;
    let case = stage.approved(&cast).await;
    stage.run().await;
    assert_eq!(stage.state(&case).await, "recall_accepted");
    assert!(marked(&stage, &case).await);
    // One that the witnesses had seen by then is not.
    witness.returns();
    stage.app.store.checkpoint().await.unwrap();
    let case = approved(&stage, &stage.cast2(&cast).await).await;
    stage.settle(3, 2).await;
    assert_eq!((stage.state(&case).await.as_str(), marked(&stage, &case).await), ("recall_accepted", false));
}

#[actix_web::test]
async fn where_nothing_is_executed_without_them_a_case_expires_with_its_window() {
    let (stage, _witness, cast) = stage(Overdue::Expire).await;
    let case = approved(&stage, &cast).await;
    let page = stage.get(&cast.requester, &format!("/recalls/{case}")).await.body;
    assert!(page.contains("未获见证不执行"));
    let end = stage.loaded(&case).await.case.window_end().unwrap();
    stage.clock.advance(end.since(stage.app.now()) - Duration::from_secs(5));
    stage.run().await;
    assert_eq!(stage.state(&case).await, "approved");
    stage.settle(5, 2).await;
    assert_eq!((stage.state(&case).await.as_str(), stage.emulator.count("message/recall")), ("expired", 0));
}

#[actix_web::test]
async fn who_halts_a_case_does_not_wait_for_witnesses() {
    let (stage, _witness, cast) = stage(Overdue::Execute).await;
    let case = approved(&stage, &cast).await;
    stage.run().await;
    assert_eq!(stage.state(&case).await, "approved");
    assert_eq!(
        stage
            .post(&cast.executive, &format!("/recalls/{case}/halts"), &[("reason", "情况有变，停止执行"), ("totp", &stage.code(&cast.executive))])
            .await
            .status,
        303
    );
    stage.settle(2, 2).await;
    assert_eq!((stage.state(&case).await.as_str(), stage.emulator.count("message/recall")), ("failed", 0));
}
