//! What a person does with their own account: password, second factor, language and theme. Sessions are in `app::sessions`, tokens in
//! `app::tokens`, other people's accounts in `app::users`.

use serde_json::json;

use super::{
    App, AppError, AppResult, Caller, Done, FieldError,
    passwords::{hash_password, verify_password},
    people::{self, Person, unfit},
    sessions as signing, step_up,
};
use crate::{
    crypto::totp,
    domain::{
        account,
        event::{Action, Outcome, Subject},
    },
    store::{Tx, sessions, users},
};

/// The caller's own account. A token or a job has none.
pub async fn own(app: &App, caller: &Caller) -> AppResult<Person> {
    let id = caller.user_id.clone().ok_or(AppError::NotFound)?;
    app.store.read(move |conn| people::person_find(conn, &id)).await?.ok_or(AppError::NotFound)
}

/// Changes the caller's password and ends their other sessions. The present password is asked for again.
///
/// # Errors
/// `Invalid` on `password` (the present one), `new_password` or `new_password_again`; `TooMany` after too many wrong ones. Recorded.
pub async fn password_change(app: &App, caller: &Caller, present: &str, new: &str, again: &str) -> AppResult<Done<usize>> {
    let user_id = caller.user_id.clone().ok_or(AppError::NotFound)?;
    let about = Subject::new("user", &user_id);
    let refuse = |error| app.refuse(caller, Action::PasswordChanged, about.clone(), None, error);
    let key = format!("password/{user_id}");
    if let Some(retry_after) = app.throttle.wait(&key, super::throttle::FAILURES_PER_DEVICE, app.now()) {
        return Err(refuse(AppError::TooMany { retry_after }).await);
    }
    let id = user_id.clone();
    let row = app.store.read(move |conn| users::user_find(conn, &id)).await?.ok_or(AppError::NotFound)?;
    let mut errors = Vec::new();
    if !verify_password(app, present.to_owned(), row.password_hash.clone()).await? {
        app.throttle.count(&key, app.now());
        errors.push(FieldError::new("password", "password-wrong"));
    }
    if let Err(e) = account::password(new, &row.username) {
        errors.push(unfit("new_password", e));
    } else if new == present {
        errors.push(FieldError::new("new_password", "password-same"));
    } else if new != again {
        errors.push(FieldError::new("new_password_again", "password-differs"));
    }
    if !errors.is_empty() {
        return Err(refuse(AppError::Invalid(errors)).await);
    }
    app.throttle.forget(&key);
    let phc = hash_password(app, new.to_owned()).await?;
    let caller = caller.clone();
    let written = app
        .store
        .write(move |tx| {
            users::user_password_set(tx.conn, &user_id, &phc)?;
            let now = tx.now().0;
            let ended = sessions::session_close_all(tx.conn, &user_id, caller.session.as_deref(), now)?;
            tx.append(caller.event(Action::PasswordChanged, Subject::new("user", &user_id)).detail(json!({ "sessions_ended": ended })))?;
            Ok(Ok(ended))
        })
        .await?;
    Done::from_write(written)
}

/// Replaces the caller's second factor: a code of the present one authorises it, a code of the new one proves that it has arrived.
/// `sealed_secret` is what `sessions::enrolment_seal` gave the page.
///
/// # Errors
/// `Invalid` on `totp` or `new_totp`; `Refused` with kind `enrolment-stale`; the refusals of a step-up. Recorded.
pub async fn second_factor_replace(app: &App, caller: &Caller, sealed_secret: &str, code: &str, new_code: &str) -> AppResult<Done<()>> {
    let user_id = caller.user_id.clone().ok_or(AppError::NotFound)?;
    let session = caller.session.clone().unwrap_or_default();
    let Some(secret) = signing::enrolment_open(app, &session, sealed_secret) else {
        let about = Subject::new("user", &user_id);
        return Err(app.refuse(caller, Action::SecondFactorEnrolled, about, None, AppError::refused("enrolment-stale")).await);
    };
    let (caller, ring, code, new_code) = (caller.clone(), app.store.keys().clone(), code.to_owned(), new_code.to_owned());
    let written = app
        .store
        .write(move |tx| {
            let about = Subject::new("user", &user_id);
            let refuse = |tx: &mut Tx<'_>, error: AppError| {
                tx.append(
                    caller.event(Action::SecondFactorEnrolled, Subject::new("user", &user_id)).outcome(Outcome::Refused).detail(error.as_detail()),
                )?;
                Ok(Err(error))
            };
            // First the new one: a slip there must not cost the present code.
            let Some(step) = totp::accept(&secret, &new_code, tx.clock(), 0) else {
                let kind = if new_code.trim().is_empty() { "required" } else { "code-wrong" };
                return refuse(tx, AppError::invalid("new_totp", kind));
            };
            if let Err(error) = step_up::spend_totp(tx, &ring, &user_id, &code)? {
                return refuse(tx, error);
            }
            users::user_totp_set(tx.conn, &user_id, Some(ring.envelope.seal(&users::totp_context(&user_id), &secret)), step)?;
            tx.append(caller.event(Action::SecondFactorEnrolled, about).detail(json!({ "method": "totp", "replaced": true })))?;
            Ok(Ok(()))
        })
        .await?;
    Done::from_write(written)
}

/// Remembers language (`zh-CN`, `en`) and theme (`light`, `dark`); nothing means the browser's.
pub async fn preferences_set(app: &App, caller: &Caller, lang: Option<&'static str>, theme: Option<&'static str>) -> AppResult<Done<()>> {
    let user_id = caller.user_id.clone().ok_or(AppError::NotFound)?;
    let caller = caller.clone();
    let written = app
        .store
        .write(move |tx| {
            let before = users::user_find(tx.conn, &user_id)?.map(|u| json!({ "lang": u.lang, "theme": u.theme }));
            users::user_preferences_set(tx.conn, &user_id, lang, theme)?;
            let detail = json!({ "before": before, "after": { "lang": lang, "theme": theme } });
            tx.append(caller.event(Action::PreferenceChanged, Subject::new("user", &user_id)).detail(detail))?;
            Ok(Ok(()))
        })
        .await?;
    Done::from_write(written)
}
