//! Evidence of a case: sealed by itself when the case closes ([`seal`]), exported on demand with a purpose ([`export`]), listed;
//! whose certificate signs it ([`signing`]), and when that one runs out ([`expiry`]).
//! Not here: what a bundle is and whether it holds (`crate::evidence`).

mod collect;
pub mod expiry;
pub mod export;
pub mod seal;
pub mod signing;

use std::{io::Write, path::Path};

/// What a verification answers, for pages.
pub use super::timestamps::overview::OfBundle;
pub use crate::evidence::verify::{Answer, Check, Outcome};
pub(in crate::app) use collect::{KEYLESS, gone, parts_of};

use super::{App, AppError, AppResult, Caller, Done, Turn, retention, step_up, timestamps};
use crate::{
    clock::Instant,
    crypto::{
        private,
        signature::{Suite, files},
    },
    domain::{
        event::{self, Action, Subject},
        role::Permission,
    },
    evidence::{
        bundle::{self, Bundle, BundleError},
        certificate::Uncertified,
        collected::{Collected, Revocation},
        succession,
        timestamps::{add_to, anchored},
        verify::{Pin, verify},
        zip::{self, Limits, ZipError},
    },
    ledger::checkpoint::Checkpoint,
    store::{
        StoreError,
        bundles::{self, BundleRow},
        successions,
    },
};

/// Folders below `<data>/evidence`. The folder tells whether a bundle holds contents: `archive` and `full` do.
const ARCHIVE: &str = "archive";
const FULL: &str = "full";
const MASKED: &str = "masked";

/// A bundle as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub row: BundleRow,
    pub case_number: String,
    pub kind: Kind,
    /// Until when it is kept at least.
    pub kept_until: Instant,
    /// What authorities said of it so far; filled where one bundle is shown.
    pub timestamps: Vec<OfBundle>,
}

impl Listed {
    fn of(app: &App, row: BundleRow, case_number: String) -> Self {
        let kept_until = retention::bundle_kept_until(app, Instant(row.sealed_at));
        Self { kind: Kind::of(&row), row, case_number, kept_until, timestamps: Vec::new() }
    }
}

/// Why a bundle was made, and whether it holds contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Sealed by itself, whole.
    Archive,
    /// Exported with contents.
    Full,
    /// Exported without contents.
    Masked,
}

impl Kind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Archive => ARCHIVE,
            Self::Full => FULL,
            Self::Masked => MASKED,
        }
    }

    fn of(row: &BundleRow) -> Self {
        match row.path.split('/').nth(1) {
            Some(MASKED) => Self::Masked,
            Some(FULL) => Self::Full,
            _ => Self::Archive,
        }
    }

    pub const fn has_contents(self) -> bool {
        !matches!(self, Self::Masked)
    }
}

/// Bundles a page of a list.
pub const PAGE: usize = 50;

/// Bundles, newest first, and the ids that the pages before and after lie beside, where there are such pages.
pub async fn list(app: &App, caller: &Caller, turn: Turn) -> AppResult<(Vec<Listed>, (Option<String>, Option<String>))> {
    list_of(app, caller, turn, PAGE).await
}

/// The same in pages of `size`.
pub async fn list_of(app: &App, caller: &Caller, turn: Turn, size: usize) -> AppResult<(Vec<Listed>, (Option<String>, Option<String>))> {
    app.require(caller, Permission::EvidenceExport, Action::PermissionChecked, Subject::new("evidence", "list")).await?;
    let limit = i64::try_from(size + 1).unwrap_or(i64::MAX);
    let found = app.store.read(move |conn| Ok(turn.cut(bundles::page(conn, &turn, limit)?, size))).await?;
    let edges = found.edges(|(row, _)| row.id.clone());
    Ok((found.rows.into_iter().map(|(row, case_number)| Listed::of(app, row, case_number)).collect(), edges))
}

