//! The job `timestamp_bundle`, one for each bundle and authority: a token over the bundle's signature, which binds every file of it. Safe
//! to run twice: a bundle that has its token is not asked for again.

use super::{About, App, AppResult, PATIENT, TURN, ask, authority, record, renewal, rows, token_of};
use crate::{
    clock::Instant,
    evidence::timestamps::{Renewal, Token},
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

/// The tokens over a bundle's signature that there are so far, and what renewed them.
pub async fn tokens(app: &App, bundle: &str) -> AppResult<(Vec<Token>, Vec<Renewal>)> {
    let id = bundle.to_owned();
    let found = app.store.read(move |conn| {
        let said = rows::of_bundle(conn, &id)?;
        let renewals = renewal::of(conn, &said)?;
        Ok((said.into_iter().filter_map(token_of).collect(), renewals))
    });
    Ok(found.await?)
}
