//! What witnesses said of the log: how far each has come, and their cosignatures of checkpoints. Not here: asking them (`app::witness`).

use diesel::prelude::*;

use super::{
    Conn, StoreError,
    schema::{log_cosignatures, witnesses},
};

/// A row of `witnesses`, in the order of its columns.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = witnesses, treat_none_as_default_value = false)]
pub struct WitnessRow {
    /// The name of its key.
    pub name: String,
    pub vkey: String,
    /// Events under the newest checkpoint that it cosigned; 0 for none.
    pub size: i64,
    /// When that was, by its own clock.
    pub seen_at: Option<i64>,
    /// Why it does not cosign now.
    pub problem: Option<String>,
}

/// All witnesses that were ever asked, by name.
pub fn list(conn: &mut Conn) -> Result<Vec<WitnessRow>, StoreError> {
    Ok(witnesses::table.order(witnesses::name).load(conn)?)
}

pub fn find(conn: &mut Conn, name: &str) -> Result<Option<WitnessRow>, StoreError> {
    Ok(witnesses::table.find(name).first(conn).optional()?)
}

/// Puts a row in the place of the one of its name.
pub fn put(conn: &mut Conn, row: WitnessRow) -> Result<(), StoreError> {
    diesel::delete(witnesses::table.find(&row.name)).execute(conn)?;
    diesel::insert_into(witnesses::table).values(row).execute(conn)?;
    Ok(())
}

/// Keeps a witness's line under the checkpoint over `size` events; a later one takes the place of the earlier.
pub fn keep(conn: &mut Conn, size: i64, witness: &str, line: &str) -> Result<(), StoreError> {
    diesel::delete(log_cosignatures::table.find((size, witness))).execute(conn)?;
    let row = (log_cosignatures::size.eq(size), log_cosignatures::witness.eq(witness), log_cosignatures::line.eq(line));
    diesel::insert_into(log_cosignatures::table).values(row).execute(conn)?;
    Ok(())
}

/// A checkpoint of ours over `size` events with the lines of those who cosigned it, by name.
pub fn cosigned(conn: &mut Conn, size: u64, note: String) -> Result<String, StoreError> {
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    let lines = log_cosignatures::table.filter(log_cosignatures::size.eq(size)).order(log_cosignatures::witness).select(log_cosignatures::line);
    Ok(lines.load::<String>(conn)?.iter().fold(note, |note, line| note + line))
}
