//! `GET /`: what waits for this person first, then what is going on; as much of it as they may see. `GET /settings`: the installation.

use actix_web::{HttpResponse, web::Data};
use askama::Template;

use super::{
    audit::Stand,
    broadcasts,
    overview::{self, Charts, Figure},
    recalls::{
        approvals::{self, Item},
        index::Row,
    },
};
use crate::{
    app::{
        self, App, Turn, audit,
        broadcasts::view::{self, Line, Wanted},
        clocks::standing::Against,
        errands,
        evidence::signing,
        first_steps::{self, Step},
        recalls::{
            list,
            queue::{self, Narrow},
        },
        status::{self, Status},
        streams::Stream,
        timestamps::overview::{Ends, OfLog},
        witness::Standing,
        work,
    },
    crypto::signature::Place,
    domain::role::Permission,
    web::{Fault, Html, Page, SignedIn, Tone, ok, page::NavLink, view::Fact},
};

/// Lines of each panel.
const SHORT: usize = 5;

#[derive(Template)]
#[template(path = "home/show.html")]
struct Home {
    page: Page,
    /// What the installation still needs, for who administers it.
    steps: Vec<FirstStep>,
    /// Who decides, operates or asks has a work list.
    works: bool,
    waiting: Vec<Item>,
    /// What waits beside cases: words and page.
    errands: Vec<(String, &'static str)>,
    /// How many wait, beyond those that are shown too.
    count: usize,
    /// Whether `cases` are this person's own that are under way; else they are the newest.
    mine: bool,
    cases: Vec<Row>,
    lines: Vec<Line>,
    links: Vec<NavLink>,
    charts: Option<Charts>,
    /// How the log stands, for who audits.
    log: Option<Stand>,
    /// What runs, for who administers or audits.
    state: Vec<Figure>,
}

/// One of the steps to a working installation.
struct FirstStep {
    done: bool,
    title: String,
    help: String,
    by: String,
    /// Where this person can do it; empty where it is somebody else's task.
    href: &'static str,
}

impl FirstStep {
    fn of(page: &Page, step: Step, done: bool) -> Self {
        let (permission, href) = match step {
            Step::Administrators => ("user.manage", "/users/invitations"),
            Step::Departments => ("user.manage", "/departments"),
            Step::Connection => ("connection.manage", "/connections/new"),
            Step::Requesters => ("user.manage", "/users/imports"),
            Step::Reviewers => ("role.manage", "/users"),
            Step::Backup => ("connection.manage", "/settings"),
        };
        Self {
            done,
            title: page.word("first-step", step),
            help: page.t(&format!("first-step-{step}-help")),
            by: page.word("role", step.by()),
            href: if page.can(permission) { href } else { "" },
        }
    }
}

impl Home {
    fn badge(&self, line: &Line) -> (Tone, String) {
        broadcasts::badge(&self.page.tr, &line.broadcast.state, line.case.as_ref().map(|c| c.2.as_str()))
    }

    fn untitled(&self, line: &Line) -> String {
        broadcasts::untitled(&self.page, &line.broadcast)
    }

