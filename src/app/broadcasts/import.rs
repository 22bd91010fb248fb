//! Import: messages that were sent without us, known to the platform by ids. What the platform lets us read is fetched from it; the rest is
//! what the importer says.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Sender, audience, refuse, send, sender_of};
use crate::{
    app::{
        App, AppError, AppResult, Caller, Done, FieldError, calls,
        calls::Contents,
        connections, content,
        content::{Addressees, Content},
    },
    clock::Instant,
    connect::{Audience, ConnectError, Connector, Exchange, Fetched},
    crypto::seal::Key,
    domain::{
        event::{Action, Event, Outcome, Subject},
        platform::Platform,
        role::Permission,
        text,
    },
    id::{BroadcastId, CallId, MessageId},
    store::{
        Conn, StoreError, Tx,
        broadcasts::BroadcastRow,
        connections::ConnectionRow,
        messages::{self, MessageRow},
        recipients::{RecipientRow, set_of},
    },
};

pub use crate::connect::MessageRef;

/// Most messages of one import.
pub const MOST_MESSAGES: usize = 200;

/// What is imported, as posted.
#[derive(Clone, Debug, Default)]
pub struct Import {
    pub connection: String,
    /// RFC 3339; may be left out where the platform tells.
    pub sent_at: Option<String>,
    /// The platform's ids; on Matrix with their room.
    pub messages: Vec<MessageRef>,
    /// Title and text; may be left out where the platform can be read.
    pub content: Option<(String, String)>,
    pub recipients: Recipients,
    /// Id or account name of who sent it.
    pub sender: String,
}

/// Who got it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Recipients {
    /// The platform is asked.
    #[default]
    Ask,
    /// Everybody whom the connection can see.
    All,
    Listed(Vec<String>),
}

/// One read message: its call and what it gave.
struct Observed<T> {
    call: String,
    kind: &'static str,
    answer: calls::Answer,
    message: Option<usize>,
    value: Option<T>,
}

/// What an import will write.
pub(super) struct Prepared {
    pub row: BroadcastRow,
    people: Vec<RecipientRow>,
    pieces: Vec<MessageRow>,
    records: Vec<(String, calls::Purpose, calls::Answer)>,
    pub detail: Value,
}

/// Imports a broadcast and returns its id; `id` as for [`send::send`].
pub async fn import(app: &App, caller: &Caller, import: Import, id: Option<BroadcastId>) -> AppResult<Done<String>> {
    let given = id.is_some();
    let id = id.unwrap_or_else(BroadcastId::fresh).0;
    let same = id.clone();
    let subject = Subject::new("broadcast", id.clone());
    app.require(caller, Permission::BroadcastSend, Action::BroadcastImported, subject.clone()).await?;
    let new = match prepare(app, caller, import, &id).await {
        Ok(new) => new,
        Err(error) => return Err(refuse(app, caller, Action::BroadcastImported, &id, error).await),
    };
    let event = caller.event(Action::BroadcastImported, subject);
    let written = app
        .store
        .write(move |tx| {
            if let Some(error) = known(tx.conn, &new)? {
                tx.append(event.clone().outcome(Outcome::Refused).detail(error.as_detail()))?;
                return Ok(Err(error));
            }
            put(tx, event.clone(), &new)?;
            Ok(Ok(id.clone()))
        })
        .await;
    match written {
        Ok(written) => Done::from_write(written),
        Err(error) => super::made_before(app, Action::BroadcastImported, &same, given, error).await,
    }
}

/// That the platform's message is known already, if it is.
pub(super) fn known(conn: &mut Conn, new: &Prepared) -> Result<Option<AppError>, StoreError> {
    let connection = new.row.connection_id.as_deref().unwrap_or_default();
    for piece in &new.pieces {
        let platform_id = piece.platform_id.as_deref().unwrap_or_default();
        if let Some(other) = messages::known(conn, connection, platform_id, piece.room.as_deref())? {
            // A request repeated after a crash finds what its first run made.
            if other == new.row.id {
                return Err(StoreError::Unique("broadcasts.id".to_owned()));
            }
            return Ok(Some(AppError::Refused { kind: "already-imported", detail: json!({ "broadcast": other }) }));
        }
    }
    Ok(None)
}

