//! Before a request is made: which path is open, how much time is left, and whether three people can be found to judge it.

use std::{collections::BTreeSet, time::Duration};

use super::{
    Case, Made, Mode, Rules, State, Verb,
    approval::{Decider, LEVELS, capacity},
};
use crate::{
    clock::Instant,
    domain::{
        platform::{Capabilities, EXECUTION_RESERVE, HarmClass, Platform, RecallPath, cut_off},
        policy::{Policy, Version},
    },
    id::{DepartmentId, UserId},
};

/// The least time in which a level can be read and decided; what "last useful moment" keeps back for each level that follows.
pub const LEAST_REVIEW: Duration = Duration::from_secs(60);

/// A case that nobody judged ends after this long, also where the platform itself has no limit.
pub const CASE_LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);

/// What is known when somebody wants to ask for a recall.
#[derive(Clone, Debug)]
pub struct Situation {
    pub now: Instant,
    /// When the broadcast went out; `None` while it has not.
    pub sent_at: Option<Instant>,
    /// What the platform can do; `None` where no connector serves the channel.
    pub capabilities: Option<Capabilities>,
    /// Whether every message has an id that the platform's API takes; never so for what was reported by hand.
    pub recallable: bool,
    pub platform: Platform,
    /// The policy in force.
    pub policy: Version,
    pub class: HarmClass,
    pub requester: UserId,
    /// The sender's department, then each above it.
    pub departments: Vec<DepartmentId>,
    /// Everybody active who holds a deciding role, or was handed deciding by somebody who does.
    pub deciders: Vec<Decider>,
}

/// What stands in the way, or should be known. The words for it are `verdict-<kind>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// Nothing has been sent yet.
    NotSent,
    /// The window closed at that moment.
    WindowClosed(Instant),
    /// Nobody can decide at this level.
    NobodyEligible(u8),
    /// Each level has somebody, but not three different people in three different people's names.
    TooFewPeople,
}

impl Obstacle {
    /// Blocking obstacles refuse the request; the others are shown, because somebody can still be appointed in time.
    pub const fn blocks(&self) -> bool {
        matches!(self, Self::NotSent | Self::WindowClosed(_))
    }
}

/// Somebody who can decide a level, and in whose name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Eligible {
    pub user: UserId,
    /// Name of who handed it to them; nothing where it is in their own name.
    pub behalf: Option<String>,
}

/// The answer: path, times, people, obstacles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub path: RecallPath,
    /// Last moment for the third decision; `None`: without limit.
    pub cut_off: Option<Instant>,
    pub window_end: Option<Instant>,
    /// Time until the cut-off.
    pub left: Option<Duration>,
    /// When each level should be decided: window share or harm budget, the smaller.
    pub due: [Instant; 3],
    /// After this moment a decision at that level comes too late for the levels that follow.
    pub last_useful: [Option<Instant>; 3],
    /// Who can decide at each level.
    pub eligible: [Vec<Eligible>; 3],
    pub obstacles: Vec<Obstacle>,
}

impl Verdict {
    pub fn feasible(&self) -> bool {
        !self.obstacles.iter().any(Obstacle::blocks)
    }

    pub fn mode(&self) -> Option<Mode> {
        match self.path {
            RecallPath::Api => Some(Mode::Api),
            RecallPath::Guided => Some(Mode::Guided),
            RecallPath::None => None,
        }
    }
}

/// The last moment for decisions of a case that is submitted at `now`.
pub fn case_cut_off(verdict: &Verdict, now: Instant) -> Instant {
    let lifetime = now.plus(CASE_LIFETIME);
    verdict.cut_off.map_or(lifetime, |end| end.min(lifetime))
}

/// Weighs a situation.
pub fn verdict(s: &Situation) -> Verdict {
    let by_api = s.recallable && s.capabilities.as_ref().is_some_and(|c| c.recall);
    let possible = possible(s.platform, s.capabilities.as_ref().filter(|_| by_api), &s.policy.policy);
    let end = s.sent_at.and_then(|at| cut_off(at, s.policy.policy.window(s.platform, possible)));
    let case = imagined(s);
    let able = LEVELS.map(|level| able(&case, &s.deciders, level));

    let mut obstacles = Vec::new();
    match (s.sent_at, end) {
        (None, _) => obstacles.push(Obstacle::NotSent),
        (Some(_), Some(end)) if s.now >= end => obstacles.push(Obstacle::WindowClosed(end)),
        _ => {}
    }
    for (level, people) in &able {
        if people.is_empty() {
            obstacles.push(Obstacle::NobodyEligible(*level));
        }
    }
    if able.iter().all(|(_, people)| !people.is_empty()) && !three_different(&case, &able) {
        obstacles.push(Obstacle::TooFewPeople);
    }
    let path = match () {
        () if obstacles.iter().any(Obstacle::blocks) => RecallPath::None,
        () if by_api => RecallPath::Api,
        () => RecallPath::Guided,
    };
    Verdict {
        path,
        cut_off: end,
        window_end: end.map(|e| e.plus(EXECUTION_RESERVE)),
        left: end.map(|e| e.since(s.now)),
        due: due(s.now, end, s.class, &s.policy.policy),
        last_useful: [2, 1, 0].map(|later: u32| end.map(|e| e.minus(LEAST_REVIEW * later))),
        eligible: able.map(|(level, people)| people.into_iter().filter_map(|who| eligible(&case, who, level)).collect()),
        obstacles,
    }
}

