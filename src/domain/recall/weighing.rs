//! What level 2 weighs beside its comment (复核追问): a few questions, each answered with yes, no, or not at all, and what an answer asks of an
//! approval. Whether an offer can still be revoked is 民法典 475–477; what is owed to readers and for a leak is in the words of the page.
//! Not here: the level and who decides it (`approval`), what was typed (`app::recalls::weighing`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Case, Guard, Rules, Verb,
    approval::{Ballot, Decider},
};
use crate::{domain::role::Role, words};

/// The level that is asked.
pub const LEVEL: u8 = 2;

words! {
    /// What is asked; words `matter-<as_str>`.
    pub enum Matter {
        /// A dispute, complaint, inspection or accident is foreseeable.
        Dispute = "dispute",
        /// The message is an offer or a contract.
        Offer = "offer",
        /// Its validity is fixed (民法典 476).
        OfferFixed = "offer_fixed",
        /// It is stated irrevocable (民法典 476).
        OfferIrrevocable = "offer_irrevocable",
        /// Somebody has accepted it (民法典 477).
        OfferAccepted = "offer_accepted",
        /// A company rule, wage promise, shift or safety warning.
        Rule = "rule",
        PersonalData = "personal_data",
        InsideInformation = "inside_information",
        TradeSecret = "trade_secret",
    }
}

words! {
    /// What was answered; words `reply-<as_str>`. Who did not answer did not say no.
    pub enum Reply {
        Yes = "yes",
        No = "no",
        Unanswered = "unanswered",
    }
}

impl Matter {
    /// Whether it is asked of an offer only.
    pub const fn is_of_offer(self) -> bool {
        matches!(self, Self::OfferFixed | Self::OfferIrrevocable | Self::OfferAccepted)
    }

    /// Its line in the summary that a decision binds.
    const fn label(self) -> &'static str {
        match self {
            Self::Dispute => "可预见争议、投诉、检查或者事故 dispute foreseeable",
            Self::Offer => "要约或者合同 offer or contract",
            Self::OfferFixed => "承诺期限已定 validity fixed",
            Self::OfferIrrevocable => "声明不可撤销 stated irrevocable",
            Self::OfferAccepted => "已有人承诺 accepted",
            Self::Rule => "规章制度、薪酬承诺、排班、安全警示 rule, wage promise, shift, safety warning",
            Self::PersonalData => "个人信息 personal data",
            Self::InsideInformation => "内幕信息 inside information",
            Self::TradeSecret => "商业秘密 trade secret",
        }
    }
}

impl Reply {
    const fn label(self) -> &'static str {
        match self {
            Self::Yes => "是 yes",
            Self::No => "否 no",
            Self::Unanswered => "未答 not answered",
        }
    }
}

/// What was asked at one decision, and answered. Empty where nothing was asked: at the other levels, and before there were questions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Answers(BTreeMap<Matter, Reply>);

impl Answers {
    /// The answers of level 2 from those that were given: what was asked and is not among them is unanswered.
    ///
    /// # Errors
    /// What is asked of an offer only and was answered although the message is not said to be one.
    pub fn given(given: &BTreeMap<Matter, Reply>) -> Result<Self, Vec<Matter>> {
        let reply = |matter: Matter| given.get(&matter).copied().unwrap_or(Reply::Unanswered);
        let is_asked = |matter: Matter| !matter.is_of_offer() || reply(Matter::Offer) == Reply::Yes;
        let answered = Matter::ALL.iter().copied().filter(|m| reply(*m) != Reply::Unanswered);
        let misplaced: Vec<Matter> = answered.filter(|m| !is_asked(*m)).collect();
        match misplaced.is_empty() {
            true => Ok(Self(Matter::ALL.iter().copied().filter(|m| is_asked(*m)).map(|m| (m, reply(m))).collect())),
            false => Err(misplaced),
        }
    }

    /// Those of somebody who was asked and answered nothing.
    pub fn none() -> Self {
        Self::given(&BTreeMap::new()).unwrap_or_default()
    }

