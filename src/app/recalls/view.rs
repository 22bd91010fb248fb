//! One case as people and programs see it: facts, levels, decisions, what this person may do, the timeline.
//! Not here: lists (`list`), words and markup (`web`).

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    App, AppError, AppResult, Caller, Dossier, Loaded,
    able::{self, Able, Why},
    acts::{self, ELSEWHERE, LOOKING},
    correct, decider, deciders, known, known_in,
    mine::{self, Mine},
    ordered::{self, First},
    said::{self, Awaited},
    summary::summary,
    weighing,
    witnessed::{self, Waiting},
};
use crate::{
    app::{
        broadcasts::{self, Broadcast, view::Counts},
        caller::code,
        content::{self, Content},
        remediations::{self, Plan},
    },
    clock::Instant,
    domain::{
        event::{Action, Outcome},
        outcome::Tally,
        platform::HarmClass,
        recall::{
            State, Verb,
            approval::LEVELS,
            participation::is_added,
            weighing::{Answers, LEVEL},
        },
        role::{Permission, Role},
    },
    id::UserId,
    store::{
        Conn, StoreError,
        attachments::{self, AttachmentHead},
        notices::{self, NoticeRow},
        reader, recipients,
        search::{self, SearchRow},
    },
};

/// A decision with its words.
#[derive(Clone, Debug)]
pub struct DecisionView {
    pub round: i64,
    pub level: u8,
    pub name: String,
    /// Whose name it was made in, if not in their own.
    pub behalf: Option<String>,
    pub verb: Verb,
    pub comment: String,
    /// What level 2 was asked.
    pub answers: Answers,
    pub method: String,
    pub at: Instant,
    /// An added reviewer's approval: it closed no level.
    pub added: bool,
}

/// One level as it stands.
#[derive(Clone, Debug)]
pub struct LevelView {
    pub level: u8,
    pub due: Instant,
    pub open: bool,
    /// Who can decide it now.
    pub who: Vec<Able>,
    /// This round's decision that closed it.
    pub made: Option<DecisionView>,
    /// What added reviewers approved before, in this round.
    pub added: Vec<DecisionView>,
}

/// An entry of the timeline.
#[derive(Clone, Debug)]
pub struct Entry {
    pub index: u64,
    pub at: Instant,
    pub action: Option<Action>,
    pub outcome: Option<Outcome>,
    /// A word of [`crate::domain::event::ActorKind`].
    pub kind: String,
    /// Empty for jobs, and where the part has been purged.
    pub who: String,
    /// On whose behalf it was decided.
    pub behalf: Option<String>,
    /// What they typed.
    pub said: String,
    /// Detail as recorded.
    pub detail: Value,
    /// Only for those who may see it.
    pub client_ip: Option<String>,
    pub device: Option<String>,
}

/// A mail to somebody.
#[derive(Clone, Debug)]
pub struct Noticed {
    pub name: String,
    /// A word of [`crate::domain::notice::Notice`].
    pub kind: String,
    /// `waiting`, `sent`, `failed` or `moot`.
    pub state: String,
    /// When it ended, or was made.
    pub at: Instant,
    pub problem: Option<String>,
}

impl Noticed {
    fn of((row, name): (NoticeRow, String)) -> Self {
        Self { name, kind: row.kind, state: row.state, at: Instant(row.ended_at.unwrap_or(row.created_at)), problem: row.problem }
    }
}

/// A decider's second factor was reset on the day of their decision.
#[derive(Clone, Debug)]
pub struct ResetShown {
    pub who: String,
    pub at: Instant,
    pub proposed_by: String,
    pub confirmed_by: String,
}

