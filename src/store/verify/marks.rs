//! Checkpoints held against the tree that the events give.

use super::{Audit, Kind, Mark, Walked};

/// Compares each mark with the root at its size.
pub(super) fn settle(audit: &mut Audit<'_>, marks: &[Mark], walked: &Walked) {
    for Mark { table, kind, checkpoint } in marks {
        let index = Some(checkpoint.size);
        match walked.roots.get(&checkpoint.size) {
            Some(root) if *root == checkpoint.root => {}
            Some(_) => audit.problem(*kind, table, index, format!("the first {} events are not those that were signed", checkpoint.size)),
            None => {
                audit.problem(Kind::Fork, table, index, format!("{} events were signed, the log holds {}", checkpoint.size, walked.frontier.size()))
            }
        }
    }
}
