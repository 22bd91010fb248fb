//! Parallel SERIALIZABLE writes and the sequencer, against `pgbench` and COPY on the same server.

use std::{io::Write, path::PathBuf, process::Command, time::Duration};

use countermand::store::{
    Database, Store, migrate,
    schema::{log_events, log_pending},
};
use diesel::{PgConnection, connection::SimpleConnection, prelude::*};

use crate::{
    sqlite::leaf_bytes,
    support::{Line, Pace, amount, measuring, rounds},
    work::{Change, ROWS, audited, bare, fill, open, seed, submit, tidy, whole},
};

const CONNECTIONS: u32 = 32;

pub fn run() {
    let Ok(server) = std::env::var("BENCH_DATABASE_URL") else {
        eprintln!("postgres: BENCH_DATABASE_URL is not set, not measured");
        return;
    };
    writes(&server);
    sequencer(&server);
}

/// A database of its own on the server. It stays; the server is thrown away.
pub fn database(server: &str, name: &str) -> String {
    let mut admin = PgConnection::establish(server).unwrap();
    admin.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).unwrap();
    admin.batch_execute(&format!("CREATE DATABASE {name}")).unwrap();
    let (before, _) = server.rsplit_once('/').expect("a server's address ends in /DATABASE");
    format!("{before}/{name}")
}

fn store(url: &str, folder: &std::path::Path, sequencer: bool) -> Store {
    open(&Database::Postgres(url.to_owned()), folder, |options| {
        options.connections = CONNECTIONS;
        options.sequencer = sequencer;
    })
}

fn writes(server: &str) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let store = store(&database(server, "bench_ours"), folder.path(), true);
    seed(&store);
    fill(&store, 1, false);
    let bare_bytes = leaf_bytes(&store);
    fill(&store, 1, true);
    let whole_bytes = leaf_bytes(&store);
    let url = database(server, "bench_raw");
    migrate::run(&Database::Postgres(url.clone())).unwrap();
    let mut raw = PgConnection::establish(&url).unwrap();
    raw.batch_execute(&format!(
        "INSERT INTO counters SELECT 'bench-' || to_char(n, 'FM0000'), 0 FROM generate_series(0, {}) n; CREATE SEQUENCE bench_ids; ANALYZE",
        ROWS - 1
    ))
    .unwrap();
    let plans = [
        ("append", bare as Change, script(bare_bytes, false), None, 8_000),
        ("whole audited write", whole, script(whole_bytes, true), Some((0.6, 0.85)), 6_000),
    ];
    for (what, f, script, target, many) in plans {
        let file = folder.path().join("pgbench.sql");
        for submitters in [1usize, 64] {
            std::fs::File::create(&file).unwrap().write_all(script.as_bytes()).unwrap();
            let clients = submitters.min(CONNECTIONS as usize);
            let n = amount(if submitters == 1 { many / 8 } else { many });
            let ours = || {
                tidy(&store);
                submit(&store, submitters, n, f)
            };
            let other = || {
                raw.batch_execute("DELETE FROM jobs").unwrap();
                pgbench(&url, &file, clients)
            };
            let line = format!("PostgreSQL: {what}, {submitters} submitter{}", if submitters == 1 { "" } else { "s, 32 connections" });
            let target = target.filter(|_| submitters > 1);
            Line::measure(line, "pgbench, the closure's statements", target, other, ours).print();
        }
    }
}

/// The statements of one write, as a `pgbench` script: ids are made of a sequence, so that they are ordered like the store's.
fn script(leaf: usize, whole: bool) -> String {
    let bytes = |n: usize| format!("'\\x{}'", "a7".repeat(n));
    let event = audited(1);
    let part = |name: &str| {
        let sealed = bytes(event.parts[name].to_string().len() + 41);
        format!(
            "INSERT INTO log_parts (month, event_id, name, salt, sealed) VALUES ('2026-11', '0193f0aa-0000-7000-8000-' || :id, '{name}', {}, {sealed});\n",
            bytes(32)
        )
    };
    let pending =
        format!("INSERT INTO log_pending (event_id, leaf, mac) VALUES ('0193f0aa-0000-7000-8000-' || :id, {}, {});\n", bytes(leaf), bytes(32));
    let mut text = "SELECT nextval('bench_ids') AS id \\gset\n\\set row random(0, 8191)\nBEGIN ISOLATION LEVEL SERIALIZABLE;\n".to_owned();
    if whole {
        text += "SELECT value FROM counters WHERE name = 'bench-' || to_char(:row::int, 'FM0000') \\gset\n";
        text += "UPDATE counters SET value = :value::bigint + 1 WHERE name = 'bench-' || to_char(:row::int, 'FM0000') AND value = :value::bigint;\n";
        text += "INSERT INTO jobs (id, kind, job_key, payload, state, run_at, attempts, created_at) VALUES ('j' || :id, 'bench', 'k' || :id, \
                 '{\"recall\":\"bench-0001\"}', 'ready', 1764000000000000, 0, 1764000000000000) ON CONFLICT DO NOTHING;\n";
        text += &part("client");
        text += &part("detail");
    }
    text + &pending + "COMMIT;\n"
}

