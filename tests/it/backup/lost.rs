//! More was signed after the backup, or nobody can say: the restored log does not sign again as if nothing had happened.

use std::path::PathBuf;

use countermand::{
    ledger::checkpoint::{self, Vkey},
    store::{Options, Store, StoreError, reader, verify::Against},
};
use reqwest::{StatusCode, header};
use serde_json::Value;

use super::stage::{back_up, lose_database, newest_in, node, passphrase_in, said, work};
use crate::support::{db::TestDb, process::Node};

/// An installation whose backup is older than what was signed last.
struct Lost {
    db: TestDb,
    folder: tempfile::TempDir,
    backup: PathBuf,
    /// A checkpoint from before the backup.
    early: String,
    /// The last checkpoint of the lost log.
    last: String,
    vkey: Vkey,
}

impl Lost {
    fn all() -> Vec<Self> {
        TestDb::each().into_iter().map(Self::of).collect()
    }

    fn of(db: TestDb) -> Self {
        work(&db.open(), 2);
        let folder = tempfile::tempdir().unwrap();
        let backup = back_up(&node(&db), folder.path());
        let store = db.open();
        let early = store.read_now(|c| Ok((0..9).find_map(|at| reader::checkpoint_at(c, at).unwrap()).unwrap())).unwrap();
        work(&store, 3);
        let vkey = store.vkey().unwrap();
        drop(store);
        let last = std::fs::read_to_string(db.path().join("log/checkpoint")).unwrap();
        Self { db: lose_database(db), folder, backup, early, last, vkey }
    }

    fn node(&self) -> Node {
        node(&self.db)
    }

    fn restore(&self, more: &[&str]) -> std::process::Output {
        let mut arguments = vec!["restore", self.backup.to_str().unwrap()];
        arguments.extend(more);
        self.node().run(&arguments)
    }

    /// What the lost log signed is signed by nobody else over other events: no checkpoint by its key is over more than the backup holds.
    fn is_not_forked(&self) {
        let store = self.db.open();
        let size = checkpoint::open(&self.last, &self.vkey).unwrap().size;
        let notes: Vec<String> = store.read_now(|c| Ok((0..200).filter_map(|at| reader::checkpoint_at(c, at).unwrap()).collect())).unwrap();
        assert!(!notes.is_empty());
        for note in notes.iter().filter_map(|note| checkpoint::open(note, &self.vkey).ok()) {
            assert!(note.size < size - 2, "{note:?}");
        }
    }
}

#[test]
fn a_log_that_signed_more_after_the_backup_is_restored_to_be_read_and_nothing_else() {
    for lost in Lost::all() {
        let node = lost.node();
        let restored = lost.restore(&["--json"]);
        assert_eq!(restored.status.code(), Some(1), "{}", said(&restored));
        let object: Value = serde_json::from_slice(&restored.stdout).unwrap();
        assert!(object["read_only"].as_str().unwrap().contains("restored or rolled back"), "{object}");
        assert!(said(&restored).contains("ledger renew"), "{}", said(&restored));
        // It is not the day for anything that writes.
        for arguments in [
            &["user", "add", "--username", "zhang", "--display-name", "张三", "--role", "requester"][..],
            &["token", "add", "--name", "mirror", "--scope", "log.read"],
            &["backup", "--out", "/tmp/never.backup"],
        ] {
            let refused = node.run(arguments);
            assert_ne!(refused.status.code(), Some(0), "{arguments:?}");
            assert!(said(&refused).contains("can only be read until `ledger renew`"), "{}", said(&refused));
        }
        let worker = node.run(&["work"]);
        assert!(worker.status.code() == Some(2) && said(&worker).contains("can only be read"), "{}", said(&worker));
        // The log says what it lacks, and is otherwise whole: it can be looked at, proven and published.
        let verified = node.run(&["ledger", "verify", "--json"]);
        let report: Value = serde_json::from_slice(&verified.stdout).unwrap();
        let problems = report["problems"].as_array().unwrap();
        let size = checkpoint::open(&lost.last, &lost.vkey).unwrap().size;
        assert!(problems.iter().any(|p| p["kind"] == "fork") && problems.iter().all(|p| p["index"] == size), "{report}");
        assert!(node.run(&["ledger", "proof", "--index", "1"]).status.success());
        let tiles = lost.folder.path().join("tiles");
        let published = node.run(&["ledger", "publish", "--out", tiles.to_str().unwrap()]);
        assert!(published.status.success() && tiles.join("checkpoint").exists(), "{}", said(&published));
        assert!(matches!(lost.db.open().checkpoint_now(), Err(StoreError::Behind)));
        lost.is_not_forked();
    }
}

