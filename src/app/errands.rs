//! What waits for somebody beside cases: changes that need a second person, questions, filings to be looked at, steps of remediation plans. Each is a number and the page
//! that it is done on. Not here: cases (`recalls::queue`), what rests on somebody who leaves (`duties`).

use super::{App, AppResult, Caller, recalls::own_cases_only, self_recalls};
use crate::{
    domain::{event::ActorKind, remediation::StepState, role::Permission, self_recall::FilingState},
    store::{Conn, StoreError, audits, holds, policies, remediations, self_recalls as filings},
    words,
};

words! {
    /// Words `errand-<as_str>`, with a number.
    pub enum Errand {
        /// A change of the recall policy that somebody else proposed.
        Proposal = "proposal",
        /// Legal holds that somebody else proposed, to place or to release.
        Hold = "hold",
        /// An auditor's questions.
        Question = "question",
        /// Self-recall filings that nobody has checked.
        Filing = "filing",
        /// Steps of remediation plans that are theirs to do.
        Remedy = "remedy",
    }
}

impl Errand {
    /// The page that it is done on.
    pub const fn href(self) -> &'static str {
        match self {
            Self::Proposal => "/policies",
            Self::Hold => "/holds",
            Self::Question => "/questions",
            Self::Filing => "/self-recalls?state=filed",
            Self::Remedy => "/remediations?show=open&mine=yes",
        }
    }
}

/// Questions of one person that are looked at.
const QUESTIONS: i64 = 100;

/// What waits for the person, and how much of it; nothing for who is not one.
///
/// # Errors
/// Those of the store.
pub async fn of(app: &App, caller: &Caller) -> AppResult<Vec<(Errand, usize)>> {
    if caller.kind != ActorKind::User {
        return Ok(Vec::new());
    }
    let caller = caller.clone();
    let counted = app.store.read(move |conn| {
        let mut waiting = Vec::new();
        for errand in Errand::ALL {
            let n = count(conn, &caller, *errand)?;
            if n > 0 {
                waiting.push((*errand, n));
            }
        }
        Ok(waiting)
    });
    Ok(counted.await?)
}

/// How many open steps of remediation plans are this person's; `of_person`: of the cases of that person alone.
pub(super) fn open_of(conn: &mut Conn, owner: String, of_person: Option<String>) -> Result<usize, StoreError> {
    let state = Some(StepState::Open.as_str().to_owned());
    let theirs = remediations::Filter { state, owner: Some(owner), of_person, ..remediations::Filter::default() };
    Ok(usize::try_from(remediations::few(conn, &theirs)?.n).unwrap_or(usize::MAX))
}

fn count(conn: &mut Conn, caller: &Caller, errand: Errand) -> Result<usize, StoreError> {
    let me = caller.user_id.clone().unwrap_or_default();
    Ok(match errand {
        Errand::Proposal if caller.may(Permission::PolicyConfirm) => policies::open(conn)?.into_iter().filter(|row| row.proposed_by != me).count(),
        // Whoever proposed the last step does not confirm it.
        Errand::Hold if caller.may(Permission::HoldManage) => {
            holds::waiting(conn)?.into_iter().filter(|(_, placed, released)| *released.as_ref().unwrap_or(placed) != me).count()
        }
        Errand::Question => audits::questions_to(conn, &me, QUESTIONS)?.into_iter().filter(|row| row.answered_at.is_none()).count(),
        Errand::Filing if self_recalls::may_check(caller) => {
            let all = filings::Filter { state: Some(FilingState::Filed.as_str().to_owned()), ..filings::Filter::default() };
            let own = filings::few(conn, &filings::Filter { of_person: Some(me), ..all.clone() })?.n;
            usize::try_from(filings::few(conn, &all)?.n.saturating_sub(own)).unwrap_or(usize::MAX)
        }
        Errand::Remedy if caller.may(Permission::RecallRead) => open_of(conn, me, own_cases_only(caller))?,
        Errand::Proposal | Errand::Hold | Errand::Filing | Errand::Remedy => 0,
    })
}
