//! What is purged is gone for good: also from backups that were taken before, because the key of its month is destroyed; what is held is
//! sealed anew before that and stays.

use std::{sync::Arc, time::Duration};

use countermand::{
    app::{App, Caller, backup, retention},
    clock::{Clock, Instant, ManualClock, SystemClock},
    config::Config,
    domain::{
        event::{Action, Event, Subject},
        retention::Scope,
    },
    store::{
        Database, Options, Store, key_ends, purge, reader,
        schema::{holds, log_parts, log_search, part_keys},
        verify::{Against, Kind},
    },
};
use diesel::prelude::*;
use serde_json::json;

use crate::{
    backup::stage::{PASSPHRASE, newest_in, node, said},
    retention::{hold, raw},
    support::db::TestDb,
};

const DAY: Duration = Duration::from_secs(86_400);
const SECRET: &str = "203.0.113.77";

/// An installation that began 240 days ago: events of three classes from then, one of them held, and the people's clock.
struct Old {
    app: App,
    clock: Arc<ManualClock>,
    held: String,
}

fn old(db: &TestDb) -> Old {
    let clock = ManualClock::at(SystemClock.now().minus(240 * DAY));
    let store = Store::open(Options { clock: clock.clone(), ..db.options() }).unwrap();
    let signed_in = |subject: &str| {
        Event::system(Action::SessionOpened, Subject::new("session", subject))
            .part("client", json!({ "client_ip": SECRET }))
            .detail(json!({ "x": 1 }))
    };
    let user = countermand::id::fresh();
    for n in 0..6 {
        let event = signed_in(&countermand::id::fresh());
        let changed = Event::system(Action::SettingChanged, Subject::new("setting", n.to_string())).text(json!({ "reason": "调整" }));
        store.write_now(move |tx| tx.append(event.clone()).and_then(|_| tx.append(changed.clone()))).unwrap();
    }
    let held = store
        .write_now(move |tx| {
            let id = hold(tx, &user, &Scope { action: Some("hold.placed".to_owned()), ..Scope::default() })?;
            diesel::update(holds::table.find(&id)).set(holds::state.eq("placed")).execute(tx.conn)?;
            tx.append(Event::system(Action::HoldPlaced, Subject::new("hold", id)).text(json!({ "comment": "情况属实" })))
        })
        .unwrap()
        .value
        .0;
    crate::retention::settled(&store);
    store.checkpoint_now().unwrap();
    Old { app: App::new(store, Config::default()), clock, held }
}

fn buckets(store: &Store) -> Vec<(String, String)> {
    store.read_now(|c| Ok(part_keys::table.order(part_keys::bucket).select((part_keys::bucket, part_keys::state)).load(c)?)).unwrap()
}

fn parts_of(store: &Store, event: &str) -> usize {
    store.read_now(|c| Ok(reader::parts_of(c, store.keys(), event)?.len())).unwrap()
}

fn addresses(store: &Store) -> i64 {
    store.read_now(|c| Ok(log_search::table.filter(log_search::client_ip.eq(SECRET)).count().get_result(c)?)).unwrap()
}

