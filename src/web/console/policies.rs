//! `/policies`: the rules in force with their version, and the simulator, which answers on the same page and changes nothing.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use askama::Template;

use super::{
    catalogue::{span, window},
    recalls::{
        build,
        new::{Moment, obstacle},
    },
};
use crate::{
    app::{
        App,
        policies::{self, Answer, Question, Shown},
    },
    domain::{
        platform::{HarmClass, Platform},
        recall::approval::LEVELS,
        windows::Window,
    },
    web::{
        Fault, FormState, Page, SignedIn, html,
        page::{Html, escape},
        view::{Choice, Fact},
    },
};

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

#[derive(Template)]
#[template(path = "policies/index.html")]
struct Index {
    page: Page,
    version: String,
    rules: Vec<Fact>,
    form: FormState,
    platforms: Vec<Choice>,
    classes: Vec<Choice>,
    departments: Vec<Choice>,
    people: Vec<Choice>,
    told: Option<Told>,
}

/// A row of the catalogue in one line.
fn row(page: &Page, window: &Window) -> Fact {
    let word = |what: &str| page.t(&format!("catalogue-row-{}-{what}", window.id));
    let label = page.a("policy-adopts", &[("platform", page.word("channel", window.channel)), ("who", word("who")), ("what", word("what"))]);
    let note = page.a2("policy-source", "clock", page.word("ruling", window.clock), "grade", page.word("grade", window.field.grade));
    Fact::new(label, span(page, window.field.span), note)
}

fn rules(page: &Page, shown: &Shown) -> Vec<Fact> {
    let policy = &shown.policy;
    let own = |(platform, limit): (&Platform, &u64)| {
        Fact::new(page.a1("policy-limit", "platform", page.word("platform", platform)), window(page, *limit), "")
    };
    let budget = |class: &HarmClass| {
        Fact::new(page.a1("policy-budget", "class", page.word("harm-class", class)), page.duration(policy.budget(*class)), page.t("policy-per-level"))
    };
    let mut facts: Vec<Fact> = policy.rows().map(|w| row(page, w)).collect();
    facts.extend(policy.limits.iter().map(own));
    facts.extend(HarmClass::ALL.iter().map(budget));
    facts.push(Fact::new(page.t("policy-shares"), policy.shares.map(|s| s.to_string()).join(" : "), page.t("policy-shares-note")));
    facts.push(Fact::new(page.t("policy-reserve"), page.duration(crate::domain::platform::EXECUTION_RESERVE), ""));
    facts
}

fn told(page: &Page, answer: &Answer) -> Told {
    let verdict = &answer.verdict;
    let limit = |s: Option<u64>| s.map_or_else(|| page.t("recall-no-limit"), |s| window(page, s));
    let no_limit = || Html::trusted(escape(&page.t("recall-no-limit")));
    let moments = LEVELS.iter().zip(&answer.names).zip(verdict.last_useful.iter().zip(&verdict.due));
    let moment = |((level, names), (last, due)): ((&u8, &Vec<String>), (&Option<crate::clock::Instant>, &crate::clock::Instant))| Moment {
        title: page.t(&format!("level-{level}")),
        who: if names.is_empty() { page.t("recall-nobody") } else { build::some(page, names) },
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

/// `GET /policies`, with the fields of the simulator where it is asked.
pub async fn index(app: Data<App>, me: SignedIn, page: Page, req: HttpRequest) -> Result<HttpResponse, Fault> {
    let mut form = FormState::new("policy");
    for (name, value) in url::form_urlencoded::parse(req.query_string().as_bytes()) {
        form = form.with(&name, value);
    }
    let shown = policies::show(&app, &me.caller, question(&mut form)).await?;
    let status = if form.ok() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let index = Index {
        version: page.a1("policy-version", "n", shown.version),
        rules: rules(&page, &shown),
        platforms: Platform::ALL.iter().map(|p| Choice::new(p.as_str(), page.word("platform", p))).collect(),
        classes: HarmClass::ALL.iter().map(|c| Choice::new(c.as_str(), page.word("harm-class", c))).collect(),
        departments: shown.departments.iter().map(|d| Choice::new(&d.id, &d.name)).collect(),
        people: shown.people.iter().map(|(id, name)| Choice::new(id, name)).collect(),
        told: shown.answer.as_ref().map(|answer| told(&page, answer)),
        form,
        page,
    };
    html(status, index)
}
