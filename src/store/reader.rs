//! Reading the log: single events with their parts, the events of a case, checkpoints; searching it is `find`.

use std::collections::BTreeMap;

use diesel::{dsl::not, prelude::*};

use super::{
    Conn, Receipt, StoreError, log,
    part_keys::{KeyState, Opener},
    schema::{log_checkpoints, log_events, log_parts, log_search, part_keys},
    tx::PartRow,
};
pub use super::{
    find::{Filter, count, newest_of, onward, places, search, times},
    log::{Head, TileReader},
    search::SearchRow,
};
use crate::{clock::Instant, crypto::keyring::Keyring, id::EventId, ledger::leaf::Leaf};

/// An event as it stands in the log.
#[derive(Clone, Debug)]
pub struct StoredEvent {
    pub index: u64,
    /// The canonical bytes that were hashed.
    pub bytes: Vec<u8>,
    pub leaf: Leaf,
}

/// An erasable part, opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenPart {
    pub name: String,
    pub salt: Vec<u8>,
    /// The canonical bytes that the commitment covers.
    pub value: Vec<u8>,
}

fn stored(row: (i64, Vec<u8>)) -> Result<StoredEvent, StoreError> {
    let leaf = Leaf::parse(&row.1).map_err(|e| StoreError::Corrupt(format!("leaf {}: {e}", row.0)))?;
    Ok(StoredEvent { index: u64::try_from(row.0).unwrap_or(0), bytes: row.1, leaf })
}

/// The head of the log: size and root.
pub fn head(conn: &mut Conn) -> Result<Head, StoreError> {
    log::head(conn)
}

/// The index of an event, once it has one.
pub fn index_of(conn: &mut Conn, event_id: &str) -> Result<Option<u64>, StoreError> {
    log::index_of(conn, event_id)
}

/// The event at `index`.
pub fn event(conn: &mut Conn, index: u64) -> Result<StoredEvent, StoreError> {
    let row = log_events::table.find(i64::try_from(index).unwrap_or(i64::MAX)).select((log_events::idx, log_events::leaf)).first(conn)?;
    stored(row)
}

/// Whether among the events from `from` to `below` there is one whose action does not begin with `prefix`.
pub fn other_than(conn: &mut Conn, prefix: &str, from: u64, below: u64) -> Result<bool, StoreError> {
    let index = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let between = log_search::table.filter(log_search::idx.ge(index(from))).filter(log_search::idx.lt(index(below)));
    let found: Option<i64> = between.filter(log_search::action.not_like(format!("{prefix}%"))).select(log_search::idx).first(conn).optional()?;
    Ok(found.is_some())
}

/// The receipt of the first successful `action` on `subject`; `None` if there was none or it has no index yet.
pub fn receipt_of(conn: &mut Conn, action: &str, subject: &str) -> Result<Option<Receipt>, StoreError> {
    let found: Option<(i64, String)> = log_search::table
        .filter(log_search::subject_id.eq(subject))
        .filter(log_search::action.eq(action))
        .filter(log_search::outcome.eq("success"))
        .order(log_search::idx.asc())
        .select((log_search::idx, log_search::event_id))
        .first(conn)
        .optional()?;
    Ok(found.map(|(idx, event)| Receipt { event: EventId(event), index: u64::try_from(idx).ok() }))
}

/// The receipt of an event by its id; without an index while it has none.
pub fn receipt(conn: &mut Conn, event: &str) -> Result<Receipt, StoreError> {
    let idx: Option<i64> = log_events::table.filter(log_events::event_id.eq(event)).select(log_events::idx).first(conn).optional()?;
    Ok(Receipt { event: EventId(event.to_owned()), index: idx.and_then(|i| u64::try_from(i).ok()) })
}

/// The events at these indices, by index.
pub fn events_at(conn: &mut Conn, indices: &[i64]) -> Result<BTreeMap<i64, StoredEvent>, StoreError> {
    let rows: Vec<(i64, Vec<u8>)> =
        log_events::table.filter(log_events::idx.eq_any(indices)).select((log_events::idx, log_events::leaf)).load(conn)?;
    rows.into_iter().map(|row| Ok((row.0, stored(row)?))).collect()
}

/// Up to `limit` events from `from` on, in order.
pub fn events_from(conn: &mut Conn, from: u64, limit: i64) -> Result<Vec<StoredEvent>, StoreError> {
    let rows: Vec<(i64, Vec<u8>)> = log_events::table
        .filter(log_events::idx.ge(i64::try_from(from).unwrap_or(i64::MAX)))
        .order(log_events::idx.asc())
        .limit(limit)
        .select((log_events::idx, log_events::leaf))
        .load(conn)?;
    rows.into_iter().map(stored).collect()
}

