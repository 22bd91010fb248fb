//! `/alerts/rules`: every rule with its meaning and its thresholds, and the form that changes one.

use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use askama::Template;

use super::alerts::severity_tone;
use crate::{
    app::{
        App,
        alerts::rules::{self, Change, Known, Typed},
        step_up,
    },
    domain::alert::{Measure, Rule, Severity, TOLD, hours},
    web::{
        Fault, FormState, Page, Posted, SignedIn, Tone, html, ok, see_other,
        view::{Choice, Crumb, Fact},
    },
};

/// A rule in the list.
struct Row {
    id: &'static str,
    name: String,
    meaning: String,
    /// What it takes to fire, in words.
    fires: String,
    severity: String,
    tone: Tone,
    told: String,
    enabled: bool,
    version: String,
}

#[derive(Template)]
#[template(path = "alerts/rules.html")]
struct Index {
    page: Page,
    crumbs: Vec<Crumb>,
    rows: Vec<Row>,
}

/// What a threshold is a number of.
fn unit(rule: Rule) -> &'static str {
    match rule {
        Rule::PurgeLarge => "alert-unit-times",
        Rule::Clock => "alert-unit-seconds",
        _ => match rule.measure() {
            Measure::Each | Measure::Count => "alert-unit-events",
            Measure::Sum => "alert-unit-rows",
            Measure::Different => "alert-unit-networks",
        },
    }
}

/// What it takes to fire: how much, and within which time where something is counted over time.
fn fires(page: &Page, known: &Known) -> String {
    let threshold = page.n(unit(known.rule), u64::from(known.settings.threshold));
    let span = page.duration(std::time::Duration::from_secs(u64::from(known.settings.span) * 60));
    if known.rule.measure() != Measure::Each {
        return page.a2("alert-fires-within", "threshold", threshold, "span", span);
    }
    if known.rule.has_threshold() { page.a1("alert-fires-over", "threshold", threshold) } else { page.t("alert-fires-each") }
}

fn version(page: &Page, known: &Known) -> String {
    if known.version == 0 { page.t("alert-as-shipped") } else { page.a1("alert-version", "version", known.version) }
}

/// `GET /alerts/rules`
pub async fn index(app: Data<App>, me: SignedIn, page: Page) -> Result<HttpResponse, Fault> {
    let found = rules::list(&app, &me.caller).await?;
    let row = |known: &Known| Row {
        id: known.rule.as_str(),
        name: page.word("alert-rule", known.rule),
        meaning: page.word("alert-meaning", known.rule),
        fires: fires(&page, known),
        severity: page.word("severity", known.settings.severity),
        tone: severity_tone(known.settings.severity),
        told: page.list(&known.settings.roles.iter().map(|role| page.word("role", role)).collect::<Vec<_>>()),
        enabled: known.settings.enabled,
        version: version(&page, known),
    };
    ok(Index {
        crumbs: vec![Crumb::link("/alerts", page.t("nav-alerts")), Crumb::here(page.t("alert-rules"))],
        rows: found.iter().map(row).collect(),
        page,
    })
}

#[derive(Template)]
#[template(path = "alerts/rule.html")]
struct Show {
    page: Page,
    crumbs: Vec<Crumb>,
    form: FormState,
    known: Known,
    name: String,
    meaning: String,
    /// What the threshold is a number of.
    unit: String,
    severities: Vec<Choice>,
    roles: Vec<Choice>,
    days: Vec<Choice>,
    now: Vec<Fact>,
    changes: Vec<Fact>,
}

