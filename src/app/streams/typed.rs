//! A stream as somebody types it, and what can be wrong with it.

use std::collections::BTreeSet;

use super::super::{App, AppError, AppResult, FieldError};
use crate::{
    connect::stream::{self as wire, Secret},
    domain::{
        event::Outcome,
        stream::{Field, Filter, Format, Settings, StreamKind},
        text,
    },
    store::{StoreError, Tx, recalls},
};

/// Longest PEM text, in characters.
const PEM: usize = 32_000;

/// A stream as typed; what is empty sets no condition.
#[derive(Clone, Default)]
pub struct Typed {
    pub name: String,
    /// `syslog`, `webhook` or `file`; cannot be changed later.
    pub kind: String,
    pub destination: String,
    /// `ocsf` or `native`.
    pub format: String,
    /// Actions or beginnings of them, separated by commas or spaces.
    pub actions: String,
    pub outcomes: Vec<String>,
    /// Numbers or ids of cases, separated by commas or spaces.
    pub cases: String,
    /// Words of [`Field`].
    pub leave_out: Vec<String>,
    pub ca: String,
    pub certificate: String,
    /// Key of the certificate; when a stream is changed, empty leaves the old one.
    pub client_key: String,
    /// Webhook: a secret of the receiver's choice; empty: a fresh one. Only for a new stream.
    pub secret: String,
    /// A new stream begins with the first event of the log instead of the next one.
    pub from_start: bool,
    /// A fresh one-time code, for people.
    pub code: String,
}

/// Reads what was typed; all faulty fields at once. Cases are looked up in the write.
pub(super) fn check(app: &App, typed: &Typed, kind: Option<StreamKind>, client_key: &str) -> AppResult<(String, StreamKind, Settings)> {
    let mut errors = Vec::new();
    let name = text::line(&typed.name, 80).unwrap_or_else(|e| {
        errors.push(FieldError::text("name", e));
        String::new()
    });
    let kind = kind.or_else(|| StreamKind::parse(&typed.kind));
    if kind.is_none() {
        errors.push(FieldError::new("kind", "choose"));
    }
    let format = Format::parse(&typed.format);
    if format.is_none() {
        errors.push(FieldError::new("format", "choose"));
    }
    let mut filter = Filter::default();
    match Filter::read_actions(&typed.actions) {
        Ok(actions) => filter.actions = actions,
        Err(word) => errors.push(FieldError::new("actions", "no-action").arg("word", word)),
    }
    let mut outcomes = BTreeSet::new();
    for word in &typed.outcomes {
        match Outcome::parse(word) {
            Some(outcome) => drop(outcomes.insert(outcome)),
            None => errors.push(FieldError::new("outcomes", "choice")),
        }
    }
    filter.outcomes = outcomes.into_iter().collect();
    let mut leave_out = BTreeSet::new();
    for word in &typed.leave_out {
        match Field::parse(word) {
            Some(field) => drop(leave_out.insert(field)),
            None => errors.push(FieldError::new("leave_out", "choice")),
        }
    }
    let mut pem = |field: &'static str, text: &str| {
        text::paragraph(text, 0, PEM).unwrap_or_else(|e| {
            errors.push(FieldError::text(field, e));
            String::new()
        })
    };
    let file = kind == Some(StreamKind::File);
    let (ca, certificate) = if file { Default::default() } else { (pem("ca", &typed.ca), pem("certificate", &typed.certificate)) };
    let destination = typed.destination.trim().to_owned();
    let settings = Settings { destination, format: format.unwrap_or(Format::Ocsf), filter, leave_out, ca, certificate };
    if settings.destination.is_empty() {
        errors.push(FieldError::new("destination", "required"));
    } else if settings.destination.chars().count() > 300 {
        errors.push(FieldError::new("destination", "too-long").arg("max", 300));
    } else if let Some(kind) = kind {
        let wrong = wire::check(kind, &settings, client_key, app.config.allow_private_destinations, &app.config.streams.local);
        errors.extend(wrong.into_iter().map(|(field, kind)| FieldError::new(field, kind)));
    }
    if kind == Some(StreamKind::Webhook) && !typed.secret.trim().is_empty() && Secret::read(&typed.secret).is_none() {
        errors.push(FieldError::new("secret", "webhook-secret"));
    }
    match kind {
        Some(kind) if errors.is_empty() => Ok((name, kind, settings)),
        _ => Err(AppError::Invalid(errors)),
    }
}

/// Ids for the cases that were typed.
pub(super) fn cases(tx: &mut Tx<'_>, typed: &str) -> Result<AppResult<Vec<String>>, StoreError> {
    let mut found = BTreeSet::new();
    for word in typed.split([',', '，', '、']).flat_map(str::split_whitespace) {
        match recalls::find(tx.conn, word)? {
            Some(case) => drop(found.insert(case.id)),
            None => return Ok(Err(AppError::invalid("cases", "unknown"))),
        }
    }
    Ok(Ok(found.into_iter().collect()))
}
