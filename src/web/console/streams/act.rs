//! What is done to a stream with one button: tested, paused, resumed, sent back, given another secret, removed.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};

use super::{problem, secret_made, show::Forms, show::again};
use crate::{
    app::{
        App, AppError, step_up,
        streams::{
            self,
            change::{self as changing, Act},
        },
    },
    web::{Fault, FormState, Page, Posted, SignedIn, Tone, once, see_other},
};

fn version(posted: &Posted) -> i64 {
    posted.get("version").parse().unwrap_or(-1)
}

/// The page again, with what was wrong at the form that was posted.
async fn refused(
    app: &App,
    me: &SignedIn,
    page: Page,
    id: &str,
    posted: &Posted,
    prefix: &'static str,
    error: AppError,
) -> Result<HttpResponse, Fault> {
    let mut form = FormState::from_posted("stream", posted).ids(prefix);
    form.refuse_all(error)?;
    let status = form.status();
    let mut forms = Forms::default();
    match prefix {
        "res" => forms.resume = Some(form),
        "rot" => forms.rotate = Some(form),
        "cur" => forms.cursor = Some(form),
        _ => forms.remove = Some(form),
    }
    again(app, me, page, id, status, forms).await
}

/// `POST /streams/{id}/tests`
pub async fn test(app: Data<App>, me: SignedIn, page: Page, id: Path<String>, posted: Posted) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    match changing::test(&app, &me.caller, &id).await?.value {
        None => me.flash(Tone::Ok, page.t("stream-test-ok")).await,
        Some(why) => me.flash(Tone::Bad, page.a1("stream-test-failed", "problem", problem(&page, &why))).await,
    }
    Ok(see_other(format!("/streams/{id}")))
}

/// `POST /streams/{id}/pauses`
pub async fn pause(app: Data<App>, me: SignedIn, page: Page, id: Path<String>, posted: Posted) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    match changing::act(&app, &me.caller, &id, version(&posted), Act::Pause, "").await {
        Ok(_) => {
            me.flash(Tone::Ok, page.t("stream-paused")).await;
            Ok(see_other(format!("/streams/{id}")))
        }
        Err(error) => refused(&app, &me, page, &id, &posted, "res", error).await,
    }
}

/// `POST /streams/{id}/resumptions`
pub async fn resume(app: Data<App>, me: SignedIn, page: Page, id: Path<String>, posted: Posted) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    match changing::act(&app, &me.caller, &id, version(&posted), Act::Resume, posted.get(step_up::FIELD)).await {
        Ok(_) => {
            me.flash(Tone::Ok, page.t("stream-resumed")).await;
            Ok(see_other(format!("/streams/{id}")))
        }
        Err(error) => refused(&app, &me, page, &id, &posted, "res", error).await,
    }
}

/// `POST /streams/{id}/secrets`: the answer shows the secret, once.
pub async fn rotate(app: Data<App>, me: SignedIn, page: Page, id: Path<String>, req: HttpRequest, posted: Posted) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    let mut shown = None;
    let (app_, caller, stream, code) = (app.clone(), me.caller.clone(), id.to_string(), posted.get(step_up::FIELD).to_owned());
    let version = version(&posted);
    let done = once::form(&app, &me, &req, &posted, async |_| {
        shown = changing::rotate(&app_, &caller, &stream, version, &code).await?.value.secret;
        Ok(format!("/streams/{stream}"))
    })
    .await?;
    match (done, shown) {
        (Ok(_), Some(secret)) => {
            let name = streams::load(&app, &me.caller, &id).await?.name;
            secret_made(page, &id, &name, secret)
        }
        (Ok(location), None) => {
            me.flash(Tone::Warn, page.t("stream-secret-unseen")).await;
            Ok(see_other(location))
        }
        (Err(error), _) => refused(&app, &me, page, &id, &posted, "rot", error).await,
    }
}

/// `POST /streams/{id}/cursor`
pub async fn rewind(app: Data<App>, me: SignedIn, page: Page, id: Path<String>, posted: Posted) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    let index = posted.get("index");
    match changing::rewind(&app, &me.caller, &id, version(&posted), index, posted.get(step_up::FIELD)).await {
        Ok(_) => {
            me.flash(Tone::Ok, page.a1("stream-cursor-done", "index", index.trim())).await;
            Ok(see_other(format!("/streams/{id}")))
        }
        Err(error) => refused(&app, &me, page, &id, &posted, "cur", error).await,
    }
}

/// `POST /streams/{id}/removals`
pub async fn remove(app: Data<App>, me: SignedIn, page: Page, id: Path<String>, posted: Posted) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    match changing::act(&app, &me.caller, &id, version(&posted), Act::Remove, posted.get(step_up::FIELD)).await {
        Ok(_) => {
            me.flash(Tone::Ok, page.t("stream-removed")).await;
            Ok(see_other("/streams"))
        }
        Err(error) => refused(&app, &me, page, &id, &posted, "rem", error).await,
    }
}
