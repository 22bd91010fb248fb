//! What a case page shows of a recall that came first: the order, the words of its ratification, and what this person may do about it.
//! Not here: the acts (`order`, `ratify`).

use super::{App, Caller, Loaded, deciders, order, ratify};
use crate::{
    clock::Instant,
    domain::recall::{
        Guard, Rules,
        ratification::{Standing, Verdict, may_ever_ratify},
    },
    store::{Conn, StoreError, broadcasts::names},
};

/// One level's word.
#[derive(Clone, Debug)]
pub struct WordView {
    pub level: u8,
    pub name: String,
    pub verdict: Verdict,
    /// `None` once it is erased.
    pub comment: Option<String>,
    pub at: Instant,
    pub late: bool,
}

/// An order and its ratification.
#[derive(Clone, Debug)]
pub struct OrderView {
    pub officer: String,
    pub at: Instant,
    /// `None` once it is erased.
    pub reason: Option<String>,
    pub due: Instant,
    pub standing: Standing,
    pub overdue: bool,
    /// The levels that were skipped.
    pub levels: Vec<u8>,
    pub words: Vec<WordView>,
    /// The level whose word is owed now, with the names of those who can say it.
    pub open: Option<(u8, Vec<String>)>,
    /// The level whose word waits for this person, or why they cannot say it.
    pub mine: Option<Result<u8, Guard>>,
}

/// What this person may order, and what was ordered.
#[derive(Clone, Debug, Default)]
pub struct First {
    /// `None` for who is not on duty, and where nothing is under review.
    pub may_order: Option<Result<(), Guard>>,
    pub made: Option<OrderView>,
}

/// Both, as they stand.
pub(super) fn first(conn: &mut Conn, app: &App, caller: &Caller, loaded: &Loaded, now: Instant) -> Result<First, StoreError> {
    let may_order = order::offer(conn, caller, &loaded.row, &loaded.case, now)?;
    let (Some((row, given)), Some(case)) = (&loaded.order, &loaded.case.order) else { return Ok(First { may_order, made: None }) };
    let envelope = &app.store.keys().envelope;
    let names = names(conn, given.iter().map(|g| g.by_id.clone()).chain([row.officer_id.clone()]).collect())?;
    let name = |id: &str| names.get(id).cloned().unwrap_or_default();
    let open = match case.open() {
        Some(level) => {
            let able = deciders(conn, &[level], now)?.into_iter();
            Some((level, able.filter(|(d, _)| may_ever_ratify(Rules::ALL, &loaded.case, d, level).is_ok()).map(|(_, name)| name).collect()))
        }
        None => None,
    };
    let mut words = Vec::new();
    for (g, said) in given.iter().zip(&case.given) {
        let comment = ratify::comment(envelope, g)?;
        words.push(WordView { level: said.level, name: name(&g.by_id), verdict: said.verdict, comment, at: Instant(g.at), late: row.due_at <= g.at });
    }
    let made = OrderView {
        officer: name(&row.officer_id),
        at: Instant(row.at),
        reason: order::reason(envelope, row)?,
        due: case.due,
        standing: case.standing(),
        overdue: case.is_overdue(now),
        levels: case.owes.iter().copied().collect(),
        words,
        open,
        mine: ratify::offer(&loaded.case, caller).filter(|_| caller.may(crate::domain::role::Permission::RecallDecide)),
    };
    Ok(First { may_order, made: Some(made) })
}
