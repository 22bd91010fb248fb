//! `GET /recalls/{id}`: the case page. The posts of its forms are in `act`; a refused one comes back here with what was typed.

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use askama::Template;

use super::{
    badge, build,
    build::{Check, WhyNot, nothing},
    first::{self, FirstPanel},
    outcomes,
    remediations::{self, PlanPanel},
    verbs,
    weighing::{self, Asked, Weighed},
};
use crate::{
    app::{
        App,
        recalls::{
            correct::Standing,
            said::Candidate,
            view::{self, Noticed, Show, Showing},
        },
    },
    clock::Instant,
    crypto,
    domain::{
        platform::HarmClass,
        recall::{Mode, State, participation::Entry, weighing::LEVEL},
    },
    web::{
        Fault, FormState, Page, SignedIn,
        console::broadcasts::corrected,
        html,
        page::{Html, escape},
        view::{Choice, Crumb, Fact, Step, TimelineItem},
        visit::Tone,
    },
};

/// A capture of a guided recall.
pub struct CaptureRow {
    /// Empty for who may not open it.
    pub href: String,
    pub name: String,
    pub note: String,
    pub sha256: String,
}

/// The forms of the page, by the name of what they post to.
pub struct Forms {
    pub decide: FormState,
    pub withdraw: FormState,
    pub resubmit: FormState,
    pub capture: FormState,
    pub confirm: FormState,
    pub halt: FormState,
    pub transfer: FormState,
    pub addition: FormState,
    pub removal: FormState,
    pub ask: FormState,
    pub answer: FormState,
    pub comment: FormState,
    pub remind: FormState,
    pub order: FormState,
    pub ratify: FormState,
    pub remedy: FormState,
    pub remedied: FormState,
    pub dropped: FormState,
}

impl Default for Forms {
    fn default() -> Self {
        Self {
            decide: FormState::new("decision").ids("decide"),
            withdraw: FormState::new("withdrawal").ids("withdrawal"),
            resubmit: FormState::new("recall").ids("resubmission"),
            capture: FormState::new("capture").ids("capture"),
            confirm: FormState::new("confirmation").ids("confirmation"),
            halt: FormState::new("halt").ids("halt"),
            transfer: FormState::new("transfer").ids("transfer"),
            addition: FormState::new("addition").ids("addition"),
            removal: FormState::new("removal").ids("removal"),
            ask: FormState::new("inquiry").ids("ask"),
            answer: FormState::new("answer").ids("answer"),
            comment: FormState::new("comment").ids("remark"),
            remind: FormState::new("reminder").ids("reminder"),
            order: FormState::new("order").ids("order"),
            ratify: FormState::new("ratification").ids("ratify"),
            remedy: FormState::new("remediation").ids("remedy"),
            remedied: FormState::new("completion").ids("completion"),
            dropped: FormState::new("dropping").ids("dropping"),
        }
    }
}

