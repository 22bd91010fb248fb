//! `/api/v1/broadcasts`, `/api/v1/broadcasts/imports`, `/api/v1/reports`: send, import, report, list, read.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    Answer, Body,
    describe::operations::LIST,
    fields::Fields,
    json_ok, once,
    parameters::{Parameters, paged},
    respond,
};
use crate::{
    app::{
        App, Turn,
        broadcasts::{
            self, Wanted,
            import::{self, Import, MessageRef, Recipients},
            report::{self, Report, Upload},
            send::{self, NewBroadcast},
            view::{self, AttachmentHead, Detail, Filter, Line, RecipientRow},
        },
    },
    domain::role::Permission,
    id::BroadcastId,
    web::{
        Bearer, Fault,
        extract::visit,
        refusal::{self, Wrong},
    },
};

/// `POST /api/v1/broadcasts`: `{"connection","title","text","audience":"all"|{"users":[…],"parties":[…],"tags":[…]},"sender"}`.
pub async fn create(app: Data<App>, who: Bearer, req: HttpRequest, body: Body) -> Result<HttpResponse, Fault> {
    once(&app, &who.caller, &req, &body.0, async |id| {
        let new = read_new(&body.0)?;
        let done = send::send(&app, &who.caller, new, id.map(BroadcastId)).await?;
        let at = address(&done.value);
        Ok(Answer::created(&done, at.clone(), json!({ "id": done.value, "state": "sending", "href": at })))
    })
    .await
}

/// `POST /api/v1/broadcasts/imports` (formats.md, "Set-up from the shell and the API").
pub async fn import(app: Data<App>, who: Bearer, req: HttpRequest, body: Body) -> Result<HttpResponse, Fault> {
    once(&app, &who.caller, &req, &body.0, async |id| {
        let new = read_import(&body.0)?;
        let done = import::import(&app, &who.caller, new, id.map(BroadcastId)).await?;
        let at = address(&done.value);
        Ok(Answer::created(&done, at.clone(), json!({ "id": done.value, "state": "sent", "href": at })))
    })
    .await
}

/// `POST /api/v1/reports`: `{"channel","connection","sent_at","audience":"…"|[…],"title","text","screenshots":[{"name","data":base64}],"sender"}`.
pub async fn report(app: Data<App>, who: Bearer, req: HttpRequest, body: Body) -> Result<HttpResponse, Fault> {
    once(&app, &who.caller, &req, &body.0, async |id| {
        let new = read_report(&body.0)?;
        let done = report::report(&app, &who.caller, new, id.map(BroadcastId)).await?;
        let at = address(&done.value);
        Ok(Answer::created(&done, at.clone(), json!({ "id": done.value, "state": "sent", "href": at })))
    })
    .await
}

fn address(id: &str) -> String {
    format!("/api/v1/broadcasts/{id}")
}

fn read_new(body: &[u8]) -> Result<NewBroadcast, Vec<Wrong>> {
    let mut fields = Fields::of(body)?;
    let mut new = NewBroadcast {
        connection: fields.text("connection"),
        title: fields.text("title"),
        text: fields.text("text"),
        sender: fields.text("sender"),
        audience: Wanted::default(),
    };
    match fields.value("audience") {
        None => {}
        Some(Value::String(all)) if all == "all" => new.audience.all = true,
        Some(value) => {
            let read = fields.inside("audience", value, |a| Wanted {
                all: a.flag("all"),
                users: a.texts("users"),
                parties: a.texts("parties"),
                tags: a.texts("tags"),
            });
            new.audience = read.unwrap_or_default();
        }
    }
    fields.end()?;
    Ok(new)
}

