//! Sets: a hundred thousand recipients, or an attachment list, bound by one root in a statement (formats.md, "Sets").
//!
//! Each row is a leaf of its own small tree, `salt || canonical bytes`, in byte order of the platform's id. A row can be shown to belong
//! without showing the others: collect [`leaf`]s in a [`super::tree::Memory`] and prove from there.

use serde::{Deserialize, Serialize};

use super::{
    encode::unhex,
    tree::{Frontier, Hash, leaf_hash},
};

/// What stands for a set: how many rows, and their root. In JSON `{"count":5,"root":"<64 hex digits>"}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Wire", try_from = "Wire")]
pub struct Set {
    pub count: u64,
    pub root: Hash,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    count: u64,
    root: String,
}

impl From<Set> for Wire {
    fn from(set: Set) -> Self {
        Self { count: set.count, root: hex::encode(set.root) }
    }
}

/// JSON that is no [`Set`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a set's root is 64 lower-case hexadecimal digits")]
pub struct SetError;

impl TryFrom<Wire> for Set {
    type Error = SetError;

    fn try_from(wire: Wire) -> Result<Self, SetError> {
        Ok(Self { count: wire.count, root: unhex(&wire.root).ok_or(SetError)? })
    }
}

impl Set {
    /// The set of `rows` (salt, canonical bytes), which the caller has put in byte order of the platform's id.
    pub fn of<B: AsRef<[u8]>>(rows: impl IntoIterator<Item = ([u8; 16], B)>) -> Self {
        let mut frontier = Frontier::new();
        frontier.extend(rows.into_iter().map(|(salt, value)| leaf(&salt, value.as_ref())));
        Self { count: frontier.size(), root: frontier.root() }
    }
}

/// The root of `rows`; see [`Set::of`].
pub fn root<B: AsRef<[u8]>>(rows: impl IntoIterator<Item = ([u8; 16], B)>) -> Hash {
    Set::of(rows).root
}

/// The leaf hash of one row.
pub fn leaf(salt: &[u8; 16], value: &[u8]) -> Hash {
    leaf_hash(&[salt, value].concat())
}
