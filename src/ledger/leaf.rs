//! The leaf: the bytes that stand for one event in the log, for ever.
//!
//! Nothing in it may ever have to be erased: opaque ids, a time, an action, and one salted commitment a part (formats.md, "Leaf").
//! The parts themselves, their salts and their purge are the store's.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    encode::{base64, unbase64_array, unhex},
    tree::{Hash, leaf_hash},
};
use crate::clock::Instant;

/// An entry bundle writes an entry's length in two bytes (C2SP tlog-tiles), so no leaf is longer than this.
pub const MAX_LEN: usize = 0xffff;

const VERSION: u64 = 1;
pub(super) const OUTCOMES: [&str; 3] = ["success", "refused", "failed"];
pub(super) const ACTOR_KINDS: [&str; 4] = ["user", "token", "job", "system"];

/// Who did it, or what it was done to: a kind and an opaque id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Party {
    pub kind: String,
    pub id: String,
}

/// What a `parts.purged` event erased, in the leaf itself so that it can never be erased in turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purge {
    /// How many parts went.
    pub count: u64,
    /// Parts of events before this instant were due.
    pub before: Instant,
    /// [`super::purge::PurgeList::hash`].
    pub ids: Hash,
}

/// One event as the log keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// UUIDv7, lower case.
    pub id: String,
    pub at: Instant,
    /// Dotted, noun then past participle.
    pub action: String,
    /// `success`, `refused` or `failed`.
    pub outcome: String,
    /// Its kind is `user`, `token`, `job` or `system`.
    pub actor: Party,
    pub subject: Party,
    pub session: Option<String>,
    pub case: Option<String>,
    /// The server that recorded it, where there are several.
    pub node: Option<String>,
    /// Part name -> [`super::commitment::commit`].
    pub parts: BTreeMap<String, [u8; 32]>,
    /// On `parts.purged`, and only there.
    pub purge: Option<Purge>,
}

/// Why an event is no leaf, or bytes are none.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LeafError {
    #[error("not the JSON object of a leaf")]
    Shape,
    #[error("leaf of version {0}; this program reads version 1")]
    Version(u64),
    /// A field that no leaf of version 1 can hold.
    #[error("the leaf's {0} is not of the form the format asks for")]
    Field(&'static str),
    /// It says something a leaf can say, in bytes that are not RFC 8785 or with something left over.
    #[error("not the canonical bytes of a leaf")]
    NotCanonical,
    #[error("a leaf of {0} bytes; the limit is {MAX_LEN}")]
    TooLong(usize),
}

/// What bytes say, before it is known whether they say it canonically.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    v: u64,
    id: String,
    at: String,
    action: String,
    outcome: String,
    actor: Party,
    subject: Party,
    session: Option<String>,
    case: Option<String>,
    node: Option<String>,
    parts: BTreeMap<String, String>,
    purge: Option<WirePurge>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WirePurge {
    count: u64,
    before: String,
    ids: String,
}

/// Read where the rest cannot be, so that a later version is named as such.
#[derive(Deserialize)]
struct Version {
    v: u64,
}

/// A leaf with its keys in RFC 8785's order. They are fixed and ASCII, as part names are; numbers are whole: then plain serde_json writes
/// the canonical bytes, several times faster than sorting what is sorted. `tests/it/ledger/leaf.rs` holds it against a canonicaliser.
#[derive(Serialize)]
struct Canonical<'a> {
    action: &'a str,
    actor: CanonicalParty<'a>,
    at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    case: Option<&'a str>,
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<&'a str>,
    outcome: &'a str,
    parts: BTreeMap<&'a str, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purge: Option<CanonicalPurge>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<&'a str>,
    subject: CanonicalParty<'a>,
    v: u64,
}

#[derive(Serialize)]
struct CanonicalParty<'a> {
    id: &'a str,
    kind: &'a str,
}

#[derive(Serialize)]
struct CanonicalPurge {
    before: String,
    count: u64,
    ids: String,
}

impl Party {
    fn canonical(&self) -> CanonicalParty<'_> {
        CanonicalParty { id: &self.id, kind: &self.kind }
    }
}

