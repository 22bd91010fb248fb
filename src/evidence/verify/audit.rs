//! An auditor's pack: the leaves of the period are a run of the log without a gap, the run reaches beyond the period on both sides, and
//! cases, exceptions, sample and controls are what it gives when they are made again. Access list and questions are lists of their own:
//! only the signature over the whole pack speaks for them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    Answer, Checks, Pin, Problem, bag, file, gm,
    log::{self, PartLine, Paths, ProofLine, lines, opened, unhex},
    signature, time,
};
use crate::{
    clock::Instant,
    domain::{
        audit::{GAP, MARGIN},
        event::Action,
    },
    evidence::{
        audit::{
            facts::{FORMAT, Facts},
            findings::{Closed, Findings, Found},
            tables,
        },
        csv,
        zip::Files,
    },
    ledger::{
        checkpoint::Checkpoint,
        commitment::{commit, parse_canonical},
        leaf::Leaf,
        range::RangeProof,
        tree::{Frontier, Hash, leaf_hash, verify_inclusion},
    },
};

/// Makes a bundle a pack.
pub(super) const FACTS: &str = "data/audit.json";
const RANGE: &str = "data/proofs/range.json";
const PARTS: &str = "data/parts.jsonl";
const BEYOND: &str = "data/leaves/beyond.jsonl";

pub(super) fn check(folder: &str, files: &Files, pins: &[Pin], checks: &mut Checks) {
    let Some(bytes) = file(files, FACTS, checks) else { return };
    let format = serde_json::from_slice::<Value>(bytes).ok().and_then(|v| v.get("format")?.as_u64());
    if format.is_some_and(|f| f > FORMAT) {
        return checks.add("format", Answer::Unknown, FACTS, FORMAT, format.unwrap_or_default());
    }
    let facts: Facts = match serde_json::from_slice(bytes) {
        Ok(facts) => facts,
        Err(e) => return checks.fail("report", FACTS, "audit.json", e),
    };
    let again = facts.to_bytes() == bytes;
    let (answer, said) = if again { (Answer::Pass, "canonical") } else { (Answer::Fail, "other") };
    checks.add("report", answer, FACTS, "canonical", said);
    checks.same("format", FACTS, FORMAT, facts.format);
    checks.same("number", FACTS, folder, &facts.number);
    bag::info(files, &facts.number, None, checks);
    let Some(period) = facts.audit.period() else { return checks.fail("report", FACTS, "two instants", "another form") };
    let checkpoint = log::head(files, &facts.log, FACTS, pins, checks);
    time::check(files, (&[], false), checkpoint.as_ref(), pins, checks);
    signature::check(files, signature::Said::None(""), None, false, pins, checks);
    gm::check(files, None, false, pins, checks);
    if let Some(names) = &facts.authorities {
        let said = if names.is_empty() { "no authority configured".to_owned() } else { names.join(" ") };
        checks.add("timestamp_authorities", Answer::Pass, FACTS, &said, &said);
    }
    let Some(mut reading) = Reading::new(files, &facts, period, checks) else { return };
    let Some(proof) = reading.run(files, checkpoint.as_ref(), checks) else { return };
    reading.beyond(files, &proof, checkpoint.as_ref(), checks);
    let walked = std::mem::take(&mut reading.walked);
    let Some(found) = reading.end(&facts, checks) else { return };
    checks.same("audit_count", FACTS, found.cases.len(), facts.cases);
    for (name, path, text) in [
        ("audit_population", "data/cases.csv", tables::cases(&found, &facts.zone)),
        ("audit_exceptions", "data/exceptions.csv", tables::exceptions(&found)),
        ("audit_sample", "data/sample.csv", tables::sample(&found)),
        ("audit_controls", "data/controls.csv", tables::controls(&found)),
    ] {
        compare(name, path, &text, files, checks);
    }
    closings(&found, checks);
    numbers(&facts, &found, checks);
    walk(files, &facts, &found, (&proof, &walked), checkpoint.as_ref(), checks);
}

/// The leaves as they are read, with what is learnt from them.
struct Reading<'f> {
    findings: Findings,
    period: (Instant, Instant),
    margin: i64,
    /// Index -> the line that opens its detail.
    details: BTreeMap<u64, PartLine>,
    fallback: &'f BTreeMap<String, Value>,
    /// Events whose detail is withheld: only for these the tables may stand in.
    withheld: BTreeSet<String>,
    opening: &'f str,
    bad_leaves: Vec<Problem>,
    bad_parts: Vec<Problem>,
    /// The case that is walked through, and the places of its events: all in the run, beyond it up to its closing.
    walk: Option<&'f str>,
    walked: BTreeSet<u64>,
    /// Leaf and detail of the event that recorded what was asked for.
    engagement: Option<(Leaf, Option<Value>)>,
}

