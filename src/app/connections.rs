//! Platform connections: made, changed and tested by the system administrator. The secret goes in and never comes out again.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{App, AppError, AppResult, Caller, Done, FieldError, calls, probe};
use crate::{
    connect::{self, Connector, Settings, guard::BadBaseUrl},
    domain::{
        event::{Action, Outcome, Subject},
        platform::{Capabilities, Platform},
        probe::Taken,
        role::Permission,
        text,
    },
    id::{CallId, ConnectionId},
    store::{
        StoreError,
        connections::{self, ConnectionRow},
    },
};

/// What a new connection needs, as typed.
#[derive(Clone, Default)]
pub struct NewConnection {
    pub name: String,
    /// `wecom` or `matrix`.
    pub platform: String,
    /// Scheme, host and port.
    pub base_url: String,
    /// WeCom only.
    pub corp_id: String,
    /// WeCom only; a number.
    pub agent_id: String,
    pub secret: String,
    /// Which version of the platform's service agreement holds; may be empty.
    pub agreement: String,
}

/// What changes on a connection. An empty secret leaves the old one.
#[derive(Clone, Default)]
pub struct Change {
    pub name: String,
    pub base_url: String,
    pub corp_id: String,
    pub agent_id: String,
    pub secret: String,
    pub agreement: String,
    pub active: bool,
    /// The version that the form showed.
    pub version: i64,
}

/// A connection as it may be shown: everything but the secret.
#[derive(Clone, Debug)]
pub struct Connection {
    pub id: String,
    pub name: String,
    pub platform: Platform,
    pub settings: Settings,
    pub active: bool,
    pub agreement: String,
    pub created_at: crate::clock::Instant,
    pub version: i64,
    pub capabilities: Capabilities,
    /// When it was last tested by this process as it is now, and what came of each step.
    pub tested: Option<(crate::clock::Instant, Vec<Taken>)>,
}

/// What a test gave.
#[derive(Clone, Debug)]
pub struct Tested {
    /// A result word of `calls`, `ok` where address and credentials work.
    pub result: &'static str,
    pub code: Option<String>,
    /// Step by step.
    pub steps: Vec<Taken>,
}

/// Makes a connection. Tested separately, so that one can be made while the platform is away.
pub async fn create(app: &App, caller: &Caller, new: NewConnection) -> AppResult<Done<String>> {
    let id = ConnectionId::fresh().0;
    let subject = Subject::new("connection", id.clone());
    app.require(caller, Permission::ConnectionManage, Action::ConnectionCreated, subject.clone()).await?;
    let checked =
        check(app, &new.name, &new.platform, &new.base_url, &new.corp_id, &new.agent_id, &new.agreement).and_then(|(name, settings, agreement)| {
            if new.secret.trim().is_empty() {
                return Err(AppError::invalid("secret", "required"));
            }
            Ok((name, settings, agreement))
        });
    let (name, settings, agreement) = match checked {
        Ok(checked) => checked,
        Err(error) => return Err(app.refuse(caller, Action::ConnectionCreated, subject, None, error).await),
    };
    let secret = app.store.keys().envelope.seal(&secret_context(&id), new.secret.trim().as_bytes());
    let platform = settings.platform;
    let settings = to_json(&settings)?;
    let event = caller.event(Action::ConnectionCreated, subject);
    let written = app
        .store
        .write(move |tx| {
            if connections::named(tx.conn, &name)?.is_some() {
                let error = AppError::invalid("name", "taken");
                tx.append(event.clone().outcome(Outcome::Refused).detail(error.as_detail()))?;
                return Ok(Err(error));
            }
            let row = ConnectionRow {
                id: id.clone(),
                name: name.clone(),
                platform: platform.as_str().to_owned(),
                settings: settings.to_string(),
                secret_sealed: secret.clone(),
                state: "active".to_owned(),
                agreement: agreement.clone(),
                created_at: tx.now().0,
                version: 1,
            };
            tx.append(event.clone().detail(json!({ "after": shown(&row) })))?;
            connections::insert(tx.conn, row)?;
            Ok(Ok(id.clone()))
        })
        .await?;
    Done::from_write(written)
}

