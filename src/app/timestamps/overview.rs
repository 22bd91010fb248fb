//! How it stands with each authority, for `/settings`, and with each bundle, for its page.

use super::{App, AppResult, rows};
use crate::{
    clock::Instant,
    store::{
        jobs,
        timestamps::{OBTAINED, TimestampRow},
    },
};

/// One authority and the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfLog {
    pub authority: String,
    /// The newest checkpoint that it stamped: its size, and the token's time.
    pub newest: Option<(u64, Instant)>,
    /// Why it gives no token at present, as a word, and how often it was asked.
    pub refusal: Option<(String, u64)>,
}

/// One authority and one bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfBundle {
    pub authority: String,
    pub at: Option<Instant>,
    /// When its certificates run out.
    pub until: Option<Instant>,
    /// When it was renewed.
    pub renewed: Option<Instant>,
    /// As a word; `None` while it was not asked yet.
    pub refusal: Option<String>,
    /// What was known of the revocation of its certificates when it was taken, as a word; `None` for tokens of older versions.
    pub revocation: Option<String>,
}

/// How the tokens stand that nothing renews.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    /// When the first of them runs out.
    pub first: Option<Instant>,
    /// How many have.
    pub over: u64,
    /// Why no authority renews those that are due, as a word, and how often they were asked.
    pub refusal: Option<(String, u64)>,
}

fn refusal(row: &TimestampRow) -> (String, u64) {
    (row.refusal.clone().unwrap_or_default(), u64::try_from(row.attempts).unwrap_or(0))
}

/// Every authority of the settings, in their order. Who may see it is asked where the page is made of it (`app::status`).
pub(in crate::app) async fn of_log(app: &App) -> AppResult<Vec<OfLog>> {
    let names: Vec<String> = app.config.timestamp.authorities.iter().map(|a| a.name.clone()).collect();
    let found = app.store.read(move |conn| {
        let mut found = Vec::with_capacity(names.len());
        for authority in names {
            let newest = rows::newest(conn, &authority)?.and_then(|r| Some((u64::try_from(r.log_size).ok()?, Instant(r.stamped_at?))));
            let refusal = rows::owed(conn, &authority)?.as_ref().map(refusal);
            found.push(OfLog { authority, newest, refusal });
        }
        Ok(found)
    });
    Ok(found.await?)
}

/// How long tokens last.
pub(in crate::app) async fn ends(app: &App) -> AppResult<Ends> {
    let now = app.now();
    let (standing, owed) = app.store.read(move |conn| Ok((rows::standing(conn, now)?, rows::owed_renewal(conn)?))).await?;
    Ok(Ends { first: standing.0.map(Instant), over: u64::try_from(standing.1).unwrap_or(0), refusal: owed.as_ref().map(refusal) })
}

/// What is known of a bundle: of authorities that were asked, and of those that a job waits to ask.
pub(in crate::app) async fn of_bundle(app: &App, bundle: &str) -> AppResult<Vec<OfBundle>> {
    let id = bundle.to_owned();
    let found = app.store.read(move |conn| {
        let said = rows::of_bundle(conn, &id)?;
        let renewals = rows::renewals_of(conn, &said)?;
        Ok((said, renewals, jobs::waiting(conn, "timestamp_bundle", &format!("{id}/"))?))
    });
    let (said, renewals, waiting) = found.await?;
    // From a token along what renewed it: the last one speaks for all before it. No way is longer than all of them.
    let next = |row: &TimestampRow| row.renewed_by.as_ref().and_then(|by| renewals.iter().find(|renewal| renewal.id == *by)).cloned();
    let last = |row: &TimestampRow| std::iter::successors(next(row), next).take(renewals.len()).last();
    let of = |row: TimestampRow| OfBundle {
        at: row.stamped_at.filter(|_| row.state == OBTAINED).map(Instant),
        until: last(&row).unwrap_or_else(|| row.clone()).valid_until.map(Instant),
        renewed: last(&row).and_then(|renewal| renewal.stamped_at).map(Instant),
        refusal: row.refusal.clone(),
        revocation: row.revocation.clone(),
        authority: row.authority,
    };
    let mut all: Vec<_> = said.into_iter().map(of).collect();
    for authority in waiting {
        if !all.iter().any(|o| o.authority == authority) {
            all.push(OfBundle { authority, at: None, until: None, renewed: None, refusal: None, revocation: None });
        }
    }
    Ok(all)
}