/// The bundles of one case, newest first; for everybody who may know of the case and export.
pub async fn of_case(app: &App, caller: &Caller, case: &str) -> AppResult<(super::recalls::Loaded, Vec<Listed>)> {
    app.require(caller, Permission::EvidenceExport, Action::PermissionChecked, Subject::new("recall", case)).await?;
    let loaded = super::recalls::known(app, caller, case).await?;
    let (id, case_number) = (loaded.row.id.clone(), loaded.row.number.clone());
    let rows = app.store.read(move |conn| bundles::of_recall(conn, &id)).await?;
    Ok((loaded, rows.into_iter().map(|row| Listed::of(app, row, case_number.clone())).collect()))
}

/// One bundle by its number.
pub async fn find(app: &App, caller: &Caller, number: &str) -> AppResult<Listed> {
    app.require(caller, Permission::EvidenceExport, Action::PermissionChecked, Subject::new("bundle", number)).await?;
    let number = number.to_owned();
    let found = app
        .store
        .read(move |conn| {
            let Some(row) = bundles::find(conn, &number)? else { return Ok(None) };
            let case = bundles::case_numbers(conn, vec![row.recall_id.clone()])?.remove(&row.recall_id).unwrap_or_default();
            Ok(Some((row, case)))
        })
        .await?;
    let (row, case_number) = found.ok_or(AppError::NotFound)?;
    let timestamps = timestamps::overview::of_bundle(app, &row.id).await?;
    Ok(Listed { timestamps, ..Listed::of(app, row, case_number) })
}

/// The bytes of a bundle, for download: an export of its own, and recorded as one, in the write that spends a person's fresh one-time
/// code. Contents only for those who may read them.
///
/// # Errors
/// `Forbidden`; `NotFound`; `Refused` with kind `bundle-erased` after its time; `Invalid` on `totp`; refusals of `step_up::spend_totp`. Each
/// is recorded.
pub async fn download(app: &App, caller: &Caller, number: &str, totp: &str) -> AppResult<Done<(Listed, Vec<u8>)>> {
    app.require(caller, Permission::EvidenceExport, Action::EvidenceExported, Subject::new("bundle", number)).await?;
    let found = match find(app, caller, number).await {
        Err(AppError::NotFound) => {
            let about = Subject::new("bundle", number);
            return Err(app.refuse(caller, Action::EvidenceExported, about, None, AppError::NotFound).await);
        }
        found => found?,
    };
    let subject = Subject::new("bundle", found.row.id.clone());
    let bytes = match bytes_of(app, caller, &found).await {
        Err(error @ AppError::Refused { .. }) => return Err(app.refuse(caller, Action::EvidenceExported, subject, None, error).await),
        bytes => bytes?,
    };
    let mut detail = serde_json::json!({ "number": number, "download": true, "sha256": hex::encode(crate::crypto::sha256(&bytes)) });
    if detail["sha256"] != hex::encode(&found.row.sha256) {
        detail["sealed_sha256"] = hex::encode(&found.row.sha256).into();
    }
    let (app2, caller2, totp, case) = (app.clone(), caller.clone(), totp.to_owned(), found.row.recall_id.clone());
    let written = app
        .write_of(caller.audits(), move |tx| {
            let event = caller2.event(Action::EvidenceExported, subject.clone()).case(&case);
            if let Some(user) = &caller2.user_id
                && let Err(error) = step_up::spend_totp(tx, app2.store.keys(), user, &totp)?
            {
                tx.append(event.outcome(event::Outcome::Refused).detail(error.as_detail()))?;
                return Ok(Err(error));
            }
            tx.append(event.detail(detail.clone()))?;
            Ok(Ok(()))
        })
        .await?;
    let done = Done::from_write(written)?;
    Ok(Done { value: (found, bytes), receipt: done.receipt })
}

/// The bytes of a bundle that was downloaded a moment ago, once more: for a form that was sent twice. Leaves nothing.
pub async fn again(app: &App, caller: &Caller, number: &str) -> AppResult<(Listed, Vec<u8>)> {
    let found = find(app, caller, number).await?;
    let bytes = bytes_of(app, caller, &found).await?;
    Ok((found, bytes))
}

