//! One event of the log as an OCSF event. What the schema has no place for stands in `unmapped`; the leaf itself stands in `raw_data`, byte
//! for byte, so that whoever receives it can check it against the log.

use std::{collections::BTreeMap, net::IpAddr};

use serde_json::{Map, Value, json};

use super::{Class, OTHER, VERSION, kind};
use crate::{
    clock::Instant,
    domain::event::{Action, Outcome},
};

/// An event as the log has it, opened as far as the receiver may read it.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    pub index: u64,
    pub id: &'a str,
    pub at: Instant,
    /// The words of the leaf: a node of a newer version may write actions that this one does not know.
    pub action: &'a str,
    pub outcome: &'a str,
    /// Kind and id.
    pub actor: (&'a str, &'a str),
    pub subject: (&'a str, &'a str),
    pub session: Option<&'a str>,
    pub case: Option<&'a str>,
    pub node: &'a str,
    /// The exact bytes of the leaf.
    pub leaf: &'a str,
    pub parts: &'a BTreeMap<String, Value>,
    /// Names of the parts that are not there, each with a word for the reason.
    pub withheld: &'a BTreeMap<String, &'static str>,
}

impl Record<'_> {
    fn text(&self, part: &str, field: &str) -> Option<&str> {
        self.parts.get(part)?.get(field)?.as_str().filter(|t| !t.is_empty())
    }
}

/// The OCSF event. `version` is ours, `origin` the log's name.
///
/// Severity: 1 (Informational) what was done, 2 (Low) what was refused, 3 (Medium) what broke.
pub fn event(record: &Record<'_>, version: &str, origin: &str) -> Value {
    let action = Action::parse(record.action);
    // A word that this version does not know: the base event.
    let (class, class_name, category, activity, activity_name) = match action.map(kind) {
        Some(k) => (k.class.uid(), k.class.name(), k.class.category(), k.activity, k.name),
        None => (0, "Base Event", (0, "Uncategorized"), OTHER, ""),
    };
    let activity_name = if activity_name.is_empty() { record.action } else { activity_name };
    let (severity_id, severity) = match Outcome::parse(record.outcome) {
        Some(Outcome::Success) => (1, "Informational"),
        Some(Outcome::Refused) => (2, "Low"),
        _ => (3, "Medium"),
    };
    let (status_id, status) = if record.outcome == Outcome::Success.as_str() { (1, "Success") } else { (2, "Failure") };
    let mut metadata = json!({
        "version": VERSION,
        "product": { "name": "Countermand", "vendor_name": "Countermand", "version": version, "uid": origin },
        "uid": record.id, "event_code": record.action, "sequence": record.index, "original_time": record.at.to_rfc3339(),
        "log_name": "audit", "log_provider": "Countermand",
    });
    if let Some(case) = record.case {
        metadata["correlation_uid"] = json!(case);
    }
    let mut event = json!({
        "class_uid": class, "class_name": class_name, "category_uid": category.0, "category_name": category.1,
        "activity_id": activity, "activity_name": activity_name,
        "type_uid": class * 100 + activity, "type_name": format!("{class_name}: {}", if activity == OTHER { "Other" } else { activity_name }),
        "severity_id": severity_id, "severity": severity, "status_id": status_id, "status": status, "status_detail": record.outcome,
        "time": record.at.0.div_euclid(1000), "message": format!("{} {}", record.action, record.outcome),
        "metadata": metadata, "raw_data": record.leaf,
    });
    let mut unmapped = json!({
        "subject": { "kind": record.subject.0, "id": record.subject.1 },
        "actor": { "kind": record.actor.0, "id": record.actor.1 }, "node": record.node,
    });
    let parts: Map<String, Value> = record.parts.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    if !parts.is_empty() {
        unmapped["parts"] = Value::Object(parts);
    }
    if !record.withheld.is_empty() {
        unmapped["withheld"] = json!(record.withheld);
    }
    event["unmapped"] = unmapped;
    origin_of(record, action, &mut event);
    if let Some(class) = action.map(|a| kind(a).class) {
        about(record, class, &mut event);
    }
    event
}

/// Who did it and from where. `actor` and `device` of these classes come with the profile `host`.
fn origin_of(record: &Record<'_>, action: Option<Action>, event: &mut Value) {
    let class = action.map(|a| kind(a).class);
    let mut actor = json!({ "user": actor(record) });
    if let Some(session) = record.session {
        actor["session"] = json!({ "uid": session });
    }
    event["actor"] = actor;
    let mut host = matches!(class, None | Some(Class::WebResourcesActivity | Class::ApplicationLifecycle));
    let address = |text: Option<&str>| text.filter(|t| t.parse::<IpAddr>().is_ok()).map(ToOwned::to_owned);
    if let Some(device) = record.text("device", "device_id") {
        let mut seen = json!({ "uid": device, "type_id": 8, "type": "Browser" });
        if let Some(ip) = address(record.text("client", "client_ip")) {
            seen["ip"] = json!(ip);
        }
        event["device"] = seen;
        host = true;
    }
    if host {
        event["metadata"]["profiles"] = json!(["host"]);
    }
    if matches!(class, None | Some(Class::ApplicationLifecycle)) {
        return;
    }
    let mut from = json!({});
    if let Some(ip) = address(record.text("client", "client_ip")) {
        from["ip"] = json!(ip);
        // The port is the peer's: it is the client's only where no proxy stands between.
        if record.text("client", "peer_ip") == Some(ip.as_str())
            && let Some(port) = record.parts.get("client").and_then(|c| c["peer_port"].as_u64())
        {
            from["port"] = json!(port);
        }
    } else if class == Some(Class::ApiActivity) {
        // Our own calls to others go out from this node.
        from["name"] = json!(record.node);
    }
    if from != json!({}) {
        event["src_endpoint"] = from;
    }
    let mut request = json!({});
    if let Some(agent) = record.text("client", "user_agent") {
        request["user_agent"] = json!(agent);
    }
    let chain: Vec<&str> = record.text("client", "forwarded_for").unwrap_or_default().split(',').map(str::trim).collect();
    if chain.iter().all(|hop| hop.parse::<IpAddr>().is_ok()) {
        request["x_forwarded_for"] = json!(chain);
    }
    if request != json!({}) {
        event["http_request"] = request;
    }
}

