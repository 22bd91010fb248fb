//! What the case page shows, finished: words, tones, times. Nothing here decides anything.

use super::first;
use crate::{
    app::recalls::{
        able::{Able, Why},
        check::Named,
        correct::Standing,
        said::Said,
        view::{self, LevelView, Show},
    },
    clock::Instant,
    domain::{
        event::{Action, Outcome},
        recall::{Made, Mode, State, Verb, participation::Entry},
    },
    web::{
        Page,
        page::Html,
        view::{Fact, Step, StepState, TimelineItem},
        visit::Tone,
    },
};

/// A line of the conditions.
pub struct Check {
    pub icon: &'static str,
    pub class: &'static str,
    pub label: String,
    pub text: String,
}

pub(super) fn facts(page: &Page, v: &Show) -> Vec<Fact> {
    let total = u64::try_from(v.loaded.row.recipients_count).unwrap_or(0);
    let told = v.counts.read + v.counts.unread > 0;
    let read = if told { page.num(v.counts.read) } else { page.t("recall-untold") };
    // What a person reported was never accepted by a platform.
    let (known, count) = match v.counts.reported {
        0 => ("recall-fact-accepted", v.counts.accepted),
        reported => ("fact-reported", reported),
    };
    match &v.tally {
        Some(t) => vec![
            Fact::new(page.t("recipient-outcome-confirmed"), page.num(t.confirmed), ""),
            Fact::new(page.t("recipient-outcome-accepted"), page.num(t.accepted), ""),
            Fact::new(page.t("recall-fact-visible"), page.num(t.still_visible + t.failed), ""),
            Fact::new(page.t("recipient-outcome-unknown"), page.num(t.unknown), ""),
        ],
        None => vec![
            Fact::new(page.t(known), page.num(count), ""),
            Fact::new(page.t("recall-fact-read"), read, ""),
            Fact::new(page.t("recall-fact-recallable"), page.num(total.saturating_sub(v.counts.refused)), ""),
            Fact::new(page.t("recall-fact-refused"), page.num(v.counts.refused), ""),
        ],
    }
}

pub(super) fn steps(page: &Page, v: &Show) -> Vec<Step> {
    let ended = v.loaded.case.state.is_terminal();
    let mut steps = vec![Step {
        state: StepState::Done,
        title: page.t("recall-step-submitted"),
        who: v.requester.clone(),
        note: page.tr.clock(Instant(v.loaded.row.submitted_at)),
    }];
    let mut since = Instant(v.loaded.row.submitted_at);
    for level in &v.levels {
        steps.push(step(page, v, level, since, ended));
        if let Some(made) = &level.made {
            since = made.at;
        }
    }
    let case = &v.loaded.case;
    let ran = matches!(case.state, State::Executing | State::Recalled | State::RecallAccepted | State::PartlyRecalled | State::Failed);
    let state = match case.state {
        State::Approved | State::Executing => StepState::Now,
        State::Recalled | State::RecallAccepted | State::PartlyRecalled => StepState::Done,
        State::Failed => StepState::Stopped,
        _ => StepState::Todo,
    };
    let note = match case.state {
        _ if ran || case.state == State::Approved => page.word("recall-state", case.state),
        _ if ended => page.t("recall-step-not-run"),
        _ if case.mode == Mode::Api => page.t("recall-step-runs-itself"),
        _ => page.t("recall-step-by-operator"),
    };
    steps.push(Step { state, title: page.t("recall-step-execution"), who: String::new(), note });
    steps
}

/// Who was added to a level and approved, as a clause.
fn added_names(page: &Page, level: &LevelView) -> Vec<String> {
    let names: Vec<String> = level.added.iter().map(|d| in_name(page, &d.name, d.behalf.as_ref())).collect();
    if names.is_empty() { Vec::new() } else { vec![page.a1("recall-step-added", "who", page.list(&names))] }
}

