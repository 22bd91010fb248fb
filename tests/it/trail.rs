//! The audit trail and the evidence of a case, over HTTP: who may read, what each reading leaves behind, what can be checked, and a bundle
//! that holds outside of the house.

use std::{collections::BTreeMap, time::Duration};

use countermand::{
    app::{Caller, evidence},
    domain::role::Role,
    evidence::{
        csv,
        verify::{Answer as Verdict, Pin, verify},
        zip::{self, Limits},
    },
    ledger::{proof::Proof, tree},
};
use serde_json::Value;

use crate::{
    recalls::stage::{Answer, Cast, Person, Stage},
    support::html::assert_sound,
};

/// After which everybody's code is another one.
const HALF_MINUTE: Duration = Duration::from_secs(30);

/// A closed case with its evidence sealed, and people who look at it.
struct House {
    stage: Stage,
    cast: Cast,
    auditor: Person,
    counsel: Person,
    admin: Person,
    case: String,
    number: String,
}

async fn house() -> House {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let auditor = stage.person("shenruochuan", &[Role::Auditor], "审计部").await;
    let counsel = stage.person("tangyizhou", &[Role::Counsel], "法务部").await;
    let admin = stage.person("chengye", &[Role::SystemAdministrator], "信息部").await;
    let case = stage.approved(&cast).await;
    stage.settle(4, 1).await;
    let row = stage.loaded(&case).await.row;
    assert_eq!((row.state.as_str(), row.closed_at.is_some()), ("recall_accepted", true));
    House { stage, cast, auditor, counsel, admin, case, number: row.number }
}

impl House {
    /// How many events of an action with an outcome there are.
    fn count(&self, action: &str, outcome: &str) -> i64 {
        use countermand::store::schema::log_search;
        use diesel::prelude::*;
        let (action, outcome) = (action.to_owned(), outcome.to_owned());
        let read = self.stage.app.store.read_now(move |conn| {
            let found = log_search::table.filter(log_search::action.eq(action)).filter(log_search::outcome.eq(outcome));
            Ok(found.count().get_result(conn)?)
        });
        read.unwrap()
    }

    fn pin(&self) -> Pin {
        Pin::Log(self.stage.app.store.vkey().unwrap())
    }

    async fn archive(&self) -> Vec<u8> {
        let (_, all) = evidence::of_case(&self.stage.app, &Caller::shell(), &self.case).await.unwrap();
        assert_eq!(all.len(), 1, "one archive a case");
        std::fs::read(self.stage.app.store.data().join(&all[0].row.path)).unwrap()
    }

    async fn export(&self, who: &Person, purpose: &str) -> Answer {
        let code = self.stage.code(who);
        self.stage.post(who, "/evidence/exports", &[("case", &self.number), ("purpose", purpose), ("totp", &code)]).await
    }
}

fn failures(outcome: &countermand::evidence::verify::Outcome) -> Vec<String> {
    outcome.checks.iter().filter(|c| c.result != Verdict::Pass).map(|c| format!("{c:?}")).collect()
}

