//! The keys that sign the log: the second signature beside the first, new keys for old ones, and what of it a stranger can check.

use countermand::{
    crypto::{keyring::Keyring, mldsa::MldsaKey},
    ledger::{
        checkpoint::{self, Checkpoint, Note, NoteError, Vkey, VkeyError},
        mldsa::{self, MldsaVkey},
        tree::{EMPTY_ROOT, Frontier},
    },
    store::{Database, Store, StoreError, verify::Against},
};
use diesel::{Connection, PgConnection, SqliteConnection, connection::SimpleConnection};

use crate::support::db::TestDb;

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
    let report = countermand::store::verify::inspect(&db.database, db.path(), against).unwrap();
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
        let report = store.verify(&Against { vkey: Some(vkey), mldsa: Some(mldsa.clone()), ..Against::default() }).unwrap();
        assert!(report.ok, "{:?}", report.problems);
        assert_eq!((report.keys.len(), report.keys[0].mldsa.as_deref()), (1, Some(mldsa.to_string().as_str())));
        drop(store);

        let stranger = MldsaVkey::of("log.example", &MldsaKey::from_seed(&[1; 32])).unwrap();
        let said = problems(&db, &Against { mldsa: Some(stranger.clone()), ..Against::default() });
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
