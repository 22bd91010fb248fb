//! Stories of a connection that is tested step by step: what works, what does not, what was not asked, and what to do.

use countermand::{
    app::{App, AppError, Caller, connections},
    config::Config,
    connect::emulator::Mode,
    domain::{
        probe::{Step, Verdict},
        role::Role,
    },
};
use serde_json::Value;

use crate::{
    fake_http::{Fake, answer},
    recalls::stage::{Person, Stage},
    support::{db::TestDb, log},
};

struct House {
    stage: Stage,
    system: Person,
}

impl House {
    async fn on(db: TestDb) -> Self {
        let stage = Stage::set_on(db, |_| {}).await;
        let system = stage.person("system", &[Role::SystemAdministrator], "信息部").await;
        Self { stage, system }
    }

    async fn connection(&self, name: &str, platform: &str, base_url: &str, secret: &str) -> String {
        let access = self.stage.emulator.access();
        let new = connections::NewConnection {
            name: name.into(),
            platform: platform.into(),
            base_url: base_url.into(),
            corp_id: access.corp_id.clone(),
            agent_id: access.agent_id.to_string(),
            secret: secret.into(),
            ..connections::NewConnection::default()
        };
        connections::create(&self.stage.app, &Caller::shell(), new).await.unwrap().value
    }

    /// Tests a connection by its page's form: the rows that the page then shows, as text, and the event.
    async fn test(&self, id: &str) -> (Vec<String>, Value) {
        let at = format!("/connections/{id}");
        let from = self.stage.app.store.read(countermand::store::reader::head).await.unwrap().size.unsigned_abs();
        let done = self.stage.post(&self.system, &format!("{at}/tests"), &[]).await;
        assert_eq!((done.status, done.location.as_str()), (303, at.as_str()), "{}", done.body);
        let events: Vec<Value> =
            log::events_from(&self.stage.app.store, from).await.into_iter().filter(|e| e["action"] == "connection.tested").collect();
        assert_eq!(events.len(), 1, "one test, one event: {events:#?}");
        let body = self.stage.get(&self.system, &at).await.body;
        let secret = &self.stage.emulator.access().secret;
        assert!(!body.contains(secret.as_str()) && !events[0].to_string().contains(secret.as_str()));
        let table = body.split("分步结果").nth(1).unwrap_or_else(|| panic!("no steps: {body}")).split("</table>").next().unwrap();
        let rows = table.split("<tr>").skip(2).map(|row| {
            let mut text = String::new();
            let mut tag = false;
            for c in row.chars() {
                match c {
                    '<' => tag = true,
                    '>' => tag = false,
                    c if !tag && !c.is_whitespace() => text.push(c),
                    _ => {}
                }
            }
            text
        });
        (rows.collect(), events[0].clone())
    }
}

/// `step is` of each step in an event.
fn said(event: &Value) -> Vec<String> {
    let steps = event["parts"]["detail"]["steps"].as_array().unwrap();
    steps.iter().map(|s| format!("{} {}", s["step"].as_str().unwrap(), s["is"].as_str().unwrap())).collect()
}

