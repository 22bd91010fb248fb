//! Sealed files whose time is over: evidence bundles and audit packs. Not here: their rows while they live (`bundles`, `audits`), the files
//! themselves (`app::retention`).

use diesel::prelude::*;

use super::{
    Conn, StoreError,
    holds::Keeping,
    reader,
    schema::{audit_packs, bundles, log_search},
};
use crate::{
    clock::Instant,
    domain::event::{Action, Outcome},
};

/// A file with what an event says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// `bundle` or `audit_pack`.
    pub kind: &'static str,
    pub id: String,
    pub number: String,
    /// Id of the case; a pack is about many.
    pub case: Option<String>,
    /// Below the data folder.
    pub path: String,
    pub sha256: Vec<u8>,
    /// Bytes.
    pub size: i64,
    pub sealed_at: Instant,
}

/// Kind of the subject of a bundle's events.
const BUNDLE: &str = "bundle";
/// Kind of the subject of a pack's events.
pub const PACK: &str = "audit_pack";

/// What was sealed before `before` and is still there, the oldest first of each kind.
pub fn due(conn: &mut Conn, before: Instant) -> Result<Vec<File>, StoreError> {
    let old = bundles::table.filter(bundles::sealed_at.lt(before.0)).filter(bundles::erased_at.is_null()).order(bundles::id);
    let rows: Vec<super::bundles::BundleRow> = old.load(conn)?;
    let bundle = |row: super::bundles::BundleRow| File {
        kind: BUNDLE,
        id: row.id,
        number: row.number,
        case: Some(row.recall_id),
        path: row.path,
        sha256: row.sha256,
        size: row.size,
        sealed_at: Instant(row.sealed_at),
    };
    let old = audit_packs::table.filter(audit_packs::sealed_at.lt(before.0)).filter(audit_packs::erased_at.is_null()).order(audit_packs::id);
    let packs: Vec<super::audits::PackRow> = old.load(conn)?;
    let pack = |row: super::audits::PackRow| {
        Some(File {
            kind: PACK,
            number: row.number?,
            case: None,
            path: row.path?,
            sha256: row.sha256?,
            size: row.size?,
            sealed_at: Instant(row.sealed_at?),
            id: row.id,
        })
    };
    Ok(rows.into_iter().map(bundle).chain(packs.into_iter().filter_map(pack)).collect())
}

/// Whether a hold keeps it: one that covers any event of its case; any at all for a pack.
pub fn is_held(conn: &mut Conn, holds: &Keeping, file: &File) -> Result<bool, StoreError> {
    match &file.case {
        Some(case) => holds.covers_case(conn, case),
        None => Ok(!holds.is_empty()),
    }
}

/// Marks its row; `false` if it was marked already.
pub fn erase(conn: &mut Conn, file: &File, at: Instant) -> Result<bool, StoreError> {
    let done = match file.kind {
        BUNDLE => {
            let row = bundles::table.find(&file.id).filter(bundles::erased_at.is_null());
            diesel::update(row).set(bundles::erased_at.eq(Some(at.0))).execute(conn)?
        }
        _ => {
            let row = audit_packs::table.find(&file.id).filter(audit_packs::erased_at.is_null());
            diesel::update(row).set(audit_packs::erased_at.eq(Some(at.0))).execute(conn)?
        }
    };
    Ok(done == 1)
}

/// What the log says was erased, as far as the row says so too: kind and number with the path below the data folder. `there` tells whether a
/// path is worth asking the log about. A row that somebody marked past the product has no event, and its file stays.
pub fn erased(conn: &mut Conn, there: impl Fn(&str) -> bool) -> Result<Vec<(&'static str, String, String)>, StoreError> {
    let marked = bundles::table.filter(bundles::erased_at.is_not_null());
    let rows: Vec<(String, String, String)> = marked.select((bundles::id, bundles::number, bundles::path)).load(conn)?;
    let mut found: Vec<_> = rows.into_iter().map(|(id, number, path)| (BUNDLE, id, number, path)).collect();
    let marked = audit_packs::table.filter(audit_packs::erased_at.is_not_null());
    let rows: Vec<(String, Option<String>, Option<String>)> = marked.select((audit_packs::id, audit_packs::number, audit_packs::path)).load(conn)?;
    found.extend(rows.into_iter().filter_map(|(id, number, path)| Some((PACK, id, number?, path?))));
    let mut erased = Vec::new();
    for (kind, id, number, path) in found {
        if there(&path) && is_told(conn, kind, &id)? {
            erased.push((kind, number, path));
        }
    }
    Ok(erased)
}

/// Whether the log says that this file was erased: by the leaf, not by what the search says of it.
fn is_told(conn: &mut Conn, kind: &str, id: &str) -> Result<bool, StoreError> {
    let of = log_search::table.filter(log_search::action.eq(Action::EvidenceErased.as_str())).filter(log_search::subject_id.eq(id));
    for index in of.select(log_search::idx).load::<i64>(conn)? {
        let leaf = reader::event(conn, u64::try_from(index).unwrap_or(u64::MAX))?.leaf;
        let about = leaf.subject.kind == kind && leaf.subject.id == id;
        if leaf.action == Action::EvidenceErased.as_str() && leaf.outcome == Outcome::Success.as_str() && about {
            return Ok(true);
        }
    }
    Ok(false)
}
