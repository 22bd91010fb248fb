//! The profile "gm": OpenSSL makes the authorities of SM2 and judges what we sign, `cksum` the list by SM3, and nothing of it can be changed
//! without being found out by both sides.

mod lies;
mod standing;

use std::{path::Path, process::Command, time::Duration};

use countermand::{
    clock::Instant,
    connect::emulator::signer,
    crypto::signature::{Certified, Chain, FileKey, Signer, Suite},
    evidence::{
        bundle::{Bundle, ROOT_MANIFEST, SIGNATURE, build_certified, build_with},
        certificate::Uncertified,
        gm::{SM2_CHAIN, SM2_LISTS, SM2_ROOT, SM2_SIGNATURE, SM2_SIGNER, SM3_MANIFEST},
        revocation::Known,
        verify::{Answer, Pin},
        zip::{self, Files, Limits},
    },
};
use ed25519_dalek::Signer as _;

use crate::{
    recalls::stage::Stage,
    support::{
        case_sample as sample,
        db::TestDb,
        judged::{check, done, judge, made_at, roots, said, sh},
        process::Node,
    },
};

const DAY: Duration = Duration::from_secs(86_400);

/// A key of SM2 with a certificate by the throwaway authority, beginning an hour before `now`.
pub fn certified(now: Instant, lasting: Duration) -> Certified {
    let key = FileKey::fresh_of(Suite::Sm2).unwrap();
    let chain = Chain::from_pem(&signer::lasting_sm2(key.public_key().clone(), now, lasting).unwrap()).unwrap();
    Certified { key: key.into(), chain }
}

pub fn signed(by: &Certified) -> Bundle {
    build_with(&sample::collected("x"), &sample::key(), Err(Uncertified::Never), Some(Ok((by, &Known::default())))).unwrap()
}

/// The commands that the guide prints after `after`, in both languages the same.
fn printed(files: &Files, after: [&str; 2]) -> String {
    let [english, chinese] = [("data/VERIFY.en.md", after[0]), ("data/VERIFY.zh-CN.md", after[1])].map(|(path, after)| {
        let guide = String::from_utf8(files[path].clone()).unwrap();
        let rest = guide.split(after).nth(1).unwrap_or_else(|| panic!("{after}")).to_owned();
        rest.split("```sh\n").nth(1).unwrap().split("```").next().unwrap().to_owned()
    });
    assert_eq!(english, chinese, "the same commands in both languages");
    english
}

/// What others say of a bundle's files: `cksum` of the hashes, OpenSSL of the hashes, OpenSSL of the signature.
fn others(files: &Files, guide: &Files) -> ([bool; 3], String) {
    let folder = tempfile::tempdir().unwrap();
    for (path, bytes) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let hashes = printed(guide, ["hashes by SM3", "国密算法：SM3 摘要"]);
    let (by_cksum, by_openssl) = hashes.split_once("while read").unwrap();
    let by_openssl = format!("told=$(while read{by_openssl}\n); echo \"$told\"; [ -z \"$told\" ]");
    let signature = printed(guide, ["the SM2 signature", "国密算法：SM2 签名"]);
    let all = [sh(folder.path(), by_cksum), sh(folder.path(), &by_openssl), sh(folder.path(), &signature)];
    (all.each_ref().map(|(good, _)| *good), all.map(|(_, told)| told).concat())
}

