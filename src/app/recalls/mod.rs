//! Recall cases: from the check before the request to the closing of the case. Here: what every use case of a case shares.
//! Rules are in `domain::recall`, rows in `store::recalls`; each use case is one file and one write.

pub mod able;
pub mod acts;
pub mod check;
pub mod close;
pub mod correct;
pub mod decide;
pub mod escalate;
pub mod execute;
pub mod expire;
pub mod guided;
pub mod halt;
pub mod list;
pub mod mine;
pub mod order;
pub mod ordered;
pub mod owed;
pub mod queue;
pub mod ratify;
pub mod remind;
pub mod resubmit;
pub mod said;
pub mod sign;
pub mod status;
pub mod submit;
mod summary;
pub mod take_part;
pub mod view;
pub mod weighing;
pub mod withdraw;
pub mod witnessed;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{App, AppError, AppResult, Caller, FieldError, refused, step_up};
use crate::{
    app::{delegations::grants, notices},
    clock::Instant,
    crypto::seal::Key,
    domain::{
        event::Subject,
        outcome::RecipientOutcome,
        platform::HarmClass,
        recall::{
            Case, Guard, Made, Mode, Rules, State, Verb,
            approval::{Comment, CommentError, Decider, qualified},
            delegation,
            participation::{Addition, Entry, Question, Reminder, Transfer, awaited},
            ratification::{Given, Order, Verdict},
            weighing::Matter,
        },
        role::{Permission, Role},
    },
    id::{DepartmentId, UserId},
    store::{
        Conn, StoreError, Tx, attachments,
        broadcasts::BroadcastRow,
        departments,
        entries::{self, EntryRow},
        orders::{self, OrderRow, RatificationRow},
        policies,
        recalls::{self, DecisionRow, RecallRow, Standing},
        users,
    },
};

/// What was asked and stated in a case; sealed at rest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dossier {
    /// One a round; the last one is what is being judged.
    pub submissions: Vec<Submission>,
    /// Guided recall: what the operator says came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stated: Option<Stated>,
    /// Why the case was halted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub halt_reason: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    pub at: Instant,
    pub reason: String,
    /// The rule it rests on; may be empty.
    pub basis: String,
    /// Whether readers should be told; proposed here, weighed at level 2.
    pub tell_readers: bool,
    /// What is sent in its place (强制覆盖).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correction: Option<correct::Correction>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stated {
    pub outcome: RecipientOutcome,
    pub note: String,
    pub by: String,
    pub at: Instant,
}

impl Dossier {
    /// Nothing once retention has erased it.
    pub(crate) fn open(envelope: &Key, row: &RecallRow) -> Result<Self, StoreError> {
        if row.erased_at.is_some() {
            return Ok(Self::default());
        }
        let bytes = envelope.open(&format!("recalls/{}/request", row.id), &row.request_sealed)?;
        serde_json::from_slice(&bytes).map_err(|e| StoreError::Corrupt(format!("the request of a case: {e}")))
    }

    fn seal(&self, envelope: &Key, id: &str) -> Result<Vec<u8>, StoreError> {
        let bytes = serde_json::to_vec(self).map_err(|e| StoreError::Corrupt(e.to_string()))?;
        Ok(envelope.seal(&format!("recalls/{id}/request"), &bytes))
    }

    /// What is being judged now.
    pub fn current(&self) -> Option<&Submission> {
        self.submissions.last()
    }
}

/// A case as loaded: row, rules' view, decisions.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub row: RecallRow,
    pub case: Case,
    pub decisions: Vec<DecisionRow>,
    /// What was done and said beside, oldest first.
    pub entries: Vec<EntryRow>,
    /// That it was recalled first, with the words of its ratification by level.
    pub order: Option<(OrderRow, Vec<RatificationRow>)>,
}

