//! Where a verification reads the log's rows from, in batches and in the order of their keys.
//!
//! On SQLite through rusqlite, which shows values where they lie and as what they are; on PostgreSQL, which keeps types and UTF-8 by
//! itself, through diesel.

use diesel::{
    PgConnection,
    connection::SimpleConnection,
    prelude::*,
    sql_types::{BigInt, Text},
};
use rusqlite::{OpenFlags, params, types::ValueRef};

use super::rows::{Cell, Rows};
use crate::store::{
    Conn, StoreError, conn,
    schema::{log_events, log_parts, log_search, log_tiles},
    search::SearchRow,
};

/// Events in one read; whole tiles, so that they are mostly compared at once.
const BATCH: usize = 4096;
/// Bytes at which a batch of long leaves ends before that.
const WEIGHT: usize = 4 << 20;
/// Parts that one read by a range of event ids may find; more means that the ids are not in order, and each event's are asked for.
const PARTS: usize = BATCH * 16;

pub(super) const SEARCH: &str = "idx, event_id, at, action, outcome, actor_id, actor_name, subject_kind, subject_id, case_id, session_id, \
                                 client_ip, device_id";
const SEARCH_WIDTH: usize = 13;
const PART: &str = "event_id, name, month, salt, sealed, bucket";
const PART_WIDTH: usize = 6;

/// One connection on its snapshot.
pub(super) enum Source<'a> {
    Sqlite(rusqlite::Connection),
    Postgres(&'a mut PgConnection),
}

impl From<rusqlite::Error> for StoreError {
    /// As if diesel had said it, so that it is told by its words in one place.
    fn from(error: rusqlite::Error) -> Self {
        diesel::result::Error::DatabaseError(diesel::result::DatabaseErrorKind::Unknown, Box::new(error.to_string())).into()
    }
}

/// A connection past diesel that only reads.
pub(super) fn open(path: &std::path::Path) -> Result<rusqlite::Connection, StoreError> {
    let conn = rusqlite::Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    // Shows the words' index as it is; it cannot be made any more once the connection only reads.
    conn.execute_batch(
        "PRAGMA busy_timeout=5000; CREATE VIRTUAL TABLE temp.words_as_kept USING fts5vocab(main, log_words, instance); PRAGMA query_only=ON; \
         PRAGMA cache_size=-16000;",
    )?;
    Ok(conn)
}

/// How often two connections are begun anew until no write lies between them; each time takes less than a commit does.
const TRIES: usize = 1000;

/// Begins transactions on both connections to one SQLite file so that they read the same: every write that the log tells of moves its head.
pub(super) fn begin_together(conn: &mut Conn, raw: &rusqlite::Connection) -> Result<(), StoreError> {
    #[derive(QueryableByName)]
    struct Head {
        #[diesel(sql_type = diesel::sql_types::Nullable<diesel::sql_types::Text>)]
        head: Option<String>,
    }
    let sql = "SELECT group_concat(quote(size) || quote(root) || quote(checkpoint_seq)) AS head FROM log_head";
    for _ in 0..TRIES {
        raw.execute_batch("BEGIN")?;
        // A table that somebody dropped has no head on either.
        let theirs = raw.query_row(sql, [], |row| row.get::<_, Option<String>>(0)).ok().flatten();
        conn::begin(conn, "BEGIN")?;
        let Conn::Sqlite(sqlite) = &mut *conn else { return Ok(()) };
        let ours = diesel::sql_query(sql).get_result::<Head>(sqlite).ok().and_then(|h| h.head);
        if ours == theirs {
            return Ok(());
        }
        conn::rollback(conn)?;
        raw.execute_batch("ROLLBACK")?;
    }
    Err(StoreError::Unavailable("the log grows faster than it can be looked at".to_owned()))
}

