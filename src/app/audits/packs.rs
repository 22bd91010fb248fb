//! Packs of an audit: asked for with a fresh one-time code, made by a job, handed out with another code. Making one twice is harmless: the
//! number is the audit's with the size of the log, and the same size gives the same file. Packs are not in backups: they can be made again.

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use super::{App, AppError, AppResult, Caller, Done, collect, find, load};
use crate::{
    app::{step_up, timestamps},
    clock::Instant,
    domain::{
        audit::PackState,
        event::{Action, Outcome, Subject},
        role::Permission,
    },
    evidence::{
        verify::{Answer, Pin, verify},
        zip::Limits,
    },
    id::AuditPackId,
    ledger::checkpoint,
    store::{
        StoreError,
        audits::{self, AuditRow, PackRow, Sealed},
    },
};

/// The job's kind.
pub const JOB: &str = "make_audit_pack";
/// How long to wait for the sequencer before looking again.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(250);

/// A pack that was made.
#[derive(Clone, Debug)]
pub struct Made {
    pub number: String,
    pub log_size: u64,
    pub cases: u64,
    pub sha256: [u8; 32],
    /// Bytes.
    pub size: u64,
    /// Whether it holds by our own verification; one that does not is handed out all the same, and says so. `None`: too large to look at here.
    pub verified: Option<bool>,
    /// Which authorities gave no timestamp over its signature, and why, in words.
    pub missing: Vec<String>,
    /// What the events say of those that did.
    stamped: Vec<Value>,
}

impl Made {
    fn detail(&self, audit: &AuditRow) -> Value {
        let mut detail = json!({
            "audit": audit.number, "number": self.number, "sha256": hex::encode(self.sha256), "bytes": self.size, "log_size": self.log_size,
            "cases": self.cases, "verified": self.verified,
        });
        if !self.missing.is_empty() {
            detail["timestamps_missing"] = json!(self.missing);
        }
        detail
    }

    /// How many tokens are over its signature.
    pub fn timestamps(&self) -> usize {
        self.stamped.len()
    }
}

/// Packs of an audit, newest first.
///
/// # Errors
/// `Forbidden`; `NotFound`.
pub async fn list(app: &App, caller: &Caller, audit: &str) -> AppResult<Vec<PackRow>> {
    let id = load(app, caller, audit).await?.row.id;
    Ok(app.store.read(move |conn| audits::packs_of(conn, &id)).await?)
}

/// Asks for a pack; a job makes it. The answer is its id.
///
/// # Errors
/// `Forbidden`; `NotFound`; `Invalid` on `totp`; refusals of `step_up::spend_totp`. Each is recorded.
pub async fn request(app: &App, caller: &Caller, audit: &str, totp: &str) -> AppResult<Done<String>> {
    let id = AuditPackId::fresh().0;
    let about = Subject::new("audit_pack", id.clone());
    app.require(caller, Permission::AuditExport, Action::AuditPackRequested, about.clone()).await?;
    let Some(audit) = find(app, audit).await?.map(|audit| audit.row) else {
        return Err(app.refuse(caller, Action::AuditPackRequested, about, None, AppError::NotFound).await);
    };
    let (app2, caller, totp) = (app.clone(), caller.clone(), totp.to_owned());
    let written = app
        .store
        .write(move |tx| {
            let event = caller.event(Action::AuditPackRequested, about.clone());
            if let Some(user) = &caller.user_id
                && let Err(error) = step_up::spend_totp(tx, app2.store.keys(), user, &totp)?
            {
                tx.append(event.outcome(Outcome::Refused).detail(error.as_detail()))?;
                return Ok(Err(error));
            }
            tx.append(event.detail(json!({ "audit": audit.number })))?;
            let row = PackRow {
                id: id.clone(),
                audit_id: audit.id.clone(),
                state: PackState::Making.as_str().to_owned(),
                requested_by: caller.user_id.clone().unwrap_or_else(|| caller.id.clone()),
                requested_at: tx.now().0,
                done: 0,
                total: 0,
                number: None,
                log_size: None,
                cases: None,
                path: None,
                sha256: None,
                size: None,
                verified: None,
                sealed_at: None,
                erased_at: None,
            };
            audits::pack_insert(tx.conn, row)?;
            tx.enqueue(JOB, &id, &json!({ "pack": id }), tx.now())?;
            Ok(Ok(id.clone()))
        })
        .await?;
    app.wake.notify_one();
    Done::from_write(written)
}

