//! Attempts to break in that no other story makes: each fails, and what it leaves is told.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use countermand::{
    app::{
        App, Caller,
        broadcasts::report::{self, Report, Upload},
        connections::{self, Change},
    },
    config::Config,
    crypto::totp,
    domain::role::Role,
    jobs,
    store::{attachments, users},
};
use reqwest::Method;
use serde_json::json;

use super::house::{By, House, PICTURE};
use crate::{
    recalls::stage::{Cast, Person, Stage},
    support::{app::Browser, db::TestDb, log},
};

#[actix_web::test]
async fn a_code_counts_one_step_early_and_one_late_once_each_and_ascending() {
    let house = House::set().await;
    let me = house.stage.person("me", &[Role::Requester], "信息部").await;
    let now = house.stage.app.now();
    let step = Duration::from_secs(30);
    let at = |steps: u32, late: bool| totp::code(&me.secret, if late { now.plus(step * steps) } else { now.minus(step * steps) });
    for (what, code, works) in [
        ("two steps early", at(2, false), false),
        ("one step early", at(1, false), true),
        ("the same again", at(1, false), false),
        ("now", at(0, false), true),
        ("back to the one before", at(1, false), false),
        ("one step late", at(1, true), true),
        ("back to now", at(0, false), false),
        ("two steps late", at(2, true), false),
    ] {
        let shot = house.post(By::Person(&me), "/account/tokens", &[("name", "报表"), ("scopes", "recall.read"), ("totp", &code)]).await;
        assert_eq!((shot.status == 201, shot.one(what)["outcome"] == "success"), (works, works), "{what}: {} {}", shot.status, shot.body);
    }
}

#[actix_web::test]
async fn a_password_hashed_with_weaker_parameters_is_hashed_anew_at_the_next_sign_in() {
    use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version, password_hash::SaltString};
    let house = House::set().await;
    let me = house.stage.person("me", &[Role::Requester], "信息部").await;
    let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8 * 1024, 1, 1, None).unwrap());
    let phc = weak.hash_password(b"a horse of another age", &SaltString::encode_b64(&[7; 16]).unwrap()).unwrap().to_string();
    let (id, weak) = (me.caller.id.clone(), phc.clone());
    house.stage.app.store.write(move |tx| users::user_password_set(tx.conn, &id, &weak)).await.unwrap();
    let kept = async || {
        let id = me.caller.id.clone();
        house.stage.app.store.read(move |conn| users::user_find(conn, &id)).await.unwrap().unwrap().password_hash.unwrap()
    };
    let shot = house.post(By::Stranger, "/sessions", &[("account", "me"), ("password", "not the password")]).await;
    assert_eq!(shot.status, 409);
    assert_eq!(kept().await, phc, "a wrong one changes nothing");
    let shot = house.post(By::Stranger, "/sessions", &[("account", "me"), ("password", "a horse of another age")]).await;
    house.worked("/sessions", By::Stranger, &shot);
    assert!(kept().await.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", kept().await);
}

#[actix_web::test]
async fn what_somebody_types_into_an_address_never_enters_a_leaf() {
    let house = House::set().await;
    let crew = house.crew().await;
    let secret = house.stage.token(Some(&crew.cast.requester), &["recall.read"]).await;
    for (who, path) in [
        (&crew.cast.requester, format!("/account/tokens/{secret}/revocations")),
        (&crew.cast.requester, format!("/account/sessions/{secret}/revocations")),
        (&crew.security, "/users/zhangsan/roles".to_owned()),
        (&crew.security, "/users/%E5%BC%A0%E4%B8%89/roles".to_owned()),
        (&crew.system, "/connections/zhangsan/tests".to_owned()),
        (&crew.cast.requester, "/recalls/zhangsan/withdrawal".to_owned()),
        (&crew.cast.requester, format!("/recalls/{}/withdrawal", "x".repeat(60_000))),
    ] {
        let shot = house.post(By::Person(who), &path, &[]).await;
        let event = shot.one(&path[..path.len().min(60)]);
        let leaf = json!([event["subject"], event["actor"], event["case"]]).to_string();
        assert_eq!(event["outcome"], "refused");
        for typed in [secret.as_str(), "zhangsan", "张三", "xxxx"] {
            assert!(!leaf.contains(typed), "{leaf}");
        }
    }
}

