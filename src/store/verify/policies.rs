//! The recall policy: each version and each proposal against what the log says of it. Rules that were changed in their row would give the
//! next case other times than two people agreed on.
//!
//! All of it is bound for ever, by the leaves alone: an id is the hash of what was proposed, the events of the id say what became of it, and
//! versions are counted in the order in which they were confirmed.

use std::collections::BTreeMap;

use diesel::prelude::*;

use super::{Audit, Kind, readable, waiting::Waiting};
use crate::{
    domain::{policy::SHIPPED, proposal::ProposalState},
    ledger::plain::Plain,
    store::{
        Conn, StoreError,
        policies::{self, PolicyRow},
        schema::policies as table,
    },
};

/// What one event says of a proposal.
pub(super) struct Told {
    index: u64,
    policy: String,
    state: ProposalState,
    by: String,
    at: i64,
}

/// What an event says of a proposal, if it moved one.
pub(super) fn told(index: u64, leaf: &Plain<'_>) -> Option<Told> {
    let state = ProposalState::after(leaf.action).filter(|_| leaf.outcome == "success")?;
    Some(Told { index, policy: leaf.subject_id.to_owned(), state, by: leaf.actor_id.to_owned(), at: leaf.at.0 })
}

/// A proposal by its events: the first one, and the one that ended it.
struct Course {
    first: Told,
    ended: Option<Told>,
    version: Option<i64>,
}

/// Holds the rows against what the log says of them.
pub(super) fn check(conn: &mut Conn, audit: &mut Audit<'_>, told: Vec<Told>, waiting: &Waiting) -> Result<(), StoreError> {
    let mut courses = courses(audit, told);
    let rows: Vec<PolicyRow> = readable(audit, Kind::Part, "policies", table::table.load(conn))?;
    for row in rows {
        // What an event says that waits for its index, the row says already.
        let certain = !waiting.tells_of(&row.id);
        let Some(course) = courses.remove(&row.id) else {
            if certain {
                audit.problem(Kind::Part, "policies", None, format!("no event of the log tells of {}", row.id));
            }
            continue;
        };
        hold(audit, &row, &course, certain);
    }
    for (id, course) in courses {
        audit.problem(Kind::Part, "policies", Some(course.first.index), format!("the row of {id} is missing"));
    }
    Ok(())
}

/// What the events say, by proposal; an event that cannot follow the one before it is named.
fn courses(audit: &mut Audit<'_>, told: Vec<Told>) -> BTreeMap<String, Course> {
    let mut courses: BTreeMap<String, Course> = BTreeMap::new();
    let mut newest = i64::try_from(SHIPPED).unwrap_or(1);
    for told in told {
        let index = told.index;
        let course = courses.get_mut(&told.policy);
        let follows = match (&course, told.state) {
            (None, ProposalState::Proposed) => true,
            (Some(course), ProposalState::Confirmed | ProposalState::Rejected) => course.ended.is_none() && course.first.by != told.by,
            (Some(course), ProposalState::Withdrawn) => course.ended.is_none() && course.first.by == told.by,
            _ => false,
        };
        if !follows {
            audit.problem(Kind::Part, "policies", Some(index), format!("{} cannot be {} by this event", told.policy, told.state));
        }
        match course {
            None => {
                courses.insert(told.policy.clone(), Course { first: told, ended: None, version: None });
            }
            Some(course) => {
                if told.state == ProposalState::Confirmed {
                    newest += 1;
                    course.version = Some(newest);
                }
                course.ended = Some(told);
            }
        }
    }
    courses
}

/// One row against its events.
fn hold(audit: &mut Audit<'_>, row: &PolicyRow, course: &Course, certain: bool) {
    let id = &row.id;
    let mut problem = |index: u64, what: &str| audit.problem(Kind::Part, "policies", Some(index), format!("{what} of {id}"));
    let (first, ended) = (&course.first, course.ended.as_ref());
    if policies::id_of(&row.nonce, row.base, row.origin, &row.rules).ok().as_ref() != Some(id) {
        problem(first.index, "these are not the rules");
    }
    if (row.proposed_by.as_str(), row.proposed_at) != (first.by.as_str(), first.at) {
        problem(first.index, "another person or time stands in the row");
    }
    let last = ended.unwrap_or(first);
    if certain {
        let stated = (row.state.as_str(), row.version, row.ended_by.as_deref(), row.ended_at);
        let said = (last.state.as_str(), course.version, ended.map(|t| t.by.as_str()), ended.map(|t| t.at));
        if stated != said {
            problem(last.index, "state, version or second person in the row are not those");
        }
    }
    if row.ending_sealed.is_some() != (row.state == ProposalState::Rejected.as_str()) {
        problem(last.index, "a reason is missing or too many in the row");
    }
    let envelope = &audit.keys.envelope;
    let mut closed = envelope.open(&policies::reason_context(id), &row.reason_sealed).is_err();
    if let Some(sealed) = &row.ending_sealed {
        closed |= envelope.open(&policies::ending_context(id), sealed).is_err();
    }
    if closed {
        audit.problem(Kind::Part, "policies", Some(last.index), format!("a reason of {id} does not open"));
    }
}
