//! Timestamps by a third party: tokens against OpenSSL's own authority, the emulated one and its faults, the jobs, the bundle.

mod asking;
pub mod bundle;
mod command;
pub mod openssl;
mod packs;
mod renewal;
mod settings;
mod succession;
mod token;

use std::{path::Path, time::Duration};

use countermand::{
    app::timestamps,
    config::Authority,
    connect::emulator::tsa::Tsa,
    domain::role::Role,
    store::timestamps::{self as rows, TimestampRow},
};
use serde_json::Value;

use crate::{
    recalls::stage::{Cast, Person, Stage},
    support::{db::TestDb, log},
};

/// A company whose settings name one emulated authority, `demo`.
pub struct Timed {
    pub stage: Stage,
    pub tsa: Tsa,
}

impl Timed {
    pub async fn set(db: TestDb) -> Self {
        Self::set_with(db, |_| {}).await
    }

    /// The same with other authorities than the one.
    pub async fn set_with(db: TestDb, change: impl FnOnce(&mut Vec<Authority>)) -> Self {
        let mut tsa = None;
        let stage = Stage::set_with(
            db,
            |_| {},
            |config, clock| {
                let started = Tsa::start_local(clock).unwrap();
                config.timestamp.authorities.push(named("demo", &started, &config.data));
                change(&mut config.timestamp.authorities);
                tsa = Some(started);
            },
        );
        Self { stage: stage.await, tsa: tsa.unwrap() }
    }

    /// What a server does when it starts, and what is due then.
    pub async fn begin(&self) {
        timestamps::begin(&self.stage.app).await.unwrap();
        self.stage.run().await;
    }

    /// A closed case and the number of its bundle.
    pub async fn sealed(&self, cast: &Cast) -> (String, String) {
        let case = self.stage.approved(cast).await;
        self.stage.settle(4, 5).await;
        let id = case.clone();
        let bundles = self.stage.app.store.read(move |conn| countermand::store::bundles::of_recall(conn, &id)).await.unwrap();
        (case, bundles.first().expect("a sealed bundle").number.clone())
    }

    /// A case that was closed and sealed while the authority answers: with counsel, who may have its bundle, the case, the bundle's number.
    async fn stamped(db: TestDb) -> (Self, Person, String, String) {
        let timed = Self::set(db).await;
        timed.begin().await;
        let cast = timed.stage.cast().await;
        let counsel = timed.stage.person("counsel", &[Role::Counsel], "法务部").await;
        let (case, number) = timed.sealed(&cast).await;
        (timed, counsel, case, number)
    }

    /// Time goes on, and what is due is done.
    pub async fn later(&self, seconds: u64) {
        self.stage.clock.advance(Duration::from_secs(seconds));
        self.stage.run().await;
    }

    /// Something happens.
    pub async fn something(&self) {
        self.stage.person(&countermand::id::fresh()[30..], &[], "信息部").await;
    }

    /// Events of timestamps, with their parts opened.
    pub async fn events(&self) -> Vec<Value> {
        let all = log::events_from(&self.stage.app.store, 0).await;
        all.into_iter().filter(|e| e["action"].as_str().unwrap().starts_with("timestamp.")).collect()
    }

    pub async fn newest(&self) -> Option<TimestampRow> {
        self.stage.app.store.read(|conn| rows::newest(conn, "demo")).await.unwrap()
    }
}

/// An emulated authority as the settings name it; its root lies in `data`.
fn named(name: &str, tsa: &Tsa, data: &Path) -> Authority {
    let root = format!("{name}.pem");
    std::fs::write(data.join(&root), &tsa.access().root).unwrap();
    Authority { name: name.to_owned(), url: tsa.access().base_url.clone(), root: root.into(), policy: None }
}
