//! The keys that sign the log: the second signature beside the first, new keys for old ones, and what of it a stranger can check.

use std::time::Duration;

use countermand::{
    clock::{Instant, ManualClock},
    crypto::{keyring::Keyring, mldsa::MldsaKey},
    domain::event::Event,
    ledger::{
        checkpoint::{self, Checkpoint, Note, NoteError, Vkey, VkeyError},
        mldsa::{self, MldsaVkey},
        tree::{EMPTY_ROOT, Frontier},
    },
    store::{
        Database, Options, Store, StoreError,
        keys::RotateError,
        verify::{Against, inspect},
    },
};
use diesel::{Connection, PgConnection, SqliteConnection, connection::SimpleConnection};

use crate::support::{db::TestDb, process::Node};

/// Past the product.
pub fn execute(db: &TestDb, sql: &str) {
    match &db.database {
        Database::Sqlite(path) => {
            let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
            conn.batch_execute("PRAGMA busy_timeout=5000").unwrap();
            conn.batch_execute(sql).unwrap();
        }
        Database::Postgres(url) => PgConnection::establish(url).unwrap().batch_execute(sql).unwrap(),
    }
}

fn holds(store: &Store) {
    let report = store.verify(&Against::default()).unwrap();
    assert!(report.ok, "{:?}", report.problems);
}

/// What `ledger verify` says, each with its kind.
fn problems(db: &TestDb, against: &Against) -> Vec<String> {
    let report = inspect(&db.database, db.path(), against).unwrap();
    report.problems.iter().map(|p| format!("{:?} {}", p.kind, p.detail)).collect()
}

fn mldsa_of(store: &Store) -> MldsaVkey {
    MldsaVkey::parse(store.in_force().unwrap()[0].mldsa.as_deref().unwrap()).unwrap()
}

#[test]
fn the_second_signature_is_the_one_that_other_software_makes() {
    let kat: serde_json::Value = serde_json::from_str(include_str!("../mldsa.json")).unwrap();
    let text = |name: &str| kat[name].as_str().unwrap().to_owned();
    let bytes = |name: &str| -> [u8; 32] { hex::decode(text(name)).unwrap().try_into().unwrap() };
    let key = MldsaKey::from_seed(&bytes("seed"));
    let vkey = MldsaVkey::of(&text("origin"), &key).unwrap();
    assert_eq!(vkey.to_string(), text("vkey"));
    assert_eq!(MldsaVkey::parse(&text("vkey")).unwrap(), vkey);
    let head = Checkpoint { origin: text("origin"), size: kat["size"].as_u64().unwrap(), root: bytes("root") };
    let line = mldsa::sign(&head, &key, kat["time"].as_u64().unwrap()).unwrap();
    assert_eq!(line.trim_end(), text("line"));
    let note = format!("{}\n{line}", head.text());
    assert_eq!(vkey.verify(&Note::parse(&note).unwrap()), Ok(1_795_000_000));

    // The size, the root, the time, the signature, each changed.
    let bad = Err(NoteError::BadSignature(head.origin.clone()));
    for other in [Checkpoint { size: 1, ..head.clone() }, Checkpoint { root: [1; 32], ..head.clone() }] {
        assert_eq!(vkey.verify(&Note::parse(&format!("{}\n{line}", other.text())).unwrap()), bad);
    }
    let (start, body) = line.trim_end().rsplit_once(' ').unwrap();
    for at in [4, 11, 12, 2000] {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let mut blob = STANDARD.decode(body).unwrap();
        blob[at] ^= 1;
        let changed = format!("{}\n{start} {}\n", head.text(), STANDARD.encode(blob));
        assert_eq!(vkey.verify(&Note::parse(&changed).unwrap()), bad, "{at}");
    }
    // By nobody, and by another key.
    let signed = head.sign(&ed25519_dalek::SigningKey::from_bytes(&[7; 32])).unwrap();
    assert_eq!(vkey.verify(&Note::parse(&signed).unwrap()), Err(NoteError::NotSigned(head.origin.clone())));
    let other = mldsa::sign(&head, &MldsaKey::from_seed(&[9; 32]), 1).unwrap();
    assert_eq!(vkey.verify(&Note::parse(&(signed + &other)).unwrap()), Err(NoteError::NotSigned(head.origin.clone())));
}

