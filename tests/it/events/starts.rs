//! What a process starts with is held against its last start: what somebody changed in the settings while nothing ran is in the trail, and
//! no secret with it.

use countermand::store::Store;
use serde_json::{Value, json};

use crate::{
    backup::stage::node,
    support::{db::TestDb, log, process::Node},
    tamper::Raw,
};

/// Starts and stops; what `setting.changed` says of it, if it says anything.
async fn start(db: &TestDb, node: &Node, command: &str) -> Option<Value> {
    let before = log::events_from(&db.open(), 0).await.iter().filter(|e| e["action"] == "service.stopped").count();
    let server = if command == "serve" { node.serve() } else { node.work() };
    // What differs is recorded before the first job runs, and all of it before the process says that it has ended.
    while log::events_from(&db.open(), 0).await.iter().filter(|e| e["action"] == "service.started").count() == before {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    server.stop();
    let events = log::events_from(&db.open(), 0).await;
    let begun = events.iter().rposition(|e| e["action"] == "service.started").unwrap();
    let told: Vec<&Value> = events[begun..].iter().filter(|e| e["action"] == "setting.changed").collect();
    assert!(told.len() < 2 && told.iter().all(|e| e["subject"] == json!({ "kind": "setting", "id": command })), "{told:#?}");
    told.first().map(|e| e["parts"]["detail"].clone())
}

/// Everything that the database keeps of earlier starts.
fn kept(store: &Store) -> Vec<(String, String)> {
    use countermand::store::schema::settings;
    use diesel::prelude::*;
    store.read_now(|conn| Ok(settings::table.filter(settings::name.like("start/%")).load(conn)?)).unwrap()
}

/// What an event says, apart from the row that it binds.
fn apart(mut said: Value) -> Value {
    for of_row in ["row", "sha256"] {
        assert!(said.as_object_mut().unwrap().remove(of_row).is_some(), "{said}");
    }
    said
}

#[actix_web::test]
async fn what_was_changed_between_two_starts_is_recorded_with_what_was_and_what_is() {
    for db in TestDb::each() {
        let node = node(&db);
        let write = |text: &str| std::fs::write(node.data.join("countermand.toml"), text).unwrap();
        std::fs::write(node.data.join("password"), "hunter2").unwrap();
        let mail = "smtp = { host = \"mail.example\", username = \"bot\", password_file = \"password\", from = \"a@b.example\" }\n";
        write(mail);
        let first = start(&db, &node, "serve").await.unwrap();
        assert_eq!(
            (&first["before"], &first["after"]["retention.days"], &first["after"]["smtp.host"]),
            (&json!({}), &200.into(), &"mail.example".into())
        );
        assert_eq!(first["after"]["version"], env!("CARGO_PKG_VERSION"));
        assert!(first["after"]["migration"].as_str().unwrap().starts_with("000000"), "{first}");
        assert!(first["secrets_changed"].as_array().unwrap().contains(&"smtp.password_file.contents".into()), "{first}");
        assert_eq!(start(&db, &node, "serve").await, None, "nothing was changed");
        // Another command on the same node may be given other settings.
        assert_eq!(start(&db, &node, "work").await.unwrap()["before"], json!({}));

        write(&format!("log_public = true\n{mail}"));
        let second = apart(start(&db, &node, "serve").await.unwrap());
        assert_eq!(second, json!({ "before": { "log_public": false }, "after": { "log_public": true }, "secrets_changed": [] }));
        std::fs::write(node.data.join("password"), "correct horse").unwrap();
        let third = apart(start(&db, &node, "serve").await.unwrap());
        assert_eq!(third, json!({ "before": {}, "after": {}, "secrets_changed": ["smtp.password_file.contents"] }));

        // Neither password is anywhere in the trail, nor a hash that somebody could try words against.
        let store = db.open();
        let (said, rows) = (log::events_from(&store, 0).await, kept(&store));
        assert_eq!(rows.len(), 2, "one for each command");
        for secret in ["hunter2", "correct horse"] {
            let hash = hex::encode(countermand::crypto::sha256(secret.as_bytes()));
            let text = format!("{said:?}{rows:?}");
            assert!(!text.contains(secret) && !text.contains(&hash));
        }
        assert!(rows.iter().all(|(_, value)| !value.contains("mail.example")), "{rows:?}");

        // Who makes up a last start is found out: it does not open, and everything is told anew.
        drop(store);
        Raw::open(&db).execute("UPDATE settings SET value = '00ff' WHERE name LIKE 'start/%'").unwrap();
        let fourth = start(&db, &node, "serve").await.unwrap();
        assert_eq!((&fourth["unreadable"], &fourth["before"], &fourth["after"]["log_public"]), (&true.into(), &json!({}), &true.into()));
    }
}

/// The newest checkpoint outside the database: how many events it is over.
fn outside(node: &Node) -> u64 {
    let note = std::fs::read_to_string(node.data.join("log/checkpoint")).unwrap();
    note.lines().nth(1).unwrap().parse().unwrap()
}

#[actix_web::test]
async fn what_was_done_last_is_signed_before_the_process_ends_and_cannot_be_rolled_back_in_silence() {
    for db in TestDb::each() {
        let node = node(&db);
        for command in ["serve", "work"] {
            start(&db, &node, command).await;
            let size = log::size(&db.open()).await;
            assert_eq!(outside(&node), size, "{command}: signed with its last event");
        }
        db.wait_until_closed();
        let before = db.url().is_none().then(|| std::fs::read(node.data.join("countermand.db")).unwrap());
        let made = node.run(&["token", "add", "--name", "mirror", "--scope", "log.read"]);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let size = log::size(&db.open()).await;
        assert_eq!(outside(&node), size, "a command signs what it did");
        assert!(node.run(&["ledger", "verify"]).status.success());
        if let Some(before) = before {
            db.wait_until_closed();
            std::fs::write(node.data.join("countermand.db"), before).unwrap();
            let found = node.run(&["ledger", "verify"]);
            let said = String::from_utf8_lossy(&found.stdout).into_owned();
            assert!(found.status.code() == Some(1) && said.contains("fork"), "{said}");
        }
    }
}
