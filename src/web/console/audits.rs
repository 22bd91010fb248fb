//! `/audits`: what auditors look at, the packs made of it, the questions put in it. `/questions`: what somebody was asked, and their answer.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Bytes, Data, Path},
};
use askama::Template;

use crate::{
    app::{
        App, Turn,
        audits::{
            self, Audit, NewAudit, PackRow, packs,
            questions::{self, NewQuestion, Question},
        },
        step_up,
    },
    clock::Instant,
    domain::audit::{ABSENT, ExceptionKind, PackState},
    i18n::bytes,
    web::{
        Fault, FormState, Page, Posted, SignedIn, Tone, asked, html, ok, once,
        page::Html,
        see_other,
        view::{Choice, Crumb, Fact},
    },
};

/// An audit in the list.
struct Row {
    id: String,
    number: String,
    title: String,
    period: String,
    by: String,
    at: Html,
}

#[derive(Template)]
#[template(path = "audits/index.html")]
struct Index {
    page: Page,
    rows: Vec<Row>,
    newer: Option<String>,
    older: Option<String>,
}

/// First and last day; the end is exclusive, people say the last day.
fn period(page: &Page, audit: &Audit) -> String {
    page.a2("audit-period-days", "from", page.date(Instant(audit.row.from_at)), "to", page.date(Instant(audit.row.to_at - 1)))
}

/// `GET /audits`
pub async fn index(app: Data<App>, me: SignedIn, page: Page, req: HttpRequest) -> Result<HttpResponse, Fault> {
    let (found, (above, below)) = audits::list(&app, &me.caller, Turn::of(asked(&req, "before"), asked(&req, "after"))).await?;
    let row = |audit: &Audit| Row {
        id: audit.row.id.clone(),
        number: audit.row.number.clone(),
        title: audit.row.title.clone(),
        period: period(&page, audit),
        by: audit.opened_by.clone(),
        at: page.time(Instant(audit.row.opened_at)),
    };
    ok(Index {
        rows: found.iter().map(row).collect(),
        newer: above.map(|id| format!("/audits?after={id}")),
        older: below.map(|id| format!("/audits?before={id}")),
        page,
    })
}

#[derive(Template)]
#[template(path = "audits/new.html")]
struct New {
    page: Page,
    crumbs: Vec<Crumb>,
    form: FormState,
    kinds: Vec<Choice>,
}

fn new_of(page: Page, form: FormState) -> New {
    let kinds = ExceptionKind::ALL.iter().filter(|kind| !ABSENT.contains(kind));
    New {
        crumbs: vec![Crumb::link("/audits", page.t("nav-audits")), Crumb::here(page.t("audit-new"))],
        kinds: kinds.map(|kind| Choice::new(kind.as_str(), page.word("exception", kind))).collect(),
        page: page.at("/audits/new"),
        form,
    }
}

/// `GET /audits/new`
pub async fn new(app: Data<App>, me: SignedIn, page: Page) -> Result<HttpResponse, Fault> {
    // Who may not open one learns it here and not after typing.
    audits::may_open(&app, &me.caller).await?;
    let mut form = FormState::new("engagement").with("sample_size", "25");
    for kind in ExceptionKind::ALL {
        form = form.with("exceptions", kind.as_str());
    }
    ok(new_of(page, form))
}

/// `POST /audits`
pub async fn create(app: Data<App>, me: SignedIn, page: Page, req: HttpRequest, posted: Posted) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    let text = |field: &str| posted.get(field).to_owned();
    let mut exceptions = posted.all("exceptions").to_vec();
    // What is not there is asked for by everybody: a pack says that there is none.
    exceptions.extend(ABSENT.iter().map(|kind| kind.as_str().to_owned()));
    let new = NewAudit {
        title: text("title"),
        from: text("from"),
        to: text("to"),
        as_at: text("as_at"),
        exceptions,
        sample_size: text("sample_size"),
        seed: text("seed"),
        walk: text("walk"),
    };
    let (app_, caller) = (app.clone(), me.caller.clone());
    let made = once::form(&app, &me, &req, &posted, async |_| Ok(format!("/audits/{}", audits::open(&app_, &caller, new).await?.value.id))).await?;
    match made {
        Ok(location) => {
            me.flash(Tone::Ok, page.t("audit-opened")).await;
            Ok(see_other(location))
        }
        Err(error) => {
            let mut form = FormState::from_posted("engagement", &posted);
            form.refuse_all(error)?;
            html(form.status(), new_of(page, form))
        }
    }
}