#[actix_web::test]
async fn a_test_says_of_each_step_what_came_of_it_and_what_to_do() {
    for db in TestDb::each() {
        let house = House::on(db).await;
        let access = house.stage.emulator.access().clone();
        let connection = house.stage.connection.clone();
        let (rows, event) = house.test(&connection).await;
        assert_eq!(event["outcome"], "success");
        let all = [
            "address passed",
            "name not_asked",
            "reach passed",
            "tls not_asked",
            "credentials passed",
            "scope passed",
            "clock passed",
            "read passed",
        ];
        assert_eq!(said(&event), all);
        for (row, expected) in rows.iter().zip([
            "地址允许访问通过",
            "域名解析未检查地址是IP",
            "连接服务器通过",
            "加密与证书未检查内网明文",
            "凭证通过",
            "权限范围通过",
            "时钟通过",
            "只读查询通过读到",
        ]) {
            assert!(row.starts_with(expected), "{expected}: {rows:#?}");
        }
        assert_eq!(house.stage.emulator.count("message/send") + house.stage.emulator.count("message/recall"), 0, "nothing was done");

        // The platform's clock is two minutes ahead.
        house.stage.emulator.set_offset(120);
        let (rows, event) = house.test(&connection).await;
        assert!(rows[6].contains("时钟未通过本机比平台快−1") && rows[6].contains("校准本机时钟"), "{rows:#?}");
        assert_eq!(event["outcome"], "success", "the connection works all the same");
        house.stage.emulator.set_offset(0);

        // What cannot be read says so, and the credentials are good all the same.
        house.stage.emulator.inject("department/simplelist", Mode::Error500, 1);
        let (rows, event) = house.test(&connection).await;
        assert!(rows[4].starts_with("凭证通过") && rows[7].contains("只读查询未通过") && rows[7].contains("稍后再试"), "{rows:#?}");
        assert_eq!((&event["outcome"], said(&event)[5].as_str()), (&"success".into(), "scope not_asked"));
        house.stage.emulator.inject("gettoken", Mode::TooMany, 1);
        let (rows, event) = house.test(&connection).await;
        assert!(rows[4].contains("凭证未检查平台要求稍后再试") && event["outcome"] == "failed", "{rows:#?}");

        // A wrong secret, a port that nobody listens at, a name that nobody has.
        let wrong = house.connection("wrong", "wecom", &access.base_url, "not-the-secret").await;
        let (rows, event) = house.test(&wrong).await;
        assert!(rows[4].contains("凭证未通过平台代码40001") && rows[4].contains("核对企业编号与密钥"), "{rows:#?}");
        assert!(rows[5].contains("未检查前面的步骤未通过") && !event.to_string().contains("not-the-secret"));
        let closed = { std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap() };
        let closed = house.connection("closed", "wecom", &format!("http://{closed}"), "secret").await;
        let (rows, event) = house.test(&closed).await;
        assert!(rows[2].contains("连接服务器未通过") && rows[2].contains("放行"), "{rows:#?}");
        assert_eq!(said(&event)[4..], ["credentials not_asked", "scope not_asked", "clock not_asked", "read not_asked"]);
        let nobody = house.connection("nobody", "matrix", "https://no-such-host.invalid", "secret").await;
        let (rows, event) = house.test(&nobody).await;
        assert!(rows[1].contains("域名解析未通过") && rows[1].contains("DNS"), "{rows:#?}");
        assert_eq!(said(&event)[2..4], ["reach not_asked", "tls not_asked"]);

        // Plain HTTP where TLS is expected.
        let plain = Fake::start(|_| answer("200 OK", "", "{}"));
        let tls = house.connection("tls", "matrix", &plain.base_url.replace("http:", "https:"), "secret").await;
        let (rows, _) = house.test(&tls).await;
        assert!(rows[3].contains("加密与证书未通过") && rows[3].contains("平台证书"), "{rows:#?}");

        // Another version of a connection has not been tested.
        let shown = house.stage.get(&house.system, &format!("/connections/{closed}")).await.body;
        let fields =
            [("version", "1"), ("name", "closed"), ("base_url", access.base_url.as_str()), ("corp_id", "ww1"), ("agent_id", "1"), ("active", "1")];
        assert!(shown.contains("分步结果"));
        assert_eq!(house.stage.post(&house.system, &format!("/connections/{closed}"), &fields).await.status, 303);
        assert!(!house.stage.get(&house.system, &format!("/connections/{closed}")).await.body.contains("分步结果"));

        // Wrong roles: nothing is asked of the platform.
        let security = house.stage.person("security", &[Role::SecurityAdministrator], "信息部").await;
        let asked = house.stage.emulator.count("gettoken");
        assert_eq!(house.stage.post(&security, &format!("/connections/{connection}/tests"), &[]).await.status, 403);
        assert_eq!(house.stage.emulator.count("gettoken"), asked);
    }
}

#[actix_web::test]
async fn permissions_are_a_step_of_their_own_where_the_platform_tells() {
    let house = House::on(TestDb::one()).await;
    // An application that may not look at departments; an address that is not trusted.
    let token = r#"{"errcode":0,"access_token":"t","expires_in":7200}"#;
    let narrow = Fake::start(move |asked| {
        let body = if asked.path.contains("gettoken") { token.to_owned() } else { r#"{"errcode":60011,"errmsg":"no privilege"}"#.to_owned() };
        answer("200 OK", "", &body)
    });
    let (rows, event) = house.test(&house.connection("narrow", "wecom", &narrow.base_url, "secret").await).await;
    assert!(rows[4].starts_with("凭证通过") && rows[5].contains("未通过平台代码60011") && rows[5].contains("发送和撤回不受此项影响"), "{rows:#?}");
    assert!(rows[6].contains("未检查平台未告知时间"), "{rows:#?}");
    assert_eq!(event["outcome"], "success");
    let distrust = Fake::start(|_| answer("200 OK", "", r#"{"errcode":60020,"errmsg":"not allow to access from your ip"}"#));
    let (rows, _) = house.test(&house.connection("distrust", "wecom", &distrust.base_url, "secret").await).await;
    assert!(rows[4].contains("凭证未通过平台代码60020") && rows[4].contains("可信IP"), "{rows:#?}");

    // Matrix: permissions depend on the room.
    let rooms = Fake::start(|asked| {
        let body = if asked.path.contains("whoami") {
            r#"{"user_id":"@bot:example.com"}"#
        } else {
            r#"{"joined_rooms":["!a:example.com","!b:example.com"]}"#
        };
        answer("200 OK", "", body)
    });
    let (rows, _) = house.test(&house.connection("rooms", "matrix", &rooms.base_url, "secret").await).await;
    assert!(rows[5].contains("未检查权限因房间而异") && rows[7].contains("通过读到2项"), "{rows:#?}");
    assert!(rooms.asked().iter().all(|asked| asked.method == "GET"));

    // An address that has become forbidden since: the first step says so, and nothing is called.
    let strict = App::new(house.stage.app.store.clone(), Config { allow_private_destinations: false, ..Config::clone(&house.stage.app.config) });
    let id = house.stage.connection.clone();
    let refused = connections::test(&strict, &house.system.caller, &id).await;
    assert!(matches!(refused, Err(AppError::Refused { kind: "base-url", .. })), "{refused:?}");
    let (_, steps) = connections::load(&strict, &house.system.caller, &id).await.unwrap().tested.unwrap();
    assert_eq!((steps[0].step, steps[0].verdict, steps.len()), (Step::Address, Verdict::Failed, Step::ALL.len()));
    assert!(steps[1..].iter().all(|s| s.verdict == Verdict::NotAsked));
}
