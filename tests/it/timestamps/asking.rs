//! The jobs: the newest checkpoint once an hour, each bundle once; refusals recorded once, asked again with growing pauses, seen on pages.

use std::{sync::Arc, time::Duration};

use countermand::{
    app::{evidence, timestamps},
    clock::SystemClock,
    config::Authority,
    connect::{
        emulator::tsa::{Fault, Tsa},
        timestamp::{NoAnswer, ask},
    },
    crypto::{
        sha256,
        timestamp::{Query, Roots, verify},
    },
    domain::role::Role,
    evidence::{
        verify::{Answer, Pin},
        zip::{self, Limits},
    },
    ledger::checkpoint::Checkpoint,
};

use super::{Timed, openssl};
use crate::{fake_http::Fake, support::db::TestDb};

#[actix_web::test]
async fn the_newest_checkpoint_is_stamped_once_an_hour_while_something_happens() {
    for db in TestDb::each() {
        let timed = Timed::set(db).await;
        assert_eq!(timed.events().await.len(), 0);
        timed.begin().await;
        let row = timed.newest().await.expect("a token at once");
        let stamped = Checkpoint::parse(std::str::from_utf8(&row.stamped).unwrap()).unwrap();
        assert_eq!((stamped.origin.as_str(), i64::try_from(stamped.size).unwrap()), (timed.stage.app.store.origin(), row.log_size));
        let (query, answer) = (Query::parse(&row.query).unwrap(), row.answer.unwrap());
        let roots = Roots::from_pem(&timed.tsa.access().root).unwrap();
        let stamp = verify(&query, &answer, &roots).unwrap();
        assert_eq!(Some(stamp.at.0), row.stamped_at);
        assert_eq!(row.chain.unwrap().matches("BEGIN CERTIFICATE").count(), 2);
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("root.pem"), &timed.tsa.access().root).unwrap();
        assert!(openssl::accepts(folder.path(), &row.stamped, &row.query, &answer), "another judge says the same");
        let events = timed.events().await;
        assert_eq!(events.len(), 1);
        let (event, detail) = (&events[0], &events[0]["parts"]["detail"]);
        assert_eq!((event["action"].as_str(), event["outcome"].as_str()), (Some("timestamp.obtained"), Some("success")));
        assert_eq!(
            (event["subject"]["kind"].as_str(), event["subject"]["id"].as_str()),
            (Some("checkpoint"), Some(stamped.size.to_string().as_str()))
        );
        assert_eq!((&detail["authority"], &detail["token_sha256"]), (&"demo".into(), &hex::encode(sha256(&answer)).into()));

        timed.begin().await;
        assert_eq!(timed.tsa.count(), 1, "a second start within the hour asks nobody");
        timed.later(3601).await;
        assert_eq!((timed.tsa.count(), timed.events().await.len()), (1, 1), "nothing happened but the timestamp itself");
        timed.something().await;
        timed.later(3601).await;
        assert_eq!((timed.tsa.count(), timed.events().await.len()), (2, 2));
        assert!(timed.newest().await.unwrap().log_size > row.log_size);
    }
}

