//! The job `watch_certificate`, once a day: tells when the certificate that signs evidence is about to run out, thirty and seven days before,
//! and when it has, each once (`evidence_certificate.expiring`), and that its authority revoked it (`evidence_certificate.revoked`). Another
//! certificate begins anew. Running the job twice is harmless.

use std::time::Duration;

use serde_json::json;

use super::{App, AppResult, Caller, signing};
use crate::{
    clock::Instant,
    domain::event::{Action, Outcome},
    store::{Tx, settings},
};

/// The job's kind.
pub const JOB: &str = "watch_certificate";
const DAY: Duration = Duration::from_secs(86_400);
/// Days before the end at which it is told, the last first.
const STEPS: [u32; 3] = [0, 7, signing::WARN_DAYS];
/// The setting that remembers of which certificate what was told: its SHA-256 and the days.
const TOLD: &str = "evidence.certificate_told";

/// Makes sure that the job waits. Call it when a process starts.
///
/// # Errors
/// Those of the store.
pub async fn begin(app: &App) -> AppResult<()> {
    app.store.write(|tx| tx.enqueue(JOB, "", &json!({}), tx.now())).await?;
    Ok(())
}

/// Tells what is due. When to come back.
///
/// # Errors
/// Those of the store; key files that cannot be read.
pub async fn step(app: &App) -> AppResult<Option<Instant>> {
    let now = app.now();
    let again = Some(now.plus(DAY));
    signing::watch(app).await?;
    // One whose file is missing is told by everything that would sign with it.
    let Some((facts, until)) = signing::standing(app).await?.certificate else { return Ok(again) };
    let Some(days) = STEPS.into_iter().find(|days| now.plus(DAY * *days) >= until) else { return Ok(again) };
    let told = format!("{} {days}", facts.sha256);
    let write = move |tx: &mut Tx<'_>| {
        if settings::get(tx.conn, TOLD)?.as_ref() == Some(&told) {
            return Ok(());
        }
        settings::put(tx.conn, TOLD, &told)?;
        let detail = json!({ "sha256": facts.sha256, "subject": facts.subject, "not_after": until.to_rfc3339(), "days": days });
        let event = Caller::job(JOB).event(Action::EvidenceCertificateExpiring, signing::subject());
        tx.append(event.outcome(Outcome::Failed).detail(detail)).map(drop)
    };
    app.store.write(write).await?;
    Ok(again)
}
