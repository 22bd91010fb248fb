//! Files: what a broadcast carried, screenshots of it, and captures of a guided recall. The bytes are sealed.

use diesel::prelude::*;

use super::{Conn, StoreError, schema::attachments};

/// A row of `attachments`, in the order of its columns.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = attachments, treat_none_as_default_value = false)]
pub struct AttachmentRow {
    pub id: String,
    pub broadcast_id: Option<String>,
    pub recall_id: Option<String>,
    /// `original`, `screenshot` or `capture`.
    pub kind: String,
    pub name: String,
    pub media_type: String,
    /// Bytes.
    pub size: i64,
    pub sha256: Vec<u8>,
    /// Sealed as `attachments/<id>/sealed`: with the broadcast's key if it belongs to one, else with the installation's.
    pub sealed: Vec<u8>,
    pub uploaded_by: String,
    pub uploaded_at: i64,
    pub confirmed_by: Option<String>,
    pub confirmed_at: Option<i64>,
}

/// A file without its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct AttachmentHead {
    pub id: String,
    pub kind: String,
    pub name: String,
    pub media_type: String,
    pub size: i64,
    pub sha256: Vec<u8>,
    pub uploaded_by: String,
    pub uploaded_at: i64,
    pub confirmed_by: Option<String>,
    pub confirmed_at: Option<i64>,
}

pub fn insert(conn: &mut Conn, row: AttachmentRow) -> Result<(), StoreError> {
    diesel::insert_into(attachments::table).values(row).execute(conn)?;
    Ok(())
}

pub fn find(conn: &mut Conn, id: &str) -> Result<Option<AttachmentRow>, StoreError> {
    Ok(attachments::table.find(id).first(conn).optional()?)
}

type HeadColumns = (
    attachments::id,
    attachments::kind,
    attachments::name,
    attachments::media_type,
    attachments::size,
    attachments::sha256,
    attachments::uploaded_by,
    attachments::uploaded_at,
    attachments::confirmed_by,
    attachments::confirmed_at,
);

const HEAD: HeadColumns = (
    attachments::id,
    attachments::kind,
    attachments::name,
    attachments::media_type,
    attachments::size,
    attachments::sha256,
    attachments::uploaded_by,
    attachments::uploaded_at,
    attachments::confirmed_by,
    attachments::confirmed_at,
);

/// The files of a broadcast, in order of upload.
pub fn of_broadcast(conn: &mut Conn, broadcast: &str) -> Result<Vec<AttachmentHead>, StoreError> {
    Ok(attachments::table.filter(attachments::broadcast_id.eq(broadcast)).order(attachments::id).select(HEAD).load(conn)?)
}

/// The files of a case, in order of upload.
pub fn of_recall(conn: &mut Conn, recall: &str) -> Result<Vec<AttachmentHead>, StoreError> {
    Ok(attachments::table.filter(attachments::recall_id.eq(recall)).order(attachments::id).select(HEAD).load(conn)?)
}

/// Who uploaded captures of these cases: case and account.
pub fn capturers(conn: &mut Conn, recalls: &[&str]) -> Result<Vec<(String, String)>, StoreError> {
    let mut found = Vec::new();
    for ids in recalls.chunks(500) {
        let of = attachments::table.filter(attachments::recall_id.eq_any(ids.to_vec())).filter(attachments::kind.eq("capture"));
        let rows: Vec<(Option<String>, String)> = of.select((attachments::recall_id, attachments::uploaded_by)).load(conn)?;
        found.extend(rows.into_iter().filter_map(|(recall, by)| Some((recall?, by))));
    }
    Ok(found)
}