#[actix_web::test]
async fn a_bundle_is_sealed_first_and_handed_out_with_its_token() {
    for db in TestDb::each() {
        let timed = Timed::set(db).await;
        timed.begin().await;
        let cast = timed.stage.cast().await;
        let counsel = timed.stage.person("counsel", &[Role::Counsel], "法务部").await;
        timed.tsa.inject(Fault::Error500, 1);
        let (case, number) = timed.sealed(&cast).await;
        let app = &timed.stage.app;
        let found = evidence::find(app, &counsel.caller, &number).await.unwrap();
        assert_eq!(found.timestamps[0].refusal.as_deref(), Some("unreachable"), "sealed all the same");
        let path = app.store.data().join(&found.row.path);
        let sealed = std::fs::read(&path).unwrap();
        assert_eq!(evidence::again(app, &counsel.caller, &number).await.unwrap().1, sealed, "nothing to add yet");
        let page = timed.stage.get(&counsel, &format!("/evidence/{number}")).await.body;
        assert!(page.contains("demo") && page.contains("无法连接时间戳机构"), "{page}");

        timed.later(60).await;
        assert_eq!(std::fs::read(&path).unwrap(), sealed, "the archive is never touched");
        timed.stage.clock.advance(Duration::from_secs(30));
        let code = timed.stage.code(&counsel);
        let (_, handed) = evidence::download(app, &counsel.caller, &number, &code).await.unwrap().value;
        let (_, mut files) = zip::read(&handed, &Limits::default()).unwrap();
        let pins = [Pin::Log(app.store.vkey().unwrap()), Pin::Authorities(timestamps::roots(&app.config))];
        let outcome = countermand::evidence::verify::verify(&handed, &pins, &Limits::default());
        assert_eq!(outcome.result, Answer::Pass, "{:#?}", outcome.checks.iter().filter(|c| c.result != Answer::Pass).collect::<Vec<_>>());
        let tokens: Vec<_> = files.keys().filter(|p| p.ends_with(".tsr")).cloned().collect();
        assert_eq!(tokens.len(), 2, "one over an earlier checkpoint, one over the signature: {tokens:?}");
        files.retain(|p, _| !p.starts_with("signatures/tagmanifest-sha256.txt.ed25519.sig."));
        assert_eq!(zip::write(&number, &files).unwrap(), sealed, "without its tokens it is what was sealed");

        let events = timed.events().await;
        let of_bundle: Vec<_> = events.iter().filter(|e| e["subject"]["kind"] == "bundle").collect();
        let told: Vec<_> =
            of_bundle.iter().map(|e| (e["action"].as_str().unwrap(), e["outcome"].as_str().unwrap(), e["case"].as_str().unwrap())).collect();
        assert_eq!(told, [("timestamp.refused", "failed", case.as_str()), ("timestamp.obtained", "success", case.as_str())]);
        let all = crate::support::log::events_from(&app.store, 0).await;
        let exported = &all.iter().rfind(|e| e["action"] == "evidence.exported").unwrap()["parts"]["detail"];
        assert_eq!(exported["sha256"], hex::encode(sha256(&handed)));
        assert_eq!(exported["sealed_sha256"], hex::encode(sha256(&sealed)));
        let page = timed.stage.get(&counsel, &format!("/evidence/{number}")).await.body;
        assert!(page.contains("下载时随包附上") && page.contains("封存时的 SHA-256") && !page.contains("无法连接时间戳机构"), "{page}");
        assert!(!page.contains("sha256sum -c\nunzip"), "the hash of the sealed file is not that of what is handed out");
        timed.later(86_400).await;
        assert_eq!(timed.events().await.iter().filter(|e| e["subject"]["kind"] == "bundle").count(), 2, "asked no more");
        let report = app.store.verify(&Default::default()).unwrap();
        assert!(report.ok, "{report:?}");
    }
}

/// However many bundles wait for an authority that says nothing, only two jobs at a time wait with them.
#[actix_web::test]
async fn a_silent_authority_holds_up_two_jobs_at_most() {
    let timed = Timed::set(TestDb::one()).await;
    let app = &timed.stage.app;
    let turns = app.stamping.clone().try_acquire_many_owned(2).unwrap();
    timed.begin().await;
    assert_eq!((timed.tsa.count(), timed.events().await.len()), (0, 0), "it comes back later");
    drop(turns);
    timed.later(1).await;
    assert_eq!(timed.tsa.count(), 0);
    timed.later(1).await;
    assert_eq!((timed.tsa.count(), timed.events().await.len()), (1, 1));
}

