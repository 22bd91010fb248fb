//! The main job in a real browser whose scripts are switched off: signing in, sending the request past its check page, deciding, seeing
//! the case. Everything is a link or a form; what the scripts add is comfort.

use fantoccini::Locator;
use serde_json::json;

use super::{hands::Hands, stage::Companies};
use crate::support::browser::Browser;

#[actix_web::test]
async fn the_main_job_needs_no_scripts() {
    let company = Companies::found().await;
    let Some(browser) = Browser::start(&company.base).await else { return };
    browser.cdp("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
    browser.cookies(&[("lang", "zh-CN")]).await;
    let hands = Hands { browser: &browser, company: &company };

    hands.sign_in("requester").await;
    let sent = company.address(super::stage::Where::Full, "zh-CN", "/broadcasts/{broadcast.sent}");
    browser.visit(&sent).await;
    let left = hands.text(".window time").await;
    assert!(left.contains("小时"), "the server's words stand where no script counts: {left}");
    hands.press("a[href^='/recalls/new']").await;
    assert_eq!(hands.find("input[name=device]").await.attr("value").await.unwrap().as_deref(), Some(""), "scripts are off");
    hands.press("input[name=category][value=leak]").await;
    hands.type_in("#reason", "原定仅发送薪酬委员会六人，误选全体员工。").await;
    hands.press("button[value=check]").await;
    hands.find("button[value=submit]").await;
    assert!(hands.text("main").await.contains("误选全体员工"), "the check page repeats what was typed");
    hands.press("button[value=submit]").await;
    assert!(hands.text(".head .badge").await.contains("待部门复核"));
    let case = browser.client.current_url().await.unwrap().path().to_owned();
    hands.sign_out().await;

    hands.sign_in("reviewer").await;
    hands.press(".sidenav a[href='/approvals']").await;
    hands.press(&format!(".queue a[href^='{case}']")).await;
    // Without a choice and a comment nothing happens but words at the fields; the browser's own checks are for comfort.
    hands.press("#decision input[value=approve]").await;
    hands.type_in("#decide-comment", "情况属实，同意撤回。").await;
    hands.type_in("#decide-totp", "000000").await;
    hands.press("#decision button[type=submit]").await;
    assert!(hands.text("#decision .alert").await.contains("验证码不正确"), "the error is told");
    assert_eq!(hands.find("#decide-comment").await.prop("value").await.unwrap().as_deref(), Some("情况属实，同意撤回。"), "the text is kept");
    hands.type_in("#decide-totp", &company.code("reviewer")).await;
    hands.press("#decision button[type=submit]").await;
    let back = format!("main a.btn-primary[href='{case}']");
    hands.find(&back).await;
    assert!(hands.text("main").await.contains("回执"));
    hands.press(&back).await;
    hands.find(".facts").await;
    assert!(hands.text(".head .badge").await.contains("待法务合规复核"));
    assert!(hands.text(".events").await.contains("周启明"));
    // What is folded away opens by itself, too.
    hands.press(".fold-out summary").await;
    assert!(hands.text(".fold-out").await.contains("查看消息内容"));
    hands.sign_out().await;
    browser.close().await;
}

#[actix_web::test]
async fn on_a_phone_a_decision_fits_one_screen() {
    let company = Companies::found().await;
    let Some(browser) = Browser::start(&company.base).await else { return };
    for (who, case) in [("reviewer", "{case.reviewing}"), ("lawyer", "{case.orderable}"), ("executive", "{case.final}")] {
        for lang in ["zh-CN", "en"] {
            browser.cdp("Emulation.setDeviceMetricsOverride", json!({ "width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": false })).await;
            browser.cookies(&[("lang", lang), ("session", company.cookie(super::stage::Where::Full, who))]).await;
            // As the work list leads to it.
            browser.visit(&company.address(super::stage::Where::Full, lang, &format!("/recalls/{case}#decision"))).await;
            let script = "const of = (css) => document.querySelector('#decision ' + css).getBoundingClientRect();
                const seen = (css) => { const r = of(css); return r.height > 0 && r.top >= 0 && r.bottom <= innerHeight; };
                return ['.brief', '.brief time', 'input[value=approve]', 'input[value=reject]', '#decide-comment', '#decide-totp', 'button[type=submit]'].filter((css) => !seen(css));";
            let hidden = browser.client.execute(script, vec![]).await.unwrap();
            assert_eq!(hidden, json!([]), "{who} {lang}: what, how many, time left, decision, code");
            let brief = browser.client.find(Locator::Css("#decision .brief")).await.unwrap().text().await.unwrap();
            assert!(brief.contains("25"), "how many: {brief}");
        }
    }
    browser.close().await;
}