#[actix_web::test]
async fn a_server_on_a_log_that_lies_behind_says_so_in_both_languages() {
    let db = TestDb::each().into_iter().next().unwrap();
    let (lost, token) = actix_web::rt::task::spawn_blocking(move || {
        drop(db.open());
        let token = node(&db).json(&["token", "add", "--name", "mirror", "--scope", "log.read", "--json"]);
        let lost = Lost::of(db);
        lost.restore(&[]);
        (lost, token["token"].as_str().unwrap().to_owned())
    })
    .await
    .unwrap();
    let server = lost.node().serve();
    let http = reqwest::Client::builder().pool_max_idle_per_host(0).no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let page = http.get(format!("{}/sign-in", server.base)).send().await.unwrap();
    assert_eq!(page.status(), StatusCode::OK);
    for (language, words) in [("zh-CN", "现在只能查阅"), ("en", "lies behind what the log has signed")] {
        let csrf = countermand::crypto::token::fresh().0;
        let post = http
            .post(format!("{}/sessions", server.base))
            .header(header::ACCEPT_LANGUAGE, language)
            .header(header::COOKIE, format!("pre={csrf}"))
            .form(&[("csrf", csrf.as_str()), ("username", "zhang"), ("password", "correct horse")]);
        let res = post.send().await.unwrap();
        assert_eq!(res.status(), StatusCode::SERVICE_UNAVAILABLE);
        let body = res.text().await.unwrap();
        assert!(body.contains(words) && body.contains("countermand ledger renew"), "{body}");
    }
    // What leaves no event can be read: mirrors go on from what they have.
    let mirrored = http.get(format!("{}/log/checkpoint", server.base)).bearer_auth(token).send().await.unwrap();
    assert_eq!(mirrored.status(), StatusCode::OK);
    assert!(checkpoint::open(&mirrored.text().await.unwrap(), &lost.vkey).unwrap().size > 0);
    let ready = http.get(format!("{}/readyz", server.base)).send().await.unwrap();
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ready.json::<Value>().await.unwrap()["database"], "read_only");
}

#[test]
fn where_nothing_outside_is_known_nothing_is_restored_unless_a_new_log_is_asked_for() {
    for lost in Lost::all() {
        let elsewhere = if lost.db.url().is_some() { TestDb::postgres().unwrap() } else { TestDb::sqlite() };
        let passphrase = passphrase_in(lost.folder.path());
        let with = ["restore", lost.backup.to_str().unwrap(), "--passphrase-file", &passphrase];
        let node = node(&elsewhere);
        let refused = node.run(&with);
        assert_eq!(refused.status.code(), Some(1));
        assert!(said(&refused).contains("--against FILE") && said(&refused).contains("--new-log"), "{}", said(&refused));
        assert!(!elsewhere.path().join("keys").exists() && !elsewhere.path().join("countermand.db").exists());
        // Somebody kept the last checkpoint: then it is known that the backup is too old.
        let kept = lost.folder.path().join("kept");
        // One from before the backup says nothing of what came after it.
        std::fs::write(&kept, &lost.early).unwrap();
        let mut against = with.to_vec();
        against.extend(["--against", kept.to_str().unwrap()]);
        let refused = node.run(&against);
        assert!(refused.status.code() == Some(1) && said(&refused).contains("not newer than the backup"), "{}", said(&refused));
        let foreign = {
            let other = TestDb::sqlite();
            work(&other.open(), 9);
            std::fs::read_to_string(other.path().join("log/checkpoint")).unwrap()
        };
        std::fs::write(&kept, foreign).unwrap();
        let refused = node.run(&against);
        assert!(refused.status.code() == Some(2) && said(&refused).contains("not one of the log in this backup"), "{}", said(&refused));
        std::fs::write(&kept, &lost.last).unwrap();
        let reason = lost.folder.path().join("reason");
        std::fs::write(&reason, "机房失火，磁盘全毁\n").unwrap();
        let mut new_log = with.to_vec();
        new_log.extend(["--new-log", "--reason-file", reason.to_str().unwrap(), "--json"]);
        let done = node.json(&new_log);
        assert!(done["read_only"].is_null() && done["vkey"].as_str() != Some(lost.vkey.to_string().as_str()), "{done}");
        let report = node.json(&["ledger", "verify", "--json"]);
        assert_eq!(report["ok"], true, "{report}");
        let store = elsewhere.open();
        let keys = store.keys().clone();
        let reasons = store.read_now(move |c| {
            let mut found = Vec::new();
            for event in reader::events_from(c, 0, 1000)?.iter().filter(|e| e.leaf.action == "log.renewed") {
                found.extend(reader::parts_of(c, &keys, &event.leaf.id)?.into_iter().filter(|p| p.name == "text"));
            }
            Ok(found)
        });
        let reasons = reasons.unwrap();
        assert!(reasons.len() == 1 && String::from_utf8_lossy(&reasons[0].value).contains("机房失火，磁盘全毁"), "{reasons:?}");
        drop(store);
        // What the lost log signed beyond the backup is not in it, and an auditor who has that sees it.
        let audited = node.run(&["ledger", "verify", "--against", kept.to_str().unwrap()]);
        assert_eq!(audited.status.code(), Some(1), "{}", said(&audited));
    }
}

