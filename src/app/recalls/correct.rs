//! 强制覆盖 forced override: a corrected message that is asked for with the recall, judged with it by all three levels, and sent by the job
//! `send_correction` to whom the first one went, in the same act as the recall: as soon as something was taken back. Not here: how a broadcast is
//! made and delivered (`broadcasts::send`, `broadcasts::deliver`), corrections that are written once a case has ended (`remediations`).

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{App, AppError, AppResult, Caller, Dossier, FieldError, Loaded, load};
use crate::{
    app::{
        broadcasts::{self, Broadcast, send},
        content::{self, Content},
    },
    clock::Instant,
    crypto::{self, keyring::Keyring},
    domain::{
        event::{Action, Outcome, Subject},
        recall::{State, ratification},
        role::Permission,
    },
    id::BroadcastId,
    ledger::commitment,
    store::{
        Conn, StoreError, Tx, jobs,
        orders::{self, OrderRow},
        reader,
        recalls::RecallRow,
    },
    words,
};

pub const JOB: &str = "send_correction";

/// How long a case that has ended waits with its closing for a correction that is due, so that the end of the log of the case tells of it.
const PATIENCE: Duration = Duration::from_secs(600);

/// A corrected message as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Typed {
    pub title: String,
    pub text: String,
}

/// One that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// The broadcast that it becomes.
    pub id: String,
    pub title: String,
    pub text: String,
    /// Of its commitment; lower-case hex. Who is shown text and salt can work the commitment out.
    pub salt: String,
}

impl Correction {
    fn salt(&self) -> Result<[u8; 32], StoreError> {
        let bytes = hex::decode(&self.salt).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.ok_or_else(|| StoreError::Corrupt("a correction's salt is not 32 bytes".to_owned()))
    }

    /// What binds it: that of the broadcast that it becomes.
    pub fn commitment(&self) -> Result<[u8; 32], StoreError> {
        let said = Content { title: self.title.clone(), text: self.text.clone(), attachments: Vec::new() };
        Ok(commitment::commit(&self.salt()?, &said.canonical()?))
    }
}

words! {
    /// Where a correction stands.
    pub enum Standing {
        /// It waits for the approvals, or for the recall.
        Planned = "planned",
        /// It is sent now.
        Due = "due",
        /// It is a broadcast of its own.
        Submitted = "submitted",
        /// It became a broadcast that no platform took.
        Failed = "failed",
        /// It will not be sent: nothing was taken back, or it could not be.
        NotSent = "not_sent",
    }
}