impl<'f> Reading<'f> {
    fn new(files: &Files, facts: &'f Facts, period: (Instant, Instant), checks: &mut Checks) -> Option<Self> {
        let mut details = BTreeMap::new();
        let mut bad_parts = Vec::new();
        for (n, bytes) in (1..).zip(lines(files, PARTS, checks)?) {
            match serde_json::from_slice::<PartLine>(bytes) {
                Ok(line) if line.name == "detail" => {
                    if let Some(twice) = details.insert(line.index, line) {
                        bad_parts.push(Problem::new(format!("line {n}: each part once"), twice.index));
                    }
                }
                Ok(line) => bad_parts.push(Problem::new(format!("line {n}: detail"), line.name)),
                Err(_) => bad_parts.push(Problem::new(format!("line {n}: a part"), "another form")),
            }
        }
        Some(Self {
            findings: Findings::new(&facts.audit, period),
            period,
            margin: i64::try_from(facts.margin_seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000),
            details,
            fallback: &facts.fallback,
            withheld: BTreeSet::new(),
            opening: &facts.audit.opened_event,
            bad_leaves: Vec::new(),
            bad_parts,
            walk: facts.walk_case.as_deref(),
            walked: BTreeSet::new(),
            engagement: None,
        })
    }

    /// Opens the event's detail if the findings want it, and feeds it to them.
    fn take(&mut self, index: u64, bytes: &[u8], leaf: &Leaf, feed: bool) {
        let opening = leaf.id == self.opening;
        let detail = if self.findings.wants(leaf) || opening { self.detail(index, leaf) } else { None };
        if opening {
            self.engagement = Some((leaf.clone(), detail.clone()));
        }
        if leaf.case.is_some() && leaf.case.as_deref() == self.walk {
            self.walked.insert(index);
        }
        if feed {
            let detail = detail.as_ref().or_else(|| self.fallback.get(&leaf.id).filter(|_| self.withheld.contains(&leaf.id)));
            self.findings.feed(index, bytes, leaf, detail);
        }
    }

    fn detail(&mut self, index: u64, leaf: &Leaf) -> Option<Value> {
        let commitment = leaf.parts.get("detail")?;
        let Some(line) = self.details.remove(&index).filter(|line| line.event == leaf.id) else {
            self.bad_parts.push(Problem::new(format!("event {index} detail: shown or withheld"), "missing"));
            return None;
        };
        let (expected, actual) = match (&line.salt, &line.value, &line.withheld) {
            (None, None, Some(_)) => {
                self.withheld.insert(line.event);
                return None;
            }
            (Some(salt), Some(value), None) => match opened(salt, value, line.encoding.as_deref()) {
                Some((salt, value)) if commit(&salt, &value) == *commitment => match parse_canonical(&value) {
                    Some(value) => return Some(value),
                    None => ("canonical bytes", "another form"),
                },
                _ => ("opens its commitment", "another value"),
            },
            _ => ("shown or withheld", "both or neither"),
        };
        self.bad_parts.push(Problem::new(format!("event {index} detail: {expected}"), actual));
        None
    }

    /// The run of leaves, from the one before the period to the one after it.
    fn run(&mut self, files: &Files, checkpoint: Option<&Checkpoint>, checks: &mut Checks) -> Option<RangeProof> {
        let Some(proof) = file(files, RANGE, checks).and_then(range) else {
            checks.fail("audit_range", RANGE, "a proof of the run", "another form");
            return None;
        };
        let Some(mut run) = proof.start() else {
            checks.fail("audit_range", RANGE, format!("the hashes before a run from {}", proof.first), format!("{} hashes", proof.before.len()));
            return None;
        };
        let paths = files.keys().filter(|p| p.starts_with("data/leaves/") && p.as_str() != BEYOND);
        let pieces = paths.map(|path| Some((path, lines(files, path, checks)?))).collect::<Option<Vec<_>>>()?;
        // Held against the proof before anything is appended: a tree ends at 2^64 leaves.
        let count: usize = pieces.iter().map(|(_, lines)| lines.len()).sum();
        if proof.end - proof.first != count as u64 {
            checks.fail("audit_range", "data/leaves", format!("{} leaves", proof.end - proof.first), format!("{count} leaves"));
            return None;
        }
        let (mut ends, mut latest, mut disorder) = (None::<(Instant, Instant)>, i64::MIN, 0);
        for (path, lines) in pieces {
            for bytes in lines {
                let index = run.size();
                run.append(leaf_hash(bytes));
                let leaf = match Leaf::parse(bytes) {
                    Ok(leaf) => leaf,
                    Err(e) => {
                        self.bad_leaves.push(Problem::of(path, format!("index {index}: a leaf"), e));
                        continue;
                    }
                };
                ends = Some((ends.map_or(leaf.at, |(first, _)| first), leaf.at));
                disorder = disorder.max(latest.saturating_sub(leaf.at.0));
                latest = latest.max(leaf.at.0);
                self.take(index, bytes, &leaf, true);
            }
        }
        self.bounds(&proof, &run, checkpoint, ends, checks);
        let least = i64::try_from(MARGIN.as_micros()).unwrap_or(i64::MAX);
        if self.margin < least {
            let said = |margin: i64| format!("a margin of {} s", margin / 1_000_000);
            checks.fail("audit_order", FACTS, said(least), said(self.margin));
        }
        checks.add(
            "audit_order",
            if disorder <= self.margin { Answer::Pass } else { Answer::Fail },
            "data/leaves",
            format!("at most {} s", self.margin / 1_000_000),
            format!("{} s", disorder / 1_000_000),
        );
        Some(proof)
    }