/// A report with a screenshot, its case, and the case's capture: ids of broadcast, attachment, case, capture.
async fn guided(house: &House, cast: &Cast, operator: &Person) -> [String; 4] {
    let report = Report {
        channel: "QQ 群".into(),
        sent_at: house.stage.app.now().to_rfc3339(),
        audience: "代理商群".into(),
        title: "报价单".into(),
        text: "内部价九折".into(),
        files: vec![Upload { name: "a.png".into(), bytes: PICTURE.to_vec() }],
        ..Report::default()
    };
    let broadcast = report::report(&house.stage.app, &cast.requester.caller, report, None).await.unwrap().value;
    let fields = [("broadcast", broadcast.as_str()), ("category", "leak"), ("reason", "报价单误发到客户群"), ("step", "submit")];
    let case = house.stage.post(&cast.requester, "/recalls", &fields).await.case();
    for who in [&cast.reviewer, &cast.lawyer, &cast.executive] {
        assert_eq!(house.decide(who, &case, "approve").await.status, 303);
    }
    let shown = [("outcome", "unknown"), ("note", "后台没有显示结果如何")];
    let shot = house.upload(By::Person(operator), &format!("/recalls/{case}/captures"), &shown, "capture", PICTURE).await;
    assert_eq!(shot.status, 303, "{}", shot.body);
    let (b, c) = (broadcast.clone(), case.clone());
    let read = house.stage.app.store.read(move |conn| Ok((attachments::of_broadcast(conn, &b)?, attachments::of_recall(conn, &c)?)));
    let (of_message, of_case) = read.await.unwrap();
    let capture = of_case.iter().find(|a| a.kind == "capture").unwrap().id.clone();
    [broadcast, of_message[0].id.clone(), case, capture]
}

#[actix_web::test]
async fn ids_of_other_peoples_things_open_nothing() {
    let house = House::set().await;
    let crew = house.crew().await;
    let mine = guided(&house, &crew.cast, &crew.operator).await;
    let again = house.stage.cast2(&crew.cast).await;
    let other = guided(&house, &again, &crew.operator).await;
    let stranger = house.stage.person("stranger", &[Role::Requester], "销售部").await;
    let get = async |who: &Person, path: String| {
        let (request, _) = house.request(By::Person(who), Method::GET, &path).await;
        let shot = house.shoot(request).await;
        (shot.status, shot.body)
    };
    let [broadcast, attachment, case, capture] = &mine;
    let event = house.stage.events(case).await[0].leaf.id.clone();
    // Another requester's case does not exist for them, by id or by number, in pages or by program.
    let number = house.stage.loaded(case).await.row.number;
    for path in [
        format!("/recalls/{case}"),
        format!("/recalls/{number}"),
        format!("/recalls/{case}/captures/{capture}"),
        format!("/recalls/{case}/receipts/{event}"),
    ] {
        let (status, body) = get(&stranger, path.clone()).await;
        assert_eq!(status, 404, "{path}");
        assert!(!body.contains("报价单"), "{path}");
    }
    assert!(!get(&stranger, "/recalls".to_owned()).await.1.contains(&number), "nor is it in their list");
    assert!(matches!(get(&stranger, format!("/recalls/{case}/evidence")).await.0, 403 | 404));
    let token = house.stage.token(Some(&stranger), &["recall.read", "recall.request"]).await;
    for id in [case, &number] {
        let answer = house.stage.api(&token, &format!("/recalls/{id}"), None, None).await;
        assert_eq!(answer.status, 404, "{}", answer.body);
        let shot = house.api(&token, &format!("/api/v1/recalls/{id}/withdrawal"), &json!({ "reason": "不是我的案件" })).await;
        house.declined("/api/v1/recalls/{id}/withdrawal", By::Token(&token), &shot, 404, "not_found");
    }
    // A right to one thing is none to what belongs to another.
    let [other_broadcast, other_attachment, other_case, other_capture] = &other;
    let requester = &crew.cast.requester;
    assert_eq!(get(requester, format!("/broadcasts/{broadcast}/attachments/{attachment}")).await.0, 200);
    assert_eq!(get(requester, format!("/broadcasts/{broadcast}/attachments/{other_attachment}")).await.0, 404);
    assert_eq!(
        get(requester, format!("/broadcasts/{other_broadcast}/attachments/{capture}")).await.0,
        404,
        "a capture is no attachment of a message"
    );
    assert_eq!(get(requester, format!("/recalls/{case}/captures/{other_capture}")).await.0, 404);
    assert_eq!(get(requester, format!("/recalls/{other_case}/captures/{attachment}")).await.0, 404);
    assert_eq!(get(requester, format!("/recalls/{other_case}/receipts/{event}")).await.0, 404);
    // A reviewer of another department may look, and what they see they may not decide (`never`).
    let elsewhere = house.stage.person("elsewhere", &[Role::DepartmentReviewer], "销售部").await;
    assert_eq!(get(&elsewhere, format!("/recalls/{case}")).await.0, 200);
}

