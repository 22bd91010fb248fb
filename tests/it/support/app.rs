//! The whole product on a port of its own, and browsers that talk to it over HTTP. Time moves only when a test says so.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use countermand::{
    app::{App, Caller, users},
    clock::{Clock, Instant, ManualClock, SystemClock},
    config::Config,
    crypto::{token, totp},
    domain::role::Role,
    store::Store,
    web::{self, Shell},
};
use reqwest::{Method, StatusCode, header};
use serde_json::Value;

use super::{
    db::TestDb,
    log,
    serving::{self, Serving},
};

/// A running server with a database of its own. It stops when this is dropped.
pub struct TestApp {
    pub app: App,
    pub address: SocketAddr,
    pub clock: Arc<ManualClock>,
    _serving: Serving,
    pub db: TestDb,
}

/// Somebody with an account.
#[derive(Clone)]
pub struct Person {
    pub id: String,
    pub username: String,
    pub password: String,
    pub secret: Vec<u8>,
}

impl TestApp {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// With other settings than the defaults.
    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let db = TestDb::one();
        let clock = ManualClock::at(SystemClock.now());
        let mut options = db.options();
        options.clock = clock.clone();
        let store = tokio::task::spawn_blocking(move || Store::open(options)).await.unwrap().unwrap();
        let (listener, address) = serving::listener();
        let mut config = Config { public_url: format!("http://{address}"), data: db.path().to_owned(), ..Config::default() };
        change(&mut config);
        let app = App::new(store, config);
        let serving = Serving::start(listener, Shell::of(&app), web::console(app.clone()));
        Self { app, address, clock, _serving: serving, db }
    }

    /// A browser without cookies.
    pub fn browser(&self) -> Browser {
        Browser::new(&format!("http://{}", self.address))
    }

    /// Makes an account with password and second factor.
    pub async fn person(&self, username: &str, roles: &[Role]) -> Person {
        self.person_in(username, roles, None).await
    }

    pub async fn person_in(&self, username: &str, roles: &[Role], department: Option<&str>) -> Person {
        let secret = totp::fresh_secret();
        // Digits: letters might by chance be the name, which a password must not contain.
        let password = format!("right horse for {}", token::fresh().1.iter().take(6).map(|b| format!("{b:03}")).collect::<String>());
        let new = users::NewUser {
            username: username.to_owned(),
            display_name: username.to_owned(),
            roles: roles.iter().copied().collect::<BTreeSet<_>>(),
            department: department.map(ToOwned::to_owned),
            password: Some(password.clone()),
            totp_secret: Some(totp::base32(&secret)),
            valid_until: None,
        };
        let id = users::add(&self.app, &Caller::shell(), new).await.unwrap().value;
        Person { id, username: username.to_owned(), password, secret }
    }

    /// A code that has not been used yet: time moves on to the next step.
    pub fn code(&self, person: &Person) -> String {
        self.code_of(&person.secret)
    }

    pub fn code_of(&self, secret: &[u8]) -> String {
        self.clock.advance(Duration::from_secs(30));
        totp::code(secret, self.clock.now())
    }

    /// A browser in which `person` is signed in.
    pub async fn sign_in(&self, person: &Person) -> Browser {
        let browser = self.browser();
        let page = browser.submit("/sign-in", "/sessions", &[("account", &person.username), ("password", &person.password)]).await;
        assert_eq!((page.status.as_u16(), page.location.as_str()), (303, "/sessions/verification"), "{}", page.body);
        let page = browser.submit("/sessions/verification", "/sessions/verification", &[("totp", &self.code(person))]).await;
        assert_eq!((page.status.as_u16(), page.location.as_str()), (303, "/"), "{}", page.body);
        browser
    }

    /// A new person, signed in.
    pub async fn signed_in(&self, username: &str, roles: &[Role]) -> (Person, Browser) {
        let person = self.person(username, roles).await;
        let browser = self.sign_in(&person).await;
        (person, browser)
    }

    /// How many events there are.
    pub async fn log_size(&self) -> u64 {
        log::size(&self.app.store).await
    }

    /// The events from `from` on, with their parts opened.
    pub async fn events_from(&self, from: u64) -> Vec<Value> {
        log::events_from(&self.app.store, from).await
    }

    /// Runs `work` and gives the events that it left, but for looks at accounts on the way to a form, of which `events::reads` tells.
    pub async fn events_of<T>(&self, work: impl Future<Output = T>) -> (T, Vec<Value>) {
        let before = self.log_size().await;
        let result = work.await;
        let mut events = self.events_from(before).await;
        events.retain(|event| event["action"] != "user.read");
        (result, events)
    }

    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    pub fn now(&self) -> Instant {
        self.clock.now()
    }
}

