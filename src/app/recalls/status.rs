//! A case without its message, and the receipts of its events: for the API, and for whoever keeps what was recorded.

use super::{
    App, AppError, AppResult, Caller, Loaded,
    able::{self, Able},
    correct, known,
};
use crate::{
    clock::Instant,
    domain::{event::Action, outcome::Tally, role::Permission},
    store::reader,
};

/// What can be shown of a case without its message: for the API.
#[derive(Clone, Debug)]
pub struct Status {
    pub loaded: Loaded,
    pub tally: Option<Tally>,
    /// The broadcast that is sent in the message's place, and where it stands.
    pub correction: Option<(String, correct::Standing)>,
    /// Who can decide each open level now.
    pub able: Vec<(u8, Vec<Able>)>,
    pub now: Instant,
}

/// The state of a case.
pub async fn status(app: &App, caller: &Caller, id: &str) -> AppResult<Status> {
    if !caller.may(Permission::RecallRead) {
        return Err(AppError::Forbidden(Permission::RecallRead));
    }
    let loaded = known(app, caller, id).await?;
    let tally = loaded.row.tally.as_deref().and_then(|t| serde_json::from_str(t).ok());
    let able = able::of(app, &loaded).await?;
    let row = loaded.row.clone();
    let correction = app.store.read(move |conn| correct::standing(conn, &row)).await?;
    Ok(Status { loaded, tally, correction, able, now: app.now() })
}

/// The receipt of one event of a case.
#[derive(Clone, Debug)]
pub struct Receipt {
    pub status: Status,
    /// Absent while the sequencer has not come to it.
    pub index: Option<u64>,
    pub at: Option<Instant>,
    pub action: Option<Action>,
}

/// Looks an event of a case up. An event of another case is not found.
pub async fn receipt(app: &App, caller: &Caller, id: &str, event: &str) -> AppResult<Receipt> {
    let status = status(app, caller, id).await?;
    let case = status.loaded.row.id.clone();
    let (events, pending) =
        app.store.read(move |conn| Ok((reader::events_of_case(conn, &case, None)?, reader::pending_of_case(conn, &case)?))).await?;
    match events.iter().find(|e| e.leaf.id == event) {
        Some(e) => Ok(Receipt { index: Some(e.index), at: Some(e.leaf.at), action: Action::parse(&e.leaf.action), status }),
        None if pending > 0 => Ok(Receipt { status, index: None, at: None, action: None }),
        None => Err(AppError::NotFound),
    }
}
