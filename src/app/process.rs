//! Which process of a node works on something. Several processes may share a data folder (`serve` beside `work`), so that a node's name
//! alone does not tell whether what it had begun died with it: each process that works holds a lock on a file of its own under
//! `<data>/run`, and the system lets go of that lock however the process ends.
//!
//! Not here: what is taken over from the dead (`store::jobs`, `app::once`).

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use crate::{
    crypto::{self, private},
    store::jobs::UNSEEN,
};

/// This process's name in leases and claims, and the lock that says it lives.
pub struct Process {
    /// `<node>/<random>`.
    pub name: String,
    lock: Option<(File, PathBuf)>,
}

impl Process {
    /// Takes a name and its lock. On a disk that has no room for the lock the process works without one, under a name that says so: what
    /// it holds is then left to run out by whoever starts beside it ([`UNSEEN`]).
    pub fn enter(data: &Path, node: &str) -> Self {
        let word = hex::encode(crypto::random::<8>());
        let path = folder(data).join(&word);
        let lock = lock(data, &path)
            .inspect_err(|error| tracing::warn!(%error, path = %path.display(), "this process works without a lock of its own"))
            .ok();
        let unseen = if lock.is_some() { "" } else { UNSEEN };
        Self { name: format!("{node}/{unseen}{word}"), lock: lock.map(|file| (file, path)) }
    }
}

fn lock(data: &Path, path: &Path) -> std::io::Result<File> {
    private::folder(&folder(data))?;
    loop {
        let file = private::file(path)?;
        file.lock()?;
        // Somebody who looked between the two lines took it for a dead process's.
        if path.exists() {
            return Ok(file);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some((_, path)) = self.lock.take() {
            let _ = fs::remove_file(path);
        }
    }
}

/// The names of the processes of `node` that live on this data folder now; what the dead left of their locks is removed.
pub fn living(data: &Path, node: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder(data)) else { return Vec::new() };
    let mut names = Vec::new();
    for entry in entries.flatten() {
        let Ok(file) = File::open(entry.path()) else { continue };
        match file.try_lock() {
            Ok(()) => drop(fs::remove_file(entry.path())),
            Err(_) => names.push(format!("{node}/{}", entry.file_name().to_string_lossy())),
        }
    }
    names
}

fn folder(data: &Path) -> PathBuf {
    data.join("run")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_holds_a_lock_lives_and_the_dead_leave_nothing() {
        let data = tempfile::tempdir().unwrap();
        let one = Process::enter(data.path(), "n");
        let two = Process::enter(data.path(), "n");
        let mut both = vec![one.name.clone(), two.name.clone()];
        both.sort();
        let mut alive = living(data.path(), "n");
        alive.sort();
        assert_eq!(alive, both);
        drop(one);
        assert_eq!(living(data.path(), "n"), std::slice::from_ref(&two.name));
        // A lock file whose process was killed.
        fs::write(data.path().join("run/dead"), "").unwrap();
        assert_eq!(living(data.path(), "n"), std::slice::from_ref(&two.name));
        assert!(!data.path().join("run/dead").exists());
    }
}
