//! Bundles with lists: by our own check, and by the commands that they print.

use countermand::{
    clock::Instant,
    connect::emulator::{
        signer::Issuer,
        tsa::{Authority, Fault},
    },
    crypto::{
        revocation::{List, Reason},
        signature::{Certified, Chain, FileKey, Signer},
        timestamp::Roots,
    },
    evidence::{
        bundle::{Bundle, build_certified},
        certificate::P7S,
        collected::Revocation,
        revocation::{Known, LATER_LISTS, SIGNER_LISTS, TSA_LISTS, Why},
        verify::{Answer, Outcome, Pin, verify},
        zip::{self, Files, Limits},
    },
};

use super::DAY;
use crate::{
    support::case_sample as sample,
    timestamps::{
        bundle::{anchored, printed, token, unpack},
        openssl,
    },
};

fn made_at() -> Instant {
    sample::collected("x").issue.made_at
}

/// A signer with the authority that can take its certificate back.
fn signer() -> (Issuer, Certified) {
    let mut issuer = Issuer::fresh(made_at(), Some("http://crl.example.com/signer.crl".into())).unwrap();
    let key = FileKey::fresh().unwrap();
    let chain = Chain::from_pem(&issuer.issue(key.public_key().clone(), made_at(), 30 * DAY).unwrap()).unwrap();
    (issuer, Certified { key: key.into(), chain })
}

fn pem(list: &[u8]) -> String {
    List::read(list).unwrap().pem()
}

/// A bundle of which this was known.
fn signed(by: &Certified, known: Known) -> Bundle {
    let mut collected = sample::collected("x");
    collected.revocation = Some(Revocation { signer: Some(known) });
    build_certified(&collected, &sample::key(), Ok(by)).unwrap()
}

fn judge(files: &Files, pins: Vec<Pin>) -> Outcome {
    let pins: Vec<Pin> = [Pin::Log(sample::vkey()), Pin::At(made_at().plus(DAY))].into_iter().chain(pins).collect();
    verify(&zip::write(&sample::collected("x").number, files).unwrap(), &pins, &Limits::default())
}

/// What was said of revocation, and the whole answer.
fn said(outcome: &Outcome) -> (Answer, Vec<(Answer, String, String)>) {
    let checks = outcome.checks.iter().filter(|c| c.name == "revocation");
    (outcome.result, checks.map(|c| (c.result, c.file.clone(), c.actual.clone())).collect())
}

/// The one answer about the signer.
fn of_signer(files: &Files, pins: Vec<Pin>) -> (Answer, Answer, String) {
    let (result, told) = said(&judge(files, pins));
    let [(answer, _, actual)] = <[_; 1]>::try_from(told.into_iter().filter(|(_, file, _)| file == P7S).collect::<Vec<_>>()).unwrap();
    (result, answer, actual)
}

/// Both commands about the signature as the bundle prints them, the same in both languages.
fn by_openssl(files: &Files) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    unpack(files, folder.path());
    let script: String = ["data/VERIFY.en.md", "data/VERIFY.zh-CN.md"]
        .map(|guide| {
            printed(&files[guide], if guide.contains("en.md") { "### By certificate" } else { "### 数字证书签名" })
                + &printed(&files[guide], "`trust/signer.crl.pem`")
        })
        .into_iter()
        .reduce(|a, b| {
            assert_eq!(a, b);
            a
        })
        .unwrap();
    let out = openssl::bash(folder.path(), &format!("exec 2>&1\n{script}"));
    (out.status.success(), String::from_utf8_lossy(&out.stdout).into_owned())
}

#[test]
fn a_signature_is_held_against_the_list_that_was_sealed_with_it() {
    let (mut issuer, by) = signer();
    let list = issuer.list(made_at()).unwrap();
    let bundle = signed(&by, Known { unknown: None, lists: pem(&list) });
    assert_eq!(bundle.files[SIGNER_LISTS], pem(&list).as_bytes());
    let manifest = String::from_utf8(bundle.files["tagmanifest-sha256.txt"].clone()).unwrap();
    assert!(manifest.contains(&format!("  {SIGNER_LISTS}\n")));
    let (result, answer, actual) = of_signer(&bundle.files, vec![]);
    assert!((result, answer) == (Answer::Pass, Answer::Pass) && actual.starts_with("not revoked at "), "{actual}");
    let (good, told) = by_openssl(&bundle.files);
    assert!(good && told.matches("CAdES Verification successful").count() == 2 && told.contains("nextUpdate"), "{told}");
    let report: serde_json::Value = serde_json::from_slice(&bundle.files["data/evidence.json"]).unwrap();
    assert_eq!(report["revocation"]["signer"], "good");

    // Revoked an hour before it signed: whoever holds the key signs all the same.
    issuer.revoke(made_at().minus(std::time::Duration::from_secs(1800)), Reason::KeyCompromise, made_at()).unwrap();
    let revoking = issuer.list(made_at()).unwrap();
    let bundle = signed(&by, Known { unknown: None, lists: pem(&revoking) });
    let (result, answer, actual) = of_signer(&bundle.files, vec![]);
    let serial = by.chain.facts().serial;
    assert!((result, answer) == (Answer::Fail, Answer::Fail) && actual.contains(&serial) && actual.contains("key_compromise"), "{actual}");
    assert!(actual.contains(&made_at().minus(std::time::Duration::from_secs(1800)).to_rfc3339()[..16]), "{actual}");
    let (good, told) = by_openssl(&bundle.files);
    assert!(!good && told.contains("certificate revoked"), "{told}");

    // The same list brought along by whoever verifies a bundle that was sealed before anybody knew.
    let bundle = signed(&by, Known { unknown: None, lists: pem(&list) });
    let (result, answer, actual) = of_signer(&bundle.files, vec![Pin::Lists(vec![List::read(&revoking).unwrap()])]);
    assert!((result, answer) == (Answer::Fail, Answer::Fail) && actual.contains(&serial), "{actual}");
}

