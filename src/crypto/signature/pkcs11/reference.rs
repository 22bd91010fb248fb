//! The name of a key in a token: a URI by RFC 7512, one line, nothing secret. Not here: what the token is asked with it.

use std::fmt;

/// Where a key lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The token's label.
    pub token: String,
    pub serial: String,
    /// The key's label.
    pub object: String,
    /// CKA_ID; a key is found by it, and by its label only where it has none.
    pub id: Vec<u8>,
}

const SCHEME: &str = "pkcs11:";

impl Reference {
    /// The first one that stands on a line of its own.
    pub fn in_text(text: &str) -> Option<Self> {
        text.lines().find_map(Self::parse)
    }

    /// Reads what [`fmt::Display`] writes; attributes that are not known are left aside.
    pub fn parse(line: &str) -> Option<Self> {
        let mut found = Self { token: String::new(), serial: String::new(), object: String::new(), id: Vec::new() };
        for attribute in line.trim().strip_prefix(SCHEME)?.split(';') {
            let (name, value) = attribute.split_once('=')?;
            let bytes = decoded(value)?;
            let text = |bytes: Vec<u8>| String::from_utf8(bytes).ok();
            match name {
                "token" => found.token = text(bytes)?,
                "serial" => found.serial = text(bytes)?,
                "object" => found.object = text(bytes)?,
                "id" => found.id = bytes,
                _ => {}
            }
        }
        (!found.id.is_empty() || !found.object.is_empty()).then_some(found)
    }

    /// Whether both are of one key.
    pub fn is(&self, other: &Self) -> bool {
        self.id == other.id && (!self.id.is_empty() || self.object == other.object)
    }

    /// How people call the key: its label, or its identifier where it has none.
    pub fn name(&self) -> String {
        if self.object.is_empty() { hex::encode(&self.id) } else { self.object.clone() }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = encoded(&self.id);
        let [token, serial, object] = [&self.token, &self.serial, &self.object].map(|text| encoded(text.as_bytes()));
        write!(f, "{SCHEME}token={token};serial={serial};object={object};id={id};type=private")
    }
}

fn encoded(bytes: &[u8]) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    bytes.iter().map(|b| if plain(*b) { char::from(*b).to_string() } else { format!("%{b:02X}") }).collect()
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        bytes.extend(hex::decode(digits).ok()?);
        rest = after;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let key = Reference { token: "证据 1;=%".into(), serial: "0123".into(), object: "a b".into(), id: vec![0, 255, b'%'] };
        assert_eq!(Reference::in_text(&format!("# ours\n{key}\n-----BEGIN")), Some(key.clone()));
        assert!(key.to_string().is_ascii());
        for bad in ["pkcs11:", "pkcs11:token=a", "pkcs11:object=%4", "pkcs11:object=%zz", "pkcs11:object", "object=a", "pkcs11:object=%FF"] {
            assert_eq!(Reference::parse(bad), None, "{bad}");
        }
        // By its identifier, whatever it is called now.
        assert!(key.is(&Reference { object: "b".into(), ..key.clone() }) && !key.is(&Reference { id: vec![1], ..key.clone() }));
    }
}
