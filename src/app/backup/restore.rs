//! Putting a backup back, into an empty installation and under the rule that a log never forks.
//!
//! What was written after the backup is gone, but the lost log may have signed it. So the restored log is held against the newest
//! checkpoint that is known outside it: the copy under the data folder, or one that somebody else kept. If it extends that, it goes on. If
//! not, the database says so itself and can only be read (`store::signer`), until a new log is begun on it (`store::renewal`). A checkpoint
//! that the backup holds itself tells nothing of what came after, wherever it lies: taking the backup has written it to the folder too.
//! Where nothing newer is known nobody can tell, and nothing is restored unless the operator answers for it, or a new log is asked for.
//!
//! The whole backup is checked before anything is written, and the whole log once more before anybody can see it: on SQLite in a file
//! beside that takes its name last, on PostgreSQL before the commit.

use std::{
    fs::{self, File},
    io::{self, BufRead, Write},
    path::{Path, PathBuf},
};

use serde_json::json;

use super::{BackupError, CHECKPOINT, EVIDENCE, KEYS, MAC, MANIFEST, archive::Reader, manifest::Manifest};
use crate::{
    app::{Caller, StoreError},
    clock::{Clock, SystemClock},
    crypto::{self, keyring::Keyring, private},
    domain::event::{Action, Event, Subject},
    ledger::{
        checkpoint::{self, Checkpoint, Vkey},
        mldsa::MldsaVkey,
    },
    store::{
        Conn, Database, Options, Store,
        aftermath::{self, Aftermath},
        backup::{TABLES, is_empty, load, partition, refill},
        key_copy::{self, KeyCopy},
        migrate, pending, renewal, signer,
        verify::{Against, Report, inspect, inspect_within},
    },
};

/// What to restore from and to.
pub struct Wanted<'a> {
    pub file: &'a Path,
    pub data: &'a Path,
    pub database: &'a Database,
    /// Opens the keys in the backup; without it they lie under the data folder.
    pub passphrase: Option<&'a str>,
    /// Checkpoints kept elsewhere, as signed notes; the copy under the data folder is added by itself.
    pub against: &'a [String],
    /// The operator's word that nothing was signed after the backup: how many events the newest checkpoint is over, which must be the
    /// backup's own. The audit trail keeps it.
    pub newest: Option<u64>,
    /// Restore although nothing outside is known, because a new log will be begun.
    pub new_log: bool,
    /// The copy of the part keys; by default where the settings say, or beside the backup, if it is there.
    pub part_keys: Option<&'a Path>,
    /// Where the settings say that it is.
    pub key_copy: Option<PathBuf>,
}

/// Whether the restored log may go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It extends the newest checkpoint known outside.
    GoesOn,
    /// It does not, or nobody can say; says why. It can be read until a new log is begun.
    Behind(String),
}

/// What was restored.
#[derive(Clone, Debug)]
pub struct Restored {
    pub manifest: Manifest,
    pub standing: Standing,
    /// What was in the way, and how it is called now.
    pub aside: Vec<(PathBuf, PathBuf)>,
    /// Buckets (month and class) whose parts cannot be opened, because their key was not found.
    pub unopened: Vec<String>,
    /// Timestamps and cosignatures in it that do not hold, in words. They hold nothing up.
    pub timestamps: Vec<String>,
    /// Rows beside the log that are not what it says of them: the backup took them over as they were.
    pub rows: Vec<String>,
}

