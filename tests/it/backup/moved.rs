//! Nothing was signed after the backup: the restored installation goes on, on either database.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use countermand::{
    app::{App, backup},
    config::Config,
    domain::event::{Action, Event, Subject},
    store::{Options, Store, StoreError, backup::TABLES, reader, schema::log_pending},
};
use diesel::prelude::*;
use serde_json::{Value, json};

use super::stage::{PASSPHRASE, back_up, newest_in, node, passphrase_in, said, work};
use crate::support::db::TestDb;

/// All rows of all tables but those that a restore itself adds to, or ends.
fn rows(store: &Store) -> Vec<(&'static str, Vec<String>)> {
    let grown = ["log_events", "log_head", "log_parts", "log_search", "log_tiles", "log_checkpoints", "log_pending", "settings", "sessions"];
    let tables = TABLES.iter().filter(|t| !grown.contains(&t.name));
    tables
        .map(|table| {
            let mut lines = Vec::new();
            let keep = |line: &str| {
                let row: Value = serde_json::from_str(line).unwrap();
                lines.push(row.to_string());
                Ok(())
            };
            store.read_now(|conn| countermand::store::backup::dump::<StoreError>(conn, table, keep)).unwrap();
            (table.name, lines)
        })
        .collect()
}

#[test]
fn a_whole_installation_comes_back_on_the_same_and_on_the_other_database() {
    for db in TestDb::each() {
        let (first, folder) = (node(&db), tempfile::tempdir().unwrap());
        let told = first.json(&["demo", "--once", "--json"]);
        let file = back_up(&first, folder.path());
        let newest = newest_in(&file).to_string();
        let before = rows(&db.open());
        assert!(before.iter().filter(|(_, lines)| !lines.is_empty()).count() > 12, "{before:?}");
        for target in [Some(TestDb::sqlite()), TestDb::postgres()].into_iter().flatten() {
            let second = node(&target);
            let passphrase = passphrase_in(folder.path());
            let restored = second.json(&["restore", file.to_str().unwrap(), "--passphrase-file", &passphrase, "--newest", &newest, "--json"]);
            assert_eq!(restored["read_only"], Value::Null, "{restored}");
            let report = second.json(&["ledger", "verify", "--json"]);
            assert!(report["ok"] == true && report["size"].as_u64() > restored["size"].as_u64(), "{report}");
            assert_eq!(rows(&target.open()), before);
            // The bundle that the demonstration sealed is there, with its checksum, and is trusted.
            let bundle =
                std::path::Path::new(told["bundle"].as_str().unwrap()).strip_prefix(std::fs::canonicalize(&first.data).unwrap()).unwrap().to_owned();
            let bundle = second.data.join(bundle);
            assert!(bundle.with_extension("zip.sha256").exists());
            let verified = second.run(&["evidence", "verify", bundle.to_str().unwrap()]);
            assert!(verified.status.success(), "{}", said(&verified));
            // And work goes on.
            let user = second.run(&["user", "add", "--username", "later", "--display-name", "后来", "--role", "requester"]);
            assert!(user.status.success(), "{}", said(&user));
            assert_eq!(second.json(&["ledger", "verify", "--json"])["ok"], true);
        }
    }
}

/// Eight write all the while; what was acknowledged before the backup began is in it.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_taken_while_others_write_holds_all_that_was_acknowledged_before() {
    for db in TestDb::each() {
        let store = Store::open(Options { connections: 12, ..db.options() }).unwrap();
        let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let mut writers = tokio::task::JoinSet::new();
        for n in 0..8 {
            let (store, stop, done) = (store.clone(), stop.clone(), done.clone());
            writers.spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    let event = Event::system(Action::SettingChanged, Subject::new("setting", n.to_string())).detail(json!({ "after": n }));
                    let written = store.write(move |tx| tx.append(event.clone())).await.unwrap();
                    done.lock().unwrap().push(written.receipts[0].event.clone());
                }
            });
        }
        // However slow the machine is: on a crowded one the first writes may take longer than any time that is waited for.
        let begun = async {
            while done.lock().unwrap().len() <= 20 {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(60), begun).await.expect("nothing is written");
        let acknowledged = done.lock().unwrap().clone();
        let folder = tempfile::tempdir().unwrap();
        let (app, file) = (App::new(store.clone(), Config::default()), folder.path().join("a.backup"));
        let out = file.clone();
        tokio::task::spawn_blocking(move || backup::take(&app, &out, None, Some(PASSPHRASE), || Ok(()))).await.unwrap().unwrap();
        let after = done.lock().unwrap().len();
        stop.store(true, Ordering::SeqCst);
        while let Some(writer) = writers.join_next().await {
            writer.unwrap();
        }
        assert!(after > acknowledged.len(), "{} before, {after} after", acknowledged.len());

        let target = if db.url().is_some() { TestDb::postgres().unwrap() } else { TestDb::sqlite() };
        let wanted = backup::Wanted {
            file: &file,
            data: target.path(),
            database: &target.database,
            passphrase: Some(PASSPHRASE),
            against: &[],
            newest: Some(newest_in(&file)),
            new_log: false,
            part_keys: None,
            key_copy: None,
        };
        let restored = backup::restore(&wanted).unwrap();
        assert_eq!(restored.standing, backup::Standing::GoesOn);
        let there = backup::resume(target.options(), &restored).unwrap();
        assert!(there.verify(&Default::default()).unwrap().ok);
        let lost: Vec<_> = acknowledged.iter().filter(|event| there.index_of(event).unwrap().is_none()).collect();
        let waiting: Vec<String> = there.read_now(|c| Ok(log_pending::table.select(log_pending::event_id).load(c)?)).unwrap();
        assert!(lost.iter().all(|event| waiting.iter().any(|id| id == event.as_str())), "{lost:?}");
    }
}

