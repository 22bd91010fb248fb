//! The posts of a case that move it: decisions, withdrawal, resubmissions, captures, confirmations, halts. Each ends at the case or its receipt; a
//! refused one shows the case again, with what was typed and why.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, Path},
};
use askama::Template;

use super::{
    correction,
    show::{Forms, render},
    typed, weighing,
};
use crate::{
    app::{
        App, AppError, AppResult, Done,
        delegations::grants,
        once::of_request,
        recalls::{decide, guided, halt, resubmit, sign, view, withdraw},
    },
    i18n::grouped,
    web::{Fault, FormState, Html, Page, Posted, SignedIn, html, once, see_other, view::Crumb, visit::Tone},
};

pub(super) fn receipt_of<T>(id: &str, done: &Done<T>) -> String {
    match &done.receipt {
        Some(receipt) => format!("/recalls/{id}/receipts/{}", receipt.event),
        None => format!("/recalls/{id}"),
    }
}

/// Which of the page's forms a post came from.
#[derive(Clone, Copy)]
pub(super) enum Form {
    Decide,
    Withdraw,
    Resubmit,
    Capture,
    Confirm,
    Halt,
    Transfer,
    Add,
    Remove,
    Ask,
    Answer,
    Comment,
    Remind,
    Order,
    Ratify,
    Remedy,
    Remedied,
    Drop,
}

/// The answer to a post: where to go, or the page again.
pub(super) async fn answer(
    app: &App,
    me: &SignedIn,
    page: Page,
    id: &str,
    posted: &Posted,
    which: Form,
    ended: AppResult<String>,
) -> Result<HttpResponse, Fault> {
    let error = match ended {
        Ok(location) => return Ok(see_other(location)),
        Err(error) => error,
    };
    let status = if matches!(error, AppError::Invalid(_)) { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::CONFLICT };
    let mut forms = Forms::default();
    let slot: &mut FormState = match which {
        Form::Decide => &mut forms.decide,
        Form::Withdraw => &mut forms.withdraw,
        Form::Resubmit => &mut forms.resubmit,
        Form::Capture => &mut forms.capture,
        Form::Confirm => &mut forms.confirm,
        Form::Halt => &mut forms.halt,
        Form::Transfer => &mut forms.transfer,
        Form::Add => &mut forms.addition,
        Form::Remove => &mut forms.removal,
        Form::Ask => &mut forms.ask,
        Form::Answer => &mut forms.answer,
        Form::Comment => &mut forms.comment,
        Form::Remind => &mut forms.remind,
        Form::Order => &mut forms.order,
        Form::Ratify => &mut forms.ratify,
        Form::Remedy => &mut forms.remedy,
        Form::Remedied => &mut forms.remedied,
        Form::Drop => &mut forms.dropped,
    };
    let (noun, prefix) = match which {
        Form::Decide => ("decision", "decide"),
        Form::Withdraw => ("withdrawal", "withdrawal"),
        Form::Resubmit => ("recall", "resubmission"),
        Form::Capture => ("capture", "capture"),
        Form::Confirm => ("confirmation", "confirmation"),
        Form::Halt => ("halt", "halt"),
        Form::Transfer => ("transfer", "transfer"),
        Form::Add => ("addition", "addition"),
        Form::Remove => ("removal", "removal"),
        Form::Ask => ("inquiry", "ask"),
        Form::Answer => ("answer", "answer"),
        Form::Comment => ("comment", "remark"),
        Form::Remind => ("reminder", "reminder"),
        Form::Order => ("order", "order"),
        Form::Ratify => ("ratification", "ratify"),
        Form::Remedy => ("remediation", "remedy"),
        Form::Remedied => ("completion", "completion"),
        Form::Drop => ("dropping", "dropping"),
    };
    *slot = FormState::from_posted(noun, posted).ids(prefix);
    slot.refuse_all(error)?;
    render(app, me, page.at(format!("/recalls/{id}")), id, forms, status, view::Showing::Again).await
}

