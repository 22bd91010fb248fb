//! Delegation (委托): a reviewer hands their deciding to somebody for a time. Who decides on somebody's behalf is bound by what binds either of
//! them: neither may have asked for the recall, nor have decided, or been decided for, at another level. What was received is never handed on.
//! Not here: how a delegation is made and kept (`app::delegations`), what a person may decide in their own name (`approval`).

use std::{collections::BTreeSet, time::Duration};

use super::{Case, Guard, Rules, approval::Decider};
use crate::{
    clock::Instant,
    domain::role::{self, Permission, Role},
    id::{DepartmentId, UserId},
};

/// The levels that the shipped policy lets be delegated: 终审 is for whoever the company made answer for it.
pub const DELEGABLE: [u8; 2] = [1, 2];

/// The longest that one delegation lasts.
pub const LONGEST: Duration = Duration::from_secs(90 * 24 * 3600);

/// What comes with a right to decide that was received: to see what is to be decided.
pub const PERMISSIONS: [Permission; 4] = [Permission::RecallDecide, Permission::RecallRead, Permission::ContentRead, Permission::BroadcastRead];

/// A right to decide as somebody was handed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The delegation's id.
    pub id: String,
    /// On whose behalf.
    pub principal: UserId,
    /// Their name, for people.
    pub name: String,
    /// What the principal may decide themself, as they are now: nobody hands on more than they have.
    pub roles: BTreeSet<Role>,
    pub department: Option<DepartmentId>,
    pub levels: BTreeSet<u8>,
    /// At level 1, only cases of this department and those below it.
    pub within: Option<DepartmentId>,
    pub from: Instant,
    /// Its end, which may have come early.
    pub until: Instant,
}

impl Grant {
    pub fn in_force(&self, now: Instant) -> bool {
        self.from <= now && now < self.until
    }
}

/// Whether somebody with these roles may receive: only who could be given a reviewer's role. Who administers never decides, who audits changes
/// nothing, and who carries recalls out approves none.
pub fn may_receive(roles: &BTreeSet<Role>) -> bool {
    !roles.iter().any(|r| r.excludes(Role::FinalApprover))
}

/// Whether what somebody with these roles received lets them do this.
pub fn allows(grants: &[Grant], roles: &BTreeSet<Role>, permission: Permission) -> bool {
    !grants.is_empty() && may_receive(roles) && PERMISSIONS.contains(&permission)
}

/// Whether these roles may decide a level in their own name.
pub fn holds(roles: &BTreeSet<Role>, level: u8) -> bool {
    may_receive(roles) && roles.iter().any(|r| r.level() == Some(level)) && role::allows(roles, Permission::RecallDecide)
}

/// Whether `who` may decide `level` on behalf of who handed them `grant`, at whatever time.
pub(super) fn on_behalf(rules: Rules, case: &Case, who: &Decider, grant: &Grant, level: u8) -> Result<(), Guard> {
    rules.check(Guard::DeciderPerson, who.person)?;
    rules.check(Guard::DelegatedLevel, grant.levels.contains(&level))?;
    rules.check(Guard::LevelDelegable, case.delegable.contains(&level))?;
    rules.check(Guard::DelegateNotAdministrator, may_receive(&who.roles))?;
    rules.check(Guard::PrincipalRole, holds(&grant.roles, level))?;
    rules.check(Guard::PrincipalDepartment, level != 1 || case.departments.is_empty() || within(case, grant.department.as_ref()))?;
    rules.check(Guard::DelegatedDepartment, level != 1 || grant.within.is_none() || within(case, grant.within.as_ref()))?;
    rules.check(Guard::DeciderNotRequester, who.user != case.requester)?;
    rules.check(Guard::PrincipalNotRequester, grant.principal != case.requester)?;
    rules.check(Guard::DeciderOneLevel, !decided_elsewhere(case, &who.user, level))?;
    rules.check(Guard::DecidedForElsewhere, !decided_for_elsewhere(case, &who.user, level))?;
    let heard = decided_elsewhere(case, &grant.principal, level) || decided_for_elsewhere(case, &grant.principal, level);
    rules.check(Guard::PrincipalOneLevel, !heard)?;
    rules.check(Guard::DeciderOnce, !decided_here(case, &who.user, level) && !decided_here(case, &grant.principal, level))
}

fn within(case: &Case, department: Option<&DepartmentId>) -> bool {
    department.is_some_and(|d| case.departments.contains(d))
}

/// Whether they decided another level of the case, in whatever round and on whose behalf ever.
pub(super) fn decided_elsewhere(case: &Case, user: &UserId, level: u8) -> bool {
    case.decisions.iter().any(|d| d.decider == *user && d.level != level)
}

/// Whether they, or somebody on their behalf, decided this level in this round already.
pub(super) fn decided_here(case: &Case, user: &UserId, level: u8) -> bool {
    case.decisions.iter().any(|d| d.round == case.round && d.level == level && d.is_of(user))
}

/// Whether somebody decided another level on their behalf.
pub(super) fn decided_for_elsewhere(case: &Case, user: &UserId, level: u8) -> bool {
    case.decisions.iter().any(|d| d.principal.as_ref() == Some(user) && d.level != level)
}
