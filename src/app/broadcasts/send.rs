//! Sending through a connection: checked, sealed and written together with the job that delivers it. Nothing leaves before that is durable.

use std::collections::BTreeSet;

use serde_json::json;

use super::{Broadcast, Sender, Wanted, audience, refuse, sender_of};
use crate::{
    app::{
        App, AppError, AppResult, Caller, Done, FieldError, calls, connections, content,
        content::{Addressees, Content},
    },
    connect::{self, Audience},
    crypto::{self, seal::Key},
    domain::{
        event::{Action, Event, Subject},
        platform::Platform,
        role::Permission,
        text,
    },
    id::{BroadcastId, CallId},
    ledger::set::Set,
    store::{
        StoreError, Tx,
        broadcasts::{self, BroadcastRow},
        messages::{self, MessageRow},
        recipients::{self, RecipientRow},
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
    let prepared = match prepare(app, &id, checked, sender, crypto::random()).await {
        Ok(prepared) => prepared,
        Err(error) => return Err(refuse(app, caller, Action::BroadcastSubmitted, &id, error).await),
    };
    let event = caller.event(Action::BroadcastSubmitted, subject).detail(prepared.told());
    let written = app
        .store
        .write(move |tx| {
            prepared.write(tx, event.clone())?;
            Ok(Ok(prepared.row.id.clone()))
        })
        .await;
    app.wake.notify_one();
    match written {
        Ok(written) => Done::from_write(written),
        Err(error) => super::made_before(app, Action::BroadcastSubmitted, &same, given, error).await,
    }
}

/// A broadcast with all that belongs to it, ready to be written.
struct Prepared {
    row: BroadcastRow,
    set: Set,
    people: Vec<RecipientRow>,
    pieces: Vec<MessageRow>,
    /// The call by which the platform named its members, where they were asked for.
    listing: Option<(String, calls::Answer)>,
    purpose: calls::Purpose,
}

/// Asks whom it goes to, seals it and cuts it into pieces. `salt` is that of its commitment.
///
/// # Errors
/// Those of [`connections::open`].
async fn prepare(app: &App, id: &str, checked: Checked, sender: Sender, salt: [u8; 32]) -> AppResult<Prepared> {
    let connector = connections::open(app, &checked.connection)?;
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
    let (people, set, pieces) = audience::rows(&key, id, checked.platform, &ids, &pieces)?;
    let said = Content { title: checked.title, text: checked.text, attachments: Vec::new() };
    let sealed = content::seal_as(envelope, &key, id, &said, &Addressees { audience: checked.audience, words: String::new() }, salt)?;
    let row = BroadcastRow {
        id: id.to_owned(),
        origin: "sent".to_owned(),
        connection_id: Some(checked.connection.id.clone()),
        platform: checked.platform.as_str().to_owned(),
        channel: checked.connection.name,
        sender_id: sender.id,
        department_id: sender.department,
        state: "sending".to_owned(),
        ..new_row(id, &sealed, &set)
    };
    let purpose = calls::Purpose {
        kind: "members",
        connection: Some(checked.connection.id),
        broadcast: Some(id.to_owned()),
        attempt: 1,
        ..calls::Purpose::default()
    };
    Ok(Prepared { row, set, people, pieces, listing, purpose })
}

impl Prepared {
    /// What its event says of it.
    fn told(&self) -> serde_json::Value {
        json!({ "after": shown(&self.row, &self.set), "pieces": self.pieces.len() })
    }

    /// Writes it with its `event` and the job `send_broadcast`.
    fn write(&self, tx: &mut Tx<'_>, event: Event) -> Result<(), StoreError> {
        let event = tx.append(event)?;
        insert(tx, &self.row, &self.people, &self.pieces)?;
        if let Some((call, answer)) = &self.listing {
            calls::observe(tx, event.as_str(), call, &self.purpose, answer)?;
        }
        let id = &self.row.id;
        tx.enqueue("send_broadcast", id, &json!({ "broadcast": id }), tx.now())
    }
}

/// What a case has sent to whom the message went that it took back.
pub(in crate::app) struct Instead<'i> {
    /// The broadcast that it becomes, its commitment and the salt of that: what was judged is what is sent.
    pub id: &'i str,
    pub salt: [u8; 32],
    pub commitment: [u8; 32],
    pub title: &'i str,
    pub text: &'i str,
    pub sender: String,
    pub case: &'i str,
}