fn step(page: &Page, v: &Show, level: &LevelView, since: Instant, ended: bool) -> Step {
    let title = page.t(&format!("level-{}", level.level));
    match &level.made {
        Some(made) => Step {
            state: if made.verb == Verb::Approve { StepState::Done } else { StepState::Stopped },
            title,
            who: format!("{} {}", in_name(page, &made.name, made.behalf.as_ref()), page.t(&format!("recall-made-{}", made.verb))),
            note: page.clauses(
                &[
                    added_names(page, level),
                    vec![page.a2("recall-step-took", "at", page.tr.clock(made.at), "took", page.duration(made.at.since(since)))],
                ]
                .concat(),
            ),
        },
        None if level.open => Step {
            state: StepState::Now,
            title,
            who: some(page, &names(&level.who)),
            note: page.clauses(&[added_names(page, level), vec![page.t("recall-step-waits")]].concat()),
        },
        None => {
            if let Some(made) = v.first.made.as_ref().filter(|made| made.levels.contains(&level.level)) {
                return first::step(page, made, level.level, title);
            }
            let stopped = ended && v.loaded.case.open.contains(&level.level);
            let note = if stopped { page.word("recall-state", v.loaded.case.state) } else { String::new() };
            Step { state: if stopped { StepState::Stopped } else { StepState::Todo }, title, who: String::new(), note }
        }
    }
}

/// Who did it, and on whose behalf.
pub(super) fn in_name(page: &Page, who: &str, behalf: Option<&String>) -> String {
    behalf.map_or_else(|| who.to_owned(), |name| page.a2("who-behalf", "who", who, "behalf", page.a1("behalf-made", "name", name)))
}

/// Those who could decide, in a row, each with on whose behalf.
pub(in crate::web::console) fn deciding(page: &Page, people: &[Named]) -> String {
    let one = |who: &Named| who.behalf.as_ref().map_or_else(|| who.name.clone(), |of| page.a2("able-for", "who", &who.name, "name", of));
    if people.is_empty() { page.t("recall-nobody") } else { some(page, &people.iter().map(one).collect::<Vec<_>>()) }
}

/// Names in a row; of many people only the first few.
pub(in crate::web::console) fn some(page: &Page, names: &[String]) -> String {
    const SHOWN: usize = 5;
    match names.len().saturating_sub(SHOWN) {
        0 | 1 => page.list(names),
        more => page.n_with("people-and-more", more, &[("names", page.list(&names[..SHOWN])), ("total", page.num(names.len()))]),
    }
}

pub(super) fn request(page: &Page, v: &Show) -> Vec<Fact> {
    let mut facts = vec![Fact::new(page.t("field-recall-category"), page.word("harm-class", v.class), "")];
    if let Some(asked) = v.dossier.current() {
        let basis = if asked.basis.is_empty() { page.t("recall-none-given") } else { asked.basis.clone() };
        let told = if asked.tell_readers { "recall-readers-told" } else { "recall-readers-not-told" };
        facts.push(Fact::new(page.t("field-recall-reason"), asked.reason.clone(), ""));
        facts.push(Fact::new(page.t("field-recall-basis"), basis, ""));
        facts.push(Fact::new(page.t("recall-readers"), page.t(told), ""));
    } else if v.loaded.row.erased_at.is_some() {
        facts.push(Fact::new(page.t("field-recall-reason"), page.t("contents-erased"), ""));
    }
    facts.push(Fact::new(page.t("recall-mode"), page.word("recall-mode", v.loaded.case.mode), ""));
    facts.push(Fact::new(page.t("policy-facts"), page.a1("policy-version", "n", v.loaded.row.policy_version), ""));
    for (n, earlier) in v.dossier.submissions.iter().enumerate().rev().skip(1) {
        facts.push(Fact::new(page.a1("recall-earlier-round", "round", n + 1), earlier.reason.clone(), page.tr.time(earlier.at)));
    }
    if let Some(why) = &v.dossier.halt_reason {
        facts.push(Fact::new(page.t("recall-halted"), why.clone(), ""));
    }
    if let Some(stated) = &v.dossier.stated {
        facts.push(Fact::new(page.t("recall-stated"), page.word("recall-stated", stated.outcome), stated.note.clone()));
    }
    facts
}

/// A corrected message as a case page shows it.
pub(super) struct Correction {
    pub tone: Tone,
    pub state: String,
    /// What becomes of it.
    pub note: String,
    /// For who may read the message that it replaces.
    pub title: Option<String>,
    pub text: Option<Vec<String>>,
    pub sha256: String,
    /// The broadcast that it became.
    pub href: Option<String>,
}

