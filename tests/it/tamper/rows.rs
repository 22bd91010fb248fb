//! Rows that pages and bundles show as the record: whoever changes a column, takes a row away or puts one in is named by table and row.

use countermand::{
    domain::role::Role,
    store::{
        Store,
        verify::{Against, Kind, Problem},
    },
};

use super::Raw;
use crate::{
    recalls::stage::Stage,
    retention::{erase_all, settled},
    support::db::TestDb,
};

/// Table, what its rows are told apart by, and the columns that events tell of (`t`ext, `i`nteger, `b`ytes).
const STATED: &[(&str, &str, &str)] = &[
    ("users", "id", "username:t display_name:t valid_until:i"),
    ("tokens", "id", "name:t scopes:t user_id:t expires_at:i created_at:i revoked_at:i"),
    ("recall_entries", "id", "recall_id:t level:i round:i by_id:t at:i kind:t"),
    ("calls", "id", "attempt:i started_at:i started_event:t answered_event:t result:t code:t"),
    (
        "recalls",
        "id",
        "requester_id:t harm_class:t cut_off:i due_1:i due_2:i due_3:i policy_id:t policy_version:i submitted_at:i tally:t correction_id:t",
    ),
    ("remediation_steps", "id", "recall_id:t strategy:t owner_id:t due_at:i state:t set_by:t set_at:i ended_by:t ended_at:i"),
    ("delegations", "id", "principal_id:t delegate_id:t levels:t from_at:i until_at:i made_at:i ended_at:i ended_by:t"),
    ("connections", "id", "name:t settings:t state:t agreement:t version:i"),
    ("bundles", "id", "number:t log_size:i sealed_at:i"),
    ("decisions", "id", "round:i at:i method:t principal_id:t client_ip:t shown:b level:i decider_id:t"),
];

/// Columns that name somebody.
const PEOPLE: &[&str] = &["requester_id", "by_id", "owner_id", "set_by", "ended_by", "principal_id", "delegate_id", "decider_id", "user_id"];

/// A company in which something of everything happened.
async fn busy(db: TestDb) -> Stage {
    let stage = Stage::set_on(db, |_| {}).await;
    let cast = stage.cast().await;
    let deputy = stage.person("deputy", &[Role::Requester], "总裁办").await;
    stage.token(Some(&cast.requester), &["recall.read"]).await;
    let case = stage.case(&cast).await;
    let comment = format!("/recalls/{case}/comments");
    assert_eq!(stage.post(&cast.lawyer, &comment, &[("comment", "法务先行关注此案")]).await.status, 303);
    let (code, until) = (stage.code(&cast.reviewer), stage.app.now().plus(std::time::Duration::from_secs(7200)).to_rfc3339());
    let fields = [("to", deputy.caller.id.as_str()), ("reason", "出差期间请代为审批"), ("totp", &code), ("until", &until), ("levels", "1")];
    let handed = stage.post(&cast.reviewer, "/delegations", &fields).await;
    assert_eq!(handed.status, 303, "{}", handed.body);
    stage.clock.advance(std::time::Duration::from_secs(30));
    for who in [&cast.reviewer, &cast.lawyer, &cast.executive] {
        let answer = stage.decide(who, &case, "approve").await;
        assert_eq!(answer.status, 303, "{}", answer.body);
    }
    stage.settle(6, 5).await;
    // One that nobody judged in time, and what is done about it.
    let late = stage.case(&stage.cast2(&cast).await).await;
    stage.clock.advance(std::time::Duration::from_secs(86_400));
    stage.run().await;
    let plan = format!("/recalls/{late}/remediations");
    let added = stage.post(&cast.executive, &plan, &[("strategy", "timeliness"), ("owner", "linyutong")]).await;
    assert_eq!(added.status, 303, "{}", added.body);
    settled(&stage.app.store);
    stage
}

fn problems(store: &Store) -> Vec<Problem> {
    store.verify(&Against::default()).unwrap().problems
}

fn is_named(store: &Store, table: &str) -> Result<(), String> {
    let found = problems(store);
    match found.iter().any(|p| p.table == table && p.kind != Kind::Schema) {
        true => Ok(()),
        false => Err(format!("{table} is not named: {found:?}")),
    }
}

