//! 追认: after a recall that came first, each level that was skipped says its word, one after the other; and the job that tells when the time
//! for it is over. The case has gone its way meanwhile. It is closed, and its evidence sealed, when the ratification has ended or its time
//! has; a word that comes later still counts, is marked as late, and stands in the trail and in every bundle that is exported from then on:
//! what was sealed is never changed. Not here: the order (`order`), the report of all of them (`app::duty::uses`).

use serde_json::json;

use super::{App, AppError, AppResult, Caller, Loaded, chosen, correct, decider, known, load, proven, refusal, refused, subject};
use crate::{
    app::{Done, notices, step_up},
    clock::Instant,
    crypto::seal::Key,
    domain::{
        event::{Action, Outcome},
        recall::{
            Case, Guard, Rules,
            ratification::{self, Standing, Verdict},
        },
        role::Permission,
    },
    store::{
        StoreError,
        orders::{self, OrderRow, RatificationRow},
    },
};

/// The kind of job that tells when the time of a ratification is over.
pub const LAPSE: &str = "lapse_ratification";

/// What that job of a case is known by.
pub(super) fn key(recall: &str) -> String {
    format!("{recall}/ratification")
}

/// A word on a recall that came first, as posted.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    /// A word of [`Verdict`].
    pub verdict: String,
    pub comment: String,
    /// A fresh one-time code, or the answer of a passkey.
    pub totp: String,
    /// How many words the page showed; `None` where no page was shown (API): as many as there are then.
    pub seen: Option<usize>,
    /// What a request comes back to whose process died.
    pub id: String,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Said {
    pub id: String,
    pub number: String,
    pub level: u8,
    pub verdict: Verdict,
    pub standing: Standing,
    /// After its time was over.
    pub late: bool,
}

/// The level whose word waits for this person, or why they cannot say it; `None` where nothing is owed.
pub(super) fn offer(case: &Case, caller: &Caller) -> Option<Result<u8, Guard>> {
    let level = case.order.as_ref()?.open()?;
    let who = decider(caller);
    Some(ratification::may_ever_ratify(Rules::ALL, case, &who, level).map(|()| level))
}

/// Says the word of the level that is owed next.
///
/// # Errors
/// `Forbidden` without `recall.decide`; `NotFound`; `Invalid` on `verdict`, `comment`, `totp`; `Conflict` where another word came since the
/// page was shown; `Refused` with a word of [`Guard`], `broadcast-erased`, or those of a step-up. Each is recorded, the typed comment with it.
pub async fn ratify(app: &App, caller: &Caller, wanted: &str, typed: Typed) -> AppResult<Done<Said>> {
    let action = Action::RatificationDecided;
    let loaded = known(app, caller, wanted).await;
    let case_id = loaded.as_ref().map_or_else(|_| super::plain(wanted), |l| l.row.id.clone());
    let about = loaded.as_ref().ok().map(|l| l.row.id.clone());
    let checked = match (caller.may(Permission::RecallDecide), loaded) {
        (false, _) => Err(AppError::Forbidden(Permission::RecallDecide)),
        (_, Err(error)) => Err(error),
        (_, Ok(loaded)) => {
            let mine = |g: &&RatificationRow| g.id == typed.id && Some(&g.by_id) == caller.user_id.as_ref();
            if let Some((order, made)) = loaded.order.as_ref().and_then(|(order, given)| Some((order, given.iter().find(mine)?))) {
                return Ok(Done { value: said(&loaded, order, made)?, receipt: None });
            }
            parse(&typed)
        }
    };
    let (verdict, comment) = match checked {
        Ok(checked) => checked,
        Err(error) => return Err(app.refuse(caller, action, subject(&case_id), about.as_deref(), error).await),
    };
    let (app2, caller2) = (app.clone(), caller.clone());
    let written = app
        .store
        .write(move |tx| {
            let event = caller2.event(action, subject(&case_id)).case(&case_id).text(json!({ "comment": comment }));
            let loaded = load(tx.conn, &case_id)?.ok_or(StoreError::NotFound)?;
            let (case, now, who) = (&loaded.case, tx.now(), decider(&caller2));
            let Some((order, given)) = &loaded.order else { return refused(tx, event, refusal(Guard::RatifyOwed)) };
            // Where nothing is owed any more, the last level's refusal tells the reason.
            let level = case.order.as_ref().and_then(|o| o.open().or_else(|| o.owes.last().copied())).unwrap_or(3);
            let next = match ratification::ratify(Rules::ALL, case, &who, level, verdict, typed.seen.unwrap_or(given.len())) {
                Ok(next) => next,
                Err(Guard::RatifyCurrent) => return refused(tx, event, AppError::Conflict),
                Err(guard) => return refused(tx, event, refusal(guard)),
            };
            if loaded.row.erased_at.is_some() {
                return refused(tx, event, AppError::refused("broadcast-erased"));
            }
            let keys = app2.store.keys();
            let method = match step_up::spend_totp(tx, keys, who.user.as_str(), &typed.totp)? {
                Ok(method) => method,
                Err(error) => return refused(tx, event, error),
            };
            let standing = next.order.as_ref().map_or(Standing::Owed, ratification::Order::standing);
            let mut after = OrderRow { state: standing.as_str().to_owned(), version: order.version + 1, ..order.clone() };
            if standing != Standing::Owed {
                after.ended_at = Some(now.0);
            }
            if !orders::replace(tx.conn, &after)? {
                return refused(tx, event, AppError::Conflict);
            }
            let late = order.due_at <= now.0;
            let client = caller2.client.as_ref();
            let mut made = RatificationRow {
                id: typed.id.clone(),
                order_id: order.id.clone(),
                recall_id: loaded.row.id.clone(),
                level: i64::from(level),
                by_id: who.user.0,
                verdict: verdict.as_str().to_owned(),
                comment_sealed: keys.envelope.seal(&orders::context("ratifications", &typed.id, "comment"), comment.as_bytes()),
                method: method.as_str().to_owned(),
                event_id: String::new(),
                client_ip: client.map(|c| c.client_ip.clone()),
                device_id: caller2.device.as_ref().map(|d| d.device_id.clone()),
                at: now.0,
            };
            let detail = json!({
                "order": order.id, "ordered_by_event": order.event_id, "level": level, "verdict": verdict, "method": method, "late": late,
                "due": Instant(order.due_at).to_rfc3339(), "sha256": hex::encode(made.digest()),
                "before": { "state": order.state }, "after": { "state": after.state },
            });
            made.event_id = tx.append(event.detail(detail))?.0;
            orders::ratification_insert(tx.conn, made.clone())?;
            notices::wake_ratification(tx, &loaded.row.id, after.version)?;
            correct::due(tx, &loaded.row)?;
            if standing != Standing::Owed && case.state.is_terminal() {
                tx.enqueue("close_case", &loaded.row.id, &json!({ "recall": loaded.row.id }), now)?;
            }
            Ok(Ok(said(&loaded, &after, &made)?))
        })
        .await;
    app.wake.notify_one();
    Done::from_write(written?)
}

