//! `/policies`: the rules in force, or of any version, with their history, and the simulator, which answers on the same page and changes
//! nothing; `/policies/compare`: two versions beside each other. Not here: the form of a change and its confirmation (`proposals`).

mod lines;
pub mod proposals;

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use askama::Template;

use super::{
    catalogue::window,
    recalls::{
        build,
        new::{Moment, obstacle},
    },
};
use crate::{
    app::{
        App, Turn,
        policies::{self, Answer, Proposal, Question, Shown, Which},
        recalls::check::Named,
    },
    domain::{
        platform::{HarmClass, Platform},
        policy::SHIPPED,
        proposal::ProposalState,
        recall::approval::LEVELS,
    },
    web::{
        Fault, FormState, Page, SignedIn, Tone, html,
        page::{Html, escape},
        view::{Choice, Crumb, Fact},
    },
};
use lines::Change;

/// The longest time since sending that the simulator takes, in minutes.
const LONGEST: u64 = 366 * 24 * 60;

/// What the rules would say.
struct Told {
    good: bool,
    path: String,
    help: String,
    facts: Vec<Fact>,
    moments: Vec<Moment>,
    obstacles: Vec<String>,
}

/// A line of the history.
struct Row {
    href: String,
    title: String,
    state: String,
    tone: Tone,
    /// Why.
    reason: String,
    /// Who proposed it, and who ended it.
    by: String,
    at: Option<Html>,
    ended: Option<(String, Html)>,
}

#[derive(Template)]
#[template(path = "policies/index.html")]
struct Index {
    page: Page,
    version: String,
    tone: Tone,
    state: String,
    rules_title: String,
    rules: Vec<Fact>,
    /// The proposal that waits.
    open: Option<String>,
    /// Where another proposal begins, for who may: with these rules if they are not in force.
    propose: Option<(String, String)>,
    form: FormState,
    versions: Vec<Choice>,
    platforms: Vec<Choice>,
    classes: Vec<Choice>,
    departments: Vec<Choice>,
    people: Vec<Choice>,
    told: Option<Told>,
    history: Vec<Row>,
    newer: Option<String>,
    older: Option<String>,
}

fn tone(state: ProposalState) -> Tone {
    match state {
        ProposalState::Proposed => Tone::Warn,
        ProposalState::Confirmed => Tone::Ok,
        ProposalState::Rejected => Tone::Bad,
        ProposalState::Withdrawn => Tone::Mute,
    }
}

fn title(page: &Page, proposal: &Proposal) -> String {
    match (proposal.version, proposal.origin) {
        (Some(version), _) => page.a1("policy-version", "n", version),
        (None, Some(origin)) => page.a1("policy-back-to", "n", origin),
        (None, None) => page.t("policy-proposal"),
    }
}

fn history(page: &Page, shown: &Shown) -> Vec<Row> {
    let row = |p: &Proposal| Row {
        href: format!("/policies/proposals/{}", p.id),
        title: title(page, p),
        state: if p.version == Some(shown.in_force) { page.t("policy-in-force") } else { page.word("proposal-state", p.state) },
        tone: if p.version.is_some_and(|n| n != shown.in_force) { Tone::Mute } else { tone(p.state) },
        reason: p.reason.clone(),
        by: p.proposed.1.clone(),
        at: Some(page.time(p.proposed.2)),
        ended: p.ended.as_ref().map(|(name, at)| (name.clone(), page.time(*at))),
    };
    let (rows, (_, below)) = &shown.history;
    let mut rows: Vec<Row> = rows.iter().map(row).collect();
    if below.is_none() {
        let is_in_force = shown.in_force == SHIPPED;
        rows.push(Row {
            href: format!("/policies?version={SHIPPED}"),
            title: page.a1("policy-version", "n", SHIPPED),
            state: page.t(if is_in_force { "policy-in-force" } else { "proposal-state-confirmed" }),
            tone: if is_in_force { Tone::Ok } else { Tone::Mute },
            reason: page.t("policy-shipped"),
            by: String::new(),
            at: None,
            ended: None,
        });
    }
    rows
}

