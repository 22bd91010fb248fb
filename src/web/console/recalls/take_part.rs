//! The posts of a case beside deciding: transfers, added reviewers, questions, answers, comments, reminders. Each ends at the case; a refused one shows it
//! again, with what was typed and why.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};

use super::{
    act::{Form, answer as respond, receipt_of},
    typed,
};
use crate::{
    app::{
        App,
        recalls::take_part::{self, Act},
    },
    web::{Fault, Page, Posted, SignedIn, once, visit::Tone},
};

async fn take(app: &App, me: SignedIn, page: Page, id: &str, req: &HttpRequest, posted: &Posted, act: Act) -> Result<HttpResponse, Fault> {
    let me = me.with(posted);
    // What others have to act on is kept like a decision; what is only said is shown where it was said.
    let (form, receipt, told) = match act {
        Act::Transfer { .. } => (Form::Transfer, true, "transfer-done"),
        Act::Add { .. } => (Form::Add, true, "addition-done"),
        Act::Remove { .. } => (Form::Remove, true, "removal-done"),
        Act::Ask { .. } => (Form::Ask, false, "question-done"),
        Act::Answer { .. } => (Form::Answer, false, "answer-done"),
        Act::Comment { .. } => (Form::Comment, false, "comment-done"),
        Act::Remind => (Form::Remind, false, "reminder-done"),
    };
    let make = |entry| async {
        let done = take_part::take(app, &me.caller, id, act, entry).await?;
        Ok(if receipt { receipt_of(&done.value, &done) } else { format!("/recalls/{}#said", done.value) })
    };
    let ended = once::form(app, &me, req, posted, make).await?;
    if ended.is_ok() && !receipt {
        me.flash(Tone::Ok, page.t(told)).await;
    }
    respond(app, &me, page, id, posted, form, ended).await
}

/// `POST /recalls/{id}/transfers`.
pub async fn transfer(app: Data<App>, me: SignedIn, page: Page, path: Path<String>, req: HttpRequest, posted: Posted) -> Result<HttpResponse, Fault> {
    let act = Act::Transfer { to: typed(&posted, "to"), reason: typed(&posted, "reason") };
    take(&app, me, page, &path, &req, &posted, act).await
}

/// `POST /recalls/{id}/additions`.
pub async fn add(app: Data<App>, me: SignedIn, page: Page, path: Path<String>, req: HttpRequest, posted: Posted) -> Result<HttpResponse, Fault> {
    let act = Act::Add { to: typed(&posted, "to"), reason: typed(&posted, "reason") };
    take(&app, me, page, &path, &req, &posted, act).await
}

/// `POST /recalls/{id}/removals`.
pub async fn remove(app: Data<App>, me: SignedIn, page: Page, path: Path<String>, req: HttpRequest, posted: Posted) -> Result<HttpResponse, Fault> {
    let act = Act::Remove { to: typed(&posted, "to"), reason: typed(&posted, "reason") };
    take(&app, me, page, &path, &req, &posted, act).await
}

/// `POST /recalls/{id}/questions`.
pub async fn ask(app: Data<App>, me: SignedIn, page: Page, path: Path<String>, req: HttpRequest, posted: Posted) -> Result<HttpResponse, Fault> {
    let act = Act::Ask { question: typed(&posted, "question") };
    take(&app, me, page, &path, &req, &posted, act).await
}

/// `POST /recalls/{id}/answers`.
pub async fn answer(app: Data<App>, me: SignedIn, page: Page, path: Path<String>, req: HttpRequest, posted: Posted) -> Result<HttpResponse, Fault> {
    let act = Act::Answer { answer: typed(&posted, "answer") };
    take(&app, me, page, &path, &req, &posted, act).await
}

/// `POST /recalls/{id}/comments`.
pub async fn comment(app: Data<App>, me: SignedIn, page: Page, path: Path<String>, req: HttpRequest, posted: Posted) -> Result<HttpResponse, Fault> {
    let act = Act::Comment { comment: typed(&posted, "comment") };
    take(&app, me, page, &path, &req, &posted, act).await
}

/// `POST /recalls/{id}/reminders`.
pub async fn remind(app: Data<App>, me: SignedIn, page: Page, path: Path<String>, req: HttpRequest, posted: Posted) -> Result<HttpResponse, Fault> {
    take(&app, me, page, &path, &req, &posted, Act::Remind).await
}
