//! Fresh proof of identity: a one-time code or the answer of a passkey, verified and spent in the very write that it authorises.

use serde_json::json;

use super::{
    AppError, AppResult,
    passkeys::{self, Purpose},
};
use crate::{
    crypto::{keyring::Keyring, totp},
    domain::account::{self, Method, UserState},
    store::{
        StoreError, Tx,
        users::{self, UserRow},
    },
};

/// The form field and JSON key that a code comes in, or the answer of a passkey in its place.
pub const FIELD: &str = "totp";

/// Verifies `code` for the account `user_id` and spends it, as part of `tx`: if the write is undone the code is unspent.
/// Call it after every other check, as the last before the change.
///
/// # Errors
/// The inner error is a refusal for the caller to record as an event and to give back as `Ok(Err(..))`, so that the failure it counted
/// is kept: `Invalid` on [`FIELD`] with kind `required`, `code-wrong` or `code-spent`; `Refused` with kind `step-up-locked`
/// (`retry_after` seconds), `no-second-factor` or `account-suspended`; of a passkey those of `passkeys::spend`. The outer error undoes the write.
pub fn spend_totp(tx: &mut Tx<'_>, keys: &Keyring, user_id: &str, code: &str) -> Result<AppResult<Method>, StoreError> {
    let now = tx.now();
    let code = code.trim();
    if passkeys::is_answer(code) {
        let Some(answer) = passkeys::read(keys, code) else { return Ok(Err(AppError::invalid(FIELD, "passkey-stale"))) };
        return Ok(passkeys::spend(tx, &answer, Purpose::StepUp, user_id, user_id)?.map(|_| Method::Passkey));
    }
    let user = match usable(tx, user_id)? {
        Ok(user) => user,
        Err(error) => return Ok(Err(error)),
    };
    let (failures, locked_until) = users::step_up_failures(tx.conn, user_id)?;
    if let Some(seconds) = account::seconds_left(locked_until, now) {
        return Ok(Err(AppError::Refused { kind: "step-up-locked", detail: json!({ "retry_after": seconds }) }));
    }
    let Some(sealed) = &user.totp_sealed else { return Ok(Err(AppError::refused("no-second-factor"))) };
    if code.is_empty() {
        return Ok(Err(AppError::invalid(FIELD, "required")));
    }
    let secret = keys.envelope.open(&users::totp_context(user_id), sealed)?;
    if let Some(step) = totp::accept(&secret, code, tx.clock(), user.totp_step)
        && users::user_totp_spend(tx.conn, user_id, step)?
    {
        if failures > 0 {
            users::step_up_failures_clear(tx.conn, user_id)?;
        }
        return Ok(Ok(Method::Totp));
    }
    // A code that was right but is spent is a slip, not an attempt to guess.
    if totp::accept(&secret, code, tx.clock(), i64::MIN).is_some() {
        return Ok(Err(AppError::invalid(FIELD, "code-spent")));
    }
    let until = account::lock_after(failures + 1).map(|lock| now.plus(lock).0);
    users::step_up_failures_set(tx.conn, user_id, failures + 1, until)?;
    Ok(Err(AppError::invalid(FIELD, "code-wrong")))
}

/// The account, if it may be used now.
///
/// # Errors
/// The inner error is a refusal: `NotFound`, or `Refused` with kind `account-suspended`.
pub(super) fn usable(tx: &mut Tx<'_>, user_id: &str) -> Result<AppResult<UserRow>, StoreError> {
    let now = tx.now();
    let Some(user) = users::user_find(tx.conn, user_id)? else { return Ok(Err(AppError::NotFound)) };
    if user.state != UserState::Active.as_str() || user.valid_until.is_some_and(|until| now.0 >= until) {
        return Ok(Err(AppError::refused("account-suspended")));
    }
    Ok(Ok(user))
}
