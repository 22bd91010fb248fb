//! Files and folders that only this account may read, whatever the umask says; and what is in the way, kept under another name.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, fchown},
    path::{Path, PathBuf},
};

const FOLDER: u32 = 0o700;
const FILE: u32 = 0o600;

/// Makes a folder and those above it that are missing; one that is there stays as somebody has set it up.
pub fn folder(path: &Path) -> io::Result<()> {
    if path.as_os_str().is_empty() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(FOLDER).create(path)
}

/// Opens a file for writing from its beginning; one that was there is emptied.
pub fn file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(FILE).open(path)
}

/// Makes a file that must not be there yet.
pub fn new_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(FILE).open(path)
}

/// Puts `bytes` in the place of a file, whole or not at all, durable before this returns; its folder is made if it is missing. Where root does it,
/// the file goes on to belong to whom it belonged, a new one to whom its folder does: a command run as root takes nothing from a service that runs
/// under an account of its own.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let parent = path.parent().unwrap_or(Path::new("."));
    folder(parent)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let draft = parent.join(format!("{name}.draft-{}", hex::encode(super::random::<6>())));
    let mut file = new_file(&draft)?;
    let written =
        file.write_all(bytes).and_then(|()| owned_as(&file, path, parent)).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&draft, path));
    if written.is_err() {
        // The draft is of no use to anybody; what went wrong is said already.
        let _ = fs::remove_file(&draft);
    }
    written.and_then(|()| File::open(parent)?.sync_all())
}

/// Gives a file that root made to the owner of what it replaces, or of its folder.
fn owned_as(file: &File, path: &Path, folder: &Path) -> io::Result<()> {
    let (made, owner) = (file.metadata()?, path.metadata().or_else(|_| folder.metadata())?);
    if made.uid() != 0 || (owner.uid(), owner.gid()) == (made.uid(), made.gid()) {
        return Ok(());
    }
    match fchown(file, Some(owner.uid()), Some(owner.gid())) {
        // A root that may give nothing away, as in some containers, keeps it.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        given => given,
    }
}

/// Keeps files or folders that are in the way under the first number that is free for all of them, `FILE.~1~`, `FILE.~2~` …, as
/// `cp --backup=numbered` does; answers what is now called how.
pub fn aside(there: &[PathBuf]) -> io::Result<Vec<(PathBuf, PathBuf)>> {
    let numbered = |path: &Path, n: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".~{n}~"));
        PathBuf::from(name)
    };
    let free = |n: &u32| there.iter().all(|path| numbered(path, *n).symlink_metadata().is_err());
    let n = (1..).find(free).unwrap_or(u32::MAX);
    let mut kept = Vec::new();
    for path in there {
        fs::rename(path, numbered(path, n))?;
        kept.push((path.clone(), numbered(path, n)));
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::chown;

    use super::*;

    /// Only root can give files away, so this says nothing where the tests run under another account.
    #[test]
    fn what_root_replaces_stays_its_owners() {
        const SERVICE: u32 = 65_534;
        let folder = tempfile::tempdir().unwrap();
        if folder.path().metadata().unwrap().uid() != 0 {
            return;
        }
        chown(folder.path(), Some(SERVICE), Some(SERVICE)).unwrap();
        let path = folder.path().join("checkpoint");
        for text in ["new in the folder of a service", "in the place of its file"] {
            replace(&path, text.as_bytes()).unwrap();
            let made = path.metadata().unwrap();
            assert_eq!((made.uid(), made.gid(), made.mode() & 0o777), (SERVICE, SERVICE, FILE), "{text}");
        }
    }
}