#[actix_web::test]
async fn a_closed_case_seals_its_evidence_once_and_the_bundle_stands_alone() {
    let house = house().await;
    let bytes = house.archive().await;
    let outcome = verify(&bytes, &[house.pin()], &Limits::default());
    assert_eq!(outcome.result, Verdict::Pass, "{:#?}", failures(&outcome));
    assert_eq!(house.count("evidence.sealed", "success"), 1);

    evidence::seal::step(&house.stage.app, &house.case).await.unwrap();
    assert_eq!(house.count("evidence.sealed", "success"), 1, "running the job again seals nothing anew");
    assert_eq!(house.archive().await, bytes);

    let (folder, files) = zip::read(&bytes, &Limits::default()).unwrap();
    assert!(folder.starts_with("EVID-20261122-"), "{folder}");
    let table = |name: &str| -> Vec<BTreeMap<String, String>> {
        let rows = csv::parse(&files[&format!("data/{name}.csv")]).unwrap();
        rows[1..].iter().map(|r| rows[0].iter().cloned().zip(r.iter().cloned()).collect()).collect()
    };
    let approvals = table("approvals");
    assert_eq!(approvals.iter().map(|r| r["level"].as_str()).collect::<Vec<_>>(), ["1", "2", "3"]);
    assert_eq!(approvals.iter().map(|r| r["decider_name"].as_str()).collect::<Vec<_>>(), ["zhouqiming", "hejing", "chensiyuan"]);
    assert!(approvals.iter().all(|r| r["method"] == "totp" && r["comment"] == "情况属实，依制度处理" && r["client_ip"] == "127.0.0.1"));
    assert!(table("recipients").iter().all(|r| r["outcome"] == "accepted" && r["outcome_grade"] == "platform_accepted"));
    assert!(table("deliveries").iter().any(|r| r["kind"] == "recall" && r["result"] == "ok" && !r["raw_file"].is_empty()));
    let raw: Vec<_> = files.iter().filter(|(p, _)| p.starts_with("data/platform/")).map(|(_, b)| String::from_utf8_lossy(b).into_owned()).collect();
    assert!(raw.iter().any(|r| r.contains("errcode")));
    for secret in [house.stage.emulator.access().secret.as_str(), "gettoken?corpid"] {
        assert!(!secret.is_empty());
        assert!(!raw.iter().any(|r| r.contains(&format!("corpsecret={secret}"))), "no secret leaves the house");
    }
}