/// The bytes for those who may have them: as they were sealed, with the timestamps that were obtained since.
async fn bytes_of(app: &App, caller: &Caller, found: &Listed) -> AppResult<Vec<u8>> {
    if found.kind.has_contents() {
        app.require(caller, Permission::ContentRead, Action::EvidenceExported, Subject::new("bundle", found.row.id.clone())).await?;
    }
    if found.row.erased_at.is_some() {
        return Err(AppError::refused("bundle-erased"));
    }
    let path = app.store.data().join(&found.row.path);
    let read = tokio::task::spawn_blocking(move || std::fs::read(&path)).await.map_err(|_| StoreError::Panicked)?;
    let bytes = read.map_err(|e| StoreError::Unavailable(format!("the archive: {e}")))?;
    if crate::crypto::sha256(&bytes).as_slice() != found.row.sha256 {
        return Err(StoreError::Corrupt(format!("bundle {} is not the one that was sealed", found.row.number)).into());
    }
    let bytes = with_successions(app, bytes).await?;
    let corrupt = |e: ZipError| StoreError::Corrupt(format!("bundle {}: {e}", found.row.number));
    let looked = tokio::task::spawn_blocking(move || anchored(&bytes).map(|anchors| (bytes, anchors))).await.map_err(|_| StoreError::Panicked)?;
    let (bytes, anchors) = looked.map_err(corrupt)?;
    let (tokens, renewals) = timestamps::bundle::tokens(app, &found.row.id, anchors).await?;
    if tokens.is_empty() && renewals.is_empty() {
        return Ok(bytes);
    }
    let stamped = tokio::task::spawn_blocking(move || add_to(&bytes, &tokens, &renewals)).await.map_err(|_| StoreError::Panicked)?;
    Ok(stamped.map_err(corrupt)?)
}

/// With the changes of the log's keys that came after it was sealed; nothing is added to a bundle of a log that has had one key.
async fn with_successions(app: &App, bytes: Vec<u8>) -> AppResult<Vec<u8>> {
    let text = zip::one(std::io::Cursor::new(&bytes), "data/proofs/checkpoint.txt");
    let head = text.and_then(|text| Checkpoint::parse(&String::from_utf8_lossy(&text)).ok());
    // One of a log that this one was renewed from has other keys.
    let Some(head) = head.filter(|head| head.origin == app.store.origin()) else { return Ok(bytes) };
    let links = app.store.read(move |conn| successions::of(conn, &head.origin, head.size)).await?;
    if links.is_empty() {
        return Ok(bytes);
    }
    let added = tokio::task::spawn_blocking(move || succession::add_to(&bytes, &links)).await.map_err(|_| StoreError::Panicked)?;
    Ok(added.map_err(|e| StoreError::Corrupt(format!("a bundle: {e}")))?)
}

/// Verifies an uploaded bundle against this installation's own key; nothing is kept but the event.
pub async fn check(app: &App, caller: &Caller, bytes: Option<Vec<u8>>) -> AppResult<Outcome> {
    /// What a page takes: an upload is at most 20 MiB.
    const LIMITS: Limits = Limits { entries: 20_000, file: 64 << 20, total: 128 << 20 };
    let permission = if caller.may(Permission::AuditRead) { Permission::AuditRead } else { Permission::EvidenceExport };
    app.require(caller, permission, Action::EvidenceVerified, Subject::new("evidence", "upload")).await?;
    // No file is no bundle that fails.
    let Some(bytes) = bytes else {
        let error = AppError::invalid("bundle", "required");
        return Err(app.refuse(caller, Action::EvidenceVerified, Subject::new("evidence", "upload"), None, error).await);
    };
    let (ours, former) = (app.store.vkey()?, app.store.former()?);
    let log = match former.is_empty() {
        true => Pin::Log(ours),
        false => Pin::OneOf(former.iter().chain([&ours]).map(|vkey| vkey.key().to_bytes()).collect()),
    };
    let signers = Pin::Signers(files::roots(app.store.data()));
    let pins = [log, Pin::Authorities(timestamps::roots(&app.config)), signers, Pin::At(app.now())];
    let sha256 = crate::crypto::sha256(&bytes);
    let outcome = tokio::task::spawn_blocking(move || verify(&bytes, &pins, &LIMITS)).await.map_err(|_| StoreError::Panicked)?;
    let detail = serde_json::json!({ "sha256": hex::encode(sha256), "result": outcome.result });
    app.record_of(caller, caller.event(Action::EvidenceVerified, Subject::new("evidence", "upload")).detail(detail)).await?;
    Ok(outcome)
}

