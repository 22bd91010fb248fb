//! Tokens are renewed before their certificates run out: taken by the job, linked, shown, handed out with bundles, and judged by us, by the
//! commands that a bundle prints and by OpenSSL; what was not renewed in time is told, and never taken for sound.

mod late;

use std::sync::Arc;

use countermand::{
    app::{
        App, Caller, evidence,
        evidence::export::{Export, export},
        timestamps::{self, renewal},
    },
    clock::Instant,
    connect::emulator::tsa::Fault,
    domain::role::Role,
    evidence::{
        bundle::SIGNATURE,
        verify::{Answer, Outcome, Pin, verify},
        zip::{self, Files, Limits},
    },
    store::timestamps::{self as rows, TimestampRow},
};
use serde_json::Value;

use super::{Timed, bundle::told, openssl};
use crate::support::db::TestDb;

const DAY: u64 = 86_400;

impl Timed {
    /// So many days later, with a look at what happens.
    async fn days(&self, days: u64) {
        self.later(days * DAY).await;
    }

    async fn renewals(&self) -> Vec<Value> {
        let told = |e: &Value| matches!(e["action"].as_str(), Some("timestamp.renewed" | "timestamp.expiring"));
        self.events().await.into_iter().filter(told).collect()
    }

    /// Every token there is.
    async fn tokens(&self) -> Vec<TimestampRow> {
        let far = Instant(i64::MAX);
        let app = &self.stage.app;
        let open = app.store.read(move |conn| rows::ending(conn, Instant(0), far, 1000)).await.unwrap();
        let mut all = open.clone();
        all.extend(app.store.read(move |conn| rows::renewals_of(conn, &open)).await.unwrap());
        all
    }

    async fn settings(&self) -> String {
        let admin = self.stage.person(&countermand::id::fresh()[28..], &[Role::SystemAdministrator], "信息部").await;
        self.stage.get(&admin, "/settings").await.body
    }

    fn judge(&self, bytes: &[u8], now: Instant) -> Outcome {
        let app = &self.stage.app;
        let pins = [Pin::Log(app.store.vkey().unwrap()), Pin::Authorities(timestamps::roots(&app.config)), Pin::At(now)];
        verify(bytes, &pins, &Limits::default())
    }
}

fn of<'o>(outcome: &'o Outcome, name: &str, answer: Answer) -> Vec<&'o str> {
    outcome.checks.iter().filter(|c| c.name == name && c.result == answer).map(|c| c.file.as_str()).collect()
}

fn passes(outcome: &Outcome) {
    assert_eq!(outcome.result, Answer::Pass, "{:#?}", outcome.checks.iter().filter(|c| c.result != Answer::Pass).collect::<Vec<_>>());
}

