//! What has lived its time is erased, what a hold covers is not, and everything that was ever proven still is.

use std::time::Duration;

use countermand::{
    app::{Caller, evidence, retention},
    clock::Instant,
    config::Config,
    domain::{
        event::{Action, Event, Subject},
        retention::{Cuts, Due, Facts, Reach, Scope},
        role::Role,
    },
    evidence::{
        verify::{Answer as Verdict, Pin, verify},
        zip::{self, Limits},
    },
    ledger::{
        proof::Proof,
        tree::{inclusion, leaf_hash},
    },
    store::{
        Database, Store, StoreError, holds, purge, reader,
        schema::{decisions, log_parts, log_search, sessions},
        verify::{Against, Kind},
    },
};
use diesel::{connection::SimpleConnection, prelude::*};
use serde_json::json;

use crate::{
    recalls::stage::{Cast, Person, Stage},
    support::db::TestDb,
};

pub const DAY: u64 = 86_400;
pub const WHY: &str = "劳动仲裁委员会已受理，案号 2026-118";

pub struct House {
    pub stage: Stage,
    pub requester: Person,
    pub counsel: Person,
    pub audit: Person,
    pub case: String,
    pub number: String,
}

async fn house(db: TestDb) -> House {
    house_with(db, |_| {}).await
}

/// A closed case, and who looks after the trail, under these settings.
pub async fn house_with(db: TestDb, configure: impl FnOnce(&mut Config)) -> House {
    let stage = Stage::set_with(db, |_| {}, |config, _| configure(config)).await;
    let cast: Cast = stage.cast().await;
    let counsel = stage.person("tangyizhou", &[Role::Counsel], "法务部").await;
    let audit = stage.person("fangzhou", &[Role::AuditAdministrator], "审计部").await;
    let case = stage.approved(&cast).await;
    stage.settle(4, 1).await;
    let number = stage.loaded(&case).await.row.number;
    House { stage, requester: cast.requester, counsel, audit, case, number }
}

impl House {
    pub async fn plan(&self) -> (u64, u64) {
        let plan = retention::plan(&self.stage.app, &Caller::shell()).await.unwrap();
        (plan.parts, plan.held)
    }

    pub async fn run(&self) -> u64 {
        retention::run(&self.stage.app, &Caller::shell()).await.unwrap().plan.parts
    }

    pub async fn post(&self, who: &Person, path: &str, fields: &[(&str, &str)]) -> crate::recalls::stage::Answer {
        self.stage.clock.advance(Duration::from_secs(30));
        let code = self.stage.code(who);
        let fields: Vec<(&str, &str)> = fields.iter().copied().chain([("totp", code.as_str())]).collect();
        self.stage.post(who, path, &fields).await
    }

    /// Parts that are left of events of the case, and of all others.
    fn left(&self) -> (i64, i64) {
        let case = self.case.clone();
        let read = self.stage.app.store.read_now(move |conn| {
            let of = log_search::table.filter(log_search::case_id.eq(case)).select(log_search::event_id).load::<String>(conn)?;
            let of_case: i64 = log_parts::table.filter(log_parts::event_id.eq_any(of)).count().get_result(conn)?;
            Ok((of_case, log_parts::table.count().get_result::<i64>(conn)? - of_case))
        });
        read.unwrap()
    }

    pub fn holds(&self) {
        let report = self.stage.app.store.verify(&Against::default()).unwrap();
        assert!(report.ok, "{:#?}", report.problems);
    }

    async fn proof(&self, index: u64) -> String {
        let checkpoint = self.stage.app.store.checkpoint().await.unwrap();
        let size = countermand::ledger::checkpoint::open(&checkpoint, &self.stage.app.store.vkey().unwrap()).unwrap().size;
        let hashes = self.stage.app.store.read_now(|conn| Ok(inclusion(&reader::TileReader::new(conn), index, size).unwrap())).unwrap();
        Proof { extra: None, index, hashes, checkpoint }.to_text()
    }
}

