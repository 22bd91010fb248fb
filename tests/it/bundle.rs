//! The evidence bundle, from plain data to a stranger's verdict: what is built verifies, and whatever is touched afterwards does not.

use std::io::Write;

use countermand::{
    crypto::sha256,
    evidence::{
        bundle::{Bundle, build},
        collected::Content,
        csv,
        verify::{Answer, Outcome, Pin, verify},
        zip::{self, Files, Limits},
    },
    ledger::note::Vkey,
};
use ed25519_dalek::SigningKey;
use sha2::{Digest, Sha512};

use crate::support::case_sample as sample;

const HOSTILE: &str = "=1+1\r\n\"<script>\",𠮷";
const NUMBER: &str = "EVID-20261122-000123";

fn bundle() -> Bundle {
    build(&sample::collected(HOSTILE), &sample::key()).unwrap()
}

fn check(bytes: &[u8]) -> Outcome {
    verify(bytes, &[Pin::Log(sample::vkey())], &Limits::default())
}

fn failed(outcome: &Outcome) -> Vec<&str> {
    outcome.checks.iter().filter(|c| c.result == Answer::Fail).map(|c| c.name).collect()
}

/// The files as a forger would pack them again: manifests, sizes and the report's list of files all made to fit.
fn repack(mut files: Files) -> Vec<u8> {
    let hash = |bytes: &[u8]| hex::encode(sha256(bytes));
    if let Ok(mut report) = serde_json::from_slice::<serde_json::Value>(&files["data/evidence.json"]) {
        report["files"] = files
            .iter()
            .filter_map(|(p, b)| Some((p.strip_prefix("data/")?, b)))
            .filter(|(p, _)| *p != "evidence.json")
            .map(|(p, b)| serde_json::json!({ "path": p, "bytes": b.len(), "sha256": hash(b) }))
            .collect();
        let report: countermand::evidence::report::Report = serde_json::from_value(report).unwrap();
        files.insert("data/evidence.json".to_owned(), report.to_bytes());
    }
    let payload: Vec<_> = files.iter().filter(|(p, _)| p.starts_with("data/")).collect();
    let info = String::from_utf8(files["bag-info.txt"].clone()).unwrap();
    let oxum = format!("Payload-Oxum: {}.{}", payload.iter().map(|(_, b)| b.len()).sum::<usize>(), payload.len());
    let info: String = info.lines().map(|l| if l.starts_with("Payload-Oxum") { format!("{oxum}\n") } else { format!("{l}\n") }).collect();
    let m256: String = payload.iter().map(|(p, b)| format!("{}  {p}\n", hash(b))).collect();
    let m512: String = payload.iter().map(|(p, b)| format!("{}  {p}\n", hex::encode(Sha512::digest(b)))).collect();
    files.insert("bag-info.txt".to_owned(), info.into_bytes());
    files.insert("manifest-sha256.txt".to_owned(), m256.into_bytes());
    files.insert("manifest-sha512.txt".to_owned(), m512.into_bytes());
    let tags: String = files
        .iter()
        .filter(|(p, _)| !p.starts_with("data/") && !p.starts_with("signatures/") && *p != "tagmanifest-sha256.txt")
        .map(|(p, b)| format!("{}  {p}\n", hash(b)))
        .collect();
    files.insert("tagmanifest-sha256.txt".to_owned(), tags.into_bytes());
    zip::write(NUMBER, &files).unwrap()
}

#[test]
fn a_bundle_verifies_with_its_key_and_says_unknown_without_one() {
    let bundle = bundle();
    let outcome = check(&bundle.bytes);
    assert_eq!(outcome.result, Answer::Pass, "{:#?}", outcome.checks.iter().filter(|c| c.result != Answer::Pass).collect::<Vec<_>>());

    let outcome = verify(&bundle.bytes, &[], &Limits::default());
    assert_eq!((outcome.result, outcome.result.exit_code()), (Answer::Unknown, 2));
    let open: Vec<_> = outcome.checks.iter().filter(|c| c.result != Answer::Pass).collect();
    assert_eq!(open.len(), 1);
    assert_eq!((open[0].name, open[0].actual.as_str()), ("log_key", sample::vkey().to_string().as_str()), "the key is named");
}

