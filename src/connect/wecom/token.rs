//! The access token: one for all callers of a connector, refreshed by one of them while the others wait.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use reqwest::Method;
use serde_json::Value;
use tokio::sync::Mutex;

use super::codes;
use crate::{
    clock::Instant,
    connect::{
        ConnectError, RawCall,
        http::{Client, Request},
    },
};

/// A token is not used in its last minutes, so that it does not die on the way; of a short life, the last tenth.
const MARGIN: Duration = Duration::from_secs(300);

/// The cache. WeCom counts calls to `gettoken` and blocks who polls it.
pub(super) struct Tokens {
    corp_id: String,
    secret: String,
    /// Refreshes that have ended, well or badly.
    ended: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<(String, Instant)>,
    /// Why the newest refresh failed.
    failure: Option<ConnectError>,
}

impl Tokens {
    pub fn new(corp_id: &str, secret: &str) -> Self {
        Self { corp_id: corp_id.to_owned(), secret: secret.to_owned(), ended: AtomicU64::new(0), state: Mutex::default() }
    }

    /// The application's secret, for blotting it out of records.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// A token that is not `refused` (one that the platform has just rejected). Callers who waited for a refresh share what it brought, a
    /// failure or (the platform may grant the same one again) the same token.
    pub async fn get(&self, client: &Client, refused: Option<&str>, calls: &mut Vec<RawCall>) -> Result<String, ConnectError> {
        let ended_before = self.ended.load(Ordering::Acquire);
        let mut state = self.state.lock().await;
        let refreshed_meanwhile = self.ended.load(Ordering::Acquire) != ended_before;
        if let Some((token, until)) = &state.token
            && (refused != Some(token) || refreshed_meanwhile)
            && client.now() < *until
        {
            return Ok(token.clone());
        }
        if refreshed_meanwhile && let Some(failure) = &state.failure {
            return Err(failure.clone());
        }
        self.refresh(client, &mut state, calls).await
    }

    /// Asks for a token whatever the cache holds: proves address and credentials.
    pub async fn renew(&self, client: &Client, calls: &mut Vec<RawCall>) -> Result<String, ConnectError> {
        let mut state = self.state.lock().await;
        self.refresh(client, &mut state, calls).await
    }

    async fn refresh(&self, client: &Client, state: &mut State, calls: &mut Vec<RawCall>) -> Result<String, ConnectError> {
        state.token = None;
        let result = self.fetch(client, calls).await;
        state.failure = result.as_ref().err().cloned();
        self.ended.fetch_add(1, Ordering::Release);
        let (token, until) = result?;
        state.token = Some((token.clone(), until));
        Ok(token)
    }

    async fn fetch(&self, client: &Client, calls: &mut Vec<RawCall>) -> Result<(String, Instant), ConnectError> {
        let started_at = client.now();
        let (raw, answer) = client
            .call(Request {
                method: Method::GET,
                path: &["cgi-bin", "gettoken"],
                query: &[("corpid", &self.corp_id), ("corpsecret", &self.secret)],
                bearer: None,
                body: None,
                list: false,
                secrets: &[&self.secret],
            })
            .await;
        calls.push(raw);
        let granted = answer.and_then(|a| codes::read(&a)).and_then(|object| {
            let token = object.get("access_token").and_then(Value::as_str).filter(|t| !t.is_empty());
            let seconds = object.get("expires_in").and_then(Value::as_u64).unwrap_or(7200);
            let token = token.ok_or_else(|| ConnectError::Unknown("the answer carries no token".to_owned()))?;
            let life = Duration::from_secs(seconds);
            Ok((token.to_owned(), started_at.plus(life - MARGIN.min(life / 10))))
        });
        // Without a token nothing that anybody wanted was done: what is unknown is only whether a token was granted.
        granted.map_err(|e| match e {
            ConnectError::Unknown(words) => ConnectError::NotReached(format!("no access token: {words}")),
            other => other,
        })
    }
}