#[actix_web::test]
async fn a_token_is_renewed_before_it_runs_out_and_counts_afterwards() {
    for db in TestDb::each() {
        let (timed, counsel, case, number) = Timed::stamped(db).await;
        let app = &timed.stage.app;
        let began = app.now();
        assert!(timed.settings().await.contains("最早到期"));

        timed.days(250).await;
        assert!(timed.renewals().await.is_empty(), "a hundred and sixteen days are left");
        timed.days(40).await;
        assert!(timed.renewals().await.is_empty(), "the authority's certificate is still the same, and there is time");
        timed.tsa.roll().unwrap();
        timed.days(1).await;
        let renewed = timed.renewals().await;
        assert_eq!(renewed.len(), 1, "{renewed:?}");
        let (event, detail) = (&renewed[0], &renewed[0]["parts"]["detail"]);
        assert_eq!((event["action"].as_str(), event["outcome"].as_str()), (Some("timestamp.renewed"), Some("success")));
        assert_eq!((event["subject"]["kind"].as_str(), detail["authority"].as_str()), (Some("timestamp"), Some("demo")));
        let list = timed.tokens().await.into_iter().find(|row| row.subject == rows::RENEWAL).expect("a renewal");
        assert_eq!(event["subject"]["id"].as_str(), Some(list.id.as_str()));
        assert_eq!(detail["stamped_sha256"], hex::encode(countermand::crypto::sha256(&list.stamped)));
        let lines = std::str::from_utf8(&list.stamped).unwrap().lines().count();
        assert_eq!(lines, 2 * usize::try_from(detail["tokens"].as_u64().unwrap()).unwrap() + 1, "two hashes each, and the bundle's root manifest");
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("root.pem"), &timed.tsa.access().root).unwrap();
        assert!(openssl::accepts(folder.path(), &list.stamped, &list.query, list.answer.as_ref().unwrap()), "another judge says the same");
        timed.days(1).await;
        assert_eq!(timed.renewals().await.len(), 1, "once");
        let page = timed.stage.get(&counsel, &format!("/evidence/{number}")).await.body;
        assert!(page.contains("续期，有效期至"), "{page}");

        let (_, handed) = evidence::again(app, &counsel.caller, &number).await.unwrap();
        let (folder, files) = zip::read(&handed, &Limits::default()).unwrap();
        assert!(files.contains_key("signatures/renewal/0001.sha256") && files.contains_key("signatures/renewal/0001.pem"));
        let said = told(&handed);
        assert_eq!((said.matches("Verification: OK").count(), said.matches("existed on").count()), (6, 3), "{said}");
        let later = began.plus(std::time::Duration::from_secs(400 * DAY));
        passes(&timed.judge(&handed, app.now()));
        let outcome = timed.judge(&handed, later);
        passes(&outcome);
        let anchor = files.keys().find(|p| p.contains("/anchors/") && p.ends_with(".tsr")).unwrap();
        let signature = format!("{SIGNATURE}.tsr");
        assert_eq!(of(&outcome, "timestamp_renewed", Answer::Pass), [anchor.as_str(), signature.as_str()]);

        // Without it, or with one that came too late, nobody can tell; one that was changed, or renews others, does not hold.
        let changed = |change: &dyn Fn(&mut Files)| {
            let mut files = files.clone();
            change(&mut files);
            timed.judge(&zip::write(&folder, &files).unwrap(), later)
        };
        let without = changed(&|f| f.retain(|p, _| !p.starts_with("signatures/renewal/")));
        assert_eq!((without.result, of(&without, "timestamp_renewed", Answer::Unknown).len()), (Answer::Unknown, 2));
        let much_later = timed.judge(&handed, began.plus(std::time::Duration::from_secs(1000 * DAY)));
        assert_eq!((much_later.result, of(&much_later, "timestamp_renewed", Answer::Unknown).len()), (Answer::Unknown, 3), "it has run out too");
        let name = "signatures/renewal/0001.sha256";
        let flip = |f: &mut Files, path: &str| f.get_mut(path).unwrap()[3] ^= 1;
        for (what, outcome, check, file) in [
            ("a hash", changed(&|f| flip(f, name)), "timestamp", &*format!("{name}.tsq")),
            ("no question", changed(&|f| drop(f.remove(&format!("{name}.tsq")))), "file_present", &*format!("{name}.tsq")),
            ("no answer", changed(&|f| drop(f.remove(&format!("{name}.tsr")))), "timestamp_renewal", name),
            ("no list", changed(&|f| drop(f.remove(name))), "file_present", name),
            ("no certificates", changed(&|f| drop(f.remove("signatures/renewal/0001.pem"))), "file_present", "signatures/renewal/0001.pem"),
            ("no list at all", changed(&|f| drop(f.insert(name.into(), b"here be hashes\n".to_vec()))), "timestamp_renewal", name),
            (
                "another name",
                changed(&|f| drop(f.insert("signatures/renewal/1.sha256".into(), Vec::new()))),
                "no_other_files",
                "signatures/renewal/1.sha256",
            ),
        ] {
            assert_eq!(outcome.result, Answer::Fail, "{what}");
            assert!(of(&outcome, check, Answer::Fail).contains(&file), "{what}: {:#?}", outcome.checks);
        }
        let other = changed(&|f| f.retain(|p, _| !p.starts_with(SIGNATURE) || p == SIGNATURE));
        assert_eq!(of(&other, "timestamp_renewal", Answer::Fail).len(), 0, "the stamped checkpoint is in the same list");

        // A bundle that is made now brings along what renewed its checkpoints.
        let wanted = Export { case, purpose: "劳动仲裁举证".into(), ..Export::default() };
        let made = export(app, &Caller::shell(), wanted).await.unwrap().value;
        assert!(made.verified, "{made:?}");
        let outcome = timed.judge(&made.bundle.bytes, later);
        passes(&outcome);
        told(&made.bundle.bytes);
        // The trail's own check looks at every token, and names what was changed past the product.
        let report = app.store.verify(&Default::default()).unwrap();
        assert!(report.ok && report.checked.timestamps >= 3, "{report:?}");
        let said = |sql: &str| {
            crate::keys::execute(&timed.stage.db, sql);
            let report = app.store.verify(&Default::default()).unwrap();
            report.problems.iter().map(|p| format!("{} {}", p.table, p.detail)).collect::<Vec<_>>().join("\n")
        };
        for (change, words, back) in [
            (
                "stamped_at = stamped_at + 1 WHERE subject = 'bundle'",
                "its times are not the token's",
                "stamped_at = stamped_at - 1 WHERE subject = 'bundle'",
            ),
            ("stamped = query WHERE subject = 'renewal'", "the question is about something else", ""),
            ("chain = NULL WHERE subject = 'bundle'", "its certificates are missing", ""),
            (
                "log_size = log_size + 1 WHERE subject = 'checkpoint'",
                "is none that was signed",
                "log_size = log_size - 1 WHERE subject = 'checkpoint'",
            ),
            ("renewed_by = 'nobody' WHERE subject = 'checkpoint'", "its renewal nobody is missing", ""),
        ] {
            let found = said(&format!("UPDATE timestamps SET {change}"));
            assert!(found.contains(words) && found.contains("timestamps "), "{words}: {found}");
            if !back.is_empty() {
                crate::keys::execute(&timed.stage.db, &format!("UPDATE timestamps SET {back}"));
            }
        }
        assert!(said("UPDATE timestamps SET renewed_by = (SELECT id FROM timestamps WHERE subject = 'renewal')").contains("does not cover it"));
    }
}

