//! Which keys sign the log: the rows of `log_keys`, and the key files that belong to them.
//!
//! A row names two keys that sign together, Ed25519 and ML-DSA-44. The rows of one log follow each other: a key is announced by a leaf
//! (`ledger::succession`), from then on both sign, and when the one before is retired by another leaf only the new one does. Rows of the
//! logs that this one was renewed from come before ([`super::renewal`]). Rows are never erased, so that what an old key signed can be
//! checked for ever; of its private half nothing is left. The new key files lie beside the old (`keys/log.key.new`) until then; a node
//! that has not got them signs nothing and says so.

use std::{path::Path, time::Duration};

use diesel::prelude::*;
use serde_json::json;

use super::{
    Conn, Store, StoreError, log,
    schema::{log_keys, settings},
};
use crate::{
    clock::Instant,
    crash,
    crypto::keyring::{Keyring, LogKeys},
    domain::event::{Action, Event, Subject},
    ledger::{
        checkpoint::{self, Checkpoint, NoteError, Vkey},
        mldsa::{self, MldsaVkey},
        succession,
    },
};

/// A row of `log_keys`, in the order of its columns.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = log_keys, treat_none_as_default_value = false)]
pub struct KeyRow {
    /// Counted from 1, in the order in which the keys came.
    pub id: i64,
    pub vkey: String,
    /// None while an installation that is older than this signature has not been started.
    pub mldsa: Option<String>,
    /// The event that announced them.
    pub announced: Option<String>,
    /// The event that ended their time.
    pub retired: Option<String>,
    /// When their time ends, once their successors are announced.
    pub ends_at: Option<i64>,
    /// The event that says that somebody else has them: what they signed proves nothing by itself.
    pub stolen: Option<String>,
}

impl KeyRow {
    /// Keys that begin to sign.
    pub(super) fn fresh(id: i64, vkey: String, mldsa: Option<String>) -> Self {
        Self { id, vkey, mldsa, announced: None, retired: None, ends_at: None, stolen: None }
    }

    pub(super) fn subject(&self) -> Subject {
        Subject::new(succession::KIND, succession::id(&self.vkey, self.mldsa.as_deref()))
    }
}

/// All rows, those of logs that ended too.
pub fn rows(conn: &mut Conn) -> Result<Vec<KeyRow>, StoreError> {
    Ok(log_keys::table.order(log_keys::id.asc()).load(conn)?)
}

/// The rows of the log called `origin`.
pub(super) fn of_log(conn: &mut Conn, origin: &str) -> Result<Vec<KeyRow>, StoreError> {
    Ok(rows(conn)?.into_iter().filter(|row| name_of(&row.vkey) == origin).collect())
}

fn name_of(vkey: &str) -> &str {
    vkey.split('+').next().unwrap_or_default()
}

/// The keys that have not been retired, the oldest first: one, or two while a new one takes over.
pub fn in_force(conn: &mut Conn, origin: &str) -> Result<Vec<KeyRow>, StoreError> {
    let rows: Vec<KeyRow> = of_log(conn, origin)?.into_iter().filter(|row| row.retired.is_none()).collect();
    if rows.is_empty() { Err(StoreError::Corrupt("no row of log_keys names a key of this log".to_owned())) } else { Ok(rows) }
}

/// The checkpoint in `note`, if a key that this log has or had signed it.
///
/// # Errors
/// Why not, in words about the newest key that the note names.
pub fn open(conn: &mut Conn, origin: &str, note: &str) -> Result<Checkpoint, StoreError> {
    let mut refused = NoteError::NotSigned(origin.to_owned());
    for row in of_log(conn, origin)?.iter().rev() {
        match checkpoint::open(note, &parse(&row.vkey)?) {
            Ok(opened) => return Ok(opened),
            Err(NoteError::NotSigned(_)) => {}
            Err(e) => refused = e,
        }
    }
    Err(StoreError::Fork(refused.to_string()))
}

pub(super) fn parse(vkey: &str) -> Result<Vkey, StoreError> {
    Vkey::parse(vkey).map_err(|e| StoreError::Corrupt(format!("{vkey}: {e}")))
}

fn parse_mldsa(vkey: &str) -> Result<MldsaVkey, StoreError> {
    MldsaVkey::parse(vkey).map_err(|e| StoreError::Corrupt(format!("{vkey}: {e}")))
}

