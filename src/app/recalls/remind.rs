//! Reminders of several cases in one act: each is reminded as if alone, with its own event, and what cannot be reminded keeps nobody else's from
//! being so. Not here: the rule and the write (`take_part`).

use std::collections::BTreeSet;

use super::{
    App, AppError, AppResult, Caller, cases, decider, known_in,
    list::Line,
    take_part::{self, Act},
};
use crate::{
    app::{FieldError, Receipt, content},
    domain::{
        event::{Action, Subject},
        recall::{Guard, Rules, State, participation},
        role::Permission,
    },
    store::recalls,
};

/// Cases that are reminded of in one act at most.
pub const MOST: usize = 50;

/// What became of one case.
#[derive(Debug)]
pub struct Reminded {
    /// What the case was called by whoever asked.
    pub wanted: String,
    /// `None` for a case that this person does not know of.
    pub case: Option<Known>,
    /// The receipt, where this very request left the event.
    pub result: AppResult<Option<Receipt>>,
}

#[derive(Clone, Debug)]
pub struct Known {
    pub id: String,
    pub number: String,
    /// With [`Permission::ContentRead`] only.
    pub title: Option<String>,
}

/// Reminds whoever these cases wait for; gives what became of each, in their order. `id` is what a request comes back to whose process died:
/// the cases that were reminded of before are not reminded of twice.
///
/// # Errors
/// `Forbidden` and `Invalid` on `cases` (none, or more than [`MOST`]), recorded; those of the store, after which the rest was not tried.
/// Whatever keeps one case from being reminded of is its result.
pub async fn many(app: &App, caller: &Caller, wanted: &[String], id: &str) -> AppResult<Vec<Reminded>> {
    let about = Subject::new("recall", "all");
    app.require(caller, Permission::RecallRead, Action::RecallReminded, about.clone()).await?;
    if wanted.iter().all(|case| case.trim().is_empty()) {
        return Err(app.refuse(caller, Action::RecallReminded, about, None, AppError::invalid("cases", "required")).await);
    }
    let mut seen = BTreeSet::new();
    let wanted: Vec<&String> = wanted.iter().filter(|case| seen.insert(case.as_str())).collect();
    if wanted.len() > MOST {
        let error = AppError::Invalid(vec![FieldError::new("cases", "too-many").arg("max", MOST)]);
        return Err(app.refuse(caller, Action::RecallReminded, about, None, error).await);
    }
    let mut reminded = Vec::new();
    for (n, case) in wanted.into_iter().enumerate() {
        let result = match take_part::take(app, caller, case, Act::Remind, crate::id::nth(id, n)).await {
            Ok(done) => Ok(done.receipt),
            Err(error @ AppError::Store(_)) => return Err(error),
            Err(error) => Err(error),
        };
        reminded.push(Reminded { wanted: case.clone(), case: known(app, caller, case).await?, result });
    }
    Ok(reminded)
}

async fn known(app: &App, caller: &Caller, case: &str) -> AppResult<Option<Known>> {
    let (asking, case) = (caller.clone(), case.to_owned());
    let (envelope, titled) = (app.store.keys().envelope.clone(), caller.may(Permission::ContentRead));
    let found = app.store.look_up(move |conn| {
        let Ok((loaded, message)) = known_in(conn, &asking, &case)? else { return Ok(None) };
        let title = if titled && message.erased_at.is_none() { Some(content::open_title(&envelope, &message)?) } else { None };
        Ok(Some(Known { id: loaded.row.id, number: loaded.row.number, title }))
    });
    Ok(found.await?)
}

/// Which of these cases wait for somebody whom this person may remind; those that were reminded of lately too, for that is said when they try.
pub async fn remindable(app: &App, caller: &Caller, lines: &[Line]) -> AppResult<BTreeSet<String>> {
    let ids: Vec<String> = lines.iter().filter(|l| matches!(l.state, State::Reviewing | State::Returned)).map(|l| l.id.clone()).collect();
    if ids.is_empty() || caller.user_id.is_none() || !caller.may(Permission::RecallRead) {
        return Ok(BTreeSet::new());
    }
    let (who, now) = (decider(caller), app.now());
    let found = app.store.read(move |conn| {
        let standings = recalls::standings(conn, &ids)?;
        let cases = cases(conn, &standings)?;
        let may = cases.iter().map(|case| participation::remind(Rules::ALL, case, &who, participation::waits_at(case), now));
        Ok(standings.iter().zip(may).filter(|(_, may)| matches!(may, Ok(_) | Err(Guard::RemindHourly))).map(|(row, _)| row.id.clone()).collect())
    });
    Ok(found.await?)
}