/// The commands of an expert, on a bundle that the product itself sealed.
#[actix_web::test]
async fn commodity_tools_accept_a_sealed_bundle() {
    let house = house().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("EVID.zip");
    std::fs::write(&path, house.archive().await).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/bundle.sh");
    let said = std::process::Command::new("bash").arg(script).arg(&path).output().unwrap();
    assert!(said.status.success(), "{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
}

#[actix_web::test]
async fn an_export_needs_a_purpose_a_code_and_a_right_and_leaves_one_event_each_time() {
    let house = house().await;
    let (ok, refused) = (|h: &House| h.count("evidence.exported", "success"), |h: &House| h.count("evidence.exported", "refused"));

    let denied = house.export(&house.cast.reviewer, "内部审计").await;
    assert_eq!((denied.status, ok(&house), refused(&house)), (403, 0, 1));
    let silent = house.export(&house.counsel, " ").await;
    assert_eq!((silent.status, refused(&house)), (422, 2));
    assert!(silent.body.contains("purpose"), "{}", silent.body);
    let fields = [("case", house.number.as_str()), ("purpose", "民事诉讼"), ("totp", "000000")];
    let wrong = house.stage.post(&house.counsel, "/evidence/exports", &fields).await;
    assert_eq!((wrong.status, ok(&house), refused(&house)), (422, 0, 3));
    let left: Vec<_> = std::fs::read_dir(house.stage.app.store.data().join("evidence/full")).map(|d| d.flatten().collect()).unwrap_or_default();
    assert!(left.is_empty(), "what nobody was given is not left behind: {left:?}");
    let unknown = house.stage.post(&house.counsel, "/evidence/exports", &[("case", "FR-0"), ("purpose", "民事诉讼"), ("totp", "1")]).await;
    assert!(unknown.status == 422 && unknown.body.contains("没有这个案件"), "{}", unknown.body);

    let done = house.export(&house.counsel, "民事诉讼，（2026）沪 01 民初 1 号").await;
    assert_eq!((done.status, ok(&house)), (303, 1), "{}", done.body);
    let page = house.stage.get(&house.counsel, &done.location).await;
    assert!(page.status == 200 && page.body.contains("下载"), "{}", page.body);
    assert_sound(&page.body);
    let list = house.stage.get(&house.counsel, "/evidence").await;
    assert!(list.body.contains("结案封存") && list.body.contains("导出，含消息内容"), "{}", list.body);
    assert_sound(&list.body);
    let of_case = house.stage.get(&house.counsel, &format!("/recalls/{}/evidence", house.case)).await;
    assert!(of_case.status == 200 && of_case.body.contains(&house.number), "{}", of_case.body);
    assert_sound(&of_case.body);

    // A download is an export too, and asks for a code of its own.
    let path = format!("{}/downloads", done.location);
    assert_eq!(house.stage.get(&house.counsel, &path).await.status, 405, "no address gives the file away");
    for (code, why) in
        [(house.stage.code(&house.counsel), "该验证码已使用过"), ("000000".into(), "验证码不正确"), (String::new(), "请输入 6 位验证码")]
    {
        let before = refused(&house);
        let page = house.stage.post(&house.counsel, &path, &[("totp", &code)]).await;
        assert_eq!((page.status, ok(&house), refused(&house)), (422, 1, before + 1), "{why}");
        assert!(page.body.contains(why) && page.body.contains("id=\"totp-e\""), "told at the field: {}", page.body);
        assert_sound(&page.body);
    }
    house.stage.clock.advance(HALF_MINUTE);
    let (nonce, code) = ("0123456789abcdef0123456789abcdef", house.stage.code(&house.counsel));
    let session = house.stage.session_of(&house.counsel).await.0;
    for _ in 0..2 {
        let file = house.stage.post_as(&session, &path, &[("nonce", nonce), ("totp", &code)]).await;
        assert_eq!((file.status, ok(&house)), (200, 2), "a second click gets the same file, and exports nothing more: {}", file.body);
        assert!(file.body.starts_with("PK"));
    }
    house.stage.clock.advance(HALF_MINUTE * 3);
    let late = house.stage.post_as(&session, &path, &[("nonce", nonce), ("totp", &code)]).await;
    assert_eq!((late.status, ok(&house)), (422, 2), "later it is a spent code: {}", late.body);
    let code = house.stage.code(&house.counsel);
    let again = house.stage.post_as(&session, &path, &[("nonce", nonce), ("totp", &code)]).await;
    assert_eq!((again.status, ok(&house)), (200, 3), "the page is still there and takes another code: {}", again.body);
    let english = house.stage.post(&house.counsel, &format!("{path}?lang=en"), &[("totp", &code)]).await;
    assert!(english.status == 422 && english.body.contains("This code has been used"), "{}", english.body);
}

#[actix_web::test]
async fn the_auditor_exports_without_contents_and_cannot_download_them() {
    let house = house().await;
    let done = house.export(&house.auditor, "内部审计").await;
    assert_eq!(done.status, 303, "{}", done.body);
    let number = done.location.rsplit('/').next().unwrap();
    let (listed, bytes) = evidence::again(&house.stage.app, &house.auditor.caller, number).await.unwrap();
    assert!(!listed.kind.has_contents());
    let outcome = verify(&bytes, &[house.pin()], &Limits::default());
    assert_eq!(outcome.result, Verdict::Pass, "{:#?}", failures(&outcome));
    let (_, files) = zip::read(&bytes, &Limits::default()).unwrap();
    for content in ["附件为薪酬方案", "年度薪酬调整方案"] {
        let holds: Vec<_> = files.iter().filter(|(_, b)| String::from_utf8_lossy(b).contains(content)).map(|(p, _)| p).collect();
        assert!(holds.is_empty(), "neither text nor title of the message is in it: {holds:?}");
    }
    let message = files.iter().find(|(p, _)| p.starts_with("data/messages/")).unwrap().1;
    assert!(String::from_utf8_lossy(message).contains("content_permission"));

    let (_, all) = evidence::of_case(&house.stage.app, &Caller::shell(), &house.case).await.unwrap();
    let archive = all.iter().find(|l| l.kind == evidence::Kind::Archive).unwrap();
    let path = format!("/evidence/{}", archive.row.number);
    let downloads = |path: &str| format!("{path}/downloads");
    house.stage.clock.advance(HALF_MINUTE);
    let code = house.stage.code(&house.auditor);
    assert_eq!(house.stage.post(&house.auditor, &downloads(&path), &[("totp", &code)]).await.status, 403);
    let masked = house.stage.post(&house.auditor, &downloads(&done.location), &[("totp", &code)]).await;
    assert!(masked.status == 200 && masked.body.starts_with("PK"), "a read-only account may export, and the code was still good: {}", masked.body);
    assert!(house.stage.get(&house.auditor, &path).await.body.contains("不能下载"));
}

#[actix_web::test]
async fn an_export_at_an_earlier_size_differs_only_where_it_says() {
    let house = house().await;
    let export = async |at: Option<u64>| {
        let wanted = evidence::export::Export { case: house.number.clone(), purpose: "内部审计".into(), at, ..Default::default() };
        evidence::export::export(&house.stage.app, &Caller::shell(), wanted).await.unwrap().value.bundle
    };
    let first = export(None).await;
    let report: serde_json::Value = serde_json::from_slice(&first.files["data/evidence.json"]).unwrap();
    let size = report["log"]["as_of"].as_u64().unwrap();
    house.stage.clock.advance(std::time::Duration::from_secs(90));
    let again = export(Some(size)).await;
    let varies: Vec<&str> = report["varies"].as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect();
    let differ: Vec<_> = first.files.iter().filter(|(p, b)| again.files.get(*p) != Some(*b)).map(|(p, _)| p.as_str()).collect();
    assert_eq!(first.files.keys().collect::<Vec<_>>(), again.files.keys().collect::<Vec<_>>());
    assert!(differ.iter().all(|p| varies.contains(p)) && !differ.is_empty(), "{differ:?}");
    assert_eq!(verify(&again.bytes, &[house.pin()], &Limits::default()).result, Verdict::Pass);

    // In the middle of the case it cannot be complete, and says so.
    let decided = house.stage.events(&house.case).await.iter().find(|e| e.leaf.action == "recall.decided").unwrap().index + 1;
    let early = export(Some(decided)).await;
    let outcome = verify(&early.bytes, &[house.pin()], &Limits::default());
    assert_eq!(outcome.result, Verdict::Unknown, "{:#?}", failures(&outcome));
    assert!(failures(&outcome).iter().all(|f| f.contains("case_closed")), "{:#?}", failures(&outcome));

    for at in [0, u64::MAX] {
        let wanted = evidence::export::Export { case: house.number.clone(), purpose: "内部审计".into(), at: Some(at), ..Default::default() };
        assert!(evidence::export::export(&house.stage.app, &Caller::shell(), wanted).await.is_err(), "{at}");
    }
}

#[actix_web::test]
async fn the_trail_is_searched_and_each_search_is_on_record_once() {
    let house = house().await;
    let stage = &house.stage;
    let searches = |h: &House| h.count("audit.searched", "success");
    for lang in ["zh-CN", "en"] {
        let page = stage.get(&house.auditor, &format!("/audit?lang={lang}")).await;
        assert_eq!(page.status, 200, "{}", page.body);
        assert_sound(&page.body);
        assert!(page.body.contains(&house.number) && page.body.contains("recall.finished"), "{}", page.body);
    }
    assert_eq!(searches(&house), 2);
    let (session, _) = stage.session_of(&house.auditor).await;
    let typed = stage.get_as(&session, "/audit?before=5").await;
    assert_eq!((typed.status, searches(&house)), (200, 3), "an address that no page led to is a search of its own");
    let newer = typed.body.split("href=\"/audit?after=4&").nth(1).and_then(|rest| rest.split_once(';')).expect("a way to newer ones").1;
    let shown = newer.split('"').next().unwrap();
    let turned = stage.get_as(&session, &format!("/audit?after=4&{shown}")).await;
    assert_eq!((turned.status, searches(&house)), (200, 3), "turning a page is no new search");
    let other = stage.get_as(&session, &format!("/audit?action=recall.decided&after=4&{shown}")).await;
    assert_eq!((other.status, searches(&house)), (200, 4), "a page of one search is none of another");
    let elsewhere = stage.get(&house.auditor, &format!("/audit?after=4&{shown}")).await;
    assert_eq!((elsewhere.status, searches(&house)), (200, 5), "nor of another session's");

    let found = stage
        .get(
            &house.auditor,
            &format!("/audit?case={}&actor=hejing&action=recall.decided&outcome=success&address=127.0.0.0/8&from=2026-11-01", house.number),
        )
        .await;
    assert!(found.body.contains("hejing") && !found.body.contains("zhouqiming"), "{}", found.body);
    assert!(found.body.contains("class=\"chip\""));
    let none = stage.get(&house.auditor, "/audit?actor=zhou%25ming").await;
    assert!(none.body.contains("没有符合条件的记录"), "a percent sign is only a percent sign: {}", none.body);
    assert_sound(&none.body);
    for bad in ["/audit?actor=%25", "/audit?address=10.0.0.0/33", "/audit?action=x.y", "/audit?from=nonsense"] {
        let page = stage.get(&house.auditor, bad).await;
        assert_eq!(page.status, 422, "{bad}");
        assert_sound(&page.body);
    }
    let hostile = stage.get(&house.auditor, "/audit?actor=%3Cscript%3Ealert(1)%3C/script%3E").await;
    assert!(hostile.status == 200 && !hostile.body.contains("<script>alert"), "{}", hostile.body);

    assert_eq!(stage.get(&house.admin, "/audit").await.status, 403);
    assert_eq!(stage.get(&house.admin, "/audit/1").await.status, 403);
    assert_eq!(stage.post(&house.admin, "/audit/exports", &[("totp", &stage.code(&house.admin))]).await.status, 403);
    assert_eq!(
        (house.count("audit.searched", "refused") > 0, house.count("audit.read", "refused"), house.count("audit.exported", "refused")),
        (true, 1, 1)
    );
}

#[actix_web::test]
async fn one_event_can_be_checked_by_hand() {
    let house = house().await;
    let stage = &house.stage;
    let event = stage.events(&house.case).await.into_iter().find(|e| e.leaf.action == "recall.decided").unwrap();
    for lang in ["zh-CN", "en"] {
        let page = stage.get(&house.auditor, &format!("/audit/{}?lang={lang}", event.index)).await;
        assert_eq!(page.status, 200, "{}", page.body);
        assert_sound(&page.body);
        let hash = hex::encode(countermand::ledger::tree::leaf_hash(&event.bytes));
        for expected in [hash.as_str(), "zhouqiming", "情况属实", "statement_sha256", "p-node", "<del>", "<ins>", "openssl pkeyutl"] {
            assert!(page.body.contains(expected), "{expected}: {}", page.body);
        }
    }
    assert_eq!(house.count("audit.read", "success"), 2);
    let path = format!("/audit/{}", event.index);
    let masked = stage.get(&house.auditor, &path).await;
    assert!(!masked.body.contains("年度薪酬调整方案") && masked.body.contains("须有查看消息内容的权限"), "{}", masked.body);
    assert!(stage.get(&house.counsel, &path).await.body.contains("年度薪酬调整方案"), "counsel may read contents");
    assert_eq!(stage.get(&house.auditor, "/audit/999999").await.status, 404);
    assert_eq!(stage.get(&house.auditor, "/audit/x").await.status, 404);

    // A part that somebody took away is not shown as purged.
    let id = event.leaf.id.clone();
    let purge = move |tx: &mut countermand::store::Tx<'_>| {
        use countermand::store::schema::log_parts;
        use diesel::prelude::*;
        Ok(diesel::delete(log_parts::table.filter(log_parts::event_id.eq(id.clone())).filter(log_parts::name.eq("client"))).execute(tx.conn)?)
    };
    assert_eq!(stage.app.store.write(purge).await.unwrap().value, 1);
    let page = stage.get(&house.auditor, &format!("/audit/{}", event.index)).await;
    assert!(page.body.contains("缺失：没有任何清除记录提到它") && !page.body.contains("已到期清除"), "{}", page.body);
    assert!(page.body.contains("verdict v-bad"), "{}", page.body);
    let token = stage.token(None, &["audit.read", "audit.export"]).await;
    let withheld = async || {
        let answer = stage.api(&token, &format!("/events?case={}", house.number), None, None).await.json();
        answer["events"].as_array().unwrap().iter().find(|e| e["index"] == event.index).unwrap()["withheld"].clone()
    };
    let lines = async || {
        let url = format!("{}/api/v1/events?case={}", stage.base, house.number);
        let request = reqwest::Client::new().get(url).bearer_auth(&token).header("accept", "application/jsonl");
        let lines = request.send().await.unwrap().text().await.unwrap();
        let mut lines = lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        lines.find(|e| e["index"] == event.index).unwrap()["withheld"].clone()
    };
    let alone = async || stage.api(&token, &format!("/events/{}", event.index), None, None).await.json();
    assert_eq!((&withheld().await["client"], &lines().await["client"]), (&"missing".into(), &"missing".into()));
    let shown = alone().await;
    assert_eq!((&shown["withheld"]["client"], &shown["parts"]["client"], &shown["holds"]), (&"missing".into(), &Value::Null, &false.into()));
    let bundled = async || {
        let sealed = house.export(&house.counsel, "核对").await;
        assert_eq!(sealed.status, 303, "{}", sealed.body);
        let (_, all) = evidence::of_case(&stage.app, &Caller::shell(), &house.case).await.unwrap();
        let newest = all.iter().max_by(|a, b| a.row.path.cmp(&b.row.path)).unwrap();
        let bytes = std::fs::read(stage.app.store.data().join(&newest.row.path)).unwrap();
        let (_, files) = zip::read(&bytes, &Limits::default()).unwrap();
        let parts = String::from_utf8(files.iter().find(|(path, _)| path.ends_with("data/parts.jsonl")).unwrap().1.clone()).unwrap();
        let mut lines = parts.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        lines.find(|l| l["index"] == event.index && l["name"] == "client").unwrap()["withheld"].clone()
    };
    stage.clock.advance(HALF_MINUTE);
    assert_eq!(bundled().await, "missing");

    // A part that a purge names is shown as purged, and everything else still holds.
    let line = format!("{}/client\n", event.leaf.id);
    let named = stage.app.store.write(move |tx| {
        use countermand::store::schema::log_purges;
        use diesel::prelude::*;
        let row = (log_purges::event_id.eq("a purge"), log_purges::list.eq(line.clone()));
        Ok(diesel::insert_into(log_purges::table).values(row).execute(tx.conn)?)
    });
    named.await.unwrap();
    let page = stage.get(&house.auditor, &format!("/audit/{}", event.index)).await;
    assert!(page.body.contains("已到期清除") && page.body.contains("verdict v-ok") && !page.body.contains("缺失："), "{}", page.body);
    assert_eq!((&withheld().await["client"], &lines().await["client"]), (&"purged".into(), &"purged".into()));
    let shown = alone().await;
    assert_eq!((&shown["withheld"]["client"], &shown["holds"]), (&"purged".into(), &true.into()), "{shown}");
}

