//! Commitments: how a leaf binds a part (a name, an address, a text) that must stay erasable.
//!
//! A part's value becomes canonical bytes, a random salt goes in front, and only the SHA-256 of both enters the leaf. Whoever holds salt
//! and value can show that they belong to the leaf; once the salt is destroyed the commitment says nothing. Salts are made by the store.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// The largest whole number that every JSON reader keeps exactly: 2^53 - 1 (RFC 8785 §3.2.2.3, RFC 7493 §2.2).
pub const MAX_NUMBER: u64 = (1 << 53) - 1;

/// Why a value has no canonical bytes. Names places by JSON Pointer (RFC 6901), never values.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CanonicalError {
    /// RFC 8785 would round it silently.
    #[error("the number at {0:?} lies beyond 2^53 - 1; write it as a string")]
    NumberTooLarge(String),
    #[error("the value cannot be written as canonical JSON")]
    Write,
}

/// RFC 8785 bytes of `value`. Numbers beyond ±(2^53 - 1), whole or not, are refused instead of rounded.
pub fn canonical(value: &Value) -> Result<Vec<u8>, CanonicalError> {
    if is_plain(value) {
        return serde_json::to_vec(value).map_err(|_| CanonicalError::Write);
    }
    check_numbers(value, &mut String::new())?;
    serde_json_canonicalizer::to_vec(value).map_err(|_| CanonicalError::Write)
}

/// Reads `bytes` only if they are the canonical form of what they say: no white space, no duplicate key, no other spelling.
pub fn parse_canonical(bytes: &[u8]) -> Option<Value> {
    let value: Value = serde_json::from_slice(bytes).ok()?;
    (canonical(&value).ok()? == bytes).then_some(value)
}

/// `SHA-256(salt || value)`, with `value` the canonical bytes of the part.
pub fn commit(salt: &[u8; 32], value: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(salt).chain_update(value).finalize().into()
}

/// Whether plain serde_json writes the canonical bytes: whole numbers that are kept exactly, and keys that are ASCII and in order. Nearly
/// every part is so, and sorting it again would cost more than hashing and sealing it.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.as_i64().is_some_and(|n| n.unsigned_abs() <= MAX_NUMBER),
        Value::Array(items) => items.iter().all(is_plain),
        Value::Object(members) => {
            members.keys().all(|key| key.is_ascii()) && members.keys().is_sorted_by(|a, b| a < b) && members.values().all(is_plain)
        }
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

fn check_numbers(value: &Value, path: &mut String) -> Result<(), CanonicalError> {
    let here = path.len();
    match value {
        Value::Number(number) => {
            let fits = match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(n), _, _) => n <= MAX_NUMBER,
                (_, Some(n), _) => n.unsigned_abs() <= MAX_NUMBER,
                // Every float beyond 2^53 is a whole number, and would come back as one that is refused.
                (_, _, Some(x)) => x.abs() <= MAX_NUMBER as f64,
                _ => false,
            };
            if fits { Ok(()) } else { Err(CanonicalError::NumberTooLarge(path.clone())) }
        }
        Value::Array(items) => items.iter().enumerate().try_for_each(|(i, item)| {
            path.push_str(&format!("/{i}"));
            check_numbers(item, path)?;
            path.truncate(here);
            Ok(())
        }),
        Value::Object(members) => members.iter().try_for_each(|(key, item)| {
            path.push('/');
            path.push_str(&key.replace('~', "~0").replace('/', "~1"));
            check_numbers(item, path)?;
            path.truncate(here);
            Ok(())
        }),
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{CanonicalError, canonical, commit, parse_canonical};

    fn text(value: &serde_json::Value) -> String {
        String::from_utf8(canonical(value).expect("canonical")).expect("JSON is UTF-8")
    }

    #[test]
    fn keys_are_sorted_by_utf16_and_text_stays_as_typed() {
        assert_eq!(
            text(&json!({"b": [true, null], "a": "工资\r\n=1+1", "\u{1f512}": 1, "\u{fb33}": 2})),
            "{\"a\":\"工资\\r\\n=1+1\",\"b\":[true,null],\"\u{1f512}\":1,\"\u{fb33}\":2}"
        );
    }

    #[test]
    fn numbers_that_would_be_rounded_are_refused_with_their_place() {
        for (value, place) in [
            (json!({"a": {"b/c": [0, 9_007_199_254_740_992u64]}}), "/a/b~1c/1"),
            (json!([{"~": 1}, {"~": u64::MAX}]), "/1/~0"),
            (json!(-9_007_199_254_740_992i64), ""),
            (json!(i64::MIN), ""),
            (json!({"x": 1e16}), "/x"),
            (json!({"x": -1e300}), "/x"),
        ] {
            assert_eq!(canonical(&value), Err(CanonicalError::NumberTooLarge(place.to_owned())));
        }
        assert_eq!(text(&json!([9_007_199_254_740_991u64, -9_007_199_254_740_991i64, 0.25, 1e-7])), "[9007199254740991,-9007199254740991,0.25,1e-7]");
    }

    #[test]
    fn only_canonical_bytes_are_read_back() {
        assert_eq!(parse_canonical(br#"{"a":1,"b":0.5}"#), Some(json!({"a": 1, "b": 0.5})));
        for bad in [
            r#"{"b":1,"a":1}"#,
            r#"{"a": 1}"#,
            r#"{"a":1,"a":1}"#,
            r#"{"a":1.0}"#,
            r#"{"a":"\u0041"}"#,
            r#"{"a":1}x"#,
            "{\"a\":1}\n",
            r#"{"a":9007199254740993}"#,
            "",
            "{",
        ] {
            assert_eq!(parse_canonical(bad.as_bytes()), None, "{bad:?}");
        }
        assert_eq!(parse_canonical(b"\"\xff\""), None);
    }

    #[test]
    fn salt_and_value_both_decide_the_commitment() {
        let base = commit(&[1; 32], b"value");
        assert_ne!(base, commit(&[2; 32], b"value"));
        assert_ne!(base, commit(&[1; 32], b"valuf"));
        assert_eq!(base, crate::crypto::sha256(&[&[1u8; 32][..], b"value"].concat()));
    }

    #[test]
    fn the_short_way_gives_the_same_bytes_as_a_canonicaliser() {
        for value in [
            json!({ "b": 1, "a": [true, null, "\u{0}\u{1f}\u{7f}\"\\/\u{2028}撤回"], "A": { "n": -9_007_199_254_740_991_i64 } }),
            json!({ "x": 1.5, "y": 0.000_001 }),
            // Sorted by UTF-16 units, which is another order than that of bytes.
            json!({ "\u{10000}": 1, "\u{ffff}": 2 }),
        ] {
            assert_eq!(super::canonical(&value).unwrap(), serde_json_canonicalizer::to_vec(&value).unwrap(), "{value}");
        }
    }
}
