//! A change of the policy on its way: one person proposes rules, another one confirms them, and only then is there a version more. What
//! rules may say, and how two versions differ, line by line.
//! Not here: the rules themselves (`policy`), who may propose and confirm (`role`), where proposals are kept (`store::policies`).

use super::{
    platform::{EXECUTION_RESERVE, HarmClass, Platform},
    policy::Policy,
    recall::approval::LEVELS,
    recall_first::{BELOW, HOUR, RATIFY},
    windows::{self, Grade, Span, Stated},
};
use crate::words;

words! {
    /// Where a proposal stands. It changes nothing but as confirmed, and ends once.
    pub enum ProposalState {
        /// Waits for a second person.
        Proposed = "proposed",
        /// A version of its own since then.
        Confirmed = "confirmed",
        /// The second person did not agree.
        Rejected = "rejected",
        /// Taken back by who proposed it.
        Withdrawn = "withdrawn",
    }
}

impl ProposalState {
    /// The state that a proposal is in after a successful `action`; none where it is not about a proposal.
    pub fn after(action: &str) -> Option<Self> {
        action.strip_prefix("policy.").and_then(Self::parse)
    }
}

const MINUTE: u64 = 60;

/// The shortest time that a level may be given, in seconds: less is no time to read in.
pub const BUDGET_LEAST: u64 = MINUTE;
/// The longest, in seconds.
pub const BUDGET_MOST: u64 = 24 * 60 * MINUTE;
/// The shortest limit of a platform, in seconds: what an execution needs and a minute for each level. A shorter one would leave no recall
/// possible at all.
pub const LIMIT_LEAST: u64 = EXECUTION_RESERVE.as_secs() + 3 * MINUTE;
/// The longest, in seconds: a case lasts no longer (`recall::request::CASE_LIFETIME`).
pub const LIMIT_MOST: u64 = 30 * 24 * 60 * MINUTE;
/// The greatest share of a level; the smallest is 1, for each level decides.
pub const SHARE_MOST: u32 = 100;

/// A line that says what it must not, and the range that is allowed: seconds, or shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    pub at: Line,
    pub limits: (u64, u64),
}