/// The first index whose event is not earlier than `from`, and the last one whose event is earlier than `to`, below `size`.
pub fn span(conn: &mut Conn, (from, to): (Instant, Instant), size: u64) -> Result<(Option<u64>, Option<u64>), StoreError> {
    use diesel::dsl::{max, min};
    let below = i64::try_from(size).unwrap_or(i64::MAX);
    let of = || log_search::table.filter(log_search::idx.lt(below));
    let first: Option<i64> = of().filter(log_search::at.ge(from.0)).select(min(log_search::idx)).first(conn)?;
    let last: Option<i64> = of().filter(log_search::at.lt(to.0)).select(max(log_search::idx)).first(conn)?;
    let index = |i: Option<i64>| i.and_then(|i| u64::try_from(i).ok());
    Ok((index(first), index(last)))
}

/// Up to `limit` events of these actions from `from` on and below `size`, in order.
pub fn events_of_actions(conn: &mut Conn, actions: &[&str], from: u64, size: u64, limit: i64) -> Result<Vec<StoredEvent>, StoreError> {
    let index = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let rows: Vec<(i64, Vec<u8>)> = log_search::table
        .inner_join(log_events::table.on(log_events::idx.eq(log_search::idx)))
        .filter(log_search::action.eq_any(actions.to_vec()))
        .filter(log_search::outcome.eq("success"))
        .filter(log_search::idx.ge(index(from)))
        .filter(log_search::idx.lt(index(size)))
        .order(log_search::idx.asc())
        .limit(limit)
        .select((log_events::idx, log_events::leaf))
        .load(conn)?;
    rows.into_iter().map(stored).collect()
}

/// When each actor last did `action`, not later than `until` and below `size`.
pub fn last_by_actor(conn: &mut Conn, action: &str, until: Instant, size: u64) -> Result<BTreeMap<String, Instant>, StoreError> {
    let below = i64::try_from(size).unwrap_or(i64::MAX);
    let rows: Vec<(String, Option<i64>)> = log_search::table
        .filter(log_search::action.eq(action))
        .filter(log_search::outcome.eq("success"))
        .filter(log_search::at.le(until.0))
        .filter(log_search::idx.lt(below))
        .group_by(log_search::actor_id)
        .select((log_search::actor_id, diesel::dsl::max(log_search::at)))
        .load(conn)?;
    Ok(rows.into_iter().filter_map(|(actor, at)| Some((actor, Instant(at?)))).collect())
}

/// All events of a case below `size`, in index order.
pub fn events_of_case(conn: &mut Conn, case: &str, size: Option<u64>) -> Result<Vec<StoredEvent>, StoreError> {
    let below = size.and_then(|s| i64::try_from(s).ok()).unwrap_or(i64::MAX);
    let rows: Vec<(i64, Vec<u8>)> = log_search::table
        .inner_join(log_events::table.on(log_events::idx.eq(log_search::idx)))
        .filter(log_search::case_id.eq(case))
        .filter(log_search::idx.lt(below))
        .order(log_search::idx.asc())
        .select((log_events::idx, log_events::leaf))
        .load(conn)?;
    rows.into_iter().map(stored).collect()
}

/// How many events of each action there are in a case.
pub fn counts_of_case(conn: &mut Conn, case: &str) -> Result<Vec<(String, i64)>, StoreError> {
    let of = log_search::table.filter(log_search::case_id.eq(case)).group_by(log_search::action);
    Ok(of.select((log_search::action, diesel::dsl::count_star())).load(conn)?)
}

/// How many events of a case are of no action of `except` and were not refused.
pub fn done_in_case(conn: &mut Conn, case: &str, except: &[&str]) -> Result<i64, StoreError> {
    let of = log_search::table.filter(log_search::case_id.eq(case)).filter(log_search::action.ne_all(except));
    Ok(of.filter(log_search::outcome.ne("refused")).count().get_result(conn)?)
}

/// The last `limit` events of a case but those of `except`, newest first, with the parts of each that still exist.
pub fn last_of_case(
    conn: &mut Conn,
    keys: &Keyring,
    case: &str,
    except: &[&str],
    limit: i64,
) -> Result<Vec<(StoredEvent, Vec<OpenPart>)>, StoreError> {
    let rows: Vec<(i64, Vec<u8>)> = log_search::table
        .inner_join(log_events::table.on(log_events::idx.eq(log_search::idx)))
        .filter(log_search::case_id.eq(case))
        .filter(log_search::action.ne_all(except))
        .order(log_search::idx.desc())
        .limit(limit)
        .select((log_events::idx, log_events::leaf))
        .load(conn)?;
    rows.into_iter()
        .map(|row| {
            let event = stored(row)?;
            let parts = parts_of(conn, keys, &event.leaf.id)?;
            Ok((event, parts))
        })
        .collect()
}

/// The last `limit` events of one action in a case as they are searched, newest first.
pub fn last_found(conn: &mut Conn, case: &str, action: &str, limit: i64) -> Result<Vec<SearchRow>, StoreError> {
    let of = log_search::table.filter(log_search::case_id.eq(case)).filter(log_search::action.eq(action));
    Ok(of.order(log_search::idx.desc()).limit(limit).select(SearchRow::as_select()).load(conn)?)
}

