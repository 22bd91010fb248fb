//! Word gets there: whoever has to do the next step of a case is told by mail, once each, and once more when half of the time has passed.
//! Links open a page, they never decide, and no message's text or title leaves the house.
//!
//! A case that moved wakes the job `tell_people`, which finds out whom it concerns as it stands then; each notice is a row and a job
//! `send_notice` of its own, so that one address that fails holds up no other. Without a mail server in the settings nobody is told. Not
//! here: whom a case concerns (`domain::notice`), SMTP (`connect::mail`), what a mail says ([`letter`]).

mod entries;
mod letter;
pub(super) mod steps;

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};

use super::{App, AppError, AppResult, Caller, Done, delegations::grants, recalls};
use crate::{
    clock::Instant,
    connect::mail::{self, MailError},
    domain::{
        event::{Action, Event, Outcome, Subject},
        notice::{self, Notice, Told},
        recall::{
            Case, Rules, State,
            approval::{self, Decider, LEVELS},
        },
        role::Role,
    },
    id::{DepartmentId, NoticeId, UserId},
    store::{
        Conn, StoreError, Tx,
        notices::{self, NoticeRow},
        users::{self, UserRow},
    },
};

/// Kinds of jobs.
pub const TELL: &str = "tell_people";
pub const SEND: &str = "send_notice";
/// A mail that could not be handed over for so long is of no use any more.
const GIVE_UP: Duration = Duration::from_secs(24 * 3600);

/// Has people told of a case that has just come to `version`; part of the write that moved it.
pub(super) fn wake(tx: &mut Tx<'_>, recall: &str, version: i64) -> Result<(), StoreError> {
    if !tx.tells() {
        return Ok(());
    }
    let now = tx.now();
    tx.enqueue(TELL, &format!("{recall}/{version}"), &json!({ "recall": recall }), now)
}

/// Has people told of an entry of a case; part of the write that made it.
pub(super) fn wake_entry(tx: &mut Tx<'_>, recall: &str, entry: &str) -> Result<(), StoreError> {
    if !tx.tells() {
        return Ok(());
    }
    let now = tx.now();
    tx.enqueue(TELL, &format!("{recall}/{entry}"), &json!({ "recall": recall, "entry": entry }), now)
}

/// Has people told of a recall that came first, and of each word of its ratification; part of that write. `version` is the order's.
pub(super) fn wake_ratification(tx: &mut Tx<'_>, recall: &str, version: i64) -> Result<(), StoreError> {
    if !tx.tells() {
        return Ok(());
    }
    let now = tx.now();
    tx.enqueue(TELL, &format!("{recall}/ratification/{version}"), &json!({ "recall": recall }), now)
}

/// Has people told that the time of a level is over; part of the write that notes it.
pub(super) fn wake_escalated(tx: &mut Tx<'_>, recall: &str, round: i64, level: u8) -> Result<(), StoreError> {
    if !tx.tells() {
        return Ok(());
    }
    let now = tx.now();
    tx.enqueue(TELL, &format!("{recall}/{round}/{level}/escalated"), &json!({ "recall": recall, "escalated": level }), now)
}

/// Has everybody told anew who can do the next step of a case at `level` (0 for carrying it out): somebody else who could, left.
/// Says whether anybody will be.
pub(super) fn wake_anew(tx: &mut Tx<'_>, recall: &str, level: u8, left: &str) -> Result<bool, StoreError> {
    if !tx.tells() {
        return Ok(false);
    }
    let now = tx.now();
    tx.enqueue(TELL, &format!("{recall}/{level}/{left}"), &json!({ "recall": recall, "anew": level }), now)?;
    Ok(true)
}

