//! The viewer of the trail: what can be looked for and by whom, that its index holds no word in the clear, that it cannot be bent unseen, and
//! that what was erased is not found.

use std::time::Duration;

use countermand::{
    clock::Instant,
    domain::{
        event::{Action, Event, Outcome, Subject},
        role::Role,
    },
    store::{
        Database, Store,
        page::Turn,
        reader::{self, Filter},
        verify::{Against, Kind, inspect},
        words::Words,
    },
};
use serde_json::json;

use crate::{
    recalls::stage::{Person, Stage},
    retention::{erase_all, raw, settled},
    support::{db::TestDb, html::assert_sound},
};

/// More than any of these logs takes.
const LONG: Duration = Duration::from_secs(60);

fn addressed(fields: &[(&str, &str)]) -> String {
    format!("/audit?{}", url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish())
}

/// The indices of the events on the first page.
async fn found(stage: &Stage, who: &Person, fields: &[(&str, &str)]) -> Vec<u64> {
    let page = stage.get(who, &addressed(fields)).await;
    assert_eq!(page.status, 200, "{fields:?}: {}", page.body);
    assert_sound(&page.body);
    let rows = page.body.split("<a href=\"/audit/").skip(1);
    rows.filter_map(|rest| rest.split('"').next()?.parse().ok()).collect()
}

#[actix_web::test]
async fn the_trail_is_found_by_words_networks_devices_and_objects() {
    for db in TestDb::each() {
        let stage = Stage::set_on(db, |_| {}).await;
        let cast = stage.cast().await;
        let auditor = stage.person("shenruochuan", &[Role::Auditor], "审计部").await;
        let case = stage.approved(&cast).await;
        settled(&stage.app.store);
        let loaded = stage.loaded(&case).await.row;
        let events = stage.events(&case).await;
        let decided: Vec<u64> = events.iter().filter(|e| e.leaf.action == "recall.decided").map(|e| e.index).rev().collect();
        assert_eq!(decided.len(), 3);
        let all: Vec<u64> = events.iter().map(|e| e.index).rev().collect();

        for words in ["情况属实，依制度处理", "依制度", "度处理 情况", "ｓｅｃｏｎｄ 制度"] {
            let expected = if words.contains('ｓ') { Vec::new() } else { decided.clone() };
            assert_eq!(found(&stage, &auditor, &[("words", words), ("action", "recall.decided")]).await, expected, "{words}");
        }
        for half in ["zhouqiming", "ZhouQ", "ｚｈｏｕｑ"] {
            let theirs = found(&stage, &auditor, &[("words", "依制度"), ("actor", half), ("action", "recall.decided")]).await;
            assert_eq!(theirs, [*decided.last().unwrap()], "{half}");
        }
        assert!(found(&stage, &auditor, &[("actor", "qiming"), ("outcome", "success")]).await.is_empty());
        for (network, inside) in [
            ("127.0.0.0/8", true),
            ("127.0.0.0/9", true),
            ("127.0.0.1", true),
            ("127.0.0.0/31", true),
            ("0.0.0.0/0", true),
            ("64.0.0.0/2", true),
            ("::ffff:127.0.0.0/105", true),
            ("127.128.0.0/9", false),
            ("127.0.0.2/31", false),
            ("10.0.0.0/7", false),
            ("::1/128", false),
            ("2001:db8::/32", false),
        ] {
            let rows = found(&stage, &auditor, &[("address", network), ("action", "recall.decided")]).await;
            assert_eq!(rows, if inside { decided.clone() } else { Vec::new() }, "{network}");
        }
        assert_eq!(found(&stage, &auditor, &[("words", "127.0.0.1"), ("action", "recall.decided")]).await, decided);
        // The number of a case is its events.
        assert_eq!(found(&stage, &auditor, &[("words", &loaded.number.to_lowercase())]).await, all);
        assert_eq!(found(&stage, &auditor, &[("words", &format!("{} 依制度", loaded.number)), ("actor", "")]).await, decided);
        let object = found(&stage, &auditor, &[("object", &loaded.broadcast_id)]).await;
        assert!(object.len() > 2 && object.iter().all(|index| !decided.contains(index)), "{object:?}");
        // What is looked for is on record, and is found there by the next search.
        let mine = found(&stage, &auditor, &[("words", "qiming"), ("action", "audit.searched"), ("actor", "shen")]).await;
        assert_eq!(mine.len(), 1);
        // The title of the message is only for those who may read contents: no search tells where it stands.
        assert!(found(&stage, &auditor, &[("words", "年度薪酬调整方案"), ("case", &loaded.number)]).await.is_empty());
        let report = stage.app.store.verify(&Against::default()).unwrap();
        assert!(report.ok, "{:#?}", report.problems);
    }
}