pub(super) fn correction(page: &Page, v: &Show) -> Option<Correction> {
    let (broadcast, standing) = v.correction.as_ref()?;
    let asked = v.dossier.current().and_then(|asked| asked.correction.as_ref());
    let tone = match standing {
        Standing::Planned | Standing::Due => Tone::Info,
        Standing::Submitted => Tone::Ok,
        Standing::NotSent => Tone::Warn,
        Standing::Failed => Tone::Bad,
    };
    Some(Correction {
        tone,
        state: page.word("correction-state", standing),
        note: page.word("correction-note", standing),
        title: asked.filter(|_| v.title.is_some()).map(|c| c.title.clone()),
        text: asked.filter(|_| v.content.is_some()).map(|c| paragraphs(&c.text)),
        sha256: asked.and_then(|c| c.commitment().ok()).map(hex::encode).unwrap_or_default(),
        href: (matches!(standing, Standing::Submitted | Standing::Failed) && page.can("broadcast.read")).then(|| format!("/broadcasts/{broadcast}")),
    })
}

pub(super) fn checks(page: &Page, v: &Show) -> Vec<Check> {
    let case = &v.loaded.case;
    let in_window = case.window_end().is_none_or(|end| v.now < end);
    let people: std::collections::BTreeSet<_> = case.approvers().map(|(_, who)| who).collect();
    let names: std::collections::BTreeSet<_> = case.approvals().map(Made::voice).collect();
    let approvals = case.approvers().count();
    let mut lines = vec![
        (in_window, "check-window"),
        (people.len() == approvals && names.len() == approvals && !people.contains(&case.requester), "check-people"),
        (case.closing().count() == 3, "check-levels"),
        (v.loaded.row.commitment == v.broadcast.commitment, "check-sealed"),
        (!case.halted, "check-halt"),
    ];
    if case.mode == Mode::Api {
        lines.push((v.broadcast.capabilities.read_back, "check-read-back"));
    }
    lines
        .into_iter()
        .map(|(holds, key)| {
            // What is not yet so is no failure while the case is being judged.
            let soft = matches!(key, "check-levels" | "check-read-back");
            let (icon, class, label) = match (holds, soft) {
                (true, _) => ("check", "c-ok", "check-holds"),
                (false, true) => ("warn", "c-warn", "check-note"),
                (false, false) => ("x", "c-bad", "check-fails"),
            };
            Check { icon, class, label: page.t(label), text: page.t(&format!("{key}-{}", if holds { "yes" } else { "no" })) }
        })
        .collect()
}

pub(super) fn timeline(page: &Page, entries: &[view::Entry]) -> Vec<TimelineItem> {
    entries.iter().map(|e| item(page, e)).collect()
}

fn item(page: &Page, e: &view::Entry) -> TimelineItem {
    let tone = match (e.outcome, e.action) {
        (Some(Outcome::Refused), _) => Tone::Warn,
        (Some(Outcome::Failed), _) => Tone::Bad,
        (_, Some(Action::ContentRead | Action::PermissionChecked)) => Tone::Mute,
        _ => Tone::Ok,
    };
    let mut what = e.action.map(|a| page.word("action", a)).unwrap_or_default();
    if let (Some(Action::RecallDecided), Some(level)) = (e.action, e.detail["level"].as_u64()) {
        let verb = e.detail["decision"].as_str().unwrap_or_default();
        what = format!("{} {}", page.t(&format!("level-{level}")), page.t(&format!("recall-made-{verb}")));
    }
    let mut details = Vec::new();
    if e.outcome == Some(Outcome::Refused) {
        what = page.pair(&page.t("outcome-refused"), &what);
        let reason = e.detail["reason"].as_str().unwrap_or_default();
        details.extend(page.maybe(&format!("refusal-{reason}")));
    }
    if let Some(words) = e.detail["about"]["reason"].as_str().and_then(|reason| page.maybe(&format!("refusal-{reason}"))) {
        what = format!("{what} {words}");
    }
    if let Some(result) = e.detail["result"].as_str() {
        what = page.pair(&what, &page.word("call-result", result));
    }
    if !e.said.is_empty() {
        what = page.a2("recall-said", "what", &what, "said", &e.said);
    }
    details.push(page.a1("recall-event-index", "index", page.num(e.index)));
    details.extend(e.client_ip.clone());
    details.extend(e.device.as_ref().map(|d| page.a1("recall-device", "code", d)));
    let who = if e.who.is_empty() { page.word("actor-kind", &e.kind) } else { in_name(page, &e.who, e.behalf.as_ref()) };
    TimelineItem { at: page.stamp(e.at), tone, who, what, details }
}

