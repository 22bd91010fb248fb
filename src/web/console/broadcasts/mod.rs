//! `/broadcasts`: the list ([`list`]), sending with a check page, one broadcast with its recipients, its files.

pub mod list;

use std::collections::BTreeMap;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, Path, Query},
};
use askama::Template;
use serde::Deserialize;

use crate::{
    app::{
        App, AppError, AppResult, Turn,
        broadcasts::{
            self, NoRecall, Wanted, report,
            send::{self, NewBroadcast, Preview},
            view::{self, Detail},
        },
        connections, remediations, self_recalls,
    },
    domain::platform::RecallPath,
    i18n::Tr,
    id::BroadcastId,
    web::{
        Fault, FormState, Html, Page, Posted, SignedIn, Tone, html, ok, once, see_other,
        view::{Choice, Crumb, Fact},
    },
};

/// The one badge of a broadcast: its newest case's state, else its own.
pub(super) fn badge(tr: &Tr, state: &str, case: Option<&str>) -> (Tone, String) {
    match case {
        Some(case) => {
            let tone = match case {
                "recalled" | "recall_accepted" => Tone::Ok,
                "partly_recalled" | "returned" => Tone::Warn,
                "failed" | "rejected" => Tone::Bad,
                "withdrawn" | "expired" | "superseded" => Tone::Mute,
                _ => Tone::Info,
            };
            (tone, tr.word("recall-state", case))
        }
        None => {
            let tone = match state {
                "sending" => Tone::Info,
                "partly_sent" => Tone::Warn,
                "failed" => Tone::Bad,
                _ => Tone::Mute,
            };
            (tone, tr.word("broadcast-state", state))
        }
    }
}

/// What stands for a title that is not shown.
pub(super) fn untitled(page: &Page, broadcast: &broadcasts::Broadcast) -> String {
    page.t(if broadcast.row.erased_at.is_some() { "contents-erased" } else { "broadcast-hidden-title" })
}

/// What is left of the window; words where there is none.
pub(super) fn left(page: &Page, broadcast: &broadcasts::Broadcast) -> Html {
    match (broadcast.state.as_str(), broadcast.window_end()) {
        ("failed", _) => Html::trusted(super::super::page::escape(&page.t("broadcast-never-sent"))),
        (_, Some(end)) => page.countdown(end),
        ("sending", None) => Html::trusted(super::super::page::escape(&page.t("broadcast-not-yet"))),
        _ => Html::trusted(super::super::page::escape(&page.t("broadcast-no-limit"))),
    }
}

fn turn(down: &str, up: &str) -> Turn {
    let given = |key: &str| (!key.is_empty()).then(|| key.to_owned());
    Turn::of(given(down), given(up))
}

#[derive(Template)]
#[template(path = "broadcasts/new.html")]
struct New {
    page: Page,
    form: FormState,
    crumbs: Vec<Crumb>,
    connections: Vec<Choice>,
    audiences: Vec<Choice>,
}

#[derive(Template)]
#[template(path = "broadcasts/check.html")]
struct Check {
    page: Page,
    crumbs: Vec<Crumb>,
    preview: Preview,
    /// Everything that was typed, to be posted again.
    typed: Vec<(String, String)>,
}

impl Check {
    fn audience(&self) -> String {
        let a = &self.preview.audience;
        if a.all {
            return self.page.t("audience-all");
        }
        let named = |key: &str, ids: &[String]| (!ids.is_empty()).then(|| self.page.pair(&self.page.t(key), &self.page.list(ids)));
        let parts = [named("field-broadcast-users", &a.users), named("field-broadcast-parties", &a.parties), named("field-broadcast-tags", &a.tags)];
        parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
    }
}

/// What the title of a correction begins with (the catalogue, timeliness).
const CORRECTION: &str = "【更正】";
/// Characters of a title at most, as the form has it.
const TITLE: usize = 120;

/// The title of a correction of the message called so.
pub(super) fn corrected(title: &str) -> String {
    CORRECTION.chars().chain(title.trim_start_matches(CORRECTION).chars()).take(TITLE).collect()
}

