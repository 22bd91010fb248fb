//! The OpenAPI 3.1 document, made from the table; and the examples, which are `curl` in a POSIX shell. What differs from installation to
//! installation are variables: `$URL`, `$TOKEN`, `$CONNECTION`, `$BROADCAST`, `$CASE`, `$DELEGATION`, `$FILING`, `$STEP`, `$OWNER`, `$IMPORT`, `$TABLE`, `$PERSON`, `$LATER`, `$BUNDLE`, `$INDEX`, `$FILE`, `$MESSAGE`, `$NOW`, `$CODE`, `$PICTURE`.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use serde_json::{Map, Value, json};

use super::{
    Access, Kind, LINE, Media, Operation, Parameter, operations, schemas,
    shapes::{free, id, line, named, network, number, text, whole, words},
};
use crate::i18n::Tr;

/// Where the document is.
pub const PATH: &str = "/api/v1/openapi.json";

/// The document for an installation at `public_url`, in the language of `tr`.
pub fn document(tr: &Tr, public_url: &str) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for operation in operations::ALL {
        let path = paths.entry(operation.path.to_owned()).or_insert_with(|| json!({}));
        path[operation.method.to_ascii_lowercase()] = described(tr, operation);
    }
    let mut nouns: Vec<&str> = Vec::new();
    for operation in operations::ALL {
        if !nouns.contains(&operation.noun()) {
            nouns.push(operation.noun());
        }
    }
    let tags: Vec<Value> = nouns.iter().map(|noun| json!({ "name": noun, "description": noun_words(tr, noun) })).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": format!("{} API", tr.t("product-name")), "version": env!("CARGO_PKG_VERSION"), "description": format!("{}\n\nIdempotency-Key: {}", tr.t("api-lead"), tr.t("api-idempotency-help")),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": public_url.trim_end_matches('/') }],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas::all(tr),
            "headers": headers(tr),
            "parameters": { "Idempotency-Key": {
                "name": "Idempotency-Key", "in": "header", "description": tr.t("api-idempotency-help"),
                "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" },
            } },
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer", "description": tr.t("api-tokens-help") } },
        },
    })
}

/// What a noun of the API is.
pub fn noun_words(tr: &Tr, noun: &str) -> String {
    tr.t(&format!("api-noun-{}", noun.replace('.', "-")))
}

fn described(tr: &Tr, operation: &Operation) -> Value {
    let mut out = json!({
        "operationId": camel(operation.id),
        "tags": [operation.noun()],
        "summary": tr.t(&format!("api-op-{}", operation.id)),
        "parameters": parameters(tr, operation),
        "responses": responses(tr, operation),
        "security": security(operation.access),
        "x-codeSamples": [{ "lang": "Shell", "label": "curl", "source": sample(tr, operation) }],
    });
    if let Some(more) = tr.maybe(&format!("api-op-{}-about", operation.id)) {
        out["description"] = json!(more);
    }
    if let Some(body) = operation.body {
        let content: BTreeMap<&str, Value> = body.media.names().iter().map(|media| (*media, json!({ "schema": named(body.schema) }))).collect();
        out["requestBody"] = json!({ "required": body.required, "content": content });
    }
    out
}

/// `list-recalls` as programs call their functions.
fn camel(id: &str) -> String {
    let mut parts = id.split('-');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |mut out, part| {
        let mut chars = part.chars();
        out.extend(chars.next().map(|c| c.to_ascii_uppercase()));
        out.extend(chars);
        out
    })
}

fn security(access: Access) -> Value {
    match access {
        Access::Anybody => json!([]),
        Access::Token => json!([{ "token": [] }]),
        access => access.scopes().into_iter().map(|scope| json!({ "token": [scope] })).collect(),
    }
}

/// The schema of a value in an address.
pub fn of_parameter(parameter: &Parameter) -> Value {
    match parameter.kind {
        Kind::Text => free(),
        Kind::Line => line(LINE, true),
        Kind::Network => network(),
        Kind::Time => json!({ "type": "string", "format": "date-time" }),
        Kind::Number { least, most } => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Kind::Word(all) => words(&all()),
    }
}

fn parameters(tr: &Tr, operation: &Operation) -> Value {
    let mut all = Vec::new();
    for name in operation.path.split('{').skip(1).filter_map(|rest| rest.split('}').next()) {
        let words = tr.t(&format!("api-path-{name}-{}", operation.noun()));
        let schema = if name == "index" { whole() } else { json!({ "type": "string", "minLength": 1 }) };
        all.push(json!({ "name": name, "in": "path", "required": true, "schema": schema, "description": words }));
    }
    for parameter in operation.query {
        let words = tr.t(&format!("api-query-{}", parameter.name.replace('_', "-")));
        all.push(json!({ "name": parameter.name, "in": "query", "schema": of_parameter(parameter), "description": words }));
    }
    if operation.posts() {
        all.push(json!({ "$ref": "#/components/parameters/Idempotency-Key" }));
    }
    Value::Array(all)
}

