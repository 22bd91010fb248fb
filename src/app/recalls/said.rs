//! What was done and said in a case beside deciding, for people: who, to whom, which words. Not here: doing it (`take_part`).

use std::collections::BTreeMap;

use super::{Loaded, mine::Mine, take_part};
use crate::{
    clock::Instant,
    crypto::seal::Key,
    domain::recall::{
        Case, Rules,
        approval::{Decider, qualified},
        participation::Entry as Kind,
    },
    store::{StoreError, entries::EntryRow},
};

/// What somebody did or said beside deciding.
#[derive(Clone, Debug)]
pub struct Said {
    pub kind: Kind,
    pub round: i64,
    /// 0 where no level is meant.
    pub level: u8,
    pub who: String,
    /// To whom a level was passed on.
    pub to: String,
    pub text: String,
    pub at: Instant,
}

/// To whom the level that waits for this person could be passed on.
pub(super) fn candidates(case: &Case, mine: &Mine, able: &[(Decider, String)], me: &Decider) -> Vec<(String, String)> {
    // What was received is not passed on.
    let (Some(Ok(level)), None) = (&mine.decide, &mine.behalf) else { return Vec::new() };
    let fit = able.iter().filter(|(d, _)| d.user != me.user && qualified(Rules::ALL, case, d, *level).is_ok());
    fit.map(|(d, name)| (d.user.0.clone(), name.clone())).collect()
}

pub(super) fn said(loaded: &Loaded, envelope: &Key, names: &BTreeMap<String, String>) -> Result<Vec<Said>, StoreError> {
    let name = |id: &str| names.get(id).cloned().unwrap_or_default();
    let view = |e: &EntryRow| {
        Ok(Said {
            kind: Kind::parse(&e.kind).ok_or_else(|| StoreError::Corrupt(format!("recall_entries.kind: {}", e.kind)))?,
            round: e.round,
            level: u8::try_from(e.level).unwrap_or(0),
            who: name(&e.by_id),
            to: e.to_id.as_deref().map(name).unwrap_or_default(),
            text: take_part::said(envelope, e)?,
            at: Instant(e.at),
        })
    };
    loaded.entries.iter().map(view).collect()
}
