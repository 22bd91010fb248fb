//! The words that the viewer searches by, held against what leaves and parts give.
//!
//! They lie by word and not by event, so both sides are added up for each event by a hash that nobody can know beforehand: what is missing,
//! changed or too many leaves a difference. Events beyond the last that has words have none yet and are not missed.

use std::hash::{BuildHasher, RandomState};

use super::{Audit, Kind, check::NAMED, source::Source};
use crate::store::StoreError;

const TABLE: &str = "log_words";

/// The sum over some words of the event at `idx`.
pub(super) fn sum<'w>(hasher: &RandomState, idx: i64, words: impl Iterator<Item = &'w str>) -> u64 {
    words.fold(0, |sum, word| sum.wrapping_add(hasher.hash_one((idx, word))))
}

/// What is expected of each event, less what is found.
#[derive(Default)]
pub(super) struct Sums {
    hasher: RandomState,
    of: Vec<u64>,
}

impl Sums {
    pub(super) fn hasher(&self) -> RandomState {
        self.hasher.clone()
    }

    pub(super) fn expect(&mut self, words: Vec<(i64, u64)>) {
        for (idx, sum) in words {
            let Ok(at) = usize::try_from(idx) else { continue };
            if at >= self.of.len() {
                self.of.resize(at + 1, 0);
            }
            self.of[at] = self.of[at].wrapping_add(sum);
        }
    }

    /// Holds them against the words that there are.
    pub(super) fn settle(mut self, source: &mut Source<'_>, audit: &mut Audit<'_>) -> Result<(), StoreError> {
        let mut strays = Vec::new();
        let (mut rows, mut last) = (0, None);
        source.worded(|idx| {
            rows += 1;
            match usize::try_from(idx) {
                Ok(at) if at < self.of.len() => last = Some(at),
                _ => strays.push(idx),
            }
        })?;
        let read = source.words(|idx, word| {
            let found = sum(&self.hasher, idx, std::iter::once(word));
            match usize::try_from(idx).ok().and_then(|at| self.of.get_mut(at)) {
                Some(rest) => *rest = rest.wrapping_sub(found),
                None => strays.push(idx),
            }
        });
        match (read, &*source) {
            // Beneath the index lie tables that somebody can write to.
            (Err(e), Source::Sqlite(_)) => {
                audit.problem(Kind::Projection, TABLE, None, format!("the index cannot be read: {e}"));
                return Ok(());
            }
            (other, _) => other?,
        }
        strays.sort_unstable();
        strays.dedup();
        for idx in strays.into_iter().take(NAMED as usize) {
            audit.problem(Kind::Projection, TABLE, u64::try_from(idx).ok(), "words of no event");
        }
        let worded = last.map_or(0, |last| last + 1);
        if rows < worded {
            audit.problem(Kind::Projection, TABLE, None, format!("{} of {worded} events have no row", worded - rows));
        }
        for (at, rest) in self.of.iter().enumerate() {
            if at < worded && *rest != 0 {
                audit.problem(Kind::Projection, TABLE, Some(at as u64), "the words are not what leaf and parts give");
            }
        }
        Ok(())
    }
}
