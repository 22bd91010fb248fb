//! The trail goes to other systems: every event, in order, at least once, and nobody here ever waits for whoever there is slow.

mod command;
mod delivery;
mod faults;

use countermand::{
    app::{
        App, Caller,
        streams::{
            self, Stream,
            change::{self, Typed},
        },
    },
    clock::ManualClock,
    config::Config,
    domain::event::{Action, Event, Subject},
    store::Store,
};
use serde_json::{Value, json};

use crate::support::{db::TestDb, sample};

/// An installation without a server.
struct House {
    app: App,
    clock: std::sync::Arc<ManualClock>,
    db: TestDb,
}

impl House {
    fn set(db: TestDb) -> Self {
        let clock = ManualClock::at(sample::now());
        let mut options = db.options();
        options.clock = clock.clone();
        let config = Config { allow_private_destinations: true, data: db.path().to_owned(), ..Config::default() };
        Self { app: App::new(Store::open(options).unwrap(), config), clock, db }
    }

    /// `n` events with something in every part that can be sent, and something that never is.
    async fn happen(&self, n: usize) {
        for i in 0..n {
            let event = Event::system(Action::PermissionChecked, Subject::new("route", "/x"))
                .part("actor", json!({ "name": "林雨桐", "roles": ["requester"] }))
                .part("client", json!({ "client_ip": "203.0.113.9", "peer_ip": "203.0.113.9", "peer_port": 4711, "user_agent": "Firefox" }))
                .part("shown", json!({ "summary": "年度薪酬调整方案" }))
                .detail(json!({ "n": i }));
            self.app.record(event).await.unwrap();
        }
    }

    async fn size(&self) -> u64 {
        crate::support::log::size(&self.app.store).await
    }

    async fn stream(&self, id: &str) -> Stream {
        streams::load(&self.app, &Caller::shell(), id).await.unwrap()
    }

    async fn add(&self, typed: Typed) -> String {
        change::create(&self.app, &Caller::shell(), typed).await.unwrap().value.id
    }

    async fn deliver(&self, id: &str) -> bool {
        streams::work::deliver_now(&self.app, id).await.unwrap()
    }

    /// Events of an action, with their parts.
    async fn said(&self, action: &str) -> Vec<Value> {
        let all = crate::support::log::events_from(&self.app.store, 0).await;
        all.into_iter().filter(|e| e["action"] == action).collect()
    }
}

/// A stream from the first event on, in our own format.
fn whole(kind: &str, destination: &str) -> Typed {
    Typed {
        name: format!("{kind}-{}", destination.len()),
        kind: kind.into(),
        destination: destination.into(),
        format: "native".into(),
        from_start: true,
        ..Typed::default()
    }
}

/// The events of the bodies that a webhook was sent, in order.
fn bodies(asked: &[crate::fake_http::Asked]) -> Vec<Value> {
    let body = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    asked.iter().flat_map(|a| body(&a.body)["data"].as_array().unwrap().clone()).collect()
}

fn indexes(events: &[Value]) -> Vec<u64> {
    events.iter().map(|e| e["index"].as_u64().unwrap()).collect()
}
