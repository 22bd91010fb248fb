//! Rows elsewhere that pages and bundles show as the record, column by column: each against what the newest event that tells of it says.
//!
//! Which event states which column of which row stands in `rules`; here is what reads it. Nothing is said of a column that no event
//! states any more: a part that was purged excuses, and so does a field that an event does not have. Of each event that names a row its index, 16
//! bytes of what names the row and 8 of each value are kept, whatever they are; a hash of them would have to be guessed.
//! Not here: what is sealed or signed (`contents`), and rows that have rules of their own (`holds`, `policies`, `timestamps`).

mod rules;
mod tables;

use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasher, RandomState},
    sync::LazyLock,
};

use diesel::{
    QueryableByName, RunQueryDsl, sql_query,
    sql_types::{Nullable, Text},
};
use rules::{Of, RULES, Rule, Says};
use serde_json::Value;
pub(super) use tables::USERS;
use tables::{TABLES, Table};

use super::{Audit, Kind, readable, waiting::Waiting};
use crate::{
    clock::Instant,
    crypto::sha256,
    ledger::{commitment, plain::Plain},
    store::{Conn, StoreError},
};

/// Rows in one read.
const BATCH: usize = 2000;
/// Rows without an event that are named one by one.
const NAMED: usize = 100;
/// What a column reads as whose value went with its broadcast's words.
const ERASED: &str = "(erased)";

/// How an event's value and a column's text come to the same form.
#[derive(Clone, Copy, Debug)]
enum Form {
    /// As it is; numbers and truth as digits and words.
    Plain,
    /// RFC 3339 in events, microseconds in rows.
    Time,
    /// A list in events, words between blanks or commas in rows; in any order.
    Words,
    Json,
}

impl Form {
    /// Of what an event says.
    fn of_event(self, value: &Value) -> Option<String> {
        match (self, value) {
            (Self::Words, Value::Array(words)) => Some(sorted(words.iter().map(|word| plain(word).unwrap_or_default()))),
            (Self::Words, Value::Null) => Some(String::new()),
            (Self::Json, value) => commitment::canonical(value).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
            (_, value) => plain(value),
        }
    }

    /// Of what a row says.
    fn of_row(self, text: Option<&str>) -> Option<String> {
        match (self, text) {
            (Self::Words, text) => Some(sorted(text.unwrap_or_default().split([' ', ',']).filter(|word| !word.is_empty()).map(ToOwned::to_owned))),
            (Self::Time, Some(text)) => Some(text.parse().map_or_else(|_| text.to_owned(), |micros| Instant(micros).to_rfc3339())),
            (Self::Json, Some(text)) => self.of_event(&serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))),
            (_, text) => text.map(ToOwned::to_owned),
        }
    }
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn sorted(words: impl Iterator<Item = String>) -> String {
    let mut words: Vec<String> = words.collect();
    words.sort_unstable();
    words.join(" ")
}

/// What names a row, shortened.
type Key = [u8; 16];

fn key(text: &str) -> Key {
    let mut key = Key::default();
    key.copy_from_slice(&sha256(text.as_bytes())[..16]);
    key
}

/// A value, as a hash that nobody can know beforehand; never 0, which is for what nobody knows.
fn hashed(hasher: &RandomState, column: usize, value: Option<&str>) -> u64 {
    hasher.hash_one((column, value)).max(1)
}

/// What one event says of a row.
pub(super) struct Told {
    table: usize,
    /// None where the part that names the row is gone.
    key: Option<Key>,
    index: u64,
    /// The column, and its hash; 0 where the part that states it is gone.
    says: Vec<(usize, u64)>,
}

/// The rules of an action, which every event asks for.
fn rules_of(action: &str) -> &'static [&'static Rule] {
    static BY_ACTION: LazyLock<HashMap<&'static str, Vec<&'static Rule>>> = LazyLock::new(|| {
        let mut all: HashMap<_, Vec<_>> = HashMap::new();
        RULES.iter().for_each(|rule| all.entry(rule.action).or_default().push(rule));
        all
    });
    BY_ACTION.get(action).map_or(&[], Vec::as_slice)
}

