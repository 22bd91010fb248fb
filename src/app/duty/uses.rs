//! The report of every recall that came before its review: who ordered it, why, what it saved, and who ratified it when. And what a refused
//! one leaves behind: its officer orders no other before two people have lifted that. Not here: the order and its ratification (`recalls`).

use std::time::Duration;

use serde_json::json;

use super::{Caller, Done, standing_of};
use crate::{
    app::{App, AppError, AppResult, FieldError, Turn, recalls, refused, step_up},
    clock::Instant,
    domain::{
        event::{Action, Subject},
        platform::HarmClass,
        recall::{
            State,
            ratification::{Standing, Verdict},
        },
        role::Permission,
        text,
    },
    store::{
        StoreError, Tx,
        broadcasts::names,
        orders::{self, OrderRow, RatificationRow},
        recalls as rows,
    },
};

/// Uses on a page.
pub const PAGE: usize = 20;

/// One level's word.
#[derive(Clone, Debug)]
pub struct Word {
    pub level: u8,
    pub who: String,
    pub verdict: Verdict,
    pub at: Instant,
    /// After the time was over.
    pub late: bool,
}

/// One use.
#[derive(Clone, Debug)]
pub struct Use {
    pub id: String,
    pub case: String,
    pub number: String,
    pub state: State,
    pub class: HarmClass,
    pub officer: String,
    pub at: Instant,
    /// Why, for who sees cases; `None` for others, and once it is erased.
    pub reason: Option<String>,
    pub erased: bool,
    /// From the order to when the last level had been due.
    pub saved: Duration,
    pub levels: Vec<u8>,
    pub words: Vec<Word>,
    pub standing: Standing,
    pub due: Instant,
    pub overdue: bool,
    /// When it was ratified or refused.
    pub ended: Option<Instant>,
    pub bar: Bar,
    pub version: i64,
}

/// Whether its officer may order again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bar {
    /// It was not refused.
    None,
    Set,
    /// Somebody proposed to lift it: name, whether that is the reader, time, reason.
    Proposed(String, bool, Instant, String),
    /// By the second of two people.
    Lifted(String, Instant),
}

/// Who may see the report: who sees every case, and who administers.
fn may_look(caller: &Caller) -> bool {
    let wide = caller.may(Permission::RecallRead) && recalls::own_cases_only(caller).is_none();
    wide || caller.may(Permission::SystemRead)
}

fn subject(id: &str) -> Subject {
    Subject::new("order", id)
}

