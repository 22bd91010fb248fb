//! That a run of leaves lies in the log side by side, at the places it says, with none left out and none put in.
//!
//! The proof holds the frontier before the run and a consistency proof (RFC 9162 §2.1.4) from its end to the checkpoint. Whoever checks it
//! appends the run's leaf hashes to the frontier: the root that this gives must be one that the checkpoint extends. A frontier that is
//! not the log's leads to another root.

use super::tree::{Frontier, Hash, HashReader, Prover, TreeError, verify_consistency};

/// Where a run lies, and what leads from it to the checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeProof {
    /// Index of the first leaf.
    pub first: u64,
    /// Index after the last leaf.
    pub end: u64,
    /// Of the checkpoint.
    pub size: u64,
    /// Roots of the complete subtrees before the run, largest first.
    pub before: Vec<Hash>,
    /// From `end` to `size`.
    pub consistency: Vec<Hash>,
}

impl RangeProof {
    /// Proves `first..end` in the log of `size`.
    ///
    /// # Errors
    /// [`TreeError::OutOfRange`] if the run is not within the log; what the reader says.
    pub fn prove<R: HashReader>(reader: &R, first: u64, end: u64, size: u64) -> Result<Self, TreeError<R::Error>> {
        if first > end {
            return Err(TreeError::OutOfRange { asked: first, size: end });
        }
        let consistency = Prover::new(reader, size).consistency(end)?;
        Ok(Self { first, end, size, before: Frontier::read(reader, first)?.peaks().to_vec(), consistency })
    }

    /// Where the leaf hashes of the run are appended, in order; `None` if the frontier does not fit its size.
    pub fn start(&self) -> Option<Frontier> {
        Frontier::of(self.first, self.before.clone())
    }

    /// Whether `run`, begun by [`RangeProof::start`] and grown by every leaf of the run, lies in the log with `root`.
    #[must_use]
    pub fn holds(&self, run: &Frontier, root: &Hash) -> bool {
        run.size() == self.end && verify_consistency(self.end, &run.root(), self.size, root, &self.consistency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::tree::{Memory, leaf_hash, root};

    fn log(size: u64) -> (Memory, Vec<Hash>) {
        let leaves: Vec<Hash> = (0..size).map(|n| leaf_hash(&n.to_be_bytes())).collect();
        let mut log = Memory::default();
        leaves.iter().for_each(|hash| log.push(*hash));
        (log, leaves)
    }

    fn judge(proof: &RangeProof, leaves: &[Hash], root: &Hash) -> bool {
        let Some(mut run) = proof.start() else { return false };
        run.extend(leaves.iter().copied());
        proof.holds(&run, root)
    }

    #[test]
    fn every_run_of_a_small_log_is_proven_and_no_other_leaves_are() {
        for size in [1, 2, 5, 8, 13, 300] {
            let (log, leaves) = log(size);
            let head = root(&log, size).unwrap();
            let step = if size > 20 { 37 } else { 1 };
            for first in (0..size).step_by(step) {
                for end in (first + 1..=size).step_by(step) {
                    let proof = RangeProof::prove(&log, first, end, size).unwrap();
                    let run = leaves[first as usize..end as usize].to_vec();
                    assert!(judge(&proof, &run, &head), "{first}..{end} of {size}");
                    let mut swapped = run.clone();
                    swapped[0] = leaf_hash(b"another");
                    assert!(!judge(&proof, &swapped, &head), "{first}..{end} of {size}: a leaf exchanged");
                    assert!(!judge(&proof, &run[1..], &head), "{first}..{end} of {size}: the first left out");
                    let moved = RangeProof { first: first + 1, end: end + 1, ..proof };
                    assert!(!judge(&moved, &run, &head), "{first}..{end} of {size}: said to lie elsewhere");
                }
            }
        }
    }

    #[test]
    fn a_run_outside_the_log_has_no_proof() {
        let (log, _) = log(4);
        assert!(RangeProof::prove(&log, 3, 2, 4).is_err());
        assert!(RangeProof::prove(&log, 0, 5, 4).is_err());
    }
}
