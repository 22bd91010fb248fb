//! Privileged readings (`domain::privilege`) that no use case has recorded by itself: one event for each page or answer, left before
//! anybody sees it. Not here: what messages say, the trail and exports, whose use cases know more of what was read.

use serde_json::{Value, json};

use super::{App, AppResult, Caller};
use crate::{
    domain::{
        event::{Action, ActorKind, Subject},
        privilege,
    },
    store::recalls,
};

/// What somebody looks at.
#[derive(Clone, Debug)]
pub struct Look {
    pub action: Action,
    pub subject: Subject,
    /// Id or number of the case, where it is one.
    pub case: Option<String>,
    /// What was shown: the route's pattern, or the command.
    pub shown: String,
    /// What was asked for, as an object; null for nothing.
    pub asked: Value,
}

impl Look {
    /// All of `noun`, listed by a command.
    pub fn command(command: &str, noun: &str) -> Self {
        let (action, kind) = of_noun(noun);
        Self { action, subject: Subject::new(kind, "all"), case: None, shown: command.to_owned(), asked: Value::Null }
    }
}

/// The action of looking at what a noun of an address names, and the kind of its subjects. What has no action of its own is a page.
pub fn of_noun(noun: &str) -> (Action, &'static str) {
    match noun {
        "users" => (Action::UserRead, "user"),
        "departments" => (Action::UserRead, "department"),
        "sessions" => (Action::UserRead, "session"),
        "tokens" => (Action::UserRead, "token"),
        "connections" => (Action::ConnectionRead, "connection"),
        "holds" => (Action::HoldRead, "hold"),
        "streams" => (Action::StreamRead, "stream"),
        "evidence" => (Action::EvidenceRead, "bundle"),
        "settings" | "retention" => (Action::SettingRead, "route"),
        "audits" => (Action::AuditRead, "audit"),
        "alerts" => (Action::AuditRead, "alert"),
        "audit" | "events" => (Action::AuditRead, "route"),
        "recalls" | "approvals" | "remediations" => (Action::RecallRead, "recall"),
        "self-recalls" => (Action::RecallRead, "self_recall"),
        "broadcasts" => (Action::BroadcastRead, "broadcast"),
        "imports" => (Action::BroadcastRead, "import"),
        _ => (Action::PageRead, "route"),
    }
}

/// Whether this look leaves an event: what it shows is privileged, or who looks is.
pub fn is_privileged(caller: &Caller, action: Action) -> bool {
    match privilege::of(action) {
        Some(privilege::Privilege::Oversight) => privilege::is_of(caller.kind, &caller.roles),
        Some(_) => true,
        None => false,
    }
}

/// Records a privileged look; others leave nothing. People in office can look on a full disk too: what is wrong is told on these pages.
///
/// # Errors
/// When it cannot be recorded; then nothing may be shown.
pub async fn record(app: &App, caller: &Caller, look: Look) -> AppResult<()> {
    if !is_privileged(caller, look.action) {
        return Ok(());
    }
    let case = match look.case {
        Some(case) => app.store.look_up(move |conn| recalls::find(conn, &case)).await?.map(|row| row.id),
        None => None,
    };
    let mut event = caller.event(look.action, look.subject).detail(json!({ "shown": look.shown }));
    if let Some(case) = &case {
        event = event.case(case);
    }
    if !look.asked.is_null() {
        event = event.text(json!({ "query": look.asked }));
    }
    match caller.kind == ActorKind::User && privilege::is_of(caller.kind, &caller.roles) {
        true => app.record_reserved(event).await?,
        false => app.record(event).await?,
    };
    Ok(())
}