/// What an event says of rows; `detail` is that part, opened.
pub(super) fn told(hasher: &RandomState, index: u64, leaf: &Plain<'_>, detail: Option<&[u8]>) -> Vec<Told> {
    let mut all = Vec::new();
    let mut opened: Option<Option<Value>> = None;
    for rule in rules_of(leaf.action) {
        if leaf.outcome != "success" && !rule.any_outcome {
            continue;
        }
        let detail = opened.get_or_insert_with(|| detail.and_then(|bytes| serde_json::from_slice(bytes).ok())).as_ref();
        let field = |pointer: &str| detail.map(|detail| detail.pointer(pointer));
        let named = match rule.of {
            Of::Subject => Some(leaf.subject_id.to_owned()),
            Of::Event => Some(leaf.id.to_owned()),
            Of::Case => leaf.case.map(ToOwned::to_owned),
            Of::Entry(kind) => leaf.case.map(|case| format!("{case}/{kind}/{}", leaf.at.0)),
            Of::Detail(pointer) => match field(pointer) {
                // A refusal, or an event of before there was such a row.
                Some(named) if named.and_then(Value::as_str).is_none() => continue,
                named => named.flatten().and_then(Value::as_str).map(ToOwned::to_owned),
            },
            Of::Version => field("/version").flatten().and_then(plain).map(|version| format!("{}/{version}", leaf.subject_id)),
        };
        let columns = TABLES[rule.table].columns;
        let mut says = Vec::with_capacity(rule.says.len());
        for (column, what) in rule.says {
            let form = columns[*column].form;
            let hash = |value: Option<&str>| hashed(hasher, *column, value);
            let person = (leaf.actor_kind == "user").then_some(leaf.actor_id);
            says.push((
                *column,
                match what {
                    Says::Is(word) => hash(Some(word)),
                    Says::Nothing => hash(None),
                    // Somebody's token acts under its own id.
                    Says::Actor => person.map_or(0, |id| hash(Some(id))),
                    Says::Case => leaf.case.map_or(0, |id| hash(Some(id))),
                    Says::Event => hash(Some(leaf.id)),
                    Says::At => hash(Some(&form.of_row(Some(&leaf.at.0.to_string())).unwrap_or_default())),
                    Says::Detail(pointer) => match field(pointer) {
                        None => 0,
                        Some(None) => continue,
                        Some(Some(value)) => hash(form.of_event(value).as_deref()),
                    },
                },
            ));
        }
        all.push(Told { table: rule.table, key: named.as_deref().map(key), index, says });
    }
    all
}

/// What the log says of one row, or of as many as share what names them.
struct Entry {
    index: u64,
    /// By column; 0 where nobody knows.
    values: Box<[u64]>,
    /// Events that made such a row, less the rows found.
    left: i64,
    seen: bool,
}

/// What the log says of all of them.
#[derive(Default)]
pub(super) struct Stated {
    hasher: RandomState,
    entries: HashMap<(usize, Key), Entry>,
    /// Events of which nobody can tell any more which row they made, by table.
    unknown: BTreeMap<usize, usize>,
}

impl Stated {
    pub(super) fn hasher(&self) -> RandomState {
        self.hasher.clone()
    }

    /// Whether an event told of this row.
    pub(super) fn names(&self, table: usize, named: &str) -> bool {
        self.entries.contains_key(&(table, key(named)))
    }

    /// Whether of every event the row is known that it is about.
    pub(super) fn knows_all(&self, table: usize) -> bool {
        !self.unknown.contains_key(&table)
    }

    /// Remembers what an event says, over what earlier ones said.
    pub(super) fn note(&mut self, told: Told) {
        let Some(key) = told.key else {
            *self.unknown.entry(told.table).or_default() += 1;
            return;
        };
        let width = TABLES[told.table].columns.len();
        let entry =
            self.entries.entry((told.table, key)).or_insert_with(|| Entry { index: told.index, values: vec![0; width].into(), left: 0, seen: false });
        let again = TABLES[told.table].many && entry.left > 0;
        (entry.index, entry.left) = (told.index, entry.left + 1);
        for (column, value) in told.says {
            // Two of one moment cannot be told apart: what they do not share is not held against either.
            let same = !again || entry.values[column] == value;
            entry.values[column] = if same { value } else { 0 };
        }
    }

    /// Holds the rows against what the log says of them.
    pub(super) fn settle(mut self, conn: &mut Conn, audit: &mut Audit<'_>, waiting: &Waiting) -> Result<(), StoreError> {
        for (place, table) in TABLES.iter().enumerate() {
            self.table(conn, audit, (place, table), waiting)?;
        }
        let mut missing: Vec<(usize, u64)> = Vec::new();
        for ((place, _), entry) in &self.entries {
            let table = &TABLES[*place];
            if table.kept && (!entry.seen || (table.many && entry.left > 0)) {
                missing.push((*place, entry.index));
            }
        }
        missing.sort_unstable();
        for (place, index) in missing {
            let Table { name, what, .. } = &TABLES[place];
            audit.problem(Kind::MissingPart, name, Some(index), format!("{what}, of which this event tells, is missing"));
        }
        Ok(())
    }

