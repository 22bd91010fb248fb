//! The policy in force and its simulator: what it says to a message that nobody has sent, that it leaves nothing behind, and that a case
//! takes the rules of its day along.

use countermand::{domain::role::Role, store::reader};
use serde_json::json;

use super::{delegation::handed, stage::Stage};
use crate::support::{db::TestDb, html::assert_sound};

#[actix_web::test]
async fn the_simulator_says_what_could_be_done_and_a_case_keeps_the_rules_of_its_day() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let department = cast.reviewer.caller.department_id.clone().unwrap();
    let reviewer = cast.reviewer.caller.user_id.clone().unwrap();
    let ask = async |query: String| stage.get(&cast.requester, &format!("/policies?{query}")).await;

    let open = ask(format!("platform=wecom&category=leak&ago=30&department={department}")).await;
    assert_eq!(open.status, 200, "{}", open.body);
    assert_sound(&open.body);
    for said in ["第 1 版", "未找到官方来源", "24 小时", &cast.reviewer.caller.name] {
        assert!(open.body.contains(said), "{said}: {}", open.body);
    }
    assert!(!open.body.contains("部门复核没有可处理的人员"), "{}", open.body);
    let away = ask(format!("platform=wecom&category=leak&ago=30&department={department}&away={reviewer}")).await;
    assert!(away.body.contains("部门复核没有可处理的人员"), "{}", away.body);
    let late = ask("platform=wecom&category=leak&ago=1440".to_owned()).await;
    assert!(late.body.contains("v-bad"), "a day has passed: {}", late.body);
    let hand = ask("platform=wecom&category=leak&ago=1&by_hand=1".to_owned()).await;
    assert_ne!(hand.body, open.body);
    for wrong in ["platform=wecom&category=leak&ago=-1", "platform=%3Cb%3E&category=leak&ago=1", "platform=wecom&category=&ago=99999999999999999999"]
    {
        let page = ask(wrong.to_owned()).await;
        assert!(page.status == 422 && !page.body.contains("<b>\""), "{wrong}: {}", page.body);
        assert_sound(&page.body);
    }
    let nobody = stage.person("nobody", &[], "销售部").await;
    assert_eq!(stage.get(&nobody, "/policies").await.status, 403);
    let security = stage.person("policy", &[Role::SecurityAdministrator], "安全部").await;
    assert_eq!(stage.get(&security, "/policies").await.status, 200, "who keeps the rules reads them");

    let case = stage.case(&cast).await;
    let submitted = stage.events(&case).await.into_iter().find(|e| e.leaf.action == "recall.submitted").unwrap();
    let detail = stage.detail(&submitted).await;
    assert_eq!(detail["policy"], json!({ "id": "three-levels", "version": 1 }));
    let rules = &detail["rules"];
    assert_eq!((&rules["adopted"][0]["id"], &rules["adopted"][0]["field"]["span"]["seconds"]), (&json!("wecom-forced"), &json!(86400)));
    assert_eq!((&rules["budget_seconds_per_level"]["leak"], &rules["window_shares"]), (&json!(300), &json!([1, 1, 1])));
    let page = stage.get(&cast.reviewer, &format!("/recalls/{case}")).await;
    assert!(page.body.contains("撤回规则") && page.body.contains("第 1 版"), "{}", page.body);
    let looks = stage.app.store.read(|conn| {
        let size = reader::head(conn)?.size();
        reader::events_of_actions(conn, &["page.read"], 0, size, 100)
    });
    let who: Vec<_> = looks.await.unwrap().into_iter().map(|e| e.leaf.actor.id).collect();
    assert_eq!(who, [security.caller.id.as_str()], "the simulator leaves nothing but the look of who administers");
}

#[actix_web::test]
async fn the_simulator_counts_who_stands_in_for_somebody_away() {
    for db in TestDb::each() {
        let stage = Stage::set_on(db, |_| {}).await;
        let cast = stage.cast().await;
        let deputy = stage.person("deputy", &[Role::Requester], "总裁办").await;
        handed(&stage, &cast.reviewer, &deputy, &["1"]).await;
        let department = cast.reviewer.caller.department_id.clone().unwrap();
        let ask = async |more: String| {
            let told = stage.get(&cast.requester, &format!("/policies?platform=wecom&category=leak&ago=30&department={department}{more}")).await;
            assert_eq!(told.status, 200, "{}", told.body);
            assert_sound(&told.body);
            told.body
        };
        let (principal, delegate) = (&cast.reviewer.caller.id, &deputy.caller.id);
        let open = ask(String::new()).await;
        assert!(open.contains("zhouqiming、deputy（代zhouqiming）") || open.contains("zhouqiming和deputy（代zhouqiming）"), "{open}");
        assert!(open.contains(&format!("value=\"{delegate}\"")), "a delegate may be away too: {open}");
        let away = ask(format!("&away={principal}")).await;
        assert!(away.contains("deputy（代zhouqiming）") && !away.contains("部门复核没有可处理的人员"), "{away}");
        let english = ask(format!("&away={principal}&lang=en")).await;
        assert!(english.contains("deputy (on behalf of zhouqiming)"), "{english}");
        let nobody = ask(format!("&away={principal}&away={delegate}")).await;
        assert!(nobody.contains("部门复核没有可处理的人员"), "{nobody}");
    }
}