fn read_import(body: &[u8]) -> Result<Import, Vec<Wrong>> {
    let mut fields = Fields::of(body)?;
    let mut import = Import {
        connection: fields.text("connection"),
        sent_at: fields.maybe_text("sent_at"),
        sender: fields.text("sender"),
        content: fields.object("content", |c| (c.text("title"), c.text("text"))),
        ..Import::default()
    };
    for (n, value) in fields.list("message_ids").into_iter().enumerate() {
        let name = format!("message_ids.{n}");
        let message = match value {
            // A room's id begins with `!` and holds no bar; an event's begins with `$`.
            Value::String(id) => Some(match id.split_once('|') {
                Some((room, event)) if room.starts_with('!') => MessageRef { id: event.to_owned(), room: Some(room.to_owned()) },
                _ => MessageRef { id, room: None },
            }),
            value => fields.inside(&name, value, |m| MessageRef { id: m.text("id"), room: m.maybe_text("room") }),
        };
        import.messages.extend(message);
    }
    import.recipients = match fields.value("recipients") {
        None => Recipients::Ask,
        Some(Value::String(all)) if all == "all" => Recipients::All,
        Some(Value::Array(list)) => {
            let ids: Option<Vec<String>> = list.iter().map(|v| v.as_str().map(ToOwned::to_owned)).collect();
            Recipients::Listed(ids.unwrap_or_else(|| {
                fields.complain("recipients", "list");
                Vec::new()
            }))
        }
        Some(_) => {
            fields.complain("recipients", "list");
            Recipients::Ask
        }
    };
    fields.end()?;
    Ok(import)
}

fn read_report(body: &[u8]) -> Result<Report, Vec<Wrong>> {
    let mut fields = Fields::of(body)?;
    let mut report = Report {
        connection: fields.text("connection"),
        channel: fields.text("channel"),
        sent_at: fields.text("sent_at"),
        title: fields.text("title"),
        text: fields.text("text"),
        sender: fields.text("sender"),
        ..Report::default()
    };
    report.audience = match fields.value("audience") {
        Some(Value::Array(list)) if list.iter().all(Value::is_string) => list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n"),
        Some(Value::String(words)) => words,
        None => String::new(),
        Some(_) => {
            fields.complain("audience", "text");
            String::new()
        }
    };
    for (n, value) in fields.list("screenshots").into_iter().enumerate() {
        let name = format!("screenshots.{n}");
        let read = fields.inside(&name, value, |file| (file.text("name"), file.text("data")));
        let Some((file, data)) = read else { continue };
        match STANDARD.decode(data) {
            Ok(bytes) => report.files.push(Upload { name: file, bytes }),
            Err(_) => fields.refuse(&format!("{name}.data"), "base64"),
        }
    }
    fields.end()?;
    Ok(report)
}

/// `GET /api/v1/broadcasts`: newest first.
pub async fn index(app: Data<App>, who: Bearer, req: HttpRequest) -> Result<HttpResponse, Fault> {
    let visit = visit(&req)?;
    let asked = match Parameters::of(&req) {
        Ok(asked) => asked,
        Err(wrong) => return Ok(refusal::invalid(&visit, &wrong)),
    };
    let word = |name: &str| asked.get(name).map(ToOwned::to_owned);
    let filter = Filter {
        from: asked.time("from").map(|at| at.0),
        until: asked.time("until").map(|at| at.0),
        platform: word("platform"),
        state: word("state"),
        departments: None,
        sender: None,
    };
    match view::list_of(
        &app,
        &who.caller,
        view::Wanted { filter, keyword: word("words"), ..view::Wanted::default() },
        asked.turn(),
        asked.limit(LIST),
    )
    .await
    {
        Ok(page) => {
            let lines: Vec<Value> = page.lines.iter().map(line).collect();
            let looked_to = page.looked_to.map(crate::clock::Instant::to_rfc3339);
            Ok(paged(&req, &json!({ "broadcasts": lines, "next": page.below, "looked_to": looked_to })))
        }
        Err(error) => Ok(respond(&visit, Err(error.into()))),
    }
}

fn line(line: &Line) -> Value {
    let b = &line.broadcast;
    json!({
        "id": b.id, "origin": b.origin, "state": b.state, "platform": b.platform, "connection": b.connection, "channel": b.channel,
        "title": line.title, "sender": b.sender, "sent_at": b.sent_at.map(crate::clock::Instant::to_rfc3339),
        "created_at": b.created_at.to_rfc3339(), "recipients": b.recipients.count,
        "recall": line.case.as_ref().map(|(id, number, state)| json!({ "id": id, "number": number, "state": state })),
    })
}