/// What can take a message back at all, in seconds from sending: the interface of a platform with one (`by_api`), else its console by what
/// the catalogue of `policy` knows. `None`: without limit.
pub fn possible(platform: Platform, by_api: Option<&Capabilities>, policy: &Policy) -> Option<u64> {
    match by_api {
        Some(capabilities) => capabilities.window_seconds,
        None => policy.longest(platform),
    }
}

/// When each of the three levels must be decided, counted from `now`: the smaller of its share of what is left of the window and the budget
/// of the class, after those of the levels before it.
pub fn due(now: Instant, cut_off: Option<Instant>, class: HarmClass, policy: &Policy) -> [Instant; 3] {
    due_from(1, now, [now; 3], cut_off, class, policy)
}

/// The same when the levels from `level` (1 to 3) on are still to come at `now`: what is left is shared among them anew, whether those before
/// were early or late. Those before keep what `due` says of them.
pub fn due_from(level: u8, now: Instant, mut due: [Instant; 3], cut_off: Option<Instant>, class: HarmClass, policy: &Policy) -> [Instant; 3] {
    let budget = policy.budget(class);
    let left = cut_off.map(|end| end.since(now));
    let first = usize::from(level).saturating_sub(1);
    let mut at = now;
    for (of, due) in due.iter_mut().enumerate().skip(first) {
        at = at.plus(left.map_or(budget, |left| policy.share(of, first, left).min(budget)));
        *due = at;
    }
    due
}

/// The case as it would be submitted; nobody has decided anything.
fn imagined(s: &Situation) -> Case {
    Case {
        order: None,
        state: State::Reviewing,
        open: BTreeSet::from([1]),
        round: 1,
        mode: Mode::Api,
        requester: s.requester.clone(),
        departments: s.departments.clone(),
        delegable: s.policy.policy.delegable.clone(),
        must_answer: false,
        widens: false,
        escalated: BTreeSet::new(),
        decisions: Vec::new(),
        transfers: Vec::new(),
        additions: Vec::new(),
        questions: Vec::new(),
        reminders: Vec::new(),
        cut_off: None,
        halted: false,
        operators: BTreeSet::new(),
        version: 1,
    }
}

/// A level with who could decide it, in their own name or in somebody's.
type Able<'d> = (u8, Vec<&'d Decider>);

fn able<'d>(case: &Case, deciders: &'d [Decider], level: u8) -> Able<'d> {
    (level, deciders.iter().filter(|who| capacity(Rules::ALL, case, who, level).is_ok()).collect())
}

fn eligible(case: &Case, who: &Decider, level: u8) -> Option<Eligible> {
    let grant = capacity(Rules::ALL, case, who, level).ok()?;
    Some(Eligible { user: who.user.clone(), behalf: grant.map(|grant| grant.name.clone()) })
}