impl Source<'_> {
    /// The next events from index `from` on: index, id, leaf.
    pub(super) fn events(&mut self, from: i64) -> Result<Rows, StoreError> {
        let mut rows = Rows::new(3);
        match self {
            Self::Sqlite(conn) => {
                let sql = "SELECT idx, event_id, leaf FROM log_events WHERE idx >= ?1 ORDER BY idx LIMIT ?2";
                read(conn, sql, params![from, BATCH as i64], &mut rows, |rows| rows.weight() < WEIGHT)?;
            }
            Self::Postgres(conn) => {
                let found = log_events::table.filter(log_events::idx.ge(from)).order(log_events::idx).limit(BATCH as i64 / 4);
                for (idx, id, leaf) in found.load::<(i64, String, Vec<u8>)>(*conn)? {
                    rows.push(Cell::Integer(idx));
                    rows.push(Cell::Text(id.as_bytes()));
                    rows.push(Cell::Bytes(&leaf));
                }
            }
        }
        Ok(rows)
    }

    /// The projection of the events from index `from` to `to`, in the order of [`SEARCH`].
    pub(super) fn search(&mut self, from: i64, to: i64) -> Result<Rows, StoreError> {
        let mut rows = Rows::new(SEARCH_WIDTH);
        match self {
            Self::Sqlite(conn) => {
                let sql = format!("SELECT {SEARCH} FROM log_search WHERE idx BETWEEN ?1 AND ?2 ORDER BY idx");
                read(conn, &sql, params![from, to], &mut rows, |_| true)?;
            }
            Self::Postgres(conn) => {
                let found = log_search::table.filter(log_search::idx.between(from, to)).order(log_search::idx);
                for row in found.load::<SearchRow>(*conn)? {
                    rows.push(Cell::Integer(row.idx));
                    rows.push(Cell::Text(row.event_id.as_bytes()));
                    rows.push(Cell::Integer(row.at));
                    for text in [&row.action, &row.outcome, &row.actor_id] {
                        rows.push(Cell::Text(text.as_bytes()));
                    }
                    let maybe = |text: &Option<String>, rows: &mut Rows| rows.push(text.as_ref().map_or(Cell::Null, |t| Cell::Text(t.as_bytes())));
                    maybe(&row.actor_name, &mut rows);
                    for text in [&row.subject_kind, &row.subject_id] {
                        rows.push(Cell::Text(text.as_bytes()));
                    }
                    for text in [&row.case_id, &row.session_id, &row.client_ip, &row.device_id] {
                        maybe(text, &mut rows);
                    }
                }
            }
        }
        Ok(rows)
    }

    /// The parts of `events`, by event id, name and month; parts of other events may be among them.
    pub(super) fn parts(&mut self, events: &[&[u8]]) -> Result<Rows, StoreError> {
        let mut rows = Rows::new(PART_WIDTH);
        let (Some(first), Some(last)) = (events.iter().min(), events.iter().max()) else { return Ok(rows) };
        match self {
            Self::Sqlite(conn) => {
                let (first, last) = (ValueRef::Text(first), ValueRef::Text(last));
                let between = format!("SELECT {PART} FROM log_parts WHERE event_id BETWEEN ?1 AND ?2 ORDER BY event_id, name, month LIMIT ?3");
                let found = read(conn, &between, params![Raw(first), Raw(last), PARTS as i64], &mut rows, |_| true)?;
                if found == PARTS {
                    let mut sorted = events.to_vec();
                    sorted.sort_unstable();
                    sorted.dedup();
                    rows = Rows::new(PART_WIDTH);
                    for id in sorted {
                        let of = format!("SELECT {PART} FROM log_parts WHERE event_id = ?1 ORDER BY event_id, name, month");
                        read(conn, &of, params![Raw(ValueRef::Text(id))], &mut rows, |_| true)?;
                    }
                }
            }
            Self::Postgres(conn) => {
                let ids: Vec<_> = events.iter().map(|id| String::from_utf8_lossy(id)).collect();
                let columns = (log_parts::event_id, log_parts::name, log_parts::month, log_parts::salt, log_parts::sealed, log_parts::bucket);
                let found = log_parts::table.filter(log_parts::event_id.eq_any(ids)).select(columns);
                let mut found: Vec<(String, String, String, Vec<u8>, Vec<u8>, Option<String>)> = found.load(*conn)?;
                // By bytes, whatever the database's language is.
                found.sort_unstable();
                for (id, name, month, salt, sealed, bucket) in found {
                    for text in [&id, &name, &month] {
                        rows.push(Cell::Text(text.as_bytes()));
                    }
                    rows.push(Cell::Bytes(&salt));
                    rows.push(Cell::Bytes(&sealed));
                    rows.push(bucket.as_ref().map_or(Cell::Null, |bucket| Cell::Text(bucket.as_bytes())));
                }
            }
        }
        Ok(rows)
    }

    /// Gives every word of every event to `each`, with its event's index.
    pub(super) fn words(&mut self, mut each: impl FnMut(i64, &str)) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(conn) => {
                let mut statement = conn.prepare("SELECT doc, term FROM words_as_kept")?;
                let mut rows = statement.query([])?;
                while let Some(row) = rows.next()? {
                    let (ValueRef::Integer(idx), ValueRef::Text(term)) = (row.get_ref(0)?, row.get_ref(1)?) else { continue };
                    each(idx, &String::from_utf8_lossy(term));
                }
            }
            Self::Postgres(conn) => {
                let mut after = i64::MIN;
                loop {
                    let sql = "SELECT idx, array_to_string(words, ' ', '-') AS words FROM log_words WHERE idx > $1 ORDER BY idx LIMIT 4096";
                    let rows: Vec<WordRow> = diesel::sql_query(sql).bind::<BigInt, _>(after).load(*conn)?;
                    let Some(last) = rows.last() else { break };
                    after = last.idx;
                    for row in &rows {
                        row.words.split(' ').for_each(|word| each(row.idx, word));
                    }
                }
            }
        }
        Ok(())
    }

    /// The highest index that a row of words has; `i64::MAX` where the table cannot be asked, which [`Self::worded`] will tell.
    pub(super) fn last_worded(&mut self) -> Result<i64, StoreError> {
        let last = match self {
            // Asked of the end: FTS5 looks at every row for a max().
            Self::Sqlite(conn) => {
                conn.query_row("SELECT coalesce((SELECT rowid FROM log_words ORDER BY rowid DESC LIMIT 1), -1)", [], |row| row.get(0)).ok()
            }
            Self::Postgres(conn) => {
                // What fails may not take the snapshot with it.
                conn.batch_execute("SAVEPOINT last_worded")?;
                let found = diesel::sql_query("SELECT coalesce(max(idx), -1) AS idx, '' AS words FROM log_words").get_result::<WordRow>(*conn);
                conn.batch_execute("ROLLBACK TO SAVEPOINT last_worded")?;
                found.ok().map(|row| row.idx)
            }
        };
        Ok(last.unwrap_or(i64::MAX))
    }

    /// The indices of the events that have a row of words, by the table that says so.
    pub(super) fn worded(&mut self, mut each: impl FnMut(i64)) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(conn) => {
                let mut statement = conn.prepare("SELECT rowid FROM log_words ORDER BY rowid")?;
                let mut rows = statement.query([])?;
                while let Some(row) = rows.next()? {
                    each(row.get(0)?);
                }
            }
            Self::Postgres(conn) => {
                let mut after = i64::MIN;
                loop {
                    let sql = "SELECT idx, '' AS words FROM log_words WHERE idx > $1 ORDER BY idx LIMIT 4096";
                    let rows: Vec<WordRow> = diesel::sql_query(sql).bind::<BigInt, _>(after).load(*conn)?;
                    let Some(last) = rows.last() else { break };
                    after = last.idx;
                    rows.iter().for_each(|row| each(row.idx));
                }
            }
        }
        Ok(())
    }

    /// The tiles from `first` to `last` of a level: index, hashes.
    pub(super) fn tiles(&mut self, level: i64, first: i64, last: i64) -> Result<Rows, StoreError> {
        let mut rows = Rows::new(2);
        match self {
            Self::Sqlite(conn) => {
                let sql = "SELECT idx, hashes FROM log_tiles WHERE level = ?1 AND idx BETWEEN ?2 AND ?3 ORDER BY idx";
                read(conn, sql, params![level, first, last], &mut rows, |_| true)?;
            }
            Self::Postgres(conn) => {
                let found = log_tiles::table.filter(log_tiles::level.eq(level)).filter(log_tiles::idx.between(first, last)).order(log_tiles::idx);
                for (idx, hashes) in found.select((log_tiles::idx, log_tiles::hashes)).load::<(i64, Vec<u8>)>(*conn)? {
                    rows.push(Cell::Integer(idx));
                    rows.push(Cell::Bytes(&hashes));
                }
            }
        }
        Ok(rows)
    }
}