/// Loads a case by id or number.
pub fn load(conn: &mut Conn, id_or_number: &str) -> Result<Option<Loaded>, StoreError> {
    let Some(row) = recalls::find(conn, id_or_number)? else { return Ok(None) };
    let decisions = recalls::decisions_of(conn, &row.id)?;
    let line = match &row.department_id {
        Some(id) => departments::department_line(conn, id)?,
        None => Vec::new(),
    };
    // Captures are made by hand, where the API does not recall.
    let operators = match row.mode.as_str() {
        "guided" => attachments::of_recall(conn, &row.id)?.into_iter().filter(|a| a.kind == "capture").map(|a| UserId(a.uploaded_by)).collect(),
        _ => BTreeSet::new(),
    };
    let entries = entries::of_recall(conn, &row.id)?;
    let mut case = case_of(&row.standing(), &decisions, &entries, line, operators, said_of(conn, row.policy_version)?)?;
    fall_back(conn, &mut case)?;
    let order = match orders::of_recall(conn, &row.id)? {
        Some(order) => Some((order, orders::ratifications_of(conn, &[&row.id])?)),
        None => None,
    };
    case.order = order.as_ref().map(|(order, given)| order_of(&row.standing(), order, given)).transpose()?;
    Ok(Some(Loaded { row, case, decisions, entries, order }))
}

/// The rules' view of these cases, in their order: with one query a kind, where [`load`] would need several a case.
fn cases(conn: &mut Conn, rows: &[Standing]) -> Result<Vec<Case>, StoreError> {
    // A case that is as it was submitted has nothing yet.
    let ids: Vec<&str> = rows.iter().filter(|r| r.version > 1).map(|r| r.id.as_str()).collect();
    let mut decisions = recalls::decisions_of_many(conn, &ids)?;
    let mut entries = entries::of_many(conn, &ids)?;
    let mut operators: BTreeMap<String, BTreeSet<UserId>> = BTreeMap::new();
    for (case, by) in attachments::capturers(conn, &ids)? {
        operators.entry(case).or_default().insert(UserId(by));
    }
    // While it is being judged, nobody has recalled it first.
    let begun: Vec<&str> = rows.iter().filter(|r| !matches!(r.state.as_str(), "reviewing" | "returned")).map(|r| r.id.as_str()).collect();
    let mut ordered = orders::of_many(conn, &begun)?;
    let given = if ordered.is_empty() { Vec::new() } else { orders::ratifications_of(conn, &begun)? };
    let mut lines: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for id in rows.iter().filter_map(|r| r.department_id.as_deref()) {
        if !lines.contains_key(id) {
            lines.insert(id, departments::department_line(conn, id)?);
        }
    }
    let mut versions: BTreeMap<i64, Deciding> = BTreeMap::new();
    rows.iter()
        .map(|row| {
            let deciding = match versions.get(&row.policy_version) {
                Some(known) => known.clone(),
                None => versions.entry(row.policy_version).or_insert(said_of(conn, row.policy_version)?).clone(),
            };
            let decisions = decisions.remove(&row.id).unwrap_or_default();
            let line = row.department_id.as_deref().and_then(|id| lines.get(id)).cloned().unwrap_or_default();
            let entries = entries.remove(&row.id).unwrap_or_default();
            let mut case = case_of(row, &decisions, &entries, line, operators.remove(&row.id).unwrap_or_default(), deciding)?;
            fall_back(conn, &mut case)?;
            case.order = ordered.remove(&row.id).map(|order| order_of(row, &order, &given)).transpose()?;
            Ok(case)
        })
        .collect()
}

/// What a policy says of the decisions on its cases.
#[derive(Clone, Default)]
struct Deciding {
    /// The levels that may be decided on somebody's behalf.
    delegable: BTreeSet<u8>,
    /// Whether every question of level 2 is to be answered.
    must_answer: bool,
    /// Whether a level is widened once its time is over.
    widens: bool,
}

/// What the policy of a case says of its decisions; by rules that nobody knows, no level is decided on somebody's behalf.
fn said_of(conn: &mut Conn, version: i64) -> Result<Deciding, StoreError> {
    let known = u64::try_from(version).ok().map(|number| policies::version(conn, number)).transpose()?.flatten();
    Ok(known
        .map(|known| Deciding { delegable: known.policy.delegable, must_answer: known.policy.must_answer, widens: known.policy.widen_overdue })
        .unwrap_or_default())
}

/// Levels as a row lists them.
fn levels(listed: &str) -> BTreeSet<u8> {
    listed.split(',').filter_map(|level| level.parse().ok()).collect()
}

