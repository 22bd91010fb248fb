//! Our clock is held against the time that platforms put on their answers, whoever calls them; only one over TLS outside the house counts.

use std::sync::{Arc, Mutex};

use countermand::{
    app::{AppError, Caller, clocks, connections::NewConnection},
    clock::{Clock, Instant, ManualClock},
    connect::{Audience, ConnectError, Connector, Exchange, Fetched, MessageRef, Outgoing, Presence, RawCall, Reading, Sent},
    domain::{alert::Rule, platform::Capabilities},
};
use futures_util::future::{BoxFuture, ready};

use super::House;
use crate::support::{db::TestDb, log};

/// A platform whose clock is as many seconds ahead of ours as it is told to be, or that says no time.
struct Fake {
    clock: Arc<ManualClock>,
    ahead: Arc<Mutex<Option<i64>>>,
}

impl Fake {
    fn answer<'a, T: Send + 'a>(&self, result: Result<T, ConnectError>) -> BoxFuture<'a, Exchange<T>> {
        let now = self.clock.now();
        let date = |ahead: i64| Instant(now.0 + ahead * 1_000_000).timestamp().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let call = RawCall {
            method: "GET".into(),
            path: "/".into(),
            request: String::new(),
            started_at: now,
            answered_at: Some(now),
            status: Some(200),
            date: self.ahead.lock().unwrap().map(date),
            response: Some("{}".into()),
            fault: None,
        };
        Box::pin(ready(Exchange { calls: vec![call], result }))
    }
}

impl Connector for Fake {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            send: true,
            recall: true,
            recall_per_recipient: false,
            read_back: false,
            reading_state: false,
            window_seconds: None,
            residue: vec![],
        }
    }

    fn split(&self, audience: &Audience) -> Vec<Audience> {
        vec![audience.clone()]
    }

    fn send<'a>(&'a self, _: &'a Audience, _: &'a Outgoing) -> BoxFuture<'a, Exchange<Sent>> {
        self.answer(Err(ConnectError::Unsupported))
    }

    fn recall<'a>(&'a self, _: &'a MessageRef, _: &'a str, _: &'a str) -> BoxFuture<'a, Exchange<()>> {
        self.answer(Ok(()))
    }

    fn read_back<'a>(&'a self, _: &'a MessageRef) -> BoxFuture<'a, Exchange<Presence>> {
        self.answer(Ok(Presence::Gone))
    }

    fn reading<'a>(&'a self, _: &'a MessageRef) -> BoxFuture<'a, Exchange<Vec<Reading>>> {
        self.answer(Ok(vec![]))
    }

    fn fetch<'a>(&'a self, _: &'a MessageRef) -> BoxFuture<'a, Exchange<Fetched>> {
        self.answer(Err(ConnectError::Unsupported))
    }

    fn members<'a>(&'a self) -> BoxFuture<'a, Exchange<Vec<String>>> {
        self.answer(Ok(vec![]))
    }

    fn test<'a>(&'a self) -> BoxFuture<'a, Exchange<()>> {
        self.answer(Ok(()))
    }
}

impl House {
    /// A connection to `base_url` behind which a fake stands.
    async fn faked(&self, name: &str, base_url: &str, ahead: &Arc<Mutex<Option<i64>>>) -> String {
        let new = NewConnection {
            name: name.into(),
            platform: "matrix".into(),
            base_url: base_url.into(),
            secret: "syt_token".into(),
            ..NewConnection::default()
        };
        let id = countermand::app::connections::create(self.app(), &Caller::shell(), new).await.unwrap().value;
        let fake = Fake { clock: self.stage.clock.clone(), ahead: ahead.clone() };
        self.app().connectors.get(&id, 1, || Ok::<_, AppError>(Arc::new(fake))).unwrap();
        id
    }

    /// Tests a connection by the page's form, and looks at the clocks.
    async fn asks(&self, id: &str) {
        assert_eq!(self.stage.post(&self.system, &format!("/connections/{id}/tests"), &[]).await.status, 303);
        clocks::look(self.app()).await.unwrap();
    }

    async fn clock_events(&self) -> Vec<(String, String, i64)> {
        let all = log::events_from(&self.app().store, 0).await;
        let of_clock = all.iter().filter(|e| e["subject"]["kind"] == "clock" && e["subject"]["id"] != "step");
        let said = |e: &serde_json::Value| {
            let text = |v: &serde_json::Value| v.as_str().unwrap().to_owned();
            (text(&e["action"]), text(&e["subject"]["id"]), e["parts"]["detail"]["offset_ms"].as_i64().unwrap())
        };
        of_clock.map(said).collect()
    }
}

#[actix_web::test]
async fn a_platform_whose_time_is_not_ours_is_told_once_and_when_it_agrees_again() {
    for db in TestDb::each() {
        let house = House::set(db).await;
        let page = house.stage.get(&house.system, "/settings").await;
        assert!(page.body.contains("本进程启动以来尚未比对"), "{}", page.body);
        let ahead = Arc::new(Mutex::new(Some(0)));
        let id = house.faked("企业微信（生产）", "https://qyapi.weixin.qq.com", &ahead).await;
        house.asks(&id).await;
        assert_eq!(house.clock_events().await, []);
        *ahead.lock().unwrap() = Some(90);
        for _ in 0..3 {
            house.asks(&id).await;
        }
        let source = format!("platform:{id}");
        assert_eq!(house.clock_events().await, [("clock.deviated".to_owned(), source.clone(), -90_000)], "once, not at each answer");
        house.pass().await;
        let alert = house.one(Rule::Clock).await;
        assert_eq!((alert.about_id.as_str(), alert.about.as_str()), (source.as_str(), "企业微信（生产）"));
        for (lang, words) in [("zh-CN", "−90.000 秒（最大 −90.000 秒）"), ("en", "−90.000 s (worst −90.000 s)")] {
            let page = house.stage.get(&house.system, &format!("/settings?lang={lang}")).await;
            assert!(page.body.contains(words) && page.body.contains("企业微信（生产）"), "{}", page.body);
        }
        // One answer of several that lay in a cache for a day is no clock.
        *ahead.lock().unwrap() = Some(0);
        let test = format!("/connections/{id}/tests");
        for late in [0, -86_400, 0] {
            *ahead.lock().unwrap() = Some(late);
            house.stage.post(&house.system, &test, &[]).await;
        }
        clocks::look(house.app()).await.unwrap();
        assert_eq!(house.clock_events().await[1..], [("clock.agreed".to_owned(), source, 0)]);
        // Who says no time differs from nobody.
        *ahead.lock().unwrap() = None;
        house.asks(&id).await;
        assert_eq!(house.clock_events().await.len(), 2);
    }
}

#[actix_web::test]
async fn what_comes_in_the_clear_or_from_inside_the_house_is_no_clock() {
    for db in TestDb::each() {
        let house = House::set(db).await;
        let ahead = Arc::new(Mutex::new(Some(3600)));
        for (n, base_url) in ["http://127.0.0.1:9", "http://chat.example.com", "https://127.0.0.1:9", "https://localhost"].iter().enumerate() {
            let id = house.faked(&format!("平台{n}"), base_url, &ahead).await;
            house.asks(&id).await;
        }
        assert_eq!(house.clock_events().await, []);
        assert!(house.stage.get(&house.system, "/settings").await.body.contains("本进程启动以来尚未比对"));
    }
}
