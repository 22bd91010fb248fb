//! The signature by a certificate: OpenSSL makes the authorities and judges what we sign, and nothing about a signature can be changed
//! without being found out.

use std::{path::Path, process::Command, time::Duration};

use countermand::{
    app::{
        Caller,
        evidence::{expiry, signing},
    },
    clock::Instant,
    connect::emulator::{signer, tsa::Authority},
    crypto::{
        signature::{Certified, Chain, FileKey, Refusal, Signer, Suite, cms},
        timestamp::Roots,
    },
    domain::alert::Rule,
    evidence::{
        bundle::{Bundle, ROOT_MANIFEST, build, build_certified},
        certificate::{P7S, SIGNER, Uncertified},
        verify::{Answer, Pin},
        zip::{self, Files, Limits},
    },
    jobs,
};

use crate::{
    alerts::House,
    recalls::stage::Stage,
    support::{
        case_sample as sample,
        db::TestDb,
        judged::{check, done, judge, made_at, roots, said, sh},
        process::Node,
    },
    timestamps::bundle::token,
};

const DAY: Duration = Duration::from_secs(86_400);

/// A certificate by the throwaway authority, beginning an hour before `now`.
fn certified(now: Instant, lasting: Duration) -> Certified {
    let key = FileKey::fresh().unwrap();
    let chain = Chain::from_pem(&signer::lasting(key.public_key().clone(), now, lasting).unwrap()).unwrap();
    Certified { key: key.into(), chain }
}

fn signed(by: &Certified) -> Bundle {
    build_certified(&sample::collected("x"), &sample::key(), Ok(by)).unwrap()
}

/// OpenSSL's judgement of a bundle's files, as its guide prints it.
pub fn openssl(files: &Files) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    for (path, bytes) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let guide = String::from_utf8(files["data/VERIFY.en.md"].clone()).unwrap();
    let chinese = String::from_utf8(files["data/VERIFY.zh-CN.md"].clone()).unwrap();
    let printed = |guide: &str, after: &str| {
        let rest = guide.split(after).nth(1).unwrap_or_else(|| panic!("{after}"));
        rest.split("```sh\n").nth(1).unwrap().split("```").next().unwrap().to_owned()
    };
    let commands = printed(&guide, "### By certificate");
    assert_eq!(commands, printed(&chinese, "### 数字证书签名"), "the same commands in both languages");
    sh(folder.path(), &commands)
}

#[test]
fn what_a_certificate_signed_is_judged_by_openssl_and_by_the_roots_that_are_pinned() {
    let by = certified(made_at(), 30 * DAY);
    let bundle = signed(&by);
    assert_eq!(bundle.files, signed(&by).files, "the same input gives the same bytes");
    let (good, told) = openssl(&bundle.files);
    assert!(good && told.contains("CAdES Verification successful") && told.contains("DEMO Evidence Root"), "{told}");

    let log = || Pin::Log(sample::vkey());
    let of = |pins: &[Pin]| {
        let outcome = judge(&bundle.files, pins);
        (outcome.result, said(&outcome, "certificate_signature").0.to_owned(), said(&outcome, "signer_root").0.to_owned())
    };
    let told = |result: Answer, root: &str| (result, "pass".to_owned(), root.to_owned());
    assert_eq!(of(&[]), told(Answer::Unknown, "unknown"));
    assert_eq!(of(&[log(), Pin::Signers(roots(&by))]), told(Answer::Pass, "pass"));
    assert_eq!(of(&[log(), Pin::Certificate(roots(&by))]), told(Answer::Pass, "pass"));
    assert_eq!(of(&[Pin::Certificate(roots(&by))]), told(Answer::Unknown, "pass"), "the log's key is another question");
    assert_eq!(of(&[log()]), told(Answer::Pass, "pass"), "the log vouches");
    let outcome = judge(&bundle.files, &[log()]);
    assert!(said(&outcome, "signer_root").1.starts_with("the log's word for"), "{outcome:?}");
    let stranger = certified(made_at(), 30 * DAY);
    assert_eq!(of(&[log(), Pin::Certificate(roots(&stranger))]), told(Answer::Fail, "fail"), "a root of this name with another key");
    let tsa = Authority::fresh(made_at()).unwrap();
    let tsa = Pin::Certificate(Roots::from_pem(&tsa.root_pem()).unwrap());
    assert_eq!(of(&[log(), tsa.clone()]), told(Answer::Unknown, "unknown"), "whoever pins a root wants that root, not the log's word");
    assert_eq!(of(&[tsa]), told(Answer::Unknown, "unknown"));
}

