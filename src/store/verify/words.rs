//! The words that the viewer searches by, held against what leaves and parts give.
//!
//! They lie by word and not by event, so both sides are added up for each event by a hash that nobody can know beforehand: what is missing,
//! changed or too many leaves a difference. Events beyond the last that has words have none yet and are not missed.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher, RandomState},
};

use super::{Audit, Kind, check::NAMED, source::Source};
use crate::store::StoreError;

const TABLE: &str = "log_words";
/// How far beyond the number of events read so far an index may lie before its place is taken for a lie.
const SLACK: usize = 65_536;

/// The sum over some words of the event at `idx`.
pub(super) fn sum<'w>(hasher: &RandomState, idx: i64, words: impl Iterator<Item = &'w str>) -> u64 {
    words.fold(0, |sum, word| sum.wrapping_add(hasher.hash_one((idx, word))))
}

/// What is expected of each event, less what is found.
#[derive(Default)]
pub(super) struct Sums {
    hasher: RandomState,
    /// Events read.
    read: usize,
    of: Vec<u64>,
    /// Those of rows whose index no log of that many events has: an index is what somebody wrote, and memory does not follow it.
    beyond: BTreeMap<usize, u64>,
}

impl Sums {
    pub(super) fn hasher(&self) -> RandomState {
        self.hasher.clone()
    }

    pub(super) fn expect(&mut self, words: Vec<(i64, u64)>) {
        for (idx, sum) in words {
            let Ok(at) = usize::try_from(idx) else { continue };
            self.read += 1;
            if at >= self.of.len() && at < self.read + SLACK {
                self.of.resize(at + 1, 0);
            }
            let rest = match self.of.get_mut(at) {
                Some(rest) => rest,
                None => self.beyond.entry(at).or_default(),
            };
            *rest = rest.wrapping_add(sum);
        }
    }

    /// What is left of the event at `idx`; `None` if there is none.
    fn rest(&mut self, idx: i64) -> Option<(usize, &mut u64)> {
        let at = usize::try_from(idx).ok()?;
        let rest = match self.of.get_mut(at) {
            Some(rest) => rest,
            None => self.beyond.get_mut(&at)?,
        };
        Some((at, rest))
    }

    /// Holds them against the words that there are.
    pub(super) fn settle(mut self, source: &mut Source<'_>, audit: &mut Audit<'_>) -> Result<(), StoreError> {
        let mut strays = Vec::new();
        let (mut rows, mut last) = (0, None);
        source.worded(|idx| {
            rows += 1;
            match self.rest(idx) {
                Some((at, _)) => last = Some(at),
                None => strays.push(idx),
            }
        })?;
        let read = source.words(|idx, word| {
            let found = sum(&self.hasher, idx, std::iter::once(word));
            match self.rest(idx) {
                Some((_, rest)) => *rest = rest.wrapping_sub(found),
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
        let due = self.of.len().min(worded) + self.beyond.range(..worded).count();
        if rows < due {
            audit.problem(Kind::Projection, TABLE, None, format!("{} of {due} events have no row", due - rows));
        }
        for (at, rest) in self.of.into_iter().enumerate().chain(self.beyond) {
            if at < worded && rest != 0 {
                audit.problem(Kind::Projection, TABLE, Some(at as u64), "the words are not what leaf and parts give");
            }
        }
        Ok(())
    }
}
