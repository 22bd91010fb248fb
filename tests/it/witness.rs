//! Witnesses: what one answers over HTTP, our log as a client of several, and a database that was put back to an older state.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use countermand::{
    app::{App, witness},
    config::Config,
    crypto::sha256,
    domain::event::{Action, Event, Subject},
    ledger::{
        checkpoint::{Checkpoint, Note, Vkey},
        cosignature::{Cosigner, cosign},
        tree::{Memory, consistency, leaf_hash, root},
        witness::Request,
    },
    store::{Database, Store, StoreError, verify::Against},
};
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};

use crate::{
    ledger::{hashes, log},
    support::db::TestDb,
};

/// A witness as a process of its own.
struct Process {
    child: Child,
    url: String,
    vkey: String,
}

impl Process {
    fn start(folder: &Path, name: &str, logs: &[String]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countermand"));
        command.args(["witness", "serve", "--json", "--listen", "127.0.0.1:0", "--name", name, "--data"]).arg(folder).env("RUST_LOG", "error");
        for log in logs {
            command.args(["--log", log]);
        }
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        let text = |key: &str| said[key].as_str().unwrap().to_owned();
        Self { child, url: text("url"), vkey: text("vkey") }
    }

    async fn add(&self, body: impl Into<String>) -> (u16, String, String) {
        let answer = reqwest::Client::new().post(format!("{}/add-checkpoint", self.url)).body(body.into()).send().await.unwrap();
        let kind = answer.headers().get("content-type").map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default();
        (answer.status().as_u16(), kind, answer.text().await.unwrap())
    }

