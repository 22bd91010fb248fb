//! A form sent twice is done once: its nonce is claimed, and the second post is led to where the first one went.

use std::time::Duration;

use actix_web::{HttpMessage, HttpRequest};

use super::{
    extract::SignedIn,
    fault::Fault,
    gate::{Several, TurnedAway},
    posted::Posted,
};
use crate::app::{App, AppError, AppResult, StoreError, once};

/// Marks a post that no use case will see (a form with damaged text), so that it leaves its event all the same.
pub fn turned_away(req: &HttpRequest, reason: &'static str) {
    req.extensions_mut().insert(TurnedAway::refused(reason));
}

/// Marks a post that had nothing to do (sent twice, a step back), so that it leaves its event all the same.
pub fn passed(req: &HttpRequest, reason: &'static str) {
    req.extensions_mut().insert(TurnedAway::passed(reason));
}

/// Marks a post that leaves an event for each of several things, as each of them alone would.
pub fn several(req: &HttpRequest) {
    req.extensions_mut().insert(Several);
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
    let Some(key) = key(who, req, posted) else { return Ok(make(crate::id::fresh()).await) };
    match once::begin(app, &key.owner, &key.key, key.hash).await? {
        once::Begun::Done { answer, .. } => {
            passed(req, "repeated");
            Ok(Ok(answer))
        }
        once::Begun::Go { id } => match make(id).await {
            Ok(location) => {
                once::finish(app, &key.owner, &key.key, 303, &location).await?;
                Ok(Ok(location))
            }
            Err(error) => {
                match error {
                    AppError::Store(_) => once::leave(app, &key.owner, &key.key).await?,
                    _ => once::forget(app, &key.owner, &key.key).await?,
                }
                Ok(Err(error))
            }
        },
        once::Begun::Running => Err(still_running(req)),
        once::Begun::Other => {
            turned_away(req, "repeated");
            Ok(Err(AppError::Conflict))
        }
    }
}

/// Runs `make`, whose answer holds what is shown once and kept nowhere (links), once for the form's nonce: a second click is told that it is
/// done, by nothing, and whoever answers it says how to come by another. A refusal gives the nonce back.
pub async fn shown<T, F, Fut>(app: &App, who: &SignedIn, req: &HttpRequest, posted: &Posted, make: F) -> Result<AppResult<Option<T>>, Fault>
where
    F: FnOnce() -> Fut,
    Fut: Future<Output = AppResult<T>>,
{
    let mut made = None;
    let keep = &mut made;
    let run = form(app, who, req, posted, move |_| async move {
        *keep = Some(make().await?);
        Ok(String::new())
    });
    Ok(run.await?.map(|_| made))
}

fn still_running(req: &HttpRequest) -> Fault {
    turned_away(req, "repeated");
    Fault::unavailable("the same form is still being worked on", Duration::from_secs(3))
}

/// For how long the same post is taken for a second click on the same button. Afterwards it is one with a spent code.
const DOUBLE_CLICK: Duration = Duration::from_secs(60);

/// What a form is answered with that hands out a file.
pub enum Handed<T> {
    /// What `make` made.
    First(T),
    /// A second click: what `make` said it takes to hand out the same once more.
    Again(String),
}

/// Runs `make`, which hands out a file against a one-time code, once for what was posted: the page stays when a file comes, so its form
/// may be sent again with another code, and that is another export. A refusal gives the claim back.
pub async fn file<T, F, Fut>(app: &App, who: &SignedIn, req: &HttpRequest, posted: &Posted, make: F) -> Result<AppResult<Handed<T>>, Fault>
where
    F: FnOnce() -> Fut,
    Fut: Future<Output = AppResult<(T, String)>>,
{
    let owner = once::form_owner(who.session_id());
    let said: Vec<_> = posted.fields().filter(|(name, _)| !matches!(name.as_str(), "csrf" | "device")).collect();
    let hash = once::body_hash("POST", req.path(), serde_json::json!(said).to_string().as_bytes());
    let key = hex::encode(hash);
    match once::begin(app, &owner, &key, hash).await {
        Ok(once::Begun::Done { answer, .. }) => {
            let (at, again) = answer.split_once(' ').unwrap_or_default();
            let at = crate::clock::Instant(at.parse().unwrap_or_default());
            if app.now() <= at.plus(DOUBLE_CLICK) {
                passed(req, "repeated");
                return Ok(Ok(Handed::Again(again.to_owned())));
            }
            Ok(make().await.map(|(made, _)| Handed::First(made)))
        }
        Ok(once::Begun::Go { .. }) => match make().await {
            Ok((made, again)) => {
                once::finish(app, &owner, &key, 200, &format!("{} {again}", app.now().0)).await?;
                Ok(Ok(Handed::First(made)))
            }
            Err(error) => {
                once::forget(app, &owner, &key).await?;
                Ok(Err(error))
            }
        },
        Ok(once::Begun::Running | once::Begun::Other) => Err(still_running(req)),
        // No room for the claim: those who audit export from the reserve all the same, and a second click finds the code spent.
        Err(AppError::Store(StoreError::Full)) if who.caller.audits() => Ok(make().await.map(|(made, _)| Handed::First(made))),
        Err(error) => Err(error.into()),
    }
}