fn said(loaded: &Loaded, order: &OrderRow, made: &RatificationRow) -> Result<Said, StoreError> {
    let corrupt = |what: &str, word: &str| StoreError::Corrupt(format!("{what}: {word}"));
    Ok(Said {
        id: loaded.row.id.clone(),
        number: loaded.row.number.clone(),
        level: u8::try_from(made.level).unwrap_or(0),
        verdict: Verdict::parse(&made.verdict).ok_or_else(|| corrupt("ratifications.verdict", &made.verdict))?,
        standing: Standing::parse(&order.state).ok_or_else(|| corrupt("recall_orders.state", &order.state))?,
        late: order.due_at <= made.at,
    })
}

fn parse(typed: &Typed) -> AppResult<(Verdict, String)> {
    let mut errors = Vec::new();
    let verdict = chosen("verdict", &typed.verdict, Verdict::parse, &mut errors);
    let comment = proven("comment", &typed.comment, &typed.totp, &mut errors);
    match verdict {
        Some(verdict) if errors.is_empty() => Ok((verdict, comment)),
        _ => Err(AppError::Invalid(errors)),
    }
}

/// Tells once that the time of a ratification is over, and lets the case close without it. Safe to run at any time.
///
/// # Errors
/// Those of the store.
pub async fn lapse(app: &App, recall: &str) -> AppResult<Option<Instant>> {
    let recall = recall.to_owned();
    let written = app
        .store
        .write(move |tx| {
            let Some(loaded) = load(tx.conn, &recall)? else { return Ok(None) };
            let Some((order, given)) = &loaded.order else { return Ok(None) };
            let now = tx.now();
            if order.state != Standing::Owed.as_str() || order.overdue_at.is_some() {
                return Ok(None);
            }
            if now.0 < order.due_at {
                return Ok(Some(Instant(order.due_at)));
            }
            let after = OrderRow { overdue_at: Some(now.0), version: order.version + 1, ..order.clone() };
            if !orders::replace(tx.conn, &after)? {
                return Err(StoreError::Serialization);
            }
            let open = loaded.case.order.as_ref().and_then(ratification::Order::open);
            let detail = json!({
                "order": order.id, "officer": order.officer_id, "due": Instant(order.due_at).to_rfc3339(), "level": open, "given": given.len(),
            });
            let event = Caller::job(LAPSE).event(Action::RatificationLapsed, subject(&recall)).case(&recall).outcome(Outcome::Failed);
            tx.append(event.detail(detail))?;
            if loaded.case.state.is_terminal() {
                tx.enqueue("close_case", &recall, &json!({ "recall": recall }), now)?;
            }
            Ok(None)
        })
        .await?;
    app.wake.notify_one();
    Ok(written.value)
}

/// The comment of a word; `None` once retention has erased it.
pub(super) fn comment(envelope: &Key, row: &RatificationRow) -> Result<Option<String>, StoreError> {
    opened(envelope, &orders::context("ratifications", &row.id, "comment"), &row.comment_sealed)
}

pub(crate) fn opened(envelope: &Key, context: &str, sealed: &[u8]) -> Result<Option<String>, StoreError> {
    if sealed.is_empty() {
        return Ok(None);
    }
    let bytes = envelope.open(context, sealed)?;
    String::from_utf8(bytes.to_vec()).map(Some).map_err(|_| StoreError::Corrupt(format!("{context} is no text")))
}