#[actix_web::test]
async fn a_hostile_search_is_answered_or_refused_at_its_field() {
    let stage = Stage::set().await;
    let auditor = stage.person("shenruochuan", &[Role::Auditor], "审计部").await;
    let (long, wide) = ("a".repeat(10_000), "长".repeat(2000));
    for field in ["words", "actor", "object", "device", "address", "case", "action", "outcome", "from", "to"] {
        for text in [
            "\"",
            "'",
            "a\" OR \"b",
            "NEAR(a b)",
            "words:x",
            "-x",
            "x*",
            "^x",
            "(",
            ")",
            "AND",
            "a AND",
            "{x}",
            "%",
            "_",
            "\\",
            "$1",
            "?",
            "😀",
            "👨‍👩‍👧",
            "\0",
            "\u{202e}abc",
            "ＡＢＣ　全角",
            "a\nb",
            "x/16",
            "1e9",
            "' OR 1=1 --",
            "<script>alert(1)</script>",
            &long,
            &wide,
            "ÀÉ ß ﬁ",
            "\u{10ffff}",
        ] {
            let page = stage.get(&auditor, &addressed(&[(field, text)])).await;
            assert!(matches!(page.status, 200 | 422), "{field}={text:.40?}: {}", page.status);
            assert!(!page.body.contains("<script>alert"), "{field}");
            if page.status == 422 {
                assert_sound(&page.body);
                assert!(page.body.contains(&format!("id=\"{field}-e\"")) || ["case", "action", "outcome"].contains(&field), "{field}={text:.40?}");
            }
        }
    }
}

/// A log with a word in it that nothing else has, and its index.
async fn indexed(db: &TestDb) -> Store {
    let store = db.open();
    for n in 0..6 {
        let written = store.write_now(move |tx| {
            tx.append(
                Event::system(Action::HoldReleased, Subject::new("hold", format!("r-{n}")))
                    .outcome(if n % 2 == 0 { Outcome::Success } else { Outcome::Refused })
                    .text(json!({ "comment": format!("蚍蜉撼树 chrysanthemum{n}") }))
                    .part("actor", json!({ "name": "林雨桐" }))
                    .part("client", json!({ "client_ip": "2001:db8:7::9" })),
            )
        });
        written.unwrap();
    }
    settled(&store);
    let size = store.read_now(reader::head).unwrap().size();
    assert_eq!(store.read_words(LONG).await.unwrap(), size);
    store
}

fn searched(store: &Store, words: &str) -> usize {
    let filter = Filter { words: Words::new(store.keys()).text(words), ..Filter::default() };
    assert!(!filter.words.is_empty());
    store.read_now(move |conn| reader::search(conn, &filter, &Turn::First, 100)).unwrap().len()
}

fn contains(bytes: &[u8], word: &str) -> bool {
    bytes.windows(word.len()).any(|window| window == word.as_bytes())
}

/// The marks that the index on SQLite has, without what every mark begins with alike; and the bytes of its pages.
fn marks(path: &std::path::Path) -> (std::collections::BTreeSet<String>, Vec<u8>) {
    let conn = rusqlite::Connection::open(path).unwrap();
    conn.execute_batch("CREATE VIRTUAL TABLE temp.kept USING fts5vocab(main, log_words, 'row')").unwrap();
    let all = |sql: &str| -> Vec<Vec<u8>> { conn.prepare(sql).unwrap().query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap() };
    let terms = all("SELECT CAST(term AS BLOB) FROM kept").into_iter().map(|term| String::from_utf8(term).unwrap());
    (terms.collect(), all("SELECT block FROM log_words_data").concat())
}

#[actix_web::test]
async fn what_was_erased_leaves_no_mark_in_the_file() {
    let Some(db) = TestDb::each().into_iter().find(|db| matches!(db.database, Database::Sqlite(_))) else { return };
    let Database::Sqlite(path) = db.database.clone() else { return };
    let store = indexed(&db).await;
    // So many others that FTS5 by itself would leave the few deleted ones where they are.
    for n in 0..400 {
        store.write_now(move |tx| tx.append(Event::system(Action::HoldReleased, Subject::new("hold", format!("later-{n}"))))).unwrap();
    }
    store.read_words(LONG).await.unwrap();
    let first = store.read_now(|conn| reader::event(conn, 5)).unwrap().leaf.at;
    let (before, pages) = marks(&path);
    // Terms share their beginnings within a page.
    assert!(before.iter().all(|mark| contains(&pages, &mark[4..])));
    erase_all(&store, Instant(first.0 + 1));
    let (after, _) = marks(&path);
    let gone: Vec<_> = before.difference(&after).collect();
    assert!(gone.len() > 5, "{gone:?}");
    store.give_back(Instant(0)).unwrap();
    let (_, pages) = marks(&path);
    assert!(after.iter().all(|mark| contains(&pages, &mark[4..])));
    assert_eq!(gone.into_iter().filter(|mark| contains(&pages, &mark[3..])).collect::<Vec<_>>(), Vec::<&String>::new());
}

