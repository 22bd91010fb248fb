//! `/policies/proposals`: the form of a change of the rules, and the page on which a second person confirms or rejects it.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use askama::Template;

use super::{
    lines::{self, Change},
    title, tone,
};
use crate::{
    app::{
        App, AppError,
        policies::proposals::{self, Act, Amended, Amendment, Begun, Detail, First, SHARES, SPANS, Typed, budget_field, limit_field},
        step_up,
    },
    domain::{
        platform::{HarmClass, Platform},
        policy::Policy,
        proposal::ProposalState,
        recall::approval::LEVELS,
        windows::{self, Grade},
    },
    web::{
        Fault, FormState, Page, Posted, SignedIn, Tone, asked, html, ok, once, see_other,
        view::{Choice, Crumb, Fact},
    },
};

#[derive(Template)]
#[template(path = "policies/new.html")]
struct New {
    page: Page,
    crumbs: Vec<Crumb>,
    form: FormState,
    /// The version in force, which the form was filled against.
    base: u64,
    title: String,
    /// The proposal that waits already.
    open: Option<String>,
    /// Amendments of the catalogue that are there, and what one more may be.
    amended: Vec<Choice>,
    amendable: Vec<Choice>,
    spans: Vec<Choice>,
    grades: Vec<Choice>,
    rows: Vec<Choice>,
    limits: Vec<&'static str>,
    budgets: Vec<&'static str>,
    shares: [&'static str; 3],
    /// Levels that may be decided on somebody's behalf.
    delegable: Vec<Choice>,
    /// The classes that may be recalled first.
    classes: Vec<Choice>,
}

/// The form as these rules would fill it.
fn filled(policy: &Policy) -> FormState {
    let mut form = FormState::new("proposal");
    for amended in Amended::of(policy) {
        form = form.with("amended", amended.kept());
    }
    for id in &policy.adopted {
        form = form.with("adopted", id);
    }
    for (platform, limit) in &policy.limits {
        form = form.with(limit_field(*platform), (limit / 60).to_string());
    }
    for (class, budget) in &policy.budgets {
        form = form.with(budget_field(*class), (budget / 60).to_string());
    }
    for (field, share) in SHARES.iter().zip(policy.shares) {
        form = form.with(field, share.to_string());
    }
    for level in &policy.delegable {
        form = form.with("delegable", level.to_string());
    }
    let first = &policy.recall_first;
    for class in &first.classes {
        form = form.with("first_classes", class.as_str());
    }
    if let Some(below) = first.below {
        form = form.with("first_below", (below / 60).to_string());
    }
    form = form.with("first_hours", (first.ratify_within / 3600).to_string());
    if policy.must_answer {
        form = form.with("must_answer", "1");
    }
    if policy.widen_overdue {
        form = form.with("widen_overdue", "1");
    }
    form
}

/// `seen`: the version that the form was filled against before; `None` for the one in force.
fn new_of(page: Page, form: FormState, begun: Begun, seen: Option<u64>) -> New {
    let back = form.value("origin").parse::<u64>().ok();
    let row = |w: windows::Window| Choice::new(w.id, lines::row_label(&page, w.id)).hint(lines::stated(&page, &w.field));
    // What the form was filled with stays to be chosen, also where the rules in force say something else by now.
    let mut kept = Amended::of(&begun.start.policy);
    kept.extend(form.all("amended").iter().filter_map(|value| serde_json::from_str(value).ok()));
    kept.sort_by(|a, b| a.row.cmp(&b.row));
    kept.dedup();
    let amended = |a: &Amended| Choice::new(a.kept(), lines::row_label(&page, &a.row)).hint(lines::stated(&page, &a.field));
    let title = back.map_or_else(|| page.t("policy-propose"), |n| page.a1("policy-go-back", "n", n));
    New {
        crumbs: vec![Crumb::link("/policies", page.t("nav-policies")), Crumb::here(&title)],
        title,
        base: seen.unwrap_or(begun.in_force.number),
        open: begun.open,
        amended: kept.iter().map(amended).collect(),
        amendable: windows::WINDOWS.iter().map(|w| Choice::new(w.id, lines::row_label(&page, w.id))).collect(),
        spans: SPANS.iter().map(|s| Choice::new(*s, page.t(&format!("policy-span-{s}")))).collect(),
        grades: Grade::ALL.iter().map(|g| Choice::new(g.as_str(), page.word("grade", g))).collect(),
        rows: begun.start.policy.windows().map(row).collect(),
        limits: Platform::ALL.iter().map(|p| limit_field(*p)).collect(),
        budgets: HarmClass::ALL.iter().map(|c| budget_field(*c)).collect(),
        shares: SHARES,
        delegable: LEVELS.map(|level| Choice::new(level.to_string(), page.t(&format!("level-{level}")))).into(),
        classes: HarmClass::ALL.iter().map(|c| Choice::new(c.as_str(), page.word("harm-class", c))).collect(),
        page: page.at("/policies/proposals/new"),
        form,
    }
}

/// `GET /policies/proposals/new`, with `from` for the version to go back to.
pub async fn new(app: Data<App>, me: SignedIn, page: Page, req: HttpRequest) -> Result<HttpResponse, Fault> {
    // What names no version is one that there is not.
    let from = asked(&req, "from").map(|value| value.parse::<u64>().unwrap_or(0));
    let begun = proposals::begin(&app, &me.caller, from).await?;
    let mut form = filled(&begun.start.policy);
    if let Some(number) = from {
        form = form.with("origin", number.to_string());
    }
    ok(new_of(page, form, begun, None))
}

/// `POST /policies/proposals`
pub async fn create(app: Data<App>, me: SignedIn, page: Page, req: HttpRequest, posted: Posted) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    let text = |field: &str| posted.get(field).to_owned();
    // An empty one is always posted with a box, so that no tick at all says something.
    let ticked = |name: &str| Some(posted.all(name)).filter(|all| !all.is_empty()).map(|all| all.iter().any(|value| value == "1"));
    let typed = Typed {
        base: posted.get("base").parse().unwrap_or(0),
        origin: posted.get("origin").parse().ok(),
        amended: posted.all("amended").to_vec(),
        amendment: Amendment {
            row: text("amend_row"),
            span: text("amend_span"),
            minutes: text("amend_minutes"),
            grade: text("amend_grade"),
            source: text("amend_source"),
        },
        adopted: posted.all("adopted").to_vec(),
        limits: Platform::ALL.iter().map(|p| (*p, text(limit_field(*p)))).collect(),
        budgets: HarmClass::ALL.iter().map(|c| (*c, text(budget_field(*c)))).collect(),
        shares: SHARES.map(text),
        // An empty one is always posted, so that no box at all says something.
        delegable: Some(posted.all("delegable")).filter(|all| !all.is_empty()).map(|all| all.iter().filter(|l| !l.is_empty()).cloned().collect()),
        first: First { classes: posted.all("first_classes").to_vec(), below: text("first_below"), hours: text("first_hours") },
        must_answer: ticked("must_answer"),
        widen_overdue: ticked("widen_overdue"),
        reason: text("reason"),
        code: text(step_up::FIELD),
    };
    let (app_, caller) = (app.clone(), me.caller.clone());
    let make = async |nonce: String| Ok(format!("/policies/proposals/{}", proposals::propose(&app_, &caller, typed, nonce).await?.value));
    match once::form(&app, &me, &req, &posted, make).await? {
        Ok(location) => {
            me.flash(Tone::Ok, page.t("policy-said-proposed")).await;
            Ok(see_other(location))
        }
        Err(error) => {
            let mut form = FormState::from_posted("proposal", &posted);
            // Who was told that another version came into force goes on from that one; everybody else from the one that they saw.
            let told = matches!(error, AppError::Conflict);
            form.refuse_all(error)?;
            let status = form.status();
            let begun = proposals::begin(&app, &me.caller, None).await?;
            let seen = posted.get("base").parse().ok().filter(|_| !told);
            html(status, new_of(page, form, begun, seen))
        }
    }
}

