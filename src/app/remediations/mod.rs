//! 补救方案: the steps that a case still needs once it has ended. Each act is one write: the row and its event.
//! Not here: the rules (`domain::remediation`).

pub mod list;

use std::collections::BTreeSet;

use serde_json::json;

use super::{App, AppError, AppResult, Caller, Done, FieldError, content, notices, once, recalls, refused};
use crate::{
    clock::Instant,
    crypto::seal::Key,
    domain::{
        event::{Action, Subject},
        outcome::Tally,
        remediation::{self, Ending, Refusal, StepState},
        role::{Permission, Role},
        text,
        windows::Remedy,
    },
    store::{
        Conn, StoreError, Tx, broadcasts, holds,
        recalls::RecallRow,
        remediations::{self, StepRow},
        users,
    },
};

/// What is typed to add a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewStep {
    /// A word of [`Remedy`].
    pub strategy: String,
    /// A user name or an id.
    pub owner: String,
    /// RFC 3339; empty for what the catalogue says.
    pub due: String,
    pub note: String,
}

/// How a step ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Done,
    Drop,
}

impl End {
    const fn action(self) -> Action {
        match self {
            Self::Done => Action::RemediationStepDone,
            Self::Drop => Action::RemediationStepDropped,
        }
    }

    /// The field that must say something.
    const fn field(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Drop => "reason",
        }
    }

    const fn state(self) -> StepState {
        match self {
            Self::Done => StepState::Done,
            Self::Drop => StepState::Dropped,
        }
    }
}

/// A step as it is shown.
#[derive(Clone, Debug)]
pub struct StepView {
    pub id: String,
    pub strategy: Remedy,
    /// Their id and their name.
    pub owner: (String, String),
    pub due: Option<Instant>,
    pub state: StepState,
    pub overdue: bool,
    pub note: String,
    pub set_by: String,
    pub set_at: Instant,
    /// By whom and when it ended, and what they said.
    pub ended: Option<(String, Instant, String)>,
    pub version: i64,
    /// The person who looks owns it, and it is open.
    pub may_finish: bool,
    pub may_drop: bool,
}

/// The plan of a case that has ended.
#[derive(Clone, Debug)]
pub struct Plan {
    pub ending: Ending,
    pub steps: Vec<StepView>,
    /// What is proposed, with the due times of the catalogue.
    pub proposed: Vec<(Remedy, Option<Instant>)>,
    /// What this person may choose from, and to whom it may be given: id and name. Empty for who may not plan.
    pub strategies: Vec<Remedy>,
    pub owners: Vec<(String, String)>,
    /// Whether a legal hold covers the case; nothing for who may not know of holds, for one may be placed against the very people of the case.
    pub held: Option<bool>,
}

/// The figures of a case, where it has some.
fn tally(row: &RecallRow) -> Option<Tally> {
    row.tally.as_deref().and_then(|tally| serde_json::from_str(tally).ok())
}

/// An instant with the last one of its day in the company's time zone.
fn day(at: Instant, zone: &str) -> Result<remediation::Day, StoreError> {
    let broken = |e: jiff::Error| StoreError::Corrupt(format!("time zone {zone}: {e}"));
    let zone = jiff::tz::TimeZone::get(zone).map_err(broken)?;
    let night = at.timestamp().to_zoned(zone).end_of_day().map_err(broken)?;
    Ok((at, Instant(night.timestamp().as_microsecond())))
}

/// When the case ended.
fn ended(row: &RecallRow) -> Instant {
    Instant(row.finished_at.unwrap_or(row.submitted_at))
}

/// Who could be given a step of the case: active people who take part in cases and may read it. The strategy's own demand is checked when one
/// is chosen. Of the requesters, who are many, only the parties are looked at.
fn owners(conn: &mut Conn, row: &RecallRow, sender: Option<&str>, now: Instant) -> Result<Vec<Able>, StoreError> {
    let roles = [Role::DepartmentReviewer, Role::LegalReviewer, Role::FinalApprover, Role::PlatformOperator, Role::Counsel];
    let holders = users::user_holders(conn, &roles)?.into_iter();
    let mut able: Vec<Able> = holders.map(|p| (p.id, p.name, p.roles, p.valid_until)).map(|p| Able::of(row, sender, p)).collect();
    for id in [Some(row.requester_id.as_str()), sender].into_iter().flatten() {
        if able.iter().any(|known| known.id == id) {
            continue;
        }
        let Some(user) = users::user_find(conn, id)?.filter(|user| user.state == "active") else { continue };
        let roles = users::user_roles(conn, id)?;
        able.push(Able::of(row, sender, (user.id, user.display_name, roles, user.valid_until)));
    }
    able.retain(|p| p.valid_until.is_none_or(|until| now.0 < until) && remediation::may_own(Remedy::Tracing, &p.roles, p.party).is_ok());
    Ok(able)
}