#[test]
fn the_same_data_gives_the_same_bytes() {
    assert_eq!(bundle().bytes, bundle().bytes);
    let mut later = sample::collected(HOSTILE);
    later.number = "EVID-20261123-000124".to_owned();
    later.issue.made_at.0 += 86_400_000_000;
    later.issue.kind = "export".to_owned();
    let (first, second) = (bundle(), build(&later, &sample::key()).unwrap());
    let differ: Vec<_> = first.files.iter().filter(|(p, b)| second.files.get(*p) != Some(*b)).map(|(p, _)| p.as_str()).collect();
    assert!(!differ.is_empty() && differ.iter().all(|p| countermand::evidence::report::VARIES.contains(p)), "{differ:?}");
    assert_eq!(check(&second.bytes).result, Answer::Pass);
}

#[test]
fn the_layout_is_the_agreed_one() {
    let bundle = bundle();
    let paths: Vec<_> = bundle.files.keys().map(String::as_str).collect();
    assert_eq!(
        paths,
        [
            "bag-info.txt",
            "bagit.txt",
            "data/VERIFY.en.md",
            "data/VERIFY.zh-CN.md",
            "data/approvals.csv",
            "data/custody/custody.csv",
            "data/datapackage.json",
            "data/deliveries.csv",
            "data/environment.json",
            "data/events.csv",
            "data/events.jsonl",
            "data/evidence.json",
            "data/messages/01935f10-0000-7000-8000-000000000001.json",
            "data/messages/attachments/01935f12-0000-7000-8000-000000000001.bin",
            "data/parts.jsonl",
            "data/platform/raw-000001.json",
            "data/platform/raw-000002.json",
            "data/proofs/checkpoint.note",
            "data/proofs/checkpoint.txt",
            "data/proofs/checkpoint.txt.ed25519.sig",
            "data/proofs/inclusion.jsonl",
            "data/recipients.csv",
            "data/report.en.html",
            "data/report.html",
            "data/tools/verify.py",
            "manifest-sha256.txt",
            "manifest-sha512.txt",
            "signatures/tagmanifest-sha256.txt.ed25519.sig",
            "tagmanifest-sha256.txt",
            "trust/log-ed25519.pub.pem",
        ]
    );
    assert_eq!(bundle.files["data/proofs/checkpoint.txt.ed25519.sig"].len(), 64);
    let header = csv::parse(&bundle.files["data/events.csv"]).unwrap()[0].join(",");
    assert_eq!(
        header,
        "index,event_id,at_utc,at_local,tz,action,outcome,actor_id,actor_name,role,subject_kind,subject_id,client_ip,peer_port,device_id,device_fingerprint,device_state,session,leaf_sha256"
    );
    let text = String::from_utf8(bundle.files["data/events.csv"].clone()).unwrap();
    assert!(
        text.starts_with("\u{feff}index,") && text.contains(",2026-11-22T09:42:10.592590Z,2026-11-22T17:42:10.592590+08:00,Asia/Shanghai,"),
        "{text}"
    );
}

#[test]
fn a_byte_changed_in_any_file_is_found() {
    let bundle = bundle();
    for (path, bytes) in &bundle.files {
        for place in [0, bytes.len() / 2, bytes.len() - 1] {
            let mut files = bundle.files.clone();
            files.get_mut(path).unwrap()[place] ^= 1;
            let outcome = check(&zip::write(NUMBER, &files).unwrap());
            assert_eq!(outcome.result, Answer::Fail, "{path} at {place}");
        }
    }
}

#[test]
fn a_file_taken_away_or_added_is_found() {
    let bundle = bundle();
    for path in bundle.files.keys() {
        let mut files = bundle.files.clone();
        files.remove(path);
        let outcome = check(&zip::write(NUMBER, &files).unwrap());
        assert_eq!(outcome.result, Answer::Fail, "{path}");
        assert!(outcome.checks.iter().any(|c| c.result == Answer::Fail && c.file == *path), "{path} is named");
    }
    for path in ["data/more.txt", "more.txt", "data/platform/raw-000009.json", "signatures/x.p7s", "trust/other.pem"] {
        let mut files = bundle.files.clone();
        files.insert(path.to_owned(), b"{}".to_vec());
        assert_eq!(check(&zip::write(NUMBER, &files).unwrap()).result, Answer::Fail, "{path}");
    }
}

