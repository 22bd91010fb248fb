//! Limits on guessing, in this process's memory: how often an address, a device or a name that does not exist may fail.
//! What an account itself remembers of failures is in its row (`app::sessions`).

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::clock::Instant;

/// Failures are forgotten after this time.
pub const WINDOW: Duration = Duration::from_secs(15 * 60);
/// Failed sign-ins from one address in a window. A company behind one address must not be locked out by one colleague.
pub const FAILURES_PER_ADDRESS: u32 = 30;
/// Failed sign-ins with one device that the account knows.
pub const FAILURES_PER_DEVICE: u32 = 10;
/// Refused posts without a session from one address in a window; beyond, they are answered 429 and not recorded, so that a stranger cannot
/// fill the log. What somebody signed in is refused is always recorded.
pub const STRANGER_POSTS: u32 = 120;
/// Names and addresses remembered at most; an attacker who fills this loses only his own oldest entries' count.
const CAPACITY: usize = 50_000;

#[derive(Clone, Copy)]
struct Entry {
    since: Instant,
    last: Instant,
    count: u32,
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
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if map.len() >= CAPACITY && !map.contains_key(key) {
            map.retain(|_, e| now < e.since.plus(WINDOW));
            if map.len() >= CAPACITY
                && let Some(oldest) = map.iter().min_by_key(|(_, e)| e.last).map(|(k, _)| k.clone())
            {
                map.remove(&oldest);
            }
        }
        let entry = map.entry(key.to_owned()).or_insert(Entry { since: now, last: now, count: 0 });
        if now >= entry.since.plus(WINDOW) {
            *entry = Entry { since: now, last: now, count: 0 };
        }
        entry.count = entry.count.saturating_add(1);
        entry.last = now;
        entry.count
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
    fn an_ipv6_host_is_its_network() {
        assert_eq!(address_key("2001:db8::1"), address_key("2001:db8::ffff:1"));
        assert_ne!(address_key("2001:db8::1"), address_key("2001:db8:0:1::1"));
        assert_ne!(address_key("10.0.0.1"), address_key("10.0.0.2"));
    }
}