fn told(page: &Page, answer: &Answer) -> Told {
    let verdict = &answer.verdict;
    let limit = |s: Option<u64>| s.map_or_else(|| page.t("recall-no-limit"), |s| window(page, s));
    let no_limit = || Html::trusted(escape(&page.t("recall-no-limit")));
    let moments = LEVELS.iter().zip(&answer.names).zip(verdict.last_useful.iter().zip(&verdict.due));
    let moment = |((level, names), (last, due)): ((&u8, &Vec<Named>), (&Option<crate::clock::Instant>, &crate::clock::Instant))| Moment {
        title: page.t(&format!("level-{level}")),
        who: build::deciding(page, names),
        at: last.map_or_else(no_limit, |at| page.time(at)),
        due: page.time(*due),
    };
    Told {
        good: verdict.feasible(),
        path: page.t(&format!("verdict-{}", verdict.path)),
        help: page.t(&format!("verdict-{}-help", verdict.path)),
        facts: vec![
            Fact::new(page.t("policy-possible"), limit(answer.possible), ""),
            Fact::new(page.t("policy-allowed"), limit(answer.allowed), page.t("catalogue-stricter")),
            Fact::new(page.t("policy-cut-off"), verdict.cut_off.map_or_else(|| page.t("recall-no-limit"), |at| page.tr.time(at)), ""),
            Fact::new(page.t("policy-part-first"), page.t(if answer.first { "policy-first-allowed" } else { "policy-first-none" }), ""),
        ],
        moments: moments.map(moment).collect(),
        obstacles: verdict.obstacles.iter().map(|o| obstacle(page, o)).collect(),
    }
}

/// What was asked, where anything was; errors stand in the form.
fn question(form: &mut FormState) -> Option<Question> {
    if form.value("platform").is_empty() {
        return None;
    }
    let platform = form.choice("platform", Platform::parse);
    let class = form.choice("category", HarmClass::parse);
    let ago = form.value("ago").trim().parse::<u64>().ok().filter(|minutes| *minutes <= LONGEST);
    if ago.is_none() {
        form.refuse_with("ago", "range", &[("max", &LONGEST)]);
    }
    Some(Question {
        platform: platform?,
        by_hand: form.is("by_hand", "1"),
        class: class?,
        ago: Duration::from_secs(ago? * 60),
        department: Some(form.value("department").to_owned()).filter(|d| !d.is_empty()),
        away: form.all("away").iter().cloned().collect(),
    })
}

/// Which rules an address asks for; a word that names none is an error of the form.
fn which(form: &mut FormState) -> Which {
    match form.value("version") {
        "" => Which::InForce,
        "proposed" => Which::Proposed,
        text => match text.parse() {
            Ok(number) => Which::Version(number),
            Err(_) => {
                form.refuse("version", "choice");
                Which::InForce
            }
        },
    }
}