/// Somebody who could own a step.
struct Able {
    id: String,
    name: String,
    roles: BTreeSet<Role>,
    /// They asked for the recall or sent the message.
    party: bool,
    valid_until: Option<i64>,
}

impl Able {
    fn of(row: &RecallRow, sender: Option<&str>, (id, name, roles, valid_until): (String, String, BTreeSet<Role>, Option<i64>)) -> Self {
        Self { party: row.requester_id == id || sender == Some(&id), id, name, roles, valid_until }
    }
}

fn held(conn: &mut Conn, case: &str) -> Result<bool, StoreError> {
    holds::keeping(conn)?.covers_case(conn, case)
}

fn strategy_of(row: &StepRow) -> Result<Remedy, StoreError> {
    Remedy::parse(&row.strategy).ok_or_else(|| StoreError::Corrupt(format!("remediation_steps.strategy: {}", row.strategy)))
}

fn state_of(row: &StepRow) -> Result<StepState, StoreError> {
    StepState::parse(&row.state).ok_or_else(|| StoreError::Corrupt(format!("remediation_steps.state: {}", row.state)))
}

/// Nothing typed stays nothing, so that a row shows whether there is something to open.
fn sealed(key: &Key, id: &str, column: &str, text: &str) -> Vec<u8> {
    if text.is_empty() { Vec::new() } else { key.seal(&remediations::context(id, column), text.as_bytes()) }
}

fn opened(key: &Key, id: &str, column: &str, sealed: &[u8]) -> Result<String, StoreError> {
    if sealed.is_empty() {
        return Ok(String::new());
    }
    let bytes = key.open(&remediations::context(id, column), sealed)?;
    String::from_utf8(bytes.to_vec()).map_err(|_| StoreError::Corrupt(format!("remediation_steps.{column} is not UTF-8")))
}

/// The plan of a case that the caller may know of; nothing while it goes on.
pub(crate) fn plan(conn: &mut Conn, app: &App, caller: &Caller, loaded: &recalls::Loaded, now: Instant) -> Result<Option<Plan>, StoreError> {
    let row = &loaded.row;
    let figures = tally(row);
    let Some(ending) = remediation::ending(loaded.case.state, figures.as_ref()) else { return Ok(None) };
    let (ending_day, today) = (day(ended(row), &app.config.time_zone)?, day(now, &app.config.time_zone)?);
    let me = caller.user_id.as_deref().unwrap_or_default();
    let plans = caller.user_id.is_some() && row.erased_at.is_none() && remediation::may_plan(&caller.roles, row.requester_id == me).is_ok();
    let told = [Permission::HoldManage, Permission::AuditRead].iter().any(|p| caller.may(*p));
    let held = if told { Some(held(conn, &row.id)?) } else { None };
    let rows = remediations::of_recall(conn, &row.id)?;
    let sender = broadcasts::find(conn, &row.broadcast_id)?.and_then(|message| message.sender_id);
    let party = row.requester_id == me || sender.as_deref() == Some(me);
    let people = rows.iter().flat_map(|s| [Some(s.owner_id.clone()), Some(s.set_by.clone()), s.ended_by.clone()]).flatten().collect();
    let names = broadcasts::names(conn, people)?;
    let name = |id: &str| names.get(id).cloned().unwrap_or_else(|| id.to_owned());
    let key = &app.store.keys().envelope;
    let view = |s: &StepRow| {
        let (strategy, state, due) = (strategy_of(s)?, state_of(s)?, s.due_at.map(Instant));
        let open = state == StepState::Open;
        let ended = match (&s.ended_by, s.ended_at) {
            (Some(by), Some(at)) => Some((name(by), Instant(at), opened(key, &s.id, "said", &s.said_sealed)?)),
            _ => None,
        };
        Ok(StepView {
            id: s.id.clone(),
            strategy,
            owner: (s.owner_id.clone(), name(&s.owner_id)),
            due,
            state,
            overdue: remediation::overdue(state, due, now),
            note: opened(key, &s.id, "note", &s.note_sealed)?,
            set_by: name(&s.set_by),
            set_at: Instant(s.set_at),
            ended,
            version: s.version,
            may_finish: open && s.owner_id == me && row.erased_at.is_none() && remediation::may_own(strategy, &caller.roles, party).is_ok(),
            may_drop: open && plans,
        })
    };
    let steps = rows.iter().map(view).collect::<Result<_, StoreError>>()?;
    // What is sent in the message's place is that correction already.
    let sent = recalls::correct::standing(conn, row)?
        .is_some_and(|(_, standing)| !matches!(standing, recalls::correct::Standing::NotSent | recalls::correct::Standing::Failed));
    let needed = |s: &&Remedy| !sent || !matches!(s, Remedy::Timeliness | Remedy::Clarification);
    let owners = if plans { owners(conn, row, sender.as_deref(), now)? } else { Vec::new() };
    Ok(Some(Plan {
        ending,
        steps,
        proposed: remediation::proposed(ending).iter().filter(needed).map(|s| (*s, remediation::due(*s, ending_day, today))).collect(),
        strategies: Remedy::ALL.iter().copied().filter(|s| plans && remediation::may_add(Some(ending), *s, false).is_ok()).collect(),
        owners: owners.into_iter().map(|p| (p.id, p.name)).collect(),
        held,
    }))
}

