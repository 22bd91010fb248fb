//! A stream of the audit trail: where it goes, which events it takes and what of them it leaves out.
//! Not here: the wire (`connect::stream`), the delivery (`app::streams`).

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::event::{Action, Outcome};
use crate::words;

words! {
    pub enum StreamKind {
        /// RFC 5424 over TLS.
        Syslog = "syslog",
        /// HTTPS, signed as Standard Webhooks says.
        Webhook = "webhook",
        /// One JSON object a line, below the folder of the settings.
        File = "file",
    }
}

words! {
    pub enum Format {
        Ocsf = "ocsf",
        /// Leaf, index and parts as the log has them.
        Native = "native",
    }
}

words! {
    pub enum StreamState {
        Running = "running",
        Paused = "paused",
    }
}

words! {
    /// What can be left out of the parts that are sent.
    pub enum Field {
        Names = "names",
        Addresses = "addresses",
        Browsers = "browsers",
        Devices = "devices",
        Details = "details",
        Texts = "texts",
    }
}

impl Field {
    /// The part, and the fields of it; none: the whole part.
    pub const fn reach(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::Names => ("actor", &["name"]),
            Self::Addresses => ("client", &["client_ip", "forwarded_for", "peer_ip", "peer_port"]),
            Self::Browsers => ("client", &["user_agent"]),
            Self::Devices => ("device", &[]),
            Self::Details => ("detail", &[]),
            Self::Texts => ("text", &[]),
        }
    }
}

/// The parts that leave the house. Others repeat something of a message or of a platform's answer (`shown`, `platform`), or are newer than
/// this line: they are never sent.
pub const SENT: [&str; 5] = ["actor", "client", "device", "detail", "text"];

/// Why a part or a field of it is not in what was sent.
pub const PURGED: &str = "purged";
pub const CONTENT: &str = "content";
pub const LEFT_OUT: &str = "left_out";

/// Which events a stream takes; what is empty sets no condition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// Actions, or beginnings of actions that end with a dot (`recall.`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outcomes: Vec<Outcome>,
    /// Ids of cases.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cases: Vec<String>,
}

impl Filter {
    pub fn takes(&self, action: &str, outcome: &str, case: Option<&str>) -> bool {
        let named = |wanted: &String| action == wanted || (wanted.ends_with('.') && action.starts_with(wanted.as_str()));
        (self.actions.is_empty() || self.actions.iter().any(named))
            && (self.outcomes.is_empty() || self.outcomes.iter().any(|o| o.as_str() == outcome))
            && (self.cases.is_empty() || case.is_some_and(|case| self.cases.iter().any(|c| c == case)))
    }

    /// The actions as people type them: `hold.placed, recall.*`.
    pub fn written_actions(&self) -> String {
        let word = |a: &String| if a.ends_with('.') { format!("{a}*") } else { a.clone() };
        self.actions.iter().map(word).collect::<Vec<_>>().join(", ")
    }

    /// Reads actions as typed, separated by commas or white space; `recall.*` and `recall.` are the same.
    ///
    /// # Errors
    /// The first word that is no action and no beginning of one.
    pub fn read_actions(typed: &str) -> Result<Vec<String>, String> {
        let words = typed.split([',', '，', '、']).flat_map(str::split_whitespace);
        let mut read = BTreeSet::new();
        for word in words {
            let wanted = word.strip_suffix('*').unwrap_or(word);
            let known = match wanted.ends_with('.') {
                true => Action::ALL.iter().any(|a| a.as_str().starts_with(wanted)),
                false => Action::parse(wanted).is_some(),
            };
            if !known {
                return Err(word.chars().take(64).collect());
            }
            read.insert(wanted.to_owned());
        }
        Ok(read.into_iter().collect())
    }
}

/// What a stream is, without its secrets. Stored as JSON with the stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// `tls://host:6514` or `tcp://…` (syslog), `https://…` (webhook), a folder's name (file).
    pub destination: String,
    pub format: Format,
    #[serde(default)]
    pub filter: Filter,
    #[serde(default)]
    pub leave_out: BTreeSet<Field>,
    /// PEM of the authorities that the other side's certificate may come from; empty: those of the system.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub ca: String,
    /// PEM of the certificate that we show; empty: none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub certificate: String,
}

/// One part as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    pub value: Value,
    /// Whether it is whole: then its salt may go with it, and the commitment in the leaf can be checked.
    pub whole: bool,
}

