//! Limits on guessing, in this process's memory: how often an address, a device or a name that does not exist may fail.
//! What an account itself remembers of failures is in its row (`app::sessions`).

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};

use crate::clock::Instant;

/// Failures are forgotten after this time.
pub const WINDOW: Duration = Duration::from_secs(15 * 60);
/// Failed sign-ins from one address in a window. A company behind one address must not be locked out by one colleague.
pub const FAILURES_PER_ADDRESS: u32 = 30;
/// Failed sign-ins with one device that the account knows.
pub const FAILURES_PER_DEVICE: u32 = 10;
/// Refused posts without a session from one address in a window; beyond, one event says that the rest of the window is only counted
/// ([`Throttle::share`]), and they are answered 429: a stranger cannot fill the log. What somebody signed in is refused is always recorded.
pub const STRANGER_POSTS: u32 = 120;
/// Looks at what is not there, or not for them, that leave an event of their own in a window, of one person or token known to us; beyond, one
/// event says that the rest of the window is only counted. They are answered as ever.
pub const MISSED_LOOKS: u32 = 60;
/// Names and addresses remembered at most; an attacker who fills this loses only his own oldest entries' count.
const CAPACITY: usize = 50_000;

#[derive(Clone, Copy)]
struct Entry {
    since: Instant,
    last: Instant,
    count: u32,
    /// What went by beyond a share without an event, until one has told of it.
    unrecorded: u32,
}

impl Entry {
    fn new(now: Instant) -> Self {
        Self { since: now, last: now, count: 0, unrecorded: 0 }
    }
}

/// What is to be recorded of something that leaves an event only so often in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// Its event; in earlier windows so many left none.
    Own { unrecorded: u32 },
    /// One event for it and for all that follow until this instant.
    First { until: Instant },
    /// Nothing: it is counted until this instant.
    Counted { until: Instant },
}

impl Share {
    /// Adds to an event's detail what was not recorded before it, or will not be after it.
    pub fn told(self, mut detail: Value) -> Value {
        match self {
            Self::Own { unrecorded: 0 } | Self::Counted { .. } => {}
            Self::Own { unrecorded } => detail["unrecorded"] = json!(unrecorded),
            Self::First { until } => detail["only_counted_until"] = json!(until.to_rfc3339()),
        }
        detail
    }
}

/// Counts of recent failures by key.
#[derive(Default)]
pub struct Throttle(Mutex<HashMap<String, Entry>>);

impl Throttle {
    /// Failures of `key` in its window, and when the last was.
    pub fn failures(&self, key: &str, now: Instant) -> (u32, Option<Instant>) {
        let map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match map.get(key) {
            Some(e) if now < e.since.plus(WINDOW) => (e.count, Some(e.last)),
            _ => (0, None),
        }
    }

    /// Seconds to wait if `key` has failed `limit` times in its window.
    pub fn wait(&self, key: &str, limit: u32, now: Instant) -> Option<u64> {
        let map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = map.get(key)?;
        let end = entry.since.plus(WINDOW);
        (entry.count >= limit && now < end).then(|| end.since(now).as_secs().max(1))
    }

    /// Counts one failure; returns how many there are now.
    pub fn count(&self, key: &str, now: Instant) -> u32 {
        self.counted(key, now, |entry| entry.count)
    }

    /// Counts something of which `limit` a window leave an event of their own.
    pub fn share(&self, key: &str, limit: u32, now: Instant) -> Share {
        self.counted(key, now, |entry| {
            let until = entry.since.plus(WINDOW);
            if entry.count <= limit {
                Share::Own { unrecorded: std::mem::take(&mut entry.unrecorded) }
            } else if entry.count == limit + 1 {
                Share::First { until }
            } else {
                entry.unrecorded = entry.unrecorded.saturating_add(1);
                Share::Counted { until }
            }
        })
    }

    fn counted<T>(&self, key: &str, now: Instant, then: impl FnOnce(&mut Entry) -> T) -> T {
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if map.len() >= CAPACITY && !map.contains_key(key) {
            map.retain(|_, e| now < e.since.plus(WINDOW));
            if map.len() >= CAPACITY
                && let Some(oldest) = map.iter().min_by_key(|(_, e)| e.last).map(|(k, _)| k.clone())
            {
                map.remove(&oldest);
            }
        }
        let entry = map.entry(key.to_owned()).or_insert_with(|| Entry::new(now));
        if now >= entry.since.plus(WINDOW) {
            *entry = Entry { unrecorded: entry.unrecorded, ..Entry::new(now) };
        }
        entry.count = entry.count.saturating_add(1);
        entry.last = now;
        then(entry)
    }

    /// Forgets a key after a success.
    pub fn forget(&self, key: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

/// The key of an address: an IPv6 host owns its /64, so that is what counts.
pub fn address_key(address: &str) -> String {
    match address.parse::<IpAddr>() {
        Ok(IpAddr::V6(v6)) => {
            let s = v6.segments();
            format!("address/{:x}:{:x}:{:x}:{:x}", s[0], s[1], s[2], s[3])
        }
        _ => format!("address/{address}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_add_up_within_a_window_and_are_forgotten_after_it() {
        let t = Throttle::default();
        let start = Instant::from_unix_seconds(1_000);
        for n in 1..=3 {
            assert_eq!(t.count("a", start), n);
        }
        assert_eq!(t.wait("a", 3, start.plus(Duration::from_secs(60))), Some(840));
        assert_eq!(t.wait("a", 4, start), None);
        assert_eq!(t.wait("b", 1, start), None);
        assert_eq!(t.wait("a", 3, start.plus(WINDOW)), None);
        assert_eq!(t.count("a", start.plus(WINDOW)), 1);
        t.forget("a");
        assert_eq!(t.failures("a", start.plus(WINDOW)), (0, None));
    }

    #[test]
    fn beyond_a_share_one_event_tells_and_the_next_window_says_how_many_there_were() {
        let t = Throttle::default();
        let start = Instant::from_unix_seconds(1_000);
        let until = start.plus(WINDOW);
        let shares: Vec<_> = (0..5).map(|_| t.share("a", 2, start)).collect();
        let own = Share::Own { unrecorded: 0 };
        assert_eq!(shares, [own, own, Share::First { until }, Share::Counted { until }, Share::Counted { until }]);
        assert_eq!(t.share("a", 2, until), Share::Own { unrecorded: 2 });
        assert_eq!(t.share("a", 2, until), own, "told once");
    }

    #[test]
    fn an_ipv6_host_is_its_network() {
        assert_eq!(address_key("2001:db8::1"), address_key("2001:db8::ffff:1"));
        assert_ne!(address_key("2001:db8::1"), address_key("2001:db8:0:1::1"));
        assert_ne!(address_key("10.0.0.1"), address_key("10.0.0.2"));
    }
}