/// Everything on the page of a case.
#[derive(Clone, Debug)]
pub struct Show {
    pub loaded: Loaded,
    pub dossier: Dossier,
    pub class: HarmClass,
    pub broadcast: Broadcast,
    /// With [`Permission::ContentRead`] only.
    pub title: Option<String>,
    pub content: Option<Content>,
    /// Once retention has erased message and words: where the log tells of it.
    pub erased: Option<u64>,
    /// They may read it, but that could not be recorded now (a full disk, a database that is away): then nobody reads it.
    pub unrecorded: bool,
    pub requester: String,
    pub department: Option<String>,
    pub sender: Option<String>,
    pub levels: Vec<LevelView>,
    /// All rounds, oldest first.
    pub decisions: Vec<DecisionView>,
    /// What was done and said beside, oldest first.
    pub said: Vec<said::Said>,
    /// To whom this person could pass their level on.
    pub candidates: Vec<said::Candidate>,
    /// Who was added to the level that waits for them, and has not decided.
    pub awaited: Vec<Awaited>,
    /// Of everybody who decided here, on the day they did.
    pub resets: Vec<ResetShown>,
    /// The execution waits for witnesses.
    pub waiting: Option<Waiting>,
    pub mine: Mine,
    /// Why they cannot decide now.
    pub why: Option<Why>,
    /// Recalled first, and what is owed for it.
    pub first: First,
    /// What is left to do; nothing while the case goes on.
    pub plan: Option<Plan>,
    /// The broadcast that is sent in the message's place, and where it stands.
    pub correction: Option<(String, correct::Standing)>,
    /// Whether whoever resubmits could ask for one.
    pub may_correct: bool,
    pub counts: Counts,
    pub tally: Option<Tally>,
    /// Captures with the names of who uploaded and who confirmed them.
    pub captures: Vec<(AttachmentHead, String, Option<String>)>,
    /// What was done, newest first, at most [`TIMELINE`]; that somebody looked is not among it.
    pub timeline: Vec<Entry>,
    /// Who looked at the message, newest first, at most [`TIMELINE`].
    pub reads: Vec<Entry>,
    /// Who was told what by mail, newest first, with their names.
    pub notices: Vec<Noticed>,
    /// How far the case has come, as [`acts::Progress`] counts it.
    pub acts: usize,
    /// How many events there are of both sorts.
    pub events: (usize, usize),
    /// What a decision of whoever looks would bind, as long as they answer nothing; SHA-256 of it is the statement's `shown`.
    pub summary: String,
    pub now: Instant,
}

/// Entries of each sort that the page shows.
pub const TIMELINE: usize = 40;

/// Why a case is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Showing {
    /// Somebody opened it: reading the message leaves its event.
    Opened,
    /// The answer to a refused post shows it again. A post leaves one event, the refusal's, so the message is on this page only if this
    /// very session is on record with having opened it.
    Again,
}

/// Loads the page of a case. Reading the message leaves a `content.read` event.
pub async fn show(app: &App, caller: &Caller, id: &str, showing: Showing) -> AppResult<Show> {
    let now = app.now();
    let (asking, wanted, app2) = (caller.clone(), id.to_owned(), app.clone());
    let (mut show, readable) = app.store.look_up(move |conn| load(conn, &app2, &asking, &wanted, now)).await??;
    if readable && show.broadcast.row.erased_at.is_none() {
        match opened(app, caller, &show, showing).await {
            Ok(true) => show.content = Some(content::open(&app.store.keys().envelope, &show.broadcast.row)?),
            Ok(false) => {}
            Err(AppError::Store(e)) if e.passes() => (show.title, show.unrecorded) = (None, true),
            Err(e) => return Err(e),
        }
    }
    if show.mine.resubmit {
        show.may_correct = correct::possible(app, caller, &show.broadcast).await?;
    }
    Ok(show)
}

