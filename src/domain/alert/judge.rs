//! What one event is to one rule, and whether it fires. A burst raises one alert that counts on, not one an event.

use std::{collections::BTreeSet, net::IpAddr};

use jiff::tz::TimeZone;
use serde_json::Value;

use super::{Measure, Rule, Settings};
use crate::{
    clock::Instant,
    domain::event::{Action, Outcome},
};

/// What belongs together: the events of one rule are counted for each of these apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Who acted: people and tokens, no jobs.
    Actor,
    /// The account that was acted on.
    Account,
    Address,
    /// Whatever was acted on.
    Subject,
}

/// Which events a rule looks at.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    /// None: of every action.
    pub actions: &'static [Action],
    pub outcome: Outcome,
    pub by: By,
    /// What more it has to know of an event than its row.
    pub needs: Needs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    Row,
    /// The part `detail`.
    Detail,
    /// Since when the person has used the device.
    Device,
    /// The part `detail`, and what purges came to before.
    Usual,
}

/// Acts of those who administer, and what leaves the house: the ones that have office hours. Recalls are emergencies and have none.
const OFFICE: &[Action] = &[
    Action::UserCreated,
    Action::UserChanged,
    Action::UserSuspended,
    Action::InvitationCreated,
    Action::InvitationRenewed,
    Action::InvitationsMade,
    Action::SecondFactorReset,
    Action::TokenCreated,
    Action::ConnectionCreated,
    Action::ConnectionChanged,
    Action::SettingChanged,
    Action::AlertRuleChanged,
    Action::PolicyConfirmed,
    Action::HoldReleased,
    Action::AuditExported,
    Action::ListExported,
    Action::AuditPackExported,
    Action::EvidenceExported,
    Action::StreamCreated,
    Action::StreamChanged,
];

impl Rule {
    pub const fn watch(self) -> Watch {
        use Action as A;
        let (actions, outcome, by, needs): (&'static [Action], Outcome, By, Needs) = match self {
            Self::RecallBurst => (&[A::RecallSubmitted], Outcome::Success, By::Actor, Needs::Row),
            Self::ReadingBurst => (&[A::ContentRead], Outcome::Success, By::Actor, Needs::Row),
            Self::OffHours => (OFFICE, Outcome::Success, By::Actor, Needs::Row),
            Self::NewDevice => (&[A::RecallDecided], Outcome::Success, By::Actor, Needs::Device),
            Self::Refusals => (&[], Outcome::Refused, By::Actor, Needs::Detail),
            Self::SignInsAccount => (&[A::SessionOpened], Outcome::Refused, By::Account, Needs::Row),
            Self::SignInsAddress => (&[A::SessionOpened], Outcome::Refused, By::Address, Needs::Row),
            Self::TwoNetworks => (&[A::SessionOpened], Outcome::Success, By::Actor, Needs::Row),
            Self::ExportBurst => {
                (&[A::AuditExported, A::ListExported, A::AuditPackExported, A::EvidenceExported], Outcome::Success, By::Actor, Needs::Row)
            }
            Self::ExportRows => (&[A::AuditExported, A::ListExported], Outcome::Success, By::Actor, Needs::Detail),
            Self::PurgeLarge => (&[A::RetentionApplied], Outcome::Success, By::Subject, Needs::Usual),
            Self::LogBroken => (&[A::LogVerificationFailed], Outcome::Failed, By::Subject, Needs::Row),
            Self::LogReplaced => (&[A::BackupRestored, A::LogRenewed, A::CheckpointAccepted], Outcome::Success, By::Subject, Needs::Row),
            Self::WitnessLost => (&[A::WitnessLost], Outcome::Failed, By::Subject, Needs::Row),
            Self::StreamStuck => (&[A::StreamStuck], Outcome::Failed, By::Subject, Needs::Row),
            Self::TimestampExpiring => (&[A::TimestampExpiring, A::TimestampExpired], Outcome::Failed, By::Subject, Needs::Row),
            Self::CertificateExpiring => (&[A::EvidenceCertificateExpiring], Outcome::Failed, By::Subject, Needs::Row),
            Self::CertificateRevoked => (&[A::EvidenceCertificateRevoked], Outcome::Failed, By::Subject, Needs::Row),
            Self::DiskLow | Self::JobsStuck | Self::CheckpointOverdue | Self::ReviewersMissing => {
                (&[A::SystemEndangered], Outcome::Failed, By::Subject, Needs::Row)
            }
            Self::LevelOverdue => (&[A::RecallEscalated], Outcome::Success, By::Subject, Needs::Row),
            Self::Clock => (&[A::ClockDeviated], Outcome::Failed, By::Subject, Needs::Detail),
            Self::RecallFirst => (&[A::RecallOrdered], Outcome::Success, By::Subject, Needs::Row),
            Self::RatificationRefused => (&[A::RatificationDecided], Outcome::Success, By::Subject, Needs::Detail),
            Self::RatificationOverdue => (&[A::RatificationLapsed], Outcome::Failed, By::Subject, Needs::Row),
            Self::RuleWeakened => (&[A::AlertRuleChanged], Outcome::Success, By::Actor, Needs::Detail),
        };
        Watch { actions, outcome, by, needs }
    }

