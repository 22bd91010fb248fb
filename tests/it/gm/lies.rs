//! What somebody could write who has the log's key: report, tags and lists that contradict each other. Each is named.

use countermand::{
    crypto::{sha256, sm2::sm3},
    evidence::{
        bundle::{Bundle, ROOT_MANIFEST, build_certified, build_with},
        certificate::{P7S, Uncertified},
        gm::{SM2_SIGNATURE, SM3_MANIFEST},
        report,
        verify::{Answer, Outcome, Pin},
        zip::Files,
    },
};
use serde_json::{Value, json};
use sha2::{Digest, Sha512};

use super::{DAY, certified, judge, made_at, resealed, roots, said, sh, signed};
use crate::{support::case_sample as sample, timestamps::bundle::unpack};

const REPORT: &str = "data/evidence.json";

fn plain() -> Bundle {
    build_certified(&sample::collected("x"), &sample::key(), Err(Uncertified::Never)).unwrap()
}

/// One that should bear the signature and says why it bears none.
fn bare() -> Bundle {
    build_with(&sample::collected("x"), &sample::key(), Err(Uncertified::Never), Some(Err(Uncertified::Never))).unwrap()
}

fn log() -> Pin {
    Pin::Log(sample::vkey())
}

fn text(files: &Files, path: &str) -> String {
    String::from_utf8(files[path].clone()).unwrap()
}

/// What failed, and in which file.
fn failed(outcome: Outcome) -> Vec<(&'static str, String)> {
    outcome.checks.into_iter().filter(|c| c.result == Answer::Fail).map(|c| (c.name, c.file)).collect()
}

/// The same files with another report, and every list made to fit.
fn reported(files: &Files, change: impl FnOnce(&mut Value)) -> Files {
    let mut files = files.clone();
    let mut said: Value = serde_json::from_slice(&files[REPORT]).unwrap();
    change(&mut said);
    files.insert(REPORT.to_owned(), report::pretty(&said));
    let payload: Vec<(String, Vec<u8>)> =
        files.iter().filter(|(path, _)| path.starts_with("data/")).map(|(path, bytes)| (path.clone(), bytes.clone())).collect();
    let list = |digest: fn(&[u8]) -> String| -> Vec<u8> {
        payload.iter().map(|(path, bytes)| format!("{}  {path}\n", digest(bytes))).collect::<String>().into_bytes()
    };
    files.insert("manifest-sha256.txt".to_owned(), list(|bytes| hex::encode(sha256(bytes))));
    files.insert("manifest-sha512.txt".to_owned(), list(|bytes| hex::encode(Sha512::digest(bytes))));
    files.insert(SM3_MANIFEST.to_owned(), list(|bytes| hex::encode(sm3(bytes))));
    let octets: usize = payload.iter().map(|(_, bytes)| bytes.len()).sum();
    let oxum = format!("Payload-Oxum: {octets}.{}", payload.len());
    let tags = text(&files, "bag-info.txt");
    let tags: String = tags.lines().map(|line| if line.starts_with("Payload-Oxum: ") { format!("{oxum}\n") } else { format!("{line}\n") }).collect();
    files.insert("bag-info.txt".to_owned(), tags.into_bytes());
    resealed(&mut files);
    files
}

#[test]
fn the_report_names_one_signer_or_one_reason_that_is_known() {
    let by = certified(made_at(), 30 * DAY);
    let (signed, bare) = (signed(&by), bare());
    assert!(reported(&bare.files, |_| {}) == bare.files, "put together again it is the same bundle");

    let of = |word: &str| json!({ "unsigned": word });
    let mut both = serde_json::from_slice::<Value>(&signed.files[REPORT]).unwrap()["gm"].clone();
    both["unsigned"] = json!("no_certificate");
    for (files, gm, told) in [
        (&bare.files, of(""), "none: "),
        (&bare.files, of("no reason"), "none: no reason"),
        (&bare.files, of("No_certificate"), "none: No_certificate"),
        (&bare.files, json!({}), "neither"),
        (&signed.files, both, "both: no_certificate"),
    ] {
        let files = reported(files, |report| report["gm"] = gm);
        // Whoever asks for a root of SM2 is told no less.
        for pins in [vec![log()], vec![log(), Pin::Certificate(roots(&by))]] {
            let outcome = judge(&files, &pins);
            assert_eq!((outcome.result, said(&outcome, "sm2_signature")), (Answer::Fail, ("fail", told)));
            assert!(failed(outcome).contains(&("sm2_signature", REPORT.to_owned())), "{told}");
        }
    }
}

