//! What would be left lying if somebody were suspended: cases, requests, guided recalls, holds, proposals of rules, questions, steps of remediation plans; how many others
//! could decide their levels; and whom to tell when it happens. The system administrator sees numbers of cases and how much time is left,
//! never what a case or a hold is about.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    App, AppError, AppResult, Caller, delegations, errands, notices,
    recalls::{
        self,
        owed::{Owed, Part, Somebody},
    },
};
use crate::{
    clock::Instant,
    crypto,
    domain::{
        recall::approval::{Decider, LEVELS},
        role::{Permission, Role},
    },
    id::{DepartmentId, UserId},
    store::{Conn, StoreError, Tx, audits, departments, holds, policies, self_recalls, users},
};

/// What a mark begins with.
const LIST: &str = "list";

/// One level of review that somebody's roles let them decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Level {
    pub level: u8,
    /// How many others could decide it; at level 1 those who could decide the cases of this person's department.
    pub others: usize,
}

/// What rests on one person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Duties {
    pub cases: Vec<Owed>,
    /// There are more running cases than were looked through.
    pub more: bool,
    pub levels: Vec<Level>,
    /// Holds that they proposed, or proposed to release, and that a second person has not confirmed yet.
    pub holds: usize,
    /// A change of the rules that they proposed is open.
    pub proposal: bool,
    /// Filings of their own self-recalls that nobody has checked yet.
    pub filings: usize,
    /// Steps of remediation plans that they own and that are open.
    pub steps: usize,
    /// Questions of auditors to them without an answer.
    pub questions: usize,
    /// Delegations by them and to them that run or are to come, and count for nothing while they are suspended.
    pub delegations: (usize, usize),
}

impl Duties {
    /// Whether nothing waits for them or with them.
    pub fn is_empty(&self) -> bool {
        self.cases.is_empty()
            && self.holds == 0
            && !self.proposal
            && self.filings == 0
            && self.steps == 0
            && self.questions == 0
            && self.delegations == (0, 0)
    }

    /// Whether something would wait for nobody.
    pub fn is_stranded(&self) -> bool {
        self.levels.iter().any(|l| l.others == 0) || self.cases.iter().any(Owed::is_stranded)
    }

    /// A word for everything that would wait for nobody: each such case with its part and each such level.
    fn stranded(&self) -> BTreeSet<String> {
        let cases = self.cases.iter().filter(|c| c.is_stranded()).map(|c| json!([c.id, c.part.as_str(), level(c.part)]));
        let levels = self.levels.iter().filter(|l| l.others == 0).map(|l| json!(["level", l.level]));
        cases.chain(levels).map(|of| hex::encode(&crypto::sha256(of.to_string().as_bytes())[..4])).collect()
    }

    /// What a page that shows this list carries, for [`Self::was_seen`]: never empty, even for an empty list.
    pub fn mark(&self) -> String {
        let words: String = self.stranded().into_iter().map(|word| format!(".{word}")).collect();
        format!("{LIST}{words}")
    }

    /// Whether who saw the list that `mark` is of knows the worst of this one: everything that would wait for nobody was in that one too. What
    /// got better, what others could take over and what the person files or withdraws makes no difference, or they could hold off their
    /// suspension for ever. Who saw no list knows of nothing: without a mark nothing may rest on the person.
    pub fn was_seen(&self, mark: &str) -> bool {
        if mark.is_empty() {
            return self.is_empty() && self.levels.iter().all(|l| l.others > 0);
        }
        let mut words = mark.split('.');
        let known = words.next() == Some(LIST);
        let words: BTreeSet<&str> = words.collect();
        known && self.stranded().iter().all(|word| words.contains(word.as_str()))
    }

    /// How much it was, for the event.
    pub(super) fn counts(&self) -> Value {
        let of = |wanted: fn(Part) -> bool| self.cases.iter().filter(|c| wanted(c.part)).count();
        json!({
            "levels": of(|p| matches!(p, Part::Decide(_))),
            "requests": of(|p| matches!(p, Part::Request | Part::Returned | Part::Asked)),
            "guided": of(|p| matches!(p, Part::CarryOut | Part::Confirm | Part::Captured)),
            "holds": self.holds, "proposals": usize::from(self.proposal), "filings": self.filings, "steps": self.steps, "questions": self.questions, "delegations": self.delegations.0 + self.delegations.1,
        })
    }
}

