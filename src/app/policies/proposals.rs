//! Changing the policy takes two people: one proposes rules with a reason, another one confirms them, and the next case goes by them; who is
//! under way keeps what it was submitted under. A proposal is never changed: it is confirmed, rejected or taken back, and stays to be read.
//! Going back to an earlier version is a proposal like any other, with the rules of that version.
//! Not here: what rules may say (`domain::proposal`), showing versions and simulating (`super`).

use serde_json::{Value, json};

pub use super::amendment::{Amended, Amendment, SPANS};
use super::amendment::{SOURCE, amendment};
use super::may_look;
use crate::{
    app::{App, AppError, AppResult, Caller, Done, FieldError, once, refused, step_up},
    clock::Instant,
    crypto::seal::Key,
    domain::{
        event::{Action, Subject},
        platform::{HarmClass, Platform},
        policy::{Policy, Version},
        proposal::{Line, ProposalState},
        recall_first::RecallFirst,
        role::Permission,
        text, windows,
    },
    store::{
        Conn, StoreError, Tx,
        policies::{self as store, PolicyRow},
        users,
    },
};

/// Rules as somebody typed them; times in minutes.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    /// The version that the form was filled from and that was in force then.
    pub base: u64,
    /// The earlier version that it goes back to, if it does.
    pub origin: Option<u64>,
    /// Amendments of the catalogue that stay, as [`Amended::kept`] spells them.
    pub amended: Vec<String>,
    pub amendment: Amendment,
    pub adopted: Vec<String>,
    /// By platform; an empty text sets none.
    pub limits: Vec<(Platform, String)>,
    pub budgets: Vec<(HarmClass, String)>,
    pub shares: [String; 3],
    /// Levels that may be decided on somebody's behalf; `None` leaves that as it is.
    pub delegable: Option<Vec<String>>,
    pub first: First,
    /// Whether level 2 must answer every question; `None` leaves that as it is.
    pub must_answer: Option<bool>,
    /// Whether a level is widened once its time is over; `None` leaves that as it is.
    pub widen_overdue: Option<bool>,
    pub reason: String,
    /// A fresh one-time code.
    pub code: String,
}

/// When a recall may come before its review, as somebody typed it.
#[derive(Clone, Debug, Default)]
pub struct First {
    /// Words of [`HarmClass`].
    pub classes: Vec<String>,
    /// In minutes; an empty text sets none.
    pub below: String,
    /// In hours; an empty text is what the product ships with.
    pub hours: String,
}

impl First {
    /// What it says; numbers that are none are outside every range. `None` for a class that there is not.
    fn read(&self) -> Option<RecallFirst> {
        let number = |text: &str, unit: u64| text.trim().parse::<u32>().map_or(0, |n| u64::from(n) * unit);
        let classes = self.classes.iter().map(|word| HarmClass::parse(word)).collect::<Option<_>>()?;
        let below = Some(self.below.trim()).filter(|text| !text.is_empty()).map(|text| number(text, 60));
        let hours = Some(self.hours.trim()).filter(|text| !text.is_empty()).map(|text| number(text, 3600));
        Some(RecallFirst { classes, below, ratify_within: hours.unwrap_or(RecallFirst::default().ratify_within) })
    }
}

/// What the second person does, or the first one again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Confirm,
    /// With a reason.
    Reject,
    /// By who proposed it.
    Withdraw,
}

impl Act {
    const fn action(self) -> Action {
        match self {
            Self::Confirm => Action::PolicyConfirmed,
            Self::Reject => Action::PolicyRejected,
            Self::Withdraw => Action::PolicyWithdrawn,
        }
    }

    const fn permission(self) -> Permission {
        match self {
            Self::Confirm | Self::Reject => Permission::PolicyConfirm,
            Self::Withdraw => Permission::PolicyPropose,
        }
    }

    const fn state(self) -> ProposalState {
        match self {
            Self::Confirm => ProposalState::Confirmed,
            Self::Reject => ProposalState::Rejected,
            Self::Withdraw => ProposalState::Withdrawn,
        }
    }
}