#[actix_web::test]
async fn what_has_lived_its_time_goes_what_is_held_stays_and_old_proofs_hold() {
    for db in TestDb::each() {
        let house = house(db).await;
        let app = &house.stage.app;
        house.stage.clock.advance(Duration::from_secs(150 * DAY));
        assert_eq!(house.plan().await, (0, 0), "nothing is due before its time");
        assert_eq!(house.run().await, 0);
        let decided = house.stage.events(&house.case).await.into_iter().find(|e| e.leaf.action == "recall.decided").unwrap();
        let other =
            app.store.read(|conn| Ok(log_search::table.filter(log_search::action.eq("user.created")).select(log_search::idx).first::<i64>(conn)?));
        let other = u64::try_from(other.await.unwrap()).unwrap();
        let (before, proof) = (house.left(), house.proof(other).await);

        // The hold is in force from the first person's word on.
        let shot = house.post(&house.counsel, "/holds", &[("case", &house.number), ("reason", WHY)]).await;
        assert_eq!(shot.status, 303, "{}", shot.body);
        let hold = shot.location.clone();
        house.stage.clock.advance(Duration::from_secs(55 * DAY));
        let (parts, held) = house.plan().await;
        assert!(parts > 5 && held > 30, "{parts} {held}");
        assert_eq!(house.run().await, parts);
        let after = house.left();
        assert!(i64::try_from(held).unwrap() > before.0, "everything of the case is held, and what the sending of its message left");
        assert_eq!(after.0, before.0, "of the case nothing went");
        let page = house.stage.get(&house.requester, &format!("/recalls/{}", house.case)).await;
        assert!(
            page.status == 200 && !page.body.contains(WHY) && !page.body.contains("诉讼保留"),
            "counsel's reasons are not the requester's: {}",
            page.body
        );
        assert_eq!(house.plan().await, (0, held));
        house.holds();

        let sent = app.store.read(|conn| {
            let of = log_search::table.filter(log_search::action.eq_any(["broadcast.submitted", "broadcast.call_answered"]));
            let of: Vec<String> = of.select(log_search::event_id).load(conn)?;
            Ok(of.into_iter().filter(|id| log_parts::table.filter(log_parts::event_id.eq(id)).count().get_result(conn) == Ok(0_i64)).count())
        });
        assert_eq!(sent.await.unwrap(), 0, "the message and its call are part of the case");

        // What was erased is gone from the search too, what is held is found.
        let found = app.store.read(move |conn| {
            Ok(log_search::table
                .find(i64::try_from(other).unwrap())
                .select((log_search::actor_name, log_search::client_ip))
                .first::<(Option<String>, Option<String>)>(conn)?)
        });
        assert_eq!(found.await.unwrap(), (None, None));
        let page = house.stage.get(&house.audit, &format!("/audit/{other}")).await;
        assert!(page.body.contains("已到期清除") && page.body.contains("未被改动"), "{}", page.body);
        let page = house.stage.get(&house.audit, &format!("/audit/{}", decided.index)).await;
        assert!(page.body.contains("zhouqiming") && !page.body.contains("已到期清除"), "{}", page.body);
        // A proof that was given out before says what it said.
        let proof = Proof::parse(&proof).unwrap();
        let event = app.store.read(move |conn| reader::event(conn, other)).await.unwrap();
        proof.verify(&leaf_hash(&event.bytes), &app.store.vkey().unwrap()).unwrap();
        assert_eq!(proof.index, other);

        // Two people end the hold; the next night it goes as well.
        assert_eq!(house.post(&house.audit, &format!("{hold}/confirmations"), &[("version", "1")]).await.status, 303);
        assert_eq!(house.post(&house.counsel, &format!("{hold}/releases"), &[("version", "2"), ("reason", WHY)]).await.status, 303);
        assert_eq!(house.plan().await, (0, held), "one person alone releases nothing");
        assert_eq!(house.post(&house.counsel, &format!("{hold}/releases/confirmations"), &[("version", "3")]).await.status, 409);
        assert_eq!(house.post(&house.audit, &format!("{hold}/releases/confirmations"), &[("version", "3")]).await.status, 303);
        assert_eq!(house.run().await, held);
        assert_eq!(house.plan().await, (0, 0));
        let traces = app.store.read(|conn| {
            Ok((
                decisions::table.filter(decisions::client_ip.is_not_null()).count().get_result::<i64>(conn)?,
                decisions::table.count().get_result::<i64>(conn)?,
            ))
        });
        assert_eq!(traces.await.unwrap(), (0, 3), "the decisions stay, the addresses go");
        house.holds();
        let evidence = house.stage.get(&house.counsel, &format!("/recalls/{}/evidence", house.case)).await;
        assert!(evidence.status == 200 && evidence.body.contains("EVID-"), "the archive was sealed in time");
        // Whoever exports now gets what is left: leaves and hashes, and for each part that it was purged.
        let shot = house.post(&house.counsel, "/evidence/exports", &[("case", &house.number), ("purpose", "劳动仲裁举证")]).await;
        assert_eq!(shot.status, 303, "{}", shot.body);
        let (_, all) = evidence::of_case(app, &Caller::shell(), &house.case).await.unwrap();
        assert_eq!(all.len(), 2);
        for listed in all {
            let bytes = std::fs::read(app.store.data().join(&listed.row.path)).unwrap();
            let outcome = verify(&bytes, &[Pin::Log(app.store.vkey().unwrap())], &Limits::default());
            let whole = listed.kind.as_str() == "archive";
            assert_eq!(outcome.result, if whole { Verdict::Pass } else { Verdict::Unknown }, "{:#?}", outcome.checks);
            let (_, files) = zip::read(&bytes, &Limits::default()).unwrap();
            let parts = String::from_utf8(files.iter().find(|(path, _)| path.ends_with("data/parts.jsonl")).unwrap().1.clone()).unwrap();
            assert_eq!(parts.contains("\"withheld\":\"purged\""), !whole, "{parts}");
        }
    }
}

