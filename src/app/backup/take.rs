//! Taking a backup while others work.
//!
//! One snapshot of the database (a read transaction: WAL on SQLite, REPEATABLE READ on PostgreSQL) is written out table by table; nobody
//! waits for it. The event `backup.taken` comes before the snapshot: what cannot be recorded is not done, and a copy of everything must not
//! leave without a trace because the process died at the end. So the backup holds its own event, the log is signed over it, and the event
//! names the head that it was put on; if the backup then fails, a second event says so.

use std::{
    fs::File,
    io::{self, Seek, Write},
    path::{Path, PathBuf},
};

use serde_json::json;
use sha2::{Digest, Sha256};

use super::{
    BackupError, CHECKPOINT, EVIDENCE, KEYS, VKEY,
    archive::{Reader, Writer},
    last,
    manifest::Manifest,
};
use crate::{
    app::{App, Caller, Receipt, StoreError},
    crypto::private,
    domain::event::{Action, Outcome, Subject},
    store::{
        Conn,
        backup::{TABLES, dump},
        bundles, key_copy, migrate, reader,
    },
};

/// A backup that was taken.
#[derive(Debug)]
pub struct Taken {
    pub manifest: Manifest,
    /// Where the copy of the part keys lies, and how many are in it.
    pub part_keys: (PathBuf, usize),
    pub receipt: Option<Receipt>,
}

/// Writes a backup to `out`; with a passphrase the keys are in it. It is complete on the disk before `out` is touched; `before` then makes
/// way for it. The living part keys are not in it, but in the copy at `part_keys` (by default where the settings say, or beside `out`), which
/// is replaced: what is purged later cannot be read from the backup. What was written is read back once; how that ended stands in [`last`].
///
/// # Errors
/// [`BackupError::File`] if it cannot be written; [`BackupError::Store`] if the event or the tables cannot.
pub fn take(
    app: &App,
    out: &Path,
    part_keys: Option<&Path>,
    passphrase: Option<&str>,
    before: impl FnOnce() -> io::Result<()>,
) -> Result<Taken, BackupError> {
    let folder = out.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let draft = folder.join(format!(".countermand-backup-{}", hex::encode(crate::crypto::random::<6>())));
    // First of all: a folder that cannot be written to is found out before anything is recorded.
    let file = private::new_file(&draft).map_err(BackupError::file(&draft))?;
    let copy =
        part_keys.map(Path::to_owned).or_else(|| app.config.key_copy()).unwrap_or_else(|| folder.join(key_copy::file_name(app.store.origin())));
    let done = recorded(app, out, &copy, passphrase, |id| {
        let manifest = write(app, id, Writer::new(&draft, file), passphrase)?;
        before().map_err(BackupError::file(out))?;
        std::fs::rename(&draft, out).and_then(|()| File::open(folder)?.sync_all()).map_err(BackupError::file(out))?;
        // After the backup: it holds a key for everything in there.
        let copy = app.store.write_key_copy(&copy)?;
        Ok((manifest, copy.len()))
    });
    if done.is_err() {
        let _ = std::fs::remove_file(&draft);
    }
    let whole = done.as_ref().ok().map(|taken| Reader::open(out).and_then(|mut file| file.check(&taken.manifest)));
    if let Some(Err(error)) = &whole {
        tracing::error!(%error, "the backup was written, but cannot be read back");
    }
    last::note(app, out, whole.map(|read| read.is_ok()));
    done
}

