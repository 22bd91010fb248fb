//! The emulator as others use it: over HTTP, with its page, its switches and its oddities.

use std::collections::HashMap;

use countermand::connect::emulator::{Access, Emulator, Options};
use serde_json::{Value, json};

struct Outside {
    emulator: Emulator,
    http: reqwest::Client,
}

impl Outside {
    fn new(options: Options) -> Self {
        Self { emulator: Emulator::start_local(options).unwrap(), http: reqwest::Client::builder().no_proxy().build().unwrap() }
    }

    fn access(&self) -> &Access {
        self.emulator.access()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.access().base_url)
    }

    async fn get(&self, path: &str) -> reqwest::Response {
        self.http.get(self.url(path)).send().await.unwrap()
    }

    /// As a browser asks.
    async fn page(&self, path: &str) -> reqwest::Response {
        self.http.get(self.url(path)).header("accept", "text/html,application/xhtml+xml,*/*;q=0.8").send().await.unwrap()
    }

    async fn json(&self, path: &str) -> Value {
        self.get(path).await.json().await.unwrap()
    }

    /// Without a content type, as some clients do it.
    async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> reqwest::Response {
        self.http.post(self.url(path)).body(body).send().await.unwrap()
    }

    async fn token(&self) -> String {
        let access = self.access();
        let granted = self.json(&format!("/cgi-bin/gettoken?corpid={}&corpsecret={}", access.corp_id, access.secret)).await;
        assert_eq!((granted["errcode"].as_i64(), granted["errmsg"].as_str()), (Some(0), Some("ok")));
        granted["access_token"].as_str().unwrap().to_owned()
    }

    async fn call(&self, endpoint: &str, body: &Value) -> (Value, HashMap<String, String>) {
        let answer = self.post(&format!("/cgi-bin/{endpoint}?access_token={}", self.token().await), body.to_string()).await;
        let headers = answer.headers().iter().map(|(k, v)| (k.to_string(), v.to_str().unwrap().to_owned())).collect();
        (answer.json().await.unwrap(), headers)
    }

    fn text(&self, to: &str, content: &str) -> Value {
        json!({ "touser": to, "msgtype": "text", "agentid": self.access().agent_id, "text": { "content": content } })
    }
}

#[tokio::test]
async fn the_message_is_seen_to_vanish_except_in_the_plug_in() {
    let outside = Outside::new(Options::default());
    let hostile = "关于薪酬的通知\n<script>alert(1)</script>";
    let (sent, _) = outside.call("message/send", &outside.text("SuMu", hostile)).await;
    let page = async |query: &str| outside.page(&format!("/_emulator/inbox?{query}")).await.text().await.unwrap();
    let before = page("user=SuMu").await;
    assert!(before.contains("关于薪酬的通知") && !before.contains("<script") && !before.contains("已被撤回"));
    let (recalled, _) = outside.call("message/recall", &json!({ "msgid": sent["msgid"] })).await;
    assert_eq!(recalled, json!({ "errcode": 0, "errmsg": "ok" }), "nothing else");
    let after = page("user=SuMu").await;
    assert!(!after.contains("关于薪酬的通知") && after.contains("该消息已被撤回"));
    assert!(page("user=SuMu&lang=en").await.contains("This message was recalled"));
    assert!(page("user=SuMu&client=plugin").await.contains("关于薪酬的通知"), "the copy in WeChat's plug-in is not recallable");

    let shown = outside.json("/_emulator/inbox?user=SuMu&format=json").await;
    assert_eq!((shown["messages"][0]["recalled"].as_bool(), &shown["messages"][0]["text"]), (Some(true), &Value::Null));
    assert_eq!(outside.json("/_emulator/inbox?user=SuMu").await["messages"], shown["messages"], "a program need not say what it takes");
    assert_eq!(outside.get("/_emulator/inbox?user=x&format=json").await.status(), 404);
    assert_eq!(outside.page("/_emulator/inbox?user=x").await.status(), 404);

    let answer = outside.page("/_emulator/inbox").await;
    assert_eq!(answer.headers()["content-security-policy"].to_str().unwrap().split(';').next(), Some("default-src 'none'"));
    let html = answer.text().await.unwrap();
    assert!(!html.contains("style=") && !html.contains("<script") && !html.contains("<style"));
    assert_eq!(outside.get("/_emulator/console.css").await.headers()["content-type"], "text/css; charset=utf-8");
}