/// Writes it, with its event.
pub(super) fn put(tx: &mut Tx<'_>, event: Event, new: &Prepared) -> Result<(), StoreError> {
    let event = tx.append(event.detail(new.detail.clone()))?;
    send::insert(tx, &new.row, &new.people, &new.pieces)?;
    for (call, purpose, answer) in &new.records {
        calls::observe(tx, event.as_str(), call, purpose, answer)?;
    }
    Ok(())
}

/// What was judged without asking the platform.
pub(super) struct Judged {
    pub connection: ConnectionRow,
    sender: Sender,
    platform: Platform,
    told_at: Option<Option<Instant>>,
    said: Option<Content>,
    pub listed: Option<Vec<String>>,
}

/// Judges what was posted, field by field; asks no platform and writes nothing.
///
/// # Errors
/// `Invalid`, with everything that is wrong.
pub(super) async fn judge(app: &App, caller: &Caller, import: &Import) -> AppResult<Judged> {
    let mut errors = Vec::new();
    let connection = send::collect(&mut errors, connections::usable(app, &import.connection).await)?;
    let sender = send::collect(&mut errors, sender_of(app, caller, &import.sender).await)?;
    let platform = connection.as_ref().and_then(|c| Platform::parse(&c.platform)).unwrap_or(Platform::Manual);
    check_messages(&import.messages, platform, &mut errors);
    let told_at = import.sent_at.as_deref().map(|typed| instant(typed, app.now(), "sent_at", &mut errors));
    let said = import.content.as_ref().map(|(title, text)| said(title, text, &mut errors));
    let listed = match &import.recipients {
        Recipients::Listed(ids) => match audience::ids_of(ids.clone(), platform) {
            Ok(ids) if ids.is_empty() => {
                errors.push(FieldError::new("recipients", "nobody"));
                None
            }
            Ok(ids) => Some(ids),
            Err(kind) => {
                errors.push(FieldError::new("recipients", kind).arg("max", audience::MOST));
                None
            }
        },
        Recipients::Ask | Recipients::All => None,
    };
    match (connection, sender, errors.is_empty()) {
        (Some(connection), Some(sender), true) => Ok(Judged { connection, sender, platform, told_at, said, listed }),
        _ => Err(AppError::Invalid(errors)),
    }
}

