//! Tokens in a bundle: checked by us and by the commands that the bundle itself prints; whatever is done to one is named.

use countermand::{
    app::{
        Caller, evidence,
        evidence::export::{Export, export},
        timestamps,
    },
    clock::{Clock, Instant, SystemClock},
    connect::emulator::tsa::Authority,
    crypto::timestamp::{Query, Roots, verify as verify_token},
    evidence::{
        bundle::{SIGNATURE, build},
        collected::{Anchor, Collected},
        timestamps::{Token, stamped_by},
        verify::{Answer, Outcome, Pin, verify},
        zip::{self, Files, Limits},
    },
    ledger::checkpoint,
    store::timestamps::around,
};

use super::{Timed, openssl};
use crate::support::{case_sample as sample, db::TestDb};

const NUMBER: &str = "EVID-20261122-000123";

/// A token of `authority` over `bytes`.
pub fn token(authority: &Authority, bytes: &[u8], now: Instant) -> Token {
    let query = Query::new(bytes, None);
    let answer = authority.answer(&query.to_der(), now, None);
    let stamp = verify_token(&query, &answer, &Roots::from_pem(&authority.root_pem()).unwrap()).unwrap();
    let chain = countermand::crypto::timestamp::chain::pem_of(&stamp.path);
    Token { authority: "demo".into(), at: stamp.at, query: query.to_der(), answer, chain, lists: String::new() }
}

/// The sample case with its own checkpoint stamped.
pub fn anchored(authority: &Authority, now: Instant) -> Collected {
    let mut collected = sample::collected("x");
    let head = checkpoint::open(&collected.log.note, &sample::vkey()).unwrap();
    let text = head.text().into_bytes();
    collected.authorities = authority.root_pem();
    collected.anchors = vec![Anchor { size: head.size, tokens: vec![token(authority, &text, now)], text, consistency: Vec::new() }];
    collected
}

fn files(collected: &Collected, authority: &Authority, now: Instant) -> Files {
    let bundle = build(collected, &sample::key()).unwrap();
    let signature = bundle.signature().to_vec();
    bundle.with(&[token(authority, &signature, now), token(authority, &signature, now)]).unwrap().files
}

fn check(files: &Files, roots: &Roots) -> Outcome {
    let pins = [Pin::Log(sample::vkey()), Pin::Certificate(roots.clone())];
    verify(&zip::write(NUMBER, files).unwrap(), &pins, &Limits::default())
}

fn of<'o>(outcome: &'o Outcome, name: &str, answer: Answer) -> Vec<&'o str> {
    outcome.checks.iter().filter(|c| c.name == name && c.result == answer).map(|c| c.file.as_str()).collect()
}

#[test]
fn tokens_hold_under_a_root_that_is_trusted_and_cannot_be_told_under_another() {
    let now = SystemClock.now();
    let authority = Authority::fresh(now).unwrap();
    let roots = Roots::from_pem(&authority.root_pem()).unwrap();
    let files = files(&anchored(&authority, now), &authority, now);
    let outcome = check(&files, &roots);
    assert_eq!(outcome.result, Answer::Pass, "{:#?}", outcome.checks.iter().filter(|c| c.result != Answer::Pass).collect::<Vec<_>>());
    assert_eq!(of(&outcome, "timestamp", Answer::Pass).len(), 3);
    assert_eq!(of(&outcome, "anchor", Answer::Pass).len(), 2, "as many proofs as stamped checkpoints, and the one");

    let stranger = Roots::from_pem(&Authority::fresh(now).unwrap().root_pem()).unwrap();
    for pins in [vec![Pin::Log(sample::vkey())], vec![Pin::Log(sample::vkey()), Pin::Authorities(stranger)]] {
        let outcome = verify(&zip::write(NUMBER, &files).unwrap(), &pins, &Limits::default());
        assert_eq!(outcome.result, Answer::Unknown);
        assert_eq!(of(&outcome, "timestamp_root", Answer::Unknown).len(), 3);
        let named = outcome.checks.iter().find(|c| c.name == "timestamp_root").unwrap();
        assert!(named.actual.contains(&roots.fingerprints()[0].1), "the root is named: {named:?}");
    }
    // Without any token nothing is missing, unless somebody asks for one.
    let plain = build(&sample::collected("x"), &sample::key()).unwrap();
    let outcome = verify(&plain.bytes, &[Pin::Log(sample::vkey()), Pin::Authorities(roots.clone())], &Limits::default());
    let said = outcome.checks.iter().find(|c| c.name == "timestamps").unwrap();
    assert_eq!((outcome.result, said.actual.as_str()), (Answer::Pass, "none"));
    let outcome = check(&plain.files, &roots);
    assert_eq!((outcome.result, of(&outcome, "certificate", Answer::Unknown).len()), (Answer::Unknown, 1));
}

