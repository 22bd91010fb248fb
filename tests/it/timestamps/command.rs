//! The command line: an authority to try things with, an export that carries its token, a verification that names the root.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use super::Timed;
use crate::support::{db::TestDb, process::Node};

/// `countermand emulate tsa`, killed with the value.
struct Emulated(Child);

impl Emulated {
    fn start(root: &Path) -> (Self, Value) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_countermand"))
            .args(["emulate", "tsa", "--json", "--root"])
            .arg(root)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        (Self(child), serde_json::from_str(&line).unwrap())
    }
}

impl Drop for Emulated {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[actix_web::test]
async fn an_export_to_a_file_carries_its_token_and_goes_out_without_one_too() {
    let timed = Timed::set(TestDb::one()).await;
    let cast = timed.stage.cast().await;
    let (case, _) = timed.sealed(&cast).await;
    let store = &timed.stage.app.store;
    let (data, out) = (store.data().to_owned(), tempfile::tempdir().unwrap());
    let (root, file) = (data.join("emulated.pem"), out.path().join("b.zip"));
    let (emulated, access) = Emulated::start(&root);
    assert_eq!(std::fs::read_to_string(&root).unwrap(), access["root"].as_str().unwrap());
    assert!(access["root"].as_str().unwrap().contains("BEGIN CERTIFICATE"));
    let url = access["base_url"].as_str().unwrap();
    std::fs::write(
        data.join("countermand.toml"),
        format!("allow_private_destinations = true\n[[timestamp.authorities]]\nname = \"emulated\"\nurl = \"{url}\"\nroot = \"emulated.pem\"\n"),
    )
    .unwrap();
    let node = Node { data: data.clone(), database: store.database().clone() };
    let export = ["evidence", "export", "--case", &case, "--out", file.to_str().unwrap(), "--json"];
    assert_eq!(node.json(&export)["verified"], true);
    let vkey = String::from_utf8(node.run(&["ledger", "checkpoint", "--vkey"]).stdout).unwrap();
    let verify = |more: &[&str]| {
        let run = Command::new(env!("CARGO_BIN_EXE_countermand")).args(["evidence", "verify", file.to_str().unwrap(), "--json"]).args(more).output();
        let run = run.unwrap();
        (run.status.code(), serde_json::from_slice::<Value>(&run.stdout).unwrap())
    };
    let tokens = |said: &Value, name: &str, result: &str| {
        said["checks"].as_array().unwrap().iter().filter(|c| c["name"] == name && c["result"] == result).count()
    };
    let (code, said) = verify(&["--data", data.to_str().unwrap()]);
    assert_eq!((code, tokens(&said, "timestamp", "pass")), (Some(0), 1), "an installation trusts the roots of its own settings: {said:#}");
    let (code, said) = verify(&["--log-key", vkey.trim()]);
    assert_eq!((code, tokens(&said, "timestamp_root", "unknown")), (Some(2), 1), "{said:#}");
    let (code, said) = verify(&["--log-key", vkey.trim(), "--root", root.to_str().unwrap()]);
    assert_eq!((code, tokens(&said, "timestamp_root", "pass")), (Some(0), 1), "{said:#}");

    drop(emulated);
    let gone = node.run(&export);
    let err = String::from_utf8_lossy(&gone.stderr);
    assert!(gone.status.success() && err.contains("without a timestamp: emulated: no connection"), "{err}");
    let (code, said) = verify(&["--log-key", vkey.trim()]);
    assert_eq!((code, tokens(&said, "timestamps", "pass")), (Some(0), 1), "{said:#}");

    std::fs::remove_file(&root).unwrap();
    let lost = node.run(&export);
    let err = String::from_utf8_lossy(&lost.stderr);
    assert!(lost.status.success() && err.contains("without a timestamp: emulated:") && err.contains("emulated.pem"), "{err}");
}

/// `countermand demo` until it has told its story; the bundle that it names.
fn demonstrate(data: &Path) -> (Emulated, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countermand"));
    command.args(["demo", "--listen", "127.0.0.1:0", "--data"]).arg(data).env_remove("DATABASE_URL").env("LANG", "en_GB.UTF-8");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let end = lines.by_ref().map_while(Result::ok).find(|l| l.contains(", evidence ")).expect("the story ends");
    // Whatever else it says is read, so that it never waits for us.
    std::thread::spawn(move || lines.for_each(drop));
    (Emulated(child), end.split(", evidence ").nth(1).unwrap().to_owned())
}

#[test]
fn a_demonstration_that_stays_up_has_its_bundle_stamped() {
    let folder = tempfile::tempdir().unwrap();
    let (_up, bundle) = demonstrate(folder.path());
    let mut command = Command::new(env!("CARGO_BIN_EXE_countermand"));
    let run = command.args(["evidence", "verify", &bundle, "--json", "--data"]).arg(folder.path()).output().unwrap();
    let said: Value = serde_json::from_slice(&run.stdout).unwrap();
    let tokens = said["checks"].as_array().unwrap().iter().filter(|c| c["name"] == "timestamp_root" && c["result"] == "pass").count();
    assert_eq!((run.status.code(), tokens), (Some(0), 1), "{said:#}");
}

#[test]
fn a_root_that_cannot_be_written_or_is_none_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("no/such/root.pem");
    let run = Command::new(env!("CARGO_BIN_EXE_countermand")).args(["emulate", "tsa", "--root"]).arg(&missing).output().unwrap();
    assert!(run.status.code() == Some(2) && String::from_utf8_lossy(&run.stderr).contains("root.pem"));
    let text = folder.path().join("root.pem");
    std::fs::write(&text, "-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n").unwrap();
    let run = Command::new(env!("CARGO_BIN_EXE_countermand")).args(["evidence", "verify", "x.zip", "--root"]).arg(&text).output().unwrap();
    assert!(run.status.code() == Some(2) && String::from_utf8_lossy(&run.stderr).contains("neither an Ed25519 public key nor a root certificate"));
}
