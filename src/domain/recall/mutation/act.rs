//! What people do in the random stories, and how often. Not here: what must never come of it (`super`).

use proptest::prelude::*;

use super::{Answer, EVERYTHING, Verb, Word, deputies, people};
use crate::{clock::Instant, domain::outcome::RecipientOutcome};

/// What level 2 answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weighs {
    /// No to everything.
    Plain,
    Nothing,
    /// A dispute is foreseeable.
    Dispute,
    /// A rule that may have been read, and readers are not to be told.
    SilentRule,
    ToldRule,
}

#[derive(Clone, Debug)]
pub(super) enum Act {
    /// `who`: nobody in particular (the right one for the open level) or somebody; `level`: the open one or any.
    Decide {
        who: Option<usize>,
        level: Option<u8>,
        verb: Verb,
        stale: bool,
        weighs: Weighs,
    },
    /// `who` as in `Decide`; to whom.
    Transfer(Option<usize>, usize),
    /// `who` as in `Decide`; whom.
    Add(Option<usize>, usize),
    Remove(Option<usize>, usize),
    Ask(Option<usize>),
    Reply(usize),
    Comment(usize),
    Remind(usize, bool),
    Tick(u64),
    Withdraw(usize),
    Resubmit(usize),
    Expire,
    /// The open level's time is over, or that of some level.
    Escalate(Option<u8>),
    Halt,
    Begin,
    /// The executor takes its next step; a call is answered like this.
    Work(Answer),
    Capture(usize),
    Confirm(usize),
    Finish(RecipientOutcome),
    /// `who`: the officer or somebody; whether the rules allow it, the roster has them, an order of theirs was refused; seen an older version.
    Order {
        who: Option<usize>,
        allowed: bool,
        on_duty: bool,
        barred: bool,
        stale: bool,
    },
    /// `who` and `level` as in `Decide`, of the ratification; seen fewer words than there are.
    Ratify {
        who: Option<usize>,
        level: Option<u8>,
        word: Word,
        stale: bool,
    },
    /// The row was changed behind our back: it says `approved`, whatever was decided.
    Forge,
}

pub(super) fn act() -> impl Strategy<Value = Act> {
    let who = 0..people().len();
    let anybody = prop_oneof![3 => Just(None), 2 => who.clone().prop_map(Some)];
    // Nobody orders or ratifies in somebody else's name.
    let (ordering, ratifying) = (anybody.clone().boxed(), anybody.clone().boxed());
    let word = prop_oneof![6 => Just(Word::Ratify), 1 => Just(Word::Refuse)];
    let ratified_level = prop_oneof![6 => Just(None), 1 => (1_u8..=3).prop_map(Some)];
    let (mostly, seldom) = (prop::bool::weighted(0.85), prop::bool::weighted(0.1));
    let handed = people().len()..people().len() + deputies().len();
    let anybody = prop_oneof![5 => anybody, 1 => handed.prop_map(Some)];
    let mine = anybody.clone().boxed();
    // The only one whom the right person of every level can add is the one who holds them all.
    let whom = prop_oneof![2 => Just(EVERYTHING), 1 => who.clone()];
    let spared = whom.clone();
    let level = prop_oneof![4 => Just(None), 1 => (1_u8..=3).prop_map(Some)];
    let overdue = level.clone();
    let verb = prop_oneof![8 => Just(Verb::Approve), 1 => Just(Verb::Return), 1 => Just(Verb::Reject)];
    let unlike = [Weighs::Nothing, Weighs::Dispute, Weighs::SilentRule, Weighs::ToldRule];
    let weighs = prop_oneof![12 => Just(Weighs::Plain), 5 => prop::sample::select(unlike.to_vec())];
    let answer = prop_oneof![Just(Answer::Done), Just(Answer::Refused), Just(Answer::Unknown), Just(Answer::NotNow(Instant(0)))];
    let outcome = prop_oneof![Just(RecipientOutcome::Confirmed), Just(RecipientOutcome::Accepted), Just(RecipientOutcome::Failed)];
    prop_oneof![
        24 => (anybody, level, verb, prop::bool::weighted(0.1), weighs)
            .prop_map(|(who, level, verb, stale, weighs)| Act::Decide { who, level, verb, stale, weighs }),
        4 => (mine.clone(), who.clone()).prop_map(|(who, to)| Act::Transfer(who, to)),
        6 => (mine.clone(), whom).prop_map(|(who, to)| Act::Add(who, to)),
        3 => (mine.clone(), spared).prop_map(|(who, to)| Act::Remove(who, to)),
        3 => mine.prop_map(Act::Ask),
        3 => prop_oneof![Just(0), who.clone()].prop_map(Act::Reply),
        2 => who.clone().prop_map(Act::Comment),
        3 => (who.clone(), prop::bool::weighted(0.2)).prop_map(|(who, other)| Act::Remind(who, other)),
        5 => (0_u64..700).prop_map(Act::Tick),
        2 => who.clone().prop_map(Act::Withdraw),
        2 => prop_oneof![Just(0), who.clone()].prop_map(Act::Resubmit),
        2 => Just(Act::Expire),
        2 => overdue.prop_map(Act::Escalate),
        1 => Just(Act::Halt),
        4 => Just(Act::Begin),
        6 => answer.prop_map(Act::Work),
        3 => who.clone().prop_map(Act::Capture),
        3 => who.prop_map(Act::Confirm),
        2 => outcome.prop_map(Act::Finish),
        1 => Just(Act::Forge),
        5 => (ordering, mostly, mostly, seldom, seldom)
            .prop_map(|(who, allowed, on_duty, barred, stale)| Act::Order { who, allowed, on_duty, barred, stale }),
        8 => (ratifying, ratified_level, word, seldom).prop_map(|(who, level, word, stale)| Act::Ratify { who, level, word, stale }),
    ]
}