/// A program gets what the page of an event shows, and can check it without us.
#[actix_web::test]
async fn a_program_reads_one_event_and_checks_it() {
    let house = house().await;
    let stage = &house.stage;
    let (masked, reads) = (stage.token(None, &["audit.read"]).await, stage.token(None, &["audit.read", "content.read"]).await);
    let vkey = stage.app.store.vkey().unwrap();
    let listed = stage.api(&masked, &format!("/events?case={}", house.number), None, None).await.json();
    let mut contents = 0;
    for of_list in listed["events"].as_array().unwrap() {
        let index = of_list["index"].as_u64().unwrap();
        let answer = stage.api(&masked, &format!("/events/{index}"), None, None).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let shown = answer.json();
        for (member, value) in of_list.as_object().unwrap() {
            assert_eq!(&shown[member], value, "{index} {member}: as in the list");
        }
        assert_eq!((&shown["case_number"], &shown["holds"]), (&house.number.as_str().into(), &true.into()), "{shown}");
        let hash = |text: &Value| -> [u8; 32] { hex::decode(text.as_str().unwrap()).unwrap().try_into().unwrap() };
        let proof = Proof {
            extra: None,
            index,
            hashes: shown["proof"]["hashes"].as_array().unwrap().iter().map(hash).collect(),
            checkpoint: shown["proof"]["checkpoint"].as_str().unwrap().to_owned(),
        };
        let leaf = tree::leaf_hash(shown["leaf"].as_str().unwrap().as_bytes());
        let checkpoint = proof.verify(&leaf, &vkey).unwrap();
        assert_eq!((checkpoint.size, checkpoint.root), (shown["proof"]["size"].as_u64().unwrap(), hash(&shown["proof"]["root"])));
        let open = stage.api(&reads, &format!("/events/{index}"), None, None).await.json();
        for (part, why) in shown["withheld"].as_object().unwrap() {
            assert_eq!(
                (why.as_str(), &shown["parts"][part], open["parts"][part].is_null()),
                (Some("content"), &Value::Null, false),
                "{index} {part}"
            );
            contents += 1;
        }
        assert_eq!(open["withheld"], serde_json::json!({}));
    }
    assert!(contents > 0, "some of it is content");

    // Reading one leaves its event, as the page does; asking for one that is not there too.
    let before = (house.count("audit.read", "success"), house.count("audit.read", "refused"));
    let newest = stage.app.store.read_now(countermand::store::reader::head).unwrap().size() - 1;
    let last = stage.api(&masked, &format!("/events/{newest}"), None, None).await.json();
    assert!(last["proof"]["size"].as_u64().unwrap() > newest, "a checkpoint is signed that covers it: {last}");
    for nowhere in ["999999", "9007199254740991", "18446744073709551615"] {
        assert_eq!(stage.api(&masked, &format!("/events/{nowhere}"), None, None).await.status, 404, "{nowhere}");
    }
    for none in ["x", "-1", "1e3", "18446744073709551616", "%00"] {
        assert_eq!(stage.api(&masked, &format!("/events/{none}"), None, None).await.status, 404, "{none}");
    }
    let blind = stage.token(None, &["recall.read", "content.read"]).await;
    assert_eq!(stage.api(&blind, &format!("/events/{newest}"), None, None).await.status, 403);
    assert_eq!((house.count("audit.read", "success"), house.count("audit.read", "refused")), (before.0 + 1, before.1 + 4));
}

