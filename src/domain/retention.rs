//! How long what can be erased stays, and what a legal hold (诉讼保留) keeps longer. Not here: what is erased (`store::purge`), who may place
//! a hold (`app::holds`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::kept::EventClass;
use crate::{clock::Instant, words};

/// Calendar months that the trail stays at least (网络安全法: six months), whatever the number of days says: they are 181 to 184 days.
const MONTHS: i64 = 6;

/// How long each class of events (留存类别) is kept, in days; six calendar months at least whatever they say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Periods {
    days: u32,
    classes: BTreeMap<EventClass, u32>,
}

impl Periods {
    /// `days` for every class that `classes` does not name.
    pub fn new(days: u32, classes: impl IntoIterator<Item = (EventClass, u32)>) -> Self {
        Self { days, classes: classes.into_iter().collect() }
    }

    pub fn of(&self, class: EventClass) -> u32 {
        self.classes.get(&class).copied().unwrap_or(self.days)
    }

    /// The shortest of all.
    pub fn shortest(&self) -> u32 {
        EventClass::ALL.iter().map(|class| self.of(*class)).min().unwrap_or(self.days)
    }

    /// The longest of all.
    pub fn longest(&self) -> u32 {
        EventClass::ALL.iter().map(|class| self.of(*class)).max().unwrap_or(self.days)
    }

    /// What is due at `now`, by the calendar in `zone`.
    pub fn cuts(&self, now: Instant, zone: &jiff::tz::TimeZone) -> Cuts {
        let mut by_days: BTreeMap<u32, Vec<EventClass>> = BTreeMap::new();
        for class in EventClass::ALL {
            by_days.entry(self.of(*class)).or_default().push(*class);
        }
        Cuts(by_days.into_iter().map(|(days, classes)| Due { days, before: cut_off(now, days, zone), classes }).collect())
    }
}

/// Events of `classes` that happened before `before` are due: they share a period, so that one walk in the order of time finds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The period.
    pub days: u32,
    pub before: Instant,
    /// In their order, each once.
    pub classes: Vec<EventClass>,
}

impl Due {
    /// Whether an event of this kind is looked at here.
    pub fn takes(&self, action: &str) -> bool {
        self.classes.contains(&EventClass::of_stored(action))
    }
}

/// What is due, by period; every class in exactly one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cuts(Vec<Due>);

impl Cuts {
    /// Every class at the same instant.
    pub fn at(before: Instant) -> Self {
        Self(vec![Due { days: 0, before, classes: EventClass::ALL.to_vec() }])
    }

    /// The shortest period first.
    pub fn iter(&self) -> impl Iterator<Item = &Due> {
        self.0.iter()
    }

    /// The instant before which events of a class are due.
    pub fn of(&self, class: EventClass) -> Instant {
        self.0.iter().find(|due| due.classes.contains(&class)).map_or(Instant(i64::MIN), |due| due.before)
    }

    /// Nothing that happened from here on is due, of whatever class.
    pub fn latest(&self) -> Instant {
        self.0.iter().map(|due| due.before).max().unwrap_or(Instant(i64::MIN))
    }
}

/// Calendar months that evidence bundles and audit packs stay at least: the general limitation period (民法典 188).
const BUNDLE_MONTHS: i64 = 36;

/// The instant before which what happened has lived its time at `now`: `days` times 24 hours **and** six calendar months have passed.
///
/// The day of the event is not counted and the period ends with the corresponding day (民法典 201, 202), both by the company's calendar in
/// `zone`; where the sixth month has no such day, its last one counts.
pub fn cut_off(now: Instant, days: u32, zone: &jiff::tz::TimeZone) -> Instant {
    cut(now, days, MONTHS, zone)
}

/// The same for what was sealed: `days` and three calendar years.
pub fn bundle_cut_off(now: Instant, days: u32, zone: &jiff::tz::TimeZone) -> Instant {
    cut(now, days, BUNDLE_MONTHS, zone)
}

