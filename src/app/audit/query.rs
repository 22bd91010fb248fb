//! What somebody searches for, as typed, and what the store is asked.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{App, AppError, AppResult};
use crate::{
    app::FieldError,
    clock::Instant,
    domain::{
        account,
        event::{Action, Outcome},
    },
    store::{
        reader::Filter,
        recalls, users,
        words::{Group, Words},
    },
};

/// A search; empty fields mean any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Query {
    pub from: Option<Instant>,
    /// Exclusive.
    pub until: Option<Instant>,
    /// Part of a name, a user name, or an id.
    pub actor: String,
    /// A word of [`Action`].
    pub action: String,
    /// A word of [`Outcome`].
    pub outcome: String,
    /// Number or id of a case.
    pub case: String,
    /// Id of the thing acted on.
    pub object: String,
    /// An address, or a network such as `10.24.0.0/16` or `2001:db8::/32`.
    pub address: String,
    /// Id, fingerprint or shown code of a device.
    pub device: String,
    /// Words that names, typed texts and details of an event hold, all of them; or the number of a case.
    pub words: String,
}

impl Query {
    /// The search that pages and programs ask for, by the names of its fields. The device is `device_id`: `device` is the field of every form
    /// in which a browser tells of itself.
    pub fn read(from: Option<Instant>, until: Option<Instant>, text: impl Fn(&str) -> String) -> Self {
        Self {
            from,
            until,
            actor: text("actor"),
            action: text("action"),
            outcome: text("outcome"),
            case: text("case"),
            object: text("object"),
            address: text("address"),
            device: text("device_id"),
            words: text("words"),
        }
    }