#[test]
fn a_certificate_that_was_revoked_since_needs_a_timestamp() {
    let (mut issuer, by) = signer();
    issuer.revoke(made_at().plus(2 * DAY), Reason::KeyCompromise, made_at().plus(2 * DAY)).unwrap();
    let later = issuer.list(made_at().plus(3 * DAY)).unwrap();
    let later = || vec![Pin::Lists(vec![List::read(&later).unwrap()])];
    let bundle = signed(&by, Known::default());
    let (result, answer, actual) = of_signer(&bundle.files, later());
    assert!((result, answer) == (Answer::Unknown, Answer::Unknown) && actual.contains("no timestamp that you trust"), "{actual}");

    let authority = Authority::fresh(made_at()).unwrap();
    let roots = Roots::from_pem(&authority.root_pem()).unwrap();
    let mut collected = sample::collected("x");
    collected.authorities = authority.root_pem();
    for (days, expected) in [(1, Answer::Pass), (3, Answer::Unknown)] {
        let bundle = build_certified(&collected, &sample::key(), Ok(&by)).unwrap();
        let token = token(&authority, &bundle.files[P7S], made_at().plus(days * DAY));
        let stamped = bundle.with(&[token]).unwrap();
        let (_, answer, actual) = of_signer(&stamped.files, [later(), vec![Pin::Authorities(roots.clone())]].concat());
        assert_eq!(answer, expected, "{days}: {actual}");
        assert!(actual.contains("is revoked since"), "{actual}");
    }
}

#[test]
fn a_missing_list_a_late_one_and_a_forged_one_are_told_apart() {
    let (mut issuer, by) = signer();
    let unreachable = || Known { unknown: Some(Why::Unreachable), lists: String::new() };
    // As older versions made it.
    let older = build_certified(&sample::collected("x"), &sample::key(), Ok(&by)).unwrap();
    let (result, answer, actual) = of_signer(&older.files, vec![]);
    assert!((result, answer) == (Answer::Pass, Answer::Pass) && actual.starts_with("not shipped"), "{actual}");
    let bundle = signed(&by, unreachable());
    let (result, answer, actual) = of_signer(&bundle.files, vec![]);
    assert!((result, answer) == (Answer::Unknown, Answer::Unknown) && actual.contains("no revocation list is here"), "{actual}");
    let face = |path: &str| String::from_utf8(bundle.files[path].clone()).unwrap();
    assert!(face("data/VERIFY.en.md").contains("Revocation is unknown") && face("data/VERIFY.zh-CN.md").contains("吊销状态无法判断"));
    let report: serde_json::Value = serde_json::from_str(&face("data/evidence.json")).unwrap();
    assert!(report["revocation"]["signer"] == "unreachable" && report["limits"].to_string().contains("未能取得吊销列表"));
    let good = issuer.list(made_at()).unwrap();
    let (result, ..) = of_signer(&bundle.files, vec![Pin::Lists(vec![List::read(&good).unwrap()])]);
    assert_eq!(result, Answer::Pass, "the list can be brought along");
    let (_, answer, _) = of_signer(&older.files, vec![Pin::Lists(vec![])]);
    assert_eq!(answer, Answer::Unknown, "whoever brings lists wants to know");

    let late = issuer.list(made_at().plus(40 * DAY)).unwrap();
    let bundle = signed(&by, Known { unknown: None, lists: pem(&late) });
    let (result, answer, actual) = of_signer(&bundle.files, vec![]);
    assert!((result, answer) == (Answer::Unknown, Answer::Unknown) && actual.contains("covers the time"), "{actual}");
    let (good, told) = by_openssl(&bundle.files);
    assert!(!good && told.contains("CRL"), "{told}");

    let (stranger, _) = signer();
    for lists in [pem(&stranger.list(made_at()).unwrap()), "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n".to_owned()] {
        let mut files = bundle.files.clone();
        files.insert(SIGNER_LISTS.to_owned(), lists.into_bytes());
        let (result, told) = said(&judge(&files, vec![]));
        assert!(result == Answer::Fail && told[0].0 == Answer::Fail && told[0].1 == SIGNER_LISTS, "{told:?}");
    }
    // Nobody speaks of a list where no certificate signed.
    let mut files = countermand::evidence::bundle::build(&sample::collected("x"), &sample::key()).unwrap().files;
    files.insert(SIGNER_LISTS.to_owned(), pem(&issuer.list(made_at()).unwrap()).into_bytes());
    assert!(judge(&files, vec![]).checks.iter().any(|c| c.file == SIGNER_LISTS && c.result == Answer::Fail));
    issuer.revoke(made_at(), Reason::NotGiven, made_at()).unwrap();
}