/// A proposal for people.
#[derive(Clone, Debug)]
pub struct Proposal {
    pub id: String,
    pub state: ProposalState,
    pub policy: Policy,
    /// The version that was in force when it was proposed.
    pub base: u64,
    /// The earlier version that it goes back to.
    pub origin: Option<u64>,
    /// As confirmed.
    pub version: Option<u64>,
    pub reason: String,
    /// Id, name, time.
    pub proposed: (String, String, Instant),
    /// Name and time.
    pub ended: Option<(String, Instant)>,
    /// Why it was rejected.
    pub ending: Option<String>,
}

/// A proposal with what it would change, or changed.
#[derive(Clone, Debug)]
pub struct Detail {
    pub proposal: Proposal,
    /// The rules that were in force when it was proposed.
    pub base: Version,
    /// The version in force now.
    pub in_force: u64,
    /// Cases under way, by version.
    pub cases: Vec<(i64, u64)>,
}

/// The field of a limit.
pub const fn limit_field(platform: Platform) -> &'static str {
    match platform {
        Platform::Wecom => "limit_wecom",
        Platform::Matrix => "limit_matrix",
        Platform::Manual => "limit_manual",
    }
}

/// The field of a budget.
pub const fn budget_field(class: HarmClass) -> &'static str {
    match class {
        HarmClass::Leak => "budget_leak",
        HarmClass::WrongAudience => "budget_wrong_audience",
        HarmClass::WrongFact => "budget_wrong_fact",
        HarmClass::Other => "budget_other",
    }
}

/// The fields of the three shares.
pub const SHARES: [&str; 3] = ["share_1", "share_2", "share_3"];

fn subject(id: &str) -> Subject {
    Subject::new("policy", id)
}

/// What the form of a proposal starts from.
#[derive(Clone, Debug)]
pub struct Begun {
    pub in_force: Version,
    /// The version whose rules it is filled with.
    pub start: Version,
    /// The proposal that waits for a second person: there is one at a time.
    pub open: Option<String>,
}

/// What the form starts from, for who may propose; `from`: the version to go back to.
///
/// # Errors
/// `Forbidden`, recorded; `NotFound` for a version that there is not.
pub async fn begin(app: &App, caller: &Caller, from: Option<u64>) -> AppResult<Begun> {
    app.require(caller, Permission::PolicyPropose, Action::PermissionChecked, subject("all")).await?;
    let found = app.store.read(move |conn| {
        let in_force = store::in_force(conn)?;
        let start = match from {
            None => Some(in_force.clone()),
            Some(number) => store::version(conn, number)?,
        };
        let open = store::open(conn)?.map(|row| row.id);
        Ok(start.map(|start| Begun { in_force, start, open }))
    });
    found.await?.ok_or(AppError::NotFound)
}