/// What was done and said beside deciding.
pub(super) fn said(page: &Page, v: &Show) -> Vec<TimelineItem> {
    let item = |s: &Said| {
        let mut what = match s.kind {
            kind @ (Entry::Transfer | Entry::Addition | Entry::Removal) => {
                page.a2(&format!("said-{kind}"), "level", page.t(&format!("level-{}", s.level)), "to", &s.to)
            }
            kind => page.word("said", kind),
        };
        if !s.text.is_empty() {
            what = page.a2("recall-said", "what", &what, "said", &s.text);
        }
        let tone = if matches!(s.kind, Entry::Question | Entry::Reminder) { Tone::Warn } else { Tone::Mute };
        TimelineItem { at: page.stamp(s.at), tone, who: s.who.clone(), what, details: Vec::new() }
    };
    v.said.iter().map(item).collect()
}

/// What comes next, in words.
pub(super) fn next(page: &Page, state: State, mode: Mode) -> String {
    let key = format!("recall-next-{}", state.as_str().replace('_', "-"));
    // In the platform's console people act, and nothing happens by itself.
    let by_hand = (mode == Mode::Guided).then(|| page.maybe(&format!("{key}-guided"))).flatten();
    by_hand.unwrap_or_else(|| page.t(&key))
}

/// Second factors that two people took away on the day of a decision in this case, one line each.
pub(super) fn resets(page: &Page, v: &Show) -> Vec<String> {
    let line = |r: &crate::app::recalls::view::ResetShown| {
        let at = page.tr.time(r.at);
        page.a("recall-second-factor-reset", &[("who", &r.who), ("at", &at), ("proposed", &r.proposed_by), ("confirmed", &r.confirmed_by)])
    };
    v.resets.iter().map(line).collect()
}

/// That the time of a level that waits is over, and what followed from it.
pub(super) fn escalated(page: &Page, v: &Show) -> Vec<String> {
    let case = &v.loaded.case;
    let over = v.levels.iter().filter(|l| case.state == State::Reviewing && l.open && case.escalated.contains(&l.level));
    let told = over.flat_map(|l| {
        let (level, due) = (page.t(&format!("level-{}", l.level)), page.tr.time(l.due));
        let widened = case.is_widened(l.level).then(|| page.a1("escalated-widened", "level", &level));
        [Some(page.a2("escalated-line", "level", &level, "due", &due)), widened]
    });
    told.flatten().collect()
}

/// That the execution waits for witnesses, and how long.
pub(super) fn waiting(page: &Page, v: &Show) -> Option<String> {
    let waiting = v.waiting.as_ref()?;
    let since = page.tr.time(waiting.since);
    Some(match waiting.until {
        Some(until) => page.a("recall-waits-witnesses", &[("since", &since), ("until", &page.tr.time(until))]),
        None => page.a1("recall-waits-witnesses-on", "since", &since),
    })
}

/// That the execution waits for somebody to mend the connection: what the platform answered last.
pub(super) fn unauthorized(page: &Page, v: &Show) -> Option<String> {
    if v.loaded.case.state != State::Executing {
        return None;
    }
    let last = v.timeline.iter().find(|e| e.action == Some(Action::RecallCallAnswered))?;
    let code = last.detail["code"].as_str().unwrap_or("-");
    let key = if v.loaded.case.window_end().is_some() { "recall-unauthorized" } else { "recall-unauthorized-open" };
    (last.detail["result"] == "unauthorized").then(|| page.a1(key, "code", code))
}

