//! Whether an event is as the catalogue of event types says. Not here: which events an act leaves (`events`).

use countermand::domain::{
    catalogue::{COMMON, REFUSAL, shape},
    event::Action,
};
use serde_json::Value;

/// Who or what a leaf names: the kind of its actor and of its subject, and its outcome.
#[derive(Clone, Copy, Debug)]
pub struct Leaf<'a> {
    pub action: &'a str,
    pub actor: &'a str,
    pub subject: &'a str,
    pub outcome: &'a str,
}

/// Fails where the catalogue does not have what the event says: its actor, its subject, each field of its parts.
pub fn holds<'p>(leaf: Leaf<'_>, parts: impl IntoIterator<Item = (&'p str, &'p Value)>) {
    let action = leaf.action;
    let shape = Action::parse(action).and_then(shape).unwrap_or_else(|| panic!("{action} has no shape"));
    assert!(shape.actors.contains(&leaf.actor), "{action}: actor {}", leaf.actor);
    assert!(shape.subjects.contains(&leaf.subject), "{action}: subject {}", leaf.subject);
    for (part, value) in parts.into_iter().filter(|(part, _)| !COMMON.contains(part)) {
        for field in fields(part, value) {
            let whole = field.rsplit_once('/').is_some_and(|(above, _)| above.contains('/') && shape.fields.contains(&above));
            let within = |known: &str| known.strip_prefix(field.as_str()).is_some_and(|rest| rest.starts_with('/'));
            let said =
                whole || shape.fields.iter().any(|known| within(known)) || shape.fields.contains(&field.as_str()) || shape.fields.contains(&part);
            let refusal = leaf.outcome != "success" && REFUSAL.contains(&field.as_str());
            assert!(said || refusal, "{action}: {field} is not in the catalogue");
        }
    }
}

/// The members of a part by their paths, those of `before` and `after` one by one.
fn fields(part: &str, value: &Value) -> Vec<String> {
    let members = value.as_object().into_iter().flatten();
    let below = members.flat_map(|(member, value)| match (member.as_str(), value) {
        ("before" | "after", Value::Object(fields)) => fields.keys().map(|field| format!("{part}/{member}/{field}")).collect(),
        _ => vec![format!("{part}/{member}")],
    });
    below.collect()
}
