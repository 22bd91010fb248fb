//! The steps of all plans as a list. Not here: the plan of one case (the parent).

use super::{state_of, strategy_of};
use crate::{
    app::{App, AppError, AppResult, Caller, Turn, recalls::own_cases_only},
    clock::Instant,
    domain::{
        remediation::{self, StepState},
        role::Permission,
        windows::Remedy,
    },
    store::{
        StoreError, broadcasts,
        page::Few,
        remediations::{self, Filter, StepRow},
    },
    words,
};

/// Lines of a page.
pub const PAGE: usize = 50;

words! {
    /// What the list can be narrowed to; words `remediation-show-<as_str>`.
    pub enum Wanted {
        Open = "open",
        Overdue = "overdue",
        Done = "done",
        Dropped = "dropped",
    }
}

/// A step in the list: which case and what, never what was typed.
#[derive(Clone, Debug)]
pub struct Line {
    pub id: String,
    pub recall: String,
    /// The number of its case.
    pub number: String,
    pub strategy: Remedy,
    /// Their id and their name.
    pub owner: (String, String),
    pub due: Option<Instant>,
    pub state: StepState,
    pub overdue: bool,
    pub set_at: Instant,
    pub ended_at: Option<Instant>,
    pub version: i64,
}

/// Steps, the keys of the pages on either side, and how many there are.
pub type Listed = (Vec<Line>, (Option<String>, Option<String>), Few);

/// The steps of the cases that the caller may know of, newest first, in pages of `size`. `mine`: only those that they own.
///
/// # Errors
/// `Forbidden` without `recall.read`.
pub async fn list(app: &App, caller: &Caller, wanted: Option<Wanted>, mine: bool, turn: Turn, size: usize) -> AppResult<Listed> {
    if !caller.may(Permission::RecallRead) {
        return Err(AppError::Forbidden(Permission::RecallRead));
    }
    let now = app.now();
    let state = wanted.and_then(|wanted| match wanted {
        Wanted::Open => Some(StepState::Open),
        Wanted::Done => Some(StepState::Done),
        Wanted::Dropped => Some(StepState::Dropped),
        Wanted::Overdue => None,
    });
    let filter = Filter {
        state: state.map(|state| state.as_str().to_owned()),
        overdue_at: (wanted == Some(Wanted::Overdue)).then_some(now.0),
        owner: mine.then(|| caller.user_id.clone().unwrap_or_default()),
        of_person: own_cases_only(caller),
    };
    let found = app.store.read(move |conn| {
        let limit = i64::try_from(size + 1).unwrap_or(i64::MAX);
        let cut = turn.cut(remediations::page(conn, &filter, &turn, limit)?, size);
        let edges = cut.edges(|(row, _)| row.id.clone());
        let names = broadcasts::names(conn, cut.rows.iter().map(|(row, _)| row.owner_id.clone()).collect())?;
        let line = |(row, number): &(StepRow, String)| {
            let (state, due) = (state_of(row)?, row.due_at.map(Instant));
            Ok(Line {
                id: row.id.clone(),
                recall: row.recall_id.clone(),
                number: number.clone(),
                strategy: strategy_of(row)?,
                owner: (row.owner_id.clone(), names.get(&row.owner_id).cloned().unwrap_or_default()),
                due,
                state,
                overdue: remediation::overdue(state, due, now),
                set_at: Instant(row.set_at),
                ended_at: row.ended_at.map(Instant),
                version: row.version,
            })
        };
        let lines = cut.rows.iter().map(line).collect::<Result<Vec<_>, StoreError>>()?;
        Ok((lines, edges, remediations::few(conn, &filter)?))
    });
    Ok(found.await?)
}
