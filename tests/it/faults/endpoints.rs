//! What machines ask: the published log for mirrors, readiness and metrics for those who run the servers.

use std::{fs, path::Path, process::Command, time::Duration};

use countermand::{
    app::{Caller, tokens, tokens::NewToken},
    domain::{
        event::{Action, Event, Subject},
        role::Role,
    },
    ledger::{
        checkpoint::{self, Checkpoint},
        tile::{changed, entries_path},
    },
};

use crate::support::app::{Browser, TestApp};

async fn mirror(app: &TestApp, scope: &str) -> Browser {
    let new = NewToken { name: "镜像".into(), scopes: vec![scope.to_owned()], user: None, expires_at: None };
    let token = tokens::create(&app.app, &Caller::shell(), new, true, "").await.unwrap().value.secret;
    app.browser().with_header("authorization", &format!("Bearer {token}"))
}

async fn fill(app: &TestApp, events: usize) {
    for n in 0..events / 10 {
        let write = app.app.store.write(move |tx| {
            for m in 0..10 {
                tx.append(Event::system(Action::SettingChanged, Subject::new("setting", format!("{n}-{m}"))))?;
            }
            Ok(())
        });
        write.await.unwrap();
    }
    app.app.store.checkpoint().await.unwrap();
}

/// The bytes behind a path, which must be there.
async fn bytes(app: &TestApp, with: &Browser, path: &str) -> Vec<u8> {
    let mut request = reqwest::Client::builder().no_proxy().build().unwrap().get(format!("http://{}{path}", app.address));
    for (name, value) in &with.headers {
        request = request.header(name, value);
    }
    let res = request.send().await.unwrap();
    assert_eq!(res.status(), 200, "{path}");
    let header = |name: &str| res.headers().get(name).unwrap().to_str().unwrap().to_owned();
    match path {
        "/log/checkpoint" => {
            assert_eq!((header("content-type").as_str(), header("cache-control").as_str()), ("text/plain; charset=utf-8", "no-cache"))
        }
        _ => assert!(header("content-type") == "application/octet-stream" && header("cache-control").ends_with("immutable")),
    }
    res.bytes().await.unwrap().to_vec()
}

