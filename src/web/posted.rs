//! What a browser posted, url-encoded or multipart, as one flat map and a list of files.
//!
//! The extractor [`Posted`] is the only way to read a form, so that no handler can forget the checks: the token against forged posts,
//! `Origin` and `Sec-Fetch-Site`, sizes, and text that is text. Files are kept as bytes and never interpreted.

use std::{collections::BTreeMap, rc::Rc};

use actix_multipart::Multipart;
use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    dev::Payload,
    http::{
        StatusCode,
        header::{self, HeaderMap},
    },
    web::BytesMut,
};
use futures_util::{StreamExt, future::LocalBoxFuture};

use super::{fault::Fault, gate::TurnedAway, visit::Visit};

/// The largest file, 10 MiB.
pub const FILE_LIMIT: usize = 10 << 20;
/// The largest post, 20 MiB.
pub const WHOLE_LIMIT: usize = 20 << 20;
/// The longest text of a field, 256 KiB: fifty thousand characters, whatever they are.
pub const FIELD_LIMIT: usize = 256 << 10;
/// The largest url-encoded post, 1 MiB.
const URLENCODED_LIMIT: usize = 1 << 20;
/// The most fields and files of a post.
const COUNT_LIMIT: usize = 500;
/// How much of a post that is too large is still read and thrown away piece by piece: a browser sends all of it before it looks at the answer,
/// and one whose connection is closed meanwhile shows that instead of what is wrong. For whoever is signed in: they may
/// choose a large file by mistake.
const DRAIN_LIMIT: usize = 2 << 30;
/// The same for everybody else.
const STRANGERS_DRAIN_LIMIT: usize = 64 << 20;

/// An uploaded file.
pub struct Upload {
    pub field: String,
    /// As the browser named it, without directories and control characters; for display only.
    pub name: String,
    /// As the browser claimed; never trusted.
    pub media_type: String,
    pub bytes: Vec<u8>,
}

/// A post that passed the checks.
#[derive(Default)]
pub struct Posted {
    fields: BTreeMap<String, Vec<String>>,
    files: Vec<Upload>,
    damaged: Vec<String>,
}

impl Posted {
    /// The (first) value of a field, or nothing. As typed: domain texts are made by `domain::text`.
    pub fn get(&self, field: &str) -> &str {
        self.fields.get(field).and_then(|v| v.first()).map_or("", String::as_str)
    }

    pub fn all(&self, field: &str) -> &[String] {
        self.fields.get(field).map_or(&[], Vec::as_slice)
    }

    /// Whether a box was ticked.
    pub fn flag(&self, field: &str) -> bool {
        !self.get(field).is_empty()
    }

    /// The form's one-time value.
    pub fn nonce(&self) -> &str {
        self.get("nonce")
    }

    /// What `device.js` told of the browser; `None` without scripts, or when it is not a small JSON object.
    pub fn device(&self) -> Option<serde_json::Value> {
        let text = self.get("device");
        if text.len() > 2048 {
            return None;
        }
        serde_json::from_str::<serde_json::Value>(text).ok().filter(serde_json::Value::is_object)
    }

    pub fn fields(&self) -> impl Iterator<Item = (&String, &Vec<String>)> {
        self.fields.iter()
    }

    /// Files of a field. A file field that was left empty has none.
    pub fn files<'a>(&'a self, field: &'a str) -> impl Iterator<Item = &'a Upload> {
        self.files.iter().filter(move |f| f.field == field)
    }

    pub fn has_files(&self) -> bool {
        !self.files.is_empty()
    }

    /// Takes all files out.
    pub fn take_files(&mut self) -> Vec<Upload> {
        std::mem::take(&mut self.files)
    }

    /// Fields whose bytes were not UTF-8 or held NUL; `FormState::from_posted` names them.
    pub fn damaged(&self) -> &[String] {
        &self.damaged
    }