    fn left(&self, line: &Line) -> Html {
        broadcasts::left(&self.page, &line.broadcast)
    }
}

pub async fn show(app: Data<App>, who: SignedIn, page: Page) -> Result<HttpResponse, Fault> {
    let caller = &who.caller;
    let works = [Permission::RecallRequest, Permission::RecallDecide, Permission::RecallExecute].iter().any(|p| caller.may(*p));
    let (mut waiting, mut count, mut cases, mut lines, mut charts) = (Vec::new(), 0, Vec::new(), Vec::new(), None);
    if works {
        let urgent = queue::page(&app, caller, Narrow::default(), Turn::First, SHORT).await?;
        count = urgent.all;
        waiting = approvals::items(&page, &urgent.lines);
    }
    let mine = caller.may(Permission::RecallRequest);
    if caller.may(Permission::RecallRead) {
        let wanted = match mine {
            true => list::Wanted { states: list::states_of("open"), requester: caller.user_id.clone(), ..list::Wanted::default() },
            false => list::Wanted::default(),
        };
        cases = list::list(&app, caller, wanted, Turn::First).await?.lines.iter().take(SHORT).map(|l| Row::of(&page, l)).collect();
        charts = Some(overview::charts(&page, &app::overview::overview(&app, caller).await?));
    }
    if caller.may(Permission::BroadcastRead) {
        lines = view::list(&app, caller, Wanted::default(), Turn::First).await?.lines;
        lines.truncate(SHORT);
    }
    let (log, mut state) = log_of(&app, &who, &page).await?;
    state.extend(installation(&app, &who, &page).await?);
    // Where nothing is going on for this person, the page says where to go.
    let links = if works || !lines.is_empty() || !cases.is_empty() { Vec::new() } else { page.nav().into_iter().filter(|l| l.href != "/").collect() };
    let steps = first_steps::of(&app, caller).await?.into_iter().map(|(step, done)| FirstStep::of(&page, step, done)).collect();
    let errands = errands::of(&app, caller).await?.into_iter().map(|(errand, n)| (page.n(&format!("errand-{errand}"), n), errand.href())).collect();
    ok(Home { page, steps, errands, works, waiting, count, mine, cases, lines, links, charts, log, state })
}

/// How the log stands, for who reads the trail.
async fn log_of(app: &App, who: &SignedIn, page: &Page) -> Result<(Option<Stand>, Vec<Figure>), Fault> {
    if !who.caller.may(Permission::AuditRead) {
        return Ok((None, Vec::new()));
    }
    let standing = audit::stands(app).await?;
    let figure = |key: &str, value: String, href: &str| Figure { label: page.t(key), value, note: String::new(), href: href.to_owned() };
    let mut facts =
        vec![figure("settings-log-size", page.num(standing.size), "/audit"), figure("home-last-event", page.tr.time(standing.at), "/audit")];
    if who.caller.may(Permission::AlertRead) {
        facts.push(figure("home-alerts", page.num(page.alerts), "/alerts"));
    }
    Ok((Some(Stand::of(page, standing)), facts))
}

/// What runs, for who administers: no contents, each with the page that tells more.
async fn installation(app: &App, who: &SignedIn, page: &Page) -> Result<Vec<Figure>, Fault> {
    if !who.caller.may(Permission::SystemRead) {
        return Ok(Vec::new());
    }
    let s: Status = status::status(app, &who.caller).await?;
    let figure = |key: &str, value: String, href: &str| Figure { label: page.t(key), value, note: String::new(), href: href.to_owned() };
    let mut facts = Vec::new();
    if !who.caller.may(Permission::AuditRead) {
        facts.push(figure("settings-log-size", page.num(s.log_size), "/settings"));
        facts.push(figure("home-alerts", page.num(page.alerts), "/alerts"));
    }
    facts.push(figure("settings-signed-size", page.num(s.signed_size), "/settings"));
    facts.push(figure("settings-pending", page.num(s.pending), "/settings"));
    if !s.witnesses.is_empty() {
        facts.push(figure("settings-witnesses", page.t(if s.cosigned { "settings-cosigned" } else { "settings-not-cosigned" }), "/settings"));
    }
    facts.push(figure("settings-jobs-failing", page.num(s.jobs_failing), "/settings"));
    let free = s.room.free.map_or_else(|| page.t("settings-disk-unknown"), crate::i18n::bytes);
    facts.push(figure("settings-disk-free", free, "/settings"));
    Ok(facts)
}

#[derive(Template)]
#[template(path = "settings/show.html")]
struct Settings {
    page: Page,
    installation: Vec<Fact>,
    log: Vec<Fact>,
    timestamps: Vec<Fact>,
    /// The certificate that signs evidence, or why nothing does.
    certificate: Vec<Fact>,
    /// The same of the signature by SM2; none where nobody wants it.
    certificate_sm2: Vec<Fact>,
    jobs: Vec<Fact>,
    room: Vec<Fact>,
    /// Each witness with how far it has come; none where nobody is asked.
    witnesses: Vec<Fact>,
    /// Whether enough of them cover what is signed.
    cosigned: bool,
    /// Each stream with its state and what waits; none where there are none.
    streams: Vec<Fact>,
    /// How our clock stands to each other one, or that nobody has said.
    clocks: Vec<Fact>,
    /// The last backup, and whether there was none for long.
    backup: Vec<Fact>,
    backup_overdue: bool,
    /// `full`, `low` or nothing: what must be seen about the disk.
    alarm: Option<&'static str>,
}

/// One line for each authority, or one that says that there is none; and how long the tokens last.
fn timestamps(page: &Page, authorities: &[OfLog], ends: &Ends) -> Vec<Fact> {
    let mut lines = of_authorities(page, authorities);
    if let Some(first) = ends.first {
        let trouble = ends.refusal.as_ref();
        let trouble = trouble.map(|(why, asked)| page.n_with("timestamps-refused", *asked, &[("reason", page.word("timestamp-refusal", why))]));
        lines.push(Fact::new(page.t("timestamps-first-end"), page.tr.time_full(first), trouble.unwrap_or_default()));
    }
    if ends.over > 0 {
        lines.push(Fact::new(page.t("timestamps-over"), page.n("timestamps-over-count", ends.over), page.t("timestamps-over-help")));
    }
    lines
}

fn of_authorities(page: &Page, authorities: &[OfLog]) -> Vec<Fact> {
    if authorities.is_empty() {
        return vec![Fact::new(page.t("timestamps-none"), page.t("timestamps-not-configured"), "")];
    }
    let line = |of: &OfLog| {
        let newest = of.newest.map_or_else(
            || page.t("timestamps-not-yet"),
            |(size, at)| page.a2("timestamps-newest", "time", page.tr.time_full(at), "size", page.num(size)),
        );
        let trouble = of
            .refusal
            .as_ref()
            .map_or_else(String::new, |(why, asked)| page.n_with("timestamps-refused", *asked, &[("reason", page.word("timestamp-refusal", why))]));
        Fact::new(of.authority.clone(), newest, trouble)
    };
    authorities.iter().map(line).collect()
}

pub async fn settings(app: Data<App>, who: SignedIn, page: Page) -> Result<HttpResponse, Fault> {
    let s: Status = status::status(&app, &who.caller).await?;
    let (backup, backup_overdue) = work::last_backup(&app, &who.caller).await?;
    let yes = |on: bool| page.t(if on { "settings-yes" } else { "settings-no" });
    let fact = |key: &str, value: String| Fact::new(page.t(key), value, "");
    ok(Settings {
        installation: vec![
            fact("settings-version", s.version.to_owned()),
            fact("settings-database", page.t(&format!("settings-{}", s.database))),
            fact("settings-public-url", s.public_url.clone()),
            fact("settings-https", yes(s.https)),
            fact("settings-private", yes(s.private_destinations)),
            fact("settings-retention", page.n("settings-days", u64::from(s.retention_days))),
        ],
        log: vec![
            fact("settings-origin", s.log_origin.clone()),
            fact("settings-log-size", page.num(s.log_size)),
            fact("settings-signed-size", page.num(s.signed_size)),
            fact("settings-pending", page.num(s.pending)),
        ],
        timestamps: timestamps(&page, &s.timestamps, &s.timestamp_ends),
        certificate: certificate(&page, &s.certificate, "certificate"),
        certificate_sm2: s.certificate_sm2.as_ref().map(|standing| certificate(&page, standing, "certificate-sm2")).unwrap_or_default(),
        jobs: vec![fact("settings-jobs-waiting", page.num(s.jobs_waiting)), fact("settings-jobs-failing", page.num(s.jobs_failing))],
        room: vec![
            fact("settings-disk-free", s.room.free.map_or_else(|| page.t("settings-disk-unknown"), crate::i18n::bytes)),
            fact("settings-disk-full", yes(s.room.full)),
        ],
        cosigned: s.cosigned,
        backup: super::work::backup(&page, &backup),
        backup_overdue,
        streams: s.streams.iter().map(|stream| of_stream(&page, stream)).collect(),
        clocks: clocks(&page, &s.clocks),
        witnesses: s.witnesses.iter().map(|w| witness(&page, w)).collect(),
        alarm: if s.room.full { Some("full") } else { s.room.low().then_some("low") },
        page,
    })
}

/// The certificate by its name and end; what is wrong with it, and whether another one is asked for. `kind`: where the words begin.
fn certificate(page: &Page, standing: &signing::Standing, kind: &str) -> Vec<Fact> {
    let mut lines = Vec::new();
    if let Some((facts, until)) = &standing.certificate {
        let subject = page.t(if standing.wanted { "certificate-subject" } else { "certificate-unused-subject" });
        lines.push(Fact::new(subject, facts.subject.clone(), page.a1("certificate-issuer", "name", &facts.issuer)));
        let soon = if standing.ends_soon(page.now) { page.t(&format!("{kind}-ends-soon")) } else { String::new() };
        lines.push(Fact::new(page.t("certificate-until"), page.tr.time_full(*until), soon));
        if let Some(Place::Module(key)) = &standing.place {
            lines.push(Fact::new(page.t("certificate-key"), page.a2("certificate-key-module", "token", &key.token, "key", key.name()), ""));
        }
        lines.push(Fact::new(page.t("certificate-root"), facts.root_sha256.clone(), page.t("certificate-root-help")));
    }
    if !standing.signs() {
        let reason = match (&standing.trouble, standing.uncertified) {
            (Some(trouble), _) => Some(page.word("certificate-module", trouble.as_str())),
            (None, why) => why.map(|why| page.word(&format!("{kind}-unsigned"), why.as_str())),
        };
        let state = page.t(if standing.wanted { "certificate-none" } else { "certificate-unused" });
        lines.push(Fact::new(page.t(&format!("{kind}-state")), state, reason.unwrap_or_default()));
    }
    if standing.requested {
        lines.push(Fact::new(page.t("certificate-request"), page.t("certificate-waiting"), page.t(&format!("{kind}-waiting-help"))));
    }
    lines
}

/// A stream by its name: its state, what waits, and what is wrong.
fn of_stream(page: &Page, stream: &Stream) -> Fact {
    let state = page.word("stream-state", stream.state());
    let value = page.n_with("settings-stream", stream.lag, &[("state", state)]);
    let problem = stream.problem.as_ref().map(|(word, _)| page.word("stream-problem", word));
    Fact::new(&stream.name, value, problem.unwrap_or_default())
}

/// A line for each clock that ours was held against, or one that says that there is none.
fn clocks(page: &Page, all: &[Against]) -> Vec<Fact> {
    if all.is_empty() {
        return vec![Fact::new(page.t("clocks-none"), page.t("clocks-none-yet"), "")];
    }
    let seconds = |ms: i64| {
        let sign = match ms {
            ..0 => "−",
            0 => "",
            1.. => "+",
        };
        format!("{sign}{}.{:03}", ms.unsigned_abs() / 1000, ms.unsigned_abs() % 1000)
    };
    let line = |of: &Against| {
        let kind = page.word("clock", &of.kind);
        let name = if of.name.is_empty() { kind } else { page.tr.a2("alert-about-thing", "kind", kind, "id", &of.name) };
        let value = page.a2("clocks-offset", "median", seconds(of.median_ms), "worst", seconds(of.worst_ms));
        Fact::new(name, value, page.n_with("clocks-measured", of.count, &[("time", page.tr.time_full(of.at))]))
    };
    all.iter().map(line).collect()
}

/// A witness by its name: what it covers since when, or what is wrong.
fn witness(page: &Page, w: &Standing) -> Fact {
    let note = match (&w.problem, w.seen_at) {
        (Some(problem), _) => page.word("settings-witness", problem),
        (None, Some(at)) => page.tr.time_full(at),
        (None, None) => page.t("settings-witness-never"),
    };
    Fact::new(&w.name, page.n("settings-witness-size", w.size), note)
}
