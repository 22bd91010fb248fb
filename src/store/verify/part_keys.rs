//! The keys of parts: whether each opens, and whether each that is gone is told of. A key that somebody took away is a theft of all parts
//! that it sealed; one that a restore did not find leaves parts that nobody can look at, which is neither.

use std::collections::BTreeMap;

use diesel::prelude::*;
use zeroize::Zeroizing;

use super::{Audit, Kind, Walked, readable, rows::Cell, waiting::Waiting};
use crate::{
    crypto::seal::Key,
    domain::event::Action,
    store::{
        Conn, StoreError,
        part_keys::{KeyState, split, unwrap},
        schema::part_keys,
        signer,
    },
};

/// How a key ended, as an event says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Destroyed,
    Lost,
}

impl Ending {
    /// The ending that an action tells of.
    pub(super) fn of(action: &str) -> Option<Self> {
        match action {
            _ if action == Action::PartKeyDestroyed.as_str() => Some(Self::Destroyed),
            _ if action == Action::PartKeyLost.as_str() => Some(Self::Lost),
            _ => None,
        }
    }
}

/// A part that was looked at.
pub(super) enum Found {
    /// Its salt and its value.
    Open([u8; 32], Zeroizing<Vec<u8>>),
    Damaged,
    /// The key of its bucket is gone.
    Keyless(String),
}

/// All keys, opened.
pub(super) struct PartKeys {
    /// The installation's own, for parts without a bucket.
    own: Key,
    living: BTreeMap<String, Key>,
    gone: BTreeMap<String, KeyState>,
}

impl PartKeys {
    /// Reads every row.
    pub(super) fn collect(conn: &mut Conn, audit: &mut Audit<'_>) -> Result<Self, StoreError> {
        let mut keys = Self { own: audit.keys.parts_key(), living: BTreeMap::new(), gone: BTreeMap::new() };
        let rows = part_keys::table.order(part_keys::bucket).load(conn);
        let rows: Vec<(String, String, Option<Vec<u8>>)> = readable(audit, Kind::Key, "part_keys", rows)?;
        let wrapping = audit.keys.wrapping_key();
        for (bucket, state, sealed) in rows {
            match (KeyState::parse(&state), sealed) {
                (Some(KeyState::Living | KeyState::Spent), Some(sealed)) => match unwrap(&wrapping, &bucket, &sealed) {
                    Some(key) => drop(keys.living.insert(bucket, key)),
                    None => audit.problem(Kind::Key, "part_keys", None, format!("the key of {bucket} does not open")),
                },
                (Some(state @ (KeyState::Destroyed | KeyState::Lost)), None) => drop(keys.gone.insert(bucket, state)),
                _ => audit.problem(Kind::Key, "part_keys", None, format!("the key of {bucket} is {state}, and cannot be")),
            }
        }
        Ok(keys)
    }

    /// Opens a part by the cells of its row.
    pub(super) fn open(&self, bucket: Cell<'_>, context: &str, salt: Cell<'_>, sealed: Cell<'_>) -> Found {
        let (Some(salt), Some(sealed)) = (salt.bytes(), sealed.bytes()) else { return Found::Damaged };
        let opened = match bucket {
            Cell::Null => self.own.open(context, sealed).ok().map(|value| (salt.to_vec(), value)),
            other => {
                let Some(bucket) = other.text().and_then(|text| std::str::from_utf8(text).ok()) else { return Found::Damaged };
                let Some(key) = self.living.get(bucket) else { return Found::Keyless(bucket.to_owned()) };
                // The salt lies in the box; what stands beside it was put there past the product.
                key.open(context, sealed).ok().and_then(split).filter(|_| salt.is_empty())
            }
        };
        match opened.and_then(|(salt, value)| Some((<[u8; 32]>::try_from(salt).ok()?, value))) {
            Some((salt, value)) => Found::Open(salt, value),
            None => Found::Damaged,
        }
    }

    /// Holds the keys that are gone against what the log tells of them.
    pub(super) fn settle(
        &self,
        conn: &mut Conn,
        audit: &mut Audit<'_>,
        walked: &Walked,
        waiting: &Waiting,
        restoring: bool,
    ) -> Result<(), StoreError> {
        // A restored log that must not go on cannot tell; on PostgreSQL an event may still wait for its index.
        let tells = !restoring && signer::behind(conn)?.is_none();
        let certain = |bucket: &str| tells && !waiting.tells_of(bucket);
        let told = |bucket: &str, how: Ending| walked.endings.iter().any(|(_, ending, of)| *ending == how && of == bucket);
        for (bucket, parts) in &walked.unopened {
            match self.gone.get(bucket) {
                Some(KeyState::Lost) if told(bucket, Ending::Lost) || !certain(bucket) => {
                    audit.report.unopened.insert(bucket.clone(), *parts);
                    audit.report.ok = false;
                }
                state => {
                    audit.problem(Kind::Key, "part_keys", None, format!("{parts} parts of {bucket} have no key, and nothing tells why"));
                    // Either the key was taken, or the parts name one that never was.
                    if state.is_none() {
                        audit.problem(Kind::Part, "log_parts", None, format!("{parts} parts name the key of {bucket}, and there is none"));
                    }
                }
            }
        }
        for (bucket, state) in &self.gone {
            let how = if *state == KeyState::Destroyed { Ending::Destroyed } else { Ending::Lost };
            if certain(bucket) && !told(bucket, how) {
                audit.problem(Kind::Key, "part_keys", None, format!("the key of {bucket} is {state}, and no event tells of it"));
            }
        }
        for (index, ending, bucket) in &walked.endings {
            let stands = match ending {
                Ending::Destroyed => self.gone.get(bucket) == Some(&KeyState::Destroyed),
                // It may have been found again.
                Ending::Lost => self.gone.contains_key(bucket) || self.living.contains_key(bucket),
            };
            if !stands {
                audit.problem(Kind::Key, "part_keys", Some(*index), format!("the key of {bucket}, which this event ended, is not as it says"));
            }
        }
        Ok(())
    }
}