/// A pack in the list.
struct PackLine {
    id: String,
    number: String,
    state: String,
    tone: Tone,
    at: Html,
    cases: String,
    size: String,
    ready: bool,
}

/// A question in a list.
struct Line {
    id: String,
    number: String,
    question: String,
    who: String,
    state: String,
    tone: Tone,
    at: Html,
}

fn line(page: &Page, q: &Question, who: &str) -> Line {
    let open = q.answer.is_none();
    Line {
        id: q.id.clone(),
        number: page.a1("question-number", "number", q.number),
        question: q.question.clone(),
        who: who.to_owned(),
        state: page.t(if open { "question-open" } else { "question-answered" }),
        tone: if open { Tone::Warn } else { Tone::Ok },
        at: page.time(q.asked_at),
    }
}

#[derive(Template)]
#[template(path = "audits/show.html")]
struct Show {
    page: Page,
    crumbs: Vec<Crumb>,
    audit: Audit,
    /// What is looked at.
    scope: Vec<Fact>,
    /// The kinds of exception, and those that the product does not have.
    kinds: Vec<String>,
    absent: Vec<String>,
    /// Place in the log of the event that recorded it.
    event: Option<u64>,
    packs: Vec<PackLine>,
    making: bool,
    questions: Vec<Line>,
    pack: FormState,
    download: FormState,
    question: FormState,
    /// Whether this person may make packs and put questions.
    may: bool,
}

/// The forms of the page, one of which may be shown again.
struct Forms {
    pack: FormState,
    download: FormState,
    question: FormState,
}

impl Forms {
    fn fresh() -> Self {
        let form = |noun: &'static str| FormState::new(noun).ids(noun);
        Self { pack: form("pack"), download: form("pack-download"), question: form("question") }
    }
}

async fn show_of(app: &App, me: &SignedIn, page: Page, id: &str, forms: Forms) -> Result<Show, Fault> {
    let audit = audits::load(app, &me.caller, id).await?;
    let packs = packs::list(app, &me.caller, id).await?;
    let questions = questions::of_audit(app, &me.caller, id).await?;
    let number = |n: Option<i64>| n.map(|n| page.num(u64::try_from(n).unwrap_or(0))).unwrap_or_default();
    let line_of = |row: &PackRow| {
        let ready = row.state == PackState::Ready.as_str();
        let (tone, state) = match (ready, row.verified) {
            _ if row.erased_at.is_some() => (Tone::Mute, page.t("audit-pack-erased")),
            (true, Some(0)) => (Tone::Bad, page.t("audit-pack-broken")),
            (true, Some(_)) => (Tone::Ok, page.t("audit-pack-ready")),
            (true, None) => (Tone::Info, page.t("audit-pack-unchecked")),
            (false, _) if row.total > 0 => {
                (Tone::Info, page.a2("audit-pack-progress", "done", number(Some(row.done)), "total", number(Some(row.total))))
            }
            (false, _) => (Tone::Info, page.t("audit-pack-making")),
        };
        PackLine {
            id: row.id.clone(),
            number: row.number.clone().unwrap_or_else(|| audit.row.number.clone()),
            state,
            tone,
            at: page.time(Instant(row.sealed_at.unwrap_or(row.requested_at))),
            cases: number(row.cases),
            size: row.size.map(|n| bytes(u64::try_from(n).unwrap_or(0))).unwrap_or_default(),
            ready: ready && row.erased_at.is_none(),
        }
    };
    let row = &audit.row;
    let scope = vec![
        Fact::new(page.t("audit-period"), period(&page, &audit), ""),
        Fact::new(page.t("audit-as-at"), page.date(Instant(row.as_at - 1)), ""),
        Fact::new(page.t("audit-sample-size"), number(Some(row.sample_size)), ""),
        Fact::new(page.t("audit-seed"), &row.seed, page.word("audit-seed", &row.seed_source)),
        Fact::new(page.t("audit-walk"), row.walk.clone().unwrap_or_else(|| page.t("audit-walk-first")), ""),
        Fact::new(page.t("audit-opened-by"), &audit.opened_by, ""),
        Fact::new(page.t("audit-opened-at"), page.tr.time_full(Instant(row.opened_at)), ""),
    ];
    let (absent, kinds): (Vec<_>, Vec<_>) = audit.exceptions().into_iter().partition(|kind| ABSENT.contains(kind));
    let words = |kinds: Vec<ExceptionKind>| kinds.into_iter().map(|kind| page.word("exception", kind)).collect();
    Ok(Show {
        crumbs: vec![Crumb::link("/audits", page.t("nav-audits")), Crumb::here(row.number.clone())],
        scope,
        kinds: words(kinds),
        absent: words(absent),
        event: audit.opened_index,
        making: packs.iter().any(|row| row.state != PackState::Ready.as_str()),
        packs: packs.iter().map(line_of).collect(),
        questions: questions.iter().map(|q| line(&page, q, &q.asked_of)).collect(),
        may: page.can("audit.export"),
        page: page.at(format!("/audits/{}", row.id)),
        pack: forms.pack,
        download: forms.download,
        question: forms.question,
        audit,
    })
}