#[test]
fn sm3_and_sm2_are_judged_by_cksum_and_openssl_and_by_the_roots_that_are_pinned() {
    let by = certified(made_at(), 30 * DAY);
    let bundle = signed(&by);
    assert_eq!(bundle.files, signed(&by).files, "the same input gives the same bytes");
    let (good, told) = others(&bundle.files, &bundle.files);
    assert!(good == [true; 3] && told.contains("Verified OK") && told.contains("/1.pem: OK"), "{told}");
    let time = format!("signed by {}", &made_at().to_rfc3339()[..19]);
    assert!(told.contains("DEMO Evidence SM2 Root") && told.contains(&time), "{told}");
    let text = |path: &str| String::from_utf8(bundle.files[path].clone()).unwrap();
    assert!(text("bag-info.txt").contains("Crypto-Profile: gm (SM2, SM3)\nSM2-Signature: signatures/tagmanifest-sha256.txt.sm2.sig\n"));
    assert!(text("data/report.html").contains("国密（gm）") && text("data/report.en.html").contains("profile “gm”"));
    assert!(text("data/report.html").contains("DEMO Evidence SM2 Signer") && text("data/evidence.json").contains("certified cryptographic product"));
    assert!(text(ROOT_MANIFEST).contains(SM3_MANIFEST) && !text(ROOT_MANIFEST).contains(".sm2.sig"));
    let order = |path: &str| text(path).lines().map(|line| line[66..].to_owned()).collect::<Vec<_>>();
    assert_eq!(order(SM3_MANIFEST), order("manifest-sha256.txt"));

    let log = || Pin::Log(sample::vkey());
    let of = |pins: &[Pin]| {
        let outcome = judge(&bundle.files, pins);
        assert_eq!((said(&outcome, "sm3_manifest").0, said(&outcome, "sm2_signature").0), ("pass", "pass"));
        (outcome.result, said(&outcome, "sm2_root").0.to_owned())
    };
    let told = |result: Answer, root: &str| (result, root.to_owned());
    assert_eq!(of(&[]), told(Answer::Unknown, "unknown"));
    assert_eq!(of(&[log(), Pin::Signers(roots(&by))]), told(Answer::Pass, "pass"));
    assert_eq!(of(&[log(), Pin::Certificate(roots(&by))]), told(Answer::Pass, "pass"));
    assert_eq!(of(&[log()]), told(Answer::Pass, "pass"), "the log vouches");
    let stranger = certified(made_at(), 30 * DAY);
    assert_eq!(of(&[log(), Pin::Certificate(roots(&stranger))]), told(Answer::Fail, "fail"), "a root of this name with another key");

    // Whoever asks for a root of SM2 is not content with a bundle that has no such signature.
    let plain = build_certified(&sample::collected("x"), &sample::key(), Err(Uncertified::Never)).unwrap();
    assert!(!plain.files.keys().any(|path| path.contains("sm2") || path.contains("sm3")));
    assert!(!String::from_utf8(plain.files["data/VERIFY.en.md"].clone()).unwrap().contains("sm2"), "nothing of the mark is left");
    let outcome = judge(&plain.files, &[log()]);
    assert!(outcome.result == Answer::Pass && !outcome.checks.iter().any(|c| c.name.starts_with("sm")), "{outcome:?}");
    let outcome = judge(&plain.files, &[log(), Pin::Certificate(roots(&by))]);
    assert_eq!((outcome.result, said(&outcome, "sm2_signature")), (Answer::Unknown, ("unknown", "none")));
}

#[test]
fn every_byte_of_a_signature_counts() {
    let by = certified(made_at(), 30 * DAY);
    let bundle = signed(&by);
    let key = &by.chain.signer().tbs_certificate.subject_public_key_info;
    let holds = |signature: &[u8]| countermand::crypto::sm2::verify(key, &bundle.files[ROOT_MANIFEST], signature);
    let good = &bundle.files[SM2_SIGNATURE];
    assert!(holds(good));
    for at in 0..good.len() {
        for bit in [1, 0x40, 0x80] {
            let mut other = good.clone();
            other[at] ^= bit;
            assert!(!holds(&other), "byte {at}");
        }
    }
    assert!(!holds(&[&good[..], b"\0"].concat()) && !holds(&good[..good.len() - 1]) && !holds(b""));
}

/// Writes the root manifest and the log's signature over it anew: what somebody could do who has the log's key.
fn resealed(files: &mut Files) {
    let lines: Vec<String> = String::from_utf8(files[ROOT_MANIFEST].clone()).unwrap().lines().map(|line| line[66..].to_owned()).collect();
    let lines: String =
        lines.iter().filter_map(|path| Some(format!("{}  {path}\n", hex::encode(countermand::crypto::sha256(files.get(path)?))))).collect();
    files.insert(SIGNATURE.to_owned(), sample::key().sign(lines.as_bytes()).to_bytes().to_vec());
    files.insert(ROOT_MANIFEST.to_owned(), lines.into_bytes());
}

