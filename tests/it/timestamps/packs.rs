//! An auditor's pack carries tokens over its signature; without an authority it says that there is none.

use countermand::{
    app::{
        Caller,
        audits::{NewAudit, open, packs},
        timestamps,
    },
    connect::emulator::tsa::{Authority, Fault},
    crypto::timestamp::Roots,
    evidence::{
        bundle::SIGNATURE,
        verify::{Answer, Outcome, Pin, verify},
        zip::{self, Limits},
    },
};

use super::{Timed, bundle::printed, openssl};
use crate::{
    audits::stage::{company, day, python},
    support::db::TestDb,
};

fn of<'o>(outcome: &'o Outcome, name: &str) -> Vec<(Answer, &'o str)> {
    outcome.checks.iter().filter(|c| c.name == name).map(|c| (c.result, c.actual.as_str())).collect()
}

#[actix_web::test]
async fn a_pack_is_stamped_and_goes_out_without_one_too() {
    for db in TestDb::each() {
        let timed = Timed::set(db).await;
        let (stage, app) = (&timed.stage, &timed.stage.app);
        timed.begin().await;
        let cast = stage.cast().await;
        timed.sealed(&cast).await;
        let (from, to) = (day(stage, 0), day(stage, 0));
        timed.later(86_400 + 700).await;
        let new = NewAudit { title: "时间戳审计".into(), from, to, sample_size: "1".into(), seed: "audit-2026".into(), ..NewAudit::default() };
        let audit = open(app, &Caller::shell(), new).await.unwrap().value;
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("pack.zip");
        let before = timed.events().await.len();
        let made = packs::export_to(app, &Caller::shell(), &audit.id, &out).await.unwrap();
        assert_eq!((made.value.verified, made.value.timestamps(), made.value.missing.len()), (Some(true), 1, 0));
        let events = timed.events().await;
        let told = events.last().unwrap();
        assert_eq!(
            (events.len(), told["action"].as_str(), told["subject"]["kind"].as_str()),
            (before + 1, Some("timestamp.obtained"), Some("audit"))
        );
        let all = crate::support::log::events_from(&app.store, 0).await;
        let exported = all.iter().rfind(|e| e["action"] == "audit_pack.exported").unwrap();
        assert_eq!(exported["id"].as_str(), made.receipt.map(|r| r.event.to_string()).as_deref(), "the receipt is the export's");

        let bytes = std::fs::read(&out).unwrap();
        assert_eq!(exported["parts"]["detail"]["sha256"], hex::encode(countermand::crypto::sha256(&bytes)));
        let trusted = timestamps::roots(&app.config);
        let judge = |bytes: &[u8], roots: Roots| {
            let pins = [Pin::Log(app.store.vkey().unwrap()), Pin::Certificate(roots), Pin::At(app.now())];
            verify(bytes, &pins, &Limits::default())
        };
        let outcome = judge(&bytes, trusted.clone());
        assert_eq!(outcome.result, Answer::Pass, "{:#?}", outcome.checks.iter().filter(|c| c.result != Answer::Pass).collect::<Vec<_>>());
        assert_eq!((of(&outcome, "timestamps"), of(&outcome, "timestamp_authorities")), (vec![(Answer::Pass, "1")], vec![(Answer::Pass, "demo")]));
        let stranger = Roots::from_pem(&Authority::fresh(app.now()).unwrap().root_pem()).unwrap();
        assert_eq!(judge(&bytes, stranger).result, Answer::Unknown);
        assert!(python(&bytes).0, "{}", python(&bytes).1);

        // OpenSSL, by the commands that the pack prints.
        let (name, files) = zip::read(&bytes, &Limits::default()).unwrap();
        for (path, content) in &files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let commands = printed(&files["data/VERIFY.en.md"], "### Timestamps");
        assert_eq!(commands, printed(&files["data/VERIFY.zh-CN.md"], "### 第三方的可信时间戳"), "the same commands in both languages");
        let said = openssl::done(folder.path(), &format!("exec 2>&1\n{commands}"));
        assert_eq!((said.matches("Verification: OK").count(), said.matches("existed on").count()), (1, 1), "{said}");
        assert!(String::from_utf8_lossy(&files["data/report.html"]).contains("demo；时间戳对应"));
        let mut other = files.clone();
        let token = format!("{SIGNATURE}.tsr");
        let middle = other[&token].len() / 2;
        other.get_mut(&token).unwrap()[middle] ^= 1;
        assert_eq!(of(&judge(&zip::write(&name, &other).unwrap(), trusted.clone()), "timestamp")[0].0, Answer::Fail);

        // The authority says no: the pack goes out all the same, and the event says what is missing.
        timed.tsa.inject(Fault::Rejected, 1);
        let made = packs::export_to(app, &Caller::shell(), &audit.id, &out).await.unwrap().value;
        assert_eq!((made.timestamps(), made.verified), (0, Some(true)));
        assert!(made.missing[0].starts_with("demo: the authority said no"), "{:?}", made.missing);
        let all = crate::support::log::events_from(&app.store, 0).await;
        let exported = all.iter().rfind(|e| e["action"] == "audit_pack.exported").unwrap();
        assert_eq!(exported["parts"]["detail"]["timestamps_missing"][0].as_str(), Some(made.missing[0].as_str()));
        let outcome = judge(&std::fs::read(&out).unwrap(), trusted);
        assert_eq!((outcome.result, of(&outcome, "timestamps")), (Answer::Unknown, vec![(Answer::Pass, "none")]), "somebody asked for one");

        // A pack that a job makes is stamped the same way.
        let auditor = stage.person("auditor", &[countermand::domain::role::Role::Auditor], "审计部").await;
        let code = stage.code(&auditor);
        let pack = packs::request(app, &auditor.caller, &audit.id, &code).await.unwrap().value;
        stage.run().await;
        let events = timed.events().await;
        assert_eq!(events.last().unwrap()["subject"]["id"].as_str(), Some(pack.as_str()));
        let report = app.store.verify(&Default::default()).unwrap();
        assert!(report.ok, "{report:?}");
    }
}

#[actix_web::test]
async fn without_an_authority_the_pack_says_so() {
    let (stage, _, _) = company(TestDb::one()).await;
    let audit = crate::audits::stage::audit(&stage, crate::audits::stage::wanted(&stage)).await;
    let folder = tempfile::tempdir().unwrap();
    let bytes = crate::audits::stage::pack(&stage, &audit, &folder.path().join("pack.zip")).await;
    let outcome = crate::audits::stage::check(&stage, &bytes);
    assert_eq!(of(&outcome, "timestamp_authorities"), [(Answer::Pass, "no authority configured")]);
    assert_eq!(of(&outcome, "timestamps"), [(Answer::Pass, "none")]);
    let (_, files) = zip::read(&bytes, &Limits::default()).unwrap();
    assert!(String::from_utf8_lossy(&files["data/report.html"]).contains("未配置时间戳机构"));
    assert!(!files.keys().any(|p| p.starts_with("trust/tsa-")));
}
