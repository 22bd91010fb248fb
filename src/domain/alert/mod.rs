//! Alerts: rules as data, and what the log's events mean to them. Same events, same alerts: nothing here reads a clock or remembers
//! anything; what was raised before comes in as a value. Not here: fetching events, raising and acknowledging (`app::alerts`).

mod defaults;
pub mod hours;
pub mod judge;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::role::Role;
use crate::words;

words! {
    /// The rules, each a question that is asked of every event. Their shipped thresholds stand in `defaults`.
    pub enum Rule {
        /// Many recall requests by one person: an abnormal operation by product.md, "Law and ethics".
        RecallBurst = "recall_burst",
        /// Many messages opened by one person.
        ReadingBurst = "reading_burst",
        /// Administration or an export outside the company's hours.
        OffHours = "off_hours",
        /// A decision from a device that the person has only just begun to use.
        NewDevice = "new_device",
        /// Acts of one person that a rule or a permission refused.
        Refusals = "refusals",
        /// Refused sign-ins to one account.
        SignInsAccount = "sign_ins_account",
        /// Refused sign-ins from one address.
        SignInsAddress = "sign_ins_address",
        /// Sign-ins to one account from different networks.
        TwoNetworks = "two_networks",
        /// Exports by one person, by their number.
        ExportBurst = "export_burst",
        /// Exports of the trail and of lists by one person, by their rows.
        ExportRows = "export_rows",
        /// A purge larger than is usual.
        PurgeLarge = "purge_large",
        /// The log does not verify, or is not signed because it does not extend what was signed.
        LogBroken = "log_broken",
        /// A database came from a backup, a log goes on under another key, a lost checkpoint was replaced.
        LogReplaced = "log_replaced",
        WitnessLost = "witness_lost",
        /// Nothing of the trail gets through to another system any more.
        StreamStuck = "stream_stuck",
        /// Timestamps run out soon and no authority renews them.
        TimestampExpiring = "timestamp_expiring",
        /// The certificate that signs evidence runs out soon, or has run out.
        CertificateExpiring = "certificate_expiring",
        /// Its authority took back the certificate that signs evidence.
        CertificateRevoked = "certificate_revoked",
        /// The disk fills up.
        DiskLow = "disk_low",
        /// Jobs that are due do not get done.
        JobsStuck = "jobs_stuck",
        /// The log grows and is not signed any more.
        CheckpointOverdue = "checkpoint_overdue",
        /// A level of an open case has nobody who can decide it.
        ReviewersMissing = "reviewers_missing",
        /// A level of a case was not decided in its time.
        LevelOverdue = "level_overdue",
        /// Our clock differs from one that others vouch for, or was set.
        Clock = "clock",
        /// A recall was ordered before its review.
        RecallFirst = "recall_first",
        /// Its ratification was refused.
        RatificationRefused = "ratification_refused",
        /// Its ratification did not come in time.
        RatificationOverdue = "ratification_overdue",
        /// Somebody made a rule see less.
        RuleWeakened = "rule_weakened",
    }
}

words! {
    /// How much it matters; in order.
    pub enum Severity {
        Low = "low",
        Medium = "medium",
        High = "high",
        Critical = "critical",
    }
}

words! {
    pub enum State {
        Open = "open",
        Acknowledged = "acknowledged",
    }
}

/// What a rule counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Every single one fires.
    Each,
    /// Their number within the span.
    Count,
    /// The sum of their weights within the span.
    Sum,
    /// How many different things they show within the span.
    Different,
}

/// A rule as it is set; every change makes a new version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub enabled: bool,
    /// Fires when as much is reached. What it is a number of depends on the rule: events, rows, networks, seconds, times the usual.
    pub threshold: u32,
    /// Minutes that belong together. What follows within as many minutes belongs to the same alert.
    pub span: u32,
    pub severity: Severity,
    /// Who is told, and sees it besides those who read the whole trail.
    pub roles: BTreeSet<Role>,
    /// Purges below so many parts never count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least: Option<u32>,
    /// The company's hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<hours::Hours>,
}

/// What can be wrong with settings: the field and the kind of the error, with a number where the words need one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    pub field: &'static str,
    pub kind: &'static str,
    pub limit: u32,
}

/// The longest span, in minutes: what is counted must still be there, and be counted quickly.
pub const LONGEST: u32 = 7 * 24 * 60;
const HIGHEST: u32 = 10_000_000;
/// Events of one window that are looked at: a rule that counts them can wait for no more.
pub const MOST: u32 = 5000;

