//! 先撤后审 on the case page: the officer's order, the words of its ratification, and the posts of both.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};

use super::{
    act::{self, Form},
    build::some,
    typed,
};
use crate::{
    app::{
        App,
        recalls::{
            order,
            ordered::{OrderView, WordView},
            ratify,
            view::Show,
        },
        step_up,
    },
    domain::{
        platform::HarmClass,
        recall::ratification::{Standing, Verdict},
    },
    web::{
        Fault, Page, Posted, SignedIn, once,
        view::{Choice, Fact, Step, StepState, TimelineItem},
        visit::Tone,
    },
};

/// What the page shows of it.
pub struct FirstPanel {
    /// The form of an order is there.
    pub may_order: bool,
    /// Why the officer on duty cannot order; empty for who can, and for everybody else.
    pub order_why_not: String,
    pub classes: Vec<Choice>,
    /// The badge of the ratification, where the case was recalled first.
    pub badge: Option<(Tone, String)>,
    /// The order, and who said what of it.
    pub facts: Vec<Fact>,
    pub said: Vec<TimelineItem>,
    /// The level whose word waits for this person.
    pub level: String,
    pub may_ratify: bool,
    pub verdicts: Vec<Choice>,
    /// How many words there are.
    pub words: usize,
}

/// The badge of a ratification.
pub(in crate::web::console) fn badge(page: &Page, standing: Standing, overdue: bool) -> (Tone, String) {
    match (standing, overdue) {
        (Standing::Owed, true) => (Tone::Bad, page.t("ratification-overdue")),
        (Standing::Owed, false) => (Tone::Warn, page.word("ratification-state", standing)),
        (Standing::Ratified, _) => (Tone::Ok, page.word("ratification-state", standing)),
        (Standing::Refused, _) => (Tone::Bad, page.word("ratification-state", standing)),
    }
}

/// Levels in a row.
pub(in crate::web::console) fn levels(page: &Page, levels: &[u8]) -> String {
    page.list(&levels.iter().map(|level| page.t(&format!("level-{level}"))).collect::<Vec<_>>())
}

pub(super) fn panel(page: &Page, v: &Show) -> FirstPanel {
    let (may_order, order_why_not) = match &v.first.may_order {
        Some(Ok(())) => (true, String::new()),
        Some(Err(guard)) => (false, page.word("refusal", guard)),
        None => (false, String::new()),
    };
    let made = v.first.made.as_ref();
    let mine = made.and_then(|made| made.mine.as_ref()).and_then(|mine| mine.as_ref().ok());
    FirstPanel {
        may_order,
        order_why_not,
        classes: HarmClass::ALL.iter().map(|c| Choice::new(c.as_str(), page.word("harm-class", c))).collect(),
        badge: made.map(|made| badge(page, made.standing, made.overdue)),
        facts: made.map(|made| facts(page, made)).unwrap_or_default(),
        said: made.map(|made| made.words.iter().map(|word| item(page, word)).collect()).unwrap_or_default(),
        level: mine.map(|level| page.t(&format!("level-{level}"))).unwrap_or_default(),
        may_ratify: mine.is_some(),
        verdicts: Verdict::ALL.iter().map(|v| Choice::new(v.as_str(), page.t(&format!("ratification-choice-{v}")))).collect(),
        words: made.map_or(0, |made| made.words.len()),
    }
}

fn facts(page: &Page, made: &OrderView) -> Vec<Fact> {
    let mut facts = vec![
        Fact::new(page.t("order-officer"), &made.officer, page.tr.time_full(made.at)),
        Fact::new(page.t("order-reason"), made.reason.clone().unwrap_or_else(|| page.t("contents-erased")), ""),
        Fact::new(page.t("order-skipped"), levels(page, &made.levels), ""),
        Fact::new(page.t("ratification-due"), page.tr.time_full(made.due), ""),
    ];
    if let Some((level, who)) = &made.open {
        let level = page.t(&format!("level-{level}"));
        let who = if who.is_empty() { page.t("ratification-nobody") } else { some(page, who) };
        let mine = match &made.mine {
            Some(Err(guard)) => page.word("refusal", guard),
            _ => String::new(),
        };
        facts.push(Fact::new(page.t("ratification-waits"), page.a2("ratification-waits-for", "level", level, "who", who), mine));
    }
    facts
}

/// A level that was skipped, among the steps of the case.
pub(super) fn step(page: &Page, made: &OrderView, level: u8, title: String) -> Step {
    match made.words.iter().find(|word| word.level == level) {
        Some(word) => Step {
            state: if word.verdict == Verdict::Ratify { StepState::Done } else { StepState::Stopped },
            title,
            who: format!("{} {}", word.name, page.t(&format!("ratification-made-{}", word.verdict))),
            note: page.tr.clock(word.at),
        },
        None if made.standing == Standing::Owed => Step { state: StepState::Todo, title, who: String::new(), note: page.t("recall-step-skipped") },
        None => Step { state: StepState::Todo, title, who: String::new(), note: page.t("order-title") },
    }
}

fn item(page: &Page, word: &WordView) -> TimelineItem {
    let verdict = page.t(&format!("ratification-made-{}", word.verdict));
    let mut what = page.a2("ratification-said", "level", page.t(&format!("level-{}", word.level)), "verdict", verdict);
    if let Some(comment) = &word.comment {
        what = page.a2("recall-said", "what", &what, "said", comment);
    }
    let tone = if word.verdict == Verdict::Ratify { Tone::Ok } else { Tone::Bad };
    let details = if word.late { vec![page.t("ratification-late")] } else { Vec::new() };
    TimelineItem { at: page.stamp(word.at), tone, who: word.name.clone(), what, details }
}

/// `POST /recalls/{id}/orders`.
pub async fn order(app: Data<App>, me: SignedIn, page: Page, path: Path<String>, req: HttpRequest, posted: Posted) -> Result<HttpResponse, Fault> {
    let (id, me) = (path.into_inner(), me.with(&posted));
    let make = |request| async {
        let input = order::Typed {
            category: posted.get("category").to_owned(),
            reason: typed(&posted, "reason"),
            totp: posted.get(step_up::FIELD).to_owned(),
            seen: Some(posted.get("version").parse().unwrap_or(-1)),
            id: request,
        };
        let done = order::order(&app, &me.caller, &id, input).await?;
        Ok(act::receipt_of(&done.value.id, &done))
    };
    let ended = once::form(&app, &me, &req, &posted, make).await?;
    act::answer(&app, &me, page, &id, &posted, Form::Order, ended).await
}

/// `POST /recalls/{id}/ratifications`.
pub async fn ratify(app: Data<App>, me: SignedIn, page: Page, path: Path<String>, req: HttpRequest, posted: Posted) -> Result<HttpResponse, Fault> {
    let (id, me) = (path.into_inner(), me.with(&posted));
    let make = |request| async {
        let input = ratify::Typed {
            verdict: posted.get("verdict").to_owned(),
            comment: typed(&posted, "comment"),
            totp: posted.get(step_up::FIELD).to_owned(),
            seen: Some(posted.get("words").parse().unwrap_or(usize::MAX)),
            id: request,
        };
        let done = ratify::ratify(&app, &me.caller, &id, input).await?;
        Ok(act::receipt_of(&done.value.id, &done))
    };
    let ended = once::form(&app, &me, &req, &posted, make).await?;
    act::answer(&app, &me, page, &id, &posted, Form::Ratify, ended).await
}