/// The account that acted. `type_id`: 1 User, 3 System, 4 Service.
fn actor(record: &Record<'_>) -> Value {
    let (type_id, kind) = match record.actor.0 {
        "user" => (1, "User"),
        "token" => (4, "Service"),
        _ => (3, "System"),
    };
    let mut user = json!({ "uid": record.actor.1, "type_id": type_id, "type": kind });
    if let Some(name) = record.text("actor", "name") {
        user["name"] = json!(name);
    }
    if let Some(roles) = record.parts.get("actor").and_then(|p| p["roles"].as_array()) {
        user["groups"] = roles.iter().map(|role| json!({ "name": role, "type": "role" })).collect();
    }
    user
}

/// What it was about, under the attribute that the class asks for.
fn about(record: &Record<'_>, class: Class, event: &mut Value) {
    let (kind, id) = record.subject;
    let account = || if kind == "user" { json!({ "uid": id }) } else { actor(record) };
    match class {
        Class::AccountChange => event["user"] = account(),
        Class::Authentication => {
            event["user"] = account();
            event["service"] = json!({ "name": "Countermand" });
            if let Some(session) = record.session {
                event["session"] = json!({ "uid": session });
            }
        }
        Class::EntityManagement => event["entity"] = json!({ "type": kind, "type_id": OTHER, "uid": id }),
        Class::WebResourcesActivity => event["web_resources"] = json!([{ "type": kind, "uid": id }]),
        Class::ApplicationLifecycle => event["app"] = event["metadata"]["product"].clone(),
        Class::ApiActivity => event["api"] = json!({ "operation": record.action, "service": { "name": kind, "uid": id } }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(action: &str, outcome: &str, parts: &BTreeMap<String, Value>, withheld: &BTreeMap<String, &'static str>) -> Value {
        let record = Record {
            index: 7,
            id: "0192aaaa-0000-7000-8000-000000000000",
            at: Instant(1_763_804_528_123_456),
            action,
            outcome,
            actor: ("user", "u1"),
            subject: ("recall", "r1"),
            session: Some("s1"),
            case: Some("r1"),
            node: "n1",
            leaf: "{}",
            parts,
            withheld,
        };
        event(&record, "0.1.0", "example.com/countermand/1")
    }

    #[test]
    fn an_event_says_who_what_where_and_when() {
        let parts = BTreeMap::from([
            ("actor".to_owned(), json!({ "name": "林雨桐", "roles": ["requester"] })),
            (
                "client".to_owned(),
                json!({ "client_ip": "203.0.113.9", "peer_ip": "10.0.0.1", "peer_port": 4711, "forwarded_for": "203.0.113.9", "user_agent": "Firefox" }),
            ),
        ]);
        let event = of("recall.submitted", "success", &parts, &BTreeMap::from([("text".to_owned(), "purged")]));
        assert_eq!((&event["class_uid"], &event["type_uid"], &event["time"]), (&json!(3004), &json!(300_401), &json!(1_763_804_528_123_i64)));
        assert_eq!(event["entity"], json!({ "type": "recall", "type_id": 99, "uid": "r1" }));
        assert_eq!(event["actor"]["user"]["name"], "林雨桐");
        assert_eq!(event["src_endpoint"], json!({ "ip": "203.0.113.9" }), "the port is the proxy's");
        assert_eq!(event["http_request"]["x_forwarded_for"], json!(["203.0.113.9"]));
        assert_eq!(event["metadata"]["uid"], "0192aaaa-0000-7000-8000-000000000000");
        assert_eq!(event["unmapped"]["withheld"], json!({ "text": "purged" }));
    }

    #[test]
    fn what_the_class_has_no_word_for_is_other_and_an_unknown_action_is_the_base_event() {
        let none = (BTreeMap::new(), BTreeMap::new());
        let changed = of("user.changed", "refused", &none.0, &none.1);
        assert_eq!((&changed["activity_id"], &changed["activity_name"]), (&json!(99), &json!("user.changed")));
        assert_eq!((&changed["severity_id"], &changed["status_id"]), (&json!(2), &json!(2)));
        let newer = of("thing.invented", "failed", &none.0, &none.1);
        assert_eq!((&newer["class_uid"], &newer["type_uid"], &newer["severity_id"]), (&json!(0), &json!(99), &json!(3)));
    }
}
