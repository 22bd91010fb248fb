//! A company with its reviewers on an emulated platform, served over HTTP on a free port; time moves only when told to.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use countermand::{
    app::{
        App, Caller,
        broadcasts::{Wanted, send, send::NewBroadcast},
        connections,
        connections::NewConnection,
        people, tokens,
        tokens::NewToken,
        users,
        users::NewUser,
    },
    clock::ManualClock,
    config::Config,
    connect::emulator::{self, Emulator},
    crypto::{token, totp},
    domain::role::Role,
    jobs,
    store::{
        Options, Store,
        reader::{self, StoredEvent},
        sessions::SessionRow,
    },
    web,
};
use serde_json::Value;

use crate::support::{db::TestDb, sample, serving::Serving, session};

/// The token of every session that the stage opens.
pub const CSRF: &str = "forged-not";

/// Somebody with an account and an authenticator.
#[derive(Clone)]
pub struct Person {
    pub caller: Caller,
    pub secret: Vec<u8>,
}

pub struct Stage {
    pub app: App,
    pub emulator: Emulator,
    pub clock: Arc<ManualClock>,
    pub connection: String,
    pub base: String,
    client: reqwest::Client,
    _serving: Serving,
    pub db: TestDb,
}

/// An answer: status, where it leads, body.
pub struct Answer {
    pub status: u16,
    pub location: String,
    pub event: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{} {}", self.status, self.body))
    }

    /// The case behind `/recalls/<id>…`.
    pub fn case(&self) -> String {
        self.location.strip_prefix("/recalls/").unwrap_or_else(|| panic!("{} {}", self.status, self.body)).split('/').next().unwrap().to_owned()
    }
}

/// The usual cast.
pub struct Cast {
    pub requester: Person,
    pub reviewer: Person,
    pub lawyer: Person,
    pub executive: Person,
}

impl Stage {
    pub async fn set() -> Self {
        Self::set_on(TestDb::one(), |_| {}).await
    }

    /// On a given database, opened in another way than usual.
    pub async fn set_on(db: TestDb, change: impl FnOnce(&mut Options)) -> Self {
        Self::set_with(db, change, |_, _| {}).await
    }

    /// The same with other settings, which may need the stage's clock.
    pub async fn set_with(db: TestDb, change: impl FnOnce(&mut Options), configure: impl FnOnce(&mut Config, Arc<ManualClock>)) -> Self {
        let clock = ManualClock::at(sample::now());
        let emulator = Emulator::start_local(emulator::Options { clock: clock.clone(), ..emulator::Options::default() }).unwrap();
        let mut options = Options { clock: clock.clone(), ..db.options() };
        change(&mut options);
        let mut config = Config { allow_private_destinations: true, data: db.path().to_owned(), ..Config::default() };
        configure(&mut config, clock.clone());
        let app = App::new(Store::open(options).unwrap(), config);
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
        let (base, serving) = Serving::anywhere(web::Shell::of(&app), web::console(app.clone()));
        // A connection that lay idle may be closed by the server as the next request goes out.
        let client = reqwest::Client::builder().pool_max_idle_per_host(0).redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { app, emulator, clock, connection, base, client, _serving: serving, db }
    }

    /// Nothing can be recorded any more.
    pub fn no_more_events(&self) {
        self.db.execute("ALTER TABLE log_parts RENAME TO gone");
    }

    pub async fn person(&self, username: &str, roles: &[Role], department: &str) -> Person {
        let secret = totp::fresh_secret();
        let new = NewUser {
            username: username.into(),
            display_name: username.into(),
            roles: roles.iter().copied().collect::<BTreeSet<_>>(),
            department: Some(department.into()),
            totp_secret: Some(totp::base32(&secret)),
            ..NewUser::default()
        };
        let id = users::add(&self.app, &Caller::shell(), new).await.unwrap().value;
        let person = self.app.store.read(move |conn| people::person_find(conn, &id)).await.unwrap().unwrap();
        Person { caller: person.caller(None, None, None), secret }
    }

    pub async fn cast(&self) -> Cast {
        Cast {
            requester: self.person("linyutong", &[Role::Requester], "人力资源部").await,
            reviewer: self.person("zhouqiming", &[Role::DepartmentReviewer], "人力资源部").await,
            lawyer: self.person("hejing", &[Role::LegalReviewer], "法务部").await,
            executive: self.person("chensiyuan", &[Role::FinalApprover], "总裁办").await,
        }
    }

    /// The same people again, for a second case.
    pub async fn cast2(&self, cast: &Cast) -> Cast {
        self.clock.advance(Duration::from_secs(30));
        let of = Clone::clone;
        Cast { requester: of(&cast.requester), reviewer: of(&cast.reviewer), lawyer: of(&cast.lawyer), executive: of(&cast.executive) }
    }

