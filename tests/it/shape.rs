//! Somebody with full rights on the database lets it swallow or change what the program writes: no row of the log tells, its shape does.

use countermand::store::{
    Database,
    verify::{Against, Kind, inspect},
};

use crate::support::db::TestDb;

/// What is done, how it is undone, the table that must be named, and words of the problem.
type Case = (&'static str, &'static str, &'static str, &'static str);

const SQLITE: &[Case] = &[
    ("CREATE TRIGGER q BEFORE INSERT ON alerts BEGIN SELECT RAISE(IGNORE); END", "DROP TRIGGER q", "alerts", "the trigger q of alerts was not made"),
    ("CREATE VIEW v AS SELECT 1", "DROP VIEW v", "database", "the view v was not made"),
    ("CREATE TABLE t (x)", "DROP TABLE t", "database", "the table t was not made"),
    ("CREATE INDEX i ON alerts (state)", "DROP INDEX i", "alerts", "the index i of alerts was not made"),
    ("ALTER TABLE alerts RENAME TO old_alerts; CREATE VIEW alerts AS SELECT * FROM old_alerts", "", "alerts", "the view alerts was not made"),
    ("DROP INDEX jobs_one_ready", "", "jobs", "the index jobs_one_ready of jobs is missing"),
    (
        "DROP INDEX recalls_one_open; CREATE UNIQUE INDEX recalls_one_open ON recalls(broadcast_id) WHERE state = 'x'",
        "",
        "recalls",
        "the index recalls_one_open of recalls is not as this program made it",
    ),
];

const POSTGRES: &[Case] = &[
    (
        "CREATE FUNCTION q() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; CREATE TRIGGER q BEFORE INSERT ON alerts FOR EACH ROW \
         EXECUTE FUNCTION q()",
        "DROP TRIGGER q ON alerts",
        "alerts",
        "the trigger q of alerts was not made",
    ),
    ("CREATE RULE q AS ON INSERT TO alerts DO INSTEAD NOTHING", "DROP RULE q ON alerts", "alerts", "the rule q of alerts was not made"),
    ("CREATE POLICY q ON alerts USING (false)", "DROP POLICY q ON alerts", "alerts", "the policy q of alerts was not made"),
    (
        "ALTER TABLE alerts ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE alerts DISABLE ROW LEVEL SECURITY",
        "alerts",
        "the row-level security alerts was not made",
    ),
    ("ALTER TABLE decisions DISABLE TRIGGER ALL", "ALTER TABLE decisions ENABLE TRIGGER ALL", "decisions", "the disabled reference"),
    ("CREATE TABLE heir () INHERITS (alerts)", "DROP TABLE heir", "alerts", "the heir heir of alerts was not made"),
    ("CREATE VIEW v AS SELECT 1 AS one", "DROP VIEW v", "database", "the view v was not made"),
    (
        "ALTER TABLE log_search RENAME TO real_search; CREATE VIEW log_search AS SELECT * FROM real_search",
        "DROP VIEW log_search; ALTER TABLE real_search RENAME TO log_search",
        "log_search",
        "the view log_search was not made",
    ),
    ("ALTER TABLE alerts RENAME TO old_alerts", "ALTER TABLE old_alerts RENAME TO alerts", "alerts", "the table alerts is missing"),
    ("DROP INDEX jobs_one_ready", "", "jobs", "the unique rule (job_key kind) of jobs is missing"),
    (
        "DROP INDEX recalls_one_open; CREATE UNIQUE INDEX recalls_one_open ON recalls(broadcast_id) WHERE state = 'x'",
        "",
        "recalls",
        "the unique rule (broadcast_id) of recalls is missing",
    ),
];

#[test]
fn what_works_beside_the_program_is_named() {
    for db in TestDb::each() {
        let store = db.open();
        store.checkpoint_now().unwrap();
        drop(store);
        db.wait_until_closed();
        let cases = if matches!(db.database, Database::Sqlite(_)) { SQLITE } else { POSTGRES };
        let mut known = Vec::new();
        for (done, undone, table, words) in cases {
            let found = || inspect(&db.database, db.path(), &Against::default()).unwrap().problems;
            assert_eq!(found(), known, "before {done}");
            db.execute(done);
            let problems = found();
            let named = problems.iter().any(|p| p.kind == Kind::Schema && p.table == *table && p.detail.contains(words));
            assert!(named, "{done}: {problems:?}");
            if !undone.is_empty() {
                db.execute(undone);
            }
            known = found();
            assert!(undone.is_empty() || !known.iter().any(|p| p.detail.contains(words)), "{undone}: {known:?}");
        }
    }
}