/// A step.
fn subject(id: &str) -> Subject {
    Subject::new("remediation", id)
}

/// The case for an act on its plan; a refusal is recorded, about the step.
async fn known(app: &App, caller: &Caller, action: Action, wanted: &str, step: &str) -> AppResult<recalls::Loaded> {
    app.require(caller, Permission::RecallRead, action, subject(step)).await?;
    match recalls::known(app, caller, wanted).await {
        Ok(loaded) => Ok(loaded),
        Err(error) => Err(app.refuse(caller, action, subject(step), None, error).await),
    }
}

/// Adds a step to the plan of a case; gives the case's id. `id` is the step's, and what a request comes back to whose process died.
///
/// # Errors
/// `Forbidden`; `NotFound`; `Invalid` on `strategy`, `owner`, `due` (`not-a-time`, `passed`, `too-far`), `note`; `Refused` with a word of
/// [`Refusal`], or `broadcast-erased`. Each is recorded.
pub async fn add(app: &App, caller: &Caller, case: &str, new: NewStep, id: String) -> AppResult<Done<String>> {
    let action = Action::RemediationStepAdded;
    let loaded = known(app, caller, action, case, &id).await?;
    let case = loaded.row.id;
    let mut errors = Vec::new();
    let strategy = Remedy::parse(&new.strategy);
    if strategy.is_none() {
        errors.push(FieldError::new("strategy", if new.strategy.is_empty() { "required" } else { "choice" }));
    }
    if new.owner.trim().is_empty() {
        errors.push(FieldError::new("owner", "required"));
    }
    let due = Instant::parse(new.due.trim());
    if due.is_none() && !new.due.trim().is_empty() {
        errors.push(FieldError::new("due", "not-a-time"));
    }
    let note = text::paragraph(&new.note, 0, 2000).map_err(|e| errors.push(FieldError::text("note", e))).unwrap_or_default();
    let (Some(strategy), true) = (strategy, errors.is_empty()) else {
        return Err(app.refuse(caller, action, subject(&id), Some(&case), AppError::Invalid(errors)).await);
    };
    let (caller, app2, made) = (caller.clone(), app.clone(), id.clone());
    let written = app
        .store
        .write(move |tx| {
            let event = || caller.event(action, subject(&id)).case(&case);
            let no = |tx: &mut Tx<'_>, why: Refusal| refused(tx, event(), AppError::refused(why.as_str()));
            // What is planned is a person's word.
            let Some(by) = caller.user_id.clone() else { return refused(tx, event(), AppError::Forbidden(Permission::RecallRead)) };
            // The same form again, whose first run nobody heard of.
            if remediations::find(tx.conn, &case, &id)?.is_some_and(|made| made.set_by == by) {
                return Ok(Ok(case.clone()));
            }
            let now = tx.now();
            if let Some(why) = due.and_then(|due| remediation::may_be_due(due, now).err()) {
                return refused(tx, event(), AppError::invalid("due", why));
            }
            let recalls::Loaded { row, case: rules, .. } = recalls::load(tx.conn, &case)?.ok_or(StoreError::NotFound)?;
            if let Err(why) = remediation::may_plan(&caller.roles, row.requester_id == by) {
                return no(tx, why);
            }
            if row.erased_at.is_some() {
                return refused(tx, event(), AppError::refused("broadcast-erased"));
            }
            let figures = tally(&row);
            let ending = remediation::ending(rules.state, figures.as_ref());
            if let Err(why) = remediation::may_add(ending, strategy, false) {
                return no(tx, why);
            }
            if remediations::count(tx.conn, &case)? >= remediation::MOST {
                return no(tx, Refusal::TooMany);
            }
            let wanted = new.owner.trim();
            let named = if wanted.contains('\0') { None } else { users::user_by_name(tx.conn, wanted)?.map(|user| user.id) };
            let wanted = named.as_deref().unwrap_or(wanted);
            let sender = broadcasts::find(tx.conn, &row.broadcast_id)?.and_then(|message| message.sender_id);
            // The same word for who is unknown and for who cannot: nobody learns here who has an account.
            let Some(owner) = owners(tx.conn, &row, sender.as_deref(), now)?.into_iter().find(|p| p.id == wanted) else {
                return no(tx, Refusal::Owner);
            };
            if let Err(why) = remediation::may_own(strategy, &owner.roles, owner.party) {
                return no(tx, why);
            }
            // Last, so that nobody finds out about a hold by trying what could not be added anyway.
            let held = held(tx.conn, &case)?;
            if let Err(why) = remediation::may_add(ending, strategy, held) {
                return no(tx, why);
            }
            let zone = &app2.config.time_zone;
            let due = match due {
                Some(due) => Some(due),
                None => remediation::due(strategy, day(ended(&row), zone)?, day(now, zone)?),
            };
            let detail = json!({
                "strategy": strategy, "owner": owner.id, "due": due.map(Instant::to_rfc3339), "after": { "state": StepState::Open },
            });
            let mut told = event().detail(detail);
            if !note.is_empty() {
                told = told.text(json!({ "note": note }));
            }
            tx.append(told)?;
            let row = StepRow {
                recall_id: case.clone(),
                strategy: strategy.as_str().to_owned(),
                owner_id: owner.id,
                due_at: due.map(|due| due.0),
                state: StepState::Open.as_str().to_owned(),
                note_sealed: sealed(&app2.store.keys().envelope, &id, "note", &note),
                set_by: by,
                set_at: now.0,
                ended_by: None,
                ended_at: None,
                said_sealed: Vec::new(),
                version: 1,
                id: id.clone(),
            };
            notices::steps::wake(tx, &row)?;
            remediations::insert(tx.conn, row)?;
            Ok(Ok(case.clone()))
        })
        .await?;
    once::receipted(app, Done::from_write(written)?, action, &made).await
}

