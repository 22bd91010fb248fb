//! A form's post, done once: a double click gets the first answer's location again.

use actix_web::HttpResponse;

use crate::{
    app::{App, AppError, once},
    web::{Fault, Posted, SignedIn, see_other},
};

/// How a post ended.
pub(super) enum Posting {
    /// Changed, now or by the first click: go there.
    Go(HttpResponse),
    /// Refused: the form again.
    Again(AppError),
}

/// Runs `make` once for the form's nonce; it gets the id that something new shall have, and says where to go.
pub(super) async fn posting<F, Fut>(app: &App, me: &SignedIn, posted: &Posted, path: &str, make: F) -> Result<Posting, Fault>
where
    F: FnOnce(Option<String>) -> Fut,
    Fut: Future<Output = Result<String, AppError>>,
{
    let nonce = posted.nonce();
    if nonce.is_empty() || nonce.len() > 64 {
        return Ok(match make(None).await {
            Ok(location) => Posting::Go(see_other(location)),
            Err(error) => Posting::Again(error),
        });
    }
    let owner = once::form_owner(me.session_id());
    match once::begin(app, &owner, nonce, once::body_hash("POST", path, b"")).await? {
        once::Begun::Done { answer, .. } => Ok(Posting::Go(see_other(answer))),
        once::Begun::Other | once::Begun::Running => Err(Fault::conflict()),
        once::Begun::Go { id } => match make(Some(id)).await {
            Ok(location) => {
                once::finish(app, &owner, nonce, 303, &location).await?;
                Ok(Posting::Go(see_other(location)))
            }
            Err(error) => {
                once::forget(app, &owner, nonce).await?;
                Ok(Posting::Again(error))
            }
        },
    }
}

/// A field as typed. One whose bytes were no text comes as a control character, so that the rules refuse it and the refusal is recorded.
pub(super) fn typed(posted: &Posted, field: &str) -> String {
    if posted.damaged().iter().any(|f| f == field) { "\0".to_owned() } else { posted.get(field).to_owned() }
}