/// Finds out whom the case concerns now, and has each of them told who was not told before. With `remind` in its payload, who still has to
/// decide that level is told again, with `anew` everybody who can do that step.
///
/// # Errors
/// Those of the store.
pub async fn tell(app: &App, payload: &Value) -> AppResult<Option<Instant>> {
    if app.mailer.is_none() {
        return Ok(None);
    }
    let recall = payload["recall"].as_str().ok_or(AppError::NotFound)?.to_owned();
    let payload = payload.clone();
    let entry = payload["entry"].as_str().map(ToOwned::to_owned);
    let (anew, ratify) = (payload["anew"].as_u64(), payload["remind_ratify"].as_u64());
    let remind = payload["remind"].as_object().map(|r| (r["round"].as_u64().unwrap_or(0), r["level"].as_u64().unwrap_or(0)));
    app.store
        .write(move |tx| {
            let Some(loaded) = recalls::load(tx.conn, &recall)? else { return Ok(()) };
            if steps::tell(tx, &loaded, &payload)? {
                return Ok(());
            }
            let now = tx.now();
            let due = concerned(tx.conn, &loaded.case, now)?;
            if let Some(level) = ratify {
                for told in due.iter().filter(|t| t.notice == Notice::Ratify && u64::from(t.level) == level) {
                    note(tx, &loaded.row.id, loaded.case.round, &Told { notice: Notice::RatifyRemind, ..told.clone() }, false)?;
                }
                return Ok(());
            }
            if let Some(level) = payload["escalated"].as_u64().and_then(|level| u8::try_from(level).ok()) {
                let deciders: Vec<_> = recalls::deciders(tx.conn, &LEVELS, now)?.into_iter().map(|(decider, _)| decider).collect();
                for told in notice::of_escalation(&loaded.case, &deciders, level) {
                    note(tx, &loaded.row.id, loaded.case.round, &told, false)?;
                }
                return Ok(());
            }
            if let Some(entry) = &entry {
                for told in entries::concerned(tx.conn, &loaded, entry, &due, now)? {
                    note(tx, &loaded.row.id, loaded.case.round, &told, true)?;
                }
                return Ok(());
            }
            let (case, row) = (&loaded.case, &loaded.row);
            if let Some(level) = anew {
                let next = due.iter().filter(|t| matches!(t.notice, Notice::Decide | Notice::CarryOut | Notice::Confirm));
                for told in next.filter(|t| u64::from(t.level) == level) {
                    note(tx, &row.id, case.round, told, true)?;
                }
                return Ok(());
            }
            for told in due {
                let told = match remind {
                    None => told,
                    Some((round, level)) if told.notice == Notice::Decide && u64::from(told.level) == level && u64::from(case.round) == round => {
                        Told { notice: Notice::Remind, ..told }
                    }
                    Some(_) => continue,
                };
                note(tx, &row.id, case.round, &told, false)?;
            }
            if let Some((level, (order, _))) = case.order.as_ref().and_then(|o| o.open()).zip(loaded.order.as_ref()).filter(|_| remind.is_none()) {
                let half = Instant(now.0 + (order.due_at - now.0) / 2);
                if half > now.plus(Duration::from_secs(30)) {
                    tx.enqueue(TELL, &format!("{}/ratify/{level}", row.id), &json!({ "recall": row.id, "remind_ratify": level }), half)?;
                }
            }
            if remind.is_none() && case.state == State::Reviewing {
                for level in &case.open {
                    let half = Instant(now.0 + (row.due_of(*level).0 - now.0) / 2);
                    let key = format!("{}/{}/{level}", row.id, case.round);
                    if half > now.plus(Duration::from_secs(30)) {
                        tx.enqueue(TELL, &key, &json!({ "recall": row.id, "remind": { "round": case.round, "level": level } }), half)?;
                    }
                }
            }
            Ok(())
        })
        .await?;
    app.wake.notify_one();
    Ok(None)
}

/// Whom a case concerns as it stands.
fn concerned(conn: &mut Conn, case: &Case, now: Instant) -> Result<BTreeSet<Told>, StoreError> {
    let deciders: Vec<_> = recalls::deciders(conn, &LEVELS, now)?.into_iter().map(|(decider, _)| decider).collect();
    let operators = users::user_holders(conn, &[Role::PlatformOperator])?.into_iter().filter(|p| p.valid_until.is_none_or(|until| now.0 < until));
    let operators: Vec<UserId> = operators.map(|p| UserId(p.id)).collect();
    let mut due = notice::due(case, &deciders, &operators);
    if case.order.is_some() {
        let overseers = users::user_holders(conn, &[Role::SecurityAdministrator])?.into_iter();
        let overseers: Vec<UserId> = overseers.filter(|p| p.valid_until.is_none_or(|until| now.0 < until)).map(|p| UserId(p.id)).collect();
        due.extend(notice::of_order(case, &deciders, &overseers));
    }
    Ok(due)
}

