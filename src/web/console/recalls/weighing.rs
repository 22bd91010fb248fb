//! The questions of level 2 on the pages of a case: as they are asked, as they were answered, and what follows from that, in words.

use super::{build::in_name, typed};
use crate::{
    app::recalls::{
        view::{DecisionView, Show},
        weighing::{Typed, field},
    },
    domain::{
        platform::HarmClass,
        recall::weighing::{Answers, LEVEL, Matter, Reply},
    },
    web::{
        FormState, Page, Posted,
        view::{Choice, Fact},
    },
};

/// A question of the form.
pub struct Asked {
    pub field: &'static str,
    pub label: String,
    /// Asked of an offer only.
    pub of_offer: bool,
}

/// The answers that were posted.
pub(super) fn posted(posted: &Posted) -> Typed {
    Matter::ALL.iter().map(|matter| (*matter, typed(posted, field(*matter)))).collect()
}

pub(super) fn asked(page: &Page) -> Vec<Asked> {
    let one = |matter: &Matter| Asked { field: field(*matter), label: page.word("matter", matter), of_offer: matter.is_of_offer() };
    Matter::ALL.iter().map(one).collect()
}

pub(super) fn replies(page: &Page) -> Vec<Choice> {
    Reply::ALL.iter().map(|reply| Choice::new(reply.as_str(), page.word("reply", reply))).collect()
}

/// The decision's form with the names of its questions.
pub(super) fn named(page: &Page, form: FormState) -> FormState {
    Matter::ALL.iter().fold(form, |form, matter| form.named(field(*matter), page.word("matter", matter)))
}

/// Whether the questions lie open: something was answered or is to be mended.
pub(super) fn is_open(form: &FormState) -> bool {
    let touched = |name: &str| !matches!(form.value(name), "" | "unanswered") || form.error(name).is_some();
    Matter::ALL.iter().any(|matter| touched(field(*matter)))
}

/// What was answered, one a line; field, question, answer.
pub struct Given {
    pub field: &'static str,
    pub label: String,
    pub word: &'static str,
    pub reply: String,
}

pub(super) fn given(page: &Page, answers: &Answers) -> Vec<Given> {
    let one = |(matter, reply): (Matter, Reply)| Given {
        field: field(matter),
        label: page.word("matter", matter),
        word: reply.as_str(),
        reply: page.word("reply", reply),
    };
    answers.all().map(one).collect()
}

/// What level 2 answered at one decision.
pub struct Line {
    pub who: String,
    pub facts: Vec<Fact>,
}

/// What level 2 was asked here, and what follows.
#[derive(Default)]
pub struct Weighed {
    /// Oldest first.
    pub lines: Vec<Line>,
    /// What follows from the answers of the round that stands.
    pub follows: Vec<String>,
    /// A dispute is foreseeable: nothing is destroyed.
    pub hold: bool,
}

pub(super) fn weighed(page: &Page, v: &Show) -> Weighed {
    let asked: Vec<&DecisionView> = v.decisions.iter().filter(|d| d.level == LEVEL && d.answers.is_asked()).collect();
    let rounds = asked.iter().any(|d| d.round > 1);
    let line = |d: &&DecisionView| {
        let who = format!("{} {}", in_name(page, &d.name, d.behalf.as_ref()), page.t(&format!("recall-made-{}", d.verb)));
        let facts = match d.answers.all().all(|(_, reply)| reply == Reply::Unanswered) {
            true => vec![Fact::new(page.t("weighing-all"), page.word("reply", Reply::Unanswered), "")],
            false => given(page, &d.answers).into_iter().map(|g| Fact::new(g.label, g.reply, "")).collect(),
        };
        Line { who: if rounds { page.a2("weighing-round", "round", d.round, "who", who) } else { who }, facts }
    };
    let last = asked.iter().map(|d| d.round).max().unwrap_or_default();
    let standing: Vec<&Answers> = asked.iter().filter(|d| d.round == last).map(|d| &d.answers).collect();
    Weighed {
        lines: asked.iter().map(line).collect(),
        follows: follows(v.class, &standing).into_iter().map(|key| page.t(key)).collect(),
        hold: standing.iter().any(|answers| answers.says(Matter::Dispute)),
    }
}

/// Keys of what follows. Where several answered, what anybody said counts.
fn follows(class: HarmClass, standing: &[&Answers]) -> Vec<&'static str> {
    let says = |matter: Matter| standing.iter().any(|answers| answers.says(matter));
    let denied = |matter: Matter| standing.iter().any(|answers| answers.reply(matter) == Reply::No);
    let mut keys = Vec::new();
    if says(Matter::Dispute) {
        keys.push("follows-dispute");
    }
    if says(Matter::Offer) {
        keys.push("follows-offer");
        let excluded = says(Matter::OfferFixed) || says(Matter::OfferIrrevocable);
        keys.push(match () {
            () if says(Matter::OfferAccepted) => "follows-offer-accepted",
            () if excluded => "follows-offer-irrevocable",
            () if [Matter::OfferFixed, Matter::OfferIrrevocable, Matter::OfferAccepted].into_iter().all(denied) => "follows-offer-revocable",
            () => "follows-offer-open",
        });
    }
    if says(Matter::Rule) {
        keys.push("follows-rule");
    }
    if says(Matter::PersonalData) && class == HarmClass::Leak {
        keys.push("follows-personal-data");
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_law_allows_of_an_offer_goes_by_the_answers() {
        let offer = |more: &[(Matter, Reply)]| {
            let given = more.iter().copied().chain([(Matter::Offer, Reply::Yes)]).collect();
            follows(HarmClass::WrongFact, &[&Answers::given(&given).unwrap()])
        };
        let [fixed, irrevocable, accepted] = [Matter::OfferFixed, Matter::OfferIrrevocable, Matter::OfferAccepted];
        let all = |reply| [(fixed, reply), (irrevocable, reply), (accepted, reply)];
        assert_eq!(offer(&[]), ["follows-offer", "follows-offer-open"], "who did not answer did not say no");
        assert_eq!(offer(&all(Reply::No)), ["follows-offer", "follows-offer-revocable"]);
        assert_eq!(offer(&[(irrevocable, Reply::Yes)]), ["follows-offer", "follows-offer-irrevocable"]);
        assert_eq!(offer(&all(Reply::Yes)), ["follows-offer", "follows-offer-accepted"]);
    }

    #[test]
    fn personal_data_point_to_the_duty_where_they_leaked() {
        let said = Answers::given(&[(Matter::PersonalData, Reply::Yes)].into()).unwrap();
        assert_eq!(follows(HarmClass::Leak, &[&said]), ["follows-personal-data"]);
        assert!(follows(HarmClass::WrongFact, &[&said]).is_empty());
    }
}
