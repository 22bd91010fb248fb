//! How it stands with each authority, for `/settings`, and with each bundle, for its page.

use super::{App, AppResult, rows};
use crate::{
    clock::Instant,
    store::timestamps::{OBTAINED, TimestampRow},
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
    /// As a word; `None` while it was not asked yet.
    pub refusal: Option<String>,
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

/// What is known of a bundle: by authorities that were asked, and by those of the settings that will be, as long as a job waits.
pub(in crate::app) async fn of_bundle(app: &App, bundle: &str) -> AppResult<Vec<OfBundle>> {
    let id = bundle.to_owned();
    let said = app.store.read(move |conn| rows::of_bundle(conn, &id)).await?;
    let of = |row: TimestampRow| OfBundle {
        at: row.stamped_at.filter(|_| row.state == OBTAINED).map(Instant),
        refusal: row.refusal.clone(),
        authority: row.authority,
    };
    Ok(said.into_iter().map(of).collect())
}