    async fn newest(&self, origin: &str) -> (u16, String) {
        let answer = reqwest::get(format!("{}/{}/checkpoint", self.url, hex::encode(sha256(origin.as_bytes())))).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const ORIGIN: &str = "example.com/countermand/1";

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn note(size: u64, root: [u8; 32]) -> String {
    Checkpoint { origin: ORIGIN.to_owned(), size, root }.sign(&key()).unwrap()
}

fn request(tree: &Memory, old: u64, size: u64) -> Request {
    let proof = if old == 0 || old == size { Vec::new() } else { consistency(tree, old, size).unwrap() };
    Request { old, proof, checkpoint: note(size, root(tree, size).unwrap()) }
}

#[tokio::test]
async fn a_witness_cosigns_one_history_and_remembers_it() {
    let folder = tempfile::tempdir().unwrap();
    let ours = Vkey::new(ORIGIN, &key().verifying_key()).unwrap().to_string();
    let witness = Process::start(folder.path(), "witness.example/1", std::slice::from_ref(&ours));
    let cosigner = Cosigner::parse(&witness.vkey).unwrap();
    let tree = log(300);
    assert_eq!(witness.newest(ORIGIN).await.0, 404);

    let holds = |checkpoint: &str, line: &str| {
        let whole = format!("{checkpoint}{line}");
        let seen = cosigner.verify(&Note::parse(&whole).unwrap()).unwrap();
        assert!(seen > 1_700_000_000, "{seen}");
        whole
    };
    let first = request(&tree, 0, 100);
    let (status, _, line) = witness.add(first.to_text()).await;
    assert_eq!(status, 200, "{line}");
    assert_eq!(witness.newest(ORIGIN).await, (200, holds(&first.checkpoint, &line)));
    let next = request(&tree, 100, 257);
    let (status, _, line) = witness.add(next.to_text()).await;
    assert_eq!(status, 200);
    holds(&next.checkpoint, &line);
    // The same again is a fresh word for the same head.
    let again = request(&tree, 257, 257);
    assert_eq!(witness.add(again.to_text()).await.0, 200);

    // Whatever does not extend what it has seen is refused, and changes nothing.
    let other: Memory = (0..300).map(|n: u64| leaf_hash(&[n as u8, 9])).collect();
    let forged = |old: u64, size: u64| Request { proof: consistency(&other, old, size).unwrap(), ..request(&other, 0, size) };
    let stranger =
        Checkpoint { origin: ORIGIN.to_owned(), size: 260, root: root(&tree, 260).unwrap() }.sign(&SigningKey::from_bytes(&[8; 32])).unwrap();
    let elsewhere = Checkpoint { origin: "example.com/other".to_owned(), size: 1, root: hashes(1)[0] }.sign(&key()).unwrap();
    let with = |old, proof, checkpoint: &str| Request { old, proof, checkpoint: checkpoint.to_owned() }.to_text();
    for (what, body, status) in [
        ("another history", Request { old: 257, ..forged(257, 300) }.to_text(), 422),
        ("the same size with another root", with(257, vec![], &note(257, root(&other, 257).unwrap())), 422),
        ("no proof", with(257, vec![], &request(&tree, 0, 300).checkpoint), 422),
        ("a proof too many", with(257, vec![[0; 32]], &request(&tree, 0, 257).checkpoint), 422),
        ("from nothing with a proof", with(0, vec![[0; 32]], &request(&tree, 0, 300).checkpoint), 409),
        ("an old size that is not its own", request(&tree, 100, 300).to_text(), 409),
        ("back to before", request(&tree, 0, 50).to_text(), 409),
        ("old beyond new", Request { old: 257, proof: vec![], checkpoint: request(&tree, 0, 100).checkpoint }.to_text(), 400),
        ("another key", with(257, consistency(&tree, 257, 260).unwrap(), &stranger), 403),
        ("another log", with(0, vec![], &elsewhere), 404),
        ("no request", "old 1".to_owned(), 400),
        ("no number", request(&tree, 257, 300).to_text().replacen("old 257", "old 0257", 1), 400),
        ("no note", "old 257\n\nnothing\n".to_owned(), 400),
        ("too long a proof", with(257, vec![[1; 32]; 64], &request(&tree, 0, 300).checkpoint), 400),
    ] {
        let (found, kind, said) = witness.add(body).await;
        assert_eq!(found, status, "{what}: {said}");
        if status == 409 {
            assert_eq!((kind.as_str(), said.as_str()), ("text/x.tlog.size", "257\n"), "{what}");
        }
    }
    let kept = witness.newest(ORIGIN).await.1;
    assert!(kept.starts_with(&format!("{ORIGIN}\n257\n")), "{kept}");
    assert_eq!(witness.newest("example.com/other").await.0, 404);

    // A second one in the folder could cosign a second history.
    let second = Command::new(env!("CARGO_BIN_EXE_countermand"))
        .args(["witness", "serve", "--listen", "127.0.0.1:0", "--log", &ours, "--data"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&second.stderr).contains("another witness works in this folder"));
    // Killed and started anew it is the same witness, and has forgotten nothing.
    let vkey = witness.vkey.clone();
    witness.kill();
    let witness = Process::start(folder.path(), "witness.example/1", std::slice::from_ref(&ours));
    assert_eq!((witness.vkey.as_str(), witness.newest(ORIGIN).await.1), (vkey.as_str(), kept));
    assert_eq!(witness.add(request(&tree, 0, 300).to_text()).await.0, 409);
    assert_eq!(witness.add(request(&tree, 257, 300).to_text()).await.0, 200);
}

#[test]
fn a_witness_that_cannot_begin_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let ours = Vkey::new(ORIGIN, &key().verifying_key()).unwrap().to_string();
    let run = |arguments: &[&str]| {
        let out = Command::new(env!("CARGO_BIN_EXE_countermand"))
            .args(["witness", "serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder.path())
            .args(arguments)
            .output()
            .unwrap();
        (out.status.code(), String::from_utf8(out.stderr).unwrap())
    };
    for (arguments, said) in [
        (&["--log", &ours][..], "a new witness needs its --name"),
        (&["--name", "w.example/1", "--log", "nonsense"], "a verifier key reads name+hash+base64"),
        (&["--name", "w.example/2", "--log", &ours], "this witness is called w.example/1"),
        (&["--name", "w.example/1"], "--log"),
    ] {
        let (code, err) = run(arguments);
        assert!(code == Some(2) && err.contains(said), "{arguments:?}: {code:?} {err}");
    }
    std::fs::write(folder.path().join("witness.key"), "00").unwrap();
    let (code, err) = run(&["--log", &ours]);
    assert!(code == Some(2) && err.contains("damaged"), "{err}");
}

/// An application over `db` with a policy of these witnesses.
fn app(db: &TestDb, store: Store, witnesses: &[&Process], quorum: &str) -> App {
    let lines: String = witnesses.iter().zip(["a", "b", "c"]).map(|(w, name)| format!("witness {name} {} {}\n", w.vkey, w.url)).collect();
    let names: Vec<&str> = ["a", "b", "c"].into_iter().take(witnesses.len()).collect();
    let policy = db.path().join("witnesses.policy");
    std::fs::write(&policy, format!("{lines}group g {quorum} {}\nquorum g\n", names.join(" "))).unwrap();
    let mut config = Config { data: db.path().to_owned(), ..Config::default() };
    config.witness.policy = Some("witnesses.policy".into());
    App::new(store, config)
}

async fn grow(store: &Store, events: usize) {
    let grown = store.write(move |tx| {
        for n in 0..events {
            tx.append(Event::system(Action::SettingChanged, Subject::new("setting", "s")).detail(json!({ "n": n })))?;
        }
        Ok(())
    });
    grown.await.unwrap();
    crate::retention::settled(store);
    store.checkpoint().await.unwrap();
}

async fn count(store: &Store, action: &'static str) -> i64 {
    use countermand::store::schema::log_search;
    use diesel::prelude::*;
    crate::retention::settled(store);
    store.read(move |conn| Ok(log_search::table.filter(log_search::action.eq(action)).count().get_result(conn)?)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn our_log_is_cosigned_by_a_quorum_and_one_that_is_away_holds_nothing_up() {
    for db in TestDb::each() {
        let store = db.open();
        let ours = store.vkey().unwrap().to_string();
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let start = |n: usize| Process::start(folders[n].path(), &format!("w{n}.example/x"), std::slice::from_ref(&ours));
        let (one, two) = (start(0), start(1));
        let app_ = app(&db, store.clone(), &[&one, &two], "all");
        grow(&store, 3).await;
        assert!(witness::round(&app_).await.unwrap());
        let newest = async |app: &App| {
            let caller = countermand::app::Caller::shell();
            countermand::app::published::newest(app, Some(&caller)).await.unwrap()
        };
        let cosigned = |note: &str| {
            let note = Note::parse(note).unwrap();
            [&one, &two].iter().filter(|w| Cosigner::parse(&w.vkey).unwrap().verify(&note).is_ok()).count()
        };
        assert_eq!(cosigned(&newest(&app_).await), 2);
        // From then on with a proof, also over tiles.
        grow(&store, 600).await;
        assert_eq!(cosigned(&newest(&app_).await), 0, "a new head is nobody's yet");
        assert!(witness::round(&app_).await.unwrap());
        assert_eq!(cosigned(&newest(&app_).await), 2);
        let size = store.read(countermand::store::reader::head).await.unwrap().size();
        assert!(witness::round(&app_).await.unwrap());
        crate::retention::settled(&store);
        assert_eq!(store.read(countermand::store::reader::head).await.unwrap().size(), size, "being cosigned leaves no event");

        // One goes away: one event, however often it is asked, and the quorum is missing.
        let vkey = two.vkey.clone();
        two.kill();
        grow(&store, 1).await;
        for _ in 0..3 {
            assert!(!witness::round(&app_).await.unwrap());
        }
        assert_eq!((count(&store, "witness.lost").await, count(&store, "witness.returned").await), (1, 0));
        let (standing, enough) = witness::standing(&app_, size).await.unwrap();
        assert!(enough && standing[0].problem.is_none() && standing[1].problem.is_some(), "{standing:?}");
        // Another address, the same witness: it is asked where the policy says.
        let two = start(1);
        assert_eq!(two.vkey, vkey);
        let app_ = app(&db, store.clone(), &[&one, &two], "all");
        store.checkpoint().await.unwrap();
        assert!(witness::round(&app_).await.unwrap());
        assert_eq!((count(&store, "witness.lost").await, count(&store, "witness.returned").await), (1, 1));
        // Any one of them is enough where the policy says so.
        let away = Process { child: Command::new("true").spawn().unwrap(), url: "http://127.0.0.1:9".to_owned(), vkey: two.vkey.clone() };
        let app_ = app(&db, store.clone(), &[&one, &away], "any");
        grow(&store, 1).await;
        assert!(witness::round(&app_).await.unwrap());
        // What somebody else answers in its name is not believed.
        let liar = Process { child: Command::new("true").spawn().unwrap(), url: one.url.clone(), vkey: two.vkey.clone() };
        let app_ = app(&db, store.clone(), &[&liar], "all");
        grow(&store, 1).await;
        assert!(!witness::round(&app_).await.unwrap());
    }
}

/// A witness that comes with another key is another: what the first one signed counts no more and is not handed out, and is no fault either.
/// What is forged is neither handed out nor passed by `ledger verify`.
#[tokio::test(flavor = "multi_thread")]
async fn only_lines_by_the_key_that_the_settings_name_count_and_are_handed_out() {
    for db in TestDb::each() {
        let store = db.open();
        let ours = store.vkey().unwrap().to_string();
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let start = |n: usize| Process::start(folders[n].path(), "w.example/x", std::slice::from_ref(&ours));
        let (one, two) = (start(0), start(1));
        grow(&store, 3).await;
        let before = app(&db, store.clone(), &[&one], "all");
        assert!(witness::round(&before).await.unwrap());
        let size = store.read(countermand::store::reader::head).await.unwrap().size();
        let handed = async |app: &App| {
            let note = countermand::app::published::newest(app, Some(&countermand::app::Caller::shell())).await.unwrap();
            let by = |w: &Process| Cosigner::parse(&w.vkey).unwrap().verify(&Note::parse(&note).unwrap()).is_ok();
            (by(&one), by(&two), note.matches("w.example/x").count())
        };
        let holds = |app: &App| {
            let report = store.verify(&Against { witnesses: app.witnesses.policy.keys(), ..Against::default() }).unwrap();
            assert!(report.ok, "{:?}", report.problems);
        };
        assert_eq!((handed(&before).await, witness::standing(&before, size).await.unwrap().1), ((true, false, 1), true));
        let after = app(&db, store.clone(), &[&two], "all");
        assert_eq!((handed(&after).await, witness::standing(&after, size).await.unwrap().1), ((false, false, 0), false));
        holds(&after);
        grow(&store, 1).await;
        assert!(witness::round(&after).await.unwrap());
        assert_eq!(handed(&after).await, (false, true, 1));
        holds(&after);
        // And back again.
        let again = app(&db, store.clone(), &[&one], "all");
        grow(&store, 1).await;
        assert!(witness::round(&again).await.unwrap());
        assert_eq!(handed(&again).await, (true, false, 1));
        holds(&again);
        // Where the settings name it no more, its line is known by the key that it was asked under.
        let nobody = App::new(store.clone(), Config { data: db.path().to_owned(), ..Config::default() });
        assert_eq!(handed(&nobody).await, (true, false, 1));

        std::fs::write(db.path().join("countermand.toml"), "witness.policy = \"witnesses.policy\"\n").unwrap();
        let node = crate::support::process::Node { data: db.path().to_owned(), database: db.database.clone() };
        let run = |arguments: &[&str]| {
            let out = node.run(arguments);
            (out.status.code(), String::from_utf8(out.stdout).unwrap() + &String::from_utf8(out.stderr).unwrap())
        };
        let (code, said) = run(&["ledger", "verify"]);
        assert_eq!(code, Some(0), "{said}");
        let note = store.newest_note().unwrap();
        let forged = cosign(Note::parse(&note).unwrap().text(), "w.example/x", &key(), 1_800_000_000).unwrap();
        let mut raw = crate::tamper::Raw::open(&db);
        let line = raw.literal(&hex::encode(&forged), "t");
        assert_eq!(raw.execute(&format!("UPDATE log_cosignatures SET line = {line} WHERE size = (SELECT max(size) FROM log_cosignatures)")), Ok(1));
        assert_eq!(handed(&again).await, (false, false, 0));
        assert_eq!(handed(&nobody).await, (false, false, 0));
        let (code, said) = run(&["ledger", "checkpoint"]);
        assert!(code == Some(0) && said.starts_with(note.trim_end()) && !said.contains(forged.trim_end()), "{code:?} {said}");
        let (code, said) = run(&["ledger", "verify"]);
        assert!(code == Some(1) && said.contains("cosignature\tlog_cosignatures") && said.contains("cosignature\twitnesses"), "{code:?} {said}");
    }
}

/// The database and the copy of its checkpoint as they are now, for somebody who puts them back later.
struct Saved {
    database: std::path::PathBuf,
    copy: std::path::PathBuf,
}

impl Saved {
    fn of(db: &TestDb) -> Self {
        use diesel::{Connection, RunQueryDsl, connection::SimpleConnection};
        let Database::Sqlite(path) = &db.database else { unreachable!() };
        let saved = Self { database: db.path().join("an-hour-ago.db"), copy: db.path().join("checkpoint-an-hour-ago") };
        let mut conn = diesel::SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        conn.batch_execute("PRAGMA busy_timeout=5000").unwrap();
        diesel::sql_query(format!("VACUUM INTO '{}'", saved.database.display())).execute(&mut conn).unwrap();
        std::fs::copy(db.path().join("log/checkpoint"), &saved.copy).unwrap();
        saved
    }

    fn put_back(&self, db: &TestDb) {
        let Database::Sqlite(path) = &db.database else { unreachable!() };
        db.wait_until_closed();
        std::fs::copy(&self.database, path).unwrap();
        std::fs::copy(&self.copy, db.path().join("log/checkpoint")).unwrap();
    }
}

/// As root: the database put back to an hour ago, and the copy of the checkpoint outside with it. The witness remembers.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_rolled_back_database_forgets_a_witness_remembers() {
    let db = TestDb::sqlite();
    let folder = tempfile::tempdir().unwrap();
    let (witness, saved) = {
        let store = db.open();
        let witness = Process::start(folder.path(), "w.example/x", &[store.vkey().unwrap().to_string()]);
        let app = app(&db, store.clone(), &[&witness], "all");
        grow(&store, 3).await;
        assert!(witness::round(&app).await.unwrap());
        let saved = Saved::of(&db);
        grow(&store, 2).await;
        assert!(witness::round(&app).await.unwrap());
        (witness, saved)
    };
    saved.put_back(&db);
    let store = db.open();
    let app = app(&db, store.clone(), &[&witness], "all");
    let said = witness::at_start(&app).await.unwrap_err();
    assert!(matches!(&said, countermand::app::AppError::Store(StoreError::Fork(_))), "{said}");
    // From then on it signs nothing, also where nobody asked at the start.
    store.write(|tx| tx.append(Event::system(Action::SettingChanged, Subject::new("setting", "s")))).await.unwrap();
    assert!(matches!(store.checkpoint().await, Err(StoreError::Fork(_))));
    drop((store, app));
    assert!(matches!(Store::open(db.options()), Err(StoreError::Fork(_))));
}

/// The whole folder put back, the witness away at the start, and the log grown past what the witness has seen: at its next word the fork is
/// found out all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_fork_that_has_outgrown_what_the_witness_saw_is_found_out() {
    let db = TestDb::sqlite();
    let folder = tempfile::tempdir().unwrap();
    let (witness, saved) = {
        let store = db.open();
        let witness = Process::start(folder.path(), "w.example/x", &[store.vkey().unwrap().to_string()]);
        let app = app(&db, store.clone(), &[&witness], "all");
        grow(&store, 3).await;
        let saved = Saved::of(&db);
        grow(&store, 2).await;
        assert!(witness::round(&app).await.unwrap());
        (witness, saved)
    };
    saved.put_back(&db);
    let store = db.open();
    grow(&store, 40).await;
    let app = app(&db, store.clone(), &[&witness], "all");
    let fork = |said: &countermand::app::AppError| matches!(said, countermand::app::AppError::Store(StoreError::Fork(_)));
    assert!(fork(&witness::round(&app).await.unwrap_err()));
    assert!(fork(&witness::at_start(&app).await.unwrap_err()));
    store.write(|tx| tx.append(Event::system(Action::SettingChanged, Subject::new("setting", "s")))).await.unwrap();
    assert!(matches!(store.checkpoint().await, Err(StoreError::Fork(_))));
}

/// The whole folder put back, with the keys of then: the witness has what only the keys since then have signed.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_to_before_new_keys_is_found_out() {
    let db = TestDb::sqlite();
    let folder = tempfile::tempdir().unwrap();
    let keys = |from: &str, to: &str| {
        std::fs::create_dir_all(db.path().join(to)).unwrap();
        for file in ["log.key", "log-mldsa.key"] {
            std::fs::copy(db.path().join(from).join(file), db.path().join(to).join(file)).unwrap();
        }
    };
    let (witness, saved) = {
        let store = db.open();
        grow(&store, 3).await;
        keys("keys", "keys-an-hour-ago");
        let saved = Saved::of(&db);
        store.rotate(std::time::Duration::from_secs(60), Event::system).unwrap();
        store.checkpoint().await.unwrap();
        store.retire(true, Event::system).unwrap();
        grow(&store, 2).await;
        let witness = Process::start(folder.path(), "w.example/x", &[store.vkey().unwrap().to_string()]);
        let app = app(&db, store.clone(), &[&witness], "all");
        assert!(witness::round(&app).await.unwrap());
        (witness, saved)
    };
    saved.put_back(&db);
    keys("keys-an-hour-ago", "keys");
    let store = db.open();
    let app = app(&db, store.clone(), &[&witness], "all");
    let said = witness::at_start(&app).await.unwrap_err();
    assert!(matches!(&said, countermand::app::AppError::Store(StoreError::Fork(_))), "{said}");
    store.write(|tx| tx.append(Event::system(Action::SettingChanged, Subject::new("setting", "s")))).await.unwrap();
    assert!(matches!(store.checkpoint().await, Err(StoreError::Fork(_))));
}

#[test]
fn a_policy_that_cannot_be_read_refuses_the_start() {
    let db = TestDb::one();
    drop(db.open());
    let with = |policy: Option<&str>| {
        std::fs::write(db.path().join("countermand.toml"), "witness.policy = \"w.policy\"\n").unwrap();
        let _ = std::fs::remove_file(db.path().join("w.policy"));
        if let Some(text) = policy {
            std::fs::write(db.path().join("w.policy"), text).unwrap();
        }
        let node = crate::support::process::Node { data: db.path().to_owned(), database: db.database.clone() };
        let out = node.run(&["ledger", "checkpoint"]);
        (out.status.code(), String::from_utf8(out.stderr).unwrap())
    };
    let key = Cosigner::of("w", &key()).unwrap().to_string();
    for (policy, said) in [
        (None, "w.policy"),
        (Some("nonsense\n".to_owned()), "line 1 of the witness policy"),
        (Some(format!("witness a {key} ftp://x\nquorum a\n")), "ftp://x is no http or https address"),
    ] {
        let (code, err) = with(policy.as_deref());
        assert!(code == Some(2) && err.contains(said), "{code:?} {err}");
    }
    let (code, err) = with(Some("quorum none\n"));
    assert_eq!(code, Some(0), "{err}");
}