/// What the page shows but the message itself, and whether the caller may read that.
fn load(conn: &mut Conn, app: &App, caller: &Caller, id: &str, now: Instant) -> Result<AppResult<(Show, bool)>, StoreError> {
    let (loaded, message) = match known_in(conn, caller, id)? {
        Ok(found) => found,
        Err(error) => return Ok(Err(error)),
    };
    let (keys, row) = (app.store.keys(), &loaded.row);
    let readable = caller.may(Permission::ContentRead);
    let broadcast = match broadcasts::load_in(conn, app, message)? {
        Ok(broadcast) => broadcast,
        Err(error) => return Ok(Err(error)),
    };
    let erased = broadcast.row.erased_at.is_some();
    let title = if erased { String::new() } else { content::open_title(&keys.envelope, &broadcast.row)? };
    let erased = if erased { crate::store::erased::told_at(conn, &broadcast.id)? } else { None };
    let captures: Vec<AttachmentHead> = attachments::of_recall(conn, &row.id)?.into_iter().filter(|a| a.kind == "capture").collect();
    let mut ids: Vec<String> = captures.iter().flat_map(|c| [Some(c.uploaded_by.clone()), c.confirmed_by.clone()]).flatten().collect();
    ids.extend(loaded.decisions.iter().flat_map(|d| [Some(d.decider_id.clone()), d.principal_id.clone()]).flatten());
    ids.extend(loaded.entries.iter().flat_map(|e| [Some(e.by_id.clone()), e.to_id.clone()]).flatten());
    ids.push(row.requester_id.clone());
    ids.extend(broadcast.sender.clone());
    let mut resets = Vec::new();
    for made in &loaded.decisions {
        for reset in crate::app::resets::on_the_day_of(conn, &app.config.time_zone, &made.decider_id, Instant(made.at))? {
            ids.extend([reset.proposed_by.clone(), reset.confirmed_by.clone()]);
            resets.push((made.decider_id.clone(), reset));
        }
    }
    resets.dedup();
    let names = crate::store::broadcasts::names(conn, ids)?;
    let name = |id: &str| names.get(id).cloned().unwrap_or_default();
    let department = match &row.department_id {
        Some(id) => crate::store::departments::department_find(conn, id)?.map(|d| d.name),
        None => None,
    };
    // A hundred looks must not push the decisions off the page.
    let elsewhere = ELSEWHERE.map(Action::as_str);
    let most = i64::try_from(TIMELINE).unwrap_or(i64::MAX);
    let done = reader::last_of_case(conn, keys, &row.id, &[LOOKING.as_str(), elsewhere[0], elsewhere[1]], most)?;
    let notices = notices::of_recall(conn, &row.id)?.into_iter().map(Noticed::of).collect();
    let looks = reader::last_found(conn, &row.id, LOOKING.as_str(), most)?;
    let (events, acts) = (acts::counted(conn, &row.id)?, acts::done(conn, &row.id)?);
    let waiting = witnessed::waiting(conn, app, &loaded)?;
    let open: Vec<u8> = loaded.case.open.iter().copied().filter(|_| loaded.case.state == State::Reviewing).collect();
    let able = if open.is_empty() { Vec::new() } else { deciders(conn, &open, now)? };
    let decisions = decisions(app, &loaded, &names)?;
    let levels = LEVELS.map(|level| LevelView {
        level,
        due: row.due_of(level),
        open: open.contains(&level),
        who: if open.contains(&level) { able::able(&loaded.case, &able, level) } else { Vec::new() },
        made: decisions.iter().rfind(|d| d.level == level && d.round == row.round && !d.added).cloned(),
        added: decisions.iter().filter(|d| d.level == level && d.round == row.round && d.added).cloned().collect(),
    });
    let mine = mine::of(caller, &loaded.case, now);
    let why = able::why(conn, caller, &loaded.case, now)?;
    let candidates = said::candidates(&loaded.case, &mine, &able, &decider(caller));
    let awaited = said::awaited(&loaded.case, &mine, &able, &decider(caller));
    let dossier = Dossier::open(&keys.envelope, row)?;
    let requester = name(&row.requester_id);
    let shown = Show {
        class: super::class_of(row)?,
        summary: {
            let asked = matches!(mine.decide, Some(Ok(LEVEL)));
            let own = if asked { Answers::none().lines() } else { String::new() };
            summary(&loaded, &keys.envelope, &dossier, &title, &requester)? + &own
        },
        said: said::said(&loaded, &keys.envelope, &names)?,
        candidates,
        awaited,
        dossier,
        sender: broadcast.sender.as_deref().map(name),
        captures: captures.iter().map(|c| (c.clone(), name(&c.uploaded_by), c.confirmed_by.as_deref().map(name))).collect(),
        resets: resets
            .iter()
            .map(|(who, reset)| ResetShown {
                who: name(who),
                at: Instant(reset.at),
                proposed_by: name(&reset.proposed_by),
                confirmed_by: name(&reset.confirmed_by),
            })
            .collect(),
        waiting,
        why,
        mine,
        first: ordered::first(conn, app, caller, &loaded, now)?,
        plan: remediations::plan(conn, app, caller, &loaded, now)?,
        correction: correct::standing(conn, row)?,
        may_correct: false,
        counts: counts(&recipients::tally(conn, &row.broadcast_id)?),
        tally: row.tally.as_deref().and_then(|t| serde_json::from_str(t).ok()),
        title: Some(title).filter(|_| readable && broadcast.row.erased_at.is_none()),
        erased,
        content: None,
        unrecorded: false,
        levels: levels.to_vec(),
        timeline: done.iter().map(|(event, parts)| entry(event, parts, caller, &names)).collect(),
        notices,
        reads: looks.into_iter().map(|look| looked(look, caller)).collect(),
        acts,
        events,
        requester,
        department,
        broadcast,
        decisions,
        now,
        loaded,
    };
    Ok(Ok((shown, readable)))
}