/// How many events of a case wait for their index (PostgreSQL; always 0 on SQLite).
pub fn pending_of_case(conn: &mut Conn, case: &str) -> Result<u64, StoreError> {
    use super::schema::log_pending;
    let leaves: Vec<Vec<u8>> = log_pending::table.select(log_pending::leaf).load(conn)?;
    let n = leaves.iter().filter(|bytes| Leaf::parse(bytes).is_ok_and(|leaf| leaf.case.as_deref() == Some(case))).count();
    Ok(n as u64)
}

/// The parts of an event that still exist and can be opened, by name.
pub fn parts_of(conn: &mut Conn, keys: &Keyring, event_id: &str) -> Result<Vec<OpenPart>, StoreError> {
    let rows: Vec<PartRow> = log_parts::table.filter(log_parts::event_id.eq(event_id)).order(log_parts::name.asc()).load(conn)?;
    let mut opener = Opener::new(keys);
    rows.into_iter().filter_map(|row| open_part(conn, &mut opener, row).map(|opened| opened.map(|(_, part)| part)).transpose()).collect()
}

/// The parts of several events that can be opened, by event id.
pub fn parts_of_many(conn: &mut Conn, keys: &Keyring, event_ids: &[String]) -> Result<BTreeMap<String, Vec<OpenPart>>, StoreError> {
    let mut found: BTreeMap<String, Vec<OpenPart>> = BTreeMap::new();
    let mut opener = Opener::new(keys);
    for chunk in event_ids.chunks(500) {
        let rows: Vec<PartRow> =
            log_parts::table.filter(log_parts::event_id.eq_any(chunk)).order((log_parts::event_id.asc(), log_parts::name.asc())).load(conn)?;
        for row in rows {
            let Some((event_id, part)) = open_part(conn, &mut opener, row)? else { continue };
            found.entry(event_id).or_default().push(part);
        }
    }
    Ok(found)
}

/// Like [`parts_of_many`], but a part that cannot be opened, or whose key is gone, does not hide the others: the second answer names those of each event.
pub fn readable_parts_of_many(
    conn: &mut Conn,
    keys: &Keyring,
    event_ids: &[String],
) -> Result<(BTreeMap<String, Vec<OpenPart>>, BTreeMap<String, Vec<String>>), StoreError> {
    let (mut found, mut unreadable): (BTreeMap<String, Vec<OpenPart>>, BTreeMap<String, Vec<String>>) = Default::default();
    let mut opener = Opener::new(keys);
    for chunk in event_ids.chunks(500) {
        let rows: Vec<PartRow> =
            log_parts::table.filter(log_parts::event_id.eq_any(chunk)).order((log_parts::event_id.asc(), log_parts::name.asc())).load(conn)?;
        for row in rows {
            let (event, name) = (row.event_id.clone(), row.name.clone());
            match open_part(conn, &mut opener, row) {
                Ok(Some((event, part))) => found.entry(event).or_default().push(part),
                Ok(None) | Err(StoreError::Unsealable(_) | StoreError::Corrupt(_)) => unreadable.entry(event).or_default().push(name),
                Err(error) => return Err(error),
            }
        }
    }
    Ok((found, unreadable))
}

/// `None` if its key is gone.
fn open_part(conn: &mut Conn, opener: &mut Opener, row: PartRow) -> Result<Option<(String, OpenPart)>, StoreError> {
    let opened = opener.open(conn, &row)?;
    Ok(opened.map(|(salt, value)| (row.event_id, OpenPart { name: row.name, salt, value: value.to_vec() })))
}

/// How many of an event's parts are there without a key because a restore did not find it.
pub fn lost_of(conn: &mut Conn, event_id: &str) -> Result<usize, StoreError> {
    let lost = part_keys::table.filter(part_keys::state.eq(KeyState::Lost.as_str())).select(part_keys::bucket);
    let of = log_parts::table.filter(log_parts::event_id.eq(event_id)).filter(log_parts::bucket.assume_not_null().eq_any(lost));
    Ok(usize::try_from(of.count().get_result::<i64>(conn)?).unwrap_or(0))
}

/// The names of an event's parts that are there and whose key is gone: they cannot be opened, and were not purged.
pub fn unopened_of(conn: &mut Conn, event_id: &str) -> Result<Vec<String>, StoreError> {
    let known = part_keys::table.filter(part_keys::sealed.is_not_null()).select(part_keys::bucket);
    let of = log_parts::table.filter(log_parts::event_id.eq(event_id)).filter(log_parts::bucket.is_not_null());
    Ok(of.filter(not(log_parts::bucket.assume_not_null().eq_any(known))).select(log_parts::name).load(conn)?)
}

/// The newest checkpoint, as a signed note.
pub fn last_checkpoint(conn: &mut Conn) -> Result<Option<String>, StoreError> {
    Ok(log_checkpoints::table.order(log_checkpoints::seq.desc()).select(log_checkpoints::note).first(conn).optional()?)
}

/// The checkpoint that was signed over exactly `size` events.
pub fn checkpoint_at(conn: &mut Conn, size: u64) -> Result<Option<String>, StoreError> {
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    Ok(log_checkpoints::table
        .filter(log_checkpoints::size.eq(size))
        .order(log_checkpoints::seq.asc())
        .select(log_checkpoints::note)
        .first(conn)
        .optional()?)
}