/// Changes a connection; compare-and-set on the version that the form showed.
pub async fn change(app: &App, caller: &Caller, id: &str, change: Change) -> AppResult<Done<()>> {
    let subject = Subject::new("connection", id);
    app.require(caller, Permission::ConnectionManage, Action::ConnectionChanged, subject.clone()).await?;
    let before = known(app, caller, id, Action::ConnectionChanged).await?;
    let checked = check(app, &change.name, &before.platform, &change.base_url, &change.corp_id, &change.agent_id, &change.agreement);
    let (name, settings, agreement) = match checked {
        Ok(checked) => checked,
        Err(error) => return Err(app.refuse(caller, Action::ConnectionChanged, subject, None, error).await),
    };
    let secret_changed = !change.secret.trim().is_empty();
    let secret_sealed = match secret_changed {
        true => app.store.keys().envelope.seal(&secret_context(id), change.secret.trim().as_bytes()),
        false => before.secret_sealed.clone(),
    };
    let after = ConnectionRow {
        name,
        settings: to_json(&settings)?.to_string(),
        secret_sealed,
        agreement,
        state: if change.active { "active" } else { "off" }.to_owned(),
        version: change.version + 1,
        ..before.clone()
    };
    let event = caller.event(Action::ConnectionChanged, subject);
    let written = app
        .store
        .write(move |tx| {
            let other = connections::named(tx.conn, &after.name)?.filter(|c| c.id != after.id);
            let error = match other {
                Some(_) => Some(AppError::invalid("name", "taken")),
                None if !connections::replace(tx.conn, &after)? => Some(AppError::Conflict),
                None => None,
            };
            if let Some(error) = error {
                tx.append(event.clone().outcome(Outcome::Refused).detail(error.as_detail()))?;
                return Ok(Err(error));
            }
            tx.append(event.clone().detail(json!({ "before": shown(&before), "after": shown(&after), "secret_changed": secret_changed })))?;
            Ok(Ok(()))
        })
        .await?;
    Done::from_write(written)
}

/// Proves address and credentials by a call without effect, and records what came of it. The event's outcome is success where both are good,
/// so that the connection can be used; a step after them that failed (permissions, clock, a read) stands in the event's `steps`.
pub async fn test(app: &App, caller: &Caller, id: &str) -> AppResult<Done<Tested>> {
    let subject = Subject::new("connection", id);
    app.require(caller, Permission::ConnectionManage, Action::ConnectionTested, subject.clone()).await?;
    let row = known(app, caller, id, Action::ConnectionTested).await?;
    let connector = match connector_of(app, &row) {
        Ok(connector) => connector,
        Err(error) => {
            app.connectors.note(&row.id, app.now(), row.version, probe::forbidden());
            return Err(app.refuse(caller, Action::ConnectionTested, subject, None, error).await);
        }
    };
    let (exchange, steps) = probe::take(connector.as_ref(), &settings_of(&row)?, app.config.allow_private_destinations).await;
    let call = CallId::fresh().0;
    let answer = calls::answer(&app.store.keys().envelope, &call, &exchange, calls::Contents::None)?;
    let tested = Tested { result: answer.result, code: answer.code.clone(), steps };
    let said: Vec<Value> = tested.steps.iter().map(|s| json!({ "step": s.step, "is": s.verdict, "code": s.code, "why": s.skipped })).collect();
    app.connectors.note(&row.id, app.now(), row.version, tested.steps.clone());
    let event = caller
        .event(Action::ConnectionTested, subject)
        .outcome(if exchange.result.is_ok() { Outcome::Success } else { Outcome::Failed })
        .detail(json!({ "call": call, "result": tested.result, "code": tested.code, "steps": said }));
    let purpose = calls::Purpose { kind: "test", connection: Some(row.id), attempt: 1, ..calls::Purpose::default() };
    let written = app
        .store
        .write(move |tx| {
            let event = tx.append(event.clone())?;
            calls::observe(tx, event.as_str(), &call, &purpose, &answer)?;
            Ok(Ok(tested.clone()))
        })
        .await?;
    Done::from_write(written)
}

