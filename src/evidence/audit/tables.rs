//! The rows of a pack's CSV files. `cases`, `exceptions`, `sample` and `controls` are views of the findings, which
//! [`crate::evidence::verify`] makes again and compares; `walkthrough` one of its own events; `access` and `questions` are lists of their own.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    columns,
    findings::{Case, Found, Mark},
};
use crate::{
    clock::Instant,
    domain::audit::CONTROLS,
    evidence::{
        columns::{Column, names},
        csv::{self, Cell},
        tables::{Event, local},
    },
    i18n::{Lang, Tr, word_key},
};

/// A line of the access list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// `account` or `token`.
    pub kind: String,
    pub id: String,
    pub name: String,
    pub display_name: String,
    pub department: String,
    pub roles: String,
    pub state: String,
    pub valid_until: Option<Instant>,
    pub second_factor: Option<bool>,
    pub last_sign_in: Option<Instant>,
    pub created: Option<(Instant, u64)>,
    pub changed_index: Option<u64>,
    /// Whether the log's events tell it; else today's tables do.
    pub from_log: bool,
}

/// A question and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    pub number: u64,
    pub asked_at: Instant,
    pub asked_by: String,
    pub asked_of: String,
    pub question: String,
    /// Numbers of cases.
    pub cases: Vec<String>,
    /// Indices of events.
    pub events: Vec<u64>,
    pub asked_event: String,
    /// Time, text, id of the event.
    pub answer: Option<(Instant, String, String)>,
}

fn file(columns: &'static [Column], rows: impl IntoIterator<Item = Vec<Cell>>) -> String {
    let mut file = csv::header(names(columns));
    rows.into_iter().for_each(|row| file.push_str(&csv::line(&row)));
    file
}

fn time(at: Option<Instant>) -> Cell {
    Cell::optional(at.map(Instant::to_rfc3339))
}

fn place(mark: Option<&Mark>) -> [Cell; 2] {
    [Cell::optional(mark.map(|m| m.index)), time(mark.map(|m| m.at))]
}

/// Both languages' words of a key; the key itself where there are none.
fn both(prefix: &str, word: &str) -> [Cell; 2] {
    Lang::ALL.map(|lang| Cell::text(Tr::new(lang).t(&word_key(prefix, word))))
}

fn case(case: &Case, zone: &str) -> Vec<Cell> {
    let mut row = vec![
        Cell::plain(&case.id),
        Cell::plain(&case.number),
        Cell::plain(case.opened.index),
        Cell::plain(&case.opened.event),
        Cell::plain(case.opened.at.to_rfc3339()),
        Cell::plain(local(case.opened.at, zone)),
        Cell::text(&case.requester),
        Cell::plain(&case.class),
        Cell::plain(&case.mode),
        time(case.cut_off),
    ];
    row.extend((0..3).map(|level| time(case.due.get(level).copied())));
    row.push(Cell::plain(case.rounds));
    for level in &case.levels {
        row.extend(place(level.as_ref().map(|l| &l.mark)));
        row.push(Cell::plain(level.as_ref().map_or("", |l| &l.decision)));
        row.push(Cell::text(level.as_ref().map_or("", |l| &l.decider)));
    }
    row.extend(place(case.executed.as_ref()));
    row.extend(place(case.finished.as_ref()));
    row.push(Cell::plain(&case.state));
    let tally = |name: &str| Cell::optional(case.tally.as_ref().and_then(|t| t.get(name)).and_then(Value::as_u64));
    row.extend(["total", "confirmed", "accepted", "unknown", "still_visible", "failed"].map(tally));
    row.extend(place(case.closed.as_ref()));
    row.push(Cell::plain(case.events));
    row.push(Cell::plain(&case.line));
    row
}

/// `cases.csv`.
pub fn cases(found: &Found, zone: &str) -> String {
    file(columns::CASES, found.cases.iter().map(|c| case(c, zone)))
}

/// `exceptions.csv`.
pub fn exceptions(found: &Found) -> String {
    let numbers: BTreeMap<&str, &str> = found.cases.iter().map(|c| (c.id.as_str(), c.number.as_str())).collect();
    let row = |e: &super::findings::Exception| {
        let [zh, en] = both("exception", e.kind.as_str());
        vec![
            Cell::plain(e.kind),
            zh,
            en,
            Cell::text(e.case.clone().unwrap_or_default()),
            Cell::plain(e.case.as_deref().and_then(|id| numbers.get(id)).copied().unwrap_or_default()),
            Cell::plain(e.mark.index),
            Cell::plain(&e.mark.event),
            Cell::plain(e.mark.at.to_rfc3339()),
            Cell::text(&e.actor),
            Cell::text(&e.about),
        ]
    };
    file(columns::EXCEPTIONS, found.exceptions.iter().map(row))
}

