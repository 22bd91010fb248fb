//! A small company on an emulated platform: an application over a fresh database, one person, one connection.

use std::{collections::BTreeSet, sync::Arc};

use countermand::{
    app::{App, Caller, connections, connections::NewConnection, people, users, users::NewUser},
    clock::ManualClock,
    config::Config,
    connect::emulator::{self, Emulator},
    domain::role::Role,
    jobs,
    store::{Options, Store},
};

use crate::support::{db::TestDb, sample};

pub struct Stage {
    pub app: App,
    pub emulator: Emulator,
    pub clock: Arc<ManualClock>,
    /// A requester.
    pub caller: Caller,
    /// Id of the connection to the emulator.
    pub connection: String,
    db: TestDb,
}

impl Stage {
    pub async fn set() -> Self {
        let db = TestDb::one();
        let clock = ManualClock::at(sample::now());
        let emulator = Emulator::start_local(emulator::Options { clock: clock.clone(), ..emulator::Options::default() }).unwrap();
        let app = open(&db, &clock);
        let caller = person(&app, "linyutong", &[Role::Requester]).await;
        let access = emulator.access().clone();
        let new = NewConnection {
            name: "企业微信".into(),
            platform: "wecom".into(),
            base_url: access.base_url,
            corp_id: access.corp_id,
            agent_id: access.agent_id.to_string(),
            secret: access.secret,
            agreement: "2026-01".into(),
        };
        let connection = connections::create(&app, &Caller::shell(), new).await.unwrap().value;
        Self { app, emulator, clock, caller, connection, db }
    }

    /// The same installation in a new process.
    pub fn restarted(&self) -> App {
        open(&self.db, &self.clock)
    }

    /// Runs jobs, moving the clock over their pauses, until `rounds` times nothing is due.
    pub async fn settle(&self) {
        for _ in 0..40 {
            jobs::run_due(&self.app).await.unwrap();
            self.clock.advance(std::time::Duration::from_secs(20));
        }
    }

    /// Actions and outcomes of all events about `subject`, in order.
    pub fn trail(&self, subject: &str) -> Vec<(String, String)> {
        use countermand::store::schema::log_search;
        use diesel::prelude::*;
        let subject = subject.to_owned();
        self.app
            .store
            .read_now(move |conn| {
                Ok(log_search::table
                    .filter(log_search::subject_id.eq(subject))
                    .order(log_search::idx)
                    .select((log_search::action, log_search::outcome))
                    .load(conn)?)
            })
            .unwrap()
    }

    /// How many events of `action` there are.
    pub fn count(&self, action: &str) -> i64 {
        use countermand::store::schema::log_search;
        use diesel::prelude::*;
        let action = action.to_owned();
        self.app.store.read_now(move |conn| Ok(log_search::table.filter(log_search::action.eq(action)).count().get_result(conn)?)).unwrap()
    }
}

fn open(db: &TestDb, clock: &Arc<ManualClock>) -> App {
    let options = Options { clock: clock.clone(), ..db.options() };
    let config = Config { allow_private_destinations: true, data: db.path().to_owned(), ..Config::default() };
    App::new(Store::open(options).unwrap(), config)
}

/// Makes an account with `roles` and returns it as a caller.
pub async fn person(app: &App, username: &str, roles: &[Role]) -> Caller {
    let new = NewUser {
        username: username.into(),
        display_name: username.into(),
        roles: roles.iter().copied().collect::<BTreeSet<_>>(),
        department: Some("人力资源部".into()),
        ..NewUser::default()
    };
    let id = users::add(app, &Caller::shell(), new).await.unwrap().value;
    let person = app.store.read(move |conn| people::person_find(conn, &id)).await.unwrap().unwrap();
    person.caller(Some("session-1".into()), None, None)
}
