//! Stories on both databases: tokens and signatures by certificates that were revoked, lists that cannot be had, lists from a file.

use countermand::{
    app::{
        Caller,
        evidence::{self, expiry, export, signing},
        timestamps,
    },
    connect::emulator::{
        signer::Issuer,
        tsa::{Fault, Whose},
    },
    crypto::{
        revocation::{List, Reason},
        signature::{FileKey, Signer, Suite, files},
    },
    domain::{alert::Rule, role::Role},
    evidence::{
        certificate::{P7S, Uncertified},
        revocation::{LATER_LISTS, SIGNER_LISTS, TSA_LISTS},
        verify::{Answer, Outcome, Pin, verify},
        zip::{self, Files, Limits},
    },
};
use serde_json::Value;

use super::DAY;
use crate::{
    alerts::House,
    support::{db::TestDb, log, process::Node},
    timestamps::{Timed, bundle::printed, openssl},
};

/// Takes in a certificate by the emulated authority, whose list lies with it.
async fn certify(timed: &Timed) {
    let key = FileKey::fresh().unwrap();
    let chain = timed.tsa.certify(key.public_key().clone()).unwrap();
    signing::import(&timed.stage.app, &Caller::shell(), Suite::Standard, &chain, Some(key.to_pem())).await.unwrap();
}

/// A case's bundle as the command line exports it, with its files.
async fn exported(timed: &Timed, case: &str) -> (export::Exported, Files) {
    let wanted = export::Export { case: case.to_owned(), purpose: "诉讼".to_owned(), ..export::Export::default() };
    let exported = export::export(&timed.stage.app, &Caller::shell(), wanted).await.unwrap().value;
    let files = zip::read(&exported.bundle.bytes, &Limits::default()).unwrap().1;
    (exported, files)
}

/// Judged with the installation's keys and roots, and `more`.
fn judge(timed: &Timed, bytes: &[u8], more: Vec<Pin>) -> Outcome {
    let app = &timed.stage.app;
    let own = [
        Pin::Log(app.store.vkey().unwrap()),
        Pin::Authorities(timestamps::roots(&app.config)),
        Pin::Signers(files::roots(app.store.data())),
        Pin::At(app.now()),
    ];
    verify(bytes, &own.into_iter().chain(more).collect::<Vec<_>>(), &Limits::default())
}

fn of(outcome: &Outcome) -> Vec<(Answer, &str, &str)> {
    outcome.checks.iter().filter(|c| c.name == "revocation").map(|c| (c.result, c.file.as_str(), c.actual.as_str())).collect()
}

fn detail(event: &Value) -> &Value {
    &event["parts"]["detail"]
}

#[actix_web::test]
async fn a_token_by_a_revoked_certificate_is_refused_with_the_reason() {
    for db in TestDb::each() {
        let timed = Timed::set(db).await;
        let admin = timed.stage.person("admin", &[Role::SystemAdministrator], "信息部").await;
        timed.begin().await;
        assert_eq!(detail(timed.events().await.last().unwrap())["revocation"], "good");
        let row = timed.newest().await.unwrap();
        assert_eq!(row.revocation.as_deref(), Some("good"));

        timed.tsa.revoke(Whose::Tsa, None, Reason::KeyCompromise).unwrap();
        timed.something().await;
        timed.later(3601).await;
        let events = timed.events().await;
        let last = events.last().unwrap();
        assert_eq!((last["action"].as_str(), last["outcome"].as_str()), (Some("timestamp.refused"), Some("failed")));
        let (reason, words) = (&detail(last)["reason"], detail(last)["words"].as_str().unwrap());
        assert_eq!(reason, "revoked");
        assert!(words.contains("DEMO Timestamp Authority") && words.contains("serial") && words.contains("key_compromise"), "{words}");
        assert_eq!(timed.newest().await.unwrap().log_size, row.log_size, "nothing was taken");
        let page = timed.stage.get(&admin, "/settings").await.body;
        assert!(page.contains("时间戳机构的证书已被吊销"), "{page}");
        timed.later(60).await;
        assert_eq!(timed.events().await.len(), events.len(), "told once");

        // Another certificate under the same root.
        timed.tsa.roll().unwrap();
        timed.later(3601).await;
        let last = timed.events().await.pop().unwrap();
        assert_eq!((last["action"].as_str(), detail(&last)["revocation"].as_str()), (Some("timestamp.obtained"), Some("good")));
        assert!(timed.stage.app.store.verify(&Default::default()).unwrap().ok);
    }
}

