//! `audit pack` and `audit verify`, as a script meets them.

use std::{path::Path, process::Command};

use serde_json::Value;

use super::stage::{company, day, files, sealed, text};
use crate::support::db::TestDb;

fn run(arguments: &[&str]) -> (i32, String, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_countermand")).args(arguments).env_remove("DATABASE_URL").env("RUST_LOG", "error").output().unwrap();
    let said = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (done.status.code().unwrap(), said(done.stdout), said(done.stderr))
}

#[actix_web::test]
async fn a_pack_is_made_and_checked_from_the_shell() {
    let (stage, _, cases) = company(TestDb::sqlite()).await;
    let (day, data) = (day(&stage, 0), stage.app.store.data().to_str().unwrap().to_owned());
    let at = tempfile::tempdir().unwrap();
    let out = at.path().join("pack.zip");
    let file = out.to_str().unwrap();
    let period = ["--from", &day, "--to", &day];
    let pack = |more: &[&str]| run(&[&["audit", "pack", "--data", &data, "--out", file], more].concat());

    let (code, said, err) = pack(&[&period[..], &["--seed", "shell-seed-1", "--sample-size", "1", "--json"]].concat());
    assert_eq!(code, 0, "{err}");
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((said["cases"].as_u64(), said["verified"].as_bool()), (Some(cases.len() as u64), Some(true)), "{said}");
    let checksum = std::fs::read_to_string(at.path().join("pack.zip.sha256")).unwrap();
    assert_eq!(checksum, format!("{}  pack.zip\n", said["sha256"].as_str().unwrap()));

    let (code, answer, _) = run(&["audit", "verify", file, "--data", &data, "--json"]);
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!((code, answer["result"].as_str()), (0, Some("pass")), "{answer:#}");
    assert_eq!(run(&["evidence", "verify", file, "--data", &data]).0, 0, "one way to check whatever was handed out");
    let (code, answer, _) = run(&["audit", "verify", file]);
    assert_eq!(code, 2, "a key that nobody pinned: {answer}");
    assert!(answer.contains("unknown  log_key"), "{answer}");

    // The same audit at the same size of the log is the same file.
    let audit = said["audit"].as_str().unwrap().to_owned();
    let bytes = std::fs::read(&out).unwrap();
    let (folder, mut changed) = files(&bytes);
    let cut: String = text(&changed, "data/cases.csv").split_inclusive('\n').filter(|line| !line.contains(&cases[0])).collect();
    changed.insert("data/cases.csv".into(), cut.into_bytes());
    let forged = at.path().join("forged.zip");
    std::fs::write(&forged, sealed(&stage, &folder, changed)).unwrap();
    let (code, answer, _) = run(&["audit", "verify", forged.to_str().unwrap(), "--data", &data]);
    assert!(code == 1 && answer.contains("fail     audit_population data/cases.csv"), "{answer}");

    let (code, _, err) = pack(&["--audit", &audit]);
    assert!(code == 0 && err.contains("was there already and is now"), "{err}");
    assert!(Path::new(&format!("{file}.~1~")).exists(), "the first is kept");

    for (wrong, words) in [
        (vec!["--from", "tomorrow", "--to", day.as_str()], "--from"),
        (vec!["--from", "2026-03-02", "--to", "2026-03-01"], "--to"),
        ([&period[..], &["--seed", "短"]].concat(), "--seed"),
        ([&period[..], &["--sample-size", "9999"]].concat(), "--sample-size"),
        ([&period[..], &["--walk", "FR-0"]].concat(), "--walk"),
        (vec!["--audit", "AUD-0"], "there is no audit \"AUD-0\""),
        (vec!["--from", day.as_str()], "--to"),
    ] {
        let (code, out, err) = pack(&wrong);
        assert!(code == 2 && out.is_empty() && err.contains(words), "{wrong:?}: {code} {err}");
    }
}
