//! The plan on the page of a case: what is proposed and done where the recall came too late or left something, and the posts of its forms.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};

use super::{
    act::{Form, answer, receipt_of},
    typed,
};
use crate::{
    app::{
        App,
        once::of_request,
        remediations::{self, Closing, End, NewStep, Plan, StepView},
    },
    domain::{remediation::StepState, windows::Remedy},
    web::{
        Fault, Page, Posted, SignedIn,
        console::reports::local_time,
        once,
        page::Html,
        view::{Choice, Fact},
        visit::Tone,
    },
};

/// A step in the list.
pub struct StepLine {
    pub tone: Tone,
    pub state: String,
    pub what: String,
    pub owner: String,
    pub due: Option<Html>,
    /// What was typed, by whose word, and what came of it; one line each.
    pub lines: Vec<String>,
}

/// The section of the page.
pub struct PlanPanel {
    pub ending: String,
    pub proposed: Vec<Fact>,
    pub steps: Vec<StepLine>,
    /// Empty for who may not plan.
    pub strategies: Vec<Choice>,
    pub owners: Vec<Choice>,
    /// Steps that this person may report done, and give up: what stands for each is its id and the version shown.
    pub to_finish: Vec<Choice>,
    pub to_drop: Vec<Choice>,
    /// Nothing where the reader may not know of holds.
    pub held: Option<bool>,
    /// They may send, and a message is proposed.
    pub may_send: bool,
}

/// The badge of a step.
pub(in crate::web::console) fn stands(page: &Page, state: StepState, overdue: bool) -> (Tone, String) {
    let tone = match state {
        StepState::Open if overdue => return (Tone::Bad, page.t("remediation-overdue")),
        StepState::Open => Tone::Warn,
        StepState::Done => Tone::Ok,
        StepState::Dropped => Tone::Mute,
    };
    (tone, page.word("remediation-state", state))
}

fn what(page: &Page, step: &StepView) -> String {
    page.word("remedy", step.strategy)
}

fn line(page: &Page, step: &StepView) -> StepLine {
    let mut lines = Vec::new();
    if !step.note.is_empty() {
        lines.push(step.note.clone());
    }
    lines.push(page.a2("remediation-set", "who", &step.set_by, "at", page.tr.time(step.set_at)));
    if let Some((who, at, said)) = &step.ended {
        let said = if said.is_empty() { page.t("contents-erased") } else { said.clone() };
        lines.push(page.a(&format!("remediation-ended-{}", step.state), &[("who", who), ("at", &page.tr.time(*at)), ("said", &said)]));
    }
    let (tone, state) = stands(page, step.state, step.overdue);
    StepLine { tone, state, what: what(page, step), owner: step.owner.1.clone(), due: step.due.map(|at| page.time(at)), lines }
}

pub(super) fn panel(page: &Page, plan: &Plan) -> PlanPanel {
    let chosen = |may: fn(&StepView) -> bool| {
        let steps = plan.steps.iter().filter(|step| may(step));
        steps.map(|step| Choice::new(format!("{} {}", step.id, step.version), page.pair(&what(page, step), &step.owner.1))).collect()
    };
    let due = |strategy: &Remedy, due: Option<crate::clock::Instant>| {
        due.map_or_else(|| page.t(&format!("remedy-{}-due", strategy.as_str().replace('_', "-"))), |due| page.tr.time(due))
    };
    PlanPanel {
        ending: page.word("remediation-ending", plan.ending),
        proposed: plan.proposed.iter().map(|(strategy, at)| Fact::new(page.word("remedy", strategy), due(strategy, *at), "")).collect(),
        steps: plan.steps.iter().map(|step| line(page, step)).collect(),
        strategies: plan.strategies.iter().map(|s| Choice::new(s.as_str(), page.word("remedy", s))).collect(),
        owners: plan.owners.iter().map(|(id, name)| Choice::new(id.as_str(), name.as_str())).collect(),
        to_finish: chosen(|step| step.may_finish),
        to_drop: chosen(|step| step.may_drop),
        held: plan.held,
        may_send: page.can("broadcast.send") && plan.proposed.iter().any(|(s, _)| matches!(s, Remedy::Timeliness | Remedy::Clarification)),
    }
}

/// `POST /recalls/{id}/remediations`.
pub async fn create(app: Data<App>, me: SignedIn, page: Page, path: Path<String>, req: HttpRequest, posted: Posted) -> Result<HttpResponse, Fault> {
    let (id, me) = (path.into_inner(), me.with(&posted));
    let new = NewStep {
        strategy: posted.get("strategy").to_owned(),
        owner: typed(&posted, "owner"),
        due: local_time(&page.tr, posted.get("due")),
        note: typed(&posted, "note"),
    };
    let make = |step| async {
        let done = remediations::add(&app, &me.caller, &id, new, step).await?;
        Ok(receipt_of(&done.value, &done))
    };
    let ended = once::form(&app, &me, &req, &posted, make).await?;
    answer(&app, &me, page, &id, &posted, Form::Remedy, ended).await
}

async fn end(app: &App, me: SignedIn, page: Page, id: &str, req: &HttpRequest, posted: &Posted, how: End) -> Result<HttpResponse, Fault> {
    let me = me.with(posted);
    let (form, field) = match how {
        End::Done => (Form::Remedied, "done"),
        End::Drop => (Form::Drop, "reason"),
    };
    let (step, version) = posted.get("step").split_once(' ').unwrap_or((posted.get("step"), ""));
    let make = |id_of_request| async {
        let closing = Closing { how, said: typed(posted, field), seen: Some(version.parse().unwrap_or(-1)), once: Some(of_request(id_of_request)) };
        let done = remediations::end_step(app, &me.caller, id, step, closing).await?;
        Ok(receipt_of(&done.value, &done))
    };
    let ended = once::form(app, &me, req, posted, make).await?;
    answer(app, &me, page, id, posted, form, ended).await
}

/// `POST /recalls/{id}/remediations/completions`.
pub async fn finish(app: Data<App>, me: SignedIn, page: Page, path: Path<String>, req: HttpRequest, posted: Posted) -> Result<HttpResponse, Fault> {
    end(&app, me, page, &path, &req, &posted, End::Done).await
}

/// `POST /recalls/{id}/remediations/droppings`.
pub async fn drop_step(
    app: Data<App>,
    me: SignedIn,
    page: Page,
    path: Path<String>,
    req: HttpRequest,
    posted: Posted,
) -> Result<HttpResponse, Fault> {
    end(&app, me, page, &path, &req, &posted, End::Drop).await
}
