//! Which parts a purge erased, by name: so that a part that is missing without being named here is a theft.
//!
//! The list is kept beside the log; its hash stands in the leaf of the `parts.purged` event and can never be erased.

use super::{
    leaf::{Purge, is_uuid_v7, is_word},
    tree::Hash,
};
use crate::{clock::Instant, crypto::sha256};

/// Names of erased parts, sorted, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PurgeList(Vec<String>);

/// Why names are no purge list.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PurgeError {
    #[error("a purge names an event by its id and a part by its name")]
    Name,
    #[error("a purge names a part twice")]
    Twice,
    /// Read back in an order, or with line ends, that no list is kept in.
    #[error("the kept purge list is not in its order")]
    Order,
}

impl PurgeList {
    /// The list of (event id, part name), in any order.
    pub fn new<E: AsRef<str>, P: AsRef<str>>(parts: impl IntoIterator<Item = (E, P)>) -> Result<Self, PurgeError> {
        let mut lines = parts.into_iter().map(|(event, part)| line(event.as_ref(), part.as_ref())).collect::<Result<Vec<_>, _>>()?;
        lines.sort_unstable();
        if lines.windows(2).any(|pair| pair[0] == pair[1]) { Err(PurgeError::Twice) } else { Ok(Self(lines)) }
    }

    /// Reads [`PurgeList::text`]; any other order or spelling is refused.
    pub fn parse(text: &str) -> Result<Self, PurgeError> {
        let parts = text.lines().map(|line| line.split_once('/').ok_or(PurgeError::Name)).collect::<Result<Vec<_>, _>>()?;
        let list = Self::new(parts)?;
        if list.text() == text { Ok(list) } else { Err(PurgeError::Order) }
    }

    /// How many parts.
    pub fn count(&self) -> u64 {
        self.0.len() as u64
    }

    /// The list as it is kept and hashed: `event id/part name` and a line feed, sorted by bytes.
    pub fn text(&self) -> String {
        self.0.concat()
    }

    /// SHA-256 of [`PurgeList::text`].
    pub fn hash(&self) -> Hash {
        sha256(self.text().as_bytes())
    }

    /// (event id, part name) of each, in the order of the list.
    pub fn parts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|line| line.trim_end_matches('\n').split_once('/'))
    }

    /// Whether the part was erased by this purge.
    pub fn contains(&self, event: &str, part: &str) -> bool {
        line(event, part).is_ok_and(|line| self.0.binary_search(&line).is_ok())
    }

    /// What the leaf of the purge carries; `before` is the cut-off.
    pub fn to_leaf(&self, before: Instant) -> Purge {
        Purge { count: self.count(), before, ids: self.hash() }
    }
}

fn line(event: &str, part: &str) -> Result<String, PurgeError> {
    if is_uuid_v7(event) && is_word(part) { Ok(format!("{event}/{part}\n")) } else { Err(PurgeError::Name) }
}
