//! The case's side: closed with every event, judged by three people, over this message and these recipients.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    Answer, Checks, Problem, corrected, file,
    first::First,
    log::{mentions, opened, unhex},
    views,
};
use crate::{
    crypto::sha256,
    evidence::{collected::Decision, columns, report::Report, signed, tables, tables::Event, zip::Files},
    ledger::{
        commitment::{canonical, commit, parse_canonical},
        set::Set,
        tree::leaf_hash,
    },
};

pub(super) fn check(files: &Files, report: &Report, events: &[Event], checks: &mut Checks) {
    facts(report, events, checks);
    closing(files, report, events, checks);
    decisions(report, events, checks);
    signatures(files, report, events, checks);
    message(files, report, checks);
    attachments(files, report, checks);
    recipients(files, report, events, checks);
    corrected::check(report, events, checks);
}

/// What the report says of the case, against what its first and last events recorded.
fn facts(report: &Report, events: &[Event], checks: &mut Checks) {
    const PATH: &str = "data/evidence.json";
    let case = &report.case;
    let detail = |action: &str| {
        let event =
            events.iter().find(|e| e.leaf.action == action && e.leaf.outcome == "success" && e.leaf.case.as_deref() == Some(case.id.as_str()));
        event.and_then(|e| e.parts.get("detail"))
    };
    let mut problems = Vec::new();
    let asked = [
        ("number", json!(case.number)),
        ("broadcast", json!(case.broadcast)),
        ("class", json!(case.harm_class)),
        ("mode", json!(case.mode)),
        ("message", json!(base64(&case.message_commitment))),
        ("recipients", json!(case.recipients)),
        ("policy", json!({ "id": case.policy_id, "version": case.policy_version })),
    ];
    let ended = [("number", json!(case.number)), ("state", json!(case.state))];
    for (action, stated) in [("recall.submitted", &asked[..]), ("case.closed", &ended[..])] {
        let Some(recorded) = detail(action) else { continue };
        for (key, said) in stated {
            if recorded.get(key).is_some_and(|r| r != said) {
                problems.push(Problem::new(format!("{key} {}", recorded[key]), said));
            }
        }
    }
    let listed = report.events.iter().map(|e| (e.index, e.at.clone(), e.action.as_str(), e.outcome.as_str()));
    if !listed.eq(events.iter().map(|e| (e.index, e.leaf.at.to_rfc3339(), e.leaf.action.as_str(), e.leaf.outcome.as_str()))) {
        problems.push(Problem::new("the events of events.jsonl", "another list"));
    }
    checks.all("case_facts", PATH, asked.len() + ended.len(), problems);
}

/// `case.closed` counts and hashes the events before it: none may have been left out.
fn closing(files: &Files, report: &Report, events: &[Event], checks: &mut Checks) {
    const NAME: &str = "case_closed";
    const PATH: &str = "data/events.jsonl";
    let Some(closed) = events.iter().find(|e| e.leaf.action == "case.closed" && e.leaf.case.as_deref() == Some(report.case.id.as_str())) else {
        // Without it nobody can tell whether the list is complete.
        let answer = if report.case.closed_at.is_some() { Answer::Fail } else { Answer::Unknown };
        return checks.add(NAME, answer, PATH, "case.closed", "not among the events");
    };
    let Some(detail) = closed.parts.get("detail") else {
        return checks.add(NAME, Answer::Unknown, PATH, "count and hash of the events", "withheld");
    };
    let lines: Vec<_> = files.get(PATH).map(Vec::as_slice).unwrap_or_default().split(|b| *b == b'\n').collect();
    let last = detail.get("last").and_then(Value::as_u64).unwrap_or(closed.index).min(closed.index.saturating_sub(1));
    let before: Vec<_> =
        events.iter().zip(&lines).filter(|(e, _)| e.index <= last && e.leaf.case.as_deref() == Some(report.case.id.as_str())).collect();
    let hashes: Vec<u8> = before.iter().flat_map(|(_, line)| leaf_hash(line)).collect();
    let number = |key: &str| detail.get(key).and_then(Value::as_u64).map_or_else(String::new, |n| n.to_string());
    let index = |entry: Option<&(&Event, &&[u8])>| entry.map_or_else(String::new, |(e, _)| e.index.to_string());
    let expected = format!("{} events, {} to {}", number("count"), number("first"), number("last"));
    let actual = format!("{} events, {} to {}", before.len(), index(before.first()), index(before.last()));
    let hash = hex::encode(sha256(&hashes));
    if checks.same(NAME, PATH, expected, actual) && !mentions(detail, &hash) {
        checks.fail(NAME, PATH, "the hash that case.closed states", hash);
    }
}

