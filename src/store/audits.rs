//! Audits, the packs made of them, and the questions put in them, as rows. Not here: what a pack holds (`crate::evidence::audit`), who
//! may put and answer questions (`app::audits`).

use diesel::prelude::*;

use super::{
    Conn, StoreError,
    page::{self, Turn},
    schema::{audit_packs, audit_questions, audits},
};

/// A row of `audits`, in the order of its columns.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = audits, treat_none_as_default_value = false)]
pub struct AuditRow {
    pub id: String,
    /// `AUD-20261122-0001`.
    pub number: String,
    pub title: String,
    /// The period begins here and ends before `to_at`; microseconds.
    pub from_at: i64,
    pub to_at: i64,
    /// The access list is as at this instant.
    pub as_at: i64,
    /// Words of `domain::audit::ExceptionKind`, comma-separated.
    pub exceptions: String,
    pub sample_size: i64,
    pub seed: String,
    /// A word of `domain::audit::SeedSource`.
    pub seed_source: String,
    /// Number of the case to walk through; the first of the sample without.
    pub walk: Option<String>,
    /// Id of the account, or `shell`.
    pub opened_by: String,
    pub opened_at: i64,
    /// Id of the event that recorded it.
    pub opened_event: String,
}

/// A row of `audit_packs`, in the order of its columns.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = audit_packs, treat_none_as_default_value = false)]
pub struct PackRow {
    pub id: String,
    pub audit_id: String,
    /// A word of `domain::audit::PackState`.
    pub state: String,
    pub requested_by: String,
    pub requested_at: i64,
    /// Leaves written so far, of `total`.
    pub done: i64,
    pub total: i64,
    /// `AUD-20261122-0001-4711`: the audit's number and the size of the log; when it is ready, as all that follows.
    pub number: Option<String>,
    pub log_size: Option<i64>,
    pub cases: Option<i64>,
    /// Below the data folder, slash-separated.
    pub path: Option<String>,
    pub sha256: Option<Vec<u8>>,
    /// Bytes.
    pub size: Option<i64>,
    /// 1 if it held by our own verification; none if it was too large to be looked at.
    pub verified: Option<i64>,
    pub sealed_at: Option<i64>,
    /// When retention erased its file.
    pub erased_at: Option<i64>,
}

/// What makes a pack ready.
#[derive(Clone, Debug)]
pub struct Sealed {
    pub number: String,
    pub log_size: u64,
    pub cases: u64,
    pub path: String,
    pub sha256: [u8; 32],
    pub size: u64,
    pub verified: Option<bool>,
}

/// A row of `audit_questions`, in the order of its columns.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = audit_questions, treat_none_as_default_value = false)]
pub struct QuestionRow {
    pub id: String,
    pub audit_id: String,
    /// From 1 in its audit.
    pub number: i64,
    pub asked_by: String,
    pub asked_of: String,
    pub asked_at: i64,
    pub asked_event: String,
    /// Sealed under [`question_context`].
    pub question_sealed: Vec<u8>,
    /// Numbers of cases, blanks between.
    pub cases: String,
    /// Indices of events, blanks between.
    pub events: String,
    pub answered_at: Option<i64>,
    pub answered_event: Option<String>,
    /// Sealed under [`answer_context`].
    pub answer_sealed: Option<Vec<u8>>,
}

/// What binds a sealed question to its row.
pub fn question_context(id: &str) -> String {
    format!("audit_questions/{id}/question")
}

/// What binds a sealed answer to its row.
pub fn answer_context(id: &str) -> String {
    format!("audit_questions/{id}/answer")
}

pub fn insert(conn: &mut Conn, row: AuditRow) -> Result<(), StoreError> {
    diesel::insert_into(audits::table).values(row).execute(conn)?;
    Ok(())
}

/// An audit by its id or its number.
pub fn find(conn: &mut Conn, id_or_number: &str) -> Result<Option<AuditRow>, StoreError> {
    // PostgreSQL has no NUL in texts, and no audit is called so.
    if id_or_number.contains('\0') {
        return Ok(None);
    }
    match audits::table.find(id_or_number).first(conn).optional()? {
        Some(row) => Ok(Some(row)),
        None => Ok(audits::table.filter(audits::number.eq(id_or_number)).first(conn).optional()?),
    }
}

