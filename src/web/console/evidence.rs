//! Evidence for people: the bundles there are, export with a purpose, download, verification of an upload of which nothing is kept.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, Path},
};
use askama::Template;

use super::said::said;
use crate::{
    app::{
        App, AppError, Turn,
        evidence::{
            self, Answer, Check, Kind, Listed, Outcome,
            export::{Export, export},
        },
    },
    clock::Instant,
    i18n::bytes,
    web::{
        Fault, FormState, Page, Posted, SignedIn, Tone, asked, html, ok, once,
        page::Html,
        see_other,
        view::{Crumb, Fact},
    },
};

/// A bundle in a list.
struct Row {
    number: String,
    case_number: String,
    kind: String,
    size: String,
    events: String,
    at: Html,
    /// Until when it is kept; once it was erased, when that was.
    kept: Html,
    erased: bool,
}

fn row(page: &Page, listed: &Listed) -> Row {
    Row {
        number: listed.row.number.clone(),
        case_number: listed.case_number.clone(),
        kind: page.word("bundle", listed.kind.as_str()),
        size: bytes(u64::try_from(listed.row.size).unwrap_or(0)),
        events: page.num(u64::try_from(listed.row.log_size).unwrap_or(0)),
        at: page.time_full(Instant(listed.row.sealed_at)),
        kept: page.day(listed.row.erased_at.map_or(listed.kept_until, Instant)),
        erased: listed.row.erased_at.is_some(),
    }
}

#[derive(Template)]
#[template(path = "evidence/index.html")]
struct Index {
    page: Page,
    crumbs: Vec<Crumb>,
    rows: Vec<Row>,
    form: FormState,
    /// The case whose bundles these are; `None` for all.
    case: Option<String>,
    newer: Option<String>,
    older: Option<String>,
    with_content: bool,
}

async fn index_of(app: &App, me: &SignedIn, page: Page, form: FormState, turn: Turn) -> Result<Index, Fault> {
    let (all, (above, below)) = evidence::list(app, &me.caller, turn).await?;
    Ok(Index {
        newer: above.map(|id| format!("/evidence?after={id}")),
        older: below.map(|id| format!("/evidence?before={id}")),
        rows: all.iter().map(|l| row(&page, l)).collect(),
        crumbs: vec![Crumb::here(page.t("nav-evidence"))],
        with_content: page.can("content.read"),
        case: None,
        page: page.at("/evidence"),
        form,
    })
}

/// `GET /evidence`
pub async fn index(app: Data<App>, me: SignedIn, page: Page, req: HttpRequest) -> Result<HttpResponse, Fault> {
    let form = FormState::new("evidence").with("case", asked(&req, "case").unwrap_or_default());
    ok(index_of(&app, &me, page, form, Turn::of(asked(&req, "before"), asked(&req, "after"))).await?)
}

/// `GET /recalls/{id}/evidence`
pub async fn of_case(app: Data<App>, me: SignedIn, page: Page, id: Path<String>) -> Result<HttpResponse, Fault> {
    let (loaded, all) = evidence::of_case(&app, &me.caller, &id).await?;
    let number = loaded.row.number;
    ok(Index {
        rows: all.iter().map(|l| row(&page, l)).collect(),
        crumbs: vec![
            Crumb::link("/recalls", page.t("nav-recalls")),
            Crumb::link(format!("/recalls/{}", loaded.row.id), number.clone()),
            Crumb::here(page.t("evidence-of-case")),
        ],
        form: FormState::new("evidence").with("case", number.clone()),
        case: Some(number),
        newer: None,
        older: None,
        with_content: page.can("content.read"),
        page,
    })
}