/// Proposes rules, as the first of two people. Nothing changes yet.
///
/// # Errors
/// `Forbidden`; `Invalid` on the fields of [`Typed`]: `amended` and `adopted` (`choice`), those of the amendment, the limits and budgets (`minutes` with `min` and `max`), the
/// shares (`share` with `max`), `first_classes` (`choice`), `first_below`, `first_hours` (`hours`), `reason`, `totp`; `Conflict` where another version has come into force since; `Refused` with kind
/// `policy-open` while another proposal waits and `policy-unchanged`; those of a step-up. Each is recorded. `nonce` is a UUIDv7.
pub async fn propose(app: &App, caller: &Caller, typed: Typed, nonce: String) -> AppResult<Done<String>> {
    // It has no id before its rules are known to be good.
    let nowhere = subject("all");
    app.require(caller, Permission::PolicyPropose, Action::PolicyProposed, nowhere.clone()).await?;
    let (policy, reason) = match read(&typed) {
        Ok(read) => read,
        Err(error) => return Err(app.refuse(caller, Action::PolicyProposed, nowhere, None, error).await),
    };
    let (caller, ring) = (caller.clone(), app.store.keys().clone());
    let written = app.store.write(move |tx| {
        let refuse = |tx: &mut Tx<'_>, error: AppError| refused(tx, caller.event(Action::PolicyProposed, nowhere.clone()), error);
        let Some(by) = caller.user_id.clone() else { return refuse(tx, AppError::Forbidden(Permission::PolicyPropose)) };
        // The same form again, whose first run nobody heard of.
        if let Some(made) = store::by_nonce(tx.conn, &nonce)?.filter(|row| row.proposed_by == by) {
            return Ok(Ok(made.id));
        }
        if let Some(open) = store::open(tx.conn)? {
            return refuse(tx, AppError::Refused { kind: "policy-open", detail: json!({ "id": open.id }) });
        }
        let before = store::in_force(tx.conn)?;
        let mut policy = policy.clone();
        if typed.delegable.is_none() {
            policy.delegable = before.policy.delegable.clone();
        }
        policy.must_answer = typed.must_answer.unwrap_or(before.policy.must_answer);
        policy.widen_overdue = typed.widen_overdue.unwrap_or(before.policy.widen_overdue);
        if before.number != typed.base {
            return refuse(tx, AppError::Conflict);
        }
        if before.policy == policy {
            return refuse(tx, AppError::refused("policy-unchanged"));
        }
        // Only rules that are those of an earlier version go back to it.
        let origin = match typed.origin.map(|number| store::version(tx.conn, number)).transpose()?.flatten() {
            Some(earlier) if earlier.policy == policy => Some(earlier.number),
            _ => None,
        };
        if let Err(error) = step_up::spend_totp(tx, &ring, &by, &typed.code)? {
            return refuse(tx, error);
        }
        let mut row = PolicyRow::proposed(&nonce, before.number, origin, &policy, (&by, tx.now()))?;
        row.reason_sealed = ring.envelope.seal(&store::reason_context(&row.id), reason.as_bytes());
        let id = row.id.clone();
        let detail = json!({
            "origin": origin,
            "before": { "version": before.number, "rules": before.policy.rules() },
            "after": { "state": ProposalState::Proposed, "rules": policy.rules() },
        });
        tx.append(caller.event(Action::PolicyProposed, subject(&id)).detail(detail).text(json!({ "reason": reason })))?;
        store::insert(tx.conn, row)?;
        Ok(Ok(id))
    });
    let done = Done::from_write(written.await?)?;
    let id = done.value.clone();
    once::receipted(app, done, Action::PolicyProposed, &id).await
}

