//! The API as a whole: its description says what there is, and every answer keeps to the rules of HTTP, whatever is sent.

use std::{collections::BTreeSet, time::Duration};

use countermand::{domain::role::Role, store::reader, web::api::describe::operations::ALL};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::{recalls::stage::Stage, retention::settled, support::db::TestDb};

/// Path and method of every route under `/api/v1`, as the list of routes has them: in order, and twice what is there twice.
fn routed() -> Vec<(String, String)> {
    let source = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/web/routes.rs")).unwrap();
    let text: String = source.split_whitespace().collect();
    let routes = text.split("resource(\"").skip(1).map(|r| r.split(';').next().unwrap()).filter(|r| r.starts_with("/api/v1/"));
    let mut all: Vec<(String, String)> = routes
        .flat_map(|r| {
            let path = r.split('"').next().unwrap().to_owned();
            let times = |m: &str| r.matches(&format!(".{m}(")).count();
            ["get", "post"].into_iter().flat_map(|m| std::iter::repeat_n((path.clone(), m.to_owned()), times(m))).collect::<Vec<_>>()
        })
        .collect();
    all.sort();
    all
}

#[actix_web::test]
async fn the_description_has_every_route_and_no_other() {
    let stage = Stage::set().await;
    let mut seen = Vec::new();
    for lang in ["zh-CN", "en"] {
        let request = Client::new().get(format!("{}/api/v1/openapi.json", stage.base)).header("accept-language", lang);
        let document: Value = request.send().await.unwrap().json().await.unwrap();
        let described: BTreeSet<(String, String)> = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, methods)| methods.as_object().unwrap().keys().map(move |method| (path.clone(), method.clone())))
            .collect();
        assert_eq!(described.into_iter().collect::<Vec<_>>(), routed());
        assert_eq!(ALL.len(), routed().len(), "an operation is told once");
        let text = document.to_string();
        let missing: Vec<&str> = text.split('"').filter(|word| word.starts_with("api-") && !word.contains(' ')).collect();
        assert_eq!(missing, Vec::<&str>::new(), "keys without words");
        for name in text.split("#/components/").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            assert!(document.pointer(&format!("/components/{name}")).is_some(), "{name} is named and not there");
        }
        for operation in ALL {
            assert!(document.pointer(&format!("/components/schemas/{}", operation.gives[0].1)).is_some(), "{}", operation.id);
        }
        seen.push(document["info"]["description"].clone());
    }
    assert_ne!(seen[0], seen[1], "each in its language");
}

/// The statuses and media of what the description says of an operation.
async fn told(stage: &Stage) -> Value {
    Client::new().get(format!("{}/api/v1/openapi.json", stage.base)).send().await.unwrap().json().await.unwrap()
}