/// `POST /evidence/exports`
pub async fn create(app: Data<App>, me: SignedIn, page: Page, req: HttpRequest, posted: Posted) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    let wanted = Export {
        case: posted.get("case").to_owned(),
        purpose: posted.get("purpose").to_owned(),
        at: None,
        totp: posted.get("totp").to_owned(),
        keep: true,
    };
    let make = |_| async { Ok(format!("/evidence/{}", export(&app, &me.caller, wanted).await?.value.number)) };
    match once::form(&app, &me, &req, &posted, make).await? {
        Ok(location) => {
            me.flash(Tone::Ok, page.t("evidence-made")).await;
            Ok(see_other(location))
        }
        Err(error) => {
            let mut form = FormState::from_posted("evidence", &posted);
            match error {
                AppError::NotFound => form.refuse("case", "unknown"),
                error => form.refuse_all(error)?,
            }
            html(form.status(), index_of(&app, &me, page, form, Turn::First).await?)
        }
    }
}

#[derive(Template)]
#[template(path = "evidence/show.html")]
struct Show {
    page: Page,
    crumbs: Vec<Crumb>,
    row: Row,
    sha256: String,
    /// Whether this person may download it.
    may: bool,
    masked: bool,
    /// What authorities said of it.
    timestamps: Vec<Fact>,
    /// Whether a download carries tokens, so that its hash is not the sealed one.
    stamped: bool,
    form: FormState,
}

/// One line for each authority that was asked; one that says so where there is none.
fn timestamps(page: &Page, listed: &Listed) -> Vec<Fact> {
    if listed.timestamps.is_empty() {
        return vec![Fact::new(page.t("timestamps-none"), page.t("timestamps-none-help"), "")];
    }
    let line = |t: &evidence::OfBundle| match (t.at, &t.refusal) {
        (Some(at), _) => {
            let note = match (t.renewed, t.until.map(|until| page.tr.date(until))) {
                (Some(renewed), Some(until)) => page.a2("timestamps-renewed", "time", page.tr.date(renewed), "until", until),
                (None, Some(until)) => page.a1("timestamps-added-until", "until", until),
                (_, None) => page.t("timestamps-added"),
            };
            let note = match t.revocation.as_deref() {
                None | Some("good") => note,
                Some(why) => page.a2("timestamps-revocation-unknown", "note", note, "reason", page.word("revocation-unknown", why)),
            };
            Fact::new(t.authority.clone(), page.tr.time_full(at), note)
        }
        (None, Some(why)) => Fact::new(t.authority.clone(), page.a1("timestamps-waiting", "reason", page.word("timestamp-refusal", why)), ""),
        (None, None) => Fact::new(t.authority.clone(), page.t("timestamps-not-yet"), ""),
    };
    listed.timestamps.iter().map(line).collect()
}

async fn show_of(app: &App, me: &SignedIn, page: Page, number: &str, form: FormState) -> Result<Show, Fault> {
    let listed = evidence::find(app, &me.caller, number).await?;
    Ok(Show {
        crumbs: vec![Crumb::link("/evidence", page.t("nav-evidence")), Crumb::here(listed.row.number.clone())],
        row: row(&page, &listed),
        sha256: hex::encode(&listed.row.sha256),
        may: listed.row.erased_at.is_none() && (!listed.kind.has_contents() || page.can("content.read")),
        masked: listed.kind == Kind::Masked,
        timestamps: timestamps(&page, &listed),
        stamped: listed.timestamps.iter().any(|t| t.at.is_some()),
        page: page.at(format!("/evidence/{number}")),
        form,
    })
}

/// `GET /evidence/{number}`
pub async fn show(app: Data<App>, me: SignedIn, page: Page, number: Path<String>) -> Result<HttpResponse, Fault> {
    ok(show_of(&app, &me, page, &number, FormState::new("download")).await?)
}