/// Judges an import and asks the platform for what can be read there.
pub(super) async fn prepare(app: &App, caller: &Caller, import: Import, id: &str) -> AppResult<Prepared> {
    let Judged { connection, sender, platform, told_at, said, listed } = judge(app, caller, &import).await?;
    let connector = connections::open(app, &connection)?;

    // Reads only: they may happen before anything is written.
    let complete = told_at.is_some() && said.is_some() && (listed.is_some() || import.recipients == Recipients::All);
    let fetched = fetch_all(app, &*connector, &import.messages, complete).await?;
    let facts: Vec<&Fetched> = fetched.iter().filter_map(|o| o.value.as_ref()).collect();
    let members = match import.recipients {
        Recipients::All => Some(observe(app, "members", None, connector.members().await, false)?),
        Recipients::Ask | Recipients::Listed(_) => None,
    };
    let missing = |field: &'static str| AppError::invalid(field, "required");
    let said = match (said, facts.is_empty()) {
        (Some(said), _) => said,
        (None, false) => from_platform(&facts),
        (None, true) => return Err(missing("content")),
    };
    let platform_at = facts.iter().map(|f| f.sent_at).min();
    let (sent_at, source) = match (told_at.flatten(), platform_at) {
        (Some(told), Some(platform)) if told < platform => (told, "imported"),
        (_, Some(platform)) => (platform, "platform"),
        (Some(told), None) => (told, "imported"),
        (None, None) => return Err(missing("sent_at")),
    };
    let (ids, delivery): (BTreeSet<String>, &str) = match (&import.recipients, listed) {
        (Recipients::Listed(_), listed) => (listed.unwrap_or_default().into_iter().collect(), "reported"),
        (Recipients::Ask, _) if facts.is_empty() => return Err(missing("recipients")),
        (Recipients::Ask, _) => (facts.iter().flat_map(|f| f.recipients.iter().cloned()).collect(), "accepted"),
        (Recipients::All, _) => {
            let told = members.as_ref().and_then(|m| m.value.clone());
            let everybody = Audience { all: true, ..Audience::default() };
            // Members are those of now; that each of them got it is the importer's word.
            (audience::recipients(&everybody, told), "reported")
        }
    };
    if ids.is_empty() {
        return Err(AppError::invalid("recipients", "nobody"));
    }
    let mut readings = Vec::new();
    if connector.capabilities().reading_state {
        for (n, message) in import.messages.iter().enumerate() {
            readings.push(observe(app, "reading", Some(n), connector.reading(message).await, false)?);
        }
    }

    let envelope = &app.store.keys().envelope;
    let key = Key::fresh();
    let mut people = content::recipient_rows(id, &ids, delivery);
    let set = set_of(platform.as_str(), &people)?;
    let mut pieces = Vec::new();
    for (n, message) in (0_i64..).zip(&import.messages) {
        let piece = MessageId::fresh().0;
        let sealed = content::seal_piece(&key, &piece, &Audience::default())?;
        let at = usize::try_from(n).ok().and_then(|n| fetched.get(n)).and_then(|o| o.value.as_ref()).map_or(sent_at, |f| f.sent_at);
        pieces.push(MessageRow {
            platform_id: Some(message.id.clone()),
            room: message.room.clone(),
            state: "sent".to_owned(),
            sent_at: Some(at.0),
            ..MessageRow::pending(piece, id.to_owned(), n, sealed)
        });
    }
    for person in &mut people {
        // The piece that carries it to them: where the platform says who could see what, the first such; else the first of all.
        let seen = fetched.iter().position(|o| o.value.as_ref().is_some_and(|f| f.recipients.contains(&person.platform_id))).unwrap_or(0);
        person.message_id = pieces.get(seen).map(|p| p.id.clone());
        super::reading::apply(person, readings.iter().filter_map(|r| r.value.as_deref()));
    }
    let addressees = Addressees { audience: Audience { users: ids.into_iter().collect(), ..Audience::default() }, words: String::new() };
    let sealed = content::seal(envelope, &key, id, &said, &addressees)?;
    let row = BroadcastRow {
        origin: "imported".to_owned(),
        connection_id: Some(connection.id.clone()),
        platform: platform.as_str().to_owned(),
        channel: connection.name,
        sender_id: sender.id,
        department_id: sender.department,
        sent_at: Some(sent_at.0),
        sent_at_source: Some(source.to_owned()),
        ..send::new_row(id, &sealed, &set)
    };
    let mut records: Vec<(String, calls::Purpose, calls::Answer)> = Vec::new();
    let mut keep = |call: String, kind, answer, message: Option<usize>| {
        let message = message.and_then(|n| pieces.get(n)).map(|p| p.id.clone());
        let purpose =
            calls::Purpose { kind, connection: Some(connection.id.clone()), broadcast: Some(id.to_owned()), message, attempt: 1, recall: None };
        records.push((call, purpose, answer));
    };
    let read_from_platform = !facts.is_empty();
    fetched.into_iter().for_each(|o| keep(o.call, o.kind, o.answer, o.message));
    members.into_iter().for_each(|o| keep(o.call, o.kind, o.answer, o.message));
    readings.into_iter().for_each(|o| keep(o.call, o.kind, o.answer, o.message));
    let detail = json!({ "after": send::shown(&row, &set), "pieces": pieces.len(), "read_from_platform": read_from_platform });
    Ok(Prepared { row, people, pieces, records, detail })
}

