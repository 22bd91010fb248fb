//! The catalogue of events: of each action who does it, to what, what the event says beside that, whether it is privileged, what it is for
//! others (OCSF), and how long it stays. Made from the code; a test holds it against the events that really happen.

use serde_json::{Value, json};

use super::{event::Action, kept::EventClass, ocsf, privilege, retention::Periods};
use administration::ADMINISTRATION;
use first::FIRST;
use imported::IMPORTED;
use rules::RULES;
use shapes::SHAPES;
use signing::SIGNING;
use taking_part::TAKING_PART;
use watch::WATCH;

mod administration;
mod first;
mod imported;
mod rules;
mod shapes;
mod signing;
mod taking_part;
mod watch;

/// What the events of one action look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub action: &'static str,
    /// Words of [`super::event::ActorKind`].
    pub actors: &'static [&'static str],
    /// Kinds of what was acted on.
    pub subjects: &'static [&'static str],
    /// `part/member` of everything that such an event may say, beside `actor`, `client` and `device`, which say who it was, from where and with
    /// what; a refused one says `detail/reason` and what belongs to it.
    pub fields: &'static [&'static str],
}

/// Parts that any event of somebody may have, with their members.
pub const COMMON: [&str; 3] = ["actor", "client", "device"];
/// What an event says that tells of a refusal.
pub const REFUSAL: [&str; 9] = [
    "detail/reason",
    "detail/about",
    "detail/permission",
    "detail/fields",
    "detail/status",
    "detail/shown",
    "detail/token",
    "detail/unrecorded",
    "detail/only_counted_until",
];

fn all() -> impl Iterator<Item = &'static Shape> {
    SHAPES.iter().chain(ADMINISTRATION).chain(FIRST).chain(IMPORTED).chain(RULES).chain(SIGNING).chain(TAKING_PART).chain(WATCH)
}

/// The shape of an action's events; `None` where none has been seen yet.
pub fn shape(action: Action) -> Option<&'static Shape> {
    all().find(|shape| shape.action == action.as_str())
}

/// One action for programs; `words` is what it means, by language, `periods` how long its parts are kept.
pub fn to_json(action: Action, words: &Value, periods: &Periods) -> Value {
    let (kind, shape) = (ocsf::kind(action), shape(action));
    let (category, category_name) = kind.class.category();
    json!({
        "action": action.as_str(),
        "meaning": words,
        "actors": shape.map_or(&[][..], |s| s.actors),
        "subjects": shape.map_or(&[][..], |s| s.subjects),
        "fields": shape.map_or(&[][..], |s| s.fields),
        "privileged": privilege::of(action).map(privilege::Privilege::as_str),
        "retention": { "leaf": "proof", "parts": EventClass::of(action), "days": periods.of(EventClass::of(action)) },
        "ocsf": {
            "version": ocsf::VERSION,
            "category_uid": category,
            "category_name": category_name,
            "class_uid": kind.class.uid(),
            "class_name": kind.class.name(),
            "activity_id": kind.activity,
            "activity_name": kind.name,
            "type_uid": kind.uid(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_is_of_an_action_of_the_catalogue_and_stands_once() {
        for shape in all() {
            assert!(Action::parse(shape.action).is_some(), "{}", shape.action);
            assert_eq!(all().filter(|other| other.action == shape.action).count(), 1, "{}", shape.action);
        }
    }
}