#[actix_web::test]
async fn a_second_factor_that_was_reset_is_shown_in_every_case_decided_that_day() {
    let house = House::set().await;
    let crew = house.crew().await;
    let cast = &crew.cast;
    let reset = async |who: &Person| {
        let path = format!("/users/{}/second-factor-resets", who.caller.id);
        let code = house.fresh_code(&crew.system);
        assert_eq!(house.post(By::Person(&crew.system), &path, &[("totp", &code)]).await.status, 303);
        let code = house.fresh_code(&crew.security);
        assert_eq!(house.post(By::Person(&crew.security), &format!("{path}/confirmations"), &[("totp", &code)]).await.status, 303);
    };
    let page = async |case: &str| house.stage.get(&crew.cast.lawyer, &format!("/recalls/{case}")).await.body;
    let told = "重置过身份验证器";

    // Decided in the morning, reset at noon: the case of the morning says so.
    let before = house.stage.case(cast).await;
    assert_eq!(house.decide(&cast.reviewer, &before, "approve").await.status, 303);
    assert!(!page(&before).await.contains(told));
    reset(&cast.reviewer).await;
    assert!(page(&before).await.contains(told), "{}", page(&before).await);

    // Reset at noon, decided in the afternoon: page and event say so.
    let secret = totp::fresh_secret();
    let sealed = house.stage.app.store.keys().envelope.seal(&users::totp_context(&cast.reviewer.caller.id), &secret);
    let id = cast.reviewer.caller.id.clone();
    house.stage.app.store.write(move |tx| users::user_totp_set(tx.conn, &id, Some(sealed.clone()), 0)).await.unwrap();
    let cast = Cast { reviewer: Person { secret, ..cast.reviewer.clone() }, ..house.stage.cast2(cast).await };
    let after = house.stage.case(&cast).await;
    assert_eq!(house.decide(&cast.reviewer, &after, "approve").await.status, 303);
    let shown = page(&after).await;
    assert!(shown.contains(told) && shown.contains("system") && shown.contains("security"), "who did it is named: {shown}");
    let event = log::events_from(&house.stage.app.store, 0).await.into_iter().rev().find(|e| e["action"] == "recall.decided").unwrap();
    let resets = &event["parts"]["detail"]["second_factor_resets"];
    assert_eq!((&resets[0]["proposed_by"], &resets[0]["confirmed_by"]), (&json!(crew.system.caller.id), &json!(crew.security.caller.id)));

    // Another day it is history.
    house.stage.clock.advance(Duration::from_secs(24 * 3600));
    let later = house.stage.case(&cast).await;
    assert_eq!(house.decide(&cast.reviewer, &later, "approve").await.status, 303);
    assert!(!page(&later).await.contains(told));
}

