//! Who is told of what people do beside deciding: whoever was added, removed, passed a level, asked, answered or reminded, and of a comment
//! everybody it concerns. Comments that come before the mail has gone are one mail. Not here: rows and sending (the parent), who takes part
//! (`domain::recall::participation`).

use std::collections::BTreeSet;

use crate::{
    app::{delegations::grants, people, recalls},
    clock::Instant,
    domain::{
        notice::{self, Notice, Told},
        recall::participation::Entry,
    },
    id::UserId,
    store::{Conn, StoreError},
};

/// Whom an entry of a case concerns. `due` is whom the case does. Nobody is told of a comment, or of their removal, who may not read the case.
pub(super) fn concerned(conn: &mut Conn, loaded: &recalls::Loaded, entry: &str, due: &BTreeSet<Told>, now: Instant) -> Result<Vec<Told>, StoreError> {
    let Some(row) = loaded.entries.iter().find(|e| e.id == entry) else { return Ok(Vec::new()) };
    let (case, level) = (&loaded.case, u8::try_from(row.level).unwrap_or(0));
    let told = |user: &UserId, notice| Told { user: user.clone(), notice, level };
    let deciding = due.iter().filter(|told| told.notice == Notice::Decide && told.level == level);
    let mut all: Vec<Told> = match Entry::parse(&row.kind) {
        Some(Entry::Transfer | Entry::Addition) => deciding.filter(|told| Some(told.user.as_str()) == row.to_id.as_deref()).cloned().collect(),
        Some(Entry::Removal) => row.to_id.iter().map(|to| told(&UserId(to.clone()), Notice::Removed)).collect(),
        Some(Entry::Question) => vec![told(&case.requester, Notice::Asked)],
        Some(Entry::Answer) => case.questions.iter().rev().find(|q| q.level == level).map(|q| told(&q.by, Notice::Answered)).into_iter().collect(),
        Some(Entry::Reminder) if level > 0 => deciding.map(|of| told(&of.user, Notice::Remind)).collect(),
        Some(Entry::Reminder) => vec![told(&case.requester, Notice::Returned)],
        Some(Entry::Comment) => {
            let others = notice::of_comment(case, due).into_iter().filter(|user| user.as_str() != row.by_id);
            others.map(|user| told(&user, Notice::Commented)).collect()
        }
        None => Vec::new(),
    };
    all.retain(|told| told.notice != Notice::Removed || notice::still(case, due, &told.user, told.notice, case.round, level));
    let mut readers = Vec::new();
    for told in all {
        if readable(conn, told.notice, &told.user, &loaded.row.id, now)? {
            readers.push(told);
        }
    }
    Ok(readers)
}

/// Whether a person may read the case that a notice of this kind is about, as things are now. Where the notice calls them to do something, the
/// rules of that have said so already.
pub(super) fn readable(conn: &mut Conn, kind: Notice, user: &UserId, recall: &str, now: Instant) -> Result<bool, StoreError> {
    if !matches!(kind, Notice::Commented | Notice::Removed) {
        return Ok(true);
    }
    let Some(mut person) = people::person_find(conn, user.as_str())? else { return Ok(false) };
    person.grants = grants::of(conn, user.as_str(), now)?;
    Ok(recalls::known_in(conn, &person.caller(None, None, None), recall)?.is_ok())
}