/// `GET /policies`, with the fields of the simulator where it is asked.
pub async fn index(app: Data<App>, me: SignedIn, page: Page, req: HttpRequest) -> Result<HttpResponse, Fault> {
    let mut form = FormState::new("policy");
    for (name, value) in url::form_urlencoded::parse(req.query_string().as_bytes()) {
        form = form.with(&name, value);
    }
    let given = |form: &FormState, field: &str| Some(form.value(field).to_owned()).filter(|key| !key.is_empty());
    let turn = Turn::of(given(&form, "before"), given(&form, "after"));
    let which = which(&mut form);
    let shown = policies::show(&app, &me.caller, which, question(&mut form), turn).await?;
    let status = if form.ok() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let number = match shown.which {
        Which::InForce => Some(shown.in_force),
        Which::Version(number) => Some(number),
        Which::Proposed => None,
    };
    let in_force = number == Some(shown.in_force);
    let version = number.map_or_else(|| page.t("policy-proposal"), |n| page.a1("policy-version", "n", n));
    let state = match number {
        Some(_) if in_force => page.t("policy-in-force"),
        Some(_) => page.word("proposal-state", ProposalState::Confirmed),
        None => page.word("proposal-state", ProposalState::Proposed),
    };
    let propose = match number.filter(|_| page.can("policy.propose") && shown.open.is_none()) {
        Some(_) if in_force => Some(("/policies/proposals/new".to_owned(), page.t("policy-propose"))),
        Some(n) => Some((format!("/policies/proposals/new?from={n}"), page.a1("policy-go-back", "n", n))),
        None => None,
    };
    let mut versions: Vec<Choice> = shown.numbers.iter().map(|n| Choice::new(n.to_string(), page.a1("policy-version", "n", n))).collect();
    if shown.open.is_some() {
        versions.insert(0, Choice::new("proposed", page.t("policy-proposal")));
    }
    if form.value("version").is_empty() {
        form = form.with("version", shown.in_force.to_string());
    }
    let (above, below) = &shown.history.1;
    let index = Index {
        tone: match number {
            Some(_) if in_force => Tone::Ok,
            Some(_) => Tone::Mute,
            None => Tone::Warn,
        },
        rules_title: if in_force { page.t("policy-rules") } else { page.a1("policy-rules-of", "version", &version) },
        version,
        state,
        rules: lines::rules(&page, &shown.policy),
        open: shown.open.clone(),
        propose,
        versions,
        platforms: Platform::ALL.iter().map(|p| Choice::new(p.as_str(), page.word("platform", p))).collect(),
        classes: HarmClass::ALL.iter().map(|c| Choice::new(c.as_str(), page.word("harm-class", c))).collect(),
        departments: shown.departments.iter().map(|d| Choice::new(&d.id, &d.name)).collect(),
        people: shown.people.iter().map(|(id, name)| Choice::new(id, name)).collect(),
        told: shown.answer.as_ref().map(|answer| told(&page, answer)),
        history: history(&page, &shown),
        newer: above.as_ref().map(|key| format!("/policies?after={key}#h-history")),
        older: below.as_ref().map(|key| format!("/policies?before={key}#h-history")),
        form,
        page,
    };
    html(status, index)
}

#[derive(Template)]
#[template(path = "policies/compare.html")]
struct Compare {
    page: Page,
    crumbs: Vec<Crumb>,
    form: FormState,
    versions: Vec<Choice>,
    from: String,
    to: String,
    changes: Vec<Change>,
    effects: Vec<Change>,
}

/// `GET /policies/compare?from=&to=`
pub async fn compare(app: Data<App>, me: SignedIn, page: Page, req: HttpRequest) -> Result<HttpResponse, Fault> {
    let mut form = FormState::new("policy");
    let mut asked = [None, None];
    for (name, value) in url::form_urlencoded::parse(req.query_string().as_bytes()) {
        let place = match &*name {
            "from" => &mut asked[0],
            "to" => &mut asked[1],
            _ => continue,
        };
        *place = value.parse::<u64>().ok();
        if place.is_none() {
            form.refuse(if name == "from" { "from" } else { "to" }, "choice");
        }
    }
    let status = if form.ok() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let (numbers, from, to) = policies::compare(&app, &me.caller, asked[0], asked[1]).await?;
    let named = |n: u64| page.a1("policy-version", "n", n);
    let compare = Compare {
        crumbs: vec![Crumb::link("/policies", page.t("nav-policies")), Crumb::here(page.t("policy-compare"))],
        form: form.with("from", from.number.to_string()).with("to", to.number.to_string()),
        versions: numbers.iter().map(|n| Choice::new(n.to_string(), named(*n))).collect(),
        changes: lines::changes(&page, &from.policy, &to.policy),
        effects: lines::effects(&page, &from.policy, &to.policy),
        from: named(from.number),
        to: named(to.number),
        page,
    };
    html(status, compare)
}