/// The same installation after a restart that forbids addresses inside the house.
fn strict(stage: &Stage) -> App {
    let config = Config { allow_private_destinations: false, ..Config::clone(&stage.app.config) };
    App { config: Arc::new(config), connectors: Arc::default(), ..stage.app.clone() }
}

async fn switch_off(stage: &Stage) {
    let access = stage.emulator.access().clone();
    let change = Change {
        name: "企业微信".into(),
        base_url: access.base_url,
        corp_id: access.corp_id,
        agent_id: access.agent_id.to_string(),
        version: 1,
        ..Change::default()
    };
    connections::change(&stage.app, &Caller::shell(), &stage.connection, change).await.unwrap();
}

#[actix_web::test]
async fn a_connection_that_may_not_be_used_ends_what_waits_for_it_and_says_why() {
    for off in [true, false] {
        let stage = Stage::set().await;
        let cast = stage.cast().await;
        let case = stage.approved(&cast).await;
        let people = stage.recipients();
        let new = countermand::app::broadcasts::send::NewBroadcast {
            connection: stage.connection.clone(),
            audience: countermand::app::broadcasts::Wanted { users: people.clone(), ..Default::default() },
            title: "通知".into(),
            text: "正文".into(),
            ..Default::default()
        };
        let broadcast = countermand::app::broadcasts::send::send(&stage.app, &cast.requester.caller, new, None).await.unwrap().value;
        let sent = stage.emulator.count("message/send");
        let app = if off { stage.app.clone() } else { strict(&stage) };
        if off {
            switch_off(&stage).await;
        }
        for _ in 0..5 {
            jobs::run_due(&app).await.unwrap();
            stage.clock.advance(Duration::from_secs(20));
        }
        let reason = if off { "connection-off" } else { "base-url" };
        assert_eq!((stage.emulator.count("message/recall"), stage.emulator.count("message/send")), (0, sent), "{reason}: nothing was called");
        assert_eq!(stage.state(&case).await, "failed", "{reason}");
        let all = log::events_from(&stage.app.store, 0).await;
        let finished = all.iter().find(|e| e["action"] == "recall.finished").unwrap();
        assert_eq!((finished["outcome"].as_str(), finished["parts"]["detail"]["about"]["reason"].as_str()), (Some("failed"), Some(reason)));
        let ended = all.iter().find(|e| e["action"] == "broadcast.sent" && e["subject"]["id"] == json!(broadcast)).unwrap();
        assert_eq!((ended["outcome"].as_str(), ended["parts"]["detail"]["reason"].as_str()), (Some("failed"), Some(reason)));
        assert!(all.iter().any(|e| e["action"] == "case.closed"), "the case comes to its end");
        let left: i64 = stage
            .app
            .store
            .read(|conn| {
                use diesel::prelude::*;
                Ok(countermand::store::schema::jobs::table
                    .filter(countermand::store::schema::jobs::kind.eq_any(["send_broadcast", "execute_recall"]))
                    .filter(countermand::store::schema::jobs::state.ne("done"))
                    .count()
                    .get_result(conn)?)
            })
            .await
            .unwrap();
        assert_eq!(left, 0, "{reason}: no job tries for ever");
    }
}

#[actix_web::test]
async fn a_request_on_a_connection_that_is_off_goes_the_guided_way() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let people = stage.recipients();
    let broadcast = stage.notice(&cast.requester, &people.iter().map(String::as_str).collect::<Vec<_>>()).await;
    switch_off(&stage).await;
    let fields = [("broadcast", broadcast.as_str()), ("category", "leak"), ("reason", "收件范围误选为全体员工"), ("step", "submit")];
    let case = stage.post(&cast.requester, "/recalls", &fields).await.case();
    assert_eq!(stage.loaded(&case).await.row.mode, "guided", "nothing is promised that the API cannot do");
}

