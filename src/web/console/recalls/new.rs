//! `GET /recalls/new?broadcast=…` the request with its verdict; `POST /recalls` first shows the check page, then submits.

use std::collections::BTreeMap;

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Query},
};
use askama::Template;

use super::{build, classes, correction, typed};
use crate::{
    app::{
        App, AppError, policies,
        recalls::{
            check::{self, Checked},
            correct,
            submit::{self, Request},
        },
    },
    domain::{
        platform::{HarmClass, RecallPath},
        recall::request::Obstacle,
        windows::Window,
    },
    id::RecallId,
    web::{
        Fault, FormState, Page, Posted, SignedIn,
        console::broadcasts::corrected,
        html, once,
        page::{Html, escape},
        see_other,
        view::{Choice, Crumb, Fact},
    },
};

/// One level in the table of last useful moments.
pub struct Moment {
    pub title: String,
    pub who: String,
    pub at: Html,
    pub due: Html,
}

#[derive(Template)]
#[template(path = "recalls/new.html")]
struct New {
    page: Page,
    crumbs: Vec<Crumb>,
    form: FormState,
    classes: Vec<Choice>,
    broadcast: String,
    title: String,
    byline: Html,
    feasible: bool,
    /// Whether a corrected message can be asked for with the recall.
    may_correct: bool,
    verdict: String,
    verdict_help: String,
    obstacles: Vec<String>,
    moments: Vec<Moment>,
    rules: Vec<Fact>,
    residue: Vec<String>,
    left: Option<Html>,
    cut_off: Option<Html>,
    open_case: Option<(String, String)>,
    /// The check page: what will be submitted, with the only button that submits.
    checking: Option<Vec<Fact>>,
}

/// The empty request.
pub async fn new(app: Data<App>, me: SignedIn, page: Page, query: Query<BTreeMap<String, String>>) -> Result<HttpResponse, Fault> {
    let broadcast = query.get("broadcast").cloned().unwrap_or_default();
    let form = FormState::new("recall").with("broadcast", &broadcast).with("tell_readers", "1");
    show(&app, &me, page, form, false, StatusCode::OK).await
}

/// The request: `step=submit` submits it, anything else shows the check page.
pub async fn create(app: Data<App>, me: SignedIn, page: Page, req: HttpRequest, posted: Posted) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    let mut form = FormState::from_posted("recall", &posted);
    let page =
        page.at(format!("/recalls/new?broadcast={}", url::form_urlencoded::byte_serialize(posted.get("broadcast").as_bytes()).collect::<String>()));
    let request = Request {
        broadcast: posted.get("broadcast").to_owned(),
        category: posted.get("category").to_owned(),
        reason: typed(&posted, "reason"),
        basis: typed(&posted, "basis"),
        tell_readers: posted.flag("tell_readers"),
        correction: correction(&posted),
    };
    if posted.get("step") == "submit" {
        let make = |id: String| async {
            let done = submit::submit(&app, &me.caller, request, Some(RecallId(id))).await?;
            Ok(format!("/recalls/{}", done.value.id))
        };
        match once::form(&app, &me, &req, &posted, make).await? {
            Ok(location) => return Ok(see_other(location)),
            Err(error) => {
                let status = if matches!(error, AppError::Invalid(_)) { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::CONFLICT };
                form.refuse_all(error)?;
                return show(&app, &me, page, form, false, status).await;
            }
        }
    }
    match submit::check_text(&app, &me.caller, &request).await {
        Ok(()) if posted.get("step") != "change" => show(&app, &me, page, form, true, StatusCode::OK).await,
        Ok(()) => show(&app, &me, page, form, false, StatusCode::OK).await,
        Err(error) => {
            form.refuse_all(error)?;
            let status = form.status();
            show(&app, &me, page, form, false, status).await
        }
    }
}

