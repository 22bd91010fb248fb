//! What closes a case: how many events it has, where they lie, and one hash over them all, so that none can be left out of a bundle
//! (formats.md, "Case close").

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::tree::Hash;

/// The events of a case before its `case.closed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closing {
    pub count: u64,
    /// Index of the first event.
    pub first: u64,
    /// Index of the last event.
    pub last: u64,
    /// SHA-256 of the leaf hashes one after the other, in the order of their indices.
    pub leaf_hashes: Hash,
}

impl Closing {
    /// Over (index, leaf hash) of every earlier event of the case. `None` if there is none, or if the indices do not ascend.
    pub fn of(events: impl IntoIterator<Item = (u64, Hash)>) -> Option<Self> {
        let mut hasher = Sha256::new();
        let mut span = None;
        let mut count = 0;
        for (index, hash) in events {
            span = match span {
                None => Some((index, index)),
                Some((first, last)) if last < index => Some((first, index)),
                Some(_) => return None,
            };
            hasher.update(hash);
            count += 1;
        }
        span.map(|(first, last)| Self { count, first, last, leaf_hashes: hasher.finalize().into() })
    }

    /// The `detail` part of `case.closed`: `{"count","first","last","leaf_hashes"}`, the hash in lower-case hex.
    pub fn to_json(&self) -> Value {
        json!({ "count": self.count, "first": self.first, "last": self.last, "leaf_hashes": hex::encode(self.leaf_hashes) })
    }
}
