//! What the console does for people, done by programs with the tokens of people: filings, reminders, recipients, tables, lists as files.

use std::{collections::BTreeSet, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use countermand::domain::role::Role;
use reqwest::{Client, Response};
use serde_json::{Value, json};

use crate::{
    recalls::stage::{Person, Stage},
    support::db::TestDb,
};

const SENDS: &[&str] = &["broadcast.send", "broadcast.read", "recall.read"];

/// A message that a person reports.
async fn report(stage: &Stage, token: &str) -> String {
    let now = stage.app.now().to_rfc3339();
    let picture = STANDARD.encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0");
    let report = json!({
        "channel": "QQ 群", "sent_at": now, "audience": ["甲", "乙", "丙"], "title": "报价单", "text": "内部价九折",
        "screenshots": [{ "name": "群聊.png", "data": picture }],
    });
    let made = stage.api(token, "/reports", Some(report), None).await;
    assert_eq!(made.status, 201, "{}", made.body);
    made.json()["id"].as_str().unwrap().to_owned()
}

async fn fresh(stage: &Stage, who: &Person) -> String {
    stage.clock.advance(Duration::from_secs(30));
    stage.code(who)
}

fn problem(body: &Value) -> &str {
    body["type"].as_str().unwrap_or_default().trim_start_matches("urn:countermand:problem:")
}

#[actix_web::test]
async fn what_a_sender_took_back_is_filed_and_checked_by_programs() {
    for db in TestDb::each() {
        let stage = Stage::set_on(db, |_| {}).await;
        let cast = stage.cast().await;
        let mine = stage.token(Some(&cast.requester), SENDS).await;
        let theirs = stage.token(Some(&cast.reviewer), &["recall.read", "recall.decide"]).await;
        let service = stage.token(None, &["broadcast.send", "recall.read", "recall.execute"]).await;
        let broadcast = report(&stage, &mine).await;
        stage.clock.advance(Duration::from_secs(60));
        let at = stage.app.now().to_rfc3339();
        let filing = |at: &str| json!({ "broadcast": broadcast, "withdrawn_at": at, "extent": "part", "note": "在群里撤回了两条" });
        // A program by itself takes nothing back; and what is filed must be possible.
        assert_eq!(stage.api(&service, "/self-recalls", Some(filing(&at)), None).await.status, 403);
        for (body, status, kinds) in [
            (json!({}), 422, &["broadcast required", "extent required", "withdrawn_at required"][..]),
            (json!({ "broadcast": "nothing", "withdrawn_at": at, "extent": "whole" }), 409, &["broadcast no-such"]),
            (filing("2001-01-01T08:00:00Z"), 409, &["withdrawn_at before-sending"]),
            (filing("soon"), 422, &["withdrawn_at not-a-time"]),
        ] {
            let refused = stage.api(&mine, "/self-recalls", Some(body), None).await;
            let errors = refused.json()["errors"].clone();
            let named = |e: &Value| format!("{} {}", e["field"].as_str().unwrap(), e["kind"].as_str().unwrap());
            let found: BTreeSet<String> = errors.as_array().unwrap().iter().map(named).collect();
            assert_eq!((refused.status, found), (status, kinds.iter().map(|k| (*k).to_owned()).collect()), "{}", refused.body);
        }
        let made = stage.api(&mine, "/self-recalls", Some(filing(&at)), Some("one")).await;
        let again = stage.api(&mine, "/self-recalls", Some(filing(&at)), Some("one")).await;
        assert_eq!((made.status, &made.body, &made.location), (201, &again.body, &again.location), "filed once");
        let made = made.json();
        let path = made["href"].as_str().unwrap().trim_start_matches("/api/v1").to_owned();
        let shown = stage.api(&mine, &path, None, None).await.json();
        assert_eq!(
            (&shown["state"], &shown["extent"], &shown["note"], &shown["checked"], &shown["why_not"], &shown["filer"]),
            (&json!("filed"), &json!("part"), &json!("在群里撤回了两条"), &Value::Null, &json!("self-recall-others"), &json!("linyutong"))
        );
        assert_eq!(stage.api(&theirs, &path, None, None).await.json()["why_not"], Value::Null, "they can check it");
        let by_number = format!("/self-recalls/{}", shown["number"].as_str().unwrap());
        assert_eq!(stage.api(&theirs, &by_number, None, None).await.json()["id"], made["id"]);

        // Whoever only requests knows of their own.
        let colleague = stage.person("colleague", &[Role::Requester], "人力资源部").await;
        let other = stage.token(Some(&colleague), &["recall.read"]).await;
        assert_eq!(stage.api(&other, &path, None, None).await.status, 404);
        assert_eq!(stage.api(&other, "/self-recalls", None, None).await.json(), json!({ "self_recalls": [], "next": null }));
        let blind = stage.token(None, &["broadcast.read"]).await;
        assert_eq!(stage.api(&blind, "/self-recalls", None, None).await.status, 403);

        let check = |code: &str, version: i64| json!({ "seen": "visible", "note": "在代理商群里查看", "totp": code, "version": version });
        let checks = format!("{path}/checks");
        assert_eq!(stage.api(&service, &checks, Some(check("123456", 1)), None).await.status, 403, "no program looks");
        let stale = stage.api(&theirs, &checks, Some(check(&fresh(&stage, &cast.reviewer).await, 7)), None).await;
        assert_eq!((stale.status, problem(&stale.json())), (409, "409"), "{}", stale.body);
        let checked = stage.api(&theirs, &checks, Some(check(&fresh(&stage, &cast.reviewer).await, 1)), Some("two")).await;
        assert_eq!((checked.status, &checked.json()["state"]), (200, &json!("visible")), "{}", checked.body);
        assert!(!checked.event.is_empty());
        let late = stage.api(&theirs, &checks, Some(check(&fresh(&stage, &cast.reviewer).await, 2)), None).await;
        assert_eq!((late.status, problem(&late.json())), (409, "self-recall-checked"));
        let shown = stage.api(&mine, &path, None, None).await.json();
        assert_eq!(
            (&shown["checked"]["by"], &shown["checked"]["note"], &shown["version"]),
            (&json!("zhouqiming"), &json!("在代理商群里查看"), &json!(2))
        );

        // A list is leafed through, narrowed by state.
        let second = stage.api(&mine, "/self-recalls", Some(filing(&at)), None).await;
        assert_eq!(second.status, 201, "{}", second.body);
        let first = stage.api(&theirs, "/self-recalls?limit=1", None, None).await.json();
        assert_eq!(first["self_recalls"][0]["id"], second.json()["id"], "newest first");
        let next = stage.api(&theirs, &format!("/self-recalls?limit=1&after={}", first["next"].as_str().unwrap()), None, None).await.json();
        assert_eq!((&next["self_recalls"][0]["id"], &next["next"]), (&made["id"], &Value::Null));
        let visible = stage.api(&theirs, "/self-recalls?state=visible", None, None).await.json();
        assert_eq!((visible["self_recalls"].as_array().unwrap().len(), &visible["self_recalls"][0]["id"]), (1, &made["id"]));
    }
}

#[actix_web::test]
async fn several_cases_are_reminded_of_by_a_program() {
    for db in TestDb::each() {
        let stage = Stage::set_on(db, |_| {}).await;
        let cast = stage.cast().await;
        let mut cases = Vec::new();
        let mut of = stage.cast2(&cast).await;
        for _ in 0..3 {
            cases.push(stage.case(&of).await);
            of = stage.cast2(&of).await;
        }
        let token = stage.token(Some(&cast.requester), &["recall.read", "recall.request"]).await;
        assert_eq!(stage.api(&token, &format!("/recalls/{}/withdrawal", cases[2]), Some(json!({})), None).await.status, 200);
        let number = stage.loaded(&cases[1]).await.row.number;
        let wanted = json!({ "cases": [cases[0], number, cases[2], "nothing", cases[0]] });
        let first = stage.api(&token, "/reminders", Some(wanted.clone()), Some("one")).await;
        let again = stage.api(&token, "/reminders", Some(wanted), Some("one")).await;
        assert_eq!((first.status, &first.body), (200, &again.body), "sent twice, reminded of once");
        let told = first.json();
        assert_eq!((&told["reminded"], told["cases"].as_array().unwrap().len()), (&json!(2), 4), "{told}");
        for (n, case) in [(0, &cases[0]), (1, &cases[1])] {
            let one = &told["cases"][n];
            assert_eq!((one["id"].as_str(), &one["problem"]), (Some(case.as_str()), &Value::Null), "{one}");
            assert!(one["receipt"]["event"].is_string(), "{one}");
            let reminders = stage.trail(case).await.into_iter().filter(|line| line.starts_with("recall.reminded")).count();
            assert_eq!(reminders, 1);
        }
        let (over, nowhere) = (&told["cases"][2], &told["cases"][3]);
        assert_eq!((problem(&over["problem"]), &over["receipt"]), ("nothing-to-remind", &Value::Null), "{over}");
        assert_eq!((problem(&nowhere["problem"]), &nowhere["id"], &nowhere["case"]), ("404", &Value::Null, &json!("nothing")), "{nowhere}");

        // Nothing of it went: each says why, and the request did what it could.
        let lately = stage.api(&token, "/reminders", Some(json!({ "cases": [cases[0]] })), None).await;
        assert_eq!((lately.status, &lately.json()["reminded"]), (200, &json!(0)));
        assert_eq!(problem(&lately.json()["cases"][0]["problem"]), "reminded-lately");
        let many: Vec<String> = (0..51).map(|n| format!("case-{n}")).collect();
        for (body, field, kind) in [
            (json!({}), "cases", "required"),
            (json!({ "cases": [] }), "cases", "required"),
            (json!({ "cases": [cases[0], " "] }), "cases.1", "required"),
            (json!({ "cases": many }), "cases", "too-many"),
            (json!({ "cases": "all" }), "cases", "type"),
        ] {
            let refused = stage.api(&token, "/reminders", Some(body), None).await;
            let error = refused.json()["errors"][0].clone();
            assert_eq!((refused.status, error["field"].as_str(), error["kind"].as_str()), (422, Some(field), Some(kind)), "{}", refused.body);
        }
        let blind = stage.token(Some(&cast.requester), &["recall.request"]).await;
        assert_eq!(stage.api(&blind, "/reminders", Some(json!({ "cases": [cases[0]] })), None).await.status, 403);
        // A service takes part in no case.
        let service = stage.token(None, &["recall.read"]).await;
        let theirs = stage.api(&service, "/reminders", Some(json!({ "cases": [cases[1]] })), None).await.json();
        assert_eq!(problem(&theirs["cases"][0]["problem"]), "takes-no-part", "{theirs}");
    }
}

#[actix_web::test]
async fn what_became_of_each_recipient_is_read_page_by_page() {
    for db in TestDb::each() {
        let stage = Stage::set_on(db, |_| {}).await;
        let cast = stage.cast().await;
        let case = stage.approved(&cast).await;
        stage.settle(4, 1).await;
        let broadcast = stage.loaded(&case).await.row.broadcast_id;
        let token = stage.token(None, &["broadcast.read"]).await;
        let (mut at, mut seen, mut pages) = (format!("/api/v1/broadcasts/{broadcast}/recipients?limit=2"), Vec::new(), 0);
        loop {
            let answer = Client::new().get(format!("{}{at}", stage.base)).bearer_auth(&token).send().await.unwrap();
            let link = answer.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
            let page: Value = answer.json().await.unwrap();
            pages += 1;
            for one in page["recipients"].as_array().unwrap() {
                assert_eq!((&one["delivery"], &one["outcome"]), (&json!("accepted"), &json!("accepted")), "{one}");
                assert_eq!((&one["reading"], &one["read_at"]), (&Value::Null, &Value::Null), "what the platform does not tell is not made up");
                assert!(one["outcome_at"].is_string() && one["message"].is_string(), "{one}");
                seen.push(one["id"].as_str().unwrap().to_owned());
            }
            match link {
                Some(link) => at = link.trim_start_matches('<').split('>').next().unwrap().to_owned(),
                None => break,
            }
        }
        let mut expected = stage.recipients();
        expected.sort();
        assert_eq!((seen, pages), (expected, 2), "each once, in the order of their ids");

        let mine = stage.token(Some(&cast.requester), SENDS).await;
        let reported = report(&stage, &mine).await;
        let shown = stage.api(&token, &format!("/broadcasts/{reported}"), None, None).await.json();
        let file = &shown["attachments"][0];
        assert_eq!((&file["name"], &file["kind"], &file["media_type"]), (&json!("群聊.png"), &json!("screenshot"), &json!("image/png")), "{shown}");
        assert_eq!((file["bytes"].as_u64(), file["sha256"].as_str().map(str::len)), (Some(29), Some(64)));
        assert_eq!(stage.api(&token, "/broadcasts/nothing/recipients", None, None).await.status, 404);
        let blind = stage.token(None, &["recall.read"]).await;
        assert_eq!(stage.api(&blind, &format!("/broadcasts/{broadcast}/recipients"), None, None).await.status, 403);
    }
}

#[actix_web::test]
async fn a_table_is_looked_at_line_by_line_and_put_in_by_a_program() {
    for db in TestDb::each() {
        let stage = Stage::set_on(db, |_| {}).await;
        let cast = stage.cast().await;
        let mine = stage.token(Some(&cast.requester), SENDS).await;
        let now = stage.app.now().to_rfc3339();
        let heads = "平台连接,消息编号,发送时间,正文,收件人,备注\r\n";
        let right = |id: &str| format!("企业微信,{id},{now},正文,a;b,无\r\n");
        let table = |text: &str| json!({ "kind": "broadcasts", "name": "群发.csv", "data": STANDARD.encode(text) });
        let faulty = format!("{heads}{}没有的,m2,{now},正文,a,无\r\n", right("m1"));
        let made = stage.api(&mine, "/imports", Some(table(&faulty)), None).await;
        assert_eq!(made.status, 201, "{}", made.body);
        let at = made.json()["href"].as_str().unwrap().trim_start_matches("/api/v1").to_owned();
        let waiting = stage.api(&mine, &at, None, None).await.json();
        assert_eq!((&waiting["state"], &waiting["ready"], &waiting["report"]), (&json!("checking"), &json!(false), &json!([])));
        stage.run().await;
        let looked = stage.api(&mine, &at, None, None).await.json();
        assert_eq!(
            (&looked["state"], &looked["ready"], &looked["problems"], &looked["ignored"]),
            (&json!("checked"), &json!(false), &json!(1), &json!(["备注"]))
        );
        let wrong = &looked["report"][0];
        assert_eq!((&wrong["line"], &wrong["column"], &wrong["kind"]), (&json!(3), &json!("connection"), &json!("no-such")), "{wrong}");
        assert!(["wrong", "right"].iter().all(|words| wrong[words].as_str().is_some_and(|w| !w.is_empty())), "{wrong}");
        let early = stage.api(&mine, &format!("{at}/confirmations"), Some(json!({})), None).await;
        assert_eq!((early.status, problem(&early.json())), (409, "import-not-ready"));
        assert_eq!(stage.api(&mine, &format!("{at}/removals"), None, None).await.status, 405);
        let gone = stage.api(&mine, &format!("{at}/removals"), Some(json!({})), None).await;
        assert_eq!((gone.status, &gone.json()["state"]), (200, &json!("discarded")));

        // The same table is one import, whoever sends it, and however often it is confirmed.
        let text = format!("{heads}{}{}", right("m1"), right("m2"));
        let made = stage.api(&mine, "/imports", Some(table(&text)), Some("one")).await.json();
        let again = stage.api(&mine, "/imports", Some(table(&text)), None).await.json();
        assert_eq!((&made["again"], &again["again"], &made["id"]), (&json!(false), &json!(true), &again["id"]));
        let colleague = stage.person("colleague", &[Role::Requester], "人力资源部").await;
        let other = stage.token(Some(&colleague), SENDS).await;
        let known = stage.api(&other, "/imports", Some(table(&text)), None).await;
        assert_eq!((known.status, problem(&known.json())), (409, "import-known"));
        let at = made["href"].as_str().unwrap().trim_start_matches("/api/v1").to_owned();
        for what in [at.clone(), format!("{at}/confirmations")] {
            let body = what.ends_with("confirmations").then(|| json!({}));
            assert_eq!(stage.api(&other, &what, body, None).await.status, 404, "it is nobody else's business");
        }
        stage.run().await;
        let read = stage.api(&mine, &format!("{at}/checks"), Some(json!({ "separator": "tab" })), None).await;
        assert_eq!((read.status, &read.json()["state"]), (200, &json!("checking")), "{}", read.body);
        stage.run().await;
        let other_way = stage.api(&mine, &at, None, None).await.json();
        assert_eq!((&other_way["separator"], &other_way["ready"]), (&json!("tab"), &json!(false)));
        assert_eq!(stage.api(&mine, &format!("{at}/checks"), Some(json!({})), None).await.status, 200, "as it looks");
        stage.run().await;
        assert_eq!(stage.api(&mine, &at, None, None).await.json()["ready"], json!(true));
        for _ in 0..2 {
            let confirmed = stage.api(&mine, &format!("{at}/confirmations"), Some(json!({})), Some("two")).await;
            assert_eq!((confirmed.status, &confirmed.json()["state"]), (200, &json!("applying")), "{}", confirmed.body);
            stage.run().await;
        }
        let done = stage.api(&mine, &at, None, None).await.json();
        assert_eq!((&done["state"], done["made"].as_array().unwrap().len()), (&json!("done"), 2), "{done}");
        let one = stage.api(&mine, &format!("/broadcasts/{}", done["made"][0].as_str().unwrap()), None, None).await.json();
        assert_eq!((&one["origin"], &one["recipients"]["count"]), (&json!("imported"), &json!(2)));
        let all = stage.api(&mine, "/imports", None, None).await.json();
        assert_eq!(all["imports"].as_array().unwrap().iter().map(|i| i["state"].as_str().unwrap()).collect::<Vec<_>>(), ["done", "discarded"]);

        // Recipients of one message, which is told beside them; what is missing of it is named where it belongs.
        let people = |message: Value| json!({ "kind": "recipients", "data": STANDARD.encode("收件人\r\na\r\nb\r\na\r\n"), "message": message });
        let message = json!({ "connection": "企业微信", "message_id": "m9", "sent_at": now, "text": "正文" });
        let made = stage.api(&mine, "/imports", Some(people(message)), None).await;
        assert_eq!(made.status, 201, "{}", made.body);
        let at = made.json()["href"].as_str().unwrap().trim_start_matches("/api/v1").to_owned();
        stage.run().await;
        let looked = stage.api(&mine, &at, None, None).await.json();
        assert_eq!((&looked["ready"], &looked["recipients"], &looked["doubles"]), (&json!(true), &json!(2), &json!(1)), "{looked}");
        for (body, status, field, kind) in [
            (people(Value::Null), 409, "message", "required"),
            (people(json!({ "connection": "企业微信", "sent_at": now, "text": "正文" })), 422, "message.message_id", "required"),
            (people(json!({ "connection": "没有的", "message_id": "m8", "sent_at": now, "text": "正文" })), 409, "message.connection", "no-such"),
            (json!({ "kind": "people", "data": "" }), 422, "kind", "choice"),
            (json!({ "kind": "broadcasts", "data": "?" }), 422, "data", "base64"),
            (json!({ "kind": "broadcasts", "data": "", "encoding": "" }), 422, "encoding", "choice"),
            (json!({ "kind": "broadcasts", "data": "" }), 409, "data", "empty-file"),
            (json!({ "kind": "broadcasts", "data": STANDARD.encode(vec![b'a'; (10 << 20) + 1]) }), 409, "data", "too-large"),
        ] {
            let refused = stage.api(&mine, "/imports", Some(body), None).await;
            let error = refused.json()["errors"][0].clone();
            assert_eq!((refused.status, error["field"].as_str(), error["kind"].as_str()), (status, Some(field), Some(kind)), "{}", refused.body);
        }
        let service = stage.token(None, &["broadcast.send"]).await;
        assert_eq!(stage.api(&service, "/imports", Some(table(&format!("{heads}{}", right("m3")))), None).await.status, 403, "a table is somebody's");
        let blind = stage.token(Some(&cast.requester), &["recall.read"]).await;
        assert_eq!(stage.api(&blind, "/imports", None, None).await.status, 403);
    }
}

#[actix_web::test]
async fn lists_are_carried_away_by_a_program_against_a_code() {
    for db in TestDb::each() {
        let stage = Stage::set_on(db, |_| {}).await;
        let cast = stage.cast().await;
        let case = stage.case(&cast).await;
        let number = stage.loaded(&case).await.row.number;
        let token = stage.token(Some(&cast.lawyer), &["recall.read", "broadcast.read"]).await;
        let ask = async |token: &str, list: &str, body: Value, key: &str| -> Response {
            let url = format!("{}/api/v1/{list}/exports", stage.base);
            let request = Client::new().post(url).bearer_auth(token).header("content-type", "application/json").header("idempotency-key", key);
            request.header("accept-language", "en").body(body.to_string()).send().await.unwrap()
        };
        let exported = async || {
            let size = stage.app.store.read(|conn| countermand::store::reader::events_from(conn, 0, 10_000)).await.unwrap();
            size.iter().filter(|e| e.leaf.action == "list.exported" && e.leaf.outcome.as_str() == "success").count()
        };
        for (n, (list, narrowed, other)) in [
            ("recalls", json!({ "state": "reviewing", "category": "leak", "number": number.to_lowercase() }), json!({ "state": "withdrawn" })),
            ("broadcasts", json!({ "state": "sent", "platform": "wecom" }), json!({ "platform": "matrix" })),
        ]
        .into_iter()
        .enumerate()
        {
            let with = |asked: &Value, code: &str| {
                let mut asked = asked.clone();
                asked["totp"] = json!(code);
                asked
            };
            let body = with(&narrowed, &fresh(&stage, &cast.lawyer).await);
            let mut files = Vec::new();
            for _ in 0..2 {
                let answer = ask(&token, list, body.clone(), list).await;
                let head = |name: &str| answer.headers().get(name).map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default();
                assert_eq!((answer.status().as_u16(), head("content-type").as_str()), (200, "text/csv; charset=utf-8"));
                assert_eq!(head("content-disposition"), format!("attachment; filename=\"{list}.csv\""));
                files.push((head("audit-event"), answer.text().await.unwrap()));
            }
            assert!(files[0] == files[1] && !files[0].0.is_empty(), "the same file for the same event: {files:?}");
            assert_eq!((files[0].1.lines().count(), files[0].1.contains(&number), exported().await), (2, true, 2 * n + 1), "{}", files[0].1);
            let none = ask(&token, list, with(&other, &fresh(&stage, &cast.lawyer).await), &format!("{list}-2")).await;
            let text = none.text().await.unwrap();
            assert_eq!((text.lines().count(), text.contains(&number)), (1, false), "narrowed: {text}");
            for (body, status, field, kind) in [
                (json!({}), 422, "totp", "required"),
                (with(&narrowed, "000000"), 409, "totp", "code-wrong"),
                (json!({ "state": "lost", "totp": "1" }), 422, "state", "choose"),
                (json!({ "from": "yesterday", "totp": "1" }), 422, "from", "date"),
                (json!({ "colour": "red", "totp": "1" }), 422, "colour", "unknown"),
            ] {
                let refused = ask(&token, list, body, &countermand::id::fresh()).await;
                let (was, body) = (refused.status().as_u16(), refused.json::<Value>().await.unwrap());
                let error = &body["errors"][0];
                assert_eq!((was, error["field"].as_str(), error["kind"].as_str()), (status, Some(field), Some(kind)), "{list}: {body}");
            }
            // A service has no code to give, and whoever may not see a list carries none away.
            for scopes in [&["recall.read", "broadcast.read"][..], &["evidence.export"]] {
                let service = stage.token(None, scopes).await;
                assert_eq!(ask(&service, list, json!({ "totp": "123456" }), "one").await.status().as_u16(), 403);
            }
            assert_eq!(exported().await, 2 * n + 2, "nothing that was refused was carried away");
        }
        // An auditor's own token exports, though it changes nothing.
        let auditor = stage.person("shenruochuan", &[Role::Auditor], "审计部").await;
        let own = stage.token(Some(&auditor), &["recall.read"]).await;
        let carried = ask(&own, "recalls", json!({ "totp": stage.code(&auditor) }), "one").await;
        assert_eq!(carried.status().as_u16(), 200);
        assert!(!carried.text().await.unwrap().contains("年度薪酬调整方案"), "no titles without content.read");
    }
}