/// `POST /evidence/{number}/downloads`: the bundle's file; refused, the page of the bundle.
pub async fn download(
    app: Data<App>,
    me: SignedIn,
    page: Page,
    number: Path<String>,
    req: HttpRequest,
    posted: Posted,
) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    let make = || async { Ok((evidence::download(&app, &me.caller, &number, posted.get("totp")).await?.value, String::new())) };
    let (listed, bytes) = match once::file(&app, &me, &req, &posted, make).await? {
        Ok(once::Handed::First(found)) => found,
        Ok(once::Handed::Again(_)) => evidence::again(&app, &me.caller, &number).await?,
        Err(error) => {
            let mut form = FormState::from_posted("download", &posted);
            form.refuse_all(error)?;
            return html(form.status(), show_of(&app, &me, page, &number, form).await?);
        }
    };
    let name = format!("attachment; filename=\"{}.zip\"", listed.row.number);
    Ok(HttpResponse::Ok().content_type("application/zip").insert_header((header::CONTENT_DISPOSITION, name)).body(bytes))
}

/// A check as a line of the table.
struct Line {
    name: String,
    check: Check,
    word: String,
    expected: String,
    actual: String,
    tone: Tone,
    icon: &'static str,
}

/// What an upload came to.
struct Verdict {
    file: String,
    result: Answer,
    word: String,
    help: String,
    /// What is wrong or cannot be told.
    lines: Vec<Line>,
    /// What holds.
    passed: Vec<Line>,
    count: String,
}

#[derive(Template)]
#[template(path = "evidence/verification.html")]
struct Verification {
    page: Page,
    crumbs: Vec<Crumb>,
    form: FormState,
    verdict: Option<Verdict>,
}

fn verification_of(page: Page, form: FormState, verdict: Option<Verdict>) -> Verification {
    let crumbs = vec![Crumb::link("/evidence", page.t("nav-evidence")), Crumb::here(page.t("evidence-verification"))];
    Verification { page: page.at("/evidence/verification"), crumbs, form, verdict }
}

fn look(result: Answer) -> (Tone, &'static str) {
    match result {
        Answer::Pass => (Tone::Ok, "check"),
        Answer::Unknown => (Tone::Mute, "ask"),
        Answer::Fail => (Tone::Bad, "x"),
    }
}

/// What is wrong comes first.
fn verdict(page: &Page, file: String, outcome: Outcome) -> Verdict {
    let count = |answer: Answer| outcome.checks.iter().filter(|c| c.result == answer).count();
    let counted =
        [("passed", count(Answer::Pass)), ("failed", count(Answer::Fail)), ("unknown", count(Answer::Unknown))].map(|(k, n)| (k, page.num(n)));
    let counted = page.a("evidence-counts", &counted);
    let mut checks = outcome.checks;
    checks.sort_by_key(|c| std::cmp::Reverse(c.result));
    let line = |check: Check| {
        let (tone, icon) = look(check.result);
        Line {
            name: page.word("verify", check.name),
            word: page.word("verify-result", check.result.as_str()),
            expected: said(page, &check.expected),
            actual: said(page, &check.actual),
            tone,
            icon,
            check,
        }
    };
    let (passed, lines): (Vec<Line>, Vec<Line>) = checks.into_iter().map(line).partition(|l| l.check.result == Answer::Pass);
    Verdict {
        file,
        result: outcome.result,
        word: page.word("verify-result", outcome.result.as_str()),
        help: page.t(&format!("verify-help-{}", outcome.result.as_str())),
        lines,
        passed,
        count: counted,
    }
}

/// `GET /evidence/verification`
pub async fn verification(_me: SignedIn, page: Page) -> Result<HttpResponse, Fault> {
    ok(verification_of(page, FormState::new("verification"), None))
}

/// `POST /evidence/verification`
pub async fn verify(app: Data<App>, me: SignedIn, page: Page, mut posted: Posted) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    let mut form = FormState::from_posted("verification", &posted);
    let file = posted.take_files().into_iter().find(|f| f.field == "bundle");
    let (name, bytes) = file.map(|f| (f.name, f.bytes)).unzip();
    match evidence::check(&app, &me.caller, bytes).await {
        Ok(outcome) => {
            let verdict = verdict(&page, name.unwrap_or_default(), outcome);
            ok(verification_of(page, form, Some(verdict)))
        }
        Err(error) => {
            form.refuse_all(error)?;
            html(StatusCode::UNPROCESSABLE_ENTITY, verification_of(page, form, None))
        }
    }
}
