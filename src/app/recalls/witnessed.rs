//! Whether the decision that ordered an execution lies under what the policy's witnesses have seen, and what waits for that.
//!
//! With `witness.wait = "decisions"` an execution waits for them, until the time that the window reserves for it. A leak never waits: it is
//! executed, and marked afterwards if the witnesses had not come (`recall.unwitnessed`), like one whose wait was too long. Not here: asking
//! witnesses (`app::witness`).

use std::time::Duration;

use super::{App, AppResult, Loaded, class_of};
use crate::{
    app::witness,
    clock::Instant,
    config::{Overdue, Wait},
    domain::{
        platform::HarmClass,
        recall::{Mode, State},
    },
    store::{Conn, StoreError},
};

/// How long after a look the next one comes.
const PAUSE: Duration = Duration::from_secs(2);
/// How long a case without a window waits.
const LONGEST: Duration = Duration::from_secs(3600);

/// What a case waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Since the decision.
    pub since: Instant,
    /// Until then at most; `None` where it does not go on without.
    pub until: Option<Instant>,
}

/// The decision that ordered the execution and that enough witnesses have not seen: its event, and when it was made. `None` also where
/// nobody has to see it.
pub(super) fn lacking(conn: &mut Conn, app: &App, loaded: &Loaded) -> Result<Option<(String, Instant)>, StoreError> {
    if app.config.witness.wait != Wait::Decisions || !app.witnesses.policy.asks() {
        return Ok(None);
    }
    let round = i64::from(loaded.case.round);
    let approvals = loaded.decisions.iter().filter(|d| d.round == round && d.decision == "approve");
    // What was recalled first was ordered by nobody's approval.
    let ordered = loaded.order.as_ref().map(|(order, _)| (order.event_id.clone(), order.at));
    let Some((event, at)) = ordered.or_else(|| approvals.max_by_key(|d| d.at).map(|d| (d.event_id.clone(), d.at))) else { return Ok(None) };
    let seen = witness::covered(conn, app, &event)?;
    Ok((!seen).then_some((event, Instant(at))))
}

/// What an approved case waits for now.
pub(super) fn waiting(conn: &mut Conn, app: &App, loaded: &Loaded) -> Result<Option<Waiting>, StoreError> {
    let case = &loaded.case;
    if case.state != State::Approved || case.mode != Mode::Api || case.halted || class_of(&loaded.row)? == HarmClass::Leak {
        return Ok(None);
    }
    let Some((_, since)) = lacking(conn, app, loaded)? else { return Ok(None) };
    let until = case.cut_off.unwrap_or_else(|| since.plus(LONGEST));
    Ok(match app.config.witness.overdue {
        Overdue::Execute if app.now() >= until => None,
        Overdue::Execute => Some(Waiting { since, until: Some(until) }),
        Overdue::Expire => Some(Waiting { since, until: None }),
    })
}

/// Has the decision shown to the witnesses if they have not seen it; when to look again, `None` if the execution may begin.
pub(super) async fn gate(app: &App, loaded: &Loaded) -> AppResult<Option<Instant>> {
    let look = || {
        let (app2, loaded) = (app.clone(), loaded.clone());
        app.store.read(move |conn| waiting(conn, &app2, &loaded))
    };
    if look().await?.is_none() {
        return Ok(None);
    }
    witness::nudge(app, PAUSE).await?;
    let again = app.now().plus(PAUSE);
    Ok(look().await?.map(|waiting| waiting.until.map_or(again, |until| again.min(until))))
}
