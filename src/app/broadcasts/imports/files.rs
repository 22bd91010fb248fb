//! Files that people take along: the table to fill in, and the report of what is wrong in theirs. Both are CSV by the one rule (`evidence::csv`).

use serde_json::{Value, json};

use super::{Column, Kind, Problem, show};
use crate::{
    app::{App, AppResult, Caller},
    evidence::csv::{self, Cell},
    i18n::Tr,
};

/// The heads of a table, in the person's language; names that are read back.
pub fn template(tr: &Tr, kind: Kind) -> String {
    let heads: Vec<String> = Column::of(kind).iter().map(|(column, _)| tr.word("import-column", column)).collect();
    csv::header(heads.iter().map(String::as_str))
}

/// What is wrong, in words.
pub fn wrong(tr: &Tr, problem: &Problem) -> String {
    let args: Vec<(&str, &str)> = problem.args.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let keys = ["import-wrong-", "error-", "refusal-"].map(|start| format!("{start}{}", problem.kind));
    keys.iter().find_map(|key| tr.maybe_a(key, &args)).unwrap_or_else(|| problem.kind.clone())
}

/// What would be right: of what is wrong, else of the column.
pub fn right(tr: &Tr, problem: &Problem) -> String {
    let of_column = || problem.column.map(|column| tr.word("import-right", column));
    tr.maybe(&format!("import-mend-{}", problem.kind)).or_else(of_column).unwrap_or_default()
}

/// The column's head; nothing for a line as a whole.
pub fn column(tr: &Tr, problem: &Problem) -> String {
    problem.column.map(|column| tr.word("import-column", column)).unwrap_or_default()
}

/// What is wrong in an import, for programs: where it stands, the stable word for it, and the words of `tr`.
pub fn told(tr: &Tr, problem: &Problem) -> Value {
    json!({
        "line": problem.line, "column": problem.column, "value": problem.value, "kind": problem.kind, "wrong": wrong(tr, problem),
        "right": right(tr, problem),
    })
}

/// The report of an import of the caller's own: a line for each problem.
///
/// # Errors
/// `Forbidden`; `NotFound`.
pub async fn report(app: &App, caller: &Caller, tr: &Tr, id: &str) -> AppResult<String> {
    let known = show(app, caller, id).await?;
    let heads = ["line", "column", "value", "wrong", "right"].map(|head| tr.t(&format!("import-report-{head}")));
    let mut out = csv::header(heads.iter().map(String::as_str));
    for problem in &known.about.problems {
        let line = if problem.line == 0 { Cell::empty() } else { Cell::plain(problem.line) };
        let cells = [column(tr, problem), problem.value.clone(), wrong(tr, problem), right(tr, problem)].map(Cell::text);
        out.push_str(&csv::line(&[&[line], &cells[..]].concat()));
    }
    let more = usize::try_from(known.row.problems).unwrap_or_default().saturating_sub(known.about.problems.len());
    if more > 0 {
        let cells = [String::new(), String::new(), tr.n("import-report-more", more), String::new()].map(Cell::text);
        out.push_str(&csv::line(&[&[Cell::empty()], &cells[..]].concat()));
    }
    Ok(out)
}