/// What came back.
pub struct Answer {
    pub status: StatusCode,
    /// Where a redirect leads; empty for none.
    pub location: String,
    pub headers: header::HeaderMap,
    pub body: String,
}

impl Answer {
    /// The value of the first hidden field `name`.
    pub fn hidden(&self, name: &str) -> Option<String> {
        let start = self.body.find(&format!("name=\"{name}\" value=\""))? + name.len() + 15;
        let rest = self.body[start..].split('"').next()?;
        Some(rest.replace("&#34;", "\"").replace("&#38;", "&").replace("&amp;", "&"))
    }
}

/// Keeps cookies, follows nothing by itself.
#[derive(Clone)]
pub struct Browser {
    http: reqwest::Client,
    base: String,
    pub cookies: Arc<Mutex<BTreeMap<String, String>>>,
    /// Sent with every request.
    pub headers: Vec<(String, String)>,
}

impl Browser {
    pub fn new(base: &str) -> Self {
        let http = reqwest::Client::builder()
            .pool_max_idle_per_host(0)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            // A kept connection may be closed by the server at the very moment it is used again.
            .pool_max_idle_per_host(0)
            .build()
            .unwrap();
        let headers = vec![("user-agent".to_owned(), "TestBrowser/1".to_owned()), ("accept-language".to_owned(), "zh-CN".to_owned())];
        Self { http, base: base.to_owned(), cookies: Arc::default(), headers }
    }

    /// The same browser with one more header.
    pub fn with_header(&self, name: &str, value: &str) -> Self {
        let mut other = self.clone();
        other.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        other.headers.push((name.to_owned(), value.to_owned()));
        other
    }

    /// Another browser that has stolen this one's cookies of these names.
    pub fn stolen(&self, names: &[&str]) -> Self {
        let other = Self::new(&self.base);
        for name in names {
            let value = self.cookie(name);
            other.set_cookie(name, &value);
        }
        other
    }

    pub fn cookie(&self, name: &str) -> String {
        self.cookies.lock().unwrap().get(name).cloned().unwrap_or_default()
    }

    pub fn set_cookie(&self, name: &str, value: &str) {
        self.cookies.lock().unwrap().insert(name.to_owned(), value.to_owned());
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, None).await
    }

    /// Posts exactly these fields.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send(Method::POST, path, Some("application/x-www-form-urlencoded"), Some(body)).await
    }

    /// Opens `page`, fills its form in and posts it to `action`, with the token and the other hidden fields that the page gave.
    pub async fn submit(&self, page: &str, action: &str, fields: &[(&str, &str)]) -> Answer {
        let opened = self.get(page).await;
        assert_eq!(opened.status, 200, "{page}: {}", opened.body);
        let mut all: Vec<(String, String)> = Vec::new();
        for name in ["csrf", "nonce", "next", "sealed", "version"] {
            if let Some(value) = opened.hidden(name)
                && !fields.iter().any(|(n, _)| *n == name)
            {
                all.push((name.to_owned(), value));
            }
        }
        all.extend(fields.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())));
        let pairs: Vec<(&str, &str)> = all.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        self.post(action, &pairs).await
    }

    /// Any request; cookies that come back are kept.
    pub async fn send(&self, method: Method, path: &str, content_type: Option<&str>, body: Option<String>) -> Answer {
        let mut req = self.http.request(method, format!("{}{path}", self.base));
        for (name, value) in &self.headers {
            req = req.header(name.as_str(), value.as_str());
        }
        let cookies: Vec<String> = self.cookies.lock().unwrap().iter().map(|(n, v)| format!("{n}={v}")).collect();
        if !cookies.is_empty() {
            req = req.header(header::COOKIE, cookies.join("; "));
        }
        if let Some(content_type) = content_type {
            req = req.header(header::CONTENT_TYPE, content_type);
        }
        if let Some(body) = body {
            req = req.body(body);
        }
        let res = req.send().await.unwrap();
        for set in res.headers().get_all(header::SET_COOKIE) {
            let text = set.to_str().unwrap();
            let (name, value) = text.split(';').next().unwrap().split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.lock().unwrap().remove(name);
            } else {
                self.set_cookie(name, value);
            }
        }
        let location = res.headers().get(header::LOCATION).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
        Answer { status: res.status(), location, headers: res.headers().clone(), body: res.text().await.unwrap() }
    }
}