/// Whoever forges a bundle fits its manifests too; what counts is bound to the log.
#[test]
fn a_forger_who_fits_the_manifests_is_found_all_the_same() {
    let bundle = bundle();
    assert_eq!(check(&repack(bundle.files.clone())).result, Answer::Pass, "repacking alone changes nothing");
    let replace = |path: &str, from: &str, to: &str| {
        let mut files = bundle.files.clone();
        let text = String::from_utf8(files[path].clone()).unwrap();
        assert!(text.contains(from), "{path} has {from}");
        files.insert(path.to_owned(), text.replacen(from, to, 1).into_bytes());
        check(&repack(files))
    };
    for (path, from, to, name) in [
        ("data/events.jsonl", "recall.decided", "recall.decides", "leaf_hashes"),
        ("data/events.jsonl", "\"v\":1", "\"v\":2", "leaves"),
        ("data/parts.jsonl", "周启明", "周启朋", "commitments"),
        ("data/parts.jsonl", "\"salt\":\"", "\"salt\":\"0", "commitments"),
        ("data/proofs/inclusion.jsonl", "\"index\":1", "\"index\":2", "inclusion"),
        ("data/events.csv", "林雨桐", "林雨同", "view"),
        ("data/approvals.csv", ",approve,", ",reject,", "view"),
        ("data/approvals.csv", "10.24.3.57", "10.24.3.58", "view"),
        ("data/recipients.csv", "LinYuTong", "LinYuTang", "recipients"),
        ("data/recipients.csv", ",accepted,platform_accepted", ",confirmed,platform_confirmed", "tally"),
        ("data/recipients.csv", "platform_accepted", "platform_confirmed", "view"),
        ("data/deliveries.csv", "c1,send", "c9,send", "view"),
        ("data/platform/raw-000001.json", "errcode", "errcade", "view"),
        ("data/deliveries.csv", ",ok,", ",refused,", "view"),
        ("data/messages/01935f10-0000-7000-8000-000000000001.json", "薪酬", "奖金", "message"),
        ("data/messages/attachments/01935f12-0000-7000-8000-000000000001.bin", "png", "png2", "attachments"),
        ("data/datapackage.json", "日志序号", "序号", "view"),
        ("data/evidence.json", "\"level\": 2", "\"level\": 1", "decisions"),
        ("data/evidence.json", "FR-20261122-0001", "FR-20261122-0002", "case_facts"),
        ("data/evidence.json", "\"state\": \"recall_accepted\"", "\"state\": \"recalled\"", "case_facts"),
        ("data/evidence.json", "\"action\": \"recall.finished\"", "\"action\": \"recall.halted\"", "case_facts"),
        ("data/evidence.json", "\"round\": 1", "\"round\": 2", "separation"),
        ("data/evidence.json", "\"dispute\": \"yes\"", "\"dispute\": \"unanswered\"", "decisions"),
        ("data/evidence.json", "\"decision\": \"approve\"", "\"decision\": \"reject\"", "decisions"),
        ("data/proofs/checkpoint.txt", "recall.example", "recall.exemple", "checkpoint_text"),
        ("trust/log-ed25519.pub.pem", "MCow", "MCox", "log_key_file"),
        // No event commits to these: the signature over the root manifest does.
        ("data/VERIFY.en.md", "compare", "do not compare", "bundle_signature"),
        ("data/environment.json", "0.1.0", "0.1.1", "bundle_signature"),
        ("data/tools/verify.py", "if problems", "if not problems", "bundle_signature"),
        ("bag-info.txt", "Bagging-Date: 2026", "Bagging-Date: 2025", "bundle_signature"),
    ] {
        let outcome = replace(path, from, to);
        assert_eq!(outcome.result, Answer::Fail, "{path}: {from}");
        assert!(failed(&outcome).contains(&name), "{path}: {from} -> {:?}", failed(&outcome));
    }
}

#[test]
fn an_event_left_out_is_missed_by_the_closing_count() {
    let mut collected = sample::collected("x");
    collected.events.remove(4);
    let outcome = check(&build(&collected, &sample::key()).unwrap().bytes);
    assert!(failed(&outcome).contains(&"case_closed"), "{:?}", failed(&outcome));
    assert!(failed(&outcome).contains(&"decisions"), "its decision has lost its event: {:?}", failed(&outcome));

    let mut collected = sample::collected("x");
    collected.events.pop();
    assert!(failed(&check(&build(&collected, &sample::key()).unwrap().bytes)).contains(&"case_closed"));

    collected.case.closed_at = None;
    let outcome = check(&build(&collected, &sample::key()).unwrap().bytes);
    assert_eq!(outcome.result, Answer::Unknown, "an open case cannot be shown to be complete");
}

