//! The decision statement: exactly what a decider puts their name to, and what a passkey signs (formats.md, "Decision statement").

use serde::Serialize;

use super::{commitment::MAX_NUMBER, encode::base64, leaf::prints_six_digits, set::Set, tree::Hash};
use crate::{clock::Instant, crypto::sha256};

const DECISIONS: [&str; 3] = ["approve", "return", "reject"];

/// One decision, bound to the case, the message, the people, the policy and the page that the decider saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Id of the case.
    pub case: String,
    /// 1 to 3.
    pub level: u8,
    /// `approve`, `return` or `reject`.
    pub decision: String,
    /// Commitment of the comment: that of the event's `text` part.
    pub comment: Hash,
    /// Commitment of the message that is to be taken back.
    pub message: Hash,
    pub recipients: Set,
    pub policy: Policy,
    pub deadline: Instant,
    /// SHA-256 of the summary as it was shown.
    pub shown: Hash,
    /// Id of the account that decides.
    pub decider: String,
    /// 32 random bytes: no statement is signed twice.
    pub nonce: [u8; 32],
}

/// A policy at one version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Policy {
    pub id: String,
    pub version: u64,
}

/// A field that no statement can hold.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the statement's {0} is not of the form the format asks for")]
pub struct StatementError(pub &'static str);

#[derive(Serialize)]
struct Wire<'s> {
    v: u8,
    case: &'s str,
    level: u8,
    decision: &'s str,
    comment: String,
    message: String,
    recipients: &'s Set,
    policy: &'s Policy,
    deadline: String,
    shown: String,
    decider: &'s str,
    nonce: String,
}

impl Statement {
    /// The canonical bytes. Commitments are base64, other hashes and the nonce lower-case hex.
    pub fn to_bytes(&self) -> Result<Vec<u8>, StatementError> {
        let rules = [
            ("case", !self.case.is_empty()),
            ("level", (1..=3).contains(&self.level)),
            ("decision", DECISIONS.contains(&self.decision.as_str())),
            ("recipients", self.recipients.count <= MAX_NUMBER),
            ("policy", !self.policy.id.is_empty() && self.policy.version <= MAX_NUMBER),
            ("deadline", prints_six_digits(self.deadline)),
            ("decider", !self.decider.is_empty()),
        ];
        if let Some((field, _)) = rules.iter().find(|(_, holds)| !holds) {
            return Err(StatementError(field));
        }
        let wire = Wire {
            v: 1,
            case: &self.case,
            level: self.level,
            decision: &self.decision,
            comment: base64(&self.comment),
            message: base64(&self.message),
            recipients: &self.recipients,
            policy: &self.policy,
            deadline: self.deadline.to_rfc3339(),
            shown: hex::encode(self.shown),
            decider: &self.decider,
            nonce: hex::encode(self.nonce),
        };
        Ok(serde_json_canonicalizer::to_vec(&wire).expect("strings and whole numbers below 2^53 have canonical bytes"))
    }

    /// What a passkey is asked to sign: SHA-256 of [`Statement::to_bytes`].
    pub fn challenge(&self) -> Result<Hash, StatementError> {
        Ok(challenge(&self.to_bytes()?))
    }
}

/// The WebAuthn challenge for a kept statement's bytes.
pub fn challenge(statement: &[u8]) -> Hash {
    sha256(statement)
}
