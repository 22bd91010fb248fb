//! How much happened when, of what a search finds: by hours, for a strip of days and a table of weekday and hour. Never looks at more events
//! than [`COUNTED`]: what only times are asked of is told by places in the log, a question of one look-up an hour.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    clock::Instant,
    store::{
        Conn, StoreError,
        reader::{self, Filter},
    },
};

/// Events that are counted one by one at most; more are "more".
pub const COUNTED: usize = 10_000;
/// How far back activity is shown.
const WINDOW: Duration = Duration::from_secs(28 * 86_400);
/// In a shorter time every hour has its own bar.
const BY_HOURS: Duration = Duration::from_secs(2 * 86_400);
const HOUR: i64 = 3_600_000_000;

/// A bar of the strip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// When its day or hour begins.
    pub at: Instant,
    pub events: u64,
}

/// What a search finds, by time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    /// Events that are found; more than [`COUNTED`] are not counted any further, unless only times were asked for.
    pub total: u64,
    pub more: bool,
    /// What the bars and the table cover.
    pub from: Instant,
    /// Exclusive.
    pub until: Instant,
    /// Whether a bar is an hour, and not a day.
    pub by_hours: bool,
    pub bars: Vec<Bar>,
    /// Events by weekday, Monday first, and hour.
    pub week: [[u64; 24]; 7],
}

/// The activity of what `filter` finds, by the hours and days of `zone`.
pub(super) fn of(conn: &mut Conn, filter: &Filter, now: Instant, zone: &jiff::tz::TimeZone) -> Result<Activity, StoreError> {
    let until = filter.to.unwrap_or(Instant(now.0 + 1)).min(Instant(now.0 + 1));
    let from = filter.from.map_or(until.minus(WINDOW), |from| from.max(until.minus(WINDOW)));
    let (total, more, hours) = if filter.is_plain() { by_places(conn, filter, from, until)? } else { by_events(conn, filter, from, until)? };
    let by_hours = until.0.saturating_sub(from.0) <= i64::try_from(BY_HOURS.as_micros()).unwrap_or(i64::MAX);
    let mut week = [[0; 24]; 7];
    let mut bars: BTreeMap<i64, u64> = BTreeMap::new();
    for (hour, events) in hours {
        let here = Instant(hour).timestamp().to_zoned(zone.clone());
        let day = usize::try_from(here.weekday().to_monday_zero_offset()).unwrap_or(0);
        week[day][usize::try_from(here.hour()).unwrap_or(0)] += events;
        let begin = if by_hours { hour } else { here.start_of_day().map_or(hour, |day| day.timestamp().as_microsecond()) };
        *bars.entry(begin).or_default() += events;
    }
    let bars = bars.into_iter().map(|(at, events)| Bar { at: Instant(at), events }).collect();
    Ok(Activity { total, more, from, until, by_hours, bars, week })
}

type Counted = (u64, bool, BTreeMap<i64, u64>);

/// The hours from `from` to `until`, each by when it begins; the first may begin before `from`.
fn hours(from: Instant, until: Instant) -> impl Iterator<Item = i64> {
    let first = from.0.div_euclid(HOUR) * HOUR;
    (0..).map(move |n| first + n * HOUR).take_while(move |hour| *hour < until.0)
}

fn by_places(conn: &mut Conn, filter: &Filter, from: Instant, until: Instant) -> Result<Counted, StoreError> {
    let begins: Vec<i64> = hours(from, until).collect();
    let mut borders: Vec<Instant> = begins.iter().map(|hour| Instant(*hour).max(from)).collect();
    borders.push(until);
    borders.extend(filter.from);
    borders.extend(filter.to);
    let places = reader::places(conn, &borders)?;
    let between = |low: i64, high: i64| u64::try_from(high - low).unwrap_or(0);
    let counted = begins.iter().zip(places.windows(2)).map(|(hour, ends)| (*hour, between(ends[0], ends[1]))).collect();
    let mut ends = places[begins.len() + 1..].iter().copied();
    let low = if filter.from.is_some() { ends.next().unwrap_or(0) } else { 0 };
    let high = if filter.to.is_some() { ends.next() } else { None };
    let high = match high {
        Some(high) => high,
        None => i64::try_from(reader::head(conn)?.size()).unwrap_or(i64::MAX),
    };
    Ok((between(low, high), false, counted))
}

fn by_events(conn: &mut Conn, filter: &Filter, from: Instant, until: Instant) -> Result<Counted, StoreError> {
    let mut times = reader::times(conn, filter, COUNTED as i64 + 1)?;
    let more = times.len() > COUNTED;
    times.truncate(COUNTED);
    let mut counted: BTreeMap<i64, u64> = hours(from, until).map(|hour| (hour, 0)).collect();
    for at in times.iter().filter(|at| (from..until).contains(at)) {
        *counted.entry(at.0.div_euclid(HOUR) * HOUR).or_default() += 1;
    }
    Ok((times.len() as u64, more, counted))
}