/// Whether the levels can be decided one after the other by the rules of the decisions themselves: by three people, in three people's names.
/// Each decision narrows who can take the next, so they are played through until one way is found.
fn three_different(case: &Case, able: &[Able<'_>]) -> bool {
    let Some(((level, people), later)) = able.split_first() else { return true };
    people.iter().any(|who| {
        let Ok(grant) = capacity(Rules::ALL, case, who, *level) else { return false };
        let (decider, principal) = (who.user.clone(), grant.map(|grant| grant.principal.clone()));
        let mut next = case.clone();
        next.decisions.push(Made { round: case.round, level: *level, decider, principal, verb: Verb::Approve, foresees: false });
        three_different(&next, later)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{recall::delegation::Grant, role::Role};

    const HOUR: i64 = 3_600_000_000;

    fn wecom() -> Capabilities {
        Capabilities {
            send: true,
            recall: true,
            recall_per_recipient: false,
            read_back: false,
            reading_state: false,
            window_seconds: Some(24 * 3600),
            residue: vec![],
        }
    }

    fn decider(name: &str, roles: &[Role], department: Option<&str>) -> Decider {
        Decider { user: name.into(), roles: roles.iter().copied().collect(), department: department.map(Into::into), person: true, grants: vec![] }
    }

    fn situation() -> Situation {
        Situation {
            now: Instant(HOUR),
            sent_at: Some(Instant(0)),
            capabilities: Some(wecom()),
            recallable: true,
            platform: Platform::Wecom,
            policy: Version::shipped(),
            class: HarmClass::Leak,
            requester: "lin".into(),
            departments: vec!["payroll".into(), "hr".into()],
            deciders: vec![
                decider("zhou", &[Role::DepartmentReviewer], Some("hr")),
                decider("he", &[Role::LegalReviewer], None),
                decider("chen", &[Role::FinalApprover], None),
                decider("lin", &[Role::DepartmentReviewer, Role::LegalReviewer], Some("hr")),
                decider("other", &[Role::DepartmentReviewer], Some("sales")),
            ],
        }
    }

    #[test]
    fn a_feasible_request_names_path_times_and_people() {
        let v = verdict(&situation());
        assert!(v.feasible());
        assert_eq!(v.path, RecallPath::Api);
        assert_eq!(v.window_end, Some(Instant(24 * HOUR)));
        assert_eq!(v.cut_off, Some(Instant(24 * HOUR - 120_000_000)));
        assert_eq!(v.last_useful[0], Some(Instant(24 * HOUR - 240_000_000)), "two levels follow, a minute each");
        assert_eq!(v.due[0], Instant(HOUR + 300_000_000), "a leak: five minutes a level");
        let own = |name: &str| vec![Eligible { user: name.into(), behalf: None }];
        assert_eq!(v.eligible, [own("zhou"), own("he"), own("chen")], "not the requester, not another department");
        assert_eq!(v.obstacles, []);
    }

    #[test]
    fn what_stands_in_the_way_is_named() {
        let nobody = Situation { deciders: situation().deciders.into_iter().filter(|d| d.user.0 != "he").collect(), ..situation() };
        let v = verdict(&nobody);
        assert_eq!(v.obstacles, [Obstacle::NobodyEligible(2)]);
        assert!(v.feasible(), "somebody can still be appointed");
        let two = vec![decider("a", &[Role::DepartmentReviewer, Role::LegalReviewer], Some("hr")), decider("b", &[Role::FinalApprover], None)];
        assert_eq!(verdict(&Situation { deciders: two, ..situation() }).obstacles, [Obstacle::TooFewPeople]);
        let late = verdict(&Situation { now: Instant(24 * HOUR - 120_000_000), ..situation() });
        assert_eq!(late.path, RecallPath::None);
        assert!(!late.feasible());
        assert_eq!(late.obstacles, [Obstacle::WindowClosed(Instant(24 * HOUR - 120_000_000))]);
        assert_eq!(verdict(&Situation { sent_at: None, ..situation() }).obstacles, [Obstacle::NotSent]);
    }

    /// `name` was handed `levels` by `principal`.
    fn delegate(name: &str, principal: &Decider, levels: &[u8]) -> Decider {
        let grant = Grant {
            id: "d".to_owned(),
            principal: principal.user.clone(),
            name: principal.user.0.to_uppercase(),
            roles: principal.roles.clone(),
            department: principal.department.clone(),
            levels: levels.iter().copied().collect(),
            within: None,
            from: Instant(0),
            until: Instant(48 * HOUR),
        };
        Decider { grants: vec![grant], ..decider(name, &[Role::Requester], None) }
    }

    #[test]
    fn a_delegate_counts_in_their_principals_name() {
        let zhou = decider("zhou", &[Role::DepartmentReviewer, Role::FinalApprover], Some("hr"));
        let (he, chen) = (decider("he", &[Role::LegalReviewer], None), decider("chen", &[Role::FinalApprover], None));
        let deputy = |levels| delegate("deputy", &zhou, levels);
        let of = |deciders: &[&Decider]| verdict(&Situation { deciders: deciders.iter().map(|d| (*d).clone()).collect(), ..situation() });
        // Their principal is away; the deputy stands in.
        let v = of(&[&deputy(&[1]), &he, &chen]);
        assert_eq!((&v.eligible[0], v.obstacles.as_slice()), (&vec![Eligible { user: "deputy".into(), behalf: Some("ZHOU".into()) }], [].as_slice()));
        // Three people, but in two people's names.
        assert_eq!(of(&[&deputy(&[1]), &zhou, &he]).obstacles, [Obstacle::TooFewPeople]);
        assert_eq!(of(&[&deputy(&[1]), &zhou, &he, &chen]).obstacles, []);
        // Level 3 is not handed on by the rules as shipped, nor a level that was not handed to them.
        assert_eq!(of(&[&deputy(&[3]), &he]).obstacles, [Obstacle::NobodyEligible(1), Obstacle::NobodyEligible(3)]);
        let policy = Version { number: 2, policy: Policy { delegable: [2].into(), ..Policy::shipped() } };
        let kept = verdict(&Situation { deciders: vec![deputy(&[1]), he, chen], policy, ..situation() });
        assert_eq!(kept.obstacles, [Obstacle::NobodyEligible(1)]);
    }

    #[test]
    fn what_was_reported_by_hand_is_recalled_in_the_platforms_console() {
        let v = verdict(&Situation { recallable: false, capabilities: None, platform: Platform::Manual, ..situation() });
        assert_eq!((v.path, v.mode(), v.cut_off), (RecallPath::Guided, Some(Mode::Guided), None));
        let console = verdict(&Situation { recallable: false, ..situation() });
        assert_eq!(console.window_end, Some(Instant(24 * HOUR)), "what the catalogue knows of its console");
    }
    #[test]
    fn due_times_respect_window_budget_and_shares() {
        let minute = |m: i64| Instant(m * 60_000_000);
        let policy = Policy::shipped();
        assert_eq!(due(minute(0), None, HarmClass::Leak, &policy), [minute(5), minute(10), minute(15)]);
        assert_eq!(due(minute(0), Some(minute(6)), HarmClass::WrongFact, &policy), [minute(2), minute(4), minute(6)]);
        assert_eq!(due(minute(9), Some(minute(6)), HarmClass::Leak, &policy), [minute(9); 3], "a window that has closed leaves no time");
        let uneven = Policy { shares: [3, 2, 1], ..policy };
        assert_eq!(due(minute(0), Some(minute(12)), HarmClass::Leak, &uneven), [minute(5), minute(9), minute(11)], "never beyond the budget");
    }

    #[test]
    fn what_is_left_is_shared_anew_among_the_levels_to_come() {
        let minute = |m: i64| Instant(m * 60_000_000);
        let policy = Policy::shipped();
        let first = due(minute(0), Some(minute(12)), HarmClass::Leak, &policy);
        assert_eq!(first, [minute(4), minute(8), minute(12)]);
        let early = due_from(2, minute(2), first, Some(minute(12)), HarmClass::Leak, &policy);
        assert_eq!(early, [minute(4), minute(7), minute(12)], "five minutes each: the saved ones are for those who come");
        let late = due_from(2, minute(10), first, Some(minute(12)), HarmClass::Leak, &policy);
        assert_eq!(late, [minute(4), minute(11), minute(12)], "late: no level opens after its own time");
        let last = due_from(3, minute(11), late, Some(minute(12)), HarmClass::Leak, &policy);
        assert_eq!(last, [minute(4), minute(11), minute(12)]);
        assert_eq!(due_from(3, minute(30), first, None, HarmClass::Leak, &policy)[2], minute(35), "without a window the budget");
    }

    proptest::proptest! {
        /// Whatever the policy, the class and the moment: no level is due after the window, none before the level below it, and whoever
        /// comes late or early changes nothing of that.
        #[test]
        fn no_due_time_lies_after_the_window(
            shares in proptest::array::uniform3(1u32..=100),
            budget in 1u64..=7 * 24 * 3600,
            class in proptest::sample::select(HarmClass::ALL),
            now in 0i64..=48 * HOUR,
            window in proptest::option::of(0i64..=72 * HOUR),
            passed in proptest::array::uniform2(0i64..=24 * HOUR),
        ) {
            let mut policy = Policy { shares, ..Policy::shipped() };
            policy.budgets.insert(class, budget);
            let (mut now, cut_off) = (Instant(now), window.map(Instant));
            let mut all = due(now, cut_off, class, &policy);
            for level in 1..=3u8 {
                let own = all[usize::from(level) - 1];
                for (at, before) in all.iter().skip(usize::from(level) - 1).zip(std::iter::once(&now).chain(all.iter().skip(usize::from(level) - 1))) {
                    proptest::prop_assert!(at >= before, "{:?} at level {}", all, level);
                    proptest::prop_assert!(cut_off.is_none_or(|end| *at <= end.max(now)), "{:?} beyond {:?}", all, cut_off);
                }
                proptest::prop_assert!(own <= now.plus(Duration::from_secs(budget)), "beyond the budget");
                if level < 3 {
                    now = now.plus(Duration::from_micros(passed[usize::from(level) - 1].unsigned_abs()));
                    all = due_from(level + 1, now, all, cut_off, class, &policy);
                }
            }
        }
    }

    #[test]
    fn a_stricter_policy_closes_the_window_earlier() {
        let policy = Policy { adopted: ["wecom-notice".to_owned()].into(), ..Policy::shipped() };
        let policy = Version { number: 2, policy };
        let v = verdict(&Situation { now: Instant(HOUR), policy, ..situation() });
        assert_eq!(v.obstacles, [Obstacle::WindowClosed(Instant(HOUR / 2 - 120_000_000))], "thirty minutes, though the interface takes a day");
    }
}
