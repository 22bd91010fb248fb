//! Rules about accounts: what a username and a password must be, how long a session lasts, how failures lock.
//! Who may hold which roles is in `role`.

use std::time::Duration;

use crate::{clock::Instant, words};

words! {
    /// Where an account stands.
    pub enum UserState {
        Invited = "invited",
        Active = "active",
        Suspended = "suspended",
    }
}

words! {
    /// How far a sign-in has come.
    pub enum SessionState {
        /// The password was right; the code is still missing.
        SecondFactor = "second_factor",
        /// The password was right; no second factor has been enrolled yet.
        Enrolment = "enrolment",
        Open = "open",
        Closed = "closed",
    }
}

words! {
    /// What a person proved beside their password, or in its place.
    pub enum Method {
        Totp = "totp",
        Passkey = "passkey",
        RecoveryCode = "recovery_code",
    }
}

/// Time without a request after which a session ends.
pub const IDLE: Duration = Duration::from_secs(30 * 60);
/// Time after which a session ends in any case.
pub const ABSOLUTE: Duration = Duration::from_secs(12 * 3600);
/// Time between password and code.
pub const PENDING: Duration = Duration::from_secs(10 * 60);
/// How long an invitation or a set-up link can be used.
pub const INVITATION: Duration = Duration::from_secs(72 * 3600);
/// The longest lock that failures can cause.
pub const LONGEST_LOCK: Duration = Duration::from_secs(15 * 60);
/// Failures in a row that cost nothing.
pub const FREE_FAILURES: i64 = 4;

/// How long an account is locked after its `failures`th failure in a row: nothing up to the fourth, then 30 seconds, doubling up to
/// 15 minutes. It never grows beyond that, so that nobody can lock another person out for long.
pub fn lock_after(failures: i64) -> Option<Duration> {
    let beyond = u64::try_from(failures.saturating_sub(FREE_FAILURES + 1)).ok()?;
    Some(Duration::from_secs(30 << beyond.min(10)).min(LONGEST_LOCK))
}

/// Seconds until `until`, at least one, if that lies ahead.
pub fn seconds_left(until: Option<i64>, now: Instant) -> Option<u64> {
    let left = Instant(until?).since(now);
    (!left.is_zero()).then(|| left.as_secs().max(1))
}

/// Whether a session is still alive at `now`, by its last request and its absolute end.
pub fn alive(seen_at: i64, expires_at: i64, now: Instant) -> bool {
    now < Instant(expires_at) && now < Instant(seen_at).plus(IDLE)
}

/// Why a username or a password will not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error("required")]
    Required,
    #[error("at least {min} characters")]
    TooShort { min: usize },
    #[error("at most {max} characters")]
    TooLong { max: usize },
    /// A username holds lower-case letters, digits, `.`, `_`, `-` and `@`, and begins with a letter or digit.
    #[error("has other characters than a username may have")]
    Characters,
    #[error("contains the username")]
    ContainsName,
    #[error("is too easy to guess")]
    Guessable,
}

/// Reads a username: trimmed and in lower case, 2 to 64 characters.
pub fn username(text: &str) -> Result<String, Unfit> {
    let name = text.trim().to_ascii_lowercase();
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-' | '@');
    match name.chars().count() {
        0 => Err(Unfit::Required),
        1 => Err(Unfit::TooShort { min: 2 }),
        65.. => Err(Unfit::TooLong { max: 64 }),
        _ if !name.chars().all(fits) || !name.starts_with(|c: char| c.is_ascii_alphanumeric()) => Err(Unfit::Characters),
        _ => Ok(name),
    }
}

/// Checks a new password: 12 to 200 characters, any of them, without the username in it and not one thing repeated (NIST SP 800-63B,
/// 5.1.1.2: length, no composition rules).
pub fn password(text: &str, username: &str) -> Result<(), Unfit> {
    let n = text.chars().count();
    match n {
        0 => return Err(Unfit::Required),
        1..12 => return Err(Unfit::TooShort { min: 12 }),
        201.. => return Err(Unfit::TooLong { max: 200 }),
        _ => {}
    }
    let low = text.to_lowercase();
    if username.len() >= 3 && low.contains(username) {
        return Err(Unfit::ContainsName);
    }
    let distinct: std::collections::BTreeSet<char> = low.chars().collect();
    let guessable = ["password1234", "123456789012", "1234567890123", "qwertyuiop12", "qwertyuiopasdf", "passwordpassword"];
    if distinct.len() < 5 || guessable.contains(&low.as_str()) {
        return Err(Unfit::Guessable);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_failures_are_free_and_no_lock_outlasts_a_quarter_of_an_hour() {
        assert_eq!(lock_after(0), None);
        assert_eq!(lock_after(4), None);
        assert_eq!(lock_after(5), Some(Duration::from_secs(30)));
        assert_eq!(lock_after(6), Some(Duration::from_secs(60)));
        assert_eq!(lock_after(9), Some(Duration::from_secs(480)));
        assert_eq!(lock_after(10), Some(LONGEST_LOCK));
        assert_eq!(lock_after(i64::MAX), Some(LONGEST_LOCK));
        assert_eq!(lock_after(i64::MIN), None);
    }

    #[test]
    fn usernames_are_folded_and_hostile_ones_refused() {
        assert_eq!(username(" Chen.SiYuan@x "), Ok("chen.siyuan@x".to_owned()));
        assert_eq!(username(""), Err(Unfit::Required));
        assert_eq!(username("a"), Err(Unfit::TooShort { min: 2 }));
        assert_eq!(username(&"a".repeat(65)), Err(Unfit::TooLong { max: 64 }));
        for hostile in ["a b", "<script>", "-rf", "=cmd()", "a\0b", "陈思远", "a\u{202e}b", "a/b"] {
            assert_eq!(username(hostile), Err(Unfit::Characters), "{hostile:?}");
        }
    }

    #[test]
    fn passwords_are_judged_by_length_and_by_the_obvious() {
        assert_eq!(password("", "wang"), Err(Unfit::Required));
        assert_eq!(password("short", "wang"), Err(Unfit::TooShort { min: 12 }));
        assert_eq!(password(&"长".repeat(201), "wang"), Err(Unfit::TooLong { max: 200 }));
        assert_eq!(password("Wang-loves-tea-2026", "wang"), Err(Unfit::ContainsName));
        assert_eq!(password("aaaaaaaaaaaa", "wang"), Err(Unfit::Guessable));
        assert_eq!(password("PASSWORD1234", "wang"), Err(Unfit::Guessable));
        assert_eq!(password("松下问童子言师采药去只在", "wang"), Ok(()));
    }

    #[test]
    fn a_session_ends_by_idleness_and_by_age() {
        let start = Instant::from_unix_seconds(1_000_000);
        let end = start.plus(ABSOLUTE);
        assert!(alive(start.0, end.0, start.plus(Duration::from_secs(29 * 60))));
        assert!(!alive(start.0, end.0, start.plus(IDLE)));
        assert!(!alive(end.0, end.0, end));
    }
}
