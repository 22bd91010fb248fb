//! An open page of a case says that it is out of date, takes nothing away, and is nobody's act.

use std::time::Duration;

use countermand::domain::role::Role;
use diesel::prelude::*;
use fantoccini::Locator;
use serde_json::json;

use super::stage::Stage;
use crate::support::{browser::Browser, db::TestDb, log};

#[actix_web::test]
async fn how_far_a_case_has_come_is_a_number_that_leaves_no_trace() {
    for db in TestDb::each() {
        let stage = Stage::set_on(db, |_| {}).await;
        let cast = stage.cast().await;
        let case = stage.case(&cast).await;
        let (stranger, auditor) =
            (stage.person("stranger", &[Role::Requester], "销售部").await, stage.person("auditor", &[Role::Auditor], "审计部").await);
        let path = format!("/recalls/{case}/progress");
        let (cookie, id) = stage.session_of(&cast.reviewer).await;
        let asked = async || serde_json::from_str::<serde_json::Value>(&stage.get_as(&cookie, &path).await.body).unwrap();
        let first = asked().await;
        assert_eq!(first["over"], false);
        let acts = first["acts"].as_u64().unwrap();
        // Looking is nothing that the page would have to show; a decision is.
        stage.get(&cast.lawyer, &format!("/recalls/{case}")).await;
        stage.get(&auditor, &format!("/recalls/{case}")).await;
        assert_eq!(asked().await["acts"], acts);
        assert_eq!(stage.decide(&cast.lawyer, &case, "approve").await.status, 409);
        assert_eq!(asked().await["acts"], acts, "an attempt that was refused changes nothing");
        assert_eq!(stage.decide(&cast.reviewer, &case, "approve").await.status, 303);
        assert_eq!(asked().await, json!({ "acts": acts + 1, "over": false }));
        let shown = stage.get(&cast.reviewer, &format!("/recalls/{case}")).await.body;
        assert!(shown.contains(&format!("data-watch=\"{path}\" data-acts=\"{}\"", acts + 1)), "the page asks from where it is");

        // It keeps no session awake, leaves no event, and takes no message off the session, which waits for a page.
        let size = log::size(&stage.app.store).await;
        let seen = || {
            use countermand::store::schema::sessions;
            let id = id.clone();
            stage.app.store.read_now(move |conn| Ok(sessions::table.find(id).select(sessions::seen_at).first::<i64>(conn)?)).unwrap()
        };
        let before = seen();
        countermand::app::sessions::flash(&stage.app, &id, Some(json!(["ok", "已经保存"]).to_string())).await.unwrap();
        for _ in 0..3 {
            stage.clock.advance(Duration::from_secs(120));
            asked().await;
        }
        assert_eq!((seen(), log::size(&stage.app.store).await), (before, size));
        assert!(stage.get_as(&cookie, "/approvals").await.body.contains("已经保存"));
        assert!(seen() > before, "a person did that");

        // Who may not see the case learns nothing, and who is signed out is sent to sign in.
        assert_eq!(stage.get(&stranger, &path).await.status, 404);
        assert_eq!(stage.get_as("nothing", &path).await.status, 303);
        assert_eq!(stage.get(&auditor, &path).await.status, 200);
        for who in [&cast.lawyer, &cast.executive] {
            assert_eq!(stage.decide(who, &case, "approve").await.status, 303);
        }
        stage.settle(4, 1).await;
        let (cookie, _) = stage.session_of(&cast.reviewer).await;
        assert!(stage.get_as(&cookie, &path).await.body.contains("\"over\":true"));
        assert!(!stage.get_as(&cookie, &format!("/recalls/{case}")).await.body.contains("data-watch"), "what has ended is not asked for");
    }
}

#[actix_web::test]
async fn a_page_says_that_something_happened_and_keeps_what_is_typed() {
    let stage = Stage::set().await;
    let Some(browser) = Browser::start(&stage.base).await else { return };
    let cast = stage.cast().await;
    let case = stage.case(&cast).await;
    let cookie = stage.session_of(&cast.reviewer).await.0;
    browser.cookies(&[("lang", "zh-CN"), ("session", &cookie)]).await;
    browser.visit(&format!("/recalls/{case}")).await;
    let run = async |script: &str| browser.client.execute(script, vec![]).await.unwrap();
    browser.client.find(Locator::Css("#decide-comment")).await.unwrap().send_keys("情况属实，正在核对").await.unwrap();
    let notice =
        async |name: &str| run(&format!("const e = document.querySelector('[{name}]'); return e.checkVisibility() ? e.innerText : ''")).await;
    // Somebody comes back to the page: it asks at once.
    let look = async || {
        let script = "const [done] = arguments; document.addEventListener('recall:watched', () => done(true), { once: true });
            document.dispatchEvent(new Event('visibilitychange'));";
        browser.client.execute_async(script, vec![]).await.unwrap()
    };
    look().await;
    assert_eq!((notice("data-news").await, notice("data-gone").await), (json!(""), json!("")), "nothing has happened");
    let comment = [("comment", "附件已由信息安全部封存")];
    assert_eq!(stage.post(&cast.requester, &format!("/recalls/{case}/comments"), &comment).await.status, 303);
    look().await;
    let said = notice("data-news").await;
    assert!(said.as_str().is_some_and(|t| t.contains("本案有新进展") && t.contains("查看最新情况")), "{said}");
    assert_eq!(run("return document.querySelector('#decide-comment').value").await, "情况属实，正在核对", "nothing was taken away");
    assert_eq!(browser.axe().await, Vec::<String>::new());
    assert_eq!(browser.overflow_at(320).await, 0);
    if let Some(file) = crate::support::browser::picture("case-news-zh-CN-390") {
        browser.look(crate::support::browser::Look { width: 390, dark: false }).await;
        browser.screenshot(&file).await;
    }
    // Signed out elsewhere: said at once, and not first when the decision is lost.
    assert_eq!(stage.post_as(&cookie, "/sessions/current/closures", &[]).await.status, 303);
    look().await;
    let said = notice("data-gone").await;
    assert!(said.as_str().is_some_and(|t| t.contains("您已退出登录")), "{said}");
    assert_eq!(notice("data-news").await, "");
    assert_eq!(browser.console_errors().await, Vec::<String>::new());
    browser.close().await;
}