fn crumbs(page: &Page, here: &str) -> Vec<Crumb> {
    vec![Crumb::link("/broadcasts", page.t("nav-broadcasts")), Crumb::here(page.t(here))]
}

async fn new_page(app: &App, who: &SignedIn, page: Page, form: FormState, status: StatusCode) -> Result<HttpResponse, Fault> {
    let usable = connections::choices(app, &who.caller).await?;
    let connections = usable.iter().filter(|c| c.capabilities.send).map(|c| Choice::new(&c.id, &c.name)).collect();
    let audiences = ["some", "all"].map(|a| Choice::new(a, page.t(&format!("audience-{a}"))).hint(page.t(&format!("audience-{a}-hint")))).into();
    html(status, New { crumbs: crumbs(&page, "broadcast-new"), page, form, connections, audiences })
}

/// `GET /broadcasts/new`; with `corrects=<case>` for the correction of what that case is about: its title begins with the mark that every
/// reader knows (【更正】), in either language.
pub async fn new(app: Data<App>, who: SignedIn, page: Page, query: Query<BTreeMap<String, String>>) -> Result<HttpResponse, Fault> {
    let mut form = FormState::new("broadcast");
    if let Some(case) = query.get("corrects").filter(|case| !case.is_empty() && !case.contains('\0')) {
        let (connection, title) = remediations::corrected(&app, &who.caller, case).await?.unwrap_or_default();
        form = form.with("connection", connection).with("title", corrected(&title));
    }
    new_page(&app, &who, page, form, StatusCode::OK).await
}

