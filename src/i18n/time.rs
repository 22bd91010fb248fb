//! Instants and durations as people read them. Always 24 hours; where it is evidence, with milliseconds and offset.

use std::time::Duration;

use super::{Lang, Tr};
use crate::clock::Instant;

/// An instant by value or by reference, because templates hand over references.
pub trait At {
    fn at(&self) -> Instant;
}

impl At for Instant {
    fn at(&self) -> Instant {
        *self
    }
}

impl<T: At + ?Sized> At for &T {
    fn at(&self) -> Instant {
        (**self).at()
    }
}

impl Tr {
    fn zoned(&self, at: impl At) -> jiff::Zoned {
        at.at().timestamp().to_zoned(self.zone.clone())
    }

    fn strftime(&self, at: impl At, format: &str) -> String {
        self.zoned(at).strftime(format).to_string()
    }

    /// To the minute: `2026-11-22 17:42` or `22 Nov 2026, 17:42`.
    pub fn time(&self, at: impl At) -> String {
        self.strftime(
            at,
            match self.lang {
                Lang::ZhCn => "%Y-%m-%d %H:%M",
                Lang::En => "%-d %b %Y, %H:%M",
            },
        )
    }

    /// With milliseconds and offset, the same in both languages: `2026-11-22 17:42:08.123 +08:00`.
    pub fn time_full(&self, at: impl At) -> String {
        self.strftime(at, "%Y-%m-%d %H:%M:%S.%3f %:z")
    }

    /// The day: `2026-11-22` or `22 Nov 2026`.
    pub fn date(&self, at: impl At) -> String {
        self.strftime(
            at,
            match self.lang {
                Lang::ZhCn => "%Y-%m-%d",
                Lang::En => "%-d %b %Y",
            },
        )
    }

    /// The day within its year: `11-22` or `22 Nov`.
    pub fn month_day(&self, at: impl At) -> String {
        self.strftime(
            at,
            match self.lang {
                Lang::ZhCn => "%m-%d",
                Lang::En => "%-d %b",
            },
        )
    }

    /// The time of day: `17:42`.
    pub fn clock(&self, at: impl At) -> String {
        self.strftime(at, "%H:%M")
    }

    /// The time of day with seconds: `17:42:08`.
    pub fn clock_seconds(&self, at: impl At) -> String {
        self.strftime(at, "%H:%M:%S")
    }

    /// RFC 3339 with seconds and offset, for `<time datetime>`.
    pub fn iso(&self, at: impl At) -> String {
        self.strftime(at, "%Y-%m-%dT%H:%M:%S%:z")
    }

    /// RFC 3339 with milliseconds and offset.
    pub fn iso_full(&self, at: impl At) -> String {
        self.strftime(at, "%Y-%m-%dT%H:%M:%S.%3f%:z")
    }

    /// The day as a form's date field wants it, in this zone: `2026-11-22`.
    pub fn iso_date(&self, at: impl At) -> String {
        self.strftime(at, "%Y-%m-%d")
    }

    /// The first instant of a day typed into a date field, in this zone; `None` where the text is no date.
    pub fn start_of_day(&self, date: &str) -> Option<Instant> {
        let day: jiff::civil::Date = date.trim().parse().ok()?;
        let zoned = day.to_zoned(self.zone.clone()).ok()?;
        Some(Instant(zoned.timestamp().as_microsecond()))
    }

    /// The last instant of a day typed into a date field, in this zone; `None` where the text is no date.
    pub fn end_of_day(&self, date: &str) -> Option<Instant> {
        let day: jiff::civil::Date = date.trim().parse().ok()?;
        let next = day.tomorrow().ok()?.to_zoned(self.zone.clone()).ok()?;
        Some(Instant(next.timestamp().as_microsecond() - 1))
    }

    /// The zone as a note after a time, once a page: `（UTC+8）` or ` (UTC+8)`.
    pub fn zone_note(&self, at: impl At) -> String {
        self.a1("zone-note", "zone", self.zone_name(at))
    }

    fn zone_name(&self, at: impl At) -> String {
        let seconds = self.zoned(at).offset().seconds();
        let (hours, minutes) = (seconds / 3600, (seconds / 60 % 60).abs());
        if minutes == 0 { format!("UTC{hours:+}") } else { format!("UTC{hours:+}:{minutes:02}") }
    }

    /// The two largest units: `2 天 3 小时`, `1 小时 12 分`, `9 分`, `42 秒`; or `2 d 3 h`, `1 h 12 min`, `9 min`, `42 s`. Cut, not rounded.
    pub fn duration(&self, d: Duration) -> String {
        let s = d.as_secs();
        let (days, hours, minutes, seconds) = (s / 86_400, s / 3600 % 24, s / 60 % 60, s % 60);
        let (one, two) = match (days, hours, minutes) {
            (0, 0, 0) => (("duration-s", seconds), None),
            (0, 0, _) => (("duration-m", minutes), None),
            (0, _, _) => (("duration-h", hours), Some(("duration-m", minutes))),
            _ => (("duration-d", days), Some(("duration-h", hours))),
        };
        let mut text = self.a1(one.0, "n", one.1);
        if let Some((key, n)) = two.filter(|(_, n)| *n > 0) {
            text.push(' ');
            text.push_str(&self.a1(key, "n", n));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_instant_reads_well_in_both_languages() {
        let at = Instant::parse("2026-11-22T09:42:08.123999Z").unwrap();
        let (zh, en) = (Tr::new(Lang::ZhCn), Tr::new(Lang::En));
        assert_eq!(zh.time(at), "2026-11-22 17:42");
        assert_eq!(en.time(at), "22 Nov 2026, 17:42");
        assert_eq!(zh.time_full(at), "2026-11-22 17:42:08.123 +08:00");
        assert_eq!(zh.iso(at), "2026-11-22T17:42:08+08:00");
        assert_eq!(zh.zone_note(at), "（UTC+8）");
        let india = Tr::new(Lang::En).in_zone("Asia/Kolkata");
        assert_eq!(india.iso_full(at), "2026-11-22T15:12:08.123+05:30");
        assert_eq!(india.zone_note(at), "(UTC+5:30)");
        assert_eq!(zh.start_of_day("2026-11-22"), Instant::parse("2026-11-21T16:00:00Z"));
        assert_eq!(zh.start_of_day("2026-02-30"), None);
    }

    #[test]
    fn durations_show_their_two_largest_units() {
        let (zh, en) = (Tr::new(Lang::ZhCn), Tr::new(Lang::En));
        for (seconds, in_zh, in_en) in [
            (0, "0 秒", "0 s"),
            (59, "59 秒", "59 s"),
            (540, "9 分", "9 min"),
            (4366, "1 小时 12 分", "1 h 12 min"),
            (7200, "2 小时", "2 h"),
            (97_200, "1 天 3 小时", "1 d 3 h"),
        ] {
            assert_eq!(zh.duration(Duration::from_secs(seconds)), in_zh);
            assert_eq!(en.duration(Duration::from_secs(seconds)), in_en);
        }
    }
}