/// Whether this showing opens the message: looking leaves its event first.
async fn opened(app: &App, caller: &Caller, show: &Show, showing: Showing) -> AppResult<bool> {
    let case = show.loaded.row.id.clone();
    if showing == Showing::Opened {
        broadcasts::looked(app, caller, &show.broadcast.id, Some(&case)).await?;
        return Ok(true);
    }
    let session = caller.session.clone().unwrap_or_default();
    Ok(app.store.look_up(move |conn| search::done_in_session(conn, &session, &case, Action::ContentRead.as_str())).await?)
}

fn decisions(app: &App, loaded: &Loaded, names: &BTreeMap<String, String>) -> Result<Vec<DecisionView>, StoreError> {
    let envelope = &app.store.keys().envelope;
    let view = |d: &crate::store::recalls::DecisionRow| {
        let comment: Value = match loaded.row.erased_at {
            Some(_) => Value::Null,
            None => {
                let opened = envelope.open(&format!("decisions/{}/comment", d.id), &d.comment_sealed).map_err(StoreError::from)?;
                serde_json::from_slice(&opened).map_err(|e| StoreError::Corrupt(e.to_string()))?
            }
        };
        let level = u8::try_from(d.level).unwrap_or(0);
        let verb = Verb::parse(&d.decision).ok_or_else(|| StoreError::Corrupt(d.decision.clone()))?;
        let heard = verb == Verb::Approve;
        Ok(DecisionView {
            round: d.round,
            level,
            name: names.get(&d.decider_id).cloned().unwrap_or_default(),
            behalf: d.principal_id.as_ref().map(|id| names.get(id).cloned().unwrap_or_default()),
            verb,
            comment: comment["text"].as_str().unwrap_or_default().to_owned(),
            answers: weighing::of_row(d)?,
            method: d.method.clone(),
            at: Instant(d.at),
            added: d.round == loaded.row.round
                && heard
                && is_added(&loaded.case, level, &UserId(d.principal_id.as_ref().unwrap_or(&d.decider_id).clone())),
        })
    };
    loaded.decisions.iter().map(view).collect()
}

fn counts(rows: &[(String, String, Option<String>, i64)]) -> Counts {
    let mut counts = Counts::default();
    for (delivery, reading, _, n) in rows {
        let n = u64::try_from(*n).unwrap_or_default();
        match delivery.as_str() {
            "accepted" => counts.accepted += n,
            "refused" => counts.refused += n,
            "reported" => counts.reported += n,
            _ => counts.unknown += n,
        }
        match reading.as_str() {
            "read" => counts.read += n,
            "unread" => counts.unread += n,
            _ => {}
        }
    }
    counts
}

