//! Somebody with full rights on the database, and then on the whole machine, the log's key included. For each attack the test says by which
//! means it is found: `ledger verify` alone, with `--vkey`, or with `--against` a checkpoint that a witness has cosigned.
//!
//! Whoever holds the key can make another log that is whole in itself; that no computer can tell from the first but one that has seen it.

use countermand::{
    crypto::{self, keyring::Keyring},
    domain::event::{Action, Event, Outcome, Subject},
    ledger::{
        checkpoint::{self, Checkpoint, Note, Vkey},
        cosignature::{Cosigner, cosign},
        leaf::Leaf,
        mldsa, succession,
        tile::Tiles,
        tree::{Frontier, Hash, leaf_hash},
    },
    store::{
        Store, StoreError, holds, purge,
        verify::{Against, inspect},
    },
};
use ed25519_dalek::SigningKey;
use serde_json::json;

use crate::{
    support::db::TestDb,
    tamper::{Raw, log_of_a_few_events},
};

/// What finds an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// `ledger verify` alone, and so the others too.
    Alone,
    /// Only with the log's key as known from elsewhere, or a checkpoint from elsewhere.
    Vkey,
    /// Only with a checkpoint from elsewhere.
    Against,
}

use By::{Alone, Vkey as Pinned};

/// A machine that was broken into.
struct Site<'a> {
    db: &'a TestDb,
    raw: Raw,
    origin: String,
    /// Place of an event among the last, with parts, which is no purge.
    at: i64,
}

type Attack = (&'static str, By, fn(&mut Site<'_>));