/// The copy that the backup itself has left in a folder, and the checkpoint that the backup holds, are nothing that was seen after it.
#[test]
fn the_backups_own_checkpoint_tells_nothing_of_what_came_after() {
    for lost in Lost::all() {
        let elsewhere = if lost.db.url().is_some() { TestDb::postgres().unwrap() } else { TestDb::sqlite() };
        let (passphrase, node) = (passphrase_in(lost.folder.path()), node(&elsewhere));
        let size = newest_in(&lost.backup);
        let mut zip = zip::ZipArchive::new(std::fs::File::open(&lost.backup).unwrap()).unwrap();
        let own = std::io::read_to_string(zip.by_name("checkpoint").unwrap()).unwrap();
        let kept = lost.folder.path().join("own");
        std::fs::write(&kept, &own).unwrap();
        std::fs::create_dir(elsewhere.path().join("log")).unwrap();
        std::fs::write(elsewhere.path().join("log/checkpoint"), &own).unwrap();
        let restore = |more: &[&str]| {
            let mut arguments = vec!["restore", lost.backup.to_str().unwrap(), "--passphrase-file", &passphrase];
            arguments.extend(more);
            node.run(&arguments)
        };
        let refused = restore(&["--against", kept.to_str().unwrap()]);
        assert!(refused.status.code() == Some(1) && said(&refused).contains(&format!("--newest {size}")), "{}", said(&refused));
        assert!(!elsewhere.path().join("keys").exists());
        // A word that is not the backup's, and one against what is known.
        let refused = restore(&["--newest", &(size + 1).to_string()]);
        let words = format!("the last checkpoint in this backup is over {size} events");
        assert!(refused.status.code() == Some(2) && said(&refused).contains(&words), "{}", said(&refused));
        std::fs::write(&kept, &lost.last).unwrap();
        let refused = restore(&["--against", kept.to_str().unwrap(), "--newest", &size.to_string()]);
        assert!(refused.status.code() == Some(2) && said(&refused).contains("that the backup does not hold"), "{}", said(&refused));
        let behind = restore(&["--against", kept.to_str().unwrap()]);
        assert!(behind.status.code() == Some(1) && said(&behind).contains("it can only be read"), "{}", said(&behind));
    }
}

/// What is known outside is known; a new log is begun on the backup all the same.
#[test]
fn a_new_log_may_be_asked_for_at_once() {
    for lost in Lost::all() {
        let done = lost.restore(&["--new-log", "--json"]);
        assert!(done.status.success(), "{}", said(&done));
        let told: Value = serde_json::from_slice(&done.stdout).unwrap();
        assert_ne!(told["vkey"], lost.vkey.to_string());
        assert_eq!(lost.node().json(&["ledger", "verify", "--json"])["ok"], true);
        lost.is_not_forked();
    }
}

