//! What of the running cases rests on one person: levels that wait for them, requests of theirs, guided recalls that they are part of; and who
//! else could do it. For whoever is about to suspend them. Not here: holds, rules and questions (`app::duties`).

use super::{Case, Mode, Rules, State, cases, holders};
use crate::{
    clock::Instant,
    domain::{
        recall::{
            approval::{Decider, may_ever_decide, qualified},
            participation::{holder, unanswered},
        },
        role::Role,
    },
    id::UserId,
    store::{
        Conn, StoreError,
        recalls::{self, Standing},
        users,
    },
};

/// Cases that are looked through, those whose window closes first; what lies beyond is the least urgent.
pub const DEPTH: i64 = 2000;

/// What somebody has to do with a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// An open level that they could decide.
    Decide(u8),
    /// Their own request, which is being judged or carried out.
    Request,
    /// Their own request, which came back to them.
    Returned,
    /// Their own request, about which a reviewer asks them.
    Asked,
    /// To be carried out in the platform's console.
    CarryOut,
    /// A second look at captures.
    Confirm,
    /// They made the captures.
    Captured,
}

impl Part {
    /// The word that a text is chosen by, and for [`crate::app::duties`] what it is told apart by.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Decide(_) => "decide",
            Self::Request => "request",
            Self::Returned => "returned",
            Self::Asked => "asked",
            Self::CarryOut => "carry-out",
            Self::Confirm => "confirm",
            Self::Captured => "captured",
        }
    }
}

/// One case that rests on somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owed {
    pub id: String,
    pub number: String,
    pub part: Part,
    pub state: State,
    /// When the level is due, or else when the platform's window closes.
    pub due: Option<Instant>,
    /// How many others could do it now; `None` where nobody else ever could or needs to.
    pub others: Option<usize>,
}

impl Owed {
    /// Whether it would wait for nobody without them.
    pub fn is_stranded(&self) -> bool {
        self.others == Some(0) || matches!(self.part, Part::Returned | Part::Asked)
    }
}

/// A person as the rules see them, whether or not they can sign in at present.
pub struct Somebody {
    pub decider: Decider,
    pub may_execute: bool,
}

/// What rests on somebody, least time left first; and whether there are more running cases than were looked through.
///
/// # Errors
/// Those of the store.
pub fn owed(conn: &mut Conn, who: &Somebody, now: Instant) -> Result<(Vec<Owed>, bool), StoreError> {
    let rows = recalls::open(conn, DEPTH)?.into_iter().map(|open| open.standing).collect::<Vec<_>>();
    let more = i64::try_from(rows.len()).is_ok_and(|n| n >= DEPTH);
    let able: Vec<Decider> = holders(conn, &[1, 2, 3], now)?.into_iter().map(|(d, _)| d).filter(|d| d.user != who.decider.user).collect();
    let operators: Vec<UserId> = users::user_holders(conn, &[Role::PlatformOperator])?
        .into_iter()
        .filter(|p| p.valid_until.is_none_or(|until| now.0 < until) && p.id != who.decider.user.as_str())
        .map(|p| UserId(p.id))
        .collect();
    let loaded = cases(conn, &rows)?;
    let mut all = Vec::new();
    for (row, case) in rows.iter().zip(&loaded) {
        let parts = parts(case, who, &able, &operators);
        if !parts.is_empty() {
            all.extend(lines(conn, row, case, parts)?);
        }
    }
    all.sort_by_key(|owed| (owed.due.unwrap_or(Instant(i64::MAX)), owed.number.clone(), owed.part));
    Ok((all, more))
}

/// What somebody has to do with one case, and how many others could.
fn parts(case: &Case, who: &Somebody, able: &[Decider], operators: &[UserId]) -> Vec<(Part, Option<usize>)> {
    let me = &who.decider.user;
    let mut parts = Vec::new();
    if case.requester == *me {
        let part = match case.state {
            State::Returned => Part::Returned,
            State::Reviewing if unanswered(case).is_some() => Part::Asked,
            _ => Part::Request,
        };
        parts.push((part, None));
    }
    if case.state == State::Reviewing {
        for level in &case.open {
            if may_ever_decide(Rules::ALL, case, &who.decider, *level).is_ok() {
                // What was passed on to somebody who leaves falls back to all who could decide it.
                let fit = |d: &&Decider| match holder(case, *level) {
                    Some(user) if user == me => qualified(Rules::ALL, case, d, *level).is_ok(),
                    _ => may_ever_decide(Rules::ALL, case, d, *level).is_ok(),
                };
                parts.push((Part::Decide(*level), Some(able.iter().filter(fit).count())));
            }
        }
    }
    if case.mode == Mode::Guided && matches!(case.state, State::Approved | State::Executing) {
        let second = |user: &&UserId| !case.operators.contains(user) && **user != case.requester;
        if case.operators.contains(me) {
            parts.push((Part::Captured, None));
        } else if who.may_execute && case.operators.is_empty() {
            parts.push((Part::CarryOut, Some(operators.len())));
        } else if who.may_execute && case.requester != *me {
            parts.push((Part::Confirm, Some(operators.iter().filter(second).count())));
        }
    }
    parts
}

fn lines(conn: &mut Conn, row: &Standing, case: &Case, parts: Vec<(Part, Option<usize>)>) -> Result<Vec<Owed>, StoreError> {
    let whole = recalls::find(conn, &row.id)?.ok_or(StoreError::NotFound)?;
    let due = |part| match part {
        Part::Decide(level) => Some(whole.due_of(level)),
        _ => whole.cut_off.map(Instant),
    };
    let line = |(part, others): (Part, Option<usize>)| Owed {
        id: whole.id.clone(),
        number: whole.number.clone(),
        part,
        state: case.state,
        due: due(part),
        others,
    };
    Ok(parts.into_iter().map(line).collect())
}