    /// The fields that are typed, with their names.
    fn typed(&self) -> [(&'static str, &String); 8] {
        [
            ("actor", &self.actor),
            ("action", &self.action),
            ("outcome", &self.outcome),
            ("case", &self.case),
            ("object", &self.object),
            ("address", &self.address),
            ("device_id", &self.device),
            ("words", &self.words),
        ]
    }

    /// For the search's own event.
    pub(in crate::app) fn to_json(&self) -> Value {
        let mut said = json!({});
        for (key, value) in self.typed() {
            if !value.is_empty() {
                said[key] = json!(value);
            }
        }
        for (key, at) in [("from", self.from), ("until", self.until)] {
            if let Some(at) = at {
                said[key] = json!(at.to_rfc3339());
            }
        }
        said
    }

    /// Whether it names a case that does not exist, by its field or by a number among the words: such a search finds nothing, now and later.
    pub(in crate::app) async fn names_no_case(&self, app: &App) -> AppResult<bool> {
        let field = Some(self.case.trim()).filter(|case| !case.is_empty());
        let numbers = self.words.split_whitespace().filter(|word| is_number(word));
        for case in field.into_iter().chain(numbers) {
            if case_id(app, case).await?.is_none() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// All faulty fields at once.
    pub(in crate::app) async fn filter(&self, app: &App) -> AppResult<Filter> {
        let given = |text: &String| Some(text.trim().to_owned()).filter(|t| !t.is_empty());
        let mut errors = Vec::new();
        for (field, text) in self.typed() {
            if let Some(text) = given(text)
                && let Err(e) = crate::domain::text::line(&text, LONGEST)
            {
                errors.push(FieldError::text(field, e));
            }
        }
        let mut choice = |field, text: Option<String>, known: &dyn Fn(&str) -> bool| {
            if text.as_deref().is_some_and(|word| !known(word)) && !errors.iter().any(|e| e.field == field) {
                errors.push(FieldError::new(field, "choice"));
            }
            text
        };
        let action = choice("action", given(&self.action), &|word| Action::parse(word).is_some());
        let outcome = choice("outcome", given(&self.outcome), &|word| Outcome::parse(word).is_some());
        let marks = Words::new(app.store.keys());
        let mut words = Vec::new();
        if let Some(text) = given(&self.address) {
            match network(&text) {
                Some((address, bits)) => words.push(marks.net(address, bits)),
                None => errors.push(FieldError::new("address", "network")),
            }
        }
        for (field, text) in [("actor", given(&self.actor)), ("object", given(&self.object))] {
            let Some(text) = text else { continue };
            let found = match field {
                "actor" => match user_id(app, &text).await? {
                    Some(id) => marks.person(&text, &id),
                    None => marks.name(&text),
                },
                _ => marks.subject(&text),
            };
            if found.is_empty() {
                errors.push(FieldError::new(field, "wordless"));
            }
            words.extend(found);
        }
        words.extend(given(&self.device).map(|code| marks.device(&code)));
        if let Some(refused) = outcome.as_deref().filter(|o| *o != Outcome::Success.as_str()) {
            words.push(marks.outcome(refused));
        }
        if let Some(text) = given(&self.words) {
            let found = self::words(app, &marks, &text).await?;
            if found.is_empty() {
                errors.push(FieldError::new("words", "wordless"));
            }
            words.extend(found);
        }
        if !errors.is_empty() {
            return Err(AppError::Invalid(errors));
        }
        let case = match given(&self.case) {
            None => None,
            // A case that does not exist has no events.
            Some(wanted) => Some(case_id(app, &wanted).await?.unwrap_or(wanted)),
        };
        Ok(Filter { from: self.from, to: self.until, action, outcome, case, subject_id: given(&self.object), words })
    }
}

/// Characters of a field.
const LONGEST: usize = 200;

/// Id of the case with this id or number; of a number, capital letters or not.
async fn case_id(app: &App, wanted: &str) -> AppResult<Option<String>> {
    let wanted = wanted.trim().to_owned();
    let found = app.store.read(move |conn| match recalls::find(conn, &wanted)? {
        None => recalls::find(conn, &wanted.to_uppercase()),
        found => Ok(found),
    });
    Ok(found.await?.map(|row| row.id))
}

/// Id of the account with exactly this user name.
async fn user_id(app: &App, text: &str) -> AppResult<Option<String>> {
    let Ok(username) = account::username(text) else { return Ok(None) };
    Ok(app.store.read(move |conn| users::user_by_name(conn, &username)).await?.map(|user| user.id))
}

/// What must all be found: terms, but of the number of a case everything that belongs to it, and of an address what came from there.
async fn words(app: &App, marks: &Words, text: &str) -> AppResult<Vec<Group>> {
    let mut found = Vec::new();
    let mut rest = Vec::new();
    for word in text.split_whitespace() {
        if let Ok(address) = word.parse::<IpAddr>() {
            found.push(marks.net(address, 128));
        } else if is_number(word)
            && let Some(id) = case_id(app, word).await?
        {
            found.push(marks.case(&id));
        } else {
            rest.push(word);
        }
    }
    found.extend(marks.text(&rest.join(" ")));
    Ok(found)
}

/// Whether a word is meant as the number of a case.
fn is_number(word: &str) -> bool {
    word.get(..3).is_some_and(|begin| begin.eq_ignore_ascii_case("FR-"))
}

/// Reads an address, or a network with the length of its mask; `None` for anything else.
fn network(text: &str) -> Option<(IpAddr, u8)> {
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let address: IpAddr = address.trim().parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = match bits {
        None => most,
        // Digits only: a sign is none of a mask's.
        Some(bits) if bits.bytes().all(|b| b.is_ascii_digit()) => bits.parse().ok().filter(|bits| *bits <= most)?,
        Some(_) => return None,
    };
    Some((address, bits))
}

#[cfg(test)]
mod tests {
    use super::network;

    #[test]
    fn addresses_and_networks_are_read() {
        for (text, address, bits) in [
            ("10.24.0.0/16", "10.24.0.0", 16),
            ("10.24.3.57", "10.24.3.57", 32),
            ("0.0.0.0/0", "0.0.0.0", 0),
            ("2001:DB8::1", "2001:db8::1", 128),
            ("2001:db8::/35", "2001:db8::", 35),
            ("::ffff:10.0.0.0/104", "::ffff:10.0.0.0", 104),
        ] {
            assert_eq!(network(text), Some((address.parse().unwrap(), bits)), "{text}");
        }
        for bad in ["10.24", "10.24.0.0/33", "10.24.0.0/", "x", "%", "10.24.0.0/-1", "10.24.0.0/+8", "10.24.0.0/300", "::/129", "::1/8/8"] {
            assert_eq!(network(bad), None, "{bad}");
        }
    }
}