/// The nightly job, and what lies beside the log: sessions and devices of people who have been gone for long.
#[actix_web::test]
async fn the_nightly_job_sweeps_and_comes_back_the_next_night() {
    for db in TestDb::each() {
        let house = house(db).await;
        let app = &house.stage.app;
        retention::schedule(app).await.unwrap();
        retention::schedule(app).await.unwrap();
        house.stage.session_of(&house.counsel).await;
        let sessions = async || app.store.read(|conn| Ok(sessions::table.count().get_result::<i64>(conn)?)).await.unwrap();
        assert!(sessions().await > 0);
        let ran = async || {
            let found =
                app.store.read(|conn| Ok(log_search::table.filter(log_search::action.eq("retention.applied")).count().get_result::<i64>(conn)?));
            found.await.unwrap()
        };
        house.stage.run().await;
        assert_eq!(ran().await, 0, "it is not night yet");
        house.stage.clock.advance(Duration::from_secs(DAY));
        house.stage.run().await;
        assert_eq!((ran().await, sessions().await > 0), (1, true));
        house.stage.clock.advance(Duration::from_secs(DAY - 60));
        house.stage.run().await;
        assert_eq!(ran().await, 2, "once a night");
        house.stage.clock.advance(Duration::from_secs(230 * DAY));
        house.stage.run().await;
        assert_eq!((ran().await, sessions().await), (3, 0));
        assert!(house.left().0 == 0);
        house.holds();
    }
}

