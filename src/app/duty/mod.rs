//! 值班表: who may order a recall before its review, and when. The security administrator names them; the coming week's gaps are shown, for
//! an hour without an officer is an hour in which nobody can recall first. Not here: the order itself (`recalls::order`), the report of its
//! uses (`uses`), what of somebody's would stand still without them (`app::duties`).

pub mod uses;

use std::{collections::BTreeMap, time::Duration};

use serde_json::json;

use super::{
    App, AppError, AppResult, Caller, Done, FieldError,
    recalls::{
        self,
        list::{self, Line},
    },
    refused, step_up,
};
use crate::{
    clock::Instant,
    domain::{
        event::{Action, Subject},
        recall::{
            State,
            ratification::{Standing, is_fit},
        },
        role::{Permission, Role},
    },
    store::{
        Conn, StoreError,
        broadcasts::names,
        duty::{self, ShiftRow},
        orders, passkeys, policies, users,
    },
};

/// The longest that one entry of the roster lasts: longer is no duty but an office.
pub const LONGEST: Duration = Duration::from_secs(31 * 24 * 3600);
/// How far ahead gaps are looked for.
pub const AHEAD: Duration = Duration::from_secs(7 * 24 * 3600);
/// How far back the roster begins at most when somebody enters it late.
const PAST: i64 = 20;

/// An entry of the roster.
#[derive(Clone, Debug)]
pub struct Shift {
    pub id: String,
    pub who: String,
    pub from: Instant,
    pub until: Instant,
    pub added_by: String,
    /// Who ended it before its time, and when.
    pub ended: Option<(String, Instant)>,
    /// The person can no longer order: suspended, another role, no second factor.
    pub unfit: bool,
}

/// What the page shows.
#[derive(Clone, Debug)]
pub struct Roster {
    /// Until when the reader is on duty now.
    pub mine: Option<Instant>,
    /// An order of theirs was refused, and nobody has lifted the bar.
    pub barred: bool,
    /// Whether the rules in force allow a recall first at all.
    pub open: bool,
    /// Those that stand, the first first.
    pub shifts: Vec<Shift>,
    /// Those that are over, the newest first.
    pub past: Vec<Shift>,
    /// From when until when nobody is on duty in the coming week.
    pub gaps: Vec<(Instant, Instant)>,
    /// Who could be entered: id and name. Only for who may enter them.
    pub candidates: Vec<(String, String)>,
    /// Cases under review that the reader, on duty, could order to be recalled.
    pub cases: Vec<Line>,
    pub now: Instant,
}

/// An entry as typed.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    /// Id of an account, or its user name.
    pub user: String,
    /// RFC 3339.
    pub from: String,
    pub until: String,
    /// A fresh one-time code.
    pub totp: String,
}

fn subject(id: &str) -> Subject {
    Subject::new("duty", id)
}

/// Who may look: who sees cases or administers, as with the rules.
async fn may_look(app: &App, caller: &Caller) -> AppResult<()> {
    let by = if caller.may(Permission::RecallRead) { Permission::RecallRead } else { Permission::SystemRead };
    app.require(caller, by, Action::PermissionChecked, Subject::new("route", "/duty")).await
}

/// Whether an account may be on duty now.
fn fits(conn: &mut Conn, user: &str, now: Instant) -> Result<bool, StoreError> {
    let Some(row) = users::user_find(conn, user)? else { return Ok(false) };
    let active = row.state == "active" && row.valid_until.is_none_or(|until| now.0 < until);
    let secured = row.totp_sealed.is_some() || !passkeys::of_user(conn, user)?.is_empty();
    Ok(active && secured && is_fit(&users::user_roles(conn, user)?))
}

/// From when until when nobody is on duty between `now` and [`AHEAD`] of it.
fn gaps(shifts: &[ShiftRow], now: Instant) -> Vec<(Instant, Instant)> {
    let (mut at, end, mut gaps) = (now.0, now.plus(AHEAD).0, Vec::new());
    for shift in shifts {
        if shift.from_at > at && at < end {
            gaps.push((Instant(at), Instant(shift.from_at.min(end))));
        }
        at = at.max(shift.until_at);
    }
    if at < end {
        gaps.push((Instant(at), Instant(end)));
    }
    gaps
}

