//! How our clock has stood to each other one since this process began: for the page of the installation's state.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use crate::{
    app::{App, AppResult, witness},
    clock::Instant,
    store::{connections, witnesses},
};

/// Measurements of one clock that count.
const LAST: usize = 60;

/// The last measurements of each clock: when, and how far ours was before it (positive) or behind, in microseconds.
#[derive(Default)]
pub struct Measured(Mutex<BTreeMap<String, VecDeque<(Instant, i64)>>>);

/// How our clock stands to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Against {
    /// `authority`, `witness`, `platform` or `server`.
    pub kind: String,
    /// Which one: the authority's name, the hash of the witness's key, the connection's id; empty for the time server.
    pub id: String,
    /// The same as people know it.
    pub name: String,
    /// Of the last measurements, the middle one and the one that is farthest off, in milliseconds.
    pub median_ms: i64,
    pub worst_ms: i64,
    /// How many these are, and when the last was.
    pub count: u64,
    pub at: Instant,
}

impl Measured {
    pub(super) fn note(&self, source: &str, at: Instant, offset: i64) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of = all.entry(source.to_owned()).or_default();
        of.push_back((at, offset));
        if of.len() > LAST {
            of.pop_front();
        }
    }

    fn all(&self) -> Vec<Against> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter_map(|(source, of)| against(source, of)).collect()
    }
}

fn against(source: &str, of: &VecDeque<(Instant, i64)>) -> Option<Against> {
    let mut offsets: Vec<i64> = of.iter().map(|(_, offset)| *offset).collect();
    offsets.sort_unstable();
    let (kind, id) = source.split_once(':').unwrap_or((source, ""));
    Some(Against {
        kind: kind.to_owned(),
        id: id.to_owned(),
        name: id.to_owned(),
        median_ms: offsets.get(offsets.len() / 2)? / 1000,
        worst_ms: offsets.iter().max_by_key(|offset| offset.abs())? / 1000,
        count: u64::try_from(of.len()).unwrap_or(0),
        at: of.back()?.0,
    })
}

/// How our clock stands to each that was asked or heard since this process began; names as people know them.
///
/// # Errors
/// Those of the store.
pub async fn standing(app: &App) -> AppResult<Vec<Against>> {
    let mut all = app.clocks.measured.all();
    if all.is_empty() {
        return Ok(all);
    }
    let (platforms, known) = app.store.read(|conn| Ok((connections::list(conn)?, witnesses::list(conn)?))).await?;
    for against in &mut all {
        let name = match against.kind.as_str() {
            "platform" => platforms.iter().find(|row| row.id == against.id).map(|row| row.name.clone()),
            "witness" => known.iter().find(|row| witness::key_hash(row.key()) == against.id).map(|row| row.name.clone()),
            _ => None,
        };
        against.name = name.unwrap_or_else(|| against.id.clone());
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_the_worst_of_the_last_measurements_are_shown() {
        let measured = Measured::default();
        assert_eq!(measured.all(), []);
        measured.note("server", Instant(1), 9_000_000);
        for (n, offset) in (2..).zip([-4_000_000, 2000, 0].into_iter().chain(std::iter::repeat_n(1000, LAST - 3))) {
            measured.note("server", Instant(n), offset);
        }
        let of = measured.all().remove(0);
        let last = i64::try_from(LAST).unwrap() + 1;
        assert_eq!((of.median_ms, of.worst_ms, of.count, of.at.0), (1, -4000, LAST as u64, last), "the first has gone");
        measured.note("platform:abc", Instant(1), 0);
        assert_eq!((measured.all()[0].kind.as_str(), measured.all()[0].name.as_str()), ("platform", "abc"));
    }
}