/// Makes a pack that was asked for. The instant at which to come back, or `None` when it is done or there is nothing to do.
pub async fn step(app: &App, pack: &str) -> AppResult<Option<Instant>> {
    let id = pack.to_owned();
    let found = app.store.read(move |conn| {
        let Some(row) = audits::pack_find(conn, &id)?.filter(|row| row.state == PackState::Making.as_str()) else { return Ok(None) };
        Ok(audits::find(conn, &row.audit_id)?.map(|audit| (row, audit)))
    });
    let Some((row, audit)) = found.await? else { return Ok(None) };
    let Some(note) = note_for(app, &audit).await? else { return Ok(Some(app.now().plus(PAUSE))) };
    let size = checkpoint::open(&note, &app.store.vkey()?).map_err(|e| StoreError::Corrupt(format!("a checkpoint of ours: {e}")))?.size;
    let path = format!("evidence/audits/{}.zip", collect::number(&audit, size));
    let made = make(app, &audit, note, app.store.data().join(&path), Some(row.id.clone())).await?;
    let sealed = Sealed {
        number: made.number.clone(),
        log_size: made.log_size,
        cases: made.cases,
        path,
        sha256: made.sha256,
        size: made.size,
        verified: made.verified,
    };
    let detail = made.detail(&audit);
    app.store
        .write(move |tx| {
            let about = Subject::new("audit_pack", row.id.clone());
            if audits::pack_seal(tx.conn, &row.id, &sealed, tx.now().0)? {
                tx.append(Caller::job(JOB).event(Action::AuditPackSealed, about.clone()).detail(detail.clone()))?;
                for said in &made.stamped {
                    tx.append(Caller::job(JOB).event(Action::TimestampObtained, about.clone()).detail(said.clone()))?;
                }
            }
            Ok(())
        })
        .await?;
    Ok(None)
}

/// A checkpoint that covers the event by which the audit was opened; `None` while that has no index.
async fn note_for(app: &App, audit: &AuditRow) -> AppResult<Option<String>> {
    let note = app.store.checkpoint().await?;
    let size = checkpoint::open(&note, &app.store.vkey()?).map_err(|e| StoreError::Corrupt(format!("a checkpoint of ours: {e}")))?.size;
    let (store, event) = (app.store.clone(), audit.opened_event.as_str().into());
    let index = tokio::task::spawn_blocking(move || store.index_of(&event)).await.map_err(|_| StoreError::Panicked)??;
    Ok(index.filter(|index| *index < size).map(|_| note))
}

/// Writes a pack to `path`, has it stamped by the authorities of the settings, and looks at it as a stranger would; `pack`: whose row is told how
/// far it is. An authority that is gone holds nothing up for long: a pack can be made again.
async fn make(app: &App, audit: &AuditRow, note: String, path: PathBuf, pack: Option<String>) -> AppResult<Made> {
    /// What is looked at again must fit in memory, unpacked.
    const LARGEST: u64 = 512 << 20;
    let (app2, audit, path2) = (app.clone(), audit.clone(), path.clone());
    let written = tokio::task::spawn_blocking(move || {
        let tell = |done: u64, total: u64| {
            let Some(pack) = pack.clone() else { return Ok(()) };
            app2.store.write_now(move |tx| audits::pack_progress(tx.conn, &pack, done, total)).map(|_| ())
        };
        collect::write(&app2, &audit, &note, &path2, &tell)
    });
    let written = written.await.map_err(|_| StoreError::Panicked)??;
    let ((tokens, stamped), missing) = timestamps::now(app, written.log_size, &written.signature).await;
    let pins = [Pin::Log(written.vkey.clone()), Pin::Authorities(timestamps::roots(&app.config)), Pin::At(app.now())];
    let made = tokio::task::spawn_blocking(move || {
        let (sha256, size) = collect::seal(&written.number, &path, &tokens)?;
        let read = |path: &Path| std::fs::read(path).map_err(|e| StoreError::Unavailable(format!("{}: {e}", path.display())));
        let mut verified = None;
        if written.unpacked <= LARGEST {
            let outcome = verify(&read(&path)?, &pins, &Limits::default());
            for check in outcome.checks.iter().filter(|c| c.result == Answer::Fail) {
                let (number, name) = (&written.number, check.name);
                tracing::error!(number, check = name, file = check.file, expected = check.expected, actual = check.actual, "a pack does not hold");
            }
            verified = Some(outcome.result != Answer::Fail);
        }
        let collect::Written { number, log_size, cases, .. } = written;
        Ok::<_, StoreError>(Made { number, log_size, cases, sha256, size, verified, missing, stamped })
    });
    Ok(made.await.map_err(|_| StoreError::Panicked)??)
}

