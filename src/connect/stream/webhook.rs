//! A webhook as Standard Webhooks says (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>): one
//! POST a batch, signed with HMAC-SHA256 by every secret that is valid now. 2xx is yes, 410 is never again, a redirect is no.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use reqwest::header;
use serde_json::value::RawValue;
use sha2::Sha256;
use url::Url;

use super::{Line, SinkError, Surroundings, address_error, tls};
use crate::{
    clock::Instant,
    connect::{
        guard,
        http::{self, Limits},
    },
    crypto::sha256,
    domain::stream::Settings,
};

/// How a secret begins when people copy it.
const PREFIX: &str = "whsec_";
/// A receiver that takes longer is late.
const PATIENCE: Duration = Duration::from_secs(15);

/// The bytes that sign.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Reads `whsec_` and base64 of 24 to 64 bytes; the beginning may be missing.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let bytes = STANDARD.decode(text.strip_prefix(PREFIX).unwrap_or(text)).ok()?;
        (24..=64).contains(&bytes.len()).then_some(Self(bytes))
    }

    /// 32 random bytes as text for the receiver.
    pub fn fresh() -> String {
        format!("{PREFIX}{}", STANDARD.encode(crate::crypto::random::<32>()))
    }
}

/// The value of `webhook-signature` by one secret: `v1,` and base64 of HMAC-SHA256 over `<id>.<timestamp>.<body>`.
pub fn signature(secret: &Secret, id: &str, timestamp: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(&secret.0).expect("HMAC takes a key of any length");
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// Reads a webhook's address: https, or http where private destinations are allowed. No query: a secret in it would stand in every record
/// of the stream, and the signature says who sends.
pub(super) fn check(destination: &str, allow_private: bool) -> Result<Url, &'static str> {
    let url = guard::outward(destination, allow_private).map_err(|e| address_error(&e))?;
    if url.scheme() == "http" && !allow_private {
        return Err("clear");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("query");
    }
    Ok(url)
}

/// The way to one webhook.
pub struct Webhook {
    client: reqwest::Client,
    url: Url,
    secrets: Vec<(Secret, Option<Instant>)>,
}

impl Webhook {
    pub(super) fn new(settings: &Settings, around: Surroundings) -> Result<Self, SinkError> {
        let url = check(&settings.destination, around.allow_private).map_err(|kind| SinkError::Address(kind.to_owned()))?;
        let tls = tls::client(&settings.ca, &settings.certificate, &around.client_key).map_err(SinkError::Tls)?;
        let client = http::with_tls(around.allow_private, Limits { whole: PATIENCE, ..Limits::default() }, tls)?;
        Ok(Self { client, url, secrets: around.secrets })
    }

    pub(super) async fn deliver(&mut self, lines: &[Line], now: Instant) -> Result<(), SinkError> {
        let Some(last) = lines.last() else { return Ok(()) };
        let body = body(lines, last)?;
        // Of the body alone: a try of the same batch has the same id, a larger batch another one.
        let id = format!("batch_{}", &hex::encode(sha256(body.as_bytes()))[..32]);
        let timestamp = now.unix_seconds();
        let signatures: Vec<String> = self
            .secrets
            .iter()
            .filter(|(_, until)| until.is_none_or(|until| now < until))
            .map(|(secret, _)| signature(secret, &id, timestamp, &body))
            .collect();
        let request = self
            .client
            .post(self.url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signatures.join(" "))
            .body(body);
        let response = request.send().await.map_err(|e| match e {
            e if e.is_timeout() => SinkError::Late,
            e => SinkError::Unreachable(http::innermost(&e)),
        })?;
        // The body of an answer means nothing and is not read.
        match response.status().as_u16() {
            200..=299 => Ok(()),
            410 => Err(SinkError::Gone),
            status => Err(SinkError::Refused(format!("HTTP status {status}"))),
        }
    }
}

/// `{"type","timestamp","data":[event,…]}`; the time is the last event's, so that the same events make the same bytes.
fn body(lines: &[Line], last: &Line) -> Result<String, SinkError> {
    #[derive(serde::Serialize)]
    struct Body<'a> {
        r#type: &'static str,
        timestamp: String,
        data: Vec<&'a RawValue>,
    }
    let data = lines.iter().map(|line| serde_json::from_str(&line.json)).collect::<Result<_, _>>();
    let body = data.and_then(|data| serde_json::to_string(&Body { r#type: "audit.events", timestamp: last.at.to_rfc3339(), data }));
    body.map_err(|e| SinkError::Refused(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's libraries.
    #[test]
    fn it_signs_as_the_specification_does() {
        let secret = Secret::read("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert!(Secret::read("whsec_short").is_none() && Secret::read("").is_none());
        assert!(Secret::read(&Secret::fresh()).is_some());
    }

    #[test]
    fn an_address_is_https_without_a_query_and_outside() {
        assert!(check("https://siem.example.com/in/audit", false).is_ok());
        assert!(check("http://127.0.0.1:9000/in", true).is_ok());
        for (address, kind) in [
            ("http://siem.example.com/", "clear"),
            ("https://siem.example.com/?token=x", "query"),
            ("https://me:pw@siem.example.com/", "userinfo"),
            ("https://169.254.169.254/", "private"),
            ("ftp://siem.example.com/", "scheme"),
            ("siem", "address"),
        ] {
            assert_eq!(check(address, false).unwrap_err(), kind, "{address}");
        }
    }

    #[test]
    fn the_same_events_make_the_same_body() {
        let line =
            Line { id: "e".to_owned(), at: Instant(0), action: "a.b".to_owned(), outcome: "success".to_owned(), json: r#"{"b":1,"a":2}"#.to_owned() };
        let body = body(&[line.clone(), line.clone()], &line).unwrap();
        assert_eq!(body, r#"{"type":"audit.events","timestamp":"1970-01-01T00:00:00.000000Z","data":[{"b":1,"a":2},{"b":1,"a":2}]}"#);
    }
}