/// The headers that answers may bear; words: `api-header-<name>`.
const HEADERS: [&str; 8] = ["X-Request-Id", "RateLimit", "RateLimit-Policy", "Retry-After", "Location", "Audit-Event", "Link", "WWW-Authenticate"];

fn headers(tr: &Tr) -> Value {
    let one = |name: &&str| {
        let schema = match *name {
            "X-Request-Id" | "Audit-Event" => id(),
            "Retry-After" => number(),
            _ => text(),
        };
        ((*name).to_owned(), json!({ "description": tr.t(&format!("api-header-{}", name.to_ascii_lowercase())), "schema": schema }))
    };
    Value::Object(HEADERS.iter().map(one).collect())
}

fn with_headers(names: &[&str]) -> Value {
    let all: BTreeMap<&str, Value> = names.iter().map(|name| (*name, json!({ "$ref": format!("#/components/headers/{name}") }))).collect();
    json!(all)
}

fn responses(tr: &Tr, operation: &Operation) -> Value {
    let mut out = json!({});
    let mut carried = vec!["X-Request-Id"];
    let limited = operation.access != Access::Anybody;
    if limited {
        carried.extend(["RateLimit", "RateLimit-Policy"]);
    }
    let mut good = carried.clone();
    if operation.posts() {
        good.push("Audit-Event");
    }
    if operation.status == 201 {
        good.push("Location");
    }
    if operation.query.iter().any(|p| p.name == "after") {
        good.push("Link");
    }
    let content: BTreeMap<&str, Value> = operation.gives.iter().map(|(media, schema)| (media.as_str(), json!({ "schema": named(schema) }))).collect();
    out[operation.status.to_string()] =
        json!({ "description": tr.t(&format!("api-status-{}", operation.status)), "headers": with_headers(&good), "content": content });
    for status in operation.refusals() {
        let mut names = carried.clone();
        match status {
            401 => names = vec!["X-Request-Id", "WWW-Authenticate"],
            409 | 429 | 503 => names.push("Retry-After"),
            _ => {}
        }
        out[status.to_string()] = json!({
            "description": refused(tr, operation, status), "headers": with_headers(&names),
            "content": { "application/problem+json": { "schema": named("Problem") } },
        });
    }
    out
}

/// What a refusal of this status means here.
pub fn refused(tr: &Tr, operation: &Operation, status: u16) -> String {
    match (status, operation.access) {
        (403, Access::Person(_) | Access::People(..)) => tr.t("api-status-403-person"),
        _ => tr
            .maybe(&format!("api-status-{status}"))
            .unwrap_or_else(|| StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason()).unwrap_or_default().to_owned()),
    }
}

/// The example, as it is typed.
pub fn sample(tr: &Tr, operation: &Operation) -> String {
    let path = operation.path.replace("{number}", "$BUNDLE").replace("{index}", "$INDEX").replace(
        "{id}",
        match operation.noun() {
            "recalls" => "$CASE",
            "delegations" => "$DELEGATION",
            "self-recalls" => "$FILING",
            "imports" => "$IMPORT",
            _ => "$BROADCAST",
        },
    );
    let mut line = "curl --fail-with-body --silent --show-error".to_owned();
    if operation.access != Access::Anybody {
        line.push_str(" --header \"Authorization: Bearer $TOKEN\"");
    }
    let said = spoken(tr, operation.sample);
    match operation.body {
        None => format!("{line} \"$URL{path}{said}\""),
        Some(body) if body.media == Media::Zip => {
            format!("{line} \\\n  --header \"Content-Type: application/zip\" --data-binary \"@{said}\" \"$URL{path}\"")
        }
        Some(_) => {
            let gives = |wanted: Media| operation.gives.iter().any(|(media, _)| *media == wanted);
            let kept = match () {
                () if gives(Media::Zip) => " --header \"Accept: application/zip\" --output \"$FILE\"",
                () if gives(Media::Csv) => " --header \"Accept: text/csv\"",
                () => "",
            };
            format!("{line}{kept} \\\n  --json @- \"$URL{path}\" <<JSON\n{said}\nJSON")
        }
    }
}

/// A sample with the words that stand in braces.
fn spoken(tr: &Tr, sample: &str) -> String {
    [
        "title",
        "text",
        "reason",
        "channel",
        "person",
        "comment",
        "withdrawal",
        "purpose",
        "transfer",
        "addition",
        "removal",
        "question",
        "answer",
        "capture",
        "halt",
        "delegation",
        "filing",
        "looked",
    ]
    .iter()
    .fold(sample.to_owned(), |said, word| {
        let hole = format!("{{{word}}}");
        if said.contains(&hole) { said.replace(&hole, &tr.t(&format!("api-sample-{word}"))) } else { said }
    })
}
