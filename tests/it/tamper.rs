//! Somebody with full rights on the database changes one byte, or deletes one row: `ledger verify` must find it and name the table.
//! Every byte of every column of every row of the log's tables, one at a time, on both databases.

#![allow(clippy::needless_range_loop)] // rows and columns are walked side by side

mod actors;
mod pending;
mod rows;

use countermand::{
    domain::event::{Action, Event, Outcome, Subject},
    ledger::{
        checkpoint::{self, Note},
        cosignature::{Cosigner, cosign},
    },
    store::{
        Database, Store, reader,
        verify::{Against, Kind, Problem, inspect},
        witnesses::{self, WitnessRow},
    },
};
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, SqliteConnection, connection::SimpleConnection, sql_query, sql_types::Text};
use ed25519_dalek::SigningKey;
use serde_json::json;

use crate::support::db::TestDb;

/// Table, its columns with their types (`t`ext, `b`ytes, `i`nteger), and how many of them make the key.
const TABLES: &[(&str, &str, usize)] = &[
    ("log_events", "idx:i event_id:t leaf:b", 1),
    ("log_parts", "event_id:t name:t month:t salt:b sealed:b bucket:t", 3),
    ("part_keys", "bucket:t state:t sealed:b", 1),
    (
        "log_search",
        "idx:i event_id:t at:i action:t outcome:t actor_id:t actor_name:t subject_kind:t subject_id:t case_id:t session_id:t client_ip:t device_id:t",
        1,
    ),
    ("log_tiles", "level:i idx:i hashes:b", 2),
    ("log_head", "id:i size:i root:b frontier:b last_at:i checkpoint_seq:i mac:b", 1),
    ("log_checkpoints", "seq:i size:i note:t", 1),
    ("log_keys", "id:i vkey:t mldsa:t announced:t retired:t ends_at:i stolen:t", 1),
    ("log_purges", "event_id:t list:t", 1),
    ("settings", "name:t value:t", 1),
];

/// What witnesses said. A line that is deleted is not missed, and how far a witness has come may be noted late, never too far.
const COSIGNED: &[(&str, &str, usize)] = &[("log_cosignatures", "size:i witness:t line:t", 2), ("witnesses", "name:t vkey:t", 1)];

#[derive(QueryableByName)]
struct Cell {
    #[diesel(sql_type = Text)]
    value: String,
}

/// A connection past the product.
pub enum Raw {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Raw {
    pub fn open(db: &TestDb) -> Self {
        match &db.database {
            Database::Sqlite(path) => {
                let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
                conn.batch_execute("PRAGMA busy_timeout=5000; PRAGMA synchronous=OFF").unwrap();
                Self::Sqlite(conn)
            }
            Database::Postgres(url) => Self::Postgres(PgConnection::establish(url).unwrap()),
        }
    }

    pub fn column(&mut self, sql: &str) -> Vec<String> {
        let cells: Vec<Cell> = match self {
            Self::Sqlite(c) => sql_query(sql).load(c).unwrap(),
            Self::Postgres(c) => sql_query(sql).load(c).unwrap(),
        };
        cells.into_iter().map(|c| c.value).collect()
    }

    pub fn execute(&mut self, sql: &str) -> Result<usize, diesel::result::Error> {
        match self {
            Self::Sqlite(c) => sql_query(sql).execute(c),
            Self::Postgres(c) => sql_query(sql).execute(c),
        }
    }

    /// SQL that shows a column as hexadecimal bytes (text, bytes) or as digits; NULL as `-`.
    pub fn shown(&self, column: &str, kind: &str) -> String {
        let shown = match (self, kind) {
            (_, "i") => format!("CAST({column} AS TEXT)"),
            (Self::Sqlite(_), _) => format!("hex(CAST({column} AS BLOB))"),
            (Self::Postgres(_), "t") => format!("encode(convert_to({column}, 'UTF8'), 'hex')"),
            (Self::Postgres(_), _) => format!("encode({column}, 'hex')"),
        };
        // SQLite's hex() of NULL is an empty text, hence not COALESCE.
        format!("CASE WHEN {column} IS NULL THEN '-' ELSE {shown} END")
    }