impl Leaf {
    /// The canonical bytes, at most [`MAX_LEN`]. Refuses fields that [`Leaf::parse`] would not read back.
    pub fn to_bytes(&self) -> Result<Vec<u8>, LeafError> {
        self.check()?;
        let canonical = Canonical {
            action: &self.action,
            actor: self.actor.canonical(),
            at: self.at.to_rfc3339(),
            case: self.case.as_deref(),
            id: &self.id,
            node: self.node.as_deref(),
            outcome: &self.outcome,
            parts: self.parts.iter().map(|(name, commitment)| (name.as_str(), base64(commitment))).collect(),
            purge: self.purge.as_ref().map(|p| CanonicalPurge { before: p.before.to_rfc3339(), count: p.count, ids: hex::encode(p.ids) }),
            session: self.session.as_deref(),
            subject: self.subject.canonical(),
            v: VERSION,
        };
        let bytes = serde_json::to_vec(&canonical).map_err(|_| LeafError::Shape)?;
        if bytes.len() > MAX_LEN { Err(LeafError::TooLong(bytes.len())) } else { Ok(bytes) }
    }

    /// Reads exactly what [`Leaf::to_bytes`] writes, byte for byte; anything else is refused. Part names are not restricted to those
    /// known today, keys of the leaf are.
    pub fn parse(bytes: &[u8]) -> Result<Self, LeafError> {
        if bytes.len() > MAX_LEN {
            return Err(LeafError::TooLong(bytes.len()));
        }
        let wire: Wire = serde_json::from_slice(bytes).map_err(|_| match serde_json::from_slice(bytes) {
            Ok(Version { v }) if v != VERSION => LeafError::Version(v),
            _ => LeafError::Shape,
        })?;
        if wire.v != VERSION {
            return Err(LeafError::Version(wire.v));
        }
        let instant = |text: &str, field| Instant::parse(text).ok_or(LeafError::Field(field));
        let leaf = Self {
            id: wire.id,
            at: instant(&wire.at, "at")?,
            action: wire.action,
            outcome: wire.outcome,
            actor: wire.actor,
            subject: wire.subject,
            session: wire.session,
            case: wire.case,
            node: wire.node,
            parts: wire
                .parts
                .into_iter()
                .map(|(name, text)| Ok((name, unbase64_array(&text).ok_or(LeafError::Field("parts"))?)))
                .collect::<Result<_, _>>()?,
            purge: match wire.purge {
                Some(p) => Some(Purge { count: p.count, before: instant(&p.before, "purge")?, ids: unhex(&p.ids).ok_or(LeafError::Field("purge"))? }),
                None => None,
            },
        };
        if leaf.to_bytes()? == bytes { Ok(leaf) } else { Err(LeafError::NotCanonical) }
    }

    /// The RFC 6962 leaf hash of [`Leaf::to_bytes`].
    pub fn hash(&self) -> Result<Hash, LeafError> {
        Ok(leaf_hash(&self.to_bytes()?))
    }

    fn check(&self) -> Result<(), LeafError> {
        let given = |text: &Option<String>| text.as_ref().is_none_or(|text| !text.is_empty());
        let rules = [
            ("id", is_uuid_v7(&self.id)),
            ("at", prints_six_digits(self.at)),
            ("action", is_action(&self.action)),
            ("outcome", OUTCOMES.contains(&self.outcome.as_str())),
            ("actor", ACTOR_KINDS.contains(&self.actor.kind.as_str()) && !self.actor.id.is_empty()),
            ("subject", is_word(&self.subject.kind) && !self.subject.id.is_empty()),
            ("session", given(&self.session)),
            ("case", given(&self.case)),
            ("node", given(&self.node)),
            ("parts", self.parts.keys().all(|name| is_word(name))),
            ("purge", self.purge.as_ref().is_none_or(|p| p.count <= super::commitment::MAX_NUMBER && prints_six_digits(p.before))),
            ("purge", self.purge.is_some() == (self.action == "parts.purged")),
        ];
        rules.iter().find(|(_, holds)| !holds).map_or(Ok(()), |(field, _)| Err(LeafError::Field(field)))
    }
}

/// Two words with a dot between.
pub(super) fn is_action(text: &str) -> bool {
    text.split_once('.').is_some_and(|(noun, participle)| is_word(noun) && is_word(participle))
}

/// Lower-case letters, digits and underscores: part names stay unambiguous in a purge list (`event id/part name`, one a line).
pub(super) fn is_word(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

/// RFC 9562: 8-4-4-4-12 lower-case hexadecimal digits, version 7, variant `10`.
pub(super) fn is_uuid_v7(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            14 => b == b'7',
            19 => matches!(b, b'8' | b'9' | b'a' | b'b'),
            _ => matches!(b, b'0'..=b'9' | b'a'..=b'f'),
        })
}

/// Years 0000 to 9999, as far as the clock's calendar goes; outside them the text has another length or names another instant.
pub(super) fn prints_six_digits(at: Instant) -> bool {
    at.unix_seconds() >= YEAR_0 && at.timestamp().as_microsecond() == at.0
}

/// 0000-01-01T00:00:00Z in seconds since 1970.
const YEAR_0: i64 = -62_167_219_200;
