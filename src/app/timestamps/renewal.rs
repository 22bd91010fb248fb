//! The job `renew_timestamps`, once a day: tokens whose certificates near their end are stamped anew, together with what they are over
//! (RFC 4998 §5.2), because a token whose certificate has run out proves nothing by itself. One question covers many of them: it is over a
//! list of hashes in the form of `sha256sum`, which goes with every bundle that one of them is in.
//!
//! A renewal that lasts beyond the lead time of the settings is taken at once. Where no authority gives one, in the last quarter of that time
//! any that lasts longer than what it renews is taken, and if there is none it is told (`timestamp.expiring`). What has run out before it was
//! renewed stays so, and is told once (`timestamp.expired`): a later token over it would not show that it was sound when it counted. By the
//! same rule the time in the new token decides, not the one at which it was asked for. Running the job twice is harmless.

use std::time::Duration;

use serde_json::json;

use super::{About, App, AppResult, Asked, Failure, PATIENT, TURN, ask, record, rows, token_of};
use crate::{
    app::Caller,
    clock::Instant,
    config::Authority,
    crypto::timestamp::{Stamp, chain},
    domain::event::{Action, Outcome, Subject},
    evidence::{
        bundle::ROOT_MANIFEST,
        revocation::Known,
        timestamps::{Renewal, list},
        zip,
    },
    store::{Conn, StoreError, Tx, bundles, reader, settings, timestamps::TimestampRow},
};

/// The job's kind.
pub const JOB: &str = "renew_timestamps";
const DAY: Duration = Duration::from_secs(86_400);
const HOUR: Duration = Duration::from_secs(3600);
/// The setting that remembers the last end, in microseconds, of which it was told that it passed.
const TOLD: &str = "timestamps.expired";
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
    expired(app, now).await?;
    let lead = DAY * app.config.timestamp.renew_before_days;
    let last = lead / LAST;
    let ending = app.store.read(move |conn| {
        let due = rows::ending(conn, now, now.plus(lead), BATCH)?;
        Ok((due, rows::standing(conn, now)?.0.map(Instant), rows::owed_renewal(conn)?, reader::head(conn)?))
    });
    let (due, first, owed, head) = ending.await?;
    let urgent = first.is_some_and(|first| first <= now.plus(last));
    // A day may be longer than what is left until the lead or its last quarter begins.
    let first = first.unwrap_or(Instant(i64::MAX));
    let begins = first.minus(if due.is_empty() { lead } else { last });
    let later = now.plus(DAY).min(begins.max(now));
    if !urgent && owed.is_some() {
        // What was refused before is over: the next refusal is another one, and is told.
        app.store.write(|tx| rows::forgive(tx.conn)).await?;
    }
    if due.is_empty() {
        return Ok(Some(later));
    }
    let Ok(_turn) = app.stamping.try_acquire() else { return Ok(Some(now.plus(TURN))) };
    let stamped = covered(app, &due).await?;
    let (authority, mut asked) = best(app, &due, &stamped, now.plus(lead)).await;
    let all = || due.iter().filter_map(|row| Some((row.id.clone(), Instant(row.valid_until?)))).collect::<Vec<_>>();
    let lasting = asked.outcome.as_ref().is_ok_and(|(_, stamp)| stamp.until > now.plus(lead));
    let renews = match asked.outcome.as_ref().ok().map(|(_, stamp)| renewed(&due, stamp, first, lasting || urgent)) {
        Some(Ok(renews)) => renews,
        _ if !urgent => return Ok(Some(later)),
        Some(Err(failure)) => {
            asked.outcome = Err(failure);
            all()
        }
        None => all(),
    };
    let full = renews.len() == BATCH as usize;
    let about = About { kind: rows::RENEWAL, bundle: None, renews, size: head.size(), stamped };
    let again = record(app, &authority, about, asked, owed.filter(|_| urgent)).await?;
    // There may be more than one list holds. What was renewed for a short time is due again at once, and would be for ever.
    let soon = if full || lasting { app.now() } else { app.now().plus(HOUR) };
    Ok(Some(again.unwrap_or(soon)))
}

/// What a new token renews of what is due: all that it lasts longer than, and that was there and had not run out at the token's own time
/// (RFC 4998 §5.3). `first`: the end that matters; `enough`: how long it lasts beyond that does not.
fn renewed(due: &[TimestampRow], stamp: &Stamp, first: Instant, enough: bool) -> Result<Vec<(String, Instant)>, Failure> {
    if !enough || stamp.until <= first {
        return Err(Failure { kind: "short_lived", words: format!("its certificate runs out on {}", stamp.until.to_rfc3339()) });
    }
    let in_time = |row: &TimestampRow| {
        let (at, until) = (Instant(row.stamped_at?), Instant(row.valid_until?));
        (at <= stamp.at && stamp.at <= until && until < stamp.until).then(|| (row.id.clone(), until))
    };
    let renews: Vec<_> = due.iter().filter_map(in_time).collect();
    match renews.is_empty() {
        true => Err(Failure { kind: "out_of_time", words: format!("its time is {}", stamp.at.to_rfc3339()) }),
        false => Ok(renews),
    }
}

/// Tells once of tokens that nobody has renewed before they ran out.
async fn expired(app: &App, now: Instant) -> AppResult<()> {
    let looked = app.store.read(move |conn| {
        let since = settings::get(conn, TOLD)?.and_then(|text| text.parse().ok()).unwrap_or(-1);
        rows::run_out(conn, since, now)
    });
    let Some((count, first, last)) = looked.await? else { return Ok(()) };
    let write = move |tx: &mut Tx<'_>| {
        settings::put(tx.conn, TOLD, &last.to_string())?;
        let detail = json!({ "tokens": count, "run_out": Instant(last).to_rfc3339() });
        let event = Caller::job(JOB).event(Action::TimestampExpired, Subject::new("timestamp", first.clone()));
        tx.append(event.outcome(Outcome::Failed).detail(detail))
    };
    app.store.write(write).await?;
    Ok(())
}

/// Writes when tokens run out that an older version obtained.
async fn complete(app: &App) -> AppResult<()> {
    loop {
        let found = app.store.read(|conn| rows::incomplete(conn, BATCH)).await?;
        if found.is_empty() {
            return Ok(());
        }
        // A chain that cannot be read says of no time that it vouches for it.
        let ends: Vec<(String, i64)> =
            found.into_iter().map(|(id, chain)| (id, chain.as_deref().and_then(chain::until_of_pem).map_or(0, |until| until.0))).collect();
        app.store.write(move |tx| ends.iter().try_for_each(|(id, until)| rows::complete(tx.conn, id, *until))).await?;
    }
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
            Some((row.id, zip::one(file, ROOT_MANIFEST)?))
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
            (of, Asked { query: Vec::new(), outcome: Err(failure), known: Known::default() })
        }
    }
}

/// What renewed these tokens, the oldest first.
pub(in crate::app) fn of(conn: &mut Conn, tokens: &[TimestampRow]) -> Result<Vec<Renewal>, StoreError> {
    let renewals = rows::renewals_of(conn, tokens)?;
    let mut of = |row: TimestampRow| Ok(token_of(conn, row.clone())?.map(|token| Renewal { list: row.stamped, token }));
    renewals.into_iter().filter_map(|row| of(row).transpose()).collect()
}
