//! What every operation of the API takes, gives and refuses: one table ([`operations`]), from which the OpenAPI document ([`document`]), the
//! page for people and the checks of the gate are made, so that none of them can say what another does not. A test holds it against the
//! list of routes. Not here: the work itself (`super::<noun>`).

pub mod document;
pub mod operations;
mod schemas;
mod shapes;

use std::collections::BTreeSet;

use crate::domain::role::Permission;

/// Who may use an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody; it says nothing of anybody.
    Anybody,
    /// Any valid token.
    Token,
    /// A token with this scope.
    Scope(Permission),
    /// A token with one of the two.
    Either(Permission, Permission),
    /// The token of a person, with this scope: a service's is refused whatever its scopes are.
    Person(Permission),
    /// The token of a person, with one of the two.
    People(Permission, Permission),
}

impl Access {
    /// The scopes, of which one is needed.
    pub fn scopes(self) -> Vec<&'static str> {
        match self {
            Self::Anybody | Self::Token => Vec::new(),
            Self::Scope(scope) | Self::Person(scope) => vec![scope.as_str()],
            Self::Either(one, other) | Self::People(one, other) => vec![one.as_str(), other.as_str()],
        }
    }
}

/// What a value in an address may be.
#[derive(Clone, Copy)]
pub enum Kind {
    Text,
    /// One line of at most [`LINE`] characters.
    Line,
    /// An address or a network.
    Network,
    /// RFC 3339.
    Time,
    Number {
        least: u64,
        most: u64,
    },
    Word(fn() -> Vec<&'static str>),
}

/// A parameter behind the question mark. Words: `api-query-<name>`.
#[derive(Clone, Copy)]
pub struct Parameter {
    pub name: &'static str,
    pub kind: Kind,
}

/// The longest line that is searched for, in characters.
pub const LINE: usize = 200;

/// A form of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    Json,
    /// One JSON object a line.
    Lines,
    Zip,
    Csv,
}

impl Media {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Lines => "application/jsonl",
            Self::Zip => "application/zip",
            Self::Csv => "text/csv",
        }
    }

    /// All the names by which a request may call it: a file is read whatever the program takes it for.
    pub const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Json => &["application/json"],
            Self::Lines => &["application/jsonl"],
            Self::Zip => &["application/zip", "application/octet-stream"],
            Self::Csv => &["text/csv"],
        }
    }
}

/// What a request carries.
#[derive(Clone, Copy)]
pub struct Body {
    pub media: Media,
    /// Name of its schema.
    pub schema: &'static str,
    pub required: bool,
}

/// One method of one path.
#[derive(Clone, Copy)]
pub struct Operation {
    /// Words: `api-op-<id>`, and where there is more to say `api-op-<id>-about`.
    pub id: &'static str,
    pub method: &'static str,
    /// As in the list of routes.
    pub path: &'static str,
    pub access: Access,
    pub query: &'static [Parameter],
    pub body: Option<Body>,
    /// Status of what went well.
    pub status: u16,
    /// Its forms and their schemas.
    pub gives: &'static [(Media, &'static str)],
    /// Whether what the body or the query names may not be there.
    pub may_miss: bool,
    /// The body of an example, with `$NAME` for what differs from installation to installation and `{word}` for `api-sample-<word>`; of a
    /// GET what stands behind the path.
    pub sample: &'static str,
}

impl Operation {
    /// The noun it belongs to; words: `api-noun-<noun>`.
    pub fn noun(&self) -> &'static str {
        self.path.trim_start_matches("/api/v1/").split('/').next().unwrap_or_default()
    }

    /// Whether it changes something, or leaves an event of its own.
    pub fn posts(&self) -> bool {
        self.method == "POST"
    }

    /// Every status of a problem that it can answer with.
    pub fn refusals(&self) -> BTreeSet<u16> {
        let mut all = BTreeSet::from([400, 406, 500, 503]);
        if self.access != Access::Anybody {
            all.extend([401, 429]);
        }
        if !self.access.scopes().is_empty() {
            all.insert(403);
        }
        if self.may_miss || self.path.contains('{') {
            all.insert(404);
        }
        if self.posts() {
            // A read-only account may not post, whatever its token's scopes are.
            all.extend([403, 409, 413, 415, 422]);
        } else if !self.query.is_empty() {
            all.insert(422);
        }
        all
    }
}

/// Errors at members that the description foretells by the form of a member alone.
const FORETOLD: [&str; 12] =
    ["base64", "choice", "choose", "control", "date", "json", "network", "not-a-time", "too-long", "too-short", "type", "unknown"];

/// Whether a program could have known from the description that a member must not be like this. What it could not know, such as a connection
/// that is not there or a code that is spent, is the state of things and no fault of the request's form.
pub fn foretells(operation: &Operation, member: &str, kind: &str) -> bool {
    match kind {
        "required" => operation.body.is_some_and(|body| schemas::requires(body.schema, member)),
        // Of a list of recipients only the whole has a limit, which its items do not tell.
        "too-long" if member == "audience" => false,
        // A list of cases has its limit among what is said of it.
        "too-many" => member == "cases",
        kind => FORETOLD.contains(&kind),
    }
}

/// The operation of a route's pattern and a method.
pub fn of(route: &str, method: &str) -> Option<&'static Operation> {
    operations::ALL.iter().find(|o| o.path == route && o.method == method)
}

/// What `Allow` says of a route; nothing of one that is no operation's.
pub fn allowed(route: &str) -> Option<String> {
    let methods: Vec<&str> = operations::ALL.iter().filter(|o| o.path == route).map(|o| o.method).collect();
    let head = methods.contains(&"GET").then_some("HEAD");
    (!methods.is_empty()).then(|| methods.iter().copied().chain(head).collect::<Vec<_>>().join(", "))
}
