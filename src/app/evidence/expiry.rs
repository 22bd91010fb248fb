//! The job `watch_certificate`, once a day: tells when the certificate that signs evidence is about to run out, thirty and seven days before,
//! and when it has, each once (`evidence_certificate.expiring`), and that its authority revoked it (`evidence_certificate.revoked`). Another
//! certificate begins anew. The certificate of SM2 is watched where the profile wants its signature. Running the job twice is harmless.

use std::time::Duration;

use serde_json::json;

use super::{App, AppResult, Caller, signing};
use crate::{
    clock::Instant,
    crypto::signature::Suite,
    domain::event::{Action, Outcome},
    store::{Tx, settings},
};

/// The job's kind.
pub const JOB: &str = "watch_certificate";
const DAY: Duration = Duration::from_secs(86_400);
/// Days before the end at which it is told, the last first.
const STEPS: [u32; 3] = [0, 7, signing::WARN_DAYS];
/// The settings, one for each suite, that remember of which certificate what was told: its SHA-256 and the days.
const fn told_of(suite: Suite) -> &'static str {
    match suite {
        Suite::Standard => "evidence.certificate_told",
        Suite::Sm2 => "evidence.certificate_sm2_told",
    }
}

/// Makes sure that the job waits. Call it when a process starts.
///
/// # Errors
/// Those of the store.
pub async fn begin(app: &App) -> AppResult<()> {
    app.store.write(|tx| tx.enqueue(JOB, "", &json!({}), tx.now())).await?;
    Ok(())
}

/// Tells what is due. When to come back. What is wrong with one certificate does not keep the other from being looked at.
///
/// # Errors
/// The first of those of the store; key files that cannot be read.
pub async fn step(app: &App) -> AppResult<Option<Instant>> {
    let now = app.now();
    let mut first = None;
    for suite in Suite::ALL {
        if signing::wanted(app, *suite)
            && let Err(error) = look(app, *suite, now).await
        {
            first.get_or_insert(error);
        }
    }
    first.map_or(Ok(Some(now.plus(DAY))), Err)
}

async fn look(app: &App, suite: Suite, now: Instant) -> AppResult<()> {
    signing::watch(app, suite).await?;
    // One whose file is missing is told by everything that would sign with it.
    let Some((facts, until)) = signing::standing(app, suite).await?.certificate else { return Ok(()) };
    let Some(days) = STEPS.into_iter().find(|days| now.plus(DAY * *days) >= until) else { return Ok(()) };
    let told = format!("{} {days}", facts.sha256);
    let write = move |tx: &mut Tx<'_>| {
        if settings::get(tx.conn, told_of(suite))?.as_ref() == Some(&told) {
            return Ok(());
        }
        settings::put(tx.conn, told_of(suite), &told)?;
        let detail = json!({ "sha256": facts.sha256, "subject": facts.subject, "not_after": until.to_rfc3339(), "days": days });
        let event = Caller::job(JOB).event(Action::EvidenceCertificateExpiring, signing::subject(suite));
        tx.append(event.outcome(Outcome::Failed).detail(detail)).map(drop)
    };
    app.store.write(write).await?;
    Ok(())
}