/// Years go by: a renewal is renewed in its turn, and a bundle carries the whole way.
#[actix_web::test]
async fn a_renewal_is_renewed_in_its_turn() {
    for db in TestDb::each() {
        let (timed, counsel, _, number) = Timed::stamped(db).await;
        for _ in 0..3 {
            timed.days(290).await;
            timed.tsa.roll().unwrap();
            timed.days(1).await;
        }
        let app = &timed.stage.app;
        let renewed = timed.renewals().await;
        assert!(renewed.len() >= 3 && renewed.iter().all(|e| e["action"] == "timestamp.renewed"), "{renewed:?}");
        let (_, handed) = evidence::again(app, &counsel.caller, &number).await.unwrap();
        let now = app.now();
        let outcome = timed.judge(&handed, now);
        passes(&outcome);
        assert!(of(&outcome, "timestamp_renewed", Answer::Pass).len() >= 3, "{:#?}", outcome.checks);
        let said = told(&handed);
        assert_eq!(said.matches("Verification: OK").count(), 2 * said.matches("existed on").count(), "{said}");
        // A link of the chain taken out.
        let (folder, mut files) = zip::read(&handed, &Limits::default()).unwrap();
        assert!(files.contains_key("signatures/renewal/0003.sha256"));
        files.retain(|p, _| !p.starts_with("signatures/renewal/0002."));
        let broken = timed.judge(&zip::write(&folder, &files).unwrap(), now);
        assert_ne!(broken.result, Answer::Pass);
        assert!(!of(&broken, "timestamp_renewed", Answer::Unknown).is_empty(), "{:#?}", broken.checks);
    }
}

