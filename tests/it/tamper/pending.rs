//! Events that wait for their index, on PostgreSQL: one that is put in again stops nothing, is named, and covers no forged row.

use countermand::store::{
    Database, Store, reader,
    verify::{Against, Kind},
};
use diesel::{Connection, PgConnection, connection::SimpleConnection};

use super::{Raw, log_of_a_few_events};
use crate::{
    retention::{hold, settled},
    support::db::TestDb,
};

/// The lock that every sequencer asks for.
const LOCK: &str = "(hashtext('countermand-sequencer'), hashtext(current_schema()::text))";

#[test]
fn an_event_that_is_pending_again_stops_nothing_and_excuses_nothing() {
    let Some(db) = TestDb::postgres() else { return };
    let Database::Postgres(url) = &db.database else { return };
    drop(log_of_a_few_events(&db));
    // While nobody gives out indices, what waits is copied.
    let mut lock = PgConnection::establish(url).unwrap();
    lock.batch_execute(&format!("SELECT pg_advisory_lock{LOCK}")).unwrap();
    let mut raw = Raw::open(&db);
    let store: Store = db.open();
    let user = countermand::id::fresh();
    let id = store.write_now(move |tx| hold(tx, &user, &countermand::domain::retention::Scope::default())).unwrap().value;
    let waits = raw.column("SELECT event_id AS value FROM log_pending ORDER BY seq");
    assert!(waits.len() >= 2, "{waits:?}");
    let report = store.verify(&Against::default()).unwrap();
    assert!(report.ok, "what waits excuses its own rows: {report:?}");
    raw.execute("CREATE TABLE x AS SELECT * FROM log_pending").unwrap();
    lock.batch_execute(&format!("SELECT pg_advisory_unlock{LOCK}")).unwrap();
    settled(&store);
    raw.execute("INSERT INTO log_pending (event_id, leaf, mac) SELECT event_id, leaf, mac FROM x").unwrap();
    raw.execute("DROP TABLE x").unwrap();
    let size = store.read_now(reader::head).unwrap().size();
    let written = store.write_now(|tx| {
        let subject = countermand::domain::event::Subject::new("setting", "s");
        tx.append(countermand::domain::event::Event::system(countermand::domain::event::Action::SettingChanged, subject))
    });
    assert!(written.is_ok());
    for _ in 0..200 {
        if store.read_now(reader::head).unwrap().size() > size {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(store.read_now(reader::head).unwrap().size(), size + 1, "the log goes on");
    raw.execute(&format!("UPDATE holds SET id = 'x' WHERE id = '{id}'")).unwrap();
    let report = store.verify(&Against::default()).unwrap();
    for event in &waits {
        let named = |p: &countermand::store::verify::Problem| p.kind == Kind::Leaf && p.table == "log_pending" && p.detail.contains(event);
        assert!(report.problems.iter().any(named), "{event}: {report:?}");
    }
    let forged = |p: &countermand::store::verify::Problem| p.table == "holds" && p.detail.contains("no event of the log tells of x");
    assert!(report.problems.iter().any(forged), "{report:?}");
}