#[actix_web::test]
async fn no_connection_leads_into_the_house() {
    let house = House::set().await;
    let app = strict(&house.stage);
    let crew = house.crew().await;
    let system = countermand::app::people::person_find;
    let id = crew.system.caller.id.clone();
    let caller = app.store.read(move |conn| system(conn, &id)).await.unwrap().unwrap().caller(None, None, None);
    for base in [
        "https://127.0.0.1",
        "https://2130706433",
        "https://0x7f.1",
        "https://0177.0.0.1",
        "https://127.1",
        "https://[::1]",
        "https://[::ffff:10.0.0.1]",
        "https://[64:ff9b::a9fe:a9fe]",
        "https://169.254.169.254",
        "https://100.100.100.200",
        "https://localhost",
        "https://LOCALHOST.",
        "https://①②⑦.⓪.⓪.①",
        "http://qyapi.weixin.qq.com",
        "https://user:pw@qyapi.weixin.qq.com",
        "https://qyapi.weixin.qq.com/x?y",
        "file:///etc/passwd",
        "gopher://10.0.0.1",
    ] {
        let new = connections::NewConnection {
            name: "x".into(),
            platform: "matrix".into(),
            base_url: base.into(),
            secret: "s".into(),
            ..connections::NewConnection::default()
        };
        let before = log::size(&app.store).await;
        assert!(connections::create(&app, &caller, new).await.is_err(), "{base}");
        let events = log::events_from(&app.store, before).await;
        assert_eq!((events.len(), events[0]["outcome"].as_str()), (1, Some("refused")), "{base}");
        assert_eq!(events[0]["parts"]["detail"]["fields"][0]["field"], "base_url", "{base}");
    }
}

