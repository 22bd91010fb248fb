//! What was done and said in a case beside deciding, for people: who, to whom, which words. Not here: doing it (`take_part`).

use std::collections::BTreeMap;

use super::{Loaded, mine::Mine, take_part};
use crate::{
    clock::Instant,
    crypto::seal::Key,
    domain::{
        recall::{
            Case, Rules,
            approval::{Decider, qualified},
            participation::{self, Addition, Entry as Kind, is_added},
        },
        role::Role,
    },
    id::UserId,
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
    /// To whom a level was passed on, or who was added or removed.
    pub to: String,
    pub text: String,
    pub at: Instant,
}

/// Somebody whom a level could be passed on to, or who could be added to it.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub id: String,
    pub name: String,
    pub counsel: bool,
}

/// Whom the level that waits for this person could be passed on to, or who could be added to it.
pub(super) fn candidates(case: &Case, mine: &Mine, able: &[(Decider, String)], me: &Decider) -> Vec<Candidate> {
    // What was received is not passed on, and who was added decides themself.
    let (Some(Ok(level)), None) = (&mine.decide, &mine.behalf) else { return Vec::new() };
    if is_added(case, *level, &me.user) {
        return Vec::new();
    }
    let free = |d: &Decider| d.user != me.user && !is_added(case, *level, &d.user) && qualified(Rules::ALL, case, d, *level).is_ok();
    let one = |(d, name): &(Decider, String)| Candidate { id: d.user.0.clone(), name: name.clone(), counsel: d.roles.contains(&Role::Counsel) };
    able.iter().filter(|(d, _)| free(d)).map(one).collect()
}

/// Who was added to the level that waits for this person and has not decided yet; whether this person added them.
pub(super) fn awaited(case: &Case, mine: &Mine, able: &[(Decider, String)], me: &Decider) -> Vec<Awaited> {
    let Some(Ok(level)) = &mine.decide else { return Vec::new() };
    let name = |user: &UserId| able.iter().find(|(d, _)| d.user == *user).map(|(_, name)| name.clone()).unwrap_or_default();
    let one = |a: &Addition| Awaited { id: a.to.0.clone(), name: name(&a.to), mine: a.by == me.user, me: a.to == me.user };
    participation::awaited(case, *level).map(one).collect()
}

/// An added reviewer whose word a level waits for.
#[derive(Clone, Debug)]
pub struct Awaited {
    pub id: String,
    pub name: String,
    /// Whoever looks added them, and can remove them.
    pub mine: bool,
    /// It is whoever looks.
    pub me: bool,
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