/// Uses, newest first, with the keys of the pages before and after.
///
/// # Errors
/// `Forbidden`, recorded.
pub async fn list(app: &App, caller: &Caller, turn: Turn) -> AppResult<(Vec<Use>, (Option<String>, Option<String>))> {
    if !may_look(caller) {
        let error = AppError::Forbidden(Permission::RecallRead);
        return Err(app.refuse(caller, Action::PermissionChecked, Subject::new("route", "/duty/uses"), None, error).await);
    }
    let reads = caller.may(Permission::RecallRead) || caller.may(Permission::RoleManage);
    let (me, now, ring) = (caller.user_id.clone(), app.now(), app.store.keys().clone());
    let found = app.store.read(move |conn| {
        let cut = turn.cut(orders::page(conn, &turn, i64::try_from(PAGE + 1).unwrap_or(i64::MAX))?, PAGE);
        let edges = cut.edges(|row| row.id.clone());
        let cases: Vec<&str> = cut.rows.iter().map(|row| row.recall_id.as_str()).collect();
        let given = orders::ratifications_of(conn, &cases)?;
        let mut ids: Vec<String> = given.iter().map(|g| g.by_id.clone()).collect();
        for row in &cut.rows {
            ids.push(row.officer_id.clone());
            ids.extend(row.release_by.clone());
            ids.extend(row.released_by.clone());
        }
        let names = names(conn, ids)?;
        let name = |id: &str| names.get(id).cloned().unwrap_or_default();
        let mut uses = Vec::new();
        for row in &cut.rows {
            let case = rows::find(conn, &row.recall_id)?.ok_or(StoreError::NotFound)?;
            let reason = if reads { recalls::order::reason(&ring.envelope, row)? } else { None };
            let corrupt = |what: &str, word: &str| StoreError::Corrupt(format!("{what}: {word}"));
            let word = |g: &RatificationRow| {
                Ok(Word {
                    level: u8::try_from(g.level).unwrap_or(0),
                    who: name(&g.by_id),
                    verdict: Verdict::parse(&g.verdict).ok_or_else(|| corrupt("ratifications.verdict", &g.verdict))?,
                    at: Instant(g.at),
                    late: row.due_at <= g.at,
                })
            };
            let standing = standing_of(&row.state)?;
            let proposed = || -> Result<Option<Bar>, StoreError> {
                let (Some(by), Some(at), Some(sealed)) = (&row.release_by, row.release_at, &row.release_sealed) else { return Ok(None) };
                let why = recalls::ratify::opened(&ring.envelope, &orders::context("recall_orders", &row.id, "release"), sealed)?;
                Ok(Some(Bar::Proposed(name(by), me.as_ref() == Some(by), Instant(at), why.filter(|_| reads).unwrap_or_default())))
            };
            let bar = match (standing, &row.released_by, row.released_at) {
                (Standing::Refused, Some(by), Some(at)) => Bar::Lifted(name(by), Instant(at)),
                (Standing::Refused, ..) => proposed()?.unwrap_or(Bar::Set),
                _ => Bar::None,
            };
            uses.push(Use {
                id: row.id.clone(),
                case: case.id.clone(),
                number: case.number.clone(),
                state: State::parse(&case.state).ok_or_else(|| corrupt("recalls.state", &case.state))?,
                class: HarmClass::parse(&row.harm_class).ok_or_else(|| corrupt("recall_orders.harm_class", &row.harm_class))?,
                officer: name(&row.officer_id),
                at: Instant(row.at),
                erased: row.reason_sealed.is_empty(),
                reason,
                saved: Instant(case.due_3.max(row.at)).since(Instant(row.at)),
                levels: row.levels.split(',').filter_map(|level| level.parse().ok()).collect(),
                words: given.iter().filter(|g| g.order_id == row.id).map(word).collect::<Result<_, StoreError>>()?,
                due: Instant(row.due_at),
                overdue: standing == Standing::Owed && row.due_at <= now.0,
                standing,
                ended: row.ended_at.map(Instant),
                bar,
                version: row.version,
            });
        }
        Ok((uses, edges))
    });
    Ok(found.await?)
}

/// What somebody typed to lift a bar.
#[derive(Clone, Debug, Default)]
pub struct Lift {
    /// Only of who proposes.
    pub reason: String,
    /// A fresh one-time code.
    pub totp: String,
    pub version: i64,
}

/// Proposes that the officer of a refused use may order again, as the first of two people. Nothing changes yet.
///
/// # Errors
/// `Forbidden`; `NotFound`; `Invalid` on `reason`, `totp`; `Conflict`; `Refused` with kind `no-bar` or `release-proposed`. Each is recorded.
pub async fn propose_release(app: &App, caller: &Caller, id: &str, lift: Lift) -> AppResult<Done<()>> {
    let (action, id) = (Action::BarReleaseProposed, recalls::plain(id));
    app.require(caller, Permission::RoleManage, action, subject(&id)).await?;
    let mut errors = Vec::new();
    let reason = text::paragraph(&lift.reason, 10, 2000).map_err(|e| errors.push(FieldError::text("reason", e))).unwrap_or_default();
    if lift.totp.trim().is_empty() {
        errors.push(FieldError::new(step_up::FIELD, "required"));
    }
    if !errors.is_empty() {
        return Err(app.refuse(caller, action, subject(&id), None, AppError::Invalid(errors)).await);
    }
    let change = move |app: &App, row: &OrderRow, by: &str, now: Instant| match row.release_by {
        Some(_) => Err(AppError::refused("release-proposed")),
        None => Ok(OrderRow {
            release_by: Some(by.to_owned()),
            release_at: Some(now.0),
            release_sealed: Some(app.store.keys().envelope.seal(&orders::context("recall_orders", &row.id, "release"), reason.as_bytes())),
            ..row.clone()
        }),
    };
    let text = json!({ "reason": text::paragraph(&lift.reason, 10, 2000).unwrap_or_default() });
    lift_step(app, caller, action, Permission::RoleManage, id, lift, text, change).await
}