#[test]
fn every_way_to_touch_a_signature_is_found_out() {
    let by = certified(made_at(), 30 * DAY);
    let bundle = signed(&by);
    let manifest = &bundle.files[ROOT_MANIFEST];
    for at in 0..bundle.files[P7S].len() {
        let mut p7s = bundle.files[P7S].clone();
        p7s[at] ^= 1;
        if let Ok(opened) = cms::open(&p7s, manifest) {
            assert_ne!(opened.certificates, cms::open(&bundle.files[P7S], manifest).unwrap().certificates, "byte {at} may be changed");
            let outcome = check(&Files::from_iter(bundle.files.clone().into_iter().chain([(P7S.to_owned(), p7s)])), &by, made_at());
            assert_eq!(said(&outcome, "certificate_signature").0, "fail", "byte {at}");
        }
    }
    let touched = |change: &dyn Fn(&mut Files)| {
        let mut files = bundle.files.clone();
        change(&mut files);
        let outcome = check(&files, &by, made_at());
        assert_eq!(outcome.result, Answer::Fail);
        let first = outcome.checks.iter().find(|c| c.result == Answer::Fail && (c.name.contains("sign") || c.file == P7S)).unwrap();
        (first.name, first.file.clone(), first.actual.clone(), openssl(&files).0)
    };
    let other = certified(made_at(), 30 * DAY);
    let put = |files: &mut Files, p7s: Vec<u8>| drop(files.insert(P7S.to_owned(), p7s));
    // The signature stands last. OpenSSL takes the root from its own file, so that a byte of the copy in here is for us alone to find.
    let (name, file, actual, good) = touched(&|f| *f.get_mut(P7S).unwrap().last_mut().unwrap() ^= 0x40);
    assert!(name == "certificate_signature" && file == P7S && actual == Refusal::Signature.to_string() && !good, "a flipped byte: {actual}");
    let (name, file, actual, _) = touched(&|f| f.get_mut(P7S).unwrap()[700] ^= 0x40);
    assert!(name == "certificate_signature" && file == P7S && !actual.is_empty(), "a byte of a certificate: {actual}");
    let (name, _, actual, good) = touched(&|f| put(f, cms::sign(manifest, made_at(), &other.chain, &other.key).unwrap()));
    assert!(name == "certificate_signature" && actual.contains("DEMO Evidence Signer") && !good, "another signer: {actual}");
    let (name, _, actual, good) = touched(&|f| put(f, cms::sign(manifest, made_at(), &by.chain, &other.key).unwrap()));
    assert!(name == "certificate_signature" && actual == Refusal::Signature.to_string() && !good, "another key: {actual}");
    let (name, _, actual, good) = touched(&|f| put(f, cms::sign(b"other", made_at(), &by.chain, &by.key).unwrap()));
    assert!(name == "certificate_signature" && actual == Refusal::Content.to_string() && !good, "over another file: {actual}");
    let (name, file, _, good) = touched(&|f| drop(f.remove(P7S)));
    assert!(name == "file_present" && file == P7S && !good, "a signature that is gone: {name}");
    let (name, file, _, _) = touched(&|f| drop(f.insert(SIGNER.to_owned(), other.chain.signer_pem().into_bytes())));
    assert!(name == "signer_certificate" && file == SIGNER, "a swapped certificate: {name} {file}");
    // One that nobody speaks of.
    let plain = build(&sample::collected("x"), &sample::key()).unwrap();
    let mut files = plain.files.clone();
    files.insert(P7S.to_owned(), cms::sign(&plain.files[ROOT_MANIFEST], made_at(), &by.chain, &by.key).unwrap());
    assert_eq!(said(&check(&files, &by, made_at()), "certificate_signature"), ("fail", "added"));
}

