//! The rules in words, line by line, and how two versions differ.

use std::time::Duration;

use crate::{
    app::policies::at_once,
    domain::{
        platform::{HarmClass, Platform},
        policy::Policy,
        proposal::Line,
        windows::{self, Stated, Window},
    },
    web::{
        Page,
        console::catalogue::{span, window},
        view::Fact,
    },
};

/// A line that differs: what it is, before and after.
pub(super) struct Change {
    pub label: String,
    pub before: String,
    pub after: String,
}

fn label(page: &Page, line: Line) -> String {
    match line {
        Line::Amended(id) => page.a1("policy-amended", "row", row_label(page, id)),
        Line::Row(id) => row_label(page, id),
        Line::Limit(platform) => page.a1("policy-limit", "platform", page.word("platform", platform)),
        Line::Budget(class) => page.a1("policy-budget", "class", page.word("harm-class", class)),
        Line::Shares => page.t("policy-shares"),
        Line::Delegable(level) => page.a1("policy-delegable", "level", page.t(&format!("level-{level}"))),
        Line::FirstClasses => page.t("policy-first-classes"),
        Line::FirstBelow => page.t("policy-first-below"),
        Line::FirstHours => page.t("policy-first-hours"),
        Line::MustAnswer => page.t("policy-must-answer"),
        Line::WidenOverdue => page.t("policy-widen-overdue"),
    }
}

/// A row of the catalogue in one line.
pub(super) fn row_label(page: &Page, id: &str) -> String {
    let word = |what: &str| page.t(&format!("catalogue-row-{id}-{what}"));
    let channel = windows::window(id).map_or_else(String::new, |w| page.word("channel", w.channel));
    page.a("policy-adopts", &[("platform", channel), ("who", word("who")), ("what", word("what"))])
}

/// A row of the catalogue as a policy has it.
fn row_of(policy: &Policy, id: &str) -> Option<Window> {
    policy.windows().find(|w| w.id == id)
}

/// What is stated of a window, in one line.
pub(super) fn stated(page: &Page, stated: &Stated) -> String {
    let graded = page.a2("policy-graded", "window", span(page, stated.span), "grade", page.word("grade", stated.grade));
    if stated.source.is_empty() { graded } else { page.a2("policy-sourced", "stated", graded, "source", &*stated.source) }
}

fn value(page: &Page, policy: &Policy, line: Line) -> String {
    match line {
        Line::Amended(id) => row_of(policy, id).map_or_else(String::new, |w| stated(page, &w.field)),
        Line::Row(id) if policy.adopted.contains(id) => {
            let span = row_of(policy, id).map_or_else(String::new, |w| span(page, w.field.span));
            page.a1("policy-adopted", "window", span)
        }
        Line::Row(_) => page.t("policy-not-adopted"),
        Line::Limit(platform) => policy.limits.get(&platform).map_or_else(|| page.t("policy-no-limit"), |limit| window(page, *limit)),
        Line::Budget(class) => page.duration(policy.budget(class)),
        Line::Shares => policy.shares.map(|s| s.to_string()).join(" : "),
        Line::Delegable(level) => page.t(if policy.delegable.contains(&level) { "policy-delegable-yes" } else { "policy-delegable-no" }),
        Line::FirstClasses if policy.recall_first.classes.is_empty() => page.t("policy-first-none"),
        Line::FirstClasses => page.list(&policy.recall_first.classes.iter().map(|c| page.word("harm-class", c)).collect::<Vec<_>>()),
        Line::FirstBelow => policy.recall_first.below.map_or_else(|| page.t("policy-first-never"), |below| window(page, below)),
        Line::FirstHours => page.duration(Duration::from_secs(policy.recall_first.ratify_within)),
        Line::MustAnswer => page.t(if policy.must_answer { "policy-must-answer-yes" } else { "policy-must-answer-no" }),
        Line::WidenOverdue => page.t(if policy.widen_overdue { "policy-widen-overdue-yes" } else { "policy-widen-overdue-no" }),
    }
}

/// The rules that are set, one a line.
pub(super) fn rules(page: &Page, policy: &Policy) -> Vec<Fact> {
    let set = |line: &Line| match line {
        Line::Amended(id) => policy.amended.contains_key(*id),
        Line::Row(id) => policy.adopted.contains(*id),
        Line::Limit(platform) => policy.limits.contains_key(platform),
        Line::Budget(_) | Line::Shares | Line::Delegable(_) | Line::FirstClasses | Line::MustAnswer | Line::WidenOverdue => true,
        Line::FirstBelow => policy.recall_first.below.is_some(),
        Line::FirstHours => policy.recall_first.is_open(),
    };
    let fact = |line: Line| match line {
        Line::Row(id) => {
            let row = row_of(policy, id);
            let graded =
                row.as_ref().map(|w| page.a2("policy-source", "clock", page.word("ruling", w.clock), "grade", page.word("grade", w.field.grade)));
            let window = row.map_or_else(String::new, |w| span(page, w.field.span));
            Fact::new(label(page, line), window, graded.unwrap_or_default())
        }
        Line::Shares => Fact::new(label(page, line), value(page, policy, line), page.t("policy-shares-note")),
        Line::FirstClasses => Fact::new(label(page, line), value(page, policy, line), page.t("policy-first-note")),
        _ => Fact::new(label(page, line), value(page, policy, line), ""),
    };
    let mut facts: Vec<Fact> = Policy::lines().into_iter().filter(set).map(fact).collect();
    facts.push(Fact::new(page.t("policy-reserve"), page.duration(crate::domain::platform::EXECUTION_RESERVE), ""));
    facts.push(Fact::new(page.t("policy-people"), page.t("policy-people-three"), page.t("policy-people-note")));
    facts
}

/// The lines in which `after` says something else than `before`.
pub(super) fn changes(page: &Page, before: &Policy, after: &Policy) -> Vec<Change> {
    let change = |line: Line| Change { label: label(page, line), before: value(page, before, line), after: value(page, after, line) };
    before.differences(after).into_iter().map(change).collect()
}

/// What the change makes of messages that are sent now and asked back at once: when each level is due, before and after. A leak on the first
/// platform always, the others where something changes.
pub(super) fn effects(page: &Page, before: &Policy, after: &Policy) -> Vec<Change> {
    let mut effects = Vec::new();
    for platform in Platform::ALL {
        for class in HarmClass::ALL {
            let times = |policy: &Policy| at_once(policy, *platform, *class);
            let (old, new) = (times(before), times(after));
            if old == new && (*platform, *class) != (Platform::Wecom, HarmClass::Leak) {
                continue;
            }
            let told = |times: [Duration; 3]| times.map(|time| page.duration(time)).join(" / ");
            let label = page.a2("policy-case", "platform", page.word("platform", platform), "class", page.word("harm-class", class));
            effects.push(Change { label, before: told(old), after: told(new) });
        }
    }
    effects
}