/// Whether this case's message can be followed by a correction, through the connection that it went through and to whom it went; only who may
/// send is offered that.
pub(crate) async fn possible(app: &App, caller: &Caller, broadcast: &Broadcast) -> AppResult<bool> {
    if !caller.may(Permission::BroadcastSend) || broadcast.row.erased_at.is_some() {
        return Ok(false);
    }
    match send::check_again(app, broadcast, "-", "-").await {
        Ok(_) => Ok(true),
        Err(AppError::Invalid(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Reads what was typed; `id` is the broadcast's that an earlier round named.
///
/// # Errors
/// `Forbidden` for who may not send; `Invalid` on `correction.title` and `correction.text` (`cannot-correct` where nothing can be sent that way).
pub(super) async fn parse(
    app: &App,
    caller: &Caller,
    broadcast: &Broadcast,
    typed: Option<&Typed>,
    id: Option<String>,
) -> AppResult<Option<Correction>> {
    let Some(typed) = typed else { return Ok(None) };
    if !caller.may(Permission::BroadcastSend) {
        return Err(AppError::Forbidden(Permission::BroadcastSend));
    }
    let said = send::check_again(app, broadcast, &typed.title, &typed.text).await.map_err(|error| match error {
        AppError::Invalid(errors) => AppError::Invalid(named(errors)),
        error => error,
    })?;
    let wrong = content::open(&app.store.keys().envelope, &broadcast.row)?;
    if (&said.title, &said.text) == (&wrong.title, &wrong.text) {
        return Err(AppError::invalid("correction.text", "same-as-recalled"));
    }
    let id = id.unwrap_or_else(|| BroadcastId::fresh().0);
    Ok(Some(Correction { id, title: said.title, text: said.text, salt: hex::encode(crypto::random::<32>()) }))
}

/// The errors of a message at the fields of a correction; what is wrong with its way is said once.
fn named(errors: Vec<FieldError>) -> Vec<FieldError> {
    if errors.iter().any(|e| !matches!(e.field, "title" | "text")) {
        return vec![FieldError::new("correction.text", "cannot-correct")];
    }
    let at = |field| if field == "title" { "correction.title" } else { "correction.text" };
    errors.into_iter().map(|e| FieldError { field: at(e.field), ..e }).collect()
}

/// What the event of a request says of its correction.
pub(super) fn told(detail: &mut Value, correction: Option<&Correction>) -> Result<(), StoreError> {
    detail["correction"] = json!(correction.map(|c| &c.id));
    if let Some(correction) = correction {
        detail["correction_message"] = json!(hex::encode(correction.commitment()?));
    }
    Ok(())
}

/// States of a case that took something back.
const TAKEN_BACK: [&str; 3] = [State::Recalled.as_str(), State::RecallAccepted.as_str(), State::PartlyRecalled.as_str()];

fn took_back(row: &RecallRow) -> bool {
    TAKEN_BACK.contains(&row.state.as_str())
}

/// Whether three levels stand behind the recall: one that came first must be ratified in its time. A word after that sends nothing any more.
fn approved(conn: &mut Conn, id: &str) -> Result<bool, StoreError> {
    let order = orders::of_recall(conn, id)?;
    Ok(order.is_none_or(|order| order.state == ratification::Standing::Ratified.as_str() && order.overdue_at.is_none()))
}

/// Whether it may be sent: three levels have approved, something was taken back, and nobody has halted the case.
fn may_go(conn: &mut Conn, row: &RecallRow) -> Result<bool, StoreError> {
    Ok(row.halted_at.is_none() && took_back(row) && approved(conn, &row.id)?)
}

/// Has it sent where it may be; part of the write by which the later of approval and recall came about.
pub(super) fn due(tx: &mut Tx<'_>, row: &RecallRow) -> Result<(), StoreError> {
    if row.correction_id.is_none() || !may_go(tx.conn, row)? {
        return Ok(());
    }
    tx.enqueue(JOB, &row.id, &json!({ "recall": row.id }), tx.now())
}

/// Whether the case is to wait with its closing for one that is due.
pub(super) fn awaited(conn: &mut Conn, row: &RecallRow, order: Option<&OrderRow>, now: Instant) -> Result<bool, StoreError> {
    let since = row.finished_at.max(order.and_then(|order| order.ended_at));
    let patient = since.is_none_or(|at| now < Instant(at).plus(PATIENCE));
    Ok(row.correction_id.is_some() && patient && waits(conn, &row.id)?)
}

fn waits(conn: &mut Conn, case: &str) -> Result<bool, StoreError> {
    Ok(!jobs::waiting(conn, JOB, case)?.is_empty())
}

fn owes_ratification(conn: &mut Conn, id: &str) -> Result<bool, StoreError> {
    Ok(orders::of_recall(conn, id)?.is_some_and(|order| order.state == ratification::Standing::Owed.as_str() && order.overdue_at.is_none()))
}

/// The broadcast that a case's correction is or will be, and where it stands; nothing where none was asked for.
pub(crate) fn standing(conn: &mut Conn, row: &RecallRow) -> Result<Option<(String, Standing)>, StoreError> {
    let Some(id) = row.correction_id.clone() else { return Ok(None) };
    let ended = State::parse(&row.state).is_some_and(State::is_terminal);
    let standing = if let Some(broadcast) = crate::store::broadcasts::find(conn, &id)? {
        if broadcast.state == "failed" { Standing::Failed } else { Standing::Submitted }
    } else if waits(conn, &row.id)? {
        Standing::Due
    } else if row.halted_at.is_none() && (!ended || (took_back(row) && owes_ratification(conn, &row.id)?)) {
        Standing::Planned
    } else {
        Standing::NotSent
    };
    Ok(Some((id, standing)))
}

/// Whether what is to be sent is what the log says was asked for and approved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Recorded {
    Same,
    /// Somebody who writes to the tables sends nothing under the names of three people.
    Other,
    /// The sequencer has not come to it.
    NotYet,
    /// Retention has taken what was said of it.
    Gone,
}

fn recorded(conn: &mut Conn, keys: &Keyring, row: &RecallRow, said: &Correction) -> Result<Recorded, StoreError> {
    let events = reader::events_of_case(conn, &row.id, None)?;
    let mut details = |action: Action| {
        let of = events.iter().filter(|e| e.leaf.action == action.as_str() && e.leaf.outcome == Outcome::Success.as_str());
        of.map(|event| {
            let parts = reader::parts_of(conn, keys, &event.leaf.id)?;
            let detail = parts.iter().find(|part| part.name == "detail").and_then(|part| serde_json::from_slice::<Value>(&part.value).ok());
            Ok((event.index, detail))
        })
        .collect::<Result<Vec<_>, StoreError>>()
    };
    let submitted = details(Action::RecallSubmitted)?;
    let mut asked = [submitted.clone(), details(Action::RecallResubmitted)?].concat();
    let approvals = [details(Action::RecallDecided)?, details(Action::RatificationDecided)?].concat();
    if [&asked, &approvals].into_iter().flatten().any(|(_, detail)| detail.is_none()) {
        return Ok(Recorded::Gone);
    }
    asked.sort_by_key(|(index, _)| *index);
    let says =
        |detail: Option<&(u64, Option<Value>)>, pointer: &str| detail.and_then(|(_, d)| d.as_ref()?.pointer(pointer).cloned()).unwrap_or_default();
    let last = asked.last();
    let same = says(submitted.first(), "/broadcast") == json!(row.broadcast_id)
        && says(last, "/correction") == json!(said.id)
        && says(last, "/correction_message") == json!(hex::encode(said.commitment()?));
    let becomes =
        |of: &[(u64, Option<Value>)], states: &[&str]| of.iter().any(|d| says(Some(d), "/after/state").as_str().is_some_and(|s| states.contains(&s)));
    let approved = becomes(&approvals, &[State::Approved.as_str(), ratification::Standing::Ratified.as_str()]);
    let ends =
        |e: &&reader::StoredEvent| [Action::RecallFinished.as_str(), Action::RecallCaptureConfirmed.as_str()].contains(&e.leaf.action.as_str());
    let mut taken_back = false;
    for event in events.iter().filter(ends) {
        let parts = reader::parts_of(conn, keys, &event.leaf.id)?;
        let detail = parts.iter().find(|part| part.name == "detail").and_then(|part| serde_json::from_slice::<Value>(&part.value).ok());
        taken_back |= becomes(&[(event.index, detail)], &TAKEN_BACK);
    }
    let halted = events.iter().any(|e| e.leaf.action == Action::RecallHalted.as_str() && e.leaf.outcome == Outcome::Success.as_str());
    Ok(match same && approved && taken_back && !halted {
        true => Recorded::Same,
        false if reader::pending_of_case(conn, &row.id)? > 0 => Recorded::NotYet,
        false => Recorded::Other,
    })
}

/// Sends it, once, by whoever asked for the recall, if it may be and is what the log says was asked for and approved. Safe to run at any time.
///
/// # Errors
/// Those of the store.
pub async fn step(app: &App, id: &str) -> AppResult<Option<Instant>> {
    let (wanted, keys) = (id.to_owned(), app.store.keys().clone());
    let found = app.store.read(move |conn| {
        let Some(Loaded { row, .. }) = load(conn, &wanted)? else { return Ok(None) };
        if row.erased_at.is_some() || !may_go(conn, &row)? {
            return Ok(None);
        }
        let asked = Dossier::open(&keys.envelope, &row)?.submissions.pop();
        let Some(said) = asked.and_then(|asked| asked.correction) else { return Ok(None) };
        let recorded = recorded(conn, &keys, &row, &said)?;
        Ok(Some((row, said, recorded)))
    });
    let Some((row, said, recorded)) = found.await? else { return Ok(None) };
    let refused = match recorded {
        Recorded::Same => None,
        Recorded::NotYet => return Ok(Some(app.now().plus(Duration::from_secs(1)))),
        Recorded::Other => Some("correction-changed"),
        Recorded::Gone => Some("correction-untold"),
    };
    let by = Caller::job(JOB);
    if let Some(why) = refused {
        let about = Subject::new("broadcast", &said.id);
        return match app.refuse(&by, Action::BroadcastSubmitted, about, Some(&row.id), AppError::refused(why)).await {
            AppError::Store(error) => Err(error.into()),
            _ => Ok(None),
        };
    }
    let original = broadcasts::load(app, &row.broadcast_id).await?;
    let instead = send::Instead {
        id: &said.id,
        salt: said.salt()?,
        commitment: said.commitment()?,
        title: &said.title,
        text: &said.text,
        sender: row.requester_id.clone(),
        case: &row.id,
    };
    send::instead(app, &by, &original, instead).await?;
    Ok(None)
}