#[actix_web::test]
async fn what_events_tell_of_rows_is_held_against_them() {
    for db in TestDb::each() {
        let mut raw = Raw::open(&db);
        let stage = busy(db).await;
        let store = &stage.app.store;
        assert_eq!(problems(store), [], "nothing was changed");
        let mut tried = Vec::new();
        for (table, id, columns) in STATED {
            for (column, kind) in columns.split(' ').map(|c| c.split_once(':').unwrap()) {
                let shown = raw.shown(column, kind);
                let ids = raw.column(&format!("SELECT {id} AS value FROM {table} ORDER BY {id}"));
                let olds = raw.column(&format!("SELECT {shown} AS value FROM {table} ORDER BY {id}"));
                for (row, old) in ids.iter().zip(olds).take(2) {
                    let new = match (old.as_str(), kind) {
                        ("-", "i") => "7".to_owned(),
                        ("-", _) => "41".to_owned(),
                        (old, "i") => (old.parse::<i64>().unwrap() + 1).to_string(),
                        (old, _) if column == "settings" => old.replace("22", "23"),
                        (old, _) => format!("{old}41"),
                    };
                    let set = |raw: &Raw, shown: &str| format!("UPDATE {table} SET {column} = {} WHERE {id} = '{row}'", raw.literal(shown, kind));
                    let (mut change, back) = (set(&raw, &new), set(&raw, &old));
                    if PEOPLE.contains(&column) {
                        // Somebody else, for nobody the database refuses.
                        let other = format!("(SELECT min(id) FROM users WHERE id <> coalesce({column}, ''))");
                        change = format!("UPDATE {table} SET {column} = {other} WHERE {id} = '{row}'");
                    }
                    // What a constraint refuses cannot happen.
                    let Ok(1) = raw.execute(&change) else { continue };
                    // Of what no event told (a code that the platform did not give) nothing can be said.
                    let silent = ["code", "user_id", "ended_by", "ended_at", "principal_id", "client_ip", "valid_until", "answered_event", "tally"];
                    if let Err(why) = is_named(store, table) {
                        assert!(old == "-" && silent.contains(&column), "{change} (was {old}): {why}");
                    } else {
                        tried.push(format!("{table}.{column}"));
                    }
                    assert_eq!(raw.execute(&back), Ok(1), "{back}");
                }
            }
        }
        for wanted in [
            "users.display_name",
            "tokens.scopes",
            "tokens.revoked_at",
            "recall_entries.by_id",
            "calls.attempt",
            "recalls.due_1",
            "recalls.requester_id",
            "remediation_steps.due_at",
            "delegations.until_at",
            "connections.settings",
            "bundles.sealed_at",
            "decisions.round",
            "decisions.at",
            "decisions.principal_id",
            "decisions.shown",
        ] {
            assert!(tried.iter().any(|t| t == wanted), "{wanted} was never changed: {tried:?}");
        }
        assert_eq!(problems(store), [], "everything was put back");
        // A role that nobody gave, and one that was taken.
        let role = "INSERT INTO user_roles SELECT id, 'auditor' FROM users WHERE username = 'linyutong'";
        assert_eq!(raw.execute(role), Ok(1));
        is_named(store, "users").unwrap();
        assert_eq!(raw.execute("DELETE FROM user_roles WHERE role = 'auditor'"), Ok(1));
        assert_eq!(problems(store), []);
    }
}

#[actix_web::test]
async fn a_row_that_was_taken_away_or_put_in_is_named() {
    for db in TestDb::each() {
        let mut raw = Raw::open(&db);
        let stage = busy(db).await;
        let store = &stage.app.store;
        let mut tried = 0;
        for table in ["recall_entries", "calls", "tokens", "remediation_steps", "delegations", "decisions"] {
            raw.execute(&format!("CREATE TABLE kept AS SELECT * FROM {table} ORDER BY id LIMIT 1")).unwrap();
            let first = "id = (SELECT id FROM kept)";
            if raw.execute(&format!("DELETE FROM {table} WHERE {first}")).is_ok() {
                is_named(store, table).unwrap_or_else(|why| panic!("{table}, a row deleted: {why}"));
                raw.execute(&format!("INSERT INTO {table} SELECT * FROM kept")).unwrap();
                tried += 1;
            }
            if raw.execute(&format!("UPDATE {table} SET id = 'x' WHERE {first}")) == Ok(1) {
                // Entries are named by their case and time, answered calls by their event.
                let found = is_named(store, table);
                assert!(found.is_ok() || table == "recall_entries" || table == "decisions", "{table}, under another id: {found:?}");
                raw.execute(&format!("UPDATE {table} SET {first} WHERE id = 'x'")).unwrap();
            }
            raw.execute("DROP TABLE kept").unwrap();
            assert_eq!(problems(store), [], "{table}: everything was put back");
        }
        assert!(tried >= 5, "{tried}");
        // Twice the same answer to a case.
        let double =
            "INSERT INTO recall_entries SELECT 'x', recall_id, round, level, kind, by_id, to_id, text_sealed, at FROM recall_entries LIMIT 1";
        assert_eq!(raw.execute(double), Ok(1));
        is_named(store, "recall_entries").unwrap();
        raw.execute("DELETE FROM recall_entries WHERE id = 'x'").unwrap();
        assert_eq!(problems(store), []);
    }
}

/// Parts that are gone excuse what they stated, and nothing else: a row that is missing or too many is still named.
#[actix_web::test]
async fn what_was_purged_excuses_and_what_the_leaves_say_stays() {
    for db in TestDb::each() {
        let mut raw = Raw::open(&db);
        let stage = busy(db).await;
        let store = &stage.app.store;
        stage.clock.advance(std::time::Duration::from_secs(215 * 86_400));
        assert!(erase_all(store, stage.app.now()) > 0);
        settled(store);
        assert_eq!(problems(store), [], "a purge is no theft");
        let kept = "CREATE TABLE kept AS SELECT * FROM recall_entries";
        raw.execute(kept).unwrap();
        raw.execute("DELETE FROM recall_entries").unwrap();
        is_named(store, "recall_entries").unwrap();
        raw.execute("INSERT INTO recall_entries SELECT * FROM kept").unwrap();
        raw.execute("DROP TABLE kept").unwrap();
        assert_eq!(raw.execute("UPDATE delegations SET made_at = made_at - 1"), Ok(1));
        is_named(store, "delegations").unwrap();
        raw.execute("UPDATE delegations SET made_at = made_at + 1").unwrap();
        assert_eq!(problems(store), []);
    }
}