/// Restores a backup into an installation that has no data.
///
/// # Errors
/// [`BackupError::Refused`]: the target has data, keys are missing or another installation's, another version of the program made it,
/// the operator's word is not what is known; [`BackupError::Broken`]: it is not whole, was changed, or its log does not hold;
/// [`BackupError::Fork`]: nothing newer than the backup is known. Nothing was restored then.
pub fn restore(wanted: &Wanted<'_>) -> Result<Restored, BackupError> {
    let mut backup = Reader::open(wanted.file)?;
    let bytes = backup.short(MANIFEST)?;
    let manifest = Manifest::parse(&bytes, &migrate::versions()?)?;
    vacant(wanted.database)?;
    let keys = keys(&mut backup, &manifest, wanted)?;
    let mac = backup.short(MAC)?;
    if !crypto::same(mac.trim_ascii_end(), Manifest::mac(&bytes, &keys).as_bytes()) {
        return Err(BackupError::Broken("its manifest was not made with this installation's envelope key".to_owned()));
    }
    backup.check(&manifest)?;
    let known = known(&mut backup, &manifest, wanted)?;
    let copy = part_keys(&manifest, &keys, wanted)?;
    let copy = copy.as_ref();
    let stage = Stage::new(wanted.data)?;
    lay_out(&mut backup, &manifest, &keys, &stage.0)?;
    let mut aside = Vec::new();
    let mut place = |former: &[Vkey]| -> Result<(), BackupError> {
        aside = placed(&stage.0, wanted.data, &keys, former)?;
        Ok(known.as_ref().map_or(Ok(()), |(_, note)| signer::keep_copy(wanted.data, note))?)
    };
    let against = Against { vkeys: Vkey::parse(&manifest.vkey).into_iter().collect(), restoring: true, ..Against::default() };
    let (standing, unopened, (timestamps, rows)) = match wanted.database {
        Database::Sqlite(path) => {
            let (file, staged) = stage.database(path)?;
            migrate::run(&staged)?;
            let unopened = refill(&staged, |conn| fill(conn, &mut backup, &keys, copy))?;
            let doubts = holds(&inspect(&staged, &stage.0, &against)?, &manifest)?;
            let (standing, former) = refill(&staged, |conn| stand(conn, known.as_ref(), &keys, &manifest, wanted))?;
            // The last connection has closed: what it wrote ahead must lie in the file that gets the name.
            if beside(&file, "-wal").metadata().is_ok_and(|m| m.len() > 0) {
                return Err(StoreError::Unavailable(format!("{} is not whole yet", file.display())).into());
            }
            File::open(&file).and_then(|f| f.sync_all()).map_err(BackupError::file(&file))?;
            place(&former)?;
            crate::crash::point("restore.placed");
            if path.exists() && refill::<_, StoreError>(wanted.database, is_empty)? {
                fs::remove_file(path).map_err(BackupError::file(path))?;
            }
            // Not a renaming: that would take the place of a database that somebody has begun meanwhile.
            fs::hard_link(&file, path).map_err(BackupError::file(path))?;
            let folder = path.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
            File::open(folder).and_then(|f| f.sync_all()).map_err(BackupError::file(folder))?;
            (standing, unopened, doubts)
        }
        Database::Postgres(_) => refill(wanted.database, |conn| {
            if !is_empty(conn)? {
                return Err(full("the database"));
            }
            let unopened = fill(conn, &mut backup, &keys, copy)?;
            let doubts = holds(&inspect_within(conn, &stage.0, &against)?, &manifest)?;
            let (standing, former) = stand(conn, known.as_ref(), &keys, &manifest, wanted)?;
            partition(conn)?;
            place(&former)?;
            crate::crash::point("restore.placed");
            Ok((standing, unopened, doubts))
        })?,
    };
    Ok(Restored { manifest, standing, aside, unopened, timestamps, rows })
}

/// Opens what was restored and signs it: after this it is an installation like any other. Where a new log was begun on it, this records
/// that it was restored; a log that goes on holds that event from the beginning.
pub fn resume(options: Options, restored: &Restored) -> Result<Store, BackupError> {
    let store = Store::open(options)?;
    if restored.standing != Standing::GoesOn {
        let manifest = restored.manifest.clone();
        store.write_now(move |tx| {
            let now = tx.now();
            let settled = aftermath::settle(tx.conn, now.0)?;
            tx.append(event(&manifest, None, settled))
        })?;
    }
    store.checkpoint_now()?;
    Ok(store)
}

/// `backup.restored`: which backup, what was ended, and by whose word the log goes on where it is the operator's.
fn event(manifest: &Manifest, newest: Option<u64>, Aftermath { sessions, broadcasts, streams }: Aftermath) -> Event {
    let detail = json!({
        "taken_at": manifest.taken_at, "program": manifest.program, "from": manifest.database,
        "log": { "origin": manifest.origin, "size": manifest.size, "root": manifest.root },
        "newest_stated": newest, "sessions_ended": sessions, "sends_in_doubt": broadcasts, "streams_paused": streams,
    });
    Caller::shell().event(Action::BackupRestored, Subject::new("backup", manifest.id.clone())).detail(detail)
}

