//! Forced override (强制覆盖) in a bundle: what was sent in the message's place is what the three levels judged, sent once, and not before the
//! recall. Not here: the recall itself and its decisions (`case`).

use super::{Answer, Checks, Problem};
use crate::evidence::{report::Report, tables::Event};

const NAME: &str = "forced_override";
/// The line of what a decider was shown that binds the corrected message.
pub const SHOWN: &str = "更正消息承诺值 correction commitment";

/// The round that a case is in: each time that it was asked for again began one.
pub(super) fn round(report: &Report, events: &[Event]) -> u64 {
    let again =
        |e: &&Event| e.leaf.action == "recall.resubmitted" && e.leaf.outcome == "success" && e.leaf.case.as_deref() == Some(report.case.id.as_str());
    events.iter().filter(again).fold(1, |round, _| round + 1)
}

/// Says nothing where no corrected message was asked for and none was sent.
pub(super) fn check(report: &Report, events: &[Event], checks: &mut Checks) {
    const PATH: &str = "data/events.jsonl";
    let done: Vec<&Event> =
        events.iter().filter(|e| e.leaf.outcome == "success" && e.leaf.case.as_deref() == Some(report.case.id.as_str())).collect();
    let of = |actions: &'static [&'static str]| done.iter().filter(move |e| actions.contains(&e.leaf.action.as_str()));
    let sent: Vec<&&Event> = of(&["broadcast.submitted"]).collect();
    // Each round says anew what is to be sent, or that nothing is.
    let asked = of(&["recall.submitted", "recall.resubmitted"]).next_back();
    let Some(detail) = asked.and_then(|e| e.parts.get("detail")) else {
        if !sent.is_empty() {
            checks.add(NAME, Answer::Unknown, PATH, "the message that was asked for", "withheld");
        }
        return;
    };
    let wanted = detail["correction"].as_str();
    let message = detail["correction_message"].as_str().unwrap_or_default();
    if wanted.is_none() && sent.is_empty() {
        return;
    }
    let mut problems = Vec::new();
    let round = round(report, events);
    let approvals = report.decisions.iter().filter(|d| d.round == round && d.decision == "approve").map(|d| d.shown.clone().unwrap_or_default());
    let ordered = of(&["recall.ordered"]).map(|e| e.text("shown", "summary"));
    let mut untold = false;
    for shown in approvals.chain(ordered) {
        untold |= shown.is_empty();
        if wanted.is_some() && !shown.is_empty() && !shown.contains(&format!("\n{SHOWN}: {message}\n")) {
            problems.push(Problem::new(format!("an approval of {message}"), "of something else"));
        }
    }
    // What was ended by whom: an end that took nothing back, and a word that ratified nothing, open no way. What is withheld is taken for the one
    // that does.
    let ended = |actions: &'static [&'static str], states: &'static [&'static str]| {
        let of = events.iter().filter(move |e| actions.contains(&e.leaf.action.as_str()) && e.leaf.case.as_deref() == Some(report.case.id.as_str()));
        let opens = of.filter(move |e| {
            let state = e.parts.get("detail").map(|detail| detail["after"]["state"].as_str().unwrap_or_default());
            state.is_none_or(|state| states.contains(&state))
        });
        opens.map(|e| e.index).min()
    };
    let recalled = ended(&["recall.finished", "recall.capture_confirmed"], &["recalled", "recall_accepted", "partly_recalled"]);
    let first = of(&["recall.ordered"]).next().is_some();
    let approved = if first { ended(&["ratification.decided"], &["ratified"]) } else { recalled };
    for event in &sent {
        let told = event.parts.get("detail").map(|detail| detail["after"]["message"].as_str().unwrap_or_default());
        if wanted != Some(event.leaf.subject.id.as_str()) {
            problems.push(Problem::new(wanted.unwrap_or("no message"), &event.leaf.subject.id));
        }
        if told.is_some_and(|told| told != message) {
            problems.push(Problem::new(message, told.unwrap_or_default()));
        }
        if recalled.max(approved).is_none_or(|at| event.index < at) || recalled.is_none() || approved.is_none() {
            problems.push(Problem::new("sent once it was recalled and approved", format!("sent at {}", event.index)));
        }
    }
    if sent.len() > 1 {
        problems.push(Problem::new("sent once", format!("{} times", sent.len())));
    }
    if problems.is_empty() && untold && !sent.is_empty() {
        return checks.add(NAME, Answer::Unknown, PATH, "what was approved", "withheld");
    }
    checks.all(NAME, PATH, 1, problems);
}