    /// Whether the rule looks at events of `action` that ended so.
    pub fn looks_at(self, action: &str, outcome: &str) -> bool {
        let watch = self.watch();
        outcome == watch.outcome.as_str() && (watch.actions.is_empty() || watch.actions.iter().any(|a| a.as_str() == action))
    }
}

/// An event as the projection has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub idx: i64,
    pub at: Instant,
    pub actor: String,
    /// Kind and id.
    pub subject: (String, String),
    pub address: Option<String>,
}

/// What a rule that needs more was told; absent where it has been purged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    pub detail: Option<Value>,
    /// When the person's first act on this device was, if they had used another before that.
    pub device_since: Option<Instant>,
    /// Parts of earlier purges that erased something, in any order.
    pub earlier: Vec<u64>,
}

/// What an event is to a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// Kind and id of what it is counted for.
    pub about: (String, String),
    pub weight: u64,
    /// What it shows, where different things are counted, or a figure for the explanation; empty for nothing.
    pub shows: String,
}

/// Purges that say what is usual.
const USUAL: usize = 3;

/// What `seen` is to `rule`; `None` where it does not count.
pub fn point(rule: Rule, settings: &Settings, seen: &Seen, facts: &Facts, zone: &TimeZone) -> Option<Point> {
    let detail = facts.detail.as_ref();
    let figure = |name: &str| detail.and_then(|d| d[name].as_i64());
    let about = about(rule, seen)?;
    let of = |weight: u64, shows: String| Some(Point { about: about.clone(), weight, shows });
    match rule {
        Rule::OffHours => settings.hours.as_ref().filter(|hours| !hours.hold(seen.at, zone)).and_then(|_| of(1, String::new())),
        Rule::NewDevice => {
            let span = std::time::Duration::from_secs(u64::from(settings.span) * 60);
            facts.device_since.filter(|since| seen.at.since(*since) < span).and_then(|_| of(1, String::new()))
        }
        Rule::Refusals => detail.filter(|d| is_denial(d)).and_then(|_| of(1, String::new())),
        Rule::TwoNetworks => of(1, network(seen.address.as_deref()?)?),
        Rule::ExportRows => of(u64::try_from(figure("rows")?).unwrap_or(0), String::new()),
        Rule::PurgeLarge => {
            let parts = u64::try_from(figure("parts")?).unwrap_or(0);
            let usual = median(&facts.earlier).filter(|_| facts.earlier.len() >= USUAL)?;
            let large = parts >= u64::from(settings.least.unwrap_or(0)) && parts > usual.saturating_mul(u64::from(settings.threshold));
            large.then_some(()).and_then(|()| of(parts, usual.to_string()))
        }
        Rule::Clock => {
            let offset = figure("offset_ms")?;
            (offset.unsigned_abs() > u64::from(settings.threshold) * 1000).then_some(()).and_then(|()| of(1, offset.to_string()))
        }
        Rule::DiskLow => (seen.subject.1 == "disk").then_some(()).and_then(|()| of(1, String::new())),
        Rule::JobsStuck => (seen.subject.1 == "jobs").then_some(()).and_then(|()| of(1, String::new())),
        Rule::CheckpointOverdue => ["checkpoint", "sequencer"].contains(&seen.subject.1.as_str()).then_some(()).and_then(|()| of(1, String::new())),
        Rule::ReviewersMissing => (seen.subject.1 == "reviewers").then_some(()).and_then(|()| of(1, String::new())),
        Rule::RatificationRefused => (detail?["verdict"] == "refuse").then_some(()).and_then(|()| of(1, String::new())),
        Rule::RuleWeakened => (detail?["weaker"] == true).then_some(()).and_then(|()| of(1, String::new())),
        Rule::RecallBurst
        | Rule::ReadingBurst
        | Rule::SignInsAccount
        | Rule::SignInsAddress
        | Rule::ExportBurst
        | Rule::LogBroken
        | Rule::LogReplaced
        | Rule::WitnessLost
        | Rule::StreamStuck
        | Rule::TimestampExpiring
        | Rule::CertificateExpiring
        | Rule::CertificateRevoked
        | Rule::LevelOverdue
        | Rule::RecallFirst
        | Rule::RatificationOverdue => of(1, String::new()),
    }
}

