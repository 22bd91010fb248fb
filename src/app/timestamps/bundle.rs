//! The job `timestamp_bundle`, one for each bundle and authority: a token over the bundle's signature, which binds every file of it. Safe
//! to run twice: a bundle that has its token is not asked for again.

use super::{About, App, AppResult, PATIENT, TURN, ask, authority, record, renewal, rows, token_of};
use crate::{
    clock::Instant,
    evidence::timestamps::{Anchored, Renewal, Token},
    store::{StoreError, bundles},
};

/// Asks one authority about one bundle, whose signature is given in hex. When to come back, or `None` when there is nothing to do.
pub async fn step(app: &App, name: &str, bundle: &str, signature: &str) -> AppResult<Option<Instant>> {
    let Some(authority) = authority(app, name) else { return Ok(None) };
    let id = bundle.to_owned();
    let (row, said) = app.store.read(move |conn| Ok((bundles::by_id(conn, &id)?, rows::of_bundle(conn, &id)?))).await?;
    let Some(row) = row else { return Ok(None) };
    let earlier = said.into_iter().find(|r| r.authority == name);
    if earlier.as_ref().is_some_and(|r| r.state == rows::OBTAINED) {
        return Ok(None);
    }
    let stamped = hex::decode(signature).map_err(|_| StoreError::Corrupt("jobs.payload: a signature".to_owned()))?;
    let size = u64::try_from(row.log_size).unwrap_or(0);
    let about = About { kind: rows::BUNDLE, bundle: Some((row.id, row.recall_id)), renews: Vec::new(), size, stamped };
    let Ok(_turn) = app.stamping.try_acquire() else { return Ok(Some(app.now().plus(TURN))) };
    let asked = ask(app, authority, &about.stamped, PATIENT).await;
    record(app, name, about, asked, earlier).await
}

/// The tokens over a bundle's signature that there are so far, and what renewed them or the tokens of checkpoints that lie in the bundle
/// (`anchors`).
pub async fn tokens(app: &App, bundle: &str, anchors: Vec<Anchored>) -> AppResult<(Vec<Token>, Vec<Renewal>)> {
    let id = bundle.to_owned();
    let found = app.store.read(move |conn| {
        let said = rows::of_bundle(conn, &id)?;
        let sizes: Vec<i64> = anchors.iter().filter_map(|anchor| i64::try_from(anchor.size).ok()).collect();
        let mut inside = rows::over(conn, &sizes)?;
        inside.retain(|row| row.answer.as_ref().is_some_and(|answer| anchors.iter().any(|anchor| anchor.answer == *answer)));
        inside.extend(said.iter().cloned());
        let renewals = renewal::of(conn, &inside)?;
        let tokens = said.into_iter().map(|row| token_of(conn, row)).collect::<Result<Vec<_>, _>>()?;
        Ok((tokens.into_iter().flatten().collect(), renewals))
    });
    Ok(found.await?)
}