#[test]
fn a_new_log_goes_on_from_what_is_left_and_the_old_proofs_still_hold() {
    for lost in Lost::all() {
        assert_eq!(lost.restore(&[]).status.code(), Some(1));
        let node = lost.node();
        let before = node.run(&["ledger", "proof", "--index", "1"]);
        let renewed = node.json(&["ledger", "renew", "--json"]);
        assert_eq!(renewed["old"], lost.vkey.to_string());
        let size = renewed["size"].as_u64().unwrap();
        let report = node.json(&["ledger", "verify", "--json"]);
        assert!(report["ok"] == true && report["size"].as_u64() == Some(size + 1), "{report}");
        // Work goes on, under the new key.
        let store = lost.db.open();
        assert_eq!(store.vkey().unwrap().to_string(), renewed["vkey"]);
        work(&store, 2);
        let (event, parts) = store
            .read_now({
                let keys = store.keys().clone();
                move |c| {
                    let event = reader::event(c, size)?;
                    let parts = reader::parts_of(c, &keys, &event.leaf.id)?;
                    Ok((event, parts))
                }
            })
            .unwrap();
        assert_eq!(event.leaf.action, "log.renewed");
        assert_eq!(Some(event.leaf.subject.id.as_str()), lost.vkey.name().rsplit('/').next());
        let detail: Value = serde_json::from_slice(&parts.iter().find(|p| p.name == "detail").unwrap().value).unwrap();
        let known = checkpoint::open(&lost.last, &lost.vkey).unwrap();
        assert_eq!(detail["before"]["checkpoint"]["size"].as_u64(), Some(known.size), "{detail}");
        assert_eq!(detail["before"]["checkpoint"]["root"], hex::encode(known.root), "{detail}");
        // The old log's last checkpoint in the backup, and what was proven by it, belong to the same events.
        let old = String::from_utf8(before.stdout).unwrap();
        let old = old[old.find("\n\n").unwrap() + 2..].to_owned();
        let old = checkpoint::open(&old, &lost.vkey).unwrap();
        let root = store.read_now(move |c| Ok(countermand::ledger::tree::root(&reader::TileReader::new(c), old.size).unwrap())).unwrap();
        assert_eq!(root, old.root);
        assert!(store.verify(&Against::default()).unwrap().ok);
        drop(store);
        lost.is_not_forked();
        // The old copy is kept, and the log that goes on wants no other.
        let kept = format!("log/checkpoint.{}", lost.vkey.name().rsplit('/').next().unwrap());
        assert_eq!(std::fs::read_to_string(lost.db.path().join(kept)).unwrap(), lost.last);
        let again = node.run(&["ledger", "renew"]);
        assert!(again.status.code() == Some(1) && said(&again).contains("can go on from where it is"), "{}", said(&again));
        // A backup of the new log is a backup like any other.
        let file = lost.folder.path().join("later.backup");
        let passphrase = passphrase_in(lost.folder.path());
        node.json(&["backup", "--out", file.to_str().unwrap(), "--with-keys", "--passphrase-file", &passphrase, "--json"]);
        let target = TestDb::sqlite();
        let newest = newest_in(&file).to_string();
        let there = super::stage::node(&target);
        there.json(&["restore", file.to_str().unwrap(), "--passphrase-file", &passphrase, "--newest", &newest, "--json"]);
        assert_eq!(there.json(&["ledger", "verify", "--json"])["ok"], true);
        // The key of the log that has ended is known there too.
        assert_eq!(std::fs::read_to_string(target.path().join("keys/former")).unwrap(), format!("{}\n", lost.vkey));
    }
}

