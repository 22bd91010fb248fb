//! WeCom 企业微信: application messages through `message/send` and `message/recall` (platforms.md §1).
//! Not here: the token (`token`), the meaning of error codes (`codes`), cutting an audience into calls (`split`).

mod codes;
mod split;
mod token;

use std::collections::{BTreeSet, HashMap};

use futures_util::{FutureExt, future::BoxFuture};
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::{
    Audience, ConnectError, Connector, Exchange, Fetched, MessageRef, Outgoing, Presence, RawCall, Reading, Sent, Settings,
    http::{Client, Request},
    manual::unsupported,
};
use crate::{clock::Instant, domain::platform::Capabilities};
use token::Tokens;

/// Longest text of a message in bytes; the platform cuts what is longer, in silence.
pub const TEXT_LIMIT: usize = 2048;
/// How long after sending the API takes a recall (developer.work.weixin.qq.com/document/path/96460).
const WINDOW_SECONDS: u64 = 24 * 3600;
/// Page of the member list: half the documented maximum, so that with the usual ids the whole answer can be kept as evidence.
const PAGE: u32 = 5_000;
/// A directory that goes on longer than this is not believed.
const MOST_PAGES: usize = 1_000;

/// The connector; holds the token, so it is kept and shared.
pub struct Wecom {
    client: Client,
    agent_id: i64,
    tokens: Tokens,
}

/// The text as it is sent: the title, an empty line, the text.
pub fn content(message: &Outgoing) -> String {
    match message.title.trim() {
        "" => message.text.clone(),
        title => format!("{title}\n\n{}", message.text),
    }
}

/// Refused by us, before any call.
fn refused_here(code: &str, message: &str) -> ConnectError {
    ConnectError::Refused { code: code.to_owned(), message: message.to_owned() }
}

/// One API call, without its token.
struct Ask<'a> {
    method: Method,
    endpoint: [&'a str; 2],
    query: &'a [(&'a str, &'a str)],
    body: Option<Value>,
}

impl Wecom {
    /// A connector for the application `settings.agent_id` of the enterprise `settings.corp_id`; `secret` is the application's secret.
    pub fn new(client: Client, settings: &Settings, secret: &str) -> Self {
        Self { client, agent_id: settings.agent_id, tokens: Tokens::new(&settings.corp_id, secret) }
    }

    /// Calls with the token; a token that the platform rejects is refreshed once and the call made once more.
    async fn ask(&self, calls: &mut Vec<RawCall>, ask: Ask<'_>) -> Result<(Map<String, Value>, Option<Instant>), ConnectError> {
        let mut token = self.tokens.get(&self.client, None, calls).await?;
        let mut again = true;
        loop {
            let mut query = vec![("access_token", token.as_str())];
            query.extend_from_slice(ask.query);
            let (raw, answer) = self
                .client
                .call(Request {
                    method: ask.method.clone(),
                    path: &["cgi-bin", ask.endpoint[0], ask.endpoint[1]],
                    query: &query,
                    bearer: None,
                    body: ask.body.clone(),
                    list: ask.endpoint[0] == "user",
                    secrets: &[&token, self.tokens.secret()],
                })
                .await;
            calls.push(raw);
            let answer = answer?;
            match codes::read(&answer) {
                Err(e) if again && codes::token_died(&e) => {
                    again = false;
                    token = self.tokens.get(&self.client, Some(&token), calls).await?;
                }
                result => return result.map(|object| (object, answer.date)),
            }
        }
    }

    async fn post(&self, calls: &mut Vec<RawCall>, endpoint: [&str; 2], body: Value) -> Result<(Map<String, Value>, Option<Instant>), ConnectError> {
        self.ask(calls, Ask { method: Method::POST, endpoint, query: &[], body: Some(body) }).await
    }

    async fn get(&self, calls: &mut Vec<RawCall>, endpoint: [&str; 2], query: &[(&str, &str)]) -> Result<Map<String, Value>, ConnectError> {
        Ok(self.ask(calls, Ask { method: Method::GET, endpoint, query, body: None }).await?.0)
    }

    async fn send_piece(&self, calls: &mut Vec<RawCall>, piece: &Audience, message: &Outgoing) -> Result<Sent, ConnectError> {
        split::check(piece)?;
        let content = content(message);
        if content.len() > TEXT_LIMIT {
            return Err(refused_here("text_too_long", "the platform would cut the text at 2048 bytes"));
        }
        let mut body = json!({
            "msgtype": "text",
            "agentid": self.agent_id,
            "text": { "content": content },
            "enable_duplicate_check": 1,
        });
        if piece.all {
            body["touser"] = json!("@all");
        } else {
            for (key, ids) in [("touser", &piece.users), ("toparty", &piece.parties), ("totag", &piece.tags)] {
                if !ids.is_empty() {
                    body[key] = json!(ids.join("|"));
                }
            }
        }
        let (object, platform_time) = self.post(calls, ["message", "send"], body).await?;
        let text = |key| object.get(key).and_then(Value::as_str).unwrap_or_default();
        if text("msgid").is_empty() {
            return Err(ConnectError::Unknown("the answer to the send carries no msgid".to_owned()));
        }
        let mut refused_users = restore(text("invaliduser"), &piece.users);
        refused_users.extend(restore(text("unlicenseduser"), &piece.users));
        Ok(Sent {
            message: MessageRef { id: text("msgid").to_owned(), room: None },
            refused_users,
            refused_parties: restore(text("invalidparty"), &piece.parties),
            refused_tags: restore(text("invalidtag"), &piece.tags),
            platform_time,
        })
    }