/// Two authorities, one of them gone: each has its own job, its own row, its own line.
#[actix_web::test]
async fn one_authority_does_not_wait_for_another() {
    for db in TestDb::each() {
        let timed = Timed::set_with(db, |authorities| {
            authorities.push(Authority { name: "gone".into(), url: "http://127.0.0.1:9".into(), ..authorities[0].clone() })
        })
        .await;
        timed.begin().await;
        let told = |events: &[serde_json::Value]| -> Vec<String> {
            events.iter().map(|e| format!("{} {}", e["action"].as_str().unwrap(), e["parts"]["detail"]["authority"].as_str().unwrap())).collect()
        };
        let mut events = told(&timed.events().await);
        events.sort();
        assert_eq!(events, ["timestamp.obtained demo", "timestamp.refused gone"]);
        let cast = timed.stage.cast().await;
        let counsel = timed.stage.person("counsel", &[Role::Counsel], "法务部").await;
        let (case, number) = timed.sealed(&cast).await;
        let app = &timed.stage.app;
        let found = evidence::find(app, &counsel.caller, &number).await.unwrap();
        let shown: Vec<_> = found.timestamps.iter().map(|t| (t.authority.as_str(), t.at.is_some(), t.refusal.as_deref())).collect();
        assert_eq!(shown, [("demo", true, None), ("gone", false, Some("unreachable"))]);
        // An export that is kept is stamped the same way; before its jobs have run it waits for both.
        timed.stage.clock.advance(Duration::from_secs(30));
        let wanted =
            evidence::export::Export {
                case, purpose: "劳动仲裁举证".into(), totp: timed.stage.code(&counsel), keep: true, ..Default::default()
            };
        let exported = evidence::export::export(app, &counsel.caller, wanted).await.unwrap().value;
        let find = async || evidence::find(app, &counsel.caller, &exported.number).await.unwrap().timestamps;
        assert!(find().await.iter().map(|t| (&*t.authority, t.at, t.refusal.as_deref())).eq([("demo", None, None), ("gone", None, None)]));
        let page = timed.stage.get(&counsel, &format!("/evidence/{}", exported.number)).await.body;
        assert!(page.contains("尚未取得"), "{page}");
        timed.stage.run().await;
        assert_eq!(find().await.iter().filter(|t| t.at.is_some()).count(), 1);
    }
}

/// What a job names may be gone, or never have been there.
#[actix_web::test]
async fn a_job_about_nothing_ends_and_one_that_cannot_be_read_is_an_error() {
    let timed = Timed::set(TestDb::one()).await;
    let app = &timed.stage.app;
    assert_eq!(timestamps::bundle::step(app, "demo", "no-bundle", "00").await.unwrap(), None);
    assert_eq!(timestamps::bundle::step(app, "nobody", "no-bundle", "00").await.unwrap(), None);
    assert_eq!(timestamps::checkpoint::step(app, "nobody").await.unwrap(), None);
    let cast = timed.stage.cast().await;
    timed.tsa.inject(Fault::Rejected, 99);
    let (_, number) = timed.sealed(&cast).await;
    let id = app.store.read(move |conn| countermand::store::bundles::find(conn, &number)).await.unwrap().unwrap().id;
    let asked = timed.tsa.count();
    assert!(timestamps::bundle::step(app, "demo", &id, "no hex").await.unwrap_err().to_string().contains("jobs.payload"));
    assert_eq!(timed.tsa.count(), asked, "nobody was asked");
    assert!(timestamps::bundle::step(app, "demo", &id, "00").await.unwrap().is_some(), "refused, and to be asked again");
    assert!(timestamps::bundle::tokens(app, &id, Vec::new()).await.unwrap().0.is_empty());
}

#[actix_web::test]
async fn metrics_tell_how_old_the_newest_timestamp_is() {
    let timed = Timed::set(TestDb::one()).await;
    let token = timed.stage.token(None, &["system.read"]).await;
    let metrics = async || {
        let client = reqwest::Client::new();
        client.get(format!("{}/metrics", timed.stage.base)).bearer_auth(&token).send().await.unwrap().text().await.unwrap()
    };
    let line = |text: &str, name: &str| text.lines().find(|l| l.starts_with(name)).unwrap_or_else(|| panic!("{name}: {text}")).to_owned();
    let name = "countermand_timestamp_seconds{authority=\"demo\"} ";
    assert_eq!(line(&metrics().await, name), format!("{name}0"));
    timed.tsa.inject(Fault::Rejected, 1);
    timed.begin().await;
    assert_eq!(line(&metrics().await, "countermand_timestamps_waiting "), "countermand_timestamps_waiting 1");
    timed.later(60).await;
    let text = metrics().await;
    assert_eq!(line(&text, "countermand_timestamps_waiting "), "countermand_timestamps_waiting 0");
    assert_eq!(line(&text, name), format!("{name}{}", timed.stage.app.now().unix_seconds()));
}