fn show_of(page: Page, form: FormState, (known, changes): (Known, Vec<Change>)) -> Show {
    let choices = |word: &str, all: Vec<&'static str>| all.into_iter().map(|v| Choice::new(v, page.word(word, v))).collect();
    let settings = &known.settings;
    let mut now = vec![
        Fact::new(page.t("alert-enabled"), page.t(if settings.enabled { "alert-on" } else { "alert-off" }), version(&page, &known)),
        Fact::new(page.t("alert-fires"), fires(&page, &known), ""),
        Fact::new(page.t("alert-severity"), page.word("severity", settings.severity), ""),
        Fact::new(page.t("field-alert-rule-roles"), page.list(&settings.roles.iter().map(|r| page.word("role", r)).collect::<Vec<_>>()), ""),
    ];
    if let Some(office) = &settings.hours {
        let days: Vec<String> = office.days.iter().map(|day| page.t(&format!("weekday-{day}"))).collect();
        let times = format!("{}–{}", hours::text(office.from), hours::text(office.until));
        now.push(Fact::new(page.t("alert-hours"), times, page.list(&days)));
    }
    let change = |c: &Change| Fact::new(page.a1("alert-version", "version", c.version), &c.by, page.tr.time_full(c.at));
    Show {
        crumbs: vec![
            Crumb::link("/alerts", page.t("nav-alerts")),
            Crumb::link("/alerts/rules", page.t("alert-rules")),
            Crumb::here(page.word("alert-rule", known.rule)),
        ],
        name: page.word("alert-rule", known.rule),
        meaning: page.word("alert-meaning", known.rule),
        unit: page.t(&format!("{}-hint", unit(known.rule))),
        severities: choices("severity", Severity::ALL.iter().map(|s| s.as_str()).collect()),
        roles: choices("role", TOLD.iter().map(|r| r.as_str()).collect()),
        days: (1..=7).map(|day| Choice::new(day.to_string(), page.t(&format!("weekday-{day}")))).collect(),
        changes: changes.iter().map(change).collect(),
        page: page.at(format!("/alerts/rules/{}", known.rule)),
        now,
        known,
        form,
    }
}

/// The form as the rule is set now.
fn filled(known: &Known) -> FormState {
    let settings = &known.settings;
    let mut form = FormState::new("alert-rule")
        .with("threshold", settings.threshold.to_string())
        .with("span", settings.span.to_string())
        .with("severity", settings.severity.as_str());
    if settings.enabled {
        form = form.with("enabled", "1");
    }
    for role in &settings.roles {
        form = form.with("roles", role.as_str());
    }
    if let Some(least) = settings.least {
        form = form.with("least", least.to_string());
    }
    if let Some(office) = &settings.hours {
        let dates = |days: &std::collections::BTreeSet<jiff::civil::Date>| days.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        form = form.with("from", hours::text(office.from)).with("until", hours::text(office.until));
        form = form.with("holidays", dates(&office.holidays)).with("workdays", dates(&office.workdays));
        for day in &office.days {
            form = form.with("days", day.to_string());
        }
    }
    form
}

/// `GET /alerts/rules/{rule}`
pub async fn show(app: Data<App>, me: SignedIn, page: Page, rule: Path<String>) -> Result<HttpResponse, Fault> {
    let found = rules::load(&app, &me.caller, &rule).await?;
    ok(show_of(page, filled(&found.0), found))
}

/// `POST /alerts/rules/{rule}`
pub async fn change(app: Data<App>, me: SignedIn, page: Page, posted: Posted, rule: Path<String>) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    let text = |field: &str| posted.get(field).to_owned();
    let all = |field: &str| posted.all(field).to_vec();
    let typed = Typed {
        enabled: posted.get("enabled") == "1",
        threshold: text("threshold"),
        span: text("span"),
        severity: text("severity"),
        roles: all("roles"),
        least: text("least"),
        from: text("from"),
        until: text("until"),
        days: all("days"),
        holidays: text("holidays"),
        workdays: text("workdays"),
        reason: text("reason"),
        code: text(step_up::FIELD),
    };
    let version = posted.get("version").parse().unwrap_or(-1);
    match rules::change(&app, &me.caller, &rule, version, typed).await {
        Ok(_) => {
            me.flash(Tone::Ok, page.t("alert-said-changed")).await;
            Ok(see_other(format!("/alerts/rules/{rule}")))
        }
        Err(error) => {
            let mut form = FormState::from_posted("alert-rule", &posted);
            form.refuse_all(error)?;
            let status = form.status();
            let found = rules::load(&app, &me.caller, &rule).await?;
            html(status, show_of(page, form, found))
        }
    }
}