/// Rules from what was typed, all faulty fields at once.
fn read(typed: &Typed) -> AppResult<(Policy, String)> {
    let mut errors: Vec<FieldError> = Vec::new();
    // What is no whole number is outside every range, and named with it.
    let number = |text: &str| text.trim().parse::<u32>().ok();
    let seconds = |text: &str| number(text).map_or(0, |minutes| u64::from(minutes) * 60);
    let mut policy = Policy { catalogue: windows::EDITION, adopted: typed.adopted.iter().cloned().collect(), ..Policy::shipped() };
    policy.limits = typed.limits.iter().filter(|(_, text)| !text.trim().is_empty()).map(|(platform, text)| (*platform, seconds(text))).collect();
    policy.budgets = typed.budgets.iter().map(|(class, text)| (*class, seconds(text))).collect();
    policy.shares = typed.shares.each_ref().map(|text| number(text).unwrap_or(0));
    match typed.first.read() {
        Some(first) => policy.recall_first = first,
        None => errors.push(FieldError::new("first_classes", "choice")),
    }
    for kept in &typed.amended {
        // As it was when it was typed, and each row once.
        let sound = |a: &Amended| a.field.source.is_empty() || text::line(&a.field.source, SOURCE).is_ok_and(|line| line == a.field.source);
        match serde_json::from_str::<Amended>(kept).ok().filter(sound) {
            Some(Amended { row, field }) if !policy.amended.contains_key(&row) => drop(policy.amended.insert(row, field)),
            _ => errors.push(FieldError::new("amended", "choice")),
        }
    }
    if let Some(levels) = &typed.delegable {
        policy.delegable = levels.iter().map(|level| level.parse().unwrap_or(0)).collect();
    }
    let fresh = match amendment(&typed.amendment) {
        Ok(fresh) => fresh,
        Err(more) => {
            errors.extend(more);
            None
        }
    };
    let amending = fresh.as_ref().map(|fresh| fresh.row.clone());
    if let Some(Amended { row, field }) = fresh {
        policy.amended.insert(row, field);
    }
    // What the catalogue says by itself amends nothing.
    policy.amended.retain(|id, stated| windows::window(id).is_none_or(|w| w.field != *stated));
    if !policy.unknown_rows().is_empty() {
        errors.push(FieldError::new("adopted", "choice"));
    }
    for id in policy.unsourced() {
        let own = amending.as_deref() == Some(id);
        errors.push(if own { FieldError::new("amend_source", "required") } else { FieldError::new("amended", "choice") });
    }
    for fault in policy.faults() {
        let (least, most) = fault.limits;
        let minutes = |field| FieldError::new(field, "minutes").arg("min", least / 60).arg("max", most / 60);
        match fault.at {
            Line::Row(_) | Line::FirstClasses | Line::MustAnswer | Line::WidenOverdue => {}
            Line::Delegable(_) => errors.push(FieldError::new("delegable", "choice")),
            Line::FirstBelow => errors.push(minutes("first_below")),
            Line::FirstHours => errors.push(FieldError::new("first_hours", "hours").arg("min", least / 3600).arg("max", most / 3600)),
            Line::Amended(id) if amending.as_deref() == Some(id) => errors.push(minutes("amend_minutes")),
            Line::Amended(_) => errors.push(minutes("amended")),
            Line::Limit(platform) => errors.push(minutes(limit_field(platform))),
            Line::Budget(class) => errors.push(minutes(budget_field(class))),
            Line::Shares => {
                let wrong = SHARES.iter().zip(policy.shares).filter(|(_, share)| !(least..=most).contains(&u64::from(*share)));
                errors.extend(wrong.map(|(field, _)| FieldError::new(field, "share").arg("max", most)));
            }
        }
    }
    let reason = text::paragraph(&typed.reason, 10, 2000).map_err(|e| errors.push(FieldError::text("reason", e))).unwrap_or_default();
    if typed.code.trim().is_empty() {
        errors.push(FieldError::new(step_up::FIELD, "required"));
    }
    if errors.is_empty() { Ok((policy, reason)) } else { Err(AppError::Invalid(errors)) }
}

/// The second person's step, or the first one's change of mind. Confirmed rules are in force for every request from then on.
///
/// # Errors
/// `Forbidden`; `NotFound`; `Conflict` where it has ended already; `Refused` with kind `policy-same-person` (who proposed it neither
/// confirms nor rejects it) or `policy-not-yours` (only who proposed it takes it back); `Invalid` on `reason` (a rejection needs one);
/// those of a step-up. Each is recorded.
pub async fn act(app: &App, caller: &Caller, id: &str, act: Act, reason: &str, code: &str) -> AppResult<Done<Option<u64>>> {
    let about = subject(id);
    app.require(caller, act.permission(), act.action(), about.clone()).await?;
    let reason = match act {
        Act::Reject => match text::paragraph(reason, 10, 2000) {
            Ok(reason) => Some(reason),
            Err(e) => return Err(app.refuse(caller, act.action(), about, None, AppError::Invalid(vec![FieldError::text("reason", e)])).await),
        },
        Act::Confirm | Act::Withdraw => None,
    };
    let (caller, ring, id, code) = (caller.clone(), app.store.keys().clone(), id.to_owned(), code.to_owned());
    let written = app.store.write(move |tx| {
        let refuse = |tx: &mut Tx<'_>, error: AppError| refused(tx, caller.event(act.action(), about.clone()), error);
        let Some(by) = caller.user_id.clone() else { return refuse(tx, AppError::Forbidden(act.permission())) };
        let Some(row) = store::find(tx.conn, &id)? else { return refuse(tx, AppError::NotFound) };
        let before = store::in_force(tx.conn)?;
        if row.state()? != ProposalState::Proposed || u64::try_from(row.base) != Ok(before.number) {
            return refuse(tx, AppError::Conflict);
        }
        match (act, row.proposed_by == by) {
            (Act::Confirm | Act::Reject, true) => return refuse(tx, AppError::refused("policy-same-person")),
            (Act::Withdraw, false) => return refuse(tx, AppError::refused("policy-not-yours")),
            _ => {}
        }
        if let Err(error) = step_up::spend_totp(tx, &ring, &by, &code)? {
            return refuse(tx, error);
        }
        let number = (act == Act::Confirm).then(|| before.number + 1);
        let policy = row.policy()?;
        let mut after: Value = json!({ "state": act.state(), "rules": policy.rules() });
        if let Some(number) = number {
            after["version"] = json!(number);
        }
        let detail = json!({
            "origin": row.origin, "proposed_by": row.proposed_by,
            "before": { "state": ProposalState::Proposed, "version": before.number, "rules": before.policy.rules() },
            "after": after,
        });
        let ended = PolicyRow {
            state: act.state().as_str().to_owned(),
            version: number.map(|n| i64::try_from(n).map_err(|e| StoreError::Event(e.to_string()))).transpose()?,
            ended_by: Some(by),
            ended_at: Some(tx.now().0),
            ending_sealed: reason.as_deref().map(|text| ring.envelope.seal(&store::ending_context(&row.id), text.as_bytes())),
            ..row
        };
        if !store::end(tx.conn, &ended)? {
            return refuse(tx, AppError::Conflict);
        }
        let mut event = caller.event(act.action(), about.clone()).detail(detail);
        if let Some(reason) = &reason {
            event = event.text(json!({ "reason": reason }));
        }
        tx.append(event)?;
        Ok(Ok(number))
    });
    Done::from_write(written.await?)
}