/// Each fault, once: recorded with its reason, asked again after a minute, obtained then.
#[actix_web::test]
async fn every_fault_is_recorded_once_shown_and_asked_again() {
    for db in TestDb::each() {
        let timed = Timed::set(db).await;
        let admin = timed.stage.person("admin", &[Role::SystemAdministrator], "信息部").await;
        timed.begin().await;
        for (fault, reason) in [
            (Fault::Rejected, "status"),
            (Fault::WrongNonce, "nonce"),
            (Fault::WrongImprint, "imprint"),
            (Fault::Garbage, "malformed"),
            (Fault::TooLong, "too_long"),
            (Fault::Error500, "unreachable"),
            (Fault::Expired, "validity"),
            (Fault::WrongPurpose, "purpose"),
            (Fault::BadSignature, "signature"),
            (Fault::BadDigest, "message_digest"),
            (Fault::OtherCertificate, "signing_certificate"),
            (Fault::NoCertificate, "no_certificate"),
            (Fault::TwoSigners, "signers"),
        ] {
            let (before, asked) = (timed.events().await.len(), timed.tsa.count());
            let size = timed.newest().await.unwrap().log_size;
            timed.something().await;
            timed.tsa.inject(fault, 2);
            timed.later(3601).await;
            let events = timed.events().await;
            assert_eq!(events.len(), before + 1, "{fault}");
            let last = events.last().unwrap();
            assert_eq!((last["action"].as_str(), last["outcome"].as_str()), (Some("timestamp.refused"), Some("failed")));
            assert_eq!(last["parts"]["detail"]["reason"], reason, "{fault}");
            assert_eq!(timed.newest().await.unwrap().log_size, size, "{fault}: nothing was taken");
            let page = timed.stage.get(&admin, "/settings").await.body;
            let words = countermand::i18n::Tr::new(countermand::i18n::Lang::ZhCn).word("timestamp-refusal", reason);
            assert!(page.contains("demo") && page.contains(&words), "{fault}: {page}");
            timed.later(59).await;
            assert_eq!(timed.tsa.count(), asked + 1, "{fault}: not within the minute");
            timed.later(1).await;
            assert_eq!((timed.tsa.count(), timed.events().await.len()), (asked + 2, before + 1), "{fault}: the same refusal is not told again");
            timed.later(119).await;
            assert_eq!(timed.tsa.count(), asked + 2, "{fault}: the pause grows");
            timed.later(1).await;
            let events = timed.events().await;
            assert_eq!((timed.tsa.count(), events.len()), (asked + 3, before + 2), "{fault}");
            assert_eq!(events.last().unwrap()["action"], "timestamp.obtained");
            assert!(timed.newest().await.unwrap().log_size > size, "{fault}: the newest checkpoint, not the one of the first try");
        }
        timed.something().await;
        timed.tsa.inject(Fault::Slow, 1);
        let before = timed.events().await.len();
        timed.later(3601).await;
        assert_eq!(timed.events().await.len(), before + 1, "slow is not refused");
        let page = timed.stage.get(&admin, "/settings").await.body;
        assert!(page.contains("条记录") && !page.contains("将重试）"), "{page}");
    }
}

