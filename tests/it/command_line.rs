//! The command line as scripts meet it: exit codes 0, 1 and 2, one JSON object on standard output, settings from the environment.

use std::{
    ffi::{OsStr, OsString},
    os::unix::{ffi::OsStringExt, fs::MetadataExt},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use diesel::{Connection, SqliteConnection, connection::SimpleConnection};

use crate::support::db::TestDb;

fn run(data: &Path, arguments: &[&str], environment: &[(&str, &OsStr)]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countermand"));
    command.args(arguments).args(["--data".as_ref(), data.as_os_str()]).env_remove("DATABASE_URL");
    let Output { status, stdout, stderr } = command.envs(environment.iter().copied()).output().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn what_only_reads_makes_no_installation_out_of_a_mistyped_folder() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere");
    for arguments in [
        &["ledger", "verify", "--json"][..],
        &["ledger", "checkpoint"],
        &["ledger", "proof", "--index", "0"],
        &["ledger", "publish", "--out", "/dev/null/x"],
        &["ledger", "accept", "--against", "/dev/null"],
        &["ledger", "renew", "--json"],
        &["evidence", "export", "--case", "FR-20261122-0001", "--out", "x.zip", "--json"],
        &["backup", "--out", "x.backup", "--json"],
    ] {
        let (code, out, err) = run(&nowhere, arguments, &[]);
        assert_eq!(code, 2, "{arguments:?}: {err}");
        assert!(err.contains("there is no database at"), "{err}");
        let json = arguments.contains(&"--json");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&out).is_ok_and(|o| o["error"].is_string()), json, "{out}");
    }
    assert_eq!(run(&nowhere, &["migrate", "--check"], &[]).0, 1);
    assert!(!nowhere.exists(), "nothing was made");
}

#[test]
fn wrong_use_is_two_and_says_what() {
    let db = TestDb::sqlite();
    drop(db.open());
    for (arguments, words) in [
        (&["ledger", "proof", "--index", "7"][..], "there is no event 7"),
        (&["evidence", "export", "--case", "FR-1", "--out", "/tmp"], "is a folder"),
        (&["evidence", "export", "--case", "FR-1", "--out", "x.zip"], "there is no case \"FR-1\""),
    ] {
        let (code, out, err) = run(db.path(), arguments, &[]);
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        assert!(err.contains(words), "{err}");
    }
}

