//! The published directory: complete, and accepted by the checksum-database code of the Go project, which shares nothing with ours.

use std::{convert::Infallible, fs, path::Path, process::Command};

use countermand::ledger::{
    checkpoint::{Checkpoint, NoteError, Vkey},
    publish::{PublishError, files, publish},
    tile::{Resource, changed, decode_bundle, entries_path, parse_path},
    tree::{Frontier, leaf_hash},
};
use ed25519_dalek::SigningKey;

use super::{entry, hashes};

const ORIGIN: &str = "log.example/countermand/1";

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn vkey() -> Vkey {
    Vkey::new(ORIGIN, &key().verifying_key()).unwrap()
}

fn signed(size: u64) -> String {
    let mut frontier = Frontier::new();
    frontier.extend(hashes(size));
    Checkpoint { origin: ORIGIN.to_owned(), size, root: frontier.root() }.sign(&key()).unwrap()
}

fn entries(size: u64) -> Vec<Vec<u8>> {
    (0..size).map(entry).collect()
}

#[test]
fn the_directory_holds_every_tile_and_bundle_of_its_size_and_no_other() {
    for size in [0, 1, 255, 256, 257, 1000, 65_536] {
        let files = files(&entries(size), &signed(size), &vkey()).unwrap();
        let mut expected: Vec<_> = changed(0, size).map(|tile| tile.path()).collect();
        expected.extend(changed(0, size).filter(|tile| tile.level == 0).map(|tile| entries_path(tile.index, tile.width)));
        expected.extend(["checkpoint".to_owned(), "vkey".to_owned()]);
        expected.sort();
        assert_eq!(files.keys().cloned().collect::<Vec<_>>(), expected, "{size}");
        for (path, bytes) in &files {
            match parse_path(path) {
                Some(Resource::Hashes(tile)) => assert_eq!(bytes.len(), 32 * usize::from(tile.width)),
                Some(Resource::Entries { index, width }) => {
                    let found = decode_bundle(bytes).unwrap();
                    assert_eq!(found.len(), usize::from(width));
                    assert_eq!(found[0], entry(index * 256));
                }
                None => assert!(["checkpoint", "vkey"].contains(&path.as_str()), "{path}"),
            }
        }
        assert_eq!(files["vkey"], format!("{}\n", vkey()).into_bytes());
    }
}

#[test]
fn an_earlier_size_is_published_from_a_log_that_went_on() {
    assert_eq!(files(&entries(900), &signed(300), &vkey()).unwrap(), files(&entries(300), &signed(300), &vkey()).unwrap());
}

#[test]
fn entries_that_are_not_the_signed_ones_never_reach_a_checkpoint() {
    let attempt = |entries: Vec<Vec<u8>>, note: &str| {
        let mut written = Vec::new();
        let result = publish(entries.into_iter().map(Ok::<_, Infallible>), note, &vkey(), |path, _| {
            written.push(path.to_owned());
            Ok(())
        });
        assert!(!written.contains(&"checkpoint".to_owned()));
        result.unwrap_err()
    };
    let mut changed = entries(300);
    changed[17].push(b' ');
    assert!(matches!(attempt(changed, &signed(300)), PublishError::NotTheLog { size: 300 }));
    assert!(matches!(attempt(entries(299), &signed(300)), PublishError::NotTheLog { size: 300 }));
    let mut long = entries(300);
    long[299] = vec![0; 0x1_0000];
    assert!(matches!(attempt(long, &signed(300)), PublishError::Entry(_)));
    let stranger = Checkpoint { origin: "other".to_owned(), size: 0, root: Frontier::new().root() }.sign(&key()).unwrap();
    assert!(matches!(attempt(entries(1), &stranger), PublishError::Checkpoint(NoteError::NotSigned(_))));
}

#[test]
fn a_failing_disk_is_named_with_the_file() {
    let result =
        publish(entries(300).into_iter().map(Ok), &signed(300), &vkey(), |path, _| if path == "tile/0/000" { Err("disk full") } else { Ok(()) });
    assert!(matches!(result, Err(PublishError::Write { path, source: "disk full" }) if path == "tile/0/000"));
    let result = publish([Ok(entry(0)), Err("gone")], &signed(2), &vkey(), |_, _| Ok(()));
    assert!(matches!(result, Err(PublishError::Read("gone"))));
}

fn write_log(folder: &Path, size: u64) {
    for (path, bytes) in files(&entries(size), &signed(size), &vkey()).unwrap() {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// Builds the verifier in tests/interop/ledger; `None` where there is no Go or no golang.org/x/mod.
fn go_verifier(folder: &Path) -> Option<std::path::PathBuf> {
    let program = folder.join("verify-log");
    let built = Command::new("go")
        .args(["build", "-o"])
        .arg(&program)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/ledger/main.go"))
        .envs([("GOPATH", "/usr/share/gocode"), ("GO111MODULE", "off"), ("CGO_ENABLED", "0"), ("GOFLAGS", "")])
        .env("GOCACHE", folder.join("cache"))
        .output()
        .ok()?;
    let message = String::from_utf8_lossy(&built.stderr);
    if message.contains("cannot find package") {
        return None;
    }
    assert!(built.status.success(), "{message}");
    Some(program)
}

#[test]
fn gos_checksum_database_code_accepts_the_log_and_sees_every_forgery() {
    let work = tempfile::tempdir().unwrap();
    let Some(program) = go_verifier(work.path()) else { return eprintln!("skipped, no Go with golang.org/x/mod here") };
    let verdict = |folder: &Path| {
        let run = Command::new(&program).arg(folder).output().unwrap();
        (run.status.code(), format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr)))
    };
    for size in [1, 256, 1000, 70_000] {
        let folder = work.path().join(size.to_string());
        write_log(&folder, size);
        let (code, message) = verdict(&folder);
        assert_eq!(code, Some(0), "{message}");
        assert!(message.contains(&format!("{size} entries")), "{message}");
    }
    let forge = |path: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let folder = work.path().join("1000");
        let original = fs::read(folder.join(path)).unwrap();
        let mut bytes = original.clone();
        change(&mut bytes);
        fs::write(folder.join(path), bytes).unwrap();
        let (code, message) = verdict(&folder);
        fs::write(folder.join(path), original).unwrap();
        assert_eq!(code, Some(1), "{path}: {message}");
    };
    for path in ["tile/0/000", "tile/0/003.p/232", "tile/1/000.p/3", "tile/entries/001"] {
        forge(path, &|bytes| *bytes.last_mut().unwrap() ^= 1);
        forge(path, &|bytes| bytes.truncate(bytes.len() - 1));
    }
    forge("tile/entries/003.p/232", &|bytes| bytes.extend([0, 0]));
    forge("checkpoint", &|bytes| bytes[ORIGIN.len() + 1] = b'9');
    forge("vkey", &|bytes| bytes[0] ^= 1);
    assert_eq!(verdict(&work.path().join("1000")).0, Some(0), "and the untouched log still stands");
}

#[test]
fn the_helper_log_has_no_two_equal_neighbours() {
    // Otherwise a forgery that swaps them would go unseen above.
    let hashes = hashes(1000);
    assert!(hashes.windows(2).all(|pair| pair[0] != pair[1]));
    assert_eq!(leaf_hash(&entry(0)), hashes[0]);
}