/// Each row that a renewal leaves is bound: the former key, the checkpoints on either side.
#[test]
fn what_a_renewal_left_cannot_be_changed_unseen() {
    use diesel::{Connection, RunQueryDsl, SqliteConnection, connection::SimpleConnection, sql_query};
    let lost = Lost::of(TestDb::sqlite());
    lost.restore(&[]);
    let old = countermand::crypto::keyring::Keyring::open(lost.db.path(), false).unwrap();
    lost.node().json(&["ledger", "renew", "--json"]);
    let mut raw = SqliteConnection::establish(lost.db.path().join("countermand.db").to_str().unwrap()).unwrap();
    raw.batch_execute("PRAGMA busy_timeout=5000").unwrap();
    let other = Vkey::new("x/countermand/y", lost.vkey.key()).unwrap();
    let name = lost.vkey.to_string();
    raw.batch_execute("CREATE TEMP TABLE kept AS SELECT * FROM log_keys WHERE id = 1").unwrap();
    for (change, back) in [
        ("DELETE FROM log_keys WHERE id = 1".to_owned(), "INSERT INTO log_keys SELECT * FROM kept".to_owned()),
        (format!("UPDATE log_keys SET vkey = '{other}' WHERE id = 1"), format!("UPDATE log_keys SET vkey = '{name}' WHERE id = 1")),
        ("UPDATE log_keys SET id = 3 WHERE id = 1".to_owned(), "UPDATE log_keys SET id = 1 WHERE id = 3".to_owned()),
    ] {
        assert_eq!(sql_query(&change).execute(&mut raw), Ok(1));
        let report = lost.node().run(&["ledger", "verify", "--json"]);
        let report: Value = serde_json::from_slice(&report.stdout).unwrap();
        assert!(report["problems"].as_array().unwrap().iter().any(|p| p["table"] == "log_keys"), "{change}: {report}");
        assert_eq!(sql_query(&back).execute(&mut raw), Ok(1));
    }
    assert_eq!(lost.node().json(&["ledger", "verify", "--json"])["ok"], true);
    // The old key over an event after its end, and the present one over events before its beginning.
    let (before, after) = (lost.db.path().join("log/checkpoint"), lost.vkey.name().to_owned());
    let note = std::fs::read_to_string(&before).unwrap();
    let now = lost.db.open();
    let head = checkpoint::open(&note, &now.vkey().unwrap()).unwrap();
    let late = checkpoint::Checkpoint { origin: after, ..head.clone() }.sign(&old.log).unwrap();
    let first: i64 = checkpoint_sizes(&mut raw)[0];
    let root = now.read_now(move |c| Ok(countermand::ledger::tree::root(&reader::TileReader::new(c), first as u64).unwrap())).unwrap();
    let early = checkpoint::Checkpoint { size: first as u64, root, ..head }.sign(&now.keys().log).unwrap();
    drop(now);
    for (size, forged) in [("(SELECT max(size) FROM log_checkpoints)".to_owned(), late), (first.to_string(), early)] {
        use diesel::sql_types::Text;
        let kept = note_of_size(&mut raw, &size);
        let put = |raw: &mut SqliteConnection, note: &str| {
            sql_query(format!("UPDATE log_checkpoints SET note = ? WHERE size = {size}")).bind::<Text, _>(note).execute(raw)
        };
        assert_eq!(put(&mut raw, &forged), Ok(1));
        let report = lost.node().run(&["ledger", "verify", "--json"]);
        let report: Value = serde_json::from_slice(&report.stdout).unwrap();
        let named = |p: &Value| p["table"] == "log_checkpoints" && p["detail"].as_str().unwrap().contains("key of another part");
        assert!(report["problems"].as_array().unwrap().iter().any(named), "{report}");
        assert_eq!(put(&mut raw, &kept), Ok(1));
    }
    assert_eq!(lost.node().json(&["ledger", "verify", "--json"])["ok"], true);
}

/// Nothing is built on a log that does not hold.
#[test]
fn a_log_that_was_changed_is_not_renewed() {
    use diesel::{Connection, RunQueryDsl, SqliteConnection, connection::SimpleConnection, sql_query};
    let lost = Lost::of(TestDb::sqlite());
    lost.restore(&[]);
    let mut raw = SqliteConnection::establish(lost.db.path().join("countermand.db").to_str().unwrap()).unwrap();
    raw.batch_execute("PRAGMA busy_timeout=5000").unwrap();
    assert_eq!(sql_query("UPDATE log_search SET actor_id = 'other' WHERE idx = 1").execute(&mut raw), Ok(1));
    let refused = lost.node().run(&["ledger", "renew"]);
    assert!(refused.status.code() == Some(1) && said(&refused).contains("does not hold: log_search"), "{}", said(&refused));
    assert!(!lost.db.path().join("keys/log.key.next").exists());
    assert!(lost.db.open().behind().is_some());
}

