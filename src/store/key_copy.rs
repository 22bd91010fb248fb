//! The copy of the living part keys: one file that is replaced each time, so that a key that was destroyed vanishes from it. It is not in
//! a backup, and a backup is of no use for the trail's erasable parts without it. Each key lies in it as in the database, wrapped by a key
//! that is derived from the envelope key; a MAC by the installation says whose it is.
//!
//! Also what a restore does with it: it puts the keys back, says of those that are missing that they are lost, and makes again from the
//! parts what a backup leaves out.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Conn, Store, StoreError, Tx,
    part_keys::{KeyState, Opener},
    schema::{decisions, log_events, log_parts, log_pending, log_search, part_keys},
    search::{FROM_PARTS, field},
    tx::PartRow,
};
use crate::{
    crypto::{self, keyring::Keyring, private},
    domain::event::{Action, Event, Subject},
    ledger::leaf::Leaf,
};

/// The word and the number by which a reader knows what it has before it.
const FORMAT: &str = "countermand-part-keys";
const VERSION: u64 = 1;

/// One key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    bucket: String,
    /// Wrapped, hex.
    sealed: String,
}

/// The file, a JSON object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyCopy {
    format: String,
    v: u64,
    /// Of the log.
    origin: String,
    keys: Vec<Entry>,
    /// HMAC-SHA-256 over the others, hex.
    mac: String,
}

impl KeyCopy {
    fn mac(&self, keys: &Keyring) -> String {
        let listed: Vec<String> = self.keys.iter().map(|e| format!("{} {}\n", e.bucket, e.sealed)).collect();
        let text = format!("{} {} {}\n{}", self.format, self.v, self.origin, listed.concat());
        hex::encode(crypto::hmac_sha256(keys.backup_key().as_bytes(), text.as_bytes()))
    }

    /// Reads a copy.
    ///
    /// # Errors
    /// Says what it is instead: no copy, one of another version, of another installation, or one that was changed.
    pub fn parse(text: &str, keys: &Keyring) -> Result<Self, String> {
        let copy: Self = serde_json::from_str(text).map_err(|e| format!("it is no copy of part keys: {e}"))?;
        if copy.format != FORMAT || copy.v != VERSION {
            return Err(format!("{} of version {} is no copy of part keys that this program can read", copy.format, copy.v));
        }
        if crypto::same(copy.mac(keys).as_bytes(), copy.mac.as_bytes()) {
            Ok(copy)
        } else {
            Err("it is not of this installation, or was changed".to_owned())
        }
    }

    /// How many keys are in it.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether no key is in it.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

/// The name that the copy has beside the backups, where no other place is given: of the installation `origin`.
pub fn file_name(origin: &str) -> String {
    format!("part-keys-{}.json", origin.rsplit('/').next().unwrap_or(origin))
}

impl Store {
    /// The living keys as they are now.
    pub fn key_copy(&self) -> Result<KeyCopy, StoreError> {
        let rows: Vec<(String, Option<Vec<u8>>)> = self.read_now(|conn| {
            let living = part_keys::table.filter(part_keys::sealed.is_not_null()).order(part_keys::bucket);
            Ok(living.select((part_keys::bucket, part_keys::sealed)).load(conn)?)
        })?;
        let keys = rows.into_iter().filter_map(|(bucket, sealed)| Some(Entry { bucket, sealed: hex::encode(sealed?) })).collect();
        let mut copy = KeyCopy { format: FORMAT.to_owned(), v: VERSION, origin: self.origin().to_owned(), keys, mac: String::new() };
        copy.mac = copy.mac(self.keys());
        Ok(copy)
    }