#[test]
fn one_person_cannot_stand_for_two() {
    let mut collected = sample::collected("x");
    let first = collected.decisions[0].decider.clone();
    collected.decisions[1].decider = first;
    assert!(failed(&check(&build(&collected, &sample::key()).unwrap().bytes)).contains(&"separation"));

    let mut collected = sample::collected("x");
    collected.case.requester = collected.decisions[2].decider.clone();
    assert!(failed(&check(&build(&collected, &sample::key()).unwrap().bytes)).contains(&"separation"));

    let mut collected = sample::collected("x");
    collected.decisions.pop();
    let outcome = check(&build(&collected, &sample::key()).unwrap().bytes);
    assert!(failed(&outcome).contains(&"separation") && failed(&outcome).contains(&"decisions"), "{:?}", failed(&outcome));
}

#[test]
fn another_key_does_not_pass() {
    let bundle = bundle();
    let other = SigningKey::from_bytes(&[8; 32]).verifying_key();
    let pinned = |pin: Pin| verify(&bundle.bytes, &[pin], &Limits::default());
    for pin in [
        Pin::Log(Vkey::new(sample::vkey().name(), &other).unwrap()),
        Pin::Log(Vkey::new("another.example", sample::vkey().key()).unwrap()),
        Pin::Key(other.to_bytes()),
    ] {
        let outcome = pinned(pin);
        assert_eq!((outcome.result, failed(&outcome)), (Answer::Fail, vec!["log_key"]));
    }
    assert_eq!(pinned(Pin::Key(sample::vkey().key().to_bytes())).result, Answer::Pass);
    assert_eq!(pinned(Pin::Certificate(Default::default())).result, Answer::Unknown, "a root says nothing about a bundle without a timestamp");

    // A whole bundle by another log: consistent in itself, and not ours.
    let mut forged = sample::collected("x");
    let note = forged.log.note.clone();
    let text = note.split("\n\n").next().unwrap();
    let key = SigningKey::from_bytes(&[8; 32]);
    forged.log.note = countermand::ledger::note::sign(&format!("{text}\n"), sample::vkey().name(), &key).unwrap();
    forged.log.vkey = Vkey::new(sample::vkey().name(), &other).unwrap();
    let forged = build(&forged, &key).unwrap();
    assert_eq!(verify(&forged.bytes, &[], &Limits::default()).result, Answer::Unknown);
    assert_eq!(failed(&check(&forged.bytes)), ["log_key"]);
}

#[test]
fn what_is_withheld_is_named_and_still_verifies() {
    let mut collected = sample::collected("x");
    let part = collected.events[2].parts.iter_mut().find(|p| p.name == "client").unwrap();
    part.content = Content::Withheld("purged".to_owned());
    collected.messages[0].content = Content::Withheld("content_permission".to_owned());
    collected.attachments[0].bytes = Err("content_permission".to_owned());
    let bundle = build(&collected, &sample::key()).unwrap();
    assert_eq!(check(&bundle.bytes).result, Answer::Pass);
    let parts = String::from_utf8(bundle.files["data/parts.jsonl"].clone()).unwrap();
    let line: serde_json::Value =
        parts.lines().map(|l| serde_json::from_str(l).unwrap()).find(|l: &serde_json::Value| l.get("withheld").is_some()).unwrap();
    assert_eq!(line["withheld"], "purged");
    assert!(line.get("salt").is_none() && line.get("value").is_none());
    assert!(!bundle.files.keys().any(|p| p.ends_with(".bin")));

    // A part that is simply gone is a theft.
    let mut files = bundle.files.clone();
    files.insert("data/parts.jsonl".to_owned(), parts.lines().skip(1).map(|l| format!("{l}\n")).collect::<String>().into_bytes());
    assert!(failed(&check(&repack(files))).contains(&"commitments"));
}

#[test]
fn a_bundle_that_would_not_verify_is_not_made() {
    let mut collected = sample::collected("x");
    let Content::Open { salt, .. } = &mut collected.events[3].parts[0].content else { unreachable!() };
    salt[0] ^= 1;
    assert!(matches!(build(&collected, &sample::key()), Err(countermand::evidence::bundle::BundleError::Part { .. })));
}