#[test]
fn every_way_to_touch_a_file_of_the_profile_is_found_out_by_both_sides() {
    let by = certified(made_at(), 30 * DAY);
    let other = certified(made_at(), 30 * DAY);
    let bundle = signed(&by);
    // Whether somebody with the log's key made the root manifest fit or not.
    let touched = |again: bool, change: &dyn Fn(&mut Files)| {
        let mut files = bundle.files.clone();
        change(&mut files);
        if again {
            resealed(&mut files);
        }
        let outcome = check(&files, &by, made_at());
        assert_eq!(outcome.result, Answer::Fail);
        let failed: Vec<_> = outcome.checks.into_iter().filter(|c| c.result == Answer::Fail).map(|c| (c.name, c.file)).collect();
        (failed, others(&files, &bundle.files).0)
    };
    let of = |name: &'static str, file: &str| (name, file.to_owned());

    // The signature: flipped, gone, of another key, over another list.
    let (failed, good) = touched(false, &|f| *f.get_mut(SM2_SIGNATURE).unwrap().last_mut().unwrap() ^= 1);
    assert_eq!((failed, good), (vec![of("sm2_signature", SM2_SIGNATURE)], [true, true, false]));
    let (failed, good) = touched(false, &|f| drop(f.remove(SM2_SIGNATURE)));
    assert_eq!((failed, good), (vec![of("file_present", SM2_SIGNATURE)], [true, true, false]));
    for swapped in [other.key.sign(&bundle.files[ROOT_MANIFEST]).unwrap(), by.key.sign(b"another list").unwrap()] {
        let (failed, good) = touched(false, &|f| drop(f.insert(SM2_SIGNATURE.to_owned(), swapped.clone())));
        assert_eq!((failed, good), (vec![of("sm2_signature", SM2_SIGNATURE)], [true, true, false]));
    }

    // The list by SM3: a hash, a line less, a line more, a file that it does not know.
    for again in [false, true] {
        let (failed, good) = touched(again, &|f| f.get_mut(SM3_MANIFEST).unwrap()[0] ^= 1);
        assert!(
            failed.iter().any(|(name, file)| *name == "sm3_manifest" && file.starts_with("data/")) && !good[0] && !good[1],
            "{failed:?} {good:?}"
        );
        assert_eq!(failed.contains(&of("file_hashes", SM3_MANIFEST)), !again, "{failed:?}");
    }
    let text = String::from_utf8(bundle.files[SM3_MANIFEST].clone()).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let first = lines[0].trim_end()[66..].to_owned();
    let put = |text: String| move |f: &mut Files| drop(f.insert(SM3_MANIFEST.to_owned(), text.clone().into_bytes()));
    let (failed, good) = touched(true, &put(lines[1..].concat()));
    assert!(failed.contains(&of("sm3_manifest", &first)) && !good[0], "a line less: {failed:?}");
    let (failed, good) = touched(true, &put(format!("{text}{}  data/none\n", "0".repeat(64))));
    assert!(failed.contains(&of("sm3_manifest", "data/none")) && !good[0], "a line more: {failed:?}");
    let (failed, good) = touched(true, &put(format!("{text}{}", lines[0])));
    assert!(failed.contains(&of("sm3_manifest", SM3_MANIFEST)) && !good[0], "a line twice: {failed:?}");
    let (failed, good) = touched(true, &put([&[lines[1], lines[0]][..], &lines[2..]].concat().concat()));
    assert!(failed.contains(&of("sm3_manifest", SM3_MANIFEST)) && !good[0], "another order: {failed:?}");
    let (failed, good) = touched(true, &|f| f.get_mut("data/events.csv").unwrap()[20] ^= 1);
    assert!(failed.contains(&of("sm3_manifest", "data/events.csv")) && !good[0] && !good[1], "a payload file: {failed:?}");
    let (failed, _) = touched(true, &|f| drop(f.remove(SM3_MANIFEST)));
    assert!(failed.contains(&of("file_present", SM3_MANIFEST)), "gone: {failed:?}");

    // The certificates: of another, and all of them of another.
    for (path, pem) in [(SM2_SIGNER, other.chain.signer_pem()), (SM2_CHAIN, other.chain.pem()), (SM2_ROOT, other.chain.root_pem())] {
        for again in [false, true] {
            let (failed, good) = touched(again, &|f| drop(f.insert(path.to_owned(), pem.clone().into_bytes())));
            let named = failed.iter().any(|(name, file)| *name == "sm2_certificate" && (file == path || path == SM2_CHAIN));
            assert!(named && (!good[2] || path == SM2_CHAIN), "{path}: {failed:?} {good:?}");
        }
        let (failed, _) = touched(false, &|f| f.get_mut(path).unwrap()[100] ^= 2);
        assert!(failed.contains(&of("file_hashes", path)), "{path}: {failed:?}");
        let (failed, _) = touched(true, &|f| drop(f.remove(path)));
        assert!(failed.contains(&of("file_present", path)), "{path}: {failed:?}");
    }

    // What a report that does not speak of it has beside it all the same.
    let plain = build_certified(&sample::collected("x"), &sample::key(), Err(Uncertified::Never)).unwrap();
    let mut files = plain.files.clone();
    files.insert(SM2_SIGNATURE.to_owned(), by.key.sign(&plain.files[ROOT_MANIFEST]).unwrap());
    assert_eq!(said(&check(&files, &by, made_at()), "sm2_signature"), ("fail", "added"));
}

