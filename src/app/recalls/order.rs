//! 先撤后审: the officer on duty orders a recall before its review. The write moves the case as a third approval would, leaves the order that
//! owes its ratification, and has the job run that carries every recall out; who was skipped is told. The order is no decision and has no
//! statement (formats.md): its event says what it was given on. Not here: the ratification (`ratify`), the roster (`app::duty`).

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

use super::{
    App, AppError, AppResult, Caller, FieldError, Loaded, advance, chosen, class_of, decide, decider, load, passage, proven, ratify, refusal,
    refused, subject,
};
use crate::{
    app::{Done, content, notices, step_up},
    clock::Instant,
    crypto,
    domain::{
        event::{Action, ActorKind},
        platform::HarmClass,
        policy::Policy,
        recall::{
            Case, Guard, Mode, Rules,
            ratification::{self, Asked, Officer},
        },
        role::Permission,
    },
    ledger::set::Set,
    store::{
        Conn, StoreError, broadcasts, duty,
        orders::{self, OrderRow},
        policies,
        recalls::RecallRow,
    },
};

/// An order as posted.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    /// A word of [`HarmClass`]: the officer confirms the case's by choosing it.
    pub category: String,
    pub reason: String,
    /// A fresh one-time code, or the answer of a passkey.
    pub totp: String,
    /// The version that the page showed; `None` where no page was shown (API): the newest then.
    pub seen: Option<i64>,
    /// What a request comes back to whose process died.
    pub id: String,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Ordered {
    pub id: String,
    pub number: String,
    pub due: Instant,
    pub levels: Vec<u8>,
}

/// The rules that a case goes by: those of the version that it was submitted under.
pub(super) fn rules_of(conn: &mut Conn, row: &RecallRow) -> Result<Policy, StoreError> {
    let known = u64::try_from(row.policy_version).ok().map(|number| policies::version(conn, number)).transpose()?.flatten();
    known.map(|v| v.policy).ok_or_else(|| StoreError::Corrupt(format!("recalls.policy_version: {}", row.policy_version)))
}

/// Whether they allow the case to be recalled first now, and how long its ratification may take.
pub(super) fn allowance(conn: &mut Conn, row: &RecallRow, now: Instant) -> Result<(bool, Duration), StoreError> {
    let rule = rules_of(conn, row)?.recall_first;
    let left = row.cut_off.map(|end| Instant(end).since(now));
    Ok((rule.allows(class_of(row)?, left), Duration::from_secs(rule.ratify_within)))
}

/// The caller as somebody who could order.
pub(super) fn officer(conn: &mut Conn, caller: &Caller, now: Instant) -> Result<Officer, StoreError> {
    let who = decider(caller);
    let on_duty = who.person && duty::on_duty(conn, who.user.as_str(), now.0)?.is_some();
    // Only of who is on duty anybody asks whether something bars them.
    let barred = on_duty && orders::bars(conn, who.user.as_str())? > 0;
    Ok(Officer { who, on_duty, barred })
}

/// What the page of a case offers: nothing to who is not on duty; otherwise that it may be ordered, or why not.
pub(crate) fn offer(conn: &mut Conn, caller: &Caller, row: &RecallRow, case: &Case, now: Instant) -> Result<Option<Result<(), Guard>>, StoreError> {
    let officer = officer(conn, caller, now)?;
    if !officer.on_duty || case.state != crate::domain::recall::State::Reviewing {
        return Ok(None);
    }
    let (allowed, within) = allowance(conn, row, now)?;
    let asked = Asked { allowed, seen: case.version, within };
    Ok(Some(ratification::order(Rules::ALL, case, &officer, asked, now).map(drop)))
}

