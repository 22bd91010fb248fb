//! `/broadcasts/imports`: tables of broadcasts that were sent without us, or of the recipients of one; looked at first, put in afterwards.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, Path},
};
use askama::Template;

use crate::{
    app::{
        App,
        broadcasts::imports::{self, Given, How, ImportState, Kind, Known, New as Table, files},
    },
    clock::Instant,
    domain::sheet::{Encoding, Separator},
    i18n::bytes,
    web::{
        Fault, FormState, Page, Posted, SignedIn, Tone, asked, html, ok, once,
        page::Html,
        see_other,
        view::{Choice, Crumb, Fact},
    },
};

const HERE: &str = "/broadcasts/imports";
/// Problems that the page shows; the rest is in the report.
const SHOWN: usize = 30;
/// After how many seconds a browser asks again how far a job has come, with or without scripts.
const AGAIN: u32 = 10;

struct Row {
    id: String,
    name: String,
    kind: String,
    tone: Tone,
    state: String,
    figures: String,
    at: Html,
}

#[derive(Template)]
#[template(path = "imports/index.html")]
struct Index {
    page: Page,
    crumbs: Vec<Crumb>,
    rows: Vec<Row>,
}

fn crumbs(page: &Page, here: &str) -> Vec<Crumb> {
    let mut crumbs = vec![Crumb::link("/broadcasts", page.t("nav-broadcasts"))];
    if here != "nav-imports" {
        crumbs.push(Crumb::link(HERE, page.t("nav-imports")));
    }
    crumbs.push(Crumb::here(page.t(here)));
    crumbs
}

/// The state in words: one that was looked at says whether it can go on.
fn badge(page: &Page, known: &Known) -> (Tone, String) {
    let (tone, word) = match known.state {
        ImportState::Checked if known.is_ready() => (Tone::Info, "ready"),
        ImportState::Checked => (Tone::Warn, "faulty"),
        ImportState::Checking | ImportState::Applying => (Tone::Info, known.state.as_str()),
        ImportState::Done => (Tone::Ok, "done"),
        ImportState::Failed => (Tone::Bad, "failed"),
        ImportState::Discarded => (Tone::Mute, "discarded"),
    };
    (tone, page.word("import-state", word))
}

fn num(page: &Page, n: i64) -> String {
    page.num(u64::try_from(n).unwrap_or_default())
}

/// `GET /broadcasts/imports`
pub async fn index(app: Data<App>, me: SignedIn, page: Page) -> Result<HttpResponse, Fault> {
    let found = imports::list(&app, &me.caller).await?;
    let row = |known: Known| {
        let (tone, state) = badge(&page, &known);
        let r = &known.row;
        let count = |n: i64| u64::try_from(n).unwrap_or_default();
        let people = page.tr.n("import-figures-people", count(r.recipients));
        let figures = page.tr.n_with("import-figures", count(r.broadcasts), &[("people", people)]);
        let (kind, at) = (page.word("import-kind", known.kind), page.time(Instant(r.created_at)));
        Row { id: known.row.id, name: known.about.name, kind, tone, state, figures, at }
    };
    ok(Index { crumbs: crumbs(&page, "nav-imports"), rows: found.into_iter().map(row).collect(), page })
}

#[derive(Template)]
#[template(path = "imports/new.html")]
struct New {
    page: Page,
    crumbs: Vec<Crumb>,
    form: FormState,
    kind: Kind,
    connections: Vec<Choice>,
    encodings: Vec<Choice>,
    separators: Vec<Choice>,
    most: u32,
    /// Head, whether it is needed, what stands in it.
    columns: Vec<(String, bool, String)>,
}

impl New {
    fn title(&self) -> String {
        self.page.word("import-new", self.kind)
    }
}

fn encodings(page: &Page) -> Vec<Choice> {
    Encoding::ALL.iter().map(|e| Choice::new(e.as_str(), page.word("import-encoding", e))).collect()
}

fn separators(page: &Page) -> Vec<Choice> {
    Separator::ALL.iter().map(|s| Choice::new(s.as_str(), page.word("import-separator", s))).collect()
}

async fn new_page(app: &App, me: &SignedIn, page: Page, form: FormState, kind: Kind, status: StatusCode) -> Result<HttpResponse, Fault> {
    let column = |(column, needed): &(imports::Column, bool)| (page.word("import-column", column), *needed, page.word("import-right", column));
    let connections = if kind == Kind::Recipients { super::broadcasts::choices(app, me).await? } else { Vec::new() };
    let new = New {
        crumbs: crumbs(&page, "import-new"),
        encodings: encodings(&page),
        separators: separators(&page),
        most: app.config.imports.largest_file,
        columns: imports::Column::of(kind).iter().map(column).collect(),
        connections,
        kind,
        form,
        page,
    };
    html(status, new)
}

