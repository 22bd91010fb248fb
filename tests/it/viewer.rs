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
    support::{
        catalogued::{self, Leaf},
        db::TestDb,
        html::assert_sound,
    },
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
    for field in ["words", "actor", "object", "device_id", "address", "case", "action", "outcome", "from", "to"] {
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
                Event::system(Action::RecallWithdrawn, Subject::new("recall", format!("r-{n}")))
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
        store.write_now(move |tx| tx.append(Event::system(Action::RecallWithdrawn, Subject::new("recall", format!("later-{n}"))))).unwrap();
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
        db.wait_until_closed();
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

/// An export by somebody in one session, and the parts of it that a broken connection left.
#[actix_web::test]
async fn an_export_is_gone_on_with_where_it_broke_off() {
    for db in TestDb::each() {
        let stage = Stage::set_on(db, |_| {}).await;
        let cast = stage.cast().await;
        let auditor = stage.person("shenruochuan", &[Role::Auditor], "审计部").await;
        stage.approved(&cast).await;
        settled(&stage.app.store);
        let session = stage.session_of(&auditor).await.0;
        for format in ["jsonl", "csv"] {
            stage.clock.advance(Duration::from_secs(30));
            let fields = [("words", "制度"), ("format", format), ("totp", &stage.code(&auditor))];
            let whole = stage.post_as(&session, "/audit/exports", &fields).await;
            assert_eq!(whole.status, 200, "{}", whole.body);
            let lines: Vec<&str> = whole.body.lines().collect();
            let page = stage.get_as(&session, "/audit").await;
            let id = page.body.split("\"/audit/exports/").nth(1).unwrap().split('"').next().unwrap().to_owned();
            let export = stage.get_as(&session, &format!("/audit/exports/{id}")).await;
            assert!(export.status == 200, "{format} {id}: {}", page.body.matches("/audit/exports/").count());
            assert!(export.status == 200 && export.body.contains("已全部发送") && export.body.contains("关键词：制度"), "{}", export.body);
            assert_sound(&export.body);
            let again = stage.get_as(&session, &format!("/audit/exports/{id}/file")).await;
            assert_eq!(again.body, whole.body, "the log has grown, the export has not");
            // The first two records arrived.
            let head = usize::from(format == "csv");
            let second = lines[head + 1];
            let index: u64 = match format {
                "csv" => second.split(',').next().unwrap().trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap(),
                _ => serde_json::from_str::<serde_json::Value>(second).unwrap()["index"].as_u64().unwrap(),
            };
            let rest = stage.get_as(&session, &format!("/audit/exports/{id}/file?after={index}")).await;
            assert_eq!(rest.body.lines().collect::<Vec<_>>(), lines[head + 2..], "{format}");
            assert_eq!(stage.get_as(&session, &format!("/audit/exports/{id}/file?after=x")).await.status, 400);
            // Nobody else's, and not from another session.
            for path in [format!("/audit/exports/{id}"), format!("/audit/exports/{id}/file")] {
                let other = stage.session_of(&auditor).await.0;
                assert_eq!(stage.get_as(&other, &path).await.status, 404, "{path}");
            }
        }
        stage.clock.advance(Duration::from_secs(25 * 3600));
        let report = stage.app.store.verify(&Against::default()).unwrap();
        assert!(report.ok, "{:#?}", report.problems);
    }
}

#[actix_web::test]
async fn programs_take_any_search_as_lines_with_the_scope_to_export() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    stage.approved(&cast).await;
    let (reads, exports) = (stage.token(None, &["audit.read"]).await, stage.token(None, &["audit.read", "audit.export"]).await);
    let lines = async |token: &str, path: &str| {
        let url = format!("{}/api/v1/events{path}", stage.base);
        let request = reqwest::Client::new().get(url).bearer_auth(token).header("accept", "application/jsonl");
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!(lines(&reads, "").await.0, 403);
    let (status, all) = lines(&exports, "").await;
    let all: Vec<serde_json::Value> = all.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((status, all[0]["action"].as_str()), (200, Some("log.started")));
    assert!(all.iter().enumerate().all(|(at, event)| event["index"] == at), "in the order of the log");
    let (_, rest) = lines(&exports, "?after=4").await;
    assert_eq!(serde_json::from_str::<serde_json::Value>(rest.lines().next().unwrap()).unwrap(), all[5]);
    let (_, decided) = lines(&exports, "?words=%E5%88%B6%E5%BA%A6&action=recall.decided").await;
    assert_eq!(decided.lines().count(), 3);
    assert_eq!(lines(&exports, "?from=yesterday").await.0, 422);
    assert_eq!(lines(&exports, "?device_id=3F-A21C").await, (200, String::new()));
    let types = stage.api(&reads, "/event-types", None, None).await.json();
    let decided = types["types"].as_array().unwrap().iter().find(|t| t["action"] == "recall.decided").unwrap();
    assert_eq!((&decided["ocsf"]["class_uid"], &decided["privileged"]), (&json!(3004), &json!(null)), "{decided:#}");
    assert_eq!(decided["meaning"]["zh-CN"], "审批决定", "{decided:#}");
}

/// A filter that nobody reads would give the whole trail.
#[actix_web::test]
async fn a_filter_that_there_is_not_is_refused_by_its_name() {
    for db in TestDb::each() {
        let stage = Stage::set_on(db, |_| {}).await;
        let (token, stranger) = (stage.token(None, &["audit.read", "audit.export"]).await, stage.token(None, &["broadcast.send"]).await);
        for media in ["application/json", "application/jsonl"] {
            let get = async |token: &str, query: &str| {
                let url = format!("{}/api/v1/events?{query}", stage.base);
                let answer = reqwest::Client::new().get(url).bearer_auth(token).header("accept", media).send().await.unwrap();
                let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
                (answer.status().as_u16(), kind, answer.text().await.unwrap())
            };
            for (query, wrong) in [
                ("to=2026-11-22", vec!["to"]),
                ("user=lin&action=recall.decided", vec!["user"]),
                ("device=3F-A21C", vec!["device"]),
                ("Device=x&after=z&from=1", vec!["Device", "from", "after"]),
                ("limit=-1", vec!["limit"]),
            ] {
                let before = stage.app.store.read_now(reader::head).unwrap().size();
                let (status, kind, body) = get(&token, query).await;
                assert_eq!((status, kind.as_str()), (422, "application/problem+json"), "{query}: {body}");
                let problem: serde_json::Value = serde_json::from_str(&body).unwrap();
                let named: Vec<&str> = problem["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect();
                assert_eq!(named, wrong, "{body}");
                settled(&stage.app.store);
                let events = stage.app.store.read_now(move |conn| reader::events_from(conn, before, 10)).unwrap();
                let left: Vec<_> = events.iter().map(|e| (e.leaf.action.as_str(), e.leaf.outcome.as_str())).collect();
                assert_eq!(left, [("audit.searched", "refused")], "{query}");
            }
            assert_eq!(get(&stranger, "to=x").await.0, 403, "what there is to be asked is told to who may ask");
            let (status, _, body) = get(&token, "device_id=3F-A21C").await;
            assert!(status == 200 && !body.contains("\"leaf\""), "{body}");
        }
    }
}

/// The pages of a search are of that search: not what comes after it, and not for ever.
#[actix_web::test]
async fn a_ticket_shows_what_there_was_and_for_an_hour() {
    for db in TestDb::each() {
        let stage = Stage::set_on(db, |_| {}).await;
        let auditor = stage.person("shenruochuan", &[Role::Auditor], "审计部").await;
        let cast = stage.cast().await;
        stage.approved(&cast).await;
        for n in 0..60 {
            let event = Event::system(Action::SettingChanged, Subject::new("setting", format!("s{n}")));
            stage.app.record(event).await.unwrap();
        }
        settled(&stage.app.store);
        // One session, as a browser has it.
        let (cookie, session) = stage.session_of(&auditor).await;
        let page = stage.get_as(&cookie, "/audit").await;
        let rest = page.body.split("before=").nth(1).unwrap();
        let (index, ticket) = rest.split_once("shown=").unwrap();
        let index: u64 = index.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap();
        let ticket = ticket.split('"').next().unwrap().to_owned();
        let size = |stage: &Stage| {
            settled(&stage.app.store);
            stage.app.store.read_now(reader::head).unwrap().size()
        };
        let searched = size(&stage);
        let rows =
            |body: &str| -> Vec<u64> { body.split("<a href=\"/audit/").skip(1).filter_map(|rest| rest.split('"').next()?.parse().ok()).collect() };
        let older = stage.get_as(&cookie, &format!("/audit?before={index}&shown={ticket}")).await;
        assert_eq!((rows(&older.body).first(), size(&stage)), (Some(&(index - 1)), searched), "a page leaves no event");
        stage.app.record(Event::system(Action::SettingChanged, Subject::new("setting", "new"))).await.unwrap();
        let grown = size(&stage);
        for path in [format!("/audit?after={}&shown={ticket}", searched - 2), format!("/audit?before={}&shown={ticket}", grown + 9)] {
            let seen = rows(&stage.get_as(&cookie, &path).await.body);
            assert!(seen.iter().all(|index| *index < searched) && size(&stage) == grown, "{path}: {seen:?}");
        }
        // What is forged of it is nobody's search.
        let forged = format!("{}{}", grown, &ticket[ticket.find('-').unwrap()..]);
        let seen = rows(&stage.get_as(&cookie, &format!("/audit?after={}&shown={forged}", searched - 2)).await.body);
        assert!(seen.contains(&searched) && size(&stage) == grown + 1, "{seen:?}");
        stage.clock.advance(Duration::from_secs(3600));
        let now = stage.app.now();
        let written = stage.app.store.write(move |tx| {
            use countermand::store::schema::sessions;
            use diesel::prelude::*;
            let longer = (sessions::seen_at.eq(now.0), sessions::expires_at.eq(now.plus(Duration::from_secs(60)).0));
            Ok(diesel::update(sessions::table.find(&session)).set(longer).execute(tx.conn)?)
        });
        assert_eq!(written.await.unwrap().value, 1);
        stage.get_as(&cookie, &format!("/audit?before={index}&shown={ticket}")).await;
        assert_eq!(size(&stage), grown + 2, "an old ticket is a new search");
    }
}

/// The command line and holds know accounts by their user names, the trail by their ids.
#[actix_web::test]
async fn a_person_is_found_by_user_name() {
    for db in TestDb::each() {
        let stage = Stage::set_on(db, |_| {}).await;
        let auditor = stage.person("shenruochuan", &[Role::Auditor], "审计部").await;
        let cast = stage.cast().await;
        stage.approved(&cast).await;
        let id = cast.reviewer.caller.id.clone();
        let written = stage.app.store.write(move |tx| {
            use countermand::store::schema::users;
            use diesel::prelude::*;
            diesel::update(users::table.find(&id)).set(users::username.eq("r.20417")).execute(tx.conn)?;
            Ok(())
        });
        written.await.unwrap();
        settled(&stage.app.store);
        let by_id = found(&stage, &auditor, &[("actor", &cast.reviewer.caller.id), ("action", "recall.decided")]).await;
        assert_eq!(by_id.len(), 1);
        assert_eq!(found(&stage, &auditor, &[("actor", "R.20417"), ("action", "recall.decided")]).await, by_id);
        assert!(found(&stage, &auditor, &[("actor", "r.20418"), ("action", "recall.decided")]).await.is_empty());
    }
}

#[actix_web::test]
async fn counts_and_hours_say_what_the_search_finds() {
    for db in TestDb::each() {
        let stage = Stage::set_on(db, |_| {}).await;
        let cast = stage.cast().await;
        let auditor = stage.person("shenruochuan", &[Role::Auditor], "审计部").await;
        stage.approved(&cast).await;
        settled(&stage.app.store);
        let size = stage.app.store.read_now(reader::head).unwrap().size();
        // The session that is begun for it and the search are events themselves, and are counted with the others.
        let page = stage.get(&auditor, "/audit").await;
        assert!(page.body.contains(&format!("共 {} 条，按时间倒序", size + 2)), "{}", page.body);
        let table = |body: &str, class: &str| -> u64 {
            let table = body.split(&format!("<table class=\"{class}\">")).nth(1).unwrap().split("</table>").next().unwrap().to_owned();
            let cells = table.split("</td>").filter_map(|cell| cell.rsplit('>').next()).map(|text| text.replace(',', ""));
            cells.filter_map(|text| text.parse::<u64>().ok()).sum()
        };
        for (path, n) in [("/audit?outcome=success&action=recall.decided", 3), ("/audit?words=%E4%BE%9D%E5%88%B6%E5%BA%A6&action=recall.decided", 3)]
        {
            let page = stage.get(&auditor, path).await;
            assert!(page.body.contains(&format!("共 {n} 条")), "{path}");
            assert_eq!((table(&page.body, "trend"), table(&page.body, "heat")), (n, n), "{path}");
        }
        let size = stage.app.store.read_now(reader::head).unwrap().size();
        let page = stage.get(&auditor, "/audit").await;
        assert_eq!((table(&page.body, "trend"), table(&page.body, "heat")), (size + 2, size + 2));
        stage.app.store.checkpoint().await.unwrap();
        let day = stage.get(&auditor, "/audit?from=2026-11-22&to=2026-11-22&lang=en").await;
        assert!(day.body.contains("Not wholly verified yet") && !day.body.contains("Verified up to record"), "{}", day.body);
        countermand::app::verification::full(&stage.app).await.unwrap();
        let verified = stage.app.store.read_now(countermand::app::verification::found).unwrap().whole.unwrap();
        for _ in 0..3 {
            stage.get(&auditor, "/audit").await;
        }
        stage.app.store.checkpoint().await.unwrap();
        let day = stage.get(&auditor, "/audit?from=2026-11-22&to=2026-11-22&lang=en").await;
        assert!(day.body.contains(&format!("Verified up to record {} ", verified.size - 1)), "what was signed since is not verified: {}", day.body);
        assert!(!day.body.contains("26 hours"));
        assert!(day.body.contains("newest first") && day.body.contains("Verified up to record"), "{}", day.body);
        stage.clock.advance(Duration::from_secs(27 * 3600));
        let late = stage.get(&auditor, "/audit?lang=en").await;
        assert!(late.body.contains("No whole verification for more than 26 hours"), "{}", late.body);
        assert_sound(&late.body);
        let none = stage.get(&auditor, "/audit?to=2020-01-01").await;
        assert!(none.body.contains("没有符合条件的记录") && none.body.contains("共 0 条"), "{}", none.body);
    }
}

#[actix_web::test]
async fn a_search_is_kept_for_oneself_or_for_all_who_audit() {
    let stage = Stage::set().await;
    let auditor = stage.person("shenruochuan", &[Role::Auditor], "审计部").await;
    let other = stage.person("xuzhou", &[Role::Auditor], "审计部").await;
    for (name, shared) in [("我的检索", ""), ("共享检索", "1")] {
        let fields = [("name", name), ("shared", shared), ("words", "薪酬"), ("from", "2026-11-01"), ("to", "2026-11-22")];
        let kept = stage.post(&auditor, "/audit/searches", &fields).await;
        assert_eq!(kept.status, 303, "{}", kept.body);
        let link = kept.location.replace('&', "&#38;");
        let mine = stage.get(&auditor, "/audit").await;
        assert!(mine.body.contains(name) && mine.body.contains(&format!("<a href=\"{link}\">{name}</a>")), "{link}: {}", mine.body);
        assert_sound(&mine.body);
        assert_eq!(stage.get(&other, "/audit").await.body.contains(name), shared == "1");
    }
    let page = stage.get(&other, "/audit").await;
    assert!(!page.body.contains("/removals"), "what another shares is not removed");
    let page = stage.get(&auditor, "/audit").await;
    let removal = page.body.split("action=\"").find(|rest| rest.contains("/removals\"")).unwrap().split('"').next().unwrap().to_owned();
    assert_eq!(stage.post(&other, &removal, &[]).await.status, 404);
    assert_eq!(stage.post(&auditor, &removal, &[]).await.status, 303);
    let page = stage.get(&auditor, "/audit").await;
    assert!(!page.body.contains("我的检索") && page.body.contains("共享检索"), "{}", page.body);
    let nameless = stage.post(&auditor, "/audit/searches", &[("name", " "), ("words", "薪酬")]).await;
    assert!(nameless.status == 422 && nameless.body.contains("id=\"save-name-e\"") && nameless.body.contains("value=\"薪酬\""), "{}", nameless.body);
    assert_sound(&nameless.body);
}

/// What the catalogue says of events is what events say; and who can read the trail can read what is recorded of whom.
#[actix_web::test]
async fn events_are_as_the_catalogue_says() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let auditor = stage.person("shenruochuan", &[Role::Auditor], "审计部").await;
    stage.approved(&cast).await;
    stage.settle(4, 1).await;
    stage.post(&auditor, "/audit/searches", &[("name", "检索"), ("words", "薪酬")]).await;
    let page = stage.get(&auditor, "/audit?words=x&address=10.0.0.0/9&device_id=3F-A21C").await;
    assert!(page.body.contains("设备：3F-A21C"), "the condition by its name: {}", page.body);
    stage.get(&auditor, "/audit/3").await;
    let (store, keys) = (stage.app.store.clone(), stage.app.store.keys().clone());
    let events = store.read_now(|conn| reader::events_from(conn, 0, 10_000)).unwrap();
    let parts = store.read_now(|conn| reader::parts_of_many(conn, &keys, &events.iter().map(|e| e.leaf.id.clone()).collect::<Vec<_>>())).unwrap();
    let mut kinds = std::collections::BTreeSet::new();
    for event in &events {
        let leaf = &event.leaf;
        kinds.insert(leaf.action.clone());
        let told = Leaf { action: &leaf.action, actor: &leaf.actor.kind, subject: &leaf.subject.kind, outcome: &leaf.outcome };
        let opened = parts.get(&leaf.id).into_iter().flatten();
        let opened: Vec<(&str, serde_json::Value)> = opened.map(|part| (part.name.as_str(), serde_json::from_slice(&part.value).unwrap())).collect();
        catalogued::holds(told, opened.iter().map(|(name, value)| (*name, value)));
    }
    assert!(kinds.len() >= 15, "{kinds:?}");
    for (lang, word) in [("zh-CN", "特权操作"), ("en", "Privileged actions")] {
        for who in [&auditor, &cast.requester] {
            let page = stage.get(who, &format!("/audit/event-types?lang={lang}")).await;
            assert!(page.status == 200 && page.body.contains(word) && page.body.contains("recall.decided"), "{}", page.body);
            assert_sound(&page.body);
        }
    }
}
