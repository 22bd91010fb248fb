//! The CSV files against the records that they show. `events.csv` and `approvals.csv` are written again and compared; the other two hold
//! facts of their own, which are checked against events, raw answers and each other.

use std::collections::{BTreeMap, BTreeSet};

use super::{Checks, Problem, file};
use crate::{
    crypto::sha256,
    evidence::{
        columns::{self, Column},
        csv,
        report::{self, Report},
        tables::{self, Event},
        zip::Files,
    },
};

pub(super) fn check(files: &Files, report: &Report, events: &[Event], checks: &mut Checks) {
    again(files, "data/events.csv", &tables::events(events, &report.zone), checks);
    again(files, "data/approvals.csv", &tables::approvals(&report.decisions, events, &report.zone), checks);
    again(files, "data/custody/custody.csv", &tables::custody(&report.issue), checks);
    deliveries(files, report, events, checks);
    let approvals = columns::approvals(&report.decisions, tables::is_first(events));
    let known: [(&str, &str, &'static [Column]); 4] = [
        ("events.csv", "事件", columns::EVENTS),
        ("approvals.csv", "审批", approvals),
        ("recipients.csv", "接收人与撤回结果", columns::RECIPIENTS),
        ("deliveries.csv", "平台调用", columns::DELIVERIES),
    ];
    let present = known.map(|(path, title, columns)| (path, title, columns, files.get(&format!("data/{path}")).map_or(&[][..], Vec::as_slice)));
    let dictionary = report::pretty(&columns::datapackage(&present));
    again(files, "data/datapackage.json", &String::from_utf8_lossy(&dictionary), checks);
    if let Some(bytes) = file(files, "data/environment.json", checks) {
        let read = serde_json::from_slice::<serde_json::Value>(bytes).is_ok_and(|v| report::pretty(&v) == bytes);
        checks.same("environment", "data/environment.json", "JSON", if read { "JSON" } else { "another form" });
    }
}

/// Compares a file with what it must say; names the first line that differs.
fn again(files: &Files, path: &str, expected: &str, checks: &mut Checks) {
    let Some(bytes) = file(files, path, checks) else { return };
    let actual = String::from_utf8_lossy(bytes);
    if bytes == expected.as_bytes() {
        let rows = expected.lines().count();
        return checks.all("view", path, rows, Vec::new());
    }
    let (mut want, mut have) = (expected.split('\n'), actual.split('\n'));
    let mut number = 0u32;
    let (want, have) = loop {
        number += 1;
        match (want.next(), have.next()) {
            (w, h) if w == h && w.is_some() => {}
            (w, h) => break (w.unwrap_or_default(), h.unwrap_or_default()),
        }
    };
    checks.fail("view", path, format!("line {number}: {}", want.trim_end()), format!("line {number}: {}", have.trim_end()));
}

/// Reads a table of ours: rows as column -> restored text, or failed checks.
pub(super) fn table(files: &Files, path: &str, columns: &'static [Column], checks: &mut Checks) -> Option<Vec<BTreeMap<&'static str, String>>> {
    let rows = match csv::parse(file(files, path, checks)?) {
        Ok(rows) => rows,
        Err(e) => {
            checks.fail("view", path, "CSV", e);
            return None;
        }
    };
    let names: Vec<_> = columns::names(columns).collect();
    let header = rows.first().map(|r| r.join(",")).unwrap_or_default();
    if header != names.join(",") {
        checks.fail("view", path, names.join(","), header);
        return None;
    }
    Some(rows[1..].iter().map(|row| names.iter().copied().zip(row.iter().map(|c| csv::restore(c).to_owned())).collect()).collect())
}

fn deliveries(files: &Files, report: &Report, events: &[Event], checks: &mut Checks) {
    const PATH: &str = "data/deliveries.csv";
    let Some(rows) = table(files, PATH, columns::DELIVERIES, checks) else { return };
    let by_id: BTreeMap<&str, &Event> = events.iter().map(|e| (e.leaf.id.as_str(), e)).collect();
    let mut problems = Vec::new();
    let mut used = BTreeSet::new();
    for (n, row) in (2..).zip(&rows) {
        let started = by_id.get(row["started_event"].as_str());
        let answered = by_id.get(row["answered_event"].as_str());
        match started {
            None => problems.push(Problem::new(format!("line {n}: an event before the call"), &row["started_event"])),
            Some(e) if e.leaf.at.to_rfc3339() < row["started_at_utc"] => {
                problems.push(Problem::new(format!("line {n}: not later than {}", e.leaf.at.to_rfc3339()), &row["started_at_utc"]));
            }
            Some(_) => {}
        }
        if !row["answered_event"].is_empty() && answered.is_none() {
            problems.push(Problem::new(format!("line {n}: the answer's event"), &row["answered_event"]));
        }
        let line = answered.or(started).map(|e| e.line.as_str()).unwrap_or_default();
        if line != row["leaf_sha256"] {
            problems.push(Problem::new(format!("line {n}: {line}"), &row["leaf_sha256"]));
        }
        let path = &row["raw_file"];
        if path.is_empty() {
            continue;
        }
        used.insert(path.clone());
        let file = format!("data/{path}");
        let bytes = files.get(&file).map(Vec::as_slice).unwrap_or_default();
        if hex::encode(sha256(bytes)) != row["raw_sha256"] {
            problems.push(Problem::of(&file, &row["raw_sha256"], hex::encode(sha256(bytes))));
        }
        // The answer's event carries the hash of what was said, so that not even we can change it later.
        let detail = answered.filter(|e| e.leaf.action.ends_with(".call_answered")).and_then(|e| e.parts.get("detail"));
        if let Some(detail) = detail {
            for (key, column) in [("call", "call_id"), ("kind", "kind"), ("result", "result"), ("raw_sha256", "raw_sha256")] {
                let recorded = detail[key].as_str().unwrap_or_default();
                if recorded != row[column] {
                    problems.push(Problem::of(&file, format!("{column} {recorded}"), &row[column]));
                }
            }
        }
        if report.calls.get(path) != Some(&row["call_id"]) {
            problems.push(Problem::of(&file, &row["call_id"], "another call in evidence.json"));
        }
    }
    let raw = files.keys().filter_map(|p| p.strip_prefix("data/")).filter(|p| p.starts_with("platform/"));
    problems.extend(raw.filter(|p| !used.contains(*p)).map(|p| Problem::of(&format!("data/{p}"), "a row in deliveries.csv", "none")));
    checks.all("view", PATH, rows.len() + 1, problems);
}