/// All connections, for who manages them.
pub async fn list(app: &App, caller: &Caller) -> AppResult<Vec<Connection>> {
    app.require(caller, Permission::ConnectionManage, Action::PermissionChecked, Subject::new("connection", "all")).await?;
    let rows = app.store.read(connections::list).await?;
    rows.iter().map(|row| view(app, row)).collect()
}

/// One connection, for who manages them.
pub async fn load(app: &App, caller: &Caller, id: &str) -> AppResult<Connection> {
    app.require(caller, Permission::ConnectionManage, Action::PermissionChecked, Subject::new("connection", id)).await?;
    view(app, &find(app, id).await?)
}

/// Active connections to choose from when sending or reporting.
pub async fn choices(app: &App, caller: &Caller) -> AppResult<Vec<Connection>> {
    app.require(caller, Permission::BroadcastSend, Action::PermissionChecked, Subject::new("connection", "all")).await?;
    let rows = app.store.read(connections::list).await?;
    rows.iter().filter(|r| r.state == "active").map(|row| view(app, row)).collect()
}

/// The row of an id that somebody wants to act on; one that is not there is refused as `action`.
async fn known(app: &App, caller: &Caller, id: &str, action: Action) -> AppResult<ConnectionRow> {
    match find(app, id).await {
        Err(error @ AppError::NotFound) => Err(app.refuse(caller, action, Subject::new("connection", id), None, error).await),
        found => found,
    }
}

/// The row of an id.
pub(super) async fn find(app: &App, id: &str) -> AppResult<ConnectionRow> {
    let id = id.to_owned();
    app.store.read(move |conn| connections::find(conn, &id)).await?.ok_or(AppError::NotFound)
}

/// The active connection of an id or a name; the field error `connection` otherwise.
pub(super) async fn usable(app: &App, id_or_name: &str) -> AppResult<ConnectionRow> {
    let wanted = id_or_name.trim().to_owned();
    if wanted.is_empty() {
        return Err(AppError::invalid("connection", "required"));
    }
    if wanted.contains('\0') {
        return Err(AppError::invalid("connection", "no-such"));
    }
    let row = app.store.read(move |conn| connections::named(conn, &wanted)).await?;
    let row = row.ok_or_else(|| AppError::invalid("connection", "no-such"))?;
    if row.state == "active" { Ok(row) } else { Err(AppError::invalid("connection", "off")) }
}

/// The connector of a connection that may be used: switched on, with a base address that is not forbidden.
///
/// # Errors
/// `Refused` with kind `connection-off` or `base-url`: no call is possible until the system administrator mends it, so whoever is in the
/// middle of something ends it and says why instead of trying for ever.
pub(super) fn open(app: &App, row: &ConnectionRow) -> AppResult<Arc<dyn Connector>> {
    if row.state == "active" { connector_of(app, row) } else { Err(AppError::refused("connection-off")) }
}

/// Why no call is possible through a connection, if [`open`] refused; any other error goes on.
pub(super) fn unusable<T>(opened: AppResult<T>) -> AppResult<Result<T, &'static str>> {
    match opened {
        Ok(connector) => Ok(Ok(connector)),
        Err(AppError::Refused { kind, .. }) => Ok(Err(kind)),
        Err(error) => Err(error),
    }
}

/// The connector of a connection, kept as long as its settings stand: it holds the token cache. Whether it is switched on is [`open`]'s to
/// ask: a test may come before.
fn connector_of(app: &App, row: &ConnectionRow) -> AppResult<Arc<dyn Connector>> {
    app.connectors.get(&row.id, row.version, || {
        let settings = settings_of(row)?;
        let secret = app.store.keys().envelope.open(&secret_context(&row.id), &row.secret_sealed).map_err(StoreError::from)?;
        let secret = std::str::from_utf8(&secret).map_err(|_| StoreError::Corrupt("a secret is not UTF-8".to_owned()))?;
        connect::connector(&settings, secret, app.config.allow_private_destinations, app.store.clock().clone())
            .map_err(|e| AppError::Refused { kind: "base-url", detail: json!({ "reason": e.to_string() }) })
    })
}