/// Copies the log over HTTP into a folder, as a mirror does.
async fn copied(app: &TestApp, with: &Browser, into: &Path) -> Checkpoint {
    let note = bytes(app, with, "/log/checkpoint").await;
    let vkey = app.app.store.vkey().unwrap();
    let checkpoint = checkpoint::open(std::str::from_utf8(&note).unwrap(), &vkey).unwrap();
    let put = |path: &str, bytes: &[u8]| {
        let path = into.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    put("checkpoint", &note);
    put("vkey", format!("{vkey}\n").as_bytes());
    for tile in changed(0, checkpoint.size) {
        put(&tile.path(), &bytes(app, with, &format!("/log/{}", tile.path())).await);
        if tile.level == 0 {
            let path = entries_path(tile.index, tile.width);
            put(&path, &bytes(app, with, &format!("/log/{path}")).await);
        }
    }
    checkpoint
}

#[actix_web::test]
async fn the_log_is_mirrored_over_http_and_accepted_by_the_go_checksum_database() {
    let app = TestApp::start().await;
    fill(&app, 600).await;
    let with = mirror(&app, "log.read").await;
    let before = app.log_size().await;
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = copied(&app, &with, folder.path()).await;
    assert!(checkpoint.size >= 600);
    assert_eq!(app.log_size().await, before, "mirroring leaves no events");
    for (path, why) in [
        ("/log/tile/0/000.p/0", "an empty tile"),
        ("/log/tile/0/0", "another spelling"),
        ("/log/tile/0/099", "not there yet"),
        ("/log/tile/1/000.p/200", "wider than the signed log"),
        ("/log/tile/entries/002.p/255", "wider than the signed log"),
        ("/log/tile/64/000", "no such level"),
        ("/log/tile/", "nothing"),
        ("/log/other", "nothing"),
    ] {
        assert_eq!(with.get(path).await.status, 404, "{path}: {why}");
    }
    assert_eq!(bytes(&app, &with, "/log/tile/0/000").await.len(), 256 * 32);
    assert_eq!(bytes(&app, &with, "/log/tile/0/000.p/7").await, bytes(&app, &with, "/log/tile/0/000").await[..7 * 32], "of an older checkpoint");
    // What is not signed yet is not given out.
    app.app.store.write(|tx| tx.append(Event::system(Action::SettingChanged, Subject::new("setting", "late")))).await.unwrap();
    let next = checkpoint.size % 256 + 1;
    assert_eq!(with.get(&format!("/log/tile/0/{:03}.p/{next}", checkpoint.size / 256)).await.status, 404);

    if !Path::new("/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog").exists() {
        println!("SKIPPED: golang-golang-x-mod-dev is not installed; the mirror is not judged by Go's sumdb/tlog");
        return;
    }
    let cache = tempfile::tempdir().unwrap();
    let out = Command::new("go")
        .args(["run", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/ledger/main.go")])
        .arg(folder.path())
        .env("GOPATH", "/usr/share/gocode")
        .env("GO111MODULE", "off")
        .env("CGO_ENABLED", "0")
        .env("GOCACHE", cache.path())
        .output()
        .unwrap();
    assert!(out.status.success(), "{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
}

#[actix_web::test]
async fn the_log_is_behind_a_token_with_its_scope_unless_it_is_public() {
    let app = TestApp::start().await;
    fill(&app, 10).await;
    let stranger = app.browser();
    let refused = stranger.get("/log/checkpoint").await;
    assert_eq!(refused.status, 401);
    assert_eq!(refused.headers.get("content-type").unwrap(), "application/problem+json");
    assert_eq!(refused.headers.get("www-authenticate").unwrap(), "Bearer");
    assert_eq!(mirror(&app, "audit.read").await.get("/log/tile/0/000.p/1").await.status, 403, "another scope");
    let (_, signed_in) = app.signed_in("shenruochuan", &[Role::Auditor]).await;
    assert_eq!(signed_in.get("/log/checkpoint").await.status, 401, "a session is not for machines");
    drop(app);

    let app = TestApp::start_with(|config| config.log_public = true).await;
    fill(&app, 10).await;
    assert_eq!(app.browser().get("/log/checkpoint").await.status, 200);
    assert_eq!(bytes(&app, &app.browser(), "/log/tile/0/000.p/1").await.len(), 32);
}

#[actix_web::test]
async fn readiness_says_what_is_wrong_and_metrics_tell_no_names() {
    let app = TestApp::start().await;
    let ready = app.browser().get("/readyz").await;
    assert_eq!(ready.status, 200, "{}", ready.body);
    let found: serde_json::Value = serde_json::from_str(&ready.body).unwrap();
    assert_eq!((&found["ready"], &found["database"], &found["sequencer"], &found["clock"]), (&true.into(), &"ok".into(), &"ok".into(), &"ok".into()));
    assert!(found["disk"] == "ok" || found["disk"] == "low", "{found}");

    let (person, browser) = app.signed_in("shenruochuan", &[Role::AuditAdministrator]).await;
    assert_eq!(browser.get("/metrics").await.status, 401, "a session is not for machines");
    assert_eq!(mirror(&app, "log.read").await.get("/metrics").await.status, 403);
    let scrape = mirror(&app, "system.read").await;
    let before = app.log_size().await;
    let metrics = scrape.get("/metrics").await;
    assert_eq!(metrics.status, 200, "{}", metrics.body);
    assert!(metrics.headers.get("content-type").unwrap().to_str().unwrap().starts_with("text/plain; version=0.0.4"));
    let value = |name: &str| {
        let line =
            metrics.body.lines().find(|l| l.starts_with(&format!("countermand_{name} "))).unwrap_or_else(|| panic!("{name}: {}", metrics.body));
        line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()
    };
    assert_eq!(value("log_events"), before);
    assert!(
        value("writes_total{end=\"done\"}") > 0 && value("http_answers_total{class=\"2xx\"}") > 0 && value("http_answers_total{class=\"4xx\"}") > 0
    );
    assert_eq!(value("disk_full"), 0);
    for line in metrics.body.lines().filter(|l| !l.starts_with('#')) {
        let (_, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<u64>().is_ok(), "{line}");
    }
    for private in [person.username.as_str(), person.id.as_str(), "127.0.0.1", "镜像"] {
        assert!(!metrics.body.contains(private), "{private}: {}", metrics.body);
    }
    assert_eq!(app.log_size().await, before, "asking leaves no events");

    // The clock of this node goes back behind the log.
    app.advance(Duration::from_secs(600));
    app.app.store.write(|tx| tx.append(Event::system(Action::SettingChanged, Subject::new("setting", "t")))).await.unwrap();
    app.clock.set_back(Duration::from_secs(600));
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let ready = app.browser().get("/readyz").await;
    assert!(ready.status == 503 && ready.body.contains("\"clock\":\"off\""), "{}", ready.body);
}