fn about(rule: Rule, seen: &Seen) -> Option<(String, String)> {
    match rule.watch().by {
        By::Actor => is_somebody(&seen.actor).then(|| ("user".to_owned(), seen.actor.clone())),
        By::Account => Some(seen.subject.clone()).filter(|(kind, id)| kind == "user" && is_somebody(id)),
        By::Address => seen.address.clone().map(|address| ("address".to_owned(), address)),
        By::Subject => Some(seen.subject.clone()),
    }
}

/// People and tokens have ids of ours; jobs, the shell and who has not signed in have words.
pub fn is_somebody(id: &str) -> bool {
    id.len() == 36 && id.bytes().filter(|b| *b == b'-').count() == 4
}

/// Whether somebody was kept from something: a field that has to be mended, or somebody else's change, keeps nobody from anything; a code
/// that was wrong does. Nor does a look at what is not there: links grow old, and programs ask for what has yet to come.
fn is_denial(detail: &Value) -> bool {
    if detail["reason"] == "not_found" && matches!(detail["method"].as_str(), Some("GET" | "HEAD")) {
        return false;
    }
    let guessed = || detail["fields"].as_array().is_some_and(|fields| fields.iter().any(|f| f["kind"] == "code-wrong"));
    match detail["reason"].as_str() {
        Some("invalid") => guessed(),
        Some("conflict" | "store" | "mail" | "unreadable" | "too_large" | "method" | "not_signed_in" | "session-over") | None => false,
        Some(_) => true,
    }
}

/// The network of an address: the first 16 bits of IPv4, the first 32 of IPv6, which is what one provider or one house has.
fn network(address: &str) -> Option<String> {
    match address.parse::<IpAddr>().ok()?.to_canonical() {
        IpAddr::V4(ip) => Some(format!("{}.{}.0.0/16", ip.octets()[0], ip.octets()[1])),
        IpAddr::V6(ip) => Some(format!("{:x}:{:x}::/32", ip.segments()[0], ip.segments()[1])),
    }
}

fn median(numbers: &[u64]) -> Option<u64> {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied()
}

/// The last alert of a rule about the same thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ongoing {
    pub last_idx: i64,
    pub last_at: Instant,
    pub acknowledged_at: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It does not fire yet.
    Nothing,
    Raise,
    /// It belongs to the alert that is there.
    CountOn,
}

/// What a point at `at` leads to. `window` are the points about the same thing within the span that ends with it, itself included, without
/// those that the last alert counted.
///
/// An alert counts on as long as the next event follows within the span, until somebody acknowledges it: what happens after that is counted
/// anew, so that an attack that goes on is seen again.
pub fn verdict(rule: Rule, settings: &Settings, last: Option<Ongoing>, at: Instant, window: &[Point]) -> Verdict {
    if last.is_some_and(|last| continues(settings, last, at)) {
        return Verdict::CountOn;
    }
    let fires = match rule.measure() {
        Measure::Each => true,
        _ => counted(rule, window) >= u64::from(settings.threshold),
    };
    if fires { Verdict::Raise } else { Verdict::Nothing }
}

/// Whether what happens at `at` belongs to the last alert.
pub fn continues(settings: &Settings, last: Ongoing, at: Instant) -> bool {
    let span = std::time::Duration::from_secs(u64::from(settings.span) * 60);
    at.since(last.last_at) <= span && last.acknowledged_at.is_none_or(|acknowledged| at < acknowledged)
}

