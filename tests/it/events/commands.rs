//! One line a subcommand, and what it leaves in the trail of the deployment that it works on. A subcommand that is not here fails the test,
//! and so does a line without one; each line is run, and must leave exactly that.

use std::{collections::BTreeSet, process::Output, time::Duration};

use countermand::{
    clock::{Clock, SystemClock},
    connect::emulator::signer,
    crypto::signature::{FileKey, Signer},
    domain::{catalogue, event::Action},
    store::{Database, migrate},
};
use diesel::{Connection, PgConnection, SqliteConnection, connection::SimpleConnection};
use diesel_migrations::MigrationHarness;
use serde_json::Value;

use crate::{
    backup::stage::{node, passphrase_in, said},
    support::{db::TestDb, process::Node},
    tamper::Raw,
};

/// What a subcommand leaves.
enum Leaves {
    /// These actions and no others.
    Events(&'static [&'static str]),
    /// No event: nothing is changed and nothing privileged is read (`domain::privilege`), for this reason.
    Nothing(&'static str),
    /// It works on no deployment, or all that happens in it goes through HTTP, for this reason.
    Apart(&'static str),
}
use Leaves::{Apart, Events, Nothing};

const TABLE: &[(&str, Leaves)] = &[
    ("audit pack", Events(&["audit_engagement.opened", "audit_pack.exported"])),
    ("audit verify", Apart("it knows a file and a key that is trusted; of a deployment, its public key")),
    ("alert list", Events(&["audit.read"])),
    ("backup", Events(&["backup.taken"])),
    ("connection add", Events(&["connection.created"])),
    ("connection change", Events(&["connection.changed"])),
    ("connection list", Events(&["connection.read"])),
    ("connection test", Events(&["connection.tested"])),
    ("demo", Apart("its people act over HTTP, in a folder of its own")),
    ("emulate", Apart("a stand-in for others")),
    ("evidence export", Events(&["evidence.exported"])),
    ("evidence crl", Events(&["revocation_list.imported"])),
    ("evidence key request", Events(&["evidence_key.requested"])),
    ("evidence key import", Events(&["evidence_certificate.imported"])),
    ("evidence key show", Nothing("what every bundle says of itself")),
    ("evidence verify", Apart("it knows a file and a key that is trusted; of a deployment, its public key")),
    ("ledger verify", Nothing("it says how many and where, not what; and it must work on a log that cannot be written")),
    ("ledger checkpoint", Nothing("what everybody may know; an event for each signature would need the next one")),
    ("ledger proof", Nothing("hashes of what everybody may know")),
    ("ledger publish", Nothing("leaves hold nothing of anybody, and a log that grew by being mirrored would have no end")),
    ("ledger accept", Events(&["checkpoint.accepted"])),
    ("ledger rotate", Events(&["key.announced"])),
    ("ledger renew", Events(&["log.renewed", "key.stolen"])),
    ("migrate", Events(&["database.migrated"])),
    ("retention plan", Events(&["setting.read"])),
    ("retention run", Events(&["retention.applied"])),
    ("retention person", Events(&["user.read"])),
    ("restore", Events(&["backup.restored"])),
    ("serve", Events(&["service.started", "setting.changed", "service.stopped"])),
    ("stream add", Events(&["stream.created"])),
    ("stream list", Events(&["stream.read"])),
    ("stream pause", Events(&["stream.changed"])),
    ("stream resume", Events(&["stream.changed"])),
    ("stream remove", Events(&["stream.removed"])),
    ("stream test", Events(&["stream.tested"])),
    ("stream rotate", Events(&["stream.changed"])),
    ("stream rewind", Events(&["stream.changed"])),
    ("token add", Events(&["token.created"])),
    ("token revoke", Events(&["token.revoked"])),
    ("user add", Events(&["user.created", "mail_address.changed"])),
    ("user list", Events(&["user.read"])),
    ("user suspend", Events(&["user.suspended"])),
    ("witness serve", Apart("it runs elsewhere, in a folder of its own, and keeps what it cosigned there")),
    ("work", Events(&["service.started", "setting.changed", "service.stopped"])),
    ("completions", Apart("it prints what this program can do")),
];

/// Every subcommand that does something, by its words.
fn subcommands(of: &clap::Command, above: &str) -> Vec<String> {
    let below = of.get_subcommands().filter(|c| c.get_name() != "help").flat_map(|c| subcommands(c, &format!("{above} {}", c.get_name())));
    let below: Vec<String> = below.collect();
    if below.is_empty() { vec![above.trim().to_owned()] } else { below }
}

#[test]
fn every_subcommand_is_in_the_table_once() {
    let listed: BTreeSet<String> = TABLE.iter().map(|(command, _)| (*command).to_owned()).collect();
    assert_eq!(listed.len(), TABLE.len(), "a subcommand stands twice");
    assert_eq!(listed, subcommands(&countermand::cli::command(), "").into_iter().collect());
    for (command, leaves) in TABLE {
        match leaves {
            Events(actions) => assert!(!actions.is_empty() && actions.iter().all(|a| Action::parse(a).is_some()), "{command}: {actions:?}"),
            Nothing(why) | Apart(why) => assert!(why.len() > 20, "{command}: why does it leave nothing?"),
        }
    }
}

/// A deployment on which every subcommand is run.
struct World<'a> {
    db: &'a TestDb,
    node: Node,
    seen: BTreeSet<&'static str>,
}