/// The words of an event on PostgreSQL.
#[derive(QueryableByName)]
struct WordRow {
    #[diesel(sql_type = BigInt)]
    idx: i64,
    #[diesel(sql_type = Text)]
    words: String,
}

/// Text that may not be UTF-8, as a parameter.
struct Raw<'a>(ValueRef<'a>);

impl rusqlite::ToSql for Raw<'_> {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        Ok(rusqlite::types::ToSqlOutput::Borrowed(self.0))
    }
}

/// Adds the rows of a query as long as `more` says so; how many they were.
fn read(
    conn: &rusqlite::Connection,
    sql: &str,
    params: impl rusqlite::Params,
    rows: &mut Rows,
    more: impl Fn(&Rows) -> bool,
) -> Result<usize, StoreError> {
    let mut statement = conn.prepare(sql)?;
    let width = statement.column_count();
    let mut found = statement.query(params)?;
    let mut n = 0;
    while more(rows)
        && let Some(row) = found.next()?
    {
        for column in 0..width {
            rows.push(match row.get_ref(column)? {
                ValueRef::Null => Cell::Null,
                ValueRef::Integer(number) => Cell::Integer(number),
                ValueRef::Text(text) => Cell::Text(text),
                ValueRef::Blob(bytes) => Cell::Bytes(bytes),
                ValueRef::Real(_) => Cell::Other,
            });
        }
        n += 1;
    }
    Ok(n)
}
