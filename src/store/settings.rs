//! Single values of the installation that the product itself keeps, by name. Not here: what people set (`config`).

use diesel::prelude::*;

use super::{Conn, StoreError, schema::settings};

pub fn get(conn: &mut Conn, name: &str) -> Result<Option<String>, StoreError> {
    Ok(settings::table.find(name).select(settings::value).first(conn).optional()?)
}

pub fn put(conn: &mut Conn, name: &str, value: &str) -> Result<(), StoreError> {
    if diesel::update(settings::table.find(name)).set(settings::value.eq(value)).execute(conn)? == 0 {
        diesel::insert_into(settings::table).values((settings::name.eq(name), settings::value.eq(value))).execute(conn)?;
    }
    Ok(())
}