#[actix_web::test]
async fn what_cannot_be_renewed_is_told_once_and_shown_until_it_is() {
    for db in TestDb::each() {
        let timed = Timed::set(db).await;
        timed.begin().await;
        timed.tsa.inject(Fault::Rejected, 1000);
        timed.days(320).await;
        assert!(timed.renewals().await.is_empty(), "forty-six days are left");
        timed.days(30).await;
        let told = timed.renewals().await;
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!((told[0]["action"].as_str(), told[0]["outcome"].as_str()), (Some("timestamp.expiring"), Some("failed")));
        assert_eq!((&told[0]["parts"]["detail"]["reason"], &told[0]["parts"]["detail"]["tokens"]), (&"status".into(), &1.into()));
        timed.later(120).await;
        timed.later(7200).await;
        assert_eq!(timed.renewals().await.len(), 1, "the same refusal is not told again");
        let page = timed.settings().await;
        assert!(page.contains("最早到期") && page.contains("时间戳机构拒绝签发（已请求"), "{page}");

        timed.tsa.inject(Fault::Rejected, 0);
        timed.later(7200).await;
        let told = timed.renewals().await;
        assert_eq!((told.len(), &told[1]["parts"]["detail"]["reason"]), (2, &"short_lived".into()), "another reason");
        assert!(timed.settings().await.contains("证书有效期不长于待续期的时间戳"));
        timed.tsa.roll().unwrap();
        timed.later(7200).await;
        let told = timed.renewals().await;
        assert_eq!((told.len(), told[2]["action"].as_str()), (3, Some("timestamp.renewed")));
        assert!(!timed.settings().await.contains("证书有效期不长于待续期的时间戳"));
        assert_eq!(told[2]["subject"], told[1]["subject"], "it is the renewal that was owed");
    }
}

/// A folder whose settings name nobody any more, and one that was not running while its tokens ran out.
#[actix_web::test]
async fn without_an_authority_it_is_told_and_what_ran_out_stays_so() {
    for db in TestDb::each() {
        let timed = Timed::set(db).await;
        timed.begin().await;
        let mut config = (*timed.stage.app.config).clone();
        config.timestamp.authorities.clear();
        let nobody = App { config: Arc::new(config), ..timed.stage.app.clone() };
        timed.stage.clock.advance(std::time::Duration::from_secs(350 * DAY));
        assert!(renewal::step(&nobody).await.unwrap().is_some());
        let told = timed.renewals().await;
        assert_eq!((told.len(), &told[0]["parts"]["detail"]["reason"]), (1, &"no_authority".into()));
        assert!(timed.settings().await.contains("没有配置可用于续期的时间戳机构"));

        timed.stage.clock.advance(std::time::Duration::from_secs(50 * DAY));
        timed.tsa.roll().unwrap();
        assert!(renewal::step(&timed.stage.app).await.unwrap().is_some());
        assert_eq!(timed.renewals().await.len(), 1, "too late");
        let page = timed.settings().await;
        assert!(page.contains("已过期") && page.contains("1 份时间戳"), "{page}");
    }
}

/// What an older version obtained says nothing of its end until the job has looked.
#[actix_web::test]
async fn tokens_of_an_older_version_are_looked_at() {
    for db in TestDb::each() {
        let timed = Timed::set(db).await;
        timed.begin().await;
        let before = timed.newest().await.unwrap();
        assert!(before.valid_until.is_some());
        crate::keys::execute(&timed.stage.db, "UPDATE timestamps SET valid_until = NULL");
        timed.days(1).await;
        assert_eq!(timed.newest().await.unwrap().valid_until, before.valid_until);
        crate::keys::execute(&timed.stage.db, "UPDATE timestamps SET valid_until = NULL, chain = 'no certificate'");
        timed.days(1).await;
        assert_eq!(timed.newest().await.unwrap().valid_until, Some(0), "nobody vouches for it");
    }
}