#[test]
fn whatever_is_done_to_a_token_is_named() {
    let now = SystemClock.now();
    let authority = Authority::fresh(now).unwrap();
    let roots = Roots::from_pem(&authority.root_pem()).unwrap();
    let good = files(&anchored(&authority, now), &authority, now);
    let (tsr, tsq) = (format!("{SIGNATURE}.tsr"), format!("{SIGNATURE}.tsq"));
    let changed = |change: &dyn Fn(&mut Files)| {
        let mut files = good.clone();
        change(&mut files);
        check(&files, &roots)
    };
    let failed = |outcome: &Outcome, name: &str, file: &str| {
        assert_eq!(outcome.result, Answer::Fail);
        assert!(of(outcome, name, Answer::Fail).contains(&file), "{name} {file}: {:#?}", outcome.checks);
    };
    let middle = |files: &mut Files, path: &str| {
        let bytes = files.get_mut(path).unwrap();
        let place = bytes.len() / 2;
        bytes[place] ^= 1;
    };
    failed(&changed(&|f| middle(f, &tsr)), "timestamp", &tsr);
    failed(&changed(&|f| middle(f, &tsq)), "timestamp", &tsq);
    failed(&changed(&|f| drop(f.remove(&tsq))), "file_present", &tsq);
    failed(&changed(&|f| drop(f.remove(&tsr))), "timestamp", &tsq);
    // Each token beside the other's question; a token over something else; one by nobody we know.
    let second = format!("{SIGNATURE}.2.tsr");
    failed(&changed(&|f| drop(f.insert(second.clone(), good[&tsr].clone()))), "timestamp", &second);
    let other = token(&authority, b"another bundle", now);
    failed(
        &changed(&|f| {
            f.insert(tsr.clone(), other.answer.clone());
            f.insert(tsq.clone(), other.query.clone());
        }),
        "timestamp",
        &tsq,
    );
    let stranger = token(&Authority::fresh(now).unwrap(), &good[SIGNATURE], now);
    let forged = changed(&|f| {
        f.insert(tsr.clone(), stranger.answer.clone());
        f.insert(tsq.clone(), stranger.query.clone());
    });
    failed(&forged, "timestamp", &tsr);
    for stray in ["signatures/other.tsr", "signatures/tagmanifest-sha256.txt.ed25519.sig.x.tsr", "signatures/tagmanifest-sha256.txt.tsr"] {
        failed(&changed(&|f| drop(f.insert(stray.to_owned(), good[&tsr].clone()))), "no_other_files", stray);
    }
    // What the manifests list is named by them, every file of it.
    for path in good.keys().filter(|p| p.contains("/anchors/") || p.starts_with("trust/tsa-") || p.ends_with("consistency.jsonl")) {
        failed(&changed(&|f| middle(f, path)), "file_hashes", path);
        assert_eq!(changed(&|f| drop(f.remove(path))).result, Answer::Fail, "{path}");
    }
}

/// Nobody is kept busy by what anybody may add, or by what a key's holder may pack.
#[test]
fn too_many_tokens_or_roots_are_refused_and_numbered_tokens_may_vary() {
    let now = SystemClock.now();
    let authority = Authority::fresh(now).unwrap();
    let roots = Roots::from_pem(&authority.root_pem()).unwrap();
    let mut files = files(&anchored(&authority, now), &authority, now);
    let good = files.clone();
    for n in 3..=17 {
        for end in ["tsq", "tsr"] {
            files.insert(format!("{SIGNATURE}.{n}.{end}"), good[&format!("{SIGNATURE}.{end}")].clone());
        }
    }
    assert_eq!(of(&check(&files, &roots), "timestamp", Answer::Fail), [SIGNATURE]);
    for n in ["tsq", "tsr"] {
        files.remove(&format!("{SIGNATURE}.17.{n}"));
    }
    assert_eq!(check(&files, &roots).result, Answer::Pass, "sixteen are looked at");
    for pem in [authority.root_pem().repeat(65), authority.root_pem() + &" ".repeat(256 << 10)] {
        let mut files = good.clone();
        files.insert("trust/tsa-root.pem".into(), pem.into_bytes());
        assert_eq!(of(&check(&files, &roots), "timestamp_root", Answer::Fail), ["trust/tsa-root.pem"]);
    }
    let mut collected = sample::collected("x");
    collected.environment["settings"]["timestamp_authorities"] = serde_json::json!(["one", "two"]);
    let report: serde_json::Value = serde_json::from_slice(&build(&collected, &sample::key()).unwrap().files["data/evidence.json"]).unwrap();
    let varies = report["varies"].as_array().unwrap();
    assert!(varies.contains(&format!("{SIGNATURE}.2.tsr").into()) && !varies.contains(&format!("{SIGNATURE}.3.tsr").into()), "{varies:?}");
}