/// Restores the backup of `db` into a new place with its keys and this copy of the part keys.
fn restored(db: &TestDb, file: &std::path::Path, part_keys: Option<&std::path::Path>) -> (TestDb, backup::Restored) {
    let target = if db.url().is_some() { TestDb::postgres().unwrap() } else { TestDb::sqlite() };
    let wanted = backup::Wanted {
        file,
        data: target.path(),
        database: &target.database,
        passphrase: Some(PASSPHRASE),
        against: &[],
        newest: Some(newest_in(file)),
        new_log: false,
        part_keys,
        key_copy: None,
    };
    let done = backup::restore(&wanted).unwrap();
    (target, done)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_backup_does_not_show_what_was_purged() {
    for db in TestDb::each() {
        let Old { app, clock, held } = old(&db);
        let (folder, kept) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (file, copy, then) = (folder.path().join("a.backup"), kept.path().join("keys.json"), kept.path().join("then.json"));
        let taken = backup::take(&app, &file, Some(&copy), Some(PASSPHRASE), || Ok(())).unwrap();
        assert_eq!(taken.part_keys, (copy.clone(), 3));
        std::fs::copy(&copy, &then).unwrap();
        // Neither keys nor addresses are in the backup.
        let mut zip = zip::ZipArchive::new(std::fs::File::open(&file).unwrap()).unwrap();
        for at in 0..zip.len() {
            let mut entry = zip.by_index(at).unwrap();
            let (name, mut bytes) = (entry.name().unwrap().into_owned(), Vec::new());
            std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
            assert!(!name.contains("part_keys") && !bytes.windows(SECRET.len()).any(|w| w == SECRET.as_bytes()), "{name}");
        }

        clock.advance(230 * DAY);
        let ran = retention::run(&app, &Caller::shell()).await.unwrap();
        assert!(ran.plan.parts > 12 && ran.plan.held == 1, "{ran:?}");
        assert_eq!(ran.keys.len(), 3, "{ran:?}");
        crate::retention::settled(&app.store);
        let keys = buckets(&app.store);
        assert_eq!(keys.iter().filter(|(_, state)| state == "destroyed").count(), 3, "{keys:?}");
        assert_eq!(keys[keys.len() - 1], ("held/1".to_owned(), "living".to_owned()));
        assert_eq!((parts_of(&app.store, &held), addresses(&app.store)), (1, 0), "what is held is sealed anew and opens");
        let report = app.store.verify(&Against::default()).unwrap();
        assert!(report.ok, "{:#?}", report.problems);
        app.store.write_key_copy(&copy).unwrap();
        let now = std::fs::read_to_string(&copy).unwrap();
        assert!(ran.keys.iter().all(|bucket| !now.contains(&format!("\"{bucket}\""))), "{now}");

        // With today's copy, and with none: the log goes on, and nobody can open what went.
        for copy in [Some(copy.as_path()), None] {
            let (target, done) = restored(&db, &file, copy);
            assert_eq!((done.standing.clone(), done.unopened.len()), (backup::Standing::GoesOn, 3));
            let there = backup::resume(target.options(), &done).unwrap();
            assert_eq!((parts_of(&there, &held), addresses(&there)), (0, 0));
            crate::retention::settled(&there);
            let report = there.verify(&Against::default()).unwrap();
            assert!(!report.ok && report.problems.is_empty() && report.unopened.len() == 3, "{report:#?}");
            drop(there);
            let out = node(&target).run(&["ledger", "verify"]);
            assert_eq!(out.status.code(), Some(2), "{}", said(&out));
            assert!(said(&out).contains("cannot be opened") && !said(&out).contains("the log holds"), "{}", said(&out));
        }
        // Whoever kept an earlier copy can still read: that is why only the newest is to be kept.
        let (target, done) = restored(&db, &file, Some(&then));
        assert!(done.unopened.is_empty());
        let there = backup::resume(target.options(), &done).unwrap();
        assert_eq!((parts_of(&there, &held), addresses(&there)), (1, 6), "and the search is made again from the parts");
        assert!(there.verify(&Against::default()).unwrap().ok);
        // A copy that was changed is refused before anything is restored.
        std::fs::write(&then, std::fs::read_to_string(&then).unwrap().replace("/system", "/session")).unwrap();
        let target = TestDb::sqlite();
        let wanted = backup::Wanted {
            file: &file,
            data: target.path(),
            database: &target.database,
            passphrase: Some(PASSPHRASE),
            against: &[],
            newest: None,
            new_log: true,
            part_keys: Some(&then),
            key_copy: None,
        };
        let refused = backup::restore(&wanted).unwrap_err().to_string();
        assert!(refused.contains("not of this installation, or was changed"), "{refused}");
    }
}

/// A hold is released: what lay in the held bucket goes, the rest moves on, and the bucket's key is destroyed as well.
#[tokio::test(flavor = "multi_thread")]
async fn a_released_hold_ends_the_key_of_what_it_held() {
    for db in TestDb::each() {
        let Old { app, clock, held } = old(&db);
        let user = countermand::id::fresh();
        let scope = Scope { action: Some("setting.changed".to_owned()), ..Scope::default() };
        app.store.write_now(move |tx| hold(tx, &user, &scope)).unwrap();
        clock.advance(230 * DAY);
        retention::run(&app, &Caller::shell()).await.unwrap();
        assert_eq!(parts_of(&app.store, &held), 1);
        app.store
            .write_now(move |tx| {
                countermand::store::purge::forget_marks(tx.conn)?;
                let id: String = holds::table.filter(holds::scope.like("%hold.placed%")).select(holds::id).first(tx.conn)?;
                diesel::update(holds::table.find(&id)).set(holds::state.eq("released")).execute(tx.conn)?;
                tx.append(Event::system(Action::HoldReleased, Subject::new("hold", id)))?;
                Ok(())
            })
            .unwrap();
        crate::retention::settled(&app.store);
        let ran = retention::run(&app, &Caller::shell()).await.unwrap();
        assert_eq!((ran.plan.parts, ran.keys), (1, vec!["held/1".to_owned()]));
        let left: Vec<Option<String>> =
            app.store.read_now(|c| Ok(log_parts::table.filter(log_parts::bucket.like("held/%")).select(log_parts::bucket).load(c)?)).unwrap();
        assert_eq!(left, vec![Some("held/2".to_owned()); 6], "what the other hold covers has moved on");
        crate::retention::settled(&app.store);
        let report = app.store.verify(&Against::default()).unwrap();
        assert!(report.ok, "{:#?}", report.problems);
    }
}

/// A key that somebody takes away is told from one that a restore did not find, and from one that was destroyed.
#[test]
fn a_stolen_key_is_named() {
    for db in TestDb::each() {
        let Old { app, .. } = old(&db);
        drop(app);
        let mut raw = raw(&db);
        let inspect = || countermand::store::verify::inspect(&db.database, db.path(), &Against::default()).unwrap();
        assert!(inspect().ok, "{:#?}", inspect().problems);
        for change in [
            "DELETE FROM part_keys WHERE bucket LIKE '%/session'",
            "UPDATE part_keys SET sealed = NULL, state = 'lost' WHERE bucket LIKE '%/session'",
            "UPDATE part_keys SET sealed = NULL, state = 'destroyed' WHERE bucket LIKE '%/session'",
        ] {
            raw.run(&format!("CREATE TABLE before AS SELECT * FROM part_keys; {change}"));
            let report = inspect();
            let named = report.problems.iter().filter(|p| p.kind == Kind::Key && p.table == "part_keys").count();
            assert!(!report.ok && named >= 1 && report.unopened.is_empty(), "{change}: {:#?}", report.problems);
            raw.run("DELETE FROM part_keys; INSERT INTO part_keys SELECT * FROM before; DROP TABLE before");
            assert!(inspect().ok, "{change}: {:#?}", inspect().problems);
        }
    }
}

/// The server's clock stands where it stood while somebody purges with another one: what it writes next is sealed with a key that lives.
#[tokio::test(flavor = "multi_thread")]
async fn a_writer_notices_that_its_key_was_destroyed() {
    for db in TestDb::each() {
        let Old { app, clock, .. } = old(&db);
        let ahead = ManualClock::at(clock.now().plus(230 * DAY));
        let other = App::new(Store::open(Options { clock: ahead, sequencer: false, ..db.options() }).unwrap(), Config::default());
        let ran = retention::run(&other, &Caller::shell()).await.unwrap();
        assert_eq!(ran.keys.len(), 3, "{ran:?}");
        let event = Event::system(Action::SessionOpened, Subject::new("session", countermand::id::fresh())).detail(json!({ "x": 2 }));
        let written = app.store.write_now(move |tx| tx.append(event.clone())).unwrap();
        assert_eq!(parts_of(&app.store, written.value.as_str()), 1);
        crate::retention::settled(&app.store);
        let report = app.store.verify(&Against::default()).unwrap();
        assert!(report.ok, "{:#?}", report.problems);
    }
}

/// Each purge reached as far as it says, and no other one's reach counts for it.
#[test]
fn a_purge_that_took_what_was_too_young_is_named() {
    for db in TestDb::each() {
        let Old { app, held, .. } = old(&db);
        let of = |part: &'static str| {
            let read = app.store.read_now(move |c| {
                let of = log_parts::table.inner_join(log_search::table.on(log_search::event_id.eq(log_parts::event_id)));
                let last = of.filter(log_parts::name.eq(part)).order(log_search::idx.desc());
                Ok(last.select((log_search::event_id, log_search::at)).first::<(String, i64)>(c)?)
            });
            read.unwrap()
        };
        let purge = |event: &str, part: &str, before: i64| {
            // All that the event has: an erasure takes it whole.
            let id = event.to_owned();
            let names =
                app.store.read_now(move |c| Ok(log_parts::table.filter(log_parts::event_id.eq(id)).select(log_parts::name).load::<String>(c)?));
            let due: Vec<(String, String)> = names.unwrap().into_iter().map(|name| (event.to_owned(), name)).collect();
            assert!(due.iter().any(|(_, name)| name == part));
            let step = purge::Step { due, ..purge::Step::default() };
            let told = Event::system(Action::PartsPurged, Subject::new("log", "parts")).detail(json!({ "held": 0, "classes": ["session"] }));
            app.store.write_now(move |tx| purge::erase(tx, &step, Instant(before), told.clone())).unwrap();
            crate::retention::settled(&app.store);
        };
        let named = || app.store.verify(&Against::default()).unwrap().problems.into_iter().filter(|p| p.table == "log_purges").count();
        let (_, at) = of("text");
        purge(&held, "text", at + 86_400_000_000);
        assert_eq!(named(), 0);
        let (young, at) = of("client");
        purge(&young, "client", at);
        assert_eq!(named(), 1, "what it took is not before its own reach");
    }
}

