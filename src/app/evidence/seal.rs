//! The job `seal_evidence`: the archive copy of a closed case. Safe to run twice: number and file name belong to the case, and a case that
//! has its archive gets no other. Its timestamps come afterwards, by jobs of their own (`app::timestamps`): they are over what was sealed.

use std::time::Duration;

use serde_json::json;

use super::{ARCHIVE, App, AppResult, Kind, build, collect, keep, number_of};
use crate::{
    app::{Caller, timestamps},
    clock::Instant,
    domain::event::{Action, Subject},
    evidence::collected::Issue,
    id::BundleId,
    store::{
        bundles::{self, BundleRow},
        reader, recalls,
    },
};

/// How long to wait for the sequencer before looking again.
const PAUSE: Duration = Duration::from_millis(250);

/// Seals the evidence of a case. The instant at which to come back, or `None` when it is done or there is nothing to do.
pub async fn step(app: &App, recall: &str) -> AppResult<Option<Instant>> {
    let id = recall.to_owned();
    let seen = app
        .store
        .read(move |conn| {
            let Some(row) = recalls::find(conn, &id)? else { return Ok(None) };
            let done = bundles::of_recall(conn, &row.id)?.iter().any(|b| Kind::of(b) == Kind::Archive);
            Ok(row.closed_at.filter(|_| !done).map(|at| (row.id.clone(), Instant(at), reader::pending_of_case(conn, &row.id))))
        })
        .await?;
    let Some((id, closed_at, pending)) = seen else { return Ok(None) };
    if pending? > 0 {
        return Ok(Some(app.now().plus(PAUSE)));
    }
    let n = number(app, &id).await?;
    let issue = Issue {
        kind: ARCHIVE.to_owned(),
        made_at: app.now(),
        operator_kind: "job".to_owned(),
        operator_id: "seal_evidence".to_owned(),
        operator_name: String::new(),
        purpose: None,
    };
    let wanted = collect::Wanted { number: number_of(app, closed_at, n), recall: id.clone(), issue, at: None, with_content: true };
    let collected = collect::collect(app, wanted).await?;
    let log_size = collected.log.as_of;
    let (bundle, verified) = build(app, collected).await?;
    let (uncertified, uncertified_sm2) = (bundle.uncertified, bundle.uncertified_sm2);
    let path = keep(app.store.data(), ARCHIVE, &bundle)?;
    crate::crash::point("evidence.file_written");
    let (number, sha256, size, signature) = (bundle.number.clone(), bundle.sha256, bundle.bytes.len(), bundle.signature().to_vec());
    let config = app.config.clone();
    app.store
        .write(move |tx| {
            if bundles::find(tx.conn, &number)?.is_some() {
                return Ok(());
            }
            let row = BundleRow {
                id: BundleId::fresh().0,
                number: number.clone(),
                recall_id: id.clone(),
                log_size: i64::try_from(log_size).unwrap_or(i64::MAX),
                path: path.clone(),
                sha256: sha256.to_vec(),
                size: i64::try_from(size).unwrap_or(i64::MAX),
                sealed_at: tx.now().0,
                erased_at: None,
            };
            let mut detail = json!({ "number": number, "sha256": hex::encode(sha256), "bytes": size, "log_size": log_size, "verified": verified });
            if let Some(why) = uncertified {
                detail["uncertified"] = json!(why);
            }
            if let Some(why) = uncertified_sm2 {
                detail["uncertified_sm2"] = json!(why);
            }
            let event = Caller::job("seal_evidence").event(Action::EvidenceSealed, Subject::new("bundle", row.id.clone())).case(&id).detail(detail);
            timestamps::enqueue(tx, &config, &row.id, &signature)?;
            bundles::insert(tx.conn, row)?;
            tx.append(event)?;
            Ok(())
        })
        .await?;
    Ok(None)
}

/// The number that belongs to the case: given out once, however often this runs.
async fn number(app: &App, recall: &str) -> AppResult<i64> {
    let name = format!("bundle_of/{recall}");
    let written = app
        .store
        .write(move |tx| {
            if let Some(n) = bundles::counter(tx.conn, &name)? {
                return Ok(n);
            }
            let n = recalls::next_in_series(tx.conn, "bundles")?;
            bundles::counter_start(tx.conn, &name, n)?;
            Ok(n)
        })
        .await?;
    Ok(written.value)
}