#[test]
fn a_key_of_another_kind_is_told_apart() {
    let (ed, key) = (ed25519_dalek::SigningKey::from_bytes(&[7; 32]), MldsaKey::from_seed(&[7; 32]));
    let (vkey, mldsa) = (Vkey::new("log.example", &ed.verifying_key()).unwrap().to_string(), MldsaVkey::of("log.example", &key).unwrap().to_string());
    assert_eq!(Vkey::parse(&mldsa), Err(VkeyError::Type(6)));
    assert_eq!(MldsaVkey::parse(&vkey), Err(VkeyError::Type(1)));
    assert_eq!(MldsaVkey::parse(&mldsa.replace("log.example", "other.example")), Err(VkeyError::Hash));
    assert_eq!(MldsaVkey::parse("nonsense"), Err(VkeyError::Form));
    assert!(MldsaVkey::of("no name", &key).is_err());
    // A name longer than the signed message can say.
    let head = Checkpoint { origin: "x".repeat(256), size: 1, root: [1; 32] };
    assert!(matches!(mldsa::sign(&head, &key, 0), Err(NoteError::Form(_))));
}

#[test]
fn each_checkpoint_is_signed_twice_and_a_bad_second_signature_refuses_it() {
    for db in TestDb::each() {
        let store = db.open();
        let note = store.checkpoint_now().unwrap();
        let (vkey, mldsa) = (store.vkey().unwrap(), mldsa_of(&store));
        let parsed = Note::parse(&note).unwrap();
        assert_eq!(parsed.signatures().len(), 2);
        assert!(mldsa.verify(&parsed).unwrap() > 1_700_000_000);
        // Whoever knows the first key alone reads it as before.
        assert_eq!(checkpoint::open(&note, &vkey).unwrap().size, 2);
        holds(&store);
        let report = store.verify(&Against { vkeys: vec![vkey], mldsa: vec![mldsa.clone()], ..Against::default() }).unwrap();
        assert!(report.ok, "{:?}", report.problems);
        assert_eq!((report.keys.len(), report.keys[0].mldsa.as_deref()), (1, Some(mldsa.to_string().as_str())));
        drop(store);

        let stranger = MldsaVkey::of("log.example", &MldsaKey::from_seed(&[1; 32])).unwrap();
        let said = problems(&db, &Against { mldsa: vec![stranger.clone()], ..Against::default() });
        assert_eq!(said, [format!("Key no key of this log is the pinned {stranger}")]);
        // A right one after it makes a wrong one no better.
        let said = problems(&db, &Against { mldsa: vec![stranger.clone(), mldsa.clone()], ..Against::default() });
        assert_eq!(said, [format!("Key no key of this log is the pinned {stranger}")]);
        // One letter of the second signature, and the whole of it.
        let line = note.lines().last().unwrap();
        let other = if line.ends_with("AAA=") { "BBB=" } else { "AAA=" };
        let changed = note.replace(line, &format!("{}{other}", &line[..line.len() - 4]));
        execute(&db, &format!("UPDATE log_checkpoints SET note = '{changed}'"));
        let said = problems(&db, &Against::default());
        assert!(said.iter().any(|p| p.starts_with("Signature row 1: the signature by the key")), "{said:?}");
        let without = note.replace(&format!("{line}\n"), "");
        execute(&db, &format!("UPDATE log_checkpoints SET note = '{without}'"));
        let said = problems(&db, &Against::default());
        assert!(!said.iter().any(|p| p.contains("row 1 is not")) && said.iter().any(|p| p.contains("ML-DSA-44 signature is missing")), "{said:?}");
    }
}