#[test]
fn hostile_containers_are_refused_and_bounded() {
    let bundle = bundle();
    let refused = |bytes: &[u8], limits: &Limits| {
        let outcome = verify(bytes, &[], limits);
        assert_eq!((outcome.result, failed(&outcome)), (Answer::Fail, vec!["container"]), "{:?}", outcome.checks);
        outcome.checks[0].actual.clone()
    };
    let limits = Limits::default();
    for bytes in [&b""[..], b"PK", &[0; 4096], b"not a zip at all, but long enough to hold an end record"] {
        refused(bytes, &limits);
    }
    refused(&bundle.bytes[..bundle.bytes.len() - 1], &limits);
    refused(&[b"x".as_slice(), &bundle.bytes].concat(), &limits);
    refused(&[&bundle.bytes, b"x".as_slice()].concat(), &limits);

    let pack = |names: &[&str]| {
        let mut zip = ::zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for name in names {
            zip.start_file(*name, ::zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(b"x").unwrap();
        }
        zip.finish().unwrap().into_inner()
    };
    for name in ["a/../../etc/passwd", "/etc/passwd", "a\\b", "C:/x", "a//b", "a/./b", "a/é", "a/b\u{7f}"] {
        refused(&pack(&["a/b", name]), &limits);
    }
    refused(&pack(&["a/x", "b/y"]), &limits);
    refused(&pack(&["x"]), &limits);
    assert!(refused(&pack(&["a/X", "a/x"]), &limits).contains("two files"));

    // The writer would not write a name twice, so the second is patched in: same length, other letter.
    let mut twice = pack(&["a/first", "a/fIrst"]);
    while let Some(at) = twice.windows(7).position(|w| w == b"a/fIrst") {
        twice[at..at + 7].copy_from_slice(b"a/first");
    }
    assert!(refused(&twice, &limits).contains("two files"));
    let mut otherwise = pack(&["a/first"]);
    let at = otherwise.windows(7).position(|w| w == b"a/first").unwrap();
    otherwise[at + 2] = b'F';
    assert!(refused(&otherwise, &limits).contains("its own header"));

    // A file's own header may not say anything else than the list: readers that stream believe the header.
    let second = bundle.bytes.windows(4).enumerate().filter(|(_, w)| *w == b"PK\x03\x04").nth(1).unwrap().0;
    for (at, what) in [(6, "flags"), (8, "method"), (10, "time"), (14, "checksum"), (17, "checksum"), (18, "packed size"), (22, "size"), (25, "size")]
    {
        let mut changed = bundle.bytes.clone();
        changed[second + at] ^= 1;
        assert!(refused(&changed, &limits).contains("described otherwise"), "{what}");
    }
    // Nor may there be anything between two files that belongs to neither.
    let mut between = bundle.bytes.clone();
    between.splice(second..second, *b"secret");
    let end = between.len() - 22;
    let list = u32::from_le_bytes(between[end + 16..end + 20].try_into().unwrap()) + 6;
    between[end + 16..end + 20].copy_from_slice(&list.to_le_bytes());
    let mut at = list as usize;
    while between[at..].starts_with(b"PK\x01\x02") {
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0usize, |n, b| n << 8 | usize::from(*b));
        let offset = number(&between[at + 42..at + 46]);
        if offset >= second {
            let moved = u32::try_from(offset + 6).unwrap();
            between[at + 42..at + 46].copy_from_slice(&moved.to_le_bytes());
        }
        at += 46 + number(&between[at + 28..at + 30]) + number(&between[at + 30..at + 32]) + number(&between[at + 32..at + 34]);
    }
    assert!(refused(&between, &limits).contains("between its files"));

    let mut zip = ::zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("a/bomb", ::zip::write::SimpleFileOptions::default()).unwrap();
    zip.write_all(&vec![0; 4 << 20]).unwrap();
    let bomb = zip.finish().unwrap().into_inner();
    assert!(bomb.len() < 8192);
    let small = Limits { file: 1 << 20, ..limits };
    assert!(refused(&bomb, &small).contains("more than"));
    let small = Limits { total: 1 << 20, ..limits };
    assert!(refused(&bomb, &small).contains("more than"));
    let few = Limits { entries: 3, ..limits };
    assert!(refused(&bundle.bytes, &few).contains("or more"));

    let mut zip = ::zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.add_symlink("a/link", "/etc/passwd", ::zip::write::SimpleFileOptions::default()).unwrap();
    refused(&zip.finish().unwrap().into_inner(), &limits);
}