/// Whoever must be told of everything and cannot be taken off a rule: an alert that nobody sees is none.
const ALWAYS: [Role; 1] = [Role::AuditAdministrator];
/// Who can be told: those who administer, and those who audit.
pub const TOLD: [Role; 4] = [Role::SystemAdministrator, Role::SecurityAdministrator, Role::AuditAdministrator, Role::Auditor];

impl Rule {
    pub const fn measure(self) -> Measure {
        match self {
            Self::RecallBurst | Self::ReadingBurst | Self::Refusals | Self::SignInsAccount | Self::SignInsAddress | Self::ExportBurst => {
                Measure::Count
            }
            Self::ExportRows => Measure::Sum,
            Self::TwoNetworks => Measure::Different,
            Self::OffHours
            | Self::NewDevice
            | Self::PurgeLarge
            | Self::LogBroken
            | Self::LogReplaced
            | Self::WitnessLost
            | Self::StreamStuck
            | Self::TimestampExpiring
            | Self::CertificateExpiring
            | Self::CertificateRevoked
            | Self::DiskLow
            | Self::JobsStuck
            | Self::CheckpointOverdue
            | Self::ReviewersMissing
            | Self::LevelOverdue
            | Self::Clock
            | Self::RecallFirst
            | Self::RatificationRefused
            | Self::RatificationOverdue
            | Self::RuleWeakened => Measure::Each,
        }
    }

    /// Whether the threshold says anything: of a log that does not verify there is no small number.
    pub const fn has_threshold(self) -> bool {
        !matches!(
            self,
            Self::OffHours
                | Self::NewDevice
                | Self::LogBroken
                | Self::LogReplaced
                | Self::WitnessLost
                | Self::StreamStuck
                | Self::TimestampExpiring
                | Self::CertificateExpiring
                | Self::CertificateRevoked
                | Self::DiskLow
                | Self::JobsStuck
                | Self::CheckpointOverdue
                | Self::ReviewersMissing
                | Self::LevelOverdue
                | Self::RecallFirst
                | Self::RatificationRefused
                | Self::RatificationOverdue
                | Self::RuleWeakened
        )
    }

    /// Rules that watch the watchers: they cannot be switched off, made longer or less severe.
    pub const fn is_fixed(self) -> bool {
        matches!(self, Self::LogBroken | Self::LogReplaced | Self::RuleWeakened)
    }

    /// The settings that the product is shipped with.
    pub fn shipped(self) -> Settings {
        defaults::of(self)
    }
}