#[actix_web::test]
async fn whatever_is_sent_is_answered_by_the_rules_of_http() {
    for db in TestDb::each() {
        let stage = Stage::set_on(db, |_| {}).await;
        let token = stage.token(None, &["broadcast.send", "broadcast.read", "recall.read", "recall.request", "evidence.export", "audit.read"]).await;
        let document = told(&stage).await;
        let ask = |method: Method, path: &str| Client::new().request(method, format!("{}/api/v1{path}", stage.base)).bearer_auth(&token);
        let checked = async |request: RequestBuilder, operation: &str, status: u16| -> Response {
            let answer = request.send().await.unwrap();
            let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
            assert!(answer.headers().contains_key("x-request-id"), "{operation}");
            assert_eq!(answer.status().as_u16(), status, "{operation}");
            if !operation.is_empty() {
                let said =
                    document.pointer(&format!("/paths/{operation}/responses/{status}/content")).unwrap_or_else(|| panic!("{operation} {status}"));
                assert!(said.get(&kind).is_some(), "{operation} {status} is {kind}");
            }
            answer
        };
        let post = |path: &str, body: &'static [u8]| ask(Method::POST, path).header("content-type", "application/json").body(body);
        let recalls = "~1api~1v1~1recalls";
        // Methods.
        for (path, allow) in [("/recalls", "POST, GET, HEAD"), ("/events", "GET, HEAD"), ("/reports", "POST"), ("/recalls/x/decisions", "POST")] {
            for method in [Method::PUT, Method::DELETE, Method::PATCH, Method::from_bytes(b"BREW").unwrap()] {
                let answer = checked(ask(method, path), "", 405).await;
                assert_eq!(answer.headers()["allow"], allow, "{path}");
            }
        }
        let got = checked(ask(Method::GET, "/recalls"), &format!("{recalls}/get"), 200).await;
        let headed = checked(ask(Method::HEAD, "/recalls"), &format!("{recalls}/get"), 200).await;
        assert_eq!(headed.headers()["content-length"], got.headers()["content-length"]);
        assert_eq!((headed.text().await.unwrap(), got.json::<Value>().await.unwrap()), (String::new(), json!({ "recalls": [], "next": null })));
        // Forms.
        checked(ask(Method::GET, "/recalls").header("accept", "text/html"), &format!("{recalls}/get"), 406).await;
        let plain = ask(Method::POST, "/recalls").header("content-type", "text/plain").body("{}");
        checked(plain, &format!("{recalls}/post"), 415).await;
        // Bodies.
        for body in [
            &b""[..],
            b"{",
            b"null",
            b"[]",
            b"\xff\xfe",
            b"{\"reason\":1e400}",
            b"{\"broadcast\":\"\\u0000\"}",
            b"{\"\\u0000\":1}",
            b"{\"broadcast\":1}",
            b"{\"broadcast\":\"\\ud800\"}",
            "{\"broadcast\":\"\u{202e}\u{10ffff}\",\"category\":\"leak\",\"reason\":\"x\"}".as_bytes(),
        ] {
            let answer = checked(post("/recalls", body), &format!("{recalls}/post"), 422).await;
            let problem: Value = answer.json().await.unwrap();
            assert!(problem["errors"][0]["kind"].is_string(), "{problem}");
        }
        checked(post("/recalls", b"{}").header("idempotency-key", "a b"), &format!("{recalls}/post"), 400).await;
        // Paths and queries.
        for odd in ["%00", "%ff", "%F0%9F%98%80", "'", "a%2Fb", "99999999999999999999999"] {
            for (path, operation) in [
                ("recalls/@", "recalls~1{id}/get"),
                ("broadcasts/@", "broadcasts~1{id}/get"),
                ("evidence/@", "evidence~1{number}/get"),
                ("recalls/@/evidence", "recalls~1{id}~1evidence/get"),
                ("broadcasts/@/recipients", "broadcasts~1{id}~1recipients/get"),
                ("self-recalls/@", "self-recalls~1{id}/get"),
                ("imports/@", "imports~1{id}/get"),
                ("events/@", "events~1{index}/get"),
            ] {
                checked(ask(Method::GET, &format!("/{}", path.replace('@', odd))), &format!("~1api~1v1~1{operation}"), 404).await;
            }
        }
        for query in ["limit=0", "limit=101", "limit=1e3", "limit=", "state=none", "from=today", "until=", "after=%00", "number=%00", "colour=red"] {
            checked(ask(Method::GET, &format!("/recalls?{query}")), &format!("{recalls}/get"), 422).await;
        }
        for query in ["words=%00", "platform=x", "limit=9999999999999999999999"] {
            checked(ask(Method::GET, &format!("/broadcasts?{query}")), "~1api~1v1~1broadcasts/get", 422).await;
        }
        for (path, operation) in [("self-recalls", "self-recalls"), ("broadcasts/x/recipients", "broadcasts~1{id}~1recipients")] {
            for query in ["limit=0", "limit=101", "after=%00", "colour=red"] {
                checked(ask(Method::GET, &format!("/{path}?{query}")), &format!("~1api~1v1~1{operation}/get"), 422).await;
            }
        }
        checked(ask(Method::GET, "/self-recalls?state=most"), "~1api~1v1~1self-recalls/get", 422).await;
        for query in ["after=18446744073709551616", "after=9223372036854775807", "after=-1", "limit=501", "words=%00", "case=%00"] {
            checked(ask(Method::GET, &format!("/events?{query}")), "~1api~1v1~1events/get", 422).await;
        }
        checked(ask(Method::GET, "/events?after=9007199254740991"), "~1api~1v1~1events/get", 200).await;
        // Who.
        let nobody = Client::new().get(format!("{}/api/v1/recalls", stage.base));
        let answer = checked(nobody, &format!("{recalls}/get"), 401).await;
        assert_eq!(answer.headers()["www-authenticate"], "Bearer");
        for noun in ["decisions", "orders", "ratifications"] {
            let operation = format!("{recalls}~1{{id}}~1{noun}/post");
            let answer = checked(post(&format!("/recalls/x/{noun}"), b"{\"totp\":\"123456\"}"), &operation, 403).await;
            assert_eq!(answer.json::<Value>().await.unwrap()["type"], "urn:countermand:problem:service-decides", "{noun}");
        }
    }
}