/// Reads every message from the platform, where it can be read. A failure is forgiven if the importer has told everything.
async fn fetch_all(app: &App, connector: &dyn Connector, messages: &[MessageRef], told: bool) -> AppResult<Vec<Observed<Fetched>>> {
    let mut out = Vec::new();
    for (n, message) in messages.iter().enumerate() {
        let exchange = connector.fetch(message).await;
        match &exchange.result {
            Err(ConnectError::Unsupported) => return Ok(Vec::new()),
            Err(_) if !told => {
                let (result, code) = calls::word(&exchange.result);
                return Err(AppError::Refused { kind: "platform-read", detail: json!({ "message": message.id, "result": result, "code": code }) });
            }
            _ => out.push(observe(app, "fetch", Some(n), exchange, true)?),
        }
    }
    Ok(out)
}

fn observe<T>(app: &App, kind: &'static str, message: Option<usize>, exchange: Exchange<T>, contents: bool) -> AppResult<Observed<T>> {
    let call = CallId::fresh().0;
    let answer = calls::answer(&app.store.keys().envelope, &call, &exchange, if contents { Contents::Answer } else { Contents::None })?;
    Ok(Observed { call, kind, answer, message, value: exchange.result.ok() })
}

fn check_messages(messages: &[MessageRef], platform: Platform, errors: &mut Vec<FieldError>) {
    let bad = |id: &str| id.is_empty() || id.chars().count() > 512 || id.chars().any(|c| c.is_control() || c.is_whitespace());
    let distinct: BTreeSet<(&str, Option<&str>)> = messages.iter().map(|m| (m.id.as_str(), m.room.as_deref())).collect();
    let kind = if messages.is_empty() {
        "required"
    } else if messages.len() > MOST_MESSAGES {
        "too-many"
    } else if messages.iter().any(|m| bad(&m.id) || m.room.as_deref().is_some_and(bad)) {
        "bad-id"
    } else if distinct.len() != messages.len() {
        "twice"
    } else if platform == Platform::Matrix && messages.iter().any(|m| m.room.is_none()) {
        "no-room"
    } else {
        return;
    };
    errors.push(FieldError::new("message_ids", kind).arg("max", MOST_MESSAGES));
}

/// A time as typed: RFC 3339, not before 2000, not more than five minutes ahead of our clock.
pub(super) fn instant(typed: &str, now: Instant, field: &'static str, errors: &mut Vec<FieldError>) -> Option<Instant> {
    let at = Instant::parse(typed.trim());
    let kind = match at {
        None => "not-a-time",
        Some(at) if at > now.plus(std::time::Duration::from_secs(300)) => "in-future",
        Some(at) if at < Instant::from_unix_seconds(946_684_800) => "too-early",
        Some(_) => return at,
    };
    errors.push(FieldError::new(field, kind));
    None
}

/// Title and text as told; the title may be left out.
fn said(title: &str, said: &str, errors: &mut Vec<FieldError>) -> Content {
    let body = super::report::quoted(said, 1, 50_000).map_err(|e| errors.push(FieldError::text("content", e))).unwrap_or_default();
    let title = match title.trim() {
        "" => super::report::first_line(&body),
        typed => text::line(typed, 120).map_err(|e| errors.push(FieldError::text("content", e))).unwrap_or_default(),
    };
    Content { title, text: body, attachments: Vec::new() }
}

/// Contents as the platform has them: several messages one after the other.
fn from_platform(facts: &[&Fetched]) -> Content {
    let text = facts.iter().map(|f| f.text.as_str()).collect::<Vec<_>>().join("\n\n");
    Content { title: super::report::first_line(&text), text, attachments: Vec::new() }
}
