//! The company's policy for recalls: what it knows better of the catalogue, which rows of it it adopts, limits of its own, how long a level may take by the harm of a
//! case, and how the window is shared between the levels. Versions are numbered; version 1 is what the product ships with, and a case
//! keeps the version that it was submitted under.
//! Not here: the catalogue (`windows`), how due times are made of it (`recall::request`), how a version comes about (`proposal`), where
//! versions are kept (`store::policies`).

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    platform::{HarmClass, Platform},
    recall::delegation::DELEGABLE,
    recall_first::RecallFirst,
    windows::{self, Span, Stated, Window},
};

/// The name of the policy in statements and events.
pub const ID: &str = "three-levels";

/// The version that the product ships with.
pub const SHIPPED: u64 = 1;

const MINUTE: u64 = 60;

/// The rules of one version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// The edition of the catalogue that the rows are of.
    pub catalogue: u32,
    /// What the company states of the windows of these rows in place of the catalogue, with its own grade and source.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub amended: BTreeMap<String, Stated>,
    /// Ids of the rows of the catalogue that bind the company.
    pub adopted: BTreeSet<String>,
    /// The company's own limits, in seconds from sending.
    pub limits: BTreeMap<Platform, u64>,
    /// How long one level may take at most, in seconds, whatever the window allows.
    pub budgets: BTreeMap<HarmClass, u64>,
    /// How what is left of the window is shared between the three levels.
    pub shares: [u32; 3],
    /// Levels that may be decided on somebody's behalf.
    #[serde(default = "delegable", skip_serializing_if = "is_as_shipped")]
    pub delegable: BTreeSet<u8>,
    /// When a recall may come before its review.
    #[serde(default, skip_serializing_if = "RecallFirst::is_shipped")]
    pub recall_first: RecallFirst,
    /// Whether level 2 must answer every question before an approval (`recall::weighing`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub must_answer: bool,
    /// Whether a level is widened once its time is over (`recall::approval::escalate`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub widen_overdue: bool,
}

fn delegable() -> BTreeSet<u8> {
    DELEGABLE.into()
}

/// Rules of before there was delegation keep their bytes.
fn is_as_shipped(levels: &BTreeSet<u8>) -> bool {
    *levels == delegable()
}

/// A version with its number, as it was, is or would be in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub number: u64,
    pub policy: Policy,
}

impl Version {
    /// Version 1, which is in force until a second one is confirmed.
    pub fn shipped() -> Self {
        Self { number: SHIPPED, policy: Policy::shipped() }
    }

    /// What statements and events say of it.
    pub fn named(&self) -> Value {
        json!({ "id": ID, "version": self.number })
    }
}

impl Policy {
    /// Version 1. A leak is a matter of minutes, a wrong date of hours; the levels share alike; WeCom's console takes a message back for a
    /// day. Never changed: cases were judged by it.
    pub fn shipped() -> Self {
        let budgets = [
            (HarmClass::Leak, 5 * MINUTE),
            (HarmClass::WrongAudience, 15 * MINUTE),
            (HarmClass::WrongFact, 60 * MINUTE),
            (HarmClass::Other, 240 * MINUTE),
        ];
        Self {
            catalogue: windows::EDITION,
            amended: BTreeMap::new(),
            adopted: ["wecom-forced".to_owned()].into(),
            limits: BTreeMap::new(),
            budgets: budgets.into(),
            shares: [1, 1, 1],
            delegable: delegable(),
            recall_first: RecallFirst::default(),
            must_answer: false,
            widen_overdue: false,
        }
    }

    /// The catalogue as the company has it: the rows of the edition, with what it amended.
    pub fn windows(&self) -> impl Iterator<Item = Window> {
        windows::WINDOWS.iter().map(|w| Window { field: self.amended.get(w.id).unwrap_or(&w.field).clone(), ..w.clone() })
    }

    /// The adopted rows, in the order of the catalogue.
    pub fn rows(&self) -> impl Iterator<Item = Window> {
        self.windows().filter(|w| self.adopted.contains(w.id))
    }

    /// The longest window that the catalogue knows for a platform: what its own console takes back by hand. `None` where nothing says so,
    /// or a row says that there is no limit.
    pub fn longest(&self, platform: Platform) -> Option<u64> {
        let of: Vec<Window> = self.windows().filter(|w| w.channel.as_str() == platform.as_str()).collect();
        let without_limit = of.iter().any(|w| w.field.span == Span::Unlimited);
        of.iter().filter_map(Window::limit).max().filter(|_| !without_limit)
    }

    /// The strictest limit that the company has set itself on a platform; `None` where it has set none.
    pub fn limit(&self, platform: Platform) -> Option<u64> {
        let adopted = self.rows().filter(|w| w.channel.as_str() == platform.as_str()).filter_map(|w| w.limit());
        adopted.chain(self.limits.get(&platform).copied()).min()
    }

    /// The window that is left of `possible`, what platform or console take at all: a policy is stricter or changes nothing.
    pub fn window(&self, platform: Platform, possible: Option<u64>) -> Option<u64> {
        [possible, self.limit(platform)].into_iter().flatten().min()
    }

    /// How long one level may take for a class of harm.
    pub fn budget(&self, class: HarmClass) -> Duration {
        Duration::from_secs(self.budgets.get(&class).copied().unwrap_or_default())
    }

    /// The share of a level (0 to 2) in what is `left` of the window, when those from `first` on are still to come.
    pub fn share(&self, level: usize, first: usize, left: Duration) -> Duration {
        let all = self.shares.iter().skip(first).sum::<u32>().max(1);
        left * self.shares.get(level).copied().unwrap_or_default() / all
    }