/// `kill -9` between the steps: the next run goes on, and nothing is lost that is held.
#[test]
fn a_crash_between_the_steps_loses_nothing_that_is_held() {
    for db in TestDb::each() {
        for step in ["retention.purged", "retention.rewrapped", "retention.key_destroyed"] {
            let db = match &db.database {
                Database::Sqlite(_) => TestDb::sqlite(),
                Database::Postgres(_) => TestDb::postgres().unwrap(),
            };
            let Old { app, held, .. } = old(&db);
            drop(app);
            let node = node(&db);
            let died = node.crash_at(step, &["retention", "run"]);
            assert!(!died.status.success(), "{step}");
            let report = node.json(&["ledger", "verify", "--json"]);
            assert_eq!(report["ok"], true, "{step}: {report}");
            node.json(&["retention", "run", "--json"]);
            assert_eq!(node.json(&["retention", "plan", "--json"])["held"], 1, "{step}");
            let store = db.open();
            assert_eq!(parts_of(&store, &held), 1, "{step}");
            let alive = store.read_now(key_ends::alive).unwrap();
            assert!(alive.iter().any(|(bucket, _)| bucket == "held/1"), "{step}: {alive:?}");
            let (month, gone) = (Instant(SystemClock.now().0).minus(240 * DAY).to_rfc3339()[..7].to_owned(), buckets(&store));
            assert!(gone.iter().filter(|(bucket, _)| bucket.starts_with(&month)).all(|(_, state)| state == "destroyed"), "{step}: {gone:?}");
        }
    }
}

