//! `/streams`: the audit trail to other systems, for the audit administrator. Secrets are shown once, when they are made.

mod act;
mod show;

pub use self::{
    act::{pause, remove, resume, rewind, rotate, test},
    show::{change, show},
};

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use askama::Template;

use crate::{
    app::{
        App, step_up,
        streams::{
            self, Stream,
            change::{self as changing, Typed},
        },
    },
    domain::{
        event::Outcome,
        stream::{Field, Format, StreamKind},
    },
    web::{
        Fault, FormState, Page, Posted, SignedIn, Tone, html, ok, once,
        page::Html,
        see_other,
        view::{Choice, Crumb},
    },
};

/// A stream in the list.
struct Row {
    id: String,
    name: String,
    kind: String,
    state: String,
    tone: Tone,
    destination: String,
    lag: String,
    delivered: Option<Html>,
    problem: String,
}

#[derive(Template)]
#[template(path = "streams/index.html")]
struct Index {
    page: Page,
    rows: Vec<Row>,
}

fn tone(stream: &Stream) -> Tone {
    match stream.state() {
        "stuck" | "broken" => Tone::Bad,
        "failing" => Tone::Warn,
        "paused" => Tone::Mute,
        _ => Tone::Ok,
    }
}

/// What is wrong in words; what exactly behind it.
fn problem(page: &Page, (word, what): &(String, String)) -> String {
    let words = page.word("stream-problem", word);
    if what.is_empty() { words } else { page.tr.pair(&words, what) }
}

fn lag(page: &Page, stream: &Stream) -> String {
    if stream.lag == 0 { page.t("stream-lag-none") } else { page.n("stream-lag-events", stream.lag) }
}

/// `GET /streams`
pub async fn index(app: Data<App>, me: SignedIn, page: Page) -> Result<HttpResponse, Fault> {
    let all = streams::list(&app, &me.caller).await?;
    let row = |s: &Stream| Row {
        id: s.id.clone(),
        name: s.name.clone(),
        kind: page.word("stream-kind", s.kind),
        state: page.word("stream-state", s.state()),
        tone: tone(s),
        destination: s.settings.destination.clone(),
        lag: lag(&page, s),
        delivered: s.delivered_at.map(|at| page.time(at)),
        problem: s.problem.as_ref().map(|p| problem(&page, p)).unwrap_or_default(),
    };
    ok(Index { rows: all.iter().map(row).collect(), page })
}

/// The choices that every form of a stream offers.
struct Choices {
    formats: Vec<Choice>,
    outcomes: Vec<Choice>,
    fields: Vec<Choice>,
}

fn choices(page: &Page) -> Choices {
    let hinted = |prefix: &str, word: &str| Choice::new(word, page.word(prefix, word)).hint(page.t(&format!("{prefix}-{word}-hint")));
    Choices {
        formats: Format::ALL.iter().map(|f| hinted("stream-format", f.as_str())).collect(),
        outcomes: Outcome::ALL.iter().map(|o| Choice::new(o.as_str(), page.word("outcome", o))).collect(),
        fields: Field::ALL.iter().map(|f| Choice::new(f.as_str(), page.word("stream-field", f))).collect(),
    }
}

#[derive(Template)]
#[template(path = "streams/new.html")]
struct New {
    page: Page,
    crumbs: Vec<Crumb>,
    form: FormState,
    kinds: Vec<Choice>,
    starts: Vec<Choice>,
    formats: Vec<Choice>,
    outcomes: Vec<Choice>,
    fields: Vec<Choice>,
}

fn new_of(page: Page, form: FormState) -> New {
    let Choices { formats, outcomes, fields } = choices(&page);
    let kind = |k: &StreamKind| Choice::new(k.as_str(), page.word("stream-kind", k)).hint(page.t(&format!("stream-kind-{k}-hint")));
    New {
        crumbs: vec![Crumb::link("/streams", page.t("nav-streams")), Crumb::here(page.t("stream-new"))],
        kinds: StreamKind::ALL.iter().map(kind).collect(),
        starts: vec![Choice::new("now", page.t("stream-from-now")), Choice::new("first", page.t("stream-from-start"))],
        formats,
        outcomes,
        fields,
        page: page.at("/streams/new"),
        form,
    }
}

/// `GET /streams/new`
pub async fn new(app: Data<App>, me: SignedIn, page: Page) -> Result<HttpResponse, Fault> {
    // Who may not make streams learns it here and not after typing.
    streams::may_manage(&app, &me.caller).await?;
    let form = FormState::new("stream").with("format", Format::Ocsf.as_str()).with("start", "now");
    ok(new_of(page, form))
}

fn typed(posted: &Posted) -> Typed {
    let text = |field: &str| posted.get(field).to_owned();
    Typed {
        name: text("name"),
        kind: text("kind"),
        destination: text("destination"),
        format: text("format"),
        actions: text("actions"),
        outcomes: posted.all("outcomes").to_vec(),
        cases: text("cases"),
        leave_out: posted.all("leave_out").to_vec(),
        ca: text("ca"),
        certificate: text("certificate"),
        client_key: text("client_key_secret"),
        secret: text("secret"),
        from_start: posted.get("start") == "first",
        code: text(step_up::FIELD),
    }
}

/// A webhook's secret, the one time that it is shown.
#[derive(Template)]
#[template(path = "streams/secret.html")]
struct SecretMade {
    page: Page,
    crumbs: Vec<Crumb>,
    id: String,
    name: String,
    secret: String,
}

fn secret_made(page: Page, id: &str, name: &str, secret: String) -> Result<HttpResponse, Fault> {
    let crumbs = vec![Crumb::link("/streams", page.t("nav-streams")), Crumb::here(page.t("stream-secret-made"))];
    html(StatusCode::CREATED, SecretMade { page: page.at(format!("/streams/{id}")), crumbs, id: id.to_owned(), name: name.to_owned(), secret })
}

/// `POST /streams`: where a secret was made, the answer shows it, once.
pub async fn create(app: Data<App>, me: SignedIn, page: Page, req: HttpRequest, posted: Posted) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    let mut form = FormState::from_posted("stream", &posted);
    if !form.ok() {
        once::turned_away(&req, "invalid");
        return html(StatusCode::UNPROCESSABLE_ENTITY, new_of(page, form));
    }
    let (app_, caller, typed) = (app.clone(), me.caller.clone(), typed(&posted));
    let mut shown = None;
    let made = once::form(&app, &me, &req, &posted, async |_| {
        let made = changing::create(&app_, &caller, typed).await?.value;
        shown = made.secret.map(|secret| (made.id.clone(), secret));
        Ok(format!("/streams/{}", made.id))
    })
    .await?;
    match (made, shown) {
        (Ok(_), Some((id, secret))) => secret_made(page, &id, posted.get("name"), secret),
        (Ok(location), None) => {
            let chosen = posted.get("kind") != StreamKind::Webhook.as_str() || !posted.get("secret").trim().is_empty();
            // A second click, whose first answer with the secret nobody saw.
            let (tone, word) = if chosen { (Tone::Ok, "stream-made") } else { (Tone::Warn, "stream-secret-unseen") };
            me.flash(tone, page.t(word)).await;
            Ok(see_other(location))
        }
        (Err(error), _) => {
            form.refuse_all(error)?;
            let status = form.status();
            html(status, new_of(page, form))
        }
    }
}