/// Whether `title` and `text` could be sent to whom `original` went; as they would be sent.
///
/// # Errors
/// `Invalid` on `title`, `text`, and on `connection` or `users` where nothing can be sent that way.
pub(in crate::app) async fn check_again(app: &App, original: &Broadcast, title: &str, text: &str) -> AppResult<Content> {
    let checked = again(app, original, title, text, false).await?;
    Ok(Content { title: checked.title, text: checked.text, attachments: Vec::new() })
}

/// What goes to whom `original` went: `named` where each is to be named who was meant when it went to everybody. Who has come since got nothing
/// that is to be corrected.
async fn again(app: &App, original: &Broadcast, title: &str, text: &str, named: bool) -> AppResult<Checked> {
    let connect::Audience { mut all, mut users, parties, tags } = content::open_audience(&app.store.keys().envelope, &original.row)?.audience;
    // Where a message lies in rooms, they are to whom it went; who was in them is known by name only.
    let rooms: BTreeSet<&String> = original.messages.iter().filter_map(|m| m.room.as_ref()).collect();
    let parties = if rooms.is_empty() { parties } else { rooms.into_iter().cloned().collect() };
    if original.messages.iter().any(|m| m.room.is_some()) {
        (all, users) = (false, Vec::new());
    }
    if all && named {
        let id = original.id.clone();
        let rows = app.store.read(move |conn| recipients::all(conn, &id)).await?;
        let known: Vec<String> = rows.into_iter().filter(|row| row.delivery != "refused").map(|row| row.platform_id).collect();
        // Where the platform named nobody, everybody is all that is known.
        if !known.is_empty() && !known.iter().any(|id| id == audience::EVERYBODY) {
            (all, users) = (false, known);
        }
    }
    let new = NewBroadcast {
        connection: original.connection.clone().unwrap_or_default(),
        audience: Wanted { all, users, parties, tags },
        title: title.to_owned(),
        text: text.to_owned(),
        sender: String::new(),
    };
    let checked = check(app, &new).await?;
    if connections::open(app, &checked.connection)?.split(&checked.audience).is_empty() {
        return Err(AppError::invalid("users", "nobody"));
    }
    Ok(checked)
}

/// Sends it, once. What cannot be sent is recorded and not tried again.
///
/// # Errors
/// Those of the store: then it is to be tried again.
pub(in crate::app) async fn instead(app: &App, by: &Caller, original: &Broadcast, said: Instead<'_>) -> AppResult<()> {
    let (id, action) = (said.id.to_owned(), Action::BroadcastSubmitted);
    let wanted = id.clone();
    // An earlier run wrote it and died before it could say so.
    if app.store.read(move |conn| broadcasts::find(conn, &wanted)).await?.is_some() {
        return Ok(());
    }
    let sender = Sender { id: Some(said.sender), department: original.department.clone() };
    let prepared = match again(app, original, said.title, said.text, true).await {
        Ok(checked) => prepare(app, &id, checked, sender, said.salt).await,
        Err(AppError::Invalid(_)) => Err(AppError::refused("cannot-correct")),
        Err(error) => Err(error),
    };
    let prepared = prepared.and_then(|prepared| match prepared.row.commitment == said.commitment {
        true => Ok(prepared),
        false => Err(AppError::refused("correction-changed")),
    });
    let subject = Subject::new("broadcast", &id);
    let prepared = match prepared {
        Ok(prepared) => prepared,
        Err(AppError::Store(error)) => return Err(error.into()),
        Err(error) => {
            return match app.refuse(by, action, subject, Some(said.case), error).await {
                AppError::Store(error) => Err(error.into()),
                _ => Ok(()),
            };
        }
    };
    let event = by.event(action, subject).case(said.case).detail(prepared.told());
    app.store
        .write(move |tx| {
            // Two runners of one job.
            if broadcasts::find(tx.conn, &id)?.is_none() {
                prepared.write(tx, event.clone())?;
            }
            Ok(())
        })
        .await?;
    app.wake.notify_one();
    Ok(())
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
pub(super) fn insert(tx: &mut Tx<'_>, row: &BroadcastRow, people: &[RecipientRow], pieces: &[MessageRow]) -> Result<(), StoreError> {
    broadcasts::insert(tx.conn, BroadcastRow { created_at: tx.now().0, ..row.clone() })?;
    messages::insert_all(tx.conn, pieces)?;
    recipients::insert_all(tx.conn, people)
}