#[actix_web::test]
async fn a_list_that_cannot_be_had_stops_no_timestamp_and_is_told() {
    for db in TestDb::each() {
        let timed = Timed::set(db).await;
        let last = async || {
            timed.something().await;
            timed.later(3601).await;
            let last = timed.events().await.pop().unwrap();
            assert_eq!(last["action"], "timestamp.obtained");
            detail(&last)["revocation"].as_str().unwrap().to_owned()
        };
        for (fault, word) in [(Fault::ListGone, "unreachable"), (Fault::ListForged, "unusable"), (Fault::ListStale, "unusable")] {
            timed.tsa.inject(fault, 1);
            if timed.newest().await.is_none() {
                timed.begin().await;
                assert_eq!(detail(timed.events().await.last().unwrap())["revocation"], word, "{fault}");
            } else {
                assert_eq!(last().await, word, "{fault}");
            }
        }
        // A sealed bundle whose token came without: its page, and the answer of whoever verifies it.
        let cast = timed.stage.cast().await;
        let counsel = timed.stage.person("counsel", &[Role::Counsel], "法务部").await;
        timed.tsa.inject(Fault::ListGone, 99);
        let (_, number) = timed.sealed(&cast).await;
        let page = timed.stage.get(&counsel, &format!("/evidence/{number}")).await.body;
        assert!(page.contains("吊销状态无法判断：未能取得吊销列表"), "{page}");
        let (_, handed) = evidence::again(&timed.stage.app, &counsel.caller, &number).await.unwrap();
        let outcome = judge(&timed, &handed, vec![]);
        assert_eq!(outcome.result, Answer::Unknown, "{:#?}", of(&outcome));
        timed.tsa.inject(Fault::ListGone, 0);

        // One that is kept and still good counts.
        assert_eq!(last().await, "good");
        timed.tsa.inject(Fault::ListGone, 1);
        assert_eq!(last().await, "good");
        timed.tsa.inject(Fault::ListForged, 1);
        assert_eq!(last().await, "good");
        // What came to light since goes along with tokens of before.
        let (_, handed) = evidence::again(&timed.stage.app, &counsel.caller, &number).await.unwrap();
        let files = zip::read(&handed, &Limits::default()).unwrap().1;
        assert!(files.contains_key(LATER_LISTS) && !files.contains_key(TSA_LISTS), "{:?}", files.keys());
        let outcome = judge(&timed, &handed, vec![]);
        assert_eq!(outcome.result, Answer::Pass, "{:#?}", of(&outcome));
    }
}

#[actix_web::test]
async fn a_bundle_is_sealed_with_the_lists_of_its_day() {
    for db in TestDb::each() {
        let timed = Timed::set(db).await;
        timed.begin().await;
        certify(&timed).await;
        let cast = timed.stage.cast().await;
        let (case, _) = timed.sealed(&cast).await;
        let (exported, files) = exported(&timed, &case).await;
        assert!(exported.uncertified.is_none() && exported.missing.is_empty() && exported.verified);
        assert!(files.contains_key(SIGNER_LISTS) && files.contains_key(TSA_LISTS) && !files.contains_key(LATER_LISTS));
        let report: Value = serde_json::from_slice(&files["data/evidence.json"]).unwrap();
        assert_eq!(report["revocation"]["signer"], "good");
        let outcome = judge(&timed, &exported.bundle.bytes, vec![]);
        assert_eq!(outcome.result, Answer::Pass, "{:#?}", outcome.checks);
        let told = of(&outcome);
        assert!(told.len() == 3 && told.iter().all(|(answer, _, actual)| *answer == Answer::Pass && actual.starts_with("not revoked")), "{told:?}");
        // The program in the bundle knows the files, too.
        let folder = tempfile::tempdir().unwrap();
        crate::timestamps::bundle::unpack(&files, folder.path());
        openssl::done(folder.path(), "python3 data/tools/verify.py .");
        let script = printed(&files["data/VERIFY.en.md"], "### By certificate") + &printed(&files["data/VERIFY.en.md"], "`trust/signer.crl.pem`");
        let shown = openssl::done(folder.path(), &format!("exec 2>&1\n{script}"));
        assert_eq!(shown.matches("CAdES Verification successful").count(), 2, "{shown}");

        // The authority finds out that the key was lost before the bundle was signed: its next list fails the bundle.
        timed.tsa.revoke(Whose::Signer, Some(timed.stage.app.now().minus(DAY)), Reason::KeyCompromise).unwrap();
        expiry::begin(&timed.stage.app).await.unwrap();
        timed.stage.run().await;
        let kept = timed.stage.app.store.read(|conn| {
            use diesel::prelude::*;
            Ok(countermand::store::schema::revocation_lists::table
                .select(countermand::store::schema::revocation_lists::list)
                .load::<Vec<u8>>(conn)?)
        });
        let lists: Vec<List> = kept.await.unwrap().iter().map(|der| List::read(der).unwrap()).collect();
        let outcome = judge(&timed, &exported.bundle.bytes, vec![Pin::Lists(lists)]);
        let told = of(&outcome);
        let (_, _, actual) = told.iter().find(|(answer, file, _)| *answer == Answer::Fail && *file == P7S).unwrap_or_else(|| panic!("{told:?}"));
        assert!(outcome.result == Answer::Fail && actual.contains("DEMO Evidence Signer") && actual.contains("key_compromise"), "{actual}");
    }
}

