//! The database's own shape: tables, indexes, and what may work in the dark beside them. A trigger, a rule, a policy or a view can swallow or
//! change rows that the program believes to have written, and leaves every row of the log whole.
//!
//! SQLite must have the very schema that its migrations make in an empty database. PostgreSQL writes its schema down in its own words, so
//! there the catalogues are asked for what the migrations never make, and for every table and every unique rule that they do.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use diesel::{
    Connection, QueryableByName, RunQueryDsl, SqliteConnection,
    migration::{Migration, MigrationSource},
    sql_query,
    sql_types::Text,
    sqlite::Sqlite,
};
use diesel_migrations::MigrationHarness;

use super::{Audit, Kind};
use crate::store::{Conn, StoreError, migrate, purge::CLASSES};

/// Something that a schema has: what it is, its name, the table it belongs to, and how it is defined.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, QueryableByName)]
struct Thing {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    tab: String,
    #[diesel(sql_type = Text)]
    made: String,
}

/// A rule that rows of a table differ in these columns; `only` are the words in the condition of one that is for some rows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, QueryableByName)]
struct Unique {
    #[diesel(sql_type = Text)]
    tab: String,
    #[diesel(sql_type = Text)]
    columns: String,
    #[diesel(sql_type = Text)]
    only: String,
}

impl Unique {
    /// Both databases write a condition in their own way; its literals are the same.
    fn literals(mut self) -> Self {
        self.only = self.only.split('\'').skip(1).step_by(2).collect::<Vec<_>>().join(" ");
        self
    }
}

/// SQLite's own notes on its tables come and go.
const SQLITE: &str = "SELECT type AS kind, name, tbl_name AS tab, COALESCE(sql, '') AS made FROM sqlite_schema \
     WHERE NOT (type = 'table' AND name IN ('sqlite_sequence', 'sqlite_stat1', 'sqlite_stat4'))";

/// The index of words is another thing there.
const UNIQUE_SQLITE: &str = "SELECT m.name AS tab, (SELECT group_concat(name, ' ') FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY name)) \
     AS columns, CASE WHEN i.partial THEN (SELECT sql FROM sqlite_schema WHERE name = i.name) ELSE '' END AS only \
     FROM sqlite_schema m JOIN pragma_index_list(m.name) i WHERE m.type = 'table' AND i.\"unique\" AND m.name NOT LIKE 'log_words%' \
     UNION SELECT m.name, c.name, '' FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND c.pk = 1 AND NOT EXISTS \
     (SELECT 1 FROM pragma_index_list(m.name) i WHERE i.origin = 'pk') AND m.name NOT LIKE 'log_words%' \
     UNION SELECT 'log_words', 'idx', ''";

const UNIQUE_POSTGRES: &str = "SELECT c.relname::text AS tab, (SELECT string_agg(a.attname::text, ' ' ORDER BY a.attname::text COLLATE \"C\") \
     FROM unnest(i.indkey::int2[]) k JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k) AS columns, \
     COALESCE(pg_get_expr(i.indpred, i.indrelid), '') AS only \
     FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid WHERE c.relnamespace = current_schema()::regnamespace \
     AND i.indisunique AND i.indisvalid AND i.indisready AND i.indexprs IS NULL";

/// What the migrations never make: triggers (those of references must not sleep), rules, policies, views and their like, tables that lay
/// their rows into another; and each table that is there as what it is.
const POSTGRES: &str = "WITH ours AS (SELECT c.* FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace \
         AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')) \
     SELECT CASE WHEN t.tgisinternal THEN 'disabled reference' ELSE 'trigger' END AS kind, t.tgname::text AS name, c.relname::text AS tab, '' AS made \
         FROM pg_trigger t JOIN ours c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal OR t.tgenabled <> 'O' \
     UNION ALL SELECT 'rule', r.rulename::text, c.relname::text, '' FROM pg_rewrite r JOIN ours c ON c.oid = r.ev_class WHERE c.relkind NOT IN ('v', 'm') \
     UNION ALL SELECT 'policy', p.polname::text, c.relname::text, '' FROM pg_policy p JOIN ours c ON c.oid = p.polrelid \
     UNION ALL SELECT 'row-level security', c.relname::text, c.relname::text, '' FROM ours c WHERE c.relrowsecurity OR c.relforcerowsecurity \
     UNION ALL SELECT 'heir', h.relname::text, c.relname::text, '' FROM pg_inherits i JOIN ours c ON c.oid = i.inhparent \
         JOIN pg_class h ON h.oid = i.inhrelid WHERE c.relkind IN ('r', 'p') AND (h.relkind <> 'r' OR c.relname <> 'log_parts') \
     UNION ALL SELECT CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'table in parts' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' \
         ELSE 'foreign table' END, c.relname::text, c.relname::text, '' FROM ours c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')";

