//! How schemas are written down: JSON Schema 2020-12, as OpenAPI 3.1 has it.

use serde_json::{Map, Value, json};

/// A reference to a schema of the document.
pub fn named(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

pub fn text() -> Value {
    json!({ "type": "string" })
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