async fn show(app: &App, me: &SignedIn, page: Page, mut form: FormState, checking: bool, status: StatusCode) -> Result<HttpResponse, Fault> {
    let class = HarmClass::parse(form.value("category")).unwrap_or(HarmClass::Leak);
    let checked = check::check(app, &me.caller, form.value("broadcast"), class).await?;
    // What was typed is not lost where it cannot be sent: it is said at its field.
    let may_correct = !form.value("correction.text").is_empty() || correct::possible(app, &me.caller, &checked.broadcast).await?;
    if form.value("correction.title").is_empty() && form.value("correction.text").is_empty() {
        form = form.with("correction.title", corrected(&checked.title));
    }
    let verdict = &checked.verdict;
    let obstacles = verdict.obstacles.iter().map(|o| obstacle(&page, o)).collect();
    let no_limit = || Html::trusted(escape(&page.t("recall-no-limit")));
    let moments = (1..=3_usize)
        .map(|n| Moment {
            title: page.t(&format!("level-{n}")),
            who: build::deciding(&page, checked.names.get(n - 1).map_or(&[], Vec::as_slice)),
            at: verdict.last_useful.get(n - 1).copied().flatten().map_or_else(no_limit, |at| page.time(at)),
            due: verdict.due.get(n - 1).map_or_else(no_limit, |at| page.time(*at)),
        })
        .collect();
    // What stands against a second case is not the platform.
    let told = if checked.open_case.is_some() { "verdict-open".to_owned() } else { format!("verdict-{}", verdict.path) };
    let title = checked.title.clone();
    let page_struct = New {
        crumbs: vec![
            Crumb::link("/broadcasts", page.t("nav-broadcasts")),
            Crumb::link(format!("/broadcasts/{}", checked.broadcast.id), title.clone()),
            Crumb::here(page.t("recall-new")),
        ],
        classes: classes(&page.tr, &checked.broadcast.policy.policy),
        broadcast: checked.broadcast.id.clone(),
        byline: byline(&page, &checked),
        feasible: verdict.feasible() && checked.open_case.is_none(),
        verdict: page.t(&told),
        verdict_help: page.t(&format!("{told}-help")),
        may_correct,
        obstacles,
        moments,
        rules: rules(&page, &checked),
        residue: checked.broadcast.capabilities.residue.iter().map(|key| page.t(key)).collect(),
        left: verdict.cut_off.filter(|_| verdict.path != RecallPath::None).map(|at| page.countdown(at)),
        cut_off: verdict.cut_off.map(|at| page.time(at)),
        open_case: checked.open_case.clone(),
        checking: checking.then(|| facts(&page, &form, &checked, may_correct)),
        title,
        form,
        page,
    };
    html(status, page_struct)
}

fn byline(page: &Page, checked: &Checked) -> Html {
    let through = escape(&page.a1("recall-sent-through", "channel", &checked.broadcast.channel));
    let at = checked.broadcast.sent_at.map_or_else(String::new, |at| page.time_noted(at).to_string());
    Html::trusted(format!("{through} {at}"))
}

pub(in crate::web::console) fn obstacle(page: &Page, obstacle: &Obstacle) -> String {
    match obstacle {
        Obstacle::NotSent => page.t("obstacle-not-sent"),
        Obstacle::WindowClosed(at) => page.a1("obstacle-window-closed", "at", page.tr.time(*at)),
        Obstacle::NobodyEligible(level) => page.a1("obstacle-nobody", "level", page.t(&format!("level-{level}"))),
        Obstacle::TooFewPeople => page.t("obstacle-too-few"),
    }
}

fn rules(page: &Page, checked: &Checked) -> Vec<Fact> {
    let limit = |seconds: Option<u64>| seconds.map_or_else(|| page.t("recall-no-limit"), |s| page.duration(std::time::Duration::from_secs(s)));
    let adopted = policies::adopted(&checked.broadcast);
    let graded = |w: &Window| page.a2("policy-graded", "window", limit(w.limit()), "grade", page.word("grade", w.field.grade));
    let reading = if checked.broadcast.capabilities.reading_state { "recall-reading-told" } else { "recall-reading-untold" };
    vec![
        Fact::new(page.t("recall-rule-window"), limit(checked.broadcast.window_seconds()), page.t("catalogue-stricter")),
        Fact::new(page.t("policy-possible"), limit(checked.broadcast.possible_seconds()), ""),
        Fact::new(
            page.t("policy-allowed"),
            page.a1("policy-version", "n", checked.broadcast.policy.number),
            page.list(&adopted.iter().map(graded).collect::<Vec<_>>()),
        ),
        Fact::new(page.t("recall-rule-clock"), page.t("recall-clock-server"), ""),
        Fact::new(page.t("recall-rule-reading"), page.t(reading), ""),
        Fact::new(page.t("recall-recipients"), page.num(checked.broadcast.recipients.count), ""),
    ]
}

fn facts(page: &Page, form: &FormState, checked: &Checked, may_correct: bool) -> Vec<Fact> {
    let told = if form.is("tell_readers", "1") { "recall-readers-told" } else { "recall-readers-not-told" };
    let basis = if form.value("basis").trim().is_empty() { page.t("recall-none-given") } else { form.value("basis").to_owned() };
    let mut facts = vec![
        Fact::new(page.t("recall-message"), checked.title.clone(), ""),
        Fact::new(page.t("recall-recipients"), page.n("people-count", checked.broadcast.recipients.count), ""),
        Fact::new(
            page.t("field-recall-category"),
            HarmClass::parse(form.value("category")).map_or_else(String::new, |c| page.word("harm-class", c)),
            "",
        ),
        Fact::new(page.t("field-recall-reason"), form.value("reason").to_owned(), ""),
        Fact::new(page.t("field-recall-basis"), basis, ""),
        Fact::new(page.t("recall-readers"), page.t(told), ""),
        Fact::new(page.t("recall-path"), page.word("recall-path", checked.verdict.path), ""),
    ];
    if !form.value("correction.text").trim().is_empty() {
        facts.push(Fact::new(page.t("correction-title"), form.value("correction.title").to_owned(), form.value("correction.text").to_owned()));
    } else if may_correct {
        facts.push(Fact::new(page.t("correction-title"), page.t("correction-none"), ""));
    }
    facts
}