#[actix_web::test]
async fn what_was_erased_is_not_found_and_no_word_was_ever_written_down() {
    for db in TestDb::each() {
        let store = indexed(&db).await;
        assert_eq!((searched(&store, "蚍蜉"), searched(&store, "Chrysanthemum3"), searched(&store, "林雨")), (6, 1, 6));
        let nets = |text: &str, bits| Filter { words: vec![Words::new(store.keys()).net(text.parse().unwrap(), bits)], ..Filter::default() };
        let inside = nets("2001:db8:7::", 45);
        let count = |filter: Filter| store.read_now(move |conn| reader::times(conn, &filter, 100)).unwrap().len();
        assert_eq!((count(inside.clone()), count(nets("2001:db8:8::", 45))), (6, 0));
        if let Database::Sqlite(path) = &db.database {
            for file in [path.clone(), path.with_extension("db-wal")] {
                let bytes = std::fs::read(&file).unwrap_or_default();
                assert!(!contains(&bytes, "chrysanthemum") && !contains(&bytes, "蚍蜉"), "{file:?}");
            }
        }
        erase_all(&store, Instant(store.now().0 + 1));
        assert_eq!((searched(&store, "蚍蜉"), searched(&store, "Chrysanthemum3"), searched(&store, "林雨"), count(inside)), (0, 0, 0, 0));
        let refused = Filter { words: vec![Words::new(store.keys()).outcome("refused")], ..Filter::default() };
        assert_eq!(count(refused), 3, "what the leaf itself says is still found");
        store.read_words(LONG).await.unwrap();
        let report = store.verify(&Against::default()).unwrap();
        assert!(report.ok, "{:#?}", report.problems);
    }
}

#[actix_web::test]
async fn words_that_are_missing_added_or_moved_are_named() {
    for db in TestDb::each() {
        let store = indexed(&db).await;
        let size = store.read_now(reader::head).unwrap().size;
        drop(store);
        let changes: Vec<String> = match &db.database {
            Database::Sqlite(_) => vec![
                "DELETE FROM log_words WHERE rowid = 2".into(),
                "INSERT INTO log_words (rowid, words) VALUES (2, 'aaaaaaaa')".into(),
                format!("INSERT INTO log_words (rowid, words) VALUES ({}, 'aaaaaaaa')", size + 7),
                "DELETE FROM log_words_docsize WHERE id = 3".into(),
                "UPDATE log_words_data SET block = substr(block, 1, length(block) - 9) WHERE id > 1000".into(),
                "UPDATE log_words_data SET block = zeroblob(200) WHERE id > 1000".into(),
                "DROP TABLE log_words".into(),
            ],
            Database::Postgres(_) => vec![
                "DELETE FROM log_words WHERE idx = 2".into(),
                "UPDATE log_words SET words = words[2:] WHERE idx = 2".into(),
                "UPDATE log_words SET words = words || '{aaaaaaaa}' WHERE idx = 2".into(),
                format!("INSERT INTO log_words VALUES ({}, '{{aaaaaaaa}}')", size + 7),
                "INSERT INTO log_words VALUES (-1, '{aaaaaaaa}')".into(),
                "UPDATE log_words SET words[1] = NULL WHERE idx = 3".into(),
                "DROP TABLE log_words".into(),
            ],
        };
        for change in changes {
            let (was, copy) = (db.database.clone(), "words_before");
            let mut raw = raw(&db);
            let backup = match &was {
                Database::Sqlite(path) => {
                    let kept = path.with_extension("kept");
                    raw.run("PRAGMA wal_checkpoint(TRUNCATE)");
                    std::fs::copy(path, &kept).unwrap();
                    Some((path.clone(), kept))
                }
                Database::Postgres(_) => {
                    raw.run(&format!("CREATE TABLE {copy} AS SELECT * FROM log_words"));
                    None
                }
            };
            raw.run(&change);
            let report = inspect(&db.database, db.path(), &Against::default()).unwrap();
            let named = report.problems.iter().any(|p| p.table == "log_words" && p.kind == Kind::Projection);
            assert!(!report.ok && named, "{change}: {:#?}", report.problems);
            match backup {
                Some((path, kept)) => {
                    drop(raw);
                    for ending in ["db-wal", "db-shm"] {
                        let _ = std::fs::remove_file(path.with_extension(ending));
                    }
                    std::fs::copy(kept, path).unwrap();
                }
                None if change.starts_with("DROP") => {}
                None => raw.run(&format!("DELETE FROM log_words; INSERT INTO log_words SELECT * FROM {copy}; DROP TABLE {copy}")),
            }
            if !change.starts_with("DROP") {
                let report = inspect(&db.database, db.path(), &Against::default()).unwrap();
                assert!(report.ok, "put back after {change}: {:#?}", report.problems);
            }
        }
    }
}