/// Each line of the contract, on the database alone; then by who holds everything on the machine and makes it whole again.
const ATTACKS: &[Attack] = &[
    ("an event is changed", Alone, |s| s.change(s.at)),
    ("an event is deleted", Alone, |s| s.delete(s.at)),
    ("two events are exchanged", Alone, |s| s.exchange(s.at - 1, s.at)),
    ("an event is inserted", Alone, |s| s.insert(s.at)),
    ("an event is added at the end", Alone, |s| {
        let end = s.size();
        s.insert(end);
    }),
    ("an event is added at the end and the tree made anew", Alone, |s| {
        let end = s.size();
        s.insert(end);
        s.rebuild(Signed::Kept);
    }),
    ("an event is added after the last checkpoint, and the tree made anew", Alone, |s| {
        s.go_on();
        let end = s.size();
        s.insert(end);
        s.rebuild(Signed::Kept);
    }),
    ("an event after the last checkpoint is changed, and the tree made anew", Alone, |s| {
        s.go_on();
        let end = s.size();
        s.change(end - 1);
        s.rebuild(Signed::Kept);
    }),
    ("the last event, after the last checkpoint, is deleted, and the tree made anew", Alone, |s| {
        s.go_on();
        let end = s.size();
        s.delete(end - 1);
        s.rebuild(Signed::Kept);
    }),
    ("all that came after the last checkpoint is cut off, and the tree made anew", Alone, |s| {
        let end = s.size();
        s.go_on();
        s.cut(end);
        s.rebuild(Signed::Kept);
    }),
    ("the head has no MAC, as in a database from before there were any", Alone, |s| {
        let end = s.size();
        s.insert(end);
        s.rebuild(Signed::Kept);
        s.sql("UPDATE log_head SET mac = NULL");
    }),
    ("a part is changed", Alone, |s| {
        s.sql("UPDATE log_parts SET sealed = (SELECT root FROM log_head) WHERE event_id = (SELECT event_id FROM log_search WHERE idx = (SELECT min(idx) + 1 FROM log_search WHERE case_id = 'c-2'))")
    }),
    ("a part is deleted", Alone, |s| {
        s.sql("DELETE FROM log_parts WHERE event_id = (SELECT event_id FROM log_search WHERE idx = (SELECT min(idx) + 1 FROM log_search WHERE case_id = 'c-2'))")
    }),
    ("two parts are exchanged", Alone, |s| {
        s.sql("UPDATE log_parts SET name = 'x' WHERE name = 'actor'");
        s.sql("UPDATE log_parts SET name = 'actor' WHERE name = 'client'");
        s.sql("UPDATE log_parts SET name = 'client' WHERE name = 'x'");
    }),
    ("a part is inserted", Alone, |s| {
        s.sql("INSERT INTO log_parts (event_id, name, month, salt, sealed) SELECT event_id, 'text', month, salt, sealed FROM log_parts WHERE name = 'client'");
    }),
    ("a part that no purge named is deleted within a purged range", Alone, |s| {
        s.sql("DELETE FROM log_parts WHERE event_id = (SELECT event_id FROM log_search WHERE idx = (SELECT max(idx) FROM log_search WHERE case_id = 'c-1'))");
    }),
    ("a tile is changed", Alone, |s| s.sql("UPDATE log_tiles SET hashes = (SELECT root FROM log_head)")),
    ("a tile is deleted", Alone, |s| s.sql("DELETE FROM log_tiles WHERE level = 0 AND idx = 0")),
    ("a tile is put elsewhere", Alone, |s| s.sql("UPDATE log_tiles SET idx = 1 WHERE level = 0 AND idx = 0")),
    ("a tile is inserted", Alone, |s| s.sql("INSERT INTO log_tiles (level, idx, hashes) SELECT 1, 0, root FROM log_head")),
    ("the viewer shows a row that is no event", Alone, |s| {
        let end = s.size();
        s.copy_search(s.at, end);
    }),
    ("the viewer does not show an event", Alone, |s| {
        s.sql("DELETE FROM log_search WHERE idx = (SELECT min(idx) + 1 FROM log_search WHERE case_id = 'c-2')")
    }),
    ("the viewer shows an event as another's", Alone, |s| {
        s.sql("UPDATE log_search SET actor_name = 'somebody else' WHERE idx = (SELECT min(idx) + 1 FROM log_search WHERE case_id = 'c-2')")
    }),
    ("the database is rolled back", Alone, |s| {
        s.cut(s.at);
        s.rebuild(Signed::Then);
    }),
    ("database and data folder are rolled back", By::Against, |s| {
        s.cut(s.at);
        s.rebuild(Signed::Then);
        s.lay_copy();
    }),
    ("an event is changed and the tree made anew", Alone, |s| {
        s.change(s.at);
        s.rebuild(Signed::Kept);
    }),
    ("an event is changed, all made anew and signed", By::Against, |s| {
        s.change(s.at);
        s.rebuild(Signed::Anew);
    }),
    ("an event is deleted, all made anew and signed", By::Against, |s| {
        s.delete(s.at);
        s.rebuild(Signed::Anew);
    }),
    ("two events are exchanged, all made anew and signed", By::Against, |s| {
        s.exchange(s.at - 1, s.at);
        s.rebuild(Signed::Anew);
    }),
    ("an event is inserted, all made anew and signed", By::Against, |s| {
        s.insert(s.at);
        s.rebuild(Signed::Anew);
    }),
    ("the end is cut off, all made anew and signed", By::Against, |s| {
        s.cut(s.at);
        s.rebuild(Signed::Anew);
    }),
    ("parts and what commits to them are taken out, all made anew and signed", By::Against, |s| {
        s.forget_parts(s.at);
        s.rebuild(Signed::Anew);
    }),
    ("a witness is said to have seen what it did not", Alone, |s| s.witness(1)),
    ("a cosignature is forged", Alone, |s| {
        s.witness(0);
        s.cosignature(&other(), 0);
    }),
    ("a cosignature is put under another size", Alone, |s| {
        s.witness(0);
        s.cosignature(&auditor(), 1);
    }),
    ("a cosignature is by a witness of nobody's", Alone, |s| s.cosignature(&auditor(), 0)),
    ("the key row is another", Alone, |s| s.name_key()),
    ("the key file is another", Alone, |s| s.lay_key(&other())),
    ("the key is another in file and row, all signed anew", Alone, |s| {
        s.rekey();
        s.rebuild(Signed::Anew);
    }),
    ("the key is another everywhere, also in the event that announced it, all made anew and signed", Pinned, |s| {
        s.rekey();
        s.announce();
        s.rebuild(Signed::Anew);
    }),
    ("an event is changed, the key is another everywhere, all made anew and signed", Pinned, |s| {
        s.change(s.at);
        s.rekey();
        s.announce();
        s.rebuild(Signed::Anew);
    }),
];

/// What becomes of the checkpoints.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Signed {
    /// Those that the log has grown to stay as they were signed; by who has the database and no key.
    Kept,
    /// Likewise, and the head has the MAC that it had at that size: an older state of everything is put back.
    Then,
    /// One over all, in the database and outside it.
    Anew,
}

fn other() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

const WITNESS: &str = "witness.example.com/us";

fn auditor() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