/// One notice, if the person has an address and was not told this before, or is to be told `again`.
fn note(tx: &mut Tx<'_>, recall: &str, round: u32, told: &Told, again: bool) -> Result<(), StoreError> {
    if notices::address(tx.conn, told.user.as_str())?.is_none() {
        return Ok(());
    }
    let row = NoticeRow {
        id: NoticeId::fresh().0,
        recall_id: recall.to_owned(),
        user_id: told.user.0.clone(),
        kind: told.notice.as_str().to_owned(),
        round: i64::from(round),
        level: i64::from(told.level),
        state: "waiting".to_owned(),
        problem: None,
        created_at: tx.now().0,
        ended_at: None,
    };
    let (mut id, now) = (row.id.clone(), tx.now());
    match notices::known(tx.conn, &row)? {
        None => notices::insert(tx.conn, row)?,
        // What became of the first one stands in the log.
        Some(earlier) if again => {
            notices::renew(tx.conn, &earlier, now.0)?;
            id = earlier;
        }
        Some(_) => return Ok(()),
    }
    tx.enqueue(SEND, &id, &json!({ "notice": id }), now)
}

/// What a mail tells of.
struct Matter {
    loaded: recalls::Loaded,
    /// Name of who asked for the recall.
    requester: String,
    /// Name of who the reader would decide for.
    behalf: Option<String>,
    /// Steps of the remediation plan that are meant.
    steps: Vec<steps::Step>,
}

/// Sends one notice, unless it is of no use any more. Running it twice sends one mail, or two with the same Message-ID where the process died
/// between the server's word and ours.
///
/// # Errors
/// Those of the store, and where the mail cannot be handed over now: the job tries again.
pub async fn send(app: &App, id: &str) -> AppResult<Option<Instant>> {
    let Some(mailer) = app.mailer.clone() else { return Ok(None) };
    let (wanted, now) = (id.to_owned(), app.now());
    let found = app
        .store
        .read(move |conn| {
            let Some(row) = notices::find(conn, &wanted)?.filter(|row| row.state == "waiting") else { return Ok(None) };
            let loaded = recalls::load(conn, &row.recall_id)?.ok_or(StoreError::NotFound)?;
            let user = users::user_find(conn, &row.user_id)?.ok_or(StoreError::NotFound)?;
            let requester = users::user_find(conn, &loaded.row.requester_id)?.map_or_else(String::new, |u| u.display_name);
            let address = notices::address(conn, &row.user_id)?;
            let level = u8::try_from(row.level).unwrap_or(0);
            let behalf = if level > 0 { behalf(conn, &loaded.case, &user, level, now)? } else { None };
            let kind = Notice::parse(&row.kind).ok_or_else(|| StoreError::Corrupt(format!("notices.kind: {}", row.kind)))?;
            let steps = steps::of(conn, &loaded.row.id, &user.id, kind, now)?;
            let holds = holds(conn, &loaded, &row, kind, now)?;
            Ok(Some((row, kind, user, address, holds, Matter { loaded, requester, behalf, steps })))
        })
        .await?;
    let Some((row, kind, user, address, holds, matter)) = found else { return Ok(None) };
    let level = u8::try_from(row.level).unwrap_or(0);
    let active = user.state == "active" && user.valid_until.is_none_or(|until| now.0 < until);
    let Some(address) = address.filter(|_| active && holds) else {
        let settled = settle(app, &row, "moot", None).await?;
        return Ok((!settled).then(|| app.now()));
    };
    // Servers like to repeat the address; it is nothing for the record.
    let to = address.clone();
    let nameless = |why: String| why.replace(&to, "…");
    let letter = letter::write(app, kind, level, &matter, &user, address, &row.id);
    let settled = match mailer.send(letter).await {
        Ok(()) => settle(app, &row, "sent", None).await?,
        Err(MailError::Refused(why)) => settle(app, &row, "failed", Some(nameless(why))).await?,
        Err(MailError::Later(why)) if now.since(Instant(row.created_at)) > GIVE_UP => settle(app, &row, "failed", Some(nameless(why))).await?,
        Err(MailError::Later(why)) => {
            let why = nameless(why);
            let (id, said) = (row.id.clone(), why.clone());
            app.store.write(move |tx| notices::settle(tx.conn, &id, row.created_at, "waiting", Some(&said), None)).await?;
            return Err(AppError::Mail(why));
        }
    };
    // Renewed while the mail was on its way: the new telling has no other job than this one.
    Ok((!settled).then(|| app.now()))
}

