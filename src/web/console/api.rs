//! `GET /account/api`: the API for people who write programs, made from the description that programs read.

use actix_web::{HttpResponse, web::Data};
use askama::Template;
use serde_json::Value;

use crate::{
    app::App,
    web::{
        Fault, Page, SignedIn,
        api::describe::{
            Access, Operation,
            document::{self, document},
            operations,
        },
        ok,
        view::Crumb,
    },
};

/// One thing that a request may carry.
struct Member {
    name: String,
    /// Where it stands, in words.
    place: String,
    kind: String,
    required: bool,
    meaning: String,
}

struct Shown {
    id: &'static str,
    method: &'static str,
    path: &'static str,
    name: String,
    about: String,
    scope: String,
    members: Vec<Member>,
    answers: Vec<(String, String)>,
    sample: String,
}

struct Noun {
    words: String,
    operations: Vec<Shown>,
}

#[derive(Template)]
#[template(path = "account/api.html")]
struct Api {
    page: Page,
    crumbs: Vec<Crumb>,
    document: &'static str,
    nouns: Vec<Noun>,
}

/// Shows it to everybody who is signed in.
pub async fn show(app: Data<App>, _: SignedIn, page: Page) -> Result<HttpResponse, Fault> {
    let whole = document(&page.tr, &app.config.public_url);
    let mut nouns: Vec<(&str, Noun)> = Vec::new();
    for operation in operations::ALL {
        let shown = shown(&page, &whole, operation);
        match nouns.iter_mut().find(|(noun, _)| *noun == operation.noun()) {
            Some((_, noun)) => noun.operations.push(shown),
            None => {
                let words = document::noun_words(&page.tr, operation.noun());
                nouns.push((operation.noun(), Noun { words, operations: vec![shown] }));
            }
        }
    }
    ok(Api {
        crumbs: vec![Crumb::link("/account", page.t("account-title")), Crumb::here(page.t("api-title"))],
        document: document::PATH,
        nouns: nouns.into_iter().map(|(_, noun)| noun).collect(),
        page,
    })
}

fn shown(page: &Page, whole: &Value, operation: &Operation) -> Shown {
    let said = &whole["paths"][operation.path][operation.method.to_ascii_lowercase()];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut members: Vec<Member> = said["parameters"]
        .as_array()
        .into_iter()
        .flatten()
        // The key of every post is told once, at the head of the page.
        .filter(|p| p.get("$ref").is_none())
        .map(|p| Member {
            name: text(&p["name"]),
            place: page.t(if p["in"] == "path" { "api-in-path" } else { "api-in-query" }),
            kind: kind(&p["schema"]),
            required: p["required"] == true,
            meaning: text(&p["description"]),
        })
        .collect();
    if let Some(body) = operation.body {
        let schema = &whole["components"]["schemas"][body.schema];
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        members.extend(schema["properties"].as_object().into_iter().flatten().map(|(name, member)| Member {
            name: name.clone(),
            place: page.t("api-in-body"),
            kind: kind(member),
            required: required.contains(&Value::from(name.as_str())),
            meaning: text(&member["description"]),
        }));
    }
    Shown {
        id: operation.id,
        method: operation.method,
        path: operation.path,
        name: text(&said["summary"]),
        about: text(&said["description"]),
        scope: scope(page, operation.access),
        members,
        answers: said["responses"].as_object().into_iter().flatten().map(|(status, of)| (status.clone(), text(&of["description"]))).collect(),
        sample: document::sample(&page.tr, operation),
    }
}

fn scope(page: &Page, access: Access) -> String {
    match access {
        Access::Anybody => page.t("api-scope-none"),
        Access::Token => page.t("api-scope-any"),
        Access::Person(scope) => page.list(&[scope.as_str().to_owned(), page.t("api-scope-person")]),
        Access::People(..) => page.list(&[access.scopes().join(" / "), page.t("api-scope-person")]),
        access => access.scopes().join(" / "),
    }
}

/// A schema in the words of JSON.
fn kind(schema: &Value) -> String {
    /// Of longer lists of words only the type is said; the description for programs has them.
    const WORDS: usize = 12;
    if let Some(one) = schema["const"].as_str() {
        return one.to_owned();
    }
    if let Some(words) = schema["enum"].as_array().filter(|words| words.len() <= WORDS) {
        return words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" | ");
    }
    if let Some(all) = schema["anyOf"].as_array() {
        let mut kinds: Vec<String> = all.iter().map(kind).filter(|kind| kind != "null").collect();
        kinds.dedup();
        return kinds.join(" | ");
    }
    let name = match &schema["type"] {
        Value::Array(all) => all.first().and_then(Value::as_str),
        one => one.as_str(),
    };
    match name.unwrap_or_default() {
        "array" => format!("[{}]", kind(&schema["items"])),
        name => schema["format"].as_str().unwrap_or(name).to_owned(),
    }
}