#[derive(Template)]
#[template(path = "policies/show.html")]
struct Show {
    page: Page,
    crumbs: Vec<Crumb>,
    form: FormState,
    id: String,
    title: String,
    state: String,
    tone: Tone,
    /// What the changes are against.
    before: String,
    after: String,
    changes: Vec<Change>,
    effects: Vec<Change>,
    cases: Vec<String>,
    reason: String,
    ending: Option<String>,
    steps: Vec<Fact>,
    /// The version that it became.
    version: Option<u64>,
    /// Where the rules of it are proposed again.
    back: Option<String>,
    /// What this person may do now: `decide`, `withdraw`, `wait` or nothing.
    task: &'static str,
}

fn show_of(page: Page, me: &SignedIn, form: FormState, detail: Detail) -> Show {
    let Detail { proposal, base, in_force, cases } = detail;
    let own = proposal.proposed.0 == me.person().id;
    let task = match proposal.state {
        ProposalState::Proposed if own && page.can("policy.propose") => "withdraw",
        ProposalState::Proposed if !own && page.can("policy.confirm") => "decide",
        ProposalState::Proposed => "wait",
        ProposalState::Confirmed | ProposalState::Rejected | ProposalState::Withdrawn => "",
    };
    let ended = match proposal.state {
        ProposalState::Confirmed => "policy-confirmed-by",
        ProposalState::Rejected => "policy-rejected-by",
        ProposalState::Proposed | ProposalState::Withdrawn => "policy-withdrawn-by",
    };
    let (_, name, at) = &proposal.proposed;
    let mut steps = vec![Fact::new(page.t("policy-proposed-by"), name, page.tr.time_full(*at))];
    steps.extend(proposal.ended.as_ref().map(|(name, at)| Fact::new(page.t(ended), name, page.tr.time_full(*at))));
    if let Some(origin) = proposal.origin {
        steps.push(Fact::new(page.t("policy-origin"), page.a1("policy-version", "n", origin), page.t("policy-origin-note")));
    }
    let in_force_now = proposal.version == Some(in_force);
    let of_version = |(version, n): &(i64, u64)| page.a2("policy-cases-of", "version", page.a1("policy-version", "n", version), "n", page.num(*n));
    let title = title(&page, &proposal);
    Show {
        crumbs: vec![Crumb::link("/policies", page.t("nav-policies")), Crumb::here(&title)],
        title,
        state: if in_force_now { page.t("policy-in-force") } else { page.word("proposal-state", proposal.state) },
        tone: if proposal.version.is_some() && !in_force_now { Tone::Mute } else { tone(proposal.state) },
        before: page.a1("policy-version", "n", proposal.base),
        after: proposal.version.map_or_else(|| page.t("policy-proposal"), |n| page.a1("policy-version", "n", n)),
        changes: lines::changes(&page, &base.policy, &proposal.policy),
        effects: lines::effects(&page, &base.policy, &proposal.policy),
        // What has ended says nothing of the cases of today.
        cases: if proposal.state == ProposalState::Proposed { cases.iter().map(of_version).collect() } else { Vec::new() },
        reason: proposal.reason.clone(),
        ending: proposal.ending.clone(),
        steps,
        version: proposal.version,
        back: proposal.version.filter(|n| *n != in_force && page.can("policy.propose")).map(|n| format!("/policies/proposals/new?from={n}")),
        task,
        page: page.at(format!("/policies/proposals/{}", proposal.id)),
        id: proposal.id,
        form,
    }
}

