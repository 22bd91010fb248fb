//! What the tables hold about one person: how many rows of each kind, and from when. Counts and times only, no contents. Not here: why they
//! are kept and until when (`domain::personal`, `app::personal`).

use diesel::{
    dsl::{exists, max, min},
    prelude::*,
};

use super::{
    Conn, StoreError,
    find::{self, Filter},
    holds::{self, HoldRow},
    schema::{
        alert_rules, alerts, attachments, audit_packs, audit_questions, audits, broadcasts, decisions, delegations, devices, duty_shifts, exports,
        holds as held, imports, invitations, log_parts, log_search, mail_addresses, notices, passkeys, policies, ratifications, recall_entries,
        recall_orders, recalls, recovery_codes, remediation_steps, searches, self_recalls, sessions, tokens, user_roles, users,
    },
    words::Words,
};
use crate::{
    clock::Instant,
    domain::{
        kept::EventClass,
        personal::Kind,
        retention::{Cuts, HoldState, Scope},
    },
};

/// Rows of a kind: how many, from when, until when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub count: u64,
    pub oldest: Option<Instant>,
    pub newest: Option<Instant>,
}

type Bare = (i64, Option<i64>, Option<i64>);

impl From<Bare> for Span {
    fn from((count, oldest, newest): Bare) -> Self {
        Self { count: u64::try_from(count).unwrap_or(0), oldest: oldest.map(Instant), newest: newest.map(Instant) }
    }
}

impl Span {
    fn add(&mut self, other: Self) {
        self.count += other.count;
        self.oldest = self.oldest.into_iter().chain(other.oldest).min();
        self.newest = self.newest.into_iter().chain(other.newest).max();
    }

    /// Without times of its own.
    fn of(count: i64) -> Self {
        Self { count: u64::try_from(count).unwrap_or(0), oldest: None, newest: None }
    }
}

/// Count, first and last instant of the rows that meet a condition.
macro_rules! span {
    ($conn:expr, $table:ident, $condition:expr, $first:ident, $last:ident) => {
        Span::from($table::table.filter($condition).select((diesel::dsl::count_star(), min($table::$first), max($table::$last))).first::<(
            i64,
            Option<i64>,
            Option<i64>,
        )>($conn)?)
    };
}