/// Text as paragraphs, one a line.
pub(super) fn paragraphs(text: &str) -> Vec<String> {
    text.lines().map(str::trim_end).filter(|l| !l.is_empty()).map(ToOwned::to_owned).collect()
}

/// What is shown where the decision form would be, for who may not decide: the reason, and who can.
pub(super) struct WhyNot {
    pub reason: String,
    pub who: String,
}

fn names(able: &[Able]) -> Vec<String> {
    able.iter().map(|a| a.name.clone()).collect()
}

/// Why somebody cannot decide, in a sentence.
fn why_words(page: &Page, v: &Show, why: &Why) -> String {
    let level = |level: u8| page.t(&format!("level-{level}"));
    match why {
        Why::Rule(guard) => page.t(&format!("refusal-{guard}")),
        Why::Decided(made) => page.a1("why-decided", "level", level(*made)),
        Why::NotYet(mine) => {
            let open: Vec<String> = v.loaded.case.open.iter().map(|l| level(*l)).collect();
            page.a2("why-not-yet", "level", level(*mine), "open", page.list(&open))
        }
        Why::PassedOn(name) => page.a1("why-passed-on", "name", name),
        Why::NoSecondFactor => page.t("why-no-second-factor"),
    }
}

/// Who can decide the open levels, one line a person.
pub(super) fn able(page: &Page, v: &Show) -> Vec<Fact> {
    let line = |a: &Able, level: u8| {
        let mut notes = Vec::new();
        match &a.behalf {
            Some((name, since)) => notes.push(page.a2("able-behalf", "name", name, "since", page.tr.time(*since))),
            None => notes.push(page.a1("able-own", "level", page.t(&format!("level-{level}")))),
        }
        if a.added {
            notes.push(page.t("able-added"));
        }
        if a.passed {
            notes.push(page.t("able-passed"));
        }
        notes.extend(a.away.as_ref().map(|(name, until)| page.a2("able-away", "name", name, "until", page.tr.time(*until))));
        page.clauses(&notes)
    };
    v.levels.iter().filter(|l| l.open).flat_map(|l| l.who.iter().map(move |a| Fact::new(a.name.clone(), line(a, l.level), ""))).collect()
}

/// Who approves the level first that waits for this person, or that they were added themself; empty for neither.
pub(super) fn added(page: &Page, v: &Show) -> String {
    if v.awaited.iter().any(|a| a.me) {
        return page.t("added-you");
    }
    let names: Vec<String> = v.awaited.iter().map(|a| a.name.clone()).collect();
    if names.is_empty() { String::new() } else { page.a1("added-first", "who", page.list(&names)) }
}

/// The open levels that nobody can decide now.
pub(super) fn stranded(page: &Page, v: &Show) -> Option<String> {
    let levels: Vec<String> = v.levels.iter().filter(|l| l.open && l.who.is_empty()).map(|l| page.t(&format!("level-{}", l.level))).collect();
    (!levels.is_empty()).then(|| page.list(&levels))
}

pub(super) fn why_not(page: &Page, v: &Show) -> Option<WhyNot> {
    let case = &v.loaded.case;
    let open = v.levels.iter().find(|l| l.open);
    let who = match open {
        Some(level) if level.who.is_empty() => page.a1("recall-who-nobody", "level", page.t(&format!("level-{}", level.level))),
        Some(level) => page.a2("recall-who-can", "level", page.t(&format!("level-{}", level.level)), "who", some(page, &names(&level.who))),
        None => String::new(),
    };
    let reason = match (&v.mine.decide, case.state) {
        (Some(Ok(_)), _) if v.why.is_none() => return None,
        (Some(_), _) if v.why.is_some() => v.why.as_ref().map_or_else(String::new, |why| why_words(page, v, why)),
        (Some(Ok(_)), _) => return None,
        (Some(Err(guard)), _) => page.t(&format!("refusal-{guard}")),
        (None, State::Reviewing) => page.t("recall-not-yours"),
        (None, state) => next(page, state, case.mode),
    };
    Some(WhyNot { reason, who })
}

/// Sentences of raw markup are only made here, from escaped words.
pub(super) fn nothing() -> Html {
    Html::trusted(String::new())
}