#[test]
fn the_tags_say_of_the_profile_what_the_report_says() {
    let signed = signed(&certified(made_at(), 30 * DAY));
    let lied = |bundle: &Bundle, change: &dyn Fn(&str) -> String| {
        let mut files = bundle.files.clone();
        let told = text(&files, "bag-info.txt");
        let lie = change(&told);
        assert_ne!(lie, told);
        files.insert("bag-info.txt".to_owned(), lie.into_bytes());
        resealed(&mut files);
        failed(judge(&files, &[log()]))
    };
    let named = ("bag_profile", "bag-info.txt".to_owned());
    let (plain, bare) = (plain(), bare());
    for bundle in [&plain, &bare, &signed] {
        assert!(failed(judge(&bundle.files, &[log()])).is_empty(), "as it was made");
    }
    for line in ["Crypto-Profile: gm (SM2, SM3)\n", "crypto-profile:gm\n", "SM2-Signature: signatures/tagmanifest-sha256.txt.sm2.sig\n"] {
        assert_eq!(lied(&plain, &|told| format!("{told}{line}")), std::slice::from_ref(&named), "{line}");
        assert!(lied(&bare, &|told| format!("{told}{line}")).contains(&named), "a second line: {line}");
        assert!(lied(&signed, &|told| format!("{told}{line}")).contains(&named), "a second line: {line}");
    }
    assert_eq!(lied(&bare, &|told| told.replace("standard (gm was asked for)", "gm (SM2, SM3)")), std::slice::from_ref(&named));
    assert_eq!(
        lied(&bare, &|told| told.replace("SM2-Signature: none (no_certificate)", "SM2-Signature: none (key_missing)")),
        std::slice::from_ref(&named)
    );
    assert!(lied(&signed, &|told| told.replace("gm (SM2, SM3)", "standard")).contains(&named));
    assert!(lied(&signed, &|told| told.replace("Crypto-Profile: gm (SM2, SM3)\n", "")).contains(&named), "taken out");
}

#[test]
fn the_list_by_sm3_names_files_of_the_payload_alone_and_however_long_it_is() {
    let bundle = signed(&certified(made_at(), 30 * DAY));
    let listed = |more: &str| {
        let mut files = bundle.files.clone();
        let list = format!("{}{more}", text(&files, SM3_MANIFEST));
        files.insert(SM3_MANIFEST.to_owned(), list.into_bytes());
        resealed(&mut files);
        failed(judge(&files, &[log()]))
    };
    let hash = hex::encode(sm3(&bundle.files["bagit.txt"]));
    let told = listed(&format!("{hash}  bagit.txt\n"));
    assert!(told.contains(&("sm3_manifest", "bagit.txt".to_owned())), "{told:?}");
    let many: String = (0..100_000).map(|n| format!("{hash}  data/none/{n}\n")).collect();
    let told = listed(&many);
    assert_eq!(told.iter().filter(|(name, _)| *name == "sm3_manifest").count(), 100, "the first hundred are named");
}

#[test]
fn the_program_in_the_bundle_misses_a_signature_and_names_a_stray_one() {
    let says = |files: &Files| {
        let folder = tempfile::tempdir().unwrap();
        unpack(files, folder.path());
        sh(folder.path(), "python3 data/tools/verify.py .")
    };
    let (signed, plain) = (signed(&certified(made_at(), 30 * DAY)), plain());
    for bundle in [&signed, &plain] {
        let (good, told) = says(&bundle.files);
        assert!(good, "{told}");
    }
    let mut files = signed.files.clone();
    let signature = files.remove(SM2_SIGNATURE).unwrap();
    let (good, told) = says(&files);
    assert!(!good && told.contains(&format!("{SM2_SIGNATURE} is missing")), "{told}");
    for stray in [SM2_SIGNATURE, P7S] {
        let mut files = plain.files.clone();
        files.insert(stray.to_owned(), signature.clone());
        let (good, told) = says(&files);
        assert!(!good && told.contains(&format!("{stray} belongs to no certificate that is listed")), "{told}");
    }
    assert!(!text(&plain.files, ROOT_MANIFEST).contains("sm2"));
}