#[actix_web::test]
async fn a_revoked_certificate_signs_nothing_and_is_told_once() {
    for db in TestDb::each() {
        let timed = Timed::set(db).await;
        certify(&timed).await;
        let cast = timed.stage.cast().await;
        let (case, _) = timed.sealed(&cast).await;
        assert!(exported(&timed, &case).await.0.uncertified.is_none());
        timed.tsa.revoke(Whose::Signer, None, Reason::Superseded).unwrap();
        let (refused, files) = exported(&timed, &case).await;
        assert_eq!(refused.uncertified, Some(Uncertified::Revoked));
        assert!(refused.verified && !files.contains_key(P7S) && !files.contains_key(SIGNER_LISTS));
        let info = String::from_utf8(files["bag-info.txt"].clone()).unwrap();
        assert!(info.contains("Certificate-Signature: none (certificate_revoked)\n"), "{info}");
        let app = &timed.stage.app;
        assert_eq!(signing::standing(app, Suite::Standard).await.unwrap().uncertified, Some(Uncertified::Revoked));
        let told = async || {
            let all = log::events_from(&app.store, 0).await;
            all.into_iter().filter(|e| e["action"] == "evidence_certificate.revoked").collect::<Vec<_>>()
        };
        let events = told().await;
        assert_eq!(events.len(), 1);
        let said = detail(&events[0]);
        let facts = signing::standing(app, Suite::Standard).await.unwrap().certificate.unwrap().0;
        assert!(said["serial"] == facts.serial && said["reason"] == "superseded" && said["since"].as_str().unwrap().starts_with("20"), "{said}");
        expiry::begin(app).await.unwrap();
        timed.stage.run().await;
        timed.later(86_400).await;
        assert_eq!(told().await.len(), 1, "told once");
        let exports = log::events_from(&app.store, 0).await;
        let last = exports.iter().rfind(|e| e["action"] == "evidence.exported").unwrap();
        assert_eq!(detail(last)["uncertified"], "certificate_revoked");
        certify(&timed).await;
        assert!(exported(&timed, &case).await.0.uncertified.is_none(), "another one signs");

        let house = House::on(timed.stage).await;
        house.pass().await;
        let alert = house.one(Rule::CertificateRevoked).await;
        let page = house.stage.get(&house.system, &format!("/alerts/{}", alert.id)).await;
        assert!(page.status == 200 && page.body.contains("证据签名证书已被签发机构吊销。"), "{}", page.body);
    }
}