/// The leaves of a log that the shell or the system itself left; what jobs and people do meanwhile is theirs.
fn leaves(db: &TestDb) -> Vec<Value> {
    let mut raw = Raw::open(db);
    let sql = format!("SELECT {} AS value FROM log_events ORDER BY idx", raw.shown("leaf", "b"));
    let all = raw.column(&sql).into_iter().map(|text| serde_json::from_slice::<Value>(&hex::decode(text).unwrap()).unwrap());
    all.filter(|leaf| leaf["actor"]["kind"] == "system").collect()
}

impl World<'_> {
    /// What came after the first `before` leaves is what the table says of `command`, and in the shape of the catalogue.
    fn left(&mut self, command: &str, found: &[Value], about: &str) {
        let (command, leaves) = TABLE.iter().find(|(name, _)| *name == command).unwrap_or_else(|| panic!("{command} is not in the table"));
        let wanted: BTreeSet<&str> = match leaves {
            Events(actions) => actions.iter().copied().collect(),
            Nothing(_) => BTreeSet::new(),
            Apart(_) => panic!("{command} is not run"),
        };
        let actions: BTreeSet<&str> = found.iter().map(|leaf| leaf["action"].as_str().unwrap()).collect();
        assert_eq!(actions, wanted, "{command}: {about}");
        for leaf in found {
            let (action, shape) = (&leaf["action"], catalogue::shape(Action::parse(leaf["action"].as_str().unwrap()).unwrap()).unwrap());
            assert!(shape.actors.contains(&"system"), "{action} by the shell is not in the catalogue");
            assert!(shape.subjects.contains(&leaf["subject"]["kind"].as_str().unwrap()), "{action}: {leaf}");
            assert!(leaf["parts"]["detail"].is_string(), "{action} says nothing: {leaf}");
        }
        self.seen.insert(command);
    }

    /// Runs a subcommand, which ends with `code`.
    fn run(&mut self, command: &str, more: &[&str], code: i32) -> Output {
        let before = leaves(self.db).len();
        let words: Vec<&str> = command.split(' ').chain(more.iter().copied()).collect();
        let out = self.node.run(&words);
        assert_eq!(out.status.code(), Some(code), "{words:?}: {}", said(&out));
        self.left(command, &leaves(self.db)[before..], &said(&out));
        out
    }

    /// Waits until the newest leaves have come to `n` of `action`.
    fn wait(&self, before: usize, action: &str) {
        for _ in 0..400 {
            if leaves(self.db)[before..].iter().any(|leaf| leaf["action"] == action) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("no {action} came");
    }
}

/// Takes the newest migration back, as the database of an older version is; nor has its folder the mark that the head carries a MAC.
fn older(db: &TestDb) {
    drop(std::fs::remove_file(db.path().join("log/mac")));
    match &db.database {
        Database::Sqlite(path) => {
            let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
            conn.batch_execute("PRAGMA busy_timeout=5000").unwrap();
            conn.revert_last_migration(migrate::SQLITE).unwrap();
        }
        Database::Postgres(url) => drop(PgConnection::establish(url).unwrap().revert_last_migration(migrate::POSTGRES).unwrap()),
    }
}

fn trimmed(out: &Output) -> String {
    String::from_utf8(out.stdout.clone()).unwrap().trim().to_owned()
}

