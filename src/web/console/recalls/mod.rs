//! Recall cases in the console: list, request, case page, and the posts that change a case.

pub mod act;
pub mod approvals;
pub(super) mod build;
pub mod first;
pub mod index;
pub mod new;
pub mod progress;
pub mod receipt;
pub mod remediations;
pub mod reminders;
pub mod show;
pub mod take_part;
pub(super) mod weighing;

use crate::{
    app::recalls::correct,
    domain::{
        outcome::RecipientOutcome,
        platform::HarmClass,
        policy::Policy,
        recall::{State, Verb},
    },
    i18n::Tr,
    web::{Posted, view::Choice, visit::Tone},
};

/// One status a case: its tone and words; while it is judged, the level that it waits for.
pub(super) fn badge(tr: &Tr, state: State, level: Option<u8>) -> (Tone, String) {
    let tone = match state {
        State::Reviewing | State::Approved | State::Executing => Tone::Info,
        State::Returned | State::PartlyRecalled => Tone::Warn,
        State::Recalled | State::RecallAccepted => Tone::Ok,
        State::Rejected | State::Failed => Tone::Bad,
        State::Withdrawn | State::Expired | State::Superseded => Tone::Mute,
    };
    match (state, level) {
        (State::Reviewing, Some(level)) => (tone, tr.t(&format!("recall-waiting-{level}"))),
        _ => (tone, tr.word("recall-state", state)),
    }
}

/// The classes with what each level gets by the policy in force.
fn classes(tr: &Tr, policy: &Policy) -> Vec<Choice> {
    HarmClass::ALL
        .iter()
        .map(|c| Choice::new(c.as_str(), tr.word("harm-class", c)).hint(tr.a1("policy-budget-hint", "time", tr.duration(policy.budget(*c)))))
        .collect()
}

fn verbs(tr: &Tr, last: bool) -> Vec<Choice> {
    Verb::ALL
        .iter()
        .map(|v| Choice::new(v.as_str(), tr.t(&format!("decision-choice-{v}{}", if last && *v == Verb::Approve { "-last" } else { "" }))))
        .collect()
}

fn outcomes(tr: &Tr) -> Vec<Choice> {
    let said = [RecipientOutcome::Accepted, RecipientOutcome::StillVisible, RecipientOutcome::Unknown, RecipientOutcome::Failed];
    said.iter().map(|o| Choice::new(o.as_str(), tr.t(&crate::i18n::word_key("recall-stated", o)))).collect()
}

/// A field as typed. One whose bytes were no text comes as a control character, so that the rules refuse it and the refusal is recorded.
fn typed(posted: &Posted, field: &str) -> String {
    if posted.damaged().iter().any(|f| f == field) { "\0".to_owned() } else { posted.get(field).to_owned() }
}

/// The corrected message that is to be sent in place of the one taken back. Its title is proposed, so that nothing is asked for without a text.
fn correction(posted: &Posted) -> Option<correct::Typed> {
    let text = typed(posted, "correction.text");
    (!text.trim().is_empty()).then(|| correct::Typed { title: typed(posted, "correction.title"), text })
}
