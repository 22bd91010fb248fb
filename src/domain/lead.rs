//! How long a step takes: median and 90th percentile, each also as a share of the window that it has. Not here: which steps there are.

use std::time::Duration;

/// What is said of one step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lead {
    /// Cases it is made from; without any, everything is nothing.
    pub cases: usize,
    pub p50: Duration,
    pub p90: Duration,
    /// Thousandths of the window.
    pub share50: u64,
    pub share90: u64,
}

/// From how long each case took and how long its window was, in microseconds. A percentile is what a case did take (nearest rank).
pub fn of(taken: impl Iterator<Item = (i64, i64)>) -> Lead {
    let micros = |n: i64| u64::try_from(n).unwrap_or_default();
    let (mut times, mut shares) = (Vec::new(), Vec::new());
    for (time, window) in taken {
        times.push(micros(time));
        shares.push(micros(time).saturating_mul(1000) / micros(window).max(1));
    }
    times.sort_unstable();
    shares.sort_unstable();
    let rank = |of: &[u64], percent: usize| of.get((of.len() * percent).div_ceil(100).saturating_sub(1)).copied().unwrap_or_default();
    Lead {
        cases: times.len(),
        p50: Duration::from_micros(rank(&times, 50)),
        p90: Duration::from_micros(rank(&times, 90)),
        share50: rank(&shares, 50),
        share90: rank(&shares, 90),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_what_a_case_did_take() {
        assert_eq!(of(std::iter::empty()), Lead::default());
        let one = of(std::iter::once((60_000_000, 600_000_000)));
        assert_eq!((one.cases, one.p50, one.p90, one.share50), (1, Duration::from_secs(60), Duration::from_secs(60), 100));
        let ten = of((1..=10).map(|n| (n * 1_000_000, 100_000_000)));
        assert_eq!((ten.p50, ten.p90, ten.share90), (Duration::from_secs(5), Duration::from_secs(9), 90));
        // The share is ranked by itself: the slowest case may have had the longest window.
        let mixed = of([(10, 1000), (20, 10_000), (5, 10)].into_iter());
        assert_eq!((mixed.p90, mixed.share90), (Duration::from_micros(20), 500));
    }
}