/// One line of the rules: what can be changed by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// What a row of the catalogue says.
    Amended(&'static str),
    /// Whether a row of the catalogue is adopted.
    Row(&'static str),
    Limit(Platform),
    Budget(HarmClass),
    Shares,
    /// Whether a level may be decided on somebody's behalf.
    Delegable(u8),
    /// The classes of harm that may be recalled first.
    FirstClasses,
    /// What is left of a window, below which any case may.
    FirstBelow,
    /// How long its ratification may take.
    FirstHours,
    /// Whether level 2 must answer every question.
    MustAnswer,
    /// Whether a level is widened once its time is over.
    WidenOverdue,
}

impl Policy {
    /// Every line of the rules, in the order in which they are shown.
    pub fn lines() -> Vec<Line> {
        let amended = windows::WINDOWS.iter().map(|w| Line::Amended(w.id));
        let rows = windows::WINDOWS.iter().map(|w| Line::Row(w.id));
        let limits = Platform::ALL.iter().map(|p| Line::Limit(*p));
        let budgets = HarmClass::ALL.iter().map(|c| Line::Budget(*c));
        let last = [Line::FirstClasses, Line::FirstBelow, Line::FirstHours, Line::MustAnswer, Line::WidenOverdue];
        amended.chain(rows).chain(limits).chain(budgets).chain([Line::Shares]).chain(LEVELS.map(Line::Delegable)).chain(last).collect()
    }

    /// The lines in which `other` says something else.
    pub fn differences(&self, other: &Self) -> Vec<Line> {
        let differs = |line: &Line| match line {
            Line::Amended(id) => self.amended.get(*id) != other.amended.get(*id),
            Line::Row(id) => self.adopted.contains(*id) != other.adopted.contains(*id),
            Line::Limit(platform) => self.limits.get(platform) != other.limits.get(platform),
            Line::Budget(class) => self.budgets.get(class) != other.budgets.get(class),
            Line::Shares => self.shares != other.shares,
            Line::Delegable(level) => self.delegable.contains(level) != other.delegable.contains(level),
            Line::FirstClasses => self.recall_first.classes != other.recall_first.classes,
            Line::FirstBelow => self.recall_first.below != other.recall_first.below,
            Line::FirstHours => self.recall_first.ratify_within != other.recall_first.ratify_within,
            Line::MustAnswer => self.must_answer != other.must_answer,
            Line::WidenOverdue => self.widen_overdue != other.widen_overdue,
        };
        Self::lines().into_iter().filter(differs).collect()
    }

    /// The lines that say what they must not.
    pub fn faults(&self) -> Vec<Fault> {
        let outside = |value: u64, limits: (u64, u64)| !(limits.0..=limits.1).contains(&value);
        let mut faults = Vec::new();
        for line in Self::lines() {
            let (wrong, limits) = match line {
                Line::Amended(id) => {
                    // What binds the company must leave a recall possible; what is only known may be as short as it is.
                    let least = if self.adopted.contains(id) { LIMIT_LEAST } else { MINUTE };
                    let limits = (least, LIMIT_MOST);
                    let wrong = |stated: &Stated| match stated.span {
                        Span::Seconds(seconds) => outside(seconds, limits) || seconds % MINUTE != 0,
                        Span::Nothing => self.adopted.contains(id),
                        Span::Unlimited => false,
                    };
                    (self.amended.get(id).is_some_and(wrong), limits)
                }
                Line::Row(_) | Line::MustAnswer | Line::WidenOverdue => (false, (0, 0)),
                // That there is no fourth level is said once.
                Line::Delegable(level) => (level == 1 && self.delegable.iter().any(|l| !LEVELS.contains(l)), (1, 3)),
                Line::Limit(platform) => {
                    let limits = (LIMIT_LEAST, LIMIT_MOST);
                    (self.limits.get(&platform).is_some_and(|limit| outside(*limit, limits)), limits)
                }
                Line::Budget(class) => {
                    let limits = (BUDGET_LEAST, BUDGET_MOST);
                    (self.budgets.get(&class).is_none_or(|budget| outside(*budget, limits)), limits)
                }
                Line::Shares => {
                    let limits = (1, u64::from(SHARE_MOST));
                    (self.shares.iter().any(|share| outside(u64::from(*share), limits)), limits)
                }
                Line::FirstClasses => (false, (0, 0)),
                Line::FirstBelow => (self.recall_first.below.is_some_and(|below| outside(below, BELOW) || below % MINUTE != 0), BELOW),
                Line::FirstHours => {
                    (outside(self.recall_first.ratify_within, RATIFY) || !self.recall_first.ratify_within.is_multiple_of(HOUR), RATIFY)
                }
            };
            if wrong {
                faults.push(Fault { at: line, limits });
            }
        }
        faults
    }

    /// Ids of amended rows that claim a documentation or other people's word and name none.
    pub fn unsourced(&self) -> Vec<&str> {
        let claims = |grade| matches!(grade, Grade::Official | Grade::ThirdParty);
        self.amended.iter().filter(|(_, stated)| claims(stated.grade) && stated.source.trim().is_empty()).map(|(id, _)| id.as_str()).collect()
    }

    /// Ids among the adopted and amended ones that the catalogue does not have.
    pub fn unknown_rows(&self) -> Vec<&str> {
        self.adopted.iter().chain(self.amended.keys()).map(String::as_str).filter(|id| windows::window(id).is_none()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proposal_stands_where_its_last_event_left_it() {
        assert_eq!(ProposalState::after("policy.rejected"), Some(ProposalState::Rejected));
        assert_eq!((ProposalState::after("policy.read"), ProposalState::after("hold.proposed")), (None, None));
    }

    #[test]
    fn two_versions_differ_in_the_lines_that_were_changed() {
        let shipped = Policy::shipped();
        assert_eq!((shipped.differences(&shipped), shipped.faults()), (vec![], vec![]));
        let mut other = shipped.clone();
        other.adopted = ["wecom-notice".to_owned()].into();
        other.limits.insert(Platform::Matrix, 3600);
        other.budgets.insert(HarmClass::Leak, 120);
        other.shares = [1, 2, 1];
        let longer = Stated { span: Span::Seconds(48 * 3600), grade: Grade::Untested, source: "".into() };
        other.amended.insert("wecom-forced".into(), longer);
        let lines = [
            Line::Amended("wecom-forced"),
            Line::Row("wecom-notice"),
            Line::Row("wecom-forced"),
            Line::Limit(Platform::Matrix),
            Line::Budget(HarmClass::Leak),
            Line::Shares,
        ];
        assert_eq!(shipped.differences(&other), lines);
        assert_eq!(other.differences(&shipped), lines);
    }

    #[test]
    fn no_level_goes_without_a_share_and_no_platform_without_a_recall() {
        let mut policy = Policy::shipped();
        policy.limits = [(Platform::Wecom, LIMIT_LEAST - 1), (Platform::Matrix, LIMIT_LEAST)].into();
        policy.budgets.remove(&HarmClass::Other);
        policy.budgets.insert(HarmClass::Leak, 59);
        policy.budgets.insert(HarmClass::WrongFact, BUDGET_MOST);
        policy.shares = [1, 0, 1];
        let at: Vec<Line> = policy.faults().iter().map(|fault| fault.at).collect();
        assert_eq!(at, [Line::Limit(Platform::Wecom), Line::Budget(HarmClass::Leak), Line::Budget(HarmClass::Other), Line::Shares]);
        let stated = |seconds, grade| Stated { span: Span::Seconds(seconds), grade, source: "".into() };
        policy = Policy::shipped();
        policy.amended.insert("wecom-forced".into(), stated(120, Grade::Official));
        policy.amended.insert("qq-member".into(), stated(120, Grade::Untested));
        policy.amended.insert("fax".into(), stated(120, Grade::Untested));
        let at: Vec<Line> = policy.faults().iter().map(|fault| fault.at).collect();
        assert_eq!(at, [Line::Amended("wecom-forced")], "it is adopted, and leaves no time for a recall");
        assert_eq!((policy.unsourced(), policy.unknown_rows()), (vec!["wecom-forced"], vec!["fax"]));
        let nothing = Stated { span: Span::Nothing, grade: Grade::Untested, source: "".into() };
        policy.amended = [("wecom-forced".to_owned(), nothing.clone()), ("wecom-notice".to_owned(), nothing)].into();
        let at: Vec<Line> = policy.faults().iter().map(|fault| fault.at).collect();
        assert_eq!(at, [Line::Amended("wecom-forced")], "what cannot be taken back is known, not adopted");
        policy.adopted.clear();
        assert_eq!((policy.faults(), policy.longest(Platform::Wecom)), (vec![], Some(0)), "no console takes it back");
    }
}
