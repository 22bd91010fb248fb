//! The company's hours: days of the week, from when until when, and the days that are otherwise (节假日 and 调休 of the State Council's
//! yearly notice, which no rule foretells).

use std::collections::BTreeSet;

use jiff::{civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::clock::Instant;

/// When people work, by the company's clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// Minutes since midnight.
    pub from: u32,
    /// Exclusive; 1440 is midnight.
    pub until: u32,
    /// Days of the week, Monday 1 to Sunday 7.
    pub days: BTreeSet<u8>,
    /// Days on which nobody works, whatever day of the week.
    #[serde(default)]
    pub holidays: BTreeSet<Date>,
    /// Days on which people work all the same.
    #[serde(default)]
    pub workdays: BTreeSet<Date>,
}

impl Hours {
    /// Monday to Friday, 7:00 to 21:00.
    pub fn office() -> Self {
        Self { from: 7 * 60, until: 21 * 60, days: (1..=5).collect(), holidays: BTreeSet::new(), workdays: BTreeSet::new() }
    }

    /// Whether people work at `at`, by the clock and calendar of `zone`.
    pub fn hold(&self, at: Instant, zone: &TimeZone) -> bool {
        let here = at.timestamp().to_zoned(zone.clone());
        let day = u8::try_from(here.weekday().to_monday_one_offset()).unwrap_or(0);
        let works = self.workdays.contains(&here.date()) || (self.days.contains(&day) && !self.holidays.contains(&here.date()));
        let minute = u32::try_from(here.hour()).unwrap_or(0) * 60 + u32::try_from(here.minute()).unwrap_or(0);
        works && (self.from..self.until).contains(&minute)
    }
}

/// A time of day as a form has it, `HH:MM`, in minutes; `24:00` is the end of the day.
pub fn minutes(text: &str) -> Option<u32> {
    let (hour, minute) = text.trim().split_once(':')?;
    let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
    let minutes = hour * 60 + minute;
    (hour <= 24 && minute < 60 && minutes <= 24 * 60).then_some(minutes)
}

/// The other way.
pub fn text(minutes: u32) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// Days as typed, `YYYY-MM-DD` with anything that is no date between; the first that is none is the error.
pub fn dates(typed: &str) -> Result<BTreeSet<Date>, String> {
    let words = typed.split([' ', '\n', '\r', '\t', ',', ';', '，', '；', '、']).filter(|w| !w.is_empty());
    words.map(|word| word.parse().map_err(|_| word.chars().take(20).collect())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_companys_clock_and_calendar_decide() {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let mut hours = Hours::office();
        hours.holidays = dates("2026-10-01、2026-10-02").unwrap();
        hours.workdays = dates("2026-10-10").unwrap();
        for (at, works) in [
            ("2026-11-23T09:00:00+08:00", true),
            ("2026-11-23T06:59:59+08:00", false),
            ("2026-11-23T07:00:00+08:00", true),
            ("2026-11-23T21:00:00+08:00", false),
            // Sunday, and one that is worked for a holiday's sake.
            ("2026-11-22T12:00:00+08:00", false),
            ("2026-10-10T12:00:00+08:00", true),
            ("2026-10-01T12:00:00+08:00", false),
            // Monday there, still Sunday in UTC.
            ("2026-11-22T23:30:00Z", true),
        ] {
            assert_eq!(hours.hold(Instant::parse(at).unwrap(), &zone), works, "{at}");
        }
    }

    #[test]
    fn times_and_days_are_read_as_typed() {
        assert_eq!(["07:00", "24:00", " 9:5 "].map(minutes), [Some(420), Some(1440), Some(545)]);
        assert_eq!(["", "7", "25:00", "24:01", "12:60", "x:y"].map(minutes), [None; 6]);
        assert_eq!(text(425), "07:05");
        assert_eq!(dates("2026-10-01 2026-10-01\n"), Ok(BTreeSet::from([jiff::civil::date(2026, 10, 1)])));
        assert_eq!(dates("2026-02-30"), Err("2026-02-30".to_owned()));
    }
}