/// The plan of a case, for who may know of the case; nothing while it goes on.
///
/// # Errors
/// `Forbidden` without `recall.read`; `NotFound`.
pub async fn of_case(app: &App, caller: &Caller, case: &str) -> AppResult<Option<Plan>> {
    if !caller.may(Permission::RecallRead) {
        return Err(AppError::Forbidden(Permission::RecallRead));
    }
    let loaded = recalls::known(app, caller, case).await?;
    let (app2, caller, now) = (app.clone(), caller.clone(), app.now());
    Ok(app.store.read(move |conn| plan(conn, &app2, &caller, &loaded, now)).await?)
}

/// What a correction of a case's message begins from: the connection that it went through, and its title. For who may send and may know of the
/// case, on whose page the title stands; nothing for anybody else, and once it is erased.
///
/// # Errors
/// Those of the store.
pub async fn corrected(app: &App, caller: &Caller, case: &str) -> AppResult<Option<(String, String)>> {
    if !caller.may(Permission::BroadcastSend) {
        return Ok(None);
    }
    let loaded = match recalls::known(app, caller, case).await {
        Ok(loaded) => loaded,
        Err(AppError::NotFound) => return Ok(None),
        Err(error) => return Err(error),
    };
    let keys = app.store.keys().clone();
    let read = app.store.read(move |conn| {
        let message = broadcasts::find(conn, &loaded.row.broadcast_id)?.filter(|message| message.erased_at.is_none());
        let of = |message: broadcasts::BroadcastRow| {
            let title = content::open_title(&keys.envelope, &message)?;
            Ok((message.connection_id.unwrap_or_default(), title))
        };
        message.map(of).transpose()
    });
    Ok(read.await?)
}