/// Each decision: its statement recomputed, bound to its event, by a person of its own.
fn decisions(report: &Report, events: &[Event], checks: &mut Checks) {
    const PATH: &str = "data/evidence.json";
    let by_id: BTreeMap<&str, &Event> = events.iter().map(|e| (e.leaf.id.as_str(), e)).collect();
    let mut problems = Vec::new();
    let mut untold = Vec::new();
    for d in &report.decisions {
        let what = format!("round {} level {}", d.round, d.level);
        let mut wrong = |expected: &str, actual: &str| problems.push(Problem::new(format!("{what}: {expected}"), actual));
        let Some(statement) = parse_canonical(d.statement.as_bytes()) else {
            wrong("a statement in canonical bytes", "another form");
            continue;
        };
        let comment_commitment = statement["comment"].as_str().unwrap_or_default().to_owned();
        let said = json!({
            "v": 1, "case": report.case.id, "level": d.level, "decision": d.decision, "comment": statement["comment"], "message": base64(&report.case.message_commitment),
            "recipients": report.case.recipients, "policy": { "id": report.case.policy_id, "version": report.case.policy_version },
            "deadline": statement["deadline"], "shown": d.shown.as_ref().map_or_else(|| statement["shown"].clone(), |s| json!(hex::encode(sha256(s.as_bytes())))), "decider": d.decider, "nonce": statement["nonce"],
        });
        if said != statement {
            let field = said
                .as_object()
                .into_iter()
                .flatten()
                .find(|(k, v)| statement.get(k.as_str()) != Some(*v))
                .map_or("other fields", |(k, _)| k.as_str());
            wrong(&format!("{field} {}", said[field]), &statement[field].to_string());
        }
        match by_id.get(d.event.as_str()) {
            Some(event) if event.leaf.action == "recall.decided" && event.leaf.outcome == "success" => {
                let by_token = event.leaf.actor.kind == "token" && event.parts.values().any(|p| mentions(p, &d.decider));
                if event.leaf.actor.id != d.decider && !by_token {
                    wrong(&d.decider, &event.leaf.actor.id);
                }
                if event.leaf.at != d.at {
                    wrong(&event.leaf.at.to_rfc3339(), &d.at.to_rfc3339());
                }
                let hash = hex::encode(sha256(d.statement.as_bytes()));
                let told = event.text("detail", "principal");
                if event.parts.contains_key("detail") && told != d.principal.clone().unwrap_or_default() {
                    wrong(&format!("on behalf of {told}"), d.principal.as_deref().unwrap_or_default());
                }
                // What level 2 answered, too, stands in its event, and at the end of what was shown.
                let answered = d.answers.as_ref().map_or(Value::Null, |answers| json!(answers));
                if event.parts.get("detail").is_some_and(|detail| detail["answers"] != answered) {
                    wrong("the answers of its event", &answered.to_string());
                }
                if d.answers.as_ref().zip(d.shown.as_ref()).is_some_and(|(answers, shown)| !shown.ends_with(&answers.lines())) {
                    wrong("the answers that were shown", &answered.to_string());
                }
                match event.parts.get("detail") {
                    Some(detail) if mentions(detail, &hash) || mentions(detail, &d.statement) => {}
                    Some(_) => wrong("a statement that its event names", &hash),
                    None => untold.push(what.clone()),
                }
                let typed = event.parts.get("text");
                if d.comment.as_ref().is_some_and(|c| !c.is_empty() && typed.is_some_and(|t| !mentions(t, c))) {
                    wrong("the comment of its event", d.comment.as_deref().unwrap_or_default());
                }
            }
            Some(_) | None => wrong("its recall.decided event", &d.event),
        }
        if let (Some(comment), Some(salt)) = (&d.comment, d.comment_salt.as_deref().and_then(unhex)) {
            let opens = [json!(comment), json!({ "comment": comment })]
                .iter()
                .any(|v| canonical(v).is_ok_and(|b| base64_of(&commit(&salt, &b)) == comment_commitment));
            if !opens {
                wrong("a comment that opens its commitment", comment);
            }
        }
    }
    let decided: BTreeSet<_> =
        events.iter().filter(|e| e.leaf.action == "recall.decided" && e.leaf.outcome == "success").map(|e| e.leaf.id.as_str()).collect();
    let listed: BTreeSet<_> = report.decisions.iter().map(|d| d.event.as_str()).collect();
    problems.extend(decided.difference(&listed).map(|id| Problem::new("each decision of the log listed", *id)));
    checks.all("decisions", PATH, report.decisions.len(), problems);
    if !untold.is_empty() {
        checks.add("decisions", Answer::Unknown, PATH, "statements named by their events", untold.join(", "));
    }
    people(report, events, checks);
}

