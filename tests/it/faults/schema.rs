//! Both databases have exactly the tables and columns that `store::schema` names: a query that compiles finds what it asks for.

use std::collections::{BTreeMap, BTreeSet};

use countermand::store::Database;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, SqliteConnection, connection::SimpleConnection, sql_query, sql_types::Text};

use crate::support::db::TestDb;

type Tables = BTreeMap<String, BTreeSet<String>>;

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    tab: String,
    #[diesel(sql_type = Text)]
    col: String,
}

/// The columns that the database itself tells of.
fn columns(db: &TestDb) -> Vec<Column> {
    match &db.database {
        Database::Sqlite(path) => {
            let sql = "SELECT m.name AS tab, c.name AS col FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' \
                       AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE '\\_\\_diesel%' ESCAPE '\\'";
            let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
            // The store that was closed may still be tidying up.
            conn.batch_execute("PRAGMA busy_timeout=5000").unwrap();
            sql_query(sql).load(&mut conn).unwrap()
        }
        Database::Postgres(url) => {
            // Partitions are pieces of a table and not tables; the reserve of the disk holds no data.
            let sql = "SELECT c.relname::text AS tab, a.attname::text AS col FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
                       WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition \
                       AND a.attnum > 0 AND NOT a.attisdropped AND c.relname NOT LIKE '\\_\\_diesel%' AND c.relname <> 'disk_reserve'";
            sql_query(sql).load(&mut PgConnection::establish(url).unwrap()).unwrap()
        }
    }
}

/// What the migrations made.
fn made(db: &TestDb) -> Tables {
    let columns = columns(db);
    let mut tables = Tables::new();
    // The index of words is no table on SQLite (it has four beneath it) and no part of a backup: it is made again from the log.
    let (index, columns): (Vec<Column>, Vec<Column>) = columns.into_iter().partition(|c| c.tab == "log_words" || c.tab.starts_with("log_words_"));
    assert!(index.iter().any(|c| c.tab == "log_words" && c.col == "words") && index.len() < 12, "{}", index.len());
    for Column { tab, col } in columns {
        tables.entry(tab).or_default().insert(col);
    }
    tables
}

/// The files of `store::schema`, one after the other.
fn source() -> String {
    let file = |name: &str| std::fs::read_to_string(format!("{}/src/store/schema/{name}.rs", env!("CARGO_MANIFEST_DIR"))).unwrap();
    ["delegated", "duty", "factors", "imported", "invited", "log", "records", "remedied", "rules", "self_recalled", "taking_part"].map(file).concat()
}

/// What `store::schema` says, read as text.
fn said() -> Tables {
    let text = source();
    let mut tables = Tables::new();
    let mut table = String::new();
    for line in text.lines().map(str::trim) {
        if let Some((name, _)) = line.split_once(" (").filter(|_| line.ends_with(") {")) {
            table = name.to_owned();
        } else if let Some((column, _)) = line.split_once(" -> ").filter(|_| line.ends_with(',')) {
            tables.entry(table.clone()).or_default().insert(column.to_owned());
        }
    }
    tables
}

#[test]
fn every_table_has_its_class_of_retention() {
    let classed: BTreeSet<String> = countermand::store::purge::CLASSES.iter().map(|(table, _)| (*table).to_owned()).collect();
    for db in TestDb::each() {
        drop(db.open());
        // Beneath the index of words lie tables of its own making.
        let there = columns(&db).into_iter().map(|c| c.tab).filter(|tab| !tab.starts_with("log_words_"));
        assert_eq!(classed, there.collect(), "{:?}", db.database);
    }
}

#[test]
fn both_databases_are_as_the_schema_says() {
    let said = said();
    assert!(said.len() > 20 && said["log_parts"].contains("sealed"), "{said:?}");
    for db in TestDb::each() {
        drop(db.open());
        assert_eq!(made(&db), said, "{:?}", db.database);
    }
}

/// What is not in a backup is lost with the machine.
#[test]
fn a_backup_holds_every_column_of_every_table() {
    let text = source();
    let mut said = BTreeMap::new();
    let mut table = String::new();
    for line in text.lines().map(str::trim) {
        if let Some((name, _)) = line.split_once(" (").filter(|_| line.ends_with(") {")) {
            table = name.to_owned();
        } else if let Some((column, kind)) = line.split_once(" -> ").filter(|_| line.ends_with(',')) {
            let kind = ["BigInt", "Text", "Binary"].into_iter().find(|k| kind.contains(k)).unwrap();
            said.insert((table.clone(), column.to_owned()), kind);
        }
    }
    // It gets another number where it is put back.
    said.remove(&("log_pending".to_owned(), "seq".to_owned()));
    // What was purged must not be read in an old backup: the keys lie in a copy of their own.
    said.retain(|(table, _), _| table != "part_keys");
    let mut held = BTreeMap::new();
    for table in countermand::store::backup::TABLES {
        for (column, kind) in table.columns() {
            let kind = match kind {
                "i" => "BigInt",
                "b" => "Binary",
                _ => "Text",
            };
            held.insert((table.name.to_owned(), column.to_owned()), kind);
        }
    }
    assert_eq!(held, said);
}