/// The names of both keys under `origin`.
pub(super) fn named(origin: &str, keys: &LogKeys) -> Result<(Vkey, Option<MldsaVkey>), StoreError> {
    let wrong = |e| StoreError::Corrupt(format!("the log's name or key: {e}"));
    let mldsa = keys.mldsa.as_ref().map(|key| MldsaVkey::of(origin, key)).transpose().map_err(wrong)?;
    Ok((Vkey::new(origin, &keys.log.verifying_key()).map_err(wrong)?, mldsa))
}

/// Signs `head` with every key in force; `keys` are those of this node.
///
/// # Errors
/// [`StoreError::Unavailable`] names the key that this node has not got.
pub(super) fn sign(conn: &mut Conn, head: &Checkpoint, keys: &Keyring, now: Instant) -> Result<String, StoreError> {
    let origin = &head.origin;
    let at = u64::try_from(now.0 / 1_000_000).unwrap_or(0);
    let pairs = keys.pairs();
    let (mut text, mut second) = (String::new(), String::new());
    for row in signing(conn, origin, head.size)? {
        let pair = held(origin, &pairs, &row)?;
        let note = head.sign(&pair.log).map_err(|e| StoreError::Corrupt(e.to_string()))?;
        // The same text each time: the first note gives it, the others their line.
        text.push_str(if text.is_empty() { &note } else { note.rsplit_once("\n\n").map_or("", |(_, line)| line) });
        if let (Some(key), Some(_)) = (&pair.mldsa, &row.mldsa) {
            second.push_str(&mldsa::sign(head, key, at).map_err(|e| StoreError::Corrupt(e.to_string()))?);
        }
    }
    Ok(text + &second)
}

/// The keys that sign a head over `size` events: one that is to follow signs from its announcement on.
fn signing(conn: &mut Conn, origin: &str, size: u64) -> Result<Vec<KeyRow>, StoreError> {
    let mut due = Vec::new();
    for (at, row) in in_force(conn, origin)?.into_iter().enumerate() {
        let announced = row.announced.as_deref().map(|event| log::index_of(conn, event)).transpose()?.flatten();
        if at == 0 || announced.is_some_and(|index| index < size) {
            due.push(row);
        }
    }
    Ok(due)
}

/// The private keys of `row`.
fn held<'k>(origin: &str, pairs: &'k [LogKeys], row: &KeyRow) -> Result<&'k LogKeys, StoreError> {
    for pair in pairs {
        let (vkey, mldsa) = named(origin, pair)?;
        let second = row.mldsa.is_none() || mldsa.map(|key| key.to_string()) == row.mldsa;
        if vkey.to_string() == row.vkey && second {
            return Ok(pair);
        }
    }
    Err(StoreError::Unavailable(format!(
        "this node has not got the private keys of {}; copy keys/log.key.new and keys/log-mldsa.key.new (after the overlap keys/log.key and \
         keys/log-mldsa.key) from the node where they were made",
        row.vkey
    )))
}

/// Whether the key files are those that the database names; one that was retired meanwhile gives way to its successor first.
///
/// # Errors
/// [`StoreError::Fork`] names the file that is another's.
pub(super) fn check(conn: &mut Conn, origin: &str, keys: &Keyring) -> Result<(), StoreError> {
    let rows = in_force(conn, origin)?;
    let (vkey, mldsa) = named(origin, &LogKeys { log: keys.log.clone(), mldsa: keys.mldsa.clone() })?;
    let (vkey, mldsa) = (vkey.to_string(), mldsa.map(|key| key.to_string()));
    let wrong = |ours: &str, named: &str| {
        Err(StoreError::Fork(format!("the key file names {ours}, the database {named}; put the installation's own key file back")))
    };
    let Some(row) = rows.iter().find(|row| row.vkey == vkey) else { return wrong(&vkey, &rows[0].vkey) };
    match (&row.mldsa, &mldsa) {
        (Some(_), None) => Err(StoreError::Unavailable(
            "key file keys/log-mldsa.key is missing, but the database names its key; put it back from your backup, or copy it from the node where \
             it was made"
                .to_owned(),
        )),
        (Some(named), Some(ours)) if named != ours => wrong(ours, named),
        _ => Ok(()),
    }
}

