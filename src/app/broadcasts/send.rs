//! Sending through a connection: checked, sealed and written together with the job that delivers it. Nothing leaves before that is durable.

use serde_json::json;

use super::{Wanted, audience, refuse, sender_of};
use crate::{
    app::{
        App, AppError, AppResult, Caller, Done, FieldError, calls, connections, content,
        content::{Addressees, Content},
    },
    connect::Audience,
    crypto::seal::Key,
    domain::{
        event::{Action, Subject},
        platform::Platform,
        role::Permission,
        text,
    },
    id::{BroadcastId, CallId},
    ledger::set::Set,
    store::{
        StoreError, Tx,
        broadcasts::{self, BroadcastRow},
        messages, recipients,
    },
};

/// What is to be sent, as typed.
#[derive(Clone, Debug, Default)]
pub struct NewBroadcast {
    /// Id or name of the connection.
    pub connection: String,
    pub audience: Wanted,
    pub title: String,
    pub text: String,
    /// Only for service tokens: who sends.
    pub sender: String,
}

/// What a check page shows before anything happens.
#[derive(Clone, Debug)]
pub struct Preview {
    pub connection: String,
    pub platform: Platform,
    pub title: String,
    pub text: String,
    pub audience: Audience,
    /// How many people and groups it goes to; `None` where the platform does not list its members.
    pub recipients: Option<u64>,
}

struct Checked {
    connection: crate::store::connections::ConnectionRow,
    platform: Platform,
    audience: Audience,
    title: String,
    text: String,
}

/// Sends: writes the broadcast and the job `send_broadcast`. `id` is what a repeated request comes back to; a fresh one otherwise.
/// Returns the broadcast's id.
pub async fn send(app: &App, caller: &Caller, new: NewBroadcast, id: Option<BroadcastId>) -> AppResult<Done<String>> {
    let given = id.is_some();
    let id = id.unwrap_or_else(BroadcastId::fresh).0;
    let same = id.clone();
    let subject = Subject::new("broadcast", id.clone());
    app.require(caller, Permission::BroadcastSend, Action::BroadcastSubmitted, subject.clone()).await?;
    let typed_sender = if caller.user_id.is_some() { String::new() } else { new.sender.clone() };
    let (checked, sender) = match (check(app, &new).await, sender_of(app, caller, &typed_sender).await) {
        (Ok(checked), Ok(sender)) => (checked, sender),
        (Err(error), _) | (_, Err(error)) => return Err(refuse(app, caller, Action::BroadcastSubmitted, &id, error).await),
    };
    let connector = match connections::open(app, &checked.connection) {
        Ok(connector) => connector,
        Err(error) => return Err(refuse(app, caller, Action::BroadcastSubmitted, &id, error).await),
    };
    let asked = match checked.audience.all {
        true => Some(connector.members().await),
        false => None,
    };
    let envelope = &app.store.keys().envelope;
    let listing = match &asked {
        Some(exchange) => {
            let call = CallId::fresh().0;
            let answer = calls::answer(envelope, &call, exchange, calls::Contents::None)?;
            Some((call, answer))
        }
        None => None,
    };
    let members = asked.and_then(|exchange| exchange.result.ok());
    let key = Key::fresh();
    let ids = audience::recipients(&checked.audience, members);
    let pieces = connector.split(&checked.audience);
    let (people, set, pieces) = audience::rows(&key, &id, checked.platform, &ids, &pieces)?;
    let said = Content { title: checked.title, text: checked.text, attachments: Vec::new() };
    let sealed = content::seal(envelope, &key, &id, &said, &Addressees { audience: checked.audience, words: String::new() })?;
    let row = BroadcastRow {
        id: id.clone(),
        origin: "sent".to_owned(),
        connection_id: Some(checked.connection.id.clone()),
        platform: checked.platform.as_str().to_owned(),
        channel: checked.connection.name,
        sender_id: sender.id,
        department_id: sender.department,
        state: "sending".to_owned(),
        ..new_row(&id, &sealed, &set)
    };
    let purpose = calls::Purpose {
        kind: "members",
        connection: Some(checked.connection.id),
        broadcast: Some(id.clone()),
        attempt: 1,
        ..calls::Purpose::default()
    };
    let event = caller.event(Action::BroadcastSubmitted, subject).detail(json!({ "after": shown(&row, &set), "pieces": pieces.len() }));
    let written = app
        .store
        .write(move |tx| {
            let event = tx.append(event.clone())?;
            insert(tx, &row, &people, &pieces)?;
            if let Some((call, answer)) = &listing {
                calls::observe(tx, event.as_str(), call, &purpose, answer)?;
            }
            tx.enqueue("send_broadcast", &id, &json!({ "broadcast": id }), tx.now())?;
            Ok(Ok(id.clone()))
        })
        .await;
    app.wake.notify_one();
    match written {
        Ok(written) => Done::from_write(written),
        Err(error) => super::made_before(app, Action::BroadcastSubmitted, &same, given, error).await,
    }
}

