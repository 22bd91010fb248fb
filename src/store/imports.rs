//! Tables that somebody imports: the file until it is put in or thrown away, and what was found in it. Not here: what the columns mean
//! (`app::broadcasts::imports`), the broadcasts that come of it (`broadcasts`).

use diesel::{
    prelude::*,
    sql_types::{Binary, Nullable},
};

use super::{Conn, StoreError, schema::imports};
use crate::words;

words! {
    /// Where an import stands; words `import-state-<as_str>`.
    pub enum ImportState {
        Checking = "checking",
        /// Looked at; nothing of it is written.
        Checked = "checked",
        Applying = "applying",
        Done = "done",
        /// Nothing of it was written, and nothing will be.
        Failed = "failed",
        Discarded = "discarded",
    }
}

impl ImportState {
    /// Those in which the same file is the same import.
    const STANDING: [&'static str; 4] = [Self::Checking.as_str(), Self::Checked.as_str(), Self::Applying.as_str(), Self::Done.as_str()];
}

/// A row of `imports`, in the order of its columns.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable, AsChangeset, Identifiable)]
#[diesel(table_name = imports, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct ImportRow {
    pub id: String,
    /// `broadcasts` or `recipients`.
    pub kind: String,
    /// A word of [`ImportState`].
    pub state: String,
    pub owner_id: String,
    /// Of the file and of what was said beside it.
    pub digest: Vec<u8>,
    /// Bytes.
    pub size: i64,
    /// How it is read; absent: as it looks.
    pub encoding: Option<String>,
    pub separator: Option<String>,
    /// The file under [`file_context`], until it is over.
    pub file_sealed: Option<Vec<u8>>,
    /// Its name, what was said beside it, what was found: JSON under [`about_context`].
    pub about_sealed: Vec<u8>,
    pub done: i64,
    pub total: i64,
    pub problems: i64,
    pub broadcasts: i64,
    pub recipients: i64,
    /// Recipients that stand there more than once.
    pub doubles: i64,
    pub created_at: i64,
    pub ended_at: Option<i64>,
    pub version: i64,
}

/// What binds a sealed file to its row.
pub fn file_context(id: &str) -> String {
    format!("imports/{id}/file")
}

/// What binds what is said of it to its row.
pub fn about_context(id: &str) -> String {
    format!("imports/{id}/about")
}

pub fn insert(conn: &mut Conn, row: ImportRow) -> Result<(), StoreError> {
    diesel::insert_into(imports::table).values(row).execute(conn)?;
    Ok(())
}

pub fn find(conn: &mut Conn, id: &str) -> Result<Option<ImportRow>, StoreError> {
    // PostgreSQL takes no NUL in a text.
    if id.contains('\0') {
        return Ok(None);
    }
    Ok(imports::table.find(id).first(conn).optional()?)
}

/// The import that this file is already, if any.
pub fn standing(conn: &mut Conn, digest: &[u8]) -> Result<Option<ImportRow>, StoreError> {
    Ok(imports::table.filter(imports::digest.eq(digest)).filter(imports::state.eq_any(ImportState::STANDING)).first(conn).optional()?)
}

/// The newest imports of somebody, without their files.
pub fn of_owner(conn: &mut Conn, owner: &str, limit: i64) -> Result<Vec<ImportRow>, StoreError> {
    let no_file = None::<Vec<u8>>.into_sql::<Nullable<Binary>>();
    let columns = (
        imports::id,
        imports::kind,
        imports::state,
        imports::owner_id,
        imports::digest,
        imports::size,
        imports::encoding,
        imports::separator,
        no_file,
        imports::about_sealed,
        imports::done,
        imports::total,
        imports::problems,
        imports::broadcasts,
        imports::recipients,
        imports::doubles,
        imports::created_at,
        imports::ended_at,
        imports::version,
    );
    Ok(imports::table.filter(imports::owner_id.eq(owner)).order(imports::id.desc()).limit(limit).select(columns).load(conn)?)
}

/// Puts `row` in the place of what it was read from; false if somebody else has changed it since.
pub fn replace(conn: &mut Conn, row: ImportRow) -> Result<bool, StoreError> {
    let was = imports::table.find(row.id.clone()).filter(imports::version.eq(row.version));
    let row = ImportRow { version: row.version + 1, ..row };
    Ok(diesel::update(was).set(row).execute(conn)? == 1)
}

/// How far a job has come; nobody waits for it.
pub fn progress(conn: &mut Conn, id: &str, done: i64, total: i64) -> Result<(), StoreError> {
    diesel::update(imports::table.find(id)).set((imports::done.eq(done), imports::total.eq(total))).execute(conn)?;
    Ok(())
}