/// Erased under the writer, then something is done past it: each is told from what the purge did.
#[test]
fn a_theft_in_a_purged_range_is_told_from_the_purge() {
    for db in TestDb::each() {
        let store = db.open();
        let make = |action, n: usize| {
            store
                .write_now(move |tx| {
                    for _ in 0..n {
                        tx.append(Event::system(action, Subject::new("setting", "s")).detail(json!({ "x": 1 })).text(json!({ "y": 2 })))?;
                    }
                    Ok(())
                })
                .unwrap();
            settled(&store);
        };
        make(Action::SettingChanged, 1200);
        make(Action::AuditRead, 5);
        let cut_off = store.now();
        std::thread::sleep(Duration::from_millis(5));
        make(Action::SettingChanged, 3);
        // What a hold covers in the middle of it is passed by.
        let user = countermand::id::fresh();
        let (id, scope) = (user.clone(), Scope { action: Some("audit.read".to_owned()), ..Scope::default() });
        store.write_now(move |tx| hold(tx, &id, &scope)).unwrap();
        assert!(erase_all(&store, cut_off) >= 3);
        let size = store.read_now(reader::head).unwrap().size();
        let report = store.verify(&Against::default()).unwrap();
        assert!(report.ok && report.size == size, "{:#?}", report.problems);
        let parts = store.read_now(|conn| Ok(log_parts::table.count().get_result::<i64>(conn)?)).unwrap();
        assert!((16..30).contains(&parts), "{parts}");
        drop(store);
        let mut raw = raw(&db);
        let held = "SELECT event_id FROM log_search WHERE action = 'audit.read'";
        for (change, back, kind, table) in [
            // One of the held ones, amid those that were erased.
            (
                format!("CREATE TABLE stolen AS SELECT * FROM log_parts WHERE event_id = ({held} LIMIT 1); DELETE FROM log_parts WHERE event_id = ({held} LIMIT 1)"),
                "INSERT INTO log_parts SELECT * FROM stolen; DROP TABLE stolen".to_owned(),
                Kind::MissingPart,
                "log_parts",
            ),
            // The theft is written into the list.
            (
                "UPDATE log_purges SET list = list || (SELECT event_id FROM log_search WHERE action = 'audit.read' LIMIT 1) || '/detail' || chr(10) \
                 WHERE event_id = (SELECT min(event_id) FROM log_purges)"
                    .to_owned(),
                "UPDATE log_purges SET list = substr(list, 1, length(list) - 44) WHERE event_id = (SELECT min(event_id) FROM log_purges)".to_owned(),
                Kind::Part,
                "log_purges",
            ),
            // A list of nobody's.
            (
                "INSERT INTO log_purges SELECT event_id, list FROM (SELECT (SELECT event_id FROM log_events WHERE idx = 3) AS event_id, '' AS list) AS x".to_owned(),
                "DELETE FROM log_purges WHERE list = ''".to_owned(),
                Kind::Part,
                "log_purges",
            ),
            // A name that was erased is shown again.
            (
                "UPDATE log_search SET actor_name = '张三' WHERE idx = 5".to_owned(),
                "UPDATE log_search SET actor_name = NULL WHERE idx = 5".to_owned(),
                Kind::Projection,
                "log_search",
            ),
        ] {
            let said = |sql: &str| if matches!(db.database, Database::Sqlite(_)) { sql.replace("chr(10)", "char(10)") } else { sql.to_owned() };
            raw.run(&said(&change));
            let report = countermand::store::verify::inspect(&db.database, db.path(), &Against::default()).unwrap();
            assert!(report.problems.iter().any(|p| p.kind == kind && p.table == table), "{change}: {:#?}", report.problems);
            raw.run(&said(&back));
            let report = countermand::store::verify::inspect(&db.database, db.path(), &Against::default()).unwrap();
            assert!(report.ok, "{back}: {:#?}", report.problems);
        }
        // Put back from an old copy: what was erased by law is here again.
        let again = "INSERT INTO log_parts SELECT p.month, e.event_id, p.name, p.salt, p.sealed, p.bucket FROM log_parts p, log_events e \
                     WHERE e.idx = 3 AND p.name = 'detail' AND p.event_id = (SELECT max(event_id) FROM log_parts WHERE name = 'detail')";
        raw.run(again);
        let report = countermand::store::verify::inspect(&db.database, db.path(), &Against::default()).unwrap();
        assert!(report.problems.iter().any(|p| p.detail.contains("was purged and is here again")), "{:#?}", report.problems);
    }
}

/// A connection past the product.
pub enum Raw {
    Sqlite(diesel::SqliteConnection),
    Postgres(diesel::PgConnection),
}

pub fn raw(db: &TestDb) -> Raw {
    match &db.database {
        Database::Sqlite(path) => {
            let mut conn = diesel::SqliteConnection::establish(path.to_str().unwrap()).unwrap();
            conn.batch_execute("PRAGMA busy_timeout=5000").unwrap();
            Raw::Sqlite(conn)
        }
        Database::Postgres(url) => Raw::Postgres(diesel::PgConnection::establish(url).unwrap()),
    }
}

impl Raw {
    pub fn run(&mut self, sql: &str) {
        match self {
            Self::Sqlite(c) => c.batch_execute(sql),
            Self::Postgres(c) => c.batch_execute(sql),
        }
        .unwrap_or_else(|e| panic!("{sql}: {e}"));
    }
}

