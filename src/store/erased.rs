//! Broadcasts whose time is over: what they said, who got them, and the words of their cases. Rows stay as a skeleton with what the log
//! commits to, so that numbers, times, outcomes and figures stand. Not here: when the time is over (`domain::retention`), who erases
//! (`app::retention`).

use diesel::{
    dsl::{max, sql},
    expression::SqlLiteral,
    prelude::*,
    sql_types::Bool,
};

use super::{
    Conn, StoreError,
    broadcasts::BroadcastRow,
    holds::Keeping,
    recipients,
    schema::{
        attachments, broadcasts, calls, decisions, jobs, log_search, messages, ratifications, recall_entries, recall_orders, recalls,
        recipients as people, remediation_steps,
    },
};
use crate::{clock::Instant, domain::event::Action, domain::recall::State};

/// How a broadcast stands at a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A case, a job or its youth keeps it.
    Young,
    /// Its time is over, and a hold keeps it.
    Held(Instant),
    Due(Box<Old>),
}

/// A broadcast whose time is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Old {
    pub row: BroadcastRow,
    /// Ids of its cases, in order.
    pub cases: Vec<String>,
    /// When the last of it ended: sent, recorded, or its last case closed.
    pub ended_at: Instant,
}

/// Ids after `after` of at most `limit` broadcasts that were sent and recorded before `before`, and of which something is left.
pub fn candidates(conn: &mut Conn, before: Instant, after: &str, limit: i64) -> Result<Vec<String>, StoreError> {
    let old = broadcasts::created_at.lt(before.0).and(broadcasts::sent_at.is_null().or(broadcasts::sent_at.assume_not_null().lt(before.0)));
    let there = broadcasts::table.filter(broadcasts::erased_at.is_null()).filter(broadcasts::id.gt(after.to_owned())).filter(old);
    Ok(there.order(broadcasts::id).select(broadcasts::id).limit(limit).load(conn)?)
}

/// That an event is about a broadcast, for the index of those: written out, or no database would see that the index may be used.
pub(super) fn of_broadcasts() -> SqlLiteral<Bool> {
    sql("subject_kind = 'broadcast'")
}

/// When the last event ended that the log has of the sending of a broadcast and of the end of each of its cases; `None` where it has none of
/// one of them. The columns of the rows are bound by nothing, and whoever wrote past the product could make anything old by them.
fn told_end(conn: &mut Conn, broadcast: &str, cases: &[String]) -> Result<Option<i64>, StoreError> {
    let made = [Action::BroadcastSubmitted, Action::BroadcastImported, Action::BroadcastReported, Action::BroadcastSent].map(Action::as_str);
    let of = log_search::table
        .filter(of_broadcasts())
        .filter(log_search::subject_id.eq(broadcast))
        .filter(log_search::action.eq_any(made))
        .filter(log_search::outcome.eq("success"));
    let Some(mut ended) = of.select(max(log_search::at)).first::<Option<i64>>(conn)? else { return Ok(None) };
    for case in cases {
        let closed = log_search::table.filter(log_search::case_id.eq(case)).filter(log_search::action.eq(Action::CaseClosed.as_str()));
        match closed.select(max(log_search::at)).first::<Option<i64>>(conn)? {
            Some(at) => ended = ended.max(at),
            None => return Ok(None),
        }
    }
    Ok(Some(ended))
}

/// How a broadcast stands: due if it and the last of its cases ended before `before`, by their rows and by the log, no job of theirs waits, and
/// no hold covers any event of it or of its cases.
pub fn standing(conn: &mut Conn, holds: &Keeping, id: &str, before: Instant) -> Result<Standing, StoreError> {
    let row: Option<BroadcastRow> = broadcasts::table.find(id).filter(broadcasts::erased_at.is_null()).first(conn).optional()?;
    let Some(row) = row.filter(|row| row.state != "sending") else { return Ok(Standing::Young) };
    let of = recalls::table.filter(recalls::broadcast_id.eq(id)).order(recalls::id);
    let found: Vec<(String, String, Option<i64>)> = of.select((recalls::id, recalls::state, recalls::closed_at)).load(conn)?;
    let mut ended = row.created_at.max(row.sent_at.unwrap_or(row.created_at));
    for (_, state, closed_at) in &found {
        match (State::parse(state).is_some_and(State::is_terminal), closed_at) {
            (true, Some(at)) => ended = ended.max(*at),
            _ => return Ok(Standing::Young),
        }
    }
    let cases: Vec<String> = found.into_iter().map(|(id, ..)| id).collect();
    if ended >= before.0 || is_at_work(conn, id, &cases)? {
        return Ok(Standing::Young);
    }
    match told_end(conn, id, &cases)? {
        Some(told) if told < before.0 => ended = ended.max(told),
        _ => return Ok(Standing::Young),
    }
    let ended_at = Instant(ended);
    Ok(match holds.covers_broadcast(conn, id, &cases)? {
        true => Standing::Held(ended_at),
        false => Standing::Due(Box::new(Old { row, cases, ended_at })),
    })
}