/// The lost installation may have ended the sessions of then, and sent what waited: neither goes on by itself.
#[test]
fn nobody_is_still_signed_in_and_nothing_is_sent_a_second_time() {
    use countermand::store::schema::{broadcasts, messages, recipients, sessions};
    for db in TestDb::each() {
        let (first, folder) = (node(&db), tempfile::tempdir().unwrap());
        first.json(&["demo", "--once", "--json"]);
        let store = db.open();
        // As it stands while a notice is going out.
        let going = store.write_now(|tx| {
            let (message, broadcast): (String, String) = messages::table.select((messages::id, messages::broadcast_id)).first(tx.conn)?;
            diesel::update(messages::table.find(&message))
                .set((messages::state.eq("pending"), messages::sent_at.eq(None::<i64>)))
                .execute(tx.conn)?;
            diesel::update(broadcasts::table.find(&broadcast)).set(broadcasts::state.eq("sending")).execute(tx.conn)?;
            diesel::update(recipients::table.filter(recipients::message_id.eq(&message)))
                .set(recipients::delivery.eq("accepted"))
                .execute(tx.conn)?;
            Ok((message, broadcast))
        });
        let (message, broadcast) = going.unwrap().value;
        let open =
            |store: &Store| store.read_now(|c| Ok(sessions::table.filter(sessions::state.ne("closed")).count().get_result::<i64>(c)?)).unwrap();
        assert!(open(&store) > 0);
        drop(store);
        let file = back_up(&first, folder.path());
        let target = if db.url().is_some() { TestDb::postgres().unwrap() } else { TestDb::sqlite() };
        let (passphrase, newest) = (passphrase_in(folder.path()), newest_in(&file).to_string());
        node(&target).json(&["restore", file.to_str().unwrap(), "--passphrase-file", &passphrase, "--newest", &newest, "--json"]);
        let store = target.open();
        assert_eq!(open(&store), 0);
        let size = store.read_now(reader::head).unwrap().size();
        let (state, deliveries, detail) = store
            .read_now({
                let keys = store.keys().clone();
                move |c| {
                    let state: String = messages::table.find(&message).select(messages::state).first(c)?;
                    let of = recipients::table.filter(recipients::message_id.eq(&message)).select(recipients::delivery).distinct();
                    let last = reader::event(c, size - 1)?;
                    assert_eq!(last.leaf.action, "backup.restored");
                    Ok((state, of.load::<String>(c)?, reader::parts_of(c, &keys, &last.leaf.id)?))
                }
            })
            .unwrap();
        assert_eq!((state.as_str(), deliveries), ("unknown", vec!["unknown".to_owned()]));
        let detail: Value = serde_json::from_slice(&detail.iter().find(|p| p.name == "detail").unwrap().value).unwrap();
        assert!(detail["sends_in_doubt"] == json!([broadcast]) && detail["sessions_ended"].as_u64() > Some(0), "{detail}");
        assert_eq!(detail["newest_stated"].to_string(), newest);
    }
}