/// What was said at the end of a step.
#[derive(Clone, Debug)]
pub struct Closing {
    pub how: End,
    /// What was done, or why it was dropped.
    pub said: String,
    /// The version that was shown; `None` where none was (API): the newest then.
    pub seen: Option<i64>,
    /// What a request comes back to whose process died.
    pub once: Option<once::Key>,
}

/// Ends a step: its owner did it, or whoever plans gives it up. Gives the case's id.
///
/// # Errors
/// `Forbidden`; `NotFound`; `Invalid` on `done` or `reason`; `Conflict` where it changed since it was shown; `Refused` with a word of
/// [`Refusal`], or `broadcast-erased`. Each is recorded.
pub async fn end_step(app: &App, caller: &Caller, case: &str, step: &str, closing: Closing) -> AppResult<Done<String>> {
    let Closing { how, said, seen, once } = closing;
    let action = how.action();
    let loaded = known(app, caller, action, case, step).await?;
    let case = loaded.row.id;
    let said = match recalls::telling(how.field(), &said) {
        Ok(said) => said,
        Err(error) => return Err(app.refuse(caller, action, subject(step), Some(&case), AppError::Invalid(vec![error])).await),
    };
    let (caller, app2, step, ended) = (caller.clone(), app.clone(), step.to_owned(), step.to_owned());
    let written = app
        .store
        .write(move |tx| {
            let event = || caller.event(action, subject(&step)).case(&case);
            let Some(by) = caller.user_id.clone() else { return refused(tx, event(), AppError::Forbidden(Permission::RecallRead)) };
            if let Some(once) = &once {
                match once::earlier(tx, once)? {
                    Ok(Some(made)) => return Ok(Ok(made)),
                    Ok(None) => {}
                    Err(error) => return refused(tx, event(), error),
                }
            }
            let Some(before) = remediations::find(tx.conn, &case, &step)? else { return refused(tx, event(), AppError::NotFound) };
            let row = crate::store::recalls::find(tx.conn, &case)?.ok_or(StoreError::NotFound)?;
            let (state, strategy) = (state_of(&before)?, strategy_of(&before)?);
            let allowed = match how {
                End::Done => {
                    let held = held(tx.conn, &case)?;
                    let sender = broadcasts::find(tx.conn, &row.broadcast_id)?.and_then(|message| message.sender_id);
                    let party = row.requester_id == by || sender.as_ref() == Some(&by);
                    remediation::may_finish(state, strategy, before.owner_id == by, held)
                        .and_then(|()| remediation::may_own(strategy, &caller.roles, party))
                }
                End::Drop => remediation::may_plan(&caller.roles, row.requester_id == by).and(match state {
                    StepState::Open => Ok(()),
                    StepState::Done | StepState::Dropped => Err(Refusal::Ended),
                }),
            };
            if let Err(why) = allowed {
                return refused(tx, event(), AppError::refused(why.as_str()));
            }
            if row.erased_at.is_some() {
                return refused(tx, event(), AppError::refused("broadcast-erased"));
            }
            if seen.is_some_and(|seen| before.version != seen) {
                return refused(tx, event(), AppError::Conflict);
            }
            let detail = json!({ "strategy": strategy, "before": { "state": state }, "after": { "state": how.state() } });
            let after = StepRow {
                state: how.state().as_str().to_owned(),
                ended_by: Some(by),
                ended_at: Some(tx.now().0),
                said_sealed: sealed(&app2.store.keys().envelope, &step, "said", &said),
                version: before.version + 1,
                ..before
            };
            if !remediations::replace(tx.conn, &after)? {
                return refused(tx, event(), AppError::Conflict);
            }
            tx.append(event().detail(detail).text(json!({ how.field(): said })))?;
            if let Some(once) = &once {
                once::keep(tx, once, &case)?;
            }
            Ok(Ok(case.clone()))
        })
        .await?;
    once::receipted(app, Done::from_write(written)?, action, &ended).await
}
