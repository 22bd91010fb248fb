//! Witnesses' cosignatures: each is over a checkpoint that this installation signed, and holds by a key of its witness, as the settings name it
//! or as it was when the witness was asked; and no row says that a witness has seen more than the newest that it cosigned. A line that was
//! taken out is not missed, for no event tells of it: what it proved has to be proved again by whoever asks the witness.

use std::collections::BTreeMap;

use diesel::prelude::*;

use super::{Audit, Kind, marks::Mark, readable};
use crate::{
    ledger::{checkpoint::Checkpoint, cosignature::Cosigner},
    store::{
        Conn, StoreError,
        schema::{log_cosignatures, witnesses},
        witnesses::WitnessRow,
    },
};

/// Lines in one read.
const BATCH: i64 = 1000;

/// Holds the lines against `marks` and the keys, those in `known` and those in the rows of witnesses, and these against the lines.
pub(super) fn check(conn: &mut Conn, audit: &mut Audit<'_>, marks: &[Mark], known: &[Cosigner]) -> Result<(), StoreError> {
    let rows: Vec<WitnessRow> = readable(audit, Kind::Cosignature, "witnesses", witnesses::table.order(witnesses::name).load(conn))?;
    let mut keys: BTreeMap<String, Vec<Cosigner>> = BTreeMap::new();
    for key in known {
        keys.entry(key.name().to_owned()).or_default().push(key.clone());
    }
    for row in &rows {
        let own: Vec<Cosigner> = row.keys().filter(|key| key.name() == row.name).collect();
        if own.len() != row.vkey.split(' ').count() {
            audit.problem(Kind::Cosignature, "witnesses", None, format!("the key of {} cannot be read, or is another's", row.name));
        }
        keys.entry(row.name.clone()).or_default().extend(own);
    }
    let signed: BTreeMap<u64, &Checkpoint> = marks.iter().filter(|mark| mark.ours).map(Mark::checkpoint).map(|c| (c.size, c)).collect();
    let newest = lines(conn, audit, &signed, &keys)?;
    for row in rows {
        beyond(audit, &row, known, &newest);
        let seen = newest.get(row.key()).copied().unwrap_or(0);
        if !u64::try_from(row.size).is_ok_and(|size| size <= seen) {
            let what = format!("{} is said to have seen {} events; the newest of its lines that holds is over {seen}", row.name, row.size);
            audit.problem(Kind::Cosignature, "witnesses", u64::try_from(row.size).ok(), what);
        }
    }
    Ok(())
}

/// A key that the settings name no more for this witness may have signed before the one that they name, and not beyond it.
fn beyond(audit: &mut Audit<'_>, row: &WitnessRow, known: &[Cosigner], newest: &BTreeMap<String, u64>) {
    let named = known.iter().filter(|key| key.name() == row.name);
    let Some(end) = named.filter_map(|key| newest.get(&key.to_string())).max() else { return };
    for key in row.keys().filter(|key| key.name() == row.name && !known.contains(key)) {
        if let Some(size) = newest.get(&key.to_string()).filter(|size| *size > end) {
            let what = format!("the line of {} is by a key that the settings do not name", row.name);
            audit.problem(Kind::Cosignature, "log_cosignatures", Some(*size), what);
        }
    }
}

/// Checks every line; for each key the size of the newest that holds.
fn lines(
    conn: &mut Conn,
    audit: &mut Audit<'_>,
    signed: &BTreeMap<u64, &Checkpoint>,
    keys: &BTreeMap<String, Vec<Cosigner>>,
) -> Result<BTreeMap<String, u64>, StoreError> {
    let mut newest = BTreeMap::new();
    let mut after = (i64::MIN, String::new());
    loop {
        let (size, witness) = (log_cosignatures::size, log_cosignatures::witness);
        let later = size.gt(after.0).or(size.eq(after.0).and(witness.gt(after.1.clone())));
        let page = log_cosignatures::table.filter(later).order((size.asc(), witness.asc())).limit(BATCH).load(conn);
        let page: Vec<(i64, String, String)> = readable(audit, Kind::Cosignature, "log_cosignatures", page)?;
        let Some((size, witness, _)) = page.last() else { return Ok(newest) };
        after = (*size, witness.clone());
        for (size, witness, line) in page {
            let size = u64::try_from(size).ok();
            let holds = |text: &str| keys.get(&witness)?.iter().find(|key| key.holds(text, &line).is_ok());
            let what = match size.and_then(|size| signed.get(&size)) {
                None => format!("the line of {witness} is over a size that was never signed"),
                Some(checkpoint) => match holds(&checkpoint.text()) {
                    Some(key) => {
                        newest.insert(key.to_string(), checkpoint.size);
                        continue;
                    }
                    None if keys.contains_key(&witness) => format!("the line of {witness} does not hold by its key"),
                    None => format!("the line of {witness} is by nobody whose key is known"),
                },
            };
            audit.problem(Kind::Cosignature, "log_cosignatures", size, what);
        }
    }
}