/// The roster.
///
/// # Errors
/// `Forbidden` for who neither sees cases nor administers, recorded.
pub async fn roster(app: &App, caller: &Caller) -> AppResult<Roster> {
    may_look(app, caller).await?;
    let (now, me, manages) = (app.now(), caller.user_id.clone(), caller.may(Permission::RoleManage));
    let mut found = app
        .store
        .read(move |conn| {
            let (standing, past) = (duty::standing(conn, now.0)?, duty::past(conn, now.0, PAST)?);
            let mut ids: Vec<String> = Vec::new();
            for row in standing.iter().chain(&past) {
                ids.extend([row.user_id.clone(), row.added_by.clone()]);
                ids.extend(row.ended_by.clone());
            }
            let names = names(conn, ids)?;
            let mut fit: BTreeMap<String, bool> = BTreeMap::new();
            for row in &standing {
                if !fit.contains_key(&row.user_id) {
                    fit.insert(row.user_id.clone(), fits(conn, &row.user_id, now)?);
                }
            }
            let name = |id: &str| names.get(id).cloned().unwrap_or_default();
            let shift = |row: &ShiftRow| Shift {
                id: row.id.clone(),
                who: name(&row.user_id),
                from: Instant(row.from_at),
                until: Instant(row.until_at),
                added_by: name(&row.added_by),
                ended: row.ended_by.as_deref().map(name).zip(row.ended_at.map(Instant)),
                unfit: fit.get(&row.user_id) == Some(&false),
            };
            let mut candidates = Vec::new();
            if manages {
                let roles: Vec<Role> = Role::ALL.iter().copied().filter(|r| r.is_decider() || *r == Role::Counsel).collect();
                for holder in users::user_holders(conn, &roles)? {
                    if fits(conn, &holder.id, now)? {
                        candidates.push((holder.id, holder.name));
                    }
                }
            }
            let mine = match &me {
                Some(me) => duty::on_duty(conn, me, now.0)?.map(Instant),
                None => None,
            };
            let barred = match (&me, mine) {
                (Some(me), Some(_)) => orders::bars(conn, me)? > 0,
                _ => false,
            };
            let covering: Vec<ShiftRow> = standing.iter().filter(|row| fit.get(&row.user_id) == Some(&true)).cloned().collect();
            Ok(Roster {
                mine,
                barred,
                open: policies::in_force(conn)?.policy.recall_first.is_open(),
                shifts: standing.iter().map(shift).collect(),
                past: past.iter().map(shift).collect(),
                gaps: gaps(&covering, now),
                candidates,
                cases: Vec::new(),
                now,
            })
        })
        .await?;
    if found.mine.is_some() && !found.barred {
        found.cases = orderable(app, caller).await?;
    }
    Ok(found)
}

/// The cases under review that the caller could order to be recalled now.
async fn orderable(app: &App, caller: &Caller) -> AppResult<Vec<Line>> {
    let wanted = list::Wanted { states: vec![State::Reviewing], ..list::Wanted::default() };
    let lines = list::list_of(app, caller, wanted, super::Turn::First, 200).await?.lines;
    let (ids, asking, now): (Vec<String>, _, _) = (lines.iter().map(|l| l.id.clone()).collect(), caller.clone(), app.now());
    let able = app.store.read(move |conn| {
        let mut able = Vec::new();
        for id in ids {
            let Some(loaded) = recalls::load(conn, &id)? else { continue };
            if matches!(recalls::order::offer(conn, &asking, &loaded.row, &loaded.case, now)?, Some(Ok(()))) {
                able.push(id);
            }
        }
        Ok(able)
    });
    let able = able.await?;
    Ok(lines.into_iter().filter(|line| able.contains(&line.id)).collect())
}

/// Enters somebody; `id` is what a repeated request comes back to.
///
/// # Errors
/// `Forbidden`; `Invalid` on `user` (`required`, `not-fit-for-duty`), `from` and `until` (`required`, `not-a-time`), `until` (`before-from`,
/// `in-the-past`, `days` with `max`); those of a step-up. Each is recorded.
pub async fn assign(app: &App, caller: &Caller, typed: Typed, id: String) -> AppResult<Done<String>> {
    let action = Action::DutyAssigned;
    app.require(caller, Permission::RoleManage, action, subject(&id)).await?;
    let (from, until) = match parse(&typed, app.now()) {
        Ok(parsed) => parsed,
        Err(error) => return Err(app.refuse(caller, action, subject(&id), None, error).await),
    };
    let (caller, app2) = (caller.clone(), app.clone());
    let written = app.store.write(move |tx| {
        let event = caller.event(action, subject(&id));
        let Some(by) = caller.user_id.clone() else { return refused(tx, event, AppError::Forbidden(Permission::RoleManage)) };
        if duty::find(tx.conn, &id)?.is_some_and(|made| made.added_by == by) {
            return Ok(Ok(id.clone()));
        }
        let now = tx.now();
        let wanted = typed.user.trim();
        let found = match wanted.contains('\0') {
            true => None,
            false => match users::user_find(tx.conn, wanted)? {
                Some(user) => Some(user),
                None => users::user_by_name(tx.conn, wanted)?,
            },
        };
        let user = match found {
            Some(user) if fits(tx.conn, &user.id, now)? => user.id,
            _ => return refused(tx, event, AppError::invalid("user", "not-fit-for-duty")),
        };
        if let Err(error) = step_up::spend_totp(tx, app2.store.keys(), &by, &typed.totp)? {
            return refused(tx, event, error);
        }
        let row = ShiftRow {
            id: id.clone(),
            user_id: user.clone(),
            from_at: from.0,
            until_at: until.0,
            added_by: by,
            added_at: now.0,
            ended_by: None,
            ended_at: None,
        };
        duty::insert(tx.conn, row)?;
        let after = json!({ "officer": user, "from": from.to_rfc3339(), "until": until.to_rfc3339() });
        tx.append(event.detail(json!({ "after": after })))?;
        Ok(Ok(id.clone()))
    });
    Done::from_write(written.await?)
}