    /// The run is the log's, and it reaches beyond the period on both sides.
    fn bounds(&self, proof: &RangeProof, run: &Frontier, checkpoint: Option<&Checkpoint>, ends: Option<(Instant, Instant)>, checks: &mut Checks) {
        let expected = format!("leaves {} to {} of the log", proof.first, proof.end);
        let holds = checkpoint.is_some_and(|c| c.size == proof.size && proof.holds(run, &c.root));
        let actual = if holds { expected.clone() } else { format!("{} leaves that lead elsewhere", run.size().saturating_sub(proof.first)) };
        checks.same("audit_range", "data/leaves", expected, actual);
        let ((from, to), margin) = (self.period, self.margin);
        let (begin, end) = (Instant(from.0.saturating_sub(margin)), Instant(to.0.saturating_add(margin)));
        let said = |at: Option<Instant>| at.map_or_else(|| "no leaf".to_owned(), Instant::to_rfc3339);
        let (first, last) = (ends.map(|e| e.0), ends.map(|e| e.1));
        let before = proof.first == 0 || first.is_some_and(|at| at < begin);
        // A log that had not come to the end of the period when it was signed proves nothing of the rest.
        let after = match last {
            Some(at) if at >= end => Answer::Pass,
            _ if proof.end == proof.size => Answer::Unknown,
            _ => Answer::Fail,
        };
        let before = if before { Answer::Pass } else { Answer::Fail };
        let whole = |edge: bool, text: String| if edge { format!("{text} (the log's own end)") } else { text };
        checks.add("audit_begin", before, "data/leaves", format!("before {}", begin.to_rfc3339()), whole(proof.first == 0, said(first)));
        checks.add("audit_end", after, "data/leaves", format!("not before {}", end.to_rfc3339()), whole(proof.end == proof.size, said(last)));
    }

    /// What happened to the cases after the run, and the event that recorded what was asked for: each with its own proof.
    fn beyond(&mut self, files: &Files, proof: &RangeProof, checkpoint: Option<&Checkpoint>, checks: &mut Checks) {
        const PROOFS: &str = "data/proofs/beyond.jsonl";
        let (Some(leaves), Some(proofs)) = (lines(files, BEYOND, checks), lines(files, PROOFS, checks)) else { return };
        checks.same("proof_count", PROOFS, leaves.len(), proofs.len());
        let mut problems = Vec::new();
        let mut previous = None;
        for (n, (bytes, line)) in (1..).zip(leaves.iter().zip(&proofs)) {
            let (Ok(leaf), Ok(line)) = (Leaf::parse(bytes), serde_json::from_slice::<ProofLine>(line)) else {
                problems.push(Problem::new(format!("line {n}: a leaf and its proof"), "another form"));
                continue;
            };
            let hash = leaf_hash(bytes);
            let siblings: Option<Vec<Hash>> = line.proof.iter().map(|h| unhex(h)).collect();
            let holds = match (checkpoint, siblings) {
                (Some(c), Some(siblings)) => verify_inclusion(&hash, line.index, c.size, &siblings, &c.root) && line.leaf_hash == hex::encode(hash),
                _ => false,
            };
            let outside = !(proof.first..proof.end).contains(&line.index) && previous.is_none_or(|p| p < line.index);
            if !holds || !outside {
                problems.push(Problem::new(format!("line {n}: in the log at {}, outside of the run, in order", line.index), "not so"));
            }
            previous = Some(line.index);
            self.take(line.index, bytes, &leaf, line.index >= proof.end);
        }
        checks.all("inclusion", PROOFS, leaves.len(), problems);
        let open = self.findings.open_cases();
        if proof.end < proof.size && !open.is_empty() {
            let said = format!("nothing counts the events of {} cases that are not closed: {}", open.len(), open.join(" "));
            checks.add("audit_closings", Answer::Unknown, PROOFS, format!("what happened from event {} on", proof.end), said);
        }
    }