#[test]
fn a_token_is_held_against_its_authoritys_list() {
    let now = made_at();
    let by_commands = |files: &Files| {
        let folder = tempfile::tempdir().unwrap();
        unpack(files, folder.path());
        let script = printed(&files["data/VERIFY.en.md"], "### Timestamps whose certificates were revoked");
        assert_eq!(script, printed(&files["data/VERIFY.zh-CN.md"], "### 证书已被吊销的时间戳"), "the same commands in both languages");
        let out = openssl::bash(folder.path(), &format!("exec 2>&1\n{script}"));
        (out.status.success(), String::from_utf8_lossy(&out.stdout).into_owned())
    };
    let listed = |authority: &Authority, list: Option<Vec<u8>>| {
        let lists = list.map(|list| pem(&list)).unwrap_or_default();
        let mut collected = anchored(authority, now);
        collected.anchors[0].tokens[0].lists.clone_from(&lists);
        collected.revocation = Some(Revocation::default());
        let bundle = countermand::evidence::bundle::build(&collected, &sample::key()).unwrap();
        let mut over = token(authority, bundle.signature(), now);
        over.lists = lists;
        bundle.with(&[over]).unwrap().files
    };
    let answers = |authority: &Authority, list: Option<Vec<u8>>| {
        let files = listed(authority, list);
        let roots = Roots::from_pem(&authority.root_pem()).unwrap();
        let (result, told) = said(&judge(&files, vec![Pin::Authorities(roots)]));
        (result, told, files)
    };
    let mut authority = Authority::rsa(now, 30 * DAY, Some("http://crl.example.com/tsa.crl".into())).unwrap();
    let good = authority.list(now, None).unwrap();
    let (result, told, files) = answers(&authority, Some(good.clone()));
    assert!(result == Answer::Pass && told.len() == 2 && told.iter().all(|(answer, ..)| *answer == Answer::Pass), "{told:?}");
    assert!(files.contains_key(TSA_LISTS) && !files.contains_key(LATER_LISTS), "the same list once");
    let (done, shown) = by_commands(&files);
    assert!(done && shown.matches("Verification: OK").count() == 2, "{shown}");
    let (result, told, files) = answers(&authority, None);
    assert!(result == Answer::Unknown && told.iter().all(|(answer, ..)| *answer == Answer::Unknown), "{told:?}");
    let (done, shown) = by_commands(&files);
    assert!(done && shown.contains("no list of revoked certificates"), "{shown}");
    let forged = authority.list(now, Some(Fault::ListForged)).unwrap();
    let (result, told, _) = answers(&authority, Some(forged));
    assert!(result == Answer::Fail && told.iter().any(|(answer, file, _)| *answer == Answer::Fail && file == TSA_LISTS), "{told:?}");
    let stale = authority.list(now, Some(Fault::ListStale)).unwrap();
    assert_eq!(answers(&authority, Some(stale)).0, Answer::Unknown);

    // Anybody can lay a list beside the tokens; only the authority can sign one.
    let mut files = listed(&authority, Some(good));
    let other = Authority::rsa(now, 30 * DAY, None).unwrap();
    files.insert(LATER_LISTS.to_owned(), pem(&other.list(now, None).unwrap()).into_bytes());
    assert!(said(&judge(&files, vec![])).1.iter().any(|(answer, file, _)| *answer == Answer::Fail && file == LATER_LISTS));

    let later = now.plus(DAY);
    for (since, reason, expected) in [
        (later, Reason::Superseded, Answer::Pass),
        (later, Reason::CessationOfOperation, Answer::Pass),
        (later, Reason::NotGiven, Answer::Unknown),
        (later, Reason::KeyCompromise, Answer::Fail),
        (now.minus(std::time::Duration::from_secs(60)), Reason::Superseded, Answer::Fail),
    ] {
        authority.revoke(since, reason, now).unwrap();
        let (result, told, files) = answers(&authority, Some(authority.list(now, None).unwrap()));
        assert!(
            result == expected && told.iter().all(|(answer, _, actual)| *answer == expected && actual.contains("is revoked since")),
            "{reason}: {told:?}"
        );
        let (done, shown) = by_commands(&files);
        assert!(!done && shown.contains("certificate revoked"), "{shown}");
    }
}
