//! The remediation plan in the printed report: what was still to be done after the recall, by whom, and what became of it, as the events of the
//! case tell it. Not here: the rest of the report ([`super::printed`]).

use serde_json::Value;

use super::{
    paper::{Page, escape},
    tables::Event,
};
use crate::clock::Instant;

/// A table of the steps in the order in which they were added; nothing where none was. `who` names the account of an id, as markup.
pub(super) fn table(page: &mut Page, events: &[Event], who: impl Fn(&str) -> String) {
    let made = |action: &'static str| events.iter().filter(move |e| e.leaf.action == action && e.leaf.outcome == "success");
    let step = |e: &Event| e.text("detail", "step");
    let cell = |text: String, at: Instant| [text, page.time(Some(at))].join("<br>");
    let rows = made("remediation.step_added").map(|added| {
        let due = Instant::parse(&added.text("detail", "due"));
        let end = made("remediation.step_done").chain(made("remediation.step_dropped")).find(|e| step(e) == step(added));
        let stands = match end {
            None => page.word("remediation-state", "open"),
            Some(end) => {
                let state = end.parts.get("detail").and_then(|d| d["after"]["state"].as_str()).unwrap_or_default();
                cell(page.word("remediation-state", state), end.leaf.at)
            }
        };
        vec![
            [page.word("remedy", &added.text("detail", "strategy"))].into_iter().chain(said(added)).collect::<Vec<_>>().join("<br>"),
            who(&added.text("detail", "owner")),
            due.map_or_else(|| page.t("remediation-tracked"), |due| page.time(Some(due))),
            [stands].into_iter().chain(end.into_iter().flat_map(said)).collect::<Vec<_>>().join("<br>"),
        ]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    if rows.is_empty() {
        return;
    }
    let heading = page.t("remediation-title");
    page.put(&format!("<h3>{heading}</h3>\n"));
    page.table(&["field-remediation-strategy", "field-remediation-owner", "field-remediation-due", "printed-became"], rows, "events.csv");
}

/// What was typed with an event, as markup.
fn said(event: &Event) -> Vec<String> {
    let written = event.parts.get("text").and_then(Value::as_object).into_iter().flatten();
    written.filter_map(|(_, text)| text.as_str()).filter(|text| !text.is_empty()).map(escape).collect()
}