/// Waits until every event has its place: on PostgreSQL the sequencer gives it after the write.
pub fn settled(store: &Store) {
    use countermand::store::schema::log_pending;
    while store.read_now(|conn| Ok(log_pending::table.count().get_result::<i64>(conn)?)).unwrap() > 0 {
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Erases everything before `cut_off` that no hold keeps, as the nightly job does; how many writes it took.
pub fn erase_all(store: &Store, cut_off: Instant) -> usize {
    settled(store);
    let due = everything(cut_off);
    for writes in 1.. {
        let due = due.clone();
        let more = store.write_now(move |tx| {
            let (held, after) = (holds::keeping(tx.conn)?, purge::mark(tx.conn, &due)?);
            let step = purge::look(tx.conn, &due, after, &held, purge::STEP)?;
            if !step.due.is_empty() {
                purge::erase(
                    tx,
                    &step,
                    cut_off,
                    Event::system(Action::PartsPurged, Subject::new("log", "parts")).detail(json!({ "held": step.held })),
                )?;
            }
            if let Some(next) = step.next {
                purge::set_mark(tx.conn, &due, next)?;
            }
            Ok(step.next.is_some())
        });
        if !more.unwrap().value {
            settled(store);
            return writes;
        }
    }
    0
}

/// Every class before `cut_off`.
pub fn everything(cut_off: Instant) -> Due {
    Cuts::at(cut_off).iter().next().unwrap().clone()
}

/// A hold that is in force, without the people around it; its id.
pub fn hold(tx: &mut countermand::store::Tx<'_>, user: &str, scope: &Scope) -> Result<String, StoreError> {
    use countermand::store::users::{self, UserRow};
    if users::user_find(tx.conn, user)?.is_none() {
        users::user_insert(
            tx.conn,
            &UserRow {
                signed_in_at: None,
                id: user.to_owned(),
                username: user.to_owned(),
                display_name: user.to_owned(),
                department_id: None,
                state: "active".to_owned(),
                password_hash: None,
                totp_sealed: None,
                totp_step: 0,
                failures: 0,
                locked_until: None,
                valid_until: None,
                lang: None,
                theme: None,
                created_at: tx.now().0,
                version: 1,
            },
        )?;
        tx.append(Event::system(Action::UserCreated, Subject::new("user", user)))?;
    }
    let id = countermand::id::fresh();
    let event = Event::system(Action::HoldProposed, Subject::new("hold", id.clone()));
    tx.append(event.detail(json!({ "after": { "state": "proposed", "scope": scope } })))?;
    let row = holds::HoldRow::proposed(&id, serde_json::to_string(scope).unwrap(), vec![1], user, tx.now());
    holds::insert(tx.conn, row)?;
    Ok(id)
}

/// Who can write into the database ends no hold with it: the purge goes by what the log says as well, and `ledger verify` names the row.
#[actix_web::test]
async fn a_hold_that_was_ended_or_narrowed_in_its_row_keeps_and_is_named() {
    for db in TestDb::each() {
        let mut rows = raw(&db);
        let house = house(db).await;
        let store = &house.stage.app.store;
        let shot = house.post(&house.counsel, "/holds", &[("case", &house.number), ("reason", WHY)]).await;
        assert_eq!(shot.status, 303, "{}", shot.body);
        assert_eq!(house.post(&house.audit, &format!("{}/confirmations", shot.location), &[("version", "1")]).await.status, 303);
        let id = shot.location.rsplit('/').next().unwrap();
        settled(store);
        house.holds();
        rows.run("CREATE TABLE kept AS SELECT * FROM holds");
        const BACK: &str = "DELETE FROM holds; INSERT INTO holds SELECT * FROM kept";
        let (released, gone) = ("UPDATE holds SET state = 'released'", "DELETE FROM holds");
        for (change, named) in [
            (released, "is released, and its last event says placed"),
            ("UPDATE holds SET scope = '{\"action\":\"user.created\"}'", "is not the one that its event names"),
            (gone, "is missing"),
            ("UPDATE holds SET id = 'x'", "no event of the log tells of x"),
        ] {
            rows.run(change);
            settled(store);
            let report = store.verify(&Against::default()).unwrap();
            assert!(report.problems.iter().any(|p| p.table == "holds" && p.detail.contains(named)), "{change}: {:#?}", report.problems);
            rows.run(BACK);
        }
        house.stage.clock.advance(Duration::from_secs(205 * DAY));
        let before = house.left().0;
        rows.run(released);
        house.run().await;
        assert_eq!(house.left().0, before, "of the case nothing goes");
        assert!(store.read_now(holds::any).unwrap(), "nor do the files of streams");
        // A row that is gone cannot say what it covered: nothing at all is erased then.
        rows.run(gone);
        let ran = retention::run(&house.stage.app, &Caller::shell()).await;
        assert!(ran.is_err_and(|e| e.to_string().contains(id)));
        rows.run(BACK);
        rows.run("DROP TABLE kept");
        house.holds();
    }
}

/// The count that a page shows and the rule that the purge obeys are two ways to say the same.
#[actix_web::test]
async fn what_a_hold_says_it_covers_is_what_it_keeps() {
    for db in TestDb::each() {
        let house = house(db).await;
        let app = &house.stage.app;
        house.stage.clock.advance(Duration::from_secs(60));
        assert_eq!(house.stage.get(&house.audit, "/audit").await.status, 200);
        let rows =
            app.store.read(|conn| Ok(log_search::table.order(log_search::idx).select(reader::SearchRow::as_select()).load(conn)?)).await.unwrap();
        let broadcast = house.stage.loaded(&house.case).await.row.broadcast_id;
        let (early, late) = (Instant(rows[0].at), Instant(rows[rows.len() - 1].at));
        let some = |text: &str| Some(text.to_owned());
        let person = house.stage.loaded(&house.case).await.row.requester_id;
        let reach = Reach { cases: vec![house.case.clone()], broadcast: Some(broadcast.clone()), tokens: Vec::new() };
        for scope in [
            Scope { case: some(&house.case), ..Scope::default() },
            Scope { person: Some(person.clone()), ..Scope::default() },
            Scope { broadcast: Some(broadcast.clone()), ..Scope::default() },
            Scope { from: Some(late), ..Scope::default() },
            Scope { to: Some(late), ..Scope::default() },
            Scope { action: some("recall.decided"), ..Scope::default() },
            Scope { case: some(&house.case), person: Some(person), from: Some(early), to: Some(late), ..Scope::default() },
            Scope { broadcast: Some(broadcast.clone()), action: some("broadcast.submitted"), ..Scope::default() },
        ] {
            let covered = rows
                .iter()
                .filter(|r| {
                    let facts = Facts {
                        at: Instant(r.at),
                        action: &r.action,
                        actor: &r.actor_id,
                        subject: (&r.subject_kind, &r.subject_id),
                        case: r.case_id.as_deref(),
                    };
                    scope.covers(&facts, &reach)
                })
                .count();
            let asked = scope.clone();
            let (events, open) = app.store.read(move |conn| holds::count(conn, &asked)).await.unwrap();
            assert!(events > 0 && events == i64::try_from(covered).unwrap(), "{scope:?}: {events} {covered}");
            assert!(open > 0 && open <= events, "{scope:?}");
        }
    }
}

/// SQLite gives the room back: the file is smaller than before.
#[test]
fn the_file_is_smaller_afterwards() {
    for db in TestDb::each() {
        let store = db.open();
        for _ in 0..20 {
            store
                .write_now(|tx| {
                    for _ in 0..200 {
                        tx.append(Event::system(Action::SettingChanged, Subject::new("setting", "s")).detail(json!({ "x": "长".repeat(500) })))?;
                    }
                    Ok(())
                })
                .unwrap();
        }
        settled(&store);
        let cut_off = store.now();
        let size = |db: &TestDb| match &db.database {
            Database::Sqlite(path) => std::fs::metadata(path).unwrap().len(),
            Database::Postgres(_) => 0,
        };
        let full = size(&db);
        erase_all(&store, cut_off);
        let given = store.give_back(cut_off.plus(Duration::from_secs(40 * DAY))).unwrap();
        match &db.database {
            Database::Sqlite(_) => {
                assert!(given > 4 << 20, "{given} bytes");
                drop(store);
                assert!(size(&db) + (4 << 20) < full, "{} after {full}", size(&db));
            }
            // A month whose parts are gone is dropped.
            Database::Postgres(_) => assert!(given >= 1, "{given} partitions"),
        }
    }
}
