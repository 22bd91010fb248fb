//! In a real Chromium with an authenticator of its own: what `passkey.js` does with the browser's API.

use fantoccini::Locator;
use serde_json::json;

use super::{ORIGIN, PAGE, fresh_code};
use crate::{recalls::stage::Stage, support::browser::Browser};

#[actix_web::test]
async fn a_browser_adds_a_passkey_signs_a_decision_and_signs_in() {
    let stage = Stage::set().await;
    // Passkeys belong to the public address, which is another one than the port that this server was given.
    let port = stage.base.rsplit(':').next().unwrap();
    let map = format!("--host-resolver-rules=MAP localhost:8080 127.0.0.1:{port}");
    let Some(browser) = Browser::start_with(ORIGIN, &[map]).await else { return };
    browser.cdp("WebAuthn.enable", json!({})).await;
    let options = json!({ "options": {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": true, "hasUserVerification": true, "isUserVerified": true,
        "automaticPresenceSimulation": true,
    } });
    browser.cdp("WebAuthn.addVirtualAuthenticator", options).await;
    let cast = stage.cast().await;
    let case = stage.case(&cast).await;
    browser.cookies(&[("lang", "zh-CN"), ("session", &stage.session_of(&cast.reviewer).await.0)]).await;
    let find = async |css: &str| match browser.client.wait().for_element(Locator::Css(css)).await {
        Ok(found) => found,
        Err(error) => panic!("{css}: {error}\n{:?}", browser.client.execute("return location + document.body.innerText", vec![]).await),
    };

    browser.visit(PAGE).await;
    find("#add-name").await.send_keys("虚拟设备").await.unwrap();
    find("#add-totp").await.send_keys(&fresh_code(&stage, &cast.reviewer)).await.unwrap();
    find("#add-created").await.click().await.unwrap();
    let listed = find("td.lead-cell").await.text().await.unwrap();
    assert_eq!(listed, "虚拟设备");

    stage.clock.advance(std::time::Duration::from_secs(1));
    browser.visit(&format!("/recalls/{case}")).await;
    find("input[name=decision][value=approve]").await.click().await.unwrap();
    find("#decide-comment").await.send_keys("情况属实，依制度处理").await.unwrap();
    find("button[formaction]").await.click().await.unwrap();
    find("button[data-passkey]").await.click().await.unwrap();
    for _ in 0..100 {
        if stage.loaded(&case).await.decisions.iter().any(|d| d.method == "passkey") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(stage.loaded(&case).await.decisions.iter().map(|d| d.method.as_str()).collect::<Vec<_>>(), ["passkey"]);

    stage.clock.advance(std::time::Duration::from_secs(1));
    browser.cookies(&[("session", "")]).await;
    browser.visit("/sign-in").await;
    find("button[data-passkey]").await.click().await.unwrap();
    assert!(find(".user").await.text().await.unwrap().contains("zhouqiming"));
    assert_eq!(browser.console_errors().await, Vec::<String>::new());
    browser.close().await;
}