/// `kill -9` between the event and the removal: the event stands, and the file goes the next time.
#[test]
fn a_crash_after_the_event_leaves_the_file_for_the_next_run() {
    for db in TestDb::each() {
        let store = db.open();
        let file = db.path().join("evidence/audits/AUD-1-1.zip");
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, "sealed long ago").unwrap();
        let sealed = SystemClock.now().minus(1_200 * DAY).0;
        let (audit, pack) = (countermand::id::fresh(), countermand::id::fresh());
        let digest = if db.url().is_some() { "'\\x00'" } else { "x'00'" };
        for (action, kind, id) in [(Action::AuditEngagementOpened, "audit", &audit), (Action::AuditPackRequested, "audit_pack", &pack)] {
            let event = Event::system(action, Subject::new(kind, id.as_str()));
            store.write_now(move |tx| tx.append(event.clone())).unwrap();
        }
        crate::retention::settled(&store);
        drop(store);
        let told = |column: &str, id: &str| format!("(SELECT {column} FROM log_search WHERE subject_id = '{id}')");
        let (opened, by, requested) = (told("at", &audit), told("event_id", &audit), told("at", &pack));
        raw(&db).run(&format!(
            "INSERT INTO audits VALUES ('{audit}', 'AUD-1', 't', 1, 2, 3, '[]', 1, 's', 'given', NULL, 'u', {opened}, {by}); \
             INSERT INTO audit_packs (id, audit_id, state, requested_by, requested_at, done, total, number, log_size, cases, path, sha256, size, \
             verified, sealed_at) VALUES ('{pack}', '{audit}', 'ready', 'u', {requested}, 1, 1, 'AUD-1-1', 1, 0, 'evidence/audits/AUD-1-1.zip', {digest}, 15, 1, {sealed})"
        ));
        let node = node(&db);
        let died = node.crash_at("retention.file_erased", &["retention", "run"]);
        assert!(!died.status.success() && file.exists());
        let report = node.json(&["ledger", "verify", "--json"]);
        assert_eq!(report["ok"], true, "{report}");
        assert_eq!(node.json(&["retention", "run", "--json"])["bundles"]["files"], 0, "it was erased once");
        assert!(!file.exists());
    }
}