#[test]
fn every_subcommand_leaves_exactly_what_the_table_says() {
    for db in TestDb::each() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        std::fs::write(at("secret"), "hunter2hunter2\n").unwrap();
        let mut world = World { db: &db, node: node(&db), seen: BTreeSet::new() };
        assert!(world.node.run(&["user", "list"]).status.success());

        // On a database of this version nothing is done, and nothing told.
        let before = leaves(&db).len();
        assert!(world.node.run(&["migrate"]).status.success() && world.node.run(&["migrate", "--check"]).status.success());
        assert_eq!(leaves(&db).len(), before);
        older(&db);
        assert_eq!(world.node.run(&["migrate", "--check"]).status.code(), Some(1));
        assert!(trimmed(&world.run("migrate", &[], 0)).starts_with("applied 0"));
        // Whatever else comes first finds an older database: it says so too.
        older(&db);
        let before = leaves(&db).len();
        assert!(world.node.run(&["user", "list"]).status.success());
        assert_eq!(leaves(&db)[before]["action"], "database.migrated");

        // What a case holds in the newest columns would not have outlived the older versions.
        let case = world.node.json(&["demo", "--once", "--json"])["case"].as_str().unwrap().to_owned();
        std::fs::write(world.node.data.join("countermand.toml"), "allow_private_destinations = true\n").unwrap();

        world.run("user add", &["--username", "later", "--display-name", "后来", "--role", "requester", "--email", "later@example.com"], 0);
        world.run("user list", &[], 0);
        world.run("user suspend", &["--username", "later"], 0);
        world.run("token add", &["--name", "mirror", "--scope", "log.read"], 0);
        let token = serde_json::from_str::<Value>(&trimmed(&world.run("token add", &["--name", "b", "--scope", "log.read", "--json"], 0))).unwrap();
        world.run("token revoke", &["--id", token["id"].as_str().unwrap()], 0);
        let base = "http://127.0.0.1:9";
        let add = ["--name", "Matrix", "--platform", "matrix", "--base-url", base, "--secret-file", &at("secret")];
        world.run("connection add", &add, 0);
        world.run("connection change", &["Matrix", "--secret-file", &at("secret")], 0);
        world.run("connection list", &[], 0);
        world.run("connection test", &["Matrix"], 1);
        world.run("stream add", &["--name", "siem", "--kind", "webhook", "--destination", base], 0);
        world.run("stream list", &[], 0);
        world.run("stream test", &["siem"], 1);
        world.run("stream rotate", &["siem"], 0);
        world.run("stream pause", &["siem"], 0);
        world.run("stream rewind", &["siem", "0"], 0);
        world.run("stream resume", &["siem"], 0);
        world.run("stream remove", &["siem"], 0);
        world.run("alert list", &["--all"], 0);
        world.run("retention plan", &[], 0);
        world.run("retention run", &["--json"], 0);
        world.run("retention person", &["later"], 0);
        world.run("evidence export", &["--case", &case, "--out", &at("case.zip")], 0);
        let key = FileKey::fresh().unwrap();
        std::fs::write(at("signer.key"), key.to_pem().as_bytes()).unwrap();
        let mut issuer = signer::Issuer::fresh(SystemClock.now(), None).unwrap();
        let chain = issuer.issue(key.public_key().clone(), SystemClock.now(), std::time::Duration::from_secs(86_400)).unwrap();
        std::fs::write(at("signer.pem"), chain).unwrap();
        std::fs::write(at("signer.crl"), issuer.list(SystemClock.now()).unwrap()).unwrap();
        world.run("evidence key request", &["--subject", "CN=Example Evidence"], 0);
        world.run("evidence key import", &[&at("signer.pem"), "--key", &at("signer.key")], 0);
        world.run("evidence key show", &[], 0);
        world.run("evidence crl", &[&at("signer.crl")], 0);
        world.run("audit pack", &["--from", "2026-01-01", "--to", "2026-01-31", "--out", &at("pack.zip")], 0);
        world.run("ledger verify", &[], 0);
        world.run("ledger proof", &["--index", "0"], 0);
        world.run("ledger publish", &["--out", &at("published")], 0);

        for command in ["serve", "work"] {
            let before = leaves(&db).len();
            let server = if command == "serve" { world.node.serve() } else { world.node.work() };
            world.wait(before, "setting.changed");
            server.stop();
            world.left(command, &leaves(&db)[before..], "");
        }

        let passphrase = passphrase_in(folder.path());
        let (file, keys) = (at("a.backup"), ["--with-keys", "--passphrase-file", &passphrase]);
        world.run("backup", &[&["--out", file.as_str()], &keys[..]].concat(), 0);
        let target = if db.url().is_some() { TestDb::postgres().unwrap() } else { TestDb::sqlite() };
        let newest = crate::backup::stage::newest_in(std::path::Path::new(&file)).to_string();
        let restored = node(&target).json(&["restore", &file, "--passphrase-file", &passphrase, "--newest", &newest, "--json"]);
        // A backup knows of itself.
        let there = leaves(&target);
        let taken = there.iter().position(|leaf| leaf["action"] == "backup.taken").unwrap();
        world.left("restore", &there[taken + 1..], &restored.to_string());

        world.run("ledger rotate", &[], 0);
        let before = leaves(&db).len();
        world.node.json(&["ledger", "rotate", "--finish", "--json"]);
        assert_eq!(leaves(&db)[before]["action"], "key.retired");
        let note = world.run("ledger checkpoint", &[], 0).stdout;
        std::fs::write(at("note"), note).unwrap();
        std::fs::remove_file(world.node.data.join("log/checkpoint")).unwrap();
        world.run("ledger accept", &["--against", &at("note")], 0);
        world.run("ledger renew", &["--key-stolen"], 0);

        let run: BTreeSet<&str> = TABLE.iter().filter(|(_, leaves)| !matches!(leaves, Apart(_))).map(|(command, _)| *command).collect();
        assert_eq!(world.seen, run, "each line is run");
        assert!(world.node.run(&["ledger", "verify"]).status.success());
    }
}