#[actix_web::test]
async fn a_search_leaves_as_csv_with_the_rules_of_the_bundle() {
    let house = house().await;
    let stage = &house.stage;
    let page = stage.get(&house.auditor, &format!("/audit?case={}", house.number)).await;
    assert!(page.body.contains("action=\"/audit/exports\""), "{}", page.body);
    assert_eq!((stage.get(&house.auditor, "/audit/exports").await.status, stage.get(&house.auditor, "/audit.csv").await.status), (405, 404));
    let code = stage.code(&house.auditor);
    let session = stage.session_of(&house.auditor).await.0;
    let export =
        async |code: &str, more: (&str, &str)| stage.post_as(&session, "/audit/exports", &[("case", &house.number), ("totp", code), more]).await;
    let nonce = ("nonce", "0123456789abcdef0123456789abcdef");

    // Refused at the field; what was searched for is kept for the next attempt.
    for (lang, word) in [("zh-CN", "验证码不正确"), ("en", "The code is not right")] {
        let path = format!("/audit/exports?lang={lang}");
        let page = stage.post(&house.auditor, &path, &[("case", &house.number), ("actor", "hejing"), ("totp", "000000")]).await;
        assert!(page.status == 422 && page.body.contains(word) && page.body.contains("id=\"export-totp-e\""), "{}", page.body);
        for (field, value) in [("case", house.number.as_str()), ("actor", "hejing")] {
            let kept = format!("<input type=\"hidden\" name=\"{field}\" value=\"{value}\">");
            assert!(page.body.contains(&kept), "{kept} in {}", page.body);
        }
        assert_sound(&page.body);
    }
    stage.get(&house.auditor, "/audit?lang=zh-CN").await;
    assert_eq!((house.count("audit.exported", "success"), house.count("audit.exported", "refused")), (0, 2));

    let answer = export(&code, nonce).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let rows = csv::parse(answer.body.as_bytes()).unwrap();
    assert_eq!(rows[0].join(","), countermand::evidence::columns::names(countermand::evidence::columns::EVENTS).collect::<Vec<_>>().join(","));
    let expected = house.stage.events(&house.case).await.len();
    assert_eq!(rows.len() - 1, expected);
    assert_eq!(house.count("audit.exported", "success"), 1);
    let twice = export(&code, nonce).await;
    assert_eq!((twice.body, house.count("audit.exported", "success")), (answer.body, 1), "a second click gets the same file");
    // The code is spent: neither another search nor another form can use it.
    for (fields, place) in [(("actor", "hejing"), "export-totp-e"), (("nonce", "another"), "export-totp-e"), (("address", "x"), "address-e")] {
        let page = export(&code, fields).await;
        assert!(page.status == 422 && page.body.contains(&format!("id=\"{place}\"")), "{fields:?}: {}", page.body);
        assert_sound(&page.body);
    }
    assert_eq!((house.count("audit.exported", "success"), house.count("audit.exported", "refused")), (1, 5));
    let denied = stage.post(&house.counsel, "/audit/exports", &[("totp", &stage.code(&house.counsel))]).await;
    assert_eq!(denied.status, 403, "counsel reads the trail but does not carry it away");
}