#[test]
fn a_bundle_that_should_bear_the_signature_and_cannot_says_so_on_its_face() {
    for why in Uncertified::ALL {
        let bundle = build_with(&sample::collected("x"), &sample::key(), Err(Uncertified::Never), Some(Err(*why))).unwrap();
        assert_eq!(bundle.uncertified_sm2, Some(*why));
        let text = |path: &str| String::from_utf8(bundle.files[path].clone()).unwrap();
        let info = format!("Crypto-Profile: standard (gm was asked for)\nSM2-Signature: none ({why})\n");
        assert!(text("bag-info.txt").contains(&info));
        assert!(text("data/VERIFY.en.md").contains("bears no SM2 signature") && text("data/VERIFY.zh-CN.md").contains("没有 SM2 签名"));
        // Its own words: the other certificate may be there.
        for (path, of) in [("data/VERIFY.en.md", "no SM2 signature**: "), ("data/VERIFY.zh-CN.md", "没有 SM2 签名**：")] {
            let guide = text(path);
            let reason = guide.split(of).nth(1).unwrap().lines().next().unwrap().trim_end_matches(['.', '。']);
            assert!(reason.contains("SM2") && text("data/evidence.json").contains(reason), "{path}: {reason}");
        }
        let outcome = judge(&bundle.files, &[Pin::Log(sample::vkey())]);
        assert_eq!((outcome.result, said(&outcome, "sm2_signature").1), (Answer::Pass, format!("none: {why}").as_str()));
        assert_eq!(said(&outcome, "sm3_manifest").0, "pass");
        let by = certified(made_at(), DAY);
        let outcome = judge(&bundle.files, &[Pin::Log(sample::vkey()), Pin::Certificate(roots(&by))]);
        assert_eq!((outcome.result, said(&outcome, "sm2_signature").0), (Answer::Unknown, "unknown"));
    }
}

#[test]
fn a_certificate_that_had_run_out_signs_nothing_and_one_that_ran_out_since_proves_nothing_more() {
    let early = certified(made_at().minus(40 * DAY), 30 * DAY);
    let outcome = check(&signed(&early).files, &early, made_at());
    let (result, why) = said(&outcome, "sm2_validity");
    assert!(result == "fail" && why.contains("was not valid then"), "{why}");
    let by = certified(made_at(), 30 * DAY);
    let outcome = check(&signed(&by).files, &by, made_at().plus(40 * DAY));
    let (result, why) = said(&outcome, "sm2_validity");
    assert!(result == "unknown" && why.contains("has run out") && outcome.result == Answer::Unknown, "{why}");
}