/// Events that PostgreSQL has taken and not yet numbered: they get their place on SQLite too.
#[test]
fn events_that_wait_for_their_index_are_not_lost_on_the_way_to_the_other_database() {
    let Some(db) = TestDb::postgres() else { return };
    drop(db.open());
    work(&db.open(), 2);
    let unsequenced = Store::open(Options { sequencer: false, ..db.options() }).unwrap();
    let folder = tempfile::tempdir().unwrap();
    // The sequencer of the store before may still hold on for a moment.
    std::thread::sleep(std::time::Duration::from_millis(700));
    let app = App::new(unsequenced.clone(), Config::default());
    let file = folder.path().join("a.backup");
    let taken = backup::take(&app, &file, None, Some(PASSPHRASE), || Ok(())).unwrap();
    let event = taken.receipt.unwrap();
    assert_eq!(event.index, None);
    let target = TestDb::sqlite();
    let wanted = backup::Wanted {
        file: &file,
        data: target.path(),
        database: &target.database,
        passphrase: Some(PASSPHRASE),
        against: &[],
        newest: Some(newest_in(&file)),
        new_log: false,
        part_keys: None,
        key_copy: None,
    };
    let restored = backup::restore(&wanted).unwrap();
    let store = backup::resume(target.options(), &restored).unwrap();
    assert_eq!(store.index_of(&event.event).unwrap(), Some(restored.manifest.size));
    assert!(store.verify(&Default::default()).unwrap().ok);
}

#[test]
fn a_backup_leaves_its_event_in_itself_and_keeps_the_one_that_was_there() {
    for db in TestDb::each() {
        let (first, folder) = (node(&db), tempfile::tempdir().unwrap());
        drop(db.open());
        let file = folder.path().join("a.backup");
        let out = ["backup", "--out", file.to_str().unwrap(), "--json"];
        let taken = first.json(&out);
        assert!(taken["keys"] == false && taken["missing"] == json!([]) && taken["receipt"]["event"].is_string(), "{taken}");
        let mode = std::os::unix::fs::MetadataExt::mode(&file.metadata().unwrap());
        assert_eq!(mode & 0o777, 0o600);
        let earlier = std::fs::read(&file).unwrap();
        let again = first.run(&out);
        assert!(again.status.success() && said(&again).contains("a.backup was there already and is now"), "{}", said(&again));
        assert_eq!(std::fs::read(folder.path().join("a.backup.~1~")).unwrap(), earlier);
        let mut left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        left.sort_unstable();
        let copy = taken["part_keys"].as_str().unwrap().rsplit('/').next().unwrap();
        assert_eq!(left, ["a.backup", "a.backup.~1~", copy], "the copy of the part keys is one file, replaced each time");
        // The key file's digits are nowhere in it.
        let key = std::fs::read_to_string(db.path().join("keys/envelope.key")).unwrap();
        let mut zip = zip::ZipArchive::new(std::fs::File::open(&file).unwrap()).unwrap();
        for at in 0..zip.len() {
            let text = std::io::read_to_string(zip.by_index(at).unwrap()).unwrap();
            assert!(!text.contains(key.trim()));
        }
        let mut events = String::new();
        std::io::Read::read_to_string(&mut zip.by_name("tables/log_search.jsonl").unwrap(), &mut events).unwrap();
        let pending = std::io::read_to_string(zip.by_name("tables/log_pending.jsonl").unwrap()).unwrap();
        assert!(events.contains("backup.taken") || pending.lines().count() > 1, "{events}");
    }
}