#[test]
fn settings_of_the_environment_are_told_by_their_names() {
    let db = TestDb::sqlite();
    drop(db.open());
    std::fs::write(db.path().join("countermand.toml"), "database_url = \"mysql://of-the-file\"\n").unwrap();
    let file = format!("sqlite://{}", db.path().join("countermand.db").display());
    let url = ("DATABASE_URL", OsStr::new(&file));
    let bytes = OsString::from_vec(vec![0xff]);
    for (name, value, code, words) in [
        ("COUNTERMAND_FROB", OsStr::new("1"), 2, "COUNTERMAND_FROB: unknown field `frob`"),
        ("COUNTERMAND_LISTEN", OsStr::new("nowhere"), 2, "COUNTERMAND_LISTEN"),
        ("COUNTERMAND_RETENTION_DAYZ", OsStr::new("300"), 2, "COUNTERMAND_RETENTION_DAYZ: unknown field `dayz`"),
        ("COUNTERMAND_SMTP", OsStr::new("smtp://x"), 2, "COUNTERMAND_SMTP: must be a TOML table"),
        ("COUNTERMAND_TENANT", &bytes, 2, "COUNTERMAND_TENANT: is not UTF-8"),
        ("COUNTERMAND_DATABASE_URL", OsStr::new("mysql://x"), 2, "must begin with postgres://"),
        ("NOT_OURS", &bytes, 0, ""),
        ("COUNTERMAND_DATA", OsStr::new("elsewhere"), 0, ""),
        ("COUNTERMAND_RETENTION_DAYS", OsStr::new("300"), 0, ""),
        ("COUNTERMAND_RETENTION_DAYS", OsStr::new("183"), 2, "retention.days must be at least 184"),
        ("COUNTERMAND_RETENTION_CLASSES_DECISION", OsStr::new("1825"), 0, ""),
        ("COUNTERMAND_RETENTION_CLASSES_DECISION", OsStr::new("183"), 2, "retention.classes.decision must be at least 184"),
        ("COUNTERMAND_RETENTION_CLASSES_DECISION", OsStr::new("long"), 2, "COUNTERMAND_RETENTION_CLASSES_DECISION: must be a number of days"),
        ("COUNTERMAND_RETENTION_CLASSES_VERDICT", OsStr::new("400"), 2, "\"verdict\" is no class of events; they are session, reading"),
        ("COUNTERMAND_RETENTION_CLASSES", OsStr::new("{ session = 365, decision = 730 }"), 0, ""),
        ("COUNTERMAND_RETENTION_CLASSES", OsStr::new("365"), 2, "COUNTERMAND_RETENTION_CLASSES: invalid type"),
        ("COUNTERMAND_RETENTION_CLASSES", OsStr::new("{ session"), 2, "must be a TOML table"),
        ("COUNTERMAND_RETENTION_BUNDLES", OsStr::new("3650"), 0, ""),
        ("COUNTERMAND_RETENTION_BUNDLES", OsStr::new("1095"), 2, "retention.bundles must be at least 1096"),
        ("COUNTERMAND_TIMESTAMP_AUTHORITIES", OsStr::new("https://a.example,https://b.example"), 2, "must be a list of TOML tables"),
        ("COUNTERMAND_TIMESTAMP_AUTHORITIES", OsStr::new("[{ name = \"a\", url = \"https://a.example\", root = \"a.pem\" }]"), 0, ""),
        ("COUNTERMAND_TIMESTAMP_AUTHORITIES", OsStr::new("[{ name = \"a\", url = \"https://a.example\" }]"), 2, "missing field `root`"),
        ("COUNTERMAND_TIMESTAMP", OsStr::new("{ authorities = [] }"), 0, ""),
        ("COUNTERMAND_WITNESS_POLICY", OsStr::new("policy"), 0, "cosignatures are held against the keys in the database alone"),
        ("COUNTERMAND_SMTP", OsStr::new("{ host = \"mail.example\", from = \"a@b.example\" }"), 0, ""),
        ("COUNTERMAND_ALERTS_URL", OsStr::new("https://a.example"), 0, ""),
        ("COUNTERMAND_API_REQUESTS_PER_MINUTE", OsStr::new("600"), 0, ""),
        ("COUNTERMAND_API_REQUESTS_PER_MINUTE", OsStr::new("many"), 2, "COUNTERMAND_API_REQUESTS_PER_MINUTE: must be a whole number"),
        ("COUNTERMAND_IMPORTS_LARGEST_FILE", OsStr::new("5"), 0, ""),
        ("COUNTERMAND_IMPORTS_LARGEST_FILE", OsStr::new("11"), 2, "imports.largest_file"),
        ("COUNTERMAND_STREAMS_LOCAL", OsStr::new("514, 515"), 0, ""),
        ("COUNTERMAND_TIMESTAMP_RENEW_BEFORE_DAYS", OsStr::new("30"), 0, ""),
        ("COUNTERMAND_SMTP_PORT", OsStr::new("post"), 2, "COUNTERMAND_SMTP_PORT: must be a port number"),
        ("COUNTERMAND_CLOCK_NTP", OsStr::new("ntp.example:123"), 0, ""),
        ("COUNTERMAND_TRUSTED_PROXIES", OsStr::new("10.0.0.0/8,192.0.2.1"), 0, ""),
    ] {
        let (found, _, err) = run(db.path(), &["ledger", "verify"], &[url, (name, value)]);
        assert_eq!(found, code, "{name}={value:?}: {err}");
        assert!(err.contains(words), "{err}");
    }
}

#[test]
fn a_database_of_a_newer_version_is_left_alone() {
    let db = TestDb::sqlite();
    drop(db.open());
    let file = db.path().join("countermand.db");
    let mut raw = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    raw.batch_execute("PRAGMA busy_timeout=5000; INSERT INTO __diesel_schema_migrations (version) VALUES ('99990101000000')").unwrap();
    for arguments in [&["migrate", "--check"][..], &["migrate"], &["ledger", "verify"], &["ledger", "checkpoint"], &["user", "list"]] {
        let (code, _, err) = run(db.path(), arguments, &[]);
        assert_eq!(code, 2, "{arguments:?}: {err}");
        assert!(err.contains("newer version") && err.contains("99990101000000"), "{err}");
    }
}

/// Runs a command in a shell that hides nothing by itself.
fn openly(data: &Path, line: &str) -> Output {
    let shell = format!("umask 0; exec \"$0\" {line} --data \"$1\"");
    let mut command = Command::new("sh");
    command.args(["-c", &shell, env!("CARGO_BIN_EXE_countermand")]).arg(data);
    command.env_remove("DATABASE_URL").env_remove("RUST_LOG").output().unwrap()
}

/// Everything below a folder, with what others may do with it.
fn open_to_others(folder: &Path) -> Vec<(PathBuf, u32)> {
    let mut found = vec![(folder.to_owned(), std::fs::metadata(folder).unwrap().mode())];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(open_to_others(&path)),
            false => found.push((path.clone(), path.metadata().unwrap().mode())),
        }
    }
    found.retain(|(_, mode)| mode & 0o077 != 0);
    found
}

#[test]
fn an_installation_is_closed_to_others_whatever_the_umask_says() {
    let folder = tempfile::tempdir().unwrap();
    for (data, lines) in [
        ("migrated", &["migrate"][..]),
        ("used", &["user add --username zhang --display-name 张三 --role requester", "ledger checkpoint", "user list"]),
        ("deep/shown", &["demo --once"]),
    ] {
        let data = folder.path().join(data);
        for line in lines {
            let Output { status, stderr, .. } = openly(&data, line);
            assert!(status.success(), "{line}: {}", String::from_utf8_lossy(&stderr));
            assert_eq!(open_to_others(&data), [], "{line}");
        }
        assert!(data.join("countermand.db").exists());
        // What SQLite lays beside it while it is open is made as the file itself is.
        let mut open = SqliteConnection::establish(data.join("countermand.db").to_str().unwrap()).unwrap();
        open.batch_execute("BEGIN IMMEDIATE; ROLLBACK").unwrap();
        assert!(data.join("countermand.db-wal").exists() && data.join("countermand.db-shm").exists());
        assert_eq!(open_to_others(&data), [], "while it is open");
    }
    assert_eq!(open_to_others(&folder.path().join("deep")), [], "what was made above it, too");
}