#[actix_web::test]
async fn programs_read_the_events_of_a_case_with_the_right_scope() {
    let house = house().await;
    let token = house.stage.token(None, &["audit.read"]).await;
    let answer = house.stage.api(&token, &format!("/events?case={}&limit=2", house.number), None, None).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let body = answer.json();
    let events = body["events"].as_array().unwrap();
    assert_eq!((events.len(), events[0]["action"].as_str()), (2, Some("recall.submitted")));
    assert_eq!(body["next"], events[1]["index"]);
    let leaf = events[0]["leaf"].as_str().unwrap();
    assert_eq!(events[0]["leaf_hash"], hex::encode(countermand::ledger::tree::leaf_hash(leaf.as_bytes())));
    let next = house.stage.api(&token, &format!("/events?case={}&after={}", house.case, body["next"]), None, None).await.json();
    assert_eq!(next["next"], serde_json::Value::Null);
    assert!(next["events"].as_array().unwrap().iter().any(|e| e["action"] == "case.closed"));

    let all = house.stage.api(&token, "/events?limit=3", None, None).await.json();
    assert_eq!((all["events"][0]["action"].as_str(), all["next"].as_u64()), (Some("log.started"), Some(2)), "without a case it is the whole trail");
    let after = house.stage.api(&token, "/events?after=2&action=recall.decided&outcome=success", None, None).await.json();
    assert_eq!(after["events"].as_array().unwrap().len(), 3);
    assert_eq!((house.count("audit.searched", "success"), house.stage.api(&token, "/events?address=x", None, None).await.status), (1, 422));
    assert_eq!(house.stage.api(&token, "/events?case=FR-0", None, None).await.status, 404);
    let other = house.stage.token(None, &["recall.read"]).await;
    assert_eq!(house.stage.api(&other, &format!("/events?case={}", house.number), None, None).await.status, 403);
}

