//! What witnesses said of the log: how far each has come, and their cosignatures of checkpoints. The rows say what they were told; whoever
//! writes to the database can tell them more. So what a witness has seen is what its lines prove, each time anew, by the key that the settings
//! name. Not here: asking them (`app::witness`).

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use diesel::prelude::*;

use super::{
    Conn, StoreError, keys, reader,
    schema::{log_cosignatures, witnesses},
};
use crate::ledger::{
    checkpoint::{Checkpoint, Note},
    cosignature::Cosigner,
};

/// Lines that are looked at for one that holds: whoever fills the table with others costs no time.
const LOOKS: i64 = 64;
/// Lines told of at most, by one process.
const MOST: usize = 1000;

/// A row of `witnesses`, in the order of its columns.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = witnesses, treat_none_as_default_value = false)]
pub struct WitnessRow {
    /// The name of its key.
    pub name: String,
    /// Its key, and after a space each that it had before: what those signed is known by them.
    pub vkey: String,
    /// Events under the newest checkpoint that it cosigned, 0 for none, as noted then; [`newest`] proves it.
    pub size: i64,
    /// When that was, by its own clock.
    pub seen_at: Option<i64>,
    /// Why it does not cosign now.
    pub problem: Option<String>,
}

impl WitnessRow {
    /// The key that it cosigns with.
    pub fn key(&self) -> &str {
        self.vkey.split(' ').next().unwrap_or_default()
    }

    /// That key and those before it, as far as they can be read.
    pub fn keys(&self) -> impl Iterator<Item = Cosigner> + '_ {
        self.vkey.split(' ').filter_map(|key| Cosigner::parse(key).ok())
    }
}

/// All witnesses that were ever asked, by name.
pub fn list(conn: &mut Conn) -> Result<Vec<WitnessRow>, StoreError> {
    Ok(witnesses::table.order(witnesses::name).load(conn)?)
}

pub fn find(conn: &mut Conn, name: &str) -> Result<Option<WitnessRow>, StoreError> {
    Ok(witnesses::table.find(name).first(conn).optional()?)
}

/// Puts a row in the place of the one of its name; the keys of that one stay known.
pub fn put(conn: &mut Conn, row: WitnessRow) -> Result<(), StoreError> {
    let before = find(conn, &row.name)?.map(|before| before.vkey).unwrap_or_default();
    let others = before.split(' ').filter(|key| !key.is_empty() && *key != row.vkey);
    let vkey = others.fold(row.vkey.clone(), |all, key| all + " " + key);
    diesel::delete(witnesses::table.find(&row.name)).execute(conn)?;
    diesel::insert_into(witnesses::table).values(WitnessRow { vkey, ..row }).execute(conn)?;
    Ok(())
}

/// Keeps a witness's line under the checkpoint over `size` events; a later one takes the place of the earlier.
pub fn keep(conn: &mut Conn, size: i64, witness: &str, line: &str) -> Result<(), StoreError> {
    diesel::delete(log_cosignatures::table.find((size, witness))).execute(conn)?;
    let row = (log_cosignatures::size.eq(size), log_cosignatures::witness.eq(witness), log_cosignatures::line.eq(line));
    diesel::insert_into(log_cosignatures::table).values(row).execute(conn)?;
    Ok(())
}

/// The newest checkpoint of the log called `origin`, over at least `least` events, that the witness of `key` has cosigned: the log's signature
/// and the witness's hold, now.
pub fn newest(conn: &mut Conn, origin: &str, key: &Cosigner, least: u64) -> Result<Option<Checkpoint>, StoreError> {
    let least = i64::try_from(least).unwrap_or(i64::MAX);
    let lines = log_cosignatures::table.filter(log_cosignatures::witness.eq(key.name())).filter(log_cosignatures::size.ge(least));
    let lines = lines.order(log_cosignatures::size.desc()).limit(LOOKS).select((log_cosignatures::size, log_cosignatures::line));
    for (size, line) in lines.load::<(i64, String)>(conn)? {
        let Ok(size) = u64::try_from(size) else { continue };
        let Some(note) = reader::checkpoint_at(conn, size)? else { continue };
        match keys::open(conn, origin, &note) {
            // What the row says of its note's size is not believed either.
            Ok(signed) if signed.size == size && key.holds(&signed.text(), &line).is_ok() => return Ok(Some(signed)),
            Ok(_) | Err(StoreError::Fork(_)) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(None)
}

/// A checkpoint of ours over `size` events with the lines of those who cosigned it, by name: those that hold by the key in `known`, the
/// settings', or for a witness that they do not name by a key that it had when it was asked. What else is there is told of, once.
pub fn cosigned(conn: &mut Conn, size: u64, note: String, known: &[Cosigner]) -> Result<String, StoreError> {
    let Ok(text) = Note::parse(&note).map(|note| note.text().to_owned()) else { return Ok(note) };
    let lines = log_cosignatures::table.filter(log_cosignatures::size.eq(i64::try_from(size).unwrap_or(i64::MAX)));
    let lines = lines.order(log_cosignatures::witness).select((log_cosignatures::witness, log_cosignatures::line));
    let mut whole = note;
    for (name, line) in lines.load::<(String, String)>(conn)? {
        let mut keys: Vec<Cosigner> = known.iter().filter(|key| key.name() == name).cloned().collect();
        if keys.is_empty() {
            keys = find(conn, &name)?.map(|row| row.keys().filter(|key| key.name() == name).collect()).unwrap_or_default();
        }
        if keys.iter().any(|key| key.holds(&text, &line).is_ok()) {
            whole.push_str(&line);
        } else if untold(size, &name) {
            tracing::error!(size, witness = %name, "a cosignature does not hold by its witness's key and is left out");
        }
    }
    Ok(whole)
}

/// Whether this process has not told of the line yet; from then on it has.
fn untold(size: u64, witness: &str) -> bool {
    static TOLD: Mutex<BTreeSet<(u64, String)>> = Mutex::new(BTreeSet::new());
    let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    told.len() < MOST && told.insert((size, witness.to_owned()))
}
