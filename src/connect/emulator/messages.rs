//! `message/send`, `message/recall`, `message/get_statistics` (platforms.md §1.2, §1.3, §1.5).

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};

use super::{
    api::Body,
    codes::{self, Code, Reply},
    company::Company,
    state::{AGENT_ID, Message, State, random},
};

/// Longest text of a message in bytes; what is longer is cut in silence.
const TEXT_BYTES: usize = 2048;
/// How long after sending a message can be recalled.
const WINDOW: Duration = Duration::from_secs(24 * 3600);
const DUPLICATE_SECONDS: i64 = 1800;
const DUPLICATE_MOST: i64 = 4 * 3600;

const KINDS: [&str; 11] =
    ["text", "image", "voice", "video", "file", "textcard", "news", "mpnews", "markdown", "miniprogram_notice", "template_card"];

const REPEATED: &str =
    "what the real platform answers to a duplicate is not documented; here: the first msgid, nothing delivered, unless it was recalled";
const SUB_PARTIES: &str = "a party is taken with its sub-parties, from memory";

/// Whom a send names: places in the directory, and the ids that are nobody's.
#[derive(Default)]
struct Named {
    users: BTreeSet<usize>,
    bad_users: Vec<String>,
    bad_parties: Vec<String>,
    bad_tags: Vec<String>,
}

fn ids(list: &str) -> Vec<&str> {
    list.split('|').map(str::trim).filter(|id| !id.is_empty()).collect()
}

fn named(company: &Company, body: &Body) -> Result<Named, Code> {
    let (users, parties, tags) = (body.text("touser"), body.text("toparty"), body.text("totag"));
    let mut named = Named::default();
    if users.trim() == "@all" {
        named.users = (0..company.users.len()).collect();
        return Ok(named);
    }
    let (users, parties, tags) = (ids(&users), ids(&parties), ids(&tags));
    if users.len() > 1000 {
        return Err(codes::TOO_MANY_USERS);
    }
    if parties.len() > 100 {
        return Err(codes::TOO_MANY_PARTIES);
    }
    if tags.len() > 100 {
        return Err(codes::TOO_MANY_TAGS);
    }
    for id in users {
        match company.user(id) {
            Some(at) => drop(named.users.insert(at)),
            None => named.bad_users.push(id.to_lowercase()),
        }
    }
    for id in parties {
        match id.parse().ok().and_then(|n| company.party(n)) {
            Some(party) => named.users.extend(company.users.iter().enumerate().filter(|(_, u)| company.within(u.party, party.id)).map(|(at, _)| at)),
            None => named.bad_parties.push(id.to_owned()),
        }
    }
    for id in tags {
        match id.parse().ok().and_then(|n| company.tag(n)) {
            Some(tag) => named.users.extend(&tag.users),
            None => named.bad_tags.push(id.to_owned()),
        }
    }
    Ok(named)
}

/// What a client shows of the message.
fn shown(kind: &str, body: &Body) -> Result<String, Code> {
    let part = |key: &str| body.get(kind).and_then(|k| k.get(key)).and_then(Value::as_str).unwrap_or_default();
    match kind {
        "text" | "markdown" if part("content").is_empty() => Err(codes::EMPTY_TEXT),
        "text" | "markdown" => Ok(cut(part("content")).to_owned()),
        "textcard" => Ok(cut(&format!("{}\n{}", part("title"), part("description"))).to_owned()),
        kind if KINDS.contains(&kind) => Ok(format!("[{kind}]")),
        _ => Err(codes::BAD_MSGTYPE),
    }
}

/// The first 2048 bytes, without half a character at the end.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(TEXT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

pub(super) fn send(state: &mut State, body: &Body) -> Reply {
    match try_send(state, body) {
        Ok(reply) => reply,
        Err(code) => code.into(),
    }
}

fn try_send(state: &mut State, body: &Body) -> Result<Reply, Code> {
    match body.int("agentid") {
        None => return Err(codes::NO_AGENT),
        Some(id) if id != AGENT_ID => return Err(codes::BAD_AGENT),
        Some(_) => {}
    }
    // Read for the sake of the warning alone.
    let _ = (body.get("safe").map(|_| body.int("safe")), body.get("enable_id_trans").map(|_| body.int("enable_id_trans")));
    let named = named(&state.company, body)?;
    let text = shown(&body.text("msgtype"), body)?;
    if named.users.is_empty() {
        return Err(codes::NOBODY);
    }
    let now = state.now();
    let canonical = body.canonical();
    let checked = body.int("enable_duplicate_check") == Some(1);
    let repeats = |m: &&Message| m.recalled_at.is_none() && m.duplicate.as_ref().is_some_and(|(body, until)| *body == canonical && now < *until);
    let first = state.messages().iter().filter(|_| checked).find(repeats);
    if let Some(first) = first {
        return Ok(sent(&first.msgid.clone(), &named).note(REPEATED));
    }
    if !state.within_day(named.users.len()) {
        return Err(codes::TOO_MANY_CALLS);
    }
    let seconds = body.int("duplicate_check_interval").unwrap_or(DUPLICATE_SECONDS).clamp(0, DUPLICATE_MOST);
    let (receivers, dropped) = named.users.iter().copied().partition(|user| state.deliver(*user));
    let msgid = random(64).map_err(|_| codes::BUSY)?;
    state.messages_mut().push(Message {
        msgid: msgid.clone(),
        sent_at: now,
        text,
        receivers,
        dropped,
        recalled_at: None,
        duplicate: checked.then(|| (canonical, now.plus(Duration::from_secs(seconds.unsigned_abs())))),
    });
    let reply = sent(&msgid, &named);
    Ok(if body.text("toparty").is_empty() { reply } else { reply.note(SUB_PARTIES) })
}

/// The answer to a send; the lists are there where they are not empty.
fn sent(msgid: &str, named: &Named) -> Reply {
    let mut fields = json!({ "msgid": msgid });
    for (key, list) in [("invaliduser", &named.bad_users), ("invalidparty", &named.bad_parties), ("invalidtag", &named.bad_tags)] {
        if !list.is_empty() {
            fields[key] = list.join("|").into();
        }
    }
    Reply::ok(fields)
}

/// The documented answer is `{"errcode":0,"errmsg":"ok"}` and nothing else; the errors are invented.
pub(super) fn recall(state: &mut State, body: &Body) -> Reply {
    let msgid = body.text("msgid");
    let now = state.now();
    let Some(message) = state.messages_mut().iter_mut().find(|m| m.msgid == msgid) else { return codes::NO_SUCH_MESSAGE.into() };
    if message.recalled_at.is_some() {
        return codes::ALREADY_RECALLED.into();
    }
    if now.since(message.sent_at) > WINDOW {
        return codes::MESSAGE_TOO_OLD.into();
    }
    message.recalled_at = Some(now);
    Reply::ok(Value::Null)
}

/// Person-sends of today (`time_type` 0) or yesterday (1), by days of UTC+8.
pub(super) fn statistics(state: &State, body: &Body) -> Reply {
    let day = |seconds: i64| (seconds + 8 * 3600).div_euclid(86_400);
    let wanted = day(state.now().unix_seconds()) - body.int("time_type").unwrap_or(0).clamp(0, 1);
    let count: usize = state.messages().iter().filter(|m| day(m.sent_at.unix_seconds()) == wanted).map(|m| m.receivers.len()).sum();
    let list = if count == 0 { json!([]) } else { json!([{ "agentid": AGENT_ID, "app_name": "人力资源通知", "count": count }]) };
    Reply::ok(json!({ "statistics": list }))
}