#[test]
fn a_certificate_that_had_run_out_signs_nothing_and_one_that_ran_out_since_needs_a_timestamp() {
    let early = certified(made_at().minus(40 * DAY), 30 * DAY);
    let outcome = check(&signed(&early).files, &early, made_at());
    let (result, why) = said(&outcome, "signer_validity");
    assert!(result == "fail" && why.contains("signed at") && why.contains("was not valid then"), "{why}");
    let by = certified(made_at(), 30 * DAY);
    let outcome = check(&signed(&by).files, &by, made_at().plus(40 * DAY));
    let (result, why) = said(&outcome, "signer_validity");
    assert!(result == "unknown" && why.contains("has run out"), "{why}");
    assert_eq!(outcome.result, Answer::Unknown);

    // A token in time proves it; one that anybody had made afterwards proves nothing and takes nothing away.
    let authority = Authority::fresh(made_at()).unwrap();
    let mut collected = sample::collected("x");
    collected.authorities = authority.root_pem();
    let tsa = Roots::from_pem(&authority.root_pem()).unwrap();
    for (days, result) in [(1, Answer::Pass), (35, Answer::Unknown)] {
        let bundle = build_certified(&collected, &sample::key(), Ok(&by)).unwrap();
        let token = token(&authority, &bundle.files[P7S], made_at().plus(days * DAY));
        let stamped = bundle.with(&[token]).unwrap();
        let now = Pin::At(made_at().plus(40 * DAY));
        let outcome = judge(&stamped.files, &[Pin::Log(sample::vkey()), Pin::Signers(roots(&by)), Pin::Authorities(tsa.clone()), now]);
        assert_eq!((said(&outcome, "signer_validity").0, outcome.result), (result.as_str(), result), "{days}: {:#?}", outcome.checks);
    }
}

#[test]
fn a_bundle_without_a_certificate_says_so_on_its_face() {
    for why in Uncertified::ALL {
        let bundle = build_certified(&sample::collected("x"), &sample::key(), Err(*why)).unwrap();
        let text = |path: &str| String::from_utf8(bundle.files[path].clone()).unwrap();
        assert!(text("bag-info.txt").contains(&format!("Certificate-Signature: none ({why})\n")));
        assert!(
            text("data/VERIFY.en.md").contains("bears no certificate-based signature")
                && text("data/VERIFY.zh-CN.md").contains("没有基于数字证书的签名")
        );
        let report: serde_json::Value = serde_json::from_str(&text("data/evidence.json")).unwrap();
        assert_eq!((report["unsigned"].as_str(), report["signer"].is_null()), (Some(why.as_str()), true));
        assert!(report["limits"].to_string().contains("bears no certificate-based signature"));
        let outcome = judge(&bundle.files, &[Pin::Log(sample::vkey())]);
        assert_eq!((outcome.result, said(&outcome, "certificate_signature").1), (Answer::Pass, format!("none: {why}").as_str()));
    }
}

