//! What an installation needs before the first wrong message can be taken back, and what of it is still missing: for those who administer it.
//! Not here: whether this process can work (`readiness`), whether one message could be recalled (`recalls::check`).

use std::collections::BTreeSet;

use super::{App, AppResult, Caller, backup};
use crate::{
    domain::{
        recall::approval::LEVELS,
        role::{Permission, Role},
    },
    store::{Conn, StoreError, connections, departments, users},
    words,
};

words! {
    /// One thing that somebody has to do once; words `first-step-<as_str>` and `-help`.
    pub enum Step {
        /// The security and the audit administrator took up their invitations.
        Administrators = "administrators",
        Departments = "departments",
        Connection = "connection",
        /// Whoever may ask for a recall.
        Requesters = "requesters",
        /// At each level somebody who can decide it.
        Reviewers = "reviewers",
        Backup = "backup",
    }
}

impl Step {
    /// Whose task it is.
    pub const fn by(self) -> Role {
        match self {
            Self::Reviewers => Role::SecurityAdministrator,
            _ => Role::SystemAdministrator,
        }
    }
}

/// Every step with whether it is done, in the order in which they are best taken; nothing for who does not administer, and once all is done.
///
/// # Errors
/// Those of the store.
pub async fn of(app: &App, caller: &Caller) -> AppResult<Vec<(Step, bool)>> {
    if ![Permission::UserManage, Permission::RoleManage].iter().any(|p| caller.may(*p)) {
        return Ok(Vec::new());
    }
    let done = app.store.read(done).await?;
    let steps: Vec<(Step, bool)> = Step::ALL.iter().map(|step| (*step, done.contains(step))).collect();
    Ok(if steps.iter().all(|(_, done)| *done) { Vec::new() } else { steps })
}

fn done(conn: &mut Conn) -> Result<BTreeSet<Step>, StoreError> {
    let mut held = BTreeSet::new();
    for role in Role::ALL {
        held.extend(users::is_held(conn, *role)?.then_some(*role));
    }
    let judged = LEVELS.iter().all(|level| held.iter().any(|role| role.level() == Some(*level)));
    let findings = [
        (Step::Administrators, [Role::SystemAdministrator, Role::SecurityAdministrator, Role::AuditAdministrator].iter().all(|r| held.contains(r))),
        (Step::Departments, departments::department_list(conn)?.iter().any(|d| d.closed_at.is_none())),
        (Step::Connection, connections::list(conn)?.iter().any(|c| c.state == "active")),
        (Step::Requesters, held.contains(&Role::Requester)),
        (Step::Reviewers, judged),
        (Step::Backup, backup::last::read(conn)?.taken.is_some()),
    ];
    Ok(findings.into_iter().filter(|(_, done)| *done).map(|(step, _)| step).collect())
}