/// The person as the page of the form showed them: a delegation that has ended since is refused on that very page.
async fn as_shown(app: &App, mut me: SignedIn, case: &str, posted: &Posted) -> Result<SignedIn, Fault> {
    me.caller = grants::as_shown(app, &me.caller, case, posted.get("behalf")).await?;
    Ok(me)
}

/// `POST /recalls/{id}/decisions`.
pub async fn decide(app: Data<App>, me: SignedIn, page: Page, path: Path<String>, req: HttpRequest, posted: Posted) -> Result<HttpResponse, Fault> {
    let id = path.into_inner();
    let me = as_shown(&app, me.with(&posted), &id, &posted).await?;
    let input = decide::Decide {
        decision: posted.get("decision").to_owned(),
        comment: typed(&posted, "comment"),
        answers: weighing::posted(&posted),
        totp: posted.get("totp").to_owned(),
        seen: Some(posted.get("version").parse().unwrap_or(-1)),
        behalf: posted.all("behalf").first().cloned(),
        once: once::key(&me, &req, &posted),
        id: None,
    };
    let ended = decide::decide(&app, &me.caller, &id, input).await.map(|done| {
        if done.value.repeated {
            once::passed(&req, "repeated");
        }
        receipt_of(&done.value.id, &done)
    });
    answer(&app, &me, page, &id, &posted, Form::Decide, ended).await
}

#[derive(Template)]
#[template(path = "recalls/sign.html")]
struct SignPage {
    page: Page,
    crumbs: Vec<Crumb>,
    form: FormState,
    level: String,
    verb: String,
    /// What level 2 answered.
    answers: Vec<weighing::Given>,
    /// The delegation that it is decided under, and the words for it; empty in their own name.
    behalf: String,
    in_name: String,
    deadline: Html,
    recipients: String,
    to_sign: sign::ToSign,
}

/// `POST /recalls/{id}/statements`: the statement of a decision, to be signed by a passkey. Nothing is decided by it.
pub async fn statement(app: Data<App>, me: SignedIn, page: Page, path: Path<String>, posted: Posted) -> Result<HttpResponse, Fault> {
    let id = path.into_inner();
    let me = as_shown(&app, me.with(&posted), &id, &posted).await?;
    let input = decide::Decide {
        decision: posted.get("decision").to_owned(),
        comment: typed(&posted, "comment"),
        answers: weighing::posted(&posted),
        seen: Some(posted.get("version").parse().unwrap_or(-1)),
        behalf: posted.all("behalf").first().cloned(),
        ..decide::Decide::default()
    };
    let to_sign = match sign::prepare(&app, &me.caller, &id, input, &me.person().passkeys).await {
        Ok(done) => done.value,
        Err(error) => return answer(&app, &me, page, &id, &posted, Form::Decide, Err(error)).await,
    };
    let page = page.at(format!("/recalls/{}", to_sign.id));
    html(
        StatusCode::OK,
        SignPage {
            crumbs: vec![Crumb::link("/recalls", page.t("nav-recalls")), Crumb::link(&page.path, &to_sign.number), Crumb::here(page.t("sign-title"))],
            form: FormState::new("decision").ids("sign"),
            level: page.t(&format!("level-{}", to_sign.level)),
            verb: page.word("recall-verb", to_sign.verb),
            answers: weighing::given(&page, &to_sign.answers),
            behalf: to_sign.behalf.as_ref().map(|(_, id)| id.clone()).unwrap_or_default(),
            in_name: to_sign.behalf.as_ref().map_or_else(String::new, |(name, _)| page.a1("behalf-made", "name", name)),
            deadline: page.time_noted(to_sign.deadline),
            recipients: grouped(to_sign.recipients),
            page,
            to_sign,
        },
    )
}

/// `POST /recalls/{id}/withdrawal`.
pub async fn withdraw(app: Data<App>, me: SignedIn, page: Page, path: Path<String>, req: HttpRequest, posted: Posted) -> Result<HttpResponse, Fault> {
    let (id, me) = (path.into_inner(), me.with(&posted));
    let make = |request| async {
        let done = withdraw::withdraw(&app, &me.caller, &id, &typed(&posted, "reason"), Some(of_request(request))).await?;
        Ok(receipt_of(&done.value, &done))
    };
    let ended = once::form(&app, &me, &req, &posted, make).await?;
    answer(&app, &me, page, &id, &posted, Form::Withdraw, ended).await
}

