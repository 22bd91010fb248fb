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

    /// How many events there are in all.
    pub fn events(&self) -> i64 {
        use countermand::store::schema::log_search;
        use diesel::prelude::*;
        self.app.store.read_now(|conn| Ok(log_search::table.count().get_result(conn)?)).unwrap()
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
    let (session, user) = (countermand::id::fresh(), person.id.clone());
    let begun = session.clone();
    app.store.write(move |tx| crate::support::session::told(tx, &begun, &user)).await.unwrap();
    person.caller(Some(session), None, None)
}

/// A signed-in browser of `caller`: the session cookie's value and the token of its forms.
pub async fn signed_in(stage: &Stage, caller: &Caller) -> (String, String) {
    session_of(&stage.app, caller).await
}

/// The same in any application.
pub async fn session_of(app: &App, caller: &Caller) -> (String, String) {
    use countermand::{crypto::token, store::sessions};
    let (cookie, token_hash) = token::fresh();
    let csrf = token::fresh().0;
    let now = app.now();
    let row = sessions::SessionRow {
        id: countermand::id::fresh(),
        token_hash,
        user_id: caller.user_id.clone().unwrap(),
        csrf: csrf.clone(),
        state: "open".into(),
        device_id: None,
        client_ip: None,
        user_agent: None,
        flash: None,
        created_at: now.0,
        seen_at: now.0,
        expires_at: now.plus(std::time::Duration::from_secs(8 * 3600)).0,
        closed_at: None,
    };
    app.store.write(move |tx| crate::support::session::begin(tx, &row)).await.unwrap();
    (cookie, csrf)
}

/// A service token with `scopes`.
pub async fn service_token(app: &App, scopes: &[&str]) -> String {
    use countermand::app::tokens::{self, NewToken};
    let new = NewToken { name: "接口".into(), scopes: scopes.iter().map(|s| (*s).to_owned()).collect(), user: None, expires_at: None };
    tokens::create(app, &Caller::shell(), new, true, "").await.unwrap().value.secret
}

/// The application behind its middleware, ready to be called.
#[macro_export]
macro_rules! served {
    ($stage:expr) => {{
        let shell = countermand::web::Shell {
            tenant: "华辰集团".into(),
            secure: false,
            public_origin: "http://localhost:8080".into(),
            clock: $stage.clock.clone(),
        };
        actix_web::test::init_service(
            actix_web::App::new()
                .app_data(actix_web::web::Data::new(shell))
                .wrap(actix_web::middleware::from_fn(countermand::web::security::shell))
                .configure(countermand::web::console($stage.app.clone())),
        )
        .await
    }};
}