fn cut(now: Instant, days: u32, months: i64, zone: &jiff::tz::TimeZone) -> Instant {
    let by_days = now.minus(std::time::Duration::from_secs(u64::from(days) * 86_400));
    let today = now.timestamp().to_zoned(zone.clone()).date();
    let ends = |day: jiff::civil::Date| day.saturating_add(jiff::Span::new().months(months));
    // The last day whose period has ended: months of different lengths make a step of a few days.
    let mut last = today.saturating_sub(jiff::Span::new().months(months));
    while ends(last) >= today && last > jiff::civil::Date::MIN {
        last = last.saturating_sub(jiff::Span::new().days(1));
    }
    let next = last.saturating_add(jiff::Span::new().days(1));
    let by_months = next.to_zoned(zone.clone()).map_or(by_days, |start| Instant(start.timestamp().as_microsecond()));
    by_days.min(by_months)
}

/// The first instant at which what happened at `at` has lived its time; the other side of [`cut_off`].
pub fn kept_until(at: Instant, days: u32, zone: &jiff::tz::TimeZone) -> Instant {
    until(at, days, MONTHS, zone)
}

/// The other side of [`bundle_cut_off`].
pub fn bundle_kept_until(at: Instant, days: u32, zone: &jiff::tz::TimeZone) -> Instant {
    until(at, days, BUNDLE_MONTHS, zone)
}

fn until(at: Instant, days: u32, months: i64, zone: &jiff::tz::TimeZone) -> Instant {
    let by_days = at.plus(std::time::Duration::from_secs(u64::from(days) * 86_400));
    let day = at.timestamp().to_zoned(zone.clone()).date().saturating_add(jiff::Span::new().months(months));
    let next = day.saturating_add(jiff::Span::new().days(1)).to_zoned(zone.clone());
    next.map_or(by_days, |start| by_days.max(Instant(start.timestamp().as_microsecond())))
}

words! {
    /// Where a hold stands. It keeps what it covers in every state but the last two.
    pub enum HoldState {
        /// Placed by one person; a second one has not confirmed it yet.
        Proposed = "proposed",
        Placed = "placed",
        /// One person wants it released; a second one has not confirmed that yet.
        ReleaseProposed = "release_proposed",
        Released = "released",
        /// The second person did not agree that it was needed.
        Declined = "declined",
    }
}

impl HoldState {
    /// Whether nothing that it covers is erased. From the first person's word on: a hold that had to wait for the second one could come
    /// too late.
    pub const fn keeps(self) -> bool {
        matches!(self, Self::Proposed | Self::Placed | Self::ReleaseProposed)
    }

    /// The state that a hold is in after a successful `action`; none where it is not about a hold's state.
    pub fn after(action: &str) -> Option<Self> {
        STEPS.iter().find(|(step, _)| *step == action).map(|(_, state)| *state)
    }
}

/// Each event that moves a hold, and the state that it leads to: what the log says of a hold counts, whatever its row says.
pub const STEPS: [(&str, HoldState); 6] = [
    ("hold.proposed", HoldState::Proposed),
    ("hold.placed", HoldState::Placed),
    ("hold.declined", HoldState::Declined),
    ("hold.release_proposed", HoldState::ReleaseProposed),
    ("hold.release_declined", HoldState::Placed),
    ("hold.released", HoldState::Released),
];

/// What a hold covers: every event that meets all the conditions given. One condition at least.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// Id of a recall case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// Id of a person: what they did, and what was done to their account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// Id of a broadcast, with every case about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broadcast: Option<String>,
    /// From this instant on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Instant>,
    /// Before this instant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Id of the saved search whose filters were copied when the hold was placed, and then the only condition. What they find is beside
    /// the hold (`store::holds`): here is only where they came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
}

/// What a scope looks at in an event.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    pub at: Instant,
    pub action: &'a str,
    pub actor: &'a str,
    /// Kind and id.
    pub subject: (&'a str, &'a str),
    pub case: Option<&'a str>,
}

/// What a scope reaches through other records, as they are now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Ids of the cases about [`Scope::broadcast`].
    pub cases: Vec<String>,
    /// Id of the broadcast that [`Scope::case`] is about: its sending is part of the case's evidence.
    pub broadcast: Option<String>,
    /// Ids of the tokens that act as [`Scope::person`].
    pub tokens: Vec<String>,
}

