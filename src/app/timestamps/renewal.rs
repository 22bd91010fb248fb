//! The job `renew_timestamps`, once a day: tokens whose certificates near their end are stamped anew, together with what they are over
//! (RFC 4998 §5.2), because a token whose certificate has run out proves nothing by itself. One question covers many of them: it is over a
//! list of hashes in the form of `sha256sum`, which goes with every bundle that one of them is in.
//!
//! A renewal that lasts beyond the lead time of the settings is taken at once. Where no authority gives one, in the last quarter of that time
//! any that lasts longer than what it renews is taken, and if there is none it is told (`timestamp.expiring`). What has run out before it was
//! renewed stays so: a later token over it would not show that it was sound when it counted. Running the job twice is harmless.

use std::time::Duration;

use super::{About, App, AppResult, Asked, Failure, PATIENT, TURN, ask, record, rows, token_of};
use crate::{
    clock::Instant,
    config::Authority,
    crypto::timestamp::chain,
    evidence::{
        bundle::ROOT_MANIFEST,
        timestamps::{Renewal, list},
        zip,
    },
    store::{Conn, StoreError, bundles, reader, timestamps::TimestampRow},
};

/// The job's kind.
pub const JOB: &str = "renew_timestamps";
const DAY: Duration = Duration::from_secs(86_400);
/// Tokens that one renewal covers: each bundle that needs it carries the whole list.
const BATCH: i64 = 250;
/// Which part of the lead time is the last chance.
const LAST: u32 = 4;

/// Renews what is due. When to come back.
///
/// # Errors
/// Those of the store.
pub async fn step(app: &App) -> AppResult<Option<Instant>> {
    complete(app).await?;
    let now = app.now();
    let lead = DAY * app.config.timestamp.renew_before_days;
    let ending = app.store.read(move |conn| Ok((rows::ending(conn, now, now.plus(lead), BATCH)?, rows::owed_renewal(conn)?, reader::head(conn)?)));
    let (due, owed, head) = ending.await?;
    let Some(first) = due.iter().filter_map(|row| row.valid_until).min().map(Instant) else { return Ok(Some(now.plus(DAY))) };
    let Ok(_turn) = app.stamping.try_acquire() else { return Ok(Some(now.plus(TURN))) };
    let urgent = first <= now.plus(lead / LAST);
    let stamped = covered(app, &due).await?;
    let (authority, mut asked) = best(app, &due, &stamped, now.plus(lead)).await;
    let until = asked.outcome.as_ref().ok().map(|(_, stamp)| stamp.until);
    let enough = until.is_some_and(|until| until > now.plus(lead) || (urgent && until > first));
    if !enough && !urgent {
        return Ok(Some(now.plus(DAY)));
    }
    if let (Some(until), false) = (until, enough) {
        asked.outcome = Err(Failure { kind: "short_lived", words: format!("its certificate runs out on {}", until.to_rfc3339()) });
    }
    let lasts = until.filter(|_| enough).unwrap_or(Instant(i64::MAX));
    let renews = due.iter().filter_map(|row| Some((row.id.clone(), Instant(row.valid_until?)))).filter(|(_, until)| *until < lasts).collect();
    let about = About { kind: rows::RENEWAL, bundle: None, renews, size: head.size(), stamped };
    let again = record(app, &authority, about, asked, owed).await?;
    // There may be more than one list holds.
    Ok(Some(again.unwrap_or_else(|| app.now())))
}

/// Writes when tokens run out that an older version obtained.
async fn complete(app: &App) -> AppResult<()> {
    let found = app.store.read(|conn| rows::incomplete(conn, BATCH)).await?;
    if found.is_empty() {
        return Ok(());
    }
    // A chain that cannot be read says of no time that it vouches for it.
    let ends: Vec<(String, i64)> =
        found.into_iter().map(|(id, chain)| (id, chain.as_deref().and_then(chain::until_of_pem).map_or(0, |until| until.0))).collect();
    app.store.write(move |tx| ends.iter().try_for_each(|(id, until)| rows::complete(tx.conn, id, *until))).await?;
    Ok(())
}

/// The list over these tokens and what they are over. The root manifest of a bundle is named beside its signature: should signatures of this
/// kind be broken one day, the hash still binds it.
async fn covered(app: &App, due: &[TimestampRow]) -> AppResult<Vec<u8>> {
    let of: Vec<String> = due.iter().filter_map(|row| row.bundle_id.clone()).collect();
    let found = app.store.read(move |conn| of.iter().map(|id| bundles::by_id(conn, id)).collect::<Result<Vec<_>, _>>()).await?;
    let data = app.store.data().to_owned();
    let manifests = tokio::task::spawn_blocking(move || {
        let of = |row: bundles::BundleRow| {
            let file = std::fs::File::open(data.join(&row.path)).ok()?;
            Some((row.id, zip::one(file, &row.number, ROOT_MANIFEST)?))
        };
        found.into_iter().flatten().filter_map(of).collect::<std::collections::BTreeMap<_, _>>()
    });
    let manifests = manifests.await.map_err(|_| StoreError::Panicked)?;
    Ok(list(due.iter().flat_map(|row| {
        let manifest = row.bundle_id.as_ref().and_then(|id| manifests.get(id));
        let of_row = [(Some(&row.stamped), ""), (row.answer.as_ref(), ".tsr"), (manifest, ".tagmanifest-sha256.txt")];
        of_row.into_iter().filter_map(|(bytes, end)| Some((bytes?, format!("{}{end}", row.id))))
    })))
}

/// Asks one authority after the other until a token lasts beyond `long`; else the one that lasts longest, or else the last refusal.
async fn best(app: &App, due: &[TimestampRow], stamped: &[u8], long: Instant) -> (String, Asked) {
    let until = |asked: &Asked| asked.outcome.as_ref().ok().map(|(_, stamp)| stamp.until);
    let mut best: Option<(&Authority, Asked)> = None;
    for authority in &app.config.timestamp.authorities {
        let asked = ask(app, authority, stamped, PATIENT).await;
        if best.as_ref().is_none_or(|(_, before)| until(&asked) >= until(before)) {
            best = Some((authority, asked));
        }
        if best.as_ref().and_then(|(_, asked)| until(asked)).is_some_and(|until| until > long) {
            break;
        }
    }
    match best {
        Some((authority, asked)) => (authority.name.clone(), asked),
        None => {
            let failure = Failure { kind: "no_authority", words: "the settings name no authority".to_owned() };
            let of = due.first().map(|row| row.authority.clone()).unwrap_or_default();
            (of, Asked { query: Vec::new(), outcome: Err(failure) })
        }
    }
}

/// What renewed these tokens, the oldest first.
pub(in crate::app) fn of(conn: &mut Conn, tokens: &[TimestampRow]) -> Result<Vec<Renewal>, StoreError> {
    let renewals = rows::renewals_of(conn, tokens)?;
    Ok(renewals.into_iter().filter_map(|row| Some(Renewal { list: row.stamped.clone(), token: token_of(row)? })).collect())
}