/// The rows beside the log, by kind; of those that go with a class of events, as `store::purge` sweeps them, only what lasted until `since` of
/// that class.
pub fn rows(conn: &mut Conn, user: &str, since: &Cuts) -> Result<Vec<(Kind, Span)>, StoreError> {
    let own = Some(user.to_owned());
    let since = |class: EventClass| since.of(class).0;
    let seen =
        sessions::user_id.eq(user).and(sessions::seen_at.ge(since(EventClass::Session)).or(sessions::expires_at.ge(since(EventClass::Session))));
    let used = devices::user_id.eq(user).and(devices::last_seen_at.ge(since(EventClass::Session)));
    let told = notices::user_id.eq(user).and(notices::ended_at.is_null().or(notices::ended_at.assume_not_null().ge(since(EventClass::Recall))));
    let brought =
        imports::owner_id.eq(user).and(imports::ended_at.is_null().or(imports::ended_at.assume_not_null().ge(since(EventClass::Broadcast))));
    let raised = alerts::last_at.ge(since(EventClass::System));
    let acknowledged = alerts::acknowledged_by.assume_not_null().eq(user).and(alerts::acknowledged_by.is_not_null()).and(raised);
    let uploads =
        attachments::uploaded_by.eq(user).or(attachments::confirmed_by.assume_not_null().eq(user).and(attachments::confirmed_by.is_not_null()));
    let either = invitations::created_by.eq(own.clone()).or(invitations::used_by.eq(own.clone()));
    let invited = either.and(invitations::expires_at.ge(since(EventClass::Account)));
    let placed = held::proposed_by
        .eq(user)
        .or(held::placed_by.assume_not_null().eq(user).and(held::placed_by.is_not_null()))
        .or(held::release_proposed_by.assume_not_null().eq(user).and(held::release_proposed_by.is_not_null()))
        .or(held::ended_by.assume_not_null().eq(user).and(held::ended_by.is_not_null()));
    let filed = self_recalls::filer_id.eq(user).or(self_recalls::checker_id.assume_not_null().eq(user).and(self_recalls::checker_id.is_not_null()));
    let made = decisions::decider_id.eq(user).or(decisions::principal_id.assume_not_null().eq(user).and(decisions::principal_id.is_not_null()));
    let planned = remediation_steps::owner_id
        .eq(user)
        .or(remediation_steps::set_by.eq(user))
        .or(remediation_steps::ended_by.assume_not_null().eq(user).and(remediation_steps::ended_by.is_not_null()));
    let delegated = delegations::principal_id.eq(user).or(delegations::delegate_id.eq(user));
    let on_duty = duty_shifts::user_id
        .eq(user)
        .or(duty_shifts::added_by.eq(user))
        .or(duty_shifts::ended_by.assume_not_null().eq(user).and(duty_shifts::ended_by.is_not_null()));
    let ordered = recall_orders::officer_id
        .eq(user)
        .or(recall_orders::release_by.assume_not_null().eq(user).and(recall_orders::release_by.is_not_null()))
        .or(recall_orders::released_by.assume_not_null().eq(user).and(recall_orders::released_by.is_not_null()));
    let questions = audit_questions::asked_by.eq(user).or(audit_questions::asked_of.eq(user));
    let ruled = policies::proposed_by.eq(user).or(policies::ended_by.assume_not_null().eq(user).and(policies::ended_by.is_not_null()));
    Ok(vec![
        (Kind::Account, span!(conn, users, users::id.eq(user), created_at, created_at)),
        (Kind::Roles, Span::of(user_roles::table.filter(user_roles::user_id.eq(user)).count().get_result(conn)?)),
        (Kind::MailAddress, Span::of(mail_addresses::table.filter(mail_addresses::user_id.eq(user)).count().get_result(conn)?)),
        (Kind::Sessions, span!(conn, sessions, seen, created_at, expires_at)),
        (Kind::Devices, span!(conn, devices, used, first_seen_at, last_seen_at)),
        (Kind::Tokens, span!(conn, tokens, tokens::user_id.eq(own.clone()), created_at, created_at)),
        (Kind::Passkeys, span!(conn, passkeys, passkeys::user_id.eq(user), created_at, created_at)),
        (Kind::RecoveryCodes, span!(conn, recovery_codes, recovery_codes::user_id.eq(user), created_at, created_at)),
        (Kind::Invitations, span!(conn, invitations, invited, created_at, expires_at)),
        (Kind::Searches, span!(conn, searches, searches::owner_id.eq(user), created_at, created_at)),
        (Kind::Exports, span!(conn, exports, exports::owner_id.eq(user), created_at, created_at)),
        (Kind::Imports, span!(conn, imports, brought, created_at, ended_at)),
        (Kind::Notices, span!(conn, notices, told, created_at, ended_at)),
        (Kind::Broadcasts, span!(conn, broadcasts, broadcasts::sender_id.eq(own.clone()), created_at, created_at)),
        (Kind::Requests, span!(conn, recalls, recalls::requester_id.eq(user), submitted_at, submitted_at)),
        (Kind::Decisions, span!(conn, decisions, made, at, at)),
        (Kind::Duty, span!(conn, duty_shifts, on_duty, from_at, until_at)),
        (Kind::Orders, span!(conn, recall_orders, ordered, at, at)),
        (Kind::Ratifications, span!(conn, ratifications, ratifications::by_id.eq(user), at, at)),
        (Kind::Remediations, span!(conn, remediation_steps, planned, set_at, set_at)),
        (Kind::SelfRecalls, span!(conn, self_recalls, filed, filed_at, filed_at)),
        (Kind::Delegations, span!(conn, delegations, delegated, made_at, made_at)),
        (Kind::Participation, span!(conn, recall_entries, recall_entries::by_id.eq(user), at, at)),
        (Kind::Attachments, span!(conn, attachments, uploads, uploaded_at, uploaded_at)),
        (Kind::Holds, span!(conn, held, placed, proposed_at, proposed_at)),
        (Kind::Audits, span!(conn, audits, audits::opened_by.eq(user), opened_at, opened_at)),
        (Kind::Questions, span!(conn, audit_questions, questions, asked_at, asked_at)),
        (Kind::Packs, span!(conn, audit_packs, audit_packs::requested_by.eq(user), requested_at, requested_at)),
        (Kind::AlertRules, span!(conn, alert_rules, alert_rules::changed_by.eq(user), changed_at, changed_at)),
        (Kind::Policies, span!(conn, policies, ruled, proposed_at, proposed_at)),
        (Kind::Alerts, span!(conn, alerts, alerts::subject_kind.eq("user").and(alerts::subject_id.eq(user)).and(raised), first_at, last_at)),
        (Kind::Acknowledged, span!(conn, alerts, acknowledged, first_at, last_at)),
    ])
}