    /// Whether anything was asked.
    pub fn is_asked(&self) -> bool {
        !self.0.is_empty()
    }

    pub fn reply(&self, matter: Matter) -> Reply {
        self.0.get(&matter).copied().unwrap_or(Reply::Unanswered)
    }

    pub fn says(&self, matter: Matter) -> bool {
        self.reply(matter) == Reply::Yes
    }

    /// What was asked and answered so, in its order.
    pub fn with(&self, reply: Reply) -> impl Iterator<Item = Matter> {
        self.0.iter().filter(move |(_, given)| **given == reply).map(|(matter, _)| *matter)
    }

    /// What was asked, with its answers, in its order.
    pub fn all(&self) -> impl Iterator<Item = (Matter, Reply)> {
        self.0.iter().map(|(matter, reply)| (*matter, *reply))
    }

    /// The lines that they add to the summary that the decision binds.
    pub fn lines(&self) -> String {
        self.0.iter().map(|(matter, reply)| format!("{}: {}\n", matter.label(), reply.label())).collect()
    }
}

/// What the answers ask of an approval at level 2; nothing of a return or a rejection.
///
/// # Errors
/// [`Guard::MattersAnswered`] by a policy that wants every answer; [`Guard::DisputeByCounsel`] where a dispute is foreseeable and neither this
/// person nor anybody who was added and approved before is counsel; [`Guard::ReadersTold`] for a silent recall of a rule that may have been read.
pub fn check(rules: Rules, case: &Case, who: &Decider, ballot: &Ballot) -> Result<(), Guard> {
    if ballot.level != LEVEL || ballot.verb != Verb::Approve {
        return Ok(());
    }
    let answers = &ballot.answers;
    let whole = answers.is_asked() && answers.with(Reply::Unanswered).next().is_none();
    rules.check(Guard::MattersAnswered, !case.must_answer || whole)?;
    // Nobody else's approval could foresee one: whoever did is counsel.
    let weighed = case.approvals().any(|made| made.level == LEVEL && made.foresees);
    rules.check(Guard::DisputeByCounsel, !answers.says(Matter::Dispute) || weighed || who.roles.contains(&Role::Counsel))?;
    rules.check(Guard::ReadersTold, !(answers.says(Matter::Rule) && ballot.silent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_answered_stays_unanswered_and_an_offer_is_asked_more() {
        let none = Answers::none();
        assert_eq!(none.with(Reply::Unanswered).count(), Matter::ALL.len() - 3, "what is asked of an offer is not asked");
        assert!(none.is_asked() && !Answers::default().is_asked() && none.lines().contains("个人信息 personal data: 未答 not answered\n"));
        let offer = Answers::given(&[(Matter::Offer, Reply::Yes), (Matter::OfferFixed, Reply::No)].into()).unwrap();
        assert_eq!((offer.reply(Matter::OfferFixed), offer.reply(Matter::OfferAccepted)), (Reply::No, Reply::Unanswered));
        assert_eq!(offer.all().count(), Matter::ALL.len());
        let misplaced = Answers::given(&[(Matter::Offer, Reply::No), (Matter::OfferFixed, Reply::No)].into());
        assert_eq!(misplaced, Err(vec![Matter::OfferFixed]));
    }

    #[test]
    fn they_are_kept_by_their_words_and_nothing_else_is() {
        let given = Answers::given(&[(Matter::Dispute, Reply::Yes), (Matter::Rule, Reply::No)].into()).unwrap();
        let kept = serde_json::to_value(&given).unwrap();
        assert_eq!((&kept["dispute"], &kept["rule"], &kept["offer"]), (&"yes".into(), &"no".into(), &"unanswered".into()));
        assert!(kept.get("offer_fixed").is_none());
        assert_eq!(serde_json::from_value::<Answers>(kept).unwrap(), given);
        assert!(
            serde_json::from_str::<Answers>(r#"{"dispute":"maybe"}"#).is_err() && serde_json::from_str::<Answers>(r#"{"weather":"yes"}"#).is_err()
        );
    }
}