    fn table(&mut self, conn: &mut Conn, audit: &mut Audit<'_>, (place, table): (usize, &Table), waiting: &Waiting) -> Result<(), StoreError> {
        let mut strangers = Vec::new();
        let mut after = String::new();
        loop {
            let rows: Vec<Row> = readable(audit, Kind::Part, table.name, page(conn, table, &after))?;
            let Some(last) = rows.last() else { break };
            after.clone_from(&last.row_id);
            for row in &rows {
                let excused = [&row.row_id, &row.row_key, &row.row_about].iter().any(|id| waiting.tells_of(id))
                    || table.beside.iter().any(|action| waiting.says(action));
                match self.entries.get_mut(&(place, key(&row.row_key))) {
                    None if table.told && !excused => strangers.push(row.row_id.clone()),
                    None => {}
                    Some(entry) => {
                        (entry.seen, entry.left) = (true, entry.left - 1);
                        if table.many && entry.left < 0 && !excused {
                            strangers.push(row.row_id.clone());
                        }
                        for (column, text) in row.columns().into_iter().take(table.columns.len()).enumerate() {
                            let (known, of) = (entry.values[column], &table.columns[column]);
                            if known == 0
                                || excused
                                || text.as_deref() == Some(ERASED)
                                || hashed(&self.hasher, column, of.form.of_row(text.as_deref()).as_deref()) == known
                            {
                                continue;
                            }
                            let said = format!("{} of {} is not what its newest event says", of.name, row.row_id);
                            audit.problem(Kind::Part, table.name, Some(entry.index), said);
                        }
                    }
                }
            }
            if rows.len() < BATCH {
                break;
            }
        }
        // Whom an event made whose part is gone is not known any more; how many, is.
        let unknown = self.unknown.get(&place).copied().unwrap_or(0);
        if unknown > 0 && strangers.len() > unknown {
            let (rows, first) = (strangers.len(), strangers.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(", "));
            let said = format!("{rows} rows that no event names, and {unknown} events that may have made one: {first} …");
            audit.problem(Kind::Part, table.name, None, said);
        } else if unknown == 0 {
            for id in strangers.iter().take(NAMED) {
                audit.problem(Kind::Part, table.name, None, format!("no event of the log tells of {id}"));
            }
        }
        Ok(())
    }
}

/// A row as text.
#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    row_id: String,
    #[diesel(sql_type = Text)]
    row_key: String,
    /// Whose pending events excuse it, beside its own.
    #[diesel(sql_type = Text)]
    row_about: String,
    #[diesel(sql_type = Nullable<Text>)]
    c0: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    c1: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    c2: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    c3: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    c4: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    c5: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    c6: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    c7: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    c8: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    c9: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    c10: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    c11: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    c12: Option<String>,
}

/// Whether rows of this table are looked at here, and a case does not rest on them.
pub(super) fn covers(table: &str) -> bool {
    table != tables::TABLES[tables::RECALLS].name && tables::TABLES.iter().any(|known| known.name == table)
}

/// Columns of a row at most.
const WIDTH: usize = 13;
const _: () = {
    let mut n = 0;
    while n < tables::TABLES.len() {
        assert!(tables::TABLES[n].columns.len() <= WIDTH, "a column that no row has room for would never be looked at");
        n += 1;
    }
};

impl Row {
    fn columns(&self) -> [&Option<String>; WIDTH] {
        [&self.c0, &self.c1, &self.c2, &self.c3, &self.c4, &self.c5, &self.c6, &self.c7, &self.c8, &self.c9, &self.c10, &self.c11, &self.c12]
    }
}

/// The rows of a table that come after one in the order of their ids.
fn page(conn: &mut Conn, table: &Table, after: &str) -> diesel::QueryResult<Vec<Row>> {
    let postgres = matches!(conn, Conn::Postgres(_));
    let columns: Vec<String> = (0..WIDTH)
        .map(|n| {
            let sql = table.columns.get(n).map_or("NULL", |column| column.sql);
            format!("CAST({} AS TEXT) AS c{n}", tables::dialect(sql, postgres))
        })
        .collect();
    let (id, parameter) = (table.id, if postgres { "$1" } else { "?" });
    let sql = format!(
        "SELECT {id} AS row_id, {} AS row_key, {} AS row_about, {} FROM {} WHERE {} AND {id} > {parameter} ORDER BY {id} LIMIT {BATCH}",
        table.key,
        table.about,
        columns.join(", "),
        table.name,
        table.rows
    );
    let query = sql_query(sql).bind::<Text, _>(after);
    match conn {
        Conn::Sqlite(conn) => query.load(conn),
        Conn::Postgres(conn) => query.load(conn),
    }
}