fn full(what: &str) -> BackupError {
    BackupError::Refused(format!("{what} holds data already; restore into an empty one, or move that away first"))
}

/// What SQLite lays beside its file.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// The path with something behind its name.
fn beside(path: &Path, ending: impl AsRef<std::ffi::OsStr>) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// The target must have no data.
fn vacant(database: &Database) -> Result<(), BackupError> {
    match database {
        Database::Sqlite(path) => {
            // A server that was started too early has left its tables, and nothing in them.
            if path.exists() && !refill::<_, StoreError>(database, is_empty).unwrap_or(false) {
                return Err(full(&path.display().to_string()));
            }
            let left = BESIDE.map(|ending| beside(path, ending)).into_iter().find(|file| file.metadata().is_ok_and(|m| m.len() > 0));
            left.map_or(Ok(()), |file| Err(full(&file.display().to_string())))
        }
        Database::Postgres(_) => {
            migrate::run(database)?;
            if refill::<_, StoreError>(database, is_empty)? { Ok(()) } else { Err(full("the database")) }
        }
    }
}

/// The installation's keys: from the backup under its passphrase, or as they lie under the data folder.
fn keys(backup: &mut Reader, manifest: &Manifest, wanted: &Wanted<'_>) -> Result<Keyring, BackupError> {
    let missing = Keyring::missing(wanted.data, manifest.mldsa.is_some());
    let laid = if missing.is_empty() { Some(Keyring::open(wanted.data, false).map_err(|e| BackupError::Refused(e.to_string()))?) } else { None };
    let keys = match wanted.passphrase {
        Some(_) if !manifest.keys => {
            return Err(BackupError::Refused("this backup holds no keys: it was taken without --with-keys".to_owned()));
        }
        Some(passphrase) => {
            let sealed = backup.short(KEYS)?;
            Keyring::from_backup(passphrase, &sealed)
                .ok_or_else(|| BackupError::Refused("the keys in the backup do not open with this passphrase".to_owned()))?
        }
        None => laid.ok_or_else(|| {
            let missing: Vec<String> = missing.iter().map(|path| path.display().to_string()).collect();
            let way = if manifest.keys { "or give the passphrase of those in the backup with --passphrase-file" } else { "this backup holds none" };
            BackupError::Refused(format!("the installation's own key files are missing: {}. Put them there, {way}", missing.join(", ")))
        })?,
    };
    if let Some(path) = keys.other(wanted.data).map_err(|e| BackupError::Refused(e.to_string()))? {
        return Err(BackupError::Refused(format!("{} is another installation's key, not the one in the backup; move it away", path.display())));
    }
    let vkey = Vkey::new(&manifest.origin, &keys.log.verifying_key()).ok().map(|vkey| vkey.to_string());
    let mldsa = keys.mldsa.as_ref().and_then(|key| MldsaVkey::of(&manifest.origin, key).ok()).map(|vkey| vkey.to_string());
    if vkey.as_ref() != Some(&manifest.vkey) || (manifest.mldsa.is_some() && mldsa != manifest.mldsa) {
        return Err(BackupError::Refused(format!("the key files under {} are another installation's", wanted.data.display())));
    }
    Ok(keys)
}