/// One proposal, with what it changes.
///
/// # Errors
/// `Forbidden`, recorded; `NotFound`.
pub async fn load(app: &App, caller: &Caller, id: &str) -> AppResult<Detail> {
    may_look(app, caller).await?;
    let (id, ring) = (id.to_owned(), app.store.keys().clone());
    let found = app.store.read(move |conn| {
        let Some(row) = store::find(conn, &id)? else { return Ok(None) };
        let proposal = shown(conn, &ring.envelope, row)?;
        let base = store::version(conn, proposal.base)?;
        let base = base.ok_or_else(|| StoreError::Corrupt(format!("policy {}: base {}", proposal.id, proposal.base)))?;
        let cases = store::open_cases(conn)?.into_iter().map(|(version, n)| (version, u64::try_from(n).unwrap_or(0))).collect();
        Ok(Some(Detail { proposal, base, in_force: store::in_force(conn)?.number, cases }))
    });
    found.await?.ok_or(AppError::NotFound)
}

pub(super) fn shown(conn: &mut Conn, envelope: &Key, row: PolicyRow) -> Result<Proposal, StoreError> {
    let text = |context: String, sealed: &[u8]| -> Result<String, StoreError> {
        Ok(String::from_utf8_lossy(&envelope.open(&context, sealed)?).into_owned())
    };
    let mut name =
        |id: &str| -> Result<String, StoreError> { Ok(users::user_find(conn, id)?.map_or_else(|| id.to_owned(), |user| user.display_name)) };
    let number = |n: i64| u64::try_from(n).map_err(|_| StoreError::Corrupt(format!("policy {}: version {n}", row.id)));
    Ok(Proposal {
        state: row.state()?,
        policy: row.policy()?,
        base: number(row.base)?,
        origin: row.origin.map(number).transpose()?,
        version: row.version.map(number).transpose()?,
        reason: text(store::reason_context(&row.id), &row.reason_sealed)?,
        ending: row.ending_sealed.as_deref().map(|sealed| text(store::ending_context(&row.id), sealed)).transpose()?,
        proposed: (row.proposed_by.clone(), name(&row.proposed_by)?, Instant(row.proposed_at)),
        ended: row.ended_by.as_deref().zip(row.ended_at).map(|(by, at)| Ok::<_, StoreError>((name(by)?, Instant(at)))).transpose()?,
        id: row.id,
    })
}
