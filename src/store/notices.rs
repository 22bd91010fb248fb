//! Notices by mail and the addresses they go to, as rows: who was told what, when, and whether the mail server took it.

use diesel::prelude::*;

use super::{
    Conn, StoreError,
    schema::{mail_addresses, notices, users},
};

/// A row of `notices`, in the order of its columns.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = notices, treat_none_as_default_value = false)]
pub struct NoticeRow {
    pub id: String,
    pub recall_id: String,
    pub user_id: String,
    /// A word of `domain::notice::Notice`.
    pub kind: String,
    pub round: i64,
    /// 0 where no level is meant.
    pub level: i64,
    /// `waiting`, `sent` (the mail server took it), `failed`, or `moot`: it was of no use any more before it could go.
    pub state: String,
    /// Why it failed, or why the last attempt did.
    pub problem: Option<String>,
    pub created_at: i64,
    pub ended_at: Option<i64>,
}

diesel::define_sql_function! {
    /// Addresses are the same in any case, for people.
    fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

/// Where mail to a person goes.
pub fn address(conn: &mut Conn, user: &str) -> Result<Option<String>, StoreError> {
    Ok(mail_addresses::table.find(user).select(mail_addresses::address).first(conn).optional()?)
}

/// Sets or takes away a person's address.
pub fn address_set(conn: &mut Conn, user: &str, address: Option<&str>) -> Result<(), StoreError> {
    diesel::delete(mail_addresses::table.find(user)).execute(conn)?;
    if let Some(address) = address {
        let row = (mail_addresses::user_id.eq(user), mail_addresses::address.eq(address));
        diesel::insert_into(mail_addresses::table).values(row).execute(conn)?;
    }
    Ok(())
}

/// The notice by which this was told before, if it was.
pub fn known(conn: &mut Conn, row: &NoticeRow) -> Result<Option<String>, StoreError> {
    let same = notices::table
        .filter(notices::recall_id.eq(&row.recall_id))
        .filter(notices::user_id.eq(&row.user_id))
        .filter(notices::kind.eq(&row.kind))
        .filter(notices::round.eq(row.round))
        .filter(notices::level.eq(row.level));
    Ok(same.select(notices::id).first(conn).optional()?)
}

/// Has it told once more.
pub fn renew(conn: &mut Conn, id: &str, at: i64) -> Result<(), StoreError> {
    let set = (notices::state.eq("waiting"), notices::problem.eq(None::<String>), notices::created_at.eq(at), notices::ended_at.eq(None::<i64>));
    diesel::update(notices::table.find(id)).set(set).execute(conn)?;
    Ok(())
}

pub fn insert(conn: &mut Conn, row: NoticeRow) -> Result<(), StoreError> {
    diesel::insert_into(notices::table).values(row).execute(conn)?;
    Ok(())
}

pub fn find(conn: &mut Conn, id: &str) -> Result<Option<NoticeRow>, StoreError> {
    Ok(notices::table.find(id).first(conn).optional()?)
}

/// How an attempt ended; `ended_at` is set where it was the last. What was renewed since `told_at`, when the attempt's own telling was made, is
/// another telling, and stays as it is: `false`.
pub fn settle(conn: &mut Conn, id: &str, told_at: i64, state: &str, problem: Option<&str>, ended_at: Option<i64>) -> Result<bool, StoreError> {
    let settled = diesel::update(notices::table.find(id).filter(notices::created_at.eq(told_at)))
        .set((notices::state.eq(state), notices::problem.eq(problem), notices::ended_at.eq(ended_at)))
        .execute(conn)?;
    Ok(settled == 1)
}

/// The notices of a case with the names of the people, newest first.
pub fn of_recall(conn: &mut Conn, recall: &str) -> Result<Vec<(NoticeRow, String)>, StoreError> {
    let of = notices::table.inner_join(users::table.on(users::id.eq(notices::user_id))).filter(notices::recall_id.eq(recall));
    Ok(of.order((notices::created_at.desc(), notices::id.desc())).select((notices::all_columns, users::display_name)).load(conn)?)
}

/// Whether mail to somebody goes to this address, which is in lower case.
pub fn address_is_known(conn: &mut Conn, address: &str) -> Result<bool, StoreError> {
    Ok(mail_addresses::table.filter(lower(mail_addresses::address).eq(address)).count().get_result::<i64>(conn)? > 0)
}
