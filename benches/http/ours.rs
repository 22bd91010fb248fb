//! Our side: cases in review, people with open sessions and authenticators, and `countermand serve` as it is installed.

use std::{path::Path, process::Command, sync::Arc};

use countermand::{
    app::{
        App, Caller,
        broadcasts::report::{self, Report},
        device, people,
        recalls::submit::{self, Request},
        users::{self, NewUser},
    },
    clock::Instant,
    config::Config,
    crypto::{token, totp},
    domain::role::Role,
    id,
    store::{
        Database, Options, Store,
        sessions::{SessionRow, session_insert},
    },
};
use std::time::Duration;

use crate::{
    load::{get, post},
    server::{Server, free_address},
};

const DEPARTMENT: &str = "人力资源部";

/// Somebody who is signed in.
pub struct Signed {
    pub secret: Vec<u8>,
    cookie: String,
}

pub struct Site {
    app: App,
    requester: Caller,
}

impl Site {
    /// An installation with one person for each step of a case.
    pub async fn make(database: &Database, data: &Path) -> Self {
        let options = Options::new(database.clone(), data);
        let store = tokio::task::spawn_blocking(move || Store::open(options)).await.unwrap().unwrap();
        let app = App::new(store, Config { data: data.to_owned(), ..Config::default() });
        let site = Self { requester: Caller::shell(), app };
        let requester = site.person("requester", Role::Requester).await.0;
        site.person("reviewer", Role::DepartmentReviewer).await;
        site.person("lawyer", Role::LegalReviewer).await;
        site.person("executive", Role::FinalApprover).await;
        Self { requester, ..site }
    }

    async fn person(&self, username: &str, role: Role) -> (Caller, Vec<u8>) {
        let secret = totp::fresh_secret();
        let new = NewUser {
            username: username.to_owned(),
            display_name: username.to_owned(),
            roles: [role].into(),
            department: Some(DEPARTMENT.to_owned()),
            totp_secret: Some(totp::base32(&secret)),
            ..NewUser::default()
        };
        let id = users::add(&self.app, &Caller::shell(), new).await.unwrap().value;
        let person = self.app.store.read(move |conn| people::person_find(conn, &id)).await.unwrap().unwrap();
        (person.caller(None, None, None), secret)
    }

    /// People who judge level 1, signed in.
    pub async fn reviewers(self: &Arc<Self>, kind: &'static str, n: usize) -> Vec<Signed> {
        let made = many(n, {
            let site = self.clone();
            move |i| {
                let site = site.clone();
                async move { site.person(&format!("{kind}-{i}"), Role::DepartmentReviewer).await }
            }
        })
        .await;
        let now = self.app.now();
        let (mut rows, mut signed) = (Vec::new(), Vec::new());
        for (caller, secret) in made {
            let (text, hash) = token::fresh();
            let device_id = hex::encode(countermand::crypto::random::<16>());
            signed.push(Signed { secret, cookie: format!("session={text}; did={}", device::cookie(&self.app, &device_id)) });
            rows.push(SessionRow {
                id: id::fresh(),
                token_hash: hash,
                user_id: caller.id,
                csrf: CSRF.to_owned(),
                state: "open".to_owned(),
                device_id: Some(device_id),
                client_ip: None,
                user_agent: None,
                flash: None,
                created_at: now.0,
                seen_at: now.0,
                expires_at: now.plus(Duration::from_secs(8 * 3600)).0,
                closed_at: None,
            });
        }
        self.app.store.write(move |tx| rows.iter().try_for_each(|row| session_insert(tx.conn, row))).await.unwrap();
        signed
    }

    /// Reported messages with a case in review each; the cases' ids.
    pub async fn cases(self: &Arc<Self>, n: usize) -> Vec<String> {
        let site = self.clone();
        many(n, move |_| {
            let site = site.clone();
            async move { site.case().await }
        })
        .await
    }

    async fn case(&self) -> String {
        let report = Report {
            channel: "全员群".to_owned(),
            sent_at: self.app.now().to_rfc3339(),
            audience: "wangwei, lina, zhaolei".to_owned(),
            title: "关于年度薪酬调整方案的通知".to_owned(),
            text: "各位同事：现将年度薪酬调整方案（征求意见稿）发送各位审阅，请于 11 月 28 日前反馈意见。".to_owned(),
            ..Report::default()
        };
        let broadcast = report::report(&self.app, &self.requester, report, None).await.unwrap().value;
        let request =
            Request {
                broadcast, category: "leak".to_owned(), reason: "原定仅发送薪酬委员会，因收件范围误选发出。".to_owned(), ..Request::default()
            };
        submit::submit(&self.app, &self.requester, request, None).await.unwrap().value.id
    }
}

const CSRF: &str = "0123456789abcdef0123456789abcdef";

/// `n` things made by 64 at a time, in order.
async fn many<T, F, Fut>(n: usize, make: F) -> Vec<T>
where
    T: Send + 'static,
    F: Fn(usize) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = T> + Send + 'static,
{
    let mut tasks = tokio::task::JoinSet::new();
    for lane in 0..64.min(n) {
        let make = make.clone();
        tasks.spawn(async move {
            let mut made = Vec::new();
            for i in (lane..n).step_by(64) {
                made.push((i, make(i).await));
            }
            made
        });
    }
    let mut all: Vec<(usize, T)> = tasks.join_all().await.into_iter().flatten().collect();
    all.sort_by_key(|(i, _)| *i);
    all.into_iter().map(|(_, made)| made).collect()
}

/// `countermand serve` with its defaults.
pub fn serve(database: &Database, data: &Path) -> Server {
    let address = free_address();
    let mut command = Command::new(env!("CARGO_BIN_EXE_countermand"));
    command.args(["serve", "--listen", &address.to_string(), "--data"]).arg(data).env_remove("DATABASE_URL");
    if let Database::Postgres(url) = database {
        command.env("DATABASE_URL", url);
    }
    let log = std::fs::File::create(data.join("serve.log")).unwrap();
    command.stdout(log.try_clone().unwrap()).stderr(log);
    Server::start(command, address)
}

/// Readings of case pages, the readers in turn.
pub fn readings(n: usize, cases: &[String], readers: &[Signed]) -> Vec<Vec<Vec<u8>>> {
    vec![(0..n).map(|i| get(&format!("/recalls/{}", cases[i % cases.len()]), &readers[i % readers.len()].cookie)).collect()]
}

/// Approvals, one a case, in three waves: each decider gives the codes of the step before, the present one and the next.
pub fn decisions(cases: &[String], deciders: &[Signed], now: Instant) -> Vec<Vec<Vec<u8>>> {
    let code = |signed: &Signed, round: usize| {
        let step = Duration::from_secs(totp::STEP.unsigned_abs());
        let at = [now.minus(step), now, now.plus(step)][round];
        totp::code(&signed.secret, at)
    };
    let posting = |round: usize, case: &String, signed: &Signed| {
        let fields = [
            ("csrf", CSRF),
            ("nonce", &id::fresh()),
            ("version", "1"),
            ("decision", "approve"),
            ("comment", "情况属实，依制度处理"),
            ("totp", &code(signed, round)),
        ];
        post(&format!("/recalls/{case}/decisions"), &signed.cookie, &fields)
    };
    let wave = |(round, cases): (usize, &[String])| cases.iter().zip(deciders).map(|(case, signed)| posting(round, case, signed)).collect();
    cases.chunks(deciders.len()).enumerate().map(wave).collect()
}
