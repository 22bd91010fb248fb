//! Keys of parts: one for each month and class of events (`domain::kept`), made before the first part that it seals, wrapped by a key
//! that is derived from the envelope key. A part is sealed together with its salt, so that without the key nothing can be tried against the
//! commitment in the leaf. Parts without a bucket are of an earlier version: under the installation's own key, their salt beside them.
//!
//! Not here: how a key ends (`key_ends`), the copy of the living ones (`key_copy`).

use std::collections::BTreeMap;

use diesel::prelude::*;
use zeroize::Zeroizing;

use super::{
    Conn, StoreError,
    schema::{log_parts, log_search, part_keys},
    tx::{PartRow, part_context},
};
use crate::{
    clock::Instant,
    crypto::{keyring::Keyring, seal::Key},
    domain::kept::{self, EventClass},
    on_each, words,
};

words! {
    /// Where a key stands.
    pub enum KeyState {
        /// Seals and opens.
        Living = "living",
        /// Only opens: what it sealed is being moved away, and then it goes.
        Spent = "spent",
        Destroyed = "destroyed",
        /// A restore did not find it.
        Lost = "lost",
    }
}

/// Bytes of a salt, in front of the value in a sealed part.
const SALT: usize = 32;

/// What binds a wrapped key to its bucket.
fn context(bucket: &str) -> String {
    format!("part_keys/{bucket}")
}

/// The key in a wrapped one.
pub(super) fn unwrap(wrapping: &Key, bucket: &str, sealed: &[u8]) -> Option<Key> {
    wrapping.open(&context(bucket), sealed).ok().and_then(|bytes| Key::from_bytes(&bytes))
}

/// The keys that one transaction has sealed with. Asked for anew in each: another process may have ended one meanwhile.
#[derive(Default)]
pub(super) struct Sealing(Vec<(String, String, Key)>);

impl Sealing {
    /// Seals a part of an event of `class` at `at`; its bucket and the box.
    pub(super) fn seal(
        &mut self,
        conn: &mut Conn,
        keys: &Keyring,
        (at, class): (Instant, EventClass),
        context: &str,
        (salt, value): (&[u8; SALT], &[u8]),
    ) -> Result<(String, Vec<u8>), StoreError> {
        let wanted = kept::bucket(at, class);
        let place = match self.0.iter().position(|(of, ..)| *of == wanted) {
            Some(place) => place,
            None => {
                let (bucket, key) = living(conn, &keys.wrapping_key(), &wanted)?;
                self.0.push((wanted, bucket, key));
                self.0.len() - 1
            }
        };
        let (_, bucket, key) = &self.0[place];
        Ok((bucket.clone(), seal(key, context, salt, value)))
    }
}

pub(super) fn seal(key: &Key, context: &str, salt: &[u8], value: &[u8]) -> Vec<u8> {
    key.seal(context, &Zeroizing::new([salt, value].concat()))
}

/// The living key of a bucket, or of its next generation where that has ended; made if there is none yet.
fn living(conn: &mut Conn, wrapping: &Key, wanted: &str) -> Result<(String, Key), StoreError> {
    let mut generation = 1;
    loop {
        let bucket = if generation == 1 { wanted.to_owned() } else { format!("{wanted}/{generation}") };
        let row: Option<(String, Option<Vec<u8>>)> =
            part_keys::table.find(&bucket).select((part_keys::state, part_keys::sealed)).first(conn).optional()?;
        match row {
            None => {
                let key = make(conn, wrapping, &bucket)?;
                return Ok((bucket, key));
            }
            Some((state, Some(sealed))) if state == KeyState::Living.as_str() => {
                let key = unwrap(wrapping, &bucket, &sealed).ok_or_else(|| StoreError::Corrupt(format!("the key of {bucket} does not open")))?;
                return Ok((bucket, key));
            }
            Some(_) => generation += 1,
        }
    }
}

/// Those of the events at `indices` of which a part lies under a key that a restore did not find.
pub(super) fn lost_among(conn: &mut Conn, indices: &[i64]) -> Result<Vec<i64>, StoreError> {
    let lost: Vec<String> = part_keys::table.filter(part_keys::state.eq(KeyState::Lost.as_str())).select(part_keys::bucket).load(conn)?;
    if lost.is_empty() {
        return Ok(Vec::new());
    }
    let of = log_search::table.filter(log_search::idx.eq_any(indices.to_vec()));
    let events: Vec<(i64, String)> = of.select((log_search::idx, log_search::event_id)).load(conn)?;
    let ids: Vec<&String> = events.iter().map(|(_, id)| id).collect();
    let parts = log_parts::table.filter(log_parts::event_id.eq_any(ids)).filter(log_parts::bucket.assume_not_null().eq_any(lost));
    let closed: Vec<String> = parts.select(log_parts::event_id).distinct().load(conn)?;
    Ok(events.into_iter().filter(|(_, id)| closed.contains(id)).map(|(idx, _)| idx).collect())
}

/// A fresh key. Two writers who want the same on PostgreSQL: the later one runs again and finds it.
pub(super) fn make(conn: &mut Conn, wrapping: &Key, bucket: &str) -> Result<Key, StoreError> {
    let key = Key::fresh();
    let row = (
        part_keys::bucket.eq(bucket.to_owned()),
        part_keys::state.eq(KeyState::Living.as_str()),
        part_keys::sealed.eq(Some(wrapping.seal(&context(bucket), key.as_bytes()))),
    );
    let made = on_each!(&mut *conn, c => diesel::insert_into(part_keys::table).values(row).on_conflict_do_nothing().execute(c))?;
    if made == 1 { Ok(key) } else { Err(StoreError::Serialization) }
}

/// Opens parts; remembers the keys that it has seen.
pub(super) struct Opener {
    own: Key,
    wrapping: Key,
    keys: BTreeMap<String, Option<Key>>,
}

/// A part's salt and value.
type Open = (Vec<u8>, Zeroizing<Vec<u8>>);

impl Opener {
    pub(super) fn new(keys: &Keyring) -> Self {
        Self { own: keys.parts_key(), wrapping: keys.wrapping_key(), keys: BTreeMap::new() }
    }

    /// Opens a part; `None` if its key is gone.
    ///
    /// # Errors
    /// [`StoreError::Unsealable`] if it was changed.
    pub(super) fn open(&mut self, conn: &mut Conn, row: &PartRow) -> Result<Option<Open>, StoreError> {
        let context = part_context(&row.event_id, &row.name);
        let Some(bucket) = &row.bucket else {
            return Ok(Some((row.salt.clone(), self.own.open(&context, &row.sealed)?)));
        };
        if !self.keys.contains_key(bucket) {
            let sealed: Option<Option<Vec<u8>>> = part_keys::table.find(bucket).select(part_keys::sealed).first(conn).optional()?;
            let key = sealed.flatten().and_then(|sealed| unwrap(&self.wrapping, bucket, &sealed));
            self.keys.insert(bucket.clone(), key);
        }
        match self.keys.get(bucket) {
            Some(Some(key)) => split(key.open(&context, &row.sealed)?).map(Some).ok_or(StoreError::Unsealable(crate::crypto::seal::Unsealable)),
            _ => Ok(None),
        }
    }
}

/// Salt and value of an opened box.
pub(super) fn split(mut plain: Zeroizing<Vec<u8>>) -> Option<Open> {
    (plain.len() >= SALT).then(|| {
        let salt = plain.drain(..SALT).collect();
        (salt, plain)
    })
}