/// What cannot be written is recorded as having failed, and leaves nothing half made.
#[test]
fn a_backup_that_fails_says_so_in_the_trail() {
    for db in TestDb::each() {
        let store = db.open();
        let folder = tempfile::tempdir().unwrap();
        let app = App::new(store.clone(), Config::default());
        let refused = backup::take(&app, &folder.path().join("a.backup"), None, None, || Err(std::io::ErrorKind::PermissionDenied.into()));
        assert!(matches!(refused, Err(backup::BackupError::File { .. })), "{refused:?}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let outcomes: Vec<String> = store
            .read_now(|c| {
                use countermand::store::schema::log_search;
                Ok(log_search::table.filter(log_search::action.eq("backup.taken")).order(log_search::idx).select(log_search::outcome).load(c)?)
            })
            .unwrap();
        assert_eq!(outcomes, ["success", "failed"]);
        let nowhere = backup::take(&app, &folder.path().join("no/such/a.backup"), None, None, || Ok(()));
        assert!(matches!(nowhere, Err(backup::BackupError::File { .. })), "{nowhere:?}");
    }
}

/// Whoever opens the database first after it got its place, be it before the restoring process itself, finds all that ended.
#[test]
fn what_a_restore_ends_has_ended_before_anybody_can_open_the_database() {
    use countermand::store::schema::{log_search, sessions};
    for db in TestDb::each() {
        let (first, folder) = (node(&db), tempfile::tempdir().unwrap());
        first.json(&["demo", "--once", "--json"]);
        let file = back_up(&first, folder.path());
        let target = if db.url().is_some() { TestDb::postgres().unwrap() } else { TestDb::sqlite() };
        let newest = Some(newest_in(&file));
        let (data, database) = (target.path(), &target.database);
        let wanted = backup::Wanted {
            file: &file,
            data,
            database,
            passphrase: Some(PASSPHRASE),
            against: &[],
            newest,
            new_log: false,
            part_keys: None,
            key_copy: None,
        };
        backup::restore(&wanted).unwrap();
        let found = target.open().read_now(|c| {
            let open: i64 = sessions::table.filter(sessions::state.ne("closed")).count().get_result(c)?;
            let recorded: i64 = log_search::table.filter(log_search::action.eq("backup.restored")).count().get_result(c)?;
            Ok((open, recorded))
        });
        assert_eq!(found.unwrap(), (0, 1));
        assert!(target.open().verify(&Default::default()).unwrap().ok);
    }
}

/// The process dies when all is in its place but the database: nothing was restored, and the next try does it.
#[test]
fn a_restore_that_was_cut_off_is_done_again() {
    for db in TestDb::each() {
        let (first, folder) = (node(&db), tempfile::tempdir().unwrap());
        first.json(&["demo", "--once", "--json"]);
        let file = back_up(&first, folder.path());
        let (passphrase, newest) = (passphrase_in(folder.path()), newest_in(&file).to_string());
        let target = if db.url().is_some() { TestDb::postgres().unwrap() } else { TestDb::sqlite() };
        let second = node(&target);
        let restore = ["restore", file.to_str().unwrap(), "--passphrase-file", &passphrase, "--newest", &newest, "--json"];
        let died = second.crash_at("restore.placed", &restore);
        assert_eq!(died.status.code(), None, "{}", said(&died));
        // Whoever starts a server now begins nothing anew on top of it.
        let early = second.run(&["user", "list"]);
        assert!(!early.status.success() && said(&early).contains("the database is empty"), "{}", said(&early));
        let restored = second.json(&restore);
        assert_eq!(restored["read_only"], Value::Null);
        assert_eq!(second.json(&["ledger", "verify", "--json"])["ok"], true);
    }
}

/// Parts of months long past lie in partitions of their own again.
#[test]
fn parts_of_earlier_months_get_their_partitions_back() {
    use countermand::clock::{Instant, ManualClock};
    let Some(db) = TestDb::postgres() else { return };
    let clock = ManualClock::at(Instant::parse("2026-02-10T09:00:00Z").unwrap());
    let store = Store::open(Options { clock, ..db.options() }).unwrap();
    work(&store, 3);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.backup");
    backup::take(&App::new(store, Config::default()), &file, None, Some(PASSPHRASE), || Ok(())).unwrap();
    let target = TestDb::postgres().unwrap();
    let wanted = backup::Wanted {
        file: &file,
        data: target.path(),
        database: &target.database,
        passphrase: Some(PASSPHRASE),
        against: &[],
        newest: Some(newest_in(&file)),
        new_log: false,
        part_keys: None,
        key_copy: None,
    };
    backup::restore(&wanted).unwrap();
    let mut conn = diesel::PgConnection::establish(&target.url().unwrap()).unwrap();
    let count = |conn: &mut diesel::PgConnection, table: &str| {
        diesel::dsl::sql::<diesel::sql_types::BigInt>(&format!("SELECT count(*) FROM {table}")).get_result::<i64>(conn).unwrap()
    };
    assert!(count(&mut conn, "log_parts_2026_02") > 3);
    assert_eq!(count(&mut conn, "log_parts_rest"), 0);
}

/// Whoever writes the lines gives up in the middle: the connection is as good as before.
#[test]
fn a_dump_that_stops_half_way_harms_nobody() {
    for db in TestDb::each() {
        let store = db.open();
        work(&store, 5);
        let events = TABLES.iter().find(|t| t.name == "log_events").unwrap();
        for _ in 0..6 {
            let stopped = store.read_now(|c| countermand::store::backup::dump(c, events, |_| Err(StoreError::Full)));
            assert!(matches!(stopped, Err(StoreError::Full)), "{stopped:?}");
            assert!(store.read_now(reader::head).unwrap().size() > 4);
        }
    }
}