/// `POST /broadcasts`: `step` is `check` (shows what would happen), `edit` (back to the form) or `send`.
pub async fn create(app: Data<App>, who: SignedIn, page: Page, req: HttpRequest, posted: Posted) -> Result<HttpResponse, Fault> {
    let page = page.at("/broadcasts/new");
    let mut form = FormState::from_posted("broadcast", &posted);
    let all = posted.get("audience") == "all";
    let ids = |field: &str| if all { Vec::new() } else { Wanted::split(posted.get(field)) };
    let new = NewBroadcast {
        connection: posted.get("connection").to_owned(),
        audience: Wanted { all, users: ids("users"), parties: ids("parties"), tags: ids("tags") },
        title: posted.get("title").to_owned(),
        text: posted.get("text").to_owned(),
        sender: String::new(),
    };
    if !form.ok() {
        once::turned_away(&req, "invalid");
        return new_page(&app, &who, page, form, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    let result = match posted.get("step") {
        "send" => {
            let (app, caller) = (app.clone(), who.caller.clone());
            let made = once::form(&app, &who, &req, &posted, async |id| {
                let done = send::send(&app, &caller, new, Some(BroadcastId(id))).await?;
                Ok(format!("/broadcasts/{}", done.value))
            })
            .await?;
            match made {
                Ok(location) => {
                    who.flash(Tone::Ok, page.t("broadcast-submitted")).await;
                    return Ok(see_other(location));
                }
                Err(error) => Err(error),
            }
        }
        "edit" => {
            once::passed(&req, "edited");
            return new_page(&app, &who, page, form, StatusCode::OK).await;
        }
        _ => send::preview(&app, &who.caller, &new).await,
    };
    match result {
        Ok(preview) => {
            let fields = ["connection", "audience", "users", "parties", "tags", "title", "text"];
            let typed = fields.iter().map(|f| ((*f).to_owned(), posted.get(f).to_owned())).collect();
            ok(Check { crumbs: crumbs(&page, "broadcast-check"), page, preview, typed })
        }
        Err(error) => {
            form.refuse_all(error)?;
            let status = form.status();
            new_page(&app, &who, page, form, status).await
        }
    }
}

#[derive(Template)]
#[template(path = "broadcasts/show.html")]
struct Show {
    page: Page,
    crumbs: Vec<Crumb>,
    detail: Detail,
    /// Absent for who may not read contents.
    text: Option<String>,
    /// They may read it, but that cannot be recorded now.
    unrecorded: bool,
    /// For whom it is masked and who may open it once.
    unmask: Option<FormState>,
    /// The audience in the reporter's words.
    words: String,
    facts: Vec<Fact>,
    path: Result<RecallPath, NoRecall>,
    left: Html,
    previous: Option<String>,
    next: Option<String>,
    /// What was filed of it: address, number, tone and words of the state.
    filings: Vec<(String, String, Tone, String)>,
}

impl Show {
    /// Whether this person can file that they took it back by themselves.
    fn may_file(&self) -> bool {
        self.page.can("broadcast.send") && !self.is_erased() && matches!(self.path, Ok(_) | Err(NoRecall::WindowClosed))
    }

    fn badge(&self) -> (Tone, String) {
        badge(&self.page.tr, &self.detail.broadcast.state, self.detail.cases.first().map(|c| c.2.as_str()))
    }

    fn title(&self) -> String {
        self.detail.title.clone().unwrap_or_else(|| untitled(&self.page, &self.detail.broadcast))
    }

    fn is_erased(&self) -> bool {
        self.detail.broadcast.row.erased_at.is_some()
    }

    fn commitment(&self) -> String {
        hex::encode(self.detail.broadcast.commitment)
    }

    fn root(&self) -> String {
        hex::encode(self.detail.broadcast.recipients.root)
    }

    /// A recipient's name: groups in words.
    fn who(&self, id: &str) -> String {
        match id.split_once(':') {
            _ if id == "@all" => self.page.t("audience-all"),
            Some(("party", party)) => self.page.a1("recipient-party", "id", party),
            Some(("tag", tag)) => self.page.a1("recipient-tag", "id", tag),
            _ => id.to_owned(),
        }
    }

    fn may_ask(&self) -> bool {
        self.page.can("recall.request")
    }

    fn tone(&self, delivery: &str) -> Tone {
        match delivery {
            "accepted" => Tone::Ok,
            "refused" => Tone::Bad,
            "unknown" => Tone::Warn,
            _ => Tone::Mute,
        }
    }

    fn at(&self, micros: &i64) -> Html {
        self.page.time_full(crate::clock::Instant(*micros))
    }

    fn sha(&self, bytes: &[u8]) -> String {
        hex::encode(bytes)
    }

    fn size(&self, bytes: &i64) -> String {
        crate::i18n::bytes(u64::try_from(*bytes).unwrap_or_default())
    }
}

/// Beside which recipient the page of them lies.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Beside {
    before: String,
    after: String,
}

pub async fn show(app: Data<App>, who: SignedIn, page: Page, id: Path<String>, query: Query<Beside>) -> Result<HttpResponse, Fault> {
    ok(show_of(&app, &who, page, &id, &query, Unmasking::Masked(FormState::new("unmasking"))).await?)
}

/// Whether what is masked was opened.
enum Unmasking {
    /// The form that asks for it, if it may be.
    Masked(FormState),
    /// Title and text.
    Opened(String, String),
}

/// `POST /broadcasts/{id}/unmaskings`: the answer shows the message, once.
pub async fn unmask(app: Data<App>, who: SignedIn, page: Page, posted: Posted, id: Path<String>) -> Result<HttpResponse, Fault> {
    let who = who.with(&posted);
    let (opened, status) = match broadcasts::unmask(&app, &who.caller, &id, posted.get("reason"), posted.get("totp")).await {
        Ok(said) => (Unmasking::Opened(said.title, report::visible(&said.text)), StatusCode::OK),
        Err(error) => {
            let mut form = FormState::from_posted("unmasking", &posted);
            form.refuse_all(error)?;
            let status = form.status();
            (Unmasking::Masked(form), status)
        }
    };
    html(status, show_of(&app, &who, page.at(format!("/broadcasts/{id}")), &id, &Beside::default(), opened).await?)
}

async fn show_of(app: &App, who: &SignedIn, page: Page, id: &str, query: &Beside, unmasking: Unmasking) -> Result<Show, Fault> {
    let mut detail = view::detail(app, &who.caller, id, turn(&query.after, &query.before)).await?;
    let reads = who.caller.may(crate::domain::role::Permission::ContentRead);
    let (mut text, mut words, mut unrecorded) = (None, String::new(), false);
    if reads && detail.broadcast.row.erased_at.is_none() {
        match broadcasts::content(app, &who.caller, id, None).await {
            Ok(said) => {
                text = Some(report::visible(&said.text));
                words = view::audience_words(app, &who.caller, &detail.broadcast)?.words;
            }
            Err(AppError::Store(e)) if e.passes() => unrecorded = true,
            Err(e) => return Err(e.into()),
        }
    }
    let mut unmask = None;
    match unmasking {
        Unmasking::Opened(title, said) => (detail.title, text) = (Some(title), Some(said)),
        Unmasking::Masked(form) => unmask = (page.can("content.unmask") && !reads && detail.broadcast.row.erased_at.is_none()).then_some(form),
    }
    let facts = facts(&page, &detail);
    let beside = |name: &str, key: &String| {
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair(name, key).finish();
        format!("/broadcasts/{id}?{query}#h-people")
    };
    let title = detail.title.clone().unwrap_or_else(|| untitled(&page, &detail.broadcast));
    let filed = self_recalls::of_broadcast(app, &who.caller, &detail.broadcast.row).await?;
    let filing = |(id, number, state): (String, String, _)| {
        let (tone, state) = super::self_recalls::badge(&page, state);
        (format!("/self-recalls/{id}"), number, tone, state)
    };
    Ok(Show {
        unmask,
        filings: filed.into_iter().map(filing).collect(),
        crumbs: vec![Crumb::link("/broadcasts", page.t("nav-broadcasts")), Crumb::here(title)],
        path: detail.may_recall(page.now),
        left: left(&page, &detail.broadcast),
        page,
        text,
        unrecorded,
        words,
        facts,
        previous: detail.above.as_ref().map(|key| beside("before", key)),
        next: detail.below.as_ref().map(|key| beside("after", key)),
        detail,
    })
}

fn facts(page: &Page, detail: &Detail) -> Vec<Fact> {
    let counts = detail.counts;
    let reported = detail.broadcast.origin == "reported";
    let delivered = match reported {
        true => Fact::new(page.t("fact-reported"), page.num(counts.reported), ""),
        false => Fact::new(
            page.t("fact-accepted"),
            page.num(counts.accepted),
            if counts.reported > 0 { page.n("fact-told", counts.reported) } else { String::new() },
        ),
    };
    let reading = match detail.broadcast.capabilities.reading_state && !reported {
        true => page.num(counts.read),
        false => page.t("reading-not-provided"),
    };
    vec![
        Fact::new(page.t("fact-recipients"), page.num(detail.broadcast.recipients.count), ""),
        delivered,
        Fact::new(
            page.t("fact-refused"),
            page.num(counts.refused),
            if counts.unknown > 0 { page.n("fact-unknown", counts.unknown) } else { String::new() },
        ),
        Fact::new(page.t("fact-read"), reading, ""),
    ]
}

/// A file, only ever as a download: it is somebody else's and is never interpreted here.
pub async fn file(app: Data<App>, who: SignedIn, path: Path<(String, String)>) -> Result<HttpResponse, Fault> {
    let (id, attachment) = path.into_inner();
    let (name, media_type, bytes) = broadcasts::file(&app, &who.caller, &id, &attachment).await?;
    let name: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect::<String>().replace('+', "%20");
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, media_type))
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename*=UTF-8''{name}")))
        .body(bytes))
}

/// For pages of other nouns: connections to choose from, with an empty first line of their own.
pub(super) async fn choices(app: &App, who: &SignedIn) -> AppResult<Vec<Choice>> {
    Ok(connections::choices(app, &who.caller).await?.iter().map(|c| Choice::new(&c.id, &c.name)).collect())
}