/// An authority of OpenSSL's, with one between; `sign CSR USAGE DAYS OUT` gives a certificate.
pub const AUTHORITY: &str = r#"
openssl req -x509 -newkey rsa:2048 -nodes -keyout root.key -out root.pem -days 900 -subj "/O=Example CA/CN=Example Root" 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout between.key -out between.csr -subj "/O=Example CA/CN=Example Between" 2>/dev/null
openssl x509 -req -in between.csr -CA root.pem -CAkey root.key -days 800 -out between.pem \
  -extfile <(printf 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign') 2>/dev/null
"#;

pub fn certificate(folder: &Path, request: &str, usage: &str, out: &str) {
    let script = format!(
        "openssl x509 -req -in {request} -CA between.pem -CAkey between.key -days 300 -out {out}.only \
         -extfile <(printf 'keyUsage=critical,{usage}') && cat {out}.only between.pem root.pem > {out}"
    );
    done(folder, &script);
}

#[actix_web::test]
async fn a_certificate_is_asked_for_taken_in_and_replaced() {
    for db in TestDb::each() {
        let stage = Stage::set_with(db, |_| {}, |_, _| {}).await;
        let cast = stage.cast().await;
        let case = stage.approved(&cast).await;
        stage.settle(4, 5).await;
        let store = &stage.app.store;
        let node = Node { data: store.data().to_owned(), database: store.database().clone() };
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let run = |arguments: &[&str]| {
            let out = node.run(arguments);
            (out.status.code().unwrap(), format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr)))
        };
        let export = |name: &str| {
            let said = node.json(&["evidence", "export", "--case", &case, "--out", &at(name), "--json"]);
            let files = zip::read(&std::fs::read(at(name)).unwrap(), &Limits::default()).unwrap().1;
            (said["certificate_signature"].as_bool().unwrap(), files)
        };
        let verify = |name: &str, more: &[&str]| {
            let out = Command::new(env!("CARGO_BIN_EXE_countermand")).args(["evidence", "verify", "--json", &at(name)]).args(more).output().unwrap();
            (out.status.code().unwrap(), serde_json::from_slice::<serde_json::Value>(&out.stdout).unwrap())
        };
        let data = node.data.to_str().unwrap().to_owned();

        // Nothing signs yet, and everything says so.
        assert_eq!(run(&["evidence", "key", "show"]).0, 1);
        let (certified, files) = export("before.zip");
        assert!(!certified && !files.contains_key(P7S));
        let (code, why) = run(&["evidence", "export", "--case", &case, "--out", &at("said.zip")]);
        assert!(code == 0 && why.contains("without a signature by certificate: no certificate was imported"), "{why}");
        assert!(run(&["evidence", "key", "import", &at("none.pem")]).0 == 2);
        done(folder.path(), AUTHORITY);
        let (code, why) = run(&["evidence", "key", "import", &at("root.pem")]);
        assert!(code == 1 && why.contains("No key waits"), "{why}");

        assert!(run(&["evidence", "key", "request", "--subject", "nonsense"]).1.contains("This is not a name like"));
        let (code, why) = run(&["evidence", "key", "request"]);
        assert!(code == 1 && why.contains("--subject: This is not a name like"), "no company in the settings either: {why}");
        assert_eq!(run(&["evidence", "key", "request", "--subject", "CN=Example Evidence,O=Example,C=CN", "--out", &at("a.csr")]).0, 0);
        done(folder.path(), "openssl req -in a.csr -noout -verify -text | grep -q 'Digital Signature, Non Repudiation'");
        let subject = done(folder.path(), "openssl req -in a.csr -noout -subject -nameopt RFC2253");
        assert_eq!(subject.trim(), "subject=CN=Example Evidence,O=Example,C=CN");
        let again = run(&["evidence", "key", "request", "--subject", "CN=Example Evidence,O=Example,C=CN"]).1;
        assert_eq!(again, std::fs::read_to_string(at("a.csr")).unwrap(), "the same key until there is a certificate");
        let mode = |name: &str| {
            use std::os::unix::fs::PermissionsExt;
            node.data.join(name).metadata().unwrap().permissions().mode() & 0o777
        };
        assert_eq!(mode("keys/evidence.key.new"), 0o600);

        // What is no chain for this key, or must not sign.
        certificate(folder.path(), "a.csr", "digitalSignature,nonRepudiation", "good.pem");
        certificate(folder.path(), "a.csr", "keyEncipherment", "usage.pem");
        certificate(folder.path(), "a.csr", "digitalSignature\\nextendedKeyUsage=critical,serverAuth", "tls.pem");
        certificate(folder.path(), "a.csr", "nonRepudiation\\nextendedKeyUsage=clientAuth,1.3.6.1.5.5.7.3.36", "documents.pem");
        done(folder.path(), "openssl req -newkey rsa:2048 -nodes -keyout rsa.key -out rsa.csr -subj /CN=Other 2>/dev/null");
        certificate(folder.path(), "rsa.csr", "digitalSignature", "rsa.pem");
        done(folder.path(), "cat good.pem.only between.pem > noroot.pem; cat good.pem.only root.pem between.pem > order.pem");
        done(
            folder.path(),
            "openssl x509 -req -in a.csr -CA root.pem -CAkey root.key -not_before 20200101000000Z -not_after 20210101000000Z -out old.only \
             -extfile <(echo keyUsage=digitalSignature) 2>/dev/null || openssl x509 -req -in a.csr -CA root.pem -CAkey root.key -days -1 -out old.only \
             -extfile <(echo keyUsage=digitalSignature); cat old.only root.pem > old.pem",
        );
        for (file, words) in [
            ("usage.pem", "its key usage must say digitalSignature"),
            ("tls.pem", "an extended key usage, if there is one, documentSigning"),
            ("rsa.pem", "another key than the one that was requested"),
            ("noroot.pem", "not a root"),
            ("order.pem", "Certificate number 1 is not signed by the next one"),
            ("old.pem", "Not valid now"),
            ("a.csr", "no certificate in PEM"),
        ] {
            let (code, why) = run(&["evidence", "key", "import", &at(file)]);
            assert!(code == 1 && why.contains(words), "{file}: {why}");
            assert_eq!(run(&["evidence", "key", "show"]).0, 1, "{file}");
        }

        // Taken in: it signs, OpenSSL agrees, and the installation knows its own.
        done(folder.path(), "cat documents.pem root.pem > twice.pem");
        let facts = node.json(&["evidence", "key", "import", &at("twice.pem"), "--json"]);
        assert_eq!(facts["subject"], "CN=Example Evidence,O=Example,C=CN");
        assert!(mode("keys/evidence.pem") == 0o600 && !node.data.join("keys/evidence.key.new").exists());
        let (certified, files) = export("first.zip");
        let (good, told) = openssl(&files);
        assert!(certified && good && told.contains("Example Evidence"), "{told}");
        let vkey = String::from_utf8(node.run(&["ledger", "checkpoint", "--vkey"]).stdout).unwrap();
        let (code, said) = verify("first.zip", &["--data", &data]);
        assert_eq!(code, 0, "{said:#}");
        assert_eq!(verify("first.zip", &["--log-key", vkey.trim(), "--root", &at("root.pem")]).0, 0);
        assert_eq!(verify("first.zip", &["--root", &at("root.pem")]).0, 2, "the log's key is unknown");
        assert_eq!(verify("first.zip", &[]).0, 2);

        // A key from elsewhere takes its place, RSA; what was signed before stays good.
        done(folder.path(), "openssl pkcs8 -topk8 -nocrypt -in rsa.key -out rsa.pk8");
        assert!(run(&["evidence", "key", "import", &at("rsa.pem"), "--key", &at("root.pem")]).1.contains("holds no key that can sign"));
        node.json(&["evidence", "key", "import", &at("rsa.pem"), "--key", &at("rsa.pk8"), "--json"]);
        let (certified, files) = export("second.zip");
        let (good, told) = openssl(&files);
        assert!(certified && good && told.contains("CN = Other"), "{told}");
        for name in ["before.zip", "first.zip", "second.zip"] {
            let (code, said) = verify(name, &["--data", &data]);
            assert_eq!(code, 0, "{name}: {said:#}");
        }
        let shown = node.json(&["evidence", "key", "show", "--json"]);
        assert_eq!((shown["signs"].as_bool(), shown["certificate"]["subject"].as_str()), (Some(true), Some("CN=Other")));

        // Without the file nothing signs, and that is said.
        std::fs::rename(node.data.join("keys/evidence.pem"), folder.path().join("away.pem")).unwrap();
        let (_, why) = run(&["evidence", "export", "--case", &case, "--out", &at("missing.zip")]);
        assert!(why.contains("keys/evidence.pem is not the certificate"), "{why}");
        std::fs::rename(folder.path().join("away.pem"), node.data.join("keys/evidence.pem")).unwrap();
        let secret: String = std::fs::read_to_string(node.data.join("keys/evidence.pem")).unwrap().lines().nth(1).unwrap().to_owned();
        let events = crate::support::log::events_from(store, 0).await;
        let imported = events.iter().filter(|e| e["action"] == "evidence_certificate.imported").count();
        assert_eq!(imported, 2 + 7 + 1 + 1, "those that were refused too");
        assert!(!serde_json::to_string(&events).unwrap().contains(&secret));
    }
}