    /// A notice that `who` sent to `users`, already delivered.
    pub async fn notice(&self, who: &Person, users: &[&str]) -> String {
        let new = NewBroadcast {
            connection: self.connection.clone(),
            audience: Wanted { users: users.iter().map(|s| (*s).to_owned()).collect(), ..Wanted::default() },
            title: "年度薪酬调整方案".into(),
            text: "各位同事：附件为薪酬方案。".into(),
            ..NewBroadcast::default()
        };
        let id = send::send(&self.app, &who.caller, new, None).await.unwrap().value;
        self.run().await;
        id
    }

    /// Some recipients that the emulator knows.
    pub fn recipients(&self) -> Vec<String> {
        self.emulator.access().users.iter().take(3).cloned().collect()
    }

    /// A notice of the requester's and its case, in review.
    pub async fn case(&self, cast: &Cast) -> String {
        let people = self.recipients();
        let broadcast = self.notice(&cast.requester, &people.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let fields = [("broadcast", broadcast.as_str()), ("category", "leak"), ("reason", "收件范围误选为全体员工"), ("step", "submit")];
        self.post(&cast.requester, "/recalls", &fields).await.case()
    }

    /// All three approve.
    pub async fn approved(&self, cast: &Cast) -> String {
        let case = self.case(cast).await;
        for who in [&cast.reviewer, &cast.lawyer, &cast.executive] {
            let answer = self.decide(who, &case, "approve").await;
            assert_eq!(answer.status, 303, "{}", answer.body);
        }
        case
    }

    /// Decides with a fresh code and the newest version.
    pub async fn decide(&self, who: &Person, case: &str, decision: &str) -> Answer {
        let (code, version) = (self.code(who), self.loaded(case).await.row.version.to_string());
        let fields = [("decision", decision), ("comment", "情况属实，依制度处理"), ("totp", &code), ("version", &version)];
        self.post(who, &format!("/recalls/{case}/decisions"), &fields).await
    }

    /// Has two administrators set rules: what is given in place of what the form shows, its reason among it. The proposal's address.
    pub async fn adopt(&self, [proposes, confirms]: [&Person; 2], changes: &[(&str, &str)]) -> String {
        self.clock.advance(Duration::from_secs(30));
        let code = self.code(proposes);
        let fields = crate::policies::rules(&[changes, &[("totp", code.as_str())]].concat());
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let proposed = self.post(proposes, "/policies/proposals", &fields).await;
        assert_eq!(proposed.status, 303, "{}", proposed.body);
        let code = self.code(confirms);
        let confirmed = self.post(confirms, &format!("{}/confirmations", proposed.location), &[("totp", &code)]).await;
        assert_eq!(confirmed.status, 303, "{}", confirmed.body);
        proposed.location
    }

    /// Confirms what an operator's captures show, with a fresh code.
    pub async fn confirm(&self, who: &Person, case: &str, outcome: &str, note: &str) -> Answer {
        self.clock.advance(Duration::from_secs(30));
        let code = self.code(who);
        self.post(who, &format!("/recalls/{case}/confirmations"), &[("outcome", outcome), ("note", note), ("totp", &code)]).await
    }

    pub fn code(&self, who: &Person) -> String {
        totp::code(&who.secret, self.app.now())
    }

    /// A browser in which `who` is signed in; its forms carry [`CSRF`].
    pub async fn browser(&self, who: &Person) -> crate::support::app::Browser {
        let browser = crate::support::app::Browser::new(&self.base);
        browser.set_cookie("session", &self.session(who).await);
        browser
    }

    async fn session(&self, who: &Person) -> String {
        self.session_of(who).await.0
    }

    /// A session of somebody: its cookie's value and its id. The token of its forms is `forged-not`.
    pub async fn session_of(&self, who: &Person) -> (String, String) {
        let (text, hash) = token::fresh();
        let id = countermand::id::fresh();
        let row_id = id.clone();
        let (user, now) = (who.caller.id.clone(), self.app.now());
        self.app
            .store
            .write(move |tx| {
                let row = SessionRow {
                    id: row_id.clone(),
                    token_hash: hash.clone(),
                    user_id: user.clone(),
                    csrf: CSRF.into(),
                    state: "open".into(),
                    device_id: None,
                    client_ip: None,
                    user_agent: None,
                    flash: None,
                    created_at: now.0,
                    seen_at: now.0,
                    expires_at: now.plus(Duration::from_secs(3600)).0,
                    closed_at: None,
                };
                session::begin(tx, &row)
            })
            .await
            .unwrap();
        (text, id)
    }

    pub async fn get(&self, who: &Person, path: &str) -> Answer {
        let session = self.session(who).await;
        self.get_as(&session, path).await
    }

    pub async fn get_as(&self, session: &str, path: &str) -> Answer {
        answer(self.client.get(format!("{}{path}", self.base)).header("cookie", format!("session={session}")).header("accept", "text/html")).await
    }

    pub async fn post(&self, who: &Person, path: &str, fields: &[(&str, &str)]) -> Answer {
        let session = self.session(who).await;
        self.post_as(&session, path, fields).await
    }

    /// Posts twice in one session with the same nonce.
    pub async fn post_twice(&self, who: &Person, path: &str, fields: &[(&str, &str)]) -> (Answer, Answer) {
        let session = self.session(who).await;
        let fields: Vec<_> = fields.iter().copied().chain([("nonce", "0123456789abcdef")]).collect();
        tokio::join!(self.post_as(&session, path, &fields), self.post_as(&session, path, &fields))
    }

    /// Posts in the session of this cookie.
    pub async fn post_as(&self, session: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).append_pair("csrf", CSRF).extend_pairs(fields).finish();
        let request = self
            .client
            .post(format!("{}{path}", self.base))
            .header("cookie", format!("session={session}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "text/html")
            .body(body);
        answer(request).await
    }

    /// Posts a file under `name`.
    pub async fn upload_as(&self, who: &Person, path: &str, name: &str, file: &[u8]) -> Answer {
        self.upload_part(who, path, &[], name, file).await
    }

    /// Posts a capture beside fields.
    pub async fn upload(&self, who: &Person, path: &str, fields: &[(&str, &str)], file: &[u8]) -> Answer {
        self.upload_part(who, path, fields, "capture", file).await
    }

    async fn upload_part(&self, who: &Person, path: &str, fields: &[(&str, &str)], part: &str, file: &[u8]) -> Answer {
        let session = self.session(who).await;
        let mut body: Vec<u8> = Vec::new();
        for (name, value) in fields.iter().copied().chain([("csrf", CSRF)]) {
            body.extend(format!("--cut\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes());
        }
        let head = format!("--cut\r\ncontent-disposition: form-data; name=\"{part}\"; filename=\"shot.png\"\r\ncontent-type: image/png\r\n\r\n");
        body.extend(head.bytes());
        body.extend(file);
        body.extend(b"\r\n--cut--\r\n");
        let request = self
            .client
            .post(format!("{}{path}", self.base))
            .header("cookie", format!("session={session}"))
            .header("content-type", "multipart/form-data; boundary=cut")
            .header("accept", "text/html")
            .body(body);
        answer(request).await
    }

    /// A token for the API: personal with `user`, else a service token.
    pub async fn token(&self, user: Option<&Person>, scopes: &[&str]) -> String {
        let user = user.map(|who| who.caller.name.clone());
        let service = user.is_none();
        let new = NewToken { name: "测试".into(), scopes: scopes.iter().map(|s| (*s).to_owned()).collect(), user, expires_at: None };
        tokens::create(&self.app, &Caller::shell(), new, service, "").await.unwrap().value.secret
    }

    pub async fn api(&self, token: &str, path: &str, body: Option<Value>, key: Option<&str>) -> Answer {
        let address = format!("{}/api/v1{path}", self.base);
        let mut request = match body {
            Some(body) => self.client.post(address).header("content-type", "application/json").body(body.to_string()),
            None => self.client.get(address),
        };
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        answer(request.bearer_auth(token)).await
    }

    pub async fn loaded(&self, case: &str) -> countermand::app::recalls::Loaded {
        let case = case.to_owned();
        self.app.store.read(move |conn| countermand::app::recalls::load(conn, &case)).await.unwrap().unwrap()
    }

    pub async fn state(&self, case: &str) -> String {
        self.loaded(case).await.row.state
    }

    /// Runs what is due now.
    pub async fn run(&self) {
        jobs::run_due(&self.app).await.unwrap();
    }

    /// Runs jobs and moves the clock over their pauses.
    pub async fn settle(&self, rounds: u32, step: u64) {
        for _ in 0..rounds {
            self.run().await;
            self.clock.advance(Duration::from_secs(step));
        }
        self.run().await;
    }

    /// All events of a case, in order.
    pub async fn events(&self, case: &str) -> Vec<StoredEvent> {
        let case = case.to_owned();
        self.app.store.read(move |conn| reader::events_of_case(conn, &case, None)).await.unwrap()
    }

    /// Action and outcome of each, without readings of contents.
    pub async fn trail(&self, case: &str) -> Vec<String> {
        let events = self.events(case).await;
        events.iter().filter(|e| e.leaf.action != "content.read").map(|e| format!("{} {}", e.leaf.action, e.leaf.outcome)).collect()
    }

    /// The part `detail` of an event.
    pub async fn detail(&self, event: &StoredEvent) -> Value {
        let (id, store) = (event.leaf.id.clone(), self.app.store.clone());
        let parts = self.app.store.read(move |conn| reader::parts_of(conn, store.keys(), &id)).await.unwrap();
        let part = parts.into_iter().find(|p| p.name == "detail").unwrap();
        serde_json::from_slice(&part.value).unwrap()
    }

    /// Why the newest event of a case was refused.
    pub async fn last_refusal(&self, case: &str) -> String {
        let events = self.events(case).await;
        let event = events.iter().rev().find(|e| e.leaf.outcome == "refused").unwrap();
        self.detail(event).await["reason"].as_str().unwrap().to_owned()
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let res = request.send().await.unwrap();
    let header = |name: &str| res.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let (status, location, event) = (res.status().as_u16(), header("location"), header("audit-event"));
    Answer { status, location, event, body: res.text().await.unwrap() }
}
