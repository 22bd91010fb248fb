//! Backups that are not whole or were changed, and targets that are not empty: nothing is restored, and what is wrong is said.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    path::{Path, PathBuf},
};

use countermand::{
    app::backup::{BackupError, Manifest, Restored, Wanted, restore},
    crypto::keyring::Keyring,
    store::migrate,
};
use serde_json::{Value, json};
use zip::{ZipArchive, ZipWriter, write::SimpleFileOptions};

use super::stage::{PASSPHRASE, back_up, newest_in, node, passphrase_in, said, work};
use crate::support::db::TestDb;

type Entries = BTreeMap<String, Vec<u8>>;

/// A backup, taken apart.
struct Sample {
    db: TestDb,
    folder: tempfile::TempDir,
    file: PathBuf,
    entries: Entries,
}

impl Sample {
    fn of(db: TestDb) -> Self {
        let told = node(&db).json(&["demo", "--once", "--json"]);
        assert_eq!(told["state"], "recall_accepted");
        let folder = tempfile::tempdir().unwrap();
        let file = back_up(&node(&db), folder.path());
        let mut zip = ZipArchive::new(std::fs::File::open(&file).unwrap()).unwrap();
        let mut entries = Entries::new();
        for at in 0..zip.len() {
            let mut entry = zip.by_index(at).unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            entries.insert(entry.name().unwrap().into_owned(), bytes);
        }
        Self { db, folder, file, entries }
    }