impl Settings {
    /// All that is wrong with them for `rule`.
    pub fn faults(&self, rule: Rule) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut wrong = |field, kind, limit| faults.push(Fault { field, kind, limit });
        let highest = if matches!(rule.measure(), Measure::Count | Measure::Different) { MOST } else { HIGHEST };
        let longest = if rule.is_fixed() { rule.shipped().span } else { LONGEST };
        if self.threshold == 0 {
            wrong("threshold", "too-low", 1);
        } else if self.threshold > highest {
            wrong("threshold", "too-high", highest);
        } else if rule == Rule::TwoNetworks && self.threshold < 2 {
            wrong("threshold", "too-low", 2);
        }
        if self.span == 0 {
            wrong("span", "too-low", 1);
        } else if self.span > longest {
            wrong("span", "too-high", longest);
        }
        if ALWAYS.iter().any(|role| !self.roles.contains(role)) || self.roles.iter().any(|role| !TOLD.contains(role)) {
            wrong("roles", "always-told", 0);
        }
        if rule.is_fixed() && (!self.enabled || self.severity < rule.shipped().severity) {
            wrong("enabled", "fixed-rule", 0);
        }
        if self.hours.as_ref().is_some_and(|hours| hours.from >= hours.until || hours.until > 24 * 60) {
            wrong("until", "before-from", 0);
        }
        if self.hours.as_ref().is_some_and(|hours| hours.days.is_empty()) {
            wrong("days", "choice", 0);
        }
        faults
    }

    /// Whether `rule` with `after` sees less, or tells fewer people or less loudly, than with `self`. Where events are counted, a shorter span
    /// counts fewer. Where each one fires, a longer span draws more of them into one alert that was told already; only to `NewDevice` it is
    /// also the time for which a device is new.
    pub fn weaker(&self, rule: Rule, after: &Self) -> bool {
        let merges = rule.measure() == Measure::Each && rule != Rule::NewDevice;
        let inside = |wide: &hours::Hours, narrow: &hours::Hours| {
            narrow.from >= wide.from
                && narrow.until <= wide.until
                && narrow.days.is_subset(&wide.days)
                && narrow.workdays.is_subset(&wide.workdays)
                && narrow.holidays.is_superset(&wide.holidays)
        };
        (self.enabled && !after.enabled)
            || after.threshold > self.threshold
            || after.span < self.span
            || (merges && after.span > self.span)
            || after.severity < self.severity
            || !after.roles.is_superset(&self.roles)
            || after.least > self.least
            || self.hours.as_ref().zip(after.hours.as_ref()).is_some_and(|(before, now)| !inside(before, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shipped_is_sound_and_told_to_somebody_who_can_act() {
        for rule in Rule::ALL {
            let shipped = rule.shipped();
            assert_eq!(shipped.faults(*rule), [], "{rule}");
            assert!(!shipped.weaker(*rule, &shipped), "{rule}");
            assert_eq!(shipped.hours.is_some(), *rule == Rule::OffHours);
            let text = serde_json::to_string(&shipped).unwrap();
            assert_eq!(serde_json::from_str::<Settings>(&text).unwrap(), shipped);
        }
    }

    #[test]
    fn every_way_to_see_less_is_weaker_and_every_way_to_see_more_is_not() {
        let shipped = Rule::Refusals.shipped();
        let with = |change: &dyn Fn(&mut Settings)| {
            let mut after = shipped.clone();
            change(&mut after);
            shipped.weaker(Rule::Refusals, &after)
        };
        assert!(with(&|s| s.enabled = false) && with(&|s| s.threshold += 1) && with(&|s| s.span -= 1) && with(&|s| s.severity = Severity::Low));
        assert!(with(&|s| s.roles = BTreeSet::from([Role::AuditAdministrator])) && with(&|s| s.least = Some(9)));
        assert!(!with(&|s| s.threshold -= 1) && !with(&|s| s.span += 1) && !with(&|s| s.severity = Severity::Critical));
        let office = Rule::OffHours.shipped();
        let hours = |change: &dyn Fn(&mut hours::Hours)| {
            let mut after = office.clone();
            change(after.hours.as_mut().unwrap());
            office.weaker(Rule::OffHours, &after)
        };
        assert!(hours(&|h| h.until += 60) && hours(&|h| h.days.extend([7])) && !hours(&|h| h.from += 60));
        let longer = |rule: Rule| rule.shipped().weaker(rule, &Settings { span: rule.shipped().span + 1, ..rule.shipped() });
        assert!(longer(Rule::OffHours) && longer(Rule::WitnessLost) && !longer(Rule::NewDevice) && !longer(Rule::TwoNetworks));
        let day = jiff::civil::date(2026, 10, 10);
        assert!(hours(&|h| h.workdays.extend([day])) && !hours(&|h| h.holidays.extend([day])));
    }

    #[test]
    fn nobody_can_set_a_rule_that_sees_nothing() {
        let faults = |rule: Rule, change: &dyn Fn(&mut Settings)| {
            let mut settings = rule.shipped();
            change(&mut settings);
            settings.faults(rule).iter().map(|f| (f.field, f.kind)).collect::<Vec<_>>()
        };
        assert_eq!(faults(Rule::Refusals, &|s| s.threshold = 0), [("threshold", "too-low")]);
        assert_eq!(faults(Rule::Refusals, &|s| s.threshold = u32::MAX), [("threshold", "too-high")]);
        assert_eq!(faults(Rule::Refusals, &|s| s.threshold = MOST + 1), [("threshold", "too-high")]);
        assert_eq!(faults(Rule::ExportRows, &|s| s.threshold = MOST + 1), []);
        assert_eq!(faults(Rule::RuleWeakened, &|s| s.span += 1), [("span", "too-high")]);
        assert_eq!(faults(Rule::TwoNetworks, &|s| s.threshold = 1), [("threshold", "too-low")]);
        assert_eq!(faults(Rule::Refusals, &|s| s.span = 0), [("span", "too-low")]);
        assert_eq!(faults(Rule::Refusals, &|s| s.span = LONGEST + 1), [("span", "too-high")]);
        assert_eq!(faults(Rule::Refusals, &|s| s.roles.clear()), [("roles", "always-told")]);
        assert_eq!(faults(Rule::Refusals, &|s| s.roles.extend([Role::Requester])), [("roles", "always-told")]);
        assert_eq!(faults(Rule::LogBroken, &|s| s.enabled = false), [("enabled", "fixed-rule")]);
        assert_eq!(faults(Rule::RuleWeakened, &|s| s.severity = Severity::Low), [("enabled", "fixed-rule")]);
        assert_eq!(faults(Rule::OffHours, &|s| s.hours.as_mut().unwrap().until = 0), [("until", "before-from")]);
        assert_eq!(faults(Rule::OffHours, &|s| s.hours.as_mut().unwrap().days.clear()), [("days", "choice")]);
    }
}