#[actix_web::test]
async fn where_no_network_is_a_list_comes_from_a_file() {
    for db in TestDb::each() {
        let timed = Timed::set_with(db, Vec::clear).await;
        let cast = timed.stage.cast().await;
        let (case, _) = timed.sealed(&cast).await;
        let (app, folder) = (&timed.stage.app, tempfile::tempdir().unwrap());
        let node = Node { data: app.store.data().to_owned(), database: app.store.database().clone() };
        let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let run = |arguments: &[&str]| {
            let out = node.run(arguments);
            (out.status.code().unwrap(), String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned())
        };
        let export = |name: &str| {
            let said = node.json(&["evidence", "export", "--case", &case, "--out", &at(name), "--json"]);
            let files = zip::read(&std::fs::read(at(name)).unwrap(), &Limits::default()).unwrap().1;
            let report: Value = serde_json::from_slice(&files["data/evidence.json"]).unwrap();
            (said["certificate_signature"].as_bool().unwrap(), files, report)
        };
        // The command line goes by the machine's clock.
        let now = countermand::clock::Clock::now(&countermand::clock::SystemClock);
        let mut issuer = Issuer::fresh(now, None).unwrap();
        let key = FileKey::fresh().unwrap();
        std::fs::write(at("key.pem"), key.to_pem().as_bytes()).unwrap();
        std::fs::write(at("chain.pem"), issuer.issue(key.public_key().clone(), now, 30 * DAY).unwrap()).unwrap();
        assert_eq!(run(&["evidence", "key", "import", &at("chain.pem"), "--key", &at("key.pem")]).0, 0);
        let (signed, _, report) = export("without.zip");
        assert!(signed && report["revocation"]["signer"] == "unnamed", "{report:#}");
        let data = node.data.to_str().unwrap().to_owned();
        let (code, told) = run(&["evidence", "verify", &at("without.zip")]);
        assert!(code == 0 && told.contains("pass     revocation signatures/tagmanifest-sha256.txt.p7s: not shipped"), "{told}");
        let own = |name: &str, more: &[&str]| {
            let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_countermand"));
            let out = command.args(["evidence", "verify", "--json", &at(name), "--data", &data]).args(more).output().unwrap();
            (out.status.code().unwrap(), String::from_utf8_lossy(&out.stdout).into_owned())
        };
        assert_eq!(own("without.zip", &[]).0, 0, "as good as before");

        let import = |name: &str, list: Vec<u8>, more: &[&str]| {
            std::fs::write(at(name), list).unwrap();
            run(&[&["evidence", "crl", &at(name)], more].concat())
        };
        let stranger = Issuer::fresh(now, None).unwrap();
        let (code, why) = import("stranger.crl", stranger.list(now).unwrap(), &[]);
        assert!(code == 1 && why.contains("The signature of the list does not hold"), "{why}");
        let (code, why) = import("none.crl", b"<html>".to_vec(), &[]);
        assert!(code == 1 && why.contains("no usable revocation list"), "{why}");
        let (code, why) = import("later.crl", issuer.list(now.plus(20 * DAY)).unwrap(), &[]);
        assert!(code == 1 && why.contains("not good now"), "{why}");
        let tsa = countermand::connect::emulator::tsa::Authority::fresh(now).unwrap();
        let (code, why) = import("tsa.crl", tsa.list(now, None).unwrap(), &[]);
        assert!(code == 1 && why.contains("of no authority"), "{why}");
        assert_eq!(run(&["evidence", "crl", &at("missing.crl")]).0, 2);
        assert_eq!(own("without.zip", &["--crl", &at("none.crl")]).0, 2, "no list to verify with");
        assert_eq!(own("without.zip", &["--crl", &at("tsa.crl")]).0, 2, "of another authority");
        let good = List::read(&issuer.list(now).unwrap()).unwrap().pem();
        let (code, said) = import("good.crl", good.into_bytes(), &["--json"]);
        let facts: Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
        assert!(code == 0 && facts["entries"] == 0 && facts["issuer"].as_str().unwrap().contains("DEMO Evidence Root"), "{said}");
        assert_eq!(own("without.zip", &["--crl", &at("good.crl")]).0, 0);
        let (signed, files, report) = export("with.zip");
        assert!(signed && report["revocation"]["signer"] == "good" && files.contains_key(SIGNER_LISTS), "{report:#}");
        assert_eq!((own("with.zip", &[]).0, run(&["evidence", "key", "show"]).0), (0, 0));

        issuer.revoke(now.minus(DAY), Reason::AffiliationChanged, now).unwrap();
        let (code, said) = import("revoked.crl", issuer.list(now).unwrap(), &[]);
        assert!(code == 0 && said.contains("1 revoked, good from"), "{said}");
        let (code, why) = run(&["evidence", "key", "show"]);
        assert!(code == 1 && why.contains("its authority has revoked the certificate"), "{why}");
        assert!(!export("refused.zip").0);
        let (code, told) = own("with.zip", &["--crl", &at("revoked.crl")]);
        assert!(code == 1 && told.contains("affiliation_changed"), "{told}");
        let events = log::events_from(&app.store, 0).await;
        let imports: Vec<&str> =
            events.iter().filter(|e| e["action"] == "revocation_list.imported").map(|e| e["outcome"].as_str().unwrap()).collect();
        assert_eq!(imports, ["refused", "refused", "refused", "refused", "success", "success"]);
    }
}
