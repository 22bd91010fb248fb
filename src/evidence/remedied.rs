//! The remediation plan in the printed report: what was still to be done after the recall, by whom, and what became of it, as the events of the
//! case tell it. Not here: the rest of the report ([`super::printed`]).

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    paper::{Page, escape},
    tables::Event,
};
use crate::clock::Instant;

/// A table of the steps in the order in which they were added; nothing where none was. `who` names the account of an id, as markup.
pub(super) fn table(page: &mut Page, events: &[Event], who: impl Fn(&str) -> String) {
    let made = |action: &'static str| events.iter().filter(move |e| e.leaf.action == action && e.leaf.outcome == "success");
    let step = |e: &Event| e.leaf.subject.id.clone();
    // What retention took is not made up.
    let told = |e: &Event, key: &str, page: &Page| match e.parts.contains_key("detail") {
        true => Ok(e.text("detail", key)),
        false => Err(page.t("printed-purged")),
    };
    let cell = |text: String, at: Instant| [text, page.time(Some(at))].join("<br>");
    let ends: BTreeMap<String, &Event> = made("remediation.step_done").chain(made("remediation.step_dropped")).map(|e| (step(e), e)).collect();
    let rows = made("remediation.step_added").map(|added| {
        let end = ends.get(&step(added)).copied();
        let stands = match end {
            None => page.word("remediation-state", "open"),
            Some(end) if end.leaf.action == "remediation.step_done" => cell(page.word("remediation-state", "done"), end.leaf.at),
            Some(end) => cell(page.word("remediation-state", "dropped"), end.leaf.at),
        };
        let strategy = told(added, "strategy", page).map_or_else(|gone| gone, |strategy| page.word("remedy", &strategy));
        let due = |due: String| Instant::parse(&due).map_or_else(|| page.t("remediation-tracked"), |due| page.time(Some(due)));
        vec![
            [strategy].into_iter().chain(said(added)).collect::<Vec<_>>().join("<br>"),
            told(added, "owner", page).map_or_else(|gone| gone, |owner| who(&owner)),
            told(added, "due", page).map_or_else(|gone| gone, due),
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