fn parse(typed: &Typed, now: Instant) -> AppResult<(Instant, Instant)> {
    let mut errors = Vec::new();
    if typed.user.trim().is_empty() {
        errors.push(FieldError::new("user", "required"));
    }
    let mut time = |field: &'static str, text: &str| {
        let at = Instant::parse(text.trim());
        if at.is_none() {
            errors.push(FieldError::new(field, if text.trim().is_empty() { "required" } else { "not-a-time" }));
        }
        at
    };
    let (from, until) = (time("from", &typed.from), time("until", &typed.until));
    if let (Some(from), Some(until)) = (from, until) {
        match () {
            () if until <= from => errors.push(FieldError::new("until", "before-from")),
            () if until <= now => errors.push(FieldError::new("until", "in-the-past")),
            () if until.since(from) > LONGEST => errors.push(FieldError::new("until", "duty-days").arg("max", LONGEST.as_secs() / 86_400)),
            () => {}
        }
    }
    if typed.totp.trim().is_empty() {
        errors.push(FieldError::new(step_up::FIELD, "required"));
    }
    match (from, until) {
        (Some(from), Some(until)) if errors.is_empty() => Ok((from, until)),
        _ => Err(AppError::Invalid(errors)),
    }
}

/// Ends an entry before its time.
///
/// # Errors
/// `Forbidden`; `NotFound`; `Refused` with kind `duty-over`. Each is recorded.
pub async fn end(app: &App, caller: &Caller, id: &str) -> AppResult<Done<()>> {
    let (action, id) = (Action::DutyEnded, recalls::plain(id));
    app.require(caller, Permission::RoleManage, action, subject(&id)).await?;
    let caller = caller.clone();
    let written = app.store.write(move |tx| {
        let event = caller.event(action, subject(&id));
        let Some(by) = caller.user_id.clone() else { return refused(tx, event, AppError::Forbidden(Permission::RoleManage)) };
        let Some(row) = duty::find(tx.conn, &id)? else { return refused(tx, event, AppError::NotFound) };
        let now = tx.now();
        if row.until_at <= now.0 || !duty::end(tx.conn, &id, &by, now.0)? {
            return refused(tx, event, AppError::refused("duty-over"));
        }
        let before = json!({ "officer": row.user_id, "from": Instant(row.from_at).to_rfc3339(), "until": Instant(row.until_at).to_rfc3339() });
        let after = json!({ "officer": row.user_id, "from": Instant(row.from_at).to_rfc3339(), "until": now.to_rfc3339() });
        tx.append(event.detail(json!({ "before": before, "after": after })))?;
        Ok(Ok(()))
    });
    Done::from_write(written.await?)
}

/// The standing that a row has.
fn standing_of(word: &str) -> Result<Standing, StoreError> {
    Standing::parse(word).ok_or_else(|| StoreError::Corrupt(format!("recall_orders.state: {word}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_without_an_officer_are_gaps_and_overlaps_are_none() {
        let hour = |h: i64| Instant(h * 3_600_000_000);
        let shift = |from: i64, until: i64| ShiftRow {
            id: String::new(),
            user_id: String::new(),
            from_at: hour(from).0,
            until_at: hour(until).0,
            added_by: String::new(),
            added_at: 0,
            ended_by: None,
            ended_at: None,
        };
        assert_eq!(gaps(&[], hour(0)), [(hour(0), hour(168))]);
        let week = [shift(-5, 10), shift(5, 30), shift(6, 7), shift(32, 100), shift(100, 300)];
        assert_eq!(gaps(&week, hour(0)), [(hour(30), hour(32))]);
        assert_eq!(gaps(&[shift(200, 300)], hour(0)), [(hour(0), hour(168))], "beyond the week");
    }
}
