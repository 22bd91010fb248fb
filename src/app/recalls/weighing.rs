//! The questions of level 2 (复核追问) as they are typed, and what the rules need to know beside the answers. Not here: what an answer asks of an
//! approval (`domain::recall::weighing`).

use std::collections::BTreeMap;

use super::{AppError, AppResult, Dossier, FieldError};
use crate::{
    crypto::seal::Key,
    domain::recall::{
        Case, Guard, Verb,
        approval::Ballot,
        weighing::{Answers, LEVEL, Matter, Reply},
    },
    store::{
        Conn, StoreError,
        recalls::{DecisionRow, RecallRow},
        recipients,
    },
};

/// The field of a question, in the form and in the API.
pub const fn field(matter: Matter) -> &'static str {
    match matter {
        Matter::Dispute => "answers.dispute",
        Matter::Offer => "answers.offer",
        Matter::OfferFixed => "answers.offer_fixed",
        Matter::OfferIrrevocable => "answers.offer_irrevocable",
        Matter::OfferAccepted => "answers.offer_accepted",
        Matter::Rule => "answers.rule",
        Matter::PersonalData => "answers.personal_data",
        Matter::InsideInformation => "answers.inside_information",
        Matter::TradeSecret => "answers.trade_secret",
    }
}

/// Answers as typed: words of [`Reply`] by question; an empty text is no answer.
pub type Typed = BTreeMap<Matter, String>;

/// Reads what was typed; `choice` at what is no word of [`Reply`], `only-of-offer` where there is no offer to ask that of.
pub(super) fn read(typed: &Typed, errors: &mut Vec<FieldError>) -> Answers {
    let mut given = BTreeMap::new();
    for (matter, text) in typed {
        match Reply::parse(text) {
            Some(reply) => drop(given.insert(*matter, reply)),
            None if text.is_empty() => {}
            None => errors.push(FieldError::new(field(*matter), "choice")),
        }
    }
    Answers::given(&given).unwrap_or_else(|misplaced| {
        errors.extend(misplaced.into_iter().map(|matter| FieldError::new(field(matter), "only-of-offer")));
        Answers::none()
    })
}

/// What was answered at a level: only the second one is asked.
///
/// # Errors
/// `Invalid` with kind `not-asked` at what was answered elsewhere.
pub(super) fn at(level: u8, answers: &Answers) -> AppResult<Answers> {
    if level == LEVEL {
        return Ok(answers.clone());
    }
    let answered = answers.all().filter(|(_, reply)| *reply != Reply::Unanswered);
    let errors: Vec<FieldError> = answered.map(|(matter, _)| FieldError::new(field(matter), "not-asked")).collect();
    if errors.is_empty() { Ok(Answers::default()) } else { Err(AppError::Invalid(errors)) }
}

/// What is decided, with what the rules weigh beside the answers.
pub(super) fn ballot(
    conn: &mut Conn,
    envelope: &Key,
    (row, case): (&RecallRow, &Case),
    (level, verb, seen): (u8, Verb, Option<i64>),
    answers: &Answers,
) -> Result<Ballot, StoreError> {
    let silent = verb == Verb::Approve && answers.says(Matter::Rule) && is_silent(conn, envelope, row)?;
    Ok(Ballot { level, verb, seen: seen.unwrap_or(case.version), answers: answers.clone(), silent })
}

/// Whether readers are not to be told and some may have read it: where the platform tells nothing, everybody may.
fn is_silent(conn: &mut Conn, envelope: &Key, row: &RecallRow) -> Result<bool, StoreError> {
    if Dossier::open(envelope, row)?.current().is_some_and(|asked| asked.tell_readers) {
        return Ok(false);
    }
    let tally = recipients::tally(conn, &row.broadcast_id)?;
    Ok(tally.iter().any(|(delivery, reading, _, n)| *n > 0 && may_have_read(delivery, reading)))
}

/// Whether recipients of this delivery and reading may have read it.
pub fn may_have_read(delivery: &str, reading: &str) -> bool {
    delivery != "refused" && reading != "unread"
}

/// The refusal of a decision: questions that lack their answer are named one by one.
pub(super) fn refusal(guard: Guard, answers: &Answers) -> AppError {
    match guard {
        Guard::MattersAnswered => AppError::Invalid(answers.with(Reply::Unanswered).map(|m| FieldError::new(field(m), "must-answer")).collect()),
        guard => super::refusal(guard),
    }
}

/// As a decision's row keeps them; nothing where nothing was asked.
pub(super) fn kept(answers: &Answers) -> Result<Option<String>, StoreError> {
    let text = || serde_json::to_string(answers).map_err(|e| StoreError::Corrupt(e.to_string()));
    answers.is_asked().then(text).transpose()
}

/// What a decision's row keeps of them.
///
/// # Errors
/// `Corrupt` where they cannot be read.
pub fn of_row(row: &DecisionRow) -> Result<Answers, StoreError> {
    let read = |text: &String| serde_json::from_str(text).map_err(|e| StoreError::Corrupt(format!("decisions.answers: {e}")));
    Ok(row.answers.as_ref().map(read).transpose()?.unwrap_or_default())
}