/// Whether what a notice says still holds of its reader, as things are now.
fn holds(conn: &mut Conn, loaded: &recalls::Loaded, row: &NoticeRow, kind: Notice, now: Instant) -> Result<bool, StoreError> {
    let mut due = concerned(conn, &loaded.case, now)?;
    due.extend(steps::concerned(conn, &loaded.row.id, now)?);
    let (user, round, level) = (UserId(row.user_id.clone()), u32::try_from(row.round).unwrap_or(0), u8::try_from(row.level).unwrap_or(0));
    Ok(notice::still(&loaded.case, &due, &user, kind, round, level) && entries::readable(conn, kind, &user, &loaded.row.id, now)?)
}

/// Name of who this person would decide a level for; nothing where it is in their own name.
fn behalf(conn: &mut Conn, case: &Case, user: &UserRow, level: u8, now: Instant) -> Result<Option<String>, StoreError> {
    let who = Decider {
        user: UserId(user.id.clone()),
        roles: users::user_roles(conn, &user.id)?,
        department: user.department_id.clone().map(DepartmentId),
        person: true,
        grants: grants::of(conn, &user.id, now)?,
    };
    Ok(approval::capacity(Rules::ALL, case, &who, level).ok().flatten().map(|grant| grant.name.clone()))
}

/// Records how it ended; a mail that the server took or refused is an event of the case. Says whether that was the end of it: `false` where it
/// is to be told anew.
async fn settle(app: &App, row: &NoticeRow, state: &'static str, problem: Option<String>) -> AppResult<bool> {
    let outcome = match state {
        "sent" => Some(Outcome::Success),
        "failed" => Some(Outcome::Failed),
        _ => None,
    };
    let detail = json!({ "notice": row.kind, "to": row.user_id, "round": row.round, "level": row.level, "problem": problem });
    let event = outcome.map(|outcome| {
        Caller::job(SEND).event(Action::NoticeSent, Subject::new("notice", row.id.clone())).outcome(outcome).case(&row.recall_id).detail(detail)
    });
    let (id, told_at) = (row.id.clone(), row.created_at);
    let written = app.store.write(move |tx| {
        let now = tx.now().0;
        let settled = notices::settle(tx.conn, &id, told_at, state, problem.as_deref(), Some(now))?;
        if let Some(event) = &event {
            tx.append(Event::clone(event))?;
        }
        Ok(settled)
    });
    Ok(written.await?.value)
}

/// Where mail to the caller goes; empty for nowhere.
///
/// # Errors
/// `NotFound` for who is no person.
pub async fn address(app: &App, caller: &Caller) -> AppResult<String> {
    let user = caller.user_id.clone().ok_or(AppError::NotFound)?;
    Ok(app.store.read(move |conn| notices::address(conn, &user)).await?.unwrap_or_default())
}

/// Sets where mail to the caller goes; empty for nowhere.
///
/// # Errors
/// `Invalid` on `address` (`not-an-address`), recorded; `NotFound` for who is no person.
pub async fn address_set(app: &App, caller: &Caller, typed: &str) -> AppResult<Done<()>> {
    let user = caller.user_id.clone().ok_or(AppError::NotFound)?;
    set_for(app, caller, &user, typed).await
}

/// The same for somebody else's account, from the shell.
///
/// # Errors
/// As [`address_set`].
pub async fn set_for(app: &App, caller: &Caller, user: &str, typed: &str) -> AppResult<Done<()>> {
    let subject = Subject::new("user", user);
    let typed = Some(typed.trim().to_owned()).filter(|t| !t.is_empty());
    if typed.as_deref().is_some_and(|t| !mail::is_address(t)) {
        return Err(app.refuse(caller, Action::MailAddressChanged, subject, None, AppError::invalid("address", "not-an-address")).await);
    }
    let (user, event) = (user.to_owned(), caller.event(Action::MailAddressChanged, subject));
    let written = app.store.write(move |tx| {
        let before = notices::address(tx.conn, &user)?;
        notices::address_set(tx.conn, &user, typed.as_deref())?;
        tx.append(event.clone().detail(json!({ "before": { "address": before }, "after": { "address": typed } })))?;
        Ok(Ok(()))
    });
    Done::from_write(written.await?)
}