impl Site<'_> {
    fn sql(&mut self, sql: &str) {
        let changed = self.raw.execute(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
        assert!(changed > 0, "{sql} changed nothing");
    }

    fn number(&mut self, sql: &str) -> i64 {
        self.raw.column(&format!("SELECT CAST(({sql}) AS TEXT) AS value")).remove(0).parse().unwrap()
    }

    fn size(&mut self) -> i64 {
        self.number("SELECT max(idx) + 1 FROM log_events")
    }

    fn leaf(&mut self, idx: i64) -> Leaf {
        let shown = self.raw.shown("leaf", "b");
        let leaf = self.raw.column(&format!("SELECT {shown} AS value FROM log_events WHERE idx = {idx}")).remove(0);
        Leaf::parse(&hex::decode(leaf).unwrap()).unwrap()
    }

    fn set_leaf(&mut self, idx: i64, leaf: &Leaf) {
        let bytes = self.raw.literal(&hex::encode(leaf.to_bytes().unwrap()), "b");
        self.sql(&format!("UPDATE log_events SET leaf = {bytes} WHERE idx = {idx}"));
    }

    /// What was refused has failed by itself, and the viewer says so.
    fn change(&mut self, idx: i64) {
        let mut leaf = self.leaf(idx);
        leaf.outcome = "failed".to_owned();
        self.set_leaf(idx, &leaf);
        self.sql(&format!("UPDATE log_search SET outcome = '{}' WHERE idx = {idx}", leaf.outcome));
    }

    /// Moves everything from `from` on by `by` places.
    fn shift(&mut self, from: i64, by: i64) {
        for table in ["log_events", "log_search"] {
            let _ = self.raw.execute(&format!("UPDATE {table} SET idx = -1000 - idx WHERE idx >= {from}")).unwrap();
            let _ = self.raw.execute(&format!("UPDATE {table} SET idx = -1000 - idx + {by} WHERE idx <= -1000")).unwrap();
        }
    }

    /// The words are made again by the product itself.
    fn no_words(&mut self) {
        let _ = self.raw.execute("DELETE FROM log_words").unwrap();
    }

    fn delete(&mut self, idx: i64) {
        self.sql(&format!("DELETE FROM log_parts WHERE event_id = (SELECT event_id FROM log_events WHERE idx = {idx})"));
        self.sql(&format!("DELETE FROM log_search WHERE idx = {idx}"));
        self.sql(&format!("DELETE FROM log_events WHERE idx = {idx}"));
        self.shift(idx + 1, -1);
        self.no_words();
    }

    fn exchange(&mut self, a: i64, b: i64) {
        for table in ["log_events", "log_search"] {
            for (from, to) in [(a, -1), (b, a), (-1, b)] {
                self.sql(&format!("UPDATE {table} SET idx = {to} WHERE idx = {from}"));
            }
        }
        self.no_words();
    }

    /// The event before, once more under another id, without parts.
    fn insert(&mut self, idx: i64) {
        self.shift(idx, 1);
        let mut leaf = self.leaf(idx - 1);
        leaf.id = countermand::id::fresh();
        leaf.parts.clear();
        let bytes = self.raw.literal(&hex::encode(leaf.to_bytes().unwrap()), "b");
        self.sql(&format!("INSERT INTO log_events (idx, event_id, leaf) VALUES ({idx}, '{}', {bytes})", leaf.id));
        self.copy_search(idx - 1, idx);
        self.sql(&format!("UPDATE log_search SET event_id = '{}', actor_name = NULL, client_ip = NULL, device_id = NULL WHERE idx = {idx}", leaf.id));
        self.no_words();
    }

    /// A row of the viewer's at another place.
    fn copy_search(&mut self, from: i64, to: i64) {
        let columns = "event_id, at, action, outcome, actor_id, actor_name, subject_kind, subject_id, case_id, session_id, client_ip, device_id";
        self.sql(&format!("INSERT INTO log_search (idx, {columns}) SELECT {to}, {columns} FROM log_search WHERE idx = {from}"));
    }

    /// Nothing was said and nobody did it.
    fn forget_parts(&mut self, idx: i64) {
        let mut leaf = self.leaf(idx);
        leaf.parts.clear();
        self.set_leaf(idx, &leaf);
        self.sql(&format!("DELETE FROM log_parts WHERE event_id = '{}'", leaf.id));
        self.sql(&format!("UPDATE log_search SET actor_name = NULL, client_ip = NULL, device_id = NULL WHERE idx = {idx}"));
        self.no_words();
    }

    /// As the database was when it had `size` events.
    fn cut(&mut self, size: i64) {
        self.sql(&format!("DELETE FROM log_parts WHERE event_id IN (SELECT event_id FROM log_events WHERE idx >= {size})"));
        for table in ["log_events", "log_search"] {
            self.sql(&format!("DELETE FROM {table} WHERE idx >= {size}"));
        }
        self.no_words();
    }

    fn lay_key(&self, key: &SigningKey) {
        std::fs::write(self.db.path().join("keys/log.key"), format!("{}\n", hex::encode(key.as_bytes()))).unwrap();
    }

    /// The last checkpoint of the database is the last there ever was.
    fn lay_copy(&mut self) {
        let note = self.raw.column("SELECT note AS value FROM log_checkpoints ORDER BY seq DESC LIMIT 1").remove(0);
        std::fs::write(self.db.path().join("log/checkpoint"), note).unwrap();
    }

    /// A witness that has seen so many events, as the database has it.
    fn witness(&mut self, size: u64) {
        let vkey = Cosigner::of(WITNESS, &auditor()).unwrap();
        self.sql(&format!("INSERT INTO witnesses (name, vkey, size) VALUES ('{WITNESS}', '{vkey}', {size})"));
    }

    /// A line under the witness's name over the newest checkpoint, kept under a size that is larger by `by`.
    fn cosignature(&mut self, key: &SigningKey, by: i64) {
        let note = self.raw.column("SELECT note AS value FROM log_checkpoints ORDER BY seq DESC LIMIT 1").remove(0);
        let line = cosign(Note::parse(&note).unwrap().text(), WITNESS, key, 1_790_000_000).unwrap();
        let size = self.number("SELECT max(size) FROM log_checkpoints") + by;
        self.sql(&format!("INSERT INTO log_cosignatures (size, witness, line) VALUES ({size}, '{WITNESS}', '{line}')"));
    }

    fn rekey(&mut self) {
        self.lay_key(&other());
        self.name_key();
    }

    /// The event that announced the key announced this one.
    fn announce(&mut self) {
        let idx = self.number("SELECT idx FROM log_search WHERE action = 'key.announced'");
        let vkey = Vkey::new(&self.origin, &other().verifying_key()).unwrap().to_string();
        let mldsa = self.raw.column("SELECT mldsa AS value FROM log_keys").remove(0);
        let mut leaf = self.leaf(idx);
        leaf.subject.id = succession::id(&vkey, Some(&mldsa));
        self.set_leaf(idx, &leaf);
        self.sql(&format!("UPDATE log_search SET subject_id = '{}' WHERE idx = {idx}", leaf.subject.id));
        self.no_words();
    }

    fn name_key(&mut self) {
        let vkey = Vkey::new(&self.origin, &other().verifying_key()).unwrap();
        self.sql(&format!("UPDATE log_keys SET vkey = '{vkey}'"));
    }

    /// Makes tiles, head and, with `Anew`, checkpoints of the events that there are now, as the product would have made them.
    fn rebuild(&mut self, signed: Signed) {
        let shown = self.raw.shown("leaf", "b");
        let leaves = self.raw.column(&format!("SELECT {shown} AS value FROM log_events ORDER BY idx"));
        let leaves: Vec<Vec<u8>> = leaves.iter().map(|l| hex::decode(l).unwrap()).collect();
        let hashes: Vec<Hash> = leaves.iter().map(|l| leaf_hash(l)).collect();
        let mut frontier = Frontier::new();
        hashes.iter().for_each(|h| frontier.append(*h));
        self.sql("DELETE FROM log_tiles");
        for (tile, hashes) in Tiles::default().grow(&hashes) {
            let bytes = self.raw.literal(&hex::encode(hashes.concat()), "b");
            self.sql(&format!("INSERT INTO log_tiles (level, idx, hashes) VALUES ({}, {}, {bytes})", tile.level, tile.index));
        }
        let last_at = leaves.iter().map(|l| Leaf::parse(l).unwrap().at.0).max().unwrap();
        let bytes = |raw: &Raw, bytes: &[u8]| raw.literal(&hex::encode(bytes), "b");
        let (root, edge) = (bytes(&self.raw, &frontier.root()), bytes(&self.raw, &frontier.to_bytes()));
        match signed {
            Signed::Kept | Signed::Then => drop(self.raw.execute(&format!("DELETE FROM log_checkpoints WHERE size > {}", hashes.len())).unwrap()),
            Signed::Anew => {
                let whole = Checkpoint { origin: self.origin.clone(), size: hashes.len() as u64, root: frontier.root() };
                let pair = Keyring::open(self.db.path(), false).unwrap().pairs().remove(0);
                let second = pair.mldsa.map(|key| mldsa::sign(&whole, &key, 1_790_000_000).unwrap());
                let note = whole.sign(&pair.log).unwrap() + &second.unwrap_or_default();
                self.sql("DELETE FROM log_checkpoints");
                self.sql(&format!("INSERT INTO log_checkpoints (seq, size, note) VALUES (1, {}, '{note}')", hashes.len()));
                self.lay_copy();
            }
        }
        let seq = self.number("SELECT count(*) FROM log_checkpoints");
        self.sql(&format!(
            "UPDATE log_head SET size = {}, root = {root}, frontier = {edge}, last_at = {last_at}, checkpoint_seq = {seq}",
            hashes.len()
        ));
        if signed != Signed::Kept {
            let text = format!(
                "{}\n1\n{}\n{}\n{}\n{last_at}\n{seq}\n",
                self.origin,
                hashes.len(),
                hex::encode(frontier.root()),
                hex::encode(frontier.to_bytes())
            );
            let key = Keyring::open(self.db.path(), false).unwrap().head_key();
            let mac = bytes(&self.raw, &crypto::hmac_sha256(key.as_bytes(), text.as_bytes()));
            self.sql(&format!("UPDATE log_head SET mac = {mac}"));
        }
    }

    /// The program runs on for a while and signs nothing.
    fn go_on(&mut self) {
        let store = self.db.open();
        more_events(&store, 3);
        crate::retention::settled(&store);
    }
}