    /// A literal of what `shown` showed.
    pub fn literal(&self, shown: &str, kind: &str) -> String {
        match (self, kind) {
            _ if shown == "-" => "NULL".to_owned(),
            (_, "i") => shown.to_owned(),
            (Self::Sqlite(_), "t") => format!("CAST(X'{shown}' AS TEXT)"),
            (Self::Sqlite(_), _) => format!("X'{shown}'"),
            (Self::Postgres(_), "t") => format!("convert_from('\\x{shown}'::bytea, 'UTF8')"),
            (Self::Postgres(_), _) => format!("'\\x{shown}'::bytea"),
        }
    }
}

/// Every value one step away: one bit of each byte, or one of the lower bits of a number; a NULL becomes something.
///
/// Of texts and hashes on PostgreSQL every fourth byte: what is read is judged by the same code, and SQLite's run tries each.
fn neighbours(shown: &str, kind: &str, step: usize) -> Vec<String> {
    if shown == "-" {
        return vec!["41".to_owned()];
    }
    if kind == "i" {
        let number: i64 = shown.parse().unwrap();
        return (0..6).map(|bit| (number ^ (1 << bit)).to_string()).collect();
    }
    let bytes = hex::decode(shown).unwrap();
    let flipped = |i: usize| {
        let mut changed = bytes.clone();
        changed[i] ^= 1;
        hex::encode(changed)
    };
    // Of the thousands of bytes of ML-DSA keys and signatures, which come last, every thirty-second.
    const EACH: usize = 360;
    let mut all: Vec<_> = (0..bytes.len())
        .filter(|i| i % step == 0)
        .filter(|i| bytes.len() < 1500 || *i < EACH || i % 32 == 0 || bytes.len() - i < 4)
        .map(flipped)
        .collect();
    all.push(hex::encode([bytes.as_slice(), b"x"].concat()));
    all
}

pub fn log_of_a_few_events(db: &TestDb) -> Store {
    let store = db.open();
    for n in 0..3 {
        store
            .write_now(move |tx| {
                let event = Event::system(Action::RecallDecided, Subject::new("recall", format!("r-{n}")))
                    .outcome(Outcome::Refused)
                    .case("c-1")
                    .detail(json!({ "before": n }))
                    .part("actor", json!({ "name": "林雨桐" }))
                    .part("client", json!({ "client_ip": "203.0.113.86" }));
                tx.append(event)
            })
            .unwrap();
        if n < 2 {
            store.checkpoint_now().unwrap();
        }
        if n == 0 {
            let cut_off = store.now().plus(std::time::Duration::from_micros(1));
            while store.now() <= cut_off {}
            crate::retention::erase_all(&store, cut_off);
        }
    }
    store
}

const WITNESS: &str = "witness.example/tamper";

/// What `key` says under the witness's name of the newest checkpoint; its size, and the line.
fn line_by(store: &Store, key: u8) -> (u64, String) {
    let note = store.read_now(reader::last_checkpoint).unwrap().unwrap();
    let size = checkpoint::open(&note, &store.vkey().unwrap()).unwrap().size;
    (size, cosign(Note::parse(&note).unwrap().text(), WITNESS, &SigningKey::from_bytes(&[key; 32]), 1_790_000_000).unwrap())
}

/// A witness has cosigned the newest checkpoint.
fn cosigned(store: &Store) {
    let (size, line) = line_by(store, 9);
    let vkey = Cosigner::of(WITNESS, &SigningKey::from_bytes(&[9; 32])).unwrap().to_string();
    let size = i64::try_from(size).unwrap();
    store
        .write_now(move |tx| {
            witnesses::keep(tx.conn, size, WITNESS, &line)?;
            witnesses::put(tx.conn, WitnessRow { name: WITNESS.to_owned(), vkey: vkey.clone(), size, seen_at: None, problem: None })
        })
        .unwrap();
}

fn named(db: &TestDb, table: &str) -> Result<(), String> {
    let report = inspect(&db.database, db.path(), &Against::default()).map_err(|e| format!("could not tell: {e}"))?;
    if report.ok {
        return Err("the log was said to hold".to_owned());
    }
    if report.problems.iter().any(|p| p.table == table) { Ok(()) } else { Err(format!("{table} is not named: {:?}", report.problems)) }
}

/// Changes every byte of `tables`, one at a time; at least `least` of them.
fn every_byte_is_watched(tables: impl Fn(&str) -> bool, least: usize) {
    for db in TestDb::each() {
        let step = if db.url().is_some() { 4 } else { 1 };
        let store = log_of_a_few_events(&db);
        cosigned(&store);
        assert!(store.verify(&Against::default()).unwrap().ok);
        drop(store);
        let mut raw = Raw::open(&db);
        let mut tried = 0;
        for (table, columns, keys) in TABLES.iter().chain(COSIGNED).filter(|t| tables(t.0)) {
            let columns: Vec<(&str, &str)> = columns.split(' ').map(|c| c.split_once(':').unwrap()).collect();
            let order: String = columns[..*keys].iter().map(|c| c.0).collect::<Vec<_>>().join(", ");
            let mut values: Vec<Vec<String>> = Vec::new();
            for (name, kind) in &columns {
                let shown = raw.shown(name, kind);
                values.push(raw.column(&format!("SELECT {shown} AS value FROM {table} ORDER BY {order}")));
            }
            for row in 0..values[0].len() {
                for (c, (column, kind)) in columns.iter().enumerate() {
                    let old = values[c][row].clone();
                    for new in neighbours(&old, kind, step) {
                        let at = |raw: &Raw, changed: Option<&str>| {
                            let clause = |k: usize| {
                                let shown = if k == c { changed.unwrap_or(&values[k][row]) } else { &values[k][row] };
                                format!("{} = {}", columns[k].0, raw.literal(shown, columns[k].1))
                            };
                            (0..*keys).map(clause).collect::<Vec<_>>().join(" AND ")
                        };
                        let change = format!("UPDATE {table} SET {column} = {} WHERE {}", raw.literal(&new, kind), at(&raw, None));
                        // What a constraint refuses cannot happen; a byte that is no UTF-8 PostgreSQL refuses itself.
                        let Ok(1) = raw.execute(&change) else { continue };
                        tried += 1;
                        if let Err(why) = named(&db, table) {
                            panic!("{table}.{column}, row {row}: {old} -> {new}: {why}");
                        }
                        let back = format!("UPDATE {table} SET {column} = {} WHERE {}", raw.literal(&old, kind), at(&raw, Some(&new)));
                        assert_eq!(raw.execute(&back), Ok(1), "{back}");
                    }
                }
            }
        }
        assert!(tried > least / step, "{tried} changes tried");
        assert!(inspect(&db.database, db.path(), &Against::default()).unwrap().ok, "everything was put back");
    }
}

// Side by side, because each change is a verification of its own.
#[test]
fn every_byte_of_the_leaves_is_watched() {
    every_byte_is_watched(|table| table == "log_events", 1500);
}

#[test]
fn every_byte_of_the_parts_is_watched() {
    every_byte_is_watched(|table| matches!(table, "log_parts" | "part_keys"), 1000);
}

#[test]
fn every_byte_of_the_checkpoints_and_keys_is_watched() {
    every_byte_is_watched(|table| matches!(table, "log_checkpoints" | "log_keys"), 1000);
}

#[test]
fn every_byte_of_what_else_the_log_has_is_watched() {
    let elsewhere = ["log_events", "log_parts", "part_keys", "log_checkpoints", "log_keys", "log_cosignatures", "witnesses"];
    every_byte_is_watched(|table| !elsewhere.contains(&table), 1000);
}

#[test]
fn every_byte_of_cosignatures_is_watched() {
    every_byte_is_watched(|table| matches!(table, "log_cosignatures" | "witnesses"), 250);
}

/// Lines that nobody's witness wrote, and a witness that is said to have seen more than it did: each is named by its table and as what it is,
/// and none is handed out.
#[test]
fn what_is_put_into_a_witnesses_mouth_is_named() {
    for db in TestDb::each() {
        let store = log_of_a_few_events(&db);
        cosigned(&store);
        let ((size, line), (_, forged)) = (line_by(&store, 9), line_by(&store, 8));
        let mut raw = Raw::open(&db);
        let text = |raw: &Raw, text: &str| raw.literal(&hex::encode(text), "t");
        let (ours, forged, line) = (text(&raw, WITNESS), text(&raw, &forged), text(&raw, &line));
        let set = |line: &str| format!("UPDATE log_cosignatures SET line = {line}");
        let cases = [
            ("log_cosignatures", "does not hold by its key", set(&forged), set(&line)),
            ("log_cosignatures", "does not hold by its key", set(&format!("line || {forged}")), set(&line)),
            (
                "log_cosignatures",
                "a size that was never signed",
                format!("INSERT INTO log_cosignatures (size, witness, line) VALUES ({}, {ours}, {line})", size + 7),
                format!("DELETE FROM log_cosignatures WHERE size = {}", size + 7),
            ),
            (
                "log_cosignatures",
                "by nobody whose key is known",
                format!("INSERT INTO log_cosignatures (size, witness, line) VALUES ({size}, 'x.example', {line})"),
                "DELETE FROM log_cosignatures WHERE witness = 'x.example'".to_owned(),
            ),
            (
                "witnesses",
                "is said to have seen",
                "UPDATE witnesses SET size = size + 1".to_owned(),
                "UPDATE witnesses SET size = size - 1".to_owned(),
            ),
            (
                "witnesses",
                "cannot be read",
                "UPDATE witnesses SET vkey = vkey || ' x'".to_owned(),
                "UPDATE witnesses SET vkey = replace(vkey, ' x', '')".to_owned(),
            ),
        ];
        let given = |store: &Store| {
            store.read_now(|conn| {
                let note = reader::last_checkpoint(conn)?.unwrap();
                witnesses::cosigned(conn, size, note, &[])
            })
        };
        let good = given(&store).unwrap();
        for (table, said, change, back) in cases {
            assert_eq!(raw.execute(&change), Ok(1), "{change}");
            let report = store.verify(&Against::default()).unwrap();
            let found = |p: &Problem| p.kind == Kind::Cosignature && p.table == table && p.detail.contains(said);
            assert!(!report.ok && report.problems.iter().any(found), "{change}: {:?}", report.problems);
            // What others said of the log is no reason to refuse somebody a restore.
            assert_eq!(report.broken(), None, "{change}");
            let handed = given(&store).unwrap();
            assert_eq!(handed == good, !change.contains("SET line"), "{change}: {handed}");
            assert!(!handed.contains(WITNESS) || handed == good, "{change}: {handed}");
            assert_eq!(raw.execute(&back), Ok(1), "{back}");
            assert!(store.verify(&Against::default()).unwrap().ok, "{back}");
        }
    }
}

#[test]
fn every_row_of_the_log_is_missed() {
    for db in TestDb::each() {
        drop(log_of_a_few_events(&db));
        let mut raw = Raw::open(&db);
        for (table, columns, keys) in TABLES {
            let columns: Vec<(&str, &str)> = columns.split(' ').map(|c| c.split_once(':').unwrap()).collect();
            let key: Vec<_> = columns[..*keys].to_vec();
            let order: String = key.iter().map(|c| c.0).collect::<Vec<_>>().join(", ");
            let values: Vec<Vec<String>> = columns
                .iter()
                .map(|(name, kind)| {
                    let shown = raw.shown(name, kind);
                    raw.column(&format!("SELECT {shown} AS value FROM {table} ORDER BY {order}"))
                })
                .collect();
            for row in 0..values[0].len() {
                let clause: Vec<_> = (0..*keys).map(|k| format!("{} = {}", key[k].0, raw.literal(&values[k][row], key[k].1))).collect();
                assert_eq!(raw.execute(&format!("DELETE FROM {table} WHERE {}", clause.join(" AND "))), Ok(1));
                if let Err(why) = named(&db, table) {
                    panic!("{table}, row {row} deleted: {why}");
                }
                let names: Vec<_> = columns.iter().map(|c| c.0).collect();
                let literals: Vec<_> = columns.iter().enumerate().map(|(c, (_, kind))| raw.literal(&values[c][row], kind)).collect();
                raw.execute(&format!("INSERT INTO {table} ({}) VALUES ({})", names.join(", "), literals.join(", "))).unwrap();
            }
        }
        let report = inspect(&db.database, db.path(), &Against::default()).unwrap();
        assert!(report.ok, "everything was put back, but: {:?}", report.problems);
    }
}

/// Text that is not UTF-8, which SQLite stores without complaint.
#[test]
fn unreadable_text_is_named_and_not_a_crash() {
    let db = TestDb::sqlite();
    cosigned(&log_of_a_few_events(&db));
    let mut raw = Raw::open(&db);
    for (table, columns, _) in TABLES.iter().chain(COSIGNED) {
        for (column, kind) in columns.split(' ').map(|c| c.split_once(':').unwrap()) {
            if kind != "t" {
                continue;
            }
            let first = raw.column(&format!("SELECT hex(CAST({column} AS BLOB)) AS value FROM {table} WHERE {column} IS NOT NULL LIMIT 1"));
            let Some(value) = first.first() else { continue };
            let changed = raw.execute(&format!("UPDATE {table} SET {column} = CAST(X'FF' AS TEXT) WHERE {column} = CAST(X'{value}' AS TEXT)"));
            if changed.is_err() {
                continue;
            }
            named(&db, table).unwrap_or_else(|why| panic!("{table}.{column}: {why}"));
            raw.execute(&format!("UPDATE {table} SET {column} = CAST(X'{value}' AS TEXT) WHERE {column} = CAST(X'FF' AS TEXT)")).unwrap();
        }
    }
}

/// Rows that nobody's writer made: too many, in the wrong place, or a whole table gone.
#[test]
fn what_was_put_in_or_moved_is_named() {
    const LAST: &str = "(SELECT max(seq) FROM log_checkpoints)";
    let cases: Vec<(&str, Vec<String>)> = vec![
        ("log_events", vec!["INSERT INTO log_events SELECT size, 'x', leaf FROM log_head, log_events WHERE idx = 0".into()]),
        ("log_events", vec!["INSERT INTO log_events SELECT -1, 'x', leaf FROM log_events WHERE idx = 0".into()]),
        // A gap of a trillion is told by its ends, in no time.
        ("log_events", vec!["UPDATE log_events SET idx = 1099511627776 WHERE idx = 1".into()]),
        ("log_search", vec!["UPDATE log_search SET idx = -7 WHERE idx = 1".into()]),
        ("log_head", vec!["UPDATE log_head SET checkpoint_seq = checkpoint_seq + 1".into()]),
        ("log_keys", vec!["INSERT INTO log_keys (id, vkey) SELECT 2, vkey FROM log_keys".into()]),
        // The rows and their count, both fitted: the copy outside remembers.
        ("log_checkpoints", vec!["DELETE FROM log_checkpoints".into(), "UPDATE log_head SET checkpoint_seq = 0".into()]),
        (
            "log_checkpoints",
            vec![format!("DELETE FROM log_checkpoints WHERE seq = {LAST}"), "UPDATE log_head SET checkpoint_seq = checkpoint_seq - 1".into()],
        ),
        (
            "log_checkpoints",
            vec![
                format!("INSERT INTO log_checkpoints SELECT seq + 1, size, note FROM log_checkpoints WHERE seq = {LAST}"),
                "UPDATE log_head SET checkpoint_seq = checkpoint_seq + 1".into(),
            ],
        ),
        (
            "log_checkpoints",
            vec![
                "UPDATE log_checkpoints SET seq = -1 WHERE seq = 1".into(),
                "UPDATE log_checkpoints SET seq = 1 WHERE seq = 2".into(),
                "UPDATE log_checkpoints SET seq = 2 WHERE seq = -1".into(),
            ],
        ),
        ("log_checkpoints", vec!["UPDATE log_checkpoints SET note = note || '— other.example AAAAAAAA' || chr(10) WHERE seq = 1".into()]),
        ("settings", vec!["DELETE FROM settings WHERE name = 'installation'".into()]),
        ("settings", vec!["UPDATE settings SET value = '00' WHERE name = 'envelope'".into()]),
        ("log_tiles", vec!["DROP TABLE log_tiles".into()]),
        ("log_head", vec!["DROP TABLE log_head".into()]),
    ];
    for (table, statements) in cases {
        for db in TestDb::each() {
            drop(log_of_a_few_events(&db));
            let mut raw = Raw::open(&db);
            for sql in &statements {
                let sql = if matches!(raw, Raw::Sqlite(_)) { sql.replace("chr(10)", "char(10)") } else { sql.clone() };
                raw.execute(&sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
            }
            named(&db, table).unwrap_or_else(|why| panic!("{statements:?}: {why}"));
        }
    }
}

/// Thousands of events are read in several batches, and checkpoints lie within tiles: what was changed is still named by its own index.
#[test]
fn a_change_far_into_a_long_log_is_named_where_it_is() {
    const SIZE: usize = 5003;
    for db in TestDb::each() {
        let store = db.open();
        for (events, size) in [(700, 700), (SIZE - 701, SIZE - 1)] {
            store
                .write_now(move |tx| {
                    for n in 0..events {
                        tx.append(Event::system(Action::SettingChanged, Subject::new("setting", "s")).detail(json!({ "after": n })))?;
                    }
                    Ok(())
                })
                .unwrap();
            // On PostgreSQL they take their places after the write.
            while store.read_now(reader::head).unwrap().size() < size as u64 {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            store.checkpoint_now().unwrap();
        }
        let report = store.verify(&Against::default()).unwrap();
        assert!(report.ok && report.size >= SIZE as u64 - 1, "{report:?}");
        assert_eq!((report.checked.leaves, report.checked.projections), (report.size, report.size));
        drop(store);
        let mut raw = Raw::open(&db);
        let part = "event_id = (SELECT event_id FROM log_events WHERE idx = 4900)";
        for (table, index, change, back) in [
            (
                "log_search",
                4800,
                "UPDATE log_search SET subject_id = 't' WHERE idx = 4800".to_owned(),
                "UPDATE log_search SET subject_id = 's' WHERE idx = 4800".to_owned(),
            ),
            (
                "log_parts",
                4900,
                format!("UPDATE log_parts SET name = 'text' WHERE {part}"),
                format!("UPDATE log_parts SET name = 'detail' WHERE {part}"),
            ),
            (
                "log_tiles",
                1,
                "UPDATE log_tiles SET idx = 1000 WHERE level = 0 AND idx = 1".to_owned(),
                "UPDATE log_tiles SET idx = 1 WHERE level = 0 AND idx = 1000".to_owned(),
            ),
            ("log_events", 4999, "DELETE FROM log_events WHERE idx = 4999".to_owned(), String::new()),
        ] {
            assert_eq!(raw.execute(&change), Ok(1), "{change}");
            let report = inspect(&db.database, db.path(), &Against::default()).unwrap();
            let named = |p: &countermand::store::verify::Problem| p.table == table && p.index == Some(index);
            assert!(!report.ok && report.problems.iter().any(named), "{change}: {:?}", report.problems.iter().take(5).collect::<Vec<_>>());
            if !back.is_empty() {
                assert_eq!(raw.execute(&back), Ok(1), "{back}");
            }
        }
    }
}

/// Another key file, or an empty database beside a log's checkpoint: nothing is opened, so nothing can be signed twice.
#[test]
fn another_key_or_an_empty_database_is_refused() {
    for db in TestDb::each() {
        drop(log_of_a_few_events(&db));
        let key = db.path().join("keys/envelope.key");
        let ours = std::fs::read(&key).unwrap();
        std::fs::write(&key, format!("{}\n", "ab".repeat(32))).unwrap();
        let refused = Store::open(db.options()).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(refused.contains("envelope key"), "{refused}");
        std::fs::write(&key, ours).unwrap();
        drop(db.open());
    }
    let db = TestDb::sqlite();
    drop(log_of_a_few_events(&db));
    for file in ["countermand.db", "countermand.db-wal", "countermand.db-shm"] {
        let _ = std::fs::remove_file(db.path().join(file));
    }
    for _ in 0..2 {
        let refused = Store::open(db.options()).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(refused.contains("the database is empty"), "{refused}");
    }
}