    /// Everything that was the rule, for somebody who has this and nothing else: adopted rows come with what they say and its grade.
    pub fn rules(&self) -> Value {
        let mut rules = json!({
            "catalogue": self.catalogue, "adopted": self.rows().collect::<Vec<_>>(), "limits_seconds": self.limits,
            "budget_seconds_per_level": self.budgets, "window_shares": self.shares, "levels": 3, "different_people": 3,
            "execution_reserve_seconds": super::platform::EXECUTION_RESERVE.as_secs(),
        });
        // Rules of before there were amendments say the same as ever.
        if !self.amended.is_empty() {
            rules["amended"] = json!(self.amended);
        }
        if !is_as_shipped(&self.delegable) {
            rules["delegable_levels"] = json!(self.delegable);
        }
        if !self.recall_first.is_shipped() {
            rules["recall_first"] = json!(self.recall_first);
        }
        if self.must_answer {
            rules["level_2_must_answer"] = json!(true);
        }
        if self.widen_overdue {
            rules["overdue_levels_widen"] = json!(true);
        }
        rules
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::windows::Grade;

    #[test]
    fn a_policy_is_stricter_or_changes_nothing() {
        let shipped = Policy::shipped();
        assert_eq!(shipped.window(Platform::Wecom, Some(48 * 3600)), Some(24 * 3600));
        assert_eq!(shipped.window(Platform::Wecom, Some(600)), Some(600), "never longer than the platform takes");
        assert_eq!(shipped.window(Platform::Matrix, None), None);
        let strict = Policy {
            adopted: ["wecom-forced", "wecom-notice", "of another edition"].map(str::to_owned).into(),
            limits: [(Platform::Matrix, 3600)].into(),
            ..shipped
        };
        assert_eq!(strict.window(Platform::Wecom, Some(24 * 3600)), Some(30 * 60), "the stricter of two rows");
        assert_eq!(strict.window(Platform::Matrix, None), Some(3600));
    }

    #[test]
    fn what_the_company_knows_better_stands_in_place_of_the_catalogue() {
        let shipped = Policy::shipped();
        assert_eq!((shipped.longest(Platform::Wecom), shipped.longest(Platform::Matrix)), (Some(24 * 3600), None));
        let stated = |span| Stated { span, grade: Grade::Official, source: "合同附件三".into() };
        let amended = Policy { amended: [("wecom-forced".to_owned(), stated(Span::Seconds(48 * 3600)))].into(), ..shipped.clone() };
        assert_eq!((amended.longest(Platform::Wecom), amended.limit(Platform::Wecom)), (Some(48 * 3600), Some(48 * 3600)));
        assert_eq!(amended.rules()["amended"]["wecom-forced"]["source"], "合同附件三");
        let free = Policy { amended: [("wecom-forced".to_owned(), stated(Span::Unlimited))].into(), ..shipped.clone() };
        assert_eq!((free.longest(Platform::Wecom), free.limit(Platform::Wecom)), (None, None), "no limit");
        assert!(shipped.rules().get("amended").is_none(), "rules of before there were amendments");
        let kept: Policy = serde_json::from_value(serde_json::to_value(&amended).unwrap()).unwrap();
        assert_eq!(kept, amended);
    }

    #[test]
    fn rules_of_before_there_was_delegation_keep_their_bytes() {
        let shipped = Policy::shipped();
        let kept = serde_json::to_string(&shipped).unwrap();
        assert!(!kept.contains("delegable") && !shipped.rules().to_string().contains("delegable"), "{kept}");
        assert_eq!(serde_json::from_str::<Policy>(&kept).unwrap().delegable, [1, 2].into());
        let none = Policy { delegable: BTreeSet::new(), ..shipped };
        assert_eq!(none.rules()["delegable_levels"], json!([]));
        assert_eq!(serde_json::from_value::<Policy>(json!(none)).unwrap(), none);
    }

    #[test]
    fn rules_of_before_there_were_questions_keep_their_bytes() {
        let shipped = Policy::shipped();
        let kept = serde_json::to_string(&shipped).unwrap();
        assert!(!kept.contains("answer") && !shipped.rules().to_string().contains("answer"), "{kept}");
        assert!(!serde_json::from_str::<Policy>(&kept).unwrap().must_answer, "what says nothing of it does not want it");
        assert!(!kept.contains("overdue") && !shipped.rules().to_string().contains("overdue"), "{kept}");
        let strict = Policy { must_answer: true, widen_overdue: true, ..shipped };
        assert_eq!([&strict.rules()["level_2_must_answer"], &strict.rules()["overdue_levels_widen"]], [true, true]);
        assert_eq!(serde_json::from_value::<Policy>(json!(strict)).unwrap(), strict);
    }

    #[test]
    fn every_class_has_its_budget_and_the_rules_say_everything() {
        let shipped = Policy::shipped();
        for class in HarmClass::ALL {
            assert!(!shipped.budget(*class).is_zero(), "{class}");
        }
        let rules = shipped.rules();
        assert_eq!(rules["adopted"][0]["field"], json!({ "span": { "seconds": 86400 }, "grade": "no_source", "source": "" }));
        assert_eq!(rules["budget_seconds_per_level"]["leak"], 300);
        let kept: Policy = serde_json::from_value(serde_json::to_value(&shipped).unwrap()).unwrap();
        assert_eq!(kept, shipped);
    }
}