/// Whether the log is older than its second key, and nothing names one yet.
pub(super) fn lacks_mldsa(conn: &mut Conn) -> Result<bool, StoreError> {
    let last: Option<Option<String>> = log_keys::table.order(log_keys::id.desc()).select(log_keys::mldsa).first(conn).optional()?;
    Ok(last == Some(None))
}

/// Finishes what a crash, or another node, has left: new key files take the place of those whose time the database says is over.
pub(super) fn settle(conn: &mut Conn, data: &Path) -> Result<(), StoreError> {
    let unavailable = |e: &dyn std::fmt::Display| StoreError::Unavailable(format!("{}: {e}", data.display()));
    let origin: Option<String> = settings::table.find("origin").select(settings::value).first(conn).optional()?;
    let Some(origin) = origin else { return Ok(()) };
    let Some(log) = Keyring::coming(data).map_err(|e| unavailable(&e))? else { return Ok(()) };
    let (vkey, _) = named(&origin, &LogKeys { log, mldsa: None })?;
    let rows = of_log(conn, &origin)?;
    let (over, left): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.retired.is_some());
    if !matches!(left[..], [row] if row.vkey == vkey.to_string()) {
        return Ok(());
    }
    // Who has the folder alone trusts what the old key signed still.
    over.iter().try_for_each(|row| Keyring::keep_former(data, &row.vkey)).and_then(|()| Keyring::adopt_coming(data)).map_err(|e| unavailable(&e))
}

/// Why keys were not changed.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// New keys are announced already; their verifier key.
    #[error("{0} is announced already and takes over")]
    Announced(String),
    #[error("no new keys are announced")]
    Nothing,
    /// The overlap lasts.
    #[error("both keys sign until {}", .0.to_rfc3339())]
    Early(Instant),
    #[error("no checkpoint that both keys signed covers the announcement yet; try again in a moment")]
    Uncovered,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The job that ends an overlap.
pub const JOB: &str = "retire_key";

impl Store {
    /// The key that the log's checkpoints are checked with. While a new one takes over both sign, and it is the one that people know.
    pub fn vkey(&self) -> Result<Vkey, StoreError> {
        self.read_now(|conn| in_force(conn, self.origin()).and_then(|rows| parse(&rows[0].vkey)))
    }

    /// The keys that sign the log now: those that people know, and while they are taking over those that follow.
    pub fn in_force(&self) -> Result<Vec<KeyRow>, StoreError> {
        self.read_now(|conn| in_force(conn, self.origin()))
    }

    /// What signs beside checkpoints too (bundles): [`Store::vkey`] with its private half and the second key's name.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if this node has not got it.
    pub fn signing(&self) -> Result<(Vkey, Option<MldsaVkey>, LogKeys), StoreError> {
        let row = self.in_force()?.swap_remove(0);
        let keys = Keyring::open(self.data(), false).map_err(|e| StoreError::Unavailable(e.to_string()))?;
        let pair = held(self.origin(), &keys.pairs(), &row)?.clone();
        Ok((parse(&row.vkey)?, row.mldsa.as_deref().map(parse_mldsa).transpose()?, pair))
    }

