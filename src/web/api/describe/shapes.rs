//! How schemas are written down: JSON Schema 2020-12, as OpenAPI 3.1 has it.

use serde_json::{Map, Value, json};

/// A reference to a schema of the document.
pub fn named(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

pub fn text() -> Value {
    json!({ "type": "string" })
}

/// What no typed text holds: control characters but tab and line ends, and U+FFFD (`domain::text`).
const CONTROL: &str = r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffd";
/// Marks that turn the direction of writing: only what is quoted may hold them.
const TURNING: &str = r"\u202a-\u202e\u2066-\u2069";
/// Beside those, what alone says nothing in a quoted text.
const SILENT: &str = r"\u200e\u200f\u202a-\u202e\u2066-\u2069\s";

/// A text without U+0000, empty or not.
pub fn free() -> Value {
    json!({ "type": "string", "pattern": r"^[^\u0000]*$" })
}

/// The name or id of something: not blank.
pub fn name() -> Value {
    json!({ "type": "string", "minLength": 1, "pattern": r"^[^\u0000]*[^\u0000\s][^\u0000]*$" })
}

/// One line of at most `most` characters; blank only if it `may_be`.
pub fn line(most: usize, may_be: bool) -> Value {
    let one = format!("[^{CONTROL}{TURNING}\\t\\n\\r]*");
    let said = if may_be { String::new() } else { format!("[^{CONTROL}{TURNING}\\s]{one}") };
    json!({ "type": "string", "minLength": usize::from(!may_be), "maxLength": most, "pattern": format!("^[ \\t\\n\\r]*{one}{said}[ \\t\\n\\r]*$") })
}

/// Lines of `least` to `most` characters, without white space at the ends.
pub fn prose(least: usize, most: usize) -> Value {
    lines(least, most, TURNING, &format!("{TURNING}\\s"))
}

/// What somebody else wrote: as [`prose`], with whatever turns the direction of writing.
pub fn quoted(least: usize, most: usize) -> Value {
    lines(least, most, "", SILENT)
}

fn lines(least: usize, most: usize, never: &str, silent: &str) -> Value {
    let (any, says) = (format!("[^{CONTROL}{never}]"), format!("[^{CONTROL}{silent}]"));
    let core = match least {
        0 => String::new(),
        1 => format!("{says}{any}*"),
        least => format!("{says}{any}{{{},}}{says}{any}*", least - 2),
    };
    json!({ "type": "string", "minLength": least, "maxLength": most, "pattern": format!("^{any}*{core}$") })
}

/// Base64 with padding, as RFC 4648 has it.
pub fn base64() -> Value {
    let pattern = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$";
    json!({ "type": "string", "contentEncoding": "base64", "pattern": pattern })
}

/// A whole number that every reader of JSON keeps.
pub fn whole() -> Value {
    json!({ "type": "integer", "minimum": 0, "maximum": super::operations::INDEX })
}

/// An address or a network, or nothing.
pub fn network() -> Value {
    let byte = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
    let group = "[0-9A-Fa-f]{1,4}";
    let net = |address: String, bits: &str| json!({ "type": "string", "pattern": format!("^{address}/{bits}$") });
    json!({ "anyOf": [
        { "type": "string", "pattern": "^ *$" },
        { "type": "string", "format": "ipv4" },
        { "type": "string", "format": "ipv6" },
        net(format!(r"(?:{byte}\.){{3}}{byte}"), "(?:3[0-2]|[12]?[0-9])"),
        net(format!("(?:(?:{group}:){{7}}{group}|(?:{group}:){{1,7}}:|::)"), "(?:12[0-8]|1[01][0-9]|[1-9]?[0-9])"),
    ] })
}

/// A list of at least `least` and at most `most`.
pub fn some(of: Value, least: usize, most: usize) -> Value {
    json!({ "type": "array", "items": of, "minItems": least, "maxItems": most })
}

pub fn number() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

pub fn flag() -> Value {
    json!({ "type": "boolean" })
}

/// An instant by RFC 3339.
pub fn time() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

/// A UUIDv7.
pub fn id() -> Value {
    json!({ "type": "string", "format": "uuid" })
}

/// SHA-256 in hexadecimal.
pub fn hash() -> Value {
    json!({ "type": "string", "pattern": "^[0-9a-f]{64}$" })
}

pub fn words(words: &[&str]) -> Value {
    json!({ "type": "string", "enum": words })
}

pub fn list(of: Value) -> Value {
    json!({ "type": "array", "items": of })
}

/// Something, or null.
pub fn or_null(of: Value) -> Value {
    match (of["type"].as_str(), of.get("enum")) {
        (Some(kind), None) => {
            let kind = kind.to_owned();
            let mut of = of;
            of["type"] = json!([kind, "null"]);
            of
        }
        _ => json!({ "anyOf": [of, { "type": "null" }] }),
    }
}

/// An object with these members and no others; a name that ends with `?` may be absent.
pub fn object(members: Value) -> Value {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    if let Value::Object(members) = members {
        for (name, schema) in members {
            if !name.ends_with('?') {
                required.push(name.clone());
            }
            properties.insert(name.trim_end_matches('?').to_owned(), schema);
        }
    }
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

/// What a request's body has: what may be absent may be null as well.
pub fn asked(members: Value) -> Value {
    let mut schema = object(members);
    let required: Vec<String> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).map(ToOwned::to_owned).collect();
    if let Some(properties) = schema["properties"].as_object_mut() {
        for (name, of) in properties.iter_mut().filter(|(name, _)| !required.contains(name)) {
            let _ = name;
            *of = or_null(of.take());
        }
    }
    schema
}

/// The answer to a change: its members and the receipt.
pub fn receipted(mut members: Value) -> Value {
    // The receipt is missing where the event has no place in the log yet that could be told.
    members["event?"] = id();
    members["index?"] = or_null(number());
    members["receipt?"] = named("Receipt");
    object(members)
}