/// `GET /policies/proposals/{id}`
pub async fn show(app: Data<App>, me: SignedIn, page: Page, id: Path<String>) -> Result<HttpResponse, Fault> {
    let found = proposals::load(&app, &me.caller, &id).await?;
    ok(show_of(page, &me, FormState::new("rejection"), found))
}

async fn act(app: &App, me: SignedIn, page: Page, posted: &Posted, id: &str, act: Act) -> Result<HttpResponse, Fault> {
    let me = me.with(posted);
    match proposals::act(app, &me.caller, id, act, posted.get("reason"), posted.get(step_up::FIELD)).await {
        Ok(done) => {
            let said = match act {
                Act::Confirm => page.a1("policy-said-confirmed", "n", done.value.unwrap_or_default()),
                Act::Reject => page.t("policy-said-rejected"),
                Act::Withdraw => page.t("policy-said-withdrawn"),
            };
            me.flash(Tone::Ok, said).await;
            Ok(see_other(format!("/policies/proposals/{id}")))
        }
        Err(error) => {
            let mut form = FormState::from_posted("rejection", posted);
            form.refuse_all(error)?;
            let status = form.status();
            let found = proposals::load(app, &me.caller, id).await?;
            html(status, show_of(page, &me, form, found))
        }
    }
}

/// `POST /policies/proposals/{id}/confirmations`
pub async fn confirm(app: Data<App>, me: SignedIn, page: Page, posted: Posted, id: Path<String>) -> Result<HttpResponse, Fault> {
    act(&app, me, page, &posted, &id, Act::Confirm).await
}

/// `POST /policies/proposals/{id}/refusals`
pub async fn reject(app: Data<App>, me: SignedIn, page: Page, posted: Posted, id: Path<String>) -> Result<HttpResponse, Fault> {
    act(&app, me, page, &posted, &id, Act::Reject).await
}

/// `POST /policies/proposals/{id}/withdrawals`
pub async fn withdraw(app: Data<App>, me: SignedIn, page: Page, posted: Posted, id: Path<String>) -> Result<HttpResponse, Fault> {
    act(&app, me, page, &posted, &id, Act::Withdraw).await
}