/// A log whose first events were purged, but for a part that was passed by, and which a witness has cosigned at its end.
fn log(db: &TestDb) -> (Vkey, String) {
    let store = log_of_a_few_events(db);
    let cut_off = store.now().plus(std::time::Duration::from_micros(1));
    while store.now() <= cut_off {}
    crate::retention::settled(&store);
    store
        .write_now(move |tx| {
            let keeping = holds::keeping(tx.conn)?;
            let mut step = purge::look(tx.conn, &crate::retention::everything(cut_off), None, &keeping, purge::STEP)?;
            // All but those of the last event, which somebody may want to be rid of.
            let spared = step.due.last().map(|(event, _)| event.clone());
            step.due.retain(|(event, _)| Some(event) != spared.as_ref());
            purge::erase(tx, &step, cut_off, Event::system(Action::PartsPurged, Subject::new("log", "parts")).detail(json!({ "held": 0 })))
        })
        .unwrap();
    more_events(&store, 3);
    crate::retention::settled(&store);
    store.checkpoint_now().unwrap();
    let (vkey, note) = (store.vkey().unwrap(), store.newest_note().unwrap());
    let cosigned = format!("{note}{}", cosign(Note::parse(&note).unwrap().text(), WITNESS, &auditor(), 1_790_000_000).unwrap());
    Cosigner::of(WITNESS, &auditor()).unwrap().verify(&Note::parse(&cosigned).unwrap()).unwrap();
    assert_eq!(checkpoint::open(&cosigned, &vkey).unwrap().size, size_of(&store));
    (vkey, cosigned)
}