/// An installation as it was before the second key: one log key, and rows that name no other.
fn older(db: &TestDb) -> Vkey {
    countermand::store::migrate::run(&db.database).unwrap();
    let keys = Keyring::open(db.path(), true).unwrap();
    std::fs::remove_file(db.path().join("keys/log-mldsa.key")).unwrap();
    let origin = "localhost/countermand/01935f00";
    let vkey = Vkey::new(origin, &keys.log.verifying_key()).unwrap();
    let blob = |bytes: &[u8]| match &db.database {
        Database::Sqlite(_) => format!("X'{}'", hex::encode(bytes)),
        Database::Postgres(_) => format!("'\\x{}'::bytea", hex::encode(bytes)),
    };
    let (root, frontier) = (blob(&EMPTY_ROOT), blob(&Frontier::new().to_bytes()));
    execute(
        db,
        &format!(
            "INSERT INTO log_head VALUES (1, 0, {root}, {frontier}, 0, 0); INSERT INTO log_keys (id, vkey) VALUES (1, '{vkey}');
             INSERT INTO settings (name, value) VALUES ('origin', '{origin}'), ('installation', '01935f00'), ('envelope', '{}')",
            keys.envelope_proof()
        ),
    );
    vkey
}

#[test]
fn an_older_installation_gets_its_second_key_when_it_starts() {
    for db in TestDb::each() {
        // Its log has announced nothing: one event, and no second signature.
        let old = older(&db);
        assert_eq!(Keyring::open(db.path(), false).unwrap().mldsa.map(|_| ()), None);
        let store = db.open();
        let note = store.checkpoint_now().unwrap();
        assert_eq!(checkpoint::open(&note, &old).unwrap().size, 2);
        assert!(mldsa_of(&store).verify(&Note::parse(&note).unwrap()).is_ok());
        holds(&store);
        drop(store);
        // From then on it belongs to the installation.
        let path = db.path().join("keys/log-mldsa.key");
        let seed = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(Store::open(db.options()), Err(StoreError::Unavailable(why)) if why.contains("log-mldsa.key is missing")));
        std::fs::write(&path, "00".repeat(32)).unwrap();
        assert!(matches!(Store::open(db.options()), Err(StoreError::Fork(why)) if why.contains("put the installation's own key file back")));
        std::fs::write(&path, seed).unwrap();
        drop(db.open());
    }
}

const WEEK: Duration = Duration::from_secs(7 * 86_400);

fn rotate(store: &Store) -> Vkey {
    Vkey::parse(&store.rotate(WEEK, Event::system).unwrap().vkey).unwrap()
}

/// By which of these keys a note is signed.
fn signed_by(note: &str, keys: &[&Vkey]) -> Vec<bool> {
    keys.iter().map(|key| checkpoint::open(note, key).is_ok()).collect()
}

fn pin(vkey: &Vkey) -> Against {
    Against { vkeys: vec![vkey.clone()], ..Against::default() }
}

