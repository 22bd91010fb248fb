//! How far a case has come: the number of things done in it. The page of a case asks for it again and again, to tell whoever has it open
//! that it is out of date; a number and no more, so that asking shows nothing that opening the page would have to record.

use super::{App, AppResult, Caller, known_in};
use crate::{
    domain::event::Action,
    store::{Conn, StoreError, reader},
};

/// That somebody looked at the message: every look at a case leaves an event.
pub(super) const LOOKING: Action = Action::ContentRead;
/// Notices have a list of their own; who oversaw the case stands in the trail.
pub(super) const ELSEWHERE: [Action; 2] = [Action::NoticeSent, Action::RecallRead];

/// How far a case has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Things that were done in the case; it only grows. A refused attempt changes nothing, and neither does a look.
    pub acts: usize,
    /// Whether the case has come to its end. Steps of its remediation plan may still be done.
    pub over: bool,
}

/// How far a case has come that the caller may see; leaves no event.
///
/// # Errors
/// `NotFound` for a case that they may not see, as for one that does not exist.
pub async fn progress(app: &App, caller: &Caller, id: &str) -> AppResult<Progress> {
    let (caller, id) = (caller.clone(), id.to_owned());
    app.store
        .look_up(move |conn| {
            let (loaded, _) = match known_in(conn, &caller, &id)? {
                Ok(found) => found,
                Err(error) => return Ok(Err(error)),
            };
            Ok(Ok(Progress { acts: done(conn, &loaded.row.id)?, over: loaded.case.state.is_terminal() }))
        })
        .await?
}

/// How many things were done in a case, without looks at it and without what was refused.
pub(super) fn done(conn: &mut Conn, case: &str) -> Result<usize, StoreError> {
    let looks = [&[LOOKING, Action::EvidenceRead][..], &ELSEWHERE].concat();
    let looks: Vec<&str> = looks.iter().map(|action| action.as_str()).collect();
    Ok(usize::try_from(reader::done_in_case(conn, case, &looks)?).unwrap_or_default())
}

/// How many events a case has, as its timeline shows them, and how often its message was looked at.
pub(super) fn counted(conn: &mut Conn, case: &str) -> Result<(usize, usize), StoreError> {
    let mut events = (0, 0);
    for (action, n) in reader::counts_of_case(conn, case)? {
        let of = match action {
            action if action == LOOKING.as_str() => &mut events.1,
            action if ELSEWHERE.iter().any(|a| a.as_str() == action) => continue,
            _ => &mut events.0,
        };
        *of += usize::try_from(n).unwrap_or_default();
    }
    Ok(events)
}