fn view(app: &App, row: &ConnectionRow) -> AppResult<Connection> {
    let settings = settings_of(row)?;
    let capabilities = capabilities(app, row)?;
    Ok(Connection {
        id: row.id.clone(),
        name: row.name.clone(),
        platform: settings.platform,
        active: row.state == "active",
        agreement: row.agreement.clone(),
        created_at: crate::clock::Instant(row.created_at),
        version: row.version,
        settings,
        capabilities,
        tested: app.connectors.noted(&row.id, row.version),
    })
}

/// What a connection can do. One that is switched off, or whose base address has become forbidden (the installation's settings changed),
/// can do nothing, but must not hide the page on which it is mended.
pub(super) fn capabilities(app: &App, row: &ConnectionRow) -> AppResult<Capabilities> {
    Ok(unusable(open(app, row))?.map_or_else(|_| nothing(), |connector| connector.capabilities()))
}

/// What can be done without a connector: nothing by API; residue as everywhere.
pub(super) fn nothing() -> Capabilities {
    Capabilities {
        send: false,
        recall: false,
        recall_per_recipient: false,
        read_back: false,
        reading_state: false,
        window_seconds: None,
        residue: vec!["residue-local-cache".to_owned(), "residue-screenshots".to_owned()],
    }
}

fn settings_of(row: &ConnectionRow) -> Result<Settings, StoreError> {
    serde_json::from_str(&row.settings).map_err(|e| StoreError::Corrupt(format!("settings of a connection: {e}")))
}

fn to_json(settings: &Settings) -> Result<Value, StoreError> {
    serde_json::to_value(settings).map_err(|e| StoreError::Corrupt(e.to_string()))
}

/// What an event may show of a connection.
fn shown(row: &ConnectionRow) -> Value {
    let settings: Value = serde_json::from_str(&row.settings).unwrap_or(Value::Null);
    json!({ "name": row.name, "platform": row.platform, "settings": settings, "state": row.state, "agreement": row.agreement, "version": row.version })
}

fn secret_context(id: &str) -> String {
    format!("connections/{id}/secret")
}

/// Reads what was typed; all faulty fields at once.
fn check(
    app: &App,
    name: &str,
    platform: &str,
    base_url: &str,
    corp_id: &str,
    agent_id: &str,
    agreement: &str,
) -> AppResult<(String, Settings, String)> {
    let mut errors = Vec::new();
    let name = text::line(name, 80).unwrap_or_else(|e| {
        errors.push(FieldError::text("name", e));
        String::new()
    });
    let agreement = text::paragraph(agreement, 0, 500).unwrap_or_else(|e| {
        errors.push(FieldError::text("agreement", e));
        String::new()
    });
    let platform = Platform::parse(platform).filter(|p| *p != Platform::Manual);
    if platform.is_none() {
        errors.push(FieldError::new("platform", "choose"));
    }
    let platform = platform.unwrap_or(Platform::Manual);
    let mut settings = Settings { platform, base_url: base_url.trim().trim_end_matches('/').to_owned(), corp_id: String::new(), agent_id: 0 };
    if platform == Platform::Wecom {
        settings.corp_id = text::line(corp_id, 64).unwrap_or_else(|e| {
            errors.push(FieldError::text("corp_id", e));
            String::new()
        });
        settings.agent_id = agent_id.trim().parse().ok().filter(|n| *n > 0).unwrap_or_else(|| {
            errors.push(FieldError::new("agent_id", "number"));
            0
        });
    }
    if settings.base_url.is_empty() {
        errors.push(FieldError::new("base_url", "required"));
    } else if let Err(reason) = connect::connector(&settings, "", app.config.allow_private_destinations, app.store.clock().clone()) {
        errors.push(FieldError::new("base_url", base_url_error(&reason)));
    }
    if errors.is_empty() { Ok((name, settings, agreement)) } else { Err(AppError::Invalid(errors)) }
}

fn base_url_error(reason: &BadBaseUrl) -> &'static str {
    match reason {
        BadBaseUrl::Malformed(_) | BadBaseUrl::Client(_) => "address",
        BadBaseUrl::Scheme(_) => "scheme",
        BadBaseUrl::Clear => "clear",
        BadBaseUrl::Userinfo => "userinfo",
        BadBaseUrl::Path => "path",
        BadBaseUrl::Private(_) => "private",
    }
}