/// Whether a job of the broadcast or of one of its cases waits. Auditors' packs are no reason: they hold nothing of what goes.
fn is_at_work(conn: &mut Conn, broadcast: &str, cases: &[String]) -> Result<bool, StoreError> {
    for id in cases.iter().map(String::as_str).chain([broadcast]) {
        let of = jobs::job_key.eq(id).or(jobs::job_key.like(format!("{id}/%")));
        let waits = jobs::table.filter(jobs::state.eq("ready")).filter(of);
        if diesel::select(diesel::dsl::exists(waits)).get_result(conn)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Empties it: the sealed contents with their key and salt, the audience of its pieces, its recipients, its files, what the platform answered,
/// and of its cases the requests, the comments, what people said beside and the files.
pub fn erase(conn: &mut Conn, old: &Old, at: Instant) -> Result<(), StoreError> {
    let (id, nothing) = (old.row.id.as_str(), Vec::<u8>::new());
    let counts = serde_json::to_string(&recipients::tally(conn, id)?).map_err(|e| StoreError::Corrupt(e.to_string()))?;
    diesel::update(broadcasts::table.find(id))
        .set((
            broadcasts::title_sealed.eq(&nothing),
            broadcasts::content_sealed.eq(&nothing),
            broadcasts::key_sealed.eq(&nothing),
            broadcasts::content_salt.eq(&nothing),
            broadcasts::audience_sealed.eq(&nothing),
            broadcasts::erased_at.eq(Some(at.0)),
            broadcasts::erased_counts.eq(Some(counts)),
            broadcasts::version.eq(broadcasts::version + 1),
        ))
        .execute(conn)?;
    diesel::update(messages::table.filter(messages::broadcast_id.eq(id))).set(messages::audience_sealed.eq(&nothing)).execute(conn)?;
    diesel::delete(people::table.filter(people::broadcast_id.eq(id))).execute(conn)?;
    diesel::update(calls::table.filter(calls::broadcast_id.eq(id))).set(calls::raw_sealed.eq(None::<Vec<u8>>)).execute(conn)?;
    diesel::update(calls::table.filter(calls::recall_id.eq_any(&old.cases))).set(calls::raw_sealed.eq(None::<Vec<u8>>)).execute(conn)?;
    // The hash as well: whoever has the file could show by it that it was this one.
    let empty = (attachments::sealed.eq(&nothing), attachments::name.eq(""), attachments::sha256.eq(&nothing));
    diesel::update(attachments::table.filter(attachments::broadcast_id.eq(id))).set(empty).execute(conn)?;
    let empty = (attachments::sealed.eq(&nothing), attachments::name.eq(""), attachments::sha256.eq(&nothing));
    diesel::update(attachments::table.filter(attachments::recall_id.eq_any(&old.cases))).set(empty).execute(conn)?;
    diesel::update(recalls::table.filter(recalls::id.eq_any(&old.cases)))
        .set((recalls::request_sealed.eq(&nothing), recalls::erased_at.eq(Some(at.0))))
        .execute(conn)?;
    let said = recall_entries::table.filter(recall_entries::recall_id.eq_any(&old.cases));
    diesel::update(said).set(recall_entries::text_sealed.eq(&nothing)).execute(conn)?;
    let planned = remediation_steps::table.filter(remediation_steps::recall_id.eq_any(&old.cases));
    diesel::update(planned).set((remediation_steps::note_sealed.eq(&nothing), remediation_steps::said_sealed.eq(&nothing))).execute(conn)?;
    let ordered = recall_orders::table.filter(recall_orders::recall_id.eq_any(&old.cases));
    diesel::update(ordered)
        .set((recall_orders::reason_sealed.eq(&nothing), recall_orders::client_ip.eq(None::<String>), recall_orders::device_id.eq(None::<String>)))
        .execute(conn)?;
    let ratified = ratifications::table.filter(ratifications::recall_id.eq_any(&old.cases));
    diesel::update(ratified)
        .set((ratifications::comment_sealed.eq(&nothing), ratifications::client_ip.eq(None::<String>), ratifications::device_id.eq(None::<String>)))
        .execute(conn)?;
    diesel::update(decisions::table.filter(decisions::recall_id.eq_any(&old.cases)))
        .set((decisions::comment_sealed.eq(&nothing), decisions::client_ip.eq(None::<String>), decisions::device_id.eq(None::<String>)))
        .execute(conn)?;
    Ok(())
}

/// Where the log tells that a broadcast was erased; `None` as long as that event has no place yet.
pub fn told_at(conn: &mut Conn, broadcast: &str) -> Result<Option<u64>, StoreError> {
    let of = log_search::table.filter(log_search::action.eq(Action::BroadcastErased.as_str())).filter(log_search::subject_id.eq(broadcast));
    let index: Option<i64> = of.select(log_search::idx).order(log_search::idx.desc()).first(conn).optional()?;
    Ok(index.and_then(|index| u64::try_from(index).ok()))
}