    fn end(mut self, facts: &Facts, checks: &mut Checks) -> Option<Found> {
        self.bad_parts.extend(self.details.values().map(|line| Problem::new("a part of an event here", &line.event)));
        let strays = self.fallback.keys().filter(|event| !self.withheld.contains(*event));
        self.bad_parts.extend(strays.map(|event| Problem::new("an event whose detail is withheld", event)));
        let readable = self.bad_leaves.is_empty();
        checks.all("leaves", "data/leaves", 1, self.bad_leaves);
        checks.all("commitments", PARTS, 1, self.bad_parts);
        engagement(facts, self.engagement, checks);
        if !self.withheld.is_empty() {
            checks.add("audit_erased", Answer::Unknown, PARTS, 0, self.withheld.len());
        }
        readable.then(|| self.findings.finish())
    }
}

fn range(bytes: &[u8]) -> Option<RangeProof> {
    let value: Value = serde_json::from_slice(bytes).ok()?;
    let number = |key: &str| value.get(key)?.as_u64();
    let hashes = |key: &str| value.get(key)?.as_array()?.iter().map(|h| unhex(h.as_str()?)).collect::<Option<Vec<Hash>>>();
    let (first, end, size) = (number("first")?, number("end")?, number("size")?);
    (first <= end && end <= size).then_some(RangeProof { first, end, size, before: hashes("before")?, consistency: hashes("consistency")? })
}

/// Period, kinds, sample and seed were recorded in the log, and what the pack says of them is what was recorded.
fn engagement(facts: &Facts, recorded: Option<(Leaf, Option<Value>)>, checks: &mut Checks) {
    const NAME: &str = "audit_engagement";
    let audit = &facts.audit;
    let Some((leaf, detail)) = recorded else {
        return checks.fail(NAME, FACTS, &audit.opened_event, "not among the leaves");
    };
    if leaf.action != Action::AuditEngagementOpened.as_str() || leaf.subject.id != audit.id || leaf.outcome != "success" {
        return checks.fail(NAME, FACTS, format!("audit_engagement.opened {}", audit.id), format!("{} {}", leaf.action, leaf.subject.id));
    }
    let Some(detail) = detail else { return checks.add(NAME, Answer::Unknown, FACTS, "what was asked for", "withheld") };
    let said = json!({
        "number": audit.number, "from": audit.from, "to": audit.to, "as_at": audit.as_at, "exceptions": audit.exceptions,
        "sample_size": audit.sample_size, "seed": audit.seed, "seed_source": audit.seed_source, "walk": audit.walk,
    });
    let recorded = detail.get("after").cloned().unwrap_or(Value::Null);
    checks.same(NAME, FACTS, recorded, said);
}

/// A view against what the findings give: every row that is missing, and every one that is not theirs.
fn compare(name: &'static str, path: &str, expected: &str, files: &Files, checks: &mut Checks) {
    let Some(bytes) = file(files, path, checks) else { return };
    if let Err(e) = csv::parse(bytes) {
        return checks.fail(name, path, "a CSV file", e);
    }
    let actual = String::from_utf8_lossy(bytes);
    let rows = |text: &str| text.split_inclusive("\r\n").map(str::to_owned).collect::<Vec<_>>();
    let (wanted, there) = (rows(expected), rows(&actual));
    let (of_wanted, of_there): (BTreeSet<_>, BTreeSet<_>) = (wanted.iter().collect(), there.iter().collect());
    let mut problems: Vec<_> = of_wanted.difference(&of_there).map(|row| Problem::new(row.trim_end(), "missing")).collect();
    problems.extend(of_there.difference(&of_wanted).map(|row| Problem::new("not in the file", row.trim_end())));
    if problems.is_empty() && wanted != there {
        problems.push(Problem::new("the rows in their order, each once", "another order"));
    }
    checks.all(name, path, wanted.len().saturating_sub(1), problems);
}

