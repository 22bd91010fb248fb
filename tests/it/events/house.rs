//! A company with somebody in every role, and its posts: each gives back what was answered and which events it left.

use std::{cell::RefCell, collections::BTreeSet};

use countermand::{
    app::broadcasts::report::{self, Report},
    crypto::token,
    domain::role::Role,
};
use reqwest::{Method, RequestBuilder, header, redirect::Policy};
use serde_json::{Value, json};

use super::table;
use crate::{
    recalls::stage::{Cast, Person, Stage},
    support::{
        catalogued::{self, Leaf},
        db::TestDb,
        log,
    },
};

pub const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR and so on";

pub struct House {
    pub stage: Stage,
    http: reqwest::Client,
    /// Routes that were seen to work.
    pub done: RefCell<BTreeSet<&'static str>>,
}

/// Everybody.
pub struct Crew {
    pub cast: Cast,
    pub operator: Person,
    pub second: Person,
    pub system: Person,
    pub security: Person,
    pub audit: Person,
    pub auditor: Person,
    pub counsel: Person,
    /// Holds no role at all.
    pub nobody: Person,
}

/// Who posts.
#[derive(Clone, Copy)]
pub enum By<'a> {
    /// Without a session; the form's token is right.
    Stranger,
    Person(&'a Person),
    /// With this cookie's value, whatever it opens.
    Cookie(&'a str),
    Token(&'a str),
}

/// An answer and what it left.
pub struct Shot {
    pub status: u16,
    pub location: String,
    pub cookie: String,
    pub body: String,
    pub events: Vec<Value>,
}

impl Shot {
    /// The one event.
    pub fn one(&self, what: &str) -> &Value {
        assert_eq!(self.events.len(), 1, "{what} answered {}: one post, one event: {:#?}", self.status, self.events);
        &self.events[0]
    }

    /// The case behind `/recalls/<id>…`.
    pub fn case(&self) -> String {
        self.location.strip_prefix("/recalls/").unwrap_or_else(|| panic!("{} {}", self.status, self.body)).split('/').next().unwrap().to_owned()
    }
}

/// What a use case's event must carry whoever caused it.
fn sound(event: &Value, by: By<'_>, what: &str) {
    let client = &event["parts"]["client"];
    for key in ["peer_ip", "peer_port", "forwarded_for", "proxy_rule", "client_ip", "user_agent", "tls"] {
        assert!(!client[key].is_null(), "{what}: client.{key} in {event:#}");
    }
    assert!(client["peer_port"].as_u64().unwrap() > 0, "{what}");
    assert!(event["parts"]["detail"].is_object(), "{what}: {event:#}");
    match by {
        By::Person(person) => {
            assert_eq!(event["actor"], json!({ "kind": "user", "id": person.caller.id }), "{what}");
            assert_eq!(event["parts"]["actor"]["name"], json!(person.caller.name), "{what}");
            assert!(event["parts"]["actor"]["roles"].is_array() && event["session"].is_string(), "{what}: {event:#}");
            assert!(event["parts"]["device"]["device_id"].is_string(), "{what}: {event:#}");
        }
        By::Token(_) => assert!(event["actor"]["kind"] == "token" || event["actor"]["id"] == "anonymous", "{what}: {event:#}"),
        By::Stranger => {
            assert_eq!(event["actor"], json!({ "kind": "user", "id": "anonymous" }), "{what}");
            assert!(event["parts"]["device"]["device_id"].is_string(), "{what}: {event:#}");
        }
        By::Cookie(_) => assert!(event["parts"]["device"]["device_id"].is_string(), "{what}: {event:#}"),
    }
}

impl House {
    pub async fn set() -> Self {
        Self::of(Stage::set().await)
    }

    pub async fn set_on(db: TestDb) -> Self {
        Self::of(Stage::set_on(db, |_| {}).await)
    }

    fn of(stage: Stage) -> Self {
        let http = reqwest::Client::builder().pool_max_idle_per_host(0).redirect(Policy::none()).no_proxy().build().unwrap();
        Self { stage, http, done: RefCell::default() }
    }

    pub async fn crew(&self) -> Crew {
        let person = async |name: &str, role: Role| self.stage.person(name, &[role], "信息部").await;
        Crew {
            cast: self.stage.cast().await,
            operator: person("operator", Role::PlatformOperator).await,
            second: person("second", Role::PlatformOperator).await,
            system: person("system", Role::SystemAdministrator).await,
            security: person("security", Role::SecurityAdministrator).await,
            audit: person("audit", Role::AuditAdministrator).await,
            auditor: person("auditor", Role::Auditor).await,
            counsel: person("counsel", Role::Counsel).await,
            nobody: self.stage.person("nobody", &[], "信息部").await,
        }
    }

    /// A message reported by hand whose recall three people approved; an operator has to carry it out.
    pub async fn guided(&self, cast: &Cast) -> String {
        let report = Report {
            channel: "QQ 群".into(),
            sent_at: self.stage.app.now().to_rfc3339(),
            audience: "华东代理商群".into(),
            title: "报价单".into(),
            text: "报价单：内部价九折".into(),
            ..Report::default()
        };
        let broadcast = report::report(&self.stage.app, &cast.requester.caller, report, None).await.unwrap().value;
        let fields = [("broadcast", broadcast.as_str()), ("category", "wrong_audience"), ("reason", "报价单误发到客户群"), ("step", "submit")];
        let case = self.stage.post(&cast.requester, "/recalls", &fields).await.case();
        for who in [&cast.reviewer, &cast.lawyer, &cast.executive] {
            assert_eq!(self.decide(who, &case, "approve").await.status, 303);
        }
        case
    }

    /// Decides with a code that has not been used.
    pub async fn decide(&self, who: &Person, case: &str, decision: &str) -> crate::recalls::stage::Answer {
        self.tick();
        self.stage.decide(who, case, decision).await
    }

    /// The next half minute: everybody's code is fresh.
    pub fn tick(&self) {
        self.stage.clock.advance(std::time::Duration::from_secs(30));
    }

    pub fn fresh_code(&self, who: &Person) -> String {
        self.tick();
        self.stage.code(who)
    }

    /// A request with whatever proves who `by` is, and the token that its forms must carry.
    pub async fn request(&self, by: By<'_>, method: Method, path: &str) -> (RequestBuilder, String) {
        let request = self.http.request(method, format!("{}{path}", self.stage.base)).header(header::USER_AGENT, "TableBrowser/1");
        let pre = token::fresh().0;
        match by {
            By::Stranger => (request.header(header::COOKIE, format!("pre={pre}")), pre),
            By::Cookie(cookie) => (request.header(header::COOKIE, format!("pre={pre}; session={cookie}")), pre),
            By::Person(person) => {
                let cookie = self.stage.session_of(person).await.0;
                (request.header(header::COOKIE, format!("session={cookie}")), "forged-not".to_owned())
            }
            By::Token(token) => (request.bearer_auth(token), String::new()),
        }
    }

    /// Sends it and says what it left.
    pub async fn shoot(&self, request: RequestBuilder) -> Shot {
        let store = &self.stage.app.store;
        let before = log::size(store).await;
        let res = request.send().await.unwrap();
        let text = |name: header::HeaderName| res.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
        let cookies = res.headers().get_all(header::SET_COOKIE).iter().filter_map(|v| v.to_str().ok());
        let cookie =
            cookies.filter_map(|c| c.strip_prefix("session=")).filter_map(|c| c.split(';').next()).next_back().unwrap_or_default().to_owned();
        let (status, location) = (res.status().as_u16(), text(header::LOCATION));
        let body = res.text().await.unwrap();
        Shot { status, location, cookie, body, events: log::events_from(store, before).await }
    }

    /// Posts a form.
    pub async fn post(&self, by: By<'_>, path: &str, fields: &[(&str, &str)]) -> Shot {
        let (request, csrf) = self.request(by, Method::POST, path).await;
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        if !fields.iter().any(|(name, _)| *name == "csrf") {
            body.append_pair("csrf", &csrf);
        }
        let body = body.extend_pairs(fields).finish();
        self.shoot(request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(body)).await
    }

    /// Posts JSON with a token.
    pub async fn api(&self, token: &str, path: &str, body: &Value) -> Shot {
        let (request, _) = self.request(By::Token(token), Method::POST, path).await;
        self.shoot(request.header(header::CONTENT_TYPE, "application/json").body(body.to_string())).await
    }

    /// Posts a file under `part`.
    pub async fn upload(&self, by: By<'_>, path: &str, fields: &[(&str, &str)], part: &str, file: &[u8]) -> Shot {
        let (request, csrf) = self.request(by, Method::POST, path).await;
        let mut body: Vec<u8> = Vec::new();
        for (name, value) in fields.iter().copied().chain([("csrf", csrf.as_str())]) {
            body.extend(format!("--cut\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes());
        }
        body.extend(format!("--cut\r\ncontent-disposition: form-data; name=\"{part}\"; filename=\"shot.png\"\r\n\r\n").bytes());
        body.extend(file);
        body.extend(b"\r\n--cut--\r\n");
        self.shoot(request.header(header::CONTENT_TYPE, "multipart/form-data; boundary=cut").body(body)).await
    }

    /// The route's one event of success, with all that the table asks for.
    pub fn worked(&self, route: &str, by: By<'_>, shot: &Shot) {
        let line = table::of(route);
        assert!(matches!(shot.status, 200 | 201 | 303), "{route}: {} {}", shot.status, shot.body);
        let event = shot.one(route);
        assert_eq!((event["action"].as_str(), event["outcome"].as_str()), (Some(line.action), Some("success")), "{route}: {event:#}");
        sound(event, by, route);
        let word = |of: &'static str| event.pointer(of).and_then(Value::as_str).unwrap_or_default();
        let told = Leaf { action: word("/action"), actor: word("/actor/kind"), subject: word("/subject/kind"), outcome: word("/outcome") };
        catalogued::holds(told, event["parts"].as_object().into_iter().flatten().map(|(part, value)| (part.as_str(), value)));
        for pointer in line.detail {
            assert!(event["parts"]["detail"].pointer(pointer).is_some(), "{route}: detail{pointer} in {event:#}");
        }
        if line.text {
            assert!(event["parts"]["text"].as_object().is_some_and(|t| !t.is_empty()), "{route}: text in {event:#}");
        }
        if route.contains("/recalls") && !route.ends_with("/recalls/exports") {
            assert!(event["case"].is_string(), "{route}: {event:#}");
        }
        self.done.borrow_mut().insert(line.route);
    }

    /// The route's use case refused it, for `reason`, in one event.
    pub fn declined(&self, route: &str, by: By<'_>, shot: &Shot, status: u16, reason: &str) {
        self.refused(route, table::of(route).action, by, shot, status, reason);
    }

    /// Nothing but one refused event of `action`, for `reason`.
    pub fn refused(&self, what: &str, action: &str, by: By<'_>, shot: &Shot, status: u16, reason: &str) {
        let event = shot.one(what);
        assert_eq!(shot.status, status, "{what}: {event:#} {}", shot.body);
        assert_eq!((event["action"].as_str(), event["outcome"].as_str()), (Some(action), Some("refused")), "{what}: {event:#}");
        assert_eq!(event["parts"]["detail"]["reason"], reason, "{what}: {event:#}");
        sound(event, by, what);
    }
}