/// Names everything about the database's shape that the migrations did not make, and what they made that is gone.
pub(super) fn check(conn: &mut Conn, audit: &mut Audit<'_>) -> Result<(), StoreError> {
    let made = made(migrate::applied(conn)?)?;
    match conn {
        Conn::Sqlite(there) => {
            let (must, has) = (&made.things, things(there)?);
            for (key, made) in &has {
                match must.get(key) {
                    None => problem(audit, key, "was not made by this program"),
                    Some(other) if other != made => problem(audit, key, "is not as this program made it"),
                    Some(_) => {}
                }
            }
            must.keys().filter(|key| !has.contains_key(*key)).for_each(|key| problem(audit, key, "is missing"));
        }
        Conn::Postgres(there) => {
            let must = &made.unique;
            let has: BTreeSet<Unique> = sql_query(UNIQUE_POSTGRES).load::<Unique>(there)?.into_iter().map(Unique::literals).collect();
            let tables: BTreeSet<String> = must.iter().map(|unique| unique.tab.clone()).collect();
            let mut seen = BTreeSet::new();
            for Thing { kind, name, tab, .. } in sql_query(POSTGRES).load::<Thing>(there)? {
                let wanted = if name == "log_parts" { "table in parts" } else { "table" };
                match kind.as_str() {
                    "table" | "table in parts" if !tables.contains(&name) => {}
                    found if found == wanted && name == tab => drop(seen.insert(name)),
                    _ => problem(audit, &(kind, name, tab), "was not made by this program"),
                }
            }
            for table in tables.difference(&seen) {
                problem(audit, &("table".to_owned(), table.clone(), table.clone()), "is missing");
            }
            for Unique { tab, columns, .. } in must.difference(&has).cloned() {
                let named = ("unique rule".to_owned(), format!("({columns})"), tab);
                problem(audit, &named, "is missing");
            }
        }
    }
    Ok(())
}

/// What migrations make.
struct Made {
    things: BTreeMap<Key, String>,
    unique: BTreeSet<Unique>,
}

/// What these migrations make of an empty database in memory; kept, for a process asks again and again.
fn made(applied: Vec<String>) -> Result<Arc<Made>, StoreError> {
    static LAST: Mutex<Option<(Vec<String>, Arc<Made>)>> = Mutex::new(None);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, made)) = last.as_ref().filter(|(of, _)| *of == applied) {
        return Ok(made.clone());
    }
    let mut fresh = fresh(&applied)?;
    let unique = sql_query(UNIQUE_SQLITE).load::<Unique>(&mut fresh)?.into_iter().map(Unique::literals).collect();
    let made = Arc::new(Made { things: things(&mut fresh)?, unique });
    *last = Some((applied, made.clone()));
    Ok(made)
}

fn fresh(applied: &[String]) -> Result<SqliteConnection, StoreError> {
    let failed = |e: Box<dyn std::error::Error + Send + Sync>| StoreError::Migration(e.to_string());
    let mut fresh = SqliteConnection::establish(":memory:").map_err(|e| StoreError::Unavailable(e.to_string()))?;
    fresh.applied_migrations().map_err(failed)?;
    let all: Vec<Box<dyn Migration<Sqlite>>> = MigrationSource::<Sqlite>::migrations(&migrate::SQLITE).map_err(failed)?;
    for migration in all.iter().filter(|m| applied.contains(&m.name().version().to_string())) {
        fresh.run_migration(migration).map_err(failed)?;
    }
    Ok(fresh)
}

/// A thing's kind, name and table.
type Key = (String, String, String);

fn things(conn: &mut SqliteConnection) -> Result<BTreeMap<Key, String>, StoreError> {
    Ok(sql_query(SQLITE).load::<Thing>(conn)?.into_iter().map(|t| ((t.kind, t.name, t.tab), t.made)).collect())
}

fn problem(audit: &mut Audit<'_>, (kind, name, tab): &Key, what: &str) {
    let table = CLASSES.iter().map(|(table, _)| *table).find(|table| table == tab).unwrap_or("database");
    let of = if name == tab { String::new() } else { format!(" of {tab}") };
    audit.problem(Kind::Schema, table, None, format!("the {kind} {name}{of} {what}"));
}
