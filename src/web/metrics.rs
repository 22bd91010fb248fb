//! Counters of answers, and the installation's numbers as Prometheus reads them (text format 0.0.4).

use std::{
    fmt::{Display, Write},
    sync::atomic::{AtomicU64, Ordering},
};

use actix_web::http::StatusCode;

use crate::{
    app::{status::Status, streams::Stream},
    clock::Instant,
};

/// Answers of this process since its start, by the first digit of their status.
static ANSWERS: [AtomicU64; 5] = [const { AtomicU64::new(0) }; 5];

/// Counts one answer.
pub(super) fn count(status: StatusCode) {
    if let Some(of_class) = usize::from(status.as_u16() / 100).checked_sub(1).and_then(|class| ANSWERS.get(class)) {
        of_class.fetch_add(1, Ordering::Relaxed);
    }
}

/// One metric: its help, its type, its lines.
fn metric<V: Display>(out: &mut String, name: &str, kind: &str, help: &str, lines: impl IntoIterator<Item = (String, V)>) {
    let _ = write!(out, "# HELP countermand_{name} {help}\n# TYPE countermand_{name} {kind}\n");
    for (labels, value) in lines {
        let _ = writeln!(out, "countermand_{name}{labels} {value}");
    }
}

/// Milliseconds as seconds.
fn seconds(ms: i64) -> String {
    format!("{}{}.{:03}", if ms < 0 { "-" } else { "" }, ms.unsigned_abs() / 1000, ms.unsigned_abs() % 1000)
}

/// All of it. `writes` are the store's, by how they ended.
pub fn text(status: &Status, writes: impl Iterator<Item = (&'static str, u64)>) -> String {
    let mut out = String::new();
    let info = format!("{{version=\"{}\",database=\"{}\"}}", status.version, status.database);
    metric(&mut out, "info", "gauge", "What runs.", [(info, 1)]);
    for (name, help, value) in [
        ("log_events", "Events in the log.", status.log_size),
        ("log_signed_events", "Events that the newest checkpoint covers.", status.signed_size),
        ("log_pending_events", "Events that wait for their index.", status.pending),
        ("jobs_waiting", "Jobs that wait to run.", status.jobs_waiting),
        ("jobs_failing", "Jobs that wait to run and have failed before.", status.jobs_failing),
        ("disk_full", "1 from the first write that found the disk full until there is room again.", u64::from(status.room.full)),
    ] {
        metric(&mut out, name, "gauge", help, [(String::new(), value)]);
    }
    metric(
        &mut out,
        "timestamps_waiting",
        "gauge",
        "Things that an authority has refused a timestamp for, so far.",
        [(String::new(), status.timestamps_waiting)],
    );
    metric(
        &mut out,
        "timestamps_end_seconds",
        "gauge",
        "When the first token runs out that was not renewed, seconds since 1970; 0 without any.",
        [(String::new(), status.timestamp_ends.first.map_or(0, Instant::unix_seconds))],
    );
    metric(
        &mut out,
        "timestamps_over",
        "gauge",
        "Tokens that have run out and were not renewed before.",
        [(String::new(), status.timestamp_ends.over)],
    );
    let alerts = status.alerts.iter().map(|(severity, n)| (format!("{{severity=\"{severity}\"}}"), *n));
    metric(&mut out, "alerts_open", "gauge", "Alerts that nobody has acknowledged.", alerts);
    let stamped = status.timestamps.iter().map(|t| (format!("{{authority=\"{}\"}}", t.authority), t.newest.map_or(0, |n| n.1.unix_seconds())));
    metric(&mut out, "timestamp_seconds", "gauge", "Time of the newest timestamp over the log, seconds since 1970.", stamped);
    let of_stream = |stream: &Stream| format!("{{stream=\"{}\",kind=\"{}\"}}", stream.id, stream.kind);
    let lag = status.streams.iter().map(|s| (of_stream(s), s.lag));
    metric(&mut out, "stream_lag_events", "gauge", "Events that a stream has not delivered yet.", lag);
    let stuck = status.streams.iter().map(|s| (of_stream(s), u64::from(s.stuck_at.is_some())));
    metric(&mut out, "stream_stuck", "gauge", "1 for a stream through which nothing gets.", stuck);
    let delivered = status.streams.iter().map(|s| (of_stream(s), s.delivered_at.map_or(0, Instant::unix_seconds)));
    metric(&mut out, "stream_delivered_seconds", "gauge", "Time when a stream last delivered something, seconds since 1970.", delivered);
    let clocks = status.clocks.iter().map(|c| (format!("{{kind=\"{}\",source=\"{}\"}}", c.kind, c.id), seconds(c.median_ms)));
    metric(&mut out, "clock_offset_seconds", "gauge", "How far our clock is before another's, the middle of the last measurements.", clocks);
    metric(&mut out, "disk_free_bytes", "gauge", "Free bytes where the data folder lies.", status.room.free.map(|free| (String::new(), free)));
    metric(&mut out, "writes_total", "counter", "Writes by how they ended.", writes.map(|(end, n)| (format!("{{end=\"{end}\"}}"), n)));
    let by_class = ANSWERS.iter().zip(1..).map(|(n, class)| (format!("{{class=\"{class}xx\"}}"), n.load(Ordering::Relaxed)));
    metric(&mut out, "http_answers_total", "counter", "Answers by the class of their status.", by_class);
    out
}