/// A bundle that fits in itself, by whoever holds the log's key: its stamped checkpoints are of another log, or lead nowhere.
#[test]
fn a_stamped_checkpoint_must_be_of_this_log() {
    let now = SystemClock.now();
    let authority = Authority::fresh(now).unwrap();
    let roots = Roots::from_pem(&authority.root_pem()).unwrap();
    type Change = fn(&mut Anchor);
    let changes: [(&str, Change); 4] = [
        ("another origin", |a| a.text = String::from_utf8(a.text.clone()).unwrap().replace("recall.", "other.").into_bytes()),
        ("another size", |a| a.size -= 1),
        ("no checkpoint", |a| a.text = b"here be time\n".to_vec()),
        ("a proof of nothing", |a| a.consistency = vec![[7; 32]]),
    ];
    for (what, change) in changes {
        let mut collected = anchored(&authority, now);
        change(&mut collected.anchors[0]);
        let text = collected.anchors[0].text.clone();
        collected.anchors[0].tokens = vec![token(&authority, &text, now)];
        let outcome = check(&build(&collected, &sample::key()).unwrap().files, &roots);
        assert_eq!((outcome.result, of(&outcome, "anchor", Answer::Fail).len()), (Answer::Fail, 1), "{what}");
    }
    assert_eq!(stamped_by("a/b.txt.tsr"), "a/b.txt");
    assert_eq!(stamped_by("a/b.txt.12.tsr"), "a/b.txt");
}

/// The block of commands below the heading that the bundle's own instructions have for timestamps.
pub fn printed(guide: &[u8], heading: &str) -> String {
    let text = String::from_utf8(guide.to_vec()).unwrap();
    text.split(heading).nth(1).unwrap().split("```sh\n").nth(1).unwrap().split("```").next().unwrap().to_owned()
}

/// Unpacks a bundle into `folder`.
pub fn unpack(files: &Files, folder: &std::path::Path) {
    for (path, content) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
}

/// Unpacks a bundle and runs what it prints about timestamps; what that printed. Its own program must be content too.
pub(super) fn told(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (_, files) = zip::read(bytes, &Limits::default()).unwrap();
    unpack(&files, folder.path());
    let script = printed(&files["data/VERIFY.en.md"], "### Timestamps");
    assert_eq!(script, printed(&files["data/VERIFY.zh-CN.md"], "### 第三方的可信时间戳"), "the same commands in both languages");
    openssl::done(folder.path(), "python3 data/tools/verify.py .");
    if let Some(roots) = files.get("trust/tsa-root.pem") {
        let shown = printed(&files["data/VERIFY.en.md"], "trust/tsa-root.pem` is only");
        assert_eq!(shown, printed(&files["data/VERIFY.zh-CN.md"], "`trust/tsa-root.pem` 仅供参考"));
        // A second certificate is shown as well.
        let twice = [roots.as_slice(), Authority::fresh(SystemClock.now()).unwrap().root_pem().as_bytes()].concat();
        std::fs::write(folder.path().join("trust/tsa-root.pem"), twice).unwrap();
        let lists = files
            .iter()
            .filter(|(p, _)| ["trust/tsa-root.pem", "trust/tsa-chain.pem"].contains(&p.as_str()) || p.ends_with(".pem") && p.contains("/renewal/"));
        let held: usize = lists.map(|(_, pem)| String::from_utf8_lossy(pem).matches("BEGIN CERTIFICATE").count()).sum();
        let shown = openssl::done(folder.path(), &shown).to_lowercase();
        assert_eq!(shown.matches("fingerprint=").count(), held + 1);
        let tokens = files.keys().filter(|p| p.ends_with(".tsr")).count();
        assert!(shown.matches("notafter=").count() > held + tokens, "the ends of the tokens' own certificates: {shown}");
        std::fs::write(folder.path().join("trust/tsa-root.pem"), roots).unwrap();
    }
    openssl::done(folder.path(), &format!("exec 2>&1\n{script}"))
}