/// Makes a pack of an audit into a file of the caller's, for the shell.
///
/// # Errors
/// `NotFound`; `Refused` with kind `pack-too-early` while the log has not come to the audit's own event.
pub async fn export_to(app: &App, caller: &Caller, audit: &str, out: &Path) -> AppResult<Done<Made>> {
    /// Tries, [`PAUSE`] apart.
    const TRIES: usize = 40;
    let audit = find(app, audit).await?.ok_or(AppError::NotFound)?.row;
    let mut note = note_for(app, &audit).await?;
    for _ in 0..TRIES {
        if note.is_some() {
            break;
        }
        tokio::time::sleep(PAUSE).await;
        note = note_for(app, &audit).await?;
    }
    let Some(note) = note else { return Err(AppError::refused("pack-too-early")) };
    let made = make(app, &audit, note, out.to_owned(), None).await?;
    let (about, detail, stamped, caller) = (Subject::new("audit", audit.id.clone()), made.detail(&audit), made.stamped.clone(), caller.clone());
    let written = app.store.write(move |tx| {
        for said in &stamped {
            tx.append(caller.event(Action::TimestampObtained, about.clone()).detail(said.clone()))?;
        }
        // Last: its receipt is the caller's.
        tx.append(caller.event(Action::AuditPackExported, about.clone()).detail(detail.clone()))?;
        Ok(Ok(made.clone()))
    });
    Done::from_write(written.await?)
}

/// A pack for download: an export, recorded as one in the write that spends a person's fresh one-time code. The answer is its row and
/// where its file lies.
///
/// # Errors
/// `Forbidden`; `NotFound`; `Refused` with kind `pack-not-ready`, `pack-erased` (after its time) or `pack-gone` (its file is not there,
/// or not the one that was sealed);
/// `Invalid` on `totp`; refusals of `step_up::spend_totp`. Each is recorded.
pub async fn download(app: &App, caller: &Caller, pack: &str, totp: &str) -> AppResult<(PackRow, PathBuf)> {
    let about = Subject::new("audit_pack", pack);
    app.require(caller, Permission::AuditExport, Action::AuditPackExported, about.clone()).await?;
    let (row, path) = match there(app, pack).await {
        Err(error @ (AppError::NotFound | AppError::Refused { .. })) => {
            return Err(app.refuse(caller, Action::AuditPackExported, about, None, error).await);
        }
        found => found?,
    };
    let detail = json!({ "number": row.number, "sha256": row.sha256.as_ref().map(hex::encode), "bytes": row.size });
    let (app2, caller2, totp) = (app.clone(), caller.clone(), totp.to_owned());
    let written = app
        .write_of(caller.audits(), move |tx| {
            let event = caller2.event(Action::AuditPackExported, about.clone());
            if let Some(user) = &caller2.user_id
                && let Err(error) = step_up::spend_totp(tx, app2.store.keys(), user, &totp)?
            {
                tx.append(event.outcome(Outcome::Refused).detail(error.as_detail()))?;
                return Ok(Err(error));
            }
            tx.append(event.detail(detail.clone()))?;
            Ok(Ok(()))
        })
        .await?;
    Done::from_write(written)?;
    Ok((row, path))
}

/// The pack that was downloaded a moment ago, once more: for a form that was sent twice. Leaves nothing.
pub async fn again(app: &App, caller: &Caller, pack: &str) -> AppResult<(PackRow, PathBuf)> {
    app.require(caller, Permission::AuditExport, Action::AuditPackExported, Subject::new("audit_pack", pack)).await?;
    there(app, pack).await
}

/// A pack whose file is the one that was sealed.
async fn there(app: &App, pack: &str) -> AppResult<(PackRow, PathBuf)> {
    let id = pack.to_owned();
    let row = app.store.read(move |conn| audits::pack_find(conn, &id)).await?.ok_or(AppError::NotFound)?;
    if row.erased_at.is_some() {
        return Err(AppError::refused("pack-erased"));
    }
    let Some(path) = row.path.as_ref().map(|path| app.store.data().join(path)) else { return Err(AppError::refused("pack-not-ready")) };
    let file = path.clone();
    let read = tokio::task::spawn_blocking(move || collect::digest(&file)).await.map_err(|_| StoreError::Panicked)?;
    match read {
        Ok((sha256, _)) if row.sha256.as_deref() == Some(&sha256[..]) => Ok((row, path)),
        _ => Err(AppError::refused("pack-gone")),
    }
}

/// A file in pieces, so that none has to fit in memory.
pub struct Pieces(PathBuf, Option<std::fs::File>);

impl Pieces {
    pub fn of(path: PathBuf) -> Self {
        Self(path, None)
    }

    /// The next piece, and what reads on; `None` at the end.
    pub async fn next(self) -> Option<(std::io::Result<Vec<u8>>, Self)> {
        const PIECE: u64 = 256 << 10;
        let Self(path, open) = self;
        let read = tokio::task::spawn_blocking(move || {
            let mut file = match open {
                Some(file) => file,
                None => std::fs::File::open(&path)?,
            };
            let mut piece = Vec::new();
            (&mut file).take(PIECE).read_to_end(&mut piece)?;
            Ok((piece, Self(path, Some(file))))
        });
        match read.await.unwrap_or_else(|_| Err(std::io::Error::other("the reader broke"))) {
            Ok((piece, _)) if piece.is_empty() => None,
            Ok((piece, rest)) => Some((Ok(piece), rest)),
            Err(error) => Some((Err(error), Self(PathBuf::new(), None))),
        }
    }
}
