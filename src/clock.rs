//! Time: instants as microseconds since 1970 UTC, and the clock that the application is handed.
//! Nothing else in the product asks the operating system what time it is.

use std::{fmt, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
pub struct Instant(pub i64);

impl Instant {
    /// `2026-11-22T09:42:08.123456Z`: UTC, exactly six digits (formats.md, "Leaf").
    pub fn to_rfc3339(self) -> String {
        let (ts, micros) = (self.timestamp(), self.0.rem_euclid(1_000_000));
        let at = jiff::tz::Offset::UTC.to_datetime(ts);
        if at.year() < 0 {
            return ts.strftime("%Y-%m-%dT%H:%M:%S.").to_string() + &format!("{micros:06}Z");
        }
        // Every event is stamped several times: reading a pattern each time would show.
        let (year, month, day, hour, minute, second) = (at.year(), at.month(), at.day(), at.hour(), at.minute(), at.second());
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
    }

    /// Reads RFC 3339 with any offset and up to nine fractional digits; digits past the sixth are cut.
    pub fn parse(text: &str) -> Option<Self> {
        let ts: jiff::Timestamp = text.parse().ok()?;
        Some(Self(ts.as_microsecond()))
    }

    /// Whole seconds since 1970, rounded down.
    pub fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    pub fn from_unix_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// The same instant for jiff; saturates at the ends of its range (years -9999 to 9999).
    pub fn timestamp(self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.0).unwrap_or(if self.0 < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX })
    }

    pub fn plus(self, d: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(d.as_micros()).unwrap_or(i64::MAX)))
    }

    pub fn minus(self, d: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(d.as_micros()).unwrap_or(i64::MAX)))
    }

    /// Time from `earlier` to `self`; zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_rfc3339())
    }
}

/// Where the product gets its time from. Tests hand in a [`ManualClock`].
pub trait Clock: Send + Sync + 'static {
    fn now(&self) -> Instant;
}

/// The operating system's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant(jiff::Timestamp::now().as_microsecond())
    }
}

/// A clock that moves only when told to; for tests.
pub struct ManualClock(std::sync::atomic::AtomicI64);

impl ManualClock {
    pub fn at(start: Instant) -> Arc<Self> {
        Arc::new(Self(start.0.into()))
    }

    pub fn advance(&self, d: Duration) {
        let step = i64::try_from(d.as_micros()).unwrap_or(i64::MAX);
        self.0.fetch_add(step, std::sync::atomic::Ordering::SeqCst);
    }

    pub fn set_back(&self, d: Duration) {
        let step = i64::try_from(d.as_micros()).unwrap_or(i64::MAX);
        self.0.fetch_sub(step, std::sync::atomic::Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Instant {
        Instant(self.0.load(std::sync::atomic::Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::Instant;

    #[test]
    fn instants_print_six_digits_and_read_back() {
        for (micros, text) in
            [(0, "1970-01-01T00:00:00.000000Z"), (-1, "1969-12-31T23:59:59.999999Z"), (1_795_340_528_123_456, "2026-11-22T09:42:08.123456Z")]
        {
            assert_eq!(Instant(micros).to_rfc3339(), text);
            assert_eq!(Instant::parse(text), Some(Instant(micros)));
        }
    }
}
