//! Evidence on demand: who, why, at which size of the log; each export is an event that carries its purpose.

use serde_json::json;

use super::{App, AppError, AppResult, Caller, FULL, MASKED, build, collect, keep, number_of};
use crate::{
    app::{Done, step_up, timestamps},
    config::Profile,
    domain::{
        event::{Action, Outcome, Subject},
        role::Permission,
        text,
    },
    evidence::{bundle::Bundle, certificate::Uncertified, collected::Issue},
    id::BundleId,
    store::{
        StoreError,
        bundles::{self, BundleRow},
        recalls,
    },
};

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Export {
    /// Number or id of the case.
    pub case: String,
    /// What it is for, as typed; 2 to 500 characters.
    pub purpose: String,
    /// Log size to export at; the present one if absent.
    pub at: Option<u64>,
    /// A fresh one-time code; people only.
    pub totp: String,
    /// Keep a copy below the data folder, for download. Without, the bytes go only to the caller.
    pub keep: bool,
}

/// An export that was made.
#[derive(Clone, Debug)]
pub struct Exported {
    pub number: String,
    pub bundle: Bundle,
    /// Whether the message and its files are in it.
    pub with_content: bool,
    /// Whether it holds by our own verification; one that does not is handed out all the same, and says so.
    pub verified: bool,
    /// Why it bears no signature by a certificate, if it bears none.
    pub uncertified: Option<Uncertified>,
    /// In the profile "gm": whether it bears the signature by SM2, or why not.
    pub sm2: Option<Result<(), Uncertified>>,
    /// Which authorities gave no timestamp while this went out, and why, in words.
    pub missing: Vec<String>,
}

/// Exports. Contents go in for those who may read them; for others they are named as withheld.
///
/// # Errors
/// `Forbidden`; `NotFound`; `Invalid` on `purpose`, `at`, `totp`; refusals of `step_up::spend_totp`. Each is recorded.
pub async fn export(app: &App, caller: &Caller, wanted: Export) -> AppResult<Done<Exported>> {
    let about = Subject::new("recall", wanted.case.chars().take(64).collect::<String>());
    app.require(caller, Permission::EvidenceExport, Action::EvidenceExported, about.clone()).await?;
    let (loaded, purpose) = match prepare(app, caller, &wanted).await {
        Ok(prepared) => prepared,
        Err(error) => return Err(app.refuse(caller, Action::EvidenceExported, about, None, error).await),
    };
    if loaded.row.erased_at.is_some() {
        let error = AppError::refused("case-erased");
        return Err(app.refuse(caller, Action::EvidenceExported, about, Some(&loaded.row.id), error).await);
    }
    let case = loaded.row.id;
    let with_content = caller.may(Permission::ContentRead);
    let n = app.store.write(|tx| recalls::next_in_series(tx.conn, "bundles")).await?.value;
    let issue = Issue {
        kind: "export".to_owned(),
        made_at: app.now(),
        operator_kind: caller.kind.as_str().to_owned(),
        operator_id: caller.id.clone(),
        operator_name: caller.name.clone(),
        purpose: Some(purpose.clone()),
    };
    let request = collect::Wanted { number: number_of(app, issue.made_at, n), recall: case.clone(), issue, at: wanted.at, with_content };
    let collected = match collect::collect(app, request).await {
        Ok(collected) => collected,
        Err(error @ AppError::Invalid(_)) => {
            return Err(app.refuse(caller, Action::EvidenceExported, Subject::new("recall", case.clone()), Some(&case), error).await);
        }
        Err(error) => return Err(error),
    };
    let log_size = collected.log.as_of;
    let (mut bundle, verified) = build(app, collected).await?;
    let (uncertified, uncertified_sm2) = (bundle.uncertified, bundle.uncertified_sm2);
    let (mut stamped, mut missing) = (Vec::new(), Vec::new());
    if !wanted.keep {
        let tokens;
        ((tokens, stamped), missing) = timestamps::now(app, log_size, bundle.signature()).await;
        bundle = bundle.with(&tokens).map_err(|e| StoreError::Corrupt(format!("a bundle: {e}")))?;
    }
    let path = match wanted.keep {
        true => Some(keep(app.store.data(), if with_content { FULL } else { MASKED }, &bundle)?),
        false => None,
    };
    let (app2, caller2, number, sha256, size, kept) =
        (app.clone(), caller.clone(), bundle.number.clone(), bundle.sha256, bundle.bytes.len(), path.clone());
    let (signature, without) = (bundle.signature().to_vec(), missing.clone());
    let written = app
        .store
        .write(move |tx| {
            let id = BundleId::fresh().0;
            let event = caller2.event(Action::EvidenceExported, Subject::new("bundle", id.clone())).case(&case).text(json!({ "purpose": purpose }));
            if let Some(user) = &caller2.user_id
                && let Err(error) = step_up::spend_totp(tx, app2.store.keys(), user, &wanted.totp)?
            {
                tx.append(event.outcome(Outcome::Refused).detail(error.as_detail()))?;
                return Ok(Err(error));
            }
            let mut detail = json!({
                "number": number, "sha256": hex::encode(sha256), "bytes": size, "log_size": log_size, "contents": with_content, "verified": verified,
            });
            if let Some(why) = uncertified {
                detail["uncertified"] = json!(why);
            }
            if let Some(why) = uncertified_sm2 {
                detail["uncertified_sm2"] = json!(why);
            }
            if !without.is_empty() {
                detail["timestamps_missing"] = json!(without);
            }
            tx.append(event.detail(detail))?;
            for said in &stamped {
                let subject = Subject::new("bundle", id.clone());
                tx.append(caller2.event(Action::TimestampObtained, subject).case(&case).detail(said.clone()))?;
            }
            if let Some(path) = &path {
                let row = BundleRow {
                    id,
                    number: number.clone(),
                    recall_id: case.clone(),
                    log_size: i64::try_from(log_size).unwrap_or(i64::MAX),
                    path: path.clone(),
                    sha256: sha256.to_vec(),
                    size: i64::try_from(size).unwrap_or(i64::MAX),
                    sealed_at: tx.now().0,
                    erased_at: None,
                };
                timestamps::enqueue(tx, &app2.config, &row.id, &signature)?;
                bundles::insert(tx.conn, row)?;
            }
            Ok(Ok(()))
        })
        .await;
    let done = written.map_err(AppError::from).and_then(Done::from_write);
    if done.is_err()
        && let Some(path) = &kept
    {
        // Nobody was given it: it goes as if it had not been made.
        let full = app.store.data().join(path);
        let _ = std::fs::remove_file(full.with_extension("zip.sha256"));
        let _ = std::fs::remove_file(full);
    }
    let done = done?;
    let sm2 = (app.config.evidence.profile == Profile::Gm).then(|| uncertified_sm2.map_or(Ok(()), Err));
    let exported = Exported { number: bundle.number.clone(), bundle, with_content, verified, uncertified, sm2, missing };
    Ok(Done { value: exported, receipt: done.receipt })
}

async fn prepare(app: &App, caller: &Caller, wanted: &Export) -> AppResult<(crate::app::recalls::Loaded, String)> {
    let purpose = text::paragraph(&wanted.purpose, 2, 500).map_err(|e| AppError::Invalid(vec![crate::app::FieldError::text("purpose", e)]))?;
    if caller.user_id.is_some() && wanted.totp.trim().is_empty() {
        return Err(AppError::invalid(step_up::FIELD, "required"));
    }
    Ok((crate::app::recalls::known(app, caller, wanted.case.trim()).await?, purpose))
}