    /// All key files as they are now, those of the evidence key too: they change while a process runs.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn key_files(&self) -> Result<Keyring, StoreError> {
        Keyring::open_all(self.data()).map_err(|e| StoreError::Unavailable(e.to_string()))
    }

    /// Announces the keys that this log began with, where nothing has announced them: at its beginning, and once for an installation that is
    /// older than its second key.
    pub(super) fn announce_first(&self) -> Result<(), StoreError> {
        let origin = self.origin().to_owned();
        let first = self.read_now(|conn| in_force(conn, &origin))?.swap_remove(0);
        if first.announced.is_some() {
            return Ok(());
        }
        let (_, mldsa) = named(&origin, &LogKeys { log: self.keys().log.clone(), mldsa: self.keys().mldsa.clone() })?;
        let mldsa = mldsa.map(|key| key.to_string());
        self.write_now(move |tx| {
            let mut row = in_force(tx.conn, &origin)?.swap_remove(0);
            if row.announced.is_none() {
                row.mldsa = row.mldsa.or_else(|| mldsa.clone());
                let detail = json!({ "vkey": row.vkey, "mldsa": row.mldsa });
                let event = tx.append(Event::system(Action::KeyAnnounced, row.subject()).detail(detail))?;
                let set = (log_keys::mldsa.eq(&row.mldsa), log_keys::announced.eq(event.as_str()));
                diesel::update(log_keys::table.find(row.id)).set(set).execute(tx.conn)?;
            }
            Ok(())
        })?;
        Ok(())
    }

    /// Makes new keys and announces them; both sign from now on, for `overlap`. `event` makes the event that says so, as whoever asks.
    ///
    /// # Errors
    /// [`RotateError::Announced`]; those of the store.
    pub fn rotate(&self, overlap: Duration, event: impl Fn(Action, Subject) -> Event + Send + 'static) -> Result<KeyRow, RotateError> {
        let origin = self.origin().to_owned();
        if let [_, coming, ..] = &self.in_force()?[..] {
            return Err(RotateError::Announced(coming.vkey.clone()));
        }
        let made = Keyring::make_coming(self.data()).map_err(|e| StoreError::Unavailable(e.to_string()))?;
        let (vkey, mldsa) = named(&origin, &made)?;
        let (vkey, mldsa) = (vkey.to_string(), mldsa.map(|key| key.to_string()));
        crash::point("ledger.keys_made");
        let written = self.write_now(move |tx| {
            let rows = in_force(tx.conn, &origin)?;
            let [old] = &rows[..] else { return Ok(Err(rows[1].vkey.clone())) };
            let last: i64 = log_keys::table.order(log_keys::id.desc()).select(log_keys::id).first(tx.conn)?;
            let mut row = KeyRow::fresh(last + 1, vkey.clone(), mldsa.clone());
            let until = tx.now().plus(overlap);
            let detail =
                json!({ "before": { "vkey": old.vkey, "mldsa": old.mldsa }, "after": { "vkey": vkey, "mldsa": mldsa }, "until": until.to_rfc3339() });
            row.announced = Some(tx.append(event(Action::KeyAnnounced, row.subject()).detail(detail))?.0);
            diesel::insert_into(log_keys::table).values(row.clone()).execute(tx.conn)?;
            diesel::update(log_keys::table.find(old.id)).set(log_keys::ends_at.eq(until.0)).execute(tx.conn)?;
            tx.enqueue(JOB, &old.id.to_string(), &json!({}), until)?;
            Ok(Ok(row))
        })?;
        crash::point("ledger.key_announced");
        let row = written.value.map_err(RotateError::Announced)?;
        self.checkpoint_now()?;
        Ok(row)
    }

    /// Ends the old keys' time: announces it, and puts the new key files into the place of the old, which are gone then. `early` does not wait
    /// for the end of the overlap. Answers what signs from now on.
    ///
    /// # Errors
    /// [`RotateError::Nothing`], [`RotateError::Early`], [`RotateError::Uncovered`]; those of the store.
    pub fn retire(&self, early: bool, event: impl Fn(Action, Subject) -> Event + Send + 'static) -> Result<KeyRow, RotateError> {
        let origin = self.origin().to_owned();
        let rows = self.in_force()?;
        let [old, new, ..] = &rows[..] else { return Err(RotateError::Nothing) };
        let ends_at = Instant(old.ends_at.unwrap_or(0));
        if !early && self.now() < ends_at {
            return Err(RotateError::Early(ends_at));
        }
        // Signs with both, so that this node is known to have the new keys, and whoever trusts the old has seen the announcement signed.
        let note = self.checkpoint_now()?;
        if [old, new].iter().any(|row| parse(&row.vkey).is_ok_and(|vkey| checkpoint::open(&note, &vkey).is_err())) {
            return Err(RotateError::Uncovered);
        }
        let (old, follows) = (old.id, new.vkey.clone());
        self.write_now(move |tx| {
            let Some(row) = in_force(tx.conn, &origin)?.into_iter().find(|row| row.id == old) else { return Ok(()) };
            let detail = json!({ "before": { "vkey": row.vkey, "mldsa": row.mldsa }, "after": { "vkey": follows } });
            let event = tx.append(event(Action::KeyRetired, row.subject()).detail(detail))?;
            diesel::update(log_keys::table.find(old)).set(log_keys::retired.eq(event.as_str())).execute(tx.conn)?;
            Ok(())
        })?;
        crash::point("ledger.key_retired");
        self.read_now(|conn| settle(conn, self.data()))?;
        self.checkpoint_now()?;
        Ok(new.clone())
    }
}
