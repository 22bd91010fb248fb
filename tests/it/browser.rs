//! The shell in a real browser: nothing blocked by the policy, nothing that axe finds, nothing wider than a small phone.

use crate::support::{
    browser::{Browser, Look, picture},
    sample,
    serving::Serving,
};

const PAGES: [(&str, &str, Option<&str>); 10] = [
    ("sample", "/sample", Some("requester")),
    ("sample-out", "/sample", None),
    ("auditor", "/sample", Some("auditor")),
    ("missing-in", "/nowhere", Some("final_approver")),
    ("missing-out", "/nowhere", None),
    ("broken", "/broken", None),
    ("busy-in", "/busy", Some("requester")),
    ("busy-out", "/busy", None),
    ("often-in", "/often", Some("auditor")),
    ("often-out", "/often", None),
];

#[actix_web::test]
async fn every_page_of_the_shell_is_accessible_in_both_languages_and_themes() {
    let (base, _serving) = Serving::anywhere(sample::shell(), sample::configure);
    let Some(browser) = Browser::start(&base).await else { return };
    for lang in ["zh-CN", "en"] {
        for (name, path, role) in PAGES {
            browser.cookies(&[("lang", lang), ("as", role.unwrap_or("nobody"))]).await;
            for dark in [false, true] {
                for width in [1440, 390] {
                    browser.look(Look { width, dark }).await;
                    browser.visit(path).await;
                    let about = format!("{name} {lang} dark={dark} {width}");
                    if let Some(file) = picture(&format!("{name}-{lang}{}-{width}", if dark { "-dark" } else { "" })) {
                        browser.screenshot(&file).await;
                    }
                    // Colours depend on theme and language; what else axe asks is asked in one theme a language.
                    let found = if dark == (lang == "en") { browser.axe().await } else { browser.axe_colours().await };
                    assert_eq!(found, Vec::<String>::new(), "{about}");
                    assert_eq!(browser.console_errors().await, Vec::<String>::new(), "{about}");
                }
            }
            assert_eq!(browser.overflow_at(320).await, 0, "{name} {lang} is wider than a small phone");
        }
    }
    browser.close().await;
}

#[actix_web::test]
async fn the_scripts_run_under_the_policy_and_the_policy_blocks_what_is_inline() {
    let (base, _serving) = Serving::anywhere(sample::shell(), sample::configure);
    let Some(browser) = Browser::start(&base).await else { return };
    browser.cookies(&[("lang", "zh-CN"), ("as", "requester")]).await;
    browser.visit("/sample").await;
    let read = |script: &'static str| async { browser.client.execute(script, vec![]).await.expect("a value") };
    let device = read("return document.querySelector('input[data-device]').value").await;
    let device: serde_json::Value = serde_json::from_str(device.as_str().expect("a text")).expect("device.js fills in JSON");
    for trait_ in ["platform", "platform_version", "mobile", "languages", "timezone", "screen", "colour_depth", "touch_points", "pdf_viewer"] {
        assert!(device.get(trait_).is_some(), "{trait_} is missing in {device}");
    }
    assert_eq!(device.as_object().map(serde_json::Map::len), Some(9), "nothing beyond the nine that people are told of: {device}");
    let left = read("return document.querySelector('time[data-countdown]').textContent").await;
    assert!(left.as_str().is_some_and(|t| t.split(':').count() == 3), "countdown.js ticks: {left}");
    assert_eq!(browser.console_errors().await, Vec::<String>::new());
    // The policy works: what a page must never do is blocked and said so.
    let blocked = read("const s = document.createElement('style'); s.textContent = 'body { color: rgb(1, 2, 3) }'; document.head.append(s); return getComputedStyle(document.body).color").await;
    assert_ne!(blocked, "rgb(1, 2, 3)");
    let sink = read("try { document.body.innerHTML = '<b>x</b>'; return 'taken' } catch { return 'refused' }").await;
    assert_eq!(sink, "refused", "trusted types stop markup made from text");
    assert!(!browser.console_errors().await.is_empty());
    browser.close().await;
}

#[actix_web::test]
async fn a_form_is_mended_with_the_keyboard_and_a_file_that_is_too_large_gets_a_page() {
    let (base, _serving) = Serving::anywhere(sample::shell(), sample::configure);
    let Some(browser) = Browser::start(&base).await else { return };
    browser.cookies(&[("lang", "en"), ("as", "requester")]).await;
    browser.visit("/sample").await;
    // Past the browser's own checks, as without them.
    let script = "const f = document.querySelector('main form[method=post]'); f.noValidate = true; f.account.value = 'lin'; f.password.value = 'hunter2'; f.requestSubmit();";
    browser.client.execute(script, vec![]).await.expect("sent");
    browser.client.wait().for_element(fantoccini::Locator::Css("#h-err")).await.expect("the summary");
    let focus = browser.client.execute("return document.activeElement.getAttribute('role')", vec![]).await.expect("a value");
    assert_eq!(focus, "alert", "the summary has the focus");
    assert_eq!(browser.axe().await, Vec::<String>::new());
    if let Some(file) = picture("sample-errors") {
        browser.screenshot(&file).await;
    }
    browser.client.find(fantoccini::Locator::Css(".alert a[href='#reason']")).await.expect("a link").click().await.expect("followed");
    let at = browser
        .client
        .execute("return document.activeElement === document.body ? location.hash : document.activeElement.id", vec![])
        .await
        .expect("a value");
    assert!(at == "#reason" || at == "reason", "the link leads to the field: {at}");
    let script = "const f = document.querySelector('main form[method=post]'); f.noValidate = true;
        const d = new DataTransfer(); d.items.add(new File([new Uint8Array(12 << 20)], 'big.pdf')); f.files.files = d.files; f.requestSubmit();";
    browser.client.execute(script, vec![]).await.expect("sent");
    browser
        .client
        .wait()
        .at_most(std::time::Duration::from_secs(20))
        .for_element(fantoccini::Locator::Css(".fault"))
        .await
        .expect("a page that says it was too large");
    let text = browser.client.execute("return document.querySelector('h1').textContent", vec![]).await.expect("a value");
    assert_eq!(text, "Too large");
    browser.close().await;
}