#[actix_web::test]
async fn the_commands_that_a_bundle_prints_accept_its_tokens() {
    let (timed, counsel, _, number) = Timed::stamped(TestDb::one()).await;
    let app = &timed.stage.app;
    let (_, handed) = evidence::again(app, &counsel.caller, &number).await.unwrap();
    let said = told(&handed);
    assert_eq!((said.matches("Verification: OK").count(), said.matches("existed on").count()), (4, 2), "{said}");
    let plain = build(&sample::collected("x"), &sample::key()).unwrap();
    assert_eq!(told(&plain.bytes), "", "a bundle without timestamps is silent, and its text says what that means");
}

/// Two exports at one size with a timestamp between them differ only where the bundles say so.
#[actix_web::test]
async fn exports_at_one_size_differ_only_where_they_say_so() {
    for db in TestDb::each() {
        let timed = Timed::set(db).await;
        timed.begin().await;
        let cast = timed.stage.cast().await;
        let (case, _) = timed.sealed(&cast).await;
        let app = &timed.stage.app;
        app.store.checkpoint().await.unwrap();
        let at = app.store.read(countermand::store::reader::head).await.unwrap().size();
        let out =
            async || export(app, &Caller::shell(), Export { case: case.clone(), purpose: "compare".into(), at: Some(at), ..Export::default() }).await;
        let first = out().await.unwrap().value;
        timed.later(3601).await;
        let second = out().await.unwrap().value;
        assert!(first.verified && second.verified && first.missing.is_empty());
        let anchors = |files: &Files| files.keys().filter(|p| p.contains("/anchors/") && p.ends_with(".txt")).count();
        assert_eq!((anchors(&first.bundle.files), anchors(&second.bundle.files)), (1, 2), "the first after the size came in between");
        let varies = |files: &Files| -> Vec<String> {
            let report: serde_json::Value = serde_json::from_slice(&files["data/evidence.json"]).unwrap();
            serde_json::from_value(report["varies"].clone()).unwrap()
        };
        let allowed = [varies(&first.bundle.files), varies(&second.bundle.files)].concat();
        let (a, b) = (&first.bundle.files, &second.bundle.files);
        let differ: Vec<_> = a.keys().chain(b.keys()).filter(|p| a.get(*p) != b.get(*p) && !allowed.contains(p)).collect();
        assert!(differ.is_empty(), "{differ:?}");
        let origin = app.store.origin().to_owned();
        let (ours, others) = app.store.read(move |conn| Ok((around(conn, &origin, at)?.len(), around(conn, "other", at)?.len()))).await.unwrap();
        assert_eq!((ours, others), (2, 0), "those of a log of another origin are none of ours");
        let pins = [Pin::Log(app.store.vkey().unwrap()), Pin::Authorities(timestamps::roots(&app.config))];
        let folder = tempfile::tempdir().unwrap();
        unpack(&second.bundle.files, folder.path());
        let program = "python3 data/tools/verify.py .";
        openssl::done(folder.path(), program);
        let proofs = folder.path().join("data/proofs/consistency.jsonl");
        let good = std::fs::read_to_string(&proofs).unwrap();
        let at_hash = good.find("[\"").expect("a proof of some length") + 2;
        let flipped = if good.as_bytes()[at_hash] == b'0' { "1" } else { "0" };
        std::fs::write(&proofs, format!("{}{flipped}{}", &good[..at_hash], &good[at_hash + 1..])).unwrap();
        let said = String::from_utf8(openssl::bash(folder.path(), program).stdout).unwrap();
        assert!(said.contains("are not of one log"), "{said}");
        let line = good.lines().next().unwrap();
        std::fs::write(&proofs, format!("{line}\n{line}\n")).unwrap();
        let said = String::from_utf8(openssl::bash(folder.path(), program).stdout).unwrap();
        assert!(said.contains("no line of consistency.jsonl"), "{said}");
        for exported in [&first, &second] {
            let outcome = verify(&exported.bundle.bytes, &pins, &Limits::default());
            assert_eq!(outcome.result, Answer::Pass, "{:#?}", outcome.checks.iter().filter(|c| c.result != Answer::Pass).collect::<Vec<_>>());
        }
    }
}