/// `GET /audits/{id}`
pub async fn show(app: Data<App>, me: SignedIn, page: Page, id: Path<String>) -> Result<HttpResponse, Fault> {
    ok(show_of(&app, &me, page, &id, Forms::fresh()).await?)
}

/// `POST /audits/{id}/packs`
pub async fn request(app: Data<App>, me: SignedIn, page: Page, id: Path<String>, req: HttpRequest, posted: Posted) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    let (app_, caller, audit, code) = (app.clone(), me.caller.clone(), id.clone(), posted.get(step_up::FIELD).to_owned());
    let make = async |_| {
        packs::request(&app_, &caller, &audit, &code).await?;
        Ok(format!("/audits/{audit}"))
    };
    match once::form(&app, &me, &req, &posted, make).await? {
        Ok(location) => {
            me.flash(Tone::Ok, page.t("audit-pack-requested")).await;
            Ok(see_other(location))
        }
        Err(error) => {
            let mut forms = Forms::fresh();
            forms.pack.refuse_all(error)?;
            html(forms.pack.status(), show_of(&app, &me, page, &id, forms).await?)
        }
    }
}

/// `POST /audits/{id}/packs/{pack}/downloads`: the pack's file, piece by piece; refused, the page of the audit.
pub async fn download(
    app: Data<App>,
    me: SignedIn,
    page: Page,
    path: Path<(String, String)>,
    req: HttpRequest,
    posted: Posted,
) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    let (id, pack) = path.into_inner();
    let make = || async { Ok((packs::download(&app, &me.caller, &pack, posted.get(step_up::FIELD)).await?, String::new())) };
    let (row, file) = match once::file(&app, &me, &req, &posted, make).await? {
        Ok(once::Handed::First(found)) => found,
        Ok(once::Handed::Again(_)) => packs::again(&app, &me.caller, &pack).await?,
        Err(error) => {
            let mut forms = Forms::fresh();
            forms.download.refuse_all(error)?;
            return html(forms.download.status(), show_of(&app, &me, page, &id, forms).await?);
        }
    };
    let name = format!("attachment; filename=\"{}.zip\"", row.number.unwrap_or_default());
    let pieces = futures_util::stream::unfold(packs::Pieces::of(file), |pieces| async move {
        let (piece, rest) = pieces.next().await?;
        Some((piece.map(Bytes::from), rest))
    });
    let mut response = HttpResponse::Ok();
    response.content_type("application/zip").insert_header((header::CONTENT_DISPOSITION, name));
    if let Some(size) = row.size.and_then(|n| u64::try_from(n).ok()) {
        response.no_chunking(size);
    }
    Ok(response.streaming(pieces))
}