/// Records the backup, makes it, and records that it failed if it does.
fn recorded(
    app: &App,
    out: &Path,
    copy: &Path,
    passphrase: Option<&str>,
    make: impl FnOnce(&str) -> Result<(Manifest, usize), BackupError>,
) -> Result<Taken, BackupError> {
    let id = crate::id::fresh();
    let name = out.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let event = {
        let (id, keys) = (id.clone(), passphrase.is_some());
        move |outcome, head: Option<reader::Head>, error: Option<String>| {
            let log = head.map(|h| json!({ "size": h.size, "root": hex::encode(h.root) }));
            let detail = json!({ "file": name, "keys": keys, "log": log, "error": error });
            Caller::shell().event(Action::BackupTaken, Subject::new("backup", id.clone())).outcome(outcome).detail(detail)
        }
    };
    let first = event.clone();
    let written = app.store.write_now(move |tx| {
        let head = reader::head(tx.conn)?;
        tx.append(first(Outcome::Success, Some(head), None))
    })?;
    let receipt = written.receipt().cloned();
    let made = app.store.checkpoint_now().map_err(BackupError::from).and_then(|_| make(&id));
    match made {
        Ok((manifest, copied)) => Ok(Taken { manifest, part_keys: (copy.to_owned(), copied), receipt }),
        Err(error) => {
            let why = error.to_string();
            if let Err(e) = app.store.write_now(move |tx| tx.append(event(Outcome::Failed, None, Some(why.clone())))) {
                tracing::error!(error = %e, "that the backup failed could not be recorded");
            }
            Err(error)
        }
    }
}

fn write(app: &App, id: &str, mut zip: Writer, passphrase: Option<&str>) -> Result<Manifest, BackupError> {
    let store = &app.store;
    let (vkey, mldsa, _) = store.signing()?;
    let mut manifest = Manifest::new(id.to_owned(), app.now().to_rfc3339(), store.database().kind(), &vkey, migrate::versions()?);
    manifest.mldsa = mldsa.map(|key| key.to_string());
    let sealed = store.read_now(|conn| Ok(tables(conn, &mut zip, &mut manifest)))??;
    for bundle in sealed {
        if !copied(store.data(), &bundle, &mut zip)? {
            manifest.missing.push(bundle.path);
        }
    }
    zip.put(VKEY, format!("{vkey}\n").as_bytes())?;
    if let Some(passphrase) = passphrase {
        zip.put(KEYS, &store.key_files()?.to_backup(passphrase))?;
        manifest.keys = true;
    }
    zip.finish(manifest, |bytes| Manifest::mac(bytes, store.keys()))
}

/// All tables, the newest checkpoint, and which bundles there are, from one snapshot.
fn tables(conn: &mut Conn, zip: &mut Writer, manifest: &mut Manifest) -> Result<Vec<bundles::BundleRow>, BackupError> {
    for table in TABLES {
        let name = format!("tables/{}.jsonl", table.name);
        zip.add(&name, false, |inside| {
            let failed = BackupError::file(Path::new(&name));
            writeln!(inside, "{}", json!(table.names())).map_err(&failed)?;
            dump(conn, table, |line| writeln!(inside, "{line}").map_err(&failed))
        })?;
    }
    let head = reader::head(conn)?;
    (manifest.size, manifest.root) = (head.size(), hex::encode(head.root));
    let note = reader::last_checkpoint(conn)?.ok_or(StoreError::NotFound)?;
    zip.put(CHECKPOINT, note.as_bytes())?;
    Ok(bundles::all(conn)?)
}

/// Copies a bundle if it is the one that was sealed. Nobody writes to it any more, so that it is looked at before it is copied.
fn copied(data: &Path, bundle: &bundles::BundleRow, zip: &mut Writer) -> Result<bool, BackupError> {
    let path = data.join(&bundle.path);
    let failed = BackupError::file(&path);
    let mut file = match File::open(&path) {
        Ok(file) if bundle.path.starts_with(EVIDENCE) => file,
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(failed(e)),
        _ => return Ok(false),
    };
    let mut hash = Sha256::new();
    io::copy(&mut file, &mut hash).map_err(&failed)?;
    if hash.finalize().as_slice() != bundle.sha256 {
        return Ok(false);
    }
    file.rewind().map_err(&failed)?;
    zip.add(&bundle.path, true, |inside| io::copy(&mut file, inside).map_err(failed))?;
    Ok(true)
}