fn size_of(store: &Store) -> u64 {
    store.read_now(countermand::store::reader::head).unwrap().size()
}

fn more_events(store: &Store, n: u64) {
    for n in 0..n {
        store
            .write_now(move |tx| {
                let event = Event::system(Action::RecallDecided, Subject::new("recall", format!("m-{n}"))).outcome(Outcome::Refused).case("c-2");
                tx.append(
                    event.detail(json!({ "n": n })).part("actor", json!({ "name": "何静" })).part("client", json!({ "client_ip": "203.0.113.9" })),
                )
            })
            .unwrap();
    }
}

#[test]
fn each_attack_is_found_and_it_is_known_by_what() {
    for mut db in TestDb::each() {
        let kind = if db.url().is_some() { "PostgreSQL" } else { "SQLite" };
        println!("{:<95} {:<7} {:<7} --against", format!("{kind}: attack"), "alone", "--vkey");
        for (what, by, attack) in ATTACKS {
            let (vkey, cosigned) = log(&db);
            let pinned = Against { vkeys: vec![vkey.clone()], ..Against::default() };
            let seen = Against { notes: vec![cosigned.clone()], ..Against::default() };
            let means = [Against::default(), pinned, seen];
            let found =
                |db: &TestDb| means.clone().map(|against| !inspect(&db.database, db.path(), &against).unwrap_or_else(|e| panic!("{what}: {e}")).ok);
            assert_eq!(found(&db), [false; 3], "{what}: before anything was done");
            let mut site = Site { db: &db, raw: Raw::open(&db), origin: vkey.name().to_owned(), at: 0 };
            site.at = site.number("SELECT min(idx) + 1 FROM log_search WHERE case_id = 'c-2'");
            attack(&mut site);
            drop(site);
            let found = found(&db);
            let word = |found| if found { "found" } else { "-" };
            println!("{what:<95} {:<7} {:<7} {}", word(found[0]), word(found[1]), word(found[2]));
            let expected = match by {
                Alone => [true; 3],
                Pinned => [false, true, true],
                By::Against => [false, false, true],
            };
            assert_eq!(found, expected, "{kind}: {what}: {:?}", inspect(&db.database, db.path(), &Against::default()).map(|r| r.problems));
            db = if db.url().is_some() { TestDb::postgres().unwrap() } else { TestDb::sqlite() };
        }
    }
}

