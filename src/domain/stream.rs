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

    /// Names under which the same stands in other parts, at any depth: what was typed as a person's name, what was searched for.
    pub const fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Names => &["name", "username", "display_name", "owner_name", "shows", "query"],
            Self::Addresses => &["address", "addresses", "client_ip", "forwarded_for", "peer_ip", "peer_port", "ip", "network", "shows", "query"],
            Self::Browsers => &["user_agent"],
            Self::Devices | Self::Details | Self::Texts => &[],
        }
    }
}

/// The parts that leave the house. Others repeat something of a message or of a platform's answer (`shown`, `platform`), or are newer than
/// this line: they are never sent.
pub const SENT: [&str; 5] = ["actor", "client", "device", "detail", "text"];

/// Why a part or a field of it is not in what was sent.
pub const PURGED: &str = "purged";
/// It is not there, and no purge says that it was erased.
pub const MISSING: &str = "missing";
/// It is there and cannot be opened: somebody changed it past the product.
pub const UNREADABLE: &str = "unreadable";
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

impl Settings {
    /// Those of a stream whose own cannot be read.
    pub fn none() -> Self {
        Self {
            destination: String::new(),
            format: Format::Native,
            filter: Filter::default(),
            leave_out: BTreeSet::new(),
            ca: String::new(),
            certificate: String::new(),
        }
    }
}

/// One part as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    pub value: Value,
    /// Whether it is whole: then its salt may go with it, and the commitment in the leaf can be checked.
    pub whole: bool,
}

/// Takes out of `parts` what this stream leaves out or nobody is sent; `gone` are parts that the leaf commits to and that could not be read,
/// each with the reason. Answers what is left, and a reason for each part (`device`) or field (`actor.name`) that is not.
pub fn withhold(
    parts: BTreeMap<String, Value>,
    gone: BTreeMap<String, &'static str>,
    leave_out: &BTreeSet<Field>,
) -> (BTreeMap<String, Sent>, BTreeMap<String, &'static str>) {
    let mut withheld = gone;
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
        if whole.is_some() {
            let keys: BTreeSet<&str> = leave_out.iter().flat_map(|f| f.keys()).copied().collect();
            let addresses = leave_out.contains(&Field::Addresses);
            for field in strip(&mut value, &keys, addresses, &name) {
                withheld.insert(field, LEFT_OUT);
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

/// Removes what stands under `keys` at any depth, and what is about an address (`{"kind":"address","id":…}`, and of an explanation what
/// it shows) where `addresses`; where each stood, with points: `detail.after.name`.
fn strip(value: &mut Value, keys: &BTreeSet<&str>, addresses: bool, at: &str) -> Vec<String> {
    let mut gone = Vec::new();
    match value {
        Value::Object(fields) => {
            let kind = |v: &Value| v.get("kind").and_then(Value::as_str).is_some_and(|kind| kind == "address");
            // An alert about an address explains itself with addresses.
            let about = addresses && fields.get("about").is_some_and(kind);
            fields.retain(|name, _| {
                let stays = !(keys.contains(name.as_str()) || about && matches!(name.as_str(), "about" | "explanation"));
                if !stays {
                    gone.push(format!("{at}.{name}"));
                }
                stays
            });
            for (name, value) in fields {
                gone.extend(strip(value, keys, addresses, &format!("{at}.{name}")));
            }
        }
        Value::Array(values) => {
            for value in values {
                gone.extend(strip(value, keys, addresses, at));
            }
        }
        _ => {}
    }
    gone
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
        let gone = BTreeMap::from([("text".to_owned(), PURGED)]);
        let (sent, withheld) = withhold(parts, gone, &BTreeSet::from([Field::Names, Field::Addresses, Field::Devices]));
        assert_eq!(sent["actor"], Sent { value: json!({ "roles": ["requester"] }), whole: false });
        assert_eq!(sent["client"].value, json!({ "user_agent": "Firefox" }));
        assert!(sent["detail"].whole && !sent.contains_key("device") && !sent.contains_key("shown"));
        let reasons: Vec<_> = withheld.iter().map(|(name, why)| (name.as_str(), *why)).collect();
        assert_eq!(reasons, [("actor.name", LEFT_OUT), ("client.client_ip", LEFT_OUT), ("device", LEFT_OUT), ("shown", CONTENT), ("text", PURGED)]);
    }

    /// What `user.created` and `alert.raised` say in their details.
    #[test]
    fn names_and_addresses_are_left_out_wherever_they_stand() {
        let parts = BTreeMap::from([
            (
                "detail".to_owned(),
                json!({ "after": { "username": "lin", "name": "林雨桐", "roles": ["requester"] }, "list": [{ "client_ip": "203.0.113.9" }] }),
            ),
            ("text".to_owned(), json!({ "query": { "q": "林雨桐" } })),
        ]);
        let out = BTreeSet::from([Field::Names, Field::Addresses]);
        let (sent, withheld) = withhold(parts, BTreeMap::new(), &out);
        assert_eq!(sent["detail"], Sent { value: json!({ "after": { "roles": ["requester"] }, "list": [{}] }), whole: false });
        assert_eq!(sent["text"], Sent { value: json!({}), whole: false });
        let fields: Vec<_> = withheld.keys().map(String::as_str).collect();
        assert_eq!(fields, ["detail.after.name", "detail.after.username", "detail.list.client_ip", "text.query"]);
        let raised = json!({
            "about": { "kind": "address", "id": "203.0.113.9" }, "rule": "r", "explanation": { "shows": ["203.0.113.9"], "counted": 3 },
        });
        let parts = || BTreeMap::from([("detail".to_owned(), raised.clone())]);
        let (sent, _) = withhold(parts(), BTreeMap::new(), &BTreeSet::from([Field::Addresses]));
        assert_eq!(sent["detail"], Sent { value: json!({ "rule": "r" }), whole: false });
        let (sent, withheld) = withhold(parts(), BTreeMap::new(), &BTreeSet::from([Field::Devices]));
        assert!(sent["detail"] == Sent { value: raised, whole: true } && withheld.is_empty());
    }

    #[test]
    fn it_waits_longer_each_time_and_is_stuck_in_the_end() {
        let waits: Vec<u64> = [0, 1, 2, 3, 9, 10, 99].map(|n| pause(n).as_secs()).to_vec();
        assert_eq!(waits, [1, 1, 2, 4, 256, 300, 300]);
        assert!(!stuck(4, Duration::from_secs(59)) && stuck(5, Duration::ZERO) && stuck(1, Duration::from_secs(60)));
    }
}
