//! A database on a file system of its own that is small enough to be filled, really: a tmpfs. For PostgreSQL it holds the tablespace of a
//! database of its own on the server of `TEST_DATABASE_URL`, which must run on this machine.
//!
//! Mounting needs root, as it is in CI. Without it a test goes into a user namespace of its own; where that is not allowed either, it
//! says so and passes.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use countermand::store::Database;
use diesel::{Connection, PgConnection, connection::SimpleConnection};

use super::db::TestDb;

/// Size of the file system: a database, its write-ahead file and a reserve, and no more.
const MIB: u32 = 96;
/// Set in the process that runs inside a namespace of its own.
const INSIDE: &str = "COUNTERMAND_TEST_INSIDE";

/// The mounted file system; unmounted with the value, which must outlive its database.
pub struct SmallDisk {
    folder: tempfile::TempDir,
    server: Option<(String, String)>,
}

fn run(command: &mut Command) -> bool {
    command.output().is_ok_and(|o| o.status.success())
}

impl SmallDisk {
    fn mount(owner: Option<&str>) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let owner = owner.map_or_else(String::new, |o| format!(",uid={o}"));
        let options = format!("size={MIB}m,mode=0700{owner}");
        run(Command::new("mount").args(["-t", "tmpfs", "-o", &options, "none"]).arg(folder.path())).then_some(Self { folder, server: None })
    }

    /// A full disk for each database of this run. `test` is the full name of the test that asks: it may be run again inside a namespace.
    pub fn each(test: &str) -> Vec<(Self, TestDb)> {
        let mut all = Vec::new();
        if std::env::var("TEST_ONLY").unwrap_or_default() != "postgres" {
            match Self::mount(None) {
                Some(disk) => {
                    let db = TestDb::sqlite_in(disk.folder.path());
                    all.push((disk, db));
                }
                None => elsewhere(test),
            }
        }
        if let Ok(url) = std::env::var("TEST_DATABASE_URL")
            && std::env::var_os(INSIDE).is_none()
        {
            match Self::postgres(&url) {
                Some(found) => all.push(found),
                None => println!("SKIPPED on PostgreSQL: a tablespace on a small file system needs root and a server on this machine"),
            }
        }
        all
    }

    fn postgres(url: &str) -> Option<(Self, TestDb)> {
        let mut admin = PgConnection::establish(url).unwrap();
        let mut disk = Self::mount(Some("postgres"))?;
        let name = format!("small{}", countermand::id::fresh().replace('-', ""));
        let made = admin.batch_execute(&format!("CREATE TABLESPACE {name} LOCATION '{}'", disk.folder.path().display()));
        if let Err(e) = made {
            println!("no tablespace in {}: {e}", disk.folder.path().display());
            return None;
        }
        admin.batch_execute(&format!("CREATE DATABASE {name} TABLESPACE {name} TEMPLATE template0")).unwrap();
        disk.server = Some((url.to_owned(), name.clone()));
        let mut address = url::Url::parse(url).unwrap();
        address.set_path(&name);
        Some((disk, TestDb::at(Database::Postgres(address.into()))))
    }

    fn filler(&self) -> PathBuf {
        self.folder.path().join("filler")
    }

    /// Fills it to the last byte. A PostgreSQL then lets nobody new in: it writes a file of its own for the first
    /// who comes.
    pub fn fill(&self) {
        for entry in walk(self.folder.path()).into_iter().filter(|p| p.ends_with("pg_internal.init")) {
            fs::remove_file(entry).unwrap();
        }
        let mut file = fs::OpenOptions::new().create(true).append(true).open(self.filler()).unwrap();
        let block = [0u8; 4096];
        while file.write_all(&block).is_ok() {}
    }

    /// Makes room again.
    pub fn clear(&self) {
        fs::remove_file(self.filler()).unwrap();
    }
}

/// Every file under `folder`.
fn walk(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

/// Whether this process may do everything.
pub fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0)
}

/// Runs `test` again where this user is root and may mount.
fn elsewhere(test: &str) {
    assert!(std::env::var_os(INSIDE).is_none(), "not even inside a namespace of its own can a tmpfs be mounted");
    if !run(Command::new("unshare").args(["-Urm", "true"])) {
        assert!(!is_root(), "this runs as root and still cannot mount a tmpfs");
        println!("SKIPPED: {test} needs root, or user namespaces, to mount a small file system; a full disk was NOT tested");
        return;
    }
    let mut inside = Command::new("unshare");
    inside.arg("-Urm").arg(std::env::current_exe().unwrap()).args([test, "--exact", "--nocapture"]).env(INSIDE, "1");
    let out = inside.output().unwrap();
    assert!(out.status.success(), "{}\n{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if let Some((url, name)) = &self.server
            && let Ok(mut admin) = PgConnection::establish(url)
        {
            let _ = admin.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)"));
            let _ = fs::remove_file(self.filler());
            let _ = admin.batch_execute(&format!("DROP TABLESPACE {name}"));
        }
        // Threads of the store may still have files open: the mount goes when they end.
        let _ = Command::new("umount").arg("-l").arg(self.folder.path()).status();
    }
}