#[test]
fn new_keys_are_announced_sign_beside_the_old_and_then_alone() {
    for db in TestDb::each() {
        let clock = ManualClock::at(Instant::from_unix_seconds(1_800_000_000));
        let store = Store::open(Options { clock: clock.clone(), ..db.options() }).unwrap();
        let before = store.checkpoint_now().unwrap();
        let (old, old_second) = (store.vkey().unwrap(), mldsa_of(&store));
        let files = |name: &str| std::fs::read(db.path().join("keys").join(name)).ok();
        let first = files("log.key").unwrap();

        assert!(matches!(store.retire(true, Event::system), Err(RotateError::Nothing)));
        let new = rotate(&store);
        assert!(matches!(store.rotate(WEEK, Event::system), Err(RotateError::Announced(vkey)) if vkey == new.to_string()));
        let both = store.checkpoint_now().unwrap();
        assert_eq!((signed_by(&before, &[&old, &new]), signed_by(&both, &[&old, &new])), (vec![true, false], vec![true, true]));
        assert_eq!(Note::parse(&both).unwrap().signatures().len(), 4);
        // What people know is still the old one.
        assert_eq!(store.vkey().unwrap(), old);
        holds(&store);
        for known in [&old, &new] {
            assert!(store.verify(&pin(known)).unwrap().ok);
        }
        assert!(matches!(store.retire(false, Event::system), Err(RotateError::Early(at)) if at == store.now().plus(WEEK)));

        clock.advance(WEEK);
        store.retire(false, Event::system).unwrap();
        let alone = store.checkpoint_now().unwrap();
        assert_eq!(signed_by(&alone, &[&old, &new]), [false, true]);
        assert!(old_second.verify(&Note::parse(&alone).unwrap()).is_err() && mldsa_of(&store).verify(&Note::parse(&alone).unwrap()).is_ok());
        assert_eq!(store.vkey().unwrap(), new);
        assert!(files("log.key.new").is_none() && files("log-mldsa.key.new").is_none() && files("log.key").unwrap() != first);
        assert!(matches!(store.retire(true, Event::system), Err(RotateError::Nothing)));
        // Whoever knows the old key alone is led to the new one; what was kept of each time is still this log's.
        let report = store.verify(&Against { notes: vec![before.clone(), both.clone(), alone], ..pin(&old) }).unwrap();
        assert!(report.ok, "{:?}", report.problems);
        let times: Vec<_> = report.keys.iter().map(|key| (key.vkey.clone(), key.announced, key.retired)).collect();
        assert_eq!(times, [(old.to_string(), Some(1), Some(3)), (new.to_string(), Some(2), None)]);
        assert!(store.verify(&pin(&new)).unwrap().ok);
        assert_eq!(store.former().unwrap(), std::slice::from_ref(&old));
        assert_eq!(Keyring::former(db.path()), [old.to_string()]);
        drop(store);

        // And once more, after a start.
        let store = Store::open(Options { clock, ..db.options() }).unwrap();
        let third = rotate(&store);
        store.retire(true, Event::system).unwrap();
        assert_eq!(signed_by(&store.checkpoint_now().unwrap(), &[&old, &new, &third]), [false, false, true]);
        assert!(store.verify(&pin(&old)).unwrap().ok);
    }
}

/// Somebody with every right on the machine puts a key of their own in the place of the log's.
#[test]
fn a_key_that_nobody_announced_is_found_out() {
    for db in TestDb::each() {
        let store = db.open();
        let note = store.checkpoint_now().unwrap();
        let (old, row) = (store.vkey().unwrap(), store.in_force().unwrap().remove(0));
        let head = checkpoint::open(&note, &old).unwrap();
        drop(store);
        let mine = ed25519_dalek::SigningKey::from_bytes(&[66; 32]);
        let vkey = Vkey::new(old.name(), &mine.verifying_key()).unwrap();
        let second = Keyring::open(db.path(), false).unwrap().mldsa.unwrap();
        let forged = head.sign(&mine).unwrap() + &mldsa::sign(&head, &second, 1).unwrap();
        let put = |path: &str, text: &str| std::fs::write(db.path().join(path), text).unwrap();
        put("keys/log.key", &hex::encode([66; 32]));
        put("log/checkpoint", &forged);
        execute(&db, &format!("UPDATE log_checkpoints SET note = '{forged}'; UPDATE log_keys SET vkey = '{vkey}'"));
        let said = problems(&db, &Against::default());
        assert!(
            said.iter().any(|p| p.contains("does not say key.announced of it")) && said.iter().any(|p| p.contains("about a key that no row names")),
            "{said:?}"
        );
        let said = problems(&db, &pin(&old));
        assert!(said.iter().any(|p| p.starts_with("Key the log is signed by")), "{said:?}");

        // As a second row behind the old one, with an event that does not exist, and with none.
        for announced in ["NULL", "'0192aaaa-0000-7000-8000-000000000000'"] {
            execute(&db, &format!("DELETE FROM log_keys WHERE id = 2; UPDATE log_keys SET vkey = '{old}', retired = NULL"));
            execute(
                &db,
                &format!("INSERT INTO log_keys (id, vkey, mldsa, announced) VALUES (2, '{vkey}', '{}', {announced})", row.mldsa.as_deref().unwrap()),
            );
            let said = problems(&db, &Against::default());
            let words = if announced == "NULL" { "no event announced it" } else { "does not say key.announced of it" };
            assert!(said.iter().any(|p| p.contains(words)), "{said:?}");
            assert!(inspect(&db.database, db.path(), &pin(&old)).is_ok_and(|report| !report.ok));
        }
    }
}