#[test]
fn the_demonstration_tells_its_story_in_the_language_of_the_terminal_and_is_quiet_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    // A folder each: a second story in one waits for codes that have not been spent.
    for (n, (environment, state, sent)) in [
        (&[][..], "：平台已受理撤回，证据 ", "林雨桐向全体员工发送了"),
        (&[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "en_GB.UTF-8")], ": Recall accepted by the platform, evidence ", "林雨桐 sent"),
        (&[("LANG", "de_DE.UTF-8")], "：平台已受理撤回，证据 ", "林雨桐向全体员工发送了"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countermand"));
        for name in ["LANG", "LC_ALL", "LC_MESSAGES", "RUST_LOG", "DATABASE_URL"] {
            command.env_remove(name);
        }
        let out =
            command.args(["demo", "--once", "--data"]).arg(folder.path().join(n.to_string())).envs(environment.iter().copied()).output().unwrap();
        let (said, logged) = (String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr).unwrap());
        assert!(out.status.success(), "{said}{logged}");
        assert!(said.contains(state) && said.contains(sent) && !said.contains("recall_accepted"), "{said}");
        assert_eq!(logged, "", "no log between the lines");
    }
    let data = folder.path().join("told");
    let mut loud = Command::new(env!("CARGO_BIN_EXE_countermand"));
    loud.args(["demo", "--once", "--json", "--data"]).arg(&data).env("RUST_LOG", "info").env("LANG", "en_GB.UTF-8");
    let out = loud.output().unwrap();
    assert!(String::from_utf8_lossy(&out.stderr).contains("INFO"), "a level that is asked for is kept");
    let report: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(report["state"], "recall_accepted", "programs get the word of the formats");
}

#[test]
fn an_export_keeps_the_bundle_that_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (code, said, err) = run(&data, &["demo", "--once", "--json"], &[]);
    assert_eq!(code, 0, "{err}");
    let report: serde_json::Value = serde_json::from_str(&said).unwrap();
    let (zip, number) = (folder.path().join("a.zip"), report["case"].as_str().unwrap());
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    let export = || {
        let (code, _, err) = run(&data, &["evidence", "export", "--case", number, "--out", zip.to_str().unwrap()], &[]);
        assert_eq!(code, 0, "{err}");
        err
    };
    // A name that a script has reserved.
    std::fs::write(&zip, "").unwrap();
    assert!(!export().contains("already"));
    let (first, sum) = (read("a.zip"), read("a.zip.sha256"));
    // What is there may be the only copy of what a court was given.
    assert!(export().contains("a.zip was there already and is now"));
    let second = read("a.zip");
    assert_eq!((read("a.zip.~1~"), read("a.zip.sha256.~1~")), (first.clone(), sum.clone()));
    assert_ne!(second, first, "the log has grown, and the bundle is of another size");
    export();
    assert_eq!((read("a.zip.~1~"), read("a.zip.~2~")), (first, second));
}

#[test]
fn a_connection_gets_other_credentials_from_the_shell() {
    let folder = tempfile::tempdir().unwrap();
    let (data, secret) = (folder.path().join("data"), folder.path().join("secret"));
    std::fs::write(&secret, "first\n").unwrap();
    let file = secret.to_str().unwrap();
    let add = ["connection", "add", "--name", "Matrix", "--platform", "matrix", "--base-url", "https://matrix.example.org", "--secret-file", file];
    let (code, id, err) = run(&data, &add, &[]);
    assert_eq!(code, 0, "{err}");
    std::fs::write(&secret, "syt_another_token\n").unwrap();
    let (code, said, err) = run(&data, &["connection", "change", "Matrix", "--secret-file", file, "--state", "off", "--json"], &[]);
    assert_eq!(code, 0, "{err}");
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert!(said["id"] == id.trim() && said["receipt"]["index"].is_u64(), "{said}");
    let (_, list, _) = run(&data, &["connection", "list", "--json"], &[]);
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    assert_eq!((&list[0]["version"], &list[0]["active"]), (&2.into(), &false.into()), "{list}");
    assert!(!list.to_string().contains("another_token"), "a secret is never shown again");
    let (code, _, err) = run(&data, &["connection", "change", "no-such", "--state", "off"], &[]);
    assert!(code == 1 && err.contains("there is no connection no-such"), "{code} {err}");
    let (code, _, err) = run(&data, &["connection", "change", "Matrix", "--secret-file", "/nowhere/secret"], &[]);
    assert!(code == 2 && err.contains("cannot read /nowhere/secret"), "{code} {err}");
}
