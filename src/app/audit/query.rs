//! What somebody searches for, as typed, and what the store is asked.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::{App, AppError, AppResult};
use crate::{
    app::FieldError,
    clock::Instant,
    domain::event::{Action, Outcome},
    store::{reader::Filter, recalls},
};

/// A search; empty fields mean any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    pub from: Option<Instant>,
    /// Exclusive.
    pub until: Option<Instant>,
    /// Part of a name, or an id.
    pub actor: String,
    /// A word of [`Action`].
    pub action: String,
    /// A word of [`Outcome`].
    pub outcome: String,
    /// Number or id of a case.
    pub case: String,
    /// Id of the thing acted on.
    pub object: String,
    /// An address, or a network such as `10.24.0.0/16`.
    pub address: String,
}

impl Query {
    /// For the search's own event.
    pub(super) fn to_json(&self) -> Value {
        let mut said = json!({});
        for (key, value) in [
            ("actor", &self.actor),
            ("action", &self.action),
            ("outcome", &self.outcome),
            ("case", &self.case),
            ("object", &self.object),
            ("address", &self.address),
        ] {
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

    /// All faulty fields at once.
    pub(super) async fn filter(&self, app: &App) -> AppResult<Filter> {
        let given = |text: &String| Some(text.trim().to_owned()).filter(|t| !t.is_empty());
        let mut errors = Vec::new();
        for (field, text) in [("actor", &self.actor), ("case", &self.case), ("object", &self.object), ("address", &self.address)] {
            if let Some(text) = given(text)
                && let Err(e) = crate::domain::text::line(&text, 200)
            {
                errors.push(FieldError::text(field, e));
            }
        }
        let action = given(&self.action);
        if action.as_deref().is_some_and(|a| Action::parse(a).is_none()) {
            errors.push(FieldError::new("action", "choice"));
        }
        let outcome = given(&self.outcome);
        if outcome.as_deref().is_some_and(|o| Outcome::parse(o).is_none()) {
            errors.push(FieldError::new("outcome", "choice"));
        }
        let address = given(&self.address).map(|a| address(&a));
        if address == Some(None) {
            errors.push(FieldError::new("address", "network"));
        }
        if !errors.is_empty() {
            return Err(AppError::Invalid(errors));
        }
        let case = match given(&self.case) {
            None => None,
            Some(wanted) => {
                let id = wanted.clone();
                let row = app.store.read(move |conn| recalls::find(conn, &id)).await?;
                // A case that does not exist has no events.
                Some(row.map_or(wanted, |r| r.id))
            }
        };
        let (client_ip, client_ip_begin) = match address.flatten() {
            Some(Address::One(ip)) => (Some(ip), None),
            Some(Address::Under(begin)) => (None, Some(begin)),
            None => (None, None),
        };
        Ok(Filter {
            from: self.from,
            to: self.until,
            actor: given(&self.actor),
            action,
            outcome,
            case,
            subject_id: given(&self.object),
            client_ip,
            client_ip_begin,
            device_id: None,
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Address {
    One(String),
    /// Beginning of the addresses of a network.
    Under(String),
}

/// Reads an address or an IPv4 network whose mask is 8, 16 or 24; `None` for anything else.
fn address(text: &str) -> Option<Address> {
    let Some((ip, bits)) = text.split_once('/') else { return Some(Address::One(text.parse::<IpAddr>().ok()?.to_string())) };
    let ip = ip.parse::<std::net::Ipv4Addr>().ok()?;
    let bits: u8 = bits.parse().ok()?;
    match bits {
        0 => Some(Address::Under(String::new())),
        32 => Some(Address::One(ip.to_string())),
        8 | 16 | 24 => {
            let groups: Vec<_> = ip.octets().iter().take(usize::from(bits / 8)).map(ToString::to_string).collect();
            Some(Address::Under(format!("{}.", groups.join("."))))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, address};

    #[test]
    fn addresses_and_networks_are_read() {
        let under = |s: &str| Some(Address::Under(s.to_owned()));
        assert_eq!(address("10.24.0.0/16"), under("10.24."));
        assert_eq!(address("10.24.3.0/24"), under("10.24.3."));
        assert_eq!(address("10.0.0.0/8"), under("10."));
        assert_eq!(address("10.24.3.57"), Some(Address::One("10.24.3.57".to_owned())));
        assert_eq!(address("2001:DB8::1"), Some(Address::One("2001:db8::1".to_owned())));
        for bad in ["10.24", "10.24.0.0/17", "10.24.0.0/", "x", "%", "10.24.0.0/-1", "10.24.0.0/300"] {
            assert_eq!(address(bad), None, "{bad}");
        }
    }
}
