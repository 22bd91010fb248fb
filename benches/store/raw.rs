//! The same statements as the store's, prepared, in a plain loop on SQLite's own interface: no JSON, no hashing, no sealing, no queue.

use std::path::Path;

use countermand::{
    domain::event::Event,
    store::{Database, migrate},
};
use rusqlite::{Connection, params};

use crate::{
    support::Pace,
    work::{ROWS, audited, ids, row_name},
};

/// A database of the product's schema and settings, with business rows, and nobody behind it.
pub struct Raw {
    conn: Connection,
    next: i64,
    leaf: Vec<u8>,
    client: Vec<u8>,
    detail: Vec<u8>,
}

const PARTS: &str = "INSERT INTO log_parts (month, event_id, name, salt, sealed) VALUES (?1, ?2, ?3, ?4, ?5)";
const EVENT: &str = "INSERT INTO log_events (idx, event_id, leaf) VALUES (?1, ?2, ?3)";
const SEARCH: &str = "INSERT INTO log_search (idx, event_id, at, action, outcome, actor_id, actor_name, subject_kind, subject_id, case_id, \
     session_id, client_ip, device_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
const TILE: &str = "INSERT INTO log_tiles (level, idx, hashes) VALUES (?1, ?2, ?3) ON CONFLICT (level, idx) DO UPDATE SET hashes = ?3";

impl Raw {
    pub fn open(folder: &Path, leaf_bytes: usize) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        let path = folder.join("raw.db");
        migrate::run(&Database::Sqlite(path.clone())).unwrap();
        let conn = Connection::open(path).unwrap();
        conn.execute_batch("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA cache_size=-16000;").unwrap();
        conn.execute_batch("INSERT INTO log_head (id, size, root, frontier, last_at, checkpoint_seq) VALUES (1, 0, x'00', x'00', 0, 0)").unwrap();
        conn.execute_batch("BEGIN").unwrap();
        for n in 0..ROWS {
            conn.execute("INSERT INTO counters (name, value) VALUES (?1, 0)", [row_name(n)]).unwrap();
        }
        conn.execute_batch("COMMIT").unwrap();
        // Sealing adds a version, a nonce and a tag.
        let sealed = |event: &Event, part: &str| vec![7; event.parts[part].to_string().len() + 41];
        let event = audited(1);
        Self { conn, next: 0, leaf: vec![b'x'; leaf_bytes], client: sealed(&event, "client"), detail: sealed(&event, "detail") }
    }

    /// One row of the same bytes an event, `group` rows a transaction, and nothing else.
    pub fn rows(&mut self, total: usize, group: usize) -> Pace {
        let ids = ids(total);
        let conn = &self.conn;
        let mut event = conn.prepare(EVENT).unwrap();
        Pace::of(total, || {
            for chunk in ids.chunks(group) {
                conn.execute_batch("BEGIN IMMEDIATE").unwrap();
                for id in chunk {
                    event.execute(params![self.next, id, self.leaf]).unwrap();
                    self.next += 1;
                }
                conn.execute_batch("COMMIT").unwrap();
            }
        })
    }

    /// All that the store writes for bare events: event, projection, tile, head.
    pub fn append(&mut self, total: usize, group: usize) -> Pace {
        self.statements(total, group, false)
    }

    /// All that the store writes for whole audited writes.
    pub fn whole(&mut self, total: usize, group: usize) -> Pace {
        self.conn.execute_batch("DELETE FROM jobs").unwrap();
        self.statements(total, group, true)
    }

    fn statements(&mut self, total: usize, group: usize, whole: bool) -> Pace {
        let (ids, jobs) = (ids(total), ids(total));
        let conn = &self.conn;
        let prepare = |sql: &str| conn.prepare(sql).unwrap();
        let (mut read, mut update) =
            (prepare("SELECT value FROM counters WHERE name = ?1"), prepare("UPDATE counters SET value = ?2 WHERE name = ?1 AND value = ?3"));
        let mut job = prepare(
            "INSERT INTO jobs (id, kind, job_key, payload, state, run_at, attempts, created_at) VALUES (?1, 'bench', ?2, ?3, 'ready', ?4, 0, ?4) ON CONFLICT DO NOTHING",
        );
        let (mut part, mut event, mut search, mut tile) = (prepare(PARTS), prepare(EVENT), prepare(SEARCH), prepare(TILE));
        let (mut head, mut edge, mut move_head) = (
            prepare("SELECT id, size, root, frontier, last_at, checkpoint_seq, mac FROM log_head WHERE id = 1"),
            prepare("SELECT hashes FROM log_tiles WHERE level = ?1 AND idx = ?2"),
            prepare(
                "UPDATE log_head SET size = ?1, root = ?2, frontier = ?3, last_at = ?4, mac = ?5 WHERE id = 1 AND size = ?6 AND checkpoint_seq = 0",
            ),
        );
        let hashes = vec![9u8; 256 * 32];
        Pace::of(total, || {
            for (ids, jobs) in ids.chunks(group).zip(jobs.chunks(group)) {
                conn.execute_batch("BEGIN IMMEDIATE").unwrap();
                let size: i64 = head.query_row([], |row| row.get(1)).unwrap();
                let first = self.next;
                for (id, job_id) in ids.iter().zip(jobs) {
                    let n = self.next as usize;
                    let at = 1_764_000_000_000_000 + self.next;
                    if whole {
                        let name = row_name(n);
                        let value: i64 = read.query_row([&name], |row| row.get(0)).unwrap();
                        update.execute(params![name, value + 1, value]).unwrap();
                        job.execute(params![job_id, format!("{name}/{value}"), r#"{"recall":"bench-0001"}"#, at]).unwrap();
                        part.execute(params!["2026-11", id, "client", [3u8; 32], self.client]).unwrap();
                        part.execute(params!["2026-11", id, "detail", [4u8; 32], self.detail]).unwrap();
                    }
                    event.execute(params![self.next, id, self.leaf]).unwrap();
                    let (action, ip, session) =
                        if whole { ("recall.decided", Some("10.2.3.4"), Some(CASE)) } else { ("setting.changed", None, None) };
                    let nobody = None::<&str>;
                    search
                        .execute(params![self.next, id, at, action, "success", "system", nobody, "recall", row_name(n), CASE, session, ip, nobody])
                        .unwrap();
                    self.next += 1;
                }
                for index in first / 256..=(self.next - 1) / 256 {
                    let _: Option<Vec<u8>> = edge.query_row(params![0, index], |row| row.get(0)).ok();
                    let filled = (self.next - index * 256).clamp(1, 256) as usize * 32;
                    tile.execute(params![0, index, &hashes[..filled]]).unwrap();
                }
                move_head.execute(params![self.next, [1u8; 32], [2u8; 200], size, [3u8; 32], size]).unwrap();
                conn.execute_batch("COMMIT").unwrap();
            }
        })
    }
}

const CASE: &str = "0193f0aa-0000-7000-8000-000000000001";