/// A server of its own; its errors are kept as they come.
struct Served {
    child: Child,
    told: Arc<Mutex<String>>,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn countermand(db: &TestDb, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countermand"));
    command
        .args(arguments)
        .arg("--data")
        .arg(db.path())
        .env_remove("DATABASE_URL")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(url) = db.url() {
        command.env("DATABASE_URL", url);
    }
    command
}

impl Served {
    fn start(db: &TestDb) -> Self {
        let mut command = countermand(db, &["serve", "--listen", "127.0.0.1:0"]);
        let mut child = command.env("RUST_LOG", "debug").env("COUNTERMAND_ALLOW_PRIVATE_DESTINATIONS", "true").spawn().unwrap();
        let told = Arc::new(Mutex::new(String::new()));
        let streams: [Box<dyn Read + Send>; 2] = [Box::new(child.stderr.take().unwrap()), Box::new(child.stdout.take().unwrap())];
        for stream in streams {
            let told = told.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let mut told = told.lock().unwrap();
                    told.push_str(&line);
                    told.push('\n');
                }
            });
        }
        Self { child, told }
    }

    fn all(&self) -> String {
        self.told.lock().unwrap().clone()
    }

    /// What stands behind `before` in the output, once it does.
    async fn wait(&self, before: &str) -> String {
        for _ in 0..600 {
            if let Some((_, rest)) = self.all().split_once(before)
                && let Some(end) = rest.find([')', '\n'])
            {
                return rest[..end].to_owned();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{before} never came: {}", self.all());
    }
}

#[actix_web::test]
async fn a_running_server_tells_no_secret_even_to_its_log_of_errors() {
    const PASSWORD: &str = "a horse that nobody may know";
    let stage = Stage::set().await;
    let db = TestDb::one();
    let served = Served::start(&db);
    let base = format!("http://{}", served.wait("(listening on ").await);
    let link = format!("/setup/{}", served.wait("/setup/").await);
    let browser = Browser::new(&base);
    let account = [("username", "first"), ("display_name", "张三"), ("password", PASSWORD), ("password_again", PASSWORD)];
    let made = browser.submit(&link, &link, &account).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let invitation = made.body.split("/invitations/").nth(1).unwrap()[..43].to_owned();
    assert_eq!(browser.get(&format!("/invitations/{invitation}")).await.status, 200);
    browser.submit("/sign-in", "/sessions", &[("account", "first"), ("password", "another secret word")]).await;
    let first = browser.submit("/sign-in", "/sessions", &[("account", "first"), ("password", PASSWORD)]).await;
    assert_eq!(first.location, "/sessions/enrolment", "{}", first.body);
    let page = browser.get("/sessions/enrolment").await;
    let key = page.body.split("mono wrapcode\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let secret = totp::from_base32(&key).unwrap();
    let code = totp::code(&secret, countermand::clock::Clock::now(&countermand::clock::SystemClock));
    let sealed = page.hidden("sealed").unwrap();
    let fields = [("csrf", page.hidden("csrf").unwrap()), ("sealed", sealed.clone()), ("totp", code.clone())];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (*k, v.as_str())).collect();
    let opened = browser.post("/sessions/enrolment", &fields).await;
    assert_eq!((opened.status.as_u16(), opened.location.as_str()), (303, "/"), "{}", opened.body);
    let access = stage.emulator.access().clone();
    let agent = access.agent_id.to_string();
    let connection = [
        ("name", "企业微信"),
        ("platform", "wecom"),
        ("base_url", access.base_url.as_str()),
        ("corp_id", access.corp_id.as_str()),
        ("agent_id", agent.as_str()),
        ("secret", access.secret.as_str()),
    ];
    let made = browser.submit("/connections/new", "/connections", &connection).await;
    assert_eq!(made.status, 303, "{}", made.body);
    let path = made.location.clone();
    let csrf = browser.get(&path).await.hidden("csrf").unwrap();
    assert_eq!(browser.post(&format!("{path}/tests"), &[("csrf", &csrf)]).await.status, 303);
    assert!(browser.get(&path).await.body.contains("is-ok"), "the secret was used");
    // A token in the address, in a header and in a body that is not one of ours; a search for somebody.
    let bearer = browser.with_header("authorization", "Bearer cmt_nobody-may-know-this-token-either-0123456789");
    bearer.send(Method::POST, "/api/v1/recalls", Some("application/json"), Some("{\"reason\":\"hidden reason\"".into())).await;
    browser.get("/recalls?number=hidden-search-word").await;
    tokio::time::sleep(Duration::from_millis(300)).await;

    let told = served.all();
    assert!(told.contains("request") && told.contains("/sessions/enrolment"), "the log is on: {told}");
    let without_link: String = told.lines().filter(|l| !l.contains("/setup/")).map(|l| format!("{l}\n")).collect();
    assert_eq!(told.matches(link.as_str()).count(), 1, "the link is told once, at the first start");
    let (session, device) = (browser.cookie("session"), browser.cookie("did"));
    for secret in [
        PASSWORD,
        "another secret word",
        &invitation,
        &key,
        &key.replace(' ', ""),
        &code,
        &sealed,
        &csrf,
        &session,
        &device,
        &access.secret,
        "cmt_nobody",
        "hidden reason",
        "hidden-search-word",
        "张三",
    ] {
        assert!(!secret.is_empty() && !without_link.contains(secret), "{secret} in {without_link}");
    }
}

#[actix_web::test]
async fn plain_http_on_an_open_address_is_refused_at_start_with_the_way_out() {
    let db = TestDb::one();
    for address in ["0.0.0.0:0", "[::]:0"] {
        let out = countermand(&db, &["serve", "--listen", address]).output().unwrap();
        let told = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(!out.status.success(), "{told}");
        assert!(told.contains("tls_cert") && told.contains("trusted_proxies"), "{told}");
    }
}