/// `POST /recalls/{id}/resubmissions`.
pub async fn resubmit(app: Data<App>, me: SignedIn, page: Page, path: Path<String>, req: HttpRequest, posted: Posted) -> Result<HttpResponse, Fault> {
    let (id, me) = (path.into_inner(), me.with(&posted));
    let again = resubmit::Again {
        reason: typed(&posted, "reason"),
        basis: typed(&posted, "basis"),
        tell_readers: posted.flag("tell_readers"),
        correction: correction(&posted),
    };
    let make = |_| async {
        let done = resubmit::resubmit(&app, &me.caller, &id, again).await?;
        Ok(receipt_of(&done.value, &done))
    };
    let ended = once::form(&app, &me, &req, &posted, make).await?;
    answer(&app, &me, page, &id, &posted, Form::Resubmit, ended).await
}

/// `POST /recalls/{id}/captures`.
pub async fn capture(
    app: Data<App>,
    me: SignedIn,
    page: Page,
    path: Path<String>,
    req: HttpRequest,
    mut posted: Posted,
) -> Result<HttpResponse, Fault> {
    let (id, me) = (path.into_inner(), me.with(&posted));
    let file = posted.take_files().into_iter().find(|f| f.field == "capture");
    let input = guided::Capture {
        file_name: file.as_ref().map(|f| f.name.clone()).unwrap_or_default(),
        bytes: file.map(|f| f.bytes).unwrap_or_default(),
        outcome: posted.get("outcome").to_owned(),
        note: typed(&posted, "note"),
    };
    let make = |_| async {
        let done = guided::capture(&app, &me.caller, &id, input).await?;
        Ok(receipt_of(&done.value, &done))
    };
    let ended = once::form(&app, &me, &req, &posted, make).await?;
    answer(&app, &me, page, &id, &posted, Form::Capture, ended).await
}

/// `GET /recalls/{id}/captures/{attachment}`: the bytes as an attachment, never interpreted.
pub async fn capture_file(app: Data<App>, me: SignedIn, path: Path<(String, String)>) -> Result<HttpResponse, Fault> {
    let (id, attachment) = path.into_inner();
    let (name, media_type, bytes) = view::capture_file(&app, &me.caller, &id, &attachment).await?;
    let ascii: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' }).collect();
    let encoded: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect::<String>().replace('+', "%20");
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{encoded}")))
        .content_type(media_type)
        .body(bytes))
}

/// `POST /recalls/{id}/confirmations`.
pub async fn confirm(app: Data<App>, me: SignedIn, page: Page, path: Path<String>, req: HttpRequest, posted: Posted) -> Result<HttpResponse, Fault> {
    let (id, me) = (path.into_inner(), me.with(&posted));
    let seen = guided::Seen { outcome: posted.get("outcome").to_owned(), note: typed(&posted, "note"), totp: posted.get("totp").to_owned() };
    let make = |_| async {
        let done = guided::confirm(&app, &me.caller, &id, seen).await?;
        Ok(receipt_of(&done.value, &done))
    };
    let ended = once::form(&app, &me, &req, &posted, make).await?;
    answer(&app, &me, page, &id, &posted, Form::Confirm, ended).await
}

/// `POST /recalls/{id}/halts`. Who may halt need not be able to see the case; they are told by a message.
pub async fn halt(app: Data<App>, me: SignedIn, page: Page, path: Path<String>, req: HttpRequest, posted: Posted) -> Result<HttpResponse, Fault> {
    let (id, me) = (path.into_inner(), me.with(&posted));
    let make = |_| async {
        let done = halt::halt(&app, &me.caller, &id, &typed(&posted, "reason")).await?;
        Ok(format!("/recalls/{}", done.value))
    };
    let ended = once::form(&app, &me, &req, &posted, make).await?;
    if ended.is_ok() {
        me.flash(Tone::Warn, page.t("recall-halted-now")).await;
    }
    answer(&app, &me, page, &id, &posted, Form::Halt, ended).await
}