/// Each decision by passkey: the signature over its very statement, as its event keeps it, and as the files for OpenSSL say.
fn signatures(files: &Files, report: &Report, events: &[Event], checks: &mut Checks) {
    const NAME: &str = "passkeys";
    const PATH: &str = "data/evidence.json";
    let mut problems = Vec::new();
    let mut expected = Files::new();
    for d in report.decisions.iter().filter(|d| d.method == "passkey" || d.passkey.is_some()) {
        let what = format!("round {} level {}", d.round, d.level);
        let detail = events.iter().find(|e| e.leaf.id == d.event).and_then(|e| e.parts.get("detail"));
        match (signed::verify(d), detail) {
            (None, None) => checks.add(NAME, Answer::Unknown, PATH, format!("{what}: the signature"), "withheld"),
            (None, Some(_)) => problems.push(Problem::new(format!("{what}: a signature"), "none")),
            (Some(Err(unfit)), _) => problems.push(Problem::new(format!("{what}: a signature over the statement"), unfit.as_str())),
            (Some(Ok(())), detail) => {
                if detail.is_some_and(|detail| detail["passkey"] != json!(d.passkey) || detail["method"] != json!(d.method)) {
                    problems.push(Problem::new(format!("{what}: the signature of its event"), "another one"));
                }
            }
        }
        expected.extend(signed::files(d).into_iter().map(|(path, bytes)| (format!("data/{path}"), bytes)));
    }
    let own = format!("data/{}/", signed::FOLDER);
    let given = files.iter().filter(|(path, _)| path.starts_with(&own));
    if !given.eq(expected.iter()) {
        problems.push(Problem::of(&own, "the files of the decisions that passkeys signed", "others"));
    }
    let count = report.decisions.iter().filter(|d| d.passkey.is_some()).count();
    if count > 0 || !problems.is_empty() {
        checks.all(NAME, PATH, count, problems);
    }
}

/// Three different people, none of them the requester; all three approvals wherever something was executed.
fn people(report: &Report, events: &[Event], checks: &mut Checks) {
    const NAME: &str = "separation";
    const PATH: &str = "data/approvals.csv";
    let mut problems = Vec::new();
    let submitted = events.iter().find(|e| e.leaf.action == "recall.submitted" && e.leaf.outcome == "success");
    match submitted {
        Some(e) if e.leaf.actor.kind == "user" && e.leaf.actor.id != report.case.requester => {
            problems.push(Problem::new(&e.leaf.actor.id, &report.case.requester))
        }
        Some(_) => {}
        None => problems.push(Problem::new("recall.submitted", "not among the events")),
    }
    let last = corrected::round(report, events);
    let mut deciders = BTreeMap::new();
    // Somebody who was decided for counts as if they had decided.
    let named = |d: &Decision| std::iter::once(d.decider.clone()).chain(d.principal.clone());
    for (d, who) in report.decisions.iter().flat_map(|d| named(d).map(move |who| (d, who))) {
        if who == report.case.requester {
            problems.push(Problem::new("somebody else than the requester", &who));
        }
        // Over all rounds one person stays at one level.
        if deciders.insert(who.clone(), d.level).is_some_and(|level| level != d.level) {
            problems.push(Problem::new("one level a person", &who));
        }
    }
    let approved: BTreeSet<_> = report.decisions.iter().filter(|d| d.round == last && d.decision == "approve").map(|d| d.level).collect();
    let executed = events.iter().any(|e| e.leaf.action == "recall.execution_started" && e.leaf.outcome == "success");
    let first = First::of(events);
    problems.extend(first.iter().flat_map(|first| first.problems(report, &deciders)));
    // What was recalled first was approved by the levels that it did not skip; which these are may be withheld.
    let all = BTreeSet::from([1, 2, 3]);
    let lacking = match first.map(|first| first.skipped()) {
        None => approved != all,
        Some(None) => false,
        Some(Some(skipped)) => !approved.is_disjoint(&skipped) || approved.union(&skipped).copied().collect::<BTreeSet<u64>>() != all,
    };
    if executed && lacking {
        problems.push(Problem::new("approvals at levels 1, 2 and 3", format!("{approved:?}")));
    }
    checks.all(NAME, PATH, deciders.len(), problems);
}

