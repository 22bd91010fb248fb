//! What people did and said in a case beside deciding, as rows: transfers, questions and answers, comments, reminders. Only ever added to.
//! Not here: what of it is allowed (`domain::recall::participation`).

use std::collections::BTreeMap;

use diesel::prelude::*;

use super::{Conn, StoreError, schema::recall_entries};

/// A row of `recall_entries`, in the order of its columns.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = recall_entries, treat_none_as_default_value = false)]
pub struct EntryRow {
    pub id: String,
    pub recall_id: String,
    pub round: i64,
    /// 0 where no level is meant.
    pub level: i64,
    /// A word of `domain::recall::participation::Entry`.
    pub kind: String,
    pub by_id: String,
    /// To whom a level was passed on.
    pub to_id: Option<String>,
    /// What was typed, sealed with the installation's key as `recall_entries/<id>/text`; empty where nothing was, and once retention erased it.
    pub text_sealed: Vec<u8>,
    pub at: i64,
}

pub fn insert(conn: &mut Conn, row: EntryRow) -> Result<(), StoreError> {
    diesel::insert_into(recall_entries::table).values(row).execute(conn)?;
    Ok(())
}

/// All entries of a case, oldest first. Ids are UUIDv7, but of two nodes: the time goes first.
pub fn of_recall(conn: &mut Conn, recall: &str) -> Result<Vec<EntryRow>, StoreError> {
    let of = recall_entries::table.filter(recall_entries::recall_id.eq(recall));
    Ok(of.order((recall_entries::at.asc(), recall_entries::id.asc())).load(conn)?)
}

/// The entries of many cases, oldest first, by case.
pub fn of_many(conn: &mut Conn, recalls: &[&str]) -> Result<BTreeMap<String, Vec<EntryRow>>, StoreError> {
    let mut found: BTreeMap<String, Vec<EntryRow>> = BTreeMap::new();
    for ids in recalls.chunks(500) {
        let of = recall_entries::table.filter(recall_entries::recall_id.eq_any(ids.to_vec()));
        for row in of.order((recall_entries::at.asc(), recall_entries::id.asc())).load::<EntryRow>(conn)? {
            found.entry(row.recall_id.clone()).or_default().push(row);
        }
    }
    Ok(found)
}