#[test]
fn without_its_copy_of_the_last_checkpoint_a_log_does_not_sign() {
    for db in TestDb::each() {
        let store = db.open();
        work(&store, 2);
        let (node, folder) = (node(&db), tempfile::tempdir().unwrap());
        let copy = db.path().join("log/checkpoint");
        let older = std::fs::read_to_string(&copy).unwrap();
        work(&store, 1);
        let newest = std::fs::read_to_string(&copy).unwrap();
        let write = |name: &str, note: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, note).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let (older, newest) = (write("older", &older), write("newest", &newest));
        let none_needed = node.run(&["ledger", "accept", "--against", &newest]);
        assert!(none_needed.status.code() == Some(1) && said(&none_needed).contains("nothing has to be accepted"), "{}", said(&none_needed));
        std::fs::remove_file(&copy).unwrap();
        // A server that is up finds out before it signs again.
        work_unsigned(&store);
        assert!(matches!(store.checkpoint_now(), Err(StoreError::Fork(why)) if why.contains("log/checkpoint is missing")));
        drop(store);
        let refused = Store::open(db.options()).err().unwrap();
        assert!(matches!(&refused, StoreError::Fork(why) if why.contains("ledger accept --against FILE")), "{refused}");
        assert!(!copy.exists());
        let foreign = {
            let other = TestDb::sqlite();
            work(&other.open(), 9);
            write("foreign", &std::fs::read_to_string(other.path().join("log/checkpoint")).unwrap())
        };
        for (file, words) in [(&older, "older than the last one"), (&foreign, "not a checkpoint of this log")] {
            let refused = node.run(&["ledger", "accept", "--against", file]);
            assert!(refused.status.code() == Some(1) && said(&refused).contains(words), "{}", said(&refused));
            assert!(!copy.exists());
        }
        let accepted = node.run(&["ledger", "accept", "--against", &newest]);
        assert!(accepted.status.success(), "{}", said(&accepted));
        let report = node.json(&["ledger", "verify", "--json"]);
        assert_eq!(report["ok"], true, "{report}");
        work(&db.open(), 1);
    }
}

/// The hole that was there: an older database is put back and the copy is deleted.
#[test]
fn an_older_database_whose_copy_was_deleted_does_not_sign_again_and_says_what_to_do() {
    let db = TestDb::sqlite();
    let path = db.path().join("countermand.db");
    work(&db.open(), 2);
    std::thread::sleep(std::time::Duration::from_millis(100));
    let old = db.path().join("old.db");
    let mut raw = <diesel::SqliteConnection as diesel::Connection>::establish(path.to_str().unwrap()).unwrap();
    diesel::connection::SimpleConnection::batch_execute(&mut raw, &format!("PRAGMA busy_timeout=5000; VACUUM INTO '{}'", old.display())).unwrap();
    drop(raw);
    work(&db.open(), 3);
    let newest = std::fs::read_to_string(db.path().join("log/checkpoint")).unwrap();
    db.wait_until_closed();
    std::fs::copy(&old, &path).unwrap();
    std::fs::remove_file(db.path().join("log/checkpoint")).unwrap();
    assert!(matches!(Store::open(db.options()), Err(StoreError::Fork(_))));
    // Somebody kept the newest: it shows that the database was put back, and that is where a new log is the only way.
    let kept = db.path().join("kept");
    std::fs::write(&kept, newest).unwrap();
    let refused = node(&db).run(&["ledger", "accept", "--against", kept.to_str().unwrap()]);
    assert!(refused.status.code() == Some(1) && said(&refused).contains("restored or rolled back"), "{}", said(&refused));
    let renewed = node(&db).json(&["ledger", "renew", "--json"]);
    assert!(renewed["size"].as_u64() > Some(2), "{renewed}");
    work(&db.open(), 1);
    assert_eq!(node(&db).json(&["ledger", "verify", "--json"])["ok"], true);
}