/// Audits, newest first, at most `limit`. Ids are UUIDv7 and sort by time.
pub fn page(conn: &mut Conn, turn: &Turn, limit: i64) -> Result<Vec<AuditRow>, StoreError> {
    let mut query = audits::table.into_boxed();
    query = match turn {
        Turn::First => query.order(audits::id.desc()),
        Turn::Down(key) => query.filter(audits::id.lt(key.clone())).order(audits::id.desc()),
        Turn::Up(key) => query.filter(audits::id.gt(key.clone())).order(audits::id.asc()),
    };
    Ok(page::in_order(turn, query.limit(limit).load(conn)?))
}

pub fn pack_insert(conn: &mut Conn, row: PackRow) -> Result<(), StoreError> {
    diesel::insert_into(audit_packs::table).values(row).execute(conn)?;
    Ok(())
}

pub fn pack_find(conn: &mut Conn, id: &str) -> Result<Option<PackRow>, StoreError> {
    Ok(audit_packs::table.find(id).first(conn).optional()?)
}

/// The packs of an audit, newest first.
pub fn packs_of(conn: &mut Conn, audit: &str) -> Result<Vec<PackRow>, StoreError> {
    Ok(audit_packs::table.filter(audit_packs::audit_id.eq(audit)).order(audit_packs::id.desc()).load(conn)?)
}

/// How far a pack is.
pub fn pack_progress(conn: &mut Conn, id: &str, done: u64, total: u64) -> Result<(), StoreError> {
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    diesel::update(audit_packs::table.find(id)).set((audit_packs::done.eq(number(done)), audit_packs::total.eq(number(total)))).execute(conn)?;
    Ok(())
}

/// Makes a pack ready; `false` if it was ready already.
pub fn pack_seal(conn: &mut Conn, id: &str, sealed: &Sealed, at: i64) -> Result<bool, StoreError> {
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let n = diesel::update(audit_packs::table.find(id).filter(audit_packs::state.eq("making")))
        .set((
            audit_packs::state.eq("ready"),
            audit_packs::number.eq(Some(sealed.number.clone())),
            audit_packs::log_size.eq(Some(number(sealed.log_size))),
            audit_packs::cases.eq(Some(number(sealed.cases))),
            audit_packs::path.eq(Some(sealed.path.clone())),
            audit_packs::sha256.eq(Some(sealed.sha256.to_vec())),
            audit_packs::size.eq(Some(number(sealed.size))),
            audit_packs::verified.eq(sealed.verified.map(i64::from)),
            audit_packs::sealed_at.eq(Some(at)),
        ))
        .execute(conn)?;
    Ok(n == 1)
}

pub fn question_insert(conn: &mut Conn, row: QuestionRow) -> Result<(), StoreError> {
    diesel::insert_into(audit_questions::table).values(row).execute(conn)?;
    Ok(())
}

pub fn question_find(conn: &mut Conn, id: &str) -> Result<Option<QuestionRow>, StoreError> {
    Ok(audit_questions::table.find(id).first(conn).optional()?)
}

/// The questions of an audit, in the order in which they were put.
pub fn questions_of(conn: &mut Conn, audit: &str) -> Result<Vec<QuestionRow>, StoreError> {
    Ok(audit_questions::table.filter(audit_questions::audit_id.eq(audit)).order(audit_questions::number.asc()).load(conn)?)
}

/// The number of the next question of an audit.
pub fn question_next(conn: &mut Conn, audit: &str) -> Result<i64, StoreError> {
    let of = audit_questions::table.filter(audit_questions::audit_id.eq(audit));
    let last: Option<i64> = of.select(diesel::dsl::max(audit_questions::number)).first(conn)?;
    Ok(last.unwrap_or(0) + 1)
}

/// What was asked of a person, open ones first, then the newest; at most `limit`.
pub fn questions_to(conn: &mut Conn, person: &str, limit: i64) -> Result<Vec<QuestionRow>, StoreError> {
    let of = audit_questions::table.filter(audit_questions::asked_of.eq(person));
    let mut rows: Vec<QuestionRow> = of.order(audit_questions::id.desc()).limit(limit).load(conn)?;
    rows.sort_by_key(|row| row.answered_at.is_some());
    Ok(rows)
}

/// Stores the answer; `false` if there was one already.
pub fn question_answer(conn: &mut Conn, id: &str, at: i64, event: &str, sealed: Vec<u8>) -> Result<bool, StoreError> {
    let n = diesel::update(audit_questions::table.find(id).filter(audit_questions::answered_at.is_null()))
        .set((
            audit_questions::answered_at.eq(Some(at)),
            audit_questions::answered_event.eq(Some(event.to_owned())),
            audit_questions::answer_sealed.eq(Some(sealed)),
        ))
        .execute(conn)?;
    Ok(n == 1)
}
