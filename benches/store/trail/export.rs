//! CSV of the whole trail, with its parts opened, against what the database's own tool writes of the bare search rows; and how much memory
//! that takes.

use std::process::{Command, Stdio};

use countermand::{
    app::{
        Caller,
        audit::{Query, export},
        pieces::Pieces,
    },
    store::Database,
};

use super::Trail;
use crate::{
    support::{Line, Pace},
    work::runtime,
};

pub fn measure(trail: &Trail) {
    let n = trail.events;
    reset_peak();
    let before = resident("VmRSS");
    let ours = Pace::of(n, || assert!(write(trail) > n));
    let peak = resident("VmHWM");
    let (tool, peer) = match &trail.database {
        Database::Sqlite(path) => ("sqlite3 -csv of the search rows", tool("sqlite3", &["-csv", path.to_str().unwrap(), SQL], n)),
        Database::Postgres(url) => ("psql \\copy of the search rows", tool("psql", &[url, "-c", &format!("\\copy ({SQL}) TO STDOUT CSV")], n)),
    };
    let what = format!("{}: CSV of {} M events, parts opened", trail.name, n as f64 / 1e6);
    match peer {
        Some(peer) => Line::of(what, tool, Some((1.5, 2.5)), vec![(ours.rate(), peer.rate())]).print(),
        None => println!("| {what} | {:.0} | not measured | | | |", ours.rate()),
    }
    println!("| {}: memory that the export adds at most, MB | {:.1} | | | 32 | |", trail.name, peak - before);
}

const SQL: &str = "SELECT * FROM log_search ORDER BY idx DESC";

/// Exports everything to nowhere; its lines.
fn write(trail: &Trail) -> usize {
    runtime().block_on(async {
        let mut file = export::export(&trail.app, &Caller::shell(), &Query::default(), export::Format::Csv, "").await.unwrap();
        let mut lines = 0;
        while let Some(text) = file.next().await.unwrap() {
            lines += text.matches("\r\n").count();
        }
        lines
    })
}

/// How fast a tool gives `n` lines; `None` where there is none.
fn tool(program: &str, args: &[&str], n: usize) -> Option<Pace> {
    let mut ran = true;
    let pace = Pace::of(n, || ran = Command::new(program).args(args).stdout(Stdio::null()).status().is_ok_and(|s| s.success()));
    ran.then_some(pace)
}

/// Forgets the highest resident memory so far (proc(5), clear_refs).
fn reset_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// A line of this process's status, in megabytes.
fn resident(line: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found = status.lines().find_map(|l| l.strip_prefix(line)?.strip_prefix(':')?.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    found.unwrap_or(f64::NAN) / 1024.0
}