/// `EVID-20261122-000123`: the day in the installation's zone, and a number of its own.
fn number_of(app: &App, at: Instant, n: i64) -> String {
    let day = at
        .timestamp()
        .in_tz(&app.config.time_zone)
        .map_or_else(|_| at.timestamp().strftime("%Y%m%d").to_string(), |z| z.strftime("%Y%m%d").to_string());
    format!("EVID-{day}-{n:06}")
}

/// Builds a bundle off the async threads and looks at it as a stranger would; answers whether it holds.
async fn build(app: &App, mut collected: Collected) -> AppResult<(Bundle, bool)> {
    let (vkey, _, keys) = app.store.signing()?;
    let (signer, known) = match signing::signer(app, Suite::Standard, collected.issue.made_at).await? {
        Ok((certified, known)) => (Ok(certified), Some(known)),
        Err(why) => (Err(why), None),
    };
    let sm2 = if signing::wanted(app, Suite::Sm2) { Some(signing::signer(app, Suite::Sm2, collected.issue.made_at).await?) } else { None };
    if known.is_some() || !collected.authorities.is_empty() || !collected.anchors.is_empty() {
        collected.revocation = Some(Revocation { signer: known });
    }
    let signers = Pin::Signers(files::roots(app.store.data()));
    let (pins, key) = ([Pin::Log(vkey), Pin::Authorities(timestamps::roots(&app.config)), signers, Pin::At(app.now())], keys.log);
    let built = tokio::task::spawn_blocking(move || {
        let sm2 = sm2.as_ref().map(|sm2| sm2.as_ref().map(|(certified, known)| (&**certified, known)).map_err(|why| *why));
        let mut bundle = bundle::build_with(&collected, &key, signer.as_deref().map_err(|why| *why), sm2);
        // The module was there and went away before it signed: the bundle goes out and says so.
        if let (Err(BundleError::Certificate(_)), Ok(certified)) = (&bundle, &signer)
            && certified.key.file().is_none()
        {
            collected.revocation = collected.revocation.take().map(|_| Revocation { signer: None });
            bundle = bundle::build_with(&collected, &key, Err(Uncertified::Module), sm2);
        }
        let bundle = bundle.map_err(|e| StoreError::Corrupt(format!("a bundle: {e}")))?;
        let outcome = verify(&bundle.bytes, &pins, &Limits::default());
        for check in outcome.checks.iter().filter(|c| c.result == Answer::Fail) {
            tracing::error!(
                number = bundle.number,
                check = check.name,
                file = check.file,
                expected = check.expected,
                actual = check.actual,
                "a bundle does not hold"
            );
        }
        Ok::<_, StoreError>((bundle, outcome.result != Answer::Fail))
    });
    Ok(built.await.map_err(|_| StoreError::Panicked)??)
}

/// Writes a bundle and its checksum below the data folder; the path for its row. Complete on disk, or not there.
fn keep(data: &Path, folder: &str, bundle: &Bundle) -> Result<String, StoreError> {
    let path = format!("evidence/{folder}/{}.zip", bundle.number);
    let full = data.join(&path);
    let name = format!("{}.zip", bundle.number);
    write_private(&full, &bundle.bytes)
        .and_then(|()| write_private(&full.with_extension("zip.sha256"), bundle.checksum_line(&name).as_bytes()))
        .map_err(|e| StoreError::Unavailable(format!("{}: {e}", full.display())))?;
    Ok(path)
}

/// Readable by this account alone: bundles hold personal data and contents.
pub fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    private::folder(path.parent().unwrap_or(Path::new("")))?;
    let mut partial = path.as_os_str().to_owned();
    partial.push(".part");
    let mut file = private::file(Path::new(&partial))?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&partial, path)
}