/// `sample.csv`.
pub fn sample(found: &Found) -> String {
    file(
        columns::SAMPLE,
        found.sample.iter().zip(1..).map(|((key, place), rank): (_, u64)| {
            let case = &found.cases[*place];
            vec![Cell::plain(rank), Cell::plain(key), Cell::plain(&case.id), Cell::plain(&case.number), Cell::plain(case.opened.index)]
        }),
    )
}

/// `controls.csv`: each control with every outcome that its events had, and a line without count for events that there were none of.
pub fn controls(found: &Found) -> String {
    let mut rows = Vec::new();
    for control in CONTROLS {
        let words: Vec<Cell> = [both("control", control.name), both("control", &format!("{}_source", control.name))].concat();
        for action in control.proofs {
            let of: Vec<_> = found.stats.iter().filter(|((a, _), _)| a == action.as_str()).collect();
            let begin = || [vec![Cell::plain(control.name)], words.clone(), vec![Cell::plain(action)]].concat();
            if of.is_empty() {
                rows.push([begin(), vec![Cell::empty(), Cell::plain(0), Cell::empty(), Cell::empty(), Cell::empty()]].concat());
            }
            for ((_, outcome), stat) in of {
                let samples: Vec<String> = stat.samples().iter().map(u64::to_string).collect();
                let cells = vec![
                    Cell::plain(outcome),
                    Cell::plain(stat.count),
                    Cell::plain(stat.first),
                    Cell::plain(stat.last),
                    Cell::plain(samples.join(" ")),
                ];
                rows.push([begin(), cells].concat());
            }
        }
    }
    file(columns::CONTROLS, rows)
}

/// `access.csv`.
pub fn access(lines: &[Access]) -> String {
    let row = |a: &Access| {
        vec![
            Cell::plain(&a.kind),
            Cell::plain(&a.id),
            Cell::text(&a.name),
            Cell::text(&a.display_name),
            Cell::text(&a.department),
            Cell::plain(&a.roles),
            Cell::plain(&a.state),
            time(a.valid_until),
            Cell::plain(a.second_factor.map_or("", |yes| if yes { "yes" } else { "no" })),
            time(a.last_sign_in),
            time(a.created.map(|(at, _)| at)),
            Cell::optional(a.created.map(|(_, index)| index)),
            Cell::optional(a.changed_index),
            Cell::plain(if a.from_log { "log" } else { "tables" }),
        ]
    };
    file(columns::ACCESS, lines.iter().map(row))
}

/// `questions.csv`.
pub fn questions(questions: &[Question]) -> String {
    let row = |q: &Question| {
        let events: Vec<String> = q.events.iter().map(u64::to_string).collect();
        vec![
            Cell::plain(q.number),
            Cell::plain(q.asked_at.to_rfc3339()),
            Cell::text(&q.asked_by),
            Cell::text(&q.asked_of),
            Cell::text(&q.question),
            Cell::plain(q.cases.join(" ")),
            Cell::plain(events.join(" ")),
            Cell::plain(&q.asked_event),
            time(q.answer.as_ref().map(|a| a.0)),
            Cell::text(q.answer.as_ref().map_or("", |a| &a.1)),
            Cell::plain(q.answer.as_ref().map_or("", |a| &a.2)),
        ]
    };
    file(columns::QUESTIONS, questions.iter().map(row))
}

/// What a step says in its detail, as `name=value` with blanks between.
fn about(event: &Event) -> String {
    let said = |name: &str, pointer: &str| {
        let value = event.parts.get("detail")?.pointer(pointer)?;
        let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        Some(format!("{name}={text}"))
    };
    let told = [
        said("number", "/number"),
        said("level", "/level"),
        said("decision", "/decision"),
        said("state", "/after/state"),
        said("result", "/result"),
        said("reason", "/reason"),
    ];
    told.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// `walkthrough/walkthrough.csv`.
pub fn walkthrough(events: &[Event], zone: &str) -> String {
    file(
        columns::WALK,
        events.iter().zip(1..).map(|(e, step): (_, u64)| {
            vec![
                Cell::plain(step),
                Cell::plain(e.index),
                Cell::plain(&e.leaf.id),
                Cell::plain(e.leaf.at.to_rfc3339()),
                Cell::plain(local(e.leaf.at, zone)),
                Cell::plain(&e.leaf.action),
                Cell::plain(&e.leaf.outcome),
                Cell::text(&e.leaf.actor.id),
                Cell::text(e.text("actor", "name")),
                Cell::plain(e.roles()),
                Cell::text(e.text("detail", "shown")),
                Cell::text(about(e)),
                Cell::plain(&e.line),
            ]
        }),
    )
}