impl Scope {
    /// Whether it says anything: a hold on everything is a longer retention, not a hold.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it covers an event; one by a search is asked of the search instead (`store::holds::Keeping`).
    pub fn covers(&self, event: &Facts<'_>, reach: &Reach) -> bool {
        let is = |wanted: &Option<String>, holds: &dyn Fn(&str) -> bool| wanted.as_deref().is_none_or(holds);
        if self.search.is_some() {
            return false;
        }
        let token = |id: &str| reach.tokens.iter().any(|token| token == id);
        let about = |kind: &str, id: &str| event.subject == (kind, id);
        is(&self.case, &|id| {
            event.case == Some(id) || about("recall", id) || reach.broadcast.as_deref().is_some_and(|broadcast| about("broadcast", broadcast))
        }) && is(&self.person, &|id| {
            event.actor == id || about("user", id) || token(event.actor) || (event.subject.0 == "token" && token(event.subject.1))
        }) && is(&self.broadcast, &|id| about("broadcast", id) || event.case.is_some_and(|case| reach.cases.iter().any(|other| other == case)))
            && self.from.is_none_or(|from| event.at >= from)
            && self.to.is_none_or(|to| event.at < to)
            && is(&self.action, &|action| event.action == action)
    }

    /// Whether it covers a trace of `person` beside the log (a session, a device) that lasted from `first` to `last`. A scope that names a
    /// case, a broadcast or a search covers none.
    pub fn covers_trace(&self, person: &str, first: Instant, last: Instant) -> bool {
        self.case.is_none()
            && self.broadcast.is_none()
            && self.search.is_none()
            && self.person.as_deref().is_none_or(|id| id == person)
            && self.from.is_none_or(|from| last >= from)
            && self.to.is_none_or(|to| first < to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        Instant::parse(text).unwrap()
    }

    fn shanghai() -> jiff::tz::TimeZone {
        jiff::tz::TimeZone::get("Asia/Shanghai").unwrap()
    }

    #[test]
    fn six_calendar_months_and_the_days_have_both_passed() {
        // 200 days are longer than six months, always.
        let now = at("2026-11-26T08:00:00Z");
        assert_eq!(cut_off(now, 200, &shanghai()), at("2026-05-10T08:00:00Z"));
        // 1 March to 1 September are 184 days; the day of the event is not counted and the corresponding one has to end.
        for (now, cut) in [
            ("2026-09-01T15:59:59Z", "2026-02-28T16:00:00Z"),
            ("2026-09-01T16:00:00Z", "2026-03-01T16:00:00Z"),
            // What happened on 29, 30 and 31 August ends with the last day of February.
            ("2027-02-28T15:59:59Z", "2026-08-27T16:00:00Z"),
            ("2027-02-28T16:00:00Z", "2026-08-31T16:00:00Z"),
            ("2028-02-29T16:00:00Z", "2027-08-31T16:00:00Z"),
        ] {
            assert_eq!(cut_off(at(now), 1, &shanghai()), at(cut), "{now}");
        }
    }

    /// The cut-off never leaves an event less than six months, and never goes back.
    #[test]
    fn nothing_goes_before_its_time_on_any_day_of_four_years() {
        let (zone, hour) = (jiff::tz::TimeZone::get("Europe/Berlin").unwrap(), 3_600_000_000);
        let mut before = Instant(i64::MIN);
        for n in 0..4 * 365 * 8 {
            let now = Instant(at("2026-01-01T00:30:00Z").0 + n * 3 * hour);
            let cut = cut_off(now, 184, &zone);
            assert!(cut >= before && now.since(cut) >= std::time::Duration::from_secs(181 * 86_400 - 3600), "{now:?}: {cut:?}");
            before = cut;
            // What is kept until an instant is due from then on, and not a moment before.
            let until = kept_until(now, 184, &zone);
            assert!(cut_off(Instant(until.0 + 1), 184, &zone) > now && cut_off(Instant(until.0 - 1), 184, &zone) <= now, "{now:?}: {until:?}");
        }
    }

    #[test]
    fn a_trace_is_held_for_as_long_as_it_lasted() {
        let (from, to) = (Some(at("2026-01-01T00:00:00Z")), Some(at("2026-02-01T00:00:00Z")));
        let january = Scope { person: Some("p".to_owned()), from, to, ..Scope::default() };
        for (first, last, held) in [
            ("2025-12-01T00:00:00Z", "2026-03-15T00:00:00Z", true),
            ("2025-12-01T00:00:00Z", "2026-01-01T00:00:00Z", true),
            ("2025-12-01T00:00:00Z", "2025-12-31T00:00:00Z", false),
            ("2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z", false),
        ] {
            assert_eq!(january.covers_trace("p", at(first), at(last)), held, "{first} {last}");
            assert!(!january.covers_trace("q", at(first), at(last)));
        }
        let of_case = Scope { case: Some("c".to_owned()), ..january };
        assert!(!of_case.covers_trace("p", at("2026-01-02T00:00:00Z"), at("2026-01-03T00:00:00Z")));
    }

    #[test]
    fn classes_of_one_period_are_due_together_and_each_class_once() {
        let periods = Periods::new(200, [(EventClass::Decision, 730), (EventClass::Session, 190), (EventClass::Recall, 730)]);
        let now = at("2026-11-26T08:00:00Z");
        let cuts = periods.cuts(now, &shanghai());
        let by_days: Vec<(u32, usize)> = cuts.iter().map(|due| (due.days, due.classes.len())).collect();
        assert_eq!(by_days, [(190, 1), (200, EventClass::ALL.len() - 3), (730, 2)]);
        for class in EventClass::ALL {
            assert_eq!(cuts.of(*class), cut_off(now, periods.of(*class), &shanghai()), "{class}");
        }
        assert_eq!(cuts.latest(), cuts.of(EventClass::Session));
        let long = cuts.iter().last().unwrap();
        assert!(long.takes("recall.decided") && !long.takes("session.opened") && !long.takes("something.new"));
        assert!(cuts.iter().any(|due| due.takes("something.new")), "what this version does not know is due with the installation's");
    }

    #[test]
    fn a_scope_covers_what_meets_all_its_conditions() {
        let event = Facts { at: at("2026-05-01T00:00:00Z"), action: "recall.decided", actor: "p", subject: ("recall", "c"), case: Some("c") };
        let case = |id: &str| Scope { case: Some(id.to_owned()), ..Scope::default() };
        assert!(Scope::default().is_empty() && !case("c").is_empty());
        assert!(case("c").covers(&event, &Reach::default()) && !case("d").covers(&event, &Reach::default()));
        let person = Scope { person: Some("p".to_owned()), ..Scope::default() };
        assert!(person.covers(&event, &Reach::default()));
        assert!(person.covers(&Facts { actor: "q", subject: ("user", "p"), ..event }, &Reach::default()));
        assert!(!person.covers(&Facts { actor: "q", ..event }, &Reach::default()));
        let broadcast = Scope { broadcast: Some("b".to_owned()), ..Scope::default() };
        assert!(broadcast.covers(&event, &Reach { cases: vec!["c".to_owned()], ..Reach::default() }) && !broadcast.covers(&event, &Reach::default()));
        assert!(broadcast.covers(&Facts { subject: ("broadcast", "b"), case: None, ..event }, &Reach::default()));
        // What the sending of its message left is part of the case, and what somebody did through a token is theirs.
        let sent = Facts { action: "broadcast.submitted", subject: ("broadcast", "b"), case: None, ..event };
        let reach = Reach { broadcast: Some("b".to_owned()), tokens: vec!["t".to_owned()], ..Reach::default() };
        assert!(case("c").covers(&sent, &reach) && !case("c").covers(&sent, &Reach::default()));
        assert!(person.covers(&Facts { actor: "t", ..event }, &reach));
        assert!(person.covers(&Facts { actor: "q", subject: ("token", "t"), ..event }, &reach));
        assert!(!person.covers(&Facts { actor: "q", subject: ("user", "t"), ..event }, &reach));
        let between = |from: &str, to: &str| Scope { from: Some(at(from)), to: Some(at(to)), ..case("c") };
        assert!(between("2026-05-01T00:00:00Z", "2026-05-02T00:00:00Z").covers(&event, &Reach::default()));
        assert!(!between("2026-04-01T00:00:00Z", "2026-05-01T00:00:00Z").covers(&event, &Reach::default()), "the end is not covered");
        assert!(!Scope { action: Some("case.closed".to_owned()), ..case("c") }.covers(&event, &Reach::default()));
    }
}