/// The newest checkpoint known outside, with its note: one that the backup does not hold itself, or the backup's own by the operator's word;
/// none if a new log is asked for and nothing is known.
fn known(backup: &mut Reader, manifest: &Manifest, wanted: &Wanted<'_>) -> Result<Option<(Checkpoint, String)>, BackupError> {
    let vkey = Vkey::parse(&manifest.vkey).map_err(|e| BackupError::Broken(format!("{}: {e}", super::VKEY)))?;
    let copy = signer::copy(wanted.data)?;
    let note = String::from_utf8_lossy(&backup.short(CHECKPOINT)?).into_owned();
    let own = checkpoint::open(&note, &vkey).map_err(|e| BackupError::Broken(format!("{CHECKPOINT}: {e}")))?;
    let mut newest: Option<(Checkpoint, String)> = None;
    for note in copy.iter().chain(wanted.against) {
        let opened = checkpoint::open(note, &vkey)
            .map_err(|e| BackupError::Refused(format!("a checkpoint that is not one of the log in this backup, {}: {e}", vkey.name())))?;
        // One as large with another root was signed over other events: that is something to know.
        let tells = opened.size > own.size || (opened.size == own.size && opened.root != own.root);
        if tells && newest.as_ref().is_none_or(|(known, _)| opened.size > known.size) {
            newest = Some((opened, note.clone()));
        }
    }
    match (newest, wanted.newest) {
        (Some((known, _)), Some(stated)) => Err(BackupError::Refused(format!(
            "--newest says {stated}, but a checkpoint over {} events is known that the backup does not hold",
            known.size
        ))),
        (None, Some(stated)) if stated != own.size => {
            Err(BackupError::Refused(format!("--newest says {stated}, but the last checkpoint in this backup is over {} events", own.size)))
        }
        (None, Some(_)) => Ok(Some((own, note))),
        (None, None) if !wanted.new_log => Err(BackupError::Fork(format!(
            "nobody can say what the log signed after this backup: {} is not there, or not newer than the backup. Give the newest checkpoint that \
             a mirror, an auditor or another node has with --against FILE; if you know that nothing was signed after the one in the backup, over \
             {size} events, say so with --newest {size}; else begin a new log with --new-log",
            wanted.data.join("log/checkpoint").display(),
            size = own.size
        ))),
        (newest, None) => Ok(newest),
    }
}

/// Where everything lies until it is known to hold; goes with the value.
struct Stage(PathBuf, std::cell::RefCell<Vec<PathBuf>>);

impl Stage {
    fn new(data: &Path) -> Result<Self, BackupError> {
        let folder = data.join(format!(".restore-{}", hex::encode(crypto::random::<6>())));
        private::folder(&folder).map_err(BackupError::file(&folder))?;
        Ok(Self(folder, Default::default()))
    }

    /// The place of a database file that will be called `path`, on the same file system.
    fn database(&self, path: &Path) -> Result<(PathBuf, Database), BackupError> {
        let file = beside(path, self.0.file_name().unwrap_or_default());
        if let Some(folder) = path.parent() {
            private::folder(folder).map_err(BackupError::file(folder))?;
        }
        self.1.borrow_mut().extend(BESIDE.iter().map(|ending| beside(&file, ending)).chain([file.clone()]));
        Ok((file.clone(), Database::Sqlite(file)))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
        for file in self.1.take() {
            let _ = fs::remove_file(file);
        }
    }
}

/// Keys, the backup's own checkpoint and the bundles, as an installation has them.
fn lay_out(backup: &mut Reader, manifest: &Manifest, keys: &Keyring, stage: &Path) -> Result<(), BackupError> {
    keys.lay(stage).map_err(BackupError::file(stage))?;
    let note = backup.short(CHECKPOINT)?;
    signer::keep_copy(stage, &String::from_utf8_lossy(&note))?;
    for entry in manifest.entries.iter().filter(|e| e.name.starts_with(EVIDENCE)) {
        if entry.name.split('/').any(|piece| matches!(piece, "" | "." | "..")) {
            return Err(BackupError::Broken(format!("{:?} would lie outside the folder", entry.name)));
        }
        let path = stage.join(&entry.name);
        let failed = BackupError::file(&path);
        let folder = path.parent().unwrap_or(stage);
        private::folder(folder).map_err(&failed)?;
        backup.read(&entry.name, |mut bytes| {
            let mut file = private::new_file(&path).map_err(&failed)?;
            io::copy(&mut bytes, &mut file).and_then(|_| file.sync_all()).map_err(&failed)
        })?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let mut beside = private::new_file(&path.with_extension("zip.sha256")).map_err(&failed)?;
        beside.write_all(format!("{}  {name}\n", entry.sha256).as_bytes()).and_then(|()| beside.sync_all()).map_err(&failed)?;
    }
    Ok(())
}

/// The copy of the part keys: the one that was named, or the first that is there of those that belong to the installation.
fn part_keys(manifest: &Manifest, keys: &Keyring, wanted: &Wanted<'_>) -> Result<Option<KeyCopy>, BackupError> {
    let beside = wanted.file.with_file_name(key_copy::file_name(&manifest.origin));
    let path = match (wanted.part_keys, &wanted.key_copy) {
        (Some(named), _) => named.to_owned(),
        (None, Some(path)) if path.exists() => path.clone(),
        _ if beside.exists() => beside,
        _ => return Ok(None),
    };
    let text = fs::read_to_string(&path).map_err(BackupError::file(&path))?;
    KeyCopy::parse(&text, keys).map(Some).map_err(|why| BackupError::Refused(format!("{}: {why}", path.display())))
}