#[tokio::test]
async fn answers_have_the_documented_codes_and_shapes() {
    let outside = Outside::new(Options::default());
    let (corp, secret) = (outside.access().corp_id.clone(), outside.access().secret.clone());
    for (query, code) in [
        ("".to_owned(), 41002),
        (format!("corpid={corp}"), 41004),
        (format!("corpid=x&corpsecret={secret}"), 40013),
        (format!("corpid={corp}&corpsecret=x"), 40001),
    ] {
        assert_eq!(outside.json(&format!("/cgi-bin/gettoken?{query}")).await["errcode"], code, "{query}");
    }
    assert_eq!(outside.token().await, outside.token().await, "within its life the same token is granted again");
    assert_eq!(outside.json("/cgi-bin/user/get?userid=SuMu").await["errcode"], 41001);
    let wrong = outside.json("/cgi-bin/user/get?userid=SuMu&access_token=x").await;
    assert_eq!(wrong["errcode"], 40014);
    let message = wrong["errmsg"].as_str().unwrap();
    assert!(
        message.starts_with("invalid access_token, hint: [")
            && message.contains("], from ip: 127.0.0.1, more info at https://open.work.weixin.qq.com/devtool/query?e=40014")
    );

    let text = |to: &str, content: &str| outside.text(to, content);
    let with = |key: &str, value: Value| {
        let mut body = text("SuMu", "x");
        body[key] = value;
        body
    };
    let many = |n: usize| vec!["1"; n].join("|");
    for (body, code) in [
        (text("SuMu", ""), 44004),
        (text("nobody", "x"), 81013),
        (text("", "x"), 81013),
        (with("agentid", json!(1)), 40056),
        (with("agentid", Value::Null), 41011),
        (with("msgtype", json!("smoke")), 40008),
        (with("touser", json!(many(1001))), 82001),
        (with("toparty", json!(many(101))), 82002),
        (with("totag", json!(many(101))), 82003),
    ] {
        let (answer, headers) = outside.call("message/send", &body).await;
        assert_eq!(answer["errcode"], code, "{answer}");
        assert_eq!(headers.contains_key("x-emulator-note"), code == 82001, "only what is doubtful is labelled: {code}");
    }
    let (answer, _) = outside.call("message/send", &with("agentid", json!(outside.access().agent_id.to_string()))).await;
    assert_eq!((answer["errcode"].as_i64(), answer["errmsg"].as_str().unwrap().contains("Warning: wrong json format.")), (Some(0), true));
    let (answer, _) = outside.call("message/send", &text("SuMu|No-One|NOBODY", "x")).await;
    assert_eq!((answer["errcode"].as_i64(), answer["invaliduser"].as_str()), (Some(0), Some("no-one|nobody")));
    let garbage = outside.post(&format!("/cgi-bin/message/send?access_token={}", outside.token().await), "not json").await;
    assert_eq!(garbage.json::<Value>().await.unwrap()["errcode"], 47001);

    let (unknown, headers) = outside.call("message/recall", &json!({ "msgid": "x" })).await;
    assert!(unknown["errcode"].as_i64().unwrap() >= 999_000 && headers["x-emulator-note"].contains("invented"), "what is not documented is labelled");
    assert_eq!(outside.get("/cgi-bin/no/such/path").await.status(), 404);
    assert_eq!(outside.get("/cgi-bin/message/recall").await.json::<Value>().await.unwrap()["errcode"], 43002);
}

#[tokio::test]
async fn the_directory_answers_as_documented() {
    let outside = Outside::new(Options::default());
    let token = outside.token().await;
    let get = async |path: &str| outside.json(&format!("/cgi-bin/{path}{}access_token={token}", if path.contains('?') { "&" } else { "?" })).await;
    let ids = |list: &Value, key: &str| list.as_array().unwrap().iter().map(|v| v[key].to_string().trim_matches('"').to_owned()).collect::<Vec<_>>();
    assert_eq!(ids(&get("department/list").await["department"], "id"), outside.access().parties);
    assert_eq!(ids(&get("department/simplelist?id=5").await["department_id"], "id"), ["5", "6", "7"]);
    assert_eq!(get("department/list?id=404").await["errcode"], 60003);
    assert_eq!(ids(&get("user/simplelist?department_id=1&fetch_child=1").await["userlist"], "userid"), outside.access().users);
    assert_eq!(get("user/list?department_id=3").await["userlist"][0]["name"], "苏沐");
    assert_eq!(get("user/get?userid=sumu").await["userid"], "SuMu", "ids do not differ by case");
    assert_eq!(get("user/get?userid=x").await["errcode"], 60111);
    assert_eq!(ids(&get("tag/list").await["taglist"], "tagid"), outside.access().tags);
    assert_eq!(get("tag/get?tagid=2").await["userlist"].as_array().unwrap().len(), 4);
    assert_eq!(get("tag/get?tagid=404").await["errcode"], 40068);
    let (first, _) = outside.call("user/list_id", &json!({ "limit": 20 })).await;
    let (last, _) = outside.call("user/list_id", &json!({ "limit": 20, "cursor": first["next_cursor"] })).await;
    assert_eq!((first["dept_user"].as_array().unwrap().len(), last["dept_user"].as_array().unwrap().len()), (20, 5));
    assert!(last.get("next_cursor").is_none(), "the last page omits it");
    let (statistics, _) = outside.call("message/get_statistics", &json!({ "time_type": 0 })).await;
    assert_eq!(statistics["statistics"], json!([]));
}