    /// Members by `user/list_id`; where the secret may not call it, department by department.
    async fn list_members(&self, calls: &mut Vec<RawCall>) -> Result<Vec<String>, ConnectError> {
        match self.list_ids(calls).await {
            Err(ConnectError::Refused { .. }) => self.list_by_department(calls).await,
            result => result,
        }
    }

    async fn list_ids(&self, calls: &mut Vec<RawCall>) -> Result<Vec<String>, ConnectError> {
        let mut members = BTreeSet::new();
        let mut cursor = String::new();
        for _ in 0..MOST_PAGES {
            let (object, _) = self.post(calls, ["user", "list_id"], json!({ "cursor": cursor, "limit": PAGE })).await?;
            collect(&object, "dept_user", &mut members)?;
            // The last page carries an empty cursor or, as observed, none at all; one that repeats would never end.
            match object.get("next_cursor").and_then(Value::as_str) {
                Some(next) if !next.is_empty() && next != cursor => next.clone_into(&mut cursor),
                _ => return Ok(members.into_iter().collect()),
            }
        }
        Err(ConnectError::Unknown("the member list does not end".to_owned()))
    }

    async fn list_by_department(&self, calls: &mut Vec<RawCall>) -> Result<Vec<String>, ConnectError> {
        let object = self.get(calls, ["department", "simplelist"], &[]).await?;
        let departments = object.get("department_id").and_then(Value::as_array).cloned().unwrap_or_default();
        let mut members = BTreeSet::new();
        for id in departments.iter().filter_map(|d| d.get("id").and_then(Value::as_i64)) {
            let object = self.get(calls, ["user", "simplelist"], &[("department_id", &id.to_string())]).await?;
            collect(&object, "userlist", &mut members)?;
        }
        Ok(members.into_iter().collect())
    }
}

/// Adds the `userid` of each object under `key`.
fn collect(object: &Map<String, Value>, key: &str, into: &mut BTreeSet<String>) -> Result<(), ConnectError> {
    let list = object.get(key).and_then(Value::as_array).ok_or_else(|| ConnectError::Unknown(format!("the answer carries no {key}")))?;
    into.extend(list.iter().filter_map(|m| m.get("userid").and_then(Value::as_str)).map(str::to_owned));
    Ok(())
}

/// Ids out of an `invalid…` list, in the spelling in which we sent them: the platform answers in lower case.
fn restore(list: &str, sent: &[String]) -> Vec<String> {
    let ours: HashMap<String, &String> = sent.iter().map(|id| (id.to_lowercase(), id)).collect();
    list.split('|').filter(|id| !id.is_empty()).map(|id| ours.get(&id.to_lowercase()).map_or_else(|| id.to_owned(), |ours| (*ours).clone())).collect()
}

impl Connector for Wecom {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            send: true,
            recall: true,
            recall_per_recipient: false,
            read_back: false,
            reading_state: false,
            window_seconds: Some(WINDOW_SECONDS),
            residue: ["residue-wecom-plugin", "residue-local-cache", "residue-screenshots"].map(str::to_owned).into(),
        }
    }

    fn split(&self, audience: &Audience) -> Vec<Audience> {
        split::pieces(audience)
    }

    fn send<'a>(&'a self, piece: &'a Audience, message: &'a Outgoing) -> BoxFuture<'a, Exchange<Sent>> {
        async move {
            let mut calls = Vec::new();
            let result = self.send_piece(&mut calls, piece, message).await;
            Exchange { calls, result }
        }
        .boxed()
    }

    /// The platform takes neither a reason nor a key; a second recall of the same message is answered with an error that nobody has documented.
    fn recall<'a>(&'a self, message: &'a MessageRef, _reason: &'a str, _key: &'a str) -> BoxFuture<'a, Exchange<()>> {
        async move {
            let mut calls = Vec::new();
            let result = self.post(&mut calls, ["message", "recall"], json!({ "msgid": message.id })).await.map(|_| ());
            Exchange { calls, result }
        }
        .boxed()
    }

    fn read_back<'a>(&'a self, _: &'a MessageRef) -> BoxFuture<'a, Exchange<Presence>> {
        unsupported()
    }

    fn reading<'a>(&'a self, _: &'a MessageRef) -> BoxFuture<'a, Exchange<Vec<Reading>>> {
        unsupported()
    }

    fn fetch<'a>(&'a self, _: &'a MessageRef) -> BoxFuture<'a, Exchange<Fetched>> {
        unsupported()
    }

    fn members(&self) -> BoxFuture<'_, Exchange<Vec<String>>> {
        async move {
            let mut calls = Vec::new();
            let result = self.list_members(&mut calls).await;
            Exchange { calls, result }
        }
        .boxed()
    }

    fn test(&self) -> BoxFuture<'_, Exchange<()>> {
        async move {
            let mut calls = Vec::new();
            let result = self.tokens.renew(&self.client, &mut calls).await.map(|_| ());
            Exchange { calls, result }
        }
        .boxed()
    }

    /// The departments that the application sees.
    fn peek(&self) -> BoxFuture<'_, Exchange<u64>> {
        async move {
            let mut calls = Vec::new();
            let result = self.get(&mut calls, ["department", "simplelist"], &[]).await.and_then(|object| {
                let list = object.get("department_id").and_then(Value::as_array);
                list.map(|l| l.len() as u64).ok_or_else(|| ConnectError::Unknown("the answer lists no departments".to_owned()))
            });
            Exchange { calls, result }
        }
        .boxed()
    }
}
