//! Password hashing off the async workers, as many at a time as `App::hashing` allows: argon2id takes 19 MiB and 25 ms a call. The
//! parameters are in `crypto::password`.

use super::{App, AppError, AppResult, StoreError};
use crate::crypto::password;

/// How long a password waits for its turn to be hashed.
const HASHING_WAIT: std::time::Duration = std::time::Duration::from_secs(10);

/// Checks a password off the async workers, as many at a time as `app.hashing` allows.
pub(super) async fn verify_password(app: &App, typed: String, phc: Option<String>) -> AppResult<bool> {
    // Nobody's password is that long: hashing it would only be work for us.
    let phc = phc.filter(|_| typed.len() <= 4096);
    let typed = if typed.len() <= 4096 { typed } else { String::new() };
    hashing(app, move || password::verify(&typed, phc.as_deref())).await
}

/// Hashes a password off the async workers.
pub(super) async fn hash_password(app: &App, typed: String) -> AppResult<String> {
    hashing(app, move || password::hash(&typed)).await
}

async fn hashing<T: Send + 'static>(app: &App, work: impl FnOnce() -> T + Send + 'static) -> AppResult<T> {
    let busy = || AppError::TooMany { retry_after: 5 };
    let permit = tokio::time::timeout(HASHING_WAIT, app.hashing.clone().acquire_owned()).await.map_err(|_| busy())?.map_err(|_| busy())?;
    tokio::task::spawn_blocking(move || {
        let _permit = permit;
        work()
    })
    .await
    .map_err(|_| AppError::Store(StoreError::Panicked))
}