/// Transactions a second that `pgbench` makes of `script`.
fn pgbench(url: &str, script: &std::path::Path, clients: usize) -> Pace {
    let seconds = if measuring() { 4 } else { 1 };
    let program = tool("pgbench");
    let output = Command::new(program)
        .args(["-n", "-M", "prepared", "-j", "2", "-c", &clients.to_string(), "-T", &seconds.to_string(), "--max-tries=40", "-f"])
        .arg(script)
        .arg(url)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    let n = told.lines().find_map(|l| l.strip_prefix("number of transactions actually processed: ")).and_then(|l| l.split(' ').next()?.parse().ok());
    let tps = told.lines().find_map(|l| l.strip_prefix("tps = ")).and_then(|l| l.split(' ').next()?.parse::<f64>().ok());
    match (n, tps) {
        (Some(n), Some(tps)) => Pace { n, took: Duration::from_secs_f64(n as f64 / tps) },
        _ => panic!("pgbench: {told}{}", String::from_utf8_lossy(&output.stderr)),
    }
}

/// A program of PostgreSQL, which Debian keeps out of the path.
fn tool(name: &str) -> PathBuf {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|all| all.flatten().map(|e| e.path().join("bin").join(name)).filter(|p| p.exists()).collect())
        .unwrap_or_default();
    found.sort();
    found.pop().unwrap_or_else(|| name.into())
}

/// The sequencer alone: pending events become events, projection and tiles; against COPY of those very rows into tables of the same shape.
fn sequencer(server: &str) {
    let n = amount(30_000);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let pair = |round: usize| {
        let url = database(server, &format!("bench_pending_{round}"));
        let data = folder.path().join(round.to_string());
        let waiting = store(&url, &data, false);
        std::thread::scope(|scope| {
            for _ in 0..n.div_ceil(1000) {
                scope.spawn(|| fill(&waiting, n.min(1000), true));
            }
        });
        let all: i64 = waiting.read_now(|c| Ok(log_pending::table.count().get_result(c)?)).unwrap();
        // It is opened within the measurement: the first look of its sequencer finds all that waits.
        let ours = Pace::of(all as usize, || {
            let _working = store(&url, &data, true);
            while waiting.read_now(|c| Ok(log_events::table.count().get_result::<i64>(c)?)).unwrap() < all {
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        drop(waiting);
        (ours.rate(), copy(&url).rate())
    };
    let pairs = (0..rounds()).map(pair).collect();
    Line::of("PostgreSQL: sequencer alone", "COPY of the same rows", Some((0.3, 0.5)), pairs).print();
}

/// Copies events and projection into tables of the same shape and indexes, from files beside the server.
fn copy(url: &str) -> Pace {
    let mut conn = PgConnection::establish(url).unwrap();
    let mut run = |sql: &str| conn.batch_execute(sql).unwrap();
    for table in ["log_events", "log_search"] {
        run(&format!("CREATE TABLE copy_{table} (LIKE {table} INCLUDING ALL)"));
        run(&format!("COPY {table} TO '/tmp/{table}.{}' (FORMAT binary)", std::process::id()));
    }
    let n: i64 = log_events::table.count().get_result(&mut conn).unwrap();
    Pace::of(n as usize, || {
        for table in ["log_events", "log_search"] {
            conn.batch_execute(&format!("COPY copy_{table} FROM '/tmp/{table}.{}' (FORMAT binary)", std::process::id())).unwrap();
        }
    })
}