#[actix_web::test]
async fn whose_certificate_runs_out_is_told_a_month_and_a_week_before_and_at_the_end() {
    for db in TestDb::each() {
        let house = House::set(db).await;
        let app = house.app();
        expiry::begin(app).await.unwrap();
        let told = async || {
            jobs::run_due(app).await.unwrap();
            let events = crate::support::log::events_from(&app.store, 0).await;
            let told = events.into_iter().filter(|e| e["action"] == "evidence_certificate.expiring");
            told.map(|e| e["parts"]["detail"]["days"].as_u64().unwrap()).collect::<Vec<_>>()
        };
        assert!(told().await.is_empty(), "there is none");
        let take = async |lasting: Duration| {
            let by = certified(app.now(), lasting);
            signing::import(app, &Caller::shell(), Suite::Standard, &by.chain.pem(), Some(by.key.file().unwrap().to_pem())).await.unwrap();
        };
        take(100 * DAY).await;
        let steps = [30, 7, 0];
        for (days, so_far) in [(1, 0), (68, 0), (2, 1), (1, 1), (22, 2), (3, 2), (5, 3), (9, 3)] {
            house.minutes(days * 24 * 60);
            assert_eq!(told().await, steps[..so_far], "{days} days later");
        }
        house.pass().await;
        let alerts = house.of(Rule::CertificateExpiring).await;
        assert_eq!(alerts.len(), 3, "{alerts:?}");
        let page = house.stage.get(&house.system, &format!("/alerts/{}", alerts[0].id)).await;
        assert!(page.status == 200 && page.body.contains("证据签名证书即将到期或已经到期。"), "{}", page.body);
        take(10 * DAY).await;
        house.minutes(24 * 60);
        assert_eq!(told().await, [30, 7, 0, 30], "another one begins anew");
    }
}
