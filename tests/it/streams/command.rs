//! `countermand stream …`

use crate::{
    fake_http::{Fake, answer},
    support::{db::TestDb, process::Node},
};

#[test]
fn a_stream_is_made_tested_stopped_and_removed_from_the_shell() {
    for db in TestDb::each() {
        let node = Node { data: db.path().to_owned(), database: db.database.clone() };
        std::fs::write(db.path().join("countermand.toml"), "allow_private_destinations = true\n").unwrap();
        assert!(node.run(&["migrate"]).status.success());
        let fake = Fake::start(|_| answer("200", "", ""));
        let add = ["stream", "add", "--name", "siem", "--kind", "webhook", "--destination", &fake.base_url, "--action", "recall.*", "--json"];
        let made = node.json(&add);
        let secret = made["secret"].as_str().unwrap().to_owned();
        assert!(secret.starts_with("whsec_") && made["receipt"]["index"].is_number(), "{made}");
        let list = node.json(&["stream", "list", "--json"]);
        assert_eq!((&list[0]["name"], &list[0]["state"], &list[0]["settings"]["format"]), (&"siem".into(), &"running".into(), &"ocsf".into()));
        assert!(!list.to_string().contains(&secret[6..]), "the secret is shown once");

        let say = |arguments: &[&str]| {
            let out = node.run(arguments);
            (out.status.code().unwrap(), String::from_utf8_lossy(&out.stdout).trim().to_owned() + &String::from_utf8_lossy(&out.stderr))
        };
        assert_eq!(say(&["stream", "test", "siem"]), (0, "ok".to_owned()));
        let sent = fake.asked();
        assert!(sent[0].body.contains("\"test\":true"), "{}", sent[0].body);
        let (code, fresh) = say(&["stream", "rotate", "siem"]);
        assert!(code == 0 && fresh.starts_with("whsec_") && fresh != secret);
        for arguments in [["pause", "siem"], ["resume", "siem"], ["pause", "siem"]] {
            assert_eq!(say(&["stream", arguments[0], arguments[1]]), (0, String::new()), "{arguments:?}");
        }
        assert_eq!(say(&["stream", "pause", "siem"]).0, 1, "it is paused already");
        assert_eq!(say(&["stream", "rewind", "siem", "0"]), (0, String::new()));
        assert_eq!(node.json(&["stream", "list", "--json"])[0]["next"], 0);

        // What is wrong is told at its argument.
        for (arguments, words) in [
            (&["stream", "rewind", "siem", "x"][..], "--index"),
            (&["stream", "test", "nothing"], "there is no stream nothing"),
            (&["stream", "add", "--name", "siem", "--kind", "file", "--destination", "a"], "--name"),
            (&["stream", "add", "--name", "b", "--kind", "file", "--destination", "../a"], "--destination"),
            (&["stream", "add", "--name", "b", "--kind", "carrier", "--destination", "a"], "--kind"),
            (&["stream", "add", "--name", "b", "--kind", "webhook", "--destination", "https://a.example/?t=1"], "--destination"),
            (&["stream", "add", "--name", "b", "--kind", "file", "--destination", "a", "--action", "recall"], "There is no such action: recall"),
            (&["stream", "add", "--name", "b", "--kind", "file", "--destination", "a", "--outcome", "fine"], "--outcomes"),
            (&["stream", "add", "--name", "b", "--kind", "file", "--destination", "a", "--leave-out", "all"], "--leave-out"),
            (&["stream", "add", "--name", "b", "--kind", "file", "--destination", "a", "--case", "FR-0"], "--cases"),
        ] {
            let (code, said) = say(arguments);
            assert!(code == 1 && said.contains(words), "{arguments:?}: {code} {said}");
        }
        let files = ["stream", "add", "--name", "one", "--kind", "file", "--destination", "folder"];
        assert_eq!(say(&files).0, 0);
        let (code, said) = say(&["stream", "add", "--name", "two", "--kind", "file", "--destination", "folder"]);
        assert!(code == 1 && said.contains("--destination"), "two streams do not write into one folder: {said}");
        assert_eq!(say(&["stream", "remove", "siem"]), (0, String::new()));
        assert_eq!(node.json(&["stream", "list", "--json"]).as_array().unwrap().len(), 1);
        assert_eq!(node.json(&["ledger", "verify", "--json"])["ok"], true);
    }
}