/// `GET /api/v1/broadcasts/{id}`; `?include=content` opens the text, which leaves an event.
pub async fn show(app: Data<App>, who: Bearer, req: HttpRequest, id: Path<String>) -> Result<HttpResponse, Fault> {
    let visit = visit(&req)?;
    let asked = match Parameters::of(&req) {
        Ok(asked) => asked,
        Err(wrong) => return Ok(refusal::invalid(&visit, &wrong)),
    };
    let detail = match view::detail(&app, &who.caller, &id, Turn::First).await {
        Ok(detail) => detail,
        Err(error) => return Ok(respond(&visit, Err(error.into()))),
    };
    let mut body = shown(&detail, app.now());
    if let Some(at) = detail.broadcast.row.erased_at {
        body["erased_at"] = json!(crate::clock::Instant(at).to_rfc3339());
    }
    if asked.get("include").is_some() {
        match broadcasts::content(&app, &who.caller, &id, None).await {
            Ok(said) => body["content"] = json!({ "title": said.title, "text": said.text, "attachments": said.attachments }),
            Err(error) => return Ok(respond(&visit, Err(error.into()))),
        }
    } else if who.caller.may(Permission::ContentRead) {
        body["title"] = json!(detail.title);
    }
    Ok(json_ok(&body))
}

fn shown(detail: &Detail, now: crate::clock::Instant) -> Value {
    let b = &detail.broadcast;
    let at = |at: Option<crate::clock::Instant>| at.map(crate::clock::Instant::to_rfc3339);
    let messages: Vec<Value> = b
        .messages
        .iter()
        .map(|m| {
            json!({
                "id": m.id, "piece": m.piece, "platform_id": m.platform_id, "room": m.room, "state": m.state,
                "sent_at": at(m.sent_at.map(crate::clock::Instant)), "recall_state": m.recall_state,
            })
        })
        .collect();
    let recalls: Vec<Value> = detail.cases.iter().map(|(id, number, state)| json!({ "id": id, "number": number, "state": state })).collect();
    let (path, why_not) = match detail.may_recall(now) {
        Ok(path) => (path.as_str(), None),
        Err(why) => ("none", Some(why.as_str())),
    };
    let c = detail.counts;
    json!({
        "id": b.id, "origin": b.origin, "state": b.state, "platform": b.platform, "connection": b.connection, "channel": b.channel,
        "sender": b.sender, "department": b.department, "sent_at": at(b.sent_at), "sent_at_source": b.sent_at_source,
        "created_at": b.created_at.to_rfc3339(), "message": hex::encode(b.commitment), "recipients": b.recipients,
        "delivery": { "accepted": c.accepted, "refused": c.refused, "unknown": c.unknown, "reported": c.reported },
        "reading": if b.capabilities.reading_state { json!({ "read": c.read, "unread": c.unread }) } else { Value::Null },
        "recall": { "path": path, "why_not": why_not, "window_ends_at": at(b.window_end()), "cut_off": at(b.cut_off()) },
        "capabilities": b.capabilities, "messages": messages, "recalls": recalls,
        "attachments": detail.files.iter().filter(|_| b.row.erased_at.is_none()).map(file).collect::<Vec<_>>(),
    })
}

/// A file of a broadcast without its bytes.
fn file(file: &AttachmentHead) -> Value {
    json!({
        "id": file.id, "kind": file.kind, "name": file.name, "media_type": file.media_type, "bytes": file.size,
        "sha256": hex::encode(&file.sha256), "uploaded_at": crate::clock::Instant(file.uploaded_at).to_rfc3339(),
    })
}

/// `GET /api/v1/broadcasts/{id}/recipients`: what became of each, in the order of their ids.
pub async fn recipients(app: Data<App>, who: Bearer, req: HttpRequest, id: Path<String>) -> Result<HttpResponse, Fault> {
    let visit = visit(&req)?;
    let asked = match Parameters::of(&req) {
        Ok(asked) => asked,
        Err(wrong) => return Ok(refusal::invalid(&visit, &wrong)),
    };
    match view::people(&app, &who.caller, &id, asked.turn(), asked.limit(LIST)).await {
        Ok((people, next)) => Ok(paged(&req, &json!({ "recipients": people.iter().map(recipient).collect::<Vec<_>>(), "next": next }))),
        Err(error) => Ok(respond(&visit, Err(error.into()))),
    }
}

fn recipient(row: &RecipientRow) -> Value {
    let at = |at: Option<i64>| at.map(|at| crate::clock::Instant(at).to_rfc3339());
    let tells = row.read_source != "none";
    json!({
        "id": row.platform_id, "message": row.message_id, "delivery": row.delivery, "reading": tells.then_some(&row.read_state),
        "read_at": at(row.read_at), "outcome": row.outcome, "outcome_at": at(row.outcome_at),
    })
}