/// What a window comes to.
pub fn counted(rule: Rule, window: &[Point]) -> u64 {
    match rule.measure() {
        Measure::Each | Measure::Count => window.len() as u64,
        Measure::Sum => window.iter().map(|p| p.weight).sum(),
        Measure::Different => window.iter().map(|p| p.shows.as_str()).collect::<BTreeSet<_>>().len() as u64,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ME: &str = "0192aaaa-0000-7000-8000-000000000000";

    fn seen(actor: &str, address: &str) -> Seen {
        let at = Instant::parse("2026-11-22T20:00:00+08:00").unwrap();
        Seen { idx: 7, at, actor: actor.into(), subject: ("log".into(), "trail".into()), address: Some(address.into()) }
    }

    fn judged(rule: Rule, seen: &Seen, facts: &Facts) -> Option<Point> {
        point(rule, &rule.shipped(), seen, facts, &TimeZone::get("Asia/Shanghai").unwrap())
    }

    fn told(detail: Value) -> Facts {
        Facts { detail: Some(detail), ..Facts::default() }
    }

    #[test]
    fn a_mistake_is_no_denial() {
        let mine = seen(ME, "10.1.2.3");
        for (detail, counts) in [
            (json!({"reason": "permission"}), true),
            (json!({"reason": "own-request"}), true),
            (json!({"reason": "forged_token"}), true),
            (json!({"reason": "invalid", "fields": [{"field": "totp", "kind": "code-wrong"}]}), true),
            (json!({"reason": "invalid", "fields": [{"field": "reason", "kind": "too-short"}]}), false),
            (json!({"reason": "conflict"}), false),
            (json!({}), false),
        ] {
            assert_eq!(judged(Rule::Refusals, &mine, &told(detail.clone())).is_some(), counts, "{detail}");
        }
        assert_eq!(judged(Rule::Refusals, &mine, &Facts::default()), None, "purged: nobody can tell");
        assert_eq!(judged(Rule::Refusals, &seen("apply_retention", ""), &told(json!({"reason": "permission"}))), None, "a job is nobody");
    }

    #[test]
    fn jobs_and_the_shell_have_no_hours_and_people_do() {
        assert!(judged(Rule::OffHours, &seen(ME, ""), &Facts::default()).is_some(), "a Sunday");
        assert_eq!(judged(Rule::OffHours, &seen("shell", ""), &Facts::default()), None);
    }

    #[test]
    fn a_device_is_new_for_a_day_and_only_to_who_had_another() {
        let now = seen(ME, "").at;
        let since = |hours: u64| Facts { device_since: Some(now.minus(std::time::Duration::from_secs(hours * 3600))), ..Facts::default() };
        assert!(judged(Rule::NewDevice, &seen(ME, ""), &since(1)).is_some());
        assert_eq!(judged(Rule::NewDevice, &seen(ME, ""), &since(24)), None);
        assert_eq!(judged(Rule::NewDevice, &seen(ME, ""), &Facts::default()), None);
    }

    #[test]
    fn usual_is_what_was_usual() {
        let purge = |parts: u64, earlier: &[u64]| {
            judged(Rule::PurgeLarge, &seen("apply_retention", ""), &Facts { earlier: earlier.to_vec(), ..told(json!({"parts": parts})) })
        };
        assert_eq!(purge(5001, &[900, 1000, 90_000]).map(|p| p.shows), Some("1000".to_owned()), "one large purge makes nothing usual");
        assert_eq!(purge(5000, &[900, 1000, 1100]), None, "not more than five times");
        assert_eq!(purge(900, &[1, 1, 1]), None, "too few to matter");
        assert_eq!(purge(90_000, &[1, 1]), None, "nothing is usual yet");
    }

    #[test]
    fn networks_and_offsets() {
        assert_eq!(network("10.1.2.3").as_deref(), Some("10.1.0.0/16"));
        assert_eq!(network("::ffff:10.1.2.3").as_deref(), Some("10.1.0.0/16"));
        assert_eq!(network("2001:db8:1::1").as_deref(), Some("2001:db8::/32"));
        assert_eq!(network("unknown"), None);
        for (offset, counts) in [(5000, false), (5001, true), (-5001, true)] {
            assert_eq!(judged(Rule::Clock, &seen("system", ""), &told(json!({"offset_ms": offset}))).is_some(), counts);
        }
    }

    #[test]
    fn a_burst_is_one_alert_until_somebody_has_seen_it() {
        let settings = Rule::Refusals.shipped();
        let at = |minutes: u64| seen(ME, "").at.plus(std::time::Duration::from_secs(minutes * 60));
        let points = |n: usize| vec![Point { about: ("user".into(), ME.into()), weight: 1, shows: String::new() }; n];
        let judge = |last, minutes, n| verdict(Rule::Refusals, &settings, last, at(minutes), &points(n));
        let last = |acknowledged_at| Some(Ongoing { last_idx: 9, last_at: at(0), acknowledged_at });
        assert_eq!([4, 5].map(|n| judge(None, 0, n)), [Verdict::Nothing, Verdict::Raise]);
        assert_eq!(judge(last(None), 10, 1), Verdict::CountOn);
        assert_eq!(judge(last(None), 11, 1), Verdict::Nothing, "it was quiet for longer than the span");
        assert_eq!(judge(last(Some(at(2))), 1, 1), Verdict::CountOn, "before somebody saw it");
        assert_eq!(judge(last(Some(at(2))), 2, 1), Verdict::Nothing);
        assert_eq!(judge(last(Some(at(2))), 8, 5), Verdict::Raise, "it goes on");
        // Sums and differences.
        let of = |weight, shows: &str| Point { about: ("user".into(), ME.into()), weight, shows: shows.into() };
        assert_eq!(counted(Rule::ExportRows, &[of(9000, ""), of(1000, "")]), 10_000);
        assert_eq!(counted(Rule::TwoNetworks, &[of(1, "a"), of(1, "b"), of(1, "a")]), 2);
    }
}