    /// Puts the living keys in the place of an earlier copy at `path`, whole or not at all.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] names a file that cannot be written.
    pub fn write_key_copy(&self, path: &Path) -> Result<KeyCopy, StoreError> {
        let copy = self.key_copy()?;
        let text = serde_json::to_string_pretty(&copy).map_err(|e| StoreError::Corrupt(e.to_string()))?;
        private::replace(path, format!("{text}\n").as_bytes()).map_err(|e| StoreError::Unavailable(format!("{}: {e}", path.display())))?;
        Ok(copy)
    }
}

/// After the tables were filled from a backup: puts the keys of `copy` back, but those that the log says were destroyed, and marks as lost
/// those that parts ask for and nobody has. Answers the lost buckets.
pub fn put_back(conn: &mut Conn, copy: Option<&KeyCopy>) -> Result<Vec<String>, StoreError> {
    let action = Action::PartKeyDestroyed.as_str();
    let mut destroyed: BTreeSet<String> =
        log_search::table.filter(log_search::action.eq(action)).select(log_search::subject_id).load(conn)?.into_iter().collect();
    let pending: Vec<Vec<u8>> = log_pending::table.select(log_pending::leaf).load(conn)?;
    destroyed.extend(pending.iter().filter_map(|bytes| Leaf::parse(bytes).ok()).filter(|leaf| leaf.action == action).map(|leaf| leaf.subject.id));
    let mut living = BTreeSet::new();
    for entry in copy.map(|copy| copy.keys.as_slice()).unwrap_or_default() {
        if !destroyed.contains(&entry.bucket) && living.insert(entry.bucket.clone()) {
            let sealed = hex::decode(&entry.sealed).map_err(|e| StoreError::Corrupt(format!("the copied key of {}: {e}", entry.bucket)))?;
            insert(conn, &entry.bucket, KeyState::Living, Some(sealed))?;
        }
    }
    for bucket in &destroyed {
        insert(conn, bucket, KeyState::Destroyed, None)?;
    }
    let asked: Vec<Option<String>> = log_parts::table.filter(log_parts::bucket.is_not_null()).select(log_parts::bucket).distinct().load(conn)?;
    let lost: Vec<String> = asked.into_iter().flatten().filter(|bucket| !living.contains(bucket) && !destroyed.contains(bucket)).collect();
    for bucket in &lost {
        insert(conn, bucket, KeyState::Lost, None)?;
    }
    Ok(lost)
}

fn insert(conn: &mut Conn, bucket: &str, state: KeyState, sealed: Option<Vec<u8>>) -> Result<(), StoreError> {
    let row = (part_keys::bucket.eq(bucket), part_keys::state.eq(state.as_str()), part_keys::sealed.eq(sealed));
    diesel::insert_into(part_keys::table).values(row).execute(conn)?;
    Ok(())
}

/// Records each lost key that no event tells of yet; for the write that records a restore.
pub(super) fn tell_lost(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    let lost = part_keys::table.filter(part_keys::state.eq(KeyState::Lost.as_str())).order(part_keys::bucket);
    let lost: Vec<String> = lost.select(part_keys::bucket).load(tx.conn)?;
    let told = log_search::table.filter(log_search::action.eq(Action::PartKeyLost.as_str())).select(log_search::subject_id);
    let told: Vec<String> = told.load(tx.conn)?;
    for bucket in lost.into_iter().filter(|bucket| !told.contains(bucket)) {
        let parts: i64 = log_parts::table.filter(log_parts::bucket.eq(&bucket)).count().get_result(tx.conn)?;
        tx.append(Event::system(Action::PartKeyLost, Subject::new("part_key", bucket)).detail(json!({ "parts": parts })))?;
    }
    Ok(())
}

/// Events in one round of [`project_again`].
const ROUND: i64 = 500;

/// Makes again what a backup leaves out because it comes from parts: names, addresses and devices of the projection and of decisions.
pub fn project_again(conn: &mut Conn, keys: &Keyring) -> Result<(), StoreError> {
    let mut opener = Opener::new(keys);
    let mut next = 0;
    loop {
        let page = log_events::table.filter(log_events::idx.ge(next)).order(log_events::idx).limit(ROUND);
        let page: Vec<(i64, String)> = page.select((log_events::idx, log_events::event_id)).load(conn)?;
        let Some((last, _)) = page.last() else { break };
        next = last + 1;
        let events: Vec<String> = page.iter().map(|(_, event)| event.clone()).collect();
        let mut found = from_parts(conn, &mut opener, &events)?;
        for (idx, event) in page {
            let Some([name, address, device]) = found.remove(&event) else { continue };
            diesel::update(log_search::table.find(idx))
                .set((log_search::actor_name.eq(name), log_search::client_ip.eq(address), log_search::device_id.eq(device)))
                .execute(conn)?;
        }
    }
    let events: Vec<String> = decisions::table.select(decisions::event_id).load(conn)?;
    for events in events.chunks(ROUND as usize) {
        for (event, [_, address, device]) in from_parts(conn, &mut opener, events)? {
            diesel::update(decisions::table.filter(decisions::event_id.eq(event)))
                .set((decisions::client_ip.eq(address), decisions::device_id.eq(device)))
                .execute(conn)?;
        }
    }
    Ok(())
}

/// What the parts of each event add to its row, in the order of [`FROM_PARTS`]; events without such parts are left out.
fn from_parts(conn: &mut Conn, opener: &mut Opener, events: &[String]) -> Result<BTreeMap<String, [Option<String>; 3]>, StoreError> {
    let names = FROM_PARTS.map(|(part, _)| part);
    let rows: Vec<PartRow> = log_parts::table.filter(log_parts::event_id.eq_any(events)).filter(log_parts::name.eq_any(names)).load(conn)?;
    let mut found: BTreeMap<String, [Option<String>; 3]> = BTreeMap::new();
    for row in rows {
        let Some((_, value)) = opener.open(conn, &row)? else { continue };
        for (place, (part, key)) in FROM_PARTS.iter().enumerate() {
            if row.name == *part {
                found.entry(row.event_id.clone()).or_default()[place] = field(&value, key);
            }
        }
    }
    Ok(found)
}