/// The level that a part is about; 0 where none is.
const fn level(part: Part) -> u8 {
    match part {
        Part::Decide(level) => level,
        _ => 0,
    }
}

/// What rests on `user_id`, whether or not they are suspended already; the system administrator's.
///
/// # Errors
/// `Forbidden`; `NotFound`.
pub async fn of(app: &App, caller: &Caller, user_id: &str) -> AppResult<Duties> {
    if !caller.may(Permission::UserManage) {
        return Err(AppError::Forbidden(Permission::UserManage));
    }
    let (id, now) = (user_id.to_owned(), app.now());
    app.store.read(move |conn| find(conn, &id, now)).await?.ok_or(AppError::NotFound)
}

/// [`of`] within a read or a write; nothing for nobody.
pub(super) fn find(conn: &mut Conn, user_id: &str, now: Instant) -> Result<Option<Duties>, StoreError> {
    let Some(row) = users::user_find(conn, user_id)? else { return Ok(None) };
    let roles = users::user_roles(conn, user_id)?;
    let me = UserId(row.id.clone());
    let decider =
        Decider { user: me.clone(), roles: roles.clone(), department: row.department_id.clone().map(DepartmentId), person: true, grants: Vec::new() };
    let may_execute = roles.iter().any(|r| r.permissions().contains(&Permission::RecallExecute));
    let (cases, more) = recalls::owed::owed(conn, &Somebody { decider, may_execute }, now)?;
    let mine = |by: &str| by == me.as_str();
    let waiting = holds::waiting(conn)?;
    let held = waiting.iter().filter(|(state, proposed, release)| match state.as_str() {
        "proposed" => mine(proposed),
        _ => release.as_deref().is_some_and(mine),
    });
    Ok(Some(Duties {
        levels: levels(conn, &me, &roles, row.department_id.as_deref(), now)?,
        cases,
        more,
        holds: held.count(),
        proposal: policies::open(conn)?.is_some_and(|p| mine(&p.proposed_by)),
        filings: self_recalls::unchecked_of(conn, me.as_str())?,
        steps: errands::open_of(conn, me.0.clone(), None)?,
        delegations: delegations::open_of(conn, me.as_str(), now)?,
        questions: audits::questions_to(conn, me.as_str(), 500)?.iter().filter(|q| q.answered_at.is_none()).count(),
    }))
}

/// The levels that these roles let decide, and how many others could.
fn levels(conn: &mut Conn, me: &UserId, roles: &BTreeSet<Role>, department: Option<&str>, now: Instant) -> Result<Vec<Level>, StoreError> {
    let line = match department {
        Some(id) => departments::department_line(conn, id)?,
        None => Vec::new(),
    };
    let mut found = Vec::new();
    for level in LEVELS.into_iter().filter(|level| roles.iter().any(|r| r.level() == Some(*level))) {
        let near = |d: &Decider| level != 1 || line.is_empty() || d.department.as_ref().is_some_and(|d| line.contains(&d.0));
        let others = recalls::holders(conn, &[level], now)?.into_iter().filter(|(d, _)| d.user != *me && near(d)).count();
        found.push(Level { level, others });
    }
    Ok(found)
}

/// Has everybody told anew for whom the cases wait that `duties` says waited for the person too; part of the write that suspends them. How many
/// cases that is: none where there is no mail.
pub(super) fn tell_others(tx: &mut Tx<'_>, user_id: &str, duties: &Duties) -> Result<usize, StoreError> {
    let mut told = BTreeSet::new();
    for owed in &duties.cases {
        if matches!(owed.part, Part::Decide(_) | Part::CarryOut | Part::Confirm)
            && owed.others.is_some_and(|n| n > 0)
            && notices::wake_anew(tx, &owed.id, level(owed.part), user_id)?
        {
            told.insert(&owed.id);
        }
    }
    Ok(told.len())
}
