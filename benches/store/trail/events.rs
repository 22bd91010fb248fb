//! Events as a company of three hundred leaves them.

use std::time::Duration;

use countermand::domain::event::{Action, ActorKind, Event, Outcome, Subject};
use serde_json::json;

use super::Trail;

/// From the oldest event to the newest.
pub const SPAN: Duration = Duration::from_secs(250 * 86_400);
const PEOPLE: usize = 300;
/// Events of a case.
const OF_CASE: usize = 24;
const AT_ONCE: usize = 1000;

const ACTIONS: [Action; 12] = [
    Action::RecallLevelOpened,
    Action::RecallLevelOpened,
    Action::AuditSearched,
    Action::ContentRead,
    Action::AuditSearched,
    Action::SessionStarted,
    Action::ContentRead,
    Action::RecallLevelOpened,
    Action::RecallLevelOpened,
    Action::ContentRead,
    Action::ContentRead,
    Action::SettingChanged,
];
const DEPARTMENTS: [&str; 4] = ["人力资源部", "法务合规部", "信息技术部", "总裁办公室"];

/// Events of one session.
const OF_SESSION: usize = 40;

/// The id of a person, a case, a session: stable, and as long as the real ones.
pub fn id(kind: u8, n: usize) -> String {
    format!("0193f0aa-{kind:04x}-7000-8000-{n:012x}")
}

pub fn case(n: usize) -> String {
    id(2, n / OF_CASE)
}

pub fn address(n: usize) -> String {
    let n = n.wrapping_mul(2_654_435_761) >> 8;
    format!("10.{}.{}.{}", n & 15, n >> 4 & 255, n >> 12 & 255)
}

/// The `n`th event.
pub fn event(n: usize) -> Event {
    // A session of forty events begins with its first.
    let begins = n.is_multiple_of(OF_SESSION);
    let (person, action) = (n.wrapping_mul(7919) % PEOPLE, if begins { Action::SessionStarted } else { ACTIONS[n % ACTIONS.len()] });
    let mut event = Event::system(action, Subject::new("recall", case(n))).case(&case(n));
    if n.is_multiple_of(37) && !begins {
        event = event.outcome(Outcome::Refused);
    }
    (event.actor_kind, event.actor_id) = (ActorKind::Job, id(1, person));
    event.session = Some(id(3, n / OF_SESSION));
    event
        .part("actor", json!({ "name": format!("员工{person:03}"), "department": DEPARTMENTS[person % 4] }))
        .part("client", json!({ "peer_ip": address(n), "peer_port": 51234, "client_ip": address(n), "proxy_rule": "direct", "user_agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36" }))
        .part("device", json!({ "device_id": id(4, person * 2 + n % 2) }))
        .detail(json!({ "level": 1, "decision": "approve", "comment": format!("第{}期工资条误发全员，请撤回", n % 97), "before": { "version": n, "state": "reviewing" }, "after": { "version": n + 1, "state": "reviewing" } }))
}

/// `n` more events, spread evenly over the span.
pub fn fill(trail: &mut Trail, n: usize) {
    let writes = n.div_ceil(AT_ONCE);
    let step = SPAN / u32::try_from(writes).unwrap() / 2;
    for write in 0..writes {
        let (from, to) = (trail.events + write * AT_ONCE, trail.events + n.min((write + 1) * AT_ONCE));
        trail
            .app
            .store
            .write_now(move |tx| {
                for n in from..to {
                    tx.append(event(n))?;
                }
                Ok(())
            })
            .unwrap();
        trail.clock.advance(step);
    }
    trail.events += n;
}
