//! Platform connections: where a platform is reached and with which sealed secret. Not here: what may be a base address (`connect`).

use diesel::prelude::*;

use super::{Conn, StoreError, schema::connections};

/// A row of `connections`, in the order of its columns.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = connections, treat_none_as_default_value = false)]
pub struct ConnectionRow {
    pub id: String,
    pub name: String,
    /// A word of `domain::platform::Platform`.
    pub platform: String,
    /// JSON of `connect::Settings`; holds no secret.
    pub settings: String,
    /// Sealed as `connections/<id>/secret`.
    pub secret_sealed: Vec<u8>,
    /// `active` or `off`.
    pub state: String,
    /// Which version of the platform's service agreement holds, in the administrator's words.
    pub agreement: String,
    pub created_at: i64,
    pub version: i64,
}

/// All connections, by name.
pub fn list(conn: &mut Conn) -> Result<Vec<ConnectionRow>, StoreError> {
    Ok(connections::table.order((connections::name, connections::id)).load(conn)?)
}

pub fn find(conn: &mut Conn, id: &str) -> Result<Option<ConnectionRow>, StoreError> {
    Ok(connections::table.find(id).first(conn).optional()?)
}

/// By id or by name: people and scripts may say either.
pub fn named(conn: &mut Conn, id_or_name: &str) -> Result<Option<ConnectionRow>, StoreError> {
    let matches = connections::id.eq(id_or_name).or(connections::name.eq(id_or_name));
    Ok(connections::table.filter(matches).order(connections::id).first(conn).optional()?)
}

pub fn insert(conn: &mut Conn, row: ConnectionRow) -> Result<(), StoreError> {
    diesel::insert_into(connections::table).values(row).execute(conn)?;
    Ok(())
}

/// Stores `row` over the version before it; `false` if somebody else changed it first.
pub fn replace(conn: &mut Conn, row: &ConnectionRow) -> Result<bool, StoreError> {
    let seen = connections::table.find(row.id.clone()).filter(connections::version.eq(row.version - 1));
    let changed = diesel::update(seen)
        .set((
            connections::name.eq(row.name.clone()),
            connections::settings.eq(row.settings.clone()),
            connections::secret_sealed.eq(row.secret_sealed.clone()),
            connections::state.eq(row.state.clone()),
            connections::agreement.eq(row.agreement.clone()),
            connections::version.eq(row.version),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}