    fn push(&mut self, name: &[u8], value: &[u8]) -> Result<(), Fault> {
        if value.len() > FIELD_LIMIT || name.len() > 200 {
            return Err(Fault::too_large().because("fault-field-too-large"));
        }
        if self.fields.values().map(Vec::len).sum::<usize>() + self.files.len() >= COUNT_LIMIT {
            return Err(Fault::too_large());
        }
        let name = String::from_utf8(name.to_vec()).map_err(|_| Fault::bad_request())?;
        let text = match std::str::from_utf8(value) {
            Ok(text) if !text.contains('\0') => text.to_owned(),
            _ => {
                self.damaged.push(name.clone());
                String::from_utf8_lossy(value).replace('\0', "\u{fffd}")
            }
        };
        self.fields.entry(name).or_default().push(text);
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn of(fields: &[(&str, &str)]) -> Self {
        Self { fields: fields.iter().map(|(n, v)| ((*n).to_owned(), vec![(*v).to_owned()])).collect(), ..Self::default() }
    }

    fn urlencoded(body: &[u8]) -> Result<Self, Fault> {
        let mut posted = Self::default();
        for pair in body.split(|b| *b == b'&').filter(|p| !p.is_empty()) {
            let (name, value) = match pair.iter().position(|b| *b == b'=') {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, &[][..]),
            };
            posted.push(&percent_decode(name), &percent_decode(value))?;
        }
        Ok(posted)
    }
}

/// application/x-www-form-urlencoded (WHATWG URL, 5.1): plus is a space, `%` and two hex digits a byte, anything else stands for itself.
fn percent_decode(text: &[u8]) -> Vec<u8> {
    let hex = |at: usize| text.get(at).and_then(|b| (*b as char).to_digit(16));
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        match (text[at], hex(at + 1), hex(at + 2)) {
            (b'+', ..) => out.push(b' '),
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 2;
            }
            (byte, ..) => out.push(byte),
        }
        at += 1;
    }
    out
}

/// Refuses a post from another site. Browsers send at least one of the two headers; a client without either must still know the token.
fn same_site(req: &HttpRequest, visit: &Visit) -> Result<(), Fault> {
    let text = |name: header::HeaderName| req.headers().get(name).map(|v| v.to_str().unwrap_or("?"));
    let foreign = || Fault::forbidden().because("fault-origin");
    if text(header::HeaderName::from_static("sec-fetch-site")).is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return Err(foreign());
    }
    let Some(origin) = text(header::ORIGIN) else { return Ok(()) };
    // HTTP/2 has no Host header: there the address is part of the request line.
    let here = text(header::HOST).or_else(|| req.uri().authority().map(|a| a.as_str()));
    let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    if origin == visit.shell.public_origin || (host.is_some() && host == here) { Ok(()) } else { Err(foreign()) }
}

/// A name for display: the last component, without control characters, at most 200 characters.
fn file_name(claimed: &str) -> String {
    let last = claimed.rsplit(['/', '\\']).next().unwrap_or_default();
    last.chars().filter(|c| !c.is_control() && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')).take(200).collect()
}

async fn read_urlencoded(payload: &mut Payload, most: usize) -> Result<Posted, Fault> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Fault::bad_request())?;
        if body.len() + chunk.len() > URLENCODED_LIMIT {
            drain(payload, most).await;
            return Err(Fault::too_large().because("fault-field-too-large"));
        }
        body.extend_from_slice(&chunk);
    }
    Posted::urlencoded(&body)
}

/// Reads at most so many bytes and throws them away.
async fn drain(payload: &mut Payload, most: usize) {
    let mut seen = 0;
    while let Some(Ok(chunk)) = payload.next().await {
        seen += chunk.len();
        if seen > most {
            return;
        }
    }
}

async fn read_multipart(headers: &HeaderMap, payload: Payload, most: usize) -> Result<Posted, Fault> {
    let mut parts = Multipart::new(headers, payload);
    let mut posted = Posted::default();
    let mut whole = 0;
    let mut refused: Option<Fault> = None;
    while let Some(part) = parts.next().await {
        let mut part = part.map_err(|_| refused.clone().unwrap_or_else(Fault::bad_request))?;
        let disposition = part.content_disposition().ok_or_else(Fault::bad_request)?;
        let field = disposition.get_name().unwrap_or_default().to_owned();
        let claimed = disposition.get_filename().map(str::to_owned);
        let media_type = part.content_type().map(ToString::to_string).unwrap_or_default();
        let limit = if claimed.is_some() { FILE_LIMIT } else { FIELD_LIMIT };
        let mut bytes = Vec::new();
        while let Some(chunk) = part.next().await {
            let chunk = chunk.map_err(|_| refused.clone().unwrap_or_else(Fault::bad_request))?;
            whole += chunk.len();
            if whole > most {
                return Err(Fault::too_large());
            }
            if refused.is_none() && (whole > WHOLE_LIMIT || bytes.len() + chunk.len() > limit) {
                refused = Some(Fault::too_large().because(if claimed.is_some() { "fault-file-too-large" } else { "fault-field-too-large" }));
                bytes = Vec::new();
            }
            if refused.is_none() {
                bytes.extend_from_slice(&chunk);
            }
        }
        if refused.is_some() {
            continue;
        }
        match claimed {
            // A file field that was left empty is posted as a nameless empty file.
            Some(name) if name.is_empty() && bytes.is_empty() => {}
            Some(_) if posted.files.len() >= COUNT_LIMIT => return Err(Fault::too_large()),
            Some(name) => posted.files.push(Upload { field, name: file_name(&name), media_type, bytes }),
            None => posted.push(field.as_bytes(), &bytes)?,
        }
    }
    refused.map_or(Ok(posted), Err)
}

