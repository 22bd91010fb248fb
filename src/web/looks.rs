//! Pages and answers that show something privileged: the session's middleware records them here, unless the use case has. Every GET that
//! was answered is looked at, so that no page can be forgotten; the few that leave no event are listed, with the reason.

use actix_web::{HttpRequest, http::StatusCode};
use serde_json::Value;

use crate::{
    app::{
        App, AppResult, Caller,
        looks::{self, Look},
    },
    domain::event::Subject,
    web::client::clean,
};

/// Routes whose showing leaves no event, whoever looks. An ending in `/` stands for all below it.
const UNRECORDED: [(&str, &str); 28] = [
    ("/static/", "the same for everybody"),
    ("/healthz", "says that the process lives"),
    ("/readyz", "says whether it can work"),
    ("/metrics", "numbers, without names and addresses, every few seconds"),
    ("/log/", "mirrors: leaves and tiles, no parts; a log that grew by being mirrored would have no end"),
    ("/setup/", "one's own account"),
    ("/invitations/", "one's own account"),
    ("/sign-in", "one's own account"),
    ("/sessions/", "one's own account"),
    ("/account", "one's own account"),
    ("/account/", "one's own account"),
    ("/audit", "a search is recorded once, and not once a page"),
    ("/audit/event-types", "the same for everybody"),
    ("/catalogue", "the same for everybody"),
    ("/api/v1/event-types", "the same for everybody"),
    ("/api/v1/openapi.json", "the same for everybody"),
    ("/recalls/{id}/progress", "a number, every few seconds, for a page whose opening was recorded"),
    ("/evidence/verification", "an empty form"),
    ("/audits/new", "an empty form"),
    ("/holds/new", "an empty form"),
    ("/connections/new", "an empty form"),
    ("/streams/new", "an empty form"),
    ("/policies/proposals/new", "an empty form"),
    ("/broadcasts/new", "an empty form"),
    ("/reports/new", "an empty form"),
    ("/users/imports", "an empty form"),
    ("/self-recalls/new", "an empty form"),
    ("/delegations/new", "an empty form"),
];

/// Whether showing `route` (the pattern) never leaves an event.
pub fn is_unrecorded(route: &str) -> bool {
    UNRECORDED.iter().any(|(listed, _)| if listed.ends_with('/') { route.starts_with(listed) } else { route == *listed })
}

/// Whether `route` (the pattern) shows one thing of many, whose existence may be a secret.
pub(super) fn is_of_something(route: &str) -> bool {
    route.contains('{') && !is_unrecorded(route)
}

/// Records that `caller` has asked for a page or an answer which is about to be shown to them, if that is privileged.
pub(super) async fn record(app: &App, caller: &Caller, req: &HttpRequest, status: StatusCode) -> AppResult<()> {
    let Some(route) = req.match_pattern().filter(|route| status.is_success() && !is_unrecorded(route)) else { return Ok(()) };
    let nouns: Vec<&str> = route.trim_start_matches("/api/v1").split('/').filter(|s| !s.is_empty()).collect();
    let of = |wanted: &str| nouns.first() == Some(&wanted);
    // The evidence of a case is evidence.
    let noun = if nouns.contains(&"evidence") { "evidence" } else { nouns.first().copied().unwrap_or_default() };
    let (action, kind) = looks::of_noun(noun);
    let id = ["id", "number"].iter().find_map(|name| req.match_info().get(name));
    let subject = match kind {
        "route" => Subject::new(kind, &route),
        "bundle" if of("recalls") => Subject::new(kind, "all"),
        kind => Subject::new(kind, id.unwrap_or("all")),
    };
    let case = id.filter(|_| of("recalls")).map(ToOwned::to_owned);
    looks::record(app, caller, Look { action, subject, case, shown: route, asked: asked(req) }).await
}

/// What the address asks for, field by field; null for nothing.
fn asked(req: &HttpRequest) -> Value {
    let given = url::form_urlencoded::parse(req.query_string().as_bytes()).filter(|(_, value)| !value.is_empty());
    let fields: serde_json::Map<String, Value> = given.map(|(name, value)| (clean(&name), clean(&value).into())).collect();
    if fields.is_empty() { Value::Null } else { fields.into() }
}
