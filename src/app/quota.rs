//! How many requests each token may make in a minute, in this process's memory (with several nodes each counts for itself). Not here: limits
//! on guessing (`throttle`).

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::clock::Instant;

/// A minute: the window that is counted in.
pub const WINDOW: Duration = Duration::from_secs(60);
/// Tokens remembered at most; beyond, those go whose window is over.
const CAPACITY: usize = 10_000;

/// What a token has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    pub limit: u32,
    pub requests: u32,
    /// Seconds until all are there again.
    pub reset: u64,
    /// Whether this very request is one too many.
    pub over: bool,
    /// Whether it is the first that is, in its window: that one leaves an event, the others are only answered.
    pub first: bool,
}

/// Counts by token.
#[derive(Default)]
pub struct Quota(Mutex<HashMap<String, (Instant, u32)>>);

impl Quota {
    /// Counts one request of `token`; nothing without a limit.
    pub fn take(&self, token: &str, limit: u32, now: Instant) -> Option<Left> {
        if limit == 0 {
            return None;
        }
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= CAPACITY {
            all.retain(|_, (since, _)| now < since.plus(WINDOW));
        }
        let entry = all.entry(token.to_owned()).or_insert((now, 0));
        if now >= entry.0.plus(WINDOW) {
            *entry = (now, 0);
        }
        entry.1 = entry.1.saturating_add(1);
        Some(Left {
            limit,
            requests: limit.saturating_sub(entry.1),
            reset: entry.0.plus(WINDOW).since(now).as_secs().max(1),
            over: entry.1 > limit,
            first: entry.1 == limit.saturating_add(1),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_token_has_its_own_minute() {
        let (quota, start) = (Quota::default(), Instant::from_unix_seconds(1_000));
        let over = |token: &str, now| quota.take(token, 2, now).map(|left| (left.requests, left.over, left.first));
        let later = start.plus(Duration::from_secs(20));
        let seen = [over("a", start), over("a", start), over("a", later), over("a", later), over("b", later)];
        assert_eq!(seen, [(1, false, false), (0, false, false), (0, true, true), (0, true, false), (1, false, false)].map(Some));
        assert_eq!(quota.take("a", 2, later).map(|left| left.reset), Some(40));
        assert_eq!(over("a", start.plus(WINDOW)), Some((1, false, false)), "then all are there again");
        assert_eq!(quota.take("a", 0, start), None, "no limit");
    }
}