/// The same by who writes to the database while the server runs: what comes after does not mend it, nothing is signed, and no start takes it.
#[test]
fn what_was_written_past_the_program_is_never_signed() {
    type Change = fn(&mut Site<'_>, i64);
    const CHANGES: [(&str, Change); 3] =
        [("added", |s, end| s.insert(end)), ("changed", |s, end| s.change(end - 1)), ("deleted", |s, end| s.delete(end - 1))];
    for (what, change) in CHANGES {
        for db in TestDb::each() {
            let (vkey, _) = log(&db);
            let store = db.open();
            let newest = store.checkpoint_now().unwrap();
            more_events(&store, 2);
            crate::retention::settled(&store);
            let mut site = Site { db: &db, raw: Raw::open(&db), origin: vkey.name().to_owned(), at: 0 };
            let end = site.size();
            change(&mut site, end);
            site.rebuild(Signed::Kept);
            let size = site.size();
            drop(site);
            for written in 0..2 {
                assert!(matches!(store.checkpoint_now(), Err(StoreError::Fork(why)) if why.contains("installation's MAC")), "{what}");
                assert_eq!(store.read_now(countermand::store::reader::last_checkpoint).unwrap().as_ref(), Some(&newest));
                assert!(!store.verify(&Against::default()).unwrap().ok, "{what}");
                // It is recorded all the same.
                assert_eq!(size_of(&store), u64::try_from(size).unwrap() + written, "{what}");
                more_events(&store, 1);
                crate::retention::settled(&store);
            }
            drop(store);
            let refused = Store::open(db.options()).err().map(|e| e.to_string()).unwrap_or_default();
            assert!(refused.contains("installation's MAC"), "{what}: {refused}");
        }
    }
}

/// A database from before the head had a MAC gets one at its next start if what it holds is whole, and only then, and once.
#[test]
fn a_head_from_before_gets_its_mac_once() {
    for db in TestDb::each() {
        let (vkey, _) = log(&db);
        let mut site = Site { db: &db, raw: Raw::open(&db), origin: vkey.name().to_owned(), at: 0 };
        site.go_on();
        let refused = |db: &TestDb| Store::open(db.options()).err().map(|e| e.to_string()).unwrap_or_default();
        let seen = db.path().join("log/mac");
        // Where one was seen already, none is refused.
        site.sql("UPDATE log_head SET mac = NULL");
        assert!(refused(&db).contains("installation's MAC"));
        std::fs::remove_file(&seen).unwrap();
        let end = site.size();
        site.sql(&format!("UPDATE log_search SET outcome = 'failed' WHERE idx = {}", end - 1));
        assert!(refused(&db).contains("do not hold"), "{}", refused(&db));
        site.sql(&format!("UPDATE log_search SET outcome = 'refused' WHERE idx = {}", end - 1));
        assert!(inspect(&db.database, db.path(), &Against::default()).unwrap().ok && !seen.exists());
        let store = db.open();
        assert!(seen.exists());
        store.checkpoint_now().unwrap();
        assert!(store.verify(&Against::default()).unwrap().ok);
    }
}
