//! The job `retire_key`: ends the time of the log's old keys when the overlap is over. Running it twice is harmless: there is nothing to
//! retire then. How keys follow each other stands in `store::keys`.

use std::time::Duration;

use super::{App, AppResult};
use crate::{
    app::Caller,
    clock::Instant,
    store::{StoreError, keys::RotateError},
};

pub use crate::store::keys::JOB;

/// Until a checkpoint that both keys signed covers the announcement.
const SOON: Duration = Duration::from_secs(10);

/// Retires the old keys if it is time. When to come back; `None` once it is done.
///
/// # Errors
/// Those of the store; a node that has not got the new keys leaves it to one that has.
pub async fn step(app: &App) -> AppResult<Option<Instant>> {
    let store = app.store.clone();
    let retired = tokio::task::spawn_blocking(move || store.retire(false, |action, subject| Caller::job(JOB).event(action, subject)));
    match retired.await.map_err(|_| StoreError::Panicked)? {
        Ok(_) | Err(RotateError::Nothing | RotateError::Announced(_)) => Ok(None),
        Err(RotateError::Early(at)) => Ok(Some(at)),
        Err(RotateError::Uncovered) => Ok(Some(app.now().plus(SOON))),
        Err(RotateError::Store(e)) => Err(e.into()),
    }
}