/// A data folder of another node on the same database.
fn joined(db: &TestDb) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["keys/envelope.key", "keys/log.key", "keys/log-mldsa.key", "log/checkpoint"] {
        let to = folder.path().join(name);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(db.path().join(name), to).unwrap();
    }
    folder
}

#[test]
fn another_node_signs_nothing_until_it_has_the_new_keys() {
    for db in TestDb::each() {
        let store = db.open();
        store.checkpoint_now().unwrap();
        let folder = joined(&db);
        let there = || Options { sequencer: false, ..Options::new(db.database.clone(), folder.path()) };
        let other = Store::open(there()).unwrap();
        let new = rotate(&store);
        let write = |store: &Store| {
            store
                .write_now(|tx| {
                    tx.append(Event::system(
                        countermand::domain::event::Action::ServiceStarted,
                        countermand::domain::event::Subject::new("service", "s"),
                    ))
                })
                .unwrap()
        };
        write(&other);
        assert!(
            matches!(other.checkpoint_now(), Err(StoreError::Unavailable(why)) if why.contains(&new.to_string()) && why.contains("copy keys/log.key.new"))
        );
        for name in ["log.key.new", "log-mldsa.key.new"] {
            std::fs::copy(db.path().join("keys").join(name), folder.path().join("keys").join(name)).unwrap();
        }
        let both = other.checkpoint_now().unwrap();
        assert_eq!(Note::parse(&both).unwrap().signatures().len(), 4);
        // Retired by the one, the other adopts the new keys before it signs again.
        store.retire(true, Event::system).unwrap();
        write(&other);
        assert_eq!(signed_by(&other.checkpoint_now().unwrap(), &[&new]), [true]);
        assert!(!folder.path().join("keys/log.key.new").exists());
        drop(other);

        // One that slept through all of it and was given nothing does not start.
        std::fs::write(folder.path().join("keys/log.key"), hex::encode([3; 32])).unwrap();
        assert!(matches!(Store::open(there()), Err(StoreError::Fork(why)) if why.contains("put the installation's own key file back")));
        holds(&store);
    }
}

#[test]
fn a_crash_in_the_middle_of_a_rotation_leaves_one_that_can_be_finished() {
    for db in TestDb::each() {
        let store = db.open();
        store.checkpoint_now().unwrap();
        let old = store.vkey().unwrap();
        drop(store);
        let node = Node { data: db.path().to_owned(), database: db.database.clone() };
        let made = |step: &str, arguments: &[&str]| assert!(!node.crash_at(step, arguments).status.success(), "{step}");
        // The files alone: nobody has heard of them, and the next attempt takes them.
        made("ledger.keys_made", &["ledger", "rotate"]);
        assert_eq!(node.json(&["ledger", "verify", "--json"])["keys"].as_array().unwrap().len(), 1);
        made("ledger.key_announced", &["ledger", "rotate"]);
        let said = node.run(&["ledger", "rotate"]);
        assert!(String::from_utf8_lossy(&said.stderr).contains("is announced already and takes over"), "{said:?}");
        assert_eq!(node.json(&["ledger", "verify", "--json"])["keys"].as_array().unwrap().len(), 2);
        // The row says that its time is over, the files are still the old ones.
        made("ledger.key_retired", &["ledger", "rotate", "--finish"]);
        assert!(db.path().join("keys/log.key.new").exists());
        let store = db.open();
        assert!(!db.path().join("keys/log.key.new").exists());
        assert_eq!(signed_by(&store.checkpoint_now().unwrap(), &[&old, &store.vkey().unwrap()]), [false, true]);
        drop(store);
        let report = node.json(&["ledger", "verify", "--json", "--vkey", &old.to_string()]);
        assert_eq!((report["ok"].as_bool(), report["keys"].as_array().map(Vec::len)), (Some(true), Some(2)));
    }
}

