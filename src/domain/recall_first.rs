//! What a policy says of 先撤后审 (recall first, ratify after): which cases may be recalled before their review, and how long the three
//! ratifications may take. Not here: who is on duty, the order and the ratifications themselves (`recall::ratification`).

use std::{collections::BTreeSet, time::Duration};

use serde::{Deserialize, Serialize};

use super::platform::HarmClass;

pub const HOUR: u64 = 3600;

/// What `below` may be, in seconds: a minute to a day.
pub const BELOW: (u64, u64) = (60, 24 * HOUR);
/// What `ratify_within` may be, in seconds: an hour to a week.
pub const RATIFY: (u64, u64) = (HOUR, 7 * 24 * HOUR);

/// The rule of one version. The shipped one allows it nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecallFirst {
    /// Cases of these classes may be recalled first.
    pub classes: BTreeSet<HarmClass>,
    /// So may any case of whose window less than this is left, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<u64>,
    /// In seconds from the order.
    pub ratify_within: u64,
}

impl Default for RecallFirst {
    fn default() -> Self {
        Self { classes: BTreeSet::new(), below: None, ratify_within: 24 * HOUR }
    }
}

impl RecallFirst {
    /// Whether it says what every version said before there was such a rule.
    pub fn is_shipped(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it allows anything at all.
    pub fn is_open(&self) -> bool {
        !self.classes.is_empty() || self.below.is_some()
    }

    /// Whether a case of `class` may be recalled first; `left` is what is left of its time for decisions, `None` without a window.
    pub fn allows(&self, class: HarmClass, left: Option<Duration>) -> bool {
        let short = |below: u64| left.is_some_and(|left| left < Duration::from_secs(below));
        self.classes.contains(&class) || self.below.is_some_and(short)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::policy::Policy;

    #[test]
    fn the_shipped_policy_allows_no_recall_before_its_review_and_says_nothing_of_it() {
        let shipped = Policy::shipped();
        for class in HarmClass::ALL {
            assert!(!shipped.recall_first.allows(*class, Some(Duration::ZERO)), "{class}");
        }
        let json = serde_json::to_string(&shipped).unwrap();
        assert!(!json.contains("recall_first") && shipped.rules().get("recall_first").is_none(), "{json}");
        assert_eq!(serde_json::from_str::<Policy>(&json).unwrap(), shipped, "rules of before there was such a rule");
    }

    #[test]
    fn a_class_is_allowed_always_and_any_case_where_no_time_is_left() {
        let rule = RecallFirst { classes: [HarmClass::Leak].into(), below: Some(600), ratify_within: HOUR };
        let minutes = |m: u64| Some(Duration::from_secs(m * 60));
        assert!(rule.allows(HarmClass::Leak, None) && rule.allows(HarmClass::Leak, minutes(500)));
        assert!(rule.allows(HarmClass::Other, minutes(9)) && !rule.allows(HarmClass::Other, minutes(10)));
        assert!(!rule.allows(HarmClass::Other, None), "there is time enough where no window closes");
        let policy = Policy { recall_first: rule, ..Policy::shipped() };
        assert_eq!(policy.rules()["recall_first"]["classes"][0], "leak");
        assert_eq!(serde_json::from_value::<Policy>(serde_json::to_value(&policy).unwrap()).unwrap(), policy);
    }
}