/// Orders the recall of a case before its review.
///
/// # Errors
/// `Forbidden` without `recall.read`, or for a token without `recall.decide`; `NotFound`; `Invalid` on `category` (`required`, `choice`,
/// `other-class`), `reason`, `totp`; `Conflict` where the case changed since it was shown; `Refused` with a word of [`Guard`],
/// `original-not-sealed`, or those of a step-up. Each is recorded, the typed reason with it.
pub async fn order(app: &App, caller: &Caller, wanted: &str, typed: Typed) -> AppResult<Done<Ordered>> {
    let action = Action::RecallOrdered;
    // A token that is only to read orders nothing; counsel on duty, who decides nothing else, orders in the console.
    let needed = if caller.kind == ActorKind::Token { Permission::RecallDecide } else { Permission::RecallRead };
    let decide::Seen { loaded, summary, .. } = decide::seen(app, caller, wanted, action, needed).await?;
    let case_id = loaded.row.id.clone();
    if let Some((made, _)) = loaded.order.as_ref().filter(|(made, _)| made.id == typed.id && Some(&made.officer_id) == caller.user_id.as_ref()) {
        return Ok(Done { value: ordered(&loaded.row, made), receipt: None });
    }
    let reason = match parse(&typed, &loaded) {
        Ok(reason) => reason,
        Err(error) => return Err(app.refuse(caller, action, subject(&case_id), Some(&case_id), error).await),
    };
    let seen_version = loaded.case.version;
    let (app2, caller2) = (app.clone(), caller.clone());
    let written = app
        .store
        .write(move |tx| {
            let event = caller2.event(action, subject(&case_id)).case(&case_id).text(json!({ "reason": reason }));
            let Loaded { row, case, .. } = load(tx.conn, &case_id)?.ok_or(StoreError::NotFound)?;
            let now = tx.now();
            let officer = officer(tx.conn, &caller2, now)?;
            let (allowed, within) = allowance(tx.conn, &row, now)?;
            let asked = Asked { allowed, seen: typed.seen.unwrap_or(case.version), within };
            let next = match ratification::order(Rules::ALL, &case, &officer, asked, now) {
                Ok(next) => next,
                Err(guard) => return refused(tx, event, refusal(guard)),
            };
            // The summary was made of what was loaded before: the very version that is ordered.
            if case.version != seen_version {
                return refused(tx, event, AppError::Conflict);
            }
            let Some(made) = next.order.clone() else { return Err(StoreError::Corrupt("an order that orders nothing".to_owned())) };
            let keys = app2.store.keys();
            // What cannot be shown later must not be taken back now.
            let message = broadcasts::find(tx.conn, &row.broadcast_id)?.ok_or(StoreError::NotFound)?;
            if message.erased_at.is_some() || content::open(&keys.envelope, &message).is_err() || message.commitment != row.commitment {
                return refused(tx, event, AppError::refused("original-not-sealed"));
            }
            let user = officer.who.user.0;
            let method = match step_up::spend_totp(tx, keys, &user, &typed.totp)? {
                Ok(method) => method,
                Err(error) => return refused(tx, event, error),
            };
            let after = match advance(tx, &row, &next, |_| {})? {
                Ok(after) => after,
                Err(error) => return refused(tx, event, error),
            };
            let (before, now_is) = passage(&row, &after);
            let root: [u8; 32] = row.recipients_root.as_slice().try_into().map_err(|_| StoreError::Corrupt("recalls.recipients_root".to_owned()))?;
            let client = caller2.client.as_ref();
            let mut order = OrderRow {
                id: typed.id.clone(),
                recall_id: row.id.clone(),
                officer_id: user,
                harm_class: row.harm_class.clone(),
                reason_sealed: keys.envelope.seal(&orders::context("recall_orders", &typed.id, "reason"), reason.as_bytes()),
                levels: made.owes.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
                due_at: made.due.0,
                state: made.standing().as_str().to_owned(),
                method: method.as_str().to_owned(),
                event_id: String::new(),
                client_ip: client.map(|c| c.client_ip.clone()),
                device_id: caller2.device.as_ref().map(|d| d.device_id.clone()),
                at: now.0,
                overdue_at: None,
                ended_at: None,
                release_by: None,
                release_at: None,
                release_sealed: None,
                released_by: None,
                released_at: None,
                version: 1,
            };
            let detail = json!({
                "order": typed.id, "officer": order.officer_id, "method": method, "class": row.harm_class, "levels": made.owes,
                "due": made.due.to_rfc3339(), "message": STANDARD.encode(&row.commitment),
                "recipients": Set { count: u64::try_from(row.recipients_count).unwrap_or(0), root },
                "policy": { "id": row.policy_id, "version": row.policy_version }, "deadline": row.cut_off.map(|end| Instant(end).to_rfc3339()),
                "shown": hex::encode(crypto::sha256(summary.as_bytes())), "sha256": hex::encode(order.digest()), "before": before, "after": now_is,
            });
            order.event_id = tx.append(event.part("shown", json!({ "summary": summary })).detail(detail))?.0;
            orders::insert(tx.conn, order.clone())?;
            tx.enqueue(ratify::LAPSE, &ratify::key(&row.id), &json!({ "recall": row.id }), made.due)?;
            notices::wake_ratification(tx, &row.id, 1)?;
            if case.mode == Mode::Api {
                tx.enqueue("execute_recall", &row.id, &json!({ "recall": row.id }), now)?;
            }
            Ok(Ok(ordered(&row, &order)))
        })
        .await;
    app.wake.notify_one();
    Done::from_write(written?)
}

fn ordered(row: &RecallRow, order: &OrderRow) -> Ordered {
    let levels = order.levels.split(',').filter_map(|level| level.parse().ok()).collect();
    Ordered { id: row.id.clone(), number: row.number.clone(), due: Instant(order.due_at), levels }
}

fn parse(typed: &Typed, loaded: &Loaded) -> AppResult<String> {
    let mut errors = Vec::new();
    let class = chosen("category", &typed.category, HarmClass::parse, &mut errors);
    if class.is_some_and(|class| class.as_str() != loaded.row.harm_class) {
        errors.push(FieldError::new("category", "other-class"));
    }
    let reason = proven("reason", &typed.reason, &typed.totp, &mut errors);
    if errors.is_empty() { Ok(reason) } else { Err(AppError::Invalid(errors)) }
}

/// Why the officer ordered it; `None` once retention has erased it.
///
/// # Errors
/// Those of the store.
pub(crate) fn reason(envelope: &crypto::seal::Key, row: &OrderRow) -> Result<Option<String>, StoreError> {
    super::ratify::opened(envelope, &orders::context("recall_orders", &row.id, "reason"), &row.reason_sealed)
}
