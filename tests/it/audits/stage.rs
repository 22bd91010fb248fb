//! A company with cases of several kinds, an audit over them, and its pack taken apart and put together again.

use std::{collections::BTreeMap, io::Write, path::Path, process::Command, time::Duration};

use countermand::{
    app::{
        Caller,
        audits::{NewAudit, open, packs},
    },
    crypto::sha256,
    domain::audit::ExceptionKind,
    evidence::{
        bundle::SIGNATURE,
        verify::{Answer, Outcome, Pin, verify},
        zip::{self, Files, Limits},
    },
    store::audits::AuditRow,
};
use ed25519_dalek::Signer;
use sha2::{Digest, Sha512};

use crate::{
    recalls::stage::{Cast, Stage},
    support::db::TestDb,
};

pub const SEED: &str = "audit-2026-seed";

/// Two cases, one recalled, one returned, sent again, rejected.
pub async fn company(db: TestDb) -> (Stage, Cast, Vec<String>) {
    let stage = Stage::set_on(db, |_| {}).await;
    let cast = stage.cast().await;
    let one = stage.approved(&cast).await;
    stage.settle(6, 5).await;
    let again = stage.cast2(&cast).await;
    let two = stage.case(&again).await;
    assert_eq!(stage.decide(&again.reviewer, &two, "return").await.status, 303);
    stage.post(&again.requester, &format!("/recalls/{two}/resubmissions"), &[("reason", "补充：附件含职级薪酬区间")]).await;
    stage.clock.advance(Duration::from_secs(60));
    assert_eq!(stage.decide(&again.reviewer, &two, "reject").await.status, 303);
    stage.settle(6, 5).await;
    (stage, cast, vec![one, two])
}

/// A day of the stage's clock, in the company's zone.
pub fn day(stage: &Stage, ahead: i64) -> String {
    let zone = jiff::tz::TimeZone::get(&stage.app.config.time_zone).unwrap();
    let date = stage.app.now().timestamp().to_zoned(zone).date();
    date.checked_add(jiff::Span::new().days(ahead)).unwrap().to_string()
}

/// What is usually asked for: today, everything, one case of two.
pub fn wanted(stage: &Stage) -> NewAudit {
    NewAudit {
        title: "强制撤回专项审计".into(),
        from: day(stage, 0),
        to: day(stage, 0),
        exceptions: ExceptionKind::ALL.iter().map(|k| k.as_str().to_owned()).collect(),
        sample_size: "1".into(),
        seed: SEED.into(),
        ..NewAudit::default()
    }
}

/// An audit that is opened when its period has ended.
pub async fn audit(stage: &Stage, new: NewAudit) -> AuditRow {
    stage.clock.advance(Duration::from_secs(86_400 + 700));
    open(&stage.app, &Caller::shell(), new).await.unwrap().value
}

/// The bytes of a pack.
pub async fn pack(stage: &Stage, audit: &AuditRow, out: &Path) -> Vec<u8> {
    let made = packs::export_to(&stage.app, &Caller::shell(), &audit.id, out).await.unwrap().value;
    assert_eq!(made.verified, Some(true), "it does not hold by our own verification");
    std::fs::read(out).unwrap()
}

pub fn check(stage: &Stage, bytes: &[u8]) -> Outcome {
    verify(bytes, &[Pin::Log(stage.app.store.vkey().unwrap())], &Limits::default())
}

/// Names of the checks that failed.
pub fn failed(outcome: &Outcome) -> Vec<&'static str> {
    let mut names: Vec<_> = outcome.checks.iter().filter(|c| c.result == Answer::Fail).map(|c| c.name).collect();
    names.dedup();
    names
}

/// Folder and files.
pub fn files(bytes: &[u8]) -> (String, Files) {
    zip::read(bytes, &Limits::default()).unwrap()
}

pub fn text(files: &Files, path: &str) -> String {
    String::from_utf8(files[path].clone()).unwrap()
}

/// Puts a pack together again as somebody would who holds the log's key: manifests and signature fit whatever was changed.
pub fn sealed(stage: &Stage, folder: &str, mut files: Files) -> Vec<u8> {
    files.retain(|path, _| path.starts_with("data/") || matches!(path.as_str(), "bagit.txt" | "trust/log-ed25519.pub.pem" | "bag-info.txt"));
    let data: Vec<_> = files.iter().filter(|(p, _)| p.starts_with("data/")).collect();
    let octets: usize = data.iter().map(|(_, b)| b.len()).sum();
    let lines = |hash: fn(&[u8]) -> String| data.iter().map(|(p, b)| format!("{}  {p}\n", hash(b))).collect::<String>();
    let (short, long) = (lines(|b| hex::encode(sha256(b))), lines(|b| hex::encode(Sha512::digest(b))));
    let oxum = format!("Payload-Oxum: {octets}.{}", data.len());
    let info: String =
        text(&files, "bag-info.txt").lines().map(|l| if l.starts_with("Payload-Oxum") { format!("{oxum}\n") } else { format!("{l}\n") }).collect();
    files.insert("bag-info.txt".into(), info.into_bytes());
    files.insert("manifest-sha256.txt".into(), short.into_bytes());
    files.insert("manifest-sha512.txt".into(), long.into_bytes());
    let tags: BTreeMap<_, _> = files.iter().filter(|(p, _)| !p.starts_with("data/")).collect();
    let root: String = tags.iter().map(|(p, b)| format!("{}  {p}\n", hex::encode(sha256(b)))).collect();
    let signature = stage.app.store.keys().log.sign(root.as_bytes()).to_bytes().to_vec();
    files.insert("tagmanifest-sha256.txt".into(), root.into_bytes());
    files.insert(SIGNATURE.into(), signature);
    zip::write(folder, &files).unwrap()
}

/// What the pack's own program says: whether it holds, and its output.
pub fn python(bytes: &[u8]) -> (bool, String) {
    let (folder, files) = files(bytes);
    let at = tempfile::tempdir().unwrap();
    for (path, content) in &files {
        let full = at.path().join(&folder).join(path);
        std::fs::create_dir_all(full.parent().unwrap()).unwrap();
        std::fs::File::create(full).unwrap().write_all(content).unwrap();
    }
    let bag = at.path().join(&folder);
    let done = Command::new("python3").arg(bag.join("data/verify.py")).arg(&bag).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    (done.status.success(), said)
}