#[actix_web::test]
async fn an_uploaded_bundle_is_judged_and_not_kept() {
    let house = house().await;
    let good = house.archive().await;
    let mut bad = good.clone();
    let middle = bad.len() / 2;
    bad[middle] ^= 1;
    for (bytes, word) in [(&good[..], "通过"), (&bad[..], "不通过"), (&b"PK"[..], "不通过"), (&b""[..], "不通过")] {
        let page = house.stage.upload_as(&house.auditor, "/evidence/verification", "bundle", bytes).await;
        assert!(page.status == 200 && page.body.contains(&format!("<b>{word}</b>")), "{word}: {}", page.body);
        assert_sound(&page.body);
        // What was expected and found is in the reader's language, as far as it is ours and not the file's.
        for english in ["missing", "present", "another form", "not a ZIP file", "the key", "bytes"] {
            assert!(!page.body.contains(&format!("<span class=\"wrapcode\">{english}")), "{english}: {}", page.body);
        }
    }
    let page = house.stage.upload_as(&house.auditor, "/evidence/verification", "bundle", b"PK").await;
    assert!(page.body.contains("不是可读取的 ZIP 文件"), "{}", page.body);
    assert_eq!(house.count("evidence.verified", "success"), 5);
    let denied = house.stage.upload_as(&house.admin, "/evidence/verification", "bundle", &good).await;
    assert_eq!((denied.status, house.count("evidence.verified", "refused")), (403, 1));
    for lang in ["zh-CN", "en"] {
        assert_sound(&house.stage.get(&house.auditor, &format!("/evidence/verification?lang={lang}")).await.body);
        assert_sound(&house.stage.get(&house.auditor, &format!("/evidence?lang={lang}")).await.body);
    }
}