/// Fills the tables, puts the part keys back, and makes what the backup leaves out again from the parts; answers the buckets without a key.
fn fill(conn: &mut Conn, backup: &mut Reader, keys: &Keyring, copy: Option<&KeyCopy>) -> Result<Vec<String>, BackupError> {
    for table in TABLES {
        let name = format!("tables/{}.jsonl", table.name);
        let broken = |e: &dyn std::fmt::Display| BackupError::Broken(format!("{name}: {e}"));
        backup.read(&name, |bytes| {
            let mut lines = bytes.lines();
            let names = lines.next().transpose().map_err(|e| broken(&e))?;
            if names != Some(json!(table.names()).to_string()) {
                return Err(broken(&"its columns are not those of the table"));
            }
            load(conn, table, lines.map(|line| line.map_err(|e| broken(&e))))
        })?;
    }
    let unopened = key_copy::put_back(conn, copy)?;
    key_copy::project_again(conn, keys)?;
    Ok(unopened)
}

/// The log that was filled in must be the one that the manifest names, and hold. Answers the timestamps and cosignatures that do not, and the rows beside the
/// log that are not what it says of them: a company that needs its data back is not refused it for what a third party said, or for a row that
/// somebody changed by hand long before.
fn holds(report: &Report, manifest: &Manifest) -> Result<(Vec<String>, Vec<String>), BackupError> {
    if let Some(first) = report.broken() {
        let at = first.index.map_or_else(String::new, |i| format!(" at {i}"));
        return Err(BackupError::Broken(format!("its log does not: {}{at}: {}", first.table, first.detail)));
    }
    if (report.size, &report.root) != (manifest.size, &manifest.root) {
        return Err(BackupError::Broken(format!("its log has {} events, its manifest names {}", report.size, manifest.size)));
    }
    Ok((report.doubtful(), report.beside()))
}

/// Decides whether the log may go on. If it may, what must not go on as it stood is ended (`store::aftermath`) and recorded before anybody
/// can open the database; if not, the database remembers that. Answers also the keys of logs that ended before.
fn stand(
    conn: &mut Conn,
    known: Option<&(Checkpoint, String)>,
    keys: &Keyring,
    manifest: &Manifest,
    wanted: &Wanted<'_>,
) -> Result<(Standing, Vec<Vkey>), BackupError> {
    let former = renewal::former(conn)?;
    let Some((newest, note)) = known else {
        signer::hold(conn, "")?;
        return Ok((Standing::Behind("nothing is known of what the log signed after this backup".to_owned()), former));
    };
    match signer::extends(conn, newest) {
        Ok(()) => {
            pending::settle(conn, keys)?;
            aftermath::record(conn, wanted.data, keys, SystemClock.now(), |settled| event(manifest, wanted.newest, settled))?;
            Ok((Standing::GoesOn, former))
        }
        Err(StoreError::Fork(why)) => {
            signer::hold(conn, note)?;
            Ok((Standing::Behind(why), former))
        }
        Err(e) => Err(e.into()),
    }
}

/// Puts keys and bundles into their place; bundles that were there are kept under another name, and named.
fn placed(stage: &Path, data: &Path, keys: &Keyring, former: &[Vkey]) -> Result<Vec<(PathBuf, PathBuf)>, BackupError> {
    keys.lay(data).map_err(BackupError::file(data))?;
    // Bundles that were sealed under these are trusted still, also where only the folder is asked.
    former.iter().try_for_each(|vkey| Keyring::keep_former(data, &vkey.to_string())).map_err(BackupError::file(data))?;
    let (from, to) = (stage.join("evidence"), data.join("evidence"));
    let failed = BackupError::file(&to);
    let there = fs::read_dir(&to).is_ok_and(|mut entries| entries.next().is_some());
    let aside = if there { private::aside(std::slice::from_ref(&to)).map_err(&failed)? } else { Vec::new() };
    if from.exists() {
        let _ = fs::remove_dir(&to);
        fs::rename(&from, &to).and_then(|()| File::open(data)?.sync_all()).map_err(&failed)?;
    }
    Ok(aside)
}
