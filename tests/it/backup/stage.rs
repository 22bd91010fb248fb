//! An installation with something in it, and how it is lost.

use std::path::{Path, PathBuf};

use countermand::{
    domain::event::{Action, Event, Subject},
    store::{Database, Store},
};
use serde_json::json;

use crate::support::{db::TestDb, process::Node};

pub const PASSPHRASE: &str = "correct horse battery staple";

pub fn node(db: &TestDb) -> Node {
    Node { data: db.path().to_owned(), database: db.database.clone() }
}

/// A file with the passphrase.
pub fn passphrase_in(folder: &Path) -> String {
    let file = folder.join("passphrase");
    std::fs::write(&file, format!("{PASSPHRASE}\n")).unwrap();
    file.to_str().unwrap().to_owned()
}

/// Appends `n` events and signs.
pub fn work(store: &Store, n: usize) {
    for at in 0..n {
        let event = Event::system(Action::SettingChanged, Subject::new("setting", at.to_string())).detail(json!({ "after": at }));
        store.write_now(move |tx| tx.append(event.clone())).unwrap();
    }
    store.checkpoint_now().unwrap();
}

/// Backs an installation up into `folder`, with its keys.
pub fn back_up(node: &Node, folder: &Path) -> PathBuf {
    let file = folder.join("a.backup");
    let passphrase = passphrase_in(folder);
    node.json(&["backup", "--out", file.to_str().unwrap(), "--with-keys", "--passphrase-file", &passphrase, "--json"]);
    file
}

/// How many events the backup's own checkpoint is over.
pub fn newest_in(backup: &Path) -> u64 {
    let mut zip = zip::ZipArchive::new(std::fs::File::open(backup).unwrap()).unwrap();
    let note = std::io::read_to_string(zip.by_name("checkpoint").unwrap()).unwrap();
    note.lines().nth(1).unwrap().parse().unwrap()
}

/// The database goes; on SQLite the file, on PostgreSQL another schema takes its place.
pub fn lose_database(db: TestDb) -> TestDb {
    match &db.database {
        Database::Sqlite(path) => {
            for ending in ["", "-wal", "-shm"] {
                let _ = std::fs::remove_file(format!("{}{ending}", path.display()));
            }
            db
        }
        Database::Postgres(_) => TestDb::postgres().unwrap().with_data_of(db),
    }
}

pub fn said(out: &std::process::Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
}