/// Takes out of `parts` what this stream leaves out or nobody is sent; `all` are the names that the leaf commits to. Answers what is left,
/// and a reason for each part (`device`) or field (`actor.name`) that is not.
pub fn withhold<'a>(
    parts: BTreeMap<String, Value>,
    all: impl Iterator<Item = &'a str>,
    leave_out: &BTreeSet<Field>,
) -> (BTreeMap<String, Sent>, BTreeMap<String, &'static str>) {
    let mut withheld = BTreeMap::new();
    for name in all {
        if !parts.contains_key(name) {
            withheld.insert(name.to_owned(), PURGED);
        }
    }
    let mut sent = BTreeMap::new();
    for (name, mut value) in parts {
        if !SENT.contains(&name.as_str()) {
            withheld.insert(name, CONTENT);
            continue;
        }
        let mut whole = Some(true);
        for (_, fields) in leave_out.iter().map(|f| f.reach()).filter(|(part, _)| *part == name) {
            if fields.is_empty() {
                whole = None;
                break;
            }
            for field in fields.iter().filter(|f| value.as_object_mut().is_some_and(|o| o.remove(**f).is_some())) {
                withheld.insert(format!("{name}.{field}"), LEFT_OUT);
                whole = Some(false);
            }
        }
        match whole {
            Some(whole) => drop(sent.insert(name, Sent { value, whole })),
            None => drop(withheld.insert(name, LEFT_OUT)),
        }
    }
    (sent, withheld)
}

/// Pause before the next try after `failures` in a row: 1 s, doubling, at most 5 min.
pub fn pause(failures: i64) -> Duration {
    let exponent = u32::try_from(failures.clamp(1, 10)).unwrap_or(10) - 1;
    Duration::from_secs((1u64 << exponent).min(300))
}

/// Failures in a row after which a stream is stuck.
const PATIENCE: i64 = 5;
/// How long a stream may fail before it is stuck.
const LONGEST: Duration = Duration::from_secs(60);

/// Whether a stream that has failed so often, and for so long, is stuck.
pub fn stuck(failures: i64, failing: Duration) -> bool {
    failures >= PATIENCE || failing >= LONGEST
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_filter_takes_actions_beginnings_outcomes_and_cases() {
        let filter = Filter { actions: Filter::read_actions("recall.*, session.opened").unwrap(), ..Filter::default() };
        assert!(filter.takes("recall.decided", "success", None) && filter.takes("session.opened", "refused", None));
        assert!(!filter.takes("session.closed", "success", None) && !filter.takes("recalls", "success", None));
        let refused = Filter { outcomes: vec![Outcome::Refused], cases: vec!["c".to_owned()], ..Filter::default() };
        assert!(refused.takes("recall.decided", "refused", Some("c")));
        assert!(!refused.takes("recall.decided", "success", Some("c")) && !refused.takes("recall.decided", "refused", None));
        assert!(Filter::default().takes("anything", "at all", None));
    }

    #[test]
    fn only_actions_of_the_catalogue_can_be_asked_for() {
        assert_eq!(Filter::read_actions("hold.placed\nhold.、recall.").unwrap(), ["hold.", "hold.placed", "recall."]);
        let actions = Filter::read_actions("recall.*, hold.placed").unwrap();
        assert_eq!(Filter { actions, ..Filter::default() }.written_actions(), "hold.placed, recall.*");
        assert_eq!(Filter::read_actions(" ").unwrap(), Vec::<String>::new());
        for wrong in ["recall", "*", "nothing.", "撤回"] {
            assert_eq!(Filter::read_actions(wrong).unwrap_err(), wrong);
        }
    }

    #[test]
    fn what_is_left_out_is_gone_and_said() {
        let parts = BTreeMap::from([
            ("actor".to_owned(), json!({ "name": "林雨桐", "roles": ["requester"] })),
            ("client".to_owned(), json!({ "client_ip": "203.0.113.9", "user_agent": "Firefox" })),
            ("device".to_owned(), json!({ "device_id": "d" })),
            ("detail".to_owned(), json!({ "n": 1 })),
            ("shown".to_owned(), json!({ "summary": "a title" })),
        ]);
        let all = ["actor", "client", "detail", "device", "shown", "text"];
        let (sent, withheld) = withhold(parts, all.into_iter(), &BTreeSet::from([Field::Names, Field::Addresses, Field::Devices]));
        assert_eq!(sent["actor"], Sent { value: json!({ "roles": ["requester"] }), whole: false });
        assert_eq!(sent["client"].value, json!({ "user_agent": "Firefox" }));
        assert!(sent["detail"].whole && !sent.contains_key("device") && !sent.contains_key("shown"));
        let reasons: Vec<_> = withheld.iter().map(|(name, why)| (name.as_str(), *why)).collect();
        assert_eq!(reasons, [("actor.name", LEFT_OUT), ("client.client_ip", LEFT_OUT), ("device", LEFT_OUT), ("shown", CONTENT), ("text", PURGED)]);
    }

    #[test]
    fn it_waits_longer_each_time_and_is_stuck_in_the_end() {
        let waits: Vec<u64> = [0, 1, 2, 3, 9, 10, 99].map(|n| pause(n).as_secs()).to_vec();
        assert_eq!(waits, [1, 1, 2, 4, 256, 300, 300]);
        assert!(!stuck(4, Duration::from_secs(59)) && stuck(5, Duration::ZERO) && stuck(1, Duration::from_secs(60)));
    }
}