async fn read(req: HttpRequest, mut payload: Payload) -> Result<Posted, Fault> {
    let visit: Rc<Visit> = Visit::of(&req).ok_or_else(|| Fault::internal("the shell's middleware is missing"))?;
    same_site(&req, &visit)?;
    let most = if visit.viewer().is_some() { DRAIN_LIMIT } else { STRANGERS_DRAIN_LIMIT };
    let media_type = req.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
    let posted = if media_type.starts_with("multipart/form-data") {
        read_multipart(req.headers(), payload, most).await?
    } else if media_type.starts_with("application/x-www-form-urlencoded") {
        read_urlencoded(&mut payload, most).await?
    } else {
        return Err(Fault::bad_request());
    };
    if !visit.csrf_holds(posted.get("csrf")) {
        return Err(Fault::forbidden().because("fault-csrf"));
    }
    visit.keep(&posted);
    Ok(posted)
}

impl FromRequest for Posted {
    type Error = Fault;
    type Future = LocalBoxFuture<'static, Result<Self, Fault>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (req, payload) = (req.clone(), payload.take());
        Box::pin(async move {
            let posted = read(req.clone(), payload).await;
            if let Err(fault) = &posted {
                // No use case will see this post; the session's middleware records it.
                req.extensions_mut().insert(TurnedAway::refused(match fault.reason() {
                    Some("fault-csrf") => "forged_token",
                    Some("fault-origin") => "foreign_origin",
                    _ if fault.status() == StatusCode::PAYLOAD_TOO_LARGE => "too_large",
                    _ => "unreadable",
                }));
            }
            posted
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urlencoded_text_is_read_as_browsers_write_it() {
        let posted = Posted::urlencoded("a=1&b=%E6%92%A4+%E5%9B%9E%26&a=2&c&d=100%&e=%zz".as_bytes()).unwrap();
        assert_eq!(posted.get("b"), "撤 回&");
        assert_eq!(posted.all("a"), ["1", "2"]);
        assert_eq!((posted.get("c"), posted.get("d"), posted.get("e"), posted.get("f")), ("", "100%", "%zz", ""));
        assert!(posted.damaged().is_empty());
    }

    #[test]
    fn bytes_that_are_no_text_are_named_and_do_no_harm() {
        let posted = Posted::urlencoded(b"a=%ff%fe&b=x%00y&c=fine").unwrap();
        assert_eq!(posted.damaged(), ["a", "b"]);
        assert_eq!(posted.get("b"), "x\u{fffd}y");
        assert!(Posted::urlencoded(b"%ff=1").is_err(), "a name is ours, never damaged by accident");
    }

    #[test]
    fn limits_hold() {
        let long = format!("a={}", "x".repeat(FIELD_LIMIT + 1));
        assert_eq!(Posted::urlencoded(long.as_bytes()).err().map(|f| f.status().as_u16()), Some(413));
        let many = "a=1&".repeat(COUNT_LIMIT + 1);
        assert_eq!(Posted::urlencoded(many.as_bytes()).err().map(|f| f.status().as_u16()), Some(413));
    }

    #[test]
    fn file_names_lose_directories_and_tricks() {
        assert_eq!(file_name(r"C:\fake\..\a.pdf"), "a.pdf");
        assert_eq!(file_name("../../etc/passwd"), "passwd");
        assert_eq!(file_name("a\u{202e}fdp.exe\n"), "afdp.exe");
    }

    #[test]
    fn only_a_small_object_is_a_device() {
        let of = |text: &str| Posted { fields: [("device".to_owned(), vec![text.to_owned()])].into(), ..Posted::default() }.device();
        assert!(of(r#"{"platform":"Linux"}"#).is_some());
        assert!(of("[1]").is_none());
        assert!(of("").is_none());
        assert!(of(&format!(r#"{{"a":"{}"}}"#, "x".repeat(3000))).is_none());
    }
}