#[derive(Template)]
#[template(path = "recalls/show.html")]
struct CasePage {
    page: Page,
    crumbs: Vec<Crumb>,
    id: String,
    number: String,
    title: String,
    heading: String,
    tone: Tone,
    state: String,
    high: bool,
    byline: Html,
    left: Option<Html>,
    cut_off: Html,
    facts: Vec<Fact>,
    steps: Vec<Step>,
    due: Option<Html>,
    request: Vec<Fact>,
    /// What is sent in the message's place.
    correction: Option<build::Correction>,
    may_correct: bool,
    /// The last ratification has the corrected message sent.
    ratifying_sends: bool,
    impact: Vec<Fact>,
    checks: Vec<Check>,
    /// That an open level's time is over, and what followed.
    escalated: Vec<String>,
    /// Second factors that were reset on the day of a decision here.
    resets: Vec<String>,
    /// The platform does not take our credentials, while the recall is under way.
    unauthorized: Option<String>,
    /// The execution waits for witnesses.
    waiting: Option<String>,
    message: Option<Vec<String>>,
    /// They may read it, but this answer does not open it.
    message_closed: bool,
    unrecorded: bool,
    /// Message and words are gone: their time was over; where the log tells of it.
    is_erased: bool,
    erased: Option<u64>,
    message_byline: String,
    commitment: String,
    broadcast: String,
    timeline: Vec<TimelineItem>,
    reads: Vec<TimelineItem>,
    /// Who was told what by mail.
    notices: Vec<NoticeLine>,
    /// How many events of both sorts there are.
    events: (usize, usize),
    /// How far the case has come; the page is out of date once it is more.
    acts: usize,
    more_events: bool,
    /// The page asks whether it is out of date, as long as the case goes on.
    watched: bool,
    /// The level that waits for this person.
    level: Option<u8>,
    level_name: String,
    /// The delegation that they would decide under, and a sentence about it; empty in their own name.
    behalf: String,
    in_name: String,
    verbs: Vec<Choice>,
    /// What level 2 is asked, with what can be answered; nothing at the other levels.
    questions: Vec<Asked>,
    replies: Vec<Choice>,
    /// The rules of the case want every answer.
    must_answer: bool,
    /// The questions lie open.
    asking: bool,
    /// What level 2 answered, and what follows.
    weighed: Weighed,
    how_many: String,
    version: i64,
    why_not: Option<WhyNot>,
    /// Who can decide the open levels.
    able: Vec<Fact>,
    /// Open levels that nobody can decide.
    stranded: Option<String>,
    summary: String,
    shown: String,
    captures: Vec<CaptureRow>,
    outcomes: Vec<Choice>,
    may_withdraw: bool,
    may_resubmit: bool,
    may_capture: bool,
    may_confirm: Option<Result<(), String>>,
    may_halt: bool,
    /// What was done and said beside deciding, oldest first.
    said: Vec<TimelineItem>,
    candidates: Vec<Choice>,
    /// Added reviewers whom this person may remove again.
    removable: Vec<Choice>,
    /// Who approves first, or that this person was added; empty for neither.
    added: String,
    may_ask: bool,
    may_answer: bool,
    /// The question that waits for this person's answer.
    question: String,
    may_comment: bool,
    may_remind: bool,
    may_audit: bool,
    may_export: bool,
    /// Recalled first, and what is owed for it.
    first: FirstPanel,
    /// What is left to do, once the case has ended.
    plan: Option<PlanPanel>,
    forms: Forms,
}

impl CasePage {
    /// Forms that were refused and whose place on the page is gone, for the case went on: with what was typed in them.
    fn lost(&self) -> Vec<(&FormState, Vec<&str>)> {
        let forms = &self.forms;
        let places = [
            (&forms.transfer, !self.candidates.is_empty()),
            (&forms.addition, !self.candidates.is_empty()),
            (&forms.removal, !self.removable.is_empty()),
            (&forms.ask, self.may_ask && self.level.is_some()),
            (&forms.resubmit, self.may_resubmit),
            (&forms.confirm, matches!(self.may_confirm, Some(Ok(())))),
            (&forms.capture, self.may_capture),
            (&forms.withdraw, self.may_withdraw),
            (&forms.halt, self.may_halt),
            (&forms.remedy, self.plan.as_ref().is_some_and(|plan| !plan.strategies.is_empty())),
            (&forms.remedied, self.plan.as_ref().is_some_and(|plan| !plan.to_finish.is_empty())),
            (&forms.dropped, self.plan.as_ref().is_some_and(|plan| !plan.to_drop.is_empty())),
        ];
        let typed = |form: &'_ FormState| {
            ["reason", "basis", "correction.text", "question", "note", "done"]
                .into_iter()
                .filter(|field| !form.value(field).is_empty())
                .collect::<Vec<_>>()
        };
        let lost = places.into_iter().filter(|(form, has_place)| !form.ok() && !has_place);
        lost.map(|(form, _)| (form, typed(form).into_iter().map(|field| form.value(field)).collect())).collect()
    }
}

/// A mail to somebody.
struct NoticeLine {
    name: String,
    what: String,
    at: Html,
    tone: Tone,
    state: String,
    /// Why it did not go; empty for none.
    problem: String,
}

impl NoticeLine {
    fn of(page: &Page, n: &Noticed) -> Self {
        Self {
            name: n.name.clone(),
            what: page.word("notice", &n.kind),
            at: page.time(n.at),
            tone: match n.state.as_str() {
                "sent" => Tone::Ok,
                "failed" => Tone::Bad,
                "waiting" => Tone::Warn,
                _ => Tone::Mute,
            },
            state: page.word("notice-state", &n.state),
            problem: n.problem.clone().unwrap_or_default(),
        }
    }
}

/// Shows the case.
pub async fn show(app: Data<App>, me: SignedIn, page: Page, path: Path<String>) -> Result<HttpResponse, Fault> {
    render(&app, &me, page, &path, Forms::default(), StatusCode::OK, Showing::Opened).await
}