/// `POST /questions`: an auditor puts a question.
pub async fn put(app: Data<App>, me: SignedIn, page: Page, req: HttpRequest, posted: Posted) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    let text = |field: &str| posted.get(field).to_owned();
    let audit = text("audit");
    let new = NewQuestion { audit: audit.clone(), person: text("person"), question: text("question"), cases: text("cases"), events: text("events") };
    let (app_, caller, at) = (app.clone(), me.caller.clone(), format!("/audits/{audit}"));
    let make = async |_| {
        questions::put(&app_, &caller, new).await?;
        Ok(at)
    };
    match once::form(&app, &me, &req, &posted, make).await? {
        Ok(location) => {
            me.flash(Tone::Ok, page.t("question-put-done")).await;
            Ok(see_other(location))
        }
        Err(error) => {
            let mut forms = Forms::fresh();
            forms.question = FormState::from_posted("question", &posted).ids("question");
            forms.question.refuse_all(error)?;
            html(forms.question.status(), show_of(&app, &me, page, &audit, forms).await?)
        }
    }
}

#[derive(Template)]
#[template(path = "questions/index.html")]
struct Questions {
    page: Page,
    rows: Vec<Line>,
}

/// `GET /questions`
pub async fn questions(app: Data<App>, me: SignedIn, page: Page) -> Result<HttpResponse, Fault> {
    let found = questions::mine(&app, &me.caller).await?;
    ok(Questions { rows: found.iter().map(|q| line(&page, q, &q.asked_by)).collect(), page })
}

#[derive(Template)]
#[template(path = "questions/show.html")]
struct ShowQuestion {
    page: Page,
    crumbs: Vec<Crumb>,
    title: String,
    facts: Vec<Fact>,
    question: Question,
    form: FormState,
    /// Whether it waits for this person's answer.
    mine: bool,
    /// Whether this person may see cases and events.
    reads: bool,
}

async fn question_of(app: &App, me: &SignedIn, page: Page, id: &str, form: FormState) -> Result<ShowQuestion, Fault> {
    let question = questions::one(app, &me.caller, id).await?;
    let title = page.a1("question-number", "number", question.number);
    let mut facts = vec![
        Fact::new(page.t("question-audit"), &question.audit_number, ""),
        Fact::new(page.t("question-asked-by"), &question.asked_by, ""),
        Fact::new(page.t("question-asked-of"), &question.asked_of, ""),
        Fact::new(page.t("question-asked-at"), page.tr.time_full(question.asked_at), ""),
    ];
    facts.extend(question.answer.as_ref().map(|(at, _)| Fact::new(page.t("question-answered-at"), page.tr.time_full(*at), "")));
    let reads = page.can("audit.read");
    let back = if reads {
        Crumb::link(format!("/audits/{}", question.audit), question.audit_number.clone())
    } else {
        Crumb::link("/questions", page.t("nav-questions"))
    };
    Ok(ShowQuestion {
        crumbs: vec![back, Crumb::here(title.clone())],
        mine: question.answer.is_none() && me.person().id == question.asked_of_id,
        reads,
        page: page.at(format!("/questions/{}", question.id)),
        title,
        facts,
        question,
        form,
    })
}

/// `GET /questions/{id}`
pub async fn question(app: Data<App>, me: SignedIn, page: Page, id: Path<String>) -> Result<HttpResponse, Fault> {
    ok(question_of(&app, &me, page, &id, FormState::new("question")).await?)
}

/// `POST /questions/{id}/answers`
pub async fn answer(app: Data<App>, me: SignedIn, page: Page, id: Path<String>, posted: Posted) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    match questions::answer(&app, &me.caller, &id, posted.get("answer")).await {
        Ok(_) => {
            me.flash(Tone::Ok, page.t("question-answer-done")).await;
            Ok(see_other(format!("/questions/{id}")))
        }
        Err(error) => {
            let mut form = FormState::from_posted("question", &posted);
            form.refuse_all(error)?;
            html(form.status(), question_of(&app, &me, page, &id, form).await?)
        }
    }
}