/// `GET /broadcasts/imports/new`, with `kind`.
pub async fn new(app: Data<App>, me: SignedIn, page: Page, req: HttpRequest) -> Result<HttpResponse, Fault> {
    imports::may(&app, &me.caller).await?;
    let kind = asked(&req, "kind").and_then(|kind| Kind::parse(&kind)).unwrap_or(Kind::Broadcasts);
    new_page(&app, &me, page, FormState::new("import"), kind, StatusCode::OK).await
}

/// `GET /broadcasts/imports/templates/{kind}`: a table to fill in.
pub async fn template(app: Data<App>, me: SignedIn, page: Page, kind: Path<String>) -> Result<HttpResponse, Fault> {
    imports::may(&app, &me.caller).await?;
    let kind = Kind::parse(&kind).ok_or(crate::app::AppError::NotFound)?;
    Ok(csv(format!("{kind}-template"), files::template(&page.tr, kind)))
}

fn csv(name: impl std::fmt::Display, text: String) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.csv\"")))
        .body(text)
}

/// `POST /broadcasts/imports`
pub async fn create(app: Data<App>, me: SignedIn, page: Page, req: HttpRequest, mut posted: Posted) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    let kind = Kind::parse(posted.get("kind")).unwrap_or(Kind::Broadcasts);
    let page = page.at(format!("{HERE}/new?kind={kind}"));
    let mut form = FormState::from_posted("import", &posted);
    if !form.ok() {
        once::turned_away(&req, "invalid");
        return new_page(&app, &me, page, form, kind, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    let file = posted.take_files().into_iter().find(|file| file.field == "file");
    let text = |field: &str| posted.get(field).to_owned();
    let sent_at = super::reports::local_time(&page.tr, posted.get("sent_at"));
    let table = Table {
        kind: text("kind"),
        name: file.as_ref().map(|file| file.name.clone()).unwrap_or_default(),
        bytes: file.map(|file| file.bytes).unwrap_or_default(),
        how: how(&posted),
        given: Given {
            connection: text("connection"),
            message_id: text("message_id"),
            room: text("room"),
            sent_at,
            sender: text("sender"),
            title: text("title"),
            text: text("text"),
        },
    };
    let (app_, caller) = (app.clone(), me.caller.clone());
    let made = once::form(&app, &me, &req, &posted, async |id| {
        let done = imports::upload(&app_, &caller, table, id).await?.value;
        Ok(format!("{HERE}/{}{}", done.id, if done.again { "?again=1" } else { "" }))
    })
    .await?;
    match made {
        Ok(location) => Ok(see_other(location)),
        Err(error) => {
            form.refuse_all(error)?;
            let status = form.status();
            new_page(&app, &me, page, form, kind, status).await
        }
    }
}

fn how(posted: &Posted) -> How {
    How { encoding: posted.get("encoding").to_owned(), separator: posted.get("separator").to_owned() }
}

struct Wrong {
    line: String,
    column: String,
    value: String,
    wrong: String,
    right: String,
}

#[derive(Template)]
#[template(path = "imports/show.html")]
struct Show {
    page: Page,
    crumbs: Vec<Crumb>,
    form: FormState,
    known: Known,
    tone: Tone,
    state: String,
    again: bool,
    at: Html,
    facts: Vec<Fact>,
    read: Vec<Fact>,
    wrong: Vec<Wrong>,
    encodings: Vec<Choice>,
    separators: Vec<Choice>,
}

impl Show {
    /// Whether a job is at it.
    fn works(&self) -> bool {
        matches!(self.known.state, ImportState::Checking | ImportState::Applying)
    }

    fn can_be_read_otherwise(&self) -> bool {
        self.known.state == ImportState::Checked
    }

    fn can_be_discarded(&self) -> bool {
        self.known.can_be_discarded()
    }

    fn is_done(&self) -> bool {
        self.known.state == ImportState::Done
    }

    fn is_gone(&self) -> bool {
        self.known.state == ImportState::Discarded
    }

    fn has_failed(&self) -> bool {
        self.known.state == ImportState::Failed
    }

    fn progress(&self) -> String {
        let row = &self.known.row;
        if self.known.state == ImportState::Applying && row.done >= row.total {
            return self.page.t("import-writing");
        }
        let (done, total) = (num(&self.page, self.known.row.done), num(&self.page, self.known.row.total));
        self.page.a2("import-progress", "done", done, "total", total)
    }

    /// Ids of what was made, as many as the page lists.
    fn made(&self) -> &[String] {
        &self.known.about.made[..self.known.about.made.len().min(SHOWN)]
    }
}

fn show_page(page: Page, known: Known, form: FormState, again: bool, status: StatusCode) -> Result<HttpResponse, Fault> {
    let (tone, state) = badge(&page, &known);
    let row = &known.row;
    let figure = |label: &str, n: i64| Fact::new(page.t(label), num(&page, n), "");
    let facts = vec![
        figure("import-fact-broadcasts", row.broadcasts),
        figure("fact-recipients", row.recipients),
        figure("import-fact-doubles", row.doubles),
        figure("import-fact-problems", row.problems),
    ];
    let chosen = |key: &str, word: &Option<String>| word.as_ref().map_or_else(|| page.t("import-auto"), |word| page.word(key, word));
    let mut read = vec![
        Fact::new(page.t("import-kind"), page.word("import-kind", known.kind), ""),
        Fact::new(page.t("import-size"), bytes(u64::try_from(row.size).unwrap_or_default()), ""),
        Fact::new(page.t("field-import-encoding"), chosen("import-encoding", &row.encoding), ""),
        Fact::new(page.t("field-import-separator"), chosen("import-separator", &row.separator), ""),
    ];
    if !known.about.ignored.is_empty() {
        read.push(Fact::new(page.t("import-ignored"), page.list(&known.about.ignored), ""));
    }
    let wrong = |problem: &imports::Problem| Wrong {
        line: if problem.line == 0 { String::new() } else { page.num(problem.line as u64) },
        column: files::column(&page.tr, problem),
        value: problem.value.clone(),
        wrong: files::wrong(&page.tr, problem),
        right: files::right(&page.tr, problem),
    };
    let wrong = known.about.problems.iter().take(SHOWN).map(wrong).collect();
    let show = Show {
        crumbs: crumbs(&page, "import-one"),
        at: page.time_noted(Instant(row.created_at)),
        encodings: encodings(&page),
        separators: separators(&page),
        form,
        facts,
        read,
        wrong,
        tone,
        state,
        again,
        known,
        page,
    };
    let works = show.works();
    let mut res = html(status, show)?;
    if works {
        res.headers_mut().insert(header::REFRESH, header::HeaderValue::from(AGAIN));
    }
    Ok(res)
}

/// The form with how the table is read now.
fn filled(form: FormState, known: &Known) -> FormState {
    let word = |word: &Option<String>| word.clone().unwrap_or_default();
    form.with("encoding", word(&known.row.encoding)).with("separator", word(&known.row.separator))
}

/// `GET /broadcasts/imports/{id}`
pub async fn show(app: Data<App>, me: SignedIn, page: Page, req: HttpRequest, id: Path<String>) -> Result<HttpResponse, Fault> {
    let known = imports::show(&app, &me.caller, &id).await?;
    let form = filled(FormState::new("import"), &known);
    show_page(page, known, form, asked(&req, "again").is_some(), StatusCode::OK)
}

/// `GET /broadcasts/imports/{id}/report`
pub async fn report(app: Data<App>, me: SignedIn, page: Page, id: Path<String>) -> Result<HttpResponse, Fault> {
    Ok(csv("import-report", files::report(&app, &me.caller, &page.tr, &id).await?))
}

/// What a form on the page of an import came to: back to the page, or the page with what is wrong.
async fn answered(app: &App, me: &SignedIn, page: Page, id: &str, made: crate::app::AppResult<String>, said: &str) -> Result<HttpResponse, Fault> {
    match made {
        Ok(location) => {
            me.flash(Tone::Ok, page.t(said)).await;
            Ok(see_other(location))
        }
        Err(error) => {
            // What no form can show goes on as it is: whoever may not see the import leaves one refusal, not two.
            let mut form = FormState::new("import");
            form.refuse_all(error)?;
            let known = imports::show(app, &me.caller, id).await?;
            let form = filled(form, &known);
            let status = form.status();
            show_page(page.at(format!("{HERE}/{id}")), known, form, false, status)
        }
    }
}

/// `POST /broadcasts/imports/{id}/checks`: read otherwise.
pub async fn check(app: Data<App>, me: SignedIn, page: Page, req: HttpRequest, id: Path<String>, posted: Posted) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    let how = how(&posted);
    let done = async |_| Ok(format!("{HERE}/{}", imports::look_again(&app, &me.caller, &id, how).await?.value));
    let made = once::form(&app, &me, &req, &posted, done).await?;
    answered(&app, &me, page, &id, made, "import-rechecking").await
}

/// `POST /broadcasts/imports/{id}/confirmations`
pub async fn confirm(app: Data<App>, me: SignedIn, page: Page, req: HttpRequest, id: Path<String>, posted: Posted) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    let done = async |_| Ok(format!("{HERE}/{}", imports::confirm(&app, &me.caller, &id).await?.value));
    let made = once::form(&app, &me, &req, &posted, done).await?;
    answered(&app, &me, page, &id, made, "import-confirmed").await
}

/// `POST /broadcasts/imports/{id}/removals`
pub async fn discard(app: Data<App>, me: SignedIn, page: Page, req: HttpRequest, id: Path<String>, posted: Posted) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    let done = async |_| Ok(format!("{HERE}/{}", imports::discard(&app, &me.caller, &id).await?.value));
    let made = once::form(&app, &me, &req, &posted, done).await?;
    answered(&app, &me, page, &id, made, "import-discarded").await
}