/// An authority of OpenSSL's that signs by SM2, with one between; and one of RSA.
const AUTHORITY: &str = r#"
openssl ecparam -genkey -name SM2 -noout -out root.key
openssl req -x509 -new -key root.key -sm3 -sigopt distid:1234567812345678 -out root.pem -days 900 -subj "/O=Example CA/CN=Example SM2 Root"
openssl ecparam -genkey -name SM2 -noout -out between.key
openssl req -new -key between.key -sm3 -sigopt distid:1234567812345678 -out between.csr -subj "/O=Example CA/CN=Example SM2 Between"
openssl x509 -req -in between.csr -vfyopt distid:1234567812345678 -CA root.pem -CAkey root.key -sm3 -sigopt distid:1234567812345678 -days 800 -out between.pem \
  -extfile <(printf 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign') 2>/dev/null
openssl req -x509 -newkey rsa:2048 -nodes -keyout rsa.key -out rsa.pem -days 900 -subj "/O=Example CA/CN=Example RSA Root" 2>/dev/null
"#;

/// Lists of revoked certificates: of the authority between, without the usual identity and with it, of the root, and one that revokes.
const LISTS: &str = r#"
printf '[ca]\ndefault_ca=x\n[x]\ndatabase=index.txt\ndefault_md=sm3\ndefault_crl_days=30\ncrlnumber=number\n' > ca.cnf; : > index.txt; echo 01 > number
list() { openssl ca -gencrl -config ca.cnf -keyfile "$1.key" -cert "$1.pem" "${@:3}" -out "$2" 2>/dev/null; }
ID=(-sigopt distid:1234567812345678)
list between nobody.crl
list between good.crl "${ID[@]}"
list root root.crl "${ID[@]}"
# Of two lists the newer counts, and they tell their time in seconds.
sleep 1
openssl ca -config ca.cnf -keyfile between.key -cert between.pem -revoke b.pem.only "${ID[@]}" 2>/dev/null
list between bad.crl "${ID[@]}"
"#;

fn certificate(folder: &Path, request: &str, usage: &str, out: &str) {
    let script = format!(
        "openssl x509 -req -in {request} -vfyopt distid:1234567812345678 -CA between.pem -CAkey between.key -sm3 -sigopt distid:1234567812345678 -days 300 \
         -out {out}.only -extfile <(printf 'keyUsage=critical,{usage}') && cat {out}.only between.pem root.pem > {out}"
    );
    done(folder, &script);
}

#[actix_web::test]
async fn a_certificate_of_sm2_is_asked_for_taken_in_and_replaced() {
    for db in TestDb::each() {
        let stage = Stage::set_with(db, |_| {}, |_, _| {}).await;
        let cast = stage.cast().await;
        let case = stage.approved(&cast).await;
        stage.settle(4, 5).await;
        let store = &stage.app.store;
        let node = Node { data: store.data().to_owned(), database: store.database().clone() };
        std::fs::write(node.data.join("countermand.toml"), "[evidence]\nprofile = \"gm\"\n").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let run = |arguments: &[&str]| {
            let out = node.run(arguments);
            (out.status.code().unwrap(), format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr)))
        };
        let export = |name: &str| {
            let said = node.json(&["evidence", "export", "--case", &case, "--out", &at(name), "--json"]);
            let files = zip::read(&std::fs::read(at(name)).unwrap(), &Limits::default()).unwrap().1;
            (said["sm2_signature"].as_bool().unwrap(), files)
        };
        let verify = |name: &str, more: &[&str]| {
            let out = Command::new(env!("CARGO_BIN_EXE_countermand")).args(["evidence", "verify", "--json", &at(name)]).args(more).output().unwrap();
            (out.status.code().unwrap(), serde_json::from_slice::<serde_json::Value>(&out.stdout).unwrap())
        };
        let data = node.data.to_str().unwrap().to_owned();

        // Nothing signs yet, and everything says so.
        assert_eq!(run(&["evidence", "key", "show", "--sm2"]).0, 1);
        let (signs, files) = export("before.zip");
        assert!(!signs && !files.contains_key(SM2_SIGNATURE) && files.contains_key(SM3_MANIFEST));
        let (code, why) = run(&["evidence", "export", "--case", &case, "--out", &at("said.zip")]);
        assert!(code == 0 && why.contains("without a signature by SM2: no certificate was imported; `evidence key request --sm2`"), "{why}");
        assert_eq!(verify("before.zip", &["--data", &data]).0, 0);
        done(folder.path(), AUTHORITY);
        let (code, why) = run(&["evidence", "key", "import", "--sm2", &at("root.pem")]);
        assert!(code == 1 && why.contains("No key of SM2 waits"), "{why}");

        assert_eq!(run(&["evidence", "key", "request", "--sm2", "--subject", "CN=Example Evidence,O=Example,C=CN", "--out", &at("a.csr")]).0, 0);
        done(folder.path(), "openssl req -in a.csr -noout -verify -vfyopt distid:1234567812345678 2>&1 | grep -q 'verify OK'");
        done(
            folder.path(),
            "openssl req -in a.csr -noout -text > a.txt; grep -q 'Digital Signature, Non Repudiation' a.txt; grep -q 'SM2-with-SM3' a.txt",
        );
        let again = run(&["evidence", "key", "request", "--sm2", "--subject", "CN=Example Evidence,O=Example,C=CN"]).1;
        assert_eq!(again, std::fs::read_to_string(at("a.csr")).unwrap(), "the same key until there is a certificate");
        let mode = |name: &str| {
            use std::os::unix::fs::PermissionsExt;
            node.data.join(name).metadata().unwrap().permissions().mode() & 0o777
        };
        assert_eq!(mode("keys/evidence-sm2.key.new"), 0o600);

        // What is no chain for this key, or must not sign.
        certificate(folder.path(), "a.csr", "digitalSignature,nonRepudiation", "good.pem");
        certificate(folder.path(), "a.csr", "keyEncipherment", "usage.pem");
        done(folder.path(), "openssl ecparam -genkey -name SM2 -noout -out b.key && openssl pkcs8 -topk8 -nocrypt -in b.key -out b.pk8");
        done(folder.path(), "openssl req -new -key b.key -sm3 -sigopt distid:1234567812345678 -out b.csr -subj '/O=Example/CN=Another'");
        certificate(folder.path(), "b.csr", "digitalSignature", "b.pem");
        done(folder.path(), "cat good.pem.only between.pem > noroot.pem; cat good.pem.only root.pem between.pem > order.pem");
        done(
            folder.path(),
            "openssl x509 -req -in a.csr -vfyopt distid:1234567812345678 -CA rsa.pem -CAkey rsa.key -sha256 -days 30 -out mixed.only \
             -extfile <(echo keyUsage=digitalSignature) 2>/dev/null && cat mixed.only rsa.pem > mixed.pem",
        );
        done(
            folder.path(),
            "openssl x509 -req -in a.csr -vfyopt distid:1234567812345678 -CA root.pem -CAkey root.key -sm3 -sigopt distid:1234567812345678 -days -1 -out old.only \
             -extfile <(echo keyUsage=digitalSignature) 2>/dev/null && cat old.only root.pem > old.pem",
        );
        // Without the identity that is usual, the signature of the certificate is another one.
        done(
            folder.path(),
            "openssl x509 -req -in a.csr -vfyopt distid:1234567812345678 -CA root.pem -CAkey root.key -sm3 -days 30 -out nobody.only \
             -extfile <(echo keyUsage=digitalSignature) 2>/dev/null && cat nobody.only root.pem > nobody.pem",
        );
        for (file, words) in [
            ("usage.pem", "its key usage must say digitalSignature"),
            ("b.pem", "another key than the one that was requested"),
            ("noroot.pem", "not a root"),
            ("order.pem", "Certificate number 1 is not signed by the next one"),
            ("mixed.pem", "The certificates are not all of SM2"),
            ("old.pem", "Not valid now"),
            ("nobody.pem", "Certificate number 1 is not signed by the next one"),
            ("a.csr", "no certificate in PEM"),
        ] {
            let (code, why) = run(&["evidence", "key", "import", "--sm2", &at(file)]);
            assert!(code == 1 && why.contains(words), "{file}: {why}");
            assert_eq!(run(&["evidence", "key", "show", "--sm2"]).0, 1, "{file}");
        }

        // Taken in: it signs, OpenSSL agrees, and the installation knows its own.
        let facts = node.json(&["evidence", "key", "import", "--sm2", &at("good.pem"), "--json"]);
        assert_eq!(facts["subject"], "CN=Example Evidence,O=Example,C=CN");
        assert!(mode("keys/evidence-sm2.pem") == 0o600 && !node.data.join("keys/evidence-sm2.key.new").exists());
        assert_eq!(run(&["evidence", "key", "show"]).0, 1, "the other signature is another matter");
        let (signs, files) = export("first.zip");
        let (good, told) = others(&files, &files);
        assert!(signs && good == [true; 3] && told.contains("Example Evidence"), "{told}");
        let vkey = String::from_utf8(node.run(&["ledger", "checkpoint", "--vkey"]).stdout).unwrap();
        let (code, said) = verify("first.zip", &["--data", &data]);
        assert_eq!(code, 0, "{said:#}");
        assert_eq!(verify("first.zip", &["--log-key", vkey.trim(), "--root", &at("root.pem")]).0, 0);
        assert_eq!(verify("first.zip", &["--log-key", vkey.trim(), "--root", &at("rsa.pem")]).0, 2, "the root that was asked for is not there");
        assert_eq!(verify("before.zip", &["--log-key", vkey.trim(), "--root", &at("root.pem")]).0, 2, "nor is it in a bundle without");
        assert_eq!(verify("first.zip", &["--root", &at("root.pem")]).0, 2, "the log's key is unknown");

        // A key from elsewhere takes its place; neither key can stand in for the other.
        assert!(run(&["evidence", "key", "import", "--sm2", &at("b.pem"), "--key", &at("rsa.key")]).1.contains("holds no key of SM2"));
        assert!(run(&["evidence", "key", "import", &at("b.pem"), "--key", &at("b.pk8")]).1.contains("holds no key that can sign"));
        node.json(&["evidence", "key", "import", "--sm2", &at("b.pem"), "--key", &at("b.pk8"), "--json"]);
        let (signs, files) = export("second.zip");
        let (good, told) = others(&files, &files);
        assert!(signs && good == [true; 3] && told.contains("CN = Another"), "{told}");
        for name in ["before.zip", "first.zip", "second.zip"] {
            let (code, said) = verify(name, &["--data", &data]);
            assert_eq!(code, 0, "{name}: {said:#}");
        }
        let shown = node.json(&["evidence", "key", "show", "--sm2", "--json"]);
        assert_eq!((shown["signs"].as_bool(), shown["certificate"]["subject"].as_str()), (Some(true), Some("CN=Another,O=Example")));

        // Without the file nothing signs, and that is said.
        std::fs::rename(node.data.join("keys/evidence-sm2.pem"), folder.path().join("away.pem")).unwrap();
        let (_, why) = run(&["evidence", "export", "--case", &case, "--out", &at("missing.zip")]);
        assert!(why.contains("keys/evidence-sm2.pem is not the certificate"), "{why}");
        std::fs::rename(folder.path().join("away.pem"), node.data.join("keys/evidence-sm2.pem")).unwrap();

        // Lists by an authority of SM2 count as others do: taken in, carried along, asked.
        done(folder.path(), LISTS);
        let (code, why) = run(&["evidence", "crl", &at("nobody.crl")]);
        assert!(code == 1 && why.contains("did not sign it"), "{why}");
        assert_eq!(run(&["evidence", "crl", &at("good.crl")]).0, 0);
        let (_, files) = export("listed.zip");
        assert!(files.contains_key(SM2_LISTS));
        let (code, said) = verify("listed.zip", &["--data", &data]);
        let revocation = |said: &serde_json::Value| {
            let all = said["checks"].as_array().unwrap().clone();
            all.into_iter().find(|c| c["name"] == "revocation" && c["file"] == SM2_SIGNATURE).unwrap()["actual"].as_str().unwrap().to_owned()
        };
        // The list of who issued the authority between is not here, and its certificate names none.
        assert!(code == 0 && revocation(&said).contains("Example SM2 Between,O=Example CA names no revocation list"), "{said:#}");
        assert_eq!(run(&["evidence", "crl", &at("root.crl")]).0, 0);
        export("listed.zip");
        let (code, said) = verify("listed.zip", &["--data", &data]);
        assert!(code == 0 && revocation(&said).starts_with("not revoked at"), "{said:#}");
        let (code, said) = verify("listed.zip", &["--data", &data, "--crl", &at("bad.crl")]);
        assert!(code == 1 && revocation(&said).contains("is revoked since"), "{said:#}");
        assert_eq!(run(&["evidence", "crl", &at("bad.crl")]).0, 0);
        let (_, why) = run(&["evidence", "export", "--case", &case, "--out", &at("revoked.zip")]);
        assert!(why.contains("without a signature by SM2: its authority has revoked the certificate"), "{why}");

        let secret: String = std::fs::read_to_string(node.data.join("keys/evidence-sm2.pem")).unwrap().lines().nth(1).unwrap().to_owned();
        let events = crate::support::log::events_from(store, 0).await;
        let imported = events.iter().filter(|e| e["action"] == "evidence_certificate.imported" && e["subject"]["id"] == "evidence_sm2").count();
        assert_eq!(imported, 1 + 8 + 1 + 1 + 1, "those that were refused too");
        let told = |action: &str| events.iter().rfind(|e| e["action"] == action).unwrap()["parts"]["detail"]["uncertified_sm2"].clone();
        assert_eq!(told("evidence.exported"), "certificate_revoked");
        assert!(!serde_json::to_string(&events).unwrap().contains(&secret));
    }
}
