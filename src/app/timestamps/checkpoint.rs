//! The job `timestamp_checkpoint`, one for each authority: the newest checkpoint once an hour. Safe to run twice: two tokens over one
//! checkpoint are two proofs of the same.

use std::time::Duration;

use super::{About, App, AppResult, PATIENT, TURN, ask, authority, record};
use crate::{
    app::clocks::{self, SECOND, Source},
    clock::Instant,
    ledger::checkpoint,
    store::{StoreError, reader, timestamps as rows},
};

/// How far apart two tokens are.
const HOUR: Duration = Duration::from_secs(3600);

/// Asks one authority about the newest checkpoint. When to come back; `None` if the settings no longer name it.
pub async fn step(app: &App, name: &str) -> AppResult<Option<Instant>> {
    let Some(authority) = authority(app, name) else { return Ok(None) };
    let note = app.store.checkpoint().await?;
    let checkpoint = checkpoint::open(&note, &app.store.vkey()?).map_err(|e| StoreError::Corrupt(format!("a checkpoint of ours: {e}")))?;
    let (size, of) = (checkpoint.size, name.to_owned());
    let (owed, news) = app
        .store
        .read(move |conn| {
            let stamped = rows::newest(conn, &of)?.map_or(0, |row| u64::try_from(row.log_size).unwrap_or(0));
            Ok((rows::owed(conn, &of)?, reader::other_than(conn, "timestamp.", stamped, size)?))
        })
        .await?;
    // A log in which nothing but its own timestamps happened would grow for ever.
    if !news && owed.is_none() {
        return Ok(Some(app.now().plus(HOUR)));
    }
    let about = About { kind: rows::CHECKPOINT, bundle: None, renews: Vec::new(), size, stamped: checkpoint.text().into_bytes() };
    let Ok(_turn) = app.stamping.try_acquire() else { return Ok(Some(app.now().plus(TURN))) };
    let began = app.now();
    let asked = ask(app, authority, &about.stamped, PATIENT).await;
    let said = asked.outcome.as_ref().ok().map(|(_, stamp)| stamp.at);
    let again = record(app, name, about, asked, owed).await?;
    if let Some(at) = said {
        clocks::compare(app, Source::Authority(name), at, SECOND, began).await?;
    }
    Ok(Some(again.unwrap_or_else(|| app.now().plus(HOUR))))
}