/// An expert may unpack a bundle and pack it again with what they have; writers to a pipe put checksum and sizes behind the data.
#[test]
fn a_bundle_packed_again_by_other_software_holds() {
    let bundle = bundle();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.zip");
    std::fs::write(&file, &bundle.bytes).unwrap();
    let script = "import io, sys, zipfile
class Pipe(io.RawIOBase):
    def __init__(self): self.all = b''
    def writable(self): return True
    def write(self, b): self.all += bytes(b); return len(b)
old = zipfile.ZipFile(sys.argv[1])
for name, to in (('file', io.BytesIO()), ('pipe', Pipe())):
    new = zipfile.ZipFile(to, 'w', zipfile.ZIP_DEFLATED)
    for i in old.infolist(): new.writestr(i.filename, old.read(i))
    new.close()
    open(sys.argv[1] + '.' + name, 'wb').write(to.all if name == 'pipe' else to.getvalue())";
    let python = std::process::Command::new("python3").args(["-c", script]).arg(&file).status().unwrap();
    assert!(python.success());
    for how in ["file", "pipe"] {
        let packed = std::fs::read(folder.path().join(format!("a.zip.{how}"))).unwrap();
        let streamed = packed[6] & 8 != 0;
        assert_eq!(streamed, how == "pipe");
        let outcome = check(&packed);
        assert_eq!(outcome.result, check(&bundle.bytes).result, "{how}: {:?}", outcome.checks);
        let mut changed = packed;
        let at = if streamed { changed.windows(4).position(|w| w == b"PK\x07\x08").unwrap() + 4 } else { 14 };
        changed[at] ^= 1;
        assert_eq!(failed(&check(&changed)), ["container"], "{how}");
    }
}

#[test]
fn a_newer_format_is_left_to_a_newer_program() {
    let bundle = bundle();
    let mut files = bundle.files.clone();
    let text = String::from_utf8(files["data/evidence.json"].clone()).unwrap().replacen("\"format\": 1", "\"format\": 2", 1);
    files.insert("data/evidence.json".to_owned(), text.into_bytes());
    let outcome = check(&repack(files));
    assert_eq!(outcome.result, Answer::Unknown);
    assert!(outcome.checks.iter().any(|c| c.name == "format" && c.result == Answer::Unknown));
}

/// Coreutils, OpenSSL and Python decide; `bagit.py` and `frictionless` join in where they are installed.
#[test]
fn commodity_tools_agree() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = bundle();
    let name = format!("{NUMBER}.zip");
    let path = folder.path().join(&name);
    std::fs::write(&path, &bundle.bytes).unwrap();
    std::fs::write(folder.path().join(format!("{name}.sha256")), bundle.checksum_line(&name)).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/bundle.sh");
    let said = std::process::Command::new("bash").arg(script).arg(&path).output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    assert!(said.status.success(), "{text}");
    assert!(text.contains("11 leaf hashes"), "{text}");

    // And they notice a forger's change too.
    let mut files = bundle.files.clone();
    let parts = String::from_utf8(files["data/parts.jsonl"].clone()).unwrap().replacen("周启明", "周启朋", 1);
    files.insert("data/parts.jsonl".to_owned(), parts.into_bytes());
    let forged = repack(files);
    std::fs::write(&path, &forged).unwrap();
    std::fs::write(folder.path().join(format!("{name}.sha256")), format!("{}  {name}\n", hex::encode(sha256(&forged)))).unwrap();
    let said = std::process::Command::new("bash").arg(script).arg(&path).output().unwrap();
    assert!(!said.status.success() && String::from_utf8_lossy(&said.stdout).contains("does not open its commitment"));
}

#[test]
fn the_set_of_the_sample_is_bound_in_every_statement() {
    let collected = sample::collected("x");
    for d in &collected.decisions {
        assert!(d.statement.contains(&hex::encode(collected.case.recipients.root)));
        assert!(d.statement.contains(&sample::base64(&hex::decode(&collected.case.message_commitment).unwrap())));
    }
}