    /// Writes an archive of these entries.
    fn pack(&self, entries: &Entries) -> PathBuf {
        let path = self.folder.path().join("changed.backup");
        let mut zip = ZipWriter::new(std::fs::File::create(&path).unwrap());
        for (name, bytes) in entries {
            zip.start_file(name, SimpleFileOptions::default()).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap();
        path
    }

    /// The same with a manifest that fits the entries, and a MAC by whoever has the keys.
    fn pack_fitting(&self, mut entries: Entries, keys: &Keyring, change: impl FnOnce(&mut Value)) -> PathBuf {
        let mut manifest: Value = serde_json::from_slice(&entries["manifest.json"]).unwrap();
        for entry in manifest["entries"].as_array_mut().unwrap() {
            let bytes = &entries[entry["name"].as_str().unwrap()];
            entry["size"] = json!(bytes.len());
            entry["sha256"] = json!(hex::encode(countermand::crypto::sha256(bytes)));
        }
        change(&mut manifest);
        let bytes = serde_json::to_vec(&manifest).unwrap();
        entries.insert("manifest.mac".to_owned(), Manifest::mac(&bytes, keys).into_bytes());
        entries.insert("manifest.json".to_owned(), bytes);
        self.pack(&entries)
    }

    fn keys(&self) -> Keyring {
        Keyring::open(self.db.path(), false).unwrap()
    }

    /// Restores `file` into an empty target of the same kind that has the keys, and makes sure that a refusal left nothing.
    fn try_restore(&self, file: &Path) -> Result<Restored, BackupError> {
        self.try_in(file, None, true)
    }

    fn try_with(&self, file: &Path, passphrase: Option<&str>) -> Result<Restored, BackupError> {
        self.try_in(file, passphrase, false)
    }

    fn try_in(&self, file: &Path, passphrase: Option<&str>, laid: bool) -> Result<Restored, BackupError> {
        let target = if self.db.url().is_some() { TestDb::postgres().unwrap() } else { TestDb::sqlite() };
        if laid {
            self.keys().lay(target.path()).unwrap();
        }
        let newest = Some(newest_in(&self.file));
        let wanted = Wanted {
            file,
            data: target.path(),
            database: &target.database,
            passphrase,
            against: &[],
            newest,
            new_log: false,
            part_keys: None,
            key_copy: None,
        };
        let done = restore(&wanted);
        if done.is_err() {
            let left: Vec<_> = std::fs::read_dir(target.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
            assert_eq!(left, if laid { vec!["keys"] } else { vec![] });
            if target.url().is_some() {
                use countermand::store::{StoreError, backup};
                // What was refused early has not even made the tables.
                migrate::run(&target.database).unwrap();
                assert!(backup::refill::<_, StoreError>(&target.database, backup::is_empty).unwrap());
            }
        }
        done
    }
}

fn broken(done: &Result<Restored, BackupError>) -> Option<String> {
    done.as_ref().err().filter(|e| matches!(e, BackupError::Broken(_))).map(ToString::to_string)
}

fn refused(done: &Result<Restored, BackupError>) -> Option<String> {
    done.as_ref().err().filter(|e| matches!(e, BackupError::Refused(_))).map(ToString::to_string)
}

#[test]
fn one_changed_bit_in_any_entry_is_found_and_named() {
    for db in TestDb::each() {
        let sample = Sample::of(db);
        assert!(sample.entries.len() > 30, "{:?}", sample.entries.keys());
        sample.try_restore(&sample.pack(&sample.entries)).unwrap();
        for (name, bytes) in &sample.entries {
            let mut entries = sample.entries.clone();
            let middle = bytes.len() / 2;
            let changed = entries.get_mut(name).unwrap();
            if changed.is_empty() {
                changed.push(b'\n')
            } else {
                changed[middle] ^= 1
            }
            let done = sample.try_restore(&sample.pack(&entries));
            let why = broken(&done).unwrap_or_else(|| panic!("{name}: {done:?}"));
            let says = if name.starts_with("manifest") { why.contains("manifest") } else { why.contains(name) };
            assert!(says, "{name}: {why}");
        }
        let mut without = sample.entries.clone();
        without.remove("tables/users.jsonl");
        assert!(broken(&sample.try_restore(&sample.pack(&without))).unwrap().contains("tables/users.jsonl is not in it"));
        let mut more = sample.entries.clone();
        more.insert("tables/../../x".to_owned(), Vec::new());
        assert!(broken(&sample.try_restore(&sample.pack(&more))).unwrap().contains("does not name"));
    }
}

#[test]
fn a_file_that_was_cut_off_is_none() {
    let sample = Sample::of(TestDb::each().remove(0));
    let whole = std::fs::read(&sample.file).unwrap();
    let cut = sample.folder.path().join("cut");
    for length in [0, 1, 100, whole.len() / 2, whole.len() - 100, whole.len() - 1] {
        std::fs::write(&cut, &whole[..length]).unwrap();
        let done = sample.try_restore(&cut);
        // One that lacks a byte at its end may still hold the whole of a bundle, which is a ZIP too.
        let says = |why: String| why.contains("not a whole ZIP file") || why.contains("manifest.json");
        assert!(broken(&done).is_some_and(says), "{length}: {done:?}");
    }
    // A bit in the packed bytes themselves: in the middle of the largest entry, for not every byte between two entries means something.
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(&whole)).unwrap();
    let places = (0..zip.len()).map(|n| zip.by_index_raw(n).map(|entry| (entry.compressed_size(), entry.data_start())).unwrap());
    let (size, start) = places.max().unwrap();
    let mut flipped = whole.clone();
    flipped[usize::try_from(start.unwrap() + size / 2).unwrap()] ^= 0x10;
    std::fs::write(&cut, flipped).unwrap();
    let done = sample.try_restore(&cut);
    assert!(broken(&done).is_some(), "{done:?}");
}

/// Somebody who has the keys makes a backup that fits in itself: the log inside still says what is wrong.
#[test]
fn a_log_that_does_not_hold_is_not_restored_whoever_vouches_for_it() {
    for db in TestDb::each() {
        let sample = Sample::of(db);
        let keys = sample.keys();
        let lines = |entries: &Entries, name: &str| String::from_utf8(entries[name].clone()).unwrap();
        for (name, change) in [
            ("tables/log_search.jsonl", "a row"),
            ("tables/log_parts.jsonl", "a row"),
            ("tables/log_events.jsonl", "a row"),
            ("tables/decisions.jsonl", "a row"),
            ("tables/users.jsonl", "columns"),
        ] {
            let mut entries = sample.entries.clone();
            let text = lines(&entries, name);
            let without: Vec<&str> = match change {
                "columns" => std::iter::once("[\"id\"]").chain(text.lines().skip(1)).collect(),
                _ => text.lines().enumerate().filter(|(at, _)| *at != 1).map(|(_, line)| line).collect(),
            };
            entries.insert(name.to_owned(), format!("{}\n", without.join("\n")).into_bytes());
            let done = sample.try_restore(&sample.pack_fitting(entries, &keys, |_| {}));
            assert!(broken(&done).is_some(), "{name}: {done:?}");
        }
        let done = sample.try_restore(&sample.pack_fitting(sample.entries.clone(), &keys, |m| m["size"] = json!(1)));
        assert!(broken(&done).is_some_and(|why| why.contains("its manifest names 1")), "{done:?}");
        // A row beside the log that somebody changed by hand long before the backup keeps nobody from their data; it is named.
        let mut entries = sample.entries.clone();
        let text = lines(&entries, "tables/users.jsonl");
        let mut rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let name = rows[0].as_array().unwrap().iter().position(|column| column == "display_name").unwrap();
        rows[1][name] = json!("改过的名字");
        let text: String = rows.iter().map(|row| format!("{row}\n")).collect();
        entries.insert("tables/users.jsonl".to_owned(), text.into_bytes());
        let done = sample.try_restore(&sample.pack_fitting(entries, &keys, |_| {}));
        assert!(done.as_ref().is_ok_and(|done| done.rows.len() == 1 && done.rows[0].starts_with("users: ")), "{done:?}");
    }
}

#[test]
fn another_version_is_refused_before_anything_is_read() {
    let sample = Sample::of(TestDb::each().remove(0));
    let keys = sample.keys();
    let with = |change: fn(&mut Value)| sample.try_restore(&sample.pack_fitting(sample.entries.clone(), &keys, change));
    for (change, words) in [
        ((|m| m["v"] = json!(2)) as fn(&mut Value), "of version 2 is not a backup that this program can read"),
        (|m| m["format"] = json!("other"), "other of version 1"),
        (|m| m["migrations"] = json!(["99990101000000"]), "restore it with that version"),
    ] {
        let done = with(change);
        assert!(refused(&done).is_some_and(|why| why.contains(words)), "{done:?}");
    }
    assert!(broken(&with(|m| *m = json!([]))).is_some());
    assert_eq!(serde_json::from_slice::<Value>(&sample.entries["manifest.json"]).unwrap()["migrations"], json!(migrate::versions().unwrap()));
    // A bundle that wants to lie elsewhere.
    let mut entries = sample.entries.clone();
    entries.insert("evidence/../../x.zip".to_owned(), b"x".to_vec());
    let file = sample.pack_fitting(entries, &keys, |m| {
        let entry = json!({ "name": "evidence/../../x.zip", "size": 1, "sha256": hex::encode(countermand::crypto::sha256(b"x")) });
        m["entries"].as_array_mut().unwrap().push(entry);
    });
    let done = sample.try_restore(&file);
    assert!(broken(&done).is_some_and(|why| why.contains("outside the folder")), "{done:?}");
}

#[test]
fn the_keys_must_be_the_installations_own() {
    let sample = Sample::of(TestDb::each().remove(0));
    let wrong = sample.try_with(&sample.file, Some("wrong horse battery staple"));
    assert!(refused(&wrong).is_some_and(|why| why.contains("do not open with this passphrase")), "{wrong:?}");
    let none = sample.try_with(&sample.file, None);
    let why = refused(&none).unwrap();
    assert!(why.contains("keys/envelope.key") && why.contains("keys/log.key") && why.contains("--passphrase-file"), "{why}");
    // A backup without keys.
    let bare = sample.folder.path().join("bare.backup");
    node(&sample.db).json(&["backup", "--out", bare.to_str().unwrap(), "--json"]);
    let given = sample.try_with(&bare, Some(PASSPHRASE));
    assert!(refused(&given).is_some_and(|why| why.contains("without --with-keys")), "{given:?}");
    let none = sample.try_with(&bare, None);
    assert!(refused(&none).is_some_and(|why| why.contains("this backup holds none")), "{none:?}");
    // Keys of another installation under the folder, and one of two.
    let target = TestDb::sqlite();
    work(&target.open(), 1);
    let lone = tempfile::tempdir().unwrap();
    std::fs::create_dir(lone.path().join("keys")).unwrap();
    std::fs::copy(sample.db.path().join("keys/log.key"), lone.path().join("keys/log.key")).unwrap();
    let database = countermand::store::Database::Sqlite(lone.path().join("countermand.db"));
    let wanted = |data, passphrase| Wanted {
        file: &sample.file,
        data,
        database: &database,
        passphrase,
        against: &[],
        newest: None,
        new_log: true,
        part_keys: None,
        key_copy: None,
    };
    let half = restore(&wanted(lone.path(), None));
    assert!(refused(&half).is_some_and(|why| why.contains("envelope.key") && !why.contains("log.key")), "{half:?}");
    // With the passphrase each file that is there is looked at, also where the other is not.
    for (key, bytes, words) in [("envelope.key", "00".repeat(32), "another installation's key"), ("log.key", "damaged".to_owned(), "64 hexadecimal")]
    {
        let path = lone.path().join("keys").join(key);
        let before = std::fs::read(&path).ok();
        std::fs::write(&path, &bytes).unwrap();
        let other = restore(&wanted(lone.path(), Some(PASSPHRASE)));
        assert!(refused(&other).is_some_and(|why| why.contains(&format!("keys/{key}")) && why.contains(words)), "{other:?}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), bytes);
        before.map_or_else(|| std::fs::remove_file(&path), |bytes| std::fs::write(&path, bytes)).unwrap();
    }
    let foreign = restore(&wanted(target.path(), Some(PASSPHRASE)));
    assert!(refused(&foreign).is_some_and(|why| why.contains("another installation's")), "{foreign:?}");
    let foreign = restore(&wanted(target.path(), None));
    assert!(refused(&foreign).is_some_and(|why| why.contains("another installation's")), "{foreign:?}");
    // Laid by hand they will do.
    std::fs::copy(sample.db.path().join("keys/envelope.key"), lone.path().join("keys/envelope.key")).unwrap();
    let third = restore(&wanted(lone.path(), None));
    assert!(refused(&third).is_some_and(|why| why.contains("log-mldsa.key")), "{third:?}");
    std::fs::copy(sample.db.path().join("keys/log-mldsa.key"), lone.path().join("keys/log-mldsa.key")).unwrap();
    restore(&wanted(lone.path(), None)).unwrap();
}

#[test]
fn a_target_that_holds_data_is_left_alone() {
    for db in TestDb::each() {
        let sample = Sample::of(db);
        let target = if sample.db.url().is_some() { TestDb::postgres().unwrap() } else { TestDb::sqlite() };
        work(&target.open(), 1);
        let there = node(&target);
        let passphrase = passphrase_in(sample.folder.path());
        let full = there.run(&["restore", sample.file.to_str().unwrap(), "--passphrase-file", &passphrase, "--new-log", "--json"]);
        assert_eq!(full.status.code(), Some(2));
        assert!(said(&full).contains("holds data already; restore into an empty one"), "{}", said(&full));
        assert_eq!(there.json(&["ledger", "verify", "--json"])["ok"], true);
    }
    // What SQLite has left beside a database that is gone would be read into the new one.
    let sample = Sample::of(TestDb::sqlite());
    let target = tempfile::tempdir().unwrap();
    let database = countermand::store::Database::Sqlite(target.path().join("countermand.db"));
    std::fs::write(target.path().join("countermand.db-wal"), "left").unwrap();
    let wanted = Wanted {
        file: &sample.file,
        data: target.path(),
        database: &database,
        passphrase: Some(PASSPHRASE),
        against: &[],
        newest: None,
        new_log: true,
        part_keys: None,
        key_copy: None,
    };
    let done = restore(&wanted);
    assert!(refused(&done).is_some_and(|why| why.contains("countermand.db-wal")), "{done:?}");
}

#[test]
fn bundles_that_were_there_are_kept_and_missing_ones_are_named() {
    let sample = Sample::of(TestDb::sqlite());
    let (data, first) = (sample.db.path(), node(&sample.db));
    let bundle = sample.entries.keys().find(|name| name.starts_with("evidence/")).unwrap().clone();
    // The database alone was lost; the folder is still there, with what was made after the backup.
    for ending in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(data.join(format!("countermand.db{ending}")));
    }
    std::fs::write(data.join("evidence/archive/later.zip"), "later").unwrap();
    let newest = newest_in(&sample.file).to_string();
    let done = first.run(&["restore", sample.file.to_str().unwrap(), "--newest", &newest]);
    assert!(done.status.success(), "{}", said(&done));
    assert!(said(&done).contains("evidence was there already and is now"), "{}", said(&done));
    assert_eq!(std::fs::read(data.join("evidence.~1~/archive/later.zip")).unwrap(), b"later");
    assert_eq!(std::fs::read(data.join(&bundle)).unwrap(), sample.entries[&bundle]);
    for lose in [true, false] {
        if lose {
            std::fs::remove_file(data.join(&bundle)).unwrap();
        } else {
            std::fs::write(data.join(&bundle), "changed").unwrap();
        }
        let out = sample.folder.path().join("again.backup");
        let taken = first.run(&["backup", "--out", out.to_str().unwrap(), "--json"]);
        assert_eq!(taken.status.code(), Some(1), "{}", said(&taken));
        let told: Value = serde_json::from_slice(&taken.stdout).unwrap();
        assert_eq!(told["missing"], json!([bundle]));
    }
}

#[test]
fn wrong_use_of_backup_and_restore_is_two_and_says_what() {
    let db = TestDb::each().remove(0);
    let nowhere = tempfile::tempdir().unwrap();
    let lost = crate::support::process::Node { data: nowhere.path().join("no"), database: db.database.clone() };
    let short = nowhere.path().join("short");
    std::fs::write(&short, "short\n").unwrap();
    let out = lost.run(&["backup", "--out", "/tmp/x.backup"]);
    assert!(out.status.code() == Some(2) && said(&out).contains("there "), "{}", said(&out));
    assert!(!nowhere.path().join("no").exists());
    drop(db.open());
    for (arguments, words) in [
        (&["backup", "--out", "/tmp"][..], "is a folder"),
        (&["backup", "--out", "x", "--with-keys"], "--passphrase-file"),
        (&["backup", "--out", "x", "--with-keys", "--passphrase-file", short.to_str().unwrap()], "at least 12 characters"),
        (&["backup", "--out", "x", "--with-keys", "--passphrase-file", "/nowhere/p"], "/nowhere/p"),
        (&["backup", "--out", "/nowhere/x.backup"], "/nowhere"),
        (&["restore", "/nowhere/x.backup"], "/nowhere/x.backup"),
        (&["restore", "x", "--against", "/nowhere/note"], "/nowhere/note"),
        (&["restore", "x", "--database-url", "mysql://x"], "must begin with postgres://"),
        (&["restore", "x", "--newest", "9", "--new-log"], "cannot be used with"),
        (&["ledger", "accept", "--against", "/nowhere/note"], "/nowhere/note"),
        (&["ledger", "renew", "--reason-file", "/nowhere/why"], "/nowhere/why"),
    ] {
        let out = node(&db).run(arguments);
        assert_eq!(out.status.code(), Some(2), "{arguments:?}: {}", said(&out));
        assert!(said(&out).contains(words), "{arguments:?}: {}", said(&out));
    }
}

/// As large as the backup's own and over other events: somebody has signed another log, and it is not gone on with.
#[test]
fn a_checkpoint_as_large_with_another_root_is_no_word_that_nothing_came_after() {
    use countermand::{app::backup::Standing, ledger::checkpoint::Checkpoint};
    let sample = Sample::of(TestDb::sqlite());
    let manifest: Manifest = serde_json::from_slice(&sample.entries["manifest.json"]).unwrap();
    let other = Checkpoint { origin: manifest.origin, size: newest_in(&sample.file), root: [7; 32] }.sign(&sample.keys().log).unwrap();
    let target = TestDb::sqlite();
    let (data, database, against) = (target.path(), &target.database, [other]);
    let wanted = Wanted {
        file: &sample.file,
        data,
        database,
        passphrase: Some(PASSPHRASE),
        against: &against,
        newest: None,
        new_log: false,
        part_keys: None,
        key_copy: None,
    };
    let done = restore(&wanted).unwrap();
    assert!(matches!(&done.standing, Standing::Behind(why) if why.contains("not those that were signed")), "{done:?}");
}