/// `case.closed` counts and hashes the events of each case.
fn closings(found: &Found, checks: &mut Checks) {
    const NAME: &str = "audit_closings";
    const PATH: &str = "data/cases.csv";
    let mut problems = Vec::new();
    let mut unknown = Vec::new();
    for case in &found.cases {
        match &case.closing {
            Some(Closed::Differs { expected, actual }) => problems.push(Problem::new(format!("{}: {expected}", case.number), actual)),
            Some(Closed::Unknown) => unknown.push(case.number.clone()),
            Some(Closed::Holds) | None => {}
        }
    }
    checks.all(NAME, PATH, found.cases.iter().filter(|c| c.closing.is_some()).count(), problems);
    if !unknown.is_empty() {
        checks.add(NAME, Answer::Unknown, PATH, "count and hash of the events", format!("withheld: {}", unknown.join(" ")));
    }
}

/// Each day's numbers begin with 1 and leave none out.
fn numbers(facts: &Facts, found: &Found, checks: &mut Checks) {
    let mut days: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut problems = Vec::new();
    for case in &found.cases {
        match case.number.split('-').nth(1) {
            Some(day) => {
                if !days.entry(day).or_default().insert(&case.number) {
                    problems.push(Problem::new("each number once", &case.number));
                }
            }
            None => problems.push(Problem::new(format!("a number for {}", case.id), "none")),
        }
    }
    for day in &facts.numbers {
        let of = days.remove(day.day.as_str()).unwrap_or_default();
        let most = (of.len() as u64).saturating_add(GAP);
        if day.given > most {
            problems.push(Problem::new(format!("at most {most} numbers on {}", day.day), day.given));
            continue;
        }
        for n in 1..=day.given {
            let number = format!("FR-{}-{n:04}", day.day);
            if !of.contains(number.as_str()) {
                problems.push(Problem::new(number, "missing"));
            }
        }
        if of.len() as u64 > day.given {
            problems.push(Problem::new(format!("{} numbers on {}", day.given, day.day), of.len()));
        }
    }
    problems.extend(days.into_keys().map(|day| Problem::new("a day with numbers", day)));
    checks.all("audit_numbers", "data/cases.csv", found.cases.len(), problems);
}

/// The case that is walked through: its own events, each with its proof, and the table that shows them. None may be left out that lies in
/// the run, or beyond it up to the closing, which counts them.
fn walk(
    files: &Files,
    facts: &Facts,
    found: &Found,
    (proof, walked): (&RangeProof, &BTreeSet<u64>),
    checkpoint: Option<&Checkpoint>,
    checks: &mut Checks,
) {
    const NAME: &str = "audit_walkthrough";
    const PATHS: Paths =
        Paths { events: "data/walkthrough/events.jsonl", proofs: "data/walkthrough/inclusion.jsonl", parts: "data/walkthrough/parts.jsonl" };
    let first = found.sample.first().map(|(_, place)| &found.cases[*place]);
    let chosen = found.cases.iter().find(|c| Some(&c.number) == facts.audit.walk.as_ref());
    let case = chosen.or(first).map(|c| c.id.clone());
    if !checks.same(NAME, FACTS, case.clone().unwrap_or_default(), facts.walk_case.clone().unwrap_or_default()) || case.is_none() {
        return;
    }
    let Some(events) = log::events(files, &PATHS, facts.log.size, checkpoint, checks) else { return };
    let mut problems: Vec<_> = events
        .iter()
        .filter(|e| e.leaf.case != case)
        .map(|e| Problem::new(case.clone().unwrap_or_default(), e.leaf.case.clone().unwrap_or_default()))
        .collect();
    let closed = found.cases.iter().find(|c| Some(&c.id) == case.as_ref()).and_then(|c| c.closed.as_ref()).map(|mark| mark.index);
    let known = |index: u64| index >= proof.first && (index < proof.end || closed.is_none_or(|closed| index <= closed));
    let there: BTreeSet<u64> = events.iter().map(|e| e.index).collect();
    problems.extend(walked.difference(&there).filter(|i| known(**i)).map(|i| Problem::new(format!("event {i} of the case"), "missing")));
    problems.extend(there.difference(walked).filter(|i| known(**i)).map(|i| Problem::new("an event that is among the leaves", i)));
    checks.all(NAME, PATHS.events, events.len(), problems);
    if closed.is_none() && proof.end < proof.size {
        checks.add(
            NAME,
            Answer::Unknown,
            PATHS.events,
            "the events up to its closing",
            format!("not closed: nothing counts what comes from event {} on", proof.end),
        );
    }
    compare(NAME, "data/walkthrough/walkthrough.csv", &tables::walkthrough(&events, &facts.zone), files, checks);
}