/// An operation that does a request once for its `Idempotency-Key` refuses a key that is none, and says among its parameters that it takes one.
#[actix_web::test]
async fn whatever_heeds_the_key_declares_it_and_nothing_else_does() {
    let stage = Stage::set().await;
    let token = stage.token(None, &["broadcast.read", "recall.read"]).await;
    let document = told(&stage).await;
    assert_eq!(document.pointer("/components/parameters/Idempotency-Key/in").unwrap(), "header");
    let mut heeding = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let parameters = operation["parameters"].as_array().unwrap();
            let declared = parameters.iter().any(|p| p["$ref"] == "#/components/parameters/Idempotency-Key");
            let at = path.replace("{id}", "x").replace("{number}", "x").replace("{index}", "0");
            let media = operation.pointer("/requestBody/content").and_then(|all| all.as_object()?.keys().next().cloned()).unwrap_or_default();
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let request = Client::new().request(method.clone(), format!("{}{at}", stage.base)).bearer_auth(&token);
            let answer = request.header("idempotency-key", "a b").header("content-type", media).body("{}").send().await.unwrap();
            let status = answer.status().as_u16();
            let heeds = status == 400 && answer.text().await.unwrap().contains("urn:countermand:problem:idempotency-key");
            assert_eq!(declared, heeds, "{method} {path}: {status}");
            heeding += usize::from(heeds);
        }
    }
    assert_eq!(heeding, routed().iter().filter(|(_, method)| method == "post").count(), "every post is done once");
}