/// The message opens the commitment that the decisions bind.
fn message(files: &Files, report: &Report, checks: &mut Checks) {
    for m in &report.messages {
        let path = format!("data/{}", m.file);
        let Some(bytes) = file(files, &path, checks) else { continue };
        let said: Value = serde_json::from_slice(bytes).unwrap_or_default();
        let text = |key: &str| said.get(key).and_then(Value::as_str);
        match (text("salt"), text("value"), text("withheld")) {
            (Some(salt), Some(value), None) => {
                let actual = opened(salt, value, text("encoding")).map(|(salt, value)| hex::encode(commit(&salt, &value)));
                checks.same("message", &path, &report.case.message_commitment, actual.unwrap_or_else(|| "another form".to_owned()));
            }
            (None, None, Some(reason)) => checks.add("message", Answer::Pass, &path, &report.case.message_commitment, format!("withheld: {reason}")),
            _ => checks.fail("message", &path, "shown or withheld", "both or neither"),
        }
        checks.same("message", &path, &m.id, text("message").unwrap_or_default());
    }
    if report.messages.is_empty() {
        checks.fail("message", "data/evidence.json", "a message", "none");
    }
}

fn attachments(files: &Files, report: &Report, checks: &mut Checks) {
    let problems = report.attachments.iter().filter_map(|a| {
        let path = format!("data/{}", a.file.as_ref()?);
        let actual = hex::encode(sha256(files.get(&path).map(Vec::as_slice).unwrap_or_default()));
        (actual != a.sha256).then(|| Problem::of(&path, &a.sha256, actual))
    });
    checks.all("attachments", "data/evidence.json", report.attachments.len(), problems.collect());
}

/// The rows make the set that the decisions bind, and their outcomes make the tally.
fn recipients(files: &Files, report: &Report, events: &[Event], checks: &mut Checks) {
    const PATH: &str = "data/recipients.csv";
    let Some(rows) = views::table(files, PATH, columns::RECIPIENTS, checks) else { return };
    let mut leaves = Vec::with_capacity(rows.len());
    let mut tally: BTreeMap<&str, u64> = BTreeMap::new();
    let mut problems = Vec::new();
    let finished = events.iter().rev().find(|e| e.leaf.action == "recall.finished");
    for (n, row) in (1u32..).zip(&rows) {
        let mut salt = [0u8; 16];
        if hex::decode_to_slice(&row["set_salt"], &mut salt).is_err() {
            problems.push(Problem::new(format!("line {}: a salt", n + 1), &row["set_salt"]));
        }
        match canonical(&json!({ "id": row["recipient_id"], "platform": report.case.platform })) {
            Ok(bytes) => leaves.push((salt, bytes)),
            Err(_) => problems.push(Problem::new(format!("line {}: an id", n + 1), &row["recipient_id"])),
        }
        let outcome = row["outcome"].as_str();
        let (grade, line) = match outcome {
            "" => ("", ""),
            known => (tables::grade(known), finished.map(|e| e.line.as_str()).unwrap_or_default()),
        };
        let stated = [row["pseudonym"].as_str(), row["outcome_grade"].as_str(), row["leaf_sha256"].as_str()];
        if stated != [format!("R-{n:06}").as_str(), grade, line] {
            problems.push(Problem::new(format!("line {}: R-{n:06} {grade} {line}", n + 1), stated.join(" ")));
        }
        if !outcome.is_empty() {
            *tally.entry(outcome).or_default() += 1;
        }
    }
    checks.all("view", PATH, rows.len() + 1, problems);
    let set = Set::of(leaves);
    let expected = report.case.recipients;
    let say = |s: Set| format!("{} {}", s.count, hex::encode(s.root));
    checks.same("recipients", PATH, say(expected), say(set));
    if let Some(stated) = &report.case.tally {
        let wrong: Vec<_> = ["confirmed", "accepted", "unknown", "still_visible", "failed"]
            .into_iter()
            .filter(|word| stated.get(*word).and_then(Value::as_u64).unwrap_or(0) != tally.get(word).copied().unwrap_or(0))
            .map(|word| Problem::new(format!("{word} {}", stated[word]), tally.get(word).copied().unwrap_or(0)))
            .collect();
        checks.all("tally", PATH, rows.len(), wrong);
        let recorded = finished.and_then(|e| e.parts.get("detail")).and_then(|d| find(d, "tally"));
        if let Some(recorded) = recorded {
            checks.same("tally", "data/evidence.json", recorded, stated);
        }
    }
}

/// The value of a key, however deep.
fn find<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    match value {
        Value::Object(members) => members.get(key).or_else(|| members.values().find_map(|v| find(v, key))),
        _ => None,
    }
}

/// A hexadecimal commitment as base64, the way statements write it.
fn base64(hex_text: &str) -> String {
    hex::decode(hex_text).map(|bytes| base64_of(&bytes)).unwrap_or_default()
}

fn base64_of(bytes: &[u8]) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD.encode(bytes)
}
