//! A server whose module is there, loses its session, goes away, comes back, or hangs.

use std::time::{Duration, Instant};

use countermand::{clock::Clock, clock::SystemClock, domain::role::Role};
use reqwest::{Client, header::COOKIE};

use super::{Company, Hsm};
use crate::{
    certificate::AUTHORITY,
    support::{db::TestDb, judged::done},
};

#[actix_web::test]
async fn a_server_says_how_it_stands_with_the_module_and_is_not_held_up() {
    let Some(hsm) = Hsm::set() else { return };
    hsm.token("evidence");
    done(hsm.folder(), AUTHORITY);
    let company = Company::set(TestDb::one(), &hsm).await;
    company.settings(&hsm.between(), "evidence", "signing");
    company.request("a.csr");
    company.certify("a.csr", "a.pem");
    // The stage's sessions are to be good by the server's clock.
    let (real, staged) = (SystemClock.now().unix_seconds(), company.stage.app.now().unix_seconds());
    company.stage.clock.advance(Duration::from_secs(u64::try_from(real - staged).unwrap()));
    let admin = company.stage.person("gaoyuan", &[Role::SystemAdministrator], "信息部").await;
    let session = company.stage.session_of(&admin).await.0;
    let (name, value) = hsm.config();
    let server = company.node.serve_with(|command| {
        command.env(name, value);
    });
    let client = Client::new();
    let settings = async || {
        let asked = client.get(format!("{}/settings", server.base)).header(COOKIE, format!("session={session}")).send().await.unwrap();
        assert_eq!(asked.status(), 200);
        asked.text().await.unwrap()
    };
    let signs = |page: &str| page.contains("密码模块：令牌 evidence，密钥 signing") && !page.contains("新的材料包没有该签名，并会载明");
    let page = settings().await;
    assert!(signs(&page), "{page}");
    let logins = hsm.logins();
    assert!(signs(&settings().await) && hsm.logins() == logins, "the session is kept");

    hsm.tell("lost", true);
    assert!(signs(&settings().await) && hsm.logins() == logins + 1, "one that is lost is opened anew, once");

    hsm.tell("removed", true);
    let page = settings().await;
    assert!(!signs(&page) && page.contains("找不到 evidence.pkcs11.token 所指的令牌"), "{page}");
    hsm.tell("removed", false);
    assert!(signs(&settings().await), "it came back");

    hsm.tell("hangs", true);
    let begun = Instant::now();
    let (page, alive) = tokio::join!(settings(), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let asked = client.get(format!("{}/healthz", server.base)).send().await.unwrap();
        (asked.status(), begun.elapsed())
    });
    assert!(page.contains("密码模块没有应答"), "{page}");
    assert!(alive.0 == 200 && alive.1 < Duration::from_secs(5), "{alive:?}");
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    let begun = Instant::now();
    assert!(settings().await.contains("密码模块没有应答") && begun.elapsed() < Duration::from_secs(5), "nobody waits for what hangs");
    company.unsigned("unsigned.zip");
    hsm.tell("hangs", false);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(signs(&settings().await), "it is asked again once it has answered");
}