/// A node that joins brings the keys and a checkpoint; the keys alone could be those of an older state.
#[test]
fn another_node_needs_the_checkpoint_with_the_keys() {
    let Some(db) = TestDb::postgres() else { return };
    work(&db.open(), 1);
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("keys")).unwrap();
    for key in ["envelope.key", "log.key", "log-mldsa.key"] {
        std::fs::copy(db.path().join("keys").join(key), folder.path().join("keys").join(key)).unwrap();
    }
    let options = || Options::new(db.database.clone(), folder.path());
    assert!(matches!(Store::open(options()), Err(StoreError::Fork(why)) if why.contains("is missing")));
    std::fs::create_dir(folder.path().join("log")).unwrap();
    std::fs::copy(db.path().join("log/checkpoint"), folder.path().join("log/checkpoint")).unwrap();
    work(&Store::open(options()).unwrap(), 1);
}

/// What was sealed under the old key is still told from a forgery; what is exported now is under the new one.
#[test]
fn bundles_of_the_log_before_are_trusted_still() {
    for db in TestDb::each() {
        let told = node(&db).json(&["demo", "--once", "--json"]);
        let folder = tempfile::tempdir().unwrap();
        let backup = back_up(&node(&db), folder.path());
        let db = lose_database(db);
        let node = node(&db);
        let renewed = node.json(&["restore", backup.to_str().unwrap(), "--new-log", "--json"]);
        let bundle = told["bundle"].as_str().unwrap();
        let trusted = node.run(&["evidence", "verify", bundle]);
        assert!(trusted.status.success(), "{}", said(&trusted));
        let pinned = node.run(&["evidence", "verify", bundle, "--log-key", renewed["vkey"].as_str().unwrap()]);
        assert_eq!(pinned.status.code(), Some(1), "{}", said(&pinned));
        let events = told["events"].to_string();
        for at in [vec![], vec!["--at", &events]] {
            let out = folder.path().join("case.zip");
            let mut export = vec!["evidence", "export", "--case", told["case"].as_str().unwrap(), "--out", out.to_str().unwrap()];
            export.extend(at);
            let exported = node.run(&export);
            assert!(exported.status.success(), "{}", said(&exported));
            let verified = node.run(&["evidence", "verify", out.to_str().unwrap(), "--log-key", renewed["vkey"].as_str().unwrap()]);
            assert!(verified.status.success(), "{}", said(&verified));
        }
    }
}

/// A crash between what a renewal commits and the key's taking its place.
#[test]
fn a_renewal_that_was_cut_off_after_its_commit_is_finished_by_the_next_start() {
    for lost in Lost::all() {
        lost.restore(&[]);
        let keys = lost.db.path().join("keys");
        let old = std::fs::read(keys.join("log.key")).unwrap();
        let renewed = lost.node().json(&["ledger", "renew", "--json"]);
        // As it was before the last two steps.
        std::fs::rename(keys.join("log.key"), keys.join("log.key.next")).unwrap();
        std::fs::write(keys.join("log.key"), old).unwrap();
        std::fs::write(lost.db.path().join("log/checkpoint"), &lost.last).unwrap();
        let store = lost.db.open();
        assert_eq!(store.vkey().unwrap().to_string(), renewed["vkey"]);
        work(&store, 1);
        assert!(!keys.join("log.key.next").exists());
        assert!(store.verify(&Against::default()).unwrap().ok);
    }
}

fn checkpoint_sizes(raw: &mut diesel::SqliteConnection) -> Vec<i64> {
    use countermand::store::schema::log_checkpoints;
    use diesel::prelude::*;
    log_checkpoints::table.order(log_checkpoints::seq).select(log_checkpoints::size).load(raw).unwrap()
}

fn note_of_size(raw: &mut diesel::SqliteConnection, size: &str) -> String {
    use countermand::store::schema::log_checkpoints;
    use diesel::{dsl::sql, prelude::*, sql_types::Bool};
    log_checkpoints::table.filter(sql::<Bool>(&format!("size = {size}"))).select(log_checkpoints::note).first(raw).unwrap()
}

fn work_unsigned(store: &Store) {
    use countermand::domain::event::{Action, Event, Subject};
    store.write_now(|tx| tx.append(Event::system(Action::SettingChanged, Subject::new("setting", "unsigned")))).unwrap();
    // On PostgreSQL it takes its place a moment later.
    let size = || store.read_now(reader::head).unwrap().size();
    let before = size();
    (0..40).take_while(|_| size() == before).for_each(|_| std::thread::sleep(std::time::Duration::from_millis(25)));
}