/// The case page with these forms.
pub(super) async fn render(
    app: &App,
    me: &SignedIn,
    page: Page,
    id: &str,
    mut forms: Forms,
    status: StatusCode,
    showing: Showing,
) -> Result<HttpResponse, Fault> {
    let v = view::show(app, &me.caller, id, showing).await?;
    if forms.resubmit.ok()
        && forms.resubmit.value("reason").is_empty()
        && let Some(asked) = v.dossier.current()
    {
        forms.resubmit = forms.resubmit.with("reason", asked.reason.clone()).with("basis", asked.basis.clone());
        if asked.tell_readers {
            forms.resubmit = forms.resubmit.with("tell_readers", "1");
        }
        let proposed = v.title.as_deref().map(|title| (corrected(title), String::new()));
        let before = asked.correction.as_ref().map(|c| (c.title.clone(), c.text.clone())).or(proposed);
        if let Some((title, text)) = before {
            forms.resubmit = forms.resubmit.with("correction.title", title).with("correction.text", text);
        }
    }
    html(status, finished(page, v, forms))
}

fn finished(page: Page, v: Show, mut forms: Forms) -> CasePage {
    forms.decide = weighing::named(&page, forms.decide);
    let row = &v.loaded.row;
    let case = &v.loaded.case;
    let open_level = case.open.first().copied();
    let (tone, state) = badge(&page.tr, case.state, open_level);
    let title = v.title.clone().unwrap_or_else(|| row.number.clone());
    let running_out = matches!(case.state, State::Reviewing | State::Returned | State::Approved);
    // Who has no second factor has nothing to decide with.
    let level = v.mine.decide.as_ref().and_then(|d| d.as_ref().ok().copied()).filter(|_| v.why.is_none());
    let people = page.n("people-count", u64::try_from(row.recipients_count).unwrap_or(0));
    let total = u64::try_from(row.recipients_count).unwrap_or(0).saturating_sub(v.counts.refused);
    CasePage {
        crumbs: vec![Crumb::link("/recalls", page.t("nav-recalls")), Crumb::here(row.number.clone())],
        id: row.id.clone(),
        number: row.number.clone(),
        heading: page.a1(if case.mode == Mode::Guided { "recall-heading-guided" } else { "recall-heading" }, "title", &title),
        high: v.class == HarmClass::Leak,
        byline: byline(&page, &v),
        left: running_out.then(|| row.cut_off.map(|c| page.countdown(Instant(c)))).flatten(),
        cut_off: row.cut_off.map_or_else(nothing, |c| page.time(Instant(c))),
        facts: build::facts(&page, &v),
        steps: build::steps(&page, &v),
        due: v.levels.iter().find(|l| l.open).map(|l| page.time(l.due)),
        request: build::request(&page, &v),
        correction: build::correction(&page, &v),
        ratifying_sends: v.correction.as_ref().is_some_and(|(_, standing)| *standing == Standing::Planned),
        // What was asked for or typed is not lost where it cannot be sent just now: it is said at its field.
        may_correct: v.may_correct || row.correction_id.is_some() || !forms.resubmit.value("correction.text").is_empty(),
        impact: impact(&page, &v),
        checks: build::checks(&page, &v),
        escalated: build::escalated(&page, &v),
        resets: build::resets(&page, &v),
        unauthorized: build::unauthorized(&page, &v),
        waiting: build::waiting(&page, &v),
        message_closed: v.content.is_none() && v.title.is_some(),
        message: v.content.as_ref().map(|c| build::paragraphs(&c.text)),
        unrecorded: v.unrecorded,
        is_erased: row.erased_at.is_some(),
        erased: v.erased,
        message_byline: v.sender.clone().unwrap_or_default(),
        commitment: hex::encode(v.broadcast.commitment),
        broadcast: v.broadcast.id.clone(),
        timeline: build::timeline(&page, &v.timeline),
        reads: build::timeline(&page, &v.reads),
        notices: v.notices.iter().map(|n| NoticeLine::of(&page, n)).collect(),
        acts: v.acts,
        events: v.events,
        more_events: v.events.0 > v.timeline.len(),
        watched: !v.loaded.case.state.is_terminal(),
        verbs: verbs(&page.tr, level == Some(3)),
        questions: if level == Some(LEVEL) { weighing::asked(&page) } else { Vec::new() },
        replies: weighing::replies(&page),
        must_answer: case.must_answer,
        asking: case.must_answer || weighing::is_open(&forms.decide),
        weighed: weighing::weighed(&page, &v),
        how_many: page.n("recall-warning", total),
        version: row.version,
        why_not: build::why_not(&page, &v),
        able: build::able(&page, &v),
        stranded: build::stranded(&page, &v),
        shown: hex::encode(crypto::sha256(v.summary.as_bytes())),
        summary: v.summary.clone(),
        captures: captures(&page, &v),
        outcomes: outcomes(&page.tr),
        may_withdraw: v.mine.withdraw,
        may_resubmit: v.mine.resubmit,
        may_capture: v.mine.capture,
        may_confirm: v.mine.confirm.map(|c| c.map_err(|guard| page.t(&format!("refusal-{guard}")))),
        may_halt: v.mine.halt,
        said: build::said(&page, &v),
        removable: v.awaited.iter().filter(|a| a.mine).map(|a| Choice::new(a.id.as_str(), a.name.as_str())).collect(),
        added: build::added(&page, &v),
        candidates: v.candidates.iter().map(|c| Choice::new(c.id.as_str(), candidate(&page, level, c))).collect(),
        may_ask: v.mine.ask,
        may_answer: v.mine.answer,
        question: v.said.iter().rev().find(|s| s.kind == Entry::Question).map(|s| s.text.clone()).unwrap_or_default(),
        may_comment: v.mine.comment,
        may_remind: v.mine.remind,
        first: first::panel(&page, &v),
        plan: v.plan.as_ref().map(|plan| remediations::panel(&page, plan)),
        may_audit: page.can("audit.read"),
        may_export: page.can("evidence.export"),
        title: format!("{title} {people}"),
        behalf: v.mine.behalf.as_ref().map(|grant| grant.id.clone()).unwrap_or_default(),
        in_name: v
            .mine
            .behalf
            .as_ref()
            .map_or_else(String::new, |grant| page.a2("decision-behalf", "name", &grant.name, "until", page.tr.time(grant.until))),
        level_name: level.map_or_else(String::new, |l| page.t(&format!("level-{l}"))),
        level,
        tone,
        state,
        forms,
        page,
    }
}