/// Addresses and devices are for those who judge or audit.
pub fn sees_addresses(caller: &Caller) -> bool {
    caller.may(Permission::AuditRead) || caller.roles.iter().any(|r| r.is_decider() || *r == Role::Auditor)
}

/// A look at the message.
fn looked(row: SearchRow, caller: &Caller) -> Entry {
    let shown = sees_addresses(caller);
    Entry {
        index: u64::try_from(row.idx).unwrap_or_default(),
        at: Instant(row.at),
        action: Action::parse(&row.action),
        outcome: Outcome::parse(&row.outcome),
        // Only people look at contents here.
        kind: "user".to_owned(),
        who: row.actor_name.unwrap_or_default(),
        behalf: None,
        said: String::new(),
        detail: Value::Null,
        client_ip: row.client_ip.filter(|_| shown),
        device: row.device_id.filter(|_| shown).map(|d| code(&d)),
    }
}

fn entry(event: &reader::StoredEvent, parts: &[reader::OpenPart], caller: &Caller, names: &BTreeMap<String, String>) -> Entry {
    let part =
        |name: &str| -> Value { parts.iter().find(|p| p.name == name).and_then(|p| serde_json::from_slice(&p.value).ok()).unwrap_or(Value::Null) };
    let text = |value: &Value| value.as_str().filter(|s| !s.is_empty()).map(ToOwned::to_owned);
    let (typed, client, device) = (part("text"), part("client"), part("device"));
    let said = ["comment", "reason", "note", "question", "answer", "done"]
        .iter()
        .map(|name| &typed[*name])
        .find(|said| !said.is_null())
        .unwrap_or(&Value::Null);
    let shown = sees_addresses(caller);
    let device = text(&device["fingerprint"]).or_else(|| text(&device["device_id"]));
    Entry {
        index: event.index,
        at: event.leaf.at,
        action: Action::parse(&event.leaf.action),
        outcome: Outcome::parse(&event.leaf.outcome),
        kind: event.leaf.actor.kind.clone(),
        who: text(&part("actor")["name"]).unwrap_or_default(),
        behalf: text(&part("detail")["principal"]).and_then(|id| names.get(&id).cloned()),
        said: text(said).unwrap_or_default(),
        detail: part("detail"),
        client_ip: text(&client["client_ip"]).filter(|_| shown),
        device: device.filter(|_| shown).map(|d| code(&d)),
    }
}

/// The bytes of a capture, for who may see the case and its contents; leaves a `content.read` event. Name, media type, bytes.
pub async fn capture_file(app: &App, caller: &Caller, id: &str, attachment: &str) -> AppResult<(String, String, Vec<u8>)> {
    let loaded = known(app, caller, id).await?;
    let about = super::subject(&loaded.row.id);
    if !caller.may(Permission::ContentRead) && !caller.may(Permission::RecallExecute) {
        let error = AppError::Forbidden(Permission::ContentRead);
        return Err(app.refuse(caller, Action::ContentRead, about, Some(&loaded.row.id), error).await);
    }
    let wanted = super::plain(attachment);
    let row = app.store.read(move |conn| attachments::find(conn, &wanted)).await?.ok_or(AppError::NotFound)?;
    if row.recall_id.as_deref() != Some(&loaded.row.id) {
        return Err(AppError::NotFound);
    }
    if loaded.row.erased_at.is_some() {
        return Err(AppError::refused("broadcast-erased"));
    }
    let bytes = app.store.keys().envelope.open(&format!("attachments/{}/sealed", row.id), &row.sealed).map_err(StoreError::from)?;
    let event = caller.event(Action::ContentRead, about).case(&loaded.row.id).detail(serde_json::json!({ "what": "capture", "attachment": row.id }));
    app.record_of(caller, event).await?;
    Ok((row.name, row.media_type, bytes.to_vec()))
}
