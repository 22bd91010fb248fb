//! What a bundle is made from: plain data that `app::evidence` collected from the database. Nothing here knows where it came from.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    revocation::Known,
    timestamps::{Renewal, Token},
};
use crate::{
    clock::Instant,
    crypto::webauthn::Signed,
    domain::recall::weighing::Answers,
    ledger::{mldsa::MldsaVkey, note::Vkey, set::Set, succession::Link, tree::Hash},
};

/// Everything about one case at one size of the log.
#[derive(Clone, Debug)]
pub struct Collected {
    /// `EVID-20261122-000123`; also the folder's name.
    pub number: String,
    pub issue: Issue,
    pub case: Case,
    pub log: Log,
    /// Events of the case in the order of their index.
    pub events: Vec<Entry>,
    pub decisions: Vec<Decision>,
    /// In byte order of their platform id, as the set's root wants it.
    pub recipients: Vec<Recipient>,
    pub calls: Vec<Call>,
    pub messages: Vec<Message>,
    pub attachments: Vec<Attachment>,
    /// Checkpoints of the log that authorities have stamped, in order of size.
    pub anchors: Vec<Anchor>,
    /// What renewed the tokens over them, the oldest first.
    pub renewals: Vec<Renewal>,
    /// How the log's keys followed each other.
    pub successions: Vec<Link>,
    /// Roots of the authorities that the settings name, PEM; empty without any.
    pub authorities: String,
    /// What is known of revocation; `None` of a bundle as older versions made it.
    pub revocation: Option<Revocation>,
    /// Versions, system, database, settings' hash, state of the clock.
    pub environment: Value,
    /// IANA name of the zone for local times.
    pub zone: String,
    /// The company.
    pub organisation: String,
}

/// What is known of revocation when a bundle is made. The lists about tokens go with the tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revocation {
    /// Of the certificate that signs, where one does.
    pub signer: Option<Known>,
}

/// Why and by whom this bundle was made; the part that differs from one export of a case to the next.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Issue {
    /// `archive`: sealed by itself when the case closed. `export`: asked for.
    pub kind: String,
    pub made_at: Instant,
    /// `user`, `token`, `job` or `system`, and its id.
    pub operator_kind: String,
    pub operator_id: String,
    pub operator_name: String,
    pub purpose: Option<String>,
}

/// The case and its broadcast.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Case {
    pub id: String,
    /// `FR-20261122-0001`.
    pub number: String,
    pub state: String,
    /// `api` or `guided`.
    pub mode: String,
    pub harm_class: String,
    pub requester: String,
    pub broadcast: String,
    /// `sent`, `imported` or `reported`.
    pub broadcast_origin: String,
    pub platform: String,
    pub channel: String,
    pub sent_at: Option<String>,
    pub sent_at_source: Option<String>,
    pub submitted_at: String,
    pub approved_at: Option<String>,
    pub finished_at: Option<String>,
    pub closed_at: Option<String>,
    /// End of the recall window, less the reserve.
    pub cut_off: Option<String>,
    /// Commitment of the message, hex.
    pub message_commitment: String,
    pub recipients: Set,
    pub policy_id: String,
    pub policy_version: u64,
    /// Outcomes counted, as `recall.finished` recorded them.
    pub tally: Option<Value>,
}

/// The log that the events lie in.
#[derive(Clone, Debug)]
pub struct Log {
    /// The signed checkpoint that the proofs lead to.
    pub note: String,
    pub vkey: Vkey,
    /// The log's second key, if it signed the note too.
    pub mldsa: Option<MldsaVkey>,
    /// The log's size that the contents were taken at; never above the checkpoint's.
    pub as_of: u64,
}

/// A checkpoint whose time is attested from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    pub size: u64,
    /// The text of the checkpoint, which is what was stamped.
    pub text: Vec<u8>,
    /// At least one.
    pub tokens: Vec<Token>,
    /// From the smaller to the larger of this checkpoint and the bundle's (RFC 9162 §2.1.4).
    pub consistency: Vec<Hash>,
}

/// One event.
#[derive(Clone, Debug)]
pub struct Entry {
    pub index: u64,
    /// The exact bytes of the leaf.
    pub leaf: Vec<u8>,
    pub parts: Vec<Part>,
    /// Siblings up to the checkpoint's root.
    pub proof: Vec<Hash>,
}

/// One erasable part of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub name: String,
    pub content: Content,
}

/// What is shown of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// The salt and the canonical bytes that open the commitment.
    Open { salt: [u8; 32], value: Vec<u8> },
    /// Why not: `purged`, or a rule's name.
    Withheld(String),
}

/// One decision of a reviewer.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Decision {
    pub round: u64,
    pub level: u64,
    /// Id of the account.
    pub decider: String,
    /// Id of who it was decided for, if not in the decider's own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// `approve`, `return` or `reject`.
    pub decision: String,
    /// What level 2 was asked and answered: `yes`, `no` or `unanswered`; absent where nothing was asked, as in bundles of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<Answers>,
    pub comment: Option<String>,
    /// Opens the statement's commitment of the comment, hex.
    pub comment_salt: Option<String>,
    /// How identity was proven: `totp` or `passkey`.
    pub method: String,
    /// The signature over the statement, where a passkey made one; absent where its event's detail has been purged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passkey: Option<Signed>,
    pub at: Instant,
    /// Id of its `recall.decided` event.
    pub event: String,
    /// The canonical bytes of the statement, as text.
    pub statement: String,
    /// What the page showed, as hashed into the statement; absent where it has been purged.
    pub shown: Option<String>,
}

/// One recipient and what became of the message there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    pub platform_id: String,
    /// Of its leaf in the set of recipients.
    pub salt: [u8; 16],
    pub message: Option<String>,
    pub delivery: String,
    pub read_state: String,
    pub read_at: Option<Instant>,
    pub read_source: String,
    pub outcome: Option<String>,
    pub outcome_at: Option<Instant>,
}

/// One call to a platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub id: String,
    /// `send`, `recall`, `read_back`, …
    pub kind: String,
    pub message: Option<String>,
    pub attempt: i64,
    pub state: String,
    pub started_at: Instant,
    pub answered_at: Option<Instant>,
    pub result: Option<String>,
    pub code: Option<String>,
    /// Request and answer as they crossed the wire, secrets removed: the very bytes (JSON) whose hash the answer's event carries. `None`
    /// while no answer is recorded.
    pub raw: Option<Vec<u8>>,
    pub started_event: String,
    pub answered_event: Option<String>,
}

/// The message that was taken back, or the reason why it is not shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Broadcast's id.
    pub id: String,
    pub content: Content,
    /// The platform's ids of the pieces.
    pub platform_ids: Vec<String>,
}

/// A file that belongs to the case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    pub id: String,
    /// `original`, `screenshot` or `capture`.
    pub kind: String,
    pub name: String,
    pub media_type: String,
    pub size: u64,
    pub sha256: [u8; 32],
    pub uploaded_by: String,
    pub uploaded_at: Instant,
    pub confirmed_by: Option<String>,
    /// `Err` holds the reason why it is withheld.
    pub bytes: Result<Vec<u8>, String>,
}