fn listed(levels: &BTreeSet<u8>) -> String {
    levels.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn case_of(
    row: &Standing,
    decisions: &[DecisionRow],
    entries: &[EntryRow],
    departments: Vec<String>,
    operators: BTreeSet<UserId>,
    deciding: Deciding,
) -> Result<Case, StoreError> {
    let corrupt = |what: &str, word: &str| StoreError::Corrupt(format!("{what}: {word}"));
    let small = |n: i64| u32::try_from(n).unwrap_or(u32::MAX);
    let (mut transfers, mut additions, mut questions, mut reminders) = (Vec::new(), Vec::<Addition>::new(), Vec::<Question>::new(), Vec::new());
    for entry in entries {
        let (round, level) = (small(entry.round), u8::try_from(entry.level).unwrap_or(0));
        let user = |id: &str| UserId(id.to_owned());
        match Entry::parse(&entry.kind).ok_or_else(|| corrupt("recall_entries.kind", &entry.kind))? {
            Entry::Transfer => transfers.extend(entry.to_id.as_deref().map(|to| Transfer { round, level, to: user(to) })),
            Entry::Addition => {
                additions.extend(entry.to_id.as_deref().map(|to| Addition { round, level, by: user(&entry.by_id), to: user(to) }));
            }
            Entry::Removal => additions.retain(|a| !(a.round == round && a.level == level && Some(a.to.as_str()) == entry.to_id.as_deref())),
            Entry::Question => questions.push(Question { round, level, by: user(&entry.by_id), answered: false }),
            Entry::Answer => questions.iter_mut().filter(|q| q.round == round && q.level == level).for_each(|q| q.answered = true),
            Entry::Reminder => reminders.push(Reminder { round, level, at: Instant(entry.at) }),
            Entry::Comment => {}
        }
    }
    Ok(Case {
        order: None,
        transfers,
        additions,
        questions,
        reminders,
        delegable: deciding.delegable,
        must_answer: deciding.must_answer,
        widens: deciding.widens,
        escalated: levels(&row.escalated),
        state: State::parse(&row.state).ok_or_else(|| corrupt("recalls.state", &row.state))?,
        open: levels(&row.open_levels),
        round: small(row.round),
        mode: Mode::parse(&row.mode).ok_or_else(|| corrupt("recalls.mode", &row.mode))?,
        requester: UserId(row.requester_id.clone()),
        departments: departments.into_iter().map(DepartmentId).collect(),
        decisions: decisions
            .iter()
            .map(|d| {
                Ok(Made {
                    round: small(d.round),
                    level: u8::try_from(d.level).unwrap_or(0),
                    decider: UserId(d.decider_id.clone()),
                    principal: d.principal_id.clone().map(UserId),
                    verb: Verb::parse(&d.decision).ok_or_else(|| corrupt("decisions.decision", &d.decision))?,
                    foresees: weighing::of_row(d)?.says(Matter::Dispute),
                })
            })
            .collect::<Result<_, StoreError>>()?,
        cut_off: row.cut_off.map(Instant),
        halted: row.halted_at.is_some(),
        operators,
        version: row.version,
    })
}

/// The rules' view of an order to recall first; `given` may hold words on other cases too.
fn order_of(row: &Standing, order: &OrderRow, given: &[RatificationRow]) -> Result<Order, StoreError> {
    let word = |g: &RatificationRow| {
        let verdict = Verdict::parse(&g.verdict).ok_or_else(|| StoreError::Corrupt(format!("ratifications.verdict: {}", g.verdict)))?;
        Ok(Given { level: u8::try_from(g.level).unwrap_or(0), by: UserId(g.by_id.clone()), verdict })
    };
    Ok(Order {
        officer: UserId(order.officer_id.clone()),
        // Once ordered, a case comes to no other round.
        round: u32::try_from(row.round).unwrap_or(u32::MAX),
        owes: order.levels.split(',').filter_map(|level| level.parse().ok()).collect(),
        due: Instant(order.due_at),
        given: given.iter().filter(|g| g.order_id == order.id).map(word).collect::<Result<_, StoreError>>()?,
    })
}

/// Leaves transfers out whose new person cannot decide the level any more (left, another role, another department, decided elsewhere): the
/// level falls back to whom it was before. So with reviewers who were added and cannot: the level does not wait for them.
fn fall_back(conn: &mut Conn, case: &mut Case) -> Result<(), StoreError> {
    let passed = case.transfers.iter().filter(|t| t.round == case.round).map(|t| t.level);
    let levels: Vec<u8> = passed.chain(case.additions.iter().filter(|a| a.round == case.round).map(|a| a.level)).collect();
    if case.state != State::Reviewing || levels.is_empty() {
        return Ok(());
    }
    let able = holders(conn, &levels, Instant(0))?;
    let stands = |to: &UserId, level: u8| able.iter().any(|(d, _)| d.user == *to && qualified(Rules::ALL, case, d, level).is_ok());
    let said = |a: &Addition| !awaited(case, a.level).any(|waiting| waiting == a);
    let passed: Vec<Transfer> = case.transfers.iter().filter(|t| t.round != case.round || stands(&t.to, t.level)).cloned().collect();
    let added: Vec<Addition> = case.additions.iter().filter(|a| a.round != case.round || said(a) || stands(&a.to, a.level)).cloned().collect();
    (case.transfers, case.additions) = (passed, added);
    Ok(())
}

/// Puts what the rules made of a case into its row; times of passage are stamped with `now`.
fn advance(tx: &mut Tx<'_>, before: &RecallRow, next: &Case, change: impl FnOnce(&mut RecallRow)) -> Result<AppResult<RecallRow>, StoreError> {
    let mut row = before.clone();
    let now = tx.now().0;
    row.state = next.state.as_str().to_owned();
    row.open_levels = listed(&next.open);
    row.escalated = listed(&next.escalated);
    row.round = i64::from(next.round);
    row.version = next.version;
    if next.halted && row.halted_at.is_none() {
        row.halted_at = Some(now);
    }
    if next.state == State::Approved && row.approved_at.is_none() {
        row.approved_at = Some(now);
    }
    if next.state.is_terminal() && row.finished_at.is_none() {
        row.finished_at = Some(now);
    }
    change(&mut row);
    if !recalls::replace(tx.conn, &row)? {
        return Ok(Err(AppError::Conflict));
    }
    notices::wake(tx, &row.id, row.version)?;
    if next.state.is_terminal() {
        tx.enqueue("close_case", &row.id, &json!({ "recall": row.id }), tx.now())?;
    }
    Ok(Ok(row))
}

/// Before and after of a case, for `detail`.
fn passage(before: &RecallRow, after: &RecallRow) -> (Value, Value) {
    let side = |row: &RecallRow| json!({ "state": row.state, "open_levels": row.open_levels, "round": row.round, "version": row.version });
    (side(before), side(after))
}

/// The refusal of a rule as an error: what somebody else changed is a conflict.
fn refusal(guard: Guard) -> AppError {
    match guard {
        Guard::SeenCurrent => AppError::Conflict,
        guard => AppError::refused(guard.as_str()),
    }
}

/// What an unknown case or filing was called, fit for an event: ids and numbers are letters, digits and hyphens.
pub(crate) fn plain(id: &str) -> String {
    id.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(64).collect()
}

fn subject(id: &str) -> Subject {
    Subject::new("recall", id)
}

/// The caller as somebody who could decide.
pub(crate) fn decider(caller: &Caller) -> Decider {
    Decider {
        user: UserId(caller.user_id.clone().unwrap_or_else(|| caller.id.clone())),
        roles: caller.roles.clone(),
        department: caller.department_id.clone().map(DepartmentId),
        person: caller.user_id.is_some(),
        grants: caller.grants.clone(),
    }
}

/// The same within a read or a write, with what others handed them as it is now.
pub(crate) fn decider_at(conn: &mut Conn, caller: &Caller, now: Instant) -> Result<Decider, StoreError> {
    let who = decider(caller);
    let grants = if who.person { grants::of(conn, who.user.as_str(), now)? } else { Vec::new() };
    Ok(Decider { grants, ..who })
}

/// Everybody who could decide one of `levels` now in their own name: active people with its role, and their names.
pub(crate) fn holders(conn: &mut Conn, levels: &[u8], now: Instant) -> Result<Vec<(Decider, String)>, StoreError> {
    let roles: Vec<Role> = Role::ALL.iter().copied().filter(|r| r.level().is_some_and(|l| levels.contains(&l))).collect();
    let able = users::user_holders(conn, &roles)?.into_iter().filter(|p| p.valid_until.is_none_or(|until| now.0 < until));
    Ok(able
        .map(|p| {
            (Decider { user: UserId(p.id), roles: p.roles, department: p.department_id.map(DepartmentId), person: true, grants: Vec::new() }, p.name)
        })
        .collect())
}

/// The same with everybody who could on somebody's behalf.
pub(crate) fn deciders(conn: &mut Conn, levels: &[u8], now: Instant) -> Result<Vec<(Decider, String)>, StoreError> {
    let mut found = holders(conn, levels, now)?;
    let mut handed = grants::all(conn, now)?;
    handed.retain(|_, grants| grants.iter().any(|grant| levels.iter().any(|level| grant.levels.contains(level))));
    for (decider, _) in &mut found {
        decider.grants = handed.remove(decider.user.as_str()).unwrap_or_default();
    }
    for (delegate, grants) in handed {
        let Some(user) = users::user_find(conn, &delegate)?.filter(|u| u.state == "active" && u.valid_until.is_none_or(|until| now.0 < until)) else {
            continue;
        };
        let roles = users::user_roles(conn, &delegate)?;
        let decider = Decider { user: UserId(user.id), roles, department: user.department_id.map(DepartmentId), person: true, grants };
        found.push((decider, user.display_name));
    }
    Ok(found)
}

/// Reads a text that must say something; `field` names it in the error.
pub(crate) fn telling(field: &'static str, typed: &str) -> Result<String, FieldError> {
    Comment::parse(typed).map(|c| c.as_str().to_owned()).map_err(|e| match e {
        CommentError::Text(e) => FieldError::text(field, e),
        CommentError::Trivial => FieldError::new(field, "trivial"),
    })
}

/// What was chosen from a list of words: `required` where nothing was, `choice` where it is none of them.
fn chosen<W>(field: &'static str, typed: &str, parse: impl FnOnce(&str) -> Option<W>, errors: &mut Vec<FieldError>) -> Option<W> {
    let word = parse(typed);
    if word.is_none() {
        errors.push(FieldError::new(field, if typed.is_empty() { "required" } else { "choice" }));
    }
    word
}

/// What every act that is proven by a fresh code says beside its choice: why, at `field`; and that a code came with it, which is judged where
/// it is spent.
fn proven(field: &'static str, typed: &str, code: &str, errors: &mut Vec<FieldError>) -> String {
    let said = telling(field, typed).map_err(|e| errors.push(e)).unwrap_or_default();
    if code.trim().is_empty() {
        errors.push(FieldError::new(step_up::FIELD, "required"));
    }
    said
}

fn class_of(row: &RecallRow) -> Result<HarmClass, StoreError> {
    HarmClass::parse(&row.harm_class).ok_or_else(|| StoreError::Corrupt(format!("recalls.harm_class: {}", row.harm_class)))
}

/// A case that the caller may know of: with the permission, and for somebody who only requests, their own cases and those of messages
/// they sent. Everything else is not found.
pub(crate) async fn known(app: &App, caller: &Caller, id_or_number: &str) -> AppResult<Loaded> {
    let (wanted, caller) = (id_or_number.to_owned(), caller.clone());
    app.store.look_up(move |conn| known_in(conn, &caller, &wanted)).await?.map(|(loaded, _)| loaded)
}

/// [`known`] within a read, with the broadcast's row.
pub(crate) fn known_in(conn: &mut Conn, caller: &Caller, id_or_number: &str) -> Result<AppResult<(Loaded, BroadcastRow)>, StoreError> {
    let wide = [Permission::RecallRead, Permission::RecallRequest].iter().any(|p| caller.may(*p));
    if !wide && !caller.roles.contains(&Role::SecurityAdministrator) {
        return Ok(Err(AppError::NotFound));
    }
    let Some(loaded) = load(conn, id_or_number)? else { return Ok(Err(AppError::NotFound)) };
    let broadcast = crate::store::broadcasts::find(conn, &loaded.row.broadcast_id)?.ok_or(StoreError::NotFound)?;
    Ok(match own_cases_only(caller) {
        Some(me) if loaded.row.requester_id != me && broadcast.sender_id.as_deref() != Some(&me) => Err(AppError::NotFound),
        _ => Ok((loaded, broadcast)),
    })
}

/// The person whose own cases are all they may see, if that is so.
pub(crate) fn own_cases_only(caller: &Caller) -> Option<String> {
    let me = caller.user_id.clone()?;
    let wider = caller.roles.iter().any(|r| *r != Role::Requester && r.permissions().contains(&Permission::RecallRead));
    // Who decides on somebody's behalf sees what is to be decided, for as long as that lasts.
    let handed = delegation::allows(&caller.grants, &caller.roles, Permission::RecallRead);
    (!wider && !handed && !caller.roles.contains(&Role::SecurityAdministrator)).then_some(me)
}