#[tokio::test]
async fn texts_are_cut_surplus_is_dropped_and_duplicates_are_told() {
    let outside = Outside::new(Options::default());
    let shown = async || outside.json("/_emulator/inbox?user=SuMu&format=json").await["messages"].as_array().unwrap().clone();
    outside.call("message/send", &outside.text("SuMu", &"长".repeat(700))).await;
    assert_eq!(shown().await[0]["text"].as_str().unwrap().len(), 2046, "2048 bytes, without half a character");

    let mut checked = outside.text("SuMu", "一次");
    checked["enable_duplicate_check"] = json!(1);
    let (first, _) = outside.call("message/send", &checked).await;
    let (second, headers) = outside.call("message/send", &checked).await;
    assert_eq!(first["msgid"], second["msgid"]);
    assert!(headers.contains_key("x-emulator-note"));
    assert_eq!(shown().await.len(), 2);
    outside.call("message/recall", &json!({ "msgid": first["msgid"] })).await;
    let (again, _) = outside.call("message/send", &checked).await;
    assert_ne!(first["msgid"], again["msgid"], "what was recalled can be sent again");
    outside.post("/_emulator/clock", r#"{"offset_seconds":1801}"#).await;
    let (third, _) = outside.call("message/send", &checked).await;
    assert_ne!(again["msgid"], third["msgid"], "the interval is over");

    for n in 0..35 {
        let (sent, _) = outside.call("message/send", &outside.text("SuMu", &format!("第 {n} 条"))).await;
        assert_eq!(sent["errcode"], 0, "the surplus is dropped in silence");
    }
    assert_eq!(shown().await.len(), 3 + 30);
    outside.post("/_emulator/clock", r#"{"offset_seconds":1900}"#).await;
    outside.call("message/send", &outside.text("SuMu", "下一分钟")).await;
    assert_eq!(shown().await.len(), 3 + 30 + 1);
}

#[tokio::test]
async fn switches_break_calls_and_the_record_tells_all() {
    let outside = Outside::new(Options::default());
    let order = async |body: &str| outside.post("/_emulator/faults", body.to_owned()).await;
    for mode in ["timeout_after_acting", "timeout_before", "500", "429", "garbage", "slow", "revoke_token"] {
        let answer = order(&json!({ "endpoint": "message/recall", "mode": mode, "times": 1 }).to_string()).await;
        assert_eq!(answer.status(), 200, "{mode}");
        order(r#"{"endpoint":"message/recall","mode":"500","times":0}"#).await;
    }
    assert_eq!(outside.json("/_emulator/faults").await, json!([]), "0 withdraws");
    for bad in ["", "{}", r#"{"endpoint":"x","mode":"explode"}"#, r#"{"endpoint":"x","mode":"500"}"#, r#"{"endpoint":"*","mode":"500","times":-1}"#] {
        assert_eq!(order(bad).await.status(), 422, "{bad}");
    }
    assert_eq!(outside.post("/_emulator/clock", "{}").await.status(), 422);

    order(r#"{"endpoint":"message/send","mode":"429","times":1}"#).await;
    let token = outside.token().await;
    let body = outside.text("SuMu", "x").to_string();
    let path = format!("/cgi-bin/message/send?access_token={token}");
    let limited = outside.post(&path, body.clone()).await;
    assert_eq!((limited.status().as_u16(), limited.headers()["retry-after"].to_str().unwrap()), (429, "1"));
    order(r#"{"endpoint":"message/send","mode":"garbage"}"#).await;
    assert!(outside.post(&path, body).await.json::<Value>().await.is_err());
    let calls = outside.json("/_emulator/calls").await;
    let told: Vec<_> =
        calls.as_array().unwrap().iter().map(|c| (c["path"].as_str().unwrap(), c["acted"].as_bool().unwrap(), c["fault"].as_str())).collect();
    assert_eq!(
        told,
        [("/cgi-bin/gettoken", true, None), ("/cgi-bin/message/send", false, Some("429")), ("/cgi-bin/message/send", true, Some("garbage"))]
    );
    let text = calls.to_string();
    assert!(!text.contains(&token) && !text.contains(&outside.access().secret));
}

#[tokio::test]
async fn a_memory_file_outlives_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let options = || Options { memory: Some(folder.path().join("emulator.json")), ..Options::default() };
    let first = Outside::new(options());
    let (sent, _) = first.call("message/send", &first.text("SuMu", "还在")).await;
    let (secret, calls) = (first.access().secret.clone(), first.emulator.calls().len());
    drop(first);
    let second = Outside::new(options());
    assert_eq!((second.access().secret.as_str(), second.emulator.calls().len()), (secret.as_str(), calls));
    let (recalled, _) = second.call("message/recall", &json!({ "msgid": sent["msgid"] })).await;
    assert_eq!(recalled["errcode"], 0);
    assert!(second.emulator.inbox("SuMu").unwrap().messages[0].recalled);
    std::fs::write(folder.path().join("emulator.json"), "{").unwrap();
    assert!(Emulator::start_local(options()).is_err(), "a broken memory is not passed over");
}
