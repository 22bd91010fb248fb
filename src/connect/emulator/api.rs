//! The API without HTTP: finds the endpoint, checks method, token and pace, and hands over to `messages` and `directory`.

use std::{cell::Cell, collections::HashMap};

use serde_json::{Map, Value, json};

use super::{
    codes::{self, Reply},
    directory, messages,
    state::{CORP_ID, State},
};

/// A call as it came in.
pub(super) struct Incoming<'a> {
    pub method: &'a str,
    /// The path behind `/cgi-bin/`.
    pub endpoint: &'a str,
    pub query: &'a HashMap<String, String>,
    pub body: &'a [u8],
}

/// The members of a JSON body, read as forgivingly as the platform does: a number as text and a text as number are taken, with a warning.
pub(super) struct Body {
    map: Map<String, Value>,
    odd: Cell<bool>,
}

impl Body {
    /// Judges by content: clients omit or misstate the content type. An empty body is an empty object.
    fn read(bytes: &[u8]) -> Option<Self> {
        let map = if bytes.trim_ascii().is_empty() { Map::new() } else { serde_json::from_slice(bytes).ok()? };
        Some(Self { map, odd: Cell::new(false) })
    }

    pub fn text(&self, key: &str) -> String {
        match self.map.get(key) {
            Some(Value::String(s)) => s.clone(),
            Some(Value::Null) | None => String::new(),
            Some(other) => {
                self.odd.set(true);
                other.to_string()
            }
        }
    }

    pub fn int(&self, key: &str) -> Option<i64> {
        let value = self.map.get(key)?;
        value.as_i64().or_else(|| {
            self.odd.set(true);
            value.as_str().and_then(|s| s.trim().parse().ok())
        })
    }

    pub fn get(&self, key: &str) -> Option<&Value> {
        self.map.get(key)
    }

    /// The whole body in one spelling: equal bodies, equal texts.
    pub fn canonical(&self) -> String {
        Value::Object(self.map.clone()).to_string()
    }
}

pub(super) const POSTS: [&str; 4] = ["message/send", "message/recall", "message/get_statistics", "user/list_id"];
pub(super) const GETS: [&str; 8] =
    ["gettoken", "department/list", "department/simplelist", "user/simplelist", "user/list", "user/get", "tag/list", "tag/get"];

/// Carries out one call.
pub(super) fn answer(state: &mut State, call: &Incoming<'_>) -> Reply {
    let endpoint = call.endpoint;
    match (POSTS.contains(&endpoint), GETS.contains(&endpoint), call.method) {
        (false, false, _) => return codes::NO_SUCH_PATH.into(),
        (true, _, method) if method != "POST" => return codes::WANTS_POST.into(),
        (_, true, method) if method != "GET" => return codes::WANTS_GET.into(),
        _ => {}
    }
    // Sends have limits of their own and do not count here.
    if endpoint != "message/send" && !state.pace(endpoint) {
        return codes::TOO_MANY_CALLS.into();
    }
    if endpoint == "gettoken" {
        return grant(state, call.query);
    }
    let Some(token) = call.query.get("access_token").filter(|t| !t.is_empty()) else { return codes::NO_TOKEN.into() };
    match state.token_end(token) {
        None => return codes::BAD_TOKEN.into(),
        Some(end) if end <= state.now() => return codes::EXPIRED_TOKEN.into(),
        Some(_) => {}
    }
    let Some(body) = Body::read(call.body) else { return codes::BAD_JSON.into() };
    let mut reply = match endpoint {
        "message/send" => messages::send(state, &body),
        "message/recall" => messages::recall(state, &body),
        "message/get_statistics" => messages::statistics(state, &body),
        "user/list_id" => directory::list_id(state, &body),
        _ => directory::read(state, endpoint, call.query),
    };
    reply.odd_types = body.odd.get();
    reply
}

fn grant(state: &mut State, query: &HashMap<String, String>) -> Reply {
    let given = |key: &str| query.get(key).map(String::as_str).filter(|v| !v.is_empty());
    match (given("corpid"), given("corpsecret")) {
        (None, _) => codes::NO_CORP_ID.into(),
        (_, None) => codes::NO_SECRET.into(),
        (Some(corp), _) if corp != CORP_ID => codes::BAD_CORP_ID.into(),
        (_, Some(secret)) if secret != state.secret() => codes::BAD_SECRET.into(),
        _ => match state.grant() {
            // The documentation shows 7200 also for a token that is granted again; its real rest of life is said here.
            Ok((token, seconds)) => Reply::ok(json!({ "access_token": token, "expires_in": seconds })),
            Err(_) => codes::BUSY.into(),
        },
    }
}