#[actix_web::test]
async fn an_authority_that_is_silent_gone_or_inside_the_house_is_no_answer() {
    let tsa = Tsa::start_local(Arc::new(SystemClock)).unwrap();
    let (url, question) = (tsa.access().base_url.clone(), Query::new(b"x", None).to_der());
    let patience = Duration::from_millis(300);
    assert!(ask(&url, true, question.clone(), patience).await.is_ok());
    for (fault, expected) in [(Fault::Silent, NoAnswer::Late), (Fault::Error500, NoAnswer::Status(500)), (Fault::TooLong, NoAnswer::TooLong)] {
        tsa.inject(fault, 1);
        assert_eq!(ask(&url, true, question.clone(), patience).await, Err(expected), "{fault}");
    }
    assert!(matches!(ask(&url, false, question.clone(), patience).await, Err(NoAnswer::Address(_))), "loopback is inside");
    assert!(matches!(ask("http://localhost.:1/tsr", false, question.clone(), patience).await, Err(NoAnswer::Address(_))));
    drop(tsa);
    let gone = ask(&url, true, question.clone(), patience).await;
    assert!(matches!(gone, Err(NoAnswer::Unreachable(_))), "{gone:?}");
    let server = Fake::start(|_| b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n0\x03".to_vec());
    assert_eq!(ask(&server.base_url, true, question, patience).await, Err(NoAnswer::Cut));
}

#[actix_web::test]
async fn what_the_settings_no_longer_name_is_asked_no_more_and_a_root_that_went_is_told() {
    let timed = Timed::set(TestDb::one()).await;
    timed.begin().await;
    timed.something().await;
    std::fs::remove_file(timed.stage.app.store.data().join("demo.pem")).unwrap();
    timed.later(3601).await;
    assert_eq!(timed.events().await.last().unwrap()["parts"]["detail"]["reason"], "settings");
    let words = timed.events().await.last().unwrap()["parts"]["detail"]["words"].to_string();
    assert!(words.contains("demo.pem"), "{words}");
    timestamps::begin(&timed.stage.app).await.expect("a server starts all the same");
    let admin = timed.stage.person("admin", &[Role::SystemAdministrator], "信息部").await;
    let page = timed.stage.get(&admin, "/settings").await.body;
    assert!(page.contains("配置有误"), "{page}");
    let mut other = timed.stage.app.clone();
    let mut config = (*other.config).clone();
    std::fs::write(timed.stage.app.store.data().join("demo.pem"), &timed.tsa.access().root).unwrap();
    config.timestamp.authorities[0].policy = Some("one.two".into());
    other.config = Arc::new(config.clone());
    timestamps::begin(&other).await.expect("nor does a policy that is none hold it up");
    config.timestamp.authorities =
        vec![Authority { policy: Some("1.3.6.1.4.1.32473.7".into()), ..super::named("demo", &timed.tsa, timed.stage.app.store.data()) }];
    other.config = Arc::new(config.clone());
    timed.stage.clock.advance(Duration::from_secs(3600));
    countermand::jobs::run_due(&other).await.unwrap();
    assert_eq!(timed.newest().await.unwrap().state, "obtained", "the policy that was asked for");
    config.timestamp.authorities.clear();
    other.config = Arc::new(config);
    timed.something().await;
    timed.stage.clock.advance(Duration::from_secs(3601));
    let asked = timed.tsa.count();
    countermand::jobs::run_due(&other).await.unwrap();
    assert_eq!(timed.tsa.count(), asked);
    timed.stage.clock.advance(Duration::from_secs(7200));
    timed.stage.run().await;
    assert_eq!(timed.tsa.count(), asked, "its job has ended");
}

/// Where the hash of a token went with its part, the leaf still says that there is one: who takes the row away after a purge is found out.
#[actix_web::test]
async fn a_token_that_is_taken_away_after_a_purge_is_missed() {
    for db in TestDb::each() {
        let timed = Timed::set(db).await;
        timed.begin().await;
        let cast = timed.stage.cast().await;
        timed.sealed(&cast).await;
        let app = &timed.stage.app;
        timed.stage.clock.advance(Duration::from_secs(215 * 86_400));
        assert!(crate::retention::erase_all(&app.store, app.now()) > 0);
        let said = || app.store.verify(&Default::default()).unwrap().problems;
        assert_eq!(said(), [], "a purge is no theft");
        for subject in ["checkpoint", "bundle"] {
            let of = format!("subject = '{subject}' AND state = 'obtained'");
            timed.stage.db.execute(&format!("CREATE TABLE kept AS SELECT * FROM timestamps WHERE {of}; DELETE FROM timestamps WHERE {of}"));
            let found = said();
            let missed = |p: &countermand::store::verify::Problem| p.table == "timestamps" && p.index.is_some() && p.detail.contains("is missing");
            assert!(found.iter().any(|p| missed(p) && p.detail.contains(subject)), "{subject}: {found:?}");
            timed.stage.db.execute("INSERT INTO timestamps SELECT * FROM kept; DROP TABLE kept");
            assert_eq!(said(), []);
        }
    }
}