/// Lifts it, as the second person.
///
/// # Errors
/// `Forbidden`; `NotFound`; `Invalid` on `totp`; `Conflict`; `Refused` with kind `no-bar`, `release-not-proposed` or `own-release`. Each is
/// recorded.
pub async fn release(app: &App, caller: &Caller, id: &str, lift: Lift) -> AppResult<Done<()>> {
    let (action, id) = (Action::BarReleased, recalls::plain(id));
    app.require(caller, Permission::PolicyConfirm, action, subject(&id)).await?;
    if lift.totp.trim().is_empty() {
        return Err(app.refuse(caller, action, subject(&id), None, AppError::invalid(step_up::FIELD, "required")).await);
    }
    let change = move |_: &App, row: &OrderRow, by: &str, now: Instant| match row.release_by.as_deref() {
        None => Err(AppError::refused("release-not-proposed")),
        Some(first) if first == by => Err(AppError::refused("own-release")),
        Some(_) => Ok(OrderRow { released_by: Some(by.to_owned()), released_at: Some(now.0), ..row.clone() }),
    };
    lift_step(app, caller, action, Permission::PolicyConfirm, id, lift, serde_json::Value::Null, change).await
}

#[expect(clippy::too_many_arguments, reason = "each is one thing in which the two steps differ")]
async fn lift_step(
    app: &App,
    caller: &Caller,
    action: Action,
    permission: Permission,
    id: String,
    lift: Lift,
    text: serde_json::Value,
    change: impl Fn(&App, &OrderRow, &str, Instant) -> Result<OrderRow, AppError> + Send + Sync + 'static,
) -> AppResult<Done<()>> {
    let (app2, caller) = (app.clone(), caller.clone());
    let written = app.store.write(move |tx: &mut Tx<'_>| {
        let event = caller.event(action, subject(&id)).text(text.clone());
        let Some(by) = caller.user_id.clone() else { return refused(tx, event, AppError::Forbidden(permission)) };
        let Some(row) = orders::find(tx.conn, &id)? else { return refused(tx, event, AppError::NotFound) };
        let event = event.case(&row.recall_id);
        if standing_of(&row.state)? != Standing::Refused || row.released_at.is_some() {
            return refused(tx, event, AppError::refused("no-bar"));
        }
        if row.version != lift.version {
            return refused(tx, event, AppError::Conflict);
        }
        let now = tx.now();
        let after = match change(&app2, &row, &by, now) {
            Ok(after) => OrderRow { version: row.version + 1, ..after },
            Err(error) => return refused(tx, event, error),
        };
        if let Err(error) = step_up::spend_totp(tx, app2.store.keys(), &by, &lift.totp)? {
            return refused(tx, event, error);
        }
        if !orders::replace(tx.conn, &after)? {
            return refused(tx, event, AppError::Conflict);
        }
        let barred = |row: &OrderRow| json!({ "barred": row.released_at.is_none() });
        tx.append(event.detail(json!({ "officer": row.officer_id, "before": barred(&row), "after": barred(&after) })))?;
        Ok(Ok(()))
    });
    Done::from_write(written.await?)
}
