//! Recall first, ratify after, in a bundle: who ordered it, which levels it skipped, and who said their word afterwards. Not here: decisions
//! and their statements (`case`).

use std::collections::{BTreeMap, BTreeSet};

use super::Problem;
use crate::evidence::{report::Report, tables::Event};

/// What stands in for levels that did not approve.
pub(super) struct First<'e> {
    order: &'e Event,
    given: Vec<&'e Event>,
}

impl<'e> First<'e> {
    /// From the events of a case; `None` where it was not recalled first.
    pub(super) fn of(events: &'e [Event]) -> Option<Self> {
        let done = |action: &'static str| events.iter().filter(move |e| e.leaf.action == action && e.leaf.outcome == "success");
        let order = done("recall.ordered").next()?;
        Some(Self { order, given: done("ratification.decided").collect() })
    }

    /// The levels that it skipped; `None` where that is withheld.
    pub(super) fn skipped(&self) -> Option<BTreeSet<u64>> {
        let levels = self.order.parts.get("detail")?.get("levels")?.as_array()?;
        Some(levels.iter().filter_map(serde_json::Value::as_u64).collect())
    }

    /// What must not be: the order or a word of it by the requester, a word by the officer, one person at two levels. `deciders` are those
    /// who decided a level before, and at which.
    pub(super) fn problems(&self, report: &Report, deciders: &BTreeMap<String, u64>) -> Vec<Problem> {
        let officer = &self.order.leaf.actor.id;
        let mut problems = Vec::new();
        if *officer == report.case.requester || deciders.contains_key(officer) {
            problems.push(Problem::new("an officer who neither asked nor decided", officer));
        }
        let mut seen = deciders.clone();
        for word in &self.given {
            let (who, level) = (&word.leaf.actor.id, word.parts.get("detail").and_then(|d| d["level"].as_u64()));
            if who == officer || *who == report.case.requester {
                problems.push(Problem::new("ratified by neither officer nor requester", who));
            }
            if let Some(level) = level
                && seen.insert(who.clone(), level).is_some_and(|before| before != level)
            {
                problems.push(Problem::new("one level a person", who));
            }
        }
        problems
    }
}