/// Checks what was typed and says what would happen. Changes nothing; that it was looked at is recorded.
///
/// # Errors
/// As [`send`]; each is recorded as a refused `broadcast.submitted`.
pub async fn preview(app: &App, caller: &Caller, new: &NewBroadcast) -> AppResult<Preview> {
    let subject = Subject::new("broadcast", "unsent");
    app.require(caller, Permission::BroadcastSend, Action::BroadcastSubmitted, subject.clone()).await?;
    let checked = match check(app, new).await {
        Ok(checked) => checked,
        Err(error) => return Err(refuse(app, caller, Action::BroadcastSubmitted, "unsent", error).await),
    };
    app.record(caller.event(Action::PermissionChecked, subject).detail(json!({ "for": Action::BroadcastSubmitted }))).await?;
    let count = match checked.audience.all {
        true => connections::open(app, &checked.connection)?.members().await.result.ok().map(|m| m.len() as u64),
        false => Some((checked.audience.users.len() + checked.audience.parties.len() + checked.audience.tags.len()) as u64),
    };
    Ok(Preview {
        connection: checked.connection.name,
        platform: checked.platform,
        title: checked.title,
        text: checked.text,
        audience: checked.audience,
        recipients: count,
    })
}

/// All faulty fields at once.
async fn check(app: &App, new: &NewBroadcast) -> AppResult<Checked> {
    let mut errors = Vec::new();
    let connection = collect(&mut errors, connections::usable(app, &new.connection).await)?;
    let title = text::line(&new.title, 120).map_err(|e| errors.push(FieldError::text("title", e))).unwrap_or_default();
    let body = text::paragraph(&new.text, 1, 20_000).map_err(|e| errors.push(FieldError::text("text", e))).unwrap_or_default();
    let platform = connection.as_ref().and_then(|c| Platform::parse(&c.platform)).unwrap_or(Platform::Manual);
    let audience = collect(&mut errors, new.audience.clone().check(platform))?;
    if let Some(most) = platform.text_bytes() {
        // Title, an empty line, text: what the connector sends.
        let bytes = title.len() + 2 + body.len();
        if bytes > most {
            errors.push(FieldError::new("text", "too-many-bytes").arg("max", most).arg("bytes", bytes));
        }
    }
    if let Some(connection) = &connection
        && !connections::capabilities(app, connection)?.send
    {
        errors.push(FieldError::new("connection", "cannot-send"));
    }
    match (connection, audience) {
        (Some(connection), Some(audience)) if errors.is_empty() => Ok(Checked { connection, platform, audience, title, text: body }),
        _ => Err(AppError::Invalid(errors)),
    }
}

/// Keeps field errors for later; lets everything else through.
pub(super) fn collect<T>(errors: &mut Vec<FieldError>, result: AppResult<T>) -> AppResult<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(AppError::Invalid(more)) => {
            errors.extend(more);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The columns that every new broadcast fills alike.
pub(super) fn new_row(id: &str, sealed: &content::Sealed, set: &Set) -> BroadcastRow {
    BroadcastRow {
        id: id.to_owned(),
        origin: String::new(),
        connection_id: None,
        platform: String::new(),
        channel: String::new(),
        sender_id: None,
        department_id: None,
        state: "sent".to_owned(),
        title_sealed: sealed.title.clone(),
        content_sealed: sealed.content.clone(),
        key_sealed: sealed.key.clone(),
        content_salt: sealed.salt.to_vec(),
        commitment: sealed.commitment.to_vec(),
        audience_sealed: sealed.audience.clone(),
        recipients_count: i64::try_from(set.count).unwrap_or(i64::MAX),
        recipients_root: set.root.to_vec(),
        sent_at: None,
        sent_at_source: None,
        created_at: 0,
        version: 1,
        erased_at: None,
        erased_counts: None,
    }
}

/// What an event says of a new broadcast: no contents, only what binds them.
pub(super) fn shown(row: &BroadcastRow, set: &Set) -> serde_json::Value {
    let mut shown = json!({
        "origin": row.origin, "state": row.state, "platform": row.platform, "channel": row.channel,
        "message": hex::encode(&row.commitment), "recipients": set,
    });
    for (key, value) in
        [("connection", &row.connection_id), ("sender", &row.sender_id), ("department", &row.department_id), ("sent_at_source", &row.sent_at_source)]
    {
        if let Some(value) = value {
            shown[key] = json!(value);
        }
    }
    if let Some(at) = row.sent_at {
        shown["sent_at"] = json!(crate::clock::Instant(at).to_rfc3339());
    }
    shown
}

/// Writes a broadcast with its recipients and pieces.
pub(super) fn insert(
    tx: &mut Tx<'_>,
    row: &BroadcastRow,
    people: &[recipients::RecipientRow],
    pieces: &[messages::MessageRow],
) -> Result<(), StoreError> {
    broadcasts::insert(tx.conn, BroadcastRow { created_at: tx.now().0, ..row.clone() })?;
    messages::insert_all(tx.conn, pieces)?;
    recipients::insert_all(tx.conn, people)
}
