//! The check before a request: which path is open, how much time is left, who can judge it, what will remain.

use std::collections::BTreeMap;

use super::{App, AppError, AppResult, Caller, deciders};
use crate::{
    app::broadcasts::{self, Broadcast},
    clock::Instant,
    domain::{
        event::Action,
        event::Subject,
        platform::HarmClass,
        recall::{
            approval::LEVELS,
            request::{self, Eligible, Situation, Verdict},
        },
        role::Permission,
    },
    id::{DepartmentId, UserId},
    store::{Conn, StoreError, departments, policies},
};

/// Somebody who could decide: their name, and on whose behalf, if not in their own name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub name: String,
    pub behalf: Option<String>,
}

/// What the check page shows.
#[derive(Clone, Debug)]
pub struct Checked {
    pub broadcast: Broadcast,
    pub title: String,
    pub verdict: Verdict,
    /// Those who can decide, by level.
    pub names: [Vec<Named>; 3],
    /// The case that is open already: id and number.
    pub open_case: Option<(String, String)>,
    pub now: Instant,
}

/// Weighs a broadcast for a class of harm, for the one who would ask.
pub async fn check(app: &App, caller: &Caller, broadcast: &str, class: HarmClass) -> AppResult<Checked> {
    let broadcast = &super::plain(broadcast);
    let about = Subject::new("broadcast", broadcast);
    app.require(caller, Permission::RecallRequest, Action::PermissionChecked, about).await?;
    let broadcast = broadcasts::load(app, broadcast).await?;
    if broadcast.row.erased_at.is_some() {
        return Err(AppError::refused("broadcast-erased"));
    }
    let title = crate::app::content::open_title(&app.store.keys().envelope, &broadcast.row)?;
    let requester = caller.user_id.clone().ok_or(AppError::Forbidden(Permission::RecallRequest))?;
    let now = app.now();
    let seen = broadcast.clone();
    let (situation, people, open_case) = app
        .store
        .read(move |conn| {
            let people = deciders(conn, &LEVELS, now)?;
            let situation = situation(conn, &seen, &requester, class, now)?;
            Ok((situation, people, crate::store::recalls::open_case(conn, &seen.id)?))
        })
        .await?;
    let verdict = request::verdict(&situation);
    let people: BTreeMap<_, _> = people.into_iter().map(|(d, name)| (d.user, name)).collect();
    let names = named(&verdict, &people);
    Ok(Checked { broadcast, title, verdict, names, open_case, now })
}

/// Those whom a verdict found, by level, as `people` are called.
pub(in crate::app) fn named(verdict: &Verdict, people: &BTreeMap<UserId, String>) -> [Vec<Named>; 3] {
    let one = |found: &Eligible| Some(Named { name: people.get(&found.user).cloned()?, behalf: found.behalf.clone() });
    verdict.eligible.each_ref().map(|found| found.iter().filter_map(one).collect())
}

/// The situation as the rules want it, read in the transaction that will rely on it.
pub(super) fn situation(conn: &mut Conn, broadcast: &Broadcast, requester: &str, class: HarmClass, now: Instant) -> Result<Situation, StoreError> {
    let line = match &broadcast.department {
        Some(id) => departments::department_line(conn, id)?,
        None => Vec::new(),
    };
    let sent = !matches!(broadcast.state.as_str(), "failed" | "sending");
    Ok(Situation {
        now,
        sent_at: broadcast.sent_at.filter(|_| sent),
        capabilities: broadcast.connection.is_some().then(|| broadcast.capabilities.clone()),
        recallable: broadcast.has_platform_ids(),
        platform: broadcast.platform,
        policy: policies::in_force(conn)?,
        class,
        requester: UserId(requester.to_owned()),
        departments: line.into_iter().map(DepartmentId).collect(),
        deciders: deciders(conn, &LEVELS, now)?.into_iter().map(|(d, _)| d).collect(),
    })
}