#[actix_web::test]
async fn lists_are_read_page_by_page_and_evidence_is_handed_out() {
    for db in TestDb::each() {
        let stage = Stage::set_on(db, |_| {}).await;
        let cast = stage.cast().await;
        let mut cases: Vec<String> = Vec::new();
        for _ in 0..3 {
            cases.insert(0, stage.case(&cast).await);
            // Within half an hour the platform takes the same message for a repetition.
            stage.clock.advance(Duration::from_secs(31 * 60));
        }
        let token = stage.token(None, &["recall.read", "broadcast.read", "evidence.export"]).await;
        for (path, member) in [("recalls", "recalls"), ("broadcasts", "broadcasts")] {
            let (mut at, mut seen, mut pages) = (format!("/api/v1/{path}?limit=2"), Vec::new(), 0);
            loop {
                let answer = Client::new().get(format!("{}{at}", stage.base)).bearer_auth(&token).send().await.unwrap();
                let link = answer.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
                let page: Value = answer.json().await.unwrap();
                pages += 1;
                seen.extend(page[member].as_array().unwrap().iter().map(|line| line["id"].as_str().unwrap().to_owned()));
                assert_eq!(link.is_some(), page["next"].is_string());
                match link {
                    Some(link) => at = link.trim_start_matches('<').split('>').next().unwrap().to_owned(),
                    None => break,
                }
            }
            assert_eq!((seen.len(), pages), (3, 2), "{path}");
            assert!(path != "recalls" || seen == cases, "newest first");
        }
        let line = stage.api(&token, "/recalls?state=reviewing&limit=1", None, None).await.json()["recalls"][0].clone();
        assert_eq!((&line["title"], &line["level"]), (&Value::Null, &json!(1)), "a title needs content.read: {line}");
        assert_eq!(stage.api(&token, "/approvals", None, None).await.json(), json!({ "approvals": [] }), "nothing waits for a service");
        let theirs = stage.token(Some(&cast.reviewer), &["recall.read", "recall.decide"]).await;
        let waiting = stage.api(&theirs, "/approvals", None, None).await.json();
        assert_eq!((waiting["approvals"].as_array().unwrap().len(), &waiting["approvals"][0]["task"]), (3, &json!("decide")), "{waiting}");
        let blind = stage.token(None, &["broadcast.read"]).await;
        assert_eq!(stage.api(&blind, "/approvals", None, None).await.status, 403);

        // An auditor's own token exports too, with a code each time; it changes nothing else.
        let auditor = stage.person("shenruochuan", &[Role::Auditor], "审计部").await;
        let own = stage.token(Some(&auditor), &["recall.read", "evidence.export", "recall.request"]).await;
        let wanted = |code: &str| json!({ "case": cases[0], "purpose": "专项审计", "totp": code });
        assert_eq!(stage.api(&own, "/evidence/exports", Some(wanted("")), None).await.status, 409);
        assert_eq!(stage.api(&own, &format!("/recalls/{}/withdrawal", cases[0]), Some(json!({})), None).await.status, 403);
        let made = stage.api(&own, "/evidence/exports", Some(wanted(&stage.code(&auditor))), None).await;
        assert_eq!((made.status, made.json()["verified"].as_bool()), (201, Some(true)), "{}", made.body);
        let made = made.json();
        let shown = stage.api(&token, made["href"].as_str().unwrap().trim_start_matches("/api/v1"), None, None).await.json();
        assert_eq!((&shown["sha256"], &shown["kind"]), (&made["sha256"], &json!("masked")), "{shown}");
        let of_case = stage.api(&token, &format!("/recalls/{}/evidence", cases[0]), None, None).await.json();
        assert_eq!(of_case["bundles"][0]["number"], made["number"]);
        let file = async || {
            let url = format!("{}{}/downloads", stage.base, made["href"].as_str().unwrap());
            let answer = Client::new().post(url).bearer_auth(&token).header("idempotency-key", "once").send().await.unwrap();
            (answer.headers()["audit-event"].clone(), answer.headers()["content-type"].clone(), answer.bytes().await.unwrap())
        };
        let (first, again) = (file().await, file().await);
        assert_eq!((first.1.to_str().unwrap(), &first), ("application/zip", &again), "the same file for the same event");
        let url = format!("{}/api/v1/evidence/verification", stage.base);
        let answer = Client::new().post(url).bearer_auth(&token).header("content-type", "application/zip").body(first.2).send().await.unwrap();
        assert_ne!(answer.json::<Value>().await.unwrap()["result"], "fail");
    }
}

fn events(stage: &Stage) -> u64 {
    settled(&stage.app.store);
    stage.app.store.read_now(reader::head).unwrap().size()
}

#[actix_web::test]
async fn a_token_that_asks_too_often_waits_and_the_log_is_not_filled() {
    let stage = Stage::set_with(TestDb::one(), |_| {}, |config, _| config.api.requests_per_minute = 3).await;
    let (token, other) = (stage.token(None, &["recall.read"]).await, stage.token(None, &["recall.read"]).await);
    let ask = async |token: &str, method: Method| {
        let request = Client::new().request(method, format!("{}/api/v1/recalls", stage.base)).bearer_auth(token);
        let answer = request.send().await.unwrap();
        let said = |name: &str| answer.headers().get(name).map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default();
        (answer.status().as_u16(), said("ratelimit"), said("ratelimit-policy"), said("retry-after"))
    };
    let policy = "\"token\";q=3;w=60".to_owned();
    for left in [2, 1, 0] {
        assert_eq!(ask(&token, Method::GET).await, (200, format!("\"token\";r={left};t=60"), policy.clone(), String::new()));
    }
    let before = events(&stage);
    stage.clock.advance(Duration::from_secs(15));
    for method in [Method::GET, Method::POST, Method::GET] {
        assert_eq!(ask(&token, method).await, (429, "\"token\";r=0;t=45".to_owned(), policy.clone(), "45".to_owned()));
    }
    assert_eq!(events(&stage) - before, 1, "one event says it");
    assert_eq!(ask(&other, Method::GET).await.0, 200, "each token has its own");
    stage.clock.advance(Duration::from_secs(45));
    assert_eq!(ask(&token, Method::GET).await.0, 200);
}