#[test]
fn a_log_whose_key_is_lost_or_stolen_ends_and_goes_on_as_another() {
    for db in TestDb::each() {
        let store = db.open();
        let note = store.checkpoint_now().unwrap();
        let old = store.vkey().unwrap();
        drop(store);
        let node = Node { data: db.path().to_owned(), database: db.database.clone() };
        let refused = |arguments: &[&str], words: &str| {
            let out = node.run(arguments);
            assert_eq!((out.status.code(), String::from_utf8_lossy(&out.stderr).contains(words)), (Some(1), true), "{out:?}");
        };
        refused(&["ledger", "renew"], "can go on from where it is");
        refused(&["ledger", "renew", "--key-lost"], "nothing is lost");
        std::fs::remove_file(db.path().join("keys/log.key")).unwrap();
        assert!(!node.run(&["ledger", "checkpoint"]).status.success());
        let renewed = node.json(&["ledger", "renew", "--key-lost", "--json"]);
        assert_eq!(renewed["old"], old.to_string());
        // Every event of the old log stays, and its checkpoints are still checked with its key.
        let report = node.json(&["ledger", "verify", "--json", "--vkey", renewed["vkey"].as_str().unwrap()]);
        assert_eq!(report["ok"], true, "{report}");
        assert_eq!(checkpoint::open(&note, &old).unwrap().size, renewed["size"].as_u64().unwrap());

        let second = node.json(&["ledger", "renew", "--key-stolen", "--json"]);
        assert_eq!((second["old"].as_str(), second["vkey"] == renewed["vkey"]), (renewed["vkey"].as_str(), false));
        let store = db.open();
        // Whoever has the stolen key could make bundles of any day: nothing here believes it any more.
        let trusted = |store: &Store| store.former().unwrap().iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(trusted(&store), [old.to_string()]);
        assert_eq!(Keyring::former(db.path()), [old.to_string()]);
        holds(&store);
        // A rotation that had begun ends with its log, and both keys that signed are remembered.
        rotate(&store);
        let both: Vec<_> = store.in_force().unwrap().into_iter().map(|row| row.vkey).collect();
        drop(store);
        std::fs::remove_file(db.path().join("keys/log.key")).unwrap();
        node.json(&["ledger", "renew", "--key-lost", "--json"]);
        assert!(!db.path().join("keys/log.key.new").exists() && !db.path().join("keys/log-mldsa.key.new").exists());
        let store = db.open();
        store.checkpoint_now().unwrap();
        let remembered = [&[old.to_string()], &both[..]].concat();
        assert_eq!((store.in_force().unwrap().len(), trusted(&store), Keyring::former(db.path())), (1, remembered.clone(), remembered));
        holds(&store);
        drop(store);
        // The mark is the log's word: it is neither taken off nor put on unseen.
        execute(&db, "CREATE TABLE kept AS SELECT id, stolen FROM log_keys");
        for change in
            ["UPDATE log_keys SET stolen = NULL", "UPDATE log_keys SET stolen = (SELECT stolen FROM kept WHERE stolen IS NOT NULL) WHERE id = 1"]
        {
            execute(&db, change);
            let found = problems(&db, &Against::default());
            assert!(found.iter().any(|p| p.contains("key.stolen") || p.contains("that no row names")), "{change}: {found:?}");
            execute(&db, "UPDATE log_keys SET stolen = (SELECT stolen FROM kept WHERE kept.id = log_keys.id)");
        }
        execute(&db, "DROP TABLE kept");
        holds(&db.open());
    }
}
