//! A form sent twice is done once: its nonce is claimed, and the second post is led to where the first one went.

use std::time::Duration;

use actix_web::{HttpMessage, HttpRequest};

use super::{extract::SignedIn, fault::Fault, gate::TurnedAway, posted::Posted};
use crate::app::{App, AppError, AppResult, once};

/// Marks a post that no use case will see (a form with damaged text), so that it leaves its event all the same.
pub fn turned_away(req: &HttpRequest, reason: &'static str) {
    req.extensions_mut().insert(TurnedAway::refused(reason));
}

/// Marks a post that had nothing to do (sent twice, a step back), so that it leaves its event all the same.
pub fn passed(req: &HttpRequest, reason: &'static str) {
    req.extensions_mut().insert(TurnedAway::passed(reason));
}

/// What makes a post of this form the same as another, for a use case that is one write and sees to it itself.
pub fn key(who: &SignedIn, req: &HttpRequest, posted: &Posted) -> Option<once::Key> {
    let nonce = posted.nonce();
    let fits = !nonce.is_empty() && nonce.len() <= 64;
    fits.then(|| once::Key { owner: once::form_owner(who.session_id()), key: nonce.to_owned(), hash: once::body_hash("POST", req.path(), b"") })
}

/// Runs `make` with an id for what it makes, once for the form's nonce; gives the address to go to. A refusal gives the nonce back, for the
/// mended form carries another one anyway.
pub async fn form<F, Fut>(app: &App, who: &SignedIn, req: &HttpRequest, posted: &Posted, make: F) -> Result<AppResult<String>, Fault>
where
    F: FnOnce(String) -> Fut,
    Fut: Future<Output = AppResult<String>>,
{
    let nonce = posted.nonce();
    if nonce.is_empty() || nonce.len() > 64 {
        return Ok(make(crate::id::fresh()).await);
    }
    let owner = once::form_owner(who.session_id());
    let hash = once::body_hash("POST", req.path(), b"");
    match once::begin(app, &owner, nonce, hash).await? {
        once::Begun::Done { answer, .. } => {
            passed(req, "repeated");
            Ok(Ok(answer))
        }
        once::Begun::Go { id } => match make(id).await {
            Ok(location) => {
                once::finish(app, &owner, nonce, 303, &location).await?;
                Ok(Ok(location))
            }
            Err(error) => {
                once::forget(app, &owner, nonce).await?;
                Ok(Err(error))
            }
        },
        once::Begun::Running => {
            turned_away(req, "repeated");
            Err(Fault::unavailable("the same form is still being worked on", Duration::from_secs(3)))
        }
        once::Begun::Other => {
            turned_away(req, "repeated");
            Ok(Err(AppError::Conflict))
        }
    }
}