/// Records of what they did and of what was done to their account, by class: those whose contents are still there, and those of which only
/// commitments are left. What happened before `since` of its class counts among the latter, whatever is still there of it.
pub fn events(conn: &mut Conn, user: &str, since: &Cuts) -> Result<Vec<(EventClass, Span, u64)>, StoreError> {
    let theirs: Vec<String> = tokens::table.filter(tokens::user_id.eq(Some(user))).select(tokens::id).load(conn)?;
    let own = || {
        let actors: Vec<String> = theirs.iter().cloned().chain([user.to_owned()]).collect();
        let account = log_search::subject_kind.eq("user").and(log_search::subject_id.eq(user.to_owned()));
        log_search::actor_id.eq_any(actors).or(account)
    };
    let columns = || (log_search::action, diesel::dsl::count_star(), min(log_search::at), max(log_search::at));
    let all: Vec<(String, i64, Option<i64>, Option<i64>)> =
        log_search::table.filter(own()).group_by(log_search::action).select(columns()).load(conn)?;
    let mut open: Vec<(String, i64, Option<i64>, Option<i64>)> = Vec::new();
    for due in since.iter() {
        let there = exists(log_parts::table.filter(log_parts::event_id.eq(log_search::event_id)));
        let young = log_search::table.filter(own()).filter(log_search::at.ge(due.before.0)).filter(there);
        let found: Vec<(String, i64, Option<i64>, Option<i64>)> = young.group_by(log_search::action).select(columns()).load(conn)?;
        open.extend(found.into_iter().filter(|(action, ..)| due.takes(action)));
    }
    let mut found: std::collections::BTreeMap<EventClass, (Span, u64)> = std::collections::BTreeMap::new();
    for (action, count, ..) in all {
        found.entry(EventClass::of_stored(&action)).or_default().1 += u64::try_from(count).unwrap_or(0);
    }
    for (action, count, oldest, newest) in open {
        let span = Span::from((count, oldest, newest));
        let entry = found.entry(EventClass::of_stored(&action)).or_default();
        entry.0.add(span);
        entry.1 = entry.1.saturating_sub(span.count);
    }
    Ok(found.into_iter().map(|(class, (span, bare))| (class, span, bare)).collect())
}

/// Holds that keep records of this person: id, and how many.
pub fn holding(conn: &mut Conn, words: &Words, user: &str) -> Result<Vec<(String, u64)>, StoreError> {
    let keeps: Vec<&str> = HoldState::ALL.iter().filter(|state| state.keeps()).map(|state| state.as_str()).collect();
    let rows: Vec<HoldRow> = held::table.filter(held::state.eq_any(keeps)).order(held::id).load(conn)?;
    let mut found = Vec::new();
    for row in rows {
        let (events, _) = match row.found()? {
            Some(filter) => {
                let mut theirs: Filter = filter;
                theirs.words.extend(words.name(user));
                (find::count(conn, &theirs)?, 0)
            }
            None => match row.scope()? {
                Scope { person: Some(person), .. } if person != user => continue,
                scope => holds::count(conn, &Scope { person: Some(user.to_owned()), ..scope })?,
            },
        };
        if events > 0 {
            found.push((row.id, u64::try_from(events).unwrap_or(0)));
        }
    }
    Ok(found)
}