/// Somebody whom a level could go to; at the level that is asked the questions whoever is counsel is marked, for a foreseeable dispute is theirs to approve.
fn candidate(page: &Page, level: Option<u8>, c: &Candidate) -> String {
    if level == Some(LEVEL) && c.counsel { page.a1("weighing-candidate", "name", &c.name) } else { c.name.clone() }
}

fn byline(page: &Page, v: &Show) -> Html {
    let who = match &v.department {
        Some(department) => page.a2("recall-by-of", "who", &v.requester, "department", department),
        None => v.requester.clone(),
    };
    let at = page.time_noted(Instant(v.loaded.row.submitted_at));
    Html::trusted(format!("{} {} {at}", escape(&who), escape(&page.t("recall-asked-at"))))
}

fn impact(page: &Page, v: &Show) -> Vec<Fact> {
    let told = v.counts.read + v.counts.unread > 0;
    let platform = page.word("platform", v.broadcast.platform);
    let mut facts = vec![
        Fact::new(page.t("recall-channel"), v.broadcast.channel.clone(), if platform == v.broadcast.channel { "" } else { &platform }),
        Fact::new(page.t("recall-recipients"), page.n("people-count", u64::try_from(v.loaded.row.recipients_count).unwrap_or(0)), ""),
        Fact::new(page.t("recall-fact-read"), if told { page.num(v.counts.read) } else { page.t("recall-untold") }, ""),
    ];
    let residue: Vec<String> = v.broadcast.capabilities.residue.iter().map(|key| page.t(key)).collect();
    if !residue.is_empty() {
        facts.push(Fact::new(page.t("recall-residue"), page.clauses(&residue), ""));
    }
    facts
}

fn captures(page: &Page, v: &Show) -> Vec<CaptureRow> {
    let erased = v.loaded.row.erased_at.is_some();
    let may_open = !erased && (page.can("content.read") || page.can("recall.execute"));
    v.captures
        .iter()
        .map(|(head, by, confirmed)| CaptureRow {
            href: if may_open { format!("/recalls/{}/captures/{}", v.loaded.row.id, head.id) } else { String::new() },
            name: if erased { page.t("contents-erased") } else { head.name.clone() },
            note: match confirmed {
                Some(name) => page.a2("capture-confirmed", "by", by, "name", name),
                None => page.a2("capture-uploaded", "by", by, "at", page.tr.time(Instant(head.uploaded_at))),
            },
            sha256: hex::encode(&head.sha256),
        })
        .collect()
}
